"""Figures of Matplotlib."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from autograd.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The colours of Okabe and Ito (Color universal design, 2008) that are dark enough for lines on white. Those
# next to each other differ for everybody, also in lightness.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#555555")

# Shapes, for who prints in grey or has more classes than there are colours.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")

_MOST_COLUMNS = 3


def figure_of(title: str) -> tuple[Figure, Any]:
    """Return a new figure of one plot that is not in the global list of figures."""
    figure = _figure(6.4, 4.4)
    axes = figure.add_subplot()
    axes.set_title(printable(title), parse_math=False)
    return figure, axes


def panels_of(title: str, titles: list[str]) -> tuple[Figure, list[Any]]:
    """Return a new figure of several plots, side by side and then below, with a title each.

    Raises
    ------
    ValueError
        If there is nothing to plot.
    """
    if not titles:
        raise ValueError(f"nothing to plot: {title}")
    columns = min(len(titles), _MOST_COLUMNS)
    rows = math.ceil(len(titles) / columns)
    figure = _figure(max(6.4, 4.0 * columns), 0.6 + 3.2 * rows)
    figure.suptitle(printable(title), parse_math=False)
    found = []
    for place, name in enumerate(titles):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.set_title(printable(name), parse_math=False, fontsize="medium")
        found.append(axes)
    return figure, found


def label_of(name: str) -> str:
    """Return a name as Matplotlib's legends show it: they hide those that begin with an underscore."""
    return f"\u200b{name}" if name.startswith("_") else printable(name)


def show_legend(axes: Any, **options: Any) -> Any:
    """Add a legend whose names are text and no markup."""
    legend = axes.legend(framealpha=0.9, **options)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return legend


def _figure(width: float, height: float) -> Any:
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError("plots need Matplotlib: pip install 'chainrule[viz]'")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
