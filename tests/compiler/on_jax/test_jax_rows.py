"""Every row of the table in JAX: its value, and its derivatives by `jax.grad` and `jax.jvp`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pytest
from comparing import evaluated
from programs import call_public

from autograd import OPS, Op, grad, hessian
from autograd.compiler.jax.expressions import jax_row, used_helpers
from autograd.compiler.jax.reductions import reduced_text
from autograd.compiler.numpy.expressions import Helpers, helpers_text
from autograd.ops.rules import on_arrays
from autograd.ops.table import COMPARISONS, row

jax = pytest.importorskip("jax")
pytest.importorskip("jax.scipy.special")
jnp = jax.numpy

SIMPLE = {op.name: op for op in OPS.values() if not op.variadic}
ONE_COLUMN = {
    op.name: op
    for op in OPS.values()
    if (op.variadic and op.reduction is not None and len(op.parameters) == 1) or op.folds is not None
}

# XLA takes them for 0.
SMALLEST_NORMAL = 2.3e-308


def defined(helpers: Helpers, expression: str, dtype: type = np.float64) -> Callable[..., Any]:
    """Return a function in JAX from its text, and those of the functions that it calls."""
    namespace: dict[str, Any] = {"dtype": dtype}
    heads = ["import functools", "import math", "import jax", "import jax.numpy as jnp", "import numpy as np"]
    exec(
        "\n".join([*heads, "import jax.scipy.special", *helpers_text(used_helpers(expression, helpers))]),
        namespace,
    )
    found: Callable[..., Any] = eval(expression, namespace)
    return found


def in_jax(op: Op, dtype: type = np.float64) -> Callable[..., Any]:
    """Return a row as programs of JAX write it."""
    helpers: Helpers = {}
    return defined(
        helpers, f"lambda {', '.join(op.parameters)}: {jax_row(op, op.parameters, helpers)}", dtype
    )


def points_of(op: Op) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return points, a column each: first those of the table, then some of its domain."""
    rng = np.random.default_rng(0)
    special = [
        point.at for point in op.special_points if all(not 0.0 < abs(x) < SMALLEST_NORMAL for x in point.at)
    ]
    return np.array([*special, *([rng.uniform(*of) for of in op.domain] for _ in range(8))]).T


def moving(op: Op) -> list[int]:
    """Return the arguments that a derivative flows to."""
    return [i for i in range(len(op.partials)) if not op.selects(i)]


def derivatives(op: Op) -> Callable[..., Any]:
    """Return what JAX gives for a row: the value, first derivatives in two ways, and second ones in two."""
    f, wanted = in_jax(op), moving(op)
    backward = jax.value_and_grad(f, argnums=wanted)

    def along(i: int, *x: Any) -> Any:
        return jax.jvp(lambda xi: backward(*x[:i], xi, *x[i + 1 :]), (x[i],), (jnp.ones_like(x[i]),))[1]

    def backward_of(k: int) -> Callable[..., Any]:
        found: Callable[..., Any] = jax.grad(lambda *x: backward(*x)[1][k], argnums=wanted)
        return found

    def at(*x: Any) -> Any:
        forward, twice = zip(*[along(i, *x) for i in wanted], strict=True)
        return *backward(*x), forward, twice, [backward_of(k)(*x) for k in range(len(wanted))]

    each: Callable[..., Any] = jax.vmap(at)
    return each


@pytest.fixture(scope="module")
def found(jax_in_doubles: None) -> dict[str, Any]:
    """Return for each row what JAX gives for all of its points, by one program."""
    functions = {name: derivatives(op) for name, op in SIMPLE.items() if moving(op)}
    points = {name: [*points_of(SIMPLE[name])] for name in functions}
    every: dict[str, Any] = jax.jit(lambda points: {k: f(*points[k]) for k, f in functions.items()})(points)
    return every


def check(found: Any, expected: Any, ulps: float) -> None:
    """Assert that numbers agree, nan for nan, up to some units in the last place."""
    # What is as small as that XLA takes for 0.
    found, expected = (np.where(np.abs(x) < SMALLEST_NORMAL, 0.0, x) for x in (found, expected))
    np.testing.assert_allclose(found, expected, rtol=ulps * 2.0**-52, atol=0.0)


@pytest.mark.parametrize("name", [name for name, op in SIMPLE.items() if moving(op)])
def test_values_and_partials(name: str, found: dict[str, Any]) -> None:
    """The value, and derivatives by `jax.grad` and by `jax.jvp`, are the table's."""
    op, points = SIMPLE[name], points_of(SIMPLE[name])
    value, backward, forward, *_ = found[name]
    with np.errstate(all="ignore"):
        expected = np.array(on_arrays(op).value(*points))
        known = points.shape[1] - 8
        special = [p for p in op.special_points if all(not 0 < abs(x) < SMALLEST_NORMAL for x in p.at)]
        expected[:known] = [point.value for point in special]
        check(value, expected, 4.0 + op.ulps)
        for k, i in enumerate(moving(op)):
            partial = np.broadcast_to(on_arrays(op).partials[i](*points, expected), expected.shape).copy()
            partial[:known] = [point.partials[i] for point in special]
            check(backward[k], partial, 16.0)
            check(forward[k], partial, 16.0)


@pytest.mark.parametrize("name", [name for name, op in SIMPLE.items() if moving(op)])
def test_second_derivatives(name: str, found: dict[str, Any]) -> None:
    """Second derivatives by JAX, forward or backward over backward, are those that the engine has."""
    op, points = SIMPLE[name], points_of(SIMPLE[name])
    forward, backward = found[name][3:]

    def value(*x: Any) -> Any:
        return call_public(op, *x)

    for k, i in enumerate(moving(op)):
        for m, j in enumerate(moving(op)):
            partial = grad(grad(value, argnums=i), argnums=j)
            expected = np.array([evaluated(partial, *map(float, point)) for point in points.T])
            wanted = ~np.isnan(expected)
            # Terms may cancel: relative to the largest one, which is 1 or more.
            np.testing.assert_allclose(
                np.asarray(forward[m][k])[wanted], expected[wanted], rtol=1e-12, atol=1e-15
            )
            np.testing.assert_allclose(
                np.asarray(backward[k][m])[wanted], expected[wanted], rtol=1e-12, atol=1e-15
            )


@pytest.mark.parametrize("name", [*SIMPLE, *COMPARISONS])
def test_single_precision(name: str, jax_in_doubles: None) -> None:
    """Of numbers of single precision, values and gradients are of single precision."""
    op = row(name)
    x = [np.float32(number) for number, _ in op.domain]
    f = in_jax(op, np.float32)
    assert jax.eval_shape(f, *x).dtype == np.float32
    assert jax.eval_shape(jax.grad(f), *x).dtype == np.float32


def test_a_comparison_is_a_number(jax_in_doubles: None) -> None:
    """The product of nan or infinity and a comparison that does not hold is nan, as zero times those is."""
    above = in_jax(COMPARISONS["gt"])
    found = jax.jit(lambda x: x * above(0.0, x))(np.array([math.nan, math.inf, 2.0]))
    np.testing.assert_array_equal(found, [math.nan, math.nan, 0.0])


# ------------------------------------------------------------------------------------------------ reductions

VECTORS = [(3.0, 0.0, 4.0), (0.0, 0.0, 0.0), (2.0, 2.0, -1.0), (1.0, -2.0, 2.0), (-3e200, 4e200, 1e200)]
SPECIAL_VECTORS = [(math.nan, 1.0, 2.0), (1.0, math.inf, 2.0), (1.0, math.nan, math.nan), (-math.inf,) * 3]


def of_a_list(op: Op) -> Callable[[Sequence[Any]], Any]:
    """Return a reduction by the engine; of a row of two operands, from the first element to the last."""
    return (
        (lambda x: call_public(op, x))
        if op.variadic
        else lambda x: reduce(lambda a, b: call_public(op, a, b), x)
    )


@pytest.mark.parametrize("name", ONE_COLUMN)
def test_reductions(name: str, jax_in_doubles: None) -> None:
    """Reductions and their derivatives by JAX are the engine's, to the second: a tie goes to the first."""
    op = ONE_COLUMN[name]
    helpers: Helpers = {}
    f = defined(helpers, f"lambda x: {reduced_text(op, ['x', 'axis=-1'], helpers)}")
    ours = of_a_list(op)

    def at(x: Any) -> Any:
        return f(x), jax.grad(f)(x), jax.jacfwd(jax.grad(f))(x), jax.jacrev(jax.grad(f))(x)

    assert {of.dtype for of in jax.eval_shape(at, np.ones(3, np.float32))} == {np.dtype(np.float32)}
    value, first, forward, backward = jax.jit(jax.vmap(at))(np.array([*VECTORS, *SPECIAL_VECTORS]))
    for k, x in enumerate([*VECTORS, *SPECIAL_VECTORS]):
        np.testing.assert_allclose(value[k], evaluated(lambda x: float(ours(x)), list(x)), rtol=1e-15)
        np.testing.assert_allclose(first[k], evaluated(grad(ours), list(x)), rtol=1e-15)
    for k, x in enumerate(VECTORS):
        if math.isinf(value[k]):
            continue
        second = evaluated(hessian(ours), list(x))
        np.testing.assert_allclose(forward[k], second, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(backward[k], second, rtol=1e-14, atol=1e-15)


def test_the_norm_of_huge_numbers(jax_in_doubles: None) -> None:
    """The norm neither overflows nor is lost where XLA takes the reciprocal of its scale for 0."""
    helpers: Helpers = {}
    f = jax.jit(defined(helpers, f"lambda x: {reduced_text(OPS['norm'], ['x', 'axis=-1'], helpers)}"))
    for x in ([1.7e308, 0.0], [3e307, -4e307], [-1.7e308, 1.0]):
        np.testing.assert_allclose(f(np.array(x)), np.hypot(x[0], x[1]), rtol=1e-15)
