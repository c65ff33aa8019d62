"""One call of a function with variables for its arguments, whose graph derivatives sweep over.

A `Recording` keeps the graph, the results and what the variables stand for; `derivatives` and its siblings
say which sweeps to make.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..engine.graph import consumers_first, level_outside
from ..engine.levels import open_levels
from ..engine.value import Value
from ..engine.variables import under_differentiation
from ..functions.axes import axis_trace, loop_trace
from ..functions.traced_array import WholeArray, is_whole
from ..ops.structural import Structural
from .module_copies import Copy
from .partials import Scalar
from .sweeps import pull, push
from .trees import Structure, array_of, flatten, unflatten
from .variable_array import VariableArray, variable_of
from .whole_items import adjoints_like, holds_arrays, items_like, numbers_at_any_index, numbers_like, settled

Function = Callable[..., Any]
Argnums = int | Sequence[int]
Item = Scalar | WholeArray
"""What a function is differentiated with respect to: a number, or an array that stays whole."""


class Recording:
    """One call of a function, with variables for the numbers that it is differentiated with respect to.

    Parameters
    ----------
    call : callable
        The function, of its variables.
    given : sequence of Value, float or WholeArray
        What they stand for.
    has_aux : bool
        Whether it returns a pair of its result and auxiliary data.
    whole : bool
        Whether arrays of the result that a trace keeps whole stay so.

    Attributes
    ----------
    variables : list of Value
        The variables.
    outputs : list of Value or float
        The numbers of the result.
    form : Structure
        Its structure.
    nodes : list of Value
        Those of the outputs that are recorded.
    order : list of Value
        What leads to them, each node after its consumers.

    Examples
    --------
    >>> Recording(lambda variables: variables[0] * 3.0, [2.0]).pull([1.0])
    [3.0]
    """

    def __init__(
        self,
        call: Callable[[Sequence[Any]], Any],
        given: Sequence[Item],
        has_aux: bool = False,
        *,
        whole: bool = False,
    ) -> None:
        # Only a trace keeps arrays whole.
        in_trace = axis_trace() is not None
        wholes = [i for i, x in enumerate(given) if is_whole(x)] if in_trace and holds_arrays(given) else []
        numbers: list[Any] = [*given] if not wholes else [x for x in given if not is_whole(x)]
        made = [*map(variable_of, numbers)]
        with under_differentiation(made) as self._level:
            arguments: list[Any] = [*made]
            for i in wholes:
                arguments.insert(i, self._whole(given[i]))
            result = call(arguments)
        self._aux: Any = None
        if has_aux:
            result, self._aux = _with_aux(result)
        items, self.form = flatten(result, "the result of the function", whole=whole)
        self._is_plain = not wholes and not (in_trace and holds_arrays(items))
        self._results = items if self._is_plain else [*map(settled, items)]
        self.outputs = items if self._is_plain else numbers_at_any_index(self._results)
        self.nodes = [output for output in self.outputs if isinstance(output, Value)]
        self.order = consumers_first(*self.nodes, level=self._level)
        self._arguments = arguments
        self._numbers = [number for number in numbers if isinstance(number, Value)]
        if wholes:
            self._settle([arguments[i] for i in wholes], wholes)
        self.variables = made if self._is_plain else numbers_at_any_index(self._arguments)
        self._outside = self._level_outside(self.nodes)

    def _settle(self, arrays: Sequence[VariableArray], places: Sequence[int]) -> None:
        """Put what arrays have become in their places, which is known once all uses of them are."""
        reached = {*self.order}
        are_apart = {array.is_apart for array in arrays if array.is_used} == {True}
        for i, array in zip(places, arrays, strict=True):
            self._arguments[i] = array.variables(reached, are_apart)
            variables = numbers_at_any_index([self._arguments[i]])
            self._numbers += [x for variable in variables for x in variable.args if isinstance(x, Value)]

    def _whole(self, array: Any) -> VariableArray:
        trace = axis_trace()
        assert trace is not None
        trace.has_whole_variables = True
        return VariableArray(trace, array, self._level)

    @property
    def value(self) -> Any:
        """The result."""
        items = self.outputs if self._is_plain else items_like(self._results, self.outputs)
        result = unflatten(self.form, items)
        return self._released(result, self.nodes, self._outside)

    @property
    def aux(self) -> Any:
        """What the function returned besides."""
        values = _values_in(self._aux)
        return self._released(self._aux, values, self._level_outside(values))

    def _level_outside(self, nodes: Sequence[Value]) -> int:
        """Return the level of the enclosing call that nodes belong to as well; 0 if there is none."""
        known = max([number._level for number in self._numbers], default=0)
        trace = loop_trace()
        if trace is not None and known < trace.level:
            # Numbers of loops and along axes, also of constants alone, are not known before the program runs.
            order = consumers_first(*nodes, level=self._level)
            is_unknown = any(isinstance(node.op, Structural) and node.op.settles_axes for node in order)
            known = trace.level if is_unknown else known
        # No level is higher than that of the innermost call; a search takes 1 ms for a small network.
        if known and known == max([level for level in open_levels() if level < self._level], default=0):
            return known
        return max(level_outside(nodes, self._level), known)

    @property
    def as_graph(self) -> bool:
        """Whether an enclosing call may differentiate the derivative."""
        return bool(self._outside or self._numbers)

    def pull(self, cotangents: Sequence[Scalar | None]) -> list[Scalar]:
        """Return the adjoint of each variable."""
        pairs = zip(self.outputs, cotangents, strict=True)
        seeds = [seed for output, seed in pairs if isinstance(output, Value)]
        adjoints = pull(self.order, self.nodes, seeds, self.variables, self.as_graph)
        return self._lowered(adjoints, seeds)

    def gradient(self, cotangents: Sequence[Any]) -> list[Any]:
        """Return the adjoint of each argument, given one for each result."""
        if self._is_plain:
            return self.pull(cotangents)
        adjoints = adjoints_like(self._results, self.outputs, cotangents)
        return items_like(self._arguments, self.pull(adjoints))

    def push(self, tangents: Sequence[Scalar | None]) -> list[Scalar]:
        """Return the tangent of each output."""
        pushed = push(self.order, self.nodes, self.variables, tangents, self.as_graph)
        found = iter(self._lowered(pushed, tangents))
        return [next(found) if isinstance(output, Value) else 0.0 for output in self.outputs]

    def tangent(self, directions: Sequence[Any]) -> list[Any]:
        """Return the tangent of each result, given one for each argument."""
        if self._is_plain:
            return self.push(directions)
        return items_like(self._results, self.push(numbers_like(self._arguments, directions)))

    def _released(self, tree: Any, values: Sequence[Value], outside: int) -> Any:
        """Return a tree with plain numbers for its Values, unless they depend on an enclosing call."""
        if not outside and not self._numbers:
            return _with_numbers(tree)
        self._lower(values, outside)
        return tree

    def _lowered(self, results: list[Scalar], directions: Sequence[Scalar | None]) -> list[Scalar]:
        """Return the results of a sweep along some directions, at the level of the enclosing call."""
        level = max([self._outside, *(d._level for d in directions if isinstance(d, Value))])
        self._lower([result for result in results if isinstance(result, Value)], level)
        return results

    def _lower(self, values: Sequence[Value], level: int) -> None:
        """Lower the level of results to that of the enclosing call, since this call is over.

        Otherwise the next derivative with respect to one of them would walk through this one, and the one
        after it through both: 1,600 steps of gradient descent within a derivative took 9 s.
        """
        still_open = open_levels()
        for value in values:
            if value._level >= self._level and value._level not in still_open:
                value._level = level


# --------------------------------------------------------------------------------------------- arguments


def chosen_arguments(args: tuple[Any, ...], argnums: Argnums) -> list[int]:
    """Return which arguments to differentiate with respect to, counted from 0.

    Raises
    ------
    ValueError
        If there is no such argument, or one is asked for twice.

    Examples
    --------
    >>> chosen_arguments((2.0, 3.0), -1)
    [1]
    """
    chosen = [argnums] if isinstance(argnums, int | np.integer) else list(argnums)
    for argnum in chosen:
        if not isinstance(argnum, int | np.integer) or not -len(args) <= argnum < len(args):
            raise ValueError(
                f"argnums asks for argument {argnum!r}, but the function was called with {len(args)} "
                f"positional argument{'s' * (len(args) != 1)}"
            )
    chosen = [argnum % len(args) for argnum in chosen]
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"argnums asks for an argument twice: {argnums}")
    return chosen


def differentiated(
    f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums, *, whole: bool = False
) -> tuple[list[Any], Structure, Callable[[Sequence[Any]], Any]]:
    """Return the numbers to differentiate with respect to, their structure, and `f` as a function of them.

    With `whole`, an array that a trace keeps whole counts as one of them.

    Examples
    --------
    >>> numbers, structure, call = differentiated(lambda x, y: x * y, (2.0, 3.0), {}, 1)
    >>> numbers, str(structure), call([Value(5.0)])
    ([3.0], 'number', Value(10.0, op='*'))
    """
    chosen = chosen_arguments(args, argnums)
    single = isinstance(argnums, int | np.integer)
    chosen_args = tuple(args[i] for i in chosen)
    numbers, structure = flatten(
        chosen_args, "a differentiated argument", whole=whole and _are_variables_whole()
    )

    def call(variables: Sequence[Any]) -> Any:
        arguments, copies = list(args), list[Copy]()
        own = unflatten(structure, variables, argument=True, copies=copies)
        for i, argument in zip(chosen, own, strict=True):
            arguments[i] = argument
        try:
            return f(*arguments, **kwargs)
        finally:
            for copied in copies:
                copied.carry_over(variables)

    return numbers, (structure.parts[0] if single else structure), call  # type: ignore[union-attr]


def _with_aux(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"with has_aux=True expected the result to be a pair (result, aux), got {result!r}")
    return result


def _values_in(tree: Any) -> list[Value]:
    """Return the Values in a tree of any objects."""
    if isinstance(tree, Value):
        return [tree]
    if hasattr(tree, "rebuilt"):
        tree = tree.data
    if is_whole(tree):
        tree = tree.slice()
    if isinstance(tree, np.ndarray) and tree.dtype == object:
        tree = tree.ravel().tolist()
    items = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else ()
    return [value for item in items for value in _values_in(item)]


def _with_numbers(tree: Any) -> Any:
    """Return a tree with each Value replaced by its number, and each mapping by a dict."""
    if isinstance(tree, Value):
        return tree.data
    if is_whole(tree):
        return tree
    if isinstance(tree, np.ndarray) and tree.dtype == object:
        items = tree.ravel().tolist()
        if not any(isinstance(item, Value) for item in items):
            return tree
        return array_of([_with_numbers(item) for item in items], tree.shape, is_array=True)
    if hasattr(tree, "rebuilt"):
        return tree.rebuilt([_with_numbers(tree.data)])
    if isinstance(tree, Mapping):
        return {key: _with_numbers(item) for key, item in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*map(_with_numbers, tree))
    return type(tree)(map(_with_numbers, tree)) if isinstance(tree, list | tuple) else tree


def _are_variables_whole() -> bool:
    """Return whether this thread is in a trace that keeps arrays whole, also those it differentiates by."""
    trace = axis_trace()
    return trace is not None and trace.has_whole_variables is not None
