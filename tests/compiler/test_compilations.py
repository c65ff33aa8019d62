"""Compilations are counted, and the report says why the last one was needed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_arguments import ARGUMENTS, NAMED, function

import autograd
from autograd import Value, grad, jit, value_and_grad
from autograd.compiler import findings, kept_programs
from autograd.compiler.arguments.call import Call
from autograd.compiler.arguments.reasons import reason
from nn import MLP

X = np.ones(3)


def reasons(f: Callable[..., Any], *calls: tuple[Any, ...], **options: Any) -> list[str]:
    """Return the reasons of the compilations of some calls, which are one each."""
    compiled, found = jit(f, "numpy", **options), []
    for count, call in enumerate(calls, start=1):
        for _ in range(2):
            compiled(*call)
        report = compiled.report()
        assert report.compilations == count
        found.append(report.reason)
    return found


def first(x: Any, *rest: Any) -> Any:
    """Return the first argument."""
    return x


OTHERS: dict[str, tuple[Any, Any, str]] = {
    "shape": (X, np.ones(4), "x has shape (4,) instead of (3,)"),
    "dimensions": (X, np.ones((3, 1)), "x has shape (3, 1) instead of (3,)"),
    "number": (X, 1.0, "x is a number instead of an array of shape (3,)"),
    "no dimensions": (1.0, np.array(1.0), "x is an array without dimensions instead of a number"),
    "list": ([1.0, 2.0], (1.0, 2.0), "x is a tuple instead of a list"),
    "length": ([1.0, 2.0], [1.0, 2.0, 3.0], "x has 3 parts instead of 2"),
    "one part": ([1.0, 2.0], [1.0], "x has 1 part instead of 2"),
    "keys": ({"a": 1.0}, {"b": 1.0}, "x has parts of other names"),
    "None": ({"a": 1.0}, {"a": None}, "x['a'] is None instead of a number"),
    "deep": (
        [1.0, {"a": (X, 2.0)}],
        [1.0, {"a": (np.ones(2), 2.0)}],
        "x[1]['a'][0] has shape (2,) instead of (3,)",
    ),
    "two shapes": (
        [X, 1.0, X],
        [X[:2], 1.0, X[:1]],
        "x[0] has shape (2,) instead of (3,), x[2] has shape (1,) instead of (3,)",
    ),
    "many shapes": (
        [X] * 5,
        [X[:2]] * 5,
        "x[0] has shape (2,) instead of (3,), x[1] has shape (2,) instead of (3,), "
        "x[2] has shape (2,) instead of (3,), and 2 more",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_arguments(name: str) -> None:
    """The reason names the part of an argument that is another, what it is and what it was."""
    one, other, expected = OTHERS[name]
    assert reasons(first, (one,), (other,)) == ["it was the first call", expected]


def test_other_numbers_of_arguments() -> None:
    """More arguments, and arguments that are passed by name, are reasons."""
    assert reasons(first, (1.0,), (1.0, 2.0))[1] == "what is passed by position has 2 parts instead of 1"
    f = jit(lambda x, scale=1.0: x * scale, "numpy")
    f(1.0)
    f(1.0, scale=2.0)
    assert f.report().reason == "what is passed by name has 1 part instead of 0"
    f(1.0, scale=X)
    assert f.report().reason == "scale is an array of shape (3,) instead of a number"


def test_types_that_compile_nothing() -> None:
    """Numbers and arrays of all types, layouts and orders of bytes share the program of their shape."""
    f = jit(lambda x, n: x * n, "numpy")
    frozen = np.ones((2, 3))
    frozen.flags.writeable = False
    base = np.ones((2, 3))
    arrays = [base, np.asfortranarray(base), np.ones((4, 6))[::2, ::2], frozen, base.astype(">f8")]
    arrays += [base.astype(kind) for kind in (np.float32, np.float16, int, np.uint8, bool, object)]
    for x in arrays:
        for n in (1.0, 2, True, np.float64(1.0), np.float32(1.0), np.int64(3), np.bool_(True)):
            f(x, n)
    assert f.report().compilations == 1


STATICS: list[tuple[Any, Any, str]] = [
    (1, 2, "the static argument n is 2 instead of 1"),
    (1, 1.0, "the static argument n is 1.0 instead of 1"),
    (0.0, -0.0, "the static argument n is -0.0 instead of 0.0"),
    ("a", "b", "the static argument n is 'b' instead of 'a'"),
    ((1, 2), (1, 3), "the static argument n is (1, 3) instead of tuple(1, 2)"),
    (autograd.sin, autograd.cos, "the static argument n is cos instead of sin"),
    (float, int, "the static argument n is int instead of float"),
]


@pytest.mark.parametrize(("one", "other", "expected"), STATICS)
def test_static_arguments(one: Any, other: Any, expected: str) -> None:
    """The reason names a static argument, its value, and its value before."""
    assert reasons(lambda x, n: x, (1.0, one), (1.0, other), static_argnums=1)[1] == expected


def test_static_arguments_of_all_kinds_of_calls() -> None:
    """A static argument may be passed by name, be left out, or have a comparison of its own."""

    class Odd:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            raise ValueError("not comparable")

    f = jit(lambda x, n=1, m=1: x, "numpy", static_argnames=("n", "m"))
    for arguments, names, expected in (
        ((1.0,), {}, "it was the first call"),
        ((1.0, 2), {}, "the static argument n is passed in another way"),
        ((1.0,), {"n": 2}, "the static argument n is passed in another way"),
        ((1.0,), {"n": 2, "m": 3}, "the static argument m is passed in another way"),
        ((1.0,), {"n": 2, "m": 4}, "the static argument m is 4 instead of 3"),
        ((1.0,), {"m": 4}, "other static arguments are passed"),
    ):
        f(*arguments, **names)
        assert f.report().reason == expected
    calls = [Call(function, (1.0,), {}), Call(function, (1.0,), {})]
    for call in calls:
        call.statics.by_name["n"] = Odd()
    assert reason(calls[0], [calls[1].key]) == "the static argument n is another one"


SETTINGS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "activation": (
        lambda m: setattr(m.layers[0].neurons[1], "activation", autograd.relu),
        "model.layers[0].neurons[1].activation is relu instead of tanh",
    ),
    "number": (lambda m: setattr(m, "rate", 0.25), "model.rate is 0.25 instead of 0.5"),
    "type": (lambda m: setattr(m, "rate", 1), "model.rate is 1 instead of 0.5"),
    "text": (lambda m: setattr(m, "text", "b"), "model.text is 'b' instead of 'a'"),
    "None": (lambda m: setattr(m, "text", None), "model.text is None instead of 'a'"),
    "item": (lambda m: m.table.update(a=2), "model.table['a'] is 2 instead of 1"),
    "items": (lambda m: m.table.update(b=2), "model.table has 2 items instead of 1"),
    "keyword": (
        lambda m: m.bent.keywords.update(slope=0.4),
        "model.bent.keywords['slope'] is 0.4 instead of 0.3",
    ),
    "Value": (
        lambda m: m.bent.keywords.update(slope=Value(0.4)),
        "model.bent.keywords['slope'] is a Value instead of 0.3",
    ),
    "array": (lambda m: m.mean.fill(2.0), "model.mean has another value"),
    "attribute": (lambda m: setattr(m, "new", 1), "model has other attributes"),
    "parameter": (
        lambda m: m.layers[0].neurons.append(MLP(2, [1]).layers[0].neurons[0]),
        "model has 16 parameters instead of 13",
    ),
    "class": (lambda m: setattr(m, "__class__", OtherModel), "model is"),
}


class Model(MLP):
    """A model with settings."""

    def __init__(self) -> None:
        super().__init__(2, [3, 1], rng=0)
        self.rate, self.text, self.table = 0.5, "a", {"a": 1}
        self.bent = functools.partial(autograd.leaky_relu, slope=0.3)
        self.mean = np.zeros(2)

    def forward(self, x: Any) -> Any:
        """Return a parameter."""
        return self.layers[0].neurons[0].b * x


class OtherModel(Model):
    """A model of another class."""


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_modules(name: str) -> None:
    """The reason names the setting that was changed."""
    change, expected = SETTINGS[name]
    f = jit(lambda model, x: model.forward(x), "numpy")
    model = Model()
    f(model, 1.0)
    change(model)
    f(model, 1.0)
    assert f.report().compilations == 2
    assert f.report().reason.startswith(expected)


def test_the_most_similar_call_is_compared() -> None:
    """Of several programs the one counts that differs in the least."""
    f = jit(lambda x, n: x, "numpy", static_argnums=1)
    for x, n in ((X, 1), (1.0, 2), (np.ones(4), 1)):
        f(x, n)
    assert f.report().reason == "x has shape (4,) instead of (3,)"


def test_what_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was forgotten is compiled again, and the report says why it was not there."""
    monkeypatch.setattr(kept_programs, "KEPT", 2)
    f = jit(lambda x: x, "numpy")
    for size in (1, 2, 3, 1):
        f(np.ones(size))
    assert f.report().compilations == 4
    assert f.report().reason == "it was forgotten: no more than 2 are kept"
    f.clear_cache()
    f(np.ones(1))
    assert (f.report().compilations, f.report().reason) == (5, "clear_cache() forgot it")
    f.clear_cache()
    f(np.ones(5))
    assert f.report().reason == "clear_cache() forgot the others"


def test_of_what_was_forgotten_little_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a program was forgotten is itself forgotten; then a call is compared with the others."""
    monkeypatch.setattr(kept_programs, "KEPT", 1)
    monkeypatch.setattr(kept_programs, "_FORGOTTEN", 1)
    f = jit(lambda x: x, "numpy")
    for size in (1, 2, 3):
        f(np.ones(size))
    f(np.ones(1))
    assert f.report().reason == "x has shape (1,) instead of (3,)"
    f(np.ones(3))
    assert f.report().reason == "it was forgotten: no more than 1 are kept"


def test_what_is_no_compilation() -> None:
    """Calls that are recorded, and those that raise, compile nothing."""
    f = jit(lambda x: x * x if np.ndim(x) == 0 else 1 / 0, "numpy")
    assert grad(f)(2.0) == 4.0
    f(2.0)
    with pytest.raises(ZeroDivisionError):
        f(X)
    assert f.report().compilations == 1


def test_where_the_passes_were(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report says whether the passes ran, or what they found was in memory or on disk."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    findings.forget()

    def passes() -> Any:
        f = jit(value_and_grad(lambda x: (x * x * 1.2345).sum()), "numpy")
        f(X)
        return f.report()

    assert [passes().passes for _ in range(2)] == ["run", "memory"]
    findings.write_rest()
    findings.forget()
    report = passes()
    assert report.passes == "disk"
    assert ", found on disk; runs on" in repr(report)
    findings.forget()


def test_the_report_prints_it() -> None:
    """The last line of a report counts compilations."""
    f = jit(lambda x: x * 2.0, "numpy")
    f(1.0)
    assert repr(f.report()).endswith("\n1 compilation, the last since it was the first call")
    f(X)
    assert repr(f.report()).endswith(
        "\n2 compilations, the last since x is an array of shape (3,) instead of a number"
    )


@given(ARGUMENTS, NAMED, ARGUMENTS, NAMED, st.booleans())
def test_there_is_always_a_reason(args: Any, kwargs: Any, others: Any, named: Any, alike: bool) -> None:
    """Calls of another key have a reason, whatever their arguments are."""
    one = Call(function, args, kwargs)
    other = Call(function, args if alike else others, named)
    if one.key != other.key:
        assert reason(other, [one.key])
