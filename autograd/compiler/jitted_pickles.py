"""How `pickle` writes a compiled function: by its name or with its function, and with its programs.

What the passes have found travels by the fingerprint of the tape that it was found in. The process that
reads it traces the function once, which shows what it reads there, and has the program without the passes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter
from typing import Any

from .arguments.static import StaticArguments
from .findings import FoundRecord, keep_records, records_of
from .jitted import Jitted

MOST_BYTES = 16_000_000
"""How many bytes of programs travel with a function; those of the latest come first."""

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
    return (_named, (module, name, _records(jitted))) if name else with_function(jitted)


def with_function(jitted: Jitted) -> Reduced:
    """Return what `pickle` writes of a function that has no name, or none in the process that reads it.

    Examples
    --------
    >>> make, arguments = with_function(Jitted(abs))
    >>> make(*arguments)(-2.0)
    2.0
    """
    static = jitted._static and jitted._static.given
    return _made, (jitted._f, jitted._backend, static, jitted._is_patient, _records(jitted))


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


def _records(jitted: Jitted) -> list[FoundRecord]:
    programs = reversed(jitted._programs.programs())
    return records_of([program.fingerprint for program in programs], MOST_BYTES)


def _named(module: str, name: str, records: list[FoundRecord]) -> Jitted:
    """Return the compiled function that a module holds here, once its programs are kept."""
    __import__(module)
    keep_records(records)
    found: Jitted = attrgetter(name)(sys.modules[module])
    return found


def _made(
    f: Callable[..., Any], backend: str, static: Any, is_patient: bool, records: list[FoundRecord]
) -> Jitted:
    """Return a function compiled in the same way, once its programs are kept."""
    keep_records(records)
    return Jitted(f, backend, static and StaticArguments(f, *static), is_patient=is_patient)
