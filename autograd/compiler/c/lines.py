"""Lines of C while they are written: which variables they read and set, so that unused ones are left out."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_WIDTH = 100


@dataclass(eq=False)
class Variable:
    """A variable.

    Attributes
    ----------
    name : str
        What C calls it.
    kind : str
        Its type, such as ``"double"`` or ``"const double *"``.
    """

    name: str
    kind: str


@dataclass(eq=False)
class CLine:
    """A statement, or a block of them.

    Attributes
    ----------
    text : str
        The statement, or what begins the block.
    reads : list of Variable
        What it reads, once for each use.
    sets : Variable or None
        The variable that it defines or changes, if it does nothing else.
    body : list of CLine or None
        The statements of a block.
    """

    text: str
    reads: Sequence[Variable] = ()
    sets: Variable | None = None
    body: list[CLine] | None = field(default=None)


def without_unused(lines: list[CLine]) -> list[CLine]:
    """Return lines without those that set variables that nobody reads, and without blocks of nothing.

    Examples
    --------
    >>> x, y = Variable("x", "double"), Variable("y", "double")
    >>> lines = [CLine("double x = 1.0;", (), x), CLine("double y = x;", [x], y), CLine("return 0;")]
    >>> [line.text for line in without_unused(lines)]
    ['return 0;']
    """
    while True:
        read = Counter(
            variable for line in every(lines) for variable in line.reads if variable is not line.sets
        )
        kept = _kept(lines, read)
        if sum(1 for _ in every(kept)) == sum(1 for _ in every(lines)):
            return kept
        lines = kept


def every(lines: Sequence[CLine]) -> Iterator[CLine]:
    """Yield all lines, also those in blocks.

    Examples
    --------
    >>> [line.text for line in every([CLine("for (;;)", body=[CLine("break;")])])]
    ['for (;;)', 'break;']
    """
    for line in lines:
        yield line
        if line.body is not None:
            yield from every(line.body)


def _kept(lines: Sequence[CLine], read: Counter[Variable]) -> list[CLine]:
    found = []
    for line in lines:
        if line.sets is not None and not read[line.sets]:
            continue
        body = None if line.body is None else _kept(line.body, read)
        if body != []:
            found.append(CLine(line.text, line.reads, line.sets, body))
    return found


def written(lines: Sequence[CLine], depth: int = 1) -> list[str]:
    """Return lines as text.

    Examples
    --------
    >>> written([CLine("for (;;)", body=[CLine("break;")])], 0)
    ['for (;;) {', '    break;', '}']
    """
    indent, found = "    " * depth, []
    for line in lines:
        if line.body is None:
            found += broken(indent + line.text)
        else:
            found += [
                *broken(f"{indent}{line.text} {{" if line.text else f"{indent}{{"),
                *written(line.body, depth + 1),
                f"{indent}}}",
            ]
    return found


def broken(line: str) -> list[str]:
    """Return a line as several where it is long; C may be broken at any blank.

    Examples
    --------
    >>> broken("x = 1.0;")
    ['x = 1.0;']
    """
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line.lstrip(),
        max(_WIDTH, len(indent) + 40),
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def call_lines(head: str, parts: Sequence[str], end: str = "") -> list[str]:
    """Return what stands in parentheses, broken between its parts.

    Examples
    --------
    >>> call_lines("int f", ["double x", "double y"], ";")
    ['int f(double x, double y);']
    """
    # A blank that is none stands for those within parts.
    text = ", ".join(part.replace(" ", "\0") for part in parts)
    head = head.replace(" ", "\0")
    return [line.replace("\0", " ") for line in broken(f"{head}({text}){end}")]
