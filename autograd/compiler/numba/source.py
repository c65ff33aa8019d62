"""Write a plan as loops over one flat work array, for Numba.

Arguments and stored arrays of more than one element have fixed places in the array ``w``; copying the 640
numbers of the moons there takes 0.1 us. So addresses are affine in the indices of loops with constant
bounds, which LLVM vectorises. Irregular positions are looked up in ``places``; constants are in
``numbers``.

The text is Python, and also runs without Numba. In reductions, the compiler may reorder terms and fuse a
product with its addition: there the text calls `add` and `add_product`. Everything else is computed as
written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from math import prod
from typing import NamedTuple

import numpy as np

from ..arrays.index_rules import Positions
from ..arrays.layout import AlongAxes, Block, LoopPlan, Operand, Place, Plan, Results, by_source
from ..arrays.lookups import Lookup, with_lookups
from ..passes.axes import Along
from ..passes.products import SUMS
from ..runtime.program import UnsuitableError
from .affine import Affine, affine
from .along import ArrayAlong, dimensions_of
from .fusion import LoopNest, fused
from .lane_loops import (
    LaneFactor,
    Sizes,
    counted,
    nested,
    products_of_each,
    rounded,
    rows_of_each,
    sums_of_each,
    totals_of,
)
from .loop_rules import LOOPS
from .product_loops import Factor, dots_of, rows_of, sums_across
from .reduction_loops import over_row, written_out
from .stages import Stage, part_of, stages_of, with_merged_axes, with_operands_of_loops

# Vectors of eight floats are loaded faster from where a line of the cache begins.
_ALIGNMENT = 8

_SHORT = 64

# Samples of a chunk: so many that beginning a loop does not count, and so few that what is computed of them
# stays in the caches. Rows of 2**n numbers would fall on the same few lines of a cache.
_LANES = 120

# Of two axes: chunks of the outer one, and of the inner one.
_OUTER_LANES = 8
_INNER_LANES = 56

# A function of 900 results took Numba 14 s.
_FEW = 8


class Signature(NamedTuple):
    """What is an argument and a result of its own, and which numbers are handed over in one array.

    Attributes
    ----------
    arguments, results : list of int
        Those of their own.
    numbers_in, numbers_out : list of int
        The arguments and the results that are numbers among many.
    """

    arguments: list[int]
    results: list[int]
    numbers_in: list[int]
    numbers_out: list[int]


def signature_of(shapes: Sequence[tuple[int, ...]], results: Results, along: AlongAxes = ()) -> Signature:
    """Return how the arguments and results of a program are handed over.

    Examples
    --------
    >>> signature_of([()] * 9 + [(3,)], [([0], ())])
    Signature(arguments=[9], results=[0], numbers_in=[0, 1, 2, 3, 4, 5, 6, 7, 8], numbers_out=[])
    """
    arguments, numbers_in = _apart(shapes)
    own, numbers_out = _apart(shapes_of_results(results, along))
    return Signature(arguments, own, numbers_in, numbers_out)


def shapes_of_results(results: Results, along: AlongAxes) -> list[tuple[int | str, ...]]:
    """Return the shape of each result, with the names of lengths that are known when the program runs.

    Examples
    --------
    >>> shapes_of_results([([0, 1], (2,))] * 2, [(0,), (None, 0)])
    [('length0', 2), (2, 'length0')]
    """
    return [
        tuple([f"length{~n}" if n < 0 else n for n in _lengths(shape, dimensions)])
        for dimensions, (_, shape) in zip(along or [()] * len(results), results, strict=True)
    ]


def _lengths(shape: Sequence[int], dimensions: Along) -> tuple[int, ...]:
    """Return the lengths of a result as `dimensions_of` does."""
    axes = {d: axis for d, axis in enumerate(dimensions) if axis is not None}
    return dimensions_of(shape, axes)


def _apart(shapes: Sequence[tuple[int | str, ...]]) -> tuple[list[int], list[int]]:
    """Return which of some arrays are handed over as they are, and which are numbers among many."""
    numbers = [i for i, shape in enumerate(shapes) if not shape]
    if len(numbers) <= _FEW:
        return [*range(len(shapes))], []
    return [i for i, shape in enumerate(shapes) if shape], numbers


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
        flat = argument0.ravel()
        for i in range(2):
            w[i] = flat[i]
        for i in range(2):
            x1 = w[i]
            v1 = x1 * 2.0
            v2 = math.exp(v1)
            w[i + 8] = v2
        flat = result0.ravel()
        for i in range(2):
            flat[i] = w[i + 8]
        return ()
    <BLANKLINE>
    """
    plan, lookups = with_lookups(with_operands_of_loops(with_merged_axes(plan)), results)
    return _LoopWriter(plan, shapes, lookups).written(results)


class _Memory(NamedTuple):
    """Where the elements of an operand stand: the array, and positions in it.

    Along each of its axes, `lanes` says how far apart neighbours are; the positions are those of the first.
    """

    array: str
    positions: Positions
    lanes: tuple[tuple[int, int], ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """What it has in common with another that has the same elements."""
        return self.array, self.positions.shape, self.positions.tobytes()

    @property
    def lane(self) -> str:
        """What is added to a position for the current lane."""
        return "".join([f" + {step} * t{axis}" if step != 1 else f" + t{axis}" for axis, step in self.lanes])

    def turned(self, way: str) -> _Memory:
        """Return the transpose of a factor that is needed by columns, and any other as it is."""
        return self._replace(positions=self.positions.T) if way == "columns" else self


@dataclass
class _LoopWriter:
    plan: Plan
    shapes: Sequence[tuple[int, ...]]
    lookups: Mapping[int, Lookup] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)
    # What is computed once, and in each of the loops along axes around what is being written.
    levels: list[list[str]] = field(default_factory=lambda: [[]])
    scalars: dict[int, str] = field(default_factory=dict)
    memory: dict[int, _Memory] = field(default_factory=dict)
    packed: dict[tuple[object, ...], _Memory] = field(default_factory=dict)
    numbers: list[float] = field(default_factory=list)
    along: dict[int, ArrayAlong] = field(default_factory=dict)
    stored: set[int] = field(default_factory=set)
    places: list[int] = field(default_factory=list)
    used: int = 0
    names: Iterator[int] = field(default_factory=lambda: count(1))
    parts: Iterator[int] = field(default_factory=lambda: count(1))
    opened: set[str] = field(default_factory=set)
    loads: Iterator[int] = field(default_factory=lambda: count(1))
    # Of the body of a loop over steps: what is written around it, and where in the work array what stands
    # that stays the same for all steps.
    around: _LoopWriter | None = None
    fixed: int = 0
    home: int = 0

    @property
    def lines(self) -> list[str]:
        """The lines of what is being written."""
        return self.levels[-1]

    @lines.setter
    def lines(self, lines: list[str]) -> None:
        self.levels[-1] = lines

    def written(self, results: Results) -> Loops:
        own = signature_of(self.shapes, results, self.plan.along)
        self._read_lengths()
        self._read_arguments(own.numbers_in)
        stages = stages_of(self.plan, results)
        steps = [[fused(part_of(self.plan, level)) for level in stage.levels] for stage in stages]
        self.stored = self._stored([step for found in steps for level in found for step in level], results)
        shapes = shapes_of_results(results, self.plan.along)
        self.results = [f"result{i}" for i in own.results if shapes[i]]
        for stage, found in zip(stages, steps, strict=True):
            if stage.axes:
                self._nest(stage, found, results)
            else:
                self._steps(found[0])
        along = self.plan.axes_of_results or [()] * len(results)
        returned = [self._result(f"result{i}", *results[i]) for i in own.results if not along[i]]
        if own.numbers_out:
            self.results.append("numbers_out")
            instructions = [results[i][0][0] for i in own.numbers_out]
            self._result("numbers_out", instructions, (len(instructions),))
        self.lines.append(f"return ({''.join(f'{text}, ' for text in returned if text)})")
        arguments = [f"argument{i}" for i in own.arguments] + ["numbers_in"] * bool(own.numbers_in)
        head = f"def program({', '.join(['numbers', 'places', *self.results, *arguments])}):"
        body = [f"w = np.empty({self.used})", *self.lines] if self.used else self.lines
        text = "\n".join([head, *(f"    {line}" for line in body), ""])
        return Loops(text, np.array(self.numbers, dtype=float), np.array(self.places, dtype=np.int64))

    def _steps(self, steps: Sequence[LoopNest]) -> None:
        for step in steps:
            if step.is_alone:
                self._alone(*step.elements)
            else:
                self._loop(step)

    def _read_arguments(self, together: list[int]) -> None:
        names = {which: f"numbers_in[{at}]" for at, which in enumerate(together)}
        for colour, block in self.plan.blocks.items():
            if block.length is not None:
                self.scalars[colour] = f"np.float64(length{block.length})"
            if block.argument is None or block.axes:
                continue
            name = names.get(block.argument, f"argument{block.argument}")
            if not block.shape:
                self.scalars[colour] = name
            else:
                self.memory[colour] = self._room(block.size)
                self.lines.append(f"flat = {name}.ravel()")
                self._copy(self.memory[colour], _Memory("flat", np.arange(block.size)))

    def _stored(self, steps: Sequence[LoopNest], results: Results) -> set[int]:
        """Return the arrays that are used by another step, or returned."""
        stored = {self.plan.place[i][0] for instructions, _ in results for i in instructions}
        stored |= {block.same_as[0] for block in self.plan.blocks.values() if block.same_as}
        for step in steps:
            for colour in step.elements:
                sources = {operand.source for operand in self.plan.blocks[colour].operands}
                stored |= sources - step.elements.keys()
        return stored

    # ----------------------------------------------------------------------------------------- memory

    def _room(self, size: int, axes: Sequence[int] = ()) -> _Memory:
        """Return a new part of the work array, with lanes along axes."""
        start, lanes, step = self.used, [], 1
        for axis in reversed(axes):
            lanes.append((axis, step))
            step *= self.capacity[axis]
        self.used += size * step + -size * step % _ALIGNMENT
        return _Memory("w", np.arange(start, start + size * step, step), tuple(lanes))

    def _memory_of(self, operand: Operand) -> _Memory:
        """Return where the elements of an operand stand."""
        found = self._whole(operand.source)
        return found._replace(positions=found.positions[operand.wanted])

    def _whole(self, colour: int) -> _Memory:
        """Return where an array stands; a scalar or a constant is put somewhere first."""
        if colour not in self.memory:
            block = self.plan.blocks[colour]
            if block.constants is not None:
                start = len(self.numbers)
                self.numbers += block.constants.ravel().tolist()
                self.memory[colour] = _Memory("numbers", np.arange(start, len(self.numbers)))
            else:
                self.memory[colour] = self._room(1)
                line = f"w[{self.memory[colour].positions[0]}] = {self.scalars[colour]}"
                self.levels[self.home].append(line)
        return self.memory[colour]

    def _copy(self, target: _Memory, source: _Memory) -> None:
        """Write a loop that copies elements; those of the source may be the same in all lanes."""
        loop = _Loop(target.positions.shape, sorted(axis for axis, _ in target.lanes))
        write, read = (self._element(memory, loop) for memory in (target, source))
        self.lines += [*loop.heads(), f"{loop.indent}{write} = {read}"]

    def _packed(self, memory: _Memory) -> _Memory:
        """Return a contiguous copy of some elements, which is made once."""
        key = memory.key
        if self.around is not None and (memory.array != "w" or memory.positions.max() < self.fixed):
            self.around.used, known = self.used, self.around._packed(memory)
            self.used = self.around.used
            return known
        if key not in self.packed:
            room = self._room(memory.positions.size)
            self.packed[key] = _Memory("w", room.positions.reshape(memory.positions.shape))
            inside, self.levels = self.levels, self.levels[: self.home + 1]
            self._copy(self.packed[key], memory)
            self.levels = inside
        return self.packed[key]

    def _element(self, memory: _Memory, loop: _Loop) -> str:
        """Return an element in the body of a loop."""
        return f"{memory.array}[{self._address(memory.positions, loop)}{memory.lane}]"

    def _address(self, positions: Positions, loop: _Loop) -> str:
        """Return the index of an element in the body of a loop."""
        rule, is_listed = self._place(positions)
        text = rule.text(loop.indices)
        return f"places[{text}]" if is_listed else text

    def _place(self, positions: Positions) -> tuple[Affine, bool]:
        """Return where elements stand, or where in `places` that is said."""
        rule = affine(positions)
        if rule is not None:
            return rule, False
        start = len(self.places)
        self.places += positions.ravel().tolist()
        at = affine(np.arange(start, len(self.places)).reshape(positions.shape))
        assert at is not None
        return at, True

    # ---------------------------------------------------------------------------------- element by element

    def _loop(self, step: LoopNest) -> None:
        """Write the loop of arrays that are computed together."""
        loop, elements = self._ordered(step)
        body: dict[str, str] = {}
        before: list[dict[str, str]] = [{} for _ in loop.bounds]
        local: dict[int, str] = {}
        writes: list[str] = []
        for colour, of in elements.items():
            block = self.plan.blocks[colour]
            texts = []
            for operand in block.operands:
                if operand.source in local:
                    texts.append(local[operand.source])
                else:
                    wanted = Operand(operand.source, operand.wanted.ravel()[of])
                    texts.append(self._loaded(wanted, loop, before))
            local[colour] = f"v{next(self.names)}"
            body[local[colour]] = self._value(block, texts, body)
            if colour in self.stored:
                memory = self._room(block.size, block.axes)
                positions = np.empty(block.size, dtype=np.intp)
                positions[of.ravel()] = memory.positions
                self.memory[colour] = memory._replace(positions=positions)
                at = memory._replace(positions=memory.positions.reshape(loop.shape))
                writes.append(f"{self._element(at, loop)} = {local[colour]}")
        for head, loaded in zip(self._opaque(loop).heads(), before, strict=True):
            depth = head[: len(head) - len(head.lstrip())] + "    "
            self.lines += [head, *(f"{depth}{name} = {text}" for text, name in loaded.items())]
        self.lines += [f"{loop.indent}{name} = {text}" for name, text in body.items()]
        self.lines += [loop.indent + write for write in writes]

    def _opaque(self, loop: _Loop) -> _Loop:
        """Return the loop with a short inner bound read from memory.

        LLVM would write out a loop of 16 rounds before it looks for vectors, and then finds none: 100 of
        them, a bias and a ReLU, take 1.3 us, and 0.3 us this way.
        """
        if loop.axes:
            return loop
        *outer, length = loop.shape
        if not outer or not 4 <= length < _SHORT:
            return loop
        self.places.append(length)
        name = f"n{len(self.places)}"
        self.lines.append(f"{name} = places[{len(self.places) - 1}]")
        return _Loop((*outer, length), inner=name)

    def _loaded(self, operand: Operand, loop: _Loop, before: list[dict[str, str]]) -> str:
        """Return the name of an operand, loaded in the outermost loop that determines its address."""
        literal = self._literal(operand)
        if literal:
            return literal
        if operand.source in self.scalars:
            return self.scalars[operand.source]
        memory = self._memory_of(operand)
        rule, is_listed = self._place(memory.positions.reshape(loop.shape))
        changing = [axis for axis in range(len(loop.shape)) if rule.steps[axis]]
        at = rule.text(loop.indices)
        if is_listed:
            place = f"places[{at}]"
            # Looked up before a loop over lanes.
            at = before[changing[-1]].setdefault(place, f"x{next(self.loads)}") if memory.lanes else place
        changing += [len(loop.shape) + loop.axes.index(axis) for axis, _ in memory.lanes]
        text = f"{memory.array}[{at}{memory.lane}]"
        return before[max(changing, default=0)].setdefault(text, f"x{next(self.loads)}")

    def _ordered(self, step: LoopNest) -> tuple[_Loop, dict[int, Positions]]:
        """Return the loop with the most contiguous operands: flat, as it is, or transposed."""
        flat = {colour: of.reshape(-1) for colour, of in step.elements.items()}
        grid = {colour: of.reshape(step.shape) for colour, of in step.elements.items()}
        turned = {colour: of.T for colour, of in grid.items()}
        choices = [
            (_Loop(of.shape, step.axes), which)
            for which in ((flat, grid, turned) if step.shape else (grid,))
            for of in [next(iter(which.values()))]
        ]
        return min(choices, key=lambda choice: self._jumps(choice[1]))

    def _jumps(self, elements: Mapping[int, Positions]) -> float:
        """Return how many operands are not read in order."""
        jumps = 0.0
        for colour, of in elements.items():
            for operand in self.plan.blocks[colour].operands:
                if operand.source not in self.memory or operand.source in elements:
                    continue
                rule = affine(self.memory[operand.source].positions[operand.wanted.ravel()[of]])
                is_in_order = bool(self.memory[operand.source].lanes or not rule or not rule.steps)
                jumps += 2.0 if rule is None else float(not is_in_order and rule.steps[-1] not in (0, 1))
        return jumps

    def _literal(self, operand: Operand) -> str | None:
        """Return the number that all elements of an operand are, if they are one constant."""
        constants = self.plan.blocks[operand.source].constants
        if constants is None:
            return None
        if self.plan.blocks[operand.source].axes:
            return None
        texts = set(map(repr, constants[np.unique(operand.wanted)].tolist()))
        return texts.pop() if len(texts) == 1 else None

    def _value(self, block: Block, texts: Sequence[str], before: dict[str, str]) -> str:
        """Return what an element is, where its operands are known; `before` gets what to compute first."""
        assert block.op is not None
        if block.op.variadic:
            return written_out(block.op, texts, (f"v{number}" for number in self.names), before)
        return LOOPS.write(block.op.value, dict(zip(block.op.parameters, texts, strict=True)))

    # -------------------------------------------------------------------------------- products and sums

    def _alone(self, colour: int) -> None:
        """Write a scalar, a matrix product or another sum."""
        block = self.plan.blocks[colour]
        if block.loop is not None:
            self._over_steps(colour, block.loop)
        elif colour in self.lookups:
            self._look_up(colour, block, self.lookups[colour])
        elif block.over:
            self._totals(colour, block)
        elif block.axes and not block.targets:
            self._reduced_along(colour, block)
        elif block.product is not None:
            self._product(colour, block, *block.product)
        elif block.targets:
            self._arrangement(colour, block)
        elif block.is_reduction:
            self._sums(colour, block)
        else:
            before: dict[str, str] = {}
            texts = [self._scalar(operand) for operand in block.operands]
            name = f"v{next(self.names)}"
            before[name] = self._value(block, texts, before)
            self.lines += [f"{known} = {text}" for known, text in before.items()]
            self.scalars[colour] = name

    def _arrangement(self, colour: int, block: Block) -> None:
        """Write an array that takes its numbers from several."""
        parts = [self._memory_of(operand) for operand in block.operands]
        room = self.memory[colour] = self._room(block.size, block.axes)
        for memory, target in zip(parts, block.targets, strict=True):
            self._copy(room._replace(positions=room.positions[target]), memory)

    def _scalar(self, operand: Operand) -> str:
        literal = self._literal(operand)
        if literal or operand.source in self.scalars:
            return literal or self.scalars[operand.source]
        memory = self._memory_of(operand)
        return f"{memory.array}[{memory.positions.flat[0]}]"

    def _product(self, colour: int, block: Block, left: Operand, right: Operand) -> None:
        """Write a matrix product in its fastest form, with copies of factors where they pay."""
        factors = [self._memory_of(operand) for operand in (left, right)]
        sizes = (len(left.wanted), len(right.wanted), left.wanted.shape[1])
        form = min(_FORMS, key=lambda form: self._cost(form, factors, sizes))
        room = self._room(block.size)
        self.lines.append(f"# {sizes[0]} × {sizes[1]} sums of {sizes[2]} products:")
        a, b = (self._factor(memory, way) for memory, way in zip(factors, form.ways, strict=True))
        by_row = Affine(int(room.positions[0]), (sizes[1], 1))
        if form.swaps:
            by_row = Affine(by_row.base, (sizes[0], 1))
            self.lines += rows_of(b, a, Factor("w", by_row), (sizes[1], sizes[0], sizes[2]))
            positions = room.positions.reshape(sizes[1], sizes[0]).T.ravel()
        else:
            self.lines += (dots_of if form.is_dot else rows_of)(a, b, Factor("w", by_row), sizes)
            positions = room.positions
        self.memory[colour] = _Memory("w", positions)

    def _cost(self, form: _Form, factors: Sequence[_Memory], sizes: tuple[int, int, int]) -> float:
        """Return about how many instructions a form takes."""
        length = sizes[form.along]
        # Vectors of eight, one of four, the rest one by one; and to begin a loop.
        cost = prod(sizes) / length * (length // 8 + length % 8 // 4 + length % 4 + 1)
        # The sums of the eight numbers of a vector, for each element of the result.
        cost += 6.0 * sizes[0] * sizes[1] if form.is_dot else 0.0
        for memory, way in zip(factors, form.ways, strict=True):
            ready = _fits(memory.positions, way) or memory.turned(way).key in self.packed
            cost += 0.0 if ready else 2.0 * memory.positions.size
        return cost

    def _factor(self, memory: _Memory, way: str) -> Factor:
        """Return a factor, or a copy of it that has its rows or columns contiguous."""
        if not _fits(memory.positions, way):
            memory = self._packed(memory.turned(way)).turned(way)
        rule = affine(memory.positions)
        assert rule is not None
        return Factor(memory.array, rule)

    def _sums(self, colour: int, block: Block) -> None:
        """Write sums, each over one row of the operands."""
        assert block.op is not None
        rows = [operand.wanted.reshape(block.size, -1) for operand in block.operands]
        memories = [
            self._memory_of(Operand(operand.source, wanted))
            for operand, wanted in zip(block.operands, rows, strict=True)
        ]
        if block.size > 1 and block.op in SUMS and all(map(_lies_across, memories)):
            room = self.memory[colour] = self._room(block.size)
            factors = [
                Factor(memory.array, rule) for memory in memories if (rule := affine(memory.positions))
            ]
            self.lines += sums_across(
                factors, Factor("w", Affine(int(room.positions[0]), (1, 0))), rows[0].shape
            )
            return
        loop = _Loop(rows[0].shape)
        texts = [self._element(memory, loop) for memory in memories]
        outer, _ = loop.heads()
        name = f"v{next(self.names)}"
        elements = dict(zip(block.op.parameters, texts, strict=True))
        lines = over_row(block.op, name, elements, "j", rows[0].shape[1])
        if block.size == 1:
            self.scalars[colour] = name
            self.lines += lines
            return
        room = self.memory[colour] = self._room(block.size)
        self.lines += [outer, *(f"    {line}" for line in lines)]
        self.lines.append(f"    w[{self._address(room.positions, _Loop((block.size,)))}] = {name}")

    # ------------------------------------------------------------------------------------------- axes

    @cached_property
    def capacity(self) -> dict[int, int]:
        """How many lanes there are along each axis."""
        blocks = self.plan.blocks.values()
        outer = {axis for block in blocks for axis in sorted({*block.axes, *block.over})[:-1]}
        outer |= {axis for axes in self.plan.axes_of_results for axis in sorted(axes)[:-1]}
        inner = _INNER_LANES if outer else _LANES
        return {axis: _OUTER_LANES if axis in outer else inner for axis in range(len(self.plan.lengths))}

    def _read_lengths(self) -> None:
        for axis, (argument, dimension, length) in enumerate(self.plan.lengths):
            text = str(length) if argument is None else f"argument{argument}.shape[{dimension}]"
            self.lines.append(f"length{axis} = {text}")

    def _nest(self, stage: Stage, steps: Sequence[Sequence[LoopNest]], results: Results) -> None:
        """Write loops along axes, chunk by chunk."""
        for colour in stage.levels[-1]:
            if self.plan.blocks[colour].over:
                self._begin_total(colour)
        for axis, loaded, found in zip(stage.axes, stage.loaded, steps, strict=True):
            self.levels.append([])
            self._count(axis)
            for colour in loaded:
                self._load(colour)
            self._steps(found)
        for which in stage.results:
            self._store(which, results[which])
        for colour in stage.kept:
            self._keep(colour)
        for axis in reversed(stage.axes):
            inside = self.levels.pop()
            self.lines += nested([(f"start{axis}", f"0, length{axis}, {self.capacity[axis]}")], inside)

    def _count(self, axis: int) -> None:
        """Write how many samples a chunk has, and as whole vectors.

        Only bits that LLVM knows to be 0 tell it that a row ends before the next one begins: without them it
        finds no vectors, and the moons take 70 us in place of 8.
        """
        most = self.capacity[axis]
        bits = most | _ALIGNMENT - 1
        self.lines.append(f"count{axis} = min({most}, length{axis} - start{axis}) & {bits}")
        self.lines.append(f"lanes{axis} = (count{axis} + {_ALIGNMENT - 1}) & {most}")

    def _load(self, colour: int) -> None:
        """Write what copies the current chunk of an array into the work array."""
        block = self.plan.blocks[colour]
        room = self.memory[colour] = self._room(block.size, block.axes)
        if block.is_index:
            loop, (axis,) = _Loop((), block.axes, is_exact=True), block.axes
            element = self._element(room._replace(positions=room.positions[0]), loop)
            self.lines += nested(loop.bounds, [f"{element} = start{axis} + t{axis}"])
            return
        shape, array = self._along(colour, block)
        part = f"part{next(self.parts)}"
        loop = _Loop(shape, block.axes, is_exact=True)
        target = room._replace(positions=room.positions.reshape(shape))
        body = f"{self._element(target, loop)} = {part}[{array.at(loop.indices)}]"
        self.lines += [f"{part} = {array.chunk()}", *loop.heads(), f"{loop.indent}{body}"]

    def _along(self, colour: int, block: Block) -> tuple[tuple[int, ...], ArrayAlong]:
        """Return an array along axes, and the shape of a slice."""
        if colour in self.along:
            return (block.size,), self.along[colour]
        if block.same_as is not None:
            source, order = block.same_as
            names = dict(zip(order, block.axes, strict=True))
            lengths = tuple([~names[i] for i in range(len(names))])
            return (block.size,), self.along[source]._replace(lengths=(block.size, *lengths))
        if block.constants is not None:
            start = len(self.numbers)
            self.numbers += block.constants.ravel().tolist()
            dimensions = {len(block.shape) + i: axis for i, axis in enumerate(block.axes)}
            return block.shape, ArrayAlong("numbers", dimensions_of(block.shape, dimensions), start)
        name = f"data{block.argument}"
        if name not in self.opened:
            self.opened.add(name)
            self.levels[0].append(f"{name} = argument{block.argument}.ravel()")
        axes = dict(zip(block.dimensions, block.axes, strict=True))
        return block.shape, ArrayAlong(name, dimensions_of(block.shape, axes))

    def _new_along(self, colour: int, block: Block, kind: str) -> ArrayAlong:
        """Write a new array along axes, before the loops along them."""
        name, lengths = f"along{len(self.along)}", tuple([~axis for axis in block.axes])
        self.along[colour] = ArrayAlong(name, (block.size, *lengths))
        size = " * ".join([str(block.size), *(f"length{axis}" for axis in block.axes)])
        self.levels[0].append(f"{name} = np.{kind}({size})")
        return self.along[colour]

    def _keep(self, colour: int) -> None:
        """Write what stores the current chunk of an array, to be read along another axis."""
        block = self.plan.blocks[colour]
        loop = _Loop((block.size,), block.axes, is_exact=True)
        memory = self._memory_of(Operand(colour, np.arange(block.size)))
        if colour not in self.along:
            array, part = self._new_along(colour, block, "empty"), f"part{next(self.parts)}"
            target = f"{part}[{array.at(loop.indices)}]"
            self.lines += [f"{part} = {array.chunk()}", *loop.heads()]
            self.lines.append(f"{loop.indent}{target} = {self._element(memory, loop)}")

    def _begin_total(self, colour: int) -> None:
        """Write zeros, to which each chunk adds."""
        block = self.plan.blocks[colour]
        if colour in self.lookups:
            self._begin_sums(colour, self.lookups[colour])
            return
        if block.axes:
            self._new_along(colour, block, "zeros")
            return
        room = self.memory[colour] = self._room(block.size)
        loop = _Loop((block.size,))
        self.lines += [*loop.heads(), f"{loop.indent}{self._element(room, loop)} = 0.0"]

    def _totals(self, colour: int, block: Block) -> None:
        """Write what adds up over the current chunk."""
        if block.op not in SUMS:
            raise UnsuitableError(f"it takes the {block.op and block.op.name} of all samples")
        room = self._room(block.size, block.axes) if block.axes else self.memory[colour]
        if block.axes:
            loop = _Loop((block.size,), block.axes, is_exact=True)
            self.lines += [*loop.heads(), f"{loop.indent}{self._element(room, loop)} = 0.0"]
        name = f"v{next(self.names)}"
        for columns in self._terms(block):
            factors, sizes = self._factors(block, columns)
            out = self._lane_factor(room, (sizes.rows, sizes.columns or 1))
            self.lines += totals_of(factors, out, sizes, block.over, name)
        if block.axes:
            part, array = f"part{next(self.parts)}", self.along[colour]
            place = f"{part}[{array.at(loop.indices)}]"
            self.lines += [f"{part} = {array.chunk()}", *loop.heads()]
            self.lines.append(f"{loop.indent}{place} = {place} + {self._element(room, loop)}")

    def _terms(self, block: Block) -> list[Sequence[Operand]]:
        """Return what a total adds up: its operands, or columns of them where they are of several arrays."""
        assert block.op is not None
        if block.product is not None:
            return [block.product]
        if block.is_reduction:
            return [block.operands]
        columns = block.op.columns(block.operands)
        return [
            [Operand(operand.source, operand.wanted.reshape(-1, 1)) for operand in term]
            for term in zip(*columns, strict=True)
        ]

    def _factors(self, block: Block, operands: Sequence[Operand]) -> tuple[list[LaneFactor], Sizes]:
        """Return the operands of a reduction by row and term, and how many there are."""
        is_product = block.product is not None
        rows = [operand.wanted.reshape(-1, operand.wanted.shape[-1]) for operand in operands]
        found = [
            self._memory_of(Operand(operand.source, wanted))
            for operand, wanted in zip(operands, rows, strict=True)
        ]
        factors = [self._lane_factor(memory, memory.positions.shape) for memory in found]
        return factors, Sizes(len(rows[0]), len(rows[-1]) * is_product, rows[0].shape[1])

    def _lane_factor(self, memory: _Memory, shape: tuple[int, ...]) -> LaneFactor:
        place, is_listed = self._place(memory.positions.reshape(shape))
        return LaneFactor(memory.array, place, is_listed, dict(memory.lanes))

    def _reduced_along(self, colour: int, block: Block) -> None:
        """Write a matrix product or another reduction for each sample."""
        assert block.op is not None
        room = self.memory[colour] = self._room(block.size, block.axes)
        factors, sizes = self._factors(block, block.product or block.operands)
        out = self._lane_factor(room, (sizes.rows, sizes.columns or 1))
        if block.product is not None:
            terms = f"{sizes.rows} × {sizes.columns} sums of {sizes.terms} products"
            self.lines.append(f"# {terms} for each:")
            left, right = factors
            self.lines += products_of_each(left, right, out, sizes)
        elif block.op in SUMS:
            self.lines += sums_of_each(factors, out, sizes)
        else:
            self.lines += rows_of_each(block.op, factors, out, sizes, f"v{next(self.names)}")

    def _store(self, which: int, result: tuple[Sequence[int], tuple[int, ...]]) -> None:
        """Write what copies the current chunk of a result."""
        instructions, shape = result
        along = self.plan.axes_of_results[which]
        places = [self.plan.place[i] for i in instructions]
        if not places:
            return
        name = f"flat{which}"
        self.levels[0].append(f"{name} = result{which}.ravel()")
        array = ArrayAlong(name, _lengths(shape, self.plan.along[which]))
        part = f"part{next(self.parts)}"
        self.lines.append(f"{part} = {array.chunk()}")
        parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
        for operand, target in zip(parts, targets, strict=True):
            own = shape if len(parts) == 1 and shape else (len(target),)
            loop = _Loop(own, sorted(along), is_exact=True)
            text = self._literal(operand) or self.scalars.get(operand.source)
            if text is None:
                memory = self._memory_of(operand)
                text = self._element(memory._replace(positions=memory.positions.reshape(own)), loop)
            indices = np.unravel_index(target, shape) if shape else []
            at = array.at([self._address(index.reshape(own), loop) for index in indices])
            self.lines += [*loop.heads(), f"{loop.indent}{part}[{at}] = {text}"]

    # ---------------------------------------------------------------------------------------- lookups

    def _look_up(self, colour: int, block: Block, lookup: Lookup) -> None:
        """Write elements of a table by their index, or sums by index."""
        if lookup.order is not None:
            if not block.over:
                self._begin_sums(colour, lookup)
            self._add_up(colour, block, lookup)
            return
        number = next(self.names)
        loop, by_element = _Loop((block.size,), block.axes, is_exact=True), _Loop((block.size, lookup.length))
        by_element.indices = (*loop.indices, f"k{number}")
        lines = self._index(lookup, loop, number)
        numbers = self._memory_of(lookup.numbers)
        at = self._address(numbers.positions.reshape(by_element.shape), by_element)
        lines.append(f"v{number} = {numbers.array}[{at}{numbers.lane}] if k{number} == x{number} else 0.0")
        if block.size == 1 and not block.axes:
            self.scalars[colour] = f"v{number}"
            self.lines += lines
            return
        room = self.memory[colour] = self._room(block.size, block.axes)
        lines.append(f"{self._element(room, loop)} = v{number}")
        self.lines += [*loop.heads(), *(f"{loop.indent}{line}" for line in lines)]

    def _index(self, lookup: Lookup, loop: _Loop, number: int) -> list[str]:
        """Return lines that define an index as a float and as an integer, which differ beyond the end."""
        indices = self._memory_of(lookup.index)
        text = self._element(indices._replace(positions=indices.positions.reshape(loop.shape)), loop)
        inside = f"0.0 <= x{number} <= {float(lookup.length - 1)}"
        return [f"x{number} = {text}", f"k{number} = int(x{number}) if {inside} else 0"]

    def _begin_sums(self, colour: int, lookup: Lookup) -> None:
        """Write zeros, to which numbers are added by their index."""
        assert lookup.order is not None
        room = self._room(len(lookup.order))
        self.memory[colour] = _Memory("w", room.positions[lookup.order])
        loop = _Loop(room.positions.shape)
        self.lines += [*loop.heads(), f"{loop.indent}{self._element(room, loop)} = 0.0"]

    def _add_up(self, colour: int, block: Block, lookup: Lookup) -> None:
        """Write what adds numbers by their index."""
        assert lookup.order is not None
        number, numbers = next(self.names), self._memory_of(lookup.numbers)
        rows, width = numbers.positions.shape
        loop, tables = _Loop((rows, width), block.over, is_exact=True), _Loop((rows, lookup.length))
        tables.indices = (loop.indices[0], f"k{number}")
        # The tables stand one after the other; the memory has them in the order of the results.
        positions = np.empty(len(lookup.order), dtype=np.intp)
        positions[lookup.order] = self.memory[colour].positions
        at = self._address(positions.reshape(tables.shape), tables)
        lines = [
            *self._index(lookup, loop, number),
            f"if k{number} == x{number}:",
            f"    w[{at}] += {self._element(numbers, loop)}",
        ]
        self.lines += [*loop.heads(), *(f"{loop.indent}{line}" for line in lines)]

    # ------------------------------------------------------------------------------------ loops over steps

    def _over_steps(self, colour: int, loop: LoopPlan) -> None:
        """Write a loop over steps, which stores what each step is given or leaves as far as that is used."""
        if any(block.axes or block.over for block in loop.body.blocks.values()):
            raise UnsuitableError("it has loops over the steps of several samples")
        fixed = self.used if self.around is None else self.fixed
        rooms = [self._room(prod(array.shape)) for array in loop.carried]
        for room, array in zip(rooms, loop.carried, strict=True):
            self._gather(room, array.first)
        users = [(other, block.carried) for other, block in self.plan.blocks.items() if block.carried]
        kept: dict[tuple[int, str], ArrayAlong] = {}
        for other, (which, k, when) in users:
            if which == colour and when == "last":
                self.memory[other] = rooms[k]
            elif which == colour:
                kept[k, when] = self._new_steps(rooms[k], loop.axis)
                self.along[other] = kept[k, when]
        fixed_memory = {
            k: self._memory_of(operand)
            for k, operand in enumerate(loop.taken)
            if not self.plan.blocks[operand.source].axes
        }
        self.levels.append([])
        taken = [
            fixed_memory[k] if k in fixed_memory else self._slice(operand)
            for k, operand in enumerate(loop.taken)
        ]
        self._keep_step(kept, rooms, "given")
        self._body(loop, [*rooms, *taken], rooms, fixed)
        self._keep_step(kept, rooms, "left")
        inside = self.levels.pop()
        n = f"length{loop.axis}"
        steps = f"{n} - 1, -1, -1" if loop.is_reversed else n
        self.lines += nested([(f"t{loop.axis}", steps)], inside)

    def _body(
        self, loop: LoopPlan, arguments: Sequence[_Memory], rooms: Sequence[_Memory], fixed: int
    ) -> None:
        """Write one step, which leaves what it carries where it was given."""
        results = [(array.results, array.shape) for array in loop.carried]
        plan, lookups = with_lookups(with_operands_of_loops(loop.body), results)
        body = _LoopWriter(
            plan,
            (),
            lookups,
            levels=self.levels,
            numbers=self.numbers,
            places=self.places,
            used=self.used,
            names=self.names,
            parts=self.parts,
            loads=self.loads,
            around=self,
            fixed=fixed,
            home=len(self.levels) - 1,
        )
        for colour, block in body.plan.blocks.items():
            if block.argument is not None:
                memory = arguments[block.argument]
                body.memory[colour] = memory._replace(positions=memory.positions.ravel())
            elif block.length is not None:
                body.scalars[colour] = f"np.float64(length{block.length})"
        steps = fused(body.plan)
        body.stored = body._stored(steps, results)
        body._steps(steps)
        # What is carried on may be what another array was given.
        left = [body._room(prod(array.shape)) for array in loop.carried]
        for room, array in zip(left, loop.carried, strict=True):
            body._gather(room, [body.plan.place[i] for i in array.results])
        for room, memory in zip(rooms, left, strict=True):
            body._copy(room, memory)
        self.used = body.used

    def _gather(self, room: _Memory, places: Sequence[Place]) -> None:
        """Write what copies numbers that stand at some places."""
        parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
        for operand, target in zip(parts, targets, strict=True):
            self._copy(room._replace(positions=room.positions[target]), self._memory_of(operand))

    def _new_steps(self, room: _Memory, axis: int) -> ArrayAlong:
        """Write a new array for what is carried in each step."""
        size = len(room.positions)
        array = ArrayAlong(f"steps{next(self.parts)}", (~axis, size))
        self.lines.append(f"{array.name} = np.empty({size} * length{axis})")
        return array

    def _keep_step(
        self, kept: Mapping[tuple[int, str], ArrayAlong], rooms: Sequence[_Memory], when: str
    ) -> None:
        """Write what stores the carried arrays of a step."""
        for (k, other), array in kept.items():
            if other == when:
                loop = _Loop(rooms[k].positions.shape)
                target = f"{array.name}[{array.at(loop.indices)}]"
                self.lines += [*loop.heads(), f"{loop.indent}{target} = {self._element(rooms[k], loop)}"]

    def _slice(self, operand: Operand) -> _Memory:
        """Write what copies a step of an array along the steps into the work array."""
        block = self.plan.blocks[operand.source]
        room = self._room(block.size)
        if block.is_index:
            self.lines.append(f"w[{room.positions[0]}] = t{block.axes[0]}")
            return room
        shape, array = self._along(operand.source, block)
        loop = _Loop(shape)
        target = room._replace(positions=room.positions.reshape(shape))
        source = f"{array.name}[{array.at(loop.indices)}{f' + {array.start}' if array.start else ''}]"
        self.lines += [*loop.heads(), f"{loop.indent}{self._element(target, loop)} = {source}"]
        return room._replace(positions=room.positions[operand.wanted])

    # ---------------------------------------------------------------------------------------- results

    def _result(self, name: str, instructions: Sequence[int], shape: tuple[int, ...]) -> str | None:
        """Write a result into its array, or return the expression of one that is a number."""
        places = [self.plan.place[i] for i in instructions]
        if not shape:
            ((colour, at),) = places
            return self._scalar(Operand(colour, np.array(at)))
        if not places:
            return None
        memory = self._together(places)
        self.lines.append(f"flat = {name}.ravel()")
        loop = _Loop(shape)
        target = self._address(np.arange(len(places)).reshape(shape), loop)
        source = self._element(memory._replace(positions=memory.positions.reshape(shape)), loop)
        self.lines += [*loop.heads(), f"{loop.indent}flat[{target}] = {source}"]
        return None

    def _together(self, places: Sequence[tuple[int, int]]) -> _Memory:
        """Return where some elements stand, all of them in one array."""
        wholes = {colour: self._whole(colour) for colour, _ in places}
        if len({whole.array for whole in wholes.values()}) > 1:
            wholes = {
                colour: whole if whole.array == "w" else self._packed(whole)
                for colour, whole in wholes.items()
            }
        array = wholes[places[0][0]].array
        return _Memory(array, np.array([wholes[colour].positions[at] for colour, at in places]))


class _Form(NamedTuple):
    """A form of a matrix product: which of its sizes is innermost, and how it needs its factors to lie."""

    along: int
    ways: tuple[str, str]
    is_dot: bool = False
    swaps: bool = False


_FORMS = (
    _Form(1, ("any", "columns")),
    _Form(0, ("columns", "any"), swaps=True),
    _Form(2, ("rows", "rows"), is_dot=True),
)


def _fits(positions: Positions, way: str) -> bool:
    """Return whether a factor is affine, and contiguous along the axis that a form needs."""
    rule = affine(positions)
    if rule is None:
        return False
    return way == "any" or positions.shape[way == "rows"] == 1 or rule.steps[way == "rows"] == 1


def _lies_across(memory: _Memory) -> bool:
    """Return whether sums are contiguous across each other, and not along their terms."""
    rule = affine(memory.positions)
    return rule is not None and rule.steps[0] == 1 and rule.steps[1] != 1


class _Loop:
    """A nest of loops with constant bounds, but for the inner one where it is given, and over lanes."""

    def __init__(
        self, shape: tuple[int, ...], axes: Sequence[int] = (), *, inner: str = "", is_exact: bool = False
    ) -> None:
        self.shape = shape
        self.axes = axes
        bounds = [*map(str, shape)]
        if inner:
            bounds[-1] = inner
        self.indices = tuple("ijklmnopqr"[: len(shape)])
        loops = [*zip(self.indices, bounds, strict=True), *(counted if is_exact else rounded)(axes)]
        self.bounds = [(index, str(bound)) for index, bound in loops]
        self.indent = "    " * len(loops)

    def heads(self) -> list[str]:
        """Return the lines that begin the loops."""
        return [
            f"{'    ' * depth}for {index} in range({length}):"
            for depth, (index, length) in enumerate(self.bounds)
        ]
