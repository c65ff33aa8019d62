"""`Renderer`: rules as text in some language, which is a table with a form for each word.

A `Form` is a template over the operands, with the precedence of the result and the precedence that each
operand needs to stand without parentheses. The forms of signs follow from the table of operations. The
languages are Python on floats and on arrays (`autograd.ops.rules`), those of the backends (`_WORDS` in
`autograd.compiler.numpy.expressions`, `LOOPS` and `VECTORS` in `autograd.compiler.numba`), JavaScript for
pages (`autograd.show.stepping.javascript`), and for people Python and LaTeX (`autograd.show.text.formulas`).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import NamedTuple

from .rule import Expression, Rule, translated
from .table import COMPARISONS, OPS, Op

ATOM, POWER, SIGN, COMPARISON, CONDITIONAL = 9, 4, 3, 0, -1
"""Precedences: of what never needs parentheses, of powers, prefix signs, comparisons and choices."""


class Term(NamedTuple):
    """A piece of a formula, and the precedence of its outermost sign."""

    text: str
    precedence: int = ATOM


class Form(NamedTuple):
    """How a word is written.

    Attributes
    ----------
    template : str
        With ``{0}``, ``{1}``, ... for the operands.
    precedence : int
        That of the result.
    needs : tuple of int
        The least precedence with which each operand stands without parentheses; others never need any.
    """

    template: str
    precedence: int = ATOM
    needs: tuple[int, ...] = ()


def infix(op: Op) -> Form:
    """Return how Python writes a row that has a sign.

    Examples
    --------
    >>> infix(OPS["sub"])
    Form(template='{} - {}', precedence=1, needs=(1, 2))
    """
    tight = op.precedence
    if len(op.partials) == 1:
        return Form(f"{op.symbol}{{}}", tight, (tight,))
    if tight == POWER:
        # A power takes a sign on its right as it is, and groups to the right: 2**-x**2.
        return Form(f"{{}}{op.symbol}{{}}", tight, (tight + 1, SIGN))
    return Form(f"{{}} {op.symbol} {{}}", tight, (tight + (tight == COMPARISON), tight + 1))


SIGNS: Mapping[str, Form] = {
    op.name: infix(op)
    for op in (*OPS.values(), *COMPARISONS.values())
    if op.symbol and op.precedence != POWER
}
"""Python's form of each sign but the power: ``**`` gives complex numbers, so rules call ``pow``."""

CHOICE = Form("{1} if {0} else {2}", CONDITIONAL, (COMPARISON, COMPARISON, CONDITIONAL))
"""Python's form of ``where(condition, x, y)`` that evaluates only one of the two."""


def called(name: str, count: int) -> Form:
    """Return how a function is called.

    Examples
    --------
    >>> called("np.exp", 1).template
    'np.exp({})'
    """
    return Form(f"{name}({', '.join(['{}'] * count)})")


def number_text(number: float) -> Term:
    """Return a number as Python writes it."""
    text = repr(number)
    return Term(text, SIGN if text.startswith("-") else ATOM)


class Renderer:
    """A language that rules are written in.

    Parameters
    ----------
    forms : mapping of str to Form
        The words that it has. In place of another row its rule is written out; a primitive row is declined.

    Examples
    --------
    >>> python = Renderer({**SIGNS, "where": CHOICE, "exp": called("math.exp", 1)})
    >>> python.write(Rule("max(x, 0.0) + exp(-x)"), {"x": "a"})
    '(a if a >= 0.0 else 0.0 if a == a else a) + math.exp(-a)'
    """

    def __init__(self, forms: Mapping[str, Form]) -> None:
        self.forms = forms

    def write(self, rule: Rule, operands: Mapping[str, str] | None = None) -> str:
        """Return a rule as text.

        Parameters
        ----------
        rule : Rule
            The rule.
        operands : mapping of str to str, optional
            What to write for names in the rule: names, calls or numbers. Other names stay.

        Returns
        -------
        str
            An expression.

        Raises
        ------
        DeclinedError
            For a word that the language does not have.
        """
        return self.term(rule, {name: _operand(text) for name, text in (operands or {}).items()}).text

    def term(self, rule: Rule, operands: Mapping[str, Term]) -> Term:
        """Return a rule as a term, of operands that are terms themselves."""
        return rule.on(_Writing(self, operands))

    def operand(self, expression: Expression) -> str:
        """Return a part of a rule as the condition, or the first branch, of a choice."""
        return self.grouped(translated(expression, _Writing(self, {})), COMPARISON)

    def apply(self, word: str, operands: tuple[Term, ...]) -> Term:
        """Return a word with its operands."""
        form = self.form(word, len(operands))
        if form is None:
            return self.written_out(word, operands)
        pairs = zip_longest(operands, form.needs[: len(operands)], fillvalue=CONDITIONAL)
        texts = [self.grouped(term, need) for term, need in pairs]  # type: ignore[arg-type]
        return Term(form.template.format(*texts), form.precedence)

    def form(self, word: str, count: int) -> Form | None:
        """Return the form of a word with so many operands; None to write out its rule."""
        return self.forms.get(word)

    def number(self, number: float) -> Term:
        """Return a number."""
        return number_text(number)

    def grouped(self, term: Term, need: int) -> str:
        """Return an operand, in parentheses if its precedence is less than needed."""
        return term.text if term.precedence >= need else f"({term.text})"

    def written_out(self, word: str, operands: tuple[Term, ...]) -> Term:
        """Return the rule of a row in place of its name."""
        op = OPS.get(word)
        if op is None or op.is_primitive:
            raise DeclinedError(word)
        return self.term(op.value, dict(zip(op.parameters, operands, strict=True)))


class DeclinedError(LookupError):
    """A language has no way to write a word."""


def _operand(text: str) -> Term:
    return Term(text, SIGN if text.startswith("-") else ATOM)


class _Writing:
    """A rule being written, with what stands for its names."""

    def __init__(self, renderer: Renderer, terms: Mapping[str, Term]) -> None:
        self.renderer = renderer
        self.terms = terms

    def name(self, name: str) -> Term:
        return self.terms.get(name) or Term(name)

    def number(self, number: float) -> Term:
        return self.renderer.number(number)

    def apply(self, word: str, operands: tuple[Term, ...]) -> Term:
        return self.renderer.apply(word, operands)
