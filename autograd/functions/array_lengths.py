"""Lengths of arrays in a trace: symbols where they are divided by, numbers where something is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.description import IN_TUPLES
from ..engine.user_line import user_line
from ..engine.value import Value
from .axes import AxisTrace, Length, Size


class ArrayLength(Value):
    """The length of an array, which the program need not know.

    As an operand of a `Value` or a float it is a number of the program. Whoever counts with it, compares it
    or asks for its integer has the program compiled for this length.

    Examples
    --------
    >>> n = ArrayLength.of(Size(3), AxisTrace(0))
    >>> [*range(n)], n - 1, n == 3, n / 2.0
    ([0, 1, 2], 2, True, Value(1.5, op='/'))
    """

    __slots__ = ()

    @classmethod
    def of(cls, size: Size, trace: AxisTrace) -> ArrayLength:
        """Return the length of an array in a trace."""
        node = cls(float(size.length))
        node.op, node._level = Length(size), trace.level
        node._x, node._y, node._edges = (), (), IN_TUPLES
        return node

    def __index__(self) -> int:
        size: Size = self.op.size  # type: ignore[union-attr]
        size.pin(f"its length is counted with at {user_line()}")
        return size.length

    __int__ = __index__

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __repr__(self) -> str:
        return repr(int(self._data))

    __hash__ = Value.__hash__


def _counting(name: str) -> Callable[[Any, Any], Any]:
    """Return an operator that counts with integers, and records anything else."""
    recorded = getattr(Value, name)
    counted = getattr(int, name)

    is_product = "mul" in name

    def operator(self: ArrayLength, other: Any) -> Any:
        # Of a product of two lengths, which is a number of elements, hardly anybody makes a range.
        is_length = isinstance(other, ArrayLength) and not is_product
        if is_length or (isinstance(other, int) and not isinstance(other, bool)):
            return counted(self.__index__(), other.__index__())
        return recorded(self, other)

    return operator


def _comparing(name: str) -> Callable[[Any, Any], Any]:
    compared = getattr(int, name)

    def operator(self: ArrayLength, other: Any) -> Any:
        if isinstance(other, ArrayLength):
            # Equal lengths are taken for one, and unequal ones for what they are.
            one, two = self.op.size, other.op.size  # type: ignore[union-attr]
            if one.length == two.length:
                one.same_as(two)
                return compared(one.length, one.length)
            self.__index__(), other.__index__()
            return compared(one.length, two.length)
        if not isinstance(other, int):
            return getattr(Value, name)(self, other)
        return self.op.size.answer(name, other)  # type: ignore[union-attr]

    return operator


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    for _form in (f"__{_name}__", f"__r{_name}__"):
        setattr(ArrayLength, _form, _counting(_form))
for _form in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(ArrayLength, _form, _comparing(_form))
