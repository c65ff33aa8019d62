"""Levels: which nodes depend on the variables of a derivative or on the inputs of a trace.

Each call of a derivative, and each trace, takes a new *level*, higher than all before, and gives it to its
variables. The level of a result is the highest among its operands; ordinary nodes have level 0. So the level
of a node tells, in any thread, to which calls it can belong: a sweep visits only nodes of its own level and
above, however long the history below is, and a conversion to a plain number raises an error where a
derivative would be lost.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .description import Description

FIRST_OF_TRACES = 2**40
"""Levels of traces, and of derivatives inside them, start here."""

_derivatives = count(1)
_traces = count(FIRST_OF_TRACES)


def new_level(*, traced: bool = False, above: int = 0) -> int:
    """Return a new level, above all earlier ones of its kind.

    Levels of traces, and of derivatives inside them, are above those of all other derivatives, so that what
    another thread differentiates is known not to be traced.

    Parameters
    ----------
    traced : bool
        Whether it is for a trace, or for a derivative inside one.
    above : int
        A level that the new one has to exceed.

    Returns
    -------
    int
        The level.

    Examples
    --------
    >>> new_level() < new_level() < new_level(traced=True) < new_level(traced=True)
    True
    """
    return next(_traces if traced or above >= FIRST_OF_TRACES else _derivatives)


@dataclass(eq=False)
class Scope:
    """A derivative or a trace in progress, with the levels of its variables; or anomaly mode, or `no_grad`.

    Attributes
    ----------
    traces : bool
        Whether it is a trace, whose numbers are not known yet, rather than a derivative.
    levels : set of int
        The levels of its variables.
    thread : int
        Which thread has opened it.
    """

    traces: bool = False
    levels: set[int] = field(default_factory=set)
    thread: int = field(default_factory=get_ident)


open_scopes: Final[set[Scope]] = set()
"""The open scopes of all threads; while there are none, operators do no bookkeeping.

A set, because adding and discarding are atomic and can be repeated, so that Ctrl-C leaves nothing behind.
"""


def open_levels(*, traces: bool | None = None) -> set[int]:
    """Return the levels of the open scopes: of traces, of derivatives, or of both.

    Examples
    --------
    >>> open_levels()
    set()
    """
    # A list of a set is made at once, also where threads run side by side.
    return {level for scope in list(open_scopes) if traces in (None, scope.traces) for level in scope.levels}


def level_above(args: tuple[Any, ...]) -> int:
    """Return the level of a result: the highest among its operands, where a plain number has level 0.

    Examples
    --------
    >>> from autograd import Value
    >>> level_above((Value(1.0), 2.0))
    0
    """
    level: int = 0
    for arg in args:
        # Constants are stored as floats; isinstance would take a tenth of the time of a trace.
        if type(arg) is not float:
            node: Description = arg
            if node._level > level:
                level = node._level
    return level


def is_variable(node: Any) -> bool:
    """Return whether a node is a variable of a derivative or trace: no operand has its level.

    Examples
    --------
    >>> from autograd import Value
    >>> is_variable(Value(1.0))
    False
    """
    level: int = node._level
    return level > 0 and level_above(node.args) < level


def highest_open(
    nodes: Iterable[Any], levels: set[int], *, by_derivative: bool = False, is_any: bool = False
) -> int:
    """Return the highest of some levels on whose variables nodes depend; 0 if there is none.

    Parameters
    ----------
    nodes : iterable of Value
        The nodes.
    levels : set of int
        The levels to look for, such as `open_levels` returns.
    by_derivative : bool
        Whether to follow only edges along which a derivative flows, so not those of a comparison.
    is_any : bool
        Whether any of them will do: the search ends at the first.

    Returns
    -------
    int
        The level.

    Notes
    -----
    A node of an open level depends on its variables. The search goes no further there, so that an inner
    derivative in a loop does not walk through all earlier steps.

    Examples
    --------
    >>> from autograd import Value
    >>> highest_open([Value(1.0)], {1, 2})
    0
    """
    found = 0
    lowest = min(levels, default=0)
    seen: set[Any] = set()
    waiting = [node for node in nodes if levels and node._level >= lowest]
    while waiting:
        node = waiting.pop()
        if node in seen or node._level <= found:
            continue
        seen.add(node)
        if node._level in levels and (not by_derivative or is_variable(node)):
            found = node._level
            if is_any:
                break
            continue
        waiting.extend(arg for arg in _operands(node, by_derivative) if arg._level >= lowest)
    return found


def _operands(node: Any, by_derivative: bool) -> Iterator[Any]:
    for arg, partial in zip(node.args, node.partials, strict=True):
        if partial is not None or not (by_derivative or isinstance(arg, float)):
            yield arg


def _close_those_of_other_threads() -> None:
    """Close the scopes of threads that are not in the child of a fork, and would never close them there."""
    for scope in list(open_scopes):
        if scope.thread != get_ident():
            open_scopes.discard(scope)


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no forks.
    os.register_at_fork(after_in_child=_close_those_of_other_threads)
