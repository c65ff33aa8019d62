from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from itertools import pairwise, product
from math import cos, exp, factorial, log, sin
from threading import Barrier
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from mpmath import mp
from oracles import derivative, exact, public, sample, split

import autograd
from autograd import OPS, Op, Value, grad, hessian, hvp, jacobian, jit, jvp, value_and_grad, vjp, vmap
from autograd.engine.apply import apply
from autograd.engine.gradients import has_gradient
from autograd.engine.graph import consumers_first, nodes
from autograd.transforms.trees import flatten
from nn import MLP, Module, Neuron, Sequential

Scalar = Callable[[Any], Any]


class Point(NamedTuple):
    """A named tuple as an argument."""

    x: Any
    y: Any


class Scale(Module):
    """A model with one parameter."""

    def __init__(self, w: float) -> None:
        self.w = Value(w)

    def forward(self, x: Sequence[Any]) -> Any:
        """Return w * x."""
        return self.w * x[0]


def by_jvp(f: Scalar) -> Scalar:
    """Return the derivative of a function of one number by forward mode."""
    return lambda x: jvp(f, (x,), (1.0,))[1]


def by_vjp(f: Scalar) -> Scalar:
    """Return the derivative of a function of one number, by its pullback."""
    return lambda x: vjp(f, x)[1](1.0)[0]


def by_jacobian(mode: str) -> Callable[[Scalar], Scalar]:
    """Return the derivative of a function of one number as its Jacobian."""
    return lambda f: jacobian(f, mode=mode)


DERIVATIVES = {
    "grad": grad,
    "jvp": by_jvp,
    "vjp": by_vjp,
    "jacobian fwd": by_jacobian("fwd"),
    "jacobian rev": by_jacobian("rev"),
}


def pairings(depth: int, *names: str) -> pytest.MarkDecorator:
    """Parametrise over all combinations of nested derivatives, the outermost first."""
    ways = list(product(names or DERIVATIVES, repeat=depth))
    return pytest.mark.parametrize(
        "ways", [[DERIVATIVES[name] for name in way] for way in ways], ids=[" of ".join(way) for way in ways]
    )


def repeated(f: Scalar, order: int, ways: Sequence[Callable[[Scalar], Scalar]] = (grad,)) -> Scalar:
    """Return the derivative of a given order, cycling through the given ways."""
    for i in range(order):
        f = ways[i % len(ways)](f)
    return f


def sum_of_squares(tree: Any) -> Any:
    """Return the sum of the squares of all numbers of a tree."""
    return autograd.sum(number * number for number in flatten(tree)[0])


def check_floats(found: Any, expected: Any) -> None:
    """Assert that a result has the expected structure and numbers, as plain floats."""
    numbers, structure = flatten(found)
    expected_numbers, expected_structure = flatten(expected)
    assert structure == expected_structure
    assert {type(number) for number in numbers} <= {float}
    assert numbers == pytest.approx(expected_numbers, rel=1e-12, abs=1e-12)


def check_values(found: Any, expected: Any) -> None:
    """Assert that a result consists of `Value`s with the expected numbers."""
    numbers, structure = flatten(found)
    expected_numbers, expected_structure = flatten(expected)
    assert structure == expected_structure
    assert {type(number) for number in numbers} == {Value}
    assert list(map(float, numbers)) == pytest.approx(expected_numbers, rel=1e-12)


# ----------------------------------------------------------------------------------- arguments, structures

TREES = {
    "float": (3.0, 6.0),
    "int": (3, 6.0),
    "numpy float": (np.float32(3.0), 6.0),
    "array": (np.array([1.0, 2.0]), np.array([2.0, 4.0])),
    "matrix": (np.ones((2, 3)), np.full((2, 3), 2.0)),
    "float32 array": (np.ones(2, dtype=np.float32), np.full(2, 2.0)),
    "0-d array": (np.array(3.0), 6.0),
    "empty array": (np.zeros((0, 2)), np.zeros((0, 2))),
    "list": ([1.0, 2.0], [2.0, 4.0]),
    "tuple": ((1.0, (2.0,)), (2.0, (4.0,))),
    "namedtuple": (Point(1.0, [2.0]), Point(2.0, [4.0])),
    "dict": ({"w": np.array([[1.0]]), "b": 2.0}, {"w": np.array([[2.0]]), "b": 4.0}),
    "mapping": (MappingProxyType({"w": 1.0}), {"w": 2.0}),
    "deep": ([{"p": (Point(1.0, np.ones(2)), 3.0)}], [{"p": (Point(2.0, np.full(2, 2.0)), 6.0)}]),
    "module": (Scale(3.0), {"w": 6.0}),
    "modules": ([Scale(3.0), {"m": Scale(4.0)}], [{"w": 6.0}, {"m": {"w": 8.0}}]),
    "empty list": ([], []),
    "module without parameters": (Sequential(autograd.tanh), {}),
}
trees = pytest.mark.parametrize(("tree", "gradient"), TREES.values(), ids=list(TREES))


@trees
def test_a_gradient_has_the_form_of_the_argument(tree: Any, gradient: Any) -> None:
    """A gradient has the structure of its argument; the gradient of a module is a dict."""
    check_floats(grad(sum_of_squares)(tree), gradient)
    value, same = value_and_grad(sum_of_squares)(tree)
    check_floats(same, gradient)
    check_floats(value, sum(number * number for number in map(float, flatten(tree)[0])))


@trees
def test_vjp_and_jvp_and_hvp_have_these_forms_too(tree: Any, gradient: Any) -> None:
    """A pullback returns a tuple of such gradients, and jvp takes a tangent of the argument's structure."""
    value, pullback = vjp(sum_of_squares, tree)
    check_floats(pullback(1.0), (gradient,))
    check_floats(jvp(sum_of_squares, (tree,), (gradient,)), (value, 4.0 * value))
    check_floats(hvp(sum_of_squares, (tree,), (gradient,)), grad(sum_of_squares)(gradient))


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [
        (0, 12.0),
        (1, 4.0),
        (2, 1.0),
        (-1, 1.0),
        (-3, 12.0),
        (np.int64(1), 4.0),
        ((0,), (12.0,)),
        ((1, 0), (4.0, 12.0)),
        ((-1, 0), (1.0, 12.0)),
        ([0, 2], (12.0, 1.0)),
        (range(3), (12.0, 4.0, 1.0)),
        ((), ()),
    ],
    ids=repr,
)
def test_argnums(argnums: Any, expected: Any) -> None:
    """An int selects an argument, from the end if negative; a sequence gives a tuple of gradients."""

    def f(x: Any, y: Any, z: Any) -> Any:
        return x * x * y + z

    check_floats(grad(f, argnums)(2.0, 3.0, 5.0), expected)
    check_floats(value_and_grad(f, argnums=argnums)(2.0, 3.0, 5.0), (17.0, expected))
    for mode in ("rev", "fwd", None):
        check_floats(jacobian(f, argnums, mode)(2.0, 3.0, 5.0), expected)


def test_hessian_of_several_arguments() -> None:
    """The Hessian with respect to several arguments is a tuple of tuples of blocks."""
    found = hessian(lambda x, y: x * x * y, argnums=(0, 1))(2.0, np.array(3.0))
    check_floats(found, ((6.0, 4.0), (4.0, 0.0)))


def test_has_aux() -> None:
    """With has_aux, the second result of the function is returned with numbers for Values."""

    def f(x: Any) -> Any:
        return x * x, {"twice": 2.0 * x, "row": np.array([x, 1.0]), "at": Point(x, (x, [x])), "name": "f"}

    gradient, aux = grad(f, has_aux=True)(3.0)
    value_and_aux, same = value_and_grad(f, has_aux=True)(3.0)
    for found in (aux, value_and_aux[1], vjp(f, 3.0, has_aux=True)[2]):
        assert found.pop("name") == "f"
        check_floats(found, {"twice": 6.0, "row": np.array([3.0, 1.0]), "at": Point(3.0, (3.0, [3.0]))})
    assert (value_and_aux[0], gradient, same) == (9.0, 6.0, 6.0)
    value, pullback, _ = vjp(f, 3.0, has_aux=True)
    assert (value, pullback(1.0)) == (9.0, (6.0,))


def test_aux_of_any_kind() -> None:
    """In aux, Values in mappings, lists, tuples and arrays become numbers; all else is unchanged."""
    kept = object()
    texts = np.array(["a", None], dtype=object)

    def f(x: Any) -> Any:
        y = x * 2.0
        aux = {
            "ordered": OrderedDict(b=[y], a=(y, None)),
            "mapping": MappingProxyType({"y": y}),
            "pair": Point(y, "text"),
            "array": np.array([y, 1.0]),
            "kept": kept,
            "texts": texts,
        }
        return x * x, aux

    for _, aux in (
        grad(f, has_aux=True)(3.0),
        vjp(f, 3.0, has_aux=True)[1:],
        jvp(f, (3.0,), (1.0,), True)[1:],
    ):
        assert (aux["ordered"], aux["mapping"]) == ({"b": [6.0], "a": (6.0, None)}, {"y": 6.0})
        assert aux["pair"] == Point(6.0, "text")
        check_floats(aux["array"], np.array([6.0, 1.0]))
        assert (aux["kept"] is kept, aux["texts"] is texts) == (True, True)


def test_aux_can_depend_on_an_outer_variable() -> None:
    """Aux is differentiated by an outer derivative, even if the result does not depend on its variable."""
    assert grad(lambda x: grad(lambda y: (y * y, 3.0 * x), has_aux=True)(2.0)[1])(5.0) == 3.0
    assert grad(lambda x: vjp(lambda y: (y * y, 3.0 * x), 2.0, has_aux=True)[2])(5.0) == 3.0
    assert grad(lambda x: value_and_grad(lambda y: (y * y, x * y), has_aux=True)(2.0)[0][1])(5.0) == 2.0


def test_keyword_arguments_are_passed_on() -> None:
    """Keyword arguments are passed unchanged to the function and are not differentiated."""

    def f(x: Any, *, power: int, shift: float = 0.0) -> Any:
        return x**power + shift

    assert grad(f)(2.0, power=3) == 12.0
    assert value_and_grad(f)(2.0, power=3, shift=1.0) == (9.0, 12.0)
    assert jacobian(f)(2.0, power=3) == 12.0
    assert hessian(f)(2.0, power=3) == 12.0


def test_arguments_that_are_not_differentiated_are_anything() -> None:
    """Arguments not selected by argnums can be of any type and are passed unchanged."""
    choose = grad(lambda names, x, flags: x["a"] if "a" in names and flags is None else 0.0, argnums=1)
    assert choose("abc", {"a": 1.0, "b": 2.0}, None) == {"a": 1.0, "b": 0.0}


def test_the_function_gets_arrays_of_values() -> None:
    """The function receives a `Value` for a number and an array of Values for an array."""
    kinds = []

    def f(x: Any, y: Any) -> Any:
        kinds.append((type(x), y.shape, y.dtype))
        return x

    grad(f, (0, 1))(1.0, np.ones((2, 1)))
    assert kinds == [(Value, (2, 1), np.dtype(object))]


def test_a_result_without_the_argument() -> None:
    """A function that does not use its argument has a derivative of 0, whatever it returns."""
    assert value_and_grad(lambda x: 5.0)(2.0) == (5.0, 0.0)
    assert jvp(lambda x: [5.0, x], (2.0,), (3.0,)) == ([5.0, 2.0], [0.0, 3.0])
    assert vjp(lambda x: 5.0, 2.0)[1](7.0) == (0.0,)
    assert grad(lambda x: Value(5.0))(2.0) == 0.0
    check_floats(hessian(lambda x: 5.0)(np.ones(2)), np.zeros((2, 2)))


def test_a_result_that_is_the_argument() -> None:
    """Results may be arguments, repeated, or operands of each other."""
    rows = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [4.0, 0.0]]
    for mode in ("rev", "fwd"):
        found = jacobian(
            lambda x: np.array([x[0], x[0], x[1], (square := x[0] ** 2), 2.0 * square]), mode=mode
        )
        check_floats(found(np.array([1.0, 2.0])), np.array(rows))


# ---------------------------------------------------------------------------------------- Jacobian, Hessian


def spiral(x: Any) -> Any:
    """Return three functions of two variables."""
    return np.array([x[0] * x[1], autograd.sin(x[0]), x[0] / x[1]])


@pytest.mark.parametrize("mode", ["rev", "fwd", None])
def test_jacobian_is_in_numerator_layout(mode: str | None) -> None:
    """C3 of the notes: a Jacobian of m functions of n variables is (m, n), with gradient i in row i."""
    at = np.array([0.5, 2.0])
    found = jacobian(spiral, mode=mode)(at)
    check_floats(found, np.array([[2.0, 0.5], [cos(0.5), 0.0], [0.5, -0.125]]))
    check_floats(found, np.array([grad(lambda x, i=i: spiral(x)[i])(at) for i in range(3)]))


@pytest.mark.parametrize("mode", ["rev", "fwd", None])
def test_jacobian_of_a_composite(mode: str | None) -> None:
    """C8 of the notes: the Jacobian of f(g(x)) is the product (m, k)(k, n) of the Jacobians."""

    def outer(u: Any) -> Any:
        return np.array([autograd.exp(u[0]) * u[2], autograd.dot(u, u)])

    at = np.array([0.5, 2.0])
    composite = jacobian(lambda x: outer(spiral(x)), mode=mode)(at)
    check_floats(composite, jacobian(outer, mode=mode)(spiral(at)) @ jacobian(spiral, mode=mode)(at))


@pytest.mark.parametrize("mode", ["rev", "fwd", None])
def test_jacobian_joins_shapes(mode: str | None) -> None:
    """The Jacobian of an array by an array has the concatenated shapes of result and argument."""
    weights = np.arange(12.0).reshape(2, 3, 2)
    found = jacobian(lambda x: np.einsum("ijk,k->ij", weights, x, optimize=False), mode=mode)
    check_floats(found(np.ones(2)), weights)


@pytest.mark.parametrize("mode", ["rev", "fwd", None])
def test_jacobian_of_trees(mode: str | None) -> None:
    """A Jacobian has the structure of the result, with the structure of the argument at each leaf."""

    def f(p: Any) -> Any:
        return {"product": p["a"] * p["b"], "pair": (p["a"].sum(), Point(p["b"], 1.0))}

    found = jacobian(f, mode=mode)({"a": np.array([2.0, 3.0]), "b": 5.0})
    expected = {
        "product": {"a": np.diag([5.0, 5.0]), "b": np.array([2.0, 3.0])},
        "pair": (
            {"a": np.ones(2), "b": 0.0},
            Point({"a": np.zeros(2), "b": 1.0}, {"a": np.zeros(2), "b": 0.0}),
        ),
    }
    check_floats(found, expected)


@pytest.mark.parametrize("empty", [[], (), {}, np.zeros((0, 2))], ids=repr)
@pytest.mark.parametrize("mode", ["rev", "fwd"])
def test_jacobian_of_nothing(empty: Any, mode: str) -> None:
    """The Jacobian of an empty result, or by an empty argument, is empty."""
    assert flatten(jacobian(lambda x: empty, mode=mode)(2.0))[0] == []
    assert flatten(jacobian(lambda x: 2.0, mode=mode)(empty))[0] == []


def test_hessian_of_trees() -> None:
    """A Hessian has the structure of the argument nested in itself."""
    found = hessian(lambda p: p["a"][0] ** 2 * p["b"] * p["a"][1])({"a": np.array([2.0, 3.0]), "b": 5.0})
    expected = {
        "a": {"a": np.array([[30.0, 20.0], [20.0, 0.0]]), "b": np.array([12.0, 4.0])},
        "b": {"a": np.array([12.0, 4.0]), "b": 0.0},
    }
    check_floats(found, expected)


# ------------------------------------------------------------------------------------------------- modules

MODEL = MLP(2, [3, 1], activation="tanh", rng=0)
INPUTS = np.array([[0.5, -1.0], [2.0, 0.25]])


def penalised(model: Module) -> Any:
    """Return a loss with an L2 penalty computed from the model's parameters."""
    outputs = autograd.sum(output * output for output in model(INPUTS).ravel())
    return outputs + 0.5 * autograd.sum(p * p * p for _, p in model.named_parameters())


def penalised_by_state(state: dict[str, Any]) -> Any:
    """Return the same loss written out, from a state dict."""
    outputs = []
    for x in INPUTS:
        hidden = []
        for neuron in [f"layers.0.neurons.{i}" for i in range(3)]:
            z = state[f"{neuron}.w[0]"] * x[0] + state[f"{neuron}.w[1]"] * x[1] + state[f"{neuron}.b"]
            hidden.append(autograd.tanh(z))
        weights = [state[f"layers.1.neurons.0.w[{i}]"] for i in range(3)]
        outputs.append(autograd.dot(weights, hidden) + state["layers.1.neurons.0.b"])
    return sum((y * y for y in outputs), 0.0) + 0.5 * sum((p * p * p for p in state.values()), 0.0)


def test_gradient_by_a_module() -> None:
    """The gradient by a module is a dict with the keys of its state_dict and agrees with `backward`."""
    value, gradient = value_and_grad(penalised)(MODEL)
    assert list(gradient) == list(MODEL.state_dict())
    check_floats(gradient, grad(penalised_by_state)(MODEL.state_dict()))
    loss = penalised(MODEL)
    before = [p.grad for p in MODEL.parameters()]
    try:
        loss.backward()
        check_floats((value, gradient), (loss.data, {name: p.grad for name, p in MODEL.named_parameters()}))
    finally:
        for parameter, grad_before in zip(MODEL.parameters(), before, strict=True):
            parameter.grad = grad_before


def test_second_derivatives_by_a_module() -> None:
    """`hvp` and `hessian` work for a function that uses a module and its named_parameters."""
    state = MODEL.state_dict()
    tangent = {name: 0.1 * (i + 1) for i, name in enumerate(state)}
    product_ = hvp(penalised, (MODEL,), (tangent,))
    check_floats(product_, hvp(penalised_by_state, (state,), (tangent,)))
    check_floats(product_, jvp(grad(penalised), (MODEL,), (tangent,))[1])
    matrix = hessian(penalised)(MODEL)
    check_floats(matrix, hessian(penalised_by_state)(state))
    check_floats(
        product_, {row: sum(matrix[row][column] * tangent[column] for column in state) for row in state}
    )


def test_third_derivatives_by_a_module() -> None:
    """Nested gradients with respect to a module work at every level."""

    def slope(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda m: sum((g * g for g in grad(f)(m).values()), 0.0)

    found = grad(slope(slope(penalised)))(MODEL)
    check_floats(found, grad(slope(slope(penalised_by_state)))(MODEL.state_dict()))


def test_a_module_is_not_changed() -> None:
    """The function receives a copy: the module keeps its parameters, numbers, labels and gradients."""
    model = Neuron(2, "tanh", rng=0)
    parameters = model.parameters()
    for i, parameter in enumerate(parameters):
        parameter.grad = float(i)
    before = [(id(p), p.data, p.label, p.grad) for p in parameters]

    def f(m: Neuron) -> Any:
        assert m is not model
        return m([1.0, 2.0])

    tangent = dict.fromkeys(model.state_dict(), 1.0)
    calls: list[Callable[..., Any]] = [grad(f), value_and_grad(f), hessian(f), lambda m: vjp(f, m)[1](1.0)]
    for call in calls:
        call(model)
    hvp(f, (model,), (tangent,))
    assert [(id(p), p.data, p.label, p.grad) for p in model.parameters()] == before


def test_a_parameter_used_twice_in_a_module_counts_twice() -> None:
    """Shared parameters stay shared in the copy and have one entry."""
    shared = Scale(3.0)
    model = Sequential(shared, shared)
    assert grad(lambda m: m([5.0]))(model) == {"steps.0.w": 30.0}


# --------------------------------------------------------------------------------------------- composition


def wave(x: Any) -> Any:
    """Return a smooth test function of a number."""
    return autograd.exp(autograd.sin(x)) + x * x * x


def wave_to_order(order: int, x: float) -> float:
    """Return a derivative of `wave`, derived by hand."""
    s, c, e = sin(x), cos(x), exp(sin(x))
    by_hand = [
        e + x**3,
        c * e + 3.0 * x * x,
        (c * c - s) * e + 6.0 * x,
        (c**3 - 3.0 * s * c - c) * e + 6.0,
    ]
    return by_hand[order]


@pairings(1)
def test_first_derivatives(ways: Sequence[Any]) -> None:
    """Every way to take a first derivative gives the right number."""
    check_floats(repeated(wave, 1, ways)(0.7), wave_to_order(1, 0.7))


@pairings(2)
def test_second_derivatives(ways: Sequence[Any]) -> None:
    """Second derivatives are right in every pairing of forward and reverse."""
    check_floats(repeated(wave, 2, ways)(0.7), wave_to_order(2, 0.7))


@pairings(3)
def test_third_derivatives(ways: Sequence[Any]) -> None:
    """Third derivatives are right in every combination of forward and reverse."""
    check_floats(repeated(wave, 3, ways)(0.7), wave_to_order(3, 0.7))


def mixed(x: Any) -> Any:
    """Return a function of three variables with nonzero mixed derivatives."""
    return x[0] ** 2 * autograd.sin(x[1]) * x[2] + autograd.exp(x[0] * x[2]) / x[1]


AT = np.array([0.5, 1.5, -2.0])


def test_hessian_is_every_jacobian_of_a_gradient() -> None:
    """The Hessian is symmetric, and equals the Jacobian of the gradient and the columns of hvp."""
    expected = hessian(mixed)(AT)
    for outer, inner in product(("rev", "fwd", None), repeat=2):
        check_floats(jacobian(jacobian(mixed, mode=inner), mode=outer)(AT), expected)
    check_floats(jacobian(grad(mixed))(AT), expected)
    check_floats(vmap(lambda v: hvp(mixed, (AT,), (v,)), out_axes=1)(np.eye(3)), expected)
    check_floats(expected, expected.T)


def test_hvp_by_every_route() -> None:
    """Hessian-vector products agree in every pairing of forward and reverse."""
    v = np.array([1.0, -1.0, 0.5])
    expected = hessian(mixed)(AT) @ v
    check_floats(hvp(mixed, (AT,), (v,)), expected)
    check_floats(grad(lambda x: jvp(mixed, (x,), (v,))[1])(AT), expected)
    check_floats(grad(lambda x: np.dot(grad(mixed)(x), v))(AT), expected)
    check_floats(vjp(grad(mixed), AT)[1](v)[0], expected)
    check_floats(jvp(lambda x: vjp(mixed, x)[1](1.0)[0], (AT,), (v,))[1], expected)


def test_hvp_of_several_arguments() -> None:
    """The hvp of several arguments is a tuple and includes the mixed derivatives."""
    found = hvp(lambda x, y: x * x * y, (2.0, 3.0), (1.0, 10.0))
    check_floats(found, (6.0 * 1.0 + 4.0 * 10.0, 4.0 * 1.0))


def test_hessian_of_a_hessian() -> None:
    """Fourth derivatives: a Hessian of a Hessian has shape (n, n, n, n)."""
    found = hessian(hessian(lambda x: x[0] ** 2 * x[1] ** 2))(np.array([2.0, 3.0]))
    expected = np.zeros((2, 2, 2, 2))
    for index in {(0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 0), (1, 0, 0, 1), (1, 0, 1, 0), (1, 1, 0, 0)}:
        expected[index] = 4.0
    check_floats(found, expected)


def test_vjp_of_vjp_and_jvp_of_vjp() -> None:
    """A pullback is linear: its own pullback and its jvp are products with the Jacobian."""
    _, pullback = vjp(spiral, AT[:2])
    matrix, cotangent, tangent = jacobian(spiral)(AT[:2]), np.array([1.0, 2.0, 3.0]), np.array([5.0, 7.0])
    pulled, twice = vjp(pullback, cotangent)
    check_floats(pulled, (cotangent @ matrix,))
    check_floats(twice((tangent,)), (matrix @ tangent,))
    check_floats(jvp(pullback, (cotangent,), (2.0 * cotangent,))[1], (2.0 * cotangent @ matrix,))


def test_a_pullback_can_be_called_again() -> None:
    """A pullback can be called several times, and is linear in the cotangent."""
    _, pullback = vjp(lambda x, y: [x * y, autograd.sin(x)], 2.0, 3.0)
    check_floats([pullback([1.0, 0.0])] * 2, [(3.0, 2.0)] * 2)
    check_floats(pullback([1.0, 0.0]), (3.0, 2.0))
    check_floats(pullback([2.0, 1.0]), (6.0 + cos(2.0), 4.0))


def test_derivative_by_a_tangent_and_a_cotangent() -> None:
    """The results of jvp and of a pullback can be differentiated by the tangent or the cotangent."""
    assert grad(lambda t: jvp(lambda x: x**3, (2.0,), (t,))[1])(5.0) == 12.0
    assert grad(lambda t: hvp(lambda x: x**3, (2.0,), (t,)))(5.0) == 12.0
    _, pullback = vjp(lambda x: x**3, 2.0)
    assert grad(lambda c: pullback(c)[0] ** 2)(5.0) == 2.0 * 12.0 * 60.0


# ---------------------------------------------------------------------------------------------------- vmap


def test_vmap_with_grad() -> None:
    """Per-sample gradients, the gradient through vmap, and both at once are right."""
    x = np.array([1.0, 2.0, -3.0])
    slopes, curvatures = (np.array([wave_to_order(order, each) for each in x]) for order in (1, 2))
    check_floats(vmap(grad(wave))(x), slopes)
    check_floats(grad(lambda v: vmap(wave)(v).sum())(x), slopes)
    check_floats(grad(lambda v: vmap(grad(wave))(v).sum())(x), curvatures)
    check_floats(jacobian(vmap(wave))(x), np.diag(slopes))
    check_floats(grad(lambda s: vmap(grad(lambda y: s * y**3))(x).sum())(2.0), 42.0)


def test_vmap_axes() -> None:
    """Arrays are mapped over any axis or passed unmapped, and results stacked along any axis."""
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 2, 2)
    outer = vmap(lambda x, y, z: x * y.sum() + z, in_axes=(1, 0, None), out_axes=1)
    check_floats(outer(a, b, 5.0), a * b.sum(axis=(1, 2)) + 5.0)
    check_floats(vmap(vmap(lambda x: x * x))(a), a * a)
    check_floats(vmap(lambda x: x, in_axes=-1, out_axes=-1)(a), a)
    check_floats(vmap(lambda x: x, in_axes=1)(a), a.T)


def test_vmap_of_trees() -> None:
    """Arguments and results may be trees, each array of which is mapped over."""
    batch = {
        "x": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "p": Point(np.array([5.0, 6.0]), [np.array([7.0, 8.0])]),
    }
    found = vmap(lambda d: (d["x"].sum() * d["p"].x, {"y": d["p"].y[0]}))(batch)
    check_floats(found, (np.array([15.0, 42.0]), {"y": np.array([7.0, 8.0])}))
    check_floats(vmap(lambda d: d["a"] * 2.0)(MappingProxyType({"a": np.ones(2)})), np.full(2, 2.0))


def test_vmap_of_a_function_gets_numbers() -> None:
    """Without differentiation, a mapped function receives floats and arrays of floats."""
    kinds = []

    def f(x: Any, y: Any) -> float:
        kinds.append((isinstance(x, float), y.dtype))
        return 0.0

    vmap(f)(np.ones(1), np.ones((1, 2)))
    assert kinds == [(True, np.dtype(float))]


# ---------------------------------------------------------------------------------- no perturbation confusion


@pairings(2)
def test_derivative_of_a_sum_with_the_outer_variable(ways: Sequence[Any]) -> None:
    """d/dx (x · d/dy (x + y)) is 1: the outer variable is a constant for the inner derivative."""
    outer, inner = ways
    assert outer(lambda x: x * inner(lambda y: x + y)(x))(5.0) == 1.0
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(5.0) == 1.0


@pairings(2)
def test_derivative_of_a_product_with_the_outer_variable(ways: Sequence[Any]) -> None:
    """d/dx (x · d/dy (x·y)) is 2x, at y = x as well as at a constant."""
    outer, inner = ways
    assert outer(lambda x: x * inner(lambda y: x * y)(x))(5.0) == 10.0
    assert outer(lambda x: x * inner(lambda y: x * y)(2.0))(5.0) == 10.0
    assert outer(lambda x: inner(lambda y: x * y * y)(3.0))(5.0) == 6.0
    assert outer(lambda x: inner(lambda y: y)(x))(5.0) == 0.0
    assert outer(lambda x: inner(lambda y: x * x)(x))(5.0) == 0.0


@pairings(3, "grad", "jvp", "vjp", "jacobian fwd")
def test_three_levels_of_variables(ways: Sequence[Any]) -> None:
    """d/dx (x · d/dy (y · d/dz (x·y·z))) at z = y = x is 6x²; with z, y = 2, 3 it is 12x."""
    outer, middle, inner = ways
    at_x = outer(lambda x: x * middle(lambda y: y * inner(lambda z: x * y * z)(y))(x))
    at_constants = outer(lambda x: x * middle(lambda y: y * inner(lambda z: x * y * z)(2.0))(3.0))
    assert (at_x(5.0), at_constants(5.0)) == (150.0, 60.0)


@pairings(2, "grad", "jvp", "vjp")
def test_inner_results_beside_the_outer_variable(ways: Sequence[Any]) -> None:
    """The same function differentiated twice within itself keeps its variables apart."""
    outer, inner = ways

    def f(x: Any, y: Any) -> Any:
        return x * x * y * y * y

    both = outer(lambda x: inner(lambda y: f(x, y))(x) + inner(lambda y: f(y, x))(x))
    assert both(2.0) == 4 * 3 * 2.0**3 + 4 * 2 * 2.0**3


@pytest.mark.parametrize("outer_forward", [False, True])
@pytest.mark.parametrize("inner_forward", [False, True])
def test_the_same_module_at_two_levels(outer_forward: bool, inner_forward: bool) -> None:
    """d/dm (m · d/dk (k·m)) at k = m is 2m, even if m and k are the same module object."""
    model = Scale(3.0)

    def by_module(f: Callable[[Any], Any], forward: bool) -> Callable[[Any], Any]:
        return lambda m: jvp(f, (m,), ({"w": 1.0},))[1] if forward else grad(f)(m)["w"]

    outer_copy = by_module(
        lambda m: m.w * by_module(lambda k: k([1.0]) * m([1.0]), inner_forward)(m), outer_forward
    )
    same_object = by_module(
        lambda m: m.w * by_module(lambda k: k([1.0]) * m([1.0]), inner_forward)(model), outer_forward
    )
    assert (outer_copy(model), same_object(model)) == (6.0, 6.0)


def test_a_closure_over_a_module() -> None:
    """A function of a module that contains a derivative by a number can itself be differentiated."""
    slope = grad(lambda m: grad(lambda x: m([x]) ** 2)(2.0))(Scale(3.0))
    assert slope == {"w": 2.0 * 2.0 * 3.0 * 2.0}
    assert grad(lambda x: grad(lambda m: m([x]) ** 2)(Scale(3.0))["w"])(2.0) == 2.0 * 3.0 * 2.0 * 2.0


# --------------------------------------------------------------------------------------- numbers or Values


def test_results_are_values_where_an_argument_is() -> None:
    """Given a `Value`, every transformation returns Values, and backward propagates through them."""
    transformations: dict[str, tuple[Scalar, float, float]] = {
        "grad": (grad(lambda y: y**3), 12.0, 12.0),
        "value": (lambda x: value_and_grad(lambda y: y**3)(x)[0], 8.0, 12.0),
        "hessian": (hessian(lambda y: y**3), 12.0, 6.0),
        "jvp": (by_jvp(lambda y: y**3), 12.0, 12.0),
        "jvp by a tangent": (lambda x: jvp(lambda y: y**3, (2.0,), (x,))[1], 24.0, 12.0),
        "vjp": (by_vjp(lambda y: y**3), 12.0, 12.0),
        "hvp": (lambda x: hvp(lambda y: y**4, (x,), (1.0,)), 48.0, 48.0),
        "array": (lambda x: grad(lambda y: y[0] ** 3 * y[1])(np.array([x, 1.0]))[1], 8.0, 12.0),
    }
    for transformed, expected, slope in transformations.values():
        x = Value(2.0)
        found = transformed(x)
        check_values(found, expected)
        assert not has_gradient(x)
        found.backward()
        assert x.grad == slope


def test_arrays_of_values_give_arrays_of_values() -> None:
    """The gradient by an array of Values is an array of Values; backward on one gives a Hessian row."""
    x = autograd.as_values(AT)
    found = grad(mixed)(x)
    check_values(found, grad(mixed)(AT))
    found[1].backward()
    check_floats(autograd.grads(x), hessian(mixed)(AT)[1])


def test_a_closure_over_a_leaf_gives_floats() -> None:
    """A `Value` that is neither an argument nor being differentiated counts as a constant."""
    weight = Value(3.0)
    check_floats(grad(lambda x: weight * x * x)(2.0), 12.0)
    check_floats(value_and_grad(lambda x: weight * x)(2.0), (6.0, 3.0))


@pytest.mark.parametrize("power", [2.0, Value(2.0)], ids=["number", "leaf"])
def test_a_power_of_a_negative_number(power: Any) -> None:
    """An exponent that is a captured leaf is a constant like any other, also for x < 0."""
    check_floats([repeated(lambda x: x**power, order)(-3.0) for order in (1, 2)], [-6.0, 2.0])


def test_transformations_are_pure() -> None:
    """No transformation changes the gradient of a `Value`: argument, captured or tangent."""
    x, weight, tangent = Value(2.0), Value(3.0), Value(1.0)
    for value in (x, weight, tangent):
        value.grad = 7.0

    def f(y: Any) -> Any:
        return weight * autograd.sin(y) * y

    for derive in DERIVATIVES.values():
        derive(derive(f))(x)
    hvp(f, (x,), (tangent,))
    hessian(f)(x)
    vmap(grad(f))(np.array([x, 1.0]))
    assert (x.grad, weight.grad, tangent.grad) == (7.0, 7.0, 7.0)
    assert (x.data, weight.data, tangent.data) == (2.0, 3.0, 1.0)


def test_arguments_are_not_changed() -> None:
    """The function receives copies: arrays and containers passed in keep their contents."""
    x, options = np.array([1.0, 2.0]), {"a": [1.0]}

    def f(array: Any, tree: Any) -> Any:
        array[0] = 5.0 * array[1]
        tree["a"].append(0.0)
        return array[0] * tree["a"][0]

    check_floats(grad(f, (0, 1))(x, options), (np.array([0.0, 5.0]), {"a": [10.0]}))
    assert (x.tolist(), options) == ([1.0, 2.0], {"a": [1.0]})


def test_an_error_in_the_function_leaves_nothing_behind() -> None:
    """After a function has raised, derivatives are right, and plain floats as before."""
    with pytest.raises(ZeroDivisionError):
        grad(lambda x: grad(lambda y: 1 // 0)(x))(2.0)
    check_floats(grad(grad(lambda x: x**3))(2.0), 12.0)
    assert autograd.engine.levels.open_scopes == set()


def test_threads_do_not_disturb_each_other() -> None:
    """Two threads that take nested derivatives over a shared graph at once get the right results."""
    shared = Value(2.0) * 1.5
    together = Barrier(2)

    def work(power: int) -> list[float]:
        together.wait()
        return [
            grad(lambda x: x * grad(lambda y: shared * x * y**power)(x))(1.0 + 0.01 * i) for i in range(60)
        ]

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(work, (2, 3)))
    for power, of_thread in zip((2, 3), found, strict=True):
        # x · 3·x·p·x^(p-1) = 3p·x^(p+1)
        expected = [3.0 * power * (power + 1) * (1.0 + 0.01 * i) ** power for i in range(60)]
        assert of_thread == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------------------------- against exact derivatives

TENTH = {
    "exp(sin(x))": (lambda m, x: m.exp(m.sin(x)), (-2.0, 0.3, 1.0)),
    "1/(1+x)": (lambda m, x: 1.0 / (1.0 + x), (-3.0, 0.0, 0.5, 4.0)),
    "x**5": (lambda m, x: x**5, (-2.0, 0.0, 3.0)),
    "log(x)": (lambda m, x: m.log(x), (0.5, 1.0, 7.0)),
    "sqrt(x)": (lambda m, x: m.sqrt(x), (0.5, 1.0, 7.0)),
    "x * exp(-x)": (lambda m, x: x * m.exp(-x), (-1.0, 0.0, 2.0)),
}
SIXTH = {
    "tanh(x)": (lambda m, x: m.tanh(x), (-1.0, 0.3, 1.2)),
    "sigmoid(x)": (lambda m, x: 1 / (1 + m.exp(-x)) if m is mp else autograd.sigmoid(x), (-2.0, 0.3, 1.5)),
    "softplus(x)": (lambda m, x: m.log(1 + m.exp(x)) if m is mp else autograd.softplus(x), (-2.0, 0.3, 1.5)),
    "tan(x)": (lambda m, x: m.tan(x), (-1.0, 0.3, 1.2)),
    "x**x": (lambda m, x: x**x, (0.5, 1.0, 3.0)),
    "arctan(x)": (lambda m, x: (m.atan if m is mp else m.arctan)(x), (-2.0, 0.3, 1.5)),
}
CASES = [
    pytest.param(f, x, order, id=f"{name}, order {order}, at {x}")
    for order, functions in ((10, TENTH), (6, SIXTH))
    for name, (f, points) in functions.items()
    for x in points
]


@pytest.mark.parametrize(("f", "x", "order"), CASES)
def test_high_derivatives(f: Callable[[Any, Any], Any], x: float, order: int) -> None:
    """All derivatives up to the tenth (or sixth) agree with the Taylor series to 1e-9."""
    with mp.workdps(60):
        series = mp.taylor(lambda t: f(mp, t), mp.mpf(x), order)
        expected = [float(term * factorial(k)) for k, term in enumerate(series)]
    found = [repeated(lambda t: f(autograd, t), k, (grad, by_jvp))(x) for k in range(1, order + 1)]
    assert found == pytest.approx(expected[1:], rel=1e-9, abs=1e-9)


rows = pytest.mark.parametrize("op", OPS.values(), ids=list(OPS))


def on_array(op: Op) -> Callable[[Any], Any]:
    """Return a row as a function of one array of its operands."""
    return lambda x: public(op)(*split(op, list(x)))


@rows
def test_forward_is_reverse(op: Op) -> None:
    """For each row of the table both modes give its partial derivatives, all over its domain."""
    for point in sample(op, 10):
        forward, backward = (jacobian(on_array(op), mode=mode)(np.array(point)) for mode in ("fwd", "rev"))
        check_floats(forward, backward)
        assert forward.tolist() == pytest.approx(exact(op.name, point)[1:], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("y", [0.0, 1.0, 2.0, 3.0])
def test_mixed_derivative_of_a_power(y: float) -> None:
    """∂²(x**y)/∂x∂y is x**(y - 1) · (1 + y·log x), also at y = 0, and in either order."""
    found = hessian(lambda v: v[0] ** v[1])(np.array([2.0, y]))
    mixed_derivative = 2.0 ** (y - 1.0) * (1.0 + y * log(2.0))
    check_floats([found[0, 1], found[1, 0]], [mixed_derivative] * 2)


@rows
def test_second_derivatives_of_the_table(op: Op) -> None:
    """For each row the Hessian, in every pairing of modes, agrees with its formula."""
    for point in sample(op, 2):
        size = range(len(point))
        expected = np.array([[derivative(op, point, i, j) for j in size] for i in size])
        for outer, inner in product(("fwd", "rev"), repeat=2):
            found = jacobian(jacobian(on_array(op), mode=inner), mode=outer)(np.array(point))
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


UNARY = [op for op in OPS.values() if len(op.partials) == 1 and not op.variadic]


@pytest.mark.parametrize("op", UNARY, ids=[op.name for op in UNARY])
def test_grad_of_grad_of_unary_rows(op: Op) -> None:
    """For each unary row grad of grad is the second derivative of its formula."""
    for point in sample(op, 10):
        found = grad(grad(public(op)))(point[0])
        assert found == pytest.approx(derivative(op, point, 0, 0), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (lambda x: abs(x), 0.0, [0.0, 0.0]),
        (autograd.relu, 0.0, [0.0, 0.0]),
        (lambda x: autograd.relu(x) ** 2, 2.0, [4.0, 2.0]),
        (lambda x: autograd.max(x, 1.0) ** 2, 1.0, [2.0, 2.0]),
        (lambda x: autograd.min(x, 0.0) ** 2, 1.0, [0.0, 0.0]),
        (lambda x: autograd.where(x > 0, x**3, -x), 2.0, [12.0, 12.0]),
        (lambda x: x**0, 0.0, [0.0, 0.0]),
        (lambda x: x**1, 0.0, [1.0, 0.0]),
        (lambda x: x**2, 0.0, [0.0, 2.0]),
        (lambda x: x**3, -2.0, [12.0, -12.0]),
        (lambda x: autograd.hypot(x, 0.0), 0.0, [0.0, 0.0]),
        (lambda x: autograd.sigmoid(x), 1000.0, [0.0, 0.0]),
        (lambda x: autograd.softplus(x), -1000.0, [0.0, 0.0]),
    ],
)
def test_derivatives_at_special_points(f: Scalar, at: float, expected: list[float]) -> None:
    """Kinks, ties, branches and powers at 0 have the documented first and second derivatives."""
    for way in DERIVATIVES.values():
        assert [way(f)(at), way(way(f))(at)] == expected


def test_a_choice_between_a_formula_and_one_that_holds_everywhere() -> None:
    """A row whose partial chooses, and may be computed faster in places, has derivatives everywhere."""
    row = Op(
        name="slide", doc="x below 0, and its arctangent from there on", value="where(x < 0.0, x, arctan(x))",
        partials=(
            "where(x < 0.0, 1.0, "
            "shortcut(x < 1000.0, 1.0 / (1.0 + x * x), 1.0 / hypot(1.0, x) / hypot(1.0, x)))",
        ),
        latex="{x}", domain=((-3.0, 3.0),),
    )  # fmt: skip
    second = repeated(lambda x: apply(row, x), 2)
    for f in (second, jit(second, backend="numpy")):
        found = [f(x) for x in (-1.0, 1.0, 1e100)]
        np.testing.assert_allclose(found, [0.0, -0.5, -2e-300], rtol=1e-14)


# --------------------------------------------------------------------------------------- size of the graph

EXPRESSIONS: dict[str, Callable[[Any, Any], Any]] = {
    "x + y": lambda x, y: x + y,
    "x - y": lambda x, y: x - y,
    "x * y": lambda x, y: x * y,
    "x / y": lambda x, y: x / y,
    "x**2 * y**3": lambda x, y: x**2 * y**3,
    "x**y": lambda x, y: x**y,
    "-x * y": lambda x, y: -x * y,
    "sum": lambda x, y: autograd.sum([x, y, x * y]) ** 2,
    "dot": lambda x, y: autograd.dot([x, y, 1.0], [y, 1.0, x]),
    "logsumexp": lambda x, y: autograd.logsumexp([x, y]),
    "tanh": lambda x, y: autograd.tanh(x * y),
    "sigmoid": lambda x, y: autograd.sigmoid(x + y),
    "softplus": lambda x, y: autograd.softplus(x * y),
    "log and sqrt": lambda x, y: autograd.log(x) * autograd.sqrt(y),
    "sin and cos": lambda x, y: autograd.sin(x) * autograd.cos(y),
    "max and relu": lambda x, y: autograd.max(x, y) * autograd.relu(x) * abs(y),
    "hypot and arctan2": lambda x, y: autograd.hypot(x, y) * autograd.arctan2(x, y),
}


def roots_of_derivatives(f: Callable[[Any, Any], Any]) -> list[Value]:
    """Return first, second and mixed derivatives of a function of two `Value`s, as graphs."""
    x, y, t = Value(1.25), Value(0.75), Value(2.0)
    found = [
        grad(f, (0, 1))(x, y),
        jvp(f, (x, y), (1.0, t)),
        hessian(f, (0, 1))(x, y),
        hvp(f, (x, y), (t, 1.0)),
        grad(lambda a: grad(f)(a, y))(x),
    ]
    return [number for number in flatten(found)[0] if isinstance(number, Value)]


@pytest.mark.parametrize("f", EXPRESSIONS.values(), ids=list(EXPRESSIONS))
def test_no_nodes_for_constant_zeros_and_ones(f: Callable[[Any, Any], Any]) -> None:
    """The graph of a derivative has no product with the constant 1 and no sum with the constant 0.

    A product with 0 stays, since a derivative of the other factor may be infinite.
    """
    idle = {"mul": (1.0,), "add": (0.0,), "sub": (0.0,), "pow": (0.0, 1.0)}
    roots = roots_of_derivatives(f)
    graph = {node for root in roots for node in nodes(root)}
    assert roots
    wasted = [
        (node.op, node.args)
        for node in graph
        if node.op is not None
        and any(type(a) is float and a in idle.get(node.op.name, ()) for a in node.args)
    ]
    assert wasted == []


def speelpenning(x: Any) -> Any:
    """Return the product of all variables."""
    return reduce(operator.mul, x, 2.0)


def squares(x: Any) -> Any:
    """Return the sum of the squares of all variables."""
    return autograd.sum(item * item for item in x)


def rosenbrock(x: Any) -> Any:
    """Return Rosenbrock's function; of a single variable, its last term."""
    return sum((100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2 for a, b in pairwise(x)), (1.0 - x[-1]) ** 2)


def neuron(x: Any) -> Any:
    """Return a neuron with its inputs as weights."""
    return autograd.tanh(autograd.dot(x, np.linspace(0.1, 0.2, len(x))) + 0.5)


SCALABLE = [speelpenning, squares, rosenbrock, neuron]


def cost(*roots: Any) -> int:
    """Return the number of operands in a graph, which measures the work of its evaluation."""
    values = [number for number in flatten(roots)[0] if isinstance(number, Value)]
    return sum(len(node.args) for node in consumers_first(*values))


def inputs(n: int) -> Any:
    """Return leaves near 1."""
    return autograd.as_values(np.linspace(0.9, 1.1, n))


@pytest.mark.parametrize("n", [1, 10, 100])
@pytest.mark.parametrize("f", SCALABLE)
def test_a_gradient_costs_a_few_values(f: Scalar, n: int) -> None:
    """A value with its gradient takes at most 5 times the work of the value, for any number of inputs."""
    assert cost(value_and_grad(f)(inputs(n))) <= 5 * cost(f(inputs(n)))


@pytest.mark.parametrize("n", [1, 10, 100])
@pytest.mark.parametrize("f", SCALABLE)
def test_a_hessian_vector_product_costs_a_few_values(f: Scalar, n: int) -> None:
    """A Hessian-vector product takes at most 12 times the work of the value."""
    x, v = inputs(n), inputs(n)
    assert cost(hvp(f, (x,), (v,))) <= 12 * cost(f(x))


def test_a_jacobian_takes_the_cheaper_mode() -> None:
    """By default a Jacobian uses forward mode for few arguments and reverse mode for few results."""

    def spread(x: Any) -> Any:
        return autograd.sin(autograd.sin(x[0])) * np.arange(2.0, 12.0)

    for f, n, cheaper, dearer in ((spread, 1, "fwd", "rev"), (speelpenning, 10, "rev", "fwd")):
        costs = {mode: cost(jacobian(f, mode=mode)(inputs(n))) for mode in (None, "fwd", "rev")}
        assert costs[None] == costs[cheaper] < costs[dearer]


@pytest.mark.parametrize("f", SCALABLE)
def test_a_hessian_costs_a_few_gradients_for_each_input(f: Scalar) -> None:
    """A Hessian of n inputs costs as much as O(n) gradients, not O(n²)."""
    for n in (5, 10, 20, 40):
        assert cost(hessian(f)(inputs(n))) <= 4 * n * cost(grad(f)(inputs(n)))


# -------------------------------------------------------------------------------- backward(create_graph=True)


def test_backward_with_create_graph() -> None:
    """With create_graph the gradient of a leaf is a `Value`, whose derivative is the second derivative."""
    x = Value(2.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    assert (type(first), first.data) == (Value, 12.0)
    x.grad = None
    first.backward(create_graph=True)
    second = x.grad
    assert (type(second), second.data) == (Value, 12.0)
    x.grad = None
    second.backward()
    assert (type(x.grad), x.grad) == (float, 6.0)


def test_create_graph_agrees_with_the_hessian() -> None:
    """Backward through the gradients of leaves gives the Hessian row by row."""
    x = autograd.as_values(AT)
    mixed(x).backward(create_graph=True)
    gradient = [leaf.grad for leaf in x]
    check_values(np.array(gradient), grad(mixed)(AT))
    for row, component in zip(hessian(mixed)(AT), gradient, strict=True):
        for leaf in x:
            leaf.grad = None
        component.backward()
        check_floats(autograd.grads(x), row)


def test_create_graph_accumulates() -> None:
    """Gradients of leaves accumulate over calls, with and without a graph; the sum is differentiable."""
    x = Value(2.0)
    (x**3).backward(create_graph=True)
    (x**2).backward(create_graph=True)
    total = x.grad
    assert total == 16.0
    x.grad = None
    total.backward()
    assert x.grad == 14.0
    (x**3).backward(create_graph=True)
    assert x.grad == 26.0


def test_create_graph_seed() -> None:
    """The seed scales the gradient and its derivative."""
    x = Value(2.0)
    (x**3).backward(10.0, create_graph=True)
    first, x.grad = x.grad, None
    first.backward()
    assert (first, x.grad) == (120.0, 120.0)


def test_create_graph_leaves_floats_inside() -> None:
    """The gradients of interior nodes are floats, as without a graph."""
    x, y = Value(2.0), Value(3.0)
    square = x * x
    out = square * y + square
    out.backward(create_graph=True)
    assert [(type(node.grad), node.grad) for node in (out, square)] == [(float, 1.0), (float, 4.0)]
    assert [(type(leaf.grad), float(leaf.grad)) for leaf in (x, y)] == [(Value, 16.0), (Value, 4.0)]


def test_create_graph_of_a_graph_out_of_date() -> None:
    """If a leaf was assigned to, the sweep raises and says to rebuild the expression; gradients stay."""
    x = Value(2.0)
    cube = x**3
    x.data = 5.0
    with pytest.raises(RuntimeError, match=r"assigned to .* build the expression again"):
        cube.backward(create_graph=True)
    assert not has_gradient(x)
    cube.backward()
    assert x.grad == 12.0


@pytest.mark.parametrize(
    ("f", "before", "after"),
    [
        (autograd.sin, 1.0, -1.0),
        (lambda x: x**3, 2.0, -2.0),
        (autograd.log, 2.0, np.nan),
        (autograd.sqrt, 0.0, 4.0),
        (lambda x: autograd.norm([x, 0.0]), 0.0, 3.0),
        (lambda x: 2.0 * x * x, 3.0, np.nan),
    ],
)
def test_create_graph_after_an_assignment_that_keeps_the_slope(f: Any, before: float, after: float) -> None:
    """The sweep raises also if the slope is the same at the new number, or is none there."""
    x = Value(before)
    with np.errstate(all="ignore"):
        y = f(x)
        x.data = after
        with pytest.raises(RuntimeError, match=r"assigned to .* build the expression again"):
            y.backward(create_graph=True)
    assert not has_gradient(x)


def test_create_graph_of_a_constant() -> None:
    """A result that depends on no leaf has the gradient of the sweep, with a graph as without."""
    x = Value(2.0)
    constant = autograd.stop_gradient(x * x)
    y = constant * 3.0
    for create_graph in (False, True):
        y.backward(2.0, create_graph=create_graph)
        assert (y.grad, constant.grad, x.grad) == (2.0, 6.0, 0.0)
        y.grad = constant.grad = None


# ----------------------------------------------------------------------------------------------- bad input


def identity(x: Any) -> Any:
    """Return the argument."""
    return x


def add(x: Any, y: Any) -> Any:
    """Return the sum."""
    return x + y


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grad(identity)(np.ones(2)), "got array of shape .2,.; use jacobian"),
        (lambda: grad(identity)(np.ones(1)), "got array of shape .1,.; use jacobian"),
        (lambda: grad(identity)([1.0]), "got list.*; use jacobian"),
        (lambda: hvp(identity, (np.ones(2),), (np.ones(2),)), "use jacobian"),
        (lambda: grad(lambda x: None)(1.0), "a single number as the result .* got None; return one"),
        (lambda: vjp(lambda x: "y", 1.0), "expected the result of the function to be .* got 'y'"),
        (
            lambda: jvp(lambda x: {1}, (1.0,), (1.0,)),
            r"expected the result of the function to be .* got \{1\}",
        ),
        (lambda: grad(identity)(np.array([1, 2])), r"int64.*\.astype\(float\)"),
        (lambda: jacobian(identity)([np.array([True])]), r"bool.*\.astype\(float\)"),
        (
            lambda: jvp(identity, (np.ones(2),), (np.array([1, 2]),)),
            r"the tuple of tangents .*astype\(float\)",
        ),
        (lambda: grad(identity)("x"), r"a differentiated argument to be .* got 'x' \(str\)"),
        (lambda: grad(identity)(True), r"got True \(bool\)"),
        (lambda: grad(identity)(1j), r"got 1j \(complex\)"),
        (lambda: grad(identity)({"a": [1.0, "x"]}), "got 'x'"),
        (lambda: grad(identity)(np.array([1j])), "holds an array with 1j"),
        (lambda: grad(identity)(np.array([1.0, None])), "holds an array with None"),
        (lambda: grad(identity, has_aux=True)(1.0), "has_aux=True .* a pair"),
        (lambda: value_and_grad(lambda x: (x, x, x), has_aux=True)(1.0), "has_aux=True .* a pair"),
        (lambda: vjp(lambda x: [x, x], 1.0, has_aux=True), "has_aux=True .* a pair"),
        (lambda: jvp(identity, 1.0, (1.0,)), "expected primals to be a tuple .* got 1.0"),  # type: ignore[arg-type]
        (lambda: jvp(identity, (1.0,), 1.0), "expected tangents to be a tuple .* got 1.0"),  # type: ignore[arg-type]
        (lambda: jvp(identity, np.ones(1), np.ones(1)), "expected primals to be a tuple"),  # type: ignore[arg-type]
        (lambda: hvp(identity, 1.0, 1.0), "expected primals to be a tuple .* got 1.0"),  # type: ignore[arg-type]
    ],
)
def test_wrong_types(call: Callable[[], Any], message: str) -> None:
    """Arguments of a wrong type raise a TypeError that shows what was passed and what to do."""
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: grad(add, 2)(1.0, 2.0),
            "argument 2, but the function was called with 2 positional arguments",
        ),
        (lambda: grad(add, -3)(1.0, 2.0), "argument -3"),
        (lambda: jacobian(identity, (0, 1))(1.0), "argument 1, .* with 1 positional argument$"),
        (lambda: hessian(identity, 1)(1.0), "argument 1"),
        (lambda: grad(identity)(), "argument 0, .* with 0 positional arguments"),
        (lambda: grad(identity)(x=1.0), "argument 0, .* with 0 positional arguments"),
        (lambda: grad(identity, "0")(1.0), "argument '0'"),  # type: ignore[arg-type]
        (
            lambda: jacobian(identity, mode="forward"),
            "expected mode to be 'rev', 'fwd' or None, got 'forward'",
        ),
        (lambda: jvp(identity, (1.0,), (1.0, 2.0)), "expected the tuple of tangents to have the structure"),
        (lambda: jvp(add, (1.0, 2.0), (1.0,)), "expected the tuple of tangents to have the structure"),
        (lambda: jvp(identity, (np.ones(2),), (np.ones(3),)), r"shape \(2,\)\), got .*shape \(3,\)"),
        (lambda: jvp(identity, ([1.0],), ((1.0,),)), "list.*tuple"),
        (lambda: jvp(identity, ({"a": 1.0},), ({"b": 1.0},)), "a: number.*b: number"),
        (
            lambda: hvp(squares, ([1.0],), ([1.0, 2.0],)),
            "expected the tuple of tangents to have the structure",
        ),
        (
            lambda: vjp(identity, 1.0)[1]([1.0]),
            "expected the cotangent to have the structure .*number, got list",
        ),
        (
            lambda: vjp(lambda x: (x, x), 1.0)[1](1.0),
            "expected the cotangent to have the structure .*got number",
        ),
        (lambda: vmap(add)(np.ones(2), np.ones(3)), r"axes of one length, got lengths \[2, 3\]"),
        (lambda: vmap(lambda d: 0.0)([np.ones(2), np.ones(3)]), r"axes of one length, .*\[2, 3\]"),
        (lambda: vmap(identity)(1.0), "axis 0, got a number; pass in_axes=None"),
        (lambda: vmap(identity, in_axes=1)(np.ones(2)), r"axis 1, got an array of shape \(2,\); pass"),
        (lambda: vmap(identity, in_axes=-2)(np.ones(2)), r"axis -2, got a.* shape \(2,\)"),
        (lambda: vmap(identity, in_axes=None)(1.0), "all None"),
        (lambda: vmap(add, in_axes=(None, None))(1.0, 2.0), "all None"),
        (
            lambda: vmap(add, in_axes=(0,))(np.ones(2), 2.0),
            "expected in_axes to have 2 entries, one for each argument, got 1",
        ),
        (
            lambda: vmap(lambda x: np.ones(int(x)))(np.array([1.0, 2.0])),
            "expected each result of vmap to have",
        ),
        (lambda: vmap(identity)(None), "no array"),
        (lambda: vmap(identity)(), "no array"),
        (lambda: vmap(identity, in_axes=({"a": 0},))({"b": np.ones(2)}), r"in_axes .* \{'a': 0\} for dict"),
        (lambda: vmap(identity, in_axes=((0, 0),))((np.ones(2),)), r"in_axes .* \(0, 0\) for tuple"),
        (lambda: vmap(identity, in_axes=((0,),))({"a": np.ones(2)}), r"in_axes .* \(0,\) for dict"),
        (lambda: vmap(identity, in_axes=((),))(np.ones(2)), r"in_axes .* \(\) for ndarray"),
        (lambda: vmap(identity, out_axes=(0,))(np.ones(2)), r"out_axes .* \(0,\) for number"),
        (lambda: vmap(lambda x: [x], out_axes=(0, 0))(np.ones(2)), r"out_axes .* \(0, 0\) for list"),
        (lambda: vmap(identity, out_axes=1)(np.ones(2)), "stacks results along axis 1, .*from -1 to 0"),
        (lambda: vmap(identity, out_axes=None)(np.array([1.0, 2.0])), "out_axes=None is for results that"),
        (
            lambda: grad(lambda x: vmap(identity, out_axes=None)(x))(np.ones(2)),
            "out_axes=None is for results that",
        ),
        (
            lambda: autograd.jit(lambda x: vmap(identity, out_axes=None)(x), backend="numpy")(np.ones(2)),
            "out_axes=None is for results that",
        ),
        (lambda: grad(add, argnums=(0, 0))(1.0, 2.0), "an argument twice"),
        (lambda: jacobian(add, argnums=(1, -1))(1.0, 2.0), "an argument twice"),
    ],
)
def test_wrong_values(call: Callable[[], Any], message: str) -> None:
    """Arguments that do not match raise a ValueError that says what was expected and what was passed."""
    with pytest.raises(ValueError, match=message):
        call()


def test_aux_that_depends_on_an_outer_variable() -> None:
    """Aux keeps its derivative with respect to an outer variable, even if the result has none."""

    def outer(x: Any) -> Any:
        _, aux = grad(lambda y: (y * y, x**3), has_aux=True)(1.0)
        return aux

    check_floats(grad(outer)(2.0), 12.0)


def test_vmap_gives_plain_floats() -> None:
    """A mapped function receives Python floats for the elements of a 1-D array."""
    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append(x)
        return x

    vmap(f)(np.array([1.0, 2.0]))
    assert [type(x) for x in seen] == [float, float]


@pytest.mark.parametrize("axes", ["a", 0.5, (0.5,), ({"a": "x"},)])
def test_axes_are_numbers(axes: Any) -> None:
    """An axis that is neither an integer nor None raises."""
    at = {"a": np.ones(2)} if axes == ({"a": "x"},) else np.ones(2)
    with pytest.raises(TypeError, match="an integer or None for each argument"):
        vmap(identity, in_axes=axes)(at)
    with pytest.raises(TypeError, match="an integer or None for each argument"):
        vmap(lambda x: ({"a": x},), out_axes=axes)(np.ones(2))


def test_vmap_of_what_is_no_tree() -> None:
    """Unmapped arguments may be of any type, also as parts of a container with mapped parts."""
    batch = {"x": np.array([1.0, 2.0]), "name": "twice", "more": [len, np.array([3, 4])]}
    axes = {"x": 0, "name": None, "more": [None, 0]}
    found = vmap(lambda d: d["x"] * d["more"][0](d["name"]) + d["more"][1], in_axes=(axes,))(batch)
    check_floats(found, np.array([8.0, 14.0]))


def test_vmap_keeps_whole_numbers() -> None:
    """Samples of integers and booleans keep their type, so they can be indices; arrays keep their dtype."""
    table = np.array([10.0, 20.0, 30.0])
    seen: list[Any] = []

    def f(i: Any, keep: Any, pixels: Any) -> Any:
        seen.append((type(i), type(keep), pixels.dtype))
        return table[i] if keep else 0.0

    found = vmap(f)(np.array([2, 0]), np.array([True, False]), np.zeros((2, 3), dtype=np.uint8))
    check_floats(found, np.array([30.0, 0.0]))
    assert seen == [(int, bool, np.dtype(np.uint8))] * 2


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool])
@pytest.mark.parametrize("samples", [0, 2])
def test_vmap_keeps_the_type_of_an_array(dtype: Any, samples: int) -> None:
    """Slices have the type of the array, also that of a sample of ones where there are no samples."""
    seen = []

    def f(row: Any) -> Any:
        seen.append(row.dtype)
        return row.sum() * 1.0

    assert vmap(f)(np.zeros((samples, 3), dtype)).shape == (samples,)
    assert {*seen} == {np.dtype(dtype)}


def test_vmap_of_labels_in_a_trace() -> None:
    """In a trace the function is called once per distinct label, and the label stays an int."""
    labels = np.array([2, 0, 2, 1, 0, 2])
    names = {0: 1.0, 1: 10.0, 2: 100.0}
    calls: list[Any] = []

    def loss(w: Any, x: Any, label: Any) -> Any:
        calls.append(label)
        return (w[label] * x).sum() * names[label] + (label in {1, 2})

    def total(w: Any, x: Any) -> Any:
        return vmap(loss, in_axes=(None, 0, 0))(w, x, labels).sum()

    w, x = np.arange(6.0).reshape(3, 2), np.arange(12.0).reshape(6, 2)
    expected = value_and_grad(total, (0, 1))(w, x)
    del calls[:]
    check_floats(autograd.jit(value_and_grad(total, (0, 1)), backend="numpy")(w, x), expected)
    assert calls == [2, 0, 1]


def test_vmap_by_shared_results() -> None:
    """With out_axes=None a result shared by all samples is returned once, differentiable; nan equals nan."""
    x = np.array([1.0, 1.0, 1.0])

    def f(s: Any) -> Any:
        each, once = vmap(lambda x: (x * s, {"s": s * s, "nan": np.nan}), out_axes=(0, None))(x)
        return each.sum() + once["s"]

    check_floats(grad(f)(3.0), 9.0)
    check_floats(grad(autograd.jit(f, backend="numpy"))(3.0), 9.0)
    check_floats(autograd.jit(grad(f), backend="numpy")(3.0), 9.0)


def test_what_chooses_has_no_tangent() -> None:
    """A comparison has no tangent, so the branch not taken adds no 0 times inf, traced or not."""

    def curvature(x: Any) -> Any:
        return hvp(lambda x: autograd.min(1.0, x**2), (x,), (1.0,))

    with np.errstate(invalid="ignore"):
        assert (curvature(np.inf), autograd.jit(curvature)(np.inf)) == (0.0, 0.0)
    assert (curvature(0.5), autograd.jit(curvature)(0.5)) == (2.0, 2.0)


def test_a_factor_that_is_0_times_inf() -> None:
    """A contribution of 0 times inf is nan, also with create_graph."""
    for create_graph in (False, True):
        x, y = Value(np.inf), Value(1.0)
        with np.errstate(invalid="ignore"):
            ((0.0 * x) * y).backward(create_graph=create_graph)
        assert np.isnan(float(y.grad))


def test_arrays_of_arguments_without_dimensions() -> None:
    """A function may put a 0-d argument into an array by hand, plain and compiled."""
    x = np.array(2.0)
    for f in (lambda a: np.array([a, a * a]), lambda a: [np.array([a]), np.array([[a * a]])]):
        found = flatten(jacobian(f)(x))[0]
        assert (found, flatten(autograd.jit(jacobian(f), backend="numpy")(x))[0]) == ([1.0, 4.0], [1.0, 4.0])


def test_a_callable_that_nothing_refers_to_weakly() -> None:
    """What has no room for a weak reference is differentiated anew at each call of `grad`."""

    class Square:
        __slots__ = ()

        def __call__(self, x: Any) -> Any:
            return x * x

    assert [grad(Square())(3.0) for _ in range(2)] == [6.0, 6.0]
    assert value_and_grad(grad(Square()))(3.0) == (6.0, 2.0)
