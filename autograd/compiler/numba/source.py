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
from itertools import count
from math import prod
from typing import NamedTuple

import numpy as np

from ..arrays.index_rules import Positions
from ..arrays.layout import Block, Operand, Plan, Results
from ..passes.products import SUMS
from .affine import Affine, affine
from .fusion import LoopNest, fused
from .loop_rules import LOOPS
from .product_loops import Factor, dots_of, rows_of, sums_across
from .reduction_loops import over_row, written_out

# Vectors of eight floats are loaded faster from where a line of the cache begins.
_ALIGNMENT = 8

_SHORT = 64


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


def signature_of(shapes: Sequence[tuple[int, ...]], results: Results) -> Signature:
    """Return how the arguments and results of a program are handed over.

    Examples
    --------
    >>> signature_of([()] * 9 + [(3,)], [([0], ())])
    Signature(arguments=[9], results=[0], numbers_in=[0, 1, 2, 3, 4, 5, 6, 7, 8], numbers_out=[])
    """
    arguments, numbers_in = _apart(shapes)
    own, numbers_out = _apart([shape for _, shape in results])
    return Signature(arguments, own, numbers_in, numbers_out)


def _apart(shapes: Sequence[tuple[int, ...]]) -> tuple[list[int], list[int]]:
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
    return _LoopWriter(plan, shapes).written(results)


class _Memory(NamedTuple):
    """Where the elements of an operand stand: the array, and positions in it."""

    array: str
    positions: Positions

    @property
    def key(self) -> tuple[object, ...]:
        """What it has in common with another that has the same elements."""
        return self.array, self.positions.shape, self.positions.tobytes()

    def turned(self, way: str) -> _Memory:
        """Return the transpose of a factor that is needed by columns, and any other as it is."""
        return self._replace(positions=self.positions.T) if way == "columns" else self


@dataclass
class _LoopWriter:
    plan: Plan
    shapes: Sequence[tuple[int, ...]]
    results: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    scalars: dict[int, str] = field(default_factory=dict)
    memory: dict[int, _Memory] = field(default_factory=dict)
    packed: dict[tuple[object, ...], _Memory] = field(default_factory=dict)
    numbers: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    used: int = 0
    names: Iterator[int] = field(default_factory=lambda: count(1))
    loads: Iterator[int] = field(default_factory=lambda: count(1))

    def written(self, results: Results) -> Loops:
        self._read_arguments(signature_of(self.shapes, results).numbers_in)
        steps = fused(self.plan)
        stored = self._stored(steps, results)
        for step in steps:
            if step.shape:
                self._loop(step, stored)
            else:
                self._alone(*step.elements)
        own = signature_of(self.shapes, results)
        returned = [self._result(f"result{i}", *results[i]) for i in own.results]
        if own.numbers_out:
            instructions = [results[i][0][0] for i in own.numbers_out]
            self._result("numbers_out", instructions, (len(instructions),))
        self.lines.append(f"return ({''.join(f'{text}, ' for text in returned if text)})")
        arguments = [f"argument{i}" for i in own.arguments] + ["numbers_in"] * bool(own.numbers_in)
        head = f"def program({', '.join(['numbers', 'places', *self.results, *arguments])}):"
        body = [f"w = np.empty({self.used})", *self.lines] if self.used else self.lines
        text = "\n".join([head, *(f"    {line}" for line in body), ""])
        return Loops(text, np.array(self.numbers, dtype=float), np.array(self.places, dtype=np.int64))

    def _read_arguments(self, together: list[int]) -> None:
        names = {which: f"numbers_in[{at}]" for at, which in enumerate(together)}
        for colour, block in self.plan.blocks.items():
            if block.argument is None:
                continue
            name = names.get(block.argument, f"argument{block.argument}")
            if not block.shape:
                self.scalars[colour] = name
            else:
                self.memory[colour] = self._room(block.size)
                self.lines.append(f"flat = {name}.ravel()")
                self._copy(self.memory[colour].positions, "flat[{}]", np.arange(block.size))

    def _stored(self, steps: Sequence[LoopNest], results: Results) -> set[int]:
        """Return the arrays that are used by another step, or returned."""
        stored = {self.plan.place[i][0] for instructions, _ in results for i in instructions}
        for step in steps:
            for colour in step.elements:
                sources = {operand.source for operand in self.plan.blocks[colour].operands}
                stored |= sources - step.elements.keys()
        return stored

    # ----------------------------------------------------------------------------------------- memory

    def _room(self, size: int) -> _Memory:
        """Return a new part of the work array."""
        start = self.used
        self.used += size + -size % _ALIGNMENT
        return _Memory("w", np.arange(start, start + size))

    def _memory_of(self, operand: Operand) -> _Memory:
        """Return where the elements of an operand stand."""
        found = self._whole(operand.source)
        return _Memory(found.array, found.positions[operand.wanted])

    def _whole(self, colour: int) -> _Memory:
        """Return where an array stands; a scalar or a constant is put somewhere first."""
        if colour not in self.memory:
            block = self.plan.blocks[colour]
            if block.constants is not None:
                start = len(self.numbers)
                self.numbers += block.constants.tolist()
                self.memory[colour] = _Memory("numbers", np.arange(start, len(self.numbers)))
            else:
                self.memory[colour] = self._room(1)
                self.lines.append(f"w[{self.memory[colour].positions[0]}] = {self.scalars[colour]}")
        return self.memory[colour]

    def _copy(self, target: Positions, source: str, positions: Positions) -> None:
        """Write a loop that copies into the work array; `source` is a template with a place for the index."""
        loop = _Loop(positions.shape)
        self.lines += loop.heads()
        read, write = (self._address(of, loop) for of in (positions, target))
        self.lines.append(f"{loop.indent}w[{write}] = {source.format(read)}")

    def _packed(self, memory: _Memory) -> _Memory:
        """Return a contiguous copy of some elements, which is made once."""
        key = memory.key
        if key not in self.packed:
            room = self._room(memory.positions.size)
            positions = room.positions.reshape(memory.positions.shape)
            self._copy(positions, f"{memory.array}[{{}}]", memory.positions)
            self.packed[key] = _Memory("w", positions)
        return self.packed[key]

    def _address(self, positions: Positions, loop: _Loop) -> str:
        """Return the index of an element in the body of a loop."""
        rule = affine(positions)
        if rule is not None:
            return rule.text(loop.indices)
        start = len(self.places)
        self.places += positions.ravel().tolist()
        at = affine(np.arange(start, len(self.places)).reshape(positions.shape))
        assert at is not None
        return f"places[{at.text(loop.indices)}]"

    # ---------------------------------------------------------------------------------- element by element

    def _loop(self, step: LoopNest, stored: set[int]) -> None:
        """Write the loop of arrays that are computed together."""
        loop, elements = self._ordered(step)
        body: dict[str, str] = {}
        before: list[dict[str, str]] = [{} for _ in loop.shape]
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
            if colour in stored:
                memory = self._room(block.size)
                positions = np.empty(block.size, dtype=np.intp)
                positions[of.ravel()] = memory.positions
                self.memory[colour] = _Memory("w", positions)
                at = self._address(memory.positions.reshape(loop.shape), loop)
                writes.append(f"w[{at}] = {local[colour]}")
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
        *outer, length = loop.shape
        if not outer or not 4 <= length < _SHORT:
            return loop
        self.places.append(length)
        name = f"n{len(self.places)}"
        self.lines.append(f"{name} = places[{len(self.places) - 1}]")
        return _Loop((*outer, length), name)

    def _loaded(self, operand: Operand, loop: _Loop, before: list[dict[str, str]]) -> str:
        """Return the name of an operand, loaded in the outermost loop that determines its address."""
        literal = self._literal(operand)
        if literal:
            return literal
        if operand.source in self.scalars:
            return self.scalars[operand.source]
        memory = self._memory_of(operand)
        positions = memory.positions.reshape(loop.shape)
        text = f"{memory.array}[{self._address(positions, loop)}]"
        rule = affine(positions)
        changing = [axis for axis in range(len(loop.shape)) if rule is None or rule.steps[axis]]
        return before[max(changing, default=0)].setdefault(text, f"x{next(self.loads)}")

    def _ordered(self, step: LoopNest) -> tuple[_Loop, dict[int, Positions]]:
        """Return the loop with the most contiguous operands: flat, as it is, or transposed."""
        flat = {colour: of.reshape(-1) for colour, of in step.elements.items()}
        grid = {colour: of.reshape(step.shape) for colour, of in step.elements.items()}
        turned = {colour: of.T for colour, of in grid.items()}
        choices = [
            (_Loop(of.shape), which) for which in (flat, grid, turned) for of in [next(iter(which.values()))]
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
                jumps += 2.0 if rule is None else float(rule.steps[-1] not in (0, 1))
        return jumps

    def _literal(self, operand: Operand) -> str | None:
        """Return the number that all elements of an operand are, if they are one constant."""
        constants = self.plan.blocks[operand.source].constants
        if constants is None:
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
        if block.product is not None:
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
        self.memory[colour] = self._room(block.size)
        for memory, target in zip(parts, block.targets, strict=True):
            self._copy(self.memory[colour].positions[target], f"{memory.array}[{{}}]", memory.positions)

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
        texts = [f"{memory.array}[{self._address(memory.positions, loop)}]" for memory in memories]
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

    # ---------------------------------------------------------------------------------------- results

    def _result(self, name: str, instructions: Sequence[int], shape: tuple[int, ...]) -> str | None:
        """Write a result into its array, or return the expression of one that is a number."""
        places = [self.plan.place[i] for i in instructions]
        if not shape:
            ((colour, at),) = places
            return self._scalar(Operand(colour, np.array(at)))
        self.results.append(name)
        if not places:
            return None
        memory = self._together(places)
        self.lines.append(f"flat = {name}.ravel()")
        loop = _Loop(shape)
        target = self._address(np.arange(len(places)).reshape(shape), loop)
        source = f"{memory.array}[{self._address(memory.positions.reshape(shape), loop)}]"
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
    """A nest of loops with constant bounds, but for the inner one where it is given."""

    def __init__(self, shape: tuple[int, ...], inner: str = "") -> None:
        self.shape = shape
        self.bounds = [*map(str, shape)]
        if inner:
            self.bounds[-1] = inner
        self.indices = tuple("ijklmnopqr"[: len(shape)])
        self.indent = "    " * len(shape)

    def heads(self) -> list[str]:
        """Return the lines that begin the loops."""
        return [
            f"{'    ' * depth}for {index} in range({length}):"
            for depth, (index, length) in enumerate(zip(self.indices, self.bounds, strict=True))
        ]
