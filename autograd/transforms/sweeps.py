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
from math import copysign
from typing import Any

from ..engine.apply import apply_variadic
from ..engine.description import BY_RULE
from ..engine.graph import depending_on
from ..engine.nonfinite import examine_adjoint, examine_tangents, is_anomaly_enabled
from ..engine.tracing import is_tracing, may_be_traced
from ..engine.value import Value
from ..functions.axes import Axes, axes_of, totals_over
from ..ops.structural import Part, Piece, Structural
from ..ops.table import OPS, Op
from .batch_operations import lengths_of, stack, total
from .partials import Scalar, partials_as_graph

Flows = Sequence[tuple[Value, Any]]
"""What a node contributes to the adjoints of operands, one for each edge along which something flows."""


Product = tuple[Scalar, Scalar]
"""Two factors that are not multiplied yet: of three such terms a trace records one `dot`."""

# Two terms are added: a node of two operands takes less than half of the memory.
_FEWEST = 3


class _Terms:
    """What has flowed to a node in a sweep that records a graph: its adjoint is their sum.

    Parameters
    ----------
    first : Value, float, tuple of two factors, or Part
        The first of them.
    """

    __slots__ = ("terms",)

    def __init__(self, first: Scalar | Product | Part) -> None:
        self.terms: list[Scalar | Product | Part] = [first]

    def __add__(self, term: Scalar | Product | Part) -> _Terms:
        self.terms.append(term)
        return self


class _NoTerms:
    """The sum of no terms."""

    def __add__(self, term: Scalar | Product | Part) -> _Terms:
        return _Terms(term)


_NO_TERMS = _NoTerms()


def _term(adjoint: Scalar, factor: Scalar) -> Scalar | Product:
    """Return a product, without a node for a factor that is the constant 1 or -1.

    A factor 0 stays: the other one, or a derivative of it, may be infinite.
    """
    if type(factor) is float:
        if factor == 1.0:
            return adjoint
        if type(adjoint) is float:
            return adjoint * factor
        if factor == -1.0:
            return -adjoint
    elif type(adjoint) is float:
        if adjoint == 1.0:
            return factor
        if adjoint == -1.0:
            return -factor
    return adjoint, factor


def _number_of(term: Scalar | Product) -> Scalar:
    """Return a term as a single node or number."""
    return term[0] * term[1] if isinstance(term, tuple) else term


def _times(x: Scalar, y: Scalar) -> Scalar:
    return _number_of(_term(x, y))


# Unlike 0.0 it leaves the sign of a zero that is added to it, which `1 / x` and `arctan2` see.
_NOTHING = -0.0


def _plus(x: Scalar, y: Scalar) -> Scalar:
    """Return the sum, without a node for a term that is a constant 0 and leaves the other as it is."""
    if type(x) is float:
        return y if isinstance(y, Value) and _adds_nothing(x, y) else x + y
    return x if type(y) is float and _adds_nothing(y, x) else x + y  # type: ignore[arg-type]


def _adds_nothing(x: float, to: Value) -> bool:
    """Return whether the sum with a number is the same: of 0.0 and -0.0 it is 0.0."""
    return _is_nothing(x) or (x == 0.0 and to._data != 0.0 and not may_be_traced(to))


def _is_nothing(x: float) -> bool:
    return x == 0.0 and copysign(1.0, x) < 0.0


def _sum(terms: Sequence[Scalar | Product]) -> Scalar:
    """Return the sum of some terms, added in order.

    In a trace many are one node: the adjoint of a weight that 100 samples use is a dot product, rather than
    100 products and 99 sums.
    """
    if len(terms) >= _FEWEST and is_tracing():
        if all(type(term) is tuple for term in terms):
            return apply_variadic(OPS["dot"], *zip(*terms, strict=True))  # type: ignore[no-any-return]
        numbers = [x for x in map(_number_of, terms) if isinstance(x, Value) or not _is_nothing(x)]
        if len(numbers) >= _FEWEST:
            return apply_variadic(OPS["sum"], numbers)  # type: ignore[no-any-return]
        terms = numbers
    total: Scalar = _NOTHING
    for term in terms:
        total = _plus(total, _number_of(term))
    return total


def _complete(flowed: _Terms) -> Any:
    """Return the adjoint of a node from what has flowed to it, and to the numbers that it stands for."""
    terms = flowed.terms
    first = terms[0]
    if len(terms) == 1:
        # Nearly all of them.
        if isinstance(first, Value):
            return first
        if type(first) is tuple:
            return first[0] * first[1]
    if isinstance(first, Piece):
        return _pieces(terms)
    whole = [term for term in terms if not isinstance(term, Part)]
    if len(whole) < len(terms):
        parts = [term for term in terms if isinstance(term, Part)]
        of_each: list[list[Scalar]] = [[] for _ in range(parts[0].of)]
        for part in parts:
            of_each[part.element].append(part.number)
        whole.append(stack(map(_sum, of_each)))
    return _sum(whole)


def _pieces(pieces: Sequence[Any]) -> Any:
    """Return what has flowed to each result of an operation that has several."""
    of_each: dict[Any, list[Scalar]] = {}
    for piece in pieces:
        of_each.setdefault(piece.of, []).append(piece.number)
    return {of: _sum(numbers) for of, numbers in of_each.items()}


def backward_sweep(
    order: Iterable[Value],
    adjoints: dict[Value, Any],
    contributions: Callable[[Value, Any], Flows],
    zero: Any = 0.0,
    complete: Callable[[Any], Any] | None = None,
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
    complete : callable, optional
        From the sum of all that flows to a node to its adjoint, where that is something else.

    Yields
    ------
    (Value, adjoint, sequence of (Value, contribution))
        The adjoint is complete; the contributions have not been added yet.

    Examples
    --------
    >>> from ..engine.graph import consumers_first
    >>> x = Value(3.0, label="x")
    >>> y = x + x * x
    >>> for node, adjoint, flows in backward_sweep(consumers_first(y), {y: 1.0}, along_stored_partials):
    ...     print(node, adjoint, [contribution for _, contribution in flows])
    x + x * x = 12 1.0 [1.0, 1.0]
    x * x = 9 1.0 [3.0, 3.0]
    x = 3 7.0 []
    """
    for node in order:
        if node not in adjoints:
            continue
        adjoint = adjoints[node]
        if complete is not None:
            adjoint = adjoints[node] = complete(adjoint)
        flows = contributions(node, adjoint)
        yield node, adjoint, flows
        for operand, contribution in flows:
            adjoints[operand] = adjoints.get(operand, zero) + contribution


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
    >>> from ..engine.graph import consumers_first
    >>> x = Value(3.0)
    >>> y = x * x
    >>> pull(consumers_first(y), [y], [1.0], [x], as_graph=False)
    [6.0]
    """
    adjoints = adjoints_of(order, outputs, seeds, inputs, as_graph)
    return [adjoints.get(variable, 0.0) for variable in inputs]


def adjoints_of(
    order: Sequence[Value],
    outputs: Sequence[Value],
    seeds: Sequence[Scalar | None],
    inputs: Sequence[Value],
    as_graph: bool,
) -> dict[Value, Scalar]:
    """Return the adjoint of each node between the inputs and the outputs, for arguments as those of `pull`.

    Examples
    --------
    >>> from ..engine.graph import consumers_first
    >>> x = Value(3.0)
    >>> y = x * x
    >>> adjoints_of(consumers_first(y), [y], [1.0], [x], as_graph=False)[x]
    6.0
    """
    relevant = depending_on(inputs, reversed(order))
    records = as_graph or any(isinstance(seed, Value) for seed in seeds)
    zero = _NO_TERMS if records else _NOTHING
    adjoints: dict[Value, Any] = {}
    for output, seed in zip(outputs, seeds, strict=True):
        if seed is not None and output in relevant:
            adjoints[output] = adjoints.get(output, zero) + seed
    if as_graph:
        contributions = partial(_as_graph, relevant, lengths_of(reversed(order)))
    else:
        contributions = partial(_as_numbers, relevant)
    if is_anomaly_enabled():
        contributions = partial(_examined, relevant, contributions)
    deque(backward_sweep(order, adjoints, contributions, zero, _complete if records else None), maxlen=0)
    return adjoints


def _as_numbers(relevant: Container[Value], node: Value, adjoint: Scalar) -> Flows:
    """Return what a node contributes to each operand that is relevant, by the partials that it has stored."""
    if node._edges == BY_RULE:
        flows = node.op.flows(node, _number_of(adjoint))  # type: ignore[union-attr]
        return [
            (operand, flow)  # type: ignore[misc]
            for operand, flow in zip(node.args, flows, strict=True)
            if flow is not None and operand in relevant
        ]
    return [
        (operand, _times(adjoint, stored))  # type: ignore[misc]
        for operand, stored in zip(node.args, node.partials, strict=True)
        if stored is not None and operand in relevant
    ]


def _as_graph(relevant: Container[Value], lengths: Mapping[Value, int], node: Value, adjoint: Any) -> Flows:
    """Return what a node contributes to each operand that is relevant, as a function of the inputs."""
    op, args = node.op, node.args
    if op is None:
        return []
    flows: list[tuple[Any, Any]] = []
    if isinstance(op, Op):
        for i, factor in enumerate(partials_as_graph(node, relevant)):
            if factor is not None:
                flows.append((args[i], _term(adjoint, factor)))
    else:
        for i, part in enumerate(op.pull(node, adjoint, relevant, lengths)):
            if part is not None:
                flows.append((args[i], part))
        if op.length(len(args)) is not None or op.settles_axes:
            return flows
    axes = axes_of(node)
    if axes:
        flows = [
            (x, part if (own := axes_of(x)) is axes else _along(part, axes - own, node)) for x, part in flows
        ]
    if lengths and node in lengths:
        # What all samples share gets the sum of what flows back to it in each.
        samples = lengths[node]
        return [(x, part if x in lengths else total(_number_of(part), samples)) for x, part in flows]
    return flows


def _along(part: Scalar | Product, over: Axes, node: Value) -> Scalar | Product:
    """Return what flows from a node to an operand that does not vary along some axes: the sum over these."""
    return totals_over(_number_of(part), over, node) if over else part


def _examined(
    relevant: Container[Value], contributions: Callable[[Value, Any], Flows], node: Value, adjoint: Any
) -> Flows:
    """Return what a node contributes, unless anomaly mode finds a fault in it."""
    partials = zip(node.args, node.partials, strict=True)
    examine_adjoint(node, number_in(adjoint), [stored for arg, stored in partials if arg in relevant])
    return contributions(node, adjoint)


def number_in(adjoint: Scalar) -> float:
    """Return an adjoint or tangent as a number.

    Examples
    --------
    >>> number_in(Value(2.0)), number_in(3.0)
    (2.0, 3.0)
    """
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
    >>> from ..engine.graph import consumers_first
    >>> x = Value(3.0)
    >>> y = x * x
    >>> push(consumers_first(y), [y], [x], [1.0], as_graph=False)
    [6.0]
    """
    pairs = zip(inputs, tangents, strict=True)
    found: dict[Value, Any] = {x: tangent for x, tangent in pairs if tangent is not None}
    watching = is_anomaly_enabled()
    for node in reversed(order):
        if node in found:
            continue
        # What nothing moves has no tangent, such as a comparison: a 0 in its place, times inf, would be nan.
        if not any(arg in found for arg, p in zip(node.args, node.partials, strict=True) if p is not None):
            continue
        if as_graph and isinstance(node.op, Structural):
            moved: list[Any] = [found.get(arg) if isinstance(arg, Value) else None for arg in node.args]
            found[node] = node.op.push(node, moved)
            continue
        if watching:
            uses = zip(node.args, node.partials, strict=True)
            moving = [(arg, p) for arg, p in uses if p is not None and arg in found]
            examine_tangents(node, [(number_in(found[arg]), p) for arg, p in moving])  # type: ignore[index]
        partials = partials_as_graph(node, found) if as_graph else node.partials
        factors = zip(node.args, partials, strict=True)
        moves = [(found[arg], factor) for arg, factor in factors if factor is not None and arg in found]  # type: ignore[index]
        found[node] = _sum([_term(factor, tangent) for tangent, factor in moves])
    return [found.get(output, 0.0) for output in outputs]
