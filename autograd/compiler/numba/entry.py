"""Builtin functions that call programs in machine code, each made of a list of steps."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import accumulate, count
from typing import Any, NoReturn

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

from ...engine.levels import open_scopes
from ..arguments.machine_steps import BuildStep, ReadStep
from ..arrays.plan import Plan, Results
from . import lent_results
from .entry_source import ANY, BUILDS, CONTEXT, READS, entry_source
from .layouts import layout_of_objects
from .lent_results import LentResults
from .machine_code import address_of, loaded
from .signature import Lengths, Signature, shapes_of_results, signature_of
from .source import Loops
from .work_memory import WorkMemory

_WORD = 8

# Words of a call for the place in a dict, its key and its value, and for what a program returns.
_SCRATCH = 3

# A call has room for a multiple of so many words, so that most entries of a program share their memory.
_BLOCK = 64


class MachineProgram:
    """A program in machine code, with memory for its results.

    Parameters
    ----------
    address : int
        Where the machine code is.
    owner : object
        What it is gone with.
    plan, shapes, results
        As `loops_source` takes them.
    loops : Loops
        The program as loops.
    """

    def __init__(
        self,
        address: int,
        owner: object,
        plan: Plan,
        shapes: Sequence[tuple[int, ...]],
        results: Results,
        loops: Loops,
    ) -> None:
        found = shapes_of_results(results, plan.along)
        self._own, self._found, self._work = signature_of(shapes, found), found, loops.work
        self._words: dict[str, Any] = {
            "numbers": loops.numbers.ctypes.data,
            "places": loops.places.ctypes.data,
            "program": address,
            "failed": partial(_fail, loops.errors),
            **_memory_of_results(plan, self._own, found),
        }
        self._owned = owner, loops.numbers, loops.places
        self._works: dict[int, WorkMemory] = {}
        # Any lengths, of which no two have to be equal.
        symbols = count(-1, -1)
        reads = [
            ReadStep("array" if shape else "number", i, tuple([next(symbols) for _ in shape]))
            for i, shape in enumerate(shapes)
        ]
        each = [BuildStep("array" if shape else "number", i) for i, shape in enumerate(found)]
        self._all = [*each, BuildStep("tuple", len(each))]
        self._run = self._entry(len(shapes), reads, self._all)

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        """Run it on the arrays of arguments, of which somebody else knows that their shapes are right."""
        found: Any = self._run(*arrays)
        if found is ...:
            found = self._run(*map(_plain, arrays))
        answer: tuple[Any, ...] = found
        return answer

    def entry(self, reads: Sequence[ReadStep], builds: Sequence[BuildStep] | None) -> Callable[..., Any]:
        """Return a function from the arguments by position, a tuple, and by name, a dict, to the result.

        It returns an ellipsis where they are not as the steps say, and where a call around it differentiates
        or records; and a tuple of results where there are no steps that put them together.
        """
        # Without the lock of the interpreter, another thread may change a list that machine code reads.
        if not lent_results.COUNTS:
            return _left_to_python
        return self._entry(2, reads, builds or self._all, scopes=open_scopes)

    def _entry(
        self, given: int, reads: Sequence[ReadStep], builds: Sequence[BuildStep], **more: Any
    ) -> Callable[..., Any]:
        """Return a builtin function, which is given so many objects, with more words."""
        reading, size = _written_reads(reads, self._own)
        waiting = max(given + sum(step.size for step in reads), len(builds))
        parts = [_SCRATCH, waiting, sum(step.kind == "array" for step in reads), size]
        scratch, *starts = accumulate(parts)
        memory = -(-starts[-1] // _BLOCK) * _BLOCK
        works = self._works.setdefault(memory, WorkMemory(memory + self._work))
        places = {"waiting": scratch, "held": starts[0], "words": starts[1], "memory": memory}
        words = {
            **self._words,
            **{name: _WORD * place for name, place in places.items()},
            "given": given,
            "steps": reading,
            "works": works,
            "new_work": works.new,
            "builds": _written_builds(builds, self._own, self._found),
            **more,
        }
        return _builtin(words, *self._owned, *reads, *builds)


def _written_reads(steps: Iterable[ReadStep], own: Signature) -> tuple[np.ndarray[Any, Any], int]:
    """Return steps as words, and how many words they give to a program."""
    words: list[int] = []
    known: dict[int, int] = {}
    size = own.size
    for step in steps:
        words.append(READS.index(step.kind))
        if step.kind == "number":
            words.append(_WORD * own.numbers_in[step.argument])
        elif step.kind == "array":
            place = own.arguments[step.argument]
            words += [_WORD * place, len(step.shape)]
            for at, length in enumerate(step.shape, place + 1):
                words.append(length if length >= 0 else -_WORD * known[length] if length in known else ANY)
                known.setdefault(length, at)
        elif step.kind == "numbers":
            words += [*step.shape, _WORD * own.arguments[step.argument], _WORD * size]
            size += step.shape[0]
        elif step.kind == "same":
            words += map(id, step.known)
        else:
            words += [step.size, *map(id, step.known)]
    return np.array(words, dtype=np.int64), size


def _written_builds(
    steps: Iterable[BuildStep], own: Signature, found: Sequence[Lengths]
) -> np.ndarray[Any, Any]:
    """Return steps as words."""
    others = {i: at for at, i in enumerate(own.others)}
    words: list[int] = []
    for step in steps:
        if step.kind == "number":
            words += [BUILDS.index("number"), _WORD * own.numbers_out[step.which]]
        elif step.which in own.small and step.kind == "array":
            shape = [int(length) for length in found[step.which]]
            words += [BUILDS.index("lent"), _WORD * own.small[step.which].start, len(shape), *shape]
        elif step.kind == "array":
            words += [BUILDS.index("other"), _WORD * others[step.which]]
        else:
            words += [BUILDS.index(step.kind), step.which, *map(id, step.keys)]
    return np.array(words, dtype=np.int64)


def _memory_of_results(plan: Plan, own: Signature, found: Sequence[Lengths]) -> dict[str, Any]:
    """Return the words for memory of results."""
    words: dict[str, Any] = {}
    if own.small:
        lent = LentResults(max(part.stop for part in own.small.values()))
        words |= {"lent_results": lent, "new_lent": lent.new}
    if own.others:
        axes = sorted({axis for i in own.others for axis in plan.axes_of_results[i]}) if plan.lengths else []
        text = others_source(plan, axes, [found[i] for i in own.others])
        # With names of its own, so that nothing refers to itself: a program that is dropped is gone at once.
        names: dict[str, Any] = {"empty": np.empty}
        exec(text, names)
        lengths = [
            _WORD * (own.arguments[argument] + 1 + dimension)
            for argument, dimension, _, _ in (plan.lengths[axis] for axis in axes)
            if argument is not None and dimension is not None
        ]
        words |= {"new_others": names.pop("new_others"), "lengths": np.array(lengths, dtype=np.int64)}
    return words


def others_source(plan: Plan, axes: Sequence[int], shapes: Sequence[Lengths]) -> str:
    """Return the text of what makes results that have their own memory, given lengths of arguments.

    Examples
    --------
    >>> from ..passes.axes import AxisLength
    >>> print(others_source(Plan({}, {}, [AxisLength(0, 0, None, 1)]), [0], [("length0", 3), (5000,)]))
    def new_others(length0):
        length0 += 1
        return (empty((length0, 3,)), empty((5000,)),)
    <BLANKLINE>
    """
    names, lines = [], []
    for axis in axes:
        argument, _, length, extra = plan.lengths[axis]
        if argument is None:
            lines.append(f"length{axis} = {length}")
        else:
            names.append(f"length{axis}")
            lines += [f"length{axis} += {extra}"] * bool(extra)
    texts = [f"({', '.join(map(str, shape))},)" for shape in shapes]
    lines.append(f"return ({' '.join(f'empty({text}),' for text in texts)})")
    return "\n    ".join([f"def new_others({', '.join(names)}):", *lines]) + "\n"


def _fail(errors: Sequence[str], which: int) -> NoReturn:
    """Raise what a program ends with in place of its results."""
    if which:
        raise ValueError(errors[which - 1])
    raise MemoryError("there is no memory for what a compiled function computes in")


def _left_to_python(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return ...


def _plain(argument: Any) -> Any:
    """Return an argument as machine code takes it: it may be a view, not aligned, or without dimensions."""
    if argument.__class__ is not np.ndarray or not argument.ndim:
        return float(argument)
    flags = argument.flags
    is_plain = flags.c_contiguous and flags.aligned and argument.dtype is _FLOAT
    return argument if is_plain else np.array(argument, dtype=float, order="C")


_FLOAT = np.dtype(float)


class _Definition(ctypes.Structure):
    """A builtin function, as Python's C interface describes it."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


# METH_FASTCALL: it is given the address of its arguments, and how many there are.
_FAST = 0x0080


@cache
def _definition() -> _Definition:
    """Return the machine code of all entries, which stays until the process ends."""
    dispatcher = loaded(entry_source(layout_of_objects()), "(intp, intp, intp)").program
    definition = _Definition(b"program", address_of(dispatcher, is_c=True), _FAST, None)
    # What it is gone with.
    definition.dispatcher = dispatcher
    return definition


_OBJECTS: dict[str, object] = {
    "float_class": float,
    "float64_class": np.float64,
    "int_class": int,
    "bool_class": bool,
    "array_class": np.ndarray,
    "dtype": _FLOAT,
    "tuple_class": tuple,
    "list_class": list,
    "dict_class": dict,
    "ellipsis": ...,
}

# Where NumPy's C interface has PyArray_NewFromDescr and PyArray_SetBaseObject.
_NEW_ARRAY, _SET_BASE = 94, 282


@cache
def _functions_of_numpy() -> dict[str, int]:
    """Return the addresses of functions of NumPy's C interface, which extensions know by number."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = pointer(_multiarray_umath._ARRAY_API, None)
    functions = (ctypes.c_ssize_t * (_SET_BASE + 1)).from_address(table)
    return {"new_array": functions[_NEW_ARRAY], "set_base": functions[_SET_BASE]}


def _builtin(words: dict[str, Any], *owned: object) -> Callable[..., Any]:
    """Return a builtin function with a context; an object stands for its address, an array for its words."""
    context = [0] * len(CONTEXT)
    for name, item in {**_OBJECTS, **_functions_of_numpy(), **words}.items():
        at = CONTEXT.index(name)
        if isinstance(item, np.ndarray):
            context[at : at + 2] = _WORD * len(context), _WORD * (len(context) + len(item))
            context += item.tolist()
        else:
            context[at] = item if isinstance(item, int) else id(item)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]
    # What it refers to takes the place of the module that it is from.
    function: Callable[..., Any] = new(
        ctypes.addressof(_definition()), np.array(context).tobytes(), (*words.values(), *owned)
    )
    return function
