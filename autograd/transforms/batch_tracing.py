"""Samples of a batch traced once: a number that stands for one number of each sample.

To record a network for a hundred samples, a hundred times the same, would take a hundred times as long as
to record it once. So while a program is traced, a function that is called for each sample is called for all
of them together. A `stack` of the numbers of all samples goes in; what is computed from it stands for one
number a sample, a *lane* each; and a `lane` comes out for each sample. The compiler gives a stack an array.

A derivative follows the same rule everywhere: a number that all samples share gets the `total` over the
samples of what flows back to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np

from ..engine.graph import consumers_first, depending_on
from ..engine.levels import new_level
from ..engine.tracing import TracedValueError, is_tracing, trace_also
from ..engine.value import Value, record
from ..functions.value_array import values_array
from ..ops.table import BATCHES

Scalar = Value | float

STACK, LANE, TOTAL = BATCHES["stack"], BATCHES["lane"], BATCHES["total"]

_is_inside: ContextVar[bool] = ContextVar("is_inside", default=False)


def for_each_sample(
    f: Callable[[Sequence[Any]], Sequence[Any]], samples: Sequence[Sequence[Any]]
) -> list[Sequence[Any]]:
    """Return the results of a function of one sample for all samples of a batch.

    While a program is traced, the function is called once for all of them; whole numbers and booleans stay
    what they are, and it is called once for all samples of the same ones. Where it wants to know a number
    that differs among the samples, it is called for each after all.

    Parameters
    ----------
    f : callable
        From the numbers of a sample to a sequence of results, as many for each sample.
    samples : sequence of sequence of Value or float
        As many numbers in each; of arrays `f` gets arrays.

    Returns
    -------
    list of sequence of Value or float
        The results for each sample.

    Examples
    --------
    >>> for_each_sample(lambda sample: [sample[0] * 2.0], [[1.0], [2.0]])
    [[2.0], [4.0]]
    """
    if is_tracing() and not _is_inside.get() and len(samples) > 1 and len(set(map(len, samples))) == 1:
        try:
            return _in_lanes_of_alike(f, samples)
        except TracedValueError:
            pass
    return [f(sample) for sample in samples]


def _in_lanes_of_alike(
    f: Callable[[Sequence[Any]], Sequence[Any]], samples: Sequence[Sequence[Any]]
) -> list[Sequence[Any]]:
    """Call a function once for all samples of the same whole numbers, such as an index or a label."""
    first = () if isinstance(samples[0], np.ndarray) else samples[0]
    candidates = [i for i, number in enumerate(first) if isinstance(number, int)]
    whole = [i for i in candidates if all(isinstance(sample[i], int) for sample in samples)]
    if not whole:
        return _in_lanes(f, samples)
    alike: dict[tuple[Any, ...], list[int]] = {}
    for i, sample in enumerate(samples):
        alike.setdefault(tuple((type(sample[j]), sample[j]) for j in whole), []).append(i)
    rows: list[Sequence[Any]] = [()] * len(samples)
    for members in alike.values():
        fixed = dict(zip(whole, (samples[members[0]][j] for j in whole), strict=True))
        varying = [[n for j, n in enumerate(samples[i]) if j not in fixed] for i in members]
        for i, row in zip(members, _in_lanes(partial(_with_fixed, f, fixed), varying), strict=True):
            rows[i] = row
    return rows


def _with_fixed(
    f: Callable[[Sequence[Any]], Sequence[Any]], fixed: Mapping[int, Any], numbers: Sequence[Any]
) -> Sequence[Any]:
    """Call a function of a sample with some of its numbers put in at their places."""
    rest = iter(numbers)
    return f([fixed[j] if j in fixed else next(rest) for j in range(len(fixed) + len(numbers))])


def _in_lanes(
    f: Callable[[Sequence[Any]], Sequence[Any]], samples: Sequence[Sequence[Any]]
) -> list[Sequence[Any]]:
    inputs: Any = [stack(column) for column in zip(*samples, strict=True)]
    level = trace_also(inputs)
    with samples_apart():
        results = f(values_array(inputs) if isinstance(samples[0], np.ndarray) else inputs)
    order = consumers_first(*(result for result in results if isinstance(result, Value)), level=level)
    batched = depending_on(inputs, reversed(order))
    return [
        [lane(r, i) if isinstance(r, Value) and r in batched else r for r in results]
        for i in range(len(samples))
    ]


@contextmanager
def samples_apart() -> Iterator[None]:
    """Have functions of one sample called for each sample, as where nothing is traced.

    Examples
    --------
    >>> from autograd.engine.tracing import tracing
    >>> x = Value(1.0)
    >>> with tracing([x]), samples_apart():
    ...     for_each_sample(lambda sample: [x * sample[0]], [[2.0], [3.0]])
    [[Value(2.0, op='*')], [Value(3.0, op='*')]]
    """
    before = _is_inside.get()
    try:
        _is_inside.set(True)
        yield
    finally:
        _is_inside.set(before)


def stack(numbers: Iterable[Scalar]) -> Value:
    """Return a node that stands for a number of each sample.

    Examples
    --------
    >>> stack([Value(1.0), 2.0])
    Value(1.0, op='stack')
    """
    items = tuple([number if isinstance(number, Value) else float(number) for number in numbers])
    first = items[0]
    partials = tuple([1.0 if isinstance(item, Value) else None for item in items])
    node = record(STACK, first._data if isinstance(first, Value) else first, items, None, partials, None)
    # Of its own, so that a derivative taken inside of the function of one sample, whose level is higher,
    # takes it for one number, and a derivative taken around it for as many as there are samples.
    node._level = new_level(traced=True)
    return node


def lane(x: Value, sample: int) -> Value:
    """Return a node for the number of one sample; of a number that all share, the number itself.

    Examples
    --------
    >>> lane(stack([Value(1.0), 2.0]), 0)
    Value(1.0, op='lane')
    """
    return record(LANE, x._data, x, float(sample), 1.0, None)


def total(x: Scalar, samples: int) -> Scalar:
    """Return the sum over the samples; of a number that all share, its multiple.

    Examples
    --------
    >>> total(stack([Value(1.0), 2.0]), 2)
    Value(1.0, op='total')
    >>> total(3.0, 2)
    6.0
    """
    return record(TOTAL, x._data, x, float(samples), 1.0, None) if isinstance(x, Value) else samples * x


def samples_of(order: Iterable[Value]) -> Mapping[Value, int]:
    """Return how many samples each node stands for; nodes that all samples share are left out.

    Parameters
    ----------
    order : iterable of Value
        What a derivative sweeps over, each node after its operands. A stack that is older than the derivative
        is not among them: inside of a function of one sample, nothing is a batch.

    Returns
    -------
    mapping of Value to int
        The numbers of samples.

    Examples
    --------
    >>> x = stack([Value(1.0), 2.0])
    >>> y = x * 3.0
    >>> list(samples_of([x, y, lane(y, 0)]).values())
    [2, 2]
    """
    found: dict[Value, int] = {}
    for node in order:
        if node.op is STACK:
            found[node] = len(node.args)
        elif found and node.op is not LANE and node.op is not TOTAL:
            for arg in node.args:
                if isinstance(arg, Value) and arg in found:
                    found[node] = found[arg]
                    break
    return found
