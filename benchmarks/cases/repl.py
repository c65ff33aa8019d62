"""What a user of the REPL waits for: the import, without NumPy's, and an expression of ten operations."""

import os
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable
from typing import Any

from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result


def import_time(module: str) -> float:
    """Return the milliseconds of an import in a new process that has loaded NumPy.

    The first process writes the bytecode, as pip does when it installs: to parse the sources of the package
    takes three times as long as the rest of its import.
    """
    program = f"import numpy, time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    environment = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as bytecode:
        environment["PYTHONPYCACHEPREFIX"] = bytecode
        times = [_seconds(program, environment) for _ in range(8)]
    return min(times) * 1e3


def _seconds(program: str, environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", program]
    return float(subprocess.run(command, capture_output=True, check=True, env=environment).stdout)


def measured(value: Callable[[float], Any], module: str) -> Work:
    """Return the work of typing an expression and its backward."""

    def expression() -> tuple[Any, Any]:
        a, b = value(2.0), value(-3.0)
        c = a * b + a**2
        d = (c * b + a) * (c + 1.0)
        e = d * d - c
        e.backward()
        return a, e

    def step() -> Result:
        a, e = expression()
        seconds = min(timeit.repeat(expression, number=1000, repeat=3)) / 1000
        return Result(
            [e.data, a.grad], nodes=12, figures={"ms to import": import_time(module)}, seconds=seconds
        )

    return step


def chainrule() -> Work:
    """Prepare chainrule."""
    from autograd import Value

    return measured(Value, "autograd")


def micrograd() -> Work:
    """Prepare micrograd."""
    from micrograd.engine import Value

    return measured(Value, "micrograd.engine")


PEERS = {"chainrule": chainrule, "micrograd": micrograd}
ROUNDS = 3
