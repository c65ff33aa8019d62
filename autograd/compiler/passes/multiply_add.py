"""Fuse ``c + x * y`` into one instruction: an interpreter pays per instruction.

Unlike a fused multiply-add of a processor, it rounds the product first, so results stay the same bit for bit.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain

from ...ops.structural import Operation
from ...ops.table import OPS, Op
from ..trace.tape import Tape, rewritten

# The first of three arguments is called `condition` in the table.
ADD_PRODUCT = Op(
    name="add product",
    doc="a number and a product",
    value="condition + x * y",
    partials=("1.0", "y", "x"),
    latex="{condition} + {x} {y}",
    domain=((-3.0, 3.0),) * 3,
)
"""The row of ``c + x * y``, which only an interpreter knows."""


def combine(tape: Tape) -> Tape:
    """Return a tape in which each product that is used once, in a sum, is fused with the addition.

    A negative that is added becomes a difference. What was combined stays on the tape, unused.

    Parameters
    ----------
    tape : Tape
        A program.

    Returns
    -------
    Tape
        A program of the same results, bit for bit.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> x, y, c = Value(2.0), Value(3.0), Value(4.0)
    >>> tape = combine(tape_of([c + x * y, c + -x], [[x, y, c]]))
    >>> [tape.name(i) for i in tape.outputs]
    ['add product', 'sub']
    """
    uses = Counter(chain(tape.outputs, chain.from_iterable(tape.args)))
    once = iter([uses[i] == 1 for i, op in enumerate(tape.ops) if op is not None])
    is_single: dict[int, bool] = {}

    def write(new: Tape, op: Operation, args: tuple[int, ...]) -> int:
        i = _written(new, op, args, is_single)
        is_single[i] = next(once)
        return i

    return rewritten(tape, write)


def _written(tape: Tape, op: Operation, args: tuple[int, ...], is_single: dict[int, bool]) -> int:
    if op is OPS["add"]:
        for total, term in (args, args[::-1]):
            if is_single.get(term) and tape.ops[term] is OPS["mul"]:
                return tape.add(ADD_PRODUCT, (total, *tape.args[term]))
            if is_single.get(term) and tape.ops[term] is OPS["neg"]:
                return tape.add(OPS["sub"], (total, *tape.args[term]))
    return tape.add(op, args)
