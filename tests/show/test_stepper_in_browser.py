from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import Value, steps
from autograd.engine.graph import nodes
from autograd.show.stepping.page import stepper
from autograd.show.text.formulas import digits

pytest.importorskip("selenium")

from chromium import Chromium, watched
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

CONTROLS = ["first", "back", "play", "forward", "last", "slider", "speed"]

Table = list[tuple[str, str]]


class Browser(Chromium):
    """Headless Chromium that shows a stepper."""

    def open(self, root: Value, width: int = 1300, height: int = 800, **options: Any) -> None:
        """Open a stepper."""
        self.show(stepper(root, **options).html, width, height)

    @property
    def position(self) -> tuple[int, int]:
        """Return the number of the moment shown, and of the last one."""
        current, last = self.text("#position").split(" / ")
        return int(current), int(last)

    @property
    def table(self) -> Table:
        """The value and the adjoint of each node, as the table has them."""
        cells = [
            cell.get_property("textContent") for cell in self.driver.find_elements(By.CSS_SELECTOR, "td")
        ]
        return list(zip(cells[1::3], cells[2::3], strict=True))


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
    values, adjoints = [""] * len(order), [""] * len(order)
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
        assert browser.lines(f"node{i}")[1:] == [f"value {value}", f"adjoint {grad}"]


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
    assert browser.text("#text") == "v1 passes 1 · 3 = 3 to x, whose adjoint becomes 4 + 3 = 7."
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
    body = "".join(page._repr_html_() for page in pages)
    notebook.write_text(f'<!doctype html><link rel="icon" href="data:,">{body}', encoding="utf-8")
    browser.driver.get(notebook.as_uri())
    frames = browser.driver.find_elements(By.TAG_NAME, "iframe")
    assert [frame.accessible_name for frame in frames] == ["Stepping through y", "Stepping through v5"]
    browser.driver.switch_to.frame(frames[0])
    browser.click("forward")
    browser.press(Keys.END)
    assert browser.table == tables(textbook())[-1]
    browser.driver.switch_to.default_content()
    browser.driver.switch_to.frame(frames[1])
    assert browser.table == tables(neuron())[0]
    browser.driver.switch_to.default_content()
