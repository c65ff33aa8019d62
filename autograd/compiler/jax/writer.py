"""What JAX does differently from NumPy: its arrays do not change, and are of the type of the arguments."""

# ruff: noqa: D102, as `StatementWriter` says what each method is for

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from ...ops.table import Op
from ..arrays.index_rules import Positions
from ..arrays.lookups import Lookup
from ..arrays.plan import Block, Floats, LoopPlan, Operand, Plan, Results
from ..arrays.total_products import TotalProducts
from ..numpy.literals import number_text
from ..numpy.lookups import look_up
from ..numpy.reductions import product
from ..numpy.statements import StatementWriter, WriteBlocks, is_literal
from .definitions import DEFINITIONS
from .expressions import jax_row
from .joining import joined
from .loops import write_loop
from .masked_sums import with_masked_sums
from .reductions import product_of_terms, reduced_text


@dataclass
class JaxWriter(StatementWriter):
    """The statements of a program of `jax.numpy`.

    Attributes
    ----------
    begin : int or None
        The first statement that needs the room for steps of a loop that counts them.
    room : str
        What that is called.
    counted : dict of int to str
        By the axes along which loops store their steps there, how many numbers they store.
    rooms : dict of int to str
        The room along each axis, in this function and those around it.
    """

    module = "jnp"

    begin: int | None = None
    room: str = ""
    counted: dict[int, str] = field(default_factory=dict)
    rooms: dict[int, str] = field(default_factory=dict)

    @staticmethod
    def totals_first(plan: Plan, results: Results) -> TotalProducts:
        # Where something is infinite, only another way to compute it tells; what runs may not depend on that.
        return TotalProducts(with_masked_sums(plan), {})

    def within(self, plan: Plan, parameters: Sequence[str], results: Results) -> Self:
        return replace(super().within(plan, parameters, results), rooms={**self.rooms})

    def count(self, axis: int) -> str:
        """Return the number of steps along an axis."""
        return super().length(axis)

    def length(self, axis: int) -> str:
        """Return how long arrays are along an axis, which may be longer than there are steps."""
        return self.rooms.get(axis) or super().length(axis)

    def begin_room(self, axis: int, numbers: str) -> None:
        """Have all statements from here on in a function of the room for steps, of so many numbers each."""
        if self.begin is None:
            self.begin, self.room = len(self.lines), f"room{next(self.numbers)}"
        self.rooms[axis], self.counted[axis] = self.room, numbers

    def number(self, number: float) -> str:
        return number_text(number).replace("np.", "jnp.")

    def constants(self, array: Floats) -> str:
        name = self.literals.name(array, "c")
        if name not in self.calls:
            self.calls[name] = self.assigned(f"jnp.asarray({name}, dtype)")
        return self.calls[name]

    def full(self, shape: str, text: str) -> str:
        if is_literal(text):
            return f"jnp.full({shape}, {text}, dtype)"
        return f"jnp.broadcast_to({text}, {shape})"

    def broadcast(self, text: str, shape: str) -> str:
        return self.full(shape, text)

    def single(self, text: str, shape: tuple[int, ...]) -> str:
        return f"jnp.reshape({text}, {shape})"

    def length_of(self, argument: str, dimension: int) -> str:
        return f"{argument}.shape[{dimension}]"

    def length_as_number(self, axis: int) -> str:
        return self.assigned(f"jnp.asarray({self.count(axis)}, dtype)")

    def indices(self, axis: int) -> str:
        return f"jnp.arange({self.length(axis)}, dtype=dtype)"

    def formula(self, op: Op, texts: Sequence[str]) -> str:
        named = self.named(op, dict(zip(op.parameters, texts, strict=True)))
        found = jax_row(op, [named[parameter] for parameter in op.parameters], self.helpers)
        chosen = [text for i, text in enumerate(texts) if not op.selects(i)]
        # JAX would choose the type of `jnp.where(v1, 1.0, 0.0)` by itself.
        return f"jnp.asarray({found}, dtype)" if chosen and all(map(is_literal, chosen)) else found

    def reduced(self, op: Op, arguments: Sequence[str], *, is_long: bool = False) -> str:
        return reduced_text(op, arguments, self.helpers)

    def stacked(self, columns: Sequence[str]) -> str:
        arrays = map(self.own_number, columns)
        return f"jnp.stack(jnp.broadcast_arrays({', '.join(arrays)}))"

    def einsum(self, terms: str, texts: Sequence[str], *, is_product: bool) -> str:
        return f"jnp.einsum('{terms}', {', '.join(texts)})"

    def product(self, block: Block) -> str:
        return product(self, block) if block.terms is None else product_of_terms(self, block, block.terms)

    def check(self, block: Block, name: str) -> None:
        """Write nothing, as nothing is computed in a way that makes a difference."""

    def look_up(self, block: Block, lookup: Lookup) -> str:
        return look_up(self, block, lookup, DEFINITIONS)

    def steps_first(self, text: str, place: int) -> str:
        return f"jnp.moveaxis({text}, {place}, 0)"

    def write_loop(self, colour: int, loop: LoopPlan, write_blocks: WriteBlocks) -> None:
        write_loop(self, colour, loop, write_blocks)

    def fill(
        self,
        name: str,
        parts: Sequence[Operand],
        targets: Sequence[Positions],
        order: Sequence[int] | None = None,
    ) -> None:
        self.lines.append(f"{name} = {joined(self, parts, targets, order or ())}")

    def amid_zeros(self, shape: str, entries: str, part: str) -> str:
        return self.assigned(f"jnp.zeros({shape}, dtype).at[{entries}].set({part})")

    def own(self, text: str, source: int | None) -> str:
        return text

    def own_number(self, text: str) -> str:
        # JAX would choose the type of a Python number by itself.
        return f"jnp.asarray({text}, dtype)" if is_literal(text) else text
