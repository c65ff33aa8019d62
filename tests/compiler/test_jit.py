from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparing import evaluated, same
from hypothesis import given
from programs import Program, call_public
from strategies import expressions

import autograd
from autograd import Value, grad, hessian, jit, lambdify, value_and_grad, vmap, where
from autograd.compiler import Jitted
from autograd.engine.errors import TracedValueError
from autograd.engine.levels import open_levels
from nn import MLP, Module, losses

# ----------------------------------------------------------------------------------------------- results


ARRAYS: dict[str, Callable[..., Any]] = {
    "arithmetic": lambda x: (x * 2.0 - 1.0) / (x + 3.0),
    "functions": lambda x: autograd.tanh(x) + autograd.exp(-x) * autograd.sin(x),
    "relu": lambda x: autograd.relu(x - 0.5),
    "ties": lambda x: autograd.max(x, 0.5) + autograd.min(x, x[0]),
    "powers": lambda x: x**2.0 + autograd.abs(x) ** 1.5,
    "sigmoid": lambda x: autograd.sigmoid(x) + autograd.softplus(x),
    "softmax": lambda x: autograd.softmax(x),
    "logsumexp": lambda x: autograd.logsumexp([*x, x[0] * 2.0]),
    "sum": lambda x: x.sum() * x,
    "outer": lambda x: np.outer(x, x),
    "matmul": lambda x: np.outer(x, x + 1.0) @ x,
    "reversed": lambda x: x[::-1] * x,
    "rolled": lambda x: x[[2, 0, 3, 1]] - x,
    "slices": lambda x: x[1:] * x[:-1],
    "strided": lambda x: x[::2] + 1.0,
    "scalar": lambda x: x[1] * x[2],
    "constants": lambda x: x * np.array([1.0, 2.0, math.inf, -0.0]),
    "nested": lambda x: {"a": [x[0], (x * x, 3.0)], "b": x.reshape(2, 2).T},
    # By default NumPy converts comparisons of object arrays to bool.
    "choice": lambda x: where(np.greater(x, 0.5, dtype=object), x, -x),
    "comparison": lambda x: [(v > 0.5) * v + (v <= x[1]) * 2.0 for v in x],
    "loop": lambda x: sum((a * b for a, b in zip(x, x[::-1], strict=True)), 1.0),
    "input": lambda x: x,
    "constant": lambda x: 2.0,
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("point", [[0.1, 0.5, -2.0, 3.0], [1e-3, 0.6, 0.5, 0.5]])
def test_array_programs(name: str, point: list[float]) -> None:
    """Array programs agree with eager calls, also at points other than that of the trace."""
    f = ARRAYS[name]
    compiled = jit(f)
    same(compiled(np.array([0.7, -0.2, 0.3, 0.9])), evaluated(f, np.array([0.7, -0.2, 0.3, 0.9])))
    same(compiled(np.array(point)), evaluated(f, np.array(point)))


@pytest.mark.parametrize("name", sorted(ARRAYS.keys() - {"nested", "comparison", "constants", "scalar"}))
def test_gradients_of_array_programs(name: str) -> None:
    """Gradients of each program, compiled or through the compiled function, agree with eager calls."""

    def total(x: Any) -> Any:
        return autograd.sum(np.ravel(np.asarray(ARRAYS[name](x), dtype=object)).tolist()) * 1.0

    x = np.array([0.7, -0.2, 0.3, 0.9])
    compiled = jit(total)
    compiled(x)
    if name == "constant":
        return
    expected = evaluated(grad(total), x)
    same(jit(grad(total))(x), expected)
    same(evaluated(grad(compiled), x), expected)


@pytest.mark.parametrize("name", ["functions", "relu", "softmax", "choice", "powers"])
def test_second_order(name: str) -> None:
    """Hessians compile, and the branch at each kink is chosen when the program runs."""

    def total(x: Any) -> Any:
        return autograd.sum([v**2.0 for v in ARRAYS[name](x)])

    compiled = jit(hessian(total))
    for point in ([0.7, -0.2, 0.3, 0.9], [-0.7, 0.8, 0.1, 1.9]):
        same(compiled(np.array(point)), evaluated(hessian(total), np.array(point)), 1e-7)


def test_vmap() -> None:
    """`jit(vmap(f))` is one program for the whole batch."""
    f = jit(vmap(lambda x: autograd.sin(x) * x))
    x = np.linspace(0.0, 1.0, 50)
    same(f(x), np.sin(x) * x)
    assert f.report().classes == 3


# ------------------------------------------------------------------------------------------- what is found


def by_hand(params: list[Any], x: Any, y: Any) -> Any:
    """Return the hinge loss of an MLP written as in micrograd, with loops over samples and neurons."""
    total = 0.0
    for row, target in zip(x, y, strict=True):
        values = list(row)
        for i in range(0, len(params), 2):
            weights, biases = params[i], params[i + 1]
            values = [
                sum((w * v for w, v in zip(ws, values, strict=True)), b)
                for ws, b in zip(weights, biases, strict=True)
            ]
            if i < len(params) - 2:
                values = [autograd.relu(v) for v in values]
        total = total + autograd.relu(1.0 - target * values[0])
    return total / len(x)


def parameters(sizes: list[int]) -> list[Any]:
    """Return weights and biases."""
    rng = np.random.default_rng(0)
    pairs = pairwise(sizes)
    return [array for m, n in pairs for array in (rng.normal(size=(n, m)), rng.normal(size=n))]


def test_loops_become_matrix_products() -> None:
    """Loops over samples and neurons become matrix products, forward and backward."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 2)), np.sign(rng.normal(size=12))
    params = parameters([2, 5, 4, 1])
    compiled = jit(value_and_grad(by_hand))
    same(compiled(params, x, y), value_and_grad(by_hand)(params, x, y))
    other = [array + 0.1 for array in params]
    same(compiled(other, x[::-1].copy(), y), value_and_grad(by_hand)(other, x[::-1], y))
    report = compiled.report()
    assert report.products == 7
    assert report.gathers == 0
    assert report.classes < 60


def test_networks() -> None:
    """A loss over an `nn` model, passed as an argument, compiles; its gradient has the parameters' names."""
    model = MLP(2, [4, 1], rng=0)
    x = np.random.default_rng(0).normal(size=(6, 2))
    y = np.where(x[:, 0] > 0, 1.0, -1.0)

    def loss(model: Any, x: Any, y: Any) -> Any:
        return losses.hinge(model(x), y)

    compiled = jit(value_and_grad(loss))
    same(compiled(model, x, y), value_and_grad(loss)(model, x, y))
    for parameter in model.parameters():
        parameter.data += 0.1
    same(compiled(model, x, y), value_and_grad(loss)(model, x, y))
    # The parameters are one array; each layer is a matrix product with a view of it.
    assert compiled.report().classes < 40
    assert compiled.report().products == 4
    assert "model[:12].reshape(4, 3)[:, :2]" in compiled.source


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (losses.hinge, [1.0, -1.0, -1.0]),
        (losses.binary_cross_entropy_with_logits, [1.0, 0.0, 0.5]),
        (losses.mse, [1.0, 2.0, 3.0]),
        (losses.half_squared_error, [1.0, 2.0, 3.0]),
    ],
)
def test_losses_of_traced_targets(loss: Any, targets: list[float]) -> None:
    """Targets may be arguments, so one program serves all batches."""
    x = np.random.default_rng(0).normal(size=(3, 2))

    def f(model: Any, x: Any, y: Any) -> Any:
        return loss(model(x), y)

    model = MLP(2, [3, 1], activation="tanh", rng=0)
    compiled = jit(value_and_grad(f))
    for y in (np.array(targets), np.array(targets[::-1])):
        same(compiled(model, x, y), value_and_grad(f)(model, x, y))


class Scaled(Module):
    """A module with a compiled method."""

    def __init__(self) -> None:
        self.factor = Value(2.0)

    @jit
    def scale(self, x: Any) -> Any:
        """Return a multiple."""
        return self.factor * x


def test_methods() -> None:
    """A method of a module compiles; its parameters are arguments, not constants."""
    module = Scaled()
    assert module.scale(3.0) == 6.0
    module.factor.data = 5.0
    assert module.scale(3.0) == 15.0
    assert isinstance(Scaled.scale, Jitted)


def test_compiled_inside() -> None:
    """Compiled functions can be called inside others, mapped and differentiated like any function."""
    f = jit(lambda x: x * x)
    assert jit(lambda x: f(x) + 1.0)(3.0) == 10.0
    assert jit(grad(lambda x: f(x) * x))(3.0) == 27.0
    assert vmap(f)(np.array([1.0, 2.0])).tolist() == [1.0, 4.0]
    assert f(Value(3.0)).op is not None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((3,), 6.0),
        ((np.array(3.0),), 6.0),
        ((np.ones(2, dtype=np.float32),), [2.0, 2.0]),
        ((np.ones(0),), []),
    ],
)
def test_kinds_of_arguments(arguments: tuple[Any, ...], expected: Any) -> None:
    """Arguments may be integers and arrays that are 0-d, empty or of lower precision."""
    f = jit(lambda x: x * 2.0)
    for _ in range(2):
        assert np.asarray(f(*arguments)).tolist() == expected


@pytest.mark.parametrize(
    ("argument", "given"), [("a", "'a'"), ({1.0}, "{1.0}"), (np.array([1j]), "an array with 1j")]
)
def test_strange_arguments(argument: Any, given: str) -> None:
    """An argument that is not a tree of real numbers raises a TypeError that shows what was passed."""
    with pytest.raises(TypeError, match=f"an argument of a compiled function .*{given}"):
        jit(lambda x: x)(argument)


def test_strange_results() -> None:
    """A function whose result is not a tree of numbers raises a TypeError."""
    with pytest.raises(TypeError, match=r"the result of a compiled function .* got 'a'"):
        jit(lambda x: "a")(1.0)


def test_none() -> None:
    """None is allowed in arguments and results, and has no numbers."""
    f = jit(lambda d: (d["x"] * 2.0, d["n"], None), backend="numpy")
    for x in (1.0, 2.0):
        assert f({"x": x, "n": None}) == (2.0 * x, None, None)
    assert f({"x": 3.0, "n": 4.0}) == (6.0, 4.0, None)


def test_an_error_ends_the_trace() -> None:
    """After an error in the function the trace is closed, and the next call traces again."""
    fail = [True]

    def f(x: Any) -> Any:
        if fail:
            raise ZeroDivisionError
        return x * 2.0

    compiled = jit(f)
    with pytest.raises(ZeroDivisionError):
        compiled(1.0)
    assert open_levels() == set()
    fail.clear()
    assert compiled(1.0) == 2.0


def test_irregular_programs() -> None:
    """Irregular operands are gathered, and results are right."""
    rng = np.random.default_rng(0)
    order = rng.permutation(20)

    def f(x: Any) -> Any:
        return sum(x[i] * autograd.tanh(x[j]) for i, j in zip(order, order[::-1] ** 2 % 20, strict=True))

    compiled = jit(value_and_grad(f))
    x = rng.normal(size=20)
    same(compiled(x), value_and_grad(f)(x))


def test_equal_operations_are_merged() -> None:
    """Repeated expressions are computed once, powers of 1 dropped, and constants folded."""
    f = jit(lambda x: (x * x + 1.0) ** 1.0 + (x * x + 1.0) + math.sin(1.0) * 2.0)
    f(3.0)
    assert f(2.0) == 10.0 + math.sin(1.0) * 2.0
    assert f.source.count("x * x") == 1
    assert "power" not in f.source


def test_constants_that_are_1() -> None:
    """Constant targets of -1 and 1 stay in one array although products with 1 could be dropped."""
    x = np.random.default_rng(0).normal(size=(8, 2))
    y = np.where(x[:, 0] > 0, 1.0, -1.0)
    model = MLP(2, [4, 1], rng=0)
    compiled = jit(value_and_grad(lambda model, x: losses.hinge(model(x), y)))
    same(compiled(model, x), value_and_grad(lambda model, x: losses.hinge(model(x), y))(model, x))
    assert compiled.report().products == 4


# ------------------------------------------------------------------------------------------- the function


def test_source_runs_on_its_own(tmp_path: Path) -> None:
    """The source is a NumPy module that runs without this package."""
    f = jit(lambda x, scale: autograd.sigmoid(x) * scale + autograd.relu(x))
    expected = f(np.array([1.0, -2.0]), 3.0)
    (tmp_path / "alone.py").write_text(f.source + "\nprint(*program(np.array([1.0, -2.0]), 3.0)[0])\n")
    out = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "alone.py")], capture_output=True, text=True, check=True
    )
    assert list(map(float, out.stdout.split())) == expected.tolist()
    assert "autograd" not in f.source
    assert "def program(x, scale):" in f.source


def test_retraced_for_other_shapes() -> None:
    """Another shape or structure is traced anew; the same one is not traced again."""
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return autograd.sum(x)

    compiled = jit(f)
    assert [compiled(np.ones(n)) for n in (2, 3, 2, 3)] == [2.0, 3.0, 2.0, 3.0]
    assert len(calls) == 2
    assert compiled([1.0, 2.0]) == 3.0
    assert len(calls) == 3


def test_a_closure_constant_stays() -> None:
    """Captured numbers are read when the function is compiled."""
    factor = 2.0
    compiled = jit(lambda x: x * factor)
    assert compiled(1.0) == 2.0
    factor = 3.0
    assert compiled(1.0) == 2.0


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if x > 0.0 else -x,
        lambda x: math.exp(x),
        lambda x: x * int(x),
        lambda x: x * x.data,
        lambda x: max([x, 1.0]),
        lambda x: [y for y in range(3) if y < x],
        lambda x: (x * x).backward(),
        lambda x: f"{x:.2f}",
        lambda x: np.sort(np.array([x, x * 2.0])),
    ],
)
def test_branches(f: Any) -> None:
    """Branching on an argument raises an error that names the line and what to use."""
    with pytest.raises(TracedValueError, match=r"not known while .* traced.*test_jit\.py.*where\("):
        jit(f)(1.0)
    assert open_levels() == set()


def test_constants_may_be_branched_on() -> None:
    """A function may branch on a Value that does not depend on the arguments."""
    w = Value(2.0)
    assert jit(lambda x: x * 2.0 if w > 1.0 else x)(3.0) == 6.0


def test_special_numbers() -> None:
    """Infinities, nan and signed zeros agree with eager calls."""
    f = jit(lambda x: [1.0 / x, autograd.log(x), x * 0.0, x**1.5, autograd.max(x, 0.0)])
    for number in (0.0, -0.0, math.inf, -math.inf, math.nan, -1.0):
        with np.errstate(all="ignore"):
            expected = [
                Value(1.0) / number,
                autograd.log(Value(number)),
                Value(number) * 0.0,
                Value(number) ** 1.5,
                autograd.max(Value(number), 0.0),
            ]
        assert [repr(item) for item in f(number)] == [repr(item.data) for item in expected]


def test_without_a_call_there_is_no_program() -> None:
    """Before the first call, source and report raise an error that says what to do."""
    f = jit(lambda x: x)
    for ask in (lambda: f.source, f.report):
        with pytest.raises(RuntimeError, match="has no program yet: call it once"):
            ask()


def test_the_report() -> None:
    """The report says in a few lines what the compiler found."""
    f = jit(lambda x, w: x @ w)
    f(np.ones((3, 4)), np.ones((4, 5)))
    text = repr(f.report())
    assert "3 arrays: 1 matrix product, 0 other sums, 0 gathers" in text
    assert "runs on the numpy backend" in text
    assert "# 3 × 5 sums of 4 products:" in f.source
    assert "v1 = x @ w" in f.source


def test_results_are_new_arrays() -> None:
    """Results share no memory with arguments or other results."""
    x = np.ones(3)
    out = jit(lambda x: (x, x))(x)
    out[0][0] = 5.0
    assert x[0] == out[1][0] == 1.0


# ---------------------------------------------------------------------------------------------- lambdify


@given(expressions())
def test_lambdify(drawn: Program) -> None:
    """A lambdified expression has its value at its own point, and maps over arrays element by element."""
    variables = [Value(number, f"x{i}") for i, number in enumerate(drawn.point)]
    root = drawn.on(call_public, float, variables)
    f = lambdify(root, variables)
    point = [float(number) for number in drawn.point]
    same(f(*point), root.data, 1e-7)
    many = f(*(np.full(3, number) for number in point))
    same(np.broadcast_to(many, (3,)), np.full(3, root.data), 1e-7)


def test_lambdify_of_sums() -> None:
    """In lambdified functions, sums and dot products reduce their operands, not the elements of arrays."""
    a, b = Value(2.0), Value(3.0)
    f = lambdify(
        autograd.dot([a, b], [b, 1.0]) + autograd.sum([a, a, b]) + autograd.logsumexp([a, b]), [a, b]
    )
    x = np.array([0.5, 1.5])
    same(f(x, 2.0), x * 2.0 + 2.0 + 2 * x + 2.0 + np.logaddexp(x, 2.0))


def test_lambdify_keeps_other_leaves() -> None:
    """A leaf that is not an argument is a constant; unused arguments are allowed."""
    a, b, unused = Value(2.0, "a"), Value(3.0), Value(4.0, "unused")
    f: Any = lambdify(a * b, [a, unused])
    assert f(5.0, 0.0) == 15.0
    assert "def program(a, unused):" in f.source


@pytest.mark.parametrize(
    ("y", "leaves", "error", "message"),
    [
        (1.0, [], TypeError, "lambdify expected a Value"),
        (Value(1.0), [2.0], TypeError, "lambdify expected Values as arguments"),
        (Value(1.0), [Value(1.0) + 1.0], ValueError, "expected leaves as arguments"),
        (Value(1.0), [Value(1.0)] * 2, ValueError, "a leaf twice"),
    ],
)
def test_lambdify_errors(y: Any, leaves: Any, error: type[Exception], message: str) -> None:
    """An invalid expression or argument raises an error with the reason."""
    with pytest.raises(error, match=message):
        lambdify(y, leaves)
