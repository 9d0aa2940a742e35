# SPDX-License-Identifier: MIT
"""The documentation as a site, which needs no network: `sphinx-build -c docs/site docs build/site`.

The pages are those of docs/, which a code host shows as well. So what only the site needs is here: the navigation, what
becomes of links to files outside docs/, the reference of the command line, and how docstrings are set. It is Sphinx,
since its search needs no server, and Furo, since that has no fonts of its own.
"""

from __future__ import annotations

import functools
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
extensions = ["myst_parser", "sphinx.ext.autodoc"]

myst_heading_anchors = 4  # for links such as python.md#data-sets, as a code host has them
html_theme = "furo"  # with the system's fonts
html_title = "bitprop"
html_static_path = ["static", str(ROOT / "src" / "bitprop" / "playground.html")]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = html_show_copyright = False
autodoc_member_order = "bysource"
add_module_names = False

python_maximum_signature_line_length = 100

NAVIGATION = {
    "In five minutes": [
        "Students <start/student>",
        "Python engineers <start/python>",
        "Embedded engineers <start/embedded>",
        "Porters <start/porter>",
        "The playground <site/playground>",
    ],
    "Guides": [
        "Python by example <python>",
        "Which rule when <rules>",
        "The lab <lab>",
        "Gallery <gallery>",
        "Embedding <embedding>",
        "Porting <porting>",
        "Receipts <receipts>",
        "What is on the playground <playground>",
        "Estimators <sklearn>",
        "Exchange <exchange>",
        "Beside others <beside>",
    ],
    "Reference": [
        "site/reference/network",
        "site/reference/results",
        "site/reference/sweep",
        "site/reference/data",
        "site/reference/export",
        "site/reference/exchange",
        "site/reference/sklearn",
        "site/reference/errors",
        "site/command",
        "contract",
        "reliability",
        "proofs",
    ],
    "Measurements": ["speed", "solve", "platforms"],
    "Design": ["site/decisions"],
}


def read_page(app: Sphinx, page: str, content: list[str]) -> None:
    """Completes a page's source for the site."""
    text = content[0]
    if page == "index":
        for caption, pages in navigation().items():
            text += "\n```{{toctree}}\n:hidden:\n:caption: {}\n\n{}\n```\n".format(caption, "\n".join(pages))
    if page == "site/command":
        text += "".join(f"\n## bitprop{name}\n\n```text\n{help_of(name)}```\n" for name in commands(""))
    folder = ROOT / "docs" / Path(page).parent
    text = re.sub(
        r"\[([^]]+)\]\(([^)#:]+)\)", lambda link: link[1] if (folder / link[2]).is_dir() else link[0], text
    )  # a folder has no page
    # Other files outside docs/ are downloaded, but this one opens.
    opens = '<a href="{}_static/playground.html">\\1</a>'.format("../" * page.count("/"))
    content[0] = re.sub(r"\[([^]]+)\]\([./]+src/bitprop/playground\.html\)", opens, text)


def navigation() -> dict[str, list[str]]:
    """NAVIGATION with the pages that it does not name, at the end of the guides."""
    named = {re.sub(r".*<(.*)>", r"\1", entry) for entries in NAVIGATION.values() for entry in entries}
    others = sorted({path.stem for path in ROOT.glob("docs/*.md")} - named - {"index"})
    return {**NAVIGATION, "Guides": NAVIGATION["Guides"] + others}


def commands(above: str) -> list[str]:
    """The commands below another one, each with those below it."""
    names = re.findall(r"^    ([a-z]\w*)\b", help_of(above), re.MULTILINE)
    return [each for name in names for each in (f"{above} {name}", *commands(f"{above} {name}"))]


@functools.cache
def help_of(command: str) -> str:
    """The text of a command's --help."""
    run = [sys.executable, "-m", "bitprop", *command.split(), "--help"]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    return subprocess.run(run, capture_output=True, text=True, check=True, env=environment).stdout


ITEM = re.compile(r"(?:^|(?<=\.) )(?=`|[A-Z]\w*Error\b|Errors as )")  # where a sentence on an option or an error begins
SPECIAL = re.compile(r"([*|\\]|_(?!\w))")  # of reStructuredText


def set_docstring(app: Sphinx, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Makes reStructuredText of a docstring: `...` is code, and each option and error is an item."""
    if lines and lines[0].startswith("Alias for field number"):  # Python's own, of a named tuple
        lines.clear()
    paragraphs: list[str] = []
    for paragraph in "\n".join(lines).strip().split("\n\n"):
        first, *items = ITEM.split(" ".join(paragraph.split()))
        if items and not first and not paragraphs:
            first = items.pop(0)  # the summary, even where it begins with a name
        paragraphs += [escaped(first), "\n".join(f"* {escaped(item)}" for item in items)]
    lines[:] = "\n\n".join(paragraphs).split("\n")


def escaped(text: str) -> str:
    """The text in reStructuredText, with links to the contract."""
    parts = re.split(r"(`[^`]+`)", text)
    marked = [f"``{part.strip('` ')}``" if part.startswith("`") else SPECIAL.sub(r"\\\1", part) for part in parts]
    return re.sub(r"\b(contract §\d+)", r":doc:`\1 </contract>`", "".join(marked))


def setup(app: Sphinx) -> None:
    """Connects the functions above."""
    app.connect("source-read", read_page)
    app.connect("autodoc-process-docstring", set_docstring)
