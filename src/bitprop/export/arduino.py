# SPDX-License-Identifier: MIT
"""A network as an Arduino library: the C header, and a sketch that uses it."""

from __future__ import annotations

import contextlib
import os

from ..errors import OptionError, quoted
from .c import macro

# Headers that the library, or Arduino's core, includes and must find: in lower case, since some systems do not tell.
_TAKEN = ("arduino", "ctype", "errno", "float", "limits", "math", "new", "stdint", "stdio", "stdlib", "string", "time")
_PROPERTIES = """name={name}
version=1.0.0
author=bitprop
maintainer=bitprop
sentence=A trained neural network, which predicts to the same bits everywhere.
paragraph=For boards whose double has 64 bits, such as those of ARM, ESP32 and RISC-V; the compiler refuses the others.
category=Data Processing
url=
architectures=*
includes={name}.h
"""

_SKETCH = """/* SPDX-License-Identifier: MIT */
/* Tests that this board calculates as it must, then predicts and prints once a second. */
#include <{name}.h>

void setup() {{
  Serial.begin(115200);
  while (!Serial) {{
  }}
  Serial.println({name}_self_test() ? "self-test passed" : "SELF-TEST FAILED: this build calculates otherwise");
}}

void loop() {{
  const double inputs[{NAME}_INPUTS] = {{{inputs}}};  // in place of your readings
  double outputs[{NAME}_OUTPUTS];
  {name}_predict(outputs, inputs);
  for (int j = 0; j < {NAME}_OUTPUTS; j++) {{
    Serial.println(outputs[j], 17);
  }}
  delay(1000);
}}
"""


def library(header: str, name: str, inputs: int) -> dict[str, str]:
    """The library's files, each text by its place in the folder.

    `header`: the network as C, with the prefix `name`; `inputs`: how many it takes. OptionError: `name` is that of
    another header.
    """
    if name.lower() in _TAKEN:
        raise OptionError(f"name is {quoted(name)}, which is a header of C or Arduino, expected another one")
    names = {"name": name, "NAME": macro(name), "inputs": ", ".join(["0.5"] * inputs)}
    return {
        "library.properties": _PROPERTIES.format(**names),
        f"src/{name}.h": header,
        f"examples/{name}/{name}.ino": _SKETCH.format(**names),
    }


def expect_own(folder: str, name: str) -> None:
    """OptionError: the folder has a library of another name already. OSError."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        with open(os.path.join(folder, "library.properties"), encoding="utf-8", errors="replace") as file:
            first = file.readline(1000).strip()
        if first != f"name={name}":
            other = f"{folder} has another library, of which it says {quoted(first)}"
            raise OptionError(f"{other}: expected a new folder, or one with name={name}")
