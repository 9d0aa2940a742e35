# SPDX-License-Identifier: MIT
"""Progress of long work on stderr: tqdm where it is installed (the `lab` extra), else a plain line."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

DELAY = 2.0  # seconds of work before anything shows
INTERVAL = 0.5  # seconds between changes of the plain line


class _PlainBar:
    """One line that is written over, or a line each time where stderr is no terminal."""

    def __init__(self, total: int, label: str):
        self._total = total
        self._label = label
        self._done = 0
        self._next = time.monotonic() + DELAY
        self._ending = ""

    def update(self, count: int) -> None:
        self._done += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + INTERVAL
            start, self._ending = ("\r", "\n") if sys.stderr.isatty() else ("", "")
            end = "" if sys.stderr.isatty() else "\n"
            percent = 100 * self._done // max(1, self._total)
            sys.stderr.write(f"{start}{self._label}: {self._done} of {self._total} ({percent} %){end}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._ending:
            sys.stderr.write("\r\x1b[K")
            self._ending = ""

    def close(self) -> None:
        sys.stderr.write(self._ending)


class Progress:
    """A context in which `update(n)` tells that n more of `total` are done.

    `wanted`: None shows the bar only where stderr is a terminal; True always; False never. It shows after two seconds.
    """

    def __init__(self, total: int, label: str, wanted: bool | None = None):
        self._bar: Any = None
        shown = sys.stderr is not None and (sys.stderr.isatty() if wanted is None else wanted)
        if shown:
            try:
                from tqdm import tqdm
            except ImportError:
                self._bar = _PlainBar(total, label)
            else:
                self._bar = tqdm(total=total, desc=label, delay=DELAY, unit_scale=True, leave=False, file=sys.stderr)

    def __enter__(self) -> Progress:
        return self

    def update(self, count: int) -> None:
        """Tells that `count` more are done."""
        if self._bar is not None:
            self._bar.update(count)

    def clear(self) -> None:
        """Takes the bar from the screen until the next update, so that a line can be printed."""
        if self._bar is not None:
            self._bar.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
