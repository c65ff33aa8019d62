"""Batched tracing: record a per-sample function once.

One symbolic scalar stands for its value in every sample.

Recording a function for each of a hundred samples takes a hundred times as long as recording it once. So
while a program is traced, a function of one sample is called once for all samples. Each of its inputs is a
`stack` of the numbers of all samples, every node computed from a stack stands for one number in each sample,
and each sample's results are read with `lane`. The compiler turns stacks into arrays.

Differentiation needs one additional rule: the adjoint of a number that all samples share is the `total`, over
the samples, of what flows back to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np

from ..engine.graph import consumers_first, depending_on
from ..engine.tracing import TracedValueError, is_tracing, trace_also
from ..engine.value import Value
from ..functions.value_array import values_array
from .batch_operations import lane, stack

_is_inside: ContextVar[bool] = ContextVar("is_inside", default=False)


def for_each_sample(
    f: Callable[[Sequence[Any]], Sequence[Any]], samples: Sequence[Sequence[Any]]
) -> list[Sequence[Any]]:
    """Return the results of a function of one sample, for all samples of a batch.

    While a program is traced, the function is called once for all samples that agree in their integers and
    booleans, which it gets as they are. If it asks for a number that differs between the samples, it is
    called for each sample instead.

    Parameters
    ----------
    f : callable
        A function from the numbers of a sample to a sequence of results, of the same length for each sample.
    samples : sequence of sequence of Value or float
        The numbers of each sample, as many for each. If they are arrays, `f` gets arrays.

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
    """Call a function once for all samples with the same integers, such as an index or a label."""
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
    """Call a function of a sample with some of its numbers inserted at their places."""
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
    """Call functions of one sample for each sample inside the block, as if nothing were traced.

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
