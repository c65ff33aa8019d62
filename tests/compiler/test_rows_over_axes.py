"""The maximum, minimum, logsumexp and norm of all samples in loops of Numba, also of pairs of samples."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import mpmath
import numpy as np
import pytest
from comparing import same
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loops_backend import loops as loops
from loops_backend import on

import autograd as ag
from autograd import grad, value_and_grad, vmap
from autograd.compiler import Jitted
from autograd.compiler.numba.reduction_loops import reduction_of
from autograd.ops.meanings import FLOAT
from autograd.ops.rules import compile_rule
from autograd.ops.table import OPS

pytest.importorskip("numba")

Function = Callable[..., Any]

ROWS: dict[str, Function] = {"max": ag.max, "min": ag.min, "logsumexp": ag.logsumexp, "norm": ag.norm}


def numbers(length: int, *rest: int, seed: int = 0) -> Any:
    """Return random numbers."""
    return np.random.default_rng(seed + length).normal(size=(length, *rest))


def of_samples(row: Function) -> dict[str, Function]:
    """Return programs with a row over one axis."""
    return {
        "of all": lambda x: row(vmap(lambda v: v[0] * v[1])(x)),
        "of several": lambda x: [row(column) for column in vmap(lambda v: (v[0], v[1] * v[0], v[2]))(x)],
        "gradient": value_and_grad(lambda x: row(vmap(lambda v: v @ v - v[0])(x))),
        "used along the axis": lambda x: (lambda top: vmap(lambda v: ag.tanh(v[0] - top))(x))(
            row(vmap(lambda v: v[0] + v[1])(x))
        ),
        "of one another": lambda x: row(vmap(lambda v: v[1] / row(vmap(lambda v: v[0])(x)))(x)),
    }


def distance(a: Any, b: Any) -> Any:
    """Return a function of a pair of samples."""
    return (a - b) @ (a - b) - a[0]


def of_pairs(row: Function) -> dict[str, Function]:
    """Return programs with a row over one of two axes."""

    def table(x: Any, y: Any) -> Any:
        return vmap(lambda a: vmap(lambda b: distance(a, b))(y))(x)

    def over_second(x: Any, y: Any) -> Any:
        return vmap(lambda a: row(vmap(lambda b: distance(a, b))(y)))(x)

    def normalised(x: Any, y: Any) -> Any:
        def of_one(a: Any) -> Any:
            found = vmap(lambda b: distance(a, b))(y)
            return vmap(lambda v: ag.tanh(v - row(found)))(found)

        return vmap(of_one)(x)

    return {
        "each": over_second,
        "the other axis": lambda x, y: over_second(y, x),
        "total": lambda x, y: over_second(x, y).sum(),
        "gradient of both": grad(lambda x, y: over_second(x, y).sum(), (0, 1)),
        "both axes": lambda x, y: (over_second(x, y), over_second(y, x)),
        "one after the other": lambda x, y: row(over_second(x, y)),
        "gradient of one after the other": grad(lambda x, y: row(over_second(x, y)), (0, 1)),
        "pairs after a row": normalised,
        "sums after a row": lambda x, y: normalised(x, y).sum(axis=0),
        "gradient of sums after a row": grad(lambda x, y: (normalised(x, y).sum(axis=0) ** 2).sum()),
        "parts of one axis": lambda x, y: vmap(
            lambda a: row(vmap(lambda b: ag.exp(b[0]) * a[1] + ag.exp(b[1]))(y))
        )(x),
        "within a total": lambda x, y: (lambda t: vmap(lambda v: v.max())(t * 1.0))(table(x, y)),
    }


SIZES = (7, 1, 119, 121, 250)


@pytest.mark.parametrize("name", of_samples(ag.max))
@pytest.mark.parametrize("row", ROWS)
def test_rows_over_samples(row: str, name: str) -> None:
    """They are NumPy's for any number of samples."""
    f = of_samples(ROWS[row])[name]
    compiled, checked = on("loops", f, numbers(3, 3)), Jitted(f, "numpy")
    for n in SIZES:
        same(compiled(numbers(n, 3)), checked(numbers(n, 3)), 1e-12)


@pytest.mark.parametrize("name", of_pairs(ag.max))
@pytest.mark.parametrize("row", ROWS)
def test_rows_over_one_of_two_axes(row: str, name: str) -> None:
    """They are NumPy's for any numbers of samples of both."""
    f = of_pairs(ROWS[row])[name]
    compiled, checked = on("loops", f, numbers(3, 2), numbers(4, 2)), Jitted(f, "numpy")
    for n, m in ((3, 4), (1, 1), (5, 130), (130, 5), (121, 1)):
        args = numbers(n, 2), numbers(m, 2, seed=1)
        same(compiled(*args), checked(*args), 1e-12)


def test_slopes_of_a_maximum_within_steps() -> None:
    """Each step of a loop finds out which sample the largest number is of."""

    def f(x: Any) -> Any:
        slope = grad(lambda c: vmap(lambda v: ag.tanh(v * c))(x).max())
        return ag.scan(lambda c, _: (c - 0.1 * slope(c), None), 0.5, None, length=4)[0]

    compiled, checked = on("loops", f, numbers(7)), Jitted(f, "numpy")
    for n in (7, 1, 121):
        same(compiled(numbers(n)), checked(numbers(n)), 1e-12)
    same(checked(numbers(7)), f(numbers(7)), 1e-12)


@pytest.mark.parametrize("row", ROWS)
def test_rows_over_one_of_three_axes(row: str) -> None:
    """An array along two axes may be left, of which each total is stored."""

    def f(x: Any, y: Any, z: Any) -> Any:
        return vmap(
            lambda a: vmap(lambda b: ROWS[row](vmap(lambda c: a[0] * b[0] - c[0] * b[1] + a[1])(z)))(y)
        )(x)

    compiled, checked = on("loops", f, *[numbers(n, 2) for n in (2, 3, 4)]), Jitted(f, "numpy")
    for sizes in ((2, 3, 4), (130, 2, 3), (2, 130, 3), (2, 3, 130)):
        args = [numbers(n, 2, seed=i) for i, n in enumerate(sizes)]
        same(compiled(*args), checked(*args), 1e-12)


@pytest.mark.parametrize(
    ("row", "name", "sizes"),
    [
        ("max", "gradient of both", (130, 5)),
        ("logsumexp", "both axes", (7, 121)),
        ("norm", "both axes", (7, 121)),
    ],
)
def test_numba_compiles_rows_over_axes(row: str, name: str, sizes: tuple[int, int]) -> None:
    """Compiled by Numba they are NumPy's, for pairs and their gradient as well; below is each of one axis."""
    f = of_pairs(ROWS[row])[name]
    compiled, checked = on("numba", f, numbers(3, 2), numbers(4, 2)), Jitted(f, "numpy")
    args = numbers(sizes[0], 2), numbers(sizes[1], 2, seed=1)
    same(compiled(*args), checked(*args), 1e-12)


ANY = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 1000.0, -1000.0, inf, -inf, nan]), st.floats(-50.0, 50.0, width=32)
)


@pytest.fixture(scope="module")
def special() -> Callable[[str, str, Any], tuple[Any, Any]]:
    """Return what a row over an axis and its gradient are by a backend and by NumPy, compiled once each."""
    known: dict[tuple[str, str], Function] = {}

    def both(backend: str, row: str, x: Any) -> tuple[Any, Any]:
        for name in (backend, "numpy"):
            if (name, row) not in known:
                f = value_and_grad(lambda x: ROWS[row](vmap(lambda v: v * 1.0)(x)))
                known[name, row] = on(name, f, np.ones(3))
        return known[backend, row](x), known["numpy", row](x)

    return both


@pytest.mark.parametrize("row", ROWS)
@settings(max_examples=60)
@given(data=st.lists(ANY, min_size=1, max_size=130))
@example(data=[inf, nan])
@example(data=[nan, 1.0])
@example(data=[-inf, -inf])
@example(data=[-inf, 2.0, inf])
@example(data=[2.0] * 130)
@example(data=[0.0, -40.0])
@example(data=[*np.linspace(-700.0, 700.0, 130)])
def test_any_numbers(row: str, data: list[float], special: Function) -> None:
    """Infinities, nan and ties have NumPy's values and derivatives: a tie goes wholly to the first."""
    found, expected = special("numba", row, np.array(data))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-11, atol=1e-300)


@settings(max_examples=60)
@given(data=st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=300))
@example(data=[0.0, -40.0])
@example(data=[-40.0, 0.0])
@example(data=[-1.0, -1.0, -1.0])
@example(data=[2.68852692455251e-14, -16.0])
def test_logsumexp_is_exact(data: list[float], special: Function) -> None:
    """It is within a few units in the last place, also next to 0."""
    found = special("numba", "logsumexp", np.array(data))[0][0]
    with mpmath.workdps(60):
        exact = mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(x)) for x in data))
        error = float(abs(mpmath.mpf(float(found)) - exact))
        shares = [float(mpmath.exp(mpmath.mpf(x) - exact)) for x in data]
    # A difference from the largest is rounded, which has the effect of rounding that number by as much.
    rounded = float(np.dot(shares, np.spacing(np.abs(np.subtract(data, max(data))))))
    assert error <= rounded + 4.0 * float(np.spacing(max(abs(float(exact)), abs(max(data)), 1e-40)))


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_no_samples(backend: str, name: str) -> None:
    """The maximum of nothing raises as NumPy does; without results, there is nothing to raise for."""
    of_all = on(backend, lambda x: ROWS[name](vmap(lambda v: v * v)(x)), np.ones(3))
    with pytest.raises(ValueError, match="zero-size array to reduction operation"):
        of_all(np.ones(0))
    of_pairs = on(
        backend, lambda x, y: vmap(lambda a: ROWS[name](vmap(lambda b: a * b)(y)))(x), np.ones(3), np.ones(2)
    )
    with pytest.raises(ValueError, match="zero-size array to reduction operation"):
        of_pairs(np.ones(2), np.ones(0))
    assert of_pairs(np.ones(0), np.ones(0)).shape == (0,)


@pytest.mark.parametrize("backend", ["numpy", "loops"])
@pytest.mark.parametrize("row", [ag.max, ag.min])
@pytest.mark.parametrize(
    "of", [[nan, nan, nan], [1.0, nan, 2.0, nan], [3.0, 1.0, nan], [2.0, inf, inf], [-inf, -inf]]
)
def test_the_gradient_goes_to_the_first(backend: str, row: Function, of: list[float]) -> None:
    """Of several that are the largest, and of several that are nan."""
    gradient = grad(lambda x: row(vmap(lambda v: v[0] * v[1])(x)))
    x = np.stack([of, np.ones(len(of))], axis=1)
    same(on(backend, gradient, x)(x)[:, 0], gradient(x)[:, 0])


def test_neutral_numbers() -> None:
    """The logsumexp of nothing is -inf, and the norm 0."""
    for name, expected in (("logsumexp", -inf), ("norm", 0.0)):
        f = on("numba", lambda x, row=ROWS[name]: row(vmap(lambda v: v * v)(x)), np.ones(3))
        assert f(np.ones(0)) == expected


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if reduction_of(op) is not None])
@given(data=st.lists(ANY, max_size=20))
def test_a_single_loop_reduces_as_one_loop_each(name: str, data: list[float]) -> None:
    """The accumulators that advance together end as those that have a loop each."""
    reduction = reduction_of(OPS[name])
    assert reduction is not None
    names = [own.name for own in reduction.accumulators]
    elements = OPS[name].parameters if OPS[name].variadic else ("x",)

    def reduced(accumulators: Any, *, together: bool) -> float:
        state = [own.start for own in accumulators]
        steps = [compile_rule(own.step, (*names, *elements), FLOAT) for own in accumulators]
        if together:
            for x in data:
                state = [step(*state, *[x] * len(elements)) for step in steps]
        else:
            for i, step in enumerate(steps):
                for x in data:
                    state[i] = step(*state, *[x] * len(elements))
        return float(compile_rule(reduction.result, names, FLOAT)(*state))

    with np.errstate(all="ignore"):
        one = reduced(reduction.together or reduction.accumulators, together=True)
        each = reduced(reduction.accumulators, together=False)
    np.testing.assert_allclose(one, each, rtol=1e-14, atol=1e-300)


@pytest.mark.filterwarnings("ignore:.* encountered in logsumexp:RuntimeWarning")
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("special", [[], [inf], [-inf], [nan], [inf, -inf], [700.0, 700.0], [-1e300, 1e300]])
def test_logsumexp_of_a_long_array_on_numpy(special: list[float], axis: int) -> None:
    """It is computed by whole arrays, with the rule of the row: as exact as one by one, nan for nan."""
    x = numbers(120, 6)
    x[3, : len(special)] = special
    x[: len(special), 2] = special
    x[:, 4] = -inf
    f = vmap(ag.logsumexp, in_axes=axis)
    compiled = Jitted(lambda x: f(x * 1.0), "numpy")
    same(compiled(x), f(x), 1e-15)
    assert "def logsumexp" in compiled.source
