"""The Sphinx extension of the site: pages made from the code, live examples, links to notes and reference."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, ClassVar

import graphviz
import local_mathjax
import operations
import reference
import repository
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CITED = re.compile(r"\b[A-E][1-9]\d?\b")
NOT_PROSE = (nodes.literal, nodes.literal_block, nodes.doctest_block, nodes.reference, nodes.math, nodes.raw)

# Names of ours that in prose mostly mean something else.
AMBIGUOUS = {"data", "dot", "load", "save"}


class Live(SphinxDirective):
    """Python code, and below it the page that its last expression saves: ``{live} name``."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = {"height": directives.positive_int, "hide-code": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Run the code, save the page, and show both."""
        name, code = self.arguments[0], "\n".join(self.content)
        target = Path(self.env.app.outdir) / "live" / f"{name}.html"
        target.parent.mkdir(exist_ok=True)
        _last_expression(code).save(target)
        page = f"{'../' * self.env.docname.count('/')}live/{name}.html"
        height = self.options.get("height", 620)
        frame = (
            f'<iframe class="live" src="{page}" title="Live: {name}" height="{height}" loading="lazy">'
            f'</iframe><p class="live-link"><a href="{page}">Open it on a page of its own</a></p>'
        )
        shown: list[nodes.Node] = []
        if "hide-code" not in self.options:
            shown.append(nodes.literal_block(code, code, language="python"))
        return [*shown, nodes.raw("", frame, format="html")]


def _last_expression(code: str) -> Any:
    """Run code, and return what its last expression is."""
    tree = ast.parse(code)
    *body, last = tree.body
    assert isinstance(last, ast.Expr), "a live example ends with an expression"
    names: dict[str, Any] = {}
    exec(compile(ast.Module(body, []), "<live example>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<live example>", "eval"), names)


class Flowchart(SphinxDirective):
    """A flowchart in Mermaid's language, of arrows alone, laid out by Graphviz when the site is built."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the picture."""
        arrows = [line.split("-->") for line in self.content if "-->" in line]
        dot = graphviz.Digraph(
            graph_attr={"bgcolor": "transparent", "rankdir": "TB", "nodesep": "0.2", "ranksep": "0.35"},
            node_attr={
                "shape": "box",
                "style": "rounded",
                "fontname": "Helvetica",
                "fontsize": "11",
                "height": "0.3",
            },
            edge_attr={"arrowsize": "0.6"},
        )
        for start, end in arrows:
            dot.edge(start.strip(), end.strip())
        svg = dot.pipe(format="svg").decode()
        return [nodes.raw("", f'<div class="flowchart">{svg[svg.index("<svg") :]}</div>', format="html")]


def prepare(app: Sphinx, config: Any) -> None:
    """Make the pages whose text stands elsewhere."""
    repository.copy_notebooks(ROOT / "notebooks", DOCS / "notebooks")
    reference.write(DOCS / "api")
    (DOCS / "_mathjax").mkdir(exist_ok=True)
    if config.typeset:
        local_mathjax.provide(DOCS / "_mathjax")
    else:
        config.html_math_renderer = "tex"


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Give a page its text, where that stands elsewhere, and its links."""
    if docname in repository.ELSEWHERE:
        file = repository.ELSEWHERE[docname]
        text = (ROOT / file).read_text(encoding="utf-8")
        source[0] = repository.rewritten(text, file.rpartition("/")[0])
    elif docname == "operations":
        source[0] = operations.page()
    elif "/" not in docname:
        source[0] = repository.rewritten(source[0], "docs")


def outdated(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Return the pages whose text stands elsewhere, which are read anew in each build."""
    return [*repository.ELSEWHERE, "operations"]


def valid_markup(app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Make `Value`s and |x| of docstrings valid reStructuredText, where both mean something else."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            line = re.sub(r"(?<!`)(`[^`\s][^`]*`)(?=[a-z])", r"\1\\ ", line)
            lines[i] = re.sub(r"\|(?=\w)", r"\\|", line)


def tidy(app: Sphinx, doctree: nodes.document) -> None:
    """Leave out the empty line that ends a block of examples, which doctest needs."""
    for block in doctree.findall(nodes.literal_block):
        text = block.astext()
        if text.endswith("\n"):
            block.rawsource = text.rstrip("\n")
            block.children = [nodes.Text(block.rawsource)]


def plain(app: Sphinx, env: Any, node: Any, contnode: nodes.TextElement) -> nodes.Node | None:
    """Leave a name in backticks that is in no page, such as a parameter, as it is."""
    return contnode if node.get("reftype") == "obj" else None


def link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link ids of the notes, such as C6, and names of the reference, such as `grad`, where prose has them."""
    builder = app.builder
    notes = builder.get_relative_uri(docname, "notes") if docname != "notes" else None
    ids = {title.astext() for title in app.env.get_doctree("notes").findall(nodes.title)}
    if notes:
        for text in list(doctree.findall(nodes.Text)):
            if CITED.search(text) and not _within(text, (*NOT_PROSE, nodes.title)):
                text.parent.replace(text, list(_cited(text.astext(), notes, ids)))
    # The tables there also have names of others.
    if not docname.startswith("api/") and docname != "coming-from":
        known = _documented(app)
        for literal in list(doctree.findall(nodes.literal)):
            name = re.sub(r"\(.*\)$", "", literal.astext())
            if name in known and not _within(literal, (nodes.reference, nodes.title)):
                page, anchor = known[name]
                uri = f"{builder.get_relative_uri(docname, page)}#{anchor}"
                around = nodes.reference("", "", internal=True, refuri=uri)
                literal.parent.replace(literal, around)
                around += literal


def _within(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def _cited(text: str, notes: str, ids: set[str]) -> Any:
    """Yield a text with links in place of ids."""
    end = 0
    for match in CITED.finditer(text):
        if match[0] in ids:
            yield nodes.Text(text[end : match.start()])
            uri = f"{notes}#{match[0].lower()}"
            yield nodes.reference("", match[0], internal=True, refuri=uri, classes=["notes"])
            end = match.end()
    yield nodes.Text(text[end:])


def _documented(app: Sphinx) -> dict[str, tuple[str, str]]:
    """Return page and anchor of each name of the reference, by full name and by its name alone."""
    found = {}
    for full, entry in app.env.domains.python_domain.objects.items():
        package, _, name = full.rpartition(".")
        found[full] = (entry.docname, entry.node_id)
        if package in ("autograd", "nn") and name not in AMBIGUOUS:
            found[name] = (entry.docname, entry.node_id)
    return found


def without_ways_back(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Show sources without links back: where two packages name things of a file, half of them are wrong."""
    if page.startswith("_modules/"):
        body = re.sub(r'<a class="viewcode-back"[^>]*>.*?</a>', "", context["body"])
        context["body"] = re.sub(r'<li><a href="builtins.html">.*?</li>', "", body)


def as_tex(translator: Any, node: nodes.Element) -> None:
    """Write a formula as it stands, for builds that only check."""
    tag = "div" if isinstance(node, nodes.math_block) else "span"
    translator.body.append(f'<{tag} class="math">{translator.encode(node.astext())}</{tag}>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all of it."""
    app.add_directive("live", Live)
    app.add_directive("mermaid", Flowchart)
    # Without, nothing is downloaded but what pip installs.
    app.add_config_value("typeset", True, "html", bool)
    app.add_html_math_renderer("tex", (as_tex, None), (as_tex, None))
    app.connect("config-inited", prepare)
    app.connect("source-read", read)
    app.connect("env-get-outdated", outdated)
    # After numpydoc, which makes sections of reStructuredText.
    app.connect("autodoc-process-docstring", valid_markup, priority=900)
    app.connect("doctree-read", tidy)
    app.connect("missing-reference", plain)
    app.connect("doctree-resolved", link)
    app.connect("html-page-context", without_ways_back)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
