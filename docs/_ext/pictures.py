"""Pictures of pages for the README, and a few to compare with: ``python docs/_ext/pictures.py site-build``.

It needs selenium, Pillow, Chromium and its driver. The film is of the stepper as a reader steps through it.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

DOCS = Path(__file__).parents[1]
sys.path.insert(0, str(DOCS.parent))

# Page of the site, width, height and theme.
REFERENCES = (
    ("index", 1400, 1000, "light"),
    ("index", 700, 1000, "dark"),
    ("operations", 1400, 1000, "dark"),
    ("notes", 700, 1000, "light"),
    ("live/network", 1400, 700, "light"),
    ("live/network", 700, 700, "dark"),
    ("live/neuron", 1400, 760, "dark"),
)
FILM = (740, 620)
COLOURS = 64


@contextmanager
def browser() -> Iterator[Any]:
    """Open headless Chromium."""
    options = webdriver.ChromeOptions()
    for argument in ("headless", "no-sandbox", "disable-gpu", "hide-scrollbars", "disable-dev-shm-usage"):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium") or ""
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def show(driver: Any, url: str, width: int, height: int, theme: str) -> None:
    """Open a page in a window of a size, light or dark, and wait for its formulas and frames."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": theme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    driver.get(url)
    time.sleep(2.0)


def shot(driver: Any) -> Image.Image:
    """Return what the window shows, in a few colours."""
    image = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    return image.quantize(COLOURS, dither=Image.Dither.NONE)


def film(driver: Any, theme: str) -> None:
    """Write the film of the stepper."""
    from autograd import stepper

    y = expression()
    with tempfile.TemporaryDirectory() as folder:
        show(driver, stepper(y).save(Path(folder, "page.html")).as_uri(), *FILM, theme)
        frames = [shot(driver)]
        body = driver.find_element(By.TAG_NAME, "body")
        for _ in stepper(y).moments[1:]:
            body.send_keys(Keys.ARROW_RIGHT)
            time.sleep(0.6)
            frames.append(shot(driver))
    first, *others = frames
    times = [1500, *[1100] * (len(others) - 1), 4000]
    target = DOCS / "_static" / f"stepper-{theme}.gif"
    first.save(target, save_all=True, append_images=others, duration=times, loop=0, optimize=True)


def expression() -> Any:
    """Return the expression that the README begins with."""
    from autograd import Value, tanh

    x, w = Value(0.5, label="x"), Value(-2.0, label="w")
    return tanh(w * x) + x**2


def network() -> Any:
    """Return the loss of a small network over four samples, after some steps of gradient descent."""
    from nn import MLP, losses

    samples = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    model = MLP(3, [4, 4, 1], rng=0)
    for _ in range(20):
        loss = losses.mse(model(samples), [1.0, -1.0, -1.0, 1.0])
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
    return losses.mse(model(samples), [1.0, -1.0, -1.0, 1.0])


def stills() -> None:
    """Write the pictures of graphs, which have a dark form of their own."""
    for name, root in (("graph", expression()), ("network", network())):
        root.backward()
        # The names of this function are not those of the reader.
        root.draw(names={"y" if name == "graph" else "loss": root}).save(DOCS / "_static" / f"{name}.svg")


def main(site: Path) -> None:
    """Write all pictures."""
    stills()
    folder = DOCS / "pictures"
    folder.mkdir(exist_ok=True)
    with browser() as driver:
        for theme in ("light", "dark"):
            film(driver, theme)
        for page, width, height, theme in REFERENCES:
            show(driver, (site / f"{page}.html").resolve().as_uri(), width, height, theme)
            shot(driver).save(folder / f"{page.replace('/', '-')}-{width}-{theme}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
