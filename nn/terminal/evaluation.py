"""``predict`` and ``evaluate``: a model that was saved, and the rows of a file."""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autograd.files import write_whole
from autograd.printable import printable

from ..datasets import Preprocessing
from ..metrics.classification import probabilities_of
from ..modules.module import Module
from ..modules.plain_outputs import plain_outputs
from ..saving import read_model
from .errors import UsageError
from .output_folder import MODEL
from .reports import report


def predict_rows(options: argparse.Namespace) -> int:
    """Print the answer to each row of a file as CSV, or write it into a file."""
    out = options.out
    if out is not None and out.exists() and not options.overwrite:
        raise UsageError(f"--out {out}: is there already; --overwrite replaces it")
    model, preprocessing = _read_saved(options.model)
    inputs = preprocessing.read_inputs(options.file, None if options.no_header else "infer")
    text = _table(preprocessing, _outputs(options.model, model, preprocessing, inputs))
    if out is None:
        print(printable(text, keep="\n"), end="")
    else:
        write_whole(out, text.encode())
    return 0


def evaluate_model(options: argparse.Namespace) -> int:
    """Print how well a model answers the rows of a file, which have the target."""
    model, preprocessing = _read_saved(options.model)
    data = preprocessing.read_csv(options.file, None if options.no_header else "infer")
    outputs = _outputs(options.model, model, preprocessing, preprocessing(data.inputs))
    print(*report(printable(data.name), data, preprocessing, outputs), sep="\n")
    return 0


def _read_saved(path: Path) -> tuple[Module, Preprocessing]:
    """Return a model, and what its inputs go through."""
    file = path / MODEL if path.is_dir() else path
    try:
        saved = read_model(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(str(error)) from None
    if not isinstance(saved.preprocessing, Preprocessing):
        raise UsageError(f"{file}: does not say what its inputs go through; train writes such a file")
    return saved.model, saved.preprocessing


def _outputs(
    path: Path, model: Module, preprocessing: Preprocessing, inputs: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    wanted = len(preprocessing.classes) or 1
    try:
        outputs = plain_outputs(model, inputs)
        if outputs.shape != (len(inputs), wanted):
            raise ValueError(f"it gives outputs of shape {outputs.shape}, expected {(len(inputs), wanted)}")
    # A function of two numbers may stand where one of one belongs.
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path}: the model does not fit its preprocessing: {error}") from None
    return outputs


def _table(preprocessing: Preprocessing, outputs: npt.NDArray[np.float64]) -> str:
    """Return the answers as CSV, for classes with their probability."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    answers = preprocessing.answers(outputs).tolist()
    if not preprocessing.classes:
        rows.writerow([preprocessing.target])
        rows.writerows([f"{answer:.6g}"] for answer in answers)
        return text.getvalue()
    probabilities = probabilities_of(outputs).max(axis=1)
    rows.writerow([preprocessing.target, "probability"])
    rows.writerows((answer, f"{p:.4f}") for answer, p in zip(answers, probabilities, strict=True))
    return text.getvalue()
