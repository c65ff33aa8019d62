"""Examples of calls: what another call of the same kind of arguments is made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

from ...transforms.trees import Branch, Copier, Structure, unflatten
from .call import Call, NamedArray


class CallExample:
    """What another call is made from; it keeps no number and no module alive.

    Parameters
    ----------
    call : Call
        The call.

    Attributes
    ----------
    outline : list of NamedArray
        What the user calls each array among the arguments.

    Examples
    --------
    >>> example = CallExample(Call(lambda x, y: x * y, (2.0, [3.0, 4.0]), {}))
    >>> example.arguments()
    ((1.0, [1.0, 1.0]), {})
    >>> example.function(lambda x, y: x + y[1])(1.0, [2.0, 3.0])
    4.0
    """

    def __init__(self, call: Call) -> None:
        self.outline: list[NamedArray] = call.outline
        self._statics, self._structure = call.statics, _forgetful(call.structure)

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return other arguments, by position and by name, without the static ones.

        Raises
        ------
        RuntimeError
            If a module among them is gone.
        """
        args, kwargs = unflatten(self._structure, [1.0] * self._structure.size, argument=True)
        return tuple(args), kwargs

    def function(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function of the arguments that are not static."""
        return lambda *args, **kwargs: self._statics.call(f, args, kwargs)

    def place(self, position: int) -> int:
        """Return where an argument of the function stands among those by position that are not static.

        Raises
        ------
        ValueError
            If there is no such argument.
        """
        known = self.positions
        if position not in known:
            raise ValueError(
                f"argnums asks for argument {position}; expected one of {known}, which are not static"
            )
        return known.index(position)

    @property
    def positions(self) -> list[int]:
        """The positions of arguments that are not static."""
        return [i for i in range(self._statics.positional) if i not in self._statics.by_position]


class _Remembered:
    """Gives the module that was an argument, if it is still there."""

    def __init__(self, module: Any) -> None:
        self._module = ref(module)

    def __call__(self, parts: Sequence[Any]) -> Any:
        module = self._module()
        if module is None:
            raise RuntimeError(
                "the module of the last call is gone: call the function with another one first"
            )
        return module


def _forgetful(structure: Structure) -> Structure:
    """Return a structure that refers to its modules weakly, and is built of them again."""
    if not isinstance(structure, Branch):
        return structure
    found = structure.with_parts(tuple([_forgetful(part) for part in structure.parts]))
    if isinstance(structure.build_argument, Copier):
        found.build_argument = _Remembered(structure.build_argument.module)
    return found
