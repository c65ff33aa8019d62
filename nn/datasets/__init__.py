"""Data sets for classification and regression: generated ones, real ones, and the user's own CSV."""

from .by_name import DATASETS
from .columns import DataColumn
from .csv_files import read_csv
from .dataset import Dataset, DatasetError, Inputs, Labels
from .generated import blobs, circles, linear, moons, spirals, xor
from .preprocessing import Preprocessing
from .real import breast_cancer, diabetes, digits, iris, wine
from .splitting import train_test_split
from .standardizer import Standardizer

__all__ = [
    "DATASETS",
    "DataColumn",
    "Dataset",
    "DatasetError",
    "Inputs",
    "Labels",
    "Preprocessing",
    "Standardizer",
    "blobs",
    "breast_cancer",
    "circles",
    "diabetes",
    "digits",
    "iris",
    "linear",
    "moons",
    "read_csv",
    "spirals",
    "train_test_split",
    "wine",
    "xor",
]
