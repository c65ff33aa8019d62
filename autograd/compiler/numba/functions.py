"""Functions of the table that Numba lacks: its programs call NumPy's instead, or Python's.

So every backend supports every row, and only a row that Numba lacks is slower: a call into Python takes 1
us, where machine code takes a few ns.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ...ops.meanings import FLOAT, ieee
from ...ops.table import OPS, Op
from ...quiet import quietly
from .loop_rules import WORDS


def with_all_functions(text: str) -> str:
    r"""Return a program in which every function is one that Numba can call.

    Parameters
    ----------
    text : str
        A program that imports ``types`` of Numba, with its functions after the first two empty lines.

    Returns
    -------
    str
        The program with other names for functions that Numba lacks, and what says where these are.

    Examples
    --------
    >>> with_all_functions("import math\n\n\ndef program(x):\n    return math.exp(math.cbrt(x))\n")
    'import math\n\n\ndef program(x):\n    return math.exp(np.cbrt(x))\n'
    """
    declared = ""
    for word, name in WORDS.items():
        if f"{name}(" in text and not _is_known(name):
            op = OPS[word]
            other = f"np.{op.ufunc.__name__}" if op.ufunc is not None else ""
            if not (other and _is_known(other)):
                other = f"python_{word}"
                declared += _declaration(op, ["float64"] * len(op.parameters))
            text = text.replace(f"{name}(", f"{other}(")
    for op in OPS.values():
        if op.variadic and f"python_{op.name}(" in text:
            declared += _declaration(op, ["intp"] * (len(op.parameters) + 1))
    return text.replace("\n\n\n", f"\n\n{declared}\n\n", 1) if declared else text


def _declaration(op: Op, kinds: Sequence[str]) -> str:
    """Return what says where Python's function of a row is."""
    arguments = ", ".join(f"types.{kind}" for kind in kinds)
    return f'python_{op.name} = types.ExternalFunction("{_symbol(op)}", types.float64({arguments}))\n'


@cache
def _is_known(name: str) -> bool:
    """Return whether Numba knows a function, by the name that a program calls it."""
    # Asked, not tried: to compile each of 20 functions takes a second.
    from numba.core.registry import cpu_target

    module, _, function = name.rpartition(".")
    context = cpu_target.typing_context
    context.refresh()
    try:
        context.resolve_value_type(getattr({"math": math, "np": np}[module], function) if module else abs)
    # Whatever Numba says of what it does not know.
    except Exception:
        return False
    return True


# Machine code calls these for as long as the process lives.
_callbacks: dict[str, Any] = {}


def _symbol(op: Op) -> str:
    """Return the name by which machine code finds Python's function of a row, also that from the cache."""
    from llvmlite import binding

    symbol = f"chainrule_{op.name}"
    if symbol not in _callbacks:
        function: Callable[..., float] = quietly(ieee(FLOAT[op.name]))
        kinds: list[Any] = [ctypes.c_double] * len(op.parameters)
        if op.variadic:
            function, kinds = _of_places(function), [ctypes.c_ssize_t] * (len(op.parameters) + 1)
        signature = ctypes.CFUNCTYPE(ctypes.c_double, *kinds)
        _callbacks[symbol] = signature(function)
        binding.add_symbol(symbol, ctypes.cast(_callbacks[symbol], ctypes.c_void_p).value)
    return symbol


def _of_places(function: Callable[..., float]) -> Callable[..., float]:
    """Return a function of lists as one of where these stand in memory, and their length."""

    def of_places(*numbers: int) -> float:
        *places, length = numbers
        return function(*[(ctypes.c_double * length).from_address(place)[:] for place in places])

    return of_places
