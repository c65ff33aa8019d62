"""The lines of loops while they are written, and where in memory what they compute stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import numpy as np

from ..arrays.index_rules import Positions
from ..arrays.lookups import Lookup
from ..arrays.plan import Floats, Operand, Plan
from .affine import Affine, affine
from .along import ArrayAlong
from .index_loops import IndexLoops
from .rooms import Rooms

# Vectors of eight floats are loaded faster from where a line of the cache begins.
ALIGNMENT = 8

# Samples of a chunk: so many that beginning a loop does not count, and so few that what is computed of them
# stays in the caches. Rows of 2**n numbers would fall on the same few lines of a cache.
LANES = 120


class Memory(NamedTuple):
    """Where the elements of an operand stand: the array, and positions in it.

    Along the axis `lane`, if there is one, samples are next to each other; the positions are those of the
    first.
    """

    array: str
    positions: Positions
    lane: int | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What it has in common with another that has the same elements."""
        return self.array, self.positions.shape, self.positions.tobytes()

    @property
    def of_lane(self) -> str:
        """What is added to a position for the current lane."""
        return "" if self.lane is None else f" + t{self.lane}"

    def shaped(self, shape: tuple[int, ...]) -> Memory:
        """Return it with its positions in another shape."""
        return self._replace(positions=self.positions.reshape(shape))

    def taken(self, wanted: Positions) -> Memory:
        """Return some of its elements."""
        return self._replace(positions=self.positions[wanted])

    def turned(self, way: str) -> Memory:
        """Return the transpose of a factor that is needed by columns, and any other as it is."""
        return self._replace(positions=self.positions.T) if way == "columns" else self


@dataclass
class LoopWriter:
    """The loops of a program, or of the body of a loop over steps in it.

    Attributes
    ----------
    plan : Plan
        The arrays.
    lookups : mapping of int to Lookup
        Which of them are looked up, by colour.
    levels : list of list of str
        The lines of what is computed once, and those in each of the loops along axes around what is being
        written.
    numbers, places : list
        As `Loops` has them.
    used : int
        The length of the work array.
    names, parts, loads : iterator of int
        What the next names end with: of computed numbers, of parts of arrays along axes, and of operands.
    scalars : dict of int to str
        The names of what is a number, by colour.
    memory : dict of int to Memory
        Where other arrays stand.
    packed : dict
        Where contiguous copies stand, by what was copied.
    along : dict of int to ArrayAlong
        The arrays along axes that stay as a whole, by colour.
    wanted : dict of int to array of int
        Of those that only have some elements of such an array, the positions of these, by colour.
    targets : dict of int to ArrayAlong
        Where the results of the body of a loop go that vary along an axis, by their number.
    opened : set of str
        Those among them that are arguments.
    stored : set of int
        The arrays that are used beyond the loop that computes them.
    around : LoopWriter or None
        Of the body of a loop over steps, what is written around it.
    fixed : int
        Where in the work array ends what stays the same for all of its steps.
    home : int
        The level of the body.
    lane : int or None
        The axis whose samples are side by side in what is being written.
    states : dict of int to dict
        Where the accumulators of reductions over an axis stand, by colour and name.
    errors : list of str
        The messages of the errors that the program ends with.
    rooms : Rooms or None
        The parts of the work array, if they are used again.
    returned : set of int
        The arrays that results are of.
    copied : dict of int to list
        The contiguous copies of what stands in a part of the work array, by where that begins.
    called : mapping of int to str
        Names for numbers, by colour; others are numbered.
    starts : list of int
        Where the parts of the work array begin.
    has_hints : bool
        Whether there is what only LLVM needs to find vectors, and no reader.
    """

    plan: Plan
    lookups: Mapping[int, Lookup]
    levels: list[list[str]] = field(default_factory=lambda: [[]])
    numbers: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    used: int = 0
    names: Iterator[int] = field(default_factory=lambda: count(1))
    parts: Iterator[int] = field(default_factory=lambda: count(1))
    loads: Iterator[int] = field(default_factory=lambda: count(1))
    scalars: dict[int, str] = field(default_factory=dict)
    memory: dict[int, Memory] = field(default_factory=dict)
    packed: dict[tuple[object, ...], Memory] = field(default_factory=dict)
    along: dict[int, ArrayAlong] = field(default_factory=dict)
    wanted: dict[int, Positions] = field(default_factory=dict)
    targets: dict[int, ArrayAlong] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    stored: set[int] = field(default_factory=set)
    around: LoopWriter | None = None
    fixed: int = 0
    home: int = 0
    lane: int | None = None
    states: dict[int, dict[str, Memory]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    rooms: Rooms | None = None
    returned: set[int] = field(default_factory=set)
    copied: dict[int, list[tuple[object, ...]]] = field(default_factory=dict)
    called: Mapping[int, str] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    has_hints: bool = True

    def within(self, plan: Plan, lookups: Mapping[int, Lookup], fixed: int) -> LoopWriter:
        """Return what writes the body of a loop over steps."""
        return LoopWriter(
            plan,
            lookups,
            self.levels,
            self.numbers,
            self.places,
            self.used,
            self.names,
            self.parts,
            self.loads,
            around=self,
            fixed=fixed,
            home=len(self.levels) - 1,
            errors=self.errors,
            starts=self.starts,
            has_hints=self.has_hints,
        )

    def new_name(self, colour: int | None = None) -> str:
        """Return the name of a number of an array that has one, or a name that no number has."""
        return (self.called.get(colour) if colour is not None else None) or f"v{next(self.names)}"

    def chunk_of(self, array: ArrayAlong) -> str:
        """Write what takes the part of an array that begins with the current chunk, and return its name."""
        name = f"part{next(self.parts)}"
        self.lines.append(f"{name} = {array.chunk()}")
        return name

    def new_array(self, name: str, size: str, axes: Sequence[int]) -> None:
        """Write what makes an array, before all loops unless one of them counts how long it is."""
        is_counted = any(self.plan.lengths[axis].is_counted for axis in axes)
        self.levels[self.home if is_counted else 0].append(f"{name} = np.empty({size})")

    def hold(self, constants: Floats) -> int:
        """Hold constants, and return where they begin."""
        start = len(self.numbers)
        self.numbers += constants.ravel().tolist()
        return start

    @property
    def lines(self) -> list[str]:
        """The lines of what is being written."""
        return self.levels[-1]

    @lines.setter
    def lines(self, lines: list[str]) -> None:
        self.levels[-1] = lines

    def lane_among(self, axes: Sequence[int]) -> int | None:
        """Return which of some axes has lanes, if any does: the others are at one index."""
        return self.lane if self.lane in axes else None

    def room(self, size: int, axes: Sequence[int] = ()) -> Memory:
        """Return a new part of the work array, with lanes if they are along one of some axes."""
        start, lane = self.used, self.lane_among(axes)
        step = 1 if lane is None else LANES
        length = size * step + -size * step % ALIGNMENT
        if self.rooms is not None:
            start = self.rooms.take(length)
        self.starts.append(start)
        self.used = max(self.used, start + length)
        return Memory("w", np.arange(start, start + size * step, step), lane)

    def memory_of(self, operand: Operand) -> Memory:
        """Return where the elements of an operand stand."""
        return self.whole(operand.source).taken(operand.wanted)

    def whole(self, colour: int) -> Memory:
        """Return where an array stands; a scalar or a constant is put somewhere first."""
        if colour not in self.memory:
            block = self.plan.blocks[colour]
            if block.constants is not None:
                start = self.hold(block.constants)
                self.memory[colour] = Memory("numbers", np.arange(start, len(self.numbers)))
            else:
                self.memory[colour] = self.room(1)
                line = f"w[{self.memory[colour].positions[0]}] = {self.scalars[colour]}"
                self.levels[self.home].append(line)
        return self.memory[colour]

    def copy(self, target: Memory, source: Memory) -> None:
        """Write a loop that copies elements; those of the source may be the same in all lanes."""
        loop = IndexLoops(target.positions.shape, target.lane)
        write, read = (self.element(memory, loop) for memory in (target, source))
        self.lines += loop.around(f"{write} = {read}")

    def fill(self, target: Memory, text: str) -> None:
        """Write a loop that sets elements to a number."""
        loop = IndexLoops(target.positions.shape, target.lane)
        self.lines += loop.around(f"{self.element(target, loop)} = {text}")

    def contiguous(self, memory: Memory) -> Memory:
        """Return a contiguous copy of some elements, which is made once."""
        key = memory.key
        if self.around is not None and (memory.array != "w" or memory.positions.max() < self.fixed):
            # Its room begins after all that is in use here by now.
            self.around.used = self.used
            known = self.around.contiguous(memory)
            self.used = self.around.used
            return known
        if key not in self.packed:
            if self.rooms is not None and memory.array == "w":
                start = self.rooms.start_of(int(memory.positions.flat[0]))
                self.copied.setdefault(start, []).append(key)
            room = self.room(memory.positions.size)
            self.packed[key] = Memory("w", room.positions.reshape(memory.positions.shape))
            inside, self.levels = self.levels, self.levels[: self.home + 1]
            self.copy(self.packed[key], memory)
            self.levels = inside
        return self.packed[key]

    def release(self, colours: Collection[int]) -> None:
        """Let what follows have the room of arrays that nobody needs any more, and of their copies."""
        if self.rooms is None:
            return
        for colour in colours:
            memory = self.memory.pop(colour, None)
            if memory is not None and memory.array == "w" and memory.positions.size:
                # Each array has a room of its own.
                start = self.rooms.start_of(int(memory.positions.flat[0]))
                for key in self.copied.pop(start, []):
                    self.rooms.free(int(self.packed.pop(key).positions.flat[0]))
                self.rooms.free(start)

    def element(self, memory: Memory, loop: IndexLoops) -> str:
        """Return an element in the body of a loop."""
        return f"{memory.array}[{self.address(memory.positions, loop)}{memory.of_lane}]"

    def address(self, positions: Positions, loop: IndexLoops) -> str:
        """Return the index of an element in the body of a loop."""
        rule, is_listed = self.place(positions)
        text = rule.text(loop.indices)
        return f"places[{text}]" if is_listed else text

    def place(self, positions: Positions) -> tuple[Affine, bool]:
        """Return where elements stand, or where in `places` that is said."""
        rule = affine(positions)
        if rule is not None:
            return rule, False
        start = len(self.places)
        self.places += positions.ravel().tolist()
        at = affine(np.arange(start, len(self.places)).reshape(positions.shape))
        assert at is not None
        return at, True

    def indices(self, positions: Positions, shape: tuple[int, ...], loop: IndexLoops) -> list[str]:
        """Return the indices of elements of an array of some shape, in the body of a loop over them."""
        # NumPy finds no position in a number, which has no indices.
        found = np.unravel_index(positions, shape) if shape else ()
        return [self.address(index.reshape(loop.shape), loop) for index in found]

    def literal(self, operand: Operand) -> str | None:
        """Return the number that all elements of an operand are, if they are one constant."""
        constants = self.plan.blocks[operand.source].constants
        if constants is None or self.plan.blocks[operand.source].axes:
            return None
        texts = set(map(repr, constants[np.unique(operand.wanted)].tolist()))
        return texts.pop() if len(texts) == 1 else None

    def scalar(self, operand: Operand) -> str:
        """Return an operand that is a number."""
        literal = self.literal(operand)
        if literal or operand.source in self.scalars:
            return literal or self.scalars[operand.source]
        memory = self.memory_of(operand)
        return f"{memory.array}[{memory.positions.flat[0]}]"
