"""The step of `moons_jit` in C: what `to_c` writes of the scalar loops, beside C that is tuned by hand.

Both are compiled by one compiler with the same options, and called in the same way; `ieee` is without
``-ffast-math``, so that no sum is reordered but as the file says.
"""

import ctypes
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import moons
from benchmarks.cases.moons_eager import Work
from benchmarks.cases.moons_jit import c, library_of, timed

# A line of the cache.
LINE = 8


def written(*options: str) -> Work:
    """Prepare the function that `to_c` writes, compiled with further options."""
    from autograd import jit, value_and_grad

    x, y = moons.points()
    layers = moons.parameters()
    step = jit(value_and_grad(moons.loss_of_layers), "numpy")
    step(layers, x, y)
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "step.c"
        step.to_c(source, name="step")
        header = source.with_suffix(".h").read_text()
        function = library_of(source, *options).step
    parameters = [array for layer in layers for array in layer]
    value, gradients = np.empty(()), [np.empty_like(array) for array in parameters]
    work = aligned(int(header.partition("#define STEP_WORK (")[2].partition(")")[0]))
    arrays = [*parameters, x, y, value, *gradients, work]
    # A pointer keeps its array alive.
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]

    def answer(_: Any) -> list[float]:
        return [float(value), *moons.flat(list(zip(gradients[::2], gradients[1::2], strict=True)))]

    return timed(lambda: function(*pointers), answer)


def aligned(size: int) -> Any:
    """Return an array of so many numbers that begins with a line of the cache."""
    array = np.empty(size + LINE)
    start = -array.ctypes.data // array.itemsize % LINE
    return array[start : start + size]


def chainrule() -> Work:
    """Prepare chainrule's C."""
    return written()


def chainrule_ieee() -> Work:
    """Prepare chainrule's C, compiled as IEEE 754 says."""
    return written("-fno-fast-math")


PEERS = {"chainrule": chainrule, "chainrule-ieee": chainrule_ieee, "c": c}
ROUNDS = 9
