"""`jit`: run a function once on `Value`s, and from then on as a program of NumPy."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..tracing import tracing
from ..trees import Branch, Leaf, Structure, flatten, leaves_of, unflatten
from ..value import Value
from ..variables import active_variables, under_differentiation
from .likeness import LARGE, likeness
from .program import Program, Report


class _Compiled(NamedTuple):
    """A program with the structure of its results."""

    program: Program
    form: Structure


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

    def __init__(self, f: Callable[..., Any]) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._programs: dict[Hashable, _Compiled] = {}
        self._last: Program | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program for arguments of this structure; compile it if there is none."""
        leaves: list[Any] = []
        key = likeness((args, kwargs), leaves)
        if key not in self._programs or active_variables():
            return self._call_at_length(args, kwargs, key)
        self._last, form = self._programs[key]
        with np.errstate(all="ignore"):
            return _built(form, iter(self._last.run(*leaves)))

    def _call_at_length(self, args: tuple[Any, ...], kwargs: dict[str, Any], key: Hashable) -> Any:
        """Do a call that is the first of its kind, or has arguments of some other kind than usual."""
        leaves, structure = leaves_of((args, kwargs), "an argument of a compiled function")
        # Somebody differentiates through this call: the function itself says how.
        if active_variables() or any(map(_is_recorded, leaves)):
            return self._f(*args, **kwargs)
        if structure not in self._programs:
            self._programs[structure] = self._compile(args, kwargs)
        if key is not None:
            self._programs[key] = self._programs[structure]
        self._last, form = self._programs[structure]
        with np.errstate(all="ignore"):
            return _built(form, iter(self._last.run(*_packed(structure, iter(leaves)))))

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the function as a method; the object is its first argument, so it is a module."""
        return self if instance is None else functools.partial(self, instance)

    @property
    def source(self) -> str:
        """The program of the last call: a module of NumPy, which runs on its own."""
        return self._program().source

    def report(self) -> Report:
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

    def _program(self) -> Program:
        if self._last is None:
            raise RuntimeError(
                f"{getattr(self._f, '__name__', 'the function')} has no program yet: call it once, so that "
                "the structure and the shapes of its arguments are known"
            )
        return self._last

    def _compile(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Compiled:
        # Loaded when first used: the compiler would take a quarter of the time of `import autograd`.
        from .compiled import compiled

        start = time.perf_counter()
        numbers, structure = flatten((args, kwargs))
        inputs = [Value(number) for number in numbers]
        traced_args, traced_kwargs = unflatten(structure, inputs, argument=True)
        with tracing(inputs), under_differentiation(inputs), np.errstate(all="ignore"):
            result = self._f(*traced_args, **traced_kwargs)
            outputs, form = flatten(result, "the result of a compiled function")
        shapes = _shapes(structure)
        arguments, results = _split(inputs, shapes), _split(outputs, _shapes(form))
        program = compiled(
            list(zip(results, _shapes(form), strict=True)),
            arguments,
            shapes,
            self._names(args, kwargs),
            start,
        )
        return _Compiled(program, form)

    def _names(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
        """Return a name for each array of the arguments."""
        try:
            bound = inspect.signature(self._f).bind(*args, **kwargs).arguments
        except (TypeError, ValueError):
            bound = {}
        positional = [*bound][: len(args)] if len(bound) == len(args) + len(kwargs) else []
        names = [*positional, *(f"x{i}" for i in range(len(positional), len(args)))]
        named = [*zip(names, args, strict=True), *kwargs.items()]
        return [name + path for name, arg in named for path in _paths(leaves_of(arg)[1])]


def jit(f: Callable[..., Any]) -> Jitted:
    """Compile a function: it is run once on `Value`s, and then replayed as a program on plain numbers.

    The program is found in the scalars: equal operations are merged, operations that are alike become
    arrays, sums of products become matrix products. A call with arguments of another structure or shape
    compiles again. Derivatives compose on either side: ``jit(value_and_grad(loss))``, ``grad(jit(f))``.

    What the function reads besides its arguments is read when it is compiled, and then stays: pass what
    changes as an argument.

    Parameters
    ----------
    f : callable
        A function of numbers, arrays, modules, and nested lists, tuples and dicts of them.

    Returns
    -------
    Jitted
        A function of the same arguments and results, with ``source`` and ``report()``.

    Raises
    ------
    TracedValueError
        By the function returned, where `f` branches on an argument or takes its number.

    Examples
    --------
    >>> from autograd import value_and_grad
    >>> f = jit(value_and_grad(lambda w, x: ((w * x).sum() - 1.0) ** 2))
    >>> f(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    (100.0, array([60., 80.]))
    """
    return Jitted(f)


def _is_recorded(leaf: Any) -> bool:
    return isinstance(leaf, Value) or (isinstance(leaf, np.ndarray) and leaf.dtype == object)


def _is_vector(branch: Branch) -> bool:
    """Return whether numbers are one array to a program: a module's parameters, a large dict."""
    is_wide = branch.kind == "dict" and len(branch.parts) > LARGE
    is_module = branch.build_argument is not branch.build
    return (is_module or is_wide) and all(part == Leaf(()) for part in branch.parts)


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
        return [np.float64(leaf) if isinstance(leaf, float) else leaf]
    if _is_vector(structure):
        return [np.array([next(leaves) for _ in structure.parts])]
    return [array for part in structure.parts for array in _packed(part, leaves)]


def _split(numbers: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> list[Sequence[Any]]:
    """Return numbers by the array that they belong to."""
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    return [numbers[start:end] for start, end in pairwise(ends)]


def _built(form: Structure, arrays: Any) -> Any:
    """Return a tree of results."""
    if isinstance(form, Leaf):
        array = next(arrays)
        return array if form.shape else float(array)
    if _is_vector(form):
        return form.build(next(arrays).tolist())
    return form.build([_built(part, arrays) for part in form.parts])
