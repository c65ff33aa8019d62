"""The operations of a function of numbers, recorded once: what exporters write down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from autograd import Op, Value, jit

from ..modules.module import as_outputs


class RecordedGraph(NamedTuple):
    """A function as a graph.

    Attributes
    ----------
    inputs : tuple of Value
        Its arguments.
    nodes : list of Value
        The results of operations that the outputs need, operands before what is computed of them.
    outputs : list of Value or float
        Its results.
    """

    inputs: tuple[Value, ...]
    nodes: list[Value]
    outputs: list[Any]


class _RecordedError(Exception):
    """Ends a trace, of which only the graph is of use."""


def recorded(function: Callable[[list[Value]], Any], count: int) -> RecordedGraph:
    """Return the graph of a function of a list of numbers.

    Parameters
    ----------
    function : callable
        A function of a list of `Value`s, which returns one or several.
    count : int
        How many there are in the list.

    Returns
    -------
    RecordedGraph
        The graph, which holds for all inputs.

    Raises
    ------
    TypeError
        Where the function branches on its inputs, as `autograd.jit` does.

    Examples
    --------
    >>> graph = recorded(lambda x: x[0] * x[1] + 1.0, 2)
    >>> [node.op.name for node in graph.nodes]
    ['mul', 'add']
    """
    kept: list[RecordedGraph] = []

    def keep(*inputs: Value) -> Any:
        outputs = as_outputs(function(list(inputs)))
        kept.append(RecordedGraph(inputs, list(_in_order(outputs)), outputs))
        raise _RecordedError

    # A trace raises where the function branches on a number, which a graph of one point would hide.
    with suppress(_RecordedError):
        jit(keep)(*[0.5] * count)
    return kept[0]


def _in_order(outputs: Sequence[Any]) -> Iterator[Value]:
    """Yield the results of operations, each once and after its operands; without recursion."""
    seen: set[int] = set()
    stack: list[tuple[Any, bool]] = [(output, False) for output in reversed(outputs)]
    while stack:
        node, is_ready = stack.pop()
        if is_ready:
            yield node
        elif isinstance(node, Value) and node.op is not None and id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((operand, False) for operand in reversed(node.args))


def constants(graph: RecordedGraph) -> Mapping[int, Value]:
    """Return the leaves of a graph that are no inputs, such as parameters, by their identity."""
    own = set(map(id, graph.inputs))
    operands = [operand for node in graph.nodes for operand in node.args]
    leaves = [leaf for leaf in [*operands, *graph.outputs] if isinstance(leaf, Value) and leaf.op is None]
    return {id(leaf): leaf for leaf in leaves if id(leaf) not in own}


def op_of(node: Value) -> Op:
    """Return the row of a node of a recording."""
    assert isinstance(node.op, Op)
    return node.op
