"""Showing a page or a picture where there is a notebook, and where there is none."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any


def shown_by_a_notebook(item: Any) -> bool:
    """Show an object in the notebook that this runs in; return False if it runs in none.

    Parameters
    ----------
    item
        What has a representation for notebooks.

    Returns
    -------
    bool
        Whether there is a notebook.

    Examples
    --------
    >>> shown_by_a_notebook("text")
    False
    """
    # Only what IPython has loaded itself is asked: it takes half a second to import.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or type(shell).__name__ == "TerminalInteractiveShell":
        return False
    from IPython.display import display

    display(item)  # type: ignore[no-untyped-call]
    return True


def opened_in_a_browser(page: str) -> Path:
    """Open a page in the web browser, from a file that only its owner may read.

    The file stays, since nobody knows when the browser has read it. If there is no browser, a line says where
    it is.

    Parameters
    ----------
    page : str
        The page.

    Returns
    -------
    Path
        The file, in the folder for temporary ones.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch("webbrowser.open") as browser:
    ...     path = opened_in_a_browser("<p>hello</p>")
    >>> path.read_text(), browser.call_args.args == (path.as_uri(),)
    ('<p>hello</p>', True)
    >>> path.unlink()
    """
    handle, name = tempfile.mkstemp(prefix="chainrule-", suffix=".html")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(page)
    path = Path(name)
    try:
        opened = webbrowser.open(path.as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        print(f"no web browser was found; the page is {path}")
    return path
