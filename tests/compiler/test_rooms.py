"""The parts of the memory that a program computes in: no two that are needed at the same time overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loops_backend import loops as loops
from loops_backend import on

from autograd import grad, tanh
from autograd.compiler.numba.rooms import Rooms

pytest.importorskip("numba")


@given(data=st.data())
def test_parts_never_overlap(data: st.DataObject) -> None:
    """Whatever is taken and freed, parts are apart, and are found by any position in them."""
    rooms = Rooms()
    taken: dict[int, int] = {}
    for _ in range(data.draw(st.integers(1, 30))):
        if data.draw(st.booleans()) and taken:
            start = data.draw(st.sampled_from(sorted(taken)))
            del taken[start]
            rooms.free(start)
        else:
            length = 8 * data.draw(st.integers(0, 5))
            start = rooms.take(length)
            taken |= {start: length} if length else {}
        places = [place for start, length in taken.items() for place in range(start, start + length)]
        assert len(places) == len({*places})
        assert all(rooms.start_of(start + length - 1) == start for start, length in taken.items())
        assert max(places, default=-1) < rooms.used
    for start in taken:
        rooms.free(start)
    # All that is free is one part again.
    assert rooms.take(rooms.used) == 0


def test_a_part_of_no_length() -> None:
    """An array without elements takes no memory, and is in nobody's way."""
    rooms = Rooms(8)
    assert (rooms.take(0), rooms.take(8), rooms.used) == (8, 8, 16)
    rooms.free(8)
    assert (rooms.take(0), rooms.take(8), rooms.used) == (8, 8, 16)


def test_a_chain_computes_in_the_memory_of_a_few_arrays() -> None:
    """Of layers one after the other, a program keeps those that it needs: each for a gradient alone."""

    def layers(count: int) -> Any:
        def f(w: Any, x: Any) -> Any:
            for _ in range(count):
                x = tanh(x @ w)
            return (x * x).sum()

        return f

    w, x = np.full((8, 8), 0.1) + 0.2 * np.eye(8), np.linspace(-1.0, 1.0, 160).reshape(20, 8)
    works = {}
    for count in (3, 6):
        for name, f in {"value": layers(count), "gradient": grad(layers(count))}.items():
            compiled, plain = on("loops", f, w, x), on("numpy", f, w, x)
            assert np.allclose(compiled(w, x), plain(w, x), rtol=1e-12, atol=0.0)
            run: Any = compiled._latest.program.run
            works[name, count] = run._work
    assert works["value", 6] == works["value", 3] < 5 * 160
    assert 3 * 160 <= works["gradient", 6] - works["gradient", 3] <= 6 * 160
