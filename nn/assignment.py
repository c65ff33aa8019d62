"""Assigning many attributes at once, as far as an interrupt can tell."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

# Not ``data`` and ``grad``, whose setters are written in Python.
NUMBER = "_data"
"""The attribute of a `Value` that holds its number."""

GRADIENT = "_grad"
"""The attribute of a parameter that holds its gradient."""


def assign_all(*columns: tuple[Sequence[Any], str, Sequence[Any]]) -> None:
    """Assign an attribute of each of several objects: all of them or, after an interrupt, none.

    Python handles Ctrl-C only between its own bytecode instructions, and here none are executed between the
    first assignment and the last. So a model never has some parameters of one step and some of the next.

    Parameters
    ----------
    *columns : (sequence of object, str, sequence)
        Objects, the name of an attribute without a setter written in Python, and a value for each object.

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
