"""Static arguments, as in JAX: constants of the trace and part of the key."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import same

import autograd
from autograd import Value, grad, jit, value_and_grad, vmap
from autograd.compiler import kept_programs
from nn import Module


def power(x: Any, n: int = 2, *, scale: Any = 1.0, name: str = "a") -> Any:
    """Return a power; it can only be traced if `n` and `name` are static."""
    result = 1.0
    for _ in range(n):
        result = result * x
    return result * scale if name == "a" else result - scale


def counted(f: Callable[..., Any]) -> tuple[Callable[..., Any], list[Any]]:
    """Return a function that records its calls, and the list of them."""
    calls: list[Any] = []

    @functools.wraps(f)
    def counting(*args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs))
        return f(*args, **kwargs)

    return counting, calls


@pytest.mark.parametrize(
    "options",
    [
        {"static_argnums": 1, "static_argnames": ["n", "name"]},
        {"static_argnums": (1,), "static_argnames": ("name", "n")},
        {"static_argnames": ["n", "name"]},
        {"static_argnums": -1, "static_argnames": {"n", "name"}},
    ],
)
def test_however_they_are_passed(options: dict[str, Any]) -> None:
    """Static arguments can be passed by position, by name and by default."""
    f, calls = counted(power)
    compiled = jit(f, backend="numpy", **options)
    for x in (2.0, 3.0):
        assert compiled(x, 3) == x**3
        assert compiled(x, n=3) == x**3
        assert compiled(x) == x**2
        assert compiled(x, 0, scale=5.0) == 5.0
        assert compiled(x, 3, scale=x, name="b") == x**3 - x
        assert compiled(x=x, n=3, scale=x) == x**4
    assert len(calls) == 6


def test_in_the_middle() -> None:
    """The other arguments keep their positions and names."""
    f = jit(lambda a, n, b, *rest: (a - b) * n + sum(rest, 0.0), backend="numpy", static_argnums=1)
    assert f(5.0, 2, 3.0) == 4.0
    assert "def program(a, b):" in f.source
    assert f(5.0, 2, 3.0, 1.0, 2.0) == 7.0
    assert f(5.0, 3, 3.0) == 6.0


def test_kinds_are_told_apart() -> None:
    """Equal static values of different types have different programs."""
    f = jit(lambda x, how: [x, float(len(repr(how)))], backend="numpy", static_argnums=1)
    for _ in range(2):
        for how in (
            1,
            1.0,
            True,
            0.0,
            -0.0,
            (1, 2),
            (1.0, 2),
            "1",
            None,
            frozenset({1}),
            np.float64(1.0),
            len,
        ):
            assert f(2.0, how) == [2.0, float(len(repr(how)))]


def test_functions_are_static_by_identity() -> None:
    """Functions as static arguments are compared by identity and called while tracing."""
    f = jit(lambda g, x: g(x), backend="numpy", static_argnames="g")
    for _ in range(2):
        assert f(autograd.sin, 0.0) == 0.0
        assert f(autograd.cos, 0.0) == 1.0


def test_compositions() -> None:
    """jit with static arguments composes with derivatives and vmap, inside and outside."""
    f = jit(power, backend="numpy", static_argnames=("n", "name"))
    assert grad(lambda x: f(x, 3))(2.0) == 12.0
    assert vmap(lambda x: f(x, 2))(np.array([1.0, 2.0])).tolist() == [1.0, 4.0]
    assert jit(lambda x: f(x, 2) + f(x, 3), backend="numpy")(2.0) == 12.0
    step = jit(value_and_grad(power), backend="numpy", static_argnums=1)
    assert [step(2.0, n) for n in (1, 2, 3)] == [(2.0, 1.0), (4.0, 4.0), (8.0, 12.0)]


class Model(Module):
    """A module whose method has a static argument."""

    def __init__(self) -> None:
        self.w = Value(2.0)

    @functools.partial(jit, backend="numpy", static_argnames="times")
    def repeat(self, x: Any, times: int) -> Any:
        """Return a multiple."""
        for _ in range(times):
            x = x * self.w
        return x


def test_methods() -> None:
    """`self` counts as argument 0; the parameters are inputs."""
    model = Model()
    assert [model.repeat(1.0, 3), model.repeat(1.0, times=2)] == [8.0, 4.0]
    model.w.data = 3.0
    assert model.repeat(1.0, 3) == 27.0
    assert grad(lambda model: model.repeat(1.0, 3))(model) == {"w": 27.0}


def test_as_a_decorator_with_options() -> None:
    """Without a function, `jit` returns a decorator with the given options."""

    @jit(backend="numpy", static_argnames=["n", "name"])
    def decorated(x: Any, n: int = 2, *, name: str = "a") -> Any:
        """Return a power."""
        return power(x, n, name=name)

    assert decorated(3.0, 3) == 27.0
    assert decorated(3.0, n=3, name="b") == 26.0
    assert decorated.__doc__ == "Return a power."
    compiled = jit()(lambda x: x * 2.0)
    assert compiled(3.0) == 6.0
    with pytest.raises(ValueError, match="'numpy', 'numba' or 'jax', got 'fortran'"):
        jit(backend="fortran")


@pytest.mark.parametrize("f", ["numba", 1, power(2.0)])
def test_what_is_no_function(f: Any) -> None:
    """`jit` of anything but a callable raises at once, not at the first call."""
    with pytest.raises(TypeError, match="expected a function to compile, got"):
        jit(f)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"static_argnums": 2}, ValueError, "asks for argument 2, but power has 2 positional arguments"),
        ({"static_argnums": (0, -3)}, ValueError, "asks for argument -3"),
        ({"static_argnames": "m"}, ValueError, "asks for 'm', .* are x, n, scale, name"),
        ({"static_argnums": 1.0}, TypeError, "'float' object is not iterable|whole numbers .* got 1.0"),
        ({"static_argnums": [True]}, TypeError, "whole numbers .* got True"),
        ({"static_argnames": [1]}, TypeError, "names .* got 1"),
    ],
)
def test_arguments_that_there_are_not(options: Any, error: type[Exception], message: str) -> None:
    """Positions and names are checked by `jit`, before any call."""
    with pytest.raises(error, match=message):
        jit(power, **options)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            [1],
            r"argument 1 of power is static: expected a hashable value, got \[1\] \(list\); pass a tuple",
        ),
        (np.array([1]), r"expected a hashable value, .*leave it out"),
        (
            Value(2.0),
            r"is static: expected a constant, got Value\(2.0\); pass its data",
        ),
    ],
)
def test_what_cannot_be_static(value: Any, message: str) -> None:
    """Unhashable values raise, as in JAX."""
    with pytest.raises(ValueError, match=message):
        jit(power, static_argnums=1)(2.0, value)


def test_a_function_without_a_signature() -> None:
    """Where Python does not know the arguments, static ones are taken as they are given."""

    def f(x: Any, n: int) -> Any:
        return x**n

    f.__signature__ = "not known"  # type: ignore[attr-defined]
    compiled = jit(f, "numpy", static_argnums=1)
    assert [compiled(2.0, n) for n in (3, 4)] == [8.0, 16.0]


def test_names_among_any_names() -> None:
    """A function that takes any names may have static ones among them."""
    compiled = jit(lambda x, **options: x ** options["n"] * options["scale"], "numpy", static_argnames="n")
    assert [compiled(2.0, n=n, scale=0.5) for n in (3, 4)] == [4.0, 8.0]


def test_the_last_call() -> None:
    """Source and report are those of the last call; before the first, the error says what to do."""
    f = jit(power, backend="numpy", static_argnums=1)
    with pytest.raises(RuntimeError, match="power has no program yet"):
        f.report()
    f(2.0, 2)
    two = f.source
    f(2.0, 3)
    assert f.source != two
    f(2.0, 2)
    assert f.source == two
    f.wait()
    f.clear_cache()
    with pytest.raises(RuntimeError, match="has no program yet"):
        assert f.source
    assert f(2.0, 3) == 8.0


def test_programs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of kept programs is bounded over all static values."""
    monkeypatch.setattr(kept_programs, "KEPT", 4)
    f, calls = counted(power)
    compiled = jit(f, backend="numpy", static_argnums=1)
    for n in range(10):
        assert compiled(2.0, n) == compiled(2.0, 0) * 2.0**n
    assert len(calls) == 10  # n = 0 was used in every round, so it was never evicted.
    assert len(compiled._programs) <= 4
    for size in range(1, 9):
        same(compiled(np.full(size, 2.0), 3), np.full(size, 8.0))
    assert len(compiled._programs) <= 4


def test_threads() -> None:
    """Calls from many threads with different static values get the right results."""
    f = jit(power, backend="numpy", static_argnums=1)
    wrong: list[Any] = []

    def work(n: int) -> None:
        for x in range(50):
            if f(float(x), n) != float(x) ** n:
                wrong.append((x, n))

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_functions_whose_parameters_are_not_known() -> None:
    """Names are taken as they are given where Python knows no parameters, or a function takes any name."""
    f = jit(dict, static_argnames="n")
    assert f(x=1.0, n=2.0) == {"x": 1.0, "n": 2.0}
    assert f(x=1.0, n=3.0) == {"x": 1.0, "n": 3.0}
    assert f.report().compilations == 2
    assert jit(lambda x, **others: x * len(others["text"]), static_argnames="text")(2.0, text="abc") == 6.0
    assert jit(lambda *xs: xs[0] * len(xs[-1]), static_argnums=-1)(2.0, "ab") == 4.0
