"""Tables of programs that do the same in two libraries, of which ours is executed."""

from __future__ import annotations

import ast
import html
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Row(NamedTuple):
    """The code of another library, and ours."""

    theirs: str
    ours: str


class Table:
    """Rows of code, and what ours gives: a notebook shows them as a table."""

    def __init__(self, library: str, rows: Sequence[Row], results: Sequence[str]) -> None:
        self.library = library
        self.rows = tuple(zip(rows, results, strict=True))

    def __repr__(self) -> str:
        return "\n".join(
            row.ours.splitlines()[-1].strip() + (f"  # {result}" if result else "")
            for row, result in self.rows
        )

    def _repr_html_(self) -> str:
        names = (html.escape(self.library), "chainrule", "gives")
        rows = [f"<tr>{''.join(map(_HEAD.format, names))}</tr>"]
        rows += [f"<tr>{''.join(map(_cell, (*row, result)))}</tr>" for row, result in self.rows]
        return f"<table>{''.join(rows)}</table>"


# Left, as code is read, where tables have it at the right; a page may give code a background of its own.
_HEAD = '<th style="text-align: left">{}</th>'
_CODE = "background: none; font-family: monospace; margin: 0; text-align: left"


def _cell(code: str) -> str:
    """Return a cell with code."""
    return f'<td style="text-align: left"><pre style="{_CODE}">{html.escape(code)}</pre></td>'


def table(library: str, text: str, before: str = "", **names: Any) -> Table:
    """Execute our half of each row, one after the other, and return a table of them.

    Parameters
    ----------
    library : str
        The other library.
    text : str
        Rows, with blank lines between them. A line has its code to the left of a bar, ours to the right.
    before : str
        Rows to execute first, without showing them.
    **names
        Names that the code may use besides ``np``.

    Returns
    -------
    Table
        The table, with the value of the last line of our code where it has one.

    Examples
    --------
    >>> table("JAX", "import jax           | from autograd import grad")
    from autograd import grad
    >>> table("JAX", "jax.grad(f)(1.0)     | grad(f)(1.0)", "| from autograd import grad", f=lambda x: x**2)
    grad(f)(1.0)  # 2
    """
    scope: dict[str, Any] = {"np": np, **names}
    for row in rows_of(before):
        run(row.ours, scope)
    rows = rows_of(text)
    return Table(library, rows, [_shown(run(row.ours, scope)) for row in rows])


def rows_of(text: str) -> list[Row]:
    r"""Return the rows of a text.

    Examples
    --------
    >>> rows_of("x = f()   | y = g()\n          | y.z\n\na | b")
    [Row(theirs='x = f()', ours='y = g()\ny.z'), Row(theirs='a', ours='b')]
    """
    rows = []
    for block in text.strip("\n").split("\n\n"):
        lines = [line.partition("|") for line in block.splitlines()]
        theirs = "\n".join(left.rstrip() for left, _, _ in lines).rstrip()
        rows.append(Row(theirs, "\n".join(right[1:] for _, _, right in lines).rstrip()))
    return [row for row in rows if row != Row("", "")]


def run(code: str, scope: dict[str, Any]) -> Any:
    r"""Execute code, and return the value of its last line if that is an expression.

    Examples
    --------
    >>> run("x = 2\nx * x", {})
    4
    """
    body = ast.parse(code).body
    last = body[-1] if body else None
    if not isinstance(last, ast.Expr):
        exec(code, scope)
        return None
    exec(compile(ast.Module(body[:-1], []), "<row>", "exec"), scope)
    return eval(compile(ast.Expression(last.value), "<row>", "eval"), scope)


def _shown(value: Any) -> str:
    """Return a value as text, numbers with six digits."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(_shown, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return str(value)
