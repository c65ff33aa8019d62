"""Writes the modules that are generated from the table of operations.

``python -m autograd.ops.generate`` writes them anew. They are source files in the repository, so that
people, debuggers and type checkers can read them; a test asserts that they are what the table gives.
"""

from __future__ import annotations

from pathlib import Path

from .function_source import functions_module
from .operator_source import constants_module, operators_module

GENERATED = {
    "engine/operators.py": operators_module,
    "engine/operator_constants.py": constants_module,
    "functions/generated.py": functions_module,
}
"""The function that returns the source of each generated file, by the path of the file in the package."""


def write(package: Path = Path(__file__).parent.parent) -> None:
    """Write the generated modules into the folder of a package, the project's own by default."""
    for path, source in GENERATED.items():
        (package / path).write_text(source(), encoding="utf-8")


if __name__ == "__main__":
    write()
