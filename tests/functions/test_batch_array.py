"""What users write on results of vmap and models, traced for any number of samples: against NumPy itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import grad, jit, jvp, value_and_grad, vmap

Function = Callable[..., Any]

SIZES = (4, 3, 7, 2)
CLASSES = 3
W = np.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.5]])


def rows(x: Any) -> Any:
    """Return three numbers for each sample of two."""
    return vmap(lambda row: np.stack([row[0] * 2.0, ag.sin(row[1]), row[0] * row[1]]))(x)


def column(x: Any) -> Any:
    """Return a number for each sample."""
    return vmap(lambda row: row[0] - row[1] ** 2)(x)


def other_of_two(c: Any) -> Any:
    """Return for each pair of samples the second one, by a function with a rule of its own."""
    second = ag.custom_jvp(lambda v, w: w)
    second.defjvp(lambda primals, tangents: (primals[1], tangents[1]))
    return vmap(lambda v: vmap(lambda w: second(v, w))(c))(c)


def always_four(c: Any) -> Any:
    """Return the same number for each sample, by a function with a rule of its own."""
    constant = ag.custom_jvp(lambda v: 4.0)
    constant.defjvp(lambda primals, tangents: (4.0, 0.0 * tangents[0]))
    return vmap(constant)(c)


# p: one row of three numbers a sample, c: one number a sample, y: as c, but an argument, t: as p, likewise.
BY_SYMBOL: dict[str, Function] = {
    "sum": lambda p, c, y, t: p.sum(),
    "sum over the samples": lambda p, c, y, t: p.sum(axis=0),
    "sum of each sample": lambda p, c, y, t: p.sum(axis=1),
    "sum over the last": lambda p, c, y, t: p.sum(axis=-1),
    "sum over both": lambda p, c, y, t: p.sum(axis=(0, 1)),
    "np.sum": lambda p, c, y, t: np.sum(p, axis=1),
    "sum, keepdims": lambda p, c, y, t: p / (1.0 + (p * p).sum(axis=1, keepdims=True)),
    "sum over the samples, keepdims": lambda p, c, y, t: p - p.sum(axis=0, keepdims=True),
    "sum of all, keepdims": lambda p, c, y, t: p.sum(keepdims=True),
    "mean": lambda p, c, y, t: p.mean(),
    "mean over the samples": lambda p, c, y, t: p.mean(axis=0),
    "mean of each sample": lambda p, c, y, t: p.mean(axis=1),
    "np.mean, keepdims": lambda p, c, y, t: p - np.mean(p, axis=0, keepdims=True),
    "np.mean of both": lambda p, c, y, t: np.mean(p, axis=(0, 1)),
    "max of each sample": lambda p, c, y, t: p.max(axis=1),
    "min of each sample": lambda p, c, y, t: np.min(p, axis=-1, keepdims=True),
    "amax": lambda p, c, y, t: np.amax(p, 1),
    "prod of each sample": lambda p, c, y, t: np.prod(p, axis=1),
    "var": lambda p, c, y, t: p.var(),
    "var over the samples": lambda p, c, y, t: np.var(p, axis=0),
    "var of each sample": lambda p, c, y, t: p.var(axis=1, keepdims=True),
    "unbiased var": lambda p, c, y, t: p.var(axis=0, ddof=1),
    "std": lambda p, c, y, t: (p - p.mean(axis=0)) / p.std(axis=0),
    "np.std": lambda p, c, y, t: np.std(p, axis=1),
    "the number of elements": lambda p, c, y, t: p.sum() / p.size,
    "the number of samples": lambda p, c, y, t: p.sum(axis=0) / p.shape[0],
    "one sample less": lambda p, c, y, t: p.sum(axis=0) / (p.shape[0] - 1),
    "product of the shape": lambda p, c, y, t: p.sum() / (p.shape[0] * p.shape[1]),
    "a column": lambda p, c, y, t: p[:, 0] * p[:, -1],
    "several columns": lambda p, c, y, t: p[:, 1:],
    "columns backward": lambda p, c, y, t: p[:, ::-1],
    "chosen columns": lambda p, c, y, t: p[:, [2, 0]],
    "Ellipsis": lambda p, c, y, t: p[..., 1],
    "Ellipsis first": lambda p, c, y, t: p[..., :2],
    "all": lambda p, c, y, t: p[:],
    "a new last dimension": lambda p, c, y, t: c[:, None] * p,
    "a new first dimension": lambda p, c, y, t: c[None] + 1.0,
    "a new dimension between": lambda p, c, y, t: p[:, None, :] * p[:, :, None],
    "Ellipsis and None": lambda p, c, y, t: p[..., None],
    "expand_dims": lambda p, c, y, t: np.expand_dims(c, 1) * p,
    "expand_dims first": lambda p, c, y, t: np.expand_dims(p, 0),
    "transpose": lambda p, c, y, t: p.T,
    "transpose of a column": lambda p, c, y, t: c.T,
    "transpose twice": lambda p, c, y, t: (p.T * c).T,
    "np.transpose": lambda p, c, y, t: np.transpose(p) + y,
    "swapaxes": lambda p, c, y, t: p[:, None, :].swapaxes(0, 2),
    "moveaxis": lambda p, c, y, t: np.moveaxis(p, 0, -1),
    "rows of the transpose": lambda p, c, y, t: [row.mean() for row in p.T],
    "sum of the transpose": lambda p, c, y, t: p.T.sum(axis=0) + p.T.sum(axis=1)[0],
    "reshape to a column": lambda p, c, y, t: c.reshape(-1, 1) * p,
    "reshape by the shape": lambda p, c, y, t: p.reshape(p.shape) + t,
    "reshape within a sample": lambda p, c, y, t: p.reshape(p.shape[0], 3, 1) + p.reshape(-1, 1, 3),
    "np.reshape": lambda p, c, y, t: np.reshape(p, (-1, 3)),
    "ravel a column": lambda p, c, y, t: p[:, :1].ravel() + c.ravel(),
    "flatten": lambda p, c, y, t: c.flatten(),
    "np.ravel": lambda p, c, y, t: np.ravel(p[:, :1]),
    "squeeze": lambda p, c, y, t: p[:, :1].squeeze() - np.squeeze(p[:, 1:2], axis=1),
    "concatenate": lambda p, c, y, t: np.concatenate([p, p * 2.0], axis=1),
    "concatenate an argument": lambda p, c, y, t: np.concatenate([t, p], axis=-1),
    "stack": lambda p, c, y, t: np.stack([c, y, 2.0 * c], axis=1),
    "stack first": lambda p, c, y, t: np.stack([c, y]),
    "hstack": lambda p, c, y, t: np.hstack([p, c[:, None]]),
    "vstack": lambda p, c, y, t: np.vstack([c, y]),
    "column_stack": lambda p, c, y, t: np.column_stack([c, p, y]),
    "matrix product": lambda p, c, y, t: p @ W.T,
    "product with a vector": lambda p, c, y, t: p @ W[0],
    "np.dot": lambda p, c, y, t: np.dot(p, W[1]) + p.dot(W[0]),
    "dot of columns": lambda p, c, y, t: c @ y + y @ c + np.dot(c, c),
    "total of products": lambda p, c, y, t: p.T @ c,
    "total of products of an argument": lambda p, c, y, t: t.T @ c,
    "Gram matrix": lambda p, c, y, t: p.T @ p / p.shape[0],
    "vector from the left": lambda p, c, y, t: c @ p,
    "vector from the left of an argument": lambda p, c, y, t: c @ t,
    "inner": lambda p, c, y, t: np.inner(c, y) + np.vdot(c, c),
    "outer": lambda p, c, y, t: np.outer(c, W[0]),
    "argument on the left": lambda p, c, y, t: (y - c) * (t - p).sum(axis=1),
    "column of an argument": lambda p, c, y, t: p[:, 0] - t[:, 0],
    "columns of an argument": lambda p, c, y, t: p[:, :2] - t[:, 1:],
    "column of an argument by reshape": lambda p, c, y, t: p - y.reshape(-1, 1),
    "argument with a new dimension": lambda p, c, y, t: p * y[:, None] + np.expand_dims(y, 1),
    "constants of each sample's numbers": lambda p, c, y, t: p * W[0] + W[:1] - np.ones((1, 1)),
    "where": lambda p, c, y, t: np.where(p > 0.0, p, 0.1 * p),
    "where of columns": lambda p, c, y, t: ag.where(c[:, None] > 0.0, p, 0.0),
    "conditions": lambda p, c, y, t: ag.where((p > 0.0) & ~(p > 1.0), p, 2.0),
    "ufuncs": lambda p, c, y, t: np.tanh(p) + np.exp(-np.abs(p)) * np.maximum(p, 0.0) ** 2,
    "rows of the table": lambda p, c, y, t: ag.relu(p) + ag.sigmoid(c[:, None]) + ag.softplus(t - p),
    "max of two": lambda p, c, y, t: ag.max(p, 0.5) + ag.min(c[:, None], y[:, None]),
    "clip": lambda p, c, y, t: np.clip(p, -0.5, 0.5) + p.clip(0.0, None),
    "like": lambda p, c, y, t: p + np.ones_like(p) + np.zeros_like(p) + np.full_like(p, 3.0),
    "copy": lambda p, c, y, t: p.copy() + np.copy(p),
    "astype": lambda p, c, y, t: p.astype(float),
    "sum of the builtin's kind": lambda p, c, y, t: ag.sum(c) / ag.mean(c),
    "sum of arrays": lambda p, c, y, t: ag.sum([c, y, c * y]),
    "dot": lambda p, c, y, t: ag.dot(c, y),
    "softmax of each sample": lambda p, c, y, t: np.stack(vmap(ag.softmax)(p), axis=1),
    "logsumexp of each sample": lambda p, c, y, t: vmap(ag.logsumexp)(p),
    "norm of each sample": lambda p, c, y, t: vmap(ag.norm)(p) + np.sqrt((p * p).sum(axis=1)),
    "prod of each sample by vmap": lambda p, c, y, t: vmap(ag.prod)(p),
    "vmap over two": lambda p, c, y, t: vmap(lambda row, target: row @ row * target)(p, y),
    "a shape of two": lambda p, c, y, t: p * 1.0 if p.shape == t.shape and len(p.shape) == p.ndim else c,
    "max over the samples": lambda p, c, y, t: p.max(axis=0),
    "min over the samples, keepdims": lambda p, c, y, t: p - np.min(p, axis=0, keepdims=True),
    "max of all": lambda p, c, y, t: np.max(p) + p.min(),
    "between 0 and 1": lambda p, c, y, t: (c - c.min()) / (c.max() - c.min() + 1.0),
    "a tie of maxima": lambda p, c, y, t: np.floor(c).max() + np.min(np.maximum(c, 0.0)) * c,
    "the builtin's max": lambda p, c, y, t: ag.max(c) - ag.min(c) + ag.max(p),
    "logsumexp of all": lambda p, c, y, t: ag.logsumexp(c) + c,
    "softmax over the samples": lambda p, c, y, t: np.exp(c - ag.logsumexp(c)),
    "attention to an argument": lambda p, c, y, t: np.exp(c - ag.logsumexp(c)) @ t,
    "norm of all": lambda p, c, y, t: c / ag.norm(c) + np.linalg.norm(p),
    "norm of each": lambda p, c, y, t: np.linalg.norm(p, axis=1) + np.linalg.norm(p, 2, axis=1),
    "pairs of samples": lambda p, c, y, t: ((p[:, None] - p[None]) ** 2).sum(axis=-1),
    "pairs of numbers": lambda p, c, y, t: c[:, None] - c,
    "pairs and pairs": lambda p, c, y, t: (d := c[:, None] - 2.0 * c) * d.T + d @ d - d,
    "pairs with an argument": lambda p, c, y, t: c @ y + y[:, None] * c - c[:, None] * y[None],
    "kernel matrix": lambda p, c, y, t: np.exp(p @ p.T / 10.0) @ y,
    "nearest neighbour": lambda p, c, y, t: (c * y + np.abs(c[:, None] - y)).min(axis=1),
    "attention": lambda p, c, y, t: vmap(lambda q: np.exp(p @ q / 10.0) @ t / np.exp(p @ q / 10.0).sum())(p),
    "prepared arguments": lambda p, c, y, t: ((t - 0.5) / 2.0 * p).sum(axis=1) + (2.0 * y - 1.0) * c,
    "arguments less constants": lambda p, c, y, t: vmap(lambda row: row @ row)((t - W[0, 0]) / np.exp(W[1])),
    "arguments of arguments": lambda p, c, y, t: np.where(y > 0.0, y * y, -1.0) + ag.sigmoid(y - 1.0) * c,
    "where by an argument": lambda p, c, y, t: (
        ag.where(y[:, None] > 0.0, p, 0.0) + ((y + 1.0)[:, None] > t) * p
    ),
    "prepared inputs of vmap": lambda p, c, y, t: rows(t[:, :2] * 2.0)[:, 0] + column(np.tanh(t)),
    "ufuncs that reduce": lambda p, c, y, t: (
        np.maximum.reduce(p) + np.add.reduce(p, axis=0, keepdims=True) - np.minimum.reduce(p, axis=None)
    ),
    "quotient and remainder": lambda p, c, y, t: list(np.divmod(p, 0.7)),
    "products of a number": lambda p, c, y, t: np.dot(p, 2.0) + np.dot(0.5, p),
    "a dimension before": lambda p, c, y, t: c.reshape(1, -1) * p.reshape(p.shape[0], -1, 1)[:, :, 0].T,
    "a dimension and a slice": lambda p, c, y, t: p[None, 1:, 0],
    "squeezed samples": lambda p, c, y, t: c[None].squeeze() + np.atleast_2d(c, y)[0],
    "the other of two": lambda p, c, y, t: [
        (m := other_of_two(c)),
        m.sum(axis=0) + m.sum(axis=1),
        m.max(axis=0) + m.min(axis=1),
        m[1] + m[:, 0],
        m[1:] * m[1:, -1:],
    ],
    "the other of two in each step": lambda p, c, y, t: ag.fori_loop(
        0, 3, lambda i, total: total + other_of_two(c + total).max(axis=0) @ y, 0.0
    ),
    "always the same": lambda p, c, y, t: (d := always_four(c))[:, None] * c - d * d[:, None],
    "by steps": lambda p, c, y, t: ((p - p.mean(axis=0)) / p.std(axis=0)).reshape(-1, 3) @ W.T - c[:, None],
}


def arguments(samples: int) -> tuple[Any, ...]:
    """Return two inputs, a number and three targets for each sample."""
    rng = np.random.default_rng(samples)
    return rng.normal(size=(samples, 2)), rng.normal(size=samples), rng.normal(size=(samples, CLASSES))


def arrays_in(result: Any) -> Iterator[Any]:
    """Yield the arrays of a tree."""
    if isinstance(result, list | tuple):
        for part in result:
            yield from arrays_in(part)
    else:
        yield np.asarray(result)


def check_any_length(f: Function, traces: int = 1) -> None:
    """Check results for several numbers of samples, all but the first of which compile nothing."""
    calls = []

    def counted(*args: Any) -> Any:
        calls.append(1)
        return f(*args)

    compiled = jit(counted)
    for samples in SIZES:
        given = arguments(samples)
        found, expected = list(arrays_in(compiled(*given))), list(arrays_in(f(*given)))
        assert [array.shape for array in found] == [array.shape for array in expected]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, np.asarray(other, dtype=float), rtol=1e-11, atol=1e-12)
    assert len(calls) == traces


@pytest.mark.parametrize("name", BY_SYMBOL)
def test_one_trace_holds_for_any_number_of_samples(name: str) -> None:
    """Values are NumPy's, and another number of samples compiles nothing."""
    f = BY_SYMBOL[name]
    check_any_length(lambda x, y, t: f(rows(x), column(x), y, t))


def loss_of(f: Function) -> Function:
    """Return the sum of squares of all results, as a function of a number by which rows are multiplied."""

    def loss(w: Any, x: Any, y: Any, t: Any) -> Any:
        total = 0.0
        result = f(rows(x) * w, column(x) * w, y, t)
        for array in result if isinstance(result, list) else [result]:
            total = total + (array * array).sum() if np.ndim(array) else total + array * array
        return total

    return loss


REDUCING = ("max", "min", "norm", "std", "mean", "attention", "product")
"""Parts of the names of reductions."""


@pytest.mark.parametrize("name", BY_SYMBOL)
def test_gradients_through_one_trace(name: str) -> None:
    """Gradients with respect to shared numbers are those of the eager call."""
    f = BY_SYMBOL[name]

    loss = loss_of(f)
    check_any_length(lambda x, y, t: value_and_grad(loss)(1.25, x, y, t))


@pytest.mark.parametrize("name", [name for name in BY_SYMBOL if any(part in name for part in REDUCING)])
def test_second_derivatives_through_one_trace(name: str) -> None:
    """So are second derivatives, in reverse over reverse and in forward over reverse."""
    loss = loss_of(BY_SYMBOL[name])
    check_any_length(lambda x, y, t: grad(grad(loss))(1.25, x, y, t))
    check_any_length(lambda x, y, t: jvp(grad(lambda w: loss(w, x, y, t)), (1.25,), (2.0,)))


def assigned(x: Any) -> Any:
    """Assign to an element of an argument."""
    x[0, 0] = 5.0
    return x


def assigned_to_a_view(x: Any) -> Any:
    """Assign to an element of the transpose of an argument."""
    x.T[0, 1] = 5.0
    return x


def assigned_after_preparing(x: Any) -> Any:
    """Assign to an element of what was computed from an argument."""
    z = x * 2.0
    z[1, 0] = 5.0
    return z


@pytest.mark.parametrize("prepare", [assigned, assigned_to_a_view, assigned_after_preparing])
def test_an_assigned_element_is_seen(prepare: Function) -> None:
    """What maps over an array afterwards gets the new number, for each length anew."""
    compiled = jit(lambda x: column(prepare(x)))
    for samples in SIZES:
        x, _, _ = arguments(samples)
        np.testing.assert_allclose(compiled(x), np.asarray(column(prepare(x.copy())), dtype=float))


@pytest.mark.parametrize(
    "use",
    [
        lambda p: p[0],
        lambda p: p[:2].sum(axis=1),
        lambda p: p[::-1],
        lambda p: np.prod(p, axis=0),
        lambda p: np.cumsum(p, axis=0),
        lambda p: p[1] - p[0],
        lambda p: sum(len(row) for row in p) * p.sum(),
        lambda p: np.concatenate([p, p]),
        lambda p: p.ravel(),
        lambda p: [row.sum() for row in p],
        lambda p: p / len(p),
    ],
)
def test_whatever_needs_the_samples_one_by_one_still_works(use: Function) -> None:
    """Then the program holds for one number of samples."""
    compiled = jit(lambda x: use(rows(x)))
    for samples in SIZES:
        x, _, _ = arguments(samples)
        for one, other in zip(arrays_in(compiled(x)), arrays_in(use(rows(x))), strict=True):
            np.testing.assert_allclose(one, np.asarray(other, dtype=float), rtol=1e-12, atol=1e-13)


# No form of them holds for any number of samples; NumPy answers for the number that is given.
ONE_BY_ONE: dict[str, Function] = {
    "outer": lambda p, c: np.multiply.outer(c, c),
    "clip by a keyword": lambda p, c: p.clip(-0.5, 0.5, out=None),
    "clip of a number": lambda p, c: np.clip(0.3, c, c + 1.0),
    "sum from a number": lambda p, c: p.sum(axis=1, initial=3.0),
    "sum of a dtype": lambda p, c: p.sum(axis=1, dtype=float),
    "sum of some": lambda p, c: p.sum(axis=1, where=[True, False, True]),
    "var": lambda p, c: p.var(axis=0, ddof=0.5),
    "a reduction of rows": lambda p, c: ag.max(p.T),
    "half of the samples": lambda p, c: c[c.shape[0] // 2 :],
    "more than there are": lambda p, c: c[5:],
    "from the end to the front": lambda p, c: c[-2:1],
    "none": lambda p, c: c[0:0],
    "none of the last two": lambda p, c: c[-2:0],
    "a step": lambda p, c: c[::2],
    "several indices": lambda p, c: p[[0, 1], [1, 2]],
    "a mask": lambda p, c: p[:, [True, False, True]],
    "samples in rows of three": lambda p, c: p.T.reshape(3, -1)[0],
    "not in order": lambda p, c: p.ravel(order="F"),
    "norm 1": lambda p, c: np.linalg.norm(p, 1, axis=1),
    "rounded": lambda p, c: np.round(p, 1),
    "full of a row": lambda p, c: np.full_like(p, [1.0, 2.0, 3.0]) * p,
    "concatenated flat": lambda p, c: np.concatenate([p, p], axis=None),
    "much before": lambda p, c: np.concatenate([np.zeros(20), c]),
    "one more row": lambda p, c: np.concatenate([p, np.ones((1, 3))]),
    "differences of rows": lambda p, c: np.diff(p, axis=1),
    "products of many dimensions": lambda p, c: p[:, None, :] @ W.T,
    "products with many dimensions": lambda p, c: p @ p[:, :, None],
    "inner": lambda p, c: np.inner(p, W),
    "outer product": lambda p, c: np.outer(p, W[0]),
    "mapped over what is no axis": lambda p, c: vmap(lambda column: column @ column, in_axes=1)(p),
}


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_the_numbers_of_each_sample(name: str) -> None:
    """What holds for one number of samples is computed as NumPy does, from arrays that vary along them."""
    f, (x, _, _) = ONE_BY_ONE[name], arguments(3)
    expected = f(rows(x), column(x))
    np.testing.assert_allclose(jit(lambda x: f(rows(x), column(x)))(x), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, c: p.sum(axis=2), "axis 2 is out of bounds"),
        (lambda p, c: p[7], "index 7 is out of bounds"),
        (lambda p, c: p[0, 0, 0], "3 were indexed"),
        (lambda p, c: p[:, 0, 0], "3 were indexed"),
        (lambda p, c: p[..., ...], "a single ellipsis"),
        (lambda p, c: p.reshape(-1, -1), "one unknown dimension"),
        (lambda p, c: p.reshape(3.0, -1), "cannot be interpreted as an integer"),
        (lambda p, c: p.reshape(-1, 5), "cannot reshape"),
        (lambda p, c: np.squeeze(p[:, :1], axis=0), "size not equal to one"),
        (lambda p, c: p.transpose(0, 0), "repeated axis in transpose"),
        (lambda p, c: np.linalg.norm(p, "fro", axis=1), "norm.* 'fro'"),
        (lambda p, c: np.concatenate([p, c]), "same number of dimensions"),
        (lambda p, c: np.concatenate([p, np.ones((1, 3))], axis=1), "must match exactly"),
        (lambda p, c: np.stack([c, c], axis=3), "axis 3 is out of bounds"),
        (lambda p, c: p @ 2.0, "enough dimensions|expected arrays of one dimension"),
    ],
)
def test_what_numpy_refuses(call: Function, message: str) -> None:
    """What is wrong for an array of numbers is wrong for one of any number of samples, in the same words."""
    x, _, _ = arguments(4)

    def refused(x: Any) -> Any:
        return call(rows(x), column(x))

    for f in (refused, jit(refused)):
        with pytest.raises((IndexError, ValueError, TypeError), match=message):
            f(x)


def waves(x: Any) -> Any:
    """Return an array along the samples that is no argument."""
    return vmap(lambda v: ag.sin(v) * v)(x)


# y: along the samples, x: the argument.
CUTS: dict[str, Function] = {
    "all but the first": lambda y, x: y[1:],
    "all but the last two": lambda y, x: y[:-2],
    "without both ends": lambda y, x: y[1:-1],
    "differences": lambda y, x: y[1:] - y[:-1],
    "second differences": lambda y, x: y[2:] - 2.0 * y[1:-1] + y[:-2],
    "np.diff": lambda y, x: np.diff(y),
    "a slice of a slice": lambda y, x: y[1:][1:] * y[:-2],
    "the sum of a slice": lambda y, x: y[1:].sum() / y[1:].shape[0],
    "the mean of a slice": lambda y, x: y[:-1].mean(),
    "the first": lambda y, x: y[0] * y,
    "the last": lambda y, x: y[-1] * y[0],
    "the first two": lambda y, x: y[:2],
    "the last two": lambda y, x: y[-2:] * y[:2],
    "a number before": lambda y, x: np.concatenate([[1.0], y[:-1]]),
    "numbers behind": lambda y, x: np.concatenate([y[2:], [3.0, y[0]]]) * x,
    "shifted": lambda y, x: x * np.concatenate([[0.5], y[:-1]]),
    "rolled": lambda y, x: np.concatenate([y[-1:], y[:-1]]) - x,
    "around": lambda y, x: np.concatenate([[y[0]], y, [y[-1]]]),
    "maximum of differences": lambda y, x: ag.max(y[1:] - y[:-1]),
    "pairs of differences": lambda y, x: (y[1:][:, None] * y[1:]).sum(axis=0),
    "in a loop": lambda y, x: ag.fori_loop(
        0, 3, lambda i, z: 0.5 * z + 0.25 * x * np.concatenate([[1.0], z[:-1]]), y
    ),
    "carried and summed": lambda y, x: ag.fori_loop(0, 3, lambda i, z: ag.sin(z) * x, y).sum(),
    "scanned along": lambda y, x: ag.scan(lambda z, _: (z * x, z.sum()), y, length=3)[1],
    "as it is shaped": lambda y, x: np.zeros_like(y) + np.ones_like(y) * y,
}
LENGTHS = (5, 6, 9)


@pytest.mark.parametrize("name", CUTS)
def test_slices_along_the_samples(name: str) -> None:
    """Slices, single numbers and numbers around them hold for any length, also differentiated twice."""
    f = CUTS[name]

    def value(x: Any) -> Any:
        return f(waves(x), x)

    def total(x: Any) -> Any:
        return (value(x) ** 2).sum() if np.ndim(value(x)) else value(x) ** 2

    def twice(x: Any) -> Any:
        return jvp(grad(total), (x,), (waves(x),))[1]

    for g in (value, grad(total), twice):
        compiled = jit(g)
        for length in LENGTHS:
            x = np.random.default_rng(length).normal(size=length)
            np.testing.assert_allclose(compiled(x), g(x), rtol=1e-9, atol=1e-11)
        assert compiled.report().compilations == 1, compiled.report()


@pytest.mark.parametrize(
    "key", [slice(2, None), slice(None, -1), slice(1, -1), slice(None, 3), slice(-2, None)]
)
def test_slices_of_each_sample(key: slice) -> None:
    """Within vmap, rows of a sample are cut along their own axis."""

    def f(rows: Any) -> Any:
        y = vmap(lambda row: row[0] * row[1])(rows)
        return (y[key] ** 2).sum()

    compiled = jit(vmap(grad(f)))
    for samples, rows in ((3, 5), (2, 6)):
        x = np.random.default_rng(rows).normal(size=(samples, rows, 2))
        np.testing.assert_allclose(compiled(x), np.array([grad(f)(own) for own in x]), rtol=1e-11)
    assert compiled.report().compilations == 1


def test_a_slice_that_is_too_long_compiles_again() -> None:
    """The first three of two numbers are two: another program, which holds for such lengths."""
    f = jit(lambda x: waves(x)[:3].sum())
    for length in (5, 2, 4, 1):
        x = np.random.default_rng(length).normal(size=length)
        np.testing.assert_allclose(f(x), (np.sin(x) * x)[:3].sum(), rtol=1e-12)


def test_slices_of_a_long_argument() -> None:
    """A long argument is cut along its axis, and a short one into its elements."""
    f = jit(grad(lambda x: ((x[1:] - x[:-1]) ** 2).sum()))
    for length in (1200, 1500):
        x = np.random.default_rng(length).normal(size=length)
        d = np.diff(x)
        expected = 2.0 * (np.concatenate([[0.0], d]) - np.concatenate([d, [0.0]]))
        np.testing.assert_allclose(f(x), expected, rtol=1e-12, atol=1e-13)
    assert f.report().compilations == 1


def test_constants_are_cut_and_moved() -> None:
    """Zeros and ones of any length are arrays like others where numbers are put around a part of them."""
    f = jit(lambda x: np.concatenate([[2.0], np.zeros_like(waves(x))[:-1]]) + np.ones_like(waves(x)))
    for length in (4, 7):
        found = f(np.ones(length))
        np.testing.assert_array_equal(found, [3.0] + [1.0] * (length - 1))
    assert f.report().compilations == 1
