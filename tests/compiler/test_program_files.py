"""Files of compiled programs that are damaged, foreign or hostile: an error that says so, and no more."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_saved_programs import KINDS, Line, Pair, returned

from autograd import jit, load
from autograd.compiler import Loaded
from autograd.compiler.arguments.plain_trees import name_of, structure_of
from autograd.compiler.program_files import MAGIC, NotProgramsError, bytes_of, function_in, sealed
from autograd.compiler.runtime.packing import packed, unpacked


def saved(kind: str) -> bytes:
    """Return the bytes of a program of some kind."""
    f, args = KINDS[kind]
    return bytes_of(returned(f, *args)[0])


SMALL = saved("numbers")


def test_every_truncation(tmp_path: Path) -> None:
    """A file that ends early is refused, wherever it ends."""
    for end in range(len(SMALL)):
        with pytest.raises(NotProgramsError):
            Loaded(function_in(SMALL[:end]))
    (tmp_path / "f").write_bytes(SMALL[:-1])
    with pytest.raises(ValueError, match=r"'.*f' does not hold compiled programs: it is damaged"):
        load(tmp_path / "f")


def test_every_flipped_byte() -> None:
    """A file with another byte is refused, whichever it is."""
    for at in range(len(SMALL)):
        with pytest.raises(NotProgramsError):
            Loaded(function_in(SMALL[:at] + bytes([SMALL[at] ^ 0x55]) + SMALL[at + 1 :]))


def test_other_files(tmp_path: Path) -> None:
    """Files of others, folders, devices and later versions are named in the error."""
    (tmp_path / "f").write_text("import os")
    with pytest.raises(ValueError, match="does not begin as one"):
        load(tmp_path / "f")
    with pytest.raises(OSError, match="directory"):
        load(tmp_path)
    with pytest.raises(ValueError, match="a device or a pipe"):
        load("/dev/zero")
    later = MAGIC + (2).to_bytes(2, "little") + SMALL[len(MAGIC) + 2 :]
    with pytest.raises(NotProgramsError, match="version 2 of the format, and this autograd reads 1"):
        function_in(later)


def test_an_older_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Where saving fails, the older file is still there."""
    f = jit(lambda x: x * 2.0, "numpy")
    f(1.0)
    f.save(tmp_path / "f")
    before = (tmp_path / "f").read_bytes()
    g = jit(lambda x, g: g(x), "numpy", static_argnums=1)
    g(1.0, abs)
    with pytest.raises(ValueError, match="no plain data"):
        g.save(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


# ------------------------------------------------------------------------------------------------- hostile


def taken_apart(data: bytes) -> tuple[Any, bytes, bytes]:
    """Return what a file with one program says of it, what comes before its plan, and the plan."""
    rest = data[len(MAGIC) + 34 :]
    size = 8 + int.from_bytes(rest[:8], "little")
    program = rest[size:]
    start = 8 + int.from_bytes(program[:8], "little")
    return json.loads(rest[8:size]), program[:start], program[start:]


def put_together(head: Any, before: bytes, plan: bytes) -> bytes:
    """Return such a file, with the right digest."""
    return sealed(json.dumps(head).encode(), before + plan)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where the items of a JSON text are."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path] * bool(path) + [place for key, part in pairs for place in places(part, (*path, key))]


CODE = "__import__('os').abort()"
OTHERS: list[Any] = [None, True, -1, 0, 1, 3, 10**12, 2**70, 0.5, "", CODE, "x", [], [[]], {}, {"tuple": []}]
FILES = {kind: saved(kind) for kind in ("numbers", "trees", "open lengths", "loops", "loops of Python")}


def changed(tree: Any, place: tuple[Any, ...], other: Any) -> None:
    """Put something else at a place of a JSON text."""
    for key in place[:-1]:
        tree = tree[key]
    tree[place[-1]] = other


TEXTS: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "no text": (("function",), 3, "3 where a text belongs"),
    "no name": (("called", 3), "a b", "'a b' where a name belongs"),
    "no size": (("programs", 0, "size"), -1, "-1 where a whole number belongs"),
    "no programs": (("programs",), [], "other programs than it says"),
    "a label": (("programs", 0, "labels", 0), "x; y", "no proper names"),
    "no arguments": (("programs", 0, "arguments"), [], "other arguments than it has"),
    "an unknown length": (
        ("programs", 0, "lengths"),
        [[[-1], []], [[-2, ["__ge__", 1, True]]]],
        "compares lengths in a way that there is not",
    ),
    "another shape": (("programs", 0, "shapes", 0), [2], "takes other arguments than it describes"),
    "other results": (("programs", 0, "results", 0), [2], "its results have other shapes"),
    "no kind of parameter": (("parameters",), [["x", 7, False]], "7"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_text_must_not_say(name: str) -> None:
    """What is wrong is named."""
    place, other, message = TEXTS[name]
    head, before, plan = taken_apart(FILES["numbers"])
    changed(head, place, other)
    with pytest.raises(NotProgramsError, match=re.escape(message)):
        Loaded(function_in(put_together(head, before, plan)))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (bytes(31), "buffer is smaller"),
        ((2**27 + 1).to_bytes(8, "little") + bytes(24), "expected data of at most 1,073,741,824 bytes"),
        (
            packed(None, [np.zeros(1)]).replace(b"<f8", b"<c8"),
            "expected arrays of floats or integers, got '<c8'",
        ),
    ],
)
def test_arrays_that_are_none(plan: bytes, message: str) -> None:
    """So is what is wrong with its arrays."""
    head, before, old = taken_apart(FILES["numbers"])
    head["programs"][0]["size"] += len(plan) - len(old)
    with pytest.raises(NotProgramsError, match=f"a program in it is none: .*{message}"):
        Loaded(function_in(put_together(head, before, plan)))


def test_arrays_that_are_not_written() -> None:
    """Truths have no place in a file: they are no positions."""
    with pytest.raises(TypeError, match="expected arrays of floats or integers"):
        packed(None, [np.array([True])])


def test_a_function_whose_parameters_python_does_not_know() -> None:
    """Such a function is saved without them, and is called as it was."""
    f = jit(dict, "numpy")
    f(x=3.0)
    assert Loaded(function_in(bytes_of(f)))(x=4.0) == {"x": 4.0}


@given(kind=st.sampled_from([*FILES]), data=st.data(), other=st.sampled_from(OTHERS))
def test_other_texts(kind: str, data: st.DataObject, other: Any) -> None:
    """Whatever is said of the programs, they are refused, or compute numbers."""
    head, before, plan = taken_apart(FILES[kind])
    changed(head, data.draw(st.sampled_from(places(head))), other)
    check(put_together(head, before, plan), KINDS[kind][1])


@given(kind=st.sampled_from([*FILES]), data=st.data(), other=st.sampled_from(OTHERS))
def test_other_plans(kind: str, data: st.DataObject, other: Any) -> None:
    """Whatever a file says of the arrays of a program, it is refused, or computes numbers."""
    head, before, plan = taken_apart(FILES[kind])
    tree, arrays = unpacked(plan)
    filled = [array for array in arrays if array.size]
    if data.draw(st.booleans()):
        array = data.draw(st.sampled_from(filled))
        at = data.draw(st.integers(0, array.size - 1))
        array.reshape(-1)[at] = data.draw(st.sampled_from([-1, 0, 1, 2, 7, 2**40]))
    else:
        changed(tree, data.draw(st.sampled_from(places(tree))), other)
    again = packed(tree, arrays)
    head["programs"][0]["size"] += len(again) - len(plan)
    check(put_together(head, before, again), KINDS[kind][1])


def check(data: bytes, args: tuple[Any, ...]) -> None:
    """Assert that a program is refused, or computes numbers, or refuses these arguments."""
    try:
        loaded = Loaded(function_in(data))
    except NotProgramsError:
        return
    assert CODE not in loaded.source
    repr(loaded.report())
    with suppress(ValueError, TypeError, IndexError):
        loaded(*args)


def deep(depth: int) -> Any:
    """Return the description of a thousand lists of a thousand lists, and so on."""
    tree: Any = "number"
    for _ in range(depth):
        tree = {"list": [[1000, tree]]}
    return tree


TREES: dict[str, tuple[Any, str]] = {
    "many of many": (deep(6), "more than 4,000,000 numbers and arrays"),
    "many of few": ({"list": [[1, deep(2)]] * 4}, "more than 4,000,000 numbers and arrays"),
    "no list": ({"list": 3}, "wrong"),
    "no name": ({"class": 3, "of": [], "parts": []}, "a name belongs"),
    "nothing known": ("numbers", "describes 'numbers'"),
    "a length below nothing": ({"array": [-1]}, "-1 where a size belongs"),
    "too large an array": ({"array": [2**40, 0, 2**40]}, "an array of shape"),
    "a dict of fewer": ({"dict": ["a", "a"], "parts": [[2, "number"]]}, "other keys than parts"),
}


@pytest.mark.parametrize(
    ("kind", "names", "message"),
    [
        (Line, ["slope", "slope"], "Line has other names than parts"),
        (Pair, ["b", "a"], "Pair has other fields than b, a"),
    ],
)
def test_objects_of_other_fields(kind: type, names: list[str], message: str) -> None:
    """A class that whoever loads a program passes is built of its own fields only."""
    tree = {"class": name_of(kind), "of": names, "parts": [[2, "number"]], "settings": {}}
    with pytest.raises(ValueError, match=message):
        structure_of(tree, {name_of(kind): kind})


@pytest.mark.parametrize("where", ["arguments", "result"])
@pytest.mark.parametrize("name", TREES)
def test_structures_that_are_too_large_or_none(tmp_path: Path, where: str, name: str) -> None:
    """Few bytes may describe lists of lists of lists: they are refused before they are built."""
    tree, message = TREES[name]
    head, before, plan = taken_apart(FILES["numbers"])
    head["programs"][0][where] = tree if where == "result" else [tree, *head["programs"][0][where][1:]]
    (tmp_path / "f").write_bytes(put_together(head, before, plan))
    with pytest.raises(ValueError, match=rf"'.*f' does not hold compiled programs: .*{message}"):
        load(tmp_path / "f")


def test_a_structure_that_is_too_deep(tmp_path: Path) -> None:
    """What no recursion can read to its end is refused, too."""
    tree = '{"list": [[1, ' * 5_000 + '"number"' + "]]}" * 5_000
    head, before, plan = taken_apart(FILES["numbers"])
    head["programs"][0]["result"] = 0
    text = json.dumps(head).replace('"result": 0', f'"result": {tree}')
    (tmp_path / "f").write_bytes(sealed(text.encode(), before + plan))
    with pytest.raises(ValueError, match=r"'.*f' does not hold compiled programs: "):
        load(tmp_path / "f")
