"""Compile the loops of a plan with Numba."""

from __future__ import annotations

from collections.abc import Sequence

from ..arrays.plan import Plan, Results
from ..runtime.program import Run, UnsuitableError
from .entry import MachineProgram
from .machine_code import address_of, loaded
from .rows import ROWS
from .signals import SIGNALS
from .sinks import is_computed
from .source import loops_source
from .vector_functions import with_vector_functions

# The 420 lines of the moons take 3.3 s to compile, 80 loops over sums and functions 2.6 s.
_MOST_LINES = 600

# Loops along two axes take three times as long. The 549 lines of a mixture of Gaussians took 17 s of CPU to
# compile, and 40 s in which calls on NumPy took 10 ms in place of 1.6, to come down to 1.0. Those of k-means
# are 130.
_MOST_LINES_OF_PAIRS = 400

# Step by step NumPy takes so long that more is worth waiting for: the 920 lines of a network of six units,
# which take 15 s to compile, run in 11 us, and on NumPy in 310.
_MOST_LINES_OF_STEPS = 1000


class LongProgramError(UnsuitableError):
    """A program would take too long to compile."""


HEAD = '''\
import math
from math import inf, nan

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

FLAGS = ("reassoc", "contract")


@intrinsic
def add(typing, total, x):
    """Add a term, in any order."""

    def write(context, builder, signature, args):
        return builder.fadd(*args, flags=FLAGS)

    return types.float64(total, x), write


@intrinsic
def add_product(typing, total, x, y):
    """Add a product, in any order, rounding once."""

    def write(context, builder, signature, args):
        total, x, y = args
        return builder.fadd(total, builder.fmul(x, y, flags=FLAGS), flags=FLAGS)

    return types.float64(total, x, y), write


def new_array(context, builder, kind, address, shape):
    """Return an array, contiguous, whose numbers begin at an address."""
    size = context.get_constant(types.intp, 8)
    lengths, strides = cgutils.unpack_tuple(builder, shape), [size]
    for length in lengths[:0:-1]:
        strides.insert(0, builder.mul(strides[0], length))
    array = context.make_array(kind)(context, builder)
    data = builder.inttoptr(address, array.data.type)
    populate_array(array, data=data, shape=lengths, strides=strides, itemsize=size, meminfo=None)
    return array._getvalue()


def place_of(builder, words, at):
    """Return the address of one of some words."""
    return builder.add(words, builder.mul(at, at.type(8)))


def word_at(builder, words, at):
    """Return one of some words."""
    return builder.load(builder.inttoptr(place_of(builder, words, at), words.type.as_pointer()))


@intrinsic
def floats(typing, words, at, shape):
    """Return the array whose address is one of some words."""
    kind = types.Array(types.float64, len(shape), "C")

    def write(context, builder, signature, args):
        return new_array(context, builder, kind, word_at(builder, *args[:2]), args[2])

    return kind(types.intp, types.intp, shape), write


@intrinsic
def integers(typing, words, at, shape):
    """Return the array of integers whose address is one of some words."""
    kind = types.Array(types.int64, 1, "C")

    def write(context, builder, signature, args):
        return new_array(context, builder, kind, word_at(builder, *args[:2]), args[2])

    return kind(types.intp, types.intp, shape), write


@intrinsic
def floats_among(typing, words, at, shape):
    """Return the array that stands among some words."""
    kind = types.Array(types.float64, 1, "C")

    def write(context, builder, signature, args):
        return new_array(context, builder, kind, place_of(builder, *args[:2]), args[2])

    return kind(types.intp, types.intp, shape), write


@intrinsic
def length(typing, words, at):
    """Return one of some words."""

    def write(context, builder, signature, args):
        return word_at(builder, *args)

    return types.intp(types.intp, types.intp), write


@intrinsic
def load(typing, memory, start, array):
    """Copy an array to where it stands in the memory."""

    def write(context, builder, signature, args):
        target, source = (context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 2))
        place = builder.gep(target.data, [args[1]])
        cgutils.raw_memcpy(builder, place, source.data, source.nitems, source.itemsize)
        return context.get_dummy_value()

    return types.void(memory, types.intp, array), write


@intrinsic
def store(typing, array, start, size, memory, place):
    """Fill a part of an array with what stands in the memory from some place on."""

    def write(context, builder, signature, args):
        target, source = (context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 3))
        part, place = builder.gep(target.data, [args[1]]), builder.gep(source.data, [args[4]])
        cgutils.raw_memcpy(builder, part, place, args[2], target.itemsize)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, memory, types.intp), write


@intrinsic
def clear(typing, array, start, size):
    """Fill a part of an array with zeros."""

    def write(context, builder, signature, args):
        target = context.make_array(signature.args[0])(context, builder, args[0])
        bytes_of = builder.mul(args[2], target.itemsize)
        cgutils.memset(builder, builder.gep(target.data, [args[1]]), bytes_of, 0)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), write


'''
"""What begins a program: in `add` and `add_product` the compiler may reorder, and nowhere else.

`load` and `store` copy many numbers at once, `clear` sets them to 0. As loops, copying eight arguments and
six results of the moons was a third of the instructions: these come from memory where the caches are cold.
"""


def numba_program(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
    """Compile a plan with Numba, or load it if any process did before.

    Parameters
    ----------
    plan, shapes, results
        As `loops_source` takes them.

    Returns
    -------
    callable
        From the arguments' arrays to the tuple of results.

    Raises
    ------
    LongProgramError
        For a program that would take too long to compile.
    UnsuitableError
        For such a program along axes, and for one with loops over the steps of several samples.

    Examples
    --------
    >>> import numpy as np
    >>> from ..arrays.plan import Block
    >>> plan = Plan({0: Block(None, (2,), argument=0)}, {0: (0, 0), 1: (0, 1)})
    >>> run = numba_program(plan, [(2,)], [([1, 0], (2,))])
    >>> run(np.array([1.0, 2.0]))
    (array([2., 1.]),)
    """
    loops = loops_source(plan, shapes, results)
    lines = loops.text.count("\n")
    computed = [block for block in plan.blocks.values() if is_computed(block)]
    is_of_pairs = any(len({*block.axes, *block.over}) > 1 for block in computed)
    has_steps = any(block.loop is not None for block in plan.blocks.values())
    most = _MOST_LINES_OF_PAIRS if is_of_pairs else _MOST_LINES_OF_STEPS if has_steps else _MOST_LINES
    if plan.lengths and lines > most:
        axes = "two axes" if is_of_pairs else "an axis"
        raise UnsuitableError(f"its program has {lines} lines, of at most {most} along {axes}")
    if not plan.lengths and lines > _MOST_LINES:
        raise LongProgramError(f"its program has {lines} lines, of at most {_MOST_LINES}")
    head = HEAD + ROWS * ("transpose(" in loops.text) + SIGNALS * ("is_interrupted(" in loops.text)
    program = loaded(with_vector_functions(head, loops.text), "(intp,)").program
    return MachineProgram(address_of(program), program, plan, shapes, results, loops)
