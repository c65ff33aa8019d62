"""Write operands as views of their source arrays: whole, broadcast, sliced, windows, or gathered.

An operand is given by its positions: for each element of the result, the index of its operand in the flat
source. `view` writes the simplest NumPy expression that selects these elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from .index_rules import Positions, nest_of

# Fewer numbers are gathered faster than a view is made, and so are those of a view that has to be reshaped.
_FEW = 256

Axes = tuple[str, ...]
"""The lengths of the axes of an array, as they are called in a program."""


def view(
    name: str,
    shape: tuple[int, ...],
    wanted: Positions,
    literal: Callable[[Positions], str],
    axes: Axes = (),
) -> str:
    """Return an expression that selects elements of an array, and broadcasts to the wanted shape.

    Parameters
    ----------
    name : str
        The array.
    shape : tuple of int
        Its shape.
    wanted : array of int
        For each element, its position in the flat array. Windows that overlap, and other nested loops, call a
        function ``strided``.
    literal : callable
        What gives a name to an array of positions, for elements that follow no rule.
    axes : tuple of str
        The lengths of further axes of the array, which stay last.

    Returns
    -------
    str
        NumPy.

    Examples
    --------
    >>> grid = np.arange(6).reshape(2, 3)
    >>> [view("x", (2, 3), w, str) for w in (grid, grid.T, grid[:, 1], grid[1, 1:], np.full((4,), 5))]
    ['x', 'x.T', 'x[:, 1]', 'x[1, 1:]', 'x[1, 2]']
    >>> view("y", (2, 3, 4), np.arange(24).reshape(2, 3, 4).transpose(1, 2, 0)[:, 1:], str)
    'y[:, :, 1:].transpose(1, 2, 0)'
    >>> view("b", (3,), np.array([[0, 1, 2], [0, 1, 2]]), str)
    'b'
    >>> view("a", (2,), np.array([[0, 0, 0], [1, 1, 1]]), str)
    'a[:, None]'
    >>> view("x", (102,), np.arange(100)[:, None] + np.arange(3), str)
    'strided(x, 0, (100, 3), (1, 1))'
    >>> view("x", (2, 3), grid.T, str, axes=("n",)), view("x", (6,), grid, str, axes=("n",))
    ('x.swapaxes(0, 1)', 'x.reshape(2, 3, n)')
    >>> view("x", (2, 3), grid[:, 1:].T, str, axes=("n",))
    'x[:, 1:].transpose(1, 0, 2)'
    """
    if not shape:
        return name
    if wanted.flat[0] == wanted.flat[-1] and (wanted == wanted.flat[0]).all():
        return f"{name}[{', '.join(str(i) for i in np.unravel_index(int(wanted.flat[0]), shape))}]"
    fixed = broadcast_axes(wanted)
    core = wanted[tuple(0 if axis in fixed else slice(None) for axis in range(wanted.ndim))]
    text = (
        _whole(name, shape, core, axes)
        or _sliced(name, shape, core, axes)
        or _reshaped(name, shape, core, axes)
        or _strided(name, shape, core, axes)
        or _tiled(name, shape, core, axes)
        or _tiled(name, shape, core, axes, transposed=True)
        or (None if axes else _nested(name, core))
        or f"{_flat(name, shape, axes)}[{literal(core)}]"
    )
    first = min(set(range(wanted.ndim)) - set(fixed))
    entries = ["None" if axis in fixed else ":" for axis in range(first, wanted.ndim)]
    return f"{text}[{', '.join(entries)}]" if "None" in entries else text


def broadcast_axes(wanted: Positions) -> list[int]:
    """Return the axes along which an operand is constant, which `view` leaves to broadcasting.

    Examples
    --------
    >>> broadcast_axes(np.array([[0, 1, 2], [0, 1, 2]]))
    [0]
    """
    return [axis for axis, length in enumerate(wanted.shape) if length > 1 and _is_constant(wanted, axis)]


def _is_constant(wanted: Positions, axis: int) -> bool:
    first, second = wanted.take([0], axis), wanted.take([1], axis)
    # Mostly it is not, which two elements tell at a tenth of the price.
    return bool((first == second).all() and (wanted == first).all())


def _whole(name: str, shape: tuple[int, ...], core: Positions, axes: Axes) -> str | None:
    """Return the array, or its transpose."""
    if core.shape == shape and _runs_through(core):
        return name
    is_transposed = core.T.shape == shape and _runs_through(core.T)
    return transposed(name, core.ndim, axes) if is_transposed else None


def transposed(name: str, dimensions: int, axes: Axes = ()) -> str:
    """Return the transpose of an array whose axes stay last.

    Examples
    --------
    >>> transposed("x", 2), transposed("x.T", 2), transposed("x", 3, ("n",))
    ('x.T', 'x', 'x.transpose(2, 1, 0, 3)')
    """
    if not axes:
        return name.removesuffix(".T") if name.endswith(".T") else f"{name}.T"
    if dimensions == 2:
        return f"{name}.swapaxes(0, 1)"
    order = [*reversed(range(dimensions)), *range(dimensions, dimensions + len(axes))]
    return f"{name}.transpose({_shape(order)})"


def _reshaped(name: str, shape: tuple[int, ...], core: Positions, axes: Axes) -> str | None:
    is_all = core.size == prod(shape) and _runs_through(core)
    return f"{name}.reshape({_shape((*core.shape, *axes))})" if is_all else None


def _runs_through(core: Positions) -> bool:
    return bool((core.ravel() == np.arange(core.size)).all())


def _sliced(name: str, shape: tuple[int, ...], core: Positions, last: Axes) -> str | None:
    """Return basic indexing: a number or a slice for each axis of the source, and the order of its axes."""
    if core.size > prod(shape):
        return None
    texts: list[str] = []
    axes: list[int] = []
    for length, coordinate in zip(shape, np.unravel_index(core, shape), strict=True):
        if (coordinate == coordinate.flat[0]).all():
            texts.append(str(coordinate.flat[0]))
            continue
        axis = _only_axis(coordinate)
        if axis is None or axis in axes:
            return None
        line = coordinate[tuple(slice(None) if other == axis else 0 for other in range(core.ndim))]
        start, step = int(line[0]), int(line[1] - line[0])
        stop = int(line[-1]) + 1
        if step < 1 or not np.array_equal(line, np.arange(start, stop, step)):
            return None
        texts.append(_slice_text(start, stop, step, length))
        axes.append(axis)
    if len(axes) < core.ndim:
        return None
    while texts and texts[-1] == ":" and len(texts) > 1:
        texts.pop()
    part = name if texts == [":"] else f"{name}[{', '.join(texts)}]"
    return f"{part}{_turned(axes, len(last))}"


def _only_axis(coordinate: Positions) -> int | None:
    """Return the axis along which numbers change, if they change along one."""
    found = None
    for axis, length in enumerate(coordinate.shape):
        # Compared by axis: to slice all positions of the source would take as long as the source is.
        if length > 1 and not _is_constant(coordinate, axis):
            if found is not None:
                return None
            found = axis
    return found


def _turned(axes: list[int], last: int) -> str:
    """Return the transposition of an array whose axes belong in other places, but for some that stay last."""
    if axes == sorted(axes):
        return ""
    order = [axes.index(axis) for axis in range(len(axes))]
    if last:
        return f".transpose({_shape((*order, *range(len(order), len(order) + last)))})"
    return ".T" if order == sorted(order, reverse=True) else f".transpose({_shape(tuple(order))})"


def _strided(name: str, shape: tuple[int, ...], core: Positions, axes: Axes) -> str | None:
    """Return every n-th element of the flat array."""
    flat = core.ravel()
    step = int(flat[1] - flat[0])
    if step < 1 or not (np.diff(flat) == step).all():
        return None
    text = f"{_flat(name, shape, axes)}[{_slice_text(int(flat[0]), int(flat[-1]) + 1, step, prod(shape))}]"
    return text if core.ndim == 1 else f"{text}.reshape({_shape((*core.shape, *axes))})"


def _tiled(
    name: str, shape: tuple[int, ...], core: Positions, axes: Axes, *, transposed: bool = False
) -> str | None:
    """Return columns of the flat array cut into rows, such as the weights of neurons without their biases."""
    table = core.T if transposed else core
    if table.ndim != 2 or min(table.shape) < 2:
        return None
    (rows, columns), first = table.shape, int(table[0, 0])
    width = int(table[1, 0]) - first
    regular = first + width * np.arange(rows)[:, None] + np.arange(columns)
    if width < columns or not (table == regular).all():
        return None
    for skipped in (0, width - columns):
        start, stop = first - skipped, first - skipped + rows * width
        if start >= 0 and stop <= prod(shape):
            part = _slice_text(start, stop, 1, prod(shape))
            cut = _flat(name, shape, axes) if part == ":" else f"{_flat(name, shape, axes)}[{part}]"
            text = f"{cut}.reshape({_shape((rows, width, *axes))})"
            if columns < width:
                text += f"[:, {_slice_text(skipped, skipped + columns, 1, width)}]"
            turned = f"{text}.swapaxes(0, 1)" if axes else f"{text}.T"
            return turned if transposed else text
    return None


def _nested(name: str, core: Positions) -> str | None:
    """Return a view with a stride of its own along each axis, such as the windows of a convolution."""
    nest = nest_of([core.ravel()], core.ndim) if core.size >= _FEW else None
    if nest is None or tuple(nest.sizes) != core.shape:
        return None
    return f"strided({name}, {int(core.flat[0])}, {core.shape}, {tuple(nest.steps[0])})"


def _flat(name: str, shape: tuple[int, ...], axes: Axes) -> str:
    # Without samples -1 could be any length.
    return name if len(shape) == 1 else f"{name}.reshape({_shape((prod(shape) if axes else -1, *axes))})"


def _slice_text(start: int, stop: int, step: int, length: int) -> str:
    if (start, stop, step) == (0, length, 1):
        return ":"
    end = "" if stop == length and step == 1 else stop
    return f"{start or ''}:{end}" + (f":{step}" if step > 1 else "")


def _shape(shape: Sequence[int | str]) -> str:
    return ", ".join(map(str, shape))
