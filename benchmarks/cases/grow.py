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

    def best_time(size: int) -> float:
        times = []
        for _ in range(max(1, min(5, 10**6 // size))):
            start = time.perf_counter()
            x, y = build(size)
            y.backward()
            del x, y
            times.append(time.perf_counter() - start)
        return min(times)

    def step() -> Result:
        figures = {}
        start = time.perf_counter()
        for size in SIZES:
            figures[f"ns a node at {size:.0e}"] = best_time(size) / size * 1e9
        seconds = time.perf_counter() - start
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
