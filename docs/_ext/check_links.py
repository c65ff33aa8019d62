"""Check the links of the built site: ``python docs/_ext/check_links.py site-build``.

Each local link leads to a file and, if it has an anchor, to an element of it. No page loads anything from the
network. Addresses elsewhere are listed with ``--external``; a workflow with a network has Sphinx check those.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("object", "data"),
}


class Page(HTMLParser):
    """The ids of a page, what it links to, and what it loads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element refers to."""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.ids.add(value)
            elif (tag, name) == ("a", "href"):
                self.links.append(value or "")
            elif (tag, name) in LOADED or (tag, name) == ("link", "href"):
                self.loads.append(value or "")


def problems(site: Path) -> tuple[list[str], set[str]]:
    """Return what is wrong with a built site, and the addresses elsewhere that it links to."""
    pages = {file: Page(file) for file in sorted(site.rglob("*.html")) if "_static" not in file.parts}
    found: list[str] = []
    external: set[str] = set()
    for file, page in pages.items():
        name = file.relative_to(site)
        found += [f"{name} loads {url}" for url in page.loads if urlsplit(url).scheme in ("http", "https")]
        for url in {*page.links, *page.loads}:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                external |= {url} if parts.scheme in ("http", "https") else set()
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.is_file():
                found.append(f"{name} links to {url}, which is no file")
            elif anchor and target in pages and anchor not in pages[target].ids:
                found.append(f"{name} links to {url}, which has no such place")
    return found, external


def main(arguments: list[str]) -> int:
    """Check the site in a folder."""
    found, external = problems(Path(arguments[0]).resolve())
    if "--external" in arguments:
        print("\n".join(sorted(external)))
    print("\n".join(found) or f"all local links lead somewhere, {len(external)} addresses elsewhere")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
