"""Value and gradient of a program without any pattern: 100,000 operations in random order, for 256 samples.

It contains no arrays to find: what counts is how fast operations are interpreted, or compiled one by one.
"""

import random
import time
from typing import Any

from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

INPUTS = 100
OPERATIONS = 100_000
SAMPLES = 256

Operation = tuple[str, int, int]
"""A name, and the places of two operands among inputs and earlier results; a function takes one."""

PAIRS = ("add", "sub", "mul", "max")
NAMES = (*PAIRS, "tanh")
# The operations of the programs; 5,000 calls of tanh take a third as long as all the others.
WEIGHTS = (30, 30, 30, 5, 5)


def program(operations: int) -> list[Operation]:
    """Return operations on random earlier numbers; a factor of each product is an input, so none grows."""
    rng = random.Random(9)
    names = rng.choices(NAMES, WEIGHTS, k=operations)
    return [
        (name, rng.randrange(size), rng.randrange(INPUTS if name == "mul" else size))
        for size, name in enumerate(names, INPUTS)
    ]


def samples() -> Any:
    """Return inputs of shape (samples, inputs)."""
    import numpy as np

    return np.random.default_rng(10).uniform(-1.0, 1.0, (SAMPLES, INPUTS))


def unused(operations: list[Operation]) -> list[int]:
    """Return the indices of the numbers that no operation uses."""
    used = {place for name, a, b in operations for place in ((a, b) if name in PAIRS else (a,))}
    return [place for place in range(INPUTS, INPUTS + len(operations)) if place not in used]


def ends(operations: list[Operation], inputs: list[Any], library: Any, largest: Any) -> list[Any]:
    """Return the numbers that no operation uses, computed with a library's functions."""
    numbers = list(inputs)
    for name, a, b in operations:
        if name == "add":
            numbers.append(numbers[a] + numbers[b])
        elif name == "sub":
            numbers.append(numbers[a] - numbers[b])
        elif name == "mul":
            numbers.append(numbers[a] * numbers[b])
        elif name == "max":
            numbers.append(largest(numbers[a], numbers[b]))
        else:
            numbers.append(library.tanh(numbers[a]))
    return [numbers[place] for place in unused(operations)]


def measured(seconds: float, answer: list[float]) -> Result:
    """Return a result with the time per operation, without counting those of the gradient."""
    figures = {"ns an operation and sample": seconds / OPERATIONS / SAMPLES * 1e9}
    return Result(answer, nodes=OPERATIONS, figures=figures, seconds=seconds)


def chainrule() -> Work:
    """Prepare chainrule, compiled by a first call."""
    import autograd

    operations, x = program(OPERATIONS), samples()
    compiled = autograd.jit(
        autograd.vmap(
            autograd.value_and_grad(lambda x: autograd.sum(ends(operations, list(x), autograd, autograd.max)))
        )
    )
    compiled(x)
    compiled.wait()

    def step() -> Result:
        start = time.perf_counter()
        values, gradients = compiled(x)
        seconds = time.perf_counter() - start
        return measured(seconds, [*values.tolist(), *gradients.ravel().tolist()])

    return step


def casadi() -> Work:
    """Prepare CasADi: one sample as SX, mapped over the samples."""
    import casadi
    import numpy as np

    x = casadi.SX.sym("x", INPUTS)
    inputs = [x[i] for i in range(INPUTS)]
    value = casadi.sum1(casadi.vertcat(*ends(program(OPERATIONS), inputs, casadi, casadi.fmax)))
    outputs = casadi.vertcat(value, casadi.gradient(value, x))
    mapped = casadi.Function("f", [x], [outputs]).map(SAMPLES)
    columns = casadi.DM(samples().T)

    def step() -> Result:
        start = time.perf_counter()
        result = mapped(columns)
        seconds = time.perf_counter() - start
        values, *gradients = np.asarray(result)
        return measured(seconds, [*values.tolist(), *np.transpose(gradients).ravel().tolist()])

    return step


PEERS = {"chainrule": chainrule, "casadi": casadi}
ROUNDS = 5
