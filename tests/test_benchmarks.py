from __future__ import annotations

import doctest
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, data
from autograd.engine.graph import nodes
from benchmarks import __main__ as command
from benchmarks import communication, forms, host_constants, hosts, measure, microgpt, moons, report
from benchmarks.cases import (
    first_calls,
    fitting,
    grow,
    hidden_markov,
    irregular,
    large_batch,
    microgpt_jit,
    moons_eager,
    moons_samples,
    recurrence,
    scalar_loop,
    sparse_jacobian,
    trace_million,
)
from benchmarks.measure import Measurement, Places
from benchmarks.microgpt_nodes import ScriptNode


@pytest.fixture(scope="module")
def diamond() -> list[Measurement]:
    """Return measurements of a quick case."""
    return measure.measure("diamond", Places(), rounds=2)


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
    compiled = replace(ours, peer="chainrule-compiled", runs=[run_of([1.0], 0.05)])
    other = replace(ours, peer="other", runs=[run_of([2.0], 0.5)])
    missing = Measurement("missing", problem="not installed")
    table = report.rows("two_words", [ours, compiled, other, missing], ["other"])
    assert table == [
        ("two-words", "chainrule", "200", "100 - 300", "4", "1", "3", "160", "left 0"),
        ("two-words", "chainrule-compiled", "50", "50 - 50", "1", "0.25", "3", "160", "left 0"),
        ("two-words", "other", "500", "500 - 500", "10", "2.5", "3", "160", "left 0; ANSWER DIFFERS"),
        ("two-words", "missing", "", "", "", "", "", "", "not installed"),
    ]
    assert report.text(table).splitlines()[3].split()[:3] == ["two-words", "other", "500"]
    assert report.markdown(table).splitlines()[1] == "| " + " | ".join(["---"] * 9) + " |"
    without_compiled = report.rows("two_words", [ours, other], [])
    assert [row[4:6] for row in without_compiled] == [("", "1"), ("", "2.5")]


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


def test_what_was_measured_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of the cases that were done is there if a later one is interrupted."""

    def measured(case: str, places: Places, rounds: int | None) -> list[Measurement]:
        if case == "wide":
            raise KeyboardInterrupt
        return [Measurement("chainrule", [run_of([1.0], 0.1)])]

    table = tmp_path / "table.md"
    monkeypatch.setattr(command, "measure", measured)
    words = ["benchmarks", "--case", "chain", "--case", "wide", "--markdown", str(table)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(KeyboardInterrupt):
        command.main()
    assert table.read_text().splitlines()[2].startswith("| chain | chainrule | 100 |")


def test_a_directory_without_the_compiled_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command stops with an error that says what to do, before it measures anything."""
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--compiled", str(tmp_path)])
    with pytest.raises(SystemExit):
        command.main()
    assert "empty the directory and install into it again" in capsys.readouterr().err


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


def test_the_sparse_jacobian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The matrix whose places are found is that of the blocks which are put in their places by hand."""
    for name, size in {"CAMERAS": 3, "POINTS": 7, "OBSERVATIONS": 20}.items():
        monkeypatch.setattr(sparse_jacobian, name, size)
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    ours, blocks = (prepare()() for prepare in (sparse_jacobian.chainrule, sparse_jacobian.chainrule_blocks))
    np.testing.assert_allclose(ours.answer, blocks.answer, rtol=1e-12)
    assert ours.seconds is not None


@pytest.mark.usefixtures("jax_in_doubles")
def test_the_hidden_markov_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The unrolled loop has the value and the gradient of a scan over arrays."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    monkeypatch.setattr(hidden_markov, "STEPS", 6)
    monkeypatch.setattr(hidden_markov, "CALLS", 1)
    ours, theirs = (prepare()() for prepare in (hidden_markov.chainrule_numpy, hidden_markov.jax))
    np.testing.assert_allclose(ours.answer, theirs.answer, rtol=1e-12, atol=1e-12)
    assert ours.figures.keys() == theirs.figures.keys()


@pytest.mark.usefixtures("jax_in_doubles")
def test_the_recurrent_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Unrolled and by `scan`, it has the value and the gradient of JAX's scan."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    for name, value in {"STEPS": 12, "UNITS": 3}.items():
        monkeypatch.setattr(recurrence, name, value)
    monkeypatch.setattr(hidden_markov, "CALLS", 1)
    theirs = recurrence.jax()()
    for prepare in (recurrence.chainrule_numpy, recurrence.chainrule_scan):
        np.testing.assert_allclose(prepare()().answer, theirs.answer, rtol=1e-12, atol=1e-12)


def test_the_compiled_microgpt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The loops over single numbers take the same step as arrays of PyTorch."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    pytest.importorskip("torch")
    for name, value in {"SHORT": "", "LONG": "a", "CALLS": 1}.items():
        monkeypatch.setattr(microgpt_jit, name, value)
    ours, theirs = (prepare()() for prepare in (microgpt_jit.chainrule_numpy, microgpt_jit.torch))
    np.testing.assert_allclose(ours.answer, theirs.answer, rtol=1e-9, atol=1e-12)


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
    """The program of the case `trace_million` has a million operations."""
    per_sample = (moons.NODES - 3 * len(moons.flat(moons.parameters())) - 3) // 100
    assert 2 * trace_million.MANY * per_sample == pytest.approx(10**6, rel=0.01)


def test_one_form_is_running() -> None:
    """A worker that would run the other form stops with an error that names the file."""
    refusals = {form: _refusal(form) for form in ("interpreted", "compiled")}
    (running,) = [form for form, refusal in refusals.items() if not refusal]
    (refusal,) = filter(None, refusals.values())
    assert f"got the {running} one" in refusal
    assert str(autograd.__file__) in refusal


def _refusal(form: str) -> str:
    try:
        forms.check(form)
    except RuntimeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        ("chainrule", ("chainrule", "interpreted")),
        ("chainrule-numpy", ("chainrule-numpy", "interpreted")),
        ("chainrule-compiled", ("chainrule", "compiled")),
        ("torch", ("torch",)),
    ],
)
def test_the_form_of_a_peer(peer: str, words: tuple[str, ...]) -> None:
    """Peers of ours run in the form that their name says; the others have none."""
    assert forms.program(peer) == words


def test_both_forms_are_measured(tmp_path: Path) -> None:
    """The compiled form follows the interpreted one, and a directory without it is an error in the table."""
    interpreted, compiled, *_ = measure.measure("diamond", Places(compiled=tmp_path), rounds=1)
    assert (interpreted.peer, compiled.peer) == ("chainrule", "chainrule-compiled")
    assert len(interpreted.runs) == 1
    assert compiled.problem.startswith(
        "RuntimeError: expected the compiled form of chainrule, got the interpreted"
    )


@pytest.mark.parametrize("peer", ["chainrule", "chainrule-compiled", "torch"])
def test_the_compiled_form_is_the_first_on_the_path(tmp_path: Path, peer: str) -> None:
    """Only the peer of that form finds it in its directory, also in a process that starts in the checkout."""
    (tmp_path / "autograd").mkdir()
    (tmp_path / "autograd" / "__init__.py").touch()
    process = subprocess.run(
        [sys.executable, "-c", "import autograd; print(autograd.__file__)"],
        env=os.environ | forms.search_path(peer, tmp_path),
        cwd=forms.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    place = tmp_path if peer == "chainrule-compiled" else forms.ROOT
    assert process.stdout.strip() == str(place / "autograd" / "__init__.py")


def test_a_form_of_another_source_is_recognised(tmp_path: Path) -> None:
    """What was compiled before the source changed is outdated."""
    for package in ("autograd", "nn"):
        shutil.copytree(
            forms.ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    assert forms.outdated(tmp_path) == []
    changed = Path("autograd", "engine", "value.py")
    (tmp_path / changed).write_text("")
    assert forms.outdated(tmp_path) == [str(changed)]
    (tmp_path / changed).unlink()
    assert forms.outdated(tmp_path) == [str(changed)]


def test_a_run_that_takes_too_long_is_ended() -> None:
    """A peer that exceeds the limit of its case has no runs, and the table says so."""
    peer = measure.Peer("chain", "chainrule", Places(), limit=0.01)
    peer.run()
    peer.run()
    peer.close()
    assert peer.measurement == Measurement("chainrule", problem="takes more than 0.01 s")


def test_microgpt_on_both_engines() -> None:
    """The nodes of the script and ours give the same loss, gradient and parameters after two steps."""
    answers = []
    for make in (Value, ScriptNode):
        model = microgpt.model_of(make)
        parameters = microgpt.parameters_of(model)
        means, squares = [0.0] * len(parameters), [0.0] * len(parameters)
        losses = [microgpt.train(model, name, means, squares, step) for step, name in enumerate(("al", "bo"))]
        answers.append([*losses, *means, *(parameter.data for parameter in parameters)])
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-9, atol=1e-12)
    assert len(parameters) == 4192
    # Before it has learned, the model finds all letters about equally likely.
    assert answers[0][0] == pytest.approx(np.log(27), rel=0.1)


def test_a_sample_a_call() -> None:
    """A model called a sample at a time has the loss and the gradient of the step written with scalars."""
    expected = moons_eager.chainrule()().answer
    np.testing.assert_allclose(moons_samples.chainrule()().answer, expected, rtol=1e-9, atol=1e-12)


class FewOperations:
    """A node that mixes with floats where micrograd-rust's does: on their right, in sums and products."""

    def __init__(self, number: Any) -> None:
        self.number = number if isinstance(number, Value) else Value(number)

    def __add__(self, other: object) -> Any:
        return (
            FewOperations(self.number + other.number) if isinstance(other, FewOperations) else NotImplemented
        )

    def __radd__(self, other: float) -> FewOperations:
        return FewOperations(other + self.number)

    def __mul__(self, other: object) -> Any:
        return (
            FewOperations(self.number * other.number) if isinstance(other, FewOperations) else NotImplemented
        )

    def __rmul__(self, other: float) -> FewOperations:
        return FewOperations(other * self.number)

    @property
    def data(self) -> float:
        """The value."""
        return self.number.data

    @property
    def grad(self) -> Any:
        """The gradient."""
        return self.number.grad

    @grad.setter
    def grad(self, number: float) -> None:
        self.number.grad = number

    def backward(self) -> None:
        """Compute gradients."""
        self.number.backward()


def test_the_demo_for_micrograd_rust(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step uses no operation that micrograd-rust does not have."""
    library = SimpleNamespace(Value=FewOperations)
    monkeypatch.setitem(sys.modules, "micrograd_rust", library)
    expected = moons_eager.chainrule()().answer
    np.testing.assert_allclose(moons_eager.micrograd_rust()().answer, expected, rtol=1e-9, atol=1e-12)


def test_memory_of_a_graph() -> None:
    """The bytes of a node are those of the graph that is held, and none of its nodes are left."""
    # In a process of its own, since what other threads of this one allocate would be counted.
    peer = measure.Peer("memory", "chainrule", Places(), measure.LIMIT)
    peer.run()
    peer.close()
    result = peer.measurement.last
    assert 100 <= result["bytes_a_node"] <= 200
    assert result["figures"]["bytes left"] < result["bytes_a_node"]
    np.testing.assert_allclose(result["answer"], moons_eager.chainrule()().answer, rtol=1e-9, atol=1e-12)


def test_the_growth_of_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a time for each size, and for dropping the largest; the largest is related to the second."""
    monkeypatch.setattr(grow, "SIZES", (10, 100, 1000))
    figures = grow.chainrule()().figures
    times = [figures[f"ns a node at {size:.0e}"] for size in (10, 100, 1000)]
    assert figures["1e+03 relative to 1e+02"] == times[2] / times[1]
    assert 0.0 < figures["ns a node to drop at 1e+03"] < times[2]


@pytest.mark.parametrize("gradient", [False, True])
def test_a_first_call(tmp_path: Path, gradient: bool) -> None:
    """A first call in a new process has the result of the eager function."""
    result = first_calls.in_a_process(2, gradient, str(tmp_path))
    loss = moons.loss_of_layers
    arguments = moons.parameters(), *moons.points(2)
    if gradient:
        value, gradients = autograd.value_and_grad(loss)(*arguments)
        expected = [value, *moons.flat(gradients)]
    else:
        expected = [loss(*arguments)]
    np.testing.assert_allclose(result["answer"], expected, rtol=1e-12)
    assert result["seconds"] > 0.0
    assert result["peak"] > 0.0


def test_a_first_call_is_measured_without_and_with_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process has the cache of the first, which began with an empty one."""
    seen = []

    def in_a_process(half: int, gradient: bool, cache: str) -> dict[str, Any]:
        seen.append((half, gradient, os.listdir(cache)))
        Path(cache, str(len(seen))).touch()
        return {"seconds": float(len(seen)), "answer": [3.0], "peak": 0.5}

    monkeypatch.setattr(first_calls, "in_a_process", in_a_process)
    result = first_calls.of_points(7, gradient=True)()()
    assert seen == [(7, True, []), (7, True, ["1"])]
    assert (result.answer, result.seconds) == ([3.0], 1.0)
    assert result.figures == {"s in a second process": 2.0, "peak GiB": 0.5}


@pytest.mark.usefixtures("jax_in_doubles")
def test_the_scalar_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours with all samples and JAX with one give the same value and gradient for one sample."""
    monkeypatch.setattr(moons, "SIZES", (2, 2, 1))
    monkeypatch.setenv("CHAINRULE_CACHE", "as it was")
    ours, other = scalar_loop.chainrule()(), scalar_loop.jax_with(1)()()
    np.testing.assert_allclose(ours.answer, other.answer, rtol=1e-9, atol=1e-12)
    assert (ours.figures, other.figures) == ({"samples": 100}, {"samples": 1})


# ----------------------------------------------------------------------------------------- beyond one machine


@pytest.mark.parametrize("module", [communication, host_constants, hosts])
def test_the_examples_of_what_is_reckoned(module: Any) -> None:
    """The examples in the files that reckon with hosts and devices are right."""
    found = doctest.testmod(module)
    assert (found.failed, found.attempted > 0) == (0, True)


@pytest.mark.parametrize("peer", ["chainrule", "chainrule-numpy", "torch"])
def test_a_large_batch(peer: str) -> None:
    """All peers take the same step; 200 samples show it as well as a million."""
    pytest.importorskip({"chainrule": "numba", "chainrule-numpy": "numpy"}.get(peer, peer))
    x, y = moons.points()
    expected, layers = large_batch.of_numpy()(moons.parameters(), x, y)
    own = [tuple(large_batch.converted(peer, array) for array in layer) for layer in moons.parameters()]
    points = (large_batch.converted(peer, array) for array in (x, y))
    value, after = large_batch.STEPS[peer](1)(own, *points)
    assert float(value) == pytest.approx(float(expected), abs=1e-12)
    found = moons.flat([(w.tolist(), b.tolist()) for w, b in after])
    assert found == pytest.approx(moons.flat([(w.tolist(), b.tolist()) for w, b in layers]), abs=1e-12)


def test_what_waiting_costs() -> None:
    """A least batch waits for its share, one host waits for nobody, and a ring has the more messages."""
    for model in hosts.MODELS:
        for network in hosts.NETWORKS:
            batch = hosts.least_batch(model, 1_000, network, share=0.1)
            waits = hosts.all_reduce(model.size, 1_000, network)
            for samples, is_enough in ((batch, True), (batch - 2, batch < 3)):
                assert (waits / hosts.step(model, samples, 1_000, network) <= 0.1) is is_enough
            assert hosts.all_reduce(model.size, 1, network) == 0.0
            assert hosts.all_reduce(model.size, 1_000, network, is_ring=True) > waits
            assert hosts.speed_up(model, 1e12, 1_000, network) == pytest.approx(1_000, rel=0.01)


def test_what_devices_send() -> None:
    """Two devices add up all gradients and the loss in one all-reduce, and send nothing else."""
    pytest.importorskip("jax")
    sent = communication.on(2, 50)
    assert [exchange.kind for exchange in sent.exchanges] == ["all-reduce"]
    assert sent.of("all-reduce") == [sent.parameters + 8]
    x, y = moons.points(50)
    assert sent.value == pytest.approx(float(large_batch.of_numpy()(moons.parameters(), x, y)[0]), abs=1e-12)
