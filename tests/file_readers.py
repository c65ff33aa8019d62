"""What reads files of users, with some that are right, and what damages them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import sweep_functions as functions
from damage import MARK, other_archive, other_lines, other_programs, other_table
from test_saved_programs import KINDS

from autograd import jit, load, sweep
from autograd.compiler.program_files import bytes_of
from nn import MLP, Dropout, Layer, Linear, Sequential, Softmax, fit, save
from nn import load as load_model
from nn.datasets import Preprocessing, moons, read_csv
from nn.optimizers import Adam
from nn.saving import read_archive, read_model, write_archive
from nn.terminal import main as command

Damage = Callable[[bytes, Random], bytes]


class WrongReaderError(Exception):
    """Something is wrong with a reader."""


class Reader(NamedTuple):
    """What reads files, some that are right, and how they are damaged."""

    suffix: str
    valid: list[bytes]
    damage: Damage
    read: Callable[[Path], object]


def _written(folder: Path, suffix: str, write: Callable[[Path], object]) -> bytes:
    path = folder / f"valid{suffix}"
    write(path)
    return path.read_bytes()


def _untouched(model: Any, read: Callable[[], object]) -> None:
    before = [float.hex(p.data) for p in model.parameters()]
    try:
        read()
    except BaseException:
        if [float.hex(p.data) for p in model.parameters()] != before:
            raise WrongReaderError("the model has changed") from None
        raise


X, Y = np.arange(7.0)[:, None] / 7, np.arange(7.0) / 3


def _trained(path: Path, **options: Any) -> None:
    model = MLP(1, [3, 1], "tanh", rng=1)
    options = {"early_stopping": 2, "schedule": "step", "rng": 1, "jit": False, **options}
    adam = Adam(model, lr=0.05)
    _untouched(model, lambda: fit(model, X, Y, loss="mse", optimizer=adam, epochs=2, verbose=0, **options))


def _load_into(path: Path) -> None:
    model = MLP(2, [3, 2], rng=1)
    _untouched(model, lambda: load_model(path, model))


def _run_program(path: Path) -> None:
    loaded = load(path, "numpy")
    if MARK in loaded.source:
        raise WrongReaderError("a text of the file is in the program")
    repr(loaded.report())


def _command(*words: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        out, err = io.StringIO(), io.StringIO()
        given = [word.format(path=path, folder=path.parent) for word in words]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = command(given)
        if status:
            shown = err.getvalue()
            if status not in (1, 2) or not shown.startswith("error: ") or shown.count("\n") != 1:
                raise WrongReaderError(f"status {status}: {shown[:300]!r}")
            raise ValueError(shown)
        if "\x1b" in out.getvalue():
            raise WrongReaderError("a control character is printed")

    return read


def _sweep(path: Path) -> None:
    sweep(functions.not_at_two, [0, 1, 3], progress=False, resume=path)


def readers(folder: Path) -> dict[str, Reader]:
    """Return all readers."""
    data = moons(60)
    kinds = {
        "mlp": lambda path: save(MLP(2, [3, 2], rng=0), path, Preprocessing.of(data), extra=np.ones(3)),
        "parts": lambda path: save(
            Sequential(Linear(2, 3), np.tanh, Dropout(0.1), Layer(3, 2, "relu"), Softmax()), path
        ),
    }
    models = [_written(folder, ".npz", write) for write in kinds.values()]
    path = folder / "valid.npz"
    _trained(path, checkpoint=path)
    checkpoint = path.read_bytes()
    programs = []
    for kind in ("numbers", "trees", "open lengths", "loops", "loops of Python", "many numbers"):
        f, args = KINDS[kind]
        compiled = jit(f, "numpy")
        compiled(*args)
        programs.append(bytes_of(compiled))
    rows = "".join(
        f"{x:.3f},{y:.3f},{'ab'[k]},{i}\n" for i, ((x, y), k) in enumerate(zip(*data, strict=True))
    )
    table = f"x,y,kind,no\n{rows}".encode()
    plain = f"x,y\n{''.join(f'{x:.3f},{y:.3f}{chr(10)}' for x, y in data.inputs)}".encode()
    (folder / "table.csv").write_bytes(table)
    (folder / "model.npz").write_bytes(models[0])
    archive = _written(
        folder, ".npz", lambda path: write_archive(path, {"a": np.ones((2, 3)), "b": ["x"]}, {"c": [1]})
    )
    lines = _written(folder, ".jsonl", _sweep)
    return {
        "models": Reader(".npz", models, other_archive, read_model),
        "parameters": Reader(".npz", models[:1], other_archive, _load_into),
        "archives": Reader(
            ".npz", [archive], other_archive, lambda path: read_archive(path, most_bytes=2**20)
        ),
        "checkpoints": Reader(".npz", [checkpoint], other_archive, lambda path: _trained(path, resume=path)),
        "programs": Reader(".program", programs, other_programs, _run_program),
        "sweeps": Reader(".jsonl", [lines], other_lines, _sweep),
        "tables": Reader(".csv", [table, plain], other_table, lambda path: read_csv(path, missing="mean")),
        "predict": Reader(
            ".npz", models[:1], other_archive, _command("predict", "{path}", "{folder}/plain.csv")
        ),
        "predicted rows": Reader(
            ".csv", [plain], other_table, _command("predict", "{folder}/model.npz", "{path}")
        ),
    }
