"""Results that are not finite: NumPy's warning, or an error in anomaly mode.

Operators compute with Python's floats and call `examine` when the result is inf or nan. Where Python raises
and IEEE 754 defines a result, `careful` computes it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..ops.rules import on_arrays
from ..ops.structural import Operation, Structural
from ..ops.table import Op
from ..quiet import errstate, quiet
from .levels import Scope, open_scopes
from .stand_ins import STAND_IN
from .user_line import Line, user_line

PYTHON_RAISES = (ArithmeticError, ValueError)
"""What Python's float arithmetic and `math` raise where IEEE 754 has a result."""

_KINDS = {
    "divide by zero": "divide",
    "overflow": "over",
    "underflow": "under",
    "invalid value": "invalid",
}

_watching: ContextVar[bool] = ContextVar("anomaly", default=False)

is_watching = _watching.get
"""`is_anomaly_enabled` without a call of Python's, which each operation of a trace would make."""


@contextmanager
def anomaly() -> Iterator[None]:
    """Raise at the first operation that gives nan, or infinity from finite numbers, forward or backward.

    It applies to the thread (or asyncio task) that opened it, inside the ``with`` block or the decorated
    function: to ``backward()``, to `grad` and its kin, and to compiled functions, which are run operation by
    operation where a result is not finite. Nodes made inside remember the line that made them.

    Raises
    ------
    FloatingPointError
        Naming the operation at fault, its operands and the line of the user's program.

    Examples
    --------
    >>> from autograd import Value, log
    >>> with anomaly():
    ...     y = log(Value(-1.0, label="x"))
    Traceback (most recent call last):
        ...
    FloatingPointError: invalid value encountered in log(x = -1.0), which gives nan, at ...
    """
    context, before = Scope(), _watching.get()
    try:
        open_scopes.add(context)
        _watching.set(True)
        yield
    finally:
        # Each of these calls may end in a KeyboardInterrupt; so could one that returned a token for `reset`.
        try:
            _watching.set(before)
        finally:
            open_scopes.discard(context)


def is_anomaly_enabled() -> bool:
    """Return whether this thread or asyncio task is in anomaly mode.

    Returns
    -------
    bool
        True inside of `anomaly`.

    Examples
    --------
    >>> with anomaly():
    ...     is_anomaly_enabled()
    True
    >>> is_anomaly_enabled()
    False
    """
    return _watching.get()


def careful(op: Op, *args: Any) -> tuple[Any, ...]:
    """Evaluate a row by the rules of IEEE 754, for arguments where Python raises.

    Parameters
    ----------
    op : Op
        The row.
    *args : float, or tuple of float for a variadic row
        Its arguments.

    Returns
    -------
    tuple
        The value and then each partial (for a variadic row, a list for each argument).

    Examples
    --------
    >>> from autograd.ops.table import OPS
    >>> careful(OPS["truediv"], 1.0, 0.0)
    (inf, inf, -inf)
    """
    rules = on_arrays(op)
    arrays = [_as_array(arg) for arg in args]
    with quiet():
        out = np.float64(np.ravel(rules.value(*arrays))[0])
        partials = [
            np.broadcast_to(rule(*arrays, out), array.shape).astype(float).tolist()
            for rule, array in zip(rules.partials, arrays, strict=True)
        ]
    return float(out), *(partials if op.variadic else [partial for (partial,) in partials])


def _as_array(arg: Any) -> Any:
    """Return a number as an array of one element: for a scalar exponent np.power(-inf, 0.5) is nan."""
    return np.array(arg, dtype=float, ndmin=1)


def examine(op: Operation, args: Sequence[Any], out: float) -> Line | None:
    """Warn or raise as NumPy would for a result that is not finite; raise in anomaly mode.

    Parameters
    ----------
    op : Op
        The row that was evaluated.
    args : sequence of Value or float
        Its operands.
    out : float
        Its result.

    Returns
    -------
    Line or None
        The line of the user's program if the node should remember it: where nan or inf arises, and
        always in anomaly mode.

    Raises
    ------
    FloatingPointError
        In anomaly mode, and where `numpy.errstate` asks for it.
    """
    watching = is_anomaly_enabled()
    if math.isfinite(out):
        return user_line() if watching else None
    faults = _faults(op, [_number(arg) for arg in args])
    if watching and (faults or math.isnan(out)):
        what = f"{faults[0]} encountered in " if faults else "nan is an operand of "
        raise FloatingPointError(f"{what}{describe(op, args)}, which gives {out}, at {user_line()}")
    settings: dict[str, str] = dict(np.geterr())  # type: ignore[arg-type]
    for fault in faults:
        _as_numpy_would(settings[_KINDS[fault]], f"{fault} encountered in {describe(op, args)}")
    return user_line() if faults or watching else None


def examine_adjoint(node: Any, adjoint: float, partials: Iterable[float | None]) -> None:
    """Raise if a backward sweep gives nan or inf at a node.

    Parameters
    ----------
    node : Value
        The node.
    adjoint : float
        Its adjoint.
    partials : iterable of float or None
        Its partials with respect to the operands that the adjoint is passed on to.

    Raises
    ------
    FloatingPointError
        Naming the operation, its operands, the adjoint, the partial and the line that built the node.
    """
    if not math.isfinite(adjoint):
        what = describe(node.op, node.args) if node.op else repr(node)
        raise FloatingPointError(f"backward: the gradient of {what} is {adjoint}{_built_at(node)}")
    for partial in partials:
        if partial is not None and not math.isfinite(adjoint * partial):
            raise FloatingPointError(
                f"backward through {describe(node.op, node.args)}: the gradient {adjoint} times "
                f"the partial {partial} gives {adjoint * partial}{_built_at(node)}"
            )


def examine_adjoints(nodes: Iterable[Any]) -> None:
    """Raise if a backward sweep that stored its adjoints in the nodes gave nan or inf.

    Parameters
    ----------
    nodes : iterable of Value
        The nodes, each after its consumers.

    Raises
    ------
    FloatingPointError
        As `examine_adjoint` says.
    """
    for node in nodes:
        # What flows to a stand-in flows on to the node that it stands for.
        if node.op is not STAND_IN:
            examine_adjoint(node, node._adjoint, node.partials)


def examine_tangents(node: Any, tangents: Iterable[tuple[float, float]]) -> None:
    """Raise if a forward sweep gives nan or inf at a node.

    Parameters
    ----------
    node : Value
        The node.
    tangents : iterable of (float, float)
        The tangent of each operand that has one, and the partial of the node with respect to it.

    Raises
    ------
    FloatingPointError
        Naming the operation, its operands, the tangent, the partial and the line that built the node.
    """
    total = 0.0
    for tangent, partial in tangents:
        total += tangent * partial
        if not math.isfinite(total):
            raise FloatingPointError(
                f"forward through {describe(node.op, node.args)}: the tangent {tangent} times "
                f"the partial {partial} adds up to {total}{_built_at(node)}"
            )


def _built_at(node: Any) -> str:
    return f", built at {node.source}" if node.source else ""


def describe(op: Operation, args: Sequence[Any]) -> str:
    """Return an operation with the labels and numbers of its operands.

    Examples
    --------
    >>> from autograd.ops.table import OPS
    >>> describe(OPS["truediv"], [1.0, 0.0])
    '1.0 / 0.0'
    """
    if not op.symbol:
        return f"{op.name}({', '.join(map(_describe_operand, args))})"
    texts = [_describe_operand(arg) for arg in args]
    return f" {op.symbol} ".join(texts) if len(texts) == 2 else op.symbol + texts[0]


def _describe_operand(arg: Any) -> str:
    label: str = getattr(arg, "label", "")
    return f"{label} = {_number(arg)}" if label else f"{_number(arg)}"


def _number(arg: Any) -> float:
    """Return the number of an operand, also while it is traced, where float(v) raises."""
    number: float = getattr(arg, "_data", arg)
    return number


def _faults(op: Operation, args: Sequence[float]) -> list[str]:
    """Return what the floating-point unit reports for the NumPy form of an operation."""
    faults: list[str] = []
    if isinstance(op, Structural):  # It computes nothing while it is recorded.
        return faults
    arrays = np.split(np.array(args), len(op.partials)) if op.variadic else map(_as_array, args)
    with errstate(all="call", under="ignore", call=lambda kind, _: faults.append(kind)):
        on_arrays(op).value(*arrays)
    return faults


def _as_numpy_would(setting: str, message: str) -> None:
    """Do what `numpy.errstate` is set to do."""
    if setting == "raise":
        raise FloatingPointError(message)
    if setting != "ignore":
        warnings.warn(message, RuntimeWarning, stacklevel=user_line().depth + 1)
