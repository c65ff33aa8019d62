from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd import Value, as_values
from nn.metrics import accuracy, confusion_matrix, predicted_classes


@pytest.mark.parametrize(
    ("outputs", "classes"),
    [
        ([[0.1, 2.0, 1.0], [3.0, 1.0, 2.0]], [1, 0]),
        ([[1.0, 1.0], [-5.0, -5.0]], [0, 0]),
        ([[0.5], [-0.5], [0.0]], [1, 0, 0]),
        (as_values([[0.1, 2.0], [3.0, 1.0]]), [1, 0]),
        (np.empty((0, 2)), []),
    ],
    ids=["scores", "ties", "single score", "Values", "no samples"],
)
def test_predicted_classes(outputs: Any, classes: list[int]) -> None:
    """The predicted class is the first largest score or, for a single score, whether it is positive."""
    predicted = predicted_classes(outputs)
    assert predicted.dtype == np.int64
    assert predicted.tolist() == classes


@pytest.mark.parametrize(
    "outputs", [[0.1, 2.0], Value(1.0), np.zeros((2, 2, 2))], ids=["1-D", "Value", "3-D"]
)
def test_outputs_of_another_shape(outputs: Any) -> None:
    """Outputs that are not a table raise an error with their shape."""
    with pytest.raises(ValueError, match=r"outputs of shape \(samples, outputs\), got \("):
        predicted_classes(outputs)


@pytest.mark.parametrize(
    ("outputs", "labels", "expected"),
    [
        ([[0.1, 2.0], [3.0, 1.0], [0.0, 1.0], [0.0, 1.0]], [1, 1, 1, 1], 0.75),
        ([[0.5], [-0.5], [2.0]], [1, 0, 0], 2 / 3),
        ([[0.5], [-0.5], [2.0]], [1, -1, -1], 2 / 3),
        (as_values([[0.5], [-0.5]]), np.array([1, 0]), 1.0),
    ],
)
def test_accuracy(outputs: Any, labels: Any, expected: float) -> None:
    """Accuracy is the fraction of right classes; for a single score labels are 0 and 1, or -1 and 1."""
    assert accuracy(outputs, labels) == pytest.approx(expected)


@pytest.mark.parametrize("labels", [[[1], [0], [1]], [1], 1, [1, 0]], ids=str)
def test_labels_of_another_shape(labels: Any) -> None:
    """Labels are not broadcast: any shape other than (samples,) raises."""
    with pytest.raises(ValueError, match="shape"):
        accuracy([[0.5], [-0.5], [2.0]], labels)


def test_confusion_matrix() -> None:
    """Rows are true classes, columns predicted classes; absent classes have zeros."""
    counts = confusion_matrix([0, 1, 1, 0, 0], [0, 1, 0, 0, 3], classes=4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]


def test_confusion_matrix_agrees_with_accuracy() -> None:
    """The rows sum to the class counts, the diagonal to the right predictions."""
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(60, 3)), rng.integers(0, 3, 60)
    counts = confusion_matrix(predicted_classes(scores), labels, 3)
    assert counts.sum(axis=1).tolist() == np.bincount(labels).tolist()
    assert np.trace(counts) / 60 == pytest.approx(accuracy(scores, labels))


@pytest.mark.parametrize(
    ("predicted", "labels"),
    [
        ([0, 1], [-1, 1]),
        ([0, -1], [0, 1]),
        ([0, 1], [0, 2]),
        ([0, 2], [0, 1]),
        ([0, 1], [0]),
        ([0, 1], [[0], [1]]),
    ],
)
def test_confusion_matrix_of_wrong_labels(predicted: Any, labels: Any) -> None:
    """Nonexistent classes and differing numbers of samples raise."""
    with pytest.raises(ValueError, match=r"class|shape"):
        confusion_matrix(predicted, labels, classes=2)
