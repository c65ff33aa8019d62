"""What NumPy does differently from other libraries of arrays."""

# ruff: noqa: D102, as `StatementWriter` says what each method is for

from __future__ import annotations

from collections.abc import Sequence

from ...ops.table import OPS, Op
from ..arrays.index_rules import Positions
from ..arrays.lookups import Lookup
from ..arrays.plan import Block, Floats, LoopPlan, Operand, Plan, Results
from ..arrays.total_products import TotalProducts, with_totals_first
from .expressions import numpy_expression, reduced_text, repeated_calls
from .filling import fill, fill_along
from .literals import number_text
from .lookups import look_up
from .loops import write_loop
from .reductions import product, rows_without_zeros
from .statements import StatementWriter, WriteBlocks


class NumPyWriter(StatementWriter):
    """The statements of a NumPy program."""

    module = "np"

    @staticmethod
    def totals_first(plan: Plan, results: Results) -> TotalProducts:
        return with_totals_first(plan, results)

    def number(self, number: float) -> str:
        return number_text(number)

    def constants(self, array: Floats) -> str:
        return self.literals.name(array, "c")

    def full(self, shape: str, text: str) -> str:
        return f"np.full({shape}, {text})"

    def broadcast(self, text: str, shape: str) -> str:
        return f"np.broadcast_to({text}, {shape})"

    def single(self, text: str, shape: tuple[int, ...]) -> str:
        only = f"np.array([{text}])"
        return only if len(shape) == 1 else f"{only}.reshape{shape}"

    def length_of(self, argument: str, dimension: int) -> str:
        return f"{argument}.shape[{dimension}]" if dimension else f"len({argument})"

    def length_as_number(self, axis: int) -> str:
        return self.length(axis)

    def indices(self, axis: int) -> str:
        return f"np.arange({self.length(axis)}, dtype=float)"

    def formula(self, op: Op, texts: Sequence[str]) -> str:
        meaning = dict(zip(op.parameters, texts, strict=True))
        if op is OPS["pow"] and (meaning["y"] == "0.5" or meaning["y"].isidentifier()):
            # For a bare exponent 0.5 np.power takes the square root: nan at -inf, where pow has inf.
            return f"np.float_power({meaning['x']}, {meaning['y']})"
        found = numpy_expression(op.value, self.named(op, meaning), self.helpers)
        for call in repeated_calls(found, self.calls):
            if call in found:
                if call not in self.calls:
                    self.calls[call] = self.assigned(call)
                found = found.replace(call, self.calls[call])
        return found

    def reduced(self, op: Op, arguments: Sequence[str], *, is_long: bool = False) -> str:
        return reduced_text(op, arguments, self.helpers, is_long=is_long)

    def stacked(self, columns: Sequence[str]) -> str:
        return f"np.broadcast_arrays({', '.join(columns)})"

    def einsum(self, terms: str, texts: Sequence[str], *, is_product: bool) -> str:
        return f"np.einsum('{terms}', {', '.join(texts)}{', optimize=True' * is_product})"

    def product(self, block: Block) -> str:
        return product(self, block)

    def check(self, block: Block, name: str) -> None:
        if block.terms is not None:
            self.lines += rows_without_zeros(self, block, block.terms, name)

    def look_up(self, block: Block, lookup: Lookup) -> str:
        return look_up(self, block, lookup)

    def steps_first(self, text: str, place: int) -> str:
        return f"np.ascontiguousarray(np.moveaxis({text}, {place}, 0))"

    def write_loop(self, colour: int, loop: LoopPlan, write_blocks: WriteBlocks) -> None:
        write_loop(self, colour, loop, write_blocks)

    def fill(
        self,
        name: str,
        parts: Sequence[Operand],
        targets: Sequence[Positions],
        order: Sequence[int] | None = None,
    ) -> None:
        if order is None:
            fill(self, name, parts, targets)
        else:
            fill_along(self, name, parts, targets, order)

    def amid_zeros(self, shape: str, entries: str, part: str) -> str:
        name = self.assigned(f"np.zeros({shape})")
        self.lines.append(f"{name}[{entries}] = {part}")
        return name

    def own(self, text: str, source: int | None) -> str:
        """Return a result as a new array: arguments, views and results returned twice are copied."""
        if source is None:
            return f"{text}.copy()"
        is_first = text not in self.returned
        self.returned.add(text)
        block = self.plan.blocks[source]
        is_view = block.argument is not None or block.is_along or block.opened is not None
        is_computed = text == self.names.get(source) and not is_view
        is_new = text.startswith(("np.array(", "np.full("))
        return text if is_new or (is_computed and is_first) else f"np.array({text})"

    def own_number(self, text: str) -> str:
        return text
