"""The pictures of a run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from autograd import Value, draw
from autograd.show import Drawing

from .. import plots
from ..datasets import Dataset, Preprocessing
from ..losses import cross_entropy, mse
from ..modules.neurons import MLP
from ..training.history import History
from .errors import UsageError


def check_tools() -> None:
    """Raise before the training, and not after it, if a tool is missing.

    Raises
    ------
    UsageError
        Without Matplotlib.
    LayoutUnavailableError
        Without Graphviz.
    """
    if find_spec("matplotlib") is None:
        raise UsageError("the plots need Matplotlib: pip install 'chainrule[train]'")
    draw(Value(0.0)).render("svg")


def write_pictures(
    folder: Path, model: MLP, data: Dataset, preprocessing: Preprocessing, history: History
) -> None:
    """Write the loss curve, the graph of a neuron, and for two features and classes the boundary."""
    plots.loss_curve(history, f"Training on {data.name}").savefig(folder / "loss.png", dpi=150)
    first_neuron(model, data, preprocessing).save(folder / "neuron.svg")
    if len(data.features) == 2 and data.classes:
        figure = plots.decision_boundary(model, data, preprocessing.standardize)
        figure.savefig(folder / "boundary.png", dpi=150)


def first_neuron(model: MLP, data: Dataset, preprocessing: Preprocessing) -> Drawing:
    """Draw the first neuron of one prediction, with the gradients of that prediction's loss."""
    sample = preprocessing(data.inputs[:1])[0]
    inputs = [Value(float(x), name) for x, name in zip(sample, data.features, strict=True)]
    first, *rest = model.layers
    hidden = first.forward(inputs)
    outputs = hidden
    for layer in rest:
        outputs = layer.forward(outputs)
    model.zero_grad()
    target = preprocessing.targets(data.take([0]))[0]  # type: ignore[arg-type]
    loss = cross_entropy(outputs, int(target)) if data.classes else mse(outputs, [float(target)])
    loss.backward()
    return draw(hidden[0])
