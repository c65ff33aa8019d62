"""The memory of a program's arrays from one call to the next."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from test_jit_backends import run_program

PROGRAM = """
import resource
import numpy as np
from autograd import exp, jit, vmap

f = jit(lambda w, x: vmap(lambda x: exp(-(x - w) @ (x - w)))(x).sum(), backend="numpy")
w, x = np.ones(10), np.ones((30_000, 10))
f(w, x)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    f(w, x)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this is how the GNU C library works")
def test_arrays_take_the_memory_of_those_before(tmp_path: Path) -> None:
    """A call asks the system for no pages: 20 calls would ask for those of 20 arrays of 2.4 MB at least."""
    assert int(run_program(tmp_path, PROGRAM)[0]) < 20 * 2_400_000 / 4096 / 4
