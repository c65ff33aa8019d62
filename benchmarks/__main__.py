"""``python -m benchmarks``: measure, compare the answers, and show the ratios.

``python -m benchmarks accuracy`` measures the errors of values and derivatives instead.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from . import forms, report
from .measure import CASES, Measurement, Places, disagreements, measure


def main() -> int:
    """Run the command; the exit status is 1 if an answer differs."""
    if sys.argv[1:2] == ["accuracy"]:
        # It needs mpmath, and what the tests compare with.
        from .accuracy.command import main as accuracy

        return accuracy(sys.argv[2:])
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
    compiled = parser.add_mutually_exclusive_group()
    compiled.add_argument(
        "--compile", action="store_true", help="compile this checkout first, and measure that form too"
    )
    compiled.add_argument(
        "--compiled",
        type=Path,
        metavar="DIR",
        help="measure the compiled form too, from CHAINRULE_COMPILE=1 pip install --no-deps --target DIR .",
    )
    options = parser.parse_args()
    if options.compiled and (outdated := forms.outdated(options.compiled)):
        parser.error(
            f"expected in {options.compiled} what this checkout compiles to, got another {outdated[0]}; "
            "empty the directory and install into it again"
        )
    with tempfile.TemporaryDirectory() as directory:
        if options.compile:
            options.compiled = Path(directory)
            forms.build(options.compiled)
        return run(options, Places(options.compiled, options.hips_python))


def run(options: argparse.Namespace, places: Places) -> int:
    """Measure the cases and write what the options ask for; return the exit status."""
    results: dict[str, list[Measurement]] = {}
    table: list[report.Row] = []
    failed = False
    for case in options.case or CASES:
        case = case.replace("-", "_")
        results[case] = measure(case, places, options.rounds)
        differing = disagreements(results[case])
        ours = [one for one in results[case] if one.peer in (forms.OURS, forms.COMPILED)]
        failed |= bool(differing) or not all(one.runs for one in ours)
        table += report.rows(case, results[case], differing)
        print(f"{case.replace('_', '-')} done", file=sys.stderr)
        write(options, results, table)
    print(report.text(table))
    if options.plot:
        report.plot(results, options.plot)
    return int(failed)


def write(
    options: argparse.Namespace, results: dict[str, list[Measurement]], table: list[report.Row]
) -> None:
    """Write the files that the options ask for with what was measured so far, since all cases take long."""
    if options.json:
        runs = {case: {one.peer: one.runs for one in found} for case, found in results.items()}
        options.json.write_text(json.dumps(runs, indent=1))
    if options.markdown:
        options.markdown.write_text(report.markdown(table) + "\n")


if __name__ == "__main__":
    sys.exit(main())
