"""The arrays of a program: bound by name, and written as text only when the source is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from array_programs import ArrayProgram, array_programs
from comparing import evaluated, same
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import autograd
from autograd import jit, value_and_grad, vmap
from autograd.compiler import compile as compiled
from autograd.compiler.numpy import literals
from autograd.compiler.numpy.literals import Literals, module_text


def run_alone(source: str) -> dict[str, Any]:
    """Execute a source that must not use this package, and return its namespace."""
    assert "autograd" not in source
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    return namespace


@st.composite
def regular(draw: st.DrawFn) -> Any:
    """Draw the positions that nested loops visit, some with an irregular outermost loop."""
    shape = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    starts = draw(st.lists(st.integers(0, 50), min_size=shape[0], max_size=shape[0]))
    flat = np.array(starts) if draw(st.booleans()) else np.arange(shape[0]) * draw(st.integers(-9, 9))
    for length in shape[1:]:
        flat = (flat[:, None] + draw(st.integers(-9, 9)) * np.arange(length)).ravel()
    return flat.reshape(draw(st.sampled_from([(-1,), (shape[0], -1), (1, -1), (-1, shape[-1])])))


SPECIAL = st.sampled_from([0.0, -0.0, 1.0, 0.1, np.inf, -np.inf, np.nan, 5e-324])
ANY = (
    regular()
    | arrays(np.int64, array_shapes(max_side=12), elements=st.integers(0, 2**31 - 1))
    | arrays(float, array_shapes(max_side=12), elements=SPECIAL | st.floats())
    | regular().map(lambda positions: np.array([0.0, -0.0, np.nan, 0.3])[positions % 4])
)


def digits(array: Any) -> list[str]:
    """Return numbers in hex, which distinguishes signed zeros but not nans."""
    return [float(number).hex() for number in array.ravel()]


@settings(max_examples=300)
@given(st.lists(ANY, min_size=1, max_size=3), st.sampled_from([0, 3, 64]))
def test_arrays_are_written_as_they_are(found: list[Any], short: int) -> None:
    """A source reproduces the arrays in shape and to the last bit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(literals, "_SHORT", short)
        held = Literals()
        names = [held.name(array, "c") for array in found]
        defined = run_alone(module_text([], held, ""))
    for name, array in zip(names, found, strict=True):
        assert defined[name].shape == array.shape
        assert digits(defined[name]) == digits(array)


@pytest.mark.parametrize("most_arrays", [1000, 0])
@settings(max_examples=50)
@given(array_programs())
def test_sources_run_on_their_own(most_arrays: int, drawn: ArrayProgram) -> None:
    """The source of any program runs on its own with the same results, for long and short arrays."""
    point = drawn.point(0.3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_MOST_ARRAYS", most_arrays)
        patch.setattr(literals, "_SHORT", 2)
        program = jit(value_and_grad(drawn.total), backend="numpy")
        value, gradient = program(point)
        alone = evaluated(run_alone(program.source)["program"], *map(np.asarray, point))
    same([float(alone[0]), *map(np.asarray, alone[1:])], [value, *map(np.asarray, gradient)])


def test_constants_that_are_not_finite() -> None:
    """The table of an irregular program may contain infinities."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_MOST_ARRAYS", 0)
        program = jit(lambda x: autograd.min(x, np.inf) - np.inf * x, backend="numpy")
        assert program(2.0) == -np.inf
    assert run_alone(program.source)["program"](2.0)[0] == -np.inf


def mixture(samples: int) -> tuple[Any, list[Any]]:
    """Return the loss of a Gaussian mixture, whose triangular factors need gathers, and a point."""
    rng = np.random.default_rng(0)
    size, components = 4, 3
    x = rng.normal(size=(samples, size))
    below = [(row, column) for row in range(size) for column in range(row)]

    def loss(weights: Any, means: Any, factors: Any) -> Any:
        def of_sample(point: Any) -> Any:
            terms = []
            for weight, mean, factor in zip(weights, means, factors, strict=True):
                rows = [autograd.exp(factor[i]) * (point[i] - mean[i]) for i in range(size)]
                for at, (row, column) in enumerate(below):
                    rows[row] = rows[row] + factor[size + at] * (point[column] - mean[column])
                terms.append(weight - 0.5 * autograd.dot(rows, rows))
            return autograd.logsumexp(terms)

        return vmap(of_sample)(x).sum()

    numbers = size + len(below)
    shapes = [(components,), (components, size), (components, numbers)]
    return value_and_grad(loss, argnums=(0, 1, 2)), [rng.normal(size=shape) for shape in shapes]


def test_nothing_is_written_unless_somebody_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling does not convert arrays to text; reading the source does."""
    written: list[int] = []

    def text(array: Any) -> str:
        written.append(array.size)
        return "0"

    monkeypatch.setattr(literals, "array_text", text)
    f, point = mixture(40)
    program = jit(f, backend="numpy")
    same(program(*point), f(*point))
    assert program.report().gathers > 3
    assert written == []
    assert program.source
    assert max(written) > 64


def test_sources_stay_short() -> None:
    """Regular positions are written as a formula, so the source does not grow with the samples."""
    sources = []
    for samples in (40, 80):
        f, point = mixture(samples)
        program = jit(f, backend="numpy")
        value, gradients = program(*point)
        sources.append(program.source)
        alone = run_alone(program.source)["program"](*point)
        same([float(alone[0]), *alone[1:]], [value, *gradients])
    packed = [sum(len(line) for line in source.splitlines() if "unpacked(" in line) for source in sources]
    short, long = (len(source) - size for source, size in zip(sources, packed, strict=True))
    assert long < 1.1 * short
    assert packed[1] < 8 * 80 * 4 * 1.5
