"""How the shapes of arguments enter keys and readers: here, and nowhere else.

A program is for arrays of one shape, but for the lengths that it leaves open (`open_lengths`): in their place
a token has a negative number, the same one for lengths that have to be equal, and the reader does not ask for
them.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from ...transforms.trees import Leaf


def shape_token(leaf: Leaf) -> Hashable:
    """Return what a key holds of a number or an array.

    Examples
    --------
    >>> shape_token(Leaf(())), shape_token(Leaf((), is_array=True)), shape_token(Leaf((2, 3)))
    (False, True, (2, 3))
    """
    return leaf.shape or leaf.is_array


def has_other_shape(leaf: Leaf, name: str) -> str:
    """Return the condition, as text, that an array has another token, whatever its open lengths are.

    Examples
    --------
    >>> has_other_shape(Leaf((2, 3)), "x"), has_other_shape(Leaf((-1, 3, 0)), "x")
    ('x.shape != (2, 3)', 'x.ndim != 3 or x.shape[1] != 3 or x.shape[2] != 0')
    """
    if all(length >= 0 for length in leaf.shape):
        return f"{name}.shape != {leaf.shape}"
    fixed = [f" or {name}.shape[{i}] != {length}" for i, length in enumerate(leaf.shape) if length >= 0]
    return f"{name}.ndim != {len(leaf.shape)}{''.join(fixed)}"


def is_same_shape(token: tuple[Any, ...], before: tuple[Any, ...]) -> bool:
    """Return whether a token of a shape is as one before, in which negative lengths are open.

    Examples
    --------
    >>> is_same_shape((2, 3), (-1, 3)), is_same_shape((2, 3), (2, 4))
    (True, False)
    """
    return len(token) == len(before) and all(
        new == old or (type(old) is int and old < 0) for new, old in zip(token, before, strict=True)
    )


def described_shape(token: Hashable) -> str:
    """Return a token in words.

    Examples
    --------
    >>> described_shape((2, 3)), described_shape(True), described_shape(False)
    ('an array of shape (2, 3)', 'an array without dimensions', 'a number')
    """
    if isinstance(token, tuple):
        return f"an array of shape {_text(token)}"
    return "an array without dimensions" if token else "a number"


def change_of_shape(leaf: Leaf, before: Hashable) -> str:
    """Return in words how a number or an array differs from one of another token.

    Examples
    --------
    >>> change_of_shape(Leaf((3,)), (2,)), change_of_shape(Leaf((3,)), False)
    ('has shape (3,) instead of (2,)', 'is an array of shape (3,) instead of a number')
    """
    if leaf.shape and isinstance(before, tuple):
        return f"has shape {leaf.shape} instead of {_text(before)}"
    return f"is {described_shape(shape_token(leaf))} instead of {described_shape(before)}"


def _text(shape: tuple[Any, ...]) -> str:
    """Return a shape, in which any length may stand for one that is open."""
    lengths = ["any" if length < 0 else str(length) for length in shape]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"
