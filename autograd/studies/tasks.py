"""What a worker does: a task of some points, each of which may fail by itself."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..compiler.runtime.settled_backends import settled_backends
from .interrupts import InterruptWatch
from .points import arguments_of
from .random_streams import generator_of
from .travelling import received, result_bytes

Seeds = np.random.SeedSequence | None


class Fault(NamedTuple):
    """Why there is no result: the error in a line, and where it was raised, if that is known."""

    error: str
    where: str = ""


class Outcome(NamedTuple):
    """What became of a point.

    Attributes
    ----------
    number : int
        Which point.
    result : object
        What the function returned.
    fault : Fault or None
        Why it did not.
    """

    number: int
    result: Any
    fault: Fault | None = None


def outcomes_of(f: Callable[..., Any], points: Iterable[tuple[int, Any]], seeds: Seeds) -> Iterator[Outcome]:
    """Call a function at points, one after the other.

    Parameters
    ----------
    f : callable
        The function.
    points : iterable of (int, object)
        The points and their numbers.
    seeds : SeedSequence or None
        What their random numbers come from.

    Yields
    ------
    Outcome
        Of each point.

    Raises
    ------
    KeyboardInterrupt
        Also where the function caught it.

    Examples
    --------
    >>> list(outcomes_of(int, [(0, "1"), (1, "x")], None))[1].fault.error
    "ValueError: invalid literal for int() with base 10: 'x'"
    """
    for number, point in points:
        args, kwargs = arguments_of(point)
        if seeds is not None:
            kwargs["rng"] = generator_of(seeds, number)
        with InterruptWatch() as watch, settled_backends():
            try:
                outcome = Outcome(number, f(*args, **kwargs))
            except Exception as error:
                outcome = Outcome(number, None, fault_of(error))
            watch.check()
        yield outcome


def list_of_outcomes(f: Callable[..., Any], points: list[tuple[int, Any]], seeds: Seeds) -> list[Outcome]:
    """Return the outcomes of a task in a thread, which shares the function and its results.

    Examples
    --------
    >>> list_of_outcomes(abs, [(0, -1.0)], None)
    [Outcome(number=0, result=1.0, fault=None)]
    """
    return list(outcomes_of(f, points, seeds))


def outcomes_by_bytes(function: bytes, points: bytes, seeds: Seeds) -> list[Outcome]:
    """Return the outcomes of a task in another process, with results as bytes.

    Each result is pickled by itself, so that one that cannot be loses no other.

    Examples
    --------
    >>> from .travelling import sent_with_programs
    >>> [outcome] = outcomes_by_bytes(sent_with_programs(abs), pickle.dumps([(0, -1.0)]), None)
    >>> pickle.loads(outcome.result)
    1.0
    """
    # Programs that come along wait for their backend.
    with settled_backends():
        f = received(function)
    return [_packed(outcome) for outcome in outcomes_of(f, pickle.loads(points), seeds)]


def _packed(outcome: Outcome) -> Outcome:
    if outcome.fault is not None:
        return outcome
    try:
        return outcome._replace(result=result_bytes(outcome.result))
    except Exception as error:
        kind = type(outcome.result).__name__
        fault = Fault(f"its result, a {kind}, cannot be sent back: {_line(error)}")
        return outcome._replace(result=None, fault=fault)


def unpacked_outcome(outcome: Outcome) -> Outcome:
    """Return an outcome with its result, which has come as bytes.

    Examples
    --------
    >>> unpacked_outcome(Outcome(0, pickle.dumps(2.0)))
    Outcome(number=0, result=2.0, fault=None)
    """
    if outcome.fault is not None:
        return outcome
    try:
        return outcome._replace(result=pickle.loads(outcome.result))
    except Exception as error:
        return Outcome(outcome.number, None, Fault(f"its result cannot be read here: {_line(error)}"))


def fault_of(error: BaseException) -> Fault:
    """Return why a call has failed, as text: not every error can be sent to another process.

    Examples
    --------
    >>> fault_of(ValueError("no")).error
    'ValueError: no'
    """
    # Without the line that calls the function, which is the same for all.
    trace = error.__traceback__ and (error.__traceback__.tb_next or error.__traceback__)
    return Fault(_line(error), "".join(traceback.format_exception(type(error), error, trace)))


def _line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
