"""`jit(vmap(f))` of scalar samples: compiled once for any number of samples."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from comparing import evaluated, same
from oracles import intervals, public, sample, split

import autograd
from autograd import OPS, Op, Value, exp, grad, jit, logsumexp, value_and_grad, vmap, where
from autograd.engine.errors import TracedValueError
from autograd.transforms.trees import leaves_of

BACKENDS = ["numpy", "numba"]

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, inf, -inf, nan]

X, Y = np.array([0.5, -1.0, 2.0, 3.0]), np.array([1.5, 0.25, -1.0, 2.0])


def of(op: Op) -> Callable[..., Any]:
    """Return a row as a function with one argument per operand."""
    return lambda *operands: public(op)(*split(op, operands))


def on(backend: str, f: Callable[..., Any], *args: Any) -> Callable[..., Any]:
    """Return a compiled function that already runs on a backend."""
    if backend == "numba":
        pytest.importorskip("numba")
    function = jit(f, backend)
    function(*args)
    function.wait()
    assert function.report().backend == backend
    return function


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_each_row(op: Op) -> None:
    """Each row agrees with eager calls over its domain, also with some operands shared by all samples."""
    columns = np.array(sample(op)).T
    for shared in ([], [0], [len(columns) - 1]):
        axes = tuple(None if i in shared else 0 for i in range(len(columns)))
        if set(axes) == {None}:
            continue
        args = [float(column[0]) if i in shared else column for i, column in enumerate(columns)]
        mapped = vmap(of(op), axes)
        np.testing.assert_allclose(jit(mapped)(*args), mapped(*args), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_each_row_at_special_numbers(op: Op) -> None:
    """At signed zeros, inf and nan a compiled row agrees with an eager call."""
    count = len(intervals(op, size=3))
    if count > 3:
        count = 2
    grid = np.array(np.meshgrid(*[SPECIAL] * count)).reshape(count, -1)
    found = jit(vmap(of(op)))(*grid)
    points = grid.T.tolist()
    # On Values, since Python's floats raise where IEEE 754 defines a result.
    expected = np.array([evaluated(lambda p: float(of(op)(*map(Value, p))), point) for point in points])
    if op.name == "pow":
        # NumPy's own (-inf)**0.5 is nan for a number, and inf for an array.
        expected = np.where(np.isneginf(grid[0]) & (grid[1] == 0.5), found, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    if not op.variadic:
        np.testing.assert_array_equal(
            np.signbit(found[~np.isnan(found)]), np.signbit(expected[~np.isnan(found)])
        )


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a tree": (
        vmap(lambda p, k: {"a": [p[0] * k, exp(p[1])], "b": (p[0] - p[1],)}, (0, None)),
        ((X, Y), 2.0),
    ),
    "a derivative": (vmap(grad(lambda x, y: x * exp(y * x))), (X, Y)),
    "value and derivatives": (vmap(value_and_grad(lambda x, k: x**3 * k, (0, 1)), (0, None)), (X, 2.0)),
    "second derivative": (vmap(grad(grad(lambda x: autograd.tanh(x) * x))), (X,)),
    "whole numbers": (vmap(lambda x, i: where(i == 1, x**2, x)), (X, np.array([0, 1, 1, 0]))),
    "a choice": (vmap(lambda x, y: where(x > y, x, y * y)), (X, Y)),
    "a sum of numbers of both kinds": (vmap(lambda x, k: logsumexp([x, k, x * k]), (0, None)), (X, 0.5)),
    "NumPy's functions": (vmap(lambda x, y: np.exp(x) * np.maximum(x, y)), (X, Y)),
}

TRACED: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "an argument": (vmap(lambda x: (x, +x, x * 1.0, x**1)), (X,)),
    "a result twice": (vmap(lambda x: [exp(x), exp(x)]), (X,)),
    "the same for all": (vmap(lambda x, k: (x * k, k * k, 3.0), (0, None)), (X, 2.0)),
    "rows": (vmap(lambda row: (row * row).sum()), (np.array([X, Y]),)),
    "an array of each sample": (vmap(lambda x: np.array([x, x * x])), (X,)),
    "one sample": (vmap(lambda x: x * x), (X[:1],)),
    "no sample": (vmap(lambda x: x * x), (X[:0],)),
    "another axis": (vmap(lambda x: x * x, -1), (X,)),
    "one for all": (vmap(lambda x, k: k * 2.0, (0, None), None), (X, 2.0)),
    "an array for all": (vmap(lambda x, w: x * (w * w).sum(), (0, None)), (X, Y)),
    "many numbers for all": (vmap(lambda x, w: x * sum(w), (0, None)), (X, list(range(10)))),
    "axes of parts": (vmap(lambda p: p["x"] * p["k"], in_axes=({"x": 0, "k": None},)), ({"x": X, "k": 2.0},)),
    "vmap of vmap": (vmap(vmap(lambda x: x * x)), (np.array([X, Y]),)),
    "vmap inside": (vmap(lambda x: vmap(lambda y: y * x)(np.array([x, 2.0])).sum()), (X,)),
    "a derivative of vmap": (grad(lambda x: vmap(lambda y: y * y)(x).sum()), (X,)),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [*PROGRAMS, *TRACED])
def test_compiled_as_eager(name: str, backend: str) -> None:
    """Compiled and eager calls agree, also at other numbers, and results share no memory."""
    f, args = (PROGRAMS | TRACED)[name]
    compiled = on(backend, f, *args)
    for _ in range(2):
        found = compiled(*args)
        same(found, f(*args))
        leaves = [leaf for leaf in leaves_of((found, args), exact=True)[0] if np.ndim(leaf)]
        assert not any(np.shares_memory(x, y) for i, x in enumerate(leaves) for y in leaves[:i])
        args = tuple(
            arg + 0.25 if isinstance(arg, np.ndarray) and arg.dtype == float else arg for arg in args
        )


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_does_not_grow_with_the_samples(name: str) -> None:
    """Only one sample is traced and compiled."""
    f, args = PROGRAMS[name]
    many = [tuple(np.tile(part, 500) for part in arg) if isinstance(arg, tuple) else arg for arg in args]
    many = [np.tile(arg, 500) if isinstance(arg, np.ndarray) else arg for arg in many]
    reports = []
    for arguments in (args, many):
        compiled = jit(f, "numpy")
        compiled(*arguments)
        reports.append(compiled.report()._replace(seconds=0.0, passes=""))
    assert reports[0] == reports[1]
    assert reports[0].traced < 40


def test_a_function_of_a_sample_is_called_once() -> None:
    """The function of a sample is called only once, in the first call."""
    calls = []

    def f(x: Any) -> Any:
        calls.append(x)
        return x * x

    compiled = jit(vmap(f))
    for shift in range(3):
        np.testing.assert_array_equal(compiled(X + shift), (X + shift) ** 2)
    assert len(calls) == 1


def test_a_branch_on_a_number_of_a_sample() -> None:
    """A branch on a number of a sample raises, as in every compiled function."""
    with pytest.raises(TracedValueError):
        jit(vmap(lambda x: x if x > 0.0 else -x))(X)


def test_a_variable_of_a_call_around_it() -> None:
    """A variable of an outer derivative is not a constant of the program."""
    assert grad(lambda w: jit(vmap(lambda x: x * w))(X).sum())(2.0) == X.sum()
    w = Value(3.0)
    jit(vmap(lambda x: x * w))(np.array([Value(1.0), Value(2.0)]))[1].backward()
    assert w.grad == 2.0


def test_products_of_any_number_of_dimensions() -> None:
    """The gradient of two heads of attention, laid out in five dimensions, is the eager one."""
    rng = np.random.default_rng(0)
    q, k, s, t = (rng.normal(size=shape) for shape in ((16, 16), (16, 16), (16, 7), (4, 5, 16)))

    def f(q: Any, k: Any, s: Any, t: Any) -> Any:
        def one(t: Any) -> Any:
            a, b = t @ q, t @ k
            heads = [(a[:, p] @ b[:, p].T) @ b[:, p] for p in (slice(0, 8), slice(8, 16))]
            return ((np.concatenate(heads, axis=1) @ s) ** 2).sum()

        return vmap(one)(t).sum()

    both = value_and_grad(f)
    compiled, eager = jit(both, "numpy")(q, k, s, t), both(q, k, s, t)
    np.testing.assert_allclose(compiled[0], eager[0], rtol=1e-12)
    np.testing.assert_allclose(compiled[1], eager[1], rtol=1e-10)


REPEATED: dict[str, Callable[..., Any]] = {
    "as it is": lambda w: vmap(lambda x: +w)(w),
    "computed": lambda w: vmap(lambda x: exp(w))(w),
    "beside a sample": lambda w: vmap(lambda x: {"own": x * x, "shared": w * 2.0})(w),
    "for other samples": lambda w: vmap(lambda x: w * 2.0)(np.ones(5)),
    "twice": lambda w: vmap(lambda x: vmap(lambda y: w * 2.0)(x))(w),
    "a number": lambda w: vmap(lambda x: w[0, 1] * 2.0)(w),
}


def varied(array: Any) -> Any:
    """Return an array of the same shape whose numbers all differ."""
    return np.arange(1.0, 1.0 + np.size(array)).reshape(np.shape(array))


@pytest.mark.parametrize("transform", ["vjp", "jvp", "jacobian", "hessian"])
@pytest.mark.parametrize("f", REPEATED.values(), ids=REPEATED.keys())
def test_what_does_not_depend_on_the_sample(f: Callable[..., Any], transform: str) -> None:
    """What each sample repeats gets the sum of what flows back to it from all of them."""
    w = np.array([[0.5, -0.25], [1.5, 2.0], [0.75, 1.25]])

    # Made before the trace, which keeps whole what nobody looks at.
    found = f(w)
    cotangents = {key: varied(of) for key, of in found.items()} if isinstance(found, dict) else varied(found)

    def derived(w: Any) -> Any:
        if transform == "vjp":
            return autograd.vjp(f, w)[1](cotangents)
        if transform == "jvp":
            return autograd.jvp(f, (w,), (w * 0.5,))
        return getattr(autograd, transform)(f)(w)

    same(evaluated(jit(derived, "numpy"), w), evaluated(derived, w))
