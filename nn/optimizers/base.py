"""`Optimizer`: the base class of rules that move parameters against their gradients.

A rule is written for one number, as `Optimizer.update`, and works on floats and on `Value`s alike.
`Optimizer.step` applies it to the parameters in place; `nn.fit` compiles it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autograd import Value, has_gradient

from ..assignment import GRADIENT, NUMBER, assign_all
from ..modules.module import Module
from .settings import at_least_zero, is_plain

State = tuple[Any, ...]
"""What a rule remembers of one parameter between steps, as floats or `Value`s."""

Parameters = Module | Iterable[Value]
"""What an optimizer moves: a model, or some parameters."""

_NO_SETTINGS = frozenset({"parameters", "initial", "steps", "states"})


class Optimizer:
    """Base class of the optimizers: parameters, a learning rate, and a state for each parameter.

    A subclass sets `initial`, where its rule has a state, and defines `update`. What else is assigned to it
    is a setting.

    Parameters
    ----------
    parameters : Module or iterable of Value
        A model, or the parameters to move.
    lr : float
        The learning rate, η of the notes.
    weight_decay : float
        At least 0. `descent` adds this multiple of the parameter to its gradient, which is the derivative of
        an L2 penalty (D8).
    maximize : bool
        Whether to go up: `descent` then changes the sign of the gradient.

    Attributes
    ----------
    parameters : list of Value
        The parameters.
    lr : float
        The learning rate, which may be changed between steps.
    initial_lr : float or None
        The learning rate that schedules begin with; None before there is one.
    steps : int
        The number of steps done.
    states : list of tuple of float
        A state for each parameter.
    initial : tuple of float
        The state of a parameter before its first step.

    Raises
    ------
    ValueError
        For no parameters, a learning rate that is not positive, or a negative weight decay.
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
    initial_lr: float | None = None

    def __init__(
        self, parameters: Parameters, lr: float, *, weight_decay: float = 0.0, maximize: bool = False
    ) -> None:
        self.parameters = parameters.parameters() if isinstance(parameters, Module) else _in_list(parameters)
        if not self.parameters:
            raise ValueError("an optimizer needs at least one parameter; pass model.parameters()")
        for parameter in self.parameters:
            if not isinstance(parameter, Value) or parameter.op is not None:
                raise TypeError(f"expected each parameter to be a leaf Value, got {parameter!r}")
        if not lr > 0.0:
            raise ValueError(f"expected the learning rate to be positive, got {lr!r}")
        self.lr = float(lr)
        self.weight_decay = at_least_zero("weight_decay", weight_decay)
        self.maximize = maximize
        self.steps = 0
        self.states = [self.initial] * len(self.parameters)

    @property
    def varying(self) -> tuple[str, ...]:
        """The settings that may change from step to step: compiled steps take them as arguments.

        Other settings may change, too, but then the rule is compiled anew.
        """
        return ("lr",)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by name, such as the learning rate."""
        return {name: setting for name, setting in vars(self).items() if name not in _NO_SETTINGS}

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

    def descent(self, parameter: Any, gradient: Any) -> Any:
        """Return the gradient of what is minimised: with the weight decay, and the sign for `maximize`.

        Parameters
        ----------
        parameter, gradient : float or Value
            As in `update`.

        Returns
        -------
        float or Value
            What a rule steps against.

        Examples
        --------
        >>> Optimizer([Value(0.0)], lr=0.1, weight_decay=0.5).descent(4.0, 1.0)
        3.0
        """
        downhill = -gradient if self.maximize else gradient
        return downhill + self.weight_decay * parameter if self.weight_decay else downhill

    def zero_grad(self) -> None:
        """Set all gradients to 0, since `Value.backward` adds to them."""
        assign_all((self.parameters, GRADIENT, [0.0] * len(self.parameters)))

    def step(self, closure: Callable[[], Value] | None = None) -> Value | None:
        """Move each parameter that has a gradient. After an error or an interrupt, all are unchanged.

        Parameters
        ----------
        closure : callable or None
            A function that is called first: it zeroes the gradients, computes the loss, calls its `backward`
            and returns it.

        Returns
        -------
        Value or None
            The loss that the closure returned.

        Raises
        ------
        RuntimeError
            If no parameter has a gradient, because `Value.backward` was not called.
        """
        loss = None if closure is None else closure()
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
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the settings, the number of steps and the states, as JSON can hold them.

        With it and the parameters a training goes on as if it had not been interrupted. Settings that are
        no numbers, such as functions, are left out.

        Returns
        -------
        dict
            ``"optimizer"``, the name of the class; ``"settings"``, by name; ``"steps"``; and ``"states"``,
            a list of numbers for each parameter.

        Examples
        --------
        >>> from nn.optimizers import SGD
        >>> SGD([Value(1.0)], lr=0.1, momentum=0.9).state_dict()["states"]
        [[0.0]]
        """
        settings = {name: _as_list(s) for name, s in self.settings.items() if is_plain(s)}
        return {
            "optimizer": type(self).__name__,
            "settings": settings,
            "steps": self.steps,
            "states": [list(state) for state in self.states],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, settings included.

        Parameters
        ----------
        state : mapping
            The state of an optimizer of the same class, for as many parameters.

        Raises
        ------
        ValueError
            For the state of another class, of another number of parameters, or one that lacks something.
            Nothing is changed then.
        """
        own = type(self).__name__
        lacks = [key for key in ("optimizer", "settings", "steps", "states") if key not in state]
        if lacks:
            raise ValueError(f"expected the state_dict() of an optimizer, got one without {', '.join(lacks)}")
        if state["optimizer"] != own:
            raise ValueError(f"expected the state of {own}, got that of {state['optimizer']}")
        if len(state["states"]) != len(self.parameters):
            raise ValueError(
                f"expected states of {len(self.parameters)} parameters, got {len(state['states'])}: "
                "build the model with the same sizes"
            )
        unknown = [name for name in state["settings"] if name not in self.settings and name != "initial_lr"]
        if unknown:
            raise ValueError(f"{own} has no settings called {', '.join(unknown)}")
        states = [tuple(map(float, numbers)) for numbers in state["states"]]
        assign_all(
            *(([self], name, [_as_tuple(setting)]) for name, setting in state["settings"].items()),
            ([self], "states", [states]),
            ([self], "steps", [int(state["steps"])]),
        )

    def __repr__(self) -> str:
        settings = "".join(f", {name}={setting!r}" for name, setting in self.settings.items())
        return f"{type(self).__name__}({len(self.parameters)} parameters{settings})"


def _in_list(parameters: Any) -> list[Any]:
    if not isinstance(parameters, Iterable):
        raise TypeError(f"expected a model, or a list of its parameters, got {parameters!r}")
    return list(parameters)


def _as_list(setting: Any) -> Any:
    return list(setting) if isinstance(setting, tuple) else setting


def _as_tuple(setting: Any) -> Any:
    return tuple(setting) if isinstance(setting, list) else setting
