"""Damage files in ways that know their structure, and read each with what reads it.

``python tests/campaigns damaged-files --minutes 10`` prints for each reader how many files it got, how many
of them it read and refused, and each failure with the number of the file, which with the seed makes it again.
A failure is an error that is no ``ValueError`` or ``OSError``, a model that has changed after an error,
something executed or opened besides, a reading of more than 5 s or 200 MiB, and the end of the process.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import os
import random
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import conftest  # noqa: F401  # sets the cache of compiled programs
import numpy as np
import sweep_functions as functions
from test_program_files import put_together, taken_apart
from test_saved_programs import KINDS

from autograd import jit, load, sweep
from autograd.compiler.program_files import bytes_of
from autograd.compiler.runtime.packing import packed, unpacked
from autograd.studies.results_file import checked_line
from nn import MLP, Dropout, Layer, Linear, Sequential, Softmax, fit, save
from nn import load as load_model
from nn.datasets import Preprocessing, moons, read_csv
from nn.optimizers import Adam
from nn.saving import read_archive, read_model, write_archive
from nn.terminal import main as command

SECONDS, BYTES = 5.0, 200 * 2**20
_MARK = "__import__('os').abort()"

Random = random.Random
Damage = Callable[[bytes, Random], bytes]


class WrongReaderError(Exception):
    """Something is wrong with a reader."""


# ----------------------------------------------------------------------------------------------- the bytes

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


# ------------------------------------------------------------------------------------------------ the texts

OTHERS: list[Any] = [
    *(
        None,
        True,
        False,
        -1,
        0,
        1,
        2,
        3,
        10**6,
        10**12,
        2**63,
        2**70,
        10**400,
        0.5,
        -0.5,
        1e308,
        float("nan"),
    ),
    *(float("inf"), "", "x", "number", _MARK, "../../x", "\x00", "\ud800", "x" * 5000, [], [[]], {}),
    *({"tuple": []}, {"dict": [[[], 1]]}, {"list": [[10**6, {"list": [[10**6, "number"]]}]]}, [0] * 3000),
    *({"function": "os.system"}, {"own module": "Path", "args": [], "kwargs": {}}, {"same": 0}, {"Value": 1}),
    *({"module": "MLP", "args": [10**5, [10**5]], "kwargs": {}}, {"partial": {"function": "autograd.tanh"}}),
    *(
        {"array": ["", "x" * 10**5], "shape": [2], "dtype": "str"},
        {"array": [1], "shape": [], "dtype": "int64"},
    ),
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


# --------------------------------------------------------------------------------------------- the archives

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
    *("<M8[s]", "<m8", "<f16", "<U1000000000", "f8,O", "object", "x", "", _MARK),
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
        header = rng.choice([_MARK, "(" * 9_000, "{" * 9_000, "-" * 9_000, header + "+" * 9_000])
    text = header.encode("latin-1", "replace").ljust(118) + b"\n"
    version = rng.choice([b"\x01\x00"] * 20 + [b"\x02\x00", b"\x03\x00", b"\x09\x00"])
    length = len(text).to_bytes(2 if version[0] != 2 else 4, "little")
    return b"\x93NUMPY" + version + length + text + rest


NAMES = [
    "../x",
    "/tmp/x",
    "a/../../x",
    "C:\\x",
    "",
    "x\x00y",
    "names",
    "values",
    "description",
    "x" * 500,
    "n\n",
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


# --------------------------------------------------------------------------------------------- the programs


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
    *(
        b"1e999",
        b"-0",
        b"1_000",
        b"9" * 400,
        b"x" * 140_000,
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        "é".encode("latin-1"),
    ),
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


# ---------------------------------------------------------------------------------------------- the readers


class Reader(NamedTuple):
    """What reads files, some that are right, and how they are damaged."""

    suffix: str
    valid: list[bytes]
    damage: Damage
    read: Callable[[Path], object]


def _written(folder: Path, suffix: str, write: Callable[[Path], object]) -> bytes:
    path = folder / f"valid{suffix}"
    write(path)
    return path.read_bytes()


def _untouched(model: Any, read: Callable[[], object]) -> None:
    before = [float.hex(p.data) for p in model.parameters()]
    try:
        read()
    except BaseException:
        if [float.hex(p.data) for p in model.parameters()] != before:
            raise WrongReaderError("the model has changed") from None
        raise


X, Y = np.arange(7.0)[:, None] / 7, np.arange(7.0) / 3


def _trained(path: Path, **options: Any) -> None:
    model = MLP(1, [3, 1], "tanh", rng=1)
    options = {"early_stopping": 2, "schedule": "step", "rng": 1, "jit": False, **options}
    adam = Adam(model, lr=0.05)
    _untouched(model, lambda: fit(model, X, Y, loss="mse", optimizer=adam, epochs=2, verbose=0, **options))


def _load_into(path: Path) -> None:
    model = MLP(2, [3, 2], rng=1)
    _untouched(model, lambda: load_model(path, model))


def _run_program(path: Path) -> None:
    loaded = load(path, "numpy")
    if _MARK in loaded.source:
        raise WrongReaderError("a text of the file is in the program")
    repr(loaded.report())


def _command(*words: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        out, err = io.StringIO(), io.StringIO()
        given = [word.format(path=path, folder=path.parent) for word in words]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = command(given)
        if status:
            shown = err.getvalue()
            if status not in (1, 2) or not shown.startswith("error: ") or shown.count("\n") != 1:
                raise WrongReaderError(f"status {status}: {shown[:300]!r}")
            raise ValueError(shown)
        if "\x1b" in out.getvalue():
            raise WrongReaderError("a control character is printed")

    return read


def _sweep(path: Path) -> None:
    sweep(functions.not_at_two, [0, 1, 3], progress=False, resume=path)


def readers(folder: Path) -> dict[str, Reader]:
    """Return all readers."""
    data = moons(60)
    kinds = {
        "mlp": lambda path: save(MLP(2, [3, 2], rng=0), path, Preprocessing.of(data), extra=np.ones(3)),
        "parts": lambda path: save(
            Sequential(Linear(2, 3), np.tanh, Dropout(0.1), Layer(3, 2, "relu"), Softmax()), path
        ),
    }
    models = [_written(folder, ".npz", write) for write in kinds.values()]
    path = folder / "valid.npz"
    _trained(path, checkpoint=path)
    checkpoint = path.read_bytes()
    programs = []
    for kind in ("numbers", "trees", "open lengths", "loops", "loops of Python", "many numbers"):
        f, args = KINDS[kind]
        compiled = jit(f, "numpy")
        compiled(*args)
        programs.append(bytes_of(compiled))
    rows = "".join(
        f"{x:.3f},{y:.3f},{'ab'[k]},{i}\n" for i, ((x, y), k) in enumerate(zip(*data, strict=True))
    )
    table = f"x,y,kind,no\n{rows}".encode()
    plain = f"x,y\n{''.join(f'{x:.3f},{y:.3f}{chr(10)}' for x, y in data.inputs)}".encode()
    (folder / "table.csv").write_bytes(table)
    (folder / "model.npz").write_bytes(models[0])
    archive = _written(
        folder, ".npz", lambda path: write_archive(path, {"a": np.ones((2, 3)), "b": ["x"]}, {"c": [1]})
    )
    lines = _written(folder, ".jsonl", _sweep)
    return {
        "models": Reader(".npz", models, other_archive, read_model),
        "parameters": Reader(".npz", models[:1], other_archive, _load_into),
        "archives": Reader(
            ".npz", [archive], other_archive, lambda path: read_archive(path, most_bytes=2**20)
        ),
        "checkpoints": Reader(".npz", [checkpoint], other_archive, lambda path: _trained(path, resume=path)),
        "programs": Reader(".program", programs, other_programs, _run_program),
        "sweeps": Reader(".jsonl", [lines], other_lines, _sweep),
        "tables": Reader(".csv", [table, plain], other_table, lambda path: read_csv(path, missing="mean")),
        "predict": Reader(
            ".npz", models[:1], other_archive, _command("predict", "{path}", "{folder}/plain.csv")
        ),
        "predicted rows": Reader(
            ".csv", [plain], other_table, _command("predict", "{folder}/model.npz", "{path}")
        ),
    }


# ---------------------------------------------------------------------------------------------- the campaign

_FORBIDDEN = {
    *("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen"),
    *("socket.connect", "socket.bind", "ctypes.dlopen", "os.remove", "os.rename", "os.chmod", "os.symlink"),
}
_seen: list[str] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN or (event == "open" and isinstance(args[1], str) and "w" in args[1]):
        _seen.append(f"{event} {str(args)[:200]}")


def _highest(*, reset: bool = False) -> int:
    """Return the largest resident size so far, or begin anew."""
    if reset:
        Path("/proc/self/clear_refs").write_bytes(b"5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def made(reader: Reader, seed: int, number: int) -> bytes:
    """Return a damaged file, the same for the same numbers."""
    rng = random.Random(f"{seed} {number}")
    data = rng.choice(reader.valid)
    if rng.random() < 0.3:
        return damaged(data, rng)
    data = reader.damage(data, rng)
    return damaged(data, rng) if rng.random() < 0.05 else data


def _outcome(reader: Reader, path: Path) -> str:
    """Read a file, and return whether it was read or refused, or what is wrong."""
    before = _highest(reset=True)
    _seen.clear()
    start = time.process_time()
    outcome = "read"
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            reader.read(path)
    except (ValueError, OSError) as error:
        outcome = "refused"
        # NumPy and zipfile say what they wanted; ours name the file as well.
        if not str(error):
            outcome = f"an error without a message: {error!r}"
    # A training that goes on with wrong numbers may end so.
    except FloatingPointError:
        outcome = "refused"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {str(error)[:200]}"
    seconds, size = time.process_time() - start, _highest() - before
    if seconds > SECONDS:
        outcome = f"{seconds:.0f} s"
    elif size > BYTES:
        outcome = f"{size / 2**20:.0f} MiB: {outcome}"
    elif _seen:
        outcome = f"executed or opened: {_seen[0]}"
    return outcome


def _run(reader: Reader, folder: Path, seed: int, numbers: Iterator[int], pipe: int) -> None:
    """Read files, and write what came out to a pipe."""
    sys.addaudithook(_watch)
    for number in numbers:
        path = folder / f"file{reader.suffix}"
        path.write_bytes(made(reader, seed, number))
        os.write(pipe, f"{number}\t".encode())
        # What hangs is ended.
        signal.alarm(120)
        outcome = _outcome(reader, path)
        signal.alarm(0)
        os.write(pipe, (outcome.replace("\n", " ").replace("\t", " ")[:500] + "\n").encode(errors="replace"))


def _in_another_process(
    reader: Reader, folder: Path, seed: int, first: int, until: float, most: int
) -> Iterator[tuple[int, str]]:
    """Yield the outcome of files, which another process reads; after its end in another one again."""
    number = first
    while number < first + most and time.monotonic() < until:
        reads, writes = os.pipe()
        child = os.fork()
        if not child:
            os.close(reads)

            def numbers(start: int = number) -> Iterator[int]:
                for each in range(start, first + most):
                    if time.monotonic() > until:
                        return
                    yield each

            try:
                _run(reader, folder, seed, numbers(), writes)
            except BaseException:
                # A mistake in what damages files, since those of readers are outcomes.
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(writes)
        text = ""
        with open(reads, encoding="utf-8", errors="replace") as stream:
            for text in stream:
                if "\t" in text and text.endswith("\n"):
                    which, _, outcome = text.rstrip("\n").partition("\t")
                    number = int(which) + 1
                    yield int(which), outcome
        _, status = os.waitpid(child, 0)
        if text and not text.endswith("\n"):
            number = int(text.partition("\t")[0]) + 1
            yield number - 1, f"the process ended: status {status}"
        elif status:
            raise WrongReaderError(f"what damages files has failed at file {number}")
        else:
            return


def main(words: list[str]) -> int:
    """Read damaged files, and return the number of kinds of failure."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns damaged-files", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="for all readers together")
    parser.add_argument("--files", type=int, default=10**9, help="for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the files that fail")
    parser.add_argument("readers", nargs="*")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = readers(folder)
        (folder / "plain.csv").write_bytes(known["predicted rows"].valid[0])
        if unknown := {*options.readers} - {*known}:
            parser.error(
                f"there is no reader {', '.join(sorted(unknown))}; expected some of {', '.join(known)}"
            )
        chosen = options.readers or [*known]
        failures = 0
        for which in chosen:
            failures += _campaign(which, known[which], folder, options, 60.0 * options.minutes / len(chosen))
    return failures


def _campaign(which: str, reader: Reader, folder: Path, options: argparse.Namespace, seconds: float) -> int:
    seen: Counter[str] = Counter()
    found: dict[str, list[int]] = {}
    start = time.monotonic()
    outcomes = _in_another_process(reader, folder, options.seed, 0, start + seconds, options.files)
    for number, outcome in outcomes:
        is_right = outcome in ("read", "refused")
        seen[outcome if is_right else "failed"] += 1
        if not is_right:
            found.setdefault(outcome[:80], []).append(number)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                kept = options.keep / f"{which.replace(' ', '-')}-{options.seed}-{number}{reader.suffix}"
                kept.write_bytes(made(reader, options.seed, number))
    print(
        f"== {which}: {sum(seen.values()):,} files, {dict(seen)}, seed {options.seed}, "
        f"{time.monotonic() - start:.0f} s, {len(found)} kinds of failure",
        flush=True,
    )
    for text, numbers in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"-- {len(numbers)} x {text} (files {', '.join(map(str, numbers[:5]))})")
    return len(found)
