"""`jit`: run a function once on `Value`s, and from then on as a program of NumPy or Numba."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count, pairwise
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import level_outside
from ..engine.levels import open_scopes
from ..engine.nonfinite import is_watching
from ..engine.tracing import tracing
from ..engine.value import Value
from ..transforms.module_copies import WAYS, Way
from ..transforms.trees import Branch, Copier, Leaf, Structure, leaves_of, numbers_of, unflatten
from .arguments.key import settings_of
from .arguments.static import StaticArguments
from .likeness import LARGE, likeness
from .results import Reader, builder_of, reader_of
from .runtime.background import improve_later
from .runtime.collector import paused_collector
from .runtime.patience import improve_when_worthwhile
from .runtime.program import CompilationReport, Program

KEPT = 128
"""How many programs a function keeps, which take 0.4 to 1.3 MB each; those not used for longest go first."""

_uses = count(1)


@dataclass
class _Compiled:
    """A program with what puts its results together, and when it was used."""

    program: Program
    build: Callable[..., Any]
    used: int = 0


class _Recent(NamedTuple):
    """The program of the last call, with what takes arguments like those apart."""

    read: Reader
    program: Program
    build: Callable[..., Any]


def _read_nothing(args: Any, kwargs: Any) -> None:
    """Say of all arguments that they are unlike the last ones: there were none."""


class _UsesVariablesAroundError(Exception):
    """The function reads what a call around it varies, as a constant of its own: no program holds for it."""


class Jitted:
    """A function that is compiled when it is first called with arguments of a structure.

    Attributes
    ----------
    source : str
        The program of the last call: a module of NumPy, which runs on its own.

    Examples
    --------
    >>> f = jit(lambda x: (x * x).sum())
    >>> f(np.array([1.0, 2.0, 3.0]))
    14.0
    >>> print(f.source)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def program(x):
        v1 = x @ x
        return (v1,)
    <BLANKLINE>
    """

    def __init__(self, f: Callable[..., Any], backend: str = "numpy", *, is_patient: bool = False) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._backend = backend
        self._is_patient = is_patient
        self._programs: dict[Hashable, _Compiled] = {}
        # The keys of programs by likeness, with what reads arguments of it.
        self._likenesses: dict[Hashable, tuple[Hashable, Reader | None]] = {}
        self._recent = _NOTHING

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program for arguments of this structure; compile it if there is none."""
        # Read once: another thread may be calling with other arguments.
        read, program, build = self._recent
        leaves = read(args, kwargs)
        if leaves is None:
            return self._call_other(args, kwargs)
        results = program.run(*leaves)
        if open_scopes:
            self._look_for_faults(results, args, kwargs)
        return build(*results)

    def _look_for_faults(self, results: Iterable[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Run the function itself where a result is not finite in anomaly mode, to say at which operation."""
        if is_watching() and not all(np.isfinite(result).all() for result in results):
            leaves, structure = leaves_of((args, kwargs), exact=True)
            numbers = [Value(number) for leaf in leaves for number in np.ravel(leaf).tolist()]
            recorded, named = unflatten(structure, numbers, argument=True)
            self._f(*recorded, **named)

    def _call_other(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do a call whose arguments are unlike those of the last one."""
        leaves: list[Any] = []
        like = likeness((args, kwargs), leaves)
        key, read = self._likenesses.get(like, (None, None))
        found = self._programs.get(key)
        if found is None:
            return self._call_at_length(args, kwargs, like)
        if read is None:
            read = reader_of(like)
            self._likenesses[like] = key, read
        return self._run(found, read, leaves, args, kwargs)

    def _call_at_length(self, args: tuple[Any, ...], kwargs: dict[str, Any], like: Hashable) -> Any:
        """Do a call that is the first of its kind, or has arguments of some other kind than usual."""
        leaves, structure = leaves_of((args, kwargs), "an argument of a compiled function", exact=True)
        # Somebody differentiates through this call: the function itself says how.
        if any(map(_is_recorded, leaves)):
            return self._f(*args, **kwargs)
        key = settings_of(structure)
        found = self._programs.get(key)
        if found is None:
            try:
                found = self._compile(args, kwargs)
            except _UsesVariablesAroundError:
                return self._f(*args, **kwargs)
            self._keep(key, found)
        if like is not None:
            self._likenesses[like] = key, None
        return self._run(found, _read_nothing, _packed(structure, iter(leaves)), args, kwargs)

    def _run(
        self,
        found: _Compiled,
        read: Reader,
        leaves: Sequence[Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run a program, and begin with it next time."""
        found.used = next(_uses)
        self._recent = _Recent(read, found.program, found.build)
        results = found.program.run(*leaves)
        if open_scopes:
            self._look_for_faults(results, args, kwargs)
        return found.build(*results)

    def _keep(self, key: Hashable, found: _Compiled) -> None:
        """Keep a program, and not more than there is room for; without a lock, which a fork could hold."""
        found.used = next(_uses)
        self._programs[key] = found
        while len(self._programs) > KEPT:
            oldest, _ = min(list(self._programs.items()), key=lambda entry: entry[1].used)
            self._programs.pop(oldest, None)
            self._likenesses = {
                like: known for like, known in list(self._likenesses.items()) if known[0] != oldest
            }

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the function as a method; the object is its first argument, so it is a module."""
        return self if instance is None else functools.partial(self, instance)

    @property
    def source(self) -> str:
        """The program of the last call: a module of NumPy, which runs on its own."""
        return self._program().source

    def report(self) -> CompilationReport:
        """Return what compiling the program of the last call found.

        Raises
        ------
        RuntimeError
            If the function was not called yet.

        Examples
        --------
        >>> f = jit(lambda x: x * 2.0 + x * 2.0)
        >>> _ = f(1.0)
        >>> f.report().classes
        4
        """
        return self._program().report

    def wait(self) -> None:
        """Wait until the backend has compiled, or has given up, the programs of all calls until now.

        Nobody has to: until then they run on NumPy. What has not run long enough to be compiled by itself is
        compiled now.

        Examples
        --------
        >>> f = jit(lambda x: x * 2.0)
        >>> _ = f(1.0)
        >>> f.wait()
        >>> f(3.0)
        6.0
        """
        programs = [found.program for found in list(self._programs.values())]
        for program in programs:
            improve_later(program)
        for program in programs:
            program.settled.wait()

    def clear_cache(self) -> None:
        """Forget all programs, and give back their memory; the next call compiles.

        A function keeps the programs of the last 128 kinds of arguments, of 0.4 to 1.3 MB each.

        Examples
        --------
        >>> f = jit(lambda x: x * 2.0)
        >>> _ = f(1.0)
        >>> f.clear_cache()
        >>> f(3.0)
        6.0
        """
        self._programs, self._likenesses, self._recent = {}, {}, _NOTHING

    def of(self, f: Callable[..., Any]) -> Jitted:
        """Return another function, compiled in the same way."""
        return Jitted(f, self._backend, is_patient=self._is_patient)

    def _program(self) -> Program:
        if self._recent is _NOTHING:
            raise RuntimeError(
                f"{getattr(self._f, '__name__', 'the function')} has no program yet: call it once, so that "
                "the structure and the shapes of its arguments are known"
            )
        return self._recent.program

    @paused_collector()
    def _compile(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Compiled:
        # Loaded when first used: the compiler would take a quarter of the time of `import autograd`.
        from .compile import compiled
        from .per_sample import compiled_per_sample

        start = time.perf_counter()
        leaves, structure = leaves_of((args, kwargs), exact=True)
        shapes, names = _shapes(structure), self._names(args, kwargs)
        if not kwargs and (of_sample := compiled_per_sample(self._f, args, shapes, names, self._backend)):
            return self._finished(*of_sample)
        inputs = [Value(number) for leaf in leaves for number in np.ravel(leaf).tolist()]
        traced_args, traced_kwargs = unflatten(structure, inputs, argument=True)
        with _explained(leaves), tracing(inputs) as level, np.errstate(all="ignore"):
            result = self._f(*traced_args, **traced_kwargs)
            found, form = leaves_of(result, "the result of a compiled function", exact=True)
        outputs = [out if isinstance(out, Value) else float(out) for out in numbers_of(found)]
        if level_outside([out for out in outputs if isinstance(out, Value)], level):
            raise _UsesVariablesAroundError
        arguments, results = _split(inputs, shapes), _split(outputs, _shapes(form))
        program = compiled(
            list(zip(results, _shapes(form), strict=True)),
            arguments,
            shapes,
            names,
            self._backend,
            start,
        )
        return self._finished(program, form)

    def _finished(self, program: Program, form: Structure) -> _Compiled:
        """Have another backend take a program over, and put its results together."""
        improve = improve_when_worthwhile if self._is_patient else improve_later
        improve(program)
        return _Compiled(program, builder_of(form, _is_vector))

    def _names(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
        """Return a name for each array of the arguments."""
        try:
            bound = inspect.signature(self._f).bind(*args, **kwargs).arguments
        except (TypeError, ValueError):
            bound = {}
        positional = [*bound][: len(args)] if len(bound) == len(args) + len(kwargs) else []
        names = [*positional, *(f"x{i}" for i in range(len(positional), len(args)))]
        named = [*zip(names, args, strict=True), *kwargs.items()]
        return [name + path for name, arg in named for path in _paths(leaves_of(arg, exact=True)[1])]


class _WithStatics(Jitted):
    """A function that is compiled for each value of its static arguments."""

    def __init__(
        self, f: Callable[..., Any], backend: str, static: StaticArguments, *, is_patient: bool
    ) -> None:
        super().__init__(f, backend, is_patient=is_patient)
        self._static = static
        self._others: dict[Hashable, Jitted] = {}
        self._used: dict[Hashable, int] = {}
        self._latest: Jitted | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program for these static arguments, and arguments of this structure."""
        split = self._static.split(args, kwargs)
        found = self._others.get(split.key)
        if found is None:
            found = self._others.setdefault(split.key, super().of(split.bind()))
        self._used[split.key] = next(_uses)
        count_before, self._latest = len(found._programs), found
        result = found(*split.args, **split.kwargs)
        if len(found._programs) != count_before:
            self._make_room(split.key)
        return result

    def _make_room(self, used: Hashable) -> None:
        """Forget static arguments that were not used for longest, until the programs are not too many."""
        others = [key for key in list(self._others) if key != used]
        others.sort(key=lambda key: self._used.get(key, 0))
        for oldest in others:
            if sum(len(other._programs) for other in list(self._others.values())) <= KEPT:
                return
            self._others.pop(oldest, None)
            self._used.pop(oldest, None)

    def wait(self) -> None:
        for other in list(self._others.values()):
            other.wait()

    def clear_cache(self) -> None:
        self._others, self._used, self._latest = {}, {}, None

    def of(self, f: Callable[..., Any]) -> Jitted:
        return _WithStatics(f, self._backend, self._static.of(f), is_patient=self._is_patient)

    def _program(self) -> Program:
        return super()._program() if self._latest is None else self._latest._program()


# A module may keep a method that is compiled. Of a copy it is another one: programs hold what they were
# compiled with.
WAYS[Jitted] = WAYS[_WithStatics] = Way(lambda jitted: [jitted._f], lambda jitted, parts: jitted.of(*parts))

_NOTHING = _Recent(_read_nothing, Program(str, tuple, CompilationReport(0, 0, 0.0)), tuple)


def jit(
    f: Callable[..., Any],
    backend: str | None = None,
    *,
    static_argnums: int | Iterable[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
) -> Jitted:
    """Compile a function: it is run once on `Value`s, and then replayed as a program on plain numbers.

    The program is found in the scalars: equal operations are merged, operations that are alike become
    arrays, sums of products become matrix products. A call with arguments of another structure or shape
    compiles again. Derivatives compose on either side: ``jit(value_and_grad(loss))``, ``grad(jit(f))``. Of
    ``jit(vmap(f))``, where a sample is numbers, one sample is traced and compiled, however many there are.

    What the function reads besides its arguments is read when it is compiled, and then stays: pass what
    changes as an argument, or make it one (`make_functional`). Of a module that is an argument, the
    parameters are inputs; another setting, such as another activation function or number, compiles again.
    Integers and booleans are inputs too: to branch on an argument, or to count with it, make it static.

    The programs of the last 128 kinds of arguments are kept, which take 0.4 to 1.3 MB each;
    ``clear_cache()`` gives them back.

    The first call is answered by NumPy. Where Numba is installed, it compiles in the background as soon as
    the calls have taken a second together, and later calls are faster. ``wait()`` has it compile now, and
    waits for it; with ``backend="numba"`` it begins at the first call.

    Parameters
    ----------
    f : callable
        A function of numbers, arrays, modules, and nested lists, tuples and dicts of them.
    backend : {"numpy", "numba"}, optional
        What runs the program. If not given, Numba where it is installed and has enough to do.
    static_argnums, static_argnames : int or str, or iterable of them, optional
        Positions or names of arguments that the function gets as they are. They are hashable, and another
        value is compiled again. Of either the other one is looked up in the signature.

    Returns
    -------
    Jitted
        A function of the same arguments and results, with ``source``, ``report()``, ``wait()`` and
        ``clear_cache()``.

    Raises
    ------
    ValueError
        For an unknown backend, or a static argument that the function does not have. By the function
        returned, for a static argument that is not hashable.
    TypeError
        By the function returned, for an argument that is no tree of numbers, arrays and modules.
    ImportError
        For ``backend="numba"`` where Numba is not installed.
    TracedValueError
        By the function returned, where `f` branches on an argument or takes its number.

    Examples
    --------
    >>> from autograd import value_and_grad
    >>> f = jit(value_and_grad(lambda w, x: ((w * x).sum() - 1.0) ** 2))
    >>> f(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    (100.0, array([60., 80.]))
    >>> power = jit(lambda x, n: x if n == 0 else x**n, static_argnums=1)
    >>> power(3.0, 2), power(3.0, 3)
    (9.0, 27.0)
    """
    chosen = backend_or_best(backend)
    if static_argnums is None and static_argnames is None:
        return Jitted(f, chosen, is_patient=backend is None)
    static = StaticArguments(f, static_argnums, static_argnames)
    return _WithStatics(f, chosen, static, is_patient=backend is None)


def backend_or_best(backend: str | None) -> str:
    """Return the name of a backend: the one that was asked for, or else the best one there is.

    Raises
    ------
    ValueError
        For an unknown one.
    ImportError
        For Numba where it is not installed.

    Examples
    --------
    >>> backend_or_best("numpy")
    'numpy'
    """
    if backend not in (None, "numpy", "numba"):
        raise ValueError(f"expected the backend of jit to be 'numpy' or 'numba', got {backend!r}")
    # Looked for, not imported: that would take 0.5 s.
    is_installed = backend != "numpy" and find_spec("numba") is not None
    if backend == "numba" and not is_installed:
        raise ImportError("the backend 'numba' needs Numba: pip install 'chainrule[jit]'")
    return "numba" if is_installed else "numpy"


@contextmanager
def _explained(leaves: Sequence[Any]) -> Iterator[None]:
    """Say of an error in a trace that integers and booleans are inputs too, where there are some."""
    try:
        yield
    except (IndexError, TypeError) as error:
        if any(np.asarray(leaf).dtype.kind in "iub" for leaf in leaves):
            error.add_note(
                "Integers and booleans are inputs of a compiled function, whose numbers are not known while "
                "traced. To count, index or branch with one, make it static: jit(f, static_argnums=...); "
                "to choose by one when the program runs, compare it: where(i == k, a, b)."
            )
        raise


def _is_recorded(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray) and leaf.dtype == object:
        return any(isinstance(item, Value) for item in leaf.flat)
    return isinstance(leaf, Value)


def _is_vector(branch: Branch) -> bool:
    """Return whether numbers are one array to a program: a module's parameters, a large list or dict."""
    if isinstance(branch.build_argument, Copier):
        return True
    return branch.kind in (dict, list) and branch.size > LARGE and _holds_numbers(branch)


def _holds_numbers(structure: Structure) -> bool:
    """Return whether there are no arrays in a tree."""
    if isinstance(structure, Leaf):
        return structure.shape == ()
    return all(map(_holds_numbers, structure.parts))


def _shapes(structure: Structure) -> list[tuple[int, ...]]:
    """Return the shape of each array of a tree."""
    if isinstance(structure, Leaf):
        return [structure.shape]
    if _is_vector(structure):
        return [(structure.size,)]
    return [shape for part in structure.parts for shape in _shapes(part)]


def _paths(structure: Structure) -> list[str]:
    """Return where each array of a tree stands."""
    if isinstance(structure, Leaf) or _is_vector(structure):
        return [""]
    pairs = zip(structure.keys, structure.parts, strict=True)
    return [f"_{key}{path}" for key, part in pairs for path in _paths(part)]


def _packed(structure: Structure, leaves: Iterator[Any]) -> list[Any]:
    """Return the arrays that a program takes for the leaves of its arguments."""
    if isinstance(structure, Leaf):
        leaf = next(leaves)
        # Python's floats raise where NumPy's have inf and nan.
        return [leaf.astype(float, copy=False) if isinstance(leaf, np.ndarray) else np.float64(leaf)]
    if _is_vector(structure):
        return [np.fromiter(leaves, float, structure.size)]
    return [array for part in structure.parts for array in _packed(part, leaves)]


def _split(numbers: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> list[Sequence[Any]]:
    """Return numbers by the array that they belong to."""
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    return [numbers[start:end] for start, end in pairwise(ends)]
