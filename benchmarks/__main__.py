"""``python -m benchmarks``: measure, compare the answers, and show the ratios."""

import argparse
import json
import sys
from pathlib import Path

from . import report
from .measure import CASES, disagreements, measure


def main() -> int:
    """Run the command; the exit status is 1 if an answer differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [case.replace("_", "-") for case in CASES]
    parser.add_argument("--case", action="append", choices=names, help="only this case; may be repeated")
    parser.add_argument("--rounds", type=int, help="runs of each peer (default: the case's own number)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all runs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="write a chart of the ratios")
    parser.add_argument(
        "--hips-python", metavar="PYTHON", help="an interpreter with HIPS autograd, whose import name is ours"
    )
    options = parser.parse_args()
    results, table, failed = {}, [], False
    for name in options.case or names:
        case = name.replace("-", "_")
        results[case] = measure(case, options.hips_python, options.rounds)
        differing = disagreements(results[case])
        failed |= bool(differing) or not results[case][0].runs
        table += report.rows(case, results[case], differing)
        print(f"{name} done", file=sys.stderr)
    print(report.text(table))
    if options.json:
        runs = {case: {one.peer: one.runs for one in found} for case, found in results.items()}
        options.json.write_text(json.dumps(runs, indent=1))
    if options.markdown:
        options.markdown.write_text(report.markdown(table) + "\n")
    if options.plot:
        report.plot(results, options.plot)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
