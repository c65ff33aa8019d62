"""A compiled program, and what compiling found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..formulas import count


class Report(NamedTuple):
    """What compiling found; it prints as a list.

    Attributes
    ----------
    traced, simplified : int
        Instructions in the trace, and after simplifying it.
    classes, products, reductions, gathers : int
        Arrays that the program has, matrix products, other sums, and operands that follow no rule.
    seconds : float
        How long it took, the trace included.
    backend : str
        What runs it.
    """

    traced: int
    simplified: int
    classes: int
    products: int
    reductions: int
    gathers: int
    seconds: float
    backend: str = "numpy"

    def __repr__(self) -> str:
        found = [
            count(self.products, "matrix product"),
            count(self.reductions, "other sum"),
            count(self.gathers, "gather"),
        ]
        return (
            f"{count(self.traced, 'operation')} traced, {self.simplified:,} after simplifying\n"
            f"{count(self.classes, 'array')}: {', '.join(found)}\n"
            f"compiled in {self.seconds:.2f} s for the {self.backend} backend"
        )


class Program(NamedTuple):
    """A compiled program.

    Attributes
    ----------
    source : str
        Its text, which runs on its own.
    run : callable
        From the arguments' arrays to the tuple of results.
    report : Report
        What was found.
    """

    source: str
    run: Callable[..., tuple[Any, ...]]
    report: Report
