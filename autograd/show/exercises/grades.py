"""The marks of an exercise: which answers are right, and a hint for each that is not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ...engine.graph import Edge
from ...engine.value import Value
from ...tables import html_table, text_table
from ..text.formulas import digits
from .answers import Answer
from .mistakes import Guess, wrong_gradients, wrong_partials
from .solution import Blank, Solution

_HEAD = ("", "", "answer", "hint")

# An answer that small is 0.
_NOTHING = 1e-4


class Mark(NamedTuple):
    """The mark of one answer.

    Attributes
    ----------
    name : str
        What was asked for.
    answer : str
        What was answered; empty for nothing.
    right : bool or None
        Whether it is right; None where there is no answer.
    hint : str
        Where to look, if it is wrong.
    """

    name: str
    answer: str
    right: bool | None
    hint: str


class Grades(tuple[Mark, ...]):
    """The marks of the answers to an exercise; prints as a table.

    Examples
    --------
    >>> Grades([Mark("dy/dx", "7", True, "")])
    1 of 1 right
      ✓  dy/dx  7
    """

    __slots__ = ()

    @property
    def right(self) -> int:
        """The number of right answers."""
        return sum(mark.right is True for mark in self)

    @property
    def all_right(self) -> bool:
        """Whether all of them are right."""
        return self.right == len(self)

    def _summary(self) -> str:
        return f"{self.right} of {len(self)} right"

    def _rows(self) -> list[tuple[str, ...]]:
        signs = {True: "✓", False: "✗", None: "–"}
        return [(signs[mark.right], mark.name, mark.answer, mark.hint) for mark in self]

    def __repr__(self) -> str:
        # Without the line of titles.
        lines = text_table(_HEAD, self._rows()).splitlines()[1:]
        return "\n  ".join([self._summary(), *lines])

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self._rows(), self._summary())


def graded(
    solution: Solution, blanks: Sequence[Blank], given: Mapping[Blank, Answer], tolerance: float
) -> Grades:
    """Mark the answers to some blanks.

    Parameters
    ----------
    solution : Solution
        The graph.
    blanks : sequence of Blank
        What was asked for.
    given : mapping of Blank to Answer
        What was answered.
    tolerance : float
        How far an answer may be off, as a part of it.

    Returns
    -------
    Grades
        One mark for each blank.

    Examples
    --------
    >>> from ...engine.graph import nodes
    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> found = Solution(y, dict(zip(nodes(y), "xy")))
    >>> blank = found.gradient(x)
    >>> graded(found, [blank], {blank: Answer("x", {"x": 3.0})}, 0.005)
    0 of 1 right
      ✗  dy/dx  x  that is the value of x, not its gradient
    """
    marking = _Marking(solution, given, tolerance)
    return Grades(marking.mark(blank) for blank in blanks)


class _Marking:
    """The answers to the blanks of one graph."""

    def __init__(self, solution: Solution, given: Mapping[Blank, Answer], tolerance: float) -> None:
        self.solution = solution
        self.given = given
        self.tolerance = tolerance
        self.numbers = {blank: answer.number(solution.values()) for blank, answer in given.items()}

    def mark(self, blank: Blank) -> Mark:
        if blank not in self.given:
            return Mark(blank.name, "", None, "not answered")
        answer, number = self.given[blank], self.numbers[blank]
        wanted = self.solution.answer(blank)
        if not self._agree(number, wanted):
            return Mark(blank.name, answer.text, False, self._hint(blank, number, wanted))
        elsewhere = self._fails_elsewhere(blank, answer) if answer.is_formula else ""
        return Mark(blank.name, answer.text, not elsewhere, elsewhere)

    def _agree(self, number: float, wanted: float) -> bool:
        if math.isnan(wanted):
            return math.isnan(number)
        return math.isclose(number, wanted, rel_tol=self.tolerance, abs_tol=0.0 if wanted else _NOTHING)

    def _hint(self, blank: Blank, number: float, wanted: float) -> str:
        """Return the first mistake that gives this number."""
        if math.isnan(number):
            return "that is no number"
        for guess in self._guesses(blank):
            if self._agree(number, guess.number) and not self._agree(guess.number, wanted):
                return guess.hint
        if blank.slot is not None:
            node = self.solution.name_of[blank.node]
            operand = self.solution.name_of[Edge(blank.node, blank.slot).operand]
            return f"hold all but {operand} fixed: how much does {node} grow for each unit of it?"
        return self._what_to_add_up(blank.node, number)

    def _guesses(self, blank: Blank) -> Iterator[Guess]:
        if blank.slot is not None:
            return wrong_partials(Edge(blank.node, blank.slot), self.solution)
        wrong = {
            other.node: number
            for other, number in self.numbers.items()
            if other.slot is None and not self._agree(number, self.solution.answer(other))
        }
        return wrong_gradients(blank.node, self.solution, wrong)

    def _what_to_add_up(self, node: Value, number: float) -> str:
        """Return how a gradient is found, in words."""
        uses = self.solution.uses[node]
        consumers = dict.fromkeys(self.solution.name_of[edge.node] for edge in uses)
        each = " and ".join(consumers)
        if len(uses) == 1:
            upstream = self.solution.gradients[uses[0].node]
            text = f"it is the gradient of {each} times the local partial"
            return f"{text}, which you seem to take for {digits(number / upstream)}" if upstream else text
        return f"add up over its {len(uses)} uses, in {each}: each time gradient times local partial (C6)"

    def _fails_elsewhere(self, blank: Blank, answer: Answer) -> str:
        """Return what is wrong with a formula that only gives the right number at this point."""
        try:
            moved, blanks = self.solution.elsewhere([blank])
        except NotImplementedError:
            # A function of the user's own cannot be evaluated again.
            return ""
        if self._agree(answer.number(moved.values()), moved.answer(blanks[blank])):
            return ""
        if [edge.partial == 0.0 for edge in moved.edges()] != [
            e.partial == 0.0 for e in self.solution.edges()
        ]:
            # Another case of a function holds there, for which the formula was not meant.
            return ""
        return "right at this point by chance: at another one it is not"
