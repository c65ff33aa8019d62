"""A third backend for tests: the loops generated for Numba, run by Python."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autograd.compiler import Jitted
from autograd.compiler import compile as compiled
from autograd.compiler.arrays.plan import Plan, Results
from autograd.compiler.numba.entry import MachineProgram
from autograd.compiler.numba.source import loops_source
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.runtime.program import Run
from autograd.ops.meanings import NUMPY

# For scalars np.power computes the exponent 0.5 as a square root, which gives -0.0 another sign.
_IN_MATH = {name.replace("arc", "a"): meaning for name, meaning in NUMPY.items()} | {"pow": np.float_power}


DIVISIONS: list[ZeroDivisionError] = []
"""The divisions by 0 of numbers of Python, which raise, unlike those of machine code."""


def interpreted(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
    """Return the loops for Numba, run by Python: slow, but without compiling."""
    loops = loops_source(plan, shapes, results)
    namespace: dict[str, Any] = {
        "np": np,
        "math": SimpleNamespace(**_IN_MATH),
        "inf": math.inf,
        "nan": math.nan,
        "add": lambda total, x: total + x,
        "add_product": lambda total, x, y: total + x * y,
        "floats": lambda words, at, shape: _array(float, _word(words, at), shape),
        "integers": lambda words, at, shape: _array(int, _word(words, at), shape),
        "floats_among": lambda words, at, shape: _array(float, words + 8 * at, shape),
        "length": lambda words, at: _word(words, at),
        "load": _load,
        "store": _store,
        "clear": _clear,
        "is_interrupted": lambda: False,
        "transpose": _transpose,
    }
    exec(loops.text, namespace)

    def program(found: Any, raised: int, words: int) -> int:
        try:
            with np.errstate(all="ignore"):
                found[0] = namespace["program"](words)
        except ZeroDivisionError as error:
            # A callback cannot raise: the call ends as one that finds no memory.
            DIVISIONS.append(error)
            return 1
        return 0

    kept = _KIND(program)
    address = ctypes.cast(kept, ctypes.c_void_p).value
    assert address is not None
    return MachineProgram(address, kept, plan, shapes, results, loops)


# As Numba calls its functions.
_KIND = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(ctypes.c_int64), ctypes.c_void_p, ctypes.c_int64)


def _word(words: int, at: int) -> int:
    return ctypes.c_int64.from_address(words + 8 * at).value


def _array(kind: type, address: int, shape: tuple[int, ...]) -> Any:
    """Return the array whose numbers begin at an address."""
    size = math.prod(shape)
    memory = (ctypes.c_char * (8 * size)).from_address(address)
    return np.frombuffer(memoryview(memory), kind).reshape(shape) if size else np.empty(shape)


def _load(memory: Any, start: int, array: Any) -> None:
    memory[start : start + array.size] = array.ravel()


def _store(array: Any, start: int, size: int, memory: Any, place: int) -> None:
    array.reshape(-1)[start : start + size] = memory[place : place + size]


def _clear(array: Any, start: int, size: int) -> None:
    array[start : start + size] = 0.0


def _transpose(target: Any, at: int, step: int, source: Any, start: int, stride: int) -> None:
    for i in range(8):
        target[at + i : at + i + 8 * step : step] = source[start + stride * i : start + stride * i + 8]


@pytest.fixture(autouse=True)
def loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the third backend: the loops, run by Python."""
    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(interpreted, with_numpy))


def on(backend: str, f: Callable[..., Any], *args: Any) -> Jitted:
    """Return a compiled function that already runs on a backend."""
    function = Jitted(f, backend)
    function(*args)
    function.wait()
    report = function.report()
    # Samples that take steps as long as a condition holds for any of them run on NumPy alone.
    assert report.backend == backend or "until a condition fails" in report.remark, report
    return function
