"""Render the rules of the table as scalar expressions for compiled loops."""

from __future__ import annotations

import math

from ...ops.meanings import FLOAT
from ...ops.renderer import CHOICE, SIGNS, Renderer, called
from ...ops.table import OPS, Op

_NAMES = {id(abs): "abs", **{id(f): f"math.{name}" for name, f in vars(math).items() if callable(f)}}
"""How loops call a function of Python."""


def _name(op: Op) -> str:
    """Return the function of a row: that of `math`, or NumPy's where `math` has another meaning or none."""
    meaning = id(FLOAT[op.name])
    return _NAMES[meaning] if op.ufunc is None or meaning in _NAMES else f"np.{op.ufunc.__name__}"


WORDS = {
    op.name: _name(op)
    for op in OPS.values()
    if op.is_primitive and not op.variadic and op.name not in (*SIGNS, "where")
}
"""The functions that loops call. Other rows are written out, such as `max`, since compilers disagree about
comparisons with nan."""

LOOPS = Renderer(
    {word: called(name, len(OPS[word].partials)) for word, name in WORDS.items()}
    | {**SIGNS, "where": CHOICE, "shortcut": CHOICE}
)
"""Python for the body of a loop."""
