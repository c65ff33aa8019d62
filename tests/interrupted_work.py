"""Work that Ctrl-C may interrupt anywhere, and what has to hold afterwards."""

from __future__ import annotations

import contextvars
import json
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autograd
import nn
from autograd import Value, custom_vjp, grad, hessian, jit, jvp, scan, stepper, vmap, while_loop
from autograd.compiler import findings
from autograd.compiler.runtime import background, cache, records
from autograd.engine.levels import open_scopes
from autograd.engine.sweep_lock import sweep_lock
from autograd.studies.results_file import ResultsFile


class Trial(NamedTuple):
    """Work that is interrupted, and what comes after it.

    Attributes
    ----------
    run : callable
        The work, which may raise KeyboardInterrupt.
    again : callable
        The same work with the same objects, to its end; it returns numbers.
    check : callable
        Fails if the work was left half done.
    """

    run: Callable[[], object]
    again: Callable[[], object]
    check: Callable[[], None] = lambda: None


class Anywhere:
    """All files but those of the tests, as a container."""

    def __contains__(self, name: object) -> bool:
        return not str(name).startswith(_TESTS)


_TESTS = str(Path(__file__).parent)


# ------------------------------------------------------------------------------------------------- the work


def _doubled(x: Any) -> Any:
    return x * 2.0


clipped = custom_vjp(_doubled)
clipped.defvjp(lambda x: (x * 2.0, None), lambda _, adjoint: (adjoint * 3.0,))


def many_kinds(x: Any) -> Any:
    """Return a number by operations of every kind: n-ary, with rules of their own, loops."""
    total, _ = scan(lambda carry, each: (carry * 0.5 + each, None), 0.0, x)
    halved = while_loop(lambda c: c > 1.0, lambda c: c * 0.5, x[0] * 10.0)
    return autograd.sum([clipped(x[1]) * x[2], total, halved * x[1], autograd.max(x[1], x[2])]) ** 2


X = np.array([0.7, 1.3, 2.1])


def of_backward(folder: Path, *, create_graph: bool = False) -> Trial:
    """Sweep over a graph."""
    leaves = autograd.as_values(X)
    out = many_kinds(leaves)

    def gradients() -> list[float]:
        return [float(leaf.grad) for leaf in leaves]

    def sweep() -> list[float]:
        out.backward(create_graph=create_graph)
        return gradients()

    def again() -> list[float]:
        for leaf in leaves:
            leaf.grad = None
        return sweep()

    def check() -> None:
        found = gradients()
        assert found == [0.0] * 3 or found == again(), found

    return Trial(sweep, again, check)


def of_graph_gradients(folder: Path) -> Trial:
    """Sweep over a graph, for gradients that are graphs."""
    return of_backward(folder, create_graph=True)


def of_derivatives(folder: Path) -> Trial:
    """Differentiate in every way."""

    def work() -> object:
        return [
            grad(many_kinds)(X),
            jvp(many_kinds, (X,), (X,)),
            hessian(lambda x: autograd.sum(x * x * x[0]))(X),
            vmap(grad(lambda x: autograd.exp(x) * x))(X),
            grad(lambda x: grad(lambda y: y**3 * x)(x))(2.0),
        ]

    return Trial(work, work)


def _loss(model: Any, x: Any, scale: Any) -> Any:
    return autograd.sum([model(row) * scale["a"] for row in x])


def of_first_calls(folder: Path) -> Trial:
    """Trace and compile."""
    findings.forget()
    compiled = jit(grad(many_kinds), "numpy")
    batch = jit(vmap(lambda x: autograd.exp(-x) * x), "numpy")

    def work() -> object:
        return [compiled(X), batch(X), batch(np.ones(5)), compiled(X)]

    return Trial(work, work)


def of_first_calls_with_numba(folder: Path) -> Trial:
    """Trace, wait for Numba, and call its program."""
    compiled = jit(lambda x: autograd.exp(x) * x, "numba")

    def work() -> object:
        first = compiled(X)
        compiled.wait()
        return [first, compiled(X), compiled(2.0)]

    def again() -> object:
        work()
        compiled.wait()
        assert compiled.report().backend == "numba", compiled.report()
        return [compiled(X), compiled(2.0)]

    return Trial(work, again)


_MODEL = nn.MLP(2, [3, 1], rng=0)
_COMPILED = jit(lambda model, x, scale: _loss(model, x, scale), "numpy")


def of_calls(folder: Path) -> Trial:
    """Call what is compiled, in several forms by turns."""
    x = np.arange(6.0).reshape(3, 2)

    def work() -> object:
        results = [
            _COMPILED(_MODEL, x, {"a": 2.0}),
            _COMPILED(_MODEL, x[:2], {"a": 2}),
            _COMPILED(_MODEL, x.tolist(), {"a": np.float64(3.0)}),
        ]
        return [*results, _COMPILED.report().compilations]

    def again() -> object:
        return work()[:3]  # type: ignore[index]

    return Trial(work, again)


def of_training(folder: Path, *, compiled: bool) -> Trial:
    """Train, with a checkpoint after each epoch."""
    x = np.linspace(-1.0, 1.0, 12).reshape(6, 2)
    path = folder / "run.npz"
    made: list[Any] = []

    def train(**options: Any) -> Any:
        model = nn.MLP(2, [2, 1], rng=0)
        made[:] = [model]
        more = {"metrics": "mae", "validation_data": (x, x[:, 0]), "verbose": 0, "jit": compiled, "rng": 0}
        return nn.fit(
            model, x, x[:, 0], loss="mse", optimizer="adam", epochs=3, batch_size=4, **{**more, **options}
        )

    def work() -> object:
        history = train(checkpoint=path)
        made.append(history)
        return history

    def check() -> None:
        if len(made) > 1:
            lengths = {len(column) for column in made[1].columns().values()}
            assert len(lengths) <= 1, made[1].columns()
        if path.exists():
            rest = train(resume=path)
            assert len(rest.loss) == 3

    def again() -> object:
        # What is written next to it removes what a killed process has left.
        history = train(checkpoint=path)
        return [history.columns(), [p.data for p in made[0].parameters()]]

    return Trial(work, again, check)


def of_eager_training(folder: Path) -> Trial:
    """Train by eager steps."""
    return of_training(folder, compiled=False)


def of_compiled_training(folder: Path) -> Trial:
    """Train by compiled steps."""
    return of_training(folder, compiled=True)


_SAVED = jit(lambda x: x * 2.0 + 1.0, "numpy")


def of_saving(folder: Path) -> Trial:
    """Save a model, a compiled function, a page and C."""
    _SAVED(X)
    out = (Value(2.0, label="x") * 3.0).tanh()
    writers: dict[str, Callable[[Path], object]] = {
        "model.npz": lambda path: nn.save(_MODEL, path),
        "f.program": _SAVED.save,
        "page.html": stepper(out).save,
        "f.c": lambda path: _SAVED.to_c(path, name="f"),
    }
    paths = {name: folder / name for name in (*writers, "f.h")}
    for path in paths.values():
        path.write_bytes(b"older")

    def work() -> object:
        for name, write in writers.items():
            write(paths[name])
        return None

    def check() -> None:
        for path in paths.values():
            content = path.read_bytes()
            if content == b"older":
                continue
            if path.suffix == ".npz":
                assert nn.load(path).state_dict() == _MODEL.state_dict()
            elif path.suffix == ".program":
                assert (autograd.load(path)(X) == _SAVED(X)).all()
            else:
                assert content.rstrip().endswith((b"</html>", b"}", b"_H */")), content[-50:]

    def again() -> object:
        work()
        return [path.read_bytes() for path in paths.values() if path.suffix != ".npz"]

    return Trial(work, again, check)


def _third(x: float) -> float:
    return x / 3.0


def of_a_sweep(folder: Path) -> Trial:
    """Call a function at points, with a file of the results."""
    path, points = folder / "study.jsonl", [1.0, 2.0, 3.0, 4.0]

    def work() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return list(autograd.sweep(_third, points, resume=path, progress=False)._outcomes.values())

    def again() -> object:
        return list(autograd.sweep(_third, points, resume=path, progress=False))

    def check() -> None:
        if path.exists():
            with ResultsFile(path, _third, points, None) as file:
                assert all(file.results[i] == points[i] / 3.0 for i in file.results)
            assert all(json.loads(line) for line in path.read_text().splitlines())

    return Trial(work, again, check)


def of_cached_programs(folder: Path) -> Trial:
    """Write what the passes find, and a program, for other processes."""
    findings.forget()
    records._tidy.cache_clear()

    def work() -> object:
        with chosen_cache(folder / "cache"):
            jit(lambda x: autograd.exp(x) * x + 7.0, "numpy")(X)
            findings.write_rest()
            path = cache.stored("x = 1")
            assert path is not None
            cache.seal(path)
            return path.read_bytes(), cache.is_intact(path)

    def again() -> object:
        findings.forget()
        records._tidy.cache_clear()
        return work()

    return Trial(work, again)


@contextmanager
def chosen_cache(folder: Path) -> Iterator[None]:
    """Keep compiled programs in another directory."""
    before = os.environ["CHAINRULE_CACHE"]
    os.environ["CHAINRULE_CACHE"] = str(folder)
    try:
        yield
    finally:
        os.environ["CHAINRULE_CACHE"] = before


WORK: dict[str, Callable[[Path], Trial]] = {
    "backward": of_backward,
    "graph-gradients": of_graph_gradients,
    "derivatives": of_derivatives,
    "first-calls": of_first_calls,
    "numba": of_first_calls_with_numba,
    "calls": of_calls,
    "eager-training": of_eager_training,
    "compiled-training": of_compiled_training,
    "saving": of_saving,
    "sweep": of_a_sweep,
    "cached-programs": of_cached_programs,
}


# ------------------------------------------------------------------------------------ what holds afterwards


def bits(tree: Any) -> Any:
    """Return numbers as they are in memory, nan and signs of zeros included."""
    if isinstance(tree, np.ndarray | np.generic | float):
        return np.asarray(tree).dtype.str, np.asarray(tree).tobytes()
    if isinstance(tree, dict):
        return {key: bits(item) for key, item in tree.items()}
    return [*map(bits, tree)] if isinstance(tree, list | tuple) else repr(tree)


def observed(run: Callable[[], object]) -> tuple[Callable[[], None], list[str]]:
    """Return what runs something, and a list that gets which variables of its thread it has left changed."""
    changed: list[str] = []

    def work() -> None:
        before, at_errors = contextvars.copy_context(), _at_errors()
        with suppress(KeyboardInterrupt):
            run()
        after = contextvars.copy_context()
        changed.extend(v.name for v in after if v.name != _NUMPYS and before.get(v, _default(v)) != after[v])
        if _at_errors() != at_errors:
            changed.append("what NumPy does at errors")

    return work, changed


# Its value is another one after the same settings are made again.
_NUMPYS = "numpy.ufunc.extobj"


def _at_errors() -> tuple[object, ...]:
    return np.geterr(), np.geterrcall()


def _default(variable: contextvars.ContextVar[Any]) -> Any:
    try:
        return contextvars.Context().run(variable.get)
    except LookupError:
        return None


def left_behind(folder: Path) -> list[str]:
    """Return what interrupted work has left that it should not."""
    found = [f"an open scope {scope}" for scope in open_scopes]
    background.wait_for_all()
    locks = {name: getattr(background._worker, name) for name in ("turn", "compiling", "changing")}
    for name, lock in {"sweep_lock": sweep_lock, **locks}.items():
        if lock.acquire(timeout=10.0):
            lock.release()
        else:
            found.append(f"the lock {name}")
    # Machine code; the extension of the site, which other tests import, begins in the same way.
    code = [name for name in sys.modules if name.startswith("chainrule_") and name != "chainrule_site"]
    found += [f"the module {name}" for name in code]
    found += [
        f"the thread {thread.name}"
        for thread in threading.enumerate()
        if thread.name.startswith("batches of a training") and thread.is_alive()
    ]
    partial = [*folder.rglob("*.partial"), *cache.directory().rglob("*.partial")]
    return found + [f"the file {path.name}" for path in partial]
