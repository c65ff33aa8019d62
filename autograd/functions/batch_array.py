"""`BatchArray`: an array whose first dimensions are axes, so that its elements are known for any index alike.

It is what `vmap` returns while a program is traced for any number of samples. What acts on all samples alike
is recorded once: element-wise functions, and sums and means, be it over the samples or within each. Whatever
needs the samples one by one has the function traced again, with all of them side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import Any, NoReturn

import numpy as np

from ..engine.value import Value
from ..ops.table import OPS, Op
from .array_lengths import ArrayLength
from .axes import Axis, AxisTrace, ColumnSource, ElementsNeededError, Size, axis_trace, renamed, totals_over
from .traced_array import TracedArray, WholeArray, is_whole, product_of
from .value_array import ValueArray, values_array

Dimension = Axis | Size | int
"""A dimension of an operand: an axis, the length of an argument that may become one, or a number."""


class BatchArray(WholeArray):
    """An array of Values that vary along axes.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    axes : tuple of Axis
        Its first dimensions.
    inner : Value, float or ValueArray
        The slice at any index of them.

    Examples
    --------
    >>> batch = BatchArray(AxisTrace(0), (Axis(Size(3)),), values_array([Value(1.0), Value(2.0)]))
    >>> batch.ndim, batch[:, 0].inner, batch.sum(axis=1).inner
    (2, Value(1.0), Value(3.0, op='sum'))
    """

    def __init__(self, trace: AxisTrace, axes: tuple[Axis, ...], inner: Any) -> None:
        self._trace, self.axes = trace, axes
        self.inner = inner[()] if isinstance(inner, np.ndarray) and not inner.ndim else inner

    @property
    def own(self) -> tuple[int, ...]:
        """The shape of each slice."""
        return np.shape(self.inner) if isinstance(self.inner, np.ndarray) else ()

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return len(self.axes) + len(self.own)

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of an array of `Value`s."""
        return np.dtype(object)

    @property
    def shape(self) -> tuple[Any, ...]:
        """The length along each dimension, a number of the program along an axis."""
        return (*[ArrayLength.of(axis.size, self._trace) for axis in self.axes], *self.own)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Its shape while it is traced."""
        return (*[axis.size.length for axis in self.axes], *self.own)

    def slice(self) -> Any:
        """Return the slice at any index of the axes."""
        return self.inner

    @property
    def size(self) -> Any:
        """How many elements it has."""
        return product_of(self.shape)

    @staticmethod
    def reduced(op: Op, *sequences: Any) -> Any:
        """Return what a variadic row gives for sequences of which one varies along an axis."""
        if op is OPS["sum"]:
            return sequences[0].sum(axis=0)
        if op is OPS["mean"]:
            return sequences[0].mean(axis=0)
        if op is OPS["dot"] and all(len(_dimensions(x)) == 1 for x in sequences):
            return np.multiply(*sequences).sum()
        raise ElementsNeededError

    @property
    def T(self) -> Any:  # noqa: N802  # as arrays call it
        """The transpose."""
        return self if self.ndim == 1 else self.elements().T

    def __len__(self) -> int:
        return int(self.shape[0])

    def elements(self) -> NoReturn:
        """Have the function traced again, with all samples side by side."""
        raise ElementsNeededError

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along its first dimension, one for each index of another axis."""
        if dimension:
            self.elements()
        first, *rest = self.axes
        first.size.same_as(axis.size)
        inner = _each(lambda x: renamed(x, first, axis), self.inner)
        return BatchArray(self._trace, tuple(rest), inner) if rest else inner

    def __getitem__(self, key: Any) -> Any:
        keys = list(key) if isinstance(key, tuple) else [key]
        if keys and keys[0] is Ellipsis:
            keys[:1] = [slice(None)] * (self.ndim - len([k for k in keys[1:] if k is not None]))
        depth = len(self.axes)
        if len(keys) < depth:
            keys += [slice(None)] * (depth - len(keys))
        if any(part != slice(None) for part in keys[:depth] if isinstance(part, slice)) or not all(
            isinstance(part, slice) for part in keys[:depth]
        ):
            self.elements()
        inner = self.inner[tuple(keys[depth:])] if keys[depth:] else self.inner
        return BatchArray(self._trace, self.axes, inner)

    def __iter__(self) -> Iterator[Any]:
        self.elements()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "reduce" and inputs[0] is self and ufunc is np.add:
            return self.sum(**{name: option for name, option in options.items() if name != "dtype"})
        if method != "__call__" or options:
            return super().__array_ufunc__(ufunc, method, *inputs, **options)
        if ufunc is np.matmul:
            return _product(*inputs)
        trace = self._trace
        axes, parts = _aligned(trace, inputs)
        return _batches(trace, axes, ufunc(*parts))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        known = _FUNCTIONS.get(function)
        if known is not None:
            return known(*args, **kwargs)
        return super().__array_function__(function, types, args, kwargs)

    # ------------------------------------------------------------------------------------------ reductions

    def _apart(self, axis: Any) -> tuple[list[Axis], tuple[int, ...]]:
        """Return which axes, and which dimensions of the slices, some dimensions are."""
        dimensions = range(self.ndim) if axis is None else [axis] if isinstance(axis, int) else list(axis)
        places = [dimension % self.ndim for dimension in dimensions]
        depth = len(self.axes)
        return [self.axes[i] for i in places if i < depth], tuple(i - depth for i in places if i >= depth)

    def sum(self, axis: Any = None, **options: Any) -> Any:
        """Return the sum, as `numpy.sum`."""
        if options.get("keepdims") or not options.keys() <= {"keepdims", "out"} or options.get("out"):
            self.elements()
        over, own = self._apart(axis)
        inner = np.sum(self.inner, axis=own) if own else self.inner
        rest = tuple(axis for axis in self.axes if axis not in over)
        return _batches(self._trace, rest, _each(lambda x: totals_over(x, over), inner))

    def mean(self, axis: Any = None, **options: Any) -> Any:
        """Return the mean, as `numpy.mean`."""
        over, own = self._apart(axis)
        of_each = prod([self.own[i] for i in own])
        counts: list[Any] = [float(of_each)] if of_each != 1 or not over else []
        counts += [ArrayLength.of(axis_over.size, self._trace) for axis_over in over]
        return self.sum(axis, **options) / product_of(counts)

    def ravel(self) -> Any:
        """Return an array of one dimension, as `numpy.ravel`."""
        return self.reshape(-1)

    flatten = ravel

    def reshape(self, *shape: Any) -> Any:
        """Return an array of another shape, as `numpy.reshape`."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        if tuple(wanted) == (-1,) and len(self.axes) == 1 and prod(self.own) == 1:
            return BatchArray(self._trace, self.axes, np.reshape(self.inner, ()))
        return self.elements()

    def squeeze(self, axis: Any = None) -> Any:
        """Return an array without dimensions of length 1, as `numpy.squeeze`."""
        if axis is None or not isinstance(axis, int):
            self.elements()
        _, own = self._apart(axis)
        return BatchArray(self._trace, self.axes, np.squeeze(self.inner, own)) if own else self.elements()

    def copy(self) -> BatchArray:
        """Return a copy."""
        return BatchArray(self._trace, self.axes, _each(lambda x: x, self.inner))

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """Return the same, since a `Value` is a 64-bit float already."""
        return self.copy() if np.dtype(dtype) == np.dtype(float) else self.elements()


def _batches(trace: AxisTrace, axes: tuple[Axis, ...], inner: Any) -> Any:
    return BatchArray(trace, axes, inner) if axes else inner


def _each(f: Callable[[Any], Any], inner: Any) -> Any:
    """Apply a function to each element of a slice."""
    if not isinstance(inner, np.ndarray):
        return f(inner)
    made = np.empty(inner.size, dtype=object)
    made[:] = [f(item) for item in inner.ravel().tolist()]
    return made.reshape(inner.shape).view(ValueArray)


# ----------------------------------------------------------------------------------------------- alignment


def _dimensions(x: Any) -> list[Dimension]:
    """Return the dimensions of an operand."""
    kind = type(x)
    if kind is BatchArray:
        return [*x.axes, *x.own]
    if kind is TracedArray:
        return list(x.sizes)
    return list(np.shape(x))


def _common(operands: Sequence[Sequence[Dimension]]) -> list[Dimension]:
    """Return the dimensions of an element-wise result, of which the axes come first."""
    width = max(map(len, operands))
    columns = zip(*[[1] * (width - len(own)) + list(own) for own in operands], strict=True)
    found: list[Dimension] = []
    for column in columns:
        axes = [dimension for dimension in column if isinstance(dimension, Axis)]
        others = [d for d in column if not isinstance(d, Axis) and not (isinstance(d, int) and d == 1)]
        if not axes:
            lengths = {d.length if isinstance(d, Size) else d for d in others}
            found.append(max(lengths, default=1))
        elif all(isinstance(d, Size) and d.length == axes[0].size.length for d in others) and all(
            axis.size.length == axes[0].size.length for axis in axes
        ):
            found.append(axes[0])
        else:
            raise ElementsNeededError
    if any(isinstance(later, Axis) and not isinstance(d, Axis) for d, later in pairwise(found)):
        raise ElementsNeededError
    return found


def _aligned(trace: AxisTrace, operands: Sequence[Any]) -> tuple[tuple[Axis, ...], list[Any]]:
    """Return the axes that operands have together, and a slice of each at any index of them."""
    # Constants of as many samples are columns, too.
    operands = [_constant(trace, operand) for operand in operands]
    dimensions = [_dimensions(operand) for operand in operands]
    common = _common(dimensions)
    axes = tuple(d for d in common if isinstance(d, Axis))
    return axes, [_slice(x, own, common) for x, own in zip(operands, dimensions, strict=True)]


def _constant(trace: AxisTrace, x: Any) -> Any:
    is_plain = type(x) is np.ndarray and x.ndim and x.dtype.kind in "fiub" and len(x) > 1
    return TracedArray(trace, ColumnSource(x.astype(float), None)) if is_plain else x


def _slice(x: Any, own: Sequence[Dimension], common: Sequence[Dimension]) -> Any:
    """Return an operand at any index of the axes that it is aligned with."""
    beside = common[len(common) - len(own) :] if own else []
    for axis in [d for d in beside if isinstance(d, Axis)]:
        dimension = _dimensions(x)[0]
        if isinstance(dimension, int):
            # Of length 1, since it is aligned with an axis.
            x = np.asarray(x, dtype=object).view(ValueArray)[0]
        elif dimension is axis:
            x = _without_first(x)
        else:
            x = x.along(0, axis)
    return x.elements() if is_whole(x) else x


def _without_first(x: BatchArray) -> Any:
    """Return the slices along the first axis."""
    rest = x.axes[1:]
    return BatchArray(x._trace, rest, x.inner) if rest else x.inner


# ------------------------------------------------------------------------------------------------ functions


def _product(x: Any, y: Any) -> Any:
    """Return a matrix product, if it adds up over a dimension of the slices, or over one axis of vectors."""
    trace = _trace()
    if type(x) is BatchArray and x.own and not (type(y) is BatchArray or np.ndim(y) > 2):
        right = y.elements() if is_whole(y) else y
        return BatchArray(trace, x.axes, x.inner @ right)
    if type(x) is BatchArray and not x.own and len(x.axes) == 1 and len(_dimensions(y)) == 1:
        return (x * y).sum()
    if type(y) is BatchArray and not y.own and len(y.axes) == 1 and len(_dimensions(x)) == 1:
        return (x * y).sum()
    raise ElementsNeededError


def _stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Return arrays along a new dimension, if it is none before an axis."""
    trace = _trace()
    axes, parts = _aligned(trace, arrays)
    depth, dimensions = len(axes), len(axes) + len(np.shape(parts[0])) + 1
    place = axis % dimensions
    if place < depth or any(np.shape(part) != np.shape(parts[0]) for part in parts):
        raise ElementsNeededError
    return BatchArray(trace, axes, np.stack([values_array(part) for part in parts], axis=place - depth))


def _where(condition: Any, x: Any, y: Any) -> Any:
    trace = _trace()
    axes, parts = _aligned(trace, [condition, x, y])
    boxed = [values_array(part) if isinstance(part, Value) else part for part in parts]
    return _batches(trace, axes, np.where(*boxed))


def _trace() -> AxisTrace:
    trace = axis_trace()
    assert trace is not None
    return trace


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: lambda a, axis=None, **options: a.sum(axis, **options),
    np.mean: lambda a, axis=None, **options: a.mean(axis, **options),
    np.dot: _product,
    np.stack: _stack,
    np.where: _where,
    np.ravel: lambda a: a.ravel(),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.squeeze: lambda a, axis=None: a.squeeze(axis),
    np.copy: lambda a: a.copy(),
}
