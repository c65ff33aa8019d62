"""Sweeps over a recorded graph: adjoints backward, tangents forward.

Both multiply by the partials of each node and add over the uses. With the partials as numbers, the result
is numbers; with the partials as `Value`s, worked out by the same rules of the table, *a gradient is just
more graph*, and can be differentiated again.

Products are IEEE 754's in both: an adjoint of 0 times an infinite partial is nan, as in the compiled
programs, which multiply whole arrays. Nothing is multiplied where no derivative flows (a comparison, the
condition of a choice) or none was asked for (a direction that is None).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cache
from typing import Any

from ..engine.apply import apply
from ..engine.graph import consumers_first, depending_on
from ..engine.node import add_to_gradients, sweep_lock
from ..engine.nonfinite import PYTHON_RAISES, examine_adjoint, examine_tangents, is_watching
from ..engine.tracing import may_be_traced
from ..engine.value import Value
from ..functions import generated as functions
from ..ops.rules import Rules, compile_row, on_sequences
from ..ops.table import CONSTANTS, OPS, Op
from .batch_tracing import LANE, STACK, TOTAL, lane, samples_of, stack, total

Number = Value | float
PartialsOf = Callable[[Value, Container[Value]], Sequence[Number | None]]

# The stored partials are those of the forward pass; beyond rounding, others come from a leaf that was
# assigned to since.
_ROUNDING = 1e-9


def partials_as_numbers(node: Value, wanted: Container[Value]) -> Sequence[float | None]:
    """Return the partials of a node as numbers: those that it has stored.

    Examples
    --------
    >>> x = Value(3.0)
    >>> partials_as_numbers(x * x, {x})
    (3.0, 3.0)
    """
    return node.partials


def partials_as_graph(node: Value, wanted: Container[Value]) -> Sequence[Number | None]:
    """Return the partials of a node as functions of its operands that can be differentiated.

    Parameters
    ----------
    node : Value
        The result of an operation.
    wanted : container of Value
        The operands of which the partial is wanted.

    Returns
    -------
    sequence of Value, float or None
        One for each operand; a float where the partial does not depend on anything, None where it is
        not wanted.

    Raises
    ------
    RuntimeError
        If a leaf was assigned to since the node was made.

    Examples
    --------
    >>> x = Value(3.0)
    >>> partials_as_graph(x * x, {x})
    [Value(3.0), Value(3.0)]
    """
    uses = zip(node.args, node.partials, _applications(node), strict=True)
    found = [
        _without_zero(_applied(rule, args, node)) if stored is not None and operand in wanted else None
        for operand, stored, (rule, args) in uses
    ]
    for stored, partial in zip(node.partials, found, strict=True):
        if stored is not None and partial is not None and _differ(stored, partial):
            raise RuntimeError(
                f"a leaf below {node!r} was assigned to after it was computed, so that its derivative cannot "
                "be differentiated any more; build the expression again"
            )
    return found


def _applications(node: Any) -> list[tuple[Callable[..., Any], Sequence[Number]]]:
    """Return the rule of each operand's partial, with the arguments that it takes."""
    if node.op is None:
        return []
    args = node.args
    rules = _on_values(node.op).partials
    if may_be_traced(node):
        # As leaves: a factor that happens to be 1 is left out, and its operation would be unlike the others.
        args = tuple(map(_leaf, args))
        rules = _while_traced(node.op).partials
    if not node.op.variadic:
        return [(rule, args) for rule in rules]
    # What all elements share, such as the sum of a softmax, is recorded once.
    columns = node.op.columns(args)
    return [(lambda _, found=found: found, ()) for rule in rules for found in rule(*columns, node)]


def _applied(rule: Callable[..., Any], args: Sequence[Number], node: Value) -> Number:
    """Return a partial; where Python raises for constants, such as 1/0, as IEEE 754 has it for `Value`s."""
    try:
        return rule(*args, node)  # type: ignore[no-any-return]
    except PYTHON_RAISES:
        return rule(*map(_leaf, args), node)  # type: ignore[no-any-return]


def _leaf(arg: Number) -> Value:
    return arg if isinstance(arg, Value) else Value(arg)


def _without_zero(partial: Number) -> Number:
    """Return the constant 0 for a product with it, such as the partial of x**0."""
    is_zero = (
        isinstance(partial, Value)
        and partial.op is OPS["mul"]
        # 0 times inf is nan, and stays.
        and partial._data == 0.0
        and any(isinstance(arg, float) and arg == 0.0 for arg in partial.args)
    )
    return 0.0 if is_zero else partial


def _differ(stored: float, partial: Number) -> bool:
    found = partial._data if isinstance(partial, Value) else partial
    if math.isnan(stored) or math.isnan(found) or math.isinf(stored):
        return False
    return abs(found - stored) > _ROUNDING * max(abs(stored), abs(found))


def _power(x: Number, y: Number) -> Number:
    """Return x**y, without a node where y says that there is nothing to do."""
    if isinstance(y, float) and y in (0.0, 1.0):
        return x if y == 1.0 else 1.0
    return x**y


def _constant(x: Number) -> Number:
    """Return a number through which no derivative flows."""
    return apply(CONSTANTS["constant"], x)  # type: ignore[no-any-return]


# `where` is left out: a condition is asked for its number, so that the branch not taken makes no nodes.
_MEANING = {name: getattr(functions, name) for name in functions.__all__ if name != "where"}
_MEANING |= {"pow": _power, "inf": math.inf, "constant": _constant}


@cache
def _on_values(op: Op) -> Rules:
    """Return the rules of a row on Values, compiled at the first use."""
    return on_sequences(op, _MEANING) if op.variadic else compile_row(op, _MEANING)


def _choose(condition: Any, x: Number, y: Number) -> Number:
    """Return a node that chooses when the program runs, unless it is known already.

    Of an exponent that is a constant it is: so x**3 has one rule, and not the derivatives of both.
    """
    if isinstance(condition, Value) and may_be_traced(condition):
        return functions.where(condition, x, y)
    return x if condition else y


@cache
def _while_traced(op: Op) -> Rules:
    """Return the rules of a row on Values that keep both branches, since another input may take the other."""
    meaning = _MEANING | {"where": _choose}
    return on_sequences(op, meaning) if op.variadic else compile_row(op, meaning)


def _times(x: Number, y: Number) -> Number:
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


def _plus(x: Number, y: Number) -> Number:
    """Return the sum, without a node for a term that is the constant 0."""
    if isinstance(x, float) and x == 0.0 and isinstance(y, Value):
        return y
    if isinstance(y, float) and y == 0.0 and isinstance(x, Value):
        return x
    return x + y


def pull(
    order: Sequence[Value],
    outputs: Sequence[Value],
    seeds: Sequence[Number | None],
    inputs: Sequence[Value],
    partials_of: PartialsOf,
) -> list[Number]:
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
    seeds: Sequence[Number | None],
    inputs: Sequence[Value],
    partials_of: PartialsOf,
) -> dict[Value, Number]:
    """Return the adjoint of each node between the inputs and the outputs."""
    relevant = depending_on(inputs, reversed(order))
    samples = samples_of(reversed(order))
    watching = is_watching()
    adjoints: dict[Value, Number] = {}
    of_lanes: dict[Value, list[Number]] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        if seed is not None:
            adjoints[output] = _plus(adjoints.get(output, 0.0), seed)
    for node in order:
        if node in of_lanes:
            adjoints[node] = _plus(adjoints.get(node, 0.0), stack(of_lanes[node]))
        if node not in relevant or node not in adjoints:
            continue
        adjoint = adjoints[node]
        if watching:
            uses = zip(node.args, node.partials, strict=True)
            examine_adjoint(node, _number(adjoint), [partial for arg, partial in uses if arg in relevant])
        if node.op is LANE and node.args[0] in samples:
            x, i = node.args
            lanes = of_lanes.setdefault(x, [0.0] * samples[x])  # type: ignore[arg-type, index]
            lanes[int(i)] = _plus(lanes[int(i)], adjoint)
            continue
        for operand, part in _contributions(node, adjoint, relevant, samples, partials_of):
            adjoints[operand] = _plus(adjoints.get(operand, 0.0), part)
    return adjoints


def _contributions(
    node: Value,
    adjoint: Number,
    relevant: Container[Value],
    samples: Mapping[Value, int],
    partials_of: PartialsOf,
) -> list[tuple[Value, Number]]:
    """Return what a node adds to the adjoint of each operand that is relevant."""
    if node.op is STACK:
        of_each = [lane(adjoint, i) if isinstance(adjoint, Value) else adjoint for i in range(len(node.args))]
        pairs = zip(node.args, of_each, strict=True)
        return [(arg, part) for arg, part in pairs if isinstance(arg, Value) and arg in relevant]
    if node.op is LANE or node.op is TOTAL:
        x, number = node.args
        # The total of a number that all samples share is a multiple of it.
        times = number if node.op is TOTAL and x not in samples else 1.0
        return [(x, _times(times, adjoint))]  # type: ignore[list-item]
    found: list[tuple[Value, Number]] = []
    for operand, partial in zip(node.args, partials_of(node, relevant), strict=True):
        if partial is not None and isinstance(operand, Value) and operand in relevant:
            part = _times(adjoint, partial)
            if node in samples and operand not in samples:
                part = total(part, samples[node])
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


def _number(adjoint: Number) -> float:
    return adjoint._data if isinstance(adjoint, Value) else adjoint


def push(
    order: Sequence[Value],
    outputs: Sequence[Value],
    inputs: Sequence[Value],
    tangents: Sequence[Number | None],
    partials_of: PartialsOf,
) -> list[Number]:
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
    found: dict[Value, Number] = {x: tangent for x, tangent in pairs if tangent is not None}
    watching = is_watching()
    for node in reversed(order):
        if node in found:
            continue
        # What nothing moves has no tangent, such as a comparison: a 0 in its place, times inf, would be nan.
        if not any(arg in found for arg, p in zip(node.args, node.partials, strict=True) if p is not None):
            continue
        if node.op in _BATCHING:
            found[node] = _pushed_through_batch(node, found)
            continue
        if watching:
            uses = zip(node.args, node.partials, strict=True)
            moving = [(arg, p) for arg, p in uses if p is not None and arg in found]
            examine_tangents(node, [(_number(found[arg]), p) for arg, p in moving])  # type: ignore[index]
        tangent: Number = 0.0
        for operand, partial in zip(node.args, partials_of(node, found), strict=True):
            if partial is not None and operand in found:
                tangent = _plus(tangent, _times(partial, found[operand]))  # type: ignore[index]
        found[node] = tangent
    return [found.get(output, 0.0) for output in outputs]


_BATCHING = (STACK, LANE, TOTAL)


def _pushed_through_batch(node: Value, tangents: Mapping[Value, Number]) -> Number:
    """Return the tangent of a node that puts samples together or takes one out."""
    if node.op is STACK:
        return stack([tangents.get(arg, 0.0) if isinstance(arg, Value) else 0.0 for arg in node.args])
    x, number = node.args
    tangent = tangents[x]  # type: ignore[index]
    if node.op is TOTAL:
        return total(tangent, int(number))
    return lane(tangent, int(number)) if isinstance(tangent, Value) else tangent
