# SPDX-License-Identifier: MIT
"""The documentation as a site: `sphinx-build -W -c docs/site docs build/site`. Neither it nor its reader needs a network.

The pages are those of docs/, which a code host shows as well. So what only the site needs is here: the navigation, what
becomes of links to files outside docs/, the reference of the command line, and how docstrings are set.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bitprop

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]

project = "bitprop"
release = version = bitprop.__version__
project_copyright = "MIT licence"
extensions = ["myst_parser", "sphinx.ext.autodoc"]

myst_heading_anchors = 4  # for links such as python.md#data-sets, as a code host has them
html_theme = "furo"  # with the system's fonts
html_title = "bitprop"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = [str(ROOT / "src" / "bitprop" / "playground.html")]
html_copy_source = False
html_show_sphinx = False
autodoc_member_order = "bysource"
add_module_names = False

NAVIGATION = {
    "In five minutes": ["start/student", "start/python", "start/embedded", "start/porter", "playground"],
    "Guides": ["python", "rules", "lab", "gallery", "embedding", "porting"],
    "Reference": ["site/reference/*", "site/command", "contract"],
    "Measurements": ["speed", "solve", "platforms"],
    "Decisions": ["decisions/*"],
}


def read_page(app: Sphinx, page: str, content: list[str]) -> None:
    """Completes a page's source for the site."""
    text = content[0]
    if page == "index":
        for caption, pages in NAVIGATION.items():
            text += "\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {}\n\n{}\n```\n".format(caption, "\n".join(pages))
    if page == "site/command":
        text += "".join(f"\n## bitprop {name}\n\n```text\n{help_of(name)}```\n" for name in commands())
    folder = ROOT / "docs" / Path(page).parent
    text = re.sub(
        r"\[([^]]+)\]\(([^)#:]+)\)", lambda link: link[1] if (folder / link[2]).is_dir() else link[0], text
    )  # a folder has no page
    # Other files outside docs/ are downloaded, but this one opens.
    content[0] = re.sub(r"\[([^]]+)\]\([./]+src/bitprop/playground\.html\)", r'<a href="playground.html">\1</a>', text)


def commands() -> list[str]:
    """The names of the subcommands."""
    return re.findall(r"^    ([a-z]+) ", help_of(), re.MULTILINE)


def help_of(*command: str) -> str:
    """The text of the command's --help."""
    run = [sys.executable, "-m", "bitprop", *command, "--help"]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    return subprocess.run(run, capture_output=True, text=True, check=True, env=environment).stdout


# A sentence that begins with names of options, or of errors, and a colon.
ITEM = re.compile(r"(?<=[.;]) (?=(?:`[\w.]+`(?:, `[\w.]+`)*: )|(?:[A-Z]\w*Error\b(?:[;,] [A-Z]\w*Error\b)*[:;.]))")
SPECIAL = re.compile(r"([*|\\]|_(?!\w))")  # of reStructuredText


def set_docstring(app: Sphinx, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Makes reStructuredText of a docstring: code in `...`, and an item for each option and error that it describes."""
    paragraphs = []
    for paragraph in "\n".join(lines).strip().split("\n\n"):
        first, *items = ITEM.split(re.sub(r"\s+", " ", paragraph).strip())
        paragraphs += [first, "\n".join(f"* {item}" for item in items)]
    marked = re.sub(
        r"`([^`]+)`|[^`]+", lambda part: f"``{part[1]}``" if part[1] else escaped(part[0]), "\n\n".join(paragraphs)
    )
    lines[:] = marked.split("\n")


def escaped(text: str) -> str:
    """The text without markup of reStructuredText, but for the marks of items."""
    return re.sub(r"(?m)^\\\* ", "* ", SPECIAL.sub(r"\\\1", text))


def setup(app: Sphinx) -> None:
    """Connects the functions above."""
    app.connect("source-read", read_page)
    app.connect("autodoc-process-docstring", set_docstring)
