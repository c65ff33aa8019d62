"""The square of a number and its derivative, to try the protocol."""

from autograd import grad

from .timed import Timed


def squared(x: float) -> float:
    """Return the square of a number."""
    return x * x


FUNCTIONS = {"square": Timed(squared, prepare=float), "double": Timed(grad(squared), prepare=float)}
