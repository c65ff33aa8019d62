"""Calls of programs of JAX: one `jax.jit` for each, in the precision that was asked for.

Derivatives of JAX itself, its `vmap` and its loops go through such a call as through any function of JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ...transforms.trees import Leaf, Structure
from ..arguments.arrays import is_vector
from ..arguments.call import Call
from ..arguments.device_arrays import DeviceArrays
from ..arguments.open_lengths import OpenLengths
from ..runtime.program import Program, Run
from .export import StableHLO, stablehlo
from .portable_trees import portable_trees
from .sharding import on_meshes

DTYPES = ("float64", "float32")
"""What programs may compute in."""


class JaxCalls:
    """Makes functions of JAX's arrays of programs.

    Parameters
    ----------
    dtype : str
        What the programs compute in, of `DTYPES`.

    Attributes
    ----------
    arrays : DeviceArrays
        What they take.

    Examples
    --------
    >>> jax = __import__("pytest").importorskip("jax")
    >>> calls = JaxCalls("float64")
    >>> run = calls.run(lambda x: (x * 2.0,), Leaf(()), "twice")
    >>> run(np.float64(0.1))
    (Array(0.2, dtype=float64),)
    """

    def __init__(self, dtype: str) -> None:
        import jax
        import jax.numpy as jnp

        names = ["bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
        dtypes = [*map(np.dtype, [*names, "float16", "float32", "float64"]), jnp.dtype(jnp.bfloat16)]
        self.arrays = DeviceArrays((jax.Array,), frozenset(dtypes), np.dtype(dtype))
        self.dtype = dtype

    def adopt(self, program: Program, call: Call, results: Structure, lengths: OpenLengths) -> None:
        """Have a program called as a function of JAX, and exported as one.

        Parameters
        ----------
        program : Program
            What was written: from arrays of the dtype to the tuple of results.
        call : Call
            The call that was traced.
        results : Structure
            The structure of the results.
        lengths : OpenLengths
            Which lengths of the arguments are open.
        """
        name = getattr(call.f, "__name__", "program")
        of_arrays = on_meshes(self._of_arrays(program.run))
        program.run = self.run(of_arrays, results, name)
        trees = portable_trees(call, results, lengths)

        def export(platforms: Sequence[str] | None) -> StableHLO:
            with self.precision():
                return stablehlo(of_arrays, trees, name, self.arrays.dtype, platforms)

        program.export = export

    def _of_arrays(self, program: Run) -> Run:
        """Return a program of arrays of any dtype, and results of the one."""
        import jax.numpy as jnp

        dtype = self.arrays.dtype

        def of_arrays(*arrays: Any) -> tuple[Any, ...]:
            results = program(*[jnp.asarray(array, dtype) for array in arrays])
            return tuple([jnp.asarray(result, dtype) for result in results])

        return of_arrays

    def run(self, program: Run, results: Structure, name: str) -> Run:
        """Return the function of JAX that a program is.

        Parameters
        ----------
        program : callable
            From arrays to the tuple of results.
        results : Structure
            Their structure.
        name : str
            What profilers and HLO call it.

        Returns
        -------
        callable
            From arrays, or tuples of the numbers of one, to the tuple of results, in which a vector of
            numbers is a tuple of them.

        Raises
        ------
        RuntimeError
            By the function returned, if it computes in float64 while somebody traces through it in float32.
        """
        import jax
        import jax.numpy as jnp

        vectors = [*_are_vectors(results)]

        def called(*arrays: Any) -> tuple[Any, ...]:
            given = [jnp.stack(array) if isinstance(array, tuple) else array for array in arrays]
            pairs = zip(program(*given), vectors, strict=True)
            return tuple([tuple(result) if is_vector else result for result, is_vector in pairs])

        called.__name__ = called.__qualname__ = name
        compiled = jax.jit(called)
        return compiled if self.dtype == "float32" else _in_doubles(compiled, any(vectors))

    def stacked(self, numbers: Sequence[Any]) -> Any:
        """Return numbers as one array."""
        import jax.numpy as jnp

        return jnp.stack(numbers)

    def precision(self) -> AbstractContextManager[Any]:
        """Return a context in which arrays can be of the dtype."""
        import jax

        return nullcontext() if self.dtype == "float32" else jax.enable_x64(True)

    def are_finite(self, results: Any) -> bool:
        """Return whether results are finite, or are not known, as while they are traced."""
        import jax

        return not any(
            not isinstance(result, jax.core.Tracer) and not np.isfinite(np.asarray(result)).all()
            for result in jax.tree.leaves(results)
        )


def _in_doubles(compiled: Callable[..., Any], has_vectors: bool) -> Run:
    """Return a function that computes in float64 whatever JAX is set to."""
    import jax

    doubles, tracer = jax.enable_x64, jax.core.Tracer

    def run(*arrays: Any) -> tuple[Any, ...]:
        if doubles.value:
            return compiled(*arrays)  # type: ignore[no-any-return]
        with doubles(True):
            if any(type(array) is np.ndarray for array in arrays) and any(map(_is_on_several, arrays)):
                # JAX 0.10 confuses the precisions of arrays of NumPy that it puts on several devices in both.
                arrays = tuple([jax.device_put(x) if type(x) is np.ndarray else x for x in arrays])
            results: tuple[Any, ...] = compiled(*arrays)
        # JAX would go on in float32, and take derivatives in it, with a warning.
        numbers = jax.tree.leaves(results) if has_vectors else results
        if any(isinstance(number, tracer) for number in numbers):
            raise RuntimeError(
                "a function that is compiled for float64 was called within jax.jit, jax.grad or another "
                "transformation of JAX, which computes in float32; first of all, call "
                "jax.config.update('jax_enable_x64', True), or transform and call it in "
                "`with jax.enable_x64(True):`, or have jit(f, backend='jax', dtype='float32') compile it"
            )
        return results

    return run


def _is_on_several(array: Any) -> bool:
    """Return whether an array is on several devices, as far as that is known."""
    return len(getattr(getattr(array, "sharding", None), "device_set", ())) > 1


def _are_vectors(structure: Structure) -> Iterator[bool]:
    """Yield for each result of a program whether it is a vector of numbers."""
    if isinstance(structure, Leaf):
        yield False
    elif is_vector(structure):
        yield True
    else:
        for part in structure.parts:
            yield from _are_vectors(part)
