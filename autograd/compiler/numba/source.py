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
from typing import NamedTuple

import numpy as np

from ..arrays.lookups import with_lookups
from ..arrays.plan import Block, Operand, Plan, Results
from ..runtime.program import UnsuitableError
from .blocks import write_blocks
from .index_loops import IndexLoops
from .loop_writer import LoopWriter, Memory
from .signature import Signature, arrays_of_results, shapes_of_results, signature_of, small_among
from .staged import stages_with_nests, stored_of, write_stages
from .stages import with_merged_axes, with_operands_of_loops

SMALL = "small"
"""What programs call the array of which small results are parts."""


class Loops(NamedTuple):
    """A program as loops.

    Attributes
    ----------
    text : str
        The definition of ``program``. It takes the array ``w`` and the two that follow, those of them that
        have any elements, an array for each result that is one, which it fills, and the arguments; it returns
        the results that are numbers. Many numbers are one array, see `Signature`, and so are the small
        results, see `small_among`.
    work : int
        The length of ``w``, which it computes in.
    numbers : array of float
        What it holds itself.
    places : array of int
        Where in ``w`` stands what follows no rule.
    """

    text: str
    work: int
    numbers: np.ndarray[tuple[int], np.dtype[np.float64]]
    places: np.ndarray[tuple[int], np.dtype[np.int64]]

    @property
    def held(self) -> dict[str, int]:
        """The length of each array that is none of an argument or a result, by name."""
        lengths = {"w": self.work, "numbers": len(self.numbers), "places": len(self.places)}
        return {name: length for name, length in lengths.items() if length}


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
    def program(w, result0, argument0):
        if not (is_plain(argument0)):
            raise TypeError
        load(w, 0, argument0)
        for i in range(2):
            x1 = w[i]
            v1 = x1 * 2.0
            v2 = math.exp(v1)
            w[i + 8] = v2
        store(result0, 0, 2, w, 8)
        return ()
    <BLANKLINE>
    """
    if any(block.window is not None for block in _blocks_of(plan)):
        raise UnsuitableError("it takes slices along an axis")
    if any(block.axes[block.is_along :] for block in _blocks_of(plan) if _is_moved(block)):
        raise UnsuitableError("it has loops that were found, for any number of samples")
    plan, lookups = with_lookups(with_operands_of_loops(with_merged_axes(plan)), results)
    writer = LoopWriter(plan, lookups)
    own = signature_of(shapes, results, plan.along)
    _read_lengths(writer)
    _read_arguments(writer, [f"argument{i}" for i in own.arguments if shapes[i]], own.numbers_in)
    stages = stages_with_nests(plan, results, plan.blocks)
    writer.stored = stored_of(plan, stages, results)
    write_stages(writer, stages, results, write_blocks)
    arrays, numbers = _write_results(writer, own, results)
    writer.lines.append(f"return ({''.join(f'{number}, ' for number in numbers)})")
    arguments = [f"argument{i}" for i in own.arguments] + ["numbers_in"] * bool(own.numbers_in)
    loops = Loops(
        "", writer.used, np.array(writer.numbers, dtype=float), np.array(writer.places, dtype=np.int64)
    )
    head = f"def program({', '.join([*loops.held, *arrays, *arguments])}):"
    return loops._replace(text="\n".join([head, *(f"    {line}" for line in writer.lines), ""]))


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


def _read_arguments(writer: LoopWriter, arrays: list[str], together: list[int]) -> None:
    names = {which: f"numbers_in[{at}]" for at, which in enumerate(together)}
    if arrays:
        of_each = " and ".join(f"is_plain({name})" for name in arrays)
        writer.lines += [f"if not ({of_each}):", "    raise TypeError"]
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
    arrays = arrays_of_results(own, found)
    parts = small_among(arrays)
    along = writer.plan.axes_of_results or [()] * len(results)
    for i in own.results:
        if found[i] and not along[i]:
            _write_array(writer, f"result{i}", *results[i], parts)
    if own.numbers_out:
        instructions = [results[i][0][0] for i in own.numbers_out]
        _write_array(writer, "numbers_out", instructions, (len(instructions),), parts)
    numbers = [_number(writer, results[i][0][0]) for i in own.results if not found[i]]
    return [SMALL] * bool(parts) + [name for name in arrays if name not in parts], numbers


def _number(writer: LoopWriter, instruction: int) -> str:
    colour, at = writer.plan.place[instruction]
    return writer.scalar(Operand(colour, np.array(at)))


def _write_array(
    writer: LoopWriter,
    name: str,
    instructions: Sequence[int],
    shape: tuple[int, ...],
    parts: Mapping[str, range],
) -> None:
    """Write what copies a result into its array, or into its part of the small ones."""
    if not instructions:
        return
    memory = _together(writer, [writer.plan.place[i] for i in instructions])
    start, part = memory.positions[0], parts.get(name)
    if np.array_equal(memory.positions, start + np.arange(len(instructions))):
        target = f"{name}, 0" if part is None else f"{SMALL}, {part.start}"
        writer.lines.append(f"store({target}, {len(instructions)}, {memory.array}, {start})")
    elif part is not None:
        writer.copy(Memory(SMALL, np.array(part)).shaped(shape), memory.shaped(shape))
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
