"""Damage files in ways that know their structure, and read each with what reads it.

``python tests/campaigns damaged-files --minutes 10`` prints for each reader how many files it got, how many
of them it read and refused, and each failure with the number of the file, which with the seed makes it again.
A failure is an error that is no ``ValueError`` or ``OSError``, a model that has changed after an error,
something executed or opened besides, a reading of more than 5 s or 200 MiB, and the end of the process.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import conftest  # noqa: F401  # sets the cache of compiled programs
import numpy as np
from damage import damaged
from file_readers import Reader, WrongReaderError, readers

SECONDS, BYTES = 5.0, 200 * 2**20

_FORBIDDEN = {
    *("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen"),
    *("socket.connect", "socket.bind", "ctypes.dlopen", "os.remove", "os.rename", "os.chmod", "os.symlink"),
}
_seen: list[str] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN or (event == "open" and isinstance(args[1], str) and "w" in args[1]):
        _seen.append(f"{event} {str(args)[:200]}")


def _highest(*, reset: bool = False) -> int:
    """Return the largest resident size so far, or begin anew."""
    if reset:
        Path("/proc/self/clear_refs").write_bytes(b"5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def made(reader: Reader, seed: int, number: int) -> bytes:
    """Return a damaged file, the same for the same numbers."""
    rng = random.Random(f"{seed} {number}")
    data = rng.choice(reader.valid)
    if rng.random() < 0.3:
        return damaged(data, rng)
    data = reader.damage(data, rng)
    return damaged(data, rng) if rng.random() < 0.05 else data


def _outcome(reader: Reader, path: Path) -> str:
    """Read a file, and return whether it was read or refused, or what is wrong."""
    before = _highest(reset=True)
    _seen.clear()
    start = time.process_time()
    outcome = "read"
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            reader.read(path)
    except (ValueError, OSError) as error:
        outcome = "refused"
        # NumPy and zipfile say what they wanted; ours name the file as well.
        if not str(error):
            outcome = f"an error without a message: {error!r}"
    # A training that goes on with wrong numbers may end so.
    except FloatingPointError:
        outcome = "refused"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {str(error)[:200]}"
    seconds, size = time.process_time() - start, _highest() - before
    if seconds > SECONDS:
        outcome = f"{seconds:.0f} s"
    elif size > BYTES:
        outcome = f"{size / 2**20:.0f} MiB: {outcome}"
    elif _seen:
        outcome = f"executed or opened: {_seen[0]}"
    return outcome


def _run(reader: Reader, folder: Path, seed: int, numbers: Iterator[int], pipe: int) -> None:
    """Read files, and write what came out to a pipe."""
    sys.addaudithook(_watch)
    for number in numbers:
        path = folder / f"file{reader.suffix}"
        path.write_bytes(made(reader, seed, number))
        os.write(pipe, f"{number}\t".encode())
        # What hangs is ended.
        signal.alarm(120)
        outcome = _outcome(reader, path)
        signal.alarm(0)
        os.write(pipe, (outcome.replace("\n", " ").replace("\t", " ")[:500] + "\n").encode(errors="replace"))


def _in_another_process(
    reader: Reader, folder: Path, seed: int, first: int, until: float, most: int
) -> Iterator[tuple[int, str]]:
    """Yield the outcome of files, which another process reads; after its end in another one again."""
    number = first
    while number < first + most and time.monotonic() < until:
        reads, writes = os.pipe()
        child = os.fork()
        if not child:
            os.close(reads)

            def numbers(start: int = number) -> Iterator[int]:
                for each in range(start, first + most):
                    if time.monotonic() > until:
                        return
                    yield each

            try:
                _run(reader, folder, seed, numbers(), writes)
            except BaseException:
                # A mistake in what damages files, since those of readers are outcomes.
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(writes)
        text = ""
        with open(reads, encoding="utf-8", errors="replace") as stream:
            for text in stream:
                if "\t" in text and text.endswith("\n"):
                    which, _, outcome = text.rstrip("\n").partition("\t")
                    number = int(which) + 1
                    yield int(which), outcome
        _, status = os.waitpid(child, 0)
        if text and not text.endswith("\n"):
            number = int(text.partition("\t")[0]) + 1
            yield number - 1, f"the process ended: status {status}"
        elif status:
            raise WrongReaderError(f"what damages files has failed at file {number}")
        else:
            return


def main(words: list[str]) -> int:
    """Read damaged files, and return the number of kinds of failure."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns damaged-files", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="for all readers together")
    parser.add_argument("--files", type=int, default=10**9, help="for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the files that fail")
    parser.add_argument("readers", nargs="*")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = readers(folder)
        (folder / "plain.csv").write_bytes(known["predicted rows"].valid[0])
        if unknown := {*options.readers} - {*known}:
            parser.error(
                f"there is no reader {', '.join(sorted(unknown))}; expected some of {', '.join(known)}"
            )
        chosen = options.readers or [*known]
        failures = 0
        for which in chosen:
            failures += _campaign(which, known[which], folder, options, 60.0 * options.minutes / len(chosen))
    return failures


def _campaign(which: str, reader: Reader, folder: Path, options: argparse.Namespace, seconds: float) -> int:
    seen: Counter[str] = Counter()
    found: dict[str, list[int]] = {}
    start = time.monotonic()
    outcomes = _in_another_process(reader, folder, options.seed, 0, start + seconds, options.files)
    for number, outcome in outcomes:
        is_right = outcome in ("read", "refused")
        seen[outcome if is_right else "failed"] += 1
        if not is_right:
            found.setdefault(outcome[:80], []).append(number)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                kept = options.keep / f"{which.replace(' ', '-')}-{options.seed}-{number}{reader.suffix}"
                kept.write_bytes(made(reader, options.seed, number))
    print(
        f"== {which}: {sum(seen.values()):,} files, {dict(seen)}, seed {options.seed}, "
        f"{time.monotonic() - start:.0f} s, {len(found)} kinds of failure",
        flush=True,
    )
    for text, numbers in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"-- {len(numbers)} x {text} (files {', '.join(map(str, numbers[:5]))})")
    return len(found)
