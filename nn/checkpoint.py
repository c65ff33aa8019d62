"""Saving the parameters of a model, and loading them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .modules.module import Module
from .saving.archives import read_archive, write_archive

# A file of another model is unpacked up to this size, so that the error can list its names.
_ROOM = 2**22


def save(model: Module, path: str | os.PathLike[str], **extras: npt.ArrayLike) -> None:
    """Write the parameters of a model to a NumPy archive, without pickle.

    Parameters
    ----------
    model : Module
        The model.
    path : path-like
        The file, whose name ends in ``.npz``. It holds the arrays ``names`` and ``values``.
    **extras : array_like
        Further arrays to save with them, such as the scale of the inputs.

    Raises
    ------
    ValueError
        For another suffix, or an extra array that is called ``names``, ``values`` or ``description`` or holds
        objects.
    OSError
        If the file cannot be written. An older file is not changed then.

    Examples
    --------
    >>> import tempfile
    >>> from nn import Neuron
    >>> model, copy = Neuron(2, rng=0), Neuron(2, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/weights.npz")
    ...     load(copy, f"{folder}/weights.npz")
    >>> copy.state_dict() == model.state_dict()
    True
    """
    taken = {"names", "values"} & set(extras)
    if taken:
        raise ValueError(f"the arrays of the parameters are called {taken}; call the extra something else")
    state = model.state_dict()
    names, values = np.array(list(state), dtype=np.str_), np.array(list(state.values()), dtype=float)
    write_archive(path, {"names": names, "values": values, **extras}, {})


def load(model: Module, path: str | os.PathLike[str]) -> None:
    """Assign the parameters that `save` wrote to a model.

    Parameters
    ----------
    model : Module
        A model of the same structure.
    path : path-like
        The file.

    Raises
    ------
    ValueError
        If the file is not such an archive, or its names are not those of the model, which is not changed
        then. An archive that would unpack to much more than the model needs is refused.
    OSError
        If it cannot be read.
    """
    model.load_state_dict(_read_state(path, list(model.state_dict())))


def _read_state(path: str | os.PathLike[str], wanted: Sequence[str]) -> dict[str, float]:
    """Return the numbers in an archive by name; the wanted names limit how much is unpacked."""
    largest = max([len(name) for name in wanted], default=0) * np.dtype("U1").itemsize
    room = _ROOM + 4 * len(wanted) * max(largest, np.dtype(float).itemsize)
    what, columns = "the parameters of a model", ("names", "values")
    arrays, _ = read_archive(path, most_bytes=room, what=what, only=columns)
    try:
        return _state(*(arrays[name] for name in columns))
    except KeyError as error:
        raise ValueError(f"{os.fspath(path)!r} does not hold {what}: it has no array {error}") from None
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} does not hold {what}: {error}") from None


def _state(names: npt.NDArray[Any], values: npt.NDArray[Any]) -> dict[str, float]:
    if names.dtype.kind != "U" and names.size:
        raise ValueError(f"its names are of the type {names.dtype}, and not texts")
    if values.dtype.kind not in "fiu":
        raise ValueError(f"its values are of the type {values.dtype}, and not real numbers")
    if not names.ndim == values.ndim == 1:
        raise ValueError(
            f"its names and values are of the shapes {names.shape} and {values.shape}, not lists"
        )
    if len(set(names.tolist())) < len(names):
        raise ValueError("its names are not all different")
    return dict(zip(names.tolist(), values.astype(float).tolist(), strict=True))
