"""Write reductions in JAX, of which those that are no plain sums have their derivatives from the table."""

from __future__ import annotations

from collections.abc import Sequence

from ...ops.renderer import Form
from ...ops.rule import Application, Expression, Name
from ...ops.table import Accumulator, Op
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

_DISTANCE = """\
def distance(x, axis, keepdims, initial):
    x = jnp.absolute(x)
    top = jnp.max(x, axis, keepdims=True, initial=initial)
    scale = jnp.where((top > 0.0) & (top < jnp.inf), top, 1.0)
    found = scale * jnp.sqrt(jnp.sum((x / scale) ** 2, axis, keepdims=True))
    return jnp.where(jnp.any(x == jnp.inf, axis, keepdims=True), jnp.inf, found)
"""
"""The square root of a sum of squares, none of which overflows."""

_WITH_PARTIALS_ALONG = '''\
def with_partials_along(f, partial):
    """The reduction f along an axis; its tangent is the sum of partial times tangent."""

    @functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
    def reduced(x, axis=-1):
        return f(x, axis)

    @reduced.defjvp
    def push(axis, point, tangents):
        out = reduced(*point, axis)
        partials = partial(*point, jnp.expand_dims(out, axis), axis)
        return out, jnp.sum(partials * tangents[0], axis)

    return reduced
'''

_FLAT = """\
def flat(f, x, axis):
    axes = axis if isinstance(axis, tuple) else (axis,)
    last = jnp.moveaxis(x, axes, range(-len(axes), 0))
    found = f(last.reshape(*last.shape[: x.ndim - len(axes)], math.prod(last.shape[x.ndim - len(axes) :])))
    return jnp.moveaxis(found.reshape(last.shape), range(-len(axes), 0), axes)
"""
"""A function along the last axis, along any axes."""

_PRODUCTS_OF_OTHERS = """\
def products_of_others(x, axis):
    def along_last(x):
        one = jnp.ones_like(x[..., :1])
        before = jnp.cumprod(jnp.concatenate([one, x[..., :-1]], -1), -1)
        after = jnp.cumprod(jnp.concatenate([one, x[..., :0:-1]], -1), -1)
        return before * after[..., ::-1]

    return flat(along_last, x, axis)
"""

_FIRST = """\
def first_of(is_it, axis):
    return flat(lambda is_it: jnp.where(is_it & (jnp.cumsum(is_it, -1) == 1), 1.0, 0.0), is_it, axis)
"""
"""1 for the first element for which something holds: a tie goes to the first."""

_ALONG = {
    **FORMS,
    "sum": Form("jnp.sum({}, axis, keepdims=True)"),
    "products_of_others": Form("products_of_others({}, axis)"),
}


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
    >>> from ...ops.table import OPS
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
        helpers |= _first_of(op, name)
    else:
        name = op.name
        if name not in helpers:
            helpers |= _reduction(op, helpers)
    return f"{name}({', '.join(arguments)})"


def _first_of(op: Op, name: str) -> Helpers:
    """Return the definition of the largest or smallest element, whose derivative is that of the first one."""
    is_it = "(x == out) | ((x != x) & (out != out))"
    return {
        "with_partials_along": _WITH_PARTIALS_ALONG,
        "flat": _FLAT,
        "first_of": _FIRST,
        name: f"{name} = with_partials_along({_FOLDED[op.name]}, "
        f"lambda x, out, axis: first_of({is_it}, axis))\n",
    }


def _reduction(op: Op, helpers: Helpers) -> Helpers:
    """Return the definition of a reduction by its accumulators, one for all elements after the other."""
    if op.reduction is None or len(op.parameters) > 1:
        raise UnsuitableError(f"JAX has no reduction for {op.name!r}")
    needed = {"with_partials_along": _WITH_PARTIALS_ALONG}
    (x,), name, values = op.parameters, f"{op.name}_of", JaxRenderer(helpers, PLAIN)
    lines = [f"def {name}({x}, axis):"]
    for accumulator in op.reduction.accumulators:
        word, added = _step(accumulator)
        needed |= {"distance": _DISTANCE} if _FOLDED[word] == "distance" else {}
        options = f"axis, keepdims=True, initial={number_text(accumulator.start).replace('np.', 'jnp.')}"
        # Ones and zeros alone have no type of their own.
        options += f", dtype={x}.dtype" if _FOLDED[word] in ("jnp.sum", "jnp.prod") else ""
        lines.append(f"    {accumulator.name} = {_FOLDED[word]}({values.operand(added)}, {options})")
    lines += [f"    return jnp.squeeze({values.write(op.reduction.result)}, axis)", "", ""]
    (rule,) = op.partials
    if "products_of_others" in rule.words:
        needed |= {"flat": _FLAT, "products_of_others": _PRODUCTS_OF_OTHERS}
    partial = JaxRenderer(helpers, _ALONG).write(rule)
    lines.append(f"{op.name} = with_partials_along({name}, lambda {x}, out, axis: {partial})\n")
    return {**needed, op.name: "\n".join(lines)}


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
