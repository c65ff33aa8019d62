"""Loops and conditionals: Python's semantics, JAX's results, under every transformation and compiled."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from interrupts import can_be_interrupted, interrupted_at
from loops_backend import loops as loops
from loops_backend import on

import autograd
import nn
from autograd import (
    Value,
    cond,
    fori_loop,
    grad,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    make_functional,
    scan,
    switch,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)
from autograd.engine.errors import TracedValueError
from autograd.show.text.formulas import expression
from autograd.transforms.branches import Choose, choose
from autograd.transforms.partials import partials_as_graph

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.usefixtures("jax_in_doubles")

Function = Callable[..., Any]

OURS = autograd
THEIRS = SimpleNamespace(**{**vars(jax.numpy), **vars(jax), **vars(jax.lax)})


def numbers(*shape: int, seed: int = 0) -> Any:
    """Return an array of normally distributed numbers, the same at every call."""
    return np.random.default_rng(seed).normal(size=shape)


# ------------------------------------------------------------------------------------------------ functions


def of_scan(f: Any, x: Any) -> Any:
    """Return a recurrence over slices, forward."""

    def body(carry: Any, row: Any) -> Any:
        total, last = carry
        total = f.tanh(total * row["w"][0] + row["b"]) + last
        return (total, row["w"][1]), {"total": total, "square": [row["w"] * row["w"]]}

    xs = {"w": x * numbers(4, 2), "b": numbers(4, seed=1) * x}
    (total, last), out = f.scan(body, (x, 0.5 * x), xs)
    return total * last + (out["total"] * numbers(4, seed=2)).sum() + out["square"][0].sum()


def of_scan_in_reverse(f: Any, x: Any) -> Any:
    """Return a recurrence over slices, from the last one to the first."""
    carry, out = f.scan(lambda c, r: (f.sin(c * r), c * r), x, numbers(5), reverse=True)
    return carry + (out * numbers(5, seed=3)).sum()


def of_length(f: Any, x: Any) -> Any:
    """Return a power by a scan without slices."""
    carry, out = f.scan(lambda c, _: (c * x, c), 1.0, None, length=4)
    return carry + out.sum()


def of_two_scans(f: Any, x: Any) -> Any:
    """Return a scan in a scan."""

    def outer(carry: Any, row: Any) -> Any:
        inner, out = f.scan(lambda c, r: (c * f.cos(r * x), c), carry, row)
        return inner + x, out

    carry, out = f.scan(outer, x, numbers(3, 2))
    return carry * out.sum()


def of_fori_loop(f: Any, x: Any) -> Any:
    """Return a power by a counted loop, which uses the count."""
    return f.fori_loop(1, 4, lambda i, c: c * x + i, x)


def of_while_loop(f: Any, x: Any) -> Any:
    """Return a square root by Newton's method, until it has converged."""
    state = f.while_loop(
        lambda s: abs(s[0] * s[0] - x) > 1e-12, lambda s: (0.5 * (s[0] + x / s[0]), s[1] + 1), (x + 1.0, 0)
    )
    return state[0]


def of_while_loops(f: Any, x: Any) -> Any:
    """Return what loops within loops carry: a scan in one whose steps depend on numbers, which a scan has."""

    def halved(c: Any, y: Any) -> Any:
        def body(state: Any) -> Any:
            last, total = state
            total, _ = f.scan(lambda t, k: (t + f.sin(last * k), None), total, np.array([1.0, 2.0]))
            return last * 0.5, total * x

        last, total = f.while_loop(lambda state: state[0] > 0.2, body, (c * c + y, 0.5 * c))
        return last + total * 0.1, total

    last, totals = f.scan(halved, x, np.array([0.3, 1.0, -1.0]))
    return last * x + totals.sum()


def of_while_loop_beside_nan(f: Any, x: Any) -> Any:
    """Return a square root of what the next step would take it of a negative number, and divide by 0."""
    return f.while_loop(lambda c: c > 0.5, lambda c: f.sqrt(c - 0.5) * 0.9 / (c - 0.5 + x * x), x + 0.1)


def of_cond(f: Any, x: Any) -> Any:
    """Return a choice of two functions of one operand, and of two that read it on the side."""
    one = f.cond(x > 0.5, lambda x: f.sin(x) * x, lambda x: x * x * x, x)
    return one + f.cond(x < 0.5, lambda: f.exp(x), lambda: x * one)


def of_cond_of_trees(f: Any, x: Any) -> Any:
    """Return a choice of trees."""
    out = f.cond(
        x > 0.5,
        lambda p: {"a": p["a"] * x, "b": (p["b"][0], 1.0)},
        lambda p: {"a": p["a"] * p["a"], "b": (x * x, x)},
        {"a": x * numbers(2), "b": [x]},
    )
    return out["a"].sum() * out["b"][0] + out["b"][1]


def of_switch(f: Any, x: Any) -> Any:
    """Return choices of three functions, also by an index that is too large or too small."""
    branches = [f.sin, f.exp, lambda x: x * x * x]
    return sum((f.switch(i, branches, x) * (i + 3) for i in (-1, 0, 1, 2, 3)), 0.0)


def of_choices_in_a_scan(f: Any, x: Any) -> Any:
    """Return a loop with a choice in each step."""

    def body(carry: Any, row: Any) -> Any:
        return f.cond(carry > row, lambda c: c * f.sin(row * x), lambda c: c + x * row, carry), carry

    carry, out = f.scan(body, x, numbers(5))
    return carry + out.sum()


def of_guards(f: Any, x: Any) -> Any:
    """Return functions that have no finite value or derivative where they are not taken."""
    y = x - 0.7
    return (
        f.cond(y > 0.0, lambda y: f.sqrt(y) * f.log(y), lambda y: y * y, y)
        + f.cond(y == 0.0, lambda: x * x, lambda: f.sin(y) / y)
        + f.cond(y != 0.0, lambda y: 1.0 / y, lambda y: x * y, y)
    )


FUNCTIONS = {
    f.__name__: f
    for f in (
        of_scan,
        of_scan_in_reverse,
        of_length,
        of_two_scans,
        of_fori_loop,
        of_while_loop,
        of_while_loops,
        of_while_loop_beside_nan,
        of_cond,
        of_cond_of_trees,
        of_switch,
        of_choices_in_a_scan,
        of_guards,
    )
}
ALL = pytest.mark.parametrize("name", FUNCTIONS)
POINTS = (0.7, 1.3)
# The order of each derivative below. JAX's are computed in one mode, forward: it has no other one through a
# loop whose length is not known.
ORDERS = {
    "value": 0,
    "jvp": 1,
    "grad": 1,
    "forward of forward": 2,
    "grad of grad": 2,
    "hessian": 2,
    "grad of forward": 2,
    "forward, three times": 3,
    "forward of grad of grad": 3,
    "grad, three times": 3,
}


def forward(f: Any, of: Function) -> Function:
    """Return a derivative in forward mode, by the functions of a library."""
    return lambda x: f.jvp(of, (x,), (1.0,))[1]


def transformed(of: Function) -> dict[str, Function]:
    """Return derivatives of a function to order 3, in both modes and mixed."""
    first = forward(OURS, of)
    second = forward(OURS, first)
    return {
        "value": of,
        "jvp": first,
        "grad": grad(of),
        "forward of forward": second,
        "grad of grad": grad(grad(of)),
        "hessian": hessian(of),
        "grad of forward": grad(first),
        "forward, three times": forward(OURS, second),
        "forward of grad of grad": forward(OURS, grad(grad(of))),
        "grad, three times": grad(grad(grad(of))),
    }


def by_jax(name: str, most: int) -> Function:
    """Return JAX's value and its derivatives, in one function: 0.4 s for XLA, not 2.6 s for ten."""
    orders = [function(THEIRS, name)]
    for _ in range(most):
        orders.append(forward(THEIRS, orders[-1]))
    return lambda x: [f(x) for f in orders]


def function(f: Any, name: str) -> Function:
    """Return a function of one number, written with the functions of a library."""

    def of(x: Any) -> Any:
        return FUNCTIONS[name](f, x)

    of.__name__ = name
    return of


@ALL
def test_derivatives_agree_with_those_of_jax(name: str) -> None:
    """Values and derivatives to order 3, eagerly and compiled, at both points, are those of JAX."""
    reference = jax.jit(by_jax(name, 3))
    theirs = {x: [float(number) for number in reference(x)] for x in POINTS}
    for way, ours in transformed(function(OURS, name)).items():
        compiled = jit(ours, backend="numpy")
        for x in POINTS:
            expected = theirs[x][ORDERS[way]]
            np.testing.assert_allclose(ours(x), expected, rtol=1e-9, atol=1e-9, err_msg=way)
            np.testing.assert_allclose(compiled(x), expected, rtol=1e-9, atol=1e-9, err_msg=way)


@ALL
def test_samples_agree_with_those_of_jax(name: str) -> None:
    """Under vmap each sample takes its own branch and steps, eagerly and compiled."""
    points = np.array([0.2, *POINTS, 3.0])
    theirs = jax.jit(jax.vmap(by_jax(name, 2)))(points)
    for way in ("value", "jvp", "grad", "hessian"):
        ours, expected = transformed(function(OURS, name))[way], theirs[ORDERS[way]]
        np.testing.assert_allclose(vmap(ours)(points), expected, rtol=1e-9, atol=1e-9, err_msg=way)
        for f in (vmap(ours), lambda points: vmap(ours)(points) * 1.0):  # noqa: B023
            found = jit(f, backend="numpy")(points)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=way)


def in_a_branch(x: Any) -> Any:
    """Return what one of two loops gives, of which the other one does not end."""
    return cond(
        x > 1.0,
        lambda x: while_loop(lambda c: c > 0.5, lambda c: c / x, x),
        lambda x: while_loop(lambda c: c < 5.0, lambda c: c / x, x),
        x,
    )


@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_a_loop_in_the_branch_that_is_not_taken(backend: str) -> None:
    """No step of it is taken, whose loop would not end; samples take their own branches."""
    for way in (in_a_branch, grad(in_a_branch), grad(grad(in_a_branch))):
        compiled = on(backend, way, POINTS[0])
        for x in POINTS:
            np.testing.assert_allclose(compiled(x), way(x), rtol=1e-12)
        points = np.array([*POINTS, 0.5, 2.0])
        np.testing.assert_allclose(jit(vmap(way))(points), vmap(way)(points), rtol=1e-12)


@ALL
def test_loops_for_numba_agree(name: str) -> None:
    """The loops that Numba compiles give the same derivatives."""
    for way in ("value", "grad", "hessian"):
        f = transformed(function(OURS, name))[way]
        compiled = on("loops", f, POINTS[0])
        for x in POINTS:
            np.testing.assert_allclose(compiled(x), f(x), rtol=1e-12, atol=1e-12)


@ALL
def test_backward(name: str) -> None:
    """`backward` on what was recorded gives the gradient."""
    x = Value(POINTS[1])
    FUNCTIONS[name](OURS, x).backward()
    assert x.grad == grad(function(OURS, name))(POINTS[1])


# ---------------------------------------------------------------------------------------------- semantics


def test_scan_is_a_loop() -> None:
    """A scan calls the body for each slice, in order, and stacks its results in the order of the slices."""
    seen: list[Any] = []

    def body(carry: Any, x: Any) -> Any:
        seen.append(x)
        return carry + 1, (carry, {"x": x, "none": None})

    xs = np.array([3, 1, 2])
    carry, (order, out) = scan(body, 0, xs)
    assert (carry, seen) == (3, [3, 1, 2])
    assert all(type(x) is int for x in seen)
    np.testing.assert_array_equal(order, [0, 1, 2])
    np.testing.assert_array_equal(out["x"], xs)
    assert out["none"] is None
    carry, (order, _) = scan(body, 0, xs, reverse=True)
    np.testing.assert_array_equal(order, [2, 1, 0])
    assert seen[3:] == [2, 1, 3]


def test_scan_of_no_slices() -> None:
    """Without slices the carry is the first one, and the body is called once to learn the form of results."""
    carry, out = scan(lambda c, x: (c, (c, x * 2.0)), 1.0, np.ones((0, 3)))
    assert carry == 1.0
    assert [part.shape for part in out] == [(0,), (0, 3)]
    assert scan(lambda c, x: (c, x), 2.0, None, length=0) == (2.0, None)


DERIVATIVES_OF_LOOPS: dict[str, Callable[[Any], Any]] = {
    "a sum": lambda x: grad(lambda t: scan(lambda c, _: (c + t, None), 0.0, x)[0])(2.0),
    "a power": lambda x: value_and_grad(lambda t: fori_loop(0, 4, lambda i, c: c * t, 1.0))(2.0),
    "as many as the slices": lambda x: grad(lambda t: fori_loop(0, x.shape[0], lambda i, c: c + t, 0.0))(2.0),
    "until it is large": lambda x: grad(lambda t: while_loop(lambda c: c < 99.0, lambda c: c * t, 1.0))(2.0),
    "forward": lambda x: jvp(lambda t: scan(lambda c, _: (c * t, None), 1.0, x)[0], (2.0,), (1.0,)),
    "backward": lambda x: vjp(lambda t: scan(lambda c, _: (c * t, c), 1.0, x)[1], 2.0)[1](x)[0],
    "besides": lambda x: grad(lambda t: (t, scan(lambda c, _: (c + t, None), 0.0, x)[0]), has_aux=True)(2.0),
    "of each sample": lambda x: vmap(
        lambda v: v * grad(lambda t: fori_loop(0, 4, lambda i, c: c * t, 1.0))(2.0)
    )(x),
    "in a loop": lambda x: scan(
        lambda c, v: (c + grad(lambda t: fori_loop(0, 4, lambda i, d: d * t, 1.0))(2.0), None), 0.0, x
    )[0],
    "second": lambda x: hessian(lambda t: fori_loop(0, 4, lambda i, c: c * t, 1.0))(2.0),
}


@pytest.mark.parametrize("names", [[*DERIVATIVES_OF_LOOPS][:5], [*DERIVATIVES_OF_LOOPS][5:]], ids=str)
def test_derivatives_of_loops_at_constants_in_a_program(names: list[str]) -> None:
    """A loop that no argument of the program goes into has its derivatives there all the same.

    They were those of its first step.
    """
    x = np.array([0.5, -1.5, 2.0, 1.0])
    for name in names:
        f = DERIVATIVES_OF_LOOPS[name]
        found, expected = jit(f)(x), f(x)
        for one, other in zip(*(r if isinstance(r, tuple) else (r,) for r in (found, expected)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14, err_msg=name)


def test_loops_record_what_they_do() -> None:
    """What a loop or conditional does is recorded, drawn and explained as if it were written out."""
    x, y = Value(2.0, "x"), Value(3.0, "y")
    assert expression(scan(lambda c, _: (c * x, None), y, length=2)[0]) == "y * x * x"
    assert expression(fori_loop(0, 2, lambda i, c: c + i * x, y)) == "y + 0 * x + 1 * x"
    assert expression(while_loop(lambda c: c < 10.0, lambda c: c * x, y)) == "y * x * x"
    assert expression(cond(x > 1.0, lambda a: a * y, lambda a: a, x)) == "x * y"
    assert expression(switch(Value(1.0), [abs, lambda a: a + y], x)) == "x + y"


def test_a_module_is_carried_and_captured() -> None:
    """A body may use a model, and carry one; the parameters get their gradients."""
    model = nn.MLP(1, [2, 1], rng=0)

    def body(carry: Any, x: Any) -> Any:
        held, total = carry
        return (held, total + held([x])), None

    (same, total), _ = scan(body, (model, 0.0), np.array([0.1, 0.2, 0.3]))
    assert same is model
    total.backward()
    loop: Any = sum((model([x]) for x in (0.1, 0.2, 0.3)), 0.0)
    found = [p.grad for p in model.parameters()]
    model.zero_grad()
    loop.backward()
    assert found == [p.grad for p in model.parameters()]


def test_bounds_and_indices_may_be_values() -> None:
    """A Value of a whole number counts and indexes; no derivative flows through it."""
    assert fori_loop(Value(1.0), np.array(4), lambda i, c: c * i, 1) == 6
    assert grad(lambda x: fori_loop(0, x, lambda i, c: c + x, 0.0))(3.0) == 3.0
    assert grad(lambda x: switch(x, [abs, lambda x: x * x], x))(1.0) == 2.0


@can_be_interrupted
def test_an_endless_loop_can_be_interrupted() -> None:
    """A while_loop that never ends is ended by Ctrl-C, and leaves everything as usable as before."""
    x = Value(2.0)
    f = grad(lambda x: while_loop(lambda c: c > 0.0, lambda c: c * 1.0, x))
    files = {while_loop.__code__.co_filename}
    for count in (3, 50, 101):
        assert interrupted_at(count, lambda: while_loop(lambda c: c > 0.0, lambda c: c * x, x), files)
        assert interrupted_at(count, lambda: f(2.0), files)
    y = while_loop(lambda c: c < 5.0, lambda c: c * x, x)
    y.backward()
    assert (y.data, x.grad) == (8.0, 12.0)
    assert jit(grad(lambda x: x * x))(3.0) == 6.0


def test_an_endless_program_can_be_interrupted() -> None:
    """A compiled while_loop that never ends is ended by Ctrl-C, and its program is as usable as before."""
    f = jit(value_and_grad(lambda x: while_loop(lambda c: c != 1.0, lambda c: c * 0.5, x)), backend="numpy")
    assert f(8.0) == (1.0, 0.125)
    for count in (3, 50, 101):
        assert interrupted_at(count, lambda: f(-1.0), {"<compiled by autograd.jit>"})
        assert f(16.0) == (1.0, 0.0625)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
def test_an_endless_loop_in_machine_code_can_be_interrupted() -> None:
    """So is one that Numba runs, by what a signal's handler raises: Ctrl-C, or anything else."""
    pytest.importorskip("numba")
    f = jit(value_and_grad(lambda x: while_loop(lambda c: c != 1.0, lambda c: c * 0.5, x)), backend="numba")
    assert f(8.0) == (1.0, 0.125)
    f.wait()
    assert f.report().backend == "numba"

    def raise_in_time(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, raise_in_time)
    try:
        for _ in range(3):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            with pytest.raises(TimeoutError):
                f(-1.0)
            assert f(16.0) == (1.0, 0.0625)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_loops_in_threads() -> None:
    """Each thread traces its own choices."""
    found: dict[int, float] = {}

    def work(k: int) -> None:
        f = jit(grad(lambda x: cond(x > k, lambda: x * k, lambda: x * x)), backend="numpy")
        found[k] = f(2.5)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: 0.0, 1: 1.0, 2: 2.0, 3: 5.0, 4: 5.0, 5: 5.0}


# ------------------------------------------------------------------------------------------------ choices


class TestChoices:
    """Where the condition is not known, both branches are recorded, and one is chosen."""

    @pytest.mark.parametrize("backend", ["numpy", "loops"])
    @pytest.mark.parametrize("order", [0, 1, 2, 3])
    def test_nothing_of_the_other_branch_gets_out(self, backend: str, order: int) -> None:
        """No nan of the branch not taken reaches a value or derivative, in either mode and any order."""

        def f(x: Any) -> Any:
            def bad() -> Any:
                return autograd.log(x) * autograd.sqrt(x) / x + autograd.arcsin(x + 1.5) ** 0.5

            return cond(x > 0.0, bad, lambda: x * x * x)

        for mode in ("rev", "fwd"):
            g: Function = f
            for _ in range(order):
                g = jacobian(g, mode=mode)
            compiled = on(backend, g, 1.0)
            for x in (-0.5, 0.0):
                assert compiled(x) == g(x)
                assert np.isfinite(g(x))

    def test_only_the_sample_is_nan_that_takes_the_branch(self) -> None:
        """In a batch, the gradient of what samples share has nothing of branches that they do not take."""

        def loss(w: Any, xs: Any) -> Any:
            return vmap(lambda x: cond(x > 0.0, lambda: autograd.log(x * w), lambda: x * w))(xs).sum()

        xs = np.array([-1.0, 0.0, 2.0])
        for f in (grad(loss), grad(loss, 1), hessian(loss)):
            np.testing.assert_array_equal(jit(f, backend="numpy")(2.0, xs), f(2.0, xs))

    def test_what_a_branch_reads_on_the_side(self) -> None:
        """A branch is guarded against what it captures, in a list or a model, as against its operands."""
        model = nn.Neuron(1, activation="linear", rng=0)

        def loss(model: Any, x: Any) -> Any:
            z = model([x])
            held = [z]
            return cond(z > 0.0, lambda: autograd.log(held[0]), lambda: held[0] + model.b * x)

        f = grad(loss)
        compiled = jit(f, backend="numpy")
        for x in (0.0, 1.0, -1.0):
            model.b.data = -model.w[0].data * x
            assert compiled(model, x) == f(model, x)

    def test_captured_models(self) -> None:
        """A model that a branch captures is read by `make_functional`, too."""
        model = nn.MLP(1, [2, 1], rng=0)
        parameters = model.parameters()
        loss = make_functional(lambda x: cond(x > 0.0, lambda: model([x]), lambda: x * x), parameters)
        start = np.array([p.data for p in parameters])
        for x in (1.0, -1.0):
            expected = grad(loss)(start, x)
            np.testing.assert_allclose(jit(grad(loss), backend="numpy")(start, x), expected)
            assert expected.any() == (x > 0.0)

    def test_a_known_condition_records_one_branch(self) -> None:
        """In a trace a condition that is known calls one branch."""

        def other() -> Any:
            raise AssertionError

        assert jit(lambda x: cond(True, lambda: x, other), backend="numpy")(2.0) == 2.0
        assert jit(lambda x: cond(0.0, other, lambda: x), backend="numpy")(2.0) == 2.0
        assert jit(lambda x: switch(x, [lambda x: x * 2.0], x), backend="numpy")(4.0) == 8.0

    def test_integers_choose(self) -> None:
        """An integer argument of a compiled function chooses when the program runs."""
        branches = [lambda x: x, lambda x: x * x, lambda x: x**3]
        f = jit(lambda i, x: switch(i, branches, x), backend="numpy")
        assert [f(i, 2.0) for i in (-7, 0, 1, 2, 9)] == [2.0, 2.0, 4.0, 8.0, 8.0]
        found = jit(vmap(lambda i, x: switch(i, branches, x)), backend="numpy")(np.arange(4), np.full(4, 2.0))
        np.testing.assert_array_equal(found, [2.0, 4.0, 8.0, 8.0])

    def test_equal_results_are_no_choice(self) -> None:
        """What both branches return alike is chosen by nothing; 0.0 and -0.0 are not alike."""
        f = jit(lambda x: cond(x > 0.0, lambda: (x, 1, 0.0), lambda: (x, 1, -0.0)), backend="numpy")
        assert f(2.0) == (2.0, 1, 0.0)
        assert np.copysign(1.0, f(-2.0)[2]) == -1.0
        g = jit(lambda x: cond(x > 0.0, lambda: x * x, lambda: x * x), backend="numpy")
        assert g(3.0) == 9.0
        assert "where" not in g.source

    def test_the_operation(self) -> None:
        """A choice pulls and pushes derivatives of the operand that is chosen, and is evaluated again."""
        x, y = Value(2.0, "x"), Value(3.0, "y")
        op = Choose()
        assert op.apply(Value(0.0), x, y) is y
        assert (op.apply(1.0, x, y), op.fold([1.0, 2.0, 3.0])) == (x, None)
        with autograd.engine.tracing.tracing([x, y]):
            node: Any = choose(x > 1.0, x, y)
            assert expression(node) == "choose(x > 1, x, y)"
            pulled = op.pull(node, 5.0, {x}, {})
            assert [None if part is None else part.args[1:] for part in pulled] == [None, (5.0, 0.0), None]
            assert op.push(node, [None, None, 4.0]).args[1:] == (0.0, 4.0)
            assert len(partials_as_graph(node, {x, y})) == 3


# ------------------------------------------------------------------------------------------------- errors


def fails(error: type[Exception], match: str, f: Function) -> None:
    """Check the error of a call."""
    with pytest.raises(error, match=match):
        f()


def test_bodies_that_change_the_carry() -> None:
    """A body that changes the structure or a shape of its carry is told so, with its line."""
    fails(
        TypeError,
        r"body of scan to return the carry as it began, number, got array of shape \(2,\), from .*"
        r"test_control_flow.py:\d+; let it keep the structure and shapes",
        lambda: scan(lambda c, x: (np.ones(2) * c, None), 0.0, np.ones(2)),
    )
    fails(
        TypeError,
        r"body of fori_loop to return the value as it began, list\(0: number\), got tuple\(0: number\)",
        lambda: fori_loop(0, 2, lambda i, c: tuple(c), [1.0]),
    )
    fails(
        TypeError,
        "body of while_loop to return the value as it began, number, got None",
        lambda: while_loop(lambda c: True, lambda c: None, 1.0),
    )
    fails(
        TypeError,
        r"body of scan to return a pair \(carry, result\), got 1.0, .* return \(carry, None\)",
        lambda: scan(lambda c, x: c, 1.0, np.ones(2)),
    )
    same, _ = scan(lambda c, x: ({"b": c["b"], "a": c["a"]}, None), {"a": 1.0, "b": 2.0}, np.ones(2))
    assert same == {"a": 1.0, "b": 2.0}


def test_what_scan_does_not_take() -> None:
    """Slices and lengths that do not fit are refused."""
    pair: Function = lambda c, x: (c, x)  # noqa: E731
    fails(ValueError, "scan expected xs or length", lambda: scan(pair, 0.0))
    fails(ValueError, r"got lengths \[2, 3\]", lambda: scan(pair, 0.0, (np.ones(2), np.ones(3))))
    fails(ValueError, r"got lengths \[2, 3\]", lambda: scan(pair, 0.0, np.ones(2), length=3))
    fails(TypeError, "got a number; make one array", lambda: scan(pair, 0.0, [1.0, 2.0]))
    fails(
        ValueError,
        r"got array of shape \(1,\) from one step and array of shape \(2,\) from another",
        lambda: scan(lambda c, x: (c + 1, np.ones(c + 1)), 0, np.ones(2)),
    )


def test_conditions_and_counts() -> None:
    """A condition is a single truth value, and a count is an integer."""
    fails(
        TypeError, "pred of cond to be a single truth value, got array", lambda: cond(np.ones(2), abs, abs, 1)
    )
    fails(TypeError, "result of cond_fun to be a single", lambda: while_loop(lambda c: [], abs, 1.0))
    fails(TypeError, "upper of fori_loop to be an integer, got 2.5", lambda: fori_loop(0, 2.5, abs, 1.0))
    fails(
        TypeError,
        r"index of switch to be an integer, got Value\(0.5\)",
        lambda: switch(Value(0.5), [abs] * 2, 1),
    )
    fails(ValueError, "at least one branch", lambda: switch(0, [], 1.0))


def test_counts_that_are_not_known() -> None:
    """Where no program is recorded, a loop that would have to ask it for its end says what to do instead."""
    limit = Value(3.0)

    def by_condition() -> Any:
        return while_loop(lambda c: c < limit, lambda c: c + 1.0, 0.0)

    def by_count() -> Any:
        return fori_loop(0, limit, lambda i, c: c + 1.0, 0.0)

    assert (by_condition(), by_count()) == (3.0, 3.0)
    with pytest.raises(TracedValueError, match="while_loop goes on as long as numbers say"):
        make_functional(by_condition, [limit])([4.0])
    with pytest.raises(TracedValueError, match="fori_loop counts to a number that is not known"):
        make_functional(by_count, [limit])([4.0])

    def by_another_thread(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(while_loop, lambda c: c < x, lambda c: c + 1.0, 0.0).result()

    assert by_another_thread(Value(2.5)) == 3.0
    with pytest.raises(TracedValueError, match="only the thread that traces can record such a loop"):
        jit(by_another_thread)(2.5)

    def by_list(n: int, x: Any) -> Any:
        return fori_loop(0, n, lambda i, c: c + [1.0, 2.0, 3.0][i] * x, 0.0)

    assert jit(by_list, static_argnums=0)(2, 5.0) == 15.0
    with pytest.raises(TypeError, match="list indices must be integers"):
        jit(by_list)(2, 5.0)


def test_a_number_of_a_step_is_not_known_afterwards() -> None:
    """A number that a body keeps somewhere else is that of no step in a program, where all steps are one."""
    loops: dict[str, Callable[[Function, Any], Any]] = {
        "fori_loop": lambda body, x: fori_loop(0, 3, lambda i, c: body(c), x),
        "while_loop": lambda body, x: while_loop(lambda c: c < 3.0, body, x),
        "scan": lambda body, x: scan(lambda c, _: (body(c), None), x, length=3)[0],
        "a loop in a loop": lambda body, x: fori_loop(
            0, 2, lambda i, c: fori_loop(0, 2, lambda k, d: body(d), c) * kept[0], x
        ),
    }
    kept: list[Any] = []

    def keeping(c: Any) -> Any:
        kept[:] = [c * 2.0]
        return c + 1.0

    for name, loop in loops.items():
        assert loop(keeping, 0.5) > 1.0
        with pytest.raises(TracedValueError, match="of a step of a loop is used after the loop"):
            jit(lambda x, loop=loop: loop(keeping, x) + kept[0])(0.5)
        if name != "a loop in a loop":
            assert jit(lambda x, loop=loop: loop(keeping, x))(0.5) == loop(keeping, 0.5)


@pytest.mark.parametrize("prepare", [lambda x: x, lambda x: x * 2.0, lambda x: x.copy()])
def test_branches_that_assign_to_what_is_around_them(prepare: Function) -> None:
    """All branches are recorded, so none may assign to an array of the others; its operands are its own."""

    def around(x: Any) -> Any:
        z = prepare(x)

        def assigned() -> Any:
            z[0] = 7.0
            return z.sum()

        return cond(x[1] > 0.0, assigned, lambda: 2.0 * z.sum())

    def own(x: Any) -> Any:
        def assigned(z: Any) -> Any:
            z[0] = 7.0
            return z.sum()

        return cond(x[1] > 0.0, assigned, lambda z: 2.0 * z.sum(), prepare(x))

    for x in (np.array([1.0, 2.0]), np.array([1.0, -2.0])):
        assert jit(own)(x.copy()) == own(x.copy())
        with pytest.raises(TracedValueError, match=r"a branch of cond, .*assigned at .* assigns to an array"):
            jit(around)(x)


def test_branches_of_unlike_results() -> None:
    """Where both branches are recorded, their results have one structure."""
    fails(
        TypeError,
        r"cond expected all branches .* got number from .*test_control_flow.py:\d+ and array of shape \(2,\) "
        r"from .*test_control_flow.py:\d+; return numbers or arrays of the same shapes",
        lambda: jit(lambda x: cond(x > 0.0, lambda: 1.0, lambda: np.ones(2)))(1.0),
    )
    fails(TypeError, "switch expected all", lambda: jit(lambda i: switch(i, [lambda: 1.0, lambda: None]))(1))


def test_jacobians_by_name() -> None:
    """`jacfwd` and `jacrev` are the Jacobian by forward and by backward sweeps, with its options."""
    x = numbers(3)

    def f(x: Any, s: float) -> Any:
        return np.array([x[0] * x[1] * s, np.sin(x[2])]), "aux"

    for by_name, mode in ((jacfwd, "fwd"), (jacrev, "rev")):
        found, aux = by_name(f, argnums=(0, 1), has_aux=True)(x, 2.0)
        expected, _ = jacobian(f, (0, 1), mode, has_aux=True)(x, 2.0)
        assert aux == "aux"
        for part, reference in zip(found, expected, strict=True):
            np.testing.assert_array_equal(part, reference)
        reference = getattr(jax, by_name.__name__)(lambda x: jax.numpy.sin(x) * x)(x)
        np.testing.assert_allclose(by_name(lambda x: np.sin(x) * x)(x), reference, rtol=1e-12)
    value, pullback = vjp(lambda x: scan(lambda c, _: (c * x, c), x, length=2), 2.0)
    assert (value[0], pullback((1.0, np.zeros(2)))) == (8.0, (12.0,))
    assert jvp(lambda x: fori_loop(0, 2, lambda i, c: c * x, x), (2.0,), (1.0,)) == (8.0, 12.0)
