"""On which inputs each output depends: the pattern of a Jacobian, read off a recorded graph.

A set of inputs is passed along each edge along which a derivative flows, so the pattern knows what the rules
of the table say: no derivative flows from a comparison or through `floor`, and the gradient of a sum, whose
partials are the number 1, does not depend on the terms. That is why the pattern of a Hessian is that of the
Jacobian of a gradient: the partial of ``x * y`` with respect to x depends on y alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

from ..engine.value import Value
from ..ops.structural import Structural
from .batch_operations import lengths_of

Inputs = set[int] | frozenset[int]
"""The inputs that a number depends on. A set has one owner, which may add to it; a frozenset is shared."""

OfSamples = tuple[Inputs, ...]
"""Those of a node that stands for a number in each sample."""


class Pattern(NamedTuple):
    """The places of a matrix where there may be numbers other than 0, row by row and from left to right.

    Attributes
    ----------
    shape : tuple of int
        How many rows and columns the matrix has.
    rows, columns : ndarray of int
        The row and the column of each place.
    """

    shape: tuple[int, int]
    rows: Any
    columns: Any

    @property
    def transposed(self) -> Pattern:
        """The pattern of the transposed matrix."""
        return _in_order(self.shape[::-1], self.columns, self.rows)

    @property
    def symmetric(self) -> Pattern:
        """The places of a square matrix, and those that mirror them."""
        rows = np.concatenate([self.rows, self.columns])
        columns = np.concatenate([self.columns, self.rows])
        size = max(self.shape[1], 1)
        rows, columns = np.divmod(np.unique(rows * size + columns), size)
        return Pattern(self.shape, rows, columns)

    def by_row(self) -> list[list[int]]:
        """Return the columns of each row."""
        ends = np.searchsorted(self.rows, np.arange(self.shape[0] + 1)).tolist()
        columns = self.columns.tolist()
        return [columns[start:end] for start, end in pairwise(ends)]


def _in_order(shape: tuple[int, int], rows: Any, columns: Any) -> Pattern:
    order = np.lexsort((columns, rows))
    return Pattern(shape, rows[order], columns[order])


def dependence(order: Sequence[Value], outputs: Sequence[Any], inputs: Sequence[Value]) -> Pattern:
    """Return which inputs a derivative of each output flows to.

    Parameters
    ----------
    order : sequence of Value
        What leads to the outputs, each node after its consumers (`autograd.engine.graph.consumers_first`).
    outputs : sequence of Value or float
        The results; a number depends on nothing.
    inputs : sequence of Value
        The variables; none depends on another.

    Returns
    -------
    Pattern
        With a row for each output and a column for each input. It holds for the graph: where the function
        branched in Python, for the branch that was taken.

    Examples
    --------
    >>> from ..engine.graph import consumers_first
    >>> x, y = Value(2.0), Value(3.0)
    >>> outputs = [x * y, (x > y) * y, 1.0]
    >>> dependence(consumers_first(*outputs[:2]), outputs, [x, y]).by_row()
    [[0, 1], [1], []]
    """
    found = _Dependence(order, outputs, inputs).sets
    nothing: Inputs = frozenset()
    sets = [found.get(output, nothing) if isinstance(output, Value) else nothing for output in outputs]
    counts = [len(inputs_of_it) for inputs_of_it in sets]
    columns = np.fromiter(chain.from_iterable(sets), dtype=np.intp, count=sum(counts))
    rows = np.repeat(np.arange(len(counts)), counts)
    return _in_order((len(outputs), len(inputs)), rows, columns)


class _Dependence:
    """The walk from the inputs to the outputs.

    What a node has that is used once passes to its consumer, which adds to it. So a sum of 10,000 terms that
    are added one by one takes as long as its terms are, not the square of that.

    Attributes
    ----------
    sets : dict of Value to Inputs
        The inputs of each node that is used more than once, or not at all, such as the outputs.
    """

    def __init__(self, order: Sequence[Value], outputs: Sequence[Any], inputs: Sequence[Value]) -> None:
        self._uses = _uses(order, outputs)
        self._lengths = lengths_of(reversed(order))
        self._known: dict[tuple[int, ...], tuple[list[Any], OfSamples]] = {}
        self.sets: dict[Value, Any] = {x: frozenset((i,)) for i, x in enumerate(inputs)}
        for node in reversed(order):
            if node not in self._uses or node in self.sets:
                continue
            found = self._of(node)
            if found:
                shared = self._uses[node] > 1 and type(found) is set
                self.sets[node] = frozenset(found) if shared else found

    def _of(self, node: Value) -> Any:
        op = node.op
        if node in self._lengths or (isinstance(op, Structural) and op.length(len(node.args)) is not None):
            return self._of_samples(node)
        operands = zip(node.args, node.partials, strict=True)
        return _union([self._taken(arg) for arg, partial in operands if partial is not None])

    def _taken(self, operand: Any) -> Any:
        """Return what an operand depends on; the last consumer may change it."""
        return (self.sets.pop if self._uses[operand] == 1 else self.sets.get)(operand, ())

    def _of_samples(self, node: Value) -> Any:
        """Return what a node depends on whose operands may stand for several numbers, or itself."""
        op, args, length = node.op, node.args, self._lengths.get(node, 0)
        found = [
            () if partial is None else self.sets.get(arg, ())  # type: ignore[arg-type]
            for arg, partial in zip(args, node.partials, strict=True)
        ]
        if isinstance(op, Structural) and op.arranges:
            count = len(args) - op.statics
            sources = op.sources(count, args[count:])  # type: ignore[arg-type]
            numbers = tuple([_number(found[operand], number) for operand, number in sources])
            return numbers if length else numbers[0]
        if isinstance(op, Structural) and op.length(len(args)) is not None:
            # What adds up the samples, or says no more: each of its numbers depends on all that flows in.
            whole = frozenset().union(*[_whole(inputs) for inputs in found])
            return (whole,) * length if length and whole else whole
        return self._each(found, length)

    def _each(self, found: list[Any], length: int) -> Any:
        """Return what a node depends on that computes each of its numbers from one of each operand."""
        key = tuple(sorted({id(inputs) for inputs in found if inputs}))
        if key not in self._known:
            samples = [[_number(inputs, i) for inputs in found] for i in range(length)]
            # The operands are kept, so that their ids remain theirs.
            self._known[key] = found, tuple([frozenset().union(*sample) for sample in samples])
        return self._known[key][1] if key else ()


def _uses(order: Sequence[Value], outputs: Sequence[Any]) -> Mapping[Value, int]:
    """Return how often each node is used by something that a derivative flows through."""
    uses: dict[Value, int] = {}
    for output in outputs:
        if isinstance(output, Value):
            # An output keeps what it has, also if it is an operand of another one.
            uses[output] = uses.get(output, 0) + 2
    for node in order:
        if node in uses:
            for operand, partial in zip(node.args, node.partials, strict=True):
                if partial is not None:
                    uses[operand] = uses.get(operand, 0) + 1  # type: ignore[index, arg-type]
    return uses


def _union(sets: list[Any]) -> Inputs:
    """Return the union of some sets, in the largest that is owned if there is one."""
    if len(sets) == 2 and sets[0] is not sets[1]:
        # Most nodes have two operands, and one has often all that the other has.
        first, second = sets
        if type(first) is frozenset and first.issuperset(second):
            return first
        if type(second) is frozenset and second.issuperset(first):
            return second
    different = {id(inputs): inputs for inputs in sets if inputs}
    if not different:
        return frozenset()
    if len(different) == 1:
        return next(iter(different.values()))  # type: ignore[no-any-return]
    owned = [inputs for inputs in different.values() if type(inputs) is set]
    target: set[int] = max(owned, key=len) if owned else set()
    for inputs in different.values():
        if inputs is not target:
            target |= inputs
    return target


def _number(inputs: Any, number: int) -> Inputs:
    """Return what one number depends on of those that a node stands for; it may get several owners."""
    return frozenset(inputs[number] if isinstance(inputs, tuple) and inputs else inputs)


def _whole(inputs: Any) -> Collection[int]:
    """Return what all numbers of a node depend on."""
    return frozenset().union(*inputs) if isinstance(inputs, tuple) else inputs
