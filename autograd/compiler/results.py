"""A function written for one structure, which puts the results of a program together.

To walk the structure at each call would take 6 us for the six gradients of a small network in nested lists,
which is nearly as long as its program runs; what is written here takes 0.5 us.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..transforms.trees import Leaf, Structure, unflatten
from .arguments.arrays import is_vector


def builder_of(structure: Structure) -> Callable[..., Any]:
    """Return a function that puts results together.

    Parameters
    ----------
    structure : Structure
        The structure of the results.

    Returns
    -------
    callable
        From the arrays, each an argument, to the tree.

    Examples
    --------
    >>> from ..transforms.trees import flatten
    >>> builder_of(flatten([1.0, (2.0, 3.0)])[1])(4, 5, 6)
    [4.0, (5.0, 6.0)]
    """
    arrays: list[str] = []
    builds: dict[str, Any] = {}
    text = _build(structure, arrays, builds)
    exec(f"def build({', '.join(arrays)}): return {text}", builds)
    build: Callable[..., Any] = builds["build"]
    return build


def _build(structure: Structure, arrays: list[str], builds: dict[str, Any]) -> str:
    """Return the expression for a part of the result."""
    if isinstance(structure, Leaf) or is_vector(structure):
        arrays.append(f"r{len(arrays)}")
        if isinstance(structure, Leaf):
            if not structure.shape and structure.is_array:
                builds["asarray"] = np.asarray
                return f"asarray({arrays[-1]})"
            return arrays[-1] if structure.shape else f"float({arrays[-1]})"
        name = f"build{len(builds)}"
        # The gradient of a module is a dict of numbers, which is built in a tenth of the time.
        is_flat = all(isinstance(part, Leaf) and not part.is_array for part in structure.parts)
        builds[name] = structure.build if is_flat else partial(unflatten, structure)
        return f"{name}({arrays[-1]}.tolist())"
    parts = [_build(part, arrays, builds) for part in structure.parts]
    text = f"[{', '.join(parts)}]"
    if structure.build is tuple:
        return f"({''.join(f'{part}, ' for part in parts)})"
    if structure.build is list:
        return text
    name = f"build{len(builds)}"
    builds[name] = structure.build
    return f"{name}({text})"
