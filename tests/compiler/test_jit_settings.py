"""The key of a compiled program contains everything that a trace can read."""

from __future__ import annotations

import functools
import io
import math
import random
import threading
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from comparing import evaluated, same
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, as_values, jit
from autograd.compiler import kept_programs
from nn import MLP, Module, Neuron, Sequential


class Holder(Module):
    """A module with one parameter and arbitrary settings."""

    if TYPE_CHECKING:  # Declares arbitrary attributes to type checkers.

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __init__(self, **attributes: Any) -> None:
        self.w = Value(2.0)
        vars(self).update(attributes)


def pair_class() -> Any:
    """Return a new named tuple class at each call."""
    return namedtuple("Pair", ["a", "b"])


class Counted:
    """Counts the traces of a function of a module and a number."""

    def __init__(self, f: Callable[[Any, Any], Any] = lambda module, x: module.w * x) -> None:
        self.traces = 0

        def counting(module: Any, x: Any) -> Any:
            self.traces += 1
            return f(module, x)

        self.call = jit(counting, backend="numpy")

    def __call__(self, module: Any) -> Any:
        """Call the compiled function."""
        return self.call(module, 3.0)


# ------------------------------------------------------------------------------------------------- modules


def test_models_of_the_same_parameters() -> None:
    """Models that only differ in their activation have different programs."""
    f = jit(lambda model, x: model(x), backend="numpy")
    models = [MLP(2, [3, 1], activation=name, rng=0) for name in ("tanh", "relu", "sigmoid", "softplus")]
    models.append(MLP(2, [3, 1], activation=functools.partial(autograd.leaky_relu, slope=0.3), rng=0))
    x = np.array([0.3, -0.7])
    for _ in range(3):
        for model in models:
            same(f(model, x), evaluated(model, x).data)
    twins = [MLP(2, [3, 1], activation="tanh", rng=seed) for seed in range(3)]
    count = len(f._programs)
    for model in twins:
        same(f(model, x), evaluated(model, x).data)
    assert len(f._programs) == count


def test_what_follows_a_module() -> None:
    """Arguments of other forms behind a module have other programs."""
    f, model = jit(lambda model, x: [model.w * number for number in x], backend="numpy"), Holder()
    for x in (np.ones(2), np.ones(3), [1.0, 2.0], (1.0, 2.0, 3.0)):
        assert f(model, x) == [model.w.data * number for number in x]


def test_the_class_of_a_module() -> None:
    """Modules of different classes have different programs, even with equal names and attributes."""

    def made(factor: float) -> Any:
        class Model(Holder):
            def forward(self, x: Any) -> Any:
                return self.w * x[0] * factor

        return Model()

    f = jit(lambda model, x: model(x), backend="numpy")
    models = [made(2.0), made(3.0)]
    for _ in range(3):
        assert [f(model, np.array([5.0])) for model in models] == [20.0, 30.0]


class Color(Enum):
    """An enumeration."""

    RED = 1
    BLUE = 2


@dataclass
class Config:
    """Settings as an object."""

    rate: float = 0.5
    sizes: list[int] = field(default_factory=lambda: [1, 2])


@dataclass(frozen=True)
class Frozen:
    """Immutable settings."""

    rate: float = 0.5


class Slotted:
    """An object without a dict."""

    __slots__ = ("rate",)

    def __init__(self, rate: float) -> None:
        self.rate = rate


class Named(dict[str, float]):
    """A dict with attributes."""

    rate = 0.5


class Units(np.ndarray):
    """An array with an attribute."""

    unit = "m"


def named(rate: float, **items: float) -> Named:
    """Return a dict with an attribute."""
    found = Named(items)
    found.rate = rate
    return found


def in_units(unit: str) -> Any:
    """Return an array with an attribute."""
    found = np.ones(2).view(Units)
    found.unit = unit
    return found


def drawn(seed: int) -> random.Random:
    """Return one of Python's random generators."""
    return random.Random(seed)


class Activation:
    """A callable with a setting."""

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def __call__(self, x: Any) -> Any:
        """Return a multiple."""
        return x * self.slope


PAIRS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "numbers": (lambda: 1.5, lambda: 2.5),
    "a number and a whole one": (lambda: 1, lambda: 1.0),
    "a bool and an int": (lambda: 1, lambda: True),
    "zeros": (lambda: 0.0, lambda: -0.0),
    "nan": (lambda: math.nan, lambda: math.inf),
    "complex numbers": (lambda: complex(0.0, 1.0), lambda: complex(-0.0, 1.0)),
    "texts": (lambda: "a", lambda: "b"),
    "a text and bytes": (lambda: "a", lambda: b"a"),
    "None": (lambda: None, lambda: False),
    "lists": (lambda: [1, 2], lambda: [1, 3]),
    "lengths": (lambda: [1, [2]], lambda: [[1], 2]),
    "a list and a tuple": (lambda: [1, 2], lambda: (1, 2)),
    "numbers in tuples": (lambda: (1, 2), lambda: (1.0, 2)),
    "sets": (lambda: {1, 2}, lambda: {1, 3}),
    "dicts": (lambda: {"a": 1}, lambda: {"a": 2}),
    "orders": (lambda: {"a": 1, "b": 2}, lambda: {"b": 2, "a": 1}),
    "kinds of keys": (lambda: {1: 1}, lambda: {True: 1}),
    "kinds of dicts": (lambda: {"a": 1}, lambda: OrderedDict(a=1)),
    "dicts that are read only": (lambda: MappingProxyType({"a": 1}), lambda: MappingProxyType({"a": 2})),
    "defaults": (lambda: defaultdict(int, a=1), lambda: defaultdict(float, a=1)),
    "counts": (lambda: Counter("aab"), lambda: Counter("abb")),
    "queues": (lambda: deque([1, 2]), lambda: deque([2, 1])),
    "namespaces": (lambda: SimpleNamespace(a=1), lambda: SimpleNamespace(a=2)),
    "arrays": (lambda: np.array([1.0, 2.0]), lambda: np.array([1.0, 2.5])),
    "kinds of arrays": (lambda: np.array([1, 2]), lambda: np.array([1.0, 2.0])),
    "shapes": (lambda: np.ones((2, 3)), lambda: np.ones((3, 2))),
    "masks": (
        lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
        lambda: np.ma.masked_array([1.0, 2.0], [False, False]),
    ),
    "attributes of arrays": (lambda: in_units("m"), lambda: in_units("s")),
    "arrays of objects": (lambda: np.array([1, "a"], dtype=object), lambda: np.array([1, "b"], dtype=object)),
    "numbers of NumPy": (lambda: np.float32(0.5), lambda: np.float64(0.5)),
    "kinds of numbers": (lambda: np.dtype("f4"), lambda: np.dtype("f8")),
    "functions": (lambda: math.sin, lambda: math.cos),
    "functions of ours": (lambda: autograd.tanh, lambda: autograd.relu),
    "functions of NumPy": (lambda: np.sin, lambda: np.cos),
    "functions with arguments": (lambda: functools.partial(pow, 2), lambda: functools.partial(pow, 3)),
    "names of arguments": (
        lambda: functools.partial(dict, a=1),
        lambda: functools.partial(dict, b=1),
    ),
    "methods": (lambda: Activation(0.1).__call__, lambda: Activation(0.2).__call__),
    "methods of NumPy": (
        lambda: np.random.default_rng(0).normal,
        lambda: np.random.default_rng(1).normal,
    ),
    "callables": (lambda: Activation(0.1), lambda: Activation(0.2)),
    "classes": (lambda: Config, lambda: Frozen),
    "dataclasses": (lambda: Config(0.5), lambda: Config(0.6)),
    "lists in dataclasses": (lambda: Config(sizes=[1]), lambda: Config(sizes=[2])),
    "frozen dataclasses": (lambda: Frozen(0.5), lambda: Frozen(0.6)),
    "slots": (lambda: Slotted(0.5), lambda: Slotted(0.6)),
    "what is in a dict with attributes": (lambda: named(0.5, a=1.0), lambda: named(0.5, a=2.0)),
    "attributes of a dict": (lambda: named(0.5, a=1.0), lambda: named(0.6, a=1.0)),
    "named tuples": (
        lambda: pair_class()(1, 2),
        lambda: pair_class()(1, 2),
    ),
    "choices": (lambda: Color.RED, lambda: Color.BLUE),
    "values of Python's library": (lambda: Decimal("0.1"), lambda: Decimal("0.2")),
    "fractions": (lambda: Fraction(1, 2), lambda: Fraction(1, 3)),
    "paths": (lambda: Path("a"), lambda: Path("b")),
    "random numbers": (lambda: np.random.default_rng(0), lambda: np.random.default_rng(1)),
    "NumPy's legacy random numbers": (lambda: np.random.RandomState(0), lambda: np.random.RandomState(1)),
    "random numbers of Python": (lambda: drawn(0), lambda: drawn(1)),
    "constants": (lambda: Value(1.0) + 1.0, lambda: Value(1.0) + 2.0),
    "modules": (lambda: Neuron(1, "relu", rng=0), lambda: Neuron(1, "tanh", rng=0)),
    "steps": (lambda: Sequential(autograd.tanh), lambda: Sequential(autograd.relu)),
    "parameters": (lambda: [Value(1.0), Value(2.0)], lambda: (Value(1.0), Value(2.0))),
    "arrays of parameters": (lambda: as_values([1.0, 2.0]), lambda: [Value(1.0), Value(2.0)]),
}
NEVER_EQUAL = {"named tuples"}  # Each call makes a new class.


@pytest.mark.parametrize("name", PAIRS)
def test_settings(name: str) -> None:
    """A module with another setting is traced anew; one with an equal setting is not."""
    one, other = PAIRS[name]
    f = Counted()
    first, second = Holder(setting=one()), Holder(setting=other())
    for _ in range(3):
        assert f(first) == f(second) == 6.0
    assert f.traces == 2
    for _ in range(2):
        f(Holder(setting=one()))
        f(Holder(deeper=[{"a": one()}]))
        f(Holder(deeper=[{"a": other()}]))
    if name not in NEVER_EQUAL:
        assert f.traces == 4


@pytest.mark.parametrize("name", PAIRS)
def test_a_changed_setting(name: str) -> None:
    """Reassigning an attribute changes the program, and assigning the old value finds the old program."""
    one, other = PAIRS[name]
    f = Counted(lambda module, x: module.w * x if module.which == "one" else module.w * x + 1.0)
    settings_ = {"one": one(), "other": other()}
    module = Holder()
    for _ in range(3):
        for which, setting in settings_.items():
            module.which, module.setting = which, setting
            assert f(module) == (6.0 if which == "one" else 7.0)
    assert f.traces == 2


def test_settings_that_change_in_place() -> None:
    """Changing a setting in place changes the program."""
    module = Holder(
        items=[1.0], table={"a": 1.0}, array=np.ones(3), config=Config(), part=Neuron(1, "relu", rng=0)
    )
    f = Counted(
        lambda m, x: (
            m.w * x * m.items[0] * m.table["a"] * float(m.array[1]) * m.config.rate * len(m.config.sizes)
        )
    )
    assert f(module) == 6.0
    changes: list[Callable[[], Any]] = [
        lambda: module.items.__setitem__(0, 3.0),
        lambda: module.table.__setitem__("a", 5.0),
        lambda: module.array.__setitem__(1, 7.0),
        lambda: setattr(module.config, "rate", 1.0),
        lambda: module.config.sizes.append(3),
        lambda: setattr(module.part, "activation", autograd.tanh),
    ]
    for i, (change, expected) in enumerate(
        zip(changes, [18.0, 90.0, 630.0, 1260.0, 1890.0, 1890.0], strict=True)
    ):
        change()
        assert f(module) == pytest.approx(expected)
        assert f.traces == i + 2


def test_settings_that_a_trace_changes() -> None:
    """A function that changes a setting while it is traced is not traced again because of that."""
    module = Holder(items=[])
    f = Counted(lambda m, x: m.w * x + float(bool(m.items.append(x))))
    assert [f(module) for _ in range(3)] == [6.0] * 3
    assert (f.traces, len(module.items)) == (1, 1)


def test_attributes_of_the_class() -> None:
    """Class attributes and replaced methods are part of the key."""

    class Model(Holder):
        slope = 2.0

        def scaled(self, x: Any) -> Any:
            return self.w * x * self.slope

    f = Counted(lambda model, x: model.scaled(x))
    model = Model()
    assert (f(model), f(model)) == (12.0, 12.0)
    Model.slope = 3.0
    assert f(model) == 18.0
    Model.scaled = lambda self, x: self.w + x  # type: ignore[method-assign]
    assert f(model) == 5.0
    assert f.traces == 3


def test_a_class_that_holds_settings() -> None:
    """If an attribute is a class, the attributes of it and of its bases are part of the key."""

    class Defaults:
        rate = 1.0

    class Settings(Defaults):
        sizes: tuple[int, ...] = (1, 2)

    f = Counted(lambda module, x: module.w * x * module.config.rate * len(module.config.sizes))
    module = Holder(config=Settings, kind=np.float64, other=Color)
    assert (f(module), f(module)) == (12.0, 12.0)
    Defaults.rate = 2.0
    assert f(module) == 24.0
    Settings.sizes = (1,)
    assert (f(module), f(module)) == (12.0, 12.0)
    assert f.traces == 3


def test_parameters_in_other_places() -> None:
    """Tying or moving parameters changes the program; changing their numbers does not."""

    def made(tied: bool, swapped: bool, start: float) -> Holder:
        a, b = Value(start), Value(start + 1.0)
        module = Holder(a=a, b=b, pair=(b, a) if swapped else (a, b))
        module.again = module.pair[0] if tied else module.pair[1]
        return module

    f = Counted(lambda m, x: m.pair[0] * x - m.pair[1] + m.again * 100.0)
    for _ in range(2):
        for start in (1.0, 5.0):
            for tied in (False, True):
                for swapped in (False, True):
                    module = made(tied, swapped, start)
                    first, second = (start + 1.0, start) if swapped else (start, start + 1.0)
                    assert f(module) == first * 3.0 - second + (first if tied else second) * 100.0
    assert f.traces == 4


def test_resources() -> None:
    """Locks, files and compiled functions may be attributes; they are compared by identity."""
    f = Counted()
    lock, file, compiled = threading.Lock(), io.StringIO("a"), jit(lambda x: x * 2.0)
    compiled(1.0)
    module = Holder(lock=lock, file=file, event=threading.Event(), compiled=compiled)
    f(module)
    with lock:
        compiled(np.ones(3))
        f(module)
    assert f.traces == 1
    module.lock = threading.Lock()
    f(module)
    assert f.traces == 2


def test_a_remembered_graph() -> None:
    """A stored result is a constant like any other, at any depth of its graph."""
    f = Counted(lambda module, x: module.w * x + module.last)
    module = Holder(last=Value(1.0))
    for _ in range(3000):
        module.last = module.last * 1.0 + 0.0
    assert f(module) == 7.0
    module.last = module.last + 1.0
    assert f(module) == 8.0
    assert f(module) == 8.0
    assert f.traces == 2


def test_cycles_and_depth() -> None:
    """Attributes may have cycles, deep nesting and shared parts."""
    f = Counted()
    modules = []
    for _ in range(2):
        module = Holder(nested=[])
        module.itself, module.shared = module, [module.nested, module.nested]
        deep: Any = []
        for _ in range(5000):
            deep = [deep]
        module.deep = deep
        modules.append(module)
    assert f(modules[0]) == f(modules[1]) == 6.0
    assert f.traces == 1
    modules[1].shared = [modules[1].nested, []]
    f(modules[1])
    assert f.traces == 2


@pytest.mark.parametrize(
    "iterator", [lambda: iter([1, 2]), lambda: (i for i in range(3)), lambda: map(abs, [1])]
)
def test_iterators_are_refused(iterator: Callable[[], Any]) -> None:
    """Iterators, which cannot be read without consuming them, raise an error that says what to do."""
    with pytest.raises(TypeError, match=r"holds <.*> \(\w+\), and .* keep a list in its place, or pass"):
        Counted()(Holder(batches=[iterator()]))


class Sealed:
    """An object that refuses to be pickled."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __reduce__(self) -> Any:
        raise TypeError("secret")


def test_what_cannot_be_pickled() -> None:
    """The attributes of an object that cannot be pickled are part of the key."""
    f = Counted(lambda module, x: module.w * x * module.sealed.rate)
    module = Holder(sealed=Sealed(1.0))
    assert (f(module), f(module)) == (6.0, 6.0)
    module.sealed.rate = 2.0
    assert f(module) == 12.0
    assert f.traces == 2


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2)
nested = st.recursive(
    plain,
    lambda parts: (
        st.lists(parts, max_size=2)
        | st.tuples(parts, parts)
        | st.dictionaries(plain, parts, max_size=2)
        | st.builds(SimpleNamespace, a=parts)
    ),
    max_leaves=5,
)


@settings(max_examples=100)
@given(nested, nested)
def test_random_settings(one: Any, other: Any) -> None:
    """A trace is reused exactly if settings have the same repr, which distinguishes types and orders."""
    f = Counted(lambda module, x: module.w * x + len(repr(module.setting)))
    for setting in (one, other, one):
        assert f(Holder(setting=setting)) == 6.0 + len(repr(setting))
    assert f.traces == 1 + (repr(one) != repr(other))


# ------------------------------------------------------------------------------------------------ containers


class Word(StrEnum):
    """An enumeration whose members equal strings."""

    A = "a"


@pytest.mark.parametrize("keys", [(1, 1.0, True), ("a", Word.A), ((1, 2), (1.0, 2.0)), ((1, 0.0), (1, -0.0))])
def test_equal_keys_of_other_kinds(keys: tuple[Any, ...]) -> None:
    """Equal keys of different types have different programs, since a function may read the type."""
    compiled = jit(lambda tree, x: [len(repr(key)) * x for key in tree], backend="numpy")
    for _ in range(3):
        for key in keys:
            same(compiled({key: 1.0}, 2.0), [len(repr(key)) * 2.0])


def test_the_order_of_keys() -> None:
    """The order of keys, which a function can see, is part of the key."""
    compiled = jit(lambda tree: next(iter(tree.values())) * 2.0, backend="numpy")
    for _ in range(3):
        assert compiled({"a": 1.0, "b": 5.0}) == 2.0
        assert compiled({"b": 5.0, "a": 1.0}) == 10.0


def test_named_tuples_of_one_name() -> None:
    """Named tuple classes with the same name and fields have different programs."""

    def made(factor: float) -> Any:
        class Pair(namedtuple("Pair", "a b")):
            __slots__ = ()

            def scaled(self) -> Any:
                return self.a * factor + self.b

        return Pair

    compiled = jit(lambda pair: pair.scaled(), backend="numpy")
    kinds = [made(2.0), made(3.0)]
    for _ in range(3):
        assert [compiled(kind(1.0, 10.0)) for kind in kinds] == [12.0, 13.0]


def test_a_number_and_an_array_without_dimensions() -> None:
    """Numbers and 0-d arrays keep their type, also in the result."""
    compiled = jit(lambda x: [x, x * 2.0], backend="numpy")
    for _ in range(3):
        assert type(compiled(3.0)[0]) is float
        assert type(compiled(np.array(3.0))[0]) is np.ndarray


# ----------------------------------------------------------------------------------------- what is kept


def test_programs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bounded number of programs is kept, the most recently used ones, also after repeated calls."""
    monkeypatch.setattr(kept_programs, "KEPT", 3)
    traces: list[int] = []

    def f(x: Any) -> Any:
        traces.append(len(x))
        return autograd.sum(x)

    compiled = jit(f, backend="numpy")
    for size in (1, 2, 3):
        for _ in range(3):
            assert compiled(np.ones(size)) == size
    for size in (1, 4, 1, 3):  # 2 is the least recently used.
        assert compiled(np.ones(size)) == size
    assert traces == [1, 2, 3, 4]
    assert compiled(np.ones(2)) == 2.0
    assert traces == [1, 2, 3, 4, 2]
    assert (len(compiled._programs), sum(map(len, compiled._programs._by_form.values()))) == (3, 3)
    for size in range(1, 20):
        assert compiled([1.0] * size) == size
    assert (len(compiled._programs), sum(map(len, compiled._programs._by_form.values()))) == (3, 3)


def test_clearing() -> None:
    """After `clear_cache` the next call compiles again, and until then there is no report."""
    traces: list[int] = []

    def f(x: Any) -> Any:
        traces.append(1)
        return x * 2.0

    compiled = jit(f, backend="numpy")
    for _ in range(2):
        assert [compiled(1.0), compiled(2.0), compiled(np.ones(2)).tolist()] == [2.0, 4.0, [2.0, 2.0]]
        compiled.clear_cache()
        with pytest.raises(RuntimeError, match="has no program yet"):
            compiled.report()
    assert len(traces) == 4


def test_threads_with_few_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that evict and clear each other's programs still get the right numbers."""
    monkeypatch.setattr(kept_programs, "KEPT", 2)
    compiled = jit(lambda x: autograd.sum([v * float(len(x)) for v in x]), backend="numpy")
    wrong: list[Any] = []

    def work(size: int) -> None:
        try:
            for i in range(40):
                if compiled([float(i)] * size) != float(i) * size * size:
                    wrong.append((size, i))
                if i % 15 == size:
                    compiled.clear_cache()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_clearing_during_a_call() -> None:
    """What a call has traced or found before another one calls `clear_cache` is used by no later call."""
    scales, between = [1.0], [lambda: None]

    def f(x: Any) -> Any:
        scale = scales[0]
        between.pop()()
        return x * scale

    def change() -> None:
        scales[0] += 1.0
        compiled.clear_cache()
        between.append(lambda: None)

    compiled = jit(f, backend="numpy")
    between[:] = [change]
    assert [compiled(1.0), compiled(1.0), compiled(1.0)] == [1.0, 2.0, 2.0]
    ready = compiled._latest
    change()
    # As another thread does that has begun before.
    compiled._use_next(ready)
    assert compiled(1.0) == 3.0


def test_another_call_while_machine_code_is_prepared() -> None:
    """What was made ready for a call is not used by the next one if another thread has called in between."""
    compiled = jit(lambda x: x * 2.0, backend="numpy")
    compiled(1.0)
    older = compiled._latest
    compiled(np.ones(2))
    latest, answer = compiled._latest, compiled._answer
    compiled._enter(older)
    assert compiled._latest is latest is not older
    assert compiled._answer is answer
    assert compiled(np.ones(2)).tolist() == [2.0, 2.0]


def test_source_and_report_are_of_the_last_call() -> None:
    """Source and report are those of the program that ran last, not of the one compiled last."""
    f = jit(lambda x: x * 2.0 if np.ndim(x) == 0 else x @ x, backend="numpy")
    sources = {}
    for x in (1.0, np.ones(2), Holder()):
        g = f if not isinstance(x, Holder) else jit(lambda m: m.w, backend="numpy")
        g(x)
        sources[str(x)] = g.source
    for x in (1.0, 1.0, np.ones(2), 1.0, np.ones(2), np.ones(2), np.ones(2), 1.0):
        f(x)
        assert f.source == sources[str(x)]
        assert ("@" in f.source) == (f.report().products + f.report().reductions > 0)
