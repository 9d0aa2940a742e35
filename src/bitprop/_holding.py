# SPDX-License-Identifier: MIT
"""One training at a time for each network, whatever ends it, and no look at it from elsewhere meanwhile."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import weakref
from collections.abc import Iterable
from typing import Any

from .errors import TrainingError


class _Hold(list[None]):
    """An iterable of one item. Whoever loops over it holds the network: the loop has the only reference to it."""


class _Entry:
    """A hold that was given, without keeping it alive."""

    def __init__(self, hold: _Hold):
        self._ended: list[Any] = []
        # Asking a weak reference for the hold would keep it alive for a moment, in which the next training is refused.
        self._hold = weakref.ref(hold, self._ended.append)
        self._process = os.getpid()
        self._thread = threading.get_ident()

    def lives(self) -> bool:
        """Whether its loop runs. A forked child has holds of threads that it does not have, and never ends them."""
        if self._process != os.getpid() and self._thread != threading.main_thread().ident:
            return False
        if not self._ended and sys.implementation.name != "cpython":  # pragma: no cover - PyPy
            gc.collect()  # which alone drops the hold of an interrupted loop where references are not counted
        return not self._ended

    def is_here(self) -> bool:
        """Whether its loop runs in this thread: around a callback, between two epochs."""
        return self._thread == threading.get_ident()


class Holder:
    """Gives a network to one training at a time."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []  # first come first; append and remove are one step each
        self._latest = object()  # another one for each training

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
            self._latest = object()  # after the entry is there: see `watch`
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
            self._drop(earlier)

    def _drop(self, entry: _Entry) -> None:
        with contextlib.suppress(ValueError):  # another thread may have removed it
            self._entries.remove(entry)

    def watch(self) -> object:
        """A mark for `require_unchanged`, before the parameters are read. TrainingError: another thread trains them."""
        latest = self._latest  # first: a training that begins from now on changes it, or has its entry already
        for entry in self._entries[:]:
            if not entry.lives():
                self._drop(entry)
            elif not entry.is_here():
                raise TrainingError(
                    "this network is being trained in another thread: copy it before, or use a callback"
                )
        return latest

    def require_unchanged(self, mark: object) -> None:
        """TrainingError where a training has begun since `watch` gave this mark: what was read may be of two epochs."""
        if self._latest is not mark:
            raise TrainingError("a training of this network began in another thread while its parameters were read")
