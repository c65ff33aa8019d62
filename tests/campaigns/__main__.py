"""Runs a test that takes too long for the suite: ``python tests/campaigns random-programs --help``.

Such a campaign is a module of this folder with a function ``main``, which takes the words of the command line
and returns the number of failures. What the campaigns found last is in ``docs/trust.md``.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path


def names() -> list[str]:
    """Return what the campaigns are called."""
    files = Path(__file__).parent.glob("[!_]*.py")
    return sorted(file.stem.replace("_", "-") for file in files)


def main(words: list[str]) -> int:
    """Run the campaign that the first word names, with the others as its options."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns", description=__doc__)
    parser.add_argument("campaign", choices=names())
    parser.add_argument("options", nargs=argparse.REMAINDER, help="of the campaign; --help lists them")
    found = parser.parse_args(words)
    # They use what the tests do: the settings of Hypothesis, a cache of their own, the random programs.
    sys.path.insert(1, str(Path(__file__).parent.parent / "compiler"))
    sys.path.insert(1, str(Path(__file__).parent.parent))
    sys.path.insert(1, str(Path(__file__).parent.parent.parent))
    failures: int = import_module(found.campaign.replace("-", "_")).main(found.options)
    return failures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
