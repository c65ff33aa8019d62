"""Read a plan as formulas: what each element of each of its arrays is, in index notation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...ops.table import Op
from ..arrays.plan import Block, LoopPlan, Operand, Place, Plan, Results, by_source
from ..passes.axes import AxisLength
from ..passes.products import DOTS, PLAIN_SUMS
from .algebra import applied, substituted, sum_over, times
from .index_notation import (
    AxisSize,
    Entry,
    Expression,
    FoldOver,
    Letter,
    LetterValue,
    Numeral,
    Stride,
    Subscript,
    index_of,
)

Key = tuple[Any, ...]
"""What an array is known by, such as ``("argument", 0)``, ``("array", 7)`` or ``("result", 0)``."""

Own = tuple[Letter | None, ...]
"""The letters of the dimensions of a block, None where a dimension has one element."""


class UnwrittenError(NotImplementedError):
    """A program has a part that is not written as mathematics.

    Parameters
    ----------
    part : str
        The part.
    """

    def __init__(self, part: str) -> None:
        super().__init__(f"expected arrays and loops that formulas say, got {part}; f.source has the program")


@dataclass
class ArrayPiece:
    """Some elements of an array, and what they are.

    Attributes
    ----------
    at : tuple of Subscript
        Which elements: an index for each dimension of the array.
    expression : Expression
        What they are, over the letters of the indices.
    """

    at: tuple[Subscript, ...]
    expression: Expression


class LoopSteps(NamedTuple):
    """The steps of a loop.

    Attributes
    ----------
    letter : Letter
        The letter of the steps in the formulas of all that it computes.
    is_reversed : bool
        Whether the last step comes first.
    """

    letter: Letter
    is_reversed: bool


@dataclass
class ArrayFormula:
    """An array of a program.

    Attributes
    ----------
    key : tuple
        What it is known by.
    letters : tuple of Letter
        A letter for each of its dimensions.
    pieces : list of ArrayPiece
        What its elements are; a single piece is all of them.
    steps : LoopSteps or None
        The loop that computes it step by step.
    """

    key: Key
    letters: tuple[Letter, ...]
    pieces: list[ArrayPiece]
    steps: LoopSteps | None = None

    @property
    def whole(self) -> Expression | None:
        """What all of its elements are, over its letters, if that is one formula."""
        if len(self.pieces) == 1 and self.pieces[0].at == self.letters:
            return self.pieces[0].expression
        return None


@dataclass
class ProgramFormulas:
    """The formulas of a program.

    Attributes
    ----------
    arrays : dict
        The arrays by key, each after those that it is computed from, and the results last.
    constants : dict
        The constants that are arrays.
    shapes : dict
        The shape of each argument and of each result, with None where a dimension is an axis.
    axes : list of AxisLength
        Where the length of each axis is found.
    along : set of (key, int, int)
        Which axes go along a whole dimension of an argument.
    """

    arrays: dict[Key, ArrayFormula] = field(default_factory=dict)
    constants: dict[Key, npt.NDArray[np.float64]] = field(default_factory=dict)
    shapes: dict[Key, tuple[int | None, ...]] = field(default_factory=dict)
    axes: Sequence[AxisLength] = ()
    along: set[tuple[Key, int, int]] = field(default_factory=set)


def formulas_of(plan: Plan, results: Results, arguments: Sequence[tuple[int, ...]]) -> ProgramFormulas:
    """Return the formulas of a plan.

    Parameters
    ----------
    plan : Plan
        The arrays.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.
    arguments : sequence of tuple of int
        The shape of each argument.

    Raises
    ------
    UnwrittenError
        For a program with a part that has no formula yet.

    Examples
    --------
    >>> from ...ops.table import OPS
    >>> plan = Plan({0: Block(None, (3,), argument=0), 1: Block(OPS["sin"], (3,), operands=[
    ...     Operand(0, np.arange(3))])}, {5: (1, 0), 6: (1, 1), 7: (1, 2)})
    >>> formulas_of(plan, [([5, 6, 7], (3,))], [(3,)]).arrays["array", 1].whole.word
    'sin'
    """
    found = ProgramFormulas(axes=plan.lengths)
    found.shapes |= {("argument", k): shape for k, shape in enumerate(arguments)}
    return _Reader(plan, found).read(results)


class _Reader:
    """One walk through the blocks of a plan."""

    # Of the body of a loop: the number of the loop, its steps, and their letter as the last dimension.
    inside: tuple[int, ...] = ()
    steps: LoopSteps | None = None
    last: tuple[Letter, ...] = ()

    def __init__(self, plan: Plan, found: ProgramFormulas) -> None:
        self.plan, self.found = plan, found
        # What arguments are, by their blocks.
        self.arguments: dict[int, tuple[tuple[Letter, ...], Expression]] = {}

    def read(self, results: Results) -> ProgramFormulas:
        for colour, block in self.plan.blocks.items():
            self._read(colour, block)
        along = self.plan.along or [()] * len(results)
        for k, ((wanted, shape), dims) in enumerate(zip(results, along, strict=True)):
            self._result(k, wanted, shape, dims)
        return self.found

    def letter(self, axis: int) -> Letter:
        """Return a new letter for an axis."""
        length = self.plan.lengths[axis]
        is_open = length.argument is not None or length.length is None
        return Letter(None, axis) if is_open else Letter(length.length)

    def _read(self, colour: int, block: Block) -> None:
        own: Own = tuple([Letter(n) if n > 1 else None for n in block.shape])
        along = {axis: self.letter(axis) for axis in block.axes}
        letters = (*[letter for letter in own if letter], *along.values(), *self.last)
        if block.constants is not None:
            lengths = block.constants.shape[len(block.shape) :]
            own_lengths = [n for n in block.shape if n > 1]
            key = "constant", *self.inside, colour
            self.found.constants[key] = block.constants.reshape((*own_lengths, *lengths))
            return
        if block.loop is not None:
            self._loop(colour, block.loop)
            return
        key = "array", *self.inside, colour
        if block.targets:
            pieces = self._filled(block, own, along)
        else:
            formula = self._formula(block, own, along)
            pieces = [ArrayPiece(letters, formula)]
            if block.argument is not None:
                self.arguments[colour] = letters, formula
        self.found.arrays[key] = ArrayFormula(key, letters, pieces, self.steps)

    def _loop(self, colour: int, loop: LoopPlan) -> None:
        """Read a loop: its body, and what it carries from step to step."""
        if self.steps is not None:
            raise UnwrittenError("a loop within a loop")
        if loop.condition is not None:
            raise UnwrittenError("a loop that ends by a condition")
        letter = self.letter(loop.axis)
        steps = LoopSteps(letter, loop.is_reversed)
        body = _BodyReader(self, colour, loop, steps)
        for inner, block in loop.body.blocks.items():
            body._read(inner, block)
        for k, array in enumerate(loop.carried):
            own: Own = tuple([Letter(n) if n > 1 else None for n in array.shape])
            along = {axis: self.letter(axis) for axis in array.axes}
            end = Letter(None if letter.length is None else letter.length + 1, letter.axis, 1)
            end = end if letter.axis is not None else Letter(end.length)
            begin = Stride(0) if not loop.is_reversed else _end_of(letter)
            pieces = [
                ArrayPiece((*piece.at, begin), piece.expression)
                for piece in self._assembled(array.first, array.shape, own, along)
            ]
            after: Subscript = letter if loop.is_reversed else Stride(1, ((letter, 1),))
            places = [loop.body.place[i] for i in array.results]
            pieces += [
                ArrayPiece((*piece.at, after), piece.expression)
                for piece in body._assembled(places, array.shape, own, along)
            ]
            key = "array", colour, k
            letters = (*[one for one in own if one], *along.values(), end)
            self.found.arrays[key] = ArrayFormula(key, letters, pieces, steps)

    def _assembled(
        self, places: Sequence[Place], shape: tuple[int, ...], own: Own, along: Mapping[int, Letter]
    ) -> list[ArrayPiece]:
        """Return the pieces of an array whose numbers stand at some places."""
        if not all(isinstance(position, int | np.integer) for _, position in places):
            raise UnwrittenError("samples that stand side by side")
        parts, targets = by_source([colour for colour, _ in places], [int(at) for _, at in places])
        if len(parts) == 1:
            view = Operand(parts[0].source, parts[0].wanted[np.argsort(targets[0])].reshape(shape))
            letters = (*[letter for letter in own if letter], *along.values())
            return [ArrayPiece(letters, self._view(view, own, along))]
        return [self._piece(part, at, shape, along) for part, at in zip(parts, targets, strict=True)]

    def _formula(self, block: Block, own: Own, along: Mapping[int, Letter]) -> Expression:
        """Return what an element of a block is."""
        if block.argument is not None:
            return self._argument(block, own, along)
        if block.length is not None:
            return AxisSize(block.length)
        if block.is_index:
            return LetterValue(along[block.axes[0]])
        if block.same_as is not None:
            source, order = block.same_as
            axes = self.plan.blocks[source].axes
            renamed = {axes[old]: along[new] for old, new in zip(order, block.axes, strict=True)}
            return self._element(source, own, renamed)
        if block.is_along:
            return self._view(block.operands[0], (*own, along[block.axes[-1]]), along)
        if block.opened is not None:
            axes = self.plan.blocks[block.opened].axes
            *kept, last = own
            last_index: Subscript = last or Stride(0)
            return self._element(block.opened, tuple(kept), {**along, axes[-1]: last_index})
        if block.window is not None:
            return self._window(block, own, along)
        if block.carried is not None:
            return self._carried(block, own, along)
        assert block.op is not None
        return self._computed(block, block.op, own, along)

    def _carried(self, block: Block, own: Own, along: Mapping[int, Letter]) -> Expression:
        """Return an element of what a loop carries: as given to a step, as left by it, or at the end."""
        assert block.carried is not None
        colour, k, when = block.carried
        loop = self.plan.blocks[colour].loop
        assert loop is not None
        if when == "last":
            step: Subscript = Stride(0) if loop.is_reversed else _end_of(self.letter(loop.axis))
        else:
            letter = along[loop.axis]
            step = letter if (when == "left") == loop.is_reversed else Stride(1, ((letter, 1),))
        key = "array", colour, k
        axes = [along[axis] for axis in loop.carried[k].axes]
        return Entry(key, (*[letter for letter in own if letter], *axes, step))

    def _argument(self, block: Block, own: Own, along: Mapping[int, Letter]) -> Expression:
        """Return an element of an argument: its sliced dimensions have the letters of axes."""
        key = "argument", block.argument
        shape = self.found.shapes[key]
        axis_of = dict(zip(block.dimensions, block.axes, strict=True))
        rest, at = iter(own), list[Subscript]()
        for dimension in range(len(shape)):
            if dimension in axis_of:
                index: Subscript = along[axis_of[dimension]]
                if dimension == 0 and block.rows is not None:
                    rows = block.rows.tolist()
                    letter = along[axis_of[0]]
                    index = index_of(block.rows, (letter,)) if len(rows) > 1 else Stride(int(rows[0]))
                elif along[axis_of[dimension]].length is None:
                    shape = (*shape[:dimension], None, *shape[dimension + 1 :])
                    self.found.along.add((key, dimension, axis_of[dimension]))
                at.append(index)
            else:
                at.append(next(rest) or Stride(0))
        self.found.shapes[key] = shape
        return Entry(key, tuple(at))

    def _window(self, block: Block, own: Own, along: Mapping[int, Letter]) -> Expression:
        """Return an element of an array that is moved along an axis, or of which there is one index."""
        window = block.window
        assert window is not None
        axes = self.plan.blocks[window.source].axes
        if window.old not in axes:
            raise UnwrittenError("equal numbers with zeros before or behind them")
        index: Subscript = Stride(window.start)
        if window.new is not None:
            letter = along[window.new]
            if not window.covers:
                index = Stride(window.start, ((letter, 1),))
                found = self._element(window.source, own, {**along, window.old: index})
                assert isinstance(found, Entry)
                return replace(found, is_padded=True)
            index = letter if not window.start else Stride(window.start, ((letter, 1),))
        return self._element(window.source, own, {**along, window.old: index})

    def _computed(self, block: Block, op: Op, own: Own, along: Mapping[int, Letter]) -> Expression:
        """Return what a row computes."""
        over = {axis: self.letter(axis) for axis in block.over}
        every = {**along, **over}
        if block.product is not None:
            left, right = block.product
            width, mine = left.wanted.shape[1], iter(own)
            row, column = [next(mine) if len(factor.wanted) > 1 else None for factor in block.product]
            k = Letter(width) if width > 1 else None
            body = times([self._view(left, (row, k), every), self._view(right, (column, k), every)])
            return sum_over([letter for letter in (k, *over.values()) if letter], body)
        if block.is_reduction:
            operands = [Operand(o.source, o.wanted[0]) if not block.shape else o for o in block.operands]
            width = operands[0].wanted.shape[-1]
            k = Letter(width) if width > 1 else None
            elements = [self._view(operand, (*own, k), every) for operand in operands]
            return _reduced(op, elements, [letter for letter in (k, *over.values()) if letter])
        elements = [self._view(operand, own, every) for operand in block.operands]
        # What adds up over axes besides is a sum: other reductions take one array.
        return sum_over([*over.values()], applied(op.name, elements))

    def _view(self, operand: Operand, letters: Own, along: Mapping[int, Subscript]) -> Expression:
        """Return the element of an operand for each value of some letters."""
        block = self.plan.blocks[operand.source]
        wanted = operand.wanted
        if block.constants is not None and not block.axes:
            chosen = block.constants[wanted]
            # By their bits: 0.0 equals -0.0, and nan does not equal itself.
            bits = np.ascontiguousarray(chosen).ravel().view(np.int64)
            if (bits == bits[0]).all():
                return Numeral(float(chosen.flat[0]))
        coordinates = np.unravel_index(wanted, block.shape or (1,))
        at = [
            index_of(np.asarray(coordinate), letters)
            for coordinate, n in zip(coordinates, block.shape, strict=False)
            if n > 1
        ]
        return self._entry(operand.source, at, along)

    def _element(self, colour: int, own: Own, along: Mapping[int, Subscript]) -> Expression:
        return self._entry(colour, [letter for letter in own if letter], along)

    def _entry(self, colour: int, at: Sequence[Subscript], along: Mapping[int, Subscript]) -> Expression:
        block = self.plan.blocks[colour]
        kind = "array" if block.constants is None else "constant"
        last = self.last if kind == "array" else ()
        entry = Entry((kind, *self.inside, colour), (*at, *[along[axis] for axis in block.axes], *last))
        if colour not in self.arguments:
            return entry
        letters, formula = self.arguments[colour]
        # An argument by its own dimensions; where an index of it has no form, by another name.
        return substituted(formula, dict(zip(letters, entry.at, strict=True))) or entry

    def _filled(self, block: Block, own: Own, along: Mapping[int, Letter]) -> list[ArrayPiece]:
        """Return the pieces of an array that takes its numbers from several."""
        return [
            self._piece(operand, np.asarray(target), block.shape, along)
            for operand, target in zip(block.operands, block.targets, strict=True)
        ]

    def _piece(
        self, part: Operand, target: Any, shape: tuple[int, ...], along: Mapping[int, Letter]
    ) -> ArrayPiece:
        """Return some elements of an array, which stand in another one at some positions."""
        source = self.plan.blocks[part.source]
        positions = np.asarray(part.wanted).ravel()
        target = np.asarray(target).ravel()
        # All of it: in its own order, which shows its dimensions.
        if len(positions) == source.size and (np.sort(positions) == np.arange(len(positions))).all():
            target = target[np.argsort(positions)].reshape(source.shape)
            positions = np.arange(source.size).reshape(source.shape)
        letters: Own = tuple([Letter(n) if n > 1 else None for n in target.shape])
        coordinates = np.unravel_index(target, shape or (1,))
        at = [
            index_of(np.asarray(coordinate), letters)
            for coordinate, n in zip(coordinates, shape, strict=False)
            if n > 1
        ]
        expression = self._view(Operand(part.source, positions), letters, along)
        return ArrayPiece((*at, *along.values()), expression)

    def _result(self, k: int, wanted: Sequence[int], shape: tuple[int, ...], dims: Sequence[Any]) -> None:
        """Read a result, whose dimensions are those of its slices, and axes between them."""
        key = "result", k
        axes = [axis for axis in dims if axis is not None]
        along = {axis: self.letter(axis) for axis in axes}
        rest = iter(shape)
        order = [(None, next(rest)) if axis is None else (axis, None) for axis in dims]
        order += [(None, n) for n in rest]
        self.found.shapes[key] = tuple([n if axis is None else along[axis].length for axis, n in order])
        if not wanted:
            self.found.arrays[key] = ArrayFormula(key, (), [])
            return
        places = [self.plan.place[instruction] for instruction in wanted]
        own: Own = tuple([Letter(n) if n > 1 else None for n in shape])
        letters = _in_order([letter for letter in own if letter], along, order)
        count = sum(n > 1 for n in shape)
        pieces = [
            ArrayPiece(_in_order(piece.at[:count], along, order), piece.expression)
            for piece in self._assembled(places, shape, own, along)
        ]
        self.found.arrays[key] = ArrayFormula(key, letters, pieces)


class _BodyReader(_Reader):
    """Reads the body of a loop: its arrays have the steps as their last dimension."""

    def __init__(self, around: _Reader, colour: int, loop: LoopPlan, steps: LoopSteps) -> None:
        super().__init__(loop.body, around.found)
        self.around, self.number, self.loop = around, colour, loop
        self.inside, self.steps, self.last = (colour, -1), steps, (steps.letter,)

    def _argument(self, block: Block, own: Own, along: Mapping[int, Letter]) -> Expression:
        """Return an element of what is carried, or taken from around the loop."""
        assert block.argument is not None
        assert self.steps is not None
        letter, k = self.steps.letter, block.argument
        if k < len(self.loop.carried):
            step: Subscript = Stride(1, ((letter, 1),)) if self.loop.is_reversed else letter
            letters = [one for one in own if one]
            return Entry(("array", self.number, k), (*letters, *along.values(), step))
        operand = self.loop.taken[k - len(self.loop.carried)]
        return self.around._view(operand, own, {**along, self.loop.axis: letter})


def _end_of(letter: Letter) -> Stride:
    """Return the index behind all that a letter runs through."""
    return Stride(-1) if letter.length is None else Stride(letter.length)


def _in_order(own: Sequence[Any], along: Mapping[int, Letter], order: Sequence[tuple[Any, Any]]) -> Any:
    """Return indices of slices and of axes in the order of the dimensions of a result."""
    rest = iter(own)
    found = [
        along[axis] if axis is not None else next(rest) for axis, n in order if axis is not None or n > 1
    ]
    return tuple(found)


def _reduced(op: Op, elements: Sequence[Expression], letters: Sequence[Letter]) -> Expression:
    """Return a reduction over letters."""
    if op in PLAIN_SUMS or op in DOTS:
        return sum_over(letters, times(elements))
    (element,) = elements
    return FoldOver(op.name, tuple(letters), element)
