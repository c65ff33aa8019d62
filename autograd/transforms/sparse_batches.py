"""Sparse derivatives of batches, in a trace whose arrays stay whole.

Where a function maps another one over rows of its arguments, each sample depends on a few rows. Its block of
the Jacobian is a result of the batch like any other: each number of it is computed along the axis of the
samples. Where the block stands differs from sample to sample, but is known in the trace: the rows are those
of the arrays, or are taken by constant indices. The Hessian of a sum over samples is the sum of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import consumers_first
from ..engine.levels import open_levels
from ..engine.value import Value
from ..engine.variables import under_differentiation
from ..functions.axes import Axis, AxisTrace, ElementsNeededError, Renamed, Rows, TotalOver, axis_trace
from ..functions.batch_array import BatchArray
from ..functions.sizes import Size
from ..functions.traced_array import TracedArray, WholeArray, is_whole
from ..functions.value_array import values_array
from ..ops.structural import Structural
from .compression import by_columns_or_rows, by_stars
from .dependence import Pattern, dependence
from .partials import Scalar
from .sparse_matrices import SparseBlocks
from .sweeps import pull, push
from .trees import Leaf, Structure, leaves_of, numbers_of, unflatten, with_leaves

Function = Callable[..., Any]

_PINNED = "a sparse matrix has constant places"
_NOWHERE = np.empty(0, np.intp)


class _Place(NamedTuple):
    """Where a number of each sample stands among the rows, or the columns, of a matrix.

    Attributes
    ----------
    leaf : int
        Which result, or argument, it is a number of.
    position : int
        Which number of a slice it is.
    size : int
        How many numbers a slice has.
    taken : Rows or None
        Which slice each sample has it from; None if the slices are the samples.
    axis : Axis
        The samples.
    """

    leaf: int
    position: int
    size: int
    taken: Rows | None
    axis: Axis

    @property
    def indices(self) -> Any:
        """The row, or column, for each sample."""
        of = np.arange(self.axis.size.length) if self.taken is None else self.taken.indices
        return of * self.size + self.position


class _Variables:
    """The variables of a derivative, which come into being as the function uses columns."""

    def __init__(self, trace: AxisTrace, level: int) -> None:
        self.trace, self.level = trace, level
        self.nodes: list[Value] = []
        self.places: list[_Place] = []
        self._known: dict[Any, Any] = {}
        self._taken: dict[Any, TracedArray] = {}

    def along(self, leaf: int, whole: TracedArray, axis: Axis) -> Any:
        """Return the slices of an argument along an axis, as variables."""
        key = leaf, whole.rows, axis
        if key not in self._known:
            part = whole.along(0, axis)
            part = part.elements() if is_whole(part) else part
            items = part.ravel().tolist() if isinstance(part, np.ndarray) else [part]
            nodes = [+item for item in items]
            for position, node in enumerate(nodes):
                node._level = self.level
                self.places.append(_Place(leaf, position, len(nodes), whole.rows, axis))
            self.nodes += nodes
            shape = part.shape if isinstance(part, np.ndarray) else ()
            self._known[key] = values_array(nodes).reshape(shape)[()]
        return self._known[key]

    def rows(self, leaf: int, whole: TracedArray, indices: Any) -> Any:
        """Return what an array of indices gives of an argument, the same object for the same indices."""
        key = leaf, whole.rows, indices.dtype, indices.shape, indices.tobytes()
        if key not in self._taken:
            self._taken[key] = whole[indices]
        return self._taken[key]


class DifferentiatedArray(WholeArray):
    """An argument with respect to which a sparse Jacobian is computed, whole.

    Parameters
    ----------
    variables : _Variables
        The variables of the derivative.
    leaf : int
        Which argument it is.
    whole : TracedArray
        The argument, or some rows of it.
    """

    def __init__(self, variables: _Variables, leaf: int, whole: TracedArray) -> None:
        self._variables, self._leaf, self._whole = variables, leaf, whole
        self._axis: Axis | None = None

    @property
    def shape(self) -> tuple[Any, ...]:
        """The length along each dimension."""
        return self._whole.shape

    @property
    def lengths(self) -> tuple[int, ...]:
        """Its shape while it is traced."""
        return self._whole.lengths

    def slice(self) -> Any:
        """Return nothing: its elements are not used one by one."""
        return ()

    def with_slice(self, new: Any) -> Any:
        """Return the same array, whose elements are not used one by one."""
        return self

    def dimensions(self) -> Any:
        """Return what its dimensions are."""
        return self.batch().dimensions()

    def beside(self, dimensions: Any) -> Any:
        """Return the slice at any index of the axes among dimensions."""
        return self.batch().beside(dimensions)

    def in_order(self, places: Sequence[int]) -> Any:
        """Return the array with its dimensions in another order."""
        return self.batch().in_order(places)

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along its first dimension, one for each index of an axis."""
        if dimension:
            self.elements()
        axis.size.pin(_PINNED)
        return self._variables.along(self._leaf, self._whole, axis)

    def elements(self) -> Any:
        """Have the elements be variables one by one."""
        raise ElementsNeededError

    def batch(self) -> BatchArray:
        """Return all rows, along an axis of their own."""
        if self._axis is None:
            self._axis = Axis(Size(self.lengths[0], _PINNED))
        return BatchArray(self._variables.trace, (self._axis,), self.along(0, self._axis))

    def __getitem__(self, key: Any) -> Any:
        if type(key) is np.ndarray:
            rows = self._variables.rows(self._leaf, self._whole, key)
            if type(rows) is TracedArray:
                return DifferentiatedArray(self._variables, self._leaf, rows)
        return self.batch()[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.batch(), name)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*map(_as_batch, inputs), **options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return function(*map(_as_batch, args), **kwargs)


def _as_batch(item: Any) -> Any:
    if type(item) is DifferentiatedArray:
        return item.batch()
    return type(item)(map(_as_batch, item)) if type(item) in (list, tuple) else item


class Matrices(NamedTuple):
    """A sparse derivative, as a matrix for each pair of leaves.

    Attributes
    ----------
    form, structure : Structure
        The structures of its rows and of its columns.
    matrix : callable
        From the numbers of a leaf of either to their matrix.
    """

    form: Structure
    structure: Structure
    matrix: Callable[[int, int], SparseBlocks]


class _Called(NamedTuple):
    """What a function gives for whole arguments."""

    variables: _Variables
    sizes: list[int]
    structure: Structure
    results: list[Any]
    form: Structure


def jacobian_of_batches(call: Function, arguments: Sequence[Any], mode: str | None) -> Matrices | None:
    """Return the matrices of a sparse Jacobian, if whole arrays suffice for it.

    Parameters
    ----------
    call : callable
        The function, of the arguments.
    arguments : sequence of tree
        Those that it is differentiated with respect to.
    mode : {"fwd", "rev", None}
        As in `jacobian`.

    Returns
    -------
    Matrices or None
        None where numbers are needed one by one, such as where samples are added up.
    """
    try:
        called = _called(call, arguments)
        if called is None:
            return None
        batches = [_batch_of(result) for result in called.results]
        for batch in batches:
            batch.axes[0].size.pin(_PINNED)
        outputs = [numbers_of([batch.inner]) for batch in batches]
        sizes = [(batch.axes[0], len(numbers)) for batch, numbers in zip(batches, outputs, strict=True)]
        rows = [_Place(k, i, size, None, axis) for k, (axis, size) in enumerate(sizes) for i in range(size)]
        heights = [axis.size.length * size for axis, size in sizes]
        swept = _Swept([*chain(*outputs)], called.variables)
        data = by_columns_or_rows(swept.pattern, swept.push, swept.pull, mode)
        blocks = _Blocks(called.variables, swept.pattern, data, rows, heights, called.sizes)
        return Matrices(called.form, called.structure, blocks.matrix)
    except ElementsNeededError:
        return None


def hessian_of_batches(call: Function, arguments: Sequence[Any]) -> Matrices | None:
    """Return the matrices of a sparse Hessian, if whole arrays suffice for it.

    Parameters
    ----------
    call, arguments
        As in `jacobian_of_batches`; the result is a sum over samples, or of such sums.

    Returns
    -------
    Matrices or None
        None where numbers are needed one by one, such as where samples depend on one another.
    """
    try:
        called = _called(call, arguments)
        if called is None or called.form != Leaf(()) or not isinstance(called.results[0], Value):
            return None
        variables, sizes = called.variables, called.sizes
        order = consumers_first(called.results[0], level=variables.level)
        _check_samples_apart(variables, order, adds=True)
        slopes = pull(order, called.results, [1.0], variables.nodes, as_graph=True)
        swept = _Swept(slopes, variables)
        pattern = swept.pattern.symmetric
        data = by_stars(pattern, swept.push)
        blocks = _Blocks(variables, pattern, data, variables.places, sizes, sizes)
        return Matrices(called.structure, called.structure, blocks.matrix)
    except ElementsNeededError:
        return None


def _called(call: Function, arguments: Sequence[Any]) -> _Called | None:
    """Call a function with whole arguments; None where they are not whole."""
    trace = axis_trace()
    # A derivative around this one would differentiate its numbers.
    if trace is None or trace.open or any(level > trace.level for level in open_levels(traces=False)):
        return None
    leaves, structure = leaves_of(tuple(arguments), "a differentiated argument", whole=True)
    if not leaves or not all(type(leaf) is TracedArray and not leaf.mapped for leaf in leaves):
        return None
    with under_differentiation([]) as level:
        variables = _Variables(trace, level)
        whole = [DifferentiatedArray(variables, i, leaf) for i, leaf in enumerate(leaves)]
        places = with_leaves(structure, lambda leaf: Leaf(()))
        result = call(unflatten(places, whole, argument=True))
    results, form = leaves_of(result, "the result of the function", whole=True)
    return _Called(variables, [prod(leaf.lengths) for leaf in leaves], structure, results, form)


class _Swept:
    """Sweeps from variables to outputs that vary along axes, each as if it were one number."""

    def __init__(self, outputs: Sequence[Scalar], variables: _Variables) -> None:
        self.outputs, self.inputs = outputs, variables.nodes
        self.nodes = [output for output in outputs if isinstance(output, Value)]
        self.order = consumers_first(*self.nodes, level=variables.level)
        _check_samples_apart(variables, self.order)
        self.pattern = dependence(self.order, outputs, self.inputs)

    def push(self, tangents: Sequence[Scalar | None]) -> list[Scalar]:
        """Return the tangent of each output."""
        found = iter(push(self.order, self.nodes, self.inputs, tangents, as_graph=True))
        return [next(found) if isinstance(output, Value) else 0.0 for output in self.outputs]

    def pull(self, cotangents: Sequence[Scalar | None]) -> list[Scalar]:
        """Return the adjoint of each variable."""
        pairs = zip(self.outputs, cotangents, strict=True)
        seeds = [seed for output, seed in pairs if isinstance(output, Value)]
        return pull(self.order, self.nodes, seeds, self.inputs, as_graph=True)


def _check_samples_apart(variables: _Variables, order: Sequence[Value], *, adds: bool = False) -> None:
    """Raise where a number depends on other samples than its own; if `adds`, it may be a sum over all."""
    reached = {*variables.nodes}
    for node in reversed(order):
        if any(arg in reached for arg in node.args):
            reached.add(node)
            op, axes = node.op, len(variables.trace.axes_of(node))
            is_of_one = not isinstance(op, Structural) or not op.settles_axes or isinstance(op, Renamed)
            is_added = adds and (isinstance(op, TotalOver) or not axes)
            if axes > 1 or not (is_added or (is_of_one and axes)):
                raise ElementsNeededError


class _Blocks:
    """The numbers of a matrix whose blocks are those of samples."""

    def __init__(
        self,
        variables: _Variables,
        pattern: Pattern,
        data: Any,
        rows: Sequence[_Place],
        heights: Sequence[int],
        widths: Sequence[int],
    ) -> None:
        self.trace, self.heights, self.widths = variables.trace, heights, widths
        numbers, columns = data.tolist(), variables.places
        for number in numbers:
            # The derivative is over: its numbers belong to the trace, as those that `Recording` returns.
            if isinstance(number, Value) and number._level >= variables.level:
                number._level = self.trace.level
        places = zip(pattern.rows.tolist(), pattern.columns.tolist(), numbers, strict=True)
        self.entries = [(rows[i], columns[j], number) for i, j, number in places]

    def matrix(self, row: int, column: int) -> SparseBlocks:
        """Return the matrix of a leaf of the rows and one of the columns."""
        along: dict[Axis, list[tuple[_Place, _Place, Scalar]]] = {}
        for entry in self.entries:
            if entry[0].leaf == row and entry[1].leaf == column:
                along.setdefault(self._axis_of(*entry), []).append(entry)
        entries = [*chain(*along.values())]
        return SparseBlocks(
            tuple([self._batch(axis, [number for _, _, number in own]) for axis, own in along.items()]),
            np.concatenate([_NOWHERE, *[place.indices for place, _, _ in entries]]),
            np.concatenate([_NOWHERE, *[place.indices for _, place, _ in entries]]),
            (self.heights[row], self.widths[column]),
        )

    def _batch(self, axis: Axis, numbers: Sequence[Scalar]) -> BatchArray:
        inner = np.empty(len(numbers), dtype=object)
        inner[:] = numbers
        return BatchArray(self.trace, (axis,), values_array(inner))

    def _axis_of(self, row: _Place, column: _Place, number: Scalar) -> Axis:
        """Return the axis that a number varies along: of its row, or of its column where it was mirrored."""
        is_mirrored = isinstance(number, Value) and column.axis in self.trace.axes_of(number)
        return column.axis if is_mirrored else row.axis


def _batch_of(result: Any) -> BatchArray:
    """Return a result along a single axis, which comes first."""
    batch = _as_batch(result)
    if type(batch) is not BatchArray or len(batch.axes) != 1 or batch.dims[0] is None:
        raise ElementsNeededError
    return batch
