"""Reductions that the table could have: how each backend writes them, without a copy of the package."""

from __future__ import annotations

import math
from math import inf
from typing import Any

import numpy as np
import pytest

from autograd.compiler.jax import expressions
from autograd.compiler.jax.array_table import _reduction
from autograd.compiler.jax.expressions import jax_row, used_helpers
from autograd.compiler.jax.reductions import reduced_text as reduced_in_jax
from autograd.compiler.numba.functions import _of_places
from autograd.compiler.numba.reduction_loops import over_row, written_out
from autograd.compiler.numpy.expressions import helpers_text, reduced_text
from autograd.compiler.runtime.program import UnsuitableError
from autograd.ops.meanings import FLOAT
from autograd.ops.rule import Rule
from autograd.ops.table import OPS, Accumulator, Op, Reduction


def row(name: str, partials: int = 1, **of: Any) -> Op:
    """Return a row that is no part of the table."""
    names = ", ".join(("x", "y")[:partials])
    return Op(
        name=name, doc="", value=f"{name}({names})", partials=["x"] * partials, latex="", domain=(), **of
    )


FSUM = row("fsum", variadic=True)
WAVE = row(
    "wave",
    2,
    variadic=True,
    reduction=Reduction(
        (
            Accumulator("top", -inf, Rule("max(top, x)")),
            Accumulator("rest", 0.5, Rule("rest + sin(y) * (top - x)")),
        ),
        Rule("rest * top"),
    ),
)
REMAINDER = row("remainder", 2)
X, Y = np.random.default_rng(0).normal(size=(2, 3, 5))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the table know the rows."""
    for op in (FSUM, WAVE, REMAINDER):
        monkeypatch.setitem(FLOAT, op.name, getattr(math, op.name, None))
    monkeypatch.setattr(expressions, "OPS", {**OPS, "remainder": REMAINDER})


def wave(x: Any, y: Any) -> Any:
    """Return what the row is of the columns of two matrices."""
    top = x.max(axis=0)
    return (0.5 + (np.sin(y) * (top - x)).sum(axis=0)) * top


@pytest.mark.parametrize(("op", "expected"), [(FSUM, X.sum(axis=0)), (WAVE, wave(X, Y))])
def test_numpy(op: Op, expected: Any) -> None:
    """A program of NumPy defines a reduction that NumPy lacks, along any axis."""
    helpers: dict[str, str] = {}
    text = reduced_text(op, [*op.parameters, "axis=0"], helpers)
    defined: dict[str, Any] = {"np": np, "math": math, "inf": inf}
    exec("\n".join(helpers_text(helpers)), defined)
    np.testing.assert_allclose(eval(text, defined, {"x": X, "y": Y}), expected, rtol=1e-14)


@pytest.mark.parametrize("form", ["written out", "over a row"])
def test_loops(form: str) -> None:
    """Loops hand the numbers to Python's function of a row that has no loop, by where they stand."""
    defined: dict[str, Any] = {
        "np": np,
        "a": 1.0,
        "b": 1e100,
        "c": -1e100,
        "w": np.array([1.0, 1e100, -1e100]),
    }
    defined["python_fsum"] = _of_places(math.fsum)
    if form == "written out":
        before: dict[str, str] = {}
        found = written_out(FSUM, ["a", "b", "c"], iter(["t1", "t2"]), before)
        lines = [*(f"{name} = {text}" for name, text in before.items()), f"v = {found}"]
    else:
        lines = over_row(FSUM, "v", {"x": "w[i]"}, "i", 3)
    exec("\n".join(lines), defined)
    assert defined["v"] == 1.0


def test_jax() -> None:
    """A program of JAX defines a function of `math` that JAX lacks; of reductions it needs the steps."""
    helpers: dict[str, str] = {}
    assert jax_row(REMAINDER, ["a", "b"], helpers) == "remainder(a, b)"
    assert "elementwise(math.remainder)" in helpers["remainder"]
    assert {"elementwise", "with_partials"} <= {*used_helpers(helpers["remainder"], helpers)}
    with pytest.raises(UnsuitableError, match="JAX has no reduction for 'fsum', whose row has no loop"):
        reduced_in_jax(FSUM, ["x", "axis=0"], helpers)
    steps = Reduction((Accumulator("total", 0.0, Rule("total * x + 1.0")),), Rule("total"))
    horner = row("horner", variadic=True, reduction=steps)
    with pytest.raises(UnsuitableError, match=r"JAX has no reduction that does total \* x \+ 1.0 for each"):
        reduced_in_jax(horner, ["x", "axis=0"], helpers)
    with pytest.raises(UnsuitableError, match="the table has no loop for 'fsum' that JAX could run"):
        _reduction(FSUM)
    # Defined once, however often it is used.
    texts = [reduced_in_jax(OPS["prod"], [name, "axis=0"], helpers) for name in "ab"]
    assert texts == ["prod(a, axis=0)", "prod(b, axis=0)"]
    rms = Op(
        name="rms",
        doc="",
        value="sqrt(sum(x * x) / len(x))",
        partials=["x"],
        latex="",
        domain=(),
        variadic=True,
    )
    reduced_in_jax(rms, ["x", "axis=0"], helpers)
    assert "jnp.sqrt(jnp.expand_dims(jnp.sum(x * x, axis=axis), axis) / jnp.size(x, axis))" in helpers["rms"]
