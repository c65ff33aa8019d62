"""`ThreeForms`: the loop that a user wrote, its NumPy program, and its formulas, side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from ...printable import printable
from ..arguments.call import NamedArray
from ..arrays.plan import Plan, Results
from ..numpy.blocks import write_blocks
from ..numpy.writer import NumPyWriter
from ..runtime.identifiers import identifiers
from .equations import Equations, equations_of
from .reading import Key
from .symbols import source_names

_HEAD = ("scalar loop", "NumPy program", "mathematics")


class FormsOfArray(NamedTuple):
    """An array in three forms.

    Attributes
    ----------
    loop, program : list of str
        Lines of the user's source and of the NumPy program that lead to it.
    text, latex : str
        Its formula.
    """

    loop: list[str]
    program: list[str]
    text: str
    latex: str


class ThreeForms:
    """The loop that a user wrote, the NumPy program found in it, and that program as mathematics.

    A terminal shows three columns of text, a notebook a table with typeset formulas. Each formula stands
    beside the statements that compute it, and beside the line of the loop that assigns it where names tell.

    Attributes
    ----------
    rows : list of FormsOfArray
        The rows, in the order of the program.
    notes : list of str
        What has to be said beside the formulas.

    Examples
    --------
    >>> rows = [FormsOfArray(["y = x * x"], ["v1 = x * x"], "y = x^2", "y = x^{2}")]
    >>> ThreeForms(rows, [])
    scalar loop │ NumPy program │ mathematics
    ────────────┼───────────────┼────────────
    y = x * x   │ v1 = x * x    │ y = x^2
    """

    def __init__(self, rows: Sequence[FormsOfArray], notes: Sequence[str]) -> None:
        self.rows, self.notes = [*rows], [*notes]

    def __repr__(self) -> str:
        lines: list[tuple[str, str, str]] = []
        for i, row in enumerate(self.rows):
            cells = [row.loop, row.program, row.text.splitlines()]
            lines += [("", "", "")] if i else []
            lines += [(a, b, c) for a, b, c in zip_longest(*cells, fillvalue="")]
        shown = [_HEAD, *[tuple(map(printable, line)) for line in lines]]
        widths = [max(len(line[k]) for line in shown) for k in range(3)]
        rule = "─┼─".join("─" * width for width in widths)
        texts = [
            " │ ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in shown
        ]
        return "\n".join([texts[0], rule, *texts[1:], *self.notes])

    def _repr_html_(self) -> str:
        from html import escape  # 1 ms, for notebooks alone

        side = 'style="text-align: left; vertical-align: top"'

        def code(lines: Sequence[str]) -> str:
            text = escape(printable("\n".join(lines), keep="\n"))
            return f'<td {side}><pre style="margin: 0">{text}</pre></td>'

        def math(latex: str) -> str:
            # Not broken at its signs: the table scrolls.
            typeset = f"$\\displaystyle {escape(latex)}$" if latex else ""
            return f'<td style="text-align: left; vertical-align: top; white-space: nowrap">{typeset}</td>'

        body = "".join(f"<tr>{code(row.loop)}{code(row.program)}{math(row.latex)}</tr>" for row in self.rows)
        head = "".join(f"<th {side}>{title}</th>" for title in _HEAD)
        below = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<div style="overflow-x: auto">{table}</div>{below}'


def three_forms(
    f: Callable[..., Any], source: str, plan: Plan, results: Results, outline: Sequence[NamedArray]
) -> ThreeForms:
    """Return the three forms of a compiled function.

    Parameters
    ----------
    f : callable
        The function that was compiled.
    source : str
        Its NumPy program.
    plan : Plan
        What was found in it.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.
    outline : sequence of NamedArray
        What the user calls the arrays that it takes.

    Examples
    --------
    >>> three_forms(abs, "", Plan({}, {}), [], []).rows
    []
    """
    equations = equations_of(f, plan, results, outline, dimensions=False)
    lines = source.rstrip().splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("def program(")), 0)
    places = _places(equations, plan, results, outline, lines)
    order = sorted(range(len(equations.equations)), key=lambda i: (places[i], i))
    loop = _LoopLines(source_names(f).lines)
    rows: list[FormsOfArray] = []
    before = start
    for i in order:
        statements = [line.removeprefix("    ") for line in lines[before : places[i] + 1]]
        before = max(before, places[i] + 1)
        is_value = equations.equations[i].array.key[0] == "result" and "∂" not in equations.text_lines[i]
        name = "" if is_value else equations.symbols[equations.equations[i].array.key].text
        rows.append(
            FormsOfArray(
                loop.until(name, is_value=is_value),
                statements,
                equations.text_lines[i],
                equations.latex_lines[i],
            )
        )
    more = [*zip(equations.text_lines[len(order) :], equations.latex_lines[len(order) :], strict=True)]
    rows += [FormsOfArray([], [], text, latex) for text, latex in more]
    if rows:
        last = len(order) - 1
        rest = [line.removeprefix("    ") for line in lines[before:]]
        rows[last] = rows[last]._replace(program=[*rows[last].program, *rest])
        at = min(loop.last_row + 1, last)
        rows[at] = rows[at]._replace(loop=[*rows[at].loop, *loop.rest()])
    return ThreeForms(rows, equations.notes)


class _LoopLines:
    """The lines of the user's source, handed out in their order."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines, self.next = [*lines], 0
        self.row, self.last_row = -1, -1

    def until(self, name: str, *, is_value: bool) -> list[str]:
        """Return the next lines up to the one that assigns a name, or returns the value."""
        self.row += 1
        pattern = (
            r"\s*return\b" if is_value else rf"\s*({re.escape(name)}|{re.escape(name.lower())})\s*[-+*/]?="
        )
        found = [i for i, line in enumerate(self.lines) if re.match(pattern + r"(?!=)", line)]
        if not found or found[-1] < self.next or not (name or is_value):
            return []
        lines, self.next, self.last_row = self.lines[self.next : found[-1] + 1], found[-1] + 1, self.row
        return lines

    def rest(self) -> list[str]:
        """Return all lines that are left."""
        return self.lines[self.next :]


def _places(
    equations: Equations, plan: Plan, results: Results, outline: Sequence[NamedArray], lines: Sequence[str]
) -> list[int]:
    """Return for each equation the line of the program that computes it."""
    writer = NumPyWriter.of(plan, identifiers([array.argument + array.path for array in outline]), results)
    write_blocks(writer, {i for wanted, _ in results for i in wanted}, writer.plan.blocks)
    found: list[int] = []
    for equation in equations.equations:
        colour = _colour_of(equation.array.key, equations, plan, results)
        name = writer.names.get(colour, "") if colour is not None else ""
        pattern = re.compile(rf"\s*{re.escape(name)} = ") if name else None
        at = [i for i, line in enumerate(lines) if pattern and pattern.match(line)]
        found.append(at[-1] if at else (found[-1] if found else len(lines) - 1))
    return found


def _colour_of(key: Key, equations: Equations, plan: Plan, results: Results) -> int | None:
    """Return the block that an array is, or that a result is taken from."""
    if key[0] == "array":
        return int(key[1])
    wanted = results[key[1]][0]
    # Of the gradient of a module each array of parameters is one by itself.
    own = equations.parameters[equations.gradients[key[1]]][key[2]].positions if len(key) == 3 else [0]
    return int(plan.place[wanted[min(own)]][0]) if wanted else None
