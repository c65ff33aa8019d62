"""Write matrix products as loops over tiles that fit into registers.

A product sums ``left[r, k] * right[c, k]`` over k. Its innermost loop runs over contiguous memory, so that a
compiler can vectorise it:

- `rows_of`: over c, where the columns of `right` are contiguous. Four rows and four terms at once take 4
  loads and 4 stores for 16 products, where one at a time would take 2 and 1 for each. 16 x 16 x 100 takes
  1.0 us, which is one vector of eight products a cycle.
- `dots_of`: over k, where the rows of both are contiguous. Four by four sums at once take 8 loads for 16
  products (1.2 us).
- `row_by_row`: over c, where terms are few. All of them at once take a load for each product, and no tiles of
  other sizes at the edges, each of which takes as long to compile: 10 x 10 rows and terms have three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from .affine import Affine

_TILE = 4


class Factor(NamedTuple):
    """A factor in memory: which array, and where its rows and terms stand.

    Attributes
    ----------
    array : str
        The array.
    place : Affine
        The position by row and term.
    lane : str
        What is added for the lane of a sample.
    row, term : str
        Indices in place of those that a loop has for its rows and terms, which are lanes then.
    is_listed : bool
        Whether `place` is where in ``places`` the position stands.
    """

    array: str
    place: Affine
    lane: str = ""
    row: str = ""
    term: str = ""
    is_listed: bool = False

    def at(self, row: str, term: str, row_offset: int = 0, term_offset: int = 0) -> str:
        """Return the element of a row and a term, each an index and an offset.

        Examples
        --------
        >>> Factor("w", Affine(5, (10, 1))).at("r", "k", 2)
        'w[10 * r + k + 25]'
        """
        rows, terms = self.place.steps
        base = self.place.base + rows * row_offset + terms * term_offset
        text = Affine(base, (rows, terms)).text((self.row or row, self.term or term))
        return f"{self.array}[{f'places[{text}]' if self.is_listed else text}{self.lane}]"


Size = int | str
"""How many, or what says so when the program runs."""


def rows_of(left: Factor, right: Factor, out: Factor, sizes: tuple[int, Size, int]) -> list[str]:
    r"""Return loops for a product whose right factor has contiguous columns.

    Parameters
    ----------
    left, right : Factor
        The factors, by row and term and by column and term.
    out : Factor
        Where the result goes, by row and column.
    sizes : (int, int or str, int)
        Rows, columns, and terms.

    Returns
    -------
    list of str
        Lines of Python.

    Examples
    --------
    >>> places = Affine(0, (1, 1)), Affine(1, (1, 9)), Affine(10, (9, 1))
    >>> a, b, c = (Factor("w", place) for place in places)
    >>> print("\n".join(rows_of(a, b, c, (1, 9, 1))))
    for r in range(0, 1, 1):
        for c in range(9):
            w[9 * r + c + 10] = 0.0
        for k in range(0, 1, 1):
            a00 = w[r + k]
            for c in range(9):
                b0 = w[c + 9 * k + 1]
                w[9 * r + c + 10] = add_product(w[9 * r + c + 10], a00, b0)
    """
    rows, columns, terms = sizes
    lines: list[str] = []
    for row, height, end in _tiles(rows):
        targets = [out.at("r", "c", i) for i in range(height)]
        lines += [f"for r in range({row}, {end}, {height}):", f"    for c in range({columns}):"]
        lines += [f"        {target} = 0.0" for target in targets]
        for term, depth, last in _tiles(terms):
            lines.append(f"    for k in range({term}, {last}, {depth}):")
            pairs = [(i, j) for i in range(height) for j in range(depth)]
            lines += [f"        a{i}{j} = {left.at('r', 'k', i, j)}" for i, j in pairs]
            lines.append(f"        for c in range({columns}):")
            lines += [f"            b{j} = {right.at('c', 'k', 0, j)}" for j in range(depth)]
            for i, target in enumerate(targets):
                total = target
                for j in range(depth):
                    total = f"add_product({total}, a{i}{j}, b{j})"
                lines.append(f"            {target} = {total}")
    return lines


def row_by_row(left: Factor, right: Factor, out: Factor, sizes: tuple[int, Size, int]) -> list[str]:
    r"""Return loops for a product of few terms; the arguments of `rows_of`.

    Examples
    --------
    >>> places = Affine(0, (2, 1)), Affine(6, (1, 9)), Affine(24, (9, 1))
    >>> a, b, c = (Factor("w", place) for place in places)
    >>> print("\n".join(row_by_row(a, b, c, (3, 9, 2))))
    for r in range(3):
        a0 = w[2 * r]
        a1 = w[2 * r + 1]
        for c in range(9):
            w[9 * r + c + 24] = add_product(add_product(0.0, a0, w[c + 6]), a1, w[c + 15])
    """
    rows, columns, terms = sizes
    total = "0.0"
    for j in range(terms):
        total = f"add_product({total}, a{j}, {right.at('c', '0', 0, j)})"
    return [
        f"for r in range({rows}):",
        *(f"    a{j} = {left.at('r', '0', 0, j)}" for j in range(terms)),
        f"    for c in range({columns}):",
        f"        {out.at('r', 'c')} = {total}",
    ]


def fits_tiles(rows: int, terms: int) -> bool:
    """Return whether tiles of `rows_of` cover so many rows and terms without smaller ones at the edges.

    Examples
    --------
    >>> fits_tiles(16, 2), fits_tiles(10, 8)
    (True, False)
    """
    return all(count < _TILE or not count % _TILE for count in (rows, terms))


def dots_of(
    left: Factor, right: Factor, out: Factor, sizes: tuple[int, int, Size], *, adds: bool = False
) -> list[str]:
    r"""Return loops for a product of which both factors have contiguous rows; the arguments of `rows_of`.

    With `adds`, the product is added to what is there.

    Examples
    --------
    >>> a, b, c = (Factor("w", Affine(base, (0, 1))) for base in (0, 9, 18))
    >>> print("\n".join(dots_of(a, b, c, (1, 1, 9))))
    for r in range(0, 1, 1):
        for c in range(0, 1, 1):
            s00 = 0.0
            for k in range(9):
                a0 = w[k]
                b0 = w[k + 9]
                s00 = add_product(s00, a0, b0)
            w[c + 18] = s00
    """
    rows, columns, terms = sizes
    lines: list[str] = []
    sides = _sides(rows, columns)
    for row, height, row_end in _tiles(rows, sides[0]):
        lines.append(f"for r in range({row}, {row_end}, {height}):")
        for column, width, end in _tiles(columns, sides[1]):
            pairs = [(i, j) for i in range(height) for j in range(width)]
            lines.append(f"    for c in range({column}, {end}, {width}):")
            lines += [f"        s{i}{j} = 0.0" for i, j in pairs]
            lines.append(f"        for k in range({terms}):")
            lines += [f"            a{i} = {left.at('r', 'k', i)}" for i in range(height)]
            lines += [f"            b{j} = {right.at('c', 'k', j)}" for j in range(width)]
            lines += [f"            s{i}{j} = add_product(s{i}{j}, a{i}, b{j})" for i, j in pairs]
            for i, j in pairs:
                target = out.at("r", "c", i, j)
                lines.append(f"        {target} = {f'{target} + ' if adds else ''}s{i}{j}")
    return lines


def sums_across(factors: Sequence[Factor], out: Factor, sizes: tuple[int, ...]) -> list[str]:
    r"""Return loops for sums of numbers, or of products, whose first terms are next to each other.

    The sums run side by side, four terms at once: one after the other, 16 sums of 100 take 2 us, not 0.3.

    Parameters
    ----------
    factors : sequence of Factor
        What is summed, or multiplied and summed, by row and term.
    out : Factor
        Where the sums go, by row.
    sizes : (int, int)
        How many sums of how many terms.

    Returns
    -------
    list of str
        Lines of Python.

    Examples
    --------
    >>> print("\n".join(sums_across(
    ...     [Factor("w", Affine(0, (1, 9)))], Factor("w", Affine(20, (1, 0))), (9, 2))))
    for r in range(9):
        w[r + 20] = 0.0
    for k in range(0, 2, 2):
        for r in range(9):
            w[r + 20] = add(add(w[r + 20], w[r + 9 * k]), w[r + 9 * k + 9])
    """
    rows, terms = sizes
    target = out.at("r", "k")
    lines = [f"for r in range({rows}):", f"    {target} = 0.0"]
    for start, depth, end in _tiles(terms):
        total = target
        for j in range(depth):
            parts = ", ".join(factor.at("r", "k", 0, j) for factor in factors)
            total = f"{'add' if len(factors) == 1 else 'add_product'}({total}, {parts})"
        lines += [f"for k in range({start}, {end}, {depth}):", f"    for r in range({rows}):"]
        lines.append(f"        {target} = {total}")
    return lines


def _tiles(count: int, side: int = _TILE) -> Iterator[tuple[int, int, int]]:
    """Yield start, size of a tile, and end of the runs of tiles that a count is cut into."""
    whole = count - count % side
    if whole:
        yield 0, side, whole
    if count > whole:
        yield whole, count - whole, count


def _sides(rows: int, columns: int) -> tuple[int, int]:
    """Return the sides of tiles: the best for as many sums as there are registers, of those that fit evenly.

    Each smaller tile at an edge is another loop to compile. Ten by ten sums are 2 x 5, not 4 x 4 and more.
    """
    even = [
        (height, width)
        for height in range(1, 6)
        for width in range(1, 6)
        if not rows % height and not columns % width and 6 <= height * width <= _TILE**2
    ]
    return max(even, key=lambda sides: prod(sides) / sum(sides), default=(_TILE, _TILE))
