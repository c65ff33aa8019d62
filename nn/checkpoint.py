"""Saving the parameters of a model, and loading them."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autograd.files import write_whole

from .module import Module


def save(model: Module, path: str | os.PathLike[str], **extras: npt.ArrayLike) -> None:
    """Write the parameters of a model to a NumPy archive, without pickle.

    Parameters
    ----------
    model : Module
        The model.
    path : path-like
        The file, ending in ``.npz``. It holds the arrays ``names`` and ``values``.
    **extras : array_like
        More arrays to keep beside them, such as the scale of the inputs.

    Raises
    ------
    ValueError
        For another suffix, or an extra that is called ``names`` or ``values`` or holds objects.
    OSError
        If the file cannot be written; an older one is then left as it was.

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
        raise ValueError(f"parameters are saved to a file ending in .npz, but the path is {str(target)!r}")
    taken = {"names", "values"} & set(extras)
    if taken:
        raise ValueError(f"the arrays of the parameters are called {taken}; call the extra something else")
    state = model.state_dict()
    write_whole(target, _archive({"names": list(state), "values": list(state.values()), **extras}))


def _archive(arrays: Mapping[str, npt.ArrayLike]) -> bytes:
    """Return what `numpy.savez` writes, which itself pickles objects and reserves some names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def load(model: Module, path: str | os.PathLike[str]) -> None:
    """Assign to a model the parameters that `save` wrote.

    Parameters
    ----------
    model : Module
        A model of the same structure.
    path : path-like
        The file.

    Raises
    ------
    ValueError
        If the file is not such an archive, or its names do not fit the model.
    OSError
        If it cannot be read.
    """
    content = io.BytesIO(Path(path).read_bytes())
    try:
        archive = np.load(content, allow_pickle=False)
        state = dict(zip(archive["names"].tolist(), archive["values"].tolist(), strict=True))
    # A damaged archive makes zipfile and NumPy raise a dozen kinds of errors, NotImplementedError among them.
    except Exception as error:
        raise ValueError(f"{str(path)!r} does not hold the parameters of a model: {error}") from error
    model.load_state_dict(state)
