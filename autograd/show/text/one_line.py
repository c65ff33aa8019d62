"""`str(v)`: a node as its formula and its value, in a line."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...engine.graph import operands
from ...engine.value import Value
from ...ops.renderer import Term
from .caller_names import caller_variables, leaf_names
from .formulas import TooLongError, digits, expression, leaf_term, leaves, number_term, shortened

# The longest formula that is shown whole, and how many operations are tried of a longer one.
_MAX_TERMS, _ROOMS = 40, (8, 5, 3, 2, 1)

# About a line of a terminal. With y = y + y each operation doubles the text.
_MAX_WIDTH = 100

# A larger graph is not walked to its end: to print a loss should not take as long as its gradient.
_MAX_COUNTED = 100_000


def formula_and_value(root: Value) -> str:
    """Return a node as its formula and its value, in a line.

    Of a large graph the operations nearest to the node are shown, and how many nodes there are more. Leaves
    have their labels, or the names of the caller's variables.

    Parameters
    ----------
    root : Value
        The node.

    Returns
    -------
    str
        The line; of a leaf without a label, its repr.

    Examples
    --------
    >>> x, w = Value(0.5), Value(-2.0)
    >>> print((w * x).tanh() + x**2)
    tanh(w * x) + x**2 = -0.5116
    """
    if root.op is None and not root.label:
        return repr(root)
    # Not the elements of long lists: a program may print each of a million nodes in one.
    variables = {name: item for name, item in caller_variables().items() if _is_short(item)}
    try:
        names = leaf_names(leaves(root, _MAX_TERMS), variables)
        text, more = expression(root, names, max_terms=_MAX_TERMS), ""
    except TooLongError:
        text, shown = _cut(root, variables)
        more = _more(root, shown)
    return f"{text} = {digits(root._data)}{more}"


def _is_short(item: object) -> bool:
    if isinstance(item, np.ndarray):
        return item.size <= _MAX_TERMS
    return not isinstance(item, list | tuple) or len(item) <= _MAX_TERMS


def _cut(root: Value, variables: Mapping[str, Any]) -> tuple[str, int]:
    """Return the formula of the operations nearest to a node, and how many nodes it shows."""
    for room in _ROOMS:
        inner = _nearest(root, room)
        ends = [arg for node in inner for arg in operands(node) if arg.op is None]
        text, shown = _written(root, inner, leaf_names(ends, variables))
        if len(text) <= _MAX_WIDTH:
            break
    return text, shown


def _nearest(root: Value, room: int) -> dict[Value, None]:
    """Return the operations nearest to a node."""
    found: dict[Value, None] = {}
    waiting = deque([root])
    while waiting and len(found) < room:
        node = waiting.popleft()
        if node.op is not None and node not in found:
            found[node] = None
            waiting += operands(node)[:_MAX_TERMS]
    return found


def _written(root: Value, inner: Mapping[Value, None], names: Mapping[Value, str]) -> tuple[str, int]:
    """Return a formula of some operations, with dots for the others, and how many nodes it shows."""
    terms: dict[Value, Term] = {}

    def term(arg: Value | float) -> Term:
        if not isinstance(arg, Value):
            return number_term(arg, 4)
        if arg.op is None:
            terms[arg] = leaf_term(arg, names)
        return terms.get(arg, Term("…"))

    waiting = [root]
    while waiting:
        missing = [arg for arg in operands(waiting[-1]) if arg in inner and arg not in terms]
        waiting += missing
        if not missing:
            node = waiting.pop()
            terms[node] = shortened(node, term)
    return terms[root].text, len(terms)


def _more(root: Value, shown: int) -> str:
    seen, waiting = {root}, [root]
    while waiting and len(seen) < _MAX_COUNTED + shown:
        new = [arg for arg in operands(waiting.pop()) if arg not in seen]
        seen.update(new)
        waiting += new
    left_out = len(seen) - shown
    return f", and {'over ' if waiting else ''}{left_out:,} more" if left_out else ""
