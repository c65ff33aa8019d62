"""`ValueArray`: a NumPy array of `Value`s on which NumPy's functions are recorded, element by element.

On a plain array of objects, NumPy asks each comparison for its truth, which is unknown while a function is
traced, and calls methods that plain numbers among the elements lack. This subclass handles NumPy's calls
itself: `ufuncs` defines the element-wise functions, `array_functions` the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from ..engine.attach import attach
from ..engine.errors import LostGradientError, TracedValueError
from ..engine.real_numbers import NUMBERS
from ..engine.user_line import user_line
from ..engine.value import Value
from .axes import count_elements, loop_trace
from .logic import checked_truth, is_truth, joined, opposite, truth
from .ufuncs import COMPARING, FUNCTIONS, PRODUCTS, QUESTIONS, call_method, mapped

Array = npt.NDArray[Any]

_MANY = (np.ndarray, list, tuple)
_element = np.ndarray.__getitem__


class ValueArray(np.ndarray[Any, Any]):
    """An array of `Value`s and plain numbers, with ``dtype=object``.

    `autograd.as_values` makes one, functions that are differentiated or compiled receive them, and NumPy's
    functions of one return one. Comparisons give arrays of `Value`s that are 1 or 0, for `where`, ``&``,
    ``|``, ``~`` and, outside a trace, for ``x[x > 0]``.

    Examples
    --------
    >>> x = values_array([Value(-1.0), Value(2.0)])
    >>> x > 0
    array([Value(0.0, op='>'), Value(1.0, op='>')], dtype=object)
    >>> np.where(x > 0, x, 0.0)
    array([Value(0.0, op='where'), Value(2.0, op='where')], dtype=object)
    >>> x[x > 0]
    array([Value(2.0)], dtype=object)
    """

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return apply_ufunc(ufunc, method, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _applied_function(function, types, args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        try:
            return _element(self, key)
        except IndexError:
            return _element(self, _index(key))

    def __iter__(self) -> Iterator[Any]:
        # 40 times as fast as NumPy's own iteration, by index.
        return iter(self.tolist()) if self.ndim == 1 else map(self.__getitem__, range(len(self)))

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, ValueArray) and key.shape == self.shape and not isinstance(value, _MANY):
            # A single truth value applies to all elements, and may be unknown until the program runs.
            super().__setitem__(..., np.where(key, value, self))
        else:
            super().__setitem__(_index(key), value)

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """Return the numbers as another dtype; as float, the Values themselves while they are recorded.

        Raises
        ------
        TypeError
            While a function is traced or differentiated, for any dtype but float.

        Examples
        --------
        >>> values_array([Value(1.0)]).astype(float)
        array([1.])
        """
        try:
            return np.asarray(self).astype(dtype, *args, **options)
        except (TracedValueError, LostGradientError):
            # A Value is a 64-bit float already, so nothing needs rounding.
            if np.dtype(dtype) != np.dtype(float):
                raise
            return self.copy()

    def std(self, *args: Any, **options: Any) -> Any:
        """Return the standard deviation, as `numpy.std`; of equal numbers its derivative is 0."""
        return np.std(self, *args, **options)

    def argmax(self, *args: Any, **options: Any) -> Any:
        """Return the index of the largest number, as `numpy.argmax`."""
        return np.argmax(data(self), *args, **options)

    def argmin(self, *args: Any, **options: Any) -> Any:
        """Return the index of the smallest number, as `numpy.argmin`."""
        return np.argmin(data(self), *args, **options)

    def argsort(self, *args: Any, **options: Any) -> Any:
        """Return the indices that sort the numbers, as `numpy.argsort`."""
        return np.argsort(data(self), *args, **options)

    def sort(self, axis: Any = -1, *args: Any, **options: Any) -> None:
        """Sort the elements in place by their numbers, as `numpy.ndarray.sort`."""
        self[...] = np.sort(self, axis, *args, **options)

    def round(self, decimals: SupportsIndex = 0, out: Any = None) -> Any:
        """Return the numbers rounded to the given decimals, as `numpy.round`; the derivative is 0."""
        return np.round(self, decimals, out)

    def view(self, *args: Any, **options: Any) -> Any:
        """Return the array as another class, sharing memory; as a masked array, a copy of the numbers."""
        target = [*args, *options.values()]
        classes = [kind for kind in target if isinstance(kind, type) and kind not in PLAIN_ARRAYS]
        if any(issubclass(kind, np.ma.MaskedArray) for kind in classes):
            # Matplotlib masks what is not finite, and plots numbers.
            return np.asarray(self, dtype=float).view(*args, **options)
        return super().view(*args, **options)

    def __repr__(self) -> str:
        return repr(np.asarray(self))

    def __str__(self) -> str:
        return str(np.asarray(self))


def values_array(items: Any) -> ValueArray:
    """Return `Value`s and numbers as a `ValueArray`.

    Parameters
    ----------
    items : Value, sequence or array
        A single `Value` gives a 0-d array. An array of objects is not copied.

    Returns
    -------
    ValueArray
        The array.

    Examples
    --------
    >>> values_array([[Value(1.0), 2.0]]).shape
    (1, 2)
    """
    if isinstance(items, Value):
        box = np.empty((), dtype=object)
        box[()] = items
        return box.view(ValueArray)
    return np.asarray(items, dtype=object).view(ValueArray)


def data(values: Any) -> npt.NDArray[np.float64]:
    """Return the numbers of an array of `Value`s, on purpose without their derivatives.

    Parameters
    ----------
    values : array_like of Value or number
        Any shape.

    Returns
    -------
    ndarray of float
        Of the same shape.

    Raises
    ------
    TypeError
        If an element is neither a `Value` nor a number.
    TracedValueError
        While a function is traced, if the numbers depend on its inputs.

    Examples
    --------
    >>> data([Value(1.0), Value(2.0)])
    array([1., 2.])
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        # A metric of all outputs of an epoch asks for it: one by one, 12,000 numbers would take 7 ms.
        return np.array(values, dtype=float)
    plain = np.asarray(values_array(values))
    return np.array([_number(item) for item in plain.ravel().tolist()], dtype=float).reshape(plain.shape)


def _number(item: Any) -> Any:
    if isinstance(item, Value):
        return item.data
    if not isinstance(item, NUMBERS):
        raise TypeError(f"data expected Values and numbers, got {item!r} ({type(item).__name__})")
    return item


def holds_values(item: Any) -> bool:
    """Return whether something is a `Value` or an array with one.

    Examples
    --------
    >>> holds_values(Value(1.0)), holds_values(np.array([1.0]))
    (True, False)
    """
    if isinstance(item, np.ndarray):
        return item.dtype == object and any(isinstance(element, Value) for element in item.ravel().tolist())
    return isinstance(item, Value)


def truths(items: Array) -> Array:
    """Return truth values as plain bools.

    Raises
    ------
    TracedValueError
        If they depend on the inputs of a function that is being traced.

    Examples
    --------
    >>> truths(values_array([Value(1.0)]) > 2.0)
    array([False])
    """
    plain = np.asarray(items)
    return np.array([bool(item) for item in plain.ravel().tolist()], dtype=bool).reshape(plain.shape)


def _index(key: Any) -> Any:
    """Return an index whose truth values are plain bools."""
    if isinstance(key, tuple):
        return tuple([_index(part) for part in key])
    if not isinstance(key, ValueArray) or not all(map(is_truth, key.ravel().tolist())):
        return key
    try:
        return truths(key)
    except TracedValueError:
        raise TracedValueError(
            f"x[mask] has as many elements as the mask holds, which is not known while the function is "
            f"traced, at {user_line()}; choose with np.where(mask, x, other)"
        ) from None


# ------------------------------------------------------------------------------------------------ ufuncs


def apply_ufunc(ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """Apply a NumPy ufunc to arguments that include a `Value` or an array of them.

    Parameters
    ----------
    ufunc : numpy.ufunc
        Such as ``np.exp``.
    method : str
        How the ufunc was called: ``"__call__"``, ``"reduce"``, ``"accumulate"``, ``"outer"``, ``"at"``.
    *inputs
        The arguments.
    **options
        The keyword arguments of the call; ``out`` may be an array of objects.

    Returns
    -------
    Value or ValueArray
        For comparisons 1 or 0; for ``np.isnan`` and similar tests plain bools, if they are known.

    Raises
    ------
    TypeError
        For a function without a differentiation rule.

    Examples
    --------
    >>> np.exp(Value(0.0))
    Value(1.0, op='exp')
    >>> np.array([1.0, 2.0]) * Value(3.0)
    array([Value(3.0, op='*'), Value(6.0, op='*')], dtype=object)
    >>> np.isnan(Value(1.0))
    False
    """
    if not (ufunc in FUNCTIONS or ufunc in PRODUCTS or _is_of_objects(ufunc)):
        raise TypeError(
            f"np.{ufunc.__name__} has no differentiation rule for a Value; "
            "compute it from operations that have one, or pass v.data"
        )
    try:
        operands = [_operand(ufunc, x) for x in inputs]
    except _AnswersForItselfError:
        return NotImplemented
    _count_elements(ufunc in PRODUCTS, operands)
    if method == "__call__" and not options and ufunc in FUNCTIONS:
        return _finished(ufunc, mapped(FUNCTIONS[ufunc], operands, ufunc.nout))
    for ignored in ("casting", "order", "subok"):
        options.pop(ignored, None)
    _check_dtype(ufunc, options.pop("dtype", None))
    out = options.pop("out", (None,))
    _check_out(ufunc, out)
    if method == "__call__" and ufunc in FUNCTIONS:
        mask = _index(options.pop("where", True))
        if out[0] is None and mask is not True:
            raise TypeError(f"np.{ufunc.__name__} with where= needs out=; choose with np.where(mask, x, y)")
        result = _finished(ufunc, mapped(FUNCTIONS[ufunc], operands, ufunc.nout))
    else:
        mask = True
        result = _by_method(ufunc, method, inputs, operands, options)
    return result if out[0] is None else _stored(result, out, mask)


PLAIN_ARRAYS = (np.ndarray, ValueArray)
"""Classes of arrays that are not masked, which to find out otherwise would load `numpy.ma`: 11 ms."""


class _AnswersForItselfError(Exception):
    """An operand passes for an array of Values, and knows itself what a function of NumPy gives."""


def _answers_for_itself(kind: type) -> bool:
    return hasattr(kind, "elements")


_OF_TRUTHS = (np.logical_and, np.logical_or, np.logical_xor)


def _is_of_objects(ufunc: np.ufunc) -> bool:
    """Return whether a ufunc wraps a Python function, by `numpy.vectorize` or `numpy.frompyfunc`."""
    return set("".join(ufunc.types)) <= set("O->")


def _by_method(
    ufunc: np.ufunc, method: str, inputs: Sequence[Any], operands: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Return the result of a ufunc's method, or what NumPy itself computes on objects."""
    if ufunc in PRODUCTS and not all(map(np.ndim, operands)):
        raise TypeError(
            f"np.{ufunc.__name__} expected arrays of one dimension or more, got a number; write v * x"
        )
    arrays = [np.asarray(values_array(x)) if isinstance(x, Value) else x for x in operands]
    if ufunc in _OF_TRUTHS:
        # NumPy does not call the ufunc to reduce a single element.
        arrays = [mapped(truth, [array]) for array in arrays]
    if method in ("at", "reduceat"):
        _check_out(ufunc, inputs[:1])
        arrays[1] = _index(inputs[1])
    named = {name: _index(option) for name, option in options.items()}
    return _finished(ufunc, call_method(ufunc, method, *arrays, **named))


def _count_elements(is_product: bool, operands: Sequence[Any]) -> None:
    """Note in a trace how many numbers a function of arrays is going to trace."""
    if loop_trace() is None:
        return
    sizes = [x.size for x in operands if isinstance(x, np.ndarray)]
    columns = operands[-1].shape[-1] if is_product and np.ndim(operands[-1]) > 1 else 1
    count_elements(columns * max(sizes, default=0), is_product=is_product)


def _operand(ufunc: np.ufunc, x: Any) -> Any:
    """Return an argument in the form that a loop over objects expects."""
    if isinstance(x, np.ndarray):
        if type(x) not in PLAIN_ARRAYS and _answers_for_itself(type(x)):
            raise _AnswersForItselfError
        if type(x) not in PLAIN_ARRAYS and isinstance(x, np.ma.MaskedArray | np.matrix):
            raise TypeError(
                f"np.{ufunc.__name__} of Values expected plain arrays, got a {type(x).__name__}, whose "
                "mask or products would be lost; pass x.filled(number) or np.asarray(x)"
            )
        plain = np.asarray(x)
    elif isinstance(x, Value | float | int | slice):
        return float(x) if isinstance(x, np.float64) else x
    else:
        plain = np.asarray(x, dtype=object if isinstance(x, list | tuple) else None)
    if plain.dtype.kind not in "fiubO" and ufunc not in COMPARING:
        raise TypeError(f"np.{ufunc.__name__} expected Values and real numbers, got {x!r}")
    return plain


def _check_dtype(ufunc: np.ufunc, dtype: Any) -> None:
    if (
        dtype is not None
        and ufunc not in COMPARING
        and np.dtype(dtype) not in (np.dtype(float), np.dtype("O"))
    ):
        raise TypeError(
            f"np.{ufunc.__name__} of Values expected dtype=float or object, since Values are floats, "
            f"got dtype={dtype!r}; leave it out, or pass autograd.data(x) for its numbers"
        )


def _check_out(ufunc: np.ufunc, out: Sequence[Any]) -> None:
    for array in out:
        if array is not None and array.dtype != object and not (ufunc in COMPARING and array.dtype == bool):
            raise TypeError(
                f"an array of {array.dtype} cannot hold Values in place; write a = a * v instead of a *= v"
            )


def _stored(result: Any, out: Sequence[Any], mask: Any) -> Any:
    for array, part in zip(out, result if isinstance(result, tuple) else [result], strict=True):
        known = truths(values_array(part)) if array.dtype == bool else values_array(part)
        np.copyto(np.asarray(array), np.asarray(known), where=mask)
    return out[0] if len(out) == 1 else tuple(out)


def _finished(ufunc: np.ufunc, result: Any) -> Any:
    """Return the result of a loop over objects in the form that users expect."""
    if isinstance(result, tuple):
        return tuple([_finished(ufunc, part) for part in result])
    if ufunc in QUESTIONS:
        return _answered(result)
    if not isinstance(result, np.ndarray):
        return result
    if ufunc in COMPARING and not holds_values(result):
        return result.astype(bool)
    return result.view(ValueArray)


def _answered(result: Any) -> Any:
    """Return truth values as plain bools, if they are known."""
    try:
        return truths(result) if isinstance(result, np.ndarray) else bool(result)
    except TracedValueError:
        return result.view(ValueArray) if isinstance(result, np.ndarray) else result


# -------------------------------------------------------------------------------- NumPy's other functions

OWN: dict[Any, Callable[..., Any]] = {}
"""Functions of NumPy that are written anew for arrays of `Value`s."""

RECORDED: set[Any] = set()
"""Functions of NumPy whose own code, run on arrays of `Value`s, gives the right `Value`s."""

ASKING: set[Any] = set()
"""Functions of NumPy whose results have no derivative: they are given plain numbers."""


def apply_function(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Apply a NumPy function other than a ufunc to `Value`s and arrays of them.

    Parameters
    ----------
    function : callable
        Such as ``np.stack``.
    args, kwargs : sequence and mapping
        The arguments of the call.

    Returns
    -------
    Value, ValueArray, or what the function returns
        Arrays of objects are returned as `ValueArray`s.

    Raises
    ------
    TypeError
        For a function whose derivative would be lost.

    Examples
    --------
    >>> np.stack([Value(1.0), Value(2.0)])
    array([Value(1.0), Value(2.0)], dtype=object)
    """
    if function in OWN:
        return _unboxed(OWN[function](*args, **kwargs))
    if function in ASKING:
        plain: Any = (_with_numbers(args), _with_numbers(dict(kwargs)))
        return function(*plain[0], **plain[1])
    if function in RECORDED:
        if function is np.dot:
            _count_elements(True, args)
        return recorded(function, *args, **kwargs)
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np")
    raise TypeError(
        f"{name} has no differentiation rule for arrays of Values; "
        "compute it from operations that have one, or pass autograd.data(x) for its numbers"
    )


def _applied_function(function: Any, types: Iterable[type], args: Any, kwargs: Any) -> Any:
    """Apply a NumPy function, unless one of its arguments answers for itself."""
    if not _USUAL.issuperset(types) and any(map(_answers_for_itself, types)):
        return NotImplemented
    return apply_function(function, args, kwargs)


_USUAL = {Value, ValueArray, np.ndarray}


def recorded(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the result of NumPy's own code on `Value`s and arrays of them.

    Examples
    --------
    >>> recorded(np.flip, values_array([Value(1.0), Value(2.0)]))
    array([Value(2.0), Value(1.0)], dtype=object)
    """
    arrays, named = tuple(map(_boxed, args)), _boxed(kwargs)
    return _unboxed(np.ndarray.__array_function__(_ANY, function, (ValueArray,), arrays, named))


_ANY = np.empty(0, dtype=object).view(ValueArray)


def _boxed(item: Any) -> Any:
    """Return arguments with 0-d arrays for `Value`s, and `ValueArray`s for arrays of objects."""
    if isinstance(item, Value):
        return values_array(item)
    if type(item) is np.ndarray and item.dtype == object:
        return item.view(ValueArray)
    if type(item) in (list, tuple):
        # NumPy would take 0-d arrays in a list for elements.
        is_row = all(isinstance(part, (*NUMBERS, Value)) for part in item) and any(map(holds_values, item))
        return values_array(item) if is_row else type(item)(map(_boxed, item))
    if type(item) is dict:
        return {name: _boxed(part) for name, part in item.items()}
    return item


def _unboxed(result: Any) -> Any:
    """Return results with `ValueArray`s for arrays of objects, and elements for 0-d arrays."""
    if isinstance(result, np.ndarray) and result.dtype == object:
        return result.view(ValueArray) if result.ndim else result[()]
    if type(result) in (list, tuple):
        return type(result)(map(_unboxed, result))
    return result


def _with_numbers(item: Any) -> Any:
    """Return arguments with plain numbers in place of `Value`s."""
    if isinstance(item, Value):
        return item.data
    if isinstance(item, np.ndarray) and item.dtype == object:
        return data(item)
    if type(item) in (list, tuple):
        return type(item)(map(_with_numbers, item))
    if type(item) is dict:
        return {name: _with_numbers(part) for name, part in item.items()}
    return item


# -------------------------------------------------------------------------- what it does for each `Value`


def _method_of(ufunc: np.ufunc) -> Callable[[Value], Any]:
    return lambda self: FUNCTIONS[ufunc](self)


# The signs are those of `logic`; the others are what NumPy's loops and functions look for in the elements
# of a plain array of objects.
attach(
    __array_ufunc__=lambda self, ufunc, method, *args, **kwargs: apply_ufunc(ufunc, method, *args, **kwargs),
    __array_function__=lambda self, function, types, args, kwargs: _applied_function(
        function, types, args, kwargs
    ),
    __and__=lambda self, other: joined("&", self, other),
    __rand__=lambda self, other: joined("&", other, self),
    __or__=lambda self, other: joined("|", self, other),
    __ror__=lambda self, other: joined("|", other, self),
    __xor__=lambda self, other: joined("^", self, other),
    __rxor__=lambda self, other: joined("^", other, self),
    __invert__=lambda self: opposite(checked_truth(self, "~")),
    __divmod__=lambda self, other: (self // other, self % other),
    __rdivmod__=lambda self, other: (other // self, other % self),
    **{
        ufunc.__name__: _method_of(ufunc)
        for ufunc in (np.conjugate, np.rint, np.fabs, np.degrees, np.radians, np.deg2rad, np.rad2deg)
    },
)
