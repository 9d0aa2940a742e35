# SPDX-License-Identifier: MIT
"""What an import does beside giving names, and what bitprop reads of the environment: what docs/python.md says."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bitprop.bench.contestant import THREADS

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8").partition("\n## What an import does\n")[2]

# Told by Python itself of all that runs (PEP 578). What finds and reads modules is left out.
WATCHED = """
import json, os, random, signal, sys, sysconfig, threading, warnings

def state():
    handlers = [str(signal.getsignal(number)) for number in signal.valid_signals()]
    random.setstate(drawn)
    return [dict(os.environ), handlers, list(map(str, warnings.filters)), threading.active_count(), os.getcwd(),
            random.random(), sys.getrecursionlimit(), str(sys.excepthook), sys.path]

def watch(event, arguments):
    kind = event.partition(".")[0]
    if event == "open" and arguments[1] in ("r", "rb", None) and arguments[2] & (os.O_WRONLY | os.O_RDWR) == 0:
        return
    if event == "os.listdir" or event in ("import", "compile", "exec", "marshal.loads", "sys._getframe"):
        return
    if kind in ("object", "code", "array", "builtins"):
        return
    happened.append([event, repr(arguments)[:200]])

drawn = random.getstate()
happened = []
names = set(sys.modules)
before = state()
sys.addaudithook(watch)
MODULE
found = list(happened)
after = state()
stdlib = [os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")]

def foreign(name):
    place = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None) or "built-in"
    inside = any(os.path.realpath(place).startswith(folder) for folder in stdlib)
    ours = name.partition(".")[0] == "bitprop"
    return not ours and (place not in ("built-in", "frozen") and not inside or "site-packages" in place)

new = sorted(set(sys.modules) - names)
print(json.dumps([found, before == after, [name for name in new if foreign(name)], new]))
"""


def watched(statement: str) -> tuple[list[list[str]], bool, list[str], list[str]]:
    """Of a statement in a fresh process: what it did, whether it left all as it was, and modules it imported."""
    code = WATCHED.replace("MODULE", statement)
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    told: tuple[list[list[str]], bool, list[str], list[str]] = tuple(json.loads(done.stdout))
    return told


def test_an_import_does_nothing_else() -> None:
    """No file is written, nothing started, connected or changed; only the standard library is imported."""
    happened, unchanged, foreign, new = watched("import bitprop")
    assert happened == []
    assert unchanged
    assert foreign == []
    assert "bitprop.network" in new
    assert not {"bitprop._core", "_cffi_backend", "cffi", "ctypes", "numpy", "bitprop.cli", "subprocess"} & set(new)


@pytest.mark.parametrize(
    ("statement", "event"),
    [
        ("import subprocess; subprocess.run([sys.executable, '-c', ''])", "subprocess.Popen"),
        ("open(os.devnull, 'w').close()", "open"),
        ("import socket; socket.socket().close()", "socket.__new__"),
        ("import ctypes; ctypes.CDLL(None)", "ctypes.dlopen"),
    ],
)
def test_the_watch_sees(statement: str, event: str) -> None:
    """What an import must not do would be noticed."""
    happened, _, _, _ = watched(statement)
    assert event in [name for name, _ in happened]


@pytest.mark.parametrize("statement", ["os.environ['A'] = 'b'", "random.seed(1); drawn = random.getstate()"])
def test_the_watch_compares(statement: str) -> None:
    """So would a change of the environment, or of the random generator."""
    assert not watched(statement)[1]


def test_the_watch_knows_strangers() -> None:
    """So would a module from elsewhere."""
    assert "pytest" in watched("import pytest")[2]


def variables(source: Path) -> set[str]:
    """The names of environment variables that a file of Python reads."""
    found = set()
    tree = ast.parse(source.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
            of = ast.unparse(node.func)
            if re.search(r"(\benviron(ment)?\.(get|pop|setdefault)|\bgetenv)$", of) and isinstance(
                node.args[0], ast.Constant
            ):
                found.add(str(node.args[0].value))
        elif isinstance(node, ast.Subscript) and re.search(r"\benviron$", ast.unparse(node.value)):
            found.add(ast.literal_eval(node.slice))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(re.findall(r"\bBITPROP_[A-Z]+\b", node.value))
    return found


def test_every_environment_variable_is_listed() -> None:
    """The page lists what the package and its build read, and nothing else; the C core reads none."""
    sources = [*(ROOT / "src").rglob("*.py"), ROOT / "setup.py", ROOT / "build_ffi.py"]
    read = set().union(*map(variables, sources))
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
    assert listed == read
    core = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "csrc").iterdir())
    assert "getenv" not in core
    changed = {
        keyword.arg
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "os.environ.update"
        for keyword in node.keywords
    }
    told = PAGE.partition("for themselves")[2].partition("The compiler")[0]
    assert {name for name in changed if name} | set(THREADS) == set(re.findall("`([A-Z0-9_]+)`", told))
