"""Compiling: record a function once, find the arrays in its scalars, and run them."""

from .jitted import Jitted, jit
from .lambdified import lambdify
from .runtime.program import CompilationReport

__all__ = ["CompilationReport", "Jitted", "jit", "lambdify"]
