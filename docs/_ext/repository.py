"""Pages whose text lives elsewhere in the repository, and links between its files as they are on the site."""

from __future__ import annotations

import json
import posixpath
import re
import shutil
from pathlib import Path

# A page of the site, and the file that it shows.
ELSEWHERE = {
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "results": "benchmarks/RESULTS.md",
    "accuracy": "benchmarks/ACCURACY.md",
}


def rewritten(text: str, folder: str, page: str = "") -> str:
    """Return Markdown of a folder of the repository with local links that fit a page of the site.

    >>> rewritten("[a](docs/notes.md#a4) [b](autograd/ops/table.py) [c](https://x.org) [d](#e)", "")
    '[a](notes.md#a4) [b](../autograd/ops/table.py) [c](https://x.org) [d](#e)'
    >>> rewritten("[a](../docs/notes.md) [b](../CHANGELOG.md) [c](../README.md)", "notebooks", "notebooks/01")
    '[a](../notes.md) [b](../changelog.md) [c](path:../../README.md)'
    """
    pages = {file: name for name, file in ELSEWHERE.items()}
    up = "../" * page.count("/")

    def moved(match: re.Match[str]) -> str:
        if re.match(r"[a-z]+:|#", match[1]):
            return match[0]
        target, sign, anchor = match[1].partition("#")
        file = posixpath.normpath(posixpath.join(folder, target))
        if file in pages:
            file = f"{pages[file]}.md"
        elif file.startswith("docs/"):
            file = file.removeprefix("docs/")
        elif not file.startswith("notebooks/"):
            file = f"../{file}"
        # What is no page is a file to download.
        scheme = "path:" if file.startswith("../") and file.endswith(".md") else ""
        return f"]({scheme}{up}{file}{sign}{anchor})"

    return re.sub(r"\]\(([^()\s]+)\)", moved, text)


def copy_notebooks(source: Path, target: Path) -> None:
    """Copy notebooks and their pictures into the source of the site, with links that fit there."""
    target.mkdir(exist_ok=True)
    wanted = {path.name for path in source.iterdir() if path.suffix in (".ipynb", ".svg", ".png", ".gif")}
    for name in wanted:
        content = (source / name).read_bytes()
        if name.endswith(".ipynb"):
            book = json.loads(content)
            for cell in book["cells"]:
                if cell["cell_type"] == "markdown":
                    cell["source"] = rewritten("".join(cell["source"]), "notebooks", f"notebooks/{name}")
            content = json.dumps(book, ensure_ascii=False).encode()
        if not (target / name).exists() or (target / name).read_bytes() != content:
            (target / name).write_bytes(content)
    for old in target.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old.name not in wanted:
            old.unlink()
