# SPDX-License-Identifier: MIT
"""One training at a time for each network, whatever ends it: an interrupt between any two instructions, or a fork."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import weakref
from collections.abc import Iterable

from .errors import TrainingError


class _Hold(list[None]):
    """An iterable of one item. Whoever loops over it holds the network: the loop has the only reference to it."""


class _Entry:
    """A hold that was given, without keeping it alive."""

    def __init__(self, hold: _Hold):
        self._hold = weakref.ref(hold)
        self._process = os.getpid()
        self._thread = threading.get_ident()

    def lives(self) -> bool:
        """Whether its loop runs. A forked child has holds of threads that it does not have, and never ends them."""
        if self._process != os.getpid() and self._thread != threading.main_thread().ident:
            return False
        if self._hold() is not None and sys.implementation.name != "cpython":
            gc.collect()  # which alone drops the hold of an interrupted loop where references are not counted
        return self._hold() is not None


class Holder:
    """Gives a network to one training at a time."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []  # first come first; append and remove are one step each

    def take(self) -> Iterable[None]:
        """Something to loop over once, by a `for` that keeps no other reference to it: the network is held meanwhile.

        However the loop ends, the interpreter drops its reference, and no instruction of ours is needed for that.
        TrainingError where another loop holds the network.
        """
        hold = None
        try:
            hold = _Hold([None])
            entry = _Entry(hold)
            self._entries.append(entry)
            self._require_first(entry)
            return hold
        except BaseException:
            hold = None  # since a traceback that is kept keeps this frame
            raise

    def _require_first(self, entry: _Entry) -> None:
        for earlier in self._entries[:]:
            if earlier is entry:
                return
            if earlier.lives():
                raise TrainingError("this network is being trained already, in another thread or around this callback")
            with contextlib.suppress(ValueError):  # another thread may have removed it
                self._entries.remove(earlier)
