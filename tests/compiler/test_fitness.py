"""Plans and tables that are read before they run: those of the passes are taken, and no others.

Each part of a right one is changed, and the error says what is wrong.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autograd.compiler.arguments.open_lengths import NONE_OPEN, OpenLengths
from autograd.compiler.arrays.plan import Block, CarriedArray, LoopPlan, Operand, Plan, Window
from autograd.compiler.fitness import MOST_NUMBERS, UnfitError
from autograd.compiler.passes.axes import AxisLength
from autograd.compiler.plan_checks import check_plan
from autograd.compiler.table.array_rows import EACH, GATHER, MAP, PRODUCT, REDUCTION, WIDTH
from autograd.compiler.table.array_table import ArrayTable
from autograd.compiler.table.schedule import OperationRun, Schedule
from autograd.compiler.table_checks import check_array_table, check_schedule
from autograd.ops.table import OPS, Op


def argument(shape: tuple[int, ...], axes: tuple[int, ...] = (), dimensions: tuple[int, ...] = ()) -> Block:
    """Return the block of the first argument."""
    return Block(None, shape, argument=0, axes=axes, dimensions=dimensions)


def row(wanted: Any, shape: tuple[int, ...], axes: tuple[int, ...] = ()) -> Block:
    """Return the block of a function of the first block."""
    return Block(OPS["exp"], shape, operands=[Operand(0, np.array(wanted))], axes=axes)


def product(terms: Any, shape: tuple[int, ...]) -> Block:
    """Return the block of products of numbers and three numbers, with some of their terms."""
    left, right = (
        Operand(0, np.zeros((3 if len(shape) > 1 else 1, 1), int)),
        Operand(0, np.arange(3).reshape(3, 1)),
    )
    return Block(
        OPS["dot"], shape, operands=[left, right], product=(left, right), is_reduction=True, terms=terms
    )


N, FIVE = AxisLength(0, 0), AxisLength(None, None, 5)
PLANS: dict[str, tuple[Plan, str]] = {
    "a position": (Plan({0: argument((3,)), 1: row([0, 3], (2,))}, {}), "beyond the end"),
    "a negative position": (Plan({0: argument((3,)), 1: row([0, -1], (2,))}, {}), "beyond the end"),
    "a later array": (Plan({1: row([0], (1,)), 0: argument((3,))}, {}), "before it is there"),
    "a shape": (Plan({0: argument((4,))}, {}), "another shape"),
    "a row of fewer": (Plan({0: argument((3,)), 1: row([0, 1], (3,))}, {}), "of other shapes"),
    "an open length as a shape": (Plan({0: argument((3,))}, {}, [N]), "another shape"),
    "an axis that is longer": (
        Plan({0: argument((), (0,), (0,))}, {}, [AxisLength(0, 0, None, 1)]),
        "not as long as an axis",
    ),
    "an axis of less than nothing": (Plan({}, {}, [AxisLength(0, 0, None, -1)]), "shorter than nothing"),
    "an axis too few": (
        Plan({0: argument((), (0,), (0,)), 1: row(0, ())}, {}, [N]),
        "a row along other axes",
    ),
    "a slice": (
        Plan(
            {
                0: argument((), (0,), (0,)),
                1: Block(None, (), axes=(1,), window=Window(0, 0, 1, 1, True, (0,))),
            },
            {},
            [N, N],
        ),
        "a slice beyond the end",
    ),
    "an element": (
        Plan({0: argument((), (0,), (0,)), 1: Block(None, (), window=Window(0, 0, None, 0))}, {}, [N]),
        "an element beyond the end",
    ),
    "two things": (Plan({0: replace(argument((3,)), constants=np.ones(3))}, {}), "two things"),
    "holes": (
        Plan(
            {
                0: argument((3,)),
                1: Block(None, (2,), operands=[Operand(0, np.array([0]))], targets=[np.array([1])]),
            },
            {},
        ),
        "holes",
    ),
    "a result": (Plan({0: argument((3,))}, {0: (0, 3)}), "a result is beyond the end"),
    "rows that are no positions": (
        Plan({0: replace(argument((2,)), rows=np.ones(2))}, {}),  # type: ignore[arg-type]
        "rows of no array",
    ),
    "an index along nothing": (Plan({0: Block(None, (), is_index=True)}, {}), "an index along no axis"),
    "another shape under another name": (
        Plan({0: argument((3,)), 1: Block(None, (2,), same_as=(0, ()))}, {}),
        "another shape under another name",
    ),
    "a name in no order": (
        Plan({0: argument((), (0,), (0,)), 1: Block(None, (), axes=(1,), same_as=(0, (1,)))}, {}, [N, N]),
        "no order",
    ),
    "an axis of another length": (
        Plan({0: argument((), (0,), (0,)), 1: Block(None, (), axes=(1,), same_as=(0, (0,)))}, {}, [N, FIVE]),
        "an axis has another length",
    ),
    "an array along one axis that is of another": (
        Plan(
            {
                0: argument((), (0,), (0,)),
                1: Block(None, (), operands=[Operand(0, np.zeros(5, int))], axes=(1,), is_along=True),
            },
            {},
            [N, FIVE],
        ),
        "an array along other axes",
    ),
    "terms of many rows": (
        Plan({0: argument((3,)), 1: product(np.ones((3, 1), int), (3, 3))}, {}),
        "terms of no product",
    ),
    "a term that is there twice": (
        Plan({0: argument((3,)), 1: product(np.full((3, 1), 2), (3,))}, {}),
        "terms of no product",
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_plans_that_no_pass_makes(name: str) -> None:
    """A plan that reads or writes what is not its own is refused, and the error says what of it."""
    plan, message = PLANS[name]
    is_open = bool(plan.lengths) or name.startswith("an open")
    lengths = OpenLengths(((-1,),)) if is_open else NONE_OPEN
    results = [([0], ())] if plan.place else []
    with pytest.raises(UnfitError, match=message):
        check_plan(plan, results, [(3,)], lengths)


@pytest.mark.parametrize(
    ("condition", "is_enough"),
    [
        (("__ge__", 1, True), True),
        (("__ge__", 0, True), False),
        (("__ge__", 1, False), False),
        (("__gt__", 0, True), True),
        (("__gt__", -1, True), False),
        (("__eq__", 1, True), True),
        (("__eq__", 0, True), False),
        (("__eq__", 1, False), False),
        (("__lt__", 1, False), True),
        (("__lt__", 0, False), False),
        (("__lt__", 1, True), False),
        (("__le__", 0, False), True),
        (("__le__", -1, False), False),
        (("__le__", 0, True), False),
    ],
)
def test_what_a_condition_says_of_a_length(condition: tuple[str, int, bool], is_enough: bool) -> None:
    """A slice of an open length is as safe as the conditions under which a program runs."""
    plan, message = PLANS["an element"]
    lengths = OpenLengths(((-1,),), ((-1, condition),))
    with nullcontext() if is_enough else pytest.raises(UnfitError, match=message):
        check_plan(plan, [], [(3,)], lengths)


# ---------------------------------------------------------------------------------- what is changed in a plan


def along(wanted: Any, axes: tuple[int, ...]) -> Block:
    """Return the block that has numbers of the first one along steps."""
    return Block(None, (), operands=[Operand(0, np.array(wanted))], axes=axes, is_along=True)


def applied(name: str, shape: tuple[int, ...], *wanted: Any, **fields: Any) -> Block:
    """Return the block of a row of the table that takes numbers of the first one."""
    return Block(OPS[name], shape, operands=[Operand(0, np.array(of)) for of in wanted], **fields)


def arranged(shape: tuple[int, ...], *pairs: tuple[Any, Any], axes: tuple[int, ...] = ()) -> Block:
    """Return the block that takes numbers of the first one to some places."""
    operands = [Operand(0, np.array(wanted)) for wanted, _ in pairs]
    return Block(None, shape, operands=operands, targets=[np.array(at) for _, at in pairs], axes=axes)


def product_of(left: Any, right: Any, shape: tuple[int, ...], name: str = "dot", **fields: Any) -> Block:
    """Return the block of a product of matrices of the first one's numbers."""
    block = applied(name, shape, left, right, is_reduction=True)
    return replace(block, product=(block.operands[0], block.operands[1]), **fields)


def steps(
    lengths: list[AxisLength],
    axis: int = 0,
    axes: tuple[int, ...] = (),
    condition: int | None = None,
    others: dict[int, Block] | None = None,
    first: Block | None = None,
) -> Plan:
    """Return a plan with a loop, which multiplies the number that it carries by another one."""
    body = Plan(
        {
            0: Block(None, (), argument=0, axes=axes),
            1: Block(None, (1,), argument=1, axes=axes),
            **(others or {}),
            2: Block(OPS["mul"], (), operands=[Operand(0, np.array(0)), Operand(1, np.array(0))], axes=axes),
        },
        {0: (2, 0)},
        lengths,
    )
    carried = [CarriedArray((), axes, [(0, 0)], [0])]
    loop = LoopPlan(axis, False, carried, [Operand(0, np.array([0]))], body, condition)
    last = Block(None, (), axes=axes, carried=(1, 0, "last"))
    left = Block(None, (), axes=tuple(sorted((*axes, axis))), carried=(1, 0, "left"))
    return Plan({0: first or argument((3,)), 1: Block(None, (), loop=loop), 2: last, 3: left}, {}, lengths)


SAMPLES, COUNTED = argument((), (0,), (0,)), AxisLength(None, None)


def element(start: int) -> Block:
    """Return the block of an element of five numbers along steps."""
    return Block(None, (), window=Window(0, 0, None, start))


def window(
    old: Any, new: Any, start: Any = 0, *, covers: Any = True, order: tuple[int, ...] = (0,)
) -> Window:
    """Return what a slice of the first array is."""
    return Window(0, old, new, start, covers, order)


CONSTANTS = Block(None, (), constants=np.ones(5), axes=(0,))
RIGHT: dict[str, Plan] = {
    "given": Plan({0: argument((3,))}, {}),
    "chosen rows": Plan({0: replace(argument((2,)), rows=np.array([0, 2]))}, {}),
    "samples": Plan({0: argument((), (1,), (0,))}, {}, [FIVE, N]),
    "no steps": Plan({}, {}, [AxisLength(None, None, 0)]),
    "length": Plan({0: Block(None, (), length=0)}, {}, [N, COUNTED]),
    "index": Plan({0: Block(None, (), axes=(0,), is_index=True)}, {}, [N, N]),
    "constants": Plan({0: Block(None, (2,), constants=np.ones(2))}, {}),
    "no numbers": Plan({0: arranged((0,))}, {}),
    "first": Plan({0: CONSTANTS, 1: element(4)}, {}, [FIVE]),
    "last": Plan({0: CONSTANTS, 1: element(-5)}, {}, [FIVE]),
    "slice": Plan(
        {0: SAMPLES, 1: Block(None, (), axes=(1,), window=Window(0, 0, 1, 0, True, (0,)))}, {}, [N, N]
    ),
    "along": Plan({0: argument((3,)), 1: along([0, 1, 2, 0, 1], (0,))}, {}, [FIVE]),
    "opened": Plan(
        {0: SAMPLES, 1: along([0] * 5, (0, 1)), 2: Block(None, (5,), axes=(0,), opened=1)}, {}, [N, FIVE]
    ),
    "arranged": Plan({0: argument((3,)), 1: arranged((4,), ([0, 1], [3, 1]), ([2, 0], [0, 2]))}, {}),
    "arranged samples": Plan({0: SAMPLES, 1: arranged((1,), ([0], [0]), axes=(0,))}, {}, [N]),
    "total": Plan({0: SAMPLES, 1: applied("sum", (), [0], is_reduction=True, over=(0,))}, {}, [N, N]),
    "largest": Plan({0: SAMPLES, 1: applied("max", (), [0], is_reduction=True, over=(0,))}, {}, [N]),
    "sums": Plan({0: argument((3,)), 1: applied("dot", (), [0, 1, 2], [0, 0, 0], is_reduction=True)}, {}),
    "rows": Plan({0: argument((3,)), 1: applied("dot", (2,), [0, 1], [1, 2], [2, 2], [0, 0])}, {}),
    "sum of one": Plan({0: argument((3,)), 1: applied("sum", (2,), [0, 1])}, {}),
    "product": Plan(
        {0: argument((3,)), 1: product_of([[0, 1], [1, 2]], [[0, 0], [1, 1], [2, 2]], (2, 3))}, {}
    ),
    "product of a row": Plan({0: argument((3,)), 1: product(np.array([[1], [0], [1]]), (3,))}, {}),
    "loop": steps([FIVE]),
    "loop of samples": steps([N, FIVE], axis=1, axes=(0,), first=SAMPLES),
    "loop that counts": steps([COUNTED], condition=0),
}


def changed(name: str, colour: int, **fields: Any) -> Plan:
    """Return a right plan with another array."""
    plan = RIGHT[name]
    return replace(plan, blocks={**plan.blocks, colour: replace(plan.blocks[colour], **fields)})


def of_loop(name: str, **fields: Any) -> Plan:
    """Return a right plan with another loop."""
    loop = RIGHT[name].blocks[1].loop
    assert loop is not None
    return changed(name, 1, loop=replace(loop, **fields))


def of_carried(name: str, **fields: Any) -> Plan:
    """Return a right plan whose loop carries another array."""
    loop = RIGHT[name].blocks[1].loop
    assert loop is not None
    return of_loop(name, carried=[replace(loop.carried[0], **fields)])


def operands(*wanted: Any) -> list[Operand]:
    """Return operands from the first array."""
    return [Operand(0, np.array(of)) for of in wanted]


def in_loop(block: Block, lengths: list[AxisLength]) -> Plan:
    """Return a plan with an array more in the body of its loop."""
    return steps(lengths, others={7: block})


WRONG: dict[str, tuple[Plan, str]] = {
    "no number": (Plan({"a": argument((3,))}, {}), "an array has no number"),  # type: ignore[dict-item]
    "a length that is no number": (Plan({}, {}, [AxisLength(0, 0, None, 0.5)]), "an axis has no length"),  # type: ignore[arg-type]
    "a length of no argument": (Plan({}, {}, [AxisLength(1, 0)]), "an axis is of no argument"),
    "two lengths": (Plan({}, {}, [AxisLength(0, 0, 3)]), "an axis is of no argument"),
    "a length of no dimension": (Plan({}, {}, [AxisLength(0, 1)]), "an axis is of no dimension"),
    "a length below nothing": (Plan({}, {}, [AxisLength(None, None, -1)]), "an axis has no length"),
    "a length that is too large": (
        Plan({}, {}, [AxisLength(None, None, MOST_NUMBERS)]),
        "an axis has no length",
    ),
    "a length and more": (Plan({}, {}, [AxisLength(None, None, 5, 1)]), "an axis has no length"),
    "a size below nothing": (Plan({0: arranged((-1,))}, {}), "an array has no shape"),
    "a size that is too large": (Plan({0: arranged((MOST_NUMBERS,))}, {}), "an array has no shape"),
    "a truth that is a number": (changed("sums", 1, is_reduction=1), "what is true or not is neither"),
    "places of a row": (changed("rows", 1, targets=[np.arange(2)]), "an array is two things"),
    "operands of an argument": (changed("given", 0, operands=operands(0)), "an array has operands"),
    "an argument that is a sum": (changed("given", 0, is_reduction=True), "computed by no row"),
    "an argument over samples": (changed("given", 0, over=(0,)), "computed by no row"),
    "an argument of terms": (changed("given", 0, terms=np.ones(1, int)), "computed by no row"),
    "rows of constants": (changed("constants", 0, rows=np.arange(2)), "an array has rows"),
    "dimensions of constants": (changed("constants", 0, dimensions=(0,)), "an array has rows"),
    "another argument": (changed("given", 0, argument=1), "an array is of no argument"),
    "samples without a dimension": (changed("samples", 0, dimensions=()), "an argument has other axes"),
    "samples of another dimension": (changed("samples", 0, dimensions=(1,)), "no such dimension"),
    "what is carried, in another shape": (
        in_loop(Block(None, (2,), argument=0), [FIVE]),
        "a step is given another array",
    ),
    "what is carried, without samples": (
        steps([N, FIVE], 1, (0,), first=SAMPLES, others={7: Block(None, (), argument=0)}),
        "a step is given another array",
    ),
    "rows of what is carried": (
        in_loop(Block(None, (), argument=0, rows=np.arange(1)), [FIVE]),
        "a step is given another array",
    ),
    "constants that are no floats": (changed("constants", 0, constants=np.arange(2)), "another shape"),
    "constants of another shape": (changed("constants", 0, constants=np.ones(3)), "another shape"),
    "a length of nothing": (changed("length", 0, length=2), "a length of no axis"),
    "a length that is not counted yet": (changed("length", 0, length=1), "a length of no axis"),
    "lengths": (changed("length", 0, shape=(1,)), "a length of no axis"),
    "indices": (changed("index", 0, shape=(1,)), "an index along no axis"),
    "an index along two": (changed("index", 0, axes=(0, 1)), "an index along no axis"),
    "an element behind": (changed("first", 1, window=element(5).window), "an element beyond the end"),
    "an element before": (changed("last", 1, window=element(-6).window), "an element beyond the end"),
    "an element along its axis": (changed("first", 1, axes=(0,)), "an element along an axis"),
    "an element of what is counted": (
        replace(
            RIGHT["loop that counts"],
            blocks={
                **RIGHT["loop that counts"].blocks,
                7: Block(None, (), window=Window(3, 0, None, 0)),
            },
        ),
        "an element beyond the end",
    ),
    "numbers for each step that is counted": (
        replace(
            RIGHT["loop that counts"],
            blocks={**RIGHT["loop that counts"].blocks, 7: along([0], (0,))},
        ),
        "an axis of no certain length",
    ),
    "a slice of no axis": (changed("slice", 1, window=window(7, 1)), "a slice along no axis"),
    "a slice of what is not counted yet": (
        replace(changed("slice", 1, window=window(2, 1)), lengths=[N, N, COUNTED]),
        "a slice along no axis",
    ),
    "a slice to no axis": (changed("slice", 1, window=window(0, 7)), "a slice along no axis"),
    "a slice from between": (changed("slice", 1, window=window(0, 1, 0.5)), "a slice along no axis"),
    "a slice within another": (
        changed("slice", 1, window=window(0, 1)._replace(within=(0, 1))),
        "a slice along no axis",
    ),
    "a slice that may cover": (changed("slice", 1, window=window(0, 1, covers=1)), "along no axis"),
    "a slice of another shape": (changed("slice", 1, shape=(1,)), "a slice has another shape"),
    "a slice of the steps, in one": (
        in_loop(Block(None, (), window=Window(0, 0, None, 0)), [FIVE]),
        "a slice has another shape",
    ),
    "a slice in no order": (changed("slice", 1, window=window(0, 1, order=(1,))), "a slice in no order"),
    "a slice along other axes": (changed("slice", 1, axes=(0,)), "a slice along other axes"),
    "along nothing": (changed("along", 1, axes=()), "an array along no axis"),
    "two arrays along steps": (changed("along", 1, operands=operands([0] * 5, [0] * 5)), "along no axis"),
    "along fewer steps": (changed("along", 1, operands=operands([0, 1])), "an axis of another length"),
    "opened along nothing": (
        Plan({0: argument((3,)), 1: Block(None, (3, 5), opened=0)}, {}, []),
        "an array along no axis",
    ),
    "opened along other axes": (changed("opened", 2, axes=()), "an array along other axes"),
    "opened to fewer": (changed("opened", 2, shape=(4,)), "an axis of another length"),
    "opened along samples": (changed("opened", 2, opened=0), "an axis of no certain length"),
    "numbers without places": (changed("arranged", 1, targets=[np.arange(4)]), "without places"),
    "numbers of samples": (changed("arranged samples", 1, axes=()), "an arrangement along other axes"),
    "a place beyond": (
        changed("arranged", 1, targets=[np.array([3, 4]), np.array([0, 2])]),
        "an arrangement beyond the end",
    ),
    "a place for two": (
        changed("arranged", 1, targets=[np.array([3]), np.array([0, 2, 1])]),
        "an arrangement of other numbers than it has",
    ),
    "a place twice": (
        changed("arranged", 1, targets=[np.array([3, 1]), np.array([1, 2])]),
        "an arrangement with holes",
    ),
    "a total over nothing": (changed("total", 1, over=(2,)), "a sum over no axes"),
    "a total over samples, twice": (changed("total", 1, over=(0, 0)), "a sum over no axes"),
    "a total along samples": (changed("total", 1, axes=(0,)), "a sum over no axes"),
    "a total over steps, in one": (
        in_loop(applied("sum", (), [0], is_reduction=True, over=(0,)), [FIVE]),
        "a sum over no axes",
    ),
    "terms of an exponential": (
        Plan({0: argument((3,)), 1: applied("exp", (), 0, terms=np.ones(1, int))}, {}),
        "terms of no product",
    ),
    "a total of two": (changed("total", 1, operands=operands([0], [0])), "a sum of no rows"),
    "a largest of two": (changed("largest", 1, operands=operands([0], [0])), "a sum of no rows"),
    "a largest over nothing": (changed("largest", 1, axes=(0,), over=()), "a sum of no rows"),
    "an exponential of many": (
        Plan({0: argument((3,)), 1: applied("exp", (), [0], is_reduction=True)}, {}),
        "a sum of no rows",
    ),
    "an exponential over samples": (changed("total", 1, op=OPS["exp"]), "a sum of no rows"),
    "an exponential of nothing": (
        Plan({0: argument((3,)), 1: applied("exp", (), is_reduction=True)}, {}),
        "a sum of no rows",
    ),
    "a sum of a number": (
        Plan({0: argument((3,)), 1: applied("sum", (), 0, is_reduction=True)}, {}),
        "a sum of no rows",
    ),
    "sums of unlike rows": (changed("sums", 1, operands=operands([0, 1, 2], [0, 1])), "a sum of no rows"),
    "sums of fewer rows": (changed("sums", 1, shape=(2,)), "a sum of no rows"),
    "a row of three": (changed("rows", 1, operands=operands(*[[0, 1]] * 3)), "another number of operands"),
    "a row of nothing": (changed("rows", 1, operands=[]), "another number of operands"),
    "an exponential of two": (changed("rows", 1, op=OPS["exp"]), "another number of operands"),
    "a product that is no sum": (changed("product", 1, is_reduction=False), "a product of no rows"),
    "a product of sums": (changed("product", 1, op=OPS["sum"]), "a product of no rows"),
    "a product of three": (
        changed("product", 1, operands=operands(*[[[0, 1]]] * 3)),
        "a product of no rows",
    ),
    "a product of three dimensions": (
        changed("product", 1, operands=operands([[[0], [1]]], [[0, 0]])),
        "a product of no rows",
    ),
    "a product of other terms": (
        changed("product", 1, operands=operands([[0, 1], [1, 2]], [[0], [1], [2]])),
        "a product of no rows",
    ),
    "a product of another shape": (changed("product", 1, shape=(3, 2)), "a product of another shape"),
    "terms that are no numbers of terms": (
        changed("product of a row", 1, terms=np.ones((3, 1))),
        "terms of no product",
    ),
    "terms of fewer rows": (
        changed("product of a row", 1, terms=np.ones((2, 1), int)),
        "terms of no product",
    ),
    "steps along nothing": (of_loop("loop", axis=1), "a loop along no axis"),
    "a loop along its steps": (changed("loop", 1, axes=(0,)), "a loop along no axis"),
    "loops side by side": (changed("loop", 1, shape=(2,)), "a loop along an axis of another"),
    "a loop that may be reversed": (of_loop("loop", is_reversed=0), "a loop along an axis of another"),
    "a loop within itself": (
        in_loop(RIGHT["loop"].blocks[1], [FIVE]),
        "a loop along an axis of another",
    ),
    "steps that nothing counts": (steps([COUNTED]), "a loop of no certain number of steps"),
    "steps that are counted twice": (steps([FIVE], condition=0), "a loop of no certain number of steps"),
    "a body of other lengths": (
        of_loop("loop", body=replace(steps([FIVE]), lengths=[])),
        "a loop of other axes",
    ),
    "all steps in one": (
        in_loop(Block(None, (), constants=np.ones(5), axes=(0,)), [FIVE]),
        "other axes than there are",
    ),
    "more than is carried": (of_carried("loop", results=[0, 0]), "what is carried has another shape"),
    "a shape below nothing": (of_carried("loop", shape=(-1,)), "an array has no shape"),
    "steps that are carried": (of_carried("loop", axes=(0,)), "a loop carries an array of no axes"),
    "samples twice": (of_carried("loop of samples", axes=(0, 0)), "a loop carries an array of no axes"),
    "samples of no axis": (of_carried("loop of samples", axes=(2,)), "a loop carries an array of no axes"),
    "a beginning beyond": (
        of_carried("loop", first=[(0, 3)]),
        "what the first step is given is beyond the end",
    ),
    "a beginning with samples": (
        of_carried("loop of samples", axes=()),
        "what the first step is given is along other axes",
    ),
    "a condition of another": (
        of_loop(
            "loop that counts",
            body=replace(RIGHT["loop that counts"].blocks[1].loop.body, place={0: (2, 1)}),  # type: ignore[union-attr]
            carried=[],
            taken=operands(0, [0]),
        ),
        "a condition is beyond the end",
    ),
    "carried by none": (changed("loop", 2, carried=(7, 0, "last")), "an array is carried by no loop"),
    "carried by an argument": (changed("loop", 2, carried=(0, 0, "last")), "an array is carried by no loop"),
    "carried some time": (changed("loop", 2, carried=(1, 0, "first")), "an array is carried by no loop"),
    "not carried": (changed("loop", 2, carried=(1, 1, "last")), "a loop does not carry that"),
    "carried with another shape": (changed("loop", 2, shape=(1,)), "a loop carries another array"),
    "carried along other axes": (changed("loop", 3, axes=()), "a loop carries another array"),
}


def checked(plan: Plan) -> None:
    """Check a plan of three numbers, or of samples."""
    is_open = any(axis.argument is not None for axis in plan.lengths)
    check_plan(plan, [], [(3,)], OpenLengths(((-1,),)) if is_open else NONE_OPEN)


@pytest.mark.parametrize("name", RIGHT)
def test_plans_of_all_kinds(name: str) -> None:
    """A plan that names only what is its own is taken."""
    checked(RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_plans_with_a_change(name: str) -> None:
    """With another array in it, it is refused."""
    plan, message = WRONG[name]
    with pytest.raises(UnfitError, match=message):
        checked(plan)


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (((0, -1), ()), ""),
        (((0, -1),), "open lengths of other arguments"),
        (((-1,), ()), "open lengths of other dimensions"),
    ],
)
def test_which_lengths_are_open(symbols: Any, message: str) -> None:
    """For each array it is said which of its dimensions are open, or that none is."""
    plan = Plan({0: argument((3,), (0,), (1,)), 1: Block(None, (2,), argument=1)}, {}, [AxisLength(0, 1)])
    with pytest.raises(UnfitError, match=message) if message else nullcontext():
        check_plan(plan, [], [(3, 4), (2,)], OpenLengths(symbols))


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ([(0,)], ""),
        ([(None, 0)], ""),
        ([(0, 0)], "no axes"),
        ([(1,)], "no axes"),
        ([(0,), (0,)], "the dimensions of other results"),
    ],
)
def test_dimensions_of_results(dims: list[tuple[int | None, ...]], message: str) -> None:
    """A dimension of a result that is an axis is one of the axes, and each once."""
    plan = replace(RIGHT["loop"], place={0: (3, 0)}, along=dims)
    with pytest.raises(UnfitError, match=message) if message else nullcontext():
        check_plan(plan, [([0], ())], [(3,)], NONE_OPEN)


@pytest.mark.parametrize(
    ("name", "place", "result", "message"),
    [
        ("loop", (0, 2), ([0], (-1, -1)), "an array has no shape"),
        ("loop", (0, 2), ([0, 0], ()), "a result has another shape"),
        ("loop", (1, 0), ([0], ()), "an array is used before it is there"),
        ("loop", (3, 0), ([0], ()), "a result is along other axes"),
    ],
)
def test_results_that_are_none(name: str, place: Any, result: Any, message: str) -> None:
    """A result has as many numbers as its shape says, and each stands somewhere."""
    check_plan(replace(RIGHT[name], place={0: (0, 2)}), [([0], ())], [(3,)], NONE_OPEN)
    with pytest.raises(UnfitError, match=message):
        check_plan(replace(RIGHT[name], place={0: place}), [result], [(3,)], NONE_OPEN)


# -------------------------------------------------------------------------------------------------- tables


def coded(*row: int) -> Any:
    """Return a table of one row, filled up with zeros."""
    return np.array([[*row, *[0] * (WIDTH - len(row))]])


# Four numbers that are given, two constants, and two results.
MAPPED = ArrayTable(
    size=8,
    given=4,
    constants=np.array([2.0, 3.0]),
    ops=[OPS["mul"]],
    code=coded(MAP, 0, 1, 2, 1, 6, 3, 0, -1, 0, 4, 0, 1, 0),
    places=np.array([[0, 4, 0], [1, 7, 0]], np.int32),
    results=[np.array([6, 7])],
)
TABLES: dict[str, ArrayTable] = {
    "map": MAPPED,
    "each": replace(MAPPED, code=coded(EACH, 0, 2, 6, 0)),
    "sums": replace(MAPPED, ops=[OPS["sum"]], code=coded(REDUCTION, 0, 1, 2, 2, 6, 0, 0, 2, 1)),
    "dots": replace(MAPPED, ops=[OPS["dot"]], code=coded(REDUCTION, 0, 1, 1, 4, 7, 0, 0, 0, 1, 3, 0, 0, -1)),
    "product": replace(MAPPED, code=coded(PRODUCT, 0, 1, 2, 2, 6, 0, 2, 1, 0, 2, 1)),
    "gather": replace(MAPPED, code=coded(GATHER, 0, 2, 6, 0)),
    "nothing": replace(
        MAPPED, size=6, code=coded()[:0], places=MAPPED.places[:0], results=[np.array([0, 5])]
    ),
}
THREE = Op(
    name="three",
    doc="",
    value="sum(condition * x * y)",
    partials=("1.0",) * 3,
    latex="",
    domain=(),
    variadic=True,
)

CHANGES_OF_TABLES: dict[str, tuple[str, dict[str, Any], str]] = {
    "other arguments": ("map", {"given": 5}, "a table of other arguments"),
    "constants that are no floats": ("map", {"constants": np.arange(2)}, "a table of other arguments"),
    "constants in rows": ("map", {"constants": np.ones((1, 2))}, "a table of other arguments"),
    "no room for what is given": (
        "map",
        {"size": 5, "code": coded()[:0], "places": MAPPED.places[:0], "results": [np.arange(2)]},
        "a table of no size",
    ),
    "a size that is no whole number": ("map", {"size": 8.0}, "a table of no size"),
    "too large a memory": ("map", {"size": MOST_NUMBERS}, "a table of no size"),
    "rows of other numbers": ("map", {"code": MAPPED.code.astype(np.int32)}, "a table of other types"),
    "places of other numbers": ("map", {"places": np.zeros((0, 3), int)}, "a table of other types"),
    "rows of fewer numbers": ("map", {"code": MAPPED.code[:, 1:]}, "a table of other rows"),
    "places of two": ("map", {"places": MAPPED.places[:, 1:]}, "a table of other rows"),
    "a place beyond": ("map", {"places": MAPPED.places + np.int32(1)}, "a place beyond the end"),
    "no result": ("map", {"results": []}, "a table of other results"),
    "a result beyond": ("map", {"results": [np.array([7, 8])]}, "a result beyond the end"),
    "a result of one": ("map", {"results": [np.array([7])]}, "a result beyond the end"),
    "no operation": ("map", {"ops": []}, "a row of no operation"),
    "an element of a reduction": ("map", {"ops": [OPS["sum"]]}, "a row of another kind"),
    "a reduction of no row": ("sums", {"ops": [OPS["exp"]]}, "a row of another kind"),
    "an operation that is not written out": ("each", {"ops": [OPS["exp"]]}, "a row of another kind"),
    "three sequences": ("sums", {"ops": [THREE]}, "a row of too many operands"),
}
CHANGES_OF_ROWS: dict[str, tuple[str, int, int, str]] = {
    "no kind": ("map", 0, 5, "a row of no kind"),
    "an operation beyond": ("map", 1, 1, "a row of no operation"),
    "no elements": ("map", 3, 0, "a loop of no length"),
    "elements that end beyond": ("map", 5, 7, "beyond the end of the memory"),
    "elements that begin before": ("map", 6, 0, "beyond the end of the memory"),
    "an operand beyond": ("map", 10, 7, "beyond the end of the memory"),
    "none": ("each", 2, 0, "a loop of no length"),
    "some beyond": ("each", 3, 7, "beyond the end of the memory"),
    "places beyond": ("each", 4, 1, "beyond the end of the memory"),
    "sums beyond": ("sums", 5, 7, "beyond the end of the memory"),
    "terms beyond": ("sums", 6, 5, "beyond the end of the memory"),
    "products beyond": ("product", 5, 7, "beyond the end of the memory"),
    "a left factor beyond": ("product", 6, 7, "beyond the end of the memory"),
    "a right factor beyond": ("product", 9, 5, "beyond the end of the memory"),
    "copies beyond": ("gather", 3, 7, "beyond the end of the memory"),
    "copies before": ("gather", 3, -1, "beyond the end of the memory"),
    "copies of what is beyond": ("gather", 4, 1, "beyond the end of the memory"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_all_kinds(name: str) -> None:
    """A table of arrays whose rows read and write its own memory is taken."""
    check_array_table(TABLES[name], [(4,)], [(2,)])


@pytest.mark.parametrize("name", CHANGES_OF_TABLES)
def test_tables_with_a_change(name: str) -> None:
    """One that is no table of its arguments and results, or leads beyond its memory, is refused."""
    table, changes, message = CHANGES_OF_TABLES[name]
    with pytest.raises(UnfitError, match=message):
        check_array_table(replace(TABLES[table], **changes), [(4,)], [(2,)])


@pytest.mark.parametrize("name", CHANGES_OF_ROWS)
def test_rows_with_a_change(name: str) -> None:
    """So is one with such a row."""
    table, at, number, message = CHANGES_OF_ROWS[name]
    code = TABLES[table].code.copy()
    code[0, at] = number
    with pytest.raises(UnfitError, match=message):
        check_array_table(replace(TABLES[table], code=code), [(4,)], [(2,)])


def whole(*numbers: Any) -> Any:
    """Return positions as tables have them."""
    return np.array(numbers, np.int32)


# Two numbers side by side, times 2.
SCHEDULE = Schedule(
    lanes=2,
    slots=3,
    given=whole(0, 1),
    sources=whole([0, 1], [2, 2]),
    constants=[2.0],
    runs=[OperationRun(OPS["mul"], 0, 1)],
    table=whole([2, 0, 1, 1]),
    kept=whole(2),
    results=[(whole(0, 0), whole(0, 1))],
)
CHANGES_OF_SCHEDULES: dict[str, tuple[dict[str, Any], str]] = {
    "lanes below nothing": ({"lanes": -1}, "a table of no lanes"),
    "too many lanes": ({"lanes": MOST_NUMBERS}, "a table of no lanes"),
    "slots that nobody writes": ({"slots": 4}, "a table of no slots"),
    "slots below nothing": ({"slots": -1}, "a table of no slots"),
    "fewer lanes": ({"sources": whole([0], [2])}, "a table of other lanes"),
    "fewer operands": ({"table": whole([2, 0, 1])}, "operations of other operands"),
    "a result of other lanes": ({"results": [(whole(0, 0), whole(0))]}, "a result of no lanes"),
    "a result that is not kept": ({"results": [(whole(0, 1), whole(0, 1))]}, "a table beyond its end"),
    "a lane beyond": ({"results": [(whole(0, 0), whole(0, 2))]}, "a table beyond its end"),
    "a slot that is given": ({"given": whole(0, 3)}, "a table beyond its end"),
    "an operand": ({"table": whole([2, 0, 3, 1])}, "a table beyond its end"),
    "a slot that is kept": ({"kept": whole(3)}, "a table beyond its end"),
    "a source": ({"sources": whole([0, 1], [2, 3])}, "a table beyond its end"),
    "fewer results": ({"results": [(whole(0), whole(0))]}, "a result of another shape"),
    "a later run": ({"runs": [OperationRun(OPS["mul"], 1, 1)]}, "a run of no operations"),
    "a run beyond": ({"runs": [OperationRun(OPS["mul"], 0, 2)]}, "a run of no operations"),
    "a run back": (
        {"runs": [*SCHEDULE.runs, OperationRun(OPS["mul"], 1, 0)]},
        "a run of no operations",
    ),
    "a reduction": ({"runs": [OperationRun(OPS["sum"], 0, 1)]}, "a row of any number of operands"),
    "no run": ({"runs": []}, "operations of no run"),
}


@pytest.mark.parametrize("name", CHANGES_OF_SCHEDULES)
def test_schedules_with_a_change(name: str) -> None:
    """A table without arrays is taken, and refused with any part that leads beyond another."""
    check_schedule(SCHEDULE, [(2,)], [(2,)])
    changes, message = CHANGES_OF_SCHEDULES[name]
    with pytest.raises(UnfitError, match=message):
        check_schedule(replace(SCHEDULE, **changes), [(2,)], [(2,)])
