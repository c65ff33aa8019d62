"""`Size`: the length of axes, by a symbol, and what a program asks of it."""

from __future__ import annotations

Condition = tuple[str, int, bool]
"""A comparison of a length with a number, as a method of `int`, and its answer."""


class Size:
    """The length of axes, by a symbol.

    Parameters
    ----------
    length : int
        What it is while the function is traced.
    pinned : str
        Why the program holds for this length only; nothing if it holds for any.
    place : tuple of int, optional
        The argument of the program that has it, and along which dimension.
    is_counted : bool
        Whether the program counts it while it runs: the steps of a loop with a condition.

    Attributes
    ----------
    length, is_counted
        The same.

    Examples
    --------
    >>> rows, targets = Size(3), Size(3)
    >>> rows.same_as(targets)
    >>> rows.root() is targets.root(), rows.pinned
    (True, '')
    """

    def __init__(
        self,
        length: int,
        pinned: str = "",
        place: tuple[int, int] | None = None,
        *,
        is_counted: bool = False,
    ) -> None:
        self.length = length
        self.is_counted = is_counted
        self._pinned = pinned
        self._is_fixed = False
        self._place = place
        self._root: Size | None = None
        self._conditions: set[Condition] = set()
        # Of the length of a slice: the length that it is of, and how much longer it is; and the other way.
        self._base: Size | None = None
        self.extra = 0
        self._longer: dict[int, Size] = {}

    def root(self) -> Size:
        """Return the one that stands for all sizes that have to be the same."""
        found = self
        while found._root is not None:
            found = found._root
        if found._base is None:
            return found
        return found._base.root()._longer.setdefault(found.extra, found)

    def base(self) -> Size:
        """Return the length that it is longer than by `extra`: itself, but for the length of a slice."""
        root = self.root()
        return root if root._base is None else root._base.root()

    def longer(self, by: int) -> Size:
        """Return a length that is always longer by a number, the same each time.

        Examples
        --------
        >>> n = Size(5)
        >>> n.longer(-1).length, n.longer(-1).longer(1) is n
        (4, True)
        """
        base, extra = self.base(), self.root().extra + by
        if not extra:
            return base
        if extra not in base._longer:
            found = Size(base.length + extra)
            found._base, found.extra = base, extra
            base._longer[extra] = found
        return base._longer[extra]

    def same_as(self, other: Size) -> None:
        """Have the program hold only where both are the same."""
        one, two = self.root(), other.root()
        if one is two:
            return
        if one.extra == two.extra:
            one, two = one.base(), two.base()
            two._root = one
            one.pin(two._pinned)
            one._is_fixed = one._is_fixed or two._is_fixed
            one._conditions |= two._conditions
            one._place = one._place or two._place
            return
        new, known = (one, two) if one._is_new else (two, one)
        if new._is_new:
            new._root = known
            base, extra = known.base(), known.extra
            base.pin(new._pinned)
            base._is_fixed = base._is_fixed or new._is_fixed
            base._conditions |= {(asked, n - extra, answer) for asked, n, answer in new._conditions}
            return
        for size in (one, two):
            size.pin("a slice of it is as long as another array")

    @property
    def _is_new(self) -> bool:
        """Whether it is the length of no array, nor of a slice, and has none itself."""
        return self._base is None and self._place is None and not self._longer and not self.is_counted

    @property
    def place(self) -> tuple[int, int] | None:
        """The argument of the program that has it, and along which dimension."""
        return self.base()._place

    @property
    def pinned(self) -> str:
        """Why the program holds for this length only; nothing if it holds for any."""
        return self.base()._pinned

    def pin(self, why: str) -> None:
        """Have the program hold for this length only."""
        base = self.base()
        base._pinned = base._pinned or why

    @property
    def is_fixed(self) -> bool:
        """Whether axes of it may be put apart again: they are there for a shorter trace alone."""
        return self.base()._is_fixed

    def fix(self, why: str) -> None:
        """Have the program hold for this length only, and axes of it be put apart once it is traced."""
        self.pin(why)
        self.base()._is_fixed = True

    @property
    def conditions(self) -> set[Condition]:
        """What else the program holds under."""
        return self.base()._conditions

    def answer(self, comparison: str, number: int) -> bool:
        """Compare the length with a number, and have the program hold where the answer is the same."""
        answer = bool(getattr(int, comparison)(self.length, number))
        self.conditions.add((comparison, number - self.root().extra, answer))
        return answer
