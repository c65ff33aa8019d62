from __future__ import annotations

import gc
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import Expression, call_public, expressions
from test_jit import ARRAYS, by_hand, evaluated, parameters, same

import autograd
from autograd import OPS, Op, Value, grad, hessian, hvp, jit, value_and_grad
from autograd.jit import Jitted, compiled, numba_backend
from autograd.jit.layout import Plan
from autograd.jit.numba_source import Results, loops_source
from autograd.jit.program import Run
from autograd.jit.tape import Tape
from autograd.ops import COMPARISONS
from autograd.rules import NUMPY

numba = pytest.importorskip("numba")

_IN_MATH = {name.replace("arc", "a"): meaning for name, meaning in NUMPY.items()}


def interpreted(tape: Tape, plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
    """Return what the loops for Numba compute when Python runs them: slow, but there at once."""
    loops = loops_source(tape, plan, shapes, results)
    namespace: dict[str, Any] = {
        "np": np,
        "math": SimpleNamespace(**_IN_MATH),
        "inf": math.inf,
        "nan": math.nan,
        "add": lambda total, x: total + x,
        "add_product": lambda total, x, y: total + x * y,
        "numbers": loops.numbers,
        "places": loops.places,
    }
    exec(loops.text, namespace)
    exec(numba_backend.caller(len(shapes), results), namespace)
    return np.errstate(all="ignore")(namespace["run"])


@pytest.fixture(autouse=True)
def _loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a third backend: the loops, run by Python."""
    monkeypatch.setitem(compiled.BACKENDS, "loops", interpreted)


def on(backend: str, f: Callable[..., Any], *args: Any) -> Jitted:
    """Return a compiled function that runs on a backend by now."""
    function = Jitted(f, backend)
    function(*args)
    function.wait()
    assert function.report().backend == backend, function.report()
    return function
