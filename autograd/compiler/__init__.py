"""Compiling: record a function once, find the arrays in its scalars, and run them."""

from .jitted import Jitted, jit
from .lambdified import lambdify
from .loaded_programs import Loaded, load
from .runtime.program import CompilationReport

__all__ = ["CompilationReport", "Jitted", "Loaded", "jit", "lambdify", "load"]
