"""A compiled program, the report of its compilation, and its replacement by a faster backend's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, NamedTuple

from ...show.text.formulas import count
from ..arguments.call_forms import CallForm
from ..arguments.machine_steps import BuildStep, ReadStep

Run = Callable[..., tuple[Any, ...]]
"""A program: from the arguments' arrays to the tuple of results."""

Answer = Callable[[tuple[Any, ...], dict[str, Any]], Any]
"""From the arguments by position and by name to the result, or an ellipsis for other arguments."""

Enter = Callable[[Sequence[ReadStep], "Sequence[BuildStep] | None"], Answer]
"""From the steps that read arguments, and those that put results together, to what does all of it at once.

Without steps for the results, they are a tuple.
"""


class UnsuitableError(Exception):
    """A backend rejects a program; the message says why."""


class NoPatternError(Exception):
    """A program for any number of samples has hardly any arrays to be found."""


class CompilationReport(NamedTuple):
    """What compiling found; it prints as a list.

    Attributes
    ----------
    traced, simplified : int
        Instructions in the trace, and after simplifying it.
    seconds : float
        How long it took until the first call could be answered, the trace included.
    classes, products, reductions, gathers : int
        Arrays that the program has, matrix products, other sums, and operands that follow no rule.
    interpreted : int
        Operations that are interpreted, on arrays or single numbers: of programs of many arrays, or of none.
    backend : str
        What runs it now.
    remark : str
        What another backend does about it: that it compiles, how long that took, or why it does not run it.
    passes : str
        Whether the passes were "run", or what they find was in "memory", on "disk" or in a saved "file".
    compilations : int
        How many programs the function compiled until now.
    reason : str
        Why it compiled the last one of them: what was not as in the calls before.
    """

    traced: int
    simplified: int
    seconds: float
    classes: int = 0
    products: int = 0
    reductions: int = 0
    gathers: int = 0
    interpreted: int = 0
    backend: str = "numpy"
    remark: str = ""
    passes: str = "run"
    compilations: int = 0
    reason: str = ""

    def __repr__(self) -> str:
        parts = [
            count(self.products, "matrix product"),
            count(self.reductions, "other sum"),
            count(self.gathers, "gather"),
        ]
        arrays = f"{count(self.classes, 'array')}: {', '.join(parts)}"
        interpreted = f"{count(self.interpreted, 'operation')} to interpret"
        found = ([arrays] if self.classes else ["no pattern"]) + ([interpreted] if self.interpreted else [])
        kept = {
            "run": "",
            "memory": ", found in memory",
            "disk": ", found on disk",
            "file": ", saved in a file",
        }[self.passes]
        remark = f" ({self.remark})" if self.remark else ""
        last = f"\n{count(self.compilations, 'compilation')}, the last since {self.reason}"
        return (
            f"{count(self.traced, 'operation')} traced, {self.simplified:,} after simplifying\n"
            f"{'; '.join(found)}\n"
            f"compiled in {self.seconds:.2f} s{kept}; runs on the {self.backend} backend{remark}"
        ) + last * bool(self.compilations)


class Program:
    """A compiled program.

    Parameters
    ----------
    write : callable
        Writes its text in NumPy, which runs on its own.
    run : callable
        From the arguments' arrays to the tuple of results.
    report : CompilationReport
        What was found.

    Attributes
    ----------
    plan : callable or None
        Returns the arrays and the results that formulas are written from, if it has arrays.
    has_axes : bool
        Whether it asks its arguments how long they are. If not, each of them has one length, read or not, as
        a table of single numbers has a place for each.
    made_of : tuple or None
        What it was made of: what the passes found, the names of its arguments, their shapes, and those of its
        results.
    form : CallForm or None
        The form of the calls that it answers, once it is kept.
    outline : list
        What the user calls the arrays that it takes.
    fingerprint : str
        That of the tape that it was made of, empty if there is none.
    enter : callable or None
        What makes machine code read the arguments itself, once there is some that does.
    export : callable or None
        Returns it as StableHLO for some platforms, if JAX runs it.

    Examples
    --------
    >>> program = Program(str, lambda x: (x,), CompilationReport(0, 0, 0.0))
    >>> program.expect("numba", lambda: lambda x: (x + 1.0,))
    >>> program.report.remark
    'numba has not begun yet'
    >>> program.improve()
    >>> program.run(1.0), program.report.backend
    ((2.0,), 'numba')
    """

    def __init__(self, write: Callable[[], str], run: Run, report: CompilationReport) -> None:
        self._write = write
        self.run = self._numpy = run
        self.report = report
        self.plan: Callable[[], Any] | None = None
        self.has_axes = True
        self.made_of: tuple[Any, ...] | None = None
        self.form: CallForm | None = None
        self.outline: list[Any] = []
        self.fingerprint = ""
        self.enter: Enter | None = None
        self.export: Callable[[Sequence[str] | None], Any] | None = None
        self.settled = Event()
        self.settled.set()
        self._is_promised = False
        self._backend = ""
        self._make: Callable[[], Run] | None = None

    @property
    def source(self) -> str:
        """Its text in NumPy."""
        return self._write()

    def expect(self, backend: str, make: Callable[[], Run]) -> None:
        """Have a faster backend's program made by a later `improve`, which may be in another thread."""
        self._backend, self._make = backend, make
        self.report = self.report._replace(remark=f"{backend} has not begun yet")
        self.settled.clear()

    def adapt(self, around: Callable[[Run], Run]) -> None:
        """Have what runs it, now and later, get its arguments in another way."""
        self.run = self._numpy = around(self.run)
        if (make := self._make) is not None:
            self._make = lambda: around(make())

    @property
    def is_queued(self) -> bool:
        """Whether a call of `improve` is promised, or there is no need for one."""
        return self._is_promised or self.settled.is_set()

    def queue(self) -> None:
        """Promise a call of `improve`."""
        self.report = self.report._replace(remark=f"{self._backend} is compiling")
        self._is_promised = True

    def wait(self) -> None:
        """Wait until `improve` was called, or is not going to be."""
        # Threads that are not in the child of a fork may have held the lock that waiting takes.
        if not self.settled.is_set():
            self.settled.wait()

    def improve(self) -> None:
        """Make the faster program, and run it from now on. If that fails, the report says why."""
        start, run = time.perf_counter(), self._numpy
        try:
            assert self._make is not None
            run = self._make()
        # Whatever happens in a compiler, there is a program that runs.
        except Exception as error:
            reason = str(error) if isinstance(error, UnsuitableError) else f"{type(error).__name__}: {error}"
            lines = reason.strip().splitlines() or [type(error).__name__]
            self.report = self.report._replace(remark=f"{self._backend} does not run it: {lines[0]}")
        else:
            seconds = time.perf_counter() - start
            self.report = self.report._replace(
                backend=self._backend, remark=f"{seconds:.2f} s more to compile for {self._backend}"
            )
        finally:
            # In place of what measured the runs until now, in either case.
            self.run, self._make = run, None
            self.enter = getattr(run, "entry", None)
            self.settled.set()
