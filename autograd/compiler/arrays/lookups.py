"""Find lookups in a plan: elements of a table by an index that is computed, and sums by such an index.

A trace knows no index that is computed. It chooses each element of the table where the index is its own, and
adds up the choices; what flows back to an element is the sum over all lookups of what chose it. As arrays
these are n times as large as the results, if the table has n elements. In a plan they are seen to be what
they are: `table[index]`, and sums of numbers by their index, as `numpy.bincount` has them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...ops.table import COMPARISONS, OPS
from ..passes.products import PLAIN_SUMS
from .index_rules import Positions
from .plan import Block, Operand, Plan, Results

# Of fewer, choices in one go take less time: three calls of NumPy against six.
_FEWEST = 8

_EQUAL, _WHERE = COMPARISONS["eq"], OPS["where"]


@dataclass
class Lookup:
    """What a block of sums is.

    Attributes
    ----------
    index : Operand
        The indices: of a table lookup one for each result; else a row of them for each table of sums.
    numbers : Operand
        The elements: of a table lookup those of a table for each result, along the last axis; else the
        numbers that are added up, a row for each table of sums.
    length : int
        How many elements a table has.
    order : array of int or None
        Of sums by index, where in the tables of sums, one after the other, each result stands.
    """

    index: Operand
    numbers: Operand
    length: int
    order: Positions | None = None


class Lookups(NamedTuple):
    """A plan without the choices that its lookups stand for, and the lookups by colour.

    Such a block has the index and the numbers for operands.
    """

    plan: Plan
    found: dict[int, Lookup]


def with_lookups(plan: Plan, results: Results) -> Lookups:
    """Return a plan in which lookups are found.

    Parameters
    ----------
    plan : Plan
        The arrays of a program, or of the body of a loop.
    results : sequence of (sequence of int, tuple of int)
        Its results.

    Returns
    -------
    Lookups
        The plan itself if there are none.

    Examples
    --------
    >>> with_lookups(Plan({}, {}), []).found
    {}
    """
    if not any(block.op is _EQUAL for block in plan.blocks.values()):
        return Lookups(plan, {})
    returned = {plan.place[i][0] for instructions, _ in results for i in instructions}
    users = _users(plan)
    found: dict[int, Lookup] = {}
    for colour, block in plan.blocks.items():
        lookup = _lookup(plan, block)
        if lookup is None:
            continue
        choices = block.operands[0].source
        if choices not in returned and users[choices] == {colour}:
            found[colour] = lookup
    if not found:
        return Lookups(plan, found)
    blocks = {
        colour: replace(block, operands=[found[colour].index, found[colour].numbers])
        if colour in found
        else block
        for colour, block in plan.blocks.items()
    }
    return Lookups(replace(plan, blocks=_used(blocks, returned)), found)


def _users(plan: Plan) -> dict[int, set[int]]:
    """Return for each array those that are computed from it; -1 is a loop."""
    users: dict[int, set[int]] = {colour: set() for colour in plan.blocks}
    for colour, block in plan.blocks.items():
        for operand in [*block.operands, *(block.product or ())]:
            users[operand.source].add(colour)
        if block.loop is not None:
            for source in block.loop.sources:
                users[source].add(-1)
    return users


def _used(blocks: dict[int, Block], returned: set[int]) -> dict[int, Block]:
    """Return the blocks without choices and comparisons that nobody uses any more."""
    users = _users(Plan(blocks, {}))
    for colour in reversed([*blocks]):
        if blocks[colour].op in (_EQUAL, _WHERE) and colour not in returned and not users[colour]:
            for operand in blocks.pop(colour).operands:
                users[operand.source].discard(colour)
    return blocks


def _lookup(plan: Plan, block: Block) -> Lookup | None:
    """Return the lookup that a block is, if it is one."""
    if block.op not in PLAIN_SUMS or not block.is_reduction or len(block.operands) != 1:
        return None
    choices = plan.blocks[block.operands[0].source]
    if choices.op is not _WHERE:
        return None
    condition, chosen, other = choices.operands
    compared = plan.blocks[condition.source]
    if compared.op is not _EQUAL or not _is_zero(plan, other):
        return None
    index, numbers = compared.operands
    constants = plan.blocks[numbers.source].constants
    if constants is None or plan.blocks[numbers.source].axes:
        return None
    # For each term of each sum, where the index stands, which one is asked for, and what is added.
    terms = block.operands[0].wanted.reshape(block.size, -1)
    of_condition = condition.wanted.ravel()[terms]
    at = index.wanted.ravel()[of_condition]
    asked = np.ravel(constants)[numbers.wanted.ravel()[of_condition]]
    added = chosen.wanted.ravel()[terms]
    if not block.over and (at == at[:, :1]).all():
        return _of_table(block, index.source, chosen.source, at, asked, added)
    if not block.axes and (asked == asked[:, :1]).all():
        return _of_sums(index.source, chosen.source, at, asked[:, 0], added)
    return None


def _is_zero(plan: Plan, operand: Operand) -> bool:
    constants = plan.blocks[operand.source].constants
    return constants is not None and not np.ravel(constants)[operand.wanted].any()


def _of_table(
    block: Block, index: int, source: int, at: Positions, asked: npt.NDArray[Any], added: Positions
) -> Lookup | None:
    """Return the lookup of sums each of which asks one index for every element of a table."""
    length = at.shape[1]
    order = np.argsort(asked, axis=1, kind="stable")
    if length < _FEWEST or (np.take_along_axis(asked, order, 1) != np.arange(length)).any():
        return None
    tables = np.take_along_axis(added, order, 1).reshape(*block.shape, length)
    return Lookup(Operand(index, at[:, 0].reshape(block.shape)), Operand(source, tables), length)


def _of_sums(
    index: int, source: int, at: Positions, asked: npt.NDArray[Any], added: Positions
) -> Lookup | None:
    """Return the lookup of sums each of which asks many indices for one element."""
    length = len(np.unique(asked))
    if length < _FEWEST or not np.array_equal(np.unique(asked), np.arange(length)):
        return None
    both = np.concatenate([at, added], axis=1)
    _, first, which = np.unique(both, axis=0, return_index=True, return_inverse=True)
    # In the order of the results, so that these are a view of the tables.
    rows, rank = both[np.sort(first)], np.argsort(np.argsort(first))
    order = rank[which.ravel()] * length + asked.astype(np.intp)
    if len(order) != len(rows) * length or len(np.unique(order)) != len(order):
        return None
    width = at.shape[1]
    return Lookup(Operand(index, rows[:, :width]), Operand(source, rows[:, width:]), length, order)
