"""Oracles: each operation in mpmath, PyTorch and JAX, written independently of the table."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mpmath import mp, mpf

import autograd
from autograd import OPS, Op
from autograd.ops.table import COMPARISONS

Point = tuple[float, ...]
Formula = Callable[..., Any]


class Oracle(NamedTuple):
    """What an operation is, written independently of the table.

    Attributes
    ----------
    exact : callable
        The value, of numbers of mpmath, or of sequences of them.
    slopes : tuple of callable
        The derivative with respect to each argument; for a sequence, those with respect to its elements.
    torch : callable
        The value, of the module `torch` and tensors, or lists of tensors.
    jax : callable or None
        The value, of the module `jax` and arrays, or lists of arrays; None if it is NumPy's name in JAX.
    """

    exact: Formula
    slopes: tuple[Formula, ...]
    torch: Formula
    jax: Formula | None = None


def power(x: Any, y: Any) -> Any:
    """Return a power; of a negative base where the exponent is a whole number."""
    if y == 0 or x == 0:
        return mpf(y == 0) if y >= 0 else mp.inf
    if x < 0 and not mp.isint(y):
        return mp.nan
    # Not mp.power, which computes all digits of 3**1e300; what is clipped is far out of the range of doubles.
    size = mp.exp(max(-100_000, min(y * mp.log(abs(x)), 100_000)))
    return -size if x < 0 and y % 2 else size


def length(x: Sequence[Any]) -> Any:
    """Return the Euclidean norm."""
    return mp.sqrt(mp.fsum(item * item for item in x))


def log_sum_exp(x: Sequence[Any]) -> Any:
    """Return the logarithm of the sum of the exponentials."""
    top, *others = sorted(x, reverse=True)
    return top + mp.log1p(mp.fsum(mp.exp(item - top) for item in others))


def soft_maximum(x: Sequence[Any]) -> list[Any]:
    """Return the gradient of `log_sum_exp`."""
    powers = [mp.exp(item - max(x)) for item in x]
    return [item / mp.fsum(powers) for item in powers]


def of_both(x: Any, y: Any) -> Any:
    """Return the sum of two squares."""
    return x * x + y * y


def _stacked(jax: Any, x: Any) -> Any:
    return jax.numpy.stack(x)


ORACLES = {
    "add": Oracle(
        lambda x, y: x + y, (lambda x, y: mpf(1), lambda x, y: mpf(1)), lambda t, x, y: t.add(x, y)
    ),
    "sub": Oracle(
        lambda x, y: x - y, (lambda x, y: mpf(1), lambda x, y: mpf(-1)), lambda t, x, y: t.sub(x, y)
    ),
    "mul": Oracle(lambda x, y: x * y, (lambda x, y: y, lambda x, y: x), lambda t, x, y: t.mul(x, y)),
    "truediv": Oracle(
        lambda x, y: x / y, (lambda x, y: 1 / y, lambda x, y: -x / y**2), lambda t, x, y: t.true_divide(x, y)
    ),
    "floordiv": Oracle(
        lambda x, y: mp.floor(x / y),
        (lambda x, y: mpf(0), lambda x, y: mpf(0)),
        lambda t, x, y: t.floor(x / y),
    ),
    "mod": Oracle(
        lambda x, y: x - y * mp.floor(x / y),
        (lambda x, y: mpf(1), lambda x, y: -mp.floor(x / y)),
        lambda t, x, y: t.remainder(x, y),
    ),
    "neg": Oracle(lambda x: -x, (lambda x: mpf(-1),), lambda t, x: t.neg(x)),
    "pos": Oracle(lambda x: x, (lambda x: mpf(1),), lambda t, x: +x, lambda j, x: +x),
    "pow": Oracle(
        power,
        (lambda x, y: y * power(x, y - 1), lambda x, y: power(x, y) * mp.log(x)),
        lambda t, x, y: t.pow(x, y),
    ),
    "abs": Oracle(mp.fabs, (mp.sign,), lambda t, x: t.abs(x)),
    "max": Oracle(max, (lambda x, y: mpf(x >= y), lambda x, y: mpf(x < y)), lambda t, x, y: t.maximum(x, y)),
    "min": Oracle(min, (lambda x, y: mpf(x <= y), lambda x, y: mpf(x > y)), lambda t, x, y: t.minimum(x, y)),
    "where": Oracle(
        lambda c, x, y: x if c else y,
        (lambda c, x, y: mpf(0), lambda c, x, y: mpf(bool(c)), lambda c, x, y: mpf(not c)),
        lambda t, c, x, y: t.where(c != 0, x, y),
    ),
    "exp": Oracle(mp.exp, (mp.exp,), lambda t, x: t.exp(x)),
    "log": Oracle(mp.log, (lambda x: 1 / x,), lambda t, x: t.log(x)),
    "log1p": Oracle(mp.log1p, (lambda x: 1 / (1 + x),), lambda t, x: t.log1p(x)),
    "expm1": Oracle(mp.expm1, (mp.exp,), lambda t, x: t.expm1(x)),
    "sqrt": Oracle(mp.sqrt, (lambda x: 1 / (2 * mp.sqrt(x)),), lambda t, x: t.sqrt(x)),
    "cbrt": Oracle(
        lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        (lambda x: mp.cbrt(abs(x)) / abs(x) / 3,),
        lambda t, x: t.pow(x, 1 / 3),
    ),
    "log2": Oracle(lambda x: mp.log(x, 2), (lambda x: 1 / x / mp.log(2),), lambda t, x: t.log2(x)),
    "log10": Oracle(mp.log10, (lambda x: 1 / x / mp.log(10),), lambda t, x: t.log10(x)),
    "exp2": Oracle(lambda x: mp.mpf(2) ** x, (lambda x: mp.power(2, x) * mp.log(2),), lambda t, x: t.exp2(x)),
    "floor": Oracle(mp.floor, (lambda x: mpf(0),), lambda t, x: t.floor(x)),
    "erf": Oracle(
        mp.erf,
        (lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x),),
        lambda t, x: t.erf(x),
        lambda j, x: j.scipy.special.erf(x),
    ),
    # Clipped, since mpmath squares the argument; as a double the result is 0 from 27.3 on.
    "erfc": Oracle(
        lambda x: mp.erfc(max(-100, min(x, 100))),
        (lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x),),
        lambda t, x: t.erfc(x),
        lambda j, x: j.scipy.special.erfc(x),
    ),
    "sin": Oracle(mp.sin, (mp.cos,), lambda t, x: t.sin(x)),
    "cos": Oracle(mp.cos, (lambda x: -mp.sin(x),), lambda t, x: t.cos(x)),
    "tan": Oracle(mp.tan, (lambda x: mp.sec(x) ** 2,), lambda t, x: t.tan(x)),
    "arcsin": Oracle(mp.asin, (lambda x: 1 / mp.sqrt((1 - x) * (1 + x)),), lambda t, x: t.asin(x)),
    "arccos": Oracle(mp.acos, (lambda x: -1 / mp.sqrt((1 - x) * (1 + x)),), lambda t, x: t.acos(x)),
    "arctan": Oracle(mp.atan, (lambda x: 1 / (1 + x * x),), lambda t, x: t.atan(x)),
    "arctan2": Oracle(
        mp.atan2,
        (lambda x, y: y / of_both(x, y), lambda x, y: -x / of_both(x, y)),
        lambda t, x, y: t.atan2(x, y),
    ),
    "hypot": Oracle(
        mp.hypot,
        (lambda x, y: x / mp.sqrt(of_both(x, y)), lambda x, y: y / mp.sqrt(of_both(x, y))),
        lambda t, x, y: t.hypot(x, y),
    ),
    "sinh": Oracle(mp.sinh, (mp.cosh,), lambda t, x: t.sinh(x)),
    "cosh": Oracle(mp.cosh, (mp.sinh,), lambda t, x: t.cosh(x)),
    "tanh": Oracle(mp.tanh, (lambda x: mp.sech(x) ** 2,), lambda t, x: t.tanh(x)),
    "sech2": Oracle(
        lambda x: mp.sech(x) ** 2,
        (lambda x: -2 * mp.sech(x) ** 2 * mp.tanh(x),),
        lambda t, x: 1 / t.cosh(x) ** 2,
        lambda j, x: 1 / j.numpy.cosh(x) ** 2,
    ),
    "arcsinh": Oracle(mp.asinh, (lambda x: 1 / mp.sqrt(1 + x * x),), lambda t, x: t.asinh(x)),
    "arccosh": Oracle(mp.acosh, (lambda x: 1 / mp.sqrt((x - 1) * (x + 1)),), lambda t, x: t.acosh(x)),
    "arctanh": Oracle(mp.atanh, (lambda x: 1 / ((1 - x) * (1 + x)),), lambda t, x: t.atanh(x)),
    "sigmoid": Oracle(
        lambda x: 1 / (1 + mp.exp(-x)),
        (lambda x: mp.sech(x / 2) ** 2 / 4,),
        lambda t, x: t.sigmoid(x),
        lambda j, x: j.nn.sigmoid(x),
    ),
    "relu": Oracle(
        lambda x: max(0, x), (lambda x: mpf(x > 0),), lambda t, x: t.relu(x), lambda j, x: j.nn.relu(x)
    ),
    "softplus": Oracle(
        lambda x: mp.log1p(mp.exp(x)),
        (lambda x: 1 / (1 + mp.exp(-x)),),
        lambda t, x: t.nn.functional.softplus(x),
        lambda j, x: j.nn.softplus(x),
    ),
    "sum": Oracle(
        mp.fsum, (lambda x: [mpf(1)] * len(x),), lambda t, x: t.stack(x).sum(0), lambda j, x: sum(x)
    ),
    "dot": Oracle(
        mp.fdot,
        (lambda x, y: y, lambda x, y: x),
        lambda t, x, y: t.linalg.vecdot(t.stack(x), t.stack(y), dim=0),
        lambda j, x, y: j.numpy.vecdot(_stacked(j, x), _stacked(j, y), axis=0),
    ),
    "mean": Oracle(
        lambda x: mp.fsum(x) / len(x),
        (lambda x: [mpf(1) / len(x)] * len(x),),
        lambda t, x: t.stack(x).mean(0),
        lambda j, x: _stacked(j, x).mean(0),
    ),
    "prod": Oracle(
        mp.fprod,
        (lambda x: [mp.fprod([*x[:i], *x[i + 1 :]]) for i in range(len(x))],),
        lambda t, x: t.stack(x).prod(0),
        lambda j, x: _stacked(j, x).prod(0),
    ),
    "norm": Oracle(
        length,
        (lambda x: [item / length(x) for item in x],),
        lambda t, x: t.linalg.vector_norm(t.stack(x), dim=0),
        lambda j, x: j.numpy.linalg.norm(_stacked(j, x), axis=0),
    ),
    "logsumexp": Oracle(
        log_sum_exp,
        (soft_maximum,),
        lambda t, x: t.logsumexp(t.stack(x), 0),
        lambda j, x: j.nn.logsumexp(_stacked(j, x), 0),
    ),
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
