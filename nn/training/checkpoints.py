"""Checkpoints: all that a training needs to go on as if it had not been interrupted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from math import inf
from time import monotonic
from typing import Any

import numpy as np

from ..saving.archives import read_archive, write_archive
from ..saving.models import parameters_in
from .callbacks import Callback, Training
from .checkpoint_checks import DamagedCheckpointError, check_described, check_like

INTERRUPTED = "interrupted"
"""How a training has ended after Ctrl-C."""

_VERSION = 1

# The parameters of a model take 8 bytes each, and with their names and the optimizer's states, which the
# description has as text, some hundred, which compress to a tenth, and zeros to a fiftieth.
_ROOM, _MOST_UNPACKED, _MOST_BYTES = 2**25, 256, 2**30

# What NumPy's generators, optimizers and callbacks raise for a state that is none.
_DAMAGES = (KeyError, IndexError, TypeError, AttributeError, OverflowError)

# A file of 2,410 parameters takes 25 ms, and the epoch of a network for digits 17.
_SECONDS = 1.0


class Checkpoint(Callback):
    """Write a checkpoint after an epoch, whole or not at all: the first, the last, and one a second.

    Parameters
    ----------
    path : path-like
        The file, whose name ends in ``.npz``.

    Examples
    --------
    >>> import tempfile
    >>> from nn import MLP, fit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/run.npz"
    ...     _ = fit(MLP(1, [1], rng=0), [[1.0]], [2.0], loss="mse", epochs=3, checkpoint=path, verbose=0)
    ...     fit(MLP(1, [1]), [[1.0]], [2.0], loss="mse", epochs=5, resume=path, verbose=0)
    History(5 epochs: loss 0.0391)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._written = -inf

    def on_train_begin(self, training: Training) -> None:
        """Write after the first epoch, whenever that is."""
        self._written = -inf

    def on_epoch_end(self, training: Training) -> None:
        """Write the file, unless it was written a moment ago and more epochs follow."""
        is_last = training.epoch >= training.epochs or training.history.ended
        if not is_last and monotonic() - self._written < _SECONDS:
            return
        self._write(training)
        self._written = monotonic()

    def _write(self, training: Training) -> None:
        model = training.model.state_dict()
        described = {
            "chainrule training": _VERSION,
            "optimizer": training.optimizer.state_dict(),
            "schedule": None if training.schedule is None else training.schedule.state_dict(),
            "callbacks": [[type(one).__name__, one.state_dict()] for one in _with_states(training)],
            "history": asdict(training.history),
            "rng": state_of(training.rng),
            "rng at first": training.rng_at_first,
        }
        arrays = {"names": np.array(list(model), dtype=np.str_), "values": np.array(list(model.values()))}
        write_archive(self.path, arrays, described)


class Saved:
    """What a checkpoint holds.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    ValueError
        If the file is no checkpoint of a training, or is damaged.
    OSError
        If it cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        what = "a checkpoint of a training"
        room = min(_MOST_BYTES, _ROOM + _MOST_UNPACKED * os.path.getsize(path))
        arrays, described = read_archive(path, most_bytes=room, what=what)
        if described.get("chainrule training") != _VERSION:
            hint = "; a saved model is loaded by nn.load" if "names" in arrays else ""
            raise ValueError(f"{self.path!r} does not hold {what} of version {_VERSION}{hint}")
        self._parameters = parameters_in(path, arrays, what)
        try:
            check_described(described)
        except DamagedCheckpointError as error:
            raise self._damaged(error) from None
        self._described = described

    def _damaged(self, error: Exception) -> ValueError:
        return ValueError(f"{self.path!r} does not hold a checkpoint of a training: it is damaged: {error}")

    @property
    def epochs(self) -> int:
        """The number of epochs that are done."""
        return len(self._described["history"]["loss"])

    def state_of_callback(self, kind: type[Callback]) -> dict[str, Any]:
        """Return what the callback of a class remembers.

        Raises
        ------
        ValueError
            If there is none, or more than one.
        """
        (state,) = (state for name, state in self._described["callbacks"] if name == kind.__name__)
        found: dict[str, Any] = state
        return found

    def rewind(self, rng: np.random.Generator) -> None:
        """Set a generator to where that of the training began, so that the same samples are held out."""
        try:
            _set_state(rng, self._described["rng at first"], self.path)
        except _DAMAGES as error:
            raise self._damaged(error) from error

    def restore(self, training: Training) -> None:
        """Set a training to where it was, its parameters included; after an error nothing has changed.

        Raises
        ------
        ValueError
            If model, optimizer, schedule or callbacks are not those of the checkpoint, or it is damaged.
        """
        model, optimizer = training.model.state_dict(), training.optimizer.state_dict()
        try:
            self._check(training)
            self._restore(training)
        except BaseException as error:
            training.model.load_state_dict(model)
            training.optimizer.load_state_dict(optimizer)
            # What a file says is only in part checked before it is used.
            if isinstance(error, _DAMAGES):
                raise self._damaged(error) from error
            raise

    def _check(self, training: Training) -> None:
        """Raise if something is not that of the checkpoint, or is of another kind than what it is to be."""
        found, callbacks = self._described, _with_states(training)
        kinds = [name for name, _ in found["callbacks"]]
        own = [type(callback).__name__ for callback in callbacks]
        if kinds != own:
            raise ValueError(
                f"{self.path!r} is of a training with {_listed(kinds)}, got {_listed(own)}: "
                "pass the same to resume"
            )
        if (found["schedule"] is None) != (training.schedule is None):
            which = "without" if found["schedule"] is None else "with"
            raise ValueError(f"{self.path!r} is of a training {which} a schedule: pass the same to resume")

    def _restore(self, training: Training) -> None:
        found, callbacks = self._described, _with_states(training)
        training.model.load_state_dict(self._parameters)
        self._load("its optimizer", training.optimizer, found["optimizer"])
        if training.schedule is not None:
            self._load("its schedule", training.schedule, found["schedule"])
        for callback, (name, state) in zip(callbacks, found["callbacks"], strict=True):
            self._load(f"its {name}", callback, state)
        for name, column in found["history"].items():
            # This one may be eager, and that one compiled.
            if name != "how":
                setattr(training.history, name, column)
        _set_state(training.rng, found["rng"], self.path)

    def _load(self, what: str, part: Any, state: Mapping[str, Any]) -> None:
        """Have a part of the training take over a state, which is then of the kind that it has itself."""
        before = part.state_dict()
        part.load_state_dict(state)
        try:
            check_like(part.state_dict(), before, what)
        except DamagedCheckpointError as error:
            part.load_state_dict(before)
            raise self._damaged(error) from None


def _with_states(training: Training) -> list[Callback]:
    """Return the callbacks that remember something from epoch to epoch."""
    return [callback for callback in training.callbacks if callback.state_dict()]


def _listed(kinds: list[str]) -> str:
    return ", ".join(kinds) or "no early stopping and no other callback"


def state_of(rng: np.random.Generator) -> dict[str, Any]:
    """Return the state of a generator as JSON can hold it.

    Examples
    --------
    >>> state_of(np.random.default_rng(0))["bit_generator"]
    'PCG64'
    """
    found: dict[str, Any] = _as_lists(rng.bit_generator.state)
    return found


def _set_state(rng: np.random.Generator, state: dict[str, Any], path: str) -> None:
    own = rng.bit_generator.state["bit_generator"]
    if state["bit_generator"] != own:
        raise ValueError(
            f"{path!r} is of a training with the generator {state['bit_generator']}, got {own}: "
            "pass the same rng"
        )
    # Of another one first: a state that is none may be taken over in part.
    other = type(rng.bit_generator)()
    other.state = _as_arrays(state)
    rng.bit_generator.state = other.state


def _as_lists(state: Any) -> Any:
    """Return the state of a bit generator with arrays as lists, which JSON can hold."""
    if isinstance(state, dict):
        return {key: _as_lists(entry) for key, entry in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


def _as_arrays(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _as_arrays(entry) for key, entry in state.items()}
    return np.array(state, dtype=np.uint64) if isinstance(state, list) else state
