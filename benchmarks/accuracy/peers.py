"""Values and derivatives of a subject at many points: by chainrule in each form, and by the peers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from autograd import as_values, grad, grads, jit, sum, value_and_grad, vmap

from .subjects import Subject
from .ulps import Floats

Measured = Callable[[Subject, Floats], Floats | None]


def eager(subject: Subject, points: Floats) -> Floats:
    """Return values and derivatives by nodes, a column each.

    Examples
    --------
    >>> from .subjects import subjects
    >>> eager(subjects()["mul"], np.array([[2.0, 3.0]]))
    array([[6., 3., 2.]])
    """
    found = np.empty((len(points), points.shape[1] + 1))
    with np.errstate(all="ignore"):
        for row, point in zip(found, points, strict=True):
            leaves = as_values(point)
            out = subject.ours(leaves)
            out.backward()
            row[0], row[1:] = out.data, grads(leaves)
    return found


def compiled(backend: str, subject: Subject, points: Floats) -> Floats:
    """Return values and derivatives by one program of a backend."""
    program = jit(vmap(value_and_grad(subject.ours)), backend=backend)
    program(points)
    program.wait()
    values, slopes = program(points)
    return np.column_stack([np.asarray(values), np.asarray(slopes)])


def second(subject: Subject, points: Floats) -> Floats:
    """Return the second derivatives of a function of one number, by nodes."""

    def slopes(x: Any) -> Any:
        return grad(lambda x: sum([subject.ours([one]) for one in x]))(x)

    with np.errstate(all="ignore"):
        return np.asarray(grad(lambda x: sum(list(slopes(x))))(points[:, 0]))


def by_numpy(subject: Subject, points: Floats) -> Floats | None:
    """Return the values of NumPy's ufunc, if there is one."""
    if subject.op is None or subject.op.ufunc is None:
        return None
    with np.errstate(all="ignore"):
        return np.asarray(subject.op.ufunc(*points.T))[:, None]


def by_torch(subject: Subject, points: Floats) -> Floats | None:
    """Return values and derivatives by PyTorch."""
    if subject.torch is None or find_spec("torch") is None:
        return None
    import torch

    columns = [torch.tensor(column, requires_grad=True) for column in points.T.copy()]
    out = subject.torch(torch, *columns)
    if out.requires_grad:
        slopes = torch.autograd.grad(out.sum(), columns, materialize_grads=True, allow_unused=True)
    else:
        slopes = tuple(map(torch.zeros_like, columns))
    return np.column_stack([tensor.detach().numpy() for tensor in (out, *slopes)])


def by_jax(subject: Subject, points: Floats) -> Floats | None:
    """Return values and derivatives by JAX, compiled."""
    if subject.jax is None or find_spec("jax") is None:
        return None
    import jax

    size = points.shape[1]
    with jax.enable_x64(True):
        function = jax.value_and_grad(partial(subject.jax, jax), argnums=tuple(range(size)))
        values, slopes = jax.jit(jax.vmap(function))(*points.T)
        return np.column_stack([np.asarray(values), *map(np.asarray, slopes)])
