"""`BatchArray`: an array of which some dimensions are axes; its elements are known for any index alike.

It is what `vmap` returns while a program is traced for any number of samples. What acts on all samples alike
is recorded once: element-wise functions, and sums and means, be it over the samples or within each. Whatever
needs the samples one by one has the function traced again, with all of them side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations, pairwise
from math import prod
from threading import get_ident
from typing import Any, NoReturn

import numpy as np

from ..ops.table import OPS, Op
from .alignment import Dims, aligned
from .array_lengths import ArrayLength
from .axes import Axis, AxisTrace, ElementsNeededError, renamed, totals_over
from .roots import root_of_squares
from .rows_over_axes import row_over_axes
from .sizes import Size
from .traced_array import OF_WHOLE, Dimension, WholeArray, are_same, is_all_of_it, is_whole, product_of
from .value_array import ValueArray, values_array
from .windows import element_at, shifted

OF_BATCHES: dict[Any, Callable[..., Any]] = {}
"""Functions of NumPy that know such arrays."""


class BatchArray(WholeArray):
    """An array of Values that vary along axes.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    dims : tuple of Axis or None
        Its dimensions: an axis, or None for the next dimension of the slice. Those that are not named come
        last.
    inner : Value, float or ValueArray
        The slice at any index of the axes.

    Attributes
    ----------
    axes : tuple of Axis
        The axes, in the order of the dimensions.

    Examples
    --------
    >>> from ..engine.value import Value
    >>> from .sizes import Size
    >>> batch = BatchArray(AxisTrace(0), (Axis(Size(3)),), values_array([Value(1.0), Value(2.0)]))
    >>> batch.ndim, batch[:, 0].inner, batch.sum(axis=1).inner
    (2, Value(1.0), Value(3.0, op='+'))
    """

    varies = True

    def __init__(self, trace: AxisTrace, dims: Dims, inner: Any) -> None:
        self._trace = trace
        self._inner = inner
        if isinstance(inner, np.ndarray):
            self._inner = values_array(inner) if inner.ndim else inner[()]
        self.axes = tuple([axis for axis in dims if axis is not None])
        self.dims: Dims = dims + (None,) * (len(self.axes) + len(self.own) - len(dims))

    @property
    def inner(self) -> Any:
        """The slice at any index of the axes, for the thread that traces alone."""
        self._trace.check_thread()
        return self._inner

    @property
    def own(self) -> tuple[int, ...]:
        """The shape of each slice."""
        return self._inner.shape if isinstance(self._inner, np.ndarray) else ()

    def slice(self) -> Any:
        """Return the slice at any index of the axes."""
        return self.inner

    def with_slice(self, new: Any) -> BatchArray:
        """Return an array of another slice at any index of the same axes."""
        return BatchArray(self._trace, self.dims, new)

    def elements(self) -> NoReturn:
        """Have the function traced again, with all samples side by side."""
        raise ElementsNeededError

    def __iter__(self) -> Iterator[Any]:
        if self.dims[0] is not None:
            self.elements()
        return map(self.__getitem__, range(self.own[0]))

    # ------------------------------------------------------------------------------------ along other axes

    def dimensions(self) -> list[Dimension]:
        """Return what its dimensions are."""
        own = iter(self.own)
        return [next(own) if axis is None else axis for axis in self.dims]

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along a dimension that is an axis, one for each index of another axis."""
        before = self.dims[dimension]
        if before is None:
            self.elements()
        rest = self.dims[:dimension] + self.dims[dimension + 1 :]
        return batch_of(self._trace, rest, self._renamed({before: axis}))

    def beside(self, dimensions: Sequence[Dimension]) -> Any:
        """Return the slice at any index of the axes among dimensions, one for each of its own."""
        pairs = list(zip(self.dims, dimensions, strict=True))
        others = {own: axis for own, axis in pairs if own is not None and isinstance(axis, Axis)}
        inner = self._renamed(others)
        kept = [0 if isinstance(other, Axis) else slice(None) for own, other in pairs if own is None]
        return inner[tuple(kept)] if 0 in kept else inner

    def _renamed(self, others: dict[Axis, Axis]) -> Any:
        """Return the slice at any index of other axes of the same lengths."""
        inner, axes = self.inner, {*self.axes}
        waiting = [(old, new) for old, new in others.items() if old is not new]
        while waiting:
            old, new = next((pair for pair in waiting if pair[1] not in axes), waiting[0])
            waiting.remove((old, new))
            if new in axes:
                # It varies along both: the one would be taken for the other.
                waiting.append((between := Axis(old.size), new))
                new = between
            old.size.same_as(new.size)
            inner = each(partial(renamed, old=old, new=new), inner)
            axes = axes - {old} | {new}
        return inner

    def stacked(self, axis: Axis) -> BatchArray:
        """Return an array whose first dimension is an axis that this one's elements vary along as well."""
        return BatchArray(self._trace, (axis, *self.dims), self.inner)

    # --------------------------------------------------------------------------------------- element-wise

    @classmethod
    def applied(cls, function: Callable[..., Any], operands: Sequence[Any]) -> Any:
        """Return a function of numbers for each element of operands of which one is such an array."""
        trace: AxisTrace = next(x._trace for x in operands if type(x) is BatchArray)
        dims, parts = aligned(trace, operands)
        found = function(*parts)
        if isinstance(found, tuple):
            return tuple([batch_of(trace, dims, part) for part in found])
        return batch_of(trace, dims, found)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "reduce" and inputs[0] is self and ufunc in _REDUCING:
            # A ufunc goes along the first dimension unless told otherwise, and a method over all.
            return getattr(self, _REDUCING[ufunc])(**{"axis": 0} | options)
        if method != "__call__" or options:
            self.elements()
        if ufunc in OF_BATCHES:
            return OF_BATCHES[ufunc](*inputs)
        return self.applied(ufunc, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        known = OF_BATCHES.get(function) or OF_WHOLE.get(function)
        return known(*args, **kwargs) if known else self.elements()

    def clip(self, low: Any = None, high: Any = None, **options: Any) -> Any:
        """Return the numbers within limits, as `numpy.clip`."""
        if options:
            self.elements()
        above = self if low is None else np.maximum(self, low)
        return above if high is None else np.minimum(above, high)

    def copy(self) -> BatchArray:
        """Return a copy."""
        return BatchArray(self._trace, self.dims, each(lambda x: x, self.inner))

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """Return the same, since a `Value` is a 64-bit float already."""
        return self.copy() if np.dtype(dtype) in (np.dtype(float), np.dtype(object)) else self.elements()

    # ------------------------------------------------------------------------------------------ reductions

    def _apart(self, axis: Any) -> tuple[list[Axis], tuple[int, ...], list[int]]:
        """Return which axes, and which dimensions of the slices, some dimensions are."""
        wanted = range(self.ndim) if axis is None else [axis] if isinstance(axis, int) else list(axis)
        if any(not -self.ndim <= place < self.ndim for place in wanted):
            self.elements()
        places = [place % self.ndim for place in wanted]
        over = [own for place in places if (own := self.dims[place]) is not None]
        return over, tuple([self._own_place(place) for place in places if self.dims[place] is None]), places

    def _own_place(self, place: int) -> int:
        """Return which dimension of the slices a dimension is, or would be."""
        return sum(axis is None for axis in self.dims[:place])

    def _reduced(
        self, axis: Any, keepdims: bool, within: Callable[..., Any], over: Callable[..., Any]
    ) -> Any:
        """Return a reduction: a function of slices and dimensions, then one of numbers and axes."""
        axes, own, places = self._apart(axis)
        inner = within(values_array(self.inner), axis=own) if own else self.inner
        inner = each(lambda x: over(x, axes), inner) if axes else inner
        if not keepdims:
            rest = [dim for place, dim in enumerate(self.dims) if place not in places]
            return batch_of(self._trace, tuple(rest), inner)
        dims = tuple([None if place in places else dim for place, dim in enumerate(self.dims)])
        lengths = [1 if p in places else n for p, n in enumerate(self.lengths) if dims[p] is None]
        return batch_of(self._trace, dims, values_array(inner).reshape(lengths))

    def sum(self, axis: Any = None, *, keepdims: bool = False, **options: Any) -> Any:
        """Return the sum, as `numpy.sum`."""
        self._check(options)
        return self._reduced(axis, keepdims, np.sum, totals_over)

    def max(self, axis: Any = None, *, keepdims: bool = False, **options: Any) -> Any:
        """Return the maximum, as `numpy.max`."""
        self._check(options)
        return self._reduced(axis, keepdims, np.max, partial(row_over_axes, OPS["max"]))

    def min(self, axis: Any = None, *, keepdims: bool = False, **options: Any) -> Any:
        """Return the minimum, as `numpy.min`."""
        self._check(options)
        return self._reduced(axis, keepdims, np.min, partial(row_over_axes, OPS["min"]))

    def prod(self, axis: Any = None, *, keepdims: bool = False, **options: Any) -> Any:
        """Return the product, as `numpy.prod`."""
        self._check(options)
        return self._reduced(axis, keepdims, np.prod, partial(row_over_axes, OPS["prod"]))

    def mean(self, axis: Any = None, *, keepdims: bool = False, **options: Any) -> Any:
        """Return the mean, as `numpy.mean`."""
        return self.sum(axis, keepdims=keepdims, **options) / self._count(axis)

    def var(self, axis: Any = None, *, ddof: int = 0, keepdims: bool = False, **options: Any) -> Any:
        """Return the variance, as `numpy.var`."""
        count = self._count(axis)
        if not isinstance(ddof, int) or not count > ddof:
            self.elements()
        deviations = self - self.mean(axis, keepdims=True, **options)
        return (deviations * deviations).sum(axis, keepdims=keepdims) / (count - ddof)

    def std(self, axis: Any = None, **options: Any) -> Any:
        """Return the standard deviation, as `numpy.std`."""
        return root_of_squares(self.var(axis, **options))

    def _count(self, axis: Any) -> Any:
        """Return how many elements each number of a reduction is made of."""
        shape = self.shape
        return product_of([shape[place] for place in self._apart(axis)[2]])

    def _check(self, options: dict[str, Any]) -> None:
        if options.get("out") is not None or not options.keys() <= {"out", "dtype"}:
            self.elements()
        if options.get("dtype") is not None:
            self.elements()

    @classmethod
    def reduced(cls, op: Op, *sequences: Any) -> Any:
        """Return what a variadic row gives for sequences of which one varies along an axis."""
        if any(np.ndim(x) != 1 for x in sequences):
            raise ElementsNeededError
        if op is OPS["dot"]:
            return np.multiply(*sequences).sum()
        if op in (OPS["sum"], OPS["mean"]):
            return getattr(sequences[0], op.name)()
        return row_over_axes(op, sequences[0].inner, sequences[0].axes)

    def folded(self, op: Op) -> Any:
        """Return what a row of two operands gives for its first dimension, one slice after the other."""
        return getattr(self, op.name)(axis=0)

    def dot(self, other: Any) -> Any:
        """Return the product with another array, as `numpy.dot`."""
        return np.dot(self, other)

    # --------------------------------------------------------------------------------------------- moving

    def __getitem__(self, key: Any) -> Any:
        keys = self._keys(key if isinstance(key, tuple) else (key,))
        parts = [part for part in keys if part is not None]
        for place in reversed(range(len(parts))):
            if self.dims[place] is not None and not is_all_of_it(parts[place]):
                cut, rest = self._cut_along(place, parts[place]), _without(keys, place, parts[place])
                return cut[rest] if rest else cut
        dims_left = iter(self.dims)
        dims: list[Axis | None] = []
        own: list[Any] = []
        for part in keys:
            axis = None if part is None else next(dims_left)
            if axis is not None:
                dims.append(axis)
                continue
            own.append(part)
            if part is None or isinstance(part, slice):
                dims.append(None)
            elif not isinstance(part, int | np.integer):
                dims += [None] * np.ndim(part)
        return batch_of(self._trace, (*dims, *dims_left), values_array(self.inner)[tuple(own)])

    def _cut_along(self, place: int, part: Any) -> Any:
        """Return a slice along a dimension that is an axis, or the part at one of its indices."""
        axis = self.dims[place]
        assert axis is not None
        rest = self.dims[:place] + self.dims[place + 1 :]
        if _is_count(part):
            if axis.size.pinned and not axis.size.is_fixed:
                # Who counts the elements may want each of them.
                self.elements()
            found = batch_of(self._trace, rest, self._at(axis, int(part)))
            if type(found) is ValueArray:
                self._trace.looked_into.append(_Shown(found))
            return found
        if not isinstance(part, slice) or part.step not in (None, 1):
            self.elements()
        start, stop = part.start or 0, part.stop
        if axis.size.is_fixed:
            start, stop, _ = part.indices(axis.size.length)
            if stop - start <= 1:
                self.elements()
            stop = stop - axis.size.length or None
        if not _is_count(start) or not (stop is None or _is_count(stop)):
            self.elements()
        if start >= 0 and (stop is None or stop < 0):
            new = Axis(axis.size.longer((stop or 0) - start))
            if not axis.size.answer("__ge__", start - (stop or 0)):
                self.elements()
            dims = (*self.dims[:place], new, *self.dims[place + 1 :])
            moved = each(partial(shifted, old=axis, new=new, offset=start), self.inner)
            return BatchArray(self._trace, dims, moved)
        # As many as the key says: each by itself.
        if (start < 0) != (stop is None or stop < 0):
            self.elements()
        ends = [number for number in (start, stop) if number is not None]
        if not all(axis.size.answer("__ge__", abs(number)) for number in ends):
            self.elements()
        indices = range(start, stop or 0)
        if not 0 < len(indices) <= _MOST_CUT:
            self.elements()
        parts = [values_array(self._at(axis, index)) for index in indices]
        stacked = np.stack(parts, self._own_place(place))
        return BatchArray(self._trace, (*self.dims[:place], None, *self.dims[place + 1 :]), stacked)

    def _at(self, axis: Axis, index: int) -> Any:
        """Return the slice at one index of an axis."""
        if not axis.size.answer("__ge__", index + 1 if index >= 0 else -index):
            raise IndexError(f"index {index} is out of bounds for an array of {axis.size.length} elements")
        return each(lambda x: element_at(x, axis, index), self.inner)

    def _keys(self, keys: tuple[Any, ...]) -> list[Any]:
        """Return an entry for each dimension that is there or is added."""
        arrays = [part for part in keys if isinstance(part, np.ndarray | list)]
        numbers = [part for part in keys if isinstance(part, int | np.integer)]
        # Several arrays are indices of single elements, and a mask may be unknown.
        if arrays and (len(arrays) > 1 or numbers or np.asarray(arrays[0]).dtype.kind not in "iu"):
            self.elements()
        dots = [i for i, part in enumerate(keys) if part is Ellipsis]
        if len(dots) == 1:
            (place,) = dots
            named = sum(part is not None for part in keys) - 1
            return [*keys[:place], *[slice(None)] * (self.ndim - named), *keys[place + 1 :]]
        missing = self.ndim - sum(part is not None for part in keys)
        if missing < 0 or dots:
            self.elements()
        return [*keys, *[slice(None)] * missing]

    def in_order(self, places: Sequence[int]) -> Any:
        """Return the array with its dimensions in another order."""
        own = [self._own_place(place) for place in places if self.dims[place] is None]
        inner = values_array(self.inner).transpose(own) if own else self.inner
        return BatchArray(self._trace, tuple([self.dims[place] for place in places]), inner)

    def ravel(self, order: str = "C") -> Any:
        """Return an array of one dimension, as `numpy.ravel`."""
        return self.reshape(-1) if order == "C" else self.elements()

    flatten = ravel

    def reshape(self, *shape: Any) -> Any:
        """Return an array of another shape, as `numpy.reshape`."""
        wanted = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else list(shape)
        # The axes stay what they are, and in their order; the lengths between them may change.
        for places in combinations(range(len(wanted)), len(self.axes)):
            found = self._reshaped(wanted, places)
            if found is not None:
                return found
        return self.elements()

    def _reshaped(self, wanted: Sequence[Any], places: Sequence[int]) -> Any:
        """Return an array of another shape whose axes are at some places; None if it has none."""
        pairs = zip(places, self.axes, strict=True)
        if not all(self._is_length_of(wanted[place], axis) for place, axis in pairs):
            return None
        lengths: list[int] = []
        before = _between(self.dimensions(), [i for i, dim in enumerate(self.dims) if dim is not None])
        after = _between(wanted, places)
        free = sum(isinstance(n, int) and n == -1 for n in wanted)
        if free > 1 or not all(isinstance(n, int | np.integer) for group in after for n in group):
            return None
        for had, has in zip(before, after, strict=True):
            known = prod([n for n in has if n != -1])
            if -1 in has and known:
                has = [prod(had) // known if n == -1 else n for n in has]
            if prod(had) != prod(has):
                return None
            lengths += has
        dims: list[Axis | None] = [None] * len(wanted)
        for place, axis in zip(places, self.axes, strict=True):
            dims[place] = axis
        return BatchArray(self._trace, tuple(dims), values_array(self.inner).reshape(lengths))

    @staticmethod
    def _is_length_of(wanted: Any, axis: Axis) -> bool:
        if isinstance(wanted, ArrayLength):
            return wanted.is_plain and wanted.sizes[0].root() is axis.size.root()
        if not isinstance(wanted, int):
            return False
        # Another integer is the length of an axis only if the program holds for this length alone.
        return wanted == -1 or bool(axis.size.pinned and wanted == axis.size.length)

    def squeeze(self, axis: Any = None) -> Any:
        """Return an array without dimensions of length 1, as `numpy.squeeze`."""
        places = [i for i, n in enumerate(self.shape) if n == 1] if axis is None else self._apart(axis)[2]
        if any(self.dims[place] is not None or self.lengths[place] != 1 for place in places):
            self.elements()
        own = tuple([self._own_place(place) for place in places])
        dims = tuple([dim for place, dim in enumerate(self.dims) if place not in places])
        return BatchArray(self._trace, dims, np.squeeze(values_array(self.inner), own))


class _Shown:
    """Elements at one index of an axis, by which NumPy would assign to the array itself."""

    is_lent = True

    def __init__(self, elements: ValueArray) -> None:
        self._elements, self._items = elements, elements.ravel().tolist()

    def is_changed(self) -> bool:
        return not are_same(self._elements, self._items)


def _is_count(number: Any) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def _without(keys: Sequence[Any], place: int, part: Any) -> tuple[Any, ...]:
    """Return an index after a dimension has been cut."""
    at = [i for i, own in enumerate(keys) if own is not None][place]
    new = [] if _is_count(part) else [slice(None)]
    return (*keys[:at], *new, *keys[at + 1 :])


# More elements than these are wanted one by one, as by a loop over them.
_MOST_CUT = 16

# A gradient by the elements of fewer is traced in 0.1 s, and models hold small arrays of weights.
_FEWEST_ELEMENTS = 1000


def _along_axes(array: WholeArray) -> BatchArray | None:
    """Return a long array along its longest dimension, or a constant along all, unless it is taken apart."""
    if array._trace.thread != get_ident():
        return None
    dimensions = array.dimensions()
    if array._trace.is_along_all:
        return _along_all(array, dimensions)
    if prod(array.lengths) < _FEWEST_ELEMENTS or np.size(array.slice()):
        return None
    place = max(range(len(dimensions)), key=lambda place: array.lengths[place])
    size = dimensions[place]
    if not isinstance(size, Size):
        return None
    axis = Axis(size)
    part = array.along(place, axis)
    dims = (*[None] * place, axis)
    return BatchArray(array._trace, dims, part.elements() if is_whole(part) else part)


def _along_all(array: WholeArray, dimensions: Sequence[Dimension]) -> BatchArray | None:
    """Return a constant along the axes that it has where all arrays vary along axes."""
    dims = tuple([own if isinstance(own, Axis) else None for own in dimensions])
    if array.varies or not any(dims):
        return None
    return BatchArray(array._trace, dims, array.beside(dimensions))


WholeArray.along_axes = _along_axes  # type: ignore[assignment, method-assign]


_REDUCING = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min"}


def batch_of(trace: AxisTrace, dims: Dims, inner: Any) -> Any:
    """Return an array with dimensions of which some are axes; what varies along none is the slice itself.

    Examples
    --------
    >>> batch_of(AxisTrace(0), (), 2.0)
    2.0
    """
    if any(axis is not None for axis in dims):
        return BatchArray(trace, dims, inner)
    return inner[()] if isinstance(inner, np.ndarray) and not inner.ndim else inner


def each(f: Callable[[Any], Any], inner: Any) -> Any:
    """Apply a function to each element of a slice.

    Examples
    --------
    >>> each(abs, values_array([-1.0, 2.0]))
    array([1.0, 2.0], dtype=object)
    """
    if not isinstance(inner, np.ndarray):
        return f(inner)
    made = np.empty(inner.size, dtype=object)
    made[:] = [f(item) for item in inner.ravel().tolist()]
    return made.reshape(inner.shape).view(ValueArray)


def _between(shape: Sequence[Any], places: Sequence[int]) -> list[list[Any]]:
    """Return the parts of a shape before, between and after some places."""
    ends = [-1, *places, len(shape)]
    return [list(shape[start + 1 : end]) for start, end in pairwise(ends)]
