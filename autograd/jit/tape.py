"""The program that a trace leaves: one instruction a number, in order of evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..graph import nodes_of
from ..ops import Op
from ..value import Value


class Instruction(NamedTuple):
    """One number of a program.

    Attributes
    ----------
    op : Op or None
        The row that computes it; None for an input or a constant.
    args : tuple of int
        The instructions that it is computed from. Of an input: which array, and where in it.
    number : float or None
        The number of a constant.
    """

    op: Op | None
    args: tuple[int, ...]
    number: float | None = None

    @property
    def columns(self) -> list[tuple[int, ...]]:
        """The operands by argument of the row: of a variadic row several each, else one."""
        if self.op is None or not self.op.variadic:
            return [(arg,) for arg in self.args]
        length = len(self.args) // len(self.op.partials)
        return [self.args[i * length : (i + 1) * length] for i in range(len(self.op.partials))]

    @property
    def is_constant(self) -> bool:
        """Whether it is a constant."""
        return self.op is None and self.number is not None

    @property
    def is_input(self) -> bool:
        """Whether it is a number of an argument."""
        return self.op is None and self.number is None


@dataclass
class Tape:
    """A list of instructions, each after those that it uses.

    Attributes
    ----------
    instructions : list of Instruction
        The program.
    outputs : list of int
        The results.

    Examples
    --------
    >>> x = Value(3.0)
    >>> for instruction in tape_of([x * x + 1.0], [[x]]).instructions:
    ...     print(instruction.op and instruction.op.name, instruction.args, instruction.number)
    None (0, 0) None
    mul (0, 0) None
    None () 1.0
    add (1, 2) None
    """

    instructions: list[Instruction] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def add(self, instruction: Instruction) -> int:
        """Append an instruction and return its number."""
        self.instructions.append(instruction)
        return len(self.instructions) - 1


def tape_of(outputs: Sequence[Value | float], arrays: Sequence[Sequence[Value]]) -> Tape:
    """Return the program that computes some results from the numbers of some arrays.

    Parameters
    ----------
    outputs : sequence of Value or float
        The results.
    arrays : sequence of sequence of Value
        For each array of the arguments its numbers, which are leaves. Any other leaf is a constant.

    Returns
    -------
    Tape
        Each input, constant and operation once.

    Examples
    --------
    >>> tape_of([2.0], []).outputs
    [0]
    """
    tape = Tape()
    place = {leaf: (k, i) for k, array in enumerate(arrays) for i, leaf in enumerate(array)}
    index: dict[Value, int] = {}

    def number(item: Value | float) -> int:
        return index[item] if isinstance(item, Value) else tape.add(Instruction(None, (), item))

    for node in nodes_of([output for output in outputs if isinstance(output, Value)]):
        if node in place:
            index[node] = tape.add(Instruction(None, place[node]))
        elif node.op is None:
            index[node] = tape.add(Instruction(None, (), node.data))
        else:
            args = tuple(map(number, node.args))
            index[node] = tape.add(Instruction(node.op, args))
    tape.outputs = [number(output) for output in outputs]
    return tape
