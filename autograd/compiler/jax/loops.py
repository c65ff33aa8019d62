"""Write loops over steps in JAX: scans, and loops of as many steps as a condition holds.

What such a loop stores of each step has room for some number of steps, since arrays have sizes that are known
before a program runs. Everything behind the loop is a function of this room, which `in_room` calls with more
of it if it is not enough. Behind the last step an array may hold anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...ops.structural import When
from ...ops.table import COMPARISONS
from ..arrays.plan import LoopPlan, Operand
from ..numpy.assembly import assembled
from ..numpy.loops import left, shape_of_all, steps_last, taken
from ..numpy.statements import StatementWriter, WriteBlocks

if TYPE_CHECKING:
    from .writer import JaxWriter

_IN_ROOM = '''\
def in_room(found, numbers, axes):
    """What is found in room for as many steps as are taken; nan if 4,000,000 numbers are too few."""
    if not isinstance(numbers, int):
        numbers = 1_000  # of an export for batches of any size
    few = 256 if axes == 1 else 64
    most = max(few + 1, min(2**18, round((2**22 / max(1, numbers)) ** (1 / axes))))
    tried = few, *found(few)

    def is_short(tried):
        return (tried[0] == few) & (tried[1] > few)

    def again(tried):
        return jax.lax.cond(is_short(tried), lambda: (most, *found(most)), lambda: tried)

    # A loop of no or one step, since JAX computes both sides of a choice that it maps over samples; with the
    # choice in it, as XLA would compute in front of the loop what does not change in it.
    _, steps, results = jax.lax.while_loop(is_short, again, tried)

    def if_enough(result):
        is_number = jnp.issubdtype(result.dtype, jnp.floating)
        return jnp.where(steps > most, jnp.nan, result) if is_number else result

    return jax.tree.map(if_enough, results)
'''


class _Stored(NamedTuple):
    """What is stored of each step: the array that it goes to, which carried array it is of, and when."""

    name: str
    k: int
    when: When


def write_loop(writer: JaxWriter, colour: int, loop: LoopPlan, write_blocks: WriteBlocks) -> None:
    """Write a loop over steps, which stores what each step is given or leaves as far as that is used.

    Parameters
    ----------
    writer : JaxWriter
        The statements around the loop.
    colour : int
        The block that the loop is.
    loop : LoopPlan
        The loop.
    write_blocks : callable
        What writes the blocks of its body.
    """
    carried = [block.carried for block in writer.plan.blocks.values() if block.carried is not None]
    used = {(k, when) for of, k, when in carried if of == colour and when != "last"}
    stored = [_Stored(writer.new_name(), k, when) for k, when in sorted(used)]
    given = [writer.new_name() for _ in loop.carried]
    first = [
        writer.own_number(assembled(writer, array.first, array.shape, array.axes, is_own=False))
        for array in loop.carried
    ]
    if loop.condition is not None:
        _write_while(writer, colour, loop, write_blocks, given, first, stored)
    elif writer.plan.lengths[loop.axis].is_counted:
        _write_counted(writer, loop, write_blocks, given, first, stored)
    else:
        _write_scan(writer, loop, write_blocks, given, first, stored)
    arrays = {(of.k, of.when): of.name for of in stored}
    for other, block in writer.plan.blocks.items():
        if block.carried is not None and block.carried[0] == colour:
            _, k, when = block.carried
            is_last = when == "last"
            writer.names[other] = (
                given[k] if is_last else steps_last(writer, arrays[k, when], block, loop.axis)
            )


def _write_scan(
    writer: JaxWriter,
    loop: LoopPlan,
    write_blocks: WriteBlocks,
    given: Sequence[str],
    first: Sequence[str],
    stored: Sequence[_Stored],
) -> None:
    """Write a loop of as many steps as an array has along an axis."""
    step = f"step{next(writer.numbers)}"
    names, slices = taken(writer, loop)
    body = writer.within(loop.body, [*given, *names], loop.results)
    write_blocks(body, {i for array in loop.carried for i in array.results}, body.plan.blocks)
    following = _following(body, loop)
    each = [{"given": given, "left": following}[of.when][of.k] for of in stored]
    lines = _unpacked({"carried": given, "taken": [*slices]})
    lines += in_room(body, f"({_packed(following)}, {_packed(each)})")
    head = f"def {step}({_one(given, 'carried')}, {_one([*slices], 'taken')}):"
    writer.lines += ["", head, *indented(lines), ""]
    options = [f"length={writer.length(loop.axis)}"] * (not slices) + ["reverse=True"] * loop.is_reversed
    arguments = ", ".join([step, _packed(first), _packed([*slices.values()]), *options])
    results = f"{_packed(given)}, {_packed([of.name for of in stored]) if stored else '_'}"
    writer.lines.append(f"{results} = jax.lax.scan({arguments})")


def _write_counted(
    writer: JaxWriter,
    loop: LoopPlan,
    write_blocks: WriteBlocks,
    given: Sequence[str],
    first: Sequence[str],
    stored: Sequence[_Stored],
) -> None:
    """Write a loop of as many steps as another loop has taken."""
    step, index, steps = f"step{next(writer.numbers)}", f"t{next(writer.numbers)}", writer.count(loop.axis)
    names, slices = taken(writer, loop)
    body = writer.within(loop.body, [*given, *names], loop.results)
    write_blocks(body, {i for array in loop.carried for i in array.results}, body.plan.blocks)
    state, begin = [*given, *(of.name for of in stored)], [*first, *_empty(writer, loop, stored)]
    lines = [f"{name} = {source}[{index}]" for name, source in slices.items()]
    if loop.is_reversed:
        lines.insert(0, f"{index} = {steps} - 1 - {index}")
    lines += [*_unpacked({"state": state}), *in_room(body, _packed(_next(body, loop, given, stored, index)))]
    writer.lines += ["", f"def {step}({index}, {_one(state, 'state')}):", *indented(lines), ""]
    writer.lines.append(f"{', '.join(state)} = jax.lax.fori_loop(0, {steps}, {step}, {_packed(begin)})")


def _write_while(
    writer: JaxWriter,
    colour: int,
    loop: LoopPlan,
    write_blocks: WriteBlocks,
    given: Sequence[str],
    first: Sequence[str],
    stored: Sequence[_Stored],
) -> None:
    """Write a loop of as many steps as its condition holds, which counts them if anything asks for that."""
    others = [block for other, block in writer.plan.blocks.items() if other != colour]
    is_counted = any(loop.axis in block.lengths for block in others)
    if is_counted:
        writer.begin_room(loop.axis, _numbers(writer, loop))
    count = writer.count(loop.axis)
    goes_on, step = f"goes_on{next(writer.numbers)}", f"step{next(writer.numbers)}"
    names, _ = taken(writer, loop)
    assert loop.condition is not None
    place, position = loop.body.place[loop.condition]
    before = replace(loop.body, blocks={other: loop.body.blocks[other] for other in loop.body.up_to(place)})
    test = writer.within(before, [*given, *names], [([loop.condition], ())])
    write_blocks(test, set(), before.blocks)
    holds = test.view(Operand(place, np.array(position)))
    if before.blocks[place].op not in COMPARISONS.values():
        holds = f"({holds} != 0.0)"
    if before.blocks[place].axes:
        holds = f"({_in_front(writer, holds, before.blocks[place].axes)}).any()"
    body = writer.within(loop.body, [*given, *names], loop.results)
    carried = {i for array in loop.carried for i in array.results}
    needed = {other for i in carried for other in body.plan.up_to(body.plan.place[i][0])}
    write_blocks(body, carried, [other for other in body.plan.blocks if other in needed])
    state = [*[count] * is_counted, *given, *(of.name for of in stored)]
    following = [*[f"{count} + 1"] * is_counted, *_next(body, loop, given, stored, count)]
    holds = f"{holds} & ({count} <= {writer.length(loop.axis)})" if is_counted else holds
    for name, returned, of in ((goes_on, holds, test), (step, _packed(following), body)):
        lines = [*_unpacked({"state": state}), *in_room(of, returned)]
        writer.lines += ["", f"def {name}({_one(state, 'state')}):", *indented(lines)]
    begin = [*["0"] * is_counted, *first, *_empty(writer, loop, stored)]
    writer.lines += ["", f"{', '.join(state)} = jax.lax.while_loop({goes_on}, {step}, {_packed(begin)})"]


def _in_front(writer: JaxWriter, holds: str, axes: Sequence[int]) -> str:
    """Return what holds in front of the last step along axes that have room for more."""
    for i, axis in enumerate(axes):
        if axis in writer.rooms:
            behind = f"[:{', None' * (len(axes) - 1 - i)}]" if i < len(axes) - 1 else ""
            holds = f"{holds} & (jnp.arange({writer.length(axis)}) < {writer.count(axis)}){behind}"
    return holds


def _following(body: JaxWriter, loop: LoopPlan) -> list[str]:
    """Write what is carried on, and return the names."""
    texts = map(body.own_number, left(body, loop))
    return [text if text.isidentifier() else body.assigned(text) for text in texts]


def _next(
    body: JaxWriter, loop: LoopPlan, given: Sequence[str], stored: Sequence[_Stored], index: str
) -> list[str]:
    """Return what is carried on, and the arrays that hold what is stored of all steps."""
    following = _following(body, loop)
    numbers = {"given": given, "left": following}
    return [*following, *(f"{name}.at[{index}].set({numbers[when][k]})" for name, k, when in stored)]


def _numbers(writer: JaxWriter, loop: LoopPlan) -> str:
    """Return how many numbers are carried from step to step, for one step of other loops."""
    fixed, terms = 0, []
    for array in loop.carried:
        lengths = [writer.length(axis) for axis in array.axes if axis not in writer.rooms]
        if lengths:
            terms.append(" * ".join([str(prod(array.shape)), *lengths]))
        else:
            fixed += prod(array.shape)
    return " + ".join([*terms, *([str(fixed)] if fixed or not terms else [])])


def _empty(writer: StatementWriter, loop: LoopPlan, stored: Sequence[_Stored]) -> list[str]:
    """Return arrays to store what is carried of all steps in."""
    shapes = [shape_of_all(writer, loop.carried[of.k], loop.axis) for of in stored]
    return [f"jnp.zeros({shape}, dtype)" for shape in shapes]


def indented(lines: Sequence[str]) -> list[str]:
    """Return statements as those of a function."""
    return [f"    {line}".rstrip() for line in lines]


def _packed(names: Sequence[str]) -> str:
    """Return one thing as it is, and several as a tuple."""
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _one(names: Sequence[str], name: str) -> str:
    """Return what a parameter is called that is one thing, or several."""
    return names[0] if len(names) == 1 else name


def _unpacked(several: dict[str, Sequence[str]]) -> list[str]:
    """Return the statements that take parameters apart."""
    return [f"{', '.join(names)} = {name}" for name, names in several.items() if len(names) > 1]


def in_room(writer: JaxWriter, returned: str) -> list[str]:
    """Return the statements of a function: from the first on that needs room for steps, a function of it.

    Parameters
    ----------
    writer : JaxWriter
        The statements, without the last one.
    returned : str
        What the function returns.

    Returns
    -------
    list of str
        All statements.
    """
    if writer.begin is None:
        return [*writer.lines, f"return {returned}"]
    writer.helpers["in_room"] = _IN_ROOM
    counts = [writer.count(axis) for axis in writer.counted]
    most = counts[0] if len(counts) == 1 else f"jnp.max(jnp.stack([{', '.join(counts)}]))"
    inside = [*writer.lines[writer.begin :], f"return {most}, {returned}"]
    function = f"found{next(writer.numbers)}"
    numbers = " + ".join(writer.counted.values())
    axes = max(1, *(len({*block.axes} & writer.rooms.keys()) for block in writer.plan.blocks.values()))
    return [
        *writer.lines[: writer.begin],
        "",
        f"def {function}({writer.room}):",
        *indented(inside),
        "",
        f"return in_room({function}, {numbers}, {axes})",
    ]
