"""`sweep`: a function at all points of a grid, in this process or on any executor."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import closing, nullcontext
from typing import Any

import numpy as np

from ..compiler.runtime.background import wait_for_all
from ..engine.user_line import user_line
from ..progress import Progress
from .dealing import check_executor, outcomes_from
from .points import check_first, points_of, written
from .random_streams import seeds_from
from .results_file import ResultsFile
from .sweep_results import SweepResults
from .tasks import Outcome

INTERRUPTED = "interrupted"


def sweep(
    f: Callable[..., Any],
    grid: Mapping[str, Iterable[Any]] | Iterable[Any],
    executor: Executor | None = None,
    chunks: int | None = None,
    progress: bool = True,
    *,
    seed: int | np.random.SeedSequence | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> SweepResults:
    """Call a function at all points of a grid: evaluations, trainings, folds, repetitions.

    The results are in the order of the grid, and bit by bit those of the serial run, whatever the executor,
    its workers and the size of tasks are, on machines with the same processors and libraries. For that,
    functions compiled without naming a backend stay on NumPy within a point; with ``jit(f, "numba")`` their
    first call waits for Numba.

    A point that fails does not stop the others. There is a warning at the end, the results know its arguments
    and its traceback, and raise when its result is asked for. After Ctrl-C, too, what is done is returned;
    tasks that have not begun are cancelled, and those that run are left to the executor.

    Parameters
    ----------
    f : callable
        The function. For processes it is pickled, and so are its results; with cloudpickle it may be a
        lambda, or stand in a notebook. Compiled functions in it take their programs along.
    grid : mapping or iterable
        A dict of the values of each argument: its points are all combinations, the last name varying fastest,
        and each calls ``f(**point)``. Or the points themselves: of a dict, ``f(**point)`` is called, of a
        tuple ``f(*point)``, of anything else ``f(point)``.
    executor : concurrent.futures.Executor, optional
        What computes the points: a pool of `concurrent.futures`, of loky or of mpi4py, ``get_executor()`` of
        a client of Dask, or any other object with their ``submit``. It stays open. Without one, this process
        computes one point after the other.
    chunks : int, optional
        How many points a task has. By default a worker gets four tasks; a task has one point where the
        executor does not say how many workers there are.
    progress : bool
        Whether to show the progress: a bar in terminals and notebooks, if tqdm is installed, else lines.
    seed : int or SeedSequence, optional
        With it, `f` is called with ``rng=``, a `numpy.random.Generator` of its own for each point, from
        ``SeedSequence(seed).spawn``.
    resume : path-like, optional
        A file that each result is written to when it is done, and that another run with the same arguments
        goes on from: points that it holds are not computed again; those that failed are. It holds lines of
        JSON; results must be numbers, texts, arrays, or lists, tuples and dicts of them.

    Returns
    -------
    SweepResults
        A sequence of the results, with ``points``, ``failures``, ``missing``, ``done`` and ``columns()``.

    Raises
    ------
    TypeError
        For a grid, an executor or a function that cannot be used so, and for a result that `resume` cannot
        hold.
    ValueError
        For ``chunks`` below 1, and a file of another sweep: the error says what differs.
    OSError
        If the file cannot be written, or another sweep writes it.

    Warns
    -----
    RuntimeWarning
        If points have failed, or the sweep was interrupted.

    Examples
    --------
    >>> from autograd import grad, sin
    >>> def derivative(x, order):
    ...     f = sin
    ...     for _ in range(order):
    ...         f = grad(f)
    ...     return f(x)
    >>> sweep(derivative, {"x": [0.5, 1.0], "order": [1, 2]}, progress=False)
    4 points
      x  order     result
    0.5      1   0.877583
    0.5      2  -0.479426
      1      1   0.540302
      1      2  -0.841471

    Repetitions with random numbers, on threads:

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> def estimate(repetition, rng):
    ...     return 4.0 * float((np.hypot(*rng.random((2, 1000))) < 1.0).mean())
    >>> with ThreadPoolExecutor(2) as pool:
    ...     estimates = sweep(estimate, range(8), pool, seed=0, progress=False)
    >>> list(estimates) == list(sweep(estimate, range(8), seed=0, progress=False))
    True
    """
    points, seeds = points_of(grid), seeds_from(seed)
    check_executor(executor, chunks)
    check_first(f, points, has_rng=seeds is not None)
    # What a backend is compiling now would take over at some point.
    wait_for_all()
    with nullcontext() if resume is None else ResultsFile(resume, f, points, seeds) as file:
        outcomes = [Outcome(number, result) for number, result in (file.results if file else {}).items()]
        known = {outcome.number for outcome in outcomes}
        rest = [(number, point) for number, point in enumerate(points) if number not in known]
        bar = Progress(range(len(known), len(points)), progress, "point")
        ended, failed = "", 0
        try:
            with closing(outcomes_from(f, rest, executor, chunks, seeds)) as found:
                for _ in bar:
                    outcome = next(found)
                    if file and outcome.fault is None:
                        file.add(outcome.number, outcome.result)
                    outcomes.append(outcome)
                    failed += outcome.fault is not None
                    bar.describe(f"{failed} failed" if failed else "")
        except KeyboardInterrupt:
            ended = INTERRUPTED
    results = SweepResults(f, points, outcomes, ended)
    if results.failures or results.missing:
        _warn_of(results)
    return results


def _warn_of(results: SweepResults) -> None:
    """Say that there are points without a result, and of the first that has failed why."""
    first = ""
    for failed in results.failures[:1]:
        at = written(results.f, failed.point)
        first = f"; the first, {at}, with {failed.error}" if at else f", with {failed.error}"
    warnings.warn(
        f"of {results.summary()}{first}; see .failures and .missing of the results",
        RuntimeWarning,
        stacklevel=user_line().depth + 1,
    )
