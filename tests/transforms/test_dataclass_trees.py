"""Dataclasses as arguments and results: fields of numbers are inputs, and all others are settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from comparing import same

import autograd
from autograd import (
    Value,
    check_grads,
    cond,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    scan,
    value_and_grad,
    vjp,
    vmap,
)
from autograd.compiler import jitted
from autograd.transforms.dataclass_trees import Settings
from autograd.transforms.trees import flatten, paths
from nn import MLP, Neuron


class Kind(Enum):
    """A choice."""

    ONE = 1
    TWO = 2


@dataclass
class Options:
    """Numbers, and settings of many kinds."""

    w: Any
    rate: float
    steps: int = 2
    is_scaled: bool = True
    name: str = "a"
    activation: Callable[[Any], Any] = autograd.tanh
    sizes: list[int] = field(default_factory=lambda: [1, 2])
    kind: Kind = Kind.ONE
    most: int | None = None
    times: dict[str, int] = field(default_factory=lambda: {"a": 1})
    exponent: float = field(default=2.0, metadata={"static": True})


def loss(options: Options, x: Any) -> Any:
    """Return a number that all fields have an effect on."""
    for _ in range(options.steps + options.sizes[0] * options.times["a"]):
        x = options.activation(x * options.rate)
    total = (x * options.w).sum() ** options.exponent
    if options.is_scaled:
        total = total * len(options.name)
    return total if options.kind is Kind.ONE and options.most is None else -total


X = np.array([0.5, -1.0, 2.0])
OPTIONS = Options(np.array([1.0, 2.0, 3.0]), 0.5)
CHANGES: dict[str, dict[str, Any]] = {
    "steps": {"steps": 3},
    "is_scaled": {"is_scaled": False},
    "name": {"name": "ab"},
    "activation": {"activation": autograd.sin},
    "sizes": {"sizes": [2, 2]},
    "kind": {"kind": Kind.TWO},
    "most": {"most": 1},
    "times": {"times": {"a": 2}},
    "exponent": {"exponent": 3.0},
}


@pytest.mark.parametrize("name", CHANGES)
def test_settings_are_part_of_the_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed setting compiles again, other numbers do not, and later calls do not take objects apart."""
    f = jit(value_and_grad(loss), "numpy")
    changed = Options(OPTIONS.w, OPTIONS.rate, **CHANGES[name])
    for count, options in enumerate((OPTIONS, changed), start=1):
        for w, rate in ((options.w, 0.5), (2.0 * options.w, 0.25), (options.w, 1)):
            own = Options(w, rate, **CHANGES[name] if options is changed else {})
            value, gradient = f(own, X)
            expected, by_hand = value_and_grad(loss)(own, X)
            same(value, expected)
            same([gradient.w, gradient.rate], [by_hand.w, by_hand.rate])
            assert f.report().compilations == count
    assert name in f.report().reason
    monkeypatch.setattr(jitted, "Call", None)
    for options in (changed, OPTIONS, changed):
        same(f(options, X)[0], loss(options, X))


def test_assignments_to_settings() -> None:
    """A setting that is assigned to, or changed in place, is never missed."""
    f = jit(loss, "numpy")
    options = Options(OPTIONS.w, 0.5)
    for change in (
        lambda: setattr(options, "steps", 4),
        lambda: options.sizes.__setitem__(0, 3),
        lambda: options.sizes.append(3),
        lambda: setattr(options, "activation", autograd.cos),
        lambda: setattr(options, "note", [1]),
        lambda: options.note.append(2),  # type: ignore[attr-defined]
        lambda: delattr(options, "note"),
    ):
        before = f.report().compilations if options.steps > 2 else 1
        for _ in range(2):
            same(f(options, X), loss(options, X))
        change()
        same(f(options, X), loss(options, X))
        assert f.report().compilations in (before, before + 1)
    assert f.report().compilations == 7


@dataclass(frozen=True)
class Point:
    """A point."""

    x: Any
    y: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Slotted:
    """An object without a dict."""

    x: float
    unit: str = "m"


def test_transformations() -> None:
    """Derivatives by a dataclass are objects of it, and compose with all transformations."""

    def f(p: Any) -> Any:
        return p.x**2 * p.y

    p = Point(2.0, 3.0)
    assert grad(f)(p) == Point(12.0, 4.0)
    assert grad(f)(Point(2, 3)) == Point(12.0, 4.0)
    assert hessian(f)(p) == Point(Point(6.0, 4.0), Point(4.0, 0.0))
    assert jacobian(lambda p: Point(p.y, p.x * p.x))(p) == Point(Point(0.0, 1.0), Point(4.0, 0.0))
    assert jvp(f, (p,), (Point(1.0, 0.0),)) == (12.0, 12.0)
    assert vjp(f, p)[1](1.0) == (Point(12.0, 4.0),)
    assert grad(lambda ps: f(ps[0]["a"]))([{"a": p}]) == [{"a": Point(12.0, 4.0)}]
    assert grad(jit(f, "numpy"))(p) == jit(grad(f), "numpy")(p) == Point(12.0, 4.0)
    points = Point(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert vmap(f)(points).tolist() == [3.0, 16.0]
    assert vmap(f, in_axes=({"x": 0, "y": None},))(Point(points.x, 2.0)).tolist() == [2.0, 8.0]
    moved = vmap(lambda p: Point(p.y, p.x))(points)
    assert (moved.x.tolist(), moved.y.tolist()) == ([3.0, 4.0], [1.0, 2.0])
    check_grads(f, (p,))
    assert paths(flatten([p])[1]) == ["[0].x", "[0].y"]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_results(backend: str) -> None:
    """A compiled function returns dataclasses, with the settings that it made them with."""
    f = jit(lambda p: [Point(p.y, p.x * 2.0), Slotted(x=p.x, unit="km")], backend)
    for _ in range(2):
        assert f(Point(2.0, 3.0)) == [Point(3.0, 4.0), Slotted(x=2.0, unit="km")]
    f.wait()
    assert f(Point(2, 5)) == [Point(5.0, 4.0), Slotted(x=2.0, unit="km")]
    assert grad(lambda s: s.x**2)(Slotted(x=3.0, unit="cm")) == Slotted(x=6.0, unit="cm")


def test_structures_with_other_settings() -> None:
    """Objects with other settings are of other structures: a condition has no result that is both of them."""

    def f(x: Any) -> Any:
        return cond(x > 0, lambda: Slotted(x=x), lambda: Slotted(x=-x, unit="km"))

    assert (f(1.0), f(-1.0)) == (Slotted(x=1.0), Slotted(x=1.0, unit="km"))
    with pytest.raises(
        TypeError, match=r"got Slotted\(x: number, unit='m'\) from .* and Slotted\(.*unit='km'\)"
    ):
        jit(f, "numpy")(1.0)
    with pytest.raises(ValueError, match=r"Slotted\(x: number, unit='m'\)\), got .*unit='km'"):
        jvp(lambda it: it.x, (Slotted(x=1.0),), (Slotted(x=1.0, unit="km"),))
    with pytest.raises(TypeError, match="to return the carry as it began"):
        scan(lambda carry, _: (Slotted(x=carry.x, unit=carry.unit + "m"), None), Slotted(x=1.0), length=2)
    one, other, another = (flatten(Holding(np.array([text])))[1] for text in ("a", "a", "b"))
    assert one == other
    assert hash(one) == hash(other)
    assert one != another
    assert Settings(shape=np.ones(2)) != Settings(shape=np.ones(3))


@dataclass
class Rectangle:
    """What is derived from the fields is computed when an object is made."""

    width: float
    height: float
    area: float = field(init=False)
    unit: str = "m"

    def __post_init__(self) -> None:
        self.area = self.width * self.height
        self.half = self.area / 2.0


def test_what_is_derived_from_the_fields() -> None:
    """`__post_init__` runs on the variables, so that derivatives go through what it computes."""
    for f in (lambda r: r.area**2, lambda r: r.half * 2.0 * r.area):
        gradient = grad(f)(Rectangle(2.0, 3.0, "cm"))
        assert (gradient.width, gradient.height, gradient.unit) == (36.0, 24.0, "cm")
        compiled = jit(f, "numpy")
        assert [compiled(Rectangle(width, 3.0)) for width in (1.0, 2.0, 3.0)] == [9.0, 36.0, 81.0]
        assert compiled.report().compilations == 1


@dataclass
class Cached:
    """A property that is computed once."""

    x: float

    @cached_property
    def square(self) -> Any:
        """The square."""
        return self.x * self.x


def test_cached_properties_are_computed_anew() -> None:
    """What a property has cached is not taken for a constant."""
    it = Cached(3.0)
    compiled = jit(lambda it: it.square, "numpy")
    assert it.square == 9.0
    assert grad(lambda it: it.square)(it) == Cached(6.0)
    assert [compiled(it), compiled(it), compiled(Cached(2.0))] == [9.0, 9.0, 4.0]


@dataclass
class Started:
    """An object that is not made of its fields alone."""

    x: float
    start: InitVar[float]

    def __post_init__(self, start: float) -> None:
        self.x += start


def test_what_cannot_be_made() -> None:
    """A class that asks for more than its fields raises what its call raises."""
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'start'"):
        grad(lambda it: it.x)(Started(1.0, 2.0))
    with pytest.raises(
        TypeError, match=r"expected a differentiated argument to be .* or dataclass of them, got <class"
    ):
        grad(lambda kind: 1.0)(Point)


@dataclass
class Holding:
    """Whatever."""

    it: Any


PARTS: dict[str, tuple[Any, bool]] = {
    "a float": (1.5, True),
    "an int": (2, True),
    "a NumPy number": (np.float32(1.5), True),
    "a Value": (Value(1.0), True),
    "an array": (X, True),
    "Values": (np.array([Value(1.0), 2.0], dtype=object), True),
    "a list": ([1.0, (X, None)], True),
    "a module": (Neuron(1, rng=0), True),
    "a text": ("a", False),
    "texts": (["a", "b"], False),
    "a mixture": ([1.0, "a"], False),
    "an array of texts": (np.array(["a"]), False),
    "objects": (np.array(["a", 1.0], dtype=object), False),
    "a function": (len, False),
    "a class": (float, False),
    "a complex number": (1j, False),
    "a choice": (Kind.ONE, False),
    "a range": (range(3), False),
}


@pytest.mark.parametrize("name", PARTS)
def test_what_is_an_input(name: str) -> None:
    """Fields of any trees of numbers are inputs, and others are the same object in the copy."""
    part, is_input = PARTS[name]
    numbers, _ = flatten(Holding(part))
    assert bool(numbers) == is_input
    seen: list[Any] = []

    def seeing(it: Any, x: Any) -> Any:
        seen.append(it.it)
        return x

    if not is_input:
        jit(seeing, "numpy")(Holding(part), 1.0)
        assert seen[0] is part


def test_a_model_in_a_dataclass() -> None:
    """A module in a field is an argument like any other, and is read without a walk."""
    model = MLP(2, [3, 1], rng=0)
    x = np.array([0.3, -0.7])
    f = jit(lambda it: it.it[0](it.it[1]), "numpy")
    for _ in range(3):
        same(f(Holding([model, x])), model(x).data)
    model.layers[0].neurons[0].activation = autograd.relu
    same(f(Holding([model, x])), model(x).data)
    assert f.report().reason == "it.it[0].layers[0].neurons[0].activation is relu instead of tanh"
