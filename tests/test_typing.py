"""A type checker's view of a user's program with the packages installed."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import autograd
import autograd.show
import nn

pytest.importorskip("mypy")

# The type checkers are programs of their own.
pytestmark = pytest.mark.uncounted

PACKAGES = (autograd, autograd.show, nn)

PROGRAM = """
from autograd import Value, check_grads, draw, explain, grad, jit, lint, stepper, vmap
from autograd.show import Drawing, Explanation, LintReport
from nn import MLP, History, fit, losses, optimizers

x = Value(3.0, label="x")
y = x * x + 1.0
y.backward()
drawing: Drawing = draw(y)
drawing.save("graph.svg")
y.draw(depth=2).save("part.svg")
explanation: Explanation = y.explain(x)
print(check_grads(lambda v: v * v, [3.0]))
print(explain(y, x).derivative == explanation.derivative, y.steps()[0].adjoint + x.item())
stepper(y, descend=[x]).save("steps.html")
model = MLP(2, [16, 1])
report: LintReport = lint(y, model)
optimizer = optimizers.Adam(model.parameters(), lr=0.01)
history: History = fit(model, [[1.0, 2.0]], [1.0], loss=losses.mse, optimizer=optimizer)
step = jit(grad(lambda w: w * w))


@jit(static_argnums=1)
def power(x: float, n: int) -> float:
    return x**n


print(power(2.0, 3), power.source)
print(step(3.0), history.loss[-1] + x.data, vmap(grad(lambda w: w * w)))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment in which only the packages are installed."""
    # For packages on its own search path, the checker would read the files in another order.
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (installed,) = folder.glob("lib/python*/site-packages")
    for package in (autograd, nn):
        source = Path(inspect.getfile(package)).parent
        shutil.copytree(source, installed / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def checked(environment: Path, program: str) -> str:
    """Return the output of the strict checker for a program."""
    (environment / "program.py").write_text(program)
    python = environment / "bin" / "python"
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "program.py"]
    run = subprocess.run(command, cwd=environment, capture_output=True, text=True, check=False)
    assert not run.stderr
    return run.stdout


def test_a_program_of_a_user(environment: Path) -> None:
    """A program with the public names passes the strict checker, without and with its cache."""
    for _ in range(2):
        assert checked(environment, PROGRAM) == "Success: no issues found in 1 source file\n"


def test_a_program_of_a_user_in_pyright(environment: Path, tmp_path: Path) -> None:
    """In the strict checker of editors the same program has no unknown types but those of its own lambdas."""
    pytest.importorskip("basedpyright")
    # Of what the packages can use, the user has NumPy alone: without JAX or matplotlib nothing is unknown.
    (tmp_path / "numpy").symlink_to(np.__path__[0])
    (environment / "program.py").write_text(PROGRAM)
    unknown_by_the_user = dict.fromkeys(["reportUnknownLambdaType", "reportUnknownArgumentType"], False)
    paths = {"include": ["program.py"], "extraPaths": [str(tmp_path)]}
    settings = {"typeCheckingMode": "strict", **unknown_by_the_user, **paths}
    (environment / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", str(environment / "bin" / "python")]
    run = subprocess.run(command, cwd=environment, capture_output=True, text=True, check=False)
    assert run.stdout.splitlines()[-1:] == ["0 errors, 0 warnings, 0 notes"], run.stdout + run.stderr


def test_every_public_name(environment: Path) -> None:
    """Each public name has its own type, not that of a module and not Any."""
    names = [f"{package.__name__}.{name}" for package in PACKAGES for name in package.__all__]
    lines = [f"import {package.__name__}" for package in PACKAGES]
    lines += [f"reveal_type({name})" for name in names]
    found = re.findall('Revealed type is "(.*)"', checked(environment, "\n".join(lines)))
    unknown = {name for name, type_ in zip(names, found, strict=True) if type_ == "Any"}
    modules = {name for name, type_ in zip(names, found, strict=True) if "ModuleType" in type_}
    assert unknown == set()
    assert modules == {f"nn.{name}" for name, item in vars(nn).items() if isinstance(item, ModuleType)} & set(
        names
    )


def test_the_types_of_methods(environment: Path) -> None:
    """Operators have types; what the storeys above attach is known, and has types as a function."""
    methods = ["draw()", "explain(x)", "steps()", "exp()", "max(2.0)", "__add__(2.0)", "backward()"]
    lines = ["from autograd import Value", "x = Value(3.0)", *(f"reveal_type(x.{name})" for name in methods)]
    found = re.findall('Revealed type is "(?:.*[.])?(.*)"', checked(environment, "\n".join(lines)))
    assert found == ["Any", "Any", "Any", "Value", "Value", "Value", "None"]


@pytest.mark.parametrize("name", ["autograd.missing", "autograd.show.missing", "nn.missing"])
def test_a_name_that_is_not_there(environment: Path, name: str) -> None:
    """A misspelt name is a type error."""
    package = name.rpartition(".")[0]
    assert 'has no attribute "missing"' in checked(environment, f"import {package}\n{name}\n")
