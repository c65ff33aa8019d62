"""Stand-ins: nodes by which a graph refers to nodes that it does not keep alive.

The gradient that ``backward(create_graph=True)`` leaves in a leaf is a function of that leaf. If its nodes
held the leaf, or nodes that were computed from it, the leaf and its gradient would keep each other alive. So
they hold stand-ins. A stand-in refers to the node itself weakly, and has a copy for when it is gone.

A sweep passes through a stand-in as through any node: it has one operand and the partial 1. Everybody else
asks for the operands of a node (`Value.args`, `autograd.engine.graph.operands`) and never meets one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from ..ops.structural import Structural

if TYPE_CHECKING:
    from .value import Value


class _Standing(Structural):
    """The operation of a stand-in; a single object, also after copying and pickling."""

    name = "stand_in"

    def __reduce__(self) -> str:
        return "STAND_IN"


STAND_IN: Final = _Standing()


class Represented:
    """The node that a stand-in stands for: the original or, once nobody else holds it, the copy.

    Parameters
    ----------
    original : Value or None
        The node, None if it is gone.
    copy : Value
        A node that computes the same.

    Examples
    --------
    >>> from autograd import Value
    >>> x, copy = Value(2.0), Value(2.0)
    >>> represented = Represented(x, copy)
    >>> represented.node is x
    True
    >>> del x
    >>> represented.node is copy, list(represented)
    (True, [Value(2.0)])
    """

    __slots__ = ("_original", "copy")

    def __init__(self, original: Value | None, copy: Value) -> None:
        self._original = None if original is None else ref(original)
        self.copy = copy

    @property
    def original(self) -> Value | None:
        """The node itself, None if it is gone."""
        return None if self._original is None else self._original()

    @property
    def node(self) -> Value:
        """The node, or its copy."""
        original = self.original
        return self.copy if original is None else original

    def __iter__(self) -> Iterator[Value]:
        return iter((self.node,))

    def present(self) -> tuple[Value, ...]:
        """Return the only operand of a stand-in."""
        return (self.node,)


class Operands(tuple[Any, ...]):
    """The operands of a node, in which stand-ins take the place of some.

    Examples
    --------
    >>> Operands([2.0]).present()
    (2.0,)
    """

    __slots__ = ()

    def present(self) -> tuple[Value | float, ...]:
        """Return the operands, with nodes in place of their stand-ins."""
        return tuple([item._x.node if is_stand_in(item) else item for item in self])

    def held(self) -> tuple[Value | float, ...]:
        """Return the operands, with the copies in place of stand-ins."""
        return tuple([item._x.copy if is_stand_in(item) else item for item in self])


def is_stand_in(operand: Any) -> bool:
    """Return whether an operand, as a node stores it, is a stand-in.

    Examples
    --------
    >>> is_stand_in(2.0)
    False
    """
    return operand.__class__ is not float and operand.op is STAND_IN
