from __future__ import annotations

import copy
import itertools
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupts import interrupted_at

from autograd import Value, anomaly, data, grads
from autograd.compiler import jitted
from autograd.compiler.runtime.program import Program
from autograd.engine.errors import TracedValueError
from autograd.engine.gradients import has_gradient
from nn import (
    MLP,
    Callback,
    EarlyStopping,
    History,
    Module,
    Neuron,
    Training,
    assignment,
    fit,
    schedules,
)
from nn.losses import (
    BCELoss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    l2_penalty,
    mse,
)
from nn.metrics import accuracy, predicted_classes
from nn.optimizers import SGD, Adam
from nn.optimizers import base as base_of_optimizers
from nn.saving import read_archive, write_archive
from nn.training import compiled_steps, eager_steps, loop
from nn.training.checkpoint_checks import DamagedCheckpointError, check_like
from nn.training.samples import samples_of

X = np.arange(7.0)[:, None] / 7
Y = 3.0 * X[:, 0] + 1.0


class Recorder(Module):
    """A straight line that records its inputs; `loss` records its targets and losses."""

    def __init__(self) -> None:
        self.slope, self.offset = Value(0.0), Value(0.0)
        self.inputs: list[float] = []
        self.targets: list[list[float]] = []
        self.losses: list[float] = []

    def forward(self, x: Any) -> Any:
        """Return the point on the line."""
        self.inputs.append(float(x[0]))
        return self.slope * x[0] + self.offset

    def loss(self, outputs: Any, targets: Any) -> Value:
        """Return the mean squared error."""
        self.targets.append(targets.tolist())
        value = mse(outputs, targets)
        self.losses.append(value.data)
        return value


@pytest.fixture
def line() -> Recorder:
    """Return a line to train."""
    return Recorder()


# ------------------------------------------------------------------------------------------- learning


def test_linear_regression() -> None:
    """A linear neuron learns the least-squares solution."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2))
    y = x @ [2.0, -1.0] + 0.5 + rng.normal(size=30)
    neuron = Neuron(2, "linear", rng=0)
    fit(neuron, x, y, loss=mse, epochs=500, verbose=0)
    solution = np.linalg.lstsq(np.column_stack([x, np.ones(30)]), y)[0]
    np.testing.assert_allclose([p.data for p in neuron.parameters()], solution, rtol=1e-9)


def test_xor() -> None:
    """An MLP learns XOR, which is not linearly separable."""
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0]
    model = MLP(2, [8, 1], "tanh", rng=0)
    history = fit(
        model,
        x,
        y,
        loss=binary_cross_entropy_with_logits,
        optimizer=SGD(model.parameters(), lr=0.5, momentum=0.9),
        epochs=100,
        metrics="accuracy",
        verbose=0,
    )
    assert predicted_classes(model(x)).tolist() == y
    assert history.loss[-1] < 0.01 < 0.5 < history.loss[0]
    assert history.metrics["accuracy"][-1] == 1.0


def test_a_module_of_the_user() -> None:
    """Any module can be trained, here a parabola."""

    class Parabola(Module):
        def __init__(self) -> None:
            self.scale, self.shift = Value(1.0), Value(0.0)

        def forward(self, x: Any) -> Any:
            return self.scale * x[0] ** 2 + self.shift

    x = np.linspace(-1.0, 1.0, 9)
    parabola = Parabola()
    fit(parabola, x[:, None], 2.0 * x**2 - 3.0, loss=mse, epochs=1000, verbose=0)
    assert (parabola.scale.data, parabola.shift.data) == pytest.approx((2.0, -3.0), abs=1e-6)


def test_it_is_the_loop_one_would_write(line: Recorder) -> None:
    """By default each epoch is one full-batch gradient descent step with learning rate 0.1."""
    by_hand = Recorder()
    for _ in range(5):
        by_hand.zero_grad()
        by_hand.loss(by_hand(X), Y).backward()
        for p in by_hand.parameters():
            p.data -= 0.1 * p.grad
    line.slope.grad = 100.0
    history = fit(line, X, Y, loss=line.loss, epochs=5, verbose=0)
    assert line.state_dict() == by_hand.state_dict()
    assert history.loss == by_hand.losses
    assert line.inputs == by_hand.inputs


# ----------------------------------------------------------------------------------------- batches, history


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_cover_each_sample_once_an_epoch(line: Recorder, batch_size: int) -> None:
    """Each epoch visits all samples once, with their targets, in a new order."""
    fit(line, X, Y, loss=line.loss, epochs=4, batch_size=batch_size, rng=0, verbose=0, jit=False)
    epochs = np.reshape(line.inputs, (4, 7))
    np.testing.assert_array_equal(np.sort(epochs), np.tile(X[:, 0], (4, 1)))
    assert len({tuple(order) for order in epochs}) == 4
    sizes = [min(batch_size, 7 - start) for start in range(0, 7, batch_size)]
    assert [len(batch) for batch in line.targets] == 4 * sizes
    np.testing.assert_array_equal(np.concatenate(line.targets), 3.0 * epochs.ravel() + 1.0)


def test_history_is_the_mean_over_the_samples(line: Recorder) -> None:
    """Loss and metric of an epoch are means over its samples, also if the last batch is smaller."""
    history = fit(
        line,
        X,
        Y,
        loss=line.loss,
        epochs=2,
        batch_size=3,
        metrics=lambda outputs, targets: float(np.mean(targets)),
        rng=0,
        verbose=0,
    )
    np.testing.assert_allclose(history.loss, np.reshape(line.losses, (2, 3)) @ [3 / 7, 3 / 7, 1 / 7])
    np.testing.assert_allclose(history.metrics["metric"], [Y.mean(), Y.mean()])


@pytest.mark.parametrize("metrics", [[], ["accuracy"], [lambda outputs, targets: 0.5, "accuracy"]])
def test_history_has_a_number_for_each_epoch(metrics: list[Any]) -> None:
    """The history has a loss and a learning rate an epoch, and each metric that is given."""
    history = fit(Neuron(1, rng=0), X, np.ones(7), loss=mse, epochs=6, metrics=metrics, verbose=0)
    columns = history.columns()
    assert len(columns) == 2 + len(metrics)
    assert {len(numbers) for numbers in columns.values()} == {6}


@pytest.mark.parametrize(
    ("history", "text"),
    [
        (History(), "no epoch yet"),
        (History(loss=[2.0, 1.0]), "loss 1.0000"),
        (History(loss=[2.0, 1.0], metrics={"accuracy": [0.5, 0.75]}), "loss 1.0000, accuracy 75.0%"),
        (History(loss=[1.25e270], val_loss=[0.5]), "loss 1.25e+270, val_loss 0.5000"),
    ],
)
def test_history_as_text(history: History, text: str) -> None:
    """A history prints its latest numbers."""
    assert str(history) == text


def test_the_same_seed_gives_the_same_run() -> None:
    """The order of the samples depends only on `rng`: a seed, or the generator of that seed."""

    def order(rng: Any) -> list[float]:
        line = Recorder()
        fit(line, X, Y, loss=mse, epochs=3, batch_size=2, rng=rng, verbose=0)
        return [*line.inputs, line.slope.data, line.offset.data]

    assert order(0) == order(0) == order(np.random.default_rng(0))
    assert order(0) != order(1)


# --------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.ones(3), np.ones(3)),
        (np.ones((3, 1)), np.ones(2)),
        (np.ones((3, 1)), np.ones(())),
        (np.ones((3, 1, 1)), np.ones(3)),
        (np.ones((0, 1)), np.ones(0)),
    ],
)
def test_bad_shapes(line: Recorder, inputs: Any, targets: Any) -> None:
    """Inputs that are not a table, and differing or zero numbers of samples, raise with both shapes."""
    with pytest.raises(ValueError, match=r"got inputs of shape .* and targets of shape") as raised:
        fit(line, inputs, targets, loss=mse, verbose=0)
    assert str(inputs.shape) in str(raised.value)
    assert str(targets.shape) in str(raised.value)


@pytest.mark.parametrize("arguments", [{"epochs": 0}, {"epochs": -1}, {"batch_size": 0}, {"batch_size": -3}])
def test_bad_numbers(line: Recorder, arguments: dict[str, Any]) -> None:
    """Numbers of epochs or samples below 1 raise before anything is trained."""
    with pytest.raises(ValueError, match="at least 1, got .*" + str(*arguments.values())):
        fit(line, X, Y, loss=mse, verbose=0, **arguments)
    assert line.inputs == []


@pytest.mark.parametrize("factor", [inf, nan])
def test_a_loss_that_is_not_finite(line: Recorder, factor: float) -> None:
    """A nan or infinite loss stops the training before the step, and the error names the epoch."""
    factors = [1.0, 1.0, factor]
    states = []

    def loss(outputs: Any, targets: Any) -> Value:
        states.append(line.state_dict())
        return mse(outputs, targets) * factors.pop(0)

    with pytest.raises(FloatingPointError, match=f"the loss is {factor} in epoch 3: lower the learning rate"):
        fit(line, X, Y, loss=loss, verbose=0, jit=False)
    assert line.state_dict() == states[2]


@pytest.mark.parametrize("jit", [True, False])
def test_a_learning_rate_that_is_too_high(jit: bool) -> None:
    """A diverging training stops before any parameter becomes non-finite."""
    neuron = Neuron(1, "linear", rng=0)
    optimizer = SGD(neuron.parameters(), lr=10.0)
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(FloatingPointError, match=r"in epoch \d+: lower the learning rate"),
    ):
        fit(neuron, X, Y, loss=mse, optimizer=optimizer, epochs=1000, verbose=0, jit=jit)
    assert all(np.isfinite(p.data) for p in neuron.parameters())


def unfit_for(targets: Any) -> dict[str, Any]:
    """Return losses that do not depend on the outputs, by name, each with its targets."""
    column = np.reshape(targets, (-1, 1))
    return {
        "one output": (cross_entropy, column),
        "one output of class 0": (cross_entropy, np.zeros(len(column), dtype=int)),
        "with a penalty": (lambda o, t: cross_entropy(o, t) + 1.0, column),
        "numbers alone": (lambda o, t: Value(float(np.mean(data(o)))), column),
    }


@pytest.mark.filterwarnings("ignore:the training is not compiled:UserWarning")
@pytest.mark.parametrize("epochs", [1, 100], ids=["eager", "compiled"])
@pytest.mark.parametrize("jit", ["auto", True, False])
@pytest.mark.parametrize("name", unfit_for([0.0]))
def test_a_loss_that_does_not_depend_on_the_outputs(name: str, jit: Any, epochs: int) -> None:
    """A loss that does not depend on the outputs raises before training, and the error suggests a loss."""
    loss, targets = unfit_for(np.arange(7) % 2)[name]
    model = Neuron(1, rng=0)
    optimizer = Adam(model.parameters(), weight_decay=0.1)
    before = model.state_dict()
    with pytest.raises((ValueError, TracedValueError)) as raised:
        fit(model, X, targets, loss=loss, optimizer=optimizer, epochs=epochs, jit=jit, verbose=0)
    assert "binary_cross_entropy_with_logits" in str(raised.value) or name == "numbers alone"
    assert (model.state_dict(), optimizer.steps) == (before, 0)


def test_a_compiled_loss_that_does_not_depend_on_the_outputs() -> None:
    """One that can be compiled raises as well, without a warning that it cannot."""
    model = Neuron(1, rng=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match="the loss is the same whatever the model's outputs are"):
        fit(model, X, Y, loss=lambda o, t: (0.0 * o).sum(), epochs=100, verbose=0)
    assert model.state_dict() == before


@pytest.mark.parametrize("epochs", [1, 100], ids=["eager", "compiled"])
def test_labels_of_two_classes_for_one_output(epochs: int) -> None:
    """Class labels for a single output raise an error that suggests a loss, not one about compiling."""
    with pytest.raises(ValueError, match=r"two logits .*binary_cross_entropy_with_logits"):
        fit(Neuron(1, rng=0), X, np.arange(7) % 2, loss=cross_entropy, epochs=epochs, verbose=0)


@pytest.mark.parametrize("loss", [mse, hinge, binary_cross_entropy_with_logits])
def test_losses_that_are_learnt_already(loss: Any) -> None:
    """A loss with gradient 0 is no error if it depends on the outputs."""
    model = Neuron(1, "linear", rng=0)
    model.load_state_dict({"w[0]": 0.0, "b": 2000.0})
    history = fit(model, X, np.ones(7) * (2000.0 if loss is mse else 1.0), loss=loss, epochs=2, verbose=0)
    assert history.loss == [0.0, 0.0]


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda outputs, targets: 1.0, "expected the loss to be one Value, got 1.0"),
        (lambda outputs, targets: outputs, "expected the loss to be one Value, got array"),
    ],
)
@pytest.mark.parametrize("epochs", [1, 100], ids=["eager", "compiled"])
def test_what_is_no_loss(loss: Any, message: str, epochs: int) -> None:
    """A loss that returns no Value raises a TypeError, not one about compiling."""
    with pytest.raises(TypeError, match=message):
        fit(Neuron(1, rng=0), X, Y, loss=loss, epochs=epochs, verbose=0)


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize(("name", "place"), [("inputs", (4, 1)), ("targets", (5,))])
@pytest.mark.parametrize("number", [nan, inf])
def test_data_that_are_not_finite(
    number: float, name: str, place: tuple[int, ...], jit: bool, batch_size: int | None
) -> None:
    """Non-finite data raise an error with row and column, not one about the learning rate."""
    arrays = {"inputs": np.ones((7, 2)), "targets": np.ones(7)}
    arrays[name][place] = number
    row = "(row 4, column 1)" if name == "inputs" else "(row 5)"
    where = re.escape(f"{name}[{', '.join(map(str, place))}] {row} is {number}: leave out")
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=where):
        fit(Neuron(2, rng=0), *arrays.values(), loss=mse, batch_size=batch_size, jit=jit, verbose=0)


def test_a_parameter_that_is_not_finite() -> None:
    """A model with non-finite parameters before training raises an error that says so."""
    model = Neuron(1, rng=0)
    model.b.data = nan
    with pytest.raises(FloatingPointError, match="the parameter b was nan before the first step"):
        fit(model, X, Y, loss=mse, verbose=0)


@pytest.mark.parametrize("jit", [True, False])
def test_a_loss_that_is_not_finite_for_finite_data(jit: bool) -> None:
    """Where neither the data nor a parameter is the cause, the message says what else it can be."""
    with (
        np.errstate(all="ignore"),
        pytest.raises(
            FloatingPointError, match="it is the model, the loss or the scale of the data: train in"
        ),
    ):
        fit(Neuron(1, "linear", rng=0), X, 1e200 * Y, loss=mse, verbose=0, jit=jit)


# ------------------------------------------------------------------------------------------------- compiled


def penalised(model: Module) -> Callable[[Any, Any], Value]:
    """Return a loss that captures the model's parameters."""
    return lambda outputs, targets: mse(outputs, targets) + l2_penalty(model, 0.1)


KEPT: list[Value] = []


def penalised_by_a_global(model: Module) -> Callable[[Any, Any], Value]:
    """Return a loss that reads the parameters from a global list."""
    if model is not None:
        KEPT[:] = model.parameters()
    return _with_kept


def _with_kept(outputs: Any, targets: Any) -> Value:
    return mse(outputs, targets) + 0.1 * sum(w * w for w in KEPT)


TRAININGS: dict[str, dict[str, Any]] = {
    "full batch": {},
    "batches, the last one smaller": {"batch_size": 3, "rng": 0},
    "penalty": {"loss": penalised},
    "penalty by a global": {"loss": penalised_by_a_global, "batch_size": 4, "rng": 3},
    "momentum": {"optimizer": lambda p: SGD(p, lr=0.05, momentum=0.9)},
    "Adam": {"optimizer": lambda p: Adam(p, lr=0.01, weight_decay=0.01), "batch_size": 4, "rng": 1},
    "clipped by norm": {"clip_norm": 0.1},
    "weights": {"sample_weight": [1.0, 0.5, 2.0, 0.0, 1.0, 3.0, 1.0], "batch_size": 3, "rng": 1},
    "weights of classes": {
        "loss": lambda model: cross_entropy,
        "targets": np.array([0, 2, 1, 1, 0, 2, 2]),
        "class_weight": {0: 1.0, 1: 0.5, 2: 3.0},
        "sample_weight": np.arange(1.0, 8.0),
    },
    "a schedule of batches": {"schedule": "one-cycle", "batch_size": 3, "rng": 1},
    "a schedule of epochs": {
        "schedule": lambda optimizer: schedules.StepLR(optimizer, 3),
        "optimizer": lambda p: Adam(p, lr=0.05),
    },
    "a plateau": {
        "schedule": lambda o: schedules.ReduceLROnPlateau(o, patience=1),
        "validation_data": (X[:2], Y[:2] + 0.5),
    },
    "clipped": {"clip_norm": 0.5, "clip_value": 0.2, "batch_size": 3, "rng": 1},
    "some parameters fixed": {"optimizer": lambda p: SGD(p[3:], lr=0.1)},
    "classes": {"loss": lambda model: cross_entropy, "targets": np.array([0, 2, 1, 1, 0, 2, 2])},
    "probabilities": {"loss": lambda model: cross_entropy, "targets": np.tile([0.2, 0.5, 0.3], (7, 1))},
    "zeros and ones": {
        "loss": lambda model: binary_cross_entropy,
        "targets": np.array([0, 1, 1, 0, 1, 0, 0]),
        "output": "sigmoid",
    },
    "a metric": {"metrics": lambda outputs, targets: outputs.sum()},
    "held-out samples": {"validation_data": (X[:3] + 0.5, Y[:3]), "metrics": lambda o, t: o.mean()},
    "held-out classes": {
        "loss": lambda model: cross_entropy,
        "targets": np.array([0, 2, 1, 1, 0, 2, 2]),
        "validation_split": 0.4,
        "rng": 5,
    },
    "early stopping": {
        "validation_split": 0.4,
        "rng": 5,
        "early_stopping": 2,
        "optimizer": lambda p: SGD(p, 0.3),
    },
}


def left_by_training(name: str, jit: bool, **backend: Any) -> list[Any]:
    """Return the result of a training: history, parameters, gradients and optimizer states."""
    options = dict(TRAININGS[name])
    targets = options.pop("targets", Y)
    make_loss = options.pop("loss", lambda model: mse)
    make_optimizer = options.pop("optimizer", lambda parameters: SGD(parameters, lr=0.1))
    width, output = 3 if make_loss(None) is cross_entropy else 1, options.pop("output", "linear")
    model = MLP(1, [3, width], output=output, rng=0)
    optimizer = make_optimizer(model.parameters())
    loss = make_loss(model)
    options |= {"epochs": 8, "verbose": 0, "jit": jit, **backend}
    history = fit(model, X, targets, loss=loss, optimizer=optimizer, **options)
    assert history.how.startswith("compiled" if jit else "eager")
    moved = [(p.data, p.grad) for p in optimizer.parameters]
    return [history.loss, *history.metrics.values(), optimizer.steps, *moved, *optimizer.states]


@pytest.mark.parametrize("name", TRAININGS)
def test_compiled_as_eager(name: str) -> None:
    """Compiled and eager training agree in history, parameters, gradients and optimizer."""
    for compiled, eager in zip(left_by_training(name, True), left_by_training(name, False), strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["batches, the last one smaller", "penalty", "Adam", "classes"])
def test_compiled_with_numba_as_eager(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that switches to Numba after its first step agrees with an eager one."""
    pytest.importorskip("numba")
    improved: list[Program] = []

    def improve_now(program: Program, spent: object) -> None:
        improved.append(program)
        program.improve()

    monkeypatch.setattr(jitted, "improve_when_worthwhile", improve_now)
    for compiled, eager in zip(left_by_training(name, True), left_by_training(name, False), strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-9, atol=1e-12)
    assert {program.report.backend for program in improved} == {"numba"}


@pytest.mark.parametrize(
    "name", ["penalty by a global", "weights of classes", "a schedule of batches", "clipped"]
)
def test_compiled_with_jax_as_eager(name: str) -> None:
    """A training whose epochs are programs of JAX agrees with an eager one."""
    pytest.importorskip("jax")
    for compiled, eager in zip(
        left_by_training(name, True, backend="jax"), left_by_training(name, False), strict=True
    ):
        np.testing.assert_allclose(compiled, eager, rtol=1e-9, atol=1e-12)


def test_compiled_where_it_pays() -> None:
    """By default many steps are compiled and few are not; the history says which."""
    many = fit(Neuron(1, rng=0), X, Y, loss=mse, epochs=50, verbose=0)
    few = fit(Neuron(1, rng=0), X, Y, loss=mse, epochs=2, verbose=0)
    assert (many.how, few.how) == ("compiled", "eager: 2 steps are done sooner than compiled")


def test_a_second_training_goes_on() -> None:
    """Optimizer states carry over from one training to the next."""
    left = []
    for epochs in ([20, 20], [40]):
        neuron = Neuron(1, rng=0)
        optimizer = Adam(neuron.parameters(), lr=0.01)
        for count in epochs:
            fit(neuron, X, Y, loss=mse, optimizer=optimizer, epochs=count, verbose=0, jit=True)
        left.append([p.data for p in neuron.parameters()])
    assert left[0] == left[1]


@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_changes_between_the_steps(optimizer: Any) -> None:
    """If a callback changes the learning rate or parameters, the next step uses the new numbers."""
    left = []
    for jit in (True, False):
        neuron = Neuron(1, rng=0)
        rule = optimizer(neuron.parameters(), lr=0.1)

        def halve(training: Training) -> None:
            training.optimizer.lr *= 0.5
            training.model.b.data = 0.25  # type: ignore[attr-defined]

        fit(neuron, X, Y, loss=mse, optimizer=rule, epochs=5, callbacks=[halve], verbose=0, jit=jit)
        left.append([p.data for p in neuron.parameters()])
    np.testing.assert_allclose(left[0], left[1], rtol=1e-12)


def test_a_first_step_that_is_not_finite() -> None:
    """A training that fails in its first step leaves the model unchanged, gradients included."""
    neuron = Neuron(1, "linear", rng=0)
    before = neuron.state_dict()
    with pytest.raises(FloatingPointError, match="the loss is nan in epoch 1"):
        fit(neuron, X, np.full(7, nan), loss=mse, verbose=0, jit=True)
    assert neuron.state_dict() == before
    assert not any(map(has_gradient, neuron.parameters()))


def test_a_model_that_cannot_be_traced(line: Recorder) -> None:
    """A model that reads its numbers is trained eagerly with a warning; with jit=True it raises."""
    with pytest.warns(UserWarning, match=r"not compiled \(TracedValueError: .*test_training.py.*jit=False"):
        history = fit(line, X, Y, loss=mse, epochs=30, verbose=0)
    assert history.how.startswith("eager: TracedValueError")
    assert history.loss[-1] < history.loss[0]
    with pytest.raises(TracedValueError):
        fit(line, X, Y, loss=mse, verbose=0, jit=True)


def test_a_model_that_draws_random_numbers() -> None:
    """A model that draws random numbers is trained eagerly, with a warning."""
    rng = np.random.default_rng(0)

    class Noisy(Neuron):
        def forward(self, x: Any) -> Any:
            return super().forward([x[0] + rng.normal()])

    with pytest.warns(UserWarning, match="may depend on parameters, inputs and targets alone"):
        history = fit(Noisy(1, rng=0), X, Y, loss=mse, epochs=30, verbose=0)
    assert history.how.startswith("eager: RuntimeError")


def test_a_wrong_class_in_a_later_batch() -> None:
    """All targets are checked by the loss before the first compiled step."""
    with pytest.raises(ValueError, match="expected classes to be from 0 to 2, got 0 to 3"):
        fit(MLP(1, [3], rng=0), X, [0, 1, 2, 0, 1, 2, 3], loss=cross_entropy, batch_size=3, rng=0, jit=True)


def test_anomaly_mode_is_eager() -> None:
    """In anomaly mode the training is eager, since a compiled program has no lines to name."""
    with anomaly():
        history = fit(Neuron(1, rng=0), X, Y, loss=mse, epochs=50, verbose=0)
    assert history.how == "eager: inside of anomaly()"


# ----------------------------------------------------------------------------------------------- interrupts


def trained(epochs: int, jit: bool) -> tuple[Adam, Callable[[], Any]]:
    """Return an optimizer, and a function that trains its model for some epochs."""
    model = MLP(1, [2, 1], rng=0)
    optimizer = Adam(model.parameters(), lr=0.1)

    def train() -> None:
        # With a metric, the parameters are also written back after each epoch.
        fit(
            model,
            X,
            Y,
            loss=mse,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=4,
            metrics=lambda outputs, targets: 0.0,
            rng=0,
            verbose=0,
            jit=jit,
        )

    return optimizer, train


def left_by(optimizer: Adam) -> tuple[Any, ...]:
    """Return the number of steps, the parameters and the optimizer states after a training."""
    return optimizer.steps, [p.data for p in optimizer.parameters], optimizer.states


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "compiled"])
def test_an_interrupted_training_ends_with_a_step(jit: bool) -> None:
    """Wherever Ctrl-C interrupts, parameters and optimizer states are those after the same step."""
    modules = (loop, eager_steps, compiled_steps, base_of_optimizers, assignment)
    files = {str(module.__file__) for module in modules}
    known: dict[int, tuple[Any, ...]] = {}
    # The stride is a prime, so that each place in the loops is hit.
    for count in range(1, 100_000, 11):
        optimizer, train = trained(2, jit)
        was_interrupted = interrupted_at(count, train, files)
        done, *_ = left = left_by(optimizer)
        assert left == known.setdefault(done, left)
        if not was_interrupted:
            break
    assert {0, 4} < set(known) <= {0, 1, 2, 3, 4}


# ------------------------------------------------------------------------------------------------- progress


def shown(line: Recorder, capsys: pytest.CaptureFixture[str], epochs: int, **options: Any) -> str:
    """Train, check that standard output is empty, and return standard error."""
    fit(line, X, Y, loss=mse, epochs=epochs, jit=False, **options)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have somebody watch standard error."""
    monkeypatch.setattr("autograd.progress._is_seen", lambda: True)


@pytest.mark.usefixtures("watched")
def test_progress_bar(line: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """In a terminal, with tqdm, a bar on standard error shows the number of epochs and the loss."""
    pytest.importorskip("tqdm")
    err = shown(line, capsys, epochs=1)
    assert "1/1" in err
    assert f"loss {np.mean(Y**2):.4f}]" in err


@pytest.mark.parametrize(
    ("seconds_an_epoch", "expected"), [(0.0, [7]), (1.0, [5, 7]), (3.0, [2, 4, 6, 7]), (10.0, range(1, 8))]
)
def test_progress_lines(
    line: Recorder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    seconds_an_epoch: float,
    expected: Any,
) -> None:
    """Where nobody watches there is a line every five seconds, and one for the last epoch."""
    clock = itertools.count(0.0, seconds_an_epoch)
    monkeypatch.setattr("autograd.progress.monotonic", lambda: next(clock))
    lines = shown(line, capsys, 7, metrics=lambda outputs, targets: 0.5).splitlines()
    assert [text.split(":")[0] for text in lines] == [f"epoch {epoch}/7" for epoch in expected]
    assert all("loss" in text and "metric 0.5000" in text for text in lines)


@pytest.mark.usefixtures("watched")
def test_a_terminal_without_tqdm(
    line: Recorder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without tqdm there are lines in a terminal, too."""
    monkeypatch.setattr("autograd.progress.find_spec", lambda name: None)
    assert shown(line, capsys, 3).startswith("epoch 3/3: loss")


@pytest.mark.parametrize("hide", [lambda name: None, lambda name: name], ids=["lines", "bar"])
@pytest.mark.parametrize("verbose", [0, False])
@pytest.mark.usefixtures("watched")
def test_no_progress(
    line: Recorder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    hide: Callable[[str], str | None],
    verbose: bool | int,
) -> None:
    """`verbose=0` prints nothing, with or without tqdm."""
    monkeypatch.setattr("autograd.progress.find_spec", hide)
    assert shown(line, capsys, epochs=5, verbose=verbose) == ""


# ------------------------------------------------------------------------------- held-out samples, callbacks


def test_held_out_data_are_not_learnt_from() -> None:
    """Held-out samples change nothing in the training; their loss is that of the model after the epoch."""
    left = []
    for held_out in (None, (X + 3.0, Y - 1.0)):
        neuron = Neuron(1, "linear", rng=0)
        history = fit(neuron, X, Y, loss=mse, epochs=30, validation_data=held_out, verbose=0)
        left.append(neuron.state_dict())
    assert left[0] == left[1]
    assert history.val_loss[-1] == pytest.approx(mse(neuron(X + 3.0), Y - 1.0).data)


def test_a_fraction_is_held_out() -> None:
    """`validation_split` holds out a random fraction, and the rest is learnt from, each sample once."""
    line = Recorder()
    fit(line, X, Y, loss=mse, epochs=1, validation_split=0.3, rng=0, verbose=0, jit=False)
    assert len(line.inputs) == 7
    assert sorted(line.inputs) == X[:, 0].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jit": "yes"}, "expected jit to be True, False or \"auto\", got 'yes'"),
        ({"class_weight": "balance"}, "expected class_weight to be a dict or \"balanced\", got 'balance'"),
        ({"validation_split": 1.5}, "between 0 and 1, got 1.5"),
        ({"validation_split": 0.01}, "leaves 7 to train on and 0 held out"),
        ({"validation_split": 0.99}, "leaves 0 to train on and 7 held out"),
        ({"validation_split": 1.0}, "between 0 and 1, got 1.0"),
        ({"validation_split": 0.5, "validation_data": (X, Y)}, "got both"),
        ({"validation_data": (np.ones((2, 3)), np.ones(2))}, "1 inputs, as those to train on, got 3"),
        ({"sample_weight": [1.0, 2.0]}, r"a weight for each of 7 samples, got shape \(2,\)"),
        ({"sample_weight": -np.ones(7)}, "at least 0"),
        ({"sample_weight": np.zeros(7)}, "not all 0"),
        ({"class_weight": "balanced"}, "class numbers, got float64"),
        ({"metrics": "acuracy"}, "did you mean 'accuracy'"),
        ({"metrics": [accuracy, "accuracy"]}, "two metrics are called 'accuracy'"),
        ({"optimizer": "adan"}, "did you mean 'adam'"),
        ({"loss": "msee"}, "did you mean 'mse'"),
        ({"early_stopping": 0}, "patience of at least 1"),
        ({"clip_norm": 0.0}, "positive"),
        ({"clip_value": -1.0}, "positive"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    """Options that make no sense raise before the first step."""
    neuron = Neuron(1, rng=0)
    before = neuron.state_dict()
    targets = np.arange(7) % 2 if options.get("class_weight") == "balance" else Y
    with pytest.raises(ValueError, match=message):
        fit(neuron, X, targets, **{"loss": mse, "verbose": 0, **options})
    assert neuron.state_dict() == before


def test_a_class_without_a_weight() -> None:
    """A dict of weights names each class that occurs."""
    with pytest.raises(ValueError, match="no weight for class 2; it has"):
        samples_of(X, [0, 1, 2, 0, 0, 0, 0], class_weight={0: 1.0, 1: 2.0})


def test_held_out_data_that_are_not_finite() -> None:
    """A nan in the held-out data is named as such."""
    with pytest.raises(FloatingPointError, match=r"of the held-out samples, inputs\[1, 0\] .* is nan"):
        fit(Neuron(1), X, Y, loss=mse, validation_data=([[1.0], [nan]], [1.0, 2.0]), verbose=0)


@pytest.mark.parametrize("jit", [True, False])
def test_early_stopping(jit: bool) -> None:
    """The training ends after so many epochs without a better number, with the parameters of the best."""
    neuron = Neuron(1, "linear", rng=0)
    seen: list[dict[str, float]] = []
    history = fit(
        neuron,
        X,
        Y,
        loss=mse,
        epochs=500,
        validation_data=(X[:2], Y[:2] + 0.5),
        early_stopping=3,
        callbacks=[lambda training: seen.append(training.model.state_dict())],
        verbose=0,
        jit=jit,
    )
    best = int(np.argmin(history.val_loss))
    assert history.best_epoch == best + 1
    assert len(history.loss) == best + 1 + 3
    assert neuron.state_dict() == seen[best]
    assert history.ended == "no better val_loss for 3 epochs"


@pytest.mark.parametrize(("mode", "best"), [("auto", 3), ("min", 1), ("max", 3)])
def test_what_is_better(mode: Any, best: int) -> None:
    """Of accuracy more is better, unless the user says otherwise; without `restore...` the last stays."""
    accuracies = iter([0.1, 0.2, 0.9, 0.3, 0.3, 0.3])
    stop = EarlyStopping("accuracy", patience=3, mode=mode, restore_best_weights=False)

    def measured(outputs: Any, targets: Any) -> float:
        return next(accuracies)

    measured.__name__ = "accuracy"
    neuron = Neuron(1, rng=0)
    history = fit(neuron, X, Y, loss=mse, epochs=6, metrics=measured, callbacks=[stop], verbose=0)
    assert history.best_epoch == best


def test_an_unknown_column() -> None:
    """A column that is not recorded raises with those that are."""
    with pytest.raises(ValueError, match="one of loss, lr, got 'val_los'"):
        fit(Neuron(1), X, Y, loss=mse, callbacks=[EarlyStopping("val_los")], verbose=0)


def test_a_mode_that_early_stopping_does_not_know() -> None:
    """The message names those that there are."""
    with pytest.raises(ValueError, match='expected mode to be "auto", "min" or "max", got \'lowest\''):
        EarlyStopping(mode="lowest")  # type: ignore[arg-type]


def test_the_best_parameters_of_another_model() -> None:
    """What early stopping remembers is refused where its parameters are not as many as those of the model."""
    stop = EarlyStopping("loss", patience=2)
    fit(Neuron(1, rng=0), X, Y, loss=mse, epochs=2, callbacks=[stop], verbose=0)
    state = stop.state_dict()
    with pytest.raises(ValueError, match="expected 2 of the best parameters, got 1"):
        stop.load_state_dict({**state, "weights": [1.0]})
    assert stop.state_dict() == state


@pytest.mark.parametrize("jit", [True, False])
def test_ctrl_c_returns_the_history(jit: bool) -> None:
    """After Ctrl-C the history so far is returned, and model and optimizer are as the last step left them."""
    neuron = Neuron(1, "linear", rng=0)
    states = []

    def interrupt(training: Training) -> None:
        states.append(training.model.state_dict())
        if training.epoch == 3:
            raise KeyboardInterrupt

    optimizer = Adam(neuron.parameters())
    history = fit(neuron, X, Y, loss=mse, optimizer=optimizer, callbacks=[interrupt], verbose=0, jit=jit)
    assert (len(history.loss), history.ended) == (3, "interrupted")
    assert (neuron.state_dict(), optimizer.steps) == (states[-1], 3)


def test_ctrl_c_at_the_end_of_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while compiled steps write the parameters back does not lose them."""
    write, calls = compiled_steps.CompiledSteps.write, itertools.count()

    def interrupted(steps: Any) -> None:
        if next(calls) == 0:
            raise KeyboardInterrupt
        write(steps)

    monkeypatch.setattr(compiled_steps.CompiledSteps, "write", interrupted)
    found, expected = (Neuron(1, "linear", rng=0) for _ in range(2))
    history = fit(found, X, Y, loss=mse, epochs=3, verbose=0, jit=True)
    monkeypatch.undo()
    assert (len(history.loss), history.ended) == (3, "interrupted")
    fit(expected, X, Y, loss=mse, epochs=3, verbose=0, jit=True)
    assert found.state_dict() == expected.state_dict()


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("calls", [5, 6])
def test_ctrl_c_between_the_columns_of_the_history(jit: bool, calls: int, tmp_path: Path) -> None:
    """Wherever an epoch is interrupted, its record has all columns or none."""
    left = iter(range(calls))

    def measure(outputs: Any, targets: Any) -> float:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return 0.5

    options: dict[str, Any] = {"loss": mse, "metrics": measure, "verbose": 0, "jit": jit}
    history = fit(Neuron(1, "linear", rng=0), X, Y, validation_data=(X, Y), epochs=9, **options)
    assert {name: len(column) for name, column in history.columns().items()} == dict.fromkeys(
        ["loss", "val_loss", "measure", "val_measure", "lr"], calls // 2
    )
    history.to_csv(tmp_path / "history.csv")


def test_callbacks_are_told_of_begin_and_end() -> None:
    """A callback is told of the beginning, each epoch, and the end, in this order."""
    told = []

    class Told(Callback):
        def on_train_begin(self, training: Training) -> None:
            told.append("begin")

        def on_epoch_end(self, training: Training) -> None:
            told.append(str(training.epoch))

        def on_train_end(self, training: Training) -> None:
            told.append("end")

    fit(Neuron(1), X, Y, loss=mse, epochs=2, callbacks=[Told()], verbose=0)
    assert told == ["begin", "1", "2", "end"]
    fit(Neuron(1), X, Y, loss=mse, epochs=1, callbacks=Told(), verbose=0)  # type: ignore[arg-type]
    assert told[4:] == ["begin", "1", "end"]
    with pytest.raises(TypeError, match="expected callbacks"):
        fit(Neuron(1), X, Y, loss=mse, callbacks=[3], verbose=0)  # type: ignore[list-item]


@pytest.mark.parametrize("jit", [True, False])
def test_raw_scores_that_leave_the_probabilities(jit: bool) -> None:
    """Where outputs pass for probabilities at first, the error comes once they do not."""
    model = Neuron(1, "linear", rng=0)
    model.load_state_dict({"w[0]": 0.0, "b": 0.9})
    with pytest.raises(ValueError, match=r"got -?\d.*: raw scores go with binary_cross_entropy_with_logits"):
        fit(model, X, (X[:, 0] > 0.5).astype(float), loss="bce", epochs=50, verbose=0, jit=jit)


@pytest.mark.parametrize("loss", ["bce", BCELoss(), binary_cross_entropy_with_logits])
def test_the_accuracy_of_probabilities(loss: Any) -> None:
    """The class is read from 0.5 on where the loss takes probabilities, and from 0 on for logits."""
    output = "linear" if loss is binary_cross_entropy_with_logits else "sigmoid"
    model, labels = Neuron(1, output, rng=0), (X[:, 0] > X[:, 0].mean()).astype(float)
    model.load_state_dict({"w[0]": 100.0, "b": -100.0 * X[:, 0].mean() - 1.0})
    history = fit(model, X, labels, loss=loss, epochs=1, metrics=["accuracy", "f1"], verbose=0)
    assert history.metrics == {"accuracy": [1.0], "f1": [1.0]}


def test_the_history_of_a_notebook(tmp_path: Path) -> None:
    """A history has a short `repr`, a table of its telling epochs, and goes to CSV with all its columns."""
    history = fit(Neuron(1, rng=0), X, Y, loss=mse, epochs=5, metrics="r2", validation_data=(X, Y), verbose=0)
    assert repr(history).startswith("History(5 epochs: loss ")
    assert len(repr(history)) < 120
    assert history._repr_html_().count("<tr>") == 3
    history.to_csv(tmp_path / "history.csv")
    rows = [line.split(",") for line in (tmp_path / "history.csv").read_text().splitlines()]
    assert rows[0] == ["epoch", "loss", "val_loss", "r2", "val_r2", "lr"]
    assert [float(row[1]) for row in rows[1:]] == history.loss


def test_the_history_of_no_epoch() -> None:
    """That of a training that was interrupted in its first epoch has no table."""
    history = History(ended="interrupted")
    assert history._repr_html_() == "<p>History(0 epochs: no epoch yet; interrupted)</p>"


def test_the_plot_of_a_history() -> None:
    """It is `nn.plots.loss_curve`."""
    pytest.importorskip("matplotlib")
    line, *_ = History(loss=[2.0, 1.0]).plot("Descent").axes[0].lines
    assert np.asarray(line.get_ydata()).tolist() == [2.0, 1.0]


# ------------------------------------------------------------------------------------------------ checkpoints


def interrupt_in_epoch_5(training: Training) -> None:
    """Press Ctrl-C."""
    if training.epoch == 5:
        raise KeyboardInterrupt


def resumable(path: Path | None, resume: Path | None, epochs: int, seed: int, **options: Any) -> list[Any]:
    """Return what a training leaves that goes to a checkpoint, or begins from one."""
    model = MLP(1, [3, 1], "tanh", rng=seed)
    history = fit(
        model,
        X,
        Y,
        loss=mse,
        optimizer=Adam(model, lr=0.05),
        epochs=epochs,
        batch_size=3,
        checkpoint=path,
        resume=resume,
        verbose=0,
        **options,
    )
    return [model.state_dict(), history]


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {"rng": 0},
        {"rng": 0, "validation_split": 0.3, "metrics": lambda o, t: o.mean()},
        {"rng": None, "validation_split": 0.3, "early_stopping": 4},
        {"rng": 7, "early_stopping": EarlyStopping(patience=2, min_delta=0.05)},
        {"rng": 0, "schedule": "warm-up", "clip_norm": 0.5},
    ],
    ids=["order", "held out", "any seed", "early stopping", "schedule"],
)
def test_a_resumed_training_ends_as_one_that_was_not_interrupted(
    tmp_path: Path, options: dict[str, Any], jit: bool
) -> None:
    """Parameters and history are the same bit for bit, whatever model and generator one resumes with."""
    whole, half = tmp_path / "whole.npz", tmp_path / "half.npz"

    def rng() -> Any:
        return np.random.default_rng(3) if options["rng"] is None else options["rng"]

    expected = resumable(whole, None, 12, seed=0, **{**options, "rng": rng()}, jit=jit)
    resumable(half, None, 12, seed=0, **{**options, "rng": rng()}, jit=jit, callbacks=[interrupt_in_epoch_5])
    found = resumable(None, half, 12, seed=1, **options, jit=jit)
    assert found == expected


def test_an_interrupted_training_goes_on(tmp_path: Path) -> None:
    """After Ctrl-C in the middle of an epoch, the training goes on from the last whole one."""
    path = tmp_path / "run.npz"
    expected = resumable(path, None, 6, seed=0, rng=1)

    def interrupt(training: Training) -> None:
        if training.epoch == 3:
            raise KeyboardInterrupt

    model, history = resumable(path, None, 6, seed=0, rng=1, callbacks=[interrupt])
    assert history.ended == "interrupted"
    model, history = resumable(path, path, 6, seed=0, rng=1)
    assert [model, history] == expected
    assert history.ended == ""


def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    """Another model, optimizer, callbacks, or kind of file raise before anything is changed."""
    path = tmp_path / "run.npz"
    resumable(path, None, 2, seed=0, rng=1, early_stopping=2)
    model = MLP(1, [4, 1], rng=0)
    before = model.state_dict()
    options: dict[str, Any] = {"loss": mse, "resume": path, "verbose": 0, "epochs": 4}
    with pytest.raises(ValueError, match=r"with EarlyStopping, got no early stopping.*pass the same"):
        fit(model, X, Y, **options)
    with pytest.raises(ValueError, match="does not fit MLP"):
        fit(model, X, Y, **options, early_stopping=2)
    with pytest.raises(ValueError, match="expected the state of SGD, got that of Adam"):
        fit(MLP(1, [3, 1]), X, Y, **options, early_stopping=2)
    with pytest.raises(ValueError, match="with the generator PCG64, got MT19937: pass the same rng"):
        fit(model, X, Y, **options, rng=np.random.Generator(np.random.MT19937(0)))
    (tmp_path / "other.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="does not hold a checkpoint of a training"):
        fit(model, X, Y, **{**options, "resume": tmp_path / "other.npz"})
    assert model.state_dict() == before


OTHERS: list[Any] = [None, {}, "x", 10**400, [None]]


def each_place(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the items of a JSON text are; of a list, the first."""
    yield path
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree[:1]) if isinstance(tree, list) else ()
    for key, part in pairs:
        yield from each_place(part, (*path, key))


def test_a_checkpoint_that_says_something_else(tmp_path: Path) -> None:
    """Whatever stands in a checkpoint is taken over as a whole, or a ValueError leaves the model alone."""
    path = tmp_path / "run.npz"
    resumable(path, None, 1, seed=0, rng=1, early_stopping=2, schedule="step", jit=False)
    arrays, described = read_archive(path, most_bytes=2**20)
    refused = 0
    for place in [*each_place(described)][1:]:
        for other in OTHERS:
            changed = copy.deepcopy(described)
            part = changed
            for key in place[:-1]:
                part = part[key]
            part[place[-1]] = other
            write_archive(path, arrays, changed)
            model = MLP(1, [3, 1], "tanh", rng=1)
            adam, before = Adam(model, lr=0.05), model.state_dict()
            options: dict[str, Any] = {"early_stopping": 2, "schedule": "step", "rng": 1, "jit": False}
            own = adam.state_dict()
            # It has all its epochs, so that nothing is trained.
            with suppress(ValueError):
                fit(model, X, Y, loss=mse, optimizer=adam, epochs=1, resume=path, verbose=0, **options)
                continue
            after = adam.state_dict()
            # Which the schedule sets at the start.
            after["settings"].pop("initial_lr", None)
            assert (model.state_dict(), after) == (before, own)
            refused += 1
    assert refused > 150


@pytest.mark.parametrize(
    ("entry", "kind"), [(None, "NoneType"), ("x", "str"), ([1.0], "list"), (2**63, "int"), (-(2**63), "int")]
)
def test_entries_of_a_state(entry: Any, kind: str) -> None:
    """A list of numbers in an optimizer's state has numbers alone, and no integer of more than 63 bits."""
    check_like({"m": [2**63 - 1, 0.5]}, {"m": [0.0]}, "its optimizer")
    with pytest.raises(
        DamagedCheckpointError, match=f"an entry of its optimizer: m is {kind}, expected float"
    ):
        check_like({"m": [0.5, entry]}, {"m": [0.0]}, "its optimizer")


def test_how_much_a_checkpoint_may_take(tmp_path: Path) -> None:
    """However large the file is, it unpacks to no more than 1 GiB."""
    path = tmp_path / "run.npz"
    with path.open("wb") as file:
        file.seek(2**23)
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("values.npy", b"")
            archive.filelist[0].file_size = 2**31
    with pytest.raises(ValueError, match=r"2,147,483,648 of them in 'values', and at most 1,073,741,824 are"):
        resumable(None, path, 1, seed=0)


@pytest.mark.parametrize(("by", "limit"), [("norm", 0.3), ("value", 0.2)])
def test_clipping(by: str, limit: float) -> None:
    """A step of gradient descent is no longer than its limit, and the gradients that are left are clipped."""
    neuron = Neuron(1, "linear", rng=0)
    before = data(neuron.parameters())
    options: dict[str, Any] = {f"clip_{by}": limit}
    fit(neuron, X, Y, loss=mse, optimizer=SGD(neuron, lr=1.0), epochs=1, verbose=0, **options)
    step = data(neuron.parameters()) - before
    size = np.linalg.norm(step) if by == "norm" else np.abs(step).max()
    assert size == pytest.approx(limit)
    np.testing.assert_allclose(grads(neuron.parameters()), -step)


def test_weights_count_samples() -> None:
    """A sample of weight 2 counts as two of them, and one of weight 0 as none, in history and parameters."""
    weights = np.array([2, 1, 0, 3, 1, 1, 0])
    left = []
    for x, y, given in ((X, Y, weights), (np.repeat(X, weights, axis=0), np.repeat(Y, weights), None)):
        neuron = Neuron(1, "linear", rng=0)
        history = fit(neuron, x, y, loss="mse", epochs=30, sample_weight=given, verbose=0)
        left.append([*data(neuron.parameters()), *history.loss])
    np.testing.assert_allclose(left[0], left[1], rtol=1e-12)


def test_balanced_classes() -> None:
    """`class_weight="balanced"` counts each class as much as any other."""
    labels = np.array([0, 0, 0, 0, 0, 1, 2])
    found = samples_of(X, labels, class_weight="balanced")
    assert found.weights is not None
    np.testing.assert_allclose([found.weights[labels == k].sum() for k in range(3)], 7 / 3)


@pytest.mark.parametrize("jit", [True, False])
def test_a_schedule_is_that_of_a_loop_by_hand(jit: bool) -> None:
    """The history has the rate of each epoch's last step; steps are those of a loop with the schedule."""
    left = []
    for by_hand in (True, False):
        neuron = Neuron(1, "linear", rng=0)
        rule = SGD(neuron, lr=0.1)
        schedule = schedules.CosineAnnealingLR(rule, 6)
        if by_hand:
            rates = []
            for _ in range(6):
                neuron.zero_grad()
                mse(neuron(X), Y).backward()
                rates.append(rule.lr)
                rule.step()
                schedule.step()
        else:
            history = fit(
                neuron, X, Y, loss=mse, optimizer=rule, schedule=schedule, epochs=6, verbose=0, jit=jit
            )
            rates = history.lr
        left.append([*rates, *data(neuron.parameters())])
    np.testing.assert_allclose(left[0], left[1], rtol=1e-12)


# ---------------------------------------------------------------------------------------------------- L-BFGS


@pytest.mark.parametrize("jit", [True, False])
def test_lbfgs(jit: bool) -> None:
    """By L-BFGS a training reaches the minimum in few epochs, each an iteration, and says why it ended."""
    pytest.importorskip("scipy")
    neuron = Neuron(1, "linear", rng=0)
    seen = []
    history = fit(
        neuron,
        X,
        Y + X[:, 0] ** 2,
        loss="mse",
        optimizer="lbfgs",
        metrics=[lambda o, t: float(np.mean((o[:, 0] - t) ** 2))],
        validation_data=(X + 1.0, Y),
        callbacks=[lambda training: seen.append(training.model.state_dict())],
        verbose=0,
        jit=jit,
    )
    slope, offset = np.polyfit(X[:, 0], Y + X[:, 0] ** 2, 1)
    np.testing.assert_allclose(data(neuron.parameters()), [slope, offset], rtol=1e-4)
    assert len(history.loss) == len(history.val_loss) == len(seen) < 10
    assert "CONVERGENCE" in history.ended
    np.testing.assert_allclose(history.metrics["metric"], history.loss)
    assert seen[-1] == neuron.state_dict()


def test_lbfgs_ends_early() -> None:
    """A training by L-BFGS has no more iterations than epochs, and can be stopped."""
    pytest.importorskip("scipy")
    options: dict[str, Any] = {"loss": "cross_entropy", "optimizer": "lbfgs", "verbose": 0}
    labels = np.array([0, 1, 0, 2, 1, 2, 2])
    history = fit(MLP(1, [4, 3], rng=0), X, labels, epochs=5, **options)
    assert (len(history.loss), history.ended) == (5, "")
    stop = [lambda training: training.stop("enough")]
    history = fit(MLP(1, [4, 3], rng=0), X, labels, epochs=5, callbacks=stop, **options)
    assert (len(history.loss), history.ended) == (1, "enough")
    with pytest.raises(ValueError, match="leave out batch_size, clip_norm, or take another"):
        fit(MLP(1, [4, 3]), X, labels, batch_size=2, clip_norm=1.0, **options)
    where = r"inputs\[0, 0\] \(row 0, column 0\) is nan"
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=where):
        fit(MLP(1, [4, 3]), X * nan, labels, **options)


def test_lbfgs_of_a_loss_without_a_minimum() -> None:
    """A loss that falls for ever ends in an error, which proposes no other learning rate: there is none."""
    pytest.importorskip("scipy")
    message = "the loss is nan in epoch 1: it may have no minimum, so add an l2_penalty, or train inside"
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=message):
        fit(Neuron(1, rng=0), X, Y, loss=lambda o, t: -(1e300 * o**2).sum(), optimizer="lbfgs", verbose=0)
