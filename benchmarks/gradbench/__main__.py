"""``python -m benchmarks.gradbench``: answer the messages of an evaluation, one of JSON a line."""

import argparse
import gc
import json
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

from . import MODULES


def main() -> None:
    """Run the command: read messages from stdin until it ends, and write a response to each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gradbench", description=__doc__)
    parser.add_argument("--multithreaded", action="store_true", help="use all processors instead of one")
    if not parser.parse_args().multithreaded and hasattr(os, "sched_setaffinity"):
        # Before NumPy is imported, whose BLAS starts as many threads as it sees processors.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for response in responses(sys.stdin):
        print(response, flush=True)


def responses(lines: Iterable[str]) -> Iterator[str]:
    """Yield the response to each message."""
    for line in lines:
        message = json.loads(line)
        yield json.dumps({"id": message["id"]} | answer(message))


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """Return what the response to a message says besides its identifier."""
    kind = message["kind"]
    if kind == "start":
        return {"tool": "chainrule"}
    if kind not in ("define", "evaluate"):
        return {}
    try:
        if (name := message["module"]) not in MODULES:
            raise ValueError(f"expected one of the modules {', '.join(MODULES)}, got {name!r}")
        module = import_module(f".{name}", __package__)
        if kind == "define":
            load()
            return {"success": True}
        answered: dict[str, Any] = module.FUNCTIONS[message["function"]].answer(message["input"])
        return answered
    except Exception:
        return {"success": False, "error": traceback.format_exc()}


@cache
def load() -> None:
    """Load the compiler and Numba, which `jit` leaves to the first calls; what imports JAX loads XLA.

    The collector need not visit again what is loaded by then, as after any program's imports: Numba has
    384,000 objects, for which the first call of a mixture in 64 dimensions takes 0.1 s longer.
    """
    from autograd import jit

    square = jit(lambda x: x * x)
    square(1.0)
    square.wait()
    gc.freeze()


if __name__ == "__main__":
    main()
