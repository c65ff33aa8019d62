"""A compiled program, and what compiling found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


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
            _count(self.products, "matrix product"),
            _count(self.reductions, "other sum"),
            _count(self.gathers, "gather"),
        ]
        return (
            f"{_count(self.traced, 'operation')} traced, {self.simplified:,} after simplifying\n"
            f"{_count(self.classes, 'array')}: {', '.join(found)}\n"
            f"compiled in {self.seconds:.2f} s for the {self.backend} backend"
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
