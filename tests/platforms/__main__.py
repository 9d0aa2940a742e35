# SPDX-License-Identifier: MIT
"""Replays the golden vectors on every platform that can be had here, natively or under emulation.

    python tests/platforms --install                       installs Debian's compilers and emulators, as root, and ends
    python tests/platforms                                 all platforms
    python tests/platforms --only s390x --only Cortex      those whose name has one of these words
    python tests/platforms --write docs/platforms.md       all, and the page with their table

But for --install, it runs with the Python of an environment that has bitprop installed. Exit status 1 where a bit
differs, a platform fails, or, with CI=true, lacks a program; only other versions of CPython may be missing then.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from workbench import MissingError, Outcome, Platform, Workbench, install

if sys.argv[1:] == ["--install"]:  # which any Python can do
    install()
    sys.exit()
try:
    import bitprop  # noqa: F401  # which the platforms need
except ImportError:
    sys.exit("tests/platforms: there is no bitprop here; run it with the Python of an environment that has it")
import compiled
import interpreted

PLATFORMS = [*compiled.PLATFORMS, *interpreted.PLATFORMS]
START, END = "<!-- table: begin -->", "<!-- table: end -->"
TOOLS = (
    *("gcc --version", "clang --version", "qemu-s390x-static --version", "qemu-system-arm --version"),
    *("wine --version", "node --version", "go version"),
)


def attempt(platform: Platform, bench: Workbench) -> tuple[Outcome | str, float]:
    """What came of a platform, or why nothing did, and the seconds that it took."""
    begun = time.monotonic()
    missing = [program for program in platform.needs if not shutil.which(program)]
    try:
        found: Outcome | str = f"not run: no {', '.join(missing)} here" if missing else platform.run(bench)
    except MissingError as error:
        found = f"not run: {error}"
    except Exception as error:  # one platform's failure is told, and the others go on
        found = f"FAILED: {type(error).__name__}: {' '.join(str(error).split())}"
    return found, time.monotonic() - begun


def row(platform: Platform, found: Outcome | str) -> str:
    """A line of the table."""
    if isinstance(found, str):
        cases, bits, note = "-", "-", found
    elif found.refused:
        cases, bits, note = "-", "-", found.note
    else:
        cases, bits, note = str(found.cases), str(found.differing_bits), found.note
    return f"| {platform.name} | {platform.how} | {cases} | {bits} | {note} |"


def versions() -> str:
    """The tools in use."""
    found = []
    for tool in TOOLS:
        if shutil.which(tool.split()[0]):
            told = subprocess.run(tool.split(), capture_output=True, text=True, check=False).stdout.splitlines()
            found.append(re.sub(r"\s*\(.*?\)", "", told[0]) if told else tool)
    return ", ".join(found)


def parse() -> tuple[argparse.Namespace, list[Platform]]:
    """The options, checked, and the platforms that they choose."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python tests/platforms", description=__doc__, formatter_class=as_written)
    parser.add_argument("--install", action="store_true", help="install what Debian has (as root), and end")
    parser.add_argument("--list", action="store_true", help="list the platforms and end")
    parser.add_argument("--only", action="append", metavar="WORD", help="platforms with this word in their name")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time (the processors)")
    options = parser.parse_args()
    chosen = [p for p in PLATFORMS if not options.only or any(w.lower() in p.name.lower() for w in options.only)]
    if not chosen:
        parser.error(f"no platform has {' or '.join(options.only)} in its name; see --list")
    if options.write and options.only:
        parser.error("--write needs all platforms")
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}, expected at least 1")
    if options.write and not (options.write.is_file() and START in (text := options.write.read_text()) and END in text):
        parser.error(f"--write is {options.write}, expected a page with the lines {START} and {END}")
    return options, chosen


def run(chosen: list[Platform], jobs: int) -> list[Outcome | str]:
    """What came of the platforms, in their order; each is told as it ends."""
    found: dict[str, Outcome | str] = {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        bench = Workbench(Path(folder))
        futures = {pool.submit(attempt, platform, bench): platform for platform in chosen}
        try:
            for future in as_completed(futures):
                platform = futures[future]
                found[platform.name], seconds = future.result()
                print(f"{seconds:6.1f} s  {row(platform, found[platform.name])}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            bench.stop()
            raise
    return [found[platform.name] for platform in chosen]


def main() -> int:
    """Runs the platforms, prints their table, and writes it."""
    options, chosen = parse()
    if options.list:
        print("\n".join(f"{platform.name:<30} {platform.how}" for platform in chosen))
        return 0
    begun = time.monotonic()
    try:
        outcomes = run(chosen, options.jobs)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    right = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    refused = sum(outcome.refused for outcome in right)
    bits = sum(outcome.differing_bits for outcome in right)
    wrong = [outcome for outcome in outcomes if isinstance(outcome, str)]
    failed = sum(outcome.startswith("FAILED") for outcome in wrong)
    summary = f"platforms run: {len(right) - refused}, differing bits: {bits}; refused, as they should be: {refused}"
    summary += f"; failed: {failed}; not run: {len(wrong) - failed}"
    print(f"{summary}; {time.monotonic() - begun:.0f} s")
    if options.write:
        head = "| platform | how it is run | cases | differing bits | |\n|---|---|---|---|---|\n"
        table = head + "\n".join(map(row, chosen, outcomes))
        text = options.write.read_text(encoding="utf-8")
        before, after = text.split(START)[0], text.split(END)[1]
        new = f"{before}{START}\n{table}\n\n{summary}. With {versions()}.\n{END}{after}"
        options.write.write_text(new, encoding="utf-8")
    lacking = os.environ.get("CI") == "true" and any(outcome.startswith("not run: no ") for outcome in wrong)
    return 1 if bits or failed or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
