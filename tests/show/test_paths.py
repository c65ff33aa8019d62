from __future__ import annotations

import math
from itertools import islice

import pytest
from hypothesis import given
from programs import Program
from strategies import expressions

import autograd
from autograd import Value, paths
from autograd.engine.graph import consumers_first


@given(expressions())
def test_the_sum_over_the_paths_is_the_gradient(drawn: Program) -> None:
    """The products along paths sum to the gradient; the count is the number of paths iterated over."""
    root, variables = drawn.graph()
    root.backward()
    for x in set(variables) & set(consumers_first(root, by_derivative=True)):
        found = paths(root, x, k=3)
        every = list(islice(found, 3000))
        assert len(every) == min(found.count, 3000)
        assert len(found.listed) == min(found.count, 3)
        assert repr(found.total) == repr(x.grad)
        if found.count <= 3000 and math.isfinite(found.total):
            assert sum(path.product for path in every) == pytest.approx(x.grad, rel=1e-6, abs=1e-6)
            assert len({path.edges for path in every}) == found.count


def test_each_path_is_connected() -> None:
    """A path leads from the input to the result; each edge starts where the previous one ends."""
    x = Value(2.0, "x")
    y = (x * x + x).exp() * x
    for path in paths(y, x):
        assert path.edges[0].operand is x
        assert path.edges[-1].node is y
        assert all(a.node is b.operand for a, b in zip(path.edges, path.edges[1:], strict=False))


def test_two_to_the_thousandth() -> None:
    """The number of paths is exact, however large, and the first ones are listed immediately."""
    y = x = Value(1.0, "x")
    for _ in range(1000):
        y = y + y
    found = paths(y, x, k=2)
    assert found.count == 2**1000
    assert len(found.listed) == 2
    assert found.total == 2.0**1000
    assert str(found).splitlines()[0] == "2^1000 paths from x to y, dy/dx = 1.072e+301"
    assert str(found).splitlines()[-1].startswith("  … about 2^999 more")


def test_a_deep_path() -> None:
    """A path of 20,000 edges is found without recursion, and shown shortened."""
    y = x = Value(1.0, "x")
    for _ in range(20_000):
        y = y * 1.0
    (path,) = paths(y, x)
    assert len(path.edges) == 20_000
    assert len(str(path)) < 300


def test_the_notes_example() -> None:
    """C6: y = x + x² has two paths: the direct one and one through the square."""
    x = Value(3.0, "x")
    u1 = x**2.0
    u1.label = "u1"
    u2 = x + u1
    u2.label = "u2"
    assert str(paths(u2, x)) == "2 paths from x to u2, du2/dx = 7\n  x → u2: 1\n  x → u1 → u2: 1 · 6 = 6"


def test_a_table_of_paths() -> None:
    """A notebook shows a row for each path: the way, the partials, their product."""
    x = Value(3.0, label="x")
    table = paths(x * x + x, x)._repr_html_()
    assert table.count("<tr>") == 1 + 3
    assert all(f">{head}</th>" in table for head in ("path", "partials", "product"))


def test_a_node_and_itself() -> None:
    """A node has one path to itself, with no edges and product 1."""
    x = Value(3.0, "x")
    assert (paths(x, x).count, paths(x, x).total, paths(x, x).listed[0].product) == (1, 1.0, 1.0)
    assert str(paths(x, x)) == "1 path from x to x, dx/dx = 1\n  x: 1"


@pytest.mark.parametrize("k", [0, 1])
def test_how_many_are_listed(k: int) -> None:
    """`k` limits the list; the remaining paths are counted."""
    x = Value(3.0, "x")
    found = paths(autograd.sum([x, x, x]), x, k=k)
    assert len(found.listed) == k
    assert str(found).endswith(f"… {3 - k} more")


def test_bad_input() -> None:
    """A node that is not upstream, anything but a Value, and a negative `k` raise with the reason."""
    x, other = Value(1.0, "x"), Value(2.0, "other")
    with pytest.raises(ValueError, match=r"y = .* does not depend on x = Value\(2\.0, label='other'\)"):
        paths(x * 2.0, other)
    with pytest.raises(TypeError, match="expected Values, got 1"):
        paths(1, x)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 0, got -1"):
        paths(x, x, k=-1)
