"""Equations below titles, laid out as text, as Markdown and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
    first, *rest = equation.sides
    if not rest:
        return f"  {first}"
    margin = "\n" + " " * (3 + len(first)) + "= "
    remark = f"  ({equation.remark})" if equation.remark else ""
    lines = [" = ".join(sides) for sides in _broken(equation, len, len(remark))]
    return " = ".join([f"  {first}", *lines[:1]]) + "".join(margin + line for line in lines[1:]) + remark


def _broken(equation: Equality, width: Callable[[str], int], more: int = 0) -> list[Sequence[str]]:
    """Return the sides after the first, by lines."""
    first, *rest = equation.sides
    widths = [width(side) + 3 for side in rest]
    widths[-1:] = [last + more for last in widths[-1:]]
    if width(first) + sum(widths) <= _MAX_WIDTH:
        return [rest]
    if not equation.dense:
        return [[side] for side in rest]
    lines: list[list[str]] = [[]]
    used = width(first)
    for side, size in zip(rest, widths, strict=True):
        if lines[-1] and used + size > _MAX_WIDTH:
            lines.append([])
            used = width(first)
        lines[-1].append(side)
        used += size
    return list(lines)


def _visible(latex: str) -> int:
    """Return about how wide a formula is, of which commands and braces show nothing."""
    return len(re.sub(r"\\[a-zA-Z]+ ?|[{}_^]", "", latex))


def _typeset(equation: Equality) -> str:
    if len(equation.sides) == 1:
        return rf"\text{{{latex_text(equation.sides[0])}}}"
    return " = ".join(equation.sides)


def _aligned_line(equation: Equality) -> str:
    if len(equation.sides) == 1:
        return f"&{_typeset(equation)}"
    remark = rf" \quad \text{{({latex_text(equation.remark)})}}" if equation.remark else ""
    lines = [" = ".join(sides) for sides in _broken(equation, _visible)]
    return f"{equation.sides[0]} &= " + " \\\\\n&= ".join(lines) + remark
