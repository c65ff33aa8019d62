"""Write the rules of the table as NumPy expressions, with the functions that NumPy does not have."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...ops.meanings import FLOAT, NUMPY, reducing
from ...ops.renderer import SIGNS, Form, Renderer, Term, called
from ...ops.rule import Application, Rule
from ...ops.table import OPS, Op
from ..passes.products import PLAIN_SUMS
from .literals import number_text


class _NumPy(Renderer):
    """NumPy, and functions that a program defines itself."""

    def form(self, word: str, count: int) -> Form | None:
        return self.forms.get(word) or called(word, count)

    def number(self, number: float) -> Term:
        return Term("np.inf") if number == math.inf else super().number(number)


_WORDS = _NumPy(
    {
        **SIGNS,
        "constant": Form("{}"),
        **{
            word: called(f"np.{meaning.__name__}", len(OPS[word].partials))
            for word, meaning in NUMPY.items()
            if (word == "where" or isinstance(meaning, np.ufunc)) and word not in SIGNS
        },
    }
)
"""What NumPy calls the words of the rules."""

# By a ufunc that computes an exponential and a logarithm at each step, 25,000 numbers take 240 us, and 100 by
# whole arrays; but ten calls for whole arrays take 10 us, however small they are.
_FEWEST = 500

_CALLS = re.compile(r"np\.\w+\(")

Helpers = dict[str, str]
"""The definitions of functions that NumPy does not have, by name."""

_ELEMENTWISE = """\
def elementwise(f):
    def careful(*numbers):
        try:
            return f(*numbers)
        except OverflowError:
            return np.inf
        except (ArithmeticError, ValueError):
            return np.nan

    return np.vectorize(careful, otypes=[float])
"""


_ALONG = """\
def along(f):
    def careful(*rows):
        try:
            return f(*rows)
        except OverflowError:
            return np.inf
        except (ArithmeticError, ValueError):
            return np.nan

    def reduced(*arrays, axis=-1):
        last = [np.moveaxis(array, axis, -1) for array in arrays]
        rows = [array.reshape(-1, array.shape[-1]) for array in last]
        return np.array([careful(*row) for row in zip(*rows)]).reshape(last[0].shape[:-1])

    return reduced
"""


_STRIDED = """\
def strided(x, start, shape, steps):
    flat = x.ravel()
    size = flat.itemsize
    return np.ndarray(shape, flat.dtype, flat, size * start, [size * step for step in steps])
"""


def numpy_expression(rule: Rule, operands: Mapping[str, str], helpers: Helpers) -> str:
    """Return a rule of the table in NumPy.

    Parameters
    ----------
    rule : Rule
        The rule.
    operands : mapping
        What to write for its arguments.
    helpers : dict
        To which the functions are added that NumPy does not have.

    Returns
    -------
    str
        An expression.

    Examples
    --------
    >>> numpy_expression(Rule("x * exp(x)"), {"x": "v1"}, {})
    'v1 * np.exp(v1)'
    """
    for word in rule.words:
        if word not in _WORDS.forms and word not in helpers:
            helpers |= _helper(OPS[word], helpers)
    return _WORDS.write(rule, operands)


def repeated_calls(text: str, known: Container[str] = ()) -> Iterator[str]:
    """Yield the calls of NumPy that are in an expression more than once, or are known; the longest first.

    Examples
    --------
    >>> [*repeated_calls("np.exp(-np.cos(v1)) / (1.0 + np.exp(-np.cos(v1)))")]
    ['np.exp(-np.cos(v1))', 'np.cos(v1)']
    """
    calls = Counter([_call_at(text, found) for found in _CALLS.finditer(text)])
    yield from sorted([call for call, n in calls.items() if n > 1 or call in known], key=len, reverse=True)


def _call_at(text: str, head: re.Match[str]) -> str:
    depth, end = 1, head.end()
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return text[head.start() : end]


def _helper(op: Op, helpers: Helpers) -> Helpers:
    """Return the definition of a function of arrays for a row, with what it needs itself."""
    arguments = ", ".join(op.parameters)
    if op.is_primitive:
        found = f"elementwise(math.{FLOAT[op.name].__name__})({arguments})"
        needed = {"elementwise": _ELEMENTWISE}
    else:
        found, needed = numpy_expression(op.value, {}, helpers), {}
    return needed | {op.name: f"def {op.name}({arguments}):\n    return {found}\n"}


def _reduction_helper(op: Op, helpers: Helpers) -> Helpers:
    """Return the definition of a reduction along an axis: one of `math`, or a loop over the elements."""
    if op.reduction is None:
        return {"along": _ALONG, op.name: f"{op.name} = along(math.{FLOAT[op.name].__name__})\n"}
    arguments = ", ".join(op.parameters)
    columns = ", ".join(f"np.moveaxis({parameter}, axis, 0)" for parameter in op.parameters)
    lines = [f"def {op.name}({arguments}, axis=-1):", f"    columns = {columns},"]
    for accumulator in op.reduction.accumulators:
        lines += [
            f"    {accumulator.name} = {number_text(accumulator.start)}",
            f"    for {arguments}, in zip(*columns):",
            f"        {accumulator.name} = {numpy_expression(accumulator.step, {}, helpers)}",
        ]
    lines.append(f"    return {numpy_expression(op.reduction.result, {}, helpers)}")
    return {op.name: "\n".join(lines) + "\n"}


def _whole_helper(op: Op, ufunc: str) -> Helpers:
    """Return the definition of a reduction by its accumulators, one for all elements after the other."""
    assert op.reduction is not None
    (x,) = op.parameters
    lines = [
        f"def {op.name}({x}, axis=-1):",
        f"    if {x}.size < {_FEWEST}:",
        f"        return np.{ufunc}.reduce({x}, axis=axis)",
    ]
    for accumulator in op.reduction.accumulators:
        step = accumulator.step.tree
        assert isinstance(step, Application)
        folded = OPS[step.word].ufunc
        assert folded is not None
        text = _WORDS.operand(step.operands[1])
        options = f"axis=axis, keepdims=True, initial={number_text(accumulator.start)}"
        lines.append(f"    {accumulator.name} = np.{folded.__name__}.reduce({text}, {options})")
    lines.append(f"    return np.squeeze({_WORDS.write(op.reduction.result)}, axis)")
    return {op.name: "\n".join(lines) + "\n"}


def reduced_text(op: Op, arguments: Sequence[str], helpers: Helpers, *, is_long: bool = False) -> str:
    """Return a reduction by NumPy, or by a function that the program defines.

    Parameters
    ----------
    op : Op
        The reduction.
    arguments : sequence of str
        Its operands, and the axis.
    helpers : dict
        To which the functions are added that NumPy does not have.
    is_long : bool
        Whether there is one operand, an array that may be long.

    Returns
    -------
    str
        An expression.

    Examples
    --------
    >>> reduced_text(OPS["norm"], ["v1", "axis=-1"], {})
    'np.hypot.reduce(v1, axis=-1, initial=0.0)'
    """
    found = reducing(op)
    accumulators = op.reduction.accumulators if op.reduction else ()
    if op in PLAIN_SUMS:
        name = "np.sum"
    elif op.folds is not None and op.ufunc is not None:
        name = f"np.{op.ufunc.__name__}.reduce"
    elif found is not None and is_long and len(accumulators) > 1:
        name = op.name
        helpers |= _whole_helper(op, found[0].__name__)
    elif found is not None:
        ufunc, options = found
        name = f"np.{ufunc.__name__}.reduce"
        arguments = [
            *arguments,
            *(f"{option}={number_text(value)}" for option, value in options.items()),
        ]
    else:
        name = op.name
        helpers |= _reduction_helper(op, helpers)
    return f"{name}({', '.join(arguments)})"


def helpers_text(helpers: Helpers) -> list[str]:
    r"""Return the lines that define some functions.

    Examples
    --------
    >>> helpers = {}
    >>> _ = numpy_expression(Rule("softplus(x) * 2.0"), {}, helpers)
    >>> print("\n".join(helpers_text(helpers)).strip())
    def softplus(x):
        return np.maximum(x, 0.0) + np.log1p(np.exp(-np.absolute(x)))
    """
    return [f"\n\n{definition}" for definition in helpers.values()]


def helpers_of(body: str, helpers: Helpers) -> Helpers:
    """Return the functions of a program, with the one for views with any strides if it has such views.

    Examples
    --------
    >>> [*helpers_of("return strided(x, 0, (16, 3), (1, 1))", {})]
    ['strided']
    """
    return {**helpers, "strided": _STRIDED} if "strided(" in body else helpers


def defined(helpers: Helpers) -> dict[str, Any]:
    """Return a namespace with some functions, in which expressions are evaluated.

    Examples
    --------
    >>> eval("np.exp(0.0)", defined({}))
    np.float64(1.0)
    """
    namespace: dict[str, Any] = {"np": np, "math": math}
    exec("\n".join(helpers_text(helpers)), namespace)
    return namespace


def imports_of(helpers: Helpers) -> list[str]:
    """Return the lines that import what some functions need besides NumPy.

    Examples
    --------
    >>> imports_of({})
    []
    """
    return ["import math"] if helpers.keys() & {"elementwise", "along"} else []
