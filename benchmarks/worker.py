"""One peer in a process of its own: it prepares a case, and runs it once for each line that it reads.

``worker.py CASE PEER [FORM]``; a peer of ours fails if it would run in another form than the given one.
"""

import importlib.util
import json
import os
import sys
import time
from pathlib import Path


def main(case: str, peer: str, *form: str) -> None:
    """Answer each line on standard input with the result of one run, as JSON."""
    if peer == "jax":
        _stay_on_one_processor()
    if form:
        importlib.import_module("benchmarks.forms").check(*form)
    work = importlib.import_module(f"benchmarks.cases.{case}").PEERS[peer]()
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - start
        answer = result.as_dict()
        answer["seconds"] = answer["seconds"] or seconds
        print(json.dumps(answer), flush=True)


def _stay_on_one_processor() -> None:
    """Keep JAX from a second thread: XLA's flag does not, and 10^6 samples took 30 ms of two in 16."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if __name__ == "__main__":
    # HIPS autograd has chainrule's import name, so of this checkout it may see the benchmarks alone.
    if sys.argv[2] == "hips":
        root = str(Path(__file__).parent.parent)
        sys.path = [path for path in sys.path if path != root]
        spec = importlib.util.spec_from_file_location(
            "benchmarks",
            Path(__file__).parent / "__init__.py",
            submodule_search_locations=[str(Path(__file__).parent)],
        )
        assert spec is not None
        sys.modules["benchmarks"] = importlib.util.module_from_spec(spec)
    main(*sys.argv[1:])
