"""The header of a file in C, which documents its functions."""

from __future__ import annotations

from collections.abc import Sequence

from .function import CFunction
from .interface import work_macro
from .lines import broken


def header_text(name: str, functions: Sequence[CFunction]) -> str:
    """Return the header of some functions."""
    guard = f"{name.upper()}_H"
    return "\n".join(
        [
            *(f"{line}".rstrip() for line in _ABOUT.format(name).splitlines()),
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#include <stddef.h>",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            *(line for function in functions for line in _of_function(function)),
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "",
            f"#endif /* {guard} */",
            "",
        ]
    )


_ABOUT = """\
/* {0} in standard C (of 1999), written by chainrule. It depends on <math.h> alone.

   Arrays are contiguous, and row by row: element (i, j) of an array of m x n numbers is
   x[n * i + j]. No two of the arrays that a function is given may overlap. Functions allocate
   nothing and keep nothing: they compute in `work`, which may hold anything before, and of which
   each thread needs its own. They are faster where `work` begins at a multiple of 64 bytes.
   Numbers have the units that they have in the function.
*/"""


def _of_function(function: CFunction) -> list[str]:
    names = [parameter.variable.name for parameter in function.parameters]
    width = max(map(len, names))
    sizes = [p.variable.name for p in function.parameters if p.variable.kind == "ptrdiff_t"]
    macro = work_macro(function.name, sizes)
    # An array of no numbers is none in C.
    amount = "1" if function.work == "0" else function.work
    for size in sizes:
        amount = _in_parentheses(amount, size)
    lines = [
        f"/* Compute {function.doc}.",
        "",
        *(line for p in function.parameters for line in broken(f"   {p.variable.name:{width}}  {p.meaning}")),
        "",
        "   Returns 0" + (":" if function.errors else "."),
        *(
            f"   or {number} if there is the error: {error}."
            for number, error in enumerate(function.errors, 1)
        ),
        "*/",
    ]
    steps = f"{function.name.upper()}_STEPS"
    if any(steps in error for error in function.errors):
        lines += [f"#ifndef {steps}", f"#define {steps} 1000", "#endif"]
    return [
        *lines,
        f"#define {macro} ({amount})",
        *function.prototype(";", is_restricted=False),
        "",
    ]


def _in_parentheses(text: str, name: str) -> str:
    return " ".join(f"({word})" if word == name else word for word in text.split(" "))
