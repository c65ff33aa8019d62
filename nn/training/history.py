"""`History`: the record of a training."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class History:
    """The record of a training, with a number for each epoch.

    Attributes
    ----------
    loss : list of float
        The mean loss over the samples, each before the step that it contributes to.
    metric : list of float
        The metric of the same predictions; empty without a metric.
    how : str
        ``"compiled"``, or ``"eager: "`` and the reason.
    """

    loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)
    how: str = ""

    def __str__(self) -> str:
        """Return the latest numbers."""
        text = f"loss {self.loss[-1]:.4f}" if self.loss else "no epoch yet"
        return text + (f", {self.metric[-1]:.1%}" if self.metric else "")
