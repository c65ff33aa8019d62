"""Write a plan as a NumPy program."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np

from ..arrays.plan import Plan, Results
from .assembly import result, result_along
from .blocks import write_blocks
from .by_blocks import by_blocks, cut_in_blocks, cut_of
from .dropping import dropping
from .expressions import helpers_of, helpers_text, imports_of
from .literals import Literals, module_text
from .memory import keep_freed_memory
from .statements import StatementWriter
from .writer import NumPyWriter

_NAMES = re.compile(r"\bn\d*\b")


@dataclass
class Source:
    """A program in NumPy.

    Attributes
    ----------
    body : str
        What follows the definitions of the arrays that the program holds; it defines ``program``.
    imports : list of str
        Lines that import what it needs besides NumPy.
    literals : Literals
        These arrays.
    products, reductions, classes : int
        How many matrix products, other sums, and arrays there are.
    gathers : int
        How many operands follow no rule and are gathered.
    executed : str
        What is executed in place of the body where its arrays may be long: the same program, which drops them
        after their last use, and goes through many samples in blocks.
    """

    body: str
    imports: list[str]
    literals: Literals
    products: int = 0
    reductions: int = 0
    classes: int = 0
    gathers: int = 0
    executed: str = ""

    @property
    def text(self) -> str:
        """The module, which runs on its own."""
        return module_text(self.imports, self.literals, self.body)

    def run(self) -> Callable[..., Any]:
        """Return the function ``program``."""
        keep_freed_memory()
        namespace: dict[str, Any] = {
            "np": np,
            "math": math,
            "by_blocks": by_blocks,
            **self.literals.arrays,
        }
        exec(code_of(self.executed or self.body), namespace)
        program: Callable[..., Any] = namespace["program"]
        return program


@lru_cache(maxsize=32)
def code_of(text: str) -> CodeType:
    """Return what Python compiles of a program's text; the next model of the same shape has the same text.

    Parameters
    ----------
    text : str
        The program.

    Returns
    -------
    code
        What ``exec`` takes.

    Examples
    --------
    >>> exec(code_of("x = 3.0"), namespace := {})
    >>> namespace["x"]
    3.0
    """
    return compile(text, "<compiled by autograd.jit>", "exec")


def numpy_source(
    plan: Plan,
    parameters: Sequence[str],
    results: Sequence[tuple[Sequence[int], tuple[int, ...]]],
) -> Source:
    """Return the program of a plan.

    Parameters
    ----------
    plan : Plan
        The arrays of the program.
    parameters : sequence of str
        A name for each argument.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.

    Returns
    -------
    Source
        The text of a module.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..passes.axes import whole_arguments
    >>> from ..passes.colours import colours_of
    >>> from ..arrays.layout import lay_out
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0)]
    >>> tape = tape_of([(v * 2.0).exp() for v in x], [x])
    >>> plan = lay_out(tape, colours_of(tape), whole_arguments([(2,)]))
    >>> print(numpy_source(plan, ["x"], [(tape.outputs, (2,))]).text)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def program(x):
        v1 = x * 2.0
        v2 = np.exp(v1)
        return (v2,)
    <BLANKLINE>
    """
    writer = NumPyWriter.of(plan, parameters, results)
    write_program(writer, results)
    body, counts = _body(writer), asdict(writer.counts)
    executed = _executed(writer, body)
    return Source(body, imports_of(writer.helpers), writer.literals, **counts, executed=executed)


def write_program(writer: StatementWriter, results: Results) -> None:
    """Write the statements of a program, the last of which returns its results."""
    write_blocks(writer, {i for wanted, _ in results for i in wanted}, writer.plan.blocks)
    along = writer.plan.along or [()] * len(results)
    returned = [
        result_along(writer, wanted, shape, dims) if dims else result(writer, i, wanted, shape)
        for i, ((wanted, shape), dims) in enumerate(zip(results, along, strict=True))
    ]
    writer.lines.append(f"return ({', '.join(returned)}{',' if len(returned) == 1 else ''})")


def numpy_names(plan: Plan, parameters: Sequence[str], results: Results) -> dict[int, str]:
    """Return what the program of a plan calls its arrays, by colour.

    Parameters
    ----------
    plan, parameters, results
        As `numpy_source` takes them.

    Examples
    --------
    >>> from ...ops.table import OPS
    >>> from ..arrays.plan import Block, Operand
    >>> plan = Plan({0: Block(None, (), argument=0)}, {7: (1, 0)})
    >>> plan.blocks[1] = Block(OPS["exp"], (), operands=[Operand(0, np.zeros((), int))])
    >>> numpy_names(plan, ["x"], [([7], ())])
    {0: 'x', 1: 'v1'}
    """
    writer = NumPyWriter.of(plan, parameters, results)
    write_blocks(writer, {i for wanted, _ in results for i in wanted}, writer.plan.blocks)
    return writer.names


def _body(writer: NumPyWriter) -> str:
    numbers = {block.length for block in writer.plan.blocks.values()}
    # Python's integers raise where NumPy's numbers have inf: 1.0 / n without samples.
    lengths = [
        f"{name} = {f'np.int64({text})' if axis in numbers else text}"
        for axis, name, text in lengths_of(writer)
    ]
    body = "\n".join(f"    {line}" for line in [*lengths, *writer.lines])
    helpers = [text.rstrip() for text in helpers_text(helpers_of(body, writer.helpers))]
    program = f"\n\ndef program({', '.join(writer.parameters)}):\n{body}\n"
    return "\n".join([*helpers, program])


def lengths_of(writer: StatementWriter) -> Iterator[tuple[int, str, str]]:
    """Yield the axes whose lengths the statements use: which it is, its name, and how long it is."""
    used = {name for line in writer.lines for name in _NAMES.findall(line)}
    for axis, length in enumerate(writer.plan.lengths):
        if length.is_counted or writer.length(axis) not in used:
            continue
        text = str(length.length)
        if length.argument is not None and length.dimension is not None:
            text = writer.length_of(writer.parameters[length.argument], length.dimension)
            text += f" {'+' if length.extra > 0 else '-'} {abs(length.extra)}" if length.extra else ""
        yield axis, writer.length(axis), text


def _executed(writer: NumPyWriter, body: str) -> str:
    """Return what is executed in place of the body; nothing without arrays along axes."""
    pairs = writer.names.items()
    along = {name for colour, name in pairs if writer.plan.blocks[colour].axes and name.startswith("v")}
    long = along.difference(writer.parameters)
    if not long:
        return ""
    long.update(writer.calls.values())
    cut = cut_of(writer, long)
    return dropping(body if cut is None else cut_in_blocks(body, cut), long)
