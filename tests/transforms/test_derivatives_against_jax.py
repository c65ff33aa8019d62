"""Functions written once for a namespace, `autograd` or JAX, and differentiated by both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd
from autograd.transforms.trees import flatten

jax = pytest.importorskip("jax")

Namespace = Any
Function = Callable[..., Any]


pytestmark = pytest.mark.usefixtures("jax_in_doubles")


class Library(NamedTuple):
    """The functions and transformations of one of the two libraries."""

    functions: Namespace
    grad: Function
    hessian: Function
    jacobian: Function
    jvp: Function
    vjp: Function
    vmap: Function
    value_and_grad: Function


NAMES = ("grad", "hessian", "jacobian", "jvp", "vjp", "vmap", "value_and_grad")
OURS = Library(autograd, *(getattr(autograd, name) for name in NAMES))
THEIRS = Library(jax.numpy, *(getattr(jax, name.replace("jacobian", "jacrev")) for name in NAMES))


class Case(NamedTuple):
    """A function of one argument, written for a namespace of functions, and a point to differentiate at."""

    function: Callable[[Namespace, Any], Any]
    at: Any

    def over(self, library: Library) -> Function:
        """Return the function written with a library's functions."""
        return lambda x: self.function(library.functions, x)


def numbers(*shape: int, seed: int = 0) -> Any:
    """Return an array of normally distributed numbers, the same at every call."""
    return np.random.default_rng(seed).normal(size=shape)


def rosenbrock(f: Namespace, x: Any) -> Any:
    """Return Rosenbrock's function."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def speelpenning(f: Namespace, x: Any) -> Any:
    """Return the product of all variables."""
    out = x[0]
    for item in x[1:]:
        out = out * item
    return out


def ackley(f: Namespace, x: Any) -> Any:
    """Return Ackley's function."""
    n = x.shape[0]
    radial = -20.0 * f.exp(-0.2 * f.sqrt((x * x).sum() / n))
    return radial - f.exp(f.cos(2.0 * np.pi * x).sum() / n) + 20.0 + np.e


def lagrangian(f: Namespace, q: Any, velocity: Any) -> Any:
    """Return kinetic minus potential energy of two bodies in a plane under gravity."""
    masses = np.array([3.0, 3.0, 1.5, 1.5])
    kinetic = 0.5 * (masses * velocity * velocity).sum()
    separation = q[:2] - q[2:]
    return kinetic + 4.5 / f.sqrt((separation * separation).sum() + 0.01)


def whole_lagrangian(f: Namespace, state: Any) -> Any:
    """Return the Lagrangian as a function of a dict with positions and velocities."""
    return lagrangian(f, state["q"], state["velocity"])


SAMPLES, LABELS = numbers(20, 3), (numbers(20, seed=1) > 0).astype(float)


def logistic_regression(f: Namespace, p: Any) -> Any:
    """Return the mean cross entropy of logistic regression, with an L2 penalty on the weights."""
    z = SAMPLES @ p["w"] + p["b"]
    losses = f.log(1.0 + f.exp(z)) - LABELS * z
    return losses.sum() / len(LABELS) + 0.05 * (p["w"] * p["w"]).sum()


def mlp(f: Namespace, p: Any) -> Any:
    """Return the mean squared error of a network of three layers."""
    a = SAMPLES[:6]
    for name in ("first", "second"):
        a = f.tanh(a @ p[name]["w"] + p[name]["b"])
    errors = (a @ p["third"]["w"] + p["third"]["b"])[:, 0] - LABELS[:6]
    return (errors * errors).sum() / 6.0


def layer(n_in: int, n_out: int, seed: int) -> dict[str, Any]:
    """Return the parameters of a layer."""
    return {"b": 0.1 * numbers(n_out, seed=seed), "w": numbers(n_in, n_out, seed=seed + 10)}


CASES = {
    "Rosenbrock": Case(rosenbrock, numbers(10)),
    "Speelpenning": Case(speelpenning, numbers(10)),
    "Ackley": Case(ackley, numbers(5)),
    "two bodies": Case(whole_lagrangian, {"q": numbers(4), "velocity": numbers(4, seed=1)}),
    "logistic regression": Case(logistic_regression, {"b": 0.3, "w": numbers(3)}),
    "MLP": Case(mlp, {"first": layer(3, 3, 0), "second": layer(3, 2, 1), "third": layer(2, 1, 2)}),
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def direction(tree: Any, seed: int = 5) -> Any:
    """Return a tree of random numbers with the structure of another, as JAX sees it."""
    return jax.tree.map(lambda leaf: numbers(*np.shape(leaf), seed=seed), tree)


def check_same(found: Any, expected: Any) -> None:
    """Assert that a result agrees with JAX's in containers, shapes and, to 1e-10 of the largest, numbers."""
    expected = jax.tree.map(np.asarray, expected)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for leaf, reference in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert np.shape(leaf) == reference.shape
        scale = max(1.0, np.abs(reference).max(initial=0.0))
        np.testing.assert_allclose(leaf, reference, rtol=1e-10, atol=1e-10 * scale)
    assert all(type(number) is float for number in flatten(found)[0])


def check(compute: Callable[[Library], Function], *args: Any) -> None:
    """Assert that a computation with `autograd` agrees with the same computation with JAX."""
    check_same(compute(OURS)(*args), jax.jit(compute(THEIRS))(*args))


# ------------------------------------------------------------------------------------------------ functions


@cases
def test_gradients(case: Case) -> None:
    """Values and gradients agree with JAX."""
    check(lambda library: library.value_and_grad(case.over(library)), case.at)


@cases
def test_hessians(case: Case) -> None:
    """Hessians agree with JAX, in numbers and structure."""
    check(lambda library: library.hessian(case.over(library)), case.at)


@cases
def test_hessian_vector_products(case: Case) -> None:
    """Hessian-vector products agree with JAX's forward over reverse."""
    v = direction(case.at)
    expected = jax.jit(lambda x: jax.jvp(jax.grad(case.over(THEIRS)), (x,), (v,))[1])(case.at)
    check_same(autograd.hvp(case.over(OURS), (case.at,), (v,)), expected)


@cases
def test_third_derivatives(case: Case) -> None:
    """Third derivatives, as the gradient of a derivative along two vectors, agree with JAX."""
    v, w = direction(case.at), direction(case.at, seed=6)

    def compute(library: Library) -> Function:
        def along(f: Function, vector: Any) -> Function:
            return lambda x: library.jvp(f, (x,), (vector,))[1]

        derivative: Function = library.grad(along(along(case.over(library), v), w))
        return derivative

    check(compute, case.at)


def test_euler_lagrange() -> None:
    """Accelerations from a Lagrangian, by derivatives of two arguments, agree with JAX and Newton."""
    q, velocity = numbers(4), numbers(4, seed=1)

    def compute(library: Library) -> Function:
        def energy(places: Any, velocities: Any) -> Any:
            return lagrangian(library.functions, places, velocities)

        return lambda *state: (
            library.grad(energy, 0)(*state),
            library.hessian(energy, 1)(*state),
            library.jacobian(library.grad(energy, 1), 0)(*state),
        )

    check(compute, q, velocity)
    force, mass, mixed = compute(OURS)(q, velocity)
    accelerations = np.linalg.solve(mass, force - mixed @ velocity)
    separation = q[:2] - q[2:]
    pull = -4.5 * separation / (separation @ separation + 0.01) ** 1.5
    np.testing.assert_allclose(accelerations, np.concatenate([pull / 3.0, -pull / 1.5]), rtol=1e-10)


# -------------------------------------------------------------------------------------- structures of results


def trees_to_trees(f: Namespace, p: Any, s: Any) -> Any:
    """Map a dict and a number to a dict of a list, an array and a number."""
    return {"list": [p["a"].sum() * s, f.sin(p["b"]) * p["a"]], "outer": p["a"][:, None] * p["a"], "s": s * s}


ARGUMENTS = ({"a": numbers(3), "b": 0.5}, 2.0)


@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1,), -1])
@pytest.mark.parametrize("mode", ["rev", "fwd"])
def test_jacobians_have_the_structure_of_jax(argnums: Any, mode: str) -> None:
    """Jacobians of trees by trees nest as in JAX, for each choice of arguments and in both modes."""
    jacobian = {"rev": jax.jacrev, "fwd": jax.jacfwd}[mode]
    expected = jax.jit(jacobian(partial(trees_to_trees, jax.numpy), argnums))(*ARGUMENTS)
    check_same(autograd.jacobian(partial(trees_to_trees, autograd), argnums, mode)(*ARGUMENTS), expected)


@pytest.mark.parametrize("argnums", [0, (0, 1)])
def test_hessians_have_the_structure_of_jax(argnums: Any) -> None:
    """Hessians of trees by trees nest as in JAX: result, first argument, second argument."""
    check(lambda library: library.hessian(partial(trees_to_trees, library.functions), argnums), *ARGUMENTS)


def compiled(library: Library, f: Function) -> Function:
    """Return a function compiled by a library."""
    return jax.jit(f) if library is THEIRS else autograd.jit(f, backend="numpy")


# Outer transformations of a transformed function of one argument.
AROUND: dict[str, Callable[[Library, Function], Function]] = {
    "as it is": lambda library, f: f,
    "jit of vmap": lambda library, f: compiled(library, library.vmap(f)),
    "jacobian of vmap": lambda library, f: library.jacobian(library.vmap(f)),
    "vmap of jacobian": lambda library, f: library.vmap(library.jacobian(f)),
}
around = pytest.mark.parametrize("outer", AROUND)


def check_around(outer: str, compute: Callable[[Library], Function], at: Any) -> None:
    """Assert that a transformed function of one argument agrees with JAX under an outer transformation."""
    if "vmap" in outer:
        at = jax.tree.map(lambda leaf: np.stack([leaf, np.multiply(leaf, -0.5) + 1.0]), at)
    check(lambda library: AROUND[outer](library, compute(library)), at)


def vector_with_aux(f: Namespace, x: Any) -> Any:
    """Return an array and aux."""
    return f.sin(x) * x, {"twice": [2.0 * x, None], "three": 3.0}


def scalar_with_aux(f: Namespace, x: Any) -> Any:
    """Return a number and aux."""
    return (f.sin(x) * x * x).sum(), {"twice": [2.0 * x, None], "three": 3.0}


WITH_AUX: dict[str, Callable[[Library], Function]] = {
    "grad": lambda library: library.grad(partial(scalar_with_aux, library.functions), has_aux=True),
    "value_and_grad": lambda library: library.value_and_grad(
        partial(scalar_with_aux, library.functions), has_aux=True
    ),
    "jacobian": lambda library: library.jacobian(partial(vector_with_aux, library.functions), has_aux=True),
    "hessian": lambda library: library.hessian(partial(scalar_with_aux, library.functions), has_aux=True),
    "jvp": lambda library: (
        lambda x: library.jvp(partial(vector_with_aux, library.functions), (x,), (x,), has_aux=True)
    ),
    "vjp": lambda library: (
        lambda x: (lambda value, pullback, aux: (value, pullback(value), aux))(
            *library.vjp(partial(vector_with_aux, library.functions), x, has_aux=True)
        )
    ),
}


@around
@pytest.mark.parametrize("transformation", WITH_AUX)
def test_has_aux_is_that_of_jax(transformation: str, outer: str) -> None:
    """Aux nests as in JAX, and is compiled, mapped and differentiated as in JAX."""
    check_around(outer, WITH_AUX[transformation], numbers(3))


@around
def test_aux_of_hvp(outer: str) -> None:
    """The aux of `hvp` is the aux of JAX's gradient."""

    def compute(library: Library) -> Function:
        f = partial(scalar_with_aux, library.functions)
        if library is OURS:
            return lambda x: autograd.hvp(f, (x,), (x,), has_aux=True)
        return lambda x: jax.jvp(jax.grad(f, has_aux=True), (x,), (x,), has_aux=True)[1:]

    check_around(outer, compute, numbers(3))


HOLES = {"w": numbers(3), "b": None, "more": [None, 0.5, ()]}


@around
@pytest.mark.parametrize("transformation", ["grad", "value_and_grad", "hessian", "jacobian"])
def test_none_is_a_tree_without_leaves(transformation: str, outer: str) -> None:
    """None in arguments and results is an empty subtree that keeps its place, as in JAX."""

    def compute(library: Library) -> Function:
        def f(p: Any) -> Any:
            assert p["b"] is None
            total = (library.functions.sin(p["w"]) * p["w"]).sum() * p["more"][1]
            return total if "grad" in transformation else {"total": total, "nothing": None}

        derivative: Function = getattr(library, transformation)(f)
        return derivative

    check_around(outer, compute, HOLES)


@pytest.mark.parametrize("outer", ["as it is", "jit", "jacobian"])
@pytest.mark.parametrize("transformation", ["grad", "value_and_grad", "hessian", "jacobian"])
def test_arrays_without_dimensions(transformation: str, outer: str) -> None:
    """A 0-d array stays an array in the function, with its methods, and as a derivative, as in JAX."""
    at = {"a": np.array(2.0), "b": np.array(-0.5)}

    def compute(library: Library) -> Function:
        def f(x: Any) -> Any:
            assert x["a"].shape == ()
            return (x["a"] * 2.0 + x["a"].sum() ** 3) * x["a"].reshape(1).sum() * x["b"].mean()

        inner = getattr(library, transformation)(f)
        if outer == "jacobian":
            inner = library.jacobian(inner)
        return compiled(library, inner) if outer == "jit" else inner

    check(compute, at)
    found = compute(OURS)(at)
    derivatives = found[1] if transformation == "value_and_grad" else found
    assert {type(leaf) for leaf in jax.tree.leaves(derivatives)} == {np.ndarray}


def test_vjp_and_jvp_have_the_structure_of_jax() -> None:
    """Values, cotangents and tangents of trees nest as in JAX."""
    cotangent = direction(trees_to_trees(np, *ARGUMENTS))
    tangents = direction(ARGUMENTS)

    def compute(library: Library) -> Function:
        f = partial(trees_to_trees, library.functions)

        def both(*args: Any) -> Any:
            value, pullback = library.vjp(f, *args)
            return value, pullback(cotangent), library.jvp(f, args, tangents)

        return both

    check(compute, *ARGUMENTS)


BATCH = (numbers(4, 3), numbers(3, 4, 2), 0.5)


@pytest.mark.parametrize(
    ("in_axes", "out_axes"),
    [((0, 1, None), 0), ((0, 1, None), 1), ((0, 1, None), -1), ((-2, -2, None), 0)],
    ids=repr,
)
def test_vmap_has_the_axes_of_jax(in_axes: Any, out_axes: int) -> None:
    """Mapped functions and gradients map over and stack along the same axes as in JAX."""

    def f(x: Any, y: Any, s: Any) -> Any:
        return [x[:2] * s, y @ y.T]

    def g(x: Any, y: Any, s: Any) -> Any:
        return (x[:, None] * y).sum() ** 2 * s

    check(lambda library: library.vmap(f, in_axes, out_axes), *BATCH)
    check(lambda library: library.vmap(library.grad(g, (0, 1, 2)), in_axes), *BATCH)


def test_vmap_of_trees_and_of_vmap() -> None:
    """vmap of trees, of vmap and of Hessians, and Jacobians through vmap, agree with JAX."""

    def compute(library: Library) -> Function:
        def one(p: Any) -> Any:
            return {"y": library.functions.tanh(p["w"] * p["b"]), "sum": p["w"].sum()}

        outer = library.vmap(library.vmap(lambda x, y: x * y, (None, 0)), (0, None))
        return lambda batch: (
            library.vmap(one)(batch),
            outer(batch["b"], batch["w"][0]),
            library.jacobian(library.vmap(one))(batch),
            library.vmap(library.hessian(lambda w: (w * w * w).sum()))(batch["w"]),
        )

    check(compute, {"w": numbers(2, 3), "b": numbers(2, seed=1)})


class Form(NamedTuple):
    """A way to call vmap: a function with its real results under the key "real", axes and arguments."""

    f: Callable[..., Any]
    in_axes: Any
    out_axes: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = MappingProxyType({})


def of_parts(f: Namespace, d: Any, s: Any) -> Any:
    """Compute with parts of a dict."""
    return {"real": [d["a"] * d["b"] + d["c"][0].sum() * s, f.sin(d["c"][1])]}


def of_keywords(f: Namespace, x: Any, *, y: Any, more: Any) -> Any:
    """Compute with an argument and two keyword arguments."""
    return {"real": [f.sin(x) * y.sum(), more["z"] * x], "more": None}


def of_kinds(f: Namespace, x: Any, i: Any, keep: Any, table: Any) -> Any:
    """Compute with a float, an integer and a boolean."""
    at = np.arange(3)[:, None] == i if f is autograd else f.arange(3)[:, None] == i
    return {"real": [x * i + x * keep, table * at.sum()], "i": i, "next": i + 1, "keep": keep, "at": at}


def of_nothing(f: Namespace, x: Any, nothing: Any) -> Any:
    """Compute with a number and None."""
    return {"real": [x * 2.0], "nothing": [nothing, ()]}


PARTS = {"a": numbers(4), "b": 0.5, "c": (numbers(3, 4), numbers(2, seed=1))}
PARTS_AXES = {"a": 0, "b": None, "c": (1, None)}
WHOLE = (numbers(4), np.array([2, 0, 1, 2]), np.array([True, False, True, True]), numbers(2))
FORMS = {
    "parts": Form(of_parts, (PARTS_AXES, None), 0, (PARTS, 2.0)),
    "lists of axes": Form(of_parts, [PARTS_AXES, None], {"real": [0, None]}, (PARTS, 2.0)),
    "axes of results": Form(of_parts, (PARTS_AXES, None), {"real": [0, 1]}, (PARTS, 2.0)),
    "last axes": Form(of_parts, (PARTS_AXES, None), {"real": [-1, -1]}, (PARTS, 2.0)),
    "one part": Form(of_parts, ({"a": 0, "b": None, "c": None}, None), 0, (PARTS, 2.0)),
    "shared": Form(lambda f, x, s: {"real": [s * s, s[0]]}, (0, None), None, (numbers(4), numbers(2))),
    "keywords": Form(
        of_keywords, 0, 0, (numbers(4),), {"y": numbers(4, 2), "more": {"z": numbers(4, seed=1)}}
    ),
    "keywords alone": Form(
        of_keywords, 0, 0, (), {"x": numbers(4), "y": numbers(4, 2), "more": {"z": numbers(4, seed=1)}}
    ),
    "kinds": Form(of_kinds, (0, 0, 0, None), 0, WHOLE),
    "kinds, shared": Form(
        of_kinds,
        (0, 0, 0, None),
        {"real": 0, "i": 0, "next": -1, "keep": 0, "at": 2},
        WHOLE,
    ),
    "kinds of no samples": Form(of_kinds, (0, 0, 0, None), 0, (*(x[:0] for x in WHOLE[:3]), WHOLE[3])),
    "no samples": Form(of_parts, ({"a": 0, "b": None, "c": None}, None), 0, (PARTS | {"a": numbers(0)}, 2.0)),
    "no samples on axis 1": Form(
        lambda f, x, s: {"real": [x * s, x.sum()]}, (1, None), (-1), (numbers(3, 0), 2.0)
    ),
    "no samples, shared": Form(
        lambda f, x, s: {"real": [x, s]}, (0, None), {"real": [0, None]}, (numbers(0, 3), 2.0)
    ),
    "None": Form(of_nothing, 0, 0, (numbers(4), None)),
    "None passed on": Form(of_nothing, (0, None), {"real": 0, "nothing": None}, (numbers(4), None)),
    "None by keyword": Form(of_nothing, 0, 0, (numbers(4),), {"nothing": [None, {}]}),
}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))


def mapped(library: Library, form: Form, scale: Any = None) -> Any:
    """Return the result of a form, with its real arguments multiplied by the scale, if given."""

    def scaled(leaf: Any) -> Any:
        return leaf * scale if scale is not None and np.asarray(leaf).dtype.kind == "f" else leaf

    args, kwargs = jax.tree.map(scaled, (form.args, dict(form.kwargs)))
    return library.vmap(partial(form.f, library.functions), form.in_axes, form.out_axes)(*args, **kwargs)


@forms
def test_forms_of_vmap(form: Form) -> None:
    """Axes of parts of arguments and results, keywords, integers, empty batches and None act as in JAX."""
    found, expected = mapped(OURS, form), jax.tree.map(np.asarray, mapped(THEIRS, form))
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for leaf, reference in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (np.shape(leaf), np.asarray(leaf).dtype.kind) == (reference.shape, reference.dtype.kind)
        np.testing.assert_allclose(leaf, reference, rtol=1e-12)


@forms
@pytest.mark.parametrize("around", ["jit of vmap", "vmap of jit"])
def test_compiled_forms_of_vmap(form: Form, around: str) -> None:
    """jit of vmap and vmap of jit agree with JAX for each form."""

    def compute(library: Library) -> Function:
        f: Function = partial(form.f, library.functions)
        if around == "vmap of jit":
            mapped: Function = library.vmap(compiled(library, f), form.in_axes, form.out_axes)
            return mapped
        return compiled(library, library.vmap(f, form.in_axes, form.out_axes))

    f, kwargs = compute(OURS), dict(form.kwargs)
    expected = jax.tree.map(np.asarray, compute(THEIRS)(*form.args, **kwargs))
    for _ in range(2):
        found = f(*form.args, **kwargs)
        assert jax.tree.structure(found) == jax.tree.structure(expected)
        for leaf, reference in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            assert np.shape(leaf) == reference.shape
            np.testing.assert_allclose(leaf, reference, rtol=1e-12)


@forms
def test_derivatives_of_forms_of_vmap(form: Form) -> None:
    """Derivatives through each form of vmap, also compiled, mapped and nested, agree with JAX."""

    def compute(library: Library) -> Function:
        def total(scale: Any) -> Any:
            real = mapped(library, form, scale)["real"]
            if library is THEIRS:
                return sum(jax.numpy.sum(r * r * r) for r in real)
            return autograd.sum([0.0, *(n * n * n for r in real for n in np.ravel(np.asarray(r, object)))])

        slope = library.grad(total)
        slopes = library.vmap(slope)
        at = np.array([0.7, -1.3])
        return lambda scale: (
            slope(scale),
            library.grad(slope)(scale),
            compiled(library, slope)(scale),
            slopes(scale * at),
            compiled(library, slopes)(scale * at),
            library.grad(lambda s: slopes(s * at).sum())(scale),
        )

    check(compute, 1.5)
