"""The Python function around the machine code of a program, which has memory for what it computes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays.plan import Plan, Results
from ..runtime.program import Run
from .lent_results import LentResults
from .signature import Lengths, Signature, arrays_of_results, shapes_of_results, signature_of, small_among
from .source import SMALL, Loops
from .work_memory import KEPT, WorkMemory


def caller(
    program: Callable[..., Any],
    plan: Plan,
    shapes: Sequence[tuple[int, ...]],
    results: Results,
    loops: Loops,
) -> Run:
    """Return a function that calls machine code with memory for what it computes.

    Parameters
    ----------
    program : callable
        The machine code.
    plan, shapes, results
        As `loops_source` takes them.
    loops : Loops
        The program as loops.

    Returns
    -------
    callable
        From the arguments' arrays to the tuple of results.

    Examples
    --------
    >>> loops = Loops("", 0, np.array([0.1]), np.array([], dtype=int))
    >>> run = caller(lambda numbers, x: (numbers[0] + x,), Plan({}, {}), [()], [([0], ())], loops)
    >>> run(2.0)
    (np.float64(2.1),)
    """
    names: dict[str, Any] = {
        "np": np,
        "getrefcount": sys.getrefcount,
        "program": program,
        "numbers": loops.numbers,
        "places": loops.places,
        "work_memory": WorkMemory(loops.work),
        "plain": _plain,
        "is_strict": False,
    }
    own = signature_of(shapes, results, plan.along)
    arrays = arrays_of_results(own, shapes_of_results(results, plan.along))
    small = small_among(arrays)
    if small:
        # With names of its own, so that nothing refers to itself: a program that is dropped is gone at once.
        made: dict[str, Any] = {"np": np}
        exec(new_results_source(arrays, small), made)
        lent = LentResults(made.pop("new_results"))
        names.update(lent_results=lent, unused=lent.unused)
    exec(caller_source(plan, shapes, results, loops), names)
    run: Run = names.pop("run")
    return run


def caller_source(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results, loops: Loops) -> str:
    """Return the text of a caller, which has memory for the results; to allocate it, Numba takes 0.4 us.

    To look at an array takes 0.1 us, and to be refused by the program 3. So arrays are looked at from when
    the first one was refused: who passes views once does it again. Memory is taken and given back here, not
    by methods, since each of their calls takes 0.5 us where the caches are cold.

    Examples
    --------
    >>> loops = Loops("", 8, np.array([0.1]), np.array([], dtype=int))
    >>> print(caller_source(Plan({}, {}), [(2,)], [([0], ()), ([], (200,)), ([1], (1, 1))], loops))
    def run(argument0):
        global is_strict
        try:
            w = work_memory.pop()
        except IndexError:
            w = work_memory.new()
        try:
            lent = lent_results.pop(0)
            if getrefcount(lent[0]) != unused:
                lent = lent_results.other(lent)
        except IndexError:
            lent = lent_results.new()
        small, result1, result2, = lent
        if is_strict:
            argument0, = map(plain, (argument0, ))
        try:
            found = program(w, numbers, small, argument0)
        except TypeError:
            is_strict = True
            found = program(w, numbers, small, *map(plain, (argument0, )))
        work_memory.append(w)
        lent_results.append(lent)
        result0, = found
        return (result0, result1[...], result2[...], )
    <BLANKLINE>
    """
    own = signature_of(shapes, results, plan.along)
    found = shapes_of_results(results, plan.along)
    arrays = arrays_of_results(own, found)
    small = small_among(arrays)
    others = {name: lengths for name, lengths in arrays.items() if name not in small}
    filled = [*loops.held, *[SMALL] * bool(small), *others]
    lines = [
        *_lengths(plan),
        *_work_memory(loops),
        *_small_results(small),
        *(f"{name} = np.empty(({_listed(lengths)}))" for name, lengths in others.items()),
        *_called(own, filled),
        *["work_memory.append(w)"] * ("w" in loops.held and loops.work <= KEPT),
        *["lent_results.append(lent)"] * bool(small),
    ]
    if numbers := [i for i in own.results if not found[i]]:
        lines.append(f"{_each('result', numbers)}= found")
    if own.numbers_out:
        lines.append(f"{_each('result', own.numbers_out)}= numbers_out.tolist()")
    names = [f"result{i}" for i in range(len(results))]
    lines.append(f"return ({_listed(f'{name}[...]' if name in small else name for name in names)})")
    head = f"def run({', '.join(f'argument{i}' for i in range(len(shapes)))}):"
    return "\n    ".join([head, "global is_strict", *lines]) + "\n"


def new_results_source(arrays: Mapping[str, Lengths], small: Mapping[str, range]) -> str:
    """Return the text of a function that makes an array, and the small results as its views.

    Examples
    --------
    >>> print(new_results_source({"a": (2,), "b": (3, 1)}, {"a": range(0, 2), "b": range(2, 5)}))
    def new_results():
        small = np.empty(5)
        return (small, small[0:2], small[2:5].reshape((3, 1, )), )
    <BLANKLINE>
    """
    views = []
    for name, part in small.items():
        shape = arrays[name]
        shaped = f".reshape(({_listed(shape)}))" if len(shape) > 1 else ""
        views.append(f"{SMALL}[{part.start}:{part.stop}]{shaped}")
    length = max(part.stop for part in small.values())
    return f"def new_results():\n    {SMALL} = np.empty({length})\n    return ({_listed([SMALL, *views])})\n"


def _lengths(plan: Plan) -> list[str]:
    """Return what gives the lengths of results along axes their names."""
    lines = []
    for axis in sorted({axis for axes in plan.axes_of_results for axis in axes}):
        argument, dimension, length, extra = plan.lengths[axis]
        text = str(length) if argument is None else f"np.shape(argument{argument})[{dimension}] + {extra}"
        lines.append(f"length{axis} = {text}")
    return lines


def _work_memory(loops: Loops) -> list[str]:
    if not loops.work:
        return []
    if loops.work > KEPT:
        return ["w = work_memory.new()"]
    return ["try:", "    w = work_memory.pop()", "except IndexError:", "    w = work_memory.new()"]


def _small_results(small: Mapping[str, range]) -> list[str]:
    if not small:
        return []
    return [
        "try:",
        "    lent = lent_results.pop(0)",
        "    if getrefcount(lent[0]) != unused:",
        "        lent = lent_results.other(lent)",
        "except IndexError:",
        "    lent = lent_results.new()",
        f"{SMALL}, {_listed(small)}= lent",
    ]


def _called(own: Signature, filled: Sequence[str]) -> list[str]:
    """Return the call of the program."""
    inputs = [f"argument{i}" for i in own.arguments]
    lines = []
    if own.numbers_in:
        inputs.append("numbers_in")
        lines.append(f"numbers_in = np.array(({_each('argument', own.numbers_in)}))")
    known, given = _listed(filled), _listed(inputs)
    if inputs:
        lines += ["if is_strict:", f"    {given}= map(plain, ({given}))"]
    return [
        *lines,
        "try:",
        f"    found = program({known}{', '.join(inputs)})",
        "except TypeError:",
        "    is_strict = True",
        f"    found = program({known}*map(plain, ({given})))",
    ]


def _each(name: str, numbers: Iterable[int]) -> str:
    return _listed(f"{name}{i}" for i in numbers)


def _listed(items: Iterable[object]) -> str:
    return "".join(f"{item}, " for item in items)


def _plain(argument: Any) -> Any:
    """Return an argument as Numba knows it: it may be a view, not aligned, or an array of no dimensions."""
    if argument.__class__ is not np.ndarray or not argument.ndim:
        return float(argument)
    flags = argument.flags
    return argument if flags.c_contiguous and flags.aligned else np.array(argument, dtype=float, order="C")
