"""Functions written for one structure: to take arguments apart, and to put results together.

Walking the structure at each call would take 6 us for the six arrays of a small network in nested lists,
which is nearly as long as its program runs; what is written here takes 1.2 us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from ..transforms.trees import Leaf, Structure, unflatten
from .likeness import WHOLE

Reader = Callable[[Any, Any], "tuple[Any, ...] | None"]


def reader_of(key: Any) -> Reader:
    """Return a function that takes arguments apart, or gives None if they are not alike.

    Parameters
    ----------
    key : hashable
        What `likeness` gives for the pair of ``args`` and ``kwargs``.

    Returns
    -------
    callable
        From ``args`` and ``kwargs`` to the leaves, numbers as NumPy's floats.

    Examples
    --------
    >>> from .likeness import likeness
    >>> read = reader_of(likeness((([1.0, np.ones(2)],), {}), []))
    >>> read(([5.0, np.zeros(2)],), {})
    (np.float64(5.0), array([0., 0.]))
    >>> read(([5.0, np.zeros(3)],), {}) is None
    True
    """
    names = (f"x{i}" for i in count())
    lines: list[str] = []
    leaves: list[str] = []
    constants: dict[str, Any] = {
        "array": np.array,
        "ndarray": np.ndarray,
        "float64": np.float64,
        "FLOAT": np.dtype(float),
        "FLOATS": {float},
        "NAMES": {str},
        "WHOLE": WHOLE,
    }
    for name, part in zip(("args", "kwargs"), key[1:], strict=True):
        _read(part, name, names, lines, leaves, constants)
    body = "".join(f"    {line}\n" for line in lines)
    text = f"def read(args, kwargs):\n{body}    return ({''.join(f'{leaf}, ' for leaf in leaves)})\n"
    exec(text, constants)
    reader: Reader = constants["read"]
    return reader


def _read(
    key: Any, name: str, names: Iterator[str], lines: list[str], leaves: list[str], constants: dict[str, Any]
) -> None:
    """Write what checks a part of the arguments and takes it apart."""
    if key == 1:
        lines.append(f"if {name}.__class__ is not float: return None")
        leaves.append(f"float64({name})")
        return
    if key == 2:
        lines.append(f"if {name}.__class__ not in WHOLE: return None")
        leaves.append(f"float64({name})")
        return
    kind, *parts = key or (None,)
    if kind == "whole":
        different = f"{name}.shape != {tuple(parts)} or {name}.dtype.kind not in 'iub'"
        lines.append(f"if {name}.__class__ is not ndarray or {different}: return None")
        leaves.append(f"{name}.astype(float)")
        return
    if kind == "numbers":
        different = f"len({name}) != {parts[0]} or set(map(type, {name})) != FLOATS"
        lines.append(f"if {name}.__class__ is not list or {different}: return None")
        leaves.append(f"array({name})")
        return
    if kind not in (dict, list, tuple):
        lines.append(
            f"if {name}.__class__ is not ndarray or {name}.shape != {key} or {name}.dtype is not FLOAT: "
            "return None"
        )
        leaves.append(name)
        return
    if kind is dict:
        known = f"k{len(constants)}"
        parts, constants[known] = parts[len(parts) // 2 :], parts[: len(parts) // 2]
        check = f"[*{name}] != {known} or {{*map(type, {name})}} != NAMES" if parts else name
        values = f"{name}.values()"
    else:
        check, values = f"len({name}) != {len(parts)}", name
    lines.append(f"if {name}.__class__ is not {kind.__name__} or {check}: return None")
    if parts:
        inner = [next(names) for _ in parts]
        lines.append(f"{', '.join(inner)}, = {values}")
        for part, item in zip(parts, inner, strict=True):
            _read(part, item, names, lines, leaves, constants)


def builder_of(form: Structure, is_vector: Callable[[Any], bool]) -> Callable[..., Any]:
    """Return a function that puts results together.

    Parameters
    ----------
    form : Structure
        What is wanted.
    is_vector : callable
        Whether the numbers of a branch are one array.

    Returns
    -------
    callable
        From the arrays, each an argument, to the tree.

    Examples
    --------
    >>> from ..transforms.trees import flatten
    >>> builder_of(flatten([1.0, (2.0, 3.0)])[1], lambda branch: False)(4, 5, 6)
    [4.0, (5.0, 6.0)]
    """
    arrays: list[str] = []
    builds: dict[str, Any] = {}
    text = _build(form, is_vector, arrays, builds)
    exec(f"def build({', '.join(arrays)}): return {text}", builds)
    build: Callable[..., Any] = builds["build"]
    return build


def _build(
    form: Structure, is_vector: Callable[[Any], bool], arrays: list[str], builds: dict[str, Any]
) -> str:
    """Return the expression for a part of the result."""
    if isinstance(form, Leaf) or is_vector(form):
        arrays.append(f"r{len(arrays)}")
        if isinstance(form, Leaf):
            if not form.shape and form.is_array:
                builds["asarray"] = np.asarray
                return f"asarray({arrays[-1]})"
            return arrays[-1] if form.shape else f"float({arrays[-1]})"
        name = f"build{len(builds)}"
        builds[name] = partial(unflatten, form)
        return f"{name}({arrays[-1]}.tolist())"
    parts = [_build(part, is_vector, arrays, builds) for part in form.parts]
    text = f"[{', '.join(parts)}]"
    if form.build is tuple:
        return f"({''.join(f'{part}, ' for part in parts)})"
    if form.build is list:
        return text
    name = f"build{len(builds)}"
    builds[name] = form.build
    return f"{name}({text})"
