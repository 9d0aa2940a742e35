# SPDX-License-Identifier: MIT
"""Browsers that run a page's window.bitprop: WebKit by WebDriver, Firefox by Marionette, both without a screen."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

SECONDS = 120  # that a script may take
# Runs experiments; gives their results, or the names of their errors, to the function that the driver appends.
TRAIN = """
const [experiments, done] = arguments;
(async () => {
  while (!globalThis.bitprop) await new Promise((resolve) => setTimeout(resolve, 10));
  const results = [];
  for (const experiment of experiments) {
    results.push(await bitprop.train(experiment).then(
      ({ fingerprint, loss, validation }) =>
        ({ fingerprint, loss: digits(loss), validation: validation === undefined ? null : digits(validation) }),
      ({ name, message, epoch }) => ({ error: name, message, epoch })));
  }
  return results;
})().then(done, (error) => done(String(error)));
function digits(value) {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setFloat64(0, value);
  return bytes.getBigUint64(0).toString(16).padStart(16, "0");
}
"""


class Driver(Protocol):
    """A browser."""

    def open(self, url: str) -> None:
        """Opens a page and waits until it is there."""

    def run(self, script: str, *arguments: Any) -> Any:
        """What the script gives to the function that it gets as its last argument."""


class _WebDriver:
    """A session of a WebDriver server (W3C WebDriver)."""

    def __init__(self, port: int, options: dict[str, Any]):
        self.base = f"http://127.0.0.1:{port}/session"
        self.base += "/" + self._send("", {"capabilities": {"alwaysMatch": options}})["sessionId"]
        self._send("/timeouts", {"script": SECONDS * 1000})

    def _send(self, path: str, fields: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.base + path, json.dumps(fields).encode(), headers)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)["value"]

    def open(self, url: str) -> None:
        self._send("/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._send("/execute/async", {"script": script, "args": list(arguments)})


class _Marionette:
    """A session of Firefox's own protocol: "length:[type, number, name, fields]", and the answer likewise."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.input = self.socket.makefile("rb")
        self._receive()
        self._send("WebDriver:NewSession", {})
        self._send("WebDriver:SetTimeouts", {"script": SECONDS * 1000})

    def _receive(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += self.input.read(1)
        return json.loads(self.input.read(int(length[:-1])))

    def _send(self, name: str, fields: dict[str, Any]) -> Any:
        text = json.dumps([0, 1, name, fields]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._receive()
        assert error is None, error
        return result

    def open(self, url: str) -> None:
        self._send("WebDriver:Navigate", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._send("WebDriver:ExecuteAsyncScript", {"script": script, "args": list(arguments)})["value"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "the browser has ended"
            assert time.monotonic() < end, "the browser does not answer"
            time.sleep(0.1)
        else:
            return


@contextlib.contextmanager
def _process(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env={**os.environ, **environment}) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextlib.contextmanager
def firefox() -> Iterator[Driver | None]:
    """Firefox, or None where it is not installed."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        yield None
        return
    port = _free_port()
    with contextlib.ExitStack() as stack:
        home = tempfile.mkdtemp()
        stack.callback(shutil.rmtree, home, ignore_errors=True)  # in which a browser that ends may still write
        Path(home, "user.js").write_text(f'user_pref("marionette.port", {port});\n', encoding="utf-8")
        with _process(program, "--headless", "--marionette", "--no-remote", "--profile", home, HOME=home) as process:
            time.sleep(1)
            _wait_for(port, process)
            yield _Marionette(port)


@contextlib.contextmanager
def webkit() -> Iterator[Driver | None]:
    """WebKit's MiniBrowser on a screen that nobody sees, or None where these are not installed."""
    server, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    if server is None or screen is None or not browsers:
        yield None
        return
    port, display = _free_port(), f":{_free_port() % 10000 + 100}"
    options = {"webkitgtk:browserOptions": {"binary": str(browsers[0]), "args": ["--automation"]}}
    with _process(screen, display), _process(server, f"--port={port}", DISPLAY=display) as process:
        _wait_for(port, process)
        yield _WebDriver(port, options)
