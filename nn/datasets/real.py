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
    return _from_sklearn("iris", "species")


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
    return _from_sklearn("wine", "cultivar")


def breast_cancer() -> Dataset:
    """Return the breast cancer data of Wisconsin: 569 tumours, malignant or benign, 30 measurements.

    Raises
    ------
    DatasetError
        If scikit-learn, which carries the data, is not installed.

    Examples
    --------
    >>> breast_cancer().classes
    ('malignant', 'benign')
    """
    return _from_sklearn("breast_cancer", "tumour")


def digits() -> Dataset:
    """Return handwritten digits: 1,797 pictures of 8 by 8 pixels from 0 to 16.

    Raises
    ------
    DatasetError
        If scikit-learn, which carries the data, is not installed.

    Examples
    --------
    >>> digits().inputs.shape
    (1797, 64)
    """
    return _from_sklearn("digits", "digit")


def diabetes() -> Dataset:
    """Return the diabetes data: how far the disease of 442 patients went in a year, and 10 measurements.

    It is a regression. The measurements are centred and scaled.

    Raises
    ------
    DatasetError
        If scikit-learn, which carries the data, is not installed.

    Examples
    --------
    >>> diabetes()
    Dataset('diabetes', 442 samples, 10 features, regression)
    """
    return _from_sklearn("diabetes", "progression")


def _from_sklearn(name: str, target: str) -> Dataset:
    if find_spec("sklearn") is None:
        raise DatasetError(f"the {name} data set comes with scikit-learn: pip install 'chainrule[train]'")
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    features = tuple(feature.removesuffix(" (cm)") for feature in bunch.feature_names)
    classes = tuple(str(c).replace("_", " ") for c in getattr(bunch, "target_names", ()))
    targets = bunch.target.astype(np.int64 if classes else np.float64)
    return Dataset(name, bunch.data, targets, features, classes, target)
