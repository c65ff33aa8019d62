from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from nn import MLP, History, Module
from nn.datasets import Dataset, Standardizer, iris, moons
from nn.plots import decision_boundary, loss_curve


class Sides(Module):
    """A model that predicts class 1 right of 0, and records its inputs."""

    def __init__(self) -> None:
        self.inputs: list[Any] = []

    def forward(self, x: Any) -> Any:
        """Return a score that is positive right of 0."""
        self.inputs.append(x)
        return float(x[0])


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
def test_decision_boundary_shows_the_samples(points: Dataset) -> None:
    """The samples of each class are plotted at their coordinates, and the legend names the classes."""
    figure: Any = decision_boundary(Sides(), points, points=5)
    (axes,) = figure.axes
    clouds = {cloud.get_label(): cloud.get_offsets().tolist() for cloud in axes.collections[1:]}
    assert clouds == {"cat": [[-2.0, 5.0], [-1.0, 7.0]], "dog": [[1.0, 6.0], [2.0, 9.0]]}
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["cat", "dog"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("size", "age")
    assert "points" in axes.get_title()


@pytest.mark.usefixtures("pyplot")
def test_decision_boundary_shows_the_regions(points: Dataset) -> None:
    """The regions are the predicted classes, in the classes' colours."""
    figure: Any = decision_boundary(Sides(), points, points=49)
    (axes,) = figure.axes
    regions, *clouds = axes.collections
    for label, path in enumerate(regions.get_paths()):
        inside = path.contains_points(points.inputs)
        np.testing.assert_array_equal(inside, points.labels == label)
        np.testing.assert_allclose(regions.get_facecolor()[label, :3], clouds[label].get_facecolor()[0, :3])


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


PLOTS: list[Callable[[], Any]] = [
    lambda: loss_curve(History(loss=[2.0, 1.0], metrics={"accuracy": [0.5, 0.9]})),
    lambda: decision_boundary(Sides(), moons(), points=5),
]

every_plot = pytest.mark.parametrize("plot", PLOTS, ids=["loss_curve", "decision_boundary"])


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
