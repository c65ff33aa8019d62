"""Rounding errors: how far a result may be from the exact one, and which operations are to blame.

Each operation rounds its value, by at most ε of it, and the gradient says how much of that arrives at the
result. To first order the contributions add up, in the worst case with the same sign: N. Higham, *Accuracy
and Stability of Numerical Algorithms*, chapter 3; H. Menon et al., "ADAPT: algorithmic differentiation
applied to floating-point precision tuning", SC 2018.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ..engine.graph import consumers_first, edges, nodes
from ..engine.real_numbers import checked_number
from ..engine.value import Value
from ..ops.rules import on_floats
from ..ops.table import Op
from ..tables import html_table, text_table
from ..transforms.rules_on_values import in_single_steps
from ..transforms.sweeps import adjoints_of
from .picture.budget import READABLE, is_readable, nearest
from .picture.computation_graph import DIRECTIONS
from .picture.drawing import Drawing
from .picture.styles import THEMES
from .picture.unfolded import Look, Shade, draw_unfolded
from .text.caller_names import names_for_caller
from .text.formulas import count, digits, formula
from .text.modules import modules_of

# One unit in the last place is at most so much of a number, and of the smallest ones so much.
_ULP, _TINIEST = 2.0**-52, 5e-324

# The ulps of a row that IEEE 754 rounds correctly.
_CORRECTLY_ROUNDED = 0.5

# What an operation of the user's own is taken for: as accurate as a function of the table.
_ULPS_OF_OTHERS = 2.0

_ALL_DIGITS = 53 * math.log10(2.0)

# The rows that are shown, and the growth of relative errors that is worth a remark: two digits.
_MOST_ROWS, _MOST_REMARKS, _WORTH_A_REMARK = 12, 3, 100.0

# What a node does to the digits matters to the result from this part of the worst on.
_MATTERS = 0.01


_COLUMNS = ("node", "formula", "value", "gradient", "rounding", "off by", "share")


class RoundingError(NamedTuple):
    """What the rounding of one node may change in the result.

    Attributes
    ----------
    node : Value
        The node.
    gradient : float
        The derivative of the result with respect to it.
    rounding : float
        How far its value may be off by its own rounding, or for a leaf by what `roundoff` was told.
    contribution : float
        How far the result may be off for that: the size of the gradient times the rounding.
    share : float
        What part of the bound that is.
    terms : float
        The sum of the sizes of its operands, those that are off themselves, each times its local partial.
    names : mapping of Value to str
        The name of each node.
    """

    node: Value
    gradient: float
    rounding: float
    contribution: float
    share: float
    terms: float
    names: Mapping[Value, str]

    @property
    def name(self) -> str:
        """The name of the node."""
        return self.names[self.node]

    # Written when asked for: of a large graph, few are shown.
    @property
    def formula(self) -> str:
        """Its operation with the names of its operands; of a leaf its value."""
        return formula(self.node, self.names)

    @property
    def growth(self) -> float:
        """How many times larger the relative error of its value may be than those of its operands."""
        value = abs(self.node.data)
        return self.terms / value if value else math.inf if self.terms else 0.0

    @property
    def uncovered(self) -> float:
        """How much of the result is at stake if the relative errors of its operands are 1."""
        return abs(self.gradient) * self.terms

    @property
    def remark(self) -> str:
        """What it does to the digits of its operands, where it costs at least two; else empty."""
        if not self.growth >= _WORTH_A_REMARK:
            return ""
        lost = "all" if math.isinf(self.growth) else digits(math.log10(self.growth), 2)
        return f"{'cancellation ' if _cancels(self.node) else ''}loses {lost} digits"


class RoundoffReport(tuple[RoundingError, ...]):
    """The rounding errors of the nodes, the most harmful first; prints as a table.

    Parameters
    ----------
    errors : iterable of RoundingError
        In any order.
    order : sequence of Value
        The graph, the result last.

    Attributes
    ----------
    name : str
        The name of the result.
    value : float
        The result.
    bound : float
        How far it may be from the exact one: the sum of the contributions.
    relative : float
        The same as a part of the result.
    digits : float
        How many decimal digits of the result are right, of the 16 of a double.
    cancellations : tuple of RoundingError
        The nodes that make digits of their operands meaningless, where it matters to the result; the worst
        first. Their own rounding is mostly harmless: they uncover the rounding before them.

    Examples
    --------
    >>> x = Value(0.1, label="x")
    >>> report = roundoff(x * x)
    >>> report.bound == 2**-53 * 0.1 * 0.1, report[0].share
    (True, 1.0)
    """

    name: str
    value: float
    bound: float
    _order: tuple[Value, ...]

    def __new__(cls, errors: Iterable[RoundingError], order: Sequence[Value]) -> RoundoffReport:
        """Sort the errors."""
        report = super().__new__(cls, sorted(errors, key=_rank))
        report.value = order[-1].data
        report.bound = math.fsum(error.contribution for error in report)
        report._order = tuple(order)
        report.name = next(error.name for error in report if error.node is order[-1])
        return report

    @property
    def relative(self) -> float:
        """The bound as a part of the result."""
        return self.bound / abs(self.value) if self.value else math.inf if self.bound else 0.0

    @property
    def digits(self) -> float:
        """How many decimal digits of the result are right, of the 16 of a double."""
        if not self.relative < 1.0:
            return 0.0
        return min(_ALL_DIGITS, -math.log10(self.relative)) if self.relative else _ALL_DIGITS

    @property
    def cancellations(self) -> tuple[RoundingError, ...]:
        """The nodes that make digits of their operands meaningless, where it matters; the worst first."""
        least = _MATTERS * max((error.uncovered for error in self), default=0.0)
        found = [error for error in self if error.uncovered >= least > 0.0 and error.remark]
        return tuple(sorted(found, key=lambda error: error.uncovered, reverse=True))

    def draw(self, direction: str = "LR", *, theme: str = "auto") -> Drawing:
        """Draw the graph, each node the redder the more of the bound is due to it.

        Parameters
        ----------
        direction : str
            ``"LR"``, ``"RL"``, ``"TB"`` or ``"BT"``: from the leaves to the result.
        theme : str
            ``"light"``, ``"dark"``, or ``"auto"``: light, and in an SVG dark where the reader's system is.

        Returns
        -------
        Drawing
            A picture of the graph, or of its part nearest to the result, with a frame where digits are lost.

        Raises
        ------
        ValueError
            For an unknown direction or theme.
        """
        if theme not in THEMES:
            raise ValueError(f"expected theme to be one of {', '.join(THEMES)}, got {theme!r}")
        if direction not in DIRECTIONS:
            raise ValueError(f"expected direction to be one of {', '.join(DIRECTIONS)}, got {direction!r}")
        order = self._order
        return draw_unfolded(
            order,
            order if is_readable(order) else nearest(order, READABLE),
            {error.node: error.name for error in self},
            modules_of(order),
            Look(direction, grads=False, theme=theme),
            {error.node: "\n".join(_described(error)) for error in self},
            cut_by="",
            shades={error.node: Shade(error.share, bool(error.remark)) for error in self},
        )

    def __repr__(self) -> str:
        rows = self._rows()
        table = [f"  {line}" for line in text_table(_COLUMNS, rows).splitlines()] if rows else []
        return "\n".join([self._summary(), *table, *self._rest(), *self._remarks()])

    def _repr_html_(self) -> str:
        below = "; ".join(text.strip() for text in (*self._rest(), *self._remarks()))
        return html_table(_COLUMNS, self._rows(), self._summary(), below)

    def _rows(self) -> list[tuple[str, ...]]:
        """Return the cells of the nodes that are shown."""
        return [_cells(error) for error in self[:_MOST_ROWS] if error.contribution != 0.0]

    def _rest(self) -> list[str]:
        """Return a line for the nodes that are not shown."""
        rest = [error for error in self[_MOST_ROWS:] if error.contribution != 0.0]
        share = sum(error.share for error in rest)
        return [f"  … {count(len(rest), 'more node')}, {_percent(share)} together"] if rest else []

    def _remarks(self) -> list[str]:
        """Return a line for each of the nodes that lose the most digits."""
        found = self.cancellations[:_MOST_REMARKS] if math.isfinite(self.bound) else ()
        return [f"{error.name} = {error.formula}: {error.remark} of its operands" for error in found]

    def _summary(self) -> str:
        result = f"{self.name} = {digits(self.value, 6)}"
        if not math.isfinite(self.bound):
            return f"{result}: no bound, since a number on the way is not finite"
        right = f"{self.digits:.1f} of 16 digits are right" if self.digits else "no digit is certain"
        return f"{result}, off by at most {digits(self.bound, 2)}: {right}"


def roundoff(y: Value, *, inputs: float = 0.0, names: Mapping[str, Any] | None = None) -> RoundoffReport:
    """Bound the rounding error of a result to first order, and say where it arises.

    A node may be off by its gradient times what its own rounding may change; the bound is the sum over the
    nodes, Σ |gradient · value · ε|. ε is 2**-53 for what IEEE 754 rounds correctly (``+ - * /`` and `sqrt`);
    0 for what does not round, such as `max`, and for a sum, product or quotient that came out exact; for the
    other rows of the table 2**-52 times the ``ulps`` of the row, 2 mostly. A `sum` or `dot` is taken as
    its loop. The bound holds up to terms of second order, the products of two errors, if no number overflows,
    and if no comparison or `floor` would come out differently for the exact numbers.

    Parameters
    ----------
    y : Value
        The result.
    inputs : float
        The relative error of each leaf: 2**-53 for decimals that were rounded to doubles, 0.01 for
        measurements that are 1% off. Constants, such as the 0.1 in ``0.1 * x``, are exact.
    names : mapping, optional
        Variables by name, to name nodes without a label; by default the caller's.

    Returns
    -------
    RoundoffReport
        A `RoundingError` for each node, the most harmful first, with ``bound``, ``relative``, ``digits``,
        ``cancellations`` and ``draw()``.

    Raises
    ------
    TypeError
        If `y` is not a `Value`, or `inputs` not a number.
    ValueError
        If `inputs` is negative or nan.

    Examples
    --------
    >>> x = Value(1e8, label="x")
    >>> root, next_root = x.sqrt(), (x + 1.0).sqrt()
    >>> roundoff(next_root - root)
    v2 = 5e-05, off by at most 2.2e-12: 7.4 of 16 digits are right
      node       formula   value  gradient  rounding   off by  share
      next_root  sqrt(v1)  1e+04         1   1.1e-12  1.1e-12    50%
      root       sqrt(x)   1e+04        -1   1.1e-12  1.1e-12    50%
    v2 = next_root - root: cancellation loses 8.6 digits of its operands
    """
    if not isinstance(y, Value):
        raise TypeError(f"roundoff expected a Value, got {y!r} ({type(y).__name__})")
    inputs = checked_number(inputs)
    if not inputs >= 0.0:
        raise ValueError(f"expected inputs, the relative error of each leaf, to be at least 0, got {inputs}")
    order = nodes(y)
    name_of = names_for_caller(order, names)
    leaves = [node for node in order if node.op is None]
    gradients = _gradients(y, leaves)
    roundings = {node: _rounding(node) if node.op else abs(node.data) * inputs for node in order}
    off = {node: abs(gradients.get(node, 0.0)) * roundings[node] for node in order}
    bound = math.fsum(off.values())
    errors = [
        RoundingError(
            node,
            gradients.get(node, 0.0),
            roundings[node],
            off[node],
            off[node] / bound if bound else 0.0,
            _terms(node, exact_leaves=not inputs),
            name_of,
        )
        for node in order
    ]
    return RoundoffReport(errors, order)


def _gradients(y: Value, leaves: Sequence[Value]) -> dict[Value, float]:
    """Return the derivative of a result with respect to each node between it and the leaves."""
    order = consumers_first(y, by_derivative=True)
    return adjoints_of(order, [y], [1.0], leaves, as_graph=False)  # type: ignore[return-value]


def _rounding(node: Value) -> float:
    """Return how far the value of a node may be off by its own rounding."""
    op = node.op
    if not isinstance(op, Op):
        return _spacing(node.data) * _ULPS_OF_OTHERS
    if op.variadic:
        return _rounding_of_loop(op, node)
    return 0.0 if not op.ulps or _is_exact(op, node) else _spacing(node.data) * op.ulps


def _spacing(number: float) -> float:
    """Return a unit in the last place of numbers of this size, or a little more."""
    return max(_ULP * abs(number), _TINIEST)


def _rounding_of_loop(op: Op, node: Value) -> float:
    """Return the bound of a row that takes sequences, from the steps of its loop."""
    copies = [Value(arg.data if isinstance(arg, Value) else arg) for arg in node.args]
    result: Value = in_single_steps(op)(*op.columns(copies))
    gradients = _gradients(result, copies)
    return math.fsum(abs(gradient) * _rounding(step) for step, gradient in gradients.items() if step.op)


def _is_exact(op: Op, node: Value) -> bool:
    """Return whether a sum, difference, product or quotient came out exact, such as 2 * x."""
    if op.ulps != _CORRECTLY_ROUNDED or not op.symbol:
        return False
    numbers = [arg.data if isinstance(arg, Value) else arg for arg in node.args]
    if not all(map(math.isfinite, [*numbers, node.data])):
        return False
    # The rule of the table, in exact arithmetic.
    return on_floats(op).value(*map(Fraction, numbers)) == Fraction(node.data)  # type: ignore[no-any-return]


def _terms(node: Value, exact_leaves: bool) -> float:
    """Return the sum of the sizes of the operands that are off themselves, each times its local partial."""
    return math.fsum(
        abs(edge.partial * edge.operand.data)
        for edge in edges(node)
        if edge.operand.op is not None or not exact_leaves
    )


def _cancels(node: Value) -> bool:
    """Return whether a node adds or subtracts: there, what is lost has cancelled."""
    op = node.op
    if not isinstance(op, Op) or not op.is_primitive:
        return False
    steps = [part.step for part in op.reduction.accumulators] if op.reduction else [op.value]
    return all(step.words[:1] in (("add",), ("sub",)) for step in steps)


def _rank(error: RoundingError) -> tuple[bool, float]:
    """Order errors by their size, with those that are unknown first."""
    return (not math.isnan(error.contribution), -error.contribution)


def _cells(error: RoundingError) -> tuple[str, ...]:
    numbers = (digits(error.node.data), digits(error.gradient))
    sizes = (digits(error.rounding, 2), digits(error.contribution, 2))
    return (error.name, error.formula if error.node.op else "", *numbers, *sizes, _percent(error.share))


def _percent(share: float) -> str:
    percents = 100.0 * share
    return f"{percents:.0f}%" if not 0.01 <= percents < 9.5 else f"{digits(percents, 2)}%"


def _described(error: RoundingError) -> list[str]:
    """Return the lines of a node of the picture."""
    operation = f" = {error.formula}" if error.node.op else ""
    off = f"off by {digits(error.contribution, 2)}: {_percent(error.share)}" if error.contribution else ""
    lines = [f"{error.name}{operation}", f"value {digits(error.node.data, 6)}", off, error.remark]
    return [line for line in lines if line]
