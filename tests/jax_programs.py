"""Run what is written for JAX in tests, on arrays of NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd.compiler.arrays.plan import Plan, Results
from autograd.compiler.jax.source import JaxSource, jax_source
from autograd.compiler.runtime.program import Run


def names_of(arguments: Sequence[object]) -> list[str]:
    """Return a name for each of some arguments."""
    return [f"x{i}" for i in range(len(arguments))]


def run_by_jax(source: JaxSource) -> Run:
    """Return a program, compiled by JAX, on arrays of NumPy."""
    import jax

    run = jax.jit(source.run())

    def program(*arrays: object) -> tuple[object, ...]:
        found = [np.asarray(result) for result in run(*map(np.asarray, arrays))]
        assert {result.dtype for result in found} <= {np.dtype(float)}
        return tuple([result if result.ndim else float(result) for result in found])

    return program


def by_jax(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
    """Return the program of a plan, compiled by JAX, on arrays of NumPy."""
    return run_by_jax(jax_source(plan, names_of(shapes), results))
