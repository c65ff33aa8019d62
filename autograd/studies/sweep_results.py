"""What a sweep returns: the results in the order of the grid, and what became of the other points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, overload

from ..printable import printable
from ..show.text.formulas import count
from ..tables import html_table, text_table, without_middle
from .points import names_of, shown, values_at, written
from .tasks import Outcome

_MOST_ROWS = 20


class SweepError(RuntimeError):
    """A point of a sweep has no result, and somebody has asked for it."""


class FailedPoint(NamedTuple):
    """A point that has no result because of an error.

    Attributes
    ----------
    number : int
        Which point, counted from 0.
    point : object
        What the function was called with, as in the grid.
    error : str
        The error, as ``"ValueError: expected a positive lr"``; of a worker that died, ``"lost: ..."``.
    traceback : str
        Where it was raised, in the worker.

    Examples
    --------
    >>> from autograd import sweep
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     results = sweep(lambda x: 1 / x, {"x": [1, 0]}, progress=False)
    >>> results.failures[0].point, results.failures[0].error
    ({'x': 0}, 'ZeroDivisionError: division by zero')
    """

    number: int
    point: Any
    error: str
    traceback: str = ""


class SweepResults(Sequence[Any]):
    """The results of a sweep, in the order of the grid; prints as a table.

    A point without a result raises `SweepError` when it is asked for, which iterating over all does.

    Parameters
    ----------
    f : callable
        The function.
    points : sequence
        The points.
    outcomes : iterable of Outcome
        What became of them; those of points that were not computed are missing.
    ended : str
        Why the sweep ended before its last point.

    Attributes
    ----------
    f : callable
        The function.
    points : list
        The points, as dicts or as the grid has given them.
    ended : str
        ``"interrupted"``, or empty.

    Examples
    --------
    >>> from autograd import sweep
    >>> results = sweep(lambda x, n: x**n, {"x": [2.0, 3.0], "n": [1, 2]}, progress=False)
    >>> results
    4 points
    x  n  result
    2  1       2
    2  2       4
    3  1       3
    3  2       9
    >>> results[1], list(results), results.points[1], results.failures
    (4.0, [2.0, 4.0, 3.0, 9.0], {'x': 2.0, 'n': 2}, [])
    """

    def __init__(
        self, f: Callable[..., Any], points: Sequence[Any], outcomes: Iterable[Outcome], ended: str = ""
    ) -> None:
        self.points, self.ended = list(points), ended
        self.f = f
        self._outcomes = {outcome.number: outcome for outcome in outcomes}

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Return the result of a point, or of several.

        Raises
        ------
        SweepError
            If a point has none.
        """
        numbers = range(len(self))[index]
        return [self._result(i) for i in numbers] if isinstance(numbers, range) else self._result(numbers)

    @property
    def done(self) -> list[int]:
        """The numbers of the points that have a result."""
        return [i for i in range(len(self)) if i in self._outcomes and self._outcomes[i].fault is None]

    @property
    def failures(self) -> list[FailedPoint]:
        """The points that have failed, in the order of the grid."""
        known = sorted(self._outcomes.items())
        return [
            FailedPoint(i, self.points[i], outcome.fault.error, outcome.fault.where)
            for i, outcome in known
            if outcome.fault is not None
        ]

    @property
    def missing(self) -> list[int]:
        """The numbers of the points that were not computed, since the sweep was interrupted."""
        return [i for i in range(len(self)) if i not in self._outcomes]

    def columns(self) -> dict[str, list[Any]]:
        """Return the points and the results by name, for `pandas.DataFrame` and its kin.

        A result that is a dict or a named tuple has a column for each of its names, any other one is called
        ``"result"``. Where there is none, it is None.

        Examples
        --------
        >>> from autograd import sweep
        >>> sweep(lambda x: {"half": x / 2}, {"x": [1.0, 2.0]}, progress=False).columns()
        {'x': [1.0, 2.0], 'half': [0.5, 1.0]}
        """
        names = names_of(self.f, self.points)
        rows = [values_at(point, names) for point in self.points]
        columns = {name: [row[k] for row in rows] for k, name in enumerate(names)}
        done = {*self.done}
        parts = [_parts(self._outcomes[i].result) if i in done else {} for i in range(len(self))]
        for name in dict.fromkeys(name for part in parts for name in part):
            title = name if name not in names else f"{name} of the result"
            columns[title] = [part.get(name) for part in parts]
        return columns

    def summary(self) -> str:
        """Return in a line how many points there are, and how many have no result.

        Examples
        --------
        >>> SweepResults(abs, [1, 2], [Outcome(0, 1)], "interrupted").summary()
        '2 points: 1 not computed; interrupted'
        """
        parts = [f"{len(self.failures)} failed"] * bool(self.failures)
        parts += [f"{len(self.missing)} not computed"] * bool(self.missing)
        ended = f"; {self.ended}" if self.ended else ""
        return count(len(self), "point") + (": " + ", ".join(parts) if parts else "") + ended

    def _result(self, number: int) -> Any:
        outcome = self._outcomes.get(number)
        if outcome is not None and outcome.fault is None:
            return outcome.result
        where = f"point {number} of {len(self)} ({written(self.f, self.points[number])})"
        if outcome is None or outcome.fault is None:
            raise SweepError(
                f"{where} was not computed: the sweep was {self.ended or 'ended'}; .done lists the others"
            )
        trace = f"\n\n{outcome.fault.where}" if outcome.fault.where else ""
        raise SweepError(f"{where} has no result: {outcome.fault.error}{trace}")

    def _table(self) -> tuple[list[str], list[list[str]]]:
        columns = self.columns()
        given = len(names_of(self.f, self.points))
        names = [printable(name) for name in columns]
        head = names if len(columns) > given or not self.points else [*names, "result"]
        without = {failed.number: printable(failed.error) for failed in self.failures}
        without.update(dict.fromkeys(self.missing, "not computed"))

        def row(i: int) -> list[list[str]]:
            cells = [shown(column[i]) for column in columns.values()]
            if i in without:
                cells[given:] = [without[i], *[""] * (len(head) - given - 1)]
            return [cells]

        rows = without_middle(range(len(self)), _MOST_ROWS, row, lambda text: [text, *[""] * (len(head) - 1)])
        return head, rows

    def __repr__(self) -> str:
        head, rows = self._table()
        return f"{self.summary()}\n{text_table(head, rows)}" if rows else self.summary()

    def _repr_html_(self) -> str:
        """Return the table for notebooks."""
        return html_table(*self._table(), self.summary())


def _parts(result: Any) -> dict[str, Any]:
    """Return the named parts of a result."""
    if isinstance(result, Mapping) and all(isinstance(name, str) for name in result):
        return dict(result)
    fields = getattr(result, "_fields", None)
    return dict(zip(fields, result, strict=True)) if isinstance(fields, tuple) else {"result": result}
