from __future__ import annotations

import ast
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from in_c import COMPILER, WARNINGS, CLibrary, arrays_of
from oracles import public
from programs import Program, total
from strategies import programs
from test_programs import arguments

import autograd
from autograd import (
    OPS,
    exp,
    fori_loop,
    grad,
    hvp,
    logsumexp,
    scan,
    sigmoid,
    sin,
    softplus,
    take,
    tanh,
    value_and_grad,
    vmap,
    while_loop,
)
from autograd.compiler import Jitted, findings
from autograd.compiler import compile as compiled
from autograd.compiler.arguments.call import Call
from autograd.compiler.c.expressions import FLOAT, HELPERS, INDEX, CExpression, Expressions
from autograd.compiler.c.lines import Variable, without_unused, written
from autograd.compiler.c.translation import GivenArray, Translation
from autograd.compiler.c.workspace import Workspace, amount_of
from autograd.ops.table import COMPARISONS, Op
from nn import MLP

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


class Case(NamedTuple):
    """A function, and arguments of it."""

    f: Callable[..., Any]
    arguments: tuple[Any, ...]
    argnums: tuple[int, ...] | None = None


def rng(seed: int = 0) -> np.random.Generator:
    """Return a random generator."""
    return np.random.default_rng(seed)


def of_row(op: Op) -> Case:
    """Return a function of a row alone, at the middle of its domain."""
    middle = [low + 0.37 * (high - low) for low, high in op.domain]
    if op.variadic:
        count = len(op.parameters)
        vectors = [np.array([x, 0.8 * x, 1.3 * x]) for x in middle]
        return Case(lambda *x: public(op)(*map(list, x)), tuple(vectors[:count]))
    return Case(public(op), tuple(middle))


def logistic(w: Any, b: Any, X: Any, Y: Any) -> Any:  # noqa: N803
    """Return the loss of a logistic regression, for any number of samples."""
    return vmap(lambda x, y: softplus(w @ x + b) - y * (w @ x + b))(X, Y).mean()


def cost(w: Any, b: Any, X: Any, Y: Any) -> Any:  # noqa: N803
    """Return the cost of the lecture notes (D3), sample by sample."""
    total = 0.0
    for i in range(len(Y)):
        a = sigmoid(w[0] * X[0, i] + w[1] * X[1, i] + b)
        total = total - Y[i] * autograd.log(a) - (1.0 - Y[i]) * autograd.log(1.0 - a)
    return total / len(Y)


def of_layers(layers: Any, X: Any) -> Any:  # noqa: N803
    """Return a number that a small network computes."""
    (w1, b1), (w2, b2) = layers
    return vmap(lambda x: (w2 @ tanh(w1 @ x + b1) + b2)[0] ** 2)(X).sum()


def recurrent(w: Any, u: Any, xs: Any) -> Any:
    """Return what a recurrent network leaves."""

    def step(h: Any, x: Any) -> Any:
        h = tanh(w @ h + u @ x)
        return h, (h * h).sum()

    last, sums = scan(step, np.zeros(3), xs)
    return last.sum() + sums.sum()


def root(a: Any) -> Any:
    """Return the square root by Newton's iteration, until it does not change."""
    return while_loop(
        lambda state: abs(state[0] * state[0] - a) > 1e-13,
        lambda state: (0.5 * (state[0] + a / state[0]), state[1] + 1.0),
        (a, 0.0),
    )[0]


def ragged(x: Any) -> Any:
    """Return sums over a triangle."""
    sums = [sum((x[i] * x[j] for j in range(i + 1)), 0.0) for i in range(12)]
    return sum((tanh(total) for total in sums), 0.0)


def looked_up(table: Any, index: Any) -> Any:
    """Return a sum of elements by their indices."""
    return sum((take(table, i) ** 2 for i in index), 0.0)


def kernel(X: Any, Z: Any) -> Any:  # noqa: N803
    """Return the sum of a kernel over all pairs of samples, along two axes."""
    return vmap(lambda x: vmap(lambda z: exp(-((x - z) ** 2).sum()))(Z).sum())(X).sum()


def tangled(x: Any, count: int = 1200) -> Any:
    """Return a number of operations that follow no pattern."""
    draws, values = rng(3), list(x)
    kinds: list[Callable[[Any, Any], Any]] = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: sin(a) - b]
    for _ in range(count):
        i, j = draws.integers(0, len(values), 2).tolist()
        values.append(tanh(kinds[int(draws.integers(0, 3))](values[i], values[j])))
    return sum(values[-20:], 0.0)


def tangled_samples(X: Any) -> Any:  # noqa: N803
    """Return the same over samples, which are interpreted side by side."""
    return sum((tangled(x) for x in X), 0.0)


def best_path(w: Any, x: Any) -> Any:
    """Return the score of the best path through some states, whose steps are found to be a loop."""
    scores = [0.0, 0.1, 0.2]
    for i in range(40):
        scores = [autograd.max([scores[k] + w[k, j] for k in range(3)]) + x[i] * w[j, 0] for j in range(3)]
    return autograd.max(scores)


def windowed(x: Any) -> Any:
    """Return a sum over three numbers that follow each other, which a loop goes through."""
    return (
        fori_loop(0, 9, lambda i, total: total + take(x, i) * take(x, i + 1.0), 0.0) + (x[1:] * x[:-1]).sum()
    )


CASES = {
    "logistic": Case(
        logistic, (rng().normal(size=3), 0.2, rng(1).normal(size=(250, 3)), np.arange(250) % 2.0), (0, 1)
    ),
    "cost": Case(cost, (rng().normal(size=2), 0.1, rng(1).normal(size=(2, 7)), np.arange(7) % 2.0)),
    "of_layers": Case(
        of_layers,
        (
            [(rng(1).normal(size=(4, 3)), np.ones(4)), (rng(2).normal(size=(1, 4)), np.ones(1))],
            rng(3).normal(size=(9, 3)),
        ),
    ),
    "recurrent": Case(
        recurrent, (rng().normal(size=(3, 3)), rng(1).normal(size=(3, 2)), rng(2).normal(size=(6, 2)))
    ),
    "root": Case(root, (3.0,)),
    "ragged": Case(ragged, (rng().normal(size=12),)),
    "looked_up": Case(
        looked_up, (rng().normal(size=9), np.array([3.0, 8.0, 3.0, 0.0, 1.0, 1.0, 5.0, 2.0, 7.0])), (0,)
    ),
    "kernel": Case(kernel, (rng().normal(size=(9, 4)), rng(1).normal(size=(6, 4)))),
    "tangled": Case(tangled, (rng().normal(size=30),)),
    "tangled_samples": Case(tangled_samples, (rng().normal(size=(10, 30)),)),
    "best_path": Case(best_path, (rng().normal(size=(3, 3)), rng(1).normal(size=40))),
    "windowed": Case(windowed, (rng().normal(size=11),)),
    "soft": Case(lambda x: logsumexp(list(x)) * autograd.max(list(x)), (rng().normal(size=7),)),
    **{f"row_{op.name}": of_row(op) for op in OPS.values()},
    **{
        f"row_{op.name}": Case(lambda x, y, op=op: x * public(op)(x, y), (1.5, 0.5))
        for op in COMPARISONS.values()
    },
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> CLibrary:
    """Return all cases, compiled at once."""
    folder = tmp_path_factory.mktemp("c")
    for name, case in CASES.items():
        f = Jitted(case.f)
        f(*case.arguments)
        f.to_c(folder / f"{name}.c", case.argnums, name=name)
    return CLibrary(folder)


def agree(found: tuple[int, list[Any]], expected: Any, tolerance: float = 2e-14) -> None:
    """Assert that a function in C has ended well, with results that differ by rounding errors alone."""
    status, results = found
    assert status == 0
    for result, array in zip(results, arrays_of(expected), strict=True):
        scale = np.abs(array[np.isfinite(array)]).max(initial=0.0)
        np.testing.assert_allclose(result, array, rtol=tolerance, atol=tolerance * scale / 5.0)


def shapes_of(tree: Any) -> list[tuple[int, ...]]:
    """Return the shapes of the arrays of a tree."""
    return [array.shape for array in arrays_of(tree)]


def differentiated(case: Case) -> tuple[int, ...]:
    """Return the arguments that a case is differentiated by."""
    return case.argnums or tuple(range(len(case.arguments)))


@pytest.mark.parametrize("name", CASES)
def test_the_value_is_that_of_numpy(library: CLibrary, name: str) -> None:
    """A function in C computes what the program of NumPy does, for all rows and forms of programs."""
    case = CASES[name]
    expected = Jitted(case.f)(*case.arguments)
    agree(library.call(name, arrays_of(case.arguments), shapes_of(expected)), expected)


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_numpy(library: CLibrary, name: str) -> None:
    """The gradient comes with the value, by the arguments that were asked for, each in its shape."""
    case = CASES[name]
    expected = Jitted(value_and_grad(case.f, differentiated(case)))(*case.arguments)
    agree(library.call(f"{name}_gradient", arrays_of(case.arguments), shapes_of(expected)), expected)


def moved(tree: Any) -> Any:
    """Return a vector of the structure of a tree."""
    if isinstance(tree, list | tuple):
        return type(tree)(moved(part) for part in tree)
    array = np.asarray(tree)
    return np.cos(np.arange(1.0, array.size + 1.0)).reshape(array.shape) if array.shape else 0.7


@pytest.mark.parametrize("name", CASES)
def test_the_product_with_the_hessian_is_that_of_numpy(library: CLibrary, name: str) -> None:
    """The product of the Hessian and a vector has parts for the arguments that were asked for."""
    case = CASES[name]
    chosen = differentiated(case)
    vectors = [moved(case.arguments[i]) for i in chosen]

    def of(*arguments: Any) -> Any:
        given = dict(zip(chosen, arguments, strict=True))
        return case.f(*[given.get(i, argument) for i, argument in enumerate(case.arguments)])

    expected = hvp(of, [case.arguments[i] for i in chosen], vectors)
    given = arrays_of([case.arguments, vectors])
    agree(library.call(f"{name}_hvp", given, shapes_of(expected)), expected)


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.special_points], ids=lambda op: op.name)
def test_special_points_are_those_of_the_table(library: CLibrary, op: Op) -> None:
    """At kinks, poles, infinities and signed zeros, values and partials are those that the row says."""
    for point in op.special_points:
        count = len(op.parameters)
        arguments = list(point.at)
        if op.variadic:
            if len(point.at) != 3 * count:
                continue
            arguments = list(np.reshape(point.at, (count, 3)))
        shapes = [(), *(np.shape(argument) for argument in arguments)]
        status, (value, *partials) = library.call(f"row_{op.name}_gradient", arguments, shapes)
        assert status == 0
        found = np.concatenate([np.ravel(partial) for partial in partials])
        np.testing.assert_allclose(value, point.value, rtol=1e-15)
        np.testing.assert_allclose(found, point.partials, rtol=4e-15)
        assert np.signbit(value) == np.signbit(point.value) or np.isnan(point.value)


def along(x: Any) -> Any:
    """Return a vector along an axis."""
    return vmap(tanh)(x)


def neighbours(x: Any, y: Any) -> Any:
    """Return products of neighbours, of which some vary along one of two axes alone."""
    z, other = vmap(lambda a: vmap(lambda _: a @ a)(y))(x), vmap(lambda a: vmap(lambda b: tanh(a @ b))(y))(x)
    return (
        (z[1:] * other[:-1]).sum()
        + (z[:, 1:] * other[:, :-1]).sum()
        + (other[1:].sum(axis=0) * other[:-1].max(axis=0)).sum()
    )


def one_by_one(x: Any, y: Any) -> Any:
    """Return numbers in another order, times others, and one of them."""
    found = vmap(lambda a, b: tanh(a) * b)(x[ORDER], y)
    return [found, found[3]]


ORDER = rng(5).permutation(60)
FORMS = {
    "rows_in_another_order": Case(
        lambda x, y: [vmap(lambda a: tanh(a @ a))(x[ORDER]) * y],
        (rng().normal(size=(60, 2)), rng(1).normal(size=60)),
    ),
    "slices": Case(
        value_and_grad(neighbours, (0, 1)), (rng().normal(size=(12, 3)), rng(1).normal(size=(9, 3)))
    ),
    "loops_in_loops": Case(
        value_and_grad(
            lambda h, xs: scan(lambda h, x: (fori_loop(0, 4, lambda _, g: tanh(g + x), h), None), h, xs)[
                0
            ].sum(),
            (0, 1),
        ),
        (rng().normal(size=3), rng(1).normal(size=(9, 3))),
    ),
    "transposed": Case(lambda x: [vmap(tanh)(x.T)], (rng().normal(size=(20, 20)),)),
    "part_of_the_steps": Case(
        lambda x: [scan(lambda c, i: (c + 1.0, c * i), 0.0, np.arange(6.0))[1][2:] * x[:4]],
        (rng().normal(size=6),),
    ),
    "five_lengths": Case(
        lambda a, b, c, d, e: [
            along(a).sum() * along(b).sum() + along(c)[0] * along(d).max() * along(e).mean()
        ],
        tuple(rng(n).normal(size=n) for n in (10, 11, 12, 13, 14)),
    ),
}


def test_programs_of_other_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments in another order, slices, loops in loops, transposes and many lengths have a form in C."""
    monkeypatch.setattr(findings, "_stamp", lambda: "")
    numbers = rng().normal(size=60), rng(1).normal(size=60)
    expected = {}
    for name, case in FORMS.items():
        f = Jitted(case.f)
        expected[name] = f(*case.arguments)
        f.to_c(tmp_path / f"{name}.c", name=name)
    # One number of each sample at a time.
    monkeypatch.setattr(compiled, "_MOST_ARRAYS", 0)
    monkeypatch.setattr(compiled, "_FEWEST_NUMBERS", np.inf)
    f = Jitted(one_by_one)
    expected["one_by_one"] = f(*numbers)
    f.to_c(tmp_path / "one_by_one.c", name="one_by_one")
    library = CLibrary(tmp_path, ["-O0"])
    for name, found in expected.items():
        given = FORMS[name].arguments if name in FORMS else numbers
        agree(library.call(name, arrays_of(given), shapes_of(found)), found, 1e-12)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("while True: pass", "loops for C have no pass"),
        ("with x: pass", "loops for C have no with x"),
        ("v1 = [1.0]", r"loops for C have no \[1.0\]"),
        ("v1 = nowhere", "loops for C read nowhere where it is not declared"),
        ("v1 = math.nothing(1.0)", "C has no math.nothing"),
    ],
)
def test_what_loops_do_not_say(line: str, message: str) -> None:
    """A statement that loops have not had until now is named, by who adds it."""
    with pytest.raises(TypeError, match=message):
        Translation({}, [], Workspace()).lines_of([line])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x // y", "floor_divide(x, y)"),
        ("x % -y", "modulo(x, -y)"),
        ("n // 2", "n / 2"),
        ("int(x + y)", "(ptrdiff_t)(x + y)"),
        ("np.uint64(n + 1)", "n + 1"),
    ],
)
def test_numbers_and_what_counts(text: str, expected: str) -> None:
    """Python divides numbers in another way than C; an index is one already, and a number becomes one."""
    kinds = {"x": FLOAT, "y": FLOAT, "n": INDEX}
    written_by = Expressions(
        lambda name: CExpression(name, kinds[name]), lambda array, index: CExpression("", "")
    )
    assert written_by.of(ast.parse(text, mode="eval").body).text == expected
    assert written_by.helpers == {expected.partition("(")[0]} & {*HELPERS}


def test_statements_of_loops() -> None:
    """One number is assigned, more are copied; what is computed twice has a name; no block is empty."""
    number, array = Variable("x", "const double *"), Variable("y", "double *")
    given = {
        "argument0": GivenArray(number, (Counter({(): 9}),)),
        "result0": GivenArray(array, (Counter({(): 9}),)),
    }
    loops = [
        "copy(result0, 2, 1, argument0, 3)",
        "copy(result0, 4, 5, argument0, 0)",
        "v2 = math.exp(math.sin(argument0[0])) * math.sin(argument0[0])",
        "result0[0] = v2",
        "for i in range(9):",
        "    v1 = argument0[i]",
    ]
    lines = written(without_unused(Translation(given, [], Workspace()).lines_of(loops)), 0)
    assert lines == [
        "y[2] = x[3];",
        "memcpy(y + 4, x, 5 * sizeof(double));",
        "double e1 = sin(x[0]);",
        "double v2 = exp(e1) * e1;",
        "y[0] = v2;",
    ]


def test_a_table_of_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of too many arrays is a table in C, with its constants, and results from many places.

    One of few is loops; a matrix that a product reads many times is copied to where C loads it fast.
    """
    matrices = rng(3).normal(size=(2, 8, 8))
    product = Jitted(lambda a, b: a @ b, "numpy")
    product(*matrices)
    product.to_c(tmp_path / "product.c", name="product")
    monkeypatch.setattr(compiled, "_MOST_ARRAYS", 0)
    constants = rng(1).normal(size=(4, 3))

    def of_rows(x: Any, y: Any) -> Any:
        rows = autograd.tanh(constants @ x) * 2.5
        return [(rows[::-1] * y)[[2, 0, 1]], rows.sum(), rows]

    f, numbers = Jitted(of_rows, "numpy"), (rng(2).normal(size=3), 0.3)
    expected = f(*numbers)
    assert f.report().interpreted
    f.to_c(tmp_path / "of_rows.c", name="of_rows")
    library = CLibrary(tmp_path, ["-O0"])
    agree(library.call("of_rows", arrays_of(numbers), shapes_of(expected)), expected, 1e-14)
    agree(library.call("product", [*matrices], [(8, 8)]), [matrices[0] @ matrices[1]], 1e-14)


def test_a_loop_of_one_turn() -> None:
    """Of a loop that has one turn there is no loop, and what depends on its index is computed."""
    y = GivenArray(Variable("y", "double *"), (Counter({(): 9}),))
    lines = Translation({"y": y}, [], Workspace()).lines_of(
        ["for i in range(2, 3):", "    y[3 * i + 1] = 0.5"]
    )
    assert written(lines, 0) == ["{", "    y[7] = 0.5;", "}"]


def test_arrays_change_places() -> None:
    """Two arrays that change places, as what a step is given and what it leaves, do so by a third name."""
    loops = ["v = np.empty(9)", "w = np.empty(9)", "v, w = w, v"]
    lines = written(Translation({}, [], Workspace()).lines_of(loops), 0)
    assert lines[-3:] == ["double *swapped1 = v;", "v = w;", "w = swapped1;"]


def test_lengths_are_sums_and_products() -> None:
    """The memory that a program computes in is a sum of products of lengths."""
    assert amount_of(ast.parse("3 * n + n", mode="eval").body, {"n": Counter({("n",): 1})}) == {("n",): 4}
    with pytest.raises(TypeError, match="expected sums and products of lengths, got n - 1"):
        amount_of(ast.parse("n - 1", mode="eval").body, {"n": Counter({("n",): 1})})


def test_no_arguments_to_differentiate_by(tmp_path: Path) -> None:
    """A function of one number that is to be differentiated by nothing has a value alone."""
    f = Jitted(lambda x: x * x)
    f(2.0)
    f.to_c(tmp_path / "value.c", argnums=(), name="value")
    assert "value_gradient" not in (tmp_path / "value.h").read_text()


def test_a_length_that_is_open_is_an_argument(library: CLibrary) -> None:
    """A function of a batch holds for other numbers of samples, in whole chunks or not."""
    for samples in (1, 7, 8, 119, 120, 121, 500):
        X, Y = rng(samples).normal(size=(samples, 3)), np.arange(samples) % 2.0  # noqa: N806
        w, b, *_ = CASES["logistic"].arguments
        expected = value_and_grad(logistic, (0, 1))(w, b, X, Y)
        found = library.call("logistic_gradient", [w, b, X, Y], shapes_of(expected))
        agree(found, expected, 4e-16 * (samples + 50))


def test_threads_do_not_disturb_each_other(library: CLibrary) -> None:
    """Two threads, each with a memory of its own, get what one gets."""
    case = CASES["of_layers"]
    expected = value_and_grad(case.f, (0, 1))(*case.arguments)

    def call(_: int) -> tuple[int, list[Any]]:
        return library.call("of_layers_gradient", arrays_of(case.arguments), shapes_of(expected))

    with ThreadPoolExecutor(2) as threads:
        for found in threads.map(call, range(40)):
            agree(found, expected)


def test_a_program_of_several_results_is_one_function(tmp_path: Path) -> None:
    """What returns arrays has no gradient; it is written as it is, with its results by their names."""
    f = Jitted(lambda x: {"double": 2.0 * x, "sum": [x.sum(), x[0]]})
    x = np.array([1.0, 2.0, 3.0])
    f(x)
    f.to_c(tmp_path / "several.c")
    header = (tmp_path / "several.h").read_text()
    assert "several_gradient" not in header
    assert "double *result_double, double *result_sum_0, double *result_sum_1" in header
    expected = f(x)
    agree(CLibrary(tmp_path).call("several", [x], shapes_of(expected)), expected)
    with pytest.raises(ValueError, match="no argnums for a function that returns dict"):
        f.to_c(tmp_path / "several.c", argnums=0)


def test_modules_and_static_arguments(tmp_path: Path) -> None:
    """The parameters of a module are one array, and static arguments are as in the last call."""
    model = MLP(2, [3, 1], rng=0)
    f = Jitted(lambda model, x, scale: (model(x) * scale) ** 2)
    compiled = autograd.jit(f._f, "numpy", static_argnums=2)
    x = np.array([0.3, -0.4])
    compiled(model, x, 3.0)
    compiled.to_c(tmp_path / "of_model.c", argnums=0, name="of_model")
    numbers = [parameter.data for parameter in model.parameters()]
    value, gradient = value_and_grad(lambda model: (model(x) * 3.0) ** 2)(model)
    found = CLibrary(tmp_path).call("of_model_gradient", [numbers, x], [(), (len(numbers),)])
    agree(found, [value, np.array(list(gradient.values()))])
    with pytest.raises(ValueError, match=r"argument 2; expected one of \[0, 1\]"):
        compiled.to_c(tmp_path / "of_model.c", argnums=2)


def test_steps_that_there_is_no_room_for_are_an_error(tmp_path: Path) -> None:
    """A loop that stores its steps returns an error where they are too many; the header says how many."""
    f = Jitted(grad(root))
    f(2.0)
    f.to_c(tmp_path / "slope.c", name="slope")
    header = tmp_path / "slope.h"
    text = header.read_text()
    assert "#ifndef SLOPE_STEPS" in text
    header.write_text(text.replace("#define SLOPE_STEPS 1000", "#define SLOPE_STEPS 3"))
    library = CLibrary(tmp_path)
    assert library.call("slope", [2.0], [()])[0] == 1
    agree(library.call("slope", [1.0], [()]), grad(root)(1.0))


@given(programs(manners=("smooth", "special")))
@settings(max_examples=6)
def test_random_programs(tmp_path_factory: pytest.TempPathFactory, program: Program) -> None:
    """What a random program and its gradient compute, they compute in C."""
    p, d, _ = arguments(program, 0)

    def both(p: Any, d: Any) -> Any:
        return program.ours(p, d), value_and_grad(lambda p: total(program.ours(p, d)))(p)

    f = Jitted(both)
    with np.errstate(all="ignore"):
        f(p, d)
        call = Call(both, (p, d), {})
        expected = f._latest.program.run(*call.arrays)
        folder = tmp_path_factory.mktemp("random")
        f.to_c(folder / "random.c", name="of_random")
    status, results = CLibrary(folder, ("-O0",)).call("of_random", call.arrays, [*map(np.shape, expected)])
    assert status == 0
    for result, array in zip(results, map(np.asarray, expected), strict=True):
        finite = array[np.isfinite(array)]
        np.testing.assert_allclose(result, array, rtol=1e-9, atol=1e-10 * np.abs(finite).max(initial=0.0))


MAIN = r"""
#include <math.h>
#include <stdio.h>
#include "logistic.h"

int main(void)
{
    const double w[3] = {0.1, -0.2, 0.3}, X[6] = {1, 2, 3, 4, 5, 6}, Y[2] = {0, 1};
    static double work[LOGISTIC_GRADIENT_WORK(2)];
    double value, d_w[3], d_b;
    if (logistic_gradient(2, w, 0.5, X, Y, &value, d_w, &d_b, work) != 0)
        return 1;
    printf("%.17g %.17g %.17g %.17g %.17g\n", value, d_w[0], d_w[1], d_w[2], d_b);
    return 0;
}
"""


@pytest.mark.parametrize("language", ["c", "c++"])
def test_a_program_with_a_main_includes_the_header(tmp_path: Path, language: str) -> None:
    """The header compiles without a warning in C and in C++, and the program prints what NumPy computes."""
    assert COMPILER is not None
    compiler = COMPILER if language == "c" else shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no compiler of C++")
    case = CASES["logistic"]
    f = Jitted(case.f)
    f(*case.arguments)
    f.to_c(tmp_path / "logistic.c", (0, 1))
    main = tmp_path / ("main.c" if language == "c" else "main.cc")
    main.write_text(MAIN)
    options = WARNINGS if language == "c" else ["-std=c++11", *WARNINGS[1:]]
    commands = [
        [COMPILER, *WARNINGS, "-O2", "-c", "logistic.c", "-o", "logistic.o"],
        [compiler, *options, "-O2", str(main), "logistic.o", "-o", "main", "-lm"],
        [str(tmp_path / "main")],
    ]
    for command in commands:
        found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (found.returncode, found.stderr) == (0, "")
    w, X, Y = np.array([0.1, -0.2, 0.3]), np.arange(1.0, 7.0).reshape(2, 3), np.array([0.0, 1.0])  # noqa: N806
    value, (d_w, d_b) = value_and_grad(logistic, (0, 1))(w, 0.5, X, Y)
    np.testing.assert_allclose([*map(float, found.stdout.split())], [value, *d_w, d_b], rtol=1e-13)


def test_the_program_in_the_documents_runs(tmp_path: Path) -> None:
    """The example of the page compiles without a warning, and descends as the same steps in Python do."""
    assert COMPILER is not None
    page = Path(__file__).parents[3] / "docs" / "exports.md"
    if not page.exists():
        pytest.skip("the tests are away from the documents")
    program = page.read_text(encoding="utf-8").partition("```c\n")[2].partition("```")[0]
    (tmp_path / "main.c").write_text(program)
    X, Y = np.array([[1, 0, 2], [0, 1, 1], [2, 2, 0], [1, 1, 1.0]]), np.array([1.0, 0.0, 1.0, 0.0])  # noqa: N806
    w, b = np.zeros(3), 0.0
    f = Jitted(logistic)
    f(w, b, X, Y)
    f.to_c(tmp_path / "loss.c", (0, 1), name="loss")
    command = [COMPILER, *WARNINGS, "-O2", "main.c", "loss.c", "-o", "main", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    found = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    step = Jitted(value_and_grad(logistic, (0, 1)))
    for _ in range(100):
        value, (d_w, d_b) = step(w, b, X, Y)
        w, b = w - 0.5 * d_w, b - 0.5 * d_b
    assert found == f"loss {value:.6f} at w = ({w[0]:.4f}, {w[1]:.4f}, {w[2]:.4f}), b = {b:.4f}\n"


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("loss.py", None, "expected a path ending in .c"),
        ("loss.c", "for", "expected a name that C has"),
        ("loss.c", "größe", "expected a name that C has"),
    ],
)
def test_bad_names_are_errors(tmp_path: Path, path: str, name: str | None, message: str) -> None:
    """A file of another kind, and a name that C does not have, are errors that say what was expected."""
    f = Jitted(lambda x: x * x)
    f(2.0)
    with pytest.raises(ValueError, match=message):
        f.to_c(tmp_path / path, name=name)
    assert not [*tmp_path.iterdir()]


def test_what_has_no_form_in_c_is_an_error(tmp_path: Path) -> None:
    """A loop of each sample until its condition fails is declined, with what to do, and writes no file."""
    f = Jitted(lambda numbers: vmap(root)(numbers))
    f(np.array([2.0, 3.0]))
    with pytest.raises(NotImplementedError, match="write that of one sample, and loop over samples in C"):
        f.to_c(tmp_path / "roots.c")
    assert not [*tmp_path.iterdir()]


def test_a_function_has_to_be_called_first(tmp_path: Path) -> None:
    """Without a call, nobody knows the shapes."""
    with pytest.raises(RuntimeError, match="call it once"):
        Jitted(lambda x: x).to_c(tmp_path / "f.c")


def test_a_model_that_is_gone(tmp_path: Path) -> None:
    """A compiled function keeps no model alive, and says so where it would need the last one."""
    f = Jitted(lambda model, x: model(x), "numpy")
    f(MLP(2, [1], rng=0), np.ones(2))
    with pytest.raises(
        RuntimeError, match="the module of the last call is gone: call the function with another"
    ):
        f.to_c(tmp_path / "f.c")
    assert not [*tmp_path.iterdir()]
