"""Graphs of extreme shapes, of about a million nodes."""

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

SIZE = 1_000_000


def chain(x: Any) -> Any:
    """Return the end of a chain of operations, each on the result of the one before."""
    y = x
    for _ in range(SIZE // 2):
        y = y * 0.999999 + 1e-6
    return y


def diamond(x: Any) -> Any:
    """Return x doubled 1,000 times: 2**1000 paths lead back to it."""
    y = x
    for _ in range(1000):
        y = y + y
    return y


def scalar_engine(program: Callable[[Any], Any], engine: str) -> Callable[[], Work]:
    """Return the preparation of an engine whose nodes are scalars, the ``Value`` of a module."""

    def prepare() -> Work:
        value = importlib.import_module(engine).Value

        def step() -> Result:
            x = value(1.0)
            y = program(x)
            y.backward()
            return Result([float(y.data), float(x.grad)])

        return step

    return prepare


def torch_engine(program: Callable[[Any], Any]) -> Callable[[], Work]:
    """Return the preparation of PyTorch."""

    def prepare() -> Work:
        import torch

        torch.set_num_threads(1)

        def step() -> Result:
            x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
            y = program(x)
            y.backward()
            assert x.grad is not None
            return Result([y.item(), x.grad.item()])

        return step

    return prepare


def xad_engine(program: Callable[[Any], Any]) -> Callable[[], Work]:
    """Return the preparation of XAD."""

    def prepare() -> Work:
        from xad.adj_1st import Real, Tape

        def step() -> Result:
            with Tape() as tape:
                x = Real(1.0)
                tape.registerInput(x)
                tape.newRecording()
                y = program(x)
                tape.registerOutput(y)
                y.setDerivative(1.0)
                tape.computeAdjoints()
                return Result([y.getValue(), x.getDerivative()])

        return step

    return prepare


def all_engines(program: Callable[[Any], Any]) -> dict[str, Callable[[], Work]]:
    """Return the preparations of all engines for a program of one scalar."""
    return {
        "chainrule": scalar_engine(program, "autograd"),
        "micrograd": scalar_engine(program, "micrograd.engine"),
        "xad": xad_engine(program),
        "torch": torch_engine(program),
    }
