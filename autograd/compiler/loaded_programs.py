"""`load`: the programs of a compiled function from a file, without the function."""

from __future__ import annotations

import functools
import inspect
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from typing import Any

import numpy as np

from ..files import NoFileError, opened_file
from ..transforms.derivatives import note_gradients
from ..transforms.module_copies import WAYS, Way
from ..transforms.trees import Leaf, Structure
from .arguments.arrays import is_vector
from .arguments.call import Call
from .arguments.call_forms import CallForm
from .arguments.open_lengths import OpenLengths, with_symbols
from .arguments.plain_trees import (
    Classes,
    classes_in,
    each_part,
    example_of,
    has_modules,
    name_of,
    shown,
    structure_of,
    with_lengths,
)
from .arguments.static import StaticArguments
from .compile import program_of
from .jitted import Jitted, backend_or_best, library_of
from .latex.symbols import note_source_names
from .program_files import MAGIC, NotProgramsError, SavedFunction, SavedProgram, bytes_of, function_in
from .results import BuiltResults, built_results
from .runtime.background import improve_later
from .runtime.patience import improve_when_worthwhile
from .runtime.program import CompilationReport, Program, Run

_SHOWN = 8
"""So many programs an error names."""


class Loaded(Jitted):
    """A compiled function without the function: it has the programs of a file, and compiles no others.

    It has what `Jitted` has: ``source``, ``report()``, ``to_latex()``, ``save()`` and the rest. It is pickled
    as the bytes of a file.

    Parameters
    ----------
    saved : SavedFunction
        What the file says.
    backend : str
        What runs the programs.
    classes : mapping of str to type
        The dataclasses and named tuples among arguments and results.
    is_patient : bool
        Whether another backend than NumPy compiles once that pays off.
    dtype : str, optional
        What the programs compute in, as for `jit`.

    Raises
    ------
    NotProgramsError
        If the programs are none.

    Examples
    --------
    >>> from .program_files import bytes_of
    >>> f = Jitted(lambda x, y: x * y)
    >>> f(2.0, 3.0)
    6.0
    >>> Loaded(function_in(bytes_of(f)))(4.0, 5.0)
    20.0
    """

    def __init__(
        self,
        saved: SavedFunction,
        backend: str = "numpy",
        classes: Classes = {},  # noqa: B006
        *,
        is_patient: bool = False,
        dtype: str | None = None,
    ) -> None:
        library = library_of(backend, dtype)
        try:
            f = _without_code(saved)
            static = saved.static and StaticArguments(f, *saved.static)
            super().__init__(f, backend, static or None, is_patient=is_patient, library=library)
            self._classes = classes
            # That of the last call is used last here, too.
            for program in reversed(saved.programs):
                keep_saved(self, program, classes)
        # What does not fit itself may be wrong in any way.
        except Exception as error:
            raise NotProgramsError(str(error)) from error

    def _recorded(self, call: Call) -> tuple[Program, BuiltResults, OpenLengths]:
        """Say that there is no program for a call, and which there are."""
        programs = self._programs.last_used()
        known = [
            f"  {self._shown(program.form)}" for program in programs[:_SHOWN] if program.form is not None
        ]
        more = len(programs) - len(known)
        raise ValueError(
            f"{self.__name__} was loaded, so it compiles nothing, and it has no program for this call: "  # type: ignore[attr-defined]
            f"{self._programs.why_none(call)}. It has programs for\n"
            + "\n".join([*known, *[f"  and {more} more"] * (more > 0)])
            + "\nCall the function that is saved in this way as well, and save it again"
        )

    def _shown(self, form: CallForm) -> str:
        """Return how the calls that a program answers look."""
        structures = [structure_of(tree, self._classes) for tree in form.arguments]
        lengths = _spread(form.lengths, [*_widths(form.arguments, structures)])
        others = map(with_lengths, with_symbols(structures, lengths), form.arguments)
        statics: dict[Any, Any] = {**form.statics.by_position, **form.statics.by_name}
        texts = [
            f"{name}={statics[which]!r}" if which in statics else f"{name}: {shown(next(others))}"
            for which, name in [*enumerate(form.names), *((name, name) for name in form.by_name)]
        ]
        return f"({', '.join(texts)})"

    def report(self) -> CompilationReport:
        """Return what compiling the program of the last call found; nothing was compiled here."""
        return super().report()._replace(compilations=0, reason="")

    def to_c(
        self,
        path: str | os.PathLike[str],
        argnums: int | Sequence[int] | None = None,
        *,
        name: str | None = None,
    ) -> None:
        """Write the program of the last call in standard C, as that of `jit` does, without derivatives."""
        if argnums is not None:
            raise ValueError(
                f"expected no argnums, got {argnums!r}: a function that was loaded is not there to be "
                "differentiated; save and load jit(value_and_grad(f))"
            )
        from .c_export import write_programs
        from .exported_programs import exported_program

        program, structure = self._program(), self._latest.results.structure
        assert program.form is not None
        names, lengths = [array.argument + array.path for array in program.outline], program.form.lengths
        write_programs(self._f, lambda: [exported_program(program, structure, lengths, names)], path, name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Have `pickle` keep the bytes of a file."""
        return _unpickled, (bytes_of(self), self._backend, dict(self._classes), self._is_patient, self.dtype)


def _unpickled(data: bytes, backend: str, classes: Classes, is_patient: bool, dtype: str) -> Loaded:
    return Loaded(function_in(data), backend, classes, is_patient=is_patient, dtype=dtype)


WAYS[Loaded] = Way(lambda loaded: [], lambda loaded, parts: loaded)


def _without_code(saved: SavedFunction) -> Callable[..., Any]:
    """Return what stands for the function: it has its name and its parameters."""

    def loaded(*args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"{saved.name} was loaded, so there is nothing in it to record: it cannot be differentiated, "
            "traced or vectorised; do that before it is saved, jit(value_and_grad(f)).save(path), and pass "
            "numbers and arrays"
        )

    loaded.__name__ = loaded.__qualname__ = saved.name
    if saved.parameters:
        loaded.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(
                    name, inspect._ParameterKind(kind), default=... if has else inspect.Parameter.empty
                )
                for name, kind, has in saved.parameters
            ]
        )
    if saved.gradients is not None:
        note_gradients(loaded, saved.gradients)
    note_source_names(loaded, saved.called)
    return loaded


def keep_saved(f: Jitted, saved: SavedProgram, classes: Classes) -> None:
    """Keep a program as one that a function was compiled to, for a call like those that it answers.

    Parameters
    ----------
    f : Jitted
        The function.
    saved : SavedProgram
        The program.
    classes : mapping of str to type
        The dataclasses and named tuples among arguments and results.

    Raises
    ------
    NotProgramsError
        If it takes other arguments than it describes.

    Examples
    --------
    >>> from .program_files import bytes_of
    >>> f, g = Jitted(abs), Jitted(abs)
    >>> f(-1.0)
    1.0
    >>> keep_saved(g, function_in(bytes_of(f)).programs[0], {})
    >>> g(-2.0), g.report().passes
    (2.0, 'file')
    """
    start, form = time.perf_counter(), saved.form
    structures = [structure_of(tree, classes) for tree in form.arguments]
    call = _call_of(f, form, structures)
    library = f._library
    structure = structure_of(form.result, classes, is_result=True)
    result = built_results(structure, as_they_are=library is not None)
    widths = [*_widths(form.arguments, structures)]
    if [*_gathered_shapes(call.shapes, widths)] != saved.shapes:
        raise NotProgramsError("a program in it takes other arguments than it describes")
    with nullcontext() if library is None else library.precision():
        program = program_of(
            saved.found(), saved.names, saved.shapes, saved.results, f._backend, "file", start
        )
    program.outline = saved.outline
    lengths = _spread(form.lengths, widths)
    if any(width is not None for width in widths):
        gathered = functools.partial(np.array, dtype=float) if library is None else library.stacked
        program.adapt(functools.partial(_gathering, widths, gathered))
    if library is not None:
        library.adopt(program, call, structure, lengths)
    f._use_next(f._programs.keep(call, program, result, lengths))
    program.form = form
    if f._is_patient:
        improve_when_worthwhile(program, f._use)
    else:
        improve_later(program)


def _call_of(f: Jitted, form: CallForm, structures: Sequence[Structure]) -> Call:
    """Return a call that a program answers."""
    others = iter([example_of(structure) for structure in structures])
    statics: dict[Any, Any] = {**form.statics.by_position, **form.statics.by_name}
    args = [statics[i] if i in statics else next(others) for i in range(len(form.names))]
    kwargs = {name: statics[name] if name in statics else next(others) for name in form.by_name}
    return f._taken_apart(tuple(args), kwargs)


# ------------------------------------------------------------------------- modules that are dicts of numbers


def _widths(trees: Sequence[Any], structures: Sequence[Structure]) -> Iterator[int | None]:
    """Yield for each array that a program takes how many numbers a call has in its place, or None for itself.

    The parameters of a module are one array, and those of a small dict in its place are numbers.
    """
    for tree, structure in zip(trees, structures, strict=True):
        if isinstance(structure, Leaf) or is_vector(structure):
            yield None
        elif "parameters" in (tree or ()):
            yield len(structure.parts)
        else:
            yield from _widths([*each_part(tree)], structure.parts)


def _spread(lengths: OpenLengths, widths: Sequence[int | None]) -> OpenLengths:
    """Return open lengths for the arrays of a call in place of those of its program."""
    if not lengths:
        return lengths
    pairs = zip(lengths.symbols, widths, strict=True)
    symbols = [of for shape, n in pairs for of in ([shape] if n is None else [()] * n)]
    return lengths._replace(symbols=tuple(symbols))


def _gathered_shapes(
    shapes: Sequence[tuple[int, ...]], widths: Sequence[int | None]
) -> Iterator[tuple[int, ...]]:
    rest = iter(shapes)
    for width in widths:
        own = [*islice(rest, 1 if width is None else width)]
        yield own[0] if width is None else (width,)


def _gathering(widths: Sequence[int | None], gathered: Callable[..., Any], run: Run) -> Run:
    """Return a program that gets the numbers of some of its arrays one by one."""

    def gathering(*arrays: Any) -> tuple[Any, ...]:
        rest = iter(arrays)
        return run(*[next(rest) if n is None else gathered([*islice(rest, n)]) for n in widths])

    return gathering


# ------------------------------------------------------------------------------------------------------ files


def load(
    path: str | os.PathLike[str],
    backend: str | None = None,
    *,
    classes: Sequence[type] = (),
    dtype: str | None = None,
) -> Loaded:
    """Return the compiled function that ``f.save(path)`` wrote, without the function: nothing is traced.

    It takes the arguments of the calls that were compiled when it was saved, with other numbers, and where
    lengths were open, with other lengths. In the place of a module it takes the dict of its parameters,
    ``model.state_dict()``. It cannot be differentiated: save what you need, ``jit(value_and_grad(f))``.

    A file holds data. Its programs are written again from it, and checked, so that one from a stranger can
    give wrong numbers, take long or fill the memory, but runs no code of its own. What JAX differentiates
    afterwards has to be compiled for JAX before it is saved: for NumPy, ``stop_gradient(x)`` is ``x``.

    Parameters
    ----------
    path : path-like
        The file.
    backend : str, optional
        What runs the programs, as in `jit`, whatever ran them when they were saved.
    classes : sequence of type
        The dataclasses and named tuples among the arguments and results.
    dtype : {"float64", "float32"}, optional
        What they compute in, as in `jit`.

    Returns
    -------
    Loaded
        A function with ``source``, ``report()``, ``to_latex()`` and the rest of `jit`'s. Called with other
        arguments it raises a ValueError, which says what the file has.

    Raises
    ------
    ValueError
        If the file holds no such programs, is damaged, is of another version, or needs more `classes`.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from autograd import jit, vmap
    >>> f = jit(lambda w, X: {"scores": vmap(lambda x: w @ x)(X)})
    >>> _ = f(np.ones(2), np.ones((3, 2)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     f.save(f"{folder}/f.program")
    ...     loaded = load(f"{folder}/f.program")
    >>> loaded(np.array([1.0, 2.0]), np.array([[3.0, 4.0]]))
    {'scores': array([11.])}
    >>> loaded(np.ones(3), np.ones((3, 3)))
    Traceback (most recent call last):
        ...
    ValueError: ... It has programs for
      (w: array (2,), X: array (n, 2))
    ...
    """
    chosen, where = backend_or_best(backend), repr(os.fspath(path))
    try:
        saved = function_in(_read(path))
        known = {name_of(kind): kind for kind in classes}
        wanted = {name for program in saved.programs for name in _classes_of(program.form)} - known.keys()
        if wanted:
            names = ", ".join(sorted(wanted))
            raise ValueError(f"{where} needs the classes {names}: load(path, classes=({names},))")
        return Loaded(saved, chosen, known, is_patient=backend is None, dtype=dtype)
    except NotProgramsError as error:
        raise ValueError(f"{where} does not hold compiled programs: {error}") from error


def keep_all(f: Jitted, data: bytes) -> None:
    """Keep programs that need no class and no module, unless a function has some already.

    A program for a module takes a dict of its parameters in its place, which may mean something else to `f`.

    Examples
    --------
    >>> from .program_files import bytes_of
    >>> f, g = Jitted(abs), Jitted(abs)
    >>> f(-1.0)
    1.0
    >>> keep_all(g, bytes_of(f))
    >>> g.report().passes
    'file'
    """
    programs = function_in(data).programs if not len(f._programs) else []
    for program in reversed(programs):
        if holds_for_calls(program.form):
            keep_saved(f, program, {})


def holds_for_calls(form: CallForm | None) -> bool:
    """Return whether a saved program answers the calls that it was compiled for, without classes to pass.

    Examples
    --------
    >>> holds_for_calls(None)
    False
    """
    if form is None:
        return False
    return not any([*_classes_of(form)]) and not any(map(has_modules, [*form.arguments, form.result]))


def _classes_of(form: CallForm) -> Iterator[str]:
    for tree in (*form.arguments, form.result):
        yield from classes_in(tree)


def _read(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file, if it begins as one with programs."""
    try:
        file = opened_file(path)
    except NoFileError as error:
        raise NotProgramsError(str(error)) from None
    with file:
        begin = file.read(len(MAGIC))
        return begin + file.read() if begin == MAGIC else begin
