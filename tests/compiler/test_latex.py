"""The program of a compiled function as mathematics."""

# The names are those of the lecture notes, which formulas have to show.
# ruff: noqa: N803, N806

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from array_programs import ArrayProgram, array_programs
from formula_programs import PROGRAMS, REFUSED, Deep
from formula_values import results_of, values_of
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import exp, grad, jit, log, logsumexp, relu, scan, sigmoid, softplus, tanh, value_and_grad, vmap
from autograd.compiler.arguments.call import Call
from autograd.compiler.jitted import Jitted
from autograd.compiler.latex.equations import Equations
from autograd.compiler.latex.index_notation import (
    Entry,
    Letter,
    Listing,
    ProductOf,
    Stride,
    SumOver,
    letters_in,
    substituted_index,
)
from autograd.compiler.latex.matrices import NoMatrixFormError, matrix_form
from autograd.compiler.latex.reading import ArrayFormula, ArrayPiece, ProgramFormulas
from autograd.compiler.latex.simplification import simplified
from nn import MLP

RNG = np.random.default_rng(0)


def logistic_cost(w: Any, b: Any, X: Any, Y: Any) -> Any:
    """Compute the mean cost of a logistic neuron by loops over samples and features (D3)."""
    m = len(Y)
    J = 0.0
    for i in range(m):
        z = b
        for j in range(len(w)):
            z = z + w[j] * X[j][i]
        a = sigmoid(z)
        J = J - (Y[i] * log(a) + (1.0 - Y[i]) * log(1.0 - a))
    return J / m


def layer_cost(W: Any, b: Any, A_prev: Any, dA: Any) -> Any:
    """Compute the mean of what a layer gives, weighted so that dA flows back to it (D7)."""
    n1, n0 = W.shape
    m = A_prev.shape[1]
    total = 0.0
    for i in range(m):
        for j in range(n1):
            z = b[j]
            for k in range(n0):
                z = z + W[j, k] * A_prev[k, i]
            total = total + dA[j, i] * tanh(z)
    return total / m


def training_cost(w: Any, b: Any, X: Any, y: Any) -> Any:
    """Compute the cost of a training set as the mean of its samples' costs (E4, C10)."""
    m = len(y)
    C = 0.0
    for i in range(m):
        z = b
        for j in range(len(w)):
            z = z + w[j] * X[i, j]
        C = C + (relu(z) - y[i]) ** 2
    return C / m


def softmax_loss(W: Any, b: Any, X: Any, Y: Any) -> Any:
    """Compute the mean cross entropy of a softmax (D11)."""
    L = 0.0
    for x, y in zip(X, Y, strict=True):
        z = [autograd.dot(row, x) + bias for row, bias in zip(W, b, strict=True)]
        L = L + logsumexp(z) - autograd.dot(y, z)
    return L / len(X)


def penalised_loss(w: Any, b: Any, X: Any, y: Any, lam: Any) -> Any:
    """Compute the logistic loss with a penalty on the weights (D8)."""
    m = len(y)
    L = 0.0
    for i in range(m):
        z = sum(w[j] * X[i, j] for j in range(len(w))) + b
        L = L + softplus(z) - y[i] * z
    return L / m + lam / (2.0 * m) * sum(v * v for v in w)


def hinge_loss(model: Any, X: Any, y: Any) -> Any:
    """Compute the hinge loss of micrograd's demo."""
    losses = [relu(1.0 - target * model(x)) for x, target in zip(X, y, strict=True)]
    return sum(losses) / len(losses) + 1e-4 * sum(p * p for p in model.parameters())


def batch_loss(w: Any, b: Any, X: Any, y: Any) -> Any:
    """Compute the logistic loss of any number of samples."""
    return vmap(lambda x, t: softplus(w @ x + b) - t * (w @ x + b))(X, y).mean()


def recurrent_loss(W: Any, U: Any, b: Any, h0: Any, xs: Any, y: Any) -> Any:
    """Compute the loss of the last state of a recurrent network."""

    def step(h: Any, x: Any) -> Any:
        return np.tanh(W @ h + U @ x + b), None

    h, _ = scan(step, h0, xs)
    return ((h - y) ** 2).sum()


def signs(*shape: int) -> Any:
    """Return targets that are 0 or 1."""
    return (RNG.random(shape) > 0.5) * 1.0


D3 = """\
Z = wᵀ X + b
A = sigmoid(Z)
J = -1/m Σ_i (Y[i] log(A[i]) + (1 - Y[i]) log(1 - A[i]))
dZ = A - Y
∂J/∂w = 1/m X dZᵀ
∂J/∂b = 1/m Σ_i dZ[i]
dZ is what flows back: ∂J/∂Z = dZ/m."""

D7 = """\
Z = W A_prev + b
dZ = dA ⊙ tanh'(Z)
∂J/∂W = 1/m dZ A_prevᵀ
∂J/∂b = 1/m dZ 1_m
∂J/∂A_prev = 1/m Wᵀ dZ
tanh'(x) = 1 - tanh(x)^2
dZ is what flows back: ∂J/∂Z = dZ/m."""

E4 = """\
z = X w + b
u = relu(z) - y
J = 1/m Σ_i u[i]^2
dz = u ⊙ relu'(z)
∂J/∂w = 2/m Xᵀ dz
∂J/∂b = 2/m Σ_i dz[i]
relu'(x) = 1[x > 0]
dz is what flows back: ∂J/∂z = 2 dz/m."""

SOFTMAX = """\
Z = X Wᵀ + b
L = 1/5 Σ_i (log(Σ_j exp(Z[i, j])) - Σ_j Y[i, j] Z[i, j])
dZ = softmax(Z, row by row) - Y
∂L/∂W = 1/5 dZᵀ X
∂L/∂b = 1/5 1_5ᵀ dZ
dZ is what flows back: ∂L/∂Z = dZ/5."""

PENALISED = """\
z = X w + b
L = 1/m Σ_i (softplus(z[i]) - y[i] z[i]) + λ/(2 m) Σ_i w[i]^2
dz = sigmoid(z) - y
∂L/∂w = 1/m (Xᵀ dz + λ w)
∂L/∂b = 1/m Σ_i dz[i]
dz is what flows back: ∂L/∂z = dz/m."""

BATCH = """\
z = X w + b
L = 1/n Σ_i (softplus(z[i]) - y[i] z[i])
a = sigmoid(z)
∂L/∂w = 1/n Xᵀ (a - y)
∂L/∂b = 1/n Σ_i (a[i] - y[i])"""

RECURRENT = """\
U_1 = U xsᵀ
H[:, 1] = h_0
H[:, t + 1] = tanh(W H[:, t] + U_1[:, t] + b)
u = H[:, n + 1] - y
f = Σ_i u[i]^2
Z = W H[:, 1:n] + U_1 + b
U_2 = tanh'(Z)
dh[:, n + 1] = 2 u
dh[:, t] = Wᵀ (dh[:, t + 1] ⊙ U_2[:, t])
dZ = dh[:, 2:n + 1] ⊙ U_2
∂f/∂W = dZ H[:, 1:n]ᵀ
∂f/∂U = dZ xs
∂f/∂b = dZ 1_n
"""

HINGE = """\
Z_1 = W_1 Xᵀ + b_1
A_1 = tanh(Z_1)
Z_2 = W_2 A_1 + b_2
A_2 = tanh(Z_2)
Z_3 = 1 - y ⊙ (W_3 A_2 + b_3)
L = 1/5 Σ_i relu(Z_3[i]) + 0.0001 Σ_i θ[i]^2
U = -relu'(Z_3) ⊙ y
∂L/∂W_3 = 1/5 U A_2ᵀ + 0.0002 W_3
∂L/∂b_3 = 1/5 Σ_i U[i] + 0.0002 b_3
"""

LESSONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], str]] = {
    "D3": (
        value_and_grad(logistic_cost, (0, 1)),
        (RNG.normal(size=3), 0.3, RNG.normal(size=(3, 5)), signs(5)),
        D3,
    ),
    "D7": (
        grad(layer_cost, (0, 1, 2)),
        (RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.normal(size=(3, 5)), RNG.normal(size=(4, 5))),
        D7,
    ),
    "E4": (
        value_and_grad(training_cost, (0, 1)),
        (RNG.normal(size=3), 0.1, RNG.normal(size=(5, 3)), RNG.normal(size=5)),
        E4,
    ),
    "softmax": (
        value_and_grad(softmax_loss, (0, 1)),
        (RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.normal(size=(5, 3)), np.eye(4)[[0, 1, 2, 3, 1]]),
        SOFTMAX,
    ),
    "penalty": (
        value_and_grad(penalised_loss, (0, 1)),
        (RNG.normal(size=3), 0.1, RNG.normal(size=(5, 3)), signs(5), 0.1),
        PENALISED,
    ),
    "batch": (
        value_and_grad(batch_loss, (0, 1)),
        (RNG.normal(size=3), 0.1, RNG.normal(size=(5, 3)), signs(5)),
        BATCH,
    ),
    "recurrent": (
        value_and_grad(recurrent_loss, (0, 1, 2)),
        (
            RNG.normal(size=(4, 4)),
            RNG.normal(size=(4, 2)),
            RNG.normal(size=4),
            np.zeros(4),
            RNG.normal(size=(9, 2)),
            RNG.normal(size=4),
        ),
        RECURRENT.replace("f ", "L ").replace("f/", "L/"),
    ),
    "hinge": (
        value_and_grad(hinge_loss),
        (MLP(2, [4, 3, 1], rng=0), RNG.normal(size=(5, 2)), 2.0 * signs(5) - 1.0),
        HINGE,
    ),
}


def equations_of(f: Callable[..., Any], *args: Any) -> tuple[Equations, list[Any], tuple[Any, ...]]:
    """Return the equations of a function, the arrays of its arguments, and those of its results."""
    compiled: Jitted = jit(f, backend="numpy")
    compiled(*args)
    arrays = Call(f, args, {}).arrays
    return compiled.to_latex(), arrays, compiled._program().run(*arrays)


def assert_equal_results(equations: Equations, arrays: list[Any], expected: tuple[Any, ...]) -> None:
    """Assert that what the equations say is what the program computes, where that is finite."""
    with np.errstate(all="ignore"):
        found = results_of(equations, arrays)
    for k, numbers in enumerate(expected):
        value = found.get(k, np.zeros(np.shape(numbers)))
        value, numbers = np.squeeze(value), np.squeeze(numbers)
        assert value.shape == numbers.shape
        is_finite = np.isfinite(numbers)
        np.testing.assert_allclose(value[is_finite], numbers[is_finite], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", LESSONS)
def test_lessons_are_written_as_in_the_lecture(name: str) -> None:
    """The vectorised forms of the notes come from scalar loops, word for word."""
    f, args, expected = LESSONS[name]
    assert repr(equations_of(f, *args)[0]).startswith(expected)


@pytest.mark.parametrize("name", LESSONS)
def test_formulas_give_the_engines_numbers(name: str) -> None:
    """What the formulas say, evaluated as matrices, is what the program computes."""
    f, args, _ = LESSONS[name]
    assert_equal_results(*equations_of(f, *args))


@pytest.mark.parametrize("name", PROGRAMS)
def test_formulas_of_small_programs_give_the_engines_numbers(name: str) -> None:
    """So do those of programs that have one thing each: indices, sums, loops, modules; in LaTeX as well."""
    f, args = PROGRAMS[name]
    equations, arrays, expected = equations_of(f, *args)
    assert_equal_results(equations, arrays, expected)
    assert equations.latex.count("\\left") == equations.latex.count("\\right")
    assert not re.search(r"1[a-z]\b|-\s*-|\+\s*-|None", repr(equations))


@pytest.mark.parametrize("part", REFUSED)
def test_what_formulas_do_not_say_is_refused(part: str) -> None:
    """A part that has no formula is named, and where the program is to be read."""
    f, args = REFUSED[part]
    with pytest.raises(NotImplementedError, match=rf"got {part}; f\.source has the program"):
        equations_of(f, *args)


WORDING: dict[str, tuple[Callable[..., Any], tuple[Any, ...], str]] = {
    "the step goes down": (
        grad(lambda x, k: sum(tanh(sum(x[i + j] * k[j] for j in range(3))) for i in range(6))),
        (RNG.normal(size=8), RNG.normal(size=3)),
        "∂f/∂x[i + 2] = Σ_j k[4 - j] u[i + j - 1]",
    ),
    "a half is no length": (
        lambda x, y: (len(x) * 1.0, x.sum() / (2.0 * len(x)) + y / 2.0),
        (RNG.normal(size=4), 3.0),
        "f_2 = 1/8 Σ_i x[i] + y/2",
    ),
    "a loop that the user reversed": (
        lambda h, xs: scan(lambda h, x: (tanh(h + x), None), h, xs, reverse=True)[0],
        (0.5, RNG.normal(size=9)),
        "h_1[t] = tanh(h_1[t + 1] + xs[t])",
    ),
    "a number before a power of another": (lambda x: 2.0 * 3.0**x, (1.5,), "f = 2 · 3**x"),
    "a number before ones": (
        lambda x: np.array([[4.0 * v for v in x]] * 2),
        (RNG.normal(size=3),),
        "f = 4 1_2 xᵀ",
    ),
    "a sign in an exponent": (lambda x: 2.0 ** (-x), (1.5,), "f = 2**-x"),
    "a number above a fraction": (
        lambda x, y: 1.0 / tanh(x @ y),
        (RNG.normal(size=3),) * 2,
        "f = 1/tanh(xᵀ y)",
    ),
    "an outer product": (
        lambda u, v: np.outer(u, tanh(v)),
        (RNG.normal(size=3), RNG.normal(size=4)),
        "f = u tanh(vᵀ)",
    ),
    "neighbours": (lambda x: tanh(x[1:4]) * x[2:5], (RNG.normal(size=8),), "f = tanh(x[2:4]) ⊙ x[3:5]"),
    "every other": (
        lambda x: tanh(x[1::2]) * x[::2],
        (RNG.normal(size=8),),
        "f = tanh(x[(2,4,…,8)]) ⊙ x[(1,3,…,7)]",
    ),
    "lengths of rows": (
        lambda X: vmap(lambda M: [autograd.norm(row) for row in M])(X),
        (RNG.normal(size=(60, 3, 2)),),
        "U[i, j] = norm_k (X[j, i, k])",
    ),
    "a sum after another term": (
        lambda W, x, y: tanh(y) + sum(tanh(autograd.dot([*row], [*x])) for row in W),
        (RNG.normal(size=(2, 3)), RNG.normal(size=3), 2.0),
        "f = tanh(y) + Σ_i tanh(u[i])",
    ),
    "shares add up to one": (
        lambda x: x[0] * sum(autograd.softmax([*x])),
        (RNG.normal(size=4),),
        "f = x[1]",
    ),
    "what is long is cut": (
        lambda x, a, b: functools.reduce(lambda y, _: tanh(y) * b + a, range(20), x),
        (1.0, 2.0, 3.0),
        "f = b tanh(b tanh(u) + a) + a",
    ),
    "a sum of sums": (
        lambda X: sum(autograd.dot([*row], [*row]) / 2.0 for row in X),
        (RNG.normal(size=(5, 3)),),
        "f = 1/2 Σ_ij X[i, j]^2",
    ),
    "one way to go along a vector": (
        lambda x, y: [exp(v - logsumexp([*y])) for v in x],
        (RNG.normal(size=3), RNG.normal(size=4)),
        "u = exp(x - logsumexp(y))",
    ),
    "names that look the same": (
        lambda x1, x_1, lam, lambda_: x1 * x_1 * (lam + lambda_),
        (2.0, 3.0, 4.0, 5.0),
        "f = x1 x_1 (lam + lambda_)",
    ),
}


@pytest.mark.parametrize("case", WORDING)
def test_formulas_are_written_as_people_would(case: str) -> None:
    """Nobody writes -1j + 4, 2/n y for y/2, 2 3**x, dh for what is no gradient, one name for two."""
    f, args, expected = WORDING[case]
    assert expected in repr(equations_of(f, *args)[0]).splitlines()


def test_two_modules_have_different_names() -> None:
    """What both modules call the same is two arrays, and the notes say whose each is."""

    def loss(one: Any, other: Any, X: Any) -> Any:
        return sum((one(x) - other(x)) ** 2 for x in X)

    args = MLP(2, [3, 1], rng=0), MLP(2, [4, 1], rng=1), RNG.normal(size=(5, 2))
    f = jit(value_and_grad(loss, (0, 1)), "numpy")
    f(*args)
    text = repr(f.to_latex())
    assert {"Z_1 = W_other1 Xᵀ + b_other1", "Z_2 = W_one1 Xᵀ + b_one1"} <= {*text.splitlines()}
    assert {"∂L/∂W_one2 = 2 uᵀ A_2", "∂L/∂W_other2 = -2 uᵀ A_1"} <= {*text.splitlines()}
    assert "W_one1 is layers.0.neurons.·.w[·] of one." in text
    # A gradient stands beside the statement that computes it, each that of its own module.
    rows = {row.text.partition(" = ")[0]: row.program for row in f.derivation().rows}
    assert [bool(rows[f"∂L/∂W_{name}2"]) for name in ("one", "other")] == [True, True]
    assert_equal_results(*equations_of(value_and_grad(loss, (0, 1)), *args))


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (nn.Neuron(2, rng=0), ["w[1]", "w[2]", "b"]),
        (nn.Layer(1, 2, rng=0), ["W[1]", "b[1]", "W[2]", "b[2]"]),
        (nn.MLP(1, [1], rng=0), ["W_1", "b_1"]),
        (Deep(), ["θ[1]", "θ[2]"]),
    ],
)
def test_gradient_of_a_small_module(model: Any, names: list[str]) -> None:
    """The gradient of a module of a few parameters is a number for each, which is called after it."""

    def f(model: Any, x: Any) -> Any:
        return sum((i + 1.0) * p * x for i, p in enumerate(model.parameters()))

    equations, arrays, _ = equations_of(grad(f, (0, 1)), model, 2.0)
    found = {equations.symbols["result", n].text: value for n, value in results_of(equations, arrays).items()}
    x = found.pop("∂f/∂x")
    assert x == pytest.approx(sum((i + 1.0) * float(p) for i, p in enumerate(model.parameters())))
    assert found == {f"∂f/∂{name}": 2.0 * (i + 1.0) for i, name in enumerate(names)}


_I, _J, _K = Letter(3), Letter(3), Letter(6)


@pytest.mark.parametrize(
    ("index", "to"),
    [
        (Stride(1, ((_I, 2),)), {_I: Stride(2, ((_J, -1),))}),
        (Listing((_K,), (6,), (4, 2, 0, 1, 5, 3)), {_K: Stride(1, ((_J, 2),))}),
        (Listing((_K,), (6,), (4, 2, 0, 1, 5, 3)), {_K: Stride(4)}),
        (Listing((_I, _K), (3, 6), tuple(range(17, -1, -1))), {_K: _J}),
        (Listing((_I, _J), (3, 3), (4, 2, 0, 1, 5, 3, 8, 6, 7)), {_I: _J}),
        (Stride(1, ((_I, 2),)), {_I: Listing((_J,), (3,), (2, 0, 1))}),
        (Stride(1, ((_I, 2),)), {_I: Stride(-1)}),
        (Listing((_K,), (6,), (4, 2, 0, 1, 5, 3)), {_K: Stride(0, ((_I, 1), (_J, 1)))}),
    ],
)
def test_an_index_at_other_indices(index: Any, to: Any) -> None:
    """An index with others in the places of letters has the value that it has at theirs, or there is none."""
    found = substituted_index(index, to)
    if found is None:
        return

    def value(subscript: Any, at: dict[Letter, int]) -> int:
        if isinstance(subscript, Letter):
            return at[subscript]
        if isinstance(subscript, Stride):
            return subscript.start + sum(step * at[letter] for letter, step in subscript.steps)
        table = np.array(subscript.positions).reshape(subscript.lengths)
        return int(table[tuple([at[letter] for letter in subscript.letters])])

    for i, j in np.ndindex(3, 3):
        at = {_I: i, _J: j}
        inner = {letter: value(to.get(letter, letter), at) for letter in letters_in(index)}
        assert value(found, at) == value(index, inner)


@pytest.mark.parametrize(
    ("index", "is_in_it"),
    [
        (Listing((_I,), (3,), (2, 0, 3)), True),
        (Listing((_I,), (3,), (2, 0, 4)), False),
        (Stride(0, ((_I, 1),)), True),
        (Stride(1, ((_I, 1),)), True),
        (Stride(2, ((_I, 1),)), False),
        (Stride(0, ((_I, 2),)), False),
        (Stride(3, ((_I, -1),)), True),
        (Stride(4, ((_I, -1),)), False),
    ],
)
def test_elements_of_one_part_of_an_array(index: Any, is_in_it: bool) -> None:
    """An array of four numbers of x and one of y is called x where its elements are all numbers of x."""
    letter, key, result = Letter(4), ("array", 0), ("result", 0)
    x, y = Entry(("argument", 0), (letter,)), Entry(("argument", 1))
    parts = [ArrayPiece((letter,), x), ArrayPiece((Stride(4),), y)]
    array = ArrayFormula(key, (Letter(5),), parts)
    some = ArrayFormula(result, (_I,), [ArrayPiece((_I,), Entry(key, (index,)))])
    found = simplified(ProgramFormulas({key: array, result: some})).arrays[result].whole
    assert found == Entry(("argument", 0) if is_in_it else key, (index,))


def test_a_sum_of_what_has_no_common_letter_is_no_product() -> None:
    """Σ_jk A[i, j] c[k] is no product of matrices: neither letter is in both."""
    product = ProductOf(1.0, ((Entry("A", (_I, _J)), 1), (Entry("c", (_K,)), 1)))
    with pytest.raises(NoMatrixFormError):
        matrix_form(SumOver((_J, _K), product), _I, None, lambda key: (0, 1 if key == "A" else None))


def test_latex_of_a_logistic_neuron() -> None:
    """LaTeX has the forms of the table, dimensions below, and an equation in each line (D3)."""
    f, args, _ = LESSONS["D3"]
    found = str(equations_of(f, *args)[0]).splitlines()
    assert found == [
        r"\begin{aligned}",
        r"\underbrace{Z}_{1 \times m} &= \underbrace{w^\top}_{1 \times 3}\, "
        r"\underbrace{X}_{3 \times m} + b \\[4pt]",
        r"\underbrace{A}_{1 \times m} &= \sigma\left(Z\right) \\[4pt]",
        r"J &= -\frac{1}{m}\, \sum_{i=1}^{m} \left(Y_{i}\, \ln\left(A_{i}\right) + \left(1 - Y_{i}\right)\, "
        r"\ln\left(1 - A_{i}\right)\right) \\[4pt]",
        r"\underbrace{dZ}_{1 \times m} &= A - \underbrace{Y}_{1 \times m} \\[4pt]",
        r"\underbrace{\frac{\partial J}{\partial w}}_{3 \times 1} &= \frac{1}{m}\, X\, dZ^\top \\[4pt]",
        r"\frac{\partial J}{\partial b} &= \frac{1}{m}\, \sum_{i=1}^{m} dZ_{i}",
        r"\end{aligned}",
    ]


def test_dimensions_are_left_out_on_request() -> None:
    """Without dimensions nothing stands below the arrays."""
    f, args, _ = LESSONS["D7"]
    compiled = jit(f)
    compiled(*args)
    assert "underbrace" in str(compiled.to_latex())
    assert "underbrace" not in str(compiled.to_latex(dimensions=False))


def regular_programs() -> st.SearchStrategy[ArrayProgram]:
    """Return programs without those that tell -0 from 0, which are one number in mathematics."""
    return array_programs().filter(lambda program: not any("arctan2" in name for name, _ in program.steps))


@given(program=regular_programs())
@settings(max_examples=40)
def test_formulas_of_random_programs(program: ArrayProgram) -> None:
    """Whatever a program is made of, its formulas say what it computes, or it is said that there are none."""
    try:
        found = equations_of(lambda *args: program.results(args), *program.point(0.3))
    except NotImplementedError:
        return
    assert_equal_results(*found)


@given(program=regular_programs())
@settings(max_examples=40)
def test_formulas_of_gradients_of_random_programs(program: ArrayProgram) -> None:
    """So do those of its gradients."""
    try:
        found = equations_of(
            value_and_grad(lambda *args: program.total(args), (0, 1, 2)), *program.point(0.3)
        )
    except NotImplementedError:
        return
    assert_equal_results(*found)


def test_a_wrapped_gradient_is_not_called_one() -> None:
    """Only what `grad` itself returns is a gradient: not what a function makes of it that copies its name."""
    gradient = grad(lambda x: x * x)

    @functools.wraps(gradient)
    def twice(x: Any) -> Any:
        return 2.0 * gradient(x)

    assert "∂" in repr(equations_of(gradient, 3.0)[0])
    assert "∂" not in repr(equations_of(twice, 3.0)[0])


def test_what_flows_back_is_a_gradient() -> None:
    """What is called dZ is the gradient by Z, times a number: by a bias for each sample (D3)."""
    f, args, _ = LESSONS["D3"]
    equations, arrays, _ = equations_of(f, *args)
    (key,) = [key for key, symbol in equations.symbols.items() if symbol.text == "dZ"]
    w, b, X, Y = args

    def cost(biases: Any) -> Any:
        m = len(Y)
        costs = [logistic_cost(w, biases[i], X[:, i : i + 1], Y[i : i + 1]) for i in range(m)]
        return sum(costs) / m

    np.testing.assert_allclose(values_of(equations, arrays)[key] / len(Y), grad(cost)(np.full(len(Y), b)))


def test_of_two_ways_back_neither_is_the_gradient() -> None:
    """Where two arrays flow back to one, nothing is said of either."""

    def loss(b: Any, x: Any) -> Any:
        z = x + b
        return tanh(z).sum() * sigmoid(z).sum()

    found = repr(equations_of(value_and_grad(loss), 0.5, np.linspace(-1.0, 1.0, 5))[0])
    assert "∂L/∂b" in found
    assert "flows back" not in found


def test_irregular_programs_are_said_to_be() -> None:
    """A program that is interpreted from a table has no formulas, and says how many operations it has."""

    def irregular(x: Any) -> Any:
        numbers = [*x]
        for i in range(4000):
            row = (tanh, exp, sigmoid)[i * i % 7 % 3]
            numbers.append(row(numbers[i * 7919 % len(numbers)] * 0.1 + numbers[i * 31 % len(numbers)] * 0.2))
        return numbers[-1]

    compiled = jit(irregular)
    compiled(np.linspace(0.0, 1.0, 5))
    with pytest.raises(NotImplementedError, match=r"operations are irregular"):
        compiled.to_latex()


def test_three_forms_side_by_side() -> None:
    """A formula stands beside the statements that compute it, and the lines of the loop that assign it."""
    f, args, _ = LESSONS["D7"]
    compiled = jit(f, backend="numpy")
    compiled(*args)
    rows = compiled.derivation().rows
    first, second = rows[0], rows[1]
    assert first.loop[-1].strip() == "z = z + W[j, k] * A_prev[k, i]"
    assert first.program[-1] == "v3 = b + v1"
    assert (first.text, first.latex) == (
        "Z = W A_prev + b",
        r"Z = W\, A_{\mathrm{prev}} + b",
    )
    assert [line.strip() for line in second.loop] == [
        "total = total + dA[j, i] * tanh(z)",
        "return total / m",
    ]
    assert second.text == "dZ = dA ⊙ tanh'(Z)"
    source = compiled.source.splitlines()
    body = [line.removeprefix("    ") for line in source[source.index("def program(W, b, A_prev, dA):") :]]
    assert [line for row in rows for line in row.program] == body


def test_three_forms_in_a_notebook() -> None:
    """A notebook gets a table, in which text of the user is escaped and formulas are typeset."""

    def f(x: Any) -> Any:
        return x * 2.0 if "<b>&" else x

    compiled = jit(f)
    compiled(3.0)
    found = compiled.derivation()._repr_html_()
    assert found.count("<tr>") == 2
    assert "&lt;b&gt;&amp;" in found
    assert "<b>" not in found
    assert r"$\displaystyle f = 2\, x$" in found


def test_names_of_users_are_no_latex() -> None:
    """A name with signs of LaTeX is text, and Greek names are Greek letters."""

    def f(theta: Any, **others: Any) -> Any:
        return theta * others["}\\input{x}"]

    compiled = jit(f)
    compiled(2.0, **{"}\\input{x}": 3.0})
    assert str(compiled.to_latex()).splitlines()[1] == (r"f &= \theta\, \text{\}\textbackslash{}input\{x\}}")


def test_a_notebook_shows_equations() -> None:
    """A notebook shows them as mathematics of their own line."""
    f = jit(lambda x: x * x, "numpy")
    f(2.0)
    equations = f.to_latex()
    assert equations._repr_latex_() == f"$\\displaystyle {equations}$"
