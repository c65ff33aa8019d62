"""Calls of functions that are compiled for JAX: what they take and give, and what goes through them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import anomaly, grad, jit, load, tanh, value_and_grad, vmap
from autograd.compiler import compile, jitted
from autograd.compiler.jax import calls
from autograd.compiler.loaded_programs import Loaded
from autograd.compiler.program_files import bytes_of, function_in
from autograd.compiler.runtime.program import UnsuitableError
from nn import MLP, Module

jax = pytest.importorskip("jax")
jnp = jax.numpy
lax = jax.lax


@pytest.fixture(autouse=True)
def doubles(compiled_fast: None) -> Iterator[None]:
    """Let JAX have doubles, which a test may turn off."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def compiled_fast() -> Iterator[None]:
    """Let XLA leave out most optimizations, which take half of the time of these tests."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
    """Return what a small network misses a target by, squared."""
    return (tanh(x @ w + b).sum(axis=1) - y) @ (tanh(x @ w).sum(axis=1) - y) / 7.0


def numbers(shape: tuple[int, ...], seed: int = 0) -> Any:
    """Return random numbers."""
    return np.random.default_rng(seed).normal(size=shape)


ARGUMENTS = numbers((3, 4)), numbers((4,), 1), numbers((5, 3), 2), numbers((5,), 3)
with jax.enable_x64(True):
    ON_DEVICE = tuple(map(jnp.asarray, ARGUMENTS))


def same(found: Any, expected: Any) -> None:
    """Compare results of JAX, all of which are its arrays, with those of NumPy, which are small sums."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for mine, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert isinstance(mine, jax.Array)
        assert mine.shape == np.shape(other)
        assert mine.dtype == np.float64
        np.testing.assert_allclose(mine, other, rtol=1e-13, atol=1e-15)


# --------------------------------------------------------------------------------------- arguments, results


@pytest.mark.parametrize("as_given", [jnp.asarray, np.asarray, lambda x: np.asarray(x, dtype=">f8")])
def test_results_are_those_of_numpy(as_given: Callable[[Any], Any]) -> None:
    """Arrays of JAX and of NumPy give the values and gradients of NumPy's program, as arrays of JAX."""
    f = value_and_grad(loss, (0, 1, 2, 3))
    same(jit(f, backend="jax")(*map(as_given, ARGUMENTS)), jit(f, backend="numpy")(*ARGUMENTS))


def test_trees_come_back() -> None:
    """Arguments and results are trees, and numbers among the results are arrays without dimensions."""

    def f(p: dict[str, Any], *rest: Any, scale: Any) -> Any:
        return {"a": [p["w"] * scale, (p["b"], None)], "c": rest[0] + rest[1][1], "one": 1.0}

    given = {"b": 2, "w": ARGUMENTS[1]}, 3.0, [None, np.float32(0.5)]
    expected = jit(f, backend="numpy")(*given, scale=2.0)
    compiled = jit(f, backend="jax")
    same(compiled(*given, scale=2.0), expected)
    same(compiled(*jax.tree.map(jnp.asarray, given), scale=jnp.array(2)), expected)
    assert compiled.report().compilations == 1


@pytest.mark.parametrize(
    "as_given", [list, lambda x: [*map(jnp.asarray, x)], lambda x: [jnp.array(x[0]), *x[1:]]]
)
def test_many_numbers_are_one_array(as_given: Callable[[Any], Any]) -> None:
    """A list of many numbers, some of them on devices, has a gradient that is a list of arrays."""
    f = value_and_grad(lambda w, pairs: sum(a * a for a in w) * sum(a * b for a, b in pairs))
    w, pairs = numbers((12,)).tolist(), numbers((6, 2), 1).tolist()
    compiled = jit(f, backend="jax")
    for _ in range(2):
        same(compiled(as_given(w), [*map(as_given, pairs)]), jit(f, backend="numpy")(w, pairs))
    assert compiled.report().compilations == 1


class Scaled(Module):
    """A model with a setting."""

    def __init__(self, by: float) -> None:
        self.inner, self.by = MLP(2, [4, 1], rng=0), by

    def __call__(self, x: Any) -> Any:
        """Return the network's outputs, scaled."""
        return self.inner(x) * self.by


def test_modules_are_arguments() -> None:
    """The parameters of a model are inputs, its gradient is a dict, and other settings compile again."""
    f = value_and_grad(lambda model, x, y: ((model(x)[:, 0] - y) ** 2).sum())
    compiled, plain, model = jit(f, backend="jax"), jit(f, backend="numpy"), Scaled(2.0)
    x, y = numbers((5, 2)), numbers((5,))
    same(compiled(model, jnp.asarray(x), y), plain(model, x, y))
    for parameter in model.parameters():
        parameter.data += 0.5
    same(compiled(model, jnp.asarray(x), y), plain(model, x, y))
    assert compiled.report().compilations == 1
    model.by = 3.0
    same(compiled(model, jnp.asarray(x), y), plain(model, x, y))
    assert compiled.report().compilations == 2


@dataclass
class Line:
    """A record with a setting."""

    slope: Any
    offset: Any
    power: int = 2


def test_dataclasses_and_static_arguments() -> None:
    """Fields that hold arrays are inputs, and settings and static arguments compile again."""

    def f(line: Line, x: Any, n: int) -> Any:
        return [((line.slope * x + line.offset) ** line.power).sum() * n, line]

    compiled, plain = (jit(f, backend=backend, static_argnames="n") for backend in ("jax", "numpy"))
    x = numbers((3,))
    for power, n in [(2, 1), (3, 1), (3, 2), (2, 1)]:
        value, line = compiled(Line(jnp.asarray(x), 1.0, power), jnp.asarray(x), n=n)
        same(value, plain(Line(x, 1.0, power), x, n=n)[0])
        assert (line.power, type(line), isinstance(line.slope, jax.Array)) == (power, Line, True)
    assert compiled.report().compilations == 3


def test_numbers_of_any_real_type() -> None:
    """Arrays of integers, booleans and short floats are inputs of the same program; complex ones are not."""
    f = jit(lambda x, y: x * y + 1.0, backend="jax")
    for dtype in (np.int8, np.uint32, np.bool_, np.float16, jnp.bfloat16, np.float32, np.float64):
        same(f(jnp.ones(3, dtype), jnp.ones((), dtype)), np.full(3, 2.0))
    assert f.report().compilations == 1
    with pytest.raises(
        TypeError, match="expected an argument of a compiled function to hold real numbers, got an"
    ):
        f(jnp.ones(3, complex), 1.0)
    with pytest.raises(TypeError, match="key<fry>"):
        f(jax.random.key(0), 1.0)


def test_nothing_leaves_the_devices() -> None:
    """With arrays on devices no call transfers anything, the first one included."""
    f = jit(value_and_grad(loss, (0, 1)), backend="jax")
    with jax.transfer_guard("disallow"):
        for _ in range(2):
            found = f(*ON_DEVICE)
    same(found, jit(value_and_grad(loss, (0, 1)), backend="numpy")(*ARGUMENTS))


def test_arguments_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call of a form does not take its arguments apart, whatever library they are of."""
    f = jit(lambda p, x: p["w"] * x, backend="jax")
    f({"w": jnp.ones(3)}, 1.0)
    monkeypatch.setattr(jitted, "Call", None)
    same(f({"w": jnp.zeros(3)}, jnp.array(2.0)), np.zeros(3))
    same(jax.jit(lambda x: f({"w": np.ones(3)}, x))(2), np.full(3, 2.0))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_compilation_of_xla(dtype: str, caplog: pytest.LogCaptureFixture) -> None:
    """The first call and those after it hand over arguments of the same types, so that XLA compiles once."""
    model = MLP(2, [1], rng=0)
    f = jit(lambda model, xs, x, n: (model(x) * n).sum() + sum(xs), backend="jax", dtype=dtype)
    counts = []
    with jax.log_compiles():
        for _ in range(3):
            f(model, [0.5] * 10, np.ones((3, 2)), 2)
            counts.append(sum("Compiling jit" in record.getMessage() for record in caplog.records))
    assert counts[0] == counts[-1] > 0


def test_another_shape_is_another_program() -> None:
    """Another shape compiles again and says so; another size of a batch does not."""
    f = jit(lambda x: x.sum(), backend="jax")
    f(jnp.ones(3))
    f(jnp.ones((3, 2)))
    assert f.report().compilations == 2
    assert f.report().reason == "x has shape (3, 2) instead of (3,)"
    g = jit(vmap(lambda w, x: tanh(w @ x), in_axes=(None, 0)), backend="jax")
    for size in (1, 4, 1000):
        x = numbers((size, 3))
        same(g(jnp.ones(3), jnp.asarray(x)), np.tanh(x.sum(axis=1)))
    assert g.report().compilations == 1


def test_what_it_tells() -> None:
    """The report names the backend, the source is a module of JAX, and programs can be forgotten."""
    f = jit(lambda x: tanh(x) * 2.0, backend="jax")
    f(jnp.ones(3))
    f.wait()
    assert f.report().backend == "jax"
    assert "runs on the jax backend" in repr(f.report())
    namespace: dict[str, Any] = {}
    exec(f.source, namespace)
    np.testing.assert_array_equal(namespace["program"](jnp.ones(3))[0], f(np.ones(3)))
    f.clear_cache()
    f(jnp.ones(3))
    assert f.report().compilations == 2


# ----------------------------------------------------------------------------------------------- precision


def test_doubles_without_a_flag() -> None:
    """Calls compute in double precision though JAX is set to single, also of arrays in single."""
    with jax.enable_x64(False):
        # An array that JAX 0.10 has taken for a constant of a loop in doubles stays one in single precision.
        x = jnp.asarray(ARGUMENTS[1].copy())
        assert x.dtype == np.float32
        f = jit(value_and_grad(lambda x: tanh(x).sum() / 3.0), backend="jax")
        same(f(x), jit(value_and_grad(lambda x: tanh(x).sum() / 3.0), backend="numpy")(np.asarray(x)))


def test_arrays_of_numpy_beside_those_on_several_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are put on a device first, in the precision of the program."""
    monkeypatch.setattr(calls, "_is_on_several", lambda array: isinstance(array, jax.Array))
    with jax.enable_x64(False):
        found = calls._in_doubles(lambda *arrays: arrays, False)(np.ones(3), jax.numpy.ones(2))
    assert all(isinstance(array, jax.Array) for array in found)
    assert found[0].dtype == np.float64


@pytest.mark.parametrize("is_double", [False, True])
def test_single_precision_on_request(is_double: bool) -> None:
    """In single precision all results are, whatever JAX is set to and the arguments are."""
    with jax.enable_x64(is_double):
        f = jit(value_and_grad(loss), backend="jax", dtype="float32")
        expected = jit(value_and_grad(loss), backend="numpy")(*ARGUMENTS)
        for given in (ARGUMENTS, ON_DEVICE, [jnp.asarray(x, np.float32) for x in ARGUMENTS]):
            found = f(*given)
            assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {np.dtype(np.float32)}
            for mine, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)


def test_precisions_that_there_are() -> None:
    """Another precision, and one for a backend that has none, raise an error that says which there are."""
    with pytest.raises(ValueError, match="expected dtype to be one of 'float64', 'float32', got 'float16'"):
        jit(loss, backend="jax", dtype="float16")
    with pytest.raises(
        ValueError, match="'numpy' computes in float64, got dtype='float32'; backend='jax' has"
    ):
        jit(loss, backend="numpy", dtype="float32")
    assert jit(backend="jax", dtype=np.float32)(abs)(jnp.ones(2)).dtype == np.float32


@pytest.mark.parametrize("transform", [jax.jit, jax.grad, jax.jacfwd])
def test_within_single_precision(transform: Callable[..., Any]) -> None:
    """JAX in single precision would take derivatives of doubles in it: a call within it says what to do."""
    f = jit(lambda x: tanh(x).sum(), backend="jax")
    with jax.enable_x64(False):
        x = jnp.ones(3)
        with pytest.raises(
            RuntimeError, match=r"jax.config.update\('jax_enable_x64', True\).*dtype='float32'"
        ):
            transform(f)(x)
        single = jit(lambda x: tanh(x).sum(), backend="jax", dtype="float32")
        transform(single)(x)


# ------------------------------------------------------------------------------------------ JAX around a call


COMPILED = jit(loss, backend="jax")
W, B, X, Y = ARGUMENTS


def pushed(w: Any, tangent: Any) -> Any:
    """Return value and derivative of the loss along a direction, by JAX."""
    return jax.jvp(lambda w: COMPILED(w, B, X, Y), (w,), (tangent,))


def descended(w: Any) -> Any:
    """Return where three steps down the gradient lead, and the losses on the way, by JAX."""

    def step(w: Any, _: Any) -> Any:
        value, slope = jax.value_and_grad(COMPILED)(w, B, X, Y)
        return w - 0.1 * slope, value

    return lax.scan(step, w, None, length=3)


def descended_by_us(w: Any) -> Any:
    """Return the same by our own derivatives."""
    f, losses = jit(value_and_grad(loss), backend="numpy"), []
    for _ in range(3):
        value, slope = f(w, B, X, Y)
        w = w - 0.1 * slope
        losses.append(value)
    return w, np.array(losses)


def test_within_jit_and_grad() -> None:
    """JAX's jit, grad, jvp and hessian go through a call, and agree with our derivatives."""
    same(
        jax.jit(lambda *args: COMPILED(*args) * 2.0)(*ON_DEVICE), jit(loss, backend="numpy")(*ARGUMENTS) * 2.0
    )
    same(
        jax.jit(jax.value_and_grad(COMPILED, (0, 1, 2, 3)))(*ON_DEVICE),
        jit(value_and_grad(loss, (0, 1, 2, 3)), backend="numpy")(*ARGUMENTS),
    )
    along = np.ones_like(W)
    same(pushed(W, along), jit(lambda w, t: autograd.jvp(lambda w: loss(w, B, X, Y), (w,), (t,)))(W, along))
    same(jax.hessian(COMPILED, 1)(*ON_DEVICE), autograd.hessian(loss, 1)(*ARGUMENTS))
    same(
        jax.grad(jit(lambda p: tanh(p["w"] * p["b"]).sum(), backend="jax"))(
            {"w": jnp.asarray(B), "b": jnp.ones(())}
        ),
        grad(lambda p: tanh(p["w"] * p["b"]).sum())({"w": B, "b": 1.0}),
    )


def test_within_loops_and_vmap() -> None:
    """JAX's scan and vmap go through a call and its derivative."""
    same(jax.jit(descended)(jnp.asarray(W)), descended_by_us(W))
    biases = numbers((6, 4), 5)
    expected = np.array([grad(loss, 1)(W, b, X, Y) for b in biases])
    same(jax.vmap(jax.grad(COMPILED, 1), (None, 0, None, None))(W, jnp.asarray(biases), X, Y), expected)


def test_within_shard_map() -> None:
    """A call sees the shard of each device within shard_map, and is differentiated through it."""
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("batch",))
    rows, whole = jax.P("batch"), jax.P()

    def total(w: Any, x: Any, y: Any) -> Any:
        return lax.psum(COMPILED(w, jnp.asarray(B), x, y), "batch")

    mapped = jax.shard_map(total, mesh=mesh, in_specs=(whole, rows, rows), out_specs=whole)
    same(
        jax.jit(jax.value_and_grad(mapped))(ON_DEVICE[0], *ON_DEVICE[2:]),
        jit(value_and_grad(loss), backend="numpy")(*ARGUMENTS),
    )


def irregular(x: Any) -> Any:
    """Return what a program without a pattern does, whose operations follow no rule."""
    pool = [*x]
    for step in range(40):
        a, b = pool[step * step % len(pool)], pool[(7 * step + 3) % len(pool)]
        pool.append([a * b, a - b, tanh(a), a + b * b][(step * step + step // 3) % 4])
    return pool[-1] * pool[-2] + tanh(pool[-3])


@pytest.mark.parametrize("is_batch", [False, True])
def test_irregular_programs(is_batch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is interpreted from a table is called and differentiated as well."""
    monkeypatch.setattr(compile, "_MOST_ARRAYS", 8)
    monkeypatch.setattr(compile, "_FEWEST_NUMBERS", 20)
    f = vmap(irregular) if is_batch else irregular
    x = numbers((5, 4)) if is_batch else numbers((4,))
    compiled = jit(f, backend="jax")
    same(compiled(jnp.asarray(x)), jit(f, backend="numpy")(x))
    assert compiled.report().interpreted
    slopes = jit(grad(lambda x: f(x).sum() if is_batch else f(x)), backend="numpy")(x)
    same(jax.grad(lambda x: compiled(x).sum())(jnp.asarray(x)), slopes)


def test_loops() -> None:
    """Loops, of which JAX's own derivatives are loops as well, are called as other programs are."""

    def f(x: Any) -> Any:
        return autograd.scan(lambda carry, row: (tanh(carry * 0.9 + row), carry * carry), x[0], x)[1].sum()

    compiled, x = jit(f, backend="jax"), numbers((9,))
    same(compiled(x), jit(f, backend="numpy")(x))
    same(jax.grad(compiled)(x), jit(grad(f), backend="numpy")(x))
    same(jax.hessian(compiled)(x), autograd.hessian(f)(x))


# -------------------------------------------------------------------------------------------- ours around it


def test_our_derivatives_around_a_call() -> None:
    """A compiled function is recorded when it is differentiated, as those of other backends are."""
    f = jit(loss, backend="jax")
    np.testing.assert_allclose(grad(f)(*ARGUMENTS), grad(loss)(*ARGUMENTS), rtol=1e-13)
    outer = jit(value_and_grad(f), backend="jax")
    same(outer(*ON_DEVICE), jit(value_and_grad(loss), backend="numpy")(*ARGUMENTS))


def test_anomaly_mode() -> None:
    """In anomaly mode a result that is not finite names the operation, but not while it is traced."""
    f = jit(lambda x: autograd.log(x - 1.0).sum(), backend="jax")
    x = jnp.ones(2)
    assert np.isinf(f(x))
    with anomaly(), pytest.raises(FloatingPointError, match="log"):
        f(x)
    with anomaly():
        assert np.isinf(jax.jit(f)(x))
        same(f(x + 1.0), np.array(0.0))


# ----------------------------------------------------------------------------------------------- other places


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_files_and_pickles(dtype: str, tmp_path: Path) -> None:
    """Programs come back from a file and from a pickle, for arrays of JAX and in their precision."""

    def f(p: Any, xs: Any) -> Any:
        return {"slopes": grad(lambda p: vmap(lambda x: tanh(p[0] * x + p[1]))(xs).sum())(p), "model": p}

    compiled, given = jit(f, backend="jax", dtype=dtype), ([0.5, 1.5], numbers((4,)))
    expected = compiled(*given)
    compiled.save(tmp_path / "f.program")
    again = [load(tmp_path / "f.program", backend="jax", dtype=dtype)]
    again += [pickle.loads(pickle.dumps(again[0])), pickle.loads(pickle.dumps(jit(loss, "jax", dtype=dtype)))]
    for other in again[:2]:
        found = other([jnp.array(0.5), 1.5], jnp.asarray(given[1]))
        for mine, own in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            assert mine.dtype == dtype
            np.testing.assert_array_equal(mine, own)
        assert other([0.5, 1.5], numbers((7,)))["slopes"][0].dtype == dtype
    assert again[2](*ARGUMENTS).dtype == dtype
    on_numpy = load(tmp_path / "f.program", backend="numpy")(*given)
    np.testing.assert_allclose(on_numpy["slopes"], expected["slopes"], rtol=1e-5)


def test_loaded_models() -> None:
    """A file's program for a model takes the dict of its parameters, of which some may be on devices."""
    f = jit(value_and_grad(lambda model, x: (model(x) ** 2).sum()), backend="jax")
    model, x = MLP(2, [2, 1], rng=0), numbers((3, 2))
    expected = f(model, x)
    loaded = Loaded(function_in(bytes_of(f)), "jax")
    for parameters in (
        {name: jnp.asarray(each) for name, each in model.state_dict().items()},
        model.state_dict(),
    ):
        same(loaded(parameters, x), expected)


# ----------------------------------------------------------------------------------------------------- errors


def test_programs_that_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not written for JAX raises at the call, with the reason: nothing else takes its arrays."""

    def unsuitable(*args: Any) -> Any:
        raise UnsuitableError("it has a row without a word")

    library = compile.BACKENDS["jax"]
    assert isinstance(library, compile.Library)
    monkeypatch.setitem(compile.BACKENDS, "jax", library._replace(of_plan=unsuitable))
    with pytest.raises(
        NotImplementedError, match="jax backend does not run this program: it has a row without"
    ):
        jit(lambda x: x * 2.0, backend="jax")(jnp.ones(2))


def test_without_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where JAX is not installed, the error names the extra that installs it."""
    monkeypatch.setattr(jitted, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"the backend 'jax' needs JAX: pip install 'chainrule\[jax\]'"):
        jit(loss, backend="jax")


@pytest.mark.parametrize("backend", ["numpy", None])
def test_other_backends_do_not_take_them(backend: str | None) -> None:
    """An array of JAX is an error of the other backends, which names this one."""
    with pytest.raises(TypeError, match="jit\\(f, backend='jax'\\) takes arrays of JAX"):
        jit(loss, backend=backend)(*ON_DEVICE)


@pytest.mark.parametrize("rows", [3, 0])
def test_results_without_numbers(rows: int) -> None:
    """Batches of no samples, and slices of none, have their shapes: JAX joins no empty list of arrays."""

    def f(x: Any) -> Any:
        return vmap(tanh)(x), vmap(lambda row: tanh(row[:0]))(x), x[:0].sum(axis=0), x[:, :0]

    x = np.arange(2.0 * rows).reshape(rows, 2)
    same(jit(f, backend="jax")(x), jit(f, backend="numpy")(x))
