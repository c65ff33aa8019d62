from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.util import resolve_name
from pathlib import Path

import pytest
from hypothesis import settings

import autograd
import nn
from autograd import Value

ROOT = Path(autograd.__file__).parent.parent

# The layers from the bottom up: each folder may import from itself and from those before it in this list.
ROOMS = [
    "autograd.ops",
    "autograd.engine",
    "autograd.functions",
    "autograd.transforms",
    "autograd.show.text",
    "autograd.show.picture",
    "autograd.show.stepping",
    "autograd.show.linting",
    "autograd.show.exercises",
    "autograd.show",
    "autograd.compiler.arguments",
    "autograd.compiler.trace",
    "autograd.compiler.passes",
    "autograd.compiler.arrays",
    "autograd.compiler.table",
    "autograd.compiler.runtime",
    "autograd.compiler.numpy",
    "autograd.compiler.latex",
    "autograd.compiler.jax",
    "autograd.compiler.numba",
    "autograd.compiler.c",
    "autograd.compiler",
    "autograd.studies",
    "autograd",
]
# Those of `nn`, likewise: folders, and files that stand beside them.
NN_ROOMS = [
    "nn.lookup",
    "nn.randomness",
    "nn.assignment",
    "nn.activations",
    "nn.initializers",
    "nn.modules",
    "nn.metrics",
    "nn.losses",
    "nn.optimizers",
    "nn.datasets",
    "nn.plots",
    "nn.saving",
    "nn.training",
    "nn.export",
    "nn.sklearn",
    "nn.terminal",
    "nn.__main__",
]
# Modules that are independent of the engine, and may be imported by every layer.
GROUND = {
    "autograd.c_language",
    "autograd.files",
    "autograd.installation",
    "autograd.printable",
    "autograd.progress",
    "autograd.quiet",
    "autograd.tables",
}
# The packages that users import from.
PUBLIC = {"autograd", "autograd.show"}
CORE = {"numpy", "graphviz"}
OPTIONAL = {"cloudpickle", "jax", "matplotlib", "numba", "sklearn", "tqdm", "pygraphviz", "scipy", "sympy"}
LOADED_WHEN_USED = {"graphviz", *OPTIONAL}


@cache
def modules(package: str) -> dict[str, Path]:
    """Return the modules of a package by name."""
    paths = sorted((ROOT / package).rglob("*.py"))
    parts = {path: path.relative_to(ROOT).with_suffix("").parts for path in paths}
    return {".".join(p[:-1] if p[-1] == "__init__" else p): path for path, p in parts.items()}


def imports(name: str, *, late: bool = False, types: bool = False) -> frozenset[str]:
    """Return the imports of a module: on loading or, if `late`, in functions; with `types` for types too."""
    return all_imports(name)[late, types]


@cache
def all_imports(name: str) -> dict[tuple[bool, bool], frozenset[str]]:
    """Return the imports of a module of each kind, of one reading."""
    path = modules(name.partition(".")[0])[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: dict[tuple[bool, bool], set[str]] = {}
    for types in (False, True):
        for late in (False, True):
            found[late, types] = set()
        for node, in_function in statements(tree, types):
            found[in_function, types].update(targets(node, package))
    return {kind: frozenset(names) for kind, names in found.items()}


def loaded_by_name(package: str) -> frozenset[str]:
    """Return the modules that a package loads when one of its public names is first used."""
    homes = getattr(import_module(package), "_HOME", {}) if package in PUBLIC else {}
    return frozenset(resolve_name(home, package) for home in homes.values())


def statements(tree: ast.AST, types: bool, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Yield the nodes of a syntax tree, and whether each is in a function; with `types`, all of them."""
    for node in ast.iter_child_nodes(tree):
        if not types and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node, in_function
        yield from statements(node, types, in_function or isinstance(node, ast.FunctionDef | ast.Lambda))


def targets(node: ast.AST, package: str) -> Iterator[str]:
    """Yield the modules that a statement imports."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = resolve_name("." * node.level + (node.module or ""), package)
        ours = modules(base.partition(".")[0])
        submodules = [f"{base}.{alias.name}" for alias in node.names]
        names = [submodule if submodule in ours else base for submodule in submodules]
    else:
        names = []
    yield from names


def room(name: str) -> str:
    """Return the folder that a module is in, as a package."""
    return name if modules("autograd")[name].name == "__init__.py" else name.rpartition(".")[0]


def nn_room(name: str) -> str:
    """Return the folder of `nn` that a module is in, or the module that stands beside them."""
    return ".".join(name.split(".")[:2])


def is_ours(name: str) -> bool:
    """Return whether a module belongs to the engine."""
    return name.partition(".")[0] == "autograd"


@cache
def loaded() -> frozenset[str]:
    """Return the modules that `import autograd` loads."""
    program = "import sys, autograd; print(*sys.modules)"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return frozenset(process.stdout.split())


# What holds for each of 350 files is one test, which names those that break it: 1,400 tests took pytest 4 s.
def test_arrows_run_down() -> None:
    """A file imports only from its folder, lower ones and `GROUND`, also in functions and for types."""
    up = {}
    for name in modules("autograd"):
        found = imports(name, types=True) | imports(name, late=True, types=True) | loaded_by_name(name)
        below = [] if name in GROUND else [*GROUND, *ROOMS[: ROOMS.index(room(name)) + 1]]
        up[name] = {t for t in found if is_ours(t) and (t if t in GROUND else room(t)) not in below}
    assert {name: targets for name, targets in up.items() if targets} == {}


def test_arrows_of_nn_run_down() -> None:
    """A file of `nn` imports only from its folder and lower ones, also in functions."""
    up = {}
    for name in modules("nn").keys() - {"nn"}:
        targets = {target for target in imports(name) | imports(name, late=True) if target.startswith("nn.")}
        below = NN_ROOMS[: NN_ROOMS.index(nn_room(name)) + 1]
        up[name] = {target for target in targets if nn_room(target) not in below}
    assert {name: targets for name, targets in up.items() if targets} == {}


def test_dependencies() -> None:
    """At load time a file only needs the core dependencies and the standard library."""
    others = {
        name: {target.partition(".")[0] for target in imports(name) if not is_ours(target)}
        for name in modules("autograd")
    }
    allowed = CORE | sys.stdlib_module_names
    assert {name: found - allowed for name, found in others.items() if found - allowed} == {}


def test_imports_inside_functions() -> None:
    """A function imports only heavy or optional modules, which `import autograd` does not load."""
    light = {name: imports(name, late=True) & loaded() for name in modules("autograd")}
    assert {name: found for name, found in light.items() if found} == {}


def test_the_rooms_are_the_folders() -> None:
    """Each folder of the package is in the list of layers."""
    assert sorted(set(map(room, modules("autograd")))) == sorted(ROOMS)


def test_the_node_fits_on_slides() -> None:
    """The hand-written file of the node and its backward sweep is short."""
    assert len(modules("autograd")["autograd.engine.value"].read_text().splitlines()) < 250


def test_the_storeys_above_attach_what_the_node_declares() -> None:
    """Each method that `Value` declares without a body is attached when `autograd` is imported."""
    declared = [name for name, kind in Value.__annotations__.items() if kind.startswith("ClassVar")]
    assert {"draw", "explain", "steps"} < set(declared)
    assert all(callable(getattr(Value, name)) for name in declared)


def test_the_generator_knows_the_table_alone() -> None:
    """The generator does not import the operators, which it writes."""
    files = [name for name in modules("autograd") if room(name) == "autograd.ops"]
    targets = {target for name in files for target in imports(name) if is_ours(target)}
    assert set(map(room, targets - GROUND)) == {"autograd.ops"}


def test_one_class_of_a_name() -> None:
    """A name stands for one class in the whole project."""
    paths = [path for package in ("autograd", "nn") for path in modules(package).values()]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    names = Counter(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_module_hides_behind_a_function() -> None:
    """No module has the name of a public function, which would hide it in the package."""
    public = {*autograd.__all__, *(name for name in nn.__all__ if not inspect.ismodule(getattr(nn, name)))}
    names = {name.rpartition(".")[2] for package in ("autograd", "nn") for name in modules(package)}
    assert names & public == set()


def test_autograd_does_not_know_nn() -> None:
    """`autograd` never imports `nn`, which is built on it."""
    for name in modules("autograd"):
        found = {target.partition(".")[0] for late in (False, True) for target in imports(name, late=late)}
        assert "nn" not in found, name


@pytest.mark.parametrize("name", modules("nn"))
def test_nn_uses_public_names(name: str) -> None:
    """`nn` imports only public names of `autograd`, and modules of `GROUND`."""
    tree = ast.parse(modules("nn")[name].read_text(encoding="utf-8"))
    found = [
        node for node, _ in statements(tree, types=True) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    for node in found:
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names if is_ours(alias.name)} <= {"autograd"}
        elif node.module is not None and is_ours(node.module) and node.module not in GROUND:
            assert node.module in PUBLIC
            assert {alias.name for alias in node.names} <= set(import_module(node.module).__all__)


@pytest.mark.parametrize("package", ["autograd", "nn"])
def test_no_cycles(package: str) -> None:
    """Load-time imports within a package have no cycles."""
    graph = {name: imports(name) & modules(package).keys() for name in modules(package)}
    assert set(TopologicalSorter(graph).static_order()) == modules(package).keys()


def test_the_public_names() -> None:
    """Each name of `__all__` exists and is listed once."""
    assert len(set(autograd.__all__)) == len(autograd.__all__)
    assert [name for name in autograd.__all__ if not hasattr(autograd, name)] == []


@pytest.mark.parametrize("name", sorted(autograd.__all__))
def test_documentation(name: str) -> None:
    """Each public class and function has a docstring with examples."""
    item = getattr(autograd, name)
    if callable(item):
        assert "\nExamples\n--------\n>>> " in (inspect.getdoc(item) or "")


def test_importing_loads_what_it_needs() -> None:
    """`import autograd` loads no optional package, and nothing that shows graphs or compiles them."""
    first_names = {name.partition(".")[0] for name in loaded()}
    assert "numpy" in first_names
    assert not first_names & LOADED_WHEN_USED
    assert not [name for name in loaded() if name.startswith(("autograd.compiler", "autograd.show.picture"))]


def test_names_that_are_loaded_when_used() -> None:
    """All public names are listed, also those that are loaded when first used, and no other one is found."""
    assert set(autograd.__all__) <= set(dir(autograd))
    assert autograd.jit is autograd.jit
    with pytest.raises(AttributeError, match=r"module 'autograd' has no attribute 'jitt'"):
        getattr(autograd, "jitt")  # noqa: B009, as a type checker knows that it is not there


@pytest.mark.parametrize("package", ["autograd", "nn"])
def test_errors_of_floating_point_are_set_in_one_place(package: str) -> None:
    """What NumPy does at such errors is changed by `autograd.quiet` alone, which Ctrl-C leaves as it was."""
    setters = {"np.errstate", "np.seterr", "np.seterrcall"}
    found = {
        name
        for name, path in modules(package).items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in setters
    }
    assert found - {"autograd.quiet"} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.stem)
def test_one_policy_for_random_tests(path: Path) -> None:
    """Hypothesis is configured only in ``conftest.py``; a test only sets its number of examples."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    own = [call for call in calls if ast.unparse(call.func).endswith("settings")]
    words = {word.arg for call in own for word in call.keywords}
    assert words <= {"max_examples"}
    assert path.stem == "conftest" or not [c for c in calls if "profile" in ast.unparse(c.func)]


def test_random_tests_have_no_deadline() -> None:
    """The Hypothesis profile is active: no deadline, and no files in the working directory."""
    assert settings.default is not None
    assert settings.default.deadline is None
    assert settings.default.database is None
