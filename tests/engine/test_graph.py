"""Walks over a graph find each node once, in an order that the arithmetic allows."""

from __future__ import annotations

from hypothesis import given
from programs import Program
from strategies import expressions

from autograd.engine.graph import consumers_first, depending_on, nodes_of, numbered, operands


@given(expressions())
def test_both_orders(drawn: Program) -> None:
    """Each node comes once, after its operands or after its consumers; both walks find the same nodes."""
    root, _ = drawn.graph()
    order, reverse = nodes_of([root, root]), consumers_first(root, root)
    assert len(order) == len(set(order)) == len(reverse)
    assert set(order) == set(reverse)
    place = {node: i for i, node in enumerate(order)}
    back = {node: i for i, node in enumerate(reverse)}
    for node in order:
        for operand in operands(node):
            assert place[operand] < place[node]
            assert back[operand] > back[node]


@given(expressions())
def test_numbers_of_operands(drawn: Program) -> None:
    """The numbers of operands are those of the nodes, in order and as often as they are used."""
    root, variables = drawn.graph()
    found = numbered([root, *variables])
    assert [found.nodes[number] for number in found.roots] == [root, *variables]
    for number, node in enumerate(found.nodes):
        own = found.operands[found.bounds[number] : found.bounds[number + 1]]
        assert tuple([found.constants[-1 - i] if i < 0 else found.nodes[i] for i in own]) == node.args


@given(expressions())
def test_what_depends_on_a_variable(drawn: Program) -> None:
    """A node depends on a variable if one of its operands does."""
    root, variables = drawn.graph()
    order = nodes_of([root, *variables])
    found = depending_on(variables[:1], order)
    for node in order:
        assert (node in found) is (node is variables[0] or any(arg in found for arg in operands(node)))
