"""Showing graphs to people."""

from .draw import draw
from .drawing import Drawing, LayoutUnavailableError

__all__ = ["Drawing", "LayoutUnavailableError", "draw"]
