"""Points are dealt to the workers of an executor in tasks, and outcomes come back as tasks end."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from math import ceil
from typing import Any

from .tasks import (
    Outcome,
    Seeds,
    fault_of,
    list_of_outcomes,
    outcomes_by_bytes,
    outcomes_of,
    unpacked_outcome,
)
from .travelling import UnsentError, sent, sent_with_programs

Numbered = list[tuple[int, Any]]

TASKS_A_WORKER = 4
"""How many tasks a worker gets: a long one, at the end, takes a quarter of its time."""

# In seconds. A wait without an end misses a Ctrl-C that comes just before it begins, and on Windows any.
_PATIENCE = 0.5


def outcomes_from(
    f: Callable[..., Any],
    points: Numbered,
    executor: Any,
    chunks: int | None,
    seeds: Seeds,
) -> Generator[Outcome, None, None]:
    """Compute points, in this process or on an executor.

    Parameters
    ----------
    f : callable
        The function.
    points : list of (int, object)
        The points and their numbers.
    executor : Executor or None
        What computes; None for this process.
    chunks : int or None
        How many points a task has.
    seeds : SeedSequence or None
        What random numbers come from.

    Yields
    ------
    Outcome
        Of each point, in any order.

    Raises
    ------
    UnsentError
        If the function or a point cannot be sent.
    KeyboardInterrupt
        If there is one, here or in a worker.

    Examples
    --------
    >>> with concurrent.futures.ThreadPoolExecutor(2) as pool:
    ...     found = sorted(outcomes_from(abs, [(0, -1.0), (1, 2.0)], pool, None, None))
    >>> [outcome.result for outcome in found]
    [1.0, 2.0]
    """
    if executor is None:
        yield from outcomes_of(f, points, seeds)
        return
    size = chunks or default_size(len(points), executor)
    tasks = [points[start : start + size] for start in range(0, len(points), size)]
    yield from _outcomes_of_tasks(f, tasks, executor, seeds)


def check_executor(executor: Any, chunks: int | None) -> None:
    """Check what points are to be dealt to, and how.

    Raises
    ------
    TypeError
        For something that is no executor, or a `chunks` that is no whole number.
    ValueError
        For a `chunks` below 1.

    Examples
    --------
    >>> check_executor("threads", None)
    Traceback (most recent call last):
        ...
    TypeError: expected an executor, with a method submit as those of concurrent.futures have, got a str
    """
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise TypeError(
            "expected an executor, with a method submit as those of concurrent.futures have, got a "
            f"{type(executor).__name__}"
        )
    if chunks is None:
        return
    if isinstance(chunks, bool) or not isinstance(chunks, int):
        raise TypeError(f"expected a number of points as chunks, got {chunks!r}")
    if chunks < 1:
        raise ValueError(f"expected chunks of at least one point, got {chunks}")


def default_size(points: int, executor: Any) -> int:
    """Return how many points a task has: each worker gets four tasks; if their number is unknown, one.

    Examples
    --------
    >>> with concurrent.futures.ThreadPoolExecutor(2) as pool:
    ...     default_size(1000, pool), default_size(3, pool)
    (125, 1)
    """
    # That of mpi4py, which waits until the processes are there; that of the standard library and loky.
    workers = getattr(executor, "num_workers", None) or getattr(executor, "_max_workers", None)
    if not isinstance(workers, int) or workers < 1:
        return 1
    return max(1, ceil(points / (TASKS_A_WORKER * workers)))


def _outcomes_of_tasks(
    f: Callable[..., Any], tasks: Sequence[Numbered], executor: Any, seeds: Seeds
) -> Iterator[Outcome]:
    futures: dict[Any, Numbered] = {}
    has_threads = _has_threads(executor)
    submit = _submitter(f, executor, seeds, has_threads)
    lost: list[Outcome] = []
    try:
        for number, task in enumerate(tasks):
            try:
                futures[submit(task)] = task
            except UnsentError:
                raise
            # A worker may die while tasks are still being handed over. Not so at the first one.
            except Exception as error:
                if number == 0:
                    raise
                lost += _lost(task, error)
        yield from lost
        for future in _as_they_come(futures):
            for outcome in _outcomes_in(future, futures.pop(future)):
                yield outcome if has_threads else unpacked_outcome(outcome)
    finally:
        for future in futures:
            future.cancel()


def _as_they_come(futures: Iterable[Any]) -> Iterator[Any]:
    """Yield futures as they are done."""
    pending = {*futures}
    while pending:
        try:
            for future in concurrent.futures.as_completed(pending, _PATIENCE):
                pending.discard(future)
                yield future
        except TimeoutError:
            continue


def _submitter(
    f: Callable[..., Any], executor: Any, seeds: Seeds, has_threads: bool
) -> Callable[[Numbered], Any]:
    """Return what hands a task to an executor: as it is to threads of this process, else as bytes."""
    if has_threads:
        return lambda task: executor.submit(list_of_outcomes, f, task, seeds)
    function = sent_with_programs(f)
    return lambda task: executor.submit(outcomes_by_bytes, function, sent(task, "a point"), seeds)


def _has_threads(executor: Any) -> bool:
    # That of interpreters, of Python 3.14, is a subclass of that of threads.
    interpreters = getattr(concurrent.futures, "InterpreterPoolExecutor", ())
    is_pool = isinstance(executor, concurrent.futures.ThreadPoolExecutor)
    return is_pool and not isinstance(executor, interpreters)


def _outcomes_in(future: Any, task: Numbered) -> list[Outcome]:
    try:
        found: list[Outcome] = future.result()
    except UnsentError:
        raise
    # The worker has died, or cannot compute at all; or somebody else has cancelled the task.
    except Exception as error:
        return _lost(task, error)
    return found


def _lost(task: Numbered, error: BaseException) -> list[Outcome]:
    """Return the outcome of points whose task has not come back."""
    fault = fault_of(error)
    return [Outcome(number, None, fault._replace(error=f"lost: {fault.error}")) for number, _ in task]
