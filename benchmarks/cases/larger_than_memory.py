"""An epoch over a file of 10 GB, by the gigabyte, and its peak of memory: MLP 10-16-1, batches of 4,096.

The file is sparse, so that nothing but a system's cache of files is read from: a disk may be slower. Rows are
drawn in a random order, by PyTorch from all that there are, and by chainrule from 128 MiB at a time.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

GIGABYTE = 10**9
LARGE = 10
# Its list of all rows takes 0.5 GB for each GB, and the rows that it has read stay in its memory.
LARGE_FOR_TORCH = 2
INPUTS = 10
BATCH = 4096
LR = 0.001
SEED = 3


def peak() -> float:
    """Return the largest resident memory of this process until now, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


@contextmanager
def table(gigabytes: int, dtype: str) -> Iterator[Any]:
    """Give a file of rows of inputs and a target, mapped to memory."""
    import numpy as np

    row = (INPUTS + 1) * np.dtype(dtype).itemsize
    rows = gigabytes * GIGABYTE // row
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "table.bin"
        with path.open("wb") as file:
            file.truncate(rows * row)
        yield np.memmap(path, dtype, mode="r", shape=(rows, INPUTS + 1))


def by_the_gigabyte(train: Callable[[Any], None], large: int, dtype: str) -> Work:
    """Return the work of an epoch over a file of 1 GB, and over a larger one, which is timed."""

    def work() -> Result:
        figures = {"GB": float(large), "peak MB before": peak()}
        with table(1, dtype) as small:
            train(small)
        figures["after 1 GB"] = peak()
        with table(large, dtype) as rows:
            start = time.perf_counter()
            train(rows)
            seconds = (time.perf_counter() - start) / large
        figures[f"after {large} GB"] = peak()
        figures["rows/s"] = len(rows) / large / seconds
        return Result([], figures=figures, seconds=seconds)

    return work


def chainrule(dtype: str) -> Callable[[], Work]:
    """Return the preparation of chainrule's `fit`, for numbers of a type in the file."""

    def prepare() -> Work:
        import nn

        def train(rows: Any) -> None:
            model = nn.MLP(INPUTS, [16, 1], rng=SEED)
            nn.fit(
                model,
                rows[:, :INPUTS],
                rows[:, INPUTS],
                loss="mse",
                optimizer=nn.optimizers.Adam(model, lr=LR),
                epochs=1,
                batch_size=BATCH,
                rng=SEED,
                verbose=0,
            )

        return by_the_gigabyte(train, LARGE, dtype)

    return prepare


def torch() -> Work:
    """Prepare PyTorch: a loader that takes the rows of a batch at once, and one thread."""
    import torch
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler

    torch.set_num_threads(1)

    def train(rows: Any) -> None:
        torch.manual_seed(SEED)
        layers = torch.nn.Linear(INPUTS, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1)
        model = torch.nn.Sequential(*layers).double()
        optimizer = torch.optim.Adam(model.parameters(), lr=LR)
        sampler = BatchSampler(RandomSampler(rows), BATCH, drop_last=False)
        for batch in DataLoader(rows, sampler=sampler, batch_size=None):
            loss = torch.nn.functional.mse_loss(model(batch[:, :INPUTS])[:, 0], batch[:, INPUTS])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return by_the_gigabyte(train, LARGE_FOR_TORCH, "float64")


PEERS = {"chainrule": chainrule("float64"), "chainrule-float32": chainrule("float32"), "torch": torch}
ROUNDS = 1
