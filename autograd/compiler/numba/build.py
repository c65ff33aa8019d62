"""Compile the loops of a plan with Numba, or load their machine code from the cache."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays.plan import Plan, Results
from ..runtime.cache import forget, is_intact, seal, stored
from ..runtime.program import Run, UnsuitableError
from .functions import with_all_functions
from .signature import shapes_of_results, signature_of
from .source import loops_source
from .vector_functions import with_vector_functions

# The 420 lines of the moons take 3.3 s to compile, 80 loops over sums and functions 2.6 s.
_MOST_LINES = 600


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
def load(typing, memory, start, array):
    """Copy an array to where it stands in the memory."""

    def write(context, builder, signature, args):
        target, source = (context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 2))
        place = builder.gep(target.data, [args[1]])
        cgutils.raw_memcpy(builder, place, source.data, source.nitems, source.itemsize)
        return context.get_dummy_value()

    return types.void(memory, types.intp, array), write


@intrinsic
def store(typing, array, memory, start):
    """Fill an array with what stands in the memory from some place on."""

    def write(context, builder, signature, args):
        target, source = (context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 1))
        place = builder.gep(source.data, [args[2]])
        cgutils.raw_memcpy(builder, target.data, place, target.nitems, target.itemsize)
        return context.get_dummy_value()

    return types.void(array, memory, types.intp), write


'''
"""What begins a program: in `add` and `add_product` the compiler may reorder, and nowhere else.

`load` and `store` copy whole arrays at once. As loops, copying eight arguments and six results of the moons
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
    >>> from ..arrays.plan import Block
    >>> plan = Plan({0: Block(None, (2,), argument=0)}, {0: (0, 0), 1: (0, 1)})
    >>> run = numba_program(plan, [(2,)], [([1, 0], (2,))])
    >>> run(np.array([1.0, 2.0]))
    (array([2., 1.]),)
    """
    if any(block.rows is not None for block in plan.blocks.values()):
        raise UnsuitableError("it takes rows of arguments by an array of indices")
    if any(block.is_along or block.opened is not None for block in plan.blocks.values()):
        raise UnsuitableError("it has loops that were found, for any number of samples")
    loops = loops_source(plan, shapes, results)
    lines = loops.text.count("\n")
    if lines > _MOST_LINES:
        if plan.lengths:
            raise UnsuitableError(f"its program has {lines} lines, of at most {_MOST_LINES} along an axis")
        raise LongProgramError(f"its program has {lines} lines, of at most {_MOST_LINES}")
    own = signature_of(shapes, results, plan.along)
    found = shapes_of_results(results, plan.along)
    arrays = [found[i] for i in own.results if found[i]] + [(1,)] * bool(own.numbers_out)
    inputs = [shapes[i] for i in own.arguments] + [(1,)] * bool(own.numbers_in)
    kinds = ["float64[::1]", "int64[::1]", *map(_written, arrays), *map(_read, inputs)]
    signature = f"({', '.join(kinds)})"
    text = with_vector_functions(HEAD, f"{loops.text}\n\n{caller(plan, shapes, results)}")
    module = loaded(text, signature)
    module.__dict__.update(numbers=loops.numbers, places=loops.places, plain=_plain, is_strict=False)
    run: Run = module.run
    return run


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


def _written(shape: tuple[int | str, ...]) -> str:
    """Return what Numba calls a contiguous array."""
    return f"float64[{', '.join([':'] * (len(shape) - 1) + ['::1'])}]"


def _read(shape: tuple[int, ...]) -> str:
    """Return what Numba calls a number, or a contiguous array that may be read-only, as those of JAX are."""
    return f"Array(float64, {len(shape)}, 'C', readonly=True)" if shape else "float64"


def caller(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> str:
    """Return a function that allocates the results; in Numba that takes four times as long, 0.4 us.

    To look at an array takes 0.1 us, and to be refused by Numba 80. So arrays are looked at from when the
    first one was refused: who passes views once does it again.

    Examples
    --------
    >>> print(caller(Plan({}, {}), [(2,)], [([0], ()), ([1, 2], (2,))]))
    def run(argument0):
        global is_strict
        result1 = np.empty((2, ))
        if is_strict:
            argument0, = map(plain, (argument0, ))
        try:
            found = program(numbers, places, result1, argument0)
        except TypeError:
            is_strict = True
            found = program(numbers, places, result1, *map(plain, (argument0, )))
        result0, = found
        return (result0, result1, )
    <BLANKLINE>
    """
    own = signature_of(shapes, results, plan.along)
    found = shapes_of_results(results, plan.along)
    arrays = {f"result{i}": found[i] for i in own.results if found[i]}
    inputs = [f"argument{i}" for i in own.arguments]
    lines = ["global is_strict"]
    for axis in sorted({axis for axes in plan.axes_of_results for axis in axes}):
        argument, dimension, length, extra = plan.lengths[axis]
        text = str(length) if argument is None else f"np.shape(argument{argument})[{dimension}] + {extra}"
        lines.append(f"length{axis} = {text}")
    if own.numbers_out:
        arrays["numbers_out"] = (len(own.numbers_out),)
    if own.numbers_in:
        inputs.append("numbers_in")
        lines.append(f"numbers_in = np.array(({_each('argument', own.numbers_in)}))")
    lines += [
        f"{name} = np.empty(({''.join(f'{length}, ' for length in shape)}))" for name, shape in arrays.items()
    ]
    known, given = ", ".join(["numbers", "places", *arrays]), "".join(f"{name}, " for name in inputs)
    if inputs:
        lines += ["if is_strict:", f"    {given}= map(plain, ({given}))"]
    lines += [
        "try:",
        f"    found = program({known}, {', '.join(inputs)})",
        "except TypeError:",
        "    is_strict = True",
        f"    found = program({known}, *map(plain, ({given})))",
    ]
    if numbers := [i for i in own.results if not found[i]]:
        lines.append(f"{_each('result', numbers)}= found")
    if own.numbers_out:
        lines.append(f"{_each('result', own.numbers_out)}= numbers_out.tolist()")
    lines.append(f"return ({_each('result', range(len(results)))})")
    body = "\n".join(f"    {line}" for line in lines)
    return f"def run({', '.join(f'argument{i}' for i in range(len(shapes)))}):\n{body}\n"


def _each(name: str, numbers: Iterable[int]) -> str:
    return "".join(f"{name}{i}, " for i in numbers)


def _plain(argument: Any) -> Any:
    """Return an argument as Numba knows it: it may be a view, not aligned, or an array of no dimensions."""
    if argument.__class__ is not np.ndarray or not argument.ndim:
        return float(argument)
    flags = argument.flags
    return argument if flags.c_contiguous and flags.aligned else np.array(argument, dtype=float, order="C")
