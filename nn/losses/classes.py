"""Losses as classes with PyTorch's names: a loss function and its settings, called as the function is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from .binary import binary_cross_entropy, binary_cross_entropy_with_logits, hinge
from .categorical import cross_entropy
from .regression import huber, mae, mse
from .terms import Reduction, check_reduction


@dataclass(frozen=True, repr=False, kw_only=True)
class LossClass:
    """A loss function and its settings, which are the fields.

    Parameters
    ----------
    reduction : str
        As in `mse`.

    Attributes
    ----------
    function : callable
        The loss.
    """

    reduction: Reduction = "mean"
    function: ClassVar[Callable[..., Any]]

    def __post_init__(self) -> None:
        check_reduction(self.reduction)
        for setting in fields(self):
            weights = getattr(self, setting.name)
            if not isinstance(weights, str) and np.ndim(weights):
                # A tuple can be compared, hashed and read in the repr.
                object.__setattr__(self, setting.name, tuple(np.asarray(weights).tolist()))

    def __call__(self, outputs: Any, targets: Any, *, sample_weight: Any = None) -> Any:
        """Return the loss of outputs and targets."""
        settings = {setting.name: getattr(self, setting.name) for setting in fields(self)}
        return type(self).function(outputs, targets, sample_weight=sample_weight, **settings)

    @property
    def __name__(self) -> str:
        """The name of the function."""
        return type(self).function.__name__

    def __repr__(self) -> str:
        pairs = [(own.name, getattr(self, own.name), own.default) for own in fields(self)]
        settings = ", ".join(f"{name}={now!r}" for name, now, default in pairs if now != default)
        return f"{type(self).__name__}({settings})"


@dataclass(frozen=True, repr=False, kw_only=True)
class MSELoss(LossClass):
    """`mse` as a class.

    Parameters
    ----------
    reduction : str
        As in `mse`.

    Examples
    --------
    >>> from autograd import Value
    >>> MSELoss(reduction="sum")([Value(3.0), Value(4.0)], [1.0, 1.0])
    Value(13.0, op='sum')
    """

    function = staticmethod(mse)


@dataclass(frozen=True, repr=False, kw_only=True)
class L1Loss(LossClass):
    """`mae` as a class.

    Parameters
    ----------
    reduction : str
        As in `mse`.

    Examples
    --------
    >>> from autograd import Value
    >>> L1Loss()([Value(3.0), Value(4.0)], [1.0, 1.0])
    Value(2.5, op='/')
    """

    function = staticmethod(mae)


@dataclass(frozen=True, repr=False, kw_only=True)
class HuberLoss(LossClass):
    """`huber` as a class.

    Parameters
    ----------
    reduction, delta
        As in `huber`.

    Examples
    --------
    >>> HuberLoss(delta=0.5)
    HuberLoss(delta=0.5)
    """

    delta: float = 1.0

    function = staticmethod(huber)


@dataclass(frozen=True, repr=False, kw_only=True)
class HingeLoss(LossClass):
    """`hinge` as a class.

    Parameters
    ----------
    reduction : str
        As in `mse`.

    Examples
    --------
    >>> from autograd import Value
    >>> HingeLoss()([Value(0.5), Value(-3.0)], [1, -1])
    Value(0.25, op='/')
    """

    function = staticmethod(hinge)


@dataclass(frozen=True, repr=False, kw_only=True)
class BCELoss(LossClass):
    """`binary_cross_entropy` as a class.

    Parameters
    ----------
    reduction : str
        As in `mse`.

    Examples
    --------
    >>> f"{BCELoss()([0.25], [1.0]):.4f}"
    '1.3863'
    """

    function = staticmethod(binary_cross_entropy)


@dataclass(frozen=True, repr=False, kw_only=True)
class BCEWithLogitsLoss(LossClass):
    """`binary_cross_entropy_with_logits` as a class.

    Parameters
    ----------
    reduction, pos_weight
        As in `binary_cross_entropy_with_logits`.

    Examples
    --------
    >>> from autograd import Value
    >>> BCEWithLogitsLoss(pos_weight=3.0)(Value(-800.0), 1.0).data
    2400.0
    """

    pos_weight: Any = None

    function = staticmethod(binary_cross_entropy_with_logits)


@dataclass(frozen=True, repr=False, kw_only=True)
class CrossEntropyLoss(LossClass):
    """`cross_entropy` as a class.

    Parameters
    ----------
    weight, reduction, label_smoothing
        As in `cross_entropy`.

    Examples
    --------
    >>> CrossEntropyLoss([1.0, 3.0], label_smoothing=0.1)
    CrossEntropyLoss(weight=(1.0, 3.0), label_smoothing=0.1)
    """

    weight: Any = field(default=None, kw_only=False)
    label_smoothing: float = 0.0

    function = staticmethod(cross_entropy)
