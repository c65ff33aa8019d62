"""What is said of a kink: of the derivatives on its two sides, and of the one that is taken."""

from __future__ import annotations


def said_of_kink(left: float, right: float, taken: float) -> str:
    """Return a remark about a point where a function has a derivative on each side, but not the same.

    Parameters
    ----------
    left, right : float
        The derivatives on the two sides.
    taken : float
        The one that the engine takes, by convention (A7 and C9 of the notes).

    Returns
    -------
    str
        The remark.

    Examples
    --------
    >>> said_of_kink(1.0, -1.0, 0.0)
    'kink: any number in [-1, 1] is a subgradient, the convention taken is 0'
    """
    low, high = sorted((left, right))
    convention = f"the convention taken is {taken:.6g}"
    return f"kink: any number in [{low:.6g}, {high:.6g}] is a subgradient, {convention}"
