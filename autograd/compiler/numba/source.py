"""Write a plan as loops over one flat work array, for Numba.

Arguments and stored arrays of more than one element have fixed places in the array ``w``; copying the 640
numbers of the moons there takes 0.1 us (`load`, and `store` for results). So addresses are affine in the
indices of loops with constant bounds, which LLVM vectorises. Irregular positions are looked up in ``places``;
constants are in ``numbers``.

The text is Python, and also runs without Numba. In reductions, the compiler may reorder terms and fuse a
product with its addition: there the text calls `add` and `add_product`. Everything else is computed as
written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np

from ..arrays.lookups import with_lookups
from ..arrays.plan import Block, Operand, Plan, Results
from ..runtime.program import UnsuitableError
from .blocks import write_blocks
from .index_loops import IndexLoops
from .loop_writer import LoopWriter, Memory
from .rooms import Rooms
from .signature import NUMBERS, PLACES, SMALL, Lengths, Signature, W, shapes_of_results, signature_of
from .staged import stages_with_nests, stored_of, write_stages
from .stages import with_merged_axes, with_operands_of_loops
from .window_chains import with_direct_windows

# More numbers are read where they are used: each name takes LLVM its time.
_FEW = 8


# So many numbers of an argument are copied to where vectors are loaded fast, if a product reads them many
# times: the step of the moons takes 1.2 times as long as C by hand, and 1.4 times where they stand elsewhere.
_COPIED = range(64, 4097)


class Loops(NamedTuple):
    """A program as loops.

    Attributes
    ----------
    text : str
        The definition of ``program``. It takes the address of the words of a `Signature`, and returns 0,
        which of the errors it is, counted from 1, or -1 if an exception is set.
    work : int
        The length of ``w``, which it computes in.
    numbers : array of float
        What it holds itself.
    places : array of int
        Where in ``w`` stands what follows no rule.
    errors : list of str
        What to raise a ValueError with.
    """

    text: str
    work: int
    numbers: np.ndarray[tuple[int], np.dtype[np.float64]]
    places: np.ndarray[tuple[int], np.dtype[np.int64]]
    errors: list[str]


def loops_source(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Loops:
    """Return the program of a plan, which is handed words.

    Parameters
    ----------
    plan : Plan
        The arrays of the program.
    shapes : sequence of tuple of int
        The shape of each argument.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.

    Returns
    -------
    Loops
        The text of a function.

    Raises
    ------
    UnsuitableError
        For what only NumPy computes.

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
    >>> print(loops_source(plan, [(2,)], [(tape.outputs, (2,))]).text)
    def program(words):
        w = floats(words, 0, (16,))
        argument0 = floats(words, 4, (2,))
        small = floats(words, 3, (2,))
        load(w, 0, argument0)
        for i in range(2):
            x1 = w[i]
            v1 = x1 * 2.0
            v2 = math.exp(v1)
            w[i + 8] = v2
        store(small, 0, 2, w, 8)
        return 0
    <BLANKLINE>
    """
    writer = _writer_of(plan, results)
    plan = writer.plan
    own = signature_of(shapes, shapes_of_results(results, plan.along))
    writer.lines += _arrays_of_arguments(own, shapes, is_any=bool(plan.lengths))
    # What stands in a part is followed through loops that come one after the other, not through others.
    if not (plan.lengths or writer.lookups or any(block.loop for block in plan.blocks.values())):
        writer.rooms = Rooms()
        writer.returned = {plan.place[i][0] for instructions, _ in results for i in instructions}
    _read_lengths(writer)
    writer.lines += _arrays_of_results(own, shapes_of_results(results, plan.along))
    _read_arguments(writer, own)
    _write_program(writer, results)
    _write_results(writer, own, results)
    numbers, places = np.array(writer.numbers, dtype=float), np.array(writer.places, dtype=np.int64)
    lines = [
        *[f"w = floats(words, {W}, ({writer.used},))"] * bool(writer.used),
        *[f"numbers = floats(words, {NUMBERS}, ({len(numbers)},))"] * bool(len(numbers)),
        *[f"places = integers(words, {PLACES}, ({len(places)},))"] * bool(len(places)),
        *writer.lines,
        "return 0",
    ]
    text = "\n".join(["def program(words):", *(f"    {line}" for line in lines), ""])
    return Loops(text, writer.used, numbers, places, writer.errors)


def named_loops(plan: Plan, results: Results, called: Mapping[int, str]) -> LoopWriter:
    r"""Return what has written the loops of a plan whose arrays have names, for other languages than Python.

    The loops read arguments where they stand: the arrays ``argument0``, ``argument1``, ..., or numbers of
    these names. They write the arrays ``result0``, ``result1``, ..., of which a number has one element.

    Parameters
    ----------
    plan : Plan
        The arrays of the program.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.
    called : mapping of int to str
        Names for arrays, by colour: ``v1``, ``v2``, and so on.

    Returns
    -------
    LoopWriter
        With the lines, and all that they refer to.

    Raises
    ------
    UnsuitableError
        For what has no loops.

    Examples
    --------
    >>> from ...ops.table import OPS
    >>> plan = Plan({0: Block(None, (2,), argument=0)}, {7: (1, 0), 8: (1, 1)})
    >>> plan.blocks[1] = Block(OPS["exp"], (2,), operands=[Operand(0, np.arange(2))])
    >>> print("\n".join(named_loops(plan, [([7, 8], (2,))], {1: "v5"}).lines))
    for i in range(2):
        x1 = argument0[i]
        v5 = math.exp(x1)
        w[i] = v5
    store(result0, 0, 2, w, 0)
    """
    writer = _writer_of(plan, results)
    writer.called, writer.has_hints = called, False
    writer.names = count(1 + max([int(name[1:]) for name in called.values()], default=0))
    _read_lengths(writer)
    blocks = writer.plan.blocks
    factors = {operand.source for block in blocks.values() for operand in block.product or ()}
    for colour, block in blocks.items():
        if block.length is not None:
            writer.scalars[colour] = f"np.float64(length{block.length})"
        elif block.argument is not None and not block.axes:
            name = f"argument{block.argument}"
            if not block.shape:
                writer.scalars[colour] = name
            elif colour in factors and block.size in _COPIED:
                room = writer.memory[colour] = writer.room(block.size)
                writer.lines.append(f"store(w, {room.positions[0]}, {block.size}, {name}, 0)")
            else:
                writer.memory[colour] = Memory(name, np.arange(block.size))
    _write_program(writer, results)
    along = writer.plan.axes_of_results or [()] * len(results)
    for i, (instructions, shape) in enumerate(results):
        if not shape and not along[i]:
            writer.lines.append(f"result{i}[0] = {_number(writer, instructions[0])}")
        elif not along[i]:
            _write_array(writer, f"result{i}", instructions, shape, range(len(instructions)))
    return writer


def _writer_of(plan: Plan, results: Results) -> LoopWriter:
    """Return what writes the loops of a plan."""
    if any(block.axes[block.is_along :] for block in _blocks_of(plan) if _is_moved(block)):
        raise UnsuitableError("it has loops that were found, for any number of samples")
    return LoopWriter(
        *with_lookups(with_operands_of_loops(with_direct_windows(with_merged_axes(plan))), results)
    )


def _write_program(writer: LoopWriter, results: Results) -> None:
    """Write the loops, stage by stage."""
    stages = stages_with_nests(writer.plan, results, writer.plan.blocks)
    writer.stored = stored_of(writer.plan, stages, results)
    write_stages(writer, stages, results, write_blocks)


def _is_moved(block: Block) -> bool:
    """Return whether an array is another one with its last dimension as an axis, or the other way."""
    return block.is_along or block.opened is not None


def _blocks_of(plan: Plan) -> Iterator[Block]:
    """Yield the blocks of a plan, and those of the bodies of its loops."""
    for block in plan.blocks.values():
        yield block
        if block.loop is not None:
            yield from _blocks_of(block.loop.body)


def _read_lengths(writer: LoopWriter) -> None:
    for axis, (argument, dimension, length, extra) in enumerate(writer.plan.lengths):
        if argument is not None:
            writer.lines.append(f"length{axis} = argument{argument}.shape[{dimension}] + {extra}")
        elif length is not None:
            writer.lines.append(f"length{axis} = {length}")


def _arrays_of_arguments(own: Signature, shapes: Sequence[tuple[int, ...]], *, is_any: bool) -> list[str]:
    """Return what makes arrays of arguments, which may have any lengths in a program along axes."""
    lines = []
    for i, at in own.arguments.items():
        lengths = [f"length(words, {at + 1 + d})" if is_any else n for d, n in enumerate(shapes[i])]
        lines.append(f"argument{i} = floats(words, {at}, {_tuple(lengths)})")
    if own.numbers_in:
        lines.append(_numbers("numbers_in", own.numbers_in))
    if len(own.numbers_in) <= _FEW:
        lines += [f"argument{i} = numbers_in[{at}]" for at, i in enumerate(own.numbers_in)]
    return lines


def _arrays_of_results(own: Signature, found: Sequence[Lengths]) -> list[str]:
    lines = [f"result{i} = floats(words, {at}, {_tuple(found[i])})" for i, at in own.others.items()]
    if own.small:
        lines.append(f"small = floats(words, {SMALL}, ({max(part.stop for part in own.small.values())},))")
    return lines + ([_numbers("numbers_out", own.numbers_out)] if own.numbers_out else [])


def _numbers(name: str, numbers: Mapping[int, int]) -> str:
    """Return what makes an array of numbers that are words themselves."""
    return f"{name} = floats_among(words, {min(numbers.values())}, ({len(numbers)},))"


def _tuple(items: Sequence[object]) -> str:
    """Return the text of a tuple."""
    return f"({', '.join(map(str, items))}{',' * (len(items) == 1)})"


def _read_arguments(writer: LoopWriter, own: Signature) -> None:
    many = own.numbers_in if len(own.numbers_in) > _FEW else {}
    names = {which: f"numbers_in[{at}]" for at, which in enumerate(many)}
    for colour, block in writer.plan.blocks.items():
        if block.length is not None:
            writer.scalars[colour] = f"np.float64(length{block.length})"
        if block.argument is None or block.axes:
            continue
        name = names.get(block.argument, f"argument{block.argument}")
        if not block.shape:
            writer.scalars[colour] = name
        else:
            room = writer.memory[colour] = writer.room(block.size)
            writer.lines.append(f"load(w, {room.positions[0] if block.size else 0}, {name})")


def _write_results(writer: LoopWriter, own: Signature, results: Results) -> None:
    """Write results into their arrays."""
    along = writer.plan.axes_of_results or [()] * len(results)
    for i in sorted([*own.others, *own.small]):
        if not along[i]:
            part = own.small.get(i)
            _write_array(writer, f"result{i}" if part is None else "small", *results[i], part)
    instructions = [results[i][0][0] for i in own.numbers_out]
    if len(instructions) > _FEW:
        _write_array(writer, "numbers_out", instructions, (len(instructions),), range(len(instructions)))
    else:
        writer.lines += [f"numbers_out[{at}] = {_number(writer, i)}" for at, i in enumerate(instructions)]


def _number(writer: LoopWriter, instruction: int) -> str:
    colour, at = writer.plan.place[instruction]
    return writer.scalar(Operand(colour, np.array(at)))


def _write_array(
    writer: LoopWriter,
    name: str,
    instructions: Sequence[int],
    shape: tuple[int, ...],
    part: range | None,
) -> None:
    """Write what copies a result into its array, or into a part of one."""
    if not instructions:
        return
    memory = _together(writer, [writer.plan.place[i] for i in instructions])
    start = memory.positions[0]
    if np.array_equal(memory.positions, start + np.arange(len(instructions))):
        target = f"{name}, {0 if part is None else part.start}"
        writer.lines.append(f"store({target}, {len(instructions)}, {memory.array}, {start})")
    elif part is not None:
        writer.copy(Memory(name, np.array(part)).shaped(shape), memory.shaped(shape))
    else:
        loop = IndexLoops(shape)
        element = writer.element(memory.shaped(shape), loop)
        writer.lines += loop.around(f"{name}[{', '.join(loop.indices)}] = {element}")


def _together(writer: LoopWriter, places: Sequence[tuple[int, int]]) -> Memory:
    """Return where some elements stand, all of them in one array."""
    wholes = {colour: writer.whole(colour) for colour, _ in places}
    if len({whole.array for whole in wholes.values()}) > 1:
        wholes = {
            colour: whole if whole.array == "w" else writer.contiguous(whole)
            for colour, whole in wholes.items()
        }
    array = wholes[places[0][0]].array
    return Memory(array, np.array([wholes[colour].positions[at] for colour, at in places]))
