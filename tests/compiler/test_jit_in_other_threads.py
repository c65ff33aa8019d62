"""Compiled functions that use other threads themselves."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import fori_loop, grad, jvp, scan, vjp, vmap, while_loop
from autograd.compiler import Jitted

X = np.linspace(-1.0, 2.0, 1200)
"""So many that they are traced as one array."""


def elsewhere(f: Callable[..., Any], *args: Any) -> Any:
    """Call a function in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(f, *args).result()


def elsewhere_in_this_context(f: Callable[..., Any], *args: Any) -> Any:
    """Call a function in another thread that inherits the context, as all do without the GIL."""
    return elsewhere(copy_context().run, f, *args)


def _vmap(x: Any, w: Any) -> Any:
    return vmap(lambda a: a * w)(x)


CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "sum": lambda run, x, w: run(np.sum, x * w),
    "maximum": lambda run, x, w: run(lambda: np.max(w - x * x)),
    "sum of a batch": lambda run, x, w: run(np.sum, _vmap(x, w)),
    "differences": lambda run, x, w: run(lambda: np.sum(np.diff(_vmap(x, w)) ** 2)),
    "element": lambda run, x, w: run(lambda: _vmap(x, w)[3] * 2.0),
    "batch": lambda run, x, w: run(_vmap, x, w).sum(),
    "sum in a batch": lambda run, x, w: vmap(lambda a: run(lambda: np.sum(a * x)))(x[:3]),
    "gradient": lambda run, x, w: run(grad(lambda w: np.sum((w * x) ** 2)), w),
    "curvature": lambda run, x, w: run(grad(grad(lambda w: np.sum((w * x) ** 3))), w),
    "gradient by the array": lambda run, x, w: run(grad(lambda x: np.sum((w * x) ** 3)), x),
    "tangent": lambda run, x, w: run(lambda: jvp(lambda w: np.sum((w * x) ** 2), (w,), (1.0,))[1]),
    "pullback": lambda run, x, w: run(vjp(lambda w: np.sum(np.sin(w * x)), w)[1], 1.0)[0],
    "pullback of an array": lambda run, x, w: run(vjp(lambda w: np.sin(w * x), w)[1], x)[0],
    "pullback of a loop": lambda run, x, w: run(vjp(lambda w: _loop(x, w), w)[1], 1.0)[0],
    "tangent of a loop": lambda run, x, w: run(lambda: jvp(lambda w: _loop(x, w), (w,), (1.0,))[1]),
    "compiled": lambda run, x, w: run(autograd.jit(lambda a: a * np.sum(_vmap(x, w))), 3.0),
}


def _loop(x: Any, w: Any) -> Any:
    carry = fori_loop(0, 5, lambda i, c: c * w + 1.0, w)
    return scan(lambda c, a: (c * w + a, c), carry, x[:50])[0]


@pytest.mark.parametrize(
    ("name", "run"), [*[(name, elsewhere) for name in CALLS], ("sum of a batch", elsewhere_in_this_context)]
)
def test_arrays_in_another_thread(name: str, run: Callable[..., Any]) -> None:
    """What another thread does with a long array of a traced function is done with all its numbers."""

    def f(x: Any, w: Any) -> Any:
        return CALLS[name](run, x, w)

    np.testing.assert_allclose(Jitted(f, "numpy")(X, 0.7), f(X, 0.7), rtol=1e-9)


def test_a_function_that_is_compiled_in_another_thread() -> None:
    """What it reads of this thread's arrays is known element by element, once this thread traces again."""

    def f(x: Any, w: Any) -> Any:
        y = _vmap(x, w)
        return elsewhere(Jitted(lambda a: a * np.sum(y), "numpy"), 3.0)

    np.testing.assert_allclose(Jitted(f, "numpy")(X, 0.7), 3.0 * 0.7 * X.sum(), rtol=1e-9)


def test_open_loops_in_another_thread() -> None:
    """A loop until a condition fails is differentiated by the thread that traces; another one is told so."""

    def f(w: Any) -> Any:
        _, pullback = vjp(lambda w: while_loop(lambda c: c < 100.0, lambda c: c * (w + 1.0), w), w)
        return elsewhere(pullback, 1.0)[0]

    assert f(0.7) == pytest.approx(1.7**10 + 7.0 * 1.7**9)
    with pytest.raises(NotImplementedError, match="expected the thread that traces"):
        Jitted(f, "numpy")(0.7)
