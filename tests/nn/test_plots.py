from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from math import inf, nan
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Value, as_values
from autograd.printable import printable
from nn import MLP, Dropout, History, Linear, Module, Neuron, ReLU, Sequential, plots
from nn.datasets import Dataset, Standardizer, iris, moons
from nn.modules.plain_outputs import plain_outputs
from nn.plots import (
    activation_histograms,
    confusion_matrix,
    decision_boundary,
    gradient_histograms,
    loss_curve,
    parameter_histograms,
    weight_maps,
)
from nn.plots.activity import activations_of


class Recorded(list[Any]):
    """A list that is shared by copies."""

    def __deepcopy__(self, memo: Any) -> Recorded:
        return self


class Sides(Module):
    """A model that predicts class 1 right of 0, and records its inputs and those of its copies."""

    def __init__(self, steepness: float = 1.0) -> None:
        self.inputs = Recorded()
        self.steepness = steepness

    def forward(self, x: Any) -> Any:
        """Return a score that is positive right of 0."""
        self.inputs.append(x)
        return self.steepness * float(x[0])


@pytest.fixture
def pyplot() -> Any:
    """Return pyplot, or skip the test."""
    pytest.importorskip("matplotlib").use("agg")
    return pytest.importorskip("matplotlib.pyplot")


@pytest.fixture
def points() -> Dataset:
    """Return four points, two left and two right of 0."""
    inputs = np.array([[-2.0, 5.0], [-1.0, 7.0], [1.0, 6.0], [2.0, 9.0]])
    return Dataset("points", inputs, np.array([0, 0, 1, 1]), ("size", "age"), ("cat", "dog"))


def png(figure: Any) -> bytes:
    """Return a figure as an image."""
    buffer = BytesIO()
    figure.savefig(buffer)
    return buffer.getvalue()


@pytest.mark.usefixtures("pyplot")
def test_loss_curve() -> None:
    """The curve is the loss over the epochs, starting at 1."""
    figure: Any = loss_curve(History(loss=[2.0, 1.0, 0.5]), "Training on moons")
    (axes,) = figure.axes
    (line,) = axes.lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1, 2, 3], [2.0, 1.0, 0.5])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")
    assert axes.get_title() == "Training on moons"
    assert axes.get_ylim()[0] == 0.0


@pytest.mark.usefixtures("pyplot")
def test_loss_curve_with_a_metric() -> None:
    """The metric has a second axis, from 0 to 1."""
    figure: Any = loss_curve(History(loss=[2.0, 1.0], metrics={"accuracy": [0.5, 0.75]}))
    left, right = figure.axes
    (line,) = right.lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1, 2], [0.5, 0.75])
    assert right.get_ylabel() == "accuracy on the training data"
    assert right.get_ylim() == pytest.approx((0.0, 1.02))
    assert list(left.lines[0].get_ydata()) == [2.0, 1.0]


@pytest.mark.usefixtures("pyplot")
def test_loss_curve_with_held_out_samples() -> None:
    """Each panel has the curve of the held-out samples beside that of the training, and the best epoch."""
    history = History(
        loss=[2.0, 1.0],
        val_loss=[3.0, 2.5],
        metrics={"accuracy": [0.5, 0.75], "own $metric$": [-1.0, -3.0]},
        val_metrics={"accuracy": [0.25, 0.5], "own $metric$": [-2.0, -4.0]},
        best_epoch=2,
    )
    figure: Any = loss_curve(history)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy", "own $metric$"]
    wanted = [(history.loss, history.val_loss)]
    wanted += [(history.metrics[name], history.val_metrics[name]) for name in history.metrics]
    for axes, curves in zip(figure.axes, wanted, strict=True):
        training, held_out, best = axes.lines
        assert (list(training.get_ydata()), list(held_out.get_ydata())) == curves
        assert training.get_linestyle() != held_out.get_linestyle()
        assert best.get_xdata() == [2, 2]
        texts = [text.get_text() for text in axes.get_legend().get_texts()]
        assert texts == ["training", "held out", "best epoch: 2"]
    assert figure.axes[2].get_ylim()[0] < -4.0
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("loss", [[1.0], [-1.0, -2.0], [1e9, 1e-3, 1e-9], [1.0, inf, nan]], ids=str)
def test_loss_curve_of_any_numbers(loss: list[float]) -> None:
    """Single epochs, negative, wide-ranging and infinite losses are plotted."""
    figure: Any = loss_curve(History(loss=loss), log=max(loss) > 1e3)
    (axes,) = figure.axes
    assert axes.get_yscale() == ("log" if max(loss) > 1e3 else "linear")
    assert axes.get_ylim()[0] <= min(loss)
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.usefixtures("pyplot")
def test_decision_boundary_shows_the_samples(points: Dataset) -> None:
    """The samples of each class are plotted at their coordinates, and the legend names the classes."""
    figure: Any = decision_boundary(Sides(), points, points=5)
    (axes,) = figure.axes
    clouds = {cloud.get_label(): cloud.get_offsets().tolist() for cloud in axes.collections[1:]}
    assert clouds == {"cat": [[-2.0, 5.0], [-1.0, 7.0]], "dog": [[1.0, 6.0], [2.0, 9.0]]}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["cat", "dog"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("size", "age")
    assert "points" in axes.get_title()


def pixels(axes: Any, places: Any) -> Any:
    """Return the colours of a plot's image at some places."""
    (image,) = axes.images
    left, right, bottom, top = image.get_extent()
    colors = image.get_array()
    corner, size = np.array([left, bottom]), np.array([right - left, top - bottom])
    columns, rows = ((places - corner) / size * colors.shape[1::-1]).astype(int).T
    return colors[rows, columns]


@pytest.mark.usefixtures("pyplot")
def test_decision_boundary_shows_the_regions(points: Dataset) -> None:
    """The regions are the predicted classes, in the classes' colours, with a line between them."""
    figure: Any = decision_boundary(Sides(), points, points=49)
    (axes,) = figure.axes
    line, *clouds = axes.collections
    assert np.abs(line.get_paths()[0].vertices[:, 0]).max() < 1e-12
    own = np.array([cloud.get_facecolor()[0, :3] for cloud in clouds])
    for color, label in zip(pixels(axes, points.inputs), points.labels, strict=True):
        # What is mixed with white keeps the order of its parts.
        assert list(np.argsort(color)) == list(np.argsort(own[label]))


@pytest.mark.usefixtures("pyplot")
def test_decision_boundary_is_darker_where_the_model_is_certain(points: Dataset) -> None:
    """The share of a class's colour grows with its probability, from almost white to the strongest."""
    figure: Any = decision_boundary(Sides(20.0), points, points=49)
    (axes,) = figure.axes
    row = pixels(axes, np.array([[0.02, 6.0], [0.1, 6.0], [0.2, 6.0], [2.0, 6.0]]))
    whiteness = row.min(axis=1)
    assert np.all(np.diff(whiteness) < 0.0)
    assert whiteness[0] > 0.85
    assert whiteness[-1] == pytest.approx(0.4, abs=0.01)


class Chances(Module):
    """A model of probabilities: of class 1 alone, or of each class."""

    def __init__(self, several: bool) -> None:
        self.several = several

    def forward(self, x: Any) -> Any:
        """Return probabilities that grow from 0 to 1."""
        one = ag.sigmoid(3.0 * x[0])
        return [1.0 - one, one] if self.several else one


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("several", [False, True])
def test_decision_boundary_of_probabilities(points: Dataset, several: bool) -> None:
    """Outputs that are probabilities are shown as they are, as those of the same logits."""
    shown: Any = decision_boundary(Chances(several), points, points=21, threshold=0.5)
    logits: Any = decision_boundary(Sides(3.0), points, points=21)
    images = [figure.axes[0].images[0].get_array() for figure in (shown, logits)]
    np.testing.assert_allclose(images[0], images[1], atol=1e-12)


@pytest.mark.usefixtures("pyplot")
def test_decision_boundary_calls_a_model_once() -> None:
    """The model is traced for one sample, and its many points are computed in one call, as eager ones are."""

    class Counted(Module):
        def __init__(self) -> None:
            self.mlp = MLP(2, [4, 3], "tanh", rng=0)

        def forward(self, x: Any) -> Any:
            calls.append(1)
            return self.mlp.forward(x)

    calls: list[int] = []
    grid = np.random.default_rng(0).normal(size=(3000, 2))
    model = Counted()
    found = plain_outputs(model, grid)
    assert len(calls) == 1
    np.testing.assert_allclose(found[:20], ag.data(model(grid[:20])), rtol=1e-12)


@pytest.mark.usefixtures("pyplot")
def test_decision_boundary_of_a_model_that_cannot_be_compiled(points: Dataset) -> None:
    """A model that asks for the numbers of its inputs is called for each point."""
    figure: Any = decision_boundary(Sides(), points, points=60)
    assert len(figure.axes[0].collections) == 3


def test_decision_boundary_of_other_data(points: Dataset) -> None:
    """A regression has no boundary, and one output does not tell three classes apart."""
    with pytest.raises(ValueError, match=r"expected classes, got Dataset\('points', .*regression"):
        decision_boundary(Sides(), replace(points, classes=()))
    with pytest.raises(ValueError, match="points to be at least 2, got 1"):
        decision_boundary(Sides(), points, points=1)
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match="an output for each of 3 classes, got 1"):
        decision_boundary(Sides(), replace(points, classes=("a", "b", "c")), points=5)


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("scaled", [False, True])
def test_decision_boundary_asks_the_model_all_over_the_samples(points: Dataset, scaled: bool) -> None:
    """The model is evaluated on a standardised grid, a tenth wider than the samples."""
    standardize = Standardizer.of(points.inputs)
    model = Sides()
    decision_boundary(model, points, standardize if scaled else None, points=6)
    grid = np.array(model.inputs)
    corners = np.array([[-2.4, 4.6], [2.4, 9.4]])
    expected = standardize(corners) if scaled else corners
    assert len(grid) == 36
    np.testing.assert_allclose([grid.min(axis=0), grid.max(axis=0)], expected)


@pytest.mark.usefixtures("pyplot")
def test_decision_boundary_of_scores_for_each_class() -> None:
    """A model with one score per class can be drawn, here with three classes."""
    flowers = iris()
    two = replace(flowers, inputs=flowers.inputs[:, :2], features=flowers.features[:2])
    figure: Any = decision_boundary(MLP(2, [3], rng=0), two, points=5)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(flowers.classes)


@pytest.mark.usefixtures("pyplot")
def test_decision_boundary_of_a_constant_feature(points: Dataset) -> None:
    """A constant feature still spans an area."""
    flat = replace(points, inputs=points.inputs * [1.0, 0.0])
    model = Sides()
    decision_boundary(model, flat, points=3)
    np.testing.assert_allclose(np.unique(np.array(model.inputs)[:, 1]), [-0.1, 0.0, 0.1])


@pytest.mark.parametrize("features", [1, 3])
def test_decision_boundary_of_other_than_two_features(points: Dataset, features: int) -> None:
    """Any number of features other than two raises."""
    data = replace(points, inputs=np.zeros((4, features)), features=("x",) * features)
    with pytest.raises(ValueError, match=f"expected 2 features, got {features}"):
        decision_boundary(Sides(), data)


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("text", ["min_$/max_$", "a_b^c", r"\alpha", "_hidden", "größe"])
def test_names_are_shown_as_they_are(points: Dataset, text: str) -> None:
    """Names of data sets, features and classes are shown as plain text, with any characters."""
    named = replace(points, name=text, features=(text, "age"), classes=(text, "dog"))
    figure: Any = decision_boundary(Sides(), named, points=5)
    (axes,) = figure.axes
    assert len(axes.get_legend().get_texts()) == 2
    assert png(figure).startswith(b"\x89PNG")
    assert png(loss_curve(History(loss=[1.0]), text)).startswith(b"\x89PNG")


# ---------------------------------------------------------------------------------- the parts of a model


class Own(Module):
    """A model with a matrix, biases in a list, a number, and an array of three dimensions."""

    def __init__(self) -> None:
        self.weight = as_values([[1.0, -2.0, 3.0], [0.0, 5.0, -6.0]])
        self.bias = [Value(7.0), Value(8.0)]
        self.scale = Value(9.0)
        self.kernel = as_values(np.ones((2, 2, 2)))

    def forward(self, x: Any) -> Any:
        """Return a sum of all parameters."""
        return ag.sum(self.parameters()) * x[0]


@pytest.mark.usefixtures("pyplot")
def test_weight_maps_show_the_matrices() -> None:
    """Each matrix of weights is an image with a row for each output, 0 in the middle of its colours."""
    figure: Any = weight_maps(Own(), ("a_$b$", "_c", "d"))
    image = figure.axes[0].images[0]
    np.testing.assert_array_equal(image.get_array(), [[1.0, -2.0, 3.0], [0.0, 5.0, -6.0]])
    assert image.get_clim() == (-6.0, 6.0)
    assert [axes.get_title() for axes in figure.axes] == ["Own.weight", ""]
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["a_$b$", "_c", "d"]
    assert png(figure).startswith(b"\x89PNG")

    model = MLP(2, [3, 1], rng=0)
    maps: Any = weight_maps(model, ("x", "y"))
    images = [axes.images[0].get_array() for axes in maps.axes if axes.get_title()]
    for image, layer in zip(images, model.layers, strict=True):
        np.testing.assert_array_equal(image, [ag.data(neuron.w) for neuron in layer.neurons])
    assert png(weight_maps(Neuron(12, rng=0))).startswith(b"\x89PNG")


@pytest.mark.usefixtures("pyplot")
def test_histograms_count_all_parameters() -> None:
    """Each layer's weights and biases are counted, and what is not finite is said."""
    model = MLP(2, [5, 1], rng=0)
    model.load_state_dict({**model.state_dict(), "layers.0.neurons.1.w[0]": nan})
    figure: Any = parameter_histograms(model)
    assert [axes.get_title() for axes in figure.axes] == ["layers.0", "layers.1"]
    counts = [sum(patch.get_height() for patch in axes.patches) for axes in figure.axes]
    assert counts == [14, 6]
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["weights, 1 of 10 not finite", "biases"]
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.usefixtures("pyplot")
def test_histograms_of_nothing_finite() -> None:
    """A layer of which no number is finite has an empty panel, which says so."""
    model = MLP(1, [1], rng=0)
    model.load_state_dict(dict.fromkeys(model.state_dict(), nan))
    figure: Any = parameter_histograms(model)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["weights, 1 of 1 not finite", "biases, 1 of 1 not finite"]


def test_activations_of_a_model_that_cannot_be_compiled() -> None:
    """A model that asks for the numbers of its inputs is called for each sample."""

    class Branches(MLP):
        def forward(self, x: Any) -> Any:
            return super().forward(x) if float(x[0]) > 0.0 else super().forward([0.0])

    model, x = Branches(1, [1], rng=0), np.linspace(-1.0, 1.0, 600)[:, None]
    (found,) = activations_of(model, x).values()
    np.testing.assert_allclose(found, ag.data(model(x)), rtol=1e-12)


@pytest.mark.usefixtures("pyplot")
def test_histograms_of_gradients() -> None:
    """They need gradients, and show those of the last sweep; a model's own parameters are a layer."""
    model = Own()
    with pytest.raises(ValueError, match=r"one without: call backward\(\) or nn.fit first"):
        gradient_histograms(model)
    model([2.0]).backward()
    figure: Any = gradient_histograms(model)
    (axes,) = figure.axes
    assert axes.get_title() == "Own"
    at_two = [patch for patch in axes.patches if patch.get_x() <= 2.0 <= patch.get_x() + patch.get_width()]
    assert sum(patch.get_height() for patch in at_two) == 6 + 2 + 1 + 8


def mixed() -> Sequential:
    """Return modules of all kinds."""
    return Sequential(Linear(2, 4, rng=0), ReLU(), Dropout(0.5, rng=0), MLP(4, [3, 2], "tanh", rng=1))


@pytest.mark.parametrize("samples", [7, 600], ids=["eager", "compiled"])
def test_activations_are_what_each_layer_gives(samples: int) -> None:
    """They are those of the evaluation mode, in which the model need not be, and it stays as it is."""
    model, x = mixed(), np.random.default_rng(0).normal(size=(samples, 2))
    found = activations_of(model, x)
    assert list(found) == [
        "steps.0 (Linear)",
        "steps.1 (ReLU)",
        "steps.2 (Dropout)",
        "steps.3.layers.0 (Layer)",
        "steps.3.layers.1 (Layer)",
    ]
    assert model.training
    same: Any = mixed().eval()
    layers = [*same.steps[:3], *same.steps[3].layers]
    now: Any = x
    for layer, numbers in zip(layers, found.values(), strict=True):
        now = ag.data(layer(now))
        np.testing.assert_allclose(numbers, now, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(plain_outputs(model, x), now, rtol=1e-12)


@pytest.mark.usefixtures("pyplot")
def test_histograms_of_activations() -> None:
    """All outputs of all samples are counted, and zeros are told: those of dead neurons are."""
    model = MLP(1, [2, 1], "relu", rng=0)
    model.load_state_dict({name: -1.0 if name.endswith("1.b") else 1.0 for name in model.state_dict()})
    figure: Any = activation_histograms(model, [[-1.0], [-0.5], [0.5], [1.5]])
    first, last = figure.axes
    assert first.get_title() == "layers.0 (Layer)"
    assert sum(patch.get_height() for patch in first.patches) == 8
    assert [text.get_text() for text in first.get_legend().get_texts()] == ["outputs, 50% are 0"]
    assert [text.get_text() for text in last.get_legend().get_texts()] == ["outputs"]
    with pytest.raises(ValueError, match=r"at least one sample, got inputs of shape \(0, 1\)"):
        activation_histograms(model, np.empty((0, 1)))


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("plot", [weight_maps, parameter_histograms])
def test_a_model_without_parameters(plot: Any) -> None:
    """There is nothing to plot."""
    with pytest.raises(ValueError, match="nothing to plot"):
        plot(Sides())


@pytest.mark.usefixtures("pyplot")
def test_confusion_matrix_shows_counts() -> None:
    """Cells show the counts, and are coloured by their share of the right class, also without samples."""
    figure: Any = confusion_matrix([0, 1, 1, 0], [0, 1, 0, 0], ("$cat$", "_dog", "\x1b[31m"))
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["2", "1", "0", "0", "1", "0", "0", "0", "0"]
    np.testing.assert_allclose(
        axes.images[0].get_array(), np.array([[2 / 3, 1 / 3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    )
    assert [text.get_text() for text in axes.get_yticklabels()] == ["$cat$", "_dog", printable("\x1b[31m")]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "right")
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.usefixtures("pyplot")
def test_confusion_matrix_of_nothing() -> None:
    """Without samples all counts are 0; without names of classes there is no matrix."""
    assert png(confusion_matrix([], [], ("a", "b"))).startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="names of the classes, got none"):
        confusion_matrix([], [], ())


def trained() -> Module:
    """Return a model with gradients."""
    model = MLP(2, [3, 1], rng=0)
    model([1.0, 2.0]).backward()
    return model


PLOTS: dict[str, Callable[[], Any]] = {
    "loss_curve": lambda: loss_curve(History(loss=[2.0, 1.0], metrics={"accuracy": [0.5, 0.9]})),
    "decision_boundary": lambda: decision_boundary(Sides(), moons(), points=5),
    "weight_maps": lambda: weight_maps(trained()),
    "parameter_histograms": lambda: parameter_histograms(trained()),
    "gradient_histograms": lambda: gradient_histograms(trained()),
    "activation_histograms": lambda: activation_histograms(trained(), np.ones((3, 2))),
    "confusion_matrix": lambda: confusion_matrix([0, 1], [1, 1], ("a", "b")),
}

every_plot = pytest.mark.parametrize("plot", PLOTS.values(), ids=list(PLOTS))


@every_plot
def test_figures_belong_to_nobody_else(pyplot: Any, plot: Callable[[], Any]) -> None:
    """Figures are not registered with pyplot, so they are freed when dropped."""
    before = pyplot.get_fignums()
    assert png(plot()).startswith(b"\x89PNG")
    assert pyplot.get_fignums() == before


@every_plot
def test_without_matplotlib(plot: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Matplotlib the error says what to install."""
    monkeypatch.setattr("nn.plots.figures.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"plots need Matplotlib: pip install 'chainrule\[viz\]'"):
        plot()


def test_every_plot_is_tested() -> None:
    """The tests of figures are those of all plots."""
    assert sorted(PLOTS) == sorted(plots.__all__)
