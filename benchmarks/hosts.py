"""What a training step costs on many hosts: a model of the time that they compute, and of that they wait.

Each host has a part of the batch, and all have the parameters. After each step they add up their gradients,
an all-reduce of as many bytes as the parameters have: `benchmarks.communication` reads it from the compiled
program. The constants of this machine are measured by `benchmarks.host_constants`.
"""

from collections.abc import Iterator, Sequence
from math import ceil, log2
from typing import NamedTuple


class Network(NamedTuple):
    """A network.

    Attributes
    ----------
    name : str
        What it is called.
    latency : float
        The seconds of a message of no bytes.
    rate : float
        The bytes a second that a host can send.
    """

    name: str
    latency: float
    rate: float


class Model(NamedTuple):
    """A model that is trained.

    Attributes
    ----------
    name : str
        What it is called.
    parameters : int
        How many there are, of 8 bytes each.
    samples : float
        How many a core computes the gradient of in a second.
    overhead : float
        The seconds that a step takes besides.
    """

    name: str
    parameters: int
    samples: float
    overhead: float

    @property
    def size(self) -> int:
        """The bytes that a step adds up: all gradients, and the loss."""
        return 8 * (self.parameters + 1)


LOOPBACK = Network("loopback, measured", 75e-6, 0.27e9)
"""Of one all-reduce between two processes there are two messages."""

NETWORKS = (
    Network("10 Gb Ethernet, TCP", 30e-6, 1.25e9),
    Network("40 Gb Ethernet, user space", 1.93e-6, 37.23e9 / 8),
    Network("100 Gb EFA", 15e-6, 12.5e9),
)
"""Latency and rate of the second as measured by Squyres; the others are of the order that is usual."""

MODELS = (
    Model("moons, Numba", 337, 28e6, 9.3e-6),
    Model("moons, jax", 337, 1.9e6, 43e-6),
    Model("wide, jax", 99_073, 123e3, 100e-6),
    Model("ten million, jax", 10_000_000, 1.2e3, 100e-6),
)
"""The last is reckoned from the one before: as many operations for each parameter, at the same rate."""


def all_reduce(size: int, hosts: int, network: Network, *, is_ring: bool = False) -> float:
    r"""Return the seconds in which hosts add up arrays, so that each has the sum.

    Each sends $2 (n - 1) / n$ times the bytes, which is the least that is possible. In a ring this takes
    $2 (n - 1)$ messages, one after the other; by halving and doubling $2 \lceil \log_2 n \rceil$.

    Parameters
    ----------
    size : int
        The bytes of an array.
    hosts : int
        How many there are.
    network : Network
        What connects them.
    is_ring : bool
        Whether they form a ring.

    Examples
    --------
    >>> network = Network("some", 1e-6, 1e9)
    >>> [round(1e6 * all_reduce(8_000, 1_000, network, is_ring=is_ring)) for is_ring in (True, False)]
    [2014, 36]
    >>> all_reduce(8_000, 1, network)
    0.0
    """
    messages = 2 * (hosts - 1) if is_ring else 2 * ceil(log2(hosts))
    return messages * network.latency + 2 * (hosts - 1) / hosts * size / network.rate


def step(model: Model, batch: float, hosts: int, network: Network) -> float:
    """Return the seconds of a step in which each host has so many samples.

    Examples
    --------
    >>> model, network = Model("some", 999, 1e6, 1e-5), Network("some", 1e-6, 1e9)
    >>> step(model, 1_000, 1, network), round(step(model, 1_000, 2, network), 6)
    (0.00101, 0.00102)
    """
    return model.overhead + batch / model.samples + all_reduce(model.size, hosts, network)


def speed_up(model: Model, batch: float, hosts: int, network: Network) -> float:
    """Return how many times as fast hosts are as one that has the whole batch.

    Examples
    --------
    >>> model, network = Model("some", 999, 1e6, 1e-5), Network("some", 1e-5, 1e9)
    >>> [round(speed_up(model, batch, 1_000, network), 2) for batch in (100, 10_000, 10_000_000)]
    [0.49, 42.42, 977.9]
    """
    return step(model, batch, 1, network) / step(model, batch / hosts, hosts, network)


def least_batch(model: Model, hosts: int, network: Network, share: float = 0.1) -> int:
    """Return how many samples a host has at least so that it waits for no more than a share of a step.

    Examples
    --------
    >>> model, network = Model("some", 999, 1e6, 1e-5), Network("some", 1e-6, 1e9)
    >>> batch = least_batch(model, 1_000, network)
    >>> batch, round(all_reduce(model.size, 1_000, network) / step(model, batch, 1_000, network), 4)
    (314, 0.1)
    """
    waits = all_reduce(model.size, hosts, network)
    return max(1, ceil((waits * (1.0 - share) / share - model.overhead) * model.samples))


def table(hosts: int = 1_000, models: Sequence[Model] = MODELS) -> Iterator[tuple[str, ...]]:
    """Yield for each model and network what waiting costs, and from which batch on it pays.

    The milliseconds of an all-reduce, the least batch of a host, that of all hosts, and how many times as
    fast they are as one for batches of 10^4, 10^6 and 10^9 in all.

    Examples
    --------
    >>> [row[:3] for row in table(2, MODELS[:1])][0]
    ('moons, Numba', '10 Gb Ethernet, TCP', '0.0622')
    """
    for model in models:
        for network in NETWORKS:
            batch = least_batch(model, hosts, network)
            yield (
                model.name,
                network.name,
                f"{1e3 * all_reduce(model.size, hosts, network):.3g}",
                f"{batch:,}",
                f"{hosts * batch:.2g}",
                *(f"{speed_up(model, of, hosts, network):.3g}" for of in (1e4, 1e6, 1e9)),
            )
