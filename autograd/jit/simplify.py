"""Making a tape smaller: constants are folded, equal instructions merged, and what nothing uses left out.

Every step keeps the results bit for bit: ``x * 1`` is x, but ``x + 0`` is not, where x is -0.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..nonfinite import PYTHON_RAISES, careful
from ..ops import Op
from ..rules import on_floats
from .tape import Instruction, Tape


def simplify(tape: Tape) -> Tape:
    """Return a tape with the same results.

    Parameters
    ----------
    tape : Tape
        The program.

    Returns
    -------
    Tape
        Without equal instructions, operations on constants alone, products with 1, and what is unused.

    Examples
    --------
    >>> from autograd import Value
    >>> from .tape import tape_of
    >>> x = Value(3.0)
    >>> a, b = x * x, x * x
    >>> tape = tape_of([a * 1.0 + b], [[x]])
    >>> len(tape.instructions), len(simplify(tape).instructions)
    (6, 3)
    """
    merged = Tape()
    known: dict[tuple[object, ...], int] = {}
    new: list[int] = []

    def put(instruction: Instruction) -> int:
        # By hex, because 0.0 equals -0.0, and nan does not equal itself.
        number = None if instruction.number is None else float(instruction.number).hex()
        key = (instruction.op, instruction.args, number)
        if key not in known:
            known[key] = merged.add(instruction)
        return known[key]

    for instruction in tape.instructions:
        if instruction.op is None:
            new.append(put(instruction))
            continue
        args = _doubled(instruction.op, tuple(new[arg] for arg in instruction.args), merged, put)
        numbers = [merged.instructions[arg].number for arg in args]
        same = _same_as(instruction.op, args, numbers)
        if same is not None:
            new.append(same)
        elif None not in numbers:
            new.append(put(Instruction(None, (), _evaluate(instruction.op, numbers))))  # type: ignore[arg-type]
        else:
            new.append(put(Instruction(instruction.op, args)))
    merged.outputs = [new[output] for output in tape.outputs]
    return _used(merged)


def _doubled(op: Op, args: tuple[int, ...], tape: Tape, put: Callable[[Instruction], int]) -> tuple[int, ...]:
    """Return the operands of 2 * (c * x) as those of (2 c) * x: doubling is exact down to 1e-308."""
    if op.name != "mul" or tape.instructions[args[0]].number != 2.0:
        return args
    inner = tape.instructions[args[1]]
    factor = tape.instructions[inner.args[0]].number if inner.op is op else None
    if factor is None or not _TINY < abs(factor) < _HUGE:
        return args
    return put(Instruction(None, (), 2.0 * factor)), inner.args[1]


# Within these, neither the factor nor twice the factor is rounded.
_TINY, _HUGE = 1e-300, 1e300


def _same_as(op: Op, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
    """Return which operand an instruction equals, if it does for every number."""
    if op.name == "pos":
        return args[0]
    if op.name == "where" and numbers[0] is not None:
        return args[1] if numbers[0] else args[2]
    if op.name in ("mul", "truediv", "pow") and numbers[1] == 1.0:
        return args[0]
    if op.name == "mul" and numbers[0] == 1.0:
        return args[1]
    return None


def _evaluate(op: Op, numbers: Sequence[float]) -> float:
    length = len(numbers) // len(op.partials)
    columns = [tuple(numbers[i * length : (i + 1) * length]) for i in range(len(op.partials))]
    arguments = columns if op.variadic else numbers
    try:
        return float(on_floats(op).value(*arguments))
    except PYTHON_RAISES:
        return float(careful(op, *arguments)[0])


def _used(tape: Tape) -> Tape:
    """Return a tape without what no result depends on."""
    needed = set(tape.outputs)
    for i in range(len(tape.instructions) - 1, -1, -1):
        instruction = tape.instructions[i]
        if i in needed and instruction.op is not None:
            needed.update(instruction.args)
    new: dict[int, int] = {}
    shorter = Tape()
    for i, instruction in enumerate(tape.instructions):
        if i in needed:
            args = instruction.args if instruction.op is None else tuple(new[arg] for arg in instruction.args)
            new[i] = shorter.add(instruction._replace(args=args))
    shorter.outputs = [new[output] for output in tape.outputs]
    return shorter
