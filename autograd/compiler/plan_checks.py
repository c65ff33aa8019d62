"""Check what is read of a program before it runs: that it reads and writes nothing but its own arrays.

Machine code does not look whether a position is in an array. The passes see to it that each is; what comes
from a file may say anything. So each block is checked against those before it: the shape and axes that it
states, every position, and for axes that lengths are known to be equal, or long enough, wherever they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..ops.table import Op
from .arguments.open_lengths import OpenLengths
from .arrays.plan import Block, CarriedArray, LoopPlan, Operand, Place, Plan, Results
from .fitness import MOST_NUMBERS, are_positions, is_in, require
from .passes.axes import AxisLength
from .passes.products import DOTS

Shape = tuple[int, ...]


# --------------------------------------------------------------------------------------------------- lengths


class _Length(NamedTuple):
    """A length: a number, or what an open length is, and how much longer it is."""

    base: object
    number: int


class _Lengths:
    """What is known of the lengths of axes.

    Parameters
    ----------
    axes : sequence of AxisLength
        The axes.
    shapes : sequence of tuple of int
        The shapes of the arguments.
    symbols : OpenLengths
        Which of their lengths are open.
    """

    def __init__(self, axes: Sequence[AxisLength], shapes: Sequence[Shape], symbols: OpenLengths) -> None:
        self.shapes, self.symbols = shapes, symbols
        if symbols:
            require(len(symbols.symbols) == len(shapes), "it has open lengths of other arguments")
        for shape, of in zip(shapes, symbols.symbols, strict=False):
            require(len(of) in (0, len(shape)), "it has open lengths of other dimensions")
        self.least: dict[object, int] = {}
        for symbol, (comparison, number, answer) in symbols.conditions:
            least = _LEAST.get((comparison, answer))
            if least is not None:
                self.least[symbol] = max(self.least.get(symbol, 0), number + least)
        self.of_axes = [self._of_axis(i, axis) for i, axis in enumerate(axes)]
        # Those that no loop has counted yet.
        self.uncounted = {i for i, axis in enumerate(axes) if axis.is_counted}

    def of_argument(self, argument: int, dimension: int) -> _Length:
        """Return the length of a dimension of an argument."""
        of = self.symbols.symbols[argument] if self.symbols else ()
        symbol = of[dimension] if of else 0
        return _Length(symbol, 0) if symbol else _Length(None, self.shapes[argument][dimension])

    def _of_axis(self, number: int, axis: AxisLength) -> _Length:
        argument, dimension, length, extra = axis
        require(type(extra) is int, "an axis has no length")
        if argument is not None:
            require(is_in(argument, len(self.shapes)) and length is None, "an axis is of no argument")
            require(is_in(dimension, len(self.shapes[argument])), "an axis is of no dimension")
            base, own = self.of_argument(argument, int(dimension or 0))
            found = _Length(base, own + extra)
            require(self.is_least(found, 0), "an axis may be shorter than nothing")
            return found
        if length is None:
            return _Length(("counted", number), 0)
        require(type(length) is int and 0 <= length < MOST_NUMBERS and not extra, "an axis has no length")
        return _Length(None, length)

    def is_least(self, length: _Length, number: int) -> bool:
        """Return whether a length is known to be so long at least."""
        return length.number + (0 if length.base is None else self.least.get(length.base, 0)) >= number

    def holds(self, axis: int, other: int, start: int) -> bool:
        """Return whether an axis is known to be as long as another one that begins there."""
        one, two = self.of_axes[axis], self.of_axes[other]
        return one.base == two.base and one.number >= two.number + start


_LEAST = {
    ("__ge__", True): 0, ("__gt__", True): 1, ("__eq__", True): 0, ("__lt__", False): 0, ("__le__", False): 1,
}  # fmt: skip
"""How much more than the number of a condition a length is at least."""


# ---------------------------------------------------------------------------------------------------- blocks


def check_plan(plan: Plan, results: Results, shapes: Sequence[Shape], lengths: OpenLengths) -> None:
    """Check a plan.

    Parameters
    ----------
    plan : Plan
        The plan.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.
    shapes : sequence of tuple of int
        The shapes of the arguments.
    lengths : OpenLengths
        Which of their lengths are open.

    Raises
    ------
    UnfitError
        For one that no pass would make.

    Examples
    --------
    >>> from .arguments.open_lengths import NONE_OPEN
    >>> plan = Plan({0: Block(None, (2,), argument=0)}, {0: (0, 2)})
    >>> check_plan(plan, [([0], ())], [(2,)], NONE_OPEN)
    Traceback (most recent call last):
        ...
    autograd.compiler.fitness.UnfitError: a result is beyond the end of an array
    """
    known = _Lengths(plan.lengths, shapes, lengths)
    whole = [_Given(shape, None) for shape in shapes]
    checks = _Checks(known, plan, whole, frozenset())
    checks.check_blocks()
    along = plan.along or [()] * len(results)
    require(len(along) == len(results), "it says what the dimensions of other results are")
    for (which, shape), dims in zip(results, along, strict=True):
        axes = [axis for axis in dims if axis is not None]
        require(len(set(axes)) == len(axes) and all(is_in(a, len(plan.lengths)) for a in axes), "no axes")
        checks.check_places([plan.place[i] for i in which], shape, set(axes), "a result")


class _Given(NamedTuple):
    """An argument of a plan; of the body of a loop with its axes."""

    shape: Shape
    axes: tuple[int, ...] | None


class _Checks:
    """Goes through the blocks of a plan, or of the body of a loop."""

    def __init__(self, known: _Lengths, plan: Plan, given: Sequence[_Given], inside: frozenset[int]) -> None:
        self.known, self.plan, self.given, self.inside = known, plan, given, inside
        self.blocks: dict[int, Block] = {}

    def check_blocks(self) -> None:
        for colour, block in self.plan.blocks.items():
            require(type(colour) is int, "an array has no number")
            self.check_shape(block.shape)
            axes = block.axes
            require(
                all(is_in(axis, len(self.known.of_axes)) for axis in axes)
                and [*axes] == sorted(set(axes))
                and not (self.inside | self.known.uncounted) & set(axes),
                "an array has other axes than there are",
            )
            self.check_kind(block)
            self.blocks[colour] = block

    def check_shape(self, shape: Shape) -> None:
        require(
            all(type(n) is int and n >= 0 for n in shape) and prod(shape) < MOST_NUMBERS,
            "an array has no shape",
        )

    def check_kind(self, block: Block) -> None:
        """Check what a block is: one thing alone, and of that all that it states."""
        truths = (block.is_reduction, block.is_index, block.is_along)
        require(all(type(of) is bool for of in truths), "what is true or not is neither")
        kinds: Mapping[str, Any] = {
            "argument": block.argument,
            "constants": block.constants,
            "row": block.op,
            "length": block.length,
            "renamed": block.same_as,
            "window": block.window,
            "index": block.is_index or None,
            "loop": block.loop,
            "carried": block.carried,
            "along": block.is_along or None,
            "opened": block.opened,
        }
        found = [kind for kind, of in kinds.items() if of is not None]
        require(len(found) <= 1, "an array is two things")
        kind = found[0] if found else "arrangement"
        require(not block.targets or kind == "arrangement", "an array is two things")
        require(not block.operands or kind in ("arrangement", "row", "along"), "an array has operands")
        is_plain = not (block.is_reduction or block.product or block.over) and block.terms is None
        require(is_plain or kind == "row", "an array is computed by no row")
        require(kind == "argument" or (block.rows is None and not block.dimensions), "an array has rows")
        _CHECKS[kind](self, block)

    # ------------------------------------------------------------------------------------- what is given

    def argument(self, block: Block) -> None:
        require(is_in(block.argument, len(self.given)), "an array is of no argument")
        given = self.given[int(block.argument or 0)]
        if given.axes is not None:
            is_same = block.shape == given.shape and block.axes == given.axes and not block.dimensions
            require(is_same and block.rows is None, "a step is given another array")
            return
        argument, dimensions = int(block.argument or 0), block.dimensions
        own = [self.known.of_argument(argument, d) for d in range(len(given.shape))]
        if block.rows is not None:
            rows = block.rows
            require(rows.dtype.kind == "i" and rows.ndim == 1 and own, "it takes rows of no array")
            own[0] = _Length(None, len(rows))
        require(len(dimensions) == len(block.axes) == len(set(dimensions)), "an argument has other axes")
        for axis, dimension in zip(block.axes, dimensions, strict=True):
            require(is_in(dimension, len(own)), "an argument has no such dimension")
            require(self.known.of_axes[axis] == own[dimension], "an argument is not as long as an axis")
        rest = [n for d, n in enumerate(own) if d not in dimensions]
        require([_Length(None, n) for n in block.shape] == rest, "an argument has another shape")

    def constants(self, block: Block) -> None:
        numbers = block.constants
        lengths = tuple([self.number_of(axis) for axis in block.axes])
        is_so = numbers is not None and numbers.dtype == np.float64 and numbers.shape == block.shape + lengths
        require(is_so, "constants have another shape")

    def number_of(self, axis: int) -> int:
        """Return the length of an axis that is not open."""
        base, number = self.known.of_axes[axis]
        require(base is None, "an axis of no certain length")
        return number

    def length(self, block: Block) -> None:
        is_known = is_in(block.length, len(self.known.of_axes)) and block.length not in self.known.uncounted
        require(is_known and block.shape == (), "a length of no axis")

    def index(self, block: Block) -> None:
        require(block.shape == () and len(block.axes) == 1, "an index along no axis")

    # ------------------------------------------------------------------------------ other forms of arrays

    def source(self, colour: Any) -> Block:
        """Return an array that is computed before."""
        found = self.blocks.get(colour) if type(colour) is int else None
        require(found is not None and found.loop is None, "an array is used before it is there")
        assert found is not None
        return found

    def renamed(self, block: Block) -> None:
        assert block.same_as is not None
        colour, order = block.same_as
        source = self.source(colour)
        require(source.shape == block.shape, "an array has another shape under another name")
        require(sorted(order) == [*range(len(source.axes))] and len(order) == len(block.axes), "no order")
        for axis, i in zip(block.axes, order, strict=True):
            pair = self.known.of_axes[axis], self.known.of_axes[source.axes[i]]
            require(pair[0] == pair[1], "an axis has another length under another name")

    def window(self, block: Block) -> None:
        of = block.window
        assert of is not None
        source, axes = self.source(of.source), len(self.known.of_axes)
        is_one = (
            is_in(of.old, axes)
            and of.old not in self.known.uncounted
            and type(of.start) is int
            and of.within is None
        )
        require(is_one and type(of.covers) is bool, "a slice along no axis")
        require(source.shape == block.shape and of.old not in self.inside, "a slice has another shape")
        varies = of.old in source.axes
        if of.new is None:
            require(block.axes == tuple([a for a in source.axes if a != of.old]), "an element along an axis")
            needed = of.start + 1 if of.start >= 0 else -of.start
            require(self.known.is_least(self.known.of_axes[of.old], needed), "an element beyond the end")
            return
        require(is_in(of.new, axes), "a slice along no axis")
        own = [of.new if axis == of.old else axis for axis in source.axes] + ([] if varies else [of.new])
        require(sorted(of.order) == [*range(len(own))], "a slice in no order")
        require(block.axes == tuple([own[i] for i in of.order]), "a slice along other axes")
        if of.covers and varies:
            require(of.start >= 0 and self.known.holds(of.old, of.new, of.start), "a slice beyond the end")

    def along(self, block: Block) -> None:
        require(len(block.operands) == 1 and block.axes, "an array along no axis")
        (operand,) = block.operands
        source = self.operand(operand)
        steps = self.number_of(block.axes[-1])
        require(block.axes[:-1] == source.axes, "an array along other axes")
        require(operand.wanted.shape == (*block.shape, steps), "an array along an axis of another length")

    def opened(self, block: Block) -> None:
        source = self.source(block.opened)
        require(source.axes, "an array along no axis")
        steps = self.number_of(source.axes[-1])
        require(block.axes == source.axes[:-1], "an array along other axes")
        require(block.shape == (*source.shape, steps), "an array along an axis of another length")

    def arrangement(self, block: Block) -> None:
        require(len(block.operands) == len(block.targets), "an arrangement without places")
        for operand, target in zip(block.operands, block.targets, strict=True):
            require(set(self.operand(operand).axes) <= set(block.axes), "an arrangement along other axes")
            require(are_positions(target, block.size), "an arrangement beyond the end")
            require(target.size == operand.wanted.size, "an arrangement of other numbers than it has")
        targets = np.concatenate([np.empty(0, np.intp), *map(np.ravel, block.targets)])
        require(
            len(targets) == block.size and len(np.unique(targets)) == block.size, "an arrangement with holes"
        )

    # ----------------------------------------------------------------------------------------------- rows

    def operand(self, operand: Operand) -> Block:
        """Return the array that an operand takes numbers from."""
        source = self.source(operand.source)
        require(are_positions(operand.wanted, source.size), "an operand is beyond the end of an array")
        return source

    def row(self, block: Block) -> None:
        op = block.op
        assert op is not None
        axes, over = set(block.axes), set(block.over)
        require(
            all(is_in(axis, len(self.known.of_axes)) for axis in block.over)
            and len(over) == len(block.over)
            and not over & (axes | self.inside),
            "a sum over no axes",
        )
        for operand in block.operands:
            require(set(self.operand(operand).axes) <= axes | over, "a row along other axes")
        shapes = [operand.wanted.shape for operand in block.operands]
        if block.product is not None:
            self.product(block, op, shapes)
            return
        require(block.terms is None, "terms of no product")
        count = len(op.parameters)
        if block.is_reduction:
            terms = shapes[0][-1] if shapes and shapes[0] else 0
            # The maximum over an axis is one of two numbers, again and again.
            is_row = len(shapes) == (count if op.variadic else 1 if over and count == 2 else 0) > 0
            sizes = [(prod(shape), shape[-1:]) for shape in shapes]
            require(is_row and all(s == (block.size * terms, (terms,)) for s in sizes), "a sum of no rows")
            return
        is_row = (
            len(shapes) > 0 and len(shapes) % len(op.partials) == 0 if op.variadic else len(shapes) == count
        )
        require(is_row, "a row of another number of operands")
        require(all(shape == block.shape for shape in shapes), "a row of operands of other shapes")

    def product(self, block: Block, op: Op, shapes: Sequence[Shape]) -> None:
        is_pair = op in DOTS and block.is_reduction and len(shapes) == 2
        is_pair = is_pair and all(len(shape) == 2 for shape in shapes) and shapes[0][1] == shapes[1][1]
        require(is_pair, "a product of no rows")
        (rows, terms), columns = shapes[0], shapes[1][0]
        require(tuple([n for n in (rows, columns) if n > 1]) == block.shape, "a product of another shape")
        if block.terms is not None:
            is_so = block.terms.dtype.kind == "i" and block.terms.shape == (columns, terms) and rows == 1
            require(is_so and ((block.terms == 0) | (block.terms == 1)).all(), "terms of no product")

    # ---------------------------------------------------------------------------------------------- loops

    def loop(self, block: Block) -> None:
        loop = block.loop
        assert loop is not None
        require(is_in(loop.axis, len(self.known.of_axes)) and not block.axes, "a loop along no axis")
        is_one = loop.axis not in self.inside and block.shape == () and type(loop.is_reversed) is bool
        require(is_one, "a loop along an axis of another")
        is_counting, uncounted = loop.condition is not None, self.known.uncounted
        require((loop.axis in uncounted) is is_counting, "a loop of no certain number of steps")
        given = [self.carried_array(loop, array) for array in loop.carried]
        for operand in loop.taken:
            axes = tuple([axis for axis in self.operand(operand).axes if axis != loop.axis])
            given.append(_Given(operand.wanted.shape, axes))
        require([*loop.body.lengths] == [*self.plan.lengths], "a loop of other axes")
        body = _Checks(self.known, loop.body, given, self.inside | {loop.axis})
        body.check_blocks()
        for array in loop.carried:
            places = [loop.body.place[i] for i in array.results]
            body.check_places(places, array.shape, set(array.axes), "what is carried")
        if loop.condition is not None:
            place = loop.body.place[loop.condition]
            body.check_places([place], (), {*range(len(self.known.of_axes))}, "a condition")
        self.known.uncounted = uncounted - {loop.axis}

    def carried_array(self, loop: LoopPlan, array: CarriedArray) -> _Given:
        axes = array.axes
        is_so = all(is_in(axis, len(self.known.of_axes)) for axis in axes) and [*axes] == sorted(set(axes))
        require(is_so and not set(axes) & (self.inside | {loop.axis}), "a loop carries an array of no axes")
        self.check_places(array.first, array.shape, set(axes), "what the first step is given")
        return _Given(array.shape, axes)

    def carried(self, block: Block) -> None:
        assert block.carried is not None
        colour, which, when = block.carried
        loop = self.blocks[colour].loop if type(colour) is int and colour in self.blocks else None
        require(loop is not None and when in ("given", "left", "last"), "an array is carried by no loop")
        assert loop is not None
        require(is_in(which, len(loop.carried)), "a loop does not carry that")
        array = loop.carried[which]
        axes = {*array.axes} if when == "last" else {*array.axes, loop.axis}
        require(block.shape == array.shape and set(block.axes) == axes, "a loop carries another array")

    def check_places(self, places: Sequence[Place], shape: Shape, axes: set[int], what: str) -> None:
        """Check where the elements of an array stand."""
        self.check_shape(shape)
        require(len(places) == prod(shape), f"{what} has another shape")
        for colour, at in places:
            block = self.source(colour)
            require(is_in(at, block.size), f"{what} is beyond the end of an array")
            require(set(block.axes) <= axes, f"{what} is along other axes")


_CHECKS = {
    "argument": _Checks.argument,
    "constants": _Checks.constants,
    "row": _Checks.row,
    "length": _Checks.length,
    "renamed": _Checks.renamed,
    "window": _Checks.window,
    "index": _Checks.index,
    "loop": _Checks.loop,
    "carried": _Checks.carried,
    "along": _Checks.along,
    "opened": _Checks.opened,
    "arrangement": _Checks.arrangement,
}
