"""`Optimizer`: the base class of rules that move parameters against their gradients.

A rule is written for one number, as `Optimizer.update`, and works on floats and on `Value`s alike.
`Optimizer.step` applies it to the parameters in place; `nn.fit` compiles it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import Value, has_gradient

from ..assignment import GRADIENT, NUMBER, assign_all

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
