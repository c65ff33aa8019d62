"""What the inputs and outputs of an exported model are called in the data that it was trained on."""

from __future__ import annotations

import textwrap
from typing import Any

from autograd.printable import in_comment

from ..datasets.preprocessing import Preprocessing


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
    return "\n".join(textwrap.fill(harmless(line), width, break_on_hyphens=False) for line in lines)


def harmless(text: str) -> str:
    r"""Return a text that ends neither a comment of C nor a docstring.

    Examples
    --------
    >>> print(harmless("a */ b"), harmless("*\\"), harmless('"' * 3))
    a * / b * / '''
    """
    # In Python a backslash begins an escape; there is none left in what C may hold.
    return in_comment(text).replace('"""', "'''")
