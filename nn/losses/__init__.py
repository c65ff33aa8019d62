"""Losses: functions from predictions and targets to one `Value`, the number to minimise.

Predictions and targets are single numbers, sequences or arrays of one shape; an output column of shape
(samples, 1) goes with targets of shape (samples,). Each loss takes weights of the samples, and a reduction.
"""

from .binary import binary_cross_entropy, binary_cross_entropy_with_logits, hinge
from .by_name import LOSSES, Loss, loss, takes_probabilities
from .categorical import cross_entropy
from .classes import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss, HuberLoss, L1Loss, MSELoss
from .penalties import l1_penalty, l2_penalty
from .regression import half_squared_error, huber, mae, mse

__all__ = [
    "LOSSES",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HingeLoss",
    "HuberLoss",
    "L1Loss",
    "Loss",
    "MSELoss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "half_squared_error",
    "hinge",
    "huber",
    "l1_penalty",
    "l2_penalty",
    "loss",
    "mae",
    "mse",
    "takes_probabilities",
]
