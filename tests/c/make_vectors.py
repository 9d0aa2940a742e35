# SPDX-License-Identifier: MIT
"""Writes tests/c/vectors.h, the golden vectors (src/bitprop/vectors/*.json) as C arrays, for the C tests.

It needs Python 3.9 or later and nothing else.
"""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path
from typing import Any

Case = dict[str, Any]
HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent / "src" / "bitprop"
VECTORS = PACKAGE / "vectors"
COMMAND = "python tests/c/make_vectors.py"
NAMES = runpy.run_path(str(PACKAGE / "names.py"))  # by itself, since the package need not be installed
ACTIVATIONS, LOSSES, INITS, RULES = (NAMES[plural] for plural in ("ACTIVATIONS", "LOSSES", "INITS", "RULES"))

# The fields of a case in C, in order; a type with a star points to an array, which cases share where they can.
TYPES = {
    "const char *": "id fingerprint",
    "uint32_t ": "layers bias rows shuffle epochs activation n n_parameters n_sse n_bytes stream init crc rule "
    "decay_biases n_learning_rates weighted drawn columns min_max stop",
    "int32_t ": "loss diverged",
    "uint64_t ": "seed data_seed shuffle_seed batch_size learning_rate figure last_sse weight_decay l1 first_step_high "
    "first_step_seed low high mu",
    "const uint32_t *": "sizes activations bounds randbelow",
    "const uint64_t *": "parameters input inputs targets preactivations outputs gradient sse final x y slope random "
    "constants learning_rates row_weights shift spread scaled back",
    "const uint8_t *": "bytes",
}
NET = "id layers sizes activations bias n_parameters parameters"
STRUCTS = {
    "activation": "id activation n x y slope",
    "random": "id seed stream n random",
    "randbelow": "id seed stream n bounds randbelow",
    "init": "id layers sizes bias init seed n_parameters parameters",
    "forward": f"{NET} input preactivations outputs",
    "gradient": f"{NET} rows loss inputs targets gradient sse figure weighted row_weights",
    "train": f"{NET} rows batch_size loss shuffle shuffle_seed epochs learning_rate "
    "inputs targets n_sse sse final diverged rule constants weight_decay l1 decay_biases n_learning_rates "
    "learning_rates weighted row_weights drawn first_step_high first_step_seed",
    "levenberg": f"{NET} rows loss epochs inputs targets n_sse sse final diverged constants mu stop "
    "weighted row_weights",
    "model_bytes": f"{NET} n_bytes bytes fingerprint",
    "decode": f"{NET} n_bytes bytes",
    "fit": "id layers sizes activations bias init seed rows data_seed loss epochs learning_rate batch_size shuffle "
    "shuffle_seed last_sse figure crc",
    "scaling": "id rows columns inputs min_max low high shift spread scaled back",
}
HEADER = """/* SPDX-License-Identifier: MIT */
/* The golden vectors (src/bitprop/vectors) for C. Generated: run `%s`.
   A number is its 64-bit pattern, and any NaN is 7ff8000000000000. Activations, losses and inits are codes of
   bitprop.h. batch_size 0: all rows. diverged: the epoch, or -1. Where n_sse is 0, sse has one meaningless element; in
   gradient cases it has one. constants are five. stop is BP_OK, BP_GRADIENT_STOP or BP_MU_STOP. Where n_learning_rates
   is 0, learning_rate is for all epochs; where weighted or drawn is 0, rows have no weights, or first steps are not
   drawn. Lists of
   rows and of layers are laid end to end. Where bytes to decode are refused, layers is 0. */
#ifndef BITPROP_TEST_VECTORS_H
#define BITPROP_TEST_VECTORS_H

#include <stddef.h>
#include <stdint.h>
"""


def rule_fields(given: Case) -> Case:
    """What C has of a training that is not by plain descent, and of one that is."""
    rates, none = given.get("learning_rates", []), "0" * 16
    return {
        "rule": RULES.index(given.get("rule", "descent")),
        "constants": [*given.get("constants", []), *[none] * 5][:5],
        "decay_biases": given.get("decay_biases", False),
        "weight_decay": given.get("weight_decay", none),
        "l1": given.get("l1", none),
        "learning_rates": rates,
        "n_learning_rates": len(rates),
        "drawn": "first_step_high" in given,
        "first_step_high": given.get("first_step_high", none),
        "first_step_seed": given.get("first_step_seed", none),
    }


def fields(case: Case) -> Case:
    """A case as C has it: lists flattened, numbers for names and for null."""
    given, expected = case["input"], case["expected"]
    out = {"id": case["id"], **given}
    if case["function"] in ("train", "levenberg"):
        expected = {**expected, "final": expected["parameters"]}
        del expected["parameters"]
    out.update(expected)
    if "refused" in out:
        out.update(sizes=[], activations=[], bias=False, parameters=[])
    for key, value in out.items():
        if isinstance(value, list) and isinstance(value[:1] and value[0], list):
            out[key] = [item for row in value for item in row]
    if "activations" in out:
        out["activations"] = [ACTIVATIONS.index(name) for name in out["activations"]]
    if "sizes" in out:
        out.update(layers=len(out["sizes"]), n_parameters=len(out.get("parameters", [])))
    if "x" in out:
        out.update(activation=ACTIVATIONS.index(given["activation"]), n=len(given["x"]))
    if "count" in out:
        out["n"] = given["count"]
    if "randbelow" in out:
        out.update(bounds=given["n"], n=len(given["n"]))
    if "init" in out:
        out["init"] = INITS.index(given["init"])
    if "scaling" in out:
        out.update(rows=len(given["inputs"]), columns=len(given["inputs"][0]), min_max=given["scaling"] == "min_max")
        out.update({name: given.get(name, "0" * 16) for name in ("low", "high")})
    if "loss" in out:
        out.update(rows=given.get("rows") or len(given["inputs"]), loss=LOSSES.index(given["loss"]))
    if "shuffle_seed" in given:
        seed, size = given["shuffle_seed"], given["batch_size"] or 0
        out.update(batch_size=f"{size:016x}", shuffle=seed is not None, shuffle_seed=seed or "0" * 16)
    if case["function"] == "train":
        out.update(rule_fields(given))
    if case["function"] in ("gradient", "train", "levenberg"):
        out.update(weighted="row_weights" in given, row_weights=given.get("row_weights", []))
    if "stopped" in out:
        out["stop"] = [None, "gradient", "mu"].index(out["stopped"])
    if "diverged" in out:
        out.update(n_sse=len(out["sse"]), diverged=-1 if out["diverged"] is None else out["diverged"])
    elif "crc" in out:
        out.update(last_sse=out["sse"], crc=int(out["crc"], 16))
    elif "sse" in out:
        out["sse"] = [out["sse"]]
    if "bytes" in out:
        data = bytes.fromhex(out["bytes"])
        out.update(bytes=list(data), n_bytes=len(data))
    return out


def header(cases: list[Case]) -> str:
    """tests/c/vectors.h (C99)."""
    kinds = {name: kind for kind, names in TYPES.items() for name in names.split()}
    arrays: dict[str, str] = {}
    text, tables = [HEADER % COMMAND], []

    def literal(kind: str, value: Any) -> str:
        if kind == "const char *":
            return json.dumps(value)
        if kind.endswith("*"):
            words = [literal(kind[6:-1], item) for item in value] or ["0"]
            lines = [", ".join(words[i : i + 5]) for i in range(0, len(words), 5)]
            body = f"{kind[6:-2]} @[{len(words)}] = {{\n    " + ",\n    ".join(lines) + "};\n"
            return arrays.setdefault(body, f"v{len(arrays)}")
        return f"0x{value}ULL" if kind == "uint64_t " else f"{int(value)}" + "U" * (kind == "uint32_t ")

    for function, names in STRUCTS.items():
        members = "".join(f"    {kinds[name]}{name};\n" for name in names.split())
        text.append(f"struct {function}_case {{\n{members}}};\n")
        chosen = [fields(case) for case in cases if case["function"] == function]
        rows = ["    {" + ", ".join(literal(kinds[n], case[n]) for n in names.split()) + "}" for case in chosen]
        tables.append(f"static const struct {function}_case {function}_cases[{len(rows)}] = {{\n")
        tables.append(",\n".join(rows) + "};")
        tables.append(f"static const size_t n_{function}_cases = {len(rows)}U;\n")
    data = ["static const " + body.replace("@", name, 1) for body, name in arrays.items()]
    return "\n".join([*text, "".join(data), *tables, "#endif"]) + "\n"


def main() -> None:
    """Writes the file, whole or not at all, since compilers may be reading it."""
    cases = [
        case for path in sorted(VECTORS.glob("[0-9]*.json")) for case in json.loads(path.read_text("utf-8"))["cases"]
    ]
    path = HERE / "vectors.h"
    data = header(cases).encode()
    if not path.is_file() or path.read_bytes() != data:
        temporary = path.with_name(f"vectors-{os.getpid()}.h")
        temporary.write_bytes(data)
        temporary.replace(path)


if __name__ == "__main__":
    main()
