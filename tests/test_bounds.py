# SPDX-License-Identifier: MIT
"""What docs/proofs.md says of the activations' errors: proved again in coarser cells, and held against what occurs."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
from proof import bounds

from bitprop import _pure as pure

pytestmark = pytest.mark.oracle  # no backend is asked
PAGE = Path(__file__).resolve().parent.parent / "docs" / "proofs.md"
# | function | where | proved bound | largest found | at | monotone |
ROW = re.compile(r"^\| (\w+) \| .* \| ([\d.]+) \| ([\d.]+) \| `(\S+)` \| (.*) \|$", re.MULTILINE)
ROWS = {row[0]: row for row in ROW.findall(PAGE.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("function", bounds.FUNCTIONS, ids=lambda function: function.name)
def test_bounds(function: bounds.Function) -> None:
    """The bound is proved, and no point is beyond it. The page's largest error occurs where the page says."""
    _, bound, largest, place, _ = ROWS[function.name]
    assert function.prove(32) <= float(bound)
    found, _ = bounds.largest_observed(function, 2000, seed=5)
    assert found <= float(bound)
    with bounds.digits():
        error = bounds.ulp_error(function.ours(float.fromhex(place)), function.exact(float.fromhex(place)))
    assert f"{error:.2f}" == largest


@pytest.mark.parametrize("function", bounds.FUNCTIONS, ids=lambda function: function.name)
def test_monotone(function: bounds.Function) -> None:
    """Where the page says that a function falls, it does; of the others it says no more than that no fall was found."""
    said = re.fullmatch(r"no: falls after `(\S+)`|not proved; .*", ROWS[function.name][4])
    assert said
    if said[1]:
        x = float.fromhex(said[1])
        assert function.ours(math.nextafter(x, math.inf)) < function.ours(x)
    else:
        assert bounds.falls(function, 2000, seed=5) is None


def test_ranges() -> None:
    """sigmoid, tanh, exp and softmax keep to their ranges, and the reduction is as exact as the bounds take it."""
    bounds.reduction()
    bounds.prove_tanh_range(8)
    bounds.prove_positive(8)


def test_a_wrong_coefficient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a digit of P2 or of L2 changed, the polynomial is too far from the function for the bound of the page."""
    monkeypatch.setattr(bounds, "P", [pure.P1, pure.P2 + 2.0**-40, *bounds.P[2:]])
    monkeypatch.setattr(bounds, "C_LEFT_OUT", bounds.split_approximation())
    assert bounds.prove_exp(4) > float(ROWS["exp"][1])
    monkeypatch.setattr(bounds, "L", [pure.L1, pure.L2 + 2.0**-36, *bounds.L[2:]])
    left_out, by_z = bounds.log_approximation()
    monkeypatch.setattr(bounds, "R_LEFT_OUT", left_out)
    monkeypatch.setattr(bounds, "R_LEFT_OUT_BY_Z", by_z)
    assert bounds.prove_log(4) > float(ROWS["log"][1])


def test_largest() -> None:
    """The bound of a polynomial is not below its largest value, and close to it: (z - 1/2)^2 on [0, 1]."""
    bound = bounds.largest([Fraction(1, 4), Fraction(-1), Fraction(1)], Fraction(1))
    assert Fraction(1, 4) <= bound < Fraction(26, 100)
