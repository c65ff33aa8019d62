"""Modules as arguments: what is copied, what is shared, and which side effects are carried over."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import Value, grad, hessian, hvp, jacobian, jit, jvp, value_and_grad, vjp, vmap
from autograd.transforms.trees import flatten, unflatten
from nn import MLP, Module, Neuron


class Scale(Module):
    """A module with a parameter and arbitrary attributes."""

    if TYPE_CHECKING:  # Declares arbitrary attributes to type checkers.

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __init__(self, **attributes: Any) -> None:
        self.w = Value(3.0)
        vars(self).update(attributes)

    def forward(self, x: Any) -> Any:
        """Return a multiple of the first input."""
        return self.w * x[0]


class Pair(NamedTuple):
    """A named tuple."""

    first: Any
    second: Any


def copied(module: Any) -> Any:
    """Return the copy that a differentiated function receives."""
    numbers, structure = flatten(module)
    return unflatten(structure, [Value(number + 1.0) for number in numbers], argument=True)


# ------------------------------------------------------------------------------------- shared, not copied


def test_locks_generators_and_functions_are_shared() -> None:
    """Uncopyable objects, and those without parameters, are the same object in the copy."""
    items = {
        "lock": threading.Lock(),
        "rng": np.random.default_rng(0),
        "data": np.ones(3),
        "function": lambda x: x,
        "many": {"a": [1.0, (2.0,)]},
        "objects": np.array([None, "a"], dtype=object),
        "iterator": iter([1]),
    }
    module = Scale(**items)
    copy = copied(module)
    assert copy is not module
    assert copy.w is not module.w
    assert [getattr(copy, name) is item for name, item in items.items()] == [True] * len(items)
    assert grad(lambda m: m([2.0]))(module) == {"w": 2.0}


@pytest.mark.parametrize(
    "transformed", [grad, lambda f: jit(grad(f), backend="numpy"), lambda f: grad(jit(f))]
)
def test_a_compiled_method(transformed: Any) -> None:
    """A compiled method uses the parameters of the copy; the module's own is unchanged."""

    class Fast(Module):
        def __init__(self) -> None:
            self.w = Value(3.0)
            self.run = jit(self.square, backend="numpy")
            self.lock = threading.Lock()

        def square(self, x: Any) -> Any:
            return self.w * self.w * x

    module = Fast()
    assert module.run(2.0) == 18.0
    before = module.run
    assert transformed(lambda m, x: m.run(x))(module, 2.0) == {"w": 12.0}
    assert module.run is before
    assert module.run(2.0) == 18.0


@pytest.mark.parametrize("length", [500, 100_000])
def test_a_remembered_graph(length: int) -> None:
    """A stored result of a module's parameters depends on the copy's parameters, at any graph depth."""
    module = Scale()
    module.last = module.w * 2.0
    for _ in range(length):
        module.last = module.last + 0.5
    module.shared = [module.last]

    def f(m: Any) -> Any:
        assert m.shared[0] is m.last
        return m.last * m.w

    expected = (3.0 * (6.0 + 0.5 * length), {"w": 12.0 + 0.5 * length})
    assert value_and_grad(f)(module) == expected
    f(module).backward()
    assert module.w.grad == expected[1]["w"]


def test_a_remembered_graph_follows_the_parameters() -> None:
    """A stored result is recomputed from the parameters' current numbers, also for higher derivatives."""
    module = Scale()
    module.square = module.w**3
    module.w.data = 2.0
    assert hessian(lambda m: m.square)(module) == {"w": {"w": 12.0}}


# ---------------------------------------------------------------------------------------- ways to a parameter


class Slots:
    """An object with slots, one of them empty, that is not a module."""

    __slots__ = ("__private", "empty", "w")

    def __init__(self, w: Any) -> None:
        self.w = self.__private = w

    def both(self) -> Any:
        """Return the sum of both slots."""
        return self.w + self.__private


@dataclass(frozen=True)
class Frozen:
    """A frozen dataclass."""

    w: Any


class Line(list[Any]):
    """A subclass of list."""


def recursive(w: Any) -> Callable[[int], Any]:
    """Return a function that refers to itself."""

    def power(n: int) -> Any:
        return w * power(n - 1) if n else 1.0

    return power


WAYS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "list": (lambda w: [w], lambda item: item[0]),
    "tuple": (lambda w: (1.0, (w,)), lambda item: item[1][0]),
    "named tuple": (lambda w: Pair(w, 2.0), lambda item: item.first),
    "dict": (lambda w: {"a": {"b": w}}, lambda item: item["a"]["b"]),
    "ordered dict": (lambda w: OrderedDict(a=w), lambda item: item["a"]),
    "default dict": (lambda w: defaultdict(list, a=[w]), lambda item: item["a"][0] + len(item["new"])),
    "mapping": (lambda w: MappingProxyType({"a": w}), lambda item: item["a"]),
    "set": (lambda w: {w}, lambda item: next(iter(item))),
    "frozen set": (lambda w: frozenset([w]), lambda item: next(iter(item))),
    "deque": (lambda w: deque([w], maxlen=1), lambda item: item[item.maxlen - 1]),
    "own list": (lambda w: Line([w]), lambda item: item[0] * isinstance(item, Line)),
    "array": (lambda w: np.array([[w, "a"]], dtype=object), lambda item: item[0, 0]),
    "array of containers": (lambda w: np.array([None, {"a": w}]), lambda item: item[1]["a"]),
    "method of a module": (lambda w: Scale(w=w).forward, lambda item: item([1.0])),
    "partial": (lambda w: partial(pow, w, exp=1), lambda item: item.args[0]),
    "partial of a method": (lambda w: partial(Scale(w=w).forward, [1.0]), lambda item: item()),
    "keyword": (lambda w: partial(dict, a=w), lambda item: item()["a"]),
    "closure": (lambda w: lambda: w, lambda item: item()),
    "default": (lambda w: lambda x=w: x, lambda item: item()),
    "keyword default": (lambda w: lambda *, x=w: x, lambda item: item()),
    "recursive function": (recursive, lambda item: item(1)),
    "compiled closure": (lambda w: jit(lambda x: w * x, backend="numpy"), lambda item: item(Value(1.0))),
    "namespace": (lambda w: SimpleNamespace(w=w), lambda item: item.w),
    "slots": (Slots, lambda item: item.both() / 2.0),
    "frozen": (Frozen, lambda item: item.w),
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_a_parameter(way: str) -> None:
    """Wherever else a module refers to a parameter, the copy refers to the variable."""
    put, take = WAYS[way]
    module = Scale()
    module.item = put(module.w)
    before = module.item
    assert grad(lambda m: take(m.item) * m.w)(module)["w"] == 6.0
    assert module.item is before
    again = grad(lambda m: hvp(lambda m: take(m.item) ** 3, (m,), ({"w": 1.0},))["w"])
    assert again(module)["w"] == pytest.approx(6.0)


def test_parts_that_are_shared_stay_shared() -> None:
    """Modules, lists and dicts that are shared in a module are shared in its copy."""
    part, table = Scale(), {"a": Value(5.0)}
    module = Scale(one=part, two=[part], table=table, again=(table,))
    copy = copied(module)
    assert copy.one is copy.two[0] is not part
    assert copy.table is copy.again[0] is not table
    assert [name for name, _ in copy.named_parameters()] == ["w", "one.w", "table.a"]


def test_cycles() -> None:
    """References from a module or its parts to the module itself are cycles in the copy too."""
    module = Scale(part=Scale())
    module.me, module.part.whole, module.all = module, module, [module]
    module.all.append(module.all)
    copy = copied(module)
    assert copy.me is copy.part.whole is copy.all[0] is copy
    assert copy.all[1] is copy.all
    assert grad(lambda m: m.part.whole.me.w * m.w)(module) == {"w": 6.0, "part.w": 0.0}


def test_deep_modules() -> None:
    """Modules nested deeper than Python's recursion limit are copied."""
    modules = [Scale() for _ in range(2_000)]
    for module, part in pairwise(modules):
        module.part = part
    assert sum(grad(lambda m: m.part([2.0]))(modules[0]).values()) == 2.0


def test_properties_and_slots() -> None:
    """Properties read the copy's attributes, and an object with named_parameters may have slots."""

    class Own:
        __slots__ = ("calls", "w")

        def __init__(self) -> None:
            self.w, self.calls = Value(3.0), 0

        def named_parameters(self) -> Iterator[tuple[str, Value]]:
            yield "w", self.w

        @property
        def square(self) -> Any:
            self.calls += 1
            return self.w * self.w

    module = Own()
    assert grad(lambda m: m.square)(module) == {"w": 6.0}
    assert (module.calls, module.w.data) == (1, 3.0)


def test_a_variable_without_a_value_yet() -> None:
    """A method that uses a variable of its surroundings may be part of a module before that has a value."""

    def scaled(x: float) -> float:
        return x * factor

    module = Scale(scaled=scaled)
    assert grad(lambda m: m.w * 2.0)(module) == {"w": 2.0}
    factor = 4.0
    assert grad(lambda m: m.scaled(m.w))(module) == {"w": 4.0}


def test_parameters_that_are_out_of_reach() -> None:
    """A parameter in a place where it cannot be replaced raises, since its derivative would be lost."""
    hidden = iter([Value(1.0)])
    kept = next(hidden)

    class Hidden(Module):
        def named_parameters(self) -> Iterator[tuple[str, Value]]:
            yield "w", kept

    with pytest.raises(TypeError, match="Hidden names parameters that are in none of its attributes"):
        grad(lambda m: kept * 1.0)(Hidden())


class Tree(Module):
    """A module with arbitrary contents."""

    def __init__(self, items: Any) -> None:
        self.items = items


def containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw contents of a module."""
    return (
        st.lists(children, max_size=3)
        | st.tuples(children, children)
        | st.builds(Pair, children, children)
        | st.dictionaries(st.sampled_from("abc"), children, max_size=3)
        | st.builds(Tree, children)
        | st.builds(lambda a, b: Tree([a, a, {"b": b}]), children, children)
    )


leaves = st.builds(lambda x: Value(x), st.floats(-9.0, 9.0)) | st.just(0.5) | st.builds(object)


@given(st.recursive(leaves, containers, max_leaves=10))
def test_any_module(items: Any) -> None:
    """A copy has the parameters under the same names; a module without parameters is not copied."""
    module = Tree(items)
    numbers, structure = flatten(module)
    variables = [Value(number) for number in numbers]
    copy = unflatten(structure, variables, argument=True)
    names = [name for name, _ in module.named_parameters()]
    assert [(name, id(p)) for name, p in copy.named_parameters()] == list(
        zip(names, map(id, variables), strict=True)
    )
    assert [p.data for p in module.parameters()] == numbers
    assert (copy is module) == (not names)
    assert grad(lambda m: autograd.sum([0.0, *(p * p for p in m.parameters())]))(module) == {
        name: 2.0 * number for name, number in zip(names, numbers, strict=True)
    }


# ----------------------------------------------------------------------------------------------- side effects


TRANSFORMATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "grad": lambda f, m: grad(f)(m),
    "value_and_grad": lambda f, m: value_and_grad(f)(m),
    "jacobian": lambda f, m: jacobian(f, mode="fwd")(m),
    "hessian": lambda f, m: hessian(f)(m),
    "jvp": lambda f, m: jvp(f, (m,), ({"w": 1.0},)),
    "vjp": lambda f, m: vjp(f, m),
    "hvp": lambda f, m: hvp(f, (m,), ({"w": 1.0},)),
    "grad of grad": lambda f, m: grad(lambda m: grad(f)(m)["w"])(m),
    "grad of jit": lambda f, m: grad(jit(f, backend="numpy"))(m),
    "in a tree": lambda f, m: grad(lambda d: f(d["m"][0]))({"m": [m]}),
    "vmap": lambda f, m: vmap(lambda m, x: f(m) * x, (None, 0))(m, np.ones(1)),
}


class Slotted:
    """An object with a number in a slot, beside a parameter."""

    __slots__ = ("old", "w")

    def __init__(self, w: Value) -> None:
        self.old, self.w = 1.0, w


@pytest.mark.parametrize("transform", TRANSFORMATIONS.values(), ids=list(TRANSFORMATIONS))
def test_side_effects_persist(transform: Callable[[Any, Any], Any]) -> None:
    """Attributes that a function assigns, adds or deletes on a module persist, as after a plain call."""
    lock = threading.Lock()
    module = Scale(calls=0, old=1, log=[], state={"count": 0, "w": None, "old": 1}, rows=[0, None], lock=lock)
    module.slots = Slotted(module.w)
    module.state["w"], module.rows[1] = module.w, module.w

    def f(m: Any) -> Any:
        with m.lock:
            m.calls += 1
        m.log.append(m.calls)
        m.state["count"] += 1
        m.rows[0] += 1
        m.rows.append("more")
        m.new = {"me": m, "list": [m.log]}
        m.state.pop("old", None)
        for part in (m, m.slots):
            if hasattr(part, "old"):
                del part.old
        return m.w**3

    transform(f, module)
    assert (module.calls, module.log, module.state["count"], module.rows[0]) == (1, [1], 1, 1)
    assert module.rows[1] is module.state["w"] is module.w
    assert module.rows[2:] == ["more"]
    assert (module.new["me"] is module, module.new["list"][0] is module.log) == (True, True)
    assert not any([hasattr(module, "old"), hasattr(module.slots, "old"), "old" in module.state])
    assert module.w.data == 3.0


def test_running_statistics_are_numbers() -> None:
    """Running statistics that depend on parameters are carried over as plain numbers."""

    class Normal(Module):
        def __init__(self) -> None:
            self.inner = MLP(2, [2], "tanh", rng=0)
            self.mean = np.zeros(2)
            self.last: Any = None
            self.count = 0

        def forward(self, x: Any) -> Any:
            y = np.array(self.inner(x))
            self.mean = 0.9 * self.mean + 0.1 * y
            self.last = {"y": [y[0], y], "x": x}
            self.count += 1
            return list(y - self.mean)

    module, x = Normal(), [1.0, -2.0]
    loss = lambda m: autograd.sum(m(x))  # noqa: E731
    expected = np.zeros(2)
    for count in (1, 2):
        grad(loss)(module)
        expected = 0.9 * expected + 0.1 * autograd.data(module.inner(x))
        assert (module.count, module.mean.dtype) == (count, np.dtype(float))
        np.testing.assert_allclose(module.mean, expected, rtol=1e-14)
        assert type(module.last["y"][0]) is float
        assert module.last["y"][1].dtype == float
        assert module.last["x"] is x
    assert len(module.parameters()) == 6


def test_numbers_that_depend_on_what_is_outside() -> None:
    """In a nested derivative, attributes set by the inner function keep their derivative by the outer."""
    module = Scale(seen=None)

    def outer(s: Any) -> Any:
        def inner(m: Any) -> Any:
            m.seen = m.w * s * s
            return m.seen

        grad(inner)(module)
        return module.seen

    assert grad(outer)(2.0) == 12.0


def test_parameters_stay_as_they_are() -> None:
    """Replaced or deleted parameters are not carried over; values assigned inside are differentiated."""
    module = Scale(rest=[Value(1.0), 0])
    before = [id(p) for p in module.parameters()]

    def f(m: Any) -> Any:
        m.w = m.w * 2.0
        m.rest[0], m.rest[1] = Value(7.0), 1
        value = m.w * m.w
        del m.w
        return value

    assert grad(f)(module) == {"w": 24.0, "rest[0]": 0.0}
    assert [id(p) for p in module.parameters()] == before
    assert (module.w.data, module.rest[1]) == (3.0, 1)


def test_cached_properties() -> None:
    """A cached property that depends on parameters is recomputed for the copy and not carried over."""

    class Norm(Module):
        def __init__(self) -> None:
            self.w, self.made = Value(3.0), 0

        @cached_property
        def square(self) -> Any:
            self.made += 1
            return self.w * self.w

        @cached_property
        def table(self) -> list[float]:
            return [1.0, 2.0]

    module = Norm()
    for _ in range(2):
        assert grad(lambda m: m.square * m.square * m.table[1])(module) == {"w": 216.0}
    assert (module.made, "square" in vars(module), module.table) == (2, False, [1.0, 2.0])
    assert "table" in vars(module)
    module.square.backward()
    assert module.w.grad == 6.0
    module.w.data = 2.0
    assert grad(lambda m: m.square)(module) == {"w": 4.0}
    assert module.square.data == 9.0


def test_side_effects_of_a_function_that_fails() -> None:
    """Side effects before an error are carried over too."""
    module = Scale(calls=0)

    def f(m: Any) -> Any:
        m.calls += 1
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        grad(f)(module)
    assert module.calls == 1


def test_a_trace_changes_nothing() -> None:
    """Assignments made while a function is traced are not carried over."""
    module = Scale(calls=0)

    def f(m: Any) -> Any:
        m.calls += 1
        m.last = m.w * 2.0
        return m.last

    for transformed in (jit(f, backend="numpy"), jit(grad(f), backend="numpy")):
        transformed(module)
    assert (module.calls, hasattr(module, "last")) == (0, False)


@dataclass(eq=True)
class Data(Module):
    """A module that is a dataclass, unhashable, with a parameter, a number and a dict."""

    w: Any = field(default_factory=lambda: Value(2.0))
    calls: int = 0
    parts: dict[str, Any] = field(default_factory=lambda: {"neuron": Neuron(1, "linear", rng=0)})


def test_dataclasses() -> None:
    """A module that is a dataclass is copied and carried over like any other."""

    def f(m: Any, x: float) -> Any:
        m.calls += 1
        m.parts["count"] = m.parts.get("count", 0) + 1
        return m.w * m.parts["neuron"]([x])

    module = Data()
    found = grad(f)(module, 3.0)
    neuron = module.parts["neuron"]
    expected = [(3.0 * neuron.w[0] + neuron.b).data, 6.0, 2.0]
    assert list(found.values()) == pytest.approx(expected)
    assert (module.calls, module.parts["count"]) == (1, 1)


def test_modules_in_maps() -> None:
    """Per-sample gradients by a module, with labels as keywords, sum to the gradient of the batch."""
    model, x = MLP(2, [3, 1], "tanh", rng=0), np.random.default_rng(0).normal(size=(5, 2))
    words = {"target": x[:, 0], "label": np.array([0, 1, 1, 0, 1])}

    def loss(m: Any, sample: Any, *, target: Any, label: Any) -> Any:
        return (m(list(sample)) - target) ** 2 * (1.0, 10.0)[label]

    def losses(m: Any) -> Any:
        return vmap(loss, (None, 0))(m, x, **words)

    def total(m: Any) -> Any:
        return losses(m).sum()

    each = vmap(grad(loss), (None, 0))(model, x, **words)
    by_hand = [grad(loss)(model, x[i], **{k: word[i] for k, word in words.items()}) for i in range(5)]
    slopes_in_a_trace = jit(lambda m: vmap(grad(loss), (None, 0))(m, x, **words), backend="numpy")
    traced, rows = slopes_in_a_trace(model), jacobian(losses)(model)
    sums = [f(model) for f in (grad(total), jit(grad(total), backend="numpy"), grad(jit(total)))]
    for name in model.state_dict():
        expected = np.array([gradient[name] for gradient in by_hand])
        for found in (each, traced, rows):
            np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-15)
        for found in sums:
            assert found[name] == pytest.approx(expected.sum(), rel=1e-12, abs=1e-14)
