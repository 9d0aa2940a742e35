# SPDX-License-Identifier: MIT
"""The time to solution: what counts as solved is solved, and what the clerk makes of it. Speed is never asserted."""

from __future__ import annotations

import ctypes.util
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bitprop import Network
from bitprop._progress import Progress
from bitprop.bench import solve
from bitprop.bench.problems import NAMES, PROBLEMS, examples
from bitprop.bench.processes import Process
from bitprop.bench.settings import SETTINGS
from bitprop.bench.solve import Measurement, Outcome, Solver, solve_all, solvers
from bitprop.bench.solver import Job, makers
from bitprop.bench.tables import aim_cells, solve_cells, solve_printable
from bitprop.cli import main
from bitprop.cli import solve as cli_solve

HERE = Path(__file__).resolve().parent
MODULES = {"scikit-learn": "sklearn", "PyTorch": "torch", "JAX": "jax", "SciPy": "scipy"}
PROBEN1 = str(HERE / "proben1")
XOR = PROBLEMS[0]
ANSWERS = """
import json, sys
for seed in map(int, sys.stdin):
    print(json.dumps({"warmed": 0.5, **%s}), flush=True)
"""
SOLVED = '{"seconds": 0.001 * (seed + 1), "reached": True, "loss": 0.009}'


def job(problem: str, settings: dict[str, Any], folder: str | None = None) -> dict[str, Any]:
    """A job as a clerk asks for it."""
    return {"problem": problem, "folder": folder, "settings": settings, "limit": 60.0}


def answers(command: list[str], fields: dict[str, Any], seeds: str = "0\n") -> list[dict[str, Any]]:
    """What a contestant's process answers to these seeds; it has gcc, if it needs a compiler."""
    arguments, env = [*command, json.dumps(fields)], {**os.environ, "CC": "gcc"}
    done = subprocess.run(arguments, input=seeds, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def fake(name: str, answer: str) -> Solver:
    """A contestant that answers this expression."""
    return Solver(name, [sys.executable, "-c", ANSWERS % answer], {"xor": {}, "sine": {}})


def measured(*everyone: Solver, seeds: int = 3, limit: float = 5.0) -> Outcome:
    """The outcome of xor."""
    measurement = Measurement(XOR, everyone, None, limit)
    measurement.run(seeds, Progress(1, "", False))
    outcome = measurement.outcome()
    assert outcome is not None
    return outcome


@pytest.mark.parametrize("solver", solvers(), ids=lambda solver: solver.name)
def test_solved_networks_have_the_loss(solver: Solver) -> None:
    """A contestant that says it reached the goal returns a network whose loss, by bitprop, is there."""
    module = next((module for name, module in MODULES.items() if solver.name.startswith(name)), "bitprop")
    pytest.importorskip(module)
    settings = dict(solver.settings["xor"])
    if "compiled" in solver.name:
        if shutil.which("g++") is None:
            pytest.skip("torch.compile needs a C++ compiler")
        settings["check_every"] = 1  # a short compilation
    [answer] = answers(list(solver.command), job("xor", settings))
    assert answer["reached"]
    assert 0.0 < answer["loss"] <= XOR.goal * (1.0 + solve.TOLERANCE)
    assert 0.0 < answer["seconds"] < 60.0


def test_fann() -> None:
    """Likewise FANN, whose error is of the parameters before its last step; the outputs of the sine are linear."""
    if shutil.which("gcc") is None or ctypes.util.find_library("doublefann") is None:
        pytest.skip("needs gcc and libdoublefann (Debian: libfann-dev)")
    command = [sys.executable, str(HERE.parent / "bench" / "fann_solver.py"), "FANN RPROP"]
    for problem in (XOR, PROBLEMS[NAMES.index("sine")]):
        [answer] = answers(command, job(problem.name, {"errors": "linear"}))
        assert answer["reached"]
        assert 0.5 * problem.goal < answer["loss"] <= problem.goal * (1.0 + solve.TOLERANCE)
    [answer] = answers(command, job("cancer1", {"errors": "tanh", "check_every": 2}, PROBEN1))
    assert answer["reached"]
    assert 0.0 < answer["loss"] <= 0.02 * (1.0 + solve.TOLERANCE)


@pytest.mark.parametrize("name", [name for name in SETTINGS if solve.kind_of(name) == "bitprop in C"])
def test_core(name: str) -> None:
    """Likewise the core from C, with the settings of every problem but those that take long or have no file here."""
    if shutil.which("gcc") is None or importlib.util.find_spec("bitprop._core") is None:
        pytest.skip("needs gcc and the compiled core")
    command = [sys.executable, str(HERE.parent / "bench" / "core_solver.py"), name]
    for problem in PROBLEMS:
        if problem.name in ("spirals", "diabetes1"):
            continue
        fields = {**job(problem.name, dict(SETTINGS[name][problem.name]), PROBEN1), "limit": 1.0}
        got = answers(command, fields, "0\n1\n2\n")
        reached = [answer["loss"] for answer in got if answer["reached"]]
        assert len(reached) >= 2
        assert min(reached) > 0.0
        assert max(reached) <= problem.goal * (1.0 + 1e-12)


def test_core_has_the_bits() -> None:
    """From C the training is that of `fit`: it ends with the same loss where both look at every epoch."""
    if shutil.which("gcc") is None or importlib.util.find_spec("bitprop._core") is None:
        pytest.skip("needs gcc and the compiled core")
    settings = {"rule": "rprop", "loss": "mse", "first_step": 0.3, "check_every": 1}
    command = [sys.executable, str(HERE.parent / "bench" / "core_solver.py"), "bitprop rprop, in C"]
    found = [answer["loss"] for answer in answers(command, job("sine", settings), "0\n1\n")]
    command = [sys.executable, "-m", "bitprop.bench.solver", "bitprop rprop"]
    settings["epochs"] = 30000
    assert found == [answer["loss"] for answer in answers(command, job("sine", settings), "0\n1\n")]


@pytest.mark.parametrize("name", [name for name in makers() if name.startswith("bitprop")])
def test_validation_is_what_is_judged(name: str) -> None:
    """On data of PROBEN1 the network that bitprop ends with has the loss on the validation rows."""
    solver = next((solver for solver in solvers() if solver.name == name), None)
    if solver is None:
        pytest.skip("a rule that is not here yet")
    work = Job.from_json(job("cancer1", dict(solver.settings["cancer1"]), PROBEN1))
    problem = work.problem
    trained = makers()[name](work)(work.start(0), 60.0)()
    net = Network(*problem.sizes, activation=problem.activations)
    net.parameters[:] = array("d", trained.parameters())
    data = examples(problem, PROBEN1)
    assert len(data.x) == 350
    assert len(data.judged_x) == 175
    assert trained.reached == (net.loss(data.judged_x, data.judged_y) <= problem.goal * (1.0 + 1e-12))


@pytest.mark.parametrize("problem", [problem for problem in PROBLEMS if problem.name != "diabetes1"])
def test_problems(problem: Any) -> None:
    """The data have the network's inputs and outputs, and no start is solved before it is trained."""
    data = examples(problem, PROBEN1)
    for x, y in ((data.x, data.y), (data.judged_x, data.judged_y)):
        assert ({len(row) for row in x}, {len(row) for row in y}) == ({problem.sizes[0]}, {problem.sizes[-1]})
        assert f", {len(data.x)} rows," in problem.title
    assert min(problem.network(seed).loss(data.judged_x, data.judged_y) for seed in range(5)) > 2.0 * problem.goal


@pytest.mark.parametrize("name", ["encoder", "cancer1", "sine"])
def test_derivatives_of_the_numpy_network(name: str) -> None:
    """What SciPy gets are the derivatives that bitprop has, and their residuals."""
    np = pytest.importorskip("numpy")
    from bitprop.bench.peer_scipy import _Network

    work = Job.from_json(job(name, {"loss": "mse"}, PROBEN1))
    problem = work.problem._replace(goal=0.0)
    network = _Network(work._replace(problem=problem))
    network.deadline = float("inf")
    start = np.array(work.start(1))
    net = problem.network(1)
    loss, gradient = network.loss_and_gradient(start)
    assert loss == pytest.approx(net.loss(work.x, work.y), rel=1e-12)  # which sums in another order
    expected = np.asarray(net.gradient(np.asarray(work.x), np.asarray(work.y), loss="mse"))
    assert gradient == pytest.approx(expected, rel=1e-9, abs=1e-15)
    errors = network.residuals(start)
    assert 2.0 / errors.size * network.jacobian(start).T @ errors == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_all_are_tuned() -> None:
    """Every contestant has settings for every problem, and a grid to look for better ones, or another one's."""
    assert {name: set(settings) for name, settings in SETTINGS.items()} == {name: set(NAMES) for name in SETTINGS}
    code = "import sys; sys.path.insert(0, sys.argv[1]); import tune; print(*tune.GRIDS, *tune.SAME, sep='|')"
    command = [sys.executable, "-c", code, str(HERE.parent / "bench")]
    tuned = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert sorted(tuned.strip().split("|")) == sorted(SETTINGS)


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
@pytest.mark.parametrize(
    "solver", [solver for solver in solvers() if solver.name.startswith("bitprop")], ids=lambda solver: solver.name
)
def test_settings_are_options_of_fit(solver: Solver) -> None:
    """bitprop takes the settings of every problem, and an epoch of them changes the network."""
    for problem in PROBLEMS:
        if problem.name == "diabetes1":
            continue
        work = Job.from_json(job(problem.name, {**solver.settings[problem.name], "epochs": 1}, PROBEN1))
        start = work.start(0)
        trained = makers()[solver.name](work)(start, 60.0)()
        assert array("d", trained.parameters()) != start


def test_what_counts_as_solved() -> None:
    """Not a loss above the goal, whatever the contestant says, nor a time above the limit."""
    outcome = measured(
        fake("bitprop one", SOLVED),
        fake("liar", '{"seconds": 0.001, "reached": True, "loss": 0.011}'),
        fake("slow", '{"seconds": 0.5 + seed, "reached": True, "loss": 0.01}'),
        fake("modest", '{"seconds": 0.001, "reached": False, "loss": 0.009}'),
        limit=2.0,
    )
    rows = {row.name: row for row in outcome.rows}
    assert [row.name for row in outcome.rows[:2]] == ["bitprop one", "slow"]
    assert (rows["bitprop one"].median, rows["bitprop one"].ratio) == (2.0, 1.0)
    assert (rows["slow"].solved, rows["slow"].median, rows["slow"].high) == (2, 1500.0, 1500.0)
    assert rows["slow"].ratio == 750.0
    assert (rows["liar"].solved, rows["liar"].median, rows["liar"].low) == (0, None, None)
    assert rows["liar"].check == "OFF: a loss of 0.011"
    assert (rows["modest"].solved, rows["modest"].check) == (0, "")
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json(), allow_nan=False))) == outcome


def test_median_is_of_all_trainings() -> None:
    """One that fails takes for ever, so a median may be none though some are solved; so may the middle of two."""
    often = '{"seconds": 0.001, "reached": seed %% 2 == 0, "loss": 0.009}'.replace("%%", "%")
    three = measured(fake("bitprop", often)).rows[0]
    assert (three.median, three.solved, three.seeds) == (1.0, 2, 3)
    four = measured(fake("bitprop", often), seeds=4)
    assert (four.rows[0].median, four.rows[0].solved, four.rows[0].low) == (None, 2, 1.0)
    assert solve_cells(four)[1] == ["bitprop", "-", "1.00", "1.00", "-", "2/4", "agrees"]


def test_left_out_by_name() -> None:
    """Who does not start is named with the reason; the others run."""
    broken = Solver("broken", [sys.executable, "-c", "import nothing_of_this_name"], {"xor": {}})
    outcome = measured(broken, fake("bitprop", SOLVED))
    assert [row.name for row in outcome.rows] == ["bitprop"]
    assert "left out: broken: ModuleNotFoundError" in solve_printable(outcome)


def test_the_fastest_of_each() -> None:
    """The table of the aim has the fastest from Python and from C, and how many times longer the peers take."""
    slower = '{"seconds": 0.01, "reached": True, "loss": 0.009}'
    never = '{"seconds": 0.01, "reached": False, "loss": 0.9}'
    outcome = measured(
        fake("bitprop", SOLVED),
        fake("JAX", slower),
        fake("SciPy", never),
        fake("FANN", never),
        fake("bitprop x", slower),
        fake("bitprop x, in C", SOLVED),
    )
    assert aim_cells([outcome])[1] == [
        "xor",
        "2.00 (bitprop)",
        "10.0 (JAX)",
        "5.00",
        "2.00 (bitprop x, in C)",
        "-",
        "-",
    ]
    ratios = {row.name: row.ratio for row in outcome.rows}
    assert (ratios["bitprop x"], ratios["bitprop x, in C"]) == (5.0, 1.0)


def test_interrupt_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C there are the problems that are done, and of the last the seeds that all contestants have done."""
    ask = Process.ask
    asked: list[object] = []

    def stopping(self: Process, question: object) -> dict[str, Any]:
        asked.append(question)
        if len(asked) == 8:  # the second contestant's second seed of the second problem
            raise KeyboardInterrupt
        return ask(self, question)

    monkeypatch.setattr(Process, "ask", stopping)
    everyone = [fake("bitprop", SOLVED), fake("JAX", SOLVED)]
    problems = [XOR, PROBLEMS[NAMES.index("sine")]]
    outcomes: list[Outcome] = []
    with pytest.raises(KeyboardInterrupt):
        outcomes.extend(solve_all(problems, everyone, 2, None, 5.0, False))
    assert [(outcome.problem, [row.seeds for row in outcome.rows]) for outcome in outcomes] == [
        ("xor", [2, 2]),
        ("sine", [1, 1]),
    ]


@pytest.fixture
def _ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command without its peers, and with one that takes no time: the pure twin would need minutes."""
    from bitprop.cli import bench

    command = [sys.executable, "-c", ANSWERS % SOLVED.replace("0.009", "0.0009")]
    alone = Solver("bitprop rprop", command, {name: {"rule": "rprop"} for name in NAMES})
    monkeypatch.setattr(bench, "solvers", lambda: [alone])


@pytest.mark.usefixtures("_ours_alone")
def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints a table for each problem and names those without data; --json has the same figures."""
    assert main(["bench", "--solve", "--seeds", "2", "--limit", "50", "--no-progress"]) == 0
    out, err = capsys.readouterr()
    assert "left out without --data DIR, the folder of their files: cancer1, diabetes1" in err
    titles = [problem.title for problem in PROBLEMS if not problem.proben1]
    assert [title for title in titles if title in out] == titles
    assert main(["bench", "--solve", "--seeds", "2", "--problems", "sine,xor", "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert (fields["seeds"], fields["limit"]) == (2, solve.LIMIT)
    assert [each["problem"] for each in fields["outcomes"]] == ["xor", "sine"]
    [row] = fields["outcomes"][0]["rows"]
    assert (row["name"], row["seeds"], row["settings"]["rule"]) == ("bitprop rprop", 2, "rprop")


@pytest.mark.usefixtures("_ours_alone")
def test_command_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C prints the table of what is done, and the status is 130."""

    def interrupted(*_: Any) -> Iterator[Outcome]:
        yield measured(fake("bitprop", SOLVED))
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_solve, "solve_all", interrupted)
    assert main(["bench", "--solve", "--problems", "xor,sine"]) == 130
    out, err = capsys.readouterr()
    assert "the fastest of each" in out
    assert "3/3" in out
    assert err.splitlines()[-1] == "bitprop: interrupted"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--solve", "--problems", "xor,iris"], "--problems has 'iris', expected some of xor,linear"),
        (["--solve", "--problems", ""], "--problems has '', expected some of"),
        (["--solve", "--problems", "cancer1"], "--problems has cancer1, expected --data DIR with it"),
        (["--solve", "--data", "nowhere"], "--data is 'nowhere', expected a folder with cancer1.dt.gz"),
        (["--solve", "--seeds", "0"], "--seeds is 0, expected 1 or more"),
        (["--solve", "--seeds", "many"], "'many' is not a whole number"),
        (["--solve", "--limit", "0"], "--limit is 0.0, expected a number of seconds above 0"),
        (["--solve", "--limit", "nan"], "--limit is nan, expected a number of seconds above 0"),
        (["--solve", "--quick"], "--quick has no effect with --solve"),
        (["--solve", "--only", "full"], "--only has no effect with --solve"),
        (["--solve", "--rounds", "2"], "--rounds has no effect with --solve"),
        (["--seeds", "3"], "--seeds has no effect without --solve"),
        (["--problems", "xor"], "--problems has no effect without --solve"),
    ],
)
def test_wrong_input(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says what was given and expected, and the status 2."""
    try:
        status = main(["bench", *arguments])
    except SystemExit as error:  # as argparse ends
        status = int(str(error.code))
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    [line] = err.splitlines()
    assert told in line


def test_page(tmp_path: Path) -> None:
    """The page of a report says what was measured, and where the aim is missed."""
    slower = '{"seconds": 0.03, "reached": True, "loss": 0.009}'
    outcome = measured(fake("bitprop rprop", SOLVED), fake("JAX Adam", slower), fake("FANN RPROP", slower))
    report = {"command": "the command", "seeds": 3, "limit": 5.0, "here": {"Python": "3"}, "outcomes": []}
    report["outcomes"] = [outcome.to_json()]
    code = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import solve_page
solve_page.write([json.load(sys.stdin)], ["-O2"], ["-O3"], Path("page.md"))
"""
    command = [sys.executable, "-c", code, str(HERE.parent / "bench")]
    subprocess.run(command, input=json.dumps(report), text=True, check=True, cwd=tmp_path)
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| **bitprop rprop** | 2.00 | 1.00 | 3.00 | 1.00 | 3/3 | agrees |" in page
    assert "20 times faster than the best Python peer: reached on 0 of 1 problems, missed on xor (15)." in page
    assert "2 times faster than FANN from C, with bitprop from Python: reached on 1 of 1 problems." in page
