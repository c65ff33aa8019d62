"""``python -m benchmarks accuracy``: measure the errors of values and derivatives, and write the table."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .measure import COMPILED, COMPUTED, measure
from .report import page
from .subjects import subjects
from .truths import drawn


def main(words: Sequence[str]) -> int:
    """Run the command; the exit status is 1 if something exceeds its bound."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks accuracy", description=__doc__)
    parser.add_argument("--points", type=int, default=10_000, help="points of each function")
    parser.add_argument("--seed", type=int, default=0, help="of the points")
    parser.add_argument("--only", action="append", metavar="NAME", help="this function; may be repeated")
    parser.add_argument("--no-compiled", action="store_true", help="eager calls and peers only")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the report")
    options = parser.parse_args(words)
    known = subjects()
    if options.only and not set(options.only) <= known.keys():
        parser.error(f"expected names among {', '.join(known)}, got {options.only}")
    measured, missed = [], []
    for name in options.only or known:
        who = dict(COMPUTED) if options.no_compiled else {**COMPUTED, **COMPILED}
        one = measure(drawn(known[name], options.seed, options.points), who)
        measured.append(one)
        missed += one.missed("chainrule")
        shown = [f"{peer} {what} {figure.ulps:.3g}" for (peer, what), figure in one.figures.items()]
        print(name, *shown, sep="  ", flush=True)
    if options.markdown:
        command = " ".join(["python -m benchmarks accuracy", *words])
        text = page(measured, command, options.points, versions())
        options.markdown.write_text(text, encoding="utf-8")
    print(*missed, f"{len(measured)} functions, {len(missed)} beyond their bounds", sep="\n", file=sys.stderr)
    return int(bool(missed))


def versions() -> str:
    """Return a sentence about what was measured, and on what.

    Examples
    --------
    >>> versions().startswith("Python 3.")
    True
    """
    library = " ".join(filter(None, platform.libc_ver())) or "the C library of the system"
    found = [f"Python {platform.python_version()}", f"{library} ({platform.machine()})"]
    for name, label in (("numpy", "NumPy"), ("torch", "PyTorch"), ("jax", "JAX"), ("numba", "Numba")):
        try:
            found.append(f"{label} {version(name)}")
        except PackageNotFoundError:
            found.append(f"without {label}")
    return ", ".join(found) + "."
