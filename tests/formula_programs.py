"""Small programs, one for each thing that formulas can say."""

# The names are those that formulas have to show.
# ruff: noqa: N803

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd
import nn
from autograd import (
    Value,
    dot,
    exp,
    fori_loop,
    grad,
    log,
    logsumexp,
    norm,
    prod,
    scan,
    softmax,
    stop_gradient,
    tanh,
    value_and_grad,
    vmap,
    where,
    while_loop,
)

RNG = np.random.default_rng(0)


def drawn(*shape: int) -> Any:
    """Return some numbers."""
    return RNG.normal(size=shape)


class Deep(nn.Module):
    """Parameters in more dimensions than a matrix has."""

    def __init__(self) -> None:
        self.t = [[[[Value(1.0), Value(2.0)]]]]


def shares(X: Any) -> Any:
    """Return the softmax of each row."""
    return np.array([softmax([*row]) for row in X])


def entropy(X: Any) -> Any:
    """Compute the entropies of the softmax of rows."""
    total = 0.0
    for row in X:
        q = softmax([*row])
        total = total - autograd.sum([share * log(share) for share in q])
    return total


def sum_of_shares(X: Any) -> Any:
    """Compute a weighted sum over rows of the sums of their softmax, written out."""
    return sum(sum(exp(x - logsumexp([*row])) for x in row) * row[0] for row in X)


def of_the_largest(x: Any) -> Any:
    """Return elements of gradients that are 0 but at the largest number."""
    first = grad(lambda y: np.max(vmap(tanh)(y)))(x)
    second = grad(lambda y: np.max(vmap(exp)(y)))(x)
    return first[3], second[-3], grad(lambda y: np.max(vmap(tanh)(y)))(x)[1:]


def states(X: Any) -> Any:
    """Return the last and all states of a loop."""

    def step(c: Any, x: Any) -> Any:
        return c * 0.5 + tanh(x @ x), c

    return scan(step, 0.0, X)


def carried_and_left(w: Any, h: Any, x: Any) -> tuple[Any, Any]:
    """Compute a step of three numbers, each in its own way, and the mean of two."""
    new = [autograd.sum([h[0], x[1], tanh(w[2] * h[2])]), dot([h[0], x[0]], [x[2], h[1]]), norm([h[1], x[0]])]
    return np.array(new), autograd.mean([x[0], h[2]])


def mean_of_tanh(X: Any) -> Any:
    """Compute a mean over samples whose number has a name."""
    m = X.shape[0]
    return vmap(lambda x: tanh(x @ x))(X).sum() / m


def lengths(x: Any, W: Any, s: Any) -> Any:
    """Name lengths in every way, also those of what is no argument, and of what has none."""
    n = len(x)
    m, _ = W.shape
    z = W @ x
    k = len(z)
    (a, b), c = W.shape, 2
    return z.sum() / m + x.sum() / n + s * (k + a + b + c)


def named_result(f: Any, y: Any, F: Any) -> Any:
    """Use all names that a result could have."""
    return f @ y + F @ F


def many_letters(i: Any, j: Any, k: Any, l: Any, p: Any, q: Any, r: Any, s: Any, t: Any) -> Any:  # noqa: E741
    """Use all names that an index could have."""
    return i * j * k * l * p * q * r * s * sum(t[a] ** 2 for a in range(3))


def windows(X: Any) -> Any:
    """Compute products of neighbours."""
    y = vmap(lambda x: tanh(x @ x))(X)
    return (y[1:] * y[:-1]).sum()


def sum_of_sums(W: Any, b: Any, U: Any) -> Any:
    """Compute for each row a sum over columns of sums."""
    return vmap(lambda w: autograd.sum(vmap(lambda u: autograd.sum(w * tanh(u) * b))(U.T)))(W)


def triangular_sum(X: Any, Y: Any, Z: Any) -> Any:
    """Compute sums of three arrays of samples, of which no two stand in one product."""

    def of_pair(x: Any, y: Any) -> Any:
        return autograd.sum(vmap(lambda z: tanh(x @ x) * (y @ z) * tanh(y[0]) * exp(z[1]))(Z))

    return vmap(lambda x: autograd.sum(vmap(lambda y: of_pair(x, y))(Y)))(X)


_SQUARE, _WIDE, _LONG, _COLUMN = drawn(4, 4), drawn(4, 3), drawn(60, 3), drawn(60, 1)
ORDER = RNG.permutation(60)

PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    # Elements.
    "neighbours": (grad(windows), (_LONG,)),
    "one number of neighbours": (
        lambda x: grad(lambda y: (vmap(tanh)(y)[1:] * y[:-1]).sum())(x)[3],
        (drawn(60),),
    ),
    "where the largest is": (of_the_largest, (drawn(60),)),
    "from the second on": (lambda x: grad(lambda y: np.max(vmap(tanh)(y)))(x)[1:], (drawn(60),)),
    "the largest of four": (grad(lambda x: autograd.max([*x])), (drawn(4),)),
    "in another order": (lambda x, y: vmap(lambda a, b: tanh(a) * b)(x[ORDER], y), (drawn(60), drawn(60))),
    "from the end": (lambda x: vmap(tanh)(x)[-1] * vmap(exp)(x) * x[-2], (drawn(60),)),
    "diagonals of shares": (lambda X: (np.diag(shares(X)), np.diag(shares(X.T))), (_SQUARE,)),
    "nothing": (lambda x: (np.zeros(0), x), (2.0,)),
    "a constant for each sample": (
        lambda X: vmap(lambda x, c: tanh(x) * c)(X, _COLUMN),
        (drawn(60, 1),),
    ),
    "ninety constants": (lambda X: (X * np.arange(90.0).reshape(30, 3) ** 1.5).sum(), (drawn(30, 3),)),
    # Numbers.
    "zero": (lambda a: (a - a) ** 2, (3.0,)),
    "pi": (lambda x: x * x * np.pi, (drawn(3),)),
    "a half of four": (lambda x, y: (x.mean(), y / 2.0), (drawn(4), 3.0)),
    "powers": (lambda x: 1.0 / x**2 - x**-3, (drawn(6),)),
    "entropy": (grad(entropy), (_WIDE,)),
    "entropy of an array": (grad(lambda X: -(shares(X) * np.log(shares(X))).sum()), (_WIDE,)),
    "too long a product": (
        lambda a, b, c: (a + b + c + 1) * (a * a + b + 2 * c) * (c - b + a * c + 3) * (a - b * b),
        (drawn(4), drawn(4), drawn(4)),
    ),
    # Choices.
    "the same in any case": (lambda X: where(X > 0, X, X), (_WIDE,)),
    "one or none": (lambda X: where(X > 0, 1.0, 0.0), (_WIDE,)),
    # Matrices.
    "repeated": (
        lambda x: (np.array([[tanh(v) * v, tanh(v) * v] for v in x]), np.array([[2 * v for v in x]] * 2)),
        (drawn(3),),
    ),
    "a triangle": (lambda M, x: [M[i, : i + 1] @ x[: i + 1] for i in range(5)], (drawn(5, 5), drawn(5))),
    "ones": (lambda x: (np.ones(3), x, np.ones((2, 3)) * 4.0), (2.0,)),
    "all pairs": (grad(lambda X: np.sum(vmap(lambda x: vmap(lambda y: tanh(x @ y))(X))(X))), (_LONG,)),
    "a product of sums": (
        lambda X, Y: vmap(
            lambda x: autograd.sum(vmap(lambda y: tanh(x[0] * y[0]))(Y)) * autograd.sum(vmap(tanh)(Y[:, 1]))
        )(X),
        (_LONG, drawn(50, 2)),
    ),
    "a sum in a sum": (sum_of_sums, (_WIDE, drawn(3), drawn(3, 5))),
    "sums in sums": (triangular_sum, (_LONG, drawn(50, 3), drawn(40, 3))),
    "an outer product of products": (
        lambda W, x, U, y: np.outer(tanh(W @ x), 2.0 * (U @ y)),
        (_WIDE, drawn(3), drawn(5, 2), drawn(2)),
    ),
    # Sums and other reductions.
    "sums of other sizes": (lambda X, v: np.sum(vmap(tanh)(X)) + autograd.sum(v), (_LONG, drawn(5))),
    "sums without a factor": (lambda W, a, b, V: W @ a + V @ b, (_WIDE, drawn(3), drawn(3), drawn(4, 3))),
    "shares add up to one": (sum_of_shares, (_WIDE,)),
    "exponentials": (lambda x, y: exp(x - y) * exp(x - y).sum(), (drawn(6), drawn(6))),
    "shares of others": (lambda X, y: [exp(X[:, j] - logsumexp([*y])) for j in range(3)], (_WIDE, drawn(4))),
    "a sum of shares of others": (
        lambda x, y: sum(exp(v - logsumexp([*y])) for v in x),
        (drawn(4), drawn(4)),
    ),
    "a share": (lambda x, y: softmax(vmap(tanh)(x))[3] * y, (drawn(60), drawn(60))),
    "products": (
        lambda X: (prod(vmap(lambda M: prod([*M.ravel()]))(X)), vmap(lambda M: prod([*M[0]]))(X)),
        (drawn(60, 3, 2),),
    ),
    "largest of a product": (
        lambda X, Y: vmap(lambda x: vmap(lambda y: autograd.max(tanh(x * y)))(Y))(X),
        (_LONG, drawn(50, 3)),
    ),
    "largest of all": (
        lambda X, Y: vmap(lambda x: autograd.max(vmap(lambda y: tanh(x[0]) + 0.0 * y[0])(Y)))(X),
        (_LONG, _LONG),
    ),
    # Loops.
    "the steps count": (
        grad(lambda h, W: fori_loop(0, 8, lambda i, h: tanh(W @ h) * i, h).sum(), (0, 1)),
        (drawn(3), drawn(3, 3)),
    ),
    "carried and left": (
        lambda w, h, xs: scan(lambda h, x: carried_and_left(w, h, x), h, xs),
        (drawn(3), drawn(3), drawn(9, 3)),
    ),
    "samples of loops": (
        value_and_grad(
            lambda H, xs: vmap(lambda h: scan(lambda h, x: (tanh(h * x), None), h, xs)[0])(H).sum(), (0, 1)
        ),
        (_LONG, drawn(9, 3)),
    ),
    "a diagonal at first": (
        lambda v, xs: scan(lambda M, x: (M @ M * x, None), np.diag(v), xs)[0],
        (drawn(3), drawn(7)),
    ),
    "other places": (
        lambda v, xs: scan(lambda c, x: (tanh(c)[[2, 0, 1]] * x + c, c[[1, 2, 0]]), v, xs),
        (drawn(3), drawn(7)),
    ),
    "some places": (
        lambda x, v, ts: scan(
            lambda c, t: (c * t + np.concatenate([x[:4], tanh(x[4:])])[[2, 0, 3, 1]], None), v, ts
        )[0],
        (drawn(9), drawn(4), drawn(3)),
    ),
    "the step before the last": (
        grad(lambda a: 2.0 * scan(lambda c, _: (tanh(c) + a, c), a, None, length=30)[1][-2]),
        (0.5,),
    ),
    "steps": (states, (_LONG,)),
    "part of the steps": (
        lambda x: scan(lambda c, i: (c + 1.0, c * i), 0.0, np.arange(6.0))[1][2:] * x[:4],
        (drawn(6),),
    ),
    # Names.
    "lengths": (lengths, (drawn(3), _WIDE, 2.0)),
    "a length of samples": (value_and_grad(mean_of_tanh), (_LONG,)),
    "all results": (named_result, (drawn(3), drawn(3), drawn(3))),
    "all indices": (many_letters, (2.0,) * 8 + (drawn(3),)),
    "Greek": (lambda Delta, eta: Delta @ eta, (drawn(3), drawn(3))),
    # Modules.
    "a large module": (
        grad(lambda model, X: np.mean(vmap(lambda x: model(x) ** 2)(X))),
        (nn.MLP(2, [3, 1], rng=0), drawn(5, 2)),
    ),
    "a diagonal of parameters": (
        grad(lambda model: sum(tanh(one.w[i]) for i, one in enumerate(model.layers[0].neurons))),
        (nn.MLP(2, [2, 1], rng=0),),
    ),
    "a layer": (value_and_grad(lambda layer, x: sum(layer(x))), (nn.Layer(3, 2, rng=0), drawn(3))),
    "one parameter": (grad(lambda model: model.parameters()[0] ** 2), (nn.MLP(2, [3, 2], rng=0),)),
    "some parameters": (
        lambda model: [model.parameters()[i] * 2.0 for i in (3, 7, 2, 0, 1, 16)],
        (nn.MLP(2, [3, 2], rng=0),),
    ),
    "a function between layers": (
        value_and_grad(lambda model, x: model(x)),
        (nn.Sequential(nn.Layer(2, 3, rng=0), tanh, nn.Layer(3, 1, rng=1)), drawn(2)),
    ),
    "two ways of a bias": (
        value_and_grad(lambda W, b, x: tanh(W @ x + b).sum() + tanh(2.0 * (W @ x) + b).sum(), (0, 1)),
        (_WIDE, drawn(4), drawn(3)),
    ),
    "a bias that is used again": (
        value_and_grad(lambda W, b, x: (tanh(W @ x + b) * stop_gradient(tanh(b) + exp(b))).sum(), (0, 1)),
        (_WIDE, drawn(4), drawn(3)),
    ),
}

REFUSED: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a loop that ends by a condition": (
        lambda x: while_loop(lambda h: h < 10.0, lambda h: h + x, 0.0),
        (1.0,),
    ),
    "a loop within a loop": (
        lambda h, xs: scan(lambda h, x: (fori_loop(0, 9, lambda i, g: tanh(g + x), h), None), h, xs)[0],
        (drawn(3), drawn(9, 3)),
    ),
    "equal numbers with zeros before or behind them": (
        grad(lambda a, x: vmap(lambda t: a * t)(x)[1:].sum()),
        (2.0, drawn(60)),
    ),
}
