"""The strategy of small random graphs of smooth operations, for what shows and translates graphs."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import assume
from hypothesis import strategies as st

from autograd import Value, exp, log, sigmoid, sin, sqrt, tanh

_UNARY: dict[str, Callable[[Value], Value]] = {
    "sin": sin,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "exp": lambda x: exp(-x * x),
    "log": lambda x: log(x * x + 1.0),
    "sqrt": lambda x: sqrt(x * x + 0.5),
    "neg": lambda x: -x,
    "cube": lambda x: x**3.0,
}

_BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / (y * y + 0.5),
}


@st.composite
def graphs(draw: st.DrawFn, steps: int = 8) -> Value:
    """Draw a graph of a few steps on two labelled leaves."""
    numbers = draw(st.tuples(*[st.floats(-2.0, 2.0).filter(lambda x: abs(x) > 1e-2)] * 2))
    found = [Value(number, label=name) for number, name in zip(numbers, "xy", strict=True)]
    words = st.sampled_from([*_UNARY, *_BINARY])
    for _ in range(draw(st.integers(1, steps))):
        word, i, j = draw(words), draw(st.integers(0, 9)), draw(st.integers(0, 9))
        x, y = found[i % len(found)], found[j % len(found)]
        found.append(_UNARY[word](x) if word in _UNARY else _BINARY[word](x, y))
    assume(abs(found[-1].data) < 1e6)
    return found[-1]
