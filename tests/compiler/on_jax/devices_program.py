"""What `test_jax_devices.py` runs in a process of its own: programs on 1, 2 and 8 devices.

It prints a JSON object with the findings for each program, number of devices, and kind of mesh.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from autograd import data, jit, make_functional, relu, sigmoid, softplus, tanh, value_and_grad, vmap
from nn import MLP
from nn.losses import mse

SAMPLES = 64
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(SAMPLES, 3)), RANDOM.normal(size=SAMPLES)


def network_of_one(w: Any, b: Any, v: Any, x: Any, y: Any) -> Any:
    """Return what a network misses the target of a sample by, squared."""
    return (v @ tanh(w @ x + b) - y) ** 2


def network(w: Any, b: Any, v: Any, x: Any, y: Any) -> Any:
    """Return the loss of a batch, by `vmap`."""
    return vmap(network_of_one, (None, None, None, 0, 0))(w, b, v, x, y).sum()


def logistic_of_one(w: Any, b: Any, x: Any, y: Any) -> Any:
    """Return the negative logarithm of the likelihood of a sample."""
    return softplus(-(w @ x + b) * y)


def logistic(w: Any, b: Any, x: Any, y: Any) -> Any:
    """Return that of a batch."""
    return vmap(logistic_of_one, (None, None, 0, 0))(w, b, x, y).sum()


def loop_of_one(w: Any, b: Any, x: Any, y: Any) -> Any:
    """Return the loss of a sample, number by number."""
    sums = [sum((wi * xi for wi, xi in zip(row, x, strict=True)), bi) for row, bi in zip(w, b, strict=True)]
    hidden = map(relu, sums)
    return (sigmoid(sum(hidden)) - y) ** 2


def loop(w: Any, b: Any, x: Any, y: Any) -> Any:
    """Return the loss of a batch, by loops in which the compiler finds the arrays."""
    total = 0.0
    for xi, yi in zip(x, y, strict=True):
        total = total + loop_of_one(w, b, xi, yi)
    return total


def score_of_one(w: Any, b: Any, x: Any, y: Any) -> Any:
    """Return the loss of a sample as what is better the larger it is."""
    return -loop_of_one(w, b, x, y)


def score(w: Any, b: Any, x: Any, y: Any) -> Any:
    """Return that of a batch, by a loop that subtracts."""
    total = 0.0
    for xi, yi in zip(x, y, strict=True):
        total = total - loop_of_one(w, b, xi, yi)
    return total


MODEL = MLP(3, [4, 1], rng=0)


def model_of_one(parameters: Any, x: Any, y: Any) -> Any:
    """Return the loss of a sample by a model of `nn`."""
    loss = make_functional(lambda x, y: mse(MODEL(x), y), MODEL.parameters())
    return loss(parameters, x[None], np.array([[y]]))


def model(parameters: Any, x: Any, y: Any) -> Any:
    """Return that of a batch."""
    loss = make_functional(lambda x, y: mse(MODEL(x), y), MODEL.parameters())
    return loss(parameters, x, y[:, None]) * float(SAMPLES)


NETWORK = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=4), RANDOM.normal(size=4)
LINE = RANDOM.normal(size=3), 0.25
PROGRAMS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
    "network": (network, network_of_one, NETWORK),
    "logistic regression": (logistic, logistic_of_one, LINE),
    "scalar loop": (loop, loop_of_one, NETWORK[:2]),
    "loop that subtracts": (score, score_of_one, NETWORK[:2]),
    "model of nn": (model, model_of_one, (np.asarray(data(MODEL.parameters())),)),
}


def meshes() -> Iterator[Any]:
    """Yield the meshes."""
    for count in (1, 2, 8):
        for kind in (AxisType.Auto, AxisType.Explicit)[: 1 + (count == 8)]:
            yield jax.make_mesh((count,), ("batch",), devices=jax.devices()[:count], axis_types=(kind,))


def findings(name: str) -> Iterator[dict[str, Any]]:
    """Yield what is found of a program on each mesh."""
    f, of_one, parameters = PROGRAMS[name]
    which = tuple(range(len(parameters)))
    of_samples = vmap(value_and_grad(of_one, which), (*[None] * len(which), 0, 0))
    expected = jax.tree.leaves(jit(value_and_grad(f, which), backend="numpy")(*parameters, X, Y))
    summands = jax.tree.leaves(jit(of_samples, backend="numpy")(*parameters, X, Y))
    bounds = [4.0 * np.spacing(np.abs(terms)).sum(axis=0) for terms in summands]
    compiled = jit(value_and_grad(f, which), backend="jax")
    for mesh in meshes():
        whole, rows = NamedSharding(mesh, P()), NamedSharding(mesh, P("batch"))
        given = [*jax.device_put(parameters, whole), *jax.device_put((X, Y), rows)]
        executable = jax.jit(compiled).lower(*given).compile()
        # Our own call compiles the same once more.
        results = compiled(*given) if mesh.size == 8 else executable(*given)
        found, text = jax.tree.leaves(results), str(executable.as_text())
        differences = [np.abs(np.asarray(mine) - other) for mine, other in zip(found, expected, strict=True)]
        shapes = re.findall(r"= (\S+|\(.*?\)) all-gather(?:-start)?\(", text)
        yield {
            "devices": mesh.size,
            "in ulp": max(float((4.0 * d / b).max()) for d, b in zip(differences, bounds, strict=True)),
            "all-reduces": len(re.findall(r" all-reduce(?:-start)?\(", text)),
            "gathered": [shape for shape in shapes if str(SAMPLES) in re.findall(r"\d+", shape)],
            "placed": sorted({len(part.sharding.device_set) for part in found}),
        }


def of_each_sample() -> dict[str, Any]:
    """Return how the results for each sample are spread, on both kinds of meshes."""
    f = jit(vmap(lambda w, x: tanh(w @ x), (None, 0)), backend="jax")
    found = {}
    for mesh in [*meshes()][-2:]:
        x = jax.device_put(X, NamedSharding(mesh, P("batch")))
        found[str(mesh.axis_types[0])] = [*map(str, f(LINE[0], x).sharding.spec)]
    return found


def without_a_flag() -> dict[str, Any]:
    """Return what a call in double precision gives on eight devices while JAX is set to single."""
    x, w = X.astype(np.float32), np.array([0.1, 0.2, 0.3])
    f = jit(vmap(lambda w, x: tanh(w @ x), (None, 0)), backend="jax")
    with jax.enable_x64(False):
        found = f(w, jax.device_put(x, NamedSharding([*meshes()][-2], P("batch"))))
    difference = np.abs(np.asarray(found) - np.tanh(x.astype(float) @ w)).max()
    return {
        "dtype": str(found.dtype),
        "difference": float(difference),
        "spec": [*map(str, found.sharding.spec)],
    }


def uneven() -> str:
    """Return what JAX says of a batch that the devices do not divide."""
    try:
        jax.device_put(X[:30], NamedSharding([*meshes()][-2], P("batch")))
    except ValueError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    programs = {name: [*findings(name)] for name in PROGRAMS}
    others = {"uneven": uneven(), "samples": of_each_sample(), "without a flag": without_a_flag()}
    print(json.dumps({"programs": programs, **others}))
