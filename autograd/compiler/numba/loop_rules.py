"""The rules of the table as expressions over single numbers, for loops that a compiler makes fast."""

from __future__ import annotations

import math

from ...ops.meanings import FLOAT
from ...ops.renderer import CHOICE, SIGNS, Renderer, called
from ...ops.table import OPS, Op

_IN_MATH = {id(meaning): f"math.{name}" for name, meaning in vars(math).items() if callable(meaning)}


def _name(op: Op) -> str:
    """Return what to call for a row: `math`, and NumPy where `math` has another function or none."""
    meaning = FLOAT[op.name]
    if op.ufunc is None or id(meaning) in _IN_MATH:
        return _IN_MATH[id(meaning)]
    return f"np.{op.ufunc.__name__}"


WORDS = {
    op.name: "abs" if op.name == "abs" else _name(op)
    for op in OPS.values()
    if op.is_primitive and not op.variadic and op.name not in SIGNS and op.name != "where"
}
"""What Python calls the words of the rules. Words that are not here are written out, also `max`, of which
compilers have their own idea where a nan is compared."""

LOOPS = Renderer(
    {word: called(name, len(OPS[word].partials)) for word, name in WORDS.items()}
    | {**SIGNS, "where": CHOICE, "shortcut": CHOICE}
)
"""Python for the body of a loop: functions of `math`, and where those do not do of NumPy."""
