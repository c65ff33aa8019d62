"""Arguments that a compiled function gets as they are: another value is another program, as in JAX."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...engine.value import Value
from .key import typed


class Split(NamedTuple):
    """A call taken apart.

    Attributes
    ----------
    key : hashable
        What calls with the same static arguments have in common.
    args, kwargs : tuple, dict
        The other arguments.
    bind : callable
        Returns the function of the other arguments.
    """

    key: Hashable
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    bind: Callable[[], Callable[..., Any]]


class StaticArguments:
    """Which arguments of a function are static.

    Parameters
    ----------
    f : callable
        The function.
    argnums : int, iterable of int or None
        Their positions.
    argnames : str, iterable of str or None
        Their names. Where positions or names are not given, they are looked up in the signature.

    Raises
    ------
    TypeError
        For positions that are not whole numbers, or names that are not strings.
    ValueError
        For arguments that the function does not have.

    Examples
    --------
    >>> static = StaticArguments(lambda x, n: x**n, 1, None)
    >>> split = static.split((2.0, 3), {})
    >>> split.args, split.bind()(5.0)
    ((2.0,), 125.0)
    >>> static.split((2.0,), {"n": 3}).args
    (2.0,)
    """

    def __init__(
        self,
        f: Callable[..., Any],
        argnums: int | Iterable[int] | None,
        argnames: str | Iterable[str] | None,
    ) -> None:
        self._f = f
        self._given = argnums, argnames
        self._name = getattr(f, "__name__", "the function")
        self._argnums, self._argnames = _positions(argnums), _names(argnames)
        parameters = _parameters(f)
        if parameters is None:
            return
        positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        kinds = {p.kind for p in parameters}
        if inspect.Parameter.VAR_POSITIONAL not in kinds:
            self._check_positions(len(positional))
            self._argnums = tuple(argnum % len(positional) for argnum in self._argnums)
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            self._check_names(named)
        own = [positional[argnum] for argnum in self._argnums if -len(positional) <= argnum < len(positional)]
        if argnames is None:
            self._argnames = tuple(name for name in own if name in named)
        if argnums is None:
            self._argnums = tuple(
                i for i, name in enumerate(positional) if name in self._argnames and name in named
            )

    def _check_positions(self, count: int) -> None:
        for argnum in self._argnums:
            if not -count <= argnum < count:
                raise ValueError(
                    f"static_argnums asks for argument {argnum}, but {self._name} has {count} positional "
                    f"argument{'s' * (count != 1)}"
                )

    def _check_names(self, names: Sequence[str]) -> None:
        for name in self._argnames:
            if name not in names:
                raise ValueError(
                    f"static_argnames asks for {name!r}, but the arguments of {self._name} that have a name "
                    f"are {', '.join(names) or 'none'}"
                )

    def of(self, f: Callable[..., Any]) -> StaticArguments:
        """Return the same for another function."""
        return StaticArguments(f, *self._given)

    def split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Split:
        """Take a call apart.

        Raises
        ------
        ValueError
            For a static argument that cannot be compared with that of another call.
        """
        chosen = {n % len(args) if n < 0 and args else n for n in self._argnums}
        positions = [i for i in range(len(args)) if i in chosen]
        names = sorted(name for name in self._argnames if name in kwargs)
        key = (
            len(args),
            *((i, self._key(f"argument {i}", args[i])) for i in positions),
            *((name, self._key(f"argument {name!r}", kwargs[name])) for name in names),
        )
        return Split(
            key,
            tuple(arg for i, arg in enumerate(args) if i not in chosen),
            {name: arg for name, arg in kwargs.items() if name not in names},
            lambda: self._bound(
                {i: args[i] for i in positions}, {name: kwargs[name] for name in names}, len(args)
            ),
        )

    def _key(self, which: str, arg: Any) -> Hashable:
        if isinstance(arg, Value):
            raise ValueError(
                f"{which} of {self._name} is static: expected a constant, got {arg!r}; pass its data"
            )
        try:
            hash(arg)
        except TypeError:
            advice = "leave it out of the static ones" if isinstance(arg, np.ndarray) else "pass a tuple, say"
            raise ValueError(
                f"{which} of {self._name} is static: expected a hashable value, got {arg!r} "
                f"({type(arg).__name__}); {advice}"
            ) from None
        return typed(arg)

    def _bound(self, args: dict[int, Any], kwargs: dict[str, Any], count: int) -> Callable[..., Any]:
        """Return the function of the arguments that are not static."""

        @functools.wraps(self._f)
        def bound(*others: Any, **named: Any) -> Any:
            rest = iter(others)
            return self._f(*(args[i] if i in args else next(rest) for i in range(count)), **kwargs, **named)

        parameters = _parameters(self._f) or []
        kept = [p for i, p in enumerate(parameters) if i not in args and p.name not in kwargs]
        bound.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
        return bound


def _parameters(f: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the parameters of a function, or None where Python does not know them."""
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return None


def _positions(argnums: int | Iterable[int] | None) -> tuple[int, ...]:
    found = () if argnums is None else (argnums,) if isinstance(argnums, int | np.integer) else tuple(argnums)
    for argnum in found:
        if isinstance(argnum, bool) or not isinstance(argnum, int | np.integer):
            raise TypeError(f"expected whole numbers in static_argnums, got {argnum!r}")
    return tuple(map(int, found))


def _names(argnames: str | Iterable[str] | None) -> tuple[str, ...]:
    found = () if argnames is None else (argnames,) if isinstance(argnames, str) else tuple(argnames)
    for name in found:
        if not isinstance(name, str):
            raise TypeError(f"expected names in static_argnames, got {name!r}")
    return found
