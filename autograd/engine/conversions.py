"""A node as a plain number: `float`, `int`, `round`, `bool`, `format`, `item`.

While a function is traced or differentiated these raise where the number is not known, or where the
derivative of what is made of it would be lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops.table import CONSTANTS
from .description import IN_TUPLES, Description
from .errors import LostGradientError, TracedValueError
from .levels import highest_open, open_levels
from .tracing import is_unknown
from .unrecorded import unrecorded
from .user_line import user_line

if TYPE_CHECKING:
    from .value import Value

_CONSTANT = CONSTANTS["constant"]


class Conversions(Description):
    """The conversions of Python's numbers."""

    __slots__ = ()

    def __float__(self) -> float:
        return self._plain("float(v)") if self._level else self._data

    def __int__(self) -> int:
        return int(self._plain("int(v)"))

    def __round__(self, digits: int | None = None) -> float:
        return round(self._plain("round(v)"), digits)

    def __bool__(self) -> bool:
        return (self._known("if v") if self._level else self._data) != 0.0

    def __format__(self, spec: str) -> str:
        return format(self._known("format(v)"), spec) if spec else str(self)

    def item(self) -> float:
        """Return the value, as ``data``: PyTorch's name.

        Examples
        --------
        >>> from autograd import Value
        >>> Value(2.0).item()
        2.0
        """
        return self._known("v.item()") if self._level else self._data

    def detach(self) -> Value:
        """Return the number as a leaf of its own, outside of the graph: PyTorch's name.

        In a function that is differentiated or compiled it is a constant, as by `autograd.stop_gradient`.

        Examples
        --------
        >>> from autograd import Value
        >>> w = Value(3.0)
        >>> y = w * w.detach()
        >>> y.backward()
        >>> w.grad
        3.0
        """
        this: Any = self
        node = this._record(_CONSTANT, self._data, (self,), (None,), 0.0, 0.0, IN_TUPLES)
        detached: Value = unrecorded(node)
        return detached

    def _known(self, asked_by: str) -> float:
        """Return the number, unless it depends on an input of a program that is being traced."""
        if self._level and is_unknown(self):
            raise TracedValueError(
                f"{asked_by} asks for a number that is not known while the function is traced, at "
                f"{user_line()}; choose with cond, where(condition, x, y), max or min, loop a fixed number "
                "of times, take the functions of autograd or NumPy for math's, np.stack for np.array([v, "
                "...]), and grad for backward()"
            )
        return self._data

    def _plain(self, asked_by: str) -> float:
        """Return the number, unless the derivative of what is made of it would be lost."""
        number = self._known(asked_by)
        if self._level and highest_open([self], open_levels(traces=False), by_derivative=True, is_any=True):
            raise LostGradientError(
                f"{asked_by} makes a plain number of what is being differentiated, at {user_line()}, so that "
                "its derivative would be lost; take the functions of autograd or NumPy for math's, "
                "where(condition, x, y), an array of objects for results, grad for backward(), or v.data "
                "for the number on purpose"
            )
        return number
