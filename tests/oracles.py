"""Oracles: each operation in mpmath and in PyTorch, written independently of the table."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mpmath import mp

import autograd
from autograd import OPS, Op
from autograd.ops.table import COMPARISONS

Point = tuple[float, ...]


class Oracle(NamedTuple):
    """One operation, as a function of mpmath numbers, and of the module `torch` and tensors."""

    exact: Callable[..., Any]
    torch: Callable[..., Any]


ORACLES = {
    "add": Oracle(lambda x, y: x + y, lambda t, x, y: t.add(x, y)),
    "sub": Oracle(lambda x, y: x - y, lambda t, x, y: t.sub(x, y)),
    "mul": Oracle(lambda x, y: x * y, lambda t, x, y: t.mul(x, y)),
    "truediv": Oracle(lambda x, y: x / y, lambda t, x, y: t.true_divide(x, y)),
    "floordiv": Oracle(lambda x, y: mp.floor(x / y), lambda t, x, y: t.floor(x / y)),
    "mod": Oracle(lambda x, y: x - y * mp.floor(x / y), lambda t, x, y: t.remainder(x, y)),
    "neg": Oracle(lambda x: -x, lambda t, x: t.neg(x)),
    "pos": Oracle(lambda x: x, lambda t, x: +x),
    "pow": Oracle(lambda x, y: mp.exp(y * mp.log(x)), lambda t, x, y: t.pow(x, y)),
    "abs": Oracle(mp.fabs, lambda t, x: t.abs(x)),
    "max": Oracle(max, lambda t, x, y: t.maximum(x, y)),
    "min": Oracle(min, lambda t, x, y: t.minimum(x, y)),
    "where": Oracle(lambda c, x, y: x if c else y, lambda t, c, x, y: t.where(c != 0, x, y)),
    "exp": Oracle(mp.exp, lambda t, x: t.exp(x)),
    "log": Oracle(mp.log, lambda t, x: t.log(x)),
    "log1p": Oracle(mp.log1p, lambda t, x: t.log1p(x)),
    "expm1": Oracle(mp.expm1, lambda t, x: t.expm1(x)),
    "sqrt": Oracle(mp.sqrt, lambda t, x: t.sqrt(x)),
    "cbrt": Oracle(mp.cbrt, lambda t, x: t.pow(x, 1 / 3)),
    "log2": Oracle(lambda x: mp.log(x, 2), lambda t, x: t.log2(x)),
    "log10": Oracle(mp.log10, lambda t, x: t.log10(x)),
    "exp2": Oracle(lambda x: mp.mpf(2) ** x, lambda t, x: t.exp2(x)),
    "floor": Oracle(mp.floor, lambda t, x: t.floor(x)),
    "erf": Oracle(mp.erf, lambda t, x: t.erf(x)),
    # Clipped, since mpmath squares the argument; as a double the result is 0 from 27.3 on.
    "erfc": Oracle(lambda x: mp.erfc(max(-100, min(x, 100))), lambda t, x: t.erfc(x)),
    "sin": Oracle(mp.sin, lambda t, x: t.sin(x)),
    "cos": Oracle(mp.cos, lambda t, x: t.cos(x)),
    "tan": Oracle(mp.tan, lambda t, x: t.tan(x)),
    "arcsin": Oracle(mp.asin, lambda t, x: t.asin(x)),
    "arccos": Oracle(mp.acos, lambda t, x: t.acos(x)),
    "arctan": Oracle(mp.atan, lambda t, x: t.atan(x)),
    "arctan2": Oracle(mp.atan2, lambda t, x, y: t.atan2(x, y)),
    "hypot": Oracle(mp.hypot, lambda t, x, y: t.hypot(x, y)),
    "sinh": Oracle(mp.sinh, lambda t, x: t.sinh(x)),
    "cosh": Oracle(mp.cosh, lambda t, x: t.cosh(x)),
    "tanh": Oracle(mp.tanh, lambda t, x: t.tanh(x)),
    "sech2": Oracle(lambda x: mp.sech(x) ** 2, lambda t, x: 1 / t.cosh(x) ** 2),
    "arcsinh": Oracle(mp.asinh, lambda t, x: t.asinh(x)),
    "arccosh": Oracle(mp.acosh, lambda t, x: t.acosh(x)),
    "arctanh": Oracle(mp.atanh, lambda t, x: t.atanh(x)),
    "sigmoid": Oracle(lambda x: 1 / (1 + mp.exp(-x)), lambda t, x: t.sigmoid(x)),
    "relu": Oracle(lambda x: max(0, x), lambda t, x: t.relu(x)),
    "softplus": Oracle(lambda x: mp.log1p(mp.exp(x)), lambda t, x: t.nn.functional.softplus(x)),
    "sum": Oracle(mp.fsum, lambda t, x: t.stack(x).sum()),
    "dot": Oracle(mp.fdot, lambda t, x, y: t.dot(t.stack(x), t.stack(y))),
    "mean": Oracle(lambda x: mp.fsum(x) / len(x), lambda t, x: t.stack(x).mean()),
    "prod": Oracle(mp.fprod, lambda t, x: t.stack(x).prod()),
    "norm": Oracle(lambda x: mp.sqrt(mp.fsum(v * v for v in x)), lambda t, x: t.stack(x).norm()),
    "logsumexp": Oracle(lambda x: mp.log(mp.fsum(map(mp.exp, x))), lambda t, x: t.logsumexp(t.stack(x), 0)),
}


_EXACT = {"neg", "abs", "where", "floor", *COMPARISONS}
_CORRECTLY_ROUNDED = {"add", "sub", "mul", "truediv", "floordiv", "mod", "sqrt"}


def rounds(op: Op) -> str:
    """Return how a row rounds, from the words of its rule: never, once (correctly), or freely."""
    rounding = [word for word in op.value.words if word not in _EXACT]
    if not rounding:
        return "never"
    return "once" if len(rounding) == 1 and rounding[0] in _CORRECTLY_ROUNDED else "freely"


def public(op: Op) -> Callable[..., Any]:
    """Return the operator or function by which users call a row."""
    function: Callable[..., Any] = getattr(operator if op.symbol else autograd, op.name)
    return function


def split(op: Op, flat: Sequence[Any] | npt.NDArray[Any]) -> Sequence[Any] | npt.NDArray[Any]:
    """Split a flat sequence into a row's arguments; those of a variadic row are equal parts."""
    if not op.variadic:
        return flat
    size = len(flat) // len(op.partials)
    return [flat[i : i + size] for i in range(0, len(flat), size)]


def intervals(op: Op, size: int) -> list[tuple[float, float]]:
    """Return the domain of each operand of a row, with the given size for sequences."""
    return [interval for interval in op.domain for _ in range(size if op.variadic else 1)]


def sample(op: Op, count: int = 20) -> list[Point]:
    """Return points of a row's domain, the same at every call."""
    low, high = np.transpose(intervals(op, size=3))
    return [tuple(map(float, row)) for row in np.random.default_rng(0).uniform(low, high, (count, low.size))]


def derivative(op: Op, point: Point, *arguments: int) -> float:
    """Return the repeated derivative of a row with respect to the given arguments, from its formula."""
    orders = tuple(arguments.count(i) for i in range(len(point)))
    with mp.workdps(30):
        return float(mp.diff(lambda *flat: ORACLES[op.name].exact(*split(op, flat)), point, orders))


@cache
def exact(name: str, point: Point) -> list[float]:
    """Return the value and the partials of a row, from its formula and correctly rounded."""
    op = OPS[name]
    return [derivative(op, point), *(derivative(op, point, i) for i in range(len(point)))]
