"""The two forms of chainrule: interpreted, as in a checkout, and compiled, as in a wheel."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = "chainrule"
COMPILED = "chainrule-compiled"


def program(peer: str) -> tuple[str, ...]:
    """Return the name under which the cases have a peer and, for one of ours, the form to run it in."""
    if peer == COMPILED:
        return OURS, "compiled"
    return (peer, "interpreted") if peer.startswith(OURS) else (peer,)


def search_path(peer: str, compiled: Path | None) -> dict[str, str]:
    """Return the variables by which a peer finds this checkout and, before it, the compiled form to run."""
    places = [compiled, ROOT] if peer == COMPILED else [ROOT]
    # Safe: without the current directory, which would be the first place for processes that a peer starts.
    return {"PYTHONPATH": os.pathsep.join(map(str, places)), "PYTHONSAFEPATH": "1"}


def build(directory: Path) -> None:
    """Compile this checkout as a wheel, and install that into a directory, without its dependencies."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(directory)]
    environment = os.environ | {"CHAINRULE_COMPILE": "1"}
    subprocess.run([*command, str(ROOT)], env=environment, check=True)


def outdated(directory: Path) -> list[str]:
    """Return the modules of an installed form that were made from another source than this checkout's."""
    paths = [path for package in ("autograd", "nn") for path in (ROOT / package).rglob("*.py")]
    names = [path.relative_to(ROOT) for path in paths]
    return [str(name) for name in names if not _are_same(ROOT / name, directory / name)]


def _are_same(path: Path, other: Path) -> bool:
    return other.exists() and path.read_bytes() == other.read_bytes()


def check(form: str) -> None:
    """Raise RuntimeError unless chainrule would run in this form."""
    import autograd.installation  # of the form, which is not that of the process that starts the peers

    running = "compiled" if autograd.installation.is_compiled() else "interpreted"
    if running != form:
        raise RuntimeError(
            f"expected the {form} form of chainrule, got the {running} one, {autograd.__file__}"
        )
