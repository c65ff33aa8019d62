"""Arguments of compiled functions: one key, and readers that agree with it."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from comparing import same
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import Value, grad, jit
from autograd.compiler import jitted
from autograd.compiler.arguments import call as calls
from autograd.compiler.arguments.call import Call
from autograd.compiler.arguments.reader import reader_of
from autograd.compiler.arguments.static import StaticArguments
from autograd.transforms.trees import leaves_of
from nn import MLP

Pair = namedtuple("Pair", "a b")


class Stack(list[Any]):
    """A subclass of list."""


@dataclass
class Options:
    """A dataclass with two inputs and two settings."""

    x: Any
    count: int
    y: Any = 1.0
    name: Any = field(default="a", metadata={"static": True})


@dataclass(frozen=True, slots=True)
class Slots:
    """A dataclass without a dict."""

    x: Any
    kind: str = "a"


def function(*args: Any, **kwargs: Any) -> Any:
    """Stand in for a compiled function."""


NUMBERS = st.one_of(
    st.sampled_from([0.5, -0.0, 1.0, 2, True, np.float64(0.5), np.float32(2.0), np.int8(1), np.bool_(False)])
)
SHAPES = st.sampled_from([(), (1,), (2,), (1, 2), (2, 1), (0,)])
KINDS = st.sampled_from([float, int, bool, np.float32, ">f8"])
ARRAYS = st.builds(lambda shape, kind: np.ones(shape).astype(kind), SHAPES, KINDS)
LONG = st.lists(NUMBERS, min_size=7, max_size=10)
ROWS = st.integers(3, 6).map(lambda count: [[0.5 * i, (1.0, 2)] for i in range(count)])
KEYS = st.sampled_from(["a", "b", 1, 1.0, True, (1, 2), (1.0, 2)])
TREES = st.recursive(
    st.one_of(NUMBERS, ARRAYS, LONG, ROWS, st.none()),
    lambda parts: st.one_of(
        st.lists(parts, max_size=3),
        st.lists(parts, max_size=2).map(tuple),
        st.dictionaries(KEYS, parts, max_size=3),
        st.builds(Pair, parts, parts),
        st.lists(parts, max_size=2).map(Stack),
        st.builds(
            Options,
            parts,
            st.integers(0, 1),
            parts,
            st.sampled_from(["a", 1, 1.0, True, [1], (1,), {"a": 1}]),
        ),
        st.builds(Slots, parts, st.sampled_from(["a", "b"])),
    ),
    max_leaves=6,
)
ARGUMENTS = st.lists(TREES, max_size=3).map(tuple)
NAMED = st.dictionaries(st.sampled_from(["p", "q"]), TREES, max_size=2)


@given(ARGUMENTS, NAMED, ARGUMENTS, NAMED)
def test_a_reader_is_of_a_key(args: Any, kwargs: Any, others: Any, named: Any) -> None:
    """A reader accepts exactly the arguments with its key, and returns their arrays."""
    call = Call(function, args, kwargs)
    read = reader_of(call)
    for a, k in ((args, kwargs), (others, named), (others, kwargs), (args, named)):
        other = Call(function, a, k)
        found = read(a, k)
        assert (found is not None) == (other.key == call.key)
        if found is not None:
            same(list(found), other.arrays)
            assert [type(item) for item in found] == [type(item) for item in other.arrays]
            assert [np.asarray(item).dtype for item in found] == [np.dtype(float)] * len(found)


@given(ARGUMENTS, NAMED)
def test_arrays_and_their_names(args: Any, kwargs: Any) -> None:
    """Each array has a name and a shape; together the arrays contain the numbers of all leaves."""
    call = Call(function, args, kwargs)
    shapes = [np.shape(array) for array in call.arrays]
    assert shapes == call.shapes
    assert len(call.names) == len(shapes)
    flat = [float(number) for leaf in call.leaves for number in np.ravel(leaf)]
    assert [number for array in call.arrays for number in array.ravel().tolist()] == flat


STATICS = st.sampled_from(
    [0, 1, 1.0, True, -0.0, 0.0, "a", None, (1, 2), (1.0, 2), frozenset({1}), len, float]
)


@given(STATICS, STATICS, st.booleans(), st.booleans(), st.sampled_from([1.0, np.ones(2)]))
def test_readers_compare_static_arguments(one: Any, other: Any, first: bool, second: bool, x: Any) -> None:
    """A reader distinguishes static arguments by value, type, and position or keyword."""
    static = StaticArguments(lambda x, n: x, 1, None)
    passed = [
        ((2.0, value), {}) if it else ((2.0,), {"n": value}) for value, it in ((one, first), (other, second))
    ]
    call, like = (Call(function, *arguments, static) for arguments in passed)
    found = reader_of(call)(*passed[1])
    assert (found is not None) == (call.key == like.key)
    assert (found is not None) == (repr(one) == repr(other) and first == second)


class Disguised:
    """An object that says it is an array of one number."""

    shape = (1,)
    dtype = np.dtype(float)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The class of arrays."""
        return np.ndarray


LIKE_NO_OTHER: dict[str, Any] = {
    "a Value": Value(1.0),
    "objects": np.array([Value(1.0), 2.0], dtype=object),
    "a mask": np.ma.masked_array([1.0], [True]),
    "a subclass of arrays": np.ones(2).view(np.recarray),
    "a subclass of dicts": OrderedDict(a=1.0),
    "a module": MLP(1, [1]),
    "a text": "a",
    "a disguise": Disguised(),
    "complex numbers": np.ones(2, dtype=complex),
    "times": np.zeros(2, dtype="M8[s]"),
}


@pytest.mark.parametrize("name", LIKE_NO_OTHER)
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": x}, lambda x: [0.5] * 9 + [x]])
def test_readers_refuse_what_they_do_not_know(name: str, wrap: Any) -> None:
    """A reader rejects arguments that need the full analysis, whatever it was made for."""
    for before in (1.0, np.ones(1), np.ones(2), [1.0], {"a": 1.0}, None):
        read = reader_of(Call(function, (wrap(before),), {}))
        assert read((wrap(LIKE_NO_OTHER[name]),), {}) is None


CALLS: dict[str, tuple[Any, Any, Any]] = {
    "numbers": (lambda a, b, c: a * b + c, (2.0, 3.0, 4.0), {}),
    "other numbers": (lambda a, b, c: a * b + c, (2, True, np.float32(4.0)), {}),
    "arrays": (lambda a, b: a * b, (np.ones(3), np.arange(3)), {}),
    "single precision": (lambda a: a * 2.0, (np.ones(3, dtype=np.float32),), {}),
    "None": (lambda x, n: x * 2.0, (1.0, None), {}),
    "by name": (lambda x, *, scale: x * scale, (1.0,), {"scale": 2.0}),
    "trees": (lambda tree: tree["a"][0] * tree["b"][1], ({"a": (1.0,), "b": [2.0, np.ones(2)]},), {}),
    "a pair": (lambda pair: pair.a * pair.b, (Pair(1.0, 2.0),), {}),
    "many numbers": (lambda numbers: autograd.sum(numbers), ([0.5] * 50,), {}),
    "rows": (lambda rows: rows[0][1] * rows[5][0], ([[0.5, 2] for _ in range(10)],), {}),
    "columns": (lambda columns: columns["a"][3] * 2.0, ({"a": [0.5] * 9, "b": [1] * 9},), {}),
    "keys": (lambda tree: tree[1] * tree[(0, 1)], ({1: 2.0, (0, 1): 3.0},), {}),
    "a dataclass": (lambda it: it.x * it.y * it.count, (Options(2.0, 3, np.ones(2)),), {}),
    "a dataclass in a list": (lambda its: its[0].x * its[0].count, ([Options(2.0, 3, name=[1, 2])],), {}),
    "slots": (lambda it: it.x * 2.0, (Slots(2.0),), {}),
    "static": (lambda x, n: x**n, (2.0, 3), {}),
    "static by name": (lambda x, n: x**n, (2.0,), {"n": 3}),
    "a static function": (lambda x, n: n(x), (2.0, autograd.sin), {}),
    "many numbers beside others by name": (
        lambda x, numbers: x * autograd.sum(numbers),
        (),
        {"x": 2.0, "numbers": [0.5] * 9},
    ),
    "nothing": (lambda: 2.0, (), {}),
    "the same twice": (lambda a, b: a * b, (SHARED := np.ones(2), SHARED), {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_second_call_is_fast(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call flattens the arguments once; all later calls use the reader."""
    f, args, kwargs = CALLS[name]
    taken_apart: list[Any] = []

    def counting(*args: Any, **kwargs: Any) -> Any:
        taken_apart.append(args)
        return leaves_of(*args, **kwargs)

    monkeypatch.setattr(calls, "leaves_of", counting)
    compiled = jit(f, backend="numpy", static_argnames="n" if "static" in name else None)
    first = compiled(*args, **kwargs)
    assert len(taken_apart) == 1
    monkeypatch.setattr(jitted, "Call", None)
    for _ in range(2):
        same(compiled(*args, **kwargs), first)


def test_calls_of_several_forms_are_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alternating calls are fast once each form was called, whether or not they share a program."""
    compiled = jit(lambda x, y=1.0: [x * y], backend="numpy")
    arguments: list[tuple[Any, Any]] = [
        ((1.0,), {}),
        ((2,), {}),
        ((2.0, 3.0), {}),
        ((2.0,), {"y": 3}),
        *(((np.ones(size), 2.0), {}) for size in range(4)),
        *(((np.ones(size, dtype=int), True), {}) for size in range(4)),
    ]
    expected = [compiled(*args, **kwargs) for args, kwargs in arguments]
    assert len(compiled._programs) == 7
    monkeypatch.setattr(jitted, "Call", None)
    for _ in range(2):
        same([compiled(*args, **kwargs) for args, kwargs in arguments], expected)


def test_recorded_arguments_between_others() -> None:
    """A call with Values to differentiate is never read as a call with plain numbers."""
    f = jit(lambda x, y: x * y, backend="numpy")
    for _ in range(3):
        assert f(2.0, 3.0) == 6.0
        assert grad(f)(2.0, 3.0) == 3.0
        assert f(Value(2.0), 3.0).op is not None


def test_types_without_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument types created anew for each call do not accumulate in memory."""
    f = jit(lambda x: x["a"] * 2.0, backend="numpy")
    for _ in range(1000):
        assert f(type("Table", (dict,), {})(a=2.0)) == 4.0
    assert len(f._programs) == 1
    assert len(f._programs._by_form) < 600


def test_what_a_call_loads() -> None:
    """A call with arrays does not import numpy.ma, which would take longer than compiling."""
    program = """
import sys
import numpy as np
from autograd import grad, jit

jit(grad(lambda x: (x * x).sum()), backend="numpy")(np.ones(3))
print("numpy.ma" in sys.modules)
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout == "False\n"
