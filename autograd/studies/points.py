"""The points of a grid, and how a function is called with one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

from ..printable import printable

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_LONGEST = 40


def points_of(grid: Mapping[str, Iterable[Any]] | Iterable[Any]) -> list[Any]:
    """Return the points of a grid in their order.

    Parameters
    ----------
    grid : mapping or iterable
        The values of each name, all combinations of which are points; or the points themselves.

    Returns
    -------
    list
        A dict for each combination, of which the last name varies fastest; or the points as they are.

    Raises
    ------
    TypeError
        For a grid of neither kind, or a name with a single value in place of several.

    Examples
    --------
    >>> points_of({"lr": [0.1, 0.01], "depth": [1, 2]})[:2]
    [{'lr': 0.1, 'depth': 1}, {'lr': 0.1, 'depth': 2}]
    >>> points_of(range(3))
    [0, 1, 2]
    """
    if not isinstance(grid, Mapping):
        if not isinstance(grid, Iterable) or isinstance(grid, str | bytes):
            raise TypeError(
                f"expected a grid: a dict of names and their values, or the points themselves, got {grid!r}"
            )
        return list(grid)
    for name, values in grid.items():
        if not isinstance(name, str):
            raise TypeError(f"expected names of arguments in the grid, got {name!r}")
        if not isinstance(values, Iterable) or isinstance(values, str | bytes):
            raise TypeError(f"expected the values of {name!r} in a list, got {values!r}; write [{values!r}]")
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def arguments_of(point: Any) -> Arguments:
    """Return what a function is called with at a point: by name, by position, or a single argument.

    Examples
    --------
    >>> arguments_of({"lr": 0.1}), arguments_of((1, 2)), arguments_of(3)
    (((), {'lr': 0.1}), ((1, 2), {}), ((3,), {}))
    """
    if isinstance(point, Mapping):
        return (), dict(point)
    return (tuple(point) if isinstance(point, tuple) else (point,)), {}


def check_first(f: Callable[..., Any], points: Sequence[Any], *, has_rng: bool) -> None:
    """Check that a function can be called with the first point, before anything is computed.

    Raises
    ------
    TypeError
        If it cannot, or would get two arguments ``rng``.

    Examples
    --------
    >>> check_first(lambda lr: lr, [{"lr": 0.1}], has_rng=False)
    """
    if not callable(f):
        raise TypeError(f"expected a function to call at each point, got {f!r} ({type(f).__name__})")
    if not points:
        return
    args, kwargs = arguments_of(points[0])
    if has_rng and "rng" in kwargs:
        raise TypeError(
            "the grid has an argument 'rng', which seed= gives to each point; leave one of them out"
        )
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # Python does not know it, as that of some functions of C.
        return
    try:
        signature.bind(*args, **kwargs, **({"rng": None} if has_rng else {}))
    except TypeError as error:
        hint = "" if has_rng else "; seed= gives each point an argument rng"
        if has_rng and "'rng'" in str(error):
            hint = "; with seed= each point gets an argument rng, a numpy.random.Generator"
        shown = written(f, points[0]) or "no arguments"
        raise TypeError(f"{name_of(f)} cannot be called with {shown}: {error}{hint}") from None


def name_of(f: Callable[..., Any]) -> str:
    """Return what a function is called, with its module.

    Examples
    --------
    >>> name_of(partial(check_first, has_rng=True))
    'autograd.studies.points.check_first'
    """
    while isinstance(f, partial):
        f = f.func
    named = f if hasattr(f, "__qualname__") else type(f)
    return f"{named.__module__}.{named.__qualname__}"


def names_of(f: Callable[..., Any], points: Sequence[Any]) -> list[str]:
    """Return the names of what varies from point to point: those of the grid, or of the function.

    Examples
    --------
    >>> names_of(lambda train, test: 0, [([1], [2])]), names_of(print, [{"sep": "", "end": ""}])
    (['train', 'test'], ['sep', 'end'])
    """
    names: dict[str, None] = {}
    most = 0
    for point in points:
        args, kwargs = arguments_of(point)
        names.update(dict.fromkeys(kwargs))
        most = max(most, len(args))
    return [*_positional(f, most), *names]


def _positional(f: Callable[..., Any], count: int) -> list[str]:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [named[i] if i < len(named) else f"argument {i}" for i in range(count)]


def values_at(point: Any, names: Sequence[str]) -> list[Any]:
    """Return the value of each name at a point, None where it has none.

    Examples
    --------
    >>> values_at({"depth": 2}, ["lr", "depth"]), values_at(0.1, ["lr"])
    ([None, 2], [0.1])
    """
    args, kwargs = arguments_of(point)
    return [args[i] if i < len(args) else kwargs.get(name) for i, name in enumerate(names)]


def written(f: Callable[..., Any], point: Any) -> str:
    """Return the arguments of a point as text.

    Examples
    --------
    >>> written(lambda lr, depth: 0, (0.1, 2))
    'lr=0.1, depth=2'
    """
    names = names_of(f, [point])
    return ", ".join(
        f"{name}={shown(value)}" for name, value in zip(names, values_at(point, names), strict=True)
    )


def shown(value: Any) -> str:
    """Return a value as a short text.

    Examples
    --------
    >>> import numpy as np
    >>> shown(0.25), shown(np.float64(1 / 3)), shown(np.zeros((2, 3))), shown("x" * 100)
    ('0.25', '0.333333', 'array (2, 3)', "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…")
    """
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool | int | None):
        return str(value)
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"array {shape}" if shape else str(value)
    text = printable(getattr(value, "__name__", None) or repr(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
