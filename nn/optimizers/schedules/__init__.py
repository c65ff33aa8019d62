"""Schedules: how the learning rate of an optimizer changes while a model is trained.

Names, arguments and numbers are those of `torch.optim.lr_scheduler`. A schedule sets ``optimizer.lr`` when it
is made, and again at each `step`, after each epoch or each batch, as its `per` says.
"""

from .base import LRScheduler, Per
from .by_name import SCHEDULES, schedule
from .cosine import CosineAnnealingLR
from .falling import ExponentialLR, MultiStepLR, StepLR
from .linear import LinearLR
from .one_cycle import OneCycleLR
from .plateau import ReduceLROnPlateau
from .sequential import SequentialLR

__all__ = [
    "SCHEDULES",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "Per",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "schedule",
]
