"""The tape: a traced program as scalar instructions in order of evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...engine.graph import numbered
from ...engine.value import Value
from ...ops.structural import Operation, Structural
from ...ops.table import CONSTANTS

Passed = Any
"""The number of an instruction where it is only passed on, from one list to another.

To mypyc it is any object: from a list of int, compiled code takes the int out of its object and puts it into
a new one, which doubles what a tape takes.
"""

_RULED = CONSTANTS["ruled"]


class Tape:
    """Scalar instructions in order: each comes after its operands.

    One list for each property, because the cyclic collector would spend half of the compile time on an object
    for each instruction.

    Attributes
    ----------
    ops : list of Op, Structural or None
        The operation that computes each; None for an input or a constant.
    args : list of tuple of int
        The instructions that each is computed from; none for an input or a constant.
    numbers : list of float or None
        The number of each constant.
    inputs : dict of int to (int, int)
        Of each input the argument that it is an element of, and its position in that.
    outputs : list of int
        The results.

    Examples
    --------
    >>> x = Value(3.0)
    >>> tape = tape_of([x * x + 1.0], [[x]])
    >>> [op and op.name for op in tape.ops], tape.args, tape.numbers
    ([None, 'mul', None, 'add'], [(), (0, 0), (), (1, 2)], [None, None, 1.0, None])
    >>> tape.inputs
    {0: (0, 0)}
    """

    __slots__ = ("args", "inputs", "numbers", "ops", "outputs")

    def __init__(self) -> None:
        self.ops: list[Operation | None] = []
        self.args: list[tuple[int, ...]] = []
        self.numbers: list[float | None] = []
        self.inputs: dict[int, tuple[int, int]] = {}
        self.outputs: list[int] = []

    def __len__(self) -> int:
        return len(self.ops)

    def add(self, op: Operation | None, args: tuple[int, ...] = (), number: float | None = None) -> int:
        """Append an instruction and return which it is."""
        self.ops.append(op)
        self.args.append(args)
        self.numbers.append(number)
        return len(self.ops) - 1

    def constant(self, number: float) -> int:
        """Append a constant and return which instruction it is."""
        return self.add(None, number=number)

    def input(self, argument: int, position: int) -> int:
        """Append an element of an argument and return which instruction it is."""
        self.inputs[len(self.ops)] = argument, position
        return self.add(None)

    def copy_leaf(self, other: Tape, i: int) -> int:
        """Append an input or a constant of another tape and return which instruction it is here."""
        if i in other.inputs:
            self.inputs[len(self.ops)] = other.inputs[i]
        return self.add(None, (), other.numbers[i])

    def name(self, i: int) -> str:
        """Return the name of an instruction's row; nothing for an input or a constant."""
        op = self.ops[i]
        return "" if op is None else op.name


def rewritten(
    tape: Tape,
    write: Callable[[Tape, Operation, tuple[int, ...]], int],
    only: Callable[[Operation], bool] = lambda op: True,
) -> Tape:
    """Return a tape in which chosen operations are replaced.

    Parameters
    ----------
    tape : Tape
        The program.
    write : callable
        From the new tape, an operation and its operands there, to the index of the instruction that replaces
        it.
    only : callable
        Whether an operation is replaced; all others are copied.

    Returns
    -------
    Tape
        The new program, with the inputs, constants and results of the old one.

    Examples
    --------
    >>> x = Value(3.0)
    >>> mirrored = rewritten(tape_of([x * x], [[x]]), lambda tape, op, args: tape.add(op, args[::-1]))
    >>> mirrored.args
    [(), (0, 0)]
    """
    chosen = {op for op in set(tape.ops) if op is not None and only(op)}
    if not chosen:
        return tape
    other = Tape()
    new: list[Passed] = []
    for i, (op, old) in enumerate(zip(tape.ops, tape.args, strict=True)):
        if op is None:
            new.append(other.copy_leaf(tape, i))
        elif op in chosen:
            new.append(write(other, op, tuple([new[arg] for arg in old])))
        else:
            new.append(other.add(op, tuple([new[arg] for arg in old])))
    other.outputs = [new[output] for output in tape.outputs]
    return other


class Listed(NamedTuple):
    """A graph as lists that hold none of its nodes.

    Who has them can let go of the graph. The cyclic collector visits each node that is left: it took 0.2 of
    the 1.4 s of a first call when it came while the nodes of the graph were there beside the instructions.

    Attributes
    ----------
    ops : list of Op, Structural or None
        The operation of each node; None for a leaf.
    leaves : dict of int to (int, int) or float
        Of each leaf the argument that it is an element of, and its position in that; else its number.
    operands, constants, bounds, roots, order
        As in `Numbered`.
    outputs : list of float or None
        The results that are constants; None for one that is a root.
    """

    ops: list[Operation | None]
    leaves: dict[int, tuple[int, int] | float]
    operands: list[int]
    constants: list[float]
    bounds: list[int]
    roots: list[int]
    order: list[int]
    outputs: list[float | None]


def listed(outputs: Sequence[Value | float], arrays: Sequence[Sequence[Value]]) -> Listed:
    """Return the graph that leads from the elements of some arrays to some results; see `tape_of`.

    Examples
    --------
    >>> x = Value(3.0)
    >>> listed([x * 2.0, 1.0], [[x]]).outputs
    [None, 1.0]
    """
    place = {leaf: (k, i) for k, array in enumerate(arrays) for i, leaf in enumerate(array)}
    found = numbered([output for output in outputs if isinstance(output, Value)])
    ops = [node.op for node in found.nodes]
    leaves: dict[int, tuple[int, int] | float] = {}
    for number, (op, node) in enumerate(zip(ops, found.nodes, strict=True)):
        if op is None:
            leaf = place.get(node)
            leaves[number] = node.data if leaf is None else leaf
    numbers = [None if isinstance(output, Value) else output for output in outputs]
    return Listed(
        ops, leaves, found.operands, found.constants, found.bounds, found.roots, found.order, numbers
    )


def tape_of(outputs: Sequence[Value | float], arrays: Sequence[Sequence[Value]]) -> Tape:
    """Return the tape that computes some results from the elements of some arrays.

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
    >>> x = Value(3.0)
    >>> tape = tape_of([x * 2.0 + 2.0, 2.0], [[x]])
    >>> tape.numbers, tape.outputs
    ([None, 2.0, None, None], [3, 1])
    """
    return tape_of_lists(listed(outputs, arrays))


def tape_of_lists(found: Listed) -> Tape:
    """Return the tape of a graph.

    Examples
    --------
    >>> tape_of_lists(listed([2.0], [])).numbers
    [2.0]
    """
    operands, bounds, constants = found.operands, found.bounds, found.constants
    tape = Tape()
    index: list[Passed] = [0] * len(found.ops)
    known: dict[float | str, Passed] = {}
    for number in found.order:
        op = found.ops[number]
        if op is None:
            leaf = found.leaves[number]
            index[number] = tape.input(*leaf) if isinstance(leaf, tuple) else _constant(tape, known, leaf)
            continue
        start, stop = bounds[number], bounds[number + 1]
        if stop - start == 2:
            # Nearly all of them: without a list of the operands.
            first, second = operands[start], operands[start + 1]
            x = index[first] if first >= 0 else _constant(tape, known, constants[-1 - first])
            y = index[second] if second >= 0 else _constant(tape, known, constants[-1 - second])
            index[number] = tape.add(op, (x, y))
            continue
        own: list[Passed] = []
        for i in range(start, stop):
            operand = operands[i]
            own.append(index[operand] if operand >= 0 else _constant(tape, known, constants[-1 - operand]))
        index[number] = tape.add(op, tuple(own))
    of_roots = iter([index[number] for number in found.roots])
    tape.outputs = [next(of_roots) if out is None else _constant(tape, known, out) for out in found.outputs]
    # What is written out may have more of it inside.
    while any(_is_written_out(op) for op in set(tape.ops)):
        tape = rewritten(tape, _written_out, _is_written_out)
    return tape


def _constant(tape: Tape, known: dict[float | str, Passed], number: Any) -> Passed:
    """Append a constant unless there is one of the same bits, and return which instruction it is."""
    key = bits_of(number)
    found = known.get(key)
    if found is None:
        found = known[key] = tape.constant(number)
    return found


def bits_of(number: float) -> float | str:
    """Return what equals that of another number if both have the same bits.

    Examples
    --------
    >>> bits_of(0.0) == bits_of(-0.0), bits_of(float("nan")) == bits_of(float("nan"))
    (False, True)
    """
    # By its digits where equality does not tell: 0.0 equals -0.0, and nan does not equal itself.
    return repr(number) if number == 0.0 or number != number else number


def _is_written_out(op: Operation | None) -> bool:
    return isinstance(op, Structural) and op.is_written_out


def _written_out(tape: Tape, op: Operation, args: tuple[int, ...]) -> int:
    assert isinstance(op, Structural)
    found = op.simplified(tape, args, ())
    assert found is not None
    return found if op.may_be_differentiated else tape.add(_RULED, (found,))
