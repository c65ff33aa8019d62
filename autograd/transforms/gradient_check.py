"""Gradient checking: derivatives are compared with finite differences, and kinks are explained."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..quiet import quiet
from ..tables import html_table, text_table
from .derivatives import jvp, vjp
from .finite_differences import Slopes, slopes
from .kink_remark import said_of_kink
from .trees import Structure, flatten, paths, unflatten

_NUMBERS = ("analytic", "left", "right", "central", "relative error", "step")
_COLUMNS = ("order", "modes", "input", *_NUMBERS, "remark")


# Up to this many inputs are varied one by one.
_FEW = 8

# The largest uncertainty accepted along a direction, where an error of 0.1% in an entry shows as 0.00075.
_CLEAR = 1e-5

# Entries below this, relative to the largest, contribute less to a direction than the others.
_SMALLEST = 1e-6

# Entries that are 0, of which there may be many, are scaled as if they were this, relative to the largest.
_OF_ZERO = 1e-3


# Errors are relative to at least this: relative to a slope of 0, any rounding would be an error.
_ZERO = 1e-6


class KinkWarning(UserWarning):
    """A function has a kink, and so no derivative, at the point where its derivative was checked."""


@dataclass(frozen=True)
class Row:
    """The check of one input, at one order of differentiation.

    Attributes
    ----------
    order : int
        1 for the first derivative.
    modes : str
        The modes that computed the derivative.
    input : str
        The index expression of the input.
    analytic : float
        The derivative that was checked; of several modes, the one with the largest error.
    slopes : Slopes
        The finite differences.
    error : float
        The distance between the two, relative to the larger one.
    is_kink : bool
        Whether the slopes on the two sides differ.
    is_right : bool
        Whether the derivative equals the slope or, at a kink, is a subgradient.
    """

    order: int
    modes: str
    input: str
    analytic: float
    slopes: Slopes
    error: float
    is_kink: bool
    is_right: bool

    @property
    def remark(self) -> str:
        """Kinks, edges of the domain and errors, in words."""
        if self.is_kink:
            verdict = "" if self.is_right else ", which is WRONG"
            return said_of_kink(self.slopes.left.value, self.slopes.right.value, self.analytic) + verdict
        where = "edge of the domain" if self.is_edge else ""
        if all(math.isnan(slope.value) for slope in self.slopes):
            where = "no finite values around"
        return ", ".join(filter(None, [where, "" if self.is_right else "WRONG"]))

    @property
    def is_edge(self) -> bool:
        """Whether the function has finite values on one side only."""
        return math.isnan(self.slopes.left.value) != math.isnan(self.slopes.right.value)

    @property
    def is_singular(self) -> bool:
        """Whether the derivative has no derivative here."""
        return self.is_kink or self.is_edge or not math.isfinite(self.analytic)

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of the table, as text."""
        numbers = (self.analytic, *(slope.value for slope in self.slopes))
        return (
            str(self.order),
            self.modes,
            self.input,
            *(f"{number:.8g}" for number in numbers),
            f"{self.error:.1e}",
            f"{self.slopes.central.step:.1e}",
            self.remark,
        )


@dataclass(frozen=True)
class GradientReport:
    """The rows of a check; it prints as a table, also in notebooks.

    Attributes
    ----------
    rows : tuple of Row
        One for each input and order.
    """

    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether all derivatives are right."""
        return all(row.is_right for row in self.rows)

    def __str__(self) -> str:
        return text_table(_COLUMNS, [row.cells for row in self.rows])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS, [row.cells for row in self.rows])


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    rtol: float = 1e-5,
    report: bool = False,
    every_entry: bool | None = None,
) -> GradientReport | None:
    """Check the derivatives of a function against finite differences.

    Each input is varied in both directions. Where the two slopes differ, the function has a kink: a
    `KinkWarning` then names the valid subgradients and the one that the engine takes. For order 2, the first
    derivative along a random direction is checked in the same way, and so on. Results that are not a single
    number are checked through a weighted sum.

    More than 8 inputs are varied together, along a random direction, as in JAX and HIPS autograd. If that
    shows an error or a kink, each input is varied by itself. Unlike theirs, the direction varies an input the
    more, the less the result depends on it, so that all entries of the derivative contribute about equally.
    An error of 0.1% in a single entry, of at least 1e-6 of the largest, is found with a probability of more
    than 99.99% among 300 entries, and of 98% among 1,000.

    Parameters
    ----------
    f : callable
        The function.
    args : tuple or list
        The arguments at which to check.
    order : int
        The highest order of differentiation to check.
    modes : sequence of ``"fwd"`` and ``"rev"``
        The modes to check: forward, reverse, or both.
    rtol : float
        The relative error allowed.
    report : bool
        Whether to return a table of all inputs instead of raising and warning.
    every_entry : bool, optional
        Whether to vary each input by itself, however many there are. By default only for a report.

    Returns
    -------
    GradientReport or None
        The table, with ``report=True``.

    Raises
    ------
    AssertionError
        If a derivative is wrong; the message holds its rows of the table.
    TypeError, ValueError
        For arguments that are not made of real numbers, an order below 1, or an unknown mode.

    Examples
    --------
    >>> from autograd import relu, sin
    >>> check_grads(lambda x: sin(x) * x, (1.0,))
    >>> print(check_grads(relu, (0.0,), order=1, report=True).rows[0].remark)
    kink: any number in [0, 1] is a subgradient, the convention taken is 0
    """
    if not isinstance(args, tuple | list):
        raise TypeError(f"expected args to be a tuple with one item for each argument, got {args!r}")
    if order < 1 or not modes or not set(modes) <= {"fwd", "rev"}:
        raise ValueError(f"expected order >= 1 and modes out of 'fwd' and 'rev', got {order} and {modes!r}")
    every_entry = report if every_entry is None else every_entry
    found = GradientReport(tuple(_rows(f, tuple(args), 1, order, modes, rtol, frozenset(), every_entry)))
    if report:
        return found
    kinks = [f"at input {row.input}: {row.remark}" for row in found.rows if row.is_kink and row.is_right]
    if kinks:
        warnings.warn("\n".join(kinks), KinkWarning, stacklevel=2)
    wrong = GradientReport(tuple(row for row in found.rows if not row.is_right))
    if wrong.rows:
        raise AssertionError(f"{len(wrong.rows)} of {len(found.rows)} derivatives are wrong:\n{wrong}")
    return None


def _rows(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    order: int,
    last: int,
    modes: Sequence[str],
    rtol: float,
    singular: frozenset[int],
    every_entry: bool,
) -> list[Row]:
    """Return the rows of an order and of higher ones, without entries that are singular at a lower one."""
    given, structure = flatten(args, "args")
    numbers = [float(number) for number in given]
    entries = sorted(set(range(len(numbers))) - singular)
    # Here nan outside the domain is an answer, not a mistake of the user.
    with quiet():
        weights, value = _weighted(f, structure, numbers, is_derivative=order > 1)
        point = _Point(f, structure, numbers, weights, value, order, modes, rtol)
        rows = None if every_entry or len(entries) <= _FEW else point.along_a_direction(entries)
        excluded = set(singular)
        if rows is None:
            rows = point.each(entries)
            excluded |= {i for i, row in zip(entries, rows, strict=True) if row.is_singular}
    if order < last:
        for mode in modes:
            derivative = _derivative_function(f, structure, mode)
            rows += _rows(derivative, args, order + 1, last, [mode], rtol, frozenset(excluded), every_entry)
    return rows


@dataclass(frozen=True)
class _Point:
    """A function at a point, and its weighted results as a function of the input numbers."""

    f: Callable[..., Any]
    structure: Structure
    numbers: list[float]
    weights: list[float]
    value: Callable[[Sequence[float]], float]
    order: int
    modes: Sequence[str]
    rtol: float

    def each(self, entries: Sequence[int]) -> list[Row]:
        """Return the row of each input, for the mode with the largest error."""
        where = (self.f, self.structure, self.numbers, self.weights)
        analytic = [_DERIVATIVES[mode](*where) for mode in self.modes]
        names = _names(self.f, self.structure)
        rows = []
        for i in entries:
            measured = slopes(partial(_moved, self.value, self.numbers, i), self.numbers[i])
            rows.append(self._row(names[i], [derivatives[i] for derivatives in analytic], measured))
        return rows

    def along_a_direction(self, entries: Sequence[int]) -> list[Row] | None:
        """Return the row of all inputs together; None unless it shows a correct derivative beyond doubt."""
        where = (self.f, self.structure, self.numbers, self.weights)
        gradient = _reverse(*where)
        direction = _scaled_direction(gradient, entries)
        # An infinite entry leaves no direction, one of 1e-310 an infinite one.
        if not np.all(np.isfinite([*direction, *(gradient[i] for i in entries)])):
            return None
        analytic = {
            "fwd": lambda: _along(*where, direction),
            "rev": lambda: math.fsum(d * g for d, g in zip(direction, gradient, strict=True) if d),
        }
        measured = slopes(
            partial(_shifted, self.value, self.numbers, direction), 0.0, self._scales(direction)
        )
        found = self._row(f"{len(entries)} inputs", [analytic[mode]() for mode in self.modes], measured)
        is_clear = found.is_right and not found.is_singular and measured.central.uncertainty < _CLEAR
        return [found] if is_clear else None

    def _scales(self, direction: Sequence[float]) -> list[float]:
        """Return the scales of steps along a direction: until an input changes by 1, and by its own size."""
        moves = [(abs(x), abs(d)) for x, d in zip(self.numbers, direction, strict=True) if d]
        largest = min(max(1.0, x) / d for x, d in moves)
        own = min((x / d for x, d in moves if x), default=largest)
        return [largest, own] if own < largest / 16.0 else [largest]

    def _row(self, name: str, analytic: Sequence[float], measured: Slopes) -> Row:
        label = (self.order, ", ".join(self.modes), name)
        candidates = [_row(label, derivative, measured, self.rtol) for derivative in analytic]
        return max(candidates, key=lambda row: (not row.is_right, row.error))


def _scaled_direction(gradient: Sequence[float], entries: Sequence[int], seed: int = 0) -> list[float]:
    """Return a direction with random signs along which each entry of a gradient contributes about 1.

    Entries below 1e-6 of the largest contribute less, since their inputs would have to move too far.
    """
    rng = np.random.default_rng(seed)
    sizes = np.abs(np.array(gradient)[list(entries)])
    largest = sizes.max()
    drawn = rng.choice([-1.0, 1.0], len(sizes)) * rng.uniform(0.75, 1.25, len(sizes))
    direction = np.zeros(len(gradient))
    unit = np.where(sizes == 0.0, _OF_ZERO * largest, np.maximum(sizes, _SMALLEST * largest))
    direction[list(entries)] = drawn / unit if largest else drawn
    moved: list[float] = direction.tolist()
    return moved


def _shifted(
    value: Callable[[Sequence[float]], float],
    numbers: Sequence[float],
    direction: Sequence[float],
    step: float,
) -> float:
    """Return the value one step along a direction."""
    return value([x + step * d if d else x for x, d in zip(numbers, direction, strict=True)])


def _moved(
    value: Callable[[Sequence[float]], float], numbers: Sequence[float], i: int, number: float
) -> float:
    """Return the value with one input replaced."""
    return value([*numbers[:i], number, *numbers[i + 1 :]])


def _weighted(
    f: Callable[..., Any], structure: Structure, numbers: Sequence[float], *, is_derivative: bool
) -> tuple[list[float], Callable[[Sequence[float]], float]]:
    """Return weights for the results, and their weighted sum as a function of the inputs."""

    def results(point: Sequence[float]) -> list[float]:
        args = unflatten(structure, point, argument=True)
        # The user's function may call methods of its arguments, so they have to be Values. Derivatives get
        # numbers, so that they build no graph for a further derivative.
        return flatten(f(*args) if is_derivative else vjp(f, *args)[0])[0]

    size = len(results(numbers))
    weights = _direction(size)
    return weights, lambda point: sum(w * r for w, r in zip(weights, results(point), strict=True))


def _reverse(
    f: Callable[..., Any], structure: Structure, numbers: Sequence[float], weights: Sequence[float]
) -> list[float]:
    value, pullback = vjp(f, *unflatten(structure, numbers, argument=True))
    form = flatten(value)[1]
    return flatten(pullback(unflatten(form, weights)))[0]


def _forward(
    f: Callable[..., Any], structure: Structure, numbers: Sequence[float], weights: Sequence[float]
) -> list[float]:
    return [_along(f, structure, numbers, weights, unit) for unit in np.eye(len(numbers)).tolist()]


def _along(
    f: Callable[..., Any],
    structure: Structure,
    numbers: Sequence[float],
    weights: Sequence[float],
    direction: Sequence[float],
) -> float:
    args = unflatten(structure, numbers, argument=True)
    tangent = flatten(jvp(f, args, unflatten(structure, direction))[1])[0]
    return float(sum(w * t for w, t in zip(weights, tangent, strict=True)))


_DERIVATIVES = {"fwd": _forward, "rev": _reverse}


def _direction(size: int) -> list[float]:
    """Return random positive weights, so that errors do not cancel; 1 for a single number."""
    drawn: list[float] = np.random.default_rng(0).uniform(0.5, 1.5, size).tolist()
    return [1.0] if size == 1 else drawn


def _derivative_function(f: Callable[..., Any], structure: Structure, mode: str) -> Callable[..., Any]:
    """Return the derivative along a direction as a function of the same arguments."""
    direction = _direction(structure.size)

    def forward(*args: Any) -> Any:
        return jvp(f, args, unflatten(structure, direction))[1]

    def backward(*args: Any) -> Any:
        value, pullback = vjp(f, *args)
        numbers, form = flatten(value)
        return pullback(unflatten(form, _direction(len(numbers))))

    chosen = forward if mode == "fwd" else backward
    chosen.__signature__ = _signature(f)  # type: ignore[attr-defined]
    return chosen


def _row(label: tuple[int, str, str], analytic: float, measured: Slopes, rtol: float) -> Row:
    """Compare one derivative with the measured slopes."""
    sides = [side for side in (measured.left, measured.right) if not math.isnan(side.value)]
    low = min((side.value for side in sides), default=math.nan)
    high = max((side.value for side in sides), default=math.nan)
    doubt = 10.0 * sum(side.uncertainty for side in sides)
    gap, size = high - low, max(abs(low), abs(high), _ZERO)
    is_kink = gap == math.inf or gap > 10.0 * (rtol * size + doubt)
    if is_kink:
        nearest = min(max(analytic, low), high)
    else:
        best = measured.central if len(sides) != 1 else sides[0]
        nearest, doubt = best.value, 10.0 * best.uncertainty
    distance = 0.0 if analytic == nearest else abs(analytic - nearest)
    size = max(abs(analytic), abs(nearest), _ZERO)
    # Without finite values nearby, as where a result overflows, no derivative can be proved wrong.
    is_unknown = math.isnan(nearest) and not math.isnan(analytic)
    is_right = is_unknown or distance == 0.0 or (math.isfinite(size) and distance <= rtol * size + doubt)
    error = distance and (distance / size if math.isfinite(size) else math.inf)
    return Row(*label, analytic, measured, error, is_kink, is_right)


def _names(f: Callable[..., Any], structure: Structure) -> list[str]:
    """Return the name of each input number, from the names of the parameters."""
    signature = _signature(f)
    count = len(structure.parts)  # type: ignore[union-attr]
    names = [
        p.name
        for p in (signature.parameters.values() if signature else ())
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    names += [f"args[{i}]" for i in range(len(names), count)]
    parts = structure.parts  # type: ignore[union-attr]
    return [name + path for name, part in zip(names, parts, strict=False) for path in paths(part)]


def _signature(f: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(f)
    except (TypeError, ValueError):  # Some builtins have none.
        return None
