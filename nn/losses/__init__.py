"""Losses: functions from predictions and targets to one `Value`, the number to minimise.

Predictions and targets are single numbers, sequences or arrays of one shape; an output column of shape
(samples, 1) goes with targets of shape (samples,).
"""

from .binary import binary_cross_entropy, binary_cross_entropy_with_logits, hinge
from .by_name import LOSSES, Loss, loss
from .categorical import cross_entropy
from .penalties import l2_penalty
from .regression import half_squared_error, mse

__all__ = [
    "LOSSES",
    "Loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "half_squared_error",
    "hinge",
    "l2_penalty",
    "loss",
    "mse",
]
