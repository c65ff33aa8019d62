"""Graphs in plain floats: what the engine's nodes have to hold, found without a tape and without a sweep.

An expression is evaluated by recursion, by formulas of its own. Its derivative by a leaf is the slope along a
step of that leaf, by dual numbers (Clifford 1873), and derivatives of derivatives are slopes of slopes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

from autograd import OPS
from autograd.ops.table import COMPARISONS

# --------------------------------------------------------------------------------------------- dual numbers


@dataclass(frozen=True)
class Dual:
    """``number + slope ε`` with ε² = 0; both may be dual numbers in ε's that are older."""

    age: int
    number: Any
    slope: Any

    def __add__(self, other: Any) -> Dual:
        age, (a, b), (c, d) = _together(self, other)
        return Dual(age, a + c, b + d)

    def __mul__(self, other: Any) -> Dual:
        age, (a, b), (c, d) = _together(self, other)
        return Dual(age, a * c, a * d + b * c)

    def __neg__(self) -> Any:
        return self * -1.0

    def __sub__(self, other: Any) -> Any:
        return self + other * -1.0

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __truediv__(self, other: Any) -> Any:
        return self * _inverse(other)

    def __rtruediv__(self, other: Any) -> Any:
        return _inverse(self) * other

    __radd__, __rmul__ = __add__, __mul__


def _parts(x: Any, age: int) -> tuple[Any, Any]:
    """Return the number and the slope of the ε of some age."""
    return (x.number, x.slope) if isinstance(x, Dual) and x.age == age else (x, 0.0)


def _together(x: Any, y: Any) -> tuple[int, tuple[Any, Any], tuple[Any, Any]]:
    age = max(number.age for number in (x, y) if isinstance(number, Dual))
    return age, _parts(x, age), _parts(y, age)


def plain(x: Any) -> float:
    """Return a number without its slopes."""
    while isinstance(x, Dual):
        x = x.number
    return float(x)


Function = Callable[[Any], Any]


def _with_slope(value: Callable[[float], float], slope: Function) -> Function:
    """Return a function of dual numbers, from what it is on floats and from its derivative."""

    def f(x: Any) -> Any:
        return Dual(x.age, f(x.number), slope(x.number) * x.slope) if isinstance(x, Dual) else value(x)

    return f


_inverse = _with_slope(lambda x: 1.0 / x, lambda x: -1.0 / (x * x))
_exp: Function = _with_slope(math.exp, lambda x: _exp(x))
_log = _with_slope(math.log, lambda x: 1.0 / x)
_sin: Function = _with_slope(math.sin, lambda x: _cos(x))
_cos: Function = _with_slope(math.cos, lambda x: -1.0 * _sin(x))
_root: Function = _with_slope(math.sqrt, lambda x: 0.5 / _root(x))
_arctan = _with_slope(math.atan, lambda x: 1.0 / (1.0 + x * x))
_arcsin = _with_slope(math.asin, lambda x: 1.0 / _root(1.0 - x * x))
_erf = _with_slope(math.erf, lambda x: 2.0 / math.sqrt(math.pi) * _exp(-1.0 * x * x))


def _sinh(x: Any) -> Any:
    return (_exp(x) - _exp(-1.0 * x)) / 2.0


def _cosh(x: Any) -> Any:
    return (_exp(x) + _exp(-1.0 * x)) / 2.0


def _floor(x: Any) -> float:
    return float(math.floor(plain(x)))


def _product(factors: Sequence[Any]) -> Any:
    product = 1.0
    for factor in factors:
        product = product * factor
    return product


FORMULAS: Mapping[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "truediv": lambda x, y: x / y,
    "floordiv": lambda x, y: _floor(x / y),
    "mod": lambda x, y: x - y * _floor(x / y),
    "neg": lambda x: -x,
    "pos": lambda x: x,
    "pow": lambda x, y: _exp(y * _log(x)),
    "abs": lambda x: x * float((plain(x) > 0.0) - (plain(x) < 0.0)),
    "max": lambda x, y: x if plain(x) >= plain(y) else y,
    "min": lambda x, y: x if plain(x) <= plain(y) else y,
    "where": lambda condition, x, y: x if plain(condition) else y,
    "exp": _exp,
    "log": _log,
    "log1p": lambda x: _log(1.0 + x),
    "expm1": lambda x: _exp(x) - 1.0,
    "sqrt": _root,
    "cbrt": lambda x: _exp(_log(x) / 3.0),
    "log2": lambda x: _log(x) / math.log(2.0),
    "log10": lambda x: _log(x) / math.log(10.0),
    "exp2": lambda x: _exp(x * math.log(2.0)),
    "floor": _floor,
    "erf": _erf,
    "erfc": lambda x: 1.0 - _erf(x),
    "sin": _sin,
    "cos": _cos,
    "tan": lambda x: _sin(x) / _cos(x),
    "arcsin": _arcsin,
    "arccos": lambda x: math.pi / 2.0 - _arcsin(x),
    "arctan": _arctan,
    "arctan2": lambda x, y: _arctan(x / y),
    "hypot": lambda x, y: _root(x * x + y * y),
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": lambda x: _sinh(x) / _cosh(x),
    "sech2": lambda x: 1.0 / (_cosh(x) * _cosh(x)),
    "arcsinh": lambda x: _log(x + _root(x * x + 1.0)),
    "arccosh": lambda x: _log(x + _root(x * x - 1.0)),
    "arctanh": lambda x: _log((1.0 + x) / (1.0 - x)) / 2.0,
    "sigmoid": lambda x: 1.0 / (1.0 + _exp(-1.0 * x)),
    "relu": lambda x: x * float(plain(x) > 0.0),
    "softplus": lambda x: _log(1.0 + _exp(x)),
    "sum": lambda *x: sum(x),
    "dot": lambda *x: sum(a * b for a, b in zip(x[: len(x) // 2], x[len(x) // 2 :], strict=True)),
    "mean": lambda *x: sum(x) / float(len(x)),
    "prod": lambda *x: _product(x),
    "norm": lambda *x: _root(sum(a * a for a in x)),
    "logsumexp": lambda *x: _log(sum(map(_exp, x))),
    "lt": lambda x, y: float(plain(x) < plain(y)),
    "le": lambda x, y: float(plain(x) <= plain(y)),
    "gt": lambda x, y: float(plain(x) > plain(y)),
    "ge": lambda x, y: float(plain(x) >= plain(y)),
    "eq": lambda x, y: float(plain(x) == plain(y)),
    "ne": lambda x, y: float(plain(x) != plain(y)),
    "constant": plain,
}
"""Each row as a formula of dual numbers, inside of its domain; the sequences of a row one after the other."""

# -------------------------------------------------------------------------------------------------- graphs


@dataclass(eq=False)
class Leaf:
    """A leaf: its number now, and its gradient, which may be an expression."""

    data: float
    grad: Any = None

    def read(self) -> Read:
        """Return the leaf as an operand, which keeps the number of now."""
        return Read(self, self.data)


@dataclass(eq=False)
class Read:
    """A leaf as it was when an expression was made of it."""

    leaf: Leaf
    number: float
    order: int = 0


@dataclass(eq=False)
class Applied:
    """A row of the table, applied to expressions and floats. Its gradient is that of the last sweep."""

    row: str
    operands: tuple[Any, ...]
    swept: Swept | None = None
    number: float = field(init=False)
    order: int = field(init=False)

    def __post_init__(self) -> None:
        self.number = float(FORMULAS[self.row](*map(number_of, self.operands)))
        self.order = max(operand.order for operand in self.operands if not isinstance(operand, float))


@dataclass(eq=False)
class Slope:
    """The derivative of an expression by a leaf."""

    root: Any
    leaf: Leaf
    swept: Swept | None = None
    number: float = field(init=False)
    order: int = field(init=False)
    effort: int = field(init=False)

    def __post_init__(self) -> None:
        self.number, self.order = plain(_slope(self.root, self.leaf, {})), self.root.order + 1
        self.effort = effort(self.root)


def number_of(operand: Any) -> float:
    """Return the number of a constant or an expression."""
    number: float = operand if isinstance(operand, float) else operand.number
    return number


@dataclass(eq=False)
class Swept:
    """The last sweep that reached a result, and its root; None if the path from there is not known."""

    root: Any
    node: Any
    seed: float

    @cached_property
    def gradient(self) -> float | None:
        """What the sweep left in the result."""
        return None if self.root is None else self.seed * plain(_slope(self.root, self.node, {}))


def effort(root: Any) -> int:
    """Return how many operations it takes to evaluate an expression; those of a slope come anew in each."""
    parts = below(root, through_slopes=False)
    return sum(part.effort if isinstance(part, Slope) else 1 for part in parts)


_AGES = count()


def evaluated(expression: Any, steps: Mapping[Any, Any] | None = None) -> Any:
    """Return the number of an expression, with steps added to some leaves and results."""
    known: dict[Any, Any] = {}
    moved = steps or {}

    def of(part: Any) -> Any:
        if isinstance(part, float):
            return part
        if part not in known:
            found = found_of(part)
            known[part] = found + moved[part] if part in moved else found
        return known[part]

    def found_of(part: Any) -> Any:
        match part:
            case Read():
                return part.number + moved.get(part.leaf, 0.0)
            case Applied():
                return FORMULAS[part.row](*map(of, part.operands))
        return _slope(part.root, part.leaf, moved)

    return of(expression)


def _slope(root: Any, by: Any, steps: Mapping[Any, Any]) -> Any:
    age = next(_AGES)
    stepped = {**steps, by: steps.get(by, 0.0) + Dual(age, 0.0, 1.0)}
    return _parts(evaluated(root, stepped), age)[1]


def below(root: Any, *, by_derivative: bool = False, through_slopes: bool = True) -> Iterator[Any]:
    """Yield all expressions that one is made of, itself included, each once."""
    seen = {root}
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        operands: Sequence[Any] = ()
        if isinstance(part, Applied):
            operands = part.operands if not by_derivative else _differentiated(part)
        elif isinstance(part, Slope) and through_slopes:
            operands = (part.root,)
        for operand in operands:
            if not isinstance(operand, float) and operand not in seen:
                seen.add(operand)
                waiting.append(operand)


def _differentiated(part: Applied) -> list[Any]:
    """Return the operands to which a derivative flows."""
    if part.row in COMPARISONS or part.row == "constant":
        return []
    op = OPS[part.row]
    each = len(part.operands) // len(op.partials)
    return [operand for i, operand in enumerate(part.operands) if not op.selects(i // each)]


def is_stale(root: Any) -> bool:
    """Return whether a leaf has another number than an expression was made of."""
    return any(isinstance(part, Read) and part.leaf.data != part.number for part in below(root))


def sweep(root: Any, seed: float, *, create_graph: bool) -> None:
    """Add the derivatives of an expression to the gradients of leaves, and note the sweep in results."""
    direct = set(below(root, by_derivative=True, through_slopes=False))
    # Which nodes the graph of a derivative is made of is not ours to say; only what it adds up to.
    hidden = {part for slope in direct if isinstance(slope, Slope) for part in below(slope.root)}
    leaves = {part.leaf: None for part in below(root, by_derivative=True) if isinstance(part, Read)}
    for leaf in leaves:
        if create_graph:
            found: Any = Applied("mul", (Slope(root, leaf), seed))
        else:
            found = seed * plain(_slope(root, leaf, {}))
        if isinstance(leaf.grad, float) and isinstance(found, float):
            leaf.grad += found
        else:
            leaf.grad = found if leaf.grad is None else Applied("add", (found, leaf.grad))
    for part in direct | hidden:
        if isinstance(part, Applied | Slope):
            part.swept = Swept(None if part in hidden else root, part, seed)


def gradient(node: Leaf | Applied | Slope) -> float | None:
    """Return the gradient of a node, None for that of a result whose part in a derivative is not known."""
    if isinstance(node, Leaf):
        return 0.0 if node.grad is None else node.grad if isinstance(node.grad, float) else node.grad.number
    return 0.0 if node.swept is None else node.swept.gradient


def holding(node: Any) -> set[Any]:
    """Return all leaves and results that a node keeps alive, itself included.

    A gradient that is a graph holds no leaf, and nothing that holds one.
    """
    seen = {node}
    waiting = [node]
    while waiting:
        part = waiting.pop()
        match part:
            case Leaf():
                found: Sequence[Any] = [part.grad]
            case Read():
                found = [part.leaf]
            case Applied():
                found = part.operands
            case Slope():
                found = [other for other in below(part.root) if not _holds_a_leaf(other)]
        new = [other for other in found if not isinstance(other, float | None) and other not in seen]
        seen.update(new)
        waiting += new
    return seen


def _holds_a_leaf(part: Any) -> bool:
    return any(isinstance(other, Read) for other in below(part, through_slopes=False))


def duplicated(nodes: Sequence[Any]) -> list[Any]:
    """Return copies of nodes and of all that they are made of, which share what these share."""
    copies: dict[Any, Any] = {}

    def of(part: Any) -> Any:
        if isinstance(part, float | None):
            return part
        if part not in copies:
            match part:
                case Leaf():
                    copies[part] = Leaf(part.data)
                    copies[part].grad = of(part.grad)
                case Read():
                    copies[part] = Read(of(part.leaf), part.number)
                case Applied():
                    copies[part] = Applied(part.row, tuple(map(of, part.operands)))
                case Slope():
                    copies[part] = Slope(of(part.root), of(part.leaf))
            if isinstance(part, Applied | Slope):
                copies[part].swept = part.swept  # The number of its gradient stays.
        return copies[part]

    return [*map(of, nodes)]
