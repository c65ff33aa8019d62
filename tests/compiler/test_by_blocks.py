"""NumPy programs over many samples, which go through them in blocks."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparing import same
from test_jit_backends import run_program
from test_open_lengths import PROGRAMS, W, batch

from autograd import jit, vmap
from autograd.compiler import Jitted, findings
from autograd.compiler.numpy import by_blocks, source

WHOLE = {
    *("centred", "gradient of centred"),  # Each sample needs a sum over all of them.
    *("pairs", "gradient of pairs", "pairs of results", "gradient of pairs of results", "attention"),
    *("each", "gradient of each", "gradient of each by itself", "hessian of each", "several numbers"),
    "the other axis",  # By elements.
}
"""Programs that compute with whole arrays."""


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[int]]:
    """Make programs go through samples by three, and count how often they did."""
    of_calls: list[int] = []

    def counted(of_block: Any, arrays: Any, dimensions: Any, size: int) -> Any:
        of_calls.append(size)
        return by_blocks.by_blocks(of_block, arrays, dimensions, size)

    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    monkeypatch.setattr(by_blocks, "MOST", 3)
    monkeypatch.setattr(source, "by_blocks", counted)
    findings.forget()
    yield of_calls
    findings.forget()


@pytest.mark.parametrize("name", PROGRAMS)
def test_blocks_make_no_difference(name: str, blocks: list[int]) -> None:
    """By blocks, also where the last one is shorter, programs give eager results."""
    f = PROGRAMS[name]
    compiled = Jitted(f, "numpy")
    for n in (13, 12, 5, 1):
        args = W, *batch(n)
        same(compiled(*args), f(*args))
    assert bool(blocks) == (name not in WHOLE)


def test_any_dimension(blocks: list[int]) -> None:
    """Samples may stand along any dimension, and matrices be added up."""

    def function(x: Any, y: Any) -> Any:
        return vmap(lambda x, y: x[:, None] * x[None, :] * y, in_axes=(1, 0))(x, y).sum(axis=0)

    compiled = Jitted(function, "numpy")
    for n in (2, 13, 40):
        x, y = np.random.default_rng(n).normal(size=(3, n)), np.arange(n) + 1.0
        same(compiled(x, y), function(x, y))
    assert len(blocks) == 2


def test_the_text_has_whole_arrays() -> None:
    """What people read says nothing of blocks."""
    f = jit(lambda x: vmap(lambda x: x * x)(x).sum(), backend="numpy")
    f(np.ones(9))
    assert "block" not in f.source


PROGRAM = """
import resource
import numpy as np
from autograd import exp, jit, vmap

f = jit(lambda w, x: vmap(lambda x: exp(-(x - w) @ (x - w)))(x).sum(), backend="numpy")
w, x = np.ones(10), np.ones((1_000_000, 10))
f(w, x[:1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
f(w, x)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(platform.system() != "Linux", reason="elsewhere the unit is another")
def test_memory_does_not_grow_with_samples(tmp_path: Path) -> None:
    """A first run over 10^6 samples, whose arrays would have 80 MB each, takes less than ten of them."""
    assert int(run_program(tmp_path, PROGRAM)[0]) < 10_000
