import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, data
from autograd.engine.graph import nodes
from benchmarks import measure, moons, report
from benchmarks.cases import fitting, irregular, trace
from benchmarks.measure import Measurement


@pytest.fixture(scope="module")
def diamond() -> list[Measurement]:
    """Return measurements of a quick case."""
    return measure.measure("diamond", None, rounds=2)


def run_of(answer: list[float], seconds: float) -> dict[str, Any]:
    """Return a run as a worker reports it."""
    return {"answer": answer, "seconds": seconds, "nodes": 3, "bytes_a_node": 160.0, "figures": {"left": 0.0}}


def test_each_case_has_ours_first() -> None:
    """Chainrule is the first peer of each case, with which the others are compared."""
    for case in measure.CASES:
        module = __import__(f"benchmarks.cases.{case}", fromlist=["PEERS"])
        assert next(iter(module.PEERS)) == "chainrule"
        assert module.ROUNDS >= 1


def test_a_case_is_measured(diamond: list[Measurement]) -> None:
    """An installed peer has the requested number of runs, each with a time and an answer."""
    ours = diamond[0]
    assert ours.problem == ""
    assert len(ours.runs) == 2
    low, high = ours.spread
    assert 0.0 < low <= ours.seconds <= high
    assert ours.last["answer"] == [2.0**1000, 2.0**1000]


def test_a_peer_that_fails_is_reported(diamond: list[Measurement]) -> None:
    """A peer that is missing or fails has no runs, and the table says why."""
    by_name = {one.peer: one for one in diamond}
    assert by_name["micrograd"].runs == []
    assert by_name["micrograd"].problem.startswith(("not installed", "RecursionError"))
    table = report.rows("diamond", diamond, [])
    assert by_name["micrograd"].problem in report.text(table)


@pytest.mark.parametrize(("off", "differing"), [(0.0, []), (1e-12, []), (1e-6, ["other"])])
def test_answers_are_compared(off: float, differing: list[str]) -> None:
    """A peer whose answer differs from ours by more than rounding is listed."""
    ours = Measurement("chainrule", [run_of([1.0, 2.0], 1.0)])
    other = Measurement("other", [run_of([1.0, 2.0 + off], 1.0)])
    assert measure.disagreements([ours, other, Measurement("missing", problem="not installed")]) == differing


def test_without_our_answer_there_is_nothing_to_compare() -> None:
    """If our own run failed, no answers are compared."""
    other = Measurement("other", [run_of([1.0], 1.0)])
    assert measure.disagreements([Measurement("chainrule", problem="MemoryError"), other]) == []


def test_the_table() -> None:
    """The table shows median, spread, ratio, nodes, bytes and remarks, also in Markdown."""
    ours = Measurement("chainrule", [run_of([1.0], seconds) for seconds in (0.1, 0.3, 0.2)])
    other = replace(ours, peer="other", runs=[run_of([2.0], 0.5)])
    table = report.rows("two_words", [ours, other], ["other"])
    assert table == [
        ("two-words", "chainrule", "200", "100 - 300", "1", "3", "160", "left 0"),
        ("two-words", "other", "500", "500 - 500", "2.5", "3", "160", "left 0; ANSWER DIFFERS"),
    ]
    assert report.text(table).splitlines()[2].split()[:3] == ["two-words", "other", "500"]
    assert report.markdown(table).splitlines()[1] == "| " + " | ".join(["---"] * 8) + " |"


def test_the_plot(tmp_path: Path) -> None:
    """The chart has a bar for each peer that ran."""
    ours, other = Measurement("chainrule", [run_of([1.0], 0.1)]), Measurement("other", [run_of([1.0], 0.2)])
    report.plot({"case": [ours, other]}, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_the_command(tmp_path: Path) -> None:
    """The command prints the table, writes the runs, and exits with status 0 if the answers agree."""
    root = Path(measure.__file__).parent.parent
    words = ["--case", "diamond", "--rounds", "1", "--json", str(tmp_path / "runs.json")]
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=root, capture_output=True, text=True, check=True
    )
    assert "chainrule" in process.stdout
    runs = json.loads((tmp_path / "runs.json").read_text())
    assert len(runs["diamond"]["chainrule"]) == 1


def test_the_count_of_nodes() -> None:
    """The demo has the number of nodes given in the tables."""
    leaves = [Value(number) for number in moons.flat(moons.parameters())]
    x, y = (array.tolist() for array in moons.points())
    assert len(nodes(moons.loss_of_scalars(leaves, Value, Value.relu, x, y))) == moons.NODES


def test_the_network_of_arrays() -> None:
    """Our MLP built from arrays agrees with the arrays."""
    x, _ = moons.points(3)
    arrays = moons.parameters()
    expected = moons.outputs_of_arrays(arrays, x, lambda v: np.maximum(v, 0.0))
    np.testing.assert_allclose(data(fitting.network(arrays)(x)), expected, rtol=1e-12)


@pytest.mark.parametrize(("seconds_an_epoch", "more"), [(1.0, 50), (0.01, 250), (1e-5, 781_250)])
def test_the_time_of_an_epoch_in_the_long_run(
    monkeypatch: pytest.MonkeyPatch, seconds_an_epoch: float, more: int
) -> None:
    """The time to compile is excluded, and the number of epochs is large enough to measure."""
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def start() -> Any:
        def train(epochs: int) -> float:
            clock[0] += 20.0 + seconds_an_epoch * epochs
            return 1.0 / epochs

        return train

    result = fitting.long_run(start, 10)()
    assert result.seconds == pytest.approx(seconds_an_epoch)
    assert result.figures == {"epochs": more}
    assert result.answer == [0.1]


def test_the_irregular_program() -> None:
    """Each result is used by another or is an output, and all numbers stay small."""
    operations = irregular.program(2000)
    places = irregular.unused(operations)
    used = {place for name, a, b in operations for place in ((a, b) if name in irregular.PAIRS else (a,))}
    results = set(range(irregular.INPUTS, irregular.INPUTS + 2000))
    assert sorted(results - used) == places
    x = irregular.samples()
    expected = np.array(irregular.ends(operations, list(x.T), np, np.maximum))
    assert np.abs(expected).max() < 100.0
    ours = irregular.ends(operations, x[0].tolist(), autograd, autograd.max)
    np.testing.assert_allclose(ours, expected[:, 0], rtol=1e-12)


def test_the_count_of_operations() -> None:
    """The large program of the case `trace` has a million operations."""
    per_sample = (moons.NODES - 3 * len(moons.flat(moons.parameters())) - 3) // 100
    assert 2 * trace.MANY * per_sample == pytest.approx(10**6, rel=0.01)
