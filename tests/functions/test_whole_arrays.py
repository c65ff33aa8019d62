"""Arguments that stay whole while a function is traced: whatever is done with them gives what NumPy gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import cond, fori_loop, grad, jit, scan, switch, vmap
from autograd.compiler import compile as compiled
from autograd.compiler import recording
from autograd.compiler.passes.rolling import roll
from autograd.engine.errors import TracedValueError
from autograd.functions import batch_array

pytestmark = pytest.mark.counted

X = np.array([[1.5, -0.5], [0.25, 2.0], [-1.0, 0.75], [0.5, 1.25]])
Y = np.array([0.5, -1.5, 2.0, 1.0])


@pytest.fixture(params=["few elements", "long arrays", "many elements"])
def _form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trace as usual; as if each array were long; or as if all were too many elements."""
    if request.param == "long arrays":
        monkeypatch.setattr(batch_array, "_FEWEST_ELEMENTS", 2)
    if request.param == "many elements":
        monkeypatch.setattr(recording, "_MOST_ELEMENTS", -1)
        monkeypatch.setattr(compiled, "roll", lambda *args: roll(*args) or args[:2])


def looked_into(x: Any) -> Any:
    """Return an array of which an element has been used."""
    _ = x[0, 0] * 2.0
    return x


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
    "assigned": lambda x, y: next(z for z in [x * 1.0] if z.__setitem__((0, 0), 7.0) is None),
    "assigned to a copy": lambda x, y: next(z for z in [x.copy()] if z.__setitem__((0, 0), z[1, 1]) is None),
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
    "beside floats": lambda n, m: (n == 2.5) + 2.0 * (n > 3.5) + 4.0 * (n <= 4.0),
    "products compared": lambda n, m: (n * m == 16) + 2 * (n * n >= 16) + 4 * (n * m == m * n),
    "multiples compared": lambda n, m: (2 * n + 1 < 9) + 2 * (2 * n + 1 >= 8) + 4 * (3 * n > 12),
    "lengths compared": lambda n, m: (n == m) + 2 * (n + 1 > m) + 4 * (2 * n == 2 * m) + 8 * (n == m + 1),
    "truths": lambda n, m: n * True + (n == True),  # noqa: E712
    "whole numbers of NumPy": lambda n, m: np.int64(3) * n + n * np.int64(2) + (n == np.int64(4)),
    "written": lambda n, m: float(f"{n}") + float(repr(m)),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths(name: str) -> None:
    """What is reckoned with lengths holds for those of each call, as it does for integers."""
    f = LENGTHS[name]
    compiled_for_all = jit(lambda x, y: f(x.shape[0], y.shape[0]) + 0.0 * x[0])
    for n, m in ((4, 4), (3, 4), (4, 3)):
        assert compiled_for_all(np.ones(n), np.ones(m)) == float(f(n, m))
