"""The names of nodes, by default those of the variables of whoever asks for a picture or a text."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from ...engine.graph import known_names, names
from ...engine.user_line import of_the_user
from ...engine.value import Value

# They stand between a cell of a notebook and the `_repr_html_` or `__str__` of its result.
_NOTEBOOK = frozenset({"IPython", "ipykernel", "traitlets", "decorator", "pprint"})

_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})


def names_for_caller(order: Sequence[Value], variables: Mapping[str, Any] | None) -> dict[Value, str]:
    """Return a name for each node: its label, else a variable's name, else ``v1``, ``v2``, ...

    Parameters
    ----------
    order : sequence of Value
        The nodes.
    variables : mapping or None
        Variables, as `autograd.engine.graph.names` takes them; None takes the caller's.

    Returns
    -------
    dict
        The name of each node.

    Examples
    --------
    >>> w = Value(2.0)
    >>> names_for_caller([w], None), names_for_caller([w], {}), names_for_caller([w], {"rate": w})
    ({Value(2.0): 'w'}, {Value(2.0): 'v1'}, {Value(2.0): 'rate'})
    """
    return names(order, caller_variables() if variables is None else variables)


def leaf_names(leaves: Sequence[Value], variables: Mapping[str, Any] | None) -> dict[Value, str]:
    """Return the names of the leaves of a formula that have one; the others are numbers.

    Examples
    --------
    >>> w = Value(2.0)
    >>> leaf_names([w, Value(3.0)], None)
    {Value(2.0): 'w'}
    """
    return known_names(leaves, caller_variables() if variables is None else variables)


def caller_variables() -> dict[str, Any]:
    """Return the variables that the user's innermost function sees: its own before those of its module.

    Returns
    -------
    dict
        By name; nothing keeps the frame.

    Examples
    --------
    >>> rate = Value(0.1)
    >>> caller_variables()["rate"]
    Value(0.1)
    """
    frames = _of_the_user(sys._getframe(1))
    found: dict[str, Any] = {}
    for frame in frames:  # pragma: no branch - only a thread of C's has no frame of the user's, nor a tracer.
        # pytest's assertions have variables such as "@py_assert1", a comprehension has ".0".
        for name, item in _variables(frame).items():
            if name.isidentifier():
                found.setdefault(name, item)
        # Before Python 3.12, a comprehension has a frame of its own, within that of its function.
        if frame.f_code.co_name not in _COMPREHENSIONS:
            for name, item in frame.f_globals.items():
                found.setdefault(name, item)
            break
    return found


def _of_the_user(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the user's frames, the innermost first."""
    while frame is not None:  # pragma: no branch - likewise.
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        # The examples of a docstring run under the name of its module.
        example = frame.f_code.co_filename.startswith("<doctest ")
        if example or (package not in _NOTEBOOK and of_the_user(frame)):
            yield frame
        frame = frame.f_back


def _variables(frame: FrameType) -> dict[str, Any]:
    """Return a copy of the variables of a frame."""
    seen = frame.f_locals
    found = dict(seen)
    # Until Python 3.12, a function's frame keeps what it has shown, and a graph would live until the function
    # returns. It and this line have a reference to it; another one is a ``locals()`` of the user's.
    if isinstance(seen, dict) and frame.f_code.co_flags & inspect.CO_OPTIMIZED and sys.getrefcount(seen) == 3:
        seen.clear()
    return found
