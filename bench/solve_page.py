# SPDX-License-Identifier: MIT
"""The page of times to solution, from the reports of `peers.py --solve`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bitprop.bench.problems import PROBLEMS
from bitprop.bench.solve import TOLERANCE, Outcome, times
from bitprop.bench.solver import MOST_REPEATS, REPEATED
from bitprop.bench.tables import aim_cells, left_out, solve_cells, solve_title

AIMS = (
    ("bitprop", "Python", "the best Python peer", 20.0),
    ("bitprop in C", "FANN", "FANN, both from C", 2.0),
    ("bitprop", "FANN", "FANN from C, with bitprop from Python", 2.0),
)
PAGE = """\
# Time to solution, measured

How long does a training take from given start weights to a stated loss? [speed.md](speed.md) times the epoch; here
every contestant has the settings, of those that were tried, that bring it to the loss soonest.

## The fastest of each

In milliseconds, the median of {seeds} trainings. `times`: how many times longer the peer takes than bitprop. Peers in
Python stand beside bitprop's Python interface, and FANN, which is called from C, beside bitprop's core called from C.
The fastest are chosen by the same trainings, among seven rules of bitprop from Python and three from C, ten Python
peers, and FANN by RPROP alone; `-` where no contestant solves half of its trainings. The tables of the problems have
every rule.

{fastest}

{aims}

A `fit` of no epochs takes about half of bitprop's time on the smallest problems: Python checks what it is given, and
keeps what `resume=True` needs. JAX's loop is compiled for the one network and its data; `first` below has the seconds
that this takes.

## Machine and versions

| | |
|---|---|
{here}

## Method

{wrote} `bench/solve_page.py` has its text. `proben1` is a folder with `cancer1.dt.gz` and `diabetes1.dt.gz` of
[PROBEN1](lab.md#a-1994-papers-tables).

```sh
{commands}
```

- **The same for all**: the data, the network, the start weights of each of the seeds 0 to {last_seed} (drawn by
  bitprop, {inits}), the loss to reach and the limit of {limit:g} s for a training. The loss is the mean squared error
  of the rows that are trained on, or for the data of PROBEN1 of its validation examples. What is minimised on the way
  there is each contestant's choice: the squared error or the cross-entropy.
- **Processes**: each contestant is a process on one and the same core, limited to one thread. All processes of a
  problem stay alive. For each seed, all contestants train in turn, so that a disturbance of the machine affects all.
- **What is timed**: the training alone. Not timed are imports, the preparation of the data, putting start weights into
  the network, and one training before all others. That one includes compilation, which JAX and `torch.compile` do
  once for a problem; `first` in the tables of settings has its seconds. A user who trains one network pays for it.
  A training that takes little is repeated from the same start, up to {repeats} times as long as all together took less
  than {repeated:g} s, and counts with its median.
- **Solved**: the contestant says that it reached the loss, by its own arithmetic; bitprop then calculates the loss of
  its parameters again, which must be at most a relative {tolerance:g} above the goal (`agrees`); and the time is within
  the limit. A training that fails takes for ever: the median is of all trainings, and `-` where the median training
  failed. `min` and `max` are of those that solved.
- **Settings**: found by `bench/tune.py` alike, by trainings from the seeds 1000 and above, of which none is measured,
  but for two on the spirals, bitprop's nesterov and levenberg_marquardt, which were not tuned: the setting with the
  least median time of those that solve nine of ten trainings, or else the one that solves most. The tables of settings
  have them.

## The contestants

Each is written as its users write it at its fastest; all compute in double precision, unless `dtype` says otherwise.

- **bitprop**: one call of `fit` with `goal=` for each rule. A check of the goal returns from the core to Python, so
  `check_every` is a setting. `epochs` bounds what a training can take.
- **bitprop in C** (`bench/core_solve.c`, called through ctypes): `bp_train` of the installed core, epoch by epoch in a
  loop of C, as those who embed the core call it; the loop is compiled with `{core_flags}`. With a squared error it ends
  at the goal by the error that an epoch logs, of the parameters before its step; for PROBEN1, and with a cross-entropy,
  by `bp_loss`.
- **scikit-learn** (`peer_sklearn.py`): `MLPClassifier`, whose loss is the cross-entropy, or `MLPRegressor` for the
  sine; `alpha=0`. adam calls `partial_fit` on all rows; lbfgs calls `fit` with `warm_start`, for `max_iter` iterations
  a time. Neither can stop at a loss, so the loss of its predictions is calculated every `check_every` epochs (of lbfgs:
  iterations).
- **PyTorch** (`peer_torch.py`): `Sequential` of `Linear` layers, the full batch. Adam is the fused form, which is
  faster here than the plain one and `foreach`; Rprop, which has no fused form, is the plain one, faster here than
  `foreach`. The loss is read in each epoch. LBFGS has the line search `strong_wolfe`; it is left from inside its
  closure, as soon as that meets the goal. `compiled`: `check_every` steps of Adam, written as a function of the
  parameters, in one graph by `torch.compile`; compiling only the modules was slower than not compiling. Adam and Rprop
  have the settings that were found for the same rule of JAX, which makes the same steps in far less time.
- **JAX** (`peer_jax.py`): Adam and RPROP (iRPROP-) written by hand, all in one `jit` with a `while_loop` that ends at
  the goal. The loss of each step comes with its gradient, and costs nothing more.
- **SciPy** (`peer_scipy.py`): the network and its derivatives in NumPy. `least_squares(method="lm")` is MINPACK's
  Levenberg-Marquardt, with the Jacobian; where there are fewer residuals than parameters, which it refuses, residuals
  that are always 0 are added. `minimize(method="L-BFGS-B")` has the gradient. Both are left from inside the function,
  as soon as that meets the goal.
- **FANN** (`bench/fann_solve.c`, called through ctypes): `fann_train_epoch` by RPROP in a loop of C, which ends at the
  goal by its result, that of `fann_get_MSE`: the mean over rows and outputs of the squared errors, measured before the
  epoch's step. For PROBEN1, `fann_test_data` on the validation examples is the measure. The library is the system's;
  the program around it is compiled with `{fann_flags}`. Its stepwise activations are faster, but make another network.

## Problems

| problem | network | activations | start weights | rows judged | goal |
|---|---|---|---|---|---|
{problems}
"""


def write(reports: Sequence[Mapping[str, Any]], fann: Sequence[str], core: Sequence[str], path: Path) -> None:
    """Writes the page of these reports, in their order; `fann`, `core`: the flags of the programs in C."""
    outcomes = [Outcome.from_json(fields) for report in reports for fields in report["outcomes"]]
    first = reports[0]
    names = {outcome.problem for outcome in outcomes}
    shown = [problem for problem in PROBLEMS if problem.name in names]
    page = PAGE.format(
        wrote="This command wrote this page."
        if len(reports) == 1
        else "These commands wrote this page, in this order.",
        commands="\n".join(report["command"] for report in reports),
        here="\n".join(f"| {name} | {value} |" for name, value in first["here"].items()),
        seeds=first["seeds"],
        last_seed=first["seeds"] - 1,
        limit=first["limit"],
        inits=" or ".join(sorted({f"`{problem.init}`" for problem in shown})),
        repeats=MOST_REPEATS,
        repeated=REPEATED,
        tolerance=TOLERANCE,
        fann_flags=" ".join(fann),
        core_flags=" ".join(core),
        fastest="\n".join(_table(aim_cells(outcomes))),
        aims="\n".join(_aims(outcomes)),
        problems="\n".join(
            f"| {problem.title} | {'-'.join(map(str, problem.sizes))} | {', '.join(problem.activations)} "
            f"| {problem.init} | {problem.judged} | {problem.goal:g} |"
            for problem in shown
        ),
    )
    lines = []
    for outcome in outcomes:
        title = solve_title(outcome)
        lines += ["", f"## {title[0].upper()}{title[1:]}", "", *_table(solve_cells(outcome))]
        reasons = left_out([outcome])
        lines += ["", *(f"- {reason}" for reason in reasons)] if reasons else []
        settings = [["settings", "first, s", "values"]]
        for row in outcome.rows:
            values = ", ".join(f"{name}={value!r}" for name, value in row.settings.items())
            settings.append([row.name, f"{row.warmed:.2g}", f"`{values}`" if values else "the defaults"])
        lines += ["", *_table(settings)]
    path.write_text(page + "\n".join(lines) + "\n", encoding="utf-8")


def _aims(outcomes: Sequence[Outcome]) -> list[str]:
    """What the project aims at, and where it is reached."""
    lines = []
    for ours, peers, name, factor in AIMS:
        ratios = {outcome.problem: ratio for outcome in outcomes if (ratio := times(outcome, ours, peers)) is not None}
        if not ratios:
            continue
        unsolved = [outcome.problem for outcome in outcomes if outcome.problem not in ratios]
        missed = [f"{problem} ({ratio:.3g})" for problem, ratio in ratios.items() if ratio < factor]
        verdict = f"reached on {len(ratios) - len(missed)} of {len(ratios)} problems"
        left = f"; on {', '.join(unsolved)} one of the two solves too few" if unsolved else ""
        lines.append(f"- The aim is to be {factor:g} times faster than {name}: {verdict}{_but(missed)}{left}.")
    return lines


def _but(missed: Sequence[str]) -> str:
    return f", missed on {', '.join(missed)}" if missed else ""


def _table(table: Sequence[Sequence[str]]) -> list[str]:
    """The table in Markdown, bitprop's rows in bold."""
    head, *rows = table
    bold = [[f"**{row[0]}**", *row[1:]] if row[0].startswith("bitprop") else row for row in rows]
    rule = ["---", *["---:" if head[0] == "ms" else "---"] * (len(head) - 1)]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *bold)]
