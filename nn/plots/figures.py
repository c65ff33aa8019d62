"""Figures of Matplotlib."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from autograd.printable import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


COLORS = ("#1f6fb4", "#d9822b", "#3a9d5d", "#b4457e", "#7a5cc0", "#6b7784")


def figure_of(title: str) -> tuple[Figure, Axes]:
    """Return a new figure that is not in the global list of figures."""
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError("plots need Matplotlib: pip install 'chainrule[viz]'")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes: Any = figure.add_subplot()
    axes.set_title(printable(title), parse_math=False)
    return figure, axes
