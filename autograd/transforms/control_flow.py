"""`scan`, `fori_loop`, `while_loop`, `cond` and `switch`: loops and conditionals with JAX's signatures.

They are Python's own loops and conditionals: a body is called once for each step, and what it does is
recorded as always. So graphs of them can be drawn, explained and differentiated like any others. Where a
condition is not known, because it depends on an input of a function that is being traced, both branches are
recorded (`autograd.transforms.branches`), and of a loop one step (`autograd.transforms.while_by_loop`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index as whole_number
from typing import Any

import numpy as np

from ..engine.errors import TracedValueError
from ..engine.real_numbers import NUMBERS
from ..engine.tracing import is_unknown
from ..engine.user_line import user_line
from ..engine.value import Value
from ..functions.array_lengths import ArrayLength
from ..functions.axes import ElementsNeededError, axis_trace, loop_trace
from ..functions.traced_array import is_whole
from .branches import chosen_among, place
from .indexing import as_index
from .scan_by_loop import counted, is_by_loop, scanned
from .trees import (
    Leaf,
    leaves_like,
    leaves_of,
    numbers_of,
    slices_of,
    unflatten,
    with_leaves,
)
from .while_by_loop import repeated

Function = Callable[..., Any]


def scan(
    f: Function, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """Call a function for each slice of arrays in turn, and carry a state from one call to the next.

    Parameters
    ----------
    f : callable
        From the carry and a slice to a pair: the next carry, and a result of this step.
    init : tree
        The first carry. Every other one has its structure and shapes.
    xs : tree of arrays, optional
        What to slice along the first axis. Without it, `f` gets None for a slice.
    length : int, optional
        The number of steps; needed without `xs`.
    reverse : bool
        Whether to begin with the last slice. The results stand in the order of the slices either way.

    Returns
    -------
    (carry, results)
        The last carry, and the results of all steps, stacked along a first axis. With no steps, `f` is called
        once with ones, to learn the structure of its results.

    Raises
    ------
    TypeError
        If `f` does not return a pair, or returns a carry of another structure or other shapes; for `xs` that
        are not arrays.
    ValueError
        For arrays of different lengths, with neither `xs` nor `length`, and if results differ in structure.

    Examples
    --------
    >>> def add(total, x):
    ...     return total + x, total
    >>> scan(add, 0.0, np.array([1.0, 2.0, 3.0]))
    (6.0, array([0., 1., 3.]))
    >>> from autograd import grad
    >>> grad(lambda r: scan(lambda c, _: (r * c, None), 1.0, length=3)[0])(2.0)
    12.0
    """
    body = _Body(f, init, "scan", "the carry")
    trace = axis_trace()
    leaves, structure = leaves_of(xs, "xs of scan", exact=True, whole=True)
    if trace is not None and is_by_loop(trace, leaves, length):
        try:
            return scanned(trace, body.stepped, init, (leaves, structure), length, is_reversed=reverse)
        except (TracedValueError, IndexError, TypeError):
            # The body may count with a number of the carry, or branch on constants.
            if any(map(is_whole, leaves)):
                raise ElementsNeededError from None
    slices = _Slices(xs, length)
    if not slices.count:
        return init, _joined(body.stepped(init, slices.of_ones)[1], [], 0)
    results: list[Any] = [None] * slices.count
    carry = init
    for i in reversed(range(slices.count)) if reverse else range(slices.count):
        carry, results[i] = body.stepped(carry, slices[i])
    return carry, _joined(results[-1 if reverse else 0], results, slices.count)


def fori_loop(lower: Any, upper: Any, body_fun: Function, init_val: Any) -> Any:
    """Call a function for each integer of a range, with what it returned for the one before.

    Parameters
    ----------
    lower, upper : int
        The range, without `upper`. A program counts to a number that it computes, and a loop over it is
        differentiated like any other; no derivative flows through the bounds.
    body_fun : callable
        From an integer and the value to the next value.
    init_val : tree
        The first value. Every other one has its structure and shapes.

    Returns
    -------
    tree
        The last value.

    Raises
    ------
    TypeError
        For a bound that is no integer, and if `body_fun` returns a value of another structure or other
        shapes.

    Examples
    --------
    >>> fori_loop(1, 4, lambda i, x: x * i, 1.0)
    6.0
    """
    body = _Body(body_fun, init_val, "fori_loop", "the value")
    bounds = _bound(lower, "lower"), _bound(upper, "upper")
    unknown = [bound for bound in bounds if isinstance(bound, Value)]
    trace = loop_trace() if unknown else axis_trace()

    def stepped(i: Any, value: Any) -> Any:
        return body.checked(body_fun(i, value))

    if trace is not None and (unknown or len(range(*bounds)) > 1):
        try:
            return counted(trace, stepped, *bounds, init_val)
        except (TracedValueError, IndexError, TypeError):
            # The body may count with its integer. It gets one below, where at most lengths are unknown.
            if not all(isinstance(bound, ArrayLength) for bound in unknown):
                raise
    value = init_val
    for i in range(*bounds):
        value = stepped(i, value)
    return value


def while_loop(cond_fun: Function, body_fun: Function, init_val: Any) -> Any:
    """Call a function with what it returned before, for as long as a condition holds.

    Parameters
    ----------
    cond_fun : callable
        From the value to whether to go on. Where that is not known while a function is traced, the program
        asks it, and stores the steps that a gradient needs. Mapped over samples, it goes on until none does.
    body_fun : callable
        From the value to the next value.
    init_val : tree
        The first value. Every other one has its structure and shapes.

    Returns
    -------
    tree
        The first value for which the condition does not hold. No derivative flows through the condition.

    Raises
    ------
    TypeError
        If `cond_fun` does not return a single truth value, or `body_fun` returns a value of another structure
        or other shapes.

    Notes
    -----
    Ctrl-C ends a loop that never ends, eagerly and in programs of NumPy, and leaves everything as usable as
    before. Machine code of Numba looks at no signals.

    Examples
    --------
    >>> from autograd import grad, jit
    >>> def root(x):
    ...     return while_loop(lambda c: abs(c * c - x) > 1e-9, lambda c: 0.5 * (c + x / c), x)
    >>> root(9.0), jit(grad(root))(9.0)
    (3.0, 0.16666666666666669)
    """
    body = _Body(body_fun, init_val, "while_loop", "the value")
    value = init_val
    while True:
        goes_on = _predicate(cond_fun(value), "the result of cond_fun")
        if isinstance(goes_on, Value):
            trace = loop_trace()
            if trace is None:
                raise TracedValueError(
                    "while_loop goes on as long as numbers say that are not known while the function is "
                    f"traced, at {user_line()}; take scan or fori_loop with a number of steps that always "
                    "suffices, and cond in the body; only the thread that traces can record such a loop"
                )
            return repeated(
                trace,
                lambda value: _predicate(cond_fun(value), "the result of cond_fun"),
                lambda value: body.checked(body_fun(value)),
                value,
                "while_loop",
            )
        if not goes_on:
            return value
        value = body.checked(body_fun(value))


def cond(pred: Any, true_fun: Function, false_fun: Function, *operands: Any) -> Any:
    """Call one of two functions.

    Parameters
    ----------
    pred : bool or number
        Which one.
    true_fun, false_fun : callable
        Functions of the operands. Where `pred` is not known while a function is traced, both are called, and
        the program chooses between their results when it runs. Nothing of the other branch gets into results
        and derivatives then, be it infinite or nan.
    *operands : tree
        What to call it with.

    Returns
    -------
    tree
        What the function returned.

    Raises
    ------
    TypeError
        If `pred` is not a single truth value. Where both functions are called, if their results differ in
        structure or shapes.

    Examples
    --------
    >>> from autograd import grad, jit, log
    >>> def safe_log(x):
    ...     return cond(x > 0.0, log, lambda x: 0.0 * x, x)
    >>> safe_log(0.0), jit(grad(safe_log))(0.0)
    (0.0, 0.0)
    """
    chosen = _predicate(pred, "pred of cond")
    if isinstance(chosen, Value):
        return chosen_among([chosen, chosen == 0.0], [true_fun, false_fun], operands, "cond")
    return (true_fun if chosen else false_fun)(*operands)


def switch(index: Any, branches: Sequence[Function], *operands: Any) -> Any:
    """Call one of several functions.

    Parameters
    ----------
    index : int
        Which one; the first for a negative index, and the last for one beyond the end.
    branches : sequence of callable
        Functions of the operands. Where `index` is not known while a function is traced, all of them are
        called, as in `cond`.
    *operands : tree
        What to call it with.

    Returns
    -------
    tree
        What the function returned.

    Raises
    ------
    TypeError
        If `index` is not a single integer. Where all functions are called, if their results differ in
        structure or shapes.
    ValueError
        Without branches.

    Examples
    --------
    >>> from autograd import exp, log
    >>> switch(5, [exp, log], 1.0)
    0.0
    """
    functions = list(branches)
    if not functions:
        raise ValueError("switch expected at least one branch, got none")
    index = index[()] if isinstance(index, np.ndarray) and not index.ndim else index
    last = len(functions) - 1
    if last and isinstance(index, Value) and is_unknown(index):
        between = [index == float(k) for k in range(1, last)]
        return chosen_among([index <= 0.0, *between, index >= float(last)], functions, operands, "switch")
    which = as_index(index, "the index of switch") if last else 0
    return functions[min(max(which, 0), last)](*operands)


# ---------------------------------------------------------------------------------------------- conditions


def _predicate(pred: Any, whose: str) -> bool | Value:
    """Return a truth value: a bool, or the `Value` that it is of where it is not known."""
    pred = pred[()] if isinstance(pred, np.ndarray) and not pred.ndim else pred
    if isinstance(pred, Value):
        return pred if is_unknown(pred) else pred._data != 0.0
    if not isinstance(pred, NUMBERS):
        raise TypeError(f"expected {whose} to be a single truth value, got {pred!r} ({type(pred).__name__})")
    return bool(pred)


def _bound(number: Any, name: str) -> Any:
    """Return a bound: an integer, or the `Value` that it is where it is not known."""
    if isinstance(number, Value) and is_unknown(number):
        if loop_trace() is not None:
            return number
        raise TracedValueError(
            "fori_loop counts to a number that is not known while the function is traced, at "
            f"{user_line()}; make it static, as in jit(f, static_argnums=...), or take a number that always "
            "suffices, and cond in the body"
        )
    return as_index(number, f"{name} of fori_loop")


# --------------------------------------------------------------------------------------------------- steps


class _Body:
    """The body of a loop, whose results are checked."""

    def __init__(self, f: Function, init: Any, loop: str, what: str) -> None:
        self.f, self.loop, self.what = f, loop, what
        self.form = leaves_of(init, f"{what} of {loop}", exact=True, whole=True)[1]

    def stepped(self, carry: Any, x: Any) -> tuple[Any, Any]:
        """Return the next carry, and the result of the step."""
        pair = self.f(carry, x)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(
                f"expected the body of {self.loop} to return a pair (carry, result), got {pair!r}, from "
                f"{place(self.f)}; return (carry, None) if a step has no result"
            )
        return self.checked(pair[0]), pair[1]

    def checked(self, carry: Any) -> Any:
        """Return the next carry, which has the structure of the first one."""
        found = leaves_like(self.form, carry, f"{self.what} of {self.loop}", exact=True, whole=True)[1]
        if found != self.form:
            raise TypeError(
                f"expected the body of {self.loop} to return {self.what} as it began, {self.form}, got "
                f"{found}, from {place(self.f)}; let it keep the structure and shapes, or begin with what it "
                "returns, such as np.zeros of that shape"
            )
        return carry


class _Slices:
    """The slices of arrays along their first axis.

    Attributes
    ----------
    count : int
        How many there are.
    """

    def __init__(self, xs: Any, length: int | None) -> None:
        leaves, structure = leaves_of(xs, "xs of scan", exact=True)
        arrays = [np.asarray(leaf) for leaf in leaves]
        for array in arrays:
            if not array.ndim:
                raise TypeError(
                    "scan expected xs to be arrays, whose slices along the first axis it takes, got a "
                    "number; make one array of a list of numbers, by np.array or np.stack"
                )
        lengths = {len(array) for array in arrays} | (set() if length is None else {whole_number(length)})
        if len(lengths) != 1:
            raise ValueError(
                "scan expected "
                + (
                    f"arrays and length to agree, got lengths {sorted(lengths)}"
                    if lengths
                    else "xs or length"
                )
            )
        self.count = max(0, *lengths)
        self._structure = with_leaves(structure, lambda leaf: Leaf(()))
        self._slices = [slices_of(array) for array in arrays]
        self._arrays = arrays

    @property
    def of_ones(self) -> Any:
        """A slice that is made up."""
        ones = [
            np.ones(array.shape[1:], float if array.dtype == object else array.dtype)
            for array in self._arrays
        ]
        return unflatten(self._structure, [one if one.ndim else one.item() for one in ones], argument=True)

    def __getitem__(self, i: int) -> Any:
        return unflatten(self._structure, [slices[i] for slices in self._slices], argument=True)


def _joined(first: Any, results: Sequence[Any], count: int) -> Any:
    """Return the results of so many steps, stacked along a first axis, in the structure of one of them."""
    own, form = leaves_of(first, "a result of scan", exact=True)
    rows: list[list[Any]] = []
    for result in results:
        leaves, found = leaves_like(form, result, "a result of scan", exact=True)
        if found != form:
            raise ValueError(
                f"scan expected results of one structure, to stack them, got {form} from one step and "
                f"{found} from another; return the same from each, such as nan where there is nothing"
            )
        rows.append(leaves)
    columns = [[row[k] for row in rows] for k in range(len(own))]
    return unflatten(
        with_leaves(form, lambda leaf: Leaf((count, *leaf.shape), is_array=True)),
        [number for column in columns for number in numbers_of(column)],
    )
