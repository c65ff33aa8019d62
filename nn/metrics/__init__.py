"""Metrics: functions from the outputs and the targets of samples to a number that people read."""

from .by_name import FRACTIONS, INCREASING, METRICS, Metric, metric
from .classification import Labels, accuracy, confusion_matrix, f1, f1_macro, predicted_classes
from .regression import mae, mse, r2, rmse

__all__ = [
    "FRACTIONS",
    "INCREASING",
    "METRICS",
    "Labels",
    "Metric",
    "accuracy",
    "confusion_matrix",
    "f1",
    "f1_macro",
    "mae",
    "metric",
    "mse",
    "predicted_classes",
    "r2",
    "rmse",
]
