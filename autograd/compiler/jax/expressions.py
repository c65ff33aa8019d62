"""Write the rules of the table as expressions of `jax.numpy`, which JAX may differentiate as the table does.

A row that is a sign or a choice is written as such, and so is a function whose derivative in JAX is that of
the table. Any other row becomes a function of the program, by `with_partials`, which has its derivative from
the partials of the table: those of `jnp.maximum` would share a tie, that of `jnp.tanh` has no digits left at
20, and that of `jnp.hypot` at the origin is nan.
"""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Mapping, Sequence

from ...ops.meanings import FLOAT
from ...ops.renderer import SIGNS, Form, Renderer, Term, called
from ...ops.rule import Rule
from ...ops.table import COMPARISONS, CONSTANTS, OPS, Op
from ...transforms.partials_by_cases import chooses_formulas
from ..numpy.expressions import Helpers
from .definitions import DEFINITIONS

_SAME_DERIVATIVES = ("exp", "exp2", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh")
"""Words whose derivative in JAX is the table's, at all orders; a test says that they are these."""

_NAMES = re.compile(r"(?<![.\w])[a-z]\w*")

_CHOICES = {"where", *COMPARISONS}

_RULES = {"arctanh": Rule("0.5 * (log1p(x) - log1p(-x))")}

_LINE = 100

_DIVISION, _UNKNOWN = OPS["truediv"], CONSTANTS["unknown"]


class _Quotient(Term):
    """A quotient."""


class JaxRenderer(Renderer):
    """`jax.numpy`, with functions that a program defines, which it collects.

    Parameters
    ----------
    helpers : dict
        To which the definitions are added.
    forms : mapping of str to Form
        The words that it has.

    Examples
    --------
    >>> JaxRenderer({}).write(Rule("exp(-x)"))
    'jnp.exp(-x)'
    """

    def __init__(self, helpers: Helpers, forms: Mapping[str, Form] | None = None) -> None:
        super().__init__(FORMS if forms is None else forms)
        self.helpers = helpers

    def apply(self, word: str, operands: tuple[Term, ...]) -> Term:
        """Return a word with its operands; a quotient of a quotient is kept from becoming one."""
        if OPS.get(word) is not _DIVISION:
            return super().apply(word, operands)
        first, second = operands
        if isinstance(first, _Quotient):
            first = Term(f"apart({first.text})")
        return _Quotient(*super().apply(word, (first, second)))

    def form(self, word: str, count: int) -> Form | None:
        """Return the form of a word, which may be a function of the program; None to write out its rule."""
        if word in self.forms or _is_choice(OPS[word]):
            return self.forms.get(word)
        return called(_defined(OPS[word], self.helpers), count)

    def number(self, number: float) -> Term:
        """Return a number."""
        return Term("jnp.inf") if number == math.inf else super().number(number)


def _is_choice(op: Op) -> bool:
    """Return whether a row chooses among its arguments and numbers, which JAX differentiates likewise."""
    return _CHOICES.issuperset(op.value.words)


_FUNCTIONS = {
    **{op.name: f"jnp.{op.ufunc.__name__}" for op in OPS.values() if op.ufunc},
    "where": "jnp.where",
    "erf": "jax.scipy.special.erf",
    "erfc": "jax.scipy.special.erfc",
    "log1p": "log1p_of",
}

_TERMS = {"constant": called("jax.lax.stop_gradient", 1), "shortcut": Form("{2}")}

FORMS: Mapping[str, Form] = {
    **{word: form for word, form in SIGNS.items() if word not in ("floordiv", "mod")},
    **{word: called(_FUNCTIONS[word], len(OPS[word].partials)) for word in ("where", *_SAME_DERIVATIVES)},
    **_TERMS,
}
"""What JAX calls the words whose derivatives are the table's."""

PLAIN: Mapping[str, Form] = {
    **{
        word: called(text, len(OPS[word].partials))
        for word, text in _FUNCTIONS.items()
        if word not in _RULES and text.startswith("j")
    },
    **SIGNS,
    **_TERMS,
}
"""What JAX calls the words in values, which are not differentiated as they are written."""


def jax_expression(rule: Rule, operands: Mapping[str, str], helpers: Helpers) -> str:
    """Return a rule of the table in `jax.numpy`.

    Parameters
    ----------
    rule : Rule
        The rule.
    operands : mapping
        What to write for its arguments.
    helpers : dict
        To which the functions are added that the program has to define.

    Returns
    -------
    str
        An expression.

    Examples
    --------
    >>> helpers = {}
    >>> jax_expression(Rule("x * exp(x) + tanh(x)"), {"x": "v1"}, helpers), "tanh" in helpers
    ('v1 * jnp.exp(v1) + tanh(v1)', True)
    """
    return JaxRenderer(helpers).write(rule, operands)


def jax_row(op: Op, operands: Sequence[str], helpers: Helpers) -> str:
    """Return a row applied to operands, in `jax.numpy`.

    Parameters
    ----------
    op : Op
        The row.
    operands : sequence of str
        What to write for its arguments.
    helpers : dict
        To which the functions are added that the program has to define.

    Returns
    -------
    str
        An expression.

    Examples
    --------
    >>> helpers = {}
    >>> [jax_row(OPS[name], ["a", "b"], helpers) for name in ("mul", "max", "hypot")]
    ['a * b', 'jnp.where(a >= b, a, jnp.where(a == a, b, a))', 'hypot(a, b)']
    >>> print(helpers["hypot"])
    hypot = with_partials(
        jnp.hypot,
        lambda x, y, out: jnp.sin(arctan2(x, jnp.where(out == 0.0, jnp.inf, absolute(y)))),
        lambda x, y, out: jnp.sin(arctan2(y, jnp.where(out == 0.0, jnp.inf, absolute(x)))),
    )
    <BLANKLINE>
    """
    if op in COMPARISONS.values():
        left, right = operands
        # A choice: of a truth as a number, XLA takes the product with nan for a choice between nan and 0.
        return f"jnp.where({left} {op.symbol} {right}, 1.0, 0.0).astype(dtype)"
    if op is _UNKNOWN:
        return f"unknown({operands[0]})"
    applied = Rule(f"{op.name}({', '.join(op.parameters)})") if op.name in OPS else op.value
    return jax_expression(applied, dict(zip(op.parameters, operands, strict=True)), helpers)


def _defined(op: Op, helpers: Helpers) -> str:
    """Return the name of the function that a row is in a program, which defines it."""
    # Python's own `max` and `pow` stay what they are.
    name = op.ufunc.__name__ if op.ufunc and hasattr(builtins, op.name) else op.name
    if name in helpers:
        return name
    value = _value(op, helpers)
    # Known from here on, as the partials of two rows may use each other.
    helpers[name] = ""
    partials = [_partial(op, i, name, helpers) for i in range(len(op.partials))]
    lines = [value, *("None" if op.selects(i) else text for i, text in enumerate(partials))]
    text = f"{name} = with_partials({', '.join(lines)})\n"
    if len(text) > _LINE:
        text = "".join([f"{name} = with_partials(\n", *(f"    {line},\n" for line in lines), ")\n"])
    helpers[name] = text
    return name


def _partial(op: Op, argument: int, name: str, helpers: Helpers) -> str:
    """Return a partial of a row as a function, of the name that the row has in a program."""
    parameters, rule = ", ".join(op.parameters), op.partials[argument]
    head = f"lambda {parameters}, out: "
    if not chooses_formulas(op, argument):
        return head + jax_expression(rule, {}, helpers)
    whole = jax_expression(rule, {"out": f"{name}({parameters})"}, helpers)
    return f"{head}by_cases(lambda {parameters}: {whole}, {parameters})"


def used_helpers(text: str, helpers: Helpers) -> Helpers:
    """Return the functions that a program uses, in the order in which they are defined.

    Parameters
    ----------
    text : str
        The program.
    helpers : dict
        The functions that were collected for it; they may use any of `DEFINITIONS`.

    Returns
    -------
    dict
        Their definitions by name.

    Examples
    --------
    >>> used_helpers("v1 = f(x)", {"g": "def g", "h": "def h", "f": "f = 2 * g"})
    {'g': 'def g', 'f': 'f = 2 * g'}
    """
    known = {**DEFINITIONS, **helpers}
    used, new = set[str](), {*_NAMES.findall(text)}
    while new:
        used |= new
        new = {name for word in new if word in known for name in _NAMES.findall(known[word])} - used
    return {name: definition for name, definition in known.items() if name in used}


def _value(op: Op, helpers: Helpers) -> str:
    """Return the function that has the value of a row, but not its derivative."""
    if op.name in _FUNCTIONS and op.name not in _RULES:
        return _FUNCTIONS[op.name]
    if op.is_primitive and op.name not in _RULES:
        return f"elementwise(math.{FLOAT[op.name].__name__})"
    rule = _RULES.get(op.name, op.value)
    return f"lambda {', '.join(op.parameters)}: {JaxRenderer(helpers, PLAIN).write(rule)}"
