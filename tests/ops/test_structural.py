"""Structural operations: the hooks of each, and that all other code uses the hooks."""

from __future__ import annotations

import ast
import copy
import pickle
from collections.abc import Iterator
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

import autograd
import nn
from autograd import Value, anomaly
from autograd.compiler.passes.batches import TOTALS
from autograd.compiler.trace.tape import Tape
from autograd.engine.apply import apply_again
from autograd.engine.levels import open_levels
from autograd.engine.tracing import tracing
from autograd.ops.structural import Part, Structural
from autograd.ops.table import OPS
from autograd.show.text.formulas import expression, formula
from autograd.show.text.replay import replay
from autograd.transforms.batch_operations import Lane, Stack, Total, lane, stack, total
from autograd.transforms.partials import partials_as_graph

STACK, LANE, TOTAL = Stack(), Lane(), Total()
X, Y = Value(3.0, "x"), Value(5.0, "y")
ROOT = Path(autograd.__file__).parent.parent


def made(op: Structural) -> Value:
    """Return a node of the operation over a batch."""
    batch = stack([X, Y, 7.0])
    return {"stack": batch, "lane": lane(batch * 2.0, 1), "total": total(batch, 3)}[op.name]


# --------------------------------------------------------------------------------------------- evaluation


@pytest.mark.parametrize("op", [STACK, LANE, TOTAL], ids=repr)
def test_a_node_is_known_by_its_operation(op: Structural) -> None:
    """A node shows the name of its operation, which stays the same object through copies and pickles."""
    node = made(op)
    assert repr(node.op) == op.name
    assert f"op='{op.name}'" in repr(node)
    for twin in (copy.copy(node), pickle.loads(pickle.dumps(node)), apply_again(node.op, node.args)):  # type: ignore[arg-type]
        assert twin.op is node.op
        assert len(twin.args) == len(node.args)
    assert copy.deepcopy(node.op) is node.op


def test_an_operation_is_written() -> None:
    """Formulas and expressions show the name and the operands, in LaTeX too."""
    batch = stack([X, Y])
    assert expression(lane(batch, 1) * 2.0) == "lane(stack(x, y), 1) * 2"
    latex = r"\operatorname{total}\left(\operatorname{stack}\left(x, y\right), 2\right)"
    assert expression(total(batch, 2), latex=True) == latex
    assert formula(stack([X] * 9), {X: "x"}) == "stack(x, x, … 7 more)"


def test_an_operation_computes_nothing() -> None:
    """Stacking non-finite numbers gives no warning; anomaly mode names the stack."""
    assert lane(stack([Value(inf), 1.0]), 0).data == inf
    with anomaly(), pytest.raises(FloatingPointError, match=r"nan is an operand of stack\(x = nan, 1\.0\)"):
        stack([Value(nan, "x"), 1.0])


def test_a_graph_is_evaluated_again() -> None:
    """A replay at another point stacks the new numbers and reads them again."""
    y = lane(stack([X, Y]) * 2.0, 0)
    copies = replay(y, {X: 4.0})
    assert copies[y].data == 8.0
    assert [node.op and node.op.name for node in copies.values()].count("stack") == 1


def test_a_stack_that_is_made_again_is_traced() -> None:
    """A stack belongs to the trace in which it is made, also where a graph is evaluated again."""
    with tracing([X]):
        again = apply_again(stack([X, Y]).op, (X, 4.0))  # type: ignore[arg-type]
        assert again._level in open_levels(traces=True)


# -------------------------------------------------------------------------------------------- derivatives


def test_stack_pulls_and_pushes() -> None:
    """Each sample gets its lane of the adjoint, or the adjoint shared by all; constants get nothing."""
    node, adjoint = stack([X, Y, 7.0]), stack([Value(1.0), 2.0, 3.0])
    assert STACK.pull(node, 1.5, {X}, {}) == [1.5, None, None]
    lanes = STACK.pull(node, adjoint, {X, Y}, {})
    assert [part and part.args for part in lanes] == [(adjoint, 0.0), (adjoint, 1.0), None]
    assert STACK.push(node, [2.0, None, None]).args == (2.0, 0.0, 0.0)


def test_lane_pulls_and_pushes() -> None:
    """The adjoint goes to its own sample of a batch, and unchanged to an operand shared by all samples."""
    batch = stack([X, Y])
    node, shared = lane(batch, 1), lane(X, 1)
    assert LANE.pull(node, 4.0, {batch}, {batch: 2}) == [Part(1, 2, 4.0), None]
    assert LANE.pull(shared, 4.0, {X}, {}) == [4.0, None]
    assert LANE.push(node, [4.0, None]) == 4.0
    assert LANE.push(node, [batch, None]).args == (batch, 1.0)


def test_total_pulls_and_pushes() -> None:
    """Each sample gets the same adjoint; an operand shared by all samples gets a multiple of it."""
    batch = stack([X, Y])
    node, shared = total(batch, 2), total(X, 2)
    assert TOTAL.pull(node, 4.0, {batch}, {batch: 2}) == [4.0, None]
    assert TOTAL.pull(shared, 4.0, {X}, {}) == [8.0, None]
    assert TOTAL.push(node, [4.0, None]) == 8.0
    assert TOTAL.push(node, [batch, None]).args == (batch, 2.0)


@pytest.mark.parametrize("op", [STACK, LANE, TOTAL], ids=repr)
def test_a_partial_is_what_one_pulls_back(op: Structural) -> None:
    """The partials of a structural operation are what it pulls back for an adjoint of 1."""
    node = made(op)
    wanted = {arg for arg in node.args if isinstance(arg, Value)}
    assert list(partials_as_graph(node, wanted)) == list(op.pull(node, 1.0, wanted, {}))


# -------------------------------------------------------------------------------------------- compilation


def test_lengths() -> None:
    """A stack has one number per operand; a lane or a total is a single number."""
    assert [op.length(2) for op in (STACK, LANE, TOTAL, *TOTALS.values())] == [2, 0, 0, 0, 0]


def test_columns() -> None:
    """A stack has one column for all operands; a lane has two, batch and index; a total follows its row."""
    assert STACK.columns([1, 2, 3]) == [[1, 2, 3]]
    assert LANE.columns([1, 2]) == [[1], [2]]
    assert {op.name: op.columns([1, 2]) for op in TOTALS.values()} == {
        "total sum": [[1, 2]],
        "total dot": [[1], [2]],
    }
    assert [op.reduces for op in TOTALS.values()] == [OPS["sum"], OPS["dot"]]


def test_sources() -> None:
    """Stacks and lanes only move numbers: each result is one number of an operand."""
    assert STACK.sources(2, []) == [(0, 0), (1, 0)]
    assert LANE.sources(1, [2.0]) == [(0, 2)]
    assert [op.arranges for op in (STACK, LANE, TOTAL)] == [True, True, False]
    with pytest.raises(NotImplementedError, match="total is not made of numbers of its operands"):
        TOTAL.sources(1, [2.0])


def test_fold() -> None:
    """A lane or total of a constant, which all samples share, is folded."""
    assert [op.fold([3.0, 2.0]) for op in (STACK, LANE, TOTAL)] == [None, 3.0, 6.0]


def test_simplified() -> None:
    """A structural operation that changes nothing is replaced by its operand."""
    tape = Tape()
    x, y, zero, one = tape.input(0, 0), tape.input(0, 1), tape.constant(0.0), tape.constant(1.0)
    batch = tape.add(STACK, (x, y))
    lanes = tape.add(LANE, (batch, zero)), tape.add(LANE, (batch, one))
    lengths = [0, 0, 0, 0, 2, 0, 0]
    assert STACK.simplified(tape, (x, y), lengths) is None
    assert STACK.simplified(tape, (x, x), lengths) == x
    assert STACK.simplified(tape, lanes, lengths) == batch
    assert STACK.simplified(tape, lanes[::-1], lengths) is None
    assert STACK.simplified(tape, (tape.constant(0.0), tape.constant(-0.0)), lengths) is None
    assert LANE.simplified(tape, (batch, one), lengths) == y
    assert LANE.simplified(tape, (x, one), lengths) == x
    assert TOTAL.simplified(tape, (batch, one), lengths) is None
    product = TOTAL.simplified(tape, (x, one), lengths)
    assert product is not None
    assert (tape.ops[product], tape.args[product]) == (OPS["mul"], (one, x))


def test_what_an_operation_does_not_say() -> None:
    """A new operation is opaque to the compiler, and its missing hooks raise errors that name it."""

    class Loop(Structural):
        name = "loop"

    loop: Any = Loop()
    tape = Tape()
    assert (loop.length(2), loop.fold([1.0]), loop.simplified(tape, (), [])) == (None, None, None)
    assert not any([loop.variadic, loop.arranges, loop.adds, loop.statics, loop.reduces])
    with pytest.raises(NotImplementedError, match="no derivative is known backward through loop"):
        loop.pull(X, 1.0, {}, {})
    with pytest.raises(NotImplementedError, match="no derivative is known forward through loop"):
        loop.push(X, [1.0])
    with pytest.raises(NotImplementedError, match="no rule is known for what flows back through loop"):
        loop.flows(X, 1.0)
    with pytest.raises(NotImplementedError, match="loop cannot be evaluated again"):
        loop.apply(1.0)


# ----------------------------------------------------------------------------------- hooks, not names


def kinds(kind: type[Structural] = Structural) -> Iterator[type[Structural]]:
    """Yield the structural operations of the package, without the classes that others are made of."""
    for one in kind.__subclasses__():
        if one.__module__.startswith("autograd") and one.__module__ != Structural.__module__:
            yield one
        yield from kinds(one)


# Axes, loops and ragged rows are no operations on numbers: who makes columns of arrays, and who lays them
# out, reads them.
OF_AXES = {
    *("functions.axes", "functions.windows", "functions.rows_over_axes"),
    *("transforms.loops", "compiler.trace.loops", "compiler.passes.ragged"),
}
READERS = {
    *("functions.array_lengths", "functions.traced_array", "functions.rows_over_axes", "functions.windows"),
    *("transforms.sparse_batches", "compiler.trace.fingerprint", "compiler.passes.axes"),
    *("compiler.passes.reductions", "compiler.passes.class_sequence", "compiler.passes.rolling"),
    *("compiler.passes.apart", "compiler.passes.colours", "compiler.passes.within_steps"),
    "compiler.passes.stops",
    "compiler.arrays.layout",
}


def reads(module: str, kind: type[Structural]) -> bool:
    """Return whether a module is one that reads axes and loops, and an operation is one of theirs."""
    return (
        module.removeprefix("autograd.") in READERS and kind.__module__.removeprefix("autograd.") in OF_AXES
    )


FILES = [
    path
    for package in (autograd, nn)
    for path in sorted(Path(package.__file__).parent.rglob("*.py"))  # type: ignore[arg-type]
]


def test_nobody_compares_an_operation_with_a_name() -> None:
    """Outside its file no structural operation is imported or compared by name."""
    for path in FILES:
        check_nobody_compares(path)


def check_nobody_compares(path: Path) -> None:
    """Check a file."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    others = {kind.__name__ for kind in kinds() if kind.__module__ != module and not reads(module, kind)}
    names = {"stack", "lane", "total", "total sum", "total dot"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not {alias.name for alias in node.names} & {*others, "STACK", "LANE", "TOTAL"}, path
        if isinstance(node, ast.Compare):
            asked = [*ast.walk(node.left), *(part for side in node.comparators for part in ast.walk(side))]
            assert not {part.value for part in asked if isinstance(part, ast.Constant)} & names, path
