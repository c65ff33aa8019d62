"""The table of operations: one row each, and nothing else in the project knows a derivative.

A row is made of rules, as text in the words that `autograd.ops.meanings` lists. ``x`` and ``y`` are the
arguments, and ``out`` is the value, so that a partial can reuse it (``1 + out*out`` costs less than ``tan``
twice). A `Rule` has many readers: `autograd.engine.operators` evaluates it on floats, NumPy on arrays, and
`Value`s when a derivative is itself differentiated; backends compile it, and people read it.

Partials, not vector-Jacobian products: reverse mode multiplies them by the adjoint, forward mode by
the tangent, and a graph shows them on its edges.

After a change here, ``python -m autograd.ops.generate`` writes the operators and functions anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import e, inf, log, log10, nan, pi, sqrt
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np

from .rule import Rule

Reals = tuple[float, ...]
T = TypeVar("T")


class SpecialPoint(NamedTuple):
    """The value and the partials that a row has at one point."""

    at: Reals
    value: float
    partials: Reals


class Accumulator(NamedTuple):
    """A number that a loop updates with each element of the arguments.

    Attributes
    ----------
    name : str
        Its name in rules.
    start : float
        Its value before the first element.
    step : Rule
        Its next value, over its name, the arguments (one element of each), and earlier accumulators.
    """

    name: str
    start: float
    step: Rule


class Reduction(NamedTuple):
    """How loops compute a variadic row.

    Attributes
    ----------
    accumulators : tuple of Accumulator
        One loop each, in order.
    result : Rule
        The value, over the accumulators.
    ufunc : numpy.ufunc or None
        The NumPy function whose `reduce` is this; needed only if it does not follow from the step.
    together : tuple of Accumulator
        The same accumulators for a single loop, each step over what all of them were before the element;
        needed only if they are several. It costs a little more for numbers that stand in memory, and less
        for those that a second loop would compute again.
    """

    accumulators: tuple[Accumulator, ...]
    result: Rule
    ufunc: np.ufunc | None = None
    together: tuple[Accumulator, ...] = ()


@dataclass(eq=False, repr=False, init=False)
class Op:
    """One row of the table.

    Attributes
    ----------
    name : str
        Name of the row, and of its function in `autograd`.
    doc : str
        What it computes, as the object of a sentence that begins with "Return".
    value : Rule
        The value as a function of the arguments; the constructor takes the text of rules.
    partials : tuple of Rule
        For each argument ∂out/∂argument, over the arguments and ``out``. ``0.0`` marks an argument that only
        selects. The partial of a variadic row is a rule for one element of each argument, in which reductions
        such as ``sum`` go over all elements.
    latex : str
        The value in LaTeX, a template over the arguments.
    domain : tuple of (float, float)
        For each argument an interval from which tests sample points where the row is differentiable.
    special_points : tuple of SpecialPoint
        Points that tests check besides: kinks, poles, overflow, infinities.
    symbol, precedence : str, int
        Python's infix or prefix sign and its precedence, if there is one.
    latex_precedence : int or None
        The precedence of the LaTeX form, where it differs: a fraction needs parentheses only as a base.
    ufunc : numpy.ufunc or None
        The NumPy function of the same meaning.
    variadic : bool
        Whether the arguments are sequences.
    reduction : Reduction or None
        The loops of a variadic row whose rule is its own name; without any a backend calls Python.
    folds : float or None
        Of a row of two operands whose function also takes one iterable, as the builtin `max` does, the number
        that loops over many begin with.
    ulps : float
        How far the value may be from the exact one of the same arguments, in units in the last place: 0 for
        what selects or changes a sign, 0.5 for what IEEE 754 rounds correctly, else what tests measure. The
        error of a variadic row grows with the number of elements: it is that of its loop, or of its rule.

    Examples
    --------
    >>> OPS["mul"]
    mul: x * y, ∂out/∂x = y, ∂out/∂y = x
    """

    name: str
    doc: str
    value: Rule
    partials: tuple[Rule, ...]
    latex: str
    domain: tuple[tuple[float, float], ...]
    special_points: tuple[SpecialPoint, ...]
    symbol: str
    precedence: int
    latex_precedence: int | None
    ufunc: np.ufunc | None
    variadic: bool
    reduction: Reduction | None
    folds: float | None
    ulps: float

    def __init__(
        self,
        *,
        name: str,
        doc: str,
        value: str | Rule,
        partials: Sequence[str | Rule],
        latex: str,
        domain: tuple[tuple[float, float], ...],
        special_points: tuple[SpecialPoint, ...] = (),
        symbol: str = "",
        precedence: int = 9,
        latex_precedence: int | None = None,
        ufunc: np.ufunc | None = None,
        variadic: bool = False,
        reduction: Reduction | None = None,
        folds: float | None = None,
        ulps: float = 2.0,
    ) -> None:
        self.__dict__.update(
            name=name,
            doc=doc,
            value=_rule(value),
            partials=tuple(map(_rule, partials)),
            latex=latex,
            domain=domain,
            special_points=special_points,
            symbol=symbol,
            precedence=precedence,
            latex_precedence=latex_precedence,
            ufunc=ufunc,
            variadic=variadic,
            reduction=reduction,
            folds=folds,
            ulps=ulps,
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the arguments in the rules."""
        return ("condition", "x", "y") if len(self.partials) == 3 else ("x", "y")[: len(self.partials)]

    def columns(self, operands: Sequence[T]) -> list[Sequence[T]]:
        """Return the operands of a node by argument of the row: of a variadic row several each, else one.

        Examples
        --------
        >>> OPS["dot"].columns((1, 2, 3, 4)), OPS["mul"].columns((1, 2))
        ([(1, 2), (3, 4)], [(1,), (2,)])
        """
        length = len(operands) // len(self.partials)
        return [operands[i * length : (i + 1) * length] for i in range(len(self.partials))]

    def selects(self, argument: int) -> bool:
        """Return whether an argument only selects, so that no derivative flows through it.

        Examples
        --------
        >>> [OPS["where"].selects(i) for i in range(3)]
        [True, False, False]
        """
        return self.partials[argument].text == "0.0"

    @property
    def is_primitive(self) -> bool:
        """Whether the rule is the row's own name or sign, so that each backend has to know what it means."""
        # By the text: to parse the rules of all rows would add 2% to the time of an import.
        x, *y = self.parameters
        applied = f"{x} {self.symbol} {y[0]}" if y else f"{self.symbol}{x}"
        called = f"{self.name}({', '.join(self.parameters)})"
        return self.value.text == called or (bool(self.symbol) and self.value.text == applied)

    # By hand: what Python would compile for a frozen dataclass adds 1% to the time of an import.
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"rows of the table do not change, got {name} = {value!r}")

    def __repr__(self) -> str:
        pairs = zip(self.parameters, self.partials, strict=True)
        return f"{self.name}: {self.value}, " + ", ".join(f"∂out/∂{p} = {rule}" for p, rule in pairs)

    def __reduce__(self) -> tuple[Callable[[str], Op], tuple[str]]:
        # A row is known by identity, also after copy.deepcopy of a graph or pickling of a model.
        return row, (self.name,)


def _rule(given: str | Rule) -> Rule:
    return given if isinstance(given, Rule) else Rule(given)


def row(name: str) -> Op:
    """Return the row of a name.

    Examples
    --------
    >>> row("exp")
    exp: exp(x), ∂out/∂x = out
    """
    return OPS.get(name) or COMPARISONS.get(name) or CONSTANTS[name]


def _at(*point: float, gives: float, partials: Reals) -> SpecialPoint:
    """Return one special point of a row."""
    return SpecialPoint(point, gives, partials)


def _fold(step: str, start: float = 0.0) -> Reduction:
    """Return a reduction by one accumulator, which is the result."""
    return Reduction((Accumulator("total", start, Rule(step)),), Rule("total"))


_LINE = (-3.0, 3.0)
_POSITIVE = (0.1, 5.0)
_UNIT = (-0.95, 0.95)

_ROWS = (
    # ------------------------------------------------------------------------------- arithmetic
    Op(
        name="add", doc="the sum of two numbers", symbol="+", precedence=1, ufunc=np.add, ulps=0.5,
        value="x + y", partials=("1.0", "1.0"), latex="{x} + {y}", domain=(_LINE, _LINE),
        special_points=(
            _at(inf, -inf, gives=nan, partials=(1.0, 1.0)),
            _at(1e308, 1e308, gives=inf, partials=(1.0, 1.0)),
        ),
    ),
    Op(
        name="sub", doc="the difference of two numbers", symbol="-", precedence=1, ufunc=np.subtract,
        ulps=0.5, value="x - y", partials=("1.0", "-1.0"), latex="{x} - {y}", domain=(_LINE, _LINE),
        special_points=(_at(inf, inf, gives=nan, partials=(1.0, -1.0)),),
    ),
    Op(
        name="mul", doc="the product of two numbers", symbol="*", precedence=2, ufunc=np.multiply, ulps=0.5,
        value="x * y", partials=("y", "x"), latex=r"{x} \cdot {y}", domain=(_LINE, _LINE),
        special_points=(
            _at(0.0, inf, gives=nan, partials=(inf, 0.0)),
            _at(1e200, 1e200, gives=inf, partials=(1e200, 1e200)),
        ),
    ),
    Op(
        name="truediv", doc="the quotient of two numbers", symbol="/", precedence=2, ufunc=np.true_divide,
        ulps=0.5, value="x / y", partials=("1.0 / y", "-out / y"), latex=r"\frac{{{x}}}{{{y}}}",
        latex_precedence=4,
        domain=(_LINE, _POSITIVE),
        special_points=(
            _at(1.0, 0.0, gives=inf, partials=(inf, -inf)),
            _at(1.0, -0.0, gives=-inf, partials=(-inf, -inf)),
            _at(0.0, 0.0, gives=nan, partials=(inf, nan)),
            _at(1.0, inf, gives=0.0, partials=(0.0, -0.0)),
        ),
    ),
    # Computed from the remainder, which is exact: x / y may round up to a whole number. Beyond 2**53, where
    # all numbers are whole, this is off by up to 2 ulp, as in NumPy.
    Op(
        name="floordiv", doc="the largest whole number that is not above x / y", symbol="//", precedence=2,
        ufunc=np.floor_divide,
        value="x // y", partials=("0.0", "0.0"), latex=r"\left\lfloor \frac{{{x}}}{{{y}}} \right\rfloor",
        latex_precedence=9, domain=((4.1, 4.9), (1.9, 2.0)),
        special_points=(
            _at(1.0, 0.1, gives=9.0, partials=(0.0, 0.0)),
            _at(-5.0, 2.0, gives=-3.0, partials=(0.0, 0.0)),
            _at(5.0, 0.0, gives=inf, partials=(0.0, 0.0)),
            _at(0.0, 0.0, gives=nan, partials=(0.0, 0.0)),
        ),
    ),
    Op(
        name="mod", doc="the remainder of x divided by y, with the sign of y", symbol="%",
        precedence=2, ufunc=np.remainder, ulps=0.5,
        value="x % y", partials=("1.0", "-(x // y)"), latex=r"{x} \operatorname{{mod}} {y}",
        domain=((4.1, 4.9), (1.9, 2.0)),
        special_points=(
            _at(1.0, 0.1, gives=0.09999999999999995, partials=(1.0, -9.0)),
            _at(-5.0, 3.0, gives=1.0, partials=(1.0, 2.0)),
            _at(5.0, -3.0, gives=-1.0, partials=(1.0, 2.0)),
            _at(1.0, 0.0, gives=nan, partials=(1.0, -inf)),
        ),
    ),
    Op(
        name="neg", doc="the number with its sign changed", symbol="-", precedence=3, ufunc=np.negative,
        ulps=0.0, value="-x", partials=("-1.0",), latex="-{x}", domain=(_LINE,),
        special_points=(_at(0.0, gives=-0.0, partials=(-1.0,)),),
    ),
    # A node of its own, so that one can differentiate with respect to one use of a number.
    Op(
        name="pos", doc="the number itself", symbol="+", precedence=3, ufunc=np.positive, ulps=0.0,
        value="x", partials=("1.0",), latex="{x}", domain=(_LINE,),
        special_points=(_at(-0.0, gives=-0.0, partials=(1.0,)),),
    ),
    # ∂out/∂x is y * x**(y - 1). For y < 1/2 the difference y - 1 is rounded, which costs 230 ulp at
    # 1e-100**-1.3, and x**(y - 1) may overflow although its product with y does not, as at 1e-310**1e-3.
    # There it is y * out / x, unless x is 0, inf or nan (for these abs(x) / 2 < abs(x) is false). At (0, 0)
    # the base 1 avoids 0 * inf. For y == 0 the rule must still depend on y: its derivative by y is not 0.
    # ∂out/∂y is out * log(x). The special cases avoid 0 * inf at (0, y >= 0) and at (inf, y < 0), and give
    # the limit from inside the domain.
    Op(
        name="pow", doc="x to the power y", symbol="**", precedence=4, ufunc=np.power,
        value="pow(x, y)",
        partials=(
            "where(where(y == 0.0, 1.0, where(y < 0.5, 0.5 * abs(x) < abs(x), 0.0)), "
            "y * out / where(abs(x) > 0.0, x, 1.0), y * pow(x, where(y == 0.0, 1.0, y - 1.0)))",
            "where(x == 0.0, where(y >= 0.0, 0.0, -inf), where(out == 0.0, 0.0, out * log(x)))",
        ),
        latex="{x}^{{{y}}}", domain=(_POSITIVE, _LINE),
        special_points=(
            _at(0.0, 0.0, gives=1.0, partials=(0.0, 0.0)),
            _at(3.0, 0.0, gives=1.0, partials=(0.0, 1.0986122886681098)),
            _at(0.0, 1.0, gives=0.0, partials=(1.0, 0.0)),
            _at(0.0, 2.0, gives=0.0, partials=(0.0, 0.0)),
            _at(0.0, 0.5, gives=0.0, partials=(inf, 0.0)),
            _at(0.0, -1.0, gives=inf, partials=(-inf, -inf)),
            _at(-2.0, 3.0, gives=-8.0, partials=(12.0, nan)),
            _at(-8.0, 1 / 3, gives=nan, partials=(nan, nan)),
            _at(10.0, 400.0, gives=inf, partials=(inf, inf)),
            _at(nan, 0.0, gives=1.0, partials=(0.0, nan)),
            _at(inf, -1.0, gives=0.0, partials=(-0.0, 0.0)),
            _at(inf, 0.25, gives=inf, partials=(0.0, inf)),
            _at(
                1e-310, 0.25, gives=3.162277660168377e-78,
                partials=(7.905694150420966e231, -2.2572381540656566e-75),
            ),
        ),
    ),
    Op(
        name="abs", doc="the absolute value; its derivative at 0 is 0", ufunc=np.absolute, ulps=0.0,
        value="abs(x)", partials=("where(x == 0.0, 0.0, where(x < 0.0, -1.0, 1.0))",),
        latex=r"\left|{x}\right|", domain=((-3.0, -0.1),),
        special_points=(
            _at(0.0, gives=0.0, partials=(0.0,)),
            _at(-0.0, gives=0.0, partials=(0.0,)),
            _at(-2.0, gives=2.0, partials=(-1.0,)),
            _at(2.0, gives=2.0, partials=(1.0,)),
        ),
    ),
    # --------------------------------------------------------------------------------- selection
    # The inner `where` propagates a nan in x, which `x >= y` alone would replace by y.
    Op(
        name="max", doc="the larger of two numbers; a tie goes wholly to the first",
        ufunc=np.maximum, folds=-inf, ulps=0.0,
        value="where(x >= y, x, where(x == x, y, x))",
        partials=(
            "where(x >= y, 1.0, where(x == x, 0.0, 1.0))",
            "where(x >= y, 0.0, where(x == x, 1.0, 0.0))",
        ),
        latex=r"\max\left({x}, {y}\right)", domain=((1.1, 3.0), (-3.0, 1.0)),
        special_points=(
            _at(2.0, 2.0, gives=2.0, partials=(1.0, 0.0)),
            _at(1.0, 2.0, gives=2.0, partials=(0.0, 1.0)),
            _at(nan, 2.0, gives=nan, partials=(1.0, 0.0)),
            _at(2.0, nan, gives=nan, partials=(0.0, 1.0)),
        ),
    ),
    Op(
        name="min", doc="the smaller of two numbers; a tie goes wholly to the first",
        ufunc=np.minimum, folds=inf, ulps=0.0,
        value="where(x <= y, x, where(x == x, y, x))",
        partials=(
            "where(x <= y, 1.0, where(x == x, 0.0, 1.0))",
            "where(x <= y, 0.0, where(x == x, 1.0, 0.0))",
        ),
        latex=r"\min\left({x}, {y}\right)", domain=((-3.0, 1.0), (1.1, 3.0)),
        special_points=(
            _at(2.0, 2.0, gives=2.0, partials=(1.0, 0.0)),
            _at(3.0, 2.0, gives=2.0, partials=(0.0, 1.0)),
            _at(nan, 2.0, gives=nan, partials=(1.0, 0.0)),
            _at(2.0, nan, gives=nan, partials=(0.0, 1.0)),
        ),
    ),
    Op(
        name="where", doc="x where the condition holds, else y", ulps=0.0,
        value="where(condition, x, y)",
        partials=("0.0", "where(condition, 1.0, 0.0)", "where(condition, 0.0, 1.0)"),
        latex=r"\left({x} \text{{ if }} {condition} \text{{ else }} {y}\right)",
        domain=((1.0, 2.0), _LINE, _LINE),
        special_points=(
            _at(1.0, 2.0, 3.0, gives=2.0, partials=(0.0, 1.0, 0.0)),
            _at(0.0, 2.0, 3.0, gives=3.0, partials=(0.0, 0.0, 1.0)),
            _at(1.0, 2.0, nan, gives=2.0, partials=(0.0, 1.0, 0.0)),
        ),
    ),
    # ------------------------------------------------------------- exponentials, logarithms, roots
    Op(
        name="exp", doc="e to the power x", ufunc=np.exp,
        value="exp(x)", partials=("out",), latex="e^{{{x}}}", latex_precedence=4, domain=(_LINE,),
        special_points=(
            _at(0.0, gives=1.0, partials=(1.0,)),
            _at(1.0, gives=e, partials=(e,)),
            _at(1000.0, gives=inf, partials=(inf,)),
            _at(-1000.0, gives=0.0, partials=(0.0,)),
        ),
    ),
    Op(
        name="log", doc="the natural logarithm", ufunc=np.log,
        value="log(x)", partials=("1.0 / x",), latex=r"\ln\left({x}\right)", domain=(_POSITIVE,),
        special_points=(
            _at(1.0, gives=0.0, partials=(1.0,)),
            _at(0.0, gives=-inf, partials=(inf,)),
            _at(-1.0, gives=nan, partials=(-1.0,)),
        ),
    ),
    Op(
        name="log1p", doc="log(1 + x), exact for small x", ufunc=np.log1p,
        value="log1p(x)", partials=("1.0 / (1.0 + x)",), latex=r"\ln\left(1 + {x}\right)",
        domain=((-0.9, 5.0),),
        special_points=(
            _at(1e-20, gives=1e-20, partials=(1.0,)),
            _at(-1.0, gives=-inf, partials=(inf,)),
            _at(-2.0, gives=nan, partials=(-1.0,)),
        ),
    ),
    # Not out + 1, which has no digits left where out rounds to -1: it is 0 below -37.
    Op(
        name="expm1", doc="exp(x) - 1, exact for small x", ufunc=np.expm1,
        value="expm1(x)", partials=("exp(x)",), latex="e^{{{x}}} - 1", latex_precedence=1,
        domain=(_LINE,),
        special_points=(
            _at(1e-20, gives=1e-20, partials=(1.0,)),
            _at(-40.0, gives=-1.0, partials=(4.248354255291589e-18,)),
            _at(1000.0, gives=inf, partials=(inf,)),
        ),
    ),
    Op(
        name="sqrt", doc="the square root", ufunc=np.sqrt, ulps=0.5,
        value="sqrt(x)", partials=("0.5 / out",), latex=r"\sqrt{{{x}}}", domain=(_POSITIVE,),
        special_points=(
            _at(4.0, gives=2.0, partials=(0.25,)),
            _at(0.0, gives=0.0, partials=(inf,)),
            _at(-1.0, gives=nan, partials=(nan,)),
        ),
    ),
    # The GNU C library's is off by up to 3.67 ulp (Zimmermann et al., Accuracy of mathematical functions),
    # which a square would double. But at 0 and inf the quotient out / x is nan (there, and for nan,
    # abs(x) / 2 < abs(x) is false).
    Op(
        name="cbrt", doc="the cube root", ufunc=np.cbrt, ulps=4.0,
        value="cbrt(x)",
        partials=(f"where(0.5 * abs(x) < abs(x), out / x / 3.0, {1 / 3!r} / out / out)",),
        latex=r"\sqrt[3]{{{x}}}", domain=(_POSITIVE,),
        special_points=(
            _at(27.0, gives=3.0, partials=(1 / 27,)),
            _at(-8.0, gives=-2.0, partials=(1 / 12,)),
            _at(0.0, gives=0.0, partials=(inf,)),
            _at(inf, gives=inf, partials=(0.0,)),
        ),
    ),
    # A constant divided by x rounds once; x * log(2) would round twice, and is subnormal below 1e-308.
    Op(
        name="log2", doc="the logarithm to base 2", ufunc=np.log2,
        value="log2(x)", partials=(f"{1 / log(2.0)!r} / x",), latex=r"\log_2\left({x}\right)",
        domain=(_POSITIVE,),
        special_points=(
            _at(8.0, gives=3.0, partials=(0.1803368801111204,)),
            _at(0.0, gives=-inf, partials=(inf,)),
            _at(-1.0, gives=nan, partials=(-1.4426950408889634,)),
        ),
    ),
    Op(
        name="log10", doc="the logarithm to base 10", ufunc=np.log10,
        value="log10(x)", partials=(f"{log10(e)!r} / x",), latex=r"\log_{{10}}\left({x}\right)",
        domain=(_POSITIVE,),
        special_points=(
            _at(1000.0, gives=3.0, partials=(4.342944819032518e-4,)),
            _at(0.0, gives=-inf, partials=(inf,)),
            _at(-1.0, gives=nan, partials=(-0.4342944819032518,)),
        ),
    ),
    Op(
        name="exp2", doc="2 to the power x", ufunc=np.exp2,
        value="exp2(x)", partials=(f"{log(2.0)!r} * out",), latex="2^{{{x}}}", latex_precedence=4,
        domain=(_LINE,),
        special_points=(
            _at(3.0, gives=8.0, partials=(5.545177444479562,)),
            _at(2000.0, gives=inf, partials=(inf,)),
        ),
    ),
    Op(
        name="floor", doc="the largest whole number that is not above x; its derivative is 0",
        ufunc=np.floor, ulps=0.0,
        value="floor(x)", partials=("0.0",), latex=r"\left\lfloor {x} \right\rfloor", domain=((0.1, 0.9),),
        special_points=(
            _at(2.5, gives=2.0, partials=(0.0,)),
            _at(-2.5, gives=-3.0, partials=(0.0,)),
            _at(1e300, gives=1e300, partials=(0.0,)),
            _at(inf, gives=inf, partials=(0.0,)),
            _at(nan, gives=nan, partials=(0.0,)),
        ),
    ),
    # ----------------------------------------------------------------------------- error functions
    # The rounding of x * x changes the slope as much as moving x by a quarter of an ulp would. Above 27.3 the
    # slope is 0, and so is the second derivative, for which -2 * x * slope would be inf * 0.
    Op(
        name="erf", doc="the error function",
        value="erf(x)", partials=(f"where(abs(x) > 28.0, 0.0, {2 / sqrt(pi)!r} * exp(-x * x))",),
        latex=r"\operatorname{{erf}}\left({x}\right)", domain=(_LINE,),
        special_points=(
            _at(0.0, gives=0.0, partials=(1.1283791670955126,)),
            _at(inf, gives=1.0, partials=(0.0,)),
        ),
    ),
    # Not 1 - erf(x), which is 0 above 5.9.
    Op(
        name="erfc", doc="1 - erf(x), exact for large x",
        value="erfc(x)", partials=(f"where(abs(x) > 28.0, -0.0, -{2 / sqrt(pi)!r} * exp(-x * x))",),
        latex=r"\operatorname{{erfc}}\left({x}\right)", domain=(_LINE,),
        special_points=(
            _at(0.0, gives=1.0, partials=(-1.1283791670955126,)),
            _at(10.0, gives=2.088487583762545e-45, partials=(-4.197656231354417e-44,)),
            _at(-inf, gives=2.0, partials=(-0.0,)),
        ),
    ),
    # ------------------------------------------------------------------------------- trigonometry
    Op(
        name="sin", doc="the sine of an angle in radians", ufunc=np.sin,
        value="sin(x)", partials=("cos(x)",), latex=r"\sin\left({x}\right)", domain=(_LINE,),
        special_points=(_at(0.0, gives=0.0, partials=(1.0,)), _at(inf, gives=nan, partials=(nan,))),
    ),
    Op(
        name="cos", doc="the cosine of an angle in radians", ufunc=np.cos,
        value="cos(x)", partials=("-sin(x)",), latex=r"\cos\left({x}\right)", domain=(_LINE,),
        special_points=(_at(0.0, gives=1.0, partials=(-0.0,)), _at(inf, gives=nan, partials=(nan,))),
    ),
    Op(
        name="tan", doc="the tangent of an angle in radians", ufunc=np.tan,
        value="tan(x)", partials=("1.0 + out * out",), latex=r"\tan\left({x}\right)", domain=((-1.4, 1.4),),
        special_points=(_at(0.0, gives=0.0, partials=(1.0,)), _at(inf, gives=nan, partials=(nan,))),
    ),
    # (1 - x) * (1 + x), because 1 - x * x loses half of its digits where |x| is near 1. At 1 it is exact, and
    # its derivative a single product: of the other one, whose factor is 0, the second one would be inf * 0.
    Op(
        name="arcsin", doc="the angle in radians whose sine is x", ufunc=np.arcsin,
        value="arcsin(x)",
        partials=("1.0 / sqrt(where(abs(x) == 1.0, 1.0 - x * x, (1.0 - x) * (1.0 + x)))",),
        latex=r"\arcsin\left({x}\right)", domain=(_UNIT,),
        special_points=(_at(1.0, gives=pi / 2, partials=(inf,)), _at(2.0, gives=nan, partials=(nan,))),
    ),
    Op(
        name="arccos", doc="the angle in radians whose cosine is x", ufunc=np.arccos,
        value="arccos(x)",
        partials=("-1.0 / sqrt(where(abs(x) == 1.0, 1.0 - x * x, (1.0 - x) * (1.0 + x)))",),
        latex=r"\arccos\left({x}\right)", domain=(_UNIT,),
        special_points=(_at(1.0, gives=0.0, partials=(-inf,)), _at(2.0, gives=nan, partials=(nan,))),
    ),
    # 1 + x * x overflows above 1.3e154, where the partial is 5e-309.
    Op(
        name="arctan", doc="the angle in radians whose tangent is x", ufunc=np.arctan,
        value="arctan(x)",
        partials=("shortcut(abs(x) < 1000.0, 1.0 / (1.0 + x * x), 1.0 / hypot(1.0, x) / hypot(1.0, x))",),
        latex=r"\arctan\left({x}\right)", domain=(_LINE,),
        special_points=(_at(0.0, gives=0.0, partials=(1.0,)), _at(inf, gives=pi / 2, partials=(0.0,))),
    ),
    # The first argument is usually called y; the table calls it x, as all first arguments. Two divisions,
    # because x * x + y * y overflows above 1e154. At an infinite distance, such as (inf, 1), the quotient
    # would be inf / inf, and the limit is 0.
    Op(
        name="arctan2", doc="the angle in radians of the point (y, x), in all four quadrants",
        ufunc=np.arctan2,
        value="arctan2(x, y)",
        partials=(
            "where(hypot(x, y) == inf, 0.0, y / hypot(x, y) / hypot(x, y))",
            "where(hypot(x, y) == inf, 0.0, -x / hypot(x, y) / hypot(x, y))",
        ),
        latex=r"\operatorname{{atan2}}\left({x}, {y}\right)", domain=(_LINE, _POSITIVE),
        special_points=(
            _at(1.0, -1.0, gives=3 * pi / 4, partials=(-0.5, -0.5)),
            _at(1e200, 1e200, gives=pi / 4, partials=(5e-201, -5e-201)),
            _at(1e-200, 1e-200, gives=pi / 4, partials=(5e199, -5e199)),
            _at(0.0, 0.0, gives=0.0, partials=(nan, nan)),
            _at(inf, 1.0, gives=pi / 2, partials=(0.0, 0.0)),
        ),
    ),
    # The sine of the angle instead of x / out is right even at (1.7e308, 1e308), where out overflows, at
    # (inf, 1), where inf / inf is nan, and at (1.5e-323, 3.5e-323), where out has 4 bits. At (0, 0) the angle
    # of (0, inf) is taken, so that the second derivative is 0.
    Op(
        name="hypot", doc="sqrt(x**2 + y**2) without overflow; its derivative at (0, 0) is 0", ufunc=np.hypot,
        value="hypot(x, y)",
        partials=(
            "sin(arctan2(x, where(out == 0.0, inf, abs(y))))",
            "sin(arctan2(y, where(out == 0.0, inf, abs(x))))",
        ),
        latex=r"\left\|\left({x}, {y}\right)\right\|", domain=(_LINE, _POSITIVE),
        special_points=(
            _at(3.0, 4.0, gives=5.0, partials=(0.6, 0.8)),
            _at(3e200, 4e200, gives=5e200, partials=(0.6, 0.8)),
            _at(0.0, 0.0, gives=0.0, partials=(0.0, 0.0)),
            _at(1.7e308, -1e308, gives=inf, partials=(0.8619342151577695, -0.5070201265633938)),
            _at(inf, 1.0, gives=inf, partials=(1.0, 0.0)),
        ),
    ),
    # --------------------------------------------------------------------------------- hyperbolic
    Op(
        name="sinh", doc="the hyperbolic sine", ufunc=np.sinh,
        value="sinh(x)", partials=("cosh(x)",), latex=r"\sinh\left({x}\right)", domain=(_LINE,),
        special_points=(_at(0.0, gives=0.0, partials=(1.0,)), _at(1000.0, gives=inf, partials=(inf,))),
    ),
    Op(
        name="cosh", doc="the hyperbolic cosine", ufunc=np.cosh,
        value="cosh(x)", partials=("sinh(x)",), latex=r"\cosh\left({x}\right)", domain=(_LINE,),
        special_points=(_at(0.0, gives=1.0, partials=(0.0,)), _at(-1000.0, gives=inf, partials=(-inf,))),
    ),
    # 1 - out * out is wrong by 2,000 ulp at 5, and has no digits left at 19.1, where out rounds to 1. From
    # 0.88 on it is below 0.5, and the errors of out count twice: 4.5 ulp at 1.
    Op(
        name="tanh", doc="the hyperbolic tangent", ufunc=np.tanh,
        value="tanh(x)", partials=("shortcut(abs(x) < 0.875, 1.0 - out * out, sech2(x))",),
        latex=r"\tanh\left({x}\right)", domain=(_LINE,),
        special_points=(
            _at(0.0, gives=0.0, partials=(1.0,)),
            _at(20.0, gives=1.0, partials=(1.6993417021166355e-17,)),
            _at(1000.0, gives=1.0, partials=(0.0,)),
        ),
    ),
    # A row of its own, because in formulas with tanh or exp the second derivative cancels, near 0 or far from
    # it. The argument of exp is never positive, since cosh overflows at 710. 1 + e * (2 + e) is the square of
    # 1 + e, which as a power would round more: 2.5 ulp at 1e-8.
    Op(
        name="sech2", doc="1 / cosh(x)**2, the slope of the hyperbolic tangent",
        value="4.0 * exp(-2.0 * abs(x)) / (1.0 + exp(-2.0 * abs(x)) * (2.0 + exp(-2.0 * abs(x))))",
        partials=("-2.0 * out * tanh(x)",),
        latex=r"\operatorname{{sech}}^2\left({x}\right)", domain=(_LINE,),
        special_points=(
            _at(0.0, gives=1.0, partials=(-0.0,)),
            _at(-20.0, gives=1.6993417021166355e-17, partials=(3.398683404233271e-17,)),
            _at(1000.0, gives=0.0, partials=(-0.0,)),
        ),
    ),
    Op(
        name="arcsinh", doc="the number whose hyperbolic sine is x", ufunc=np.arcsinh,
        value="arcsinh(x)", partials=("1.0 / hypot(1.0, x)",),
        latex=r"\operatorname{{arsinh}}\left({x}\right)", domain=(_LINE,),
        special_points=(
            _at(0.0, gives=0.0, partials=(1.0,)),
            _at(1e200, gives=461.2101657793691, partials=(1e-200,)),
        ),
    ),
    # Two roots, because the product overflows above 1e154. Divided by their product, the second derivative
    # would be inf * 0 at 1.
    Op(
        name="arccosh", doc="the positive number whose hyperbolic cosine is x", ufunc=np.arccosh,
        value="arccosh(x)", partials=("1.0 / sqrt(x - 1.0) / sqrt(x + 1.0)",),
        latex=r"\operatorname{{arcosh}}\left({x}\right)", domain=((1.1, 5.0),),
        special_points=(
            _at(1.0, gives=0.0, partials=(inf,)),
            _at(1e200, gives=461.2101657793691, partials=(1e-200,)),
            _at(0.5, gives=nan, partials=(nan,)),
        ),
    ),
    Op(
        name="arctanh", doc="the number whose hyperbolic tangent is x", ufunc=np.arctanh,
        value="arctanh(x)",
        partials=("1.0 / where(abs(x) == 1.0, 1.0 - x * x, (1.0 - x) * (1.0 + x))",),
        latex=r"\operatorname{{artanh}}\left({x}\right)", domain=(_UNIT,),
        special_points=(
            _at(0.0, gives=0.0, partials=(1.0,)),
            _at(1.0, gives=inf, partials=(inf,)),
            _at(2.0, gives=nan, partials=(-1 / 3,)),
        ),
    ),
    # -------------------------------------------------------------------------------- activations
    # The argument of exp is never positive: 1 / (1 + exp(-x)) overflows at -710. 1 - out is wrong by 12 ulp
    # at 3, and has no digits left at 37.
    Op(
        name="sigmoid", doc="the logistic function 1 / (1 + exp(-x))",
        value="where(x >= 0.0, 1.0, exp(-abs(x))) / (1.0 + exp(-abs(x)))",
        partials=("shortcut(x < 1.0, out * (1.0 - out), 0.25 * sech2(0.5 * x))",),
        latex=r"\sigma\left({x}\right)", domain=(_LINE,),
        special_points=(
            _at(0.0, gives=0.5, partials=(0.25,)),
            _at(1000.0, gives=1.0, partials=(0.0,)),
            _at(-1000.0, gives=0.0, partials=(0.0,)),
            _at(-40.0, gives=4.248354255291589e-18, partials=(4.248354255291589e-18,)),
            _at(40.0, gives=1.0, partials=(4.248354255291589e-18,)),
        ),
    ),
    # `x <= 0`, not `x > 0`: a nan compares false, and is propagated instead of becoming 0.
    Op(
        name="relu", doc="max(0, x); its derivative at 0 is 0", ulps=0.0,
        value="where(x <= 0.0, 0.0, x)", partials=("where(x <= 0.0, 0.0, 1.0)",),
        latex=r"\operatorname{{ReLU}}\left({x}\right)", domain=((0.1, 3.0),),
        special_points=(
            _at(0.0, gives=0.0, partials=(0.0,)),
            _at(-2.0, gives=0.0, partials=(0.0,)),
            _at(2.0, gives=2.0, partials=(1.0,)),
            _at(nan, gives=nan, partials=(1.0,)),
        ),
    ),
    Op(
        name="softplus", doc="log(1 + exp(x)), the smooth ReLU",
        value="max(x, 0.0) + log1p(exp(-abs(x)))", partials=("sigmoid(x)",),
        latex=r"\operatorname{{softplus}}\left({x}\right)", domain=(_LINE,),
        special_points=(
            _at(1000.0, gives=1000.0, partials=(1.0,)),
            _at(-1000.0, gives=0.0, partials=(0.0,)),
            _at(-40.0, gives=4.248354255291589e-18, partials=(4.248354255291589e-18,)),
        ),
    ),
    # ----------------------------------------------------------------------------------- reductions
    Op(
        name="sum", doc="the sum of any number of terms, as one node", variadic=True,
        value="sum(x)", partials=("1.0",), latex=r"\sum\left({x}\right)", domain=(_LINE,),
        reduction=_fold("total + x"),
        special_points=(_at(1.0, 2.0, 3.5, gives=6.5, partials=(1.0, 1.0, 1.0)),),
    ),
    Op(
        name="dot", doc="the sum of the products of two sequences of one length, as one node", variadic=True,
        value="dot(x, y)", partials=("y", "x"), latex=r"\left({x}\right) \cdot \left({y}\right)",
        latex_precedence=2,
        domain=(_LINE, _LINE), reduction=_fold("total + x * y"),
        special_points=(_at(1.0, 2.0, 3.0, 4.0, gives=11.0, partials=(3.0, 4.0, 1.0, 2.0)),),
    ),
    Op(
        name="mean", doc="the arithmetic mean of any number of terms, as one node", variadic=True,
        value="sum(x) / len(x)", partials=("1.0 / len(x)",),
        latex=r"\operatorname{{mean}}\left({x}\right)", domain=(_LINE,),
        special_points=(_at(1.0, 2.0, 4.5, gives=2.5, partials=(1 / 3, 1 / 3, 1 / 3)),),
    ),
    # Not out / x, which is 0 / 0 if a factor is 0.
    Op(
        name="prod", doc="the product of any number of factors, as one node", variadic=True,
        value="prod(x)", partials=("products_of_others(x)",), latex=r"\prod\left({x}\right)",
        domain=(_LINE,), reduction=_fold("total * x", start=1.0),
        special_points=(
            _at(2.0, 3.0, 4.0, gives=24.0, partials=(12.0, 8.0, 6.0)),
            _at(0.0, 3.0, 4.0, gives=0.0, partials=(12.0, 0.0, 0.0)),
            _at(3.0, 0.0, 0.0, gives=0.0, partials=(0.0, 0.0, 0.0)),
            _at(1e200, 1e-200, 1e200, gives=1e200, partials=(1.0, inf, 1.0)),
        ),
    ),
    # hypot does not overflow. At the origin x / inf makes the derivative 0, and the second one as well.
    Op(
        name="norm", doc="the Euclidean norm of a vector, as one node; its derivative at 0 is 0",
        variadic=True,
        value="norm(x)", partials=("x / where(out == 0.0, inf, out)",),
        latex=r"\left\|\left({x}\right)\right\|", domain=(_POSITIVE,), reduction=_fold("hypot(total, x)"),
        special_points=(
            _at(3.0, 0.0, 4.0, gives=5.0, partials=(0.6, 0.0, 0.8)),
            _at(0.0, 0.0, 0.0, gives=0.0, partials=(0.0, 0.0, 0.0)),
            _at(-3e200, 4e200, gives=5e200, partials=(-0.6, 0.8)),
            _at(3e-320, 4e-320, gives=5e-320, partials=(3e-320 / 5e-320, 4e-320 / 5e-320)),
        ),
    ),
    # exp(x - out) is the softmax, up to the rounding of out, which costs 250 ulp at 1000. All elements have
    # the same factor of error, so dividing by their sum removes it. The sum is 1 up to rounding: a constant.
    Op(
        name="logsumexp", doc="log(sum(exp(x))), shifted by the maximum so that nothing overflows",
        variadic=True,
        reduction=Reduction(
            (
                Accumulator("top", -inf, Rule("max(top, x)")),
                # The 1 of the largest element is left to log1p: added here, it would absorb an exp(-40).
                Accumulator("others", 0.0, Rule("others + where(x < top, exp(x - top), 0.0)")),
                Accumulator("ties", -1.0, Rule("ties + where(x == top, 1.0, 0.0)")),
            ),
            Rule("where(abs(top) == inf, top, top + log1p(others + ties))"),
            ufunc=np.logaddexp,
            together=(
                Accumulator("top", -inf, Rule("max(top, x)")),
                # Where x is the largest by now, all that there was shrinks, also the 1 of the former top.
                Accumulator(
                    "others", 0.0,
                    Rule(
                        "where(x > top, (others + (ties + 1.0)) * exp(-abs(x - top)), "
                        "others + where(x < top, exp(-abs(x - top)), 0.0))"
                    ),
                ),
                Accumulator("ties", -1.0, Rule("where(x > top, 0.0, ties + where(x == top, 1.0, 0.0))")),
            ),
        ),
        value="logsumexp(x)", partials=("exp(x - out) / constant(sum(exp(x - out)))",),
        latex=r"\operatorname{{logsumexp}}\left({x}\right)", domain=(_LINE,),
        special_points=(
            _at(1000.0, 1000.0, gives=1000.6931471805599, partials=(0.5, 0.5)),
            _at(0.0, -inf, gives=0.0, partials=(1.0, 0.0)),
            _at(0.0, -40.0, gives=4.248354255291589e-18, partials=(1.0, 4.248354255291589e-18)),
            _at(1e16, 1e16, gives=1e16, partials=(0.5, 0.5)),
            _at(-1000.0, gives=-1000.0, partials=(1.0,)),
        ),
    ),
)  # fmt: skip

OPS: Mapping[str, Op] = MappingProxyType({op.name: op for op in _ROWS})
"""The rows by name."""


def _comparison(name: str, doc: str, symbol: str, latex: str, ufunc: np.ufunc) -> Op:
    """Return the row of a comparison, which gives 1 where it holds and whose derivative is 0."""
    return Op(
        name=name, doc=doc, symbol=symbol, precedence=0, ufunc=ufunc, ulps=0.0,
        value=f"where(x {symbol} y, 1.0, 0.0)", partials=("0.0", "0.0"), latex=f"{{x}} {latex} {{y}}",
        domain=(_LINE, _LINE),
    )  # fmt: skip


_COMPARED = (
    _comparison("lt", "whether x is less than y", "<", "<", np.less),
    _comparison("le", "whether x is at most y", "<=", r"\le", np.less_equal),
    _comparison("gt", "whether x is greater than y", ">", ">", np.greater),
    _comparison("ge", "whether x is at least y", ">=", r"\ge", np.greater_equal),
    _comparison("eq", "whether x equals y", "==", "=", np.equal),
    _comparison("ne", "whether x differs from y", "!=", r"\ne", np.not_equal),
)

COMPARISONS: Mapping[str, Op] = MappingProxyType({op.name: op for op in _COMPARED})
"""Rows that give 1 or 0. Choices by them are made anew when a graph is evaluated again."""


_CONSTANT = Op(
    name="constant", doc="the number itself, through which no derivative flows",
    value="x", partials=("0.0",), latex="{x}", domain=(_LINE,), ulps=0.0,
)  # fmt: skip

_RULED = Op(
    name="ruled", doc="the number itself, whose derivative is by a rule that a function brings along",
    value="x", partials=("1.0",), latex="{x}", domain=(_LINE,), ulps=0.0,
)  # fmt: skip

# Rows of their own, which programs keep: the others are their operand wherever nobody asks for derivatives.
_STOPPED = Op(
    name="stopped", doc="the number itself, through which no derivative flows in what a program becomes",
    value="constant(x)", partials=("0.0",), latex="{x}", domain=(_LINE,), ulps=0.0,
)  # fmt: skip
_UNKNOWN = Op(
    name="unknown", doc="the number itself, whose derivative is not known to what a program becomes",
    value="constant(x)", partials=("1.0",), latex="{x}", domain=(_LINE,), ulps=0.0,
)  # fmt: skip

CONSTANTS: Mapping[str, Op] = MappingProxyType(
    {op.name: op for op in (_CONSTANT, _RULED, _STOPPED, _UNKNOWN)}
)
"""The rows that give their operand, but not its derivative: for some that is constant up to rounding."""
