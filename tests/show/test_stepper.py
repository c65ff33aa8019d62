from __future__ import annotations

import base64
import html
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from programs import Program
from strategies import expressions

import autograd
from autograd import Value
from autograd.engine.apply import apply_again
from autograd.engine.graph import consumers_first, edges, names, nodes
from autograd.ops.table import OPS, Op
from autograd.show.picture import layout
from autograd.show.stepping import page as pages
from autograd.show.stepping.graph_program import graph_program
from autograd.show.stepping.javascript import can_say
from autograd.show.stepping.moments import Moment, Script
from autograd.show.stepping.page import MAX_MOMENTS, MAX_NODES, Stepper, stepper
from autograd.show.text.formulas import digits

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "&amp; &lt;b&gt;",
    "\"'><img src=x onerror=alert(1)>",
    "two\nlines",
    "back\\slash \\n",
    "\u2028\u2029",
    "$svg ${script}",
]


def data(page: Stepper) -> Any:
    """Return the data that a page passes to its script."""
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.html, re.DOTALL)
    assert text is not None
    return json.loads(text[1])


def phase(page: Stepper, name: str) -> list[Moment]:
    """Return the moments of a phase."""
    return [moment for moment in page.moments if moment.phase == name]


def check_against_the_engine(root: Value) -> None:
    """Compare each number on the page with a value, partial, contribution or gradient of the engine."""
    page, order = stepper(root), nodes(root)
    root.backward()
    assert [m.value for m in phase(page, "Forward")] == [digits(node.data) for node in order]
    backward = phase(page, "Backward")
    flowing = set(consumers_first(root, by_derivative=True))
    reached = {i: node for i, node in enumerate(order) if node in flowing}
    assert {m.target: m.adjoint for m in backward} == {i: digits(node.grad) for i, node in reached.items()}
    assert {m.target for m in backward if m.complete} == set(reached)
    edge_at = {(edge.node, edge.slot): edge for node in flowing for edge in edges(node)}
    shown = [moment.passing for moment in backward if moment.passing]
    assert Counter((order[p.node], p.slot) for p in shown) == Counter(list(edge_at))
    for passing in shown:
        edge = edge_at[order[passing.node], passing.slot]
        contribution = edge.node.grad * edge.partial
        # -0 is written as 0.
        expected = (f"∂ {digits(edge.partial + 0.0)}", f"adds {digits(contribution + 0.0)}")
        assert passing.lines[:2] == expected


# ---------------------------------------------------------------------------------------------- numbers


def test_the_textbook_graph() -> None:
    """For y = x + x * x the page shows each computation and each edge's contribution."""
    x = Value(3.0, label="x")
    y = x + x * x
    y.label = "y"
    assert [moment.text for moment in stepper(y).moments[1:]] == [
        "x = 3 is given.",
        "v1 = x * x = 3 * 3 = 9",
        "y = x + v1 = 3 + 9 = 12",
        "The sweep begins at the result: dy/dy = 1.",
        "y passes 1 · 1 = 1 to x, whose gradient becomes 0 + 1 = 1.",
        "y passes 1 · 1 = 1 to v1, whose gradient becomes 0 + 1 = 1.",
        "v1 passes 1 · 3 = 3 to x, whose gradient becomes 1 + 3 = 4.",
        "v1 passes 1 · 3 = 3 to x, whose gradient becomes 4 + 3 = 7.",
    ]
    check_against_the_engine(y)


def test_an_operand_used_twice() -> None:
    """The two slots of a * a are two edges and two moments; only the second completes the adjoint."""
    a = Value(2.0, label="a")
    *_, first, second = stepper(a * a).moments
    assert [(m.passing.slot, m.adjoint, m.complete) for m in (first, second) if m.passing] == [
        (0, "2", False),
        (1, "4", True),
    ]
    assert "a is used 2 times" in first.note
    assert "This is use 2, as operand 2 of v1" in second.note


def test_signs() -> None:
    """A negative number has parentheses after an operator, but not in a call."""
    a, b = Value(-2.0, label="a"), Value(-3.0, label="b")
    texts = [moment.text for moment in stepper(a * b).moments]
    assert "v1 = a * b = (-2) * (-3) = 6" in texts
    assert "v1 passes 1 · (-3) = -3 to a, whose gradient becomes 0 + (-3) = -3." in texts
    assert stepper(autograd.tanh(a)).moments[2].text == "v1 = tanh(a) = tanh(-2) = -0.964"


@given(expressions())
def test_numbers_are_those_of_the_engine(drawn: Program) -> None:
    """For any graph the page has each value, partial, contribution and gradient, and each edge once."""
    root, _ = drawn.graph()
    check_against_the_engine(root)


def test_a_leaf_alone() -> None:
    """A graph of one node has its value and the seed."""
    assert [(m.phase, m.value, m.adjoint) for m in stepper(Value(2.0)).moments] == [
        ("Start", None, None),
        ("Forward", "2", None),
        ("Backward", None, "1"),
    ]


def test_not_finite() -> None:
    """Non-finite numbers are shown as text; the warning comes when they are computed, not again."""
    x = Value(1.0, label="x")
    with pytest.warns(RuntimeWarning, match="invalid value"):
        y = x * float("inf") - float("inf")
    page = stepper(y)
    assert [m.value for m in phase(page, "Forward")] == ["1", "inf", "nan"]
    assert page.moments[-1].adjoint == "inf"
    assert data(page)["program"]["nodes"][1]["args"] == [0, "inf"]


def test_leaves_as_they_are_now() -> None:
    """After an assignment to a leaf the page shows the graph at its new value."""
    x = Value(3.0, label="x")
    y = x * x
    x.data = 5.0
    assert stepper(y).moments[2].text == "y = x * x = 5 * 5 = 25"


def test_names_of_variables() -> None:
    """Nodes without a label are named by the caller's variables."""
    first = Value(2.0)
    assert stepper(first * 2.0, names={"first": first}).moments[1].text == "first = 2 is given."


# --------------------------------------------------------------------------------------------- training


def fit() -> tuple[Value, list[Value]]:
    """Return the squared error of a line at three points, and the line's parameters."""
    w, b = Value(0.5, label="w"), Value(0.0, label="b")
    loss = autograd.sum([(w * x + b - t) ** 2 for x, t in [(-1.0, -1.2), (0.0, 0.5), (1.5, 3.0)]])
    loss.label = "loss"
    return loss, [w, b]


def test_descent_is_a_plain_loop() -> None:
    """The parameters and the loss after each step are those of a loop with backward and an update."""
    loss, parameters = fit()
    page = stepper(loss, descend=parameters, lr=0.05, times=6)
    losses, updates = [], []
    for _ in range(6):
        again, copies = fit()
        for copy, parameter in zip(copies, parameters, strict=True):
            copy.data = parameter.data
        again = autograd.sum(
            [(copies[0] * x + copies[1] - t) ** 2 for x, t in [(-1.0, -1.2), (0.0, 0.5), (1.5, 3.0)]]
        )
        again.backward()
        losses.append(digits(again.data))
        for copy, parameter in zip(copies, parameters, strict=True):
            parameter.data = copy.data - 0.05 * copy.grad
            updates.append(digits(parameter.data))
    assert [m.value for m in phase(page, "Update")] == updates
    root = len(nodes(loss)) - 1
    shown = [m.value for m in phase(page, "Forward") if m.target == root]
    assert shown[:-1] == losses
    assert page.moments[-1].note == f"loss so far: {' → '.join(map(str, shown))}"


def test_rounds_of_a_descent() -> None:
    """A descent is forward, backward, update; leaves are shown once; the last values end it."""
    w = Value(2.0, label="w")
    page = stepper(w * w, descend=[w, w], lr=0.1, times=2)
    assert [(m.round, m.phase, m.text.split()[0]) for m in page.moments] == [
        ("", "Start", "v1"),
        ("Descent 1 of 2", "Forward", "w"),
        ("Descent 1 of 2", "Forward", "v1"),
        ("Descent 1 of 2", "Backward", "The"),
        ("Descent 1 of 2", "Backward", "v1"),
        ("Descent 1 of 2", "Backward", "v1"),
        ("Descent 1 of 2", "Update", "w"),
        ("Descent 2 of 2", "Forward", "v1"),
        ("Descent 2 of 2", "Backward", "The"),
        ("Descent 2 of 2", "Backward", "v1"),
        ("Descent 2 of 2", "Backward", "v1"),
        ("Descent 2 of 2", "Update", "w"),
        ("After 2 descents", "Forward", "v1"),
    ]
    assert page.moments[6].text == "w ← w − lr · dv1/dw = 2 − 0.1 · 4 = 1.6"
    assert page.moments[-1].value == digits((1.6 - 0.1 * 3.2) ** 2)


def test_long_history() -> None:
    """After many descents the last eight results are listed."""
    w = Value(2.0, label="w")
    note = stepper(w * w, descend=[w], lr=0.1, times=20).moments[-1].note
    assert note.startswith("v1 so far: … → ")
    assert note.count("→") == 8


def test_a_leaf_descends() -> None:
    """A result that is a leaf can itself be trained."""
    w = Value(1.0, label="w")
    assert stepper(w, descend=[w], lr=0.25, times=2).moments[-1].value == "0.5"


def test_the_graph_is_left_alone() -> None:
    """Neither data nor grad of any node changes, and the graph can still be swept."""
    loss, parameters = fit()
    loss.backward()
    before = [(node.data, node.grad) for node in nodes(loss)]
    stepper(loss, descend=parameters, lr=0.1, times=3)
    assert [(node.data, node.grad) for node in nodes(loss)] == before


# --------------------------------------------------------------------------------------------- the page


def test_room_for_the_longest_number() -> None:
    """The boxes have room for the longest text of any descent."""
    w = Value(1.0, label="w")
    page = stepper(w * w, descend=[w], lr=1 / 3, times=4)
    values = [m.value for m in page.moments if m.target == 1 and m.value]
    assert "1" in values
    assert f"value {max(values, key=len)}</text>" in page.html


def test_ids_are_unique() -> None:
    """Nodes, edges, constants and controls have unique ids."""
    x = Value(1.0, label="x")
    y = x
    for _ in range(6):
        y = (y * 2.0 + x) * y
    ids = re.findall(r'\bid="([^"]*)"', stepper(y).html)
    assert len(ids) == len(set(ids))
    assert {f"node{i}" for i in range(len(nodes(y)))} <= set(ids)
    assert {
        f"edge{nodes(y).index(edge.node)}_{edge.slot}" for node in nodes(y) for edge in edges(node)
    } <= set(ids)


def test_nothing_is_loaded() -> None:
    """The page contains no URL but those of namespaces, and its policy forbids the network."""
    loss, parameters = fit()
    page = stepper(loss, descend=parameters).html
    addresses = set(re.findall(r"\w+://[^\s\"'<]*", page))
    assert {address.partition("/")[0] for address in addresses} == {"http:"}
    assert {address.split("/")[2] for address in addresses} == {"www.w3.org"}
    assert "default-src 'none'" in page
    assert not re.search(r"<script[^>]*\bsrc|<link[^>]*stylesheet|@import|url\(", page)


@pytest.mark.parametrize("label", HOSTILE)
def test_labels_are_inert(label: str) -> None:
    """A label is plain text: it cannot close the data's script or become an element or attribute."""
    x = Value(2.0, label=label)
    y = x * x
    y.label = label
    page = stepper(y)
    bare = stepper(Value(2.0) * 1.0)
    assert [node["name"] for node in data(page)["program"]["nodes"]] == [label, label]
    for tag in ("<script", "</script", "<img", "<!--<", "<b>"):
        assert page.html.count(tag) == bare.html.count(tag)
    assert label in html.unescape(page.html)


def test_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook shows the page in a separate frame with a title; without Graphviz, it lays out by itself."""
    page = stepper(Value(2.0, label='"x"') * 2.0)
    frame = page._repr_html_()
    source = re.search(r'<iframe title="Stepping through v1" srcdoc="([^"]*)" [^<>]*></iframe>', frame)
    assert source is not None
    assert html.unescape(source[1]) == page.html
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(layout, "find_spec", lambda name: None)
    assert "wasm-unsafe-eval" not in page.html
    assert "wasm-unsafe-eval" in stepper(Value(2.0)).html


def test_show_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """`show` in a notebook opens no browser."""
    shown: list[Any] = []
    monkeypatch.setattr(pages, "shown_by_a_notebook", lambda item: not shown.append(item))  # type: ignore[func-returns-value]
    monkeypatch.setattr(pages, "opened_in_a_browser", lambda text: pytest.fail("a browser was opened"))
    own = stepper(Value(2.0) * 2.0)
    own.show()
    assert shown == [own]


def test_where_nothing_can_lay_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any Graphviz the page in a notebook lays itself out, and has no image below it."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(layout, "find_spec", lambda name: None)
    frame = stepper(Value(2.0))._repr_html_()
    assert "<iframe" in frame
    assert "<img" not in frame


def test_where_no_script_runs() -> None:
    """Under the frame lies an image with the numbers after one sweep, also of a descent."""
    w = Value(2.0, label="w")
    frame = stepper(w * w, descend=[w], lr=0.1)._repr_html_()
    image = re.search(r'<img [^<>]*src="data:image/png;base64,([^"]*)"', frame)
    assert image is not None
    assert base64.b64decode(image[1])[1:4] == b"PNG"
    assert frame.index("<img") < frame.index("<iframe")
    still = stepper(w * w, descend=[w], lr=0.1)._still.source
    assert "w\nvalue 2\ngradient 4" in still
    assert "adds 2\nsum 4" in still


def test_one_line_in_the_repl() -> None:
    """The REPL shows one line for any label."""
    assert repr(stepper(Value(2.0, label="a\nb"))) == (
        "<Stepper through 'a\\nb', 3 moments; .save('steps.html') writes it>"
    )


# ----------------------------------------------------------------------------------------------- saving


@pytest.mark.parametrize("name", ["x.html", "x.HTML"])
def test_save(tmp_path: Path, name: str) -> None:
    """A page is saved as a complete file, and its path returned."""
    page = stepper(Value(2.0, label="é"))
    assert page.save(str(tmp_path / name)) == tmp_path / name
    assert (tmp_path / name).read_text(encoding="utf-8") == page.html


@pytest.mark.parametrize("name", ["x.svg", "x", "html"])
def test_another_suffix(tmp_path: Path, name: str) -> None:
    """Any other suffix raises an error, and nothing is written."""
    with pytest.raises(ValueError, match=r"expected a path ending in \.html, \.gif or \.mp4, got "):
        stepper(Value(2.0)).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_paths(tmp_path: Path) -> None:
    """A missing folder, or a folder at the target, raises an OSError and leaves no partial file."""
    (tmp_path / "folder.html").mkdir()
    for target in (tmp_path / "missing" / "x.html", tmp_path / "folder.html"):
        with pytest.raises(OSError, match=r"missing|folder\.html"):
            stepper(Value(2.0)).save(target)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


# --------------------------------------------------------------------------------------------- mistakes


def test_not_a_value() -> None:
    """Anything but a Value raises a TypeError that shows what was passed."""
    with pytest.raises(TypeError, match=r"stepper expected a Value, got 3\.0 \(float\)"):
        stepper(3.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lr": 0.1}, ValueError, r"pass descend=\[...\]"),
        ({"times": 2}, ValueError, r"pass descend=\[...\]"),
        ({"descend": [], "times": 0}, ValueError, "expected times to be at least 1, got 0"),
        ({"descend": []}, ValueError, "descend expected leaves of the graph, got none"),
        ({"descend": [[]]}, TypeError, "descend expected Values, got .*list"),
        ({"descend": [1.0]}, TypeError, r"descend expected Values, got 1\.0"),
        ({"descend": Value(1.0)}, TypeError, "descend expected a list of leaves"),
        ({"descend": [Value(1.0, label="z")]}, ValueError, "leaves of the graph, which Value.*'z'.* is not"),
        ({"direction": "up"}, ValueError, "expected direction to be one of LR, RL, TB, BT, got 'up'"),
    ],
)
def test_wrong_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """A wrong option raises an error that says what was expected."""
    with pytest.raises(error, match=message):
        stepper(Value(2.0) * 2.0, **options)


def test_descending_on_a_result() -> None:
    """The result of an operation cannot be trained."""
    x = Value(2.0)
    y = x * 2.0
    with pytest.raises(ValueError, match="descend takes leaves"):
        stepper(y * y, descend=[y])


def test_too_large() -> None:
    """Too many nodes or moments raise an error that says what to do; the largest allowed page works."""
    x = Value(1.0)
    y = x
    for _ in range(MAX_NODES - 1):
        y = y + 1.0
    assert len(phase(stepper(y), "Forward")) == MAX_NODES
    with pytest.raises(ValueError, match=r"301 nodes .* the most is 300: pass a node nearer to the leaves"):
        stepper(y + 1.0)
    with pytest.raises(ValueError, match=rf"5,990 moments, the most is {MAX_MOMENTS:,}: pass smaller times"):
        stepper(y, descend=[x], times=10)


# ------------------------------------------------------------------------------------- what pages compute by


def local_partials(root: Value) -> list[str]:
    """Return the rules of the local partials of a node, as the page shows them."""
    order = nodes(root)
    program = graph_program(Script(order, names(order)), [], 0.1, 1)["nodes"]
    return [
        "".join(program[piece]["name"] if isinstance(piece, int) else piece for piece in rule)
        for rule in program[-1]["rules"]
    ]


@pytest.mark.parametrize(
    ("make", "rules"),
    [
        (lambda a, b: a * b, ["b", "a"]),
        (lambda a, b: a / b, ["1 / b", "-v1 / b"]),
        (lambda a, b: a**2.0, ["2 * a"]),
        (lambda a, b: a**-1.0, ["-1 * a**-2"]),
        (lambda a, b: a**b, ["b * a**(b - 1)", "v1 * log(a)"]),
        (lambda a, b: autograd.tanh(a), ["1 - v1 * v1"]),
        (lambda a, b: autograd.relu(a), ["0 if a <= 0 else 1"]),
        (lambda a, b: autograd.where(a < b, a, 0.0), ["1 if v1 else 0"]),
        (lambda a, b: autograd.mean([a, b, 1.0]), ["1 / 3", "1 / 3"]),
        (lambda a, b: autograd.dot([a, b], [2.0, a]), ["2", "a", "b"]),
        (lambda a, b: autograd.logsumexp([a, b]), [f"exp({x} - v1) / sum(exp({x} - v1), …)" for x in "ab"]),
        (lambda a, b: autograd.prod([a, b]), ["the product of the other factors"] * 2),
    ],
)
def test_rules_for_readers(make: Any, rules: list[str]) -> None:
    """A local partial is written as in a textbook, with numbers for constants."""
    assert local_partials(make(Value(0.5, label="a"), Value(2.0, label="b"))) == rules


def test_every_row_has_a_rule_for_readers() -> None:
    """The local partials of each row are said in its operands and its result."""
    for op in OPS.values():
        inside = [sum(interval) / 2 for interval in op.domain for _ in range(2 if op.variadic else 1)]
        operands = [Value(x, label=f"x{i}") for i, x in enumerate(inside)]
        root = apply_again(op, operands)
        known = {"out", *(operand.label for operand in operands)}
        root.label = "out"
        for rule in local_partials(root):
            assert known >= set(re.findall(r"\b(?:x\d+|out)\b", rule))
            assert rule


def test_without_javascript() -> None:
    """What only Python can compute, such as a user's function, keeps its numbers, and so do its leaves."""
    gamma = Op(name="gamma", doc="", value="gamma(x)", partials=("out",), latex="", domain=((1.0, 2.0),))
    assert not can_say(gamma)

    @autograd.custom_jvp
    def cube(x: Any) -> Any:
        return x**3

    cube.defjvp(lambda primals, tangents: (cube(*primals), 3 * primals[0] ** 2 * tangents[0]))
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    program = data(stepper(cube(x) * y, names={}))["program"]
    reasons = dict(zip([node["name"] for node in program["nodes"]], program["fixed"], strict=True))
    assert reasons == {
        "x": "v1 is computed by cube, for which the page has no rule",
        "y": "",
        "v1": "",
        "v2": "",
    }
    assert [item[1:] for item in program["recorded"][0]] == [["8.0", ["12.0"]]]
