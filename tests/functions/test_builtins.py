"""After ``from autograd import *``, `sum`, `max`, `min` and `abs` still work as Python's builtins."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import Value, as_values, data, grad, jit, value_and_grad

NAMES = [name for name in autograd.__all__ if hasattr(builtins, name)]

numbers = st.integers() | st.fractions() | st.booleans() | st.floats(allow_nan=False)
keys = st.sampled_from([None, operator.neg, abs, lambda x: -x * x])


def outcome(call: Callable[[], Any]) -> tuple[Any, ...]:
    """Return the result of a call and its type, or the type of the error and its message."""
    try:
        result = call()
    except Exception as error:
        return type(error), str(error)
    return type(result), result


def test_the_names() -> None:
    """The package shadows exactly these builtins."""
    assert set(NAMES) == {"abs", "max", "min", "sum"}


@pytest.mark.parametrize("name", ["max", "min"])
@given(items=st.lists(numbers), key=keys, default=st.none() | numbers)
def test_the_largest_of_plain_numbers(name: str, items: list[Any], key: Any, default: Any) -> None:
    """On plain numbers `max` and `min` act as the builtins: result, type, options and errors."""
    ours, theirs = getattr(autograd, name), getattr(builtins, name)
    for options in ({}, {"key": key}, {"default": default}, {"key": key, "default": default}):
        expected = outcome(partial(theirs, items, **options))
        assert outcome(partial(ours, items, **options)) == expected
        assert outcome(partial(ours, iter(items), **options)) == expected
        assert outcome(partial(ours, *items, **options)) == outcome(partial(theirs, *items, **options))


@given(st.lists(st.integers() | st.fractions() | st.booleans()), st.integers())
def test_the_sum_of_plain_numbers(items: list[Any], start: int) -> None:
    """On plain numbers `sum` and `abs` act as the builtins."""
    assert outcome(lambda: autograd.sum(items)) == outcome(lambda: sum(items))
    assert outcome(lambda: autograd.sum(iter(items), start)) == outcome(lambda: sum(items, start))
    assert outcome(lambda: autograd.sum(items, start=start)) == outcome(lambda: sum(items, start))
    for item in items:
        assert outcome(partial(autograd.abs, item)) == outcome(partial(abs, item))


@pytest.mark.parametrize(
    ("name", "args", "options"),
    [
        ("max", (3, 5), {}),
        ("max", ("abc",), {}),
        ("max", (["b", "a"],), {"key": ord}),
        ("max", ("b", "a"), {}),
        ("max", ({"x": 1, "y": 2},), {}),
        ("max", ([],), {"default": "none"}),
        ("max", ([],), {}),
        ("max", (), {}),
        ("max", (5,), {}),
        ("max", (1, "a"), {}),
        ("max", (1, 2), {"default": 3}),
        ("max", (1, 2), {"keys": 3}),
        ("max", ((1, 2), (1, 3)), {}),
        ("min", ([[1, 2], [0, 3]],), {}),
        ("min", (Fraction(1, 3), 0.5), {}),
        ("min", (-0.0, 0.0), {}),
        ("sum", ([[1], [2]], []), {}),
        ("sum", ([(1,), (2,)],), {"start": ()}),
        ("sum", (["a"],), {}),
        ("sum", (["a"], ""), {}),
        ("sum", (5,), {}),
        ("sum", ({1: 2.0, 3: 4.0},), {}),
        ("sum", ([1j, 2],), {}),
        ("abs", (-3,), {}),
        ("abs", (True,), {}),
        ("abs", (3 - 4j,), {}),
        ("abs", ("a",), {}),
        ("abs", (Fraction(-1, 3),), {}),
        ("abs", (np.int64(-3),), {}),
    ],
)
def test_what_only_the_builtins_take(name: str, args: Any, options: Any) -> None:
    """Anything but numbers, and each option, is passed to the builtin, errors included."""
    ours, theirs = getattr(autograd, name), getattr(builtins, name)
    assert outcome(lambda: ours(*args, **options)) == outcome(lambda: theirs(*args, **options))


def test_an_index() -> None:
    """Results on ints can index a list, as in code written before the import."""
    letters: Any = ["a", "b", "c"]
    assert letters[autograd.max(0, 1)] + letters[autograd.sum([1, 1])] + letters[autograd.abs(-1)] == "bcb"


def test_keys_of_values() -> None:
    """With a key, the item itself is returned, whether its key or the item is a Value."""
    values = [Value(2.0), Value(-3.0), Value(1.0)]
    assert autograd.max(values, key=abs) is values[1]
    assert autograd.min(*values, key=lambda v: v.data) is values[1]
    assert autograd.max(["a", "bb"], key=lambda word: Value(float(len(word)))) == "bb"
    assert autograd.max(values, default=0.0).op is autograd.OPS["max"]
    assert autograd.max([], default=values[0]) is values[0]


def test_the_start_of_a_sum_of_values() -> None:
    """A sum of Values with a start is one node with the start first; the default 0 is left out."""
    a, b = Value(2.0), Value(3.0)
    assert autograd.sum([a, b]).args == (a, b)
    assert autograd.sum([a, b], start=1.0).args == (1.0, a, b)
    assert autograd.sum([1, 2], start=a).args == (a, 1.0, 2.0)
    assert autograd.sum([], a).args == (a,)


def test_sums_of_arrays() -> None:
    """Arrays are added element by element, as by the builtin."""
    x = as_values([[1.0, 2.0], [3.0, 4.0]])
    assert data(autograd.sum(x)).tolist() == [4.0, 6.0]
    assert data(autograd.sum([x, x], start=x)).tolist() == [[3.0, 6.0], [9.0, 12.0]]
    assert autograd.sum([np.ones(2), np.ones(2)]).tolist() == [2.0, 2.0]
    assert autograd.max(np.array([1.0, 5.0]), np.array([2.0, 3.0]), 2.5).tolist() == [2.5, 5.0]


def test_a_nan_is_not_lost() -> None:
    """The maximum and minimum of floats with a nan is nan; the builtin's result depends on the order."""
    for items in ([1.0, np.nan], [np.nan, 1.0], [np.nan, Value(1.0)]):
        assert math.isnan(autograd.max(items))
        assert math.isnan(autograd.min(*items))


def test_differentiated_and_compiled() -> None:
    """On differentiated or traced values, mixed with any numbers, the operations are recorded."""

    def f(x: Any) -> Any:
        xs = [x, 2.0 * x, 3]
        return autograd.max(xs) + autograd.min(xs, default=0) * autograd.sum(xs, start=1) + autograd.abs(-x)

    program = jit(value_and_grad(f))
    for x in (0.5, 1.25, 2.0, -1.0):
        xs = [x, 2.0 * x, 3.0]
        expected = max(xs) + min(xs) * (1.0 + sum(xs)) + abs(x)
        assert f(x) == pytest.approx(expected)
        assert program(x) == pytest.approx((expected, grad(f)(x)))
