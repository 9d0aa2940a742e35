# SPDX-License-Identifier: MIT
"""The questions about scaling (contract §13)."""

from __future__ import annotations

from .answers import grid, to_hex
from .asking import MAX, NEG_ZERO, NORMAL, THIRD, TINY, Case, case, number, power, stream
from .first_cases import TENTH
from .oracle import HALF, ONE, TWO, ZERO, Rows, add, integer, mul, neg


def scaling_cases() -> list[Case]:
    """Shift and spread of each column, and its values scaled and taken back (§13)."""
    out: list[Case] = []
    nine_tenths, wide = number(9, 10), number(1234567, 1000)
    ranges = {"": (ZERO, ONE), "-both": (neg(ONE), ONE), "-inner": (TENTH, nine_tenths), "-third": (neg(THIRD), TENTH)}

    def ask(name: str, flags: str, note: str, rows: Rows, limits: tuple[str, ...] = ("", "-both")) -> None:
        given: Case = {"inputs": grid(rows)}
        out.append(case(f"standard-{name}", flags, note, "scaling", scaling="standard", **given))
        for suffix in limits:
            low, high = map(to_hex, ranges[suffix])
            given = {"low": low, "high": high, "inputs": grid(rows)}
            out.append(case(f"min-max-{name}{suffix}", flags, note, "scaling", scaling="min_max", **given))

    for count in (1, 2, 8, 9, 20):
        draw = stream("scaling", f"rows-{count}")
        rows = [
            [draw.within(ONE), add(wide, draw.within(HALF)), mul(draw.within(ONE), power(-40))] for _ in range(count)
        ]
        note = "columns of another middle and another width, in so many rows that the lanes matter"
        ask(f"rows-{count}", "scaling row-order fused", note, rows, tuple(ranges) if count == 9 else ("-inner",))
    draw = stream("scaling", "rows-300")
    ask("rows-300", "width row-order", "more rows than eight bits count", draw.rows(300, 1, integer(20)), ())
    draw = stream("scaling", "columns-40")
    ask("columns-40", "layout width", "more columns than any vector holds", draw.rows(3, 40), ("-both",))
    note = "a column whose values are all equal is shifted by them, and its spread is 1; zeros of both signs are equal"
    same = [[TENTH, ZERO, NEG_ZERO, neg(wide)], [TENTH, NEG_ZERO, ZERO, neg(wide)]] * 5
    ask("constant", "scaling signed-zero", note, same, tuple(ranges))
    note = "values that are equal but for the last place"
    ask("nearly", "scaling excess", note, [[TENTH, ONE], [TENTH, ONE + 1], [TENTH + 1, ONE], [TENTH, ONE]] * 3)
    note = "the squares of all deviations are 0, so that the spread of standard is 1"
    ask("tiny", "scaling subnormal", note, [[power(-600), TINY], [power(-601), ZERO], [ZERO, 3]])
    note = "values and a spread below 2^-1022"
    ask("subnormal", "subnormal", note, [[TINY, NORMAL], [5, NORMAL - 1], [9, neg(NORMAL)]], tuple(ranges))
    note = "sums, squares and differences that overflow"
    ask("overflow", "overflow nan", note, [[MAX, MAX, power(600)], [neg(MAX), MAX, ONE], [ONE, MAX, TWO]])
    note = "scaled values that are -0.0 or 0.0, and a shift of either sign"
    ask("zeros", "signed-zero", note, [[NEG_ZERO, ZERO], [ZERO, NEG_ZERO], [ONE, neg(ONE)]])
    note = "one column against a wide one: a step of 1 at 2^53"
    ask("steps", "scaling fused", note, [[power(53)], [add(power(53), TWO)], [add(power(53), integer(4))]])
    return out
