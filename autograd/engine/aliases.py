"""Attributes of a node under the names that micrograd and PyTorch give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .description import Description

if TYPE_CHECKING:
    from .value import Value


class Aliases(Description):
    """Other names for what a `Value` has."""

    __slots__ = ()

    @property
    def _prev(self) -> set[Value]:
        """The operands that are nodes, as a set: micrograd's name."""
        return {arg for arg in self.args if isinstance(arg, Aliases)}

    @property
    def _op(self) -> str:
        """The symbol or the name of the operation; empty for a leaf: micrograd's name."""
        return "" if self.op is None else self.op.symbol or self.op.name

    @property
    def is_leaf(self) -> bool:
        """Whether no operation made the node: PyTorch's name."""
        return self.op is None
