"""Rules of the table of operations as text in a language, with the functions that the language lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from autograd import OPS, Op

ATOM, POWER, SIGN, PRODUCT, SUM, COMPARISON, CHOICE = 6, 5, 4, 3, 2, 1, 0
"""How tightly signs bind."""


class Written(NamedTuple):
    """An expression, and how tightly its outermost sign binds."""

    text: str
    tightness: int = ATOM


class WordForm(NamedTuple):
    """How a word of the rules is written: a template, how tightly it binds, and its operands have to."""

    template: str
    tightness: int = ATOM
    needs: tuple[int, ...] = ()


SIGNS: Mapping[str, WordForm] = {
    "add": WordForm("{} + {}", SUM, (SUM, PRODUCT)),
    "sub": WordForm("{} - {}", SUM, (SUM, PRODUCT)),
    "mul": WordForm("{} * {}", PRODUCT, (PRODUCT, SIGN)),
    "truediv": WordForm("{} / {}", PRODUCT, (PRODUCT, SIGN)),
    # --x would decrement x in C.
    "neg": WordForm("-{}", SIGN, (POWER,)),
    "pos": WordForm("{}", COMPARISON, (COMPARISON,)),
    **{
        name: WordForm(f"{{}} {sign} {{}}", COMPARISON, (SUM, SUM))
        for name, sign in [("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="), ("eq", "=="), ("ne", "!=")]
    },
}
"""The signs that C has in common with Python."""


class Language:
    """A language in which rules are written.

    Parameters
    ----------
    words : mapping of str to WordForm
        The words that it has. Of another one the rule is written as a function.
    infinity : str
        How it writes inf.

    Examples
    --------
    >>> language = Language({**SIGNS, "tanh": WordForm("tanh({})")}, "INFINITY")
    >>> language.applied("mul", [Written("x"), Written("1.0 - y", SUM)], {}).text
    'x * (1.0 - y)'
    """

    def __init__(self, words: Mapping[str, WordForm], infinity: str) -> None:
        self.words = words
        self.infinity = infinity

    def number(self, number: float) -> Written:
        """Return a number, which is read as exactly the same."""
        text = repr(float(number)).replace("inf", self.infinity).replace("nan", f"({self.infinity} * 0.0)")
        return Written(text, SIGN if text.startswith("-") else ATOM)

    def applied(self, word: str, operands: Sequence[Written], needed: dict[str, Op]) -> Written:
        """Return a word with its operands; functions to be defined are added to `needed`, after theirs."""
        form = self.words.get(word)
        if form is None:
            op = OPS[word]
            if op.is_primitive:
                raise TypeError(f"the operation {word} cannot be exported: write it with others")
            if word not in needed:
                self.rule(op.value, dict.fromkeys(op.parameters, Written("x")), needed)
                needed[word] = op
            return Written(f"{word}({', '.join(operand.text for operand in operands)})")
        texts = [
            operand.text if operand.tightness >= need else f"({operand.text})"
            for operand, need in zip(operands, form.needs or (CHOICE,) * len(operands), strict=True)
        ]
        return Written(form.template.format(*texts), form.tightness)

    def rule(self, rule: Any, terms: Mapping[str, Written], needed: dict[str, Op]) -> Written:
        """Return a rule of the table, with terms for its names."""
        written: Written = rule.on(_RuleAsText(self, terms, needed))
        return written


class _RuleAsText:
    """A rule being written: what `Rule.on` asks for."""

    def __init__(self, language: Language, terms: Mapping[str, Written], needed: dict[str, Op]) -> None:
        self.language = language
        self.terms = terms
        self.needed = needed

    def name(self, name: str) -> Written:
        return Written(self.language.infinity) if name == "inf" else self.terms[name]

    def number(self, number: float) -> Written:
        return self.language.number(number)

    def apply(self, word: str, operands: tuple[Written, ...]) -> Written:
        return self.language.applied(word, operands, self.needed)
