"""Arrays and a JSON text in one NumPy archive, written whole and read without trust in it."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from autograd.files import NoFileError, opened_file, write_whole

DESCRIPTION = "description"
"""The name under which the JSON text is in an archive, as an array of one text."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def write_archive(
    path: str | os.PathLike[str], arrays: Mapping[str, npt.ArrayLike], described: Mapping[str, Any]
) -> None:
    """Write named arrays and a JSON text to an ``.npz`` file, without pickle.

    Parameters
    ----------
    path : path-like
        The file, whose name ends in ``.npz``.
    arrays : mapping of str to array_like
        The arrays, of any shape and of any type but objects.
    described : mapping
        What `json.dumps` can write. `numpy.load` finds it as the array ``description``, a text, unless it is
        empty.

    Raises
    ------
    ValueError
        For another suffix, an array that is called ``description``, or an array of objects.
    TypeError
        For a description that JSON cannot hold.
    OSError
        If the file cannot be written. An older file is not changed then.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_archive(f"{folder}/run.npz", {"w": [1.0, 2.0]}, {"epoch": 3})
    ...     read_archive(f"{folder}/run.npz", most_bytes=10_000)
    ({'w': array([1., 2.])}, {'epoch': 3})
    """
    target = Path(path)
    if target.suffix != ".npz":
        raise ValueError(f"expected a path ending in .npz, got {str(target)!r}")
    if DESCRIPTION in arrays:
        raise ValueError(f"the array {DESCRIPTION!r} holds the JSON text; call yours something else")
    text = {DESCRIPTION: np.array(json.dumps(described), dtype=np.str_)} if described else {}
    buffer = io.BytesIO()
    # Compressed, a network of 6,570 parameters takes 73 kB in place of 711, most of which are names. Not by
    # `numpy.savez_compressed`, which pickles objects and takes names such as file for its own arguments.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in {**text, **arrays}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    write_whole(target, buffer.getvalue())


def read_archive(
    path: str | os.PathLike[str],
    *,
    most_bytes: int,
    what: str = "arrays and their description",
    only: Collection[str] | None = None,
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read what `write_archive` wrote, from a file that may be damaged or made to do harm.

    Nothing is unpickled or executed, and no memory is allocated for more than is there.

    Parameters
    ----------
    path : path-like
        The file.
    most_bytes : int
        To how many bytes what is read may unpack; a small archive can unpack to a thousand times its size.
    what : str
        What the file should hold, for the error.
    only : collection of str or None
        The names of the arrays to read, those of them that are there; None reads all. The description is
        always read.

    Returns
    -------
    arrays : dict of str to ndarray
        The arrays by name, as they were written.
    described : dict
        The description; empty for an archive without one, such as one of `numpy.savez`.

    Raises
    ------
    ValueError
        If the file is no such archive, is damaged, or unpacks to more.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> read_archive("/dev/zero", most_bytes=100)
    Traceback (most recent call last):
        ...
    ValueError: '/dev/zero' does not hold arrays and their description: it is a device or a pipe, not a file
    """
    try:
        file = opened_file(path)
    except NoFileError as error:
        raise ValueError(f"{os.fspath(path)!r} does not hold {what}: {error}") from None
    with file:
        try:
            return _read(file, most_bytes, only)
        # For damaged files zipfile, NumPy and json raise a dozen kinds of errors, even RecursionError.
        except Exception as error:
            raise ValueError(
                f"{os.fspath(path)!r} does not hold {what}: {error or type(error).__name__}"
            ) from error


def _read(
    file: IO[bytes], most_bytes: int, only: Collection[str] | None
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    with zipfile.ZipFile(file) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise ValueError("its names are not all different")
        if only is not None:
            members = {name: members[name] for name in (DESCRIPTION, *only) if name in members}
        _check_size(members, most_bytes)
        arrays = {name: _read_array(archive, member, name) for name, member in members.items()}
    text = arrays.pop(DESCRIPTION, None)
    if text is None:
        return arrays, {}
    described = json.loads(text.item()) if text.shape == () and text.dtype.kind == "U" else None
    if not isinstance(described, dict):
        raise ValueError(f"its {DESCRIPTION} is not the text of a JSON object")
    return arrays, described


def _check_size(members: Mapping[str, zipfile.ZipInfo], most_bytes: int) -> None:
    total = sum(member.file_size for member in members.values())
    if total > most_bytes:
        largest = max(members, key=lambda name: members[name].file_size)
        raise ValueError(
            f"it unpacks to {total:,} bytes, {members[largest].file_size:,} of them in {largest!r}, "
            f"and at most {most_bytes:,} are expected"
        )


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> npt.NDArray[Any]:
    """Return an array of an archive, whose stated size has been checked."""
    # Of the others, zipfile unpacks all that a piece of the file holds: 2 GiB of zeros from 1,890 bytes.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name!r} is compressed in another way than by deflate")
    with archive.open(member) as unpacked:
        # At most the stated size, which may be wrong: without a limit, everything would be unpacked.
        stream = io.BytesIO(unpacked.read(member.file_size))
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"{name!r} has a header of the version {version}")
    shape, is_fortran, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        raise ValueError(f"{name!r} is an array of {dtype}, which only pickle could read")
    content = stream.read()
    # A text of length 0 has no bytes, and 10^9 of them neither, which as a list take 8 GB.
    stated = math.prod(shape) * max(dtype.itemsize, 1)
    # Not by NumPy's own reader, which allocates what the header states before it reads any data.
    if min(shape, default=0) < 0 or stated != len(content):
        raise ValueError(f"{name!r} has {len(content):,} bytes, and its header states {stated:,}")
    # A copy can be written to, and views of bytes cannot.
    return np.ndarray(shape, dtype, content, order="F" if is_fortran else "C").copy()
