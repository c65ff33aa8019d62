"""Headless Chromium, for tests of the pages that show graphs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
ARGUMENTS = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    # A container may have little shared memory.
    "disable-dev-shm-usage",
)
# In seconds; generous, since a browser can be slow on a busy machine and only a failing test waits so long.
_PATIENCE = 120

Shown = TypeVar("Shown", bound="Chromium")


class Chromium:
    """Headless Chromium that shows a page."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver = driver
        self.folder = folder

    def show(self, page: str, width: int = 1300, height: int = 800) -> None:
        """Save a page and open it from disk."""
        self.resize(width, height)
        path = self.folder / "page.html"
        path.write_text(page, encoding="utf-8")
        self.driver.get(path.as_uri())

    def resize(self, width: int, height: int) -> None:
        """Set the inner size of the window."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def prefer(self, **features: str) -> None:
        """Set what the user prefers, such as `color_scheme="dark"`."""
        named = [{"name": f"prefers-{name.replace('_', '-')}", "value": v} for name, v in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})

    def find(self, selector: str) -> Any:
        """Return the first element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Return the whole text of an element with its white space."""
        return str(self.find(selector).get_property("textContent"))

    def click(self, control: str) -> None:
        """Click a control with the mouse."""
        self.find(f"#{control}").click()

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def style(self, selector: str, name: str) -> str:
        """Return a property of an element as the browser computed it."""
        return str(self.find(selector).value_of_css_property(name))

    def lines(self, identity: str) -> list[str]:
        """Return the lines of text at a node or an edge of the graph."""
        texts = self.find(f"#{identity}").find_elements(By.TAG_NAME, "text")
        return [text.get_property("textContent") for text in texts]

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition is true."""
        WebDriverWait(self.driver, _PATIENCE, poll_frequency=0.02).until(lambda _: condition())


def started(profile: Path) -> Any:
    """Start Chromium with a new profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(PROGRAM)
    for argument in (*ARGUMENTS, f"user-data-dir={profile}"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_page_load_timeout(_PATIENCE)
    driver.set_script_timeout(_PATIENCE)
    return driver


def watched(browser: Shown) -> Iterator[Shown]:
    """Yield a browser to a test; afterwards check that it logged nothing and made no network requests."""
    browser.prefer(reduced_motion="reduce")
    # Ignore requests of the browser's own first page, which may still be loading when the first test begins.
    browser.driver.get("about:blank")
    browser.driver.get_log("performance")
    browser.driver.get_log("browser")
    yield browser
    assert browser.driver.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.driver.get_log("performance")]
    requests = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert requests
    assert {url.partition(":")[0] for url in requests} <= {"file", "data", "about"}
