"""The structures of arguments and results as plain data, from which another process builds them again.

Numbers, arrays, None, lists, tuples and dicts are described by what they are. A module is described by the
names of its parameters alone, and is a dict of these afterwards, since what else it holds is code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from functools import partial
from itertools import groupby, repeat
from math import prod
from types import NoneType
from typing import Any

import numpy as np

from ...transforms.dataclass_trees import Record, Settings
from ...transforms.trees import Branch, Copier, Leaf, Structure, parts_of

MOST_PARTS = 4_000_000
"""How many parts a tree may have that is read, since few bytes can say that there are many."""

_NUMBER = "number"
_SEQUENCES: dict[type, str] = {list: "list", tuple: "tuple"}

Classes = Mapping[str, type]
"""The dataclasses and named tuples that whoever reads a description passes, by name."""


class UnplainError(ValueError):
    """Something is no plain data; the message says what, and what to do."""


# ------------------------------------------------------------------------------------------------- settings


def plain(item: Any, what: str) -> Any:
    """Return a setting as JSON can hold it.

    Parameters
    ----------
    item : object
        None, a truth, a number, a text, or a tuple, frozenset or list of them.
    what : str
        What the error calls it.

    Raises
    ------
    UnplainError
        For anything else.

    Examples
    --------
    >>> plain((2, -0.0), "the argument n")
    {'tuple': [2, {'float': '-0x0.0p+0'}]}
    """
    if item is None or type(item) in (bool, int, str):
        return item
    if type(item) is float:
        return {"float": item.hex()}
    if type(item) in _PLAIN:
        parts = sorted(item, key=repr) if type(item) is frozenset else item
        return {_PLAIN[type(item)]: [plain(part, what) for part in parts]}
    raise UnplainError(
        f"{what} is {item!r} ({type(item).__name__}), which is no plain data: None, a bool, a number, a "
        "text, or a tuple of them; pass its name or its number in its place"
    )


_PLAIN: dict[type, str] = {tuple: "tuple", frozenset: "frozenset", list: "list"}
_KINDS = {name: kind for kind, name in _PLAIN.items()}


def from_plain(described: Any) -> Any:
    """Return the setting that `plain` was given.

    Examples
    --------
    >>> from_plain({"tuple": [2, {"float": "-0x0.0p+0"}]})
    (2, -0.0)
    """
    if described is None or type(described) in (bool, int, str):
        return described
    ((name, inside),) = described.items()
    return float.fromhex(inside) if name == "float" else _KINDS[name](map(from_plain, inside))


# ------------------------------------------------------------------------------------------------ structures


def described(structure: Structure) -> Any:
    """Return a structure as JSON can hold it.

    What cannot be described is described as that, so that only who writes it meets an error, by `unplain`.

    Examples
    --------
    >>> from autograd.transforms.trees import flatten
    >>> described(flatten([1.0, 2.0, {"a": np.ones(3)}])[1])
    {'list': [[2, 'number'], [1, {'dict': ['a'], 'parts': [[1, {'array': [3]}]]}]]}
    """
    if isinstance(structure, Leaf):
        return {"array": [*structure.shape]} if structure.is_array else _NUMBER
    if isinstance(structure.build_argument, Copier):
        return {"parameters": [*structure.keys]}
    if structure.kind is NoneType:
        return None
    parts = [[len([*same]), part] for part, same in groupby(map(described, structure.parts))]
    if structure.kind in _SEQUENCES:
        return {_SEQUENCES[structure.kind]: parts}
    try:
        if structure.kind is dict:
            return {"dict": [plain(key, "a key of a dict") for key in structure.keys], "parts": parts}
        if isinstance(structure.build, Record) or hasattr(structure.kind, "_make"):
            settings = {name: plain(of, f"the setting {name}") for name, of in structure.settings.items()}
            names = [*structure.keys]
            return {"class": name_of(structure.kind), "of": names, "parts": parts, "settings": settings}
    except UnplainError as error:
        return {"unplain": str(error)}
    return {
        "unplain": f"a {structure.kind.__name__} is no list, tuple, dict or dataclass of numbers and arrays"
    }


def name_of(kind: type) -> str:
    """Return by which name a class is found among those that whoever reads a description passes.

    Examples
    --------
    >>> name_of(Leaf)
    'autograd.transforms.trees.Leaf'
    """
    return f"{kind.__module__}.{kind.__qualname__}"


def unplain(tree: Any) -> Iterator[str]:
    """Yield what a description does not describe.

    Examples
    --------
    >>> [*unplain({"list": [[2, {"unplain": "a set"}]]})]
    ['a set']
    """
    if isinstance(tree, dict):
        if "unplain" in tree:
            yield tree["unplain"]
        for _, part in _groups(tree):
            yield from unplain(part)


def structure_of(tree: Any, classes: Classes = {}, *, is_result: bool = False) -> Structure:  # noqa: B006
    """Return the structure that `described` was given, with dicts in the places of modules.

    Parameters
    ----------
    tree : object
        The description, which may be any JSON.
    classes : mapping of str to type
        The dataclasses and named tuples that it may name.
    is_result : bool
        Whether it is that of a result, whose numbers of a module are one array.

    Raises
    ------
    KeyError
        For a class that is not among them.
    ValueError, TypeError
        For what is no description.

    Examples
    --------
    >>> str(structure_of({"tuple": [[2, "number"]]}))
    'tuple(0: number, 1: number)'
    """
    return _TreeReader(classes, is_result).read(tree)


# Of None.
_BUILDS_NONE = (parts_of(None) or ())[2:]


def _built(keys: Sequence[Any], parts: Sequence[Any]) -> dict[Any, Any]:
    return dict(zip(keys, parts, strict=True))


class _TreeReader:
    """Builds structures, and counts their parts."""

    def __init__(self, classes: Classes, is_result: bool) -> None:
        self.classes, self.is_result, self.parts = classes, is_result, 0

    def count(self, number: int) -> None:
        self.parts += number
        if self.parts > MOST_PARTS:
            raise ValueError(f"it has more than {MOST_PARTS:,} numbers and arrays in containers")

    def repeated(self, number: Any, tree: Any) -> tuple[Structure, ...]:
        """Return equal parts, of which each has the parts that are in it: a thousand of a thousand lists."""
        before, many = self.parts, _checked_size(number)
        part = self.read(tree)
        self.count((many - 1) * (self.parts - before) + many)
        return (part,) * many

    def read(self, tree: Any) -> Structure:
        if tree is None:
            return Branch(NoneType, (), (), *_BUILDS_NONE)
        if tree == _NUMBER:
            return Leaf(())
        if not isinstance(tree, dict):
            raise TypeError(f"it describes {tree!r}")
        if "array" in tree:
            shape = tuple([_checked_size(length) for length in tree["array"]])
            if prod([max(length, 1) for length in shape]) > 2**60:
                raise ValueError(f"it has an array of shape {shape}")
            return Leaf(shape, is_array=True)
        if "parameters" in tree:
            return self.parameters([_text(name) for name in tree["parameters"]])
        parts = tuple([part for number, of in _groups(tree) for part in self.repeated(number, of)])
        if "list" in tree or "tuple" in tree:
            kind: Any = list if "list" in tree else tuple
            return Branch(kind, (*range(len(parts)),), parts, kind, kind)
        if "dict" in tree:
            keys = [from_plain(key) for key in tree["dict"]]
            if len({*keys}) != len(parts):
                raise ValueError("a dict has other keys than parts")
            build = partial(_built, keys)
            return Branch(dict, (*keys,), parts, build, build)
        return self.of_class(tree, parts)

    def parameters(self, names: list[str]) -> Structure:
        """Return the structure of a dict in the place of a module."""
        self.count(len({*names}))
        build = partial(_built, names)
        argument = Copier(None, ()) if self.is_result else build
        return Branch(dict, (*names,), (Leaf(()),) * len(names), build, argument)

    def of_class(self, tree: dict[str, Any], parts: tuple[Structure, ...]) -> Structure:
        """Return the structure of an object of a dataclass, or a named tuple."""
        known = self.classes[_text(tree["class"])]
        kind: Any = known
        names = tuple([_text(name) for name in tree["of"]])
        if len({*names}) != len(parts):
            raise ValueError(f"{kind.__qualname__} has other names than parts")
        if is_dataclass(kind):
            settings = {_text(name): from_plain(of) for name, of in tree["settings"].items()}
            build: Any = Record(kind, names, Settings(settings))
            return Branch(known, names, parts, build, build, build.settings)
        if names != getattr(kind, "_fields", None):
            raise ValueError(f"{kind.__qualname__} has other fields than {', '.join(names)}")
        return Branch(kind, names, parts, kind._make, kind._make)


def _groups(tree: dict[str, Any]) -> Sequence[tuple[Any, Any]]:
    """Return how many equal parts there are one after the other, and what they are."""
    found = tree.get("parts", tree.get("list", tree.get("tuple", [])))
    return [(number, part) for number, part in found]


def _checked_size(number: object) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(f"it has {number!r} where a size belongs")
    return number


def _text(item: Any) -> str:
    if type(item) is not str:
        raise TypeError(f"it has {item!r} where a name belongs")
    return item


def classes_in(tree: Any) -> Iterator[str]:
    """Yield the names of the classes that a description needs.

    Examples
    --------
    >>> [*classes_in({"class": "tools.Point", "of": [], "parts": [], "settings": {}})]
    ['tools.Point']
    """
    if isinstance(tree, dict):
        if "class" in tree:
            yield _text(tree["class"])
        for _, part in _groups(tree):
            yield from classes_in(part)


def has_modules(tree: Any) -> bool:
    """Return whether a description has a dict in the place of a module.

    Examples
    --------
    >>> has_modules({"tuple": [[1, {"parameters": ["w"]}]]}), has_modules({"array": [2]})
    (True, False)
    """
    is_branch = isinstance(tree, dict)
    return is_branch and ("parameters" in tree or any(has_modules(part) for _, part in _groups(tree)))


def example_of(structure: Structure) -> Any:
    """Return a tree of a structure, whose arrays take no memory.

    Examples
    --------
    >>> example_of(structure_of({"tuple": [[1, "number"], [1, {"array": [2]}]]}))
    (0.0, array([0., 0.]))
    """
    if isinstance(structure, Leaf):
        return np.broadcast_to(np.float64(0.0), structure.shape) if structure.is_array else 0.0
    return structure.build([example_of(part) for part in structure.parts])


def _letter(number: int) -> str:
    return "nmklpqr"[number - 1] if number <= 7 else f"n{number}"


def each_part(tree: Any) -> Iterator[Any]:
    """Yield the descriptions of the parts of a container.

    Examples
    --------
    >>> [*each_part({"list": [[2, "number"], [1, None]]})]
    ['number', 'number', None]
    """
    for number, part in _groups(tree):
        yield from repeat(part, number)


def with_lengths(structure: Structure, tree: Any) -> Any:
    """Return a description with the shapes of a structure, in which some lengths may be negative.

    Examples
    --------
    >>> with_lengths(Leaf((-1, 3), is_array=True), {"array": [5, 3]})
    {'array': [-1, 3]}
    """
    if isinstance(structure, Leaf):
        return described(structure)
    if "parameters" in (tree or ()):
        return tree
    parts = [[1, with_lengths(*pair)] for pair in zip(structure.parts, each_part(tree), strict=True)]
    return tree and {name: parts if name in ("parts", "list", "tuple") else of for name, of in tree.items()}


def shown(tree: Any) -> str:
    """Return a description for people, in which negative lengths are letters.

    Examples
    --------
    >>> shown({"tuple": [[3, "number"], [1, {"dict": ["a"], "parts": [[1, {"array": [-1, 3]}]]}]]})
    "(3 numbers, {'a': array (n, 3)})"
    """
    if tree is None or tree == _NUMBER:
        return "None" if tree is None else _NUMBER
    if "array" in tree:
        sizes = [str(length) if length >= 0 else _letter(-length) for length in tree["array"]]
        return f"array ({', '.join(sizes)}{',' * (len(sizes) == 1)})"
    if "parameters" in tree:
        return f"dict of {len(tree['parameters'])} parameters"
    texts = [shown(part) if n == 1 else f"{n} {shown(part)}s" for n, part in _groups(tree)]
    if "dict" in tree and len(tree["dict"]) == len(texts):
        texts = [f"{from_plain(key)!r}: {text}" for key, text in zip(tree["dict"], texts, strict=True)]
    opening, closing = ("[", "]") if "list" in tree else ("{", "}") if "dict" in tree else ("(", ")")
    return f"{str(tree.get('class', '')).rpartition('.')[2]}{opening}{', '.join(texts)}{closing}"
