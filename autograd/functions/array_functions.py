"""NumPy's functions other than ufuncs, on arrays of `Value`s.

Most are recorded as they are: NumPy's own code moves elements around, or calls ufuncs. Some are rewritten
here, because NumPy's code would convert the elements to floats or ask for their truth. Functions that only
answer a question get the plain numbers. All others raise an error: silently losing a derivative is worse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.errors import TracedValueError
from ..engine.real_numbers import NUMBERS
from ..ops.table import OPS
from .arrays import elementwise
from .roots import root_of_squares, sinc
from .value_array import ASKING, OWN, RECORDED, ValueArray, data, holds_values, recorded, values_array

Function = Callable[..., Any]


def _named(names: str, *modules: Any) -> list[Any]:
    """Return the functions of these names, except those that an older NumPy lacks."""
    return [getattr(module, name) for module in modules for name in names.split() if hasattr(module, name)]


_MOVING = """
    append apply_along_axis array_split astype atleast_1d atleast_2d atleast_3d block broadcast_arrays
    broadcast_to choose column_stack compress concat concatenate copy delete diag diagflat diagonal dsplit
    dstack expand_dims extract fill_diagonal flip fliplr flipud hsplit hstack insert ix_ matrix_transpose
    meshgrid moveaxis permute_dims place put put_along_axis ravel repeat reshape resize roll rollaxis rot90
    split squeeze stack swapaxes take take_along_axis tile transpose tril triu unstack vsplit vstack
    trim_zeros
"""
_ABOUT_ARRAYS = """
    can_cast iscomplexobj isrealobj may_share_memory ndim result_type shape shares_memory size
"""
_COMPUTING = """
    all amax amin any clip convolve correlate cross cumprod cumsum cumulative_prod cumulative_sum diff dot
    ediff1d einsum inner kron max mean min outer polyval prod ptp real sum tensordot trace trapezoid trapz
    vander vdot
"""
_OF_LINALG = """
    cross diagonal matmul matrix_power matrix_transpose multi_dot outer tensordot trace vecdot
"""
_QUESTIONS = """
    allclose argmax argmin argpartition argsort argwhere array_equal array_equiv count_nonzero digitize
    flatnonzero histogram histogram2d histogram_bin_edges histogramdd isclose iscomplex isin isneginf isposinf
    isreal lexsort nanargmax nanargmin nonzero save savetxt savez savez_compressed searchsorted
"""
RECORDED.update(_named(_MOVING + _ABOUT_ARRAYS + _COMPUTING, np), _named(_OF_LINALG, np.linalg))
ASKING.update(_named(_QUESTIONS, np))


def _replaces(*functions: Any) -> Callable[[Function], Function]:
    """Return a decorator that registers a replacement for NumPy functions on arrays of `Value`s."""

    def register(own: Function) -> Function:
        OWN.update(dict.fromkeys(functions, own))
        return own

    return register


# ---------------------------------------------------------------------------------------------- choosing


@_replaces(np.where)
def _where(condition: Any, *choices: Any) -> Any:
    if not choices:
        return np.nonzero(condition)
    if len(choices) != 2:
        raise TypeError(f"np.where expected a condition alone or with two choices, got {len(choices)}")
    return elementwise(OPS["where"], condition, *choices)


@_replaces(np.select)
def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    result = default
    for condition, choice in list(zip(condlist, choicelist, strict=True))[::-1]:
        result = _where(condition, choice, result)
    return result


@_replaces(np.nan_to_num)
def _nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    largest = np.finfo(float).max
    x = _where(np.isnan(x), nan, x)
    x = _where(np.equal(x, math.inf), largest if posinf is None else posinf, x)
    return _where(np.equal(x, -math.inf), -largest if neginf is None else neginf, x)


@_replaces(np.round, np.around)
def _round(a: Any, decimals: Any = 0, out: Any = None) -> Any:
    if not decimals:
        return np.rint(a, out=out)
    return np.divide(np.rint(np.multiply(a, 10.0**decimals)), 10.0**decimals, out=out)


@_replaces(np.zeros_like, np.empty_like)
def _zeros_like(a: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
    return _full_like(a, 0.0, dtype, *args, **options)


@_replaces(np.ones_like)
def _ones_like(a: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
    return _full_like(a, 1.0, dtype, *args, **options)


@_replaces(np.full_like)
def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    """Return an array that can hold Values, unless another dtype is asked for."""
    full = np.empty(np.shape(a) if shape is None else shape, dtype=dtype or object)
    full[...] = fill_value
    return full


def _of_objects(function: Function) -> Function:
    return lambda a, *args, **options: function(np.asarray(a), *args, **options)


OWN.update({write: _of_objects(write) for write in (np.array_repr, np.array_str, np.array2string)})


@_replaces(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise TypeError(
            "np.pad of Values expected mode 'constant', 'edge', 'reflect', 'symmetric' or 'wrap', got "
            f"{mode!r}"
        )
    return recorded(np.pad, array, pad_width, mode, **options)


# ------------------------------------------------------------------------------------------------ in order


@_replaces(np.sort)
def _sort(a: Any, axis: Any = -1, *args: Any, **options: Any) -> Any:
    values = values_array(values_array(a).ravel() if axis is None else a)
    axis = -1 if axis is None else axis
    return np.take_along_axis(values, np.argsort(data(values), axis, *args, **options), axis)


@_replaces(np.median)
def _median(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False
) -> Any:
    return _quantile(a, 0.5, axis, out, keepdims=keepdims)


@_replaces(np.percentile)
def _percentile(a: Any, q: Any, *args: Any, **options: Any) -> Any:
    return _quantile(a, np.divide(q, 100.0), *args, **options)


@_replaces(np.quantile)
def _quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
) -> Any:
    if method != "linear":
        raise TypeError(f"np.quantile of Values expected method='linear', got {method!r}")
    shares = data(q)
    if not np.all((shares >= 0.0) & (shares <= 1.0)):
        raise ValueError(f"expected quantiles from 0 to 1, percentiles from 0 to 100, got a share of {q}")
    values = values_array(a)
    axes = _places(axis, values.ndim)
    ordered = _sort(_flat_along(values, axes), 0)
    if not len(ordered):
        raise ValueError("np.quantile expected numbers, got an empty array")
    place = np.multiply(q, len(ordered) - 1)
    low = np.floor(data(place)).astype(int)
    rest = np.expand_dims(place - low, tuple(range(np.ndim(place), np.ndim(place) + ordered.ndim - 1)))
    found = _between_two(ordered[low], ordered[np.minimum(low + 1, len(ordered) - 1)], rest)
    # They are sorted to the end, and make any quantile one.
    if np.isnan(data(ordered[-1])).any():
        found = _where(np.isnan(ordered[-1]), ordered[-1], found)
    if keepdims:
        found = np.expand_dims(found, tuple(i + np.ndim(q) for i in axes))
    return found if out is None else np.positive(found, out=out)


def _flat_along(values: ValueArray, axes: Sequence[int]) -> Any:
    """Return an array in whose first dimension are all elements along some dimensions."""
    others = [i for i in range(values.ndim) if i not in axes]
    count = math.prod(values.shape[i] for i in axes)
    return values.transpose([*axes, *others]).reshape([count, *[values.shape[i] for i in others]])


def _between_two(low: Any, high: Any, rest: Any) -> Any:
    """Return numbers between two others; between an infinite one and itself is itself, not inf - inf."""
    found = low + (high - low) * (rest if np.ndim(rest) else float(rest))
    is_low = np.isinf(data(low)) & (data(low) == data(high)) | np.isinf(data(high)) & (data(rest) == 0.0)
    return _where(is_low, low, found) if np.any(is_low) else found


def _places(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return dimensions, counted from 0: all of them for None."""
    places = range(ndim) if axis is None else np.atleast_1d(axis).tolist()
    for place in places:
        if not -ndim <= place < ndim:
            raise np.exceptions.AxisError(place, ndim)
    return tuple([place % ndim for place in places])


# ------------------------------------------------------------------------------------------------ sums


@_replaces(np.average)
def _average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    values = values_array(a)
    if weights is None:
        weights = 1.0
    elif np.shape(weights) != values.shape:
        along = _places(axis, values.ndim)
        if axis is None or np.shape(weights) != tuple(values.shape[i] for i in along):
            raise ValueError(
                f"np.average of an array of shape {values.shape} expected weights of this shape, or of that "
                f"along its axis, got shape {np.shape(weights)} and axis={axis}"
            )
        others = [i for i in range(values.ndim) if i not in along]
        weights = np.expand_dims(np.transpose(weights, np.argsort(along)), others)
    weights = np.broadcast_to(weights, values.shape)
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    mean = np.sum(values * weights, axis=axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, np.shape(mean))) if returned else mean


@_replaces(np.var)
def _var(a: Any, *args: Any, **options: Any) -> Any:
    return recorded(np.var, _with_dimensions(a), *args, **options)


@_replaces(np.std)
def _std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, *args: Any, **options: Any) -> Any:
    found = root_of_squares(_var(a, axis, dtype, None, *args, **options))
    return found if out is None else np.positive(found, out=out)


def _with_dimensions(a: Any) -> Any:
    """Return a single Value as a 0-d array: NumPy asks the result of a mean for its dtype."""
    return a if np.ndim(a) else values_array(a).reshape(1)


def _without_nan(reduce: Function, instead: float) -> Function:
    def reduced(a: Any, *args: Any, **options: Any) -> Any:
        return reduce(_where(np.isnan(a), instead, a), *args, **options)

    return reduced


def _extreme_without_nan(reduce: Function, instead: float) -> Function:
    def reduced(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **options: Any) -> Any:
        missing = np.isnan(a)
        found = reduce(_where(missing, instead, a), axis, keepdims=keepdims, **options)
        none = np.all(missing, axis, keepdims=keepdims)
        # Of no number at all it is nan.
        if "initial" not in options and (holds_values(none) or np.any(none)):
            found = _where(none, math.nan, found)
        return found if out is None else np.positive(found, out=out)

    return reduced


OWN[np.nansum] = _without_nan(np.sum, 0.0)
OWN[np.nanprod] = _without_nan(np.prod, 1.0)
OWN[np.nanmax] = _extreme_without_nan(np.max, -math.inf)
OWN[np.nanmin] = _extreme_without_nan(np.min, math.inf)


@_replaces(np.nanmean)
def _nanmean(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    counted = _where(np.isnan(a), 0.0, 1.0)
    return np.nansum(a, axis, keepdims=keepdims) / np.sum(counted, axis, keepdims=keepdims)


@_replaces(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = values_array(x)
    along = _places(axis, x.ndim)
    if ord is None or (ord == "fro" and len(along) == 2) or (ord == 2 and len(along) == 1):
        return root_of_squares(np.sum(x * x, axis=along, keepdims=keepdims))
    if len(along) == 1 and isinstance(ord, NUMBERS):
        return _vector_norm(x, float(ord), along[0], keepdims)
    if len(along) == 2 and ord in (1, -1, math.inf, -math.inf):
        by, over = along if abs(ord) == 1 else along[::-1]
        sums = np.sum(abs(x), axis=by, keepdims=True)
        largest = (np.max if ord > 0 else np.min)(sums, axis=over, keepdims=True)
        return largest if keepdims else np.squeeze(largest, axis=along)
    raise TypeError(
        "np.linalg.norm of Values expected ord=None, a number for vectors, or 'fro', 1, -1, inf or -inf for "
        f"matrices, got {ord!r} along {len(along)} dimensions"
    )


def _vector_norm(x: ValueArray, ord: float, axis: int, keepdims: bool) -> Any:
    if math.isinf(ord):
        return (np.max if ord > 0 else np.min)(abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum(x != 0, axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(abs(x), axis=axis, keepdims=keepdims)
    total = np.sum(abs(x) ** float(ord), axis=axis, keepdims=keepdims)
    if ord < 1.0:
        return total ** (1.0 / ord)
    is_zero = np.equal(total, 0.0)
    return np.where(is_zero, 0.0, np.where(is_zero, 1.0, total) ** (1.0 / ord))


OWN[np.sinc] = sinc


# ------------------------------------------------------------------------------------------- along a line


@_replaces(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Return the piecewise-linear interpolation at x; a knot belongs to the segment on its right."""
    if period is not None:
        raise TypeError("np.interp of Values takes no period; pass x % period, and the points of one period")
    xp, fp = np.asarray(xp), np.asarray(fp)
    if xp.ndim != 1 or xp.shape != fp.shape or not len(xp):
        raise ValueError(f"np.interp expected points of one shape (n,), got {xp.shape} and {fp.shape}")
    xp, fp = (values_array(p) if holds_values(p) else p for p in (xp, fp))
    at = values_array(x) if holds_values(x) else np.asarray(x, dtype=float)
    inside = _between(at, xp, fp) if len(xp) > 1 else np.broadcast_to(fp[0], at.shape)
    below = _where(at < xp[0], fp[0] if left is None else left, inside)
    return _where(at > xp[-1], fp[-1] if right is None else right, below)


def _between(x: Any, xp: Any, fp: Any) -> Any:
    try:
        places = np.searchsorted(data(xp), data(x), side="right")
    except TracedValueError:
        # While tracing, the segment of x is unknown: all are recorded, and the program selects one when it
        # runs.
        result = _line(x, xp, fp, 0)
        for i in range(1, len(xp) - 1):
            result = _where(x >= xp[i], _line(x, xp, fp, i), result)
        return result
    return _line(x, xp, fp, np.clip(places - 1, 0, len(xp) - 2))


def _line(x: Any, xp: Any, fp: Any, i: Any) -> Any:
    return fp[i] + (x - xp[i]) * ((fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i]))


@_replaces(np.linspace)
def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: Any = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return evenly spaced numbers; plain ones if a dtype is asked for, as histograms ask for the data's."""
    if dtype is not None:
        ends = np.asarray(start, dtype=float), np.asarray(stop, dtype=float)
        return np.linspace(*ends, num, endpoint, retstep, None if np.dtype(dtype) == object else dtype, axis)
    start, stop = values_array(start), values_array(stop)
    rise, shares = stop - start, np.linspace(0.0, 1.0, num, endpoint=endpoint)
    points = values_array(start + rise * np.expand_dims(shares, tuple(range(1, 1 + np.ndim(rise)))))
    if endpoint and num > 1:
        points[-1] = stop[()]
    steps = num - 1 if endpoint else num
    points = np.moveaxis(points, 0, axis)
    return (points, rise / steps if steps > 0 else rise * math.nan) if retstep else points


@_replaces(np.gradient)
def _gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = values_array(f)
    axes = tuple(range(f.ndim)) if axis is None else tuple(np.atleast_1d(axis).tolist())
    steps = spacing or (1.0,)
    if len(steps) == 1 and np.ndim(steps[0]) == 0:
        steps = steps * len(axes)
    if len(steps) != len(axes) or edge_order not in (1, 2):
        raise TypeError(
            f"np.gradient expected a spacing for each of {len(axes)} axes and edge_order 1 or 2, "
            f"got {len(steps)} and {edge_order!r}"
        )
    found = [_slopes(f, step, along, edge_order) for step, along in zip(steps, axes, strict=True)]
    return found[0] if len(found) == 1 else tuple(found)


def _slopes(f: ValueArray, step: Any, axis: int, edge_order: int) -> Any:
    """Return second-order finite differences along an axis: slopes of the parabola through three points."""
    f = np.moveaxis(f, axis, 0)
    n = len(f)
    if n <= edge_order:
        raise ValueError(f"np.gradient expected more than {edge_order} numbers along an axis, got {n}")
    wide = (-1,) + (1,) * (f.ndim - 1)
    h = np.diff(step) if np.ndim(step) else np.broadcast_to(step, (n - 1,))
    if len(h) != n - 1:
        raise ValueError(f"np.gradient expected a place for each of {n} numbers, got {len(h) + 1}")
    rises = np.diff(f, axis=0) / np.reshape(h, wide)
    slopes = np.zeros_like(f)
    slopes[0], slopes[-1] = rises[0], rises[-1]
    if n > 2:
        before, after = np.reshape(h[:-1], wide), np.reshape(h[1:], wide)
        slopes[1:-1] = (after * rises[:-1] + before * rises[1:]) / (before + after)
    if edge_order == 2:
        slopes[0] = rises[0] - (slopes[1] - rises[0])
        slopes[-1] = rises[-1] - (slopes[-2] - rises[-1])
    return np.moveaxis(slopes, 0, axis)
