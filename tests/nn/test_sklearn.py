"""The estimators of `nn.sklearn`, held to scikit-learn's own checks, and tried in what they are for."""

from __future__ import annotations

import os
import pickle
import runpy
import sys
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.6")

import joblib
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as ClassifierOfSklearn
from sklearn.neural_network import MLPRegressor as RegressorOfSklearn
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import nn
from autograd import data
from nn.sklearn import MLPClassifier, MLPRegressor, estimator, networks

IRIS = load_iris(return_X_y=True)
X, Y = StandardScaler().fit_transform(IRIS[0]), IRIS[1]
NOT_CONVERGED = "ignore::sklearn.exceptions.ConvergenceWarning"
pytestmark = pytest.mark.filterwarnings(NOT_CONVERGED)


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([MLPClassifier(), MLPRegressor()])  # type: ignore[untyped-decorator]
def test_the_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    """Each check that scikit-learn has for its estimators passes."""
    check(estimator)


def small(**settings: Any) -> MLPClassifier:
    """Return a classifier that is trained fast."""
    chosen: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0}
    return MLPClassifier(**chosen | settings)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu", "gelu"])
@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_it_is_a_network_of_nn(estimator: Any, activation: str) -> None:
    """`model_`, `coefs_` and `intercepts_` are one network, and say what is predicted."""
    found = estimator((5, 4), activation, max_iter=3, random_state=0).fit(X, Y)
    assert isinstance(found.model_, nn.MLP)
    assert [w.shape for w in found.coefs_] == [(4, 5), (5, 4), (4, found.n_outputs_)]
    outputs = data(found.model_(X))
    if isinstance(found, MLPRegressor):
        np.testing.assert_allclose(outputs[:, 0], found.predict(X), rtol=1e-12)
        return
    np.testing.assert_array_equal(outputs.argmax(axis=1), found.predict(X))
    odds = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(odds, found.predict_proba(X), rtol=1e-12)
    np.testing.assert_allclose(np.log(odds), found.predict_log_proba(X), rtol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "adamw", "rmsprop", "adagrad"])
def test_solvers(solver: str) -> None:
    """Each optimizer of `nn` lowers the loss, of which there is a number for each epoch."""
    found = small(solver=solver).fit(X, Y)
    assert len(found.loss_curve_) == found.n_iter_ <= 30
    assert found.loss_ == found.loss_curve_[-1] < found.loss_curve_[0]
    assert found.best_loss_ == min(found.loss_curve_)
    assert found.t_ == found.n_iter_ * len(X)


@pytest.mark.parametrize(
    ("ours", "theirs", "y"),
    [
        (MLPClassifier, ClassifierOfSklearn, Y),
        (MLPClassifier, ClassifierOfSklearn, (Y == 1).astype(int)),
        (MLPRegressor, RegressorOfSklearn, X[:, 0] * X[:, 1]),
    ],
)
def test_the_loss_is_that_of_scikit_learn(ours: Any, theirs: Any, y: Any) -> None:
    """L-BFGS on a network of one layer, whose loss is convex, ends where scikit-learn's does."""
    settings = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0.5, "tol": 1e-9, "max_iter": 1000}
    found, twin = ours(**settings, random_state=0).fit(X, y), theirs(**settings, random_state=1).fit(X, y)
    np.testing.assert_allclose(found.loss_, twin.loss_, rtol=1e-6)
    # With several classes, biases that differ by the same number are one minimum.
    np.testing.assert_allclose(found.coefs_[0], twin.coefs_[0], atol=1e-3)


def test_batches_and_the_order() -> None:
    """Batches are drawn anew each epoch, by the source of randomness; one epoch sees each sample once."""
    first, same, other = (small(batch_size=16, random_state=s).fit(X, Y) for s in (0, 0, 1))
    assert first.loss_curve_ == same.loss_curve_ != other.loss_curve_
    assert small(batch_size=16, shuffle=False).fit(X, Y).loss_curve_ != first.loss_curve_
    assert first.t_ == 150 * first.n_iter_


def test_epochs_one_by_one() -> None:
    """`partial_fit` on all samples does the epochs of `fit`, to the last bit; what is pickled goes on."""
    whole = small(max_iter=6, shuffle=False, batch_size=40).fit(X, Y)
    parts = small(shuffle=False, batch_size=40)
    for epoch in range(6):
        parts.partial_fit(X, Y, classes=[0, 1, 2] if epoch == 0 else None)
        if epoch == 3:
            parts = pickle.loads(pickle.dumps(parts))
    assert parts.loss_curve_ == whole.loss_curve_
    for one, other in zip(parts.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_of_partial_fit() -> None:
    """A call of `partial_fit` is an epoch of batches, in the order of the seed."""
    options: dict[str, Any] = {"batch_size": 40, "max_iter": 1}
    parts, once = small(**options).partial_fit(X, Y, [0, 1, 2]), small(**options).fit(X, Y)
    assert parts.t_ == once.t_ == 150
    np.testing.assert_array_equal(parts.coefs_[0], once.coefs_[0])


def test_partial_fit_of_regressions() -> None:
    """A regression is trained on parts as well."""
    found = MLPRegressor((8,), random_state=0)
    for _ in range(3):
        found.partial_fit(X, X[:, :2])
    assert found.predict(X).shape == (150, 2)
    with pytest.raises(ValueError, match="expected targets of 2 columns, as before, got 1"):
        found.partial_fit(X, X[:, 0])


def test_a_warm_start() -> None:
    """With `warm_start`, `fit` goes on with the weights and the optimizer; without, it begins anew."""
    once = small(max_iter=12).fit(X, Y)
    twice = small(max_iter=6, warm_start=True).fit(X, Y)
    curve = list(twice.loss_curve_)
    curve += twice.fit(X, Y).loss_curve_
    assert curve == once.loss_curve_
    cold = small(max_iter=6).fit(X, Y)
    assert cold.fit(X, Y).loss_curve_ == curve[:6]
    weights = twice.coefs_[0]
    twice.set_params(solver="lbfgs", max_iter=1).fit(X, Y)
    assert twice.loss_ < curve[-1]
    assert 0.0 < np.abs(twice.coefs_[0] - weights).max() < 1.0
    with pytest.raises(ValueError, match="warm_start goes on with a network of"):
        twice.set_params(hidden_layer_sizes=(9,)).fit(X, Y)


def test_the_end_of_a_training() -> None:
    """It ends when the loss no longer falls, else it warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = small(max_iter=1000, tol=1e-2, n_iter_no_change=3).fit(X, Y)
    curve = found.loss_curve_
    assert found.n_iter_ < 1000
    falls = [min(curve[:epoch]) - curve[epoch] for epoch in range(1, len(curve))]
    assert max(falls[-4:]) < 1e-2 <= falls[-5]
    with pytest.warns(ConvergenceWarning, match="has not converged after max_iter=2 epochs"):
        small(max_iter=2).fit(X, Y)
    with pytest.warns(ConvergenceWarning, match="L-BFGS has not converged after max_iter=2 iterations"):
        small(max_iter=2, solver="lbfgs").fit(X, Y)


def test_arguments_of_scikit_learn() -> None:
    """What an argument is called in scikit-learn has its default there, but for the learning rate."""
    for ours, theirs in ((MLPClassifier, ClassifierOfSklearn), (MLPRegressor, RegressorOfSklearn)):
        own = ours().get_params()
        others = theirs().get_params()
        assert own.keys() - others.keys() <= {"class_weight"}
        assert {name for name in own.keys() & others.keys() if own[name] != others[name]} == {
            "learning_rate_init"
        }


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
def test_learning_rates(learning_rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The learning rate of SGD stays, falls with the samples, or where the loss no longer falls."""
    rates: list[float] = []
    epoch = MLPClassifier._epoch

    def noted(self: Any, steps: Any, *rest: Any) -> None:
        epoch(self, steps, *rest)
        rates.append(steps.optimizer.lr)

    monkeypatch.setattr(MLPClassifier, "_epoch", noted)
    found = small(solver="sgd", learning_rate=learning_rate, learning_rate_init=0.5, max_iter=400, tol=1e-3)
    found.fit(X, Y)
    if learning_rate == "adaptive":
        assert rates[-1] == pytest.approx(0.5 / 5.0**9)
        assert sorted({round(a / b) for a, b in pairwise(rates)}) == [1, 5]
    else:
        power = 0.5 if learning_rate == "invscaling" else 0.0
        np.testing.assert_allclose(rates, [0.5 / (150 * i + 1) ** power for i in range(found.n_iter_)])


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_early_stopping(estimator: Any) -> None:
    """Held-out samples say when to end, and which weights to keep."""
    found = estimator((8,), early_stopping=True, max_iter=500, random_state=0, validation_fraction=0.3).fit(
        X, Y
    )
    scores = found.validation_scores_
    assert len(scores) == found.n_iter_ < 500
    assert found.best_validation_score_ == max(scores)
    fewer = estimator((8,), early_stopping=True, max_iter=scores.index(max(scores)) + 1, random_state=0)
    fewer.set_params(validation_fraction=0.3).fit(X, Y)
    np.testing.assert_array_equal(fewer.coefs_[0], found.coefs_[0])


def test_weights_of_classes() -> None:
    """Weights of classes are those of their samples; "balanced" makes rare classes count as much."""
    weights = np.where(Y == 2, 5.0, 1.0)
    by_sample, by_class = small().fit(X, Y, weights), small(class_weight={0: 1, 1: 1, 2: 5}).fit(X, Y)
    np.testing.assert_allclose(by_sample.coefs_[0], by_class.coefs_[0], rtol=1e-9)
    few = np.r_[0:50, 50:55, 100:150]
    plain, balanced = small().fit(X[few], Y[few]), small(class_weight="balanced").fit(X[few], Y[few])
    assert np.mean(balanced.predict(X)[50:100] == 1) > np.mean(plain.predict(X)[50:100] == 1)
    parts = small(class_weight={0: 1, 1: 1, 2: 5}).partial_fit(X, Y, [0, 1, 2])
    assert parts.loss_curve_[0] == pytest.approx(by_class.loss_curve_[0], rel=1e-12)


def test_samples_that_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of weight 0 are left out; that all are is an error, which older scikit-learns leave to us."""
    weights = np.where(Y == 2, 0.0, 1.0)
    found, expected = (MLPRegressor((), max_iter=3, random_state=0) for _ in range(2))
    found.fit(X, Y, weights)
    expected.fit(X[Y < 2], Y[Y < 2])
    np.testing.assert_allclose(found.coefs_[0], expected.coefs_[0], rtol=1e-12)
    monkeypatch.setattr(estimator, "_check_sample_weight", lambda given, x, **_: given)
    with pytest.raises(ValueError, match="expected at least one sample with a positive weight, got none"):
        small().fit(X, Y, np.zeros(150))


def test_nothing_to_learn() -> None:
    """Where the first weights are best already, L-BFGS says that it did one iteration."""
    found = MLPRegressor((), solver="lbfgs", alpha=0.0).fit(np.zeros((5, 1)), np.zeros(5))
    assert (found.n_iter_, found.loss_, found.loss_curve_) == (1, 0.0, [0.0])


def test_several_labels() -> None:
    """Rows of zeros and ones are labels, each with its own probability."""
    labels = np.c_[Y == 0, Y > 0, X[:, 0] > 0].astype(int)
    found = small(max_iter=300, learning_rate_init=0.05).fit(X, labels)
    assert found.predict(X).shape == found.predict_proba(X).shape == (150, 3)
    np.testing.assert_array_equal(found.predict_proba(X) > 0.5, found.predict(X))
    assert found.score(X, labels) > 0.9


def test_names_of_classes() -> None:
    """Classes may be texts; of two of them there is one output."""
    names = np.array(["no", "yes"])[(Y == 1).astype(int)]
    found = small().fit(X, names)
    assert (found.classes_.tolist(), found.n_outputs_) == (["no", "yes"], 1)
    np.testing.assert_array_equal(found.predict(X) == "yes", found.predict_proba(X)[:, 1] > 0.5)
    with pytest.raises(ValueError, match="the first call of partial_fit needs classes"):
        small().partial_fit(X, names)
    with pytest.raises(ValueError, match=r"expected classes \['no' 'yes'\], got also \['perhaps'\]"):
        found.partial_fit(X[:2], ["no", "perhaps"])


def test_a_single_class() -> None:
    """Where there is but one class, it is certain."""
    found = small().fit(X, np.full(150, "cat"))
    assert set(found.predict(X)) == {"cat"}
    np.testing.assert_array_equal(found.predict_proba(X), np.ones((150, 1)))


@pytest.mark.parametrize("labels", [Y == 1, np.c_[Y == 0, Y == 1]], ids=["two classes", "labels"])
def test_the_score_of_what_is_held_out(labels: Any) -> None:
    """Early stopping goes by the fraction of the held-out samples all of whose labels are right."""
    found = small(early_stopping=True, max_iter=2).fit(X, labels.astype(int))
    assert found.validation_scores_ is not None
    assert len(found.validation_scores_) == 2
    outputs, wanted = found._outputs(X), labels.astype(float)
    assert found._score_of(outputs, wanted) == found.score(X, labels.astype(int))


def test_targets_in_a_column() -> None:
    """A column of targets is taken for a vector, with the warning of scikit-learn."""
    with pytest.warns(
        DataConversionWarning, match="A column-vector y was passed when a 1d array was expected"
    ):
        found = small(max_iter=2).fit(X, Y[:, None])
    np.testing.assert_array_equal(found.coefs_[0], small(max_iter=2).fit(X, Y).coefs_[0])


def test_in_pipelines_and_searches() -> None:
    """Pipelines, cross-validation and grid searches take the estimators."""
    pipe = make_pipeline(StandardScaler(), small(learning_rate_init=0.05))
    assert cross_val_score(pipe, *IRIS, cv=3).mean() > 0.9
    search = GridSearchCV(
        pipe, {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__activation": ["tanh"]}, cv=2
    )
    assert search.fit(*IRIS).best_score_ > 0.9
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict_proba(IRIS[0]), search.predict_proba(IRIS[0]))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_on_the_workers_of_joblib(backend: str) -> None:
    """Two workers give the scores of one, to the last bit, in processes and in threads."""
    pipe = make_pipeline(StandardScaler(), small(batch_size=32))
    expected = cross_val_score(pipe, *IRIS, cv=4)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        found = cross_val_score(pipe, *IRIS, cv=4)
    np.testing.assert_array_equal(found, expected)


def test_on_the_workers_of_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes of a Dask cluster give the scores of this one, to the last bit."""
    distributed = pytest.importorskip("distributed")
    root = str(Path(nn.__file__).parent.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    pipe = make_pipeline(StandardScaler(), small(batch_size=32))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(**options), joblib.parallel_config(backend="dask"):
        found = cross_val_score(pipe, *IRIS, cv=4)
    np.testing.assert_array_equal(found, cross_val_score(pipe, *IRIS, cv=4))


def test_an_interrupted_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the training with a warning; the estimator is as after its last step."""
    epochs: list[float] = []
    note = MLPClassifier._note

    def interrupted(self: Any, loss: float) -> None:
        note(self, loss)
        epochs.append(loss)
        if len(epochs) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(MLPClassifier, "_note", interrupted)
    with pytest.warns(UserWarning, match="training interrupted: the estimator is as after its last step"):
        found = small().fit(X, Y)
    monkeypatch.undo()
    assert found.n_iter_ == 5
    np.testing.assert_array_equal(found.coefs_[0], small(max_iter=5).fit(X, Y).coefs_[0])


def test_compiled_networks_are_kept_and_forgotten() -> None:
    """A second training of the same shape compiles nothing; only so many shapes are kept."""
    found = small().fit(X, Y)
    steps = found._network.steps()
    assert small(random_state=1, learning_rate_init=0.1).fit(X, Y)._network.steps() is steps
    assert steps._gradient.report().compilations == 1
    for width in range(20, 20 + networks._KEPT):
        small(hidden_layer_sizes=(width,), max_iter=1).fit(X, Y)
    assert found._network.steps() is not steps
    steps = found._network.steps()
    networks.forget()
    assert found._network.steps() is not steps


def test_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    """With `verbose` there is a line an epoch, else none."""
    small(max_iter=2).fit(X, Y)
    assert capsys.readouterr().out == ""
    small(max_iter=2, verbose=True, early_stopping=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("=")[0].split(":")[0] for line in lines] == [
        "Iteration 1, loss ", "Validation score", "Iteration 2, loss ", "Validation score"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 1e308, "solver": "lbfgs"}, "the loss is (nan|inf): scale the inputs"),
        ({"activation": "rellu"}, r"unknown activation 'rellu' \(did you mean 'relu'\?\)"),
        ({"solver": "adamm"}, r"unknown solver 'adamm' \(did you mean 'adam'\?\)"),
        ({"hidden_layer_sizes": (3, 0)}, r"expected hidden_layer_sizes to be at least 1, got \(3, 0\)"),
        ({"learning_rate": "fast"}, "learning_rate to be one of constant, invscaling, adaptive, got 'fast'"),
        ({"max_iter": 0}, "expected max_iter to be at least 1, got 0"),
        ({"alpha": -1.0}, "expected alpha to be at least 0, got -1.0"),
        ({"batch_size": 0}, 'expected batch_size to be at least 1, or "auto", got 0'),
        ({"validation_fraction": 1.0}, "expected validation_fraction to be between 0 and 1, got 1.0"),
        ({"learning_rate_init": 1e300, "solver": "sgd"}, "scale the inputs, for example by sklearn.prep"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_arguments(settings: dict[str, Any], message: str) -> None:
    """Invalid arguments raise an error that shows what was passed."""
    with pytest.raises(ValueError, match=message):
        small(**settings).fit(X, Y)


def test_what_partial_fit_cannot_do() -> None:
    """L-BFGS and balanced classes need all samples at once."""
    with pytest.raises(AttributeError, match="partial_fit is for solvers of batches, such as adam"):
        small(solver="lbfgs").partial_fit(X, Y, [0, 1, 2])
    with pytest.raises(ValueError, match="class_weight 'balanced' needs all samples"):
        small(class_weight="balanced").partial_fit(X, Y, [0, 1, 2])
    with pytest.raises(ValueError, match=r"expected the classes of the first call, \[0 1 2\], got \[0, 1\]"):
        small().partial_fit(X, Y, [0, 1, 2]).partial_fit(X, Y, [0, 1])
    with pytest.raises(ValueError, match="at least one"):
        small().fit(X, Y, np.zeros(150))
    with pytest.raises(AttributeError, match="module 'nn' has no attribute 'sklern'"):
        getattr(nn, "sklern")  # noqa: B009, as a type checker knows that it is not there


def test_it_is_loaded_when_it_is_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """`nn.sklearn` needs no import of its own; without scikit-learn the error says what to install."""
    monkeypatch.delattr(nn, "sklearn")
    assert nn.sklearn.MLPClassifier is MLPClassifier
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs scikit-learn: pip install 'chainrule\[train\]'"):
        runpy.run_path(str(nn.sklearn.__file__))
