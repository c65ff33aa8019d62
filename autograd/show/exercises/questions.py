"""`exercise`: a graph with blanks, and the marks of what is filled in."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from ...engine.graph import Edge, edges, nodes
from ...engine.value import Value
from ...tables import html_table, text_table
from ..picture.drawing import Drawing
from ..picture.layout import LayoutUnavailableError
from ..text.caller_names import names_for_caller
from ..text.formulas import count, digits, formula
from .answers import Answer
from .examples import EXAMPLES
from .grades import Grades, graded
from .question_picture import on_paper, picture
from .solution import Blank, Solution

Kind = Literal["gradients", "partials", "line"]

Hidden = Value | str | int

# More nodes are no exercise; more blanks are drawn at random.
_MOST_NODES, _MOST_BLANKS = 60, 8

_GRADIENTS, _PARTIALS, _LINE = get_args(Kind)


class Exercise:
    """A graph with blanks: the REPL and notebooks show the question, `check` marks the answers.

    The answers are nowhere in what it shows.

    Parameters
    ----------
    solution : Solution
        The graph and its numbers.
    kind : str
        ``"gradients"``, ``"partials"`` or ``"line"``.
    blanks : sequence of Blank
        What is asked for.
    tolerance : float
        How far an answer may be off, as a part of it.

    Attributes
    ----------
    names : tuple of str
        What is asked for, in the order of the answers.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> question = exercise(x * x)
    >>> question.check(x="2 * x").all_right, question.names
    (True, ('dv1/dx',))
    """

    def __init__(self, solution: Solution, kind: Kind, blanks: Sequence[Blank], tolerance: float) -> None:
        self._solution = solution
        self._kind = kind
        self._blanks = tuple(blanks)
        self._tolerance = tolerance
        self.names = tuple(blank.name for blank in blanks)

    # ------------------------------------------------------------------------------------------- answers

    def check(self, /, *answers: Any, **named: Any) -> Grades:
        """Mark answers, and hint at the likely mistake of each wrong one: which local partial or use it is.

        Parameters
        ----------
        *answers : number or str
            The answers in the order of the blanks, or one mapping of names to answers. A formula in the names
            of the nodes, such as ``"2 * x"``, counts if it is also right at another point. None is no answer.
        **named : number or str
            Answers by name: gradients by that of their node.

        Returns
        -------
        Grades
            A mark for each blank.

        Raises
        ------
        TypeError
            For more answers than blanks.
        ValueError
            For a name that is not asked for, or an answer that is neither a number nor a formula.

        Examples
        --------
        >>> x = Value(3.0, label="x")
        >>> exercise(x + x * x).check(x=6, v1=1)
        1 of 2 right
          ✗  dv2/dx   6  x is used 3 times, and the use in v2 is missing: add up over all uses (C6)
          ✓  dv2/dv1  1
        """
        given = dict(self._by_position(answers))
        for name, answer in named.items():
            given[self._blank_of(name)] = answer
        values = self._solution.values()
        read = {blank: Answer(answer, values) for blank, answer in given.items() if answer is not None}
        return graded(self._solution, self._blanks, read, self._tolerance)

    def _by_position(self, answers: Sequence[Any]) -> dict[Blank, Any]:
        """Return answers that were given in order, or as a mapping."""
        if len(answers) == 1 and isinstance(answers[0], Mapping):
            return {self._blank_of(name): answer for name, answer in answers[0].items()}
        if len(answers) == 1 and isinstance(answers[0], list | tuple | np.ndarray):
            answers = list(answers[0])
        if len(answers) > len(self._blanks):
            raise TypeError(
                f"check expected at most {count(len(self._blanks), 'answer')}, got {len(answers)}"
            )
        return dict(zip(self._blanks, answers, strict=False))

    def _blank_of(self, name: object) -> Blank:
        """Return the blank of a name, a number from 1, or the node of a gradient."""
        if isinstance(name, int) and 1 <= name <= len(self._blanks):
            return self._blanks[name - 1]
        for blank in self._blanks:
            called = {_plain(blank.name)}
            if blank.slot is None:
                called.add(_plain(self._solution.name_of[blank.node]))
            if isinstance(name, str) and _plain(name) in called:
                return blank
        asked = ", ".join(self.names)
        raise ValueError(f"expected the name of a blank, one of {asked}; got {name!r}")

    def answers(self) -> dict[str, float]:
        """Return the answers by name, for who sets the exercise.

        Examples
        --------
        >>> x = Value(3.0, label="x")
        >>> exercise(x * x).answers()
        {'dv1/dx': 6.0}
        """
        return {blank.name: self._solution.answer(blank) for blank in self._blanks}

    # -------------------------------------------------------------------------------------------- showing

    @property
    def title(self) -> str:
        """What is asked for, in a line."""
        y = self._solution.name_of[self._solution.y]
        if self._kind == _PARTIALS:
            return "Local partials: how much does each node move with each of its operands?"
        if self._kind == _LINE:
            node = self._solution.name_of[self._blanks[-1].node]
            return f"One line of the backward pass: the gradient of {node}, added up over its uses."
        return f"Gradients: how much does {y} move with each node? That of {y} itself is 1."

    @property
    def line(self) -> str:
        """Of one line of the backward pass, the equation with its blanks; else empty."""
        if self._kind != _LINE:
            return ""
        return self._equation({blank: f"? ({i})" for i, blank in enumerate(self._blanks, 1)})

    def solved(self) -> list[str]:
        """Return the answers as equations: how each gradient adds up, and each local partial as it is.

        Examples
        --------
        >>> x = Value(3.0, label="x")
        >>> exercise(x * 2.0).solved()
        ['dv1/dx = dv1/dv1 · ∂v1/∂x = 1 · 2 = 2']
        """
        return [
            f"{blank.name} = {self._number(blank)}" if blank.slot is not None else self._equation({}, blank)
            for blank in self._blanks
        ]

    def table(self) -> str:
        """Return the nodes, their numbers and the blanks as a table in HTML."""
        return html_table(*self._table())

    def _equation(self, instead: Mapping[Blank, str], total: Blank | None = None) -> str:
        solution = self._solution
        total = total or self._blanks[-1]
        uses = solution.uses[total.node]
        symbols = [f"{solution.gradient(edge.node).name} · {solution.write.partial(edge)}" for edge in uses]
        terms = []
        for edge in uses:
            blank = solution.partial(edge)
            partial = instead.get(blank, _grouped(digits(edge.partial)))
            terms.append(f"{_grouped(digits(solution.gradients[edge.node]))} · {partial}")
        whole = instead.get(total, self._number(total))
        return f"{total.name} = {' + '.join(symbols)} = {' + '.join(terms)} = {whole}"

    def _number(self, blank: Blank) -> str:
        return digits(self._solution.answer(blank))

    def _written(self, *, answers: bool = False) -> dict[Value | Edge, str]:
        """Return what the picture and the table have for gradients and local partials."""
        solution = self._solution
        found: dict[Value | Edge, str] = {}
        if self._kind != _PARTIALS:
            found.update({node: digits(number) for node, number in solution.gradients.items()})
        if self._kind == _LINE:
            # What lies before the line would give it away.
            node = self._blanks[-1].node
            found = {other: text for other, text in found.items() if other in self._after(node)}
        found.update({edge: digits(edge.partial) for edge in solution.edges()})
        for i, blank in enumerate(self._blanks, 1):
            key = blank.node if blank.slot is None else Edge(blank.node, blank.slot)
            found[key] = f"{self._number(blank)} ({i})" if answers else f"? ({i})"
        return found

    def _after(self, node: Value) -> set[Value]:
        """Return the nodes that use a node."""
        return {edge.node for edge in self._solution.uses[node]}

    def picture(self, *, answers: bool = False, paper: bool = False) -> Drawing:
        """Draw the graph with its blanks.

        Parameters
        ----------
        answers : bool
            Whether to fill them in.
        paper : bool
            Whether to draw black on white, in the direction in which letters are larger on a page.

        Returns
        -------
        Drawing
            The picture.
        """
        written = self._written(answers=answers)
        return on_paper(self._solution, written) if paper else picture(self._solution, written)

    def _table(self) -> tuple[list[str], list[list[str]]]:
        written, solution = self._written(), self._solution
        head = ["node", "formula", "value", "local partials", "gradient"]
        rows = [
            [
                solution.name_of[node],
                formula(node, solution.name_of) if node.op else "",
                digits(node.data),
                self._partials_of(node, written),
                written.get(node, ""),
            ]
            for node in solution.order
        ]  # fmt: skip
        kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
        return [head[i] for i in kept], [[row[i] for i in kept] for row in rows]

    def _partials_of(self, node: Value, written: Mapping[Value | Edge, str]) -> str:
        shown = [edge for edge in edges(node) if edge in written]
        return ", ".join(f"{self._solution.partial(edge).name} = {written[edge]}" for edge in shown)

    def _how_to_answer(self) -> str:
        names = [self._solution.name_of[blank.node] for blank in self._blanks]
        if self._kind == _GRADIENTS and all(name.isidentifier() for name in names):
            call = ", ".join(f"{name}=..." for name in names)
        else:
            call = ", ".join("..." for _ in names)
        return f'Answer with .check({call}): numbers, or formulas such as "2 * x".'

    def __repr__(self) -> str:
        table = [f"  {line}" for line in text_table(*self._table()).splitlines()]
        line = [f"  {self.line}"] if self.line else []
        return "\n".join([self.title, *table, *line, self._how_to_answer()])

    def _repr_html_(self) -> str:
        line = f"{self.line}. " if self.line else ""
        return self._image() + html_table(*self._table(), self.title, line + self._how_to_answer())

    def _image(self) -> str:
        """Return the picture as an image, in which no label can be markup."""
        try:
            image = base64.b64encode(self.picture().render("svg")).decode()
        except LayoutUnavailableError:
            return ""
        return f'<img alt="" style="max-width: 100%" src="data:image/svg+xml;base64,{image}">'


def exercise(
    y: Value | str,
    blanks: Kind = "gradients",
    *,
    hide: Hidden | Sequence[Value | str] | None = None,
    rng: int | np.random.Generator = 0,
    tolerance: float = 0.005,
    names: Mapping[str, Any] | None = None,
) -> Exercise:
    """Make an exercise of a graph: some of its numbers are left blank, and answers are marked.

    Parameters
    ----------
    y : Value or str
        The result, of at most 60 nodes; or the id of an example of the notes: ``"A4"``, ``"A5"``, ``"A7"``,
        ``"B3"``, ``"C2"``, ``"C6"``, ``"C8"``, ``"C9"``, ``"D1"`` or ``"E2"``.
    blanks : str
        ``"gradients"`` asks for the gradients of nodes (A4 and C6 of the notes), ``"partials"`` for local
        partials (A5), ``"line"`` for one line of the backward pass: the local partials of the uses of one
        node, and the sum that is its gradient.
    hide : int, Value, str or a sequence of these, optional
        How many numbers to ask for, drawn at random; or which: the nodes whose gradients, or whose local
        partials, or whose line is asked for. By default all, up to 8, and the line of the node with the most
        uses.
    rng : int or numpy.random.Generator
        What draws them.
    tolerance : float
        How far an answer may be off, as a part of it.
    names : mapping, optional
        Variables to name nodes without a label; by default the caller's, and none for ``{}``.

    Returns
    -------
    Exercise
        What shows the question, and whose ``check`` marks answers.

    Raises
    ------
    TypeError
        If `y` is not a `Value`.
    ValueError
        For other blanks, a node that is not in the graph, two nodes of one name, a graph that is too large
        or has nothing to ask.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> exercise(x + x * x)
    Gradients: how much does v2 move with each node? That of v2 itself is 1.
      node  formula  value  local partials                               gradient
      x                  3                                               ? (1)
      v1    x * x        9  ∂v1/∂x (1st use) = 3, ∂v1/∂x (2nd use) = 3   ? (2)
      v2    x + v1      12  ∂v2/∂x = 1, ∂v2/∂v1 = 1                      1
    Answer with .check(x=..., v1=...): numbers, or formulas such as "2 * x".
    """
    if isinstance(y, str):
        if y not in EXAMPLES:
            raise ValueError(f"expected the id of an example, one of {', '.join(EXAMPLES)}; got {y!r}")
        y = EXAMPLES[y]()
    if not isinstance(y, Value):
        raise TypeError(f"exercise expected a Value, got {y!r} ({type(y).__name__})")
    if blanks not in get_args(Kind):
        raise ValueError(f"expected blanks to be one of {', '.join(get_args(Kind))}, got {blanks!r}")
    order = nodes(y)
    if len(order) > _MOST_NODES:
        raise ValueError(
            f"{len(order):,} nodes are no exercise, the most is {_MOST_NODES}: pass a node nearer to the "
            "leaves, such as the result of one neuron"
        )
    name_of = names_for_caller(order, names)
    for name, times in Counter(name_of.values()).items():
        if times > 1:
            raise ValueError(f"{times} nodes are called {name!r}, so that nobody could name them: label them")
    solution = Solution(y, name_of)
    found = _candidates(solution, blanks, hide)
    if not found:
        raise ValueError("there is nothing to ask: no derivative flows in this graph")
    most = hide if isinstance(hide, int) else _MOST_BLANKS if hide is None and blanks != _LINE else len(found)
    if most < 1:
        raise ValueError(f"expected hide, the number of blanks, to be at least 1, got {hide}")
    if len(found) > most:
        chosen = np.random.default_rng(rng).choice(len(found), size=most, replace=False)
        found = [found[i] for i in sorted(chosen)]
    return Exercise(solution, blanks, found, tolerance)


def _candidates(solution: Solution, kind: Kind, hide: Any) -> list[Blank]:
    """Return all blanks that may be asked for."""
    named = None if hide is None or isinstance(hide, int) else dict.fromkeys(_nodes_of(solution, hide))
    if kind == _LINE:
        with_uses = [node for node in solution.order if solution.uses[node]]
        if not with_uses:
            return []
        # A leaf before an interior node, if both have as many uses.
        node = next(iter(named)) if named else max(with_uses, key=lambda node: len(solution.uses[node]))
        partials = [solution.partial(edge) for edge in solution.uses[node]]
        return [*partials, solution.gradient(node)] if partials else []
    if kind == _PARTIALS:
        found = solution.edges() if named is None else [edge for node in named for edge in edges(node)]
        return [solution.partial(edge) for edge in found]
    asked = solution.order[:-1] if named is None else [*named]
    return [solution.gradient(node) for node in asked if node in solution.gradients]


def _nodes_of(solution: Solution, hide: Any) -> list[Value]:
    """Return the nodes that are named."""
    by_name = {_plain(name): node for node, name in solution.name_of.items()}
    found = []
    for item in [hide] if isinstance(hide, Value | str) else hide:
        node = by_name.get(_plain(item)) if isinstance(item, str) else item
        if not isinstance(node, Value) or node not in solution.name_of:
            known = ", ".join(solution.name_of.values())
            raise ValueError(f"expected hide to have nodes of this graph ({known}), got {item!r}")
        found.append(node)
    return found


def _plain(name: str) -> str:
    """Return a name without blanks, and with a d for each ∂."""
    return "".join(name.replace("∂", "d").split())


def _grouped(number: str) -> str:
    return f"({number})" if number.startswith("-") else number
