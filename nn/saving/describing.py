"""How a model was made, as what JSON can hold; `nn.saving.rebuilding` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from autograd import Value

from ..modules.module import Module
from ..modules.sequential import Sequential
from .known import MODULES, NAMES, PREPROCESSING

PLAIN = (bool, int, float, str, type(None))

DTYPES: Mapping[str, str] = {"b": "bool", "i": "int64", "u": "uint64", "f": "float64", "U": "str"}
"""What arrays become, by the kind of their type."""


class UndescribedError(ValueError):
    """Something cannot be described, so that a file holds weights alone; the message is a clause."""


def described(item: Any) -> Any:
    """Return a description of an argument, which `nn.saving.rebuilding.rebuilt` turns into its equal.

    Parameters
    ----------
    item : object
        Plain data, an array, a list, tuple or dict, a module, a function that has a public name here or in
        NumPy, or a `functools.partial` of one.

    Returns
    -------
    object
        What JSON can hold. Whatever is not plain is an object with one telling key.

    Raises
    ------
    UndescribedError
        For anything else, such as a lambda.

    Examples
    --------
    >>> from nn import Layer, Sequential
    >>> from nn.activations import softmax
    >>> described([1, 0.5, "relu"]), described(softmax)
    ([1, 0.5, 'relu'], {'function': 'nn.activations.softmax'})
    >>> described(Layer(2, 3, "tanh", rng=0))
    {'module': 'Layer', 'args': [], 'kwargs': {'n_in': 2, 'n_out': 3, 'activation': 'tanh'}}
    """
    return _Describing().of(item)


class _Describing:
    """A description in the making, which knows the modules that it has met: two steps may be one module."""

    def __init__(self) -> None:
        self.met: list[Module] = []

    def of(self, item: Any) -> Any:
        if isinstance(item, np.generic):
            return self.of(item.item())
        if type(item) in PLAIN:
            return item
        if type(item) is list:
            return [self.of(entry) for entry in item]
        if type(item) is tuple:
            return {"tuple": [self.of(entry) for entry in item]}
        if type(item) is dict:
            return {"dict": [[self.of(key), self.of(entry)] for key, entry in item.items()]}
        if isinstance(item, Module):
            return self.of_module(item)
        if id(item) in NAMES:
            return {"function": NAMES[id(item)]}
        return self.of_object(item)

    def of_object(self, item: Any) -> dict[str, Any]:
        if isinstance(item, np.ndarray) and item.dtype.kind in DTYPES:
            kind = DTYPES[item.dtype.kind]
            return {"array": item.ravel().tolist(), "shape": list(item.shape), "dtype": kind}
        if isinstance(item, Value) and item.op is None:
            return {"Value": item.data}
        if type(item) is partial:
            parts = {"args": list(map(self.of, item.args)), "kwargs": self.of_kwargs(item.keywords)}
            return {"partial": self.of(item.func), **parts}
        if type(item) in PREPROCESSING:
            to_dict, _ = PREPROCESSING[type(item)]
            return {"preprocessing": type(item).__name__, "of": self.of_kwargs(to_dict(item))}
        raise UndescribedError(f"{_called(item)} cannot be described in a file")

    def of_kwargs(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.of(entry) for name, entry in kwargs.items()}

    def of_module(self, module: Module) -> dict[str, Any]:
        for number, earlier in enumerate(self.met):
            if earlier is module:
                return {"same": number}
        self.met.append(module)
        kind = type(module)
        args, kwargs = module.made_with
        if isinstance(module, Sequential) and kind is Sequential:
            # The list may have changed since.
            args = tuple(module.steps)
        elif kind in MODULES:
            args, kwargs = (), _settings(kind, args, kwargs)
        try:
            return {
                "module" if kind in MODULES else "own module": kind.__name__,
                "args": list(map(self.of, args)),
                "kwargs": self.of_kwargs(kwargs),
            }
        except UndescribedError as error:
            raise UndescribedError(f"{error}, with which {kind.__name__} was made") from None


def _settings(kind: type[Module], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what a module of `nn` was made with by name, defaults included, which may change."""
    if kind.__init__ is object.__init__:
        # It says of itself that it takes anything.
        return {}
    bound = signature(kind.__init__).bind(None, *args, **kwargs)
    bound.apply_defaults()
    # What only draws the first weights does not matter, and may be any function.
    return {name: entry for name, entry in bound.arguments.items() if name not in ("self", "rng", "init")}


def _called(item: Any) -> str:
    """Return what an error calls an object."""
    if callable(item) and hasattr(item, "__qualname__"):
        return f"the function {item.__qualname__}"
    return (
        f"{item!r} ({type(item).__name__})" if len(repr(item)) < 60 else f"an object of {type(item).__name__}"
    )
