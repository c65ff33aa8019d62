"""What the functions that are composed of rows are, and the losses of `nn`, in mpmath, PyTorch and JAX."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf
from oracles import Formula, log_sum_exp, soft_maximum

import autograd
from nn import Module, losses

REAL, PROBABILITY = (-inf, inf), (0.0, 1.0)


class Function(NamedTuple):
    """A function of several numbers, and what it is.

    Attributes
    ----------
    ours : callable
        The function of an array.
    exact : callable
        The value, of as many numbers of mpmath.
    slopes : callable
        The derivatives with respect to each of them.
    torch, jax : callable or None
        The value, of the module and as many tensors or arrays; None if the peer has no such function.
    within : tuple of (float, float)
        For each number the open interval that it may be in.
    """

    ours: Formula
    exact: Formula
    slopes: Formula
    torch: Formula | None = None
    jax: Formula | None = None
    within: tuple[tuple[float, float], ...] = (REAL,)


def logistic(x: Any) -> Any:
    """Return the sigmoid."""
    return 1 / (1 + mp.exp(-x))


def soft(x: Any) -> Any:
    """Return the softplus."""
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def gelu(x: Any) -> Any:
    """Return the Gaussian error linear unit in its tanh form."""
    return x * logistic(2 * mp.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3))


def gelu_slope(x: Any) -> Any:
    """Return the derivative of `gelu`."""
    inner, slope = x + mpf(0.044715) * x**3, 1 + 3 * mpf(0.044715) * x**2
    scale = 2 * mp.sqrt(2 / mp.pi)
    gate = logistic(scale * inner)
    return gate + x * gate * logistic(-scale * inner) * scale * slope


def sinc(x: Any) -> Any:
    """Return sin(πx) / (πx)."""
    return mp.sincpi(x)


def sinc_slope(x: Any) -> Any:
    """Return the derivative of `sinc`, which near 0 is the difference of nearly equal numbers."""
    if abs(x) < mpf(10) ** -10:
        return -(mp.pi**2) * x / 3 + mp.pi**4 * x**3 / 30
    return (mp.cospi(x) - mp.sincpi(x)) / x


def variance(*x: Any) -> Any:
    """Return the mean square of the distances from the mean."""
    mean = mp.fsum(x) / len(x)
    return mp.fsum((item - mean) ** 2 for item in x) / len(x)


def variance_slopes(*x: Any) -> list[Any]:
    """Return the gradient of `variance`."""
    mean = mp.fsum(x) / len(x)
    return [2 * (item - mean) / len(x) for item in x]


def deviation_slopes(*x: Any) -> list[Any]:
    """Return the gradient of the standard deviation."""
    deviation = mp.sqrt(variance(*x))
    return [slope / deviation / 2 for slope in variance_slopes(*x)]


def norm(*x: Any) -> Any:
    """Return the Euclidean norm."""
    return mp.sqrt(mp.fsum(item * item for item in x))


def softmax_slopes(*x: Any) -> list[Any]:
    """Return the gradient of the first number of the softmax, each from the shares of the others."""
    first, *others = soft_maximum(x)
    return [first * mp.fsum(others), *[-first * share for share in others]]


def huber(error: Any, delta: Any) -> Any:
    """Return what an error counts."""
    return error**2 / 2 if abs(error) <= delta else delta * (abs(error) - delta / 2)


def clipped(error: Any, delta: Any) -> Any:
    """Return an error within plus and minus delta."""
    return max(-delta, min(error, delta))


def surprise(*logits: Any) -> Any:
    """Return the cross entropy of the first class."""
    return log_sum_exp([logit - logits[0] for logit in logits])


def surprise_slopes(*logits: Any) -> list[Any]:
    """Return the gradient of `surprise`."""
    _, *others = soft_maximum(logits)
    return [-mp.fsum(others), *others]


def mixed_surprise(*numbers: Any) -> Any:
    """Return the cross entropy of logits and the probabilities of their classes."""
    logits, shares = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
    surprises = [log_sum_exp([other - logit for other in logits]) for logit in logits]
    return mp.fdot(shares, surprises)


def mixed_surprise_slopes(*numbers: Any) -> list[Any]:
    """Return the gradient of `mixed_surprise`."""
    logits, shares = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
    found = soft_maximum(logits)
    # By the others' shares: p is 1, of which subtracting nearly 1 leaves no digits.
    of_logits = [
        mp.fsum(p * share - y * other for share, other in zip(shares, found, strict=True))
        for p, y in zip(found, shares, strict=True)
    ]
    return of_logits + [log_sum_exp([other - logit for other in logits]) for logit in logits]


def _entropy(t: Any, *logits: Any) -> Any:
    return t.nn.functional.cross_entropy(
        t.stack(logits, -1), t.zeros(len(logits[0]), dtype=t.int64), reduction="none"
    )


def _mixed_entropy(t: Any, *x: Any) -> Any:
    return t.nn.functional.cross_entropy(t.stack(x[:4], -1), t.stack(x[4:], -1), reduction="none")


def _mixed_entropy_in_jax(j: Any, *x: Any) -> Any:
    return -j.numpy.vdot(j.numpy.stack(x[4:]), j.nn.log_softmax(j.numpy.stack(x[:4]), 0))


def _surprise_of_logit_in_jax(j: Any, x: Any, y: Any) -> Any:
    return -y * j.nn.log_sigmoid(x) - (1 - y) * j.nn.log_sigmoid(-x)


def _huber_in_jax(j: Any, x: Any, y: Any) -> Any:
    error = abs(x - y)
    return j.numpy.where(error <= 1, 0.5 * error**2, error - 0.5)


class Weighted(Module):
    """A model whose parameters are given."""

    def __init__(self, w: Any) -> None:
        self.w = list(w)


PAIRS, FOUR = (REAL, REAL), (REAL,) * 4

FUNCTIONS: dict[str, Function] = {
    "leaky_relu": Function(
        lambda x: autograd.leaky_relu(x[0]),
        lambda x: x if x > 0 else mpf(0.01) * x,
        lambda x: [mpf(1.0 if x > 0 else 0.01)],
        lambda t, x: t.nn.functional.leaky_relu(x),
        lambda j, x: j.nn.leaky_relu(x),
    ),
    "elu": Function(
        lambda x: autograd.elu(x[0]),
        lambda x: x if x > 0 else mp.expm1(x),
        lambda x: [mpf(1) if x > 0 else mp.exp(x)],
        lambda t, x: t.nn.functional.elu(x),
        lambda j, x: j.nn.elu(x),
    ),
    "silu": Function(
        lambda x: autograd.silu(x[0]),
        lambda x: x * logistic(x),
        lambda x: [logistic(x) + x * logistic(x) * logistic(-x)],
        lambda t, x: t.nn.functional.silu(x),
        lambda j, x: j.nn.silu(x),
    ),
    "gelu": Function(
        lambda x: autograd.gelu(x[0]),
        gelu,
        lambda x: [gelu_slope(x)],
        lambda t, x: t.nn.functional.gelu(x, approximate="tanh"),
        lambda j, x: j.nn.gelu(x),
    ),
    "softmax, the first of 4": Function(
        lambda x: autograd.softmax(x)[0],
        lambda *x: soft_maximum(x)[0],
        softmax_slopes,
        lambda t, *x: t.softmax(t.stack(x), 0)[0],
        lambda j, *x: j.nn.softmax(j.numpy.stack(x), 0)[0],
        FOUR,
    ),
    "numpy.square": Function(
        lambda x: np.square(x[0]),
        lambda x: x * x,
        lambda x: [2 * x],
        lambda t, x: t.square(x),
        lambda j, x: j.numpy.square(x),
    ),
    "numpy.reciprocal": Function(
        lambda x: np.reciprocal(x[0]),
        lambda x: 1 / x,
        lambda x: [-1 / x**2],
        lambda t, x: t.reciprocal(x),
        lambda j, x: j.numpy.reciprocal(x),
    ),
    "numpy.degrees": Function(
        lambda x: np.degrees(x[0]),
        lambda x: x * 180 / mp.pi,
        lambda x: [180 / mp.pi],
        lambda t, x: t.rad2deg(x),
        lambda j, x: j.numpy.degrees(x),
    ),
    "numpy.radians": Function(
        lambda x: np.radians(x[0]),
        lambda x: x * mp.pi / 180,
        lambda x: [mp.pi / 180],
        lambda t, x: t.deg2rad(x),
        lambda j, x: j.numpy.radians(x),
    ),
    "numpy.sinc": Function(
        lambda x: np.sinc(x)[0],
        sinc,
        lambda x: [sinc_slope(x)],
        lambda t, x: t.sinc(x),
        lambda j, x: j.numpy.sinc(x),
    ),
    "numpy.logaddexp": Function(
        lambda x: np.logaddexp(x[0], x[1]),
        lambda *x: log_sum_exp(x),
        lambda *x: soft_maximum(x),
        lambda t, x, y: t.logaddexp(x, y),
        lambda j, x, y: j.numpy.logaddexp(x, y),
        PAIRS,
    ),
    "numpy.var of 4": Function(
        np.var,
        variance,
        variance_slopes,
        lambda t, *x: t.var(t.stack(x), 0, correction=0),
        lambda j, *x: j.numpy.var(j.numpy.stack(x), 0),
        FOUR,
    ),
    "numpy.std of 4": Function(
        np.std,
        lambda *x: mp.sqrt(variance(*x)),
        deviation_slopes,
        lambda t, *x: t.std(t.stack(x), 0, correction=0),
        lambda j, *x: j.numpy.std(j.numpy.stack(x), 0),
        FOUR,
    ),
    "numpy.linalg.norm of 4": Function(
        np.linalg.norm,
        norm,
        lambda *x: [item / norm(*x) for item in x],
        lambda t, *x: t.linalg.norm(t.stack(x), dim=0),
        lambda j, *x: j.numpy.linalg.norm(j.numpy.stack(x), axis=0),
        FOUR,
    ),
    "mse": Function(
        lambda x: losses.mse(x[0], x[1]),
        lambda x, y: (x - y) ** 2,
        lambda x, y: [2 * (x - y), 2 * (y - x)],
        lambda t, x, y: t.nn.functional.mse_loss(x, y, reduction="none"),
        lambda j, x, y: (x - y) ** 2,
        PAIRS,
    ),
    "half_squared_error": Function(
        lambda x: losses.half_squared_error(x[0], x[1]),
        lambda x, y: (x - y) ** 2 / 2,
        lambda x, y: [x - y, y - x],
        lambda t, x, y: 0.5 * (x - y) ** 2,
        lambda j, x, y: 0.5 * (x - y) ** 2,
        PAIRS,
    ),
    "mae": Function(
        lambda x: losses.mae(x[0], x[1]),
        lambda x, y: abs(x - y),
        lambda x, y: [mp.sign(x - y), mp.sign(y - x)],
        lambda t, x, y: t.nn.functional.l1_loss(x, y, reduction="none"),
        lambda j, x, y: abs(x - y),
        PAIRS,
    ),
    "huber": Function(
        lambda x: losses.huber(x[0], x[1]),
        lambda x, y: huber(x - y, mpf(1)),
        lambda x, y: [clipped(x - y, mpf(1)), clipped(y - x, mpf(1))],
        lambda t, x, y: t.nn.functional.huber_loss(x, y, reduction="none"),
        _huber_in_jax,
        PAIRS,
    ),
    "hinge of 1": Function(
        lambda x: losses.hinge(x[0], 1.0),
        lambda x: max(mpf(0), 1 - x),
        lambda x: [mpf(-1.0 if x < 1 else 0.0)],
        lambda t, x: t.relu(1 - x),
        lambda j, x: j.nn.relu(1 - x),
    ),
    "hinge of -1": Function(
        lambda x: losses.hinge(x[0], -1.0),
        lambda x: max(mpf(0), 1 + x),
        lambda x: [mpf(1.0 if x > -1 else 0.0)],
        lambda t, x: t.relu(1 + x),
        lambda j, x: j.nn.relu(1 + x),
    ),
    "binary_cross_entropy": Function(
        lambda x: losses.binary_cross_entropy(x[0], x[1]),
        lambda x, y: -y * mp.log(x) - (1 - y) * mp.log1p(-x),
        lambda x, y: [(x - y) / x / (1 - x), mp.log1p(-x) - mp.log(x)],
        lambda t, x, y: t.nn.functional.binary_cross_entropy(x, y, reduction="none"),
        lambda j, x, y: -y * j.numpy.log(x) - (1 - y) * j.numpy.log1p(-x),
        (PROBABILITY, PROBABILITY),
    ),
    "binary_cross_entropy of 1": Function(
        lambda x: losses.binary_cross_entropy(x[0], 1.0),
        lambda x: -mp.log(x),
        lambda x: [-1 / x],
        lambda t, x: t.nn.functional.binary_cross_entropy(x, t.ones_like(x), reduction="none"),
        lambda j, x: -j.numpy.log(x),
        (PROBABILITY,),
    ),
    "binary_cross_entropy of 0": Function(
        lambda x: losses.binary_cross_entropy(x[0], 0.0),
        lambda x: -mp.log1p(-x),
        lambda x: [1 / (1 - x)],
        lambda t, x: t.nn.functional.binary_cross_entropy(x, t.zeros_like(x), reduction="none"),
        lambda j, x: -j.numpy.log1p(-x),
        (PROBABILITY,),
    ),
    "binary_cross_entropy_with_logits": Function(
        lambda x: losses.binary_cross_entropy_with_logits(x[0], x[1]),
        lambda x, y: soft(x) - y * x if x < 0 else soft(-x) + (1 - y) * x,
        lambda x, y: [logistic(x) - y, -x],
        lambda t, x, y: t.nn.functional.binary_cross_entropy_with_logits(x, y, reduction="none"),
        _surprise_of_logit_in_jax,
        (REAL, PROBABILITY),
    ),
    "binary_cross_entropy_with_logits of 0": Function(
        lambda x: losses.binary_cross_entropy_with_logits(x[0], 0.0),
        soft,
        lambda x: [logistic(x)],
        lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(x, t.zeros_like(x), reduction="none"),
        lambda j, x: _surprise_of_logit_in_jax(j, x, 0.0),
    ),
    "binary_cross_entropy_with_logits of 1": Function(
        lambda x: losses.binary_cross_entropy_with_logits(x[0], 1.0),
        lambda x: soft(-x),
        lambda x: [-logistic(-x)],
        lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(x, t.ones_like(x), reduction="none"),
        lambda j, x: _surprise_of_logit_in_jax(j, x, 1.0),
    ),
    "binary_cross_entropy_with_logits of 1, weight 3": Function(
        lambda x: losses.binary_cross_entropy_with_logits(x[0], 1.0, pos_weight=3.0),
        lambda x: 3 * soft(-x),
        lambda x: [-3 * logistic(-x)],
        lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(
            x, t.ones_like(x), pos_weight=t.tensor(3.0, dtype=t.float64), reduction="none"
        ),
    ),
    "binary_cross_entropy_with_logits of 3/4, weight 3": Function(
        lambda x: losses.binary_cross_entropy_with_logits(x[0], 0.75, pos_weight=3.0),
        lambda x: 5 * soft(-x) / 2 + x / 4,
        lambda x: [mpf(0.25) - 5 * logistic(-x) / 2],
        lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(
            x, t.full_like(x, 0.75), pos_weight=t.tensor(3.0, dtype=t.float64), reduction="none"
        ),
    ),
    "cross_entropy of 4 logits, the first class": Function(
        lambda x: losses.cross_entropy(x, 0),
        surprise,
        surprise_slopes,
        _entropy,
        lambda j, *x: -j.nn.log_softmax(j.numpy.stack(x), 0)[0],
        FOUR,
    ),
    "cross_entropy of 4 logits, 4 probabilities": Function(
        lambda x: losses.cross_entropy(x[:4], x[4:]),
        mixed_surprise,
        mixed_surprise_slopes,
        _mixed_entropy,
        _mixed_entropy_in_jax,
        (*FOUR, *(PROBABILITY,) * 4),
    ),
    "cross_entropy, own class": Function(
        lambda x: losses.cross_entropy([x[0], 0.0], 0),
        lambda x: soft(-x),
        lambda x: [-logistic(-x)],
    ),
    "cross_entropy, other class, one masked": Function(
        lambda x: losses.cross_entropy([x[0], 0.0, -inf], [0.0, 1.0, 0.0]),
        soft,
        lambda x: [logistic(x)],
    ),
    "cross_entropy of a logit and 2 probabilities": Function(
        lambda x: losses.cross_entropy([0.0, x[0]], [x[1], x[2]]),
        lambda x, other, own: other * soft(x) + own * soft(-x),
        lambda x, other, own: [other * logistic(x) - own * logistic(-x), soft(x), soft(-x)],
        within=(REAL, PROBABILITY, PROBABILITY),
    ),
    "cross_entropy, own class of weight 3": Function(
        lambda x: losses.cross_entropy([x[0], 0.0], 0, weight=[3.0, 1.0], reduction="sum"),
        lambda x: 3 * soft(-x),
        lambda x: [-3 * logistic(-x)],
    ),
    "cross_entropy, label smoothed by 1/2": Function(
        lambda x: losses.cross_entropy([0.0, x[0]], 0, label_smoothing=0.5),
        lambda x: soft(x) - x / 4,
        lambda x: [logistic(x) - mpf(0.25)],
    ),
    "l2_penalty of 4, strength 2": Function(
        lambda x: losses.l2_penalty(Weighted(x), 2.0),
        lambda *x: mp.fdot(x, x),
        lambda *x: [2 * item for item in x],
        lambda t, *x: t.stack(x).square().sum(0),
        lambda j, *x: j.numpy.vdot(j.numpy.stack(x), j.numpy.stack(x)),
        FOUR,
    ),
    "l1_penalty of 4": Function(
        lambda x: losses.l1_penalty(Weighted(x), 0.5),
        lambda *x: mp.fsum(map(abs, x)) / 2,
        lambda *x: [mp.sign(item) / 2 for item in x],
        lambda t, *x: 0.5 * t.stack(x).abs().sum(0),
        lambda j, *x: 0.5 * j.numpy.abs(j.numpy.stack(x)).sum(),
        FOUR,
    ),
}
"""Functions composed of rows, and losses, by name."""
