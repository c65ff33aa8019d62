"""Slices along axes, of neighbours and of single samples, as loops for Numba and as derivatives of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import evaluated, same
from loops_backend import loops, on

from autograd import scan, tanh, value_and_grad, vmap
from autograd.compiler.arrays.plan import Block, Plan, Window
from autograd.compiler.numpy.source import numpy_source
from autograd.compiler.passes.axes import AxisLength

__all__ = ["loops"]

RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(12, 3)), RNG.normal(size=(9, 3)), RNG.normal(size=(3, 3))


def pairs(x: Any, y: Any) -> Any:
    """Return a number for each pair of samples."""
    return vmap(lambda a: vmap(lambda b: tanh(a @ b))(y))(x)


def differences(x: Any, y: Any) -> Any:
    """Return what differences of differences and single pairs add up to."""
    z = pairs(x, y)
    steps = z[1:] - z[:-1]
    return (tanh(steps[1:]) * steps[:-1]).sum() + z[0, 0] + z[3, -1]


def equal_along_an_axis(x: Any, y: Any) -> Any:
    """Return products of neighbours, of which some vary along one of two axes alone."""
    z, other = vmap(lambda a: vmap(lambda _: a @ a)(y))(x), pairs(x, y)
    return (z[1:] * other[:-1]).sum() + (z[:, 1:] * other[:, :-1]).sum()


def equal_along_all(x: Any, y: Any) -> Any:
    """Return products of neighbours, of which some do not vary at all."""
    z, scaled = vmap(lambda _: y[0, 0] * 2.0)(x), vmap(lambda a: a * y[0, 1])(x)
    return (z[1:] * x[:-1, 0]).sum() + (scaled[1:] * scaled[:-1]).sum()


def slices_of_slices(x: Any, y: Any) -> Any:
    """Return sums over slices of slices, and over the array that they are of."""
    u = vmap(lambda a: a[0] * y[0, 0] + a[1])(x)
    v = u[2:]
    z = v[:-2][3:]
    return (tanh(z) * z).sum() + (v * u[:-2]).sum()


def steps_of_a_loop(x: Any, y: Any) -> Any:
    """Return products of neighbouring states of a loop."""
    states = scan(lambda h, a: (tanh(W @ h + a * y[0]), h), np.zeros(3), x)[1]
    return (states[1:] * states[:-1]).sum()


def products_that_are_copied(x: Any, y: Any) -> Any:
    """Return a product of which a factor has as many numbers as are copied to where they load fast."""
    return tanh(x.reshape(4, 9) @ np.tile(y.reshape(9, 3), (1, 3))).sum()


@pytest.mark.parametrize(
    "f",
    [
        differences,
        equal_along_an_axis,
        equal_along_all,
        slices_of_slices,
        steps_of_a_loop,
        products_that_are_copied,
    ],
)
def test_slices_along_axes(f: Callable[..., Any]) -> None:
    """Values and gradients by loops, which copy a chunk of a slice at a time, are those of eager calls."""
    both = value_and_grad(f, argnums=(0, 1))
    same(on("loops", both, X, Y)(X, Y), evaluated(both, X, Y), 1e-9)


def test_lengths_that_belong_together() -> None:
    """An argument as long as a slice of another one may be sliced itself."""

    def f(x: Any, y: Any) -> Any:
        one, other = vmap(tanh)(x), vmap(tanh)(y)
        return (one[1:] * other).sum() + (one[:-1] * y).sum() * other[3:].sum()

    args = RNG.normal(size=60), RNG.normal(size=59)
    both = value_and_grad(f, argnums=(0, 1))
    same(on("loops", both, *args)(*args), evaluated(both, *args), 1e-9)


@pytest.mark.parametrize(
    ("start", "expected"), [(-1, [0, 1, 2, 3, 4]), (1, [2, 3, 4, 5, 6]), (7, [8, 9, 0, 0, 0])]
)
def test_an_array_of_any_length_moved_among_zeros(start: int, expected: list[int]) -> None:
    """What is moved along an axis of a certain length is cut off there, and filled up with zeros."""
    argument = Block(None, (), argument=0, axes=(0,), dimensions=(0,))
    moved = Block(None, (), axes=(1,), window=Window(0, 0, 1, start, covers=False, order=(0,)))
    lengths = [AxisLength(0, 0), AxisLength(None, None, 5)]
    plan = Plan({0: argument, 1: moved}, {0: (1, 0)}, lengths, [(1,)])
    (found,) = numpy_source(plan, ["x"], [([0], ())]).run()(np.arange(1.0, 10.0))
    assert found.tolist() == expected


def test_results_without_numbers() -> None:
    """Slices and steps of no numbers have their shapes, along an axis and without."""

    def f(x: Any) -> Any:
        states = scan(lambda h, a: (tanh(h + a.sum()), np.zeros(0)), 0.5, x)
        return vmap(lambda a: tanh(a[:0]))(x), x[:0].sum(axis=0), states

    same(on("loops", f, X)(X), evaluated(f, X), 1e-12)
