"""Interpret a table of arrays with JAX: number by number, in the loop that `table` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...ops.rule import Rule
from ...ops.table import OPS, Op, Reduction
from ..arrays.index_rules import Positions
from ..numpy.expressions import Helpers
from ..numpy.literals import Literals
from ..numpy.statements import Counts
from ..runtime.program import UnsuitableError
from ..table.array_rows import EACH, GATHER, MAP, PRODUCT, REDUCTION
from ..table.array_table import ArrayTable
from .expressions import jax_expression
from .source import JaxSource, source_of
from .table import OPERANDS, Steps, numbers_lines, operation_text, scan_lines, step_lines


def jax_array_table_source(
    table: ArrayTable, parameters: Sequence[str], shapes: Sequence[tuple[int, ...]]
) -> JaxSource:
    """Return a table of arrays, and what interprets it, as a program in JAX.

    A statement for each array would take XLA 10 ms to compile, and a loop that chooses among arrays 500 ns a
    step. The loop over single numbers takes 12 ns a step.

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
    JaxSource
        The program.

    Raises
    ------
    UnsuitableError
        For a reduction without a loop in the table of operations.

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
    >>> print(jax_array_table_source(table, ["x"], [(2,)]).body.lstrip())
    def program(x):
        dtype = jnp.result_type(float, x)
        numbers = jnp.concatenate([jnp.ravel(x), c1], dtype=dtype)
    <BLANKLINE>
        # What follows no pattern. A step does one operation, of some kind: it reads places of the memory,
        # and writes another.
        kinds = [
            lambda x, y, z: x * y,
            lambda x, y, z: jnp.exp(x),
        ]
    <BLANKLINE>
        def step(memory, taken):
            kind, target, *operands = taken
            found = jax.lax.switch(kind, kinds, *(memory[place] for place in operands))
            return memory.at[target].set(found), None
    <BLANKLINE>
        rest = jnp.zeros(4, dtype), jnp.array([0.0], dtype)
        memory = jnp.concatenate([numbers, *rest])
        memory, _ = jax.lax.scan(step, memory, i2)
        return (memory[i3].reshape((2,)),)
    <BLANKLINE>
    """
    literals, helpers = Literals(), Helpers()
    numbers = _SingleNumbers(table, helpers)
    steps = numbers.steps()
    room = numbers.first_start - table.given - len(table.constants)
    lines = [
        *numbers_lines(parameters, table.constants, literals),
        *step_lines([*numbers.kinds]),
        "",
        f"rest = jnp.zeros({room}, dtype), jnp.array({literals.text(np.array(numbers.starts))}, dtype)",
        "memory = jnp.concatenate([numbers, *rest])",
        *scan_lines(steps, literals),
    ]
    returned = [
        f"memory[{literals.name(places, 'i')}].reshape({shape}),"
        for places, shape in zip(table.results, shapes, strict=True)
    ]
    return source_of(parameters, [*lines, f"return ({' '.join(returned)})"], helpers, literals, Counts())


class _SingleNumbers:
    """The operations on single numbers that the rows of a table of arrays stand for.

    Parameters
    ----------
    table : ArrayTable
        The table.
    helpers : dict
        To which the functions are added that the program has to define.

    Attributes
    ----------
    kinds : dict of str to int
        What operations do to x, y and z, by number.
    starts : list of float
        What the sums of the table begin with.
    first_start : int
        Where they stand in the memory, behind the numbers of the table and those that sums are kept in.
    """

    def __init__(self, table: ArrayTable, helpers: Helpers) -> None:
        self.table, self.helpers = table, helpers
        self.kinds: dict[str, int] = {}
        reductions = [_reduction(op) for op in (*table.ops, OPS["dot"]) if op.variadic]
        starts = [of.start for reduction in reductions for of in reduction.accumulators]
        self.starts = [*dict.fromkeys(starts)]
        of_rows = table.code[table.code[:, 0] == REDUCTION]
        most = max((len(reduction.accumulators) for reduction in reductions), default=0)
        self.first_start = table.size + most * int((of_rows[:, 2] * of_rows[:, 3]).max(initial=0))

    def steps(self) -> Steps:
        """Return for each operation its kind, where its result goes, and where its operands stand."""
        found = [step for row in self.table.code.tolist() for step in self._of_row(*row)]
        return np.concatenate([np.empty((0, 2 + len(OPERANDS)), np.int32), *found])

    def _of_row(self, kind: int, which: int, *row: int) -> list[Steps]:
        if kind in (EACH, GATHER):
            length, start, first = row[:3]
            places = self.table.places[first : first + length].T
            op = OPS["pos"] if kind == GATHER else self.table.ops[which]
            return [self._each(op, start, [*places])]
        if kind == MAP:
            sizes, start = row[:3], row[3]
            operands = [_places(sizes, row[4 + 4 * i : 8 + 4 * i]).ravel() for i in range(len(OPERANDS))]
            return [self._each(self.table.ops[which], start, operands)]
        if kind == PRODUCT:
            rows, columns, terms, start = row[:4]
            left = _places((rows, 1, terms), (row[4], row[5], 0, row[6]))
            right = _places((1, columns, terms), (row[7], 0, row[8], row[9]))
            return self._reduced(OPS["dot"], start, [*np.broadcast_arrays(left, right)])
        sizes, start, op = row[:3], row[3], self.table.ops[which]
        operands = [_places(sizes, row[4 + 4 * i : 8 + 4 * i]) for i in range(len(op.parameters))]
        return self._reduced(op, start, operands)

    def _each(self, op: Op, start: int, operands: Sequence[Positions]) -> Steps:
        target = start + np.arange(len(operands[0]))
        return self._steps(operation_text(op, self.helpers), target, operands[: len(op.partials)])

    def _reduced(self, op: Op, start: int, operands: Sequence[Positions]) -> list[Steps]:
        """Return the loops of a reduction of the last axis of its operands, for all rows side by side."""
        columns = [operand.reshape(-1, operand.shape[-1]).T for operand in operands]
        terms, count = columns[0].shape
        target = start + np.arange(count)
        accumulators, result, *_ = _reduction(op)
        places = {
            of.name: self.table.size + i * count + np.arange(count) for i, of in enumerate(accumulators)
        }
        if result.text in places:
            places[result.text] = target
        found = []
        for of in accumulators:
            first = np.full(count, self.first_start + self.starts.index(of.start))
            found.append(self._steps("x", places[of.name], [first]))
            every = {name: np.tile(place, terms) for name, place in places.items()}
            every |= {name: of_terms.ravel() for name, of_terms in zip(op.parameters, columns, strict=True)}
            found.append(self._rule(of.step, every[of.name], every))
        return found if result.text in places else [*found, self._rule(result, target, places)]

    def _rule(self, rule: Rule, target: Positions, places: Mapping[str, Positions]) -> Steps:
        """Return the operations of a rule whose names stand at some places."""
        names = [*dict.fromkeys(rule.names)]
        text = jax_expression(rule, dict(zip(names, OPERANDS, strict=False)), self.helpers)
        return self._steps(text, target, [places[name] for name in names])

    def _steps(self, text: str, target: Positions, operands: Sequence[Positions]) -> Steps:
        kind = self.kinds.setdefault(text, len(self.kinds))
        unused = [np.zeros_like(target)] * (len(OPERANDS) - len(operands))
        columns = [np.full_like(target, kind), target, *operands, *unused]
        return np.stack(columns, axis=1).astype(np.int32)


def _reduction(op: Op) -> Reduction:
    if op.reduction is None:
        raise UnsuitableError(
            f"the table has no loop for {op.name!r} that JAX could run: give the row a reduction, or use "
            'backend="numpy"'
        )
    return op.reduction


def _places(sizes: Sequence[int], way: Sequence[int]) -> Positions:
    """Return the places that nested loops go through, from where they begin and their strides."""
    begin, *strides = way
    loops = np.ogrid[tuple([slice(size) for size in sizes])]
    found: Positions = np.full(sizes, begin)
    for loop, stride in zip(loops, strides, strict=True):
        found += loop * stride
    return found
