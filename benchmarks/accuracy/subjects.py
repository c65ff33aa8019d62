"""What is measured: rows, functions composed of rows, and losses, each as a function of an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import Any

from function_oracles import FUNCTIONS
from mpmath import mp
from oracles import ORACLES, public, split

from autograd import OPS, Op

# How many elements a sequence has.
SIZE = 4


@dataclass(frozen=True)
class Subject:
    """A function of several numbers, and what it is in mpmath and in the peers.

    Attributes
    ----------
    name : str
        Its name.
    ours : callable
        The function of an array.
    exact, slopes : callable
        The value, and the list of derivatives, of as many numbers of mpmath.
    torch, jax : callable or None
        The value, of the module and as many tensors or arrays; None if the peer has no such function.
    within : tuple of (float, float)
        For each number the open interval that it may be in.
    op : Op or None
        The row.
    """

    name: str
    ours: Callable[[Any], Any]
    exact: Callable[..., Any]
    slopes: Callable[..., Sequence[Any]]
    torch: Callable[..., Any] | None
    jax: Callable[..., Any] | None
    within: tuple[tuple[float, float], ...]
    op: Op | None = None

    @property
    def is_of_one_or_two(self) -> bool:
        """Whether it is a row of one number or two, whose value has the bound that the row says."""
        return self.op is not None and not self.op.variadic

    @property
    def reads_out(self) -> list[bool]:
        """For each derivative, whether its rule is over the value."""
        if self.op is None:
            return [False] * len(self.within)
        each = SIZE if self.op.variadic else 1
        return ["out" in rule.names for rule in self.op.partials for _ in range(each)]


def subjects() -> dict[str, Subject]:
    """Return what is measured, by name.

    Examples
    --------
    >>> len(subjects()["hypot"].within), subjects()["mse"].op
    (2, None)
    """
    # What selects by a number that is no number has nothing to be measured: its tests are of special points.
    rows = [_of_row(op) for op in OPS.values() if len(op.partials) < 3]
    return {one.name: one for one in chain(rows, _of_functions())}


def _of_functions() -> Iterator[Subject]:
    for name, function in FUNCTIONS.items():
        yield Subject(name, *function)


def _of_row(op: Op) -> Subject:
    oracle = ORACLES[op.name]
    size = len(op.partials) * (SIZE if op.variadic else 1)

    def slopes(*numbers: Any) -> list[Any]:
        found = [_derivatives(slope, split(op, numbers)) for slope in oracle.slopes]
        return [*chain(*found)] if op.variadic else found

    def in_jax(jax: Any, *x: Any) -> Any:
        function = oracle.jax or _by_name(op)
        return function(jax, *split(op, x))

    return Subject(
        name=op.name,
        ours=lambda x: public(op)(*split(op, x)),
        exact=lambda *numbers: oracle.exact(*split(op, numbers)),
        slopes=slopes,
        torch=lambda torch, *x: oracle.torch(torch, *split(op, x)),
        jax=in_jax,
        within=((-inf, inf),) * size,
        op=op,
    )


def _by_name(op: Op) -> Callable[..., Any]:
    """Return the function of JAX that has the name of NumPy's."""
    assert op.ufunc is not None, f"expected Oracle.jax of {op.name}, which NumPy does not have"
    name = op.ufunc.__name__
    return lambda jax, *x: getattr(jax.numpy, name)(*x)


def _derivatives(slope: Callable[..., Any], arguments: Any) -> Any:
    """Return a derivative, or nan where there is none: at a pole."""
    try:
        return slope(*arguments)
    except (ZeroDivisionError, ValueError):
        return [mp.nan] * SIZE if isinstance(arguments[0], list | tuple) else mp.nan
