"""Studies: one function at many points, on whatever computes several of them at once."""

from .parameter_sweeps import sweep
from .sweep_results import FailedPoint, SweepError, SweepResults

__all__ = ["FailedPoint", "SweepError", "SweepResults", "sweep"]
