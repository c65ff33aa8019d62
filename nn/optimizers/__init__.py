"""Optimizers: rules that move parameters against their gradients."""

from .adam import Adam
from .optimizer import Optimizer, State
from .sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "State"]
