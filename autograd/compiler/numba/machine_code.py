"""Functions compiled by Numba, or loaded from the cache."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from ..runtime.cache import forget, is_intact, seal, stored
from ..runtime.program import UnsuitableError
from .functions import with_all_functions


def loaded(text: str, signature: str) -> ModuleType:
    r"""Return a module whose function ``program`` is machine code, compiled or from the cache.

    Parameters
    ----------
    text : str
        `HEAD` and the definition of the function.
    signature : str
        Its arguments, as Numba writes them.

    Returns
    -------
    module
        The module.

    Examples
    --------
    >>> from .build import HEAD
    >>> loaded(HEAD + "def program(x):\n    return 1.0 / x\n", "(float64,)").program(0.0)
    inf
    """
    text = with_all_functions(text)
    path = stored(text)
    if path is not None and not is_intact(path):
        forget(path)
        path = stored(text)
    try:
        return _loaded(text, signature, path)
    except UnsuitableError:
        raise
    except Exception:
        if path is None:
            raise
        # What is in the cache may be of another version, or another process may have deleted it.
        forget(path)
        return _loaded(text, signature, None)


def _loaded(text: str, signature: str, path: Path | None) -> ModuleType:
    """Return the module of a program, with its machine code, from the cache if there is a file."""
    module = ModuleType(f"chainrule_{path.parent.name}" if path else "chainrule_program")
    # Code in the cache knows its module by name.
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, str(path or "<compiled by autograd.jit>"), "exec"), module.__dict__)
        # Division by 0 is no error.
        dispatcher = module.njit(cache=path is not None, nogil=True, error_model="numpy")(module.program)
        if not hasattr(dispatcher, "compile"):
            raise UnsuitableError("NUMBA_DISABLE_JIT is set")
        if path is not None and not _is_kept_beside(path, dispatcher):
            return _loaded(text, signature, None)
        dispatcher.compile(signature)
        # Arguments of other types are converted by us, not compiled for.
        dispatcher.disable_compile()
        if path is not None and dispatcher.stats.cache_misses:
            # On a full disk, it is compiled anew next time.
            with suppress(OSError):
                seal(path)
        module.program = dispatcher  # type: ignore[attr-defined]
    finally:
        # Another thread that compiles without a cache uses the same name, and may have been here before.
        sys.modules.pop(module.__name__, None)
    return module


def _is_kept_beside(path: Path, dispatcher: Any) -> bool:
    """Return whether Numba caches beside the checked file: $NUMBA_CACHE_DIR would lead it elsewhere."""
    place = dispatcher.stats.cache_path
    return place is not None and Path(place).parent.samefile(path.parent)


def address_of(dispatcher: Any, *, is_c: bool = False) -> int:
    """Return where the machine code of a function is.

    Parameters
    ----------
    dispatcher : object
        The ``program`` of a module that was loaded.
    is_c : bool
        Whether it is called as functions of C are, which tells nobody of exceptions. Else it is called as
        Numba does: with an address for what it returns, and one for an exception, before the arguments. It
        returns whether there is one.
    """
    (compiled,) = dispatcher.overloads.values()
    names = compiled.fndesc
    name = names.llvm_cfunc_wrapper_name if is_c else names.llvm_func_name
    return int(compiled.library.get_pointer_to_function(name))
