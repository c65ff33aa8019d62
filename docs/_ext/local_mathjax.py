"""MathJax beside the pages, which so need no network: one file of npm's package, checked by its hash."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import urllib.request
from base64 import b64decode
from pathlib import Path

# Version 3, whose one file has its fonts within it; version 4 loads them apart.
VERSION = "3.2.2"
SHA512 = "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw=="
REGISTRY = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
MEMBER = "package/es5/tex-svg-full.js"
FILE = f"mathjax-{VERSION}.js"


def provide(folder: Path) -> Path:
    """Return the file in a folder; download it there first if need be."""
    target = folder / FILE
    if not target.exists():
        with urllib.request.urlopen(f"{REGISTRY}/mathjax/-/mathjax-{VERSION}.tgz", timeout=60) as answer:
            archive = answer.read()
        if hashlib.sha512(archive).digest() != b64decode(SHA512):
            raise ValueError(f"the archive of mathjax {VERSION} is not the one whose hash is known")
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            member = files.extractfile(MEMBER)
            assert member is not None
            folder.mkdir(parents=True, exist_ok=True)
            target.write_bytes(member.read())
    return target
