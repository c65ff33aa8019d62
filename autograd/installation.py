"""What is installed: the compiled or the interpreted form, and files of HIPS autograd, which has our name."""

from __future__ import annotations

import os
import platform
import sys
import warnings
from importlib.machinery import EXTENSION_SUFFIXES

_PACKAGE = os.path.dirname(__file__)


def is_compiled() -> bool:
    """Return whether the engine runs compiled by mypyc, or as Python's interpreter reads it.

    Results are the same. `hatch_build.py` says which form is installed when.

    Examples
    --------
    >>> is_compiled()  # in a checkout
    False
    """
    return str(sys.modules["autograd.engine.value"].__file__).endswith(tuple(EXTENSION_SUFFIXES))


def description() -> str:
    """Return one line with the version, the form and its reason, and the versions of Python and NumPy.

    Examples
    --------
    >>> description()
    'chainrule ..., interpreted (...), Python 3..., NumPy 2...'
    """
    import importlib.metadata  # 15 ms, a sixth of our own import

    version, reason = "of a checkout", "from source files"
    try:
        found = importlib.metadata.distribution("chainrule")
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        installed = str(found.locate_file("autograd"))
        # An editable install has no files there; another copy is not what runs.
        if not os.path.exists(installed) or os.path.samefile(installed, _PACKAGE):
            version = found.version
            reason = (found.read_text("extra_metadata/interpreted.txt") or reason).strip()
    form = "compiled" if is_compiled() else f"interpreted ({reason})"
    numpy = importlib.metadata.version("numpy")
    return f"chainrule {version}, {form}, Python {platform.python_version()}, NumPy {numpy}"


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
