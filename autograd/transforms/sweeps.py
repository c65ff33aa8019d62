"""Sweeps over a recorded graph: adjoints backward, tangents forward.

`backward_sweep` is the chain rule as a recurrence: the adjoint of a node is the sum of what its consumers
contribute to it, and it contributes in turn along each of its edges. What flows may be anything that adds up:

- floats, by the partials that the nodes have stored: `pull`, and `steps`, which shows the sweep at work;
- `Value`s, by the rules of the partials: *a gradient is just more graph*, and can be differentiated again;
- counts of paths, where every partial is 1: `paths`.

`Value.backward` is the same recurrence for floats, written out for speed.

Products are IEEE 754's: an adjoint of 0 times an infinite partial is nan, as in compiled programs, which
multiply whole arrays. Nothing is multiplied where no derivative flows (through a comparison, or to the
condition of a choice) or where none is wanted (a direction that is None).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..engine.attach import attach
from ..engine.gradients import add_to_gradients
from ..engine.graph import consumers_first, depending_on
from ..engine.nonfinite import examine_adjoint, examine_tangents, is_anomaly_enabled
from ..engine.sweep_lock import sweep_lock
from ..engine.value import Value
from ..ops.structural import Part, Structural
from .batch_operations import lengths_of, stack, total
from .partials import Scalar, partials_as_graph

Flows = Sequence[tuple[Value, Any]]
"""What a node contributes to the adjoints of operands, one for each edge along which something flows."""


def _times(x: Scalar, y: Scalar) -> Scalar:
    """Return the product, without a node for a factor that is the constant 1 or -1.

    A factor 0 stays: the other one, or a derivative of it, may be infinite.
    """
    for constant, other in ((x, y), (y, x)):
        if isinstance(constant, float) and isinstance(other, Value):
            if constant == 1.0:
                return other
            if constant == -1.0:
                return -other
    return x * y


def _plus(x: Scalar, y: Scalar) -> Scalar:
    """Return the sum, without a node for a term that is the constant 0."""
    if isinstance(x, float) and x == 0.0 and isinstance(y, Value):
        return y
    if isinstance(y, float) and y == 0.0 and isinstance(x, Value):
        return x
    return x + y


def backward_sweep(
    order: Iterable[Value],
    adjoints: dict[Value, Any],
    contributions: Callable[[Value, Any], Flows],
    zero: Any = 0.0,
) -> Iterator[tuple[Value, Any, Flows]]:
    """Yield each node after its consumers, with its adjoint and what it contributes to its operands.

    Parameters
    ----------
    order : iterable of Value
        Each node after its consumers, as `autograd.engine.graph.consumers_first` has them.
    adjoints : dict of Value to anything that can be added
        With the adjoints of the results to begin from; those of all nodes that something flows to are added.
    contributions : callable
        From a node and its adjoint to the flows along its edges, such as `along_stored_partials`.
    zero : optional
        What a sum of contributions begins with.

    Yields
    ------
    (Value, adjoint, sequence of (Value, contribution))
        The adjoint is complete; the contributions have not been added yet.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> y = x + x * x
    >>> for node, adjoint, flows in backward_sweep(consumers_first(y), {y: 1.0}, along_stored_partials):
    ...     print(node, adjoint, [contribution for _, contribution in flows])
    x + x * x 1.0 [1.0, 1.0]
    x * x 1.0 [3.0, 3.0]
    Value(3.0, label='x') 7.0 []
    """
    # Of what stands for several numbers: what flowed to single ones of them.
    elements: dict[Value, list[Any]] = {}
    for node in order:
        if node in elements:
            adjoints[node] = _plus(adjoints.get(node, zero), stack(elements.pop(node)))
        if node not in adjoints:
            continue
        adjoint = adjoints[node]
        flows = contributions(node, adjoint)
        yield node, adjoint, flows
        for operand, contribution in flows:
            if contribution.__class__ is not Part:
                adjoints[operand] = _plus(adjoints.get(operand, zero), contribution)
                continue
            if operand not in elements:
                elements[operand] = [zero] * contribution.of
            of_each = elements[operand]
            of_each[contribution.element] = _plus(of_each[contribution.element], contribution.number)


def along_stored_partials(node: Value, adjoint: float) -> Flows:
    """Return what flows along each edge of a node: its adjoint times the partial that it has stored.

    Examples
    --------
    >>> x = Value(3.0)
    >>> along_stored_partials(x * 5.0, 2.0)
    [(Value(3.0), 10.0)]
    """
    return [
        (operand, adjoint * stored)  # type: ignore[misc]
        for operand, stored in zip(node.args, node.partials, strict=True)
        if stored is not None
    ]


def pull(
    order: Sequence[Value],
    outputs: Sequence[Value],
    seeds: Sequence[Scalar | None],
    inputs: Sequence[Value],
    as_graph: bool,
) -> list[Scalar]:
    """Sweep backward: return the adjoint of each input, given those of the outputs.

    Parameters
    ----------
    order : sequence of Value
        What leads to the outputs, each node after its consumers (`autograd.engine.graph.consumers_first`).
    outputs : sequence of Value
        The results.
    seeds : sequence of Value, float or None
        Their adjoints; None for a result that is not asked for.
    inputs : sequence of Value
        What to differentiate with respect to; none depends on another.
    as_graph : bool
        Whether to take the partials as graphs, so that the result can be differentiated again, rather than
        the numbers that the nodes have stored.

    Returns
    -------
    list of Value or float
        The adjoints; the constant 0.0 of an input that nothing uses.

    Examples
    --------
    >>> x = Value(3.0)
    >>> y = x * x
    >>> pull(consumers_first(y), [y], [1.0], [x], as_graph=False)
    [6.0]
    """
    adjoints = _adjoints(order, outputs, seeds, inputs, as_graph)
    return [adjoints.get(variable, 0.0) for variable in inputs]


def _adjoints(
    order: Sequence[Value],
    outputs: Sequence[Value],
    seeds: Sequence[Scalar | None],
    inputs: Sequence[Value],
    as_graph: bool,
) -> dict[Value, Scalar]:
    """Return the adjoint of each node between the inputs and the outputs."""
    relevant = depending_on(inputs, reversed(order))
    adjoints: dict[Value, Scalar] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        if seed is not None and output in relevant:
            adjoints[output] = _plus(adjoints.get(output, 0.0), seed)
    if as_graph:
        contributions = partial(_as_graph, relevant, lengths_of(reversed(order)))
    else:
        contributions = partial(_as_numbers, relevant)
    if is_anomaly_enabled():
        contributions = partial(_examined, relevant, contributions)
    deque(backward_sweep(order, adjoints, contributions), maxlen=0)
    return adjoints


def _as_numbers(relevant: Container[Value], node: Value, adjoint: Scalar) -> Flows:
    """Return what a node contributes to each operand that is relevant, by the partials that it has stored."""
    return [
        (operand, _times(adjoint, stored))  # type: ignore[misc]
        for operand, stored in zip(node.args, node.partials, strict=True)
        if stored is not None and operand in relevant
    ]


def _as_graph(
    relevant: Container[Value], lengths: Mapping[Value, int], node: Value, adjoint: Scalar
) -> Flows:
    """Return what a node contributes to each operand that is relevant, as a function of the inputs."""
    op = node.op
    if not isinstance(op, Structural):
        factors = zip(node.args, partials_as_graph(node, relevant), strict=True)
        flows = [(operand, _times(adjoint, factor)) for operand, factor in factors if factor is not None]
    else:
        pulled = zip(node.args, op.pull(node, adjoint, relevant, lengths), strict=True)
        flows = [(operand, part) for operand, part in pulled if part is not None]
        if op.length(len(node.args)) is not None:
            return flows  # type: ignore[return-value]
    if node in lengths:
        # What all samples share gets the sum of what flows back to it in each.
        samples = lengths[node]
        flows = [(x, part if x in lengths else total(part, samples)) for x, part in flows]
    return flows  # type: ignore[return-value]


def _examined(
    relevant: Container[Value], contributions: Callable[[Value, Any], Flows], node: Value, adjoint: Scalar
) -> Flows:
    """Return what a node contributes, unless anomaly mode finds a fault in it."""
    partials = zip(node.args, node.partials, strict=True)
    examine_adjoint(node, _number(adjoint), [stored for arg, stored in partials if arg in relevant])
    return contributions(node, adjoint)


def accumulate(root: Value, seed: float, create_graph: bool = False) -> None:
    """Sweep backward as `Value.backward` does, with adjoints that are kept apart from the nodes.

    So it may run in the middle of another sweep, and its adjoints may be `Value`s.

    Parameters
    ----------
    root : Value
        The result.
    seed : float
        Its adjoint.
    create_graph : bool
        Whether to leave `Value`s in the ``grad`` of leaves.

    Raises
    ------
    FloatingPointError
        In anomaly mode, where a finite adjoint becomes nan or inf.

    Examples
    --------
    >>> x = Value(2.0)
    >>> accumulate(x**3, 1.0, create_graph=True)
    >>> x.grad
    Value(12.0, op='*')
    """
    order = consumers_first(root, by_derivative=True)
    leaves = [node for node in order if node.op is None]
    adjoints = _adjoints(order, [root], [seed], leaves, create_graph)
    numbers = {node: _number(adjoints.get(node, 0.0)) for node in order}
    found = [adjoints.get(leaf, 0.0) for leaf in leaves]
    if create_graph:
        found = [adjoint if isinstance(adjoint, Value) else Value(adjoint) for adjoint in found]
    for node, number in numbers.items():
        if node.op is not None:
            node.grad = number
    with sweep_lock:
        add_to_gradients(leaves, found)


attach(_accumulate=accumulate)


def _number(adjoint: Scalar) -> float:
    return adjoint._data if isinstance(adjoint, Value) else adjoint


def push(
    order: Sequence[Value],
    outputs: Sequence[Value],
    inputs: Sequence[Value],
    tangents: Sequence[Scalar | None],
    as_graph: bool,
) -> list[Scalar]:
    """Sweep forward: return the tangent of each output, given those of the inputs.

    Parameters
    ----------
    order : sequence of Value
        What leads to the outputs, each node after its consumers (`autograd.engine.graph.consumers_first`).
    outputs : sequence of Value
        The results.
    inputs : sequence of Value
        What to differentiate with respect to; none depends on another.
    tangents : sequence of Value, float or None
        Their tangents; None for an input that stands still.
    as_graph : bool
        Whether to take the partials as graphs, so that the result can be differentiated again, rather than
        the numbers that the nodes have stored.

    Returns
    -------
    list of Value or float
        The tangents; the constant 0.0 of an output that depends on no input.

    Examples
    --------
    >>> x = Value(3.0)
    >>> y = x * x
    >>> push(consumers_first(y), [y], [x], [1.0], as_graph=False)
    [6.0]
    """
    pairs = zip(inputs, tangents, strict=True)
    found: dict[Value, Scalar] = {x: tangent for x, tangent in pairs if tangent is not None}
    watching = is_anomaly_enabled()
    for node in reversed(order):
        if node in found:
            continue
        # What nothing moves has no tangent, such as a comparison: a 0 in its place, times inf, would be nan.
        if not any(arg in found for arg, p in zip(node.args, node.partials, strict=True) if p is not None):
            continue
        if as_graph and isinstance(node.op, Structural):
            moved = [found.get(arg) if isinstance(arg, Value) else None for arg in node.args]
            found[node] = node.op.push(node, moved)
            continue
        if watching:
            uses = zip(node.args, node.partials, strict=True)
            moving = [(arg, p) for arg, p in uses if p is not None and arg in found]
            examine_tangents(node, [(_number(found[arg]), p) for arg, p in moving])  # type: ignore[index]
        tangent: Scalar = 0.0
        partials = partials_as_graph(node, found) if as_graph else node.partials
        for operand, factor in zip(node.args, partials, strict=True):
            if factor is not None and operand in found:
                tangent = _plus(tangent, _times(factor, found[operand]))  # type: ignore[index]
        found[node] = tangent
    return [found.get(output, 0.0) for output in outputs]
