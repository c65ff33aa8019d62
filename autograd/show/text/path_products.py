"""The paths through a graph: a derivative is the sum, over all paths, of the product of the partials."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import prod
from typing import Any, NamedTuple, TypeVar

from ...engine.graph import Edge, consumers_first, depending_on, edges, nodes
from ...engine.value import Value
from ...tables import html_table
from ...transforms.sweeps import Flows, along_stored_partials, backward_sweep
from .caller_names import names_for_caller
from .formulas import digits

T = TypeVar("T")


class Path(NamedTuple):
    """One path from an input to a result.

    Attributes
    ----------
    edges : tuple of Edge
        The edges, from the input to the result.
    text : str
        The path and its product as one line.
    """

    edges: tuple[Edge, ...]
    text: str

    @property
    def product(self) -> float:
        """The product of the partials along the path, from the result to the input as in the chain rule."""
        return prod((edge.partial for edge in reversed(self.edges)), start=1.0)

    def __str__(self) -> str:
        return self.text


class Paths:
    """All paths from an input to a result; iteration yields them one by one.

    Attributes
    ----------
    count : int
        The exact number of paths.
    total : float
        The sum of their products, which is the gradient; computed without listing them.
    listed : tuple of Path
        The first paths.
    """

    def __init__(self, y: Value, x: Value, k: int, variables: Mapping[str, Any] | None) -> None:
        self._y, self._x = y, x
        self._order = nodes(y)
        self._names = names_for_caller(self._order, variables)
        self._between = depending_on([x], self._order)
        order = consumers_first(y, by_derivative=True)
        # The gradient is the sum of the products along the paths, so with every partial 1 it is their number.
        self.count = _arriving(x, backward_sweep(order, {y: 1}, _along_ones, 0), 0)
        self.total = _arriving(x, backward_sweep(order, {y: 1.0}, along_stored_partials), 0.0)
        self.listed = tuple(islice(self, k))

    def _edges(self, node: Value) -> list[Edge]:
        return [edge for edge in edges(node) if edge.operand in self._between]

    def __iter__(self) -> Iterator[Path]:
        """Yield each path, those through first operands first."""
        return map(self._path, trails(self._y, self._x, self._edges))

    def _path(self, trail: tuple[Edge, ...]) -> Path:
        through, factors, product = self._cells(trail)
        return Path(trail, f"{through}: {factors}" + (f" = {product}" if len(trail) > 1 else ""))

    def _cells(self, trail: tuple[Edge, ...]) -> list[str]:
        """Return the nodes of a path, its factors and their product."""
        stations = [self._names[self._x], *(self._names[edge.node] for edge in trail)]
        factors = [digits(edge.partial) for edge in reversed(trail)] or ["1"]
        product = prod((edge.partial for edge in reversed(trail)), start=1.0)
        return [" → ".join(_shortened(stations)), " · ".join(_shortened(factors)), digits(product)]

    def __repr__(self) -> str:
        return "\n  ".join([self._head(), *map(str, self.listed), *filter(None, [self._more()])])

    def _repr_html_(self) -> str:
        rows = [self._cells(path.edges) for path in self.listed]
        return html_table(["path", "partials", "product"], rows, self._head(), self._more())

    def _head(self) -> str:
        y, x = self._names[self._y], self._names[self._x]
        many = "1 path" if self.count == 1 else f"{_exactly(self.count)} paths"
        return f"{many} from {x} to {y}, d{y}/d{x} = {digits(self.total)}"

    def _more(self) -> str:
        more = self.count - len(self.listed)
        return f"… {_exactly(more)} more" if more > 0 else ""


def trails(y: Value, x: Value, edges_of: Callable[[Value], Iterable[Edge]]) -> Iterator[tuple[Edge, ...]]:
    """Yield the edges of each path from x to y; without recursion, so depth is no limit.

    Examples
    --------
    >>> x = Value(3.0)
    >>> [[edge.slot for edge in trail] for trail in trails(x + x * x, x, edges)]
    [[0], [0, 1], [1, 1]]
    """
    if y is x:
        yield ()
        return
    trail: list[Edge] = []
    choices = [iter(edges_of(y))]
    while choices:
        edge = next(choices[-1], None)
        if edge is None:
            choices.pop()
            if trail:
                trail.pop()
        elif edge.operand is x:
            yield (edge, *reversed(trail))
        else:
            trail.append(edge)
            choices.append(iter(edges_of(edge.operand)))


def _along_ones(node: Value, ways: int) -> Flows:
    """Return what flows along each edge of a node if every partial is 1."""
    args = zip(node.args, node.partials, strict=True)
    return [(operand, ways) for operand, partial in args if partial is not None]  # type: ignore[misc]


def _arriving(x: Value, sweep: Iterator[tuple[Value, T, Flows]], zero: T) -> T:
    """Return the gradient of a node; zero if nothing flows to it."""
    return next((adjoint for node, adjoint, _ in sweep if node is x), zero)


def paths(y: Value, x: Value, k: int = 10, *, names: Mapping[str, Any] | None = None) -> Paths:
    """Return the paths from an input to a result, with the factors of the chain rule.

    Each path contributes the product of the partials along it (A4 of the notes), and the gradient is the sum
    over the paths (C6). Their number can be exponential: ``y = y + y``, repeated 1000 times, has 2^1000.

    Parameters
    ----------
    y : Value
        The result.
    x : Value
        What to differentiate with respect to: any node that the result depends on.
    k : int
        The number of paths to list.
    names : mapping, optional
        Variables to name nodes without a label; by default the caller's, and none for ``{}``.

    Returns
    -------
    Paths
        With ``count``, ``total`` and ``listed``.

    Raises
    ------
    TypeError
        If one of them is not a `Value`.
    ValueError
        If y does not depend on x, or for a negative `k`.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> paths(x + x * x, x)
    3 paths from x to v2, dv2/dx = 7
      x → v2: 1
      x → v1 → v2: 1 · 3 = 3
      x → v1 → v2: 1 · 3 = 3
    """
    check_upstream("paths", y, x)
    if k < 0:
        raise ValueError(f"expected k, the number of paths to list, to be at least 0, got {k}")
    return Paths(y, x, k, names)


def check_upstream(who: str, y: object, x: object) -> None:
    """Raise unless both are `Value`s and y depends on x.

    Examples
    --------
    >>> check_upstream("paths", Value(1.0), Value(2.0))
    Traceback (most recent call last):
        ...
    ValueError: paths(y, x): y = Value(1.0) does not depend on x = Value(2.0); pass a node that y was ...
    """
    for item in (y, x):
        if not isinstance(item, Value):
            raise TypeError(f"{who}(y, x) expected Values, got {item!r} ({type(item).__name__})")
    if x not in set(nodes(y)):  # type: ignore[arg-type]
        raise ValueError(
            f"{who}(y, x): y = {y!r} does not depend on x = {x!r}; pass a node that y was computed from"
        )


def _shortened(texts: list[str]) -> list[str]:
    """Return at most nine texts, without the middle of a longer list."""
    return texts if len(texts) <= 9 else [*texts[:4], f"… {len(texts) - 8} more …", *texts[-4:]]


def _exactly(count: int) -> str:
    """Return a count with all its digits; a large one as a power of two."""
    if count >= 10**15 and count.bit_count() == 1:
        return f"2^{count.bit_length() - 1}"
    if count < 10**15:
        return f"{count:,}"
    # Python converts integers of at most 4300 digits to text.
    return f"about 2^{count.bit_length() - 1}"
