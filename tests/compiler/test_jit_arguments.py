"""Which arguments a compiled function accepts, and which it rejects with advice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from comparing import same

import autograd
from autograd import Value, grad, hessian, hvp, jit, jvp, lambdify, value_and_grad, vjp, vmap, where
from nn import MLP, losses

# ----------------------------------------------------------------------------------- integers, booleans

WHOLE: dict[str, Any] = {
    "labels": np.array([2, 0, 1]),
    "small labels": np.array([2, 0, 1], dtype=np.uint8),
    "a matrix": np.array([[1, 2], [3, 4]]),
    "booleans": np.array([True, False]),
    "a 0-d array": np.array(3),
    "a 0-d boolean": np.array(True),
    "objects": np.array([np.int64(1), np.float64(2.5), 3], dtype=object),
    "a bool": True,
    "a NumPy bool": np.bool_(True),
    "an int": 3,
    "a NumPy int": np.int32(3),
    "empty": np.zeros(0, dtype=int),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_are_inputs(name: str) -> None:
    """Integers and booleans are inputs of a program, which is not traced again for other values."""
    traces = []

    def f(n: Any, x: Any) -> Any:
        traces.append(1)
        return [n * x, x - n]

    compiled = jit(f, backend="numpy")
    zero = np.zeros_like(WHOLE[name]) if isinstance(WHOLE[name], np.ndarray) else WHOLE[name] * 0
    for number in (WHOLE[name], zero):
        floats = np.asarray(number, dtype=float)[()]
        for x in (2.5, -1.0, 4.0):
            same(compiled(number, x), [floats * x, x - floats])
    assert len(traces) == 1


def test_kinds_that_follow_each_other() -> None:
    """Calls with floats, integers and booleans in any order use the same program."""
    compiled = jit(lambda x: x * 2.0, backend="numpy")
    for x in (1.5, 2, True, np.float64(0.5), np.int64(7), np.float32(1.5), 3, 0.5):
        for _ in range(3):
            assert compiled(x) == float(x) * 2.0
    for array in (np.array([1.5]), np.array([2]), np.array([True]), np.array([1], dtype=np.int8)):
        for _ in range(3):
            assert compiled(array).tolist() == [float(array[0]) * 2.0]


def test_labels_are_inputs_of_a_loss() -> None:
    """One program serves the labels of all batches."""
    model = MLP(2, [4, 3], activation="tanh", rng=0)
    x = np.random.default_rng(0).normal(size=(5, 2))
    traces = []

    def loss(model: Any, x: Any, labels: Any) -> Any:
        traces.append(1)
        return losses.cross_entropy(model(x), labels)

    compiled = jit(value_and_grad(loss), backend="numpy")
    for labels in (np.array([0, 1, 2, 0, 1]), np.array([2, 2, 0, 1, 1])):
        found = compiled(model, x, labels)
        same(found, value_and_grad(lambda model: losses.cross_entropy(model(x), labels))(model))  # noqa: B023
    assert len(traces) == 1


def test_a_truth_is_chosen_by_where() -> None:
    """A boolean argument is traced: `where` accepts it, `if` does not."""
    choose = jit(lambda flag, x: where(flag, x, -x), backend="numpy")
    assert (choose(True, 3.0), choose(False, 3.0)) == (3.0, -3.0)


@pytest.mark.parametrize(
    ("f", "n"),
    [
        (lambda x, n: x if n else -x, True),
        (lambda x, n: [x for _ in range(n)], 3),
        (lambda x, n: [x, -x][n], 1),
        (lambda x, n: np.array([x, -x])[n], np.array([1, 0])),
    ],
)
def test_counting_with_an_input(f: Callable[[Any, Any], Any], n: Any) -> None:
    """Using a traced integer as a number raises an error that says to make it static."""
    with pytest.raises((TypeError, IndexError)) as raised:
        jit(f, backend="numpy")(3.0, n)
    assert "make it static: jit(f, static_argnums=...)" in raised.value.__notes__[0]
    with pytest.raises((TypeError, IndexError)) as raised:
        jit(f, backend="numpy")(3.0, np.asarray(n, dtype=float))
    assert not hasattr(raised.value, "__notes__")
    if np.ndim(n) == 0:
        same(jit(f, backend="numpy", static_argnums=1)(3.0, n), f(3.0, n))


# ------------------------------------------------------------------------------------------ kinds of arrays


def total(x: Any) -> Any:
    """Return the sum of the elementwise squares, which differ from a matrix product."""
    return autograd.sum([*np.ravel(x * x)])


TRANSFORMED: dict[str, Callable[[Any], Any]] = {
    "jit": jit(total, backend="numpy"),
    "jit of grad": jit(grad(total), backend="numpy"),
    "grad": grad(total),
    "value_and_grad": value_and_grad(total),
    "hessian": hessian(total),
    "vmap": vmap(total),
    "vjp": lambda x: vjp(total, x)[0],
    "jvp": lambda x: jvp(total, (x,), (x,)),
    "hvp": lambda x: hvp(total, (x,), (x,)),
}
SQUARE = np.array([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize("name", TRANSFORMED)
@pytest.mark.parametrize("kind", [float, int, object])
def test_arrays_that_compute_otherwise_are_refused(name: str, kind: type) -> None:
    """Masked arrays and np.matrix, which compute differently, raise, also after calls with arrays."""
    f = TRANSFORMED[name]
    for _ in range(3):
        f(SQUARE)
    with pytest.raises(TypeError, match=r"holds a masked array, .*filled"):
        f(np.ma.masked_array(SQUARE.astype(kind), SQUARE > 2.0))
    with pytest.raises(TypeError, match=r"holds a numpy\.matrix, .*numpy\.asarray"):
        f(SQUARE.astype(kind).view(np.matrix))


@pytest.mark.parametrize("name", TRANSFORMED)
def test_other_kinds_of_arrays_are_arrays(name: str) -> None:
    """Subclasses of ndarray that compute like arrays are accepted."""
    f = TRANSFORMED[name]
    same(f(SQUARE.view(np.recarray)), f(SQUARE))


def test_lambdify_refuses_them_too() -> None:
    """Lambdified functions reject masked arrays and np.matrix too."""
    a = Value(2.0, "a")
    f = lambdify(a * a, [a])
    assert f(SQUARE.view(np.recarray)).tolist() == (SQUARE * SQUARE).tolist()
    assert f(np.array([1, 2])).tolist() == [1.0, 4.0]
    with pytest.raises(TypeError, match="an argument holds a masked array"):
        f(np.ma.masked_array([1.0], [True]))
    with pytest.raises(TypeError, match=r"an argument holds a numpy\.matrix"):
        f(SQUARE.view(np.matrix))


@dataclass
class Configured:
    """An array, and settings in a dict."""

    w: Any
    options: dict[Any, Any]


def test_settings_in_a_dict() -> None:
    """Settings of a dataclass are compared by keys, values and types: others have it compiled anew."""
    f = jit(lambda of: of.w * len(of.options.get("text", "")))
    for options, expected, compilations in [
        ({"text": "ab"}, 2.0, 1),
        ({"text": "ab"}, 2.0, 1),
        ({"text": "abc"}, 3.0, 2),
        ({"other": "abc"}, 0.0, 3),
        ({"text": "ab"}, 2.0, 3),
    ]:
        same(f(Configured(np.ones(2), options)), np.full(2, expected))
        assert f.report().compilations == compilations
