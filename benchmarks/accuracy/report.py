"""The report: a page in Markdown with the largest errors, and the deviations with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .exceptions import DERIVATIVES, DEVIATIONS, VALUES
from .measure import COMPILED, COMPUTED, Figure, Measurement

HEAD = """# Accuracy

The largest errors of values and first derivatives, in units in the last place (ulp), at {points:,} points a
function:

```sh
python -m benchmarks accuracy --points {points} --seed {seed} --markdown benchmarks/ACCURACY.md
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


def page(measured: Sequence[Measurement], points: int, seed: int, versions: str) -> str:
    """Return the report in Markdown."""
    rows = [one for one in measured if one.subject.is_of_one_or_two]
    others = [one for one in measured if not one.subject.is_of_one_or_two]
    parts = [
        HEAD.format(points=points, seed=seed, versions=versions),
        "## Rows of one number or two\n",
        _table(rows, COMPUTED),
        "\n## Sequences, composed functions and losses\n",
        _table(others, COMPUTED),
        COMPILED_HEAD,
        _table([one for one in measured if any(key[0] in COMPILED for key in one.figures)], COMPILED),
        "\n## Left out, or with another bound\n",
        _deviations(),
    ]
    return "\n".join(parts) + "\n"


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
    return f"{figure.ulps:.2f}" if figure.ulps < 100.0 else f"{figure.ulps:.0e}".replace("e+", "e")


def _deviations() -> str:
    lines = []
    for number, one in enumerate(DEVIATIONS, 1):
        what = " and ".join(one.what)
        limit = "left out" if one.bound is None else f"within {one.bound:g} ulp"
        lines.append(f"{number}. {', '.join(f'`{name}`' for name in one.of)}, {what}, {limit}: {one.reason}.")
    return "\n".join(lines)
