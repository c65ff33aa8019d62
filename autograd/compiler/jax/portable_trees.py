"""What a program takes and gives, in the containers of the function that it was compiled from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

from ...functions.sizes import Condition
from ...transforms.dataclass_trees import Record
from ...transforms.trees import Copier, Leaf, Structure
from ..arguments.arrays import is_vector
from ..arguments.call import Call
from ..arguments.open_lengths import OpenLengths


class PortableTrees(NamedTuple):
    """What a program takes and gives.

    A model, and a list or dict of many numbers, is one array. Objects of dataclasses are dicts.

    Attributes
    ----------
    args, kwargs : tuple, dict
        The arguments, in which whole numbers stand for arrays.
    results : tree of int
        The results, likewise.
    shapes : list of tuple of int
        The shapes of the arguments, with the same negative number for lengths that have to be equal, whatever
        they are.
    lengths : dict of int to int
        What those are in the call that was traced.
    conditions : tuple of (int, Condition)
        What has to be true of them.

    Examples
    --------
    >>> import numpy as np
    >>> from ..arguments.open_lengths import NONE_OPEN
    >>> call = Call(max, ({"w": np.ones(2), "b": 1.0},), {"x": [0.5] * 9})
    >>> portable_trees(call, Leaf(()), NONE_OPEN)[:4]
    (({'w': 0, 'b': 1},), {'x': 2}, 0, [(2,), (), (9,)])
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: Any
    shapes: list[tuple[int, ...]]
    lengths: dict[int, int]
    conditions: tuple[tuple[int, Condition], ...]


def portable_trees(call: Call, results: Structure, lengths: OpenLengths) -> PortableTrees:
    """Return what the program of a call takes and gives."""
    numbers = count()
    pair: Any = call.structure
    # Part by part: many numbers by name would be one array of a dict.
    by_position, by_name = ([_tree(part, numbers) for part in arguments.parts] for arguments in pair.parts)
    symbols = lengths.symbols or [()] * len(call.shapes)
    shapes = [
        tuple([symbol or length for symbol, length in zip(own, shape, strict=True)]) if own else shape
        for own, shape in zip(symbols, call.shapes, strict=True)
    ]
    known = {
        symbol: length
        for own, shape in zip(symbols, call.shapes, strict=True)
        for symbol, length in zip(own, shape, strict=False)
        if symbol
    }
    kwargs = dict(zip(pair.parts[1].keys, by_name, strict=True))
    return PortableTrees(
        tuple(by_position), kwargs, _tree(results, count()), shapes, known, lengths.conditions
    )


def _tree(structure: Structure, numbers: Iterator[int]) -> Any:
    """Return a structure as plain containers of numbers."""
    if isinstance(structure, Leaf) or is_vector(structure) or isinstance(structure.build_argument, Copier):
        return next(numbers)
    parts = [_tree(part, numbers) for part in structure.parts]
    if structure.kind is type(None):
        return None
    if structure.kind is dict or isinstance(structure.build, Record):
        return dict(zip(map(str, structure.keys), parts, strict=True))
    return parts if structure.kind is list else tuple(parts)
