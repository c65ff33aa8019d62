"""Writes `autograd.functions.generated` from the table of operations."""

from __future__ import annotations

import builtins
import re
from textwrap import indent

from .rules import on_floats
from .table import OPS, Op

_FUNCTIONS_MODULE = '''"""The operations as functions, written by `autograd.ops.generate` from the table.

To change one, edit its row in `autograd/ops/table.py` and run ``python -m autograd.ops.generate``.

Each takes `Value`s, plain numbers and NumPy arrays of either, element by element. Plain numbers give a plain
number, so that the same function can be evaluated with and without a graph. A function that has the name of a
builtin of Python is that builtin where no argument is a `Value` or an array.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from ..engine.apply import apply_variadic
from ..engine.real_numbers import Number
from ..engine.value import Value
from ..ops.table import OPS
from .arrays import elementwise, folded, summed

Array = npt.NDArray[Any]
T = TypeVar("T", Value, float, Array)

__all__ = [
{names}
]
'''

_SECTIONS = """
Parameters
----------
{parameters}

Returns
-------
{returns}
{raises}
Notes
-----
{notes}

Examples
--------
{example}
"""

# In a build, arrays are Any to mypy, and so is one case of T.
_UNARY_FUNCTION = '''

def {name}(x: T) -> T:
    """Return {doc}.
{sections}    """
    if isinstance(x, Value):
        return x.{name}()  # type: ignore[return-value, unused-ignore]
{builtin}    return elementwise(OPS["{name}"], x)  # type: ignore[no-any-return]
'''

_BUILTIN = """\
    if not isinstance(x, np.ndarray):
        return builtins.{name}(x)
"""

_OVERLOADS = """

@overload
def {name}({selector}x: float, y: float) -> float: ...
@overload
def {name}({selector}x: Value, y: Value | float) -> Value: ...
@overload
def {name}({selector}x: float, y: Value) -> Value: ...
@overload
def {name}({anything}) -> Any: ...
"""

_PLAIN_FUNCTION = '''def {name}({anything}) -> Any:
    """Return {doc}.
{sections}    """
    return elementwise(OPS["{name}"], {arguments})
'''

_FOLDING_FUNCTION = '''

@overload
def {name}(x: Value, y: Value | Number, /, *others: Value | Number) -> Value: ...
@overload
def {name}(*args: Any, **options: Any) -> Any: ...
def {name}(*args: Any, **options: Any) -> Any:
    """Return {doc}.
{sections}    """
    return folded(OPS["{name}"], builtins.{name}, args, options)
'''

_SUMMING_FUNCTION = '''

def {name}(x: Iterable[Any], /, start: Any = 0) -> Any:
    """Return {doc}.
{sections}    """
    return summed(x, start)
'''

_VARIADIC_FUNCTION = '''

def {name}({anything}) -> Any:
    """Return {doc}.
{sections}    """
    return apply_variadic(OPS["{name}"], {arguments})
'''


def functions_module() -> str:
    """Return the source of `autograd.functions.generated`.

    Examples
    --------
    >>> "def exp(x: T) -> T" in functions_module()
    True
    """
    functions = [op for op in OPS.values() if not op.symbol]
    names = ",\n".join(f'    "{name}"' for name in sorted((op.name for op in functions), key=_natural))
    return _FUNCTIONS_MODULE.format(names=names + ",") + "".join(map(_function, functions))


def _natural(name: str) -> list[str | int]:
    """Return the key that sorts names naturally: log2 before log10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _function(op: Op) -> str:
    arguments = ", ".join(op.parameters)
    fields = {"name": op.name, "doc": op.doc, "arguments": arguments, "sections": _sections(op)}
    if op.variadic and hasattr(builtins, op.name):
        return _SUMMING_FUNCTION.format(**fields)
    if op.variadic:
        anything = ", ".join(f"{p}: Iterable[Any]" for p in op.parameters)
        return _VARIADIC_FUNCTION.format(anything=anything, **fields)
    if op.folds is not None:
        return _FOLDING_FUNCTION.format(**fields)
    if len(op.partials) == 1:
        fields["builtin"] = _BUILTIN.format(name=op.name) if hasattr(builtins, op.name) else ""
        return _UNARY_FUNCTION.format(**fields)
    selector = "condition: Any, " if "condition" in op.parameters else ""
    fields["anything"] = f"{selector}x: Any, y: Any"
    return (_OVERLOADS + _PLAIN_FUNCTION).format(selector=selector, **fields)


def _sections(op: Op) -> str:
    """Return the sections of a docstring below its summary."""
    if op.variadic:
        kind = "iterable of Value or number"
        returns = "Value or float\n    One node for all elements; a number if no element is a Value."
    else:
        kind = "Value, number or array"
        returns = "Value, float or array\n    As the arguments: a number if no argument is a Value."
    if hasattr(builtins, op.name):
        returns = "As the arguments; what the builtin gives if no argument is a Value or an array."
    raises = ""
    if op.variadic or op.folds is not None:
        raises = "\nRaises\n------\n"
        raises += "TypeError\n    For an element that is neither a Value nor a number.\n"
    folds = op.folds is not None
    if folds or (op.variadic and len(op.partials) > 1):
        reason = "an empty iterable without a default" if folds else "sequences of different lengths"
        raises += f"ValueError\n    For {reason}.\n"
    pairs = zip(op.parameters, op.partials, strict=True)
    text = _SECTIONS.format(
        parameters=_parameters(op, kind),
        returns=returns,
        raises=raises,
        notes="\n".join(f"∂out/∂{p} = ``{rule}``" for p, rule in pairs if p != "condition"),
        example=_example(op),
    )
    return indent(text, "    ", lambda line: bool(line.strip()))


def _parameters(op: Op, kind: str) -> str:
    if op.folds is not None:
        return (
            "*args : Value, number or array; or one iterable of them\n"
            "    The operands.\n"
            "**options\n"
            "    ``key``, by which the items are compared, and ``default``, as for the builtin."
        )
    if op.variadic and hasattr(builtins, op.name):
        return (
            "x : iterable of Value or number\n    The terms.\n"
            "start : Value or number\n    The number that they are added to."
        )
    operand = f"{kind}\n    An operand."
    texts = {"condition": "Value, bool or array\n    Where to choose the first."}
    return "\n".join(f"{p} : {texts.get(p, operand)}" for p in op.parameters)


def _example(op: Op) -> str:
    """Return a doctest at a point inside the domain, or at the first special point of a reduction."""
    if op.variadic:
        special = op.special_points[0]
        size = len(special.at) // len(op.partials)
        lists = [list(special.at[i : i + size]) for i in range(0, len(special.at), size)]
        return f">>> {op.name}({', '.join(map(repr, lists))})\n{special.value!r}"
    point = [0.75 * high + 0.25 * low for low, high in op.domain]
    out = on_floats(op).value(*point)
    arguments = ", ".join(f"Value({number:.4g})" for number in point)
    return f">>> f\"{{{op.name}({arguments}):.3f}}\"\n'{out:.3f}'"
