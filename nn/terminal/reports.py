"""What is printed of the answers to samples whose targets are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autograd.printable import printable

from ..datasets import Dataset, Preprocessing
from ..metrics import confusion_matrix, mae, predicted_classes, r2, rmse

Outputs = npt.NDArray[np.float64]


def report(which: str, data: Dataset, preprocessing: Preprocessing, outputs: Outputs) -> list[str]:
    """Return lines on the outputs for a data set: accuracy and confusion matrix, or R2 and errors.

    Examples
    --------
    >>> from nn.datasets import xor
    >>> data = xor(4)
    >>> for line in report("held-out", data, Preprocessing.of(data), np.eye(2)[[0, 1, 1, 1]]):
    ...     print(line)
    held-out accuracy 75.0% (3 of 4)
    confusion matrix (rows: true, columns: predicted)
                    same  different
    same               1          1
    different          0          2
    """
    if data.classes:
        return _of_classes(which, data, outputs)
    answers = preprocessing.answers(outputs)
    scores = [measure(answers, data.targets) for measure in (r2, mae, rmse)]
    names = ("R2", "mean absolute error", "root mean squared error")
    shown = ", ".join(f"{name} {score:.4g}" for name, score in zip(names, scores, strict=True))
    return [f"{which} {shown} ({len(data)} samples)"]


def _of_classes(which: str, data: Dataset, outputs: Outputs) -> list[str]:
    predicted = predicted_classes(outputs)
    right = int(np.sum(predicted == data.labels))
    counts = confusion_matrix(predicted, data.labels, len(data.classes))
    classes = [printable(name) for name in data.classes]
    width = max(map(len, classes))
    return [
        f"{which} accuracy {right / len(data):.1%} ({right} of {len(data)})",
        "confusion matrix (rows: true, columns: predicted)",
        " " * width + "".join(f"  {name:>{width}}" for name in classes),
        *(
            f"{name:<{width}}" + "".join(f"  {number:>{width}}" for number in row)
            for name, row in zip(classes, counts, strict=True)
        ),
    ]
