"""Models in files: parameters, how the model was made, and what its inputs go through."""

from .archives import read_archive, write_archive
from .models import VERSION, SavedModel, load, read_model, save

__all__ = ["VERSION", "SavedModel", "load", "read_archive", "read_model", "save", "write_archive"]
