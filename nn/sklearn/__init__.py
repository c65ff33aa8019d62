"""Estimators of scikit-learn that train `nn.MLP`: in pipelines, grid searches and cross-validation.

``pip install 'chainrule[train]'`` brings scikit-learn, which is loaded when this module is.
"""

from importlib.util import find_spec

if find_spec("sklearn") is None:
    raise ModuleNotFoundError("nn.sklearn needs scikit-learn: pip install 'chainrule[train]'")

from .classifier import MLPClassifier
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
