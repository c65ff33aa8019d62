"""`str(v)`, `v.draw()`, `v.show()` and `v.explain(x)`: texts and pictures as methods of `Value`.

They import their function when called, since ``import autograd`` does not load what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.attach import attach
from ..engine.value import Value

if TYPE_CHECKING:
    from .picture.drawing import Drawing
    from .text.explanation import Explanation


def _str(root: Value) -> str:
    """Return this node as its formula and its value."""
    from .text.one_line import formula_and_value

    return formula_and_value(root)


def _draw(root: Value, **options: Any) -> Drawing:
    """Draw the graph that leads to this node; see `autograd.draw`."""
    from .picture.computation_graph import draw

    return draw(root, **options)


def _show(root: Value, **options: Any) -> None:
    """Show the graph that leads to this node, in a notebook or in the web browser; see `autograd.draw`."""
    _draw(root, **options).show()


def _explain(y: Value, x: Value, **options: Any) -> Explanation:
    """Work out the derivative of this node by another on paper; see `autograd.explain`."""
    from .text.explanation import explain

    return explain(y, x, **options)


attach(__str__=_str, draw=_draw, show=_show, explain=_explain)
