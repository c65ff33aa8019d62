"""`Module`: the base class of models, which finds and names their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from autograd import Value, is_parameter, vmap

from ..assignment import GRADIENT, NUMBER, assign_all
from .draws import RandomRow, RandomRows, given, giving
from .made_with import MADE_WITH, MadeWith
from .summary import Summary, summary_of
from .tree import tree
from .walk import children_of, modules_of, walked
from .wrong_size import WrongSizeError

Sample = Sequence[Value | float]


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

    training: bool = True
    """Whether the module trains; `train` and `eval` set it, and `Dropout` asks for it."""

    sample_ndim: ClassVar[int | None] = 1
    """The number of dimensions of a sample; None takes any. An array with one more is a batch."""

    is_random: ClassVar[bool] = False
    """Whether `forward` takes random numbers (`nn.modules.draws.uniforms`) in training."""

    is_shown_whole: ClassVar[bool] = False
    """Whether `repr` and `summary` say nothing of the modules in this one."""

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
        try:
            if _is_batch(x, self.sample_ndim):
                return self._of_batch(x)
            outputs = as_outputs(self.forward(x))
        except WrongSizeError as error:
            raise error.found_in(self)  # noqa: B904  # it is the same error
        is_one = len(outputs) == 1 and not isinstance(outputs[0], np.ndarray)
        return outputs[0] if is_one else Outputs(outputs)

    def _of_batch(self, x: Any) -> npt.NDArray[Any]:
        batch: Any
        source = given()
        if isinstance(source, RandomRows):
            batch = np.stack(self._with_rows(x, source), axis=1)
        elif isinstance(x, np.ndarray) and source is None:
            batch = np.stack(vmap(lambda sample: as_outputs(self.forward(sample)))(x), axis=1)
        else:
            # Samples in a list may have different lengths. Those of a batch that is itself computed from one
            # sample take their random numbers one after another.
            batch = np.stack([np.stack(as_outputs(self.forward(sample))) for sample in x])
        found: npt.NDArray[Any] = batch if batch.dtype == object else batch.astype(object)
        return found

    def _with_rows(self, x: Any, rows: RandomRows) -> Any:
        """Return the outputs of a batch, an array for each, with the random numbers that are given for it."""
        start = rows.used

        def of_sample(sample: Any, numbers: Any) -> list[Any]:
            row = RandomRow(numbers, start)
            with giving(row):
                outputs = as_outputs(self.forward(sample))
            rows.used = row.used
            return outputs

        # An array of a trace stays whole; as an array of NumPy it would be the elements of one batch.
        return vmap(of_sample)(x if isinstance(x, np.ndarray) else np.asarray(x), rows.numbers)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yield each parameter once, with a name such as ``layers.0.neurons.3.w[1]``.

        Yields
        ------
        (str, Value)
            In the order of assignment.
        """
        for name, item in walked(self, lambda module: True):
            if isinstance(item, Value) and is_parameter(item):
                yield name, item

    def parameters(self) -> list[Value]:
        """Return the parameters, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def label_parameters(self) -> None:
        """Label each parameter with its name, unless the user has labelled it."""
        for name, parameter in self.named_parameters():
            if not parameter.label or name.endswith(f".{parameter.label}"):
                parameter.label = name

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules that this one consists of, with names such as ``layers.0``.

        Yields
        ------
        (str, Module)
            Modules in attributes, and in lists, tuples, dicts and arrays there, in the order of assignment;
            not those inside of them.

        Examples
        --------
        >>> from nn import MLP
        >>> [name for name, _ in MLP(2, [3, 1]).named_children()]
        ['layers.0', 'layers.1']
        """
        return children_of(self)

    def children(self) -> Iterator[Module]:
        """Yield the modules of `named_children`."""
        return (module for _, module in self.named_children())

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Yield this module, with an empty name, and all modules in it, each once and before its parts.

        Yields
        ------
        (str, Module)
            With names such as ``layers.0.neurons.3``.
        """
        return modules_of(self)

    def modules(self) -> Iterator[Module]:
        """Yield the modules of `named_modules`."""
        return (module for _, module in self.named_modules())

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call a function with each module, parts first and this one last, for example to initialise them.

        Parameters
        ----------
        fn : callable
            A function of a module.

        Returns
        -------
        Module
            This module.

        Examples
        --------
        >>> from nn import MLP
        >>> names = []
        >>> _ = MLP(2, [1]).apply(lambda module: names.append(type(module).__name__))
        >>> names
        ['Neuron', 'Layer', 'MLP']
        """
        # Parts first, and neighbours in their order, as in PyTorch.
        order: list[Module] = []
        stack: list[Module] = [self]
        while stack:
            module = stack.pop()
            order.append(module)
            stack.extend(child for _, child in children_of(module))
        for module in {id(module): module for module in reversed(order)}.values():
            fn(module)
        return self

    def train(self, mode: bool = True) -> Self:
        """Have this module and all modules in it train, which matters to `Dropout`.

        Parameters
        ----------
        mode : bool
            Whether `training` is True or, as after `eval`, False.

        Returns
        -------
        Module
            This module.

        Raises
        ------
        ValueError
            If `mode` is no bool.

        Examples
        --------
        >>> from nn import Neuron
        >>> Neuron(2).train(False).training
        False
        """
        if not isinstance(mode, bool):
            raise ValueError(f"expected mode to be True or False, got {mode!r}")
        for _, module in modules_of(self):
            # A module that is in its usual mode has no attribute, so that compiled programs of it, whose keys
            # hold all attributes, are the same for one that was never told.
            vars(module).pop("training", None)
            if module.training is not mode:
                vars(module)["training"] = mode
        return self

    def eval(self) -> Self:
        """Have this module and all modules in it compute as after the training: ``train(False)``."""
        return self.train(False)

    def summary(self, input_size: int | Sequence[int] | None = None) -> Summary:
        """Return a table of the modules, the shapes of what they give, and the numbers of parameters.

        Parameters
        ----------
        input_size : int, sequence of int or None
            The shape of a sample. None takes the number of inputs of the first layer, if there is one.

        Returns
        -------
        Summary
            A table that is printed as text and, in notebooks, as HTML.

        Examples
        --------
        >>> from nn import MLP
        >>> MLP(2, [16, 1]).summary()
        name      layer                   output shape  parameters
        layers.0  Layer(2, 16, 'tanh')    (16,)                 48
        layers.1  Layer(16, 1, 'linear')  (1,)                  17
        total                                                   65
        """
        return summary_of(self, input_size)

    def extra_repr(self) -> str:
        """Return the settings that `repr` shows in parentheses; a subclass may define it, as in PyTorch."""
        return ""

    def _shown_parts(self) -> Iterator[tuple[str, Any]]:
        """Yield what `repr` shows of the inside, with names: modules, and functions where they matter."""
        yield from children_of(self)

    def __repr__(self) -> str:
        return tree(self)

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
    if isinstance(result, Value | Real):
        return [result]
    # Python's floats, since those of NumPy are shown as such.
    return result.tolist() if _is_plain_row(result) else list(result)


def _is_plain_row(result: Any) -> bool:
    return type(result) is np.ndarray and result.ndim == 1 and result.dtype.kind == "f"


def _is_batch(x: Any, sample_ndim: int | None) -> bool:
    if isinstance(x, np.ndarray):
        # Of a sample that may have any number of dimensions, a batch has one more than the least.
        least = sample_ndim or 1
        if not least <= x.ndim <= (least + 1 if sample_ndim else x.ndim):
            raise ValueError(
                f"expected a {least}-D sample or a {least + 1}-D batch, got an array of shape {x.shape}"
            )
        return x.ndim > least
    if not isinstance(x, Sequence):
        raise TypeError(f"expected a sequence or array of inputs, got {x!r} ({type(x).__name__})")
    for _ in range(sample_ndim or 1):
        if not len(x) or not isinstance(x[0], Sequence | np.ndarray):
            return False
        x = x[0]
    return True


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
