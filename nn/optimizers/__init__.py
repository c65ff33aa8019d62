"""Optimizers: rules that move parameters against their gradients."""

from .adagrad import Adagrad
from .adam import Adam, AdamW
from .base import Optimizer, State
from .by_name import OPTIMIZERS, optimizer
from .lbfgs import LBFGS, Minimum
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = [
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Minimum",
    "Optimizer",
    "RMSprop",
    "State",
    "optimizer",
]
