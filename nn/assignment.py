"""Assigning many attributes as if at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

# Of ``data`` it is the setter that Python would look for a Ctrl-C in.
NUMBER = "_data"
"""The attribute of a `Value` that holds its number."""


def assign_all(*columns: tuple[Sequence[Any], str, Sequence[Any]]) -> None:
    """Assign an attribute of each of several objects: all of them or, where an interrupt comes first, none.

    Python looks for a Ctrl-C between the instructions of its own functions, and here there are none: a step
    of an optimizer is done or not, and a model never has some parameters of one step and some of another.

    Parameters
    ----------
    *columns : (sequence of object, str, sequence)
        Objects, the name of an attribute that has no setter in Python, and a value for each object.

    Examples
    --------
    >>> from autograd import Value
    >>> w, b = Value(0.0), Value(0.0)
    >>> assign_all(([w, b], NUMBER, [1.0, 2.0]), ([b], "label", ["b"]))
    >>> w, b
    (Value(1.0), Value(2.0, label='b'))
    """
    assignments = [map(setattr, objects, repeat(name), values) for objects, name, values in columns]
    deque(chain.from_iterable(assignments), maxlen=0)
