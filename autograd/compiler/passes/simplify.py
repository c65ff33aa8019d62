"""Simplify a tape: fold constants, merge equal instructions, and remove what no result depends on.

A lane of a stack is the number that was stacked, and a stack of equal numbers is that number. All results
stay the same bit for bit: ``x**1`` is x, but ``x + 0`` is not, where x is -0.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...engine.nonfinite import PYTHON_RAISES, careful
from ...ops.rules import on_floats
from ...ops.structural import Operation, Structural
from ...ops.table import CONSTANTS, OPS, Op
from ..trace.tape import Passed, Tape, bits_of
from .batches import Samples
from .instructions import written_out


def simplify(tape: Tape, expanded: Callable[[Operation], bool] | None = None) -> Tape:
    """Return a tape with the same results.

    Parameters
    ----------
    tape : Tape
        The program.
    expanded : callable, optional
        Which rows are written out as the instructions of their rules, such as `is_expanded`.

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
    simplified = SimplifiedTape(expanded)
    new: list[Passed] = []
    for i, op in enumerate(tape.ops):
        if op is None:
            new.append(simplified.copy_leaf(tape, i))
        else:
            new.append(simplified.add(op, tuple([new[arg] for arg in tape.args[i]])))
    simplified.outputs = [new[output] for output in tape.outputs]
    simplified.forget()
    return used(simplified)


class _Known:
    """What is known of an operation: its instructions by their operands, and how it is simplified.

    By operation, since a key that held it as well would be another object for the collector to visit.
    """

    __slots__ = ("instructions", "is_expanded", "is_structural", "may_be_operand")

    def __init__(self, op: Operation, expanded: Callable[[Operation], bool] | None) -> None:
        self.instructions: dict[tuple[int, ...], int] = {}
        self.is_structural = isinstance(op, Structural)
        self.may_be_operand = op in _MAY_BE_AN_OPERAND
        self.is_expanded = expanded is not None and expanded(op)


class SimplifiedTape(Tape):
    """A tape on which what is added is simplified.

    Parameters
    ----------
    expanded : callable, optional
        Which rows are written out as the instructions of their rules.

    Attributes
    ----------
    samples : Samples
        How many numbers each instruction stands for, of those that it was extended by.

    Examples
    --------
    >>> tape = SimplifiedTape()
    >>> x, two = tape.input(0, 0), tape.constant(2.0)
    >>> [tape.add(OPS["mul"], (x, x)), tape.add(OPS["mul"], (x, x)), tape.add(OPS["neg"], (two,))]
    [2, 2, 3]
    >>> tape.numbers[3]
    -2.0
    """

    def __init__(self, expanded: Callable[[Operation], bool] | None = None) -> None:
        super().__init__()
        self.samples = Samples()
        self._known: dict[Operation, _Known] = {}
        self._constants: dict[float | str, int] = {}
        self._expanded = expanded

    def add(self, op: Operation | None, args: tuple[int, ...] = (), number: float | None = None) -> int:
        """Append an instruction, or find one of the same result, and return which it is."""
        if op is None:
            return super().add(None, args, number) if number is None else self.constant(number)
        known = self._known.get(op)
        if known is None:
            known = self._known[op] = _Known(op, self._expanded)
        if known.is_expanded:
            assert isinstance(op, Op)
            return written_out(self, op, args)
        if op is _MUL and self.numbers[args[0]] == 2.0:
            args = doubled(self, args, self.constant)
        # Most instructions have no constants, and are told from the others by their first operand.
        has_constant = not args or self.numbers[args[0]] is not None
        if known.may_be_operand or known.is_structural or has_constant:
            same = self._same_as(op, args, known)
            if same is not None:
                return same
        found = known.instructions.get(args)
        if found is None:
            found = known.instructions[args] = len(self.ops)
            # Written out: most instructions are appended here, and a call takes as long as the rest.
            self.ops.append(op)
            self.args.append(args)
            self.numbers.append(None)
        return found

    def constant(self, number: float) -> int:
        """Append a constant unless there is one of the same bits, and return which instruction it is."""
        key = bits_of(number)
        found = self._constants.get(key)
        if found is None:
            found = self._constants[key] = super().add(None, (), float(number))
        return found

    def forget(self) -> None:
        """Forget what is known of the instructions, which takes more memory than they do."""
        self._known = {}

    def _same_as(self, op: Operation, args: tuple[int, ...], known: _Known) -> int | None:
        """Return an instruction that an operation equals: an operand, or a constant."""
        numbers = [self.numbers[arg] for arg in args]
        same = _operand_of(op, args, numbers) if known.may_be_operand else None
        if same is None and isinstance(op, Structural):
            self.samples.extend(self)
            same = op.simplified(self, args, self.samples.of)
        if same is None and None not in numbers:
            folded = _evaluate(op, numbers)  # type: ignore[arg-type]
            return None if folded is None else self.constant(folded)
        return same


def doubled(tape: Tape, args: tuple[int, ...], constant: Callable[[float], int]) -> tuple[int, ...]:
    """Return the operands of 2 * (c * x) as those of (2 c) * x: doubling is exact down to 1e-308.

    And those of 2 * ((c * x) * y) as those of ((2 c) * x) * y, if 2 c makes nothing larger: x may be one
    number for many y.

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
    >>> inner = tape.add(OPS["mul"], (x, tape.constant(0.5)))
    >>> args = doubled(tape, (two, tape.add(OPS["mul"], (inner, x))), tape.constant)
    >>> [tape.numbers[arg] for arg in tape.args[args[0]]]
    [1.0, None]
    """
    two, product = args
    if tape.numbers[two] != 2.0 or tape.ops[product] is not _MUL:
        return args
    factors = _with_constant(tape, product)
    if factors is not None:
        return constant(2.0 * factors[0]), factors[1]
    for x, y in (tape.args[product], tape.args[product][::-1]):
        factors = _with_constant(tape, x) if tape.ops[x] is _MUL else None
        if factors is not None and abs(factors[0]) <= 0.5:
            return tape.add(_MUL, (constant(2.0 * factors[0]), factors[1])), y
    return args


def _with_constant(tape: Tape, product: int) -> tuple[float, int] | None:
    """Return the factors of a product if one is a constant, neither tiny nor huge, and this one first."""
    x, y = tape.args[product]
    for one, other in ((x, y), (y, x)):
        factor = tape.numbers[one]
        if factor is not None and _TINY < abs(factor) < _HUGE:
            return factor, other
    return None


# Within these, neither the factor nor twice the factor is rounded.
_TINY, _HUGE = 1e-300, 1e300


_IDENTITIES = frozenset(op for op in (*OPS.values(), *CONSTANTS.values()) if op.value.text == "x")
"""The rows that give their operand, and are there for what else they say of it."""


_MUL = OPS["mul"]

_MAY_BE_AN_OPERAND = _IDENTITIES | {OPS["where"], OPS["pow"]}


def _operand_of(op: Operation, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
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
    return only(tape, needed(tape))


def needed(tape: Tape) -> bytearray:
    """Return for each instruction whether a result depends on it.

    Examples
    --------
    >>> tape = Tape()
    >>> tape.outputs = [(tape.constant(1.0), tape.constant(2.0))[1]]
    >>> [*needed(tape)]
    [0, 1]
    """
    is_needed = bytearray(len(tape))
    for output in tape.outputs:
        is_needed[output] = 1
    args = tape.args
    for i in range(len(args) - 1, -1, -1):
        if is_needed[i]:
            for arg in args[i]:
                is_needed[arg] = 1
    return is_needed


def only(tape: Tape, is_kept: bytearray) -> Tape:
    """Return a tape of some instructions of another, which are those that a result needs at least.

    Examples
    --------
    >>> tape = Tape()
    >>> tape.outputs = [(tape.constant(1.0), tape.constant(2.0))[1]]
    >>> only(tape, bytearray([0, 1])).outputs
    [0]
    """
    if 0 not in is_kept:
        return tape
    new: list[Passed] = [0] * len(tape)
    shorter = Tape()
    for i, op in enumerate(tape.ops):
        if not is_kept[i]:
            continue
        if op is None:
            new[i] = shorter.copy_leaf(tape, i)
        else:
            new[i] = shorter.add(op, tuple([new[arg] for arg in tape.args[i]]))
    shorter.outputs = [new[output] for output in tape.outputs]
    return shorter
