"""Time and memory per node from 1,000 to 10,000,000 nodes: both should stay flat."""

import time
import tracemalloc

from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

SIZES = (10**3, 10**4, 10**5, 10**6, 10**7)


def chainrule() -> Work:
    """Prepare chainrule."""
    import resource

    from autograd import Value

    def build(size: int) -> tuple[Value, Value]:
        x = y = Value(1.0)
        for _ in range(size // 2):
            y = y * 0.999999 + 1e-6
        return x, y

    def times(size: int) -> tuple[float, float]:
        """Return the shortest times to build, sweep and drop a graph, and of that to drop it."""
        whole, dropping = [], []
        for _ in range(max(3, min(30, 10**6 // size))):
            start = time.perf_counter()
            x, y = build(size)
            y.backward()
            built = time.perf_counter()
            del x, y
            end = time.perf_counter()
            whole.append(end - start)
            dropping.append(end - built)
        return min(whole), min(dropping)

    def step() -> Result:
        figures = {}
        start = time.perf_counter()
        for size in SIZES:
            whole, dropping = times(size)
            figures[f"ns a node at {size:.0e}"] = whole / size * 1e9
        figures[f"ns a node to drop at {size:.0e}"] = dropping / size * 1e9
        seconds = time.perf_counter() - start
        few, many = f"{SIZES[1]:.0e}", f"{SIZES[-1]:.0e}"
        figures[f"{many} relative to {few}"] = (
            figures[f"ns a node at {many}"] / figures[f"ns a node at {few}"]
        )
        for size in SIZES[:4]:
            tracemalloc.start()
            x, y = build(size)
            y.backward()
            figures[f"bytes a node at {size:.0e}"] = tracemalloc.get_traced_memory()[0] / size
            tracemalloc.stop()
        figures["peak GiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        return Result([x.grad], nodes=sum(SIZES), figures=figures, seconds=seconds)

    return step


PEERS = {"chainrule": chainrule}
ROUNDS = 1
