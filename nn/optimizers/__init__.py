"""Optimizers: rules that move parameters against their gradients."""

from .adam import Adam
from .base import Optimizer, State
from .by_name import OPTIMIZERS, optimizer
from .sgd import SGD

__all__ = ["OPTIMIZERS", "SGD", "Adam", "Optimizer", "State", "optimizer"]
