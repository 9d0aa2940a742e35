# SPDX-License-Identifier: MIT
"""A network as source text that predicts by itself, in C, Python, JavaScript and Rust, and as files for other tools.

The text is one of `templates`. The exporter writes the network into it, and in C and Python also the activations, which
are the text of the twin in that language. Numbers are bit patterns, so neither a locale nor the conversion of decimals
can change them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from .. import _files, exchange
from ..core import mode
from ..errors import OptionError, quoted
from ..network import Network
from . import arduino, c, javascript, python, rust
from .parts import Facts, facts_of

# What an #include line and a comment of one line can hold: no ends of lines, nor marks that turn the direction of text.
_FILE = re.compile(r'[^\0-\x1f\x7f-\x9f"\\\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+')
# How all names in C begin, as in net_predict; so a keyword may stand here too, but no leading underscore.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

LANGUAGES: dict[str, Callable[[Facts, str], str]] = {
    "c": c.write,
    "python": python.write,
    "javascript": javascript.write,
    "rust": rust.write,
}
# How the names of files end; of a folder there is no such end.
ENDINGS = {"c": ".h", "python": ".py", "javascript": ".mjs", "rust": ".rs", "arduino": "", "onnx": ".onnx"}
# Further ones that are of a language.
# Further ones that tell a language.
FURTHER_ENDINGS = {"c": (".c", ".cpp", ".hh", ".hpp", ".inc"), "javascript": (".js", ".cjs")}


def identifier(text: str) -> str:
    """A C identifier made from any text, such as a file name: characters that C does not allow become underscores."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return name if _NAME.fullmatch(name) else f"net_{name.lstrip('_')}"


def export(net: Network, to: str, name: str = "network", file: str | None = None) -> str:
    """The network's prediction (contract §2, §4 and §13) as source text in the language `to`.

    `to`: "c", "python", "javascript" or "rust". For C, `name` is the prefix of all names. `file` is the name of the
    file as its example has it (by default `name`, ending in .h and so on).
    OptionError: an unknown language, a `name` that is no C identifier or begins with an underscore, or a `file` that an
    #include line cannot hold. DataError: a parameter is not finite. FloatingPointModeError.
    """
    mode.require_standard("an export")
    if to not in LANGUAGES:
        raise OptionError(f"to is {quoted(to)}, expected one of {', '.join(LANGUAGES)}")
    _check_name(name)
    if file is not None and (not _FILE.fullmatch(file) or "*/" in file or "/*" in file):
        given = f"file is {quoted(file)}, expected a name that #include can hold, without"
        raise OptionError(f"{given} */ and /*, quotes, backslashes and characters that are not text")
    return LANGUAGES[to](facts_of(net, file or name + ENDINGS[to]), name)


def write(net: Network, to: str, path: str | os.PathLike[str], name: str) -> None:
    """Writes the network to `path`: as `export` does, or "arduino", a library's folder, or "onnx", an exact graph.

    The library's folder may be there already, and its files of the same names are then replaced. Errors as for
    `export`; OptionError: the folder has another library; BackendError: the package `onnx` is not installed; OSError.
    """
    if to == "onnx":
        exchange.to_onnx(net, path)
    elif to == "arduino":
        _check_name(name)
        files = arduino.library(export(net, "c", name), name, net.sizes[0])
        folder = os.path.normpath(_files.check_folder(path))
        arduino.expect_own(folder, name)
        for file, text in files.items():
            place = os.path.join(folder, file)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            _files.write(place, text)
    else:
        _files.write(path, export(net, to, name, os.path.basename(path)))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise OptionError(f"name is {quoted(name)}, expected a letter, then letters, digits and underscores")
