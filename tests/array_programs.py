"""Random array programs: batches, stacks, gathers and products, often of equal numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import autograd
from autograd import scan, vmap
from nn.losses import binary_cross_entropy_with_logits, mse

Apply = Callable[[Sequence[Any]], Any]
"""Maps all results so far to the next one."""


@dataclass(frozen=True)
class ArrayProgram:
    """Steps on a number, a vector and a matrix, each with a name for readable failures.

    Attributes
    ----------
    shapes : tuple
        The shapes of the arguments.
    steps : tuple of (str, callable)
        The name of each step, and a function from the arguments and earlier results to its result.
    """

    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[tuple[str, Apply], ...]

    def __repr__(self) -> str:
        return f"ArrayProgram(shapes={self.shapes}, steps={[name for name, _ in self.steps]})"

    def results(self, arguments: Sequence[Any]) -> list[Any]:
        """Return the result of each step."""
        pool = list(arguments)
        for _, step in self.steps:
            pool.append(step(pool))
        return pool[len(self.shapes) :]

    def total(self, arguments: Sequence[Any]) -> Any:
        """Return a weighted sum of all elements of all results, with different weights within a result."""
        parts = [
            autograd.dot(np.ravel(result).tolist(), np.linspace(0.5, 1.5, np.size(result)).tolist())
            for result in self.results(arguments)
            if np.size(result)
        ]
        return autograd.sum(parts)

    def point(self, shift: float) -> list[Any]:
        """Return arguments of both signs, different for each shift."""
        whole = [np.sin(np.arange(np.prod(shape)) * 1.7 + shift).reshape(shape) for shape in self.shapes]
        return [array if array.ndim else float(array) for array in whole]


UNARY: dict[str, Callable[[Any], Any]] = {
    "tanh": autograd.tanh,
    "sin": autograd.sin,
    "square": lambda x: x * x,
    "softplus": autograd.softplus,
    "negative": lambda x: -x,
    "copy": lambda x: x * 1.0,
}

# Functions to call for each sample of a batch; not all of them use it.
OF_A_SAMPLE: dict[str, Callable[[Any], Any]] = {
    "tanh": autograd.tanh,
    "sum of squares": lambda row: (row * row).sum(),
    "twice and thrice": lambda row: [row * 2.0, row * 3.0],
    "a constant": lambda row: 2.0,
    "and a constant": lambda row: {"same": 1.0, "own": autograd.sin(row)},
    "gradient": autograd.grad(lambda row: (row * row * row).sum()),
}

OF_A_NUMBER = OF_A_SAMPLE | {
    "sum of squares": lambda x: x * x,
    "gradient": autograd.grad(lambda x: x * x * x),
}

# What a step makes of the array that it is given and of another one; the numbers beside move along.
OF_A_STEP: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda carried, x: 0.5 * carried + x,
    "product": lambda carried, x: 0.3 * carried * x,
    "the number before": lambda carried, x: 0.5 * x + 0.5 * _behind(carried),
    "the number behind": lambda carried, x: 0.5 * _before(carried * x),
    "both": lambda carried, x: carried + 0.1 * x * (_behind(carried) - _before(carried)),
    "the first and the last": lambda carried, x: 0.5 * carried + 0.1 * x * carried[0] - 0.1 * carried[-1],
    "a mean": lambda carried, x: carried - 0.5 * autograd.mean(x * carried),
}

CHOICES: dict[str, Callable[[Any, Any], Any]] = {
    "where above": lambda x, limit: autograd.where(x > limit, x * 2.0, -0.0),
    "where at most": lambda x, limit: autograd.where(x <= limit, 0.5, x * x),
    "max": autograd.max,
    "min": autograd.min,
    "relu": lambda x, limit: autograd.relu(x - limit),
    "whether equal": lambda x, limit: (x == limit) * x,
}

CONSTANTS = (1.0, -1.0, 0.0, -0.0, 0.5, 2.0)


@st.composite
def array_programs(draw: st.DrawFn) -> ArrayProgram:
    """Draw a program of two to six steps on arrays of one to three rows and columns."""
    sizes = st.integers(1, 3)
    shapes = ((), (draw(sizes),), (draw(sizes), draw(sizes)))
    program = ArrayProgram(shapes, ())
    for _ in range(draw(st.integers(2, 6))):
        pool = [*program.point(0.3), *program.results(program.point(0.3))]
        program = ArrayProgram(shapes, (*program.steps, draw(_steps(pool))))
    return program


@st.composite
def _steps(draw: st.DrawFn, pool: Sequence[Any]) -> tuple[str, Apply]:
    """Draw a step that fits the shapes of the earlier results."""
    i = draw(st.integers(0, len(pool) - 1))
    shape = np.shape(pool[i])
    kinds = ["unary", "binary", "constant", "full", "signed zero", "sum", "stack", "loss", "equal samples"]
    kinds += ["choice", "masked"]
    kinds += ["concatenate", "index", "gather", "reshape", "vmap"] if shape else []
    kinds += ["neighbours", "steps"] if len(shape) == 1 else []
    kinds += ["transpose", "rows", "sum along"] if len(shape) == 2 else []
    kinds += ["matmul"] if 1 <= len(shape) <= 2 else []
    return _STEPS[draw(st.sampled_from(kinds))](draw, pool, i)


def _unary(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    name = draw(st.sampled_from(sorted(UNARY)))
    return f"{name}({i})", lambda pool: UNARY[name](pool[i])


def _binary(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    fitting = [j for j, other in enumerate(pool) if _broadcasts(np.shape(pool[i]), np.shape(other))]
    j = draw(st.sampled_from(fitting))
    if draw(st.booleans()):
        return f"{i} * {j}", lambda pool: pool[i] * pool[j]
    return f"{i} + {j}", lambda pool: pool[i] + pool[j]


def _constant(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    constants = _constants(draw, np.shape(pool[i]))
    if draw(st.booleans()):
        return f"{i} * {constants!r}", lambda pool: pool[i] * constants
    return f"{constants!r} - {i}", lambda pool: constants - pool[i]


def _full(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    """Return a step that repeats an array, or an element of it, along a new axis."""
    n = draw(st.integers(1, 3))
    if len(np.shape(pool[i])) > 1:
        return f"{n} times {i}.flat[0]", lambda pool: np.zeros(n) + pool[i].flat[0]
    return f"{n} times {i}", lambda pool: np.ones((n, *np.shape(pool[i]))) * pool[i]


def _signed_zero(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    """Return a step whose result reveals the signs of zeros; on an argument, which has no rounding errors."""
    i = draw(st.integers(0, 2))
    zeros = np.array(_constants(draw, np.shape(pool[i]))) * 0.0
    return f"arctan2({zeros!r}, {i})", lambda pool: autograd.arctan2(zeros, pool[i])


def _choice(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    """Return a step that compares the elements of an argument with a constant, or with one of them: a tie."""
    i = draw(st.integers(0, 2))
    name = draw(st.sampled_from(sorted(CHOICES)))
    if draw(st.booleans()):
        return f"{name}({i}, {i}.flat[0])", lambda pool: CHOICES[name](pool[i], np.ravel(pool[i])[0])
    limit = draw(st.sampled_from(CONSTANTS))
    return f"{name}({i}, {limit})", lambda pool: CHOICES[name](pool[i], limit)


def _masked(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    """Return a step with an infinite operand that has no effect."""
    return f"logsumexp([*{i}, -inf])", lambda pool: autograd.logsumexp([*np.ravel(pool[i]), -np.inf])


def _sum(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    if draw(st.booleans()):
        return f"sum({i})", lambda pool: autograd.sum(np.ravel(pool[i]).tolist())
    return f"logsumexp({i})", lambda pool: autograd.logsumexp(np.ravel(pool[i]).tolist())


def _sum_along(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    axis = draw(st.integers(0, 1))
    return f"{i}.sum({axis})", lambda pool: pool[i].sum(axis=axis)


def _stack(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    alike = [j for j, other in enumerate(pool) if np.shape(other) == np.shape(pool[i])]
    chosen = draw(st.lists(st.sampled_from(alike), min_size=1, max_size=3))
    axis = draw(st.integers(0, 1)) if np.shape(pool[i]) else 0
    return f"stack({chosen}, {axis})", lambda pool: np.stack([pool[j] for j in chosen], axis)


def _concatenate(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    tail = np.shape(pool[i])[1:]
    alike = [j for j, other in enumerate(pool) if np.ndim(other) and np.shape(other)[1:] == tail]
    chosen = draw(st.lists(st.sampled_from(alike), min_size=1, max_size=3))
    return f"concatenate({chosen})", lambda pool: np.concatenate([pool[j] for j in chosen])


def _index(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    at = draw(st.integers(0, len(pool[i]) - 1))
    return f"{i}[{at}]", lambda pool: pool[i][at]


def _gather(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    at = draw(st.lists(st.integers(0, len(pool[i]) - 1), min_size=1, max_size=5))
    return f"{i}[{at}]", lambda pool: pool[i][at]


def _rows(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    return f"{i}[::-1, :1]", lambda pool: pool[i][::-1, :1]


def _behind(x: Any) -> Any:
    """Return numbers each behind another one."""
    return np.concatenate([[0.5], x[:-1]])


def _before(x: Any) -> Any:
    """Return numbers each before another one."""
    return np.concatenate([x[1:], [-0.5]])


def _neighbours(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    """Return a step on numbers and those before or behind them."""
    if len(pool[i]) > 1 and draw(st.booleans()):
        return f"{i}[1:] * {i}[:-1]", lambda pool: pool[i][1:] * pool[i][:-1]
    moved = draw(st.sampled_from([_behind, _before]))
    return f"{i} * {moved.__name__}({i})", lambda pool: pool[i] * moved(pool[i])


def _steps_on_arrays(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    """Return a step that is the last of some on an array, or what one or two loops leave on their way."""
    alike = [j for j, other in enumerate(pool) if np.shape(other) == np.shape(pool[i])]
    j, name, count = (
        draw(st.sampled_from(alike)),
        draw(st.sampled_from(sorted(OF_A_STEP))),
        draw(st.integers(1, 3)),
    )
    way = draw(st.sampled_from(["last", "all", "twice"]))
    of_step = OF_A_STEP[name]

    def steps(pool: Sequence[Any]) -> Any:
        last, left = scan(lambda c, _: (of_step(c, pool[j]), c), pool[i], None, length=count)
        if way == "twice":
            return scan(lambda c, v: (of_step(c, v), None), last, left, reverse=True)[0]
        return last if way == "last" else left.sum(axis=0)

    return f"{way} of {count} steps ({name}) on {i} by {j}", steps


def _reshape(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    shape = draw(st.sampled_from([(-1,), (1, -1), (-1, 1)]))
    return f"{i}.reshape{shape}", lambda pool: pool[i].reshape(shape)


def _transpose(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    return f"{i}.T", lambda pool: pool[i].T


def _matmul(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    inner = np.shape(pool[i])[-1]
    shapes = [np.shape(other) for other in pool]
    fitting = [j for j, shape in enumerate(shapes) if 1 <= len(shape) <= 2 and shape[0] == inner]
    if fitting and bool(draw(st.booleans())):
        j = draw(st.sampled_from(fitting))
        return f"{i} @ {j}", lambda pool: pool[i] @ pool[j]
    constants = np.array(_constants(draw, (inner, 2))) + np.zeros((inner, 2))
    return f"{i} @ {constants!r}", lambda pool: pool[i] @ constants


def _vmap(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    functions = OF_A_NUMBER if np.ndim(pool[i]) == 1 else OF_A_SAMPLE
    name = draw(st.sampled_from(sorted(functions)))
    return f"vmap({name})({i})", lambda pool: _joined(vmap(functions[name])(pool[i]))


def _equal_samples(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    """Return a step on a batch of equal samples."""
    name, n = draw(st.sampled_from(sorted(OF_A_NUMBER))), draw(st.integers(1, 3))
    with_loss = draw(st.booleans())

    def batch(pool: Sequence[Any]) -> Any:
        samples = np.ones(n) * np.ravel(pool[i])[0]
        results = np.ravel(_joined(vmap(OF_A_NUMBER[name])(samples)))
        return mse(results, np.ones(len(results))) if with_loss else results

    return f"{'mse of ' * with_loss}vmap({name}) of {n} times {i}.flat[0]", batch


def _joined(results: Any) -> Any:
    """Concatenate the results of a batch into one array."""
    if isinstance(results, dict):
        results = [*results.values()]
    return np.concatenate([np.ravel(part) for part in results]) if isinstance(results, list) else results


def _loss(draw: st.DrawFn, pool: Sequence[Any], i: int) -> tuple[str, Apply]:
    target = draw(st.sampled_from([0.0, 1.0]))
    loss: Any = draw(st.sampled_from([mse, binary_cross_entropy_with_logits]))
    return (
        f"{loss.__name__}({i}, {target})",
        lambda pool: loss(np.ravel(pool[i]), np.full(np.size(pool[i]), target)),
    )


def _constants(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """Draw a number, or an array in which numbers repeat."""
    some = st.sampled_from(CONSTANTS)
    if not shape or draw(st.booleans()):
        return draw(some)
    numbers = draw(st.lists(some, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.array(numbers).reshape(shape)


def _broadcasts(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(a == b or 1 in (a, b) for a, b in zip(one[::-1], other[::-1], strict=False))


_STEPS: dict[str, Callable[[st.DrawFn, Sequence[Any], int], tuple[str, Apply]]] = {
    "unary": _unary,
    "binary": _binary,
    "constant": _constant,
    "full": _full,
    "signed zero": _signed_zero,
    "choice": _choice,
    "masked": _masked,
    "sum": _sum,
    "sum along": _sum_along,
    "stack": _stack,
    "concatenate": _concatenate,
    "index": _index,
    "gather": _gather,
    "neighbours": _neighbours,
    "steps": _steps_on_arrays,
    "rows": _rows,
    "reshape": _reshape,
    "transpose": _transpose,
    "matmul": _matmul,
    "vmap": _vmap,
    "loss": _loss,
    "equal samples": _equal_samples,
}
