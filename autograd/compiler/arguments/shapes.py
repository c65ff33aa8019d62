"""How the shapes of arguments enter keys and readers: here, and nowhere else.

A program is for arrays of one shape. What of a shape a program does not depend on is left out of the token,
and is not asked for by the reader.
"""

from __future__ import annotations

from collections.abc import Hashable

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
    """Return the condition, as text, that an array has another token.

    Examples
    --------
    >>> has_other_shape(Leaf((2, 3)), "x")
    'x.shape != (2, 3)'
    """
    return f"{name}.shape != {leaf.shape}"


def described_shape(token: Hashable) -> str:
    """Return a token in words.

    Examples
    --------
    >>> described_shape((2, 3)), described_shape(True), described_shape(False)
    ('an array of shape (2, 3)', 'an array without dimensions', 'a number')
    """
    if isinstance(token, tuple):
        return f"an array of shape {token}"
    return "an array without dimensions" if token else "a number"


def change_of_shape(leaf: Leaf, before: Hashable) -> str:
    """Return in words how a number or an array differs from one of another token.

    Examples
    --------
    >>> change_of_shape(Leaf((3,)), (2,)), change_of_shape(Leaf((3,)), False)
    ('has shape (3,) instead of (2,)', 'is an array of shape (3,) instead of a number')
    """
    if leaf.shape and isinstance(before, tuple):
        return f"has shape {leaf.shape} instead of {before}"
    return f"is {described_shape(shape_token(leaf))} instead of {described_shape(before)}"
