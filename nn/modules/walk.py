"""Walking through what a module is made of: its parameters, its modules, and what they stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Value

from .made_with import MADE_WITH

if TYPE_CHECKING:
    from .module import Module

_PLAIN: frozenset[type[Any]] = frozenset({bool, float, int, str, type(None)})

# Most of a model are the numbers in its lists: with a name for each, modules are found in twice the time.
_NUMBERS = _PLAIN | {Value}


def walked(
    root: Any, opens: Callable[[Any], bool], passed_over: frozenset[type[Any]] = _PLAIN
) -> Iterator[tuple[str, Any]]:
    """Yield the `Value`s and modules in a module once each, with their names, before what is in them.

    Parameters
    ----------
    root : Module
        The module, which is yielded first, with an empty name.
    opens : callable
        Whether to go on with what a module consists of.
    passed_over : frozenset of type
        The types of what is left out of lists.

    Yields
    ------
    (str, Value or Module)
        In the order of assignment.

    Examples
    --------
    >>> from nn import Neuron
    >>> [name for name, _ in walked(Neuron(1), lambda module: True)]
    ['', 'w[0]', 'b']
    """
    # By identity, since a module that is a dataclass has no hash; without recursion, since modules may
    # be nested deeply.
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        name, item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Value):
            yield name, item
            continue
        if is_module(item):
            yield name, item
            if not opens(item):
                continue
        stack.extend(reversed(list(_parts(name, item, passed_over))))


def children_of(module: Module) -> Iterator[tuple[str, Module]]:
    """Yield the modules that stand in attributes of a module, or in containers there.

    Examples
    --------
    >>> from nn import MLP
    >>> [name for name, _ in children_of(MLP(2, [3, 1]))]
    ['layers.0', 'layers.1']
    """
    for name, item in walked(module, lambda part: part is module, _NUMBERS):
        if is_module(item) and item is not module:
            yield name, item


def modules_of(root: Module) -> Iterator[tuple[str, Module]]:
    """Yield a module and all modules in it: what `Module.named_modules` does, whatever its attributes are.

    Examples
    --------
    >>> from nn import MLP
    >>> [name for name, _ in modules_of(MLP(2, [1]))]
    ['', 'layers.0', 'layers.0.neurons.0']
    """
    for name, item in walked(root, lambda module: True, _NUMBERS):
        if is_module(item):
            yield name, item


def shown_modules(root: Module) -> Iterator[tuple[str, Module, bool]]:
    """Yield the modules that tables and plots show: not those inside of one that is shown whole.

    Yields
    ------
    (str, Module, bool)
        The name of each, the module, and whether there are others in it that are shown. A module that stands
        in two places comes twice.

    Examples
    --------
    >>> from nn import MLP
    >>> [(name, consists_of_others) for name, _, consists_of_others in shown_modules(MLP(2, [1]))]
    [('', True), ('layers.0', False)]
    """
    stack = [("", root)]
    while stack:
        name, module = stack.pop()
        inner = [] if module.is_shown_whole else [*children_of(module)]
        yield name, module, bool(inner)
        stack += [(f"{name}.{own}" if name else own, part) for own, part in reversed(inner)]


def is_module(item: Any) -> bool:
    """Return whether something is a `Module`, which this file cannot import.

    Examples
    --------
    >>> from nn import Neuron
    >>> is_module(Neuron(1)), is_module(Neuron)
    (True, False)
    """
    return hasattr(type(item), "named_modules")


def _parts(name: str, item: Any, passed_over: frozenset[type[Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the attributes or elements of an object that may hold parameters, with their names."""
    if is_module(item):
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
            if type(entry) in passed_over:
                continue
            is_leaf = isinstance(entry, Value)
            yield f"{name}[{position}]" if is_leaf else f"{name}.{position}", entry
