"""Rules and rows of the table as expressions of C."""

from __future__ import annotations

from collections.abc import Sequence

from autograd import OPS, Op
from autograd.c_language import function_of

from .expressions import CHOICE, COMPARISON, PRODUCT, SIGN, SIGNS, SUM, Language, WordForm, Written

_CHOICE = WordForm("{} ? {} : {}", CHOICE, (COMPARISON, COMPARISON, COMPARISON))

_WORDS = {
    **SIGNS,
    "where": _CHOICE,
    "shortcut": _CHOICE,
    **{
        op.name: WordForm(f"{function_of(op.name)}({', '.join(['{}'] * len(op.partials))})")
        for op in OPS.values()
        if op.is_primitive and not op.variadic and function_of(op.name)
    },
}

C = Language(_WORDS, "INFINITY")


def _joined(sign: str, terms: Sequence[str], tightness: int) -> Written:
    return Written(f" {sign} ".join(terms), tightness) if len(terms) > 1 else Written(terms[0])


def _grouped(term: Written, need: int) -> str:
    return term.text if term.tightness >= need else f"({term.text})"


def _list(terms: Sequence[Written]) -> str:
    return f"(const double[]){{{', '.join(term.text for term in terms)}}}, {len(terms)}"


def variadic(op: Op, terms: Sequence[Written]) -> Written:
    """Return a row of many operands, which stand one after another."""
    factors = [_grouped(term, SIGN) for term in terms]
    match op.name:
        case "sum":
            return _joined("+", factors, SUM)
        case "mean":
            return Written(f"({_joined('+', factors, SUM).text}) / {len(terms)}.0", PRODUCT)
        case "prod":
            return _joined("*", factors, PRODUCT)
        case "dot":
            half = len(terms) // 2
            pairs = zip(factors[:half], factors[half:], strict=True)
            return _joined("+", [f"{one} * {other}" for one, other in pairs], SUM)
        case "norm":
            whole = terms[0].text
            for term in terms[1:]:
                whole = f"hypot({whole}, {term.text})"
            return Written(f"fabs({whole})" if len(terms) == 1 else whole)
        case "logsumexp":
            return Written(f"logsumexp({_list(terms)})")
    raise TypeError(f"the operation {op.name} cannot be exported to C: write it with others")


def variadic_partial(op: Op, terms: Sequence[Written], position: int, out: Written) -> Written:
    """Return the partial derivative of such a row by one of its operands."""
    factors = [_grouped(term, SIGN) for term in terms]
    match op.name:
        case "sum":
            return Written("1.0")
        case "mean":
            return Written(f"(1.0 / {len(terms)}.0)")
        case "prod":
            others = [*factors[:position], *factors[position + 1 :]]
            return _joined("*", others, PRODUCT) if others else Written("1.0")
        case "dot":
            half = len(terms) // 2
            return terms[(position + half) % len(terms)]
        case "norm":
            return Written(f"({factors[position]} / ({out.text} == 0.0 ? INFINITY : {out.text}))")
    # The rounding of out is a factor of all elements, and their sum takes it away.
    powers = [f"exp({factor} - {out.text})" for factor in factors]
    return Written(f"({powers[position]} / ({' + '.join(powers)}))")
