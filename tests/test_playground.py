# SPDX-License-Identifier: MIT
"""The playground without a browser: its file, its script under Node, and the command."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import playground_experiments as experiments
import pytest

from bitprop import cli, datasets

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "src" / "bitprop" / "playground.html"
SIZE_MOST = 150_000
ZIG = "0.17.1"  # whose bytes the page has

XOR: dict[str, Any] = {"data": "xor", "sizes": [2, 4, 4, 1], "epochs": 10}


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    """The module web/build.py."""
    spec = importlib.util.spec_from_file_location("build_playground", ROOT / "web" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers of the page's script, run by Node; a machine without Node skips."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    program = str(ROOT / "tests" / "playground_replay.mjs")
    done = subprocess.run(
        [node, program, str(PAGE)], input=json.dumps(questions), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def script_of(builder: ModuleType) -> str:
    """The script that the page holds."""
    script: bytes = builder.unpack(builder.held(PAGE.read_text(encoding="utf-8"), "SCRIPT"))
    return script.decode()


def test_file(builder: ModuleType) -> None:
    """One small file that refers to no other, and that allows itself no connection."""
    text = PAGE.read_text(encoding="utf-8")
    assert PAGE.stat().st_size <= SIZE_MOST
    for part in (text, script_of(builder)):
        assert not re.search(r'(?:src|href)="(?!data:)', part)
        assert not re.search(r"https?://", part)
    assert "default-src 'none'" in text


def test_page_is_built_from_its_sources(builder: ModuleType) -> None:
    """A new build around the program that the page holds gives the page; C sources have not changed since it was made.

    If this fails: pip install ziglang==0.17.1 && python web/build.py
    """
    text = PAGE.read_text(encoding="utf-8")
    script = script_of(builder)
    packed = builder.held(script, "WASM")
    assert builder.unpack(packed)[:4] == b"\0asm"
    assert builder.script(packed) == script
    assert builder.page(builder.held(text, "SCRIPT")) == text


def test_program_is_compiled_from_its_sources(builder: ModuleType) -> None:
    """The compiler that made the program makes it again; others skip."""
    found = subprocess.run([sys.executable, "-m", "ziglang", "version"], capture_output=True, text=True, check=False)
    if found.stdout.strip() != ZIG:
        pytest.skip(f"no ziglang {ZIG} here")
    assert builder.compile_core() == builder.unpack(builder.held(script_of(builder), "WASM"))


def test_random_experiments() -> None:
    """Random experiments end with Python's fingerprint and the bits of its loss, or diverge in the same epoch."""
    cases = experiments.experiments(100, seed=20)
    for case, answer in zip(cases, ask(cases)):
        message = answer.pop("message", "")
        assert answer == experiments.python_result(case), (case, message)


NAMES = ["xor", "spirals", "parity:1", "parity:5", "encoder:1", "encoder:7"]
DRAWN = ["linear", "circles", "moons", "blobs"]


def test_data_sets() -> None:
    """Every data set has Python's rows to the bit, for small and large seeds."""
    questions = [{"dataset": name, "seed": "0"} for name in NAMES]
    questions += [
        {"dataset": f"{n}:{rows}", "seed": s} for n in DRAWN for rows in (1, 150) for s in ("0", str(2**64 - 1))
    ]
    answers = ask(questions)
    for question, answer in zip(questions, answers):
        rows = datasets.named(question["dataset"], int(question["seed"]))
        for part, expected in zip("xy", rows):
            assert answer[part] == [list(map(experiments.bits, row)) for row in expected], question  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"data": "xxx"}, "OptionError", 'data is "xxx", expected xor, linear:N'),
        ({"data": "moons"}, "OptionError", "expected moons:N with N from 1"),
        ({"data": "moons:0"}, "OptionError", "expected moons:N with N from 1"),
        ({"data": "constructor"}, "OptionError", "expected xor, linear:N"),
        ({"sizes": [2]}, "ShapeError", "expected at least 2 layer sizes"),
        ({"sizes": [2, 0, 1]}, "ShapeError", "sizes has 0 for layer 1, expected 1 or more"),
        ({"sizes": [3, 1]}, "ShapeError", "the data have 2 inputs, the network 3-1 has 3"),
        ({"activation": "sine"}, "OptionError", 'activation is "sine"'),
        ({"activation": ["softmax", "tanh", "tanh"]}, "OptionError", "expected in the last only"),
        ({"loss": "cross_entropy"}, "OptionError", "expected softmax outputs"),
        ({"learning_rate": -1}, "OptionError", "learning_rate is -1, expected a finite number of at least 0"),
        ({"rule": "rprop", "learning_rate": 1}, "OptionError", "learning_rate is given for rprop"),
        ({"momentum": 0.5}, "OptionError", "momentum is given, which descent does not use"),
        ({"epoch": 5}, "OptionError", "epoch is given"),
        ({"epochs": 1.5}, "OptionError", "epochs is 1.5"),
        ({"epochs": None}, "OptionError", "epochs is null"),
        ({"seed": -1}, "OptionError", "seed is -1"),
        ({"seed": str(2**64)}, "OptionError", "expected 0 <= seed < 2^64"),
        ({"seed": 2.0**60}, "OptionError", "beyond 2^53"),
        ({"data_seed": 1}, "OptionError", "no effect on these data"),
        ({"noise": 0.1}, "OptionError", "noise is 0.1, which has no effect on these data"),
        ({"data": "moons:9", "noise": -1}, "OptionError", "noise is -1, expected a finite number of at least 0"),
        ({"data": {"x": [[0, 1], [2]], "y": [0, 1]}}, "ShapeError", "row 1 of x has 1 numbers, expected 2"),
        ({"data": {"x": [[0, 1], [2, None]], "y": [0, 1]}}, "DataError", "row 1, column 1 of x is null"),
        ({"data": {"x": [[0, 1]], "y": [0, 1]}}, "ShapeError", "x has 1 rows and y 2"),
        ({"data": {"x": [], "y": []}}, "ShapeError", "x has no rows"),
        ({"rule": "levenberg_marquardt", "batch_size": 2}, "OptionError", "uses all rows at once"),
        ({"validation": 0}, "OptionError", "validation is 0, expected a share of the rows, a number between 0 and 1"),
        ({"validation": [[1]]}, "OptionError", "expected a share of the rows"),
        ({"validation": 0.01}, "ShapeError", "validation is 0.01, which takes 0 of 21 rows"),
        ({"validation": 0.99}, "ShapeError", "validation is 0.99, which takes 21 of 21 rows"),
        ({"split_seed": 1}, "OptionError", "split_seed is 1, which has no effect without validation"),
        (
            {"features": ["x1", "sin(x1)"]},
            "OptionError",
            'features is ["x1", "sin(x1)"], expected one or more of x1, x2,',
        ),
        (
            {"features": []},
            "OptionError",
            "features is [], expected one or more of x1, x2, x1*x1, x2*x2, x1*x2, each once",
        ),
        ({"features": "x1"}, "OptionError", 'features is "x1", expected one or more of'),
        ({"features": ["x2", "x2"]}, "OptionError", "expected one or more of x1, x2, x1*x1, x2*x2, x1*x2, each once"),
        ({"features": ["x1", "x2", "x1*x2"]}, "ShapeError", "the data have 3 features, the network 2-4-4-1 has 2"),
        (
            {"data": "parity:3", "sizes": [3, 1], "features": ["x1"]},
            "OptionError",
            "features is given for data of 3 inputs, expected data of 2",
        ),
        (
            {"data": {"x": [[0, 1], [1e200, 2]], "y": [0, 1]}, "sizes": [1, 1], "features": ["x1*x1"]},
            "DataError",
            "row 1 of x has Infinity for x1*x1, expected a finite number",
        ),
        ({"edits": [[0, 99, 1]]}, "OptionError", "edits has parameter 99 of 37, which count from 0"),
        ({"edits": [[-1, 0, 1]]}, "OptionError", "edits: the epoch is -1, expected a whole number of at least 0"),
        ({"edits": [[0, 0.5, 1]]}, "OptionError", "edits: the parameter is 0.5, expected a whole number"),
        ({"edits": [[0, 0, None]]}, "DataError", "edits has null for parameter 0, expected a finite number"),
    ],
)
def test_bad_options(change: dict[str, Any], error: str, message: str) -> None:
    """A bad option is refused by the name of Python's error and says what was given and what was expected."""
    [answer] = ask([{**XOR, **change}])
    assert answer["error"] == error
    assert message in answer["message"]


def test_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--out writes the page as it is."""
    out = tmp_path / "page.html"
    assert cli.main(["playground", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "bytes": PAGE.stat().st_size}
    assert out.read_bytes() == PAGE.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "no/folder/page.html"], "no/folder"),
        (["--port", "70000"], "--port is 70000, expected 0 to 65535"),
        (["--port", "80", "--out", "page.html"], "--port is given with --out"),
    ],
)
def test_bad_usage(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is one line and status 2."""
    assert cli.main(["playground", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise on Windows")
def test_served() -> None:
    """The page is served on the loopback alone, nothing else is, and Ctrl-C ends the command with status 130."""
    command = [sys.executable, "-m", "bitprop", "playground", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            text = ""
            while not text.endswith("}\n"):
                line = server.stdout.readline()
                assert line
                text += line
            url = json.loads(text)["url"]
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
            with urllib.request.urlopen(url) as answer:
                assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
                assert answer.read() == PAGE.read_bytes()
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{url}other")
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(10) == 130
        assert server.stderr is not None
        assert server.stderr.read() == "bitprop: interrupted\n"
