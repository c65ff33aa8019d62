"""Run the tests on other versions of Python, and with the oldest libraries that pyproject.toml allows.

``python .ci/versions.py python3.12 python3.14t`` runs them on these interpreters, each in an environment of
its own, with the newest libraries; ``--oldest`` with the oldest, on the Python that runs this unless another
is named. What follows ``--pytest`` is for pytest. A free-threaded Python runs them without its lock.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from requirements import requirements

ROOT = Path(__file__).parent.parent

# Named by the environment: what NumPy and Numba are, and whether threads share a lock.
DESCRIPTION = """
import platform, sys
from importlib.metadata import version
libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "graphviz", "scikit-learn"))
lock = "" if getattr(sys, "_is_gil_enabled", lambda: True)() else ", without the lock"
print(f"Python {platform.python_version()}{lock}, {libraries}", flush=True)
"""


# They have no wheel for Python without its lock, and building them needs the headers of a library.
WITHOUT_WHEEL = ("pygraphviz",)


def environment(interpreter: str, is_oldest: bool) -> str:
    """Return the Python of a new environment with what the tests require."""
    folder = ROOT / f".venv-{'oldest' if is_oldest else Path(interpreter).name}"
    subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
    python = str(folder / "bin" / "python")
    wanted = [each.replace(">=", "==") if is_oldest else each for each in requirements("test")]
    if interpreter.endswith("t"):
        wanted = [each for each in wanted if not each.startswith(WITHOUT_WHEEL)]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    subprocess.run([python, "-m", "pip", "check"], check=True)
    return python


def main() -> int:
    """Run the tests on each interpreter, and return how many had failures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="*", metavar="PYTHON", help="interpreters; by default this one")
    parser.add_argument("--oldest", action="store_true", help="the oldest libraries in place of the newest")
    parser.add_argument("--pytest", nargs=argparse.REMAINDER, default=[], help="options of pytest")
    asked = parser.parse_args()
    failed = 0
    for interpreter in asked.pythons or [sys.executable]:
        python = environment(interpreter, asked.oldest)
        settings = {**os.environ, "PYTHON_GIL": "0"} if interpreter.endswith("t") else {**os.environ}
        subprocess.run([python, "-c", DESCRIPTION], check=True, env=settings)
        tests = [python, "-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", *asked.pytest]
        failed += subprocess.run(tests, cwd=ROOT, check=False, env=settings).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
