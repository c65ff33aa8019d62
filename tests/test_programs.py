"""Random programs in every mode and on every backend."""

from __future__ import annotations

import warnings
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption
from in_c import COMPILER, CLibrary
from loops_backend import DIVISIONS, interpreted
from oracles import ORACLES, public
from programs import (
    STORAGES,
    VIEWS,
    Program,
    Setting,
    call_public,
    executed,
    flat,
    in_a_worker,
    leaves,
    plain,
    total,
)
from strategies import (
    HUGE,
    KEYS,
    KINDS,
    MANNERS,
    PLAIN,
    Draw,
    drawn_expression,
    drawn_program,
    expressions,
    programs,
    words_of,
)
from words import BINARY, UNARY, WORDS

import autograd
from autograd import OPS, Value, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp, vmap
from autograd.compiler import Jitted, recording
from autograd.compiler import compile as compiled
from autograd.compiler.arguments.call import Call
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.passes.rolling import roll
from autograd.functions import batch_array
from autograd.transforms.partials_by_cases import chooses_formulas
from nn import MLP, fit
from nn.activations import ACTIVATIONS
from nn.losses import binary_cross_entropy_with_logits, cross_entropy, hinge, l2_penalty, mse
from nn.optimizers import Adam

LABELS = [key for key in KEYS if isinstance(key, str)]

# The number of outputs, the loss, and the target for a row of inputs.
LOSSES: dict[str, tuple[int, Any, Callable[[list[float]], Any]]] = {
    "mse": (1, mse, lambda row: row[0] * row[1]),
    "hinge": (1, hinge, lambda row: 1.0 if row[0] > 0.0 else -1.0),
    "logistic": (1, binary_cross_entropy_with_logits, lambda row: float(row[0] > 0.0)),
    "cross entropy": (2, cross_entropy, lambda row: int(row[0] > 0.0)),
}

# -------------------------------------------------------------------------------------- transformations

Function = Callable[[Any, Any, Any], Any]
"""A function of parameters, data, and tangents with the structure of the parameters."""


def scalar(program: Program) -> Callable[[Any, Any], Any]:
    """Return a program with a scalar result."""
    return lambda p, d: total(program.ours(p, d))


def batched(program: Program) -> Callable[[Any, Any], Any]:
    """Return the sum of the scalar results for a batch of parameters."""
    return lambda p, d: total(vmap(program.ours, in_axes=(0, None))(p, d))


def curved(program: Program) -> Function:
    """Return the product of the Hessian and a vector."""
    return lambda p, d, t: hvp(lambda p: scalar(program)(p, d), (p,), (t,))


TRANSFORMS: dict[str, Callable[[Program], Function]] = {
    "value": lambda program: lambda p, d, t: program.ours(p, d),
    "value_and_grad": lambda program: lambda p, d, t: value_and_grad(scalar(program))(p, d),
    "jvp": lambda program: lambda p, d, t: jvp(lambda p: program.ours(p, d), (p,), (t,)),
    "hvp": curved,
    "jacobian": lambda program: lambda p, d, t: jacobian(program.ours)(p, d),
    "hessian": lambda program: lambda p, d, t: hessian(scalar(program))(p, d),
    "vmap": lambda program: lambda p, d, t: vmap(program.ours, in_axes=(0, None))(p, d),
    "vmap of grad": lambda program: lambda p, d, t: vmap(grad(scalar(program)), in_axes=(0, None))(p, d),
    "gradient of vmap": lambda program: lambda p, d, t: grad(batched(program))(p, d),
    "vmap of hvp": lambda program: lambda p, d, t: vmap(curved(program), in_axes=(0, None, None))(p, d, t),
}
# Elsewhere are values, of which builtin `sum` makes 0.0 of -0.0, and directions that are 0 or not there.
_SIGNED = {"hvp", "vmap of grad", "gradient of vmap", "vmap of hvp"}
FIRST_ORDER = {"value", "value_and_grad", "jvp", "vmap", "vmap of grad", "gradient of vmap", "jacobian"}


def tangents(program: Program, p: Any) -> Any:
    """Return tangents of whole numbers, with the structure of the parameters."""
    if program.parameters.kind == "module":
        return {name: float(i % 3 - 1) for i, (name, _) in enumerate(p.named_parameters())}
    arrays = [
        np.arange(1.0, 1.0 + np.size(a.at(0))).reshape(a.shape) % 3 - 1 for a in program.parameters.arrays
    ]
    return program.parameters.build([array if array.ndim else float(array) for array in arrays])


def arguments(
    program: Program, point: int, *, stored: bool = False, samples: int = 0, setting: Setting | None = None
) -> tuple[Any, Any, Any]:
    """Return parameters, data and tangents at a point; in a batch the first two samples are equal."""
    p = program.parameters.at(point, stored=stored, setting=setting or setting_of(program))
    t = tangents(program, p)
    if samples:
        ends = [program.parameters.at(0), program.parameters.at(1)]
        rows = [list(leaves(ends[i == 2])) for i in range(samples)]
        p = program.parameters.build([np.stack(parts) for parts in zip(*rows, strict=True)])
    return p, program.data.at(point, stored=stored), t


# --------------------------------------------------------------------------------------------- equality


def evaluated(f: Callable[..., Any], *args: Any) -> Any:
    """Return the result of a call, without NumPy's warnings."""
    with np.errstate(all="ignore"):
        return f(*args)


def form_of(tree: Any) -> Any:
    """Return the containers and shapes of a tree."""
    if isinstance(tree, dict):
        return {key: form_of(part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree), [form_of(part) for part in tree]
    return np.shape(tree)


def same_bits(found: Any, expected: Any) -> None:
    """Assert that two trees have the same structure and numbers, with 0.0 equal to -0.0."""
    assert form_of(found) == form_of(expected)
    np.testing.assert_array_equal(flat(found), flat(expected))


def same_signs(found: Any, expected: Any) -> None:
    """Assert that zeros of two trees have the same signs."""
    zeros = flat(expected) == 0.0
    np.testing.assert_array_equal(np.signbit(flat(found)[zeros]), np.signbit(flat(expected)[zeros]))


def same(found: Any, expected: Any, tolerance: float = 1e-9) -> None:
    """Assert that two trees are equal, nan for nan, up to rounding relative to their largest number."""
    assert form_of(found) == form_of(expected)
    left, right = flat(found), flat(expected)
    finite = np.abs(right[np.isfinite(right)])
    largest = max(1.0, *finite) if finite.size else 1.0
    # With larger derivatives the rounding errors are too large to compare. `assume` is for Hypothesis alone.
    if largest >= 1e8:
        raise UnsatisfiedAssumption
    np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance * largest)


def agree(program: Program, name: str, found: Any, expected: Any) -> None:
    """Assert that two evaluations agree: bit for bit if the order of summation does not matter."""
    if program.manner == "dyadic" or (program.settled and name in ("value", "vmap")):
        same_bits(found, expected)
    else:
        same(found, expected, 1e-9 if name in FIRST_ORDER else 1e-7)


# --------------------------------------------------------------------------------------------- backends


@contextmanager
def changed(items: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute within the block."""
    before = getattr(items, name)
    setattr(items, name, value)
    try:
        yield
    finally:
        setattr(items, name, before)


def loops() -> Any:
    """Register a third backend: the loops for Numba, run by Python."""
    return changed(
        compiled, "BACKENDS", {**compiled.BACKENDS, "loops": compiled.Backend(interpreted, with_numpy)}
    )


def as_a_table() -> Any:
    """Make every program interpreted, however few arrays it has."""
    return changed(compiled, "_MOST_ARRAYS", 0)


def all_long() -> Any:
    """Take every array along an axis that NumPy's functions take so."""
    return changed(batch_array, "_FEWEST_ELEMENTS", 2)


@contextmanager
def all_long_in_loops() -> Iterator[None]:
    """Take arrays along an axis, and run the loops for Numba."""
    with loops(), all_long():
        yield


@contextmanager
def all_along_all() -> Iterator[None]:
    """Take every array along axes in all dimensions, and put these apart, with loops or without."""

    def rolled(tape: Any, inputs: Any, *rest: Any) -> Any:
        return roll(tape, inputs, *rest) or (tape, inputs)

    with changed(recording, "_MOST_ELEMENTS", -1), changed(compiled, "roll", rolled):
        yield


BACKENDS: dict[str, tuple[str, Callable[[], Any]]] = {
    "numpy": ("numpy", nullcontext),
    "loops": ("loops", loops),
    "numba": ("numba", nullcontext),
    "interpreted by numpy": ("numpy", as_a_table),
    "interpreted by numba": ("numba", as_a_table),
    "along axes": ("numpy", all_long),
    "loops along axes": ("loops", all_long_in_loops),
    "along all axes": ("numpy", all_along_all),
}


DERIVATIVES = {"gradient", "gradients of samples", "tangent", "curvature", "pulled back", "compiled call"}

# Rows with a partial that chooses between formulas.
CHOOSING = [
    name
    for name in (*UNARY, *BINARY)
    if any(chooses_formulas(OPS[name], i) for i in range(len(OPS[name].partials)))
]


def transforms_of(program: Program) -> list[str]:
    """Return the transformations that apply to a program; modules cannot be batched.

    At infinite numbers Jacobians differ: an unused tangent is 0 in a batch of directions but absent
    otherwise, and 0 times inf is nan. So do second derivatives where a rule chooses a number in place of a
    formula, which has the derivative 0 in a trace, and none otherwise.
    """
    names = [name for name in TRANSFORMS if not ("vmap" in name and program.parameters.kind == "module")]
    if program.manner == "huge":
        return [name for name in names if name in ("value", "vmap")]
    if program.manner == "special":
        names = [name for name in names if name not in ("jacobian", "hessian")]
        words = words_of(program.steps)
        if not words.isdisjoint(CHOOSING):
            is_nested = not words.isdisjoint(DERIVATIVES)
            names = [name for name in names if name in (("value", "vmap") if is_nested else FIRST_ORDER)]
    return names


def drawn_for(program: Program, draw: Draw) -> tuple[str, int]:
    """Draw a transformation, and the number of samples of its batch."""
    names = transforms_of(program)
    name = names[draw(0, len(names) - 1)]
    return name, draw(1, 3) if "vmap" in name else 0


class Case(NamedTuple):
    """A program, a transformation of it, and the number of samples of its batch."""

    program: Program
    name: str
    samples: int

    @property
    def function(self) -> Function:
        """What is compiled."""
        return TRANSFORMS[self.name](self.program)


def check_backend(backend: str, case: Case) -> None:
    """Check that a transformation of a program agrees with eager calls on a backend, at two points."""
    kind, context = BACKENDS[backend]
    program, name, samples = case
    f = case.function
    with context():
        function = Jitted(f, kind)
        for point, stored, count in [(0, False, samples), (0, True, min(samples, 1)), (1, False, samples)]:
            # How the same numbers are stored is nothing to an eager call.
            if not stored or count != samples:
                expected = evaluated(f, *arguments(program, point, samples=count))
            try:
                found = evaluated(function, *arguments(program, point, stored=stored, samples=count))
            except MemoryError:
                if DIVISIONS:
                    DIVISIONS.clear()
                    return
                raise
            agree(program, name, found, plain(expected))
            # By a rule of one's own for tangents, adjoints of what stands still are there in a trace. Sums of
            # products by NumPy begin at 0.0: that of (-0.0, 0.0) and (1.0, -1.0) is 0.0, and should be -0.0.
            if (
                program.manner == "dyadic"
                and name in _SIGNED
                and "with a rule" not in words_of(program.steps)
                and " sums of " not in function.source
            ):
                same_signs(found, plain(expected))
            function.wait()
            report = function.report()
            # Samples that take steps as long as a condition holds for any of them run on NumPy alone.
            assert report.backend == kind or "until a condition fails" in report.remark, report


def together(cases: Sequence[Case]) -> Callable[..., Any]:
    """Return one function of all cases: each that is compiled takes its compiler a time of its own."""
    fs = [case.function for case in cases]
    return lambda *args: [f(*of) for f, of in zip(fs, args, strict=True)]


def arguments_of(cases: Sequence[Case], point: int) -> list[Any]:
    """Return the arguments of the function of all cases."""
    return [arguments(case.program, point, samples=case.samples) for case in cases]


def check_numba(cases: Sequence[Case]) -> None:
    """Check transformations of programs, compiled by Numba as one function."""
    pytest.importorskip("numba")
    f = together(cases)
    function = Jitted(f, "numba")
    for point in (0, 0, 1):
        args = arguments_of(cases, point)
        for case, one, expected in zip(cases, evaluated(function, *args), evaluated(f, *args), strict=True):
            with suppress(UnsatisfiedAssumption):
                agree(case.program, case.name, one, plain(expected))
        function.wait()


def on_host(tree: Any) -> Any:
    """Return a tree of arrays of JAX as one of NumPy's arrays and floats, in its order."""
    if isinstance(tree, dict):
        return {key: on_host(part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(*map(on_host, tree)) if hasattr(tree, "_fields") else type(tree)(map(on_host, tree))
    return np.asarray(tree) if tree.ndim else float(tree)


def check_jax(cases: Sequence[Case]) -> None:
    """Check transformations of programs, compiled by XLA as one function."""
    pytest.importorskip("jax")
    # XLA takes what is below 2.2e-308 for 0, such as 1 / 1e308.
    cases = [case for case in cases if not any(text in repr(case.program) for text in ("e-324", "e+308"))]
    f = together(cases)
    function = autograd.jit(f, backend="jax")
    for point in (0, 1):
        args = arguments_of(cases, point)
        for case, one, expected in zip(cases, function(*args), evaluated(f, *args), strict=True):
            with suppress(UnsatisfiedAssumption):
                same(on_host(one), plain(expected), 1e-9 if case.name in FIRST_ORDER else 1e-7)


def check_c(cases: Sequence[Case]) -> None:
    """Check transformations of programs, written in C and compiled as one library."""
    if COMPILER is None:
        pytest.skip("there is no compiler of C")
    with TemporaryDirectory() as folder:
        written = {}
        for i, case in enumerate(cases):
            f, args = case.function, arguments(case.program, 0, samples=case.samples)
            function = Jitted(f, "numpy")
            evaluated(function, *args)
            # A loop of each sample until its condition fails has no form in C.
            with suppress(NotImplementedError):
                function.to_c(Path(folder, f"f{i}.c"), name=f"f{i}")
                call = Call(f, args, {})
                # Of many numbers a program makes one array.
                shapes = [*map(np.shape, evaluated(function._latest.program.run, *call.arrays))]
                written[f"f{i}"] = call.arrays, shapes, flat(evaluated(f, *args))
        library = CLibrary(Path(folder), ("-O0",)) if written else None
        for name, (arrays, shapes, expected) in written.items():
            assert library is not None
            status, found = library.call(name, arrays, shapes)
            assert status == 0
            with suppress(UnsatisfiedAssumption):
                same(flat(found), expected, 1e-7)


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_second_derivatives_of_rows(name: str) -> None:
    """At ties, signed zeros, inf and nan, compiled second derivatives agree with eager calls.

    Where a number on the way overflows, these differ by their mode: then with one of the two.
    """
    row = public(OPS[name])
    size = len(OPS[name].partials)
    pairs = list(product(range(size), repeat=2))

    def slopes(*at: Any) -> Any:
        return [grad(grad(row, argnums=i), argnums=j)(*at) for i, j in pairs]

    def forward(*at: Any) -> Any:
        def along(i: int, j: int) -> Any:
            return jvp(lambda x: grad(row, argnums=i)(*at[:j], x, *at[j + 1 :]), (at[j],), (1.0,))[1]

        return [along(i, j) for i, j in pairs]

    function = Jitted(slopes, "numpy")
    for numbers in product(HUGE, repeat=size):
        found, expected = function(*numbers), evaluated(slopes, *numbers)
        differs = np.isnan(found) != np.isnan(expected)
        if differs.any():
            expected = np.where(differs, evaluated(forward, *numbers), expected)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=4e-16)


@pytest.mark.parametrize("name", CHOOSING)
def test_third_derivatives_of_rows_that_choose(name: str) -> None:
    """Where a rule chooses between formulas, compiled third derivatives are those of the chosen one, too.

    Except those of infinite powers.
    """
    row = public(OPS[name])
    size = len(OPS[name].partials)

    def thirds(*at: Any) -> Any:
        ways = product(range(size), repeat=3)
        return [grad(grad(grad(row, argnums=i), argnums=j), argnums=k)(*at) for i, j, k in ways]

    function = Jitted(thirds, "numpy")
    for numbers in product([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf], repeat=size):
        if name != "pow" or np.isfinite(numbers[1]):
            found, expected = function(*numbers), evaluated(thirds, *numbers)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=4e-16)


# ------------------------------------------------------------------------------------------------ modes


def check_modes(program: Program) -> None:
    """Check that every way to compute a derivative of a program agrees."""
    p, d, t = arguments(program, 0)
    ours, one = program.ours, scalar(program)
    with np.errstate(all="ignore"):
        value, gradient = value_and_grad(one)(p, d)
        agree(program, "value", plain(one(p, d)), plain(value))
        same_bits(in_a_worker(value_and_grad(one), p, d), (value, gradient))
        outputs, _ = vjp(lambda p: ours(p, d), p)
        agree(program, "value", plain(ours(p, d)), plain(outputs))
        primal, tangent = jvp(lambda p: ours(p, d), (p,), (t,))
        same_bits(primal, outputs)
        if program.manner == "huge":
            return
        # Nested derivatives return plain numbers unless an outer transformation differentiates, so skip them.
        is_plain = words_of(program.steps).isdisjoint(DERIVATIVES)
        for create_graph in (False, True) if is_plain else ():
            agree(program, "value_and_grad", by_backward(program, p, d, create_graph), flat(gradient))
    if program.manner == "special":
        return
    along = float(np.dot(flat(gradient), flat(t)))
    agree(program, "jvp", jvp(lambda p: one(p, d), (p,), (t,)), (value, along))
    agree(program, "jvp", total(tangent), along)
    agree(program, "jacobian", jacobian(ours, mode="fwd")(p, d), jacobian(ours, mode="rev")(p, d))
    with np.errstate(all="ignore"):
        check_orders(program, p, d, t)
        if program.parameters.kind != "module":
            check_samples(program)


def check_orders(program: Program, p: Any, d: Any, t: Any) -> None:
    """Check that every way to second and third derivatives agrees, and that a batch is its samples."""
    one = scalar(program)

    def slope(p: Any) -> Any:
        return autograd.dot(flat_values(grad(one)(p, d)), flat(t))

    def curvature(p: Any) -> Any:
        return autograd.dot(flat_values(hvp(lambda p: one(p, d), (p,), (t,))), flat(t))

    second = hvp(lambda p: one(p, d), (p,), (t,))
    agree(program, "hvp", second, plain(grad(slope)(p)))
    third = plain(grad(curvature)(p))
    agree(program, "third", jvp(lambda p: hvp(lambda p: one(p, d), (p,), (t,)), (p,), (t,))[1], third)
    if words_of(program.steps).isdisjoint(DERIVATIVES):
        agree(program, "hvp", by_backward(program, p, d, create_graph=True, along=flat(t)), flat(second))


def check_samples(program: Program) -> None:
    """Check that a batch gives what its samples give one by one, in both orders of vmap and grad."""
    P, d, t = arguments(program, 0, samples=3)  # noqa: N806
    rows = [program.parameters.build([part[i] for part in leaves(P)]) for i in range(3)]
    functions: dict[str, Function] = {
        "vmap": TRANSFORMS["value"](program),
        "vmap of grad": lambda p, d, t: grad(scalar(program))(p, d),
        "vmap of hvp": curved(program),
    }
    for name, f in functions.items():
        each = [[*leaves(plain(f(row, d, t)))] for row in rows]
        stacked = flat([np.stack(parts) for parts in zip(*each, strict=True)])
        agree(program, name, flat(vmap(f, in_axes=(0, None, None))(P, d, t)), stacked)
        if name == "vmap of grad":
            agree(program, "gradient of vmap", flat(grad(batched(program))(P, d)), stacked)


def flat_values(tree: Any) -> list[Any]:
    """Return the numbers and `Value`s of a tree."""
    return [x for leaf in leaves(tree) for x in (leaf.ravel().tolist() if np.ndim(leaf) else [leaf])]


def by_backward(program: Program, p: Any, d: Any, create_graph: bool, along: Any = None) -> Any:
    """Return the gradients of the leaves after a backward sweep, or after a second one along a direction."""
    if program.parameters.kind == "module":
        values = p.parameters()
    else:
        arrays = [autograd.as_values(leaf) for leaf in leaves(p)]
        values = [v for array in arrays for v in array.ravel()]
        p = program.parameters.build([array if array.ndim else array[()] for array in arrays])
    root = total(program.ours(p, d))
    for v in values:
        v.grad = 0.0
    if isinstance(root, autograd.Value):
        root.backward(create_graph=create_graph)
    if along is not None:
        slope = autograd.dot([v.grad for v in values], along)
        for v in values:
            v.grad = 0.0
        if isinstance(slope, Value):
            slope.backward()
    return np.array([float(plain(v.grad)) for v in values])


# ---------------------------------------------------------------------------------------------- PyTorch


def torch_namespace(torch: Any, setting: Setting) -> dict[str, Any]:
    """Return the namespace of programs in PyTorch's words."""

    def fold(f: Callable[[Any, Any], Any], x: Any) -> Any:
        items = x.ravel().unbind()
        folded = items[0]
        for item in items[1:]:
            folded = f(folded, item)
        return folded

    def product(x: Any) -> Any:
        return fold(lambda a, b: a * b, x)

    def tensor(numbers: Any) -> Any:
        return torch.tensor(numbers, dtype=torch.float64)

    of = torch.nn.functional
    activation = {"tanh": torch.tanh, "linear": lambda x: x}[setting.activation]

    def look_up(x: Any, index: Any, mode: str) -> Any:
        whole = torch.floor(index).long()
        place = whole.clamp(0, len(x) - 1) if mode == "clip" else whole % len(x)
        # torch.func.vmap refuses x[place].
        return torch.index_select(x, 0, place.reshape(1))[0]

    def assigned(x: Any, place: Any, number: Any, view: str) -> Any:
        # Without an assignment, which torch.func.vmap refuses.
        is_there = np.zeros(x.shape, dtype=bool)
        VIEWS[view](is_there)[place] = True
        return x * 2.0 - torch.where(torch.tensor(is_there), number, x)

    def scan(f: Any, carry: Any, xs: Any, reverse: bool) -> Any:
        out = []
        for x in reversed(xs) if reverse else xs:
            out.append(carry)
            carry = torch.tanh(f(carry, x))
        return carry, torch.stack(out[::-1] if reverse else out)

    def repeat(f: Any, c: Any, clock: Any) -> Any:
        # Without a branch on numbers, which torch.func.vmap refuses.
        for _ in range(4):
            goes_on = clock < 1.0
            c = torch.where(goes_on, torch.tanh(f(c)), c)
            clock = torch.where(goes_on, clock + 0.75, clock)
        return c, clock

    return {
        "torch": torch,
        "inf": np.inf,
        "nan": np.nan,
        "of": of,
        "_tensor": tensor,
        # Forward mode refuses a tensor that is expanded in memory, such as the gradient of a sum.
        "_dense": lambda x: x.contiguous(),
        "_max": lambda x, y: torch.where(x >= y, x, y),
        "_min": lambda x, y: torch.where(x <= y, x, y),
        "_fold": fold,
        "_assigned": assigned,
        "_look_up": look_up,
        "_scan": scan,
        "_while": repeat,
        "_product": product,
        "_row": lambda name, *args: ORACLES[name].torch(torch, *args),
        "_transpose": lambda x: x.permute(*range(x.ndim - 1, -1, -1)),
        "_activation": activation,
        "_slope": setting.slope,
    }


def setting_of(program: Program) -> Setting:
    """Return the setting with which a program was drawn."""
    return Setting("linear" if program.manner == "dyadic" else "tanh")


def check_pytorch(program: Program) -> None:
    """Check a program against PyTorch."""
    torch = pytest.importorskip("torch")
    setting = setting_of(program)
    namespace = torch_namespace(torch, setting)
    run = executed(program.source("torch"), namespace)
    tensor = namespace["_tensor"]

    def one(p: Any, d: Any) -> Any:
        tree = run(p, d)
        parts = [tree] if isinstance(tree, torch.Tensor) else list(leaves(tree))
        return sum(part.sum() * (i + 1.0) for i, part in enumerate(parts))

    p, d, t = arguments(program, 0, setting=setting)
    ps = [tensor(array.at(0)) for array in program.parameters.arrays]
    ds = [tensor(array.at(0)) for array in program.data.arrays]
    numbers, ts = iter(flat(t).tolist()), []
    for leaf in ps:
        ts.append(tensor([next(numbers) for _ in range(leaf.numel())]).reshape(leaf.shape))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns about its own code.
        gradient, value = torch.func.grad_and_value(one)(ps, ds)
        _, curved = torch.func.jvp(lambda p: torch.func.grad(one)(p, ds), (ps,), (ts,))
    f = scalar(program)
    ours = value_and_grad(f)(p, d)
    agree(program, "value_and_grad", flat(ours), numpy_of([value, *gradient]))
    agree(program, "hvp", flat(hvp(lambda p: f(p, d), (p,), (t,))), numpy_of(curved))


def numpy_of(tensors: Sequence[Any]) -> Any:
    """Return all numbers of some tensors in one array."""
    return np.concatenate([tensor.detach().numpy(force=True).ravel() for tensor in tensors])


# ------------------------------------------------------------------------------------------------- laws


class Law(NamedTuple):
    """What holds for every program.

    Attributes
    ----------
    check : callable
        From some cases to nothing; raises where they break the law.
    at_once : int
        How many cases it takes, so that a compiler is started once for all of them.
    programs : int
        How many the suite draws.
    manners, kinds : sequence of str
        The manners of numbers and the containers of parameters that it applies to.
    """

    check: Callable[[Sequence[Case]], None]
    at_once: int = 1
    programs: int = 500
    manners: Sequence[str] = MANNERS
    kinds: Sequence[str] = KINDS


def one_by_one(check: Callable[[Case], None]) -> Callable[[Sequence[Case]], None]:
    """Return the check of some cases, each on its own."""

    def check_all(cases: Sequence[Case]) -> None:
        for case in cases:
            check(case)

    return check_all


LAWS: Mapping[str, Law] = {
    **{name: Law(one_by_one(partial(check_backend, name))) for name in BACKENDS if "numba" not in name},
    "interpreted by numba": Law(one_by_one(partial(check_backend, "interpreted by numba")), programs=20),
    "numba": Law(check_numba, at_once=8, programs=24),
    "jax": Law(check_jax, at_once=4, programs=8, manners=MANNERS[:3], kinds=PLAIN),
    "c": Law(check_c, at_once=25, programs=25, manners=MANNERS[:3]),
    "modes": Law(one_by_one(lambda case: check_modes(case.program))),
    "pytorch": Law(one_by_one(lambda case: check_pytorch(case.program)), manners=("dyadic", "smooth")),
}
"""Agreement of all ways to evaluate and differentiate a program: the oracle of NablaFuzz (ICSE 2023)."""


def case_of(law: Law, number: int, seed: int = 0) -> Case:
    """Return one case of a law, by its number."""
    return _drawn(tuple(law.manners), tuple(law.kinds), f"{seed} {number}")


# Most laws share their cases, and to draw one takes a sixth of the time of a law.
@lru_cache(1000)
def _drawn(manners: tuple[str, ...], kinds: tuple[str, ...], seed: str) -> Case:
    draw = Random(seed).randint
    is_expression = draw(0, 3) == 0
    program = drawn_expression(draw) if is_expression else drawn_program(draw, manners, kinds=kinds)
    return Case(program, *drawn_for(program, draw))


@pytest.mark.parametrize("name", LAWS)
def test_laws(name: str) -> None:
    """Each law holds for programs by their number; the campaign says which, and makes them smaller."""
    law = LAWS[name]
    # As with examples of Hypothesis, of which it tries 100, the tests of the compiled form try fewer.
    programs = max(law.at_once, law.programs * min(settings().max_examples, 100) // 100)
    for first in range(0, programs, law.at_once):
        cases = [case_of(law, first + i) for i in range(law.at_once)]
        with suppress(UnsatisfiedAssumption):
            try:
                law.check(cases)
            except Exception as error:
                words = f"random-programs --first {first} --programs {law.at_once} {name!r}"
                error.add_note(f"{cases}\nmade smaller by: python tests/campaigns {words}")
                raise


def test_an_array_that_is_looked_up_and_multiplied() -> None:
    """A column that a lookup has taken apart is all of its numbers beside a row, not the first for all."""

    def f(row: Any, column: Any, index: Any) -> Any:
        autograd.take(column, autograd.floor(index), axis=0, mode="clip")
        return column * row

    def tangents(row: Any, column: Any, index: Any) -> Any:
        return jvp(f, (row, column, index), (row * 2.0, column + 1.0, 0.0))[1]

    at = np.array([[0.5, -2.0]]), np.array([[1.0], [2.0], [4.0]]), 1.5
    with all_along_all():
        same(Jitted(tangents, "numpy")(*at), tangents(*at))


def test_loops_that_divide_by_zero() -> None:
    """Where Python's numbers raise in the loops for Numba, the call ends in an error, and not in garbage."""

    def f(x: Any) -> Any:
        below = np.clip(x, -np.inf, 0.0)
        return np.floor_divide(below, below)

    with loops():
        function = Jitted(f, "loops")
        function(np.array([-1.0, -2.0]))
        function.wait()
        assert function(np.array([-1.0, -3.0])).tolist() == [1.0, 1.0]
        with pytest.raises(MemoryError):
            function(np.array([3.0, -3.0]))
    DIVISIONS.clear()


ENDING_IN_ZERO: list[Callable[[Any], Any]] = [
    lambda x: hinge([x], [1.0]),
    lambda x: -autograd.relu(x) - autograd.relu(x),
    lambda x: -abs(x),
    lambda x: -np.clip(x, -1.0, 1.0),
    lambda x: -autograd.where(x > 0.0, x, 0.0),
    lambda x: 0.0 - np.maximum(x, 0.0),
    lambda x: autograd.sum([x * -0.0, x * -0.0, x * -0.0]),
    lambda x: autograd.dot([x, x], [-0.0, -0.0]),
    lambda x: x / -np.inf,
    lambda x: -np.tanh(x * 1e3),
    lambda x: -(x**2),
    lambda x: np.sin(x) * -0.0 + x * 0.0,
]


def test_signs_of_zeros() -> None:
    """A derivative that is zero has the same sign eagerly, as numbers and as a graph, and compiled."""

    def slopes(x: Any) -> list[list[Any]]:
        both = [(f, grad(f)) for f in ENDING_IN_ZERO]
        return [[slope(x), jvp(f, (x,), (1.0,))[1]] for f, slope in both] + [
            [grad(slope)(x), jvp(slope, (x,), (1.0,))[1]] for _, slope in both
        ]

    function = Jitted(slopes, "numpy")
    for x in (0.0, -0.0, 1.0, -2.0, 2.0, np.inf):
        found, expected = evaluated(function, x), evaluated(slopes, x)
        same(found, expected)
        same_signs(found, expected)
        backward, forward = np.transpose(expected)
        same(forward, backward)
        same_signs(forward, backward)


# ------------------------------------------------------------------------------------------------- keys


@settings(max_examples=50)
@given(programs(kinds=["module"], size=3), st.sampled_from(sorted(ACTIVATIONS)))
def test_settings(program: Program, activation: str) -> None:
    """Modules with the same parameters but different settings have different programs."""
    check_settings(program, activation)


def check_settings(program: Program, activation: str) -> None:
    """Check that a compiled function distinguishes the settings of modules."""
    function = Jitted(program.ours, "numpy")
    for setting in (
        setting_of(program),
        Setting(activation, -1.5),
        setting_of(program),
        Setting("relu", 0.25),
    ):
        args = arguments(program, 0, setting=setting)[:2]
        found = evaluated(function, *args)
        expected = plain(evaluated(program.ours, *args))
        if program.manner == "smooth":
            same(found, expected, 1e-7)
        else:
            np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-9, atol=1e-9)


@settings(max_examples=25)
@given(programs(kinds=["namedtuple"], size=3))
def test_classes(program: Program) -> None:
    """Named tuples of two classes with the same name have different programs."""
    function = Jitted(value_and_grad(scalar(program)), "numpy")
    p, d, _ = arguments(program, 0)
    other: Any = namedtuple("Point", p._fields)  # type: ignore[misc]
    for one in (p, other(*p), p):
        expected = evaluated(value_and_grad(scalar(program)), one, d)
        agree(program, "value_and_grad", evaluated(function, one, d), expected)


@given(expressions(), st.lists(st.sampled_from(LABELS), min_size=4, max_size=4))
def test_labels(drawn: Program, labels: list[str]) -> None:
    """A graph with any labels can be turned into a function of its leaves."""
    variables = [Value(number, label) for number, label in zip(drawn.point, labels, strict=False)]
    function = autograd.lambdify(drawn.on(call_public, float, variables), variables)
    other = [number + 1e-3 for number in drawn.point]
    same(function(*other), float(drawn.on(call_public, float, other)))


@settings(max_examples=25)
@given(
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from(["mse", "hinge", "logistic"]),
    st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=2, max_size=3),
)
def test_networks(samples: int, width: int, loss: str, activations: list[str]) -> None:
    """One compiled step is right for networks that only differ in their activation."""
    _, criterion, target = LOSSES[loss]
    x = np.random.default_rng(samples).normal(size=(samples, 2))
    y = np.array([target(row) for row in x.tolist()])
    step = value_and_grad(lambda model, x, y: criterion(model(x), y) + l2_penalty(model, 0.1))
    function = Jitted(step, "numpy")
    for activation in activations:
        # The last batch has one sample.
        for rows in (slice(None), slice(-1, None)):
            model = MLP(2, [width, 1], activation=activation, rng=width)
            same(function(model, x[rows], y[rows]), step(model, x[rows], y[rows]))


# --------------------------------------------------------------------------------------------- training


@settings(max_examples=15)
@given(
    st.lists(
        st.lists(st.integers(-8, 8).map(lambda i: i / 8.0), min_size=2, max_size=2), min_size=1, max_size=7
    ),
    st.integers(1, 4),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.sampled_from(sorted(LOSSES)),
    st.integers(1, 3),
)
def test_training(rows: list[list[float]], batch: int, activation: str, loss: str, width: int) -> None:
    """Compiled and eager training give the same parameters, also with a last batch of one sample."""
    outputs, criterion, target = LOSSES[loss]
    trained = []
    for jit in (False, True):
        model = MLP(2, [width, outputs], activation=activation, rng=width)
        optimizer = Adam(model.parameters(), lr=0.05)
        targets = [target(row) for row in rows]
        fit(
            model, rows, targets, loss=criterion, optimizer=optimizer, epochs=3, batch_size=batch, rng=0,
            verbose=0, jit=jit,
        )  # fmt: skip
        trained.append([p.data for p in model.parameters()])
    np.testing.assert_allclose(trained[1], trained[0], rtol=1e-7, atol=1e-9)


# ------------------------------------------------------------------------------- coverage of the strategy


def test_everything_is_drawn() -> None:
    """The strategy draws every word except single rows, and every storage, container and form."""
    words = WORDS.keys() - {*UNARY, *BINARY}
    wanted = {*words, *STORAGES, *MANNERS, *PLAIN, "module", "bare", "list", "tuple", "dict"}

    for number in range(6000):
        program = drawn_program(Random(number).randint)
        steps = list(program.steps)
        while steps:
            step = steps.pop()
            wanted.discard(step.word)
            steps += step.block.steps if step.block else ()
        for container in (program.parameters, program.data):
            wanted.difference_update([container.kind, *(array.storage for array in container.arrays)])
        wanted.difference_update((program.manner, program.form))
        if not wanted:
            break
    assert not wanted
