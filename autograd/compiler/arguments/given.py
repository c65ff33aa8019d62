"""What a function is given while it is traced: a `Value` for each number, and arrays that stay whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...engine.value import Value
from ...functions.axes import AxisTrace, ColumnSource
from ...functions.fixed_array import FixedArray
from ...functions.traced_array import TracedArray, WholeArray
from ...transforms.trees import Leaf, Structure, each_leaf, unflatten, with_leaves
from .arrays import is_vector
from .call import Call


class Given:
    """The arguments of a traced call.

    Parameters
    ----------
    call : Call
        The call.
    is_whole : bool
        Whether its arrays stay whole; otherwise each of their elements is a `Value` from the beginning.

    Attributes
    ----------
    numbers : list of Value
        The inputs that are there from the beginning.
    inputs : list of list of Value
        For each array that the program takes, its elements, as far as they are used one by one.
    sources : list of ColumnSource
        The arrays that stay whole.

    Examples
    --------
    >>> import numpy as np
    >>> given = Given(Call(abs, (1.0, np.ones(3)), {}), is_whole=True)
    >>> given.numbers, given.inputs
    ([Value(1.0)], [[Value(1.0)], []])
    """

    def __init__(self, call: Call, *, is_whole: bool) -> None:
        self._call = call
        self.inputs: list[list[Value]] = []
        self.sources: list[ColumnSource] = []
        for array, leaf in zip(call.examples, _leaf_of_each(call), strict=True):
            if is_whole and leaf is not None and leaf.shape:
                source = ColumnSource(array, len(self.inputs))
                self.sources.append(source)
                self.inputs.append(source.inputs)
            else:
                self.inputs.append([Value(number) for number in array.ravel().tolist()])
        self._is_whole = is_whole
        self.numbers = [value for values in self.inputs for value in values]

    def call(self, trace: AxisTrace | None) -> Any:
        """Return the result of the function, called in a trace."""
        if trace is None:
            return self._call.on(self.numbers)
        numbers, sources = iter(self.numbers), iter(self.sources)
        structure = with_leaves(self._call.structure, lambda leaf: Leaf(()) if leaf.shape else leaf)
        leaves = [
            _whole(trace, next(sources)) if leaf.shape else next(numbers)
            for leaf in each_leaf(self._call.structure)
        ]
        args, kwargs = unflatten(structure, leaves, argument=True)
        return self._call.statics.call(self._call.f, args, kwargs)


def _whole(trace: AxisTrace, source: ColumnSource) -> WholeArray:
    """Return an argument that stays whole in a trace."""
    traced = TracedArray(trace, source)
    return FixedArray(trace, traced) if trace.is_along_all else traced


def _leaf_of_each(call: Call) -> list[Leaf | None]:
    """Return for each array that a program takes its leaf; None for one of several numbers."""
    return [leaf for part in call.parts for leaf in _leaves_or_vectors(part)]


def _leaves_or_vectors(structure: Structure) -> Iterator[Leaf | None]:
    if isinstance(structure, Leaf):
        yield structure
    elif is_vector(structure):
        yield None
    else:
        for part in structure.parts:
            yield from _leaves_or_vectors(part)
