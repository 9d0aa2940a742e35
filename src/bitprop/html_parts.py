# SPDX-License-Identifier: MIT
"""Parts of HTML, for notebooks and the lab's page: all text is escaped, and nothing is loaded from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

MOST_ROWS = 20  # that a table of a notebook shows
WIDTH, HEIGHT = 360, 120  # of a curve, in pixels
EDGE = 4  # pixels around it


def escaped(value: Any) -> str:
    """The value as text that HTML shows letter by letter; a number of float64 with six digits."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    from html import escape  # here, since it loads a large table

    return escape(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def paragraph(text: Any) -> str:
    """A paragraph."""
    return f"<p>{escaped(text)}</p>"


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]], caption: Any = "") -> str:
    """A table with a head, and with the caption above it; None is an empty cell."""
    lines = ["<table>"]
    if caption:
        lines.append(f"<caption>{escaped(caption)}</caption>")
    lines.append(f"<thead><tr>{''.join(f'<th>{escaped(cell)}</th>' for cell in head)}</tr></thead>")
    lines.append("<tbody>")
    for row in rows:
        cells = ("" if cell is None else escaped(cell) for cell in row)
        lines.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return "\n".join([*lines, "</tbody>", "</table>"])


def curve(values: Sequence[float], label: str) -> str:
    """An SVG picture of the values at equal distances, on a logarithmic scale; "" where fewer than two are above 0.

    Each column of pixels has the range of its values, so that no peak is lost.
    """
    places = [(place, value) for place, value in enumerate(values) if 0.0 < value < math.inf]
    if len(places) < 2:
        return ""
    low, high = (math.log10(each(value for _, value in places)) for each in (min, max))
    columns: dict[int, list[float]] = {}
    for place, value in places:
        columns.setdefault(round(place * (WIDTH - 2 * EDGE) / (len(values) - 1)), []).append(math.log10(value))
    points = []
    for column, logs in columns.items():
        for log in dict.fromkeys((logs[0], max(logs), min(logs), logs[-1])):
            height = (high - log) / (high - low) if high > low else 0.5
            points.append(f"{EDGE + column},{EDGE + height * (HEIGHT - 2 * EDGE):.1f}")
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escaped(label)}</title>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white" stroke="silver"/>'
        f'<polyline points="{" ".join(points)}" fill="none" stroke="#1f77b4" stroke-width="1.4"/></svg>'
    )
