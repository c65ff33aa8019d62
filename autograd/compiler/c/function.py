"""A function in C: what it is called, what it is given, its lines, and what the header says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...c_language import number_text
from .lines import CLine, Variable, broken, call_lines, every, without_unused, written


@dataclass
class Parameter:
    """A parameter of a function in C.

    Attributes
    ----------
    variable : Variable
        The parameter.
    meaning : str
        What the header says of it.
    """

    variable: Variable
    meaning: str

    @property
    def declaration(self) -> str:
        """How a prototype declares it."""
        kind = self.variable.kind
        return (
            f"{kind}restrict {self.variable.name}" if kind.endswith("*") else f"{kind} {self.variable.name}"
        )


@dataclass
class CFunction:
    """A function in C.

    Attributes
    ----------
    name : str
        Its name.
    doc : str
        What it does.
    parameters : list of Parameter
        What it is given, the memory that it computes in last.
    lines : list of CLine
        What it does.
    work : str
        How many numbers the memory has room for.
    tables : list of str
        Definitions of what the lines read besides.
    helpers : set of str
        Which of the `HELPERS` it calls.
    errors : list of str
        What it returns 1, 2, ... for.
    remarks : list of str
        What is said before it in the file.
    """

    name: str
    doc: str
    parameters: list[Parameter]
    lines: list[CLine]
    work: str
    tables: dict[str, str] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def prototype(self, end: str = "", *, is_restricted: bool = True) -> list[str]:
        """Return how it is declared."""
        parts = [parameter.declaration for parameter in self.parameters]
        parts = parts if is_restricted else [part.replace("restrict ", "") for part in parts]
        return call_lines(f"int {self.name}", parts, end)

    def text(self) -> str:
        """Return its definition."""
        lines = without_unused(self.lines)
        read = {variable for line in every(lines) for variable in line.reads}
        names = {variable.name for variable in read}
        unused = [p.variable.name for p in self.parameters if p.variable not in read]
        body = [
            *(f"    {text}" for name, text in self.tables.items() if name in names),
            *(f"    (void){name};" for name in unused),
            *written(lines),
            "    return 0;",
        ]
        remarks = [*_comment(self.remarks)] if self.remarks else []
        return "\n".join([*remarks, *self.prototype(), "{", *body, "}", ""])


def _comment(remarks: Sequence[str]) -> Iterator[str]:
    yield "/*"
    for remark in remarks:
        yield f"   {remark}".rstrip().replace("×", "x").replace("*/", "* /")
    yield "*/"


def table_text(variable: Variable, numbers: npt.NDArray[np.float64] | Sequence[int]) -> str:
    """Return the definition of a table.

    Examples
    --------
    >>> table_text(Variable("places", "static const int"), [1, 2])
    'static const int places[] = {1, 2};'
    """
    # There are no arrays of nothing.
    texts = [
        number_text(n) if isinstance(n, float) else str(n)
        for n in np.asarray(numbers).ravel().tolist() or [0]
    ]
    return "\n    ".join(broken(f"{variable.kind} {variable.name}[] = {{{', '.join(texts)}}};"))
