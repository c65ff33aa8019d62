"""Clipping: gradients that are too large are cut off, or all of them made shorter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Value, has_gradient

from ..assignment import GRADIENT, assign_all
from ..modules.module import Module

# Added to the norm by PyTorch, without which gradients of 0 would give 0/0.
_SMALL = 1e-6


def clipped(gradients: Any, *, norm: float | None = None, value: float | None = None) -> Any:
    """Return gradients that are clipped, each by its value, then all by their norm.

    In this order both limits hold: making the gradients shorter makes none of them larger.

    Parameters
    ----------
    gradients : ndarray, shape (parameters,)
        The gradients of all parameters.
    norm : float or None
        The largest norm √Σ g²: longer gradients are scaled to it [1]_.
    value : float or None
        The largest absolute value of each.

    Returns
    -------
    ndarray, shape (parameters,)
        The gradients, clipped.

    Raises
    ------
    ValueError
        For a limit that is not positive.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks",
       ICML 2013, algorithm 1.

    Examples
    --------
    >>> clipped(np.array([3.0, -4.0]), norm=1.0).round(3).tolist()
    [0.6, -0.8]
    >>> clipped(np.array([3.0, -4.0]), value=3.5).tolist()
    [3.0, -3.5]
    """
    if value is not None:
        limit = _limit("value", value)
        gradients = np.clip(gradients, -limit, limit)
    if norm is not None:
        gradients = gradients * _scale(_limit("norm", norm), np.linalg.norm(gradients))
    return gradients


def clip_grad_norm_(
    parameters: Module | Value | Iterable[Value],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scale the gradients of parameters, so that their norm is at most `max_norm`, as in PyTorch.

    Parameters
    ----------
    parameters : Module, Value or iterable of Value
        A model, or the parameters. Those without a gradient are left out.
    max_norm : float
        The largest norm.
    norm_type : float
        p of the norm (Σ |g|ᵖ)^(1/p); ``inf`` takes the largest absolute value.
    error_if_nonfinite : bool
        Whether to raise if the norm is nan or infinite; otherwise gradients become nan or 0.

    Returns
    -------
    float
        The norm before.

    Raises
    ------
    ValueError
        For a limit that is not positive.
    RuntimeError
        For a norm that is not finite, if that is asked for. No gradient is changed then.

    Examples
    --------
    >>> w = Value(1.0)
    >>> (3.0 * w).backward()
    >>> clip_grad_norm_([w], max_norm=1.0)
    3.0
    >>> f"{w.grad:.4f}"
    '1.0000'
    """
    chosen = _with_gradients(parameters)
    limit = _limit("max_norm", max_norm)
    gradients = np.array([parameter.grad for parameter in chosen], dtype=float)
    total = float(np.linalg.norm(gradients, norm_type)) if chosen else 0.0
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(f"the norm of the gradients is {total}, so they cannot be clipped by it")
    assign_all((chosen, GRADIENT, (gradients * _scale(limit, total)).tolist()))
    return total


def clip_grad_value_(parameters: Module | Value | Iterable[Value], clip_value: float) -> None:
    """Cut off the gradients of parameters at ``-clip_value`` and ``clip_value``, as in PyTorch.

    Parameters
    ----------
    parameters : Module, Value or iterable of Value
        A model, or the parameters. Those without a gradient are left out.
    clip_value : float
        The largest absolute value.

    Raises
    ------
    ValueError
        For a limit that is not positive.

    Examples
    --------
    >>> w = Value(1.0)
    >>> (-3.0 * w).backward()
    >>> clip_grad_value_([w], 0.5)
    >>> w.grad
    -0.5
    """
    chosen = _with_gradients(parameters)
    gradients = np.array([parameter.grad for parameter in chosen], dtype=float)
    assign_all((chosen, GRADIENT, clipped(gradients, value=_limit("clip_value", clip_value)).tolist()))


def _scale(limit: float, norm: Any) -> Any:
    """Return what gradients of this norm are multiplied by: at most 1, so that short ones stay."""
    return np.minimum(limit / (norm + _SMALL), 1.0)


def _limit(name: str, limit: float) -> float:
    if not limit > 0.0:
        raise ValueError(f"expected {name} to be positive, got {limit!r}")
    return float(limit)


def _with_gradients(parameters: Module | Value | Iterable[Value]) -> list[Value]:
    if isinstance(parameters, Module):
        parameters = parameters.parameters()
    several = [parameters] if isinstance(parameters, Value) else parameters
    return [parameter for parameter in several if has_gradient(parameter)]
