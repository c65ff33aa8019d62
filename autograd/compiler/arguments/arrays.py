"""The arrays that a program takes for its arguments, and gives for its results.

Each array is one of them, and each number is one without dimensions. The parameters of a module are one
array, and so are the numbers of a large list or dict: to hand over a thousand numbers one by one would take
longer than the program runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ...transforms.trees import Copier, Leaf, Structure

LARGE = 8
"""A list or dict of more numbers than these is one array."""


def is_vector(structure: Structure) -> bool:
    """Return whether the numbers of a container are one array.

    Examples
    --------
    >>> from autograd.transforms.trees import flatten
    >>> [is_vector(flatten(tree)[1]) for tree in (1.0, [1.0] * 8, [1.0] * 9)]
    [False, False, True]
    """
    if isinstance(structure, Leaf):
        return False
    if isinstance(structure.build_argument, Copier):
        return True
    return structure.kind in (dict, list) and structure.size > LARGE and _holds_numbers(structure)


def shapes_of(structure: Structure) -> list[tuple[int, ...]]:
    """Return the shape of each array.

    Examples
    --------
    >>> from autograd.transforms.trees import flatten
    >>> shapes_of(flatten([1.0, np.ones((2, 3)), [0.5] * 10])[1])
    [(), (2, 3), (10,)]
    """
    if isinstance(structure, Leaf):
        return [structure.shape]
    if is_vector(structure):
        return [(structure.size,)]
    return [shape for part in structure.parts for shape in shapes_of(part)]


def paths_of(structure: Structure) -> list[str]:
    """Return where each array stands, as the end of a name.

    Examples
    --------
    >>> from autograd.transforms.trees import flatten
    >>> paths_of(flatten({"a": [1.0, 2.0], "b": np.ones(3)})[1])
    ['_a_0', '_a_1', '_b']
    """
    if isinstance(structure, Leaf) or is_vector(structure):
        return [""]
    pairs = zip(structure.keys, structure.parts, strict=True)
    return [f"_{key}{path}" for key, part in pairs for path in paths_of(part)]


def keys_of(structure: Structure) -> list[tuple[str, ...]]:
    """Return for each array the names of its numbers, which those of a module alone have.

    Examples
    --------
    >>> from nn import Neuron
    >>> from autograd.transforms.trees import flatten
    >>> keys_of(flatten([1.0, Neuron(2)])[1])
    [(), ('w[0]', 'w[1]', 'b')]
    """
    if isinstance(structure, Leaf):
        return [()]
    if is_vector(structure):
        return [structure.keys if isinstance(structure.build_argument, Copier) else ()]
    return [keys for part in structure.parts for keys in keys_of(part)]


def arrays_of(structures: Iterable[Structure], leaves: Iterable[Any]) -> list[Any]:
    """Return the arrays for the leaves of some trees; those without dimensions are numbers of NumPy.

    Examples
    --------
    >>> from autograd.transforms.trees import leaves_of
    >>> leaves, structure = leaves_of((1, [0.5] * 9), exact=True)
    >>> [array.shape for array in arrays_of([structure], leaves)]
    [(), (9,)]
    """
    rest = iter(leaves)
    return [array for structure in structures for array in _arrays(structure, rest)]


def _arrays(structure: Structure, leaves: Iterator[Any]) -> Iterator[Any]:
    if isinstance(structure, Leaf):
        leaf = next(leaves)
        # Python's floats raise where NumPy's have inf and nan, and arrays without dimensions are slow.
        yield leaf.astype(float, copy=False) if structure.shape else np.float64(leaf)
    elif is_vector(structure):
        yield np.array([*islice(leaves, structure.size)], dtype=float)
    else:
        for part in structure.parts:
            yield from _arrays(part, leaves)


def _holds_numbers(structure: Structure) -> bool:
    """Return whether there are no arrays in a tree, not even such without dimensions."""
    if isinstance(structure, Leaf):
        return structure.shape == () and not structure.is_array
    return all(map(_holds_numbers, structure.parts))
