"""The recipe for an operation in CONTRIBUTING.md, followed literally in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def blocks() -> list[str]:
    """Return the blocks that the recipe adds to files."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipe = text.partition("## Add an operation")[2].partition("\n## ")[0]
    return re.findall(r"```text\n(.*?) *```", recipe, re.DOTALL)


def put(file: Path, before: str, block: str) -> None:
    """Insert a block into a file before a text that occurs once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, block + before), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project after following the recipe."""
    for folder in ("autograd", "nn", "tests", "benchmarks"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    # What the tests of special values import.
    shutil.copytree(ROOT / "docs" / "_ext", tmp_path / "docs" / "_ext")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    # The project may be read-only; its copy must be writable.
    for path in tmp_path.rglob("*"):
        path.chmod(0o755)
    row, oracle = blocks()
    put(tmp_path / "autograd" / "ops" / "table.py", ")  # fmt: skip\n\nOPS: ", row)
    put(tmp_path / "tests" / "oracles.py", '    "tanh": Oracle(', oracle)
    run(tmp_path, "-m", "autograd.ops.generate")
    return tmp_path


def run(project: Path, *command: str) -> str:
    """Run Python in the copy, and return its output."""
    environment = {**os.environ, "PYTHONPATH": str(project), "CHAINRULE_CACHE": str(project / "cache")}
    # Of the pytest around it, which its own would miss.
    environment.pop("PYTEST_CURRENT_TEST", None)
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=environment, cwd=project, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_operation_is_a_row_and_what_it_is_compared_with(project: Path) -> None:
    """The new row passes the tests of all rows, and works everywhere."""
    pytest.importorskip("torch")
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/ops"]
    assert " passed" in run(project, *tests, "-k", "softsign or every_row")
    program = """
import numpy as np
from autograd import Value, grad, jit, softsign
x = Value(-3.0, "x")
print(x.softsign().data, grad(grad(softsign))(1.0), softsign(x), jit(softsign)(np.array([3.0, 1.0])))
"""
    assert run(project, "-c", program) == "-0.75 -0.25 softsign(x) = -0.75 [0.75 0.5 ]\n"


def test_the_overflowing_rule_is_found(project: Path) -> None:
    """The rule that the recipe warns about fails in the test that it names."""
    pytest.importorskip("torch")
    table = project / "autograd" / "ops" / "table.py"
    naive = table.read_text(encoding="utf-8").replace(
        "1.0 / (1.0 + abs(x)) / (1.0 + abs(x))", "1.0 / pow(1.0 + abs(x), 2.0)"
    )
    table.write_text(naive, encoding="utf-8")
    run(project, "-m", "autograd.ops.generate")
    with pytest.raises(AssertionError, match=r"test_rows\[softsign\]"):
        run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/ops", "-k", "softsign")
