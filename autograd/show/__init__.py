"""Showing graphs to people.

The public names are loaded when first used: graphviz, html and json would make ``import autograd`` half as
slow again.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .exercises.grades import Grades, Mark
    from .exercises.questions import Exercise, exercise
    from .exercises.worksheets import Worksheet, worksheet
    from .linting.findings import Finding, LintReport
    from .linting.linter import lint
    from .picture.computation_graph import draw
    from .picture.drawing import Drawing
    from .picture.layout import LayoutUnavailableError
    from .picture.sparsity_plot import spy
    from .rounding_errors import RoundingError, RoundoffReport, roundoff
    from .sample_influence import Influence, Pull, influence
    from .stepping.animation import animate
    from .stepping.film import Film
    from .stepping.page import Stepper, stepper
    from .sympy_expressions import to_sympy
    from .sympy_graphs import from_sympy
    from .text.explanation import Explanation, explain

__all__ = [
    "Drawing",
    "Exercise",
    "Explanation",
    "Film",
    "Finding",
    "Grades",
    "Influence",
    "LayoutUnavailableError",
    "LintReport",
    "Mark",
    "Pull",
    "RoundingError",
    "RoundoffReport",
    "Stepper",
    "Worksheet",
    "animate",
    "draw",
    "exercise",
    "explain",
    "from_sympy",
    "influence",
    "lint",
    "roundoff",
    "spy",
    "stepper",
    "to_sympy",
    "worksheet",
]

_HOME = {
    "Drawing": ".picture.drawing",
    "Exercise": ".exercises.questions",
    "Explanation": ".text.explanation",
    "Film": ".stepping.film",
    "Finding": ".linting.findings",
    "Grades": ".exercises.grades",
    "Influence": ".sample_influence",
    "LayoutUnavailableError": ".picture.layout",
    "LintReport": ".linting.findings",
    "Mark": ".exercises.grades",
    "Pull": ".sample_influence",
    "RoundingError": ".rounding_errors",
    "RoundoffReport": ".rounding_errors",
    "Stepper": ".stepping.page",
    "Worksheet": ".exercises.worksheets",
    "animate": ".stepping.animation",
    "draw": ".picture.computation_graph",
    "exercise": ".exercises.questions",
    "explain": ".text.explanation",
    "from_sympy": ".sympy_graphs",
    "influence": ".sample_influence",
    "lint": ".linting.linter",
    "roundoff": ".rounding_errors",
    "spy": ".picture.sparsity_plot",
    "stepper": ".stepping.page",
    "to_sympy": ".sympy_expressions",
    "worksheet": ".exercises.worksheets",
}


if not TYPE_CHECKING:  # To a type checker, any name would be there.

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            return getattr(import_module(_HOME[name], __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
