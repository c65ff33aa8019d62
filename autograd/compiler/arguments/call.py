"""A call of a compiled function, its arguments taken apart once for all that the first call needs of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...engine.value import Value
from ...transforms.trees import Structure, leaves_of, unflatten
from .arrays import arrays_of, keys_of, paths_of, shapes_of
from .device_arrays import DeviceArrays
from .key import key_of
from .open_lengths import NONE_OPEN, OpenLengths, with_symbols
from .snapshot import Snapshot
from .static import StaticArguments, Statics

Key = tuple[Hashable, tuple[Hashable, ...], tuple[Hashable, ...]]

_WHOSE = "an argument of a compiled function"


class NamedArray(NamedTuple):
    """What the user calls an array that a program takes.

    Attributes
    ----------
    argument : str
        The argument that it is in.
    position : int or None
        Where that stands among the arguments; None if it is given by name.
    path : str
        Where the array stands in it.
    shape : tuple of int
        Its shape.
    keys : tuple of str
        The names of the parameters that its numbers are, if it is a module.
    """

    argument: str
    position: int | None
    path: str
    shape: tuple[int, ...]
    keys: tuple[str, ...] = ()


class Call:
    """A call, taken apart.

    Parameters
    ----------
    f : callable
        The function.
    args, kwargs : tuple, dict
        Its arguments.
    static : StaticArguments, optional
        Which of them are static.
    devices : DeviceArrays, optional
        The arrays that are taken as they are, if they are others than NumPy's.

    Attributes
    ----------
    f, args, kwargs, devices
        The same.
    statics : Statics
        Those of them that are static.
    leaves : list
        The numbers and arrays of the others.
    structure : Structure
        What these are leaves of: the pair of the other arguments by position and by name.
    snapshots : dict
        Of the modules among them, by the id of their `Copier`, once there is a key.

    Raises
    ------
    TypeError
        For an argument that is no tree of numbers, arrays and modules.

    Examples
    --------
    >>> call = Call(lambda w, x: w @ x, ({"a": np.ones(2)}["a"], [1.0, 2.0]), {})
    >>> call.names, call.arrays
    (['w', 'x_0', 'x_1'], [array([1., 1.]), np.float64(1.0), np.float64(2.0)])
    >>> call.on([3.0, 4.0, 5.0, 6.0])
    np.float64(39.0)
    """

    def __init__(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        static: StaticArguments | None = None,
        devices: DeviceArrays | None = None,
    ) -> None:
        self.f, self.args, self.kwargs, self.devices = f, args, kwargs, devices
        self.statics = static.of_call(args, kwargs) if static else Statics(len(args), {}, {})
        others = self.statics.without(args, kwargs)
        self.snapshots: dict[int, Snapshot] = {}
        foreign = () if devices is None else devices.types
        self.leaves, self.structure = leaves_of(others, _WHOSE, exact=True, foreign=foreign)
        if devices is not None:
            devices.check(self.leaves, _WHOSE)

    @property
    def is_recorded(self) -> bool:
        """Whether there are `Value`s among the arguments: somebody differentiates through the call."""
        return any(map(_is_recorded, self.leaves))

    @cached_property
    def key(self) -> Key:
        """What a trace of the call depends on: the static arguments, and the tokens of the others."""
        return self.key_for(NONE_OPEN)

    def key_for(self, lengths: OpenLengths) -> Key:
        """Return what a program depends on that holds for any of some lengths."""
        (structure,) = with_symbols([self.structure], lengths)
        return self.statics.key, key_of(structure, self.snapshots), lengths.conditions

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the arrays that a program takes."""
        return [shape for part in self.parts for shape in shapes_of(part)]

    @cached_property
    def arrays(self) -> list[Any]:
        """What a program takes."""
        if self.devices is not None:
            return self.devices.arrays_of(self.parts, self.leaves)
        return arrays_of(self.parts, self.leaves)

    @property
    def examples(self) -> list[Any]:
        """NumPy's arrays in the places of those that a program takes, to trace with.

        The numbers of others, which may be on devices or not be known, are ones.
        """
        if self.devices is None:
            return self.arrays
        return [np.broadcast_to(1.0, shape) if shape else np.float64(1.0) for shape in self.shapes]

    @property
    def holds_whole_numbers(self) -> bool:
        """Whether there are integers or booleans among the leaves."""
        dtypes = [getattr(leaf, "dtype", None) or np.asarray(leaf).dtype for leaf in self.leaves]
        return any(dtype.kind in "iub" for dtype in dtypes)

    @property
    def parts(self) -> list[Structure]:
        """The structures of the arguments that are not static, in their order."""
        pair: Any = self.structure
        return [part for arguments in pair.parts for part in arguments.parts]

    @property
    def positional_names(self) -> list[str]:
        """The names of the arguments by position, the static ones included."""
        try:
            bound = inspect.signature(self.f).bind(*self.args, **self.kwargs).arguments
        except (TypeError, ValueError):
            bound = {}
        # Where the signature collects arguments, as `*rest` does, they have no names of their own.
        own = [*bound] if len(bound) == len(self.args) + len(self.kwargs) else []
        return own[: len(self.args)] or [f"x{i}" for i in range(len(self.args))]

    @property
    def part_names(self) -> list[str]:
        """The names of the arguments that are not static, in their order."""
        names = self.positional_names
        by_position = [name for i, name in enumerate(names) if i not in self.statics.by_position]
        return [*by_position, *(name for name in self.kwargs if name not in self.statics.by_name)]

    @property
    def names(self) -> list[str]:
        """A name for each array."""
        pairs = zip(self.part_names, self.parts, strict=True)
        return [name + path for name, part in pairs for path in paths_of(part)]

    @property
    def outline(self) -> list[NamedArray]:
        """What the user calls each array that a program takes."""
        positions = [i for i in range(len(self.args)) if i not in self.statics.by_position]
        by_name = [None] * (len(self.parts) - len(positions))
        return [
            NamedArray(name, position, path, shape, keys)
            for name, position, part in zip(self.part_names, [*positions, *by_name], self.parts, strict=True)
            for path, shape, keys in zip(paths_of(part), shapes_of(part), keys_of(part), strict=True)
        ]

    def on(self, numbers: Iterable[Any]) -> Any:
        """Call the function with other numbers, or `Value`s, in the places of those there are."""
        args, kwargs = unflatten(self.structure, numbers, argument=True)
        return self.statics.call(self.f, args, kwargs)


def form_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Hashable:
    """Return what can be told of arguments at a glance.

    It takes 0.5 us, and nearly always suffices to find the program among those of a function.

    Examples
    --------
    >>> form_of((1.0, np.ones((2, 3)), [0.5] * 4), {"n": 3}) == (float, 2, 4, int, "n")
    True
    """
    forms = [
        arg.ndim if arg.__class__ is np.ndarray else len(arg) if arg.__class__ is list else arg.__class__
        for arg in (*args, *kwargs.values())
    ]
    return (*forms, *kwargs)


def _is_recorded(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray):
        return leaf.dtype == object and any(isinstance(item, Value) for item in leaf.flat)
    return isinstance(leaf, Value)
