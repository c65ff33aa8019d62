"""Nudges: what a small change of an input does to the result, and what the gradient predicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...engine.graph import consumers_first, depending_on, nodes
from ...engine.real_numbers import checked_number
from ...engine.value import Value
from ...tables import html_table, text_table, without_middle
from ...transforms.sweeps import push
from .caller_names import names_for_caller
from .formulas import digits
from .path_products import check_upstream
from .replay import replay

# The table of a larger graph would fill more screens than anybody reads.
_MOST_ROWS = 200


class Change(NamedTuple):
    """The change of one node.

    Attributes
    ----------
    node : Value
        The node.
    name : str
        Its name.
    before, after : float
        Its value before and after the nudge.
    predicted : float
        The change to first order: its derivative with respect to the input, times the nudge.
    """

    node: Value
    name: str
    before: float
    after: float
    predicted: float

    @property
    def actual(self) -> float:
        """The change of the value."""
        return self.after - self.before

    def _cells(self) -> list[str]:
        numbers = digits(self.before, 6), digits(self.after, 6), digits(self.actual), digits(self.predicted)
        return [self.name, *numbers]


class Nudge(NamedTuple):
    """The effect of a nudge; the REPL shows it as a table.

    Attributes
    ----------
    predicted, actual : float
        The change of the result: the gradient times the nudge, and the difference of the values.
    through : tuple of Change
        Each node that depends on the input, in order, from the input to the result.
    """

    predicted: float
    actual: float
    through: tuple[Change, ...]

    def __repr__(self) -> str:
        return "\n  ".join([self._head(), *text_table(*self._table()).splitlines()])

    def _repr_html_(self) -> str:
        return html_table(*self._table(), self._head())

    def _head(self) -> str:
        x, y = self.through[0], self.through[-1]
        return (
            f"{x.name} by {digits(x.actual)}: {y.name} changes by {digits(self.actual)}, predicted was "
            f"{digits(self.predicted)} = gradient · nudge"
        )

    def _table(self) -> tuple[list[str], list[list[str]]]:
        rows = without_middle(
            self.through, _MOST_ROWS, lambda c: [c._cells()], lambda text: [text, *[""] * 4]
        )
        return ["node", "before", "after", "change", "predicted"], rows


def nudge(y: Value, x: Value, dx: float, *, names: Mapping[str, Any] | None = None) -> Nudge:
    """Change an input a little, and compare the change of the result with what the gradient predicts.

    The graph itself stays as it is. At the new point `autograd.where` may take its other branch, but the
    branch of an ``if`` is no part of the graph, and stays.

    Parameters
    ----------
    y : Value
        The result.
    x : Value
        What to change: any node that the result depends on.
    dx : float
        The change.
    names : mapping, optional
        Variables to name nodes without a label; by default the caller's, and none for ``{}``.

    Returns
    -------
    Nudge
        The predicted and the actual change of the result and of all nodes in between.

    Raises
    ------
    TypeError
        If `y` or `x` is not a `Value`, or `dx` not a number.
    ValueError
        If y does not depend on x.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> nudge(x * x, x, 0.01)
    x by 0.01: v1 changes by 0.0601, predicted was 0.06 = gradient · nudge
      node  before   after  change  predicted
      x          3    3.01    0.01       0.01
      v1         9  9.0601  0.0601       0.06
    """
    check_upstream("nudge", y, x)
    dx = checked_number(dx)
    order = nodes(y)
    name_of = names_for_caller(order, names)
    moved = replay(y, {x: x.data + dx})
    still = replay(y, {})
    affected = depending_on([x], order)
    reached = [node for node in order if node in affected]
    tangents = push(consumers_first(*reached), reached, [x], [dx], as_graph=False)
    through = tuple(
        Change(node, name_of[node], still[node].data, moved[node].data, float(tangent))
        for node, tangent in zip(reached, tangents, strict=True)
    )
    return Nudge(through[-1].predicted, through[-1].actual, through)
