"""Sparse matrices: those of SciPy for numbers, and `SparseValues` for `Value`s, which SciPy cannot hold."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..functions.axes import ElementsNeededError
from ..functions.generated import dot
from ..functions.value_array import values_array
from .dependence import Pattern


def check_scipy() -> None:
    """Raise where SciPy is not installed.

    Raises
    ------
    ModuleNotFoundError
        With what to install.
    """
    # Looked for, not imported: that takes as long as `import autograd`.
    if find_spec("scipy") is None:
        raise ModuleNotFoundError("sparse derivatives need SciPy: pip install 'chainrule[sparse]'")


class SparseValues:
    """A sparse matrix of `Value`s, by rows, as `scipy.sparse.csr_array` is for numbers.

    A sparse Jacobian is one where it may be differentiated again, and while `jit` traces. What `jit` returns
    is a matrix of SciPy again.

    Attributes
    ----------
    data : ndarray
        The numbers that are stored, row by row.
    indices, indptr : ndarray of int
        The column of each, and where each row begins; at last how many there are.
    shape : tuple of int
        How many rows and columns there are.

    Examples
    --------
    >>> from autograd import Value
    >>> matrix = SparseValues([Value(3.0), Value(4.0)], [1, 0], [0, 1, 2], (2, 2))
    >>> matrix
    <SparseValues of shape (2, 2) with 2 numbers>
    >>> matrix @ np.array([10.0, 100.0])
    array([Value(300.0, op='dot'), Value(40.0, op='dot')], dtype=object)
    """

    def __init__(self, data: Any, indices: Any, indptr: Any, shape: tuple[int, int]) -> None:
        data = np.asarray(data)
        self.data = values_array(data) if data.dtype == object else data
        self.indices, self.indptr, self.shape = np.asarray(indices), np.asarray(indptr), shape
        if self.data.shape != self.indices.shape:
            raise TypeError(
                f"expected a number for each of {self.indices.size} places of a sparse matrix, got "
                f"{self.data.shape}: a sparse matrix has two axes, and vmap or a derivative adds one; return "
                "its .data from the function, the numbers as an array"
            )

    @property
    def nnz(self) -> int:
        """The number of stored numbers."""
        return len(self.indices)

    def toarray(self) -> Any:
        """Return the matrix as an array, with 0.0 where nothing is stored."""
        array = np.zeros(self.shape, dtype=object)
        array += 0.0
        array[np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices] = self.data
        return values_array(array)

    def __matmul__(self, other: Any) -> Any:
        """Return the product with a vector, or with the columns of a matrix."""
        other = np.asarray(other)
        if other.ndim not in (1, 2) or other.shape[0] != self.shape[1]:
            raise ValueError(
                f"expected a vector or matrix of {self.shape[1]} rows to multiply, got {other.shape}"
            )
        columns = other.reshape(len(other), -1)
        product = np.empty((self.shape[0], columns.shape[1]), dtype=object)
        for i, (start, end) in enumerate(zip(self.indptr[:-1], self.indptr[1:], strict=True)):
            rows = columns[self.indices[start:end]]
            for j in range(columns.shape[1]):
                product[i, j] = dot(self.data[start:end], rows[:, j])
        return values_array(product.reshape(self.shape[0], *other.shape[1:]))

    @property
    def parts(self) -> tuple[Any]:
        """What a tree has of it, as of a container with one item: its numbers."""
        return (self.data,)

    def rebuilt(self, parts: Sequence[Any]) -> Any:
        """Return the matrix of other numbers: one of SciPy, if they are no `Value`s.

        Parameters
        ----------
        parts : sequence of one array
            What a tree has of a matrix, as of a container with one item: its numbers.
        """
        (data,) = parts
        if np.asarray(data).dtype == object or np.shape(data) != self.indices.shape:
            return SparseValues(data, self.indices, self.indptr, self.shape)
        from scipy.sparse import csr_array

        # Copies, because a user may remove zeros in place.
        return csr_array((data, self.indices.copy(), self.indptr.copy()), shape=self.shape)

    def __repr__(self) -> str:
        return f"<SparseValues of shape {self.shape} with {self.nnz} numbers>"


class SparseBlocks:
    """A sparse matrix of numbers that vary along an axis of a trace: what `jit` makes a matrix of.

    Parameters
    ----------
    parts : tuple of WholeArray
        The numbers of each sample. Numbers at one place are added up.
    rows, columns : ndarray of int
        Where the first number of each sample stands, then where the second does, ...
    shape : tuple of int
        How many rows and columns there are.
    """

    def __init__(self, parts: tuple[Any, ...], rows: Any, columns: Any, shape: tuple[int, int]) -> None:
        self.parts, self.shape = parts, shape
        keys = rows * max(shape[1], 1) + columns
        self._order = np.argsort(keys, kind="stable")
        sorted_keys = keys[self._order]
        is_new = np.diff(sorted_keys, prepend=-1) > 0
        self._starts = np.flatnonzero(is_new)
        found, self._indices = np.divmod(sorted_keys[is_new], max(shape[1], 1))
        self._indices = self._indices.astype(np.int32)
        self._indptr = np.searchsorted(found, np.arange(shape[0] + 1)).astype(np.int32)

    def rebuilt(self, parts: Sequence[Any]) -> Any:
        """Return the matrix of SciPy of other numbers."""
        from scipy.sparse import csr_array

        # Programs compute a number of all samples after the other: this is mostly a view.
        flat = [np.ravel(part.T) for part in parts]
        data = (flat[0] if len(flat) == 1 else np.concatenate([np.empty(0), *flat]))[self._order]
        if len(self._starts) < len(data):
            data = np.add.reduceat(data, self._starts)
        return csr_array((data, self._indices.copy(), self._indptr.copy()), shape=self.shape)

    def _elements(self, *_: Any) -> Any:
        """Have the function traced again, since numbers are used one by one before the program runs."""
        raise ElementsNeededError

    data = indices = indptr = nnz = property(_elements)
    toarray = __matmul__ = _elements


class Entries:
    """The numbers at the places of a pattern, on their way into matrices.

    Parameters
    ----------
    pattern : Pattern
        The places.
    data : ndarray
        The number at each.
    """

    def __init__(self, pattern: Pattern, data: Any) -> None:
        self.pattern, self.data = pattern, data

    def take(self, indices: Any, axis: int) -> Entries:
        """Return some neighbouring rows, or columns, as `numpy.take` does."""
        (height, width), rows, columns = self.pattern
        start, count = (indices[0] if len(indices) else 0), len(indices)
        if axis == 0:
            # Found, not compared one by one: a module has a row and a column of blocks for each parameter.
            inside = slice(*np.searchsorted(rows, [start, start + count]))
            return Entries(Pattern((count, width), rows[inside] - start, columns[inside]), self.data[inside])
        chosen = (columns >= start) & (columns < start + count)
        return Entries(Pattern((height, count), rows[chosen], columns[chosen] - start), self.data[chosen])

    def matrix(self, *, of_values: bool) -> Any:
        """Return them as a matrix: one of SciPy, or `SparseValues`."""
        rows = np.searchsorted(self.pattern.rows, np.arange(self.pattern.shape[0] + 1))
        # SciPy's choice: 64 bits take twice the memory, and are copied for each product.
        columns, rows = self.pattern.columns.astype(np.int32), rows.astype(np.int32)
        matrix = SparseValues(self.data, columns, rows, self.pattern.shape)
        return matrix if of_values else matrix.rebuilt([self.data])
