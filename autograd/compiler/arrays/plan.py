"""A plan: the arrays of a program in order of evaluation, from which backends write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...ops.structural import When
from ...ops.table import Op
from ..passes.axes import Along, AxisLength
from .index_rules import Positions

Floats = npt.NDArray[np.float64]

Place = tuple[int, Any]
"""The colour of a block, and a position in it, or those of several samples."""

Results = Sequence[tuple[Sequence[int], tuple[int, ...]]]
"""For each result of a program its instructions and its shape."""

AxesOfResults = Sequence[tuple[int, ...]]

AlongAxes = Sequence[Along]
"""What the dimensions of each result are."""


@dataclass
class Operand:
    """An operand of a class: for each element of the class, a position in the flat array of another.

    Attributes
    ----------
    source : int
        The colour of the other.
    wanted : array of int
        The positions.
    """

    source: int
    wanted: Positions


@dataclass
class Block:
    """A colour class as an array: an argument, constants, an arrangement, or what a row computes.

    An arrangement takes its numbers from several arrays.

    Attributes
    ----------
    op : Op or None
        The row that computes it; None for an argument, constants and an arrangement.
    shape : tuple of int
        Its shape.
    argument : int or None
        The number of the argument that it is.
    constants : array of float or None
        The constants that it is.
    operands : list of Operand
        One for each parameter of the row; of an arrangement, one for each array that it takes numbers from.
    is_reduction : bool
        Whether it reduces the last axis of its operands, which the block does not have.
    product : tuple of Operand or None
        For a matrix product the rows of the left and of the right factor.
    terms : array of int or None
        Of the product of a vector, on the left, and a matrix, 1 for each term that a row has; None if it has
        all of them. The others are 0 in the matrix, but add nothing even where the vector is not finite.
    targets : list of array of int
        Of an arrangement, where in the flat array the numbers of each operand go.
    axes : tuple of int
        The axes that each of its numbers varies along, in ascending order. The shape, and all positions, are
        those of a slice at one index of them.
    over : tuple of int
        Of a reduction, the axes that it adds up over.
    dimensions : tuple of int
        Of an argument, the dimension of each of its axes.
    rows : array of int or None
        Of an argument, which of its rows are taken; all if it is None.
    length : int or None
        The axis whose length it is.
    same_as : (int, tuple of int) or None
        The colour of the array that it is, under other names of its axes, and which of them each axis is.
    window : Window or None
        What it is of another array along an axis: a slice, the same moved, or what stands at one index.
    is_index : bool
        Whether it is the index along its axis.
    loop : LoopPlan or None
        The loop that it is, which is no array.
    carried : (int, int, str) or None
        Of an array that a loop carries, the colour of the loop, which of its arrays it is, and whether it is
        what each step is "given", what each step has "left", or what the "last" one has.
    is_along : bool
        Whether it is its operand with the last dimension as its last axis.
    opened : int or None
        The colour of the array that it is, with the last axis of that as its last dimension.
    """

    op: Op | None
    shape: tuple[int, ...]
    argument: int | None = None
    constants: Floats | None = None
    operands: list[Operand] = field(default_factory=list)
    is_reduction: bool = False
    product: tuple[Operand, Operand] | None = None
    targets: list[Positions] = field(default_factory=list)
    axes: tuple[int, ...] = ()
    over: tuple[int, ...] = ()
    dimensions: tuple[int, ...] = ()
    rows: Positions | None = None
    length: int | None = None
    same_as: tuple[int, tuple[int, ...]] | None = None
    window: Window | None = None
    is_index: bool = False
    loop: LoopPlan | None = None
    carried: tuple[int, int, When] | None = None
    is_along: bool = False
    opened: int | None = None
    terms: Positions | None = None

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def is_at_index(self) -> bool:
        """Whether it is what stands at one index of the only axis of another array."""
        return self.window is not None and not self.axes

    @property
    def sources(self) -> set[int]:
        """The colours of what it is computed from."""
        found = {operand.source for operand in (*self.operands, *(self.product or ()))}
        found |= {of[0] for of in (self.same_as, self.carried, self.window) if of is not None}
        found |= set() if self.opened is None else {self.opened}
        return found if self.loop is None else found | self.loop.sources

    @property
    def lengths(self) -> set[int]:
        """The axes whose lengths it asks for, or has."""
        found = {*self.axes, *self.over}
        found |= set() if self.length is None else {self.length}
        found |= set() if self.window is None else {self.window.old}
        return found if self.loop is None else found | {self.loop.axis}


class Window(NamedTuple):
    """What an array is of another one along an axis.

    Attributes
    ----------
    source : int
        The colour of the other array.
    old : int
        Its axis.
    new : int or None
        The axis in its place; None for what stands at one index.
    start : int
        The index of what stands first; counted from the end if `new` is None and it is negative.
    covers : bool
        Whether the other array has a number for each index; otherwise there are zeros before or behind it.
    order : tuple of int
        Which of the other's axes, with the new one in place of the old one, each axis is.
    within : (int, int) or None
        Another axis whose indices those of the array are, from some start on, where it has numbers; None if
        that are those of the other array.
    """

    source: int
    old: int
    new: int | None
    start: int
    covers: bool = True
    order: tuple[int, ...] = ()
    within: tuple[int, int] | None = None


@dataclass
class LoopPlan:
    """A loop: its body is a plan, whose arguments are what it carries, followed by what it takes.

    Attributes
    ----------
    axis : int
        The steps.
    is_reversed : bool
        Whether the last step comes first.
    carried : list of CarriedArray
        What it carries.
    taken : list of Operand
        What the body takes from around it, a slice of each for each step where it varies along the steps.
    body : Plan
        One step.
    condition : int or None
        The instruction of the body that says whether the step is taken: for any index of its axes, if it has
        some. Such a loop counts its steps, which are the length of the axis.
    """

    axis: int
    is_reversed: bool
    carried: list[CarriedArray]
    taken: list[Operand]
    body: Plan
    condition: int | None = None

    @property
    def sources(self) -> set[int]:
        """The colours of what the first step is given, and of what the body takes."""
        first = {colour for array in self.carried for colour, _ in array.first}
        return first | {operand.source for operand in self.taken}

    @property
    def results(self) -> Results:
        """What the body computes: what is carried on, and the condition if there is one."""
        found = [(array.results, array.shape) for array in self.carried]
        return found if self.condition is None else [*found, ([self.condition], ())]


@dataclass
class CarriedArray:
    """An array that a loop carries.

    Attributes
    ----------
    shape : tuple of int
        Its shape.
    axes : tuple of int
        Its axes, without the steps.
    first : list of (int, int)
        Where its elements stand before the first step: colours of blocks, and positions there.
    results : list of int
        The instructions of the body that are carried on.
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    first: list[Place]
    results: list[int]


@dataclass
class Plan:
    """The classes of a tape in order of evaluation, and where the results stand.

    This is what a backend writes its program from. Going through the blocks in order, it finds:

    - an `argument`, which is given;
    - `constants`;
    - `targets`: an arrangement of numbers of several arrays. Those of each operand, which is flat, go to
      the positions that its entry of `targets` says;
    - a `product`: for each row of its left and each row of its right operand, the sum of their products, in
      an array of as many rows and columns, of which one is left out where there is a single row;
    - another reduction: a sum, dot product or logsumexp along the last axis of the operands;
    - any other row: element by element, by the rule that is its `Op.value`. The terms of a variadic one are
      its operands.

    An element of a result is found by `place`. `autograd.compiler.compile` has the list of the backends.

    Attributes
    ----------
    blocks : dict of int to Block
        By colour; each after those that it uses.
    place : dict of int to (int, int or array of int)
        Colour of the block and position in it of each instruction that is a result; one that stands for
        several samples has a position for each.
    lengths : list of AxisLength
        Where the length of each axis is found.
    along : list of tuple of int or None
        For each dimension of each result which axis it is, up to the last axis; nothing if no result has any.
    """

    blocks: dict[int, Block]
    place: dict[int, Place]
    lengths: Sequence[AxisLength] = ()
    along: AlongAxes = ()

    def up_to(self, colour: int) -> list[int]:
        """Return a block after those that it is computed from, by colour."""
        found = {colour}
        for other in reversed(self.blocks):
            if other in found:
                found |= self.blocks[other].sources
        return [other for other in self.blocks if other in found]

    @property
    def axes_of_results(self) -> AxesOfResults:
        """The axes of each result, in the order of its dimensions."""
        return [tuple([axis for axis in dims if axis is not None]) for dims in self.along]


def by_source(
    colours: Sequence[int], positions: Sequence[int]
) -> tuple[list[Operand], list[npt.NDArray[np.intp]]]:
    """Group numbers of several arrays by array: one operand for each, and which of the numbers it supplies.

    Parameters
    ----------
    colours, positions : sequence of int
        The array of each number, and its position there.

    Returns
    -------
    (list of Operand, list of array of int)
        In the order of the first number of each array.

    Examples
    --------
    >>> operands, which = by_source([7, 3, 7], [5, 0, 1])
    >>> operands
    [Operand(source=7, wanted=array([5, 1])), Operand(source=3, wanted=array([0]))]
    >>> which
    [array([0, 2]), array([1])]
    """
    # Sorted, since to look for each array among all numbers takes quadratic time where there are many.
    numbers, wanted = np.array(colours, dtype=np.intp), np.array(positions, dtype=np.intp)
    order = np.argsort(numbers, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    groups = sorted(filter(len, parts), key=lambda group: int(group[0]))
    return [Operand(colours[group[0]], wanted[group]) for group in groups], groups
