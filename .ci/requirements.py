r"""Print what an extra requires besides the project itself, a requirement a line.

``python .ci/requirements.py test | xargs -d '\n' python -m pip install`` installs it, and builds no wheel.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def requirements(extra: str) -> list[str]:
    """Return what the project and an extra require, other extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    waiting, found = [*project["dependencies"], f"chainrule[{extra}]"], []
    while waiting:
        wanted = waiting.pop()
        if inner := re.fullmatch(r"chainrule\[(.+)\]", wanted):
            waiting += [item for name in inner[1].split(",") for item in extras[name]]
        else:
            found.append(wanted)
    return sorted(found)


if __name__ == "__main__":
    print(*requirements(sys.argv[1]), sep="\n")
