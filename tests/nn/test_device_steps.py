from __future__ import annotations

import itertools
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupts import can_be_interrupted, interrupted_at

from autograd import data
from nn import Dropout, Linear, Neuron, Sequential, Training, fit
from nn.losses import binary_cross_entropy, mse
from nn.optimizers import LBFGS, SGD, Adam
from nn.training.samples import samples_of

# Both load JAX.
device_steps = pytest.importorskip("nn.training.device_steps")
placement = pytest.importorskip("nn.training.placement")

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

# A program of 3 -> 5 -> 1: 26 parameters.
PARAMETERS = 26

# Compiling takes most of the time.
FAST = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


def started(program: str, *arguments: str, devices: int, flags: str = "") -> subprocess.Popen[str]:
    """Start a program of this folder where JAX has so many devices."""
    forced = f"--xla_force_host_platform_device_count={devices} {flags}"
    environment = os.environ | FAST | {"XLA_FLAGS": forced, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", str(HERE / program), *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def printed(process: subprocess.Popen[str]) -> Any:
    """Return what a program has printed."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def assert_equal_but_for_rounding(found: Any, expected: Any, *, summands: int) -> None:
    """Compare two trainings: 4 ulp for each summand of each of 4 epochs' sums, of numbers below 10."""
    tolerance = 4 * 4 * summands * np.spacing(8.0)
    parameters, columns = found
    np.testing.assert_allclose(parameters, expected[0], rtol=0, atol=tolerance)
    assert columns.keys() == expected[1].keys() >= {"loss", "val_loss"}
    for name, column in columns.items():
        np.testing.assert_allclose(column, expected[1][name], rtol=0, atol=tolerance, err_msg=name)


@pytest.fixture(scope="module")
def on_devices(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[str]]:
    """Return what the program prints, and the programs of its steps as XLA has compiled them."""
    folder = tmp_path_factory.mktemp("hlo")
    dump = f"--xla_dump_to={folder} --xla_dump_hlo_as_text --xla_dump_hlo_module_re=jit_training_steps"
    found = printed(started("training_on_devices.py", devices=8, flags=dump))
    paths = sorted(folder.glob("*after_optimizations.txt"))
    return found, [path.read_text() for path in paths]


@pytest.mark.parametrize("training", ["batches", "full batch"])
def test_as_on_numpy(on_devices: Any, training: str) -> None:
    """Parameters, losses and metrics are those of NumPy on 1, 2, 8, or 4 x 2 devices.

    Also of batches that the devices cannot share equally, which are filled up.
    """
    expected, *others = on_devices[0]["found"][training]
    for found in others:
        assert_equal_but_for_rounding(found, expected, summands=3 * 45)


def test_what_goes_between_devices(on_devices: Any) -> None:
    """A step adds up as many bytes as there are parameters, and the loss; no device gets other samples."""
    # Two batches of 16, and one of 13: each of 8 devices has two samples of each.
    programs = [text for text in on_devices[1] if re.search(r"num_partitions=8[^§]*f64\[[12],2,3\]", text)]
    assert len(programs) == 2
    for text in programs:
        assert not re.search(r"all-gather|all-to-all|collective-permute", text)
        (summed,) = re.findall(r"= (.*?) all-reduce\(", text)
        shapes = re.findall(r"f64\[([\d,]*)\]", summed)
        count = sum(prod(map(int, filter(None, shape.split(",")))) for shape in shapes)
        assert count == PARAMETERS + 1


@pytest.fixture(scope="module")
def in_two_processes() -> list[Any]:
    """Return what each of two processes prints, with two devices each."""
    with socket.socket() as held:
        # Nobody else is given the port before JAX takes it, which shares it as servers of one user may.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("localhost", 0))
        port = str(held.getsockname()[1])
        processes = [started("training_in_two_processes.py", str(i), port, devices=2) for i in (0, 1)]
        try:
            return [printed(process) for process in processes]
        finally:
            # One waits for the other, which may have failed.
            for process in processes:
                process.kill()
                process.communicate()


def test_two_processes_as_one(in_two_processes: list[Any]) -> None:
    """Two processes with half of the samples each train as one process with all of them, and say the same."""
    first, second = in_two_processes
    assert first == second
    assert_equal_but_for_rounding(*first["full batch"], summands=30)
    tolerance = 4 * 4 * 4 * 8 * np.spacing(8.0)
    found, expected = first["batches"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_each_process_drops_numbers_of_its_own(in_two_processes: list[Any]) -> None:
    """Dropout differs between processes with the same seed and samples, and both know of both."""
    first, second = in_two_processes
    assert first["at random"] == second["at random"]
    assert max(first["at random"]) > 0.0


def test_processes_that_differ(in_two_processes: list[Any]) -> None:
    """Other parameters, or other numbers of samples, raise in all processes, which would wait for ever."""
    for found in in_two_processes:
        assert "same parameters at first: make it with the same rng" in found["other models"]
        assert "each process to have as many samples, got 30, 29" in found["other lengths"]


def test_a_batch_that_cannot_be_shared(on_devices: Any) -> None:
    """The message names the numbers, and the nearest sizes that fit."""
    assert on_devices[0]["refusal"] == (
        "expected a batch_size that the 8 devices of the mesh's axis 'samples' can share equally, got 20: "
        "take 16 or 24"
    )


X = np.random.default_rng(0).normal(size=(24, 2))
Y = np.sin(X.sum(axis=1))


@pytest.fixture(autouse=True)
def fast_compilation() -> Iterator[None]:
    """Have XLA compile without most optimizations."""
    jax = pytest.importorskip("jax")
    name = "jax_disable_most_optimizations"
    before = jax.config.read(name)
    jax.config.update(name, True)
    yield
    jax.config.update(name, before)


def left_by(optimizer: Any, **options: Any) -> tuple[Any, ...]:
    """Return a neuron's parameters, and the history, of a training."""
    neuron = Neuron(2, "tanh", rng=0)
    common: dict[str, Any] = {"loss": "mse", "epochs": 6, "rng": 0, "verbose": 0}
    history = fit(neuron, X, Y, optimizer=optimizer(neuron), **common | options)
    return data(neuron.parameters()), history


def test_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that are sent a few at a time train the same model, bit for bit."""
    at_once = left_by(Adam, backend="jax", batch_size=4)
    size = 4 * (2 + 1) * 8
    monkeypatch.setattr(device_steps, "_MOST_BYTES", 4 * size)
    in_pieces = left_by(Adam, backend="jax", batch_size=4)
    assert (at_once[0] == in_pieces[0]).all()
    assert at_once[1] == in_pieces[1]


def test_the_device_keeps_nothing_of_the_epochs_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callbacks see the parameters after each epoch, and may change them, and the rule."""

    def meddle(training: Training) -> None:
        seen.append(data(training.model.parameters()))
        training.model.parameters()[0].data += 0.125
        training.optimizer.lr *= 0.5
        if training.epoch == 3:
            training.optimizer.weight_decay = 0.25

    shown = []
    for backend in ("numpy", "jax"):
        seen: list[Any] = []
        left_by(lambda neuron: SGD(neuron, lr=0.5, momentum=0.5), backend=backend, callbacks=[meddle])
        shown.append(seen)
    np.testing.assert_allclose(shown[1], shown[0], rtol=1e-13)


def test_dropout() -> None:
    """The devices drop the numbers that NumPy drops, also of a last, smaller batch."""
    left = []
    for backend in ("numpy", "jax"):
        model = Sequential(Linear(2, 4, rng=0), Dropout(0.5), Linear(4, 1, rng=1))
        common: dict[str, Any] = {"loss": mse, "epochs": 3, "batch_size": 9, "rng": 0, "verbose": 0}
        history = fit(model, X, Y, optimizer=Adam(model), backend=backend, validation_split=0.25, **common)
        left.append([*data(model.parameters()), *history.loss, *history.val_loss])
    np.testing.assert_allclose(left[1], left[0], rtol=1e-11)


def test_lbfgs() -> None:
    """A minimisation asks the devices for the loss and its gradient, wherever it looks."""
    (found, history), (expected, other) = (
        left_by(LBFGS, backend=which, metrics="r2") for which in ("jax", "numpy")
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(history.metrics["r2"], other.metrics["r2"], rtol=1e-9)


def test_resumed_as_uninterrupted(tmp_path: Path) -> None:
    """What goes on after Ctrl-C ends with the bits of a training without; on NumPy, but for rounding."""

    def interrupt(training: Training) -> None:
        if training.epoch == 3:
            raise KeyboardInterrupt

    options: dict[str, Any] = {"backend": "jax", "batch_size": 6, "schedule": "one-cycle"}
    whole, _ = left_by(Adam, **options)
    path = tmp_path / "run.npz"
    left, history = left_by(Adam, checkpoint=path, callbacks=[interrupt], **options)
    assert history.ended == "interrupted"
    resumed, _ = left_by(Adam, resume=path, **options)
    on_numpy, _ = left_by(Adam, resume=path, **options | {"backend": "numpy"})
    assert (resumed == whole).all()
    assert (left != whole).any()
    np.testing.assert_allclose(on_numpy, whole, rtol=1e-12)


def test_a_loss_that_is_not_finite() -> None:
    """The model keeps the parameters before the step whose loss is not finite, though others were begun."""
    left = []
    for backend in ("numpy", "jax"):
        line = Neuron(2, "linear", rng=0)
        with pytest.raises(FloatingPointError, match="the loss is inf in epoch 1: lower the learning rate"):
            fit(
                line,
                X,
                Y,
                loss="mse",
                optimizer=SGD(line, lr=1e90),
                batch_size=4,
                rng=0,
                backend=backend,
                verbose=0,
            )
        left.append(data(line.parameters()))
    np.testing.assert_allclose(left[1], left[0], rtol=1e-12)


def test_outputs_that_are_no_probabilities() -> None:
    """The loss is asked for what is wrong with outputs that made it not finite."""
    line = Neuron(1, "linear", rng=0)
    line.parameters()[0].data, line.parameters()[1].data = 0.0, 0.5

    def leave(training: Training) -> None:
        training.model.parameters()[1].data = 1.5

    with pytest.raises(ValueError, match=r"expected probabilities from 0 to 1, got 1\.5"):
        fit(
            line,
            X[:, :1],
            [0, 1] * 12,
            loss=binary_cross_entropy,
            backend="jax",
            callbacks=[leave],
            verbose=0,
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "gpu"}, "expected backend to be 'numpy', 'numba' or 'jax', got 'gpu'"),
        ({"backend": "jax", "jit": False}, "expected jit=True with backend='jax'"),
        ({"mesh": 2}, "a mesh goes with backend='jax', got backend=None"),
        ({"dtype": "float32"}, "dtype='float32' goes with backend='jax', got backend=None"),
        ({"dtype": "half"}, "expected dtype to be 'float64' or 'float32', got 'half'"),
        ({"backend": "jax", "mesh": 2}, "expected mesh to be a jax.sharding.Mesh of devices, got 2"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    """The message says what came and what was wanted."""
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        left_by(Adam, **options)


def test_a_mesh_of_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says whose devices are missing."""
    monkeypatch.setattr(placement.jax, "process_index", lambda: 1)
    with pytest.raises(ValueError, match="got one without those of process 1: make it of"):
        placement.Placement()


def test_processes_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes with other numbers of samples, or other parameters, are told with the numbers of all."""
    alone = placement.Placement()
    alone.check_alike(np.ones(3), 30, 10)
    alone.is_distributed = True
    rows: list[Any] = []

    def gathered(own: Any) -> Any:
        rows.append(own)
        return np.stack([rows[0], rows[-1]])

    monkeypatch.setattr(placement, "process_allgather", gathered)
    alone.check_alike(np.ones(3), 30, 10)
    with pytest.raises(ValueError, match="to have as many samples, got 30, 29: leave out what is left over"):
        alone.check_alike(np.ones(3), 29, 10)
    with pytest.raises(ValueError, match="to have as many held-out samples, got 10, 9: leave out"):
        alone.check_alike(np.ones(3), 30, 9)
    with pytest.raises(ValueError, match="same parameters at first: make it with the same rng"):
        alone.check_alike(np.zeros(3), 30, 10)


def test_steps_of_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process draws numbers of its own, and has the outputs and targets of all for metrics."""
    made = placement.Placement.__init__

    def distributed(self: Any, mesh: Any = None) -> None:
        made(self, mesh)
        self.is_distributed = True

    x, y = np.ones((4, 1)), np.arange(4.0)
    histories = []
    for is_one in (True, False):
        if not is_one:
            monkeypatch.setattr(placement.Placement, "__init__", distributed)
        model = Sequential(Linear(1, 1, rng=0), Dropout(0.5, rng=0))
        options: dict[str, Any] = {"metrics": "mae", "validation_data": (x, y), "epochs": 1, "rng": 0}
        histories.append(fit(model, x, y, loss=mse, backend="jax", verbose=0, **options))
    one, several = histories
    assert several.metrics.keys() == one.metrics.keys() == {"mae"}
    assert several.metrics["mae"] != one.metrics["mae"]


def test_without_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "nn.training.placement")
    with pytest.raises(ImportError, match=re.escape("pip install 'chainrule[jax]'")):
        left_by(Adam, backend="jax")


def test_single_precision() -> None:
    """Steps in single precision differ by its rounding, whose unit is 1.2e-7, and are float32 throughout."""
    options: dict[str, Any] = {"backend": "jax", "clip_norm": 0.5, "metrics": "r2"}
    (found, history), (expected, other) = (
        left_by(Adam, dtype=dtype, **options) for dtype in ("float32", "float64")
    )
    assert (found == np.float32(found)).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(history.metrics["r2"], other.metrics["r2"], rtol=0, atol=1e-5)


def test_batches_from_an_iterator() -> None:
    """Batches that are read while the devices compute train as those of arrays, whatever their lengths."""
    parts = [(X[:10], Y[:10]), (X[10:20], Y[10:20]), (X[20:], Y[20:])]
    left = []
    for backend in ("numpy", "jax"):
        neuron = Neuron(2, "tanh", rng=0)
        options: dict[str, Any] = {"loss": "mse", "metrics": "r2", "epochs": 3, "verbose": 0}
        history = fit(neuron, lambda: iter(parts), optimizer=Adam(neuron), backend=backend, **options)
        left.append([*data(neuron.parameters()), *history.loss, *history.metrics["r2"]])
    np.testing.assert_allclose(left[1], left[0], rtol=1e-12)


@can_be_interrupted
def test_an_interrupt_leaves_a_state_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever Ctrl-C cuts in, parameters, states and count are those after the same step."""
    monkeypatch.setattr(device_steps, "_MOST_BYTES", 1)
    neuron = Neuron(2, "tanh", rng=0)
    optimizer = Adam(neuron, lr=0.1)
    steps = device_steps.DeviceSteps(neuron, mse, optimizer, placement=placement.Placement())
    batches = [*samples_of(X, Y).batches(8)]
    at_first, states = steps.snapshot(), []

    def state() -> tuple[Any, ...]:
        steps.write()
        return optimizer.steps, data(neuron.parameters()).tolist(), optimizer.states

    for count in range(4):
        steps.restore(at_first)
        assert len([*steps.over(batches[:count])]) == count
        states.append(state())
    places = itertools.count(1, 7)
    ends = []
    while True:
        steps.restore(at_first)
        files = {device_steps.__file__, placement.__file__}
        if not interrupted_at(next(places), lambda: [*steps.over(batches)], files):
            break
        ends.append(state())
        assert ends[-1] in states
    assert {end[0] for end in ends} == {0, 1, 2, 3}
