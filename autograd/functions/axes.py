"""Axes: while a function is traced, a node may stand for one number for each index of an axis.

The samples of a batch are such an axis. Its length is a symbol: it is known only when the program runs, and
the program holds for any. A column of an argument varies along an axis, and so does whatever is computed
from it, element by element. The sum over an axis (`TotalOver`) varies along it no more.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from math import inf
from threading import get_ident, local
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.apply import record
from ..engine.errors import TracedValueError
from ..engine.value import Value
from ..ops.structural import Instructions, OfAttributes, Structural
from ..ops.table import OPS
from .sizes import Size

Axes = frozenset["Axis"]
Scalar = Value | float


class ElementsNeededError(BaseException):
    """The elements of an array that varies along an axis are needed one by one.

    The function is traced again then, with all samples side by side. It is no `Exception`, which the user's
    function might catch.
    """


class ManyElementsError(BaseException):
    """So many elements are wanted one by one that arrays had better vary along axes in all dimensions."""


class OtherThreadError(BaseException):
    """What varies along an axis is used by another thread than the one that traces, which knows the axes.

    Its elements can be used in any thread, so the function is traced again with all of them.

    Attributes
    ----------
    thread : int
        The thread that traces.
    """

    def __init__(self, thread: int) -> None:
        super().__init__(thread)
        self.thread = thread


_numbers = count()


class Axis:
    """What a node varies along.

    Attributes
    ----------
    size : Size
        How many indices it has.
    number : int
        A number of its own, by which axes are kept in order.
    thread : int
        The thread that traces what varies along it.
    """

    def __init__(self, size: Size, thread: int | None = None) -> None:
        self.size = size
        self.number = next(_numbers)
        self.thread = get_ident() if thread is None else thread

    def check_thread(self) -> None:
        """Raise an error in another thread, which would take what varies for one number.

        Raises
        ------
        OtherThreadError
            If elements can be had in place of the axis.
        NotImplementedError
            If the axis is the steps of a loop whose number is not known.

        Examples
        --------
        >>> Axis(Size(3)).check_thread()
        """
        if self.thread == get_ident():
            return
        if self.size.is_counted:
            raise NotImplementedError(
                "the steps of a loop that goes on until a condition fails expected the thread that traces, "
                "got another one; call what uses them in the thread that calls the compiled function"
            )
        raise OtherThreadError(self.thread)


class ColumnSource:
    """An array that columns are taken from: an argument of the traced function, or a constant.

    Attributes
    ----------
    array : ndarray
        Its numbers: of an argument those of the call that is traced, of a constant those of any call.
    argument : int or None
        Which argument of the program it is.
    sizes : tuple of Size
        The length along each of its dimensions.
    thread : int
        The thread that traces.
    """

    def __init__(self, array: npt.NDArray[Any], argument: int | None) -> None:
        self.array = array
        self.argument = argument
        self.thread = get_ident()
        why = "" if argument is not None else "an array that is no argument has as many samples"
        self.sizes = tuple(
            [
                Size(length, why, None if argument is None else (argument, dimension))
                for dimension, length in enumerate(array.shape)
            ]
        )
        self.inputs: list[Value] = []

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """An axis for each of its dimensions, the same each time."""
        return tuple([Axis(size, self.thread) for size in self.sizes])

    def values(self, trace: AxisTrace) -> npt.NDArray[Any]:
        """Return an input of the program for each element, in one dimension."""
        if not self.inputs:
            self.inputs.extend([Value(number) for number in self.array.ravel().tolist()])
            for value in self.inputs:
                value._level = trace.level
        made = np.empty(len(self.inputs), dtype=object)
        made[:] = self.inputs
        return made


Mapped = tuple[tuple[int, Axis], ...]
"""Which dimensions of an array are axes."""


class Rows:
    """Which rows of an array are taken, in which order: constants.

    Attributes
    ----------
    indices : ndarray of int
        The index of each.
    size : Size
        How many there are.
    """

    def __init__(self, indices: npt.NDArray[np.intp]) -> None:
        self.indices = indices
        self.size = Size(len(indices), "as many rows are taken by constant indices")


class AxisOperation(OfAttributes):
    """An operation that has to do with axes."""

    settles_axes = True


@dataclass(eq=False, repr=False)
class Column(AxisOperation):
    """One number for each index of some axes: an element of each slice of an array.

    Attributes
    ----------
    source : ColumnSource
        The array.
    mapped : tuple of (int, Axis)
        Which of its dimensions are axes.
    position : int
        The position of the element among those of a slice.
    rows : Rows or None
        Which rows of the array they are slices of, where it is not all of them.
    """

    source: ColumnSource
    mapped: Mapped
    position: int
    rows: Rows | None = None
    name = "column"

    def axes(self, of_operands: Sequence[Axes]) -> Axes:
        """Return its axes."""
        return frozenset(axis for _, axis in self.mapped)


@dataclass(eq=False, repr=False)
class Length(AxisOperation):
    """The number of indices of axes of one size, as a number of the program.

    Of a size that is counted, the operand is what has been counted, or varies along the axis.
    """

    size: Size
    name = "length"

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return nothing: a length has no derivative."""
        return [None for _ in node.args]

    def apply(self, *operands: Any) -> Any:
        """Return the length of what has been counted otherwise."""
        return length_of(self.size, *operands)


@dataclass(eq=False, repr=False)
class Index(AxisOperation):
    """The index along an axis itself: 0, 1, 2, ..."""

    axis: Axis
    name = "index"

    def axes(self, of_operands: Sequence[Axes]) -> Axes:
        """Return the axis."""
        return frozenset({self.axis})


@dataclass(eq=False, repr=False)
class TotalOver(AxisOperation):
    """The sum over an axis, which may be one whose length is counted."""

    axis: Axis
    is_counted: bool = False
    name = "total"
    adds = True

    def axes(self, of_operands: Sequence[Axes]) -> Axes:
        """Return the axes of the operand but this one."""
        return of_operands[0] - {self.axis}

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint, which flows to each index alike."""
        self.axis.check_thread()
        return [adjoint]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the total of the tangents."""
        return total_over(tangents[0], self.axis, node.args[0])

    def apply(self, *operands: Any) -> Any:
        """Return the total of another number."""
        return total_over(operands[0], self.axis)

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return the multiple of a constant."""
        if tape.numbers[args[0]] is None or self.is_counted:
            return None
        return tape.add(OPS["mul"], (tape.add(Length(self.axis), ()), *args))  # type: ignore[arg-type]


@dataclass(eq=False, repr=False)
class Renamed(AxisOperation):
    """The same numbers along another axis of the same length."""

    old: Axis
    new: Axis
    name = "renamed"

    def axes(self, of_operands: Sequence[Axes]) -> Axes:
        """Return the axes of the operand with the new one in place of the old one."""
        (axes,) = of_operands
        return axes - {self.old} | {self.new} if self.old in axes else axes

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint along the old axis."""
        return [renamed(adjoint, self.new, self.old)]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent along the new axis."""
        return renamed(tangents[0], self.old, self.new)

    def apply(self, *operands: Any) -> Any:
        """Return another number along the new axis."""
        return renamed(operands[0], self.old, self.new)

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return a constant, which does not vary."""
        return args[0] if tape.numbers[args[0]] is not None else None


# ------------------------------------------------------------------------------------------------ traces


class AxisTrace:
    """A trace in which arrays stay whole.

    Attributes
    ----------
    level : int
        The level of the trace.
    thread : int
        The thread that traces.
    has_whole_arrays : bool
        Whether arrays stay whole in it; otherwise nothing varies but along the steps of loops that count
        them.
    open : tuple of Axis
        The axes along which the function is mapped that is being called.
    has_axes : bool
        Whether anything varies by now. Until then nobody looks for axes, which for 65,000 nodes takes 0.2 s.
    has_whole_variables : bool or None
        Whether a derivative has been taken with respect to an array that stayed whole; None if it must not.
    is_along_all : bool
        Whether small arrays vary along axes, too, and all of them in each dimension. The program holds for
        their lengths only.
    elements_left : float
        How many numbers of arrays may still be traced one by one before `ManyElementsError` is raised.
    has_loops : bool
        Whether a loop over steps has been begun.
    constants : dict
        Constant arrays by their shape and bytes, where all arrays vary along axes.
    """

    def __init__(
        self,
        level: int,
        has_whole_variables: bool | None = False,
        *,
        has_whole_arrays: bool = True,
        is_along_all: bool = False,
        elements_left: float = inf,
    ) -> None:
        self.level = level
        self.thread = get_ident()
        self.has_whole_arrays = has_whole_arrays
        self.is_along_all = is_along_all
        self.elements_left = elements_left
        self.has_loops = False
        self.looked_into: list[Any] = []
        # What loops that are recorded carried from step to step.
        self.carried: set[Value] = set()
        self.constants: dict[tuple[tuple[int, ...], bytes], ColumnSource] = {}
        self.open: tuple[Axis, ...] = ()
        self.has_axes = False
        self.has_whole_variables = has_whole_variables
        self._axes: dict[Value, Axes] = {}
        self._operations: dict[tuple[Any, ...], AxisOperation] = {}

    def check_thread(self) -> None:
        """Raise an `OtherThreadError` in another thread."""
        if self.thread != get_ident():
            raise OtherThreadError(self.thread)

    def check_assignments(self) -> None:
        """Raise an `ElementsNeededError` if an array was assigned to that others are still to be made of."""
        if any(array.is_lent and array.is_changed() for array in self.looked_into):
            raise ElementsNeededError

    def check_steps(self, nodes: Collection[Value]) -> None:
        """Raise a `TracedValueError` if one of some nodes is the number of a step of a recorded loop."""
        if not self.carried.isdisjoint(nodes):
            raise TracedValueError(
                "a number of a step of a loop is used after the loop, where it is not known which step; the "
                "body should not assign to what is outside of it, but return the number, as a part of the "
                "value that it carries"
            )

    def one(self, kind: type[AxisOperation], *attributes: Any) -> AxisOperation:
        """Return one object for all operations that are equal, of which a trace of a network has hundreds."""
        key = (kind, *attributes)
        found = self._operations.get(key)
        if found is None:
            found = self._operations[key] = kind(*attributes)
        return found

    def leaf(self, op: Structural, number: float) -> Value:
        """Return a node that has no operands."""
        node = record(op, number, (), ())
        node._level = self.level
        self.has_axes = self.has_axes or bool(op.axes([]))
        return node

    def vary(self, leaf: Value, axes: Axes) -> None:
        """Have a leaf vary along some axes."""
        self._axes[leaf] = axes
        self.has_axes = True

    def axes_of(self, node: Value) -> Axes:
        """Return the axes that a node varies along."""
        if not self.has_axes:
            return _NONE
        known, level = self._axes, self.level
        found = known.get(node)
        if found is not None:
            return found
        waiting = [node]
        while waiting:
            top, height = waiting[-1], len(waiting)
            of_operands = []
            for arg in top.args:
                if isinstance(arg, Value) and arg._level >= level:
                    axes = known.get(arg)
                    if axes is None:
                        waiting.append(arg)
                    else:
                        of_operands.append(axes)
            if len(waiting) == height:
                known[top] = _axes_by(top.op, of_operands)
                waiting.pop()
        return known[node]


_NONE: Axes = frozenset()


def _axes_by(op: Any, of_operands: Sequence[Axes]) -> Axes:
    if isinstance(op, Structural):
        return op.axes(of_operands)
    return joined(of_operands)


def joined(sets: Sequence[frozenset[Any]]) -> frozenset[Any]:
    """Return the union of some sets, which is mostly one of them and no new object.

    Examples
    --------
    >>> small, large = frozenset({1}), frozenset({1, 2})
    >>> joined([small, large]) is large
    True
    """
    found: frozenset[Any] = _NONE
    for each in sets:
        if each is not found and not each <= found:
            found = each if found <= each else found | each
    return found


class _Here(local):
    """What a thread is in: no context, which a thread may inherit."""

    trace: AxisTrace | None = None


_here = _Here()


def axis_trace() -> AxisTrace | None:
    """Return the trace of this thread in which arrays stay whole, if there is one.

    Examples
    --------
    >>> axis_trace() is None
    True
    """
    trace = _here.trace
    return trace if trace is not None and trace.has_whole_arrays else None


def loop_trace() -> AxisTrace | None:
    """Return the trace of this thread in which loops are recorded that count their steps, if there is one.

    Examples
    --------
    >>> loop_trace() is None
    True
    """
    return _here.trace


# A step of Adam on the 4,000 numbers of a model is 44,000 elements, but only ten functions of arrays.
_SHARE_OF_PRODUCTS = 10


def count_elements(number: int, *, is_product: bool) -> None:
    """Note that as many numbers are about to be traced, one by one, for arrays.

    Those that no product adds up count a tenth: many are few operations on large arrays.

    Raises
    ------
    ManyElementsError
        If they are too many.

    Examples
    --------
    >>> count_elements(1024, is_product=True)
    """
    trace = _here.trace
    if trace is not None:
        trace.elements_left -= number if is_product else number / _SHARE_OF_PRODUCTS
        if trace.elements_left < 0:
            raise ManyElementsError


@contextmanager
def arrays_whole(trace: AxisTrace) -> Iterator[AxisTrace]:
    """Trace a function in the block, whose arrays stay whole as far as the trace says.

    Examples
    --------
    >>> with arrays_whole(AxisTrace(1)) as trace:
    ...     axis_trace() is trace
    True
    """
    before = _here.trace
    try:
        _here.trace = trace
        yield trace
    finally:
        _here.trace = before


@contextmanager
def along(trace: AxisTrace, axis: Axis) -> Iterator[None]:
    """Call a function in the block for any one index of an axis that its arguments vary along."""
    before = trace.open
    try:
        trace.open = (*before, axis)
        yield
    finally:
        trace.open = before


def axes_of(node: Any) -> Axes:
    """Return the axes that a number varies along, without those along which a function is being mapped.

    That function sees one index of them.

    Examples
    --------
    >>> axes_of(Value(1.0))
    frozenset()
    """
    trace = _here.trace
    if trace is None or not trace.has_axes or not isinstance(node, Value) or node._level < trace.level:
        return _NONE
    return trace.axes_of(node) - {*trace.open} if trace.open else trace.axes_of(node)


# ------------------------------------------------------------------------------------------------- nodes


def length_of(size: Size, counted: Value | None = None) -> Scalar:
    """Return a length as a number of the program; one that is counted is that of what varies along it.

    Examples
    --------
    >>> length_of(Size(3))
    3.0
    """
    trace = _here.trace
    if trace is None:
        return float(size.length)
    if size.is_counted:
        assert counted is not None
        return record(Length(size), float(size.length), (counted,), (None,))
    return trace.leaf(Length(size), float(size.length))


def index_along(axis: Axis) -> Scalar:
    """Return the index along an axis, as a number of the program.

    Examples
    --------
    >>> index_along(Axis(Size(3)))
    0.0
    """
    axis.check_thread()
    trace = _here.trace
    return 0.0 if trace is None else trace.leaf(Index(axis), 0.0)


def total_over(x: Scalar, axis: Axis, counted: Value | None = None) -> Scalar:
    """Return the sum over an axis; of what does not vary along it, the multiple.

    Parameters
    ----------
    x : Value or float
        What is added up.
    axis : Axis
        The axis.
    counted : Value, optional
        What varies along it, or has been counted, if its length is counted while the program runs.

    Examples
    --------
    >>> total_over(2.0, Axis(Size(3)))
    6.0
    """
    axis.check_thread()
    trace = _here.trace
    if trace is None or not isinstance(x, Value) or axis not in trace.axes_of(x):
        return length_of(axis.size, counted) * x
    return record(trace.one(TotalOver, axis, axis.size.is_counted), x._data, (x,), (1.0,))


def renamed(x: Any, old: Axis, new: Axis) -> Any:
    """Return a number along another axis; what does not vary along the old one stays.

    Examples
    --------
    >>> renamed(2.0, Axis(Size(3)), Axis(Size(3)))
    2.0
    """
    old.check_thread()
    trace = _here.trace
    if trace is None or not isinstance(x, Value) or old not in trace.axes_of(x):
        return x
    return record(trace.one(Renamed, old, new), x._data, (x,), (1.0,))


def totals_over(x: Scalar, axes: Collection[Axis], counted: Value | None = None) -> Scalar:
    """Return the sum over several axes, as `total_over` does over one.

    Examples
    --------
    >>> totals_over(2.0, [Axis(Size(3)), Axis(Size(2))])
    12.0
    """
    for axis in sorted(axes, key=lambda axis: axis.number):
        x = total_over(x, axis, counted)
    return x
