"""Arrays, and a tree of numbers and texts, as bytes that another process reads as data."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MOST_BYTES = 2**30
"""To how many bytes integers may unpack; those of 5,000,000 positions have 40,000,000."""


def packed(tree: Any, arrays: Sequence[Array]) -> bytes:
    """Return the bytes of a tree and of arrays of floats and integers.

    Positions are mostly regular: of the 900 kB of the moons' training step, the differences between one
    integer and the next take 8 kB, and a third of the time to compress.

    Parameters
    ----------
    tree : list, str, int or None, nested
        What JSON can write.
    arrays : sequence of array
        The arrays.

    Returns
    -------
    bytes
        What `unpacked` reads.

    Examples
    --------
    >>> unpacked(packed({"a": 1}, [np.arange(3), np.array([-0.0])]))
    ({'a': 1}, [array([0, 1, 2]), array([-0.])])
    """
    floats = [array for array in arrays if array.dtype.kind == "f"]
    whole = [array for array in arrays if array.dtype.kind != "f"]
    if any(array.dtype.kind != "i" for array in whole):
        raise TypeError("expected arrays of floats or integers")
    integers = np.concatenate([np.zeros(1, np.int64), *map(np.ravel, whole)])
    steps = integers[1:] - integers[:-1]
    small = steps.astype(np.int32)
    parts = [
        json.dumps([tree, [(array.dtype.str, array.shape) for array in arrays]]).encode(),
        zlib.compress((small if (small == steps).all() else steps).tobytes(), 1),
        b"".join([array.tobytes() for array in floats]),
    ]
    lengths = np.array([len(steps), *map(len, parts)], dtype=np.int64)
    return b"".join([lengths.tobytes(), *parts])


def unpacked(data: bytes, most_bytes: int = MOST_BYTES) -> tuple[Any, list[Array]]:
    """Return the tree and the arrays that `packed` was given.

    Parameters
    ----------
    data : bytes
        What `packed` returned, or anything else.
    most_bytes : int
        How many bytes the integers may have; a thousandth of them can say so.

    Raises
    ------
    ValueError
        If they have more, or for arrays of other types. For what is no such data, the errors of JSON, zlib
        and NumPy are raised as well.

    Examples
    --------
    >>> unpacked(packed(None, []))
    (None, [])
    """
    count, *lengths = np.frombuffer(data, np.int64, 4).tolist()
    if not (0 <= 8 * count <= most_bytes and min(lengths) >= 0 and 32 + sum(lengths) == len(data)):
        raise ValueError(f"expected data of at most {most_bytes:,} bytes, which say how long they are")
    ends = [*accumulate(lengths, initial=32)]
    head, compressed, floats = (data[start:end] for start, end in pairwise(ends))
    tree, kinds = json.loads(head)
    steps = zlib.decompressobj().decompress(compressed, 8 * count + 1)
    wide = len(steps) == 8 * count
    integers = np.cumsum(np.frombuffer(steps, np.int64 if wide else np.int32), dtype=np.int64)
    arrays, at_integer, at_byte = [], 0, 0
    for text, shape in kinds:
        dtype, size = np.dtype(text), prod(shape)
        if dtype.kind not in "if" or min(shape, default=0) < 0:
            raise ValueError(f"expected arrays of floats or integers, got {text!r} of shape {shape}")
        if dtype.kind == "i":
            array = integers[at_integer : at_integer + size].astype(dtype)
            at_integer += size
        else:
            array = np.frombuffer(floats, dtype, size, at_byte).copy()
            at_byte += array.nbytes
        arrays.append(array.reshape(shape))
    return tree, arrays
