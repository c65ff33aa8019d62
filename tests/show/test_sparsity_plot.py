from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import grad, spy
from autograd.show.picture import sparsity_plot

pytest.importorskip("matplotlib")


def of_tree(p: Any) -> Any:
    """Return a tree that depends on parts of a tree."""
    return {"sums": p["a"][1:] + p["$b"], "square": p["a"][0] ** 2}


def colours(figure: Any) -> list[set[tuple[float, float]]]:
    """Return the row and the column of each square, by colour."""
    (axes,) = figure.axes
    squares = [line for line in axes.lines if line.get_marker() == "s"]
    groups = [set(zip(line.get_ydata(), line.get_xdata(), strict=True)) for line in squares]
    return [group for group in groups if group]


def title(figure: Any) -> str:
    """Return the title."""
    text: str = figure.axes[0].get_title()
    return text


def test_places_and_sweeps() -> None:
    """There is a square for each place, in the colour of its sweep."""
    figure = spy(lambda x: x[1:] * x[:-1], np.ones(4))
    assert colours(figure) == [{(0, 0), (1, 2), (2, 2)}, {(0, 1), (1, 1), (2, 3)}]
    assert title(figure) == "3 × 4, 6 places: 2 forward sweeps"


def test_sizes_of_squares() -> None:
    """Squares nearly touch, however many there are, until one could not see them."""
    sizes = [spy(lambda x: x, np.ones(n)).axes[0].lines[0].get_markersize() for n in (10, 20, 900)]
    assert sizes[0] == 2.0 * sizes[1] > 10.0
    assert sizes[2] == 0.5


def test_rows() -> None:
    """In reverse mode the rows of a sweep have one colour."""
    figure = spy(lambda x: x[1:] * x[:-1], np.ones(4), mode="rev")
    assert [{row for row, _ in group} for group in colours(figure)] == [{0, 2}, {1}]
    assert title(figure) == "3 × 4, 6 places: 2 backward sweeps"
    assert title(spy(lambda x: x.sum(), np.ones(4))) == "1 × 4, 4 places: 1 backward sweep"


def test_symmetric() -> None:
    """The pattern of a gradient has the colours of a sparse Hessian, if it is asked for."""
    arrow = grad(lambda x: (x[-1] * x[:-1] ** 2).sum())
    assert title(spy(arrow, np.ones(5), symmetric=True)) == "5 × 5, 12 places: 2 forward sweeps"
    assert title(spy(arrow, np.ones(5))) == "5 × 5, 12 places: 5 forward sweeps"


def test_leaves_of_trees_are_named() -> None:
    """The leaves of arguments and results are separated and named, also where a name has a $."""
    (axes,) = spy(of_tree, {"a": np.ones(3), "$b": np.ones(2)}).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["['a']", "['$b']"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["['sums']", "['square']"]
    assert axes.get_xticks().tolist() == [1.0, 3.5]
    assert [2.5, 2.5] in [
        np.asarray(line.get_xdata()).tolist() for line in axes.lines if line.get_marker() != "s"
    ]


@pytest.mark.parametrize("size", [0, 1, 5, 3000])
def test_any_size_is_rendered(size: int) -> None:
    """Empty, small and large matrices become a picture."""
    buffer = io.BytesIO()
    spy(lambda x: x * x, np.ones(size)).savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG")


def test_trees_of_many_leaves() -> None:
    """The names of many leaves, which would overlap, are left out."""
    (axes,) = spy(lambda x: x, [1.0] * 60).axes
    assert "[" not in "".join(text.get_text() for text in axes.get_xticklabels())


def test_bad_input() -> None:
    """An unknown mode, and a function that is no gradient where one is expected, raise."""
    with pytest.raises(ValueError, match="expected mode to be 'rev', 'fwd' or None, got 'forward'"):
        spy(lambda x: x, 1.0, mode="forward")
    with pytest.raises(
        ValueError, match=r"expected the gradient of a function .*, got a pattern of \(1, 3\)"
    ):
        spy(lambda x: x.sum(), np.ones(3), symmetric=True)


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Matplotlib the error says how to install it."""
    monkeypatch.setattr(sparsity_plot, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'chainrule\[viz\]'"):
        autograd.spy(lambda x: x, 1.0)
