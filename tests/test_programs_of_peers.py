"""Programs in the style of micrograd and microgpt, which run on their node classes and on ours."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from autograd import Value


class Closures:
    """A node as in micrograd: each result has a closure that adds to its operands' gradients."""

    def __init__(self, data: float, operands: Sequence[Closures] = ()) -> None:
        self.data, self.grad, self.operands = data, 0.0, operands
        self.push: Callable[[float], object] = lambda adjoint: None

    def _of(self, data: float, pairs: Sequence[tuple[Closures, float]]) -> Closures:
        out = Closures(data, [operand for operand, _ in pairs])

        def push(adjoint: float) -> None:
            for operand, partial in pairs:
                operand.grad += partial * adjoint

        out.push = push
        return out

    def __add__(self, other: Any) -> Closures:
        other = other if isinstance(other, Closures) else Closures(other)
        return self._of(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other: Any) -> Closures:
        other = other if isinstance(other, Closures) else Closures(other)
        return self._of(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, power: float) -> Closures:
        return self._of(self.data**power, [(self, power * self.data ** (power - 1))])

    def exp(self) -> Closures:
        """Return the exponential."""
        out = math.exp(self.data)
        return self._of(out, [(self, out)])

    def log(self) -> Closures:
        """Return the natural logarithm."""
        return self._of(math.log(self.data), [(self, 1 / self.data)])

    def relu(self) -> Closures:
        """Return the maximum of 0 and this number."""
        return self._of(max(0.0, self.data), [(self, float(self.data > 0))])

    def __neg__(self) -> Closures:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __truediv__(self, other: Any) -> Any:
        return self * other**-1

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        """Accumulate the gradients, with a recursive topological sort."""
        order: list[Closures] = []
        seen = set()

        def visit(node: Closures) -> None:
            if node not in seen:
                seen.add(node)
                for operand in node.operands:
                    visit(operand)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            node.push(node.grad)


def train_a_classifier(kind: type, steps: int) -> list[float]:
    """Return the losses of a ReLU network with hinge loss and decay, as in micrograd's demo.

    One of the updated parameters is not used by the loss.
    """
    draw = random.Random(1)
    layers = [
        [[kind(draw.uniform(-1, 1)) for _ in range(fan_in + 1)] for _ in range(fan_out)]
        for fan_in, fan_out in [(2, 6), (6, 1)]
    ]
    parameters = [w for layer in layers for neuron in layer for w in neuron] + [kind(1.0)]
    points = [(draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(12)]
    losses = []
    for step in range(steps):
        terms = []
        for point in points:
            x: Any = point
            for i, layer in enumerate(layers):
                sums = [
                    sum((w * v for w, v in zip(neuron[1:], x, strict=True)), neuron[0]) for neuron in layer
                ]
                x = sums if i else [total.relu() for total in sums]
            terms.append((1 + (1 if point[0] * point[1] > 0 else -1) * -x[0]).relu())
        loss = sum(terms) * (1.0 / len(terms)) + 1e-4 * sum(p * p for p in parameters[:-1])
        for p in parameters:
            p.grad = 0
        loss.backward()
        rate = 0.5 - 0.4 * step / steps
        for p in parameters:
            p.data -= rate * p.grad
        losses.append(loss.data)
    assert parameters[-1].data == 1.0
    return losses


def train_a_language_model(kind: type, steps: int) -> list[float]:
    """Return the losses of one attention head over letters, trained by Adam, as in microgpt."""
    draw = random.Random(42)
    size, letters, length = 4, 6, 5

    def matrix(rows: int, columns: int) -> Any:
        return [[kind(draw.gauss(0, 0.3)) for _ in range(columns)] for _ in range(rows)]

    tokens, places, query, key, value = (matrix(n, size) for n in (letters, length, size, size, size))
    wide, narrow, head = matrix(2 * size, size), matrix(size, 2 * size), matrix(letters, size)
    weights = (tokens, places, query, key, value, wide, narrow, head)
    parameters = [p for rows in weights for row in rows for p in row]

    def linear(x: Any, rows: Any) -> Any:
        return [sum(w * v for w, v in zip(row, x, strict=True)) for row in rows]

    def softmax(logits: Any) -> Any:
        largest = max(v.data for v in logits)
        powers = [(v - largest).exp() for v in logits]
        total = sum(powers)
        return [power / total for power in powers]

    def normalized(x: Any) -> Any:
        scale = (sum(v * v for v in x) / len(x) + 1e-5) ** -0.5
        return [v * scale for v in x]

    moments, squares, losses = [0.0] * len(parameters), [0.0] * len(parameters), []
    for step in range(steps):
        text = [draw.randrange(letters) for _ in range(length + 1)]
        keys: list[Any] = []
        values: list[Any] = []
        terms = []
        for i in range(length):
            x = normalized([t + p for t, p in zip(tokens[text[i]], places[i], strict=True)])
            q = linear(x, query)
            keys.append(linear(x, key))
            values.append(linear(x, value))
            scores = [sum(a * b for a, b in zip(q, k, strict=True)) / size**0.5 for k in keys]
            shares = softmax(scores)
            mixed = [sum(s * v[j] for s, v in zip(shares, values, strict=True)) for j in range(size)]
            x = [a + b for a, b in zip(mixed, x, strict=True)]
            hidden = [v.relu() for v in linear(normalized(x), wide)]
            x = [a + b for a, b in zip(linear(hidden, narrow), x, strict=True)]
            terms.append(-softmax(linear(x, head))[text[i + 1]].log())
        loss = (1 / length) * sum(terms)
        loss.backward()
        for i, p in enumerate(parameters):
            moments[i] = 0.85 * moments[i] + 0.15 * p.grad
            squares[i] = 0.99 * squares[i] + 0.01 * p.grad**2
            mean, square = moments[i] / (1 - 0.85 ** (step + 1)), squares[i] / (1 - 0.99 ** (step + 1))
            p.data -= 0.02 * (1 - step / steps) * mean / (square**0.5 + 1e-8)
            p.grad = 0
        losses.append(loss.data)
    return losses


@pytest.mark.parametrize("train", [train_a_classifier, train_a_language_model])
def test_trainings(train: Callable[[type, int], list[float]]) -> None:
    """The losses of a training agree to 1e-12."""
    losses = train(Value, 15)
    assert losses == pytest.approx(train(Closures, 15), rel=1e-12)
    assert losses[-1] != losses[0]


def test_a_walk_through_the_graph() -> None:
    """Code that draws micrograd's graphs works on ours: `_prev` is a set of operands, `_op` a name."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    out = ((a * b + 1.0).relu() + b * b) ** 2
    nodes, edges = set(), set()

    def build(node: Value) -> None:
        if node not in nodes:
            nodes.add(node)
            for operand in node._prev:
                edges.add((operand, node))
                build(operand)

    build(out)
    assert sorted(node._op for node in nodes) == ["", "", "*", "*", "**", "+", "+", "relu"]
    assert len(edges) == 8
    assert (b * b)._prev == {b}
    assert a._prev == set()


def test_other_names() -> None:
    """`item()` and `is_leaf` work as in PyTorch."""
    a = Value(2.0)
    out = a * a
    assert ((out.item(), type(out.item())), a.is_leaf, out.is_leaf) == ((4.0, float), True, False)


class Parameter(Value):
    """A leaf to which an optimizer attaches its state."""

    m = 0.0


def test_free_attributes_of_a_subclass() -> None:
    """A subclass accepts arbitrary attributes and works in expressions."""
    p = Parameter(3.0)
    for _ in range(3):
        p.grad = 0
        (p * p).backward()
        p.m = 0.9 * p.m + 0.1 * p.grad
        p.data -= 0.1 * p.m
    assert p.m == pytest.approx(1.581, abs=1e-3)
    assert type(p * 2.0) is type(2.0 * p) is type(-p) is Value


def test_a_gradient_of_none() -> None:
    """Setting a gradient to None means that there is none yet, as with PyTorch's zero_grad."""
    p = Value(3.0)
    for _ in range(2):
        p.grad = None
        (p * p).backward()
        assert p.grad == 6.0
    p.grad = None
    assert repr(p) == "Value(3.0)"
    (p * p).backward(create_graph=True)
    assert p.grad.args[0] is p
    p.grad = None
