"""Captured `Value`s as arguments, so that grad, vmap and jit see them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import numpy as np

from ..engine.tracing import is_tracing, tracing
from ..engine.value import Value
from ..functions.traced_array import is_whole
from ..quiet import quiet
from .batch_tracing import samples_apart
from .substitution import substituted
from .trees import Leaf, array_of, leaves_of, numbers_of, unflatten, with_leaves


def make_functional(f: Callable[..., Any], values: Iterable[Value]) -> Callable[..., Any]:
    """Return `f` as a function of the `Value`s that it captures.

    A model captures its parameters, and so does a loss with a penalty. The returned function takes their
    numbers as its first argument, as `grad`, `vmap` and `jit` require. The `Value`s themselves do not change.

    Parameters
    ----------
    f : callable
        The function. While it runs, the numbers of `values` are unknown: as in a function that `jit`
        compiles, a branch on one of them raises.
    values : iterable of Value
        Leaves, such as ``model.parameters()``.

    Returns
    -------
    callable
        A function of an array or sequence of as many numbers, and of the arguments of `f`.

    Raises
    ------
    TypeError
        If one of `values` is not a leaf.
    ValueError
        Raised by the returned function for a different number of numbers.
    TracedValueError
        Raised by the returned function where `f` branches on one of `values` or reads its number.

    Examples
    --------
    >>> from autograd import value_and_grad
    >>> w, b = Value(2.0), Value(1.0)
    >>> loss = make_functional(lambda x, y: (w * x + b - y) ** 2, [w, b])
    >>> value_and_grad(loss)(np.array([2.0, 1.0]), 3.0, 5.0)
    (4.0, array([12.,  4.]))
    """
    leaves = list(values)
    for leaf in leaves:
        if not isinstance(leaf, Value) or leaf.op is not None:
            raise TypeError(f"expected leaf Values that the function reads, got {leaf!r}")

    @functools.wraps(f)
    def functional(numbers: Any, *args: Any, **kwargs: Any) -> Any:
        given = numbers_of(leaves_of(numbers, "the numbers of a function's Values")[0])
        if len(given) != len(leaves):
            raise ValueError(f"expected a number for each of {len(leaves)} Values, got {len(given)}")
        with _unknown(leaves) as level:
            found, form = leaves_of(f(*args, **kwargs), "the result of a functional", exact=True, whole=True)
        slices = [leaf.slice() if is_whole(leaf) else leaf for leaf in found]
        nodes = [number for number in numbers_of(slices) if isinstance(number, Value)]
        made = substituted(nodes, dict(zip(leaves, given, strict=True)), level)
        places = with_leaves(form, lambda leaf: Leaf(()) if leaf.shape else leaf)
        return unflatten(places, [_with_new(leaf, made) for leaf in found])

    # Python does not know the signature of every function, and this one may have an argument of the name.
    with suppress(TypeError, ValueError):
        signature = inspect.signature(f)
        first = inspect.Parameter("numbers", inspect.Parameter.POSITIONAL_ONLY)
        functional.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[first, *signature.parameters.values()]
        )
    return functional


def _with_new(leaf: Any, made: Mapping[Value, Any]) -> Any:
    """Return a result with other Values in place of its own."""
    if is_whole(leaf):
        return leaf.with_slice(_with_new(leaf.slice(), made))
    if isinstance(leaf, np.ndarray) and not leaf.ndim:
        return _with_new(leaf[()], made)
    if isinstance(leaf, np.ndarray):
        new = [made.get(item, item) if isinstance(item, Value) else item for item in leaf.ravel().tolist()]
        return array_of(new, leaf.shape, is_array=True)
    return made.get(leaf, leaf) if isinstance(leaf, Value) else leaf


@contextmanager
def _unknown(leaves: Sequence[Value]) -> Iterator[int]:
    """Treat the numbers of leaves as unknown; NumPy's warnings would be about the wrong numbers."""
    levels = [leaf._level for leaf in leaves]
    # A node that stands for all samples of a batch has no number of its own: only programs can use it.
    samples = nullcontext() if is_tracing() else samples_apart()
    try:
        with samples, tracing(leaves) as level, quiet():
            yield level
    finally:
        for leaf, level in zip(leaves, levels, strict=True):
            leaf._level = level
