"""Plots of a training run and of a model, with Matplotlib."""

from .boundaries import decision_boundary
from .confusion import confusion_matrix
from .curves import loss_curve
from .heat_maps import weight_maps
from .histograms import activation_histograms, gradient_histograms, parameter_histograms

__all__ = [
    "activation_histograms",
    "confusion_matrix",
    "decision_boundary",
    "gradient_histograms",
    "loss_curve",
    "parameter_histograms",
    "weight_maps",
]
