# SPDX-License-Identifier: MIT
"""`bitprop playground`."""

from __future__ import annotations

import argparse
import http.server
import importlib.resources
import sys
from typing import Any

from .. import _files
from ..errors import OptionError
from .options import check_outputs, command, print_json, say, whole

LOOPBACK = "127.0.0.1"  # so that no other machine sees the page
PORTS = 2**16


def add(commands: Any) -> None:
    """The parser."""
    parser = command(
        commands,
        run,
        "playground",
        "Train small networks in the browser, to the same bits: serve the page to this machine until Ctrl-C, or write "
        "it as one HTML file, which needs no network.",
        example="bitprop playground --out playground.html",
    )
    parser.add_argument("--out", metavar="FILE", help="write the page there, instead of serving it")
    parser.add_argument("--serve", action="store_true", help="serve it (the default without --out)")
    parser.add_argument("--port", type=whole, help="of the server (default: a free one)")


def run(options: argparse.Namespace) -> int:
    """What the command does; the exit status."""
    check_outputs({"--out": options.out}, {})
    serves = options.serve or options.out is None
    if options.port is not None and not serves:
        raise OptionError("--port is given with --out, expected it with --serve")
    if options.port is not None and not 0 <= options.port < PORTS:
        raise OptionError(f"--port is {options.port}, expected 0 to {PORTS - 1}")
    text = page()
    if options.out is not None:
        _files.write(options.out, text)
        say(f"wrote {options.out}")
        if options.json and not serves:
            print_json({"out": options.out, "bytes": len(text.encode("utf-8"))})
    if serves:
        with http.server.ThreadingHTTPServer((LOOPBACK, options.port or 0), handler(text)) as server:
            url = f"http://{LOOPBACK}:{server.server_port}/"
            if options.json:
                print_json({"out": options.out, "url": url})
            else:
                print(f"the playground is at {url} until Ctrl-C")
            sys.stdout.flush()
            server.serve_forever(poll_interval=0.05)
    return 0


def page() -> str:
    """The text of the page (built by web/build.py)."""
    return importlib.resources.files("bitprop").joinpath("playground.html").read_text(encoding="utf-8")


def handler(text: str) -> type[http.server.BaseHTTPRequestHandler]:
    """What answers requests: with the page at /, else with status 404."""
    content = text.encode("utf-8")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answers with the page."""
            if self.path.partition("?")[0] != "/":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Says nothing: the terminal is for the address."""

    return Handler
