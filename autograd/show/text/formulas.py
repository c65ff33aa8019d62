"""Nodes as formulas, in Python and in LaTeX, with no more parentheses than necessary.

Both are renderers of `autograd.ops.renderer`: symbols, precedences and LaTeX templates come from the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from ...engine.value import Value
from ...ops.renderer import ATOM, POWER, SIGN, Form, Renderer, Term, infix
from ...ops.structural import Operation, Structural
from ...ops.table import Op, row
from ...printable import printable
from .caller_names import leaf_names
from .short_names import Symbol

# An expression is a tree: y = y + y, repeated 30 times, has 31 nodes and 10^9 terms.
MAX_TERMS = 300

# The largest number of operands of an operation that is not variadic.
_MAX_OPERANDS = 3


class TooLongError(ValueError):
    """A formula has too many terms to be readable."""


def digits(number: float, precision: int = 4) -> str:
    """Return a number with a few significant digits.

    Examples
    --------
    >>> digits(1 / 3), digits(2.0), digits(1e-12)
    ('0.3333', '2', '1e-12')
    """
    return f"{number:.{precision}g}"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number followed by a noun, in the plural where needed.

    Examples
    --------
    >>> count(1, "node"), count(2000, "node"), count(2, "leaf", "leaves")
    ('1 node', '2,000 nodes', '2 leaves')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def formula(
    node: Value,
    name_of: Mapping[Value, str],
    *,
    precision: int = 4,
    latex: bool = False,
    first: Container[Value] = (),
) -> str:
    r"""Return the operation of a node with the names of its operands.

    Of a sum of more than three numbers, and of longer lists, two elements are shown.

    Parameters
    ----------
    node : Value
        The result of an operation.
    name_of : mapping of Value to str
        The name of each operand.
    precision : int
        Significant digits of constants.
    latex : bool
        Whether to write LaTeX instead of Python.
    first : container of Value
        Operands to show rather than others.

    Returns
    -------
    str
        The operation.

    Examples
    --------
    >>> x = Value(3.0)
    >>> formula(2.0 * x, {x: "x"}), formula(x**-1.0, {x: "x"}), formula(x, {x: "x"})
    ('2 * x', 'x**-1', '3')
    >>> formula(x / 2.0, {x: "x"}, latex=True)
    '\\frac{x}{2}'
    """
    op = node.op
    if op is None:
        return digits(node.data, precision)

    def written(arg: Value | float) -> Term:
        if isinstance(arg, Value):
            return _named(name_of[arg], latex)
        return number_term(arg, precision, latex=latex)

    return shortened(node, written, latex=latex, first=first).text


def shortened(
    node: Value,
    written: Callable[[Value | float], Term],
    *,
    latex: bool = False,
    first: Container[Value] = (),
) -> Term:
    """Return the operation of a node; of a long sum, or of lists, two elements each.

    Parameters
    ----------
    node : Value
        The result of an operation.
    written : callable
        From an operand to how it is written.
    latex : bool
        Whether to write LaTeX instead of Python.
    first : container of Value
        Operands to show rather than others.

    Returns
    -------
    Term
        The operation.

    Examples
    --------
    >>> from autograd import sum
    >>> shortened(sum([Value(1.0)] * 10), lambda arg: Term("x")).text
    'sum(x, x, … 8 more)'
    """
    op = node.op
    if op is None or not op.variadic or len(node.args) <= _MAX_OPERANDS:
        terms = [written(arg) for arg in node.args]
        if isinstance(op, Op) and op.symbol and op.precedence != POWER:
            terms[1:] = [_grouped_if_signed(term, latex) for term in terms[1:]]
        return applied_term(op, terms, latex=latex) if op else written(node)
    columns = op.columns(node.args)
    shown = _places(columns, first)
    texts = [_listed([written(column[i]).text for i in shown], shown, column, latex) for column in columns]
    if len(columns) > 1:
        texts = [rf"\left[{text}\right]" if latex else f"[{text}]" for text in texts]
    inside = ", ".join(texts)
    return Term(rf"\operatorname{{{op.name}}}\left({inside}\right)" if latex else f"{op.name}({inside})")


def _grouped_if_signed(term: Term, latex: bool) -> Term:
    """Return an operand after an infix symbol: a - -1 would be hard to read. LaTeX does so by itself."""
    return Term(f"({term.text})") if term.precedence == SIGN and not latex else term


def _places(columns: Sequence[Sequence[Value | float]], first: Container[Value]) -> list[int]:
    """Return the places of the elements of long lists to show."""
    places = range(len(columns[0]))
    found = [i for i in places if any(column[i] in first for column in columns)]
    return sorted(list(dict.fromkeys([*found, *places]))[: _MAX_OPERANDS - 1])


def _listed(texts: Sequence[str], places: Sequence[int], column: Sequence[object], latex: bool) -> str:
    """Return elements of a list with dots for those between them, and how many more there are at the end."""
    dots = r"\dots" if latex else "…"
    found: list[str] = []
    for text, place, before in zip(texts, places, [-1, *places], strict=False):
        found += [text] if place == before + 1 else [dots, text]
    more = len(column) - 1 - places[-1]
    if more:
        count = f"… {more} more"
        found.append(rf"\text{{{count}}}" if latex else count)
    return ", ".join(found)


def expression(
    root: Value, names: Mapping[Value, str] | None = None, *, latex: bool = False, max_terms: int = MAX_TERMS
) -> str:
    r"""Return a node as an expression in its leaves.

    Leaves are written as their labels, or as numbers if they have none. Parentheses are written only where
    Python, or a reader of LaTeX, would otherwise group differently.

    Parameters
    ----------
    root : Value
        The result.
    names : mapping of Value to str, optional
        Nodes to write as a name rather than as an expression.
    latex : bool
        Whether to write LaTeX instead of Python.
    max_terms : int
        The largest number of terms of the expression.

    Returns
    -------
    str
        The expression.

    Raises
    ------
    ValueError
        If it has more than `max_terms` operands and operations.

    Examples
    --------
    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> expression((a + b) * -a**2 / 4.0)
    '(a + b) * -a**2 / 4'
    >>> expression((a + b) / a**0.5, latex=True)
    '\\frac{a + b}{a^{0.5}}'
    """
    return term(root, names or {}, latex=latex, max_terms=max_terms).text


def term(root: Value, names: Mapping[Value, str], *, latex: bool, max_terms: int = MAX_TERMS) -> Term:
    """Return an expression as `expression` does, with its precedence.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> term(x + 1.0, {}, latex=False)
    Term(text='x + 1', precedence=1)
    """
    written: dict[Value, Term] = {}
    for node in reversed(_tree(root, names, max_terms)):
        if node in names or node.op is None:
            written[node] = leaf_term(node, names, latex=latex)
        elif node not in written:
            terms = [
                written[arg] if isinstance(arg, Value) else number_term(arg, latex=latex) for arg in node.args
            ]
            written[node] = applied_term(node.op, terms, latex=latex)
    return written[root]


def to_latex(node: Value, *, names: Mapping[str, Any] | None = None) -> str:
    r"""Return a node as a LaTeX expression in its leaves.

    Parameters
    ----------
    node : Value
        The result.
    names : mapping, optional
        Variables to name leaves without a label; by default the caller's, and none for ``{}``.

    Returns
    -------
    str
        LaTeX, without dollar signs.

    Raises
    ------
    TypeError
        If it is not a `Value`.
    ValueError
        If the expression would be too long to read.

    Examples
    --------
    >>> x1 = Value(0.5, label="x1")
    >>> to_latex((x1 * x1).sin())
    '\\sin\\left(x_{1} \\cdot x_{1}\\right)'
    """
    if not isinstance(node, Value):
        raise TypeError(f"to_latex expected a Value, got {node!r} ({type(node).__name__})")
    return expression(node, leaf_names(leaves(node), names), latex=True)


def leaves(root: Value, max_terms: int = MAX_TERMS) -> list[Value]:
    """Return the leaves of an expression, as often as they occur.

    Raises
    ------
    TooLongError
        If it has more terms than that.

    Examples
    --------
    >>> leaves(Value(2.0) * 3.0)
    [Value(2.0)]
    """
    return [node for node in _tree(root, {}, max_terms) if node.op is None]


def latex_name(name: str) -> str:
    r"""Return a label as LaTeX.

    Examples
    --------
    >>> latex_name("x"), latex_name("x1"), latex_name("w[0, 1]")
    ('x', 'x_{1}', 'w_{0, 1}')
    >>> latex_name("layers.0.b"), latex_name("50% off")
    ('\\mathrm{layers.0.b}', '\\text{50\\% off}')
    """
    if isinstance(name, Symbol):
        return name.latex
    name = printable(name, keep="\n")
    parts = re.fullmatch(r"([A-Za-z][A-Za-z.\d]*?)(?:_?(\d+)|\[([\d, ]+)\](?:\[(\d+)\])?)?", name)
    if parts is None:
        return rf"\text{{{latex_text(name)}}}"
    stem = parts[1] if len(parts[1]) == 1 else rf"\mathrm{{{parts[1]}}}"
    index = parts[2] or ", ".join(filter(None, parts.groups()[2:]))
    return f"{stem}_{{{index}}}" if index else stem


def latex_text(text: str) -> str:
    r"""Return a text for LaTeX's text mode, with what is special there escaped.

    Examples
    --------
    >>> latex_text("50% of {x}")
    '50\\% of \\{x\\}'
    """
    return re.sub(_SPECIAL, _escape, printable(text, keep="\n"))


_SPECIAL = r"[\\{}$&#%_~^\n]"


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    words = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\n": " "}
    return words.get(sign, f"\\{sign}")


def _tree(root: Value, names: Mapping[Value, str], max_terms: int) -> list[Value]:
    """Return the nodes of an expression, each before its operands and as often as it occurs."""
    stack: list[Value | float] = [root]
    visited: list[Value] = []
    terms = 0
    while stack:
        terms += 1
        if terms > max_terms:
            raise TooLongError(
                f"the expression has more than {max_terms} terms; draw(v) or v.explain(x) name the parts"
            )
        item = stack.pop()
        if isinstance(item, Value):
            visited.append(item)
            if item not in names:
                stack.extend(item.args)
    return visited


def leaf_term(node: Value, names: Mapping[Value, str], *, latex: bool = False) -> Term:
    """Return a leaf as its name or, without one, as its number.

    Examples
    --------
    >>> leaf_term(Value(2.0), {}).text
    '2'
    """
    name = names.get(node, node.label)
    return _named(name, latex) if name else number_term(node.data, latex=latex)


def _named(name: str, latex: bool) -> Term:
    return Term(latex_name(name) if latex else printable(name, keep="\n"))


def number_term(number: float, precision: int | None = None, *, latex: bool = False) -> Term:
    r"""Return a number with its precedence: that of the sign if it is negative.

    Examples
    --------
    >>> number_term(-2.0), number_term(1e-5, latex=True).text
    (Term(text='-2', precedence=3), '1 \\cdot 10^{-5}')
    """
    text = repr(number).removesuffix(".0") if precision is None else digits(number, precision)
    return _written(text, latex)


def _written(text: str, latex: bool) -> Term:
    return Term(_latex_number(text) if latex else text, SIGN if text.startswith("-") else ATOM)


def _latex_number(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.replace("inf", r"\infty").replace("nan", r"\text{nan}")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


class _PythonForPeople(Renderer):
    """Python as people write it, with the infix symbols of rows."""

    def form(self, word: str, count: int) -> Form:
        """Return the form of a row."""
        op = row(word)
        if op.symbol:
            return infix(op)
        each = "[{}]" if op.variadic else "{}"
        return Form(f"{op.name}({', '.join([each] * count)})")


class _Latex(Renderer):
    """LaTeX, by the templates of the rows."""

    def form(self, word: str, count: int) -> Form:
        """Return the form of a row; a template with its own precedence separates its operands."""
        op = row(word)
        template = op.latex
        for i, parameter in enumerate(op.parameters):
            template = template.replace(f"{{{parameter}}}", f"{{{i}}}")
        if op.latex_precedence is not None:
            return Form(template, op.latex_precedence)
        needs = infix(op).needs if op.symbol else ()
        # An exponent is raised, and so needs no parentheses.
        return Form(template, op.precedence, needs[:1] if op.precedence == POWER else needs)

    def apply(self, word: str, operands: tuple[Term, ...]) -> Term:
        """Return a row with its operands; a sign after an infix symbol needs parentheses."""
        if len(self.form(word, len(operands)).needs) == 2 and operands[1].precedence == SIGN:
            operands = (operands[0], Term(self.grouped(operands[1], ATOM)))
        return super().apply(word, operands)

    def grouped(self, term: Term, need: int) -> str:
        """Return an operand, in parentheses if its precedence is too low."""
        return term.text if term.precedence >= need else rf"\left({term.text}\right)"


_PYTHON, _LATEX = _PythonForPeople({}), _Latex({})


def applied_term(op: Operation, terms: Sequence[Term], *, latex: bool) -> Term:
    r"""Return an operation with its operands, those of a variadic row in lists.

    Examples
    --------
    >>> applied_term(row("truediv"), [Term("a"), Term("b")], latex=True).text
    '\\frac{a}{b}'
    """
    if isinstance(op, Structural):
        return Term(op.written([term.text for term in terms], latex=latex))
    if op.variadic:
        terms = [Term(", ".join(term.text for term in column)) for column in op.columns(terms)]
    return (_LATEX if latex else _PYTHON).apply(op.name, tuple(terms))
