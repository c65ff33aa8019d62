"""A dict of bounded size, which forgets what was not used for longest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentlyUsed(Generic[T]):
    """What was used last, by key, of no more than so many bytes.

    There is no lock, which a fork could hold: what is lost when two threads change it is made again.

    Parameters
    ----------
    room : int
        How many bytes there is room for; an item that has more than a quarter of them is not kept.

    Examples
    --------
    >>> recent = RecentlyUsed[str](40)
    >>> [recent.put(key, key.upper(), 10) for key in "abcd"]
    [[], [], [], []]
    >>> recent.find("a"), recent.put("e", "E", 10), list(recent)
    ('A', [('b', 'B')], ['c', 'd', 'a', 'e'])
    >>> recent.put("c", "C", 10), list(recent)
    ([], ['d', 'a', 'e', 'c'])
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self._items: dict[str, tuple[T, int]] = {}

    def __iter__(self) -> Iterator[str]:
        """Return all keys, the one not used for longest first."""
        return iter(list(self._items))

    def find(self, key: str) -> T | None:
        """Return the item of a key, if there is one."""
        found = self._items.pop(key, None)
        if found is None:
            return None
        # Put back at the end, where what was used last stands.
        self._items[key] = found
        return found[0]

    def put(self, key: str, item: T, size: int) -> list[tuple[str, T]]:
        """Keep an item, and return those that there is no room for any more."""
        if 4 * size > self.room:
            return [(key, item)]
        # What is kept anew was used last, too.
        self._items.pop(key, None)
        self._items[key] = item, size
        excess = sum([each for _, each in list(self._items.values())]) - self.room
        gone = []
        for oldest in self:
            if excess <= 0:
                break
            if (found := self._items.pop(oldest, None)) is not None:
                gone.append((oldest, found[0]))
                excess -= found[1]
        return gone

    def clear(self) -> None:
        """Forget all items."""
        self._items.clear()
