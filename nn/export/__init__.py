"""Trained models for where there is no chainrule: as NumPy, as C, and as ONNX."""

from .c_source import to_c
from .numpy_source import to_numpy
from .onnx_graph import to_onnx

__all__ = ["to_c", "to_numpy", "to_onnx"]
