"""Branches of which a program chooses one when it runs: all of them are recorded.

A choice between numbers is a `Choose`. Its derivative is a choice again, not a product with 0 or 1: in the
branch that is not taken, 0 times an infinite partial would be nan. What a branch is computed from goes
through a `Choose` as well, with the number itself on either side, and its derivative on one. So no
derivative, of whatever order, gets out of the branch that is not taken, at either end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..engine.apply import apply, apply_again, record
from ..engine.errors import TracedValueError
from ..engine.levels import is_variable
from ..engine.tracing import is_unknown
from ..engine.value import Value
from ..functions.traced_array import is_whole
from ..ops.structural import Instructions, Structural
from ..ops.table import CONSTANTS, OPS
from .module_copies import values_within
from .trees import leaves_like, leaves_of, numbers_of, unflatten

Scalar = Value | float


class Choose(Structural):
    """The second operand where the first one holds, else the third; a single object.

    Examples
    --------
    >>> Choose().apply(0.0, Value(2.0), Value(3.0))
    Value(3.0)
    """

    name = "choose"
    computes = True

    def __reduce__(self) -> str:
        return "_CHOOSE"

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint for the operand that is chosen, and 0 for the other."""
        condition, x, y = node.args
        return [
            None,
            choose(condition, adjoint, 0.0) if isinstance(x, Value) and x in wanted else None,
            choose(condition, 0.0, adjoint) if isinstance(y, Value) and y in wanted else None,
        ]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent of the operand that is chosen."""
        return choose(node.args[0], *[0.0 if tangent is None else tangent for tangent in tangents[1:]])

    def apply(self, *operands: Any) -> Any:
        """Return a choice of other operands."""
        return choose(*operands)

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return the row that computes it, or the operand that is on both sides."""
        return args[1] if args[1] == args[2] else tape.add(OPS["where"], args)


_CHOOSE = Choose()


def choose(condition: Scalar, x: Scalar, y: Scalar) -> Scalar:
    """Return x where the condition holds, else y: a node where it is not known.

    Examples
    --------
    >>> choose(1.0, Value(2.0), 3.0)
    Value(2.0)
    """
    if not isinstance(condition, Value) or not is_unknown(condition):
        return x if (condition._data if isinstance(condition, Value) else condition) != 0.0 else y
    items = condition, _operand(x), _operand(y)
    numbers = [item._data if isinstance(item, Value) else item for item in items]
    partials = (None, *[1.0 if isinstance(item, Value) else None for item in items[1:]])
    return record(_CHOOSE, numbers[1] if numbers[0] else numbers[2], items, partials)


def _operand(x: Any) -> Scalar:
    return x if isinstance(x, Value) else float(x)


def chosen_among(
    conditions: Sequence[Value], functions: Sequence[Callable[..., Any]], operands: Sequence[Any], whose: str
) -> Any:
    """Call several functions, and return the result of the first whose condition holds.

    Parameters
    ----------
    conditions : sequence of Value
        One for each function, of which exactly one holds.
    functions : sequence of callable
        The branches.
    operands : sequence of tree
        What to call them with.
    whose : str
        What error messages call this.

    Returns
    -------
    tree
        The result.

    Raises
    ------
    TypeError
        If the results differ in structure or shapes.
    TracedValueError
        If a function assigns to an array around it.

    Examples
    --------
    >>> from ..engine.tracing import tracing
    >>> x = Value(2.0)
    >>> with tracing([x]):
    ...     chosen_among([x > 0.0, x <= 0.0], [abs, lambda x: -x], [x], "cond")
    Value(2.0, op='choose')
    """
    given, structure = leaves_of(tuple(operands), f"an operand of {whose}", exact=True)
    numbers = numbers_of(given)
    rows: list[list[Any]] = []
    form = None
    for condition, function in zip(conditions, functions, strict=True):
        gated = [_gated(condition, n) if isinstance(n, Value) else n for n in numbers]
        around = [(array, _held(array)) for array in _arrays_around(function)]
        with _within(condition):
            result = function(*unflatten(structure, gated, argument=True))
        if not all(
            one is other for array, items in around for one, other in zip(_held(array), items, strict=True)
        ):
            raise TracedValueError(
                f"a branch of {whose}, {place(function)}, assigns to an array around it, but all branches "
                "are recorded, as it is not known while the function is traced which is taken; return the "
                "array from each branch"
            )
        whole = "a result of " + whose
        form = form or leaves_of(result, whole, exact=True)[1]
        leaves, found = leaves_like(form, result, whole, exact=True)
        if found != form:
            raise TypeError(
                f"{whose} expected all branches to return results of one structure, since it is not known "
                f"while the function is traced which one is taken, got {form} from {place(functions[0])} and "
                f"{found} from {place(function)}; return numbers or arrays of the same shapes from each"
            )
        entered = {n for n in gated if isinstance(n, Value)}
        rows.append(_closed(numbers_of(leaves), condition, entered, values_within(function)))
    assert form is not None
    return unflatten(form, [_chosen(conditions, column) for column in zip(*rows, strict=True)])


def _arrays_around(function: Any) -> Iterator[Any]:
    """Yield the arrays of Values that a function finds in its closure."""
    for cell in getattr(function, "__closure__", None) or ():
        # A variable may have no value yet.
        with suppress(ValueError):
            if isinstance(cell.cell_contents, np.ndarray) and cell.cell_contents.dtype == object:
                yield cell.cell_contents


def _held(array: Any) -> list[Any]:
    """Return what an array holds, or of one that stays whole whether it was assigned to."""
    return [array.is_changed()] if is_whole(array) else array.ravel().tolist()


_conditions: ContextVar[tuple[Value, ...]] = ContextVar("conditions", default=())


@contextmanager
def _within(condition: Value) -> Iterator[None]:
    """Call a function in the block that is a branch, taken where a condition holds."""
    token = _conditions.set((*_conditions.get(), condition))
    try:
        yield
    finally:
        _conditions.reset(token)


def where_taken(condition: Scalar) -> Scalar:
    """Return a condition that holds only where the branches are taken that this thread is recording.

    A loop in the branch that is not taken might never end.

    Examples
    --------
    >>> where_taken(1.0)
    1.0
    """
    for outer in reversed(_conditions.get()):
        condition = choose(outer, condition, 0.0)
    return condition


def place(f: Any) -> str:
    """Return the name of a function, and where it begins.

    Examples
    --------
    >>> place(abs)
    'abs'
    """
    name = getattr(f, "__qualname__", repr(f))
    code = getattr(f, "__code__", None)
    return name if code is None else f"{name} at {code.co_filename}:{code.co_firstlineno}"


def _chosen(conditions: Sequence[Value], numbers: Sequence[Any]) -> Any:
    """Return the number of the branch that is taken."""
    *others, found = numbers
    # By their digits: 0.0 equals -0.0.
    if all(
        number is found or (not isinstance(number, Value) and repr(number) == repr(found))
        for number in others
    ):
        return found
    for condition, number in zip(conditions[-2::-1], others[::-1], strict=True):
        found = choose(condition, number, found)
    return found


def _gated(condition: Value, x: Value) -> Scalar:
    """Return a number whose derivative is 0 where a condition does not hold."""
    return choose(condition, x, apply(CONSTANTS["constant"], x))


def _closed(
    outputs: list[Any], condition: Value, entered: Collection[Value], captured: Collection[Value]
) -> list[Any]:
    """Return the results of a branch with a gate at all that it is computed from, also what it captures.

    Results are recorded again for that, since the branch has read what it captures before anybody could know.
    """
    inside, ends = _inside([out for out in outputs if isinstance(out, Value)], entered, captured)
    made: dict[Value, Any] = {end: _gated(condition, end) for end in ends}
    for node in inside:
        if any(isinstance(arg, Value) and arg in made for arg in node.args):
            args = [made.get(arg, arg) if isinstance(arg, Value) else arg for arg in node.args]
            made[node] = apply_again(node.op, args)  # type: ignore[arg-type]
    return [made.get(out, out) if isinstance(out, Value) else out for out in outputs]


def _inside(
    outputs: Sequence[Value], entered: Collection[Value], captured: Collection[Value]
) -> tuple[list[Value], list[Value]]:
    """Return the nodes of a branch, each after its operands, and the nodes from outside that they use.

    What is outside ends at the values that the function refers to. A value that it finds in another way, as a
    global variable, is told from its own by nothing; there the branch ends at the variables of the trace.
    """
    order: list[Value] = []
    ends: list[Value] = []
    seen: set[Value] = set(entered)
    stack = [(node, False) for node in outputs]
    while stack:
        node, is_complete = stack.pop()
        if is_complete:
            order.append(node)
            continue
        if node in seen or not node._level:
            continue
        seen.add(node)
        if node in captured or node.op is None or is_variable(node):
            ends.append(node)
            continue
        stack.append((node, True))
        stack.extend((arg, False) for arg in node.args if isinstance(arg, Value))
    return order, ends
