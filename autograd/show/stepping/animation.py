"""`animate`: the moments of a stepper as an animated image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...engine.value import Value
from .film import Film
from .page import stepper


def animate(
    root: Value,
    *,
    names: Mapping[str, Any] | None = None,
    descend: Iterable[Value] | None = None,
    lr: float | None = None,
    times: int | None = None,
    direction: str = "LR",
    seconds: float = 1.5,
) -> Film:
    """Return the moments of `stepper` as an animated image, for slides.

    Parameters
    ----------
    root : Value
        The result.
    names, descend, lr, times, direction
        As in `stepper`.
    seconds : float
        How long each moment is seen.

    Returns
    -------
    Film
        Notebooks show it as a GIF; ``save`` writes ``.gif`` or ``.mp4``.

    Raises
    ------
    TypeError
        If `root` is not a `Value`, or `descend` not `Value`s.
    ValueError
        For what `stepper` refuses, for more than 400 moments, and for ``seconds`` that are not positive.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> film = animate(x * x, seconds=0.5)
    >>> film.gif()[:6]
    b'GIF89a'
    """
    if not seconds > 0:
        raise ValueError(f"expected seconds to be positive, got {seconds}")
    page = stepper(root, names=names, descend=descend, lr=lr, times=times, direction=direction)
    return page.film(seconds)
