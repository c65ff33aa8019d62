from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from math import ceil, inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupts import interrupted_at

from autograd import Value, data
from nn import MLP, Neuron, Training, fit, metrics, schedules
from nn.losses import cross_entropy, mse
from nn.metrics.batch_by_batch import running
from nn.optimizers import Adam
from nn.training import batch_iterables, epochs, loop, memory_maps, prefetching, sources
from nn.training.memory_maps import OnDisk
from nn.training.prefetching import OneAhead
from nn.training.samples import samples_of
from nn.training.target_checks import NewTargets

RNG = np.random.default_rng(0)
N = 100
X = RNG.normal(size=(N, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=N)
CLASSES = RNG.integers(0, 3, size=N)


def trained(*given: Any, seed: int = 0, **options: Any) -> list[Any]:
    """Return the parameters and the history that a training leaves."""
    model = MLP(3, [4, 3 if options.get("loss") is cross_entropy else 1], "tanh", rng=seed)
    rule = Adam(model, lr=0.05)
    history = fit(model, *given, **{"loss": mse, "epochs": 3, "verbose": 0, "optimizer": rule, **options})
    return [data(model.parameters()).tolist(), history.columns()]


def in_batches(size: int, *arrays: Any) -> list[tuple[Any, ...]]:
    """Return parts of arrays."""
    return [tuple(array[start : start + size] for array in arrays) for start in range(0, N, size)]


def in_file(path: Path, array: Any, mode: Any = "r") -> Any:
    """Return an array as a file that is mapped to memory."""
    np.save(path, array)
    return np.load(path, mmap_mode=mode)


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files of more than 2 KiB read by windows of so many bytes, and blocks of 256."""
    monkeypatch.setattr(memory_maps, "WINDOW", 2**11)
    monkeypatch.setattr(memory_maps, "_BLOCKS", 8)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Check that a test leaves no thread behind."""
    yield
    assert [thread.name for thread in threading.enumerate() if "batches" in thread.name] == []


# ------------------------------------------------------------------------------------------------ iterables


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": cross_entropy, "class_weight": {0: 1.0, 1: 0.5, 2: 3.0}, "metrics": ["accuracy", "f1"]},
        {"schedule": "one-cycle", "clip_norm": 0.5, "metrics": "r2"},
        {"validation_data": (X[:7], Y[:7]), "early_stopping": 1, "metrics": ["mse", "rmse"]},
    ],
    ids=["plain", "classes", "schedule", "held out"],
)
def test_batches_are_trained_on_as_arrays_are(options: dict[str, Any], jit: bool) -> None:
    """From an iterable of the batches that it draws, a training is the same bit for bit."""
    targets = CLASSES if options.get("loss") is cross_entropy else Y
    expected = trained(X, targets, batch_size=32, rng=5, jit=jit, **options)
    order = np.random.default_rng(5)

    class Epoch:
        def __iter__(self) -> Iterator[Any]:
            rows = order.permutation(N)
            return iter(in_batches(32, X[rows], targets[rows]))

        def __len__(self) -> int:
            return 4

    found = trained(Epoch(), jit=jit, **options)
    names = [name for name in expected[1] if name.removeprefix("val_") in metrics.METRICS]
    for name in names:
        np.testing.assert_allclose(found[1].pop(name), expected[1].pop(name), rtol=1e-12)
    assert found == expected


@pytest.mark.parametrize("jit", [True, False])
def test_what_batches_may_come_from(jit: bool) -> None:
    """A tuple, functions of iterators and iterables, an iterator, and lists of numbers give the same."""
    batches = in_batches(30, X, Y)
    weighted = in_batches(30, X, Y, np.ones(N))
    as_lists = [[x.tolist(), y.tolist()] for x, y in batches]
    expected = trained(batches, jit=jit)
    for given in (tuple(batches), lambda: iter(batches), lambda: batches, as_lists):
        assert trained(given, jit=jit) == expected
    assert trained(weighted, jit=jit) == trained(lambda: (batch for batch in weighted), jit=jit)
    one = {"epochs": 1, "jit": jit}
    assert trained((batch for batch in batches), **one) == trained(batches, **one)


def test_weights_of_batches() -> None:
    """Each batch may have weights of its samples, which count as those of arrays do."""
    weights = np.arange(N) % 4
    expected = trained(X, Y, sample_weight=weights, batch_size=None)
    assert trained([(X, Y, weights)]) == expected


def test_batches_of_any_length_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is traced as often for batches of many lengths as for those of one."""
    traced = []

    class Counting(Neuron):
        def forward(self, x: Any) -> Any:
            traced.append(len(x))
            return super().forward(x)

    counts = []
    for cuts in ([50], [10, 15, 16, 50, 93]):
        traced.clear()
        batches = list(zip(np.split(X, cuts), np.split(Y, cuts), strict=True))
        fit(Counting(3, "linear", rng=0), batches, loss=mse, epochs=2, verbose=0, jit=True)
        counts.append(len(traced))
    assert counts[0] == counts[1]


def test_an_iterator_may_use_its_arrays_again() -> None:
    """A batch is copied before the next one is asked for, which may be written over it."""
    x, y = np.empty((25, 3)), np.empty(25)

    def reading() -> Iterator[Any]:
        for start in range(0, N, 25):
            x[:], y[:] = X[start : start + 25], Y[start : start + 25]
            yield x, y

    assert trained(reading, jit=True) == trained(in_batches(25, X, Y), jit=True)


@pytest.mark.parametrize("jit", [True, False])
def test_one_batch_is_ahead(jit: bool) -> None:
    """While a step is done with a batch, the iterator has been asked for one more, and for no other."""
    asked: list[int] = []
    seen: list[int] = []
    may_go_on = [threading.Event() for _ in range(5)]

    def reading() -> Iterator[Any]:
        for number, batch in enumerate(in_batches(20, X, Y)):
            asked.append(number)
            may_go_on[number].set()
            yield batch

    def after_step(optimizer: Any) -> Any:
        schedule = schedules.StepLR(optimizer, 1, per="batch")
        step = schedule.step

        def told() -> None:
            # The next one is on its way by now.
            may_go_on[min(len(seen) + 1, 4)].wait()
            seen.append(len(asked))
            step()

        schedule.step = told  # type: ignore[method-assign]
        return schedule

    trained(reading, epochs=1, schedule=after_step, jit=jit)
    assert seen == [2, 3, 4, 5, 5]


def test_one_thread_makes_all_batches() -> None:
    """What may be used in one thread only, such as a connection to a data base, is used in one."""
    threads = set()

    def reading() -> Iterator[Any]:
        threads.add(threading.get_ident())
        for batch in in_batches(50, X, Y):
            threads.add(threading.get_ident())
            yield batch

    trained(reading, epochs=4)
    assert len(threads) == 1
    assert threading.get_ident() not in threads


# ------------------------------------------------------------------------------------- errors and interrupts


def failing(error: BaseException, after: int) -> Iterator[Any]:
    """Yield some batches, and raise."""
    yield from in_batches(20, X, Y)[:after]
    raise error


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_error_of_the_iterator_is_raised_where_its_batch_is_used(after: int) -> None:
    """The caller gets the error of the iterator, with the lines that it came from."""
    with pytest.raises(OSError, match="the disk is gone") as raised:
        trained(failing(OSError("the disk is gone"), after), epochs=1)
    assert "failing" in [entry.name for entry in raised.traceback]


@pytest.mark.parametrize("jit", [True, False])
def test_ctrl_c_in_a_step_ends_the_thread(jit: bool) -> None:
    """After Ctrl-C the history so far is returned, and nothing reads on."""
    asked = []

    def reading() -> Iterator[Any]:
        for batch in in_batches(20, X, Y):
            asked.append(1)
            yield batch

    def interrupting(optimizer: Any) -> Any:
        schedule = schedules.StepLR(optimizer, 1, per="batch")

        def interrupt() -> None:
            if len(asked) > 5:
                raise KeyboardInterrupt

        schedule.step = interrupt  # type: ignore[method-assign]
        return schedule

    model = Neuron(3, "linear", rng=0)
    history = fit(model, reading, loss=mse, epochs=9, schedule=interrupting, verbose=0, jit=jit)
    assert (len(history.loss), history.ended) == (1, "interrupted")
    assert len(asked) <= 8


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (iter([(X, Y)]), {}, r"list_iterator\) gives one epoch, and there are 3: pass a function without"),
        ([], {}, "expected at least one batch, got none$"),
        (
            [(X, Y), (X[:, :2], Y)],
            {},
            r"batch 1: expected inputs of shape \(samples, 3\).*got shape \(100, 2\)",
        ),
        ([(X, Y), (X, Y[:, None])], {}, r"batch 1: expected targets of shape \(samples\) and float64"),
        ([(X, CLASSES), (X, CLASSES * 1.0)], {}, r"batch 1: expected targets .*int64, as in .*float64"),
        ([(X, Y), (X, Y, Y)], {}, "batch 1: expected 2 arrays, as in the first batch, got 3"),
        ([(X, Y), (X, Y[:5])], {}, r"batch 1: expected a 2-D array.* of shape \(100, 3\) and .* \(5,\)"),
        ([(X, Y, -np.ones(N))], {}, "batch 0: expected weights of samples to be finite, at least 0"),
        ([{"x": X}], {}, "batch 0: expected a tuple of inputs and targets, .* got dict"),
        ([(X,)], {}, "batch 0: expected a tuple .* got tuple of 1"),
        ([(X, Y)], {"batch_size": 3}, "sizes and weights of their own, .*: leave out batch_size"),
        ([(X, Y)], {"sample_weight": Y, "batch_size": 3}, "leave out batch_size, sample_weight"),
        ([(X, Y)], {"validation_split": 0.3}, "pass the held-out samples as validation_data"),
        ([(X, Y)], {"class_weight": "balanced"}, "needs the targets of all batches before the first"),
        ([(X, Y)], {"optimizer": "lbfgs"}, "L-BFGS takes all samples in each step"),
        (lambda: ((X, Y) for _ in range(2)), {"schedule": "cosine"}, "the number of batches is not known"),
    ],
)
def test_wrong_batches(given: Any, options: dict[str, Any], message: str) -> None:
    """What is wrong with batches raises an error with the number of the batch, or what to pass instead."""
    with pytest.raises(ValueError, match=message):
        trained(given, **options)


def test_arrays_and_batches_are_not_mixed() -> None:
    """Arrays without targets, and batches with other ones, raise errors that say what to pass."""
    with pytest.raises(TypeError, match=r"expected targets beside inputs of ndarray"):
        trained(X)
    with pytest.raises(TypeError, match=r"expected an array of inputs beside targets, got list_iterator"):
        trained(iter([(X, Y)]), Y)
    with pytest.raises(TypeError, match=r"expected inputs and targets, or an iterable of batches, got int"):
        trained(3)


def test_what_is_empty_the_second_time() -> None:
    """A function that gives the same iterator again raises an error in the second epoch."""
    once = iter(in_batches(50, X, Y))
    with pytest.raises(ValueError, match="got none when iterated over again: pass a function"):
        trained(lambda: once)


@pytest.mark.parametrize("jit", [True, False])
def test_a_wrong_class_in_a_later_batch(jit: bool) -> None:
    """The loss checks targets that are unlike those before, before the step that would learn from them."""
    wrong = CLASSES.copy()
    wrong[70] = 3
    left = trained(in_batches(50, X, CLASSES)[:1], epochs=1, loss=cross_entropy, jit=jit)
    model = MLP(3, [4, 3], "tanh", rng=0)
    with pytest.raises(ValueError, match="expected classes to be from 0 to 2, got 0 to 3"):
        fit(model, in_batches(50, X, wrong), loss=cross_entropy, optimizer=Adam(model, lr=0.05), jit=jit)
    assert data(model.parameters()).tolist() == left[0]


@pytest.mark.parametrize("number", [nan, inf])
def test_a_number_of_a_batch_that_is_not_finite(number: float) -> None:
    """The error names the batch, the row and the column; in held-out batches, too."""
    x = X.copy()
    x[47, 2] = number
    where = r"batch 2, inputs\[7, 2\] \(row 7, column 2\) is (nan|inf): leave out"
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=rf"in epoch 1: of {where}"):
        trained(in_batches(20, x, Y))
    with pytest.raises(FloatingPointError, match=rf"of the held-out samples, in {where}"):
        trained(X, Y, validation_data=in_batches(20, x, Y))


# ------------------------------------------------------------------------------------------- arrays in files


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize(
    "options",
    [{}, {"batch_size": 32}, {"batch_size": 7, "validation_split": 0.3, "metrics": "r2"}],
    ids=["whole", "batches", "held out"],
)
def test_a_small_file_is_an_array(tmp_path: Path, options: dict[str, Any], mode: Any, jit: bool) -> None:
    """A training from a file of no more than a window is that from the array, bit for bit."""
    file = in_file(tmp_path / "x.npy", np.column_stack([X, Y]), mode)
    expected = trained(X, Y, rng=3, jit=jit, **options)
    assert trained(file[:, :3], file[:, 3], rng=3, jit=jit, **options) == expected


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("batch_size", [1, 7, 64, 99, 1000])
def test_each_epoch_of_a_file_has_all_samples_in_another_order(tmp_path: Path, batch_size: int) -> None:
    """All batches are full but the last, samples keep their targets, and the order depends on the seed."""
    file = in_file(tmp_path / "x.npy", np.column_stack([np.arange(N * 1.0), np.arange(N) ** 2]))
    source = OnDisk(samples_of(file[:, :1], file[:, 1]), batch_size)

    def epoch(rng: np.random.Generator) -> list[float]:
        batches = list(source.epoch(rng))
        assert [batch.length for batch in batches] == [
            min(batch_size, N - start) for start in range(0, N, batch_size)
        ]
        x, y = (np.concatenate(column) for column in zip(*(b.columns() for b in batches), strict=True))
        np.testing.assert_array_equal(x[:, 0] ** 2, y)
        found: list[float] = x[:, 0].tolist()
        return found

    rng = np.random.default_rng(1)
    first, second = epoch(rng), epoch(rng)
    assert sorted(first) == sorted(second) == list(range(N))
    assert first != second
    assert epoch(np.random.default_rng(1)) == first
    # Within a window of 2 KiB, blocks come from all of the file.
    assert max(first[:64]) - min(first[:64]) > 64
    np.testing.assert_array_equal(np.concatenate([b.y for b in source.in_order()]), file[:, 1])
    assert source.count == ceil(N / batch_size)
    source.close()


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metrics": ["r2", "rmse", "mae"], "validation_split": 0.25},
        {"sample_weight": np.arange(N) % 3, "validation_data": (X[:5], Y[:5]), "early_stopping": 2},
        {"loss": cross_entropy, "class_weight": "balanced", "metrics": ["accuracy", "f1_macro"]},
        {"loss": cross_entropy, "class_weight": {0: 1, 1: 2, 2: 3}, "validation_data": "file"},
    ],
    ids=["plain", "split", "weights", "balanced", "classes"],
)
def test_a_large_file_with_the_options_of_arrays(tmp_path: Path, options: dict[str, Any], jit: bool) -> None:
    """From a file a training is that from the batches that it draws, with all that goes with arrays."""
    targets = CLASSES if options.get("loss") is cross_entropy else Y
    x, y = in_file(tmp_path / "x.npy", X), in_file(tmp_path / "y.npy", targets)
    options = {"batch_size": 16, "rng": 2, "epochs": 4, "jit": jit, **options}
    if options.get("validation_data") == "file":
        options["validation_data"] = (x, y)
    found = trained(x, y, **options)
    assert found == trained(x, targets, **options) == trained(np.asarray(x), np.asarray(y), **options)
    assert found[1]["loss"][-1] < found[1]["loss"][0]
    assert {len(column) for column in found[1].values()} == {4}


@pytest.mark.usefixtures("small_windows")
def test_balanced_classes_of_a_file(tmp_path: Path) -> None:
    """Weights of classes that are counted in a file are those of an array."""
    x, y = in_file(tmp_path / "x.npy", X), in_file(tmp_path / "y.npy", CLASSES)
    source = OnDisk(samples_of(x, y), 16, "balanced")
    found = [batch.weights for batch in source.in_order() if batch.weights is not None]
    source.close()
    expected = samples_of(X, CLASSES, class_weight="balanced").weights
    np.testing.assert_array_equal(np.concatenate(found), expected)


@pytest.mark.usefixtures("small_windows")
def test_what_files_cannot_do(tmp_path: Path) -> None:
    """A step of all samples raises an error that says what to pass; one of a bad number names its row."""
    x = in_file(tmp_path / "x.npy", X, "r+")
    with pytest.raises(ValueError, match=r"batch_size=None takes all samples.*pass batch_size, such as 1024"):
        trained(x, Y)
    with pytest.raises(ValueError, match=r"L-BFGS takes all samples in each step: pass arrays in memory"):
        trained(x, Y, batch_size=8, optimizer="lbfgs")
    with pytest.raises(ValueError, match=r"validation_split of 0.01 of \d+ blocks of samples leaves"):
        trained(x, Y, batch_size=8, validation_split=0.01)
    with pytest.raises(ValueError, match=rf"expected a weight for each of {N} samples, got shape \(3,\)"):
        trained(x, Y, batch_size=8, sample_weight=np.ones(3))
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="the scale of the data"):
        trained(x, 1e200 * Y, batch_size=8)
    x[77, 1] = nan
    with pytest.raises(FloatingPointError, match=r"epoch 1: inputs\[77, 1\] \(row 77, column 1\) is nan"):
        trained(x, Y, batch_size=8)


class Branches(Neuron):
    """A model that branches on its inputs, which is not compiled."""

    def forward(self, x: Any) -> Any:
        """Return the output for a sample."""
        return super().forward(x) if x[0] > 0.0 else self.b


@pytest.mark.usefixtures("small_windows")
def test_what_cannot_be_compiled(tmp_path: Path) -> None:
    """From batches and from a large file it is trained eagerly, with a warning, as with jit=False."""
    batches, file = in_batches(5, X, Y), in_file(tmp_path / "x.npy", X)
    of_file: dict[str, Any] = {"batch_size": 5, "rng": 0}
    given: tuple[Any, ...]
    for given, options in [((batches,), {}), ((file, Y), of_file)]:
        found = []
        for jit in (False, "auto"):
            model = Branches(3, "linear", rng=0)
            expected = nullcontext() if jit is False else pytest.warns(UserWarning, match="is not compiled")
            with expected:
                fit(model, *given, loss=mse, epochs=1, verbose=0, jit=jit, **options)
            found.append(data(model.parameters()).tolist())
        assert found[0] == found[1]


# --------------------------------------------------------------------------------------------------- resuming


def interrupt_in_epoch_3(training: Training) -> None:
    """Press Ctrl-C."""
    if training.epoch == 3:
        raise KeyboardInterrupt


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("kind", ["file", "list"])
def test_a_resumed_training_ends_as_one_that_was_not_interrupted(
    tmp_path: Path, kind: str, jit: bool
) -> None:
    """Parameters and history are the same bit for bit, with samples of a file, and with batches."""
    path = tmp_path / "run.npz"
    x = in_file(tmp_path / "x.npy", X)
    given, options = ((x, Y), {"batch_size": 9}) if kind == "file" else ((in_batches(9, X, Y),), {})
    shared: dict[str, Any] = {**options, "epochs": 6, "rng": 4, "jit": jit}
    expected = trained(*given, checkpoint=tmp_path / "whole.npz", **shared)
    trained(*given, checkpoint=path, callbacks=[interrupt_in_epoch_3], **shared)
    assert trained(*given, resume=path, seed=1, **shared) == expected


def test_an_iterator_goes_on_with_what_is_left(tmp_path: Path) -> None:
    """An iterator that gives one epoch is enough for the last one of a training that is resumed."""
    path, batches = tmp_path / "run.npz", in_batches(20, X, Y)
    trained(batches, epochs=2, checkpoint=path)
    assert trained(iter(batches), epochs=3, resume=path) == trained(batches, resume=path)


# ---------------------------------------------------------------------------------------------------- memory

FLAT = """
import re, sys
from pathlib import Path
import numpy as np
from nn import Neuron, fit
from nn.training import memory_maps

memory_maps.WINDOW = 2**23
rows, path = 20_000, sys.argv[1]
with open(path, "wb") as file:
    file.truncate(rows * 8_000)
x = np.memmap(path, shape=(rows, 1_000), mode="r")

def peak():
    # That of getrusage begins with the memory of the process that has started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

def train(x):
    neuron = Neuron(1_000, "linear", rng=0)
    fit(neuron, x, x[:, 0], loss="mse", batch_size=64, epochs=1, metrics="r2", verbose=0)

train(x[:3_000])
before = peak()
train(x)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count the pages of a file otherwise")
def test_memory_is_flat(tmp_path: Path) -> None:
    """A training from a file of 160 MB takes no more memory than one from the first 24 MB of it."""
    command = [sys.executable, "-c", FLAT, str(tmp_path / "x.bin")]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(found.stdout) < 2**24


# -------------------------------------------------------------------------------------------------- the parts


@pytest.mark.parametrize("name", [*metrics.METRICS, "a function"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_metrics_batch_by_batch(name: str, outputs: int) -> None:
    """Metrics by name are those of all samples at once; those of the user are means over the batches."""
    rng = np.random.default_rng(3)
    is_of_classes = name in metrics.FRACTIONS
    measure: Callable[..., float] = metrics.METRICS.get(name, lambda o, t: float(np.mean(o)))
    found = rng.normal(size=(50, outputs))
    wanted = rng.integers(0, max(outputs, 2), 50) if is_of_classes else 1e3 + rng.normal(size=(50, outputs))
    each = running(measure)
    for start, stop in ((0, 1), (1, 20), (20, 45), (45, 50)):
        each.add(found[start:stop], wanted[start:stop])
    np.testing.assert_allclose(each.result(), measure(found, wanted), rtol=1e-12)


def test_metrics_with_settings_batch_by_batch() -> None:
    """A `functools.partial` of a metric is that of all samples at once, too."""
    rng = np.random.default_rng(3)
    found, wanted = rng.uniform(size=(50, 1)), rng.integers(0, 2, 50)
    for measure in (partial(metrics.f1, threshold=0.7), partial(metrics.accuracy, threshold=0.7)):
        each = running(measure)
        for start, stop in ((0, 20), (20, 50)):
            each.add(found[start:stop], wanted[start:stop])
        assert each.result() == pytest.approx(measure(found, wanted), rel=1e-12)


def test_what_is_ahead_is_begun_when_the_one_before_is_taken() -> None:
    """Nothing is made before the first item is asked for, and nothing after the thread has ended."""
    made = []

    def items() -> Iterator[int]:
        for number in range(9):
            made.append(number)
            yield number

    ahead = OneAhead()
    found = ahead.over(items())
    assert made == []
    assert next(found) == 0
    ahead.close()
    assert made in ([0], [0, 1])


def test_a_loss_is_told_of_few_targets() -> None:
    """Of many targets, the loss is told of those alone that are unlike the others."""
    told = []

    def loss(outputs: Any, targets: Any) -> Value:
        # While it is traced, it is told of no numbers.
        told.append(len(targets) if type(targets) is np.ndarray else 0)
        return mse(outputs, targets)

    x, y = np.ones((50_000, 1)), np.repeat([0.0, 1.0], 25_000)
    fit(Neuron(1, rng=0), x, y, loss=loss, epochs=1, batch_size=10_000, verbose=0, jit=True)
    assert 1024 < sum(told) < 10_000


def test_targets_that_are_new() -> None:
    """Of more than 100 different numbers, only those beyond all before are new; of texts any are."""
    are_new = NewTargets()
    assert are_new(np.arange(200.0))
    assert not are_new(np.array([0.5, 199.0]))
    assert are_new(np.array([200.0]))
    assert are_new(np.array([nan]))
    assert NewTargets()(np.array(["cat"]))


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "compiled"])
def test_wherever_ctrl_c_cuts_in(jit: bool) -> None:
    """Parameters are those after the same step, and the thread ends."""
    modules = (prefetching, batch_iterables, sources, epochs, loop)
    files = {str(module.__file__) for module in modules}
    batches = in_batches(50, X, Y)
    known: dict[int, list[float]] = {}
    # The stride is a prime, so that each place in the loops is hit.
    for count in range(1, 10_000, 5):
        model = Neuron(3, "linear", rng=0)
        rule = Adam(model)
        was_interrupted = interrupted_at(
            count,
            partial(fit, model, batches, loss=mse, optimizer=rule, epochs=2, verbose=0, jit=jit),
            files,
        )
        left = data(model.parameters()).tolist()
        assert known.setdefault(rule.steps, left) == left
        for thread in threading.enumerate():
            if "batches" in thread.name:
                thread.join(10.0)
        if not was_interrupted:
            break
    assert set(known) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("with_length", [True, False])
def test_progress_within_an_epoch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, with_length: bool
) -> None:
    """An epoch that takes long has a line every five seconds, which tells its batch and the loss."""
    # Each step asks for the time twice at most, and so takes 3 s or 6 s.
    clock = itertools.count(0.0, 3.0)
    monkeypatch.setattr("autograd.progress.monotonic", lambda: next(clock))
    batches = in_batches(25, X, Y)
    trained(batches if with_length else lambda: iter(batches), epochs=2, verbose=1, jit=False)
    lines = capsys.readouterr().err.splitlines()
    of_all = " of 4" if with_length else ""
    assert lines[0].startswith(f"epoch 1/2: batch 2{of_all}, loss ")
    assert lines[-1].startswith("epoch 2/2: loss ")
    assert all(len(line) < 60 for line in lines)


@pytest.mark.parametrize("is_watched", [True, False])
def test_no_progress_is_none_within_an_epoch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_watched: bool
) -> None:
    """`verbose=0` prints nothing of batches, and a bar has them beside it."""
    pytest.importorskip("tqdm")
    monkeypatch.setattr("autograd.progress._is_seen", lambda: True)
    trained(in_batches(25, X, Y), epochs=1, verbose=is_watched, jit=False)
    found = capsys.readouterr().err
    assert ("batch 1 of 4, loss" in found) is is_watched
    assert bool(found) is is_watched


def test_batches_without_any_weight() -> None:
    """Batches whose samples all have no weight move nothing, and their loss is 0."""
    found = trained(in_batches(50, X, Y, np.zeros(N)), epochs=1, optimizer="sgd")
    assert found[0] == data(MLP(3, [4, 1], "tanh", rng=0).parameters()).tolist()
    assert found[1]["loss"] == [0.0]


def test_a_loader_of_pytorch() -> None:
    """A loader gives batches of tensors, has a length, and is iterated over in each epoch."""
    torch = pytest.importorskip("torch")
    rows = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    loader = torch.utils.data.DataLoader(rows, batch_size=32)
    expected = trained(in_batches(32, X, Y), schedule="cosine")
    assert trained(loader, schedule="cosine") == expected


@pytest.mark.parametrize("is_large", [True, False])
def test_a_file_that_is_cut_off(tmp_path: Path, request: pytest.FixtureRequest, is_large: bool) -> None:
    """A file that is shorter than when it was mapped is an error; to read it would end the process."""
    if is_large:
        request.getfixturevalue("small_windows")
    x = in_file(tmp_path / "x.npy", X)

    def cut_off(training: Training) -> None:
        os.truncate(tmp_path / "x.npy", 200)

    if is_large:
        with pytest.raises(OSError, match=r"x\.npy' of an array has 200 bytes, and had 2,528"):
            trained(x, Y, batch_size=8, callbacks=[cut_off])
    else:
        trained(x, Y, batch_size=8, callbacks=[cut_off])
    with pytest.raises(OSError, match="it was cut off since"):
        trained(x, Y, batch_size=8)
    with pytest.raises(OSError, match="it was cut off since"):
        trained(X, Y, batch_size=8, validation_data=(x, Y))
