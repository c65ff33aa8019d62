"""Plots of a training run, with Matplotlib."""

from .boundaries import decision_boundary
from .curves import loss_curve

__all__ = ["decision_boundary", "loss_curve"]
