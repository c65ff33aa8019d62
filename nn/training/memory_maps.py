"""Batches of arrays in files, which are never in memory as a whole."""

from __future__ import annotations

import math
import mmap
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from .not_finite import not_finite_in
from .prefetching import OneAhead
from .samples import (
    Array,
    ClassWeight,
    WeightedSamples,
    balanced,
    check_class_numbers,
    how_many_held_out,
    weights_of_samples,
)
from .sources import SampleSource

WINDOW = 2**27
"""The bytes that are shuffled at once. Two such windows are in memory, one of which is read: 256 MiB."""

# A window consists of so many blocks, from anywhere in the file: a disk reads 1 MiB at full speed, and in a
# file sorted by two equal classes, their shares in a window have a standard deviation of 4%.
_BLOCKS = 128


def file_of(array: Array) -> np.memmap | None:
    """Return the `numpy.memmap` that an array is or is a view of.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     x = np.memmap(file, shape=(4, 2), mode="w+")
    >>> file_of(np.asarray(x[1:, 0])) is None, file_of(x + 1.0) is None
    (False, True)
    """
    base: object = array
    while isinstance(base, np.ndarray):
        # What is computed of one has its class, and numbers of its own.
        if isinstance(base, np.memmap) and isinstance(base.base, mmap.mmap):
            return base
        base = base.base
    return None


def check_whole(array: Array) -> None:
    """Raise if the file of an array is shorter than the array, so that to read it would end the process.

    Raises
    ------
    OSError
        If the file was cut off since it was mapped.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     x = np.memmap(file, shape=(4, 2), mode="w+")
    ...     check_whole(x[1:])
    ...     _ = file.truncate(3)
    ...     check_whole(x[1:])
    Traceback (most recent call last):
        ...
    OSError: the file of an array has 3 bytes, and had 8 when it was mapped: it was cut off since
    """
    file = file_of(array)
    if file is None:
        return
    assert isinstance(file.base, mmap.mmap)
    size, expected = file.base.size(), file.offset + file.nbytes
    if size < expected:
        name = "" if file.filename is None else f" {str(file.filename)!r}"
        raise OSError(
            f"the file{name} of an array has {size:,} bytes, and had {expected:,} when it was mapped: "
            "it was cut off since"
        )


def in_memory(samples: WeightedSamples) -> WeightedSamples:
    """Return samples of which none is in a file, which may be cut off while it is read.

    Raises
    ------
    OSError
        If it is cut off already.

    Examples
    --------
    >>> from .samples import samples_of
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     x = np.memmap(file, shape=(4, 2), mode="w+")
    ...     type(in_memory(samples_of(x, np.ones(4))).x)
    <class 'numpy.ndarray'>
    """
    return WeightedSamples(*map(_from_file, samples.columns()))


def _from_file(array: Array) -> Array:
    check_whole(array)
    return array if file_of(array) is None else np.array(array)


def is_in_large_file(samples: WeightedSamples) -> bool:
    """Return whether samples are in files, and are more than a window."""
    columns = samples.columns()
    return sum(column.nbytes for column in columns) > WINDOW and any(
        file_of(column) is not None for column in columns
    )


class OnDisk(SampleSource):
    """Batches of arrays in files, of which two windows are in memory.

    Each epoch draws an order of blocks, and takes them together to windows, whose samples it shuffles. So the
    file is read by blocks of 1 MiB, each sample once an epoch, and what is drawn takes no memory for each
    sample, as a permutation of all would: 1 GB for 10 GB of rows of ten doubles.

    Parameters
    ----------
    samples : WeightedSamples
        The samples, some of whose arrays are `numpy.memmap` or views of one.
    batch_size : int
        How many make a batch.
    class_weight : dict, "balanced" or None
        How much each class counts. For those that are balanced all targets are read once before.
    blocks : ndarray of int or None
        The first rows of the blocks to take; None takes all.

    Examples
    --------
    >>> from .samples import samples_of
    >>> source = OnDisk(samples_of(np.eye(3), [1, 2, 3]), 2)
    >>> [batch.y.tolist() for batch in source.epoch(np.random.default_rng(0))], source.count
    ([[1, 3], [2]], 2)
    >>> source.close()
    """

    is_streamed = True

    def __init__(
        self,
        samples: WeightedSamples,
        batch_size: int,
        class_weight: ClassWeight = None,
        blocks: Array | None = None,
    ) -> None:
        self._samples, self._batch_size, self._class_weight = samples, batch_size, class_weight
        bytes_a_row = sum(column[:1].nbytes for column in samples.columns())
        self._block = max(WINDOW // _BLOCKS // bytes_a_row, 1)
        if class_weight == "balanced":
            self._class_weight = balanced(self._counts())
        self._starts = np.arange(0, samples.length, self._block) if blocks is None else blocks
        self.length = sum(map(self._length_of, self._starts.tolist()))
        self.count = math.ceil(self.length / batch_size)
        self._batch_ahead, self._window_ahead = OneAhead(), OneAhead()

    def split(self, fraction: float, rng: np.random.Generator) -> tuple[OnDisk, OnDisk]:
        """Return blocks to train on, and a fraction of them, drawn at random, that is held out."""
        held_out = how_many_held_out(fraction, len(self._starts), "blocks of samples")
        order = rng.permutation(self._starts)
        return self._of(np.sort(order[held_out:])), self._of(np.sort(order[:held_out]))

    def _of(self, blocks: Array) -> OnDisk:
        return OnDisk(self._samples, self._batch_size, self._class_weight, blocks)

    @property
    def first(self) -> WeightedSamples:
        """The first samples in the file."""
        return self._read([slice(self._batch_size)])

    def known(self) -> Iterator[WeightedSamples]:
        """Yield the first samples."""
        yield self.first

    def epoch(self, rng: np.random.Generator) -> Iterator[WeightedSamples]:
        """Return the batches of a new order."""
        # The thread has a generator of its own, or numbers for Dropout would depend on which was first.
        own = np.random.default_rng(rng.integers(2**63))
        return self._batch_ahead.over(self._batches(own.permutation(self._starts), own))

    def in_order(self) -> Iterator[WeightedSamples]:
        """Return all batches, in the order of the file."""
        return self._batch_ahead.over(self._batches(self._starts, None))

    def whole(self) -> WeightedSamples:
        """Raise, since they are not in memory."""
        raise ValueError(
            "L-BFGS takes all samples in each step: pass arrays in memory, as np.array(inputs) makes them, "
            "or take another optimizer"
        )

    def not_finite(self) -> str:
        """Return the first number in the file that is not finite."""
        for start, block in self._all_blocks():
            cell = not_finite_in(self._read([block]), start)
            if cell:
                return cell
        return ""

    def close(self) -> None:
        """End the threads."""
        self._batch_ahead.close()
        self._window_ahead.close()

    def _batches(self, starts: Array, rng: np.random.Generator | None) -> Iterator[WeightedSamples]:
        """Yield batches of blocks; those of each window in an order drawn at random."""
        parts: list[WeightedSamples] = []
        missing = self._batch_size
        for window in self._window_ahead.over(self._windows(starts)):
            length = window.length
            order = None if rng is None else rng.permutation(length)
            # The first batch goes on with what the window before has left.
            for start, stop in pairwise([0, *range(missing, length, self._batch_size), length]):
                part = slice(start, stop)
                parts.append(window.take(part if order is None else order[part]))
                missing -= stop - start
                if not missing:
                    yield _joined(parts)
                    parts, missing = [], self._batch_size
            # Before the one after the next is begun.
            del window
        if parts:
            yield _joined(parts)

    def _windows(self, starts: Array) -> Iterator[WeightedSamples]:
        for first in range(0, len(starts), _BLOCKS):
            # In the order of the file, where a disk that has to seek is faster.
            some = np.sort(starts[first : first + _BLOCKS]).tolist()
            yield self._read([slice(start, start + self._block) for start in some])

    def _read(self, blocks: list[slice]) -> WeightedSamples:
        """Read blocks of rows into memory."""
        x, y, *weights = _copied(self._samples.columns(), blocks)
        return WeightedSamples(
            x, y, weights_of_samples(y, weights[0] if weights else None, self._class_weight)
        )

    def _counts(self) -> Counter[int]:
        """Return how many samples each class has."""
        targets = self._samples.y
        check_class_numbers(targets)
        found = Counter[int]()
        for _, block in self._all_blocks():
            (part,) = _copied((targets,), [block])
            labels, counts = np.unique(part, return_counts=True)
            found.update(dict(zip(labels.tolist(), counts.tolist(), strict=True)))
        return found

    def _all_blocks(self) -> Iterator[tuple[int, slice]]:
        """Yield where each block of the file starts, and its rows."""
        for start in range(0, self._samples.length, self._block):
            yield start, slice(start, start + self._block)

    def _length_of(self, start: int) -> int:
        return min(self._block, self._samples.length - start)


def _copied(arrays: tuple[Array, ...], blocks: list[slice]) -> list[Array]:
    """Return rows of arrays in memory, of which no page of a file is left in this process."""
    lengths = [len(range(*block.indices(len(arrays[0])))) for block in blocks]
    copied = [np.empty((sum(lengths), *array.shape[1:]), array.dtype) for array in arrays]
    start = 0
    for block, length in zip(blocks, lengths, strict=True):
        for array, copy in zip(arrays, copied, strict=True):
            check_whole(array)
            copy[start : start + length] = array[block]
        # After all of them, since they may be columns of one file.
        for array in arrays:
            _let_go(array)
        start += length
    return copied


def _let_go(array: Array) -> None:
    """Give back the pages that reading an array has added to this process.

    They stay in the system's cache of files. Without it a process that reads 10 GB is said to have 10 GB, and
    in a container that counts them it ends.
    """
    file = file_of(array)
    # The changes of a copy on write are nowhere else.
    if file is None or file.mode == "c" or not hasattr(mmap, "MADV_DONTNEED"):
        return
    assert isinstance(file.base, mmap.mmap)
    file.base.madvise(mmap.MADV_DONTNEED)


def _joined(parts: list[WeightedSamples]) -> WeightedSamples:
    if len(parts) == 1:
        return parts[0]
    return WeightedSamples(*map(np.concatenate, zip(*(part.columns() for part in parts), strict=True)))
