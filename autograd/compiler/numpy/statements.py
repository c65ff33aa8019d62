"""The statements of a program of arrays while they are written, and how they refer to what is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import ClassVar, Self

import numpy as np

from ...ops.table import Op
from ..arrays.index_rules import Positions
from ..arrays.lookups import Lookup, with_lookups
from ..arrays.plan import Block, Floats, LoopPlan, Operand, Plan, Results
from ..arrays.total_products import TotalProducts
from ..arrays.views import broadcast_axes, view
from .expressions import Helpers
from .literals import Literals

WriteBlocks = Callable[["StatementWriter", set[int], Collection[int]], None]
"""Writes some of the blocks of a plan, of which those of some instructions are returned."""


@dataclass
class Counts:
    """How many matrix products, other reductions, arrays, and gathered operands a program has."""

    products: int = 0
    reductions: int = 0
    classes: int = 0
    gathers: int = 0


@dataclass
class StatementWriter(ABC):
    """The statements of a program, or of the body of a loop in it.

    What is abstract is what the libraries of arrays do differently.

    Attributes
    ----------
    module : str
        What the library is called.
    plan : Plan
        The arrays.
    totals : mapping of int to Block
        Which products were the total of one, by colour.
    parameters : sequence of str
        A name for each argument.
    lookups : mapping of int to Lookup
        Which arrays are looked up, by colour.
    literals : Literals
        The arrays that the program holds.
    helpers : dict of str to str
        The functions that it defines.
    counts : Counts
        What it consists of.
    numbers : iterator of int
        What the next names end with.
    names : dict of int to str
        What the arrays are called, by colour.
    calls : dict of str to str
        The names of what rules need more than once, by its text: an exponential in value and derivative.
    lines : list of str
        The statements.
    returned : set of str
        The results.
    """

    module: ClassVar[str]

    plan: Plan
    totals: Mapping[int, Block]
    parameters: Sequence[str]
    lookups: Mapping[int, Lookup]
    literals: Literals = field(default_factory=Literals)
    helpers: Helpers = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    names: dict[int, str] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    returned: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, plan: Plan, parameters: Sequence[str], results: Results) -> Self:
        """Return what writes a program, with the arrays in the way that is best for the library."""
        plan, lookups = with_lookups(plan, results)
        return cls(*cls.totals_first(plan, results), parameters, lookups)

    def within(self, plan: Plan, parameters: Sequence[str], results: Results) -> Self:
        """Return what writes the body of a loop, which knows its own arrays alone."""
        body = self.of(plan, parameters, results)
        return replace(
            body, literals=self.literals, helpers=self.helpers, counts=self.counts, numbers=self.numbers
        )

    def new_name(self) -> str:
        """Return a name that no variable has."""
        return f"v{next(self.numbers)}"

    def assigned(self, text: str) -> str:
        """Write an assignment to a new variable, and return its name."""
        name = self.new_name()
        self.lines.append(f"{name} = {text}")
        return name

    def axes_of(self, operand: Operand) -> tuple[int, ...]:
        """Return the axes that an operand varies along."""
        return self.plan.blocks[operand.source].axes

    def length(self, axis: int) -> str:
        """Return the name of the length of an axis."""
        return "n" if len(self.plan.lengths) == 1 else f"n{axis + 1}"

    def shape_of(self, shape: tuple[int, ...], axes: Sequence[int]) -> str:
        """Return the shape of an array with axes."""
        texts = [*map(str, shape), *map(self.length, axes)]
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"

    def view(self, operand: Operand, *, whole: bool = False) -> str:
        """Return an operand; `whole` if it must have its full shape rather than broadcast to it."""
        block = self.plan.blocks[operand.source]
        if block.constants is not None and not block.axes:
            return self._constants(block.constants[operand.wanted], operand, whole)
        lengths = tuple(map(self.length, block.axes))
        text = view(self.names[operand.source], block.shape, operand.wanted, self.positions, lengths)
        if whole and broadcast_axes(operand.wanted):
            return self.broadcast(text, self.shape_of(operand.wanted.shape, block.axes))
        if whole and operand.wanted.size == 1 and operand.wanted.shape:
            if block.axes:
                return f"{text}[{', '.join(['None'] * operand.wanted.ndim)}]"
            return self.single(text, operand.wanted.shape)
        return text

    def _constants(self, chosen: Floats, operand: Operand, whole: bool) -> str:
        """Return constants: a number where all are the same, else an array."""
        # By their bits: 0.0 equals -0.0, and nan does not equal itself.
        bits = chosen.ravel().view(np.int64)
        if (bits != bits[0]).any():
            return self.constants(chosen if whole else _without_repetition(chosen, operand.wanted))
        text = self.number(chosen.flat[0])
        return self.full(str(chosen.shape), text) if whole and chosen.shape else text

    def positions(self, wanted: Positions) -> str:
        """Return the name of positions that follow no rule, by which an array is gathered."""
        self.counts.gathers += 1
        return self.literals.name(wanted, "i")

    def aligned(self, operand: Operand, axes: Sequence[int], *, whole: bool = False) -> str:
        """Return an operand whose axes broadcast to others."""
        text = self.view(operand, whole=whole)
        own = self.plan.blocks[operand.source].axes
        is_number = not operand.wanted.ndim or (
            not whole and bool((operand.wanted == operand.wanted.flat[0]).all())
        )
        entries = [":" if axis in own else "None" for axis in axes]
        if is_number:
            while entries and entries[0] == "None":
                entries.pop(0)
        if "None" not in entries or is_literal(text):
            return text
        return f"{text}[{', '.join(entries if is_number else ['...', *entries])}]"

    def named(self, op: Op, meaning: Mapping[str, str]) -> dict[str, str]:
        """Return the operands of a row by parameter, with a name for each that its rule needs twice."""
        return {
            parameter: self.assigned(text)
            if op.value.names.count(parameter) > 1 and not text.isidentifier()
            else text
            for parameter, text in meaning.items()
        }

    @staticmethod
    @abstractmethod
    def totals_first(plan: Plan, results: Results) -> TotalProducts:
        """Return a plan in which factors may be added up before they are multiplied."""

    # ------------------------------------------------------------------------------------- numbers and arrays

    @abstractmethod
    def number(self, number: float) -> str:
        """Return a number."""

    @abstractmethod
    def constants(self, array: Floats) -> str:
        """Return the name of an array of constants."""

    @abstractmethod
    def full(self, shape: str, text: str) -> str:
        """Return an array of some shape that repeats a number, or an array that broadcasts to it."""

    @abstractmethod
    def broadcast(self, text: str, shape: str) -> str:
        """Return a number or an array as one of some shape, which may be a view."""

    @abstractmethod
    def single(self, text: str, shape: tuple[int, ...]) -> str:
        """Return the array of some shape that has only one number, from that number."""

    @abstractmethod
    def length_of(self, argument: str, dimension: int) -> str:
        """Return how long a dimension of an argument is."""

    @abstractmethod
    def length_as_number(self, axis: int) -> str:
        """Return the length of an axis, for use in arithmetic."""

    @abstractmethod
    def indices(self, axis: int) -> str:
        """Return the index along an axis."""

    # --------------------------------------------------------------------------------------------- operations

    @abstractmethod
    def formula(self, op: Op, texts: Sequence[str]) -> str:
        """Return a row, element by element, of operands."""

    @abstractmethod
    def reduced(self, op: Op, arguments: Sequence[str], *, is_long: bool = False) -> str:
        """Return a reduction of operands, the last of which is the axis; `is_long` if one may be long."""

    @abstractmethod
    def stacked(self, columns: Sequence[str]) -> str:
        """Return arrays that broadcast to one another as one, along a new first axis."""

    @abstractmethod
    def einsum(self, terms: str, texts: Sequence[str], *, is_product: bool) -> str:
        """Return a sum of products by letters; `is_product` if a matrix product may be found in it."""

    @abstractmethod
    def product(self, block: Block) -> str:
        """Return a matrix product."""

    @abstractmethod
    def check(self, block: Block, name: str) -> None:
        """Write what computes an array again where the way in which it was may make a difference."""

    @abstractmethod
    def look_up(self, block: Block, lookup: Lookup) -> str:
        """Write a lookup, and return its name."""

    @abstractmethod
    def steps_first(self, text: str, place: int) -> str:
        """Return an array with the dimension at some place as its first, which a loop goes along."""

    @abstractmethod
    def write_loop(self, colour: int, loop: LoopPlan, write_blocks: WriteBlocks) -> None:
        """Write a loop over steps, and name what it carries."""

    # ------------------------------------------------------------------------------- arrays of several arrays

    @abstractmethod
    def fill(
        self,
        name: str,
        parts: Sequence[Operand],
        targets: Sequence[Positions],
        order: Sequence[int] | None = None,
    ) -> None:
        """Write an array whose elements come from several arrays; with axes, these are last in `order`."""

    @abstractmethod
    def amid_zeros(self, shape: str, entries: str, part: str) -> str:
        """Write an array that has some numbers at an index, and zeros elsewhere; return its name."""

    @abstractmethod
    def own(self, text: str, source: int | None) -> str:
        """Return a result as a new array, from an array of the program; None for one that broadcasts."""

    @abstractmethod
    def own_number(self, text: str) -> str:
        """Return a result that is a number."""


def is_literal(text: str) -> bool:
    """Return whether an expression is a constant number.

    Examples
    --------
    >>> is_literal("-2.0"), is_literal("v1")
    (True, False)
    """
    return text[0] in "-0123456789." or text.endswith((".inf", ".nan"))


def _without_repetition(chosen: Floats, wanted: Positions) -> Floats:
    """Return an array without the axes that broadcasting adds."""
    for axis in broadcast_axes(wanted):
        chosen = chosen.take([0], axis)
    return chosen.reshape(chosen.shape[next(i for i, n in enumerate(chosen.shape) if n > 1) :])
