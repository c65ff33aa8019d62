"""What the words of a rule mean: `FLOAT` on Python's floats, `NUMPY` on arrays.

The words are the rows, by their names, and a few more:

- ``pow`` and ``abs``, which are rows without a function in `autograd`, and ``inf``;
- ``constant(x)``: x, through which no derivative flows;
- ``len(x)``: how many elements a sequence has;
- ``products_of_others(x)``: for each element of a sequence the product of all others;
- ``shortcut(condition, x, y)``: y. Where the condition holds it may be computed as x, which is the formula of
  the textbooks and costs less there. It is written as a choice, or as y, and has no meaning of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from itertools import accumulate, starmap
from operator import matmul, mul
from typing import Any

import numpy as np

from ..quiet import quietly
from .renderer import SIGNS
from .rule import Application, Name
from .table import OPS, Op


def _sum(x: Sequence[float]) -> float:
    """Return the sum; from Python 3.12 on the builtin compensates for rounding."""
    return sum(x, 0.0)


def products_of_others(x: Sequence[Any]) -> list[Any]:
    """Return for each factor the product of all others.

    Examples
    --------
    >>> products_of_others([2.0, 3.0, 4.0]), products_of_others([2.0, 0.0])
    ([12.0, 8.0, 6.0], [0.0, 2.0])
    """
    before = [1.0, *accumulate(x[:-1], mul)]
    after = [1.0, *accumulate(x[:0:-1], mul)][::-1]
    return [_product(*pair) for pair in zip(before, after, strict=True)][: len(x)]


def _product(x: Any, y: Any) -> Any:
    """Return a product, in which no factor of 1 is recorded."""
    return y if x.__class__ is float and x == 1.0 else x if y.__class__ is float and y == 1.0 else x * y


def _dot(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the sum of products, which compiled code adds up without an object for each of them."""
    total = 0.0
    # With strict=True, compiled code would call zip as Python does, which takes longer than the products.
    for factor, other in zip(x, y):  # noqa: B905
        total += factor * other
    return total


def _logsumexp(x: Sequence[float]) -> float:
    """Return log(sum(exp(x))), shifted so that the largest exponent is 0."""
    top = max(x)
    if math.isinf(top) and not any(map(math.isnan, x)):
        return top
    # The 1 of the largest element is left to log1p: added here, it would absorb an exp(-40).
    others = [math.exp(item - top) for item in x]
    others.remove(1.0)
    return top + math.log1p(_sum(others))


def _floor(x: float) -> float:
    """Return the floor as a float; `math.floor` returns an int, and raises for inf."""
    return x if x - x else x // 1.0


def _in_math(name: str) -> str:
    """Return the name of a row in `math`, whose atan2 is NumPy's arctan2."""
    return name.replace("arc", "a")


def ieee(f: Callable[..., float]) -> Callable[..., float]:
    """Return a function of floats that gives inf or nan where `f` raises, and sets NumPy's error flag.

    Parameters
    ----------
    f : callable
        A function of floats, such as those of `math`.

    Returns
    -------
    callable
        Where `f` overflows, inf; at any other error of arithmetic, nan.

    Examples
    --------
    >>> with np.errstate(all="ignore"):
    ...     ieee(math.gamma)(3.0), ieee(math.gamma)(-1.0), ieee(math.gamma)(1000.0)
    (2.0, nan, inf)
    """

    def careful(*args: float) -> float:
        try:
            return float(f(*args))
        except OverflowError:
            return float(np.exp(np.float64(1000.0)))
        except (ArithmeticError, ValueError):
            return float(np.sqrt(np.float64(-1.0)))

    return careful


def _of_numbers(ufunc: np.ufunc) -> Callable[..., float]:
    """Return a ufunc as a function of floats that does not warn."""
    return quietly(lambda *args: float(ufunc(*args)))


def _of_arrays(f: Callable[..., float]) -> Callable[..., Any]:
    """Return a function of floats as an element-wise function of arrays."""
    careful = ieee(f)

    def function(*args: Any) -> Any:
        # Not `numpy.vectorize`, which would report each error twice.
        points = np.broadcast(*args)
        return np.fromiter(starmap(careful, points), float, points.size).reshape(points.shape)[()]

    return function


def _of_lists(f: Callable[..., float]) -> Callable[..., float]:
    """Return a reduction of `math` that always gives a float; `math.prod` of nothing is an int."""

    @wraps(f)
    def reduced(*columns: Sequence[float]) -> float:
        return float(f(*columns))

    return reduced


def reducing(op: Op) -> tuple[np.ufunc, Mapping[str, Any]] | None:
    """Return the ufunc whose `reduce` is a row, with the options for it; None if there is none.

    Examples
    --------
    >>> reducing(OPS["norm"]), reducing(OPS["dot"])
    ((<ufunc 'hypot'>, {'initial': 0.0}), None)
    """
    if op.reduction is None:
        return None
    if op.reduction.ufunc is not None:
        return op.reduction.ufunc, {}
    if len(op.reduction.accumulators) > 1:
        return None
    (accumulator,) = op.reduction.accumulators
    match accumulator.step.tree:
        case Application(word, (Name(total), Name(_))) if total == accumulator.name:
            ufunc = OPS[word].ufunc
            # NumPy would start with the first element: the norm of [-3] would be -3.
            options = {} if word in ("add", "mul") else {"initial": accumulator.start}
            return None if ufunc is None else (ufunc, options)
    return None


# Signs are written, not called.
_PRIMITIVES = {op.name: op for op in OPS.values() if op.is_primitive and op.name not in SIGNS}

_IN_MATH = {
    name: getattr(math, _in_math(name)) for name in OPS if hasattr(math, _in_math(name)) and name != "floor"
}

FLOAT: dict[str, Any] = (
    {name: _of_numbers(op.ufunc) for name, op in _PRIMITIVES.items() if op.ufunc is not None}
    | {
        "inf": math.inf,
        "constant": float,
        "abs": abs,
        "max": max,
        "sum": _sum,
        "dot": _dot,
        "logsumexp": _logsumexp,
        "floor": _floor,
        "len": len,
        "products_of_others": products_of_others,
    }
    | {name: _of_lists(f) if OPS[name].variadic else f for name, f in _IN_MATH.items()}
)
"""The meaning of each word on Python floats; functions of `math` raise where NumPy gives nan or inf."""

NUMPY: dict[str, Any] = (
    {
        name: ieee(_IN_MATH[name]) if op.variadic else _of_arrays(_IN_MATH[name])
        for name, op in _PRIMITIVES.items()
        if name in _IN_MATH
    }
    | {
        op.name: partial(found[0].reduce, **found[1])
        for op in _PRIMITIVES.values()
        if op.variadic and (found := reducing(op))
    }
    | {
        "inf": math.inf,
        "constant": np.asarray,
        "where": np.where,
        "pow": np.power,
        "sum": np.sum,
        # Unlike `numpy.dot`, it tells of an overflow also in NumPy 2.0 to 2.2.
        "dot": matmul,
        # A float of NumPy: 0 / 0 is nan.
        "len": lambda x: np.float64(len(x)),
        "products_of_others": products_of_others,
    }
    | {op.name: op.ufunc for op in OPS.values() if op.ufunc is not None}
)
"""The meaning of each word on NumPy arrays; functions that NumPy lacks are those of `math`."""
