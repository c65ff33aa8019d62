"""Where CPython and NumPy have the parts of objects that machine code reads."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..runtime.program import UnsuitableError

_WORD = ctypes.sizeof(ctypes.c_void_p)

_C_CONTIGUOUS, _ALIGNED, _WRITEABLE = 0x0001, 0x0100, 0x0400
"""Flags of an array, as NumPy's headers have them."""


class Layout(NamedTuple):
    """At which bytes of objects their parts stand.

    Attributes
    ----------
    kind : int
        The class of any object. How often it is referred to is at 0.
    head : int
        The first part of its own: the number of a float, the length of a list or tuple, the address of the
        numbers of an array.
    items : int
        The first item of a tuple.
    content : int
        The first of some bytes.
    """

    kind: int
    head: int
    items: int
    content: int

    def offsets(self) -> dict[str, int]:
        """Return the offsets by the names that machine code has for them.

        The items of a list, and all parts of an array, follow what comes first without gaps: macros that
        other extensions were compiled with read them there.

        Examples
        --------
        >>> Layout(kind=8, head=16, items=24, content=32).offsets()["flags"]
        64
        """
        return {
            "count": 0,
            "kind": self.kind,
            "head": self.head,
            "items_of_tuple": self.items,
            "content": self.content,
            "items_of_list": self.head + _WORD,
            "dimensions": self.head + _WORD,
            "shape": self.head + 2 * _WORD,
            "dtype": self.head + 5 * _WORD,
            "flags": self.head + 6 * _WORD,
        }

    @property
    def plain(self) -> int:
        """The flags of an array that is contiguous and aligned."""
        return _C_CONTIGUOUS | _ALIGNED

    @property
    def own(self) -> int:
        """The flags of an array that is contiguous, aligned and writeable."""
        return _C_CONTIGUOUS | _ALIGNED | _WRITEABLE


@cache
def layout_of_objects() -> Layout:
    """Return where the parts of objects are, compared with what Python says of some of them.

    Raises
    ------
    UnsuitableError
        Where they are not as in any CPython that is known.

    Examples
    --------
    >>> layout_of_objects().items == tuple.__basicsize__
    True
    """
    kinds = [at for at in range(0, object.__basicsize__, _WORD) if _word(object(), at) == id(object)]
    # The size of bytes counts the 0 at their end.
    sizes = object.__basicsize__, tuple.__basicsize__, bytes.__basicsize__ - 1
    layout = Layout(kinds[0], *sizes) if kinds else None
    if layout is None or not all(_is_as_said(layout, array) for array in _SAMPLES):
        raise UnsuitableError("where this Python has the parts of its objects is not known")
    return layout


_SAMPLES = (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3).T, np.arange(2.0)[::-1], np.ones(4))


def _is_as_said(layout: Layout, array: Any) -> bool:
    """Return whether an array, and numbers and containers with it, have their parts there."""
    at, pair, number, text = layout.offsets(), (array, array.ndim), array.flat[1], array.tobytes()
    half, listed = ctypes.c_int32.from_address, [*pair]
    flags, is_plain = half(id(array) + at["flags"]).value, array.flags.c_contiguous and array.flags.aligned
    is_array = (
        _word(array, layout.head) == array.ctypes.data
        and half(id(array) + at["dimensions"]).value == array.ndim
        and _word(array, at["dtype"]) == id(array.dtype) == id(np.dtype(float))
        and (flags & layout.plain == layout.plain) == is_plain
    )
    return (
        is_array
        and _items(_word(array, at["shape"]), array.ndim) == [*array.shape]
        and ctypes.string_at(id(text) + layout.content, len(text)) == text
        and all(_word(items, layout.kind) == id(type(items)) for items in (pair, listed, number))
        and all(_word(items, layout.head) == 2 for items in (pair, listed))
        and _items(id(pair) + layout.items, 2) == [*map(id, pair)]
        and _items(_word(listed, at["items_of_list"]), 2) == [*map(id, pair)]
        and all(
            ctypes.c_double.from_address(id(each) + layout.head).value == each
            for each in (number, float(number))
        )
    )


def _word(item: object, at: int) -> int:
    return ctypes.c_ssize_t.from_address(id(item) + at).value


def _items(address: int, count: int) -> list[int]:
    """Return some words next to each other."""
    return [*(ctypes.c_ssize_t * count).from_address(address)]
