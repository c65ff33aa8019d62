"""How `pickle` writes a compiled function: by its name or with its function, and with its programs.

Programs travel as `Jitted.save` writes them, and the process that reads them traces nothing. Those for
modules do not: a file knows a module by its parameters alone. Of them, what the passes have found travels by
the fingerprint of the tape that it was found in: that process traces the function once, and runs no passes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from typing import Any, NamedTuple

from .arguments.plain_trees import UnplainError
from .arguments.static import StaticArguments
from .findings import FoundRecord, compiler_digest, keep_records, records_of
from .jitted import Jitted, library_of
from .loaded_programs import holds_for_calls, keep_all
from .program_files import bytes_of

MOST_BYTES = 16_000_000
"""How many bytes of findings travel with a function; those of the latest come first."""


class Travelling(NamedTuple):
    """The programs of a function, for another process.

    Attributes
    ----------
    compiler : str
        Which compiler has made them: another one makes its own.
    saved : bytes
        The programs, as a file has them; empty if one cannot be written.
    records : list of FoundRecord
        What was found of those that a file does not answer calls with.
    """

    compiler: str
    saved: bytes
    records: list[FoundRecord]


Reduced = tuple[Callable[..., Jitted], tuple[Any, ...]]


def reduced(jitted: Jitted) -> Reduced:
    """Return what `pickle` writes: the name of a function that a module holds, or else the function.

    Examples
    --------
    >>> import pickle
    >>> from operator import neg
    >>> f = Jitted(neg)
    >>> f(2.0), pickle.loads(pickle.dumps(f))(3.0)
    (-2.0, -3.0)
    """
    module, name = home_of(jitted)
    return (named, (module, name, travelling_of(jitted))) if name else with_function(jitted)


def with_function(jitted: Jitted) -> Reduced:
    """Return what `pickle` writes of a function that has no name, or none in the process that reads it.

    Examples
    --------
    >>> make, arguments = with_function(Jitted(abs))
    >>> make(*arguments)(-2.0)
    2.0
    """
    static = jitted._static and jitted._static.given
    made_with = jitted._f, jitted._backend, static, jitted._is_patient, jitted.dtype
    return _made, (*made_with, travelling_of(jitted))


def home_of(jitted: Jitted) -> tuple[str, str]:
    """Return the module that holds a compiled function, and its name there, which is empty if there is none.

    Examples
    --------
    >>> home_of(Jitted(abs))
    ('builtins', '')
    """
    module = str(getattr(jitted, "__module__", ""))
    space = vars(sys.modules[module]) if module in sys.modules else {}
    own = str(getattr(jitted, "__qualname__", ""))
    with suppress(AttributeError, KeyError):
        if attrgetter(own)(sys.modules[module]) is jitted:
            return module, own
    # `step = jit(value_and_grad(loss))` has the name of `loss`.
    return module, next((name for name, item in list(space.items()) if item is jitted), "")


def travelling_of(jitted: Jitted) -> Travelling:
    """Return the programs of a function, for another process.

    Examples
    --------
    >>> travelling_of(Jitted(abs)).saved
    b''
    """
    programs = jitted._programs.programs()
    saved = b""
    # A file has programs for NumPy's arrays.
    if programs and jitted._library is None and all(program.made_of for program in programs):
        with suppress(UnplainError):
            saved = bytes_of(jitted)
    others = [of for of in reversed(programs) if not saved or not holds_for_calls(of.form)]
    records = records_of([program.fingerprint for program in others], MOST_BYTES)
    return Travelling(compiler_digest(), saved, records)


def _keep(jitted: Jitted, travelling: Travelling) -> Jitted:
    if travelling.compiler == compiler_digest():
        keep_records(travelling.records)
        if travelling.saved:
            keep_all(jitted, travelling.saved)
    return jitted


def named(module: str, name: str, travelling: Travelling) -> Jitted:
    """Return the compiled function that a module holds here, with its programs.

    Raises
    ------
    ImportError, AttributeError
        If there is none.

    Examples
    --------
    >>> named("nowhere", "f", travelling_of(Jitted(abs)))
    Traceback (most recent call last):
        ...
    ModuleNotFoundError: No module named 'nowhere'
    """
    __import__(module)
    return _keep(attrgetter(name)(sys.modules[module]), travelling)


def _made(
    f: Callable[..., Any], backend: str, static: Any, is_patient: bool, dtype: str, travelling: Travelling
) -> Jitted:
    """Return a function compiled in the same way, with its programs."""
    library, static = library_of(backend, dtype), static and StaticArguments(f, *static)
    made = Jitted(f, backend, static, is_patient=is_patient, library=library)
    return _keep(made, travelling)
