from __future__ import annotations

from typing import Any

import numpy as np
from growth import bytes_allocated
from hypothesis import given
from hypothesis import strategies as st

from autograd.compiler.arrays.index_rules import Positions
from autograd.compiler.arrays.views import view
from autograd.compiler.numpy.expressions import defined, helpers_of


@st.composite
def _selections(draw: st.DrawFn) -> tuple[tuple[int, ...], Positions]:
    """Draw a shape and positions in an array of it, regular as of a view or arbitrary."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    whole = np.arange(np.prod(shape), dtype=np.intp).reshape(shape)
    steps = st.sampled_from([1, 2, 3, -1])
    indices = [
        draw(st.integers(0, n - 1) | st.builds(slice, st.integers(0, n - 1), st.none(), steps)) for n in shape
    ]
    found = np.atleast_1d(whole[tuple(indices)])
    kind = draw(st.sampled_from(["view", "transposed", "repeated", "windows", "any"]))
    if kind == "transposed":
        found = found.transpose(draw(st.permutations(range(found.ndim))))
    if kind == "repeated":
        found = np.broadcast_to(found, (2, *found.shape))
    if kind == "windows":
        width, times = draw(st.integers(1, len(found))), draw(st.integers(1, 300))
        windows = np.lib.stride_tricks.sliding_window_view(found.reshape(len(found), -1)[:, 0], width)
        found = np.repeat(windows, times, axis=draw(st.integers(0, 1)))
    if kind == "any":
        found = np.array(
            draw(st.lists(st.integers(0, whole.size - 1), min_size=1, max_size=6)), dtype=np.intp
        )
    return shape, found


@given(_selections(), st.sampled_from([(), (5,), (2, 3), (0,)]))
def test_a_view_has_the_elements(drawn: tuple[tuple[int, ...], Positions], last: tuple[int, ...]) -> None:
    """The expression of a view broadcasts to the requested elements, whatever axes stay last."""
    shape, wanted = drawn
    own = np.arange(np.prod(shape)).reshape(shape)
    source = own.reshape(*shape, *[1] * len(last)) + 1000 * np.arange(np.prod(last, dtype=int)).reshape(last)
    literals: list[Any] = []

    def literal(positions: Positions) -> str:
        literals.append(positions)
        return f"literals[{len(literals) - 1}]"

    axes = tuple([f"n{i}" for i in range(len(last))])
    text = view("x", shape, wanted, literal, axes)
    namespace = {**defined(helpers_of(text, {})), "x": source, "literals": literals}
    found = eval(text, namespace | dict(zip(axes, last, strict=True)))
    expected = source.reshape(own.size, *last)[wanted]
    assert np.array_equal(np.broadcast_to(found, expected.shape), expected)


def test_a_short_view_of_a_long_array() -> None:
    """The memory needed to find a slice depends on the slice, not on the array."""
    shape, wanted = (10**6, 10**6), 10**6 * np.arange(30).reshape(10, 3) + 5
    assert bytes_allocated(lambda: view("x", shape, wanted[:, 0], str)) < 10_000
    assert view("x", shape, wanted[:, 0], str) == "x[:28:3, 5]"


def test_overlapping_windows_are_views() -> None:
    """The windows of a convolution are not gathered, of an image either."""
    image = np.arange(20 * 30).reshape(20, 30)
    wanted = np.lib.stride_tricks.sliding_window_view(image, (3, 4))
    text = view("x", image.shape, wanted, str)
    found = eval(text, {**defined(helpers_of(text, {})), "x": image})
    assert (found == wanted).all()
    assert np.shares_memory(found, image)
