"""What a module records of the arguments that it was made with."""

from __future__ import annotations

import copy
import gc
import pickle
import runpy
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from weakref import ref

import numpy as np
import pytest

import nn
from autograd import Value, grad, jit
from nn import MLP, Layer, Module, Sequential


class Made(Module):
    """Takes anything, and keeps nothing of it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.w = Value(2.0)

    def forward(self, x: Any) -> Any:
        """Return the output for one sample."""
        return self.w * x[0]


@dataclass
class Point(Module):
    """A module that is a dataclass."""

    x: float
    y: float = 2.0


@dataclass(frozen=True)
class Frozen(Module):
    """A module that nobody may assign to."""

    x: float


def test_arguments_are_recorded_as_given() -> None:
    """Arguments are recorded as given."""
    assert MLP(2, [3, 1], "tanh", rng=0).made_with == ((2, [3, 1], "tanh"), {"rng": 0})
    assert Point(1.0).made_with == ((1.0,), {})
    assert Frozen(x=1.0).made_with == ((), {"x": 1.0})
    layer = Layer(2, 1)
    assert Sequential(layer, np.tanh).made_with == ((layer, np.tanh), {})


def test_a_record_stays_as_it_was() -> None:
    """A record stays as it was."""
    sizes, table, array = [3, 1], {"a": [1]}, np.ones(2)
    made = Made(sizes, table, array)
    sizes.append(5)
    table["a"].append(2)
    array[0] = 7.0
    args, _ = made.made_with
    assert args[:2] == ([3, 1], {"a": [1]})
    assert args[2].tolist() == [1.0, 1.0]


def test_what_is_large_or_a_resource_is_not_kept() -> None:
    """What is large or a resource is not kept."""
    rows, data, graph = iter([1, 2]), np.zeros((200, 100)), Value(1.0) * 2.0
    args, kwargs = Made(rows, data, graph, [0] * 20_000, rng=np.random.default_rng(0)).made_with
    assert kwargs == {"rng": None}
    assert list(map(repr, args))[1:] == [
        "<not kept: an array of shape (200, 100)>",
        "<not kept: Value(2.0, op='*')>",
        "<not kept: a list of 20000 items>",
    ]
    assert list(rows) == [1, 2]


def test_a_value_of_the_arguments_is_no_parameter() -> None:
    """A value of the arguments is no parameter."""
    assert list(Made(Value(3.0)).state_dict()) == ["w"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_keep_the_record(copied: Any) -> None:
    """Copies keep the record."""
    model = copied(MLP(2, [3, 1], rng=0))
    assert model.made_with == ((2, [3, 1]), {"rng": 0})
    args, _ = copied(Made(lambda x: x, 3)).made_with
    assert args[1] == 3


def test_a_deep_copy_records_copies_of_modules() -> None:
    """A deep copy records copies of modules."""
    model = copy.deepcopy(Sequential(Layer(2, 1)))
    assert model.made_with[0][0] is model.steps[0]


def test_a_record_is_no_part_of_the_key() -> None:
    """A record is no part of the key."""
    predict = jit(lambda model, x: model(x))
    for number in range(3):
        # What the record refers to has no key: an iterator would raise.
        assert predict(Made(number, lambda x: x, rng=np.random.default_rng(number)), np.ones(2)) == 2.0
    assert predict.report().compilations == 1


def test_derivatives_do_not_copy_what_is_recorded() -> None:
    """Derivatives do not copy what is recorded."""
    inner = Layer(2, 1)
    seen = []

    def first(model: Any) -> Any:
        seen.append(model.made_with[0][0])
        return model([1.0])

    assert grad(first)(Made(inner)) == {"w": 1.0}
    assert seen == [inner]


class Parent(Module):
    """A parent."""

    def __init__(self) -> None:
        self.child = Made(self)

    def forward(self, x: Any) -> Any:
        """Return the output for one sample."""
        return self.child.forward(x)


def test_a_child_that_was_made_with_its_parent_does_not_keep_it_alive() -> None:
    """A child that was made with its parent does not keep it alive."""
    parent = Parent()
    assert repr(parent.child.made_with[0]) == "(<not kept: a Parent that is not made yet>,)"
    predict = jit(lambda model, x: model(x))
    assert predict(parent, np.ones(1)) == predict(parent, np.ones(1)) == 2.0
    gone = ref(parent)
    del parent
    gc.collect()
    assert gone() is None


def test_another_package_of_the_name_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where HIPS autograd has taken its place, the import says so, and what to do."""
    other = ModuleType("autograd")
    other.__path__ = ["site-packages/autograd"]
    monkeypatch.setitem(sys.modules, "autograd", other)
    with pytest.raises(ImportError, match="in site-packages/autograd, got files of HIPS autograd"):
        runpy.run_path(str(nn.__file__))
