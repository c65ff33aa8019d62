"""The notes in docs/notes.md: one test for each id, with the results stated in the notes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autograd import (
    Value,
    as_values,
    data,
    dot,
    exp,
    grads,
    log,
    max,
    relu,
    sigmoid,
    sin,
    softmax,
    sum,
)
from autograd.engine.graph import nodes
from nn import MLP, Layer, Neuron, fit, losses
from nn.activations import hardmax
from nn.initializers import unit_uniform
from nn.optimizers import SGD

Array = npt.NDArray[Any]


def rng() -> np.random.Generator:
    """Return the same random generator for each test."""
    return np.random.default_rng(20)


def gradients(result: Value, *leaves: Value) -> list[float]:
    """Return the derivative of a result with respect to each leaf."""
    for leaf in leaves:
        leaf.grad = 0.0
    result.backward()
    return [leaf.grad for leaf in leaves]


def jacobian(outputs: Any, inputs: Array) -> Array:
    """Return the derivatives in numerator layout: one row per output."""
    return np.array([gradients(output, *inputs) for output in outputs])


def weights_of(layer: Layer) -> Array:
    """Return W, one row per neuron."""
    return np.array([data(neuron.w) for neuron in layer.neurons])


def weight_grads_of(layer: Layer) -> Array:
    """Return ∂J/∂W."""
    return np.array([grads(neuron.w) for neuron in layer.neurons])


def bias_grads_of(layer: Layer) -> Array:
    """Return ∂J/∂b as a column."""
    return np.array([[neuron.b.grad] for neuron in layer.neurons])


# ------------------------------------------------------------------ A: forward pass, chain rule, arrays


def test_a1_network_with_k_hidden_layers() -> None:
    """A network of k hidden layers maps n_in inputs to n_out outputs."""
    model = MLP(3, [5, 4, 2], rng=0)
    assert [len(layer.neurons) for layer in model.layers] == [5, 4, 2]
    assert len(model([1.0, 2.0, 3.0])) == 2


def test_a2_batch_in_columns() -> None:
    """W·X + b, with one column per sample, agrees with the layer on each sample."""
    layer, samples = Layer(3, 2, "linear", rng=0), rng().normal(size=(4, 3))
    w, b = as_values(weights_of(layer)), as_values([[neuron.b.data] for neuron in layer.neurons])
    z = w @ samples.T + b
    assert z.shape == (2, 4)
    np.testing.assert_allclose(data(z).T, data(layer(samples)), rtol=1e-15)


def test_a3_batch_in_rows() -> None:
    """X·Wᵀ + bᵀ is the transpose of A2."""
    layer, samples = Layer(3, 2, "linear", rng=0), rng().normal(size=(4, 3))
    w, b = as_values(weights_of(layer)), as_values([[neuron.b.data] for neuron in layer.neurons])
    rows, columns = samples @ w.T + b.T, w @ samples.T + b
    assert rows.shape == (4, 2)
    np.testing.assert_array_equal(data(rows), data(columns).T)


def test_a4_chain_rule() -> None:
    """dy/dx is the product of dy/da2, da2/da1 and da1/dx, each of which is in the graph."""
    x = Value(0.7)
    a1 = sin(x)
    a2 = exp(a1)
    y = a2**2
    y.backward()
    factors: list[Any] = [y.partials[0], a2.partials[0], a1.partials[0]]
    assert factors == pytest.approx([2.0 * np.exp(np.sin(0.7)), np.exp(np.sin(0.7)), np.cos(0.7)])
    assert x.grad == pytest.approx(np.prod(factors), rel=1e-15)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda x, z: x + z, (1.0, 1.0)),
        (lambda x, z: x * z, (5.0, 3.0)),
        (lambda x, z: 2 * x + z, (2.0, 1.0)),
        (lambda x, z: x**2, (6.0, 0.0)),
        (lambda x, z: x * z**2 + z, (25.0, 31.0)),
    ],
)
def test_a5_worked_derivatives(
    expression: Callable[[Value, Value], Value], expected: tuple[float, float]
) -> None:
    """The five worked derivatives are exact, at x = 3 and z = 5."""
    x, z = Value(3.0), Value(5.0)
    assert gradients(expression(x, z), x, z) == list(expected)


@pytest.mark.parametrize(("x", "value", "slope"), [(-2.0, 0.0, 0.0), (0.0, 0.0, 0.0), (3.0, 3.0, 1.0)])
def test_a6_relu(x: float, value: float, slope: float) -> None:
    """ReLU is max(0, x), with derivative 0 at 0."""
    v = Value(x)
    assert relu(v).data == max(0.0, v).data == value
    assert gradients(relu(v), v) == gradients(max(0.0, v), v) == [slope]


@pytest.mark.parametrize(
    ("x", "z", "expected"), [(2.0, 1.0, [1.0, 0.0]), (1.0, 2.0, [0.0, 1.0]), (2.0, 2.0, [1.0, 0.0])]
)
def test_a7_max_gives_a_tie_to_the_first(x: float, z: float, expected: list[float]) -> None:
    """The larger argument gets the derivative; in a tie, the first."""
    a, b = Value(x), Value(z)
    assert gradients(max(a, b), a, b) == expected


@pytest.mark.parametrize("x", [-1e308, -800.0, -40.0, 0.0, 2.0, 40.0, 1e308])
def test_a8_sigmoid(x: float) -> None:
    """σ' = σ(1 - σ), and σ is stable for any finite x."""
    v = Value(x)
    a = sigmoid(v)
    expected = 1.0 / (1.0 + np.exp(-x)) if abs(x) < 700 else float(x > 0)
    assert a.data == pytest.approx(expected, rel=1e-15, abs=0.0)
    # a (1 - a), also where 1 - a rounds to 0
    assert gradients(a, v) == pytest.approx([a.data * sigmoid(-x)], rel=1e-15, abs=0.0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4), (4, 1, 3), (3, 5, 1)])
def test_a9_matrix_product(shape: tuple[int, int, int]) -> None:
    """Given G upstream of Y = X·Z, the gradients are G·Zᵀ and Xᵀ·G."""
    a, b, c = shape
    x, z = as_values(rng().normal(size=(a, b))), as_values(rng().normal(size=(b, c)))
    g = rng().normal(size=(a, c))
    np.sum(g * (x @ z)).backward()
    np.testing.assert_allclose(grads(x), g @ data(z).T, rtol=1e-12)
    np.testing.assert_allclose(grads(z), data(x).T @ g, rtol=1e-12)


def test_a10_linear_regression() -> None:
    """Gradient descent on y = X·W + b finds the least-squares solution."""
    x = rng().normal(size=(30, 2))
    y = x @ [2.0, -1.0] + 0.5 + rng().normal(scale=0.1, size=30)
    model = Neuron(2, "linear", rng=0)
    fit(model, x, y, loss=losses.mse, optimizer=SGD(model.parameters(), lr=0.2), epochs=200, verbose=0)
    solution = np.linalg.lstsq(np.column_stack([x, np.ones(30)]), y)[0]
    np.testing.assert_allclose([p.data for p in model.parameters()], solution, rtol=1e-9)


def test_a11_half_squared_error() -> None:
    """The derivative of ½ Σ (y - t)² is y - t, and Xᵀ(y - t) for the weights."""
    x, t = rng().normal(size=(5, 3)), rng().normal(size=5)
    w = as_values(rng().normal(size=3))
    y = x @ w
    losses.half_squared_error(y, t).backward()
    np.testing.assert_array_equal(grads(y), data(y) - t)
    np.testing.assert_allclose(grads(w), x.T @ (data(y) - t), rtol=1e-14)


# --------------------------------------------------------------------- B: one neuron, then k of them


def worked_neuron() -> Neuron:
    """Return the neuron of the worked example."""
    neuron = Neuron(3, "relu", rng=0)
    neuron.load_state_dict({"w[0]": 4.0, "w[1]": 2.0, "w[2]": -5.0, "b": 7.0})
    return neuron


def test_b1_one_neuron() -> None:
    """z = W·x + b = 1 and ŷ = ReLU(z) = 1."""
    output = worked_neuron()([1.0, 0.0, 2.0])
    assert output.args[0].data == 1.0
    assert output.data == 1.0


def test_b2_half_squared_error() -> None:
    """J = ½(ŷ - y)² = 8 with dJ/dŷ = -4, for y = 5."""
    output = worked_neuron()([1.0, 0.0, 2.0])
    j = losses.half_squared_error(output, 5.0)
    j.backward()
    assert (j.data, output.grad) == (8.0, -4.0)


def test_b3_gradients_of_one_neuron() -> None:
    """db = -4, dW = (-4, 0, -8) and dx = (-16, -8, 20)."""
    neuron, x = worked_neuron(), as_values([1.0, 0.0, 2.0])
    losses.half_squared_error(neuron(x), 5.0).backward()
    assert neuron.b.grad == -4.0
    assert grads(neuron.w).tolist() == [-4.0, 0.0, -8.0]
    assert grads(x).tolist() == [-16.0, -8.0, 20.0]


def test_b4_total_derivative_over_k_neurons() -> None:
    """dL/dx_i is the sum of dL/dz_j · W_ji over the k neurons: Wᵀ·dz."""
    layer, x, dz = Layer(3, 4, "linear", rng=0), as_values([1.0, -2.0, 0.5]), rng().normal(size=4)
    dot(dz, layer(x)).backward()
    np.testing.assert_allclose(grads(x), weights_of(layer).T @ dz, rtol=1e-14)


# --------------------------------------------------------------------------------- C: matrix calculus


def relu_neuron_cost() -> tuple[Value, Array, Value, Array, Array]:
    """Return the cost of a ReLU neuron over samples, its w and b, and the data."""
    x, y = rng().normal(size=(8, 3)), rng().normal(size=8)
    w, b = as_values([0.5, -1.0, 2.0]), Value(0.1)
    cost = sum((t - max(0.0, dot(w, row) + b)) ** 2 for row, t in zip(x, y, strict=True)) / len(y)
    return cost, w, b, x, y


def test_c1_cost_of_one_relu_neuron() -> None:
    """C = 1/N Σ (y_i - max(0, w·x_i + b))²."""
    cost, w, b, x, y = relu_neuron_cost()
    assert cost.data == pytest.approx(np.mean((y - np.maximum(0.0, x @ data(w) + b.data)) ** 2), rel=1e-14)


def test_c2_gradient_of_two_variables() -> None:
    """The gradient of 3x²y is [6xy, 3x²]."""
    x, y = Value(2.0), Value(7.0)
    assert gradients(3 * x**2 * y, x, y) == [84.0, 12.0]


def test_c3_jacobian_in_numerator_layout() -> None:
    """The Jacobian of m functions of n variables is m×n, with a gradient in each row."""
    x = as_values([1.0, 2.0, 3.0])
    result = jacobian([x[0] * x[1], x[2] ** 2], x)
    np.testing.assert_array_equal(result, [[2.0, 1.0, 0.0], [0.0, 0.0, 6.0]])


@pytest.mark.parametrize(
    ("operation", "by_w", "by_x"),
    [
        (lambda w, x: w + x, lambda w, x: np.ones(3), lambda w, x: np.ones(3)),
        (lambda w, x: w - x, lambda w, x: np.ones(3), lambda w, x: -np.ones(3)),
        (lambda w, x: w * x, lambda w, x: x, lambda w, x: w),
        (lambda w, x: w / x, lambda w, x: 1 / x, lambda w, x: -w / x**2),
    ],
    ids=["+", "-", "*", "/"],
)
def test_c4_elementwise_jacobians_are_diagonal(operation: Any, by_w: Any, by_x: Any) -> None:
    """Element-wise operations on two vectors have diagonal Jacobians."""
    w, x = as_values([1.0, 2.0, 4.0]), as_values([8.0, 16.0, 32.0])
    y = operation(w, x)
    np.testing.assert_array_equal(jacobian(y, w), np.diag(by_w(data(w), data(x))))
    np.testing.assert_array_equal(jacobian(y, x), np.diag(by_x(data(w), data(x))))


def test_c5_vector_with_scalar() -> None:
    """y = x + z gives I and the vector of ones; y = x·z gives I·z and x."""
    x, z = as_values([1.0, 2.0, 3.0]), Value(5.0)
    np.testing.assert_array_equal(jacobian(x + z, x), np.eye(3))
    np.testing.assert_array_equal(jacobian(x + z, np.array([z])), np.ones((3, 1)))
    np.testing.assert_array_equal(jacobian(x * z, x), 5.0 * np.eye(3))
    np.testing.assert_array_equal(jacobian(x * z, np.array([z])), [[1.0], [2.0], [3.0]])


def test_c6_total_derivative_is_a_sum_over_paths() -> None:
    """y = x + x² has the derivative 1 + 2x: the direct path and the one through u1."""
    x = Value(3.0)
    u1 = x**2
    u2 = x + u1
    u2.backward()
    partials: list[Any] = [*u2.partials, *u1.partials]
    direct, through_u1 = partials[0], partials[1] * partials[2]
    assert (direct, through_u1) == (1.0, 6.0)
    assert x.grad == direct + through_u1 == 7.0


def test_c7_reductions() -> None:
    """sum(x) has the vector of ones as its gradient; sum(x·z) has (z, ..., z) and sum(x)."""
    x, z = as_values([1.0, 2.0, 4.0]), Value(5.0)
    assert gradients(sum(x), *x) == [1.0, 1.0, 1.0]
    assert gradients(sum(x * z), *x, z) == [5.0, 5.0, 5.0, 7.0]


def test_c8_chain_rules() -> None:
    """The Jacobian of a composite is the product of the Jacobians, for scalars and vectors."""
    x = as_values([0.8])
    v = 0.8
    assert jacobian([sin(x[0] ** 2)], x)[0, 0] == pytest.approx(2 * v * np.cos(v**2), rel=1e-15)
    g = np.array([x[0] ** 2, 3 * x[0]])
    f = np.array([log(g[0]), sin(g[1])])
    outer, whole = jacobian(f, g), jacobian(f, x)
    inner = jacobian(g, x)
    np.testing.assert_allclose(whole, outer @ inner, rtol=1e-15)
    np.testing.assert_allclose(whole[:, 0], [2 / v, 3 * np.cos(3 * v)], rtol=1e-15)


@pytest.mark.parametrize(("b", "active"), [(-2.0, 0.0), (-1.0, 0.0), (0.0, 1.0)])
def test_c9_relu_neuron_at_equality(b: float, active: float) -> None:
    """∂/∂w is 0ᵀ where w·x + b ≤ 0 (equality included), else xᵀ; ∂/∂b is 0 or 1."""
    w, x, bias = as_values([1.0, -1.0]), [3.0, 2.0], Value(b)
    assert gradients(max(0.0, dot(w, x) + bias), *w, bias) == [3.0 * active, 2.0 * active, active]


def test_c10_gradient_of_the_cost() -> None:
    """∂C/∂w = 2/N Σ e_i x_iᵀ and ∂C/∂b = 2/N Σ e_i over the active samples."""
    cost, w, b, x, y = relu_neuron_cost()
    cost.backward()
    z = x @ data(w) + b.data
    e = np.where(z > 0, z - y, 0.0)
    assert 0 < np.count_nonzero(e) < len(e)
    np.testing.assert_allclose(grads(w), 2 / len(y) * e @ x, rtol=1e-13)
    assert b.grad == pytest.approx(2 / len(y) * e.sum(), rel=1e-13)


def test_c11_gradient_descent() -> None:
    """w ← w - η ∂C/∂w lowers the cost to where its gradient is 0."""
    w = Value(5.0)
    optimizer = SGD([w], lr=0.25)
    for _ in range(60):
        optimizer.zero_grad()
        ((w - 2.0) ** 2).backward()
        optimizer.step()
    assert w.data == pytest.approx(2.0, abs=1e-15)


# ------------------------------------------------- D: logistic neuron, vectorising, L layers, softmax


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("z", [-800.0, -40.0, -1.0, 0.0, 2.0, 40.0, 800.0])
def test_d1_logistic_neuron(z: float, y: float) -> None:
    """∂j/∂z = a - y, also where a rounds to 0 or 1."""
    logit = Value(z)
    losses.binary_cross_entropy_with_logits(logit, y).backward()
    # σ(z) - 1 equals -σ(-z), which stays accurate where σ(z) rounds to 1.
    assert logit.grad == pytest.approx(sigmoid(z) if y == 0.0 else -sigmoid(-z), rel=1e-15, abs=0.0)


def test_d1_from_probabilities() -> None:
    """j = -[y log a + (1 - y) log(1 - a)] with a = σ(w1x1 + w2x2 + b) has ∂j/∂z = a - y."""
    w1, w2, b = Value(0.3), Value(-0.2), Value(0.1)
    z = w1 * 1.5 + w2 * 2.0 + b
    a = sigmoid(z)
    j = losses.binary_cross_entropy(a, 1.0)
    j.backward()
    assert j.data == pytest.approx(-np.log(a.data), rel=1e-15)
    assert z.grad == pytest.approx(a.data - 1.0, rel=1e-15)


def test_d2_linear_neuron() -> None:
    """∂j/∂z = a - y for ½(a - y)² and a = z."""
    z = Value(3.0)
    losses.half_squared_error(z, 5.0).backward()
    assert z.grad == -2.0


def test_d3_loop_and_vectorised_form() -> None:
    """The loop over m samples and dw = X dZᵀ/m, db = sum(dZ)/m give the same numbers."""
    x, y = rng().normal(size=(2, 6)), np.array([[0.0, 1.0, 1.0, 0.0, 1.0, 0.0]])
    w, b, m = as_values([[0.4], [-0.7]]), Value(0.2), 6
    cost: Any = 0.0
    for i in range(m):
        a = sigmoid(w[0, 0] * x[0, i] + w[1, 0] * x[1, i] + b)
        cost += -(y[0, i] * log(a) + (1 - y[0, i]) * log(1 - a))
    (cost / m).backward()
    dz = sigmoid(data(w).T @ x + b.data) - y
    np.testing.assert_allclose(grads(w), x @ dz.T / m, rtol=1e-13)
    assert b.grad == pytest.approx(np.sum(dz) / m, rel=1e-13)


def test_d4_initial_weights() -> None:
    """Initial weights are random in [0, 1)."""
    drawn = data(Neuron(500, init=unit_uniform, rng=0).w)
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    assert drawn.mean() == pytest.approx(0.5, abs=0.05)


def backward_by_the_notes(model: MLP, x: Array, y: Array) -> list[tuple[Array, Array]]:
    """Return dW and db of each layer by D7, for tanh layers, a linear output and the cost ½(a - y)²/m."""
    activations = [x]
    for i, layer in enumerate(model.layers):
        z = weights_of(layer) @ activations[-1] + np.array([[n.b.data] for n in layer.neurons])
        activations.append(z if i == len(model.layers) - 1 else np.tanh(z))
    m = x.shape[1]
    da = activations[-1] - y
    found = []
    for i in reversed(range(len(model.layers))):
        g_prime = 1.0 if i == len(model.layers) - 1 else 1.0 - activations[i + 1] ** 2
        dz = da * g_prime
        found.append((dz @ activations[i].T / m, dz.sum(axis=1, keepdims=True) / m))
        da = weights_of(model.layers[i]).T @ dz
    return found[::-1]


@pytest.mark.parametrize("sizes", [[4, 2], [5, 4, 3, 2]], ids=["d5 two layers", "d7 L layers"])
def test_d5_d7_all_gradients_of_the_layers(sizes: list[int]) -> None:
    """Backward gives dW = dZ·A_prevᵀ/m and db = sum(dZ)/m of every layer."""
    model = MLP(3, sizes, "tanh", rng=0)
    x, y = rng().normal(size=(3, 7)), rng().normal(size=(2, 7))
    (losses.half_squared_error(model(x.T), y.T) / 7).backward()
    for layer, (dw, db) in zip(model.layers, backward_by_the_notes(model, x, y), strict=True):
        np.testing.assert_allclose(weight_grads_of(layer), dw, rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(bias_grads_of(layer), db, rtol=1e-10, atol=1e-15)


def test_d6_forward_of_l_layers() -> None:
    """Each layer gives A = g(W·A_prev + b)."""
    model, x = MLP(3, [4, 4, 2], "sigmoid", output="sigmoid", rng=0), rng().normal(size=(3, 5))
    a = x
    for layer in model.layers:
        a = sigmoid(weights_of(layer) @ a + np.array([[n.b.data] for n in layer.neurons]))
    np.testing.assert_allclose(data(model(x.T)), a.T, rtol=1e-14)


def test_d8_cost_with_l2() -> None:
    """J = -1/m ΣΣ [y log h + (1 - y) log(1 - h)] + λ/(2m) Σ w², without the biases."""
    model, m, strength = MLP(3, [4, 2], "tanh", output="sigmoid", rng=0), 5, 0.7
    for layer in model.layers:
        layer.neurons[0].b.data = 3.0
    x, y = rng().normal(size=(m, 3)), np.eye(2)[[0, 1, 1, 0, 1]]
    h = model(x)
    outputs = y.shape[1]
    cost = outputs * losses.binary_cross_entropy(h, y) + losses.l2_penalty(model, strength / m)
    numbers = data(h)
    squares = np.sum([np.sum(weights_of(layer) ** 2) for layer in model.layers])
    entropy = -np.sum(y * np.log(numbers) + (1 - y) * np.log(1 - numbers)) / m
    assert cost.data == pytest.approx(entropy + strength / (2 * m) * squares, rel=1e-13)
    assert gradients(losses.l2_penalty(model, 1.0), model.layers[0].neurons[0].b) == [0.0]


def test_d9_hardmax_and_softmax() -> None:
    """Hardmax is the one-hot vector of the most likely class by softmax."""
    z = [5.0, 2.0, -1.0, 3.0]
    assert hardmax(z) == np.eye(4)[0].tolist()
    assert int(np.argmax(data(softmax(z)))) == 0


def test_d10_softmax() -> None:
    """z = (5, 2, -1, 3) gives t = (148.4, 7.4, 0.4, 20.1), their sum 176.3, and a."""
    z = [5.0, 2.0, -1.0, 3.0]
    t = [exp(item) for item in z]
    assert [f"{item:.1f}" for item in t] == ["148.4", "7.4", "0.4", "20.1"]
    assert f"{sum(t):.1f}" == "176.3"
    assert [f"{item:.3f}" for item in softmax(as_values(z))] == ["0.842", "0.042", "0.002", "0.114"]


def test_d11_cross_entropy() -> None:
    """For y = (0, 1, 0, 0) and a = (0.3, 0.2, 0.1, 0.4), j = -log 0.2 and ∂j/∂z = a - y."""
    z = as_values(np.log([0.3, 0.2, 0.1, 0.4]))
    j = losses.cross_entropy(z, [0.0, 1.0, 0.0, 0.0])
    j.backward()
    assert f"{j:.4f}" == "1.6094"
    np.testing.assert_allclose(grads(z), [0.3, -0.8, 0.1, 0.4], rtol=1e-15)


def test_d12_softmax_jacobian() -> None:
    """∂a_i/∂z_j is a_i(1 - a_i) where i = j, else -a_i·a_j."""
    z = as_values([5.0, 2.0, -1.0, 3.0])
    a = softmax(z)
    numbers = data(a)
    np.testing.assert_allclose(
        jacobian(a, z), np.diag(numbers) - np.outer(numbers, numbers), rtol=1e-12, atol=1e-17
    )


# --------------------------------------------------------- E: feed forward and back propagation


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize(
    ("loss", "output"), [(losses.mse, "sigmoid"), (losses.binary_cross_entropy, "sigmoid")]
)
def test_e1_network_trains(activation: str, loss: Any, output: str) -> None:
    """A network of three inputs trains with sigmoid and ReLU, MSE and cross entropy."""
    x = rng().normal(size=(12, 3))
    y = (x[:, 0] > 0).astype(float)
    model = MLP(3, [4, 1], activation, output=output, rng=1)
    optimizer = SGD(model.parameters(), lr=1.0)
    history = fit(model, x, y, loss=loss, optimizer=optimizer, epochs=60, verbose=0)
    assert history.loss[-1] < 0.5 * history.loss[0]


def test_e2_chain_of_one_neuron_a_layer() -> None:
    """∂C/∂w, ∂C/∂b and ∂C/∂a_prev of the last neuron are the products of the notes."""
    model, y = MLP(1, [1, 1, 1], "sigmoid", output="sigmoid", rng=0), 0.3
    a_prev: Any = as_values([0.9])
    for layer in model.layers[:-1]:
        a_prev = layer.forward(a_prev)
    last = model.layers[-1].neurons[0]
    a = last(a_prev)
    cost = (a - y) ** 2
    cost.backward()
    (z,) = a.args
    dc_da, da_dz = 2 * (a.data - y), a.data * (1 - a.data)
    assert cost.partials[0] * cost.args[0].partials[0] == pytest.approx(dc_da, rel=1e-15)
    assert a.partials == (pytest.approx(da_dz, rel=1e-15),)
    assert z.grad == pytest.approx(da_dz * dc_da, rel=1e-14)
    assert last.w[0].grad == pytest.approx(a_prev[0].data * da_dz * dc_da, rel=1e-14)
    assert last.b.grad == pytest.approx(1 * da_dz * dc_da, rel=1e-14)
    assert a_prev[0].grad == pytest.approx(last.w[0].data * da_dz * dc_da, rel=1e-14)


def test_e3_several_outputs() -> None:
    """∂C0/∂a_k = Σ_j w_jk σ'(z_j) 2(a_j - y_j): a sum over the outputs, each term in the graph."""
    layer, previous, y = Layer(3, 2, "sigmoid", rng=0), as_values([0.2, 0.5, 0.9]), np.array([0.0, 1.0])
    a = layer(previous)
    sum((a_j - y_j) ** 2 for a_j, y_j in zip(a, y, strict=True)).backward()
    numbers = data(a)
    terms = weights_of(layer) * (numbers * (1 - numbers) * 2 * (numbers - y))[:, None]
    np.testing.assert_allclose(grads(previous), terms.sum(axis=0), rtol=1e-14)
    products = [a_j.args[0].args[0] for a_j in a]
    in_graph = [[p.grad * p.partials[p.args.index(a_k)] for a_k in previous] for p in products]
    np.testing.assert_allclose(in_graph, terms, rtol=1e-14)


def test_e4_cost_is_the_mean_over_samples() -> None:
    """The cost of the training set, and its gradient, are the means over the samples."""
    model, x, y = MLP(2, [3, 1], "tanh", rng=0), rng().normal(size=(4, 2)), rng().normal(size=4)
    whole = losses.mse(model(x), y)
    singles = [losses.mse(model(x[i : i + 1]), y[i : i + 1]) for i in range(4)]
    parameters = model.parameters()
    assert whole.data == pytest.approx(np.mean([single.data for single in singles]), rel=1e-14)
    means = np.mean([gradients(single, *parameters) for single in singles], axis=0)
    np.testing.assert_allclose(gradients(whole, *parameters), means, rtol=1e-12, atol=1e-16)


def test_e5_full_gradient() -> None:
    """∇C has a component for each weight and bias, flat and by name; layer 1 uses the input."""
    model, x = MLP(2, [3, 1], "sigmoid", rng=0), [0.5, -1.0]
    cost = losses.mse(model(x), 1.0)
    cost.backward()
    flat = grads(model.parameters())
    by_name = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert flat.shape == (13,)
    assert list(by_name.values()) == flat.tolist()
    assert {node for node in nodes(cost) if node.op is None} == set(model.parameters())
    neuron = model.layers[0].neurons[0]
    assert by_name["layers.0.neurons.0.w[1]"] == pytest.approx(neuron.b.grad * x[1], rel=1e-15)


def test_every_id_has_its_test() -> None:
    """Each id of docs/notes.md, A1 to E5, is in the name of a test of this file, and vice versa."""
    notes = (Path(__file__).parent.parent / "docs" / "notes.md").read_text(encoding="utf-8")
    ids = [item.lower() for item in re.findall(r"^### (\w+)$", notes, re.MULTILINE)]
    words = {word for name in globals() if name.startswith("test_") for word in name.split("_")}
    assert sorted(ids) == sorted(word for word in words if re.fullmatch(r"[a-e]\d+", word))
