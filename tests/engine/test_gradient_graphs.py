"""Gradients of ``backward(create_graph=True)``: functions of the user's nodes that hold none of them."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, anomaly, grad, hessian, jit, vmap
from autograd.engine.graph import consumers_first, nodes
from autograd.engine.stand_ins import STAND_IN
from autograd.transforms.sweeps import pull
from nn import MLP, losses

Function = Callable[[list[Value]], Value]


@pytest.fixture(autouse=True)
def collector_off() -> Iterator[None]:
    """Keep the cyclic collector from running."""
    gc.disable()
    yield
    gc.enable()


def _shared(v: list[Value]) -> Value:
    y = v[0].exp() * v[1]
    return y * y + v[0] / y


def _chosen(v: list[Value]) -> Value:
    # Each leaf is also a condition in the gradient of the other.
    return autograd.where(v[0] > v[1], v[0] ** 2, v[0]) * autograd.where(v[1], v[1] ** 3, 1.0)


FUNCTIONS: dict[str, Function] = {
    "a power": lambda v: v[0] ** 3 * v[1],
    "a result in its own gradient": lambda v: v[0].exp() + 0.0 * v[1],
    "leaves as gradients": lambda v: v[0] * v[1],
    "one leaf as its own gradient": lambda v: 0.5 * v[0] ** 2 + v[1] * v[1],
    "constant gradients": lambda v: v[0] * 3.0 + v[1],
    "shared": _shared,
    "conditions": _chosen,
    "many operands": lambda v: autograd.logsumexp([*v, v[0] * v[1]]) * autograd.dot(v, [v[1], 2.0]),
    "through NumPy": lambda v: np.prod(np.array([*v, v[0]])) + np.square(v[1]),  # type: ignore[call-overload]
}

functions = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


def made(f: Function) -> tuple[list[Value], Value]:
    """Return two leaves and a result."""
    leaves = [Value(2.0, label="x"), Value(0.5, label="w")]
    return leaves, f(leaves)


def taken(leaves: list[Value]) -> list[Value]:
    """Take the gradients off the leaves."""
    gradients = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    return gradients


def bytes_more(step: Callable[[], object]) -> int:
    """Return how many more bytes are in use after 10,000 further steps."""
    tracemalloc.start()
    try:
        for _ in range(100):
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10_000):
            step()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------------------------- freed


@functions
def test_freed(f: Function) -> None:
    """Dropping leaves and results frees everything, to any order; a gradient that is kept holds none."""
    for order in (1, 2, 3):
        leaves, root = made(f)
        held = [weakref.ref(node) for node in nodes(root)]
        for _ in range(order):
            root.backward(create_graph=True)
            root = autograd.sum([*taken(leaves), *leaves])
            held.append(weakref.ref(root))
        root.backward(create_graph=True)
        held += [weakref.ref(leaf.grad) for leaf in leaves]
        last = leaves[0].grad
        del leaves, root
        alive = [reference() for reference in held]
        assert alive == [None] * (len(held) - 2) + [last, None]
        del alive, last
        assert held[-2]() is None


@functions
def test_freed_when_they_add_up(f: Function) -> None:
    """The same holds for gradients of several results, with and without a graph."""
    leaves, root = made(f)
    for create_graph in (True, True, False, True):
        (root * 2.0).backward(create_graph=create_graph)
        root.backward(create_graph=create_graph)
    held = [weakref.ref(node) for node in (root, *leaves)]
    del leaves, root
    assert [reference() for reference in held] == [None] * 3


def test_conditions_of_one_another() -> None:
    """Leaves that are only conditions are not held either."""
    x, c = Value(2.0), Value(1.0)
    autograd.where(c > 0.0, x * x * c.sigmoid(), x).backward(create_graph=True)
    autograd.where(x > 0.0, c * c * c, c).backward(create_graph=True)
    held = [weakref.ref(node) for node in (x, c)]
    del x, c
    assert [reference() for reference in held] == [None] * 2


def test_a_loop_with_new_leaves() -> None:
    """Memory does not grow over 10,000 backwards with leaves of their own."""

    def step() -> None:
        x = Value(2.0)
        (x.exp() * x).backward(create_graph=True)

    assert bytes_more(step) < 5000


def test_a_loop_with_one_leaf() -> None:
    """Memory does not grow over 10,000 backwards to the same leaf."""
    x = Value(2.0)

    def step() -> None:
        x.grad = None
        (x.exp() * x).backward(create_graph=True)

    assert bytes_more(step) < 5000


def penalized(model: MLP, weights: Any) -> Any:
    """Return the sum of the squared derivatives of a loss of the model, as a function of its weights."""
    points, targets = np.array([[0.5, -1.0], [2.0, 0.3]]), np.array([1.0, -1.0])
    loss = autograd.make_functional(lambda: losses.mse(model(points), targets), model.parameters())
    slopes = grad(loss)(weights)
    return autograd.sum([slope * slope for slope in slopes])


def test_a_gradient_penalty() -> None:
    """A penalty on the gradients of a model has the derivatives of nested `grad`; then the model is freed."""
    model = MLP(2, [3, 1], rng=0)
    parameters = model.parameters()
    expected = grad(lambda weights: penalized(model, weights))(np.array([p.data for p in parameters]))
    points, targets = np.array([[0.5, -1.0], [2.0, 0.3]]), np.array([1.0, -1.0])
    losses.mse(model(points), targets).backward(create_graph=True)
    slopes = taken(parameters)
    autograd.sum([slope * slope for slope in slopes]).backward(create_graph=True)
    np.testing.assert_allclose([float(p.grad) for p in parameters], expected, rtol=1e-12)
    held = [weakref.ref(node) for node in (*parameters, *slopes)]
    model = parameters = slopes = []  # type: ignore[assignment]
    assert [reference() for reference in held] == [None] * len(held)


def test_depth() -> None:
    """Gradients of deep graphs, which are as deep, are made, swept, copied and dropped without recursion."""
    x = y = Value(0.999)
    for _ in range(20_000):
        y = y * x + x
    y.backward(create_graph=True)
    twin = copy.deepcopy(x)
    for leaf in (x, twin):
        (gradient,) = taken([leaf])
        gradient.backward()
    assert x.grad == pytest.approx(twin.grad, rel=1e-12)
    held = [weakref.ref(node) for node in (x, y, twin, gradient)]
    del x, y, twin, leaf, gradient
    assert [reference() for reference in held] == [None] * 4


# ----------------------------------------------------------------------------------- what the user sees


@functions
def test_the_nodes_are_the_users(f: Function) -> None:
    """A gradient refers to the leaves and results that the user has, each once, and never to stand-ins."""
    leaves, root = made(f)
    before = nodes(root)
    root.backward(create_graph=True)
    for gradient in taken(leaves):
        found = nodes(gradient)
        assert all(node.op is not STAND_IN for node in found)
        assert all(node.op is not None or node in {*leaves} or not node.label for node in found)
        # No node is there twice, as itself and as its copy; but a gradient is never a node of the graph.
        copies = [node for node in found if node.op is None and node.label]
        assert len(copies) == len({node.label for node in copies})
        assert gradient not in set(before)


@functions
def test_hessians(f: Function) -> None:
    """The derivatives of gradients are rows of the Hessian, whatever of the graph is still there."""
    at = np.array([2.0, 0.5])
    expected = hessian(lambda v: f(list(v)))(at)
    for keep in (True, False):
        leaves, root = made(f)
        root.backward(create_graph=True)
        if not keep:
            del root
        for row, gradient in zip(expected, taken(leaves), strict=True):
            gradient.backward()
            floats = [leaf.grad or 0.0 for leaf in leaves]
            np.testing.assert_allclose(floats, row, rtol=1e-12, atol=1e-15)
            taken(leaves)


def test_mixed_with_the_graph() -> None:
    """In an expression of a gradient and the nodes that it is made of, all parts add up."""
    x = Value(2.0)
    y = x.exp()
    (y * x).backward(create_graph=True)
    (g,) = taken([x])
    # g = (1 + x) exp(x), and so (g x y)' = exp(2x) (2 x² + 4 x + 1).
    product = g * x * y
    product.backward()
    assert x.grad == pytest.approx(np.exp(4.0) * 17.0, rel=1e-14)
    # dg/dy holds with x held constant, as the sweep has left it in y, together with the product's own part.
    assert y.grad == pytest.approx(2.0 * (product / y).data, rel=1e-14)
    x.grad = None
    product.backward(create_graph=True)
    assert x.grad.data == pytest.approx(np.exp(4.0) * 17.0, rel=1e-14)


def test_interior_nodes_are_told_by_name() -> None:
    """What is shown of a gradient names the results that are still there."""
    x = Value(2.0, label="x")
    y = x.exp()
    y.label = "y"
    (y * y).backward(create_graph=True)
    (g,) = taken([x])
    assert y in set(nodes(g))
    assert "∂y/∂x" in str(g.explain(x))
    assert "∂y/∂x" not in str(g.explain(y))
    assert str(autograd.nudge(g, y, 0.1)) != str(autograd.nudge(g, x, 0.1))
    g.backward()
    assert y.grad == 4.0 * y.data
    del y
    assert "exp(x)" in str(g)


def shown(view: Callable[[Value], object], y: Value) -> str:
    """Return what a view shows of a node, called y here, without the gradients that the sweep has left."""
    return re.sub(r"(, )?grad=[^)]*", "", str(view(y)))


@functions
def test_every_view_of_a_gradient(f: Function) -> None:
    """What is shown of a gradient is what is shown of the same graph as a derivative records it."""
    leaves, root = made(f)
    recorded = pull(consumers_first(root), [root], [1.0], leaves, as_graph=True)
    (+root).backward(create_graph=True)
    root.grad = 0.0
    for leaf, gradient, same in zip(leaves, taken(leaves), recorded, strict=True):
        if not isinstance(same, Value) or same.op is None:
            continue
        views: list[Callable[[Value], object]] = [str, autograd.to_latex, Value.steps]
        if leaf in set(nodes(same)):
            views += [lambda y, x=leaf: autograd.nudge(y, x, 0.5), lambda y, x=leaf: autograd.paths(y, x)]  # type: ignore[misc]
            views += [lambda y, x=leaf: y.explain(x)]  # type: ignore[misc]
        for view in views:
            assert shown(view, gradient) == shown(view, same)
        assert gradient.draw().source.count("label") == same.draw().source.count("label")


def test_labels_given_later() -> None:
    """A label that a leaf gets after the sweep is that of the leaf in its gradient."""
    x, w = Value(2.0), Value(3.0)
    (x * x * w).backward(create_graph=True)
    x.label, w.label = "x", "w"
    assert {"x", "w"} == {node.label for node in nodes(x.grad) if node.op is None}


def test_data_assigned_later() -> None:
    """After a leaf was assigned to, a gradient has its numbers, but cannot be differentiated as a graph."""
    x = Value(2.0)
    (x**3).backward(create_graph=True)
    (g,) = taken([x])
    x.data = 5.0
    g.backward()
    assert (g.data, x.grad) == (12.0, 12.0)
    with pytest.raises(RuntimeError, match="build the expression again"):
        g.backward(create_graph=True)


def test_a_gradient_that_is_a_leaf() -> None:
    """Where the gradient is a leaf itself, such as the other factor, it is a result that equals it."""
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    (x * w).backward(create_graph=True)
    assert (w.grad.data, w.grad.args, x.grad.args) == (2.0, (x,), (w,))
    g, _ = taken([x, w])
    g.backward()
    assert (x.grad, w.grad) == (None, 1.0)


def test_a_leaf_that_is_gone() -> None:
    """A gradient whose leaf is gone is a function of a copy, with the number and the label of the leaf."""
    x = Value(2.0, label="x")
    (x**3).backward(create_graph=True)
    g, x = x.grad, Value(0.0)
    (leaf,) = [node for node in nodes(g) if node.op is None]
    assert (leaf.label, leaf.data) == ("x", 2.0)
    g.backward(create_graph=True)
    (g,) = taken([leaf])
    assert g == 12.0
    assert leaf in set(nodes(g))
    held = weakref.ref(leaf)
    del leaf, g
    assert held() is None


def test_anomalies_are_those_of_the_leaf() -> None:
    """Anomaly mode names the leaf, as it does for the same expression typed in."""
    x = Value(1.0, label="x")
    (x * x).backward(create_graph=True)
    (g,) = taken([x])
    messages = []
    for y in (g, x + x):
        with anomaly(), pytest.raises(FloatingPointError) as error:
            y.backward(1e308)
        messages.append(str(error.value))
    assert messages[0] == messages[1] == "backward: the gradient of Value(1.0, label='x') is inf"


# ------------------------------------------------------------------------------------ copies and pickles


def through_pickle(item: Any) -> Any:
    """Return an object pickled and unpickled."""
    return pickle.loads(pickle.dumps(item))


duplicates = pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])


@duplicates
@functions
def test_copies(f: Function, duplicate: Callable[[Any], Any]) -> None:
    """Gradients and leaves that are copied together belong together; those copied apart work alike."""
    leaves, root = made(f)
    root.backward(create_graph=True)
    gradients = [leaf.grad for leaf in leaves]
    together = duplicate([gradients, leaves])
    reversed_order = duplicate([leaves, gradients])
    for twins, twin_leaves in (together, reversed_order[::-1]):
        for gradient, twin, leaf in zip(gradients, twins, twin_leaves, strict=True):
            assert leaf.grad is twin
            assert twin.data == gradient.data
            assert all(node.op or node in {*twin_leaves} or not node.label for node in nodes(twin))
        taken(twin_leaves)
        taken(leaves)
        autograd.sum(twins).backward()
        autograd.sum(gradients).backward()
        assert [leaf.grad for leaf in twin_leaves] == [leaf.grad for leaf in leaves]
    held = [weakref.ref(node) for node in (*twins, *twin_leaves)]
    del together, reversed_order, twins, twin_leaves, twin, leaf
    assert [reference() for reference in held] == [None] * len(held)
    alone = duplicate(gradients[0])
    assert (str(alone), alone.data) == (str(gradients[0]), gradients[0].data)
    alone.backward()


@duplicates
def test_a_copied_leaf_has_its_own_gradient(duplicate: Callable[[Any], Any]) -> None:
    """The gradient of a copied leaf is a function of the copy, and frees with it."""
    x = Value(2.0)
    (x.exp() * x).backward(create_graph=True)
    twin = duplicate(x)
    (g,) = taken([twin])
    assert twin in set(nodes(g))
    assert x not in set(nodes(g))
    twin.grad = g
    held = [weakref.ref(node) for node in (twin, g)]
    del twin, g
    assert [reference() for reference in held] == [None, None]


def test_a_shallow_copy() -> None:
    """A shallow copy of a gradient is a function of the same leaves."""
    x = Value(2.0)
    (x**3).backward(create_graph=True)
    twin = copy.copy(x.grad)
    x.grad = None
    twin.backward()
    assert x.grad == 12.0


# --------------------------------------------------------------- derivatives, traces, threads, optimizers


def _slope(f: Callable[[Any], Any], x: Value) -> Value:
    """Return the derivative of a function of one node, by backward."""
    x.grad = None
    f(x).backward(create_graph=True)
    return x.grad  # type: ignore[no-any-return]


def test_backward_in_a_function_that_is_differentiated() -> None:
    """The gradient of an inner leaf depends on the variables of `grad`, also where it is one of them."""
    for f, expected in (
        (lambda v: _slope(lambda w: w * w * v, Value(3.0)), 6.0),
        (lambda v: _slope(lambda w: w * v, Value(3.0)), 1.0),
        (lambda v: _slope(lambda w: w * v.exp(), Value(3.0)), float(np.exp(2.0))),
        (lambda v: _slope(lambda w: w**3 * v, w := Value(3.0)) * w, 81.0),
        (lambda v: grad(lambda u: _slope(lambda w: w * u * u * v, Value(3.0)))(v) * v, 24.0),
    ):
        assert grad(f)(2.0) == pytest.approx(expected, rel=1e-14)
        assert jit(grad(f), backend="numpy")(2.0) == pytest.approx(expected, rel=1e-14)
        np.testing.assert_allclose(vmap(grad(f))(np.array([2.0, 2.0])), expected, rtol=1e-14)


def test_backward_to_a_leaf_outside_of_a_derivative() -> None:
    """A leaf that a function captures gets a gradient that depends on what is around the function."""
    w = Value(3.0)

    def f(v: Any) -> Any:
        w.grad = None
        (w**2 * v).backward(create_graph=True)
        return w.grad * v

    assert grad(f)(2.0) == 2 * 6.0 * 2.0
    assert jit(grad(f), backend="numpy")(2.0) == 2 * 6.0 * 2.0


def test_after_the_derivative_has_ended() -> None:
    """A gradient that leaves a derivative is a function of what is outside."""
    x, w = Value(2.0), Value(3.0)
    kept = []

    def f(v: Any) -> Any:
        (w**2 * v).backward(create_graph=True)
        kept.append(taken([w])[0])
        return v * v

    grad(f)(x)
    (g,) = kept
    x.grad = None
    g.backward()
    # g = 2 w v, and v stands for x.
    assert (x.grad, w.grad) == (6.0, 4.0)


def test_threads() -> None:
    """Threads sweep a gradient while others drop what it is made of."""
    ready = threading.Barrier(4)
    found: list[float] = []

    def work() -> None:
        ready.wait()
        for _ in range(50):
            x = Value(2.0)
            y = x.exp() * x
            y.backward(create_graph=True)
            (g,) = taken([x])
            dropped.append([x, y])
            del x, y
            g.backward()
            found.append(g.data)

    dropped: list[Any] = []

    def drop() -> None:
        ready.wait()
        while len(found) < 150:
            dropped.clear()

    threads = [threading.Thread(target=work) for _ in range(3)] + [threading.Thread(target=drop)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {found[0]}
