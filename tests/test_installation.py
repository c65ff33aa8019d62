"""What a user sees if HIPS autograd, which has the same import name, is installed in the same environment."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import autograd
import nn
from autograd.__main__ import main
from autograd.installation import warn_of_mixed_files

ADVICE = "pip uninstall autograd, then pip install --force-reinstall chainrule"


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    """Return a folder with copies of this project's packages."""
    for package in (autograd, nn):
        shutil.copytree(package.__path__[0], tmp_path / package.__name__)
    return tmp_path


def run(site_packages: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program with a folder first on the module search path."""
    program = f"import sys; sys.path.insert(0, {str(site_packages)!r})\n{program}"
    command = [sys.executable, *options, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=site_packages)


def test_our_files_alone_say_nothing(site_packages: Path) -> None:
    """Without other files there is no warning, and nothing extra is imported."""
    process = run(site_packages, "import autograd, nn; print('importlib.metadata' in sys.modules)")
    assert (process.stdout, process.stderr) == ("False\n", "")


@pytest.mark.parametrize("version", ["1.9.1", None])
def test_other_files_beside_ours_are_said(site_packages: Path, version: str | None) -> None:
    """If this project was installed last, it works, with one warning that says what to do."""
    (site_packages / "autograd" / "numpy").mkdir()
    (site_packages / "autograd" / "numpy" / "__init__.py").touch()
    if version is not None:
        metadata = site_packages / f"autograd-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text(f"Metadata-Version: 2.1\nName: autograd\nVersion: {version}\n")
    process = run(site_packages, "import autograd\nimport nn\nprint(autograd.Value(2.0).data)")
    assert process.stdout == "2.0\n"
    (said,) = [line for line in process.stderr.splitlines() if "Warning" in line]
    assert f"files of HIPS autograd{f' {version}' if version else ''} are mixed" in said
    assert str(site_packages / "autograd") in said
    assert said.endswith(ADVICE)
    # The warning points to the user's line.
    assert said.startswith("<string>:2: UserWarning: ")


@pytest.mark.parametrize("left", ["overwritten", "removed"])
def test_ours_overwritten_is_said_by_nn(site_packages: Path, left: str) -> None:
    """If `autograd` was overwritten or removed by the other distribution, importing `nn` says what to do."""
    init = site_packages / "autograd" / "__init__.py"
    init.unlink()
    if left == "overwritten":
        init.touch()
    # Alone on the search path: without its __init__.py, the package would give way to an installed one.
    process = run(site_packages, "import nn", "-S", "-E")
    last = process.stderr.splitlines()[-1]
    assert last.startswith(
        f"ImportError: expected the autograd of chainrule in {site_packages / 'autograd'}, got"
    )
    assert last.endswith(ADVICE)


def test_without_a_home_a_network_or_anything_to_write() -> None:
    """All but saving works, warnings being errors, where there is no home and nothing can be written."""
    folder = Path(autograd.__file__).parent.parent
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    environment |= {"HOME": "/nonexistent", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-W", "error", str(Path(__file__).with_name("bare_machine.py"))]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    compiled = [f"{name} [2.0, 4.0, 6.0]" for name in ("numpy", "numba") if find_spec(name)]
    assert (run.stderr, run.stdout.splitlines()) == ("", ["True True", "True True", *compiled, "3 epochs"])


class Installed:
    """What pip has noted of an installation."""

    version = "9.8"

    def __init__(self, folder: Path, reason: str | None) -> None:
        self.folder, self.reason = folder, reason

    def locate_file(self, name: str) -> Path:
        """Return where the package would be."""
        return self.folder

    def read_text(self, name: str) -> str | None:
        """Return why the form is the interpreted one."""
        return self.reason


OURS, ELSEWHERE = Path(autograd.__path__[0]), Path(nn.__path__[0])


@pytest.mark.parametrize(
    ("folder", "reason", "expected"),
    [
        (OURS, "no compiler\n", "chainrule 9.8, interpreted (no compiler), Python 3"),
        (OURS, None, "chainrule 9.8, interpreted (from source files), Python 3"),
        (OURS / "nowhere", "editable", "chainrule 9.8, interpreted (editable), Python 3"),
        (ELSEWHERE, "no compiler", "chainrule of a checkout, interpreted (from source files), Python 3"),
        (None, None, "chainrule of a checkout, interpreted (from source files), Python 3"),
    ],
)
def test_the_version_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path | None,
    reason: str | None,
    expected: str,
) -> None:
    """The version is that of what runs: of these files, or of an editable installation, which has none."""
    of_others = importlib.metadata.distribution

    def found(name: str) -> Any:
        if name != "chainrule":
            return of_others(name)
        if folder is None:
            raise PackageNotFoundError(name)
        return Installed(folder, reason)

    monkeypatch.setattr("importlib.metadata.distribution", found)
    monkeypatch.setattr("autograd.installation.is_compiled", lambda: False)
    monkeypatch.setattr(sys, "argv", ["autograd", "--version"])
    main()
    assert capsys.readouterr().out.startswith(expected)
    monkeypatch.setattr(sys, "argv", ["autograd"])
    main()
    assert "--version" in capsys.readouterr().out


@pytest.mark.parametrize(("version", "named"), [("1.8.0", "HIPS autograd 1.8.0"), (None, "HIPS autograd")])
def test_mixed_files_are_said_once_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str | None, named: str
) -> None:
    """The warning names the other distribution, with its version if there is one, and the folder."""

    def version_of(name: str) -> str:
        if version is None:
            raise PackageNotFoundError(name)
        return version

    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").touch()
    monkeypatch.setattr("importlib.metadata.version", version_of)
    monkeypatch.setattr("autograd.installation._PACKAGE", str(tmp_path))
    with pytest.warns(UserWarning, match=f"^files of {named} are mixed .*{tmp_path}: {ADVICE}"):
        warn_of_mixed_files()
