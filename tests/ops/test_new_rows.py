"""Adding an operation is adding a row: functions that NumPy or Numba lack work everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograd

ROWS = """
    Op(
        name="lgamma", doc="the logarithm of the gamma function; its derivative by its table of values",
        value="lgamma(x)", partials=("log(x) - 1.0 / (2.0 * x)",),
        latex=r"\\ln\\Gamma\\left({x}\\right)", domain=(_POSITIVE,),
    ),
    Op(
        name="gamma", doc="the gamma function; its derivative by its table of values",
        value="gamma(x)", partials=("out * (log(x) - 1.0 / (2.0 * x))",),
        latex=r"\\Gamma\\left({x}\\right)", domain=(_POSITIVE,),
    ),
    Op(
        name="remainder", doc="what remains of x after the nearest multiple of y",
        value="remainder(x, y)", partials=("1.0", "(out - x) / y"),
        latex=r"\\operatorname{{rem}}\\left({x}, {y}\\right)", domain=(_LINE, _POSITIVE),
    ),
    Op(
        name="logaddexp2", doc="log2(2**x + 2**y)", ufunc=np.logaddexp2,
        value="logaddexp2(x, y)", partials=("exp2(x - out)", "exp2(y - out)"),
        latex=r"\\operatorname{{logaddexp2}}\\left({x}, {y}\\right)", domain=(_LINE, _LINE),
    ),
    Op(
        name="bell", doc="a rule that is made of others, of two arguments",
        value="erf(x) * exp2(-y)",
        partials=("1.1283791670955126 * exp(-x * x) * exp2(-y)", "-out * 0.6931471805599453"),
        latex=r"\\operatorname{{bell}}\\left({x}, {y}\\right)", domain=(_LINE, _LINE),
    ),
    Op(
        name="capped", doc="a rule with an infinity",
        value="where(x < inf, x * 2.0, inf)", partials=("where(x < inf, 2.0, 0.0)",),
        latex=r"\\operatorname{{capped}}\\left({x}\\right)", domain=(_LINE,),
    ),
    Op(
        name="fsum", doc="the sum, rounded once", variadic=True,
        value="fsum(x)", partials=("1.0",),
        latex=r"\\operatorname{{fsum}}\\left({x}\\right)", domain=(_LINE,),
        special_points=(_at(1.0, 1e100, -1e100, gives=1.0, partials=(1.0, 1.0, 1.0)),),
    ),
    Op(
        name="growth", doc="what 1 becomes after growing at each rate, by a loop", variadic=True,
        value="growth(x)", partials=("out / (1.0 + x)",),
        latex=r"\\operatorname{{growth}}\\left({x}\\right)", domain=(_POSITIVE,),
        reduction=_fold("total * (1.0 + x)", start=1.0),
        special_points=(_at(1.0, 0.5, gives=3.0, partials=(1.5, 2.0)),),
    ),
    Op(
        name="spread", doc="the distance of the largest from the smallest, by two loops", variadic=True,
        value="spread(x)",
        partials=("where(x == constant(greatest(x)), 1.0, 0.0) - where(x == constant(least(x)), 1.0, 0.0)",),
        latex=r"\\operatorname{{spread}}\\left({x}\\right)", domain=(_LINE,),
        reduction=Reduction(
            (
                Accumulator("top", -inf, Rule("max(top, x)")),
                Accumulator("rest", 0.0, Rule("max(rest, top - x)")),
            ),
            Rule("rest"),
        ),
        special_points=(_at(1.0, 0.5, 3.0, gives=2.5, partials=(0.0, -1.0, 1.0)),),
    ),
    Op(
        name="greatest", doc="the largest of all numbers", variadic=True,
        value="greatest(x)", partials=("where(x == out, 1.0, 0.0)",),
        latex=r"\\max\\left({x}\\right)", domain=(_LINE,), reduction=_fold("max(total, x)", start=-inf),
        special_points=(_at(1.0, 3.0, gives=3.0, partials=(0.0, 1.0)),),
    ),
    Op(
        name="least", doc="the smallest of all numbers", variadic=True,
        value="-greatest(-x)", partials=("where(x == out, 1.0, 0.0)",),
        latex=r"\\min\\left({x}\\right)", domain=(_LINE,),
        special_points=(_at(1.0, 3.0, gives=1.0, partials=(1.0, 0.0)),),
    ),
    Op(
        name="rms", doc="the root of the mean square, made of other rows", variadic=True,
        value="sqrt(sum(x * x) / len(x))", partials=("x / (out * len(x))",),
        latex=r"\\operatorname{{rms}}\\left({x}\\right)", domain=(_POSITIVE,),
        special_points=(_at(1.0, 7.0, gives=5.0, partials=(0.1, 0.7)),),
    ),
    Op(
        name="rootprod", doc="the square root of a product", variadic=True,
        value="sqrt(prod(x))", partials=("0.5 * products_of_others(x) / out",),
        latex=r"\\sqrt{{\\prod\\left({x}\\right)}}", domain=(_POSITIVE,),
        special_points=(_at(2.0, 8.0, gives=4.0, partials=(1.0, 0.25)),),
    ),
    Op(
        name="wave", doc="a sum over two sequences", variadic=True,
        value="wave(x, y)", partials=("sin(y)", "x * cos(y)"),
        latex=r"\\operatorname{{wave}}\\left({x}, {y}\\right)", domain=(_LINE, _LINE),
        reduction=_fold("total + x * sin(y)"),
        special_points=(_at(1.0, 2.0, 0.0, 0.0, gives=0.0, partials=(0.0, 0.0, 1.0, 2.0)),),
    ),
"""
"""Rows of every kind: NumPy lacks lgamma; Numba lacks remainder, and NumPy's is a different function.

Of the reductions, NumPy and Numba lack fsum, NumPy lacks growth, spread and wave, a mean square is composed
of other rows, and the largest number is a fold of a row that is expanded.
"""

HEAD = """
import math
import sys
import warnings
import numpy as np
import autograd
from autograd import OPS, Value, as_values, grad, hessian, jit, value_and_grad, vmap
from autograd.compiler import compile as compiled
from autograd.ops.rules import on_floats

UNARY = [autograd.lgamma, autograd.gamma, autograd.capped]
BINARY = [autograd.remainder, autograd.logaddexp2, autograd.bell]
REDUCED = "fsum growth spread greatest least rms rootprod"
REDUCTIONS = [getattr(autograd, name) for name in REDUCED.split()]

def each(x):
    y = x[::-1] + 0.3
    return [*(f(x) for f in UNARY), *(f(x, y) for f in BINARY)]

def reduced(x):
    mixed = [x[0], x[1] * 2.0, autograd.exp(x[2])]
    return [f(of) for f in REDUCTIONS for of in (x, mixed)] + [autograd.wave(x, y) for y in (x, mixed)]

def loops(x):
    return [f(x) for f in REDUCTIONS if f is not autograd.fsum] + [autograd.wave(x, x[::-1])]

def total(x):
    return autograd.sum([v * v for part in each(x) for v in np.ravel(part)])

def close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one, float), np.asarray(other, float), rtol=1e-12)

X, Z = np.array([0.5, 1.5, 2.5]), np.array([0.7, 1.1, 2.9])
M = np.array([X, Z, Z * X])

def reductions_agree(backend):
    def program(x, m):
        return reduced(x), [f(row) for f in REDUCTIONS for row in m], vmap(autograd.wave)(m, m), slopes(x)

    def slopes(x):
        return grad(lambda x: autograd.sum([v * v for v in reduced(x)]))(x)

    f = jit(program, backend=backend)
    f(X, M)
    f.wait()
    assert f.report().backend == backend, f.report()
    for x, m in ((X, M), (Z, M * 1.5)):
        for found, expected in zip(f(x, m), program(x, m), strict=True):
            close(found, expected)
    return f
"""

PROGRAMS = {
    "arrays": """
close(each(X), each(as_values(X)))
close(reduced(X), reduced(as_values(X)))
assert autograd.lgamma(0.5) == math.lgamma(0.5)
assert [float(v) for v in autograd.lgamma(as_values(X))] == [math.lgamma(x) for x in X]
assert autograd.fsum([1.0, 1e100, -1e100]) == 1.0
close([grad(autograd.spread)(X), grad(autograd.least)(X)], [[-1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
for f in [autograd.growth, autograd.rms, autograd.rootprod, lambda x: autograd.wave(x, x * x)]:
    autograd.check_grads(f, (X,))
wave = autograd.wave([Value(1.0), 2.0], [3.0, Value(4.0)])
assert autograd.to_latex(wave) == r"\\operatorname{wave}\\left(1, 2, 3, 4\\right)", autograd.to_latex(wave)
assert "wave" in autograd.draw(wave).source
assert len(autograd.lint(wave)) == 0, autograd.lint(wave)
v = Value(0.5)
autograd.remainder(v, 0.3).backward()
assert v.grad == 1.0
close(vmap(autograd.lgamma)(X), autograd.lgamma(X))
close([vmap(f)(M) for f in REDUCTIONS], [[f(row) for row in M] for f in REDUCTIONS])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert math.isnan(autograd.gamma(Value(-1.0)).data)
    assert autograd.gamma(Value(500.0)).data == math.inf
    assert math.isnan(autograd.lgamma(Value(math.nan)).data)
    assert autograd.logaddexp2(1.0, math.inf) == math.inf
kinds = [str(w.message).split(" encountered in ")[0] for w in caught]
assert kinds == ["invalid value", "overflow"], caught
""",
    "numpy": """
f = jit(lambda x: (each(x), value_and_grad(total)(x)), backend="numpy")
for x in (X, Z):
    close(f(x)[0], each(x))
    close(f(x)[1], value_and_grad(total)(x))
alone = {}
assert "autograd" not in f.source
exec(f.source, alone)
close(alone["program"](Z)[:6], each(Z))
v = Value(0.5)
f = autograd.lambdify(autograd.lgamma(v) + autograd.remainder(v, 0.3), [v])
close([f(X)], [autograd.lgamma(X) + autograd.remainder(X, 0.3)])
special = jit(lambda x: [autograd.gamma(x), autograd.erf(x)], backend="numpy")
assert np.isnan(special(np.array([-1.0, 1.0]))[0][0])
assert special(np.array([500.0, 1.0]))[0][0] == np.inf
""",
    "numpy, reductions": """
f = reductions_agree("numpy")
assert "autograd" not in f.source
alone = {}
exec(f.source, alone)
close(alone["program"](Z, M)[:1], [reduced(Z)])
v = [Value(0.5), Value(1.5)]
for of in (autograd.fsum, autograd.growth, autograd.rms, autograd.greatest, autograd.spread):
    close([autograd.lambdify(of(v), v)(X, Z)], [[of([x, z]) for x, z in zip(X, Z)]])
compiled._MOST_ARRAYS = 0
f = jit(lambda x: [autograd.growth(x), autograd.rms(x), autograd.greatest(x), autograd.wave(x, x)])
f(X)
assert f.report().interpreted
close(f(Z), [autograd.growth(Z), autograd.rms(Z), autograd.greatest(Z), autograd.wave(Z, Z)])
reductions_agree("numpy")
""",
    "numpy, irregular": """
compiled._MOST_ARRAYS = 0
f = jit(each, backend="numpy")
close(f(X), each(X))
close(f(Z), each(Z))
assert f.report().interpreted
alone = {}
exec(f.source, alone)
close(alone["program"](Z), each(Z))
""",
    "numba": """
f = jit(lambda x: (each(x), value_and_grad(total)(x)), backend="numba")
f(X)
f.wait()
assert f.report().backend == "numba", f.report()
for x in (X, Z):
    close(f(x)[0], each(x))
    close(f(x)[1], value_and_grad(total)(x))
assert np.isnan(f(np.array([-1.0, 1.0, 2.0]))[0][1][0])

reductions_agree("numba")

compiled._MOST_ARRAYS = 0
f = jit(each, backend="numba")
f(X)
f.wait()
assert f.report().backend == "numba", f.report()
close(f(X), each(X))
close(f(Z), each(Z))
batch = jit(vmap(each), backend="numba")
rows = np.abs(np.random.default_rng(0).normal(size=(9, 3))) + 0.1
batch(rows)
batch.wait()
assert batch.report().backend == "numba", batch.report()
close(batch(rows), [np.array(part) for part in zip(*map(each, rows))])
""",
    "jax": """
import jax
with jax.enable_x64(True):
    f = jit(lambda x: (each(x), value_and_grad(total)(x)), backend="jax")
    g = jit(lambda x: (total(x), autograd.sum([v * v for v in loops(x)])), backend="jax")
    for x in (X, Z):
        close(f(x)[0], each(x))
        close(f(x)[1], value_and_grad(total)(x))
        for k, of in enumerate((total, lambda x: autograd.sum([v * v for v in loops(x)]))):
            close([jax.jit(jax.grad(lambda x: g(x)[k]))(x)], [grad(of)(x)])
assert "autograd" not in f.source
try:
    jit(autograd.fsum, backend="jax")(X)
except NotImplementedError as error:
    assert "JAX has no reduction for 'fsum'" in str(error)
""",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a copy of the package with more rows in its table."""
    home = tmp_path_factory.mktemp("more rows")
    shutil.copytree(
        Path(autograd.__file__).parent, home / "autograd", ignore=shutil.ignore_patterns("__pycache__")
    )
    # The package may be read-only; its copy must be writable.
    for path in home.rglob("*"):
        path.chmod(0o755)
    table = home / "autograd" / "ops" / "table.py"
    text = table.read_text(encoding="utf-8")
    end = ")  # fmt: skip\n\nOPS: "
    assert text.count(end) == 1
    table.write_text(text.replace(end, ROWS.replace("\\\\", "\\") + end), encoding="utf-8")
    run(home, "from autograd.ops.generate import write; write()", "-B")
    return home


def run(home: Path, program: str, *options: str) -> None:
    """Run a program in a subprocess that imports the copy of the package."""
    environment = {**os.environ, "PYTHONPATH": str(home), "CHAINRULE_CACHE": str(home / "cache")}
    done = subprocess.run(
        [sys.executable, *options, "-c", program], capture_output=True, text=True, env=environment, cwd=home
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.uncounted
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_row_is_known_everywhere(package: Path, name: str) -> None:
    """Values, derivatives, special points and sources of new rows are right on every backend."""
    if name in ("numba", "jax"):
        pytest.importorskip(name)
    run(package, HEAD + PROGRAMS[name])
    if name == "numba":  # Again, with machine code from the cache.
        run(package, HEAD + PROGRAMS[name])
