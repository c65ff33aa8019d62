"""Loops on a tape: one instruction for all steps, whose body is a tape of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...ops.structural import OfAttributes, Structural, When
from .tape import Tape

CARRIED, TAKEN = 0, 1
"""Of the inputs of a body, the argument of what is carried, and of what it takes from around it."""


@dataclass(eq=False, repr=False)
class TapeLoop(Structural):
    """All steps of a recurrence, whose operands are what the first step is given, and what the body takes.

    Attributes
    ----------
    body : Tape
        One step: its inputs are of the argument `CARRIED` or `TAKEN`, and its outputs are carried on. With a
        condition, the last one is whether the step is taken.
    axis : int
        The steps.
    is_reversed : bool
        Whether the last step comes first.
    shapes : tuple of tuple of int
        The arrays that the carried numbers are elements of, one after the other.
    carried, taken : tuple of frozenset of int
        The axes that each input of the body varies along; the steps are among those of what is taken.
    has_condition : bool
        Whether it goes on as long as a condition holds, and counts the steps.
    """

    body: Tape
    axis: int
    is_reversed: bool
    shapes: tuple[tuple[int, ...], ...]
    carried: tuple[frozenset[int], ...]
    taken: tuple[frozenset[int], ...]
    has_condition: bool = False
    name = "loop"
    variadic = True

    def axes(self, of_operands: Sequence[frozenset[Any]]) -> frozenset[Any]:
        """Return none: only what it carries varies."""
        return frozenset()

    def length(self, operands: int) -> int:
        """Return that it is not several samples side by side."""
        return 0


@dataclass(eq=False, repr=False)
class TapeCarried(OfAttributes):
    """An element of an array that a loop carries; its position there is the last operand.

    Attributes
    ----------
    group : int
        Which of the arrays.
    when : {"given", "left", "last"}
        Whether it is what each step is given, what each step leaves, or what the last one leaves.
    of : frozenset of int
        The axes that it varies along.
    """

    group: int
    when: When
    of: frozenset[int]
    name = "carried"
    statics = 1

    def axes(self, of_operands: Sequence[frozenset[Any]]) -> frozenset[Any]:
        """Return its axes."""
        return self.of

    def length(self, operands: int) -> int:
        """Return that it is not several samples side by side."""
        return 0

    def described(self) -> str:
        """Return its attributes as a text."""
        return f"carried {self.group} {self.when} {sorted(self.of)}"


@dataclass(eq=False, repr=False)
class AlongSteps(OfAttributes):
    """Numbers along an axis of a fixed length, one of each operand.

    Attributes
    ----------
    axis : int
        The axis.
    """

    axis: int
    name = "along"
    variadic = True

    def axes(self, of_operands: Sequence[frozenset[Any]]) -> frozenset[Any]:
        """Return the axes of the operands, and this one."""
        return super().axes(of_operands) | {self.axis}

    def length(self, operands: int) -> int:
        """Return that it is not several samples side by side."""
        return 0


@dataclass(eq=False, repr=False)
class AtStep(OfAttributes):
    """The number at one index of an axis of a fixed length; the index is the last operand.

    Attributes
    ----------
    axis : int
        The axis.
    """

    axis: int
    name = "at"
    statics = 1

    def axes(self, of_operands: Sequence[frozenset[Any]]) -> frozenset[Any]:
        """Return the axes of the operand but this one."""
        return of_operands[0] - {self.axis}

    def length(self, operands: int) -> int:
        """Return that it is not several samples side by side."""
        return 0


@dataclass(eq=False, repr=False)
class OtherSteps(OfAttributes):
    """A number that varies along an axis of a fixed length, along another: every so many of its indices.

    Attributes
    ----------
    axis, other : int
        The axis of the operand, and that of the result.
    start, stride : int
        Where the first is, and how far the next one.
    """

    axis: int
    other: int
    start: int
    stride: int
    name = "other steps"

    def axes(self, of_operands: Sequence[frozenset[Any]]) -> frozenset[Any]:
        """Return the axes of the operand, with the other in place of its own."""
        return of_operands[0] - {self.axis} | {self.other}

    def length(self, operands: int) -> int:
        """Return that it is not several samples side by side."""
        return 0
