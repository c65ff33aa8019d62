"""`Rule`: a formula of the table, parsed once.

A rule is text, such as ``"1.0 + out * out"``, and is parsed into an expression of three forms: a name, a
number, and a word applied to operands. Signs are words, too: ``x + y`` applies `add` to x and y. A word is
the name of a row, or one of the few that `autograd.ops.meanings` lists.

An interpreter of rules is a `Target`: it says what a name, a number and an application become, such as text
in some language, or instructions of a program. `Rule.on` is the only walk over an expression.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from math import inf
from typing import Protocol, TypeVar

T = TypeVar("T")


# Plain classes: three tuples with names would add 1% to the time of an import.
class Name:
    """An argument of the row, or ``out``."""

    __match_args__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Number:
    """A number that is not negative; ``inf`` is one."""

    __match_args__ = ("number",)

    def __init__(self, number: float) -> None:
        self.number = number


class Application:
    """A word and its operands."""

    __match_args__ = ("word", "operands")

    def __init__(self, word: str, operands: tuple[Expression, ...]) -> None:
        self.word = word
        self.operands = operands


Expression = Name | Number | Application


class Target(Protocol[T]):
    """What a rule is translated to."""

    def name(self, name: str) -> T:
        """Return what a name stands for."""

    def number(self, number: float) -> T:
        """Return a number."""

    def apply(self, word: str, operands: tuple[T, ...]) -> T:
        """Return a word applied to operands, which are translated already."""


class Rule:
    """A formula over the arguments of a row, and for a partial over its output.

    Parameters
    ----------
    text : str
        The formula: names, numbers, calls of words, ``+ - * / // %`` and comparisons.

    Attributes
    ----------
    text : str
        The formula.

    Examples
    --------
    >>> rule = Rule("y * pow(x, y - 1.0)")
    >>> rule.words, rule.names
    (('mul', 'pow', 'sub'), ('y', 'x', 'y'))
    """

    def __init__(self, text: str) -> None:
        self.text = text

    # Lazily, because an import of the package needs few of them.
    @cached_property
    def tree(self) -> Expression:
        """The parsed formula."""
        return _parsed(ast.parse(self.text, mode="eval").body)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words in it, each as often as it is there, the outer before the inner."""
        return tuple(part.word for part in parts(self.tree) if isinstance(part, Application))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names in it, each as often as it is there."""
        return tuple(part.name for part in parts(self.tree) if isinstance(part, Name))

    @cached_property
    def numbers(self) -> tuple[float, ...]:
        """The numbers in it, without their signs."""
        return tuple(part.number for part in parts(self.tree) if isinstance(part, Number))

    @property
    def is_atom(self) -> bool:
        """Whether it is a name or a number, which may be negative."""
        match self.tree:
            case Name() | Number() | Application("neg", (Number(),)):
                return True
        return False

    def on(self, target: Target[T]) -> T:
        """Return what the rule is for a target.

        Parameters
        ----------
        target : Target
            What each form becomes.

        Returns
        -------
        object
            What the whole becomes.

        Examples
        --------
        >>> class Depth:
        ...     def name(self, name: str) -> int:
        ...         return 0
        ...
        ...     def number(self, number: float) -> int:
        ...         return 0
        ...
        ...     def apply(self, word: str, operands: tuple[int, ...]) -> int:
        ...         return 1 + max(operands)
        >>> Rule("x + y * exp(x)").on(Depth())
        3
        """
        return translated(self.tree, target)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Rule({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, Rule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)


def translated(expression: Expression, target: Target[T]) -> T:
    """Return what a part of a rule is for a target, as `Rule.on` does for the whole."""
    if isinstance(expression, Name):
        return target.name(expression.name)
    if isinstance(expression, Number):
        return target.number(expression.number)
    operands = tuple([translated(operand, target) for operand in expression.operands])
    return target.apply(expression.word, operands)


def parts(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all that is in it, the outer before the inner, from left to right.

    Examples
    --------
    >>> [type(part).__name__ for part in parts(Rule("-x").tree)]
    ['Application', 'Name']
    """
    yield expression
    if isinstance(expression, Application):
        for operand in expression.operands:
            yield from parts(operand)


_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.USub: "neg",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}
"""The word of each sign of Python."""


def _parsed(node: ast.expr) -> Expression:
    """Return the tree of a rule from Python's."""
    match node:
        case ast.Name("inf"):
            return Number(inf)
        case ast.Name(name):
            return Name(name)
        case ast.Constant(float(number)):
            return Number(number)
        case ast.Call(ast.Name(word), args, []):
            return Application(word, tuple(map(_parsed, args)))
        case ast.UnaryOp(sign, operand) if type(sign) in _SIGNS:
            return Application(_SIGNS[type(sign)], (_parsed(operand),))
        case ast.BinOp(left, sign, right) if type(sign) in _SIGNS:
            return Application(_SIGNS[type(sign)], (_parsed(left), _parsed(right)))
        case ast.Compare(left, [sign], [right]) if type(sign) in _SIGNS:
            return Application(_SIGNS[type(sign)], (_parsed(left), _parsed(right)))
    raise ValueError(
        f"expected a rule of names, floats, calls, + - * / // % and comparisons, got {ast.unparse(node)!r}"
    )
