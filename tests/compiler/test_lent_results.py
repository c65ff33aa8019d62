"""Memory that calls of a compiled function use again: no result changes while somebody can look at it."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops_backend import loops as loops
from loops_backend import on
from threads import run_in_threads

from autograd import value_and_grad
from autograd.compiler import Jitted
from autograd.compiler.numba import entry, lent_results, work_memory

pytest.importorskip("numba")
BACKENDS = ["numpy", "loops", "numba"]
COUNTS = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()


def squares(p: dict[str, Any]) -> Any:
    """Return a number whose gradient is twice the arrays."""
    return sum((p[name] * p[name]).sum() for name in "wbcd") + p["s"] * p["s"]


def parameters(number: float) -> dict[str, Any]:
    """Return arrays that are told from those of another number."""
    w, b = np.full((3, 2), number), number + np.arange(4.0)
    return {"w": w, "b": b, "c": np.array([number]), "d": np.array([[number]]), "s": number}


def right(number: float) -> dict[str, Any]:
    """Return the gradient of `squares` at `parameters`."""
    return {name: part * 2.0 for name, part in parameters(number).items()}


@pytest.fixture(scope="module")
def functions() -> dict[str, Jitted]:
    """Return the function on each backend that is compiled once."""
    f = value_and_grad(squares)
    return {backend: on(backend, f, parameters(1.0)) for backend in ("numpy", "numba")}


def words_of(f: Jitted) -> dict[str, Any]:
    """Return what the program of a function refers to."""
    run: Any = f._latest.program.run
    words: dict[str, Any] = run._words
    return words


KEPT: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "itself": (lambda array: array, np.asarray),
    "a view": (lambda array: array[...], np.asarray),
    "a view of a view": (lambda array: array.T[::-1].T[::-1], np.asarray),
    "a subclass": (lambda array: array.view(np.recarray), np.asarray),
    "its memory": (memoryview, np.asarray),
    "a part of its memory": (lambda array: memoryview(array)[1:].toreadonly(), np.asarray),
    "a buffer": (lambda array: np.frombuffer(array.data.cast("B"), dtype=float), np.asarray),
    "an iterator": (lambda array: array.flat, lambda flat: flat.base.copy()),
    "its address": (lambda array: array.ctypes, lambda address: address._arr.copy()),
    "a method": (lambda array: array.copy, lambda copy: copy()),
    "what it is a view of": (lambda array: array if array.base is None else array.base, np.asarray),
}
"""What may be kept of an array, and how its numbers are read."""


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@settings(max_examples=60)
@given(data=st.data())
def test_what_is_kept_never_changes(backend: str, functions: dict[str, Jitted], data: st.DataObject) -> None:
    """Whatever a caller keeps of a result has the same numbers after any number of later calls."""
    f = functions[backend]
    kept: list[tuple[Any, Callable[[Any], Any], Any]] = []
    steps, drops = data.draw(st.integers(2, 9)), st.booleans()
    for number in range(steps):
        _, found = f(parameters(float(number)))
        for name, part in right(float(number)).items():
            assert np.array_equal(found[name], part)
        for name in data.draw(st.sets(st.sampled_from(["w", "b"]))):
            keep, read = KEPT[data.draw(st.sampled_from(sorted(KEPT)))]
            item = keep(found[name])
            kept.append((item, read, np.array(read(item))))
        if data.draw(drops) and kept:
            kept.pop(data.draw(st.integers(0, len(kept) - 1)))
        del found
    for item, read, before in kept:
        assert np.array_equal(read(item), before)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_caller_does_to_a_result_stays_with_him(backend: str) -> None:
    """Shape, flags and numbers of a result that is dropped are of no matter to later ones."""
    f = on(backend, value_and_grad(squares), parameters(1.0))
    for number in range(1, 9):
        _, found = f(parameters(float(number)))
        for name, part in right(float(number)).items():
            assert np.shape(found[name]) == np.shape(part)
            assert np.array_equal(found[name], part)
        assert all(array.flags.writeable and array.dtype == float for array in (found["w"], found["b"]))
        found["w"] += 1.0
        found["w"] = found["w"].reshape(-1)
        found["b"].flags.writeable = False


def addresses(f: Jitted, steps: int) -> set[int]:
    """Return where the gradients of some steps stand, each of which is dropped once the next one is there."""
    found, seen = None, set()
    for number in range(steps):
        _, found = f(parameters(float(number)))
        seen.add(found["w"].ctypes.data)
    return seen


@pytest.mark.skipif(not COUNTS, reason="each call gets new memory")
@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_memory_is_used_again(backend: str) -> None:
    """A loop that drops its results takes turns with two arrays, also if the first results are kept."""
    f = on(backend, value_and_grad(squares), parameters(1.0))
    assert len(addresses(f, 50)) <= 3
    kept = [f(parameters(-1.0)) for _ in range(3)]
    assert len(addresses(f, 50)) <= 5
    assert [found["s"] for _, found in kept] == [-2.0] * 3
    assert all(found["w"].tolist() == [[-2.0] * 2] * 3 for _, found in kept)
    # Results that are not seen any more are gone, though their memory is not.
    _, found = f(parameters(1.0))
    gone = weakref.ref(found["w"])
    del found
    assert gone() is None


def test_memory_is_new_where_references_cannot_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lock of the interpreter, a result that was dropped is not used again while it is there."""
    monkeypatch.setattr(lent_results, "COUNTS", False)
    f = on("loops", value_and_grad(squares), parameters(1.0))
    bases = []
    for number in range(5):
        _, found = f(parameters(float(number)))
        bases.append(found["w"].base)
    assert len({id(base) for base in bases}) == 5
    assert words_of(f)["lent_results"] == []


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_threads(backend: str, functions: dict[str, Jitted]) -> None:
    """Eight threads that keep some results and drop others find all of them right."""
    f, wrong = functions[backend], []

    def work(which: int) -> None:
        kept: list[tuple[float, Any]] = []
        for step in range(150):
            number = float(1000 * which + step)
            value, found = f(parameters(number))
            if value != squares(parameters(number)):
                wrong.append(number)
            kept = [*kept[-2:], (number, found)] if step % 3 else [(number, found)]
            for of, gradient in kept:
                if any(not np.array_equal(gradient[name], part) for name, part in right(of).items()):
                    wrong.append(of)

    run_in_threads(work)
    assert wrong == []


class BrokenError(Exception):
    """What cuts into a call."""


@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_calls_that_raise(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a call that an exception cuts into, later calls are right, and results of earlier ones stay."""
    f = on(backend, lambda p: (value_and_grad(squares)(p), np.tile(p["b"], 700)), parameters(1.0))

    def broken(*args: Any) -> Any:
        raise BrokenError

    others = words_of(f)["new_others"].__globals__
    # There is none to compute in before the first call, and none for small results while all are looked at.
    places: list[Callable[[pytest.MonkeyPatch], None]] = [
        lambda patch: patch.setattr(work_memory, "np", SimpleNamespace(empty=broken)),
        lambda patch: patch.setattr(lent_results, "np", SimpleNamespace(empty=broken)),
        lambda patch: patch.setitem(others, "empty", broken),
    ]
    for number, place in enumerate(places):
        kept = [f(parameters(3.0)) for _ in range(3 * number)]
        given = parameters(7.0)
        references = [*map(sys.getrefcount, given.values())]
        with monkeypatch.context() as patch:
            place(patch)
            for _ in range(3):
                with pytest.raises(BrokenError):
                    f(given)
        assert [*map(sys.getrefcount, given.values())] == references
        (_, found), long = f(parameters(5.0))
        assert found["w"].tolist() == [[10.0] * 2] * 3
        assert long.tolist() == [5.0, 6.0, 7.0, 8.0] * 700
        assert all(gradient["w"].tolist() == [[6.0] * 2] * 3 for (_, gradient), _ in kept)


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_of_many_kinds(backend: str) -> None:
    """Numbers, empty arrays, constants, small and large arrays come back in one call, and each is itself."""

    def f(x: Any, n: Any) -> Any:
        return x[0] * n, x * n, np.array([]), [x[:2], x[2:3].reshape(1, 1)], np.tile(x, 700), [n] * 9

    compiled = on(backend, f, np.arange(3.0), 2.0)
    kept = []
    for number in (2.0, 3.0, 4.0, 5.0):
        found, expected = compiled(np.arange(3.0), number), f(np.arange(3.0), number)
        kept.append((found, expected))
    for found, expected in kept:
        assert float(found[0]) == expected[0]
        assert [found[1].tolist(), found[4].tolist()] == [expected[1].tolist(), expected[4].tolist()]
        assert np.shape(found[2]) == (0,)
        assert [part.tolist() for part in found[3]] == [part.tolist() for part in expected[3]]
        assert found[5] == expected[5]


def test_results_outlive_their_function() -> None:
    """A program that is dropped drops its memory at once, but for what somebody looks at."""
    f = on("numba", value_and_grad(squares), parameters(1.0))
    _, found = f(parameters(2.0))
    memory = [weakref.ref(lent) for lent in words_of(f)["lent_results"]]
    del f
    assert [seen() is found["w"].base for seen in memory] == [True]
    assert found["w"].tolist() == [[4.0] * 2] * 3
    del found
    assert all(seen() is None for seen in memory)


ODD: dict[str, Any] = {
    "one row of many": np.arange(12.0).reshape(4, 3)[::4],
    "one column of many": np.arange(12.0).reshape(3, 4)[:, :1],
    "one row backwards": np.arange(3.0).reshape(1, 3)[::-1],
    "no rows": np.ones((4, 3))[4:],
    "no columns": np.ones((4, 3)).T[:0],
    "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "every second": np.arange(12.0)[::2],
    "the same number": np.broadcast_to(np.array(5.0), (2, 3)),
    "not aligned": np.frombuffer(b"x" + np.arange(3.0).tobytes(), dtype=float, offset=1),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("backend", BACKENDS)
def test_machine_code_looks_at_how_arrays_lie(
    backend: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An array that is no plain one is copied, and one whose odd strides lead nowhere is not refused."""
    array, plain = ODD[name], entry._plain
    seen: list[Any] = []

    def watched(array: Any) -> Any:
        seen.append(array)
        return plain(array)

    monkeypatch.setattr(entry, "_plain", watched)
    f = on(backend, lambda x, y: (x * 2.0, y * 3.0), np.ones(array.shape), np.ones(3))
    for _ in range(2):
        doubled, tripled = f(array, np.arange(3.0))
        assert np.array_equal(doubled, array * 2.0)
        assert tripled.tolist() == [0.0, 3.0, 6.0]
    is_plain = array.flags.c_contiguous and array.flags.aligned
    assert bool(seen) is (backend != "numpy" and not is_plain)
