"""The report: a page in Markdown with the largest errors, and the deviations with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .exceptions import DERIVATIVES, DEVIATIONS, VALUES
from .measure import COMPILED, COMPUTED, Figure, Measurement
from .subjects import subjects

HEAD = """# Accuracy

The largest errors of values and first derivatives, in units in the last place (ulp), at {points:,} points a
function:

```sh
{command}
```

{versions}

- **Points.** Sizes spread evenly over the logarithms of all doubles, subnormal ones and those near overflow
  included, of both signs; moderate sizes; the neighbours of kinks, poles and of the numbers at which rules
  or libraries switch formulas; for several arguments also nearly equal and nearly opposite ones, ones of
  similar sizes, and powers that are doubles. Only points inside of the domain count.
- **Truth.** The formulas of [`tests/oracles.py`](../tests/oracles.py) and
  [`tests/function_oracles.py`](../tests/function_oracles.py), by [mpmath](https://mpmath.org) with 50
  digits, remainders with 700. Correct rounding has an error of at most 0.5 ulp. An infinite result counts
  as 2¹⁰²⁴.
- **Values** of a row of one number or two are compared as they are; its bound is the `ulps` of the row. All
  other values, and **derivatives**, count in units of what moving each argument by half an ulp changes, if
  that is more than an ulp: no algorithm can give more digits of a sum that cancels, or of exp(-x²), once x
  is rounded. The bound is 4 such units.
- A derivative whose rule reads the value, such as `0.5 / out`, is left out where the value itself over- or
  underflows.
- **Peers** are measured at the same points, by the same measure. JAX sets subnormal numbers to 0: for JAX,
  points are left out where an argument or a result is subnormal. PyTorch has no cube root: it is `pow(x,
  1/3)`.
"""

COMPILED_HEAD = """
## Compiled

The same, by the programs that `jit(vmap(value_and_grad(f)))` compiles: functions of NumPy, of LLVM and of
XLA take the place of the C library's.
"""


def page(measured: Sequence[Measurement], command: str, points: int, versions: str) -> str:
    """Return the report in Markdown.

    Parameters
    ----------
    measured : sequence of Measurement
        What was measured.
    command : str
        What repeats it.
    points : int
        At how many points.
    versions : str
        Of what.

    Returns
    -------
    str
        A table of the rows, one of all else, one of compiled programs if there are any, and the deviations.

    Examples
    --------
    >>> page([], "python -m benchmarks accuracy", 10_000, "Python 3.11.").splitlines()[0]
    '# Accuracy'
    """
    rows = [one for one in measured if one.subject.is_of_one_or_two]
    others = [one for one in measured if not one.subject.is_of_one_or_two]
    compiled = [one for one in measured if any(who in COMPILED for who, _ in one.figures)]
    parts = [
        HEAD.format(points=points, command=command, versions=versions),
        "## Rows of one number or two\n",
        _table(rows, COMPUTED),
        "\n## Sequences, composed functions and losses\n",
        _table(others, COMPUTED),
        *_missing(measured),
        *([COMPILED_HEAD, _table(compiled, COMPILED)] if compiled else []),
        "\n## Left out, or with another bound\n",
        _deviations(),
    ]
    return "\n".join(parts) + "\n"


def _missing(measured: Sequence[Measurement]) -> list[str]:
    """Return a sentence about what was not measured."""
    names = [f"`{name}`" for name in subjects() if name not in {one.subject.name for one in measured}]
    return [f"\nNot in this run: {', '.join(names)}."] if names else []


def _table(measured: Iterable[Measurement], who: Mapping[str, object]) -> str:
    heads = ["", *[f"{what}: {name}" for what in (VALUES, DERIVATIVES) for name in who]]
    heads = [head for head in heads if head != "derivatives: NumPy"]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for one in measured:
        cells = [_shown(one.figures.get((head.split(": ")[1], head.split(": ")[0]))) for head in heads[1:]]
        lines.append([f"`{one.subject.name}`{_note(one)}", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _note(measurement: Measurement) -> str:
    """Return the numbers of the deviations, which are listed below."""
    numbers = [i for i, one in enumerate(DEVIATIONS, 1) if measurement.subject.name in one.of]
    return f" ({', '.join(map(str, numbers))})" if numbers else ""


def _shown(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return (
        f"{figure.ulps:.2f}"
        if figure.ulps < 100.0
        else f"{figure.ulps:.0e}".replace("+0", "").replace("+", "")
    )


def _deviations() -> str:
    lines = []
    for number, one in enumerate(DEVIATIONS, 1):
        what = " and ".join(one.what)
        limit = "left out" if one.bound is None else f"within {one.bound:g} ulp"
        lines.append(f"{number}. {', '.join(f'`{name}`' for name in one.of)}, {what}, {limit}: {one.reason}.")
    return "\n".join(lines)
