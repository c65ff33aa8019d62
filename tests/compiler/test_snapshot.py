"""Snapshots of modules are valid exactly until something changes that the key depends on."""

from __future__ import annotations

import functools
import random
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType, SimpleNamespace
from typing import Any
from weakref import ref

import numpy as np
import pytest
from comparing import same
from hypothesis import given
from hypothesis import strategies as st
from test_jit_settings import PAIRS, Activation, Holder, Slotted, in_units, named

import autograd
from autograd import Value, as_values, grad, jit
from autograd.compiler import jitted, kept_programs
from autograd.compiler.arguments import snapshot
from autograd.compiler.arguments.call import Call
from autograd.compiler.arguments.reader import Reader, reader_of
from autograd.engine.tracing import tracing
from nn import MLP, Neuron


def function(module: Any) -> Any:
    """Stand in for a compiled function."""


def reader_and_key(module: Any) -> tuple[Reader, Any]:
    """Return a reader that is valid for a module's current state, and its key."""
    call = Call(function, (module,), {})
    key = call.key
    return reader_of(call), key


@dataclass
class Config:
    """Settings as an object."""

    rate: float = 0.5
    sizes: list[int] = field(default_factory=lambda: [1, 2])


class Base(Holder):
    """A base class."""

    slope = 1.0


class Derived(Base):
    """A derived class with settings."""

    table: dict[str, int] = {}  # noqa: RUF012


class Other(Derived):
    """A class with the same attributes."""


def module_of_everything() -> Any:
    """Return a module with settings of every kind that a snapshot covers."""
    return Derived(
        items=[1.0, [2.0, 3.0], [4.0]],
        table={"a": 1.0, "b": {"c": 2.0}},
        pair=(1, [2]),
        tags={1, 2},
        queue=deque([1, 2]),
        mean=np.array([0.0, 1.0]),
        weights=as_values(np.ones((2, 2))),
        constant=Value(0.0) + 0.0,
        config=Config(),
        parts=[Neuron(1, "relu", rng=0), Neuron(1, "relu", rng=0)],
        activation=functools.partial(autograd.leaky_relu, slope=0.3),
        method=Activation(0.1).__call__,
        lock=threading.Lock(),
        text="a",
    )


CHANGES: dict[str, Callable[[Any], Any]] = {
    "an attribute": lambda m: setattr(m, "text", "b"),
    "a new attribute": lambda m: setattr(m, "new", 1),
    "a deleted attribute": lambda m: delattr(m, "text"),
    "the order of attributes": lambda m: vars(m).update(text=vars(m).pop("items"), items=vars(m).pop("text")),
    "a renamed attribute": lambda m: setattr(m, "name", vars(m).pop("lock")),
    "the dict of attributes": lambda m: setattr(m, "__dict__", vars(m) | {"text": "b"}),
    "the dict of attributes of a part": lambda m: setattr(m.config, "__dict__", {"rate": 0.7, "sizes": []}),
    "the class": lambda m: setattr(m, "__class__", Other),
    "the class of a part": lambda m: setattr(m.config, "__class__", Activation),
    "an item": lambda m: m.items.__setitem__(0, 2.0),
    "a zero": lambda m: m.items.__setitem__(0, -0.0),
    "another type": lambda m: m.items.__setitem__(0, True),
    "an added item": lambda m: m.items[1].append(5.0),
    "an item that moves": lambda m: m.items[2].insert(0, m.items[1].pop()),
    "a key": lambda m: m.table.__setitem__("d", m.table.pop("b")),
    "a deep entry": lambda m: m.table["b"].__setitem__("c", 3.0),
    "a list in a tuple": lambda m: m.pair[1].append(3),
    "a set": lambda m: (m.tags.remove(2), m.tags.add(3)),
    "a queue": lambda m: m.queue.rotate(1),
    "an element": lambda m: m.mean.__setitem__(0, 5.0),
    "the sign of a zero": lambda m: m.mean.__setitem__(0, -0.0),
    "a shape": lambda m: m.mean.resize((2, 1), refcheck=False),
    "a type of elements": lambda m: setattr(m, "mean", m.mean.view(int)),
    "a parameter in an array": lambda m: m.weights.__setitem__((0, 0), Value(1.0)),
    "an element that is no parameter": lambda m: m.weights.__setitem__((0, 0), Value(1.0) * 1.0),
    "a parameter of the same number": lambda m: setattr(m, "w", Value(m.w.data)),
    "two parameters": lambda m: m.parts.reverse(),
    "a tied parameter": lambda m: setattr(m.parts[0], "b", m.parts[1].b),
    "a constant": lambda m: setattr(m, "constant", Value(1.0) + 0.0),
    "a dataclass": lambda m: setattr(m.config, "rate", 0.7),
    "a list of a dataclass": lambda m: m.config.sizes.append(3),
    "an activation function": lambda m: setattr(m.parts[0], "activation", autograd.tanh),
    "an argument of a function": lambda m: m.activation.keywords.__setitem__("slope", 0.4),
    "an object of a method": lambda m: setattr(m.method.__self__, "slope", 0.2),
    "a lock": lambda m: setattr(m, "lock", threading.Lock()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes(name: str) -> None:
    """Any change of what the key depends on is detected; an unchanged module is read without a walk."""
    module = module_of_everything()
    read, key = reader_and_key(module)
    for _ in range(2):
        (numbers,) = read((module,), {})  # type: ignore[misc]
        assert numbers.tolist() == [p.data for p in module.parameters()]
    CHANGES[name](module)
    assert read((module,), {}) is None
    again, changed = reader_and_key(module)
    # Swapping parts, or replacing one by an equal one, can leave the key unchanged.
    assert again((module,), {}) is not None
    assert changed != key or name in (
        "two parameters",
        "a parameter of the same number",
        "a parameter in an array",
    )


def test_changes_of_a_class() -> None:
    """Changes of the class, of its bases and of their attributes are detected."""
    module = module_of_everything()
    before = Base.slope, Derived.forward
    changes: list[Callable[[], Any]] = [
        lambda: setattr(Base, "slope", 2.0),
        lambda: setattr(Derived, "forward", lambda self, x: x),
        lambda: Derived.table.update(a=1),
        lambda: setattr(Derived, "new", 1),
    ]
    try:
        for change in changes:
            read, key = reader_and_key(module)
            assert read((module,), {}) is not None
            change()
            assert read((module,), {}) is None
            assert reader_and_key(module)[1] != key
    finally:
        Base.slope = before[0]
        Derived.table.clear()
        del Derived.new, Derived.forward  # type: ignore[attr-defined]


def test_changed_numbers_are_read() -> None:
    """The numbers of the parameters are not part of the key; they are read at each call."""
    module = module_of_everything()
    read, _ = reader_and_key(module)
    for parameter in module.parameters():
        parameter.data -= 0.1
        parameter.grad = 3.0
    (numbers,) = read((module,), {})  # type: ignore[misc]
    assert numbers.tolist() == [p.data for p in module.parameters()]


@pytest.mark.parametrize("name", PAIRS)
def test_what_a_snapshot_does_not_cover(name: str) -> None:
    """Replacing a setting of any kind invalidates the reader."""
    one, other = PAIRS[name]
    module = Holder(setting=one(), deeper=[{"a": one()}])
    read, _ = reader_and_key(module)
    module.deeper[0]["a"] = other()
    assert read((module,), {}) is None
    module.deeper[0]["a"] = one()
    module.setting = other()
    assert read((module,), {}) is None


IN_PLACE: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "random numbers of NumPy": (lambda: np.random.default_rng(0), lambda rng: rng.random()),
    "random numbers of Python": (lambda: random.Random(0), lambda rng: rng.random()),
    "a count": (lambda: Counter("a"), lambda counts: counts.update("b")),
    "an order": (lambda: OrderedDict(a=1, b=2), lambda items: items.move_to_end("a")),
    "a namespace": (lambda: SimpleNamespace(a=1), lambda names: setattr(names, "a", 2)),
    "slots": (lambda: Slotted(0.5), lambda item: setattr(item, "rate", 0.6)),
    "a dict with attributes": (lambda: named(0.5, a=1.0), lambda item: item.update(a=2.0)),
    "an attribute of a dict": (lambda: named(0.5, a=1.0), lambda item: setattr(item, "rate", 0.6)),
    "an array with attributes": (lambda: in_units("m"), lambda item: setattr(item, "unit", "s")),
    "a mask": (
        lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
        lambda item: item.mask.__setitem__(1, True),
    ),
    "a read-only view": (lambda: MappingProxyType(TABLE), lambda item: TABLE.update(a=len(TABLE), b=1)),
}
TABLE: dict[str, int] = {}


@pytest.mark.parametrize("name", IN_PLACE)
def test_changes_in_place(name: str) -> None:
    """Changing settings of types that a snapshot does not cover invalidates the reader."""
    make, change = IN_PLACE[name]
    module = Holder(setting=make())
    read, key = reader_and_key(module)
    change(module.setting)
    assert read((module,), {}) is None
    assert reader_and_key(module)[1] != key


def test_a_reference_that_dies() -> None:
    """A weak reference whose object dies invalidates the reader."""
    other = Holder()
    module = Holder(other=ref(other))
    read, key = reader_and_key(module)
    del other
    assert read((module,), {}) is None
    assert reader_and_key(module)[1] != key


class Counting:
    """An object whose pickled state is outside its attributes."""

    def __init__(self) -> None:
        self.name = "a"

    def __getstate__(self) -> Any:
        """Return the name and an external count."""
        return self.name, len(counted)


counted: list[int] = []


def test_a_state_that_is_elsewhere() -> None:
    """A change of the state by `__getstate__` invalidates the reader, even with equal attributes."""
    module = Holder(counting=Counting())
    read, key = reader_and_key(module)
    counted.append(1)
    assert read((module,), {}) is None
    assert reader_and_key(module)[1] != key


class Line:
    """An object with named parameters that is not an nn.Module."""

    def __init__(self) -> None:
        self.slope, self.offset = Value(2.0), Value(1.0)

    def named_parameters(self) -> Any:
        """Yield only the slope: the offset is a constant."""
        yield "slope", self.slope


def test_a_constant_that_is_assigned_to() -> None:
    """The number of a `Value` that is not a parameter is part of the key."""
    line = Line()
    f = jit(lambda line, x: line.slope * x + line.offset, backend="numpy")
    assert [f(line, 1.0) for _ in range(3)] == [3.0] * 3
    line.offset.data = 5.0
    assert [f(line, 1.0) for _ in range(3)] == [7.0] * 3
    line.slope.data = 3.0
    assert f(line, 1.0) == 8.0


def test_other_base_classes() -> None:
    """Assigning other base classes to a class changes the program."""

    class One(Holder):
        slope = 2.0

    class Two(Holder):
        slope = 3.0

    class Model(One):
        pass

    f = jit(lambda model: model.w * model.slope, backend="numpy")
    model = Model()
    assert [f(model) for _ in range(3)] == [4.0] * 3
    Model.__bases__ = (Two,)
    assert [f(model) for _ in range(3)] == [6.0] * 3


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["set", "append", "pop", "same"]),
        st.integers(0, 3),
        st.sampled_from([0.0, -0.0, 1, "a"]),
    ),
    max_size=6,
)


@given(STEPS)
def test_a_reader_never_takes_another_key(steps: list[tuple[str, int, Any]]) -> None:
    """After any changes, a reader only accepts the module if the key is still the same."""
    lists: list[list[Any]] = [[Value(1.0)], [2.0], [], ["a"]]
    module = Holder(lists=lists, table=dict(enumerate(lists)))
    read, key = reader_and_key(module)
    for what, index, item in steps:
        if what == "set":
            module.table[index] = item
        elif what == "append":
            lists[index].append(item)
        elif what == "pop" and lists[index]:
            lists[index].pop()
        elif what == "same":
            module.table[index] = module.table.get(index)
        taken = read((module,), {})
        fresh, now = reader_and_key(module)
        assert taken is None or now == key
        same(list(fresh((module,), {})), Call(function, (module,), {}).arrays)  # type: ignore[arg-type]


def test_a_module_is_not_kept_alive() -> None:
    """A compiled function does not keep the module of the last call or its parameters alive."""
    model = MLP(2, [3, 1], rng=0)
    f = jit(lambda model, x: model(x), backend="numpy")
    for _ in range(3):
        f(model, np.ones(2))
    gone: list[Any] = [ref(model), ref(model.layers[0]), ref(model.parameters()[0])]
    del model
    assert [it() for it in gone] == [None] * 3
    other: Any = MLP(2, [3, 1], rng=1)
    assert f(other, np.ones(2)) == other(np.ones(2)).data


def test_a_module_that_refers_to_itself() -> None:
    """A module in a cycle gets no snapshot, which would keep it alive; calls are right."""
    module = Holder()
    module.parent = Parent(module)
    f = jit(lambda module: module.w * 2.0, backend="numpy")
    for number in (1.0, 2.0, 3.0):
        module.w.data = number
        assert f(module) == number * 2.0
    assert reader_and_key(module)[0]((module,), {}) is None


class Parent:
    """An object that refers to a module."""

    def __init__(self, child: Any) -> None:
        self.child = child


def test_calls_of_models_are_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the second call on, models are read without a walk, also alternating and in containers."""
    one, other = MLP(2, [3, 1], "relu", rng=0), MLP(2, [3, 1], activation="tanh", rng=0)
    x = np.array([0.3, -0.7])
    f = jit(lambda tree, x: tree["model"](x), backend="numpy")
    first = [f({"model": model, "scale": x}, x) for model in (one, other)]
    monkeypatch.setattr(jitted, "Call", None)
    for _ in range(2):
        assert [f({"model": model, "scale": x}, x) for model in (one, other)] == first
    one.parameters()[0].data += 1.0
    found: Any = one(x)
    assert f({"model": one, "scale": x}, x) == found.data


def test_models_that_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models of an ensemble are read without a walk, and a part that one of them lost is gone."""
    models = [MLP(2, [3, 1], rng=seed) for seed in range(8)]
    x = np.array([0.3, -0.7])
    f = jit(lambda model, x: model(x), backend="numpy")
    first = [f(model, x) for model in models]
    assert len(f._programs) == 1
    with monkeypatch.context() as context:
        context.setattr(jitted, "Call", None)
        for _ in range(2):
            assert [f(model, x) for model in models] == first
    lost = ref(models[0].layers[0])
    models[0].layers[0] = MLP(2, [3], output="tanh", rng=9).layers[0]
    same([f(model, x) for model in models], [model(x).data for model in models])
    assert lost() is None
    same(f(MLP(2, [3, 1], rng=9), x), MLP(2, [3, 1], rng=9)(x).data)


def test_models_without_number() -> None:
    """A function reads as many models fast as an ensemble has, and remembers no more of them."""
    f, x = jit(lambda model, x: model(x), backend="numpy"), np.array([0.3])
    models = [Neuron(1, rng=seed) for seed in range(20)]
    for model in models:
        same(f(model, x), model(x).data)
    assert len(f._programs) == 1
    assert len(f._programs.alike((models[0], x), {})) == kept_programs.MODELS


def test_parameters_that_are_traced_themselves() -> None:
    """If the parameters are inputs of an outer trace, the call is recorded in it."""
    model = Neuron(1, "tanh", rng=0)
    f = jit(lambda model, x: model(x), backend="numpy")
    x = np.array([0.5])
    for _ in range(3):
        f(model, x)
        with tracing(model.parameters()):
            assert isinstance(f(model, x), Value)


def test_derivatives_between_calls() -> None:
    """A derivative by a module, or by an assigned parameter, is never read as a call with numbers."""
    model = Neuron(1, "tanh", rng=0)
    f = jit(lambda model, x: model(x), backend="numpy")
    x = np.array([0.5])
    for _ in range(3):
        value = f(model, x)
        assert value == pytest.approx(model(x).data)
        same(grad(f)(model, x), grad(lambda model, x: model(x))(model, x))

        def by_number(b: Any) -> Any:
            changed = Neuron(1, "tanh", rng=0)
            changed.b = b
            return f(changed, x)

        assert grad(by_number)(0.3) == pytest.approx(1.0 - np.tanh(model.w[0].data * 0.5 + 0.3) ** 2)


@pytest.mark.parametrize("size", [0, 1, 2, 576])
def test_addresses_are_those_of_the_objects(size: int) -> None:
    """Read from the memory of a tuple or asked for one by one, addresses are the ids of its objects."""
    parts = tuple([str(i) if i % 2 else object() for i in range(size)])
    ids = [id(part) for part in parts]
    for addresses in (snapshot._addresses, snapshot._addresses_asked_for):
        assert np.frombuffer(addresses(parts), dtype=np.uintp).tolist() == ids


def test_modules_where_tuples_lie_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where addresses are asked for one by one, a parameter in the place of another is noticed as well."""
    monkeypatch.setattr(snapshot, "_addresses", snapshot._addresses_asked_for)
    neuron = Neuron(2)
    read, _ = reader_and_key(neuron)
    assert read((neuron,), {}) is not None
    neuron.b = Value(neuron.b.data)
    assert read((neuron,), {}) is None
