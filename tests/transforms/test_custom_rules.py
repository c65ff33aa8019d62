"""Functions with rules of their own: derivatives by the rule, in every mode, order and transformation."""

from __future__ import annotations

import builtins
import copy
import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from loops_backend import loops as loops
from loops_backend import on

import autograd
import nn
from autograd import (
    Op,
    Value,
    anomaly,
    as_values,
    check_grads,
    cond,
    custom_jvp,
    custom_vjp,
    draw,
    explain,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    make_functional,
    scan,
    steps,
    vmap,
)
from autograd.compiler.trace.fingerprint import fingerprint
from autograd.compiler.trace.tape import tape_of
from autograd.engine.tracing import tracing
from autograd.show.text.formulas import expression

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.usefixtures("jax_in_doubles")

Function = Callable[..., Any]

OURS = SimpleNamespace(**{**vars(autograd), **{name: getattr(np, name) for name in ("clip", "zeros")}})
THEIRS = SimpleNamespace(**{**vars(jax.numpy), **vars(jax), **vars(jax.lax)})


def of_a_jvp(f: Any) -> Function:
    """Return a function with a rule for tangents that calls the function itself."""
    g = f.custom_jvp(lambda x, y: f.sin(x) * y)

    @g.defjvp  # type: ignore[untyped-decorator, unused-ignore]
    def rule(primals: Any, tangents: Any) -> Any:
        (x, y), (dx, dy) = primals, tangents
        return g(x, y), 2.0 * f.cos(x) * y * dx + g(x, dy)

    return lambda x: g(x * x, x) * g(x, 3.0)


def of_a_vjp(f: Any) -> Function:
    """Return a function with a rule for cotangents that calls the function itself."""
    g = f.custom_vjp(lambda x, y: f.sin(x) * y)
    g.defvjp(
        lambda x, y: (g(x, y), (f.cos(x), f.sin(x), y)),
        lambda saved, ct: (3.0 * saved[0] * saved[2] * ct, saved[1] * ct),
    )
    return lambda x: g(x * x, x) * g(x, 3.0)


def of_rules_by_argument(f: Any) -> Function:
    """Return a function with a rule for each argument, one of which has no derivative."""
    g = f.custom_jvp(lambda x, y, z: x * y + z)
    g.defjvps(lambda t, out, x, y, z: t * y * out, None, lambda t, out, x, y, z: f.exp(x) * t)
    return lambda x: g(x, x * x, f.sin(x))


def of_trees(f: Any) -> Function:
    """Return a function of trees with trees for results, element by element."""
    g = f.custom_vjp(lambda p: {"a": p["w"] * p["w"], "b": (p["s"] * 2.0,)})
    g.defvjp(
        lambda p: (g(p), p["w"]),
        lambda w, ct: ({"s": 5.0 * ct["b"][0], "w": 2.0 * w * ct["a"]},),
    )

    def of(x: Any) -> Any:
        out = g({"s": x, "w": x * np.array([1.0, -2.0, 0.5])})
        return (out["a"] * np.array([1.0, 2.0, 3.0])).sum() * out["b"][0]

    return of


def of_arguments_without_derivative(f: Any) -> Function:
    """Return functions of a function and an exponent, which have no derivative."""
    forward = f.custom_jvp(lambda g, x, n: g(x) ** n, nondiff_argnums=(0, 2))

    @forward.defjvp  # type: ignore[untyped-decorator, unused-ignore]
    def rule(g: Any, n: Any, primals: Any, tangents: Any) -> Any:
        return forward(g, primals[0], n), n * 2.0 * g(primals[0]) * tangents[0]

    backward = f.custom_vjp(lambda g, x, n: g(x) ** n, nondiff_argnums=(0, 2))
    backward.defvjp(lambda g, x, n: (backward(g, x, n), x), lambda g, n, x, ct: (n * g(x) * ct,))
    return lambda x: forward(f.sin, x, 3) * backward(f.exp, x, 2)


def of_mutual_rules(f: Any) -> Function:
    """Return a function of two whose rules call each other."""
    sine, cosine = f.custom_jvp(lambda x: f.sin(x)), f.custom_jvp(lambda x: f.cos(x))
    sine.defjvp(lambda p, t: (sine(*p), cosine(*p) * t[0]))
    cosine.defjvp(lambda p, t: (cosine(*p), -sine(*p) * t[0]))
    return lambda x: sine(x) * cosine(x * x)


def of_a_choice_in_a_loop(f: Any) -> Function:
    """Return a loop whose body chooses between functions with rules."""
    slow = f.custom_jvp(lambda x: x * 1.5)
    slow.defjvp(lambda p, t: (slow(*p), t[0] * p[0]))

    def body(carry: Any, row: Any) -> Any:
        return f.cond(carry > row, slow, lambda c: f.sin(slow(c)), carry), carry

    def of(x: Any) -> Any:
        carry, out = f.scan(body, x, np.array([0.5, 1.5, 0.1]))
        return carry + out.sum()

    return of


MADE = {
    f.__name__: f
    for f in (
        of_a_jvp,
        of_a_vjp,
        of_rules_by_argument,
        of_trees,
        of_arguments_without_derivative,
        of_mutual_rules,
        of_a_choice_in_a_loop,
    )
}
ALL = pytest.mark.parametrize("name", MADE)
# JAX has no derivative forward through a custom_vjp, and so none of that kind.
BACKWARD_ALONE = {"of_a_vjp", "of_trees", "of_arguments_without_derivative"}
POINTS = (0.7, 1.3)


def transformed(f: Any, name: str) -> dict[str, Function]:
    """Return derivatives of a function to order 3."""
    of = MADE[name](f)
    found: dict[str, Function] = {
        "value": of,
        "grad": f.grad(of),
        "grad of grad": f.grad(f.grad(of)),
        "grad, three times": f.grad(f.grad(f.grad(of))),
    }
    if name not in BACKWARD_ALONE:

        def forward(g: Function) -> Function:
            return lambda x: f.jvp(g, (x,), (1.0,))[1]

        found |= {
            "jvp": forward(of),
            "hessian": f.hessian(of),
            "forward, three times": forward(forward(forward(of))),
            "grad of forward of grad": f.grad(forward(f.grad(of))),
        }
    return found


@ALL
def test_derivatives_agree_with_those_of_jax(name: str) -> None:
    """Values and derivatives to order 3, eagerly, compiled and mapped, are those of JAX."""
    # As one function: one of each way takes XLA half as long again.
    theirs = {way: jax.vmap(f) for way, f in transformed(THEIRS, name).items()}
    found = jax.jit(lambda xs: {way: f(xs) for way, f in theirs.items()})(np.array(POINTS))
    for way, ours in transformed(OURS, name).items():
        expected = found[way]
        np.testing.assert_allclose([ours(x) for x in POINTS], expected, rtol=1e-9, err_msg=way)
        compiled = jit(ours, backend="numpy")
        np.testing.assert_allclose([compiled(x) for x in POINTS], expected, rtol=1e-9, err_msg=way)
        for f in (vmap(ours), jit(vmap(ours), backend="numpy"), jit(lambda xs: vmap(ours)(xs) * 1.0)):  # noqa: B023
            np.testing.assert_allclose(f(np.array(POINTS)), expected, rtol=1e-9, err_msg=way)


@ALL
def test_forward_and_backward_agree(name: str) -> None:
    """Forward mode follows a rule for cotangents as well, and backward mode one for tangents."""
    of = MADE[name](OURS)
    for x in POINTS:
        expected = grad(of)(x)
        np.testing.assert_allclose(jvp(of, (x,), (1.0,))[1], expected, rtol=1e-12)
        np.testing.assert_allclose(jit(jacobian(of, mode="fwd"), backend="numpy")(x), expected, rtol=1e-12)
        np.testing.assert_allclose(hessian(of)(x), grad(grad(of))(x), rtol=1e-12)


@ALL
def test_backward(name: str) -> None:
    """`backward` follows the rule, also to gradients that are graphs."""
    of = MADE[name](OURS)
    x, again = Value(POINTS[0]), Value(POINTS[0])
    of(x).backward()
    of(again).backward(create_graph=True)
    np.testing.assert_allclose([x.grad, again.grad.data], grad(of)(POINTS[0]), rtol=1e-14)
    slope: Any = again.grad
    again.grad = None
    slope.backward()
    np.testing.assert_allclose(again.grad, grad(grad(of))(POINTS[0]), rtol=1e-12)


@ALL
def test_loops_for_numba_agree(name: str) -> None:
    """The loops that Numba compiles follow the rule."""
    ours = transformed(OURS, name)
    for way in ("value", "grad", "grad of grad"):
        compiled = on("loops", ours[way], POINTS[0])
        for x in POINTS:
            np.testing.assert_allclose(compiled(x), ours[way](x), rtol=1e-12)


# --------------------------------------------------------------------------------------------------- nodes


@custom_jvp
def swish(x: Any, slope: Any) -> Any:
    """Return x times its sigmoid."""
    return x * autograd.sigmoid(slope * x)


@swish.defjvp
def swish_jvp(primals: Any, tangents: Any) -> Any:
    """Return the result and its tangent."""
    (x, slope), (dx, ds) = primals, tangents
    s = autograd.sigmoid(slope * x)
    return x * s, (s + slope * x * s * (1.0 - s)) * dx + x * x * s * (1.0 - s) * ds


def test_a_result_is_one_node() -> None:
    """A node has the name of the function, the arguments for operands, and the partials of the rule."""
    x = Value(0.5, "x")
    y: Any = swish(x, 2)
    assert repr(y).startswith("Value(0.365")
    assert (y.op.name, y.args) == ("swish", (x, 2.0))
    assert expression(y * 3.0) == "swish(x, 2) * 3"
    assert expression(y, latex=True) == r"\operatorname{swish}\left(x, 2\right)"
    assert y.partials[1] is None
    assert y.partials[0] == grad(lambda x: x * autograd.sigmoid(2 * x))(0.5)
    y.backward()
    assert x.grad == y.partials[0]
    assert "swish" in str(explain(y, x))
    assert next(iter(steps(y))).node is y
    assert "swish" in draw(y).source
    assert type(swish(0.5, 2)) is float
    assert swish.name == "swish"
    assert swish.__doc__ == "Return x times its sigmoid."
    operation: Any = y.op
    assert operation.apply(1.5, 2) == swish(1.5, 2)
    check_grads(swish, (0.3, 2.0), order=2)


def test_several_results() -> None:
    """Of several results each is a node, whose partials are None where it does not depend on an argument."""
    f = custom_vjp(lambda x: (x * 2.0, 7))
    f.defvjp(lambda x: ((x * 2.0, 7), None), lambda _, ct: (ct[0] * 2.0,))
    x = as_values([1.0, 2.0], "x")
    (doubled, seven) = f(x)
    assert seven == 7
    assert [node.partials for node in doubled] == [(2.0, None), (None, 2.0)]
    assert expression(doubled[1]) == "<lambda>(x[0], x[1])[1]"
    f.fun.__name__ = "f_2"
    assert expression(doubled[1], latex=True).startswith(r"\operatorname{f\_2}\left(")


def test_nothing_of_one_element_gets_into_another() -> None:
    """An infinite partial of one element leaves the others alone: no 0 times inf."""
    root = custom_vjp(lambda x: x**0.5)
    root.defvjp(lambda x: (x**0.5, x), lambda x, ct: (ct * 0.5 / x**0.5,))

    def loss(x: Any) -> Any:
        return root(x).sum()

    for f in (grad(loss), jit(grad(loss), backend="numpy"), jacobian(loss, mode="fwd")):
        np.testing.assert_array_equal(f(np.array([0.0, 4.0])), [np.inf, 0.25])


def test_clipped_gradients() -> None:
    """A rule that is not linear in the cotangent gets the cotangent itself, in each kind of sweep."""

    def clipped(f: Any) -> Any:
        g = f.custom_vjp(lambda low, high, x: x, nondiff_argnums=(0, 1))
        g.defvjp(lambda low, high, x: (x, None), lambda low, high, _, ct: (f.clip(ct, low, high),))
        return g

    def loss(f: Any, g: Any, x: Any) -> Any:
        return (g(-0.5, 0.75, x) * np.array([3.0, 0.25, -9.0])).sum()

    def theirs(x: Any) -> Any:
        return loss(jax.numpy, clipped(SimpleNamespace(custom_vjp=jax.custom_vjp, clip=jax.numpy.clip)), x)

    g = clipped(OURS)
    at = np.ones(3)
    expected = jax.grad(theirs)(at)
    np.testing.assert_array_equal(expected, [0.75, 0.25, -0.5])
    ours = grad(lambda x: loss(np, g, x))
    np.testing.assert_array_equal(ours(at), expected)
    np.testing.assert_array_equal(jit(ours, backend="numpy")(at), expected)
    x = as_values(at)
    for create_graph in (False, True):
        loss(np, g, x).backward(create_graph=create_graph)
        np.testing.assert_array_equal([float(v.grad) for v in x], expected)
        for v in x:
            v.grad = None
    y = g(-1.0, 1.0, x[0])
    for twin in (copy.copy(y), copy.deepcopy(y)):
        twin.backward(7.0)
        assert twin.args[0].grad == 1.0
        twin.args[0].grad = None


def test_gradients_belong_to_the_forward_pass() -> None:
    """What is assigned to a leaf between forward and backward does not change a gradient."""
    f = custom_vjp(lambda x: x * x)
    f.defvjp(lambda x: (x * x, x), lambda x, ct: (2.0 * x * ct,))
    x = Value(3.0)
    y = f(x)
    x.data = 100.0
    y.backward()
    assert x.grad == 6.0


def test_straight_through() -> None:
    """A result that no operation connects with its argument has the derivative of the rule."""
    f = custom_jvp(lambda x: np.floor(x))
    f.defjvps(lambda t, out, x: t)
    ways: list[Function] = [grad(f), jit(grad(f), backend="numpy"), lambda x: jvp(f, (x,), (1.0,))[1]]
    assert [way(2.5) for way in ways] == [1.0, 1.0, 1.0]
    constant = custom_jvp(lambda x: 4.0)
    constant.defjvps(lambda t, out, x: t)
    assert (grad(constant)(2.5), jit(grad(constant))(2.5), jit(constant)(1.0)) == (1.0, 1.0, 4.0)


def test_copies_and_pickles() -> None:
    """A graph with such a node is copied and pickled, as the function is, by its name."""
    x = Value(0.5)
    y = swish({"a": x}["a"], 2.0) * x
    for twin in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        twin.backward()
        assert twin.args[1].grad == grad(lambda x: swish(x, 2.0) * x)(0.5)
    assert pickle.loads(pickle.dumps(swish)) is swish


def test_anomaly_mode() -> None:
    """Anomaly mode names the operation inside that is not finite."""
    f = custom_jvp(lambda x: autograd.log(x))
    f.defjvp(lambda p, t: (f(*p), t[0] / p[0]))
    with anomaly(), pytest.raises(FloatingPointError, match="log"):
        f(Value(-1.0))
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log"):
        y = f(Value(0.0))
    assert (y.data, y.partials) == (-np.inf, (np.inf,))


def test_integers_and_labels() -> None:
    """Integers and arrays of them reach the function and the rule as they are."""
    f = custom_vjp(lambda x, labels, k: x[labels].sum() * k)

    def backward(saved: Any, ct: Any) -> Any:
        size, labels, k = saved
        return np.array([ct * k * (labels == i).sum() for i in range(size)]), None, None

    f.defvjp(lambda x, labels, k: (f(x, labels, k), (len(x), labels, k)), backward)
    labels = np.array([2, 0, 2])
    expected = [2.0, 0.0, 4.0]
    np.testing.assert_array_equal(grad(f)(np.ones(3), labels, 2), expected)
    np.testing.assert_array_equal(jit(lambda x: grad(f)(x, labels, 2))(np.ones(3)), expected)
    by_name = custom_jvp(lambda x, scale=2.0: x * scale)
    by_name.defjvp(lambda p, t: (by_name(*p), t[0] * p[1] + t[1] * p[0]))
    assert grad(lambda x: by_name(x, scale=x))(3.0) == 6.0
    assert grad(by_name)(3.0) == 2.0
    with pytest.raises(TypeError, match="multiple values for argument 'scale'"):
        by_name(Value(3.0), 2.0, scale=4.0)

    def named_alone(x: Any, *, scale: Any) -> Any:
        return x * scale

    refused = custom_jvp(named_alone)
    refused.defjvp(lambda p, t: (refused(*p), t[0]))
    with pytest.raises(TypeError, match="named_alone expected arguments by position, got scale by name"):
        refused(Value(1.0), scale=2.0)


def test_a_rule_without_a_slope() -> None:
    """A rule may say that a result does not depend on its arguments, all results or one of them."""
    flat = custom_jvp(lambda x, y: np.floor(x) * y)
    flat.defjvp(lambda p, t: (flat(*p), 0.0))
    both = custom_jvp(lambda x: (x * x, np.floor(x)))
    both.defjvp(lambda p, t: (both(*p), (2.0 * p[0] * t[0], 0.0)))
    for transform in (lambda f: f, jit):
        assert transform(grad(flat, (0, 1)))(2.5, 3.0) == (0.0, 0.0)
        assert transform(grad(lambda x: sum(both(x)) + flat(x, x)))(2.5) == 5.0
        assert transform(lambda x: jvp(flat, (x, 3.0), (1.0, 1.0)))(2.5) == (6.0, 0.0)


# -------------------------------------------------------------------------------------------------- errors


def test_rules_that_are_missing_or_wrong() -> None:
    """A function without rule says so, and a rule that returns something else is told what to return."""
    for f, name in ((custom_jvp(abs), "defjvp"), (custom_vjp(abs), "defvjp")):
        with pytest.raises(
            AttributeError, match=f"abs has no rule for its derivative yet; give it one by {name}"
        ):
            f(1.0)
    jvps = custom_jvp(abs)
    jvps.defjvp(lambda p, t: t[0])
    with pytest.raises(TypeError, match=r"the rule of abs to return a pair \(result, tangent\), got Value"):
        jvps(Value(1.0))
    jvps.defjvp(lambda p, t: (p[0], np.ones(2)))
    with pytest.raises(ValueError, match="the tangent that the rule of abs returns to have the structure"):
        jvps(Value(1.0))
    vjps = custom_vjp(abs)
    vjps.defvjp(lambda x: x, lambda _, ct: (ct,))
    with pytest.raises(TypeError, match=r"forward rule of abs to return a pair \(result, residuals\)"):
        vjps(Value(1.0))
    vjps.defvjp(lambda x: (x, x), lambda _, ct: ct)
    with pytest.raises(TypeError, match="a tuple with a cotangent for each of 1 arguments, or None"):
        vjps(Value(1.0))
    with pytest.raises(TypeError, match="without nondiff_argnums; use defjvp"):
        custom_jvp(abs, nondiff_argnums=(0,)).defjvps(None)


def test_what_a_function_captures() -> None:
    """A Value that is no argument would lose its derivative, and is refused where it enters the result."""
    w = Value(3.0)

    def made(w: Any) -> Any:
        f = custom_jvp(lambda x: x * w)
        f.defjvp(lambda p, t: (f(*p), t[0]))
        return f

    message = r"uses Value\(3.0\), which is not one of its arguments.*at .*test_custom_rules.py:\d+"
    calls: list[Function] = [
        lambda: made(w)(Value(1.0)),
        lambda: grad(lambda x: made(w)(x))(2.0),
        lambda: grad(lambda w: made(w)(Value(2.0)))(3.0),
        lambda: jit(lambda w, x: made(w)(x))(3.0, 2.0),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=message):
            call()
    assert grad(lambda x: made(3.0)(x))(2.0) == 1.0
    assert made(w)(2.0).data == 6.0
    with pytest.raises(TypeError, match="got a model; pass its parameters"):
        swish(nn.Neuron(1), Value(1.0))


def test_batches_inside() -> None:
    """A function may map over its own samples, and be mapped, while it is traced."""
    f = custom_vjp(lambda x: nn.losses.mse(x, 2.0 * x) + vmap(autograd.sin)(x).sum())
    f.defvjp(lambda x: (f(x), x), lambda x, ct: (ct * (2.0 * x / len(x) + np.cos(x)),))
    x = np.array([[0.5, 1.5], [2.0, 3.0]])
    np.testing.assert_allclose(jit(grad(f), backend="numpy")(x[0]), grad(f)(x[0]), rtol=1e-14)
    np.testing.assert_allclose(jit(vmap(grad(f)), backend="numpy")(x), vmap(grad(f))(x), rtol=1e-14)


def test_captured_models() -> None:
    """A rule is followed where `make_functional` makes a function of captured Values."""
    w = Value(0.5)
    f = make_functional(lambda x: swish(w * x, 2.0), [w])
    assert grad(f)(np.array([0.5]), 3.0)[0] == grad(lambda w: swish(w * 3.0, 2.0))(0.5)


def test_programs_are_kept() -> None:
    """A program has what the function does in its place, and is known again, also where functions nest."""

    def traced() -> str | None:
        outer = custom_jvp(lambda x: swish(x, 2.0) * x)
        outer.defjvp(lambda p, t: (outer(*p), t[0] * p[0]))
        x = Value(0.5)
        with tracing([x]):
            tape = tape_of([outer(x) + 1.0], [[x]])
        assert all(op is None or isinstance(op, Op) for op in tape.ops)
        return fingerprint(tape, "")

    assert traced() == traced() is not None


def test_in_choices() -> None:
    """A choice guards a function with a rule as any other."""
    f = custom_jvp(lambda x: autograd.log(x))
    f.defjvp(lambda p, t: (f(*p), t[0] / p[0]))
    g = jit(grad(grad(lambda x: cond(x > 0.0, lambda: f(x), lambda: x * x))), backend="numpy")
    assert (g(0.0), g(2.0)) == (2.0, -0.25)
    total, _ = scan(lambda c, x: (c + f(x), None), 0.0, np.array([1.0, np.e]))
    assert total == 1.0


def test_a_function_without_a_signature() -> None:
    """A builtin of which Python knows no signature can have a rule; its arguments are then by position."""
    largest = custom_vjp(builtins.max)
    largest.defvjp(lambda x, y: (max(x, y), None), lambda _, adjoint: (3.0 * adjoint, 0.0))
    assert grad(largest, argnums=(0, 1))(2.0, 1.0) == (3.0, 0.0)


def test_a_constant_inside_of_a_rule_is_compiled() -> None:
    """A function may make a node that does not depend on its arguments."""
    f = custom_jvp(lambda x: x * Value(3.0))
    f.defjvp(lambda primals, tangents: (primals[0] * 3.0, tangents[0] * 3.0))
    assert jit(f, "numpy")(2.0) == f(2.0) == 6.0
