"""Compile the loops of a plan with Numba, or load their machine code from the cache."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ..arrays.plan import Plan, Results
from ..runtime.cache import forget, is_intact, seal, stored
from ..runtime.program import Run, UnsuitableError
from .caller import caller
from .functions import with_all_functions
from .rows import ROWS
from .signature import Lengths, arrays_of_results, shapes_of_results, signature_of, small_among
from .source import SMALL, loops_source
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

_HELD = {"w": "float64[::1]", "numbers": "float64[::1]", "places": "int64[::1]", SMALL: "float64[::1]"}


class LongProgramError(UnsuitableError):
    """A program would take too long to compile."""


HEAD = '''\
import math
from math import inf, nan

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

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


@intrinsic
def is_plain(typing, array):
    """Return whether an array is aligned and contiguous, as machine code takes it to be."""

    def write(context, builder, signature, args):
        found = context.make_array(array)(context, builder, args[0])
        at, size = builder.ptrtoint(found.data, found.itemsize.type), found.itemsize
        none = found.itemsize.type(0)
        is_plain = builder.icmp_unsigned("==", builder.urem(at, size), none)
        is_empty = builder.icmp_unsigned("==", found.nitems, none)
        lengths, steps = (cgutils.unpack_tuple(builder, each) for each in (found.shape, found.strides))
        for length, step in zip(reversed(lengths), reversed(steps)):
            # How far it is to the next element does not matter where there is none.
            is_one = builder.icmp_unsigned("==", length, length.type(1))
            is_next = builder.or_(is_one, builder.icmp_unsigned("==", step, size))
            is_plain, size = builder.and_(is_plain, is_next), builder.mul(size, length)
        return builder.or_(is_plain, is_empty)

    return types.boolean(array), write


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


'''
"""What begins a program: in `add` and `add_product` the compiler may reorder, and nowhere else.

`load` and `store` copy many numbers at once. As loops, copying eight arguments and six results of the moons
was a third of the instructions: these have to come from memory where the caches are cold.
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
    if any(block.rows is not None for block in plan.blocks.values()):
        raise UnsuitableError("it takes rows of arguments by an array of indices")
    loops = loops_source(plan, shapes, results)
    lines = loops.text.count("\n")
    is_of_pairs = any(len({*block.axes, *block.over}) > 1 for block in plan.blocks.values())
    has_steps = any(block.loop is not None for block in plan.blocks.values())
    most = _MOST_LINES_OF_PAIRS if is_of_pairs else _MOST_LINES_OF_STEPS if has_steps else _MOST_LINES
    if plan.lengths and lines > most:
        axes = "two axes" if is_of_pairs else "an axis"
        raise UnsuitableError(f"its program has {lines} lines, of at most {most} along {axes}")
    if not plan.lengths and lines > _MOST_LINES:
        raise LongProgramError(f"its program has {lines} lines, of at most {_MOST_LINES}")
    own = signature_of(shapes, results, plan.along)
    arrays = arrays_of_results(own, shapes_of_results(results, plan.along))
    small = small_among(arrays)
    written = [lengths for name, lengths in arrays.items() if name not in small]
    inputs = [shapes[i] for i in own.arguments] + [(1,)] * bool(own.numbers_in)
    held = [*loops.held, *[SMALL] * bool(small)]
    kinds = [*(_HELD[name] for name in held), *map(_written, written), *map(_read, inputs)]
    signature = f"({', '.join(kinds)})"
    head = HEAD + ROWS * ("transpose(" in loops.text)
    program = loaded(with_vector_functions(head, loops.text), signature).program
    return caller(_entry(program), plan, shapes, results, loops)


def loaded(text: str, signature: str) -> ModuleType:
    r"""Return a module whose function ``program`` is machine code, compiled or from the cache.

    Parameters
    ----------
    text : str
        `HEAD` and the definition of the function.
    signature : str
        Its arguments, as Numba writes them.

    Returns
    -------
    module
        The module.

    Examples
    --------
    >>> loaded(HEAD + "def program(x):\n    return 1.0 / x\n", "(float64,)").program(0.0)
    inf
    """
    text = with_all_functions(text)
    path = stored(text)
    if path is not None and not is_intact(path):
        forget(path)
        path = stored(text)
    try:
        return _loaded(text, signature, path)
    except UnsuitableError:
        raise
    except Exception:
        if path is None:
            raise
        # What is in the cache may be of another version, or another process may have deleted it.
        forget(path)
        return _loaded(text, signature, None)


def _loaded(text: str, signature: str, path: Path | None) -> ModuleType:
    """Return the module of a program, with its machine code, from the cache if there is a file."""
    module = ModuleType(f"chainrule_{path.parent.name}" if path else "chainrule_program")
    # Code in the cache knows its module by name.
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, str(path or "<compiled by autograd.jit>"), "exec"), module.__dict__)
        # Division by 0 is no error.
        dispatcher = module.njit(cache=path is not None, nogil=True, error_model="numpy")(module.program)
        if not hasattr(dispatcher, "compile"):
            raise UnsuitableError("NUMBA_DISABLE_JIT is set")
        if path is not None and not _is_kept_beside(path, dispatcher):
            return _loaded(text, signature, None)
        dispatcher.compile(signature)
        # Arguments of other types are converted by us, not compiled for.
        dispatcher.disable_compile()
        if path is not None and dispatcher.stats.cache_misses:
            seal(path)
        module.program = dispatcher  # type: ignore[attr-defined]
    finally:
        # Another thread that compiles without a cache uses the same name, and may have been here before.
        sys.modules.pop(module.__name__, None)
    return module


def _is_kept_beside(path: Path, dispatcher: Any) -> bool:
    """Return whether Numba caches beside the checked file: $NUMBA_CACHE_DIR would lead it elsewhere."""
    place = dispatcher.stats.cache_path
    return place is not None and Path(place).parent.samefile(path.parent)


def _entry(dispatcher: Any) -> Any:
    """Return the machine code of a function without what first looks at the types of its arguments.

    That takes 0.35 us of the moons' 9, and 1.5 where the caches are cold. The reader has looked at them, and
    the program itself at how arrays lie.
    """
    (compiled,) = dispatcher.overloads.values()
    # It is no public name of Numba.
    return getattr(compiled, "entry_point", dispatcher)


def _written(shape: Lengths) -> str:
    """Return what Numba calls a contiguous array."""
    return f"float64[{', '.join([':'] * (len(shape) - 1) + ['::1'])}]"


def _read(shape: tuple[int, ...]) -> str:
    """Return what Numba calls a number, or a contiguous array that may be read-only, as those of JAX are."""
    return f"Array(float64, {len(shape)}, 'C', readonly=True)" if shape else "float64"
