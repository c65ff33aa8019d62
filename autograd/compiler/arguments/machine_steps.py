"""Steps in which machine code reads arguments and puts results together."""

from __future__ import annotations

from typing import Any, NamedTuple


class ReadStep(NamedTuple):
    """What the next object has to be: objects wait in a queue, to which a container adds its items.

    Attributes
    ----------
    kind : str
        "number", "array", "numbers" (a list of them, which is one array), "tuple", "list", "dict", or "same":
        one certain object.
    argument : int
        Of a number, an array and a list of numbers, which argument of the program it is.
    shape : tuple of int
        Of an array, with the same negative number for lengths that have to be equal, whatever they are, and
        of a list of numbers.
    size : int
        How many items a container has.
    known : tuple
        The keys of a dict, or the one object.
    """

    kind: str
    argument: int = -1
    shape: tuple[int, ...] = ()
    size: int = 0
    known: tuple[Any, ...] = ()


class BuildStep(NamedTuple):
    """What is made next: a container takes the last objects that were made.

    Attributes
    ----------
    kind : str
        "number" or "array", or "tuple", "list" or "dict".
    which : int
        Which result of the program it is, or how many items the container takes.
    keys : tuple
        The keys of a dict.
    """

    kind: str
    which: int
    keys: tuple[Any, ...] = ()
