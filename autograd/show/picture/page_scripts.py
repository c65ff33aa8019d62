"""The scripts of a page: what its content security policy allows to run, and Graphviz among them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .self_contained import digest

_ENGINE = Path(__file__).with_name("wasm_graphviz") / "index.js"


def allowed(script: str, engines: Sequence[str] = ()) -> str:
    """Return the sources by which a content security policy allows a script, and engines of WebAssembly.

    Examples
    --------
    >>> allowed("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    >>> allowed("", [graphviz_script()]).split()[2]
    "'wasm-unsafe-eval'"
    """
    sources = [f"'sha256-{digest(text)}'" for text in (script, *engines)]
    return " ".join([*sources, "'wasm-unsafe-eval'"] if engines else sources)


@cache
def graphviz_script() -> str:
    """Return Graphviz as WebAssembly, 0.8 MB, as a module that defines ``globalThis.Graphviz``.

    A page has no use for the exports of the file and for its source map.

    Examples
    --------
    >>> graphviz_script()[-30:].partition("globalThis")[1:]
    ('globalThis', '.Graphviz=It;')
    """
    code, _, exports = _ENGINE.read_text(encoding="utf-8").rpartition("export{")
    (name,) = re.findall(r"(\w+) as Graphviz\b", exports)
    return f"{code}globalThis.Graphviz={name};"
