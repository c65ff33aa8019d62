"""Expressions of loops, which are Python, as expressions of C."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...c_language import function_of, number_text
from .lines import Variable

INDEX, FLOAT, TRUTH = "ptrdiff_t", "double", "int"
"""Types of C: of what counts, of numbers, and of what is true or false."""

_ATOM, _SIGN, _PRODUCT, _SUM, _COMPARED, _EQUAL, _BITS, _AND, _CHOICE = 9, 8, 7, 6, 5, 4, 3, 2, 1


class CExpression(NamedTuple):
    """An expression.

    Attributes
    ----------
    text : str
        Its text.
    kind : str
        Its type.
    precedence : int
        How tightly its outermost sign binds.
    reads : tuple of Variable
        The variables that it reads.
    """

    text: str
    kind: str
    precedence: int = _ATOM
    reads: tuple[Variable, ...] = ()

    def within(self, precedence: int) -> str:
        """Return its text, in parentheses if it binds less than that.

        Examples
        --------
        >>> CExpression("a + b", FLOAT, 6).within(7)
        '(a + b)'
        """
        return self.text if self.precedence >= precedence else f"({self.text})"


_SIGNS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", _SUM),
    ast.Sub: ("-", _SUM),
    ast.Mult: ("*", _PRODUCT),
    ast.Div: ("/", _PRODUCT),
    ast.FloorDiv: ("/", _PRODUCT),
    ast.Mod: ("%", _PRODUCT),
    ast.BitAnd: ("&", _BITS),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, int]] = {
    ast.Lt: ("<", _COMPARED),
    ast.LtE: ("<=", _COMPARED),
    ast.Gt: (">", _COMPARED),
    ast.GtE: (">=", _COMPARED),
    ast.Eq: ("==", _EQUAL),
    ast.NotEq: ("!=", _EQUAL),
}
# Of whole numbers that are known the result is written.
_OF_NUMBERS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
# What C rounds towards zero, Python and NumPy round down.
_OF_FLOATS: dict[type[ast.operator], str] = {ast.FloorDiv: "floor_divide", ast.Mod: "modulo"}

HELPERS = {
    "floor_divide": """\
/* The largest whole number that is not above x / y, from the remainder, which is exact. */
static inline double floor_divide(double x, double y)
{
    double rest = fmod(x, y), quotient, whole;
    if (y == 0.0)
        return x / y;
    quotient = (x - rest) / y;
    if (rest != 0.0 && (y < 0.0) != (rest < 0.0))
        quotient -= 1.0;
    if (quotient == 0.0)
        return copysign(0.0, x / y);
    whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}
""",
    "modulo": """\
/* The remainder of x divided by y, with the sign of y. */
static inline double modulo(double x, double y)
{
    double rest = fmod(x, y);
    if (y == 0.0)
        return rest;
    if (rest == 0.0)
        return copysign(0.0, y);
    return (y < 0.0) != (rest < 0.0) ? rest + y : rest;
}
""",
    "smaller": """\
static inline ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b)
{
    return a < b ? a : b;
}
""",
    "larger": """\
static inline ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b)
{
    return a > b ? a : b;
}
""",
    "transpose": """\
/* Copy eight rows of eight numbers each to where they are columns; rows are so far apart. */
static void transpose(double *to, ptrdiff_t step, const double *from, ptrdiff_t stride)
{
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++)
            to[step * i + j] = from[stride * j + i];
}
""",
}
"""The functions that C lacks, in the order in which a file defines them."""


class Expressions:
    """What writes expressions.

    Parameters
    ----------
    variable : callable
        From a name to what it stands for.
    element : callable
        From the array and the index of an element to the element.

    Attributes
    ----------
    helpers : set of str
        Which of the `HELPERS` are called.

    Examples
    --------
    >>> x = CExpression("x", FLOAT)
    >>> written = Expressions(lambda name: x, lambda array, index: x)
    >>> written.of(ast.parse("1.0 if a <= 0.0 else math.asin(b) + -2.0", mode="eval").body).text
    'x <= 0.0 ? 1.0 : asin(x) + -2.0'
    """

    def __init__(
        self,
        variable: Callable[[str], CExpression],
        element: Callable[[ast.expr, ast.expr], CExpression],
    ) -> None:
        self._variable, self._element = variable, element
        self.helpers: set[str] = set()

    def of(self, node: ast.expr) -> CExpression:
        """Return an expression in C."""
        match node:
            case ast.Constant(value=int(number)):
                return CExpression(str(number), TRUTH)
            case ast.Constant(value=float(number)):
                return CExpression(number_text(number), FLOAT)
            case ast.Name(id="inf" | "nan" as name):
                return CExpression(number_text(float(name)), FLOAT)
            case ast.Name(id=name):
                return self._variable(name)
            case ast.Subscript(value=array, slice=index):
                return self._element(array, index)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                return self._signed("-" if isinstance(op, ast.USub) else "+", self.of(operand))
            case ast.BinOp(left=left, op=sign, right=right):
                return self._combined(sign, self.of(left), self.of(right))
            case ast.Compare(left=left, ops=signs, comparators=others):
                return self._compared(left, signs, others)
            case ast.BoolOp(op=ast.And(), values=values):
                terms = [self.of(value) for value in values]
                reads = tuple([variable for term in terms for variable in term.reads])
                return CExpression(" && ".join(term.within(_BITS) for term in terms), TRUTH, _AND, reads)
            case ast.IfExp(test=test, body=body, orelse=other):
                return self._chosen(*map(self.of, (test, body, other)))
            case ast.Call(func=function, args=args):
                return self._called(ast.unparse(function), args)
        raise TypeError(f"loops for C have no {ast.unparse(node)}")

    def _signed(self, sign: str, operand: CExpression) -> CExpression:
        # --x would change x.
        need = _SIGN if operand.text[:1] != sign else _ATOM + 1
        return CExpression(f"{sign}{operand.within(need)}", operand.kind, _SIGN, operand.reads)

    def _combined(self, operation: ast.operator, left: CExpression, right: CExpression) -> CExpression:
        kind, reads = _common(left, right), left.reads + right.reads
        name = _OF_FLOATS.get(type(operation))
        if name is not None and kind == FLOAT:
            self.helpers.add(name)
            return CExpression(f"{name}({left.text}, {right.text})", FLOAT, reads=reads)
        sign, precedence = _SIGNS[type(operation)]
        if left.text.isdigit() and right.text.isdigit() and sign in _OF_NUMBERS:
            return CExpression(str(_OF_NUMBERS[sign](int(left.text), int(right.text))), TRUTH)
        text = f"{left.within(precedence)} {sign} {right.within(precedence + 1)}"
        return CExpression(text, kind, precedence, reads)

    def _compared(
        self, left: ast.expr, signs: Sequence[ast.cmpop], others: Sequence[ast.expr]
    ) -> CExpression:
        terms = [self.of(node) for node in (left, *others)]
        reads = tuple([variable for term in terms for variable in term.reads])
        parts = []
        for sign, before, after in zip(signs, terms, terms[1:], strict=False):
            text, precedence = _COMPARISONS[type(sign)]
            parts.append(f"{before.within(_SUM)} {text} {after.within(_SUM)}")
        return CExpression(" && ".join(parts), TRUTH, _AND if len(parts) > 1 else precedence, reads)

    def _chosen(self, test: CExpression, body: CExpression, other: CExpression) -> CExpression:
        text = f"{test.within(_EQUAL)} ? {body.within(_CHOICE + 1)} : {other.within(_CHOICE)}"
        return CExpression(text, _common(body, other), _CHOICE, test.reads + body.reads + other.reads)

    def _called(self, name: str, nodes: Sequence[ast.expr]) -> CExpression:
        args = [self.of(node) for node in nodes]
        reads = tuple([variable for arg in args for variable in arg.reads])
        match name, args:
            case "add", [total, term]:
                return CExpression(f"{total.within(_SUM)} + {term.within(_PRODUCT)}", FLOAT, _SUM, reads)
            case "add_product", [total, left, right]:
                product = f"{left.within(_PRODUCT)} * {right.within(_SIGN)}"
                return CExpression(f"{total.within(_SUM)} + {product}", FLOAT, _SUM, reads)
            case "np.float64", [number]:
                return CExpression(f"(double){number.within(_SIGN)}", FLOAT, _SIGN, reads)
            case (("int" | "np.uint64"), [number]):
                if number.kind != FLOAT:
                    return number
                return CExpression(f"({INDEX}){number.within(_SIGN)}", INDEX, _SIGN, reads)
            case (("min" | "max"), [one, other]) if one.text.isdigit() and other.text.isdigit():
                chosen = min if name == "min" else max
                return CExpression(str(chosen(int(one.text), int(other.text))), TRUTH)
            case (("min" | "max"), _):
                helper = "smaller" if name == "min" else "larger"
                self.helpers.add(helper)
                return CExpression(f"{helper}({args[0].text}, {args[1].text})", INDEX, reads=reads)
        function = function_of(name.rpartition(".")[2])
        if function is None:
            raise TypeError(f"C has no {name}")
        texts = ", ".join(arg.text for arg in args)
        return CExpression(f"{function}({texts})", FLOAT, reads=reads)


def _common(*terms: CExpression) -> str:
    """Return the type that C gives a combination of terms."""
    kinds = {term.kind for term in terms}
    return FLOAT if FLOAT in kinds else INDEX if INDEX in kinds else TRUTH
