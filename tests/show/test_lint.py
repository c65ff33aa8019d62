from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import OPS, Value, dot, exp, log, logsumexp, max, relu, sigmoid, sqrt, sum, tanh, where
from autograd.engine.graph import nodes
from autograd.show import Finding, LintReport, lint
from autograd.show.linting.checks import _steepest
from nn import MLP, Layer, Module, fit
from nn.datasets import moons
from nn.losses import binary_cross_entropy, binary_cross_entropy_with_logits, hinge, l2_penalty, mse
from nn.optimizers import SGD

DATA = moons(40)
X, Y = DATA.inputs, DATA.labels


def signed_hinge(outputs: Any, targets: Any) -> Value:
    """Return the hinge loss of classes 0 and 1."""
    return hinge(outputs, 2 * targets - 1)


def kinds(report: LintReport, *severities: str) -> list[str]:
    """Return the kinds of the findings, of some severities or of all."""
    return [found.kind for found in report if not severities or found.severity in severities]


def only(report: LintReport, kind: str) -> Finding:
    """Return the one finding of a kind."""
    (finding,) = (found for found in report if found.kind == kind)
    return finding


def parameter(path: str, data: float) -> Value:
    """Return a parameter of a module."""
    return Value(data, label=path)


def scaled(model: MLP, layers: slice, factor: float) -> MLP:
    """Multiply the weights of some layers."""
    for layer in model.layers[layers]:
        for neuron in layer.neurons:
            for w in neuron.w:
                w.data *= factor
    return model


def with_biases(model: MLP, layer: int, neurons: int, bias: float) -> MLP:
    """Assign the bias of the first neurons of a layer."""
    for neuron in model.layers[layer].neurons[:neurons]:
        neuron.b.data = bias
    return model


# ------------------------------------------------------------------------------------------ healthy training


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu", "silu", "elu"])
@pytest.mark.parametrize("loss", [signed_hinge, mse, binary_cross_entropy_with_logits])
def test_healthy_training_raises_no_alarm(activation: str, loss: Callable[..., Value]) -> None:
    """Before and after successful training there are at most notes."""
    model = MLP(2, [8, 8, 1], activation, rng=1)
    assert kinds(lint(loss(model(X), Y), model), "error", "warning") == []
    fit(model, X, Y, loss=loss, optimizer=SGD(model.parameters(), lr=0.3), epochs=30, verbose=0)
    assert kinds(lint(loss(model(X), Y), model), "error", "warning") == []


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_fresh_models_raise_no_alarm(activation: str, seed: int) -> None:
    """Neurons of a fresh model that are off for all samples are only notes."""
    model = MLP(2, [16, 16, 1], activation, rng=seed)
    assert kinds(lint(signed_hinge(model(X), Y), model), "error", "warning") == []


def test_one_sample_raises_no_alarm() -> None:
    """For one sample half of the neurons are off, which is one note per layer."""
    model = MLP(2, [16, 16, 1], "relu", rng=0)
    report = lint(signed_hinge(model(X[:1]), Y[:1]), model)
    assert set(kinds(report)) <= {"dead relu"}
    assert kinds(report, "error", "warning") == []
    assert "0 on the only use" in report[0].what


def test_confident_outputs_raise_no_alarm() -> None:
    """Saturated outputs that are right are not reported."""
    model = scaled(MLP(1, [1], output="sigmoid", rng=0), slice(None), 0.0)
    model.layers[0].neurons[0].w[0].data = 6.0
    x, y = np.array([[-1.0], [1.0]] * 10), np.array([0, 1] * 10)
    for loss in (mse, binary_cross_entropy):
        report = lint(loss(model(x), y), model)
        assert "saturated" not in kinds(report)


def test_penalties_are_not_layers() -> None:
    """A penalty on the weights raises no finding."""
    model = MLP(2, [8, 8, 1], "tanh", rng=0)
    loss = mse(model(X), Y) + l2_penalty(model, 0.01)
    assert kinds(lint(loss, model), "error", "warning") == []


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_flat_parts_of_an_activation_raise_no_alarm(activation: str) -> None:
    """x * sigmoid(x) is not flat where its sigmoid is flat."""
    model = scaled(MLP(2, [8, 1], activation, rng=0), slice(1), 100.0)
    assert "saturated" not in kinds(lint(mse(model(X), Y), model))


def test_a_satisfied_hinge_loss_is_not_dead() -> None:
    """The ReLU of a satisfied hinge loss is 0, and is not taken for a neuron."""
    w, b = parameter("layers.0.neurons.0.w[0]", 50.0), parameter("layers.0.neurons.0.b", 0.0)
    scores = [dot([w], [x]) + b for x in [-1.0, 1.0] * 10]
    targets = [-1.0, 1.0] * 10
    satisfied = hinge(scores, targets) + w * w * 1e-6
    pairs = list(zip(scores, targets, strict=True))
    perceptron = sum([relu(-score) if target > 0 else relu(score) for score, target in pairs])
    by_max = sum([max(0.0, 1.0 - target * score) for score, target in pairs])
    for loss in (satisfied, perceptron, by_max):
        assert "dead relu" not in kinds(lint(loss))


# ------------------------------------------------------------------------------------------------ not finite


def line_of(mark: str) -> str:
    """Return the number of the line of this file that ends with a given comment."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    ((number, _),) = ((i, line) for i, line in enumerate(lines, 1) if line.endswith(f"  # {mark}"))
    return f"{__file__}:{number}: "


def test_first_bad_node() -> None:
    """The finding names the first non-finite operation with operands and line, not later ones."""
    p = Value(0.0, label="p")
    with pytest.warns(RuntimeWarning):
        y = log(p)  # begins
    finding = only(lint(exp(-y) * 2.0 + 1.0), "non-finite")
    assert (finding.severity, finding.what) == ("error", "log(p = 0.0) gives -inf, makes the loss inf")
    assert line_of("begins") in finding.where
    assert "anomaly" not in finding.advice


@pytest.mark.parametrize(
    ("loss", "what"),
    [
        (lambda x: x * nan, "x = 1.0 * nan gives nan"),
        (lambda x: (x * 1e308) * 10.0 - 1.0, "1e+308 * 10.0 gives inf"),
        (lambda x: (x - 1.0).log() + (x - 2.0).log(), "log(-1.0) gives nan"),
        (lambda x: sum([x * 1e308] * 6), "sum of 6 operands, the largest of size 1e+308, gives inf"),
        (lambda x: logsumexp([x, x + Value(-inf), (x - 2.0).sqrt()]), "sqrt(-1.0) gives nan"),
    ],
)
def test_cause_of_a_loss(loss: Callable[[Value], Value], what: str) -> None:
    """A nan is traced to the operation that produced it, even if other nodes are infinite."""
    with np.errstate(all="ignore"):
        report = lint(loss(Value(1.0, label="x")))
    assert only(report, "non-finite").what.startswith(what)


def test_how_many_likewise() -> None:
    """If several operations produce non-finite numbers, the finding names the first and their count."""
    with np.errstate(all="ignore"):
        loss = sum([log(Value(0.0)) for _ in range(5)])
    assert "; 4 other nodes likewise" in only(lint(loss), "non-finite").what


def test_line_not_known() -> None:
    """If the line of a node is unknown, the advice says how to get it."""
    finding = only(lint(Value(1.0) + nan), "non-finite")
    assert "anomaly" in finding.advice


@pytest.mark.parametrize("given", [True, False])
def test_leaf_that_is_nan(given: bool) -> None:
    """A parameter that is nan is reported as the origin, with advice for training again."""
    model = MLP(1, [1], rng=0)
    model.layers[0].neurons[0].w[0].data = nan
    finding = lint(mse(model([[1.0], [2.0]]), [0.0, 1.0]), model if given else None)[0]
    assert (finding.kind, finding.where) == ("non-finite", "layers.0.neurons.0.w[0]")
    assert "lower learning rate" in finding.advice


def test_input_that_is_nan() -> None:
    """A leaf that is no parameter was assigned by somebody."""
    finding = only(lint(MLP(1, [1], rng=0)([Value(nan, "x")]), MLP(1, [1], rng=0)), "non-finite")
    assert finding.where == "x"
    assert finding.advice == "look where it was assigned"


def test_blown_up_training() -> None:
    """A far too high learning rate is reported as an overflow in the forward pass."""
    model = MLP(2, [4, 1], "linear", rng=0)
    with np.errstate(all="ignore"):
        while isfinite(loss := mse(model(X), Y)):
            model.zero_grad()
            loss.backward()
            SGD(model.parameters(), lr=10.0).step()
        report = lint(mse(model(X), Y), model)
    assert (report[0].kind, report[0].severity) == ("non-finite", "error")
    assert "makes the loss" in report[0].what


@pytest.mark.parametrize("make_mask", [lambda: -inf, lambda: Value(-inf)])
def test_a_mask_is_no_fault(make_mask: Callable[[], Any]) -> None:
    """An infinite constant that leads to a finite loss, such as a mask, is not reported."""
    x = Value(1.0, label="x")
    assert lint(logsumexp([x, x + make_mask()])) == ()


def test_nan_that_the_loss_does_not_show() -> None:
    """A non-finite node that leaves the loss finite is a warning."""
    with np.errstate(all="ignore"):
        report = lint(where(0.0, log(Value(-1.0, label="x")), Value(2.0)))
    assert (report[0].kind, report[0].severity) == ("non-finite", "warning")
    assert report[0].what == "log(x = -1.0) gives nan, though the loss is finite"


def test_infinite_parameter() -> None:
    """An infinite parameter is not a mask, even if tanh makes it finite."""
    finding = lint(tanh(Value(inf, label="w")))[0]
    assert (finding.kind, finding.where, finding.severity) == ("non-finite", "w", "warning")


@pytest.mark.parametrize(
    ("loss", "advice"),
    [(lambda x: sqrt(x), "sqrt(x + 1e-12)"), (lambda x: x * 1e308 * 10.0, "a mean instead of a sum")],
)
def test_advice_for_backward(loss: Callable[[Value], Value], advice: str) -> None:
    """The advice depends on whether a partial is infinite or the numbers are too large."""
    assert advice in only(lint(loss(Value(0.0, label="x"))), "non-finite").advice


@pytest.mark.parametrize(
    ("loss", "what", "severity"),
    [
        (lambda x: sqrt(x) * 3.0, "backward: in sqrt(x = 0.0) the gradient 3 times the partial inf", "error"),
        (lambda x: where(0.0, sqrt(x), 1.0), "backward: in sqrt(x = 0.0) the gradient 0 times", "error"),
        (
            lambda x: sum([x * 1e308] * 2) * 10.0,
            "backward: in x = 0.0 * 1e+308 the gradient 20 times",
            "error",
        ),
        (
            lambda x: x + sqrt(Value(0.0)),
            "backward: in sqrt(0.0) the gradient 1 times the partial",
            "warning",
        ),
        (lambda x: x * 1e308 + x * 1e308, "backward: what flows into x adds up to inf", "error"),
    ],
)
def test_backward(loss: Callable[[Value], Value], what: str, severity: str) -> None:
    """A gradient of inf or nan is reported with node and edge; as an error if it reaches a parameter."""
    finding = only(lint(loss(Value(0.0, label="x"))), "non-finite")
    assert (finding.what[: len(what)], finding.severity) == (what, severity)


# ----------------------------------------------------------------------------------------------- activations


def test_dead_layer() -> None:
    """A layer with all neurons off is one error, and its consequences are not listed."""
    report = lint(
        signed_hinge((model := with_biases(MLP(2, [8, 8, 1], "relu", rng=0), 1, 8, -100.0))(X), Y), model
    )
    finding = only(report, "dead relu")
    assert finding[:4] == ("dead relu", "layers.1", "error", "all 8 neurons: 0 on all 40 uses")
    assert "zero gradient" not in kinds(report)


@pytest.mark.parametrize(("neurons", "severity"), [(1, "note"), (4, "note"), (5, "warning"), (8, "error")])
def test_dead_neurons(neurons: int, severity: str) -> None:
    """More than half of a layer is a warning; a single neuron is a note with its name."""
    model = with_biases(MLP(2, [8, 1], "relu", rng=0), 0, neurons, -100.0)
    finding = only(lint(mse(model(X), Y), model), "dead relu")
    assert finding.severity == severity
    assert finding.where == ("layers.0.neurons.0" if neurons == 1 else "layers.0")


def test_dead_neurons_are_named() -> None:
    """Several neurons of a layer are listed in order and counted."""
    model = with_biases(MLP(2, [12, 1], "relu", rng=0), 0, 12, 10.0)
    for i in (2, 4, 10, 11):
        model.layers[0].neurons[i].b.data = -100.0
    finding = only(lint(mse(model(X), Y), model), "dead relu")
    names = ", ".join(f"layers.0.neurons.{i}" for i in (2, 4, 10))
    assert finding.what == f"4 of 12 neurons: 0 on all 40 uses: {names} and 1 more"


@pytest.mark.parametrize(("samples", "severity"), [(7, "note"), (8, "error")])
def test_dead_on_few_samples(samples: int, severity: str) -> None:
    """Dead neurons on fewer than 8 samples are a note."""
    model = with_biases(MLP(2, [4, 1], "relu", rng=0), 0, 4, -100.0)
    finding = only(lint(mse(model(X[:samples]), Y[:samples]), model), "dead relu")
    assert finding.severity == severity


def test_relu_written_with_max() -> None:
    """max(x, 0) and max(0, x) of a neuron are ReLUs; max(x, -1) is not."""
    w = parameter("layers.0.neurons.0.w[0]", -1.0)
    u = parameter("layers.1.neurons.0.w[0]", 1.0)
    for rectify in (lambda z: max(z, 0.0), lambda z: max(0.0, z)):
        loss = sum([dot([u], [rectify(dot([w], [float(i)]))]) for i in range(1, 11)]) + 1.0
        assert only(lint(loss), "dead relu").where == "layers.0.neurons.0"
    loss = sum([dot([u], [max(dot([w], [0.0]), -1.0)]) for _ in range(10)]) + 1.0
    assert "dead relu" not in kinds(lint(loss))


@pytest.mark.parametrize(
    ("activation", "argument", "is_flat"),
    [("sigmoid", 5.5, False), ("sigmoid", 6.5, True), ("tanh", 2.5, False), ("tanh", -3.5, True)],
)
def test_what_is_flat(activation: str, argument: float, is_flat: bool) -> None:
    """A function is flat if its slope is less than 1% of the steepest."""
    model = with_biases(scaled(MLP(2, [4, 1], activation, rng=0), slice(1), 0.0), 0, 4, argument)
    assert ("saturated" in kinds(lint(mse(model(X), Y), model))) is is_flat


def test_what_levels_off() -> None:
    """The rows that can saturate, at different values on both sides, are found from their rules."""
    levelling = {name for name, op in OPS.items() if _steepest(op) > 0.0}
    assert levelling == {"tanh", "sigmoid", "arctan", "erf", "erfc"}
    assert (_steepest(OPS["sigmoid"]), _steepest(OPS["tanh"])) == (0.25, 1.0)


def test_infinite_arguments_are_not_called_flat() -> None:
    """An infinite argument is reported instead of saturation."""
    model = with_biases(MLP(2, [4, 1], "tanh", rng=0), 0, 4, inf)
    found = kinds(lint(mse(model(X), Y), model))
    assert "non-finite" in found
    assert "saturated" not in found


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_saturated_layer(activation: str) -> None:
    """A layer with most neurons flat on most samples is one warning."""
    model = scaled(MLP(2, [16, 1], activation, rng=0), slice(1), 1000.0)
    finding = only(lint(mse(model(X), Y), model), "saturated")
    assert (finding.where, finding.severity) == ("layers.0", "warning")
    assert "of uses" in finding.what


def test_saturated_neuron() -> None:
    """Some flat neurons of a layer are a note."""
    model = with_biases(MLP(2, [16, 1], "tanh", rng=0), 0, 1, 50.0)
    finding = only(lint(mse(model(X), Y), model), "saturated")
    assert (finding.where, finding.severity) == ("layers.0.neurons.0", "note")
    assert finding.what == "flat (a derivative below 1% of the steepest) on 100% of uses"


def test_saturated_function_of_a_layer() -> None:
    """An activation applied outside the neurons still belongs to them."""
    w = [parameter(f"layers.0.neurons.0.w[{i}]", 100.0) for i in range(2)]
    u = parameter("layers.1.neurons.0.w[0]", 1.0)
    outputs = [dot([u], [tanh(sigmoid(dot(w, x.tolist())) * 0.0 + dot(w, x.tolist()))]) for x in X]
    assert only(lint(mse(outputs, Y)), "saturated").where == "layers.0.neurons.0"


def test_recurrent_neuron_is_saturated() -> None:
    """A recurrent neuron is checked at each step."""
    w, v = parameter("cell.w", 100.0), parameter("cell.v", 0.5)
    u = parameter("head.w", 1.0)
    state: Any = 1.0
    for _ in range(10):
        state = tanh(w * state + v)
    finding = only(lint((u * state - 3.0) ** 2.0), "saturated")
    assert (finding.where, finding.severity) == ("cell", "warning")


def test_stuck_output() -> None:
    """An output that is flat and wrong under a squared error is reported with a better loss."""
    model = with_biases(MLP(2, [1], output="sigmoid", rng=0), 0, 1, 20.0)
    finding = only(lint(mse(model(X), np.zeros(len(X))), model), "saturated")
    assert (finding.where, finding.severity) == ("layers.0.neurons.0", "note")
    assert "cross entropy" in finding.advice


# ------------------------------------------------------------------------------------------------ parameters


class TwoHeads(Module):
    """A model with an unused head."""

    def __init__(self) -> None:
        self.body = MLP(2, [4, 1], "tanh", rng=0)
        self.head = Layer(4, 2, rng=0)

    def forward(self, x: Any) -> Any:
        """Return the output of the body."""
        return self.body.forward(x)


def test_unused_parameters() -> None:
    """Parameters that the loss does not depend on are counted per layer."""
    model = TwoHeads()
    finding = only(lint(mse(model(X), Y), model), "unreached")
    assert (finding.where, finding.severity) == ("head", "warning")
    assert "10 parameters: head.neurons.0.w[0], head.neurons.0.w[1]" in finding.what
    assert finding.what.endswith("and 7 more")


def test_loss_of_another_model() -> None:
    """A loss that depends on no parameter is an error."""
    finding = only(lint(mse(MLP(2, [1], rng=0)(X), Y), MLP(2, [1])), "unreached")
    assert (finding.where, finding.severity) == ("the model", "error")
    assert "none of the 3 parameters" in finding.what


def test_without_a_model() -> None:
    """Without a model, the labelled leaves are the parameters, so none is unused."""
    report = lint(Value(2.0, label="a") * Value(3.0))
    assert (report, report.nodes, report.parameters) == ((), 3, 1)


def test_zero_gradient() -> None:
    """A parameter in the graph whose gradient is exactly 0 is a note."""
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    finding = only(lint(x * 0.0 + y), "zero gradient")
    assert (finding.where, finding.severity) == ("the model", "note")
    assert finding.what.endswith("1 parameter: x")


def test_zero_gradient_of_all() -> None:
    """If all gradients are 0, there is one finding."""
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    assert only(lint(relu(-x - y) + 1.0), "zero gradient").what.endswith("all 2 parameters")


def test_weights_of_zero_above() -> None:
    """Layers below weights of 0 get a gradient of 0, which is not reported as vanishing."""
    model = scaled(MLP(2, [4, 1], "tanh", rng=0), slice(1, 2), 0.0)
    report = lint(mse(model(X), Y), model)
    assert kinds(report) == ["zero gradient"]
    assert report[0].where == "layers.0"
    assert report[0].what.startswith("the gradient is exactly 0 for 12 parameters: ")


@pytest.mark.parametrize("depth", [30, 150])
def test_vanishing(depth: int) -> None:
    """Vanishing in a deep sigmoid network is one finding, with the factor and the number of layers."""
    model = MLP(2, [2] * depth + [1], "sigmoid", rng=0)
    report = lint(mse(model(X[:10]), Y[:10]), model)
    finding = only(report, "vanishing")
    assert (finding.where, finding.severity) == ("layers.0", "warning")
    assert f"of {depth} hidden layers below 0.0001" in finding.what
    assert kinds(report, "error", "warning") == ["vanishing"]


def test_vanishing_by_underflow() -> None:
    """Layers whose gradient underflows to 0 are counted, in a short report."""
    model = scaled(MLP(2, [2] * 300 + [1], "sigmoid", rng=0), slice(None), 0.1)
    report = lint(mse(model(X[:8]), Y[:8]), model)
    assert kinds(report) == ["vanishing", *["zero gradient"] * 3]
    assert re.search(r"e-3\d\d here", report[0].what)
    assert report[-1].where.startswith("layers.2 … layers.")


def test_exploding_toward_the_inputs() -> None:
    """For gradients that grow from layer to layer, the largest is reported relative to the outputs."""
    model = scaled(MLP(2, [4] * 6 + [1], "linear", rng=0), slice(None), 10.0)
    finding = only(lint(mse(model(X * 1e-7), Y), model), "exploding")
    assert finding.severity == "warning"
    assert ", at the outputs " in finding.what


def test_exploding_at_the_outputs() -> None:
    """Gradients that are huge everywhere are reported too."""
    model = MLP(2, [4, 1], "tanh", rng=0)
    finding = only(lint(mse(model(X), Y * 1e9), model), "exploding")
    assert finding.what.startswith("the root mean square of the gradient is ")


def test_neurons_side_by_side_are_not_layers() -> None:
    """Neurons of one layer are not compared with each other, however small a gradient is."""
    layer = Layer(1, 2, "tanh", rng=0)
    layer.neurons[0].b.data = 15.0
    outputs = layer([[0.1 * i] for i in range(5)])
    assert {"vanishing", "exploding"}.isdisjoint(kinds(lint(mse(outputs, np.ones((5, 2))), layer)))


# ------------------------------------------------------------------------------------------------ duplicates


def test_duplicates() -> None:
    """Duplicate operations are counted, and the largest duplicate expression is printed."""
    x = Value(2.0, label="x")
    finding = only(lint(exp(-x) / (1.0 + exp(-x))), "duplicates")
    assert (finding.severity, finding.where) == ("note", "v2")
    assert finding.what == "2 of 6 operations repeat another: exp(-x) (2 times)"


def test_shared_is_no_duplicate() -> None:
    """A subexpression in a variable is one node, however often it is used."""
    e = exp(-Value(2.0, label="x"))
    assert lint(e / (1.0 + e)) == ()


@pytest.mark.parametrize(
    ("loss", "count"),
    [
        (lambda x: x * 2.0 + x * 2.0, 1),
        (lambda x: x + nan + (x + nan), 1),
        (lambda x: x * 2.0 + x * 3.0, 0),
        (lambda x: where(x, x * 0.0, x * -0.0), 0),
        (lambda x: (x - 2.0) * (2.0 - x), 0),
        (lambda x: x**2.0 + 2.0**x, 0),
        (lambda x: +x * +x, 0),
        (lambda x: sum([x, 1.0]) + sum([x, 1.0]), 1),
        (lambda x: exp(x) * x.exp() * np.exp(x), 2),
        (lambda x: Value(1.0) * x + Value(1.0) * x, 0),
    ],
)
def test_what_is_a_duplicate(loss: Callable[[Value], Value], count: int) -> None:
    """Duplicates have the same operation and operands in order; 0.0 is not -0.0, and no leaf is one."""
    found = [found.what for found in lint(loss(Value(2.0, label="x"))) if found.kind == "duplicates"]
    assert [int(what.split()[0]) for what in found] == ([count] if count else [])


def test_the_largest_duplicates_come_first() -> None:
    """Of nested duplicates the outermost is printed, with names for its parts if it is too long."""
    x = Value(0.5, label="x")
    long = [sum([tanh(x * float(i)) for i in range(1, 31)]) + 1.0 for _ in range(2)]
    what = only(lint(long[0] * long[1] + exp(x) + exp(x)), "duplicates").what
    assert re.search(r"repeat another: v\d+ \+ 1 \(2 times\), exp\(x\) \(2 times\)$", what)


def test_few_duplicates_are_not_worth_a_word() -> None:
    """Fewer duplicates than one operation in a hundred are not reported."""
    x = Value(0.5, label="x")
    assert lint(sum([x + float(i) for i in range(200)]) + exp(x) + exp(x)) == ()


def test_duplicates_of_exponential_size() -> None:
    """For y + y nested 200 times, duplicates are counted by nodes of the graph, not of the expression."""

    def tower(y: Value) -> Value:
        for _ in range(200):
            y = y + y
        return y

    x = Value(1.0, label="x")
    assert only(lint(tower(x) - tower(x)), "duplicates").what.startswith("200 of 401 operations")


# ------------------------------------------------------------------------------------------- guarantees


def test_nothing_changes() -> None:
    """Gradients, values and labels are unchanged, also inside the graph."""
    model = MLP(2, [4, 1], rng=0)
    loss = mse(model(X), Y)
    loss.backward()
    before = [(node.data, node.grad, node.label) for node in nodes(loss)]
    lint(loss, model)
    lint(loss)
    assert [(node.data, node.grad, node.label) for node in nodes(loss)] == before


def test_deep_graphs() -> None:
    """Graphs of any depth can be checked."""
    y = x = Value(1.0, label="x")
    for _ in range(20_000):
        y = tanh(y) + x
    assert lint(y).nodes == 40_001


def test_a_single_leaf() -> None:
    """A loss that is a leaf depends only on itself."""
    assert repr(lint(Value(2.0, label="w"))) == "nothing found: 1 node, 1 parameter"


class Named:
    """A model that is not an nn.Module."""

    def __init__(self, *pairs: Any) -> None:
        self.pairs = pairs

    def named_parameters(self) -> Iterator[Any]:
        """Yield the given parameters."""
        yield from self.pairs


def test_models_of_others() -> None:
    """A model only needs `named_parameters`."""
    w, unused = Value(1.0), Value(2.0)
    report = lint(w * w, Named(("w", w), ("unused", unused)))
    assert (report.parameters, only(report, "unreached").where) == (2, "the model")
    assert only(report, "unreached").what.endswith("1 parameter: unused")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((np.zeros(2),), r"the loss as one Value, got array.*sum or the mean"),
        ((3.0,), r"got 3.0 \(float\); call lint\(loss, model\)"),
        ((Value(1.0), X), r"a model with named_parameters\(\).*\(ndarray\); call lint\(loss\)"),
        ((Value(1.0), MLP), r"a model with named_parameters\(\).*got <class"),
        ((Value(1.0), Named("w")), r"pairs of a name and a Value, got 'w'"),
        ((Value(1.0), Named(("w", 1.0))), r"got \('w', 1.0\)"),
    ],
)
def test_wrong_arguments(args: tuple[Any, ...], message: str) -> None:
    """A wrong argument raises an error that says what was expected and what to do."""
    with pytest.raises(TypeError, match=f"(?s){message}"):
        lint(*args)


# ------------------------------------------------------------------------------------------------ the report


def finding(severity: str, where: str = "here") -> Finding:
    """Return a finding of a given severity and place."""
    return Finding("saturated", where, severity, "what", "advice")


def test_order_of_findings() -> None:
    """Errors come first, then warnings, then notes; equals stay in order."""
    given = [finding("note"), finding("warning", "a"), finding("error"), finding("warning", "b")]
    assert [(found.severity, found.where) for found in LintReport(given)] == [
        ("error", "here"),
        ("warning", "a"),
        ("warning", "b"),
        ("note", "here"),
    ]


def test_text() -> None:
    """A report prints as a list of findings, one line per part."""
    report = LintReport([finding("note")], nodes=12_345, parameters=1)
    expected = "1 finding: 12,345 nodes, 1 parameter\nnote: saturated: here\n  what\n  try: advice"
    assert str(report) == repr(report) == expected


def test_many_alike_are_folded() -> None:
    """Of many findings of one kind the first two are listed and the others counted."""
    model = MLP(2, [2] * 6 + [1], "relu", rng=0)
    for i in range(6):
        with_biases(model, i, 2, -1e6)
    where = [found.where for found in lint(mse(model(X), Y), model)]
    assert where == ["layers.0", "layers.1", "layers.2 … layers.5"]


def test_html() -> None:
    """In a notebook a report is a table, with labels escaped."""
    x = Value(0.0, label="<b>x</b>")
    html = lint(sqrt(x))._repr_html_()
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "<b>" not in html
    assert html.count("<tr>") == 2
    assert LintReport([], 1, 0)._repr_html_() == "<p>nothing found: 1 node, 0 parameters</p>"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_copies(duplicate: Callable[[LintReport], LintReport]) -> None:
    """A copy of a report has the same findings and numbers."""
    report = LintReport([finding("note")], nodes=3, parameters=2)
    assert duplicate(report) == report
    assert repr(duplicate(report)) == repr(report)
