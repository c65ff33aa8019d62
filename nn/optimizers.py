"""Optimizers: they move parameters against their gradients."""

from __future__ import annotations

from collections.abc import Iterable

from autograd import Value


class SGD:
    """Gradient descent, ``w ← w - lr · v`` with ``v ← momentum · v + gradient`` (C11).

    Parameters
    ----------
    parameters : iterable of Value
        What to move.
    lr : float
        The learning rate, η of the notes.
    momentum : float
        How much of the last step's direction is kept, at least 0 and less than 1.

    Raises
    ------
    ValueError
        For no parameters, a learning rate that is not positive, or a momentum out of range.
    TypeError
        For a parameter that is not a leaf `Value`.

    Examples
    --------
    >>> w = Value(1.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data
    0.8
    """

    def __init__(self, parameters: Iterable[Value], lr: float = 0.01, momentum: float = 0.0) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("an optimizer needs at least one parameter; pass model.parameters()")
        for parameter in self.parameters:
            if not isinstance(parameter, Value) or parameter.op is not None:
                raise TypeError(f"a parameter is a leaf Value, but came {parameter!r}")
        if not lr > 0.0:
            raise ValueError(f"the learning rate is positive, but came {lr!r}")
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"momentum is at least 0 and less than 1, but came {momentum!r}")
        self.lr = lr
        self.momentum = momentum
        self._velocities = [0.0] * len(self.parameters)

    def zero_grad(self) -> None:
        """Set all gradients to 0, before a backward adds to them."""
        for parameter in self.parameters:
            parameter.grad = 0.0

    def step(self) -> None:
        """Move each parameter that has a gradient."""
        for i, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                self._velocities[i] = self.momentum * self._velocities[i] + parameter.grad
                parameter.data -= self.lr * self._velocities[i]
