"""Write matrix products and other reductions, also of numbers that vary along axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays.index_rules import Positions
from ..arrays.plan import Block, Operand
from ..arrays.views import broadcast_axes
from ..passes.products import DOTS, PLAIN_SUMS
from .statements import StatementWriter

# Those of dimensions; k is the one of the terms, and capitals stand for axes.
_DIMENSIONS = "ijlmnopqrstuvwxyzabcdefgh"


def product(writer: StatementWriter, block: Block) -> str:
    """Return a matrix product, or one of a matrix and a vector."""
    assert block.product is not None
    left, right = block.product
    writer.counts.products += 1
    if block.axes or block.over:
        return _product_along(writer, block, left, right)
    rows, columns = len(left.wanted), len(right.wanted)
    writer.lines.append(f"# {rows} × {columns} sums of {left.wanted.shape[1]} products:")
    # A vector is always on the left, since the rows vary more slowly than the columns.
    if rows == 1:
        return f"{writer.view(right, whole=True)} @ {writer.view(row_of(left), whole=True)}"
    return f"{writer.view(left, whole=True)} @ {_transposed(writer.view(right, whole=True))}"


def _product_along(writer: StatementWriter, block: Block, left: Operand, right: Operand) -> str:
    """Return all products of rows on the left with rows on the right, of which some vary along axes."""
    own = writer.axes_of(left), writer.axes_of(right)
    rows, columns, width = len(left.wanted), len(right.wanted), left.wanted.shape[1]
    terms_of_each = f"{writer.length(block.over[0])} products" if block.over else f"{width} products"
    of_each = "" if block.over else f" for each of {writer.length(block.axes[0])}"
    writer.lines.append(f"# {rows} × {columns} sums of {terms_of_each}{of_each}:")
    # A vector is on the left here, too.
    if not block.over and not own[1] and rows == 1:
        return _times(writer, right, row_of(left))
    if own[0] == own[1] == block.over and len(block.over) == 1 and width == 1:
        one, two = (Operand(o.source, o.wanted[:, 0]) for o in (left, right))
        if rows == 1:
            return f"{writer.view(two, whole=True)} @ {writer.view(Operand(one.source, one.wanted[0]))}"
        return f"{writer.view(one, whole=True)} @ {writer.view(two, whole=True)}.T"
    result = "".join([*(["i"] if rows > 1 else []), *(["j"] if columns > 1 else []), *letters_of(block.axes)])
    terms, texts = [], []
    for row, operand, axes in (("i", left, own[0]), ("j", right, own[1])):
        # With dimensions of one number NumPy does not see that the rest is a matrix product: 7 ms, not 0.2.
        shape = [n for n in operand.wanted.shape if n > 1]
        kept = [index for index, n in zip((row, "k"), operand.wanted.shape, strict=True) if n > 1]
        terms.append("".join([*kept, *letters_of(axes)]))
        texts.append(writer.view(Operand(operand.source, operand.wanted.reshape(shape)), whole=True))
    return writer.einsum(f"{','.join(terms)}->{result}", texts, is_product=True)


def rows_without_zeros(writer: StatementWriter, block: Block, terms: Positions, name: str) -> list[str]:
    """Return what computes a product again, row by row, where zeros times what is not finite are nan."""
    assert block.product is not None
    vector, matrix = block.product
    x, rows = writer.view(row_of(vector), whole=True), writer.view(matrix, whole=True)
    letters = ["".join(["k", *letters_of(writer.axes_of(operand))]) for operand in (vector, matrix)]
    row = f"np.einsum('{','.join(letters)}->{''.join(letters_of(block.axes))}', {x}[k], row[k])"
    chosen = triangle(terms, "np") or writer.literals.name(terms, "i")
    return [
        f"if not np.isfinite({name}).all():  # of a sum, or of a zero times infinity",
        f"    {name} = np.array([{row} for row, k in zip({rows}, {chosen} == 1)])",
    ]


def triangle(terms: Positions, module: str) -> str | None:
    """Return the expression of a triangle of ones, if these are one, by a library.

    Examples
    --------
    >>> triangle(np.tri(3, 3), "np")
    'np.tri(3, 3, 0)'
    """
    for turned, suffix in ((terms, ""), (terms.T, ".T")):
        rows, columns = turned.shape
        diagonal = int(turned[0].sum()) - 1
        if np.array_equal(turned, np.tri(rows, columns, diagonal)):
            return f"{module}.tri({rows}, {columns}, {diagonal}){suffix}"
    return None


def letters_of(axes: Sequence[int]) -> list[str]:
    """Return a letter for each axis.

    Examples
    --------
    >>> letters_of((0, 2))
    ['A', 'C']
    """
    return [chr(ord("A") + axis) for axis in axes]


def _times(writer: StatementWriter, fixed: Operand, along: Operand) -> str:
    """Return the product of a vector or a matrix and a vector that varies along axes, which come last."""
    texts = writer.view(fixed, whole=True), writer.view(along, whole=True)
    # Along one axis it is a matrix; to find out what `tensordot` is asked for takes NumPy 8 us.
    is_matrix = len(writer.axes_of(along)) == 1
    return " @ ".join(texts) if is_matrix else f"{writer.module}.tensordot({', '.join(texts)}, 1)"


def reduction(writer: StatementWriter, block: Block) -> str:
    """Return a sum or another reduction."""
    assert block.op is not None
    writer.counts.reductions += 1
    if block.axes or block.over:
        return _reduction_along(writer, block)
    if not block.is_reduction:
        columns = block.op.columns([*map(writer.view, block.operands)])
        return writer.reduced(block.op, [*map(writer.stacked, columns), "axis=0"])
    single = block.shape == ()
    rows = [row_of(operand) if single else operand for operand in block.operands]
    # Broadcasting takes 4 us, which the product of two operands does by itself.
    is_whole = block.op not in DOTS or single or not _broadcasts_to_all(rows)
    texts = [writer.view(row, whole=is_whole) for row in rows]
    if block.op in DOTS:
        return " @ ".join(texts) if single else f"({texts[0]} * {texts[1]}).sum(axis=-1)"
    # The last axis of the transpose of a matrix is its first.
    is_transposed = len(block.shape) == 1 and all(text.endswith(".T") for text in texts)
    axis = [] if single else [f"axis={0 if is_transposed else -1}"]
    texts = [text.removesuffix(".T") if is_transposed else text for text in texts]
    if block.op in PLAIN_SUMS:
        return f"{texts[0]}.sum({''.join(axis)})"
    return writer.reduced(block.op, [*texts, *axis])


def _reduction_along(writer: StatementWriter, block: Block) -> str:
    """Return a reduction of numbers that vary along axes, over some of which it may add up."""
    assert block.op is not None
    axes = sorted({*block.axes, *block.over})
    if not block.is_reduction:
        texts = [writer.aligned(operand, axes) for operand in block.operands]
        return writer.reduced(block.op, [*map(writer.stacked, block.op.columns(texts)), "axis=0"])
    single = block.shape == ()
    operands = [row_of(operand) if single else operand for operand in block.operands]
    depth = len(block.shape)
    is_sum = block.op in DOTS or block.op in PLAIN_SUMS
    is_narrow = (is_sum or bool(block.over)) and operands[0].wanted.shape[-1] == 1
    if is_narrow:
        operands = [Operand(operand.source, operand.wanted[..., 0]) for operand in operands]
    over = [] if is_narrow else [depth]
    over += [depth + len(over) + axes.index(axis) for axis in block.over]
    is_vector = is_narrow and single and len(axes) == 1
    if is_vector and len(operands) == 2 and all(writer.axes_of(operand) for operand in operands):
        return " @ ".join(map(writer.view, operands))
    own = list(map(writer.axes_of, operands))
    if single and block.op in DOTS and not block.over and () in own:
        # One dot product for each index of the axes is the product of a vector and a matrix.
        writer.counts.reductions -= 1
        writer.counts.products += 1
        one, other = sorted(operands, key=lambda operand: len(writer.axes_of(operand)))
        return _times(writer, one, other)
    if block.op in DOTS and over:
        return _dot_along(writer, block, operands, has_terms=not is_narrow)
    texts = [writer.aligned(operand, axes, whole=True) for operand in operands]
    where = f"axis={over[0] if len(over) == 1 else tuple(over)}"
    if block.op in DOTS:
        return f"({' * '.join(texts)}).sum({where})"
    if block.op in PLAIN_SUMS:
        return f"{texts[0]}.sum({where})"
    return writer.reduced(block.op, [*texts, where], is_long=True)


def _dot_along(writer: StatementWriter, block: Block, operands: Sequence[Operand], *, has_terms: bool) -> str:
    """Return dot products, without an array of their terms: that takes twice as long where they are many."""
    own = _DIMENSIONS[: len(block.shape)]
    inputs = [
        "".join([own, "k" if has_terms else "", *letters_of(writer.axes_of(operand))]) for operand in operands
    ]
    texts = [writer.view(operand, whole=True) for operand in operands]
    terms = f"{','.join(inputs)}->{own}{''.join(letters_of(block.axes))}"
    return writer.einsum(terms, texts, is_product=False)


def _broadcasts_to_all(operands: Sequence[Operand]) -> bool:
    """Return whether operands broadcast to their full shape: none of its axes is missing in all of them."""
    shape = operands[0].wanted.shape
    axes = [set(broadcast_axes(operand.wanted)) for operand in operands]
    return min(shape) > 1 and not set.intersection(*axes)


def row_of(operand: Operand) -> Operand:
    """Return the only row of an operand.

    Examples
    --------
    >>> row_of(Operand(7, np.array([[3, 1]])))
    Operand(source=7, wanted=array([3, 1]))
    """
    return Operand(operand.source, operand.wanted[0])


def _transposed(text: str) -> str:
    return text.removesuffix(".T") if text.endswith(".T") else f"{text}.T"
