"""Statements of C, as lists of lines."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .c_expressions import C

_WIDTH = 100


def without_unused(lines: Sequence[str]) -> list[str]:
    """Return the lines without constants that are not used, of which compilers warn."""
    kept: list[str] = []
    used: set[str] = set()
    for line in reversed(lines):
        match = re.match(r"const double (v\d+) = ", line)
        if match is None or match[1] in used:
            kept.append(line)
            used.update(re.findall(r"\bv\d+\b", line[match.end() :] if match else line))
    return kept[::-1]


def mentions(lines: Sequence[str], name: str) -> bool:
    """Return whether a name stands in one of the lines.

    Examples
    --------
    >>> mentions(["y[i] = h2[i];"], "h2"), mentions(["y[i] = h21[i];"], "h2")
    (True, False)
    """
    return any(re.search(rf"\b{name}\b", line) for line in lines)


def unused_arguments(text: str, *names: str) -> list[str]:
    """Return a statement for each argument that a body does not mention, so that no compiler warns of it.

    Examples
    --------
    >>> unused_arguments("y[0] = x[0];", "x", "dp")
    ['(void)dp;']
    """
    return [f"(void){name};" for name in names if not re.search(rf"\b{name}\b", text)]


def loop(count: int, *statement: str, index: str = "i") -> list[str]:
    """Return a loop over a statement, which may take several lines.

    Examples
    --------
    >>> loop(3, "y[i] = x[i];")
    ['for (int i = 0; i < 3; i++)', '    y[i] = x[i];']
    """
    return [f"for (int {index} = 0; {index} < {count}; {index}++)", *indented(statement)]


def indented(lines: Sequence[str]) -> list[str]:
    """Return the lines, indented by one step."""
    return [f"    {line}" for line in lines]


def definition(signature: str, lines: Sequence[str]) -> str:
    """Return the definition of a function.

    Examples
    --------
    >>> print(definition("static double one(void)", ["return 1.0;"]))
    static double one(void)
    {
        return 1.0;
    }
    <BLANKLINE>
    """
    body = [part for line in lines for part in broken(f"    {line}")]
    return "\n".join([signature, "{", *body, "}", ""])


def broken(line: str) -> list[str]:
    """Return a line as several where it is long; a statement of C may be broken at any blank."""
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line.lstrip(),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def array_definition(name: str, array: npt.NDArray[np.float64]) -> str:
    """Return the definition of an array, whose numbers are read as exactly the same."""
    shape = "".join(f"[{length}]" for length in array.shape)
    rows = [", ".join(C.number(number).text for number in row) for row in np.atleast_2d(array).tolist()]
    lines = []
    for row in rows:
        text = f"{{{row}}}," if array.ndim == 2 else row
        lines += textwrap.wrap(
            text, _WIDTH, initial_indent="    ", subsequent_indent="     ", break_on_hyphens=False
        )
    return "\n".join([f"static const double {name}{shape} = {{", *lines, "};", ""])
