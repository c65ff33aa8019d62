"""Check the answers to the exercises of the notebooks without giving them away.

A right answer is stored as digests of its numbers, each rounded to three significant digits, in
`exercises.json`. That of an exercise which asks for a function is stored as digests of what the function
returns for the arguments there.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DIGITS = 3

EXERCISES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("exercises.json").read_text(encoding="utf-8")
)
"""What is known of each exercise: ``digests``, ``hint``, and of a function the ``arguments`` to try."""


class Verdict(NamedTuple):
    """What `check` has to say, which a notebook shows as a line of text."""

    exercise: str
    right: bool | None
    remark: str

    def __repr__(self) -> str:
        return f"Exercise {self.exercise}: {self.remark}"


def check(exercise: str, answer: object) -> Verdict:
    """Check an answer: a number, a word, a list or an array of them, or a function.

    Parameters
    ----------
    exercise : str
        The number of the exercise, such as ``"1.2"``.
    answer : object
        The answer. ``...`` stands for one that is not there yet.

    Returns
    -------
    Verdict
        Whether the answer is right, and a hint if it is not.

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> check("1.1", ...)
    Exercise 1.1: not answered yet
    >>> check("1.1", [1.0, 2.0])
    Exercise 1.1: not yet, look at number 1 of 2. Hint: two arrows leave x.
    """
    known = EXERCISES.get(exercise)
    if known is None:
        raise ValueError(f"expected an exercise from {', '.join(EXERCISES)}, got {exercise!r}")
    if answer is ...:
        return Verdict(exercise, None, "not answered yet")
    try:
        problem = _problem(exercise, known, answer)
    except Exception as error:  # of the reader's function, or of what is no number
        problem = f"got {type(error).__name__}: {error}"
    if problem is None:
        return Verdict(exercise, True, "right")
    return Verdict(exercise, False, f"not yet, {problem}. Hint: {known['hint']}")


def digests(exercise: str, answer: object, arguments: Sequence[Sequence[Any]] = ()) -> list[str]:
    """Return what is stored of a right answer."""
    return [_digest(exercise, place, _text(item)) for place, item in enumerate(_items(answer, arguments))]


def _problem(exercise: str, known: dict[str, Any], answer: object) -> str | None:
    """Return what is wrong with an answer, None if nothing is."""
    arguments, expected = known.get("arguments", []), known["digests"]
    if bool(arguments) != callable(answer):
        return f"expected {'a function' if arguments else 'numbers, not a function'}"
    items = list(_items(answer, arguments))
    if len(items) != len(expected):
        return f"expected {len(expected)} {'numbers' if len(expected) > 1 else 'number'}, got {len(items)}"
    for place, (item, digest) in enumerate(zip(items, expected, strict=True)):
        if digest not in {_digest(exercise, place, text) for text in _texts_near(item)}:
            return _where(place, len(items), arguments)
    return None


def _where(place: int, count: int, arguments: Sequence[Sequence[Any]]) -> str:
    """Say which of the numbers is wrong."""
    if arguments:
        tried = arguments[place // (count // len(arguments))]
        return f"it gives something else for {', '.join(map(str, tried))}"
    return f"look at number {place + 1} of {count}" if count > 1 else "that is another number"


def _items(answer: Any, arguments: Sequence[Sequence[Any]]) -> Iterator[Any]:
    """Yield the numbers and words of an answer, or of what a function returns."""
    if arguments:
        function: Callable[..., Any] = answer
        for given in arguments:
            yield from _flat(
                function(*(np.array(item) if isinstance(item, list) else item for item in given))
            )
    else:
        yield from _flat(answer)


def _flat(answer: Any) -> Iterator[Any]:
    if isinstance(answer, list | tuple) or (isinstance(answer, np.ndarray) and answer.ndim):
        for item in answer:
            yield from _flat(item)
    else:
        yield answer.strip().lower() if isinstance(answer, str) else float(answer)


def _text(item: float | str) -> str:
    """Return an item as it is digested: a number with three digits."""
    if isinstance(item, str):
        return item
    # What should cancel may leave a rounding error, and -0.0 is 0.
    return f"{0.0 if abs(item) < 1e-9 else item:.{DIGITS - 1}e}"


def _texts_near(item: float | str) -> list[str]:
    """Return the texts that stand for an item: two, where a rounding error decides its last digit."""
    if isinstance(item, str) or not math.isfinite(item):
        return [_text(item)]
    return [_text(item), _text(item * (1 - 1e-6)), _text(item * (1 + 1e-6))]


def _digest(exercise: str, place: int, text: str) -> str:
    return hashlib.sha256(f"chainrule {exercise} {place} {text}".encode()).hexdigest()[:12]
