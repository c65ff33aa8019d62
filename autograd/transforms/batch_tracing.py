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

from ..engine.errors import TracedValueError
from ..engine.graph import consumers_first, depending_on
from ..engine.tracing import is_tracing, trace_also
from ..engine.value import Value
from .batch_operations import lane, stack

_is_inside: ContextVar[bool] = ContextVar("is_inside", default=False)
_is_for_all: ContextVar[bool] = ContextVar("is_for_all", default=False)


Sample = Sequence[Any]
"""The numbers of a sample, or its results."""

PerSample = Callable[[Sample], Sample]


def recorded_once(f: PerSample, samples: Callable[[], Sequence[Sample]]) -> list[Sample] | None:
    """Return the results of a function for all samples of a batch, if it is recorded once for all of them.

    While a program is traced, the function is called once for all samples that agree in their integers and
    booleans, which it gets as they are.

    Parameters
    ----------
    f : callable
        A function from the numbers of a sample to its results, of the same length for each sample.
    samples : callable
        Returns the numbers of all samples, as many for each.

    Returns
    -------
    list of sequence of Value or float, or None
        The results for each sample. None where the function is to be called for each of them: where nothing
        is traced, for a single sample, and if the function asks for a number that differs among the samples.

    Examples
    --------
    >>> recorded_once(lambda sample: [sample[0] * 2.0], lambda: [[1.0], [2.0]]) is None
    True
    """
    if not is_tracing() or _is_inside.get() or len(given := samples()) < 2:
        return None
    try:
        return _in_lanes_of_alike(f, given)
    except TracedValueError:
        return None


def _in_lanes_of_alike(f: PerSample, samples: Sequence[Sample]) -> list[Sample]:
    """Call a function once for all samples with the same integers, such as an index or a label."""
    candidates = [i for i, number in enumerate(samples[0]) if isinstance(number, int)]
    whole = [i for i in candidates if all(isinstance(sample[i], int) for sample in samples)]
    if not whole:
        return _in_lanes(f, samples)
    alike: dict[tuple[Any, ...], list[int]] = {}
    for i, sample in enumerate(samples):
        alike.setdefault(tuple((type(sample[j]), sample[j]) for j in whole), []).append(i)
    rows: list[Sample] = [()] * len(samples)
    for members in alike.values():
        fixed = dict(zip(whole, (samples[members[0]][j] for j in whole), strict=True))
        varying = [[n for j, n in enumerate(samples[i]) if j not in fixed] for i in members]
        for i, row in zip(members, _in_lanes(partial(_with_fixed, f, fixed), varying), strict=True):
            rows[i] = row
    return rows


def _with_fixed(f: PerSample, fixed: Mapping[int, Any], numbers: Sample) -> Sample:
    """Call a function of a sample with some of its numbers inserted at their places."""
    rest = iter(numbers)
    return f([fixed[j] if j in fixed else next(rest) for j in range(len(fixed) + len(numbers))])


def _in_lanes(f: PerSample, samples: Sequence[Sample]) -> list[Sample]:
    inputs: Any = [stack(column) for column in zip(*samples, strict=True)]
    level = trace_also(inputs)
    with samples_apart():
        token = _is_for_all.set(True)
        try:
            results = f(inputs)
        finally:
            _is_for_all.reset(token)
    order = consumers_first(*(result for result in results if isinstance(result, Value)), level=level)
    batched = depending_on(inputs, reversed(order))
    return [
        [lane(r, i) if isinstance(r, Value) and r in batched else r for r in results]
        for i in range(len(samples))
    ]


def is_for_all_samples() -> bool:
    """Return whether a function is being called once for all samples, as `recorded_once` does.

    Examples
    --------
    >>> is_for_all_samples()
    False
    """
    return _is_for_all.get()


@contextmanager
def samples_apart() -> Iterator[None]:
    """Call functions of one sample for each sample inside the block, as if nothing were traced.

    Examples
    --------
    >>> from autograd.engine.tracing import tracing
    >>> x = Value(1.0)
    >>> with tracing([x]), samples_apart():
    ...     recorded_once(lambda sample: [x * sample[0]], lambda: [[2.0], [3.0]]) is None
    True
    """
    before = _is_inside.get()
    try:
        _is_inside.set(True)
        yield
    finally:
        _is_inside.set(before)
