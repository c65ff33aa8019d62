"""The file of a sweep, a line for each point that is done, from which another run goes on.

The first line says which sweep it is. A line is written as soon as its point is done, and holds a checksum:
of a process that is killed while it writes, the last line is incomplete and is cut off.
"""

from __future__ import annotations

import errno
import hashlib
import inspect
import json
import os
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..engine.user_line import user_line
from ..files import older_mode, write_whole
from .json_trees import as_json, from_json, line_of, stated
from .points import name_of, names_of, values_at, written
from .tasks import Seeds

FORMAT = "chainrule sweep 1"
_BEGIN = b'{"format": "%s"' % FORMAT.encode()

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has none.
    fcntl = None  # type: ignore[assignment]


class SweepIdentity(NamedTuple):
    """Which sweep a file is of.

    Attributes
    ----------
    function : object
        The name of the function, and the arguments that a `functools.partial` has given it.
    source : str
        The digest of its source, empty where there is none.
    points : int
        How many there are.
    names : list of str
        What varies.
    values : list of object
        The values of each name, in the order in which they first come; empty for many.
    digest : str
        That of all points.
    seed : list or None
        The entropy of the seeds, and which child of it they are spawned from.
    """

    function: Any
    source: str
    points: int
    names: list[str]
    values: list[Any]
    digest: str
    seed: Any


_MOST_VALUES = 1000


def identity_of(f: Callable[..., Any], points: Sequence[Any], seeds: Seeds) -> SweepIdentity:
    """Return which sweep this is.

    Examples
    --------
    >>> identity = identity_of(abs, [-1.0], None)
    >>> identity.function, identity.points, identity.names, identity.values
    ('builtins.abs', 1, ['x'], [[-1.0]])
    """
    names = names_of(f, points)
    digest = hashlib.sha256()
    columns: list[dict[str, Any]] = [{} for _ in names]
    for point in points:
        values = [stated(value) for value in values_at(point, names)]
        digest.update(f"{line_of(values)}\n".encode())
        for column, value in zip(columns, values, strict=True):
            column[line_of(value)] = value
    is_short = sum(map(len, columns)) <= _MOST_VALUES
    return SweepIdentity(
        function=stated(f) if hasattr(f, "func") else name_of(f),
        source=_source_of(f),
        points=len(points),
        names=names,
        values=[[*column.values()] for column in columns] if is_short else [],
        digest=digest.hexdigest()[:32],
        seed=None if seeds is None else [stated(seeds.entropy), list(seeds.spawn_key)],
    )


def _source_of(f: Callable[..., Any]) -> str:
    try:
        return hashlib.sha256(inspect.getsource(inspect.unwrap(getattr(f, "func", f))).encode()).hexdigest()[
            :32
        ]
    except (OSError, TypeError):
        return ""


class ResultsFile:
    """The results of a sweep in a file.

    Parameters
    ----------
    path : path-like
        The file; made if there is none.
    f : callable
        The function.
    points : sequence
        The points.
    seeds : SeedSequence or None
        What random numbers come from.

    Attributes
    ----------
    results : dict
        The results that are there already, by the number of their point.

    Raises
    ------
    ValueError
        If the file is of another sweep, or damaged but at its end.
    OSError
        If it cannot be written, or another process writes it.

    Warns
    -----
    RuntimeWarning
        If the source of the function has changed since.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ResultsFile(f"{folder}/study.jsonl", abs, [-1.0, -2.0], None) as file:
    ...         file.add(1, 2.0)
    ...     with ResultsFile(f"{folder}/study.jsonl", abs, [-1.0, -2.0], None) as file:
    ...         print(file.results)
    {1: 2.0}
    """

    def __init__(
        self, path: str | os.PathLike[str], f: Callable[..., Any], points: Sequence[Any], seeds: Seeds
    ) -> None:
        self._path, self._f, self._points = Path(path), f, points
        identity = identity_of(f, points, seeds)
        if older_mode(self._path) is None:
            first = checked_line({"format": FORMAT, **identity._asdict()})
            write_whole(self._path, first)
        # Before it is read: what another process is writing is not there yet.
        self._file = open(self._path, "r+b", buffering=0)  # noqa: SIM115  # closed by `__exit__`
        try:
            self._lock()
            self.results = self._read(identity)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, number: int, result: Any) -> None:
        """Write the result of a point.

        Raises
        ------
        TypeError
            For a result that is no tree of numbers, texts and arrays.
        """
        point = self._points[number]
        try:
            content = as_json(result)
        except TypeError as error:
            raise TypeError(
                f"the result at {written(self._f, point)} cannot be written to {str(self._path)!r}, which "
                f"holds no pickles: {error}; return what you need of it, such as model.state_dict()"
            ) from None
        names = names_of(self._f, [point])
        at = dict(zip(names, map(stated, values_at(point, names)), strict=True))
        self._append(checked_line({"point": number, "at": at, "result": content}))

    def _append(self, line: bytes) -> None:
        # In one call, unbuffered: the system has all of the line, or the process has died within it.
        end = self._file.tell()
        if self._file.write(line) == len(line):
            return
        # On a full disk a part of it is written without an error, and the next line would stand behind it.
        self._file.truncate(end)
        self._file.seek(end)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"another sweep is writing {str(self._path)!r}; wait for it, or give each sweep its own file"
            ) from None

    def _read(self, identity: SweepIdentity) -> dict[int, Any]:
        # Of another file no more than this is read, however large it is.
        content = self._file.read(len(_BEGIN))
        if content == _BEGIN:
            content += self._file.read()
        lines = content.splitlines(keepends=True)
        described = line_in(lines[0]) if lines else None
        if described is None or described.get("format") != FORMAT:
            raise ValueError(f"{str(self._path)!r} is no file of a sweep; give another path, or remove it")
        try:
            different = difference(SweepIdentity._make(map(described.get, SweepIdentity._fields)), identity)
        # The line may say anything of the sweep that it is of.
        except (TypeError, LookupError, AttributeError, ValueError) as error:
            raise ValueError(f"line 1 of {str(self._path)!r} is damaged; remove the file") from error
        self._check(different, described.get("source"), identity)
        results: dict[int, Any] = {}
        end = len(lines[0])
        for i, line in enumerate(lines[1:], 2):
            found = line_in(line)
            if found is None and i == len(lines):
                break
            try:
                number, result = _result_in(found, identity.points)
            # What stands there may be anything, also with the right checksum.
            except (TypeError, LookupError, AttributeError, ValueError, RecursionError) as error:
                raise ValueError(
                    f"line {i} of {str(self._path)!r} is damaged; remove that line to compute its point again"
                ) from error
            results[number] = result
            end += len(line)
        self._file.truncate(end)
        self._file.seek(end)
        return results

    def _check(self, different: str, source: object, now: SweepIdentity) -> None:
        if different:
            raise ValueError(
                f"{str(self._path)!r} is of another sweep: {different}; give another path, or remove the file"
            )
        if source != now.source:
            warnings.warn(
                f"the source of {now.function} is not that of the results in {str(self._path)!r}, which are "
                "kept; remove the file to compute them again",
                RuntimeWarning,
                stacklevel=user_line().depth + 1,
            )


def _result_in(line: Any, points: int) -> tuple[int, Any]:
    """Return the number of a point, and its result, from what a line says."""
    number = line["point"]
    if type(number) is not int or not 0 <= number < points:
        raise ValueError(f"expected a point from 0 to {points - 1}, got {number!r}")
    return number, from_json(line["result"])


def difference(before: SweepIdentity, now: SweepIdentity) -> str:
    """Return what differs between two sweeps, nothing if they are the same.

    Examples
    --------
    >>> one, two = (identity_of(abs, points, None) for points in ([1, 2], [1, 3]))
    >>> difference(one, two), difference(one, one)
    ("its values of x are [1, 2], this one's [1, 3]", '')
    """
    if before.function != now.function:
        return f"its function is {before.function}, this one's is {now.function}"
    if before.names != now.names:
        return f"it varies {', '.join(before.names)}, this one {', '.join(now.names)}"
    if before.digest != now.digest:
        for name, old, new in zip(now.names, before.values or [], now.values, strict=False):
            if old != new:
                return f"its values of {name} are {line_of(old)}, this one's {line_of(new)}"
        if before.points != now.points:
            return f"it has {before.points} points, this one {now.points}"
        return "its points are others, or in another order"
    if before.seed != now.seed:
        return f"its seed is {_seed(before.seed)}, this one's {_seed(now.seed)}"
    return ""


def _seed(seed: Any) -> str:
    return "None" if seed is None else str(seed[0]) if not seed[1] else f"{seed[0]} spawned to {seed[1]}"


def checked_line(described: Mapping[str, Any]) -> bytes:
    r"""Return a line of JSON that ends with the checksum of what stands before it.

    Examples
    --------
    >>> checked_line({"point": 0})
    b'{"point": 0, "crc32": "b45cf49a"}\n'
    """
    text = line_of(described)[:-1].encode()
    return text + b', "crc32": "%08x"}\n' % zlib.crc32(text)


def line_in(line: bytes) -> dict[str, Any] | None:
    """Return what a line says, None if it is damaged.

    Examples
    --------
    >>> line_in(checked_line({"point": 0}))["point"], line_in(checked_line({"point": 0})[:-1])
    (0, None)
    """
    text, mark, _ = line.rpartition(b', "crc32": ')
    if not mark or not line.endswith(b"\n") or line != text + b', "crc32": "%08x"}\n' % zlib.crc32(text):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
