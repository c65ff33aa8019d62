"""The recurrence of the backward sweep, over floats, `Value`s, fractions and counts; the forward sweep."""

from __future__ import annotations

import copy
import math
import pickle
from collections import defaultdict
from contextlib import nullcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from comparing import close
from hypothesis import given
from programs import Program
from strategies import expressions

from autograd import Value, anomaly, explain, grad, hessian, jit, jvp, paths, steps
from autograd.engine.apply import record
from autograd.engine.graph import consumers_first, edges
from autograd.engine.tracing import tracing
from autograd.ops.structural import Structural
from autograd.transforms.batch_operations import lengths_of, stack
from autograd.transforms.sweeps import along_stored_partials, backward_sweep, pull, push

# ----------------------------------------------------------------------------------------- laws, with floats


@given(expressions())
def test_an_adjoint_is_the_sum_of_what_consumers_contribute(drawn: Program) -> None:
    """A node comes after all its consumers, with its full adjoint, and passes on adjoint times partials."""
    root, _ = drawn.graph()
    received: dict[Value, float] = defaultdict(float, {root: 1.0})
    for node, adjoint, flows in backward_sweep(
        consumers_first(root, by_derivative=True), {root: 1.0}, along_stored_partials
    ):
        assert repr(received.pop(node)) == repr(adjoint)
        assert [operand for operand, _ in flows] == [edge.operand for edge in edges(node)]
        for edge, (operand, contribution) in zip(edges(node), flows, strict=True):
            assert repr(contribution) == repr(adjoint * edge.partial)
            received[operand] += contribution
    assert not received


@given(expressions())
def test_all_that_stands_on_the_sweep_agrees_with_the_fast_one(drawn: Program) -> None:
    """Gradients by `pull`, `steps` and `paths` equal those of `backward`, bit for bit, which adds to 0.0."""
    root, variables = drawn.graph()
    order = consumers_first(root, by_derivative=True)
    reached = [x for x in variables if x in set(order)]
    by_pull = [0.0 + x for x in pull(order, [root], [1.0], reached, as_graph=False)]
    of_steps = {step.node: step.adjoint for step in steps(root)}
    by_paths = [paths(root, x, k=0).total for x in reached]
    root.backward()
    expected = repr([x.grad for x in reached])
    assert expected == repr(by_pull) == repr([of_steps[x] for x in reached]) == repr(by_paths)


@given(expressions())
def test_a_gradient_is_just_more_graph(drawn: Program) -> None:
    """Adjoints computed as graphs have the same numbers as those from the stored partials."""
    root, variables = drawn.graph()
    order = consumers_first(root, by_derivative=True)
    numbers = pull(order, [root], [1.0], variables, as_graph=False)
    graphs = pull(order, [root], [1.0], variables, as_graph=True)
    assert all(close(float(graph), float(number)) for graph, number in zip(graphs, numbers, strict=True))


@pytest.mark.parametrize("as_graph", [False, True])
@given(drawn=expressions())
def test_backward_and_forward_are_adjoint(drawn: Program, as_graph: bool) -> None:
    """The pulled-back adjoint times a direction equals the tangent pushed forward along it."""
    root, variables = drawn.graph()
    order = consumers_first(root, by_derivative=True)
    direction = [1.0 + i for i in range(len(variables))]
    pulled = pull(order, [root], [1.0], variables, as_graph)
    (pushed,) = push(order, [root], variables, direction, as_graph)
    along = sum(float(adjoint) * move for adjoint, move in zip(pulled, direction, strict=True))
    # If terms are infinite, one order of summation may give nan and the other inf.
    if math.isfinite(along) and math.isfinite(float(pushed)):
        size = sum(abs(float(adjoint)) * move for adjoint, move in zip(pulled, direction, strict=True))
        assert abs(along - float(pushed)) <= 1e-9 * (1.0 + size)


def graph_of_gradient(as_traced: bool) -> list[str]:
    """Return the operations of the adjoints of two weights, one used with a factor, one by itself as well."""
    w, v, x = Value(2.0, "w"), Value(5.0, "v"), [Value(3.0 + i) for i in range(3)]
    with tracing([w, v, *x]) if as_traced else nullcontext():
        y = w * x[0] + w * x[1] + w * x[2] + v * x[0] + v + v * x[2]
        adjoints = pull(consumers_first(y), [y], [x[1].exp()], [w, v], as_graph=True)
        of_nodes = [adjoint for adjoint in adjoints if isinstance(adjoint, Value)]
        numbers = [node._data for node in of_nodes]
        names = [node.op.name for node in of_nodes if node.op]
    assert numbers == pytest.approx([12.0 * math.exp(4.0), 9.0 * math.exp(4.0)])
    return names


def test_many_terms_are_one_node_of_a_trace() -> None:
    """The adjoint of a weight is a dot product or a sum in a trace; eagerly each product is a node to see."""
    assert graph_of_gradient(as_traced=True) == ["dot", "sum"]
    assert graph_of_gradient(as_traced=False) == ["add", "add"]


def test_the_gradient_of_a_loop_is_traced_without_its_products() -> None:
    """A weight that n samples use adds a few nodes to the trace of the gradient, not 2 n; no term is lost."""
    x = np.linspace(-1.0, 1.0, 50)

    def loss(w: Any) -> Any:
        return sum((w[0] * x + w[1]).tolist()) + 0.5 * sum(p * p for p in w)

    value, gradient = jit(loss), jit(grad(loss))
    w = np.array([2.0, 3.0])
    value(w)
    assert gradient(w) == pytest.approx(grad(loss)(w))
    assert gradient.report().traced <= value.report().traced + 10


# --------------------------------------------------------------------------------- other number types


def test_fractions() -> None:
    """Adjoints can be of any type that adds, such as exact fractions."""
    x = Value(3.0)
    y = (x * 4.0 + 1.0) * x

    def exactly(node: Value, adjoint: Fraction) -> list[tuple[Value, Fraction]]:
        return [(edge.operand, adjoint * Fraction(edge.partial)) for edge in edges(node)]

    adjoints: dict[Value, Any] = {y: Fraction(1, 3)}
    assert [adjoint for _, adjoint, _ in backward_sweep(consumers_first(y), adjoints, exactly, Fraction(0))][
        -1
    ] == Fraction(25, 3)
    assert adjoints[x] == Fraction(25, 3)


def test_who_has_seen_enough_may_stop() -> None:
    """A node's contributions are added only when the next node is requested, so a caller can stop early."""
    x = Value(3.0)
    y = x * x
    adjoints: dict[Value, Any] = {y: 1.0}
    sweep = backward_sweep(consumers_first(y), adjoints, along_stored_partials)
    assert next(sweep)[0] is y
    assert x not in adjoints
    assert next(sweep)[:2] == (x, 6.0)
    assert adjoints[x] == 6.0


def test_what_nothing_flows_to_is_left_out() -> None:
    """Nodes that only lead to results without a seed are skipped."""
    x = Value(3.0)
    y, z = x * 2.0, x.exp()
    swept = backward_sweep(consumers_first(y, z), {y: 1.0}, along_stored_partials)
    assert [node for node, _, _ in swept] == [y, x]


# --------------------------------------------------------------------------------- structural operations


class Rounds(Structural):
    """A loop that multiplies x by a, a fixed number of times."""

    name = "rounds"

    def __init__(self, count: int) -> None:
        self.count = count

    def apply(self, *operands: Any) -> Any:
        """Return the loop as one node."""
        x, a = operands
        if not any(isinstance(operand, Value) for operand in operands):
            return x * a**self.count
        of_x, of_a = (operand._data if isinstance(operand, Value) else operand for operand in operands)
        by_x, by_a = of_a**self.count, self.count * of_x * of_a ** (self.count - 1)
        partials = [
            partial if isinstance(operand, Value) else None
            for operand, partial in zip(operands, (by_x, by_a), strict=True)
        ]
        return record(self, of_x * by_x, (x, a), tuple(partials))

    def pull(self, node: Any, adjoint: Any, wanted: Any, lengths: Any) -> Any:
        """Return the adjoints, computed by other loops."""
        x, a = node.args
        by_x = self.apply(adjoint, a) if x in wanted else None
        return [by_x, Rounds(self.count - 1).apply(self.count * adjoint * x, a) if a in wanted else None]

    def push(self, node: Any, tangents: Any) -> Any:
        """Return the tangent, computed by other loops."""
        x, a = node.args
        of_x = 0.0 if tangents[0] is None else self.apply(tangents[0], a)
        of_a = 0.0 if tangents[1] is None else Rounds(self.count - 1).apply(self.count * tangents[1] * x, a)
        return of_x + of_a


def rounds(x: Any, a: Any) -> Any:
    """Return x a³ by a loop."""
    return Rounds(3).apply(x, a)


def by_hand(x: Any, a: Any) -> Any:
    """Return x a³ without a loop."""
    return x * a * a * a


@pytest.mark.parametrize("of", [grad, lambda f: grad(f, (0, 1)), lambda f: grad(grad(f, 1), 1)])
def test_derivatives_through_a_loop(of: Any) -> None:
    """First and second derivatives propagate through a structural operation by its own hooks."""
    assert of(lambda x, a: rounds(x * 2.0, a) * a)(5.0, 2.0) == of(lambda x, a: by_hand(x * 2.0, a) * a)(
        5.0, 2.0
    )


def test_all_directions_through_a_loop() -> None:
    """jvp, hessian, steps, explain and backward work through a structural operation."""
    assert jvp(rounds, (5.0, 2.0), (1.0, 10.0)) == jvp(by_hand, (5.0, 2.0), (1.0, 10.0)) == (40.0, 608.0)
    assert hessian(rounds, (0, 1))(5.0, 2.0) == hessian(by_hand, (0, 1))(5.0, 2.0)
    x, a = Value(5.0, "x"), Value(2.0, "a")
    y = rounds(x, a) * 2.0
    assert {step.node: step.adjoint for step in steps(y)}[a] == 120.0
    assert "dy/dx = dy/dv1 · dv1/dx = 2 · rounds(1, a) = 2 · 8 = 16" in explain(y, x).text
    y.backward()
    assert (x.grad, a.grad) == (16.0, 120.0)
    x.grad = a.grad = None
    y.backward(create_graph=True)
    a.grad.backward()
    assert x.grad.data == 16.0 + 24.0


def test_a_loop_in_each_sample() -> None:
    """A loop can run per sample, like a row; a shared operand gets the total of the samples' adjoints."""
    x, a = stack([Value(5.0), Value(6.0)]), Value(2.0)
    y = rounds(x, a)
    order = [y, x, a]
    assert lengths_of(order[::-1]) == {x: 2, y: 2}
    by_x, by_a = pull(order, [y], [1.0], [x, a], as_graph=True)
    assert isinstance(by_a, Value)
    assert isinstance(by_x, Value)
    assert by_x.data == 8.0
    assert repr(by_a.op) == "total"
    assert by_a.args[1] == 2.0


def test_what_a_compiler_does_not_know() -> None:
    """Compiling a structural operation without an array form raises an error with its name."""
    with pytest.raises(NotImplementedError, match=r"expected operations .* on arrays, got rounds"):
        jit(rounds)(5.0, 2.0)


def test_an_operation_of_its_own_is_copied() -> None:
    """A deep copy refers to the same loop, an unpickled node to an equal one."""
    y = rounds(Value(5.0), Value(2.0)) + 1.0
    twin, read = copy.deepcopy(y), pickle.loads(pickle.dumps(y))
    assert twin.args[0].op is y.args[0].op
    assert read.args[0].op.count == 3
    assert read.data == 41.0


def test_anomaly_mode_looks_at_each_contribution() -> None:
    """If a contribution becomes infinite, the sweep raises with the reason before it records anything."""
    x = Value(0.0, "x")
    y = x.sqrt() * 3.0
    with anomaly(), pytest.raises(FloatingPointError, match=r"backward through sqrt\(x = 0.0\)"):
        pull(consumers_first(y), [y], [1.0], [x], as_graph=True)
