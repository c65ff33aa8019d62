"""Static arguments: a function gets them as they are, and each value has its own program, as in JAX."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...engine.value import Value
from .key import typed


class Statics(NamedTuple):
    """The static arguments of one call.

    Attributes
    ----------
    positional : int
        The number of arguments that the call passes by position.
    by_position, by_name : dict
        The static ones among these by their position, and the static arguments that it passes by name.
    """

    positional: int
    by_position: dict[int, Any]
    by_name: dict[str, Any]

    @property
    def key(self) -> Hashable:
        """The part of the key that calls with the same static arguments share."""
        pairs = [*self.by_position.items(), *self.by_name.items()]
        return (self.positional, *((which, typed(value)) for which, value in pairs)) if pairs else ()

    def without(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments that are not static."""
        others = tuple(arg for i, arg in enumerate(args) if i not in self.by_position)
        return others, {name: arg for name, arg in kwargs.items() if name not in self.by_name}

    def call(self, f: Callable[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a function with these arguments in their places, and others in between."""
        rest = iter(args)
        all_args = [
            self.by_position[i] if i in self.by_position else next(rest) for i in range(self.positional)
        ]
        return f(*all_args, **self.by_name, **kwargs)


class StaticArguments:
    """Which arguments of a function are static.

    Parameters
    ----------
    f : callable
        The function.
    argnums : int, iterable of int or None
        Their positions.
    argnames : str, iterable of str or None
        Their names. If only positions or only names are given, the signature gives the other.

    Raises
    ------
    TypeError
        For positions that are not whole numbers, or names that are not strings.
    ValueError
        For arguments that the function does not have.

    Examples
    --------
    >>> power = lambda x, n: x**n
    >>> statics = StaticArguments(power, 1, None).of_call((2.0, 3), {})
    >>> statics.by_position, statics.without((2.0, 3), {}), statics.call(power, [5.0], {})
    ({1: 3}, ((2.0,), {}), 125.0)
    >>> StaticArguments(power, 1, None).of_call((2.0,), {"n": 3}).by_name
    {'n': 3}
    """

    def __init__(
        self,
        f: Callable[..., Any],
        argnums: int | Iterable[int] | None,
        argnames: str | Iterable[str] | None,
    ) -> None:
        self._f = f
        self.given = argnums, argnames
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

    @property
    def places(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Their positions and their names."""
        return self._argnums, self._argnames

    def of(self, f: Callable[..., Any]) -> StaticArguments:
        """Return the same positions and names for another function."""
        return StaticArguments(f, *self.given)

    def of_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Statics:
        """Return the static arguments of a call.

        Raises
        ------
        ValueError
            For one that is not hashable, or is a `Value`.
        """
        chosen = {n % len(args) if n < 0 and args else n for n in self._argnums}
        found = Statics(
            len(args),
            {i: arg for i, arg in enumerate(args) if i in chosen},
            {name: kwargs[name] for name in sorted(self._argnames) if name in kwargs},
        )
        for i, arg in found.by_position.items():
            self._check(f"argument {i}", arg)
        for name, arg in found.by_name.items():
            self._check(f"argument {name!r}", arg)
        return found

    def _check(self, which: str, arg: Any) -> None:
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
