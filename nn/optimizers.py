"""Optimizers: rules that move parameters against their gradients.

A rule is written for one number, as `Optimizer.update`, and works on floats and on `Value`s alike.
`Optimizer.step` applies it to the parameters in place; `nn.fit` compiles it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import Value, has_gradient, sqrt

from .assignment import GRADIENT, NUMBER, assign_all

State = tuple[Any, ...]
"""What a rule remembers of one parameter between steps, as floats or `Value`s."""


class Optimizer:
    """Base class of the optimizers: parameters, a learning rate, and a state for each parameter.

    A subclass sets `initial` and defines `update`.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to move.
    lr : float
        The learning rate, η of the notes.

    Attributes
    ----------
    parameters : list of Value
        The parameters.
    lr : float
        The learning rate, which may be changed between steps.
    steps : int
        The number of steps done.
    states : list of tuple of float
        A state for each parameter.
    initial : tuple of float
        The state of a parameter before its first step.

    Raises
    ------
    ValueError
        For no parameters, or a learning rate that is not positive.
    TypeError
        For a parameter that is not a leaf `Value`.

    Examples
    --------
    >>> class SignDescent(Optimizer):
    ...     def update(self, parameter, gradient, state, step):
    ...         return parameter - self.lr * gradient / abs(gradient), state
    >>> w = Value(1.0)
    >>> optimizer = SignDescent([w], lr=0.25)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data
    0.75
    """

    initial: State = ()

    def __init__(self, parameters: Iterable[Value], lr: float) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("an optimizer needs at least one parameter; pass model.parameters()")
        for parameter in self.parameters:
            if not isinstance(parameter, Value) or parameter.op is not None:
                raise TypeError(f"expected each parameter to be a leaf Value, got {parameter!r}")
        if not lr > 0.0:
            raise ValueError(f"expected the learning rate to be positive, got {lr!r}")
        self.lr = lr
        self.steps = 0
        self.states = [self.initial] * len(self.parameters)

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the new number and the new state of one parameter, without changing anything.

        Parameters
        ----------
        parameter, gradient : float or Value
            The parameter, and the derivative of the loss with respect to it.
        state : tuple of float or Value
            The state that the last update returned; `initial` before the first.
        step : int or Value
            The number of this step, counted from 1.

        Returns
        -------
        (float or Value, tuple of float or Value)
            The new parameter and the new state.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not define update(parameter, gradient, state, step), "
            "which a step needs"
        )

    def zero_grad(self) -> None:
        """Set all gradients to 0, since `Value.backward` adds to them."""
        assign_all((self.parameters, GRADIENT, [0.0] * len(self.parameters)))

    def step(self) -> None:
        """Move each parameter that has a gradient. After an error or an interrupt, all are unchanged.

        Raises
        ------
        RuntimeError
            If no parameter has a gradient, because `Value.backward` was not called.
        """
        chosen = [i for i, parameter in enumerate(self.parameters) if has_gradient(parameter)]
        if not chosen:
            raise RuntimeError(
                "no parameter has a gradient yet, so a step would move nothing: call loss.backward() before "
                "it, on a loss that depends on these parameters"
            )
        step, states, numbers = self.steps + 1, list(self.states), []
        for i in chosen:
            parameter = self.parameters[i]
            number, states[i] = self.update(parameter.data, parameter.grad, states[i], step)
            numbers.append(Value(number).data)
        moved = [self.parameters[i] for i in chosen]
        assign_all((moved, NUMBER, numbers), ([self], "states", [states]), ([self], "steps", [step]))


class SGD(Optimizer):
    """Gradient descent, ``w ← w - lr · v`` with ``v ← momentum · v + gradient`` (C11).

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to move.
    lr : float
        The learning rate, η of the notes.
    momentum : float
        The fraction of the last velocity that is kept, at least 0 and less than 1.

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

    initial = (0.0,)

    def __init__(self, parameters: Iterable[Value], lr: float = 0.01, momentum: float = 0.0) -> None:
        super().__init__(parameters, lr)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"expected momentum to be at least 0 and less than 1, got {momentum!r}")
        self.momentum = momentum

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the parameter after a step along the velocity, and the velocity."""
        velocity = self.momentum * state[0] + gradient
        return parameter - self.lr * velocity, (velocity,)


class Adam(Optimizer):
    """Adam: steps of about `lr` along the mean gradient, divided by its root mean square.

    ``m ← β₁ m + (1 - β₁) g`` and ``v ← β₂ v + (1 - β₂) g²`` are running means, ``m̂ = m / (1 - β₁ᵗ)`` and
    ``v̂ = v / (1 - β₂ᵗ)`` correct for their start at 0, and ``w ← w - lr · m̂ / (√v̂ + eps)`` [1]_. With
    `weight_decay`, w first shrinks by the factor ``1 - lr · weight_decay``, apart from the gradient [2]_. The
    defaults are those of the paper and of PyTorch. t counts the steps of the optimizer, so a parameter
    without a gradient in the first steps is treated as if it had been 0; PyTorch counts for each parameter.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to move.
    lr : float
        The learning rate.
    betas : (float, float)
        The fractions of the running means that are kept at each step, each at least 0 and less than 1.
    eps : float
        A positive number added to the root, without which a gradient of 0 in the first step would give 0/0.
    weight_decay : float
        The weight decay of AdamW, at least 0.

    Raises
    ------
    ValueError
        For no parameters, or a number out of range.
    TypeError
        For a parameter that is not a leaf `Value`.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
    .. [2] I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.

    Examples
    --------
    >>> w = Value(1.0)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (1000.0 * w * w).backward()
    >>> optimizer.step()
    >>> f"{w.data:.6f}"
    '0.900000'
    """

    initial = (0.0, 0.0)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        if len(betas) != 2 or not all(0.0 <= beta < 1.0 for beta in betas):
            raise ValueError(f"expected betas to be two numbers of at least 0 and less than 1, got {betas!r}")
        if not eps > 0.0:
            raise ValueError(f"expected eps to be positive, got {eps!r}")
        if not weight_decay >= 0.0:
            raise ValueError(f"expected weight_decay to be at least 0, got {weight_decay!r}")
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the parameter after a step, and the running means of gradient and squared gradient."""
        beta1, beta2 = self.betas
        mean = beta1 * state[0] + (1.0 - beta1) * gradient
        square = beta2 * state[1] + (1.0 - beta2) * (gradient * gradient)
        # What all parameters share is grouped, so that a compiled step computes it once.
        rate = self.lr / (1.0 - beta1**step)
        scale = sqrt(1.0 - beta2**step)
        kept = parameter * (1.0 - self.lr * self.weight_decay)
        return kept - rate * mean / (sqrt(square) / scale + self.eps), (mean, square)
