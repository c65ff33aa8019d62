"""`LRScheduler`: the base class of schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..base import Optimizer

Per = Literal["epoch", "batch"]
"""When a schedule steps: after each epoch, or after each batch."""


class LRScheduler:
    """Base class of schedules, which set the learning rate of an optimizer.

    A subclass defines `next_lr`. What else is assigned to it belongs to its state, which JSON can hold.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer. The first schedule of an optimizer notes its learning rate as ``initial_lr``, which
        this one and all later ones refer to.
    per : "epoch" or "batch"
        When `nn.fit` calls `step`.

    Attributes
    ----------
    last_epoch : int
        The number of steps so far, in PyTorch's word.
    base_lr : float
        The optimizer's initial learning rate.
    needs_metric : bool
        Whether `step` takes a number that is to fall or rise.

    Raises
    ------
    TypeError
        For something other than an optimizer, or one without a learning rate that may change.
    ValueError
        If `per` is neither of both.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> class InverseTime(LRScheduler):
    ...     def next_lr(self):
    ...         return self.base_lr / (1 + self.last_epoch)
    >>> sgd = SGD([Value(0.0)], lr=1.0)
    >>> schedule = InverseTime(sgd)
    >>> schedule.step()
    >>> sgd.lr
    0.5
    """

    needs_metric = False

    def __init__(self, optimizer: Optimizer, *, per: Per = "epoch") -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"expected an optimizer to schedule, got {optimizer!r}")
        if "lr" not in optimizer.varying:
            raise TypeError(
                f"{type(optimizer).__name__} finds the length of its steps itself: leave out the schedule"
            )
        if per not in ("epoch", "batch"):
            raise ValueError(f'expected per to be "epoch" or "batch", got {per!r}')
        self.optimizer = optimizer
        self.per = per
        self.last_epoch = 0
        if optimizer.initial_lr is None:
            optimizer.initial_lr = optimizer.lr
        self.base_lr = optimizer.initial_lr
        optimizer.lr = self.next_lr()

    def next_lr(self) -> float:
        """Return the learning rate from now on, with `last_epoch` steps done.

        It may be computed from the present one, ``self.optimizer.lr``, so that several schedules of one
        optimizer can be combined.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define next_lr(), which a step needs")

    def step(self) -> None:
        """Set the learning rate for the next epoch or batch."""
        self.last_epoch += 1
        self.optimizer.lr = self.next_lr()

    def restart(self) -> None:
        """Begin anew, from the initial learning rate."""
        self.last_epoch = 0
        self.optimizer.lr = self.base_lr
        self.optimizer.lr = self.next_lr()

    def get_last_lr(self) -> list[float]:
        """Return the present learning rate, in a list as in PyTorch."""
        return [self.optimizer.lr]

    def state_dict(self) -> dict[str, Any]:
        """Return what the schedule knows, and the learning rate, as JSON can hold it.

        Examples
        --------
        >>> from autograd import Value
        >>> from nn.optimizers import SGD
        >>> from nn.optimizers.schedules import StepLR
        >>> StepLR(SGD([Value(0.0)], lr=1.0), step_size=2).state_dict()["last_epoch"]
        0
        """
        own = {name: entry for name, entry in vars(self).items() if name != "optimizer"}
        return {"schedule": type(self).__name__, "lr": self.optimizer.lr, **own}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, and set the learning rate.

        Parameters
        ----------
        state : mapping
            The state of a schedule of the same class.

        Raises
        ------
        ValueError
            For the state of another class, or one that does not have the same entries. Nothing is changed
            then.
        """
        self.check_state(state)
        self.optimizer.lr = state["lr"]
        vars(self).update({name: state[name] for name in state.keys() - {"schedule", "lr"}})

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise if `load_state_dict` would, and change nothing."""
        own = self.state_dict()
        if state.get("schedule") != own["schedule"]:
            raise ValueError(f"expected the state of {own['schedule']}, got that of {state.get('schedule')}")
        if state.keys() != own.keys():
            odd = ", ".join(sorted(state.keys() ^ own.keys()))
            raise ValueError(f"the state does not fit {own['schedule']}: one of both has no {odd}")

    def __repr__(self) -> str:
        own = "".join(f", {n}={e!r}" for n, e in vars(self).items() if n not in ("optimizer", "base_lr"))
        return f"{type(self).__name__}({type(self.optimizer).__name__}{own})"
