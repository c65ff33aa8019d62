"""Write a plan as a program of `jax.numpy`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ..arrays.plan import Plan, Results
from ..numpy.expressions import Helpers, helpers_text
from ..numpy.literals import Literals, module_text
from ..numpy.source import Source, code_of, lengths_of, write_program
from ..numpy.statements import Counts
from .expressions import used_helpers
from .loops import in_room
from .writer import JaxWriter

_STRIDED = """\
def strided(x, start, shape, steps):
    at = sum(step * along for step, along in zip(steps, np.indices(shape, sparse=True)))
    return x.ravel()[start + at]
"""


class JaxSource(Source):
    """A program of `jax.numpy`: a pure function, of the type of its arguments, which JAX may trace."""

    @property
    def text(self) -> str:
        """The module, which runs on its own."""
        libraries = ["import jax", "import jax.numpy as jnp"]
        libraries += ["import jax.scipy.special"] * ("jax.scipy.special" in self.body)
        if self.literals.arrays or re.search(r"\bnp\.", self.body):
            libraries.append("import numpy as np")
        return module_text(self.imports, self.literals, self.body, libraries)

    def run(self) -> Callable[..., Any]:
        """Return the function ``program``.

        Raises
        ------
        ImportError
            Where JAX is not installed.
        """
        namespace: dict[str, Any] = {"__name__": "program", **self.literals.arrays}
        # The arrays of the program are given, the text has their names alone.
        exec(code_of(module_text(self.imports, Literals(), self.body, _LIBRARIES)), namespace)
        program: Callable[..., Any] = namespace["program"]
        return program


_LIBRARIES = ("import jax", "import jax.numpy as jnp", "import jax.scipy.special", "import numpy as np")


def jax_source(plan: Plan, parameters: Sequence[str], results: Results) -> JaxSource:
    """Return the program of a plan in `jax.numpy`.

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
    JaxSource
        The text of a module, and the function that it defines.

    Raises
    ------
    UnsuitableError
        For what is not written for JAX.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..passes.axes import whole_arguments
    >>> from ..passes.colours import colours_of
    >>> from ..arrays.layout import lay_out
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0)]
    >>> tape = tape_of([(v * 2.0).expm1() for v in x], [x])
    >>> plan = lay_out(tape, colours_of(tape), whole_arguments([(2,)]))
    >>> text = jax_source(plan, ["x"], [(tape.outputs, (2,))]).text
    >>> print(text[text.index("expm1 = ") :])
    expm1 = with_partials(jnp.expm1, lambda x, out: jnp.exp(x))
    <BLANKLINE>
    <BLANKLINE>
    def program(x):
        v1 = x * 2.0
        v2 = expm1(v1)
        return (v2,)
    <BLANKLINE>
    """
    writer = JaxWriter.of(plan, parameters, results)
    write_program(writer, results)
    given = [f"{name} = {text}" for _, name, text in lengths_of(writer)]
    if any("dtype" in line for line in writer.lines):
        given.insert(0, type_line(parameters))
    lines = in_room(writer, writer.lines.pop().removeprefix("return "))
    return source_of(parameters, [*given, *lines], writer.helpers, writer.literals, writer.counts)


def type_line(parameters: Sequence[str]) -> str:
    """Return the statement that defines the type of all numbers.

    Examples
    --------
    >>> type_line(["x"])
    'dtype = jnp.result_type(float, x)'
    """
    return f"dtype = jnp.result_type({', '.join(['float', *parameters])})"


def source_of(
    parameters: Sequence[str], lines: Sequence[str], helpers: Helpers, literals: Literals, counts: Counts
) -> JaxSource:
    """Return the program of some statements.

    Parameters
    ----------
    parameters : sequence of str
        A name for each argument.
    lines : sequence of str
        The statements.
    helpers : dict
        The functions that they may use.
    literals : Literals
        The arrays that they use.
    counts : Counts
        What they consist of.

    Returns
    -------
    JaxSource
        The program.

    Examples
    --------
    >>> print(source_of(["x"], ["return (x,)"], {}, Literals(), Counts()).text)
    import jax
    import jax.numpy as jnp
    <BLANKLINE>
    <BLANKLINE>
    def program(x):
        return (x,)
    <BLANKLINE>
    """
    head = f"\n\ndef program({', '.join(parameters)}):"
    program = "\n".join([head, *(f"    {line}".rstrip() for line in lines), ""])
    used = used_helpers(program, {**helpers, "strided": _STRIDED})
    body = "\n".join([*(text.rstrip() for text in helpers_text(used)), program])
    imports = [f"import {name}" for name in ("functools", "math") if f"{name}." in body]
    return JaxSource(body, imports, literals, **asdict(counts))
