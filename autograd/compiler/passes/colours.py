"""Colour a tape: instructions that are computed in the same way, from the leaves up, share a colour.

All elements of one argument have one colour, and so do all constants. Two instructions have the same
colour if they apply the same operation to operands of the same colours. Each colour class becomes an
array, such as the sixteen neurons of a layer, for all samples if the user looped over them. Members of a
class never depend on each other, because a result never has the colour of its operands.
"""

from __future__ import annotations

from ...ops.structural import Operation
from ..trace.tape import Passed, Tape
from .ragged import RaggedDot


class Colours:
    """The colour of each instruction of a growing tape.

    Attributes
    ----------
    of : list of int
        The colours.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0)]
    >>> colours_of(tape_of([x[0] * x[0], x[1] * x[0], x[0] + 1.0], [x]))
    [0, 0, 1, 2, 3, 3]
    """

    def __init__(self) -> None:
        # Passed on, so that each colour is one object: whoever counts them is five times faster then.
        self.of: list[Passed] = []
        self._known: dict[tuple[object, ...], Passed] = {}

    def anew(self) -> Colours:
        """Return the colours of another tape, where what is computed in the same way has the same ones."""
        other = Colours()
        other._known = self._known
        return other

    def extend(self, tape: Tape) -> None:
        """Colour all instructions that the tape has by now."""
        of, known, ops, args = self.of, self._known, tape.ops, tape.args
        for i in range(len(of), len(ops)):
            op = ops[i]
            if op is None:
                likeness: tuple[object, ...] = self._of_leaf(tape, i)
            elif isinstance(op, RaggedDot):
                likeness = (op,)
            elif op.variadic:
                likeness = self._of_sequences(op, args[i])
            else:
                likeness = (op, *[of[arg] for arg in args[i]])
            of.append(known.setdefault(likeness, len(known)))

    def _of_leaf(self, tape: Tape, i: int) -> tuple[object, ...]:
        """Return what the elements of an argument have in common, or constants."""
        return "leaf", tape.inputs[i][0] if i in tape.inputs else None

    def _of_sequences(self, op: Operation, args: tuple[int, ...]) -> tuple[object, ...]:
        """Return what operations of one colour have in common, of sequences that are all alike or not."""
        colours = [tuple([self.of[arg] for arg in column]) for column in op.columns(args)]
        alike = (of_column[:1] if len(set(of_column)) == 1 else of_column for of_column in colours)
        return (op, len(args), *alike)


def colours_of(tape: Tape) -> list[int]:
    """Return the colour of each instruction.

    Examples
    --------
    >>> colours_of(Tape())
    []
    """
    colours = Colours()
    colours.extend(tape)
    return colours.of
