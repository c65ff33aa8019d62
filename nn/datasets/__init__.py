"""Data sets for classification: two real ones, a generated one, and the user's own CSV."""

from .csv_files import read_csv
from .dataset import Dataset, DatasetError, Inputs, Labels
from .generated import moons
from .real import iris, wine
from .splitting import split
from .standardizer import Standardizer

__all__ = [
    "Dataset",
    "DatasetError",
    "Inputs",
    "Labels",
    "Standardizer",
    "iris",
    "moons",
    "read_csv",
    "split",
    "wine",
]
