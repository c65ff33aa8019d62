"""Random numbers for each point of a sweep, whoever computes it and when."""

from __future__ import annotations

import numpy as np


def seeds_from(seed: int | np.random.SeedSequence | None) -> np.random.SeedSequence | None:
    """Return the sequence that the seeds of points are spawned from.

    Raises
    ------
    TypeError
        For anything but a whole number or a `numpy.random.SeedSequence`.

    Examples
    --------
    >>> seeds_from(7).entropy
    7
    """
    if seed is None or isinstance(seed, np.random.SeedSequence):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(
            f"expected a whole number or a numpy.random.SeedSequence as seed, got {seed!r}; a Generator has "
            "a state that the sweep would change: pass a number"
        )
    return np.random.SeedSequence(int(seed))


def generator_of(seeds: np.random.SeedSequence, point: int) -> np.random.Generator:
    """Return the generator of a point: that of the child that `SeedSequence.spawn` gives it.

    Spawned one by one, children would depend on who has spawned before; by its number a child is the same.

    Examples
    --------
    >>> children = np.random.SeedSequence(7).spawn(3)
    >>> generator_of(np.random.SeedSequence(7), 2).random() == np.random.default_rng(children[2]).random()
    True
    """
    key = (*seeds.spawn_key, point)
    child = np.random.SeedSequence(seeds.entropy, spawn_key=key, pool_size=seeds.pool_size)
    return np.random.default_rng(child)
