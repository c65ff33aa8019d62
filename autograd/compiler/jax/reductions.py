"""Write reductions in JAX, of which those that are no plain sums have their derivatives from the table."""

from __future__ import annotations

from collections.abc import Sequence

from ...ops.renderer import Form
from ...ops.rule import Application, Expression, Name
from ...ops.table import OPS, Accumulator, Op
from ..arrays.index_rules import Positions
from ..arrays.plan import Block
from ..numpy.expressions import Helpers
from ..numpy.literals import number_text
from ..numpy.reductions import letters_of, row_of, triangle
from ..numpy.statements import StatementWriter
from ..passes.products import PLAIN_SUMS
from ..runtime.program import UnsuitableError
from .expressions import FORMS, PLAIN, JaxRenderer

_FOLDED = {"add": "jnp.sum", "mul": "jnp.prod", "max": "jnp.max", "min": "jnp.min", "hypot": "distance"}
"""What reduces a whole axis as a loop does element by element, by the word of its step."""

_WORDS = {"products_of_others": Form("products_of_others({}, axis)"), "len": Form("jnp.size({}, axis)")}


class _ReductionRules(JaxRenderer):
    """Rules of a reduction, for all elements at once: what they reduce themselves keeps its axis."""

    def form(self, word: str, count: int) -> Form | None:
        if word not in OPS or not OPS[word].variadic:
            return super().form(word, count)
        operands = [*["{}"] * count, "axis=axis"]
        return Form(f"jnp.expand_dims({reduced_text(OPS[word], operands, self.helpers)}, axis)")


def reduced_text(op: Op, arguments: Sequence[str], helpers: Helpers) -> str:
    """Return a reduction by JAX, or by a function that the program defines.

    Parameters
    ----------
    op : Op
        The reduction.
    arguments : sequence of str
        Its operands, and the axis.
    helpers : dict
        To which the functions are added that the program has to define.

    Returns
    -------
    str
        An expression.

    Raises
    ------
    UnsuitableError
        For a row whose loop is none that JAX has.

    Examples
    --------
    >>> helpers = {}
    >>> reduced_text(OPS["prod"], ["v1", "axis=-1"], helpers)
    'prod(v1, axis=-1)'
    >>> print(helpers["prod"])
    def prod_of(x, axis):
        total = jnp.prod(x, axis, keepdims=True, initial=1.0, dtype=x.dtype)
        return jnp.squeeze(total, axis)
    <BLANKLINE>
    <BLANKLINE>
    prod = with_partials_along(prod_of, lambda x, out, axis: products_of_others(x, axis))
    <BLANKLINE>
    """
    if op in PLAIN_SUMS:
        name = "jnp.sum"
    elif op.folds is not None and op.ufunc is not None:
        name = f"{op.ufunc.__name__}_along"
        helpers[name] = _first_of(op, name)
    else:
        name = op.name
        if name not in helpers:
            helpers[name] = _reduction(op, helpers)
    return f"{name}({', '.join(arguments)})"


def _first_of(op: Op, name: str) -> str:
    """Return the definition of the largest or smallest element, whose derivative is that of the first one."""
    partial = "lambda x, out, axis: first_of((x == out) | ((x != x) & (out != out)), axis)"
    return f"{name} = with_partials_along({_FOLDED[op.name]}, {partial})\n"


def _reduction(op: Op, helpers: Helpers) -> str:
    """Return the definition of a reduction: its rule, or its loops, one for all elements after the other."""
    columns, name = ", ".join(op.parameters), f"{op.name}_of"
    lines, result = [f"def {name}({columns}, axis):"], op.value
    values = _ReductionRules(helpers, {**PLAIN, **_WORDS})
    if op.reduction is not None:
        result = op.reduction.result
    elif op.is_primitive:
        raise UnsuitableError(f"JAX has no reduction for {op.name!r}, whose row has no loop")
    for accumulator in op.reduction.accumulators if op.reduction else ():
        word, added = _step(accumulator)
        options = f"axis, keepdims=True, initial={number_text(accumulator.start).replace('np.', 'jnp.')}"
        # Ones and zeros alone have no type of their own.
        options += f", dtype={op.parameters[0]}.dtype" if _FOLDED[word] in ("jnp.sum", "jnp.prod") else ""
        lines.append(f"    {accumulator.name} = {_FOLDED[word]}({values.operand(added)}, {options})")
    lines += [f"    return jnp.squeeze({values.write(result)}, axis)", "", ""]
    head = f"lambda {columns}, out, axis: "
    partials = [head + _ReductionRules(helpers, {**FORMS, **_WORDS}).write(rule) for rule in op.partials]
    lines.append(f"{op.name} = with_partials_along({', '.join([name, *partials])})\n")
    return "\n".join(lines)


def _step(accumulator: Accumulator) -> tuple[str, Expression]:
    """Return the word of a step, and what it adds."""
    match accumulator.step.tree:
        case Application(word, (Name(total), added)) if total == accumulator.name and word in _FOLDED:
            return word, added
    raise UnsuitableError(f"JAX has no reduction that does {accumulator.step} for each element")


def product_of_terms(writer: StatementWriter, block: Block, terms: Positions) -> str:
    """Return a product of a vector and a matrix of which only some terms count, even where others are nan."""
    assert block.product is not None
    writer.counts.products += 1
    vector, matrix = block.product
    axes = writer.axes_of(vector)
    chosen = triangle(terms, "jnp") or writer.literals.name(terms, "i")
    entries = f"[{', '.join(['...', *['None'] * len(axes)])}]" if axes else ""
    x = f"jnp.where({chosen}{entries}, {writer.view(row_of(vector), whole=True)}, 0.0)"
    letters = ["".join(["ik", *letters_of(writer.axes_of(operand))]) for operand in (vector, matrix)]
    result = "".join(["i", *letters_of(block.axes)])
    writer.lines.append(f"# {len(terms)} sums of products, of which each has some of {terms.shape[1]}:")
    return writer.einsum(
        f"{','.join(letters)}->{result}", [x, writer.view(matrix, whole=True)], is_product=True
    )
