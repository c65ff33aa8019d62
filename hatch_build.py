"""Build the wheel: compile the modules that pyproject.toml names, or say why they stay interpreted.

The environment variable ``CHAINRULE_COMPILE`` asks for a form:

- unset: compiled where that is possible, else interpreted; an editable install is interpreted;
- ``0``: interpreted;
- ``1``: compiled, in place for an editable install; what prevents it is an error.

Both forms have the same Python sources. In the compiled one, mypyc has put an extension module beside each
named module, which Python prefers to the source.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
import sysconfig
import tempfile
import textwrap
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mypyc_nodes

# mypyc's C is patched below, so its version is pinned.
REQUIREMENTS = ["mypy==2.4.1", "setuptools>=77"]

# What mypyc knows of NumPy, whose arrays are objects like others to it. The types that each version of NumPy
# brings differ: with those of 2.5, mypy finds errors where it finds none with those of 2.4.
NUMPY = """\
from typing import Any, TypeAlias
type NDArray[T] = Any
bool_: TypeAlias = Any
float64: TypeAlias = Any
int32: TypeAlias = Any
intp: TypeAlias = Any
def __getattr__(name: str) -> Any: ...
"""

# Types were checked strictly where the project is developed; here they are only read.
MYPY = """\
[mypy]
plugins = {plugin}
mypy_path = {types}
follow_imports = silent
ignore_missing_imports = True
"""

# Where the wheel's metadata says why it is interpreted; `python -m autograd --version` reads it.
REASON = "interpreted.txt"

# The library with the code of all compiled modules, inside the package: site-packages belongs to everyone.
LIBRARY = "autograd.compiled"


class CompileHook(BuildHookInterface[Any]):
    """Adds the compiled modules to the wheel, or the reason why there are none to its metadata."""

    def dependencies(self) -> list[str]:
        """Return what the build needs besides hatchling: nothing where nothing can be compiled."""
        wanted = _wanted()
        return REQUIREMENTS if wanted == "1" or (wanted == "" and obstacle() is None) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the modules, if that is wanted and possible, and have hatchling add them."""
        folder, root, wanted = Path(tempfile.mkdtemp(prefix="chainrule-")), Path(self.root), _wanted()
        # hatchling reads the files after this method has returned.
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        in_place = version == "editable"
        if in_place:
            _remove_extensions(root)
        if wanted == "0":
            reason: str | None = "asked for by CHAINRULE_COMPILE=0"
        elif in_place and wanted != "1":
            reason = "an editable install, which CHAINRULE_COMPILE=1 compiles"
        else:
            reason = self._compile(root, folder)
        if reason is None:
            self._add(folder / "lib", None if not in_place else root, build_data)
        elif wanted == "1":
            raise RuntimeError(f"chainrule cannot be compiled, as CHAINRULE_COMPILE=1 asks: {reason}")
        else:
            print(f"chainrule is installed interpreted: {reason}", file=sys.stderr, flush=True)
            (folder / REASON).write_text(f"{reason}\n", encoding="utf-8")
            build_data["extra_metadata"][str(folder / REASON)] = REASON

    def _compile(self, root: Path, folder: Path) -> str | None:
        """Compile into the folder, and return None or what prevented it."""
        if (reason := obstacle()) is not None:
            return reason
        try:
            compile_modules(sources(root, self.config), folder)
        except SystemExit:  # how mypyc ends
            return "mypyc found errors, which the build's log lists"
        except Exception as error:  # whatever fails, the interpreted form works
            return f"mypyc or the C compiler failed with {type(error).__name__}: {_one_line(error)}"
        return None

    def _add(self, built: Path, in_place: Path | None, build_data: dict[str, Any]) -> None:
        """Copy the extension modules beside their sources, or have them written into the wheel."""
        for path in _extensions(built):
            name = path.relative_to(built)
            if in_place is not None:
                shutil.copy2(path, in_place / name)
            else:
                build_data["force_include"][str(path)] = name.as_posix()
        if in_place is None:
            build_data["infer_tag"] = True
            build_data["pure_python"] = False


def _wanted() -> str:
    wanted = os.environ.get("CHAINRULE_COMPILE", "")
    if wanted not in ("", "0", "1"):
        raise ValueError(f"CHAINRULE_COMPILE: expected 0, 1 or nothing, got {wanted!r}")
    return wanted


def _one_line(error: BaseException) -> str:
    return textwrap.shorten(str(error), 80, placeholder=" ...")


def sources(root: Path, config: Mapping[str, Any]) -> list[str]:
    """Return the modules to compile, relative to the root: those of the named folders, but for exceptions."""
    found = []
    for name in config["compiled"]:
        path = root / name
        if not path.exists():
            raise FileNotFoundError(f"pyproject.toml names {name} as compiled, which does not exist")
        found += [path] if path.is_file() else sorted(path.glob("*.py"))
    names = [path.relative_to(root).as_posix() for path in found if path.name != "__init__.py"]
    interpreted = set(config["interpreted"])
    if unknown := interpreted.difference(names):
        raise FileNotFoundError(f"pyproject.toml excepts {sorted(unknown)}, which no compiled folder has")
    return [name for name in names if name not in interpreted]


def obstacle() -> str | None:
    """Return what stands in the way of compiling on this machine, or None."""
    if sys.implementation.name != "cpython":
        return f"mypyc compiles for CPython, this is {platform.python_implementation()}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "compiled nodes need Python's global lock, this is a free-threaded Python"
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        return "Python.h was not found; Debian has it in python3-dev"
    command = _compiler()
    return None if shutil.which(command) else f"no C compiler was found, {command!r} is not there"


def _compiler() -> str:
    """Return the command that setuptools will run, or on Windows the one that finds Microsoft's compiler."""
    if named := os.environ.get("CC"):
        return shlex.split(named)[0]
    if os.name == "nt":
        programs = os.environ.get("PROGRAMFILES(X86)", r"C:\Program Files (x86)")
        return rf"{programs}\Microsoft Visual Studio\Installer\vswhere.exe"
    return shlex.split(sysconfig.get_config_var("CC") or "cc")[0]


def compile_modules(names: list[str], folder: Path) -> None:
    """Compile modules of the current directory into ``lib`` in the folder, where C and objects go, too."""
    from mypyc.build import mypycify  # imports setuptools first, as it must be

    types, config = folder / "types", folder / "mypy.ini"
    for path in (types / "numpy" / "__init__.pyi", types / "numpy" / "typing.pyi"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NUMPY, encoding="utf-8")
    config.write_text(MYPY.format(plugin=mypyc_nodes.__file__, types=types), encoding="utf-8")
    extensions = mypycify(
        [f"--config-file={config}", f"--cache-dir={os.devnull}", *names],
        target_dir=str(folder / "c"),
        group_name=LIBRARY,
        opt_level="2",
        debug_level="0",
        # One C file a module, so that all cores compile; the results run as fast as one file of -O3 does.
        multi_file=True,
    )
    for path in (folder / "c").rglob("*.c"):
        path.write_text(mypyc_nodes.amended(path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in (folder / "c").rglob("__native_*.h"):
        if "internal" not in path.name:
            path.write_text(mypyc_nodes.amended_header(path.read_text(encoding="utf-8")), encoding="utf-8")
    for extension in extensions:
        extension.extra_compile_args = _compiler_options(extension.extra_compile_args)
        extension.extra_link_args = ["-Wl,-s"] if sys.platform == "linux" else []
        # The headers of the library lie with it, and mypyc looks for them above.
        extension.include_dirs.append(str(Path(folder, "c", *LIBRARY.split(".")[:-1])))
    _run_compiler(extensions, folder)


def _run_compiler(extensions: list[Any], folder: Path) -> None:
    """Have setuptools build extension modules on all cores; by itself it takes the C files of one in turn."""
    from setuptools import Distribution

    command: Any = Distribution({"name": "chainrule", "ext_modules": extensions}).get_command_obj("build_ext")
    build_extensions = command.build_extensions

    def build_with_parallel_compiler() -> None:
        command.compiler.compile = _in_parallel(command.compiler.compile)
        build_extensions()

    command.build_extensions = build_with_parallel_compiler
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "objects")
    command.parallel = True
    command.ensure_finalized()
    command.run()


def _in_parallel(compile_all: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """Return the method that compiles C files, as one that compiles each of them in a thread."""

    def compile_each(paths: list[str], *args: Any, **options: Any) -> list[str]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return [found for (found,) in pool.map(lambda path: compile_all([path], *args, **options), paths)]

    return compile_each


def _compiler_options(options: list[str]) -> list[str]:
    """Return mypyc's options without those that a new compiler may fail by, and with IEEE 754 arithmetic."""
    if os.name == "nt":
        return options
    # A product and a sum that are rounded as one, as GCC does on aarch64, are other numbers than Python's.
    return [*(option for option in options if option != "-Werror"), "-ffp-contract=off"]


def _extensions(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in (".so", ".pyd"))


def _remove_extensions(root: Path) -> None:
    """Remove what an earlier editable install has compiled, since Python prefers it to newer sources."""
    for package in ("autograd", "nn"):
        for path in _extensions(root / package):
            path.unlink()
