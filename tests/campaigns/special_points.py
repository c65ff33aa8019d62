"""Compute every row and its first two derivatives at all special arguments on every backend.

``python tests/campaigns special-points`` compares values, partials and second partials, those backward and
forward over backward, with the numbers of the program for NumPy, which the tests compare with eager calls. It
prints for each backend how many numbers it compared, and which differ.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import conftest  # noqa: F401  # sets the cache of compiled programs
import numpy as np
from comparing import differ
from in_c import COMPILER, CLibrary
from test_programs import BACKENDS

from autograd import Op, grad, jit, jvp, vmap
from autograd.compiler import Jitted

sys.path.insert(1, str(Path(__file__).parent.parent.parent / "docs" / "_ext"))

TABLES: Any = import_module("special_values")

SMALLEST_NORMAL = 2.2250738585072014e-308


def derivatives(op: Op) -> Callable[..., list[Any]]:
    """Return the function that gives a row and its derivatives at points, as a list of arrays."""
    f, wanted = TABLES.function(op), range(TABLES.arity(op))

    def at(*x: Any) -> list[Any]:
        def along(first: Any, j: int) -> Any:
            return jvp(lambda xj: first(*x[:j], xj, *x[j + 1 :]), (x[j],), (1.0,))[1]

        firsts = [grad(f, argnums=i) for i in wanted]
        backward = [grad(first, argnums=j)(*x) for first in firsts for j in wanted]
        forward = [along(first, j) for first in firsts for j in wanted]
        return [f(*x), *(first(*x) for first in firsts), *backward, *forward]

    return lambda *columns: list(vmap(at)(*columns))


def compiled(op: Op, backend: str) -> list[Any]:
    """Return the numbers of a row by `jit`, on the backend that is asked for."""
    columns = [*TABLES.points(op, TABLES.SPECIAL)]
    program = jit(derivatives(op), backend=backend) if backend == "jax" else Jitted(derivatives(op), backend)
    program(*columns)
    program.wait()
    report = program.report()
    assert report.backend == backend, report
    return [*map(np.asarray, program(*columns))]


def in_c(op: Op) -> list[Any]:
    """Return the numbers of a row by a function in C."""
    columns = [*TABLES.points(op, TABLES.SPECIAL)]
    program = Jitted(derivatives(op), "numpy")
    found = program(*columns)
    with tempfile.TemporaryDirectory() as folder:
        program.to_c(Path(folder) / "row.c", name="row")
        status, results = CLibrary(Path(folder)).call("row", columns, [np.shape(array) for array in found])
    assert status == 0
    return results


@cache
def expected(op: Op) -> list[Any]:
    """Return the numbers of the program for NumPy."""
    return compiled(op, "numpy")


def on(name: str, op: Op) -> list[Any]:
    """Return the numbers of a row on a backend."""
    if name == "c":
        return in_c(op)
    backend, context = BACKENDS.get(name, (name, nullcontext))
    with context():
        return compiled(op, backend)


def differences(name: str, op: Op) -> Iterator[tuple[int, list[str]]]:
    """Yield for each kind of number how many were compared, and those that differ."""
    columns = TABLES.points(op, TABLES.SPECIAL)
    tiny = (columns != 0.0) & (np.abs(columns) < SMALLEST_NORMAL)
    known = ~tiny.any(axis=0) if name == "jax" else np.full(columns.shape[1], True)
    for kind, (found, wanted) in enumerate(zip(on(name, op), expected(op), strict=True)):
        # XLA takes subnormal numbers for 0.
        absolute = SMALLEST_NORMAL if name == "jax" and kind <= TABLES.arity(op) else 4e-16
        wrong = known & differ(found, wanted, absolute=absolute)
        points = zip(columns[:, wrong].T.tolist(), found[wrong], wanted[wrong], strict=True)
        texts = [f"{op.name}{tuple(x)}, result {kind}: {a:.6g}, NumPy {b:.6g}" for x, a, b in points]
        yield int(known.sum()), texts


def main(words: list[str]) -> int:
    """Compare the backends given on the command line, and return how many numbers differ."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns special-points", description=__doc__)
    every = ["loops", "interpreted by numpy", "along all axes", "numba", "interpreted by numba", "jax"]
    every += ["c"] if COMPILER else []
    parser.add_argument(
        "--rows", nargs="*", default=[*TABLES.ROWS], help="by their names; all of them by default"
    )
    parser.add_argument("--shown", type=int, default=5, help="how many differences of a row are printed")
    parser.add_argument("backends", nargs="*", help=f"of {', '.join(every)}; all of them by default")
    options = parser.parse_args(words)
    failures = 0
    with np.errstate(all="ignore"):
        for name in options.backends or every:
            count = different = 0
            for row in options.rows:
                found = [*differences(name, TABLES.ROWS[row])]
                texts = [text for _, of_kind in found for text in of_kind]
                print(*texts[: options.shown], sep="\n", end="\n" * bool(texts))
                count += sum(size for size, _ in found)
                different += len(texts)
            print(f"{name}: {count} numbers compared, {different} differ", flush=True)
            failures += different
    return failures
