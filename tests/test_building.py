"""What the build hook does where compiling is asked for, possible, impossible, or fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("hatchling", reason="what builds is not installed")

ROOT = Path(__file__).parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
LISTED = CONFIG["hooks"]["custom"]

NODE = """
static void
Node_dealloc(chain___NodeObject *self)
{
    CPy_TRASHCAN_BEGIN(self, Node_dealloc)
    CPyDef_Node_clear((PyObject *)self);
    Py_TYPE(self)->tp_free((PyObject *)self);
    CPy_TRASHCAN_END(self)
    done: ;
}

static PyTypeObject CPyType_Node_template_ = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Node",
    .tp_dealloc = (destructor)Node_dealloc,
    .tp_methods = Node_methods,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_BASETYPE,
};
"""
COLLECTED = (
    NODE.replace("Node", "Graph")
    .replace("    CPy_TRASHCAN_BEGIN", "    PyObject_GC_UnTrack(self);\n    CPy_TRASHCAN_BEGIN")
    .replace("_BASETYPE", "_BASETYPE | Py_TPFLAGS_HAVE_GC")
)


SIZE = ".tp_basicsize = sizeof(chain___ValueObject),\n"
RECORD = """
PyObject *CPyDef_value___Value____record(PyObject *cpy_r_self) {
    PyObject *cpy_r_r3[1] = {cpy_r_r0};
    cpy_r_r4 = (PyObject **)&cpy_r_r3;
    cpy_r_r5 = PyObject_Vectorcall(cpy_r_r1, cpy_r_r4, 1, 0);
    return cpy_r_r5;
}
"""


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """Return the module with the build hook."""
    return module_of("hatch_build.py")


@pytest.fixture(scope="module")
def nodes() -> ModuleType:
    """Return the module that completes mypyc's C."""
    return module_of("mypyc_nodes.py")


def module_of(name: str) -> ModuleType:
    """Return a module that is a file of the project, but in none of its packages."""
    spec = spec_from_file_location(name.removesuffix(".py"), ROOT / name)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def compiling(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Replace mypyc and the C compiler by a fake that writes two extension modules; return its calls."""
    calls: list[list[str]] = []

    def fake(names: list[str], folder: Path) -> None:
        calls.append(names)
        for name in ("compiled__mypyc.so", "engine/graph.so"):
            path = folder / "lib" / "autograd" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"machine code")

    monkeypatch.setattr(build, "compile_modules", fake)
    monkeypatch.setattr(build, "obstacle", lambda: None)
    monkeypatch.delenv("CHAINRULE_COMPILE", raising=False)
    return calls


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with two modules of which one is to be compiled."""
    for name in ("autograd/engine/graph.py", "autograd/engine/user_line.py", "nn/modules/neurons.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x: int = 1\n")
    return tmp_path


def hooked(build: ModuleType, root: Path, version: str = "standard") -> tuple[Any, dict[str, Any]]:
    """Run the hook; return it, since its files live as long, and what it asks hatchling to do."""
    config = {"compiled": ["autograd/engine"], "interpreted": ["autograd/engine/user_line.py"]}
    hook = build.CompileHook(str(root), config, None, None, str(root / "dist"), "wheel")
    data: dict[str, Any] = {
        "extra_metadata": {},
        "force_include": {},
        "infer_tag": False,
        "pure_python": True,
    }
    hook.initialize(version, data)
    return hook, data


def recorded(data: dict[str, Any]) -> str:
    """Return the reason that the metadata of a wheel give for its being interpreted."""
    ((path, name),) = data["extra_metadata"].items()
    assert name == "interpreted.txt"
    assert (data["force_include"], data["infer_tag"], data["pure_python"]) == ({}, False, True)
    return Path(path).read_text(encoding="utf-8").removesuffix("\n")


@pytest.mark.parametrize("asked", [None, "1"])
def test_the_listed_modules_are_compiled(
    build: ModuleType,
    compiling: list[list[str]],
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: str | None,
) -> None:
    """The wheel gets the extension modules at their places, and the tag of this Python and machine."""
    if asked is not None:
        monkeypatch.setenv("CHAINRULE_COMPILE", asked)
    hook, data = hooked(build, checkout)
    assert compiling == [["autograd/engine/graph.py"]]
    assert sorted(data["force_include"].values()) == [
        "autograd/compiled__mypyc.so",
        "autograd/engine/graph.so",
    ]
    assert all(Path(path).is_file() for path in data["force_include"])
    assert (data["infer_tag"], data["pure_python"], data["extra_metadata"]) == (True, False, {})
    assert hook.dependencies() == build.REQUIREMENTS
    assert not list(checkout.rglob("*.so"))


def test_zero_asks_for_the_interpreted_form(
    build: ModuleType,
    compiling: list[list[str]],
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is compiled, nothing more is downloaded, and the metadata say that this was asked for."""
    monkeypatch.setenv("CHAINRULE_COMPILE", "0")
    hook, data = hooked(build, checkout)
    assert recorded(data) == "asked for by CHAINRULE_COMPILE=0"
    assert compiling == hook.dependencies() == []


def test_an_editable_install_is_interpreted_unless_asked(
    build: ModuleType,
    compiling: list[list[str]],
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asked for, extension modules are put beside the sources; the next install removes them again."""
    sources = sorted(checkout.rglob("*.py"))
    monkeypatch.setenv("CHAINRULE_COMPILE", "1")
    _, data = hooked(build, checkout, "editable")
    assert data["extra_metadata"] == data["force_include"] == {}
    assert (checkout / "autograd" / "engine" / "graph.so").is_file()
    monkeypatch.delenv("CHAINRULE_COMPILE")
    _, data = hooked(build, checkout, "editable")
    assert "editable" in recorded(data)
    assert sorted(checkout.rglob("*.*")) == sources
    assert len(compiling) == 1


def fail_with(error: BaseException) -> Callable[[list[str], Path], None]:
    """Return a compiler that fails."""

    def fail(names: list[str], folder: Path) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(1), "mypyc found errors, which the build's log lists"),
        (ImportError("No module named 'mypyc'"), "failed with ImportError: No module named 'mypyc'"),
        (RuntimeError("cc:\nno space"), "failed with RuntimeError: cc: no space"),
        (OSError("cc " + "-Wall " * 99), "failed with OSError: cc -Wall -Wall .* ...$"),
    ],
)
def test_whatever_fails_leaves_the_interpreted_form(
    build: ModuleType,
    compiling: list[list[str]],
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    reason: str,
) -> None:
    """The reason is one line, in the log and in the metadata; for who asked, it is an error."""
    monkeypatch.setattr(build, "compile_modules", fail_with(error))
    _, data = hooked(build, checkout)
    assert re.search(reason, recorded(data))
    assert len(recorded(data)) < 150
    assert capsys.readouterr().err == f"chainrule is installed interpreted: {recorded(data)}\n"
    monkeypatch.setenv("CHAINRULE_COMPILE", "1")
    with pytest.raises(RuntimeError, match=f"CHAINRULE_COMPILE=1 asks: .*{reason}"):
        hooked(build, checkout)


def test_without_a_compiler_nothing_is_downloaded(
    build: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason names the command that is missing."""
    monkeypatch.delenv("CHAINRULE_COMPILE", raising=False)
    monkeypatch.setenv("CC", "/nonexistent/cc -pthread")
    hook, data = hooked(build, checkout)
    assert recorded(data) == "no C compiler was found, '/nonexistent/cc' is not there"
    assert hook.dependencies() == []


def test_another_word_is_an_error(build: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CHAINRULE_COMPILE=yes is not taken for either form."""
    monkeypatch.setenv("CHAINRULE_COMPILE", "yes")
    with pytest.raises(ValueError, match="expected 0, 1 or nothing, got 'yes'"):
        hooked(build, checkout)


def test_the_list_names_what_exists(build: ModuleType, tmp_path: Path) -> None:
    """A listed module or exception that has moved stops the build, and is no silent change of form."""
    names = build.sources(ROOT, LISTED)
    assert len(names) == len(set(names)) > 10
    with pytest.raises(FileNotFoundError, match="autograd/moved"):
        build.sources(tmp_path, {"compiled": ["autograd/moved"], "interpreted": []})
    with pytest.raises(FileNotFoundError, match="autograd/engine/moved"):
        build.sources(ROOT, {**LISTED, "interpreted": ["autograd/engine/moved.py"]})


def test_acyclic_classes_do_without_the_trashcan(nodes: ModuleType) -> None:
    """Their deallocators are written anew; those of classes with a header of the collector stay."""
    text = nodes.amended(NODE + COLLECTED)
    assert text.endswith(COLLECTED)
    assert text.count("TRASHCAN") == 2
    assert text.count("CPyDef_Node_clear((PyObject *)self);") == 1
    assert "weak" not in text


def test_nodes_have_weak_references(nodes: ModuleType) -> None:
    """The structure of `Value` has a field for them, its type says where, its deallocator clears them."""
    struct = "chain___ValueObject"
    header = f"typedef struct {{\n    double _data;\n}} {struct};\n"
    assert f"    PyObject *weak_references;\n}} {struct};" in nodes.amended_header(header)
    text = nodes.amended(
        NODE.replace("chain___NodeObject", struct).replace(".tp_flags", SIZE + "    .tp_flags")
    )
    assert text.count(f".tp_weaklistoffset = offsetof({struct}, weak_references),") == 1
    assert text.index("PyObject_ClearWeakRefs") < text.index("CPyDef_Node_clear")
    with pytest.raises(ValueError, match="expected one structure of Value"):
        nodes.amended_header(header * 2)


def test_a_node_is_allocated_without_a_call_of_python(nodes: ModuleType) -> None:
    """`Value.__new__` in `_record` becomes the function that allocates; elsewhere calls stay as they are."""
    other = RECORD.replace("_record", "other")
    text = nodes.amended(RECORD + other)
    assert text.endswith(other)
    assert "cpy_r_r5 = CPyDef_value_____mypyc__Value_setup(cpy_r_r0);" in text
    with pytest.raises(ValueError, match="expected one allocation in _record"):
        nodes.amended(RECORD.replace("_Vectorcall", "_Call"))


@pytest.mark.parametrize(
    "text",
    [
        NODE.replace("CPy_TRASHCAN_BEGIN", "CPy_TRASHCAN_START"),
        NODE.replace("    CPy_TRASHCAN_END(self)\n", ""),
        NODE.replace("_dealloc(", "_free("),
        NODE.replace(".tp_flags = ", ".tp_flags = Py_TPFLAGS_HAVE_GC | "),
        COLLECTED.replace(" | Py_TPFLAGS_HAVE_GC", ""),
        NODE.replace(".tp_flags", ".flags"),
    ],
)
def test_other_c_of_mypyc_stops_the_build(nodes: ModuleType, text: str) -> None:
    """A new version that writes deallocators differently is noticed, and does not corrupt memory."""
    with pytest.raises(ValueError, match="in the C of mypyc, whose form has changed"):
        nodes.amended(text)


def test_the_version_says_which_form_runs() -> None:
    """The command line prints one line; its form is that of the engine that this process runs."""
    from autograd.engine import value
    from autograd.installation import is_compiled

    command = [sys.executable, "-m", "autograd", "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert output.count("\n") == 1
    assert output.startswith("chainrule ")
    assert is_compiled() is (os.path.splitext(str(value.__file__))[1] != ".py")


def test_the_wheel_has_what_pages_are_made_of() -> None:
    """Each file beside a module, such as a script of a page, is in the wheel, and the licenses are."""
    from hatchling.builders.wheel import WheelBuilder

    listed = {file.path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    beside = {
        str(path)
        for path in (ROOT / "autograd").rglob("*")
        if path.is_file() and path.suffix in {".js", ".css", ".html", ".md", ""}
    }
    assert {path for path in beside if path.endswith(("index.js", "LICENSE", "NOTICE.md", "page.css"))}
    assert beside <= listed
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert all((ROOT / name).is_file() for name in project["license-files"])
