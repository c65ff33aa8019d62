from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from autograd.show.picture import layout
from autograd.show.picture.drawing import Drawing
from autograd.show.picture.interactive_page import interactive_page
from autograd.show.picture.views import Detail, View

pytest.importorskip("selenium")

from chromium import Chromium, watched
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

HOSTILE = "</script><img src=x onerror=alert(1)>&amp;\"'${x}"
NODE = 'shape=box style="rounded,filled" fillcolor="#e8f1fb"'


class Page(Chromium):
    """Headless Chromium that shows the page of a drawing."""

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements of a CSS selector."""
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return [element.get_property("textContent") for element in found]

    @property
    def trail(self) -> list[str]:
        """The titles of what is unfolded, the outermost first."""
        return self.texts("#trail li > *")

    @property
    def box(self) -> list[float]:
        """What is seen of the picture: left, top, width and height."""
        return [float(number) for number in self.find("#graph svg").get_dom_attribute("viewBox").split()]

    def has_theme(self, theme: str) -> bool:
        """Return whether the notebook has told the page its theme."""
        return bool(self.find("html").get_attribute("data-theme") == theme)

    def until_shown(self, node: str) -> None:
        """Wait until a view with a node is shown."""
        self.until(lambda: bool(self.driver.find_elements(By.ID, node)))


@pytest.fixture
def browser(driver: Any, tmp_path: Path) -> Iterator[Page]:
    """Return the browser, which may not log anything or make network requests."""
    yield from watched(Page(driver, tmp_path))


def graph() -> Drawing:
    """Return a picture of a node and a layer of two neurons, which unfold one at a time."""

    def views() -> Mapping[str, View]:
        layer = f'layer [id="box:layer" label="layer" {NODE}]'
        w = f'w [id=node0 label="w = 2" {NODE}]; x [id=node1 label="x = 3" {NODE}]'
        neurons = f'm [id="box:layer.0" label="0" {NODE}]; n [id="box:layer.1" label="1" {NODE}]'
        y = f'y [id=node2 label="y = 6" {NODE}]'
        cluster = 'subgraph cluster_layer { id="frame:layer" label="layer"; %s }'
        return {
            "": View(
                "y", f"digraph {{ rankdir=LR {layer} {y} layer -> y [id=edge2_0] }}", {"box:layer": "layer"}
            ),
            "layer": View(
                "layer",
                f"digraph {{ rankdir=LR {cluster % neurons} {y} m -> y n -> y }}",
                {"box:layer.0": "layer.0", "frame:layer": ""},
            ),
            "layer.0": View(
                "0", f"digraph {{ rankdir=LR {cluster % w} {y} w -> y x -> y [id=edge2_1] }}", {}
            ),
        }

    def details() -> Mapping[str, Detail]:
        return {
            "node0": Detail("w", (("value", "2"), ("gradient", "3")), "dy/dw = x = 3"),
            "node2": Detail(HOSTILE, (("formula", HOSTILE),), HOSTILE),
            "edge2_1": Detail("x → y", (("local partial ∂", "2"),)),
        }

    return Drawing(views()[""].source, views, details)


# ------------------------------------------------------------------------------------------- unfolding


def without_graphviz(drawing: Drawing) -> str:
    """Return the page that lays out by itself."""
    return interactive_page(drawing.views, drawing.details, None)


@pytest.mark.parametrize("page", [lambda drawing: drawing.page, without_graphviz], ids=["dot", "wasm"])
def test_unfolding(browser: Page, page: Any) -> None:
    """A click on a module shows its view, with or without Graphviz; the trail and the frame lead back."""
    browser.show(page(graph()))
    browser.until_shown("box:layer")
    assert browser.trail == ["y"]
    browser.find("[id='box:layer']").click()
    browser.until_shown("box:layer.1")
    assert browser.trail == ["y", "layer"]
    first, second = (browser.find(f"[id='box:layer.{i}']").rect for i in (0, 1))
    assert first["x"] == pytest.approx(second["x"], abs=1)
    assert abs(first["y"] - second["y"]) > first["height"]
    browser.find("[id='box:layer.0']").click()
    browser.until_shown("node0")
    assert browser.trail == ["y", "layer", "0"]
    browser.press(Keys.ESCAPE)
    browser.until_shown("box:layer.1")
    browser.find("[id='frame:layer'] text").click()
    browser.until_shown("box:layer")
    assert browser.trail == ["y"]
    assert browser.find("#message").is_displayed() is False


def test_what_is_told(browser: Page) -> None:
    """Pointing shows a detail of a node or a thin edge, a click the derivation, and Escape closes it."""
    drawing = graph()
    browser.show(drawing.page)
    browser.until_shown("box:layer")
    for box, then in (("box:layer", "box:layer.0"), ("box:layer.0", "node0")):
        browser.find(f"[id='{box}']").click()
        browser.until_shown(then)
    ActionChains(browser.driver).move_to_element(browser.find("#node0")).perform()
    assert browser.texts("#tip :is(strong, dt, dd)") == ["w", "value", "2", "gradient", "3"]
    ActionChains(browser.driver).move_to_element(browser.find("#edge2_1")).perform()
    assert browser.text("#tip strong") == "x → y"
    browser.find("#node0").click()
    assert browser.find("#panel").is_displayed()
    assert browser.text("#explanation") == "dy/dw = x = 3"
    assert "open" in browser.find("#node0").get_attribute("class").split()
    browser.press(Keys.ESCAPE)
    assert not browser.find("#panel").is_displayed()


def test_hostile_texts(browser: Page) -> None:
    """Names and texts stay texts in the picture, under the mouse and in the panel."""
    source = f"digraph {{ y [id=node2 label={_quoted(HOSTILE)}] }}"
    for svgs in (layout.inline_svgs([source]), None):
        views = {"": View(HOSTILE, source, {})}
        browser.show(
            interactive_page(views, {"node2": Detail(HOSTILE, ((HOSTILE, HOSTILE),), HOSTILE)}, svgs)
        )
        browser.until_shown("node2")
        browser.find("#node2").click()
        assert browser.texts("#name, #rows dt, #rows dd, #explanation, #trail strong") == [HOSTILE] * 5
        assert browser.texts("#node2 text") == [HOSTILE]
        assert browser.driver.find_elements(By.TAG_NAME, "img") == []
        assert browser.driver.title == f"Graph of {HOSTILE}"


def _quoted(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace('"', '\\"')
    return f'"{escaped}"'


# ------------------------------------------------------------------------------------ moving and keys


def test_zoom_and_pan(browser: Page) -> None:
    """Buttons and Ctrl with the wheel zoom; the mouse and the wheel move what is seen, and click nothing."""
    browser.show(graph().page, 600, 400)
    browser.until_shown("box:layer")
    whole = browser.box
    browser.find("#larger").click()
    assert browser.box[2] == pytest.approx(whole[2] / 1.25, rel=1e-3)
    for _ in range(9):
        browser.find("#larger").click()
    seen = browser.box
    pane = browser.find("#graph")
    ActionChains(browser.driver).move_to_element(pane).click_and_hold().move_by_offset(
        -40, 0
    ).release().perform()
    assert browser.box[0] > seen[0]
    assert browser.trail == ["y"]
    browser.press("0")
    assert browser.box == whole
    middle = pane.rect
    wheel = {"type": "mouseWheel", "x": middle["x"] + 10, "y": middle["y"] + 10, "deltaX": 0, "deltaY": -200}
    browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", wheel | {"modifiers": 2})
    browser.until(lambda: browser.box[2] < whole[2] / 1.5)


def test_keys(browser: Page) -> None:
    """Tab reaches the graph once, arrows go from item to item, Enter opens one; each says what it is."""
    browser.show(graph().page)
    browser.until_shown("box:layer")
    for _ in range(4):
        browser.press(Keys.TAB)
    active = browser.driver.switch_to.active_element
    assert active.get_attribute("id") == "box:layer"
    browser.press(Keys.ARROW_RIGHT)
    active = browser.driver.switch_to.active_element
    assert (active.get_attribute("id"), active.aria_role) == ("node2", "button")
    assert active.accessible_name == f"{HOSTILE}, formula {HOSTILE}"
    assert browser.find("#tip").is_displayed()
    browser.press(Keys.ENTER)
    assert browser.text("#name") == HOSTILE


def test_the_focus_goes_along(browser: Page) -> None:
    """By keys, the focus goes from a module to the first of its parts, and back to the module."""
    browser.show(graph().page)
    browser.until_shown("box:layer")
    for _ in range(4):
        browser.press(Keys.TAB)
    seen = []
    for key in (Keys.ENTER, Keys.ENTER, Keys.ESCAPE, Keys.ESCAPE):
        seen.append(browser.driver.switch_to.active_element.get_attribute("id"))
        browser.press(key)
    seen.append(browser.driver.switch_to.active_element.get_attribute("id"))
    assert seen == ["box:layer", "box:layer.0", "node0", "box:layer.0", "box:layer"]


@pytest.mark.parametrize("width", [360, 700, 1400])
def test_any_width(browser: Page, width: int) -> None:
    """The picture fits the width, with the panel too; the page never scrolls."""
    browser.show(graph().page, width, 600)
    browser.until_shown("node2")
    browser.find("#node2").click()
    page = browser.find("html")
    assert page.get_property("scrollWidth") <= width
    assert page.get_property("scrollHeight") <= 600
    for identity in ("[id='box:layer']", "#node2"):
        box = browser.find(identity).rect
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


# ------------------------------------------------------------------------------------------- notebooks


def test_light_and_dark(browser: Page) -> None:
    """The page is as the system is, unless the notebook around it says otherwise."""
    html = graph()._repr_mimebundle_()["text/html"]
    browser.prefer(color_scheme="light")
    browser.show(f'<!doctype html><link rel="icon" href="data:,"><body data-jp-theme-light="false">{html}')
    colours = []
    for scheme, is_light in (("dark", "false"), ("light", "true")):
        browser.driver.execute_script("document.body.dataset.jpThemeLight = arguments[0]", is_light)
        browser.driver.switch_to.frame(browser.find("iframe"))
        browser.until_shown("node2")
        browser.until(partial(browser.has_theme, scheme))
        colours.append(
            [
                browser.style("body", "background-color"),
                browser.style("#node2 text", "fill"),
                browser.style("#node2 path", "fill"),
            ]
        )
        browser.driver.switch_to.default_content()
    assert all(light != dark for light, dark in zip(*colours, strict=True))
    assert colours[1][2] == "rgb(232, 241, 251)"


def test_the_frame_grows(browser: Page) -> None:
    """In a notebook, the frame of a flat picture grows when a higher one or a panel opens."""
    tall = "digraph { rankdir=LR " + " ".join(f"n{i} -> y" for i in range(12)) + " }"
    layer = f'digraph {{ rankdir=LR layer [id="box:layer" {NODE}] y [id=node2]; layer -> y }}'
    views = {"": View("y", layer, {"box:layer": "layer"}), "layer": View("layer", tall, {})}
    details = {"node2": Detail("y", (), "a sum")}
    html = Drawing(layer, lambda: views, lambda: details)._repr_mimebundle_()["text/html"]
    browser.show(f'<!doctype html><link rel="icon" href="data:,"><body>{html}')
    frame = browser.find("iframe")
    flat = frame.rect["height"]
    assert flat < 200
    for selector in ("#node2", "[id='box:layer']"):
        browser.driver.switch_to.frame(frame)
        browser.until_shown("box:layer")
        browser.find(selector).click()
        browser.driver.switch_to.default_content()
        browser.until(lambda: frame.rect["height"] > 2 * flat)
        browser.driver.switch_to.frame(frame)
        browser.press(Keys.ESCAPE)
        browser.driver.switch_to.default_content()
        browser.until(lambda: frame.rect["height"] < 2 * flat)


def test_where_frames_are_taken_out(browser: Page) -> None:
    """Without frames, as on a site that shows notebooks, the image is seen, no wider than the page."""
    html = graph()._repr_mimebundle_()["text/html"]
    bare = re.sub("<iframe.*?</iframe>", "", html, flags=re.DOTALL)
    browser.show(f'<!doctype html><link rel="icon" href="data:,"><body>{bare}', 300, 600)
    image = browser.find("img")
    assert 100 < image.rect["width"] <= 300
    assert image.accessible_name == "Graph of y"
