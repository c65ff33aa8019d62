"""The cache directory: private to its owner, verified when read, and nothing else in it is touched."""

from __future__ import annotations

import errno
import math
import os
import shutil
import stat
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_jit_backends import PROGRAM, run_program

from autograd.compiler.numba import functions, machine_code
from autograd.compiler.numba.build import HEAD
from autograd.compiler.numba.functions import with_all_functions
from autograd.compiler.runtime import cache, records
from autograd.compiler.runtime.program import UnsuitableError
from autograd.ops.meanings import FLOAT
from autograd.ops.table import OPS

EXPECTED = ["True", "5.43656365691809", "numba"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache directory of this process."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    return tmp_path


def tree(folder: Path) -> set[str]:
    """Return all paths in a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# -------------------------------------------------------------------------------------------- what is deleted


def test_nothing_of_others_is_deleted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with other files, only programs that the cache wrote are deleted."""
    monkeypatch.setattr(cache, "KEPT", 2)
    (home / ("a" * 32)).mkdir(mode=0o700)  # Without a program.
    (home / ("b" * 32)).write_text("a file")
    (home / "projects" / "mine").mkdir(parents=True)
    (home / ("c" * 31)).mkdir(mode=0o700)
    (home / ("c" * 31) / "program.py").write_text("by chance")
    (home / ("d" * 32)).mkdir(mode=0o755)  # Readable by others, so not written by the cache.
    (home / ("d" * 32) / "program.py").write_text("of another")
    (home / ("e" * 32)).symlink_to(home / ("c" * 31), target_is_directory=True)
    before = tree(home)
    paths = [cache.stored(f"x = {i}") for i in range(6)]
    assert [path.exists() for path in paths if path] == [False] * 4 + [True] * 2
    assert tree(home) == before | {
        str(path.relative_to(home)) for p in paths[4:] if p for path in (p, p.parent)
    }


def test_only_what_was_made_is_forgotten(home: Path) -> None:
    """Deleting a program leaves other files in its folder."""
    path = cache.stored("x = 1")
    assert path is not None
    cache.seal(path)
    (path.parent / "note.txt").write_text("mine")
    cache.forget(path)
    assert tree(path.parent) == {"note.txt"}


# --------------------------------------------------------------------------------------------- where it is


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CHAINRULE_CACHE": "/a/b", "XDG_CACHE_HOME": "/c"}, "/a/b"),
        ({"CHAINRULE_CACHE": "", "XDG_CACHE_HOME": "/c"}, "/c/chainrule"),
        ({"XDG_CACHE_HOME": "c/d", "HOME": "/me"}, "/me/.cache/chainrule"),
        ({"XDG_CACHE_HOME": "", "HOME": "/me"}, "/me/.cache/chainrule"),
        ({"HOME": "/me"}, "/me/.cache/chainrule"),
    ],
)
def test_where_it_is(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    """The cache is in CHAINRULE_CACHE, else in an absolute XDG_CACHE_HOME, else in ~/.cache."""
    for name in ("CHAINRULE_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, place in variables.items():
        monkeypatch.setenv(name, place)
    assert cache.directory() == Path(expected)


def test_a_directory_that_is_asked_for_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative CHAINRULE_CACHE is resolved against the working directory."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("CHAINRULE_CACHE", "here")
    assert cache.directory() == home / "here"


# ---------------------------------------------------------------------------------------------- who may write


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_is_made_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    """Directories are created with access only for the owner, whatever the umask."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "new" / "cache"))
    old = os.umask(umask)
    try:
        path = cache.stored("x = 1")
    finally:
        os.umask(old)
    assert path is not None
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_where_others_can_write(home: Path, mode: int) -> None:
    """A directory that others can write to is not used, and one warning says what to do."""
    home.chmod(mode)
    cache._warned.clear()
    with pytest.warns(RuntimeWarning, match=r"others could change it there; run 'chmod 700'") as warned:
        cache.warn_if_unsafe()
    cache.warn_if_unsafe()
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert cache.stored("x = 1") is None
    assert tree(home) == set()
    home.chmod(0o700)
    cache.warn_if_unsafe()
    assert cache.stored("x = 1") is not None


def test_a_directory_of_somebody_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of another user is not used, and a warning says what to do."""
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    cache._warned.clear()
    with pytest.warns(RuntimeWarning, match="CHAINRULE_CACHE to a directory of your own"):
        cache.warn_if_unsafe()
    assert cache.stored("x = 1") is None


@pytest.mark.parametrize(("mode", "is_safe"), [(0o777, False), (0o775, False), (0o1777, True), (0o755, True)])
def test_a_folder_above_it_where_others_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, is_safe: bool
) -> None:
    """A directory that others can rename, and put another in its place, is not used; a warning says where."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "open" / "own" / "cache"))
    (tmp_path / "open" / "own" / "cache").mkdir(parents=True, mode=0o700)
    (tmp_path / "open").chmod(mode)
    cache._warned.clear()
    if is_safe:
        cache.warn_if_unsafe()
    else:
        with pytest.warns(RuntimeWarning, match=r"in .*open; run 'chmod go-w' on that if it is yours"):
            cache.warn_if_unsafe()
    assert (cache.stored("x = 1") is not None) == is_safe
    records.write("0123456789abcdef", b"numbers")
    assert records.read("0123456789abcdef") == (b"numbers" if is_safe else None)


def test_a_link_is_followed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program's path has no link in it, which somebody else could have lead elsewhere after the check."""
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "link"))
    path = cache.stored("x = 1")
    assert path is not None
    assert path.parent.parent == tmp_path / "own"
    (tmp_path / "own").chmod(0o770)
    assert cache.stored("x = 1") is None


@pytest.mark.parametrize("what", ["code", "digests", "program"])
def test_what_is_deleted_while_it_is_read(home: Path, what: str) -> None:
    """A file that is no file any more is not intact, and to forget it is no error."""
    path = cache.stored("x = 1")
    assert path is not None
    cache.seal(path)
    place = {"code": "__pycache__/program.nbi", "digests": "digests.txt", "program": "program.py"}[what]
    (path.parent / place).unlink(missing_ok=True)
    (path.parent / place).mkdir(parents=True)
    # Without code there is nothing that a digest could be wrong of.
    assert cache.is_intact(path) == (what != "code")
    cache.forget(path)


def test_a_disk_that_is_full(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where digests cannot be written, a program runs, and the next process compiles it anew."""
    pytest.importorskip("numba")

    def fail(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    text = HEAD + "def program(x):\n    return x + 0.625\n"
    path = cache.stored(with_all_functions(text))
    assert path is not None
    monkeypatch.setattr(cache, "_write", fail)
    monkeypatch.setattr(machine_code, "stored", lambda text: path)
    assert machine_code.loaded(text, "(float64,)").program(1.0) == 1.625
    assert list(home.rglob("*.nbc"))
    assert not cache.is_intact(path)


class FakeDispatcher:
    """What Numba makes of a function, as far as a program is loaded by it; it compiles nothing."""

    def __init__(self, function: Any, cache: Path | None) -> None:
        self.function = function
        self.stats = SimpleNamespace(cache_path=str(cache), cache_misses={})

    def __call__(self, x: float) -> Any:
        """Return what the function does."""
        return self.function(x)

    def compile(self, signature: str) -> None:
        """Refuse damaged code."""
        if "damaged" in signature and self.stats.cache_path != "None":
            raise KeyError("an index of another version")

    def disable_compile(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("state", ["good", "changed", "of another version", "elsewhere", "disabled"])
def test_what_is_done_with_code_that_is_kept(state: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that was changed, cannot be read or is kept elsewhere is compiled anew, and is no error."""
    modules = {name for name in sys.modules if name.startswith("chainrule_")}
    text = "from numba import njit\ndef program(x):\n    return x + 0.625\n"
    path = cache.stored(text)
    assert path is not None
    caches: list[bool] = []

    def njit(cache: bool, **options: Any) -> Any:
        caches.append(cache)
        place = None if not cache else home if state == "elsewhere" else path.parent / "__pycache__"
        return lambda function: function if state == "disabled" else FakeDispatcher(function, place)

    monkeypatch.setitem(sys.modules, "numba", SimpleNamespace(njit=njit))
    monkeypatch.setattr(machine_code, "with_all_functions", lambda text: text)
    code = path.parent / "__pycache__" / "program.nbi"
    code.parent.mkdir()
    code.write_bytes(b"index")
    if state != "changed":
        cache.seal(path)
    signature = "(damaged,)" if state == "of another version" else "(float64,)"
    if state == "disabled":
        with pytest.raises(UnsuitableError, match="NUMBA_DISABLE_JIT is set"):
            machine_code.loaded(text, signature)
    else:
        assert machine_code.loaded(text, signature).program(1.0) == 1.625
    assert caches == ([True, False] if state in ("of another version", "elsewhere") else [True])
    assert code.exists() == (state not in ("changed", "of another version"))
    assert {name for name in sys.modules if name.startswith("chainrule_")} == modules


def test_what_cannot_be_compiled_without_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is kept, an error of the compiler is not taken for one of what was kept."""
    monkeypatch.setattr(machine_code, "with_all_functions", lambda text: text)
    monkeypatch.setattr(machine_code, "stored", lambda text: None)
    with pytest.raises(ZeroDivisionError):
        machine_code.loaded("1 / 0\n", "(float64,)")


def test_a_function_of_python_has_one_address() -> None:
    """Machine code that is loaded later finds the function that other machine code has called."""
    pytest.importorskip("llvmlite")
    found = [(functions._symbol(OPS["erf"]), functions._callbacks["chainrule_erf"]) for _ in range(2)]
    assert found[0] == found[1]
    assert functions._callbacks["chainrule_erf"](0.5) == math.erf(0.5)


def test_a_program_whose_directory_somebody_else_made(home: Path) -> None:
    """A program's directory that is open to others, or a symbolic link, is not used."""
    path = cache.stored("x = 1")
    assert path is not None
    path.parent.chmod(0o755)
    assert cache.stored("x = 1") is None
    path.parent.rename(home / "elsewhere")
    (home / "elsewhere").chmod(0o700)
    path.parent.symlink_to(home / "elsewhere")
    assert cache.stored("x = 1") is None


# ----------------------------------------------------------------------------------------------- what is read


def test_a_changed_text_is_written_again(home: Path) -> None:
    """A source file with other contents is replaced."""
    path = cache.stored("x = 1")
    assert path is not None
    path.write_text("x = 2")
    assert cache.stored("x = 1") == path
    assert path.read_text() == "x = 1"


@pytest.mark.parametrize("change", ["flip", "add", "remove", "no digests"])
def test_code_that_is_not_what_was_written(home: Path, change: str) -> None:
    """Changed bytes, added or removed files, and missing digests are detected."""
    path = cache.stored("x = 1")
    assert path is not None
    code = path.parent / "__pycache__"
    code.mkdir()
    (code / "program.nbi").write_bytes(b"index")
    (code / "program.1.nbc").write_bytes(b"code")
    cache.seal(path)
    assert cache.is_intact(path)
    if change == "flip":
        (code / "program.1.nbc").write_bytes(b"codd")
    elif change == "add":
        (code / "program.2.nbc").write_bytes(b"code")
    elif change == "remove":
        (code / "program.1.nbc").unlink()
    else:
        (path.parent / "digests.txt").unlink()
    assert not cache.is_intact(path)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache into which a process has compiled a program, and what calls it."""
    pytest.importorskip("numba")
    home = tmp_path_factory.mktemp("filled")
    assert run_program(home) == EXPECTED
    return home


@pytest.fixture
def known(filled: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return shutil.copytree(filled, tmp_path / "known")


def test_a_second_process_compiles_nothing(known: Path) -> None:
    """It loads the compiled code of the first."""
    codes = [*known.glob("*/__pycache__/*.nbc")]
    assert len(codes) == 2
    written = [code.stat().st_mtime_ns for code in codes]
    assert run_program(known) == EXPECTED
    assert [code.stat().st_mtime_ns for code in codes] == written


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_damaged_code_is_never_loaded(known: Path, suffix: str) -> None:
    """With a bit flipped in any of its files, a program is compiled anew and is right."""
    files = sorted(known.glob("*/__pycache__/*"))
    assert {file.suffix for file in files} == {".nbi", ".nbc"}
    damaged = {}
    # One file of the program, and one of what calls it: each is in a directory of its own.
    for file in files:
        if file.suffix == suffix:
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 1
            file.write_bytes(content)
            damaged[file] = bytes(content)
    assert len({file.parent for file in damaged}) == len(damaged) == 2
    assert run_program(known) == EXPECTED
    assert all(file.read_bytes() != content for file, content in damaged.items())


def test_code_that_runs_when_it_is_read(known: Path) -> None:
    """A malicious pickle in place of compiled code is not loaded."""
    for index in known.glob("*/__pycache__/*.nbi"):
        index.write_bytes(b"cos\nsystem\n(S'touch " + str(known / "opened").encode() + b"'\ntR.")
    assert run_program(known) == EXPECTED
    assert not (known / "opened").exists()


def test_without_a_cache(tmp_path: Path) -> None:
    """Programs are compiled even if no file can be written."""
    pytest.importorskip("numba")
    (tmp_path / "file").write_text("")
    assert run_program(tmp_path / "file")[-1] == "numba"


@pytest.mark.parametrize(
    ("variable", "backend"), [("NUMBA_DISABLE_JIT=1", "numpy"), ("NUMBA_CACHE_DIR=elsewhere", "numba")]
)
def test_settings_of_numba(tmp_path: Path, variable: str, backend: str) -> None:
    """If Numba is disabled, NumPy runs the program; if Numba caches elsewhere, no code is cached."""
    pytest.importorskip("numba")
    name, _, setting = variable.partition("=")
    chosen = (
        f"import os\nos.environ[{name!r}] = {str(tmp_path / setting) if backend == 'numba' else setting!r}\n"
    )
    assert run_program(tmp_path, chosen + PROGRAM) == [*EXPECTED[:2], backend]
    assert not list(tmp_path.rglob("*.nbc"))


def test_where_nothing_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the place of the directory, and no home, are no errors: nothing is kept."""
    (home / "file").write_text("")
    monkeypatch.setenv("CHAINRULE_CACHE", str(home / "file"))
    assert cache.stored("x = 1") is None
    records.write("0" * 32, b"numbers")
    assert records.read("0" * 32) is None

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache, "directory", homeless)
    assert cache.stored("x = 1") is None
    cache.warn_if_unsafe()


def test_records_are_kept_where_nobody_else_writes(home: Path) -> None:
    """A folder of records that others can write to is neither read nor written; a folder is no record."""
    key, other, third = "1" * 32, "2" * 32, "3" * 32
    records.write(key, b"numbers")
    assert records.read(key) == b"numbers"
    (home / "tapes" / third).mkdir()
    assert records.read(third) is None
    for folder in (home / "tapes", home):
        folder.chmod(0o777)
        records.write(other, b"numbers")
        assert records.read(key) is None
        folder.chmod(0o700)
    assert records.read(key) == b"numbers"
    assert records.read(other) is None


@pytest.mark.parametrize("word", ["math.exp", "python_norm"])
def test_functions_that_numba_lacks(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program names Python's functions, which machine code calls with numbers, or with where they stand."""
    pytest.importorskip("numba")
    monkeypatch.setattr(functions, "_is_known", lambda name: False)
    monkeypatch.setattr(functions, "_callbacks", {})
    monkeypatch.setitem(FLOAT, "norm", lambda numbers: math.hypot(*numbers))
    text = functions.with_all_functions(
        f"from numba import types\n\n\ndef program(x):\n    return {word}(x)\n"
    )
    numbers = np.array([3.0, 4.0])
    if word == "math.exp":
        assert 'python_exp = types.ExternalFunction("chainrule_exp", types.float64(types.float64))' in text
        assert text.endswith("return python_exp(x)\n")
        assert functions._callbacks["chainrule_exp"](1.0) == math.e
    else:
        assert '("chainrule_norm", types.float64(types.intp, types.intp))' in text
        assert functions._callbacks["chainrule_norm"](numbers.ctypes.data, 2) == 5.0
