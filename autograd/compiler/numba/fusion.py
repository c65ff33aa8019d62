"""Fuse the element-wise arrays of a plan into common loops, so that intermediates stay in registers.

The plan is walked from its end. An array joins the loop of its first consumer if that loop uses each of
its elements exactly once. An operand of a matrix product or a sum gets a loop of its own before it. Cheap
arrays such as comparisons are computed again in every loop that uses them. Loops over samples that read the
same numbers become one, if nothing that the later one needs is computed in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ...ops.table import COMPARISONS, OPS
from ..arrays.index_rules import Positions
from ..arrays.plan import Block, Plan, Results


@dataclass
class LoopNest:
    """Arrays that are computed together.

    Attributes
    ----------
    shape : tuple of int
        The indices of the loop. A step of a scalar, a matrix product or another sum has none.
    elements : dict of int to array of int
        The colours, in order of evaluation; for each round of the loop, which element of the flat array it
        computes.
    axes : tuple of int
        The axes that all of them vary along, which are further indices.
    """

    shape: tuple[int, ...]
    elements: dict[int, Positions] = field(default_factory=dict)
    axes: tuple[int, ...] = ()
    is_alone: bool = False


def stands_alone(block: Block) -> bool:
    """Return whether a block is an arrangement, a product, another reduction, a loop, or at one index."""
    is_read = block.opened is not None or block.is_at_index
    return any((block.targets, block.over, block.is_reduction, block.loop is not None, is_read))


def fused(plan: Plan) -> list[LoopNest]:
    """Return the steps of a plan.

    Parameters
    ----------
    plan : Plan
        The arrays.

    Returns
    -------
    list of LoopNest
        In order of evaluation, with each array that is computed in one of them.

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
    >>> [[plan.blocks[colour].op.name for colour in step.elements] for step in fused(plan)]
    [['mul', 'exp']]
    """
    steps: list[LoopNest] = []
    # Of each array, by the step that uses it: the arrays there that do, and the positions that they take.
    users: dict[int, dict[int, list[tuple[int, Positions]]]] = {}
    for colour in reversed(plan.blocks):
        block = plan.blocks[colour]
        if block.op is None and not stands_alone(block):
            continue
        # Of the steps that use it, the first to be evaluated is the last of the list.
        where = sorted(users.get(colour, ()), reverse=True)
        if not _is_cheap(plan, block):
            where = where[:1]
        found = {at: _shared(block, steps[at], users[colour][at]) for at in where}
        if any(elements is None for elements in found.values()):
            found = {at: found[at] for at in where[:1]}
        placed = {at: elements for at, elements in found.items() if elements is not None}
        if not placed:
            placed = {len(steps): np.arange(block.size)}
            is_alone = stands_alone(block) or (block.size == 1 and not block.axes)
            steps.append(LoopNest(() if is_alone else block.shape, axes=block.axes, is_alone=is_alone))
        for at, elements in placed.items():
            steps[at].elements[colour] = elements
            for operand in block.operands:
                users.setdefault(operand.source, {}).setdefault(at, []).append((colour, operand.wanted))
    for step in steps:
        step.elements = dict(reversed(step.elements.items()))
    return _joined(plan, steps[::-1])


def _joined(plan: Plan, nests: Iterable[LoopNest]) -> list[LoopNest]:
    """Return nests of which those that read the same numbers of samples are one, where they can be.

    The sums over samples of a loss and of its slopes are apart, and would have the exponential of each sample
    computed twice.
    """
    found: list[LoopNest] = []
    # Which nest was the last to compute, and to compute or read, an array.
    computed: dict[int, int] = {}
    seen: dict[int, int] = {}
    for nest in nests:
        sources = {operand.source for colour in nest.elements for operand in plan.blocks[colour].operands}
        # Not before what it needs, and after that of which it needs other rounds.
        begin = max([computed.get(source, 0) for source in sources], default=0)
        begin = max([begin, *(computed.get(source, -1) + 1 for source in _parts(plan, sources))])
        known = sorted({seen[source] for source in sources if seen.get(source, -1) >= begin})
        at = next((at for at in known if _fits(plan, found[at], nest)), len(found))
        if at < len(found):
            found[at].elements |= nest.elements
        else:
            found.append(nest)
        computed |= dict.fromkeys(nest.elements, at)
        seen |= dict.fromkeys([*sources, *nest.elements], at)
    return found


def _fits(plan: Plan, nest: LoopNest, later: LoopNest) -> bool:
    """Return whether what a later nest needs of another one is computed there in the same round."""
    is_alike = (nest.shape, nest.axes) == (later.shape, later.axes) and bool(later.axes)
    if nest.is_alone or later.is_alone or not is_alike:
        return False
    wanted = [(colour, of) for colour, of in later.elements.items() if colour in nest.elements]
    for colour, of in later.elements.items():
        operands = plan.blocks[colour].operands
        wanted += [(o.source, o.wanted.ravel()[of]) for o in operands if o.source in nest.elements]
    return all((nest.elements[colour] == of).all() for colour, of in wanted)


def _parts(plan: Plan, sources: Iterable[int]) -> set[int]:
    """Return what sources consist of that no nest computes, such as what a loop leaves, or a slice."""
    found: set[int] = set()
    waiting = {*sources}
    while waiting:
        blocks = [plan.blocks[colour] for colour in waiting]
        given = [block for block in blocks if block.op is None and not stands_alone(block)]
        waiting = {source for block in given for source in block.sources} - found
        found |= waiting
    return found


def used_elsewhere(plan: Plan, nests: Iterable[LoopNest], results: Results) -> set[int]:
    """Return the arrays that are used outside of the loops that compute them, or returned.

    Examples
    --------
    >>> used_elsewhere(Plan({}, {0: (7, 0)}), [], [([0], ())])
    {7}
    """
    found = {plan.place[i][0] for instructions, _ in results for i in instructions}
    found |= {of[0] for block in plan.blocks.values() for of in (block.same_as, block.window) if of}
    found |= {of.source for block in plan.blocks.values() if block.is_along for of in block.operands}
    for nest in nests:
        for colour in nest.elements:
            sources = {operand.source for operand in plan.blocks[colour].operands}
            found |= sources - nest.elements.keys()
    return found


_RING = frozenset(
    op for op in OPS.values() if op.value.words and {*op.value.words} <= {"add", "sub", "mul", "neg"}
)
"""Sums, differences and products."""


def _is_cheap(plan: Plan, block: Block) -> bool:
    """Return whether a block is cheaper to recompute in each loop than to store.

    This holds for comparisons, and for sums and products of stored arrays: 1,600 elements of the argument
    of a ReLU, or of its comparison with 0, take 0.2 us to store and more to load.
    """
    if block.op in COMPARISONS.values():
        return True
    stored = [plan.blocks[operand.source] for operand in block.operands]
    return (
        block.op is not None
        and block.op in _RING
        and all(source.op is None or stands_alone(source) for source in stored)
    )


def _shared(block: Block, step: LoopNest, users: Iterable[tuple[int, Positions]]) -> Positions | None:
    """Return which element of a block each iteration uses, if all consumers in the loop agree."""
    if step.is_alone or stands_alone(block) or step.axes != block.axes:
        return None
    wanted = [of.ravel()[step.elements[colour]] for colour, of in users]
    if any((other != wanted[0]).any() for other in wanted[1:]):
        return None
    is_all = len(wanted[0]) == block.size and (np.bincount(wanted[0], minlength=block.size) == 1).all()
    return wanted[0] if is_all else None
