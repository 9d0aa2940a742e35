# SPDX-License-Identifier: MIT
"""Files are the same bytes, and are read, under a locale with a decimal comma, an Arabic one, and without UTF-8."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Writes and reads a file of each kind under names that are not ASCII; prints the SHA-256 of each.
PROGRAM = """
import hashlib, locale, os, sys
from bitprop import Network, Scaling, datasets, export, info, sweep
from bitprop.lab import proben1
def name(text):
    return os.fsdecode(text.encode())
separator = "."
try:
    locale.setlocale(locale.LC_ALL, "")
    separator = locale.localeconv()["decimal_point"]
except locale.Error:
    sys.exit("the locale cannot be set")
print("separator", ascii(separator))
net = Network(2, 3, 1, seed=4)
net.input_scaling = Scaling([0.1, 0.2], [1.5, 2.5])
history = net.fit(*datasets.xor(), epochs=6, validation=0.25)
net.save(name("größe.json"), training=True)
assert Network.load(name("größe.json")) == net
net.fit(*datasets.xor(), epochs=6, validation=0.25, resume=True)
history.to_csv(name("verlauf-ä.csv"))
options = {"seeds": [1, 2], "epochs": 3, "learning_rates": [0.5, 1.5], "resume_file": name("lauf-ä.jsonl")}
found = sweep((2, 2, 1), datasets.xor(), **options)
assert sweep((2, 2, 1), datasets.xor(), **options).final_loss == found.final_loss
found.to_csv(name("werte-ä.csv"))
with open(name("daten-ä.csv"), "wb") as file:
    file.write("größe,y\\n0.25,-1e-3\\n1.5,7\\n".encode())
assert datasets.read_csv(name("daten-ä.csv")) == ([[0.25], [1.5]], [[-1e-3], [7.0]])
head = "bool_in=0 real_in=1 bool_out=1 real_out=0 training_examples=1 validation_examples=1 test_examples=1"
with open(name("aufgabe-ä.dt"), "wb") as file:
    file.write((head.replace(" ", "\\n") + "\\n" + "0.25 1\\n" * 3).encode())
assert proben1.read(name("aufgabe-ä.dt")).train.x == [[0.25]]
for to in export.LANGUAGES:
    export.write(net, to, "export-" + to, "net")
print(history, repr(net.predict([[0.25, 0.5]])))
for path in sorted(os.listdir(b".")):
    with open(path, "rb") as file:
        lines = sorted(file.read().splitlines(keepends=True))  # trainings end in any order
        print(path, hashlib.sha256(b"".join(lines)).hexdigest())
"""
# A part of a locale, for systems that have none but C.
MADE = """comment_char %
escape_char /
LC_NUMERIC
decimal_point "{}"
thousands_sep "."
grouping 3;3
END LC_NUMERIC
"""
CHARMAPS = Path("/usr/share/i18n/charmaps")  # of Debian's package locales; without it there is ASCII


def output(folder: Path, **environment: str) -> list[str]:
    """What the program prints in a folder of its own."""
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LANG", "LC_", "PYTHON"))}
    strict = ["-X", "warn_default_encoding", "-W", "error::EncodingWarning"] if sys.version_info >= (3, 10) else []
    program = folder.parent / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, *strict, str(program)]
    # Where a locale is half made, the C library may ask for all of the memory.
    limited = ["sh", "-c", 'ulimit -v 4000000; exec "$@"', "sh", *command]
    found = subprocess.run(limited, cwd=folder, env={**kept, **environment}, capture_output=True, check=False)
    assert found.returncode == 0, found.stderr.decode("utf-8", "replace")
    return found.stdout.decode("ascii").splitlines()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of a run in UTF-8."""
    lines = output(tmp_path_factory.mktemp("usual") / "run", LC_ALL="C.UTF-8", PYTHONUTF8="1")
    assert lines[0] == "separator '.'"
    assert len([line for line in lines if line.startswith("b'")]) == 10
    return lines[1:]


@pytest.mark.skipif(sys.platform != "linux", reason="needs the locales of the GNU C library")
@pytest.mark.parametrize("separator", [",", "<U066B>"], ids=["comma", "Arabic"])
def test_separators(separator: str, usual: list[str], tmp_path: Path) -> None:
    """A decimal comma, and the Arabic separator, change no byte of any file, and no file is read otherwise."""
    localedef = shutil.which("localedef")
    charmap = ["-f", "UTF-8"] if separator != "," else []
    if localedef is None or (charmap and not CHARMAPS.exists()):
        if os.environ.get("CI") == "true":
            pytest.fail("needs localedef and the package locales: python3 tests/platforms --install")
        pytest.skip("needs localedef, and the package locales")
    (tmp_path / "source").write_text(MADE.format(separator), encoding="ascii")
    command = [localedef, "-c", *charmap, "-i", str(tmp_path / "source"), str(tmp_path / "made")]
    subprocess.run(command, capture_output=True, check=False)  # whose status tells of the other parts that are missing
    lines = output(tmp_path / "run", LC_NUMERIC="made", LC_CTYPE="C.UTF-8", LOCPATH=str(tmp_path), PYTHONUTF8="0")
    assert lines == [f"separator {',' if separator == ',' else chr(0x66B)!a}", *usual]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
def test_without_utf8(usual: list[str], tmp_path: Path) -> None:
    """In the locale C, without Python's UTF-8 mode, texts have the same bytes."""
    assert output(tmp_path / "run", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0") == ["separator '.'", *usual]
