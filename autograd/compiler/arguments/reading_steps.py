"""The arguments of a call in steps, from which machine code can read those of other calls like it.

A reader is text for Python (`reader.py`), which also converts. Machine code takes what needs no copy:
numbers of Python, and arrays of float64, in lists, tuples and dicts. It leaves all else to the reader.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import count
from types import NoneType
from typing import Any, NamedTuple

from ...transforms.trees import Branch, Leaf, Structure
from .arrays import is_vector
from .call import Call
from .machine_steps import ReadStep
from .open_lengths import NONE_OPEN, OpenLengths, with_symbols


class _OnlyPythonError(Exception):
    """There is something among the arguments that only Python reads."""


def steps_of_call(call: Call, lengths: OpenLengths = NONE_OPEN) -> list[ReadStep] | None:
    """Return the steps that read the arguments by position, a tuple, and those by name, a dict.

    Parameters
    ----------
    call : Call
        The call.
    lengths : OpenLengths
        Which lengths may be others.

    Returns
    -------
    list of ReadStep or None
        None if there is something that only Python reads.

    Examples
    --------
    >>> import numpy as np
    >>> steps = steps_of_call(Call(max, ([1.0, np.ones((2, 3))],), {}))
    >>> [(step.kind, step.argument, step.shape) for step in steps]
    [('tuple', -1, ()), ('dict', -1, ()), ('list', -1, ()), ('number', 0, ()), ('array', 1, (2, 3))]
    """
    if lengths.conditions:
        return None
    statics: dict[Any, Any] = {**call.statics.by_position, **call.statics.by_name}
    parts, arguments = iter(with_symbols(call.parts, lengths)), count()
    try:
        by_position, by_name = (
            [_same(statics[which]) if which in statics else _tree(next(parts), arguments) for which in places]
            for places in (range(len(call.args)), call.kwargs)
        )
    except _OnlyPythonError:
        return None
    whole = [_branch("tuple", by_position), _branch("dict", by_name, tuple(call.kwargs))]
    return [*_in_a_queue(whole)]


class _Tree(NamedTuple):
    """A step, and what its container holds."""

    step: ReadStep
    items: list[_Tree]


def _in_a_queue(trees: list[_Tree]) -> Iterator[ReadStep]:
    """Yield the steps of trees in the order in which a queue has them."""
    waiting = deque(trees)
    while waiting:
        tree = waiting.popleft()
        waiting += tree.items
        yield tree.step


def _same(item: Any) -> _Tree:
    return _Tree(ReadStep("same", known=(item,)), [])


def _branch(kind: str, items: list[_Tree], keys: tuple[Any, ...] = ()) -> _Tree:
    return _Tree(ReadStep(kind, size=len(items), known=keys), items)


_CONTAINERS: dict[type, str] = {tuple: "tuple", list: "list", dict: "dict"}


def _tree(structure: Structure, arguments: Iterator[int]) -> _Tree:
    """Return the steps for a part of the arguments, which has its numbers in the order of the program."""
    if isinstance(structure, Leaf):
        if structure.is_array and not structure.shape:
            raise _OnlyPythonError
        kind = "array" if structure.is_array else "number"
        return _Tree(ReadStep(kind, next(arguments), structure.shape), [])
    if structure.kind is NoneType:
        return _same(None)
    if structure.kind not in _CONTAINERS:
        raise _OnlyPythonError
    if is_vector(structure):
        if not _is_list_of_numbers(structure):
            raise _OnlyPythonError
        return _Tree(ReadStep("numbers", next(arguments), (len(structure.parts),)), [])
    items = [_tree(part, arguments) for part in structure.parts]
    return _branch(_CONTAINERS[structure.kind], items, structure.keys if structure.kind is dict else ())


def _is_list_of_numbers(branch: Branch) -> bool:
    return branch.kind is list and all(isinstance(part, Leaf) for part in branch.parts)
