# SPDX-License-Identifier: MIT
"""The documentation as a site: every link leads somewhere, every public name is in it, and it needs no network."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import bitprop

ROOT = Path(__file__).resolve().parent.parent
PLAYGROUND = ROOT / "src" / "bitprop" / "playground.html"


class Page(HTMLParser):
    """The ids of a page, where its links lead, and what a browser loads with it."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes what an element has of these."""
        values = {name: value for name, value in attrs if value}
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag != "a":
            self.loaded += [values[name] for name in ("src", "href", "data", "poster") if name in values]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with every warning a failure."""
    pytest.importorskip("furo")
    pytest.importorskip("myst_parser")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs/site", "docs", str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (found.returncode, found.stderr) == (0, "")
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """The pages of the site but the playground, which is one file by itself."""
    paths = sorted(path for path in site.rglob("*.html") if path.parent.name != "_static")
    return {path: Page(path.read_text(encoding="utf-8")) for path in paths}


def test_every_page_is_built(site: Path) -> None:
    """Each page of docs/ has one of the site, and the playground is in it as it is."""
    sources = [path.relative_to(ROOT / "docs") for path in ROOT.glob("docs/**/*.md")]
    assert len(sources) > 30
    for source in sources:
        assert (site / source).with_suffix(".html").exists(), source
    assert (site / "_static" / PLAYGROUND.name).read_bytes() == PLAYGROUND.read_bytes()
    assert 'href="../_static/playground.html"' in (site / "site" / "playground.html").read_text(encoding="utf-8")


def test_links(pages: dict[Path, Page]) -> None:
    """Every link within the site leads to a file of it, and every anchor to an element."""
    count = 0
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme in ("https", "data"):
                continue
            target = path.parent / unquote(parts.path) if parts.path else path
            assert target.exists(), f"{path.name}: {link}"
            if parts.fragment and target.suffix == ".html":
                assert unquote(parts.fragment) in pages[target.resolve()].ids, f"{path.name}: {link}"
            count += 1
    assert count > 1000


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    """No page and no style sheet loads a font, a script, a style or a picture from another host."""
    for path, page in pages.items():
        assert not [link for link in page.loaded if re.match(r"(?:https?:)?//", link)], path
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)[\s\"']*(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_reference_is_complete(pages: dict[Path, Page]) -> None:
    """Every public name, method of Network and command of the README is described."""
    ids = {name for page in pages.values() for name in page.ids}
    names = [f"bitprop.{name}" for name in bitprop.__all__ if name not in ("datasets", "exchange")]
    names += [f"bitprop.Network.{name}" for name in vars(bitprop.Network) if not name.startswith("_")]
    names += [f"bitprop.exchange.{name}" for name in bitprop.exchange.__all__]
    names += [f"bitprop.sklearn.{name}" for name in ("BitpropClassifier", "BitpropRegressor")]
    names += ["bitprop.datasets.moons", "bitprop.datasets.read_csv", "bitprop.export.export"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = "".join(re.findall(r"^```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL))
    names += [f"bitprop-{name}" for name in re.findall(r"^bitprop (\w+)", commands, re.MULTILINE)]
    internal = {"bitprop.Network.loss_code", "bitprop.Network.raw_rows"}
    assert set(names) - internal <= ids


def test_search_finds_a_name(site: Path) -> None:
    """The index of the search, which a page loads as a script and so without a server, has the names of options."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    assert text.startswith("Search.setIndex(")
    assert "weight_decay" in text
    assert "sample_weight" in text
