"""Run the tests with the oldest versions that pyproject.toml allows, in an environment of their own.

``python .ci/oldest.py`` makes the environment in ``.venv-oldest``; further words go to pytest.
"""

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".venv-oldest"


def floors(extra: str) -> list[str]:
    """Return the oldest version of each package that an extra, and those that it names, ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    waiting, found = [*project["dependencies"], f"chainrule[{extra}]"], []
    while waiting:
        wanted = waiting.pop()
        if inner := re.fullmatch(r"chainrule\[(.+)\]", wanted):
            waiting += [item for name in inner[1].split(",") for item in extras[name]]
        else:
            found.append(wanted.replace(">=", "=="))
    return sorted(found)


def main() -> int:
    """Install, say what, and run."""
    venv.create(FOLDER, clear=True, with_pip=True)
    python = str(FOLDER / "bin" / "python")
    wanted = floors("test")
    print(*wanted, sep="\n", flush=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *sys.argv[1:]]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
