"""Go through many samples block by block; the text of a program, which people read, does not say so.

What is computed of a block stays in the caches, and its memory is that of the block before. A logistic
regression over 10^6 samples takes 27 ms with whole arrays, of 8 MB each, and 40 to 110 where their memory is
new; by blocks it takes 19, also the first time. Where results are as long as the data, whole arrays are
faster: to put those of blocks together takes up to three times as long as to compute them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..arrays.plan import Block
from ..passes.products import SUMS
from .dropping import dropping
from .statements import StatementWriter

LARGEST = 2**17
"""How many floats the largest array of a block has: of ten numbers each, 8,000 to 65,000 samples do."""

MOST = 2**14
"""Samples of a block: with 4,000 the calls of NumPy take 10% of the time."""

FEWEST = 4
"""For fewer blocks whole arrays are as fast: three of the digits, of 64 numbers each, take 9% longer."""

_NAMES = re.compile(r"(?<![\w.])[a-z_]\w*", re.IGNORECASE)
_LENGTHS = re.compile(r"n\d*")
# As in `x.reshape(2, n)` and `np.empty((n,))`: the shape of an array along the axis, and no number.
_SHAPES = re.compile(r"(?<=reshape)\((?:-?\d+, )*n\d*\)|\((?:-?\d+, )+n\d*\)|\(n\d*,\)")
_LENGTH_OF_BLOCK = "n0"
_HEAD = "def program("


class Cut(NamedTuple):
    """How the arrays of a program are cut into blocks.

    Attributes
    ----------
    dimensions : dict of str to int
        The arguments with samples, and along which dimension these are.
    dropped : set of str
        The variables that are dropped after their last use.
    totals : set of str
        The sums over it.
    size : int
        How many samples a block has.
    """

    dimensions: Mapping[str, int]
    dropped: frozenset[str]
    totals: frozenset[str]
    size: int


def cut_of(writer: StatementWriter, dropped: Collection[str]) -> Cut | None:
    """Return how a program may go through its samples block by block.

    None where samples are not independent of one another but for sums, or where there are none.
    """
    plan, names = writer.plan, writer.names
    blocks = plan.blocks.values()
    if len(set(plan.lengths)) != 1 or plan.lengths[0].argument is None or plan.lengths[0].extra:
        return None
    if writer.lookups or not all(map(_is_of_each, blocks)):
        return None
    dimensions = {block.argument: block.dimensions for block in blocks if block.argument is not None}
    if any(dimensions[block.argument] != block.dimensions for block in blocks if block.argument is not None):
        return None
    cut = {writer.parameters[which]: found[0] for which, found in dimensions.items() if found}
    if not cut:
        return None
    widest = max([block.size for block in blocks if block.axes], default=1)
    return Cut(
        cut,
        frozenset(dropped),
        frozenset([names[colour] for colour, block in plan.blocks.items() if block.over]),
        max(1, min(MOST, LARGEST // max(1, widest))),
    )


def _is_of_each(block: Block) -> bool:
    """Return whether a block of a plan is computed of each sample by itself, or is a sum over samples."""
    of_others = block.loop, block.window, block.same_as, block.carried, block.opened, block.rows
    is_constant = block.constants is not None and bool(block.axes)
    if any(of is not None for of in of_others) or block.is_index or block.is_along or is_constant:
        return False
    return len({*block.axes, *block.over}) < 2 and (not block.over or block.op in SUMS)


def cut_in_blocks(body: str, cut: Cut) -> str:
    r"""Return a program that goes through its samples in blocks where they are many; else as it is.

    Parameters
    ----------
    body : str
        What defines ``program``, after anything else.
    cut : Cut
        How to cut it.

    Returns
    -------
    str
        Two functions, of which ``program`` calls the other one; it needs the name ``by_blocks``.

    Examples
    --------
    >>> lines = ["v1 = x * y", "v2 = v1.sum(axis=0)", "v3 = np.exp(v2)", "return (v3,)"]
    >>> body = "def program(x, y):\n" + "".join(f"    {line}\n" for line in lines)
    >>> print(cut_in_blocks(body, Cut({"x": 0}, frozenset(["v1"]), frozenset(["v2"]), 100)))
    def program_by_blocks(x, y):
        def of_block(x):
            n0 = x.shape[0]
            v1 = x * y
            v2 = v1.sum(axis=0)
            del v1
            return (v2,)
        v2, = by_blocks(of_block, (x,), (0,), 100)
        v3 = np.exp(v2)
        return (v3,)
    <BLANKLINE>
    <BLANKLINE>
    def program(x, y):
        if x.shape[0] >= 400:
            return program_by_blocks(x, y)
        v1 = x * y
        v2 = v1.sum(axis=0)
        v3 = np.exp(v2)
        return (v3,)
    <BLANKLINE>
    """
    begin, text = body.split(_HEAD)
    head, *lines = text.rstrip().split("\n")
    parts = _StatementParts(cut)
    are_parts = all(map(parts.takes, _statements(lines)))
    if not are_parts or not parts.used:
        return body
    (argument, dimension), *_ = cut.dimensions.items()
    block = [
        f"{_HEAD}{', '.join(cut.dimensions)}):",
        f"    {_LENGTH_OF_BLOCK} = {argument}.shape[{dimension}]",
        *parts.inside,
        f"    return {_tuple(parts.used)}",
    ]
    of_block = dropping("\n".join(block), cut.dropped).replace(_HEAD, "def of_block(")
    places = f"{_tuple(cut.dimensions)}, {(*cut.dimensions.values(),)}, {cut.size}"
    return "\n".join(
        [
            f"{begin}def program_by_blocks({head}",
            *parts.before,
            *(f"    {line}" for line in of_block.split("\n")),
            f"    {_tuple(parts.used)[1:-1]} = by_blocks(of_block, {places})",
            *parts.after,
            "",
            "",
            f"{_HEAD}{head}",
            f"    if {argument}.shape[{dimension}] >= {FEWEST * cut.size}:",
            f"        return program_by_blocks({head.removesuffix('):')})",
            *lines,
            "",
        ]
    )


def _tuple(names: Iterable[str]) -> str:
    found = [*names]
    return f"({', '.join(found)}{',' * (len(found) == 1)})"


def _statements(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield the lines of each statement, without comments."""
    found: list[str] = []
    for line in lines:
        if found and not line.startswith("     "):
            yield found
            found = []
        if not line.lstrip().startswith("#"):
            found.append(line)
    yield found


class _StatementParts:
    """The statements of a program: before its blocks, of each block, and after them."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self.before: list[str] = []
        self.inside: list[str] = []
        self.after: list[str] = []
        # The names of what stands before, varies along the axis, is a sum over it, and stands after.
        self._early: set[str] = set()
        self._along = {*cut.dimensions}
        self._sums: set[str] = set()
        self._late: set[str] = set()
        # The sums that are used after all blocks.
        self.used: dict[str, None] = {}

    def takes(self, statement: Sequence[str]) -> bool:
        """Add a statement, and return whether it can stand in one of the parts."""
        text = "\n".join(statement)
        names = {*_NAMES.findall(text)}
        assigned = {
            name for line in statement if " = " in line for name in _NAMES.findall(line.split(" = ")[0])
        }
        is_last = text.startswith("    return ")
        is_along = bool(names & self._along or _SHAPES.search(text))
        is_late = bool(names & (self._late | self._sums))
        if is_last or (is_late and not is_along):
            self.after += statement
            self._late |= assigned
            self.used |= dict.fromkeys(sorted(names & self._sums))
            return not names & self._along - self._cut.dimensions.keys()
        if any(map(_LENGTHS.fullmatch, assigned)) or not is_along:
            self.before += statement
            self._early |= assigned
            return True
        self.inside += [_SHAPES.sub(_of_block, line) for line in statement]
        (self._sums if assigned <= self._cut.totals else self._along).update(assigned)
        return not (is_late or assigned & self._early)


def _of_block(shape: re.Match[str]) -> str:
    return _LENGTHS.sub(_LENGTH_OF_BLOCK, shape[0])


def by_blocks(
    of_block: Callable[..., tuple[Any, ...]], arrays: Sequence[Any], dimensions: Sequence[int], size: int
) -> list[Any]:
    """Return sums over blocks.

    Parameters
    ----------
    of_block : callable
        From a block of each array to terms of the sums.
    arrays : sequence of array
        What is cut into blocks.
    dimensions : sequence of int
        Along which dimension each of them is.
    size : int
        How long the blocks are.

    Examples
    --------
    >>> import numpy as np
    >>> by_blocks(lambda x: (x.sum(), (x * x).sum()), [np.arange(5.0)], [0], 2)
    [np.float64(10.0), np.float64(30.0)]
    """
    found: list[Any] = []
    for start in range(0, arrays[0].shape[dimensions[0]], size):
        block = slice(start, start + size)
        cut = [array[(slice(None),) * d + (block,)] for array, d in zip(arrays, dimensions, strict=True)]
        terms = of_block(*cut)
        found = [total + term for total, term in zip(found, terms, strict=True)] if start else [*terms]
    return found
