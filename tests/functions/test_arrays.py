from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import OPS, Value, as_values, data, grads

FORWARD = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
SCALARS = [np.float64(2.0), np.float32(2.0), np.int64(2), np.uint8(2), np.array(2.0), np.True_]


# ----------------------------------------------------------------------------------- NumPy with a Value


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("operate", FORWARD)
def test_numpy_scalars(operate: Callable[..., Value], scalar: Any) -> None:
    """A NumPy scalar on either side of an operator gives one Value, with the right gradient."""
    for out, partials in [
        (operate(scalar, Value(3.0)), operate(Value(float(scalar)), Value(3.0)).partials[1:]),
        (operate(Value(3.0), scalar), operate(Value(3.0), Value(float(scalar))).partials[:1]),
    ]:
        assert isinstance(out, Value)
        assert type(out.data) is float
        assert tuple(p for p in out.partials if p is not None) == partials


@pytest.mark.parametrize("operate", FORWARD)
@pytest.mark.parametrize("reflected", [False, True])
def test_value_and_array(operate: Callable[..., Any], reflected: bool) -> None:
    """A Value and an array give an array of Values, never a Value that holds an array."""
    v, array = Value(3.0), np.array([[1.0, 2.0], [4.0, 5.0]])
    out = operate(array, v) if reflected else operate(v, array)
    assert (out.dtype, out.shape) == (np.dtype(object), (2, 2))
    elements = [operate(x, Value(3.0)) if reflected else operate(Value(3.0), x) for x in array.ravel()]
    assert list(map(repr, out.ravel())) == list(map(repr, elements))
    np.sum(out).backward()
    assert v.grad == pytest.approx(sum(p for e in elements for p in e.partials if p is not None))


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPS.values() if op.ufunc is not None])
def test_ufuncs_of_the_table(op: Any) -> None:
    """The ufunc of a row, on Values or on a Value and an array, gives nodes of that row."""
    low, high = np.transpose(op.domain)
    point = [float(middle) for middle in 0.3 * low + 0.7 * high]
    out = op.ufunc(*map(Value, point))
    assert (type(out), out.op) == (Value, op)
    assert out.data == pytest.approx(op.ufunc(*point), rel=1e-15)
    columns = op.ufunc(Value(point[0]), *(np.array([number, number]) for number in point[1:]))
    assert [node.data for node in np.ravel(columns)] == [out.data] * (1 if len(point) == 1 else 2)


@pytest.mark.parametrize(
    ("ufunc", "point"),
    [
        (np.positive, (1.5,)),
        (np.square, (1.5,)),
        (np.reciprocal, (1.5,)),
        (np.fabs, (-1.5,)),
        (np.float_power, (1.5, 2.5)),
        (np.log2, (1.5,)),
        (np.log10, (1.5,)),
        (np.exp2, (1.5,)),
        (np.hypot, (1.5, 2.5)),
        (np.logaddexp, (1.5, 2.5)),
    ],
)
@pytest.mark.parametrize("as_array", [False, True])
def test_ufuncs_made_of_rows(ufunc: np.ufunc, point: tuple[float, ...], as_array: bool) -> None:
    """Ufuncs composed of rows have the right value and gradients for a Value and an array."""
    leaves = [Value(number) for number in point]
    others = [np.array([leaf, 1.0]) if as_array else leaf for leaf in leaves[1:]]
    out = np.ravel(ufunc(leaves[0], *others))[0]
    assert out.data == pytest.approx(ufunc(*point), rel=1e-15)
    out.backward()
    for i, leaf in enumerate(leaves):
        step = 1e-6 * np.eye(len(point))[i]
        slope = (ufunc(*(point + step)) - ufunc(*(point - step))) / 2e-6
        assert leaf.grad == pytest.approx(slope, rel=1e-8)


def test_sums_of_arrays_without_dimensions() -> None:
    """0-d arrays can be operands of sums like numbers, also in a trace."""

    def f(a: Any) -> Any:
        return autograd.logsumexp([1.0, a]) + autograd.dot([a, 2.0], [0.5, a]) + autograd.sum([a, 1.0])

    expected = np.logaddexp(1.0, 2.0) + 5.0 + 3.0
    assert f(np.array(2.0)) == pytest.approx(expected)
    assert autograd.jit(f)(np.array(2.0)) == pytest.approx(expected)


def test_extrema_of_arrays_without_dimensions() -> None:
    """A maximum or minimum with a Value in a 0-d array is recorded, in a trace or not."""
    for name, expected in (("max", 2.0), ("min", 0.5)):
        f = getattr(autograd, name)
        assert autograd.jit(lambda a, f=f: f(0.5, a))(np.array(2.0)) == expected
        assert autograd.grad(lambda a, f=f: f(a, 0.5))(np.array(2.0)) == float(name == "max")


def test_maximum_with_a_number() -> None:
    """np.maximum with 0 on either side is a ReLU, also over an array of Values."""
    v: Any = Value(-2.0)
    for out in (np.maximum(v, 0.0), np.maximum(0.0, v)):
        assert (type(out), out.data) == (Value, 0.0)
    x = as_values([-1.0, 2.0])
    autograd.sum(np.maximum(x, 0.0)).backward()
    assert x[1].grad == 1.0


# ------------------------------------------------------------------------------------- arrays of Values


def test_linear_layer() -> None:
    """`x @ w + b` on arrays of Values has the value and the gradients of the matrix formula."""
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    xs, ws, bs = map(as_values, (x, w, b))
    out = xs @ ws + bs
    np.testing.assert_allclose(data(out), x @ w + b, rtol=1e-14)
    np.sum(out * out).backward()
    adjoint = 2 * (x @ w + b)
    for leaves, expected in [(xs, adjoint @ w.T), (ws, x.T @ adjoint), (bs, adjoint.sum(axis=0))]:
        np.testing.assert_allclose(grads(leaves), expected, rtol=1e-13)


@given(shape=st.tuples(*[st.integers(1, 4)] * 3), seed=st.integers(0, 2**32 - 1))
def test_matrix_product(shape: tuple[int, int, int], seed: int) -> None:
    """For Y = XZ with adjoint G the gradients are G Zᵀ and Xᵀ G, for every shape."""
    n, k, m = shape
    rng = np.random.default_rng(seed)
    x, z, adjoint = rng.normal(size=(n, k)), rng.normal(size=(k, m)), rng.normal(size=(n, m))
    xs, zs = as_values(x), as_values(z)
    np.sum(adjoint * (xs @ zs)).backward()
    np.testing.assert_allclose(grads(xs), adjoint @ z.T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(grads(zs), x.T @ adjoint, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        (np.sum, [[1.0, 1.0], [1.0, 1.0]]),
        (np.mean, [[0.25, 0.25], [0.25, 0.25]]),
        (lambda x: x.mean(), [[0.25, 0.25], [0.25, 0.25]]),
        (lambda x: x.sum(axis=0)[1], [[0.0, 1.0], [0.0, 1.0]]),
        (lambda x: np.prod(x), [[24.0, 12.0], [8.0, 6.0]]),
        (lambda x: x.max(), [[0.0, 0.0], [0.0, 1.0]]),
        (lambda x: np.trace(x @ x), [[2.0, 6.0], [4.0, 8.0]]),
        (lambda x: np.einsum("ij,ij->", x, x), [[2.0, 4.0], [6.0, 8.0]]),
        (lambda x: sum(x.flat), [[1.0, 1.0], [1.0, 1.0]]),
        (lambda x: autograd.sum(x.flat), [[1.0, 1.0], [1.0, 1.0]]),
    ],
)
def test_reductions(reduce: Callable[[Any], Value], expected: list[list[float]]) -> None:
    """NumPy's reductions of an array of Values give a Value with the right gradients."""
    x = as_values([[1.0, 2.0], [3.0, 4.0]])
    reduce(x).backward()
    np.testing.assert_array_equal(np.nan_to_num(grads(x)), expected)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "sin", "tanh", "arctan", "abs"])
def test_ufuncs_on_arrays_of_values(name: str) -> None:
    """A ufunc on an array of Values works element by element."""
    x = [0.25, 0.5, 2.0]
    np.testing.assert_allclose(data(getattr(np, name)(as_values(x))), getattr(np, name)(x), rtol=1e-15)


@pytest.mark.parametrize("call", [autograd.exp, autograd.relu, lambda x: autograd.max(x, 0.0)])
def test_functions_on_mixed_arrays(call: Callable[..., Any]) -> None:
    """On an array of Values and numbers, a function gives Values for Values and numbers for numbers."""
    out = call(np.array([Value(1.0), 2.0], dtype=object))
    assert list(map(type, out)) == [Value, float]


def test_numbers_among_values() -> None:
    """They give what IEEE 754 says, where Python raises an error or leaves the real numbers."""
    x = np.concatenate([as_values([2.0]), [1.0, -8.0]])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(data(x / [4.0, 0.0, 2.0]), [0.5, np.inf, -4.0])
        np.testing.assert_array_equal(data(x**0.5), [2.0**0.5, 1.0, np.nan])


def test_signs() -> None:
    """They are 1, 0 or -1, and nan for nan, with the derivative 0."""
    x = as_values([3.0, 0.0, -0.0, -2.0, np.nan])
    signs = np.sign(x)
    np.testing.assert_array_equal(data(signs), [1.0, 0.0, 0.0, -1.0, np.nan])
    np.sum(signs).backward()
    assert grads(x).tolist() == [0.0] * 5


def test_where_chooses_element_by_element() -> None:
    """`where` accepts an array of conditions, also of Values, and differentiates the choice."""
    x = as_values([-1.0, 2.0])
    chosen = autograd.where(x > 0, x, 10.0 * x)
    autograd.sum(chosen).backward()
    assert data(chosen).tolist() == [-10.0, 2.0]
    assert grads(x).tolist() == [10.0, 1.0]


def test_a_fault_in_a_reduction_names_the_users_line() -> None:
    """A warning from inside np.sum names operation, operands and the user's line."""
    with pytest.warns(RuntimeWarning) as caught:
        np.sum(as_values([1e308, 1e308]))
    assert (str(caught[0].message), caught[0].filename) == (
        "overflow encountered in 1e+308 + 1e+308",
        __file__,
    )


# -------------------------------------------------------------------------- comparisons and rejected calls


@pytest.mark.parametrize(
    "compare", [operator.lt, operator.le, operator.eq, operator.ne, operator.ge, operator.gt]
)
def test_comparisons_with_arrays(compare: Callable[..., Any]) -> None:
    """Comparing a Value with an array, on either side, or two arrays gives an array of 1 and 0."""
    array = np.array([1.0, 2.0, 3.0])
    for actual, expected in [
        (compare(Value(2.0), array), compare(2.0, array)),
        (compare(array, Value(2.0)), compare(array, 2.0)),
        (compare(as_values(array), 2.0), compare(array, 2.0)),
        (compare(as_values(array), as_values(array[::-1])), compare(array, array[::-1])),
    ]:
        assert [type(item) for item in actual] == [Value] * 3
        np.testing.assert_array_equal(data(actual), expected)


@pytest.mark.parametrize("predicate", [np.isnan, np.isinf, np.isfinite, np.signbit])
def test_predicates(predicate: np.ufunc) -> None:
    """A NumPy predicate on a Value gives a plain bool."""
    for number in (0.0, -2.0, np.inf, np.nan):
        assert bool(predicate(Value(number))) == bool(predicate(number))
        assert isinstance(predicate(Value(number)), (bool, np.bool_))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: np.gcd(v, 2), "np.gcd has no differentiation rule .* v.data"),
        (lambda v: np.exp(v, where=np.array(True)), "where"),
        (lambda v: v @ np.array([1.0]), r"np.matmul expected arrays .* v \* x"),
        (lambda v: v * np.array(["a"]), "'a'"),
        (lambda v: np.add(v, "a"), "'a'"),
    ],
)
def test_refused_calls(call: Callable[[Value], Any], message: str) -> None:
    """Unsupported NumPy operations on a Value raise a TypeError that says so."""
    with pytest.raises(TypeError, match=message):
        call(Value(1.0))


@pytest.mark.parametrize(
    "operate", [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow]
)
def test_in_place_on_numbers(operate: Callable[..., Any]) -> None:
    """In-place arithmetic with Values on an array of floats raises, and says what to write."""
    array = np.array([1.0, 2.0])
    with pytest.raises(TypeError, match=r"cannot hold Values in place; write a = a \* v"):
        operate(array, Value(2.0))
    assert array.tolist() == [1.0, 2.0]


def test_in_place_on_objects() -> None:
    """In-place arithmetic on an object array stores Values in it."""
    v = Value(3.0)
    array = before = np.array([1.0, 2.0], dtype=object)
    array *= v
    assert array is before
    autograd.sum(array).backward()
    assert (data(array).tolist(), v.grad) == ([3.0, 6.0], 3.0)


# ---------------------------------------------------------------------------------- as_values, data, grads


@pytest.mark.parametrize("dtype", [float, np.float32, int, np.uint8, bool])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (2, 0, 3)])
def test_round_trip(dtype: type, shape: tuple[int, ...]) -> None:
    """`data(as_values(array))` is the array as floats, for any shape and real dtype."""
    array: Any = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    values = as_values(array)
    assert (values.dtype, values.shape, data(values).dtype) == (np.dtype(object), shape, np.dtype(float))
    np.testing.assert_array_equal(data(values), array.astype(float))
    assert grads(values).shape == shape
    assert not grads(values).any()


def test_labels() -> None:
    """Elements are labelled with their index, a scalar only with the label."""
    assert [v.label for v in as_values([[1.0, 2.0]], label="w").flat] == ["w[0, 0]", "w[0, 1]"]
    assert as_values(1.0, label="b")[()].label == "b"
    assert as_values([1.0])[0].label == ""


def test_lists_and_single_values() -> None:
    """`data` and `grads` accept a list or a single Value, `data` also plain numbers."""
    v = Value(2.0)
    (v * 3.0).backward()
    assert data([[v, 1]]).tolist() == [[2.0, 1.0]]
    assert grads([v, v]).tolist() == [3.0, 3.0]
    assert (data(v).item(), grads(v).item()) == (2.0, 3.0)


@pytest.mark.parametrize("join", [np.append, lambda x, row: np.concatenate([x, row])])
def test_a_row_of_values_beside_an_array(join: Callable[..., Any]) -> None:
    """Joining an array and a list of Values gives an array of Values, not of arrays."""
    x, row = as_values([1.0, 2.0]), [Value(3.0), 4.0]
    assert all(isinstance(element, Value | float) for element in join(x, row).tolist())
    assert data(join(x, row)).tolist() == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: as_values(["a"]), "array of real numbers, got dtype <U1"),
        (lambda: as_values([1j]), "array of real numbers, got dtype complex128"),
        (lambda: as_values([Value(1.0)]), "got dtype object; it may hold Values already"),  # type: ignore[arg-type]
        (lambda: data([Value(1.0), "a"]), r"data expected Values and numbers, got 'a' \(str\)"),
        (lambda: data(None), "got None"),
        (lambda: grads([Value(1.0), 1.0]), r"grads expected Values, got 1.0 \(float\)"),
    ],
)
def test_wrong_elements(call: Callable[[], Any], message: str) -> None:
    """An element of the wrong type raises a TypeError that shows what was passed."""
    with pytest.raises(TypeError, match=message):
        call()


def test_truth_values_and_what_is_none() -> None:
    """The logical operators of a comparison leave it to an operand of another kind."""
    truth: Any = Value(1.0) > 0.0
    with pytest.raises(TypeError, match=r"unsupported operand type.* for &"):
        truth & "x"
    assert (truth & np.array([True, False])).shape == (2,)
