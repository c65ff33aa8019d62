"""Build the source distribution and the wheel, install each into an empty environment, and use it there.

``python .ci/packages.py`` does so on the Python that runs it, with the name of another Python on that one.
The environment gets what the project requires and nothing else; ``pip check`` is content, and a program runs
with warnings as errors, away from the sources, where it may neither write nor reach a network.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def built(interpreter: str, folder: Path) -> list[Path]:
    """Return a source distribution, and the wheel that is built of it."""
    python = environment(interpreter, folder / "build-tools")
    subprocess.run([python, "-m", "pip", "install", "-q", "build"], check=True)
    subprocess.run(
        [python, "-m", "build", "--outdir", folder / "dist", ROOT], check=True, stdout=subprocess.DEVNULL
    )
    return sorted((folder / "dist").iterdir())


def environment(interpreter: str, folder: Path) -> str:
    """Return the Python of a new environment."""
    subprocess.run([interpreter, "-m", "venv", folder], check=True)
    return str(folder / "bin" / "python")


def used(python: str, folder: Path) -> None:
    """Run a program in an environment, without a home and in a folder that has no sources."""
    subprocess.run([python, "-m", "pip", "check"], check=True)
    shutil.copy(ROOT / "tests" / "bare_machine.py", folder)
    settings = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    for words in (["-m", "autograd", "--version"], ["-W", "error", "bare_machine.py"]):
        subprocess.run([python, *words], check=True, cwd=folder, env=settings)


def main() -> None:
    """Build, install and use."""
    interpreter = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    with tempfile.TemporaryDirectory(prefix="chainrule-") as name:
        folder = Path(name)
        for number, package in enumerate(built(interpreter, folder)):
            python = environment(interpreter, folder / f"empty-{number}")
            subprocess.run([python, "-m", "pip", "install", "-q", package], check=True)
            print(package.name, flush=True)
            used(python, folder)


if __name__ == "__main__":
    main()
