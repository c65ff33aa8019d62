"""The step of `microgpt` with the cyclic collector switched off."""

import gc
from collections.abc import Callable

from benchmarks.cases import microgpt
from benchmarks.cases.moons_eager import Work


def without_collector(prepare: Callable[[], Work]) -> Callable[[], Work]:
    """Return a preparation that switches the collector off in this process first."""

    def prepared() -> Work:
        gc.disable()
        return prepare()

    return prepared


PEERS = {peer: without_collector(prepare) for peer, prepare in microgpt.PEERS.items()}
ROUNDS = 9
