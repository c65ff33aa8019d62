"""Numbers, texts, arrays, and lists, tuples and dicts of them, as JSON and back, bit by bit."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# Booleans, integers, floats, complex numbers, texts, and dates.
_KINDS = "biufcSUmM"


def as_json(tree: Any) -> Any:
    """Return what `json.dumps` can write, and `from_json` makes the same of again.

    Raises
    ------
    TypeError
        For anything else.

    Examples
    --------
    >>> as_json({"loss": 0.5, "shape": (2, 3)})
    {'dict': {'loss': 0.5, 'shape': {'tuple': [2, 3]}}}
    >>> from_json(as_json([np.float32(0.1), np.arange(2.0)]))
    [np.float32(0.1), array([0., 1.])]
    """
    kind = type(tree)
    if tree is None or kind in (bool, int, str) or (kind is float and math.isfinite(tree)):
        return tree
    if kind in (float, complex):
        return {kind.__name__: _array(np.array(tree))["array"][2]}
    if kind is list:
        return [as_json(item) for item in tree]
    if kind is tuple:
        return {"tuple": [as_json(item) for item in tree]}
    if kind is dict:
        if all(type(name) is str for name in tree):
            return {"dict": {name: as_json(item) for name, item in tree.items()}}
        return {"pairs": [[as_json(name), as_json(item)] for name, item in tree.items()]}
    if isinstance(tree, np.generic) and tree.dtype.kind in _KINDS:
        return {"number": _array(np.asarray(tree))["array"]}
    if kind is np.ndarray and tree.dtype.kind in _KINDS:
        return _array(tree)
    raise TypeError(
        f"expected numbers, texts, arrays, or lists, tuples and dicts of them, got {tree!r} ({kind.__name__})"
    )


def from_json(written: Any) -> Any:
    """Return the tree that `as_json` was given.

    Raises
    ------
    ValueError
        For what it does not write.

    Examples
    --------
    >>> from_json({"float": "AAAAAAAA8H8="})
    inf
    """
    if isinstance(written, list):
        return [from_json(item) for item in written]
    if not isinstance(written, dict):
        return written
    if len(written) != 1:
        raise ValueError(f"expected one of {', '.join(_READERS)}, got {', '.join(written) or 'nothing'}")
    ((tag, content),) = written.items()
    if tag not in _READERS:
        raise ValueError(f"expected one of {', '.join(_READERS)}, got {tag!r}")
    return _READERS[tag](content)


def stated(tree: Any) -> Any:
    """Return what `json.dumps` can write and that says of a tree what it is, to be read and compared.

    Arrays are stated by their digest, functions and classes by their name, other objects by their `repr`.

    Examples
    --------
    >>> stated({"lr": 0.1, "f": math.sin, "x": (1, 2)})
    {'lr': 0.1, 'f': 'math.sin', 'x': [1, 2]}
    >>> stated(np.zeros(3))["array"]
    '<f8 (3,)'
    """
    if isinstance(tree, Mapping):
        return {str(name): stated(item) for name, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [stated(item) for item in tree]
    if isinstance(tree, np.ndarray):
        digest = hashlib.sha256(tree.tobytes() if tree.dtype.kind in _KINDS else repr(tree).encode())
        return {"array": f"{tree.dtype.str} {tree.shape}", "sha256": digest.hexdigest()[:32]}
    if isinstance(tree, functools.partial):
        return {"partial": stated(tree.func), "args": stated(tree.args), "keywords": stated(tree.keywords)}
    if (
        tree is None
        or isinstance(tree, bool | int | str)
        or (isinstance(tree, float) and math.isfinite(tree))
    ):
        return tree.item() if isinstance(tree, np.generic) else tree
    name = getattr(tree, "__qualname__", None)
    if isinstance(name, str):
        return f"{getattr(tree, '__module__', '')}.{name}"
    return _ADDRESS.sub("", repr(tree))


def line_of(described: Any) -> str:
    """Return JSON in one line, in which equal things are written alike.

    Examples
    --------
    >>> line_of({"b": 1, "a": [2.5]})
    '{"b": 1, "a": [2.5]}'
    """
    return json.dumps(described, ensure_ascii=False, allow_nan=False)


def _array(array: Any) -> dict[str, list[Any]]:
    data = base64.b64encode(array.tobytes()).decode("ascii")
    return {"array": [array.dtype.str, list(array.shape), data]}


def _to_array(content: Any) -> Any:
    kind, shape, data = content
    dtype = np.dtype(kind)
    if dtype.kind not in _KINDS:
        raise ValueError(f"expected an array of numbers or texts, got one of {dtype}")
    # NumPy takes any of them for as many as there are.
    if min(shape, default=0) < 0:
        raise ValueError(f"expected an array of no negative length, got the shape {shape}")
    return np.frombuffer(base64.b64decode(data, validate=True), dtype).reshape(shape).copy()


def _to_float(content: str) -> float:
    return float(_to_array(["<f8", [], content]))


def _to_complex(content: str) -> complex:
    return complex(_to_array(["<c16", [], content]))


_READERS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda items: tuple(map(from_json, items)),
    "dict": lambda items: {name: from_json(item) for name, item in items.items()},
    "pairs": lambda items: {from_json(name): from_json(item) for name, item in items},
    "number": lambda content: _to_array(content)[()],
    "array": _to_array,
    "float": _to_float,
    "complex": _to_complex,
}
