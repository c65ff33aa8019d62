"""Reading the rows of text files that hold tables."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from pathlib import Path

from .dataset import DatasetError

# The largest text file that is read. What never ends, such as /dev/zero, exceeds it.
_MOST_BYTES = 2**28

# A cell takes up to 60 bytes in memory. Of separators alone, 256 MiB would be as many cells.
_MOST_CELLS = 2**25


def read_rows(file: Path) -> list[tuple[int, list[str]]]:
    """Return the rows that are not blank, each with its number and as many cells as the first."""
    text = _read_text(file)
    delimiter = _delimiter(text)
    if text.count(delimiter) + text.count("\n") > _MOST_CELLS:
        raise DatasetError(f"{file}: holds more than {_MOST_CELLS:,} cells; pass a part of it")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise DatasetError(f"{file}: row {reader.line_num}: {error}") from error
    if not rows:
        raise DatasetError(f"{file}: is empty")
    first, header = rows[0]
    for number, cells in rows:
        if len(cells) != len(header):
            raise DatasetError(
                f"{file}: row {number} has {len(cells)} cells, but row {first} has {len(header)}"
            )
    return rows


def _read_text(file: Path) -> str:
    """Return the text of a file, which may be compressed by gzip."""
    try:
        with open(file, "rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror}") from error
    if content.startswith(b"\x1f\x8b"):
        content = _unpacked(file, content)
    if len(content) > _MOST_BYTES:
        raise DatasetError(
            f"{file}: holds more than {_MOST_BYTES / 2**20:g} MiB, or never ends; pass a part of it"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file}: is not a text in UTF-8 (at byte {error.start})") from error


def _unpacked(file: Path, content: bytes) -> bytes:
    """Return what gzip has compressed, up to one byte more than is allowed."""
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            return stream.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{file}: is compressed by gzip, and damaged: {error}") from error


def _delimiter(text: str) -> str:
    """Return the delimiter that occurs most often in the header, outside of quotes."""
    header = text.lstrip().partition("\n")[0]
    return max(",;\t", key=re.sub('"[^"]*"', "", header).count)
