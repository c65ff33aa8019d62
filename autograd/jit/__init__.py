"""Compiling: record a function once, find the arrays in its scalars, and run them."""

from .compiled import Report
from .jit import Jitted, jit

__all__ = ["Jitted", "Report", "jit"]
