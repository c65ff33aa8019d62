"""Equations below titles, laid out as text, as Markdown and as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from .formulas import latex_text
from .notation import aligned

# A longer equation is broken at its equals signs.
_MAX_WIDTH = 100


class Equality(NamedTuple):
    """The sides of an equation, and what is to be said of it; a single side is words.

    Of one that is too long for a line each side has its own, unless it is `dense`.
    """

    sides: Sequence[str]
    remark: str = ""
    dense: bool = False


class Section(NamedTuple):
    """A title and the equations below it, or in one line with it."""

    title: str
    equations: Sequence[Equality]
    in_line: bool = False


def as_text(head: str, sections: Sequence[Section]) -> str:
    """Return a derivation for a terminal.

    Examples
    --------
    >>> print(as_text("dy/dx", [Section("Chain rule", [Equality(["dy/dx", "1 · 2", "2"])])]))
    dy/dx
    <BLANKLINE>
    Chain rule
      dy/dx = 1 · 2 = 2
    """
    blocks = [head]
    for in_line, group in groupby(sections, key=lambda section: section.in_line):
        if in_line:
            lines = [f"{title}: {', '.join(map(_plain, equations))}" for title, equations, _ in group]
            blocks.append("\n".join(lines))
        else:
            blocks += ["\n".join([title, *map(_text_line, equations)]) for title, equations, _ in group]
    return "\n\n".join(blocks)


def as_markdown(head: str, sections: Sequence[Section]) -> str:
    r"""Return a derivation for a notebook.

    Examples
    --------
    >>> print(as_markdown("y'", [Section("Held constant", [Equality(["a", "2"])], in_line=True)]))
    $y'$
    <BLANKLINE>
    Held constant: $a = 2$
    """
    blocks = [f"${head}$"]
    for title, equations, in_line in sections:
        if in_line:
            blocks.append(f"{title}: " + ", ".join(f"${_typeset(equation)}$" for equation in equations))
        else:
            blocks.append(f"{title}:\n\n$$\n{aligned(list(map(_aligned_line, equations)))}\n$$")
    return "\n\n".join(blocks)


def as_latex(sections: Sequence[Section]) -> str:
    r"""Return a derivation as an ``aligned`` environment.

    Examples
    --------
    >>> print(as_latex([Section("Chain rule", [Equality([r"\frac{d y}{d x}", "2"])])]))
    \begin{aligned}
    &\text{Chain rule} \\
    \frac{d y}{d x} &= 2
    \end{aligned}
    """
    lines = []
    for title, equations, in_line in sections:
        if in_line:
            lines.append(rf"&\text{{{title}: }}" + r",\; ".join(map(_typeset, equations)))
        else:
            lines += [rf"&\text{{{title}}}", *map(_aligned_line, equations)]
    return aligned(lines)


def _plain(equation: Equality) -> str:
    return " = ".join(equation.sides) + (f"  ({equation.remark})" if equation.remark else "")


def _text_line(equation: Equality) -> str:
    line = f"  {_plain(equation)}"
    if len(line) <= _MAX_WIDTH:
        return line
    first, *rest = equation.sides
    margin = " " * (3 + len(first))
    lines = [f"  {first}"]
    remark = f"  ({equation.remark})" if equation.remark else ""
    for side in [*rest[:-1], "".join(rest[-1:]) + remark]:
        is_long = not equation.dense or len(f"{lines[-1]} = {side}") > _MAX_WIDTH
        if is_long and len(lines[-1]) >= len(margin):
            lines.append(margin[:-1])
        lines[-1] += f" = {side}"
    return "\n".join(lines)


def _typeset(equation: Equality) -> str:
    if len(equation.sides) == 1:
        return rf"\text{{{latex_text(equation.sides[0])}}}"
    return " = ".join(equation.sides)


def _aligned_line(equation: Equality) -> str:
    if len(equation.sides) == 1:
        return f"&{_typeset(equation)}"
    first, *rest = equation.sides
    joint = " = " if sum(map(len, equation.sides)) <= 2 * _MAX_WIDTH else " \\\\\n&= "
    remark = rf" \quad \text{{({latex_text(equation.remark)})}}" if equation.remark else ""
    return f"{first} &= {joint.join(rest)}{remark}"
