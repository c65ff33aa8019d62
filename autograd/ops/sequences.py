"""The rules of variadic rows in Python over lists: what they say of one element, done for all."""

from __future__ import annotations

from .renderer import Renderer, Term
from .rule import Rule
from .table import OPS, Op

LISTS = ("products_of_others",)
"""Words that make a number for each element of all of them."""


class _Part:
    """A piece of a rule: whether each element has its own, and whether it is worked out of all of them."""

    def __init__(self, term: Term, is_each: bool, is_total: bool = False) -> None:
        self.term = term
        self.is_each = is_each
        self.is_total = is_total


class OverElements:
    """Writes a rule of a variadic row, in which a reduction goes over all elements, and all else over each.

    What goes over all is worked out once, before the elements.

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
        """Return the list of what the rule says of each element."""
        part = rule.on(self)
        if part.term.text in self.lists.values() and len(self.lists) == 1:
            return self._after_totals(*self.lists)
        if part.is_each:
            return self._after_totals(self._listed(part.term.text))
        return self._after_totals(f"[{part.term.text}] * len({self.parameters[0]})")

    def total(self, rule: Rule) -> str:
        """Return what the rule says of all elements."""
        return self._after_totals(rule.on(self).term.text)

    def name(self, name: str) -> _Part:
        """Return an argument, of which each element has its own, or the output."""
        return _Part(Term(name), name in self.parameters)

    def number(self, number: float) -> _Part:
        """Return a number."""
        return _Part(self.language.number(number), is_each=False)

    def apply(self, word: str, operands: tuple[_Part, ...]) -> _Part:
        """Return a word for each element, or a reduction for all."""
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
        """Return a name in place of what goes over all elements."""
        if not part.is_total:
            return part.term
        return Term(self.totals.setdefault(part.term.text, f"total{len(self.totals)}"))

    def _listed(self, text: str) -> str:
        """Return the list over all elements of an expression in one of them."""
        if text in self.parameters:
            return text
        names = [*self.parameters, *self.lists.values()]
        lists = [*self.parameters, *self.lists]
        pairs = lists[0] if len(lists) == 1 else f"zip({', '.join(lists)})"
        return f"[{text} for {', '.join(names)} in {pairs}]"

    def _after_totals(self, text: str) -> str:
        """Return an expression after what it needs of all elements; a total may use those before it."""
        for total, name in reversed(self.totals.items()):
            text = f"(lambda {name}: {text})({total})"
        return text


def is_reduction(word: str) -> bool:
    """Return whether a word makes one number of all elements.

    Examples
    --------
    >>> is_reduction("logsumexp"), is_reduction("exp")
    (True, False)
    """
    return word == "len" or (word in OPS and OPS[word].variadic)
