"""The derivation of one derivative by the chain rule, laid out as in a textbook."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, takewhile
from typing import Any, NamedTuple, TypeVar

from ...engine.graph import Edge, edges, nodes
from ...engine.value import Value
from ...ops.renderer import Term
from ...quiet import quiet
from ...tables import without_middle
from ...transforms.partials import partials_as_graph
from .caller_names import names_for_caller
from .derivation import MAX_PATHS, Derivation
from .equations import Equality, Section, as_latex, as_markdown, as_text
from .formulas import digits
from .kinks import remark_at_kink
from .notation import Notation
from .path_products import check_upstream
from .short_names import legend, short_names

# Sums of more terms, and products of more factors, are shortened.
_MAX_TERMS, _MAX_FACTORS = 6, 12

# What a screen has room for: lines, and how many equations below one title are tried.
_SCREEN, _LIMITS = 42, (24, *range(16, 1, -1))

# Where equations are merged, they are shortened to a line each.
_MERGED_TERMS, _MERGED_NUMBERS, _MOST_NAMES, _LINE = 2, 4, 4, 100

Item = TypeVar("Item")


class Explanation:
    """The derivation of a derivative; the REPL shows text, and a notebook formulas.

    Attributes
    ----------
    derivative : float
        The derivative.
    text, markdown, latex : str
        The derivation in each form; `latex` is an ``aligned`` environment with headings.
    """

    def __init__(
        self, y: Value, x: Value, numbers: bool, variables: Mapping[str, Any] | None, full: bool = False
    ) -> None:
        order = nodes(y)
        long = names_for_caller(order, variables)
        names = _Names(short_names(long), long)
        # Numbers that are not finite are visible here, and were warned of when the graph was built.
        with quiet():
            detail, derivation = _fitting(order, x, names, numbers, full)
            plain, typeset = (_Working(derivation, names, detail, numbers, latex) for latex in (False, True))
            sections, typeset_sections = plain.sections(), typeset.sections()
        self.derivative = derivation.total
        self.text = as_text(plain.head(), sections)
        self.markdown = as_markdown(typeset.head(), typeset_sections)
        self.latex = as_latex(typeset_sections)

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.markdown

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


def explain(
    y: Value,
    x: Value,
    *,
    numbers: bool = True,
    names: Mapping[str, Any] | None = None,
    full: bool = False,
) -> Explanation:
    """Work out a derivative step by step, as on paper.

    Each intermediate variable is defined, and differentiated with respect to its operands. If there is a
    single path from x to y, the chain rule combines these partial derivatives (A4, C8 and E2 of the notes);
    if there are several, the total-derivative rule, a sum over the edges (C6). Of functions with cases, such
    as `max`, only the case at this point is shown; at a kink it says which of the possible numbers is taken
    (A7, C9). Paths on which a partial is 0 are left out, and counted.

    A derivation of more than a screen is shortened: of equations that are alike, as those of the samples and
    of the neurons of a layer, one is shown, and the middle of long sections is left out. The parameters of a
    network are written as symbols, such as w¹₂₀ for ``layers.0.neurons.2.w[0]``.

    Parameters
    ----------
    y : Value
        The result.
    x : Value
        What to differentiate with respect to: any node that the result depends on.
    numbers : bool
        Whether to substitute the numbers at this point.
    names : mapping, optional
        Variables to name nodes without a label; by default the caller's, and none for ``{}``.
    full : bool
        Whether to show every equation, however many there are.

    Returns
    -------
    Explanation
        With ``text``, ``markdown`` and ``latex``.

    Raises
    ------
    TypeError
        If one of them is not a `Value`.
    ValueError
        If y does not depend on x.
    RuntimeError
        If a leaf was assigned to since the graph was built.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> explain(x + x * x, x)
    dv2/dx at x = 3
    <BLANKLINE>
    Intermediate variables
      v1 = x * x = 9
      v2 = x + v1 = 12
    <BLANKLINE>
    Partial derivatives
      ∂v1/∂x (1st use) = x = 3
      ∂v1/∂x (2nd use) = x = 3
      ∂v2/∂x = 1
      ∂v2/∂v1 = 1
    <BLANKLINE>
    Total derivative: a sum over the uses, from the inside out
      dv1/dx = ∂v1/∂x + ∂v1/∂x = x + x = 3 + 3 = 6
      dv2/dx = ∂v2/∂x + ∂v2/∂v1 · dv1/dx = 1 + dv1/dx = 1 + 1 · 6 = 7
    <BLANKLINE>
    The same as a sum over the paths
      dv2/dx = 1 + 1 · 3 + 1 · 3 = 7
    """
    check_upstream("explain", y, x)
    return Explanation(y, x, numbers, names, full)


class _Names(NamedTuple):
    """The name of each node, short and as it is."""

    short: Mapping[Value, str]
    long: Mapping[Value, str]


class _Detail(NamedTuple):
    """How much of a derivation is shown: the largest number of equations of a section, if there is one."""

    most: int | None = None
    merged: bool = False


def _fitting(
    order: Sequence[Value], x: Value, names: _Names, numbers: bool, full: bool
) -> tuple[_Detail, Derivation]:
    """Return the most detailed derivation that fits on a screen, and how it is shown."""
    if full:
        return _Detail(), Derivation(order, x, whole=True)
    derivation = Derivation(order, x)
    # Each node has two equations at least, so that this need not be tried.
    if len(derivation.between) <= _SCREEN and _fits(derivation, names, _Detail(_SCREEN), numbers):
        return _Detail(_SCREEN), derivation
    derivation = derivation.merged()
    details = [_Detail(most, merged=True) for most in _LIMITS]
    first = bisect_left(details[:-1], True, key=lambda detail: _fits(derivation, names, detail, numbers))
    return details[first], derivation


def _fits(derivation: Derivation, names: _Names, detail: _Detail, numbers: bool) -> bool:
    working = _Working(derivation, names, detail, numbers, latex=False)
    return len(as_text(working.head(), working.sections()).splitlines()) <= _SCREEN


class _Working:
    """The sections of a derivation, in one notation."""

    def __init__(
        self, derivation: Derivation, names: _Names, detail: _Detail, numbers: bool, latex: bool
    ) -> None:
        self.of = derivation
        self.x, self.y = derivation.x, derivation.y
        self.names, self.detail, self.numbers = names, detail, numbers
        self.write = Notation(names.short, latex=latex)

    def head(self) -> str:
        derivative = self.write.total(self.y, self.x)
        return f"{derivative} {self.write.at(self.x)}" if self.numbers else derivative

    def sections(self) -> list[Section]:
        """Return the sections: variables, partials, and how they combine."""
        if self.y is self.x:
            return [Section("A variable by itself", [Equality([self.write.total(self.y, self.x), "1"])])]
        found = [
            *self._notes(),
            Section("Intermediate variables", self._each(self._definition, self.of.shown)),
            Section("Partial derivatives", self._partials()),
        ]
        if self.of.count == 1:
            return [*found, Section("Chain rule", [self._chain()])]
        title = "Total derivative: a sum over the uses, from the inside out"
        found.append(Section(title, self._each(self._total, self.of.shown)))
        if self.numbers and self.of.count <= MAX_PATHS:
            found.append(Section("The same as a sum over the paths", [self._over_paths()]))
        return found

    def _notes(self) -> list[Section]:
        """Return what stands in a line each: symbols, what is held constant, what is left out."""
        fixed = self.of.fixed
        found = []
        used = [self.x, *self.of.shown[:_SCREEN], *fixed[:_SCREEN]]
        if symbols := legend([self.names.long[n] for n in used], [self.names.short[n] for n in used]):
            meanings = [
                Equality([self.write.symbol(short), self.write.words(long)]) for short, long in symbols
            ]
            found.append(Section("Names", meanings[:_MOST_NAMES], in_line=True))
        if self.numbers and fixed:
            constants = [Equality([self.write.name(n), self.write.number(n.data).text]) for n in fixed]
            left_out = 0 if self.detail.most is None else len(fixed) - self._room(fixed)
            if left_out:
                constants = [*constants[:-left_out], Equality([f"{left_out:,} more"])]
            found.append(Section("Held constant", constants, in_line=True))
        if self.of.zeros:
            paths = f"{self.of.zeros:,} of {self.of.zeros + self.of.count:,} paths, on which a partial is 0"
            found.append(Section("Left out", [Equality([paths])], in_line=True))
        return found

    def _room(self, fixed: Sequence[Value]) -> int:
        """Return how many constants a line has room for, in any notation."""
        widths = (len(f"{self.names.short[node]} = {digits(node.data)}, ") for node in fixed)
        # Without the title of the line, and what it says of the others.
        return sum(1 for _ in takewhile(lambda used: used <= _LINE - 30, accumulate(widths))) or 1

    def _each(self, write: Callable[[Item], Equality], items: Sequence[Item]) -> list[Equality]:
        """Return an equation for each item, without the middle of a long list."""
        most = self.detail.most
        if most is None:
            return list(map(write, items))
        # The line that says how many are left out is one of them.
        most = most if len(items) <= most else most - 1
        return without_middle(items, most, lambda item: [write(item)], lambda text: Equality([text]))

    def _definition(self, node: Value) -> Equality:
        sides = [self.write.name(node), self.write.formula(node, self._moving(node))]
        return Equality([*sides, *self._numbers(node.data)], _the_same(self.of.others(node)))

    def _moving(self, node: Value) -> set[Value]:
        return {edge.operand for edge, _ in self.of.uses[node]}

    def _partials(self) -> list[Equality]:
        found = [use for uses in self.of.uses.values() for use in uses]
        if not self.detail.merged or len(found) > _SCREEN:
            return self._each(self._partial, found)
        ones = [edge for edge, _ in found if self._is_one(edge)]
        if len(ones) < 2:
            return self._each(self._partial, found)
        names = [self.write.partial(edge) for edge in ones[:_MAX_TERMS]]
        more = [] if len(ones) <= _MAX_TERMS else [self.write.dots().text]
        rest = [use for use in found if not self._is_one(use[0])]
        return [*self._each(self._partial, rest), Equality([*names, *more, "1"], dense=True)]

    def _is_one(self, edge: Edge) -> bool:
        return edge.partial == 1.0 and not remark_at_kink(edge) and self._rule(edge).text == "1"

    def _partial(self, use: tuple[Edge, int]) -> Equality:
        edge, others = use
        same = [other.slot for other in edges(edge.node) if other.operand is edge.operand]
        nth = same.index(edge.slot) + 1 if len(same) > 1 else None
        rule, number = self._rule(edge).text, self.write.number(edge.partial).text
        sides = [self.write.partial(edge, nth), rule, *([number] if self.numbers and number != rule else [])]
        return Equality(sides, "; ".join(filter(None, [remark_at_kink(edge), _the_same(others)])))

    def _rule(self, edge: Edge) -> Term:
        """Return the partial as a formula in the operands and the node, by the rule of the table."""
        rule = partials_as_graph(edge.node, {edge.operand})[edge.slot]
        return (
            self.write.rule(edge.node, rule)
            if isinstance(rule, Value)
            else self.write.number(rule or 0.0, 4 if self.numbers else None)
        )

    def _chain(self) -> Equality:
        """Return the product of the partials along the only path, from the result to x."""
        trail = self.of.trails[0][::-1]
        forms: list[Callable[[Edge], Term]] = [
            lambda edge: self.write.atom(self.write.total(edge.node, edge.operand)),
            self._rule,
        ]
        if self.numbers:
            forms.append(lambda edge: self.write.number(edge.partial))
        sides = [self._product(form, trail) for form in forms]
        whole = self.write.total(self.y, self.x)
        return _without_repeats([whole, *sides, *self._numbers(self.of.derivative_of[self.y])])

    def _product(self, write: Callable[[Edge], Term], trail: Sequence[Edge]) -> str:
        """Return the product over the edges of a path, without the middle of a long path."""
        if len(trail) <= _MAX_FACTORS:
            return self.write.product([write(edge) for edge in trail])
        half = _MAX_FACTORS // 2
        ends = [[write(edge) for edge in part] for part in (trail[:half], trail[-half:])]
        return self.write.product([*ends[0], self.write.dots(), *ends[1]])

    def _total(self, node: Value) -> Equality:
        """Return the total-derivative rule at one node: a term for each edge."""
        found = self.of.edges(node)
        whole = self.write.total(node, self.x)
        if not found:
            return Equality([whole, self.write.number(0.0).text])
        if self.detail.merged and self.numbers:
            sides = [self._sum(found, self._in_symbols, _MERGED_TERMS)]
            sides += [self._sum(found, self._in_numbers, _MERGED_NUMBERS)]
        else:
            sides = [self._sum(found, write, _MAX_TERMS) for write in (self._in_symbols, self._by_rules)]
            sides += [self._sum(found, self._in_numbers, _MAX_TERMS)] if self.numbers else []
        numbers = self._numbers(self.of.derivative_of[node])
        found_equal = _without_repeats([whole, *sides, *numbers])
        return Equality(found_equal.sides, _the_same(self.of.others(node)), dense=self.detail.merged)

    def _sum(self, found: Sequence[Edge], write: Callable[[Edge], str], most: int) -> str:
        shown = found if len(found) <= most else found[: most - 1]
        return self.write.sum(list(map(write, shown)), len(found) - len(shown))

    def _in_symbols(self, edge: Edge) -> str:
        return self.write.product([self.write.atom(self.write.partial(edge)), *self._inner(edge)])

    def _by_rules(self, edge: Edge) -> str:
        return self.write.product([self._rule(edge), *self._inner(edge)], shorten=True)

    def _in_numbers(self, edge: Edge) -> str:
        known = [] if edge.operand is self.x else [self.write.number(self.of.derivative_of[edge.operand])]
        factors = [self.write.number(edge.partial), *known]
        return self.write.product(factors, shorten=self.detail.merged)

    def _inner(self, edge: Edge) -> list[Term]:
        is_last = edge.operand is self.x
        return [] if is_last else [self.write.atom(self.write.total(edge.operand, self.x))]

    def _over_paths(self) -> Equality:
        terms = [
            self.write.product([self.write.number(edge.partial) for edge in reversed(trail)])
            for trail in self.of.trails
        ]
        number = self.write.number(self.of.derivative_of[self.y]).text
        sides = [self.write.total(self.y, self.x), *([self.write.sum(terms, 0)] if terms else []), number]
        return Equality(sides)

    def _numbers(self, number: float) -> list[str]:
        return [self.write.number(number).text] if self.numbers else []


def _the_same(others: int) -> str:
    return f"the same for the other {others:,}" if others > 1 else "the same for the other one" * others


def _without_repeats(sides: Sequence[str]) -> Equality:
    return Equality([side for i, side in enumerate(sides) if i == 0 or side != sides[i - 1]])
