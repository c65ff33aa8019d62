"""Fail if the tests execute too few lines and branches; list those that no test executes.

``.ci/run`` has counted them. The files of all processes, which ``COVERAGE_FILE`` names, become one.
pyproject.toml says what counts.
"""

import sys

from coverage import Coverage

# Percent of lines and branches together.
LEAST = {"autograd": 96.0, "nn": 98.0}


def main() -> int:
    """Print what no test executes, and return the number of packages of which too little is."""
    counted = Coverage(messages=False)
    counted.combine()
    failures = 0
    for package, least in LEAST.items():
        reached = counted.report(include=[f"{package}/*"])
        print(f"{package}: {reached:.2f}% of lines and branches, {least:g}% wanted\n")
        failures += reached < least
    return failures


if __name__ == "__main__":
    sys.exit(main())
