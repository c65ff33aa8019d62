"""The operations of batch tracing: samples are stacked, one of them is read, or all are added up.

A node that depends on a `stack` stands for one number in each sample. A `lane` is the number of one sample,
and a `total` is the sum over all of them. `autograd.transforms.batch_tracing` and the sweeps record them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeVar

from ..engine.apply import record
from ..engine.levels import new_level
from ..engine.tracing import trace_also
from ..engine.value import Value
from ..ops.structural import Instructions, Part, Structural
from ..ops.table import OPS

Scalar = Value | float
AnyScalar = TypeVar("AnyScalar", Value, float, Scalar)


class _BatchOperation(Structural):
    """One of the three operations; a single object, also after copying and pickling."""

    def __reduce__(self) -> str:
        return f"_{self.name.upper()}"


class Stack(_BatchOperation):
    """One number in each sample, from the numbers of all samples.

    Examples
    --------
    >>> Stack().length(3), Stack().sources(2, [])
    (3, [(0, 0), (1, 0)])
    """

    name = "stack"
    variadic = True
    arranges = True

    def length(self, operands: int) -> int:
        """Return how many samples there are."""
        return operands

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return for each sample its own part of the adjoint."""
        wants = [isinstance(arg, Value) and arg in wanted for arg in node.args]
        return [lane(adjoint, i) if is_wanted else None for i, is_wanted in enumerate(wants)]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangents of all samples as one."""
        return stack([0.0 if tangent is None else tangent for tangent in tangents])

    def apply(self, *operands: Any) -> Any:
        """Return a stack of other numbers."""
        stacked = stack(operands)
        trace_also([stacked])
        return stacked

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return what all samples share, or the number whose samples are stacked in order."""
        # Constants by their digits: 0.0 equals -0.0.
        if len({arg if (number := tape.numbers[arg]) is None else repr(number) for arg in args}) == 1:
            return args[0]
        if any(not isinstance(tape.ops[arg], Lane) for arg in args):
            return None
        sources = {tape.args[arg][0] for arg in args}
        order = [tape.numbers[tape.args[arg][1]] for arg in args]
        source = sources.pop()
        is_whole = not sources and lengths[source] == len(args) and order == list(range(len(args)))
        return source if is_whole else None

    def sources(self, operands: int, statics: Sequence[float]) -> list[tuple[int, int]]:
        """Return one number of each operand."""
        return list(zip(range(operands), repeat(0)))


class Lane(_BatchOperation):
    """The number of one sample, whose index is the second operand.

    Examples
    --------
    >>> Lane().sources(1, [3.0]), Lane().written(["x", "3"])
    ([(0, 3)], 'lane(x, 3)')
    """

    name = "lane"
    arranges = True
    statics = 1

    def length(self, operands: int) -> int:
        """Return that it is a single number."""
        return 0

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint, as part of that of all samples."""
        x, sample = node.args
        return [Part(int(sample), lengths[x], adjoint) if x in lengths else adjoint, None]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent of the sample."""
        return lane(tangents[0], int(node.args[1]))

    def apply(self, *operands: Any) -> Any:
        """Return the same sample of another number."""
        x, sample = operands
        return lane(x, int(sample))

    def fold(self, numbers: Sequence[float]) -> float | None:
        """Return a constant, which all samples share."""
        return numbers[0]

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return what all samples share, or what was stacked."""
        x, sample = args
        if not lengths[x]:
            return x
        if not isinstance(tape.ops[x], Stack):
            return None
        return tape.args[x][int(tape.numbers[sample])]  # type: ignore[arg-type]

    def sources(self, operands: int, statics: Sequence[float]) -> list[tuple[int, int]]:
        """Return which sample it is."""
        (sample,) = statics
        return [(0, int(sample))]


class Total(_BatchOperation):
    """The sum over the samples, whose number is the second operand.

    Examples
    --------
    >>> Total().fold([3.0, 2.0])
    6.0
    """

    name = "total"
    adds = True
    statics = 1

    def length(self, operands: int) -> int:
        """Return that it is a single number."""
        return 0

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint, which flows to each sample alike."""
        x, samples = node.args
        # The total of a number that all samples share is a multiple of it.
        return [adjoint if x in lengths else samples * adjoint, None]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the total of the tangents."""
        return total(tangents[0], int(node.args[1]))

    def apply(self, *operands: Any) -> Any:
        """Return the total of another number."""
        x, samples = operands
        return total(x, int(samples))

    def fold(self, numbers: Sequence[float]) -> float | None:
        """Return the multiple of a constant."""
        x, samples = numbers
        return x * samples

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return the multiple of what all samples share."""
        x, samples = args
        return None if lengths[x] else tape.add(OPS["mul"], (samples, x))


_STACK, _LANE, _TOTAL = Stack(), Lane(), Total()


def stack(numbers: Iterable[Scalar]) -> Value:
    """Return a node that stands for one number in each sample.

    Examples
    --------
    >>> stack([Value(1.0), 2.0])
    Value(1.0, op='stack')
    """
    items = tuple([number if isinstance(number, Value) else float(number) for number in numbers])
    first = items[0]
    partials = tuple([1.0 if isinstance(item, Value) else None for item in items])
    node = record(_STACK, first._data if isinstance(first, Value) else first, items, partials)
    # The stack has a level of its own. A derivative inside the function of one sample, whose level is higher,
    # takes it for one number; a derivative around that function takes it for one number in each sample.
    node._level = new_level(traced=True)
    return node


def lane(x: AnyScalar, sample: int) -> AnyScalar:
    """Return the number of one sample; of a constant, which all samples share, the constant.

    Examples
    --------
    >>> lane(stack([Value(1.0), 2.0]), 0)
    Value(1.0, op='lane')
    >>> lane(3.0, 0)
    3.0
    """
    return record(_LANE, x._data, (x, float(sample)), (1.0, None)) if isinstance(x, Value) else x


def total(x: AnyScalar, samples: int) -> AnyScalar:
    """Return the sum over the samples; of a constant, which all samples share, its multiple.

    Examples
    --------
    >>> total(stack([Value(1.0), 2.0]), 2)
    Value(1.0, op='total')
    >>> total(3.0, 2)
    6.0
    """
    return record(_TOTAL, x._data, (x, float(samples)), (1.0, None)) if isinstance(x, Value) else samples * x


def lengths_of(order: Iterable[Value]) -> Mapping[Value, int]:
    """Return how many numbers each node stands for, if it stands for several.

    Parameters
    ----------
    order : iterable of Value
        The nodes that a derivative sweeps over, each after its operands. A stack that is older than the
        derivative is not among them: inside the function of one sample there are no batches.

    Returns
    -------
    mapping of Value to int
        How many; nodes that are a single number are left out.

    Examples
    --------
    >>> x = stack([Value(1.0), 2.0])
    >>> y = x * 3.0
    >>> list(lengths_of([x, y, lane(y, 0)]).values())
    [2, 2]
    """
    found: dict[Value, int] = {}
    for node in order:
        op = node.op
        if isinstance(op, Structural) and (length := op.length(len(node.args))) is not None:
            if length:
                found[node] = length
        elif found:
            for arg in node.args:
                if isinstance(arg, Value) and arg in found:
                    found[node] = found[arg]
                    break
    return found
