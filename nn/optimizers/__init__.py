"""Optimizers: rules that move parameters against their gradients."""

from .adagrad import Adagrad
from .adam import Adam, AdamW
from .base import Optimizer, State
from .by_name import OPTIMIZERS, optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "State", "optimizer"]
