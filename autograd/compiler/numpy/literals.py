"""The constant arrays of a program: they are passed to it by name, and written out only in its source.

To write and parse them for each compilation would take longer than all else: the 5,000,000 positions of a
mixture of Gaussians (10 dimensions, 25 components, 1,000 points) took 31 of 34 s, and made a source of 56
MB. So the source is written on demand. In it, a short array is a list, regular positions are the
expression of their rule, and anything else is compressed text below a comment that shows its first
numbers.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd, inf, nan
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# What fits on a line or two.
_SHORT = 64

_UNPACKED = """

def unpacked(text, dtype, shape):
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype).reshape(shape)
"""


@dataclass
class Literals:
    """The arrays of a program by name, each once.

    Attributes
    ----------
    arrays : dict of str to array
        What the program is given.

    Examples
    --------
    >>> literals = Literals()
    >>> positions = np.arange(200).reshape(2, 100)
    >>> [literals.name(array, "i") for array in (np.array([2, 0]), positions, np.array([2, 0]))]
    ['i1', 'i2', 'i1']
    >>> literals.lines()
    ['i1 = np.array([2, 0])', 'i2 = np.arange(200).reshape(2, 100)']
    """

    arrays: dict[str, Array] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def name(self, array: Array, letter: str) -> str:
        """Return the name of an array; a new one begins with the letter."""
        # By its bytes: 0.0 equals -0.0.
        key = array.dtype, array.shape, array.tobytes()
        if key not in self._known:
            self._known[key] = f"{letter}{len(self.arrays) + 1}"
            self.arrays[self._known[key]] = array
        return self._known[key]

    def text(self, array: Array) -> str:
        """Return a list of the numbers of a short array, and the name of a long one.

        Examples
        --------
        >>> Literals().text(np.array([[2.0], [-np.inf]])), Literals().text(np.arange(100))
        ('[[2.0], [-np.inf]]', 'c1')
        """
        return _listed(array.tolist()) if array.size <= _SHORT else self.name(array, "c")

    def lines(self) -> list[str]:
        """Return the statements that define the arrays."""
        lines = []
        for name, array in self.arrays.items():
            text = array_text(array)
            if "unpacked(" in text:
                lines.append(f"# {_excerpt(array)}")
            lines.append(f"{name} = {text}")
        return lines


def module_text(
    imports: Sequence[str], literals: Literals, rest: str, libraries: Sequence[str] = ("import numpy as np",)
) -> str:
    r"""Return a module that defines its arrays, and then the rest.

    Parameters
    ----------
    imports : sequence of str
        Lines that import what the rest needs of Python.
    literals : Literals
        The arrays.
    rest : str
        The rest, which begins with its distance to what is above it.
    libraries : sequence of str
        Lines that import the libraries of arrays, of which NumPy is one.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> print(module_text([], Literals(), "\n\none = np.float64(1)"))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    one = np.float64(1)
    """
    lines = literals.lines()
    is_packed = any("unpacked(" in line for line in lines)
    own = sorted([*imports, *(("import base64", "import zlib") if is_packed else ())])
    head = [*own, *([""] if own else []), *libraries, *([_UNPACKED] if is_packed else [])]
    return "\n".join([*head, *(["", *lines] if lines else []), rest])


def array_text(array: Array) -> str:
    """Return an expression that gives an array: its numbers, their rule, or a call of `unpacked`.

    Parameters
    ----------
    array : array
        Floats or positions.

    Returns
    -------
    str
        NumPy.

    Examples
    --------
    >>> array_text(np.array([0.5, -0.0, np.inf]))
    'np.array([0.5, -0.0, np.inf])'
    >>> array_text(np.arange(1000).reshape(10, 100)[:, ::-2])
    'np.arange(99, 1099, 100)[:, None] + np.arange(0, -100, -2)'
    >>> array_text(np.repeat([5, 0, 9], 30))
    '(np.array([5, 0, 9])[:, None] + np.zeros(30, dtype=int)).reshape(90)'
    """
    if array.size <= _SHORT:
        return _written(array)
    if array.dtype.kind == "f":
        return _repeated(array) or _packed(array)
    return _ruled(array) or _packed(array)


def number_text(number: float) -> str:
    """Return a number as a program of NumPy writes it.

    Examples
    --------
    >>> [number_text(number) for number in (-0.0, -np.inf, 3)]
    ['-0.0', '-np.inf', '3']
    """
    text = str(int(number)) if isinstance(number, int | np.integer) else repr(float(number))
    return _SPECIAL.get(text, text)


_SPECIAL = {repr(inf): "np.inf", repr(-inf): "-np.inf", repr(nan): "np.nan"}


def _listed(numbers: Any) -> str:
    if isinstance(numbers, list):
        return f"[{', '.join(map(_listed, numbers))}]"
    return number_text(numbers)


def _written(array: Array) -> str:
    text = f"np.array([{', '.join(map(number_text, array.ravel().tolist()))}])"
    return text if array.ndim == 1 else f"{text}.reshape({_sizes(array.shape)})"


def _ruled(positions: Array) -> str | None:
    """Return positions as a sum of ranges, one for each axis, and their starts; None if that is long."""
    starts, axes = _ranges(positions.ravel())
    if len(starts) > _SHORT:
        return None
    shape = tuple([length for length, _ in axes])
    parts = [_range(length, step, 0) for length, step in axes]
    if len(starts) > 1:
        shape = (len(starts), *shape)
        parts.insert(0, _written(starts))
    else:
        parts[0] = _range(*axes[0], int(starts[0]))
    *outer, inner = parts
    turned = [f"{part}[:{', None' * (len(outer) - i)}]" for i, part in enumerate(outer)]
    text = " + ".join([*turned, inner])
    if shape == positions.shape:
        return text
    return f"{f'({text})' if outer else text}.reshape({_sizes(positions.shape)})"


def _ranges(flat: Array) -> tuple[Array, list[tuple[int, int]]]:
    """Return positions as nested ranges: their starts, and length and step of each, the outermost first."""
    axes: list[tuple[int, int]] = []
    while len(flat) > 1:
        steps = np.diff(flat)
        breaks = np.flatnonzero(steps != steps[0]) + 1
        length = gcd(len(flat), int(np.gcd.reduce(breaks))) if len(breaks) else len(flat)
        if length == 1:
            break
        axes.insert(0, (length, int(steps[0])))
        flat = flat[::length]
    return flat, axes


def _range(length: int, step: int, start: int) -> str:
    if not step:
        return f"np.full({length}, {start})" if start else f"np.zeros({length}, dtype=int)"
    if step == 1:
        return f"np.arange({f'{start}, ' if start else ''}{start + length})"
    return f"np.arange({start}, {start + length * step}, {step})"


def _repeated(numbers: Array) -> str | None:
    """Return floats that repeat a few numbers as an indexed list of these."""
    bits = numbers.ravel().view(np.int64)
    first, inverse = np.unique(bits, return_index=True, return_inverse=True)[1:]
    if 4 * len(first) > len(bits):
        return None
    order = np.argsort(first)
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    positions = _ruled(ranks[inverse.ravel()].reshape(numbers.shape))
    return None if positions is None else f"{array_text(numbers.ravel()[first[order]])}[{positions}]"


def _packed(array: Array) -> str:
    """Return an array as compressed text."""
    small = array.astype("<f8" if array.dtype.kind == "f" else "<i4")
    text = base64.b85encode(zlib.compress(small.tobytes())).decode()
    return f'unpacked("{text}", "{small.dtype.str}", {array.shape})'


def _excerpt(array: Array) -> str:
    *first, last = [f"{number:.6g}" for number in (*array.ravel()[:4], array.flat[-1])]
    return f"{' × '.join(map(str, array.shape))} numbers: {', '.join(first)}, ..., {last}"


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
