"""Execute each notebook in a fresh kernel; fail on errors, output on stderr, or stale outputs.

``python .ci/notebooks.py`` checks; ``--write`` stores the outputs in the notebooks.
"""

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).parent.parent / "notebooks"

# Hides the kernel's warning that its connection to this process is not encrypted.
KERNEL = ["--log-level=ERROR"]


def texts(notebook: Any) -> list[str]:
    """Return the text output of each code cell, with stream chunks joined, since their split is random."""
    return [
        "".join(
            output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")
            for output in cell.outputs
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def problems(path: Path, write: bool) -> list[str]:
    """Execute a notebook and return its problems."""
    committed = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    try:
        NotebookClient(fresh, timeout=300, record_timing=False, extra_arguments=KERNEL).execute(
            cwd=str(FOLDER)
        )
    except CellExecutionError as error:
        return [f"{path.name}: {error}"]
    outputs = [output for cell in fresh.cells for output in cell.get("outputs", [])]
    found = [f"{path.name}: on stderr: {o.text}" for o in outputs if o.get("name") == "stderr"]
    if write:
        nbformat.write(fresh, path)
    elif texts(fresh) != texts(committed):
        stale = [
            f"committed {a!r}, now {b!r}"
            for a, b in zip(texts(committed), texts(fresh), strict=True)
            if a != b
        ]
        found.append(f"{path.name}: outputs are stale, run with --write: {'; '.join(stale)}")
    return found


def main() -> int:
    """Check or write all notebooks."""
    paths = sorted(FOLDER.glob("*.ipynb"))
    found = [problem for path in paths for problem in problems(path, "--write" in sys.argv[1:])]
    print("\n".join(found) or f"{len(paths)} notebooks executed, no error, no warning")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
