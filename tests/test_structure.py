from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest
from hypothesis import settings

import autograd

ROOT = Path(autograd.__file__).parent.parent

# Each file imports only from those above it.
ORDER = [
    "autograd.printable",
    "autograd.ops",
    "autograd.rules",
    "autograd.source",
    "autograd.levels",
    "autograd.nonfinite",
    "autograd.tracing",
    "autograd.node",
    "autograd.value",
    "autograd.graph_copies",
    "autograd.apply",
    "autograd.logic",
    "autograd.ufuncs",
    "autograd.value_array",
    "autograd.arrays",
    "autograd.functions",
    "autograd.array_functions",
    "autograd.composite",
    "autograd.variables",
    "autograd.graph",
    "autograd.copies",
    "autograd.trees",
    "autograd.lanes",
    "autograd.batching",
    "autograd.sweeps",
    "autograd.derivatives",
    "autograd.slopes",
    "autograd.check",
    "autograd.formulas",
    "autograd.steps",
    "autograd.paths",
    "autograd.replay",
    "autograd.nudge",
    "autograd.groups",
    "autograd.jit.collector",
    "autograd.jit.tape",
    "autograd.jit.simplify",
    "autograd.jit.batches",
    "autograd.jit.choices",
    "autograd.jit.combine",
    "autograd.jit.colours",
    "autograd.jit.reductions",
    "autograd.jit.views",
    "autograd.jit.layout",
    "autograd.jit.affine",
    "autograd.jit.fusion",
    "autograd.jit.loop_rules",
    "autograd.jit.product_loops",
    "autograd.jit.literals",
    "autograd.jit.numpy_source",
    "autograd.jit.schedule",
    "autograd.jit.interpreter",
    "autograd.jit.numba_source",
    "autograd.jit.identifiers",
    "autograd.jit.program",
    "autograd.jit.cache",
    "autograd.jit.numba_functions",
    "autograd.jit.numba_backend",
    "autograd.jit.numba_interpreter",
    "autograd.jit.background",
    "autograd.jit.compiled",
    "autograd.jit.likeness",
    "autograd.jit.structured",
    "autograd.jit.settings",
    "autograd.jit.static_arguments",
    "autograd.jit.jit",
    "autograd.jit.lambdify",
    "autograd.jit",
    "autograd.files",
    "autograd.show.styles",
    "autograd.show.drawing",
    "autograd.show.unfolded",
    "autograd.show.folded",
    "autograd.show.draw",
    "autograd.show.notation",
    "autograd.show.explain",
    "autograd.show.findings",
    "autograd.show.network",
    "autograd.show.checks",
    "autograd.show.lint",
    "autograd.show.moments",
    "autograd.show.stepper",
    "autograd.show",
    "autograd",
]
GENERATOR = "autograd.generate"
LATE = {
    "autograd": {"autograd.show"},
    "autograd.node": {
        "autograd.apply",
        "autograd.graph_copies",
        "autograd.formulas",
        "autograd.show.draw",
        "autograd.show.explain",
        "autograd.steps",
        "autograd.sweeps",
    },
    "autograd.jit.background": {"autograd.jit.cache", "logging"},
    "autograd.jit.jit": {"autograd.jit.compiled"},
    "autograd.jit.lambdify": {"autograd.jit.compiled"},
    "autograd.jit.numba_functions": {"llvmlite", "numba"},
    "autograd.show.drawing": {"pygraphviz"},
}
CORE = {"numpy", "graphviz"}
LOADED_WHEN_USED = {"graphviz", "matplotlib", "numba", "sklearn", "tqdm", "pygraphviz"}


@cache
def modules(package: str) -> dict[str, Path]:
    """Return the modules of a package by name."""
    paths = sorted((ROOT / package).rglob("*.py"))
    parts = {path: path.relative_to(ROOT).with_suffix("").parts for path in paths}
    return {".".join(p[:-1] if p[-1] == "__init__" else p): path for path, p in parts.items()}


@cache
def imports(name: str, *, late: bool = False) -> frozenset[str]:
    """Return what a module imports: when it is loaded, or late, inside functions."""
    path = modules(name.partition(".")[0])[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        target
        for node, in_function in statements(tree)
        if in_function is late
        for target in targets(node, package)
    )


def statements(tree: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Yield all nodes of a syntax tree and whether each is in a function, without `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node, in_function
        yield from statements(node, in_function or isinstance(node, ast.FunctionDef | ast.Lambda))


def targets(node: ast.AST, package: str) -> Iterator[str]:
    """Yield the modules that a statement imports; those of other distributions by their first name."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = resolve_name("." * node.level + (node.module or ""), package)
        ours = modules(base.partition(".")[0])
        submodules = [f"{base}.{alias.name}" for alias in node.names]
        names = [submodule if submodule in ours else base for submodule in submodules]
    else:
        names = []
    for name in names:
        first = name.partition(".")[0]
        yield name if first in ("autograd", "nn") else first


@pytest.mark.parametrize("name", ORDER)
def test_layers(name: str) -> None:
    """When it is loaded, a file imports only files above it, the core dependencies and Python's own."""
    allowed = set(ORDER[: ORDER.index(name)]) | CORE | sys.stdlib_module_names
    assert imports(name) <= allowed


def test_the_generator_knows_the_table_alone() -> None:
    """The generator writes Value, so it does not import it."""
    assert imports(GENERATOR) <= {"autograd.ops", "autograd.rules"} | sys.stdlib_module_names


def test_the_order_is_complete() -> None:
    """Each file of the package has its place in the order."""
    assert sorted(modules("autograd")) == sorted([*ORDER, GENERATOR])


@pytest.mark.parametrize("name", modules("autograd"))
def test_late_imports(name: str) -> None:
    """Inside functions only those listed import: what lower layers do for them, and what is optional."""
    assert imports(name, late=True) <= LATE.get(name, set())


@pytest.mark.parametrize("name", modules("autograd"))
def test_autograd_does_not_know_nn(name: str) -> None:
    """The engine never imports the networks that are built on it."""
    first_names = {target.partition(".")[0] for late in (False, True) for target in imports(name, late=late)}
    assert "nn" not in first_names


@pytest.mark.parametrize("package", ["autograd", "nn"])
def test_no_cycles(package: str) -> None:
    """No two files of a package need each other to be loaded."""
    graph = {name: imports(name) & modules(package).keys() for name in modules(package)}
    assert set(TopologicalSorter(graph).static_order()) == modules(package).keys()


def test_the_public_names() -> None:
    """Each name of `__all__` is there, once."""
    assert len(set(autograd.__all__)) == len(autograd.__all__)
    assert [name for name in autograd.__all__ if not hasattr(autograd, name)] == []


@pytest.mark.parametrize("name", sorted(autograd.__all__))
def test_documentation(name: str) -> None:
    """Each public class and function has a docstring with examples."""
    item = getattr(autograd, name)
    if callable(item):
        assert "\nExamples\n--------\n>>> " in inspect.getdoc(item)


def test_importing_loads_what_it_needs() -> None:
    """The engine is imported without any optional package, and without those that show graphs."""
    program = "import sys, autograd; print(*{name.partition('.')[0] for name in sys.modules})"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(process.stdout.split())
    assert "numpy" in loaded
    assert not loaded & LOADED_WHEN_USED


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("*.py")), ids=lambda path: path.stem)
def test_one_policy_for_random_tests(path: Path) -> None:
    """How Hypothesis runs is said in ``conftest.py`` alone; a test says only how many examples it wants."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    own = [call for call in calls if ast.unparse(call.func).endswith("settings")]
    words = {word.arg for call in own for word in call.keywords}
    assert words <= {"max_examples"}
    assert path.stem == "conftest" or not [c for c in calls if "profile" in ast.unparse(c.func)]


def test_random_tests_have_no_deadline() -> None:
    """The policy is loaded: no time limit, and no files in the working directory."""
    assert settings.default.deadline is None
    assert settings.default.database is None
