from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autograd import Value
from autograd.transforms.colouring import number_of, of_columns, of_stars
from autograd.transforms.compression import by_columns_or_rows, by_stars, chosen
from autograd.transforms.dependence import Pattern

MATRICES = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=7))
SYMMETRIC = st.integers(0, 7).flatmap(lambda n: arrays(bool, (n, n))).map(lambda m: m | m.T)


def pattern_of_matrix(matrix: Any) -> Pattern:
    """Return the places of a matrix that are not 0."""
    rows, columns = np.nonzero(matrix)
    return Pattern(matrix.shape, rows, columns)


def numbered(matrix: Any) -> Any:
    """Return a matrix with another number at each place; a symmetric one stays symmetric."""
    numbers = 1.0 + np.arange(matrix.size).reshape(matrix.shape)
    return np.where(matrix, numbers + numbers.T if len(matrix) == matrix.shape[1] else numbers, 0.0)


class Sweeps:
    """Products with a matrix, which are counted."""

    def __init__(self, matrix: Any) -> None:
        self.matrix, self.count = matrix, 0

    def __call__(self, vector: Any) -> list[Value | float]:
        """Return the product with a vector, in which None is 0."""
        self.count += 1
        product: list[Value | float] = (self.matrix @ np.array([x or 0.0 for x in vector])).tolist()
        return product


def band(size: int, width: int) -> Any:
    """Return a symmetric matrix with so many diagonals on each side."""
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    return apart <= width


def arrow(size: int) -> Any:
    """Return a diagonal with a full last row and column."""
    matrix = np.eye(size, dtype=bool)
    matrix[-1, :] = matrix[:, -1] = True
    return matrix


@given(MATRICES)
def test_columns_of_one_colour_meet_in_no_row(matrix: Any) -> None:
    """Each row has at most one number in the columns of a colour; only empty columns have no colour."""
    colours = of_columns(pattern_of_matrix(matrix))
    for colour in set(colours) - {-1}:
        assert matrix[:, np.array(colours) == colour].sum(axis=1).max() == 1
    assert [colour < 0 for colour in colours] == (~matrix.any(axis=0)).tolist()
    assert sorted(set(colours) - {-1}) == list(range(number_of(colours)))


@given(SYMMETRIC)
def test_a_path_of_four_has_three_colours(matrix: Any) -> None:
    """A star colouring gives neighbours two colours, and a path of four vertices three."""
    colours = of_stars(pattern_of_matrix(matrix))
    edges = matrix & ~np.eye(len(matrix), dtype=bool)
    for i, j in np.argwhere(edges):
        assert colours[i] != colours[j]
    for path in permutations(range(len(matrix)), 4):
        if all(edges[i, j] for i, j in pairwise(path)):
            assert len({colours[i] for i in path}) > 2


@pytest.mark.parametrize("mode", ["fwd", "rev", None])
@given(matrix=MATRICES)
def test_any_matrix_is_read_off_its_sums(mode: str | None, matrix: Any) -> None:
    """All numbers of a matrix are found, by as many products as there are colours."""
    matrix, pattern = numbered(matrix), pattern_of_matrix(matrix)
    push, pull = Sweeps(matrix), Sweeps(matrix.T)
    found = np.zeros(matrix.shape)
    found[pattern.rows, pattern.columns] = by_columns_or_rows(pattern, push, pull, mode)
    np.testing.assert_array_equal(found, matrix)
    direction, colours = chosen(pattern, mode)
    assert (push.count, pull.count) == (
        (number_of(colours), 0) if direction == "fwd" else (0, number_of(colours))
    )
    assert direction == (mode or direction)


@given(SYMMETRIC)
def test_any_symmetric_matrix_is_read_off_its_sums(matrix: Any) -> None:
    """All numbers of a symmetric matrix are found, by as many products as a star colouring has colours."""
    matrix, pattern = numbered(matrix), pattern_of_matrix(matrix)
    push = Sweeps(matrix)
    found = np.zeros(matrix.shape)
    found[pattern.rows, pattern.columns] = by_stars(pattern, push)
    np.testing.assert_array_equal(found, matrix)
    assert push.count == number_of(of_stars(pattern))


@pytest.mark.parametrize(
    ("matrix", "columns", "stars"),
    [
        (np.eye(30, dtype=bool), 1, 1),
        (band(30, 1), 3, 3),
        (band(30, 2), 5, 5),
        (arrow(30), 30, 2),
        (arrow(30)[::-1, ::-1], 30, 2),
        (np.kron(np.eye(5, dtype=bool), np.ones((3, 3), dtype=bool)), 3, 3),
        (np.ones((6, 6), dtype=bool), 6, 6),
    ],
    ids=["diagonal", "tridiagonal", "pentadiagonal", "arrow", "arrow up", "blocks", "dense"],
)
def test_known_matrices(matrix: Any, columns: int, stars: int) -> None:
    """Matrices of a known form have as few colours as there can be, or as the literature gives."""
    pattern = pattern_of_matrix(matrix)
    assert (number_of(of_columns(pattern)), number_of(of_stars(pattern))) == (columns, stars)


@pytest.mark.parametrize(("shape", "expected"), [((1, 9), "rev"), ((9, 1), "fwd"), ((9, 9), "fwd")])
def test_the_smaller_number_of_sweeps(shape: tuple[int, int], expected: str) -> None:
    """Of columns and rows those are taken that need fewer sweeps."""
    assert chosen(pattern_of_matrix(np.ones(shape, dtype=bool)))[0] == expected


@pytest.mark.parametrize("colouring", [of_columns, of_stars])
def test_an_arrow_of_any_size(colouring: Callable[[Pattern], list[int]]) -> None:
    """A column with 20,000 numbers takes no longer to colour than its numbers are, not the square of that."""
    size = 20_000
    tips, hub = np.arange(size), np.full(size, size)
    pattern = Pattern((size + 1, size + 1), np.append(tips, size), np.append(tips, size))
    far = np.concatenate([tips, hub]), np.concatenate([hub, tips])
    rows = np.concatenate([pattern.rows, far[0]] if colouring is of_stars else [pattern.rows, tips])
    columns = np.concatenate([pattern.columns, far[1]] if colouring is of_stars else [pattern.columns, hub])
    order = np.lexsort((columns, rows))
    assert number_of(colouring(Pattern(pattern.shape, rows[order], columns[order]))) == 2
