"""The findings of `autograd.lint`, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from ...tables import html_table
from ..text.formulas import count

_SEVERITIES = ("error", "warning", "note")

# The number of findings of one kind and severity that are listed; the others share one line.
_MOST_ALIKE = 3


class Finding(NamedTuple):
    """A problem in training, or something worth knowing.

    Attributes
    ----------
    kind : str
        ``"non-finite"``, ``"dead relu"``, ``"saturated"``, ``"unreached"``, ``"zero gradient"``,
        ``"vanishing"``, ``"exploding"`` or ``"duplicates"``.
    where : str
        The node, with its source line if known, or the module or layer.
    severity : str
        ``"error"`` if training cannot work, ``"warning"`` if it suffers, else ``"note"``.
    what : str
        What was found, in numbers.
    advice : str
        What to try.

    Examples
    --------
    >>> print(Finding("zero gradient", "w", "note", "1 parameter: w", "wait"))
    note: zero gradient: w
      1 parameter: w
      try: wait
    """

    kind: str
    where: str
    severity: str
    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.kind}: {self.where}\n  {self.what}\n  try: {self.advice}"


class LintReport(tuple[Finding, ...]):
    """The findings, the most severe first; prints as a list, in notebooks as a table.

    Parameters
    ----------
    findings : iterable of Finding
        In any order.
    nodes, parameters : int
        The numbers of nodes and parameters that were examined.

    Attributes
    ----------
    nodes, parameters : int
        The same.

    Examples
    --------
    >>> LintReport([], nodes=3, parameters=1)
    nothing found: 3 nodes, 1 parameter
    """

    nodes: int
    parameters: int

    def __new__(cls, findings: Iterable[Finding], nodes: int = 0, parameters: int = 0) -> LintReport:
        """Sort the findings."""
        report = super().__new__(cls, sorted(findings, key=_rank))
        report.nodes, report.parameters = nodes, parameters
        return report

    def __repr__(self) -> str:
        return "\n".join([self._summary(), *map(str, self)])

    def _summary(self) -> str:
        found = count(len(self), "finding") if self else "nothing found"
        return f"{found}: {count(self.nodes, 'node')}, {count(self.parameters, 'parameter')}"

    def _repr_html_(self) -> str:
        rows = [(found.severity, found.kind, found.where, found.what, found.advice) for found in self]
        return html_table(["severity", "kind", "where", "what", "what to try"], rows, self._summary())


def _rank(found: Finding) -> int:
    return _SEVERITIES.index(found.severity)


def folded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings; if more than a few are alike, the last one stands for the rest.

    Examples
    --------
    >>> many = [Finding("unreached", f"layers.{i}", "note", "", "") for i in range(9)]
    >>> [found.where for found in folded(many)]
    ['layers.0', 'layers.1', 'layers.2 … layers.8']
    """
    ranked = sorted(findings, key=_rank)
    for (severity, kind), group in groupby(ranked, key=lambda found: (found.severity, found.kind)):
        alike = list(group)
        yield from alike[: _MOST_ALIKE - 1]
        rest = alike[_MOST_ALIKE - 1 :]
        if len(rest) > 1:
            where = f"{rest[0].where} … {rest[-1].where}"
            yield Finding(kind, where, severity, f"{len(rest)} more of this kind", rest[0].advice)
        else:
            yield from rest
