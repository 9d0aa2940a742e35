# SPDX-License-Identifier: MIT
"""Everything behind the narrow waist: the protocol of a backend, the choice among them, and how each is bound."""

from .choice import choose, expect_ok, info, means
from .group import Group
from .protocol import Core

__all__ = ["Core", "Group", "choose", "expect_ok", "info", "means"]
