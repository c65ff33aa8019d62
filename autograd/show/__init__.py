"""Showing graphs to people."""

from .draw import draw
from .drawing import Drawing, LayoutUnavailableError
from .explain import Explanation, explain
from .findings import Finding, Report
from .lint import lint
from .stepper import Stepper, stepper

__all__ = [
    "Drawing",
    "Explanation",
    "Finding",
    "LayoutUnavailableError",
    "Report",
    "Stepper",
    "draw",
    "explain",
    "lint",
    "stepper",
]
