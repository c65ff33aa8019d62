"""A file in C: its functions, and those that C lacks."""

from __future__ import annotations

from collections.abc import Sequence

from .expressions import HELPERS
from .function import CFunction


def source_text(name: str, header: str, functions: Sequence[CFunction]) -> str:
    """Return a file.

    Parameters
    ----------
    name : str
        What it is about.
    header : str
        The name of its header.
    functions : sequence of CFunction
        What it defines.

    Examples
    --------
    >>> print(source_text("nothing", "nothing.h", []))
    /* nothing in standard C, written by chainrule. It needs <math.h> alone: link with -lm. */
    #include <math.h>
    #include <stddef.h>
    #include "nothing.h"
    <BLANKLINE>
    <BLANKLINE>
    """
    texts = [function.text() for function in functions]
    whole = "\n".join(texts)
    helpers = [text for helper, text in HELPERS.items() if any(helper in of.helpers for of in functions)]
    includes = ["<math.h>", "<stddef.h>", *["<string.h>"] * ("mem" in whole)]
    return "\n".join(
        [
            f"/* {name} in standard C, written by chainrule. It needs <math.h> alone: link with -lm. */",
            *(f"#include {include}" for include in includes),
            f'#include "{header}"',
            "",
            *helpers,
            whole,
        ]
    )
