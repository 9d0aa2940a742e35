# SPDX-License-Identifier: MIT
"""Receipts: their bytes, trainings that are done again for them, and faults of one ulp that are found."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faults
import pytest
from conftest import core_or_skip

import bitprop
from bitprop import Network, OptionError, Receipt, ReceiptError, datasets, names, sweep
from bitprop.cli import main
from bitprop.core import Core
from bitprop.names import Backend
from bitprop.receipts import record
from bitprop.receipts.bits import bits_of, number_of
from bitprop.receipts.machines import CoreMachine, ProgramMachine, Session, Snapshot, Task
from bitprop.receipts.tape import Scene, Tape, initial_state, lanes_before
from bitprop.receipts.verifying import hold, name_of
from bitprop.vectors.check import Port

HERE = Path(__file__).resolve().parent
COMMITTED = HERE / "models" / "receipt.json"
PORT = shlex.join([sys.executable, str(HERE / "platforms" / "port.py")])
X, Y = datasets.xor()
TRAININGS: dict[str, dict[str, Any]] = {
    "descent": {},
    "batches": {"batch_size": 5, "shuffle_seed": 2**64 - 1, "loss": "mse", "log_every": 7},
    "online": {"batch_size": 1, "shuffle_seed": 3, "learning_rate": 0.3},
    "adam": {"rule": "adam", "learning_rate": 0.01, "weight_decay": 0.001, "decay_biases": True},
    "rprop": {"rule": "rprop", "first_step": (0.01, 0.2), "first_step_seed": 5},
    "marquardt": {"rule": "levenberg_marquardt"},
    "rates": {"learning_rate": [0.1 + n / 100 for n in range(50)], "rule": "momentum"},
    "patience": {"validation": 0.2, "split_seed": 4, "patience": 3, "check_every": 2, "batch_size": 4},
    "goal": {"goal": 2.0, "loss": "binary_cross_entropy", "learning_rate": 0.1},
    "weights": {"sample_weight": [0.5] * 20 + [2.0]},
}


def trained(folder: Path, options: dict[str, Any], backend: Backend | None = None, epochs: int = 50) -> Receipt:
    """The receipt of a training on xor."""
    net = Network(2, 3, 1, seed=7, backend=backend)
    net.fit(X, Y, epochs=epochs, receipt=folder / "receipt.json", **options)
    return Receipt.load(folder / "receipt.json")


def more_of(options: dict[str, Any]) -> dict[str, Any]:
    """What a verification needs besides the receipt and the rows."""
    given = {"sample_weight": options.get("sample_weight")}
    rates = options.get("learning_rate")
    return {**given, "learning_rate": rates} if isinstance(rates, list) else given


# --- the file ---


@pytest.mark.parametrize("name", TRAININGS)
def test_bytes(name: str, tmp_path: Path, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receipt has the same bytes, at most 2 KB, by each backend and kernel, and its hashes are those of §14."""
    kernel = names.KERNELS[core.kernel]
    monkeypatch.setenv("BITPROP_KERNEL", kernel)
    receipt = trained(tmp_path, TRAININGS[name], core.name)
    text = tmp_path.joinpath("receipt.json").read_bytes()
    monkeypatch.delenv("BITPROP_KERNEL")
    trained(tmp_path, TRAININGS[name], "python")
    assert tmp_path.joinpath("receipt.json").read_bytes() == text
    assert len(text) <= 2048
    assert 1 <= len(receipt.checkpoints) <= 20
    net = Network(2, 3, 1, seed=7)
    history = net.fit(X, Y, epochs=50, **TRAININGS[name])
    assert receipt.fields["fingerprint"] == net.fingerprint()
    little = array("d", history.errors)
    if sys.byteorder == "big":
        little.byteswap()
    assert receipt.checkpoints[-1].errors == hashlib.sha256(little.tobytes()).hexdigest()[:16]
    if history.best_epoch is None:
        words = array("d", net.parameters)
        if sys.byteorder == "big":
            words.byteswap()
        assert receipt.checkpoints[-1].parameters == hashlib.sha256(words.tobytes()).hexdigest()[:16]


def test_nothing_changes(tmp_path: Path, backend: Backend) -> None:
    """A training with a receipt has the bits, the log and the calls of one without."""
    told: list[list[Any]] = []
    histories = []
    for receipt in (None, tmp_path / "receipt.json"):
        net = Network(2, 4, 4, 1, seed=1, backend=backend)
        calls: list[Any] = []
        options: dict[str, Any] = {"validation": 0.2, "goal": 1e-9, "check_every": 3, "log_every": 2, "batch_size": 4}
        history = net.fit(X, Y, epochs=71, callback=lambda *each, c=calls: c.append(each), receipt=receipt, **options)
        told.append([net.fingerprint(), *calls])
        histories.append(history.to_fields())
    assert told[0] == told[1]
    assert histories[0] == histories[1]


@pytest.mark.parametrize("epochs", [0, 1, 19, 20, 21, 399, 10**6])
def test_checkpoints(epochs: int, tmp_path: Path) -> None:
    """There are at most 20 checkpoints for any length, the last at the end, wherever a callback ends it."""
    net = Network(2, 3, 1, seed=7)
    net.fit(X, Y, epochs=epochs, receipt=tmp_path / "r", callback=lambda epoch, _: epoch == 123)
    receipt = Receipt.load(tmp_path / "r")
    assert receipt.trained == min(epochs, 124)
    assert receipt.checkpoints[-1].epoch == receipt.trained
    assert len(receipt.checkpoints) <= 20
    assert receipt.fields["stopped"] == ("callback" if epochs > 124 else "epochs")
    assert receipt.verify(X, Y).equal


def test_no_receipt(tmp_path: Path) -> None:
    """A training that diverges or goes on writes none; a folder that is missing is refused before any work."""
    path = tmp_path / "r"
    net = Network(1, 1, activation="identity", seed=1)
    with pytest.raises(bitprop.DivergedError):
        net.fit([[1.0]], [[2.0]], epochs=5000, learning_rate=1e3, receipt=path)
    net = Network(2, 3, 1, seed=1)
    net.fit(X, Y, epochs=5)
    with pytest.raises(OptionError, match=r"receipt is given with resume=True"):
        net.fit(X, Y, epochs=9, resume=True, receipt=path)
    with pytest.raises(FileNotFoundError):
        net.fit(X, Y, epochs=9, receipt=tmp_path / "no" / "r")
    for resume in (False, True):
        with pytest.raises(OptionError, match=r"checkpoint and receipt are both"):
            net.fit(X, Y, epochs=9, resume=resume, receipt=path, checkpoint=tmp_path / "." / "r")
    with pytest.raises(OptionError, match=r"receipt is given with resume_file"):
        sweep((2, 1), (X, Y), seeds=[1], epochs=1, receipt=path, resume_file=tmp_path / "s")
    with pytest.raises(OptionError, match=r"receipt is given with resume='rule'"):
        net.fit(X, Y, epochs=9, resume="rule", receipt=path)
    with pytest.raises(OptionError, match=r"of 200 layers would have"):
        Network(*[1] * 200).fit([[0.0]], [[0.0]], epochs=1, receipt=path)
    assert not path.exists()


def test_altered(tmp_path: Path) -> None:
    """A receipt with any byte changed, dropped or added is refused."""
    trained(tmp_path, {})
    path = tmp_path / "receipt.json"
    text = path.read_bytes()
    for place in range(len(text)):
        for changed in (
            text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :],
            text[:place] + text[place + 1 :],
            text[:place],
        ):
            with pytest.raises(ReceiptError):
                record.loads(changed, "it")
    path.write_bytes(text + b" " * 3000)
    with pytest.raises(ReceiptError, match="more than 2048 bytes"):
        Receipt.load(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("contract", 2), ("sizes", [2]), ("sizes", [2, 0, 1]), ("sizes", "2-3-1"), ("activations", ["sigmoid"])),
        *(
            ("bias", 1),
            ("epochs", -1),
            ("epochs", 10**30),
            ("every", 0),
            ("every", 4),
            ("trained", 51),
            ("trained", 49.0),
        ),
        *(("stopped", None), ("stopped", "x"), ("best_epoch", 3), ("fingerprint", "0"), ("errors", []), ("errors", 3)),
        *(("parameters", ["0" * 16] * 16 + ["g" * 16]), ("start", {}), ("start", 3), ("data", {}), ("data", None)),
        *(("options", {}), ("options", {"rule": "x"}), ("options", [1]), ("more", 1), ("scaling", {"inputs": 3})),
        ("start", {"init": "normal", "seed": -1, "fingerprint": "0" * 64}),
        ("options", {"rule": "descent", "loss": "half_sse", "log_every": 1, "learning_rate": "7ff0000000000000"}),
        ("options", {"rule": "descent", "loss": "half_sse", "log_every": 1, "learning_rate": "3ff", "patience": None}),
    ],
)
def test_unsound(name: str, value: Any, tmp_path: Path) -> None:
    """A receipt whose hash is right, with fields that bitprop does not write, is refused with its name."""
    receipt = trained(tmp_path, {})
    receipt.fields[name] = value
    with pytest.raises(ReceiptError, match=r"^it "):
        record.loads(receipt.text().encode(), "it")


STOPPING: dict[str, Any] = {"validation": 0.2, "patience": 3, "check_every": 5}


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        *(({}, {"stopped": stop}) for stop in ("gradient", "mu", "goal", "patience", "generalisation", "progress")),
        ({}, {"trained": 49}),
        ({}, {"scaling": {}}),
        ({"rule": "levenberg_marquardt"}, {"stopped": "patience"}),
        (STOPPING, {"best_epoch": None}),
        (STOPPING, {"best_epoch": 3}),
        ({"goal": 1e-9}, {"stopped": "mu"}),
    ],
    ids=str,
)
def test_forged_ends(options: dict[str, Any], changed: dict[str, Any], tmp_path: Path) -> None:
    """A receipt of an end that its options cannot give is refused, though its hash is right."""
    receipt = trained(tmp_path, options)
    record.loads(receipt.text().encode(), "it")
    receipt.fields.update(changed)
    with pytest.raises(ReceiptError, match=r"^it does not describe a training"):
        record.loads(receipt.text().encode(), "it")


def test_forged_order(tmp_path: Path) -> None:
    """A receipt whose fields, or options, stand in another order is refused, though its hash is right."""
    receipt = trained(tmp_path, {})
    turned = dict(reversed(receipt.fields["options"].items()))
    for fields in (dict(reversed(receipt.fields.items())), {**receipt.fields, "options": turned}):
        with pytest.raises(ReceiptError, match=r"^it does not describe a training"):
            record.loads(Receipt(fields).text().encode(), "it")


def test_deep_fields(tmp_path: Path) -> None:
    """Fields that are nested as deeply as JSON can be read are refused, and no other error comes."""
    for depth in range(800, 1000, 3):
        text = f'{{"format":"bitprop-receipt","format_version":1,"contract":{"[" * depth}{"]" * depth}}}'
        with pytest.raises(ReceiptError):
            record.loads(text.encode(), "it")


def test_another_end(tmp_path: Path, backend: Backend) -> None:
    """A final network that is not that of the last epoch, or of the best, shows where all checkpoints are equal."""
    for options, words in (({}, "changed after the last epoch"), (STOPPING, "of the best check")):
        receipt = trained(tmp_path, options)
        assert receipt.verify(X, Y, backend=backend).equal
        receipt.fields["fingerprint"] = "0" * 64
        verdict = receipt.verify(X, Y, backend=backend)
        assert verdict.outcome == "receipt"
        assert "the final network is" in verdict.lines[0]
        assert words in verdict.lines[1]


def test_twice(tmp_path: Path) -> None:
    """A receipt with a field twice is refused, though its hash is right."""
    text = trained(tmp_path, {}).text()
    head = text[: text.index(',\n "sha256"')].replace(' "bias"', ' "epochs": 50,\n "bias"')
    whole = f'{head},\n "sha256": "{hashlib.sha256(head.encode()).hexdigest()}"\n}}\n'
    with pytest.raises(ReceiptError, match="altered or cut"):
        record.loads(whole.encode(), "it")


# --- the training again ---


@pytest.mark.parametrize("name", TRAININGS)
def test_equal(name: str, tmp_path: Path, core: Core) -> None:
    """A training is equal where it is done again, by each backend and kernel."""
    options = TRAININGS[name]
    receipt = trained(tmp_path, options)
    from bitprop.receipts.verifying import task_of

    more = more_of(options)
    task = task_of(receipt, X, Y, more["sample_weight"], None, more.get("learning_rate"))
    verdict = hold(receipt, task, CoreMachine(core, "it"))
    assert verdict.lines == (
        f"equal: {len(receipt.checkpoints)} checkpoints, {receipt.trained} epochs, fingerprint "
        f"{receipt.fields['fingerprint'][:16]}",
    )


def test_equal_by_a_program(tmp_path: Path) -> None:
    """The same by a program that answers as ports do."""
    for options in TRAININGS.values():
        verdict = trained(tmp_path, options).verify(X, Y, command=PORT, **more_of(options))
        assert verdict.equal, (options, verdict.lines)


def test_committed(backend: Backend) -> None:
    """The receipt that each platform verifies is equal here, and so it is by the port in JavaScript."""
    receipt = Receipt.load(COMMITTED)
    assert receipt.verify(X, Y, backend=backend).equal
    if shutil.which("node") or os.environ.get("CI") == "true":
        port = HERE.parent / "examples" / "ports" / "javascript" / "port.mjs"
        assert receipt.verify(X, Y, command=shlex.join(["node", str(port)])).equal


def test_scaled(tmp_path: Path) -> None:
    """Scalings travel in the receipt where they fit; else their hash does, and the network is given again."""
    for columns in (2, 40):
        x = [[row[0] * 3.0 + n for n in range(columns)] for row in X]
        net = Network(columns, 2, 1, seed=1)
        net.scale(x, Y, inputs="standard", outputs="min_max")
        start = net.copy()
        net.fit(x, Y, epochs=30, receipt=tmp_path / "r")
        receipt = Receipt.load(tmp_path / "r")
        assert len(receipt.text()) <= 2048
        if columns == 40:
            with pytest.raises(ReceiptError, match=r"--start"):
                receipt.verify(x, Y)
        assert receipt.verify(x, Y, start=start if columns == 40 else None).equal


def test_other_starts_and_rows(tmp_path: Path) -> None:
    """Another start, other rows, targets, weights or rates are told before any training."""
    receipt = trained(tmp_path, TRAININGS["rates"])
    rates = TRAININGS["rates"]["learning_rate"]
    with pytest.raises(ReceiptError, match="learning rate for each epoch"):
        receipt.verify(X, Y)
    with pytest.raises(ReceiptError, match="rates are not those"):
        receipt.verify(X, Y, learning_rate=[*rates[:-1], 0.5])
    receipt = trained(tmp_path, {})
    with pytest.raises(ReceiptError, match="these are 20 rows, and the training had 21"):
        receipt.verify(X[:-1], Y[:-1])
    with pytest.raises(ReceiptError, match="the inputs are not those"):
        receipt.verify([[0.25, 0.5], *X[1:]], Y)
    with pytest.raises(ReceiptError, match="the targets are not those"):
        receipt.verify(X, [[0.25], *Y[1:]])
    with pytest.raises(ReceiptError, match="the weights are not those"):
        receipt.verify(X, Y, sample_weight=[1.0] * 21)
    with pytest.raises(ReceiptError, match=r"expected .* that of the start"):
        receipt.verify(X, Y, start=Network(2, 3, 1, seed=8))
    with pytest.raises(bitprop.ShapeError):
        receipt.verify(X, Y, start=Network(2, 4, 1, seed=7))
    net = Network(2, 3, 1, seed=7)
    net.fit(X, Y, epochs=5)
    start = net.copy()
    net.fit(X, Y, epochs=5, receipt=tmp_path / "r")
    receipt = Receipt.load(tmp_path / "r")
    with pytest.raises(ReceiptError, match="not drawn from a seed"):
        receipt.verify(X, Y)
    assert receipt.verify(X, Y, start=start).equal


@pytest.mark.parametrize("code", ["", "print('x')", "print('[1]')", 'print(\'{"error": "not yet"}\')', "print('{}')"])
def test_programs_that_fail(code: str, tmp_path: Path) -> None:
    """A program that ends, or answers something else, is told in one line."""
    command = shlex.join([sys.executable, "-c", f"input(); {code}"])
    with pytest.raises(ReceiptError, match=r"^the program"):
        trained(tmp_path, {}).verify(X, Y, command=command, timeout=60.0)


def test_sweep(tmp_path: Path) -> None:
    """A sweep's receipts are those of single trainings, in lockstep or not."""
    options: dict[str, Any] = {"validation": (X, Y), "patience": 3, "check_every": 5}
    sweep((2, 4, 1), (X, Y), seeds=range(5), learning_rates=(1.0, 0.1), epochs=40, receipt=tmp_path / "all", **options)
    sweep((2, 4, 1), (X, Y), seeds=[3], epochs=40, grid={"rule": ["adam", "rprop"]}, receipt=tmp_path / "grid")
    assert sorted(path.name for path in tmp_path.joinpath("all").iterdir()) == [f"{n:05}.json" for n in range(10)]
    assert len(list(tmp_path.joinpath("grid").iterdir())) == 2
    place = 0
    for seed in range(5):
        for rate in (1.0, 0.1):
            net = Network(2, 4, 1, seed=seed)
            net.fit(X, Y, epochs=40, learning_rate=rate, log_every=39, receipt=tmp_path / "one", **options)
            assert tmp_path.joinpath("one").read_bytes() == tmp_path.joinpath("all", f"{place:05}.json").read_bytes()
            place += 1
    for path in tmp_path.joinpath("grid").iterdir():
        assert Receipt.load(path).verify(X, Y).equal
    rates = (1e-3, 1e308, 1e-2)  # the second training diverges, and what another sweep left at its place goes
    sweep((2, 4, 1), (X, Y), seeds=[1], learning_rates=rates, activation="identity", epochs=9, receipt=tmp_path / "all")
    assert [tmp_path.joinpath("all", f"{place:05}.json").exists() for place in range(3)] == [True, False, True]
    for place in (0, 2):
        assert Receipt.load(tmp_path / "all" / f"{place:05}.json").verify(X, Y).equal


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`train --receipt`, `receipt show` and `receipt verify` work together, with the exit statuses of all commands."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "linear:30", "--data-seed", "4", "--epochs", "40", "--receipt", "r.json"]) == 0
    assert main(["receipt", "show", "r.json"]) == 0
    assert "40 of 40 epochs, stopped by epochs" in capsys.readouterr().out
    assert main(["receipt", "show", "r.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trained"] == 40
    verify = ["receipt", "verify", "r.json", "linear:30", "--data-seed", "4"]
    assert main(verify) == 0
    assert main([*verify, "--exec", PORT, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.split("fingerprint", 1)[1].split("\n", 1)[1])["equal"] is True
    assert main(["receipt", "verify", "r.json", "linear:30"]) == 2
    assert "the inputs are not those of the training" in capsys.readouterr().err
    assert main([*verify, "--backend", "python", "--exec", PORT]) == 2
    assert main([*verify, "--timeout", "3"]) == 2
    assert main(["receipt", "verify", "none.json", "xor"]) == 2
    receipt = Receipt.load("r.json")
    receipt.fields["parameters"][-1] = "0" * 16
    receipt.write("wrong.json")
    capsys.readouterr()
    assert main(["receipt", "verify", "wrong.json", "linear:30", "--data-seed", "4"]) == 1
    assert "agree with each other, and not with the receipt" in capsys.readouterr().out


# --- faults ---


def test_tape_is_the_twin(tmp_path: Path) -> None:
    """The recording twin gives the bits of the twin, for each rule, loss and activation."""
    tape = Tape()
    for rule in names.STEP_RULES:
        pairs: tuple[tuple[names.Loss, names.Activation], ...] = (
            ("half_sse", "tanh"),
            ("binary_cross_entropy", "sigmoid"),
            ("cross_entropy", "softmax"),
        )
        for loss, last in pairs:
            net = Network(2, 3, 2, seed=5, activation=["softsign", last])
            y = [[a, 1.0 - a] for [a] in Y] if isinstance(Y[0], list) else [[a, 1.0 - a] for a in Y]
            options: dict[str, Any] = {"rule": rule, "loss": loss, "weight_decay": 0.01, "epochs": 1}
            _, task = faults.task_for(net, X, y, tmp_path, **options)
            rate = task.rate if isinstance(task.rate, float) else task.rate[0]
            lanes = lanes_before(task, task.start, 20)
            result = tape.run(Scene(task, task.start, initial_state(task), rate, lanes, 20), record=True)
            assert result.parameters.tobytes() == array("d", net.parameters).tobytes(), (rule, loss)
            assert all(each.text for each in tape.operations)


def describe(verdict: Any) -> str:
    """A verdict's lines, for the messages of assertions."""
    return "\n".join(verdict.lines)


def expect_found(fault: faults.Fault, verdict: Any, task: Task) -> int:
    """Asserts that a verdict has the place of the fault; returns how many operations it names."""
    parameter = fault.operation.parameter
    name = None if parameter is None else name_of(task, parameter)
    assert verdict.outcome == "machine", f"{fault}\n{describe(verdict)}"
    assert faults.found_exactly(fault, verdict.place, name), f"{fault}\n{describe(verdict)}"
    return len({(each["text"], each["operation"], each["input"]) for each in verdict.place["operations"]})


LINEAR = datasets.linear(11, seed=1)
PLANTED: dict[str, dict[str, Any]] = {
    "descent": {"epochs": 10},
    "momentum": {"epochs": 8, "rule": "momentum", "learning_rate": 0.1, "batch_size": 6, "shuffle_seed": 4},
}


def planted(
    name: str, folder: Path, each: int, seed: int, small: bool = True
) -> tuple[Receipt, Task, list[faults.Fault]]:
    """A training with faults for it."""
    net = Network(2, 2, 1, seed=7, bias=name != "descent") if small else Network(2, 4, 4, 1, seed=7)
    receipt, task = faults.task_for(net, *LINEAR, folder, **PLANTED[name])
    own = {"descent": "descent", "momentum": "momentum"}[name]
    sites = [site for site in faults.SITES if site.function != "step" or site.name in ("gradient times scale", own)]
    return receipt, task, faults.plans(task, PLANTED[name]["epochs"], sites, each, seed)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portable core, in which faults can be planted."""
    if shutil.which("gcc") is None and os.environ.get("CI") != "true":
        pytest.skip("needs gcc")
    return faults.build(tmp_path_factory.mktemp("faulty"), "levenberg.c")


def test_faults_in_the_core(library: Path, tmp_path: Path) -> None:
    """Faults of one ulp that are planted into the core are found: epoch, batch, row, layer, node and operation."""
    core_or_skip("ctypes")
    faulty = faults.FaultyCore(library, "portable")
    machine = CoreMachine(faulty.core, "the faulty core")
    receipt, task, plans = planted("descent", tmp_path, 1, 3)
    assert hold(receipt, task, machine).equal
    assert len(plans) >= 10
    single = 0
    for fault in plans:
        faulty.plant(fault)
        single += expect_found(fault, hold(receipt, task, machine), task) == 1
    assert single >= len(plans) - 2  # the others are named together with operations that no experiment tells from them


def test_faults_in_a_program(tmp_path: Path) -> None:
    """The same of a program that answers as ports do, by plain descent and by momentum, whose state nobody sees."""
    found = 0
    for name, seed, every in (("descent", 8, 3), ("momentum", 5, 6)):
        receipt, task, plans = planted(name, tmp_path, 1, seed)
        for fault in plans[::every]:
            machine = program(fault.site.name, fault.mask, fault.want, fault.ulps)
            try:
                verdict = hold(receipt, task, machine)
            finally:
                machine.close()
            if not verdict.equal:  # else it healed before the end, where alone a program tells its parameters
                expect_found(fault, verdict, task)
                found += 1
    assert found >= 5


class Program(ProgramMachine):
    """A program that can be closed."""

    def __init__(self, command: str):
        self.port = Port(command, 60.0)
        super().__init__(self.port, "the faulty program")

    def close(self) -> None:
        """Ends it."""
        self.port.close()


def program(*arguments: object) -> Program:
    """tests/faulty_port.py with these arguments."""
    return Program(shlex.join([sys.executable, str(HERE / "faulty_port.py"), *map(str, arguments)]))


@pytest.mark.parametrize(("kind", "words"), [("fused", "fused multiply-add"), ("libm", "mathematics library")])
def test_usual_mistakes(kind: str, words: str, tmp_path: Path) -> None:
    """A program with a usual mistake everywhere: its first wrong operation is found, and the mistake is named."""
    receipt, task = faults.task_for(Network(2, 4, 1, seed=7), *LINEAR, tmp_path, epochs=10)
    machine = program(kind)
    try:
        verdict = hold(receipt, task, machine)
    finally:
        machine.close()
    assert verdict.outcome == "machine"
    assert verdict.place is not None
    assert words in verdict.place["cause"], describe(verdict)
    assert verdict.place["epoch"] == 0
    operation = verdict.place["operations"][0]
    assert operation["part"] == ("weighted sum" if kind == "fused" else "activation")


def test_a_program_that_stops_answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known stays known where a program ends during the search."""
    receipt, task = faults.task_for(Network(2, 4, 1, seed=7), *LINEAR, tmp_path, epochs=10)
    machine = program("fused")

    def no_more(*_: object) -> None:
        raise ReceiptError("the program ended")

    monkeypatch.setattr("bitprop.receipts.finding.find", no_more)
    try:
        verdict = hold(receipt, task, machine)
    finally:
        machine.close()
    assert verdict.outcome == "machine"
    assert verdict.lines[0].startswith("differs: ")
    assert verdict.lines[-1] == "the search ended: the program ended"


def test_forward_passes_of_other_lengths(tmp_path: Path) -> None:
    """A forward pass with too few or too many numbers is refused."""
    _, task = faults.task_for(Network(2, 4, 1, seed=7), *LINEAR, tmp_path, epochs=10)
    for layers in ([], [["0" * 16] * 6]):
        answer = json.dumps({"preactivations": layers, "outputs": layers})
        command = shlex.join([sys.executable, "-c", f"input(); print({answer!r})"])
        machine = Program(command)
        try:
            with pytest.raises(ReceiptError, match="with other numbers than those of 5 nodes"):
                machine.forward(task, task.start, 0)
        finally:
            machine.close()


def test_searches_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: Backend) -> None:
    """A search that may take no time tells the epoch, and says that it was ended."""
    monkeypatch.setattr("bitprop.receipts.epochs.SECONDS", -1.0)
    receipt, task = faults.task_for(Network(2, 3, 1, seed=7), X, Y, tmp_path, epochs=200)
    verdict = hold(receipt, task, Flipping(core_or_skip(backend), 101, 12, 51, True))
    assert verdict.outcome == "machine"
    assert verdict.place is not None
    assert verdict.place["parameter"] is None
    assert "the search took too long" in verdict.lines[-1]


class Flipping(CoreMachine):
    """A core in whose memory a bit of a parameter turns after so many epochs: always, or once."""

    def __init__(self, core: Core, epoch: int, parameter: int, bit: int, once: bool):
        super().__init__(core, "the machine")
        self.flip = epoch, parameter, bit
        self.once = once
        self.done = False

    def session(self, task: Task, at: Snapshot) -> Session:
        """A training that begins there."""
        session = super().session(task, at)
        advance = session.advance
        epoch, parameter, bit = self.flip

        def flipping(epochs: int) -> array[float]:
            if not session.epoch <= epoch < session.epoch + epochs or (self.once and self.done) or task.rows < len(X):
                return advance(epochs)
            errors = advance(epoch - session.epoch)
            self.done = True
            values: array[float] = session._values  # type: ignore[attr-defined]  # its memory
            values[parameter] = number_of(bits_of(values[parameter]) ^ 1 << bit)
            return errors + advance(epochs - len(errors))

        session.advance = flipping  # type: ignore[method-assign]
        return session


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize(("epoch", "parameter", "bit"), [(17, 3, 33), (101, 12, 51), (160, 9, 40)])
def test_memory(epoch: int, parameter: int, bit: int, once: bool, tmp_path: Path, backend: Backend) -> None:
    """A bit that turns in memory is found, with its epoch and parameter, though it may not turn again."""
    receipt, task = faults.task_for(Network(2, 3, 1, seed=7), X, Y, tmp_path, epochs=200)
    machine = Flipping(core_or_skip(backend), epoch, parameter, bit, once)
    verdict = hold(receipt, task, machine)
    assert verdict.outcome == "machine"
    assert verdict.place is not None
    assert verdict.place["bits"] == f"{1 << bit:016x}", describe(verdict)
    assert verdict.place["parameter"] == name_of(task, parameter)
    when = {"before": verdict.place["epoch"], "after": verdict.place["epoch"] + 1}
    assert when[verdict.place["when"]] == epoch
    assert not (once and verdict.place["repeats"])


def test_memory_of_a_program(tmp_path: Path) -> None:
    """The same of a program, which turns the bit again in each training that is as long, or once."""
    receipt, task = faults.task_for(
        Network(2, 3, 1, seed=7), X, Y, tmp_path, epochs=20, rule="momentum", learning_rate=0.1
    )
    for kind in ("flip", "once"):
        machine = program(kind, 13, 4, 30)
        try:
            verdict = hold(receipt, task, machine)
        finally:
            machine.close()
        assert verdict.place is not None
        assert (verdict.place["parameter"], verdict.place["bits"]) == ("W1[1][1]", f"{1 << 30:016x}"), describe(verdict)
        assert verdict.place["epoch"] == 13


def test_a_faulty_receipt(tmp_path: Path, backend: Backend) -> None:
    """A receipt of a machine whose memory failed: what is here agrees with itself, and the epochs are told."""
    net = Network(2, 3, 1, seed=7, backend=backend)

    def flip(epoch: int, _: float) -> None:
        if epoch == 123:
            net.parameters[2] = number_of(bits_of(net.parameters[2]) ^ 1 << 20)

    net.fit(X, Y, epochs=200, callback=flip, receipt=tmp_path / "r")
    verdict = Receipt.load(tmp_path / "r").verify(X, Y, backend=backend)
    assert verdict.outcome == "receipt"
    assert verdict.epochs == (120, 130)
    assert "went wrong in one of the epochs 120 to 129" in describe(verdict)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Hints of short trainings are not told."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bitprop.TrainingHint)
        yield
