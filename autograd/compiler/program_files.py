"""Compiled programs as bytes, and back: data alone, from which programs are written again.

A file begins with a line that names it, the version of its format, and a digest of the rest, which tells
damage. The rest is a text in JSON that says what each program is for, followed by what each is made of, as
`found_records` writes it. No text of a program is read: NumPy's is written again from its plan.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from ..transforms.derivatives import GradientsReturned, gradients_returned_by
from .arguments.call import NamedArray
from .arguments.call_forms import CallForm
from .arguments.open_lengths import NONE_OPEN, OpenLengths
from .arguments.plain_trees import UnplainError, classes_in, from_plain, plain, unplain
from .arguments.static import Statics
from .found import Found
from .found_records import data_of, found_in_data
from .latex.symbols import SourceNames, source_names
from .runtime.identifiers import identifiers
from .runtime.program import Program

if TYPE_CHECKING:
    from .jitted import Jitted

MAGIC = b"chainrule programs\n"
"""What a file begins with."""

VERSION = 1
"""The version of the format, which is raised when older readers could not read it."""

_DIGEST = 32
_WHERE = len(MAGIC) + 2 + _DIGEST


class NotProgramsError(ValueError):
    """There are no programs in some bytes; the message says why."""


class SavedProgram(NamedTuple):
    """A program, and what it is for.

    Attributes
    ----------
    form : CallForm
        The form of the calls that it answers.
    names : list of str
        The names of its arguments.
    shapes, results : list of tuple of int
        The shapes of its arguments and results.
    outline : list of NamedArray
        What the user calls its arguments.
    data : bytes
        What it is made of.
    """

    form: CallForm
    names: list[str]
    shapes: list[tuple[int, ...]]
    results: list[tuple[int, ...]]
    outline: list[NamedArray]
    data: bytes

    def found(self) -> Found:
        """Return what it is made of.

        Raises
        ------
        NotProgramsError
            If it is damaged, or made to do harm.
        """
        try:
            return found_in_data(self.data, self.names, self.shapes, self.results, self.form.lengths)
        # What is no such data may be wrong in any way.
        except Exception as error:
            raise NotProgramsError(f"a program in it is none: {error}") from error


class SavedFunction(NamedTuple):
    """What a file says of a function.

    Attributes
    ----------
    name : str
        Its name.
    parameters : list of (str, int, bool)
        The name and kind of each parameter, and whether it has a default.
    static : (tuple of int, tuple of str) or None
        The positions and names of its static arguments.
    gradients : GradientsReturned or None
        Which gradients it returns.
    called : SourceNames
        What its source calls things, without the source.
    programs : list of SavedProgram
        Its programs, that of the last call first.
    """

    name: str
    parameters: list[tuple[str, int, bool]]
    static: tuple[tuple[int, ...], tuple[str, ...]] | None
    gradients: GradientsReturned | None
    called: SourceNames
    programs: list[SavedProgram]


# --------------------------------------------------------------------------------------------------- writing


def bytes_of(f: Jitted) -> bytes:
    """Return the programs of a compiled function as bytes, which `function_in` reads.

    Raises
    ------
    RuntimeError
        If the function was not called yet.
    UnplainError
        For programs that have to do with more than numbers and arrays.

    Examples
    --------
    >>> from .jitted import Jitted
    >>> f = Jitted(lambda x, y: x * y)
    >>> f(2.0, 3.0)
    6.0
    >>> function_in(bytes_of(f)).programs[0].names
    ['x', 'y']
    """
    f._program()
    of = f._f
    name = str(getattr(of, "__name__", "the function"))
    saved = [_saved(program, name) for program in f._programs.last_used()]
    gradients = gradients_returned_by(of)
    head = {
        "function": name,
        "parameters": [*_parameters(of)],
        "static": f._static and f._static.places,
        "gradients": gradients and [*gradients],
        "called": _called(source_names(of)),
        "programs": [described for described, _ in saved],
    }
    return sealed(json.dumps(head).encode(), b"".join([data for _, data in saved]))


def sealed(text: bytes, programs: bytes) -> bytes:
    """Return a file of a text and what the programs that it describes are made of.

    Examples
    --------
    >>> len(sealed(b"{}", b"")) - len(MAGIC)
    44
    """
    rest = b"".join([len(text).to_bytes(8, "little"), text, programs])
    return b"".join([MAGIC, VERSION.to_bytes(2, "little"), sha256(rest).digest(), rest])


def _called(names: SourceNames) -> list[Any]:
    """Return what is written of the names in a source: no line of it."""
    lengths = [[argument, dimension, name] for (argument, dimension), name in names.lengths.items()]
    return [lengths, [*names.operands.items()], [*names.values.items()], names.result, names.carried]


def _parameters(f: Callable[..., Any]) -> Iterator[tuple[str, int, bool]]:
    """Yield what is written of the parameters of a function; nothing where Python does not know them."""
    try:
        found = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return
    for parameter in found:
        yield parameter.name, int(parameter.kind), parameter.default is not parameter.empty


def _saved(program: Program, name: str) -> tuple[dict[str, Any], bytes]:
    """Return what a program is for, and what it is made of."""
    form, made_of = program.form, program.made_of
    assert form is not None
    assert made_of is not None
    found, names, shapes, results = made_of
    labels = [*form.names, *form.by_name]
    for what, trees in (("an argument", form.arguments), ("the result", [form.result])):
        for why in [why for tree in trees for why in unplain(tree)]:
            raise UnplainError(f"{what} of {name} cannot be saved without pickle: {why}")
    statics = form.statics
    data = data_of(found)
    described = {
        "names": form.names,
        "by_name": form.by_name,
        "arguments": form.arguments,
        "statics": [
            [
                which,
                plain(of, f"the static argument {labels[which] if type(which) is int else which} of {name}"),
            ]
            for which, of in [*statics.by_position.items(), *statics.by_name.items()]
        ],
        "lengths": [form.lengths.symbols, form.lengths.conditions],
        "result": form.result,
        "labels": names,
        "shapes": shapes,
        "results": results,
        "outline": program.outline,
        "size": len(data),
    }
    return described, data


# --------------------------------------------------------------------------------------------------- reading


def function_in(data: bytes) -> SavedFunction:
    """Return what `bytes_of` has written, from bytes that may be damaged or made to do harm.

    Raises
    ------
    NotProgramsError
        If there are no programs in them.

    Examples
    --------
    >>> function_in(b"text")
    Traceback (most recent call last):
        ...
    autograd.compiler.program_files.NotProgramsError: it does not begin as one
    """
    if data[: len(MAGIC)] != MAGIC:
        raise NotProgramsError("it does not begin as one")
    version = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 2], "little")
    if len(data) > len(MAGIC) + 2 and version != VERSION:
        raise NotProgramsError(
            f"it has the version {version} of the format, and this autograd reads {VERSION}"
        )
    rest = data[_WHERE:]
    if data[_WHERE - _DIGEST : _WHERE] != sha256(rest).digest():
        raise NotProgramsError("it is damaged: its digest is not that of its content")
    try:
        return _function(rest)
    # What is no such text may be wrong in any way.
    except Exception as error:
        raise NotProgramsError(f"what it says of its programs is wrong: {error}") from error


def _function(rest: bytes) -> SavedFunction:
    start = 8 + int.from_bytes(rest[:8], "little")
    head = json.loads(rest[8:start])
    programs = []
    for described in head["programs"]:
        size = _whole(described["size"])
        programs.append(_program(described, rest[start : start + size]))
        start += size
    if start != len(rest) or not programs:
        raise ValueError("it has other programs than it says")
    static = head["static"] and (tuple(map(_whole, head["static"][0])), tuple(map(_text, head["static"][1])))
    return SavedFunction(
        _text(head["function"]),
        [(_text(name), _whole(kind), bool(has)) for name, kind, has in head["parameters"]],
        static,
        _gradients(head["gradients"]),
        _names_in(*head["called"]),
        programs,
    )


def _program(described: Mapping[str, Any], data: bytes) -> SavedProgram:
    shapes, results = ([_shape(shape) for shape in described[key]] for key in ("shapes", "results"))
    labels = [*map(_text, described["labels"])]
    outline = [
        NamedArray(
            _text(name),
            None if position is None else _whole(position),
            _text(path),
            _shape(shape),
            tuple(map(_text, keys)),
        )
        for name, position, path, shape, keys in described["outline"]
    ]
    if not len(labels) == len(shapes) == len(outline) or labels != identifiers(labels):
        raise ValueError("its arguments have no proper names")
    names, by_name = ([*map(_text, described[key])] for key in ("names", "by_name"))
    statics = {which: from_plain(of) for which, of in described["statics"]}
    form = CallForm(
        names,
        by_name,
        [*described["arguments"]],
        Statics(
            len(names),
            {which: of for which, of in statics.items() if type(which) is int and 0 <= which < len(names)},
            {which: of for which, of in statics.items() if type(which) is str and which in by_name},
        ),
        _lengths(*described["lengths"]),
        described["result"],
    )
    if len(form.arguments) != len(names) + len(by_name) - len(statics):
        raise ValueError("it describes other arguments than it has")
    # What can be read to its end here can be read later, too.
    for tree in (*form.arguments, form.result):
        _ = [*classes_in(tree)]
    return SavedProgram(form, labels, shapes, results, outline, data)


def _lengths(symbols: Sequence[Any], conditions: Sequence[Any]) -> OpenLengths:
    of = tuple([tuple([-_whole(-symbol) for symbol in shape]) for shape in symbols])
    asked = [
        (-_whole(-symbol), (comparison, number, answer))
        for symbol, (comparison, number, answer) in conditions
    ]
    open_ones = {symbol for shape in of for symbol in shape if symbol}
    for symbol, (comparison, number, answer) in asked:
        is_known = symbol in open_ones and comparison in _COMPARISONS
        if not is_known or type(number) is not int or type(answer) is not bool:
            raise ValueError("it compares lengths in a way that there is not")
    return OpenLengths(of, tuple(asked)) if open_ones else NONE_OPEN


_COMPARISONS = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})


def _gradients(found: Any) -> GradientsReturned | None:
    if found is None:
        return None
    argnums, has_aux, has_value = found
    positions = argnums if type(argnums) is int else [of for of in argnums if type(of) is int]
    return GradientsReturned(positions, has_aux is True, has_value is True)


def _names_in(lengths: Any, operands: Any, values: Any, result: Any, carried: Any) -> SourceNames:
    return SourceNames(
        {(_name(argument), _whole(dimension)): _name(name) for argument, dimension, name in lengths},
        {_name(row): _name(name) for row, name in operands},
        {_name(row): _name(name) for row, name in values},
        result and _name(result),
        [*map(_name, carried)],
    )


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple([_whole(length) for length in shape])


def _whole(item: Any) -> int:
    if type(item) is not int or item < 0:
        raise ValueError(f"it has {item!r} where a whole number belongs")
    return item


def _name(item: Any) -> str:
    if not _text(item).isidentifier():
        raise ValueError(f"it has {item!r} where a name belongs")
    return str(item)


def _text(item: Any) -> str:
    if type(item) is not str:
        raise ValueError(f"it has {item!r} where a text belongs")
    return item
