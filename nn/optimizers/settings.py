"""The settings of optimizers: checks, and whether one is known to be 0."""

from __future__ import annotations

from typing import Any

from autograd import Value


def positive(name: str, number: float) -> float:
    """Return a number that has to be positive.

    Examples
    --------
    >>> positive("eps", 1)
    1.0
    """
    if not number > 0.0:
        raise ValueError(f"expected {name} to be positive, got {number!r}")
    return float(number)


def at_least_zero(name: str, number: float) -> float:
    """Return a number that must not be negative.

    Examples
    --------
    >>> at_least_zero("weight_decay", 0)
    0.0
    """
    if not number >= 0.0:
        raise ValueError(f"expected {name} to be at least 0, got {number!r}")
    return float(number)


def fraction(name: str, number: float) -> float:
    """Return a number that has to be at least 0 and less than 1.

    Examples
    --------
    >>> fraction("momentum", 0.9)
    0.9
    """
    if not 0.0 <= number < 1.0:
        raise ValueError(f"expected {name} to be at least 0 and less than 1, got {number!r}")
    return float(number)


def is_zero(setting: Any) -> bool:
    """Return whether a setting is known to be 0; the argument of a compiled rule is not known.

    Examples
    --------
    >>> is_zero(0.0), is_zero(Value(0.0))
    (True, False)
    """
    return not isinstance(setting, Value) and setting == 0.0


def is_plain(setting: Any) -> bool:
    """Return whether JSON can hold a setting: a number, a text, nothing, or a tuple or list of them.

    Examples
    --------
    >>> is_plain((0.9, 0.999)), is_plain(Value(0.9))
    (True, False)
    """
    if isinstance(setting, tuple | list):
        return all(map(is_plain, setting))
    return setting is None or isinstance(setting, bool | int | float | str)
