"""The programs that a function keeps: by key, and by what can be told of arguments at a glance."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from itertools import count
from typing import Any

from .arguments.call import Call, Key, form_of
from .arguments.call_examples import CallExample
from .arguments.call_forms import call_form
from .arguments.device_reader import device_reader_of
from .arguments.machine_steps import ReadStep
from .arguments.open_lengths import NONE_OPEN, OpenLengths, fits
from .arguments.reader import Reader, read_nothing, reader_of
from .arguments.reading_steps import steps_of_call
from .arguments.reasons import FIRST, reason
from .arguments.snapshot import Snapshot
from .results import BuiltResults
from .runtime.program import Answer, CompilationReport, Enter, Program

KEPT = 128
"""How many programs a function keeps, which take 0.4 to 1.3 MB each; those not used for longest go first."""

MODELS = 8
"""How many models of the same structure a function reads fast in turns, as those of an ensemble."""

_COMPARED = 8
"""With how many programs that were used last a call is compared that needs another one."""

_FORGOTTEN = 1024
"""Of how many forgotten programs it is known why there is none."""

_CLEARED = "clear_cache() forgot it"


class Ready:
    """What a call needs that is like one before.

    Attributes
    ----------
    read : callable
        Takes the arguments apart, or gives None if they are of another key.
    program : Program
        What computes.
    results : BuiltResults
        What puts the results together.
    key : hashable or None
        What the program is kept by.
    snapshots : tuple of Snapshot
        Of the modules that it reads.
    steps : list of ReadStep or None
        The steps in which machine code takes the arguments apart.
    answer : callable or None
        Does all of it at once in machine code, once there is some.
    entered : callable or None
        What of the program the answer was made with.
    era : object or None
        That of the programs in which it was found or made.
    example : CallExample or None
        What another call of such arguments is made from.
    """

    __slots__ = (
        *("answer", "build", "entered", "era", "example", "key", "program", "read", "results", "snapshots"),
        "steps",
    )

    def __init__(
        self,
        read: Reader,
        program: Program,
        results: BuiltResults,
        key: Key | None,
        snapshots: tuple[Snapshot, ...] = (),
        steps: list[ReadStep] | None = None,
        example: CallExample | None = None,
        era: object = None,
    ) -> None:
        self.era = era
        self.read, self.program, self.build, self.key = read, program, results.build, key
        self.results, self.snapshots, self.steps, self.example = results, snapshots, steps, example
        self.answer: Answer | None = None
        self.entered: Enter | None = None

    def enter(self) -> None:
        """Have machine code read the arguments, and put the results together if it can."""
        self.entered = self.program.enter
        if self.entered is None or self.steps is None:
            return
        answer, build = self.entered(self.steps, self.results.steps), self.build

        def answer_and_build(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            results = answer(args, kwargs)
            return results if results is ... else build(*results)

        self.answer = answer if self.results.steps is not None else answer_and_build

    def reads_others(self, snapshots: Iterable[Snapshot]) -> bool:
        """Return whether it reads modules that are still there, and none that was read again for a call."""
        own = [snapshot.module for snapshot in self.snapshots]
        again = [snapshot.module for snapshot in snapshots]
        return bool(own) and not any(module is None or any(module is it for it in again) for module in own)


NOTHING = Ready(
    read_nothing, Program(str, tuple, CompilationReport(0, 0, 0.0)), BuiltResults(tuple, None), None
)
"""What a function has that was not called yet."""


class KeptPrograms:
    """The programs of a function, and why they were compiled.

    There is no lock, which a fork could hold: each change is of one item, and what is lost when two threads
    change the same one is made again.

    Attributes
    ----------
    compilations : int
        How many programs were compiled, those forgotten since included.
    reason : str
        Why the last one was: what was not as in the calls before.
    era : object
        Another one since each `clear`. A call that began before it, in another thread or around it, must not
        keep what it has traced, or use again what it has found.

    Examples
    --------
    >>> programs, call = KeptPrograms(), Call(abs, (1.0,), {})
    >>> programs.find(call) is None
    True
    >>> programs.keep(call, NOTHING.program, NOTHING.results).key == call.key
    True
    >>> [ready.read((2.0,), {}) for ready in programs.alike((2.0,), {})]
    [(np.float64(2.0),)]
    """

    def __init__(self) -> None:
        self._by_key: dict[Key, tuple[Program, BuiltResults]] = {}
        # Which lengths are open in some programs, those of the last one first.
        self._lengths: dict[OpenLengths, None] = {NONE_OPEN: None}
        # One program may be called with arguments of several forms, such as floats and whole numbers.
        self._by_form: dict[Hashable, tuple[Ready, ...]] = {}
        self._used: dict[Key | None, int] = {}
        self._uses = count(1)
        self._forgotten: dict[int, str] = {}
        self.compilations = 0
        self.reason = ""
        self.era = object()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_key)

    def programs(self) -> list[Program]:
        """Return all of them."""
        return [program for program, _ in list(self._by_key.values())]

    def last_used(self) -> list[Program]:
        """Return all of them, that of the last call first."""
        found = [self._by_key.get(key) for key in self._last_used()]
        # Another thread may have forgotten one in between.
        return [each[0] for each in found if each is not None]

    def why_none(self, call: Call) -> str:
        """Return what of a call is not as in those that have a program."""
        return reason(call, self._last_used()[:_COMPARED])

    def alike(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Ready, ...]:
        """Return those whose arguments look like these at a glance; their readers know."""
        return self._by_form.get(form_of(args, kwargs), ())

    def find(self, call: Call) -> Ready | None:
        """Return the program of a key, with what reads arguments of the form of this call."""
        era = self.era
        for lengths in list(self._lengths):
            if fits(lengths, call.parts):
                key = call.key_for(lengths)
                found = self._by_key.get(key)
                if found is not None:
                    return self._ready(call, key, lengths, *found, era)
        return None

    def _ready(
        self, call: Call, key: Key, lengths: OpenLengths, program: Program, results: BuiltResults, era: object
    ) -> Ready:
        for ready in self.alike(call.args, call.kwargs):
            # A reader knows the modules of one call, as they were then.
            if ready.key == key and not call.snapshots:
                return ready
        return self._with_reader(call, key, lengths, program, results, era)

    def keep(
        self,
        call: Call,
        program: Program,
        results: BuiltResults,
        lengths: OpenLengths = NONE_OPEN,
        since: object = None,
    ) -> Ready:
        """Keep the program of a call, and no more than there is room for, unless its era is over."""
        # Made anew: what the trace has changed in a module, the next call will find changed.
        key = call.key_for(lengths)
        self.reason = self._reason(call, key)
        self.compilations += 1
        self._lengths.setdefault(lengths)
        program.form = call_form(call, lengths, results.structure)
        self._by_key[key] = program, results
        ready = self._with_reader(call, key, lengths, program, results, since or self.era)
        self.use(ready)
        for oldest in self._last_used()[KEPT:]:
            self._forget(oldest, f"it was forgotten: no more than {KEPT} are kept")
        return ready

    def clear(self) -> None:
        """Forget all programs."""
        self.era = object()
        for key in list(self._by_key):
            self._forget(key, _CLEARED)

    def use(self, ready: Ready) -> None:
        """Keep a program for longer than those that were used before."""
        self._used[ready.key] = next(self._uses)

    def _last_used(self) -> list[Key]:
        """Return all keys, that of the last call first."""
        return sorted(self._by_key, key=lambda key: -self._used.get(key, 0))

    def _reason(self, call: Call, key: Key) -> str:
        """Return why a call needs a program."""
        # A key takes as much memory as its model has settings, its hash next to nothing.
        forgotten = self._forgotten.pop(hash(key), None)
        if forgotten is not None or not self.compilations:
            return forgotten or FIRST
        return (
            reason(call, self._last_used()[:_COMPARED]) if self._by_key else "clear_cache() forgot the others"
        )

    def _with_reader(
        self, call: Call, key: Key, lengths: OpenLengths, program: Program, results: BuiltResults, era: object
    ) -> Ready:
        snapshots = tuple(call.snapshots.values())
        if call.devices is None:
            read, steps = reader_of(call, lengths), steps_of_call(call, lengths)
        else:
            read, steps = device_reader_of(call, call.devices, lengths), None
        ready = Ready(read, program, results, key, snapshots, steps, CallExample(call), era)
        # Types of arguments may be made anew for each call, and still lead to the same program.
        if len(self._by_form) > 4 * KEPT:
            self._by_form.clear()
        form = form_of(call.args, call.kwargs)
        alike = self._by_form.get(form, ())
        models = [other for other in alike if other.key == key and other.reads_others(snapshots)]
        others = [other for other in alike if other.key != key]
        self._by_form[form] = (ready, *models[: MODELS - 1], *others)
        # Looked at last, since `clear` forgets what stands there by then.
        if era is not self.era:
            self._forget(key, _CLEARED)
        return ready

    def _forget(self, key: Key, why: str) -> None:
        self._forgotten[hash(key)] = why
        for oldest in [*self._forgotten][:-_FORGOTTEN]:
            self._forgotten.pop(oldest, None)
        for entries in (self._by_key, self._used):
            entries.pop(key, None)
        for form, alike in list(self._by_form.items()):
            others = tuple(ready for ready in alike if ready.key != key)
            if others:
                self._by_form[form] = others
            else:
                self._by_form.pop(form, None)
