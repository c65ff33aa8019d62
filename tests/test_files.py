from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from interrupts import interrupted_at

from autograd import Value, draw, files, stepper
from autograd.files import write_whole
from nn import Neuron, save

WRITERS: dict[str, Callable[[Path], Any]] = {
    "bytes.bin": lambda path: write_whole(path, b"new"),
    "weights.npz": lambda path: save(Neuron(1, rng=0), path),
    "graph.dot": lambda path: draw(Value(1.0)).save(path),
    "graph.svg": lambda path: draw(Value(1.0)).save(path),
    "steps.html": lambda path: stepper(Value(1.0)).save(path),
}


@pytest.fixture(params=WRITERS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Callable[[Path], Any], Path]:
    """Return a function that writes a file of each kind, and the path to write to."""
    return WRITERS[request.param], tmp_path / request.param


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the umask."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_honours_the_umask(written: Any, umask: int) -> None:
    """A new file has the permissions that the umask allows, like one created by `open`."""
    write, path = written
    write(path)
    assert mode(path) == 0o666 & ~umask


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o666, 0o755], ids=oct)
def test_an_older_file_keeps_its_mode(written: Any, permissions: int) -> None:
    """A replaced file keeps its permissions."""
    write, path = written
    path.write_bytes(b"older")
    path.chmod(permissions)
    write(path)
    assert path.read_bytes() != b"older"
    assert mode(path) == permissions


@pytest.mark.parametrize("target_exists", [True, False])
def test_a_symbolic_link_is_followed(written: Any, target_exists: bool, tmp_path: Path) -> None:
    """The target of a symbolic link is written, through several links and in another folder."""
    write, link = written
    target = tmp_path / "elsewhere" / "file"
    target.parent.mkdir()
    if target_exists:
        target.write_bytes(b"older")
    (tmp_path / "between").symlink_to(Path("elsewhere", "file"))
    link.symlink_to("between")
    write(link)
    assert link.is_symlink()
    assert not target.is_symlink()
    assert target.read_bytes() == link.read_bytes() != b"older"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_what_is_no_file_stays(tmp_path: Path) -> None:
    """Folders and pipes are not replaced, not even through a link."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name, what in [("folder", "a folder"), ("pipe", "a device, a pipe"), ("link", "a device, a pipe")]:
        with pytest.raises(OSError, match=f"{name}': it is {what}.*, not a file"):
            write_whole(tmp_path / name, b"new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link", "pipe"]


def test_a_write_protected_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write-protected file is not replaced."""
    target = tmp_path / "file"
    target.write_bytes(b"older")
    monkeypatch.setattr(os, "access", lambda path, kind: kind != os.W_OK)  # root may write any file
    with pytest.raises(PermissionError, match="file': the file there is write-protected"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"older"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody may write into")
def test_errors_name_the_file(written: Any) -> None:
    """An error names the target file, not the temporary one."""
    write, path = written
    with pytest.raises(OSError, match=f": '/proc/{path.name}'$"):
        write(Path("/proc", path.name))


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    """The name of the temporary file is short, however long the target's name is."""
    target = tmp_path / ("n" * 255)
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"


OURS = {files.__file__, contextlib.__file__}


# A file opened just before the interrupt, not yet assigned to a variable, is closed by the interpreter.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("exists", [True, False], ids=["replacing", "new"])
def test_an_interrupt_at_any_instruction(tmp_path: Path, exists: bool) -> None:
    """Wherever Ctrl-C interrupts, either the older or the new file exists, and no other."""
    for count in range(1, 10_000):
        target = tmp_path / str(count) / "file"
        target.parent.mkdir()
        if exists:
            target.write_bytes(b"older")
        was_interrupted = interrupted_at(count, partial(write_whole, target, b"new"), OURS)
        found = {path.name: path.read_bytes() for path in target.parent.iterdir()}
        assert found in ([{"file": b"older"}] if exists else [{}]) + [{"file": b"new"}]
        if not was_interrupted:
            break
    assert found == {"file": b"new"}
    assert count > 10


# --------------------------------------------------------------------------------- processes that were killed

LEFT = ".chainrule-0123456789abcdef.partial"

needs_locks = pytest.mark.skipif(find_spec("fcntl") is None, reason="files cannot be locked here")

KILLED = """
import os, signal, sys
from pathlib import Path
from autograd import files
files.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
files.write_whole(Path(sys.argv[1]), b"new")
"""


@needs_locks
def test_what_a_killed_process_has_left(tmp_path: Path) -> None:
    """The next time that something is written, the unfinished file of a killed process is removed."""
    path = tmp_path / "file"
    path.write_bytes(b"older")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-c", KILLED, str(path)], env=environment)
    assert path.read_bytes() == b"older"
    assert len([*tmp_path.iterdir()]) == 2
    write_whole(path, b"new")
    assert [*tmp_path.iterdir()] == [path]


@needs_locks
def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    """An unfinished file that somebody still writes, or that is no file, is not touched."""
    with open(tmp_path / LEFT, "wb") as stream:
        assert files._claimed(tmp_path / LEFT, stream.fileno())
        write_whole(tmp_path / "file", b"new")
        assert sorted(path.name for path in tmp_path.iterdir()) == [LEFT, "file"]
    write_whole(tmp_path / "file", b"newer")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    os.mkfifo(tmp_path / LEFT)
    (tmp_path / LEFT.replace("0", "1")).symlink_to("file")
    (tmp_path / LEFT.replace("0", "2")).mkdir()
    write_whole(tmp_path / "file", b"newest")
    assert len([*tmp_path.iterdir()]) == 4


KILLED_IN_A_FOLDER = """
import os, signal, sys
from pathlib import Path
from autograd.files import unfinished_folder
with unfinished_folder(Path(sys.argv[1])) as folder:
    (folder / "part").write_bytes(b"new")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@needs_locks
def test_a_folder_that_a_killed_process_has_left(tmp_path: Path) -> None:
    """The next unfinished folder removes those of killed processes, and not those of living ones."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-c", KILLED_IN_A_FOLDER, str(tmp_path)], env=environment)
    (left,) = tmp_path.iterdir()
    assert (left / "part").read_bytes() == b"new"
    with files.unfinished_folder(tmp_path) as one, files.unfinished_folder(tmp_path) as other:
        assert {*tmp_path.iterdir()} == {one, other}
    assert not [*tmp_path.iterdir()]


@needs_locks
def test_a_folder_that_was_taken_for_a_left_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process removes an unfinished folder before it is locked, there is one all the same."""
    claimed, names = files._claimed, []

    def late(path: Path, descriptor: int) -> bool:
        names.append(path)
        if len(names) == 1:
            files.remove_unfinished_folders(tmp_path)
        return claimed(path, descriptor)

    monkeypatch.setattr(files, "_claimed", late)
    with files.unfinished_folder(tmp_path) as folder:
        assert [*tmp_path.iterdir()] == [folder] == names[1:]
    assert not [*tmp_path.iterdir()]


@needs_locks
def test_a_file_that_was_taken_for_a_left_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process removes an unfinished file before it is locked, or looks at it, all is written."""
    import fcntl

    claimed, kinds = files._claimed, iter("ab")

    def late(path: Path, descriptor: int) -> bool:
        kind = next(kinds, "")
        if kind == "a":
            files.remove_unfinished(tmp_path)
        if kind == "b":
            with open(path, "rb") as other:
                fcntl.flock(other, fcntl.LOCK_EX)
                return claimed(path, descriptor)
        return claimed(path, descriptor)

    monkeypatch.setattr(files, "_claimed", late)
    write_whole(tmp_path / "file", b"new")
    assert next(kinds, "") == ""
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


@needs_locks
def test_a_file_is_locked_until_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that looks at an unfinished file just before it gets its name does not remove it."""
    replace = os.replace

    def late(*paths: Any) -> None:
        files.remove_unfinished(tmp_path)
        replace(*paths)

    monkeypatch.setattr(os, "replace", late)
    write_whole(tmp_path / "file", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_a_full_disk(written: Any) -> None:
    """Where the disk is full, an error names the file, the older one is whole, and there is no other."""
    resource = pytest.importorskip("resource")
    write, path = written
    path.write_bytes(b"older")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, limits[1]))
    try:
        with pytest.raises(OSError, match=path.name):
            write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(each.name, each.read_bytes()) for each in path.parent.iterdir()] == [(path.name, b"older")]
    write(path)
    assert path.read_bytes() != b"older"


def test_where_files_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without locks, as on Windows, all is written, and nothing of others is removed."""
    monkeypatch.setattr(files, "fcntl", None)
    (tmp_path / LEFT).write_bytes(b"somebody's")
    write_whole(tmp_path / "file", b"new")
    with files.unfinished_folder(tmp_path) as folder:
        assert {path.name for path in tmp_path.iterdir()} == {LEFT, "file", folder.name}
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / LEFT).read_bytes() == b"somebody's"


@needs_locks
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system has none, as some of a network, files and folders are made without."""
    import fcntl

    def refuse(descriptor: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write_whole(tmp_path / "file", b"new")
    with files.unfinished_folder(tmp_path) as folder:
        assert folder.is_dir()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


@needs_locks
def test_a_folder_that_is_gone_before_it_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process removes an unfinished folder before it is opened, there is another one."""
    mkdir, names = Path.mkdir, []

    def made(path: Path, *args: Any, **options: Any) -> None:
        mkdir(path, *args, **options)
        names.append(path)
        if len(names) == 1:
            files.remove_unfinished_folders(tmp_path)

    monkeypatch.setattr(Path, "mkdir", made)
    with files.unfinished_folder(tmp_path) as folder:
        assert [*tmp_path.iterdir()] == [folder] == names[1:]
    assert not [*tmp_path.iterdir()]
