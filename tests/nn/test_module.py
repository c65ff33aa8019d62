from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import autograd
from autograd import Value, as_values, data, jit, vjp
from nn import MLP, Layer, Module, Neuron, Sequential, Tanh


class Containers(Module):
    """A module with parameters in every kind of container, and other attributes."""

    def __init__(self) -> None:
        self.single = Value(1.0)
        self.row = [Value(2.0), Value(3.0)]
        self.pair = (Value(4.0), [Value(5.0)])
        self.table: dict[str, Any] = {"a": Value(6.0), "b": {"c": Value(7.0)}}
        self.matrix = as_values([[8.0, 9.0]])
        self.part = Neuron(1, init="zeros")
        self.parts = {"x": [Neuron(1, init="zeros")]}
        self.interior = self.single * 2.0
        self.number, self.numbers, self.text, self.nothing = 3.0, np.ones(2), "abc", None


class Holder(Module):
    """A module with arbitrary attributes."""

    if TYPE_CHECKING:  # Declares arbitrary attributes to type checkers.

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


class Multiples(Module):
    """Returns the sum of a sample times 1, 2, ... in a container of a given type."""

    def __init__(self, count: int, kind: Callable[[list[Any]], Any] = list) -> None:
        self.count, self.kind = count, kind

    def forward(self, x: Any) -> Any:
        """Return the multiples."""
        return self.kind([factor * autograd.sum(x) for factor in range(1, self.count + 1)])


def names(module: Module) -> list[str]:
    """Return the names of the parameters."""
    return [name for name, _ in module.named_parameters()]


def labels(module: Module) -> list[str]:
    """Return the labels of the parameters."""
    return [parameter.label for parameter in module.parameters()]


def as_array(outputs: list[Any]) -> Any:
    """Return outputs as an object array."""
    return np.array(outputs, dtype=object)


# ------------------------------------------------------------------------------------------- parameters


def test_parameters_are_found_in_every_container() -> None:
    """Parameters in any container are found, named by their path, in the order of assignment."""
    module = Containers()
    assert dict(module.named_parameters()) == {
        "single": module.single,
        "row[0]": module.row[0],
        "row[1]": module.row[1],
        "pair[0]": module.pair[0],
        "pair.1[0]": module.pair[1][0],
        "table.a": module.table["a"],
        "table.b.c": module.table["b"]["c"],
        "matrix[0, 0]": module.matrix[0, 0],
        "matrix[0, 1]": module.matrix[0, 1],
        "part.w[0]": module.part.w[0],
        "part.b": module.part.b,
        "parts.x.0.w[0]": module.parts["x"][0].w[0],
        "parts.x.0.b": module.parts["x"][0].b,
    }
    assert names(module)[:3] == ["single", "row[0]", "row[1]"]
    assert list(map(id, module.parameters())) == [id(p) for _, p in module.named_parameters()]


def test_parameters_among_numbers_are_found() -> None:
    """A list may hold numbers and texts beside parameters, which are named by where they stand in it."""
    module: Any = Containers()
    module.row = [0.5, Value(1.0), "two", 3, Value(4.0)]
    assert [name for name in names(module) if name.startswith("row")] == ["row[1]", "row[4]"]


def test_results_of_operations_are_no_parameters() -> None:
    """The result of an operation is not a parameter, even if it depends on one."""
    weight = Value(2.0)
    assert Holder(interior=weight * 3.0, terms=[weight + 1.0]).parameters() == []


def test_parameters_of_equal_value_are_different() -> None:
    """Parameters are distinguished by identity, not by value."""
    assert len(Holder(a=Value(1.0), b=Value(1.0)).parameters()) == 2


@pytest.mark.parametrize("shared", [Value(1.0), Neuron(1, rng=0)], ids=["parameter", "module"])
def test_shared_parameters_are_found_once(shared: Any) -> None:
    """A shared parameter or module is listed once, under its first name."""
    once, twice = Holder(first=shared), Holder(first=shared, second=[shared])
    assert names(twice) == names(once)


def test_modules_may_refer_to_each_other() -> None:
    """A module with a part that refers back to it is visited once."""
    whole = Holder(weight=Value(1.0), part=Holder(weight=Value(2.0)))
    whole.part.whole = [whole]
    assert names(whole) == ["weight", "part.weight"]
    assert names(whole.part) == ["weight", "whole.0.weight"]


def test_modules_may_be_nested_deeply() -> None:
    """The parameters of deeply nested modules are all found."""
    chain = [Holder(weight=Value(1.0)) for _ in range(3000)]
    for module, following in pairwise(chain):
        module.following = following
    assert len(chain[0].parameters()) == 3000


def test_a_module_may_be_a_dataclass() -> None:
    """Modules that compare by value, and so are unhashable, are visited like others."""

    @dataclass
    class Line(Module):
        slope: Value
        offset: Value

    assert names(Line(Value(1.0), Value(2.0))) == ["slope", "offset"]


# ----------------------------------------------------------------------------------------------- labels


def test_parameters_are_labelled_with_their_names() -> None:
    """Parameters are labelled with their names, even if `__init__` does not call `super().__init__`."""
    module = Containers()
    assert labels(module) == names(module)


def test_labels_follow_into_a_larger_model() -> None:
    """If a module becomes part of a larger model, its parameters are relabelled with their names there."""
    part = Layer(1, 2, rng=0)
    assert labels(part)[-1] == "neurons.1.b"
    whole = Sequential(Layer(2, 1, rng=0), part)
    assert labels(whole) == names(whole)
    assert labels(part)[-1] == "steps.1.neurons.1.b"


@pytest.mark.parametrize("label", ["steepness", "slope of the line", "e", "lope", "0"])
def test_explicit_labels_are_kept(label: str) -> None:
    """A label set by the user is kept."""
    module = Holder(slope=Value(1.0, label=label), v0=Value(1.0, label=label))
    assert labels(Holder(part=module)) == [label, label]
    assert names(module) == ["slope", "v0"]


def test_parameters_added_later_are_labelled_on_request() -> None:
    """`label_parameters` labels parameters that were assigned after construction."""
    module = Holder()
    module.late = [Value(1.0)]
    module.label_parameters()
    assert labels(module) == ["late[0]"]


# ------------------------------------------------------------------------------------------------ state


def test_state_goes_round() -> None:
    """Loading a `state_dict` into another model of the same structure makes them equal."""
    model, other = MLP(2, [3, 1], rng=0), MLP(2, [3, 1], rng=1)
    state = model.state_dict()
    assert list(state) == names(model)
    assert other.state_dict() != state
    other.load_state_dict(state)
    assert other.state_dict() == state


def test_state_is_a_copy() -> None:
    """Further training does not change a state dict taken before."""
    neuron = Neuron(1, rng=0)
    state = neuron.state_dict()
    neuron.b.data = 5.0
    assert state["b"] == 0.0


def test_loading_assigns_to_the_same_parameters() -> None:
    """Loading accepts any real numbers, and keeps the parameters' identity, order and labels."""
    neuron = Neuron(2, rng=0)
    before = list(map(id, neuron.parameters()))
    numbers: dict[str, Any] = {"b": 3, "w[1]": np.float32(2.0), "w[0]": np.int64(1)}
    neuron.load_state_dict(numbers)
    assert list(map(id, neuron.parameters())) == before
    assert neuron.state_dict() == {"w[0]": 1.0, "w[1]": 2.0, "b": 3.0}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"b": None}, TypeError, "None"),
        ({"b": "wide"}, ValueError, "wide"),
        ({"c": 1.0}, ValueError, r"Neuron: it lacks nothing and has c .* the same sizes"),
        (dict.fromkeys("cdefg", 1.0), ValueError, "has c, d, e and 2 more"),
    ],
    ids=["no number", "text", "an unknown name", "many unknown names"],
)
def test_a_state_that_does_not_fit_changes_nothing(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    """A state dict with an unknown name or an invalid value raises, and no parameter changes."""
    neuron = Neuron(2, rng=0)
    before = neuron.state_dict()
    with pytest.raises(error, match=message):
        neuron.load_state_dict(dict.fromkeys(before, 9.0) | changes)
    assert neuron.state_dict() == before


def test_a_state_that_lacks_a_name_changes_nothing() -> None:
    """A state dict without one of the parameters raises with its name, and no parameter changes."""
    neuron = Neuron(2, rng=0)
    before = neuron.state_dict()
    with pytest.raises(ValueError, match=r"it lacks w\[1\], b and has nothing"):
        neuron.load_state_dict({"w[0]": 9.0})
    assert neuron.state_dict() == before


def test_zero_grad() -> None:
    """`zero_grad` sets each gradient to 0, so the next backward starts from 0."""
    neuron = Neuron(2, "linear", rng=0)
    for _ in range(2):
        neuron.zero_grad()
        assert [p.grad for p in neuron.parameters()] == [0.0, 0.0, 0.0]
        neuron([1.0, 2.0]).backward()
        assert [p.grad for p in neuron.parameters()] == [1.0, 2.0, 1.0]


# ---------------------------------------------------------------------------------------------- calling

SAMPLES = [[1, 2], (1, 2), np.array([1, 2]), np.array([1, 2], dtype=np.float32), as_values([1, 2])]
BATCHES = [
    [[1, 2], [3, 4], [5, 6]],
    ((1, 2), (3, 4), (5, 6)),
    [np.array([1, 2]), np.array([3, 4]), np.array([5, 6])],
    np.array([[1, 2], [3, 4], [5, 6]]),
    np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32),
    as_values([[1, 2], [3, 4], [5, 6]]),
]


@pytest.mark.parametrize("x", SAMPLES, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("kind", [list, tuple, as_array, lambda outputs: outputs[0]])
def test_a_single_output_of_a_sample(x: Any, kind: Callable[[list[Any]], Any]) -> None:
    """A single output of a sample is returned by itself, whatever container `forward` returns."""
    assert Multiples(1, kind)(x) == 3.0


@pytest.mark.parametrize("x", SAMPLES, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("kind", [list, tuple, as_array])
def test_several_outputs_of_a_sample(x: Any, kind: Callable[[list[Any]], Any]) -> None:
    """Several outputs of a sample are returned as a list, whatever container `forward` returns."""
    outputs = Multiples(3, kind)(x)
    assert isinstance(outputs, list)
    assert outputs == [3.0, 6.0, 9.0]


@pytest.mark.parametrize(
    "model",
    [
        MLP(2, [4, 3], rng=0),
        Layer(2, 3, rng=0),
        Sequential(Layer(2, 3, rng=0), autograd.tanh),
        Sequential(Layer(2, 3, rng=0), autograd.softmax),
    ],
    ids=str,
)
def test_outputs_of_a_model(model: Module) -> None:
    """Each model returns a list of `Value`s for a sample, and rows with the same numbers for a batch."""
    rows = [[1.0, 2.0], [3.0, -4.0]]
    outputs = [model(row) for row in rows]
    assert all(isinstance(row, list) for row in outputs)
    assert all(isinstance(output, Value) for row in outputs for output in row)
    np.testing.assert_array_equal(data(model(rows)), data(outputs))


@pytest.mark.parametrize("x", BATCHES, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("kind", [list, tuple, as_array])
@pytest.mark.parametrize("count", [1, 2])
def test_outputs_of_a_batch(x: Any, kind: Callable[[list[Any]], Any], count: int) -> None:
    """A batch gives an object array with one row per sample and one column per output."""
    outputs = Multiples(count, kind)(x)
    assert (outputs.dtype, outputs.shape) == (object, (3, count))
    np.testing.assert_array_equal(outputs, np.outer([3.0, 7.0, 11.0], range(1, count + 1)))


def test_a_batch_without_samples() -> None:
    """A batch without samples has no outputs."""
    assert MLP(2, [3, 1])(np.empty((0, 2))).size == 0


def test_inputs_get_gradients() -> None:
    """Inputs that are `Value`s get gradients."""
    neuron = Neuron(2, "linear", rng=0)
    x = as_values([1.0, 2.0])
    neuron(x).backward()
    assert [item.grad for item in x] == [weight.data for weight in neuron.w]


def generator() -> Iterator[float]:
    """Yield the inputs of a sample, without a length."""
    yield from (1.0, 2.0)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros((1, 2, 2)), ValueError, r"expected a 1-D sample or a 2-D batch, .* shape \(1, 2, 2\)"),
        (np.array(1.0), ValueError, r"expected a 1-D sample or a 2-D batch, .* shape \(\)"),
        (3.0, TypeError, r"expected a sequence or array of inputs, got 3.0 \(float\)"),
        (None, TypeError, r"got None \(NoneType\)"),
        (Value(1.0), TypeError, r"got Value\(1.0\)"),
        (generator(), TypeError, "expected a sequence or array of inputs"),
        ([1.0, 2.0, 3.0], ValueError, "expected 2 inputs, got 3"),
        ([], ValueError, "expected 2 inputs, got 0"),
        (np.zeros((4, 1)), ValueError, "expected 2 inputs, got 1"),
        ([[1.0, 2.0], [1.0]], ValueError, "expected 2 inputs, got 1"),
        ([1.0, None], TypeError, "operand 1 is None"),
    ],
)
def test_inputs_of_another_kind(x: Any, error: type[Exception], message: str) -> None:
    """Inputs of another type or shape raise an error that says what was expected and what was passed."""
    with pytest.raises(error, match=message):
        MLP(2, [2, 1])(x)


def test_a_module_without_forward() -> None:
    """Calling a module without `forward` raises an error with the name of its class."""
    with pytest.raises(NotImplementedError, match=r"Containers does not define forward\(x\)"):
        Containers()([1.0])


def test_a_list_that_contains_itself() -> None:
    """Parameters are found once in a list that contains itself."""
    parts: list[Any] = [Value(1.0)]
    parts.append(parts)
    assert [name for name, _ in Holder(parts=parts).named_parameters()] == ["parts[0]"]


# ------------------------------------------------------------------------------------------------ outputs


@pytest.mark.parametrize("name", ["backward", "grad", "data", "draw", "exp"])
def test_outputs_are_no_value(name: str) -> None:
    """Using an attribute of a Value on a list of outputs raises an error that says what to do."""
    outputs = MLP(2, [3], rng=0)([1.0, 2.0])
    with pytest.raises(AttributeError, match=rf"these are 3 outputs in a list, and '{name}' is of one Value"):
        getattr(outputs, name)
    with pytest.raises(AttributeError, match=r"^'list' object has no attribute 'missing'$"):
        outputs.missing  # noqa: B018


def test_outputs_are_a_list() -> None:
    """Outputs compare, copy, pickle and work as trees like a list, also for cotangents."""
    model = MLP(2, [3], rng=0)
    outputs = model([1.0, 2.0])
    numbers = [output.data for output in outputs]
    assert isinstance(outputs, list)
    assert outputs == list(outputs)
    assert repr(outputs) == repr(list(outputs))
    assert [output.data for output in pickle.loads(pickle.dumps(outputs))] == numbers
    assert [output.data for output in copy.deepcopy(outputs)] == numbers
    assert type(jit(model)([1.0, 2.0])) is list
    out, pull = vjp(model, [1.0, 2.0])
    assert type(out) is list
    assert type(pull([1.0, 0.0, 0.0])[0]) is list


def test_summaries_of_shapes_that_are_not_known() -> None:
    """A model that does not take what its first layer says, or whose layers say nothing, has no shapes."""

    class Wider(Module):
        def __init__(self) -> None:
            self.inner = Layer(3, 1, rng=0)

        def forward(self, x: Any) -> Any:
            return self.inner([*x, 1.0])

    class Written(Module):
        def __repr__(self) -> str:
            return "W" * 300 + "\nand more"

    for model in (Wider(), Sequential(Tanh(), Written()), Sequential(Tanh(), Tanh())):
        assert [row.output_shape for row in model.summary().rows] == [None] * len(model.summary().rows)
    shown = repr(Sequential(Tanh(), Written())).splitlines()[-1]
    assert "WWW..." in shown
    assert "more" not in shown
    assert len(shown) < 200
