"""Damage files in ways that know their structure: JSON, arrays, archives, programs, lines and cells."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
from test_program_files import put_together, taken_apart

from autograd.compiler.runtime.packing import packed, unpacked
from autograd.studies.results_file import checked_line

MARK = "__import__('os').abort()"
"""What ends the process if somebody executes it."""

NUMBERS = [0, 1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63]


def damaged(data: bytes, rng: Random) -> bytes:
    """Return bytes with something cut off, changed, inserted, repeated or moved."""
    content = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        at = rng.randrange(len(content) + 1)
        size = rng.choice([1, 1, 2, 4, 8, 16, 64, 512])
        way = rng.randrange(9)
        if way == 0:
            del content[at:]
        elif way == 1 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif way == 2:
            content[at : at + 1] = bytes([rng.randrange(256)])
        elif way == 3:
            del content[at : at + size]
        elif way == 4:
            content[at:at] = rng.randbytes(size)
        elif way == 5:
            content[at:at] = content[at : at + size] * rng.choice([1, 2, 100])
        elif way == 6:
            other = rng.randrange(len(content) + 1)
            content[at : at + size] = content[other : other + size]
        elif way == 7:
            length = rng.choice([2, 4, 8])
            number = rng.choice(NUMBERS) % 2 ** (8 * length)
            content[at : at + length] = number.to_bytes(length, rng.choice(["little", "big"]))
        else:
            content[at : at + size] = bytes(size)
    return bytes(content)


OTHERS: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 3),
    *(10**6, 10**12, 2**63, 2**70, 10**400, 0.5, -0.5, 1e308, float("nan")),
    *(float("inf"), "", "x", "number", MARK, "../../x", "\x00", "\ud800", "x" * 5000, [], [[]], {}),
    *({"tuple": []}, {"dict": [[[], 1]]}, {"list": [[10**6, {"list": [[10**6, "number"]]}]]}, [0] * 3000),
    *({"function": "os.system"}, {"own module": "Path", "args": [], "kwargs": {}}, {"same": 0}, {"Value": 1}),
    *({"module": "MLP", "args": [10**5, [10**5]], "kwargs": {}}, {"partial": {"function": "autograd.tanh"}}),
    {"array": ["", "x" * 10**5], "shape": [2], "dtype": "str"},
    {"array": [1], "shape": [], "dtype": "int64"},
    *({"array": [2**32], "shape": [], "dtype": "uint64"}, {"array": ["<U0", [10**9], ""]}),
    *({"array": ["|O", [1], "AAAAAAAAAAA="]}, {"array": ["<f8", [-1], "AAAAAAAAAAA="]}),
]


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the items of a tree of JSON are."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, part in pairs:
        yield (*path, key)
        yield from places(part, (*path, key))


def other_tree(tree: Any, rng: Random) -> Any:
    """Return a tree with something else in it, something less, or a part of it in another place."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        # Nothing in it is in two places, or among the `OTHERS`.
        tree = json.loads(json.dumps(tree))
        where = [*places(tree)]
        if not where:
            return rng.choice(OTHERS)
        *path, last = rng.choice(where)
        part = tree
        for key in path:
            part = part[key]
        way = rng.randrange(8)
        if way == 0:
            del part[last]
        elif way == 1:
            part[last] = [part[last]]
        elif way == 2:
            other = tree
            for key in rng.choice(where):
                other = other[key]
            part[last] = json.loads(json.dumps(other))
        elif way == 3 and isinstance(part[last], int | float):
            part[last] = part[last] * rng.choice([-1, 2, 1000, 0]) + rng.choice([0, 1, -1])
        elif way == 4 and isinstance(part, list):
            part *= rng.choice([2, 3])
        elif way == 5 and isinstance(part, dict):
            part[rng.choice(["x", "", "array", "class", "model", "parameters"])] = rng.choice(OTHERS)
        else:
            part[last] = rng.choice(OTHERS)
    return tree


def other_text(tree: Any, rng: Random) -> str:
    """Return the JSON of another tree: sometimes nested deeply, or with bytes changed."""
    way = rng.randrange(12)
    if way == 0:
        key = rng.choice(["[", '{"a":', '{"tuple": [', '{"module": "Sequential", "kwargs": {}, "args": ['])
        depth = rng.choice([100, 900, 5_000, 100_000])
        return key * depth + "1" + "".join({"[": "]", "{": "}"}.get(c, "") for c in key[::-1]) * depth
    text = json.dumps(other_tree(tree, rng))
    if way == 1:
        return damaged(text.encode(), rng).decode("utf-8", "replace")
    if way == 2:
        return text[:-1] + f', "model": {json.dumps(rng.choice(OTHERS))}}}'
    return text


DTYPES: list[Any] = [
    *(
        "<f8",
        ">f8",
        "<f4",
        "<f2",
        "<i8",
        ">i2",
        "|b1",
        "|u1",
        "<c16",
        "<U0",
        "<U1",
        ">U7",
        "|S3",
        "|V8",
        "|O",
    ),
    *("<M8[s]", "<m8", "<f16", "<U1000000000", "f8,O", "object", "x", "", MARK),
    *([("a", "<f8"), ("b", "|O")], [("a", "<f8", (10**9,))], [("names", "<U3")], ("<f8", (2, 2))),
]
LENGTHS = [-1, 0, 1, 2, 3, 7, 10**6, 10**9, 2**31, 2**62, 2**63, 2**64, 10**40]


def other_array(content: bytes, rng: Random) -> bytes:
    """Return a file of one array with another header, or other numbers."""
    stream = io.BytesIO(content)
    np.lib.format.read_magic(stream)
    is_fortran: Any
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    rest, described = stream.read(), np.lib.format.dtype_to_descr(dtype)
    way = rng.randrange(7)
    if way == 0:
        described = rng.choice(DTYPES)
    elif way == 1:
        shape = tuple(rng.choice(LENGTHS) for _ in range(rng.choice([0, 1, 1, 2, 3, 64, 70])))
    elif way == 2:
        shape, rest = (*shape, rng.choice([0, 1, 10**9])), rest if rng.random() < 0.5 else b""
    elif way == 3:
        is_fortran = rng.choice([True, 1, None, "x"])
    elif way == 4:
        rest = damaged(rest, rng)
    elif way == 5:
        described, shape, rest = rng.choice(DTYPES), (10**9,), b""
    else:
        rest = struct.pack("<d", rng.choice([float("nan"), float("inf"), 1e308, -0.0])) * (len(rest) // 8)
    header = f"{{'descr': {described!r}, 'fortran_order': {is_fortran!r}, 'shape': {shape!r}, }}"
    if rng.random() < 0.1:
        header = damaged(header.encode(), rng).decode("latin-1")
    if rng.random() < 0.05:
        header = rng.choice([MARK, "(" * 9_000, "{" * 9_000, "-" * 9_000, header + "+" * 9_000])
    text = header.encode("latin-1", "replace").ljust(118) + b"\n"
    version = rng.choice([b"\x01\x00"] * 20 + [b"\x02\x00", b"\x03\x00", b"\x09\x00"])
    length = len(text).to_bytes(2 if version[0] != 2 else 4, "little")
    return b"\x93NUMPY" + version + length + text + rest


NAMES = [
    *("../x", "/tmp/x", "a/../../x", "C:\\x", "", "x\x00y"),
    *("names", "values", "description", "x" * 500, "n\n"),
]


def other_archive(data: bytes, rng: Random) -> bytes:
    """Return an archive with other members, or another way to hold them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([*parts])
    way = rng.randrange(9)
    if way <= 2 and "description.npy" in parts:
        text = json.loads(np.load(io.BytesIO(parts["description.npy"])).item())
        stream = io.BytesIO()
        np.save(stream, np.array(other_text(text, rng)))
        parts["description.npy"] = stream.getvalue()
    elif way <= 4:
        parts[name] = other_array(parts[name], rng)
    elif way == 5:
        parts[name] = damaged(parts[name], rng)
    elif way == 6:
        parts[f"{rng.choice(NAMES)}{rng.choice(['.npy', ''])}" or "x"] = parts.pop(name)
    elif way == 7:
        parts[name] = data if rng.random() < 0.3 else bytes(rng.choice([10**3, 10**6, 2 * 10**7]))
    else:
        del parts[name]
    method = rng.choice(
        [zipfile.ZIP_DEFLATED] * 8 + [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each, part in parts.items():
            archive.writestr(each, part)
        if rng.random() < 0.05:
            archive.writestr(name, b"again")
    content = bytearray(stream.getvalue())
    if rng.random() < 0.2:
        _lie(content, rng)
    return bytes(content)


def _lie(content: bytearray, rng: Random) -> None:
    """Change sizes, offsets, flags or methods in the directory of an archive, which zipfile believes."""
    starts = [at for at in range(len(content)) if content[at : at + 4] == b"PK\x01\x02"]
    ends = [at for at in range(len(content)) if content[at : at + 4] == b"PK\x05\x06"]
    if rng.random() < 0.3 and ends:
        at, length = rng.choice([(8, 2), (10, 2), (12, 4), (16, 4), (20, 2)])
        place = ends[-1] + at
    elif starts:
        at, length = rng.choice([(8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (42, 4)])
        place = rng.choice(starts) + at
    else:
        return
    number = rng.choice([*NUMBERS, *range(16)]) % 2 ** (8 * length)
    content[place : place + length] = number.to_bytes(length, "little")


def other_programs(data: bytes, rng: Random) -> bytes:
    """Return a file of programs with another text, or another plan, and the right digest."""
    head, before, plan = taken_apart(data)
    way = rng.randrange(4)
    if way == 0:
        return put_together(other_tree(head, rng), before, plan)
    if way == 1:
        other = damaged(plan, rng)
    else:
        tree, arrays = unpacked(plan)
        filled = [array for array in arrays if array.size]
        if way == 2 or not filled:
            tree = other_tree(tree, rng)
        else:
            array = rng.choice(filled).reshape(-1)
            array[rng.randrange(array.size)] = rng.choice([-1, 0, 1, 2, 7, 2**40])
        if rng.random() < 0.1:
            arrays.append(np.arange(rng.choice([10, 10**5])))
        try:
            other = packed(tree, arrays)
        except (TypeError, ValueError):
            other = b""
        if rng.random() < 0.1 and other:
            count = rng.choice([2**20, 2**31, 2**62])
            other = count.to_bytes(8, "little") + other[8:]
    head["programs"][0]["size"] += len(other) - len(plan)
    return put_together(head, before, other)


def other_lines(data: bytes, rng: Random) -> bytes:
    """Return a file of a sweep with other lines, and the right checksums."""
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    said = json.loads(lines[at])
    del said["crc32"]
    way = rng.randrange(5)
    if way == 0:
        text = other_text(said, rng).encode("utf-8", "replace")[:-1]
        lines[at] = text + b', "crc32": "%08x"}\n' % zlib.crc32(text)
    elif way == 1:
        lines.insert(at, rng.choice(lines))
    elif way == 2:
        rng.shuffle(lines)
    else:
        other = other_tree(said, rng)
        with contextlib.suppress(TypeError, ValueError):
            lines[at] = checked_line(other)
    return b"".join(lines)


CELLS = [
    *(b"", b'"', b'"a', b'a"b', b'"a""b"', b"\x00", b"\r", b"\n", b"\r\n", b",", b";", b"\t", b"nan", b"inf"),
    *(b"1e999", b"-0", b"1_000", b"9" * 400, b"x" * 140_000, b"\xff\xfe", b"\xef\xbb\xbf"),
    "é".encode("latin-1"),
    *("٣".encode(), "½".encode(), b"0x10", b"1,5", b"\x1b[31m", "\u202e".encode(), b"=cmd()", b"\x85"),
]


def other_table(data: bytes, rng: Random) -> bytes:
    """Return a table with other cells, in another encoding, or compressed."""
    lines = data.split(b"\n")
    for _ in range(rng.choice([1, 1, 3, 10])):
        at = rng.randrange(len(lines))
        cells = lines[at].split(b",")
        way = rng.randrange(5)
        if way == 0:
            del cells[rng.randrange(len(cells))]
        elif way == 1:
            cells.insert(rng.randrange(len(cells) + 1), rng.choice(CELLS))
        else:
            cells[rng.randrange(len(cells))] = rng.choice(CELLS)
        lines[at] = b",".join(cells)
    content = b"\n".join(lines)
    way = rng.randrange(12)
    if way == 0:
        text = content.decode("utf-8", "replace")
        return text.encode(rng.choice(["utf-16", "utf-32", "latin-1", "utf-7"]), "replace")
    if way == 1:
        return damaged(gzip.compress(content), rng)
    if way == 2:
        return gzip.compress(gzip.compress(content))
    if way == 3:
        return gzip.compress(content + rng.choice([b"\x00", b",", b"1\n", b'"']) * 10**6)
    return content
