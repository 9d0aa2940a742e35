# SPDX-License-Identifier: MIT
"""The processors that this process may use."""

from __future__ import annotations

import os


def cores() -> list[int]:
    """The numbers of the cores this process is pinned to, where the system knows them; otherwise of all cores."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
