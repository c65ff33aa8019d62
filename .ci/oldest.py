"""Run the tests with the oldest versions that pyproject.toml allows, in a separate environment.

``python .ci/oldest.py`` creates the environment ``.venv-oldest``; its arguments are passed to pytest.
"""

import subprocess
import sys
import venv
from pathlib import Path

from requirements import requirements

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".venv-oldest"


def main() -> int:
    """Install and print the oldest versions, then run the tests."""
    venv.create(FOLDER, clear=True, with_pip=True)
    python = str(FOLDER / "bin" / "python")
    wanted = [each.replace(">=", "==") for each in requirements("test")]
    print(*wanted, sep="\n", flush=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *sys.argv[1:]]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
