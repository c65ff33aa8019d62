"""Simplify a tape: fold constants, merge equal instructions, and remove what no result depends on.

A lane of a stack is the number that was stacked, and a stack of equal numbers is that number. All results
stay the same bit for bit: ``x**1`` is x, but ``x + 0`` is not, where x is -0.0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from ...engine.nonfinite import PYTHON_RAISES, careful
from ...ops.rules import on_floats
from ...ops.structural import Operation, Structural
from ...ops.table import CONSTANTS, OPS
from ..trace.tape import Tape
from .batches import Samples


def simplify(tape: Tape) -> Tape:
    """Return a tape with the same results.

    Parameters
    ----------
    tape : Tape
        The program.

    Returns
    -------
    Tape
        Without equal instructions, operations on constants alone, and unused instructions.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> x = Value(3.0)
    >>> a, b = x * x, x * x
    >>> tape = tape_of([a**1.0 + b], [[x]])
    >>> len(tape), len(simplify(tape))
    (6, 3)

    In ``[2 * x, 2 * x]`` all samples are one number, which shows once the two products are merged:

    >>> from autograd.transforms.batch_operations import lane, stack
    >>> tape = simplify(tape_of([lane(stack([2.0 * x, 2.0 * x]), 1)], [[x]]))
    >>> [op and op.name for op in tape.ops]
    [None, None, 'mul']
    """
    merged = Tape()
    # By operation, since a key that held it as well would be another object for the collector to visit.
    known: defaultdict[Operation, dict[tuple[int, ...], int]] = defaultdict(dict)
    constants: dict[str, int] = {}
    known_numbers = merged.numbers
    samples = Samples()
    new: list[int] = []

    def constant(number: float) -> int:
        # By hex, because 0.0 equals -0.0, and nan does not equal itself.
        key = float(number).hex()
        found = constants.get(key)
        if found is None:
            found = constants[key] = merged.constant(float(number))
        return found

    def write(op: Operation, args: tuple[int, ...]) -> int:
        if op is _MUL and known_numbers[args[0]] == 2.0:
            args = doubled(merged, args, constant)
        numbers = [known_numbers[arg] for arg in args]
        same = _same_as(op, args, numbers) if op in _MAY_BE_AN_OPERAND else None
        if same is None and isinstance(op, Structural):
            samples.extend(merged)
            same = op.simplified(growing, args, samples.of)
        if same is not None:
            return same
        if None not in numbers:
            folded = _evaluate(op, numbers)  # type: ignore[arg-type]
            if folded is not None:
                return constant(folded)
        alike = known[op]
        found = alike.get(args)
        if found is None:
            found = alike[args] = merged.add(op, args)
        return found

    growing = _Growing(merged, write)
    for i, (op, old, number) in enumerate(zip(tape.ops, tape.args, tape.numbers, strict=True)):
        if number is not None:
            new.append(constant(number))
        elif op is None:
            new.append(merged.copy_leaf(tape, i))
        else:
            new.append(write(op, tuple([new[arg] for arg in old])))
    merged.outputs = [new[output] for output in tape.outputs]
    return used(merged)


class _Growing:
    """A tape on which what is added is simplified."""

    def __init__(self, tape: Tape, write: Callable[[Operation, tuple[int, ...]], int]) -> None:
        self.ops, self.args, self.numbers = tape.ops, tape.args, tape.numbers
        self.add = write


def doubled(tape: Tape, args: tuple[int, ...], constant: Callable[[float], int]) -> tuple[int, ...]:
    """Return the operands of 2 * (c * x) as those of (2 c) * x: doubling is exact down to 1e-308.

    Parameters
    ----------
    tape : Tape
        The program until now.
    args : tuple of int
        The operands of any product.
    constant : callable
        It appends a number to the tape, and returns which instruction it is.

    Returns
    -------
    tuple of int
        The operands to use.

    Examples
    --------
    >>> tape = Tape()
    >>> x, two = tape.input(0, 0), tape.constant(2.0)
    >>> args = doubled(tape, (two, tape.add(OPS["mul"], (tape.constant(3.0), x))), tape.constant)
    >>> tape.numbers[args[0]], args[1] == x
    (6.0, True)
    """
    two, product = args
    if tape.numbers[two] != 2.0:
        return args
    factor = tape.numbers[tape.args[product][0]] if tape.name(product) == "mul" else None
    if factor is None or not _TINY < abs(factor) < _HUGE:
        return args
    return constant(2.0 * factor), tape.args[product][1]


# Within these, neither the factor nor twice the factor is rounded.
_TINY, _HUGE = 1e-300, 1e300


_IDENTITIES = frozenset(op for op in (*OPS.values(), *CONSTANTS.values()) if op.value.text == "x")
"""The rows that give their operand, and are there for what else they say of it."""


_MUL = OPS["mul"]

_MAY_BE_AN_OPERAND = _IDENTITIES | {OPS["where"], OPS["pow"]}


def _same_as(op: Operation, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
    """Return which operand an instruction equals, if it does for every number."""
    if op in _IDENTITIES:
        return args[0]
    if op is OPS["where"] and numbers[0] is not None:
        return args[1] if numbers[0] else args[2]
    # A factor of 1 stays: among the targets -1 and 1 it would be unlike its neighbours, and no array.
    if op is OPS["pow"] and numbers[1] == 1.0:
        return args[0]
    return None


def _evaluate(op: Operation, numbers: Sequence[float]) -> float | None:
    if isinstance(op, Structural):
        return op.fold(numbers)
    arguments = op.columns(numbers) if op.variadic else numbers
    try:
        return float(on_floats(op).value(*arguments))
    except PYTHON_RAISES:
        return float(careful(op, *arguments)[0])


def used(tape: Tape) -> Tape:
    """Return a tape without what no result depends on.

    Examples
    --------
    >>> tape = Tape()
    >>> tape.outputs = [(tape.constant(1.0), tape.constant(2.0))[1]]
    >>> used(tape).numbers
    [2.0]
    """
    needed = bytearray(len(tape))
    for output in tape.outputs:
        needed[output] = True
    for i in range(len(tape) - 1, -1, -1):
        if needed[i]:
            for arg in tape.args[i]:
                needed[arg] = True
    if all(needed):
        return tape
    new: dict[int, int] = {}
    shorter = Tape()
    for i, (op, args) in enumerate(zip(tape.ops, tape.args, strict=True)):
        if not needed[i]:
            continue
        if op is None:
            new[i] = shorter.copy_leaf(tape, i)
        else:
            new[i] = shorter.add(op, tuple([new[arg] for arg in args]))
    shorter.outputs = [new[output] for output in tape.outputs]
    return shorter
