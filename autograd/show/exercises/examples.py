"""Examples of the lecture notes as graphs, by their id."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...engine.value import Value
from ...functions.generated import dot, exp, log, max, relu, sigmoid, sin


def _called(name: str, node: Value) -> Value:
    node.label = name
    return node


def _leaf(name: str, number: float) -> Value:
    return Value(number, name)


def _chain() -> Value:
    """Return y = exp(sin(x**2)), a chain of three functions."""
    a1 = _called("a1", _leaf("x", 0.8) ** 2.0)
    return _called("y", exp(_called("a2", sin(a1))))


def _two_variables() -> Value:
    x, z = _leaf("x", 2.0), _leaf("z", 3.0)
    square = _called("u", z**2.0)
    return _called("y", _called("v", x * square) + z)


def _tie() -> Value:
    return _called("y", max(_leaf("x", 2.0), _leaf("z", 2.0)))


def _neuron() -> Value:
    """Return the cost of one neuron: W = (4, 2, -5), x = (1, 0, 2), b = 7, and the target 5."""
    xs = [_leaf(f"x{i}", number) for i, number in enumerate((1.0, 0.0, 2.0), 1)]
    ws = [_leaf(f"w{i}", number) for i, number in enumerate((4.0, 2.0, -5.0), 1)]
    z = _called("z", _called("W·x", dot(ws, xs)) + _leaf("b", 7.0))
    error = _called("e", _called("ŷ", relu(z)) - 5.0)
    return _called("J", 0.5 * error**2.0)


def _polynomial() -> Value:
    x, y = _leaf("x", 2.0), _leaf("y", -1.0)
    return _called("f", _called("u", 3.0 * x**2.0) * y)


def _total_derivative() -> Value:
    x = _leaf("x", 3.0)
    return _called("y", x + _called("u", x**2.0))


def _sine_of_a_square() -> Value:
    return _called("y", sin(_called("u", _leaf("x", 1.2) ** 2.0)))


def _kink() -> Value:
    """Return a neuron whose weighted sum is exactly 0."""
    z = _called("z", _called("p", _leaf("w", 2.0) * _leaf("x", 1.5)) + _leaf("b", -3.0))
    return _called("a", relu(z))


def _logistic_neuron() -> Value:
    """Return the cost of a logistic neuron for the target 1."""
    z = _called("z", _called("p", _leaf("w", 0.5) * _leaf("x", 2.0)) + _leaf("b", -0.25))
    return _called("j", -_called("l", log(_called("a", sigmoid(z)))))


def _chain_of_neurons() -> Value:
    """Return the cost of a chain with one neuron a layer."""
    z1 = _called("z1", _leaf("w1", 1.5) * _leaf("a0", 0.6) + _leaf("b1", -0.2))
    a1 = _called("a1", sigmoid(z1))
    z2 = _called("z2", _leaf("w2", -0.8) * a1 + _leaf("b2", 0.4))
    return _called("C", _called("e", _called("a2", sigmoid(z2)) - 1.0) ** 2.0)


EXAMPLES: Mapping[str, Callable[[], Value]] = {
    "A4": _chain,
    "A5": _two_variables,
    "A7": _tie,
    "B3": _neuron,
    "C2": _polynomial,
    "C6": _total_derivative,
    "C8": _sine_of_a_square,
    "C9": _kink,
    "D1": _logistic_neuron,
    "E2": _chain_of_neurons,
}
"""What makes the graph of an example; its nodes have the names of the notes."""
