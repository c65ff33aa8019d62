"""Execute each notebook in a fresh kernel, two at a time; fail on errors, output on stderr, or stale outputs.

``python .ci/notebooks.py`` checks; ``--write`` stores the outputs in the notebooks. Names of notebooks, or
beginnings of them, choose some: ``python .ci/notebooks.py --write 02 07``.
"""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

FOLDER = Path(__file__).parent.parent / "notebooks"

# Hides the kernel's warning that its connection to this process is not encrypted.
KERNEL = ["--log-level=ERROR"]

# What a student waits, and what a repository carries.
MOST_SECONDS, MOST_BYTES = 60.0, 1_500_000


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


def joined(outputs: list[Any]) -> list[Any]:
    """Return outputs with neighbouring chunks of a stream joined, so that the file is the same each time."""
    found: list[Any] = []
    for output in outputs:
        is_more = found and output.output_type == "stream" == found[-1].output_type
        if is_more and output.name == found[-1].name:
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def run(notebook: Any) -> None:
    """Execute a notebook in a kernel of its own."""
    with TemporaryDirectory(prefix="kernel-") as sockets:
        # Two kernels that begin at once may be given one port, but not one file. Windows has none of these.
        files = {"transport": "ipc", "ip": f"{sockets}/socket"}
        settings = Config({} if sys.platform == "win32" else {"ConnectionFileMixin": files})
        NotebookClient(
            notebook, timeout=300, record_timing=False, extra_arguments=KERNEL, config=settings
        ).execute(cwd=str(FOLDER))


def problems(path: Path, write: bool) -> tuple[float, list[str]]:
    """Execute a notebook and return the seconds it took, and its problems."""
    committed = nbformat.read(path, as_version=4)
    fresh = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    try:
        run(fresh)
    except CellExecutionError as error:
        return time.perf_counter() - start, [f"{path.name}: {error}"]
    seconds = time.perf_counter() - start
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    outputs = [output for cell in fresh.cells for output in cell.get("outputs", [])]
    found = [f"{path.name}: on stderr: {o.text}" for o in outputs if o.get("name") == "stderr"]
    if seconds > MOST_SECONDS:
        found.append(f"{path.name}: took {seconds:.0f} s, the most is {MOST_SECONDS:.0f}")
    if write:
        # Else the version of the interpreter that ran it last is in each change.
        fresh.metadata.pop("language_info", None)
        nbformat.write(fresh, path)
    elif texts(fresh) != texts(committed):
        stale = [
            f"committed {a!r}, now {b!r}"
            for a, b in zip(texts(committed), texts(fresh), strict=True)
            if a != b
        ]
        found.append(f"{path.name}: outputs are stale, run with --write: {'; '.join(stale)}")
    if path.stat().st_size > MOST_BYTES:
        found.append(f"{path.name}: {path.stat().st_size:,} bytes, the most is {MOST_BYTES:,}")
    return seconds, found


def chosen(names: Sequence[str]) -> list[Path]:
    """Return the notebooks whose names begin with one of some texts, or all of them."""
    return [path for path in sorted(FOLDER.glob("*.ipynb")) if path.name.startswith(tuple(names) or ("",))]


def main() -> int:
    """Check or write notebooks."""
    arguments = sys.argv[1:]
    paths = chosen([name for name in arguments if name != "--write"])
    with ProcessPoolExecutor(2) as pool:
        results = list(pool.map(partial(problems, write="--write" in arguments), paths))
    for path, (seconds, _) in zip(paths, results, strict=True):
        print(f"{path.name}: {seconds:.1f} s, {path.stat().st_size / 1000:.0f} kB")
    found = [problem for _, own in results for problem in own]
    print("\n".join(found) or f"{len(paths)} notebooks executed, no error, no warning")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
