"""`Dropout`: what it computes, and its random numbers in eager and compiled trainings."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import Value, data, grad, jit, make_functional, value_and_grad, vmap
from nn import MLP, Dropout, Layer, Linear, Module, Sequential, Tanh, fit
from nn.losses import mse
from nn.modules.draws import RandomRow, RandomRows, giving, uniforms, uniforms_per_sample
from nn.optimizers import SGD
from nn.training.compiled_steps import CompiledSteps
from nn.training.eager_steps import EagerSteps
from nn.training.samples import samples_of

X = np.random.default_rng(0).normal(size=(20, 3))
Y = X.sum(axis=1)


def seeded(p: float = 0.4) -> Sequential:
    """Return the same network each time."""
    steps = [
        Linear(3, 8, rng=0),
        Tanh(),
        Dropout(p, rng=1),
        Layer(8, 4, rng=2),
        Dropout(p, rng=3),
        Linear(4, 1, rng=4),
    ]
    return Sequential(*steps)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_zeros_and_mean(p: float) -> None:
    """A number is 0 with probability p, and else 1/(1-p) times as large, so that the mean is preserved."""
    out = data(Dropout(p, rng=0)(np.ones((400, 50))))
    assert set(np.round(np.unique(out), 12)) == {0.0, np.round(1 / (1 - p), 12)}
    spread = np.sqrt(p * (1 - p) / out.size)
    assert np.mean(out == 0.0) == pytest.approx(p, abs=4 * spread)
    assert out.mean() == pytest.approx(1.0, abs=4 * spread / (1 - p))
    # Neither the samples nor the numbers of a sample have zeros in common.
    assert len(np.unique(out == 0.0, axis=0)) > 300
    assert len(np.unique(out == 0.0, axis=1).T) == 50


def test_limits() -> None:
    """With p = 0 nothing is dropped and nothing drawn, with p = 1 everything is 0, as in PyTorch."""
    assert Dropout(0.0)([1.0, 2.0]) == [1.0, 2.0]
    assert uniforms_per_sample(Dropout(0.0), [1.0, 2.0]) == 0
    assert Dropout(1.0)([1.0, 2.0]) == [0.0, 0.0]


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability(p: float) -> None:
    """A p outside of [0, 1] raises."""
    with pytest.raises(ValueError, match="expected p to be a probability from 0 to 1"):
        Dropout(p)


def test_derivatives_flow_through_what_is_kept() -> None:
    """The derivative is the scale where a number is kept, and 0 where it is dropped."""
    x = [Value(2.0), Value(3.0)]
    with giving(RandomRow([0.9, 0.1])):
        total = sum(Dropout(0.5)(x))
    total.backward()
    assert [v.grad for v in x] == [2.0, 0.0]


def test_modes() -> None:
    """In evaluation it is the identity; in training each pass has zeros of its own; a seed repeats them."""
    net = seeded()
    assert not np.array_equal(data(net(X)), data(net(X)))
    np.testing.assert_array_equal(data(seeded()(X)), data(seeded()(X)))
    net.eval()
    np.testing.assert_array_equal(data(net(X)), data(net(X)))
    np.testing.assert_array_equal(data(net(X)), [data(net(list(x))).ravel() for x in X])
    assert net.train() is net
    assert not np.array_equal(data(net(X)), data(net(X)))


def test_a_batch_has_a_row_for_each_sample() -> None:
    """Given random numbers are used row by row, also for nested lists, by one module after another."""
    net = seeded()
    width = uniforms_per_sample(net, X[0])
    assert width == 12
    rows = np.random.default_rng(5).random((20, width))
    with giving(RandomRows(rows)):
        together = data(net(X))
    for x, row, out in zip(X, rows, together, strict=True):
        with giving(RandomRow(row)):
            assert data(net.forward(x)) == pytest.approx(out, rel=1e-14)
    with giving(RandomRows(rows)):
        np.testing.assert_array_equal(data(net(X.tolist())), together)
    with (
        giving(RandomRows(rows[:, :4])),
        pytest.raises(ValueError, match="random numbers for each sample or more"),
    ):
        net(X)


class Twice(Module):
    """Calls a part with two batches for each sample."""

    def __init__(self) -> None:
        self.dropout = Dropout(0.5, rng=0)

    def forward(self, x: Any) -> Any:
        """Return the outputs for one sample."""
        pairs = self.dropout(np.stack([np.stack(list(x)), np.stack(list(x))]))
        return [*pairs[0], *pairs[1]]


def test_a_batch_within_a_sample() -> None:
    """Where a sample is made a batch, each of its samples draws, too."""
    with giving(RandomRows(np.array([[0.9, 0.1, 0.1, 0.9]]))):
        assert data(Twice()(np.ones((1, 2)))).tolist() == [[2.0, 0.0, 0.0, 2.0]]
    assert uniforms_per_sample(Twice(), [1.0, 2.0]) == 4


# ------------------------------------------------------------------------------------- compiled functions


@pytest.mark.parametrize(
    "compiled",
    [
        lambda net: jit(lambda x: net(x))(X),
        lambda net: jit(net)(X),
        lambda net: jit(lambda net: mse(net(X), Y))(net),
        lambda net: jit(grad(lambda net: mse(net(X), Y)))(net),
        lambda net: jit(vmap(net.forward))(X),
        lambda net: jit(make_functional(lambda: mse(net(X), Y), net.parameters()))(data(net.parameters())),
    ],
)
def test_no_program_holds_random_numbers(compiled: Callable[[Sequential], Any]) -> None:
    """A compiled function that would repeat its random numbers raises; in evaluation it is right."""
    net = seeded()
    with pytest.raises(RuntimeError, match=r"train with nn.fit, .* or call model.eval\(\) first"):
        compiled(net)
    compiled(net.eval())


def test_eager_derivatives_draw() -> None:
    """`grad` and `vmap` call a model in training as it is; each call draws."""
    net = seeded()
    first, second = (grad(lambda net: mse(net(X), Y))(net) for _ in range(2))
    assert first != second
    rows = vmap(net.forward)(X)
    assert not np.array_equal(rows, vmap(net.forward)(X))


def test_a_program_of_evaluation_is_not_used_for_training() -> None:
    """A module that is an argument has another program in each mode."""
    net = seeded().eval()
    predict = jit(lambda net, x: net(x))
    expected = predict(net, X)
    with pytest.raises(RuntimeError, match="draws random numbers"):
        predict(net.train(), X)
    np.testing.assert_array_equal(predict(net.eval(), X), expected)
    assert predict.report().compilations == 1


def test_random_numbers_as_an_argument() -> None:
    """One program serves all batches: with the numbers as an argument it agrees with eager calls."""
    net = seeded()
    rng = np.random.default_rng(0)

    def loss(x: Any, y: Any, rows: Any) -> Any:
        with giving(RandomRows(rows)):
            return mse(net(x), y)

    compiled = jit(value_and_grad(make_functional(loss, net.parameters())))
    numbers = data(net.parameters())
    for count in (20, 7, 2, 1, 20):
        rows = rng.random((count, 12))
        net.zero_grad()
        eager = loss(X[:count], Y[:count], rows)
        eager.backward()
        value, gradient = compiled(numbers, X[:count], Y[:count], rows)
        assert value == pytest.approx(eager.data, rel=1e-12)
        np.testing.assert_allclose(gradient, [p.grad for p in net.parameters()], atol=1e-12)
    assert compiled.report().compilations == 1


# ------------------------------------------------------------------------------------------------ training


@pytest.mark.parametrize("batch_size", [None, 8])
def test_eager_and_compiled_trainings_agree(batch_size: int | None) -> None:
    """For the same seed an eager and a compiled training give the same losses, and the same model."""
    nets, losses = [], []
    for compiled in (False, True):
        net = seeded()
        history = fit(
            net,
            X,
            Y,
            loss=mse,
            epochs=4,
            batch_size=batch_size,
            validation_split=0.25,
            rng=3,
            verbose=0,
            jit=compiled,
        )
        assert history.how.startswith("compiled" if compiled else "eager")
        assert not any(module.training for module in net.modules())
        nets.append(data(net.parameters()))
        losses.append([*history.loss, *history.val_loss])
    np.testing.assert_allclose(nets[1], nets[0], rtol=1e-9)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-9)
    assert len(set(losses[0])) == 8


def test_each_step_draws_anew() -> None:
    """Without a step of the optimizer, the loss of the same batch differs from one epoch to the next."""
    for kind in (EagerSteps, CompiledSteps):
        net = seeded()
        steps = kind(net, mse, SGD(net.parameters(), lr=1e-300), rng=0)
        batch = samples_of(X, Y)
        values = [steps(batch)[0] for _ in range(3)]
        assert len(set(values)) == 3
        # Samples that are held out are evaluated.
        assert steps.evaluate(batch)[0] == steps.evaluate(batch)[0] not in values
        assert net.training


def test_a_minimisation_draws_nothing() -> None:
    """L-BFGS minimises one function, so that a model with dropout is refused."""
    pytest.importorskip("scipy")
    with pytest.raises(ValueError, match="leave out Dropout, or take another optimizer"):
        fit(seeded(), X, Y, loss=mse, optimizer="lbfgs", verbose=0)


def test_models_without_random_numbers_leave_the_generator_alone() -> None:
    """The order of the samples is the same as ever where nothing else is drawn."""
    rng = np.random.default_rng(0)
    EagerSteps(MLP(3, [1]), mse, optimizer(MLP(3, [1])), rng=rng)(samples_of(X, Y))
    assert rng.random() == np.random.default_rng(0).random()


def optimizer(net: Module) -> Any:
    """Return an optimizer of a model."""
    return SGD(net.parameters(), lr=0.1)


def test_copies() -> None:
    """Copies and pickles go on with the same random numbers."""
    dropout = Dropout(0.5, rng=0)
    copies = [copy.deepcopy(dropout), pickle.loads(pickle.dumps(dropout))]
    expected = dropout([1.0] * 20)
    assert [other([1.0] * 20) for other in copies] == [expected, expected]


def test_outside_of_a_batch() -> None:
    """With numbers given for a batch, a direct call of `forward` raises."""
    with giving(RandomRows(np.zeros((2, 2)))), pytest.raises(RuntimeError, match=r"as model\(x\)"):
        uniforms(2, np.random.default_rng(0))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_resumed_training_draws_as_if_it_had_not_been_interrupted(tmp_path: Path, compiled: bool) -> None:
    """A checkpoint holds the generator, so that the rest of a training has the numbers of a whole one."""
    options: dict[str, Any] = {"loss": mse, "batch_size": 6, "verbose": 0, "jit": compiled}
    whole, first, rest = seeded(), seeded(), seeded()
    fit(whole, X, Y, epochs=5, rng=7, checkpoint=tmp_path / "whole.npz", **options)
    fit(first, X, Y, epochs=3, rng=7, checkpoint=tmp_path / "first.npz", **options)
    fit(rest, X, Y, epochs=5, rng=7, resume=tmp_path / "first.npz", **options)
    assert rest.state_dict() == whole.state_dict() != first.state_dict()
