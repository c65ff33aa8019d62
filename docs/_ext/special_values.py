"""The tables of special values: what rows give at nan, infinities, zeros, smallest and largest numbers.

``python docs/_ext/special_values.py`` computes them, and writes them into ``docs/special-values.md``. Tests
compare them with the code, and the numbers with eager calls, NumPy and PyTorch.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby, product
from math import inf, isfinite, isnan, nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

import autograd  # noqa: E402
from autograd import grad, jit, vmap  # noqa: E402
from autograd.ops.table import COMPARISONS, OPS, Op  # noqa: E402

PAGE = ROOT / "docs" / "special-values.md"

TINY, SUBNORMAL, LARGEST = 5e-324, 2.2250738585072009e-308, 1.7976931348623157e308

SHOWN = (nan, -inf, -LARGEST, -1.0, -TINY, -0.0, 0.0, TINY, 1.0, LARGEST, inf)
SPECIAL = (*SHOWN, -1e308, -SUBNORMAL, SUBNORMAL, 1e308)
"""The arguments that tests combine; those of them that the page has."""

NAMES = {TINY: "tiny", SUBNORMAL: "subnormal", LARGEST: "max"}

Array = npt.NDArray[np.float64]

ROWS = {name: op for name, op in {**OPS, **COMPARISONS}.items() if name != "where"}
"""All rows but the choice, which is exact."""


class Numbers(NamedTuple):
    """What a row gives at some points.

    Attributes
    ----------
    value : array of shape (points,)
    partials : array of shape (arguments, points)
    seconds : array of shape (arguments, arguments, points)
        Of the partial by the first argument the one by the second.
    """

    value: Array
    partials: Array
    seconds: Array


def arity(op: Op) -> int:
    """Return how many arguments the page has of a row: two of a sum."""
    return 2 if op.variadic else len(op.partials)


def function(op: Op) -> Callable[..., Any]:
    """Return a row as a function of so many numbers."""
    if op.variadic:
        of_lists = getattr(autograd, op.name)
        if len(op.partials) == 2:
            return lambda x, y: of_lists([x], [y])
        return lambda x, y: of_lists([x, y])
    of_numbers: Callable[..., Any] = getattr(operator if op.symbol else autograd, op.name)
    return of_numbers


def points(op: Op, arguments: Sequence[float]) -> Array:
    """Return all combinations of some arguments, a row of numbers for each argument."""
    return np.array([*product(arguments, repeat=arity(op))]).T


def derivatives(op: Op) -> Callable[..., Any]:
    """Return the function that gives a row, its partials and its second partials, by reverse mode."""
    f, wanted = function(op), range(arity(op))

    def at(*x: Any) -> Any:
        firsts = [grad(f, argnums=i) for i in wanted]
        seconds = [[grad(first, argnums=j)(*x) for j in wanted] for first in firsts]
        return f(*x), [first(*x) for first in firsts], seconds

    return at


@cache
def numbers(op: Op, arguments: tuple[float, ...] = SPECIAL) -> Numbers:
    """Return what a row gives at all combinations of some arguments, compiled for NumPy."""
    at, compiled = points(op, arguments), jit(vmap(derivatives(op)), backend="numpy")
    with np.errstate(all="ignore"):
        value, partials, seconds = compiled(*at)
    return Numbers(np.array(value), np.array(partials), np.array(seconds))


# ---------------------------------------------------------------------------------------------- the table


def written(number: float) -> str:
    """Return a special number as it is, any other as a dot."""
    return str(number) if not isfinite(number) else "0" if number == 0.0 else "·"


def of_size(size: float) -> str:
    """Return the name of an argument that is not negative."""
    return NAMES.get(size, f"{size:g}")


def listed(chosen: Sequence[float]) -> str:
    """Return arguments of the page in few words, both signs as one."""
    left = {*map(repr, chosen)}
    texts = []
    for text, group in GROUPS.items():
        if left >= group and group:
            texts.append(text)
            left -= group
    return ", ".join(texts)


def _groups() -> dict[str, set[str]]:
    """Return what arguments of the page are called together, large groups first."""
    finite, signs = [x for x in SHOWN if isfinite(x)], (("", 1.0), ("−", -1.0))
    groups = {"any": SHOWN, "any number": SHOWN[1:], "finite": finite, "finite ≠ 0": [x for x in finite if x]}
    for text, sign in (("> 0", 1.0), ("< 0", -1.0)):
        groups[text] = [x for x in SHOWN if x * sign > 0.0]
        groups[f"finite {text}"] = [x for x in finite if x * sign > 0.0]
    sizes = (inf, LARGEST, 1.0, TINY, 0.0)
    groups |= {f"±{of_size(size)}": [-size, size] for size in sizes}
    groups |= {f"{text}{of_size(size)}": [sign * size] for text, sign in signs for size in sizes}
    return {text: {*map(repr, group)} for text, group in {**groups, "nan": [nan]}.items()}


GROUPS = _groups()


def cells(op: Op) -> Iterator[tuple[tuple[float, ...], tuple[str, ...]]]:
    """Yield the points of the page and what a row gives there, as text."""
    found = numbers(op, SHOWN)
    for k, point in enumerate(points(op, SHOWN).T.tolist()):
        second = found.seconds[:, :, k]
        pairs = [(0, 0), (0, 1), (1, 1)][: 3 if len(second) > 1 else 1]
        both = [{written(second[i, j]): None, written(second[j, i]): None} for i, j in pairs]
        firsts = map(written, found.partials[:, k])
        yield tuple(point), (written(found.value[k]), *firsts, *(" or ".join(texts) for texts in both))


def of_one(op: Op) -> Iterator[str]:
    """Yield the lines of a row of one argument, without its name."""
    by_cells: dict[tuple[str, ...], list[float]] = {}
    for (x,), texts in cells(op):
        by_cells.setdefault(texts, []).append(x)
    for texts, chosen in by_cells.items():
        yield f"| {listed(chosen)} | {' | '.join(texts)} |"


def of_two(op: Op) -> Iterator[str]:
    """Yield the lines of a row of two arguments, without points that are not worth one."""
    by_x: dict[tuple[tuple[str, tuple[str, ...]], ...], list[float]] = {}
    for x, group in groupby(cells(op), key=lambda cell: repr(cell[0][0])):
        worth = [(repr(y), texts) for (_, y), texts in group if is_worth_a_line((float(x), y), texts)]
        by_x.setdefault(tuple(worth), []).append(float(x))
    for lines, chosen in by_x.items():
        by_cells: dict[tuple[str, ...], list[float]] = {}
        for y, texts in lines:
            by_cells.setdefault(texts, []).append(float(y))
        for number, (texts, others) in enumerate(by_cells.items()):
            yield f"| {'' if number else listed(chosen)} | {listed(others)} | {' | '.join(texts)} |"


def is_worth_a_line(point: tuple[float, ...], texts: tuple[str, ...]) -> bool:
    """Return whether a number at a point is not finite, beyond a nan that is propagated."""
    return not {*texts} <= {"·", "0"} and not (any(map(isnan, point)) and texts[0] == "nan")


def is_regular(op: Op) -> bool:
    """Return whether all partials are finite and all second ones 0, wherever there is no nan."""
    at, found = points(op, SHOWN), numbers(op, SHOWN)
    known = ~np.isnan(at).any(axis=0)
    return bool(np.isfinite(found.partials[:, known]).all() and not found.seconds[:, :, known].any())


# ------------------------------------------------------------------------------------------------ the page


OF_TWO = """
## Rows of two arguments

Of `dot`, sequences of one number; of `prod`, `norm` and `logsumexp`, of two. Left out are points where all
numbers are finite, or where a nan is propagated to the value."""


def alike(rows: Sequence[Op], lines: Callable[[Op], Iterator[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names of rows whose lines are the same, with these."""
    names: dict[tuple[str, ...], list[str]] = {}
    for op in rows:
        names.setdefault(tuple(lines(op)), []).append(op.name)
    for own, of in names.items():
        yield ", ".join(of), own


def tables() -> str:
    """Return the part of the page that is made from the code."""
    regular = [op for op in ROWS.values() if is_regular(op)]
    others = [op for op in ROWS.values() if op not in regular]
    lines = ["", "## Rows without special derivatives\n"]
    lines.append(
        "All partials are finite and all second partials 0, whatever the arguments, of `where` and of"
    )
    lines.append(f"{', '.join(f'`{op.name}`' for op in regular)}.\n")
    lines += ["## Rows of one argument\n", "| row | x | value | ∂x | ∂x∂x |", f"|{'---|' * 5}"]
    for names, own in alike([op for op in others if arity(op) == 1], of_one):
        lines += [f"| {'' if number else names} {line}" for number, line in enumerate(own)]
    lines.append(OF_TWO)
    for names, own in alike([op for op in others if arity(op) == 2], of_two):
        head = "| x | y | value | ∂x | ∂y | ∂x∂x | ∂x∂y | ∂y∂y |"
        lines += [f"\n### {names}\n", head, f"|{'---|' * 8}", *own]
    return "\n".join([*lines, "", ""])


BEGIN, END = "<!-- begin: python docs/_ext/special_values.py -->\n", "<!-- end -->\n"


def parts() -> tuple[str, str, str]:
    """Return the page as it is: what is before the tables, the tables, and what is after them."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    found, after = rest.split(END)
    return before, found, after


if __name__ == "__main__":
    before, _, after = parts()
    PAGE.write_text(before + BEGIN + tables() + END + after, encoding="utf-8")
