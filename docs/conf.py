"""Settings of the site: ``python -m sphinx -W --keep-going docs site-build``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The checkout is what is documented, whether or not it is installed.
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

project = "chainrule"
author = copyright = "The chainrule developers"
release = version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "chainrule_site",
]
exclude_patterns = ["_ext", "_static", "_mathjax", "*.inc.md"]
nitpicky = True
default_role = "obj"

# Pages as GitHub reads them: ```math and ```mermaid, anchors of headings, $formulas$.
myst_enable_extensions = ["dollarmath", "attrs_block", "colon_fence"]
myst_fence_as_directive = ["math", "mermaid"]
myst_heading_anchors = 4
# The committed outputs are shown: `.ci/notebooks.py` executes notebooks, and compares.
nb_execution_mode = "off"
nb_render_markdown_format = "myst"

# Parameters, their types and what is returned stand in docstrings.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = "chainrule"
html_static_path = ["_static", "_mathjax"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathjax"
mathjax_path = "mathjax-3.2.2.js"
# The menu's extensions would be loaded from files that are not here.
mathjax3_config = {"options": {"enableMenu": False}}
# Light or dark as the reader has it.
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "tutorial": [], "gallery": []}
