"""`Module`: the base class of models, which finds and names their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from autograd import Value, is_parameter, vmap

from ..assignment import GRADIENT, NUMBER, assign_all
from .made_with import MADE_WITH, MadeWith

Sample = Sequence[Value | float]

_PLAIN = frozenset({bool, float, int, str, type(None)})


class Outputs(list[Any]):
    """The outputs of a model for one sample: a list that explains what to do where a `Value` was expected.

    Examples
    --------
    >>> Outputs([Value(1.0), Value(2.0)])[1]
    Value(2.0)
    """

    plain = list

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(Value, name):
            raise AttributeError(f"'list' object has no attribute {name!r}")
        raise AttributeError(
            f"these are {len(self)} outputs in a list, and {name!r} is of one Value: make one of them by a "
            f"loss, such as nn.losses.cross_entropy(outputs, target), or choose one as outputs[0]"
        )


class _Made(type):
    """Labels parameters and records arguments after ``__init__``, also where a subclass calls no super."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        # Before the constructor, which may change a list that it is given.
        made_with = MadeWith(args, kwargs)
        module = super().__call__(*args, **kwargs)
        module.label_parameters()
        object.__setattr__(module, MADE_WITH, made_with)
        return module


class Module(metaclass=_Made):
    """A model, or a part of one: a function with parameters.

    A subclass assigns `Value`s, other modules, and lists, dicts and arrays of them to its attributes, and
    defines `forward` for one sample. Parameters are found in the order of assignment and labelled with their
    names.

    `autograd.grad` and the other derivatives pass a copy of a module that is an argument. What the function
    assigns to the copy, such as ``self.calls += 1`` or a running mean, is assigned to the module afterwards,
    as plain numbers; its parameters do not change. A trace by `autograd.jit` changes nothing.

    Examples
    --------
    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope = Value(2.0)
    ...         self.offset = Value(1.0)
    ...     def forward(self, x):
    ...         return self.slope * x[0] + self.offset
    >>> line = Line()
    >>> line([3.0])
    Value(7.0, op='+')
    >>> line.parameters()
    [Value(2.0, label='slope'), Value(1.0, label='offset')]
    """

    # Neither compiled programs nor copies depend on how a module was made.
    __unread__ = frozenset({MADE_WITH})

    @property
    def made_with(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that the module was made with, positional ones and those by keyword (`MadeWith`).

        Examples
        --------
        >>> from nn import MLP
        >>> MLP(2, [4, 1], rng=0).made_with
        ((2, [4, 1]), {'rng': 0})
        """
        made_with: MadeWith = vars(self)[MADE_WITH]
        return made_with.args, made_with.kwargs

    def forward(self, x: Sample) -> Any:
        """Return the output for one sample.

        Parameters
        ----------
        x : sequence of Value or float
            The inputs.

        Returns
        -------
        Value or sequence of Value
            The output or outputs.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define forward(x), which calling it needs")

    def __call__(self, x: Any) -> Any:
        """Return the outputs for a sample, or for each sample of a batch.

        Parameters
        ----------
        x : sequence or array
            A sample, or a batch as a 2-D array (or nested sequence) with a row for each sample (A3).

        Returns
        -------
        Value, list of Value, or ndarray of Value
            For a sample its only output, or the list of its outputs; for a batch an object array of shape
            (samples, outputs).
        """
        if not _is_batch(x):
            outputs = as_outputs(self.forward(x))
            return outputs[0] if len(outputs) == 1 else Outputs(outputs)
        batch: Any
        if isinstance(x, np.ndarray):
            batch = np.stack(vmap(lambda sample: as_outputs(self.forward(sample)))(x), axis=1)
        else:
            # Samples in a list may have different lengths.
            batch = np.stack([np.stack(as_outputs(self.forward(sample))) for sample in x])
        return batch if batch.dtype == object else batch.astype(object)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yield each parameter once, with a name such as ``layers.0.neurons.3.w[1]``.

        Yields
        ------
        (str, Value)
            In the order of assignment.
        """
        # By identity, since a module that is a dataclass has no hash; without recursion, since modules may
        # be nested deeply.
        seen: set[int] = set()
        stack: list[tuple[str, Any]] = [("", self)]
        while stack:
            name, item = stack.pop()
            if id(item) in seen:
                continue
            seen.add(id(item))
            if isinstance(item, Value):
                if is_parameter(item):
                    yield name, item
            else:
                stack.extend(reversed(list(_parts(name, item))))

    def parameters(self) -> list[Value]:
        """Return the parameters, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def label_parameters(self) -> None:
        """Label each parameter with its name, unless the user has labelled it."""
        for name, parameter in self.named_parameters():
            if not parameter.label or name.endswith(f".{parameter.label}"):
                parameter.label = name

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to 0, since `Value.backward` adds to it."""
        parameters = self.parameters()
        assign_all((parameters, GRADIENT, [0.0] * len(parameters)))

    def state_dict(self) -> dict[str, float]:
        """Return the number of each parameter by name.

        Examples
        --------
        >>> from nn import Neuron
        >>> list(Neuron(2, rng=0).state_dict())
        ['w[0]', 'w[1]', 'b']
        """
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Assign the numbers that `state_dict` returned.

        Parameters
        ----------
        state : mapping of str to float
            A number for each parameter.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or a number is a string. No parameter is changed then.
        TypeError
            If anything else is not a real number. No parameter is changed then.
        """
        own = dict(self.named_parameters())
        missing, unknown = [n for n in own if n not in state], [n for n in state if n not in own]
        if missing or unknown:
            raise ValueError(
                f"the state does not fit {type(self).__name__}: it lacks {_some(missing)} and has "
                f"{_some(unknown)} that the model has not; build the model with the same sizes"
            )
        numbers = [_number(name, state[name]) for name in own]
        assign_all((list(own.values()), NUMBER, numbers))


def as_outputs(result: Any) -> list[Any]:
    """Return the result of a `Module.forward` as a list of outputs.

    Examples
    --------
    >>> as_outputs(Value(2.0))
    [Value(2.0)]
    """
    return [result] if isinstance(result, Value | Real) else list(result)


def _is_batch(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        if x.ndim not in (1, 2):
            raise ValueError(f"expected a 1-D sample or a 2-D batch, got an array of shape {x.shape}")
        return x.ndim == 2
    if not isinstance(x, Sequence):
        raise TypeError(f"expected a sequence or array of inputs, got {x!r} ({type(x).__name__})")
    return len(x) > 0 and isinstance(x[0], Sequence | np.ndarray)


def _parts(name: str, item: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes or elements of an object that may hold parameters, with their names."""
    if isinstance(item, Module):
        for key, attribute in vars(item).items():
            if key != MADE_WITH:
                yield f"{name}.{key}" if name else key, attribute
    elif isinstance(item, Mapping):
        for key, entry in item.items():
            yield f"{name}.{key}", entry
    elif isinstance(item, np.ndarray) and item.dtype == object:
        for index in np.ndindex(item.shape):
            yield f"{name}[{', '.join(map(str, index))}]", item[index]
    elif isinstance(item, list | tuple):
        for position, entry in enumerate(item):
            # To name each number of a long list would take ten times as long.
            if type(entry) in _PLAIN:
                continue
            is_leaf = isinstance(entry, Value)
            yield f"{name}[{position}]" if is_leaf else f"{name}.{position}", entry


def _number(name: str, number: Any) -> float:
    try:
        return Value(number).data
    except TypeError as error:
        kind = ValueError if isinstance(number, str) else TypeError
        raise kind(f"the parameter {name!r}: {error}") from None


def _some(names: list[str]) -> str:
    """Return at most three names."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (", ".join(names[:3]) or "nothing") + more
