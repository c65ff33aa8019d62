"""Showing the progress of a loop."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from time import monotonic

# Of a loop of hours, a file of its output is to hold some hundred lines.
_SECONDS = 5.0

# A bar moves as fast as one can read.
_BLINK = 0.2


class Progress:
    """The steps of a loop, with their progress on standard error.

    In a terminal or a notebook it is a bar, if tqdm is installed. Elsewhere, as in the log of a job, it is a
    line every five seconds, and one for the last step.

    Parameters
    ----------
    steps : range
        The steps.
    shown : bool
        Whether to show the progress.
    unit : str
        What a step is called.

    Examples
    --------
    >>> list(Progress(range(3), shown=False))
    [0, 1, 2]
    """

    def __init__(self, steps: range, shown: bool = True, unit: str = "epoch") -> None:
        self._steps = steps
        self._shown = shown
        self._unit = unit
        self._state: object = ""
        self._last, self._pause = 0.0, _SECONDS
        self._show_within: Callable[[str], object] = str

    def __iter__(self) -> Iterator[int]:
        if not self._shown:
            yield from self._steps
        elif find_spec("tqdm") is not None and _is_seen():
            yield from self._bar()
        else:
            yield from self._lines()

    def describe(self, state: object) -> None:
        """Set what is shown beside the steps; it is formatted only when it is shown."""
        self._state = state

    def within(self, state: Callable[[], str]) -> None:
        """Show how far a step is that takes long, if it is time to; it is formatted only when it is shown."""
        if self._shown and monotonic() - self._last >= self._pause:
            self._show_within(state())
            self._last = monotonic()

    def _bar(self) -> Iterator[int]:
        with warnings.catch_warnings():
            # In a notebook without ipywidgets it says so, and shows the bar as text.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm

        done, total = self._steps.start, self._steps.stop
        with tqdm(total=total, initial=done, unit=self._unit, dynamic_ncols=True) as bar:
            self._pause, self._show_within = _BLINK, bar.set_postfix_str
            for step in self._steps:
                yield step
                bar.set_postfix_str(str(self._state), refresh=False)
                bar.update()

    def _lines(self) -> Iterator[int]:
        self._last, shown = monotonic(), self._steps.start
        done = shown
        self._show_within = lambda state: self._print_line(done + 1, state)
        try:
            for step in self._steps:
                yield step
                done, now = step + 1, monotonic()
                if now - self._last >= self._pause:
                    self._last, shown = now, done
                    self._print_line(done, str(self._state))
        finally:
            # A loop may end before its last step.
            if shown < done:
                self._print_line(done, str(self._state))

    def _print_line(self, done: int, state: str) -> None:
        print(f"{self._unit} {done}/{self._steps.stop}" + f": {state}" * bool(state), file=sys.stderr)


def _is_seen() -> bool:
    """Return whether somebody watches: a terminal, or a notebook, whose kernel has loaded IPython."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
