"""Rules of variadic rows as Python over lists: a partial is a rule for one element, and applied to each."""

from __future__ import annotations

from .renderer import Renderer, Term
from .rule import Rule
from .table import OPS, Op

LISTS = ("products_of_others",)
"""Words that map a sequence to a sequence, where each result depends on all elements."""


class _Part:
    """A piece of a rule: whether it differs between elements, and whether it contains a reduction."""

    def __init__(self, term: Term, is_each: bool, is_total: bool = False) -> None:
        self.term = term
        self.is_each = is_each
        self.is_total = is_total


class OverElements:
    """Writes a rule of a variadic row: reductions go over all elements, everything else is per element.

    Reductions are evaluated once, before the elements.

    Parameters
    ----------
    op : Op
        The row.
    language : Renderer
        A Python.

    Examples
    --------
    >>> from .rules import BOTH_BRANCHES
    >>> op = OPS["logsumexp"]
    >>> OverElements(op, BOTH_BRANCHES).each(op.partials[0])
    '(lambda total0: [exp(x - out) / total0 for x in x])(constant(sum([exp(x - out) for x in x])))'
    """

    def __init__(self, op: Op, language: Renderer) -> None:
        self.parameters = op.parameters
        self.language = language
        self.totals: dict[str, str] = {}
        self.lists: dict[str, str] = {}

    def each(self, rule: Rule) -> str:
        """Return the list of what a rule for one element gives for each."""
        part = rule.on(self)
        if part.term.text in self.lists.values() and len(self.lists) == 1:
            return self._after_totals(*self.lists)
        if part.is_each:
            return self._after_totals(self._listed(part.term.text))
        return self._after_totals(self._repeated(part.term.text))

    def total(self, rule: Rule) -> str:
        """Return what a rule for the whole row gives."""
        return self._after_totals(rule.on(self).term.text)

    def name(self, name: str) -> _Part:
        """Return an argument, which differs between elements, or the output."""
        return _Part(Term(name), name in self.parameters)

    def number(self, number: float) -> _Part:
        """Return a number."""
        return _Part(self.language.number(number), is_each=False)

    def apply(self, word: str, operands: tuple[_Part, ...]) -> _Part:
        """Return a reduction over all elements, or any other word per element."""
        if word in LISTS or is_reduction(word):
            lists = tuple([Term(self._listed(part.term.text)) for part in operands])
            total = self.language.apply(word, lists)
            if word in LISTS:
                return _Part(Term(self.lists.setdefault(total.text, f"each{len(self.lists)}")), is_each=True)
            return _Part(total, is_each=False, is_total=True)
        is_each = any(part.is_each for part in operands)
        is_total = not is_each and any(part.is_total for part in operands)
        terms = tuple([self._total_first(part) if is_each else part.term for part in operands])
        return _Part(self.language.apply(word, terms), is_each, is_total)

    def _total_first(self, part: _Part) -> Term:
        """Return a name in place of an expression with a reduction."""
        if not part.is_total:
            return part.term
        return Term(self.totals.setdefault(part.term.text, f"total{len(self.totals)}"))

    def _listed(self, text: str) -> str:
        """Return an expression in one element as the list over all of them."""
        if text in self.parameters:
            return text
        names = [*self.parameters, *self.lists.values()]
        lists = [*self.parameters, *self.lists]
        pairs = lists[0] if len(lists) == 1 else f"zip({', '.join(lists)})"
        return f"[{text} for {', '.join(names)} in {pairs}]"

    def _repeated(self, text: str) -> str:
        """Return a list of one number for all elements."""
        return f"[{text}] * len({self.parameters[0]})"

    def _after_totals(self, text: str) -> str:
        """Return an expression inside the definitions of its reductions, which may use earlier ones."""
        for total, name in reversed(self.totals.items()):
            text = f"(lambda {name}: {text})({total})"
        return text


def is_reduction(word: str) -> bool:
    """Return whether a word reduces sequences to a number.

    Examples
    --------
    >>> is_reduction("logsumexp"), is_reduction("exp")
    (True, False)
    """
    return word == "len" or (word in OPS and OPS[word].variadic)
