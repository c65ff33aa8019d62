"""Names in C, as close to those of Python as they may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...c_language import KEYWORDS, MATH
from .expressions import HELPERS

_OWN = KEYWORDS | MATH | HELPERS.keys() | {"work", "numbers", "places", "memset", "memcpy", "NULL", "size_t"}
_NUMBERED = re.compile(
    r"[vVTabesxtnkc]\d+|[ijkrcpqst]|(count|start|length|lanes|part|low|high|along|steps|rows|given|left|behind|swapped)\d+"
)


def is_name(name: str) -> bool:
    """Return whether C allows a name for a function of a file.

    Examples
    --------
    >>> [is_name(name) for name in ("loss", "_loss2", "2nd", "for", "exp", "größe")]
    [True, True, False, False, False, False]
    """
    return re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) is not None and name not in _OWN


def names_in_c(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Return distinct names that C allows, and that the lines of functions do not use themselves.

    Parameters
    ----------
    names : sequence of str
        Any names.
    taken : iterable of str
        What none of them may be called.

    Examples
    --------
    >>> names_in_c(["w", "w", "exp", "x1", "for", "größe", "2nd"])
    ['w', 'w_2', 'exp_', 'x1_', 'for_', 'gr_e', '_2nd']
    """
    found, used = [], {*taken}
    for name in names:
        text = re.sub(r"_*[^A-Za-z0-9_]+_*", "_", name).rstrip("_") or "x"
        text = f"_{text}" if text[0].isdigit() else text
        text += "_" * (text in _OWN or bool(_NUMBERED.fullmatch(text)))
        numbers = range(2, len(names) + len(used) + 3)
        free = next(other for other in (text, *(f"{text}_{k}" for k in numbers)) if other not in used)
        used.add(free)
        found.append(free)
    return found
