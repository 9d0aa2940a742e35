# SPDX-License-Identifier: MIT
"""What pyproject.toml cannot say: the extension, and the wheel's tag with it or without it.

BITPROP_BUILD: `auto` (a failed compile installs the pure package), `require` (a failed compile fails) or `pure`.
"""

import contextlib
import gzip
import io
import json
import os
import re
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

BUILD = os.environ.get("BITPROP_BUILD", "auto")
if BUILD not in ("auto", "require", "pure"):
    raise SystemExit(f"BITPROP_BUILD is {BUILD!r}, expected auto, require or pure")
EPOCH = os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")  # 1980: the time of all files in wheels and sdists


@contextlib.contextmanager
def kept_output(place: Path) -> Iterator[None]:
    """Within it, what this process and the compilers that it starts print goes to a file; then it is printed."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with place.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, saved in zip((1, 2), kept):
            os.dup2(saved, stream)
            os.close(saved)
        print(place.read_text(encoding="utf-8", errors="replace"), end="", file=sys.stderr)


class BuildCore(build_ext):
    """A compile that fails leaves the compiler's words in the package, where `bitprop info` finds them."""

    def build_extension(self, ext: Extension) -> None:
        """Compiles; writes bitprop/_build_failure.txt where that fails: its first error, then all that was said."""
        failure = Path(self.build_lib, "bitprop", "_build_failure.txt")
        failure.unlink(missing_ok=True)  # of an earlier build
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder, "output")
            try:
                with kept_output(output):
                    super().build_extension(ext)
            except Exception as error:
                text = output.read_text(encoding="utf-8", errors="replace")
                lines = [line.strip() for line in text.splitlines() if re.search(r"\berror\b", line, re.IGNORECASE)]
                first = [*lines, str(error)][0]
                failure.parent.mkdir(parents=True, exist_ok=True)
                failure.write_text(f"{first}\n\n{text}\n{error}\n", encoding="utf-8")
                warning = f"bitprop: WARNING: the C core did not compile: {first}"
                cure = "the package will work in pure Python, far slower; BITPROP_BUILD=require fails instead"
                print(f"{warning}\n{cure}", file=sys.stderr)
                raise


class BuildWheel(bdist_wheel):
    """Where the optional compile failed, the wheel is pure and must be tagged so."""

    def run(self) -> None:
        """Compiles first, so that the tag can follow from what came of it."""
        build_ext = self.get_finalized_command("build_ext")
        built = build_ext.get_outputs()
        for path in built:
            Path(path).unlink(missing_ok=True)  # of an earlier build, which a failed compile would leave in place
        build_ext.force = True
        self.run_command("build_ext")
        if not all(Path(path).exists() for path in built):
            self.distribution.ext_modules = []
        if not self.distribution.ext_modules:
            self.root_is_pure = True
        super().run()

    def write_wheelfile(self, wheelfile_base: str, **options: str) -> None:  # type: ignore[override]  # passed on
        """Brings a bill of materials (PEP 770), and takes from all files what the builder's umask made of them."""
        super().write_wheelfile(wheelfile_base, **options)
        place = Path(wheelfile_base, "sboms", "bitprop.cdx.json")
        place.parent.mkdir()
        text = json.dumps(self._bill_of_materials(), indent=1)
        place.write_bytes(f"{text}\n".encode())
        for path in Path(wheelfile_base).parent.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.suffix in (".so", ".pyd") else 0o644)

    def _bill_of_materials(self) -> dict[str, object]:
        """In CycloneDX: bitprop contains nothing but itself, and the tools that build it are no part of it."""
        own, number = self.distribution.metadata.get_name(), self.distribution.metadata.get_version()
        tools = ["setuptools", *(["cffi"] if self.distribution.ext_modules else [])]
        return {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "lifecycles": [{"phase": "build"}],
                "component": {
                    **_component(own, number),
                    "licenses": [{"license": {"id": "MIT"}}],
                },
            },
            "components": [{**_component(name, version(name)), "scope": "excluded"} for name in tools],
            "dependencies": [{"ref": _component(own, number)["bom-ref"], "dependsOn": []}],
        }


def _component(name: str, number: str) -> dict[str, object]:
    purl = f"pkg:pypi/{name}@{number}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": number, "purl": purl}


class SourceArchive(sdist):
    """The same bytes from the same files: sorted, owned by nobody, all of one time (SOURCE_DATE_EPOCH, or 1980)."""

    def make_archive(self, base_name: str, format: str, **options: object) -> str:  # type: ignore[override]
        """Writes a .tar.gz, whatever the format asked for: it is the only one that sdists may have."""
        path = f"{base_name}.tar.gz"
        time = int(EPOCH)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for file in sorted(Path(str(options["base_dir"])).rglob("*")):
                entry = tar.gettarinfo(str(file), str(file.as_posix()))
                entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = time, 0, 0, "", ""
                entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
                with file.open("rb") if entry.isfile() else io.BytesIO() as content:
                    tar.addfile(entry, content)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(gzip.compress(archive.getvalue(), mtime=time))
        return path


setup(
    cffi_modules=[] if BUILD == "pure" else ["build_ffi.py:ffibuilder"],
    cmdclass={"bdist_wheel": BuildWheel, "build_ext": BuildCore, "sdist": SourceArchive},
    # Free-threaded CPython has no limited API, so it gets a wheel of its own.
    options={} if sysconfig.get_config_var("Py_GIL_DISABLED") else {"bdist_wheel": {"py_limited_api": "cp39"}},
)
