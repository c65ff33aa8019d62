"""Machine code that reads arguments and puts results together: as Python does it, or not at all."""

from __future__ import annotations

import gc
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops_backend import loops as loops
from threads import run_in_threads

from autograd import Value, anomaly, grad, jit, vmap
from autograd.compiler import Jitted
from autograd.compiler.arguments.static import StaticArguments
from autograd.compiler.numba import layouts, lent_results
from autograd.compiler.runtime.program import UnsuitableError

pytest.importorskip("numba")
COUNTS = lent_results.COUNTS
ENTERS = pytest.mark.skipif(not COUNTS, reason="another thread may change what machine code reads")


def entered(backend: str, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Jitted:
    """Return a compiled function whose machine code reads the arguments."""
    compiled = Jitted(f, backend)
    compiled(*args, **kwargs)
    compiled.wait()
    assert compiled.report().backend == backend, compiled.report()
    compiled(*args, **kwargs)
    return compiled


def left_to_python(f: Jitted, *args: Any, **kwargs: Any) -> bool:
    """Return whether machine code leaves arguments to Python."""
    answer = f._latest.answer
    return answer is None or answer(args, kwargs) is ...


def doubled(tree: Any) -> Any:
    """Return a tree with twice the numbers."""
    if isinstance(tree, dict):
        return {key: doubled(part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)([doubled(part) for part in tree])
    return None if tree is None else tree * 2.0


def plain(tree: Any) -> Any:
    """Return a tree in which arrays are lists, with the types of containers and numbers."""
    if isinstance(tree, dict):
        return {key: plain(part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree).__name__, [plain(part) for part in tree]
    if isinstance(tree, np.ndarray):
        return tree.shape, tree.dtype.name, tree.tolist()
    return (float if isinstance(tree, float) else type(tree)), tree


numbers = st.integers(-8, 8).map(float)
shapes = st.sampled_from([(1,), (3,), (2, 2), (2, 0), (1, 3, 2)])
arrays = st.builds(lambda shape, number: number + np.arange(np.prod(shape)).reshape(shape), shapes, numbers)
keys = st.sampled_from(["a", "b", "w", "long name", 1, -7, 2.5, None, (1, "x")])
trees: st.SearchStrategy[Any] = st.recursive(
    numbers | arrays | st.none(),
    lambda part: (
        st.lists(part, max_size=4)
        | st.lists(part, max_size=4).map(tuple)
        | st.dictionaries(keys, part, max_size=4)
        | st.lists(numbers, min_size=9, max_size=12)
    ),
    max_leaves=8,
)


def has_numbers(tree: Any) -> bool:
    """Return whether there is anything to compute."""
    if isinstance(tree, dict | list | tuple):
        return any(map(has_numbers, tree.values() if isinstance(tree, dict) else tree))
    return tree is not None and np.size(tree) > 0


def variants(tree: Any) -> Iterator[Any]:
    """Yield trees in which one part is another: of the same key, of another one, or refused."""
    if isinstance(tree, dict):
        yield OrderedDict(tree)
        yield dict(reversed(tree.items()))
        yield {**tree, "another": 1.0}
        for key, part in tree.items():
            yield from ({**tree, key: other} for other in variants(part))
    elif isinstance(tree, list | tuple):
        yield (list if isinstance(tree, tuple) else tuple)(tree)
        yield type(tree)([*tree, 1.0])
        for at, part in enumerate(tree):
            yield from (type(tree)([*tree[:at], other, *tree[at + 1 :]]) for other in variants(part))
    elif isinstance(tree, float):
        yield from (-tree, int(tree), np.float64(tree), np.float32(tree), np.array(tree), np.array([tree]))
        yield from (True, 2**53 + 1, -(2**70), Fraction(1, 2), None, [tree])
    elif tree is not None:
        yield from (-tree, tree.T, tree[..., None], np.asfortranarray(tree), np.repeat(tree, 2, axis=0)[::2])
        yield from (tree.astype(int), tree.astype(np.float32), tree.astype(">f8"), tree.view(np.recarray))
        yield from (tree.tolist(), np.broadcast_to(np.array(3.0), tree.shape))
    else:
        yield 1.0


@settings(max_examples=60)
@given(tree=trees.filter(has_numbers), named=st.booleans(), data=st.data())
def test_any_arguments(tree: Any, named: bool, data: st.DataObject) -> None:
    """Trees of any form, and such that differ from them in one part, are answered as without compiling."""
    args, kwargs = ((), {"tree": tree}) if named else ((tree,), {})
    compiled = Jitted(doubled, "loops")
    compiled(*args, **kwargs)
    compiled.wait()
    for _ in range(3):
        assert plain(compiled(*args, **kwargs)) == plain(doubled(tree))
    for _ in range(4):
        other = data.draw(st.sampled_from([*variants(tree)]))
        if not has_numbers(other):
            continue
        expected = plain(jit(doubled, backend="numpy")(other))
        assert plain(compiled(other)) == expected
        assert plain(compiled(*args, **kwargs)) == plain(doubled(tree))


SEEN: dict[str, tuple[Any, ...]] = {
    "numbers": (1.0, np.float64(2.0), 3, -1, True, 2**53 + 1),
    "arrays": (np.ones((2, 3)), np.ones(3)),
    "containers": ([1.0, (np.ones(3), 2.0), {"a": np.ones(1), 7: [3.0]}], None),
    "many numbers": ([0.5] * 20, np.ones(2)),
    "more numbers": tuple(map(float, range(12))),
    "nothing": (1.0, [], (), {}),
}


@ENTERS
@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_what_machine_code_reads(backend: str, name: str) -> None:
    """Floats, arrays and lists, tuples and dicts of them are not left to Python."""
    args = SEEN[name]
    f = entered(backend, lambda *trees: doubled(trees), *args)
    assert not left_to_python(f, *args)
    assert plain(f._latest.answer(args, {})) == plain(doubled(args))  # type: ignore[misc]


@ENTERS
def test_what_machine_code_leaves() -> None:
    """What has to be converted, or has another key, is left to Python, which answers it."""
    f = entered("loops", lambda x, n: (x * n, n), np.ones((2, 3)), 2.0)
    x = np.ones((2, 3))

    class Odd(float):
        """A number that may do anything when it is asked for."""

    for args in [(x.astype(int), 2.0), (x, 10**400), (x.T, 2.0), (x[0], 2.0), (x, np.float32(2.0))]:
        assert left_to_python(f, *args)
    for other in [
        (np.asfortranarray(x), 2.0),
        (x.view(np.recarray), 2.0),
        (x, Odd(2.0)),
        (x,),
        (x, 2.0, 3.0),
    ]:
        assert left_to_python(f, *other)
    for huge in (10**400, -(10**400)):
        with pytest.raises(OverflowError):
            f(x, huge)
    assert left_to_python(f, x, n=2.0)
    assert left_to_python(f, [x], 2.0)


@ENTERS
def test_named_and_static_arguments() -> None:
    """Names have to be the same in the same order, and a static argument the same object."""
    f = entered("loops", lambda x, *, scale, shift: x * scale + shift, np.ones(2), scale=2.0, shift=1.0)
    assert f(np.ones(2), scale=3.0, shift=4.0).tolist() == [7.0, 7.0]
    assert not left_to_python(f, np.ones(2), scale=3.0, shift=4.0)
    assert left_to_python(f, np.ones(2), shift=4.0, scale=3.0)
    assert f(np.ones(2), shift=4.0, scale=3.0).tolist() == [7.0, 7.0]


@ENTERS
def test_static_arguments() -> None:
    """A static argument is the same object, or is left to Python."""

    def power(x: Any, n: Any, name: str) -> Any:
        return x**n if name == "power" else x

    f = Jitted(power, "loops", StaticArguments(power, 1, "name"))
    for n, name, expected in [(2, "power", 9.0), (3, "power", 27.0), (2, "".join(["pow", "er"]), 9.0)]:
        for _ in range(3):
            assert f(3.0, n, name=name) == expected
            f.wait()
    f(3.0, 2, name="power")
    assert not left_to_python(f, 3.0, 2, name="power")
    assert all(left_to_python(f, 3.0, n, name="power") for n in (3, 2.0, True))


@ENTERS
@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_lengths(backend: str) -> None:
    """Arrays of any length are read where it is open, if lengths are equal that have to be."""
    f = entered(backend, vmap(lambda x, y: (x * y).sum() * 2.0), np.ones((4, 3)), np.ones((4, 3)))
    for length in (1, 7, 300):
        x = np.arange(3.0 * length).reshape(length, 3)
        assert not left_to_python(f, x, x)
        assert f(x, x).tolist() == [2.0 * float(row @ row) for row in x]
    assert left_to_python(f, np.ones((4, 3)), np.ones((5, 3)))
    assert left_to_python(f, np.ones((4, 2)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="4"):
        f(np.ones((4, 3)), np.ones((5, 3)))


@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_errors_of_a_program(backend: str) -> None:
    """A program that ends with an error raises it in each call, and keeps nothing of its arguments."""
    f = entered(backend, lambda xs: vmap(lambda x: x * 2.0)(xs).max(), np.ones(3))
    assert f(np.arange(4.0)) == 6.0
    none = np.ones(0)
    references = sys.getrefcount(none)
    for _ in range(3):
        with pytest.raises(ValueError, match="zero-size array to reduction operation maximum"):
            f(none)
    assert sys.getrefcount(none) == references
    assert f(np.arange(4.0)) == 6.0


@ENTERS
@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_nothing_is_kept(backend: str) -> None:
    """After hundreds of calls, answered or left, no object is referred to more often, and none left."""

    def f(tree: Any, *, named: Any) -> Any:
        long = np.tile(tree["w"], 3000)
        return {"w": tree["w"] * named, "s": (tree["s"], [named]), "long": long}

    tree = {"w": np.ones((2, 3)), "s": 1.5, "none": None, "many": [0.5] * 10}
    compiled = entered(backend, f, tree, named=2.0)
    other = {**tree, "s": np.float32(3.0)}
    assert not left_to_python(compiled, tree, named=2.0)
    assert left_to_python(compiled, other, named=2.0)
    watched = [tree, tree["w"], tree["many"], None, Ellipsis, NotImplemented, "named", "w", float]

    def held() -> list[int]:
        gc.collect()
        return [sys.getrefcount(item) for item in watched]

    def call() -> None:
        for _ in range(200):
            compiled(tree, named=2.0)
            compiled(other, named=2.0)

    call()
    before, blocks = held(), sys.getallocatedblocks()
    call()
    assert max(now - then for now, then in zip(held(), before, strict=True)) < 100
    assert sys.getallocatedblocks() - blocks < 500


@ENTERS
@pytest.mark.uncounted  # The tracer of coverage would be refused memory, too.
def test_no_memory_at_any_point() -> None:
    """Where there is no memory for some object, a call raises and keeps nothing; the next is right."""
    hooks = pytest.importorskip("_testcapi")

    def f(tree: Any) -> Any:
        return {
            "a": tree["w"] * 2.0,
            "b": (tree["s"] * 3.0, [tree["w"] + 1.0]),
            "c": np.tile(tree["w"], 3000),
        }

    tree = {"w": np.ones((2, 3)), "s": 1.5}
    compiled = entered("numba", f, tree)
    answer, expected = compiled._latest.answer, plain(f(tree))
    assert answer is not None
    watched = [tree["w"], "w", "a", ..., float, np.float64]
    before, raised = [*map(sys.getrefcount, watched)], 0
    for kept in (0, 3):
        for allowed in range(40):
            seen = [answer((tree,), {}) for _ in range(kept)]
            hooks.set_nomemory(allowed, allowed + 1)
            try:
                found = answer((tree,), {})
            except MemoryError:
                found, raised = None, raised + 1
            finally:
                hooks.remove_mem_hooks()
            assert found is None or plain(found) == expected
            del found, seen
            assert plain(compiled(tree)) == expected
    assert raised > 5
    assert [*map(sys.getrefcount, watched)] == before


@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_results_are_plain_arrays(backend: str) -> None:
    """Results have the class, type, strides and flags of new arrays, but that they are parts of one."""
    kinds = [(1,), (3,), (0,), (2, 3), (1, 4), (4, 1), (2, 0), (2, 1, 3)]
    f = entered(backend, lambda xs: [x + 1.0 for x in xs], [np.ones(shape) for shape in kinds])
    for shape, found in zip(kinds, f([np.ones(shape) for shape in kinds]), strict=True):
        new = np.full(shape, 2.0)
        assert type(found) is np.ndarray
        assert found.dtype is new.dtype
        assert found.shape == new.shape
        # What strides an empty array has is of no matter.
        assert not found.size or found.strides == new.strides
        flags = [str(array.flags).replace("OWNDATA : True", "OWNDATA : False") for array in (found, new)]
        assert flags[0] == flags[1]
        assert np.array_equal(found, new)
        found += 1.0


@ENTERS
def test_anomaly_mode() -> None:
    """Anomaly mode names the operation whose result is not finite, though machine code reads arguments."""
    f = entered("numba", lambda x: (x.log() if isinstance(x, Value) else np.log(x)) * 2.0, 1.0)
    with np.errstate(all="ignore"):
        assert f(0.0) == -np.inf
    with anomaly(), pytest.raises(FloatingPointError, match="log"):
        f(0.0)


@ENTERS
def test_derivatives_through_a_call() -> None:
    """Arguments that somebody differentiates by are left to Python, also beside plain ones."""
    f = entered("numba", lambda x, y: x * y + y, 2.0, 3.0)
    assert not left_to_python(f, 2.0, 3.0)
    assert grad(f)(2.0, 3.0) == 3.0
    assert grad(lambda y: f(2.0, y))(3.0) == 3.0
    assert f(Value(2.0), 3.0).data == 9.0
    assert f(2.0, 3.0) == 9.0


@ENTERS
@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_arguments_that_change_meanwhile(backend: str) -> None:
    """Threads that put other arrays into a list, and drop those there were, change no running call."""
    f = entered(backend, lambda xs: [xs[0].sum(), xs[1] * 2.0], [np.ones(50), np.ones(50)])
    shared: list[Any] = [np.full(50, 1.0), np.full(50, 1.0)]
    wrong: list[Any] = []

    def work(which: int) -> None:
        for step in range(200):
            if which % 2:
                shared[step % 2] = np.full(50, float(step))
            else:
                total, twice = f(shared)
                if total != 50.0 * round(total / 50.0) or len({*twice.tolist()}) != 1:
                    wrong.append((total, twice))

    run_in_threads(work)
    assert wrong == []


@ENTERS
def test_two_forms_in_turn() -> None:
    """Two forms of arguments that take turns are read by machine code each, and so are two programs."""
    f = entered("numba", lambda x: doubled(x), {"a": 1.0})
    f({"a": np.ones(2)})
    f.wait()
    for number in (1.0, 2.0, 3.0):
        assert f({"a": number}) == {"a": 2.0 * number}
        assert f({"a": np.full(2, number)})["a"].tolist() == [2.0 * number] * 2
        assert not left_to_python(f, {"a": np.ones(2)})


@ENTERS
def test_forms_of_one_program_share_the_memory_to_compute_in() -> None:
    """A program that is called in several forms keeps memory for one call, not for each form."""
    f = entered("numba", lambda x: x * 2.0, np.ones(1000))
    for x in (np.ones(1000, dtype=int), np.ones(2000)[::2], np.ones(1000)):
        for _ in range(3):
            assert f(x).tolist() == [2.0] * 1000
    run: Any = f._latest.program.run
    assert [len(works) for works in run._works.values()] == [1]


def test_without_the_lock_of_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another thread may change a list while it is read, Python reads the arguments."""
    monkeypatch.setattr(lent_results, "COUNTS", False)
    f = entered("loops", lambda xs: doubled(xs), [1.0, np.ones(2)])
    assert left_to_python(f, [1.0, np.ones(2)])
    assert plain(f([2.0, np.ones(2)])) == plain([4.0, np.full(2, 2.0)])


def test_another_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where objects have their parts elsewhere, NumPy runs the program, and the report says why."""
    monkeypatch.setattr(layouts, "_SAMPLES", (np.ones(3, dtype=np.float32),))
    with pytest.raises(UnsuitableError, match="has the parts of its objects is not known"):
        layouts.layout_of_objects.__wrapped__()


@pytest.mark.parametrize("part", ["dimensions", "shape", "dtype", "flags", "items_of_list"])
def test_a_part_that_is_elsewhere(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part that machine code reads is compared with what Python says of it."""
    offsets = layouts.Layout.offsets
    monkeypatch.setattr(layouts.Layout, "offsets", lambda self: {**offsets(self), part: self.kind})
    with pytest.raises(UnsuitableError, match="has the parts of its objects is not known"):
        layouts.layout_of_objects.__wrapped__()
