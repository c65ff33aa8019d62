"""Showing the progress of a loop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec


class Progress:
    """The steps of a loop, with their progress on standard error: a bar if tqdm is installed, else ten lines.

    Parameters
    ----------
    steps : int
        The number of steps.
    shown : bool
        Whether to show the progress.

    Examples
    --------
    >>> list(Progress(3, shown=False))
    [0, 1, 2]
    """

    def __init__(self, steps: int, shown: bool = True) -> None:
        self._steps = steps
        self._shown = shown
        self._state: object = ""

    def __iter__(self) -> Iterator[int]:
        if not self._shown:
            yield from range(self._steps)
        elif find_spec("tqdm") is not None:
            yield from self._bar()
        else:
            yield from self._lines()

    def describe(self, state: object) -> None:
        """Set what is shown beside the steps; it is formatted only when it is shown."""
        self._state = state

    def _bar(self) -> Iterator[int]:
        from tqdm import tqdm

        with tqdm(total=self._steps, unit="epoch", dynamic_ncols=True) as bar:
            for step in range(self._steps):
                yield step
                bar.set_postfix_str(str(self._state), refresh=False)
                bar.update()

    def _lines(self) -> Iterator[int]:
        for step in range(self._steps):
            yield step
            tenths_before, tenths_now = step * 10 // self._steps, (step + 1) * 10 // self._steps
            if tenths_now > tenths_before:
                print(f"epoch {step + 1}/{self._steps}: {self._state}", file=sys.stderr)
