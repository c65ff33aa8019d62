"""Arguments that stay whole while a function is traced: whatever is done with them gives what NumPy gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Value, cond, fori_loop, grad, jit, scan, switch, vjp, vmap, where
from autograd.compiler import compile as compiled
from autograd.compiler import recording
from autograd.compiler.passes.rolling import roll
from autograd.engine.errors import TracedValueError
from autograd.functions import batch_array
from autograd.transforms.captured_values import make_functional

X = np.array([[1.5, -0.5], [0.25, 2.0], [-1.0, 0.75], [0.5, 1.25]])
Y = np.array([0.5, -1.5, 2.0, 1.0])


@pytest.fixture(params=["few elements", "long arrays", "many elements"])
def _form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trace as usual; as if each array were long; or as if all were too many elements."""
    trace_as(request.param, monkeypatch)


def trace_as(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have arrays be traced in one of these forms."""
    if form == "long arrays":
        monkeypatch.setattr(batch_array, "_FEWEST_ELEMENTS", 2)
    if form == "many elements":
        monkeypatch.setattr(recording, "_MOST_ELEMENTS", -1)
        monkeypatch.setattr(compiled, "roll", lambda *args: roll(*args) or args[:2])


def looked_into(x: Any) -> Any:
    """Return an array of which an element has been used."""
    _ = x[0, 0] * 2.0
    return x


def assigned(x: Any, key: Any, value: Any) -> Any:
    """Return an array of which elements have been assigned."""
    x[key] = value
    return x


def added_to(x: Any) -> Any:
    """Return an array to whose elements others have been added, to one of them twice."""
    np.add.at(x, ([0, 0], [1, 1]), x[1, 0])
    return x


FACTOR = Value(2.0)


def doubled(x: Any) -> Any:
    """Return each sample twice as large, along an axis."""
    return vmap(lambda v: v * 2.0)(x)


def scaled(x: Any) -> Any:
    """Return each sample times a leaf, along an axis."""
    return vmap(lambda v: v * FACTOR)(x)


# x: four samples of two numbers, y: a number for each.
USES: dict[str, Callable[[Any, Any], Any]] = {
    "an element of a transpose": lambda x, y: x.T[1, 0] + x.T[-1, -1],
    "a row of columns": lambda x, y: x[:, 1:].T[0],
    "a column of a new dimension": lambda x, y: x[:, None, 0][:, 0] + x[None][0, :, -1],
    "axes by their negative numbers": lambda x, y: x.transpose(-1, 0) * y,
    "a reshaped product": lambda x, y: (x * 2.0).reshape(2, 4) + (x * 2.0).ravel()[:4],
    "a raveled argument": lambda x, y: x.ravel() + x.reshape(-1),
    "a column times rows": lambda x, y: (y * 2.0).reshape(-1, 1) * x,
    "repeated rows": lambda x, y: x[:1] * x + x * np.ones((2, 1, 2)),
    "an array that is a number": lambda x, y: y[:1] * y,
    "products of parts": lambda x, y: x[0] @ x[-1] + (x[1:] * x[:-1]).sum(),
    "samples along the other axis": lambda x, y: vmap(lambda v: v @ v, in_axes=1)(x * 2.0),
    "stacked along the other axis": lambda x, y: vmap(lambda v: v * 2.0, out_axes=-1)(x),
    "the same for all samples": lambda x, y: vmap(lambda v: (v[0], y * 2.0, 3.0), out_axes=(0, None, None))(
        x
    ),
    "an argument for all samples": lambda x, y: vmap(lambda v: y, out_axes=None)(x),
    "branches that depend on constants": lambda x, y: vmap(lambda v, c: v.sum() if c > 0.0 else v[0])(
        x, np.arange(-1.0, 3.0)
    ),
    "a loop that counts": lambda x, y: fori_loop(0, 4, lambda i, c: c + x[i, 0] * [1.0, 2.0][i % 2], 0.0),
    "a loop over a carried argument": lambda x, y: fori_loop(0, 3, lambda i, c: c, looked_into(x)),
    "a loop that swaps": lambda x, y: fori_loop(0, 3, lambda i, c: (c[1], c[0]), (x, x * 2.0))[0],
    "a scan by constants": lambda x, y: scan(
        lambda c, k: (c + y[0] if k else c * 2.0, c), y[1], np.arange(3)
    )[1],
    "a scan that keeps arguments": lambda x, y: scan(lambda c, v: (c + v.sum(), x), 0.0, x)[1],
    "a branch that returns its argument": lambda x, y: cond(
        x.sum() > 0.0, lambda a: a, lambda a: a * 2.0, looked_into(x)
    ),
    "a branch of several": lambda x, y: switch(np.floor(y[0]), [lambda a: a, lambda a: a * 2.0], x * 3.0),
    "logsumexp of what is one number": lambda x, y: vmap(lambda v: ag.logsumexp(y))(x),
    "the norm of what is one number": lambda x, y: vmap(lambda v: ag.norm([y[0], v[0]]))(x) + ag.norm(y),
    "a reduction of numbers that do not vary": lambda x, y: (
        ag.norm(y**0)
        + ag.logsumexp((y * 2.0) ** 0)
        + vmap(lambda v: v**0)(y).sum()
        + vmap(lambda v: v**0)(y)[0]
    ),
    "slices of two lengths": lambda x, y: (
        (doubled(y)[2:] * doubled(x[:, 0])[1:-1]).sum() + doubled(y)[1:].sum()
    ),
    "a functional of reductions": lambda x, y: make_functional(
        lambda v: ag.logsumexp(scaled(v)) + scaled(v)[0] + scaled(v)[1:].sum(), [FACTOR]
    )([y[0]], y),
    "a functional that returns what it got": lambda x, y: make_functional(
        lambda v: (v, looked_into(v) * FACTOR), [FACTOR]
    )([3.0], x),
    "a functional of no dimension": lambda x, y: make_functional(
        lambda v: np.array(v[0, 0] * FACTOR), [FACTOR]
    )([3.0], x),
    "gradients by rows of results": lambda x, y: grad(lambda z: (z[0] * z[1]).sum())(doubled(x)),
    "gradients by prepared arguments": lambda x, y: grad(lambda z: scaled(z).sum() * z[0, 0])(x * 2.0),
    "gradients by what is looked into": lambda x, y: grad(
        lambda z: cond(z.sum() > 0.0, lambda a: a, lambda a: a * 2.0, looked_into(z)).sum()
    )(x),
    "gradients by what is carried": lambda x, y: grad(
        lambda z: fori_loop(0, 2, lambda i, c: (c[1], c[0]), (z, z * 2.0))[0].sum()
    )(x),
    "gradients by an array that is assigned to": lambda x, y: grad(
        lambda z: (assigned(z, (0, 0), z[1, 1] ** 2) ** 2).sum()
    )(x * 1.0),
    "gradients by an array that is added to": lambda x, y: grad(lambda z: (added_to(z) ** 2).sum())(x * 1.0),
    "gradients of samples that are assigned to": lambda x, y: grad(
        lambda z: doubled(assigned(z, (0, 0), z[1, 1] ** 2)).sum() * z[0, 1]
    )(x * 1.0),
    "gradients by a row that is assigned to": lambda x, y: grad(
        lambda z: (doubled(assigned(z, 1, z[0] * y[0])[0]) * z[1]).sum()
    )(x * 1.0),
    "assigned": lambda x, y: assigned(x * 1.0, (0, 0), 7.0),
    "assigned to a copy": lambda x, y: assigned(x.copy(), (0, 0), x[1, 1]),
}


@pytest.mark.parametrize("name", USES)
@pytest.mark.usefixtures("_form")
def test_uses(name: str) -> None:
    """Values and gradients are those of eager calls, however the arrays are traced."""
    f = USES[name]

    def total(x: Any, y: Any) -> Any:
        results = f(x, y)
        parts = results if isinstance(results, tuple) else (results,)
        return sum(np.sum(part * part) for part in parts)

    found, expected = jit(f)(X, Y), f(X, Y)
    for one, other in zip(*(r if isinstance(r, tuple) else (r,) for r in (found, expected)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)
    for one, other in zip(jit(grad(total, (0, 1)))(X, Y), grad(total, (0, 1))(X, Y), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


LESS_USUAL: dict[str, Callable[[Any, Any], Any]] = {
    "reductions of what turns out to be constant": lambda x, y: (
        lambda z: z.sum() + ag.max(z) + ag.logsumexp(z) + ag.norm(z)
    )(vmap(lambda v: where(FACTOR > 1.0, -2.0, v))(y)),
    "a slice from True": lambda x, y: doubled(y)[True:],
    "a column times a constant that is longer": lambda x, y: np.exp(y[:, None] * np.arange(5.0)).sum(),
    "a prepared row beside samples": lambda x, y: (x[0] * 2.0 + 1.0) + doubled(x),
    "a column of what was looked into": lambda x, y: (lambda z: z[0] + (z * 3.0)[:, None].sum())(y * 2.0),
    "elements beside an array": lambda x, y: np.concatenate([np.stack([y[0], y[1]]), y]),
    "nothing but what all samples share": lambda x, y: vmap(lambda v: y[0] * 2.0, out_axes=None)(x),
    "a prepared row beside rows": lambda x, y: ((x[0] * 2.0) * vmap(lambda v: v * 2.0)(x)).sum(),
    "norms of a constant for each": lambda x, y: ag.norm(vmap(lambda v: 3.0)(x)),
    "a reshaped argument": lambda x, y: x.reshape(2, 4) * 2.0,
    "branches that close over arrays": lambda x, y: cond(y[0] > 0.0, lambda: (x * x).sum(), lambda: x[0, 1]),
    "a constant that is used twice": lambda x, y: (y + np.arange(4.0))[0] * (y * np.arange(4.0))[1],
    "numbers for all samples": lambda x, y: vmap(lambda v: (v, np.array([y[0], 1.0])), out_axes=(0, None))(x),
    "a scan whose constants choose": lambda x, y: scan(
        lambda c, v: (c * y[0] if v > 0 else c + 1.0, None), 1.0, np.array([1.0, -1.0, 2.0])
    )[0],
    "a count that is a length": lambda x, y: fori_loop(0, y.shape[0], lambda i, c: c + y[i] * c, 1.0),
    "a scan without slices": lambda x, y: scan(lambda c, v: (c + v, None), y[0], np.zeros(0))[0],
    "gradients along a dimension of one": lambda x, y: grad(
        lambda z: (vmap(lambda v: ag.sin(v).sum(), in_axes=1)(z) ** 2).sum()
    )(y[:, None] * 2.0),
    "gradients by an array of one": lambda x, y: grad(lambda z: (z * z).sum())(y[:1]),
    "auxiliary arrays": lambda x, y: grad(lambda t: (t * 3.0, x), has_aux=True)(2.0)[1],
    "an adjoint of elements": lambda x, y: vjp(lambda z: vmap(ag.sin)(z), y)[1](np.array([*y]))[0],
    "the square root of a norm": lambda x, y: np.linalg.norm(y, 0.5),
    "piecewise linear": lambda x, y: np.interp(y, [0.0, 1.0, 2.0], [1.0, 3.0, 2.0]),
}


@pytest.mark.parametrize("form", ["few elements", "long arrays", "many elements"])
def test_less_usual_uses(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values are those of eager calls, however the arrays are traced."""
    trace_as(form, monkeypatch)
    for name, f in LESS_USUAL.items():
        found, expected = jit(f)(X, Y), f(X, Y)
        for one, other in zip(*(r if isinstance(r, tuple) else (r,) for r in (found, expected)), strict=True):
            np.testing.assert_allclose(one, np.asarray(other, dtype=float), rtol=1e-13, err_msg=name)


def test_a_gradient_by_a_single_number_in_an_array(monkeypatch: pytest.MonkeyPatch) -> None:
    """An array of length 1 varies along no axis, which the trace of many elements sees, too."""
    trace_as("many elements", monkeypatch)
    assert jit(grad(lambda z: (z * z).sum()))(np.array([1.5])) == [3.0]


def test_arrays_of_other_arguments() -> None:
    """A prepared row beside samples, a prepared array that is assigned to, leaves beside an argument."""

    def assigned_before(y: Any) -> Any:
        first = y * 2.0
        second = first * 3.0
        first[0] = 5.0
        return second[:, None].sum() + first[0]

    row, many = np.array([2.0, -1.0]), jit(lambda x, y: (y * 2.0) * vmap(lambda v: v * 2.0)(x))
    np.testing.assert_allclose(many(X, row), row * X * 4.0, rtol=1e-14)
    assert jit(assigned_before)(Y) == pytest.approx(6.0 * Y.sum() + 5.0, rel=1e-14)
    np.testing.assert_allclose(jit(lambda y: np.concatenate([ag.as_values([7.0]), y]))(Y), [7.0, *Y], rtol=0)
    with pytest.raises(ValueError, match="shape mismatch"):
        jit(lambda x, y: vmap(lambda v: v * 2.0)(x) + vmap(lambda v: v * 3.0)(y))(Y, Y[:3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: doubled(x[:, 0]) + doubled(x[0]), "shape mismatch"),
        (lambda x: doubled(x)[1.5:], "slice indices must be integers"),
        (lambda x: ag.logsumexp(doubled(x)), "expected an iterable of Values and numbers"),
        (lambda x: x[:, 7], "index 7 is out of bounds for axis 1 with size 2"),
        (lambda x: scan(lambda c, v: (c, v), 0.0, x, length=3), r"to agree, got lengths \[3, 4\]"),
    ],
)
def test_what_does_not_fit(call: Callable[[Any], Any], message: str) -> None:
    """What is wrong for an array is wrong for one that varies along an axis, in the same words."""
    with pytest.raises((TypeError, ValueError, IndexError), match=message):
        jit(call)(X)


@pytest.mark.parametrize(
    ("lengths", "traces"), [((3, 4), [1, 2]), ((2000, 3000), [1, 1])], ids=["short", "long"]
)
def test_how_often_concatenated_arrays_are_traced(lengths: tuple[int, int], traces: list[int]) -> None:
    """Once for each length if they are short, and once for all if they are long."""
    calls: list[int] = []
    found: list[int] = []

    def f(x: Any, y: Any) -> Any:
        calls.append(1)
        return np.concatenate([x, y], axis=1)

    compiled = jit(f)
    for length in lengths:
        x, y = np.arange(2.0 * length).reshape(-1, 2), np.ones((length, 1))
        np.testing.assert_array_equal(compiled(x, y), np.concatenate([x, y], axis=1))
        found.append(len(calls))
    assert found == traces


def row(x: Any) -> Any:
    """Return the first row twice as large, as it is before it is assigned to."""
    d = x[0] * 2.0
    x[0] = 7.0
    return d + x[0]


def with_a_buffer(x: Any) -> Any:
    """Return numbers of an array of constants that is filled anew in each step."""
    buffer, total = np.zeros(len(x)), 0.0
    for step in range(3):
        buffer[0] = step + 1.0
        total = total + vmap(lambda c, v: c * v[0])(buffer, x)
    return total


def rolled(x: Any) -> Any:
    """Return the sum of a scan over constants that are assigned to afterwards."""
    constants = np.arange(4.0)
    last, _ = scan(lambda c, k: (c + k * x[0, 0], c), x[1, 1], constants)
    constants[:] = 9.0
    return last


# What is computed from an array, or shows it, before one of its elements is assigned.
BEFORE: dict[str, Callable[[Any], Any]] = {
    "a product": lambda z: z * 2.0,
    "the same numbers": lambda z: +z,
    "a choice": lambda z: np.where(z > 0.0, z, 0.0),
    "a product of a product": lambda z: z * 2.0 + 1.0,
    "samples": doubled,
    "samples of a product": lambda z: doubled(z * 2.0),
    "a sum": lambda z: z * z.sum(),
    "a new dimension": lambda z: z[:, None][:, 0],
    "all of it": lambda z: z[...],
    "a transpose": lambda z: z.T.T,
    "rows": lambda z: np.concatenate([z[:1], z[1:]]),
    "a row": lambda z: z[0],
    "a copy": lambda z: z.copy(),
    "a raveled array": lambda z: z.ravel()[:4],
}


@pytest.mark.parametrize("name", BEFORE)
@pytest.mark.usefixtures("_form")
def test_assigning_afterwards(name: str) -> None:
    """What was computed before an element is assigned keeps its numbers; what shows the array shows it."""

    def assigned_to_the_array(x: Any) -> Any:
        shown = BEFORE[name](x)
        x[0, 0] = x[1, 1] ** 2
        return shown * 3.0, x

    def assigned_to_a_product(x: Any) -> Any:
        return assigned_to_the_array(x * 2.0)

    def assigned_to_what_was_made(x: Any) -> Any:
        product = x * 2.0
        shown = BEFORE[name](product)
        shown[0] = 5.0
        return product * 3.0, doubled(shown)

    for f in (assigned_to_the_array, assigned_to_a_product, assigned_to_what_was_made):
        for one, other in zip(jit(f)(X.copy()), f(X.copy()), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14, err_msg=f.__name__)


@pytest.mark.parametrize("f", [row, with_a_buffer, rolled])
@pytest.mark.usefixtures("_form")
def test_assigning_in_a_program(f: Callable[[Any], Any]) -> None:
    """Rows, and constants that samples or steps are taken of, are what they are when they are used."""
    np.testing.assert_allclose(jit(f)(X.copy()), f(X.copy()), rtol=1e-14)


def test_texts() -> None:
    """An argument is written as the array of its elements."""
    seen: list[str] = []

    def f(x: Any) -> Any:
        seen.extend([repr(x), str(x), f"{x}"])
        return x.sum()

    jit(f)(np.array([1.0, 2.0]))
    assert seen == ["array([Value(1.0), Value(2.0)], dtype=object)", *["[Value(1.0) Value(2.0)]"] * 2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.transpose(0, 0), ValueError, "repeated axis in transpose"),
        (lambda x: x.transpose(0), ValueError, "axes don't match array"),
        (lambda x: x.T[7], IndexError, "index 7 is out of bounds for axis 0 with size 2"),
        (lambda x: x.T[0, 7], IndexError, "index 7 is out of bounds for axis 1 with size 4"),
        (lambda x: x.T[0, 0, 0], IndexError, "too many indices"),
        (lambda x: (x * 2.0)[9], IndexError, "index 9 is out of bounds"),
        (lambda x: x * np.ones(3), ValueError, "broadcast"),
        (lambda x: len(x.sum()), TypeError, r"has no len\(\)"),
        (lambda x: float(x), TypeError, "only 0-dimensional arrays|only length-1 arrays"),
        (lambda x: 1.0 if x else 2.0, ValueError, "more than one element is ambiguous"),
        (lambda x: 3.0 in x, TracedValueError, "not known while the function is traced"),
        (lambda x: x.nothing, AttributeError, "'ValueArray' object has no attribute 'nothing'"),
        (lambda x: vmap(lambda v: v, in_axes=2)(x), ValueError, "expected an array with axis 2"),
        (lambda x: vmap(lambda v: v.sum(), out_axes=None)(x), ValueError, "the same for all samples"),
    ],
)
def test_wrong_uses(call: Callable[[Any], Any], error: type[Exception], message: str) -> None:
    """What is wrong for an array is wrong for an argument that stays whole, in the same words."""
    with pytest.raises(error, match=message):
        jit(call)(X)


# ------------------------------------------------------------------------------------------------- lengths

# n, m: the lengths of two arguments.
LENGTHS: dict[str, Callable[[Any, Any], Any]] = {
    "truth": lambda n, m: 2.0 if n else 1.0,
    "less a float": lambda n, m: (1.5 - n) * (n - 1.5) / (n + 0.5),
    "less from a number": lambda n, m: 7 - n,
    "remainders": lambda n, m: 10 * (n % 2) + 9 // n + (n + 1) // 2 + 9 % n,
    "negative multiples": lambda n, m: n * -2 + 0 * n,
    "products of sums": lambda n, m: (n + 1) * (m + 1) * (2 * n - 1),
    "sums": lambda n, m: n + m - (n - m),
    "is it odd": lambda n, m: (2 * n == 7) + 2 * (2 * n != 7) + 4 * (2 * n + 1 == 9),
    "unless it is odd": lambda n, m: 1.0 if 2 * n != 7 else 3.0,
    "beside floats": lambda n, m: (n == 2.5) + 2.0 * (n > 3.5) + 4.0 * (n <= 4.0),
    "products compared": lambda n, m: (n * m == 16) + 2 * (n * n >= 16) + 4 * (n * m == m * n),
    "multiples compared": lambda n, m: (2 * n + 1 < 9) + 2 * (2 * n + 1 >= 8) + 4 * (3 * n > 12),
    "lengths compared": lambda n, m: (n == m) + 2 * (n + 1 > m) + 4 * (2 * n == 2 * m) + 8 * (n == m + 1),
    "a product and a multiple": lambda n, m: 1.0 if n * m == 4 * n else 2.0,
    "truths": lambda n, m: n * True + (n == True),  # noqa: E712
    "whole numbers of NumPy": lambda n, m: np.int64(3) * n + n * np.int64(2) + (n == np.int64(4)),
    "written": lambda n, m: float(f"{n}") + float(repr(m)),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths(name: str) -> None:
    """What is reckoned with lengths holds for those of each call, as it does for integers."""
    f = LENGTHS[name]
    compiled_for_all = jit(lambda x, y: f(x.shape[0], y.shape[0]) + 0.0 * doubled(x)[0])
    for n, m in ((4, 4), (3, 4), (4, 3)):
        assert compiled_for_all(np.ones(n), np.ones(m)) == float(f(n, m))


def test_a_slice_as_long_as_a_constant() -> None:
    """The program holds for that length only: of another one, the error is that of an eager call."""
    compiled = jit(lambda x: vmap(lambda a, b: a * b)(doubled(x)[1:], np.array([1.0, 2.0, 3.0])))
    assert compiled(np.ones(4)).tolist() == [2.0, 4.0, 6.0]
    with pytest.raises(ValueError, match=r"vmap expected axes of one length, got lengths \[3, 4\]"):
        compiled(np.ones(5))


def test_a_program_for_each_answer(tmp_path: Path) -> None:
    """Where a length is compared with a number, there is a program for each answer, also after loading."""
    compiled = jit(lambda x: doubled(x) * (3.0 if x.shape[0] == 4 else 5.0))
    lengths, expected = (4, 3, 5, 4, 3), [6.0, 10.0, 10.0, 6.0, 10.0]
    assert [compiled(np.ones(n))[0] for n in lengths] == expected
    assert compiled.report().compilations == 2
    compiled.save(tmp_path / "programs")
    loaded = ag.load(tmp_path / "programs")
    assert [loaded(np.ones(n))[0] for n in lengths] == expected
