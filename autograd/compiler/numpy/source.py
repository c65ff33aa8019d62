"""Write a plan as a NumPy program: one statement for each array, as a person would write it."""

from __future__ import annotations

import math
import re
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
from ...ops.structural import When
from ...ops.table import COMPARISONS, OPS, Op
from ..arrays.index_rules import Positions, nest_of
from ..arrays.layout import Block, Floats, LoopPlan, Operand, Plan, by_source
from ..arrays.lookups import Lookup, with_lookups
from ..arrays.views import broadcast_axes, view
from ..passes.axes import Along
from ..passes.products import DOTS, PLAIN_SUMS
from .dropping import dropping
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

_NAMES = re.compile(r"\bn\d*\b")

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


_PICKED = """\
def picked(rows, index, axis):
    at = np.clip(np.nan_to_num(index), 0, rows.shape[axis] - 1).astype(np.intp)
    along = np.expand_dims(at.reshape((1,) * (rows.ndim - 1 - at.ndim) + at.shape), axis)
    return np.where(at == index, np.take_along_axis(rows, along, axis).squeeze(axis), 0.0)
"""
"""Elements of tables by their index along an axis; 0 for an index beyond the end, of which none is."""


_ADDED_UP = """\
def added_up(index, numbers, length):
    at = np.clip(np.nan_to_num(index), 0, length - 1).astype(np.intp)
    numbers = np.where(at == index, numbers, 0.0)
    tables = np.arange(len(numbers)).reshape((-1,) + (1,) * (numbers.ndim - 1))
    at = np.broadcast_to(at + length * tables, numbers.shape)
    return np.bincount(at.ravel(), numbers.ravel(), length * len(numbers)).reshape(-1, length)
"""
"""For each row of numbers, their sums by index; without those whose index is beyond the end."""


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
    long : tuple of str
        The variables that are arrays along axes, which may be long.
    """

    body: str
    imports: list[str]
    literals: Literals
    products: int = 0
    reductions: int = 0
    classes: int = 0
    gathers: int = 0
    long: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The module, which runs on its own."""
        return module_text(self.imports, self.literals, self.body)

    def run(self) -> Callable[..., Any]:
        """Return the function ``program``."""
        namespace: dict[str, Any] = {"np": np, "math": math, **self.literals.arrays}
        exec(_code(dropping(self.body, self.long) if self.long else self.body), namespace)
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
    >>> from ..passes.axes import whole_arguments
    >>> from ..passes.colours import colours_of
    >>> from ..arrays.layout import lay_out
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0)]
    >>> tape = tape_of([(v * 2.0).exp() for v in x], [x])
    >>> plan = lay_out(tape, colours_of(tape), whole_arguments([(2,)]))
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
    plan, lookups = with_lookups(plan, results)
    return _StatementWriter(plan, parameters, lookups=lookups).written(results)


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
    elif op.folds and op.ufunc is not None:
        name = f"np.{op.ufunc.__name__}.reduce"
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
    classes: int = 0
    lookups: Mapping[int, Lookup] = field(default_factory=dict)

    def written(self, results: Sequence[tuple[Sequence[int], tuple[int, ...]]]) -> Source:
        self._write_blocks({i for wanted, _ in results for i in wanted})
        along = self.plan.along or [()] * len(results)
        returned = [
            self._result_along(wanted, shape, dims) if dims else self._result(i, wanted, shape)
            for i, ((wanted, shape), dims) in enumerate(zip(results, along, strict=True))
        ]
        self.lines.append(f"return ({', '.join(returned)}{',' if len(returned) == 1 else ''})")
        return Source(
            self._body(),
            imports_of(self.helpers),
            self.literals,
            self.products,
            self.reductions,
            self.classes,
            self.gathers,
            self._long(),
        )

    def _write_blocks(self, returned: set[int]) -> None:
        """Write the statements that compute all arrays."""
        choices = self._only_chosen_by(returned)
        self.classes += len(self.plan.blocks)
        for colour, block in self.plan.blocks.items():
            if block.argument is not None:
                self.names[colour] = self._argument(block)
            elif block.constants is not None and block.axes:
                self.names[colour] = self.literals.name(block.constants, "c")
            elif block.length is not None:
                self.names[colour] = self._length(block.length)
            elif block.same_as is not None:
                self.names[colour] = self._reordered(block, *block.same_as)
            elif block.opened is not None:
                name, places = self.names[block.opened], (-1, len(block.shape) - 1)
                self.names[colour] = f"np.moveaxis({name}, {places[0]}, {places[1]})" if block.axes else name
            elif block.is_along:
                self.names[colour] = self._along(block)
            elif block.is_index:
                self.names[colour] = f"v{next(self.numbers)}"
                length = self._length(block.axes[0])
                self.lines.append(f"{self.names[colour]} = np.arange({length}, dtype=float)")
            elif block.targets:
                self.names[colour] = f"v{next(self.numbers)}"
                parts = block.size, block.operands, block.targets
                if block.axes:
                    self._fill_along(self.names[colour], *parts, block.axes)
                else:
                    self._fill(self.names[colour], *parts)
            elif colour in self.lookups:
                self._look_up(colour, block, self.lookups[colour])
            elif block.op is not None:
                text = self._truth(block) if colour in choices else self._expression(block)
                if _is_repeated(block):
                    text = f"np.full({self._shape_of(block.shape, block.axes)}, {text})"
                self.names[colour] = f"v{next(self.numbers)}"
                self.lines.append(f"{self.names[colour]} = {text}")
            elif block.loop is not None:
                self._write_loop(colour, block.loop)

    def _only_chosen_by(self, returned: set[int]) -> set[int]:
        """Return the comparisons that only `where` uses, whose results stay boolean."""
        found = {colour for colour, block in self.plan.blocks.items() if block.op in COMPARISONS.values()}
        found -= {self.plan.place[i][0] for i in returned}
        for block in self.plan.blocks.values():
            is_choice = block.op is OPS["where"]
            found -= {operand.source for operand in block.operands[1 if is_choice else 0 :]}
            if block.loop is not None:
                found -= {operand.source for operand in block.loop.taken}
                found -= {colour for array in block.loop.carried for colour, _ in array.first}
        return found

    def _truth(self, block: Block) -> str:
        assert block.op is not None
        left, right = (self._aligned(operand, block.axes) for operand in block.operands)
        return f"{left} {block.op.symbol} {right}"

    def _body(self) -> str:
        body = "\n".join(f"    {line}" for line in [*self._lengths(), *self.lines])
        helpers = [text.rstrip() for text in helpers_text(helpers_of(body, self.helpers))]
        program = f"\n\ndef program({', '.join(self.parameters)}):\n{body}\n"
        return "\n".join([*helpers, program])

    # --------------------------------------------------------------------------------------- operands

    def _view(self, operand: Operand, *, whole: bool = False) -> str:
        """Return an operand; `whole` if it must have its full shape rather than broadcast to it."""
        block = self.plan.blocks[operand.source]
        if block.constants is not None and not block.axes:
            return self._constants(block.constants[operand.wanted], operand, whole)
        lengths = tuple(map(self._length, block.axes))
        text = view(self.names[operand.source], block.shape, operand.wanted, self._positions, lengths)
        if whole and broadcast_axes(operand.wanted):
            return f"np.broadcast_to({text}, {self._shape_of(operand.wanted.shape, block.axes)})"
        if whole and operand.wanted.size == 1 and operand.wanted.shape:
            if block.axes:
                return f"{text}[{', '.join(['None'] * operand.wanted.ndim)}]"
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
            left, right = block.product
            if block.axes or block.over:
                return self._product_along(left, right, block)
            return self._product(left, right)
        if block.op.variadic or block.over:
            self.reductions += 1
            return self._reduction(block)
        return self._formula(block.op, [self._aligned(operand, block.axes) for operand in block.operands])

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
        if block.axes or block.over:
            return self._reduction_along(block)
        if not block.is_reduction:
            columns = [", ".join(column) for column in block.op.columns([*map(self._view, block.operands)])]
            stacked = [f"np.broadcast_arrays({column})" for column in columns]
            return reduced_text(block.op, [*stacked, "axis=0"], self.helpers)
        single = block.shape == ()
        rows = [_row(operand) if single else operand for operand in block.operands]
        # Broadcasting takes 4 us, which the product of two operands does by itself.
        is_whole = block.op not in DOTS or single or not _broadcasts_to_all(rows)
        texts = [self._view(row, whole=is_whole) for row in rows]
        if block.op in DOTS:
            return " @ ".join(texts) if single else f"({texts[0]} * {texts[1]}).sum(axis=-1)"
        # The last axis of the transpose of a matrix is its first.
        is_transposed = len(block.shape) == 1 and all(text.endswith(".T") for text in texts)
        axis = [] if single else [f"axis={0 if is_transposed else -1}"]
        texts = [text.removesuffix(".T") if is_transposed else text for text in texts]
        if block.op in PLAIN_SUMS:
            return f"{texts[0]}.sum({''.join(axis)})"
        return reduced_text(block.op, [*texts, *axis], self.helpers)

    def _look_up(self, colour: int, block: Block, lookup: Lookup) -> None:
        """Write elements of a table by their index, or sums by index."""
        name = self.names[colour] = f"v{next(self.numbers)}"
        axes = sorted({*block.axes, *block.over})
        index, numbers = self._aligned(lookup.index, axes), self._aligned(lookup.numbers, axes, whole=True)
        if lookup.order is None:
            self.helpers["picked"] = _PICKED
            self.lines.append(f"{name} = picked({numbers}, {index}, {-1 - len(axes)})")
            return
        self.helpers["added_up"] = _ADDED_UP
        self.lines.append(f"{name} = added_up({index}, {numbers}, {lookup.length})")
        tables = len(lookup.numbers.wanted)
        by_element = lookup.order.reshape(lookup.length, tables)
        text = view(name, (tables, lookup.length), by_element, self._positions)
        if (by_element.shape, text) != (block.shape, name):
            self.lines.append(f"{name} = {text}.reshape{self._shape_of(block.shape, ())}")

    # ------------------------------------------------------------------------------------------------ axes

    def _argument(self, block: Block) -> str:
        """Return an argument, with its axes last."""
        assert block.argument is not None
        name = self._with_axes_last(block, self.parameters[block.argument])
        if block.rows is None:
            return name
        taken = f"v{next(self.numbers)}"
        # Columns are contiguous then. Those of x[rows].T are not, and their products take 40 times as long.
        axis = block.dimensions.index(0) - len(block.dimensions)
        rows = self._positions(block.rows)
        text = (
            f"{name}[{rows}]"
            if len(block.shape + block.dimensions) == 1
            else f"np.take({name}, {rows}, {axis})"
        )
        self.lines.append(f"{taken} = {text}")
        return taken

    def _with_axes_last(self, block: Block, name: str) -> str:
        if not block.dimensions or (block.dimensions == (0,) and not block.shape):
            return name
        own = f"v{next(self.numbers)}"
        if len(block.shape) + len(block.axes) == 2 and block.dimensions in ((0,), (1, 0)):
            self.lines.append(f"{own} = {name}.T")
        elif block.dimensions == tuple(range(len(block.shape), len(block.shape) + len(block.axes))):
            return name
        else:
            last = tuple(range(-len(block.axes), 0))
            self.lines.append(f"{own} = np.moveaxis({name}, {block.dimensions}, {last})")
        return own

    def _along(self, block: Block) -> str:
        """Return an array whose last dimension becomes an axis."""
        (operand,) = block.operands
        text = self._view(operand, whole=True)
        if len(block.axes) > 1:
            text = f"np.moveaxis({text}, {len(block.shape)}, -1)"
        if text.isidentifier():
            return text
        name = f"v{next(self.numbers)}"
        self.lines.append(f"{name} = {text}")
        return name

    def _reordered(self, block: Block, source: int, order: Sequence[int]) -> str:
        """Return an array with its axes in another order."""
        if list(order) == sorted(order):
            return self.names[source]
        name, own = f"v{next(self.numbers)}", len(block.shape)
        places = ", ".join(map(str, [*range(own), *(own + i for i in order)]))
        self.lines.append(f"{name} = {self.names[source]}.transpose({places})")
        return name

    def _length(self, axis: int) -> str:
        """Return the name of the length of an axis."""
        return "n" if len(self.plan.lengths) == 1 else f"n{axis + 1}"

    def _long(self) -> tuple[str, ...]:
        """Return the variables of this program that are arrays along axes."""
        pairs = self.names.items()
        own = [name for colour, name in pairs if self.plan.blocks[colour].axes and name.startswith("v")]
        return tuple([name for name in dict.fromkeys(own) if name not in self.parameters])

    def _lengths(self) -> list[str]:
        """Return the statements that define the lengths that are used."""
        used = {name for line in self.lines for name in _NAMES.findall(line)}
        numbers = {block.length for block in self.plan.blocks.values()}
        found = []
        for axis, (argument, dimension, length) in enumerate(self.plan.lengths):
            text = str(length)
            if argument is not None:
                name = self.parameters[argument]
                text = f"{name}.shape[{dimension}]" if dimension else f"len({name})"
            if axis in numbers:
                # Python's integers raise where NumPy's numbers have inf: 1.0 / n without samples.
                text = f"np.int64({text})"
            if self._length(axis) in used:
                found.append(f"{self._length(axis)} = {text}")
        return found

    def _shape_of(self, shape: tuple[int, ...], axes: Sequence[int]) -> str:
        """Return the shape of an array with axes."""
        texts = [*map(str, shape), *map(self._length, axes)]
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"

    def _aligned(self, operand: Operand, axes: Sequence[int], *, whole: bool = False) -> str:
        """Return an operand whose axes broadcast to others."""
        text = self._view(operand, whole=whole)
        own = self.plan.blocks[operand.source].axes
        is_number = not operand.wanted.ndim or (
            not whole and bool((operand.wanted == operand.wanted.flat[0]).all())
        )
        entries = [":" if axis in own else "None" for axis in axes]
        if is_number:
            while entries and entries[0] == "None":
                entries.pop(0)
        if "None" not in entries or _is_number(text):
            return text
        return f"{text}[{', '.join(entries if is_number else ['...', *entries])}]"

    def _axes_of(self, operand: Operand) -> tuple[int, ...]:
        return self.plan.blocks[operand.source].axes

    def _reduction_along(self, block: Block) -> str:
        """Return a reduction of numbers that vary along axes, over some of which it may add up."""
        assert block.op is not None
        axes = sorted({*block.axes, *block.over})
        if not block.is_reduction:
            texts = [self._aligned(operand, axes) for operand in block.operands]
            columns = [", ".join(column) for column in block.op.columns(texts)]
            stacked = [f"np.broadcast_arrays({column})" for column in columns]
            return reduced_text(block.op, [*stacked, "axis=0"], self.helpers)
        single = block.shape == ()
        operands = [_row(operand) if single else operand for operand in block.operands]
        depth = len(block.shape)
        is_sum = block.op in DOTS or block.op in PLAIN_SUMS
        is_narrow = (is_sum or bool(block.over)) and operands[0].wanted.shape[-1] == 1
        if is_narrow:
            operands = [Operand(operand.source, operand.wanted[..., 0]) for operand in operands]
        over = [] if is_narrow else [depth]
        over += [depth + len(over) + axes.index(axis) for axis in block.over]
        is_vector = is_narrow and single and len(axes) == 1
        if is_vector and len(operands) == 2 and all(self._axes_of(operand) for operand in operands):
            return " @ ".join(map(self._view, operands))
        own = list(map(self._axes_of, operands))
        if single and block.op in DOTS and not block.over and () in own:
            # One dot product for each index of the axes is the product of a vector and a matrix.
            self.reductions, self.products = self.reductions - 1, self.products + 1
            one, other = sorted(operands, key=lambda operand: len(self._axes_of(operand)))
            return f"np.tensordot({self._view(one, whole=True)}, {self._view(other, whole=True)}, 1)"
        texts = [self._aligned(operand, axes, whole=True) for operand in operands]
        where = f"axis={over[0] if len(over) == 1 else tuple(over)}"
        if block.op in DOTS:
            return f"({' * '.join(texts)}).sum({where})"
        if block.op in PLAIN_SUMS:
            return f"{texts[0]}.sum({where})"
        return reduced_text(block.op, [*texts, where], self.helpers)

    def _product_along(self, left: Operand, right: Operand, block: Block) -> str:
        """Return all products of rows on the left with rows on the right, of which some vary along axes."""
        self.products += 1
        own = self._axes_of(left), self._axes_of(right)
        rows, columns, width = len(left.wanted), len(right.wanted), left.wanted.shape[1]
        terms_of_each = f"{self._length(block.over[0])} products" if block.over else f"{width} products"
        of_each = "" if block.over else f" for each of {self._length(block.axes[0])}"
        self.lines.append(f"# {rows} × {columns} sums of {terms_of_each}{of_each}:")
        if not block.over and not own[0] and columns == 1:
            return f"np.tensordot({self._view(left, whole=True)}, {self._view(_row(right), whole=True)}, 1)"
        if not block.over and not own[1] and rows == 1:
            return f"np.tensordot({self._view(right, whole=True)}, {self._view(_row(left), whole=True)}, 1)"
        if own[0] == own[1] == block.over and len(block.over) == 1 and width == 1:
            one, two = (Operand(o.source, o.wanted[:, 0]) for o in (left, right))
            if rows == 1:
                return f"{self._view(two, whole=True)} @ {self._view(Operand(one.source, one.wanted[0]))}"
            return f"{self._view(one, whole=True)} @ {self._view(two, whole=True)}.T"
        letters = {axis: chr(ord("A") + axis) for axis in {*own[0], *own[1]}}
        terms = [
            "".join([row, "k", *map(letters.__getitem__, axes)]) for row, axes in zip("ij", own, strict=True)
        ]
        kept = "".join([*(["i"] if rows > 1 else []), *(["j"] if columns > 1 else [])])
        result = "".join([kept, *map(letters.__getitem__, block.axes)])
        texts = []
        for i, (operand, height) in enumerate(((left, rows), (right, columns))):
            if height == 1:
                terms[i] = terms[i][1:]
            texts.append(self._view(_row(operand) if height == 1 else operand, whole=True))
        return f"np.einsum('{','.join(terms)}->{result}', {', '.join(texts)}, optimize=True)"

    def _result_along(self, wanted: Sequence[int], shape: tuple[int, ...], dims: Along) -> str:
        """Return a result of which some dimensions are axes."""
        order = tuple(sorted([axis for axis in dims if axis is not None]))
        places = [self.plan.place[instruction] for instruction in wanted]
        text = self._assembled(places, shape, order, is_own=True)
        return _arranged(text, len(shape), [None if axis is None else order.index(axis) for axis in dims])

    def _assembled(
        self, places: Sequence[Any], shape: tuple[int, ...], order: tuple[int, ...], *, is_own: bool
    ) -> str:
        """Return numbers that stand at some places as one array, with its axes last."""
        parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
        texts = [self._aligned(self._shaped(part, shape), order, whole=True) for part in parts]
        full = self._shape_of(shape, order)
        if len(parts) == 1:
            ((source, text),) = ((part.source, text) for part, text in zip(parts, texts, strict=True))
            if {*self._axes_of(parts[0])} != {*order}:
                return f"np.broadcast_to({text}, {full}){'.copy()' if is_own else ''}"
            return self._own(text, source) if is_own else text
        text = f"v{next(self.numbers)}"
        self._fill_along(text, len(places), parts, targets, order)
        return text if len(shape) == 1 else f"{text}.reshape{full}"

    def _fill_along(
        self,
        name: str,
        size: int,
        parts: Sequence[Operand],
        targets: Sequence[Positions],
        order: Sequence[int],
    ) -> None:
        """Write an array with axes whose elements come from several arrays."""
        self.lines.append(f"{name} = np.empty({self._shape_of((size,), order)})")
        for part, target in zip(parts, targets, strict=True):
            at = view(name, (size,), target, self._positions)
            place = at if at.endswith("]") else f"{at}[...]"
            self.lines.append(f"{place} = {self._aligned(part, order)}")

    # ------------------------------------------------------------------------------------------------ loops

    def _write_loop(self, colour: int, loop: LoopPlan) -> None:
        """Write a loop over steps, which keeps what each step was given as far as that is used."""
        n = self._length(loop.axis)
        used = {block.carried for block in self.plan.blocks.values() if block.carried is not None}
        given = [f"v{next(self.numbers)}" for _ in loop.carried]
        kept: dict[tuple[int, When], str] = {}
        for k, (name, array) in enumerate(zip(given, loop.carried, strict=True)):
            first = self._assembled(array.first, array.shape, array.axes, is_own=False)
            self.lines.append(f"{name} = {first}")
            shape = ", ".join([n, *map(str, array.shape), *map(self._length, array.axes)])
            for when in ("given", "left"):
                if (colour, k, when) in used:
                    kept[k, when] = f"v{next(self.numbers)}"
                    self.lines.append(f"{kept[k, when]} = np.empty(({shape},))")
        taken, slices = self._taken(loop)
        index = f"t{next(self.numbers)}"
        steps = f"reversed(range({n}))" if loop.is_reversed else f"range({n})"
        self.lines.append(f"for {index} in {steps}:")
        carried = [(array.results, array.shape) for array in loop.carried]
        plan, lookups = with_lookups(loop.body, carried)
        body = _StatementWriter(plan, [*given, *taken], {}, self.literals, self.helpers, lookups=lookups)
        body.numbers = self.numbers
        body.lines = [f"{name} = {source}[{index}]" for name, source in slices.items()]
        body.lines += [f"{name}[{index}] = {given[k]}" for (k, when), name in kept.items() if when == "given"]
        body._write_blocks({i for array in loop.carried for i in array.results})
        found = []
        for array in loop.carried:
            places = [loop.body.place[i] for i in array.results]
            found.append(body._assembled(places, array.shape, array.axes, is_own=False))
        body.lines.append(f"{', '.join(given)} = {', '.join(found)}")
        body.lines += [f"{name}[{index}] = {given[k]}" for (k, when), name in kept.items() if when == "left"]
        self.lines += [f"    {line}" for line in body.lines]
        self.products, self.reductions = self.products + body.products, self.reductions + body.reductions
        self.gathers, self.classes = self.gathers + body.gathers, self.classes + body.classes
        for other, block in self.plan.blocks.items():
            if block.carried is None or block.carried[0] != colour:
                continue
            _, k, when = block.carried
            is_last = when == "last"
            self.names[other] = (
                given[k] if is_last else self._with_steps_last(kept[k, when], block, loop.axis)
            )

    def _taken(self, loop: LoopPlan) -> tuple[list[str], dict[str, str]]:
        """Write what the body takes from around it; return its names, and which are slices of what."""
        names: list[str] = []
        slices: dict[str, str] = {}
        for operand in loop.taken:
            text = self._view(operand, whole=True)
            axes = self._axes_of(operand)
            if loop.axis not in axes:
                if not text.isidentifier():
                    self.lines.append(f"v{next(self.numbers)} = {text}")
                    text = self.lines[-1].split(" = ")[0]
                names.append(text)
                continue
            stacked = f"v{next(self.numbers)}"
            place = operand.wanted.ndim + axes.index(loop.axis)
            first = "" if not place else f"np.ascontiguousarray(np.moveaxis({text}, {place}, 0))"
            self.lines.append(f"{stacked} = {first or text}")
            names.append(f"v{next(self.numbers)}")
            slices[names[-1]] = stacked
        return names, slices

    def _with_steps_last(self, name: str, block: Block, axis: int) -> str:
        """Return an array whose first dimension is the steps with that dimension among its axes."""
        place = len(block.shape) + block.axes.index(axis)
        if not place:
            return name
        moved = f"v{next(self.numbers)}"
        is_matrix = len(block.shape) + len(block.axes) == 2
        self.lines.append(f"{moved} = " + (f"{name}.T" if is_matrix else f"np.moveaxis({name}, 0, {place})"))
        return moved

    def _shaped(self, operand: Operand, shape: tuple[int, ...]) -> Operand:
        wanted = operand.wanted
        return Operand(operand.source, wanted.reshape(shape) if wanted.size == prod(shape) else wanted)

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
            if at.ndim == 1 and (nest := nest_of([at, positions], 2)) and len(nest.sizes) == 2:
                at, positions = at.reshape(nest.sizes), positions.reshape(nest.sizes)
            text = view(name, (size,), at, self._positions)
            # A view that ends in a method cannot be assigned to, but what is in it can.
            place = text if text.endswith("]") else f"{text}[...]"
            self.lines.append(f"{place} = {self._view(Operand(part.source, positions))}")

    def _own(self, text: str, source: int) -> str:
        """Return a result as a new array: arguments, views and results returned twice are copied."""
        is_first = text not in self.returned
        self.returned.add(text)
        block = self.plan.blocks[source]
        is_view = block.argument is not None or block.is_along or block.opened is not None
        is_computed = text == self.names.get(source) and not is_view
        is_new = text.startswith(("np.array(", "np.full("))
        return text if is_new or (is_computed and is_first) else f"np.array({text})"


def _arranged(text: str, dimensions: int, dims: Sequence[int | None]) -> str:
    """Return an array whose last dimensions are axes with its dimensions in another order."""
    rest = iter(range(dimensions))
    order = [next(rest) if axis is None else dimensions + axis for axis in dims]
    order += rest
    if order == sorted(order):
        return text
    if len(order) == 2:
        return f"{text}.T"
    return f"{text}.transpose({', '.join(map(str, order))})"


def _is_number(text: str) -> bool:
    return text[0] in "-0123456789." or text in ("np.inf", "np.nan")


def _is_repeated(block: Block) -> bool:
    """Return whether all operands are the same along an axis, so that their text has not the whole shape."""
    if block.product is not None or any(o.wanted.shape != block.shape for o in block.operands):
        return False
    axes = [set(broadcast_axes(operand.wanted)) for operand in block.operands]
    return bool(set.intersection(*axes))


def _broadcasts_to_all(operands: Sequence[Operand]) -> bool:
    """Return whether operands broadcast to their full shape: none of its axes is missing in all of them."""
    shape = operands[0].wanted.shape
    axes = [set(broadcast_axes(operand.wanted)) for operand in operands]
    return min(shape) > 1 and not set.intersection(*axes)


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
