"""Write a plan as a NumPy program: one statement for each array, as a person would write it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from math import prod
from types import CodeType
from typing import Any

import numpy as np

from ...ops.meanings import FLOAT, NUMPY, reducing
from ...ops.renderer import SIGNS, Form, Renderer, Term, called
from ...ops.rule import Rule
from ...ops.table import COMPARISONS, OPS, Op
from ..arrays.index_rules import Positions
from ..arrays.layout import Block, Floats, Operand, Plan, by_source
from ..arrays.views import broadcast_axes, view
from ..passes.products import DOTS, PLAIN_SUMS
from .literals import Literals, module_text, number_text


class _NumPy(Renderer):
    """NumPy, and functions that a program defines itself."""

    def form(self, word: str, count: int) -> Form | None:
        return self.forms.get(word) or called(word, count)

    def number(self, number: float) -> Term:
        return Term("np.inf") if number == math.inf else super().number(number)


_WORDS = _NumPy(
    {
        **SIGNS,
        **{
            word: called(f"np.{meaning.__name__}", len(OPS[word].partials))
            for word, meaning in NUMPY.items()
            if (word == "where" or isinstance(meaning, np.ufunc)) and word not in SIGNS
        },
    }
)
"""What NumPy calls the words of the rules."""

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


@dataclass
class Source:
    """A program in NumPy.

    Attributes
    ----------
    body : str
        What follows the definitions of the arrays that the program holds; it defines ``program``.
    imports : list of str
        Lines that import what it needs besides NumPy.
    literals : Literals
        These arrays.
    products, reductions, classes : int
        How many matrix products, other sums, and arrays there are.
    gathers : int
        How many operands follow no rule and are gathered.
    """

    body: str
    imports: list[str]
    literals: Literals
    products: int = 0
    reductions: int = 0
    classes: int = 0
    gathers: int = 0

    @property
    def text(self) -> str:
        """The module, which runs on its own."""
        return module_text(self.imports, self.literals, self.body)

    def run(self) -> Callable[..., Any]:
        """Return the function ``program``."""
        namespace: dict[str, Any] = {"np": np, "math": math, **self.literals.arrays}
        exec(_code(self.body), namespace)
        program: Callable[..., Any] = namespace["program"]
        return program


@lru_cache(maxsize=32)
def _code(text: str) -> CodeType:
    """Return what Python compiles; again for the next model of the same shape."""
    return compile(text, "<compiled by autograd.jit>", "exec")


def numpy_source(
    plan: Plan,
    parameters: Sequence[str],
    results: Sequence[tuple[Sequence[int], tuple[int, ...]]],
) -> Source:
    """Return the program of a plan.

    Parameters
    ----------
    plan : Plan
        The arrays of the program.
    parameters : sequence of str
        A name for each argument.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.

    Returns
    -------
    Source
        The text of a module.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..passes.colours import colours_of
    >>> from ..arrays.layout import lay_out
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0)]
    >>> tape = tape_of([(v * 2.0).exp() for v in x], [x])
    >>> plan = lay_out(tape, colours_of(tape), [(2,)])
    >>> print(numpy_source(plan, ["x"], [(tape.outputs, (2,))]).text)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def program(x):
        v1 = x * 2.0
        v2 = np.exp(v1)
        return (v2,)
    <BLANKLINE>
    """
    return _StatementWriter(plan, parameters).written(results)


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


def reduced_text(op: Op, arguments: Sequence[str], helpers: Helpers) -> str:
    """Return a reduction by NumPy, or by a function that the program defines.

    Parameters
    ----------
    op : Op
        The reduction.
    arguments : sequence of str
        Its operands, and the axis.
    helpers : dict
        To which the functions are added that NumPy does not have.

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
    if op in PLAIN_SUMS:
        name = "np.sum"
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


@dataclass
class _StatementWriter:
    plan: Plan
    parameters: Sequence[str]
    names: dict[int, str] = field(default_factory=dict)
    literals: Literals = field(default_factory=Literals)
    helpers: Helpers = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    returned: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    products: int = 0
    reductions: int = 0
    gathers: int = 0

    def written(self, results: Sequence[tuple[Sequence[int], tuple[int, ...]]]) -> Source:
        choices = self._only_chosen_by({i for wanted, _ in results for i in wanted})
        for colour, block in self.plan.blocks.items():
            if block.argument is not None:
                self.names[colour] = self.parameters[block.argument]
            elif block.targets:
                self.names[colour] = f"v{next(self.numbers)}"
                self._fill(self.names[colour], block.size, block.operands, block.targets)
            elif block.op is not None:
                text = self._truth(block) if colour in choices else self._expression(block)
                if _is_repeated(block):
                    text = f"np.full({block.shape}, {text})"
                self.names[colour] = f"v{next(self.numbers)}"
                self.lines.append(f"{self.names[colour]} = {text}")
        returned = [self._result(i, wanted, shape) for i, (wanted, shape) in enumerate(results)]
        self.lines.append(f"return ({', '.join(returned)}{',' if len(returned) == 1 else ''})")
        return Source(
            self._body(),
            imports_of(self.helpers),
            self.literals,
            self.products,
            self.reductions,
            len(self.plan.blocks),
            self.gathers,
        )

    def _only_chosen_by(self, returned: set[int]) -> set[int]:
        """Return the comparisons that only `where` uses, whose results stay boolean."""
        found = {colour for colour, block in self.plan.blocks.items() if block.op in COMPARISONS.values()}
        found -= {self.plan.place[i][0] for i in returned}
        for block in self.plan.blocks.values():
            is_choice = block.op is OPS["where"]
            found -= {operand.source for operand in block.operands[1 if is_choice else 0 :]}
        return found

    def _truth(self, block: Block) -> str:
        assert block.op is not None
        left, right = (self._view(operand) for operand in block.operands)
        return f"{left} {block.op.symbol} {right}"

    def _body(self) -> str:
        body = "\n".join(f"    {line}" for line in self.lines)
        helpers = [text.rstrip() for text in helpers_text(helpers_of(body, self.helpers))]
        program = f"\n\ndef program({', '.join(self.parameters)}):\n{body}\n"
        return "\n".join([*helpers, program])

    # --------------------------------------------------------------------------------------- operands

    def _view(self, operand: Operand, *, whole: bool = False) -> str:
        """Return an operand; `whole` if it must have its full shape rather than broadcast to it."""
        block = self.plan.blocks[operand.source]
        if block.constants is not None:
            return self._constants(block.constants[operand.wanted], operand, whole)
        text = view(self.names[operand.source], block.shape, operand.wanted, self._positions)
        if whole and broadcast_axes(operand.wanted):
            return f"np.broadcast_to({text}, {operand.wanted.shape})"
        if whole and operand.wanted.size == 1 and operand.wanted.shape:
            only = f"np.array([{text}])"
            return only if operand.wanted.ndim == 1 else f"{only}.reshape{operand.wanted.shape}"
        return text

    def _constants(self, chosen: Floats, operand: Operand, whole: bool) -> str:
        """Return constants: a number where all are the same, else an array."""
        # By their bits: 0.0 equals -0.0, and nan does not equal itself.
        bits = chosen.ravel().view(np.int64)
        if (bits != bits[0]).any():
            return self.literals.name(chosen if whole else _without_repetition(chosen, operand.wanted), "c")
        text = number_text(chosen.flat[0])
        return f"np.full({chosen.shape}, {text})" if whole and chosen.shape else text

    def _positions(self, wanted: Positions) -> str:
        self.gathers += 1
        return self.literals.name(wanted, "i")

    # ------------------------------------------------------------------------------------- statements

    def _expression(self, block: Block) -> str:
        assert block.op is not None
        if block.product is not None:
            return self._product(*block.product)
        if block.op.variadic:
            self.reductions += 1
            return self._reduction(block)
        return self._formula(block.op, [*map(self._view, block.operands)])

    def _product(self, left: Operand, right: Operand) -> str:
        """Return a matrix product, or one of a matrix and a vector."""
        self.products += 1
        rows, columns = len(left.wanted), len(right.wanted)
        self.lines.append(f"# {rows} × {columns} sums of {left.wanted.shape[1]} products:")
        # A vector is always on the left, since the rows vary more slowly than the columns.
        if rows == 1:
            return f"{self._view(right, whole=True)} @ {self._view(_row(left), whole=True)}"
        return f"{self._view(left, whole=True)} @ {_transposed(self._view(right, whole=True))}"

    def _reduction(self, block: Block) -> str:
        assert block.op is not None
        if not block.is_reduction:
            columns = [", ".join(column) for column in block.op.columns([*map(self._view, block.operands)])]
            stacked = [f"np.broadcast_arrays({column})" for column in columns]
            return reduced_text(block.op, [*stacked, "axis=0"], self.helpers)
        single = block.shape == ()
        rows = [_row(operand) if single else operand for operand in block.operands]
        texts = [self._view(row, whole=True) for row in rows]
        if block.op in DOTS:
            return " @ ".join(texts) if single else f"({texts[0]} * {texts[1]}).sum(axis=-1)"
        # The last axis of the transpose of a matrix is its first.
        is_transposed = not single and all(text.endswith(".T") for text in texts)
        axis = [] if single else [f"axis={0 if is_transposed else -1}"]
        texts = [text.removesuffix(".T") if is_transposed else text for text in texts]
        if block.op in PLAIN_SUMS:
            return f"{texts[0]}.sum({''.join(axis)})"
        return reduced_text(block.op, [*texts, *axis], self.helpers)

    def _formula(self, op: Op, texts: Sequence[str]) -> str:
        """Return the rule of a row with its operands substituted."""
        meaning = dict(zip(op.parameters, texts, strict=True))
        if op is OPS["pow"] and (meaning["y"] == "0.5" or meaning["y"].isidentifier()):
            # For a bare exponent 0.5 np.power takes the square root: nan at -inf, where pow has inf.
            return f"np.float_power({meaning['x']}, {meaning['y']})"
        for parameter, text in meaning.items():
            if op.value.names.count(parameter) > 1 and not text.isidentifier():
                meaning[parameter] = f"v{next(self.numbers)}"
                self.lines.append(f"{meaning[parameter]} = {text}")
        return numpy_expression(op.value, meaning, self.helpers)

    def _result(self, i: int, wanted: Sequence[int], shape: tuple[int, ...]) -> str:
        places = [self.plan.place[instruction] for instruction in wanted]
        parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
        if len(parts) == 1:
            ((source, positions),) = ((part.source, part.wanted) for part in parts)
            text = self._view(Operand(source, positions.reshape(shape or (1,))), whole=bool(shape))
            return self._own(text, source) if shape else text
        name = f"result{i + 1}"
        self._fill(name, len(places), parts, targets)
        return f"{name}.reshape({', '.join(map(str, shape))})" if len(shape) != 1 else name

    def _fill(self, name: str, size: int, parts: Sequence[Operand], targets: Sequence[Positions]) -> None:
        """Write an array whose elements come from several arrays."""
        self.lines.append(f"{name} = np.empty({size})")
        for part, target in zip(parts, targets, strict=True):
            at, positions, shape_of = target, part.wanted, self.plan.blocks[part.source].shape
            # All of it: in its own order.
            if len(positions) == prod(shape_of) and (np.sort(positions) == np.arange(len(positions))).all():
                at = at[np.argsort(positions)].reshape(shape_of)
                positions = np.arange(at.size).reshape(shape_of)
            text = view(name, (size,), at, self._positions)
            # A view that ends in a method cannot be assigned to, but what is in it can.
            place = text if text.endswith("]") else f"{text}[...]"
            self.lines.append(f"{place} = {self._view(Operand(part.source, positions))}")

    def _own(self, text: str, source: int) -> str:
        """Return a result as a new array: arguments, views and results returned twice are copied."""
        is_first = text not in self.returned
        self.returned.add(text)
        is_computed = text == self.names.get(source) and self.plan.blocks[source].argument is None
        is_new = text.startswith(("np.array(", "np.full("))
        return text if is_new or (is_computed and is_first) else f"np.array({text})"


def _is_repeated(block: Block) -> bool:
    """Return whether all operands are the same along an axis, so that their text has not the whole shape."""
    if block.product is not None or any(o.wanted.shape != block.shape for o in block.operands):
        return False
    axes = [set(broadcast_axes(operand.wanted)) for operand in block.operands]
    return bool(set.intersection(*axes))


def _without_repetition(chosen: Floats, wanted: Positions) -> Floats:
    """Return an array without the axes that broadcasting adds."""
    for axis in broadcast_axes(wanted):
        chosen = chosen.take([0], axis)
    return chosen.reshape(chosen.shape[next(i for i, n in enumerate(chosen.shape) if n > 1) :])


def _row(operand: Operand) -> Operand:
    """Return the only row of an operand."""
    return Operand(operand.source, operand.wanted[0])


def _transposed(text: str) -> str:
    return text.removesuffix(".T") if text.endswith(".T") else f"{text}.T"
