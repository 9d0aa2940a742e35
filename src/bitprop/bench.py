# SPDX-License-Identifier: MIT
"""`bitprop bench`: what an epoch, a sample and a prediction take here, beside NumPy; bench/peers.py adds more peers.

Every contestant is a process of its own on one core. It is told to train so many epochs from the start parameters (or
to predict so many times), and answers the seconds that this took, by its own clock, and the loss in the end. Rounds go
from contestant to contestant, so that what disturbs the machine disturbs all; the median of the rounds is the figure.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

import bitprop

from ._contest import GROUPS, LeftOutError, Task, tasks, write_task
from ._processors import cores
from ._progress import Progress
from .errors import OptionError

ROUNDS, QUICK_ROUNDS = 7, 3
TOLERANCE = 1e-6  # relative, of a final loss: others sum in another order and have another exp, which is far below
# this after as many epochs as are run here, while a wrong formula or rate is far above
UNCHECKED = "not checked"  # where no bitprop took part
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Contestant(NamedTuple):
    """Who is timed. `command` starts it for a task and its file; LeftOutError where that is not possible."""

    name: str
    takes: Callable[[Task], bool]
    command: Callable[[Task, str, str], list[str]]  # (task, its file, a folder for scratch files)
    environment: Mapping[str, str] = {}
    limit: int = 0  # its own largest count, below the task's; 0: none


class Row(NamedTuple):
    """A contestant's figures, in the task's unit. `check`: "" where the loss is right."""

    name: str
    median: float
    low: float
    high: float
    ratio: float  # to bitprop's fastest median; NaN where there is none
    repeats: int  # epochs, passes or calls of a run
    loss: float
    check: str


class Outcome(NamedTuple):
    """A task's rows, fastest first, and who was left out, with the reason."""

    task: Task
    rows: list[Row]
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The form that `bitprop bench --json` prints."""
        rows = [{k: None if v != v else v for k, v in row._asdict().items()} for row in self.rows]
        return {"task": self.task._asdict(), "rows": rows, "left_out": self.left_out}

    def __str__(self) -> str:
        width = max((len(row.name) for row in self.rows), default=10) + 1
        lines = [
            f"{self.task.title}, {self.task.unit}",
            f"{'':{width}} {'median':>10} {'min':>10} {'max':>10} {'ratio':>8}  loss",
        ]
        for row in self.rows:
            figures = " ".join(f"{figure(value):>10}" for value in (row.median, row.low, row.high))
            ratio = "-" if row.ratio != row.ratio else f"{row.ratio:.3g}"
            lines.append(f"{row.name:{width}} {figures} {ratio:>8}  {row.check or 'agrees'}")
        return "\n".join([*lines, *left_out_lines(self.left_out)])


def wrong(check: str) -> bool:
    """Whether a row's check found its loss off."""
    return check not in ("", UNCHECKED)


def figure(value: float) -> str:
    """Three digits or all whole ones, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.{max(0, 2 - math.floor(math.log10(value or 1)))}f}"


def left_out_lines(left_out: Mapping[str, str]) -> list[str]:
    """One line for each."""
    return [f"left out: {name}: {reason}" for name, reason in left_out.items()]


def series_table(outcomes: Sequence[Outcome]) -> str:
    """The points of one growth, a column of medians for each contestant."""
    task = outcomes[0].task
    names = list(dict.fromkeys(row.name for outcome in outcomes for row in outcome.rows))
    names.sort(key=lambda name: not name.startswith("bitprop"))
    width = [max(10, len(name)) for name in names]
    lines = [f"{task.title}, {task.unit}"]
    lines.append(" ".join([f"{task.series:>10}", *(f"{name:>{w}}" for name, w in zip(names, width))]))
    left_out: dict[str, str] = {}
    for outcome in outcomes:
        medians = {row.name: "off" if wrong(row.check) else figure(row.median) for row in outcome.rows}
        cells = (f"{medians.get(name, '-'):>{w}}" for name, w in zip(names, width))
        lines.append(" ".join([f"{outcome.task.at:>10}", *cells]))
        left_out.update(outcome.left_out)
    return "\n".join([*lines, *left_out_lines(left_out)])


def python(name: str, script: str = "") -> Callable[[Task, str, str], list[str]]:
    """The command of a contestant in Python: of MAKERS here, or of a script that serves its own."""
    place = [script] if script else ["-m", "bitprop._contest"]
    return lambda task, path, folder: [sys.executable, *place, "--contestant", name, json.dumps(task._asdict()), path]


def contestants() -> list[Contestant]:
    """bitprop at every kernel level and as the pure twin, and NumPy."""
    info = bitprop.info()
    own = {"BITPROP_BACKEND": info["backends"][0]}
    found = []
    for kernel in [info["kernel"]] if os.environ.get("BITPROP_KERNEL") else info["kernels"]:
        takes = _takes_all if kernel == (info["kernel"] or info["kernels"][-1]) else _takes_levels
        found.append(Contestant(f"bitprop {kernel}", takes, python("bitprop"), {**own, "BITPROP_KERNEL": kernel}))
    for form in ("lists", "NumPy", "out="):
        found.append(Contestant(f"bitprop, {form}", lambda task: task.kind == "row", python(f"bitprop, {form}"), own))
    pure = {"BITPROP_BACKEND": "python", "BITPROP_KERNEL": ""}
    found.append(Contestant("bitprop python", _takes_pure, python("bitprop"), pure))
    found.append(Contestant("NumPy", lambda task: True, python("NumPy")))
    return found


def _takes_all(task: Task) -> bool:
    return task.kind != "row"  # where the forms of the row compete, not the kernels


def _takes_levels(task: Task) -> bool:
    return task.kind != "row" and not task.series


def _takes_pure(task: Task) -> bool:
    return not task.series and task.rows < 1_000_000 and task.cores == 1


# --- the clerk's side ---


class _Child:
    """A contestant's process. LeftOutError where it does not start, or ends early."""

    def __init__(self, contestant: Contestant, task: Task, path: str, folder: str):
        self.contestant = contestant
        command = contestant.command(task, path, folder)
        threads = dict.fromkeys(THREADS, str(task.cores))
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        with _on_cores(task.cores):
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **threads, **contestant.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                start_new_session=True,  # Ctrl-C is for the clerk, who then ends it
            )

    def expect(self, field: str) -> dict[str, Any]:
        """Its next line, which should have this field."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        if field not in answer:
            if "left_out" not in answer:
                self._process.wait()
            raise LeftOutError(answer.get("left_out") or self._last_words())
        return answer

    def ask(self, count: int) -> dict[str, Any]:
        """One timed run."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"count": count}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise LeftOutError(self._last_words()) from None
        return self.expect("seconds")

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), f"ended, {self._process.wait()}")

    def close(self) -> None:
        """Ends it, whatever it does."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()


@contextlib.contextmanager
def _on_cores(count: int) -> Iterator[None]:
    """Within it, processes start on the last `count` cores, if the system can be told."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores()[-count:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def _calibrate(child: _Child, task: Task) -> int:
    """The count, one of 1, 2, 5, 10 ..., with which a run takes about the task's seconds."""
    limit = child.contestant.limit or task.limit
    count = 1
    while True:
        took = child.ask(count)["seconds"]
        wanted = min(limit, count * min(100.0, task.seconds / max(took, 1e-9)))
        power = 10 ** math.floor(math.log10(max(1.0, wanted)))
        rounded = power * max(step for step in (1, 2, 5) if step * power <= max(1.0, wanted))
        if rounded <= count or took >= task.seconds / 2:
            return count
        count = rounded


def measure(task: Task, takers: Sequence[Contestant], rounds: int, folder: str, bar: Progress) -> Outcome:
    """One task's outcome; `bar` is told rounds + 2 times for each contestant."""
    left_out: dict[str, str] = {}
    if task.networks and task.cores < len(cores()) and not hasattr(os, "sched_setaffinity"):
        bar.update(len(takers) * (rounds + 2))
        return Outcome(
            task, [], dict.fromkeys((taker.name for taker in takers), f"no way to run on {task.cores} cores")
        )
    path = os.path.join(folder, f"{task.name}.doubles")
    write_task(task, path)
    children: dict[str, _Child] = {}
    counts: dict[str, int] = {}
    answers: dict[str, list[dict[str, Any]]] = {}
    with contextlib.ExitStack() as stack:
        for taker in takers:
            try:
                child = _Child(taker, task, path, folder)
                stack.callback(child.close)
                child.expect("ready")
                bar.update(1)
                counts[taker.name] = _calibrate(child, task)
                bar.update(1)
                children[taker.name], answers[taker.name] = child, []
            except LeftOutError as reason:
                left_out[taker.name] = str(reason)
        for _ in range(rounds):
            for name in [name for name in children if name not in left_out]:
                try:
                    answers[name].append(children[name].ask(counts[name]))
                except LeftOutError as reason:
                    left_out[name] = str(reason)
                bar.update(1)
        ours = [name for name in children if name.startswith("bitprop") and name not in left_out]
        try:
            known = {count: children[ours[0]].ask(count)["loss"] for count in set(counts.values())} if ours else {}
        except LeftOutError as reason:
            left_out[ours[0]] = str(reason)
            known = {}
    os.remove(path)
    rows = []
    for name in [name for name in children if name not in left_out]:
        losses = {answer["loss"] for answer in answers[name]}
        check = _check(known.get(counts[name]), losses, name in ours)
        figures = [answer["seconds"] / counts[name] / task.parts * task.scale for answer in answers[name]]
        median = statistics.median(figures)
        rows.append(Row(name, median, min(figures), max(figures), math.nan, counts[name], losses.pop(), check))
    best = min((row.median for row in rows if row.name in ours and not row.check), default=math.nan)
    rows = [row if wrong(row.check) else row._replace(ratio=row.median / best) for row in rows]
    return Outcome(task, sorted(rows, key=lambda row: (wrong(row.check), row.median)), left_out)


def _check(expected: float | None, losses: set[float], same_bits: bool) -> str:
    """What is wrong with these losses; "" for nothing."""
    if expected is None:
        return UNCHECKED
    worst = max(losses, key=lambda loss: abs(loss - expected))
    if worst == expected or (not same_bits and abs(worst - expected) <= TOLERANCE * abs(expected)):
        return ""
    return f"{'OTHER BITS' if same_bits else 'OFF'}: {worst:.9g}, expected {expected:.9g}"


def measure_all(
    chosen: Sequence[Task],
    everyone: Sequence[Contestant],
    rounds: int,
    progress: bool | None,
    ready: Callable[[str], None] | None = None,
) -> list[Outcome]:
    """Every task's outcome. `ready` is called with each table as soon as it is there."""
    takers = [[contestant for contestant in everyone if contestant.takes(task)] for task in chosen]
    outcomes: list[Outcome] = []
    total = sum(len(own) * (rounds + 2) for own in takers)
    with tempfile.TemporaryDirectory(prefix="bitprop-bench-") as folder, Progress(total, "bench", progress) as bar:
        for number, (task, own) in enumerate(zip(chosen, takers)):
            outcomes.append(measure(task, own, rounds, folder, bar))
            ends = number + 1 == len(chosen) or chosen[number + 1].series != task.series
            if ready is not None and (ends or not task.series):
                bar.clear()
                series = [outcome for outcome in outcomes if outcome.task.series == task.series]
                ready(series_table(series) if task.series else str(outcomes[-1]))
    return outcomes


def chosen_tasks(options: argparse.Namespace) -> list[Task]:
    """The tasks that the options ask for. OptionError."""
    for group in options.only or ():
        if group not in GROUPS:
            raise OptionError(f"--only is {group!r}, expected one of {', '.join(GROUPS)}")
    if options.rounds is not None and options.rounds < 1:
        raise OptionError(f"--rounds is {options.rounds}, expected 1 or more")
    found = [task for task in tasks(options.quick) if not options.only or task.group in options.only]
    if any(task.cores > len(cores()) for task in found) and sys.stderr is not None:
        print("bitprop: this process may use one core only: tasks on two are left out", file=sys.stderr)
    return [task for task in found if task.cores <= len(cores())]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def rounds_of(options: argparse.Namespace) -> int:
    """How often every contestant runs."""
    rounds: int = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    return rounds


def print_table(text: str) -> None:
    """A table and an empty line, at once."""
    print(text, end="\n\n", flush=True)


def _here() -> dict[str, str]:
    """What a figure is worth nothing without."""
    info = bitprop.info()
    return {
        "bitprop": info["version"],
        "core": info["compiler"] or "none",
        "Python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {len(cores())} cores for this process",
        "date": datetime.date.today().isoformat(),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bitprop bench` beside --json and --progress, which are the command line's."""
    parser.description = (
        f"{parser.description} Tables give the median, least and greatest of all rounds, and the "
        "median's ratio to bitprop's fastest. On a busy machine only the least means much."
    )
    parser.add_argument("--quick", action="store_true", help="short runs, three rounds, few sizes: about a minute")
    parser.add_argument("--only", metavar="GROUP", action="append", help=f"{', '.join(GROUPS)}; can be repeated (all)")
    parser.add_argument("--rounds", type=_whole, metavar="N", help=f"runs of every contestant ({ROUNDS})")


def run(options: argparse.Namespace) -> int:
    """`bitprop bench`. Exit status 1 where a kernel or backend ended at other bits. OptionError."""
    chosen = chosen_tasks(options)
    ready = None if options.json else print_table
    here = _here()
    if ready is not None:
        ready("; ".join(f"{name} {value}" for name, value in here.items()))
    outcomes = measure_all(chosen, contestants(), rounds_of(options), getattr(options, "progress", None), ready)
    if options.json:
        outcome_fields = [outcome.to_json() for outcome in outcomes]
        print(json.dumps({"here": here, "outcomes": outcome_fields}, indent=1, allow_nan=False))
    return int(any(row.check.startswith("OTHER BITS") for outcome in outcomes for row in outcome.rows))
