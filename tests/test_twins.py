# SPDX-License-Identifier: MIT
"""Header, pure twin and both bindings, compared name by name and parameter by parameter."""

from __future__ import annotations

import ctypes
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pycparser
import pytest
from conftest import core_or_skip

from bitprop import _pure, _pure_levenberg, names
from bitprop.core import native, protocol

ROOT = Path(__file__).resolve().parent.parent
HEADERS = {"bitprop": _pure, "levenberg": _pure_levenberg}  # with the pure twin of each


def marked(header: str) -> str:
    """The declarations of a header."""
    text = ROOT.joinpath("csrc", f"{header}.h").read_text(encoding="utf-8")
    return re.split(r"/\* --- declarations for cffi: (?:begin|end) --- \*/", text)[1]


MARKED = "".join(map(marked, HEADERS))
STRUCTS = {
    "bp_shape": native.Shape,
    "bp_generator": native.Generator,
    "bp_data": native.Data,
    "bp_settings": native.Settings,
    "bp_limits": native.Limits,
    "bp_training": native.Training,
    "bp_levenberg_settings": native.LevenbergSettings,
    "bp_levenberg": native.Levenberg,
}


def parse() -> Any:
    """The marked part of the header as a syntax tree."""
    text = re.sub(r"/\*.*?\*/", "", MARKED, flags=re.DOTALL)
    text = re.sub(r"#define.*", "", text)
    types = "".join(f"typedef int {name};" for name in ("size_t", "uint8_t", "int32_t", "uint32_t", "uint64_t"))
    return pycparser.CParser().parse(types + text)


def functions() -> dict[str, list[str]]:
    """Each function without its prefix, with its parameters."""
    found = {}
    for node in parse().ext:
        declared = getattr(node, "type", None)
        if isinstance(declared, pycparser.c_ast.FuncDecl):
            names = [parameter.name for parameter in declared.args.params]
            found[node.name[3:]] = [name for name in names if name is not None]
    return found


def structs() -> dict[str, list[str]]:
    """Each struct with its fields."""
    found = {}
    for node in parse().ext:
        declared = getattr(getattr(node, "type", None), "type", None)
        if isinstance(node, pycparser.c_ast.Typedef) and isinstance(declared, pycparser.c_ast.Struct):
            found[node.name] = [field.name for field in declared.decls]
    return found


def constants() -> dict[str, int]:
    """Each constant without its prefix."""
    pairs = re.findall(r"#define BP_(\w+) (\w+)", MARKED) + re.findall(r"\bBP_(\w+) = (-?\d+)", MARKED)
    return {name: int(value) for name, value in pairs}


def test_header_is_whole() -> None:
    """The parser sees every function that the header names."""
    assert set(functions()) == set(re.findall(r"\bbp_(\w+)\(", MARKED))
    assert len(functions()) > 20


@pytest.mark.parametrize("name", functions())
def test_pure_functions(name: str) -> None:
    """The pure twin has each function of the header, with the same parameters in the same order."""
    twin = getattr(_pure, name, None) or getattr(_pure_levenberg, name)
    assert list(inspect.signature(twin).parameters) == functions()[name]


@pytest.mark.parametrize("header", HEADERS)
def test_pure_order(header: str) -> None:
    """The header's functions stand in the header's order in both twins."""
    declared = re.findall(r"\bbp_(\w+)\(", marked(header))
    text = Path(str(HEADERS[header].__file__)).read_text(encoding="utf-8")
    core = ROOT.joinpath("csrc", f"{header}.c").read_text(encoding="utf-8")
    c = re.findall(r"^[a-z][\w *]*\bbp_(\w+)\([^;]*?\{", core, re.MULTILINE)
    assert [name for name in re.findall(r"^def (\w+)\(", text, re.MULTILINE) if name in functions()] == declared
    assert c == declared


def test_levenberg_twins_mirror() -> None:
    """Both files of the rule have the same functions in the same order, but for what only C needs."""
    text = Path(_pure_levenberg.__file__).read_text(encoding="utf-8")
    core = ROOT.joinpath("csrc", "levenberg.c").read_text(encoding="utf-8")
    python = re.findall(r"^def (\w+)\(", text, re.MULTILINE)
    c = re.findall(r"^[a-z][\w *]*\b(\w+)\([^;]*?\{", core, re.MULTILINE)
    assert [name for name in c if name not in ("part_levenberg", "train_levenberg")] == [
        f"bp_{name}" if name in functions() else name for name in python
    ]


def test_pure_structs() -> None:
    """The pure twin's classes have the structs' fields, in their order."""
    shape = _pure.Shape([1, 1], [0], 2, 0)
    assert list(vars(shape)) == structs()["bp_shape"]
    assert list(_pure.Data.__slots__) == structs()["bp_data"]
    assert list(vars(_pure.Settings())) == structs()["bp_settings"]
    assert list(_pure.Limits.__slots__) == structs()["bp_limits"]
    assert list(vars(_pure.Training())) == structs()["bp_training"]
    assert list(vars(_pure_levenberg.LevenbergSettings())) == structs()["bp_levenberg_settings"]
    assert list(vars(_pure_levenberg.Levenberg())) == structs()["bp_levenberg"]
    assert list(inspect.signature(_pure_levenberg.LevenbergSettings).parameters) == structs()["bp_levenberg_settings"]


@pytest.mark.parametrize("kind", [_pure.Shape, _pure.Data, _pure.Settings, _pure.Limits])
def test_pure_struct_order(kind: type) -> None:
    """A struct of the pure twin is made of its fields in the header's order, as C initialises it."""
    assert list(inspect.signature(kind).parameters) == structs()[f"bp_{kind.__name__.lower()}"]


def test_constants() -> None:
    """The pure twin has the header's constants; the public names stand in the order of their numbers."""
    found = constants()
    assert len(found) > 20
    assert {name: getattr(_pure, name) for name in found} == found
    for plural in ("ACTIVATIONS", "LOSSES", "RULES", "INITS", "KERNELS"):
        listed = names.STEP_RULES if plural == "RULES" else getattr(names, plural)
        assert [found[name.upper()] for name in listed] == list(range(len(listed)))
        assert found[plural] == len(listed)
    assert found["ABI"] == native.ABI


def test_ctypes_prototypes() -> None:
    """The ctypes binding declares each function of the header, with as many parameters."""
    declared = {name: len(rest) for name, (_, *rest) in native.PROTOTYPES.items()}
    assert declared == {name: len(parameters) for name, parameters in functions().items()}


def test_bindings_agree() -> None:
    """Sizes and offsets of the structs, and each function's types, are the same to cffi and to ctypes."""
    core_or_skip("cffi")
    from bitprop._core import ffi, lib  # type: ignore[import-not-found]  # compiled

    assert set(STRUCTS) == set(structs())
    for name, fields in structs().items():
        own = STRUCTS[name]
        assert ffi.sizeof(name) == ctypes.sizeof(own)
        assert [(field, ffi.offsetof(name, field)) for field in fields] == [
            (field, getattr(own, field).offset) for field, *_ in own._fields_
        ]
    for name, (result, *arguments) in native.PROTOTYPES.items():
        declared = ffi.typeof(getattr(lib, f"bp_{name}"))
        for kind, own in zip((declared.result, *declared.args), (result, *arguments)):
            if kind.kind == "pointer":
                target: Any = getattr(own, "_type_", None)
                assert own is ctypes.c_char_p or ffi.sizeof(kind.item) == ctypes.sizeof(target), name
            elif kind.kind != "void":
                assert ffi.sizeof(kind) == ctypes.sizeof(own), name
                assert (kind.cname == "double") == (own is ctypes.c_double), name


def test_core_protocol() -> None:
    """The waist names every function of the header but the two that only loaders and info call."""
    attributes = set(protocol.Core.__annotations__) - {"name", "kernel"}
    assert attributes == set(functions()) - {"abi", "compiler"}


def test_pure_levenberg_stands_beside_pure(tmp_path: Path) -> None:
    """The rule's file needs only math and _pure.py, and runs beside it, away from the package."""
    for module in HEADERS.values():
        shutil.copy(str(module.__file__), tmp_path)
    text = Path(_pure_levenberg.__file__).read_text(encoding="utf-8")
    imports = re.findall(r"^\s*(?:import|from) (\S+ import _pure|\S+)", text, re.MULTILINE)
    assert imports == ["math", ". import _pure", "_pure"]
    code = "import _pure, _pure_levenberg as l; print(l.levenberg_size(_pure.Shape([1, 1], [3], 2, 1)))"
    command = [sys.executable, "-S", "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    shape = _pure.Shape([1, 1], [3], 2, 1)
    core = core_or_skip("ctypes")
    assert (
        int(found.stdout) == _pure_levenberg.levenberg_size(shape) == core.levenberg_size(core.shape([1, 1], [3], True))
    )


def test_pure_needs_nothing() -> None:
    """The pure twin imports only math and random, and runs as a file of its own."""
    text = Path(_pure.__file__).read_text(encoding="utf-8")
    assert re.findall(r"^\s*(?:import|from) (\S+)", text, re.MULTILINE) == ["math", "random"]
    alone: dict[str, Any] = {"__name__": "alone"}
    exec(compile(text, "alone", "exec"), alone)
    assert alone["self_test"]() == _pure.OK
