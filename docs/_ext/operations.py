"""The page of operations: each row of the table, typeset."""

from __future__ import annotations

import math
from collections.abc import Iterator

from autograd.ops.renderer import ATOM, CONDITIONAL, Form, Term
from autograd.ops.rule import Rule
from autograd.ops.table import COMPARISONS, OPS, Op
from autograd.show.text.formulas import _Latex

INTRODUCTION = """# The table of operations

Each operation is one row of `autograd/ops/table.py`, and nothing else in the project knows a derivative. This
page is made from the rows when the site is built: formula, partial derivatives, and what comes out at poles,
kinks and infinities, which the tests check in every mode and on every backend. $x$ and $y$ are the arguments,
$out$ is the value. Rules are shown twice, typeset and as they stand in the table, where a form that rounds or
overflows less is preferred to that of a textbook.
"""


class Typeset(_Latex):
    """Rules as LaTeX, with choices as cases."""

    def form(self, word: str, count: int) -> Form:
        """Return the form of a word, also of those that only rules have."""
        # The first of the two that a shortcut chooses from is the formula of the textbooks.
        special = {
            "where": Form(r"\begin{{cases}} {1} & {0} \\ {2} & \text{{else}} \end{{cases}}"),
            "shortcut": Form("{1}", CONDITIONAL),
            "constant": Form("{0}", CONDITIONAL),
            "len": Form("n"),
            "products_of_others": Form(r"\textstyle\prod_{{j \ne i}} x_j"),
        }
        return special.get(word) or super().form(word, count)

    def apply(self, word: str, operands: tuple[Term, ...]) -> Term:
        """Return a word with its operands; a choice within the last case is more cases."""
        if word == "where" and operands[2].text.startswith(r"\begin{cases}"):
            condition, value, rest = operands
            inner = rest.text.removeprefix(r"\begin{cases} ")
            return Term(rf"\begin{{cases}} {value.text} & {condition.text} \\ {inner}", ATOM)
        return super().apply(word, operands)

    def number(self, number: float) -> Term:
        """Return a number."""
        return Term(latex_number(number), ATOM)


LATEX = Typeset({})


def latex_number(number: float) -> str:
    """Return a number in LaTeX, to five digits."""
    if math.isnan(number):
        return r"\text{nan}"
    if math.isinf(number):
        return r"\infty" if number > 0 else r"-\infty"
    mantissa, _, exponent = f"{number:.5g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def value(op: Op) -> str:
    """Return the value of a row in LaTeX."""
    names = {name: name if len(name) == 1 else r"\text{condition}" for name in op.parameters}
    return without_bars(op.latex.format(**names))


def rule(given: Rule) -> str:
    """Return a rule in LaTeX."""
    written = LATEX.write(given, {"out": r"\mathit{out}", "condition": r"\text{condition}"})
    return without_bars(written.replace(r"\operatorname{sech2}", r"\operatorname{sech}^2"))


def without_bars(latex: str) -> str:
    """Return LaTeX without the sign that ends the cell of a table."""
    return latex.replace("|", r"\vert ")


def anchor(op: Op) -> str:
    """Return the anchor of a row on the page."""
    return f"op-{op.name}"


def summary(rows: tuple[Op, ...]) -> Iterator[str]:
    """Yield a table with a line for each row."""
    yield "| operation | value | partial derivatives | in Python |\n|---|---|---|---|"
    for op in rows:
        by_cases = any("where" in partial.words for partial in op.partials)
        partials = "by cases" if by_cases else ", ".join(f"${rule(partial)}$" for partial in op.partials)
        yield f"| [{op.name}](#{anchor(op)}) | ${value(op)}$ | {partials} | {in_python(op)} |"


def in_python(op: Op) -> str:
    """Return how one writes an operation."""
    if op.symbol:
        return f"`{op.symbol}x`" if len(op.partials) == 1 else f"`x {op.symbol} y`"
    return f"`{op.name}({', '.join(f'[{p}, …]' if op.variadic else p for p in op.parameters)})`"


def section(op: Op) -> Iterator[str]:
    """Yield the section of a row."""
    yield f"({anchor(op)})=\n### {op.name}\n"
    twin = f" NumPy: `{op.ufunc.__name__}`." if op.ufunc is not None else ""
    yield f"{in_python(op)} gives {op.doc}.{twin}\n"
    yield "```{math}\n:nowrap:\n\\begin{align*}"
    yield rf"\mathit{{out}} &= {value(op)} \\[6pt]"
    element = "_i" if op.variadic else ""
    yield " \\\\[6pt]\n".join(
        rf"\frac{{\partial \, \mathit{{out}}}}{{\partial {'' if len(name) == 1 else chr(92) + 'text'}"
        rf"{{{name}}}{element}}} &= {rule(partial)}"
        for name, partial in zip(op.parameters, op.partials, strict=True)
    )
    yield "\\end{align*}\n```\n"
    yield "In the table:\n\n```text"
    yield f"out = {op.value}"
    for name, partial in zip(op.parameters, op.partials, strict=True):
        yield f"∂out/∂{name} = {partial}"
    yield "```\n"
    yield f"Random tests sample {domain(op)}, where it is differentiable.\n"
    yield from special_points(op)


def domain(op: Op) -> str:
    """Return where tests sample the arguments."""
    intervals = zip(op.parameters, op.domain, strict=True)
    return ", ".join(
        rf"${name if len(name) == 1 else chr(92) + 'text{' + name + '}'} \in [{low:g}, {high:g}]$"
        for name, (low, high) in intervals
    )


def special_points(op: Op) -> Iterator[str]:
    """Yield a table of the points that tests check besides."""
    if not op.special_points:
        return
    columns = ["condition", "x", "y"] if len(op.partials) == 3 else ["x", "y"][: len(op.partials)]
    if op.variadic:
        yield "| at | $out$ | partial derivatives |\n|---|---|---|"
        for point in op.special_points:
            partials = ", ".join(f"${latex_number(number)}$" for number in point.partials)
            at = ", ".join(f"${latex_number(number)}$" for number in point.at)
            yield f"| {at} | ${latex_number(point.value)}$ | {partials} |"
        yield ""
        return
    heads = [f"${c if len(c) == 1 else chr(92) + 'text{' + c + '}'}$" for c in columns]
    ends = [rf"$\partial out/\partial {head.strip('$')}$" for head in heads]
    yield f"| {' | '.join([*heads, '$out$', *ends])} |\n{'|---' * (2 * len(heads) + 1)}|"
    for point in op.special_points:
        cells = (*point.at, point.value, *point.partials)
        yield f"| {' | '.join(f'${latex_number(cell)}$' for cell in cells)} |"
    yield ""


def page() -> str:
    """Return the page, in Markdown."""
    rows = tuple(OPS.values())
    lines = [INTRODUCTION, *summary(rows), "\n## The rows\n"]
    for op in rows:
        lines += section(op)
    lines += [
        "## Comparisons\n",
        "They give 1 or 0, have derivative 0, and are made anew when a graph is evaluated again.\n",
        "| row | in Python | value |\n|---|---|---|",
        *(f"| {op.name} | {in_python(op)} | 1 where ${value(op)}$, else 0 |" for op in COMPARISONS.values()),
    ]
    return "\n".join(lines) + "\n"
