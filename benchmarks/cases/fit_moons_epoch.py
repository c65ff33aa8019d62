"""The time of an epoch of `fit_moons` in the long run: by how much more epochs prolong a training."""

from collections.abc import Callable

from benchmarks.cases import fit_moons, fitting
from benchmarks.cases.fitting import Start
from benchmarks.cases.moons_eager import Work


def long_run(prepare: Callable[[], Start]) -> Callable[[], Work]:
    """Return the preparation of two trainings."""
    return lambda: fitting.long_run(prepare(), fit_moons.EPOCHS)


PEERS = {peer: long_run(prepare) for peer, prepare in fit_moons.STARTS.items()}
ROUNDS = 3
