# SPDX-License-Identifier: MIT
"""A contestant's process, as its clerk sees it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BitpropError


class LeftOutError(BitpropError):
    """A contestant that does not start, or ends early: its last words."""


class Process:
    """A process that answers each line of its stdin with a line of JSON."""

    def __init__(
        self, command: Sequence[str], job: Any, environment: Mapping[str, str], stack: contextlib.ExitStack
    ) -> None:
        """`job`: what follows the command, as JSON. `stack`: whose end kills the process."""
        self._process = subprocess.Popen(
            [*command, json.dumps(job)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the clerk, who then ends it
        )
        stack.callback(self._process.communicate)
        stack.callback(self._process.kill)

    def ask(self, question: object) -> dict[str, Any]:
        """The answer to a line. What the process prints besides is its last words, should it end. LeftOutError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        last_words = ""
        with contextlib.suppress(BrokenPipeError):  # it has ended
            print(question, file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
            last_words = line.strip() or last_words
        raise LeftOutError(last_words or f"ended, {self._process.wait()}")
