"""First calls of compiled functions, each in a new process, as a user's script makes them.

``python -m benchmarks.cases.first_calls POINTS gradient`` prints one as JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks import moons
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result


def main(half: int, gradient: bool) -> None:
    """Print the time, the answer and the peak of memory of a first call on so many points of either class."""
    import resource

    from autograd import jit, value_and_grad

    function = value_and_grad(moons.loss_of_layers) if gradient else moons.loss_of_layers
    arguments = moons.parameters(), *moons.points(half)
    start = time.perf_counter()
    result = jit(function, backend="numpy")(*arguments)
    seconds = time.perf_counter() - start
    answer = [result[0], *moons.flat(result[1])] if gradient else [result]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "answer": answer, "peak": peak}))


def in_a_process(half: int, gradient: bool, cache: str) -> dict[str, Any]:
    """Return what `main` prints in a new process with this directory for compiled programs."""
    command = [sys.executable, "-m", "benchmarks.cases.first_calls", str(half), "gradient" * gradient]
    environment = os.environ | {"CHAINRULE_CACHE": cache}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(process.stdout)
    return result


def of_points(half: int, gradient: bool) -> Callable[[], Work]:
    """Return the preparation of the measurement: with an empty cache, and once more with what that left."""

    def step() -> Result:
        with tempfile.TemporaryDirectory() as cache:
            first, second = (in_a_process(half, gradient, cache) for _ in range(2))
        figures = {"s in a second process": second["seconds"], "peak GiB": first["peak"]}
        return Result(first["answer"], figures=figures, seconds=first["seconds"])

    return lambda: step


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "gradient")
