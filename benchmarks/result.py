"""The result of one run of one peer."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Result:
    """The outcome of the work, and what was measured besides its time.

    Attributes
    ----------
    answer : list of float
        The numbers computed, which have to be the same for all peers.
    nodes : int or None
        Nodes of the graph.
    bytes_a_node : float or None
        Memory of the graph, divided by its nodes.
    figures : dict
        Other measurements by name.
    seconds : float or None
        The time, if the case itself measures it; else the caller does.
    """

    answer: list[float]
    nodes: int | None = None
    bytes_a_node: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the result as a dict to be written as JSON."""
        return asdict(self)
