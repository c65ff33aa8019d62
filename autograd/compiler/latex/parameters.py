"""Formulas by the parameters of modules, which a program takes as one long vector each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .algebra import rewritten
from .index_notation import Entry, Expression, Letter, Listing, Subscript, index_of, letters_in
from .reading import ArrayFormula, ArrayPiece, Key, ProgramFormulas
from .symbols import ParameterArray


def by_parameters(
    program: ProgramFormulas,
    arguments: Mapping[int, Sequence[ParameterArray]],
    gradients: Mapping[int, int],
) -> ProgramFormulas:
    """Return formulas in which the parameters of modules are arrays by themselves.

    Parameters
    ----------
    program : ProgramFormulas
        The formulas.
    arguments : mapping of int to sequence of ParameterArray
        The arrays that the parameters of an argument form, if it is a module.
    gradients : mapping of int to int
        Of which argument a result is the gradient.

    Examples
    --------
    >>> by_parameters(ProgramFormulas(), {}, {}).arrays
    {}
    """
    places = {k: _places(arrays) for k, arrays in arguments.items()}

    def named(part: Expression) -> Expression | None:
        match part:
            case Entry(("argument", int(k)), (index,), False) if k in arguments:
                found = _coordinates(index, arguments[k], places[k])
                if found is not None:
                    which, at = found
                    return Entry(("parameter", k, which), at)
        return None

    arrays: dict[Key, ArrayFormula] = {}
    for key, array in program.arrays.items():
        pieces = [ArrayPiece(piece.at, rewritten(piece.expression, named)) for piece in array.pieces]
        k = gradients.get(key[1]) if key[0] == "result" and len(key) == 2 else None
        if k is None or k not in arguments:
            arrays[key] = replace(array, pieces=pieces)
            continue
        rest = []
        for piece in pieces:
            own = _own_array(key, piece, arguments[k], places[k])
            if own is None:
                rest.append(piece)
            else:
                arrays[own.key] = own
        if rest:
            arrays[key] = replace(array, pieces=rest)
    shapes = {
        ("parameter", k, which): array.shape
        for k, own in arguments.items()
        for which, array in enumerate(own)
    }
    return replace(program, arrays=arrays, shapes={**program.shapes, **shapes})


_Places = dict[int, tuple[int, int]]


def _places(arrays: Sequence[ParameterArray]) -> _Places:
    """Return for each parameter the array that it is in, and its position there."""
    return {
        position: (which, place)
        for which, array in enumerate(arrays)
        for place, position in enumerate(array.positions)
    }


def _own_array(
    key: Key, piece: ArrayPiece, arrays: Sequence[ParameterArray], places: _Places
) -> ArrayFormula | None:
    """Return the gradient of a whole array of parameters as an array by itself."""
    found = _coordinates(piece.at[0], arrays, places)
    if found is None:
        return None
    which, at = found
    for index, n in zip(at, arrays[which].shape, strict=True):
        if n > 1 and not (isinstance(index, Letter) and index.length == n):
            return None
    letters = tuple([index for index in at if isinstance(index, Letter)])
    if len(set(letters)) < len(letters):
        return None
    return ArrayFormula((*key, which), letters, [ArrayPiece(letters, piece.expression)])


def _coordinates(
    index: Subscript, arrays: Sequence[ParameterArray], places: _Places
) -> tuple[int, tuple[Subscript, ...]] | None:
    """Return the array that some parameters are in, and their indices there."""
    letters = letters_in(index)
    positions = _positions(index, letters)
    found = [places.get(position) for position in positions.ravel().tolist()]
    whiches = {place[0] if place else None for place in found}
    if len(whiches) != 1 or None in whiches:
        return None
    (which,) = whiches
    assert which is not None
    shape = arrays[which].shape
    flat: npt.NDArray[np.intp] = np.array([place[1] for place in found if place]).reshape(positions.shape)
    coordinates = np.unravel_index(flat, shape or (1,))
    return which, tuple([index_of(np.asarray(c), letters) for c in coordinates[: len(shape)]])


def _positions(index: Subscript, letters: Sequence[Letter]) -> npt.NDArray[np.intp]:
    """Return the value of an index for each value of its letters."""
    lengths = [letter.length or 0 for letter in letters]
    if isinstance(index, Listing):
        return np.array(index.positions).reshape(index.lengths)
    if isinstance(index, Letter):
        return np.arange(lengths[0])
    found: npt.NDArray[np.intp] = np.full(lengths, index.start)
    for place, (_, step) in enumerate(index.steps):
        shape = [lengths[d] if d == place else 1 for d in range(len(lengths))]
        found = found + step * np.arange(lengths[place]).reshape(shape)
    return found
