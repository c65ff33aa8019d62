"""Programs kept by their tape: for the same tape no pass runs again, and no other tape gets its program."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from programs import Program
from strategies import by_hypothesis, expressions, programs
from test_jit_backends import run_program
from test_programs import TRANSFORMS, arguments, as_a_table, drawn_for, evaluated

import autograd
from autograd import Value, jit, value_and_grad, vmap
from autograd.compiler import Jitted, findings
from autograd.compiler import compile as compiled
from autograd.compiler.arrays.plan import Plan, Results
from autograd.compiler.found import Found, FoundArrays, FoundArrayTable, FoundTable, size_of
from autograd.compiler.found_records import what_is_in
from autograd.compiler.numba.source import loops_source
from autograd.compiler.runtime import records
from autograd.compiler.runtime.packing import packed, unpacked
from autograd.compiler.runtime.program import UnsuitableError
from autograd.compiler.runtime.recently_used import RecentlyUsed
from autograd.compiler.trace.fingerprint import fingerprint
from autograd.compiler.trace.tape import Tape, tape_of
from autograd.ops.structural import Structural
from autograd.ops.table import OPS
from autograd.transforms.batch_operations import lane, stack, total


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a cache directory that is not there yet; nothing is kept in memory."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    findings.forget()
    yield tmp_path / "cache"
    findings.forget()


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[Found]:
    """Return a list that has an item for each time that the passes ran: what they found."""
    runs: list[Found] = []
    monkeypatch.setattr(findings, "size_of", added_to(runs, size_of))
    return runs


def added_to(runs: list[Any], size: Callable[[Found], int]) -> Callable[[Found], int]:
    """Return a function that adds what was found, of which the size is asked once, to a list."""

    def adding(found: Found) -> int:
        runs.append(found)
        return size(found)

    return adding


def written(home: Path) -> list[Path]:
    """End what stands for a process: write what it keeps, forget it, and return the records on disk."""
    findings.write_rest()
    findings.forget()
    folder = home / "tapes"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def loss(w: Any, x: Any) -> Any:
    """Return the loss of a model."""
    return (vmap(lambda row: autograd.tanh(w @ row))(x) ** 2).sum()


W, X = np.array([0.5, -1.5]), np.arange(6.0).reshape(3, 2)

# ---------------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("where", ["in memory", "on disk"])
def test_the_same_function_again(home: Path, passes: list[Found], where: str) -> None:
    """A second function with the same tape runs no pass, and gives the same results, source and report."""
    first = jit(value_and_grad(loss), backend="numpy")
    expected = first(W, X)
    if where == "on disk":
        written(home)
    second = jit(value_and_grad(lambda w, x: loss(w, x)), backend="numpy")
    found = second(W, X)
    assert len(passes) == 1
    assert found[0] == expected[0]
    assert found[1].tobytes() == expected[1].tobytes()
    assert second.source == first.source
    assert (first.report().passes, second.report().passes) == ("run", where.split()[1])
    assert second.report()._replace(seconds=0.0, passes="run") == first.report()._replace(seconds=0.0)


def test_numba_of_a_kept_program(home: Path, passes: list[Found]) -> None:
    """Numba compiles a kept program, from the plan that is kept with it, to the same machine code."""
    pytest.importorskip("numba")
    results, folders = [], []
    for _ in range(2):
        f = jit(value_and_grad(loss), backend="numba")
        f(W, X)
        f.wait()
        assert f.report().backend == "numba"
        results.append(f(W, X)[1].tobytes())
        # With those of the program, that of the entry, which is compiled once a process.
        folders.append({path.name for path in home.iterdir() if path.name != "tapes"})
    assert len(passes) == 1
    assert results[0] == results[1]
    assert folders[0] == folders[1] != set()


def test_a_table_is_kept(home: Path, passes: list[Found]) -> None:
    """An irregular program, which is interpreted, is kept as well."""
    f = [jit(lambda x: (x[0] * 3.0 - x[1]) / x[2], backend="numpy") for _ in range(2)]
    with as_a_table():
        values = [each(np.array([2.0, 4.0, 8.0])) for each in f]
    assert len(passes) == 1
    assert values == [0.25, 0.25]
    assert f[1].source == f[0].source
    assert f[1].report().interpreted == 3


def test_a_sample_is_kept(home: Path, passes: list[Found]) -> None:
    """So is the program of one sample."""
    for factor in (3.0, 3.0, 5.0):
        assert jit(vmap(lambda x, c=factor: x * c))(W).tolist() == (W * factor).tolist()
    assert len(passes) == 2


@given(program=programs() | expressions(), data=st.data())
def test_what_is_read_is_what_was_written(program: Program, data: st.DataObject) -> None:
    """From a record come the same NumPy and the same loops as from what the passes found."""
    name, samples = drawn_for(program, by_hypothesis(data.draw))
    f, of = TRANSFORMS[name](program), arguments(program, 0, samples=samples)
    is_table = data.draw(st.booleans())
    seen: list[Found] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "_known", RecentlyUsed[Found](0))
        patch.setattr(findings, "read", lambda key: None)
        patch.setattr(findings, "write", lambda key, record: seen.append(what_is_in(record)))
        patch.setattr(findings, "size_of", added_to(seen, lambda found: 1))
        if is_table:
            patch.setattr(compiled, "_MOST_ARRAYS", 0)
        evaluated(Jitted(f, "numpy"), *of)
    # A compiled function that the program calls on constants was found before it.
    found, again = seen[-2:]
    same(again, found)


DTYPES = [np.dtype(name) for name in ("float64", "float32", "int64", "int32", "intp")]


@given(
    st.lists(
        st.sampled_from(DTYPES).flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=0, min_side=0)))
    )
)
def test_arrays_of_any_numbers(given_arrays: list[Any]) -> None:
    """Arrays are packed and unpacked bit for bit, whatever their numbers are."""
    tree, found = unpacked(packed(["text", None, 3], given_arrays))
    assert tree == ["text", None, 3]
    assert [(of.dtype, of.shape, of.tobytes()) for of in found] == [
        (of.dtype, of.shape, of.tobytes()) for of in given_arrays
    ]


def test_how_much_integers_may_unpack_to() -> None:
    """Integers of as many bytes as there may be are unpacked, wide and narrow, before floats and behind."""
    given_arrays = [np.array([2**40, -3]), np.array([0.5]), np.array([7], np.int32), np.array([1.5])]
    data = packed(None, given_arrays)
    _, found = unpacked(data, 24)
    assert [of.tolist() for of in found] == [[2**40, -3], [0.5], [7], [1.5]]
    with pytest.raises(ValueError, match="at most 23 bytes"):
        unpacked(data, 23)


def same(again: Found, found: Found) -> None:
    """Assert that two programs are the same."""
    assert again[-2:] == found[-2:]
    if isinstance(found, FoundTable):
        assert isinstance(again, FoundTable)
        assert repr(again.schedule) == repr(found.schedule)
        return
    if isinstance(found, FoundArrayTable):
        assert repr(again) == repr(found)
        return
    assert isinstance(again, FoundArrays)
    assert again.source.text == found.source.text
    (plan, results), (other, of_other) = found.plan(), again.plan()
    shapes = {block.argument: block.shape for block in plan.blocks.values() if block.argument is not None}
    all_shapes = [shapes.get(i, ()) for i in range(max(shapes, default=-1) + 1)]
    text, again_text = (
        loops_or_reason(of, all_shapes, of_results) for of, of_results in ((plan, results), (other, of_other))
    )
    assert again_text == text


def loops_or_reason(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> str:
    """Return the loops of a program, or why it has none."""
    try:
        return repr(loops_source(plan, shapes, results))
    except UnsuitableError as reason:
        return str(reason)


# ------------------------------------------------------------------------------------------------- what tells


def by_bits(number: float) -> bytes:
    """Return the bits of a number: -0.0 equals 0.0, and nan does not equal itself."""
    return struct.pack("d", number)


NAN = struct.unpack("d", struct.pack("Q", 0x7FF8000000000001))[0]
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 1.0000000000000002, 5e-324, math.inf, math.nan, NAN]) | st.floats()


@st.composite
def tapes(draw: st.DrawFn) -> Tape:
    """Draw a tape of any inputs, constants and rows."""
    tape = Tape()
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["input", "constant", "row"]))
        if kind == "input":
            tape.input(draw(st.integers(0, 2)), draw(st.integers(0, 3)))
        elif kind == "constant" or not len(tape):
            tape.constant(draw(NUMBERS))
        else:
            op = OPS[draw(st.sampled_from(["add", "mul", "sub", "exp", "sum", "dot"]))]
            count = draw(st.integers(1, 4)) if op.variadic else len(op.partials)
            tape.add(op, tuple(draw(st.integers(0, len(tape) - 1)) for _ in range(count)))
    tape.outputs = draw(st.lists(st.integers(0, len(tape) - 1), max_size=3))
    return tape


def told(tape: Tape) -> Any:
    """Return what tells a tape from others."""
    numbers = [None if number is None else by_bits(number) for number in tape.numbers]
    return [*map(id, tape.ops)], tape.args, numbers, tape.inputs, tape.outputs


@settings(max_examples=300)
@given(tapes(), tapes())
def test_two_tapes(one: Tape, other: Tape) -> None:
    """Two tapes have the same fingerprint exactly if they are equal."""
    assert (fingerprint(one, "") == fingerprint(other, "")) == (told(one) == told(other))


def test_operations_on_samples_have_fingerprints() -> None:
    """Programs that stack samples, add them up or take one of them are told apart, and can be kept."""
    x = [Value(1.0), Value(2.0)]
    stacked = stack(x)
    found = [
        fingerprint(tape_of([of], [x]), "")
        for of in (stacked, stacked * 2.0, total(stacked, 2), lane(stacked, 0), lane(stacked, 1))
    ]
    assert None not in found
    assert len({*found}) == 5


@settings(max_examples=300)
@given(tapes(), st.data())
def test_a_changed_tape(tape: Tape, data: st.DataObject) -> None:
    """A copy has the same fingerprint, and no longer after any change."""
    other = deepcopy(tape)
    assert fingerprint(other, "") == fingerprint(tape, "")
    i = data.draw(st.integers(0, len(tape) - 1))
    change = data.draw(st.sampled_from(["op", "args", "number", "input", "outputs", "length"]))
    if change == "op":
        other.ops[i] = OPS["tan"] if other.ops[i] is not OPS["tan"] else None
    elif change == "args":
        other.args[i] = (*other.args[i], 0)
    elif change == "number":
        given = other.numbers[i]
        other.numbers[i] = -0.0 if given is None or by_bits(given) != by_bits(-0.0) else 0.0
    elif change == "input":
        k, position = other.inputs.get(i, (0, 0))
        other.inputs[i] = k, position + 1
    elif change == "outputs":
        other.outputs.append(i)
    else:
        other.constant(0.0)
    assert fingerprint(other, "") != fingerprint(tape, "")


@given(programs(), st.data())
def test_a_program_traced_twice(program: Program, data: st.DataObject) -> None:
    """What is traced twice has the same fingerprint: no tape depends on addresses or the order of a set."""
    name, samples = drawn_for(program, by_hypothesis(data.draw))
    seen: list[str | None] = []

    def known(tape: Tape, settings: str) -> str | None:
        seen.append(fingerprint(tape, settings))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "fingerprint", known)
        for _ in range(2):
            evaluated(Jitted(TRANSFORMS[name](program), "numpy"), *arguments(program, 0, samples=samples))
    # A batch in which no pattern is found is traced once more, with its samples side by side.
    assert len(seen) in (2, 4)
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    assert None not in seen


CHANGES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "a shape": (lambda x: x * 2.0, np.ones((2, 2))),
    "a number": (lambda x: x * 3.0, W),
    "the sign of a zero": (lambda x: x * -0.0, W),
    "a row": (lambda x: x + 2.0, W),
    "the shape of the result": (lambda x: (x * 2.0).reshape(2, 1), W),
    "the order of the results": (lambda x: (x * 2.0)[::-1], W),
    "the name of an argument": (lambda y: y * 2.0, W),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_program_depends_on(home: Path, passes: list[Found], change: str) -> None:
    """A function that differs in anything gets a program of its own."""
    f, x = CHANGES[change]
    jit(lambda x: x * 2.0)(W)
    jit(lambda x: x * 0.0)(W)
    compiled_f = jit(f)
    np.testing.assert_array_equal(compiled_f(x), f(x))
    assert np.signbit(compiled_f(x)).tolist() == np.signbit(f(x)).tolist()
    assert len(passes) == 3


def test_what_a_function_reads(home: Path, passes: list[Found]) -> None:
    """A constant that the function reads is read anew by each new function, and after clear_cache()."""
    scale = [2.0]
    f = jit(lambda x: x * scale[0])
    assert f(3.0) == 6.0
    scale[0] = 5.0
    assert f(3.0) == 6.0
    f.clear_cache()
    assert f(3.0) == 15.0
    assert len(passes) == 2


def test_an_operation_without_a_name() -> None:
    """A program with an operation that is not known by a name is not kept."""
    x = Value(2.0)
    tape = tape_of([x.exp()], [[x]])
    assert fingerprint(tape, "") is not None
    tape.ops[1] = _renamed("exp")
    assert fingerprint(tape, "") is None


def _renamed(name: str) -> Any:
    """Return a row that is not the table's, but has the name of one."""
    op = OPS[name]
    other = object.__new__(type(op))
    for field in op.__dataclass_fields__:
        object.__setattr__(other, field, getattr(op, field))
    return other


def test_another_compiler(home: Path, passes: list[Found], monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed compiler, or another version of NumPy, does not read what this one kept."""
    jit(lambda x: x * 2.0)(W)
    for stamp in ("another", "and another"):
        monkeypatch.setattr(findings, "_stamp", lambda stamp=stamp: stamp)
        assert jit(lambda x: x * 2.0)(W).tolist() == [1.0, -3.0]
    assert len(passes) == 3
    assert len(written(home)) == 3


def test_an_unknown_compiler(home: Path, passes: list[Found], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the files of the compiler cannot be looked at, nothing is kept."""
    monkeypatch.setattr(findings, "_stamp", lambda: "")
    assert jit(lambda x: x * 2.0)(W).tolist() == [1.0, -3.0]
    assert (passes, written(home)) == ([], [])


# ----------------------------------------------------------------------------------------------- what is read


def damaged(path: Path) -> None:
    """Change a byte in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def of_another_tape(path: Path) -> None:
    """Put the intact record of another tape in its place."""
    jit(lambda x: x * 7.0, backend="numpy")(W)
    (other,) = set(written(path.parent.parent)) - {path}
    other.replace(path)


def a_link(path: Path) -> None:
    """Put a symbolic link in its place."""
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def a_folder(path: Path) -> None:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    """Put a pipe in its place, into which nobody writes."""
    path.unlink()
    os.mkfifo(path, mode=0o600)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "a byte": damaged,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"!"),
    "of another tape": of_another_tape,
    "open to others": lambda path: path.chmod(0o666),
    "in a folder open to others": lambda path: path.parent.chmod(0o777),
    "in a cache open to others": lambda path: path.parent.parent.chmod(0o777),
    "a link": a_link,
    "a folder": a_folder,
    "a pipe": a_pipe,
    "gone": lambda path: path.unlink(),
}


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are those of POSIX")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_not_to_be_trusted(home: Path, passes: list[Found], damage: str) -> None:
    """A file that is damaged, or that others could have written, is not read; the passes run instead."""
    expected = jit(value_and_grad(loss), backend="numpy")(W, X)
    (path,) = written(home)
    DAMAGES[damage](path)
    findings.forget()
    passes.clear()
    found = jit(value_and_grad(loss), backend="numpy")(W, X)
    assert len(passes) == 1
    assert (found[0], found[1].tolist()) == (expected[0], expected[1].tolist())


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no users")
def test_a_file_of_somebody_else(home: Path, passes: list[Found], monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of another user are not read."""
    jit(lambda x: x * 2.0)(W)
    assert len(written(home)) == 1
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    assert jit(lambda x: x * 2.0)(W).tolist() == [1.0, -3.0]
    assert len(passes) == 2


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_is_written_is_closed_to_others(home: Path, umask: int) -> None:
    """Folders and files are open to their owner alone, whatever the umask."""
    before = os.umask(umask)
    try:
        jit(lambda x: x * 2.0)(W)
    finally:
        os.umask(before)
    (path,) = written(home)
    assert [each.stat().st_mode & 0o777 for each in (path, path.parent, home)] == [0o600, 0o700, 0o700]


@pytest.mark.parametrize("obstacle", ["a file in its place", "a file in the place of its folder"])
def test_where_nothing_can_be_written(home: Path, passes: list[Found], obstacle: str) -> None:
    """Where no file can be written, programs are kept in memory alone, without a word."""
    if obstacle == "a file in its place":
        home.write_text("")
    else:
        home.mkdir(mode=0o700)
        (home / "tapes").write_text("")
    for _ in range(2):
        assert jit(lambda x: x * 2.0)(W).tolist() == [1.0, -3.0]
    assert len(passes) == 1


PROGRAM = """
import numpy as np
from autograd import jit
from autograd.compiler import findings

runs, size_of = [], findings.size_of
findings.size_of = lambda found: runs.append(1) or size_of(found)
f = jit(lambda x: (x * x).sum())
print(f(np.arange(3.0)), len(runs), len(f.source))
"""


def test_a_second_process(tmp_path: Path) -> None:
    """A second process runs no pass, and gives what the first did."""
    cache = tmp_path / "cache"
    first = run_program(cache, PROGRAM)
    assert first[:2] == ["5.0", "1"]
    assert run_program(cache, PROGRAM) == ["5.0", "0", first[2]]


# ------------------------------------------------------------------------------------------------- how many


def test_a_product_is_kept_by_its_factors(home: Path, passes: list[Found]) -> None:
    """Of a matrix product are kept its rows and its columns, which take a twentieth of all their pairs."""
    jit(lambda a, b: a @ b, "numpy")(np.ones((20, 20)), np.ones((20, 20)))
    assert size_of(passes[0]) < 2 * 20**3 * np.intp().nbytes / 10


def test_the_memory_is_bounded(home: Path, passes: list[Found], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was used longest ago is written when there is no room for it, and what is too large at once."""
    monkeypatch.setattr(findings, "_known", RecentlyUsed[Found](4))
    sizes = iter([1] * 5 + [2])
    monkeypatch.setattr(findings, "size_of", added_to(passes, lambda found: next(sizes)))
    for factor in (1.5, 2.5, 3.5, 4.5, 1.5, 5.5):
        jit(lambda x, c=factor: x * c)(W)
    assert len(passes) == 5
    assert len(list((home / "tapes").iterdir())) == 1
    jit(lambda x: x * 6.5)(W)
    assert len(list((home / "tapes").iterdir())) == 2
    assert len(written(home)) == 6
    for factor in (1.5, 2.5, 3.5, 4.5, 5.5, 6.5):
        assert jit(lambda x, c=factor: x * c)(W).tolist() == (W * factor).tolist()
    assert len(passes) == 6


class Raced(RecentlyUsed[Any]):
    """One that another thread clears while its items are gone through, if there are so many."""

    most = 5

    def __iter__(self) -> Iterator[str]:
        keys = [*super().__iter__()]
        if len(keys) == self.most:
            self.clear()
        return iter(keys)


def test_what_another_thread_has_forgotten(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gone by the time that there is no room for it, or that it is written, is no error."""
    raced = Raced(4)
    for key in "abcde":
        assert raced.put(key, key, 1) == []
    assert raced.find("e") is None
    monkeypatch.setattr(findings, "_known", Raced(10**6))
    jit(lambda x: x * 7.5)(W)
    monkeypatch.setattr(Raced, "most", 1)
    findings.write_rest()
    assert written(home) == []


def test_what_took_long_is_written_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may be killed, and what took long is not to be lost."""
    monkeypatch.setattr(findings, "LONG", 0.0)
    jit(lambda x: x * 2.0)(W)
    assert len(list((home / "tapes").iterdir())) == 1


def test_the_disk_is_bounded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files not used for longest are deleted now and then, and nothing that is not a record."""
    monkeypatch.setattr(records, "KEPT", 3000)
    names = [f"{i:032x}" for i in range(1, 6)]
    (home / "tapes").mkdir(mode=0o700, parents=True)
    (home / "tapes" / "note.txt").write_text("mine" * 1000)
    for time, name in enumerate(names):
        records.write(name, bytes(900))
        os.utime(home / "tapes" / name, (time, time))
    assert records.read(names[2]) is not None  # Used again, and so the last one.
    records.write(f"{6:032x}", bytes(900))
    left = {path.name for path in (home / "tapes").iterdir()}
    assert left == {"note.txt", names[2], names[4], f"{6:032x}"}


def test_a_compiler_without_files_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its files cannot be looked at, as in an archive, nobody knows whether it is the same compiler."""
    monkeypatch.setattr(findings, "_files", lambda: [Path("/nowhere/at/all.py")])
    assert findings._stamp.__wrapped__() == ""


def test_an_operation_that_pickle_refuses_has_no_name() -> None:
    """Its programs are not kept: it cannot be told from another one."""

    class Refused(Structural):
        name = "refused"

        def __reduce__(self) -> Any:
            raise TypeError("cannot pickle it")

    tape = Tape()
    tape.outputs.append(tape.add(Refused(), ()))
    assert fingerprint(tape, "") is None
