"""`stop_gradient`: a number as a constant of whatever is differentiated."""

from __future__ import annotations

from typing import Any

from ..engine.apply import apply
from ..engine.value import Value
from ..ops.table import CONSTANTS
from .trees import leaves_of, numbers_of, unflatten


def stop_gradient(x: Any) -> Any:
    """Return numbers through which no derivative flows.

    Parameters
    ----------
    x : tree
        Numbers, `Value`s and arrays of them, in lists, tuples, dicts and modules.

    Returns
    -------
    tree
        The same numbers in the same structure. Every derivative of them is 0, of any order and in any mode.

    Raises
    ------
    TypeError
        For anything else than such a tree.

    Examples
    --------
    >>> from autograd import grad
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    if isinstance(x, Value):
        return apply(CONSTANTS["constant"], x)
    leaves, structure = leaves_of(x, "the argument of stop_gradient", exact=True)
    numbers = [stop_gradient(n) if isinstance(n, Value) else n for n in numbers_of(leaves)]
    return unflatten(structure, numbers, argument=True)
