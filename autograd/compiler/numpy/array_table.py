"""Interpret a table of arrays with NumPy: a call on views of the memory for each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...ops.meanings import NUMPY
from ...ops.table import OPS, Op
from ...quiet import quietly
from ..passes.products import DOTS
from ..table.array_rows import EACH, GATHER, MAP, PRODUCT, REDUCTION
from ..table.array_table import ArrayTable
from .expressions import (
    Helpers,
    defined,
    helpers_of,
    helpers_text,
    imports_of,
    numpy_expression,
    reduced_text,
)
from .literals import Literals, module_text

Floats = npt.NDArray[np.float64]

Step = Callable[[], object]

Workshop = Callable[[], tuple[Floats, Step]]
"""Makes a memory that holds the constants of a table, and what computes in it."""


def array_interpreter(
    table: ArrayTable, shapes: Sequence[tuple[int, ...]], workshop: Workshop
) -> Callable[..., tuple[Any, ...]]:
    """Return a function of the arguments' arrays that interprets a table of arrays.

    Parameters
    ----------
    table : ArrayTable
        The table.
    shapes : sequence of tuple of int
        The shape of each result.
    workshop : callable
        What makes a memory and its interpreter, such as `arrays_with_numpy` returns.

    Returns
    -------
    callable
        It returns the tuple of results.

    Examples
    --------
    >>> from ..table.array_table import array_table
    >>> from ..passes.axes import whole_arguments
    >>> from ..arrays.plan import Block, Plan
    >>> plan = Plan({0: Block(None, (2,), argument=0)}, {0: (0, 0), 1: (0, 1)})
    >>> table = array_table(plan, [(2,)], [([1, 0], (2,))])
    >>> array_interpreter(table, [(2,)], arrays_with_numpy(table))(np.array([1.0, 2.0]))
    (array([2., 1.]),)
    """
    taken = [_taken(positions) for positions in table.results]
    # Those that no call is in: to make views of a memory takes longer than a call.
    idle: list[tuple[Floats, Step]] = []

    def run(*arguments: Any) -> tuple[Any, ...]:
        try:
            memory, step = idle.pop()
        except IndexError:
            memory, step = workshop()
        start = 0
        for argument in arguments:
            numbers = np.ravel(argument)
            memory[start : start + numbers.size] = numbers
            start += numbers.size
        step()
        found = [
            np.array(memory[where]).reshape(shape) if shape else float(memory[where][0])
            for where, shape in zip(taken, shapes, strict=True)
        ]
        idle.append((memory, step))
        return tuple(found)

    return run


def _taken(positions: npt.NDArray[np.intp]) -> Any:
    """Return what selects some positions: a slice where it can be one."""
    if len(positions) and (np.diff(positions) == 1).all():
        return slice(int(positions[0]), int(positions[-1]) + 1)
    return positions


def new_memory(table: ArrayTable) -> Floats:
    """Return a memory for a table, with its constants.

    Examples
    --------
    >>> from ..table.array_table import array_table
    >>> from ..arrays.plan import Plan
    >>> new_memory(array_table(Plan({}, {}), [(2,)], [])).shape
    (2,)
    """
    memory = np.empty(table.size)
    memory[table.given : table.given + len(table.constants)] = table.constants
    return memory


def arrays_with_numpy(table: ArrayTable) -> Workshop:
    """Return what makes a memory and its interpreter by NumPy.

    Parameters
    ----------
    table : ArrayTable
        The table.

    Returns
    -------
    callable
        See `Workshop`.

    Examples
    --------
    >>> from ..table.array_table import array_table
    >>> from ..arrays.plan import Plan
    >>> memory, step = arrays_with_numpy(array_table(Plan({}, {}), [(2,)], []))()
    >>> memory.shape
    (2,)
    """

    def workshop() -> tuple[Floats, Step]:
        memory = new_memory(table)
        steps = [_bound(statement, memory) for statement in _statements(table)]

        def work() -> None:
            for step in steps:
                step()

        return memory, quietly(work)

    return workshop


class _View(NamedTuple):
    """Evenly spaced numbers of the memory: where they begin, and the length and stride of each axis."""

    start: int
    axes: list[tuple[int, int]]

    def of(self, memory: Floats) -> Floats:
        """Return the view."""
        shape, steps = ([axis[i] for axis in self.axes] for i in range(2))
        return np.ndarray(shape, float, memory, 8 * self.start, [8 * step for step in steps])

    def text(self) -> str:
        """Return it in NumPy."""
        if not self.axes:
            return f"memory[{self.start}:{self.start + 1}].reshape(())"
        if len(self.axes) == 1 and (step := self.axes[0][1]) > 0:
            stop = self.start + (self.axes[0][0] - 1) * step + 1
            return f"memory[{self.start}:{stop}{f':{step}' if step > 1 else ''}]"
        return (
            f"strided(memory, {self.start}, {[n for n, _ in self.axes]}, {[step for _, step in self.axes]})"
        )


class _Statement(NamedTuple):
    """A row of a table: what it does, where the result goes, and what it reads."""

    kind: int
    op: Op | None
    out: _View
    operands: list[_View]
    places: list[npt.NDArray[np.int32]]


def _statements(table: ArrayTable) -> Iterator[_Statement]:
    for kind, which, *rest in table.code.tolist():
        op = table.ops[which] if kind in (MAP, EACH, REDUCTION) else None
        count = len(op.parameters) if op else 1
        if kind in (EACH, GATHER):
            length, start, first = rest[:3]
            rows = table.places[first : first + length].T[:count]
            yield _Statement(kind, op, _View(start, [(length, 1)]), [], [row.copy() for row in rows])
        elif kind == MAP:
            sizes, start = rest[:3], rest[3]
            ways = [rest[4 + 4 * i : 8 + 4 * i] for i in range(count)]
            operands = [_view(begin, sizes, steps) for begin, *steps in ways]
            yield _Statement(kind, op, _packed(start, sizes), operands, [])
        elif kind == REDUCTION:
            sizes, start = rest[:3], rest[3]
            ways = [rest[4 + 4 * i : 8 + 4 * i] for i in range(count)]
            operands = [_view(begin, sizes, steps, kept=1) for begin, *steps in ways]
            yield _Statement(kind, op, _packed(start, sizes[:2]), operands, [])
        else:
            rows, columns, terms, start, *ways = rest[:10]
            sides = zip((rows, columns), (ways[:3], ways[3:]), strict=True)
            operands = [_View(begin, [(n, across), (terms, along)]) for n, (begin, across, along) in sides]
            yield _Statement(kind, op, _View(start, [(rows, columns), (columns, 1)]), operands, [])


def _view(start: int, sizes: Sequence[int], steps: Sequence[int], kept: int = 0) -> _View:
    """Return a view without the axes of length 1, but for the last that are kept."""
    axes = [*zip(sizes, steps, strict=True)]
    last = axes[len(axes) - kept :]
    return _View(start, [axis for axis in axes[: len(axes) - kept] if axis[0] > 1] + last)


def _packed(start: int, sizes: Sequence[int]) -> _View:
    """Return the view of an array whose elements stand one after the other."""
    steps = [int(np.prod(sizes[i + 1 :])) for i in range(len(sizes))]
    return _view(start, sizes, steps)


@cache
def _function(kind: int, op: Op | None) -> Callable[..., Any]:
    """Return what computes a row from its operands."""
    helpers: Helpers = {}
    names = op.parameters if op else ("x",)
    text = f"lambda {', '.join(names)}: {_expression(kind, op, names, helpers)}"
    found: Callable[..., Any] = eval(text, defined(helpers))
    return found


def _expression(kind: int, op: Op | None, texts: Sequence[str], helpers: Helpers) -> str:
    if op is None:
        return f"{texts[0]} @ {texts[1]}.T" if kind == PRODUCT else texts[0]
    if kind != REDUCTION:
        if op is OPS["pow"]:
            # np.power takes the square root for an exponent 0.5: nan at -inf, where pow has inf.
            return f"np.float_power({', '.join(texts)})"
        return numpy_expression(op.value, dict(zip(op.parameters, texts, strict=True)), helpers)
    if op in DOTS:
        return f"({texts[0]} * {texts[1]}).sum(axis=-1)"
    return reduced_text(op, [*texts, "axis=-1"], helpers)


def _bound(statement: _Statement, memory: Floats) -> Step:
    """Return what computes a row in a memory."""
    out = statement.out.of(memory)
    if statement.places:
        return _each(_function(statement.kind, statement.op), statement.places, memory, out)
    views = [operand.of(memory) for operand in statement.operands]
    if statement.kind == PRODUCT:
        left, right = views[0], views[1].T
        return lambda: np.matmul(left, right, out)
    ufunc = NUMPY.get(statement.op.name) if statement.op and statement.kind == MAP else None
    if isinstance(ufunc, np.ufunc) and ufunc is not np.power:
        return lambda: ufunc(*views, out)
    function = _function(statement.kind, statement.op)

    def step() -> None:
        out[...] = function(*views)

    return step


def _each(
    function: Callable[..., Any], places: Sequence[npt.NDArray[np.int32]], memory: Floats, out: Floats
) -> Step:
    def step() -> None:
        out[...] = function(*[memory[place] for place in places])

    return step


def array_table_source(
    table: ArrayTable, parameters: Sequence[str], shapes: Sequence[tuple[int, ...]]
) -> str:
    """Return a table of arrays as a module of NumPy that runs on its own: a statement for each row.

    Parameters
    ----------
    table : ArrayTable
        The table.
    parameters : sequence of str
        A name for each argument.
    shapes : sequence of tuple of int
        The shape of each result.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..arrays.layout import lay_out
    >>> from ..passes.axes import whole_arguments
    >>> from ..passes.colours import colours_of
    >>> from ..table.array_table import array_table
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0)]
    >>> tape = tape_of([(v * v).exp() for v in x], [x])
    >>> plan = lay_out(tape, colours_of(tape), whole_arguments([(2,)]))
    >>> table = array_table(plan, [(2,)], [(tape.outputs, (2,))])
    >>> print(array_table_source(table, ["x"], [(2,)]))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def program(x):
        # One memory for all numbers: the arguments, the constants, and what is computed.
        memory = np.empty(6)
        memory[:2] = np.concatenate([np.ravel(x), []])
        memory[2:4] = memory[0:2] * memory[0:2]
        memory[4:6] = np.exp(memory[2:4])
        return (memory[4:6].reshape((2,)).copy(),)
    <BLANKLINE>
    """
    helpers: Helpers = {}
    literals = Literals()
    given = table.given + len(table.constants)
    arguments = "".join(f"np.ravel({name}), " for name in parameters)
    lines = [
        "# One memory for all numbers: the arguments, the constants, and what is computed.",
        f"memory = np.empty({table.size})",
        f"memory[:{given}] = np.concatenate([{arguments}{literals.text(table.constants)}])",
    ]
    for statement in _statements(table):
        texts = [operand.text() for operand in statement.operands]
        texts += [f"memory[{literals.text(place)}]" for place in statement.places]
        found = _expression(statement.kind, statement.op, texts, helpers)
        out = statement.out.text().removesuffix(".reshape(())")
        lines.append(f"{out}{'' if out.endswith(']') else '[...]'} = {found}")
    returned = [
        f"{_result_text(_taken(positions), literals)}.reshape({shape}){'.copy()' if shape else '[()]'},"
        for positions, shape in zip(table.results, shapes, strict=True)
    ]
    body = "\n".join(f"    {line}" for line in [*lines, f"return ({' '.join(returned)})"])
    head = helpers_text(helpers_of(body, helpers))
    text = "\n".join([*head, "", f"\ndef program({', '.join(parameters)}):\n{body}\n"])
    return module_text(imports_of(helpers), literals, text)


def _result_text(taken: Any, literals: Literals) -> str:
    return (
        f"memory[{taken.start}:{taken.stop}]"
        if isinstance(taken, slice)
        else f"memory[{literals.text(taken)}]"
    )
