"""Copying and pickling graphs."""

from __future__ import annotations

import copy
import pickle
import pickletools
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import OPS, Value, anomaly
from autograd.engine.gradients import has_gradient
from autograd.engine.graph import nodes, nodes_of
from nn import MLP, Module, losses

Duplicate = Callable[[Any], Any]


def through_pickle(item: Any) -> Any:
    """Return an object pickled and unpickled with the latest protocol."""
    return pickle.loads(pickle.dumps(item, pickle.HIGHEST_PROTOCOL))


def through_old_pickle(item: Any) -> Any:
    """Return an object pickled and unpickled by the pure-Python pickler with protocol 2."""
    return pickle._loads(pickle._dumps(item, 2))  # type: ignore[attr-defined]


duplicates = pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle, through_old_pickle])


def shape_of(*roots: Value) -> list[Any]:
    """Return the contents of a graph, with nodes replaced by their index."""
    order = nodes_of(roots)
    index = {id(node): i for i, node in enumerate(order)}
    return [
        (
            *(repr(node.data), node.label, node.op, repr(node.partials), node.source),
            *(repr(node.grad), has_gradient(node), type(node)),
            [index[id(arg)] if isinstance(arg, Value) else arg for arg in node.args],
        )
        for node in order
    ]


@duplicates
def test_a_graph(duplicate: Duplicate) -> None:
    """A copy has the numbers, operations, labels and gradients of the graph, and shares no node with it."""
    with anomaly():
        x, y = Value(-0.0, label="x"), Value(3.0)
        out = autograd.sum([x * x, autograd.max(y, x), y**2, 4.0]) * y
    twin = duplicate(out)
    assert shape_of(twin) == shape_of(out)
    out.backward()
    assert not any(map(has_gradient, nodes(twin)))
    assert shape_of(duplicate(out)) == shape_of(out)
    twin.backward()
    assert shape_of(twin) == shape_of(out)
    assert not set(map(id, nodes(twin))) & set(map(id, nodes(out)))


@duplicates
@given(data=st.data())
def test_random_graphs(duplicate: Duplicate, data: st.DataObject) -> None:
    """Nodes of a graph, in any container and order, are copied with their sharing preserved."""
    made = [Value(float(i), label=f"x{i}") for i in range(3)]
    for _ in range(data.draw(st.integers(0, 12))):
        a, b = (made[data.draw(st.integers(0, len(made) - 1))] for _ in range(2))
        made.append(data.draw(st.sampled_from([a + b, a * 2.0, -a, autograd.sum([a, b, 1.0])])))
    chosen = data.draw(st.lists(st.sampled_from(made), min_size=1))
    twins = duplicate({"list": chosen, "tuple": (chosen[-1],)})
    assert twins["tuple"][0] is twins["list"][-1]
    assert shape_of(*twins["list"]) == shape_of(*chosen)
    same = [[a is b for a in chosen] for b in chosen]
    assert [[a is b for a in twins["list"]] for b in twins["list"]] == same


@duplicates
def test_depth(duplicate: Duplicate) -> None:
    """Graphs of any depth, with any number of results, can be copied."""
    made = [Value(1.0)]
    for _ in range(100_000):
        made.append(made[-1] + 1.0)
    twin = duplicate(made[-1])
    twin.backward()
    assert (twin.data, nodes(twin)[0].grad) == (100_001.0, 1.0)
    for results in (made[:20_000:1000], made[20_000::-1000], made[:3000]):
        twins = duplicate(results)
        assert [result.data for result in twins] == [result.data for result in results]
        assert len(nodes_of(twins)) == len(nodes_of(results))


@duplicates
def test_gradients_that_are_graphs(duplicate: Duplicate) -> None:
    """Gradients of ``backward(create_graph=True)`` are copied too, and refer to the copied leaves."""
    leaves = [Value(float(i + 1)) for i in range(2000)]
    out = autograd.sum([leaf * leaf * leaves[i - 1] for i, leaf in enumerate(leaves)])
    out.backward(create_graph=True)
    twins = duplicate(leaves)
    # The gradient with respect to x5 is 2 x5 x4 + x6².
    twins[5].grad.backward()
    found = [twins[i].grad.data - leaves[i].grad.data for i in range(4, 8)]
    assert found == [2.0 * 6.0, 2.0 * 5.0, 2.0 * 7.0, 0.0]
    for leaf in (*leaves, *twins):
        leaf.grad = None


class Tagged(Value):
    """A subclass with an attribute of its own."""

    __slots__ = ("tag",)


class Free(Value):
    """A subclass that accepts any attribute."""


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle, through_old_pickle, copy.copy])
def test_subclasses(duplicate: Duplicate) -> None:
    """A copy of a leaf keeps its class and attributes."""
    tagged, free = Tagged(1.0), Free(2.0, label="w")
    tagged.tag, free.m = [3.0], 4.0  # type: ignore[attr-defined]
    for leaf in (tagged, free):
        twin = duplicate(leaf)
        assert (type(twin), shape_of(twin)) == (type(leaf), shape_of(leaf))
    assert duplicate(tagged).tag == [3.0]
    assert duplicate(free).m == 4.0
    twin = duplicate(free * tagged)
    assert {type(arg) for arg in twin.args} == {Tagged, Free}
    (tagged * tagged).backward(create_graph=True)
    assert duplicate(tagged).tag == [3.0]  # Its gradient is a node, with which it is copied.
    free.itself = [free * 2.0]  # type: ignore[attr-defined]
    twin = duplicate(free)
    if duplicate is not copy.copy:
        assert twin.itself[0].args[0] is twin


def test_a_shallow_copy() -> None:
    """A shallow copy is a new node with the same operands."""
    x = Value(2.0, label="x")
    out = x * x
    twin = copy.copy(out)
    assert (twin is out, twin.args, twin.partials, twin.op) == (False, (x, x), (2.0, 2.0), OPS["mul"])
    twin.backward()
    assert (x.grad, has_gradient(out)) == (4.0, False)
    leaf = copy.copy(x)
    leaf.data, x.label = 5.0, "y"
    assert (x.data, leaf.label, leaf.grad) == (2.0, "x", 4.0)


def test_the_memo_of_a_deep_copy() -> None:
    """Objects in the caller's memo are not copied again; copied nodes are added to it."""
    x, y = Value(2.0), Value(3.0)
    out = x * y
    memo: dict[int, Any] = {id(x): x}
    twin = copy.deepcopy(out, memo)
    assert twin.args[0] is x
    assert twin.args[1] is memo[id(y)] is not y
    assert copy.deepcopy([out, y], memo)[1] is twin.args[1]


class Remembers(Module):
    """A model that keeps its last result."""

    def __init__(self) -> None:
        self.model = MLP(2, [4, 1], rng=0)
        self.last: Any = None

    def __call__(self, x: Any) -> Any:
        """Return the loss, and keep it."""
        self.last = losses.mse(self.model(x), np.zeros(len(x)))
        return self.last


@duplicates
def test_a_module_with_a_graph(duplicate: Duplicate) -> None:
    """If a module holds a graph, its copy refers to the copied parameters."""
    model = Remembers()
    model(np.ones((50, 2)))
    twin = duplicate(model)
    twin.last.backward()
    model.last.backward()
    assert [p.grad for p in twin.parameters()] == [p.grad for p in model.parameters()]
    assert any(p.grad for p in twin.parameters())


def test_several_results_in_one_pickle() -> None:
    """Nodes shared by several results are written once, also by several calls of one pickler."""
    x = Value(1.0)
    shared = x
    for _ in range(1000):
        shared = shared * 1.01
    results = [shared * float(i) for i in range(50)]
    alone = len(pickle.dumps(shared))
    assert len(pickle.dumps(results)) < 3 * alone
    names = [op.name for op, _, _ in pickletools.genops(pickle.dumps(results))]
    assert names.count("BUILD") == 51 - 1


def test_pickles_in_threads() -> None:
    """Threads can pickle the same graph at the same time."""
    out = Value(1.0)
    for i in range(300):
        out = out * 0.5 + out / float(i + 1)
    ready = threading.Barrier(4)
    found: list[int] = []

    def work() -> None:
        ready.wait()
        for _ in range(5):
            first, second = through_pickle([out.args[0], out])
            found.append(len(nodes_of([first, second])))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [len(nodes(out))] * 20


def test_what_is_no_number_as_a_gradient() -> None:
    """A gradient assigned by the user that is not a number is copied like any object."""
    leaf = Value(1.0)
    leaf.grad = np.array([1.0, 2.0])
    for duplicate in (copy.deepcopy, through_pickle):
        np.testing.assert_array_equal(duplicate(leaf).grad, leaf.grad)


def test_an_unfinished_pickle() -> None:
    """A failed pickle leaves no state behind that affects the next one."""
    out = Value(1.0) * 2.0
    for _ in range(2):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps([out, count, threading.Lock()])
    assert shape_of(through_pickle(out)) == shape_of(out)
