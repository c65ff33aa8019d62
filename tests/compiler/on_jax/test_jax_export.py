"""Programs as StableHLO, which a process runs that has JAX alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import jit, tanh, value_and_grad, vmap
from nn import MLP

jax = pytest.importorskip("jax")

READER = """
import json, sys
import jax, numpy as np
if "autograd" in sys.modules or "nn" in sys.modules:
    raise SystemExit("there is chainrule")
folder = sys.argv[1]
found = {}
for name, is_double in [("double", True), ("single", False)]:
    jax.config.update("jax_enable_x64", is_double)
    program = jax.export.deserialize(open(f"{folder}/{name}.bin", "rb").read())
    for size in (2, 5):
        given = np.load(f"{folder}/{size}.npz")
        dtype = np.float64 if is_double else np.float32
        arrays = {key: given[key].astype(dtype) for key in given}
        results = program.call({"w": arrays["w"], "b": arrays["b"]}, arrays["x"], y=arrays["y"])
        found[f"{name} {size}"] = jax.tree.map(lambda each: np.asarray(each, float).tolist(), results)
print(json.dumps(found))
"""


def loss(p: dict[str, Any], x: Any, y: Any) -> Any:
    """Return the mean squared error of a small model over a batch."""
    return vmap(lambda x, y: (tanh(p["w"] @ x + p["b"]) - y) ** 2)(x, y).mean()


def arguments(size: int) -> Any:
    """Return a batch of some size, and parameters."""
    random = np.random.default_rng(size)
    return {"w": random.normal(size=3), "b": 0.5}, random.normal(size=(size, 3)), random.normal(size=size)


def test_processes_without_chainrule(tmp_path: Path) -> None:
    """What is saved runs in a process that has JAX alone, on batches of two sizes, in both precisions."""
    for name, dtype in [("double", "float64"), ("single", "float32")]:
        f = jit(value_and_grad(loss), backend="jax", dtype=dtype)
        p, x, y = arguments(10)
        f(p, x, y=y)
        f.to_stablehlo().save(tmp_path / f"{name}.bin")
    for size in (2, 5):
        p, x, y = arguments(size)
        np.savez(tmp_path / f"{size}.npz", w=p["w"], b=p["b"], x=x, y=y)
    words = [sys.executable, "-I", "-c", READER, str(tmp_path)]
    process = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    for size in (2, 5):
        p, x, y = arguments(size)
        value, slopes = jit(value_and_grad(loss), backend="numpy")(p, x, y=y)
        for name, tolerance in [("double", 1e-13), ("single", 1e-5)]:
            mine, own = found[f"{name} {size}"]
            np.testing.assert_allclose(mine, value, rtol=tolerance)
            np.testing.assert_allclose(own["w"], slopes["w"], rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(own["b"], slopes["b"], rtol=tolerance, atol=tolerance)


def test_text_and_bytes() -> None:
    """The text is that of a module whose batch is of any size, for the platforms that were asked for."""
    f = jit(vmap(lambda x, y: x * y), backend="jax", dtype="float32")
    f(np.ones(4), np.ones(4))
    exported = f.to_stablehlo(platforms=("cpu", "cuda"))
    assert repr(exported) == "<StableHLO of <lambda>(float32[batch], float32[batch]) for cpu, cuda>"
    assert "tensor<?xf32>" in str(exported)
    again = jax.export.deserialize(bytearray(bytes(exported)))
    assert again.platforms == ("cpu", "cuda")
    np.testing.assert_array_equal(again.call(*[np.arange(3, dtype=np.float32)] * 2), [0.0, 1.0, 4.0])


def test_lengths_that_are_not_open() -> None:
    """Shapes that a program is for are those of the exported one, and several open lengths have names."""
    f = jit(lambda x: x[0] * x[1:], backend="jax")
    f(np.ones(4))
    assert repr(f.to_stablehlo()) == "<StableHLO of <lambda>(float64[4]) for cpu>"
    g = jit(lambda x, y: [vmap(tanh)(x), vmap(tanh)(y)], backend="jax")
    g(np.ones(4), np.ones(5))
    assert repr(g.to_stablehlo()) == "<StableHLO of <lambda>(float64[n1], float64[n2]) for cpu>"


def test_models_are_arrays() -> None:
    """The parameters of a model, and their gradients, are one array each."""
    model = MLP(3, [4, 1], rng=0)
    f = jit(value_and_grad(lambda model, x: (model(x) ** 2).sum()), backend="jax")
    x = np.ones((6, 3))
    value, slopes = f(model, x)
    exported = f.to_stablehlo().exported
    with jax.enable_x64(True):
        found = exported.call(np.array([p.data for p in model.parameters()]), x[:6])
    np.testing.assert_allclose(found[0], value, rtol=1e-14)
    np.testing.assert_allclose(found[1], [*slopes.values()], rtol=1e-14)


def test_other_backends_have_none() -> None:
    """A function of another backend, and one without a program, raise an error that says what to do."""
    f = jit(loss, backend="numpy")
    with pytest.raises(NotImplementedError, match=r"compiled for numpy: take jit\(f, backend='jax'\)"):
        f.to_stablehlo()
    with pytest.raises(RuntimeError, match="loss has no program yet: call it once"):
        jit(loss, backend="jax").to_stablehlo()
