"""Showing graphs to people."""

from .draw import draw
from .drawing import Drawing

__all__ = ["Drawing", "draw"]
