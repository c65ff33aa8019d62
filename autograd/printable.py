"""Text that no terminal and no picture takes for a command."""

from __future__ import annotations

import re

# Controls (ANSI's begin with ESC or U+009B), marks that turn the direction of writing, and
# what XML 1.0 cannot hold at all.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def printable(text: str, keep: str = "") -> str:
    r"""Return a text with its control characters as Python writes them.

    Parameters
    ----------
    text : str
        Anything, such as a name from a file.
    keep : str
        Characters to leave as they are.

    Returns
    -------
    str
        The same, safe to show.

    Examples
    --------
    >>> print(printable("\x1b[31mred"))
    \x1b[31mred
    """
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in keep else _written(found[0]), text)


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode()
