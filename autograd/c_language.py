"""Standard C: its keywords, the functions of its library of mathematics, and how it writes numbers."""

from __future__ import annotations

import math

KEYWORDS = frozenset(
    {
        *("auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum"),
        *("extern", "float", "for", "goto", "if", "inline", "int", "long", "main", "register", "restrict"),
        *("return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union"),
        *("unsigned", "void", "volatile", "while"),
    }
)
"""The keywords, and ``main``."""

MATH = frozenset(
    {
        *("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos"),
        *("cosh", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "fdim", "floor", "fma", "fmax", "fmin"),
        *("fmod", "frexp", "hypot", "ilogb", "ldexp", "lgamma", "llrint", "llround", "log", "log10", "log1p"),
        *("log2", "logb", "lrint", "lround", "modf", "nan", "nearbyint", "nextafter", "nexttoward", "pow"),
        *("remainder", "remquo", "rint", "round", "scalbln", "scalbn", "sin", "sinh", "sqrt", "tan", "tanh"),
        *("tgamma", "trunc", "j0", "j1", "jn", "y0", "y1", "yn", "gamma", "isnan", "isinf", "isfinite"),
    }
)
"""The functions of ``<math.h>``, with those that Unix adds to it."""


_OTHERS = {"abs": "fabs"}
"""What has a name of its own there; `abs` is that of integers."""


def function_of(name: str) -> str | None:
    """Return the function of ``<math.h>`` that has the meaning of a primitive row, if there is one.

    Parameters
    ----------
    name : str
        The name of the row, or of its function in Python's `math`.

    Examples
    --------
    >>> [function_of(name) for name in ("tanh", "arctan2", "abs", "mod")]
    ['tanh', 'atan2', 'fabs', None]
    """
    return next(
        (known for known in (name, name.replace("arc", "a"), _OTHERS.get(name)) if known in MATH), None
    )


def number_text(number: float) -> str:
    """Return a number as C writes it, which is read as exactly the same.

    Examples
    --------
    >>> [number_text(number) for number in (0.1, -2.0, math.inf, -math.inf, math.nan)]
    ['0.1', '-2.0', 'INFINITY', '-INFINITY', 'NAN']
    """
    if math.isfinite(number):
        return repr(float(number))
    return "NAN" if math.isnan(number) else "INFINITY" if number > 0.0 else "-INFINITY"
