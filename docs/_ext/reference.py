"""The pages of the reference: what `__all__` of each public package names, from its docstrings."""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import autograd.ops.generate  # noqa: F401  # so that `autograd.ops` is complete before names are looked up
from autograd.ops.table import OPS


class Part(NamedTuple):
    """A page of the reference: names of one package that belong together."""

    file: str
    title: str
    package: str
    # The modules that define the names; empty for all that no page before has.
    homes: tuple[str, ...] = ()


PARTS = (
    Part(
        "node",
        "The node: Value",
        "autograd",
        ("autograd.engine", "autograd.functions.arrays", "autograd.functions.value_array"),
    ),
    Part("table", "Rows of the table", "autograd", ("autograd.ops",)),
    Part("functions", "Operations as functions", "autograd", ("autograd.functions",)),
    Part("show", "Seeing the chain rule", "autograd", ("autograd.show",)),
    Part("compile", "Compiling", "autograd", ("autograd.compiler",)),
    Part("transforms", "Derivatives, batches and control flow", "autograd", ("autograd.transforms",)),
    Part("others", "More of autograd", "autograd"),
    Part("autograd.show", "autograd.show: what pictures and reports are", "autograd.show"),
    Part("autograd.compiler", "autograd.compiler: programs and their reports", "autograd.compiler"),
    Part("autograd.studies", "autograd.studies: results of sweeps", "autograd.studies"),
    Part("nn", "nn: models and training", "nn"),
    Part("nn.losses", "nn.losses", "nn.losses"),
    Part("nn.optimizers", "nn.optimizers", "nn.optimizers"),
    Part("nn.schedules", "nn.schedules: learning rates", "nn.optimizers.schedules"),
    Part("nn.activations", "nn.activations", "nn.activations"),
    Part("nn.initializers", "nn.initializers", "nn.initializers"),
    Part("nn.metrics", "nn.metrics", "nn.metrics"),
    Part("nn.datasets", "nn.datasets", "nn.datasets"),
    Part("nn.plots", "nn.plots", "nn.plots"),
    Part("nn.saving", "nn.saving", "nn.saving"),
    Part("nn.export", "nn.export: NumPy, C and ONNX", "nn.export"),
    Part("nn.sklearn", "nn.sklearn: estimators", "nn.sklearn"),
)


def public(package: ModuleType) -> list[str]:
    """Return the public names of a package, without its modules."""
    names = getattr(package, "__all__", None) or [
        name
        for name, item in vars(package).items()
        if not name.startswith("_") and getattr(item, "__module__", None) == package.__name__
    ]
    return [name for name in names if not inspect.ismodule(getattr(package, name))]


def home(package: ModuleType, name: str) -> str:
    """Return the module that defines a name, or the package for a number or an alias."""
    item = getattr(package, name)
    module = getattr(item, "__module__", None)
    return module if isinstance(module, str) and module.startswith(("autograd", "nn")) else package.__name__


def contents() -> Iterator[tuple[Part, list[str]]]:
    """Yield each page with its names; a thing stands on the first page that may have it."""
    taken: set[int] = set()
    for part in PARTS:
        package = importlib.import_module(part.package)
        names = []
        for name in public(package):
            fits = not part.homes or home(package, name).startswith(part.homes)
            if fits and id(getattr(package, name)) not in taken:
                taken.add(id(getattr(package, name)))
                names.append(name)
        if names:
            yield part, sorted(names, key=lambda name: (not name[0].isupper(), name.lower()))


def is_alias(item: object) -> bool:
    """Return whether something is an alias of types, such as ``Callable[..., Value]``."""
    return typing.get_origin(item) is not None


def entry(package: str, name: str) -> list[str]:
    """Return the directive that documents a name."""
    item = getattr(importlib.import_module(package), name)
    if inspect.isclass(item) and item.__module__ != "builtins":
        options = ["   :members:"]
        if name == "Value":
            # Its methods for operations are generated from the table, and so is their page.
            options += ["   :inherited-members:", f"   :exclude-members: {', '.join(sorted(OPS))}"]
        elif package == "nn.sklearn":
            # What scikit-learn puts there cites its own pages.
            options += [f"   :exclude-members: {', '.join(n for n in dir(item) if n.endswith('_request'))}"]
        return [f".. autoclass:: {name}", *options, ""]
    if is_alias(item):
        return [f".. py:data:: {name}", "", "   An alias of types, for annotations.", ""]
    if callable(item):
        return [f".. autofunction:: {name}", ""]
    return [f".. autodata:: {name}", "   :no-value:", ""]


def page(part: Part, names: Iterable[str]) -> str:
    """Return a page in reStructuredText: a table of the names, then each of them."""
    names = list(names)
    lines = [part.title, "=" * len(part.title), ""]
    lines += [f".. currentmodule:: {part.package}", "", ".. autosummary::", ""]
    package = importlib.import_module(part.package)
    lines += [f"   {name}" for name in names if not is_alias(getattr(package, name))] + [""]
    for name in names:
        lines += entry(part.package, name)
    return "\n".join(lines)


def write(folder: Path) -> list[str]:
    """Write the pages that have changed, and return the names of their files."""
    folder.mkdir(exist_ok=True)
    files: dict[str, str] = {f"{part.file}.rst": page(part, names) for part, names in contents()}
    for name, text in files.items():
        target = folder / name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
    for old in set(folder.glob("*.rst")) - {folder / name for name in files}:
        old.unlink()
    return list(files)
