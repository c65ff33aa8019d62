"""Readers of arguments that may be arrays on devices (`device_arrays.py`), which go on as they are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from ...transforms.trees import Branch, Leaf
from .call import Call
from .device_arrays import DeviceArrays
from .open_lengths import NONE_OPEN, OpenLengths
from .reader import NUMBERS, Reader, ReaderSource, collector, reader_of
from .shapes import has_other_shape
from .snapshot import Snapshot


def device_reader_of(call: Call, arrays: DeviceArrays, lengths: OpenLengths = NONE_OPEN) -> Reader:
    """Return what reads the arguments of calls that are like one, and may be arrays on devices.

    It asks an array for its type, shape and dtype alone.

    Parameters
    ----------
    call : Call
        The call.
    arrays : DeviceArrays
        Which arrays there may be.
    lengths : OpenLengths
        Which lengths may be others.

    Returns
    -------
    callable
        From ``args`` and ``kwargs`` to the arrays of a program, or None where the key may be another one.

    Examples
    --------
    >>> import numpy as np
    >>> class InMemory(np.ndarray):
    ...     pass
    >>> x = np.ones(2).view(InMemory)
    >>> arrays = DeviceArrays((InMemory,), frozenset({x.dtype}), x.dtype)
    >>> read = device_reader_of(Call(max, (x, 3.0), {}, devices=arrays), arrays)
    >>> read((x, 5), {})
    (InMemory([1., 1.]), np.float64(5.0))
    >>> read((x[:1], 5), {}) is None
    True
    """
    return reader_of(call, lengths, partial(_DeviceReaderSource, arrays))


class _DeviceReaderSource(ReaderSource):
    """The text of such a reader."""

    def __init__(self, arrays: DeviceArrays) -> None:
        super().__init__()
        self.of_devices = arrays
        self.known |= {
            "FLOAT": arrays.dtype,
            "number": arrays.dtype.type,
            "ARRAYS": arrays.types,
            "REAL": arrays.dtypes,
            "packed": arrays.packed,
        }

    def read_leaf(self, leaf: Leaf, name: str) -> None:
        """Write what reads a number or an array: those of NumPy are converted here, others in the program."""
        other = f"not isinstance({name}, ARRAYS) or {name}.dtype not in REAL"
        self.arrays.append(name)
        if not leaf.is_array:
            self.lines += [
                f"if {name}.__class__ is float or {name}.__class__ in NUMBERS: {name} = number({name})",
                f"elif {other} or {name}.shape: return None",
            ]
            return
        self.lines += [
            f"if type({name}) is ndarray:",
            f"    if {name}.dtype is not FLOAT:",
            # Of objects, some may be `Value`s.
            f"        if {name}.dtype.kind not in 'fiub': return None",
            f"        {name} = {name}.astype(FLOAT)",
            f"elif {other}: return None",
        ]
        self.refuse(has_other_shape(leaf, name))
        self.read_lengths(leaf, name)

    def read_module(self, snapshot: Snapshot, name: str) -> None:
        """Write what reads the parameters of a module, in the precision of the program."""
        super().read_module(snapshot, name)
        self.arrays.append(f"{self.arrays.pop()}.astype(FLOAT, copy=False)")

    def read_vector(self, branch: Branch, name: str) -> None:
        """Write what makes one array of many numbers, or a tuple if some are arrays."""
        numbers = next(self.names)
        self.lines.append(f"{numbers} = []")
        self.refuse(f"not {self.know(collector(branch, self.are_numbers))}({name}, {numbers})")
        self.arrays.append(f"packed({numbers})")

    def are_numbers(self, items: Iterable[Any]) -> bool:
        """Return whether all items are numbers, or arrays without dimensions."""
        arrays = self.of_devices
        return all(type(item) in NUMBERS or (arrays.has(item) and not item.shape) for item in items)
