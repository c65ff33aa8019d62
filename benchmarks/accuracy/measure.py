"""The largest error of each subject, by chainrule in each form and by the peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from . import peers
from .exceptions import DERIVATIVES, VALUES, deviations, excepted
from .subjects import Subject
from .truths import Mask, Truths
from .ulps import Floats, errors


@dataclass(frozen=True)
class Figure:
    """The largest error of all points, and where it is.

    Attributes
    ----------
    ulps : float
        The error, in ulp of the exact number.
    point : list of float
        The arguments.
    argument : int
        Which derivative, from 1; 0 for the value.
    points : int
        How many points were looked at.
    """

    ulps: float
    point: list[float]
    argument: int
    points: int


@dataclass
class Measurement:
    """What was measured of a subject.

    Attributes
    ----------
    subject : Subject
        The subject.
    figures : dict
        The largest errors, by who computed and what: values or derivatives.
    """

    subject: Subject
    figures: dict[tuple[str, str], Figure] = field(default_factory=dict)

    def missed(self, who: str) -> list[str]:
        """Return what exceeds its bound."""
        found = []
        for (name, what), figure in self.figures.items():
            if name == who and not figure.ulps <= (limit := bound(self.subject, what)):
                found.append(
                    f"{self.subject.name}: expected {what} within {limit} ulp, got {figure.ulps:.3g} at "
                    f"{figure.point}, argument {figure.argument}"
                )
        return found


def bound(subject: Subject, what: str) -> float:
    """Return the bound of an error in ulp.

    Examples
    --------
    >>> from .subjects import subjects
    >>> bound(subjects()["mul"], VALUES), bound(subjects()["mul"], DERIVATIVES)
    (0.5, 4.0)
    """
    if what == VALUES and subject.op is not None and subject.is_of_one_or_two:
        return subject.op.ulps
    return max([one.bound for one in deviations(subject.name, what) if one.bound is not None], default=4.0)


Computing = Mapping[str, Callable[[Subject, Floats], Floats | None]]

COMPUTED: Computing = {
    "chainrule": peers.eager,
    "NumPy": peers.by_numpy,
    "PyTorch": peers.by_torch,
    "JAX": peers.by_jax,
}
COMPILED: Computing = {backend: partial(peers.compiled, backend) for backend in ("numpy", "numba", "jax")}

# XLA sets subnormal numbers to 0: there its error says nothing else.
_FLUSHING = ("JAX", "jax")


def measure(truths: Truths, who: Computing) -> Measurement:
    """Return the largest errors of a subject.

    Parameters
    ----------
    truths : Truths
        The subject at points.
    who : mapping
        What computes values and derivatives, by name.

    Returns
    -------
    Measurement
        Figures of those that have such a function.

    Examples
    --------
    >>> from .subjects import subjects
    >>> from .truths import drawn
    >>> found = measure(drawn(subjects()["mul"], seed=0, count=50), {"chainrule": peers.eager})
    >>> found.figures["chainrule", "values"].ulps <= 0.5, found.missed("chainrule")
    (True, [])
    """
    measured = Measurement(truths.subject)
    for name, compute in who.items():
        found = compute(truths.subject, truths.points)
        if found is None:
            continue
        left_out = truths.subnormal() if name in _FLUSHING else np.zeros(len(truths.points), bool)
        for what in (VALUES, DERIVATIVES):
            if what == VALUES or found.shape[1] > 1:
                measured.figures[name, what] = _largest(truths, found, what, left_out)
    return measured


def _largest(truths: Truths, found: Floats, what: str, left_out: Mask) -> Figure:
    """Return the largest error of the values, or of all derivatives."""
    subject = truths.subject
    left_out = left_out | excepted(subject.name, what, truths.points)
    columns = [0] if what == VALUES else range(1, found.shape[1])
    figures = []
    for which in columns:
        off = errors(found[:, which], truths.exact[which])
        skipped = left_out | (truths.out_of_range() if which and subject.reads_out[which - 1] else False)
        off[skipped] = np.nan
        figures.append(_worst(truths, off, which, as_is=what == VALUES and subject.is_of_one_or_two))
    return max(figures, key=lambda figure: figure.ulps)


def _worst(truths: Truths, off: Floats, which: int, as_is: bool) -> Figure:
    """Return the largest error, in units of what half an ulp of the arguments changes, or of an ulp."""
    counted = int(np.isfinite(off).sum() + np.isinf(off).sum())
    worst, at = 0.0, 0
    for index in np.argsort(-np.nan_to_num(off, nan=-1.0, posinf=np.inf)).tolist():
        if not off[index] > worst:
            break
        moved = 1.0 if as_is else max(1.0, truths.moved(index, which))
        share = 0.0 if moved == np.inf else off[index] / moved
        if share > worst:
            worst, at = float(share), index
    return Figure(worst, truths.points[at].tolist(), which, counted)
