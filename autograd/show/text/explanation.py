"""The derivation of one derivative by the chain rule, laid out as in a textbook."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ...engine.graph import Edge, consumers_first, depending_on, edges, nodes, operands
from ...engine.value import Value
from ...ops.renderer import Term
from ...transforms.partials import partials_as_graph
from ...transforms.sweeps import push
from .caller_names import names_for_caller
from .notation import Notation, aligned
from .path_products import check_upstream, paths

# Sections of more equations, and sums of more terms, are shortened.
_MAX_LINES, _MAX_TERMS, _MAX_PATHS, _MAX_FACTORS = 24, 6, 6, 12

# A longer equation is broken at its equals signs.
_MAX_WIDTH = 100

Item = TypeVar("Item")
Equation = list[str]
"""The sides of an equation."""


class Section(NamedTuple):
    """A title and the equations below it."""

    title: str
    equations: list[Equation]


class Explanation:
    """The derivation of a derivative; the REPL shows text, and a notebook formulas.

    Attributes
    ----------
    derivative : float
        The derivative.
    text, markdown, latex : str
        The derivation in each form; `latex` is an ``aligned`` environment with headings.
    """

    def __init__(self, y: Value, x: Value, numbers: bool, variables: Mapping[str, Any] | None) -> None:
        order = nodes(y)
        name_of = names_for_caller(order, variables)
        plain = _Working(order, x, Notation(name_of), numbers)
        typeset = plain.in_notation(Notation(name_of, latex=True))
        self.derivative = plain.paths.total
        sections = typeset.sections()
        self.text = "\n\n".join([plain.head(), *(_as_text(section) for section in plain.sections())])
        self.markdown = "\n\n".join([f"${typeset.head()}$", *(_as_markdown(section) for section in sections)])
        self.latex = aligned([line for section in sections for line in _titled(section)])

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.markdown

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


def explain(
    y: Value, x: Value, *, numbers: bool = True, names: Mapping[str, Any] | None = None
) -> Explanation:
    """Work out a derivative step by step, as on paper.

    Each intermediate variable is defined, and differentiated with respect to its operands. If there is a
    single path from x to y, the chain rule combines these partial derivatives (A4, C8 and E2 of the notes);
    if there are several, the total-derivative rule, a sum over the edges (C6). Of functions with cases, such
    as `max`, only the case at this point is shown.

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
    return Explanation(y, x, numbers, names)


class _Working:
    """The sections of the derivation, in one notation."""

    def __init__(self, order: Sequence[Value], x: Value, notation: Notation, numbers: bool) -> None:
        self.x, self.y = x, order[-1]
        self.write = notation
        self.numbers = numbers
        # Conditions and operands of comparisons are held constant: no derivative flows through them.
        self.affected = depending_on([x], order, by_derivative=True) | {self.y}
        self.between = [node for node in order if node in self.affected and node is not x]
        moving = [x, *self.between]
        tangents = push(consumers_first(*moving), moving, [x], [1.0], as_graph=False)
        self.derivative_of = dict(zip([x, *self.between], map(float, tangents), strict=True))
        self.paths = paths(self.y, x, _MAX_PATHS, names={})

    def in_notation(self, notation: Notation) -> _Working:
        """Return the same derivation in another notation."""
        other = copy.copy(self)
        other.write = notation
        return other

    def head(self) -> str:
        derivative = self.write.total(self.y, self.x)
        return f"{derivative} {self.write.at(self.x)}" if self.numbers else derivative

    def sections(self) -> list[Section]:
        """Return the sections: variables, partials, and how they combine."""
        if self.y is self.x:
            return [Section("A variable by itself", [[self.write.total(self.y, self.x), "1"]])]
        found = [
            Section("Intermediate variables", _each(self._definition, self.between)),
            Section(
                "Partial derivatives",
                _each(self._partial, [edge for node in self.between for edge in self._edges(node)]),
            ),
        ]
        if self.numbers and (fixed := self._fixed()):
            title = "Held constant"
            found.insert(
                0, Section(title, [[self.write.name(n), self.write.number(n.data).text] for n in fixed])
            )
        if self.paths.count == 1:
            return [*found, Section("Chain rule", [self._chain()])]
        title = "Total derivative: a sum over the uses, from the inside out"
        found.append(Section(title, _each(self._total, self.between)))
        if self.numbers and self.paths.count <= _MAX_PATHS:
            found.append(Section("The same as a sum over the paths", [self._over_paths()]))
        return found

    def _fixed(self) -> list[Value]:
        """Return the operands that do not depend on x, without repetition."""
        args = (arg for node in self.between for arg in operands(node))
        return [arg for arg in dict.fromkeys(args) if arg not in self.affected]

    def _constant(self, node: Value) -> Equation:
        return [self.write.name(node), self.write.number(node.data).text]

    def _edges(self, node: Value) -> list[Edge]:
        return [edge for edge in edges(node) if edge.operand in self.affected]

    def _definition(self, node: Value) -> Equation:
        return [self.write.name(node), self.write.formula(node), *self._numbers(node.data)]

    def _partial(self, edge: Edge) -> Equation:
        same = [other.slot for other in edges(edge.node) if other.operand is edge.operand]
        nth = same.index(edge.slot) + 1 if len(same) > 1 else None
        rule, number = self._rule(edge).text, self.write.number(edge.partial).text
        return [self.write.partial(edge, nth), rule, *([number] if self.numbers and number != rule else [])]

    def _rule(self, edge: Edge) -> Term:
        """Return the partial as a formula in the operands and the node, by the rule of the table."""
        rule = partials_as_graph(edge.node, {edge.operand})[edge.slot]
        return (
            self.write.rule(edge.node, rule)
            if isinstance(rule, Value)
            else self.write.number(rule or 0.0, None)
        )

    def _chain(self) -> Equation:
        """Return the product of the partials along the only path, from the result to x."""
        trail = self.paths.listed[0].edges[::-1]
        forms: list[Callable[[Edge], Term]] = [
            lambda edge: self.write.atom(self.write.total(edge.node, edge.operand)),
            self._rule,
        ]
        if self.numbers:
            forms.append(lambda edge: self.write.number(edge.partial))
        sides = [self._product(form, trail) for form in forms]
        whole = self.write.total(self.y, self.x)
        return _without_repeats([whole, *sides, *self._numbers(self.derivative_of[self.y])])

    def _product(self, write: Callable[[Edge], Term], trail: Sequence[Edge]) -> str:
        """Return the product over the edges of a path, without the middle of a long path."""
        if len(trail) <= _MAX_FACTORS:
            return self.write.product([write(edge) for edge in trail])
        half = _MAX_FACTORS // 2
        ends = [[write(edge) for edge in part] for part in (trail[:half], trail[-half:])]
        return self.write.product([*ends[0], self.write.dots(), *ends[1]])

    def _total(self, node: Value) -> Equation:
        """Return the total-derivative rule at one node: a term for each edge."""
        found = self._edges(node)
        shown = found if len(found) <= _MAX_TERMS else found[: _MAX_TERMS - 1]
        more = len(found) - len(shown)
        symbols, rules, numbers = [], [], []
        for edge in shown:
            partial = self.write.atom(self.write.partial(edge))
            inner = (
                [] if edge.operand is self.x else [self.write.atom(self.write.total(edge.operand, self.x))]
            )
            known = [] if not inner else [self.write.number(self.derivative_of[edge.operand])]
            symbols.append(self.write.product([partial, *inner]))
            rules.append(self.write.product([self._rule(edge), *inner], shorten=True))
            numbers.append(self.write.product([self.write.number(edge.partial), *known]))
        if not found:
            return [self.write.total(node, self.x), self.write.number(0.0).text]
        sides = [self.write.sum(texts, more) for texts in (symbols, rules)]
        if self.numbers:
            sides += [self.write.sum(numbers, more), *self._numbers(self.derivative_of[node])]
        return _without_repeats([self.write.total(node, self.x), *sides])

    def _over_paths(self) -> Equation:
        terms = [
            self.write.product([self.write.number(edge.partial) for edge in reversed(path.edges)])
            for path in self.paths.listed
        ]
        number = self.write.number(self.derivative_of[self.y]).text
        return [self.write.total(self.y, self.x), *([self.write.sum(terms, 0)] if terms else []), number]

    def _numbers(self, number: float) -> list[str]:
        return [self.write.number(number).text] if self.numbers else []


def _without_repeats(sides: Equation) -> Equation:
    return [side for i, side in enumerate(sides) if i == 0 or side != sides[i - 1]]


def _each(write: Callable[[Item], Equation], items: Sequence[Item]) -> list[Equation]:
    """Return an equation for each item, without the middle of a long list."""
    if len(items) <= _MAX_LINES:
        return [write(item) for item in items]
    half = _MAX_LINES // 2
    left_out = [f"… {len(items) - 2 * half:,} more …"]
    return [*map(write, items[:half]), left_out, *map(write, items[-half:])]


def _as_text(section: Section) -> str:
    return "\n".join([section.title, *map(_text_line, section.equations)])


def _text_line(equation: Equation) -> str:
    line = "  " + " = ".join(equation)
    if len(line) <= _MAX_WIDTH:
        return line
    margin = "\n" + " " * (3 + len(equation[0])) + "= "
    return f"  {equation[0]} = " + margin.join(equation[1:])


def _as_markdown(section: Section) -> str:
    lines = [_aligned_line(equation) for equation in section.equations]
    return f"{section.title}:\n\n$$\n{aligned(lines)}\n$$"


def _titled(section: Section) -> list[str]:
    return [rf"&\text{{{section.title}}}", *(_aligned_line(equation) for equation in section.equations)]


def _aligned_line(equation: Equation) -> str:
    if len(equation) == 1:
        return rf"&\text{{{equation[0]}}}"
    joint = " = " if sum(map(len, equation)) <= 2 * _MAX_WIDTH else " \\\\\n&= "
    return f"{equation[0]} &= {joint.join(equation[1:])}"
