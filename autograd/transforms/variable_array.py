"""`VariableArray`: an argument that stays whole while a function is differentiated with respect to it.

What flows back to a million numbers that a function treats alike is one column, too: a number for any index
of their axis. Only where the numbers are used one by one, each is a variable of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..engine.value import Value
from ..functions.alignment import beside
from ..functions.axes import Axis, AxisTrace, ElementsNeededError
from ..functions.batch_array import BatchArray
from ..functions.traced_array import Dimension, WholeArray, are_same, array_along, is_whole, picks_a_row
from ..functions.value_array import ValueArray, values_array


def variable_of(number: Value | float) -> Value:
    """Return a new node that stands for a number in a derivative.

    Examples
    --------
    >>> variable_of(2.0), variable_of(Value(3.0))
    (Value(2.0), Value(3.0, op='+'))
    """
    return +number if isinstance(number, Value) else Value(number)


class VariableArray(WholeArray):
    """An argument with respect to which a function is differentiated, whole.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    whole : WholeArray
        The argument.
    level : int
        The level of the derivative.
    """

    def __init__(self, trace: AxisTrace, whole: WholeArray, level: int) -> None:
        self._trace, self._whole, self._level = trace, whole, level
        # What it has become: one is made when it is first used.
        self._columns: BatchArray | None = None
        self._elements: ValueArray | None = None
        # The elements as they were made: others may be assigned in their places.
        self._variables: ValueArray | None = None

    def dimensions(self) -> Sequence[Dimension]:
        """Return what its dimensions are."""
        return self._whole.dimensions() if self._columns is None else self._columns.dimensions()

    def sizes(self) -> Sequence[Dimension]:
        """Return its dimensions for who asks how long they are, which makes no axes of them."""
        return self.dimensions() if self.is_used else self._whole.sizes()

    def slice(self) -> Any:
        """Return the variables that it has become by now."""
        if self._columns is not None:
            return self._columns.slice()
        return () if self._elements is None else self._elements

    def with_slice(self, new: Any) -> Any:
        """Return an array with something else in place of what `slice` gives."""
        if self._columns is not None:
            return self._columns.with_slice(new)
        return self if self._elements is None else new

    # ----------------------------------------------------------------------------------------- variables

    @property
    def is_used(self) -> bool:
        """Whether it has become anything by now."""
        return self._columns is not None or self._elements is not None

    @property
    def is_apart(self) -> bool:
        """Whether it has become elements one by one."""
        return self._elements is not None

    def variables(self, reached: frozenset[Value] | set[Value], are_apart: bool) -> Any:
        """Return what it has become: columns, or elements one by one.

        Parameters
        ----------
        reached : set of Value
            What the result depends on.
        are_apart : bool
            Whether the elements of all other arrays that are used are used one by one.

        Raises
        ------
        ElementsNeededError
            If it is used in both ways.
        """
        if not self.is_used:
            # What nobody uses has no gradient, which is a column of zeros. Beside elements it is elements as
            # well: Numba runs the gradient of a recurrence by a table of arrays, which knows no axes.
            is_column = not are_apart or self.along_axes() is not None
            return self.columns(self._longest()) if is_column else self.elements()
        columns, elements = self._columns, self._variables
        if columns is None:
            return elements
        if self.is_changed():
            raise ElementsNeededError
        if elements is None or reached.isdisjoint(elements.ravel().tolist()):
            return columns
        if reached.isdisjoint(values_array(columns.inner).ravel().tolist()):
            return elements
        raise ElementsNeededError

    def columns(self, dimension: int) -> BatchArray:
        """Return its slices along a dimension, which are variables; the same each time."""
        if self.is_changed():
            raise ElementsNeededError
        if self._trace.is_along_all and not self.is_used:
            self._columns = self._variables_along(self._whole.columns(dimension))
        if self._columns is None:
            size = self.dimensions()[dimension]
            if isinstance(size, int):
                raise ElementsNeededError
            axis = size if isinstance(size, Axis) else Axis(size)
            part = self._whole.along(dimension, axis)
            dims = (*[None] * dimension, axis)
            self._columns = BatchArray(self._trace, dims, self._made_variables(part))
        return self._columns

    def _variables_along(self, whole: Any) -> BatchArray:
        if type(whole) is not BatchArray:
            raise ElementsNeededError
        return BatchArray(self._trace, whole.dims, self._made_variables(whole.inner))

    def elements(self) -> ValueArray:
        """Return its elements one by one, each a variable unless something was assigned to it."""
        if self._elements is None:
            self._elements = self._made_variables(self._whole)
            self._variables = self._elements.copy()
        return self._elements

    def is_changed(self) -> bool:
        """Return whether somebody has assigned to its elements."""
        if self._elements is None or self._variables is None:
            return False
        return not are_same(self._elements, self._variables.ravel().tolist())

    def _made_variables(self, part: Any) -> Any:
        array = values_array(part.elements() if is_whole(part) else part)
        made = np.empty(array.size, dtype=object)
        made[:] = [*map(variable_of, array.ravel().tolist())]
        for variable in made:
            variable._level = self._level
        return values_array(made.reshape(array.shape))

    def _longest(self) -> int:
        return max(range(self.ndim), key=lambda place: self.lengths[place])

    # ------------------------------------------------------------------------------------------- its uses

    def _used(self) -> Any:
        """Return what it is where nothing says which: what it has become by now, or else elements."""
        along = self.along_axes() if self._trace.is_along_all else self._columns
        return self.elements() if along is None else along

    def row_by_row(self) -> Any:
        """Return an array whose rows are taken one by one, each along axes where it can be."""
        if not self.is_used:
            rows = self._whole.row_by_row()
            if type(rows) is not BatchArray:
                return self.elements()
            self._columns = self._variables_along(rows)
        return self._used()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.row_by_row() if self._trace.is_along_all else self.elements())

    def along_axes(self) -> Any:
        """Return it as an array that varies along axes, if it is used so, is long or all arrays do."""
        if self._trace.is_along_all and not self.is_used:
            self._columns = self._variables_along(array_along(self._whole))
        is_settled = self._trace.is_along_all or self._columns is not None
        return self._columns if is_settled else WholeArray.along_axes(self)

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along a dimension, one for each index of an axis; a `Value` for numbers."""
        return self.columns(dimension).along(dimension, axis)

    def beside(self, dimensions: Sequence[Dimension]) -> Any:
        """Return the slice at any index of the axes among dimensions, one for each of its own."""
        if self._trace.is_along_all:
            return beside(self._used(), dimensions)
        places = [place for place, dimension in enumerate(dimensions) if isinstance(dimension, Axis)]
        return self.columns(places[0]).beside(dimensions) if places else self.elements()

    def in_order(self, places: Sequence[int]) -> Any:
        """Return the array with its dimensions in another order."""
        used = self._used()
        return used.in_order(places) if is_whole(used) else used.transpose(places)

    def ravel(self) -> Any:
        """Return an array of one dimension, as `numpy.ravel`."""
        return self if self.ndim == 1 else self._used().ravel()

    def reshape(self, *shape: Any) -> Any:
        """Return an array of another shape, as `numpy.reshape`."""
        return self._used().reshape(*shape)

    def __getitem__(self, key: Any) -> Any:
        if self._trace.is_along_all:
            return (self.row_by_row() if picks_a_row(key) else self._used())[key]
        return self._cut(key) if isinstance(key, slice) and not self.is_used else self._used()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._used()[key] = value
