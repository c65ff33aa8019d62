"""Early stopping: end a training that no longer gets better, with the best parameters."""

from __future__ import annotations

from math import inf
from typing import Any, Literal

from ..metrics import INCREASING
from .callbacks import Callback, Training


class EarlyStopping(Callback):
    """End a training when a number has not improved for some epochs, and restore the best parameters.

    Parameters
    ----------
    monitor : str or None
        A column of the history. None takes ``"val_loss"``, or ``"loss"`` if no samples are held out.
    min_delta : float
        What counts as an improvement, at least 0.
    patience : int
        For how many epochs to wait for one, at least 1.
    mode : "auto", "min" or "max"
        Whether less is better, or more; "auto" takes more for accuracy, f1 and r2, and less for the others.
    restore_best_weights : bool
        Whether the model ends with the parameters of its best epoch, also after Ctrl-C.

    Raises
    ------
    ValueError
        For a number out of range, an unknown mode, or, at the first epoch, an unknown column.

    Examples
    --------
    >>> from nn import Neuron, fit
    >>> stop = EarlyStopping(min_delta=1e-3, patience=2)
    >>> line = Neuron(1, "linear", rng=0)
    >>> fit(line, [[0.0], [1.0]], [1.0, 3.0], loss="mse", callbacks=[stop], verbose=0).ended
    'no better loss for 2 epochs'
    """

    def __init__(
        self,
        monitor: str | None = None,
        min_delta: float = 0.0,
        patience: int = 10,
        mode: Literal["auto", "min", "max"] = "auto",
        restore_best_weights: bool = True,
    ) -> None:
        if isinstance(patience, bool) or patience < 1 or not min_delta >= 0.0:
            raise ValueError(
                "expected patience of at least 1 and min_delta of at least 0, "
                f"got {patience!r} and {min_delta!r}"
            )
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'expected mode to be "auto", "min" or "max", got {mode!r}')
        self.monitor, self.min_delta, self.patience, self.mode = monitor, min_delta, patience, mode
        self.restore_best_weights = restore_best_weights
        self.best, self.waited, self.best_epoch = inf, 0, 0
        self._weights: list[float] = []
        self._size: int | None = None

    def on_train_begin(self, training: Training) -> None:
        """Forget an earlier training."""
        self.best, self.waited, self.best_epoch, self._weights = inf, 0, 0, []
        self._size = len(training.model.parameters())

    def on_epoch_end(self, training: Training) -> None:
        """Compare the epoch with the best."""
        name = self._name(training)
        number = training.history.columns()[name][-1]
        number = -number if self._is_increasing(name) else number
        if number < self.best - self.min_delta or not self.best_epoch:
            self.best, self.waited, self.best_epoch = number, 0, training.epoch
            if self.restore_best_weights:
                self._weights = [p.data for p in training.model.parameters()]
            return
        self.waited += 1
        if self.waited >= self.patience:
            training.stop(f"no better {name} for {self.patience} epochs")

    def on_train_end(self, training: Training) -> None:
        """Restore the best parameters."""
        if self._weights and self.best_epoch < training.epoch:
            for parameter, number in zip(training.model.parameters(), self._weights, strict=True):
                parameter.data = number
        training.history.best_epoch = self.best_epoch or None

    def state_dict(self) -> dict[str, Any]:
        """Return the best number, its epoch and parameters, and for how long there was none better."""
        return {
            "best": self.best,
            "waited": self.waited,
            "best_epoch": self.best_epoch,
            "weights": self._weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned, if its parameters are as many as those of the model."""
        if self._size is not None and len(state["weights"]) not in (0, self._size):
            raise ValueError(f"expected {self._size} of the best parameters, got {len(state['weights'])}")
        self.best, self.waited, self.best_epoch = state["best"], state["waited"], state["best_epoch"]
        self._weights = state["weights"]

    def _name(self, training: Training) -> str:
        columns = training.history.columns()
        if self.monitor is None:
            return "val_loss" if "val_loss" in columns else "loss"
        if self.monitor not in columns:
            raise ValueError(
                f"expected monitor to be one of {', '.join(columns)}, got {self.monitor!r}: what fit records "
                "besides the loss are its metrics, and of held-out samples val_loss and val_ with their names"
            )
        return self.monitor

    def _is_increasing(self, name: str) -> bool:
        is_metric = name.removeprefix("val_") in INCREASING
        return self.mode == "max" or (self.mode == "auto" and is_metric)
