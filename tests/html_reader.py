# SPDX-License-Identifier: MIT
"""HTML as tests read it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = ("img", "meta")  # elements that have no end


class Reader(HTMLParser):
    """Fails where an element is not closed in its order; gathers cells, other text, and attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.cells: list[list[str]] = []
        self.text = self.script = self.style = ""
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content."""
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1][-1] += data
        elif self.open and self.open[-1] == "script":
            self.script += data
        elif self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data
