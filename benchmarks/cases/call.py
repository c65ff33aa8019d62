"""The call of a compiled function of three numbers that does almost nothing."""

import timeit
from collections.abc import Callable
from typing import Any

from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

ARGUMENTS = (2.0, 3.0, 4.0)
CALLS = 10_000


def program(a: Any, b: Any, c: Any) -> Any:
    """Return two operations on three numbers."""
    return a * b + c


def timed(function: Callable[..., Any], *arguments: Any) -> Work:
    """Return a function that calls another one many times and returns the time of a call."""
    function(*arguments)

    def work() -> Result:
        seconds = timeit.timeit(lambda: function(*arguments), number=CALLS) / CALLS
        return Result([float(function(*arguments))], seconds=seconds)

    return work


def chainrule() -> Work:
    """Prepare chainrule."""
    from autograd import jit

    compiled = jit(program)
    compiled(*ARGUMENTS)
    compiled.wait()
    return timed(compiled, *ARGUMENTS)


def torch() -> Work:
    """Prepare PyTorch, whose numbers are tensors."""
    import torch

    torch.set_num_threads(1)
    return timed(program, *(torch.tensor(number, dtype=torch.float64) for number in ARGUMENTS))


def jax() -> Work:
    """Prepare JAX; a call ends when its result is ready."""
    import jax

    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(program)
    return timed(lambda *numbers: jax.block_until_ready(compiled(*numbers)), *ARGUMENTS)


PEERS = {"chainrule": chainrule, "torch": torch, "jax": jax}
ROUNDS = 9
