"""How a node is written: as Python text and as LaTeX, with no more parentheses than needed.

The signs, their precedence and the LaTeX templates come from the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...engine.attach import attach
from ...engine.value import Value
from ...ops.table import Op
from ...printable import printable

# Nested expressions are trees: y = y + y, 30 times, has 31 nodes and 10^9 terms.
MAX_TERMS = 300

# As many operands has any operation that is no sum or product of a sequence.
_MAX_OPERANDS = 3

# How long an expression `str` gives: one line of a terminal.
_MAX_TERMS_OF_STR = 40

_ATOM, _COMPARISON, _SIGN, _POWER = 9, 0, 3, 4


class Term(NamedTuple):
    """A piece of a formula, and how tightly its outermost sign binds."""

    text: str
    precedence: int


class TooLongError(ValueError):
    """A formula would have more terms than anybody reads."""


def digits(number: float, precision: int = 4) -> str:
    """Return a number with some significant digits.

    Examples
    --------
    >>> digits(1 / 3), digits(2.0), digits(1e-12)
    ('0.3333', '2', '1e-12')
    """
    return f"{number:.{precision}g}"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

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
) -> str:
    r"""Return how a node was computed from its operands, by their names.

    Of a sum or product of more than three numbers the first two are written out.

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

    Returns
    -------
    str
        The operation.

    Examples
    --------
    >>> x = Value(3.0)
    >>> formula(2.0 * x, {x: "x"}), formula(x**-1.0, {x: "x"})
    ('2 * x', 'x**-1')
    >>> formula(x / 2.0, {x: "x"}, latex=True)
    '\\frac{x}{2}'
    """
    op = node.op
    if op is None:
        return digits(node.data, precision)
    shown = node.args if len(node.args) <= _MAX_OPERANDS else node.args[: _MAX_OPERANDS - 1]
    terms = [
        _named(name_of[arg], latex) if isinstance(arg, Value) else _written(digits(arg, precision), latex)
        for arg in shown
    ]
    if op.variadic and len(shown) < len(node.args):
        more = f"… {len(node.args) - len(shown)} more"
        inside = ", ".join([*(term.text for term in terms), rf"\text{{{more}}}" if latex else more])
        return rf"\operatorname{{{op.name}}}\left({inside}\right)" if latex else f"{op.name}({inside})"
    return (_in_latex if latex else _in_python)(op, terms).text


def expression(
    root: Value, names: Mapping[Value, str] | None = None, *, latex: bool = False, max_terms: int = MAX_TERMS
) -> str:
    r"""Return a node as an expression in its leaves.

    Leaves are written by their labels, those without one as numbers. Parentheses stand where Python, or
    a reader of LaTeX, would otherwise group differently, and nowhere else.

    Parameters
    ----------
    root : Value
        The result.
    names : mapping of Value to str, optional
        Nodes to write by a name instead of by what they were computed from.
    latex : bool
        Whether to write LaTeX instead of Python.
    max_terms : int
        How long the expression may be.

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
    """Return an expression as `expression` does, with how tightly it binds.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> term(x + 1.0, {}, latex=False)
    Term(text='x + 1', precedence=1)
    """
    written: dict[Value, Term] = {}
    for node in reversed(_tree(root, names, max_terms)):
        if node in names or node.op is None:
            written[node] = _leaf(node, names, latex)
        elif node not in written:
            terms = [
                written[arg] if isinstance(arg, Value) else number_term(arg, latex=latex) for arg in node.args
            ]
            written[node] = (_in_latex if latex else _in_python)(node.op, terms)
    return written[root]


def _str(node: Value) -> str:
    """Return the expression that a node stands for; the repr of a leaf, or where the expression is long."""
    try:
        return repr(node) if node.op is None else expression(node, max_terms=_MAX_TERMS_OF_STR)
    except TooLongError:
        return repr(node)


attach(__str__=_str)


def to_latex(node: Value) -> str:
    r"""Return a node as a LaTeX expression in its leaves.

    Parameters
    ----------
    node : Value
        The result.

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
    return expression(node, latex=True)


def latex_name(name: str) -> str:
    r"""Return a label as LaTeX.

    Examples
    --------
    >>> latex_name("x"), latex_name("x1"), latex_name("w[0, 1]")
    ('x', 'x_{1}', 'w_{0, 1}')
    >>> latex_name("layers.0.b"), latex_name("50% off")
    ('\\mathrm{layers.0.b}', '\\text{50\\% off}')
    """
    name = printable(name, keep="\n")
    parts = re.fullmatch(r"([A-Za-z][A-Za-z.\d]*?)(?:_?(\d+)|\[([\d, ]+)\])?", name)
    if parts is None:
        return rf"\text{{{re.sub(_SPECIAL, _escape, name)}}}"
    stem = parts[1] if len(parts[1]) == 1 else rf"\mathrm{{{parts[1]}}}"
    index = parts[2] or parts[3]
    return f"{stem}_{{{index}}}" if index else stem


_SPECIAL = re.compile(r"[\\{}$&#%_~^\n]")


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    words = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\n": " "}
    return words.get(sign, f"\\{sign}")


def _tree(root: Value, names: Mapping[Value, str], max_terms: int) -> list[Value]:
    """Return the nodes of an expression, each before its operands and as often as it is written."""
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


def _leaf(node: Value, names: Mapping[Value, str], latex: bool) -> Term:
    name = names.get(node, node.label)
    return _named(name, latex) if name else number_term(node.data, latex=latex)


def _named(name: str, latex: bool) -> Term:
    return Term(latex_name(name) if latex else printable(name, keep="\n"), _ATOM)


def number_term(number: float, precision: int | None = None, *, latex: bool = False) -> Term:
    r"""Return a number with how tightly it binds: a negative one as its sign does.

    Examples
    --------
    >>> number_term(-2.0), number_term(1e-5, latex=True).text
    (Term(text='-2', precedence=3), '1 \\cdot 10^{-5}')
    """
    text = repr(number).removesuffix(".0") if precision is None else digits(number, precision)
    return _written(text, latex)


def _written(text: str, latex: bool) -> Term:
    return Term(_latex_number(text) if latex else text, _SIGN if text.startswith("-") else _ATOM)


def _latex_number(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.replace("inf", r"\infty").replace("nan", r"\text{nan}")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _in_python(op: Op, terms: Sequence[Term]) -> Term:
    texts = [term.text for term in terms]
    if op.variadic:
        columns = [", ".join(column) for column in op.columns(texts)]
        return Term(f"{op.name}({', '.join(f'[{column}]' for column in columns)})", _ATOM)
    if not op.symbol:
        return Term(f"{op.name}({', '.join(texts)})", _ATOM)
    if len(terms) == 1:
        return Term(op.symbol + _first(op, terms[0]), op.precedence)
    left, right = terms
    # A power takes a sign on its right as it is, and groups to the right: 2**-x**2.
    is_loose = right.precedence < _SIGN if op.precedence == _POWER else right.precedence <= op.precedence
    joint = op.symbol if op.precedence == _POWER else f" {op.symbol} "
    return Term(_first(op, left) + joint + _grouped(right, is_loose), op.precedence)


def _in_latex(op: Op, terms: Sequence[Term]) -> Term:
    texts = [term.text for term in terms]
    precedence = op.precedence if op.latex_precedence is None else op.latex_precedence
    if op.variadic:
        texts = [", ".join(column) for column in op.columns(texts)]
    elif op.symbol and precedence == op.precedence:
        texts[0] = _first(op, terms[0], latex=True)
        if len(texts) == 2 and op.precedence != _POWER:  # An exponent stands above the line.
            is_loose = terms[1].precedence <= op.precedence or terms[1].precedence == _SIGN
            texts[1] = _grouped(terms[1], is_loose, latex=True)
    return Term(op.latex.format(**dict(zip(op.parameters, texts, strict=True))), precedence)


def _first(op: Op, term: Term, latex: bool = False) -> str:
    """Return the first operand of an operator; (a**b)**c and (a < b) == c need parentheses."""
    groups_left = op.precedence not in (_COMPARISON, _POWER)
    is_loose = term.precedence < op.precedence or (term.precedence == op.precedence and not groups_left)
    return _grouped(term, is_loose, latex)


def _grouped(term: Term, needed: bool, latex: bool = False) -> str:
    if not needed:
        return term.text
    return rf"\left({term.text}\right)" if latex else f"({term.text})"
