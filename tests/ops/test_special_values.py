"""Special values: nan, infinities, zeros, subnormal and huge numbers as arguments of all rows."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparing import differ
from numpy.testing import assert_array_equal
from oracles import ORACLES

import autograd
from autograd import OPS, Op, as_values, data, grad, jvp
from autograd.ops.table import COMPARISONS

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))


def made() -> Any:
    """Return the module that makes the tables of the page."""
    return import_module("special_values")


def rows() -> dict[str, Op]:
    """Return all rows but the choice."""
    found: dict[str, Op] = made().ROWS
    return found


def test_the_page_is_current() -> None:
    """The page has the tables that the code gives; else run ``python docs/_ext/special_values.py``."""
    assert made().parts()[1] == made().tables()


# ------------------------------------------------------------------------------------------------- engine


def columns(op: Op) -> list[Any]:
    """Return all combinations of special arguments of a row, an array of Values for each argument."""
    return [as_values(column) for column in made().points(op, made().SPECIAL)]


def applied(op: Op, arguments: list[Any]) -> Any:
    """Return a row at each point."""
    f = made().function(op)
    return np.array([f(*point) for point in zip(*arguments, strict=True)], dtype=object)


def total(op: Op) -> Any:
    """Return the function that adds up a row over all points."""
    return lambda *arguments: autograd.sum([*applied(op, [*arguments])])


@pytest.mark.parametrize("name", [name for name in (*OPS, *COMPARISONS) if name != "where"])
def test_eager_calls(name: str) -> None:
    """Eager calls give the values and partials of the compiled program at all special points."""
    op = rows()[name]
    arguments, expected = columns(op), made().numbers(op)
    with np.errstate(all="ignore"):
        nodes = applied(op, arguments)
    assert not differ(data(nodes), expected.value).any()
    stored = np.array([[0.0 if p is None else p for p in node.partials] for node in nodes]).T
    assert not differ(stored, expected.partials, absolute=0.0).any()


def seconds(op: Op, first: Any, arguments: list[Any], j: int) -> tuple[Any, Any]:
    """Return the derivative of a partial at each point by an argument, backward and forward."""
    numbers = [np.array(data(column)) for column in arguments]

    def along(x: Any) -> Any:
        return first(*numbers[:j], x, *numbers[j + 1 :])

    backward = grad(lambda x: along(x).sum())(numbers[j])
    return backward, jvp(along, (numbers[j],), (np.ones(len(numbers[j])),))[1]


@pytest.mark.parametrize("name", [name for name in OPS if name != "where"])
def test_second_partials(name: str) -> None:
    """Eager second partials, backward and forward over backward, are those of the compiled program.

    Where a number on the way overflows, one of them is infinite and the other one is nan.
    """
    op = rows()[name]
    arguments, expected = columns(op), made().numbers(op).seconds
    with np.errstate(all="ignore"):
        for i in range(len(arguments)):
            first = grad(total(op), argnums=i)
            for j in range(len(arguments)):
                backward, forward = seconds(op, first, arguments, j)
                assert not (differ(backward, expected[i, j]) & differ(forward, expected[i, j])).any()
                either = np.isnan(backward) != np.isnan(forward)
                known = np.where(np.isnan(backward), forward, backward)[either]
                outside = np.isnan(made().numbers(op).value[either])
                assert (np.isinf(known) | outside).all()
                assert not differ(backward, forward)[~either].any()


# -------------------------------------------------------------------------------------------------- peers


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.ufunc])
def test_values_are_those_of_numpy(name: str) -> None:
    """At all special points a value is that of NumPy's function, up to its rounding; zeros have its sign.

    Which of two zeros is larger depends on the CPU in NumPy.
    """
    op = rows()[name]
    assert op.ufunc is not None
    with np.errstate(all="ignore"):
        expected = op.ufunc(*made().points(op, made().SPECIAL))
        found = np.array(data(applied(op, columns(op))))
    assert not differ(found, expected, absolute=0.0).any()
    if op.folds is None:
        assert_array_equal(np.signbit(found)[expected == 0.0], np.signbit(expected)[expected == 0.0])


def in_pytorch(name: str) -> list[Any]:
    """Return value, partials and second partials of a row by PyTorch."""
    import torch

    op = rows()[name]
    columns = [
        torch.tensor(column.copy(), requires_grad=True) for column in made().points(op, made().SPECIAL)
    ]

    def slopes(f: Any) -> list[Any]:
        if not f.requires_grad:
            return [torch.zeros_like(x) for x in columns]
        found = torch.autograd.grad(f.sum(), columns, create_graph=True, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for x, g in zip(columns, found, strict=True)]

    if op.variadic:
        value = {
            "dot": lambda x, y: x * y,
            "norm": lambda *x: torch.linalg.vector_norm(torch.stack(x), dim=0),
            "logsumexp": lambda *x: torch.logsumexp(torch.stack(x), 0),
        }.get(name, lambda *x: getattr(torch.stack(x), name)(0))(*columns)
    else:
        value = ORACLES[name].torch(torch, *columns)
    first = slopes(value)
    arrays = [value, *first, *(second for one in first for second in slopes(one))]
    return [array.numpy(force=True) for array in arrays]


def test_what_differs_from_pytorch_is_named() -> None:
    """The page names each row that differs from PyTorch somewhere, and no other."""
    pytest.importorskip("torch")
    differing = set()
    for name in OPS:
        if name != "where":
            value, partials, seconds = made().numbers(rows()[name])
            ours = [value, *partials, *(second for one in seconds for second in one)]
            pairs = zip(ours, in_pytorch(name), strict=True)
            # PyTorch's log1p(5e-324) is 0. Of second partials that are 0, rounding errors are left.
            kept = [1e-322] * (1 + len(partials)) + [1e-15] * len(partials) ** 2
            if any(differ(*pair, 1e-9, absolute).any() for pair, absolute in zip(pairs, kept, strict=True)):
                differing.add(name)
    listed = re.findall(r"^- ((?:`\w+`(?:, )?)+):", made().parts()[2], re.MULTILINE)
    assert {name for names in listed for name in re.findall(r"\w+", names)} == differing
