"""NumPy's functions on arrays of Values, differentiated and compiled, compared with JAX."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes, valid_tuple_axes
from loops_backend import loops as loops
from loops_backend import on
from mpmath import mp

import autograd
from autograd import Value, as_values, data, grad, grads, hessian, jit, jvp, lambdify, value_and_grad, vmap
from autograd.engine.errors import TracedValueError
from autograd.functions.value_array import ASKING, OWN, RECORDED, ValueArray
from autograd.show.text.formulas import expression

jax = pytest.importorskip("jax")

Namespace = Any
Function = Callable[[Namespace, Any], Any]

X = np.array([[1.5, -0.4, 2.25], [0.3, -1.75, 0.8]])
POINTS = np.array([-2.0, -0.5, 0.75, 3.0])
Y = np.array([[0.5, -2.5, 1.0], [-0.6, 1.2, 0.9]])


pytestmark = pytest.mark.usefixtures("jax_in_doubles")


CHOOSING: dict[str, Function] = {
    "greater": lambda n, x: (x > 0.5) * x,
    "greater of floats": lambda n, x: (np.float64(0.5) > x[0, 0]) + (x < Y) * x,
    "comparison with an array": lambda n, x: (x <= Y) * x + (x == X) * x * x + (x != x.T.reshape(2, 3)) * x,
    "where": lambda n, x: n.where(x > 0.5, x * x, -x),
    "where broadcasts": lambda n, x: n.where(x[:, :1] > 0.5, x[0] * x, 2.0),
    "where of floats": lambda n, x: n.where(Y > 0.5, x, 3.0 * x),
    "where guards": lambda n, x: n.where(x > 0.0, n.log(n.where(x > 0.0, x, 1.0)), x),
    "select": lambda n, x: n.select([x > 1.0, x > 0.0], [x * x, n.sin(x)], 3.0 * x),
    "and": lambda n, x: n.where((x > -1.0) & (x < 1.0), x * x, x),
    "or": lambda n, x: n.where((x < -1.0) | (x > 1.0), x * x, x),
    "xor": lambda n, x: n.where((x < 1.0) ^ (x > 0.0), x * x, x),
    "not": lambda n, x: n.where(~(x > 1.0), x * x, x),
    "and with bools": lambda n, x: n.where((x > 0.0) & (Y > 0.0), x * x, x),
    "logical": lambda n, x: n.where(n.logical_and(x, n.logical_not(x > 1.0)), x * x, n.logical_or(x, Y) * x),
    "any": lambda n, x: n.where(n.any(x > 1.0, axis=0), x * x, n.all(x > 0.0) * x),
    "maximum": lambda n, x: n.maximum(x, 0.5) * n.maximum(Y, x) * n.fmax(x, 0.1),
    "minimum": lambda n, x: n.minimum(x, 0.5) * n.minimum(Y, x) * n.fmin(x, 0.1),
    "clip": lambda n, x: n.clip(x, -0.5, 1.0) * x + n.clip(x, None, 1.0) + n.clip(x, Y - 2.0, Y + 2.0),
    "clip method": lambda n, x: x.clip(-0.5, 1.0) * x + x.clip(0.1),
    "heaviside": lambda n, x: n.heaviside(x, 0.5) * x,
    "nan_to_num": lambda n, x: n.nan_to_num(x * x, posinf=3.0),
    "nansum": lambda n, x: n.nansum(x * x, axis=1) + n.nanmean(x) + n.nanmax(x, axis=1) + n.nanmin(x),
    "isnan": lambda n, x: n.where(n.isnan(x) | n.isinf(x) | ~n.isfinite(x), 0.0, x * x),
    "signbit": lambda n, x: n.where(n.signbit(x), 0.0, x * x),
}
ELEMENT_WISE: dict[str, Function] = {
    name: lambda n, x, name=name: getattr(n, name)(x)
    for name in (
        "abs",
        "absolute",
        "fabs",
        "negative",
        "positive",
        "square",
        "reciprocal",
        "exp",
        "exp2",
        "expm1",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "arctan",
        "sin",
        "cos",
        "tan",
        "cbrt",
        "sign",
        "floor",
        "ceil",
        "trunc",
        "rint",
        "round",
        "degrees",
        "radians",
        "deg2rad",
        "rad2deg",
        "conjugate",
        "sinc",
    )
} | {
    "roots and logarithms": lambda n, x: sum(
        getattr(n, name)(x * x + 1.5) for name in ("sqrt", "log", "log2", "log10", "log1p", "arccosh")
    ),
    "inverses": lambda n, x: n.arcsin(x / 3.0) + n.arccos(x / 3.0) * n.arctanh(x / 3.0),
    "floor_divide": lambda n, x: (x // 0.7) * x + Y // x,
    "remainder": lambda n, x: (x % 0.7) * x + Y % x + n.mod(x, 1.3) + n.remainder(x, Y),
    "fmod": lambda n, x: n.fmod(x, 0.7) * x + n.fmod(Y, x),
    "divmod": lambda n, x: n.divmod(x, 0.7)[0] * x + n.divmod(x, 0.7)[1],
    "copysign": lambda n, x: n.copysign(x, Y) * x,
    "logaddexp": lambda n, x: n.logaddexp(x, Y) * n.logaddexp(x, 1.0),
    "float_power": lambda n, x: n.float_power(x * x, 1.3) + n.power(x, 3.0) + 2.0**x,
    "arctan2 and hypot": lambda n, x: n.arctan2(x, Y) * n.hypot(x, Y),
    "arithmetic": lambda n, x: (1.0 - x) / (x * x + 2) - (x @ x.T).sum(axis=1).reshape(2, 1) @ n.ones((1, 3)),
    "round to decimals": lambda n, x: n.round(x, 1) * x + x.round(2),
}
REDUCING: dict[str, Function] = {
    "sum": lambda n, x: n.sum(x * x) + x.sum(axis=0) + n.sum(x, axis=1, keepdims=True),
    "mean": lambda n, x: n.mean(x * x) + x.mean(axis=0) + n.mean(x, axis=1, keepdims=True),
    "prod": lambda n, x: n.prod(x) + x.prod(axis=0),
    "max": lambda n, x: n.max(x) * x.max(axis=0) + n.max(x, axis=1, keepdims=True) + n.max(x, initial=0.1),
    "min": lambda n, x: n.min(x) * x.min(axis=0) + n.min(x, axis=1, keepdims=True),
    "ptp": lambda n, x: n.ptp(x, axis=0) * n.ptp(x),
    "var": lambda n, x: n.var(x) + x.var(axis=0) * n.var(x, axis=1, ddof=1, keepdims=True),
    "std": lambda n, x: n.std(x) + x.std(axis=0) * n.std(x, axis=1, ddof=1, keepdims=True),
    "average": lambda n, x: n.average(x, weights=n.abs(Y)) * n.average(x, axis=1, weights=x[0]),
    "cumsum": lambda n, x: n.cumsum(x * x) * 2.0,
    "cumsum along an axis": lambda n, x: n.cumsum(x, axis=1) * x.cumsum(axis=0) + n.cumprod(x, axis=1),
    "norm": lambda n, x: n.linalg.norm(x) * n.linalg.norm(x[0]) + n.linalg.norm(x, axis=0),
    "vector norms": lambda n, x: sum(n.linalg.norm(x[0], order) for order in (1, 2, 3, n.inf, -n.inf)),
    "matrix norms": lambda n, x: sum(n.linalg.norm(x, order) for order in (1, -1, n.inf, -n.inf, "fro")),
    "diff": lambda n, x: n.diff(x, axis=1) * n.diff(x, n=1, axis=1),
    "trapezoid": lambda n, x: n.trapezoid(x * x, axis=1) * n.trapezoid(x[0], Y[0]),
    "outer of maximum": lambda n, x: (
        np.maximum.outer(x[0], x[1]) if n is np else n.maximum(x[0][:, None], x[1])
    ),
}
PRODUCTS: dict[str, Function] = {
    "dot": lambda n, x: n.dot(x, x.T) @ x + n.dot(Y, x.T) @ x,
    "matmul": lambda n, x: n.matmul(x, Y.T) @ x,
    "inner and outer": lambda n, x: n.inner(x, Y) @ n.outer(x[:, 0], x[1]),
    "vdot": lambda n, x: n.vdot(x[0], x[1]) * x,
    "vecdot": lambda n, x: n.vecdot(x, Y) if hasattr(n, "vecdot") else (x * Y).sum(axis=-1),
    "einsum": lambda n, x: n.einsum("ij,kj->ik", x, Y) @ n.einsum("ij,ij->ij", x, x),
    "tensordot": lambda n, x: n.tensordot(x, Y, axes=([1], [1])) @ x,
    "kron": lambda n, x: n.kron(x, Y),
    "cross": lambda n, x: n.cross(x, Y) * n.cross(x[0], x[1]),
    "convolve": lambda n, x: n.convolve(x[0], x[1]) * n.correlate(x[0], Y[0], "full"),
    "polyval": lambda n, x: n.polyval(x[0], x[1]),
    "matrix_power": lambda n, x: n.linalg.matrix_power(x[:, :2], 3) + n.linalg.multi_dot([x, Y.T, x @ Y.T]),
    "trace": lambda n, x: n.trace(x @ Y.T) * n.diagonal(x) * n.diag(x[0]).sum(),
    "vander": lambda n, x: n.vander(x[0], 3),
}
MOVING: dict[str, Function] = {
    "stack": lambda n, x: n.stack([x[0], x[1] * 2.0, Y[0]]) * n.stack([x[0, 0], x[1, 1], 2.0]),
    "concatenate": lambda n, x: n.concatenate([x, Y, x * x]) * n.vstack([x, x, Y]),
    "hstack": lambda n, x: n.hstack([x, Y]) * n.column_stack([x[:, 0], x, Y[:, :2]]),
    "block": lambda n, x: n.block([[x, Y], [Y, x * x]]),
    "pad": lambda n, x: n.pad(x * x, ((1, 2), (0, 1)), constant_values=0.5) * 2.0,
    "pad by edges": lambda n, x: (
        n.pad(x, 1, mode="edge") * n.pad(x, 1, mode="reflect") * n.pad(x, 1, mode="wrap")
    ),
    "roll and flip": lambda n, x: n.roll(x, 1) * n.flip(x) + n.roll(x, 1, axis=1) + n.fliplr(x) * n.flipud(x),
    "rot90": lambda n, x: n.rot90(x * x) * Y.T,
    "take": lambda n, x: n.take(x * x, n.array([2, 0]), axis=1) * x[:, [1, 1]],
    "tile and repeat": lambda n, x: n.tile(x, (1, 2)) * n.repeat(x, 2, axis=1),
    "reshape": lambda n, x: n.reshape(x, (3, 2)) @ x.reshape(2, -1) + n.ravel(x)[0] + n.swapaxes(x, 0, 1) @ x,
    "split": lambda n, x: sum(n.split(x * x, 3, axis=1)) + n.array_split(x, 2)[0][0, 0],
    "expand": lambda n, x: n.squeeze(n.expand_dims(x, 0)) * n.broadcast_to(x[0], (2, 3)) + n.atleast_2d(x[0]),
    "triangles": lambda n, x: n.tril(x * x) + n.triu(x) * Y,
    "meshgrid": lambda n, x: n.meshgrid(x[0], x[1])[0] * n.meshgrid(x[0], x[1])[1],
    "append": lambda n, x: n.append(x, Y[:, :1], axis=1) * n.insert(x, 1, 3.0, axis=1),
    "delete": lambda n, x: n.delete(x * x, 1, axis=1) * 2.0,
    "moveaxis": lambda n, x: n.moveaxis(x, 0, 1) @ n.transpose(x.T),
    "like": lambda n, x: n.ones_like(x) * x + n.full_like(x, 2.0) * x + n.zeros_like(x),
}
ALONG_A_LINE: dict[str, Function] = {
    "interp": lambda n, x: n.interp(x, POINTS, n.sin(POINTS)) * x,
    "interp of ordinates": lambda n, x: n.interp(Y, POINTS, n.concatenate([x[0], x[1, :1]])),
    "interp beyond": lambda n, x: n.interp(
        x, n.array([0.0, 1.0]), n.array([2.0, 3.0]), left=-1.0, right=x[0, 0]
    ),
    "gradient": lambda n, x: n.gradient(x * x, axis=1) * n.gradient(x, 0.5, axis=1),
    "gradients": lambda n, x: n.gradient(x * x)[0] * n.gradient(x, 0.5, 2.0)[1],
}
TRACEABLE = CHOOSING | ELEMENT_WISE | REDUCING | PRODUCTS | MOVING | ALONG_A_LINE
BY_THEIR_NUMBERS: dict[str, Function] = {
    "mask": lambda n, x: x[np.asarray(X) > 0.0] if n is not np else x[x > 0.0],
    "sort": lambda n, x: n.sort(x * x, axis=0) * n.sort(x, axis=1) + n.sort(x, axis=None)[2],
    "median": lambda n, x: n.median(x) + n.median(x, axis=0) * n.median(x * x, axis=1, keepdims=True),
    "quantile": lambda n, x: n.quantile(x, 0.3) + n.quantile(x, n.array([0.1, 0.6]), axis=1)[:, :1] * x,
    "percentile": lambda n, x: n.percentile(x, 30.0, axis=1, keepdims=True) * x,
    "argmax": lambda n, x: x[n.argmax(x, axis=0), n.arange(3)] * x.ravel()[n.argsort(x, axis=None)[2]],
    "searchsorted": lambda n, x: x[0] * n.searchsorted(POINTS, x[1]),
}
ALL = TRACEABLE | BY_THEIR_NUMBERS


def scalar(f: Function, n: Namespace) -> Callable[[Any], Any]:
    """Return a function whose result is a weighted sum of all results of another."""

    def weighted(x: Any) -> Any:
        result = f(n, x)
        parts = result if isinstance(result, (list, tuple)) else [result]
        return sum(n.sum(np.cos(np.arange(np.prod(np.shape(p)))).reshape(np.shape(p)) * p) for p in parts)

    return weighted


@pytest.mark.parametrize("name", ALL)
def test_beside_jax(name: str) -> None:
    """Value, gradient, tangent and Hessian of NumPy's functions agree with JAX."""
    ours, theirs = scalar(ALL[name], np), scalar(ALL[name], jax.numpy)
    both = jax.jit(lambda x, t: jax.jvp(jax.value_and_grad(theirs), (x,), (t,)))
    (value, gradient), (tangent, product) = both(X, Y)
    found, slopes = value_and_grad(ours)(X)
    np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(slopes, gradient, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(jvp(ours, (X,), (Y,))[1], tangent, rtol=1e-10, atol=1e-11)
    along = np.tensordot(hessian(ours)(X), Y)
    np.testing.assert_allclose(along, product, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ALL)
def test_results_are_arrays_that_record(name: str) -> None:
    """NumPy's functions return arrays of Values or single Values, also for plain object arrays."""
    for x in (as_values(X), np.array(as_values(X), dtype=object, subok=False)):
        result = ALL[name](np, x) if isinstance(x, ValueArray) else np.multiply(x, as_values(np.ones((2, 3))))
        for part in result if isinstance(result, (list, tuple)) else [result]:
            assert isinstance(part, (Value, ValueArray))


@pytest.mark.parametrize("name", TRACEABLE)
@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_compiled(name: str, backend: str) -> None:
    """A compiled function is right at other numbers too: no choice is fixed by the trace."""
    f = scalar(TRACEABLE[name], np)
    program = on(backend, value_and_grad(f), X)
    for x in (X, -X[::-1] + 0.05, 0.37 * X + 0.21):
        value, gradient = program(x)
        expected, slopes = value_and_grad(f)(x)
        np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    "names",
    [
        [
            "where",
            "select",
            "and",
            "or",
            "xor",
            "not",
            "any",
            "maximum",
            "minimum",
            "clip",
            "isnan",
            "nan_to_num",
        ],
        [
            "floor",
            "rint",
            "cbrt",
            "exp2",
            "floor_divide",
            "remainder",
            "fmod",
            "roots and logarithms",
            "interp",
        ],
    ],
)
def test_compiled_by_numba(names: list[str]) -> None:
    """The Numba backend chooses and rounds as the NumPy backend does."""
    fs = [scalar(TRACEABLE[name], np) for name in names]
    program = on("numba", lambda x: [f(x) for f in fs], X)
    for x in (X, -X[::-1] + 0.05):
        np.testing.assert_allclose(program(x), [f(x) for f in fs], rtol=1e-10)


@pytest.mark.parametrize("name", TRACEABLE)
def test_mapped(name: str) -> None:
    """A per-sample function can be mapped over samples, also differentiated and compiled."""
    f = scalar(TRACEABLE[name], np)
    samples = np.stack([X, -X[::-1] + 0.05])
    each = [value_and_grad(f)(x) for x in samples]
    for mapped in (vmap(value_and_grad(f)), on("numpy", vmap(value_and_grad(f)), samples)):
        values, slopes = mapped(samples)
        np.testing.assert_allclose(values, [value for value, _ in each], rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(slopes, [slope for _, slope in each], rtol=1e-9, atol=1e-10)


# What JAX lacks, or answers in another form: a tuple where NumPy has an array, numbers where it raises.
BESIDE_NUMPY: dict[str, Callable[[Any], Any]] = {
    "average": lambda x: np.average(x) + np.average(x, axis=1, weights=[1.0, 2.0, 3.0], returned=True)[0],
    "average over axes": lambda x: np.average(
        np.stack([x, x * x]), axis=(2, 0), weights=np.arange(6).reshape(3, 2)
    ),
    "norm 0": lambda x: np.linalg.norm(x, 0, axis=1, keepdims=True) + x,
    "linspace": lambda x: np.linspace(x[0, 0], x[1, 1], 5),
    "linspace of arrays": lambda x: np.linspace(x[0], x, 3) * np.linspace(1.0, x, 3, endpoint=False),
    "linspace along an axis": lambda x: np.linspace(x, 2.0, 4, axis=-1) @ np.arange(4),
    "linspace and its step": lambda x: np.multiply(*np.linspace(x, x[:1], 4, retstep=True)),
    "steps of one number": lambda x: np.linspace(x[0, 0], x[0, 1], 1),
    "gradient of edges": lambda x: np.gradient(x, [0.0, 1.0, 2.5], axis=1, edge_order=2),
    "gradient along one of several": lambda x: np.gradient(x, axis=(1,)) * np.gradient(x, 0.5, axis=(0,)),
    "median over axes": lambda x: (
        np.median(x, axis=(0, 1)) * np.median(np.stack([x, x * x + 0.1]), axis=(-1, 0))
    ),
    "quantile over axes": lambda x: np.quantile(
        np.stack([x, x * x + 0.1]), [[0.1, 0.5]], axis=(0, 2), keepdims=True
    ),
    "median of inf": lambda x: np.median(np.concatenate([x[0], [np.inf] * 3])),
    "median among inf": lambda x: np.median(np.append(x[0], [np.inf] * 4)),
    "median of nan": lambda x: np.median(np.stack([x[0], x[1] * [1.0, np.nan, 1.0]]), axis=1),
    "quantile next to inf": lambda x: np.quantile(np.append(x[0], np.inf), [0.0, 1.0 / 3.0]),
    "quantile in an array": lambda x: np.quantile(x, 0.5, out=np.empty((), dtype=x.dtype)),
    "nanmax of nothing": lambda x: np.nanmax(np.where(X[:, ::-1] > 0.4, np.nan, x), 0),
    "nanmin of nothing": lambda x: np.nanmin(np.where(X < 0.0, np.nan, x), axis=1, keepdims=True),
    "nanmax from a number": lambda x: np.nanmax(
        np.where(X < 1.0, np.nan, x), axis=0, initial=-1.0, out=np.empty(3, dtype=x.dtype)
    ),
    "sums of some": lambda x: (
        np.sum(x, axis=1, where=Y > 0.0) + x.mean(where=Y > 0.0) * np.prod(x, where=Y < 0.0, initial=2.0)
    ),
    "pad by odd reflection": lambda x: np.pad(x, ((0, 0), (1, 2)), mode="reflect", reflect_type="odd"),
    "sorted in place": lambda x: next(y for y in [x.copy()] if y.sort(axis=0) is None),
    "indices": lambda x: x[x.argmax(axis=0), x.argmin(axis=1)[:1]] * x.argsort()[0],
    "indices of a condition": lambda x: x[np.where(x > 0.0)],
    "like an array": lambda x: np.full_like(x, x[0, 0], shape=2),
}


@pytest.mark.parametrize("name", BESIDE_NUMPY)
def test_beside_numpy(name: str) -> None:
    """Values are NumPy's, in its shape, and the tangent is its difference between two close points."""
    f, step = BESIDE_NUMPY[name], 1e-6 * Y
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of arrays without numbers
        expected, found = f(X), f(as_values(X))
        differences = (f(X + step) - f(X - step)) / 2e-6
        tangent = jvp(f, (X,), (Y,))[1]
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(data(found), expected, rtol=1e-15)
    known = np.isfinite(differences)
    np.testing.assert_allclose(
        np.asarray(tangent)[known], np.asarray(differences)[known], rtol=1e-6, atol=1e-8
    )


def test_plain_numbers_of_a_dtype() -> None:
    """A dtype that was asked for is the result's; between two numbers, that of objects stands for floats."""
    x = as_values(4.0 * X)
    for dtype in (int, float, bool):
        for made in (np.zeros_like(x, dtype), np.full_like(x, 2.5, dtype=dtype)):
            assert made.dtype == dtype
    assert np.full_like(x, 2.5, int).tolist() == [[2, 2, 2], [2, 2, 2]]
    assert (
        np.linspace(x[0, 0], x[0, 1], 4, dtype=int).tolist() == np.linspace(6.0, -1.6, 4, dtype=int).tolist()
    )
    assert np.linspace(x[0, 0], 8.0, 3, dtype=object).dtype == float


def test_nothing_but_nan_is_seen_by_a_program() -> None:
    """The largest of numbers that are all nan is nan, and its own number otherwise, in one program."""
    program = jit(lambda x: (np.nanmax(x), np.nanmin(x, axis=0)))
    for x in (X, X * [1.0, np.nan, 1.0], X * np.nan):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = np.nanmax(x), np.nanmin(x, axis=0)
        largest, smallest = program(x)
        np.testing.assert_array_equal(largest, expected[0])
        np.testing.assert_array_equal(smallest, expected[1])


def test_questions_about_single_values() -> None:
    """A question gets a plain answer for a single Value, and for an array compared with texts."""
    assert np.searchsorted(POINTS, as_values(X)[0, 0]) == 3
    assert np.isclose(as_values(X)[0, 0], 1.5) is np.True_
    answers = as_values(X[0]) == np.array(["a", "b", "c"])
    assert (answers.dtype, answers.tolist()) == (bool, [False] * 3)


def test_texts_of_arrays() -> None:
    """NumPy's functions that write an array write its Values."""
    x = as_values(X[0, :2])
    expected = "[Value(1.5) Value(-0.4)]"
    assert (np.array_str(x), np.array2string(x)) == (expected, expected)
    assert np.array_repr(x) == "array([Value(1.5), Value(-0.4)], dtype=object)"


# ---------------------------------------------------------------------------------------------- any shapes

SHAPES = mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0)
BINARY = [
    np.add,
    np.multiply,
    np.divide,
    np.maximum,
    np.fmin,
    np.hypot,
    np.less,
    np.floor_divide,
    np.logical_or,
]


@given(shapes=SHAPES, ufunc=st.sampled_from(BINARY), seed=st.integers(0, 99), plain=st.integers(0, 2))
def test_shapes_are_broadcast(shapes: Any, ufunc: np.ufunc, seed: int, plain: int) -> None:
    """Operands of any shapes are broadcast as in NumPy: strided, empty, with plain numbers."""
    rng = np.random.default_rng(seed)
    x, y = (rng.uniform(0.5, 2.0, shape[::-1]).T.round(1) for shape in shapes.input_shapes)
    operands = [x if plain == 1 else as_values(x), y if plain == 2 else as_values(y)]
    out = ufunc(*operands)
    assert np.shape(out) == shapes.result_shape
    np.testing.assert_allclose(data(out), ufunc(x, y), rtol=1e-14)


@given(
    shape=array_shapes(min_dims=1, max_dims=3, max_side=3),
    ufunc=st.sampled_from([np.add, np.multiply, np.maximum, np.minimum, np.logaddexp, np.logical_and]),
    draw=st.data(),
)
def test_axes_are_reduced(shape: tuple[int, ...], ufunc: np.ufunc, draw: st.DataObject) -> None:
    """Reductions along any axes, and cumulative ones, agree with NumPy."""
    axes = draw.draw(st.none() | st.integers(-len(shape), len(shape) - 1) | valid_tuple_axes(len(shape)))
    keepdims = draw.draw(st.booleans())
    x = np.random.default_rng(0).uniform(-1.0, 1.0, shape).round(1)
    reduced = ufunc.reduce(as_values(x), axis=axes, keepdims=keepdims)
    expected = ufunc.reduce(x, axis=axes, keepdims=keepdims)
    assert np.shape(reduced) == np.shape(expected)
    np.testing.assert_allclose(data(reduced), expected, rtol=1e-13, atol=1e-13)
    running = ufunc.accumulate(as_values(x), axis=len(shape) - 1)
    np.testing.assert_allclose(
        data(running), ufunc.accumulate(x, axis=len(shape) - 1), rtol=1e-13, atol=1e-13
    )
    outer = ufunc.outer(as_values(x), x)
    np.testing.assert_allclose(data(outer), ufunc.outer(x, x), rtol=1e-13, atol=1e-13)


# ------------------------------------------------------------------------------------- what is not recorded


def functions_of_numpy() -> list[Any]:
    """Return the functions of NumPy that dispatch through `__array_function__`."""
    found = [getattr(module, name) for module in (np, np.linalg, np.fft) for name in module.__all__]
    names = {f"{f.__module__}.{f.__name__}": f for f in found if hasattr(f, "_implementation")}
    return [names[name] for name in sorted(names)]


@pytest.mark.parametrize("function", functions_of_numpy(), ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_every_function_is_recorded_or_refused(function: Any) -> None:
    """A function without a known derivative raises, and says what to do."""
    if function in OWN or function in RECORDED or function in ASKING:
        return
    with pytest.raises(TypeError, match=rf"{function.__name__} has no differentiation rule .* autograd.data"):
        as_values(X).__array_function__(function, (ValueArray,), (as_values(X),), {})


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (
            lambda x: x[x > 0.0].sum(),
            r"x\[mask\] has as many elements as the mask holds, .* np.where\(mask, x",
        ),
        (lambda x: x[0, x[0] > 0.0].sum(), "np.where"),
        (lambda x: np.sort(x).sum(), "not known while the function is traced"),
        (lambda x: x[np.argmax(x, axis=0), 0].sum(), "not known while the function is traced"),
        (lambda x: 1.0 if np.any(x > 0.0) else 2.0, "not known while the function is traced"),
        (lambda x: x.astype(int).sum(), "not known while the function is traced"),
        (lambda x: np.asarray(x, dtype=float).sum(), "not known while the function is traced"),
        (lambda x: np.zeros(3) + np.histogram(x)[0].sum(), "not known while the function is traced"),
    ],
)
def test_refused_while_traced(f: Callable[[Any], Any], message: str) -> None:
    """Operations that need the numbers of traced values raise."""
    with pytest.raises(TracedValueError, match=message):
        jit(f)(X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.fft.fft(x), "np.fft.fft has no differentiation rule"),
        (lambda x: np.linalg.solve(x @ x.T, x), "np.linalg.solve has no differentiation rule"),
        (lambda x: np.gcd(x, 2), "np.gcd has no differentiation rule"),
        (lambda x: np.sum(x, dtype=np.float32), "dtype=float or object, since Values are floats, got dtype"),
        (lambda x: np.pad(x, 1, mode="mean"), "got 'mean'"),
        (lambda x: np.interp(x, POINTS, POINTS, period=2.0), "takes no period"),
        (lambda x: np.linalg.norm(x, 2), "got 2 along 2 dimensions"),
        (lambda x: np.linalg.norm(x[0], "fro"), "got 'fro' along 1 dim"),
        (lambda x: np.linalg.norm(x[0], "nuc"), "got 'nuc' along 1 dim"),
        (lambda x: np.linalg.norm(x[None], 1), "got 1 along 3 dimensions"),
        (lambda x: np.where(x > 0.0, x), "a condition alone or with two choices, got 1"),
        (lambda x: np.gradient(x, 1.0, 1.0, 1.0), "a spacing for each of 2 axes"),
        (lambda x: np.quantile(x, 0.5, method="lower"), "got 'lower'"),
        (lambda x: x & x, "& expected comparisons such as a > 0, got Value"),
        (lambda x: ~x, "~ expected comparisons such as a > 0, got Value"),
        (lambda x: x[0, 0] | True, r"\| expected comparisons"),
        (lambda x: x * "a", "'a'"),
        (lambda x: x * 1j, "1j"),
        (lambda x: np.add(X, x, out=np.empty((2, 3))), "cannot hold Values in place"),
        (lambda x: np.exp(x, where=x > 0.0), "needs out="),
    ],
)
def test_refused(call: Callable[[Any], Any], message: str) -> None:
    """Operations without a derivative raise a TypeError that says so."""
    with pytest.raises(TypeError, match=message):
        call(as_values(X))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.quantile(x, 1.01), r"quantiles from 0 to 1, .* got a share of 1\.01"),
        (lambda x: np.percentile(x, [5.0, -1.0]), "percentiles from 0 to 100, got a share of"),
        (lambda x: np.quantile(x[:0], 0.5), "expected numbers, got an empty array"),
        (lambda x: np.median(x, axis=2), "axis 2 is out of bounds for array of dimension 2"),
        (
            lambda x: np.average(x, axis=1, weights=x[:, 0]),
            r"shape \(2, 3\) expected .* got shape \(2,\) and axis=1",
        ),
        (lambda x: np.average(x, weights=x[0]), r"got shape \(3,\) and axis=None"),
        (lambda x: np.interp(x, POINTS, POINTS[:3]), r"points of one shape \(n,\), got \(4,\) and \(3,\)"),
        (lambda x: np.gradient(x[:, :2], edge_order=2), "more than 2 numbers along an axis, got 2"),
        (lambda x: np.gradient(x, [0.0, 1.0], axis=1), "a place for each of 3 numbers, got 2"),
    ],
)
def test_wrong_shapes_and_shares(call: Callable[[Any], Any], message: str) -> None:
    """What NumPy refuses is refused, rather than computed from other numbers."""
    with pytest.raises(ValueError, match=message):
        call(as_values(X))


def into_floats(x: Any) -> Any:
    """Return the squares, assigned to an array of floats."""
    out = np.zeros(3)
    for i in range(3):
        out[i] = x[0, i] ** 2
    return out.sum()


@pytest.mark.parametrize(
    "f",
    [
        into_floats,
        lambda x: np.asarray(x, dtype=float).sum(),
        lambda x: np.array(x, dtype=float).sum(),
        lambda x: np.array(x.tolist(), dtype=float).sum(),
        lambda x: np.float64(x[0, 0]) * 2.0,
        lambda x: x.astype(int).sum(),
        lambda x: x.astype(np.float32).sum(),
        lambda x: np.linspace(x[0, 0], 1.0, dtype=float).sum(),
        lambda x: np.fromiter(x.ravel(), dtype=float).sum(),
    ],
)
@pytest.mark.parametrize(
    "transform", [grad, lambda f: jit(f), lambda f: lambda x: jvp(f, (x,), (x,)), hessian]
)
def test_derivatives_are_not_lost(transform: Callable[..., Any], f: Callable[[Any], Any]) -> None:
    """Every way of converting differentiated or traced values to plain floats raises."""
    with pytest.raises(
        TypeError, match=r"asks for a number that is not known|makes a plain number of what is"
    ):
        transform(f)(X)


def test_arrays_like_others_hold_values() -> None:
    """`zeros_like` of an array of Values can hold Values, so elements can be assigned."""

    def f(x: Any) -> Any:
        out = np.zeros_like(x)
        for i in range(3):
            out[:, i] = x[:, i] ** (i + 1)
        return out.sum()

    expected = np.array([1.0, 2.0, 3.0]) * X ** [0, 1, 2]
    for transform in (grad, lambda f: jit(grad(f))):
        np.testing.assert_allclose(transform(f)(X), expected)


# ---------------------------------------------------------------------------------- masks and comparisons


def test_masks() -> None:
    """Outside a trace, a mask selects elements and assigns to them."""
    x = as_values(X)
    assert data(x[x > 0.0]).tolist() == X[X > 0.0].tolist()
    assert data(x[x[:, 0] > 1.0, 1:]).tolist() == X[X[:, 0] > 1.0, 1:].tolist()
    y = x * 1.0
    y[y < 0.0] = 0.0
    y[x > 2.0] = as_values([7.0])
    expected = np.where(X < 0.0, 0.0, X)
    expected[X > 2.0] = 7.0
    assert data(y).tolist() == expected.tolist()
    total: Any = np.sum(y * y)
    total.backward()
    np.testing.assert_array_equal(np.nan_to_num(grads(x)), np.where((X < 0.0) | (X > 2.0), 0.0, 2.0 * X))


def test_assigning_by_a_mask_is_traced() -> None:
    """In a trace, a single number can be assigned through a mask that depends on the arguments."""

    def rectified(x: Any) -> Any:
        y = x * x
        y[x < 0.0] = 0.0
        return y.sum()

    program = jit(value_and_grad(rectified))
    for x in (X, -X):
        value, slopes = program(x)
        assert value == pytest.approx(np.where(x < 0.0, 0.0, x * x).sum())
        np.testing.assert_allclose(slopes, np.where(x < 0.0, 0.0, 2.0 * x))


def test_comparisons_are_nodes() -> None:
    """A graph with comparisons of arrays keeps both branches and can be replayed with other numbers."""
    x = as_values(X, label="x")
    program = lambdify(np.sum(np.where((x > 0.0) & ~(x > 2.0), x, -x)), list(x.ravel()))
    for numbers in (X, -X):
        expected = np.where((numbers > 0.0) & ~(numbers > 2.0), numbers, -numbers).sum()
        assert program(*numbers.ravel().tolist()) == pytest.approx(expected)


def test_truth_of_single_values() -> None:
    """Comparisons of single Values can be combined by &, |, ^ and ~, with each other and with bools."""
    two: Any = Value(2.0)
    yes, no = np.greater(two, 1.0), np.greater(1.0, two)
    for joined, expected in [
        (yes & no, False),
        (yes & True, True),
        (True & yes, True),
        (yes | no, True),
        (False | no, False),
        (yes ^ yes, False),
        (np.True_ ^ no, True),
        (~yes, False),
        (~(no | no), True),
    ]:
        assert isinstance(joined, Value)
        assert bool(joined) is expected


def test_a_number_of_numpy_compared_with_what_is_traced() -> None:
    """A traced value compared with a NumPy number, on either side, is decided when the program runs."""
    program = jit(lambda x: autograd.where(np.float64(1.0) > x, x * 2.0, np.where(x <= np.int64(3), x, 0.0)))
    assert [program(number) for number in (0.5, 2.0, 4.0)] == [1.0, 2.0, 0.0]


@pytest.mark.parametrize("activation", [autograd.leaky_relu, autograd.elu, autograd.relu, autograd.gelu])
def test_activations_on_arrays(activation: Any) -> None:
    """Activations can be compiled, differentiated and mapped on arrays."""
    f = jit(value_and_grad(lambda x: np.sum(activation(x) * Y)))
    for x in (X, -X):
        value, slopes = f(x)
        assert value == pytest.approx(sum(activation(a) * b for a, b in zip(x.flat, Y.flat, strict=True)))
        each = [grad(activation)(a) * b for a, b in zip(x.flat, Y.flat, strict=True)]
        np.testing.assert_allclose(slopes.ravel(), each)
    np.testing.assert_allclose(jit(vmap(activation))(X), activation(X))


def test_lists_of_conditions() -> None:
    """`where` accepts lists of conditions, including empty ones, and chooses element by element."""
    where: Any = autograd.where  # The overloads distinguish floats from Values, not shapes of conditions.
    assert where([False], 1.0, 2.0).tolist() == [2.0]
    assert autograd.where([True, False], [1.0, 2.0], (3.0, 4.0)).tolist() == [1.0, 4.0]
    assert where([], 1.0, 2.0).shape == (0,)
    v = Value(3.0)
    assert data(autograd.where([True, False], v, 0.0)).tolist() == [3.0, 0.0]
    assert data(autograd.where([v > 2.0, v > 4.0], [v, v], 0.0)).tolist() == [3.0, 0.0]


# ------------------------------------------------------------------------------------------ single Values


@pytest.mark.parametrize("reduce", [np.sum, np.max, np.min, np.mean, np.prod, np.median, np.cumsum, np.round])
def test_a_single_value(reduce: Callable[..., Any]) -> None:
    """NumPy's functions treat a single Value as a 0-d array."""
    out = np.ravel(reduce(Value(1.25)))[0]
    assert (type(out), out.data) == (Value, float(np.ravel(reduce(1.25))[0]))


def test_the_spread_of_a_single_value() -> None:
    """Variance and standard deviation of a single number are 0."""
    x: Any = Value(1.25)
    assert (np.var(x).data, np.std(x).data) == (0.0, 0.0)
    assert grad(np.var)(3.0) == 0.0


@pytest.mark.parametrize("name", ["log2", "log10", "exp2", "cbrt", "arcsinh", "arctanh", "log1p"])
def test_methods(name: str) -> None:
    """A function has the same name in NumPy, in autograd, and as a method of Value."""
    v = Value(0.75)
    expected = getattr(np, name)(0.75)
    plain = np.array([v, Value(0.5)])
    for out in (
        getattr(v, name)(),
        getattr(autograd, name)(v),
        getattr(np, name)(v),
        getattr(np, name)(plain)[0],
    ):
        assert out.data == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    "call", [np.rint, np.fabs, np.conjugate, np.degrees, np.radians, np.square, np.var, np.std]
)
def test_plain_arrays_of_objects(call: Callable[..., Any]) -> None:
    """NumPy's functions work on plain object arrays of Values."""
    numbers = [1.25, -0.5]
    np.testing.assert_allclose(
        data(call(np.array([Value(n) for n in numbers]))), call(np.array(numbers)), rtol=1e-15
    )


KINKS: list[Callable[[Any], Any]] = [
    lambda x: np.std(x),
    lambda x: x.std(ddof=1),
    lambda x: np.std(x, axis=0, keepdims=True).sum(),
    lambda x: np.linalg.norm(x - 2.0),
    lambda x: np.linalg.norm(x - 2.0, axis=0, keepdims=True)[0],
    lambda x: np.linalg.norm(x - 2.0, 3),
    lambda x: np.linalg.norm(np.outer(x - 2.0, x)),
]


@pytest.mark.parametrize("f", KINKS)
def test_derivatives_of_norms_at_their_kink(f: Callable[[Any], Any]) -> None:
    """Norms of zeros and deviations of equal numbers have the derivatives 0, in every way and order."""
    equal, different = np.full(3, 2.0), np.array([1.0, 2.5, 4.0])
    ways: list[Callable[[Any], Any]] = [grad(f), lambda x: vmap(grad(f))(x[None])[0], hessian(f)]
    for of in ways:
        np.testing.assert_array_equal(of(equal), np.zeros_like(of(equal)))
        np.testing.assert_array_equal(jit(of)(equal), np.zeros_like(of(equal)))
        np.testing.assert_allclose(jit(of)(different), of(different), rtol=1e-12, atol=1e-15)
    assert jvp(f, (equal,), (different,))[1] == 0.0
    # So many that they stay one array while they are traced.
    np.testing.assert_array_equal(jit(grad(lambda x: f(x * 2.0)))(np.ones(1200)), np.zeros(1200))


def derivative_of_sinc(x: float, order: int) -> float:
    """Return a derivative of sinc by its power series."""
    with mp.workdps(50):
        terms = [
            (-1) ** n
            * mp.pi ** (2 * n)
            / (2 * n + 1)
            / mp.factorial(2 * n - order)
            * mp.mpf(x) ** (2 * n - order)
            for n in range((order + 1) // 2, 40)
        ]
        return float(mp.fsum(terms))


def test_sinc_near_zero() -> None:
    """Derivatives of sinc keep their digits where the two terms of the quotient rule cancel."""
    sinc: Any = np.sinc
    values = [sinc(Value(x)).data for x in (0.0, -0.0, 1e-300, 0.25, 2.5)]
    np.testing.assert_allclose(values, sinc([0.0, -0.0, 1e-300, 0.25, 2.5]), rtol=4e-16)
    at = np.array([-0.0, 5e-324, 1e-300, -1e-9, 1e-3, -0.25, 0.499, 0.501, 1.0])
    way = sinc
    for order in range(1, 5):
        way = grad(way)
        expected = [derivative_of_sinc(x, order) for x in at.tolist()]
        np.testing.assert_allclose([way(x) for x in at], expected, rtol=1e-14, atol=1e-322)
        np.testing.assert_allclose(jit(vmap(way))(at), expected, rtol=1e-14, atol=1e-322)


def test_plain_arrays_join_the_others() -> None:
    """A plain object array combined with an array of Values gives an array of Values."""
    plain = np.array([Value(1.0), Value(-2.0)])
    assert type(plain) is np.ndarray
    for out in (plain * as_values([1.0, 2.0]), autograd.exp(plain), np.stack([plain, as_values([1.0, 2.0])])):
        assert type(out) is ValueArray
    assert data(autograd.where(as_values([1.0, 0.0]) > 0.5, plain, 0.0)).tolist() == [1.0, 0.0]


def test_numbers_of_numpy_among_the_elements() -> None:
    """An object array may contain NumPy scalars, as an argument, a constant or a result."""
    mixed = np.array([np.int64(3), 2.0, np.float32(0.5)], dtype=object)
    assert jit(lambda x: np.sum(np.exp(x)))(mixed) == pytest.approx(np.sum(np.exp([3.0, 2.0, 0.5])))
    assert jit(lambda x: np.exp(x * mixed).sum())(0.1) == pytest.approx(np.sum(np.exp([0.3, 0.2, 0.05])))
    assert jit(lambda x: np.array([x, np.int64(3)]))(1.5).tolist() == [1.5, 3.0]
    assert grad(lambda x: autograd.sum(x * mixed))(np.ones(3)).tolist() == [3.0, 2.0, 0.5]


def test_functions_of_python() -> None:
    """Functions made by `numpy.vectorize` and `numpy.frompyfunc` are called with Values."""
    for made in (np.frompyfunc(lambda v: v * v, 1, 1), np.vectorize(lambda v: v * v, otypes=[object])):
        np.testing.assert_allclose(jit(grad(lambda x, made=made: made(x).sum()))(X), 2.0 * X)


def test_in_place() -> None:
    """In-place arithmetic stores Values, also with repeated indices."""

    def f(x: Any) -> Any:
        y = x * 1.0
        y += x
        y *= 2.0
        y -= Y
        y /= 3.0
        y **= 2
        total = np.zeros_like(x[0])
        np.add.at(total, [0, 0, 1], x[1])
        return y.sum() + (total * total).sum() + np.add.reduceat(x[0], [0, 2])[0] ** 2

    def g(n: Namespace, x: Any) -> Any:
        pair = x[1, 0] + x[1, 1]
        return (((4.0 * x - Y) / 3.0) ** 2).sum() + pair**2 + x[1, 2] ** 2 + (x[0, 0] + x[0, 1]) ** 2

    expected = jax.grad(lambda x: g(jax.numpy, x))(X)
    for transform in (grad, lambda f: jit(grad(f))):
        np.testing.assert_allclose(transform(f)(X), expected, rtol=1e-12)
    with pytest.raises(TypeError, match="cannot hold Values in place"):
        np.add.at(np.zeros(3), [0, 0, 1], as_values(X[0]))


def test_quotient_and_remainder() -> None:
    """Quotients and remainders agree with Python and NumPy, with a Value on either side, also compiled."""
    for x, y in [(7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (1.0, 0.1), (-0.0, 3.0), (5.0, np.inf)]:
        v, w = as_values([x, y])
        for pair in (divmod(v, y), divmod(x, w), np.divmod(v, w)):
            assert [part.data for part in pair] == list(divmod(x, y))
        assert jit(lambda x, y: (x // y, x % y))(x, y) == divmod(x, y)


def test_masked_arrays_and_matrices_are_refused() -> None:
    """Masked arrays and matrices, whose elements or products mean something else, raise."""
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(X)
    for other in (np.ma.masked_array(X, X > 0.0), matrix):
        for operate in (np.multiply, np.add):
            with pytest.raises(TypeError, match="expected plain arrays, got a"):
                operate(as_values(X), other)


# ------------------------------------------------------------------------------------------------ pictures


def test_pictures() -> None:
    """Matplotlib plots the numbers of arrays of Values."""
    plt = pytest.importorskip("matplotlib.pyplot")
    x = as_values(X)
    figure, axes = plt.subplots()
    image = axes.imshow(x)
    assert image.get_array().tolist() == X.tolist()
    counts, edges, _ = axes.hist(list(x.ravel()), bins=4)
    expected, places = np.histogram(X, bins=4)
    assert (counts.tolist(), edges.tolist()) == (expected.tolist(), places.tolist())
    for draw in (axes.contour, axes.pcolormesh):
        draw(data(x))
    axes.scatter(x[0], x[1], c=x[0])
    axes.plot(list(x[0]), x[1])
    axes.fill_between(range(3), x[0], x[1])
    figure.canvas.draw()
    plt.close(figure)


def test_sums_begin_with_the_first_term() -> None:
    """A sum records no 0 that it begins with, by method, function or ufunc."""
    x = as_values([1.0, 2.0, 3.0], label="x")
    for total in (x.sum(), np.sum(x), np.add.reduce(x), x.sum(where=True)):
        assert expression(total) == "x[0] + x[1] + x[2]"
    assert expression(x.prod()) == "x[0] * x[1] * x[2]"


def test_copies() -> None:
    """A copy of an array of Values is one too; a deep copy has new nodes."""
    x = as_values(X)
    for twin in (
        copy.copy(x),
        copy.deepcopy(x),
        pickle.loads(pickle.dumps(x)),
        x.astype(object).view(ValueArray),
    ):
        assert type(twin) is ValueArray
        assert data(twin).tolist() == X.tolist()
    assert copy.deepcopy(x)[0, 0] is not x[0, 0]
    assert (repr(x[:1, 0]), str(x[:1, 0])) == ("array([Value(1.5)], dtype=object)", "[Value(1.5)]")


def test_astype() -> None:
    """`astype` gives plain numbers outside a trace, and keeps derivatives in `jit(grad(f))`."""
    assert as_values(X).astype(float).tolist() == X.tolist()
    assert as_values(X).astype(int).tolist() == X.astype(int).tolist()
    assert jit(grad(lambda x: (x.astype(float) ** 2).sum()))(X).tolist() == (2.0 * X).tolist()
