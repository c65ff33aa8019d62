"""`lambdify`: compile an expression that already exists into a function of its leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.graph import names, nodes
from ..engine.value import Value
from ..transforms.trees import plain_array


def lambdify(y: Value, leaves: Sequence[Value]) -> Callable[..., Any]:
    """Return a function that computes an expression from its leaves, on floats or arrays.

    Parameters
    ----------
    y : Value
        The expression.
    leaves : sequence of Value
        The arguments of the function, in order. Other leaves are constants with their present values.

    Returns
    -------
    callable
        A function of as many numbers, or of arrays that broadcast. Its attribute ``source`` is its program.

    Raises
    ------
    TypeError
        If `y` is not a `Value`, or `leaves` not a sequence of them.
    ValueError
        If one of the `leaves` is the result of an operation, or comes twice.

    Examples
    --------
    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> f = lambdify(a * b + a**2, [a, b])
    >>> f(2.0, 3.0), f(np.array([1.0, 2.0]), 1.0)
    (10.0, array([2., 6.]))
    >>> print(f.source)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def program(a, b):
        v1 = np.power(a, 2.0)
        v2 = a * b
        v3 = v2 + v1
        return (v3,)
    <BLANKLINE>
    """
    _check(y, leaves)
    # Loaded when first used, as in `jit`.
    from .compile import compiled_elementwise

    name_of = names([*leaves, *nodes(y)])
    program = compiled_elementwise([y], leaves, [name_of[leaf] for leaf in leaves])

    def function(*args: Any) -> Any:
        arrays = [plain_array(np.asanyarray(arg), "an argument") for arg in args]
        numbers = [array.astype(float, copy=False)[()] for array in arrays]
        (result,) = program.run(*numbers)
        return float(result) if np.ndim(result) == 0 else np.array(result)

    function.source = program.source  # type: ignore[attr-defined]
    return function


def _check(y: Value, leaves: Sequence[Value]) -> None:
    if not isinstance(y, Value):
        raise TypeError(f"lambdify expected a Value, got {y!r} ({type(y).__name__})")
    for leaf in leaves:
        if not isinstance(leaf, Value):
            raise TypeError(f"lambdify expected Values as arguments, got {leaf!r} ({type(leaf).__name__})")
        if leaf.op is not None:
            raise ValueError(f"lambdify expected leaves as arguments, got the result {leaf!r}")
    if len(set(leaves)) < len(leaves):
        raise ValueError("the arguments of lambdify have a leaf twice")
