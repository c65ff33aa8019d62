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

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..arrays.lookups import with_lookups
from ..arrays.plan import Block, Operand, Plan, Results
from ..runtime.program import UnsuitableError
from .blocks import write_blocks
from .index_loops import IndexLoops
from .loop_writer import LoopWriter, Memory
from .signature import Signature, shapes_of_results, signature_of
from .staged import stages_with_nests, stored_of, write_stages
from .stages import with_merged_axes, with_operands_of_loops


class Loops(NamedTuple):
    """A program as loops.

    Attributes
    ----------
    text : str
        The definition of ``program``. It takes the two arrays that follow, an array for each result that is
        one, which it fills, and the arguments; it returns the results that are numbers. Many numbers are one
        array: see `Signature`.
    numbers : array of float
        What it holds itself.
    places : array of int
        Where in ``w`` stands what follows no rule.
    """

    text: str
    numbers: np.ndarray[tuple[int], np.dtype[np.float64]]
    places: np.ndarray[tuple[int], np.dtype[np.int64]]


def loops_source(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Loops:
    """Return the program of a plan.

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
    def program(numbers, places, result0, argument0):
        w = np.empty(16)
        load(w, 0, argument0)
        for i in range(2):
            x1 = w[i]
            v1 = x1 * 2.0
            v2 = math.exp(v1)
            w[i + 8] = v2
        store(result0, w, 8)
        return ()
    <BLANKLINE>
    """
    if any(block.window is not None for block in _blocks_of(plan)):
        raise UnsuitableError("it takes slices along an axis")
    plan, lookups = with_lookups(with_operands_of_loops(with_merged_axes(plan)), results)
    writer = LoopWriter(plan, lookups)
    own = signature_of(shapes, results, plan.along)
    _read_lengths(writer)
    _read_arguments(writer, own.numbers_in)
    stages = stages_with_nests(plan, results, plan.blocks)
    writer.stored = stored_of(plan, stages, results)
    write_stages(writer, stages, results, write_blocks)
    arrays, numbers = _write_results(writer, own, results)
    writer.lines.append(f"return ({''.join(f'{number}, ' for number in numbers)})")
    arguments = [f"argument{i}" for i in own.arguments] + ["numbers_in"] * bool(own.numbers_in)
    head = f"def program({', '.join(['numbers', 'places', *arrays, *arguments])}):"
    body = [f"w = np.empty({writer.used})", *writer.lines] if writer.used else writer.lines
    text = "\n".join([head, *(f"    {line}" for line in body), ""])
    return Loops(text, np.array(writer.numbers, dtype=float), np.array(writer.places, dtype=np.int64))


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


def _read_arguments(writer: LoopWriter, together: list[int]) -> None:
    names = {which: f"numbers_in[{at}]" for at, which in enumerate(together)}
    for colour, block in writer.plan.blocks.items():
        if block.length is not None:
            writer.scalars[colour] = f"np.float64(length{block.length})"
        if block.argument is None or block.axes:
            continue
        name = names.get(block.argument, f"argument{block.argument}")
        if not block.shape:
            writer.scalars[colour] = name
        else:
            writer.lines.append(f"load(w, {writer.used}, {name})")
            writer.memory[colour] = writer.room(block.size)


def _write_results(writer: LoopWriter, own: Signature, results: Results) -> tuple[list[str], list[str]]:
    """Write results into their arrays; return the names of these, and the results that are numbers."""
    found = shapes_of_results(results, writer.plan.along)
    arrays = [f"result{i}" for i in own.results if found[i]]
    along = writer.plan.axes_of_results or [()] * len(results)
    numbers: list[str] = []
    for i in own.results:
        instructions, shape = results[i]
        if not found[i]:
            numbers.append(_number(writer, instructions[0]))
        elif not along[i]:
            _write_array(writer, f"result{i}", instructions, shape)
    if own.numbers_out:
        arrays.append("numbers_out")
        instructions = [results[i][0][0] for i in own.numbers_out]
        _write_array(writer, "numbers_out", instructions, (len(instructions),))
    return arrays, numbers


def _number(writer: LoopWriter, instruction: int) -> str:
    colour, at = writer.plan.place[instruction]
    return writer.scalar(Operand(colour, np.array(at)))


def _write_array(writer: LoopWriter, name: str, instructions: Sequence[int], shape: tuple[int, ...]) -> None:
    """Write what copies a result into its array."""
    if not instructions:
        return
    memory = _together(writer, [writer.plan.place[i] for i in instructions])
    start = memory.positions[0]
    if np.array_equal(memory.positions, start + np.arange(len(instructions))):
        writer.lines.append(f"store({name}, {memory.array}, {start})")
        return
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
