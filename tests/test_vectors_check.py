# SPDX-License-Identifier: MIT
"""`bitprop vectors`: what it says of ports that are right, wrong in the usual ways, or not there."""

from __future__ import annotations

import importlib.resources
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bitprop.vectors import cases, check, generate, mistakes

pytestmark = pytest.mark.oracle
Outcome = subprocess.CompletedProcess[str]
# A port that answers as the oracle does, with one thing changed. `change` is code that may replace `found`.
PORT = """
import json, sys
from bitprop.vectors import answers, mistakes, oracle
module = oracle
for number, line in enumerate(sys.stdin):
    question = json.loads(line)
    {prepare}
    found = answers.answer(question["function"], question["input"], module)
    {change}
    print(json.dumps(found) if isinstance(found, dict) else found, flush=True)
"""


def run(*arguments: str) -> Outcome:
    """The command."""
    command = [sys.executable, "-m", "bitprop", "vectors", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def port(tmp_path: Path) -> object:
    """Makes a port with this change, and returns the command that starts it."""

    def make(change: str = "pass", prepare: str = "pass") -> str:
        path = tmp_path / "port.py"
        path.write_text(PORT.format(change=change, prepare=prepare), encoding="utf-8")
        return shlex.join([sys.executable, str(path)])

    return make


def test_optional_group(port: object) -> None:
    """A port may say that it leaves an optional group out, and then no further case of it is asked; no other group."""
    left_out = 'found = {"unsupported": True} if question["function"] == "levenberg" else found'
    command = port(left_out)  # type: ignore[operator]  # a fixture that makes
    found = run("check", "--exec", command, "--group", "levenberg", "--group", "arithmetic")
    assert (found.returncode, found.stderr) == (0, "")
    [cases_of] = [len(document["cases"]) for document in check.documents(["levenberg"])]
    assert f"levenberg    not supported: {cases_of} cases\n" in found.stdout
    assert found.stdout.endswith(" cases agree; not supported: levenberg\n")
    [_, group] = json.loads(
        run("check", "--json", "--exec", command, "--group", "levenberg", "--group", "arithmetic").stdout
    )["groups"]
    assert (group["supported"], group["answered"], group["agree"], group["first"]) == (False, 0, 0, None)
    everything = port('found = {"unsupported": True}')  # type: ignore[operator]
    assert run("check", "--exec", everything, "--group", "arithmetic").returncode == 1
    late = 'found = {"unsupported": True} if number else found'
    assert run("check", "--exec", port(late), "--group", "levenberg").returncode == 1  # type: ignore[operator]


def test_right_port(port: object) -> None:
    """Every case agrees: exit status 0, as text and as JSON."""
    command = port()  # type: ignore[operator]  # a fixture that makes
    found = run("check", "--exec", command)
    assert (found.returncode, found.stderr) == (0, "")
    total = sum(len(document["cases"]) for document in check.documents(cases.GROUPS))
    assert total > 560
    assert f"\n{total} of {total} cases agree\n" in found.stdout
    fields = json.loads(run("check", "--exec", command, "--json", "--group", "init").stdout)
    group = {
        "group": "init",
        "cases": 70,
        "agree": 70,
        "answered": 70,
        "differing_bits": 0,
        "first": None,
        "silence": "",
        "supported": True,
    }
    assert fields == {"contract": 1, "agree": True, "groups": [group]}


# The mistake, the first group in which it shows, and a word of what is said of it.
SHOWN = [
    (0, "arithmetic", "fused"),
    (1, "forward", "fused"),
    (2, "forward", "forward pass"),
    (3, "gradient", "backward pass"),
    (4, "steps", "in the step"),
    (5, "activations", "libm"),
    (6, "activations", "Horner"),
    (7, "lanes", "one running sum"),
    (8, "lanes", "one after the other"),
    (9, "gradient", "halved before it is divided"),
    (10, "steps", "after the step"),
    (11, "batches", "by the full batch size"),
    (12, "batches", "by the number of all rows"),
    (13, "shuffles", "below i, not"),
    (14, "shuffles", "below the number of rows"),
    (15, "shuffles", "from the first row up"),
    (16, "shuffles", "stream of the weights"),
    (17, "shuffles", "stream of the data"),
    (18, "shuffles", "seeded again in each epoch"),
    (19, "shuffles", "begins each epoch with the rows in order"),
    (20, "shuffles", "the same in each epoch"),
    (21, "arithmetic", "x87"),
    (22, "arithmetic", "double rounding"),
    (23, "arithmetic", "float32"),
    (24, "arithmetic", "flushed"),
    (25, "rules", "rate inside"),
    (26, "rules", "below the root"),
    (27, "rules", "without p1 and p2"),
    (28, "rules", "into the gradient"),
    (29, "rules", "after a change of sign"),
    (30, "l1", "left out"),
]


def test_every_mistake_is_tried() -> None:
    """The table above has them all."""
    assert [number for number, _, _ in SHOWN] == list(range(len(mistakes.CAUSES)))


@pytest.mark.parametrize(("number", "group", "word"), SHOWN)
def test_usual_mistakes(port: object, number: int, group: str, word: str) -> None:
    """A port with one of the usual mistakes is told so at the first group that it reaches."""
    prepare = f"module = mistakes.module(list(mistakes.CAUSES)[{number}])"
    command = port(prepare=prepare)  # type: ignore[operator]  # a fixture that makes
    names = list(cases.GROUPS)
    first_asked = (
        names.index(group) if group in ("batches", "shuffles", "rules", "l1") else 0
    )  # what is before takes long
    results = check.run(command, names[first_asked : names.index(group) + 1], 60.0, lambda result: None)
    differing = [result for result in results if result.first]
    first = differing[0].first
    assert first is not None
    if differing[0].group == "gradient" and group == "lanes":  # of few rows, whose sums are not telling enough
        assert word in first.meaning
        differing = differing[1:]
    assert differing[0].group == group
    assert word in first.meaning
    if number >= 5:
        assert "; or of" not in first.meaning
    assert sum(result.differing_bits for result in differing) > 0


WRONG = [
    ("found = 'hello'", "answer one line, a JSON object with the fields result"),
    ("found = {'error': 'not yet'}", "the program says: not yet"),
    ("found = {}", "answer the fields result"),
    ("found = '[' * 100000", "answer one line, a JSON object"),
    ("found = '{\"result\": ' + '[' * 960 + ']' * 960 + '}'", "a list of another length"),
    ("found = '{\"result\": 1, \"result\": ' + json.dumps(found['result']) + '}'", "answer one line, a JSON object"),
    ("found = {'error': chr(0xD800) + chr(27)}", "the program says: \\ud800\\x1b"),
    ("found['more'] = 1", "answer only the expected fields"),
    ("found['result'].pop()", "a list of another length"),
    ("found['result'][1] = found['result'][1].upper() + ' '", "16 lower-case hexadecimal digits"),
    ("found['result'][1] = 1.0", "16 lower-case hexadecimal digits"),
    ("found['result'] = None", "answer a list"),
    ("found['result'] = [bytes.fromhex(x)[::-1].hex() for x in found['result']]", "most significant digit comes first"),
    ("found['result'] = [x.replace('7ff8000000000000', 'fff8000000000000') for x in found['result']]", "§1.5"),
    ("found['result'] = [x.replace('8000000000000000', '0000000000000000') for x in found['result']]", "wrong sign"),
    ("sys.exit(3)", "the program ended with status 3 instead of answering"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "by signal 9"),
    ("import os; os.close(1); import time; time.sleep(60)", "closed its output"),
    ("import time; time.sleep(60)", "no answer within 2 s; does it flush"),
    ("sys.stdout.write(json.dumps(found)); sys.exit(0)", "without an end of line"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_answers(port: object, change: str, message: str) -> None:
    """What is wrong is said, and the exit status is 1."""
    command = port(change)  # type: ignore[operator]  # a fixture that makes
    found = run("check", "--exec", command, "--group", "arithmetic", "--timeout", "2")
    assert found.returncode == 1
    assert message in found.stdout
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("change", ["n == 1 if n < 2 else n", "float(n)", "str(n)", "{}"])
def test_whole_numbers(port: object, change: str) -> None:
    """true, false, 0.0 and '0' are no whole numbers: their type is told, and no cause that they do not have."""
    code = f"found = {{'randbelow': [{change} for n in found['randbelow']]}} if 'randbelow' in found else found"
    found = run("check", "--exec", port(code), "--group", "generator")  # type: ignore[operator]  # as above
    assert found.returncode == 1
    assert "another type: answer a whole number without a point or quotes" in found.stdout
    assert "these are the bits of" not in found.stdout


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("diverged", "0.0 if found['diverged'] == 0 else found['diverged']", "answer a whole number without"),
        ("diverged", "False if found['diverged'] is None else found['diverged']", "answer null, or a whole number"),
        ("bias", "int(found['bias'])", "answer true or false"),
        ("refused", "1", "answer true or false"),
    ],
)
def test_types(port: object, field: str, value: str, message: str) -> None:
    """An epoch, null, true and false have types too."""
    command = port(f"if {field!r} in found: found[{field!r}] = {value}")  # type: ignore[operator]  # as above
    group = "divergence" if field == "diverged" else "decode"
    assert f"another type: {message}" in run("check", "--exec", command, "--group", group).stdout


def test_refusals(port: object) -> None:
    """A reader that takes what §11 refuses, or refuses what it allows, is told so."""
    for change, message in (
        ("found = {'sizes': []} if 'refused' in found else found", 'that §11 refuses: answer {"refused": true}'),
        ("found = {'refused': True}", "that §11 allows: answer its parts"),
        ("if 'sizes' in found: found['sizes'][0] += 1", "is not read as §11 says"),
    ):
        command = port(change)  # type: ignore[operator]  # a fixture that makes
        assert message in run("check", "--exec", command, "--group", "decode").stdout


def test_large_counts(port: object) -> None:
    """A slip in a large case is not tried in all ways, which takes long: the usual kind is named."""
    command = port("found['crc'] = '00000000'")  # type: ignore[operator]  # a fixture that makes
    found = run("check", "--exec", command, "--group", "large", "--case", "small")
    assert "kept in 8, 16 or 32 bits" in found.stdout


def test_a_fused_multiply_add_is_told_once(port: object) -> None:
    """The places that it may be in are told together."""
    for place, end in (("", "no fma)\n"), (", here in the network", "here in the network or in the forward pass\n")):
        command = port(prepare=f"module = mistakes.module(mistakes.FUSED + {place!r})")  # type: ignore[operator]  # as above
        found = run("check", "--exec", command, "--group", "forward")
        assert found.stdout.count("fused multiply-add") == 1
        assert end in found.stdout


def test_a_halved_loss_is_not_x87(port: object) -> None:
    """(0.5*sse)/n is told apart from excess precision by the answers that agree, also where no group was before."""
    change = "module = mistakes.module(next(name for name in mistakes.CAUSES if name.startswith('a loss halved')))"
    found = run("check", "--exec", port(prepare=change), "--group", "gradient")  # type: ignore[operator]  # as above
    assert "these are the bits of a loss halved before it is divided" in found.stdout
    assert "x87" not in found.stdout


def test_differing_bits(port: object) -> None:
    """Each group tells how many bits differ."""
    flip = "if 'y' in found: found['y'][0] = f\"{int(found['y'][0], 16) ^ 3:016x}\""
    found = run("check", "--exec", port(flip), "--group", "activations", "--group", "arithmetic")  # type: ignore[operator]  # as above
    total = len(next(check.documents(["activations"]))["cases"])
    assert f"activations    1 of  {total} cases agree, {2 * (total - 1)} differing bits\n" in found.stdout
    assert "arithmetic    12 of  12 cases agree\n" in found.stdout


def test_termination(port: object) -> None:
    """A terminated check takes its port with it."""
    command = port("print(os.getpid(), file=sys.stderr, flush=True); import time; time.sleep(60)", "import os")  # type: ignore[operator]  # as above
    check_command = [sys.executable, "-m", "bitprop", "vectors", "check", "--exec", command]
    with subprocess.Popen(check_command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        pid = int(process.stderr.readline())
        process.terminate()
        assert process.wait(20) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_silence_ends_the_check(port: object) -> None:
    """A program that dies once is asked the next group; at the second time no more is asked."""
    command = port("number == 3 and sys.exit(0)")  # type: ignore[operator]  # a fixture that makes
    found = run("check", "--exec", command)
    assert "arithmetic     3 of  12 cases agree, 9 not answered" in found.stdout
    total = len(next(check.documents(["activations"]))["cases"])
    assert f"activations    3 of  {total} cases agree, {total - 3} not answered" in found.stdout
    assert "generator" not in found.stdout
    assert f"{len(cases.GROUPS) - 2} groups were not asked any more" in found.stderr
    assert found.returncode == 1


def test_one_case(port: object) -> None:
    """--case shows the question and the expected answer, and asks it alone."""
    command = port()  # type: ignore[operator]  # a fixture that makes
    found = run("check", "--exec", command, "--case", "one-sigmoid", "--case", "fused")
    asked, expected = found.stderr.splitlines()[2:4]
    assert asked.startswith('asked: {"function": "forward", "input": {"sizes": [1, 1]')
    assert f"answered: {expected.partition(': ')[2]}" in found.stderr.splitlines()
    assert "\n3 of 3 cases agree\n" in found.stdout  # two groups have a case of that name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--exec", "A=1 ./no-such-port"], "no shell takes part"),
        (["--exec", "node 'unclosed"], "quoted as in a shell"),
        (["--exec", ""], "expected a command"),
        (["--exec", "cat", "--timeout", "0"], "--timeout is 0"),
        (["--exec", "cat", "--timeout", "nan"], "--timeout is nan"),
        (["--exec", "cat", "--case", "one-sigmod"], "such as one-sigmoid"),
        (["--exec", "cat", "--group", "none"], "invalid choice"),
        ([], "--exec"),
    ],
)
def test_bad_usage(arguments: list[str], message: str) -> None:
    """One clear line and exit status 2."""
    found = run("check", *arguments)
    assert found.returncode == 2
    assert message in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_ulps() -> None:
    """Neighbours are one apart, on both sides of zero; the two zeros are the same number."""
    assert check.ulps("3ff0000000000000", "3ff0000000000001") == 1
    assert check.ulps("0000000000000001", "8000000000000001") == 2
    assert check.ulps("0000000000000000", "8000000000000001") == 1
    assert check.ulps("0000000000000000", "8000000000000000") is None
    assert check.ulps("7ff8000000000000", "3ff0000000000000") is None
    assert check.ulps("3ff0000000000000", "1.0") is None


def test_generate(tmp_path: Path) -> None:
    """The stored vectors are what the oracle gives, byte by byte; where not, the message names the command."""
    found = run("generate", "--out", str(tmp_path / "new"))
    assert found.returncode == 0
    stored = importlib.resources.files("bitprop") / "vectors"
    for document in check.documents(cases.GROUPS):
        name = generate.file_name(document["group"])
        assert f"{name}: {len(document['cases'])} cases" in found.stdout
        differs = f"{name} differs; run: {generate.COMMAND}"
        assert tmp_path.joinpath("new", name).read_bytes() == stored.joinpath(name).read_bytes(), differs
    names = {path.name for path in tmp_path.joinpath("new").iterdir()}
    assert {entry.name for entry in stored.iterdir() if entry.name.endswith(".json")} == names
    tmp_path.joinpath("file").touch()
    assert run("generate", "--out", str(tmp_path / "file")).returncode == 2
