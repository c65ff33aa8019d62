"""Compiling: record a function once, find the arrays in its scalars, and run them."""

from .jit import Jitted, jit
from .lambdify import lambdify
from .program import Report

__all__ = ["Jitted", "Report", "jit", "lambdify"]
