"""Why a call needs a program of its own: what of its key is not as in the keys before it.

A key holds all that there is to compare, but not where it stands. For that the new key is written once more,
which takes a small part of the time of the compilation that it explains.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from types import NoneType
from typing import Any

from ...engine.value import Value
from ...transforms.trees import Branch, Copier, Leaf
from .call import Call, Key
from .key import ATTRIBUTES, BY_EQUALITY, Places, is_function, key_of
from .shapes import change_of_shape, described_shape, is_same_shape, shape_token

FIRST = "it was the first call"

_MOST = 3
_ABSENT = object()
_CONTAINERS = (list, tuple, set, frozenset, dict)


def reason(call: Call, keys: Iterable[Key]) -> str:
    """Return how a call differs from the most similar one of those that have a program.

    Parameters
    ----------
    call : Call
        The call.
    keys : iterable
        The keys of the others. Of several that are as similar, the first one counts.

    Returns
    -------
    str
        A clause.

    Examples
    --------
    >>> import numpy as np
    >>> f = lambda x, y: x
    >>> one, other = Call(f, (1.0, [2.0]), {}), Call(f, (np.ones(3), [2.0]), {})
    >>> reason(one, []), reason(other, [one.key])
    ('it was the first call', 'x is an array of shape (3,) instead of a number')
    """
    others = [*keys]
    if not others:
        return FIRST
    nearest = min(others, key=lambda key: _distance(key, call.key))
    changes = [change for find in _FINDERS for change in find(call, nearest)]
    more = len(changes) - _MOST
    found = ", ".join(changes[:_MOST] + [f"and {more} more"] * (more > 0))
    return found or "lengths that were equal are not, or the function compares one with a number"


def _distance(one: Key, other: Key) -> int:
    """Return how many tokens differ, place by place."""
    pairs = zip_longest(one[1], other[1], fillvalue=_ABSENT)
    return sum(not _is_same(*pair) for pair in pairs) + (not _is_same(one[0], other[0]))


def _is_same(one: Any, other: Any) -> bool:
    # Objects of users are among the tokens: to compare them may raise, or give an array.
    try:
        if type(one) is tuple and type(other) is tuple and {*map(type, one)} == {int}:
            return is_same_shape(other, one)
        return one is other or (type(one) is type(other) and bool(one == other))
    except Exception:
        return False


# ----------------------------------------------------------------------------------------- static arguments


def _other_statics(call: Call, before: Key) -> list[str]:
    """Return which static arguments have another value, or are passed in another way."""
    old, new, names = _by_argument(before[0]), _by_argument(call.statics.key), call.positional_names
    values: dict[Any, Any] = {**call.statics.by_position, **call.statics.by_name}
    changes = []
    for which, token in new.items():
        name = which if isinstance(which, str) else names[which]
        if which not in old:
            changes.append(f"the static argument {name} is passed in another way")
        elif not _is_same(token, old[which]):
            changes.append(f"the static argument {name} is {_instead(values[which], _of_typed(old[which]))}")
    if not changes and not _is_same(call.statics.key, before[0]):
        changes.append("other static arguments are passed")
    return changes


def _by_argument(key: Any) -> dict[Any, Any]:
    """Return what a key holds of static arguments by their position or name."""
    return dict(key[1:])


def _of_typed(token: Any) -> str:
    """Return the text of a value from what `typed` made of it."""
    kind, *items = token
    if kind in (tuple, frozenset):
        return f"{kind.__name__}({', '.join(map(_of_typed, items))})"
    return repr(float.fromhex(items[0])) if kind is float else _short(items[0])


# ----------------------------------------------------------------------------------------- other arguments


def _other_parts(call: Call, before: Key) -> list[str]:
    """Return which parts of the arguments are others, as far as the places of the keys correspond."""
    places: Places = []
    old, now = before[1], key_of(call.structure, places=places)
    starts = [start for start, _, _ in places]
    changes: dict[str, None] = {}
    for i, pair in enumerate(zip_longest(old, now, fillvalue=_ABSENT)):
        if _is_same(*pair):
            continue
        start, place, part = places[bisect_right(starts, i) - 1]
        own = old[start:]
        changes[f"{_named(place, call)} {_change(part, own, i - start)}"] = None
        if len(old) != len(now) or not _is_of_one_kind(part, own):
            break
    return [*changes]


def _is_of_one_kind(part: Any, before: Sequence[Any]) -> bool:
    """Return whether what follows a part stands at the places where it stood before."""
    if isinstance(part, Leaf):
        return not isinstance(before[0], type)
    return is_function(part) or (type(part) is before[0] and type(part) in (*BY_EQUALITY, float))


def _change(part: Any, before: Sequence[Any], at: int) -> str:
    """Return how a part differs from what its tokens were before; the first that differs is the one `at`."""
    # There is one, since no key goes on where another one ends: all that holds parts says how many.
    kind = before[0]
    if isinstance(part, Leaf) and not isinstance(kind, type):
        return change_of_shape(part, kind)
    if part is ATTRIBUTES:
        return "has other attributes"
    if isinstance(part, Branch) and at:
        noun = "parameter" if isinstance(part.build_argument, Copier) else "part"
        number = f"{len(part.parts)} {noun}{'s' * (len(part.parts) != 1)}"
        return f"has {number} instead of {before[1]}" if at == 1 else f"has {noun}s of other names"
    if at and isinstance(part, _CONTAINERS) and kind is type(part):
        per_item = 2 if kind is dict else 1
        return f"has {len(part)} items instead of {before[1] // per_item}"
    if at and not (kind is float or kind in BY_EQUALITY):
        return "has another value"
    return f"is {_instead(part, _before(before))}"


def _before(tokens: Sequence[Any]) -> str:
    """Return in words what the tokens of a part say."""
    kind = tokens[0]
    if isinstance(kind, bool | tuple):
        return described_shape(kind)
    if kind is float:
        return repr(float.fromhex(tokens[1]))
    if kind is NoneType:
        return "None"
    if isinstance(kind, type):
        return repr(tokens[1]) if kind in BY_EQUALITY else f"a {kind.__name__}"
    return _short(kind)


def _instead(part: Any, before: str) -> str:
    """Return a part in words, and what it was before."""
    if isinstance(part, Leaf):
        now = described_shape(shape_token(part))
    elif isinstance(part, Branch):
        now = "None" if part.kind is NoneType else f"a {part.kind.__name__}"
    else:
        now = _short(part)
    return f"{now} instead of {before}" if now != before else "another one"


def _short(item: Any) -> str:
    """Return a text for an object, of one line."""
    if isinstance(item, type) or is_function(item):
        return str(item.__qualname__)
    if isinstance(item, Value):
        return "a Value"
    text = repr(item)
    return text if len(text) <= 60 and "\n" not in text else f"a {type(item).__name__}"


def _named(place: str, call: Call) -> str:
    """Return a place with the name of the argument that it is in."""
    by_position, by_name = re.match(r"\[0\]\[(\d+)\]", place), re.match(r"\[1\]\['(.*?)'\]", place)
    if by_position:
        return call.part_names[int(by_position[1])] + place[by_position.end() :]
    if by_name:
        return by_name[1] + place[by_name.end() :]
    return "what is passed by name" if place == "[1]" else "what is passed by position"


_FINDERS = (_other_statics, _other_parts)
"""What looks for reasons: from a call and the most similar key to what is not as it was there."""
