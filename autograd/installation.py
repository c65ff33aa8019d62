"""Recognise files of HIPS autograd, a distribution with our import name, among ours."""

from __future__ import annotations

import os
import warnings

_PACKAGE = os.path.dirname(__file__)


def warn_of_mixed_files() -> None:
    """Warn where another distribution has put its files among ours.

    Installed after ours, HIPS autograd overwrites ``autograd/__init__.py``, and nothing of ours runs.
    Installed before, its files lie beside ours, and uninstalling it removes the ``__init__.py`` of ours.
    ``autograd/numpy`` is a folder that all of its versions have and ours does not.

    Warns
    -----
    UserWarning
        Naming the distribution, the folder and what to do.

    Examples
    --------
    >>> warn_of_mixed_files()
    """
    if os.path.exists(os.path.join(_PACKAGE, "numpy", "__init__.py")):
        import importlib.metadata  # 15 ms, a sixth of our own import

        try:
            other = f"HIPS autograd {importlib.metadata.version('autograd')}"
        except importlib.metadata.PackageNotFoundError:
            other = "HIPS autograd"
        warnings.warn(
            f"files of {other} are mixed with those of chainrule in {_PACKAGE}: "
            "pip uninstall autograd, then pip install --force-reinstall chainrule",
            stacklevel=3,
        )
