"""Run the tests with the oldest versions that pyproject.toml allows, in a separate environment.

``python .ci/oldest.py`` creates the environment ``.venv-oldest``; its arguments are passed to pytest.
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
    """Return the oldest allowed versions of the packages that an extra requires, other extras included."""
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
    """Install and print the oldest versions, then run the tests."""
    venv.create(FOLDER, clear=True, with_pip=True)
    python = str(FOLDER / "bin" / "python")
    wanted = floors("test")
    print(*wanted, sep="\n", flush=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *sys.argv[1:]]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
