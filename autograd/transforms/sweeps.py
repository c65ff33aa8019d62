"""Sweeps over a recorded graph: adjoints backward, tangents forward.

Both multiply by the partials of each node and add over the uses. With the partials as numbers, the result
is numbers; with the partials as `Value`s, worked out by the same rules of the table, *a gradient is just
more graph*, and can be differentiated again.

Products are IEEE 754's in both: an adjoint of 0 times an infinite partial is nan, as in the compiled
programs, which multiply whole arrays. Nothing is multiplied where no derivative flows (a comparison, the
condition of a choice) or none was asked for (a direction that is None).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from ..engine.attach import attach
from ..engine.gradients import add_to_gradients
from ..engine.graph import consumers_first, depending_on
from ..engine.nonfinite import examine_adjoint, examine_tangents, is_watching
from ..engine.sweep_lock import sweep_lock
from ..engine.value import Value
from ..ops.structural import Part, Structural
from .batch_operations import lengths_of, stack, total
from .partials import PartialsOf, Scalar, partials_as_graph, partials_as_numbers


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


def pull(
    order: Sequence[Value],
    outputs: Sequence[Value],
    seeds: Sequence[Scalar | None],
    inputs: Sequence[Value],
    partials_of: PartialsOf,
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
        What to differentiate by; none depends on another.
    partials_of : callable
        `partials_as_numbers` or `partials_as_graph`.

    Returns
    -------
    list of Value or float
        The adjoints; the constant 0.0 of an input that nothing uses.

    Examples
    --------
    >>> x = Value(3.0)
    >>> y = x * x
    >>> pull(consumers_first(y), [y], [1.0], [x], partials_as_numbers)
    [6.0]
    """
    adjoints = _adjoints(order, outputs, seeds, inputs, partials_of)
    return [adjoints.get(variable, 0.0) for variable in inputs]


def _adjoints(
    order: Sequence[Value],
    outputs: Sequence[Value],
    seeds: Sequence[Scalar | None],
    inputs: Sequence[Value],
    partials_of: PartialsOf,
) -> dict[Value, Scalar]:
    """Return the adjoint of each node between the inputs and the outputs."""
    relevant = depending_on(inputs, reversed(order))
    lengths = lengths_of(reversed(order))
    watching = is_watching()
    adjoints: dict[Value, Scalar] = {}
    of_elements: dict[Value, list[Scalar]] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        if seed is not None:
            adjoints[output] = _plus(adjoints.get(output, 0.0), seed)
    for node in order:
        if node in of_elements:
            adjoints[node] = _plus(adjoints.get(node, 0.0), stack(of_elements[node]))
        if node not in relevant or node not in adjoints:
            continue
        adjoint = adjoints[node]
        if watching:
            uses = zip(node.args, node.partials, strict=True)
            examine_adjoint(node, _number(adjoint), [partial for arg, partial in uses if arg in relevant])
        for operand, part in _contributions(node, adjoint, relevant, lengths, partials_of):
            if isinstance(part, Part):
                elements = of_elements.setdefault(operand, [0.0] * lengths[operand])
                elements[part.element] = _plus(elements[part.element], part.number)
            else:
                adjoints[operand] = _plus(adjoints.get(operand, 0.0), part)
    return adjoints


def _contributions(
    node: Value,
    adjoint: Scalar,
    relevant: Container[Value],
    lengths: Mapping[Value, int],
    partials_of: PartialsOf,
) -> list[tuple[Value, Scalar | Part]]:
    """Return what a node adds to the adjoint of each operand that is relevant."""
    if isinstance(node.op, Structural):
        parts = zip(node.args, node.op.pull(node, adjoint, relevant, lengths), strict=True)
        return [(arg, part) for arg, part in parts if isinstance(arg, Value) and part is not None]
    found: list[tuple[Value, Scalar | Part]] = []
    for operand, partial in zip(node.args, partials_of(node, relevant), strict=True):
        if partial is not None and isinstance(operand, Value) and operand in relevant:
            part = _times(adjoint, partial)
            if node in lengths and operand not in lengths:
                part = total(part, lengths[node])
            found.append((operand, part))
    return found


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
    partials_of = partials_as_graph if create_graph else partials_as_numbers
    adjoints = _adjoints(order, [root], [seed], leaves, partials_of)
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
    partials_of: PartialsOf,
) -> list[Scalar]:
    """Sweep forward: return the tangent of each output, given those of the inputs.

    Parameters
    ----------
    order : sequence of Value
        What leads to the outputs, each node after its consumers (`autograd.engine.graph.consumers_first`).
    outputs : sequence of Value
        The results.
    inputs : sequence of Value
        What to differentiate by; none depends on another.
    tangents : sequence of Value, float or None
        Their tangents; None for an input that stands still.
    partials_of : callable
        `partials_as_numbers` or `partials_as_graph`.

    Returns
    -------
    list of Value or float
        The tangents; the constant 0.0 of an output that depends on no input.

    Examples
    --------
    >>> x = Value(3.0)
    >>> y = x * x
    >>> push(consumers_first(y), [y], [x], [1.0], partials_as_numbers)
    [6.0]
    """
    pairs = zip(inputs, tangents, strict=True)
    found: dict[Value, Scalar] = {x: tangent for x, tangent in pairs if tangent is not None}
    watching = is_watching()
    for node in reversed(order):
        if node in found:
            continue
        # What nothing moves has no tangent, such as a comparison: a 0 in its place, times inf, would be nan.
        if not any(arg in found for arg, p in zip(node.args, node.partials, strict=True) if p is not None):
            continue
        if isinstance(node.op, Structural):
            moved = [found.get(arg) if isinstance(arg, Value) else None for arg in node.args]
            found[node] = node.op.push(node, moved)
            continue
        if watching:
            uses = zip(node.args, node.partials, strict=True)
            moving = [(arg, p) for arg, p in uses if p is not None and arg in found]
            examine_tangents(node, [(_number(found[arg]), p) for arg, p in moving])  # type: ignore[index]
        tangent: Scalar = 0.0
        for operand, partial in zip(node.args, partials_of(node, found), strict=True):
            if partial is not None and operand in found:
                tangent = _plus(tangent, _times(partial, found[operand]))  # type: ignore[index]
        found[node] = tangent
    return [found.get(output, 0.0) for output in outputs]
