"""Check each law on many random programs, without stopping at a failure.

``python tests/campaigns random-programs`` prints, for each law, the number of programs and the seed, and for
each kind of failure its count and a small program that reproduces it.
"""

from __future__ import annotations

import argparse
import os
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import conftest  # noqa: F401  # sets the cache of compiled programs
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption
from programs import Program, Step
from strategies import MANNERS, expressions, is_used, programs
from test_programs import BACKENDS, MANNERS_OF, check_backend, check_modes, check_pytorch, transforms_of


def law(name: str) -> Callable[[Any, Callable[..., Any]], None]:
    """Return the check of a law on a program, which may draw further data."""
    if name == "modes":
        return lambda program, draw: check_modes(program)
    if name == "pytorch":
        return lambda program, draw: check_pytorch(program)

    def on_backend(program: Any, draw: Callable[..., Any]) -> None:
        transform = draw(st.sampled_from(transforms_of(program)))
        check_backend(name, program, transform, draw(st.integers(1, 3)) if "vmap" in transform else 0)

    return on_backend


def signature(error: BaseException) -> str:
    """Return a text that is the same for failures of the same kind."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if "/autograd/" in f.filename or "/nn/" in f.filename
    ]
    where = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "comparison"
    lines = str(error).strip().split("\n")
    # NumPy's summary of what differs: values, or the positions of nan.
    mismatches = [line for line in lines if line.endswith("mismatch:")]
    text = " ".join(mismatches) if isinstance(error, AssertionError) else lines[0][:90]
    return f"{type(error).__name__} at {where} {text}"


def smaller(program: Program) -> Iterator[Program]:
    """Yield programs with fewer results, steps and ways to store the arguments."""
    for result in program.results:
        if len(program.results) > 1:
            yield replace(program, results=(result,))
    for steps in fewer(program.steps, {*program.results}):
        yield replace(program, steps=steps)
    for name in ("parameters", "data"):
        container = getattr(program, name)
        plain = tuple(replace(array, storage="plain") for array in container.arrays)
        if plain != container.arrays:
            yield replace(program, **{name: replace(container, arrays=plain)})


def fewer(steps: tuple[Step, ...], needed: set[int]) -> Iterator[tuple[Step, ...]]:
    """Yield the steps without an unused one, with one replaced by an operand, or with a smaller function."""
    for i, step in enumerate(steps):
        rest = steps[:i] + steps[i + 1 :]
        if step.number not in needed and not is_used(step.number, rest):
            yield rest
        for operand in step.operands:
            if isinstance(operand.source, int) and (step.block or step.word not in ("pos", "array")):
                word = replace(step, word="pos", operands=(operand,), spelling=0, options=(), block=None)
                yield (*steps[:i], word, *steps[i + 1 :])
        if step.block is not None:
            for inner in fewer(step.block.steps, {step.block.result}):
                yield (*steps[:i], replace(step, block=replace(step.block, steps=inner)), *steps[i + 1 :])


def reduced(program: Program, fails: Callable[[Program], str]) -> Program:
    """Return a smaller program with the same kind of failure."""
    wanted, seconds = fails(program), time.perf_counter() + 5.0
    found = True
    while found and time.perf_counter() < seconds:
        found = False
        for candidate in smaller(program):
            if fails(candidate) == wanted:
                program, found = candidate, True
                break
    return program


def run(name: str, count: int, number: int) -> int:
    """Check a law on many programs, print the failures, and return how many kinds there are."""
    found: dict[str, tuple[int, str]] = {}
    seen: Counter[str] = Counter()
    check = law(name)

    @seed(number)
    @settings(max_examples=count)
    @given(programs(manners=MANNERS_OF.get(name, MANNERS)) | expressions(), st.data())
    def every(program: Any, data: Any) -> None:
        drawn: list[Any] = []

        def draw(strategy: Any) -> Any:
            drawn.append(data.draw(strategy))
            return drawn[-1]

        messages = [""]

        def fails(candidate: Program, draw: Any = None) -> str:
            again = iter(drawn)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    check(candidate, draw or (lambda strategy: next(again)))
            except UnsatisfiedAssumption:
                return "too large"
            except Exception as error:
                messages[0] = f"{type(error).__name__}: {str(error)[:700]}"
                return f"{candidate.manner} {drawn[:1]} {signature(error)}"
            return ""

        seen["programs"] += 1
        key = fails(program, draw)
        if key == "too large":
            seen[key] += 1
        elif key:
            times, shown = found.get(key, (0, ""))
            if times < 3:
                small = reduced(program, fails)
                fails(small)
                shorter = f"{drawn} {small!r}{messages[0]}"
                shown = shorter if not shown or len(shorter) < len(shown) else shown
            found[key] = (times + 1, shown)

    start = time.perf_counter()
    every()
    seconds = time.perf_counter() - start
    print(f"== {name}: {dict(seen)}, seed {number}, {seconds:.0f} s, {len(found)} kinds of failure")
    for key, (times, shown) in sorted(found.items(), key=lambda item: -item[1][0]):
        print(f"-- {times} x {key}\n{shown}\n")
    return len(found)


def main(words: list[str]) -> int:
    """Check the laws given on the command line, and return the number of kinds of failure."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns random-programs", description=__doc__)
    laws = [*BACKENDS, "modes", "pytorch"]
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("laws", nargs="*", help=f"of {', '.join(laws)}; all of them by default")
    options = parser.parse_args(words)
    if unknown := {*options.laws} - {*laws}:
        parser.error(f"there is no law {', '.join(sorted(unknown))}; expected some of {', '.join(laws)}")
    print(f"programs are compiled into {os.environ['CHAINRULE_CACHE']}")
    return sum(run(name, options.programs, options.seed) for name in options.laws or laws)
