"""What is checked of a checkpoint before it is used: it may be damaged, or made to do harm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import NoneType
from typing import Any

from .history import History

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "optimizer": dict,
    "schedule": (dict, NoneType),
    "callbacks": list,
    "history": dict,
    "rng": dict,
    "rng at first": dict,
}
_COLUMNS = ("loss", "val_loss", "lr")
_TABLES = ("metrics", "val_metrics")
_MOST = 2**63


class DamagedCheckpointError(ValueError):
    """A checkpoint says something that no training has written; the message says what."""


def check_described(described: Mapping[str, Any]) -> None:
    """Raise unless each part of a description is there and of its kind.

    Raises
    ------
    DamagedCheckpointError
        If it is not.

    Examples
    --------
    >>> check_described({"optimizer": 3})
    Traceback (most recent call last):
        ...
    nn.training.checkpoint_checks.DamagedCheckpointError: its optimizer is int, expected dict
    """
    for name, kind in _KINDS.items():
        _check_kind(f"its {name}", described.get(name, ...), kind)
    for pair in described["callbacks"]:
        _check_kind("a callback", pair, list)
        if [type(part) for part in pair] != [str, dict]:
            raise DamagedCheckpointError("a callback in it is no pair of a name and a state")
    _check_history(described["history"])


def _check_history(history: Mapping[str, Any]) -> None:
    known = {field.name for field in fields(History)}
    if history.keys() != known:
        raise DamagedCheckpointError(f"its history has {', '.join(history)}, expected {', '.join(known)}")
    columns = [(name, history[name]) for name in _COLUMNS]
    for table in _TABLES:
        _check_kind(f"its {table}", history[table], dict)
        columns += history[table].items()
    for name, column in columns:
        _check_kind(f"its {name}", column, list)
        if not all(map(_is_number, column)):
            raise DamagedCheckpointError(f"its {name} is no list of numbers")
    for name in ("how", "ended"):
        _check_kind(f"its {name!r}", history[name], str)
    _check_kind("its best epoch", history["best_epoch"], (int, NoneType))


def _check_kind(what: str, found: Any, kind: type | tuple[type, ...]) -> None:
    if not isinstance(found, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(each.__name__ for each in kinds)
        got = "missing" if found is ... else type(found).__name__
        raise DamagedCheckpointError(f"{what} is {got}, expected {wanted}")


def check_like(found: Any, own: Any, what: str) -> None:
    """Raise unless a state is like another one: numbers where it has numbers, lists where it has lists.

    Parameters
    ----------
    found, own : object
        The state to check, and one that is known to be right. Lists may be of another length; where the right
        one is empty, of numbers.
    what : str
        What the error calls it.

    Raises
    ------
    DamagedCheckpointError
        If it is not.

    Examples
    --------
    >>> check_like({"lr": 0.5, "betas": [0.9, 0.999]}, {"lr": 1.0, "betas": [0.5, 0.5]}, "the optimizer")
    >>> check_like({"lr": "fast"}, {"lr": 1.0}, "the optimizer")
    Traceback (most recent call last):
        ...
    nn.training.checkpoint_checks.DamagedCheckpointError: the optimizer: lr is str, expected float
    """
    if own is None or (_is_number(found) and _is_number(own)):
        return
    if type(found) is not type(own):
        raise DamagedCheckpointError(f"{what} is {type(found).__name__}, expected {type(own).__name__}")
    if isinstance(own, dict):
        if found.keys() != own.keys():
            odd = ", ".join(sorted(map(str, found.keys() ^ own.keys())))
            raise DamagedCheckpointError(f"{what}: one of both has no {odd}")
        for name, part in own.items():
            check_like(found[name], part, f"{what}: {name}" if ":" not in what else f"{what}.{name}")
    elif isinstance(own, list):
        for i, part in enumerate(found):
            right = own[i] if i < len(own) else own[0] if own else 0.0
            check_like(part, right, f"an entry of {what}")


def _is_number(found: Any) -> bool:
    """Return whether something is a number that a training can have, which is no integer of 400 digits."""
    return isinstance(found, float) or (isinstance(found, int) and abs(found) < _MOST)
