"""Real data sets, which scikit-learn carries."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from .dataset import Dataset, DatasetError


def iris() -> Dataset:
    """Return Fisher's Iris data: 150 flowers of 3 species, 4 lengths in cm.

    Raises
    ------
    DatasetError
        If scikit-learn, which carries the data, is not installed.

    Examples
    --------
    >>> iris().inputs.shape
    (150, 4)
    """
    return _from_sklearn("iris")


def wine() -> Dataset:
    """Return the Wine data: 178 wines of 3 cultivars, 13 chemical measurements.

    Raises
    ------
    DatasetError
        If scikit-learn, which carries the data, is not installed.

    Examples
    --------
    >>> wine().inputs.shape
    (178, 13)
    """
    return _from_sklearn("wine")


def _from_sklearn(name: str) -> Dataset:
    if find_spec("sklearn") is None:
        raise DatasetError(f"the {name} data set comes with scikit-learn: pip install 'chainrule[train]'")
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    features = tuple(feature.removesuffix(" (cm)") for feature in bunch.feature_names)
    classes = tuple(str(c).replace("_", " ") for c in bunch.target_names)
    return Dataset(name, bunch.data, bunch.target.astype(np.int64), features, classes)
