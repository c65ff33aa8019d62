from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweep_functions as functions

import nn
from autograd import jit, sweep
from autograd.compiler import findings, jitted_pickles
from autograd.studies.travelling import received, sent_with_programs


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    """Yield a process that knows nothing yet."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as started:
        yield started


ROOT = Path(__file__).parents[2]

FRESH = """
import pickle, sys
from autograd.studies.travelling import received
from sweep_functions import descended
data = sys.stdin.buffer.read()
print(*received(data)(0.1) if sys.argv[1:] else descended(0.1, pickle.loads(data)))
"""


def in_a_fresh_process(data: bytes, cache: Path, *how: str) -> str:
    """Return what a process prints that has an empty cache, and gets a function as bytes."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONPATH": path, "CHAINRULE_CACHE": str(cache)}
    command = [sys.executable, "-c", FRESH, *how]
    process = subprocess.run(command, input=data, capture_output=True, env=environment, check=True)
    return process.stdout.decode().strip()


@pytest.mark.parametrize("how", ["by name", "by value", "by a function", "in a closure"])
def test_programs_travel(tmp_path: Path, how: str) -> None:
    """A compiled function has its program in a fresh process, which traces nothing, with the same bits."""
    loss, _ = functions.descended(0.1)
    options: list[str] = []
    if how == "by name":
        data = pickle.dumps(functions.step)
    elif how == "by value":
        compiled = jit(functions.gradient_of_loss)
        functions.descended(0.1, compiled)
        data = pickle.dumps(compiled)
    elif how == "by a function":
        data, options = sent_with_programs(functions.descended), ["sent"]
    else:
        pytest.importorskip("cloudpickle")
        step, options = functions.step, ["sent"]
        data = sent_with_programs(lambda lr: functions.descended(lr, step))
    assert in_a_fresh_process(data, tmp_path, *options) == f"{loss!r} file"


def test_programs_of_names_in_a_module(pool: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function takes along the programs of what it calls, whatever else has the name of that."""
    monkeypatch.setattr("autograd.studies.travelling.find_spec", lambda name: None)
    slope, _ = functions.slope_elsewhere(2.0)
    assert list(sweep(functions.slope_elsewhere, [2.0], pool, progress=False)) == [(slope, "file")]


def test_programs_for_modules() -> None:
    """A function of a module is traced once where it is unpickled, and the passes are not run."""
    model = nn.Neuron(2, "tanh", rng=0)
    f = jit(functions.output, "numpy")
    expected = f(model, np.ones(2))
    data = pickle.dumps(f)
    findings.forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "read", lambda key: None)
        again = pickle.loads(data)
        assert again(model, np.ones(2)) == expected
    assert again.report().passes == "memory"


def test_a_function_that_a_module_holds() -> None:
    """A compiled function of a module is the same object after it was pickled, as a plain function is."""
    assert pickle.loads(pickle.dumps(functions.step)) is functions.step


def test_options_travel() -> None:
    """Static arguments and the backend are those of the function that was pickled."""
    f = jit(functions.power, "numpy", static_argnums=1)
    assert f(2.0, 3) == 8.0
    again = pickle.loads(pickle.dumps(f))
    assert again is not f
    assert again(3.0, 2) == 9.0
    assert again.report().backend == "numpy"


def test_programs_of_jax_travel() -> None:
    """A function that was compiled for JAX computes in the same dtype there, and runs no passes."""
    pytest.importorskip("jax")
    f = jit(functions.power, "jax", static_argnums=1, dtype="float32")
    expected = f(2.5, 3)
    again = pickle.loads(pickle.dumps(f))
    found = again(2.5, 3)
    assert (found.dtype, float(found)) == (expected.dtype, float(expected))
    assert again.report().passes == "memory"
    assert again.report().backend == "jax"


def test_programs_of_another_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another compiler has found is not used: the passes run, and the numbers are right."""
    f = jit(functions.power, "numpy", static_argnums=1)
    f(2.0, 5)
    data = pickle.dumps(f)
    findings.forget()
    monkeypatch.setattr(findings, "read", lambda key: None)
    monkeypatch.setattr(jitted_pickles, "compiler_digest", lambda: "another one")
    again = pickle.loads(data)
    assert again(2.0, 5) == 32.0
    assert again.report().passes == "run"


def test_a_function_is_received_once() -> None:
    """Tasks that come one after the other get the same function, with what it has compiled."""
    f = jit(functions.power, "numpy", static_argnums=1)
    data = sent_with_programs(partial(f, n=2))
    assert received(data) is received(data)


SCRIPT = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import numpy as np
from autograd import jit, sweep, value_and_grad

@jit
def square(x):
    return x * x

loss = jit(value_and_grad(lambda w, x: ((w * x) ** 2).sum()))

def f(x):
    return square(x) + loss(np.ones(3), np.full(3, x))[0], loss.report().passes

if __name__ == "__main__":
    f(1.0)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        print(*sweep(f, [1.0, 2.0], pool, progress=False))
"""


@pytest.mark.parametrize("has_cloudpickle", [True, False])
def test_functions_of_a_script(tmp_path: Path, has_cloudpickle: bool) -> None:
    """Functions of the main program, compiled ones too, are found in processes that are spawned."""
    if has_cloudpickle:
        pytest.importorskip("cloudpickle")
    text = SCRIPT
    if not has_cloudpickle:
        text = text.replace(
            "    f(1.0)\n",
            "    f(1.0)\n    from autograd.studies import travelling\n"
            "    travelling.find_spec = lambda name: None\n",
        )
    script = tmp_path / "study.py"
    script.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CHAINRULE_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, str(script)]
    process = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert process.stdout.strip() == "(4.0, 'file') (16.0, 'file')"


@pytest.mark.parametrize("backend", [None, "numba"])
def test_backends_do_not_change(backend: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within points a program stays on NumPy, or waits for the backend that was named."""
    pytest.importorskip("numba")
    # In use for long from the first call on.
    monkeypatch.setattr("autograd.compiler.runtime.patience.PATIENCE", 0.0)
    monkeypatch.setattr("autograd.compiler.runtime.patience.SHARE", 0.0)
    f: Any = jit(lambda x: (x * x + 1.0).sum(), backend)

    def point(scale: float) -> tuple[float, str]:
        return f(np.full(3, scale)), f.report().backend

    backends = {found for _, found in sweep(point, [1.0, 2.0, 3.0], progress=False)}
    assert backends == {backend or "numpy"}
    f(np.ones(3))
    f.wait()
    assert f.report().backend == "numba"
