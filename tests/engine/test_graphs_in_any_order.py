"""Graphs that are built, shared, assigned to, swept, copied, pickled and dropped in any order."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import random
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from graphs_in_floats import (
    FORMULAS,
    Applied,
    Leaf,
    Read,
    Slope,
    below,
    duplicated,
    effort,
    gradient,
    holding,
    is_stale,
    sweep,
)
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from oracles import public
from words import CONTINUOUS_KINKS

import autograd
from autograd import OPS, Op, Value, no_grad, stop_gradient
from autograd.ops.table import COMPARISONS

ROWS: dict[str, Op] = {**OPS, **COMPARISONS}
LINE = (-3.0, 3.0)
# Larger numbers and those of higher derivatives have too large rounding errors to compare.
LARGEST, HIGHEST = 1e4, 3
# Derivatives of what has more parts take seconds in plain floats.
LONGEST = 60
# Rounding might change the order of numbers that differ by less.
CLEAR = 1e-6

quarters = st.integers(-12, 12).map(lambda i: i / 4.0)


class Graphs(RuleBasedStateMachine):
    """A user's variables, and the same graphs in plain floats."""

    nodes = Bundle("nodes")

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[int, Value] = {}
        self.models: dict[int, Any] = {}
        self.references: list[weakref.ref[Value]] = []

    def named(self, value: Value, model: Any) -> int:
        """Give a node a name."""
        name = len(self.references)
        self.values[name], self.models[name] = value, model
        self.references.append(weakref.ref(value))
        return name

    # -------------------------------------------------------------------------------------------- building

    @rule(target=nodes, number=quarters)
    def leaf(self, number: float) -> int:
        """Make a leaf."""
        return self.named(Value(number), Leaf(number))

    @rule(
        target=nodes,
        row=st.sampled_from(sorted(ROWS)),
        first=nodes,
        others=st.tuples(*[nodes | quarters] * 5),
        turned=st.booleans(),
    )
    def apply(self, row: str, first: int, others: Sequence[float], turned: bool) -> Any:
        """Apply a row to nodes and constants, with its operands mapped into its domain."""
        found = self.applied(row, [first, *others], turned)
        return multiple() if found is None else self.named(*found)

    def applied(self, row: str, chosen: Sequence[float], turned: bool) -> tuple[Value, Any] | None:
        """Return the result in the engine and in floats, None if rounding may be too much."""
        op = ROWS[row]
        size = len(op.partials) * (2 if op.variadic else 1)
        both_sides = row in CONTINUOUS_KINKS
        intervals = [LINE if both_sides else interval for interval in op.domain]
        operands = [
            self.within(operand, *intervals[i * len(intervals) // size])
            for i, operand in enumerate(chosen[:size])
        ]
        if turned and len({*intervals}) == 1:
            operands.reverse()
        values, models = zip(*operands, strict=True)
        if not _is_clear(row, models):
            return None
        model = Applied(row, models)
        if abs(model.number) > LARGEST or model.order > HIGHEST or effort(model) > LONGEST:
            return None
        if op.variadic:
            each = size // len(op.partials)
            values = tuple([list(values[i : i + each]) for i in range(0, size, each)])
        return public(op)(*values), model

    def within(self, operand: float, low: float, high: float) -> tuple[Any, Any]:
        """Return an operand in the engine and in floats, mapped into an interval if it is outside."""
        value: Any
        model: Any
        if isinstance(operand, float):
            value = model = operand
        else:
            value, model = self.values[operand], self.models[operand]
            model = model.read() if isinstance(model, Leaf) else model
        if low <= (model if isinstance(model, float) else model.number) <= high:
            return value, model
        scale, middle = (high - low) / math.pi, (high + low) / 2.0
        if isinstance(model, float):
            return (math.atan(model) * scale + middle,) * 2
        return (
            autograd.arctan(value) * scale + middle,
            Applied("add", (Applied("mul", (Applied("arctan", (model,)), scale)), middle)),
        )

    @rule(target=nodes, node=nodes, way=st.sampled_from(["stop_gradient", "detach", "no_grad"]))
    def stop(self, node: int, way: str) -> int:
        """Go on with the number alone."""
        value, model = self.values[node], self.models[node]
        number = model.data if isinstance(model, Leaf) else model.number
        if way == "stop_gradient":
            operand = model.read() if isinstance(model, Leaf) else model
            return self.named(stop_gradient(value), Applied("constant", (operand,)))
        if way == "detach":
            return self.named(value.detach(), Leaf(number))
        with no_grad():
            return self.named(value * 2.0, Leaf(2.0 * number))

    # -------------------------------------------------------------------------------------------- changing

    @rule(node=nodes, number=quarters, opposite=st.booleans())
    def assign(self, node: int, number: float, opposite: bool) -> None:
        """Assign to the data of a leaf, often the opposite number; that of a result stays."""
        value, model = self.values[node], self.models[node]
        if isinstance(model, Leaf):
            value.data = model.data = -model.data if opposite else number
            return
        with pytest.raises(AttributeError, match="build the expression again"):
            value.data = number

    @rule(node=nodes)
    def descend(self, node: int) -> None:
        """Take a step against the gradient."""
        value, model = self.values[node], self.models[node]
        if isinstance(model, Leaf) and isinstance(model.grad, float) and abs(model.grad) < LARGEST:
            value.data -= 0.125 * value.grad
            model.data -= 0.125 * model.grad

    @rule(node=nodes, to=st.sampled_from([0.0, None]))
    def zero(self, node: int, to: float | None) -> None:
        """Set the gradient of a leaf to zero, or take it off."""
        if isinstance(self.models[node], Leaf):
            self.values[node].grad = self.models[node].grad = to

    # -------------------------------------------------------------------------------------------- sweeping

    @rule(node=nodes, seed=st.sampled_from([1.0, 1.0, -2.0, 0.5]), create_graph=st.booleans())
    def backward(self, node: int, seed: float, create_graph: bool) -> None:
        """Sweep; where a leaf was assigned to since, a gradient that is a graph may be refused."""
        value, model = self.values[node], self.models[node]
        root = model.read() if isinstance(model, Leaf) else model
        create_graph = create_graph and root.order < HIGHEST and not _hides_an_assignment(root)
        try:
            value.backward(seed, create_graph=create_graph)
        except RuntimeError:
            assert create_graph
            assert is_stale(root)
        else:
            sweep(root, seed, create_graph=create_graph)

    @rule(target=nodes, node=nodes)
    def take(self, node: int) -> Any:
        """Name the gradient of a leaf that is a graph."""
        value, model = self.values[node], self.models[node]
        found = value.grad
        is_known = any(found is other for other in self.values.values())
        # A constant one is a leaf.
        if not isinstance(found, Value) or found.is_leaf or is_known or not isinstance(model, Leaf):
            return multiple()
        return self.named(found, model.grad)

    # --------------------------------------------------------------------------------------------- copying

    @rule(target=nodes, node=nodes)
    def copy(self, node: int) -> int:
        """Copy one node, not what it is made of."""
        model = copy.copy(self.models[node])
        return self.named(copy.copy(self.values[node]), model)

    @rule(
        target=nodes,
        chosen=st.lists(nodes, min_size=1, max_size=4),
        way=st.sampled_from(["deepcopy", "pickle", "pickle in Python"]),
    )
    def duplicate(self, chosen: list[int], way: str) -> Any:
        """Copy some nodes and all that they are made of, or send them through a file."""
        chosen = [*dict.fromkeys(chosen)]
        twins = _DUPLICATE[way]([self.values[node] for node in chosen])
        models = duplicated([self.models[node] for node in chosen])
        return multiple(*map(self.named, twins, models))

    # -------------------------------------------------------------------------------------------- dropping

    @rule(node=consumes(nodes))
    def drop(self, node: int) -> None:
        """Forget a node: it is freed at once, unless another one is made of it."""
        model = self.models.pop(node)
        del self.values[node]
        if not any(model in holding(other) for other in self.models.values()):
            assert self.references[node]() is None

    @rule()
    def collect(self) -> None:
        """Let the cyclic collector run, which visits all that has been made since it last did."""
        gc.collect()
        gc.freeze()

    @invariant()
    def agrees(self) -> None:
        """All numbers and gradients are those of the graphs in plain floats."""
        for name, value in self.values.items():
            model = self.models[name]
            assert (value.op is None) is isinstance(model, Leaf)
            _close(value.data, model.data if isinstance(model, Leaf) else model.number)
            found, expected = value.grad, gradient(model)
            if expected is not None:
                _close(0.0 if found is None else float(found), expected)

    def teardown(self) -> None:
        """Drop all nodes, in any order: nothing is left, without the cyclic collector."""
        self.models.clear()
        names = [*self.values]
        random.Random(len(names)).shuffle(names)
        for name in names:
            del self.values[name]
        alive = [reference() for reference in self.references]
        assert alive == [None] * len(alive)


def _is_clear(row: str, models: Sequence[Any]) -> bool:
    """Return whether rounding cannot change what a row chooses; ties are those of leaves and constants."""
    numbers = [model if isinstance(model, float) else model.number for model in models]
    exact = all(isinstance(model, float | Read) for model in models)
    match row:
        case "max" | "min" | "lt" | "le" | "gt" | "ge" | "eq" | "ne":
            gap = numbers[0] - numbers[1]
            exact = exact or models[0] is models[1]
        case "abs" | "relu" | "where":
            gap = numbers[0]
        case "floor":
            gap = numbers[0] - round(numbers[0])
        case "floordiv" | "mod":
            ratio = numbers[0] / numbers[1]
            gap, exact = ratio - round(ratio), False
        case _:
            return True
    return abs(gap) > CLEAR or (gap == 0.0 and exact)


def _hides_an_assignment(root: Any) -> bool:
    """Return whether a leaf was assigned to that a product of two zeros hides: its partials are 0."""
    products = [part for part in below(root) if isinstance(part, Applied) and part.row == "prod"]
    return any(is_stale(part) and part.number == 0.0 for part in products)


def _close(found: float, expected: float) -> None:
    """Assert that two numbers agree up to rounding, unless rounding errors are too large to compare."""
    if abs(expected) < LARGEST**2:
        assert math.isclose(found, expected, rel_tol=1e-7, abs_tol=1e-7), (found, expected)


_DUPLICATE: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda items: pickle.loads(pickle.dumps(items)),
    "pickle in Python": lambda items: pickle._loads(pickle._dumps(items, 2)),  # type: ignore[attr-defined]
}


def test_formulas() -> None:
    """Each row has a formula."""
    assert FORMULAS.keys() == ROWS.keys() | {"constant"}
    assert Slope(Applied("mul", ((leaf := Leaf(3.0)).read(), 2.0)), leaf).number == 2.0


def check_graphs(examples: int, number: int | None = None) -> None:
    """Check as many orders in which a user may treat graphs, without the cyclic collector."""
    machine: Any = Graphs if number is None else seed(number)(type("Graphs", (Graphs,), {}))
    gc.collect()
    # What is there already need not be looked at each time.
    gc.freeze()
    gc.disable()
    try:
        run_state_machine_as_test(machine, settings=settings(max_examples=examples))
    finally:
        gc.enable()
        gc.unfreeze()


def test_any_order() -> None:
    """Whatever is done to graphs in whatever order, numbers, gradients and lives are as in floats."""
    check_graphs(100)
