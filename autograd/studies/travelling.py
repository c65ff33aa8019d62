"""How a function and its arguments go to another process, and results come back.

With cloudpickle functions travel that have no name there: lambdas, functions made in functions, and those of
a notebook. Without it `pickle` refers to a function by its module and its name.
"""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from typing import Any

_latest: tuple[bytes, Any] = b"", None


class UnsentError(TypeError):
    """The function of a sweep, or a point, cannot go to another process, or is not found there."""


def sent(thing: Any, what: str) -> bytes:
    """Return something as bytes, for another process.

    Parameters
    ----------
    thing : object
        A function, or points.
    what : str
        What it is, for the error.

    Raises
    ------
    UnsentError
        If it cannot be pickled.

    Examples
    --------
    >>> received(sent(len, "the function")) is len
    True
    """
    try:
        return _pickled(thing)
    except Exception as error:
        advice = "" if _has_cloudpickle() else "; or pip install cloudpickle, which sends all functions"
        raise UnsentError(
            f"{what} cannot be sent to another process ({type(error).__name__}: {error}): use functions and "
            f"classes that stand at the top level of a module{advice}, or a ThreadPoolExecutor"
        ) from error


def received(data: bytes) -> Any:
    """Return the function that `sent` was given, the same object as long as the same bytes come.

    What a function has compiled is there for the next task.

    Raises
    ------
    UnsentError
        If its module or its name is not found here.

    Examples
    --------
    >>> data = sent({"a": 1}, "a dict")
    >>> received(data) is received(data)
    True
    """
    global _latest
    known, thing = _latest
    if known != data:
        try:
            thing = pickle.loads(data)
        except (AttributeError, ImportError) as error:
            raise UnsentError(
                f"the function of the sweep is not found in the process that is to call it ({error}): define "
                "it in a module that can be imported there, or pip install cloudpickle here and there"
            ) from None
        _latest = data, thing
    return thing


def result_bytes(result: Any) -> bytes:
    """Return a result as bytes.

    Examples
    --------
    >>> pickle.loads(result_bytes(1.5))
    1.5
    """
    return pickle.dumps(result, pickle.HIGHEST_PROTOCOL)


def _has_cloudpickle() -> bool:
    return find_spec("cloudpickle") is not None


def _pickled(thing: Any) -> bytes:
    if not _has_cloudpickle():
        return pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
    import cloudpickle

    data: bytes = cloudpickle.dumps(thing)
    return data
