"""An evaluation and a tool, which talk to each other, and what they say."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryFile
from threading import Event, Timer
from typing import IO, Any


@dataclass(frozen=True)
class Command:
    """A program to start: its words, where, and what it finds in its environment."""

    words: Sequence[str]
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class Workload:
    """A function and an input of it, and what a tool made of it.

    Attributes
    ----------
    function, description : str
        What was asked.
    seconds : list of float
        The times of the runs.
    problem : str
        Why the output is not valid; empty if it is.
    """

    function: str
    description: str
    seconds: list[float]
    problem: str = ""

    @property
    def mean(self) -> float:
        """The mean time of a run, the first one with its compilation included: what GradBench counts."""
        return fmean(self.seconds) if self.seconds else nan

    @property
    def later(self) -> float:
        """The median time without the first run, if there are others; other programs add to a mean."""
        return median(self.seconds[1:] or self.seconds) if self.seconds else nan


@dataclass
class Session:
    """A module, evaluated with a tool; `problem` says why it ended early."""

    module: str
    tool: str
    workloads: list[Workload] = field(default_factory=list)
    problem: str = ""

    def note(self, message: dict[str, Any], response: dict[str, Any]) -> None:
        """Add what a message and the response to it say."""
        if message["kind"] == "define" and not response["success"]:
            self.problem = response.get("error", "not implemented")
        elif message["kind"] == "evaluate":
            timings = response.get("timings") or []
            seconds = [each["nanoseconds"] / 1e9 for each in timings if each["name"] == "evaluate"]
            problem = "" if response["success"] else response.get("error", "no success")
            description = message.get("description", str(len(self.workloads)))
            self.workloads.append(Workload(message["function"], description, seconds, problem))
        elif message["kind"] == "analysis" and not message["valid"]:
            self.workloads[-1].problem = message.get("error", "not valid")


def session_from(found: dict[str, Any]) -> Session:
    """Return a session from what `dataclasses.asdict` made of it."""
    return Session(**found | {"workloads": [Workload(**each) for each in found["workloads"]]})


class Program:
    """A running program that reads and writes a message a line."""

    def __init__(self, command: Command, errors: IO[str]) -> None:
        self._errors = errors
        self.process = subprocess.Popen(
            command.words,
            cwd=command.directory,
            env=os.environ | command.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

    def read(self) -> str:
        """Return the next line; an empty one where the program has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def write(self, line: str) -> None:
        """Send a line; a program that has ended is found out when the next line is read."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def end(self) -> str:
        """Kill the program, if it still runs, and return the last line of what it wrote as errors."""
        self.process.kill()
        self.process.communicate()
        self._errors.seek(0)
        return (self._errors.read().splitlines() or [""])[-1]


def stop(*programs: Program) -> None:
    """Kill programs, which ends what is read from them."""
    for program in programs:
        program.process.kill()


def held(module: str, tool: str, evaluation: Command, answering: Command, limit: float) -> Session:
    """Hold a session of at most so many seconds, and return it with all workloads until then."""
    session = Session(module, tool)
    with TemporaryFile(mode="w+") as complaints, TemporaryFile(mode="w+") as our_complaints:
        asking, answerer = Program(evaluation, complaints), Program(answering, our_complaints)
        is_late = Event()

        def give_up() -> None:
            # Noted first: what is stopped may be found out before this thread has ended.
            is_late.set()
            stop(asking, answerer)

        watch = Timer(limit, give_up)
        watch.start()
        is_answered = talk(session, asking, answerer)
        watch.cancel()
        status = asking.process.wait() if is_answered else 0
        ends = {"the evaluation": asking.end(), "the tool": answerer.end()}
    if is_late.is_set():
        session.problem = f"ended after {limit:g} s"
    elif not is_answered or status:
        whose = "the evaluation" if is_answered else "the tool"
        session.problem = f"{whose} failed: {ends[whose]}"
    return session


def talk(session: Session, asking: Program, answerer: Program) -> bool:
    """Pass messages on until there are no more, and return whether the last one was answered."""
    while line := asking.read():
        answerer.write(line)
        response = answerer.read()
        if not response:
            return False
        session.note(json.loads(line), json.loads(response))
        asking.write(response)
    return True
