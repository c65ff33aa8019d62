"""Write a compiled function as a file in C and its header."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..files import checked_suffix, write_whole
from .arguments.call_examples import CallExample
from .arguments.open_lengths import NONE_OPEN
from .c.function import CFunction
from .c.header import header_text
from .c.interface import CArray, arguments_in_c, length_names, sizes_of
from .c.lines import Variable
from .c.names import is_name, names_in_c
from .c.plan_function import plan_function
from .c.source import source_text
from .c.table_functions import array_table_function, table_function
from .exported_programs import ExportedProgram, exported_programs
from .found import FoundArrays, FoundTable
from .numpy.source import numpy_source
from .runtime.program import UnsuitableError

# More lines of NumPy than these are no help to read the lines of C.
_MOST_REMARKS, _LONGEST_REMARK = 100, 200


def write_c(
    f: Callable[..., Any],
    example: CallExample,
    path: str | os.PathLike[str],
    argnums: int | Sequence[int] | None,
    name: str | None,
) -> None:
    """Write a function as a file in C, with the header beside it; the arguments of `Jitted.to_c`."""
    write_programs(f, lambda: exported_programs(f, example, argnums), path, name)


def write_programs(
    f: Callable[..., Any],
    programs: Callable[[], Sequence[ExportedProgram]],
    path: str | os.PathLike[str],
    name: str | None,
) -> None:
    """Write programs as functions of a file in C, with the header beside it."""
    target = Path(path)
    checked_suffix(target, [".c"])
    # The file includes its header by its name.
    if re.search(r'["\\\x00-\x1f\x7f]|\?\?', target.name):
        raise ValueError(f"expected the name of a file that C can include, got {target.name!r}")
    called = _name(f, target, name)
    functions = [_function(called, of) for of in programs()]
    header = target.with_suffix(".h")
    write_whole(header, header_text(called, functions).encode())
    write_whole(target, source_text(called, header.name, functions).encode())


def _name(f: Callable[..., Any], target: Path, name: str | None) -> str:
    """Return what the function is called: as it is asked for, as it is called in Python, or as the file."""
    if name is not None:
        if not is_name(name):
            raise ValueError(f"expected a name that C has for a function, got {name!r}")
        return name
    own = str(getattr(f, "__name__", ""))
    return own if is_name(own) else names_in_c([target.stem])[0]


def _function(name: str, of: ExportedProgram) -> CFunction:
    assert of.program.made_of is not None
    found, _, shapes, result_shapes = of.program.made_of
    taken = [own for _, own in of.results]
    # A table knows each of its numbers; open is then only how long something is that nobody reads.
    lengths = of.lengths if isinstance(found, FoundArrays) else NONE_OPEN
    own_lengths = length_names(lengths, [*(own for _, own in of.arguments), *taken])
    arguments = arguments_in_c(of.arguments, shapes, lengths, own_lengths)
    outputs = names_in_c(taken, [*own_lengths.values(), *(array.name for array in arguments)])
    results = [(text, own) for (text, _), own in zip(of.results, outputs, strict=True)]
    whole = f"{name}{of.suffix}"
    if isinstance(found, FoundArrays):
        function = _of_arrays(whole, found, arguments, results, sizes_of(own_lengths))
    else:
        arrays = [
            CArray(text, own, tuple([Counter({(): length}) for length in shape]))
            for (text, own), shape in zip(results, result_shapes, strict=True)
        ]
        if isinstance(found, FoundTable):
            function = table_function(whole, found.schedule, arguments, arrays)
        else:
            function = array_table_function(whole, found.table, arguments, arrays)
    function.doc = of.doc.format(f"`{name}`")
    return function


def _of_arrays(
    name: str,
    found: FoundArrays,
    arguments: Sequence[CArray],
    results: Sequence[tuple[str, str]],
    sizes: dict[str, Variable],
) -> CFunction:
    plan, wanted = found.plan()
    try:
        function = plan_function(name, plan, wanted, arguments, results, sizes)
    except UnsuitableError as error:
        raise NotImplementedError(
            f"{name} cannot be written in C: {error}; write that of one sample, and loop over samples in C"
        ) from error
    text = numpy_source(plan, [array.name for array in arguments], wanted).text.splitlines()
    if len(text) <= _MOST_REMARKS and max(map(len, text)) <= _LONGEST_REMARK:
        function.remarks = [
            "V1 is the array v1 of this program of NumPy, v1 one of its numbers, and so on.",
            "T1, ... stand for copies and sums on the way.",
            "",
            *text,
        ]
    return function
