"""Write products and other reductions of numbers that vary along axes, for the lanes of a chunk.

The lanes are next to each other in memory, so that loops over them are the innermost ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...ops.table import Op
from .affine import Affine
from .product_loops import Factor, Size, dots_of, fits_tiles, row_by_row, rows_of
from .reduction_loops import over_row

_FEW_TERMS = 16
"""So many products are added up in a register, and stored once."""


class LaneFactor(NamedTuple):
    """A factor in memory, by row and term, and along an axis.

    Attributes
    ----------
    array : str
        The array.
    place : Affine
        The position by row and term.
    is_listed : bool
        Whether `place` is where in ``places`` the position stands.
    lane : int or None
        The axis along which it has a number for each sample.
    """

    array: str
    place: Affine
    is_listed: bool
    lane: int | None

    def factor(self, *, row: str = "", term: str = "", index: str | None = None) -> Factor:
        """Return it as a factor of a product, with other names for its rows, its terms, and lanes."""
        if self.lane is not None and index is None:
            index = lane_of(self.lane)
        lane = "" if self.lane is None or not index else f" + {index}"
        return Factor(self.array, self.place, lane, row, term, self.is_listed)


def lane_of(axis: int) -> str:
    """Return the index of a lane along an axis.

    Examples
    --------
    >>> lane_of(0)
    't0'
    """
    return f"t{axis}"


def counted(lane: int | None) -> list[tuple[str, Size]]:
    """Return the index and the bound of the loop over the lanes of an axis, if there are lanes.

    Examples
    --------
    >>> counted(0)
    [('t0', 'count0')]
    """
    return [] if lane is None else [(lane_of(lane), f"count{lane}")]


def rounded(lane: int | None) -> list[tuple[str, Size]]:
    """Return a loop over lanes in whole vectors: whatever is computed in the last few is never read.

    The last four of 100 samples, one by one, take 5% of the time of the moons.

    Examples
    --------
    >>> rounded(1)
    [('t1', 'lanes1')]
    """
    return [] if lane is None else [(lane_of(lane), f"lanes{lane}")]


def nested(loops: Sequence[tuple[str, Size]], lines: Sequence[str]) -> list[str]:
    """Return lines within loops; those of a single round are left out where the lines do not need them.

    Examples
    --------
    >>> nested([("i", 2), ("t0", "count0")], ["w[i] = 0.0"])
    ['for i in range(2):', '    for t0 in range(count0):', '        w[i] = 0.0']
    """
    found = list(lines)
    for index, bound in reversed([loop for loop in loops if str(loop[1]) != "1"]):
        found = [f"for {index} in range({bound}):", *(f"    {line}" for line in found)]
    return found


class Sizes(NamedTuple):
    """How many rows, columns and terms a product has; a reduction that is none has no columns."""

    rows: int
    columns: int
    terms: int


class RaggedTerms(NamedTuple):
    """Which terms the rows of a product have.

    Attributes
    ----------
    rows : int
        How many rows there are.
    ends : int
        Where in ``places`` stands where the terms of each row begin, and of the last one end.
    which : int
        Where in ``places`` the terms of all rows stand, one row after the other.
    """

    rows: int
    ends: int
    which: int


def ragged_of_each(vector: LaneFactor, matrix: LaneFactor, out: LaneFactor, terms: RaggedTerms) -> list[str]:
    r"""Return loops for the product of a vector and a matrix of which each row has only some terms.

    Examples
    --------
    >>> places = Affine(0, (0, 1)), Affine(9, (3, 1)), Affine(18, (0, 1))
    >>> x, m, y = (LaneFactor("w", place, False, None) for place in places)
    >>> print("\n".join(ragged_of_each(x, m, y, RaggedTerms(3, 0, 4))))
    for r in range(3):
        w[r + 18] = 0.0
        for p in range(places[r], places[r + 1]):
            k = places[p + 4]
            a = w[3 * r + k + 9]
            w[r + 18] = add_product(w[r + 18], a, w[k])
    """
    target = out.factor().at("0", "r")
    left, right = matrix.factor().at("r", "k"), vector.factor().at("0", "k")
    # What no lane changes is loaded before the loop over lanes.
    before = [] if matrix.lane is not None else [f"a = {left}"]
    added = f"{target} = add_product({target}, {'a' if before else left}, {right})"
    inside = [f"k = places[p + {terms.which}]", *before, *nested(rounded(out.lane), [added])]
    ends = Affine(terms.ends, (1,))
    bounds = f"places[{ends.text(('r',))}], places[{ends._replace(base=terms.ends + 1).text(('r',))}]"
    lines = [*nested(rounded(out.lane), [f"{target} = 0.0"]), f"for p in range({bounds}):"]
    return nested([("r", terms.rows)], [*lines, *(f"    {line}" for line in inside)])


def unless_finite(out: LaneFactor, count: int, name: str, again: Sequence[str]) -> list[str]:
    """Return what runs some lines if any of the results is not finite; `name` is that of what says so.

    Zeros of a matrix that stand for no terms make nan of what is infinite. To leave them out of all products,
    where rows have one to ten terms, takes three times as long as to compute and to look at the results.
    """
    element = out.factor().at("0", "r")
    looked = nested([("r", count), *rounded(out.lane)], [f"{name} = add_product({name}, 0.0, {element})"])
    return [f"{name} = 0.0", *looked, f"if {name} != 0.0:", *(f"    {line}" for line in again)]


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
    if left.lane is not None and right.lane is not None:
        return sums_of_each((left, right), out, sizes)
    rows, columns, place = sizes.rows, sizes.columns, out.place
    if left.lane is not None:
        left, right, rows, columns = right, left, columns, rows
        place = Affine(place.base, place.steps[::-1])
    is_short = sizes.terms <= _FEW_TERMS and not fits_tiles(rows, sizes.terms)
    product = (row_by_row if is_short else rows_of)(
        left.factor(),
        right.factor(row="q", index="c"),
        out._replace(place=place).factor(term="q", index="c"),
        (rows, f"lanes{out.lane}", sizes.terms),
    )
    return nested([("q", columns)], product)


def sums_of_each(
    factors: Sequence[LaneFactor], out: LaneFactor, sizes: Sizes, *, adds: bool = False
) -> list[str]:
    """Return loops for sums of numbers, or of products, for each sample, as `products_of_each` does.

    With `adds`, they are added to what is there.
    """
    is_product = sizes.columns > 0
    second = "q" if is_product else ""
    parts = [factor.factor(row=second if i else "") for i, factor in enumerate(factors)]
    target = out.factor(term=second).at("r", "q")
    lines: list[str] = []
    depth = sizes.terms if sizes.terms <= _FEW_TERMS else 4
    adding = "add" if len(factors) == 1 else "add_product"
    inside = rounded(out.lane)
    whole = sizes.terms - sizes.terms % depth
    if not adds and (whole != depth or sizes.terms > whole):
        lines += nested(inside, [f"{target} = 0.0"])
    for start, end, step in ((0, whole, depth), (whole, sizes.terms, sizes.terms - whole)):
        if start == end:
            continue
        is_only = (start, end, step) == (0, sizes.terms, depth) and whole == depth
        total = "0.0" if is_only and not adds else target
        known: dict[str, str] = {}
        for j in range(step):
            texts = []
            for factor, part in zip(factors, parts, strict=True):
                text = part.at("r", "k", 0, j)
                if factor.lane is None:
                    text = known.setdefault(text, f"a{len(known)}")
                texts.append(text)
            total = f"{adding}({total}, {', '.join(texts)})"
        body = [
            *(f"{name} = {text}" for text, name in known.items()),
            *nested(inside, [f"{target} = {total}"]),
        ]
        lines += [f"for k in range({start}, {end}, {step}):", *(f"    {line}" for line in body)]
    return nested([("r", sizes.rows), ("q", sizes.columns or 1)], lines)


def rows_of_each(
    op: Op, factors: Sequence[LaneFactor], out: LaneFactor, sizes: Sizes, name: str
) -> list[str]:
    """Return loops for a reduction of each row, for each sample; `name` begins the names that it uses."""
    texts = [factor.factor().at("r", "k") for factor in factors]
    lines = over_row(op, name, dict(zip(op.parameters, texts, strict=True)), "k", sizes.terms)
    lines.append(f"{out.factor(term='q').at('r', 'q')} = {name}")
    return nested([("r", sizes.rows), *counted(out.lane)], lines)


def totals_of(
    factors: Sequence[LaneFactor], out: LaneFactor, sizes: Sizes, lane: int, name: str
) -> list[str]:
    """Return loops that add sums over the lanes to what is there.

    Parameters
    ----------
    factors : sequence of LaneFactor
        What is summed, or multiplied and summed.
    out : LaneFactor
        Where the sums go, by row and column.
    sizes : Sizes
        How many there are.
    lane : int
        The axis of the lanes.
    name : str
        What to call a sum.

    Returns
    -------
    list of str
        Lines of Python.
    """
    if sizes.columns:
        left, right = (factor.factor(term="p", index="k") for factor in factors)
        counts = sizes.rows, sizes.columns, f"count{lane}"
        return nested([("p", sizes.terms)], dots_of(left, right, out.factor(), counts, adds=True))
    texts = [factor.factor().at("r", "k") for factor in factors]
    target = out.factor().at("r", "q")
    added = f"{'add' if len(texts) == 1 else 'add_product'}({name}, {', '.join(texts)})"
    inside = nested([("k", sizes.terms), *counted(lane)], [f"{name} = {added}"])
    return nested([("r", sizes.rows)], [f"{name} = 0.0", *inside, f"{target} = {target} + {name}"])
