"""Dropping graphs: at once, of any depth and shape, in any thread, without the cyclic collector."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.engine.graph import nodes
from nn import MLP, losses


@pytest.fixture(autouse=True)
def collector_off() -> Iterator[None]:
    """Keep the cyclic collector from running: only reference counts free anything here."""
    gc.disable()
    yield
    gc.enable()


class Named(Value):
    """A subclass whose instances have a `__dict__`, and are seen by the cyclic collector."""


class Slotted(Value):
    """A subclass with a slot of its own."""

    __slots__ = ("previous",)


# The smallest in which Python itself runs. 3.13 lets its own tuples and objects recurse 10,000 times.
STACK = (64 if sys.platform == "linux" and sys.version_info < (3, 13) else 1024) * 1024


def in_a_thread(work: Callable[[], None]) -> None:
    """Run something in a thread with a small stack, and raise here what it raises."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if raised:
        raise raised[0]


def in_the_main_thread(work: Callable[[], None]) -> None:
    """Run something here."""
    work()


anywhere = pytest.mark.parametrize("run", [in_the_main_thread, in_a_thread])


# --------------------------------------------------------------------------------------- shapes of graphs

Holder = Any
"""What holds a graph, in a list: a node, or containers of nodes."""


def chain(leaf: Value, length: int) -> Value:
    """Return a chain of operations of one and of two operands."""
    y = leaf
    for _ in range(length // 2):
        y = -(y + 1.0)
    return y


def both_operands(leaf: Value, length: int) -> Value:
    """Return a chain in which each node is both operands of the next."""
    y = leaf
    for _ in range(length):
        y = autograd.max(y, y)
    return y


def two_chains(leaf: Value, length: int) -> Value:
    """Return two chains, each node of which refers to the last node of the other."""
    x, y = leaf, leaf + 1.0
    for _ in range(length // 2):
        x, y = autograd.max(x, y), autograd.min(x, y)
    return x * y


def wide(leaf: Value, length: int) -> Value:
    """Return a chain of nodes with many operands, of which the last result is one."""
    y = leaf
    for _ in range(length // 10):
        y = autograd.sum([y, leaf, 1.0, y, leaf])
        y = autograd.max([leaf, y]) * 0.5
    return y


def alternating(leaf: Value, length: int) -> Value:
    """Return a chain of unary, binary and wide nodes."""
    y = leaf
    for i in range(length):
        y = (y.tanh(), y * 0.5 + leaf, autograd.dot([y, leaf], [0.5, y]))[i % 3]
    return y


def in_tuples(leaf: Value, length: int) -> Holder:
    """Return pairs in pairs, each with a node of its own."""
    pairs: Any = ()
    for _ in range(length):
        pairs = (leaf + 1.0, pairs)
    return pairs


def in_lists_of_a_chain(leaf: Value, length: int) -> Holder:
    """Return a chain of nodes within lists within lists."""
    lists: Any = []
    y = leaf
    for _ in range(length):
        y = y + 1.0
        lists = [y, lists]
    return lists


def in_few_lists(leaf: Value, length: int) -> Holder:
    """Return lists nested 60 deep, with a chain at each level: deeper than Python frees them by calls."""
    lists: Any = []
    for _ in range(60):
        lists = [lists, chain(leaf, length // 60)]
    return lists


def by_attributes(leaf: Value, length: int) -> Holder:
    """Return leaves of a subclass, each of which holds a result of the one before in an attribute."""
    last: Value = leaf
    for _ in range(length // 3):
        named = Named(1.0)
        named.previous = [last * 1.0]  # type: ignore[attr-defined]
        last = named
    return last


def by_slots(leaf: Value, length: int) -> Holder:
    """Return leaves of a subclass, each of which holds a result of the one before in a slot."""
    last: Value = leaf
    for _ in range(length // 3):
        slotted = Slotted(1.0)
        slotted.previous = last * 1.0  # type: ignore[attr-defined]
        last = slotted + 1.0
    return last


def by_gradients(leaf: Value, length: int) -> Holder:
    """Return leaves each of which has a result of the one before as its gradient, assigned by hand."""
    last: Value = leaf
    for _ in range(length // 2):
        following = Value(1.0)
        following.grad = last * 1.0
        last = following
    return last


def through_subclasses(leaf: Value, length: int) -> Holder:
    """Return a chain in which each second node is an instance of a subclass."""
    y = leaf
    for i in range(length // 2):
        y = copy.copy(y) + 1.0
        if i % 2:
            twin = Named(0.0)
            twin.held = y  # type: ignore[attr-defined]
            y = twin * 1.0
    return y


def of_a_derivative(leaf: Value, length: int) -> Holder:
    """Return a gradient as a graph, which refers to its leaf by stand-ins."""
    y = leaf
    for _ in range(length // 10):
        y = y * leaf + leaf
    y.backward(create_graph=True)
    gradient, leaf.grad = leaf.grad, None
    return gradient


SHAPES = [
    both_operands,
    two_chains,
    wide,
    alternating,
    in_tuples,
    in_lists_of_a_chain,
    in_few_lists,
    by_attributes,
    by_slots,
    by_gradients,
    through_subclasses,
    of_a_derivative,
]


@pytest.mark.uncounted
@anywhere
def test_a_million_nodes(run: Callable[[Callable[[], None]], None]) -> None:
    """A chain of a million operations is dropped without recursion."""

    def work() -> None:
        leaf = Value(1.0)
        y = chain(leaf, 1_000_000)
        references = [weakref.ref(y), weakref.ref(leaf)]
        del y, leaf
        assert [reference() for reference in references] == [None, None]

    run(work)


@anywhere
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_shapes(shape: Callable[[Value, int], Holder], run: Callable[[Callable[[], None]], None]) -> None:
    """Graphs and containers of graphs of any shape are dropped without recursion, and leave nothing."""

    def work() -> None:
        leaf = Value(0.5)
        held = [shape(leaf, 100_000)]
        reference = weakref.ref(leaf)
        del leaf
        held.clear()
        assert reference() is None

    run(work)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_part_that_is_kept(shape: Callable[[Value, int], Holder]) -> None:
    """What somebody else holds stays whole when the rest is dropped."""
    leaf = Value(0.5)
    kept = leaf * 3.0
    held = [shape(kept, 1000)]
    held.clear()
    leaf.grad = None
    kept.backward()
    assert (kept.data, leaf.grad) == (1.5, 3.0)


def test_in_the_middle_of_a_chain() -> None:
    """Of a chain that is dropped, the part below a node that is held stays."""
    leaf = Value(1.0)
    below = chain(leaf, 50_000)
    references = [weakref.ref(chain(below, 50_000)), weakref.ref(below)]
    assert references[0]() is None
    assert references[1]() is below
    below.backward()
    assert leaf.grad == 1.0


def test_while_another_thread_drops() -> None:
    """Threads drop graphs that share nodes at the same time."""
    leaf = Value(1.0)
    for _ in range(5):
        shared = chain(leaf, 20_000)
        tops = [chain(shared * float(i), 20_000) for i in range(4)]
        reference = weakref.ref(shared)
        del shared
        ready = threading.Barrier(4)

        def drop(ready: threading.Barrier = ready, tops: list[Value] = tops) -> None:
            ready.wait()
            tops.pop()

        threads = [threading.Thread(target=drop) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert reference() is None


def test_while_an_exception_passes() -> None:
    """A graph that is dropped because of an exception leaves the exception as it is."""

    def work() -> None:
        y = chain(Value(1.0), 100_000)
        raise KeyError(len(str(y.data)))

    with pytest.raises(KeyError):
        work()


def test_from_a_finalizer() -> None:
    """`__del__` and the callback of a weak reference may drop further graphs, while one is being dropped."""
    left = [chain(Value(1.0), 20_000) for _ in range(10)]
    callbacks = []

    class Dying(Named):
        def __del__(self) -> None:
            if left:
                left.pop()

    def callback(_: object) -> None:
        callbacks.append(1)
        if left:
            left.pop()

    y: Value = Dying(1.0)
    references = []
    for _ in range(5):
        y = chain(y, 2000) * Dying(1.0)
        references.append(weakref.ref(y, callback))
    del y
    assert len(callbacks) == 5
    assert left == []
    assert [reference() for reference in references] == [None] * 5


# --------------------------------------------------------------------------------------- weak references


def test_weak_references() -> None:
    """Weak references to leaves and results die with them, and call back once, when the node is gone."""
    called: list[Any] = []
    x = Named(2.0)
    y = x * 3.0
    references = [weakref.ref(node, called.append) for node in (x, y)]
    assert weakref.ref(y) is weakref.ref(y)
    assert [reference() for reference in references] == [x, y]
    del x
    assert called == []
    del y
    assert called == references[::-1] or called == references
    assert [reference() for reference in references] == [None, None]


def test_weak_dictionaries_and_sets() -> None:
    """Nodes are keys by identity, also of equal value, and entries go with the nodes."""
    x, same = Value(1.0), Value(1.0)
    y = x + same
    labels = weakref.WeakKeyDictionary({x: "x", same: "same", y: "y"})
    by_label = weakref.WeakValueDictionary({"x": x, "y": y})
    seen = weakref.WeakSet([x, same, y])
    assert (labels[x], labels[same], len(seen)) == ("x", "same", 3)
    del y, same
    assert [*labels.values()] == [*by_label] == ["x"]
    assert len(seen) == 1
    del x
    assert len(labels) == len(by_label) == len(seen) == 0


def test_proxies_and_finalizers() -> None:
    """A proxy of a node reads as the node, and `weakref.finalize` runs when the node goes."""
    x = Value(2.0)
    done: list[str] = []
    proxy = weakref.proxy(x)
    weakref.finalize(x, done.append, "gone")
    assert (proxy.data, proxy.grad) == (2.0, 0.0)
    del x
    assert done == ["gone"]
    with pytest.raises(ReferenceError):
        proxy.data  # noqa: B018


# ------------------------------------------------------------------------------------ copies and pickles


def through_pickle(item: Any) -> Any:
    """Return an object pickled and unpickled."""
    return pickle.loads(pickle.dumps(item))


duplicates = pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, through_pickle])


@duplicates
@pytest.mark.parametrize("kind", [Value, Named, Slotted])
def test_duplicates_of_leaves(kind: type[Value], duplicate: Callable[[Any], Any]) -> None:
    """A copy of a leaf, in any way, is a leaf of the same kind, and nothing refers to either."""
    x = kind(-0.0, label="x")
    twin = duplicate(x)
    assert (type(twin), repr(twin), twin.op, twin.label) == (kind, repr(x), None, "x")
    references = [weakref.ref(x), weakref.ref(twin)]
    del x, twin
    assert [reference() for reference in references] == [None, None]


@duplicates
def test_duplicates_of_a_deep_graph(duplicate: Callable[[Any], Any]) -> None:
    """A graph of 100,000 nodes is copied in any way; the original and the copy are freed each on its own."""
    x = Value(1.0)
    y = chain(x, 100_000)
    twin = duplicate(y)
    twin.backward()
    (leaf,) = [node for node in nodes(twin) if node.op is None]
    assert leaf.grad == 1.0
    assert (leaf is x) == (duplicate is copy.copy)
    references = [weakref.ref(node) for node in (x, leaf, y, twin)]
    del x, leaf, y
    assert references[2]() is None
    del twin
    assert [reference() for reference in references] == [None] * 4


@duplicates
def test_duplicates_of_a_model(duplicate: Callable[[Any], Any]) -> None:
    """A model with gradients and its loss are copied in any way, and freed."""
    model = MLP(2, [4, 1], rng=0)
    loss = losses.mse(model(np.ones((5, 2))), np.zeros(5))
    loss.backward()
    twin, twin_loss = duplicate(model), duplicate(loss)
    assert [p.grad for p in twin.parameters()] == [p.grad for p in model.parameters()]
    twin_loss.backward()
    references = [weakref.ref(p) for p in (*model.parameters(), *twin.parameters(), loss, twin_loss)]
    del model, loss, twin, twin_loss
    assert [reference() for reference in references] == [None] * len(references)
