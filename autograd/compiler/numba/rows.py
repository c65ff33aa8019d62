"""Copy samples that are rows of an array to where they stand side by side, and back.

One number of all samples after the other, each from another line of the cache, took two thirds of the time of
a logistic regression: ten numbers of a sample 14 ns, where eight samples at a time take 4.
"""

from __future__ import annotations

from math import prod

from .affine import Affine
from .along import ArrayAlong
from .lane_loops import lane_of, nested
from .loop_writer import ALIGNMENT, LANES, Memory
from .product_loops import Size

ROWS = '''\
@intrinsic
def transpose(typing, target, at, step, source, start, stride):
    """Copy eight rows of eight numbers each to where they are columns; rows are so far apart."""
    size = 8

    def write(context, builder, signature, args):
        to, of = (context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 3))
        vector = cgutils.ir.VectorType(cgutils.ir.DoubleType(), size).as_pointer()
        mask = cgutils.ir.VectorType(cgutils.int32_t, size)

        def row(data, start, stride, i):
            place = builder.gep(data, [builder.add(start, builder.mul(stride, stride.type(i)))])
            return builder.bitcast(place, vector)

        rows = [builder.load(row(of, *args[4:], i), align=8) for i in range(size)]
        for width in (1, 2, 4):
            # Of squares so wide, two by two, the upper right one and the lower left one change places.
            upper = [i + size - width if i & width else i for i in range(size)]
            lower = [i + size if i & width else i + width for i in range(size)]
            for i in range(size):
                if not i & width:
                    pair = rows[i], rows[i + width]
                    rows[i] = builder.shuffle_vector(*pair, mask(upper))
                    rows[i + width] = builder.shuffle_vector(*pair, mask(lower))
        for i in range(size):
            builder.store(rows[i], row(to, *args[1:3], i), align=8)
        return context.get_dummy_value()

    return types.void(target, types.intp, types.intp, source, types.intp, types.intp), write


'''
"""What a program begins with that calls `transpose`."""


def is_of_rows(array: ArrayAlong, lane: int | None) -> bool:
    """Return whether samples are rows of an array along axes: what each has of its own is contiguous.

    Examples
    --------
    >>> is_of_rows(ArrayAlong("x", (~0, 10)), 0), is_of_rows(ArrayAlong("x", (10, ~0)), 0)
    (True, False)
    """
    axes = [length for length in array.lengths if length < 0]
    own = array.lengths[len(axes) :]
    return lane is not None and all(length >= 0 for length in own) and prod(own) > 1


def copy_rows(part: str, array: ArrayAlong, memory: Memory, place: Affine, *, is_read: bool) -> list[str]:
    r"""Return loops that copy the rows of a chunk to the work array, or from there.

    Parameters
    ----------
    part : str
        The part of the array that begins with the chunk.
    array : ArrayAlong
        The array.
    memory : Memory
        The other array.
    place : Affine
        Where in it stand the numbers of the first sample.
    is_read : bool
        Whether to copy from the rows.

    Returns
    -------
    list of str
        Lines of Python.

    Examples
    --------
    >>> import numpy as np
    >>> array, memory = ArrayAlong("x", (~0, 10)), Memory("w", np.arange(10) * LANES, 0)
    >>> print("\n".join(copy_rows("part1", array, memory, Affine(0, (LANES,)), is_read=True)))
    for t0 in range(0, count0 & 120, 8):
        for i in range(0, 10, 8):
            transpose(w, 120 * min(i, 2) + t0, 120, part1, 10 * t0 + min(i, 2), 10)
    for i in range(10):
        for t0 in range(count0 & 120, count0):
            w[120 * i + t0] = part1[10 * t0 + i]
    """
    assert memory.lane is not None
    lane, index = memory.lane, lane_of(memory.lane)
    axes = [length for length in array.lengths if length < 0]
    size = prod(array.lengths[len(axes) :])
    rows = array._replace(lengths=(*axes, size))

    def at(i: str) -> tuple[str, str]:
        return f"{place.text((i,))} + {index}", rows.at([i], lane)

    own, outer = at("i")
    pair = f"{memory.array}[{own}]", f"{part}[{outer}]"
    copied = " = ".join(pair if is_read else pair[::-1])
    vectors = f"count{lane} & {LANES}"
    whole: list[tuple[str, Size]]
    if size < ALIGNMENT:
        whole = [("s", f"0, {vectors}, {ALIGNMENT}"), ("i", size), (index, f"s, s + {ALIGNMENT}")]
        lines = nested(whole, [copied])
    else:
        # The last square begins before the one before it ends, where these do not fit evenly.
        own, outer = at(f"min(i, {size - ALIGNMENT})" if size % ALIGNMENT else "i")
        squares = f"{memory.array}, {own}, {place.steps[0]}", f"{part}, {outer}, {rows.step(lane)}"
        whole = [(index, f"0, {vectors}, {ALIGNMENT}"), ("i", f"0, {size}, {ALIGNMENT}")]
        lines = nested(whole, [f"transpose({', '.join(squares if is_read else squares[::-1])})"])
    return [*lines, *nested([("i", size), (index, f"{vectors}, count{lane}")], [copied])]
