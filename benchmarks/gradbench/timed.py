"""A function of a module: its input from JSON, its timed runs, and its output for JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any


@dataclass(frozen=True)
class Timed:
    """A function that an evaluation may ask for.

    Attributes
    ----------
    run : callable
        What is timed: from what `prepare` returns to what `present` takes.
    prepare : callable
        From the input, as JSON has it, to the argument of `run`.
    present : callable
        From the result of `run` to what JSON can hold.

    Examples
    --------
    >>> twice = Timed(lambda x: 2.0 * x, prepare=lambda message: message["x"])
    >>> answer = twice.answer({"x": 4, "min_runs": 3, "min_seconds": 0.0})
    >>> answer["output"], [timing["name"] for timing in answer["timings"]]
    (8.0, ['evaluate', 'evaluate', 'evaluate'])
    """

    run: Callable[[Any], Any]
    prepare: Callable[[Any], Any]
    present: Callable[[Any], Any] = float

    def answer(self, message: Any) -> dict[str, Any]:
        """Run as often and as long as the input asks for, at least once, and return the response."""
        asked = message if isinstance(message, dict) else {}
        runs, nanoseconds = asked.get("min_runs", 1), 1e9 * asked.get("min_seconds", 0.0)
        argument = self.prepare(message)
        taken: list[int] = []
        elapsed = 0
        while len(taken) < runs or elapsed < nanoseconds:
            start = perf_counter_ns()
            result = self.run(argument)
            taken.append(perf_counter_ns() - start)
            elapsed += taken[-1]
        timings = [{"name": "evaluate", "nanoseconds": time} for time in taken]
        return {"success": True, "output": self.present(result), "timings": timings}
