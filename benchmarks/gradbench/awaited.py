"""``python awaited.py SCRIPT``: run GradBench's tool for JAX so that it waits for its results.

JAX's functions return before they have computed. As the tool stands, it times 33 runs of k-means with 1,000
centroids within a second, and leaves 30 seconds of them to be done afterwards.
"""

import runpy
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the command."""
    wrap: Any = import_module("gradbench.wrap")
    wait = import_module("jax").block_until_ready
    repeated = wrap.multiple_runs

    def awaited_runs(**options: Any) -> Callable[[Callable[[Any], Any]], Any]:
        decorate = repeated(**options)
        return lambda function: decorate(lambda given: wait(function(given)))

    wrap.multiple_runs = awaited_runs
    script = sys.argv[1]
    # What the script imports is beside it, and has the names of files beside this one.
    sys.path[0] = str(Path(script).parent)
    del sys.argv[0]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
