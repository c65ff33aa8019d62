"""Lengths of arrays in a trace: symbols where they are divided by, numbers where something is counted."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..engine.description import IN_TUPLES
from ..engine.user_line import user_line
from ..engine.value import Value
from .axes import AxisTrace, Length
from .sizes import Size


class ArrayLength(Value):
    """The length of an array, or a multiple of it and a number, which the program need not know.

    As an operand of a `Value` or a float it is a number of the program. The number of elements, and the
    number less one, are of this kind too. Whoever asks for the integer has the program compiled for this
    length; a comparison with an integer for all lengths of the same answer.

    Attributes
    ----------
    sizes : tuple of Size
        The lengths that are multiplied.
    factor, offset : int
        By what they are multiplied as well, and what is added.

    Examples
    --------
    >>> n = ArrayLength.of(Size(3), AxisTrace(0))
    >>> [*range(n)], n * 2 - 1, n == 3, n / 2.0
    ([0, 1, 2], 5, True, Value(1.5, op='/'))
    """

    __slots__ = ("factor", "offset", "sizes")

    sizes: tuple[Size, ...]
    factor: int
    offset: int

    @classmethod
    def of(cls, size: Size, trace: AxisTrace) -> ArrayLength:
        """Return the length of an array in a trace."""
        if size.root().extra:
            return cls.of(size.base(), trace)._plus(size.root().extra)
        node = cls(float(size.length))
        node.op, node._level = Length(size), trace.level
        node._x, node._y, node._edges = (), (), IN_TUPLES
        node.sizes, node.factor, node.offset = (size,), 1, 0
        return node

    @classmethod
    def _recorded(cls, number: Value, sizes: tuple[Size, ...], factor: int, offset: int) -> ArrayLength:
        """Return a node as a length."""
        node = cls(number._data)
        node.op, node._level = number.op, number._level
        node._x, node._y, node._edges = number.args, number.partials, IN_TUPLES
        node.sizes, node.factor, node.offset = sizes, factor, offset
        return node

    def __index__(self) -> int:
        for size in self.sizes:
            size.pin(f"its length is counted with at {user_line()}")
        return int(self._data)

    __int__ = __index__

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __repr__(self) -> str:
        return repr(int(self._data))

    __hash__ = Value.__hash__

    def is_like(self, other: ArrayLength) -> bool:
        """Return whether two lengths are made of the same ones in the same way."""
        roots = [{*map(Size.root, length.sizes)} for length in (self, other)]
        return (
            roots[0] == roots[1]
            and len(self.sizes) == len(other.sizes)
            and (self.factor, self.offset) == (other.factor, other.offset)
        )

    @property
    def is_plain(self) -> bool:
        """Whether it is the length along one dimension."""
        return len(self.sizes) == self.factor == 1 and not self.offset

    def _plus(self, number: int) -> ArrayLength:
        return self._recorded(Value.__add__(self, number), self.sizes, self.factor, self.offset + number)

    def _times(self, other: int | ArrayLength) -> ArrayLength | int:
        if isinstance(other, ArrayLength) and not self.offset and not other.offset:
            sizes, factor = (*self.sizes, *other.sizes), self.factor * other.factor
            return self._recorded(Value.__mul__(self, other), sizes, factor, 0)
        if isinstance(other, int) and other > 0:
            product = Value.__mul__(self, other)
            return self._recorded(product, self.sizes, self.factor * other, self.offset * other)
        return self.__index__() * other.__index__()


def _is_whole_number(item: Any) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)


def _counting(name: str) -> Callable[[Any, Any], Any]:
    """Return an operator that keeps sums and products with integers, and records anything else."""
    recorded = getattr(Value, name)
    counted = getattr(operator, name.strip("_").removeprefix("r"))
    is_reflected = name.startswith("__r")

    def operate(self: ArrayLength, other: Any) -> Any:
        if not isinstance(other, ArrayLength) and not _is_whole_number(other):
            return recorded(self, other)
        if counted is operator.mul:
            return self._times(other)
        if counted is operator.add and not isinstance(other, ArrayLength):
            return self._plus(other)
        if counted is operator.sub and not is_reflected and not isinstance(other, ArrayLength):
            return self._plus(-other)
        one, two = self.__index__(), other.__index__()
        return counted(two, one) if is_reflected else counted(one, two)

    return operate


def _comparing(name: str) -> Callable[[Any, Any], Any]:
    compared = getattr(int, name)

    def operate(self: ArrayLength, other: Any) -> Any:
        if isinstance(other, ArrayLength):
            return _compared_lengths(compared, self, other)
        if not _is_whole_number(other):
            return getattr(Value, name)(self, other)
        if len(self.sizes) > 1:
            return compared(self.__index__(), other)
        # Of factor * n the quotient is compared, rounded to the side on which no multiple is.
        quotient, rest = divmod(other - self.offset, self.factor)
        if name in ("__eq__", "__ne__") and rest:
            return name == "__ne__"
        is_rounded_up = rest and name in ("__lt__", "__ge__")
        return self.sizes[0].answer(name, quotient + 1 if is_rounded_up else quotient)

    return operate


def _compared_lengths(compared: Callable[[int, int], bool], one: ArrayLength, two: ArrayLength) -> bool:
    """Compare two lengths: equal ones are taken for one, and unequal ones for what they are."""
    are_plain = one.is_plain and two.is_plain
    if are_plain and one._data == two._data:
        one.sizes[0].same_as(two.sizes[0])
    elif not one.is_like(two):
        return compared(one.__index__(), two.__index__())
    return compared(int(one._data), int(two._data))


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    for _form in (f"__{_name}__", f"__r{_name}__"):
        setattr(ArrayLength, _form, _counting(_form))
for _form in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(ArrayLength, _form, _comparing(_form))
