"""Run the tests on the compiled wheel, installed in an environment of its own and away from the sources.

``python .ci/compiled.py`` installs the wheel into the environment ``.venv-compiled``; its arguments are those
of pytest, in place of the folders below. With ``--here`` first, the wheel is installed already, and what it
takes to test it: in the environment of the Python that runs this. Then one process runs the tests, since
`.ci/run` has work for the other cores: a second one would collect them once more.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".venv-compiled"

# The tests of what is compiled, and of what drives it hard. Numba and its loops, C, other processes, files on
# disk, texts, and the checker of derivatives take half of the time, and are the same in both forms, or get
# what compiled classes refuse; of these, the random programs run in loops, by Numba and in C.
SAME = ("jit_processes", "jit_cache", "latex", "literals", "identifiers", "fitness")
TESTS = [
    *("tests/engine", "tests/functions", "tests/transforms", "tests/compiler", "tests/test_programs.py"),
    *(f"--ignore=tests/compiler/test_{name}.py" for name in SAME),
    *("--ignore=tests/compiler/c", "--ignore=tests/transforms/test_gradient_check.py"),
    *("-k", "test_programs or not (numba or [loops or -loops- or loops])"),
]

# Laws are tried on 100 examples in the interpreted form; here they ask whether the forms differ.
EXAMPLES = {"CHAINRULE_EXAMPLES": "30"}

OPTIONS = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]

# Fails unless the modules that are named as arguments are extension modules of the environment.
CHECK = """
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from autograd.installation import description
wrong = [name for name in sys.argv[1:] if not find_spec(name).origin.endswith(tuple(EXTENSION_SUFFIXES))]
assert len(sys.argv) > 1 and not wrong, f"expected compiled modules, got the sources of {wrong}"
print(description())
"""


def compiled_modules() -> list[str]:
    """Return the names of the modules that pyproject.toml has compiled."""
    sys.path.insert(0, str(ROOT))
    from hatch_build import sources

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    return [name.removesuffix(".py").replace("/", ".") for name in sources(ROOT, listed)]


def with_wheel() -> str:
    """Return the Python of a new environment in which the wheel is installed."""
    venv.create(FOLDER, clear=True, with_pip=True)
    python = str(FOLDER / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", f"{ROOT}[test]"]
    subprocess.run(install, check=True, cwd=ROOT, env={**os.environ, "CHAINRULE_COMPILE": "1"})
    return python


def main() -> int:
    """Install the wheel, check its form, and run the tests in a folder that has no sources."""
    is_here = sys.argv[1:2] == ["--here"]
    python = sys.executable if is_here else with_wheel()
    with tempfile.TemporaryDirectory(prefix="chainrule-") as folder:
        shutil.copytree(ROOT / "tests", Path(folder, "tests"), ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        subprocess.run([python, "-c", CHECK, *compiled_modules()], check=True, cwd=folder)
        processes = [] if is_here else ["-n", "auto"]
        tests = [python, *OPTIONS, *processes, *(sys.argv[1 + is_here :] or TESTS)]
        return subprocess.run(tests, cwd=folder, check=False, env=EXAMPLES | os.environ).returncode


if __name__ == "__main__":
    sys.exit(main())
