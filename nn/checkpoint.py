"""Saving the parameters of a model, and loading them."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from autograd.files import write_whole

from .modules.module import Module

# A file of another model is unpacked up to this size, so that the error can list its names.
_ROOM = 2**22

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


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
        For another suffix, or an extra array that is called ``names`` or ``values`` or holds objects.
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
    target = Path(path)
    if target.suffix != ".npz":
        raise ValueError(f"expected a path ending in .npz, got {str(target)!r}")
    taken = {"names", "values"} & set(extras)
    if taken:
        raise ValueError(f"the arrays of the parameters are called {taken}; call the extra something else")
    state = model.state_dict()
    names, values = np.array(list(state), dtype=np.str_), np.array(list(state.values()), dtype=float)
    write_whole(target, _archive({"names": names, "values": values, **extras}))


def _archive(arrays: Mapping[str, npt.ArrayLike]) -> bytes:
    """Return what `numpy.savez` would write, but without pickled objects and reserved names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


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
    with open(path, "rb") as file:
        try:
            state = _read_state(file, list(model.state_dict()))
        # For damaged files zipfile and NumPy raise a dozen kinds of errors, even NotImplementedError.
        except Exception as error:
            raise ValueError(f"{str(path)!r} does not hold the parameters of a model: {error}") from error
    model.load_state_dict(state)


def _read_state(file: IO[bytes], wanted: Sequence[str]) -> dict[str, float]:
    """Return the numbers in an archive by name; the wanted names limit how much is unpacked."""
    largest = max([len(name) for name in wanted], default=0) * np.dtype("U1").itemsize
    room = _ROOM + 4 * len(wanted) * max(largest, np.dtype(float).itemsize)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        # zipfile would look for the end of /dev/zero at its beginning, and then read zeros for ever.
        raise ValueError("it is a device or a pipe, and not a file")
    with zipfile.ZipFile(file) as archive:
        names, values = (_read_column(archive, name, room) for name in ("names", "values"))
    if names.dtype.kind != "U" and names.size:
        raise ValueError(f"its names are of the type {names.dtype}, and not texts")
    if values.dtype.kind not in "fiu":
        raise ValueError(f"its values are of the type {values.dtype}, and not real numbers")
    if len(set(names.tolist())) < len(names):
        raise ValueError("its names are not all different")
    return dict(zip(names.tolist(), values.astype(float).tolist(), strict=True))


def _read_column(archive: zipfile.ZipFile, name: str, room: int) -> npt.NDArray[Any]:
    """Return a 1-D array of an archive, after checking the size that it unpacks to."""
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > room:
        raise ValueError(
            f"its {name} unpack to {member.file_size:,} bytes, far more than the model could use"
        )
    with archive.open(member) as unpacked:
        # At most the stated size, which may be wrong: without a limit, everything would be unpacked.
        stream = io.BytesIO(unpacked.read(member.file_size))
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"its {name} have a header of the version {version}")
    shape, _, dtype = _HEADERS[version](stream)
    if len(shape) != 1 or dtype.hasobject:
        raise ValueError(f"its {name} are an array of {dtype} of shape {shape}, and not a list")
    # Not by NumPy's own reader, which allocates what the header states before it reads any data.
    return np.frombuffer(stream.read(), dtype, count=shape[0])
