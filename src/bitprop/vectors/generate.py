# SPDX-License-Identifier: MIT
"""Writes the golden vectors: one JSON file for each group, the questions of `cases` with the oracle's answers."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from . import answers, cases, oracle

CONTRACT = 1
COMMAND = "bitprop vectors generate --out src/bitprop/vectors"


def file_name(group: str) -> str:
    """The group's file; its number is the step of a port at which it is needed."""
    return f"{list(cases.GROUPS).index(group) + 1:02d}-{group}.json"


def schema() -> str:
    """schema.json, in which the lists of names are those of the cases' groups and functions and of the oracle's tables.

    All else in it is written by hand.
    """
    text = (importlib.resources.files(__package__) / "schema.json").read_text(encoding="utf-8")
    lists: dict[str, Iterable[str]] = {
        "group": cases.GROUPS,
        "function": answers.FUNCTIONS,
        "name": oracle.ACTIVATIONS,
        "loss": oracle.LOSSES,
        "init": oracle.INITS,
        "rule": oracle.RULES,
        "kind": oracle.DATA_SETS,
    }
    for field, names in lists.items():
        listed = json.dumps(list(names))
        text = re.sub(rf'("{field}": {{"enum": )\[.*?\]', rf"\g<1>{listed}", text)
    return text


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each group with its document."""
    for group, makers in cases.GROUPS.items():
        asked = cases.questions(group)
        assert len({case["id"] for case in asked}) == len(asked), group
        for case in asked:
            case["expected"] = answers.answer(case["function"], case["input"])
        flags = {flag: text for flag, text in cases.FLAGS.items() if any(flag in case["flags"] for case in asked)}
        yield (
            group,
            {
                "_comment": _comment(makers[0].__doc__ or ""),
                "contract": CONTRACT,
                "group": group,
                "flags": flags,
                "cases": asked,
            },
        )


def _comment(title: str) -> str:
    return (
        f"{title.rstrip('.')}. Inputs are chosen edges, or drawn from the contract's generator with fixed seeds "
        "(bitprop/vectors/*_cases.py). Expected values are by exact integers, each operation rounded once "
        "(bitprop/vectors/oracle.py, from docs/contract.md alone). A number is its 64-bit pattern in 16 hexadecimal "
        "digits, any NaN 7ff8000000000000; a seed is 16 hexadecimal digits as well. `flags` say what a case catches. "
        "Published cases never change within a contract version; new ones are appended. docs/porting.md shows the use."
    )


def text(value: Any, indent: str = "") -> str:
    """JSON with one line for each field and for each list of plain values."""
    deeper = indent + " "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {text(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(deeper + item for item in items) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        return "[\n" + ",\n".join(deeper + text(item, deeper) for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)
