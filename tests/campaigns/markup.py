"""Give everything that is shown hostile names, and check that they stay text.

``python tests/campaigns markup`` makes each surface (pages, tables, pictures, formulas, programs, messages)
with each payload in the place of a name, and compares what it is made of, without the texts, with the same
surface of a harmless name: tags and attributes of a page, nodes of a picture, commands of LaTeX, statements
of a program, symbols of an object file. In a text for terminals there is no control character.
With ``--browser`` each page is opened in Chromium, too, where nothing may run, be asked for, or be logged.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import conftest  # noqa: F401  # sets the cache of compiled programs
import numpy as np

import autograd
from autograd import Value, check_grads, draw, explain, jit, lint, nudge, paths, roundoff, steps, sweep, tanh
from autograd.show import exercise, influence, stepper, worksheet
from nn import MLP, Module, fit
from nn.datasets import Preprocessing, read_csv
from nn.export import to_c, to_numpy

HARMLESS = "the name"

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</SCRIPT ><img src=x onerror=alert(1)>",
    "<!--<script>alert(1)//-->",
    "]]><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><svg onload=alert(1)>",
    "</textarea></pre></code><img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus=alert(1) x='",
    "javascript:alert(1)",
    '<a href="javascript:alert(1)">x</a>',
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    "<b>bold</b>",
    "<base href=//evil.test/>",
    "<link rel=stylesheet href=//evil.test/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.test'>",
    "${alert(1)}",
    "{{alert(1)}}",
    "`${alert(1)}`",
    "\\u003cscript\\u003ealert(1)",
    "\u2028alert(1)\u2029",
    "$svg $page $data %s {0} {name}",
    '" ]; evil -> b; x [label="',
    '\\" ]; evil -> b; //',
    "<<B>x</B>>",
    "a\\nb\\l\\N\\G",
    "{a|b|<p>c}",
    "URL=javascript:alert(1)",
    "\\input{/etc/passwd}",
    "}\\href{javascript:alert(1)}{x",
    "$\\evil$",
    "^^5cinput{x}",
    "\\end{aligned}\\evil",
    "% \\evil",
    "*/ int evil(void) { return 1; } /*",
    "*\\\n/ int evil; /*",
    "*??/\n/ int evil; /*",
    '\n#include "/etc/passwd"\n',
    '""" + __import__("os").abort() + """',
    "'; import os; os.abort() #",
    "x\n    evil = 1",
    "*\\",
    "**/",
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b31m\x00\x08\r",
    "\u202eevil\u2066",
    "x" * 3000,
    "𝐞𝐯𝐢𝐥" * 9,
    "',eval('alert(1)'),'",
]


class Shown(NamedTuple):
    """What a surface shows: of which kind it is, and the text."""

    kind: str
    text: str


# ---------------------------------------------------------------------------------------------- what is shown


def _graph(name: str) -> tuple[Value, Value, Value]:
    x, w = Value(0.5, label=name), Value(2.0, label=f"w{name}")
    return tanh(x * w + 1.0) * x, x, w


def _both(shown: Any) -> Iterator[Shown]:
    yield Shown("text", repr(shown))
    if hasattr(shown, "_repr_html_"):
        yield Shown("html", shown._repr_html_())


def _of_graphs(name: str) -> Iterator[Shown]:
    y, x, w = _graph(name)
    for each in (steps(y, names={}), paths(y, x), nudge(y, x, 0.1), lint(y), roundoff(y)):
        yield from _both(each)
    explained = explain(y, x)
    yield Shown("text", repr(explained))
    for method in ("_repr_markdown_", "_repr_html_", "_repr_latex_"):
        found = getattr(explained, method, None)
        if found is not None and (text := found()):
            yield Shown("html" if method == "_repr_html_" else "latex", text)
    yield Shown("latex", autograd.to_latex(y, names={}))
    yield Shown("text", repr(x))
    y.backward()
    yield from _both(steps(y, names={name: x, f"w{name}": w}))


def _of_pictures(name: str) -> Iterator[Shown]:
    y, *_ = _graph(name)
    picture = draw(y)
    yield Shown("dot", picture.source)
    yield Shown("html", picture.render("svg").decode())
    yield Shown("page", picture.page)
    yield Shown("page", stepper(y).html)
    for fold in ("modules", "network"):
        model = MLP(2, [2, 1], _named(name), rng=0)
        out = model([Value(0.5, label=name), Value(1.0, label=f"{name}2")])
        picture = draw(out, fold=fold)
        yield Shown("dot", picture.source)
        yield Shown("page", picture.page)
    yield Shown("text", repr(model))


def _named(name: str) -> Callable[[Any], Any]:
    def activation(x: Any) -> Any:
        return tanh(x)

    activation.__name__ = activation.__qualname__ = name
    return activation


def _of_exercises(name: str) -> Iterator[Shown]:
    y, *_ = _graph(name)
    asked = exercise(y, names={})
    yield from _both(asked)
    sheet = worksheet(y, title=name, names={})
    yield Shown("page", sheet.html())
    yield Shown("page", sheet.html(answers=True))


def _of_programs(name: str) -> Iterator[Shown]:
    def f(p: Any, z: Any) -> Any:
        total = z
        for key in p:
            total = total + p[key] * z
        return total

    f.__name__ = name
    g = jit(f, "numpy")
    arguments = {name: 1.0, f"{name}2": np.ones(2).sum()}, 2.0
    g(*arguments)
    yield Shown("python", g.source)
    yield Shown("text", repr(g.report()))
    formulas = g.to_latex()
    yield Shown("text", repr(formulas))
    for method in ("_repr_latex_", "_repr_markdown_"):
        if hasattr(formulas, method) and getattr(formulas, method)():
            yield Shown("latex", getattr(formulas, method)())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program.c")
        g.to_c(path)
        yield Shown("c", path.read_text())
        yield Shown("c", f"#include <stddef.h>\n{path.with_suffix('.h').read_text()}")
        g.save(Path(folder, "f"))
        loaded = autograd.load(Path(folder, "f"), "numpy")
        yield Shown("python", loaded.source)
        yield Shown("text", repr(loaded.to_latex()))
        loaded.to_c(path)
        yield Shown(
            "c",
            f"{path.with_suffix('.h').read_text()}\n{path.read_text()}".replace('"program.h"', "<math.h>"),
        )


def _of_tables(name: str) -> Iterator[Shown]:
    def f(x: str, fails: bool) -> dict[str, float]:
        if fails:
            raise ValueError(name)
        return {name: 1.0}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from _both(sweep(f, {"x": [name], "fails": [False, True]}, progress=False))
    model = MLP(1, [1], rng=0)
    metric = type("M", (), {"__call__": lambda self, o, t: 1.0, "__name__": name})()
    yield from _both(
        fit(model, [[0.0], [1.0]], [1.0, 2.0], loss="mse", epochs=2, verbose=0, metrics=[metric], jit=False)
    )
    yield from _both(check_grads(lambda p: p[name] * 2.0, ({name: 1.0},)))
    w = Value(2.0, label=name)
    yield from _both(influence([w * 2.0, w * w], w))


def _of_models(name: str) -> Iterator[Shown]:
    kind = type(name.replace("\x00", "") or "x", (MLP,), {})
    model = kind(2, [2, 2], rng=0)
    yield Shown("text", repr(model))
    plain = re.sub(r"[\x00\r\n\",]", " ", name).strip() or "x"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        path.write_text(f"{plain},b,c\n1,2,{plain}\n3,5,q\n4,1,{plain}\n2,2,q\n", newline="")
        data = read_csv(path, header=0, drop=[])
    preprocessing = Preprocessing.of(data)
    yield Shown("text", repr(data))
    yield Shown("c", to_c(model, preprocessing=preprocessing))
    yield Shown("python", to_numpy(model, preprocessing=preprocessing))

    class Own(Module):
        def __init__(self) -> None:
            self.part = model

        def forward(self, x: Any) -> Any:
            return self.part.forward(x)

    setattr(own := Own(), plain, model)
    yield Shown("text", repr(own))
    if hasattr(own, "summary"):
        yield from _both(own.summary())


def _of_messages(name: str) -> Iterator[Shown]:
    """Yield messages of errors of which a file has chosen a part."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(
            folder, name.replace("/", "_").replace("\x00", "_").encode()[:200].decode(errors="ignore")
        )
        path.write_bytes(b"nothing")
        for read in (autograd.load, read_csv, lambda path: __import__("nn").load(path)):
            try:
                read(path)
            except ValueError as error:
                yield Shown("text", str(error))


SURFACES: dict[str, Callable[[str], Iterator[Shown]]] = {
    "graphs": _of_graphs,
    "pictures": _of_pictures,
    "exercises": _of_exercises,
    "programs": _of_programs,
    "tables": _of_tables,
    "models": _of_models,
    "messages": _of_messages,
}


# ------------------------------------------------------------------------------------------------- what it is


class _Tags(HTMLParser):
    """The tags and attributes of a page, with the scripts and styles in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[Any] = Counter()
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count a tag; lines of a long name may be several, or several parts of one."""
        if tag not in ("tspan", "text", "br"):
            self.found[tag, tuple(sorted(name for name, _ in attrs))] += 1
        for attribute, value in attrs:
            if attribute in ("href", "src", "xlink:href", "action") and value and ":" in value:
                self.found[attribute, value.partition(":")[0]] += 1
        self.inside = tag if tag == "script" and ("type", "application/json") not in attrs else ""

    def handle_endtag(self, tag: str) -> None:
        """Leave a script."""
        self.inside = ""

    def handle_data(self, data: str) -> None:
        """Keep a script."""
        if self.inside:
            self.found[data] += 1


_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_INPUT = re.compile(
    r"\^\^|\\(?:input|write|href|evil|end\{aligned\}\\evil|def|url|require|catcode)(?![A-Za-z])"
)


def essence(shown: Shown) -> Any:
    """Return what a text is made of, without the names in it."""
    if shown.kind == "text":
        return [*map(ascii, _CONTROLS.findall(shown.text))]
    if shown.kind in ("html", "page"):
        return _Tags(shown.text).found
    if shown.kind == "latex":
        balance = re.sub(r"\\.", "", shown.text)
        return _INPUT.findall(shown.text), balance.count("{") - balance.count("}"), balance.count("$") % 2
    if shown.kind == "python":
        return Counter(type(node).__name__ for node in ast.walk(ast.parse(shown.text)))
    if shown.kind == "dot":
        plain = subprocess.run(["dot", "-Tplain"], input=shown.text.encode(), capture_output=True, check=True)
        return Counter(re.findall(rb"^(?:node|edge) ", plain.stdout, re.MULTILINE))
    return _symbols(shown.text)


def _symbols(source: str) -> Any:
    """Return what a file of C defines and includes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "f.c")
        path.write_text(source.replace('#include "program.h"', ""), encoding="utf-8")
        command = ["gcc", "-std=c99", "-c", "-Wno-trigraphs", str(path), "-o", str(path.with_suffix(".o"))]
        subprocess.run(command, capture_output=True, check=True)
        listed = subprocess.run(
            ["nm", str(path.with_suffix(".o"))], capture_output=True, check=True, text=True
        )
        command = ["gcc", "-std=c99", "-fpreprocessed", "-dD", "-E", "-P", str(path)]
        found = subprocess.run(command, capture_output=True, check=True, text=True)
    # Without the comments.
    own = found.stdout
    signs = own.count(";"), own.count("{"), own.count('"'), own.count("#")
    return sorted(line.split()[-2] for line in listed.stdout.splitlines()), signs


def explained(surface: str, payload: str) -> Iterator[tuple[str, Shown]]:
    """Yield what is wrong on a surface with a payload, empty for nothing, and what is shown."""
    expected = [(shown.kind, essence(shown)) for shown in SURFACES[surface](HARMLESS)]
    try:
        found = [*SURFACES[surface](payload)]
    # A name may be refused, if the message says so.
    except (ValueError, TypeError) as error:
        yield ("" if str(error) else repr(error)), Shown("text", "")
        return
    if len(found) != len(expected):
        yield f"shows {len(found)} things, expected {len(expected)}", Shown("text", "")
        return
    for number, (shown, (kind, right)) in enumerate(zip(found, expected, strict=True)):
        where = f"{surface} {number} ({kind})"
        try:
            own = essence(shown)
        except (SyntaxError, subprocess.CalledProcessError) as error:
            yield f"{where}: {error} {getattr(error, 'stderr', b'')[:300]!r}", shown
            continue
        if own == right:
            yield "", shown
        elif isinstance(own, Counter):
            yield f"{where}: has {dict(own - right)} and not {dict(right - own)}"[:400], shown
        else:
            yield f"{where}: {own} and not {right}"[:400], shown


def _in_browser(pages: list[tuple[str, str]]) -> Iterator[str]:
    """Yield what is wrong with pages in Chromium."""
    from chromium import Chromium, started

    with tempfile.TemporaryDirectory() as folder:
        driver = started(Path(folder, "profile"))
        try:
            browser = Chromium(driver, Path(folder))
            for where, page in pages:
                driver.get("about:blank")
                driver.get_log("performance")
                driver.get_log("browser")
                try:
                    browser.show(page)
                    driver.execute_script("return document.title")
                except Exception as error:
                    yield f"{where}: {type(error).__name__} {str(error)[:200]}"
                    continue
                if logged := driver.get_log("browser"):
                    yield f"{where}: logs {logged[0]['message'][:200]}"
                events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
                urls = [
                    e["params"]["request"]["url"]
                    for e in events
                    if e["method"] == "Network.requestWillBeSent"
                ]
                if others := [url for url in urls if url.partition(":")[0] not in ("file", "data", "about")]:
                    yield f"{where}: asks for {others[0][:200]}"
        finally:
            driver.quit()


def main(words: list[str]) -> int:
    """Make each surface with each payload, and return the number of failures."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns markup", description=__doc__)
    parser.add_argument("--browser", action="store_true", help="open each page in Chromium")
    parser.add_argument("--payloads", type=int, default=len(PAYLOADS), help="the first so many")
    parser.add_argument("surfaces", nargs="*", help=f"of {', '.join(SURFACES)}; all of them by default")
    options = parser.parse_args(words)
    failures, kinds, pages = 0, Counter[str](), []
    for surface in options.surfaces or SURFACES:
        for payload in PAYLOADS[: options.payloads]:
            for wrong, shown in explained(surface, payload):
                kinds[shown.kind] += 1
                if shown.kind in ("html", "page"):
                    pages.append((f"{surface} with {payload[:60]!a}", shown.text))
                if wrong:
                    failures += 1
                    print(f"-- {payload[:60]!a}: {wrong}", flush=True)
    if options.browser:
        for wrong in _in_browser(pages):
            failures += 1
            print(f"-- {wrong}", flush=True)
    opened = f", {len(pages)} pages opened in Chromium" if options.browser else ""
    print(f"== {options.payloads} payloads: {dict(kinds)}{opened}; {failures} failures")
    return failures
