"""What puts the results of a program together: a function written for one structure, or steps.

To walk the structure at each call would take 6 us for the six gradients of a small network in nested lists,
which is nearly as long as its program runs; what is written here takes 0.5 us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from ..transforms.trees import Leaf, Structure, unflatten
from .arguments.arrays import is_vector
from .arguments.machine_steps import BuildStep


class BuiltResults(NamedTuple):
    """What puts results together.

    Attributes
    ----------
    build : callable
        From the arrays, each an argument, to the tree.
    steps : list of BuildStep or None
        The same in steps, unless only Python does it.
    structure : Structure
        That of the tree.
    """

    build: Callable[..., Any]
    steps: list[BuildStep] | None
    structure: Structure = Leaf(())


def built_results(structure: Structure, *, as_they_are: bool = False) -> BuiltResults:
    """Return what puts results of a structure together.

    Parameters
    ----------
    structure : Structure
        The structure.
    as_they_are : bool
        As in `builder_of`.

    Examples
    --------
    >>> built_results(Leaf(())).build(4), built_results(Leaf(()), as_they_are=True).build(4)
    (4.0, 4)
    """
    steps = None if as_they_are else steps_of_results(structure)
    return BuiltResults(builder_of(structure, as_they_are=as_they_are), steps, structure)


def builder_of(structure: Structure, *, as_they_are: bool = False) -> Callable[..., Any]:
    """Return a function that puts results together.

    Parameters
    ----------
    structure : Structure
        The structure of the results.
    as_they_are : bool
        Whether numbers stay what they are, and vectors are sequences of them; else they are NumPy's arrays.

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
    text = _build(structure, arrays, builds, as_they_are)
    exec(f"def build({', '.join(arrays)}): return {text}", builds)
    build: Callable[..., Any] = builds["build"]
    return build


def _build(structure: Structure, arrays: list[str], builds: dict[str, Any], as_they_are: bool) -> str:
    """Return the expression for a part of the result."""
    if isinstance(structure, Leaf) or is_vector(structure):
        arrays.append(f"r{len(arrays)}")
        if isinstance(structure, Leaf):
            if as_they_are:
                return arrays[-1]
            if not structure.shape and structure.is_array:
                builds["asarray"] = np.asarray
                return f"asarray({arrays[-1]})"
            return arrays[-1] if structure.shape else f"float({arrays[-1]})"
        name = f"build{len(builds)}"
        # The gradient of a module is a dict of numbers, which is built in a tenth of the time.
        is_flat = all(isinstance(part, Leaf) and not part.is_array for part in structure.parts)
        builds[name] = structure.build if is_flat else partial(unflatten, structure)
        return f"{name}({arrays[-1]})" if as_they_are else f"{name}({arrays[-1]}.tolist())"
    parts = [_build(part, arrays, builds, as_they_are) for part in structure.parts]
    text = f"[{', '.join(parts)}]"
    if structure.build is tuple:
        return f"({''.join(f'{part}, ' for part in parts)})"
    if structure.build is list:
        return text
    name = f"build{len(builds)}"
    builds[name] = structure.build
    return f"{name}({text})"


def steps_of_results(structure: Structure) -> list[BuildStep] | None:
    """Return the steps that put results together as `builder_of` does, or None if only Python does.

    Examples
    --------
    >>> from ..transforms.trees import flatten
    >>> steps = steps_of_results(flatten({"a": 1.0, "b": (2.0, np.ones(2))})[1])
    >>> [(step.kind, step.which, step.keys) for step in steps]
    [('number', 0, ()), ('number', 1, ()), ('array', 2, ()), ('tuple', 2, ()), ('dict', 2, ('a', 'b'))]
    """
    steps: list[BuildStep] = []
    return steps if _add_steps(structure, count(), steps) else None


_CONTAINERS: dict[type, str] = {tuple: "tuple", list: "list", dict: "dict"}


def _add_steps(structure: Structure, results: Iterator[int], steps: list[BuildStep]) -> bool:
    """Add the steps for a part of the result; return whether there are any."""
    if isinstance(structure, Leaf):
        steps.append(BuildStep("array" if structure.shape else "number", next(results)))
        return bool(structure.shape) or not structure.is_array
    kind = _CONTAINERS.get(structure.kind)
    is_plain = kind is not None and (kind == "dict" or structure.build is structure.kind)
    if not is_plain or is_vector(structure):
        return False
    is_known = all(_add_steps(part, results, steps) for part in structure.parts)
    steps.append(BuildStep(str(kind), len(structure.parts), structure.keys if kind == "dict" else ()))
    return is_known
