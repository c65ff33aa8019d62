"""The chart of speeds, of the numbers in benchmarks/RESULTS.md. ``python docs/_ext/speeds.py`` writes it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
CHART = ROOT / "docs" / "_static" / "speeds.svg"


class Bar(NamedTuple):
    """A peer in a case, and how it is called."""

    case: str
    peer: str
    name: str


class Panel(NamedTuple):
    """A title and some bars."""

    title: str
    bars: tuple[Bar, ...]


# micrograd's demo: value and all gradients of 337 parameters, 100 samples.
PANELS = (
    Panel(
        "Recorded as a graph at each step",
        (
            Bar("moons-eager", "micrograd", "micrograd"),
            Bar("moons-eager", "chainrule", "chainrule, interpreted"),
            Bar("moons-eager", "xad", "XAD (a tape in C++)"),
            Bar("moons-eager", "chainrule-compiled", "chainrule"),
            Bar("moons-nn", "chainrule-compiled", "chainrule, through nn"),
        ),
    ),
    Panel(
        "The same loops, compiled; peers on arrays",
        (
            Bar("moons-jit", "torch", "PyTorch, eager"),
            Bar("moons-jit", "jax", "JAX, jit"),
            Bar("moons-jit", "chainrule-numpy", "chainrule, jit on NumPy"),
            Bar("moons-jit", "numpy", "NumPy by hand"),
            Bar("moons-jit", "chainrule", "chainrule, jit on Numba"),
            Bar("moons-jit", "c", "hand-tuned C"),
        ),
    ),
)

TITLE = "One training step of micrograd’s demo: value and all 337 gradients"
WIDTH, ROW, LEFT, RIGHT = 760, 24, 210, 90
LOW, HIGH = 1e-3, 3e3
TICKS = ((1e-3, "1 µs"), (1e-1, "0.1 ms"), (1e1, "10 ms"), (1e3, "1 s"))

STYLE = """text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 } .axis, .value { fill: #59636e; font-size: 12px }
line { stroke: #d1d9e0 } .ours { fill: #2563eb } .peer { fill: #9aa4b2 } .ground { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .axis, .value { fill: #9198a1 } line { stroke: #3d444d }
  .ours { fill: #60a5fa } .peer { fill: #656f7b } .ground { fill: #0d1117 }
}"""


def medians(results: str) -> dict[tuple[str, str], float]:
    """Return the median time in ms of each case and peer, of the first table that has it.

    >>> medians("| call | jax | 1,012.5 | 1 - 2 | 10 | 10 |")
    {('call', 'jax'): 1012.5}
    """
    found: dict[tuple[str, str], float] = {}
    for case, peer, ms in re.findall(r"^\| ([\w-]+) \| ([\w-]+) \| ([\d.,e+]+) \|", results, re.MULTILINE):
        found.setdefault((case, peer), float(ms.replace(",", "")))
    return found


def written(ms: float) -> str:
    """Return a time for people.

    >>> written(1170.0), written(0.0103), written(16.67)
    ('1.2 s', '10 µs', '17 ms')
    """
    number, unit = (ms / 1000, "s") if ms >= 1000 else (ms, "ms") if ms >= 1 else (ms * 1000, "µs")
    return f"{number:.2g} {unit}" if number < 100 else f"{number:.0f} {unit}"


def at(ms: float) -> float:
    """Return where a time is on the logarithmic axis."""
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log(ms / LOW) / math.log(HIGH / LOW)


def bars(panel: Panel, times: Mapping[tuple[str, str], float], y: int) -> tuple[list[str], int]:
    """Return the bars of a panel that begins at a height, with the axis behind them, and where it ends."""
    end = y + ROW * len(panel.bars)
    parts = [f'<line x1="{at(ms):.1f}" x2="{at(ms):.1f}" y1="{y}" y2="{end}"/>' for ms, _ in TICKS]
    for row, bar in enumerate(panel.bars):
        ms, middle = times[bar.case, bar.peer], y + ROW * row + ROW // 2
        kind = "ours" if bar.peer.startswith("chainrule") else "peer"
        length = at(ms) - LEFT
        parts += [
            f'<text x="{LEFT - 10}" y="{middle + 4}" text-anchor="end">{escape(bar.name)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{middle - 9}" width="{length:.1f}" height="18" rx="2"/>',
            f'<text class="value" x="{at(ms) + 6:.1f}" y="{middle + 4}">{written(ms)}</text>',
        ]
    return parts, end


def chart(times: Mapping[tuple[str, str], float], panels: Sequence[Panel] = PANELS) -> str:
    """Return the chart: bars on a logarithmic axis."""
    parts = [
        f'<text class="title" x="12" y="26">{TITLE}</text>',
        '<text class="axis" x="12" y="46">median time, on a logarithmic axis; shorter is better</text>',
    ]
    y = 60
    for panel in panels:
        parts.append(f'<text class="axis" x="12" y="{y + 18}">{escape(panel.title)}</text>')
        more, y = bars(panel, times, y + 26)
        parts += more
    parts += [
        f'<text class="axis" x="{at(ms):.1f}" y="{y + 18}" text-anchor="middle">{label}</text>'
        for ms, label in TICKS
    ]
    height = y + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="Bar chart of the time of one training step">\n'
        f'<style>{STYLE}</style>\n<rect class="ground" width="{WIDTH}" height="{height}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def current() -> str:
    """Return the chart of the results as they are now."""
    return chart(medians(RESULTS.read_text(encoding="utf-8")))


if __name__ == "__main__":
    CHART.parent.mkdir(exist_ok=True)
    CHART.write_text(current(), encoding="utf-8")
