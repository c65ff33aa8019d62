"""How a function and its arguments go to another process, and results come back.

With cloudpickle functions travel that have no name there: lambdas, functions made in functions, and those of
a notebook. Without it `pickle` refers to a function by its module and its name.
"""

from __future__ import annotations

import io
import pickle
from importlib.util import find_spec
from typing import Any

from ..compiler.findings import keep_records, latest_records
from ..compiler.jitted import Jitted
from ..compiler.jitted_pickles import Travelling, home_of, named, travelling_of, with_function

MOST_BYTES = 1_000_000
"""How many bytes of programs go with each task; those of the moons' training step are 9,000."""

_latest: tuple[bytes, Any] = b"", None


class UnsentError(TypeError):
    """The function of a sweep, or a point, cannot go to another process, or is not found there."""


def sent(thing: Any, what: str) -> bytes:
    """Return something as bytes, for another process.

    Parameters
    ----------
    thing : object
        Points, or a function.
    what : str
        What it is, for the error.

    Raises
    ------
    UnsentError
        If it cannot be pickled.

    Examples
    --------
    >>> pickle.loads(sent(len, "the function")) is len
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


def sent_with_programs(f: Any) -> bytes:
    """Return a function as bytes, with what this process has compiled lately.

    Those may be programs of functions that `f` calls, which other processes import by themselves, or of the
    steps of a training.

    Raises
    ------
    UnsentError
        If the function cannot be pickled.

    Examples
    --------
    >>> received(sent_with_programs(len)) is len
    True
    """
    return sent((latest_records(MOST_BYTES), compiled_in(f), f), "the function of the sweep")


def compiled_in(f: Any) -> list[tuple[str, str, Travelling]]:
    """Return the compiled functions that a function calls by names of its module, which it leaves behind.

    Returns
    -------
    list of (str, str, Travelling)
        The module, the name there, and the programs of each; nothing for a function that goes with what it
        calls, as cloudpickle sends those of the main program.

    Examples
    --------
    >>> compiled_in(len)
    []
    """
    f = getattr(f, "func", f)
    f = getattr(f, "__func__", f)
    code, module = getattr(f, "__code__", None), str(getattr(f, "__module__", ""))
    if code is None or (module == "__main__" and _has_cloudpickle()) or "<" in f.__qualname__:
        return []
    called = [(name, f.__globals__.get(name)) for name in code.co_names]
    return [(module, name, travelling_of(it)) for name, it in called if isinstance(it, Jitted)]


def received(data: bytes) -> Any:
    """Return the function that `sent_with_programs` was given, the same object as long as the bytes are.

    What a function has compiled is there for the next task.

    Raises
    ------
    UnsentError
        If its module or its name is not found here.

    Examples
    --------
    >>> data = sent_with_programs(UnsentError)
    >>> received(data) is received(data)
    True
    """
    global _latest
    known, f = _latest
    if known != data:
        try:
            records, called, f = pickle.loads(data)
            for place in called:
                named(*place)
        except (AttributeError, ImportError) as error:
            raise UnsentError(
                f"the function of the sweep is not found in the process that is to call it ({error}): define "
                "it in a module that can be imported there, or pip install cloudpickle here and there"
            ) from None
        keep_records(records)
        _latest = data, f
    return f


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

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        """Writes compiled functions of the main program as it writes others: there is another one there."""

        def reducer_override(self, item: Any) -> Any:
            if type(item) is Jitted and home_of(item)[0] == "__main__":
                return with_function(item)
            return super().reducer_override(item)

    file = io.BytesIO()
    Pickler(file).dump(thing)
    return file.getvalue()
