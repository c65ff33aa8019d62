"""How good models are with default settings: the mean of 10 seeds, on held-out thirds of real data."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

DATA = ("iris", "wine", "breast_cancer", "digits", "diabetes")
SEEDS = 10

Trained = Callable[[str, int], tuple[float, float]]
"""A function from a data set and a seed to the accuracy, or R2, and the seconds that the training took."""


def chainrule(name: str, seed: int) -> tuple[float, float]:
    """Train as ``python -m nn --data NAME --seed SEED`` does, without its pictures."""
    from nn.datasets import DATASETS
    from nn.metrics import accuracy, r2
    from nn.terminal.options import read_options
    from nn.terminal.runs import TrainingRun

    options = read_options("train", ["--data", name, "--seed", str(seed), "--quiet"])
    run = TrainingRun(options, DATASETS[name]())
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run.fitted(Path(folder) / "checkpoint.npz")
        seconds = time.perf_counter() - start
    outputs, held_out = run.outputs(), run.held_out
    if held_out.classes:
        return accuracy(outputs, held_out.labels), seconds
    return r2(run.preprocessing.answers(outputs), held_out.targets), seconds


def sklearn(name: str, seed: int) -> tuple[float, float]:
    """Train scikit-learn's estimators on the same samples, standardised, until they converge."""
    import numpy as np
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from nn.datasets import DATASETS, train_test_split

    data = DATASETS[name]()
    train, held_out = train_test_split(data, test_size=1 / 3, random_state=np.random.default_rng(seed))
    # In its default 200 epochs the regressor does not converge: its R2 is negative.
    estimator: Any = MLPClassifier if data.classes else MLPRegressor
    model = make_pipeline(StandardScaler(), estimator(max_iter=2000, random_state=seed))
    start = time.perf_counter()
    model.fit(*train)
    seconds = time.perf_counter() - start
    return float(model.score(*held_out)), seconds


def of_all(trained: Trained) -> Callable[[], Work]:
    """Return the preparation of the work: the trainings on all data sets, with all seeds."""
    return lambda: lambda: _measured(trained)


def _measured(trained: Trained) -> Result:
    figures: dict[str, float] = {}
    total = 0.0
    for name in DATA:
        scores, times = zip(*(trained(name, seed) for seed in range(SEEDS)), strict=True)
        figures[f"{name} {'R2' if name == 'diabetes' else 'accuracy'}"] = sum(scores) / SEEDS
        figures[f"{name} s"] = sum(times)
        total += sum(times)
    # The peers' models are different ones.
    return Result([], figures=figures, seconds=total)


PEERS = {"chainrule": of_all(chainrule), "sklearn": of_all(sklearn)}
ROUNDS = 1
