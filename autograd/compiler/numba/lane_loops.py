"""Write products and other reductions of numbers that vary along axes, for the lanes of a chunk.

The lanes of the last axis are next to each other in memory, so that loops over them are the innermost ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...ops.table import Op
from .affine import Affine
from .product_loops import Factor, Size, dots_of, rows_of
from .reduction_loops import over_row

_FEW_TERMS = 16
"""So many products are added up in a register, and stored once."""


class LaneFactor(NamedTuple):
    """A factor in memory, by row and term, and along axes.

    Attributes
    ----------
    array : str
        The array.
    place : Affine
        The position by row and term.
    is_listed : bool
        Whether `place` is where in ``places`` the position stands.
    lanes : dict of int to int
        How far apart neighbours along each of its axes are.
    """

    array: str
    place: Affine
    is_listed: bool
    lanes: Mapping[int, int]

    def factor(self, *, row: str = "", term: str = "", **names: str) -> Factor:
        """Return it as a factor of a product, with other names for its rows, its terms, and lanes."""
        lane = "".join(
            [
                f" + {f'{step} * ' if step != 1 else ''}{names.get(lane_of(axis), lane_of(axis))}"
                for axis, step in self.lanes.items()
                if names.get(lane_of(axis)) != ""
            ]
        )
        return Factor(self.array, self.place, lane, row, term, self.is_listed)


def lane_of(axis: int) -> str:
    """Return the index of a lane along an axis.

    Examples
    --------
    >>> lane_of(0)
    't0'
    """
    return f"t{axis}"


def counted(axes: Sequence[int]) -> list[tuple[str, Size]]:
    """Return the index and the bound of each loop over the lanes of some axes.

    Examples
    --------
    >>> counted([0])
    [('t0', 'count0')]
    """
    return [(lane_of(axis), f"count{axis}") for axis in axes]


def rounded(axes: Sequence[int]) -> list[tuple[str, Size]]:
    """Return loops over lanes in whole vectors: whatever is computed in the last few is never read.

    The last four of 100 samples, one by one, take 5% of the time of the moons.

    Examples
    --------
    >>> rounded([0, 1])
    [('t0', 'count0'), ('t1', 'lanes1')]
    """
    return [*counted(axes[:-1]), *[(lane_of(axis), f"lanes{axis}") for axis in axes[-1:]]]


def nested(loops: Sequence[tuple[str, Size]], lines: Sequence[str]) -> list[str]:
    """Return lines within loops; those of a single round are left out where the lines do not need them.

    Examples
    --------
    >>> nested([("i", 2), ("t0", "count0")], ["w[i] = 0.0"])
    ['for i in range(2):', '    for t0 in range(count0):', '        w[i] = 0.0']
    """
    found = list(lines)
    for index, bound in reversed([loop for loop in loops if loop[1] != 1]):
        found = [f"for {index} in range({bound}):", *(f"    {line}" for line in found)]
    return found


class Sizes(NamedTuple):
    """How many rows, columns and terms a product has; a reduction that is none has no columns."""

    rows: int
    columns: int
    terms: int


def products_of_each(left: LaneFactor, right: LaneFactor, out: LaneFactor, sizes: Sizes) -> list[str]:
    """Return loops for all products of rows of two factors, for each sample.

    Parameters
    ----------
    left, right : LaneFactor
        The factors.
    out : LaneFactor
        Where the results go, by row and column.
    sizes : Sizes
        How many there are.

    Returns
    -------
    list of str
        Lines of Python.
    """
    *outer, inner = sorted(out.lanes)
    if inner in left.lanes and inner in right.lanes:
        return sums_of_each((left, right), out, sizes)
    rows, columns, place = sizes.rows, sizes.columns, out.place
    if inner in left.lanes:
        left, right, rows, columns = right, left, columns, rows
        place = Affine(place.base, place.steps[::-1])
    lane = {lane_of(inner): "c"}
    product = rows_of(
        left.factor(),
        right.factor(row="q", **lane),
        out._replace(place=place).factor(term="q", **lane),
        (rows, f"lanes{inner}", sizes.terms),
    )
    return nested([*counted(outer), ("q", columns)], product)


def sums_of_each(factors: Sequence[LaneFactor], out: LaneFactor, sizes: Sizes) -> list[str]:
    """Return loops for sums of numbers, or of products, for each sample, as `products_of_each` does."""
    *outer, inner = sorted(out.lanes)
    is_product = sizes.columns > 0
    second = "q" if is_product else ""
    parts = [factor.factor(row=second if i else "") for i, factor in enumerate(factors)]
    target = out.factor(term=second).at("r", "q")
    lines: list[str] = []
    depth = sizes.terms if sizes.terms <= _FEW_TERMS else 4
    adding = "add" if len(factors) == 1 else "add_product"
    inside = rounded([inner])
    whole = sizes.terms - sizes.terms % depth
    if whole != depth or sizes.terms > whole:
        lines += nested(inside, [f"{target} = 0.0"])
    for start, end, step in ((0, whole, depth), (whole, sizes.terms, sizes.terms - whole)):
        if start == end:
            continue
        is_only = (start, end, step) == (0, sizes.terms, depth) and whole == depth
        total = "0.0" if is_only else target
        known: dict[str, str] = {}
        for j in range(step):
            texts = []
            for factor, part in zip(factors, parts, strict=True):
                text = part.at("r", "k", 0, j)
                if inner not in factor.lanes:
                    text = known.setdefault(text, f"a{len(known)}")
                texts.append(text)
            total = f"{adding}({total}, {', '.join(texts)})"
        body = [
            *(f"{name} = {text}" for text, name in known.items()),
            *nested(inside, [f"{target} = {total}"]),
        ]
        lines += [f"for k in range({start}, {end}, {step}):", *(f"    {line}" for line in body)]
    return nested([*counted(outer), ("r", sizes.rows), ("q", sizes.columns or 1)], lines)


def rows_of_each(
    op: Op, factors: Sequence[LaneFactor], out: LaneFactor, sizes: Sizes, name: str
) -> list[str]:
    """Return loops for a reduction of each row, for each sample; `name` begins the names that it uses."""
    texts = [factor.factor().at("r", "k") for factor in factors]
    lines = over_row(op, name, dict(zip(op.parameters, texts, strict=True)), "k", sizes.terms)
    lines.append(f"{out.factor(term='q').at('r', 'q')} = {name}")
    return nested([("r", sizes.rows), *counted(sorted(out.lanes))], lines)


def totals_of(
    factors: Sequence[LaneFactor], out: LaneFactor, sizes: Sizes, over: Sequence[int], name: str
) -> list[str]:
    """Return loops that add sums over the lanes of some axes to what is there.

    Parameters
    ----------
    factors : sequence of LaneFactor
        What is summed, or multiplied and summed.
    out : LaneFactor
        Where the sums go, by row and column.
    sizes : Sizes
        How many there are.
    over : sequence of int
        The axes.
    name : str
        What to call a sum.

    Returns
    -------
    list of str
        Lines of Python.
    """
    *outer, inner = sorted(over)
    is_product = sizes.columns > 0
    if is_product and not out.lanes:
        index = lane_of(inner)
        left, right = (factor.factor(term="p", **{index: "k"}) for factor in factors)
        counts = sizes.rows, sizes.columns, f"count{inner}"
        return nested(
            [*counted(outer), ("p", sizes.terms)], dots_of(left, right, out.factor(), counts, adds=True)
        )
    second = "q" if is_product else ""
    texts = [factor.factor(row=second if i else "").at("r", "k") for i, factor in enumerate(factors)]
    target = out.factor(term=second).at("r", "q")
    rows = [("r", sizes.rows), ("q", sizes.columns or 1)]
    kept = sorted(out.lanes)
    if kept and kept[-1] > inner:
        loops = [*counted(sorted({*over, *kept})[:-1]), ("k", sizes.terms), *counted(kept[-1:])]
        return nested([*rows, *loops], [f"{target} = {_added(target, texts)}"])
    inside = nested([("k", sizes.terms), *counted(sorted(over))], [f"{name} = {_added(name, texts)}"])
    return nested([*rows, *counted(kept)], [f"{name} = 0.0", *inside, f"{target} = {target} + {name}"])


def _added(total: str, texts: Sequence[str]) -> str:
    return f"{'add' if len(texts) == 1 else 'add_product'}({total}, {', '.join(texts)})"
