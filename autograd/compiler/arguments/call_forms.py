"""What is left of a call without its numbers: how it was written, and what is described of its arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...transforms.trees import Structure
from .call import Call
from .open_lengths import OpenLengths
from .plain_trees import described
from .static import Statics


class CallForm(NamedTuple):
    """The form of the calls that a program answers.

    Attributes
    ----------
    names : list of str
        What the arguments by position are called.
    by_name : list of str
        Those that are given by name, in their order.
    arguments : list
        The descriptions of those that are not static.
    statics : Statics
        The others.
    lengths : OpenLengths
        Which lengths may be others.
    result : object
        The description of the result.
    """

    names: list[str]
    by_name: list[str]
    arguments: list[Any]
    statics: Statics
    lengths: OpenLengths
    result: Any


def call_form(call: Call, lengths: OpenLengths, result: Structure) -> CallForm:
    """Return the form of a call.

    Examples
    --------
    >>> from autograd.transforms.trees import Leaf
    >>> from .open_lengths import NONE_OPEN
    >>> form = call_form(Call(lambda x, n: x, (1.0, [2.0]), {}), NONE_OPEN, Leaf(()))
    >>> form.names, form.arguments, form.result
    (['x', 'n'], ['number', {'list': [[1, 'number']]}], 'number')
    """
    parts = [*map(described, call.parts)]
    return CallForm(call.positional_names, [*call.kwargs], parts, call.statics, lengths, described(result))
