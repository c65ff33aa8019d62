from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from math import copysign, inf, isnan, nan, ulp
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, steps
from autograd.engine.apply import apply_again
from autograd.engine.graph import edges, names, nodes
from autograd.ops.table import COMPARISONS, OPS, Op
from autograd.show.picture import layout
from autograd.show.stepping.graph_program import graph_program
from autograd.show.stepping.javascript import rules_source
from autograd.show.stepping.moments import Script
from autograd.show.stepping.page import MAX_NODES, stepper
from autograd.show.text.formulas import digits
from autograd.show.text.replay import replay
from nn import MLP

pytest.importorskip("selenium")

from chromium import Chromium, watched
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

CONTROLS = ["first", "back", "play", "forward", "last", "slider", "speed", "order", "predict"]

Table = list[tuple[str, str]]

# A leaf has its value in a field, and a wrong gradient has the right one behind it.
_READ_TABLE = """return [...document.querySelectorAll("#body tr")].map(({cells}) => [
  cells[2].querySelector("input")?.value ?? cells[2].textContent, cells[3].firstChild?.textContent ?? "",
])"""


class Browser(Chromium):
    """Headless Chromium that shows a stepper."""

    def open(self, root: Value, width: int = 1300, height: int = 800, **options: Any) -> None:
        """Open a stepper, whose nodes have no names of the variables here."""
        self.show(stepper(root, **{"names": {}, **options}).html, width, height)

    @property
    def position(self) -> tuple[int, int]:
        """Return the number of the moment shown, and of the last one."""
        current, last = self.text("#position").split(" / ")
        return int(current), int(last)

    @property
    def table(self) -> Table:
        """The value and the gradient of each node, as the table has them."""
        return [tuple(row) for row in self.script(_READ_TABLE)]

    def script(self, source: str, *arguments: Any) -> Any:
        """Return what a script gives inside the page."""
        return self.driver.execute_script(source, *arguments)


@pytest.fixture
def browser(driver: Any, tmp_path: Path) -> Iterator[Browser]:
    """Return the browser, which may not log anything or make network requests."""
    yield from watched(Browser(driver, tmp_path))


def textbook() -> Value:
    """Return y = x + x * x at 3."""
    x = Value(3.0, label="x")
    y = x + x * x
    y.label = "y"
    return y


def neuron() -> Value:
    """Return a neuron of two inputs."""
    w1, w2, b = Value(-3.0, label="w1"), Value(1.0, label="w2"), Value(6.88, label="b")
    return autograd.tanh(w1 * Value(2.0, label="x1") + w2 * Value(0.5, label="x2") + b)


def tables(root: Value) -> list[Table]:
    """Return what the table should show at each moment, computed by the engine."""
    order = nodes(root)
    values, adjoints = ["" if node.op else digits(node.data) for node in order], [""] * len(order)
    found = [list(zip(values, adjoints, strict=True))]
    for i, node in enumerate(order):
        values[i] = digits(node.data)
        found.append(list(zip(values, adjoints, strict=True)))
    index = {node: i for i, node in enumerate(order)}
    changes = [(root, 1.0)] + [(flow.operand, flow.after) for step in steps(root) for flow in step.flows]
    for node, adjoint in changes:
        adjoints[index[node]] = digits(adjoint)
        found.append(list(zip(values, adjoints, strict=True)))
    return found


# ---------------------------------------------------------------------------------------------- moving


@pytest.mark.parametrize("make", [textbook, neuron])
def test_buttons(browser: Browser, make: Callable[[], Value]) -> None:
    """Forward steps through all moments with the engine's numbers, back steps through them in reverse."""
    root = make()
    browser.open(root)
    expected = tables(root)
    last = len(expected) - 1
    for moment, table in enumerate(expected):
        assert (browser.position, browser.table) == ((moment, last), table)
        browser.click("forward")
    assert browser.position == (last, last)
    for moment, table in reversed(list(enumerate(expected))):
        assert (browser.position, browser.table) == ((moment, last), table)
        browser.click("back")
    assert browser.position == (0, last)
    browser.click("last")
    assert browser.table == expected[-1]
    browser.click("first")
    assert browser.table == expected[0]


def test_the_last_moment_is_a_backward(browser: Browser) -> None:
    """At the end, table and picture show the values and gradients of `backward`."""
    root = neuron()
    browser.open(root)
    browser.click("last")
    root.backward()
    expected = [(digits(node.data), digits(node.grad)) for node in nodes(root)]
    assert browser.table == expected
    for i, (value, grad) in enumerate(expected):
        assert browser.lines(f"node{i}")[1:] == [f"value {value}", f"gradient {grad}"]


def test_without_graphviz(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the page is made without Graphviz, it lays out the graph by itself, and steps as it does."""
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(layout, "find_spec", lambda name: None)
    page = stepper(neuron(), names={}).html
    monkeypatch.setenv("PATH", path)
    browser.show(page)
    browser.until(lambda: browser.find("#stepper").is_displayed())
    browser.press(Keys.END)
    shown = [row.text for row in browser.driver.find_elements(By.CSS_SELECTOR, "#graph .node.complete")]
    root = neuron()
    root.backward()
    assert len(shown) == len(nodes(root))
    assert f"value {digits(root.data)}" in shown[-1]


def test_keys(browser: Browser) -> None:
    """Arrows, Home and End move from anywhere on the page, but not with Ctrl, Alt or Shift."""
    browser.open(textbook())
    for key, position in [
        (Keys.ARROW_LEFT, 0),
        (Keys.ARROW_RIGHT, 1),
        (Keys.ARROW_RIGHT, 2),
        (Keys.ARROW_LEFT, 1),
        (Keys.END, 8),
        (Keys.ARROW_RIGHT, 8),
        (Keys.HOME, 0),
    ]:
        browser.press(key)
        assert browser.position == (position, 8)
    for modifier in (Keys.CONTROL, Keys.ALT, Keys.SHIFT):
        ActionChains(browser.driver).key_down(modifier).send_keys(Keys.END).key_up(modifier).perform()
        assert browser.position == (0, 8)


def test_keys_on_a_button(browser: Browser) -> None:
    """Space presses the focused button; arrows move as elsewhere, even if the button is disabled."""
    browser.open(textbook())
    browser.click("back")
    browser.press(Keys.ARROW_RIGHT)
    assert browser.position == (1, 8)
    browser.press(" ")
    assert browser.position == (0, 8)
    assert browser.find("#play").get_attribute("aria-label") == "Play"
    assert browser.find("#back").get_attribute("aria-disabled") == "true"


def test_slider(browser: Browser) -> None:
    """The slider moves by its keys, one moment each, and by the mouse, and announces its position."""
    browser.open(textbook())
    slider = browser.find("#slider")
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert browser.position == (2, 8)
    slider.send_keys(Keys.END)
    assert browser.position == (8, 8)
    assert slider.get_attribute("aria-valuetext") == "8 of 8, backward"
    slider.click()
    assert browser.position == (4, 8)
    assert browser.table == tables(textbook())[4]


def test_play(browser: Browser) -> None:
    """Play advances on its own, stops at the end and restarts if pressed there; Space pauses it."""
    browser.open(textbook())
    Select(browser.find("#speed")).select_by_visible_text("10×")
    browser.click("play")
    assert browser.find("#play").get_attribute("aria-label") == "Pause"
    browser.until(lambda: browser.position == (8, 8))
    assert browser.find("#play").get_attribute("aria-label") == "Play"
    Select(browser.find("#speed")).select_by_visible_text("½×")
    browser.driver.execute_script("document.activeElement.blur()")
    browser.press(" ")
    assert browser.position == (0, 8)
    assert browser.find("#play").get_attribute("aria-label") == "Pause"
    browser.press(" ")
    assert browser.find("#play").get_attribute("aria-label") == "Play"
    browser.press(" ", Keys.ARROW_RIGHT)
    assert browser.find("#play").get_attribute("aria-label") == "Play"


def test_keys_in_a_pane_that_scrolls(browser: Browser) -> None:
    """If the graph is wider than its pane, the pane can be focused, and arrows then scroll it."""
    root = neuron()
    browser.open(root, width=420, height=800)
    pane = browser.find("#graph")
    pane.send_keys(Keys.ARROW_RIGHT)
    assert browser.position[0] == 0
    browser.until(lambda: pane.get_property("scrollLeft") > 0)
    assert pane.get_attribute("tabindex") == "0"
    browser.resize(2000, 800)
    browser.until(lambda: pane.get_attribute("tabindex") is None)


# ------------------------------------------------------------------------------------ what is explained


def test_an_edge(browser: Browser) -> None:
    """Each edge shows its partial, the product and the running sum, in the picture and as a rule."""
    browser.open(textbook())
    browser.click("last")
    assert browser.lines("edge2_0") == ["∂ 1", "adds 1", "sum 1"]
    assert browser.lines("edge1_0") == ["∂ 3", "adds 3", "sum 4"]
    assert browser.lines("edge1_1") == ["∂ 3", "adds 3", "sum 7"]
    assert browser.text("#text") == "v1 passes 1 · 3 = 3 to x, whose gradient becomes 4 + 3 = 7."
    fractions = browser.driver.find_elements(By.CSS_SELECTOR, "#rule mfrac")
    halves = [
        "/".join(half.get_property("textContent") for half in f.find_elements(By.XPATH, "*"))
        for f in fractions
    ]
    assert halves == ["dy/dv1", "∂v1/∂x", "dy/dx"]
    assert "x is used 3 times" in browser.text("#note")
    classes = {i: browser.find(f"#{i}").get_attribute("class").split() for i in ("edge1_1", "node0", "node1")}
    assert "now" in classes["edge1_1"]
    assert {"now", "complete"} <= set(classes["node0"])
    assert "from" in classes["node1"]
    browser.click("back")
    assert browser.lines("edge1_1") == ["", "", ""]
    assert "partly" in browser.find("#node0").get_attribute("class").split()


def test_training(browser: Browser) -> None:
    """Each descent starts with only the leaves and ends as a loop does, however one navigates to its end."""
    w = Value(2.0, label="w")
    browser.open(w * w, descend=[w], lr=0.1, times=3)
    seen = []
    for _ in range(browser.position[1] + 1):
        seen.append((browser.text("#phase"), browser.table))
        browser.press(Keys.ARROW_RIGHT)
    assert seen[6] == ("Descent 1 of 3 · Update", [("1.6", "4"), ("4", "1")])
    assert seen[7] == ("Descent 2 of 3 · Forward", [("1.6", ""), ("2.56", "")])
    for _ in range(3):
        w.data -= 0.1 * 2.0 * w.data
    assert seen[-1] == ("After 3 descents · Forward", [(digits(w.data), ""), (digits(w.data**2), "")])
    for expected in reversed(seen):
        assert (browser.text("#phase"), browser.table) == expected
        browser.press(Keys.ARROW_LEFT)


def test_hostile_labels(browser: Browser) -> None:
    """Labels are plain text everywhere: no script runs, no element appears, no character is lost."""
    labels = ["<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "&amp;\"'\\n\n$svg"]
    a, b, c = (Value(2.0, label=label) for label in labels)
    browser.open(a * b + c, descend=[a])
    for _ in range(browser.position[1] + 1):
        browser.press(Keys.ARROW_RIGHT)
    heads = [
        head.get_property("textContent") for head in browser.driver.find_elements(By.CSS_SELECTOR, "tbody th")
    ]
    assert set(labels) < set(heads)
    assert len(browser.driver.find_elements(By.TAG_NAME, "script")) == 2
    assert browser.driver.find_elements(By.TAG_NAME, "img") == []
    assert labels[0] in browser.lines(f"node{heads.index(labels[0])}")


# --------------------------------------------------------------------------------------- accessibility


def test_every_control_has_a_name(browser: Browser) -> None:
    """Tab reaches each control once, in order; each has a name and a visible focus."""
    browser.open(textbook())
    reached = []
    for _ in CONTROLS:
        browser.press(Keys.TAB)
        element = browser.driver.switch_to.active_element
        reached.append(element.get_attribute("id"))
        assert element.accessible_name
        assert element.value_of_css_property("outline-style") == "solid"
    assert reached == CONTROLS


def test_screen_readers(browser: Browser) -> None:
    """Each step is announced; the picture is one named image; the table has headers and a caption."""
    browser.open(textbook())
    assert browser.find("#text").get_attribute("aria-live") == "polite"
    assert browser.find("#graph > svg").get_attribute("role") == "img"
    assert browser.find("#graph > svg").get_attribute("aria-label") == "Graph of y"
    assert browser.find("table").accessible_name == "All nodes"
    assert browser.find("tbody th").aria_role == "rowheader"
    assert browser.driver.title == "The chain rule, step by step: y"


def test_dark_and_light(browser: Browser) -> None:
    """The page and the graph follow the preferred colour scheme, and text has enough contrast in both."""
    browser.open(textbook())
    browser.click("last")
    seen = {}
    for scheme in ("light", "dark"):
        browser.prefer(color_scheme=scheme, reduced_motion="reduce")
        seen[scheme] = {
            "page": browser.style("body", "background-color"),
            "text": browser.style("body", "color"),
            "node": browser.style("#node1 path", "fill"),
            "name": browser.style("#node1 text", "fill"),
            "edge": browser.style("#edge1_0 path", "stroke"),
        }
        assert contrast(seen[scheme]["text"], seen[scheme]["page"]) > 7
        assert contrast(seen[scheme]["name"], seen[scheme]["node"]) > 7
        assert contrast(seen[scheme]["edge"], seen[scheme]["page"]) > 3
    assert all(seen["light"][part] != seen["dark"][part] for part in seen["light"])


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, as WCAG 2 defines it."""

    def luminance(color: str) -> float:
        shares = [float(part) / 255 for part in color.partition("(")[2].rstrip(")").split(",")[:3]]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted(map(luminance, (first, second)))
    return (light + 0.05) / (dark + 0.05)


def test_motion(browser: Browser) -> None:
    """The edge is animated, unless the user prefers reduced motion."""
    browser.open(textbook())
    browser.click("last")
    assert browser.style("#edge1_1 path", "animation-name") == "none"
    browser.prefer(reduced_motion="no-preference")
    assert browser.style("#edge1_1 path", "animation-name") == "flow"


@pytest.mark.parametrize("width", [360, 700, 1000, 1600])
def test_any_width(browser: Browser, width: int) -> None:
    """The page never scrolls sideways, and the controls are always visible."""
    browser.open(neuron(), width=width, height=700)
    browser.click("last")
    page = browser.find("html")
    assert page.get_property("scrollWidth") <= width
    bottom = browser.find("#last").rect
    assert bottom["y"] + bottom["height"] <= 700 + browser.driver.execute_script("return scrollY")


# ------------------------------------------------------------------------------------------- notebooks


def test_two_in_a_notebook(browser: Browser) -> None:
    """Steppers in one notebook have separate frames: each moves on its own and has its own numbers."""
    pages = [stepper(textbook()), stepper(neuron())]
    notebook = browser.folder / "notebook.html"
    body = "<body data-jp-theme-light=false>" + "".join(page._repr_html_() for page in pages)
    notebook.write_text(f'<!doctype html><link rel="icon" href="data:,">{body}', encoding="utf-8")
    browser.driver.get(notebook.as_uri())
    frames = browser.driver.find_elements(By.TAG_NAME, "iframe")
    assert [frame.accessible_name for frame in frames] == ["Stepping through y", "Stepping through v5"]
    browser.driver.switch_to.frame(frames[0])
    browser.until(lambda: browser.script("return document.documentElement.dataset.theme") == "dark")
    box, handle = (browser.find(f"#node0 {shape}").rect for shape in ("path", ".handle"))
    assert box["x"] < handle["x"] < box["x"] + box["width"]
    browser.click("forward")
    browser.press(Keys.END)
    assert browser.table == tables(textbook())[-1]
    browser.driver.switch_to.default_content()
    browser.driver.switch_to.frame(frames[1])
    assert browser.table == tables(neuron())[0]
    browser.driver.switch_to.default_content()


# --------------------------------------------------------------------------------------------- numbers

_SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, inf, -inf, nan, 1e-310, 1e308, -3.5, 7.25, 1e-20]

# In units in the last place. Where C's and JavaScript's functions differ, values and partials do by 4.
_ULPS = 8

_EVALUATE = """
return arguments[0].map(([name, point]) => {
  const [value, partials] = evaluated(RULES[name], point.map(numberOf));
  return [value, ...partials].map((x) => (Object.is(+x, -0) ? "-0.0" : String(+x)));
});"""

_MOMENTS = """return run.moments.map((moment) => {
  const {text, note, equations, lines} = run.texts(moment);
  const numbers = [moment.value, moment.gradient].map((x) => (x === undefined ? null : digits(x)));
  return [moment.phase, moment.round, moment.target ?? null, ...numbers, moment.complete ?? false, text, note,
    equations, lines];
})"""


def points(op: Op, random: Random) -> Iterator[tuple[float, ...]]:
    """Yield the special points of a row, points in its domain, and numbers that are special themselves."""
    length = 3 if op.variadic else 1
    yield from (special.at for special in op.special_points)
    for _ in range(40):
        yield tuple(random.uniform(*interval) for interval in op.domain for _ in range(length))
        yield tuple(random.choice(_SPECIAL) for _ in op.domain for _ in range(length))


def at(op: Op, point: tuple[float, ...]) -> list[float]:
    """Return the value and the partials of a row as the engine computes them."""
    with np.errstate(all="ignore"):
        node = apply_again(op, [Value(x) for x in point])
    return [node.data, *(0.0 if partial is None else partial for partial in node.partials)]


def are_close(ours: float, theirs: float) -> bool:
    """Return whether two numbers agree up to rounding: nan with nan, and 0 with its sign."""
    if isnan(ours) or isnan(theirs):
        return isnan(ours) and isnan(theirs)
    if ours == theirs:
        return copysign(1.0, ours) == copysign(1.0, theirs)
    return abs(ours - theirs) <= _ULPS * ulp(ours)


def test_every_row(browser: Browser) -> None:
    """The rules in JavaScript give the engine's numbers: nan for nan, signed zeros, else within a few ulp."""
    rows, random = [*OPS.values(), *COMPARISONS.values()], Random(0)
    cases = [(op, point) for op in rows for point in points(op, random)]
    browser.open(textbook())
    sent = [(op.name, [repr(x) for x in point]) for op, point in cases]
    wrong = []
    for (op, point), found in zip(cases, browser.script(rules_source(rows) + _EVALUATE, sent), strict=True):
        numbers = [float(text.replace("Infinity", "inf")) for text in found]
        if not all(are_close(*pair) for pair in zip(at(op, point), numbers, strict=True)):
            wrong.append((op.name, point, at(op, point), numbers))
    assert wrong == []


def test_digits(browser: Browser) -> None:
    """Numbers are written as Python writes them, also halves, which it rounds to even."""
    random = Random(0)
    numbers = [
        *_SPECIAL,
        1000.5,
        1001.5,
        0.00012345,
        99995.0,
        99985.0,
        12345.0,
        5e-324,
        1.7976931348623157e308,
    ]
    numbers += [random.uniform(-1, 1) * 10.0 ** random.randint(-12, 12) for _ in range(1000)]
    numbers += [random.randint(0, 99999) / 2 for _ in range(500)]
    browser.open(textbook())
    found = browser.script("return arguments[0].map((x) => digits(numberOf(x)))", [repr(x) for x in numbers])
    assert found == [digits(x) for x in numbers]


def network() -> Value:
    """Return the loss of a small network."""
    model = MLP(2, [3, 1], rng=0)
    loss: Value = (model([0.5, -1.5]) - 1.0) ** 2
    loss.label = "loss"
    return loss


def kinks() -> Value:
    """Return a graph with reductions, choices, powers and numbers that are not finite."""
    a, b = Value(-2.0, label="a"), Value(0.0, label="b")
    with np.errstate(all="ignore"):
        chosen = autograd.where(a < b, autograd.max([a, b, 0.5]), autograd.log(b))
        root: Value = autograd.logsumexp([a, chosen, a**2.0]) - autograd.sum([a, a, b, 1.0]) * autograd.log(b)
        return root


def descent() -> tuple[Value, list[Value]]:
    """Return the squared error of a line at two points, and its parameters."""
    w, b = Value(0.5, label="w"), Value(0.0, label="b")
    return autograd.sum([(w * x + b - t) ** 2 for x, t in [(-1.0, -1.2), (1.5, 3.0)]]), [w, b]


@pytest.mark.parametrize("make", [textbook, neuron, network, kinks, descent])
def test_texts_are_those_of_python(browser: Browser, make: Callable[[], Any]) -> None:
    """Each moment that the page computes has the numbers and the sentences of the one that Python writes."""
    made = make()
    root, options = (made[0], {"descend": made[1], "lr": 0.05, "times": 9}) if make is descent else (made, {})
    page = stepper(root, names={}, **options)
    browser.open(root, **options)
    expected = [
        [m.phase, m.round, m.target, m.value, m.adjoint, m.complete, m.text, m.note,
         [[list(part) if isinstance(part, tuple) else part for part in line] for line in m.equations],
         list(m.passing.lines) if m.passing else []]
        for m in page.moments
    ]  # fmt: skip
    assert browser.script(_MOMENTS) == expected


def random_graph(random: Random) -> Value:
    """Return a graph of any rows of the table, on any earlier results."""
    found = [Value(random.uniform(-2.0, 2.0), label=f"x{i}") for i in range(3)]
    rows = [*OPS.values(), *COMPARISONS.values()]
    for _ in range(12):
        op = random.choice(rows)
        count = len(op.partials) * (random.randint(1, 3) if op.variadic else 1)
        operands = [random.choice([*found, round(random.uniform(-2.0, 2.0), 1)]) for _ in range(count)]
        if any(isinstance(operand, Value) for operand in operands):
            found.append(apply_again(op, operands))
    root: Value = autograd.sum(found[3:])
    return root


def test_random_graphs(browser: Browser) -> None:
    """Values and gradients of whole graphs are the engine's, also after a leaf has changed."""
    random = Random(1)
    browser.open(textbook())
    rules = rules_source([*OPS.values(), *COMPARISONS.values()])
    for _ in range(25):
        with np.errstate(all="ignore"):
            root = random_graph(random)
            order = nodes(root)
            script = Script(order, names(order))
            script.sweep({}, "")
            program = graph_program(script, [], 0.1, 1)
            moved = replay(root, {order[0]: order[0].data, **{n: n.data / 2 for n in order if not n.op}})
            moved[root].backward()
        leaves = [None if node.op else repr(moved[node].data) for node in order]
        values, gradients = browser.script(rules + _RUN, program, leaves)
        expected = [(moved[node].data, float(moved[node].grad)) for node in order]
        for node, ours, value, gradient in zip(order, expected, values, gradients, strict=True):
            for mine, theirs in zip(ours, (value, gradient), strict=True):
                assert float(theirs.replace("Infinity", "inf")) == pytest.approx(
                    mine, rel=1e-9, abs=1e-9, nan_ok=True
                ), (node, leaves)


_RUN = """
const [program, leaves] = arguments;
const made = new Run(program, RULES, leaves.map((x) => (x === null ? undefined : numberOf(x))));
const [pass] = made.passes;
return [pass.values.map(String), pass.values.map((_, i) => String(pass.gradients.get(i) ?? 0))];"""


# ------------------------------------------------------------------------------------- other numbers


def type_into(browser: Browser, name: str, *keys: str) -> Any:
    """Type into the field of a leaf, in place of what is there, and return the field."""
    field = browser.find(f'input[aria-label="Value of {name}"]')
    field.send_keys(Keys.CONTROL, "a", Keys.NULL, *keys)
    return field


def moved(root: Value, **changes: float) -> Value:
    """Return a graph with other numbers at the leaves of some labels."""
    leaves = {node: changes[node.label] for node in nodes(root) if not node.op and node.label in changes}
    return replay(root, leaves)[root]


def test_dragging(browser: Browser) -> None:
    """A leaf in the picture follows the mouse, and everything is computed anew at each place."""
    browser.open(textbook())
    browser.click("last")
    drag = ActionChains(browser.driver).click_and_hold(browser.find("#node0")).move_by_offset(20, 0)
    drag.perform()
    assert browser.table == tables(moved(textbook(), x=3.5))[-1]
    ActionChains(browser.driver).move_by_offset(20, 0).release().perform()
    assert browser.table == tables(moved(textbook(), x=4.0))[-1]
    assert browser.lines("node0") == ["x", "value 4", "gradient 9"]
    assert browser.lines("edge1_1") == ["∂ 4", "adds 4", "sum 9"]
    assert browser.text("#text") == "v1 passes 1 · 4 = 4 to x, whose gradient becomes 5 + 4 = 9."
    for table in reversed(tables(moved(textbook(), x=4.0))):
        assert browser.table == table
        browser.press(Keys.ARROW_LEFT)
    handle = browser.find("td .handle")
    ActionChains(browser.driver).drag_and_drop_by_offset(handle, -40, 0).perform()
    assert browser.table[0] == ("3", "")
    assert not browser.find("#reset").is_displayed()


def test_typing(browser: Browser) -> None:
    """A number that is typed is taken as soon as it is one; the keys change it by steps; a button resets."""
    browser.open(textbook())
    browser.click("last")
    type_into(browser, "x", "-1/2")
    assert browser.table[1:] == tables(moved(textbook(), x=-0.5))[-1][1:]
    assert "bad" in type_into(browser, "x", "1/2/").get_attribute("class")
    assert browser.table[2] == ("0.75", "1")
    type_into(browser, "x", "nan")
    assert browser.table[2] == ("nan", "1")
    assert "broken" in browser.find("#node2").get_attribute("class").split()
    assert browser.find("#legend .broken").is_displayed()
    type_into(browser, "x", "2", Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_DOWN, Keys.TAB)
    assert browser.table == tables(moved(textbook(), x=2.1))[-1]
    browser.click("reset")
    assert browser.table == tables(textbook())[-1]
    assert not browser.find("#reset").is_displayed()


def test_a_descent_from_elsewhere(browser: Browser) -> None:
    """Another number at a leaf that descends is that of the start, and all descents follow."""
    w = Value(2.0, label="w")
    browser.open(w * w, descend=[w], lr=0.1, times=3)
    browser.script("go(run.moments.findIndex(({phase}) => phase === 'Update'))")
    type_into(browser, "w", "-5", Keys.TAB)
    assert browser.position[0] == 0
    browser.click("last")
    end = -5.0 * 0.8**3
    assert browser.table == [(digits(end), ""), (digits(end**2), "")]


def test_a_function_without_a_rule(browser: Browser) -> None:
    """A leaf below a user's own function keeps its number, and the page says why; others can be changed."""

    @autograd.custom_jvp
    def cube(x: Any) -> Any:
        return x**3

    cube.defjvp(lambda primals, tangents: (cube(*primals), 3 * primals[0] ** 2 * tangents[0]))
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    browser.open(cube(a) * b)
    browser.click("last")
    assert browser.table == tables(cube(a) * b)[-1]
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "#body input")) == 1
    assert "is computed by cube, for which the page has no rule" in browser.text("#fixed")
    type_into(browser, "b", "10", Keys.TAB)
    assert browser.table == tables(moved(cube(a) * b, b=10.0))[-1]


# ------------------------------------------------------------------------------------- what one can ask


def test_a_click_on_a_node(browser: Browser) -> None:
    """A node's derivation is its formula with numbers, and its gradient as the sum over its uses."""
    browser.open(textbook())
    browser.click("last")
    browser.find("#node0").click()
    text = browser.text("#derivation")
    assert "x = 3 is given" in text
    assert "the sum over its 3 uses" in text
    assert "= 1 · 3 = 3" in text
    assert "with ∂ = x = 3" in text
    assert "= 1 + 3 + 3 = 7" in text
    browser.find("#node1").click()
    assert "v1 = x * x = 3 * 3 = 9" in browser.text("#derivation")
    browser.click("close")
    assert not browser.find("#derivation").is_displayed()


def test_the_end(browser: Browser) -> None:
    """At the end stand the result and the gradients of all leaves, and nowhere else."""
    browser.open(neuron())
    assert not browser.find("#summary").is_displayed()
    browser.click("last")
    root = neuron()
    root.backward()
    leaves = [node for node in nodes(root) if not node.op]
    listed = [item.text for item in browser.driver.find_elements(By.CSS_SELECTOR, "#summary li")]
    assert listed == [f"dv5/d{leaf.label} = {digits(leaf.grad)}" for leaf in leaves]
    assert browser.text("#summary h2") == f"v5 = {digits(root.data)}"


def test_the_curve_of_a_descent(browser: Browser) -> None:
    """The curve has a point for each result, and marks the one of now; the slider shows the phases."""
    root, parameters = descent()
    browser.open(root, descend=parameters, lr=0.05, times=4)
    assert browser.find("#line").get_attribute("d").count("L") == 4
    first = browser.find("#point").get_attribute("cx")
    browser.click("last")
    assert float(browser.find("#point").get_attribute("cx")) > float(first)
    assert "after 4 of 4 descents" in browser.text("#curve")
    marks = browser.script(
        "return [...document.querySelectorAll('#marks span')].map((mark) => mark.className)"
    )
    assert marks == ["Forward", "Backward", "Update"] * 4 + ["Forward"]


def test_a_dot_travels(browser: Browser) -> None:
    """A dot moves along what flows, backward from node to operand; none does if motion is unwelcome."""
    browser.open(textbook())
    browser.click("last")
    assert browser.driver.find_elements(By.CSS_SELECTOR, ".dot") == []
    browser.prefer(reduced_motion="no-preference")
    browser.driver.get(browser.driver.current_url)
    Select(browser.find("#speed")).select_by_visible_text("½×")
    places = browser.script(
        "go(last); const dot = document.querySelector('.dot'); const first = dot.getAttribute('cx');"
        "const line = dot.parentNode.querySelector('path');"
        "return [first, line.getPointAtLength(line.getTotalLength()).x]"
    )
    assert float(places[0]) == pytest.approx(places[1], abs=0.01)
    browser.until(lambda: browser.driver.find_elements(By.CSS_SELECTOR, ".dot") == [])


# ------------------------------------------------------------------------------------- the wrong order


def doubled() -> Value:
    """Return c = b + b of b = a + a, the graph that is most asked of."""
    a = Value(2.0, label="a")
    b = a + a
    return b + b


def reused() -> Value:
    """Return d = c * b of c = b * b and b = a * a."""
    a = Value(2.0, label="a")
    b = a * a
    return (b * b) * b


def naive(root: Value, again: bool) -> dict[Value, float]:
    """Return the gradients of a recursion that passes on at once: when first reached, or each time."""
    gradient, reached = dict.fromkeys(nodes(root), 0.0), set()

    def pass_on(node: Value) -> None:
        for edge in edges(node):
            gradient[edge.operand] += gradient[node] * edge.partial
            if again or edge.operand not in reached:
                reached.add(edge.operand)
                pass_on(edge.operand)

    gradient[root] = 1.0
    pass_on(root)
    return gradient


@pytest.mark.parametrize("make", [doubled, reused])
@pytest.mark.parametrize("order", ["once", "again"])
def test_the_wrong_order(browser: Browser, make: Callable[[], Value], order: str) -> None:
    """A wrong order ends with the numbers of a naive recursion, each in red beside the right one."""
    root = make()
    browser.open(root)
    Select(browser.find("#order")).select_by_value(order)
    assert browser.text("#phase") == "Backward"
    browser.click("last")
    wrong = naive(root, order == "again")
    root.backward()
    expected = [(digits(node.data), digits(wrong[node])) for node in nodes(root)]
    assert browser.table == expected
    shown = browser.script("return rows.map((row) => row.querySelector('.right')?.textContent ?? '')")
    right = {node: digits(node.grad) for node in nodes(root)}
    assert shown == [f" right: {right[n]}" if right[n] != digits(wrong[n]) else "" for n in nodes(root)]
    assert any(shown)
    assert f" = {digits(wrong[nodes(root)[0]])}, not {right[nodes(root)[0]]}" in browser.text("#summary")
    a = nodes(root)[0]
    sentence = f"comes out as {digits(wrong[a])} instead of {right[a]}"
    assert sentence in browser.text("#verdict")
    assert "In topological order a node waits for all of its consumers" in browser.text("#verdict")
    assert browser.lines("node0")[2] == f"gradient {digits(wrong[a])}, not {right[a]}"
    Select(browser.find("#order")).select_by_value("topological")
    browser.click("last")
    assert browser.table[0] == (digits(a.data), right[a])
    assert not browser.find("#verdict").is_displayed()


def test_an_order_that_does_not_matter(browser: Browser) -> None:
    """Where every result is used once, any order is right, and the page says so."""
    root = neuron()
    browser.open(root)
    Select(browser.find("#order")).select_by_value("once")
    assert "the order makes no difference" in browser.text("#verdict")
    browser.click("last")
    root.backward()
    assert browser.table == [(digits(node.data), digits(node.grad)) for node in nodes(root)]


def test_too_many_paths(browser: Browser) -> None:
    """A recursion that would pass on without end is not run."""
    y = Value(1.0, label="x")
    for _ in range(20):
        y = y + y
    browser.open(y)
    Select(browser.find("#order")).select_by_value("again")
    assert "more than 1,000 times" in browser.text("#verdict")


# --------------------------------------------------------------------------------------- predictions


def test_predictions(browser: Browser) -> None:
    """Each gradient is asked for before it is shown; hints name the local partial; the end has a score."""
    browser.open(textbook(), predict=True)
    for _ in range(5):
        browser.press(Keys.ARROW_RIGHT)
    assert browser.text("#question") == "What does the gradient of x become?"
    assert browser.table[0] == ("3", "")
    browser.find("#answer").send_keys("1", Keys.ENTER)
    assert browser.table[0] == ("3", "1")
    assert browser.text("#note").startswith("Right.")
    browser.click("forward")
    browser.find("#answer").send_keys("seven", Keys.ENTER)
    assert browser.text("#feedback").startswith("Please type a number")
    browser.find("#answer").clear()
    browser.find("#answer").send_keys("1", Keys.ENTER)
    browser.click("forward")
    assert browser.text("#question") == "What does the gradient of x become? So far it is 1."
    answer = browser.find("#answer")
    answer.send_keys("3", Keys.ENTER)
    assert browser.text("#feedback") == "That is what v1 passes. Add it to the 1 that is there."
    browser.click("forward")
    assert browser.position == (7, 8)
    answer.clear()
    answer.send_keys("4", Keys.ENTER)
    assert browser.table[0] == ("3", "4")
    browser.click("forward")
    answer.send_keys("9", Keys.ENTER)
    assert browser.text("#feedback") == "Not yet: the local partial is ∂v1/∂x = x = 3."
    browser.click("reveal")
    assert browser.table[0] == ("3", "7")
    assert "You predicted 2 of 4 gradients at the first try." in browser.text("#summary")


def test_the_button_of_predictions(browser: Browser) -> None:
    """The button begins at the backward sweep, and ends the questions when pressed again."""
    browser.open(textbook())
    browser.click("predict")
    assert browser.text("#phase") == "Backward"
    browser.click("forward")
    assert browser.find("#quiz").is_displayed()
    browser.click("predict")
    assert not browser.find("#quiz").is_displayed()
    assert browser.table[0] == ("3", "1")


# ----------------------------------------------------------------------------------------------- fitting


def long_chain() -> Value:
    """Return a chain of as many nodes as a page may have."""
    y = Value(1.0, label="x")
    for _ in range(MAX_NODES - 1):
        y = y * 1.01
    return y


_OVERHANGS = """
return [...document.querySelectorAll("#graph .node:not(.constant)")].flatMap((shape) => {
  const box = shape.querySelector("path, polygon").getBBox();
  return [...shape.querySelectorAll("text")].filter((text) => text.textContent).filter((text) => {
    const own = text.getBBox();
    return own.x < box.x - 1 || own.x + own.width > box.x + box.width + 1;
  }).map((text) => text.textContent);
});"""


def test_a_wide_graph(browser: Browser) -> None:
    """A wide graph stands above the explanation, where it is larger than beside it; a small one beside it."""
    sizes = {}
    for make in (neuron, doubled):
        browser.open(make(), width=1400, height=900)
        graph, panel = browser.find("#graph").rect, browser.find("#panel").rect
        sizes[make] = (graph["width"] > 1300, panel["y"] > graph["y"] + graph["height"])
    assert sizes == {neuron: (True, True), doubled: (False, False)}


@pytest.mark.parametrize("make", [network, long_chain])
def test_any_graph_fits(browser: Browser, make: Callable[[], Value]) -> None:
    """No text leaves its box, also a long one, and the page never scrolls sideways."""
    root = make()
    browser.open(root)
    for width in (700, 1400):
        browser.resize(width, 900)
        browser.script(
            "leaves.forEach((x, i) => { if (x !== undefined) leaves[i] = -1.2345e-7; }); compute(); go(last)"
        )
        assert browser.find("html").get_property("scrollWidth") <= width
        assert browser.script(_OVERHANGS) == []
    if make is network:
        assert "w¹₂₁ is layers.0.neurons.2.w[1]." in browser.text("#symbols")
        assert "w¹₂₁" in browser.script("return nodes.map(({name}) => name)")
    if make is long_chain:
        assert browser.find("#whole").is_displayed()
        browser.click("whole")
        pane = browser.find("#graph")
        assert pane.get_property("scrollWidth") <= pane.get_property("clientWidth")
