"""The classifiers of scikit-learn and of `nn.sklearn` with default settings: 10 seeds on 4 data sets.

The time is that of all calls of `fit`, compiling included. The networks start from other weights, so there is
no common answer; the accuracies on held-out thirds stand beside the time.
"""

import time
import warnings
from collections.abc import Callable
from statistics import mean
from typing import Any

from benchmarks.cases.fitting import without_programs
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

SEEDS = 10
DATA = ("iris", "wine", "breast_cancer", "digits")


def trained(classifier: Callable[..., Any], name: str) -> tuple[float, float]:
    """Return the time of training for all seeds, and the mean accuracy on held-out thirds."""
    from sklearn import datasets
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    inputs, classes = getattr(datasets, f"load_{name}")(return_X_y=True)
    seconds, accuracies = 0.0, []
    for seed in range(SEEDS):
        x, test, y, right = train_test_split(
            inputs, classes, test_size=1 / 3, stratify=classes, random_state=seed
        )
        scaler = StandardScaler().fit(x)
        estimator, scaled = classifier(random_state=seed), scaler.transform(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            before = time.perf_counter()
            estimator.fit(scaled, y)
            seconds += time.perf_counter() - before
        accuracies.append(estimator.score(scaler.transform(test), right))
    return seconds, mean(accuracies)


def compared(classifier: Callable[..., Any], forget: Callable[[], None] = lambda: None) -> Result:
    """Return the time on all data sets, with time and accuracy on each."""
    forget()
    figures: dict[str, float] = {}
    total = 0.0
    for name in DATA:
        seconds, accuracy = trained(classifier, name)
        total += seconds
        figures |= {f"s on {name}": seconds, f"accuracy on {name}": accuracy}
    return Result([], figures=figures, seconds=total)


def chainrule() -> Work:
    """Prepare the classifier of chainrule, as in a new process each time."""
    from nn.sklearn import MLPClassifier, networks

    forget_programs = without_programs()

    def forget() -> None:
        forget_programs()
        networks.forget()

    return lambda: compared(MLPClassifier, forget)


def sklearn() -> Work:
    """Prepare the classifier of scikit-learn."""
    from sklearn.neural_network import MLPClassifier

    return lambda: compared(MLPClassifier)


PEERS = {"chainrule": chainrule, "sklearn": sklearn}
ROUNDS = 3
