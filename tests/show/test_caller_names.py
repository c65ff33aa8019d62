from __future__ import annotations

import _thread
import gc
import sys
import weakref
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
import pytest

from autograd import Value, draw, explain, lint, nudge, paths, sqrt, stepper, steps, to_latex
from autograd.engine.graph import nodes
from autograd.show.text.caller_names import caller_variables, names_for_caller

SHOWN: dict[str, Callable[..., object]] = {
    "explain": lambda score, rate, **names: explain(score, rate, **names),
    "explain, the method": lambda score, rate, **names: score.explain(rate, **names),
    "paths": lambda score, rate, **names: paths(score, rate, **names),
    "nudge": lambda score, rate, **names: nudge(score, rate, 0.1, **names),
    "steps": lambda score, rate, **names: steps(score, **names),
    "steps, the method": lambda score, rate, **names: score.steps(**names),
    "draw": lambda score, rate, **names: draw(score, **names).source,
    "draw, the method": lambda score, rate, **names: score.draw(**names).source,
    "stepper": lambda score, rate, **names: [moment.text for moment in stepper(score, **names).moments],
    "to_latex": lambda score, rate, **names: to_latex(score, **names),
    "lint": lambda score, rate, **names: lint(sqrt(rate) + score, **names),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_what_shows_nodes_names_them_by_variables(show: Callable[..., object]) -> None:
    """Functions and methods name nodes as their caller does; an empty mapping names none."""
    x = Value(0.0)
    assert "rate" in str(show(x * x, x))
    assert "rate" not in str(show(x * x, x, names={}))
    assert "speed" in str(show(x * x, x, names={"speed": x}))


def user(program: str, **variables: Any) -> dict[str, Any]:
    """Return the variables of a module of the user's, after it has run."""
    module = {"Value": Value, "seen": caller_variables, "__name__": "user", **variables}
    exec(program, module)
    return module


def test_locals_before_globals() -> None:
    """A function's own variables hide those of its module, which are seen, too."""
    module = user("a, b = 1, 2\ndef f(a):\n    return seen()\nfound = f(3)")
    assert (module["found"]["a"], module["found"]["b"]) == (3, 2)


def test_where_nobody_calls() -> None:
    """In a thread that begins with a function of ours, no variable gives a name."""
    x = Value(0.5)
    found: SimpleQueue[str] = SimpleQueue()
    # Functions of C have no frames: the only one is that of `str(x * x)`.
    _thread.start_new_thread(deque, (map(found.put, map(str, [x * x])),))
    assert found.get(timeout=60) == "0.5 * 0.5 = 0.25"


def test_the_variables_around_a_comprehension() -> None:
    """In a comprehension the variables of its function are seen, its own first."""
    module = user("a = 1\ndef f(b):\n    a = 2\n    return [seen() for c in [3]]\n(found,) = f(4)")
    assert [module["found"][name] for name in "abc"] == [2, 4, 3]
    assert ".0" not in module["found"]


def test_frames_between_are_skipped() -> None:
    """A call from NumPy's, IPython's or our own code is one of the user who called that."""
    inner = user("def f():\n    mine = 1\n    return seen()", __name__="IPython.core.displayhook")
    found = user("yours = 2\nfound = f()", f=inner["f"])["found"]
    assert "yours" in found
    assert "mine" not in found


def test_names_that_are_not_taken() -> None:
    """What IPython and pytest store, and numbers and texts among the variables, give no names."""
    module = user("a = Value(2.0)\n_ = _12 = a\nIn, Out, n = ['a'], {1: a}, 3\nfound = seen()")
    assert names_for_caller([module["a"]], {**module["found"], "a": None}) == {module["a"]: "v1"}


def test_the_first_of_several_names() -> None:
    """Of two variables for one node the first names it; a label wins, and is not given to another node."""
    a, b, c = Value(1.0), Value(2.0, label="second"), Value(3.0)
    found = names_for_caller([a, b, c], {"first": a, "again": a, "b": b, "second": c, "third": c})
    assert list(found.values()) == ["first", "second", "third"]


def test_elements() -> None:
    """Elements of lists, tuples, arrays and lists of lists are named by their places."""
    values = [Value(float(i)) for i in range(5)]
    a, b, c, d, e = values
    variables = {"w": [a], "t": (0.5, b), "W": [[c]], "M": np.array([[d, 1.0]], dtype=object), "n": ((1, e),)}
    found = names_for_caller(values, variables)
    assert list(found.values()) == ["w[0]", "t[1]", "W[0][0]", "M[0, 0]", "v1"]


def test_results_of_this_project_give_no_names() -> None:
    """The steps of a sweep are a tuple of tuples that begin with a node, but its names are others."""
    x = Value(2.0)
    found = steps(x * x)
    assert found[0].names[found[0].node] == "v1"
    assert str(steps(found[0].node)[0]).startswith("v1 = x * x")


def test_the_graph_dies_with_its_last_name() -> None:
    """No frame keeps what it has shown: a function that deletes its result frees the graph."""
    x = Value(2.0)
    y = x * x
    text = str(steps(y))
    gone = weakref.ref(y)
    gc.disable()
    try:
        del y
        assert gone() is None
    finally:
        gc.enable()
    assert text.startswith("y = x * x")


def test_the_users_locals_stay() -> None:
    """A mapping that the user got from ``locals()`` keeps its entries."""
    x = Value(2.0)
    scope = locals()
    assert str(steps(x)) == "x: gradient 1"
    assert scope["x"] is x


def test_variables_while_a_tracer_watches() -> None:
    """Under a debugger or a coverage tool in Python the variables of the function stay as they are."""

    def watch(*_: object) -> Any:
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        x = Value(2.0)
        y = x * x
        shown = str(steps(y))
        again = str(steps(y))
    finally:
        sys.settrace(before)
    assert shown == again
    assert y is not x


def test_each_thread_has_its_own_caller() -> None:
    """A thread names nodes by the variables of its own function."""
    found: list[str] = []

    def work() -> None:
        inside = Value(2.0)
        found.append(str(steps(inside)))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert found == ["inside: gradient 1"]


def test_a_million_numbers_among_the_variables() -> None:
    """Tables of numbers are looked at by their first column only: here are 10^12 numbers."""
    x = Value(2.0)
    row = [1.0] * 10**6
    table = [row] * 10**6
    assert len(table) == len(row)
    assert list(names_for_caller(nodes(x), None).values()) == ["x"]
