from __future__ import annotations

from collections import OrderedDict, namedtuple
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autograd import Value, as_values, data, tanh, vmap
from autograd.engine.variables import under_differentiation
from autograd.transforms.derivatives import gradients_returned_by
from autograd.transforms.trees import Branch, Leaf, array_of, flatten, flatten_like, leaves_of, unflatten
from nn import MLP, Module, Neuron, Sequential


class Pair(NamedTuple):
    """A named tuple."""

    first: Any
    second: Any


Couple = namedtuple("Couple", ["first", "second"])

floats = st.floats(-1e6, 1e6)
shapes = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
leaves = st.none() | floats | arrays.arrays(np.float64, shapes, elements=floats)


def containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a list, tuple, named tuple or dict of the children."""
    lists = st.lists(children, max_size=3)
    return (
        lists
        | lists.map(tuple)
        | st.builds(Pair, children, children)
        | st.dictionaries(st.text(max_size=3) | st.integers(), children, max_size=3)
    )


trees = st.recursive(leaves, containers, max_leaves=8)


def check_equal(found: Any, expected: Any) -> None:
    """Assert that two trees are equal in types, keys, shapes and numbers."""
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape, found.tolist()) == (
            expected.dtype,
            expected.shape,
            expected.tolist(),
        )
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        check_equal(list(found.values()), list(expected.values()))
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for each, other in zip(found, expected, strict=True):
            check_equal(each, other)
    else:
        assert found == expected


def form(tree: Any) -> Any:
    """Return the container types, keys and leaf shapes of a tree."""
    if isinstance(tree, dict):
        return {key: form(item) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [type(tree), *map(form, tree)]
    return None if tree is None else np.shape(tree)


def negative(tree: Any) -> Any:
    """Return a tree with all numbers negated, by recursion."""
    if isinstance(tree, dict):
        return {key: negative(item) for key, item in tree.items()}
    if isinstance(tree, Pair):
        return Pair(*map(negative, tree))
    if isinstance(tree, list | tuple):
        return type(tree)(map(negative, tree))
    return np.array(-tree) if isinstance(tree, np.ndarray) else tree and -tree


# ---------------------------------------------------------------------------------------------- round trips


@given(trees)
def test_round_trip(tree: Any) -> None:
    """A flattened and unflattened tree equals the original, as an argument and as a result."""
    numbers, structure = flatten(tree)
    assert all(type(number) is float for number in numbers)
    assert len(numbers) == structure.size
    check_equal(unflatten(structure, numbers), tree)
    check_equal(unflatten(structure, iter(numbers), argument=True), tree)


@given(trees)
def test_other_numbers_in_the_same_structure(tree: Any) -> None:
    """Unflattening other numbers puts each one in the place of the original."""
    numbers, structure = flatten(tree)
    check_equal(unflatten(structure, [-number for number in numbers]), negative(tree))


@given(trees)
def test_numbers_of_a_tree_of_the_same_structure(tree: Any) -> None:
    """`flatten_like` returns the numbers of a tree of equal structure."""
    _, structure = flatten(tree)
    other = negative(tree)
    assert flatten_like(structure, other, "the tangent") == flatten(other)[0]
    assert (flatten(other)[1], str(flatten(other)[1])) == (structure, str(structure))


@given(trees)
def test_values_stay_the_same_objects(tree: Any) -> None:
    """Values stay the same objects, in object arrays of the same shape."""
    numbers, structure = flatten(tree)
    values = [Value(number) for number in numbers]
    found, same = flatten(unflatten(structure, values))
    assert list(map(id, found)) == list(map(id, values))
    assert same == structure


@given(trees, trees)
def test_structures_are_equal_where_the_forms_are(tree: Any, other: Any) -> None:
    """Structures are equal exactly if types, keys and shapes are; otherwise `flatten_like` raises."""
    structure, different = flatten(tree)[1], flatten(other)[1]
    assert (structure == different) == (form(tree) == form(other))
    if structure != different:
        with pytest.raises(ValueError, match="to have the structure"):
            flatten_like(structure, other, "the tangent")


def test_the_order_of_the_numbers() -> None:
    """Numbers are ordered as in lists, fields, dicts by insertion, and arrays by rows."""
    tree = {"z": [1.0, (2.0, Pair(3.0, np.array([[4.0, 5.0], [6.0, 7.0]])))], "a": 8.0}
    assert flatten(tree)[0] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (3, 3.0),
        (np.int64(3), 3.0),
        (np.float32(0.5), 0.5),
        (np.array(2.0), np.array(2.0)),
        (np.array(2), np.array(2.0)),
        (None, None),
        ([None, {"a": None, "b": 1}], [None, {"a": None, "b": 1.0}]),
        (np.array([0.5], dtype=np.float32), np.array([0.5])),
        (np.array([1, 2.5], dtype=object), np.array([1.0, 2.5])),
        (np.array([np.int64(1), np.float32(2.5)], dtype=object), np.array([1.0, 2.5])),
        (np.array(np.int64(3), dtype=object), np.array(3.0)),
        (np.arange(3.0).view(np.recarray), np.array([0.0, 1.0, 2.0])),
        (np.arange(6.0).reshape(2, 3).T, np.array([[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]])),
        (OrderedDict(b=1, a=2), {"b": 1.0, "a": 2.0}),
        (MappingProxyType({"a": 1.0}), {"a": 1.0}),
        (Couple(1, 2), Couple(1.0, 2.0)),
        ([], []),
        ((), ()),
        ({}, {}),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        ([[], ({},)], [[], ({},)]),
    ],
    ids=repr,
)
def test_what_a_tree_is_made_of(tree: Any, expected: Any) -> None:
    """Real numbers become floats, arrays become arrays of floats, mappings become dicts."""
    numbers, structure = flatten(tree)
    check_equal(unflatten(structure, numbers), expected)


def test_arrays_of_values_and_numbers() -> None:
    """An array that contains a Value is an object array; one of plain numbers has dtype float."""
    x = Value(2.0)
    mixed = array_of([x, 1.0], (2, 1))
    assert (mixed.dtype, mixed.shape, mixed[0, 0] is x, mixed[1, 0]) == (np.dtype(object), (2, 1), True, 1.0)
    check_equal(array_of([1.0, 2.0], (1, 2)), np.array([[1.0, 2.0]]))
    assert array_of([x], ()) is x
    assert array_of([x], (), is_array=True)[()] is x


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [([1, 2], "i"), ([True, False], "b"), ([1, 2.0], "f"), ([True, 1], "i"), ([], "f"), ([2**70, 1], "f")],
)
def test_kinds_of_numbers(numbers: list[Any], kind: str) -> None:
    """Arrays of only integers or only booleans keep their dtype; mixed ones promote as in NumPy."""
    assert array_of(numbers, (len(numbers),)).dtype.kind == kind


@pytest.mark.parametrize(
    "tree",
    [3, True, np.array([1, 2]), np.array([[True]]), np.array(4), [np.zeros((0,)), None, 2.0]],
    ids=repr,
)
def test_exact_leaves(tree: Any) -> None:
    """With exact=True integers and booleans, and arrays of them, keep their type."""
    found, structure = leaves_of(tree, exact=True)
    given = tree if isinstance(tree, list) else [tree]
    check_equal(found, [leaf for leaf in given if leaf is not None])
    flat = [number for leaf in found for number in np.ravel(leaf).tolist()]
    check_equal(leaves_of(unflatten(structure, flat), exact=True), (found, structure))


# --------------------------------------------------------------------------------------- structures


@pytest.mark.parametrize(
    ("tree", "description"),
    [
        (1.0, "number"),
        (Value(1.0), "number"),
        (np.ones((2, 3)), "array of shape (2, 3)"),
        ([1.0, np.ones(2)], "list(0: number, 1: array of shape (2,))"),
        ((1.0,), "tuple(0: number)"),
        ((1.0, None), "tuple(0: number, 1: None)"),
        (Pair(1.0, []), "Pair(first: number, second: list())"),
        ({"a": {"b": 1.0}}, "dict(a: dict(b: number))"),
        (Neuron(1, rng=0), "dict(w[0]: number, b: number)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_structure_describes_itself(tree: Any, description: str) -> None:
    """A structure prints as the types, keys and shapes of its tree."""
    assert str(flatten(tree)[1]) == description


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, [1.0]),
        (1.0, np.ones(1)),
        (np.ones(2), np.ones((1, 2))),
        ([1.0], (1.0,)),
        ([1.0], [1.0, 2.0]),
        ([[1.0], 2.0], [1.0, [2.0]]),
        ((1.0, 2.0), Pair(1.0, 2.0)),
        (Pair(1.0, 2.0), Couple(1.0, 2.0)),
        ({"a": 1.0}, {"b": 1.0}),
        ({0: 1.0}, [1.0]),
        ([], ()),
        (None, ()),
        (None, 1.0),
        ({"a": None}, {"a": 1.0}),
        (Neuron(1, rng=0), Neuron(2, rng=0)),
    ],
)
def test_different_structures(one: Any, other: Any) -> None:
    """Structures differ by container types, keys, lengths and shapes; an error shows both."""
    structure, different = flatten(one)[1], flatten(other)[1]
    assert structure != different
    with pytest.raises(
        ValueError, match="expected the tangent to have the structure of what it belongs to"
    ) as raised:
        flatten_like(structure, other, "the tangent")
    assert f"{structure}, got {different}" in str(raised.value)


def test_equal_structures() -> None:
    """Numbers and Values, arrays of either, and a module and its state dict have equal structures."""
    assert flatten(1)[1] == flatten(Value(2.0))[1] == Leaf(())
    assert flatten(np.ones((2, 1)))[1] == flatten(as_values([[1.0], [2.0]]))[1] == Leaf((2, 1))
    model = MLP(2, [2, 1], rng=0)
    assert flatten(model)[1] == flatten(model.state_dict())[1]
    assert hash(Leaf((2,))) == hash(Leaf((2,)))


def test_the_order_of_keys_does_not_matter() -> None:
    """Dicts with the same keys in another order match by key."""
    _, structure = flatten({"a": 1.0, "b": 2.0})
    assert flatten_like(structure, {"b": 20.0, "a": 10.0}, "the tangent") == [10.0, 20.0]


# ------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ("abc", r"expected the tangent to be a real number, .* got 'abc' \(str\)"),
        (True, r"got True \(bool\)"),
        (np.True_, r"got .*True.* \(bool"),
        (1j, r"got 1j \(complex\)"),
        ({1.0}, r"got \{1.0\} \(set\)"),
        ([1.0, {"a": b"x"}], r"got b'x' \(bytes\)"),
        (np.array([1, 2]), r"an array of int64, .* convert it with \.astype\(float\)"),
        (np.array([[1]], dtype=np.uint8), r"an array of uint8, .*\.astype\(float\)"),
        ([np.array([True])], r"an array of bool, .*\.astype\(float\)"),
        (np.array([1j]), "an array with 1j, which is neither a Value nor a real number"),
        (np.array(["a"]), "an array with 'a'"),
        (np.array([1.0, None]), "an array with None"),
        (np.array([1.0, True], dtype=object), "an array with True"),
        (np.array([1.0, np.True_], dtype=object), "an array with .*True"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), r"the tangent holds a masked array, .*\.filled\("),
        ([np.ma.masked_array([Value(1.0)], [False])], "a masked array"),
        (np.array([[1.0]]).view(np.matrix), r"the tangent holds a numpy.matrix, .* numpy\.asarray\(x\)"),
        (lambda x: x, r"\(function\)"),
    ],
)
def test_what_no_tree_is_made_of(tree: Any, message: str) -> None:
    """A leaf that is not a real number raises a TypeError that says where, what was passed and what to do."""
    with pytest.raises(TypeError, match=message):
        flatten(tree, "the tangent")


# --------------------------------------------------------------------------------------------------- modules


class Model(Module):
    """A model with parameters in several containers and other attributes."""

    def __init__(self) -> None:
        self.table = {"a": Value(1.0)}
        self.grid = as_values([[2.0, 3.0]])
        self.part = Neuron(1, "tanh", rng=0)
        self.again = self.part
        self.count = 4


def test_a_module_taken_apart() -> None:
    """A module flattens to the numbers of its named parameters, and unflattens to a dict as a result."""
    model = Model()
    numbers, structure = flatten(model)
    assert isinstance(structure, Branch)
    assert list(structure.keys) == list(model.state_dict())
    assert numbers == list(model.state_dict().values())
    check_equal(unflatten(structure, numbers), model.state_dict())


def test_a_module_as_an_argument() -> None:
    """As an argument, a module unflattens to a copy with the new parameters."""
    model = Model()
    numbers, structure = flatten(model)
    leaves = [Value(-number) for number in numbers]
    copy = unflatten(structure, leaves, argument=True)
    assert (type(copy), copy.count) == (Model, 4)
    assert list(map(id, copy.parameters())) == list(map(id, leaves))
    assert [name for name, _ in copy.named_parameters()] == list(model.state_dict())
    assert copy.again is copy.part is not model.part
    assert not set(map(id, copy.parameters())) & set(map(id, model.parameters()))
    assert list(model.state_dict().values()) == numbers


def test_modules_within_containers() -> None:
    """Modules may be in lists and dicts; each gives a dict."""
    tree: dict[str, Any] = {"models": [Neuron(1, rng=0), Neuron(2, rng=1)], "rate": 0.5}
    numbers, structure = flatten(tree)
    found = unflatten(structure, numbers)
    check_equal(found, {"models": [model.state_dict() for model in tree["models"]], "rate": 0.5})
    assert [len(model.w) for model in unflatten(structure, numbers, argument=True)["models"]] == [1, 2]


def test_a_module_without_parameters() -> None:
    """A module without parameters gives an empty dict as a result, and itself as an argument."""
    model = Sequential(tanh)
    numbers, structure = flatten(model)
    assert (numbers, unflatten(structure, [])) == ([], {})
    assert unflatten(structure, [], argument=True) is model


def test_parameters_that_are_being_differentiated_by() -> None:
    """Parameters flatten to plain numbers, except variables of an outer derivative."""
    model = Neuron(1, rng=0)
    assert [type(number) for number in flatten(model)[0]] == [float, float]
    with under_differentiation([model.b]):
        numbers, _ = flatten(model)
    assert (type(numbers[0]), numbers[1] is model.b) == (float, True)


def test_a_module_whose_parameters_all_samples_share() -> None:
    """`in_axes` may name the parameters of a module."""
    line, samples = Neuron(1, "linear", rng=0), np.array([1.0, 2.0])
    axes = dict.fromkeys(line.state_dict())
    found = vmap(lambda model, x: model([x]), in_axes=(axes, 0))(line, samples)
    assert data(found).tolist() == [line([x]).data for x in samples]


def test_who_computes_no_gradients() -> None:
    """It is asked of any function, also of one that nothing can refer to weakly."""

    class Slotted:
        __slots__ = ()

        def __call__(self, x: float) -> float:
            return x

    assert gradients_returned_by(Slotted()) is None
