"""The notation of derivatives, products and sums, as text and as LaTeX."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from ...engine.graph import Edge, operands
from ...engine.value import Value
from ...ops.renderer import Term
from .formulas import formula, latex_name, latex_text, number_term, term

_PRODUCT = 2


class Notation:
    r"""How the parts of a derivation are written.

    Parameters
    ----------
    name_of : mapping of Value to str
        The name of each node.
    latex : bool
        Whether to write LaTeX instead of text.

    Examples
    --------
    >>> x = Value(3.0)
    >>> y = x.sin()
    >>> plain, typeset = (Notation({x: "x", y: "y"}, latex=latex) for latex in (False, True))
    >>> plain.total(y, x), typeset.total(y, x)
    ('dy/dx', '\\frac{d y}{d x}')
    >>> plain.product([plain.number(-2.0), plain.number(-3.0)])
    '-2 · (-3)'
    """

    def __init__(self, name_of: Mapping[Value, str], latex: bool = False) -> None:
        self._name_of = name_of
        self._latex = latex
        self._dot = r" \cdot " if latex else " · "
        self._dots = r"\dots" if latex else "…"

    def name(self, node: Value) -> str:
        """Return the name of a node."""
        return latex_name(self._name_of[node]) if self._latex else self._name_of[node]

    def symbol(self, name: str) -> str:
        """Return a name that is not one of the nodes'."""
        return latex_name(name) if self._latex else name

    def words(self, text: str) -> str:
        """Return a text that stands beside formulas."""
        return rf"\text{{{latex_text(text)}}}" if self._latex else text

    def number(self, number: float, precision: int | None = 4) -> Term:
        """Return a number with a few digits; with all of them if the precision is None."""
        return number_term(number, precision, latex=self._latex)

    def atom(self, text: str) -> Term:
        """Return text that needs no parentheses."""
        return Term(text)

    def dots(self) -> Term:
        """Return an ellipsis, for factors that are left out."""
        return self.atom(self._dots)

    def at(self, x: Value) -> str:
        """Return the point, as ``at x = 3``."""
        point = f"{self.name(x)} = {self.number(x.data).text}"
        return rf"\text{{ at }} {point}" if self._latex else f"at {point}"

    def total(self, y: Value, x: Value) -> str:
        """Return the name of the total derivative of y with respect to x."""
        if self._latex:
            return rf"\frac{{d {self.name(y)}}}{{d {self.name(x)}}}"
        return f"d{_joined(self.name(y))}/d{_joined(self.name(x))}"

    def partial(self, edge: Edge, nth: int | None = None) -> str:
        """Return the name of the partial along an edge; `nth` says which of several edges to one operand."""
        which = f" ({_ordinal(nth)} use)" if nth else ""
        above, below = self.name(edge.node), self.name(edge.operand)
        if self._latex:
            return rf"\frac{{\partial {above}}}{{\partial {below}}}" + (rf"\text{{{which}}}" if nth else "")
        return f"∂{_joined(above)}/∂{_joined(below)}{which}"

    def formula(self, node: Value, first: Container[Value] = ()) -> str:
        """Return the operation of a node with the names of its operands, of many the given ones first."""
        return formula(node, self._name_of, latex=self._latex, first=first)

    def rule(self, node: Value, partial: Value) -> Term:
        """Return a partial, which is a graph on top of the node and its operands."""
        known = [node, *operands(node)]
        return term(partial, {item: self._name_of[item] for item in known}, latex=self._latex)

    def product(self, factors: Sequence[Term], *, shorten: bool = False) -> str:
        """Return a product, shortened without factors of 1."""
        shown = [factor for factor in factors if not (shorten and factor.text == "1")] or [factors[0]]
        if len(shown) == 1:
            return shown[0].text
        return self._dot.join(self._grouped(factor, i > 0) for i, factor in enumerate(shown))

    def _grouped(self, factor: Term, follows: bool) -> str:
        if factor.precedence >= _PRODUCT and not (follows and factor.text.startswith("-")):
            return factor.text
        return rf"\left({factor.text}\right)" if self._latex else f"({factor.text})"

    def sum(self, terms: Sequence[str], more: int) -> str:
        """Return a sum, and how many more terms it has."""
        texts = [*terms, f"{self._dots} {self.words(f'({more:,} more)')}"] if more else terms
        return " + ".join(
            text if i == 0 or not text.startswith("-") else f"({text})" for i, text in enumerate(texts)
        )


def _ordinal(n: int) -> str:
    ending = "th" if 11 <= n % 100 <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def _joined(name: str) -> str:
    """Return a name as it follows a d: in parentheses if it has spaces."""
    return f"({name})" if " " in name else name


def aligned(lines: Sequence[str]) -> str:
    r"""Return equations as an ``aligned`` environment.

    Examples
    --------
    >>> print(aligned(["a &= b", "c &= d"]))
    \begin{aligned}
    a &= b \\
    c &= d
    \end{aligned}
    """
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
