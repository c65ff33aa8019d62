"""Operations that are no functions of numbers: they arrange numbers, or run a program over them.

An `Op` is a row of the table: a rule for its value, and one for each partial. To put the numbers of several
samples together has no such rule, nor has a loop. Each of these is a `Structural`, which answers for itself
what everybody else reads off a row: how derivatives go through it, how it is written, and what a compiler
may make of it. Nobody compares an operation with one of them; who needs to know something asks it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

from .table import Op

T = TypeVar("T")


class Part(NamedTuple):
    """What flows back to one of the numbers that an operand stands for.

    Attributes
    ----------
    element : int
        Which of them.
    of : int
        How many there are.
    number : Value or float
        What flows to it.
    """

    element: int
    of: int
    number: Any


class Piece(NamedTuple):
    """What flows back to one of the results of an operation that has several.

    Attributes
    ----------
    of : hashable
        Which of them.
    number : Value or float
        What flows to it.
    """

    of: Any
    number: Any


When = Literal["given", "left", "last"]
"""Of a number that a loop carries: what each step is given, what each step leaves, or the last one."""


class Instructions(Protocol):
    """What `Structural.simplified` reads and writes: a program of one instruction a number."""

    ops: list[Operation | None]
    args: list[tuple[int, ...]]
    numbers: list[float | None]

    def add(self, op: Operation, args: tuple[int, ...], /) -> int:
        """Append an instruction, or find one of the same result, and return which it is."""

    def constant(self, number: float, /) -> int:
        """Append a constant, or find it, and return which instruction it is."""


class Structural:
    """An operation that is no function of numbers.

    A node of it may stand for several numbers, such as one for each sample. Its operands may be several
    numbers as well. Along an edge whose partial is not None a derivative flows, whatever the partial is:
    `pull` and `push` say which. A loop has a body, gives as many numbers as it carries, and pulls adjoints
    back by another loop; what has only one form is a single object, as a row is.

    Attributes
    ----------
    name, symbol : str
        As those of a row; there is no infix symbol for any of them.
    variadic : bool
        Whether it takes any number of operands.
    arranges : bool
        Whether each of its numbers is one of an operand's, see `sources`.
    adds : bool
        Whether it adds up all numbers of its first operand; the second is a constant that says how many.
    computes : bool
        Whether its node is a number of its own, and no part of a batch or a loop, which other nodes look for
        among their operands: `no_grad` puts a constant in its place.
    reduces : Op or None
        Of a reduction that adds up over the samples as well, the row that it is within one sample.
    over : tuple of int
        Of such a reduction, the axes that it adds up over.
    settles_axes : bool
        Whether `pull` gives each operand what flows to it along the operand's own axes.
    statics : int
        How many of its last operands are constants that say what it does, and are no numbers of the program.
    is_written_out : bool
        Whether a program has in its place the instructions that `simplified` gives for any operands.
    may_be_differentiated : bool
        Whether the derivative of these instructions is that of the operation.

    Notes
    -----
    ============================================ ==============================================
    who asks                                     for what
    ============================================ =========================================================
    the sweeps (`autograd.transforms`)           `length`, `pull`, `push`
    what evaluates a graph again                 `apply`
    formulas and pictures (`autograd.show`)      `name`, `written`
    the compiler, while it rewrites a program    `columns`, `length`, `fold`, `simplified`, `adds`
    the compiler, for arrays                     `arranges`, `sources`, `statics`, `reduces`
    ============================================ =========================================================

    Examples
    --------
    >>> class Swap(Structural):
    ...     name = "swap"
    >>> Swap(), Swap().written(["a", "b"]), Swap().columns([1, 2])
    (swap, 'swap(a, b)', [[1], [2]])
    """

    name: ClassVar[str]
    symbol: ClassVar[str] = ""
    variadic: ClassVar[bool] = False
    arranges: ClassVar[bool] = False
    adds: ClassVar[bool] = False
    computes: ClassVar[bool] = False
    reduces: Op | None = None
    over: tuple[int, ...] = ()
    settles_axes: ClassVar[bool] = False
    statics: ClassVar[int] = 0
    is_written_out: ClassVar[bool] = False
    may_be_differentiated: ClassVar[bool] = False

    def columns(self, operands: Sequence[T]) -> list[Sequence[T]]:
        """Return the operands by what they are for, as `Op.columns` does."""
        return [operands] if self.variadic else [operands[i : i + 1] for i in range(len(operands))]

    def length(self, operands: int) -> int | None:
        """Return how many numbers a node of so many operands stands for; 0 is a single number.

        None is for as many as its operands stand for: like a row, it computes each number from one of each.
        """
        return None

    def axes(self, of_operands: Sequence[frozenset[Any]]) -> frozenset[Any]:
        """Return the axes that a result varies along, from those of its operands."""
        return frozenset[Any]().union(*of_operands)

    # ----------------------------------------------------------------------------------------- derivatives

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return what flows back to each operand.

        Parameters
        ----------
        node : Value
            The result.
        adjoint : Value or float
            Its adjoint: for each number that the node stands for one, or a float that is that of each.
        wanted : container of Value
            The operands whose adjoint is wanted.
        lengths : mapping of Value to int
            Of nodes that stand for several numbers, how many.

        Returns
        -------
        sequence of Value, float, Part or None
            One for each operand; None where nothing flows or it is not wanted.
        """
        raise NotImplementedError(f"no derivative is known backward through {self.name}")

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent of a node from those of its operands; None is that of one that stands still."""
        raise NotImplementedError(f"no derivative is known forward through {self.name}")

    def flows(self, node: Any, adjoint: Any) -> Sequence[Any]:
        """Return what flows back to each operand in a sweep of numbers; None for nothing.

        Asked of nodes that `autograd.engine.apply.record_by_rule` makes. For all others it is the product of
        the adjoint and the partial that the node has stored.
        """
        raise NotImplementedError(f"no rule is known for what flows back through {self.name}")

    # ------------------------------------------------------------------------------------------- evaluation

    def apply(self, *operands: Any) -> Any:
        """Return the result for other operands."""
        raise NotImplementedError(f"{self.name} cannot be evaluated again")

    def written(self, operands: Sequence[str], *, latex: bool = False) -> str:
        """Return how a result is written, from how its operands are."""
        inside = ", ".join(operands)
        return rf"\operatorname{{{self.name}}}\left({inside}\right)" if latex else f"{self.name}({inside})"

    # ------------------------------------------------------------------------------------------ compilation

    def fold(self, numbers: Sequence[float]) -> float | None:
        """Return the result for operands that are constants, if it is a constant."""
        return None

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return an instruction of the same result that the program has, or may have; None if there is none.

        Parameters
        ----------
        tape : Instructions
            The program until now, to which instructions may be added.
        args : tuple of int
            The operands.
        lengths : sequence of int
            How many numbers each instruction stands for.
        """
        return None

    def described(self) -> str | None:
        """Return a text that no other operation has; None for what is known by its name, or not at all."""
        return None

    def sources(self, operands: int, statics: Sequence[float]) -> list[tuple[int, int]]:
        """Return, for each number of what `arranges`, which operand it is of, and which number of that one.

        Parameters
        ----------
        operands : int
            How many there are, `statics` not counted.
        statics : sequence of float
            The last operands, which are constants.
        """
        raise NotImplementedError(f"{self.name} is not made of numbers of its operands")

    def __repr__(self) -> str:
        return self.name


class OfAttributes(Structural):
    """A structural operation with attributes: operations of one class are equal if their attributes are.

    For a dataclass, Python would compile methods that say so, which for all such operations takes as long as
    3% of the import of the package.

    Examples
    --------
    >>> class Shifted(OfAttributes):
    ...     name = "shifted"
    ...     def __init__(self, by: int) -> None:
    ...         self.by = by
    >>> Shifted(1) == Shifted(1), Shifted(1) == Shifted(2), Shifted(1).described()
    (True, False, 'shifted [1]')
    """

    def described(self) -> str:
        """Return its attributes as a text, which on a tape are numbers."""
        return f"{self.name} {[*vars(self).values()]}"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((*vars(self).values(),))


Operation = Op | Structural
"""What makes a node."""
