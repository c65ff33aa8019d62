from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweep_functions as functions
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd import sweep
from autograd.studies import SweepError, SweepResults
from autograd.studies.dealing import outcomes_from
from autograd.studies.interrupts import InterruptWatch
from autograd.studies.json_trees import as_json, line_of
from autograd.studies.tasks import outcomes_by_bytes
from autograd.studies.travelling import sent_with_programs

ROOT = Path(__file__).parents[2]
GRID = {"x": [0.0, 0.5, 1.0], "order": [0, 1, 2]}
SEVERAL = [1.0, -2.0, 3.0, 4.0, 5.5]


def same(one: Any, two: Any) -> bool:
    """Return whether two results are equal bit by bit, types included."""
    return line_of(as_json(list(one))) == line_of(as_json(list(two)))


def processes() -> Executor:
    """Return a pool of the standard library; not forked, since another test may have loaded JAX."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def of_loky() -> Executor:
    """Return a pool of loky."""
    return pytest.importorskip("loky").ProcessPoolExecutor(2)  # type: ignore[no-any-return]


def of_dask() -> Any:
    """Return the client of a cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    return distributed.Client(cluster)


class Together:
    """An executor that is none of the standard library's, and knows no number of workers."""

    def submit(self, f: Callable[..., Any], *args: Any) -> Future[Any]:
        """Call a function at once, with what has been through bytes."""
        future: Future[Any] = Future()
        future.set_result(pickle.loads(pickle.dumps(f(*pickle.loads(pickle.dumps(args))))))
        return future


POOLS: dict[str, Callable[[], Any]] = {
    "threads": lambda: ThreadPoolExecutor(3),
    "spawn": processes,
    "loky": of_loky,
    "dask": of_dask,
    "other": Together,
}


@pytest.fixture(scope="module")
def pools() -> Iterator[Callable[[str], Any]]:
    """Yield what starts each pool once."""
    with ExitStack() as stack:
        started: dict[str, Any] = {}

        def pool(name: str) -> Any:
            if name not in started:
                made = POOLS[name]()
                if name == "dask":
                    stack.enter_context(made.cluster)
                if hasattr(made, "__enter__"):
                    stack.enter_context(made)
                started[name] = made.get_executor() if name == "dask" else made
            return started[name]

        yield pool


def run(f: Callable[..., Any], grid: Any, *args: Any, **options: Any) -> SweepResults:
    """Sweep without showing the progress."""
    return sweep(f, grid, *args, **{"progress": False, **options})


# ------------------------------------------------------------------------------------------------- the order


@given(st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(), max_size=4), max_size=4))
def test_the_order_of_a_grid(grid: dict[str, list[int]]) -> None:
    """The points of a dict are those of nested loops over its names, and so are the results."""
    expected = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    results = run(lambda **point: point, grid)
    assert results.points == expected
    assert list(results) == expected


def test_the_forms_of_points() -> None:
    """Points that are dicts are given by name, tuples by position, and anything else as one argument."""

    def f(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    points = [{"a": 1}, (1, 2), 3, [4, 5]]
    assert list(run(f, iter(points))) == [((), {"a": 1}), ((1, 2), {}), ((3,), {}), (([4, 5],), {})]


@pytest.mark.parametrize("chunks", [None, 1, 2, 100])
@pytest.mark.parametrize("name", POOLS)
def test_bitwise_equal_to_the_serial_run(pools: Callable[[str], Any], name: str, chunks: int | None) -> None:
    """The results are those of the serial run bit by bit, on any executor, with tasks of any size."""
    pool = pools(name)
    assert same(run(functions.slope, GRID, pool, chunks), run(functions.slope, GRID))
    noisy = run(functions.noisy, {"x": SEVERAL}, pool, chunks, seed=7)
    assert same(noisy, run(functions.noisy, {"x": SEVERAL}, seed=7))


FORKED = """
import multiprocessing, sys, warnings
from concurrent.futures import ProcessPoolExecutor
from autograd import sweep
import sweep_functions as functions

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
serial = [*sweep(functions.descended, [0.1, 0.2], progress=False)]
with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
    print([*sweep(functions.descended, [0.1, 0.2], pool, progress=False)] == serial)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_pool_that_forks() -> None:
    """Forked processes, which have what this one has compiled, compute the same bits."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    process = subprocess.run(
        [sys.executable, "-c", FORKED],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    assert process.stdout == "True\n"


def test_trainings(pools: Callable[[str], Any]) -> None:
    """Trainings of `nn.fit` on processes end with the same bits as one after the other."""
    grid = {"lr": [0.1, 0.01], "width": [2, 3]}
    assert same(run(functions.trained, grid, pools("spawn"), seed=3), run(functions.trained, grid, seed=3))


# ------------------------------------------------------------------------------------------- random numbers


def test_seeds_are_spawned() -> None:
    """Each point gets the generator of its child of the sequence of seeds."""
    children = np.random.SeedSequence(5).spawn(3)
    expected = [np.random.default_rng(child).random() for child in children]
    assert list(run(lambda i, rng: rng.random(), range(3), seed=5)) == expected
    assert list(run(lambda i, rng: rng.random(), range(3), seed=np.random.SeedSequence(5))) == expected


@pytest.mark.parametrize(
    ("f", "grid", "options", "message"),
    [
        (lambda x: x, {"y": [1]}, {}, r"cannot be called with y=1: missing a required argument: 'x'"),
        (lambda x, rng: x, {"x": [1]}, {}, r"'rng'; seed= gives each point an argument rng"),
        (lambda x: x, {"x": [1]}, {"seed": 1}, r"'rng'; with seed= each point gets an argument rng"),
        (
            lambda x, rng: x,
            {"x": [1], "rng": [0]},
            {"seed": 1},
            r"the grid has an argument 'rng', which seed=",
        ),
        (lambda x: x, {"x": [1]}, {"seed": np.random.default_rng(0)}, r"whole number or a .*SeedSequence"),
        (lambda x: x, {"x": 1}, {}, r"expected the values of 'x' in a list, got 1; write \[1\]"),
        (lambda x: x, {"x": "relu"}, {}, r"in a list, got 'relu'; write \['relu'\]"),
        (lambda x: x, {1: [1]}, {}, r"expected names of arguments in the grid, got 1"),
        (lambda x: x, 3, {}, r"expected a grid: a dict of names and their values, .* got 3"),
        (3, [1], {}, r"expected a function to call at each point, got 3 \(int\)"),
        (abs, [1], {"executor": "threads"}, r"with a method submit .* got a str"),
        (abs, [1], {"chunks": 1.5}, r"expected a number of points as chunks, got 1.5"),
    ],
)
def test_wrong_arguments(f: Any, grid: Any, options: dict[str, Any], message: str) -> None:
    """What cannot be called so is an error before anything is computed."""
    with pytest.raises(TypeError, match=message):
        run(f, grid, **options)


def test_chunks_of_no_point() -> None:
    """A task has at least one point."""
    with pytest.raises(ValueError, match=r"expected chunks of at least one point, got 0"):
        run(abs, [1], chunks=0)


# ------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("name", [None, "threads", "spawn"])
def test_a_failing_point(pools: Callable[[str], Any], name: str | None) -> None:
    """A point that fails says with which arguments and where; the others have their results."""
    with pytest.warns(RuntimeWarning, match=r"of 4 points: 1 failed; the first, x=2, with ValueError: no 2"):
        results = run(functions.not_at_two, {"x": range(4)}, name and pools(name))
    (failed,) = results.failures
    assert (failed.number, failed.point, failed.error) == (2, {"x": 2}, "ValueError: no 2")
    assert "in not_at_two" in failed.traceback
    assert results.done == [0, 1, 3]
    assert results[:2] == [0.0, 0.5]
    assert results[-1] == 1.5
    with pytest.raises(
        SweepError, match=r"point 2 of 4 \(x=2\) has no result: ValueError: no 2\n\nTraceback"
    ):
        list(results)


def test_a_result_that_cannot_be_sent(pools: Callable[[str], Any]) -> None:
    """A result that cannot be pickled loses no other point of its task."""
    with pytest.warns(RuntimeWarning, match="its result, a lock, cannot be sent back: TypeError"):
        results = run(functions.unpicklable_at_two, range(4), pools("spawn"), 4)
    assert results.done == [0, 1, 3]


def test_results_go_as_bytes_one_by_one() -> None:
    """A result that cannot be pickled is a fault of its own point, and loses no other."""
    function = sent_with_programs(functions.unpicklable_at_two)
    right, wrong = outcomes_by_bytes(function, pickle.dumps([(0, 1), (1, 2)]), None)
    assert isinstance(right.result, bytes)
    assert pickle.loads(right.result) == 1
    assert wrong.result is None
    assert wrong.fault is not None
    assert "its result, a lock, cannot be sent back: TypeError" in wrong.fault.error


def test_points_without_an_executor() -> None:
    """Without an executor, points are computed here, one after another."""
    found = outcomes_from(abs, [(0, -1.0), (1, 2.0)], None, None, None)
    assert [outcome.result for outcome in found] == [1.0, 2.0]


def test_a_program_that_ignores_interrupts() -> None:
    """Where nobody is told of Ctrl-C, nobody watches for it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with InterruptWatch() as watch:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            watch.check()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_worker_that_dies() -> None:
    """A dead worker loses the points that were under way, which the results name, and no others."""
    with processes() as pool, pytest.warns(RuntimeWarning, match="lost: BrokenProcessPool"):
        results = run(functions.dies_at_two, range(6), pool, 1)
    assert 2 in [failed.number for failed in results.failures]
    assert sorted([*results.done, *(failed.number for failed in results.failures)]) == [*range(6)]
    assert [results[i] for i in results.done] == results.done


class Closing(Together):
    """An executor that takes three tasks, and no more."""

    tasks = 0

    def submit(self, f: Callable[..., Any], *args: Any) -> Future[Any]:
        """Call a function, or say that there is no worker."""
        self.tasks += 1
        if self.tasks > 3:
            raise RuntimeError("cannot schedule new futures after shutdown")
        return super().submit(f, *args)


def test_a_pool_that_closes() -> None:
    """Points that an executor no longer takes are lost, as the results say; at the first it is an error."""
    pool = Closing()
    with pytest.warns(RuntimeWarning, match="of 5 points: 2 failed; the first, x=3, with lost: RuntimeError"):
        results = run(functions.not_at_two, [0, 1, 5, 3, 4], pool, 1)
    assert (results.done, [failed.number for failed in results.failures]) == ([0, 1, 2], [3, 4])
    with pytest.raises(RuntimeError, match="after shutdown"):
        run(functions.not_at_two, [0, 1], pool, 1)


def test_points_and_results_that_cannot_be_read() -> None:
    """A point that cannot be sent is an error, first or not; a result that cannot be read loses one point."""
    with pytest.raises(TypeError, match=r"a point .*lock"):
        run(functions.not_at_two, [0, threading.Lock()], Together(), 1)
    with pytest.warns(
        RuntimeWarning, match="of 2 points: 1 failed; .* its result cannot be read here: ValueError: invalid"
    ):
        results = run(functions.unreadable_at_two, [1, 2], Together(), 1)
    assert results.done == [0]


def test_a_function_without_a_signature() -> None:
    """A function whose parameters Python does not know is called, and its arguments are numbered."""
    results = run(max, [(1, 2), (4, 3)])
    assert list(results) == [2, 4]
    assert str(results).splitlines()[1].split() == ["argument", "0", "argument", "1", "result"]


def test_a_function_without_a_name(pools: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With cloudpickle a lambda goes to a process; without it an error says what to do."""
    pytest.importorskip("cloudpickle")
    here = 10
    assert list(run(lambda x: x + here, range(3), pools("spawn"))) == [10, 11, 12]
    monkeypatch.setattr("autograd.studies.travelling.find_spec", lambda name: None)
    with pytest.raises(TypeError, match=r"top level of a module; or pip install cloudpickle"):
        run(lambda x: x + here, range(3), pools("spawn"))


def test_a_function_that_is_not_there(pools: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that the process does not find is one error, and not one for each point."""
    monkeypatch.setattr("autograd.studies.travelling.find_spec", lambda name: None)
    monkeypatch.setattr(functions, "added", functions.slope, raising=False)
    monkeypatch.setattr(functions.slope, "__qualname__", "added")
    with pytest.raises(TypeError, match=r"not found in the process that is to call it .*'added'"):
        run(functions.slope, GRID, pools("spawn"))


# ----------------------------------------------------------------------------------------------- interrupts


@pytest.fixture(autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """Have Ctrl-C raise, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c() -> None:
    """Do what Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_keeps_what_is_done() -> None:
    """After Ctrl-C the results until then are returned, and the others are missing."""

    def f(x: int) -> int:
        if x == 2:
            ctrl_c()
        return 10 * x

    with pytest.warns(RuntimeWarning, match="of 4 points: 2 not computed; interrupted"):
        results = run(f, range(4))
    assert (results.done, results.missing, results.ended, results[:2]) == (
        [0, 1],
        [2, 3],
        "interrupted",
        [0, 10],
    )
    with pytest.raises(SweepError, match=r"point 3 of 4 \(x=3\) was not computed: the sweep was interrupted"):
        results[3]


def test_an_interrupt_that_the_function_catches() -> None:
    """A training that Ctrl-C cuts short is no result."""

    def f(epochs: int) -> int:
        line = nn.Neuron(1, "linear", rng=0)
        stop = [lambda training: ctrl_c()] if epochs == 5 else []
        return len(nn.fit(line, [[1.0]], [2.0], loss="mse", epochs=epochs, verbose=0, callbacks=stop).loss)

    with pytest.warns(RuntimeWarning, match="interrupted"):
        results = run(f, {"epochs": [1, 5, 2]})
    assert (results.done, results.missing) == ([0], [1, 2])


def test_an_interrupt_on_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C just after interrupts began to be watched leaves the handler that was there."""
    before, set_handler = signal.getsignal(signal.SIGINT), signal.signal

    def set_and_interrupt(number: int, handler: Any) -> None:
        set_handler(number, handler)
        if handler != before:
            raise KeyboardInterrupt

    monkeypatch.setattr(signal, "signal", set_and_interrupt)
    with pytest.raises(KeyboardInterrupt), InterruptWatch():
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_cancels_the_rest() -> None:
    """Points that have not begun on an executor when Ctrl-C comes are not computed later."""
    called: list[int] = []
    go_on = threading.Event()

    def f(x: int) -> int:
        called.append(x)
        if x == 0:
            ctrl_c()
        go_on.wait()
        return x

    with ThreadPoolExecutor(1) as pool:
        with pytest.warns(RuntimeWarning, match="not computed; interrupted"):
            results = run(f, range(9), pool, 1)
        go_on.set()
    assert results.missing == [*range(9)]
    assert called == [0]


# ------------------------------------------------------------------------------------------------- the table


def test_the_table() -> None:
    """Results print as a table of the points and the parts of results."""
    with pytest.warns(RuntimeWarning, match="1 failed"):
        results = run(partial(_quotient, base=2.0), {"x": [1.0], "n": [0, 2]})
    assert str(results) == (
        "2 points: 1 failed\n"
        "x  n  half                n of the result\n"
        "1  0  ValueError: n is 0\n"
        "1  2  1                                 2"
    )
    assert "<td" in results._repr_html_()
    assert results.columns() == {
        "x": [1.0, 1.0],
        "n": [0, 2],
        "half": [None, 1.0],
        "n of the result": [None, 2],
    }


def _quotient(x: float, n: int, base: float) -> dict[str, float]:
    if n == 0:
        raise ValueError("n is 0")
    return {"half": base * x / n, "n": n}


def test_the_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody watches, the last line says how many points there were, and how many have failed."""
    with pytest.warns(RuntimeWarning, match="1 failed"):
        sweep(functions.not_at_two, range(3))
    assert capsys.readouterr().err == "point 3/3: 1 failed\n"
    run(functions.not_at_two, range(2))
    assert capsys.readouterr().err == ""


def test_no_points() -> None:
    """A grid without points has no results."""
    assert list(run(abs, [])) == []
    assert str(run(abs, {"x": []})) == "0 points"


# ---------------------------------------------------------------------------------------------------- a file


def test_a_resumed_run(tmp_path: Path) -> None:
    """A run that was interrupted and is resumed has the results of one that was not."""
    path, stop, calls = tmp_path / "study.jsonl", {3}, []

    def f(x: float, rng: np.random.Generator) -> dict[str, Any]:
        calls.append(x)
        if len(calls) in stop:
            ctrl_c()
        return functions.noisy(x, rng)

    with pytest.warns(RuntimeWarning, match="of 5 points: 3 not computed; interrupted"):
        run(f, {"x": SEVERAL}, seed=1, resume=path)
    stop.clear()
    again = run(f, {"x": SEVERAL}, seed=1, resume=path)
    assert same(again, run(functions.noisy, {"x": SEVERAL}, seed=1))
    assert calls == [1.0, -2.0, 3.0, *SEVERAL[2:]]
    assert same(run(f, {"x": SEVERAL}, seed=1, resume=path), again)
    assert len(calls) == 6


def test_failed_points_are_computed_again(tmp_path: Path) -> None:
    """A file holds results, so that a resumed run tries again what has failed."""
    path, bad = tmp_path / "study.jsonl", {1}

    def f(x: int) -> int:
        if x in bad:
            raise ValueError
        return x

    with pytest.warns(RuntimeWarning, match="1 failed"):
        run(f, range(3), resume=path)
    bad.clear()
    assert list(run(f, range(3), resume=path)) == [0, 1, 2]
