"""How much each sample pulls on a parameter."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Value, as_values, custom_vjp, exp, influence, tanh
from autograd.show import sample_influence
from nn import MLP, losses

POINTS = np.random.default_rng(0).normal(size=(30, 2))


def network() -> tuple[MLP, list[Value]]:
    """Return a network and the loss of each sample."""
    model = MLP(2, [4, 1], rng=0)
    return model, [(model(x) - float(x[0])) ** 2 for x in POINTS]


def by_backward(found: list[Value], parameters: list[Value]) -> Any:
    """Return the gradient of each loss, from a backward pass of its own."""
    rows = []
    for loss in found:
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        rows.append([float(parameter.grad or 0.0) for parameter in parameters])
    return np.array(rows)


def test_gradients_of_each_sample() -> None:
    """Each row of the gradients is that of a backward pass, for one parameter and for all."""
    model, found = network()
    wanted = by_backward(found, model.parameters())
    report = influence(found, model)
    np.testing.assert_allclose(report.gradients, wanted, rtol=1e-12)
    assert report.parameters == tuple(name for name, _ in model.named_parameters())
    for i, (name, parameter) in enumerate(model.named_parameters()):
        np.testing.assert_allclose(influence(found, parameter).gradients[:, 0], wanted[:, i], rtol=1e-12)
        np.testing.assert_array_equal(report.of(name).gradients, report.gradients[:, i : i + 1])


def test_the_sum_is_the_gradient_of_the_set() -> None:
    """The gradient of the sum of the losses is the sum of what the samples pull."""
    model, found = network()
    whole = sum(found[1:], start=found[0])
    whole.backward()
    report = influence(found, model)
    np.testing.assert_allclose(report.total, [p.grad for p in model.parameters()], rtol=1e-9, atol=1e-12)
    assert sum(pull.along for pull in report) == pytest.approx(1.0)
    assert sum(pull.share for pull in report) == pytest.approx(1.0)


def test_complexity(monkeypatch: pytest.MonkeyPatch) -> None:
    """One parameter takes one sweep for all samples; many parameters, one sweep a sample."""
    calls: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        sweep = getattr(sample_influence, name)

        def count(*args: Any, **options: Any) -> Any:
            calls.append(name)
            return sweep(*args, **options)

        return count

    for name in ("push", "pull"):
        monkeypatch.setattr(sample_influence, name, counted(name))
    model, found = network()
    influence(found, model.parameters()[0])
    assert calls == ["push"]
    calls.clear()
    influence(found, model)
    assert calls == ["pull"] * len(found)
    # Where all losses go through the same numbers, a sweep for each loss would go through these each time.
    calls.clear()
    a, b = Value(0.5), Value(0.25)
    shared = a * b
    for _ in range(50):
        shared = tanh(shared)
    influence([shared * float(k) for k in range(1, 9)], [a, b])
    assert calls == ["push", "push"]


def test_a_rule_that_only_goes_backward() -> None:
    """What a custom rule lets flow back is what counts, though a forward sweep would not know it."""

    @custom_vjp
    def clipped(x: Any) -> Any:
        return x * 1.0

    clipped.defvjp(lambda x: (x, None), lambda _, adjoint: (max(-1.0, min(adjoint, 1.0)),))
    w = Value(2.0, label="w")
    assert influence([5.0 * clipped(w * x) for x in (1.0, -3.0)], w).gradients.tolist() == [[1.0], [-3.0]]


def test_order_and_signs() -> None:
    """The strongest sample comes first, whatever its sign; gradient descent moves against the gradient."""
    w = Value(1.0)
    report = influence([w * 2.0, w * -5.0, w * 0.5], w)
    assert [pull.sample for pull in report] == [1, 0, 2]
    assert [pull.gradient for pull in report] == [-5.0, 2.0, 0.5]
    assert [pull.share for pull in report] == pytest.approx([5 / 7.5, 2 / 7.5, 0.5 / 7.5])
    assert [pull.along for pull in report] == pytest.approx([2.0, -0.8, -0.2])
    assert report.agreement == pytest.approx(2.5 / 7.5)
    assert str(report).splitlines() == [
        "3 samples pull on w: the gradients add up to -2.5; 67% of what they pull cancels",
        "  sample  loss  gradient  pulls  share",
        "       1    -5        -5  up       67%",
        "       0     2         2  down     27%",
        "       2   0.5       0.5  down      7%",
    ]
    assert '<td style="text-align: left">down</td>' in report._repr_html_()


@pytest.mark.parametrize(
    ("factors", "text"),
    [
        ([1.0, 2.0], "they agree"),
        ([1.0, -1.0], "they cancel, and lose 100% of what they pull"),
        ([0.0, 0.0], "since no loss depends on it here"),
        ([3.0], "1 sample pulls on w: the gradients add up to 3\n"),
    ],
)
def test_verdicts(factors: list[float], text: str) -> None:
    """The first line says whether the samples agree."""
    w = Value(1.0, label="w")
    assert text in str(influence([w * factor for factor in factors], w))


def test_many_samples() -> None:
    """The table shows the strongest, and what the others make together."""
    w = Value(1.0, label="w")
    lines = str(influence([w * float(k) for k in range(100)], w)).splitlines()
    assert len(lines) == 15
    assert lines[-1] == "  … 88 more samples, 77% together"


def test_several_parameters() -> None:
    """Of several parameters the table shows the length of each sample's gradient."""
    model, found = network()
    report = influence(found, dict(model.named_parameters()))
    sizes = np.linalg.norm(report.gradients, axis=1)
    assert [pull.gradient for pull in report] == pytest.approx(sorted(sizes, reverse=True))
    assert "30 samples pull on 17 parameters" in str(report)
    with pytest.raises(ValueError, match=r"the name of a parameter, such as layers.0.*got 'w'"):
        report.of("w")


def test_losses_of_nn() -> None:
    """A loss without reduction is the loss of each sample."""
    w = Value(0.5, label="w")
    predictions = as_values([1.0, 2.0]) * w
    found = influence(losses.mse(predictions, np.array([1.0, 2.0]), reduction="none"), w)  # type: ignore[arg-type]
    assert found.gradients[:, 0] == pytest.approx([-1.0, -4.0])


def test_interior_nodes_and_hostile_names() -> None:
    """Any node can be asked about; control characters of its name are written out."""
    w = Value(1.0, label="\x1b[31mw")
    v = w * 2.0
    assert influence([v * 3.0], {"<v>": v}).gradients.tolist() == [[3.0]]
    assert "\x1b" not in str(influence([v * 3.0], w))


def test_nan() -> None:
    """A sample whose gradient is nan comes first."""
    w = Value(0.0, label="w")
    with pytest.warns(RuntimeWarning):
        found = influence([w * 3.0, exp(w + 1000.0) * w], w)
    assert found[0].sample == 1
    assert math.isnan(found.agreement)
    assert "samples pull on w" in str(found)


def test_a_plot_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Matplotlib the error says what to install."""
    w = Value(1.0, label="w")
    found = influence([w * 1.0, w * 2.0], w)
    monkeypatch.setattr("autograd.show.sample_influence.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs Matplotlib: pip install 'chainrule\[viz\]'"):
        found.plot()


def test_plot() -> None:
    """A bar for each sample, up for what the parameter is pulled up; 40 at most."""
    pytest.importorskip("matplotlib")
    w = Value(1.0, label="$w_")
    (axes,) = influence([w * 2.0, w * -5.0], w).plot().axes
    bars: list[Any] = list(axes.patches)
    assert [bar.get_height() for bar in bars] == [5.0, -2.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "0"]
    model, found = network()
    (axes,) = influence(found * 2, model).plot().axes
    assert len(axes.patches) == 40
    assert axes.get_xlabel() == "sample (the strongest 40)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: influence(w * 2.0, w), TypeError, "a loss for each sample.*before they are added up"),
        (lambda w: influence(np.array([w, 2.0]), w), TypeError, "a loss of each sample as a Value, got 2.0"),
        (lambda w: influence([w], ["w"]), TypeError, "a parameter as a Value, got 'w'"),
        (lambda w: influence([w], 3), TypeError, "a parameter as a Value, got 3"),
        (lambda w: influence([], w), ValueError, "at least one loss and one parameter, got 0 and 1"),
    ],
)
def test_mistakes(call: Callable[[Value], Any], error: type[Exception], message: str) -> None:
    """Messages say what came and what was wanted."""
    with pytest.raises(error, match=message):
        call(Value(1.0))
