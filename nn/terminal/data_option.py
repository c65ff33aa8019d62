"""The data that a training is of."""

from __future__ import annotations

import argparse
import hashlib
import sys
from difflib import get_close_matches
from pathlib import Path

from autograd.printable import printable

from ..datasets import DATASETS, Dataset, read_csv
from .errors import UsageError

_OF_FILES = ("target", "task", "missing", "no_header", "drop", "categorical")


def read_data(options: argparse.Namespace) -> Dataset:
    """Return the data set of the name, or that of the file, and print what was noticed in it.

    Raises
    ------
    UsageError
        For an option of files with a data set that has a name.
    DatasetError
        If the file is wrong.
    """
    if options.data in DATASETS:
        for name in _OF_FILES:
            if getattr(options, name):
                raise UsageError(f"--{name.replace('_', '-')} goes with a CSV file, not with {options.data}")
        return DATASETS[options.data]()
    near = get_close_matches(options.data, DATASETS, n=1)
    if near and not Path(options.data).exists():
        raise UsageError(f"--data {options.data}: there is no such file; did you mean {near[0]}?")
    data = read_csv(
        options.data,
        options.target,
        task=options.task,
        missing=options.missing,
        header=None if options.no_header else "infer",
        drop=options.drop,
        categorical=options.categorical or (),
    )
    if not options.quiet:
        for remark in data.remarks:
            print(f"note: {printable(remark)}", file=sys.stderr)
    return data


def digest(data: Dataset) -> str:
    """Return a text that is another one for other samples."""
    content = hashlib.sha256(repr((data.features, data.classes)).encode())
    content.update(data.inputs.tobytes())
    content.update(data.targets.tobytes())
    return content.hexdigest()
