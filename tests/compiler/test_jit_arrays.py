"""Random programs on arrays, compiled for every backend: values, gradients, shapes and types."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from array_programs import ArrayProgram, array_programs
from comparing import evaluated, same
from hypothesis import given, settings
from loops_backend import interpreted, on

import autograd
from autograd import Value, grad, hessian, jacobian, jit, scan, value_and_grad, vmap
from autograd.compiler import compile as compiled
from autograd.compiler import recording
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.passes.rolling import roll
from autograd.functions import batch_array
from nn import MLP, fit, losses

BACKENDS = ["numpy", "loops", "table", "along axes", "loops along axes", "along all axes"]


@pytest.fixture(autouse=True, scope="module")
def _backends() -> Iterator[None]:
    """Register a backend that runs the generated loops in plain Python."""
    compiled.BACKENDS["loops"] = compiled.Backend(interpreted, with_numpy)
    yield
    del compiled.BACKENDS["loops"]


def compared(backend: str, f: Any, *points: Any) -> None:
    """Assert that a function compiled at the first point agrees with eager calls at all points."""
    with pytest.MonkeyPatch.context() as patch:
        if backend == "table":
            patch.setattr(compiled, "_MOST_ARRAYS", 0)
        if backend.endswith("along axes"):
            # Every array is long enough to vary along an axis.
            patch.setattr(batch_array, "_FEWEST_ELEMENTS", 2)
        if backend == "along all axes":
            # Every array is too many elements, and their axes are put apart with loops or without.
            patch.setattr(recording, "_MOST_ELEMENTS", -1)
            patch.setattr(compiled, "roll", lambda *args: roll(*args) or args[:2])
        program = on("loops" if backend.startswith("loops") else "numpy", f, points[0])
    for point in points:
        same(program(point), evaluated(f, point), 1e-8)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=150)
@given(array_programs())
def test_random_programs(backend: str, drawn: ArrayProgram) -> None:
    """All results have the same numbers, shapes and types as in eager calls."""
    compared(backend, lambda at: as_results(drawn.results(at)), drawn.point(0.3), drawn.point(1.0))


def as_results(results: list[Any]) -> list[Any]:
    """Convert scalar results to floats, so that eager calls on floats and on `Value`s agree."""
    return [result if np.ndim(result) else result * 1.0 for result in results]


@pytest.mark.parametrize("backend", BACKENDS)
@given(array_programs())
def test_random_gradients(backend: str, drawn: ArrayProgram) -> None:
    """The value and gradient of a number that depends on all results agree with eager calls."""
    compared(backend, value_and_grad(drawn.total), drawn.point(0.3), drawn.point(1.0))


@pytest.mark.parametrize("first", [np.zeros(100), np.linspace(-1.0, 1.0, 100)], ids=["alike", "different"])
def test_a_number_that_each_step_adds_to_an_array(first: Any) -> None:
    """Its gradient, a loop of constants alone, is a sum over the elements and over the steps."""

    def total(x: Any) -> Any:
        return scan(lambda c, _: (c + x, None), first, None, length=3)[0].sum()

    assert grad(total)(0.3) == jit(grad(total), "numpy")(0.3) == 300.0


LOSSES = [losses.mse, losses.hinge, losses.binary_cross_entropy_with_logits]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_equal_samples(backend: str, samples: int, loss: Any) -> None:
    """If all samples are the same expression, each one counts in the value and in the gradient."""

    def f(w: Any) -> Any:
        return loss(np.zeros(samples) + w, np.ones(samples))

    for program in (f, value_and_grad(f), hessian(f)):
        compared(backend, program, 0.7, -0.3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("samples", [1, 2, 3])
def test_batches_of_equal_samples(backend: str, samples: int) -> None:
    """A batch of equal samples keeps the batch's shape, with one or several numbers per sample."""

    def of_sample(x: Any) -> Any:
        return [autograd.tanh(x), x * 2.0, x * 3.0, 1.0]

    def f(w: Any) -> Any:
        batch = np.ones(samples) * w
        columns = vmap(of_sample)(batch)
        together = np.stack(columns[:3])
        return [
            *columns,
            together,
            together @ np.ones(samples),
            together.sum(axis=0),
            together.T @ columns[0][:1].repeat(3),
        ]

    compared(backend, f, 0.7, -0.3)


def test_a_repeated_operand_is_written_out() -> None:
    """An array keeps an axis along which all its operands are repeated."""

    def f(w: Any) -> Any:
        # The sums are only found equal once they are flattened, after the batch was laid out.
        batch = np.array([(w[0] + w[1]) + w[2], w[0] + (w[1] + w[2])])
        return vmap(lambda x: [autograd.tanh(x) * 2.0, autograd.tanh(x) * 3.0])(batch)

    compared("numpy", f, np.array([0.7, 0.2, -0.4]), np.array([0.1, -0.2, 0.4]))


ASSEMBLED: dict[str, Callable[[Any], Any]] = {
    "stack": lambda x: np.stack([x, x * 2.0, x]),
    "stack along the last axis": lambda x: np.stack([x, x * 2.0], axis=-1),
    "concatenate": lambda x: np.concatenate([x * 2.0, x, x[:1]]),
    "vstack": lambda x: np.vstack([x.T, autograd.sin(x).T]),
    "hstack": lambda x: np.hstack([x, x * x, x[:, :1]]),
    "block": lambda x: np.block([[x, x * 2.0], [x * 3.0, x]]),
    "jacobian": jacobian(lambda x: x @ x.T),
    "jacobian of a transpose": jacobian(lambda x: (x * 2.0).T),
    "hessian": hessian(lambda x: (x * x * x).sum()),
    "hessian of a product": hessian(lambda x: autograd.exp((x @ x.T).sum())),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 1), (2, 3), (3, 3)])
@pytest.mark.parametrize("name", ASSEMBLED)
def test_assembled_matrices(backend: str, shape: tuple[int, int], name: str) -> None:
    """Results are assembled from the numbers of several matrices."""
    point = np.random.default_rng(0).normal(size=shape)
    compared(backend, ASSEMBLED[name], point, point * 0.5)


def test_numba_assembles_matrices() -> None:
    """Compiled by Numba, assembled matrices and batches of equal samples agree with eager calls."""

    def f(x: Any) -> Any:
        equal = [vmap(autograd.tanh)(np.ones(n) * x[0, 0]) for n in (1, 2, 3)]
        return [*(make(x) for make in ASSEMBLED.values()), *equal, losses.mse(equal[2], np.ones(3))]

    point = np.random.default_rng(0).normal(size=(2, 3))
    compared("numba", f, point, point * 0.5)


SIGNED: dict[str, Callable[[Any], Any]] = {
    "divided": lambda x: 1.0 / (x * np.array([-0.0, 0.0, 1.0])),
    "angles": lambda x: autograd.arctan2(np.array([-0.0, 0.0, -0.0]), x),
    "angles above": lambda x: autograd.arctan2(x * 0.0, np.array([-0.0, 0.0, 1.0])),
    "a number": lambda x: 1.0 / (x * -0.0),
    "added": lambda x: 1.0 / (x * 0.0 + np.array([-0.0, 0.0, 1.0])),
    "alone": lambda x: np.stack([x, np.array([-0.0, 0.0, -0.0])]),
}


@pytest.mark.parametrize("backend", [*BACKENDS, "numba"])
def test_signs_of_zeros(backend: str) -> None:
    """Constants keep the sign of a zero, which quotients and angles reveal."""

    def f(x: Any) -> Any:
        return [SIGNED[name](x) for name in SIGNED]

    compared(backend, f, np.array([1.0, -2.0, -0.5]), np.array([-1.0, -2.0, 3.0]))


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_training_with_a_short_last_batch(samples: int, size: int) -> None:
    """A smaller last batch, down to one sample, trains like the others."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(samples, 2)), np.sign(rng.normal(size=samples))
    histories = []
    for way in (True, False):
        model = MLP(2, [1], rng=0)
        options: dict[str, Any] = {
            "loss": losses.hinge,
            "epochs": 3,
            "batch_size": size,
            "rng": 0,
            "jit": way,
        }
        history = fit(model, x, y, verbose=0, **options)
        histories.append([*history.loss, *(float(p.data) for p in model.parameters())])
    compiled_history, eager_history = histories
    np.testing.assert_allclose(compiled_history, eager_history, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0, -0.5])
def test_powers_where_numpy_takes_short_cuts(exponent: float) -> None:
    """Compiled powers agree with eager ones at -0.0 and -inf, for numbers and arrays."""
    points = np.array([-math.inf, -0.0, 0.0, 4.0, math.inf])
    compiled = jit(lambda x: x**exponent, backend="numpy")
    eager = [(Value(point) ** exponent).data for point in points]
    np.testing.assert_array_equal(np.copysign(1.0, compiled(points)), np.copysign(1.0, eager))
    np.testing.assert_array_equal(compiled(points), eager)
    np.testing.assert_array_equal([compiled(float(point)) for point in points], eager)
