"""What the inputs and outputs of an exported model are called in the data that it was trained on."""

from __future__ import annotations

import textwrap
from typing import Any

from autograd.printable import printable

from ..datasets.preprocessing import Preprocessing

# What would end a docstring, or begin or end a comment of C.
_MARKS = {'"""': "'''", "/*": "/ *", "*/": "* /"}


def remarks(preprocessing: Any, width: int) -> str:
    r"""Return lines that name inputs and outputs, if the preprocessing knows them; they stand in any comment.

    Parameters
    ----------
    preprocessing : object
        What the inputs go through.
    width : int
        The length of a line.

    Returns
    -------
    str
        The lines; empty for what is no `Preprocessing`.

    Examples
    --------
    >>> from nn.datasets import moons
    >>> print(remarks(Preprocessing.of(moons()), 80))
    Inputs: x, y.
    Outputs: the scores of upper, lower.
    """
    if not isinstance(preprocessing, Preprocessing):
        return ""
    outputs = (
        f"the scores of {', '.join(preprocessing.classes)}" if preprocessing.classes else preprocessing.target
    )
    lines = [f"Inputs: {', '.join(preprocessing.features)}.", f"Outputs: {outputs}."]
    return "\n".join(textwrap.fill(_harmless(line), width, break_on_hyphens=False) for line in lines)


def _harmless(text: str) -> str:
    for mark, other in _MARKS.items():
        text = text.replace(mark, other)
    # A backslash at the end of a line of C goes on with the next, and in Python begins an escape.
    return printable(text).replace("\\", "/")
