# SPDX-License-Identifier: MIT
"""What became of each mutant: kept line by line, so that a later run goes on, and counted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

EQUIVALENT = Path(__file__).with_name("equivalent.txt")
VERDICTS = ("killed", "same code", "equivalent", "alive", "does not compile")


def reasons() -> dict[tuple[str, str, str, str], str]:
    """The reason of each mutant that is known to be equivalent, by its file, function, line before and line after."""
    found, reason = {}, ""
    for line in EQUIVALENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            reason = line[2:]
        elif line and not line.startswith("#"):
            file, function, old, new = line.split(" ## ")
            found[file, function, old, new] = reason
    return found


class Ledger:
    """The verdicts on the mutants of a file, by their number, in a file of results."""

    def __init__(self, results: Path, target: str, fingerprint: str):
        self.results, self.target, self.fingerprint = results, target, fingerprint
        self.verdicts: dict[int, str] = {}
        self.alive: dict[int, tuple[str, str, str]] = {}
        for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else []:
            entry = json.loads(line)
            if entry["target"] == target and entry["fingerprint"] == fingerprint:
                self._count(entry)

    def _count(self, entry: dict[str, str]) -> None:
        number = int(entry["number"])
        self.verdicts[number] = entry["verdict"]
        self.alive.pop(number, None)
        if entry["verdict"] == "alive":
            self.alive[number] = entry["function"], entry["old"], entry["new"]

    def waiting(self, made: int, every: int, again: bool) -> list[int]:
        """The numbers of those to try, of `made` in all: scattered first, so that a run that is cut short is a sample.

        `again`: those that were alive, too.
        """
        numbers = sorted(range(0, made, every), key=lambda number: (number % 4 != 0, number % 2 != 0, number))
        return [each for each in numbers if each not in self.verdicts or (again and each in self.alive)]

    def enter(self, number: int, verdict: str, function: str, old: str, new: str) -> None:
        """Keeps a verdict."""
        entry = {"target": self.target, "fingerprint": self.fingerprint, "number": str(number), "verdict": verdict}
        entry |= {"function": function, "old": old, "new": new}
        with self.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self._count(entry)

    def report(self, made: int) -> bool:
        """Prints the counts and what is alive; whether nothing is that has no reason."""
        known, counts = reasons(), Counter(self.verdicts.values())
        unknown = [each for each in self.alive.values() if (self.target, *each) not in known]
        counts["equivalent"] = counts["alive"] - len(unknown)
        counts["alive"] = len(unknown)
        told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
        print(f"{self.target}: {made} made, {len(self.verdicts)} tried: {told}")
        for each in unknown:
            print("  alive:", " ## ".join((self.target, *each)))
        return not unknown
