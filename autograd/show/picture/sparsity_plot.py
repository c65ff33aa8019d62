"""`spy`: the pattern of a Jacobian as a plot, with a colour for what one sweep computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ...printable import printable
from ...transforms.colouring import number_of, of_stars
from ...transforms.compression import chosen
from ...transforms.dependence import Pattern
from ...transforms.sparse_jacobians import pattern_of
from ...transforms.trees import Leaf, Structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#1f6fb4", "#d9822b", "#3a9d5d", "#b4457e", "#7a5cc0", "#6b7784", "#2aa5a5", "#c9a227")
_LINES = "#b8c0c8"
_INCHES = 5.0
# More names of leaves than these would overlap.
_MOST_NAMES = 24


def spy(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    mode: str | None = None,
    symmetric: bool = False,
    **kwargs: Any,
) -> Figure:
    """Plot which numbers of the Jacobian of `f` may differ from 0, as `sparsity` finds them.

    Numbers of one colour are computed by the same sweep of ``jacobian(f, sparse=True)``: those of some
    columns by a forward sweep, or those of some rows by a backward one. Lines separate the leaves of
    arguments and results that are trees.

    Parameters
    ----------
    f : callable
        The function; ``grad(f)``, with `symmetric`, for the pattern of a Hessian.
    *args, **kwargs
        Its arguments.
    argnums : int or sequence of int
        The positional arguments that it would be differentiated with respect to.
    mode : {"fwd", "rev", None}
        As in `jacobian`.
    symmetric : bool
        Whether to colour the columns of a symmetric matrix as ``hessian(f, sparse=True)`` does: two columns
        of one colour may meet in a row where the numbers can be read in the columns that mirror them.

    Returns
    -------
    matplotlib.figure.Figure
        The plot. Notebooks show it; ``figure.savefig("pattern.png")`` saves it.

    Raises
    ------
    TypeError, ValueError
        As in `jacobian`.
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> figure = spy(lambda x: x[1:] * x[:-1], np.ones(5))
    >>> figure.axes[0].get_title()
    '4 × 5, 8 places: 2 forward sweeps'
    """
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError("plots need Matplotlib: pip install 'chainrule[viz]'")
    from matplotlib.figure import Figure

    if mode not in ("rev", "fwd", None):
        raise ValueError(f"expected mode to be 'rev', 'fwd' or None, got {mode!r}")
    pattern, form, structure = pattern_of(f, args, kwargs, argnums)
    if symmetric and pattern.shape[0] != pattern.shape[1]:
        raise ValueError(
            f"expected the gradient of a function to be symmetric, got a pattern of {pattern.shape}"
        )
    direction, colours = ("fwd", of_stars(pattern.symmetric)) if symmetric else chosen(pattern, mode)
    pattern = pattern.symmetric if symmetric else pattern
    figure = Figure(figsize=(_INCHES + 1.2, _INCHES + 1.2), layout="constrained")
    axes = figure.add_subplot()
    of = pattern.columns if direction == "fwd" else pattern.rows
    _plot(axes, pattern, np.array(colours, dtype=int)[of])
    _name(axes, "x", structure)
    _name(axes, "y", form)
    axes.set_xlabel("argument")
    axes.set_ylabel("result")
    rows, columns = pattern.shape
    sweeps, way = number_of(colours), "forward" if direction == "fwd" else "backward"
    axes.set_title(
        f"{rows} × {columns}, {len(pattern.rows)} places: {sweeps} {way} sweep{'s' * (sweeps != 1)}"
    )
    return figure


def _plot(axes: Axes, pattern: Pattern, colours: Any) -> None:
    """Plot a square for each place; all of one colour at once, since 100,000 squares would take a minute."""
    rows, columns = (max(size, 1) for size in pattern.shape)
    # A point is 1/72 of an inch. Less than half of one could not be seen.
    size = max(72.0 * _INCHES / max(rows, columns) * 0.86, 0.5)
    for i, colour in enumerate(_COLOURS):
        own = colours % len(_COLOURS) == i
        axes.plot(
            pattern.columns[own],
            pattern.rows[own],
            linestyle="",
            marker="s",
            markersize=size,
            markeredgewidth=0.0,
            color=colour,
        )
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    # A matrix of very unlike sizes is stretched: as it is, one could not see its short side.
    axes.set_aspect("equal" if max(rows, columns) <= 4 * min(rows, columns) else "auto")
    axes.xaxis.tick_top()


def _name(axes: Axes, side: str, structure: Structure) -> None:
    """Separate the leaves of a tree by lines, and name them; a single leaf has its numbers counted."""
    leaves = [(path, size) for path, size in _leaves(structure) if size]
    axis, draw = (axes.xaxis, axes.axvline) if side == "x" else (axes.yaxis, axes.axhline)
    if len(leaves) < 2 or len(leaves) > _MOST_NAMES:
        axis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
        return
    ends = np.cumsum([size for _, size in leaves])
    for end in ends[:-1]:
        draw(end - 0.5, color=_LINES, linewidth=0.8, zorder=0)
    middles = [end - (size + 1) / 2 for end, (_, size) in zip(ends, leaves, strict=True)]
    axis.set_ticks(middles, [printable(path) for path, _ in leaves])
    for text in axis.get_ticklabels():
        text.set_parse_math(False)


def _leaves(structure: Structure, path: str = "") -> Iterator[tuple[str, int]]:
    """Yield the index expression of each leaf of a tree, and how many numbers it has."""
    if isinstance(structure, Leaf):
        yield path, structure.size
        return
    for key, part in zip(structure.keys, structure.parts, strict=True):
        yield from _leaves(part, f"{path}[{key!r}]")
