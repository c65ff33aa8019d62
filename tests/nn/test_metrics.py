from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd import Value, as_values
from nn import losses, metrics
from nn.metrics import accuracy, confusion_matrix, f1, f1_macro, predicted_classes


@pytest.mark.parametrize(
    ("outputs", "classes"),
    [
        ([[0.1, 2.0, 1.0], [3.0, 1.0, 2.0]], [1, 0]),
        ([[1.0, 1.0], [-5.0, -5.0]], [0, 0]),
        ([[0.5], [-0.5], [0.0]], [1, 0, 0]),
        (as_values([[0.1, 2.0], [3.0, 1.0]]), [1, 0]),
        (np.empty((0, 2)), []),
    ],
    ids=["scores", "ties", "single score", "Values", "no samples"],
)
def test_predicted_classes(outputs: Any, classes: list[int]) -> None:
    """The predicted class is the first largest score or, for a single score, whether it is positive."""
    predicted = predicted_classes(outputs)
    assert predicted.dtype == np.int64
    assert predicted.tolist() == classes


@pytest.mark.parametrize(
    "outputs", [[0.1, 2.0], Value(1.0), np.zeros((2, 2, 2))], ids=["1-D", "Value", "3-D"]
)
def test_outputs_of_another_shape(outputs: Any) -> None:
    """Outputs that are not a table raise an error with their shape."""
    with pytest.raises(ValueError, match=r"outputs of shape \(samples, outputs\), got \("):
        predicted_classes(outputs)


@pytest.mark.parametrize(
    ("outputs", "labels", "expected"),
    [
        ([[0.1, 2.0], [3.0, 1.0], [0.0, 1.0], [0.0, 1.0]], [1, 1, 1, 1], 0.75),
        ([[0.5], [-0.5], [2.0]], [1, 0, 0], 2 / 3),
        ([[0.5], [-0.5], [2.0]], [1, -1, -1], 2 / 3),
        (as_values([[0.5], [-0.5]]), np.array([1, 0]), 1.0),
    ],
)
def test_accuracy(outputs: Any, labels: Any, expected: float) -> None:
    """Accuracy is the fraction of right classes; for a single score labels are 0 and 1, or -1 and 1."""
    assert accuracy(outputs, labels) == pytest.approx(expected)


@pytest.mark.parametrize("labels", [[[1], [0], [1]], [1], 1, [1, 0]], ids=str)
def test_labels_of_another_shape(labels: Any) -> None:
    """Labels are not broadcast: any shape other than (samples,) raises."""
    with pytest.raises(ValueError, match="shape"):
        accuracy([[0.5], [-0.5], [2.0]], labels)


def test_confusion_matrix() -> None:
    """Rows are true classes, columns predicted classes; absent classes have zeros."""
    counts = confusion_matrix([0, 1, 1, 0, 0], [0, 1, 0, 0, 3], classes=4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]


def test_confusion_matrix_agrees_with_accuracy() -> None:
    """The rows sum to the class counts, the diagonal to the right predictions."""
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(60, 3)), rng.integers(0, 3, 60)
    counts = confusion_matrix(predicted_classes(scores), labels, 3)
    assert counts.sum(axis=1).tolist() == np.bincount(labels).tolist()
    assert np.trace(counts) / 60 == pytest.approx(accuracy(scores, labels))


@pytest.mark.parametrize(
    ("predicted", "labels"),
    [
        ([0, 1], [-1, 1]),
        ([0, -1], [0, 1]),
        ([0, 1], [0, 2]),
        ([0, 2], [0, 1]),
        ([0, 1], [0]),
        ([0, 1], [[0], [1]]),
        ([0.3, 0.9], [0, 1]),
    ],
)
def test_confusion_matrix_of_wrong_labels(predicted: Any, labels: Any) -> None:
    """Nonexistent classes and differing numbers of samples raise."""
    with pytest.raises(ValueError, match=r"class|shape"):
        confusion_matrix(predicted, labels, classes=2)


# ----------------------------------------------------------------------------------- against scikit-learn


@pytest.fixture(scope="module")
def sklearn() -> Any:
    """Return the metrics of scikit-learn, or skip the test."""
    return pytest.importorskip("sklearn.metrics")


REGRESSION = {
    "r2": "r2_score",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
}


@pytest.mark.parametrize("name", REGRESSION)
@pytest.mark.parametrize("columns", [None, 1, 3])
def test_metrics_of_regressions_are_those_of_scikit_learn(sklearn: Any, name: str, columns: Any) -> None:
    """Metrics of numbers agree with scikit-learn, for one column and for several."""
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(20, columns or 1))
    targets = outputs + 0.5 * rng.normal(size=outputs.shape)
    targets = targets[:, 0] if columns is None else targets
    expected = getattr(sklearn, REGRESSION[name])(targets, outputs)
    measure = metrics.metric(name)
    for found in (measure(outputs, targets), measure(as_values(outputs), targets.tolist())):
        assert type(found) is float
        assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("guess", [2.0, 3.0])
def test_r2_of_targets_that_are_all_alike(sklearn: Any, guess: float) -> None:
    """Nothing is to be explained: 1 for exact predictions, otherwise 0, as in scikit-learn."""
    targets, outputs = np.full((4, 2), 2.0), np.full((4, 2), guess)
    targets[:, 1] = outputs[:, 1] = [1.0, 2.0, 3.0, 4.0]
    assert metrics.r2(outputs, targets) == sklearn.r2_score(targets, outputs)


def test_r2_of_one_sample() -> None:
    """One sample has no variance to explain."""
    assert np.isnan(metrics.r2([[1.0]], [2.0]))


@pytest.mark.parametrize("classes", [1, 2, 3, 5])
@pytest.mark.parametrize("average", [None, "macro"])
def test_metrics_of_classifiers_are_those_of_scikit_learn(sklearn: Any, classes: int, average: Any) -> None:
    """Accuracy and F-score agree with scikit-learn; a class that nobody has or predicts counts in neither."""
    rng = np.random.default_rng(classes)
    for samples in (1, 4, 30):
        outputs = rng.normal(size=(samples, classes))
        labels = rng.integers(0, max(classes, 2), size=samples)
        predicted = predicted_classes(outputs)
        kind = average or ("binary" if classes <= 2 else "macro")
        expected = sklearn.f1_score(labels, predicted, average=kind, zero_division=0.0)
        assert f1(outputs, labels, average=average) == pytest.approx(expected, rel=1e-12)
        assert accuracy(outputs, labels) == pytest.approx(sklearn.accuracy_score(labels, predicted))
        if average == "macro":
            assert f1_macro(outputs, labels) == f1(outputs, labels, average=average)
        if classes > 1:
            rows = 0.9 * np.eye(classes)[labels] + 0.1 / classes
            assert accuracy(outputs, rows) == accuracy(outputs, labels)


def test_signs_are_labels_of_a_single_score() -> None:
    """Labels of -1 and 1 are those of 0 and 1."""
    outputs = [[0.5], [-0.5], [2.0], [1.0]]
    assert f1(outputs, [1, -1, -1, 1]) == f1(outputs, [1, 0, 0, 1]) == 0.8


def test_probabilities_have_a_threshold() -> None:
    """A probability of a half tells the classes apart, where a logit is compared with 0."""
    outputs = [[0.25], [0.75]]
    assert (accuracy(outputs, [0, 1]), accuracy(outputs, [0, 1], threshold=0.5)) == (0.5, 1.0)
    assert f1_macro(outputs, [0, 1], threshold=0.5) == 1.0


# ----------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("measure", [accuracy, f1])
@pytest.mark.parametrize(
    ("outputs", "labels", "message"),
    [
        (np.ones((3, 2)), [0, 1, 2], "whole numbers from 0 to 1, got 2 of sample 2"),
        (np.ones((3, 2)), [0, -1, 1], "whole numbers from 0 to 1, got -1 of sample 1"),
        (np.ones((3, 1)), [0, 1, 2], "from 0 to 1, or -1 and 1, got 2 of sample 2"),
        (np.ones((3, 1)), [0.0, 0.5, 1.0], "got 0.5 of sample 1"),
        (np.ones((0, 1)), [], "no samples"),
        (np.ones((3, 2)), np.ones((3, 3)), r"labels of shape \(3,\), one for each row, got \(3, 3\)"),
    ],
)
def test_labels_that_are_no_classes(measure: Any, outputs: Any, labels: Any, message: str) -> None:
    """Labels that no output stands for raise, rather than count as wrong."""
    with pytest.raises(ValueError, match=message):
        measure(outputs, labels)


def test_averages_of_f1() -> None:
    """The binary score is one of two classes, and other averages are not known."""
    with pytest.raises(ValueError, match=r"two classes for average=.binary., got 3: pass average=.macro."):
        f1(np.ones((2, 3)), [0, 1], average="binary")
    other: Any = "weighted"
    with pytest.raises(ValueError, match="got 'weighted'"):
        f1(np.ones((2, 3)), [0, 1], average=other)


@pytest.mark.parametrize("name", REGRESSION)
@pytest.mark.parametrize(
    ("outputs", "targets", "message"),
    [
        (np.ones((3, 1)), np.ones(2), r"got shapes \(3, 1\) and \(2,\)"),
        (np.ones((3, 2)), np.ones(3), r"got shapes \(3, 2\) and \(3,\)"),
        (1.0, 1.0, r"got shapes \(\) and \(\)"),
        (np.ones((0, 1)), np.ones(0), "no samples"),
    ],
)
def test_targets_that_do_not_fit(name: str, outputs: Any, targets: Any, message: str) -> None:
    """Shapes are not broadcast."""
    with pytest.raises(ValueError, match=message):
        metrics.metric(name)(outputs, targets)


def test_metrics_by_name() -> None:
    """Metrics are found by their names, in letters of any case; functions are taken as they are."""
    assert {name: metrics.metric(name) for name in metrics.METRICS} == metrics.METRICS
    assert metrics.metric("R2") is metrics.r2
    assert metrics.metric("mean_absolute_error") is metrics.mae
    assert metrics.metric("acc") is accuracy
    own: Any = losses.mse
    assert metrics.metric(own) is own
    assert set(metrics.METRICS) >= metrics.INCREASING
    with pytest.raises(ValueError, match=r"unknown metric 'acuracy' .did you mean 'accuracy'"):
        metrics.metric("acuracy")
