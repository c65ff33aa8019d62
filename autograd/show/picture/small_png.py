"""PNG images of at most 256 colours, a quarter as large as others: a notebook stores two of each picture."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = ">IIBBBBB"
_WHITE = (255, 255, 255)

# The library that chooses the colours keeps 5 or 6 bits of each part.
_ERROR = 4


def repaired(png: bytes, source: str) -> bytes:
    r"""Return an image that ``dot -Tpng:cairo:gd`` wrote with the picture's own colours, and without an edge.

    Colours come out as those in the middle of 4 or 8 shades, so that white is #fcfefc; and the last row and
    column, which the picture covers in part, come out grey.

    Parameters
    ----------
    png : bytes
        The image.
    source : str
        The picture in Graphviz's DOT language, whose colours are exact.

    Returns
    -------
    bytes
        The image; unchanged if it has no palette.

    Examples
    --------
    >>> rows = bytes([0, 0, 0, 0, 0, 0])
    >>> parts = [(b"IHDR", struct.pack(_HEADER, 2, 2, 8, 3, 0, 0, 0)), (b"PLTE", bytes([252, 254, 252]))]
    >>> image = _SIGNATURE + b"".join(_chunk(*part) for part in [*parts, (b"IDAT", zlib.compress(rows))])
    >>> dict(_chunks(repaired(image, "digraph { }")))[b"PLTE"]
    b'\xff\xff\xff'
    """
    parts: dict[bytes, bytes] = {}
    for kind, data in _chunks(png):
        parts[kind] = parts.get(kind, b"") + data
    width, height, depth, colours, *rest = struct.unpack(_HEADER, parts[b"IHDR"])
    rows = zlib.decompress(parts[b"IDAT"])
    stride = width + 1
    # A palette of 8 bits, without interlacing, whose rows are not stored as differences.
    if (depth, colours, rest[-1]) != (8, 3, 0) or any(rows[::stride]):
        return png
    exact = [_parts(colour) for colour in re.findall(r"#[0-9a-f]{6}\b", source)]
    palette = [tuple(parts[b"PLTE"][i : i + 3]) for i in range(0, len(parts[b"PLTE"]), 3)]
    palette = [_nearest(colour, [*exact, _WHITE, (0, 0, 0)], _ERROR) for colour in palette]
    # Where there are many colours, that of the paper may have been mixed with a pale one.
    paper = re.search(r'bgcolor="(#[0-9a-f]{6})"', source)
    palette[rows[1]] = _nearest(palette[rows[1]], [_parts(paper[1]) if paper else _WHITE], 4 * _ERROR)
    parts |= {
        b"IHDR": struct.pack(_HEADER, width - 1, height - 1, depth, colours, *rest),
        b"PLTE": bytes(part for colour in palette for part in colour),
        b"IDAT": zlib.compress(b"".join(rows[i * stride : i * stride + width] for i in range(height - 1)), 9),
    }
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts.items())


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def _nearest(colour: tuple[int, ...], others: list[tuple[int, ...]], most: int) -> tuple[int, ...]:
    """Return the most similar colour, if no part of it differs by more."""

    def difference(other: tuple[int, ...]) -> int:
        return max(abs(a - b) for a, b in zip(colour, other, strict=True))

    other = min(others, key=difference)
    return other if difference(other) <= most else colour


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the parts of an image: the kind and the data of each."""
    at = len(_SIGNATURE)
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += size + 12


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
