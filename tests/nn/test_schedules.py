from __future__ import annotations

import json
from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from autograd import Value, data
from nn import Neuron, fit, schedules
from nn.optimizers import SGD, Adagrad, Adam, Optimizer, RMSprop
from nn.optimizers.schedules import (
    SCHEDULES,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
    schedule,
)

SINGLE: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 1, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [30, 5, 5, 80]}),
    ("MultiStepLR", {"milestones": (0, 10), "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("CosineAnnealingLR", {"T_max": 60}),
    ("CosineAnnealingLR", {"T_max": 13, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 45}),
    ("LinearLR", {"start_factor": 0.01, "end_factor": 0.7, "total_iters": 90}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 80}),
    ("OneCycleLR", {"max_lr": 0.5, "epochs": 13, "steps_per_epoch": 5, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 2.0, "total_steps": 61, "three_phase": True, "pct_start": 0.4}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 70, "div_factor": 10.0, "final_div_factor": 100.0}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 70, "base_momentum": 0.5, "max_momentum": 0.9}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 70, "cycle_momentum": False}),
]

SEVERAL: dict[str, Callable[[Any, Any], list[Any]]] = {
    "warm-up, then cosine": lambda of, o: [
        of.SequentialLR(o, [of.LinearLR(o, 0.1, total_iters=10), of.CosineAnnealingLR(o, 40)], [10])
    ],
    "three in a row": lambda of, o: [
        of.SequentialLR(
            o,
            [of.LinearLR(o), of.StepLR(o, 3, 0.5), of.ExponentialLR(o, 0.9)],
            milestones=[7, 20],
        )
    ],
    "the first one never": lambda of, o: [
        of.SequentialLR(o, [of.ExponentialLR(o, 0.5), of.MultiStepLR(o, [3, 9])], milestones=[0])
    ],
    "two at once": lambda of, o: [of.LinearLR(o, 0.2, total_iters=8), of.ExponentialLR(o, 0.95)],
    "cosine and steps": lambda of, o: [of.CosineAnnealingLR(o, 20, 0.001), of.StepLR(o, 6, 0.5)],
}

RULES: dict[str, dict[str, Any]] = {"SGD": {"momentum": 0.9}, "RMSprop": {}, "Adam": {}}


def sgd(lr: float = 0.1, **settings: Any) -> SGD:
    """Return an optimizer of one parameter."""
    return SGD([Value(1.0)], lr=lr, **settings)


def pair(kind: str, torch: Any) -> tuple[Any, Any]:
    """Return an optimizer, and that of PyTorch."""
    twin = torch.optim.__dict__[kind]([torch.zeros(1, requires_grad=True)], lr=0.3, **RULES[kind])
    ours = {"SGD": SGD, "RMSprop": RMSprop, "Adam": Adam}[kind]([Value(1.0)], lr=0.3, **RULES[kind])
    return ours, twin


def settings_of(optimizer: Any) -> list[float]:
    """Return what a schedule may change, of an optimizer or one of PyTorch."""
    if isinstance(optimizer, Optimizer):
        group: Any = vars(optimizer)
    else:
        group = optimizer.param_groups[0]
    return [group["lr"], group.get("momentum", 0.0), *group.get("betas", ())]


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize(("name", "arguments"), SINGLE)
def test_schedules_are_those_of_pytorch(kind: str, name: str, arguments: dict[str, Any]) -> None:
    """Over 60 steps learning rate and momentum agree with PyTorch after each step."""
    torch = pytest.importorskip("torch")
    ours, twin = pair(kind, torch)
    found = getattr(schedules, name)(ours, **arguments)
    twins = getattr(torch.optim.lr_scheduler, name)(twin, **arguments)
    twin.step()  # PyTorch warns if a schedule steps first.
    for _ in range(60):
        np.testing.assert_allclose(settings_of(ours), settings_of(twin), rtol=1e-12, atol=1e-15)
        assert found.get_last_lr() == [ours.lr]
        found.step()
        twins.step()
    np.testing.assert_allclose(settings_of(ours), settings_of(twin), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SEVERAL)
def test_several_schedules_are_those_of_pytorch(name: str) -> None:
    """One after another, and several at once, schedules agree with PyTorch over 60 steps."""
    torch = pytest.importorskip("torch")
    ours, twin = pair("SGD", torch)
    found, twins = SEVERAL[name](schedules, ours), SEVERAL[name](torch.optim.lr_scheduler, twin)
    twin.step()  # PyTorch warns if a schedule steps first.
    for _ in range(60):
        np.testing.assert_allclose(settings_of(ours), settings_of(twin), rtol=1e-12, atol=1e-15)
        for one in [*found, *twins]:
            one.step()


PLATEAUS: list[dict[str, Any]] = [
    {},
    {"factor": 0.5, "patience": 2},
    {"mode": "max", "patience": 1, "threshold": 0.05},
    {"patience": 0, "threshold_mode": "abs", "threshold": 0.1, "cooldown": 3},
    {"mode": "max", "patience": 3, "threshold_mode": "abs", "threshold": 0.2, "factor": 0.7},
    {"patience": 1, "min_lr": 0.02, "factor": 0.3},
    {"patience": 0, "factor": 0.1, "eps": 1e-3},
]


@pytest.mark.parametrize("arguments", PLATEAUS, ids=str)
def test_plateaus_are_those_of_pytorch(arguments: dict[str, Any]) -> None:
    """Over 60 noisy losses, with nan and infinity among them, learning rates agree with PyTorch."""
    torch = pytest.importorskip("torch")
    ours, twin = pair("SGD", torch)
    found = ReduceLROnPlateau(ours, **arguments)
    twins = torch.optim.lr_scheduler.ReduceLROnPlateau(twin, **arguments)
    twin.step()
    rng = np.random.default_rng(0)
    for step in range(60):
        number = 3.0 * 0.95**step + 0.2 * rng.normal()
        number = {20: nan, 30: inf, 31: -1.0}.get(step, number)
        found.step(number)
        twins.step(number)
        np.testing.assert_allclose(ours.lr, twin.param_groups[0]["lr"], rtol=1e-12)


def test_the_cycle_ends() -> None:
    """At its end the learning rate stays at the lowest; further steps raise."""
    optimizer = sgd()
    found = OneCycleLR(optimizer, 1.0, total_steps=10, pct_start=0.1, anneal_strategy="linear")
    for _ in range(10):
        found.step()
    assert optimizer.lr == pytest.approx(1.0 / 25.0 / 1e4)
    with pytest.raises(ValueError, match="the cycle has 10 steps: make a new schedule for more"):
        found.step()


def every_schedule(optimizer: Optimizer) -> list[LRScheduler]:
    """Return a schedule of each kind."""
    parts = [LinearLR(optimizer, 0.5), CosineAnnealingLR(optimizer, 9)]
    return [
        StepLR(optimizer, 3),
        MultiStepLR(optimizer, [2, 5]),
        ExponentialLR(optimizer, 0.9),
        CosineAnnealingLR(optimizer, 7),
        LinearLR(optimizer),
        OneCycleLR(optimizer, 1.0, 40),
        ReduceLROnPlateau(optimizer, patience=1),
        SequentialLR(optimizer, parts, [4]),
    ]


def stepped(found: LRScheduler, count: int) -> list[list[float]]:
    """Do some steps, and return the settings of the optimizer after each."""
    left = []
    for _ in range(count):
        if isinstance(found, ReduceLROnPlateau):
            found.step(1.0)
        else:
            found.step()
        left.append(settings_of(found.optimizer))
    return left


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("done", [0, 3, 6])
def test_a_state_goes_through_json(place: int, done: int) -> None:
    """Another schedule with the state, read from JSON, does the same steps, to the last bit."""

    def made() -> LRScheduler:
        return every_schedule(sgd(momentum=0.9))[place]

    first, second = made(), made()
    first.optimizer.lr = 0.1
    first.optimizer.lr *= 0.75
    stepped(first, done)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert settings_of(second.optimizer)[0] == first.optimizer.lr
    assert second.state_dict() == first.state_dict()
    assert stepped(second, 6) == stepped(first, 6)


@pytest.mark.parametrize("place", range(8))
def test_a_state_that_does_not_fit(place: int) -> None:
    """A state of another schedule raises, and changes nothing."""
    found = every_schedule(sgd())[place]
    before = found.state_dict()
    other = every_schedule(sgd())[(place + 1) % 8].state_dict()
    with pytest.raises(ValueError, match=f"expected the state of {type(found).__name__}, got that of"):
        found.load_state_dict(other | {"lr": 7.0})
    with pytest.raises(ValueError, match="one of both has no last_epoch"):
        found.load_state_dict({name: entry for name, entry in before.items() if name != "last_epoch"})
    assert found.state_dict() == before


def test_a_part_that_does_not_fit() -> None:
    """If the state of the last part does not fit, the parts before it are not changed."""
    found, other = every_schedule(sgd())[-1], every_schedule(sgd())[-1]
    stepped(other, 3)
    state = other.state_dict()
    state["schedulers"][1]["schedule"] = "StepLR"
    before = found.state_dict()
    with pytest.raises(ValueError, match="expected the state of CosineAnnealingLR, got that of StepLR"):
        found.load_state_dict(state)
    assert found.state_dict() == before


def test_parts_begin_anew() -> None:
    """A schedule that has stepped before its turn comes falls as a new one does."""
    rates = []
    for steps in (0, 5):
        optimizer = sgd()
        falling = of.StepLR(optimizer, 3)
        stepped(falling, steps)
        found = SequentialLR(optimizer, [of.LinearLR(optimizer, 0.5, total_iters=2), falling], milestones=[2])
        rates.append(stepped(found, 8))
    assert rates[0] == rates[1]


def test_a_state_of_another_number_of_parts() -> None:
    """A state with fewer schedules, or more, than there are raises, and changes nothing."""
    optimizer = sgd()
    parts = [ExponentialLR(optimizer, 0.9), ExponentialLR(optimizer, 0.5)]
    found = SequentialLR(optimizer, parts, milestones=[2])
    before = found.state_dict()
    for states in ([], before["schedulers"][:1], [*before["schedulers"], before["schedulers"][0]]):
        with pytest.raises(ValueError, match=f"expected the states of 2 schedules, got {len(states)}"):
            found.load_state_dict(before | {"lr": 7.0, "schedulers": states})
        assert found.state_dict() == before


@pytest.mark.parametrize("per", ["epoch", "batch"])
def test_a_schedule_says_when_it_steps(per: Any) -> None:
    """Every kind of schedule steps after each epoch or batch, as it is told."""
    optimizer = sgd(momentum=0.9)
    parts = [of.LinearLR(optimizer), of.ExponentialLR(optimizer, 0.9)]
    made = [getattr(of, name)(optimizer, **arguments, per=per) for name, arguments in SINGLE]
    made += [of.SequentialLR(optimizer, parts, [3], per=per), of.ReduceLROnPlateau(optimizer, per=per)]
    assert {type(one).__name__ for one in made} == {type(one).__name__ for one in every_schedule(sgd())}
    assert [one.per for one in made] == [per] * len(made)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("epochs", "steps_per_epoch"), [(1, 1), (2, 1), (10, 7), (100, 1)])
def test_schedules_by_name(name: str, epochs: int, steps_per_epoch: int) -> None:
    """Each name gives a schedule that lasts as long as the training, and never exceeds the learning rate."""
    optimizer = sgd(momentum=0.9)
    found = schedule(name, optimizer, epochs=epochs, steps_per_epoch=steps_per_epoch)
    steps = epochs * (steps_per_epoch if found.per == "batch" else 1)
    rates = [optimizer.lr, *(setting[0] for setting in stepped(found, steps))]
    assert 0.0 <= min(rates) <= max(rates) <= 0.1 * (1.0 + 1e-12)
    if steps >= 70:
        assert max(rates) == pytest.approx(0.1, rel=0.01)
        assert rates[-1] <= 0.0101
    again = schedule(name, optimizer, epochs=epochs, steps_per_epoch=steps_per_epoch)
    assert [optimizer.lr, *(setting[0] for setting in stepped(again, steps))] == rates


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cosine", {0.0: 1.0, 0.5: 0.5, 1.0: 0.0}),
        ("step", {0.0: 1.0, 0.3: 1.0, 0.4: 0.1, 0.6: 0.1, 0.7: 0.01, 0.9: 0.01}),
        ("exponential", {0.0: 1.0, 0.5: 0.1, 1.0: 0.01}),
        ("linear", {0.0: 1.0, 0.25: 0.75, 1.0: 0.0}),
        ("one-cycle", {0.0: 0.04, 0.3: 1.0, 1.0: 0.0}),
        ("warm-up", {0.0: 0.01, 0.1: 1.0, 0.55: 0.5, 1.0: 0.0}),
        ("plateau", {0.0: 1.0, 0.1: 1.0, 0.2: 0.5, 0.3: 0.25}),
    ],
)
@pytest.mark.parametrize("epochs", [30, 60])
def test_the_course_of_a_schedule_by_name(name: str, expected: dict[float, float], epochs: int) -> None:
    """After each part of the training the learning rate is what the table of the names says of it."""
    optimizer = sgd(momentum=0.9)
    found = schedule(name, optimizer, epochs=epochs, steps_per_epoch=20)
    steps = epochs * (20 if found.per == "batch" else 1)
    rates = [optimizer.lr, *(setting[0] for setting in stepped(found, steps))]
    for part, share in expected.items():
        assert rates[round(part * steps)] == pytest.approx(0.1 * share, rel=0.01, abs=1e-6), part


@pytest.mark.parametrize("optimizer", [sgd(), Adagrad([Value(0.0)], lr=0.1)], ids=repr)
def test_a_cycle_by_name_gives_no_momentum(optimizer: Any) -> None:
    """An optimizer without momentum keeps it so."""
    stepped(schedule("one-cycle", optimizer, epochs=10), 5)
    assert not getattr(optimizer, "momentum", 0.0)


def test_schedules_that_are_made() -> None:
    """A schedule is returned as it is, a function is called with the optimizer."""
    optimizer = sgd()
    made = StepLR(optimizer, 3)
    assert schedule(made, optimizer, epochs=3) is made
    assert isinstance(schedule(lambda o: ExponentialLR(o, 0.5), optimizer, epochs=3), ExponentialLR)
    with pytest.raises(ValueError, match="one of another optimizer: make it of the one"):
        schedule(made, sgd(), epochs=3)
    with pytest.raises(TypeError, match="expected the function to return a schedule, got None"):
        schedule(lambda o: None, optimizer, epochs=3)  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match=r"unknown schedule 'cosin' \(did you mean 'cosine'\?\)"):
        schedule("cosin", optimizer, epochs=3)
    with pytest.raises(ValueError, match="at least 1, got 0 and 1"):
        schedule("cosine", optimizer, epochs=0)


def test_the_present_rate_is_in_a_list() -> None:
    """As in PyTorch, where groups of parameters may have a rate each."""
    steps = StepLR(SGD([Value(1.0)], lr=0.5), 1)
    assert steps.get_last_lr() == [0.5]
    steps.step()
    assert steps.get_last_lr() == [0.05]


@pytest.mark.parametrize("kind", [SGD, RMSprop, Adam])
@pytest.mark.parametrize("which", ["cycle", "warm-up", "step", "plateau"])
def test_a_scheduled_training(kind: Any, which: str) -> None:
    """Eager and compiled steps use what a schedule sets after each epoch or batch, momentum included."""
    x = np.random.default_rng(0).normal(size=(12, 2))
    left = []
    for jit in (False, True):
        model = Neuron(2, "tanh", rng=0)

        def cycle(optimizer: Optimizer) -> OneCycleLR:
            return OneCycleLR(optimizer, 0.05, total_steps=30)

        history = fit(
            model,
            x,
            x[:, 0],
            loss="mse",
            optimizer=kind(model, lr=0.01),
            epochs=10,
            batch_size=4,
            schedule=cycle if which == "cycle" else which,
            rng=0,
            verbose=0,
            jit=jit,
        )
        left.append([*history.loss, *data(model.parameters())])
    np.testing.assert_allclose(left[0], left[1], rtol=1e-12)


of: Any = schedules  # Their arguments are wrong on purpose.


class NoRate(SGD):
    """A rule whose learning rate may not change."""

    varying = ()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: of.StepLR(3, 1), TypeError, "expected an optimizer to schedule, got 3"),
        (
            lambda: of.StepLR(NoRate([Value(0.0)]), 1),
            TypeError,
            "NoRate finds the length of its steps itself",
        ),
        (
            lambda: of.StepLR(sgd(), 1, per="step"),
            ValueError,
            'expected per to be "epoch" or "batch", got \'step',
        ),
        (lambda: of.StepLR(sgd(), 0), ValueError, "expected step_size to be at least 1, got 0"),
        (lambda: of.CosineAnnealingLR(sgd(), 0), ValueError, "expected T_max to be at least 1, got 0"),
        (
            lambda: of.LinearLR(sgd(), 0.0),
            ValueError,
            "start_factor to be greater than 0 and at most 1, got 0.0",
        ),
        (lambda: of.LinearLR(sgd(), 0.5, 1.5), ValueError, "expected end_factor to be from 0 to 1, got 1.5"),
        (
            lambda: of.LinearLR(sgd(), total_iters=0),
            ValueError,
            "expected total_iters to be at least 1, got 0",
        ),
        (
            lambda: of.OneCycleLR(sgd(), 1.0),
            ValueError,
            "expected total_steps, or epochs and steps_per_epoch",
        ),
        (lambda: of.OneCycleLR(sgd(), 1.0, 0), ValueError, "a cycle of at least one step, got 0"),
        (
            lambda: of.OneCycleLR(sgd(), 1.0, 9, pct_start=2.0),
            ValueError,
            "pct_start to be from 0 to 1, got 2.0",
        ),
        (
            lambda: of.OneCycleLR(sgd(), 1.0, 9, anneal_strategy="cosine"),
            ValueError,
            'anneal_strategy to be "cos" or "linear", got \'cosine\'',
        ),
        (
            lambda: of.OneCycleLR(Adagrad([Value(0.0)]), 1.0, 9),
            ValueError,
            "Adagrad has neither momentum nor betas: pass cycle_momentum=False",
        ),
        (lambda: of.ReduceLROnPlateau(sgd(), "low"), ValueError, 'mode to be "min" or "max", got \'low\''),
        (lambda: of.ReduceLROnPlateau(sgd(), factor=1.0), ValueError, "factor to be less than 1, got 1.0"),
        (
            lambda: of.ReduceLROnPlateau(sgd(), threshold_mode="none"),
            ValueError,
            'threshold_mode to be "rel" or "abs", got \'none\'',
        ),
        (lambda: of.ReduceLROnPlateau(sgd()).step(), TypeError, "needs the number that is to get better"),
        (
            lambda: of.SequentialLR(sgd(), [], []),
            ValueError,
            "at least one schedule, and a milestone between",
        ),
        (
            lambda: of.SequentialLR(sgd(), [StepLR(sgd(), 1)], []),
            ValueError,
            "schedules of the same optimizer",
        ),
        (
            lambda: of.SequentialLR(sgd(), [ReduceLROnPlateau(sgd())], []),
            TypeError,
            "expected schedules that step without a metric",
        ),
        (lambda: of.LRScheduler(sgd()), NotImplementedError, r"LRScheduler does not define next_lr\(\)"),
    ],
)
def test_bad_arguments(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    """Invalid arguments raise an error that shows what was passed."""
    with pytest.raises(error, match=message):
        make()
