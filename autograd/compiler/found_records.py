"""What the passes found, as bytes, and back: plain data, in which operations stand by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..ops.table import Op, row
from .arguments.open_lengths import OpenLengths
from .arrays.plan import Block, CarriedArray, LoopPlan, Operand, Place, Plan, Results, Window
from .fitness import UnfitError
from .found import Found, FoundArrays, FoundArrayTable, FoundTable
from .numpy.literals import Literals
from .numpy.source import Source, numpy_source
from .passes.axes import AxisLength
from .passes.multiply_add import ADD_PRODUCT
from .plan_checks import check_plan
from .runtime.packing import packed, unpacked
from .table.array_table import ArrayTable
from .table.schedule import OperationRun, Schedule
from .table_checks import check_array_table, check_schedule

Array = npt.NDArray[Any]

Shapes = Sequence[tuple[int, ...]]


def record_of(found: Found) -> bytes:
    """Return what was found as bytes.

    Parameters
    ----------
    found : FoundArrays, FoundTable or FoundArrayTable
        What was found.

    Returns
    -------
    bytes
        What `what_is_in` reads.

    Examples
    --------
    >>> source = Source("def program(x): return (x,)", [], Literals())
    >>> again = what_is_in(record_of(FoundArrays(source, lambda: (Plan({}, {}), []), 1, 2)))
    >>> again.source == source, again.plan(), again.traced, again.simplified
    (True, (Plan(blocks={}, place={}, lengths=[], along=[]), []), 1, 2)
    """
    if isinstance(found, FoundTable):
        return _record_of_table(found)
    return _record_of_array_table(found) if isinstance(found, FoundArrayTable) else _record_of_arrays(found)


def what_is_in(record: bytes) -> Found:
    """Return what `record_of` was given.

    Examples
    --------
    >>> table = Schedule(1, 0, *[np.zeros(0, np.int32)] * 2, [], [], *[np.zeros(0, np.int32)] * 2, [])
    >>> what_is_in(record_of(FoundTable(table, 1, 2))).simplified
    2
    """
    length = int.from_bytes(record[:8], "little")
    first, rest = record[8 : 8 + length], record[8 + length :]
    if not rest:
        return _table_in(first)
    return _array_table_in(rest) if not first else _arrays_in(first, rest)


def data_of(found: Found) -> bytes:
    """Return what was found as bytes without any text of a program, which is written again from the plan.

    Examples
    --------
    >>> source = Source("def program(x): return (x,)", [], Literals())
    >>> b"program" in data_of(FoundArrays(source, lambda: (Plan({}, {}), []), 1, 2))
    False
    """
    if not isinstance(found, FoundArrays):
        return record_of(found)
    head = json.dumps([found.traced, found.simplified, found.rolled]).encode()
    return _joined(head, _record_of_plan(*found.plan()))


def found_in_data(
    data: bytes, names: Sequence[str], arguments: Shapes, results: Shapes, lengths: OpenLengths
) -> Found:
    r"""Return what `data_of` was given, from data that may be damaged or made to do harm.

    Parameters
    ----------
    data : bytes
        The data.
    names : sequence of str
        An identifier for each argument.
    arguments, results : sequence of tuple of int
        Their shapes, and those of the results.
    lengths : OpenLengths
        Which lengths of the arguments may be others.

    Raises
    ------
    UnfitError
        If it would read or write what is not its own. What is no such data at all may raise anything else.

    Examples
    --------
    >>> from .arguments.open_lengths import NONE_OPEN
    >>> plan = Plan({0: Block(None, (), argument=0)}, {5: (0, 0)})
    >>> found = FoundArrays(Source("", [], Literals()), lambda: (plan, [([5], ())]), 1, 1)
    >>> found_in_data(data_of(found), ["x"], [()], [()], NONE_OPEN).source.body
    '\n\ndef program(x):\n    return (x,)\n'
    """
    length = int.from_bytes(data[:8], "little")
    first, rest = data[8 : 8 + length], data[8 + length :]
    if not rest:
        table = _table_in(first)
        check_schedule(table.schedule, arguments, results)
        return table
    if not first:
        arrays = _array_table_in(rest)
        check_array_table(arrays.table, arguments, results)
        return arrays
    plan, wanted = _plan_in(rest)
    check_plan(plan, wanted, arguments, lengths)
    if [shape for _, shape in wanted] != [*results]:
        raise UnfitError("its results have other shapes")
    traced, simplified, rolled = json.loads(first)
    source = numpy_source(plan, names, wanted)
    shapes = None if rolled is None else arguments
    return FoundArrays(source, lambda: (plan, wanted), traced, simplified, shapes)


def _joined(first: bytes, rest: bytes = b"") -> bytes:
    return len(first).to_bytes(8, "little") + first + rest


class _Numbered(list[Array]):
    """The arrays of a record, which its tree refers to by number."""

    def add(self, array: Array) -> int:
        """Add an array, and return its number."""
        self.append(array)
        return len(self) - 1


# ---------------------------------------------------------------------------------------------------- arrays


def _record_of_arrays(found: FoundArrays) -> bytes:
    arrays, source = _Numbered(), found.source
    literals = [(name, arrays.add(array)) for name, array in source.literals.arrays.items()]
    counts = source.products, source.reductions, source.classes, source.gathers
    others = counts, source.executed, found.rolled
    tree = source.body, source.imports, literals, others, found.traced, found.simplified
    # The plan is apart, since it is large and only other backends read it.
    return _joined(packed(tree, arrays), _record_of_plan(*found.plan()))


def _arrays_in(record: bytes, rest: bytes) -> FoundArrays:
    (body, imports, literals, others, traced, simplified), arrays = unpacked(record)
    counts, executed, rolled = others
    named = Literals({name: arrays[which] for name, which in literals})
    source = Source(body, imports, named, *counts)
    source.executed = executed
    shapes = None if rolled is None else [*map(tuple, rolled)]
    return FoundArrays(source, partial(_plan_in, rest), traced, simplified, shapes)


def _record_of_plan(plan: Plan, results: Results) -> bytes:
    arrays = _Numbered()
    blocks = [(int(colour), *_block_tree(block, arrays)) for colour, block in plan.blocks.items()]
    found = [[(colour, int(at)) for colour, at in map(plan.place.__getitem__, which)] for which, _ in results]
    of_results = [arrays.add(np.array(places, dtype=np.int64).reshape(-1, 2)) for places in found]
    places = [(which, shape) for which, (_, shape) in zip(of_results, results, strict=True)]
    return packed((blocks, places, [*map(tuple, plan.lengths)], plan.along), arrays)


def _block_tree(block: Block, arrays: _Numbered) -> tuple[Any, ...]:
    def operands(of: Sequence[Operand]) -> list[tuple[int, int]]:
        return [(int(operand.source), arrays.add(operand.wanted)) for operand in of]

    return (
        block.op and block.op.name,
        block.shape,
        block.argument,
        None if block.constants is None else arrays.add(block.constants),
        # Those of a product only pair its factors, as `without_the_rest` says.
        operands(block.product or block.operands),
        block.is_reduction,
        block.product is not None,
        [arrays.add(target) for target in block.targets],
        (
            block.axes,
            block.over,
            block.dimensions,
            block.length,
            block.same_as,
            block.window,
            block.is_index,
            block.carried,
            block.is_along,
            block.opened,
        ),
        [None if listed is None else arrays.add(listed) for listed in (block.rows, block.terms)],
        None if block.loop is None else _loop_tree(block.loop, arrays),
    )


def _plan_in(record: bytes) -> tuple[Plan, Results]:
    (trees, places, lengths, along), arrays = unpacked(record)
    plan = Plan(
        {colour: _block_in(tree, arrays) for colour, *tree in trees},
        {},
        [AxisLength(*length) for length in lengths],
        [*map(tuple, along)],
    )
    results: list[tuple[list[int], tuple[int, ...]]] = []
    for which, shape in places:
        # Of the instructions the results alone are known by now, and numbered anew.
        first = len(plan.place)
        plan.place |= dict(enumerate(map(tuple, arrays[which].tolist()), first))
        results.append(([*range(first, len(plan.place))], tuple(shape)))
    return plan, results


def _block_in(tree: Sequence[Any], arrays: Sequence[Array]) -> Block:
    name, shape, argument, constants, parts, is_reduction, is_product, targets, of_axes, listed, loop = tree
    axes, over, dimensions, length, same_as, window, is_index, carried, is_along, opened = of_axes
    operands = [Operand(source, arrays[wanted]) for source, wanted in parts]
    rows, terms = (None if which is None else arrays[which] for which in listed)
    return Block(
        None if name is None else _row(name),
        tuple(shape),
        argument,
        None if constants is None else arrays[constants],
        operands,
        is_reduction,
        (operands[0], operands[1]) if is_product else None,
        [arrays[target] for target in targets],
        tuple(axes),
        tuple(over),
        tuple(dimensions),
        rows,
        length,
        None if same_as is None else (same_as[0], tuple(same_as[1])),
        None if window is None else Window(*window[:5])._replace(order=tuple(window[5])),
        is_index,
        None if loop is None else _loop_in(loop, arrays),
        None if carried is None else (carried[0], carried[1], carried[2]),
        is_along,
        opened,
        terms,
    )


def _loop_tree(loop: LoopPlan, arrays: _Numbered) -> tuple[Any, ...]:
    body = loop.body
    carried = [
        (array.shape, array.axes, _numbers(array.first), _numbers([body.place[i] for i in array.results]))
        for array in loop.carried
    ]
    taken = [(int(operand.source), arrays.add(operand.wanted)) for operand in loop.taken]
    blocks = [(int(colour), *_block_tree(block, arrays)) for colour, block in body.blocks.items()]
    condition = [] if loop.condition is None else _numbers([body.place[loop.condition]])
    return loop.axis, loop.is_reversed, carried, taken, blocks, [*map(tuple, body.lengths)], condition


def _numbers(places: Sequence[Place]) -> list[tuple[int, int]]:
    return [(int(colour), int(at)) for colour, at in places]


def _loop_in(tree: Sequence[Any], arrays: Sequence[Array]) -> LoopPlan:
    axis, is_reversed, carried, taken, blocks, lengths, condition = tree
    body = Plan(
        {colour: _block_in(block, arrays) for colour, *block in blocks},
        {},
        [AxisLength(*length) for length in lengths],
    )
    found = []
    for shape, axes, first, places in carried:
        # As those of a plan, the results are numbered anew.
        own = range(len(body.place), len(body.place) + len(places))
        body.place |= dict(zip(own, map(tuple, places), strict=True))
        found.append(CarriedArray(tuple(shape), tuple(axes), [*map(tuple, first)], [*own]))
    operands = [Operand(source, arrays[wanted]) for source, wanted in taken]
    which = len(body.place) if condition else None
    body.place |= dict(enumerate(map(tuple, condition), len(body.place)))
    return LoopPlan(axis, is_reversed, found, operands, body, which)


def _row(name: str) -> Op:
    """Return the row of a name, which the passes may have added to those of the table."""
    return ADD_PRODUCT if name == ADD_PRODUCT.name else row(name)


# ----------------------------------------------------------------------------------------------------- tables


def _record_of_table(found: FoundTable) -> bytes:
    arrays, table = _Numbered(), found.schedule
    runs = [(run.op.name, run.start, run.stop) for run in table.runs]
    constants = np.array(table.constants, dtype=float)
    own = [arrays.add(array) for array in (table.given, table.sources, constants, table.table, table.kept)]
    results = [(arrays.add(rows), arrays.add(lanes)) for rows, lanes in table.results]
    tree = table.lanes, table.slots, own, runs, results, found.traced, found.simplified
    return _joined(packed(tree, arrays))


def _table_in(record: bytes) -> FoundTable:
    (lanes, slots, own, named, pairs, traced, simplified), arrays = unpacked(record)
    given, sources, constants, table, kept = (arrays[which] for which in own)
    runs = [OperationRun(_row(name), start, stop) for name, start, stop in named]
    results = [(arrays[rows], arrays[columns]) for rows, columns in pairs]
    schedule = Schedule(lanes, slots, given, sources, constants.tolist(), runs, table, kept, results)
    return FoundTable(schedule, traced, simplified)


def _record_of_array_table(found: FoundArrayTable) -> bytes:
    # In place of the plan, with nothing before it.
    return _joined(b"", _packed_table(*found))


def _packed_table(table: ArrayTable, *counts: int) -> bytes:
    arrays = _Numbered()
    own = [arrays.add(array) for array in (table.constants, table.code, table.places)]
    results = [arrays.add(positions) for positions in table.results]
    names = [op.name for op in table.ops]
    return packed((table.size, table.given, names, own, results, *counts), arrays)


def _array_table_in(record: bytes) -> FoundArrayTable:
    (size, given, names, own, results, *counts), arrays = unpacked(record)
    constants, code, places = (arrays[which] for which in own)
    taken = [arrays[which] for which in results]
    table = ArrayTable(size, given, constants, [_row(name) for name in names], code, places, taken)
    return FoundArrayTable(table, *counts)
