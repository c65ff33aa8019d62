"""Pages that load nothing: their assets, what they allow to run, and their frame in a notebook."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import struct
import zlib
from pathlib import Path
from typing import Any


def asset(module: str, suffix: str) -> str:
    """Return the text of the file beside a module that has its name and another suffix.

    Examples
    --------
    >>> asset(__file__, "py").splitlines()[0][3:23]
    'Pages that load noth'
    """
    return Path(module).with_suffix(f".{suffix}").read_text(encoding="utf-8")


def digest(text: str) -> str:
    """Return the SHA-256 by which a content security policy allows an inline script or style.

    Examples
    --------
    >>> digest("")
    '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def inert(text: str) -> str:
    r"""Return JSON that cannot close the script element around it.

    Examples
    --------
    >>> inert('["</script>"]')
    '["\\u003c/script\\u003e"]'
    """
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def packed(data: Any) -> str:
    """Return data as compressed JSON in letters, which a page unpacks by ``DecompressionStream("deflate")``.

    Examples
    --------
    >>> len(packed(["the same"] * 1000)) < 100
    True
    """
    return base64.b64encode(zlib.compress(json.dumps(data).encode(), 9)).decode()


# The page cannot see the notebook around it: it is told whether that is dark, now and when it changes. It may
# tell how high it would like to be.
_TALK = (
    "const box=this.parentNode.style,tell=()=>{const{jpThemeLight:j,vscodeThemeKind:v}=document.body.dataset,"
    "theme=j?j==='true'?'light':'dark':v?v.includes('light')?'light':'dark':'';"
    "this.contentWindow?.postMessage({theme},'*')};tell();"
    "const seen=new MutationObserver(()=>this.isConnected?tell():seen.disconnect());"
    "seen.observe(document.body,{attributes:true});"
    "window.addEventListener('message',({source,data})=>{if(source===this.contentWindow&&data?.height>0)"
    "{box.aspectRatio='auto';box.height=data.height+'px'}})"
)


def framed(page: str, title: str, png: bytes | None = None, height: str = "") -> str:
    """Return a page as a part of a notebook, in a frame of its own: several must not share ids and keys.

    The frame lies over an image, which is seen where frames are taken out: on a site that shows notebooks,
    and in a notebook that is not trusted.

    Parameters
    ----------
    page : str
        The page.
    title : str
        What it shows.
    png : bytes, optional
        The image, of 192 dots an inch.
    height : str
        The height of the frame, in CSS; by default it has the proportions of the image.

    Returns
    -------
    str
        HTML that is as wide as there is room.

    Examples
    --------
    >>> framed("<p>page</p>", "Graph of y").count("<iframe")
    1
    """
    name = html.escape(title)
    image, shape = "", f"height: {height or '40rem'}"
    if png is not None:
        wide, high = (number / 2 for number in struct.unpack(">II", png[16:24]))
        data = base64.b64encode(png).decode()
        image = (
            f'<img alt="{name}" width="{wide:.0f}" src="data:image/png;base64,{data}" '
            'style="max-width: 100%; max-height: 42rem; object-fit: contain">'
        )
        # A picture narrower than the page stays as it is; above it is a row of buttons.
        proportions = f"{max(wide, 800.0):.0f} / {high + 60.0:.0f}"
        shape = shape if height else f"aspect-ratio: {proportions}; min-height: 11rem; max-height: 42rem"
    return (
        f'<div style="position: relative; width: 100%; overflow: hidden; {shape}">{image}'
        f'<iframe title="{name}" srcdoc="{html.escape(page)}" sandbox="allow-scripts" '
        f'onload="{html.escape(_TALK)}" '
        'style="position: absolute; inset: 0; width: 100%; height: 100%; border: 0"></iframe></div>'
    )
