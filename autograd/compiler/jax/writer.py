"""What JAX does differently from NumPy: its arrays do not change, and are of the type of the arguments."""

# ruff: noqa: D102, as `StatementWriter` says what each method is for

from __future__ import annotations

from collections.abc import Sequence

from ...ops.table import Op
from ..arrays.index_rules import Positions
from ..arrays.lookups import Lookup
from ..arrays.plan import Block, Floats, LoopPlan, Operand, Plan, Results
from ..arrays.total_products import TotalProducts
from ..numpy.literals import number_text
from ..numpy.reductions import product
from ..numpy.statements import StatementWriter, WriteBlocks, is_literal
from ..runtime.program import UnsuitableError
from .expressions import jax_row
from .joining import joined
from .lookups import look_up
from .reductions import product_of_terms, reduced_text


class JaxWriter(StatementWriter):
    """The statements of a program of `jax.numpy`."""

    module = "jnp"

    @staticmethod
    def totals_first(plan: Plan, results: Results) -> TotalProducts:
        # Where something is infinite, only another way to compute it tells; what runs may not depend on that.
        return TotalProducts(plan, {})

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
        return self.assigned(f"jnp.asarray({self.length(axis)}, dtype)")

    def indices(self, axis: int) -> str:
        return f"jnp.arange({self.length(axis)}, dtype=dtype)"

    def formula(self, op: Op, texts: Sequence[str]) -> str:
        named = self.named(op, dict(zip(op.parameters, texts, strict=True)))
        found = jax_row(op, [named[parameter] for parameter in op.parameters], self.helpers)
        is_of_literals = all(is_literal(text) or op.selects(i) for i, text in enumerate(texts))
        # JAX would choose the type of `jnp.where(v1, 1.0, 0.0)` by itself.
        return f"jnp.asarray({found}, dtype)" if is_of_literals else found

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
        return look_up(self, block, lookup)

    def write_loop(self, colour: int, loop: LoopPlan, write_blocks: WriteBlocks) -> None:
        raise UnsuitableError("it has loops, which are not written for JAX yet")

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
