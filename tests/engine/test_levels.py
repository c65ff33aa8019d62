"""Nodes know what is being differentiated or traced, in every thread and at every depth."""

import copy
import math
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, grad, hessian, jacobian, jit, jvp, lambdify, log, sqrt, value_and_grad, vjp, where
from autograd.engine import graph, levels
from autograd.engine.errors import LostGradientError, TracedValueError
from autograd.engine.graph import consumers_first
from autograd.engine.levels import open_scopes
from autograd.ops.table import COMPARISONS
from autograd.transforms import accumulation, differentiated_calls

TRANSFORMED: dict[str, Callable[..., Any]] = {
    "grad": grad,
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
    "jacobian": jacobian,
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    "grad of grad": lambda f: grad(lambda x: grad(f)(x)),
    "hessian": hessian,
}

LOSSY: dict[str, Callable[[Any], Any]] = {
    "math.exp": math.exp,
    "float": lambda x: float(x) * x,
    "int": lambda x: int(x) * x,
    "round": lambda x: round(x) * x,
    "math.floor": lambda x: math.floor(x) * x,
    "np.float64": np.float64,
    "a result": lambda x: math.exp(autograd.exp(x * x)),
    "an array of floats": lambda x: np.array([x, x], dtype=object).astype(float).sum(),
    "np.asarray": lambda x: np.asarray([x], float)[0],
    "copy.copy": lambda x: copy.copy(x) * x,
    "copy.deepcopy": lambda x: copy.deepcopy([x * x])[0],
    "pickle": lambda x: pickle.loads(pickle.dumps({"x": x * x}))["x"],
    "backward": lambda x: ((x * x).backward(), x)[1],
}


@pytest.mark.parametrize("transform", TRANSFORMED.values(), ids=TRANSFORMED)
@pytest.mark.parametrize("f", LOSSY.values(), ids=LOSSY)
def test_no_gradient_is_lost(f: Callable[[Any], Any], transform: Callable[..., Any]) -> None:
    """Converting a variable of a derivative to a plain number raises at the user's line."""
    with pytest.raises(LostGradientError, match=r"derivative would be lost.*v\.data") as caught:
        transform(f)(2.0)
    assert __file__ in str(caught.value)
    assert not open_scopes


def _filled(x: Any) -> Any:
    out = np.zeros(2)
    out[0] = x**2
    return out[0]


def test_arrays_of_floats_refuse_results() -> None:
    """Assigning a result to an array of floats, which would lose its derivative, raises."""
    with pytest.raises(LostGradientError, match="array of objects"):
        grad(_filled)(3.0)


def _unclear(x: Any) -> Any:
    text = f"{x:.1f}{x!r}"
    if x > 1.0 and x == x and bool(x):
        return x * x * len(text) * x.data
    return x


@pytest.mark.parametrize("transform", ["grad", "value_and_grad", "jacobian", "jvp", "vjp"])
def test_branches_formats_and_data_are_allowed(transform: str) -> None:
    """An eager derivative may branch, print, and read `.data`, which counts as a constant."""
    x = 2.0
    n = len("2.0") + len(repr(Value(x)))
    assert TRANSFORMED[transform](_unclear)(x) == 2 * x * n * x


def test_numbers_that_nothing_depends_on_convert() -> None:
    """In a derivative, a Value that does not depend on its variables still converts to a number."""
    other = Value(2.0)
    assert grad(lambda x: x * float(other * other))(3.0) == 4.0
    assert grad(lambda x: x * float(x > 1.0))(3.0) == 1.0


def test_a_shallow_copy_keeps_the_derivative() -> None:
    """A shallow copy of a result has the same operands and is differentiated like the original."""
    assert grad(lambda x: copy.copy(x * x) * x)(2.0) == 12.0


def test_numbers_convert_after_the_derivative() -> None:
    """A Value that a function kept converts to a number once the derivative is done."""
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x * x)
        return x

    grad(f)(3.0)
    assert (float(kept[0]), math.sqrt(kept[0])) == (9.0, 3.0)


# ----------------------------------------------------------------------------------------------- threads


@pytest.fixture(name="elsewhere")
def _elsewhere() -> Any:
    """Return a function that calls another in a worker thread."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda f, *args: pool.submit(f, *args).result()


def test_derivatives_in_a_worker(elsewhere: Any) -> None:
    """A derivative in a worker thread is differentiated by an outer one."""
    assert grad(lambda x: elsewhere(grad(lambda y: x * y * y), 3.0))(2.0) == 6.0
    assert grad(lambda x: elsewhere(lambda: grad(lambda y: y * x * x)(x)))(3.0) == 6.0
    assert grad(lambda x: elsewhere(lambda: jvp(lambda y: y * x * x, (1.0,), (1.0,))[1]))(3.0) == 6.0


def test_compiled_functions_in_a_worker(elsewhere: Any) -> None:
    """A function compiled in a worker that reads an outer variable is differentiated by it."""
    assert grad(lambda x: elsewhere(jit(lambda y: x * y), 5.0))(2.0) == 5.0
    assert grad(lambda x: jit(lambda y: x * y)(5.0))(2.0) == 5.0
    assert grad(lambda x: elsewhere(jit(grad(lambda y: x * y * y)), 5.0))(2.0) == 10.0


def test_numbers_are_refused_in_a_worker(elsewhere: Any) -> None:
    """A branch on a traced value and a lost gradient raise in a worker too."""
    with pytest.raises(TracedValueError, match="where"):
        jit(lambda x: elsewhere(lambda: x if x > 0.0 else -x))(3.0)
    with pytest.raises(LostGradientError):
        grad(lambda x: elsewhere(lambda: x * float(x)))(3.0)


def test_other_threads_do_not_wait_for_a_trace(elsewhere: Any) -> None:
    """While a function is traced, other threads read numbers without a walk through their graphs."""
    y = Value(1.0)
    for _ in range(1000):
        y = y * 1.0

    def read() -> int:
        calls = 0

        def count(frame: Any, event: str, _: Any) -> None:
            nonlocal calls
            calls += event == "call"

        sys.settrace(count)
        try:
            _ = y.data, bool(y), float(y), y > 0.5
        finally:
            sys.settrace(None)
        return calls

    found: list[int] = []

    def f(x: Any) -> Any:
        found.append(elsewhere(read))
        return x * x

    jit(f)(2.0)
    assert found[0] < 100


# ------------------------------------------------------------------------------------------- comparisons


@pytest.mark.parametrize("op", COMPARISONS.values(), ids=COMPARISONS)
@pytest.mark.parametrize("point", [(1.0, 2.0), (2.0, 2.0), (3.0, 2.0), (math.nan, 2.0)])
def test_comparisons_are_replayed(op: Any, point: tuple[float, float]) -> None:
    """A comparison of recorded values is a node, so a function of the graph compares its arguments anew."""
    for other in (point, point[::-1]):
        a, b = Value(other[0], label="a"), Value(other[1], label="b")
        compare = {"eq": "__eq__", "ne": "__ne__"}.get(op.name, f"__{op.name}__")
        condition = getattr(a, compare)(b)
        for y in (where(condition, a, -b), condition * a):
            assert y.op is not None
            x = Value(point[0]), Value(point[1])
            holds = bool(getattr(x[0], compare)(x[1]))
            expected = point[0] if holds else (-point[1] if y.op.name == "where" else 0.0 * point[0])
            np.testing.assert_equal(lambdify(y, [a, b])(*point), expected)


def test_a_choice_is_replayed() -> None:
    """In a lambdified function, `where` and comparisons follow the arguments."""
    a = Value(2.0, label="a")
    assert lambdify(where(a > 0, a, -a), [a])(-1.0) == 1.0
    assert lambdify(where(a > 0, 1.0, 2.0), [a])(-1.0) == 2.0  # type: ignore[arg-type]
    assert lambdify((a > 0) * a + (a < 0) * 5.0, [a])(-1.0) == 5.0


def test_no_derivative_flows_through_a_comparison() -> None:
    """A comparison passes no adjoint to its operands, not even an infinite one."""
    x = Value(0.0)
    y: Any = where(x >= 0.0, sqrt(x), 1.0)
    y.backward()
    assert x.grad == math.inf
    assert (y.args[0].partials, y.partials[0]) == ((None, None), None)


# ------------------------------------------------------------------------------------------ zero times inf


def _chosen(x: Any) -> Any:
    return where(x > 0.0, log(x), 0.0)


def _smooth(x: Any) -> Any:
    return where(x > 0.0, x**1.5, 0.0)


ORDERS: dict[str, Callable[[Any], Any]] = {
    "grad": grad,
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("inner", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("outer", ORDERS.values(), ids=ORDERS)
def test_zero_times_infinity(inner: Callable[..., Any], outer: Callable[..., Any]) -> None:
    """0 times an infinite partial is nan as in IEEE 754: in numbers and graphs, both modes, also compiled."""
    first, second = inner(_chosen), outer(inner(_smooth))
    assert math.isnan(first(0.0))
    assert math.isnan(jit(first, backend="numpy")(0.0))
    assert inner(_smooth)(0.0) == 0.0
    assert math.isnan(second(0.0))
    assert math.isnan(jit(second, backend="numpy")(0.0))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_zero_times_infinity_in_backward() -> None:
    """0 times an infinite partial is nan in `backward`, with and without a graph."""
    for create_graph in (False, True):
        x = Value(0.0)
        _chosen(x).backward(create_graph=create_graph)
        assert math.isnan(float(x.grad))


CONSTANTS: dict[str, Callable[[Any], Any]] = {
    "x / 0": lambda x: x / 0.0,
    "0 / 0": lambda x: (x - x) / 0.0,
    "x ** -1": lambda x: (x - x) ** -1.0,
    "a power of 0": lambda x: 0.0**x,
    "arctan2 at 0": lambda x: autograd.arctan2(x - x, 0.0),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("f", CONSTANTS.values(), ids=CONSTANTS)
def test_constants_at_a_pole(f: Callable[[Any], Any]) -> None:
    """A constant for which Python's operators raise gives the IEEE 754 result in graphs of derivatives."""
    x = Value(2.0)
    f(x).backward(create_graph=True)
    np.testing.assert_equal(float(x.grad), grad(f)(2.0))
    np.testing.assert_equal(grad(grad(f))(2.0), jvp(grad(f), (2.0,), (1.0,))[1])


def test_directions_that_are_not_asked_for() -> None:
    """An infinite derivative of one result leaves the other rows of a Jacobian finite."""
    f = lambda x: np.array([sqrt(x[0]), x[0] * x[1]])  # noqa: E731
    for mode in ("rev", "fwd"):
        for compiled in (jacobian(f, mode=mode), jit(jacobian(f, mode=mode), backend="numpy")):
            np.testing.assert_array_equal(compiled(np.array([0.0, 2.0])), [[math.inf, 0.0], [2.0, 0.0]])


# ------------------------------------------------------------------------------- derivatives in a loop


def _descent(steps: int, derivative: Callable[..., Any]) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        for _ in range(steps):
            x = x - 0.01 * derivative(lambda y: y * y * y)(x)
        return x

    return f


def _nodes_walked(f: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the total number of nodes that all graph walks of a call visit."""
    walked = 0

    def counted(*roots: Value, **options: Any) -> list[Value]:
        nonlocal walked
        order = consumers_first(*roots, **options)
        walked += len(order)
        return order

    for module in (accumulation, differentiated_calls, graph):
        monkeypatch.setattr(module, "consumers_first", counted)
    f(0.5)
    monkeypatch.undo()
    return walked


@pytest.mark.parametrize("outer", ["grad", "jvp", "grad of grad"])
@pytest.mark.parametrize("inner", ["grad", "jvp", "value_and_grad"])
def test_an_inner_derivative_in_a_loop_is_linear(
    inner: str, outer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each inner derivative visits only its own nodes, not all earlier steps, at any depth."""
    short, long = (
        _nodes_walked(TRANSFORMED[outer](_descent(steps, TRANSFORMED[inner])), monkeypatch)
        for steps in (10, 40)
    )
    assert long < 4.5 * short


def test_an_inner_derivative_that_uses_history_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """An inner derivative that uses earlier steps as a constant does not visit them either."""

    def f(x: Any, steps: int) -> Any:
        for _ in range(steps):
            x = x - 0.01 * grad(lambda y, x=x: y * y * x)(1.0)
        return x

    short, long = (_nodes_walked(grad(lambda x, n=n: f(x, n)), monkeypatch) for n in (10, 40))
    assert long < 4.5 * short
    assert grad(lambda x: f(x, 20))(0.5) == pytest.approx(0.98**20, rel=1e-14)


def test_scopes_of_threads_that_a_fork_leaves_behind() -> None:
    """What the child of a fork does: it closes the scopes of all threads but its own."""
    own, other = levels.Scope(), levels.Scope(thread=0)
    open_scopes.update((own, other))
    try:
        levels._close_those_of_other_threads()
        assert own in open_scopes
        assert other not in open_scopes
    finally:
        open_scopes.difference_update((own, other))
