"""Programs as StableHLO, for processes that have JAX alone, and for other compilers (`jax.export`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...files import write_whole
from .portable_trees import PortableTrees

if TYPE_CHECKING:
    from jax.export import Exported


class StableHLO:
    """A program as StableHLO, which any process can run that has JAX.

    ``str`` gives its text, ``bytes`` what `jax.export.deserialize` reads.

    Attributes
    ----------
    exported : jax.export.Exported
        The program. Its ``call`` takes the arguments of the function, with an array for each model.

    Examples
    --------
    >>> jax = __import__("pytest").importorskip("jax")
    >>> from autograd import jit
    >>> f = jit(lambda x, y: x * y, backend="jax", dtype="float32")
    >>> _ = f(1.0, 2.0)
    >>> f.to_stablehlo()
    <StableHLO of <lambda>(float32[], float32[]) for cpu>
    """

    def __init__(self, exported: Exported) -> None:
        self.exported = exported

    def __str__(self) -> str:
        text: str = self.exported.mlir_module()
        return text

    def __bytes__(self) -> bytes:
        return bytes(self.exported.serialize())

    def __repr__(self) -> str:
        shapes = ", ".join([aval.str_short() for aval in self.exported.in_avals])
        return f"<StableHLO of {self.exported.fun_name}({shapes}) for {', '.join(self.exported.platforms)}>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what `jax.export.deserialize` reads to a file, whole or not at all.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        OSError
            If it cannot be written. An older file is not changed then.
        """
        write_whole(Path(path), bytes(self))


def stablehlo(
    program: Callable[..., tuple[Any, ...]],
    trees: PortableTrees,
    name: str,
    dtype: np.dtype[Any],
    platforms: Sequence[str] | None = None,
) -> StableHLO:
    """Return a program as StableHLO.

    Parameters
    ----------
    program : callable
        From arrays of JAX to the tuple of results.
    trees : PortableTrees
        What it takes and gives.
    name : str
        What it is called.
    dtype : dtype
        What it computes in.
    platforms : sequence of str, optional
        For which platforms; by default for the one that JAX runs on.

    Returns
    -------
    StableHLO
        The program, for any lengths where the program leaves them open.
    """
    import jax
    from jax import export

    def called(*args: Any, **kwargs: Any) -> Any:
        arrays: dict[int, Any] = {}
        jax.tree.map(arrays.__setitem__, (trees.args, trees.kwargs), (args, kwargs))
        results = program(*[arrays[i] for i in range(len(arrays))])
        return jax.tree.map(lambda i: results[i], trees.results)

    called.__name__ = called.__qualname__ = name
    symbols = _symbols(trees)
    specs = [
        jax.ShapeDtypeStruct([symbols.get(length, length) for length in shape], dtype)
        for shape in trees.shapes
    ]
    args, kwargs = jax.tree.map(lambda i: specs[i], (trees.args, trees.kwargs))
    return StableHLO(export.export(jax.jit(called), platforms=platforms)(*args, **kwargs))


def _symbols(trees: PortableTrees) -> dict[int, Any]:
    """Return a symbol of JAX for each open length."""
    from jax import export

    numbers = sorted(trees.lengths, reverse=True)
    if not numbers:
        return {}
    names = {number: f"n{-number}" if len(numbers) > 1 else "batch" for number in numbers}
    constraints = [
        f"{names[number]} {_constraint(*condition, trees.lengths[number])}"
        for number, condition in trees.conditions
    ]
    found = export.symbolic_shape(", ".join(names.values()), constraints=constraints)
    return dict(zip(numbers, found, strict=True))


def _constraint(comparison: str, bound: int, answer: bool, length: int) -> str:
    """Return in JAX's words what is known of a length, which it is true of.

    Examples
    --------
    >>> _constraint("__lt__", 3, False, 5), _constraint("__eq__", 3, False, 2)
    ('>= 3', '<= 2')
    """
    known = comparison.strip("_") if answer else _OPPOSITES[comparison.strip("_")]
    if known == "ne":
        # JAX has no word for it, only for the side that the length is on.
        known = "gt" if length > bound else "lt"
    word, by = _WORDS[known]
    return f"{word} {bound + by}"


_OPPOSITES = {"ge": "lt", "lt": "ge", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}
_WORDS = {"ge": (">=", 0), "gt": (">=", 1), "le": ("<=", 0), "lt": ("<=", -1), "eq": ("==", 0)}
