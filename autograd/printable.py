"""Text without control characters, for terminals and pictures, and in comments of C."""

from __future__ import annotations

import re

# Control characters (ANSI sequences begin with ESC or U+009B), marks that change the direction of writing,
# and characters that XML 1.0 excludes.
_UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"


def printable(text: str, keep: str = "") -> str:
    r"""Return a text with its control characters replaced by Python's escapes.

    Parameters
    ----------
    text : str
        Any text, such as a name from a file.
    keep : str
        Characters that are not replaced.

    Returns
    -------
    str
        The text, safe to show.

    Examples
    --------
    >>> print(printable("\x1b[31mred"))
    \x1b[31mred
    """
    # Compiled when first used, since that takes 1% of the time of an import.
    return re.sub(_UNPRINTABLE, lambda found: found[0] if found[0] in keep else _written(found[0]), text)


def in_comment(text: str) -> str:
    r"""Return any text as it may stand in a comment, of which it is not the end.

    Parameters
    ----------
    text : str
        A name from a file, say.

    Examples
    --------
    >>> print(in_comment("a */ int b; /*"), in_comment("*\\n/"), in_comment("*??/"), in_comment("*\x1b"))
    a * / int b; / * * /n/ *? ?/ * /x1b
    """
    # A backslash at the end of a line goes on with the next, and so does ??/, which C reads as one: *, then
    # a backslash, then / on the next line, are the end. What is put in their place comes before the ends.
    plain = printable(text).replace("\\", "/").replace("??", "? ?")
    return plain.replace("*/", "* /").replace("/*", "/ *")


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode()
