"""Compiled programs in files: what is loaded is what was saved, without the function."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from comparing import same
from hypothesis import assume, given
from hypothesis import strategies as st
from loops_backend import interpreted
from programs import Program
from strategies import by_hypothesis, expressions, programs
from test_jit_backends import run_program
from test_jit_table import irregular
from test_programs import TRANSFORMS, arguments, as_a_table, drawn_for, evaluated, same_bits

import autograd
from autograd import grad, jit, load, scan, sigmoid, take, tanh, value_and_grad, vmap, while_loop
from autograd.compiler import Jitted, Loaded
from autograd.compiler import compile as compile_module
from autograd.compiler.arguments.plain_trees import name_of
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.program_files import bytes_of, function_in
from nn import MLP, Neuron


@dataclass
class Line:
    """A straight line."""

    slope: float
    offset: Any
    name: str = "line"


class Pair(NamedTuple):
    """Two numbers."""

    a: Any
    b: Any


def loss(w: Any, rows: Any, y: Any) -> Any:
    """Return the loss of a model of any number of samples."""
    return ((vmap(lambda row: sigmoid(w @ row))(rows) - y) ** 2).mean()


def newton(x: Any) -> Any:
    """Return a square root, after as many steps as it takes."""
    return while_loop(lambda y: abs(y * y - x) > 1e-12 * x, lambda y: (y + x / y) / 2.0, 1.0 + 0.0 * x)


def walk(w: Any, xs: Any) -> Any:
    """Return the last state of a recurrence, and all of them."""
    return scan(lambda h, x: (np.tanh(w * h + x),) * 2, 0.0, xs)


def unrolled(w: Any, h: Any) -> Any:
    """Return the last state of a recurrence that is written as a loop of Python."""
    for _ in range(60):
        h = np.tanh(w @ h)
    return h.sum()


X, Y = np.arange(12.0).reshape(6, 2) / 7.0, np.ones(6) * 0.25
LONG = np.arange(60.0) / 60.0
KINDS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "numbers": (lambda x, y: (x / y, x - y), (1.5, 0.7)),
    "whole numbers": (lambda x, y: x * y, (3, True)),
    "arrays": (lambda x: (np.exp(x), x.sum()), (X,)),
    "arrays without dimensions": (lambda x: x * 2.0, (np.array(1.5),)),
    "trees": (
        lambda d: [d["a"] * 2.0, {"b": d["b"][0], 1: None}, (d["b"][1],)],
        ({"a": 1.0, "b": (X, 2.0)},),
    ),
    "many numbers": (lambda xs: [x * x for x in xs], ([0.5 * i for i in range(20)],)),
    "products": (lambda a, b: a @ b.T @ a, (X, X)),
    "open lengths": (value_and_grad(loss), (np.ones(2), X, Y)),
    "loops": (grad(lambda w, xs: walk(w, xs)[0]), (0.5, X[:, 0])),
    "all steps": (walk, (0.5, X[:, 0])),
    "loops that count": (value_and_grad(newton), (2.0,)),
    "loops of Python": (value_and_grad(unrolled), (np.eye(3) * 0.5, np.ones(3))),
    "lookups": (lambda table, i: take(table, i, axis=0).sum(), (X, np.array([2, 0, 2]))),
    "neighbours": (grad(lambda x: (vmap(tanh)(x)[1:] * x[:-1]).sum()), (LONG,)),
    "all pairs": (grad(lambda x: vmap(lambda a: vmap(lambda b: tanh(a * b))(x).sum())(x).sum()), (LONG,)),
    "chosen rows": (lambda x: vmap(tanh)(x[np.argsort(np.sin(LONG))]), (LONG,)),
    "classes": (lambda line: Pair(line.slope * 2.0, line.offset), (Line(0.5, X),)),
}


def returned(f: Any, *args: Any, backend: str = "numpy") -> tuple[Jitted, Loaded]:
    """Return a function that was compiled for a call, and the same from its bytes."""
    compiled = Jitted(f, "numpy")
    evaluated(compiled, *args)
    return compiled, loaded_from(bytes_of(compiled), backend, [type(arg) for arg in args])


def loaded_from(data: bytes, backend: str = "numpy", classes: Sequence[type] = ()) -> Loaded:
    """Return the function in some bytes."""
    return Loaded(function_in(data), backend, {name_of(kind): kind for kind in classes})


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_loaded_is_what_was_saved(kind: str, tmp_path: Path) -> None:
    """A loaded function gives the same bits, source, report and formulas, and can be saved again."""
    f, args = KINDS[kind]
    compiled = Jitted(f, "numpy")
    expected = compiled(*args)
    compiled.save(tmp_path / "f")
    loaded = load(tmp_path / "f", "numpy", classes=(Line, Pair))
    same_bits(loaded(*args), expected)
    assert loaded.source == compiled.source
    own, theirs = (
        f.report()._replace(seconds=0.0, passes="file", compilations=0, reason="") for f in (loaded, compiled)
    )
    assert own == theirs
    assert formulas(loaded) == formulas(compiled)
    assert bytes_of(loaded) == bytes_of(compiled)
    same_bits(pickle.loads(pickle.dumps(loaded))(*args), expected)


def formulas(f: Jitted) -> str:
    """Return what can be said of a program in formulas."""
    try:
        return str(f.to_latex())
    except NotImplementedError as error:
        return str(error)


def test_a_table_is_saved() -> None:
    """So is a program without arrays, which is interpreted, and one of many arrays."""
    x = np.linspace(0.1, 0.9, 8)
    with as_a_table():
        compiled, loaded = returned(irregular(60, seed=1), x)
        assert compiled.report().interpreted > 0
        same_bits(loaded(x), compiled(x))
        assert loaded.source == compiled.source
        each, again = returned(vmap(irregular(40, seed=2)), np.stack([x] * 3))
        assert each.report().interpreted > 0
        same_bits(again(np.stack([x] * 3)), each(np.stack([x] * 3)))
        for f in (lambda a: a @ a.T @ a, lambda a: np.tanh(a[[2, 0, 1, 1], 0]) * a[[5, 1, 0, 0], 1]):
            of_arrays, again = returned(f, X)
            assert of_arrays.report().interpreted > 0
            same_bits(again(X), of_arrays(X))


def without_modules(arg: Any) -> Any:
    """Return an argument, or the dict of its parameters if it is a module."""
    if not hasattr(arg, "named_parameters"):
        return arg
    return {name: parameter.data for name, parameter in arg.named_parameters()}


@given(program=programs() | expressions(), data=st.data())
def test_random_programs(program: Program, data: st.DataObject) -> None:
    """Whatever was compiled gives the same bits after it was saved."""
    name, samples = drawn_for(program, by_hypothesis(data.draw))
    f, args = TRANSFORMS[name](program), arguments(program, 0, samples=samples)
    # The classes of drawn programs have one name, which tells those of users apart.
    assume(len({type(arg) for arg in args if hasattr(arg, "_fields")}) < 2)
    if data.draw(st.booleans()):
        with as_a_table():
            compiled, loaded = returned(f, *args)
    else:
        compiled, loaded = returned(f, *args)
    same_bits(evaluated(loaded, *map(without_modules, args)), evaluated(compiled, *args))
    assert loaded.source == compiled.source


@pytest.mark.parametrize("of", ["list", "module"])
def test_numbers_that_are_one_array_on_another_backend(of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers of a list, or of a module, are put together for the backend that comes later, too."""
    backend = compile_module.Backend(interpreted, with_numpy)
    monkeypatch.setitem(compile_module.BACKENDS, "loops", backend)
    f, args = (
        KINDS["many numbers"]
        if of == "list"
        else (lambda model, x: model(x), (Neuron(2, rng=0), [0.5, -2.0]))
    )
    loaded = returned(f, *args, backend="loops")[1]
    loaded.wait()
    assert loaded.report().backend == "loops"
    same(loaded(*map(without_modules, args)), Jitted(f, "numpy")(*args), 1e-15)


@pytest.mark.parametrize("kind", ["open lengths", "loops"])
def test_numba(kind: str) -> None:
    """Numba compiles what was loaded, from the same plan."""
    pytest.importorskip("numba")
    f, args = KINDS[kind]
    loaded = returned(f, *args, backend="numba")[1]
    loaded.wait()
    assert loaded.report().backend == "numba"
    own = jit(f, "numba")
    own(*args)
    own.wait()
    same_bits(loaded(*args), own(*args))


@pytest.mark.parametrize("kind", ["open lengths", "many numbers"])
def test_jax(kind: str) -> None:
    """What was compiled for NumPy runs on JAX once it is loaded, and the other way round."""
    jax = pytest.importorskip("jax")
    f, args = KINDS[kind]
    compiled, loaded = returned(f, *args, backend="jax")
    found = loaded(*args)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(found))
    same(jax.tree.map(lambda leaf: np.asarray(leaf) if leaf.ndim else float(leaf), found), compiled(*args))
    own = jit(f, "jax")
    own(*args)
    assert loaded.source == own.source
    same_bits(loaded_from(bytes_of(own))(*args), compiled(*args))


def test_small_modules_in_jax() -> None:
    """The numbers in the place of a small module are one array of JAX, in single precision on request."""
    jax = pytest.importorskip("jax")
    neuron = Neuron(2, rng=0)
    compiled = returned(value_and_grad(lambda neuron, x: neuron(x) ** 2), neuron, X[0])[0]
    loaded = Loaded(function_in(bytes_of(compiled)), "jax", dtype="float32")
    value, gradient = loaded(neuron.state_dict(), X[0])
    assert value.dtype == jax.numpy.float32
    assert repr(loaded.to_stablehlo()).startswith("<StableHLO of <lambda>(float32[], float32[], float32[],")
    same({name: float(number) for name, number in gradient.items()}, compiled(neuron, X[0])[1], 1e-6)


def test_in_c(tmp_path: Path) -> None:
    """A loaded program is written in C as the function was, but for derivatives that it does not have."""
    f, args = KINDS["open lengths"]
    compiled, loaded = returned(f, *args)
    compiled.to_c(tmp_path / "own.c", name="loss")
    loaded.to_c(tmp_path / "loss.c", name="loss")
    texts = [(tmp_path / name).read_text().replace("own.h", "loss.h") for name in ("own.c", "loss.c")]
    assert texts[0] == texts[1]
    with pytest.raises(ValueError, match=r"save and load jit\(value_and_grad\(f\)\)"):
        loaded.to_c(tmp_path / "loss.c", argnums=0)


def test_open_lengths_stay_open() -> None:
    """A loaded program holds for the lengths that it held for before, and for no others."""
    compiled, loaded = returned(value_and_grad(loss), *KINDS["open lengths"][1])
    for n in (1, 2, 100):
        args = np.ones(2), np.linspace(-1.0, 1.0, 2 * n).reshape(n, 2), np.ones(n)
        same_bits(loaded(*args), compiled(*args))
    assert compiled.report().compilations == 1
    for other in [(np.ones(2), X, np.ones(3)), (np.ones(3), np.ones((4, 3)), np.ones(4))]:
        with pytest.raises(ValueError, match=r"for this call: .*\n.*rows: array \(n, 2\), y: array \(n,\)"):
            loaded(*other)


def test_open_lengths_in_containers() -> None:
    """Letters stand for the lengths of any number, also of arrays that stand in a dict."""

    def products(columns: Any, w: Any) -> Any:
        return vmap(lambda a, b: a * b * w)(columns["a"], columns["b"])

    _, loaded = returned(products, {"a": X[:, 0], "b": X[:, 1]}, 2.0)
    with pytest.raises(ValueError, match=r"\(columns: {'a': array \(n,\), 'b': array \(n,\)}, w: number\)"):
        loaded(3.0, 2.0)


def test_all_programs_are_saved() -> None:
    """What was compiled for other arguments comes along, and the last one called is the current one."""
    compiled = jit(lambda x, n: x**n, "numpy", static_argnums=1)
    results = [compiled(x, n) for x, n in [(2.0, 3), (np.ones(3), 2), (2.0, 0.5)]]
    loaded = loaded_from(bytes_of(compiled))
    assert loaded.source == compiled.source
    for (x, n), result in zip([(2.0, 3), (np.ones(3), 2), (2.0, 0.5)], results, strict=True):
        same_bits(loaded(x, n), result)
    with pytest.raises(ValueError, match=r"the static argument n is 7 instead of .*\n.*\(x: number, n=0.5\)"):
        loaded(2.0, 7)


@pytest.mark.parametrize("model", [Neuron(2, rng=0), MLP(2, [4, 1], rng=0)], ids=["small", "large"])
def test_a_module_is_a_dict_of_its_parameters(model: Any) -> None:
    """Its code is not in the file, so in its place the numbers are given, and gradients come by name."""

    def of_model(models: Any, x: Any) -> Any:
        return (models["one"](x) ** 2).sum() if isinstance(model, MLP) else models["one"](x) ** 2

    x = X if isinstance(model, MLP) else X[0]
    compiled, loaded = returned(value_and_grad(of_model), {"one": model}, x)
    result = loaded({"one": model.state_dict()}, x)
    same_bits(result, compiled({"one": model}, x))
    assert [*result[1]["one"]] == [*model.state_dict()]
    assert str(loaded.to_latex()) == str(compiled.to_latex())
    with pytest.raises(ValueError, match=r"dict of \d+ parameters"):
        loaded({"one": model}, x)
    same_bits(loaded_from(bytes_of(loaded))({"one": model.state_dict()}, x), result)


def test_classes_are_passed(tmp_path: Path) -> None:
    """A file names the classes of arguments and results, and gets those that whoever loads it passes."""
    f = jit(lambda line: Pair(line.slope * 2.0, line), "numpy")
    expected = f(Line(0.5, X))
    f.save(tmp_path / "f")
    with pytest.raises(ValueError, match=r"needs the classes test_saved_programs\.Line, .*Pair: load"):
        load(tmp_path / "f")
    found = load(tmp_path / "f", classes=(Line, Pair))(Line(0.5, X))
    assert type(found) is Pair
    assert (found.a, found.b.slope, found.b.name) == (expected.a, 0.5, "line")
    with pytest.raises(ValueError, match="other"):
        load(tmp_path / "f", classes=(Line, Pair))(Line(0.5, X, "other"))


@pytest.mark.parametrize(
    ("f", "args", "static", "message"),
    [
        (lambda x, g: g(x), (1.0, abs), 1, "the static argument g of <lambda> is .*abs.*no plain data"),
        (
            lambda d: d[abs],
            ({abs: 1.0},),
            None,
            "an argument of <lambda> cannot be saved .* a key of a dict is",
        ),
    ],
)
def test_what_is_no_plain_data(f: Any, args: Any, static: Any, message: str) -> None:
    """Functions and other objects are named by the error that saving raises."""
    compiled = jit(f, "numpy", static_argnums=static)
    compiled(*args)
    with pytest.raises(ValueError, match=message):
        bytes_of(compiled)


def test_nothing_is_recorded() -> None:
    """What was loaded can be neither differentiated nor traced, and says what to do."""
    loaded = returned(lambda x: x * x, 2.0)[1]
    for f in (grad(loaded), jit(lambda x: loaded(x))):
        with pytest.raises(TypeError, match=r"nothing in it to record.*jit\(value_and_grad\(f\)\)"):
            f(2.0)
    with pytest.raises(RuntimeError, match="call it once"):
        jit(lambda x: x).save("nowhere")


LATER = """
import numpy as np
from autograd import load

f = load(PATH, BACKEND)
print(*map(float.hex, f(np.ones(2), np.arange(6.0).reshape(3, 2), np.zeros(3))[1].tolist()))
"""


def test_another_process(tmp_path: Path) -> None:
    """A process without the function and without a cache gives the same bits."""
    compiled = jit(value_and_grad(loss), "numpy")
    gradient = compiled(np.ones(2), np.arange(6.0).reshape(3, 2), np.zeros(3))[1]
    compiled.save(tmp_path / "f")
    program = LATER.replace("PATH", repr(str(tmp_path / "f"))).replace("BACKEND", "'numpy'")
    assert run_program(tmp_path, program) == [*map(float.hex, gradient.tolist())]


def test_it_is_a_public_name() -> None:
    """`load` is where `jit` is, and its result has what that of `jit` has."""
    assert autograd.load is load
    assert issubclass(Loaded, Jitted)
