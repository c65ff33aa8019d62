"""Functions in C, compiled by gcc and called with arrays of NumPy."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

COMPILER = shutil.which("gcc") or shutil.which("cc")
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]


class CLibrary:
    """All files in C of a folder, as one library.

    Parameters
    ----------
    folder : Path
        The folder, in which the library is made.
    options : sequence of str
        For the compiler, besides those that make each warning an error.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ("-O1",)) -> None:
        assert COMPILER is not None
        sources = sorted(map(str, folder.glob("*.c")))
        library = folder / "library.so"
        command = [COMPILER, *WARNINGS, *options, "-shared", "-fPIC", "-o", str(library), *sources, "-lm"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr[:4000]
        self._library = ctypes.CDLL(str(library))
        self._header = "\n".join(path.read_text() for path in sorted(folder.glob("*.h")))

    def call(
        self, name: str, arguments: Sequence[Any], shapes: Sequence[tuple[int, ...]]
    ) -> tuple[int, list[Any]]:
        """Return what a function returns, and its results, of these shapes."""
        declared = re.search(rf"\nint {name}\((.*?)\);", self._header, re.DOTALL)
        assert declared is not None, name
        lengths = self._lengths(declared, arguments)
        given, outputs = iter(arguments), [np.full(shape, np.nan) for shape in shapes]
        results = iter(outputs)
        passed: list[Any] = []
        for parameter in re.split(r",\s*", declared[1]):
            kind, own = re.fullmatch(r"(.*?)\s*(\w+)", parameter, re.DOTALL).groups()  # type: ignore[union-attr]
            if kind == "ptrdiff_t":
                passed.append(ctypes.c_ssize_t(lengths[own]))
            elif kind == "double":
                passed.append(ctypes.c_double(next(given)))
            elif kind.startswith("const"):
                array = np.ascontiguousarray(next(given), dtype=float)
                passed.append(array)
            elif own == "work":
                # Whatever stands there must not matter.
                passed.append(np.full(self._work(name, lengths), np.nan))
            else:
                passed.append(next(results))
        assert next(given, None) is None
        function = getattr(self._library, name)
        pointers = [a.ctypes.data_as(ctypes.c_void_p) if isinstance(a, np.ndarray) else a for a in passed]
        return function(*pointers), outputs

    def _lengths(self, declared: re.Match[str], arguments: Sequence[Any]) -> dict[str, int]:
        """Return the lengths of arguments by the names that the header has for them."""
        remark = self._header[: declared.start()].rpartition("/* Compute")[2]
        parameters = [parameter.split()[-1].lstrip("*") for parameter in declared[1].split(",")]
        sizes = re.findall(r"ptrdiff_t (\w+)", declared[1])
        arrays = [name for name in parameters if name not in sizes]
        found: dict[str, int] = {}
        for name, argument in zip(arrays, arguments, strict=False):
            text = re.search(rf"\n   {name} +(?:[^,\n]*, )?([^,\n]*?) numbers?", remark)
            if text is not None and np.shape(argument):
                found |= zip(text[1].split(" x "), np.shape(argument), strict=True)
        return {name: found[name] for name in sizes}

    def _work(self, name: str, lengths: Mapping[str, int]) -> int:
        found = re.search(rf"#define {name.upper()}_WORK(?:\(.*?\))? \((.*)\)\n", self._header)
        assert found is not None
        steps = re.search(rf"#define {name.upper()}_STEPS (\d+)", self._header)
        known = {**lengths, f"{name.upper()}_STEPS": int(steps[1]) if steps else 0}
        return int(eval(found[1], {}, known))


def arrays_of(tree: Any) -> list[Any]:
    """Return the arrays and numbers of a tree of lists, tuples and dicts."""
    if isinstance(tree, dict):
        return [array for part in tree.values() for array in arrays_of(part)]
    if isinstance(tree, list | tuple):
        return [array for part in tree for array in arrays_of(part)]
    return [np.asarray(tree, dtype=float)]
