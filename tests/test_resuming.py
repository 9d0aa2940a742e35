# SPDX-License-Identifier: MIT
"""Trainings that stop and go on: to the bits of those that did not, in memory and by way of a model file."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitprop import DivergedError, History, ModelFileError, Network, OptionError, datasets, model_file
from bitprop._training import Trainings
from bitprop.names import LEARNING_RATES, STEP_RULES, Backend
from bitprop.stopping import Stopping

X, Y = datasets.circles(30, seed=1)
STOPS: list[dict[str, Any]] = [
    {},
    {"validation": 0.3, "split_seed": 3},
    {"validation": 0.3, "patience": 2, "check_every": 3},
    {"validation": (X[:9], Y[:9]), "stop_gl": 1.0, "check_every": 2},
    {"goal": 0.05, "check_every": 2, "loss": "mse"},
    {"stop_progress": 0.5, "check_every": 4},
]


def whole(options: dict[str, Any], epochs: int, backend: Backend | None = None) -> Network:
    """A network after one training."""
    net = Network(2, 4, 1, seed=5, backend=backend)
    net.fit(X, Y, epochs=epochs, **options)
    return net


def outcome(net: Network) -> list[Any]:
    """All that a training leaves."""
    history = net.history
    assert history is not None
    checks = [history.validation, history.validation_epochs, history.best_epoch]
    return [net.fingerprint(), history.epochs, history.loss, *checks, history.stopped, history.trained]


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # nothing is meant to be learnt here
@given(
    st.sampled_from(STEP_RULES),
    st.sampled_from(STOPS),
    st.sampled_from([None, 1, 7]),
    st.sampled_from([None, 11]),
    st.integers(1, 3),
    st.lists(st.integers(0, 25), min_size=1, max_size=4),
    st.booleans(),
    st.data(),
)
def test_in_pieces(
    rule: Any,
    stops: dict[str, Any],
    batch_size: int | None,
    shuffle_seed: int | None,
    log_every: int,
    ends: list[int],
    by_file: bool,
    data: st.DataObject,
) -> None:
    """Any rule, any criterion, any pieces: the same bits, curves and reason."""
    options = {"rule": rule, "batch_size": batch_size, "shuffle_seed": shuffle_seed, "log_every": log_every, **stops}
    if "stop_progress" in stops:
        options["log_every"] = 1
    ends = sorted(ends)
    if rule in LEARNING_RATES:
        options["learning_rate"] = data.draw(st.sampled_from([0.1, [0.2 / (1 + n) for n in range(ends[-1])]]))
    if rule == "rprop" and data.draw(st.booleans()):
        options.update(first_step=(0.01, 0.2), first_step_seed=4)
    backend: Backend | None = data.draw(st.sampled_from([None, "python"]))
    expected = outcome(whole(options, ends[-1], backend))
    net = Network(2, 4, 1, seed=5, backend=backend)
    for number, end in enumerate(ends):
        rates = options.get("learning_rate")
        now = {"learning_rate": rates[:end]} if isinstance(rates, list) else {}
        net.fit(X, Y, epochs=end, **{**options, **now}, resume=number > 0)
        if by_file:
            net = pickle.loads(pickle.dumps(net))
    assert outcome(net) == expected


@pytest.mark.parametrize("stops", STOPS[:5])
def test_levenberg_marquardt(tmp_path: Path, backend: Backend, stops: dict[str, Any]) -> None:
    """That rule keeps mu, and a training that it ended itself is ended again."""
    options = {"rule": "levenberg_marquardt", "mu_max": 1e4, **stops}
    net = Network(2, 4, 1, seed=5, backend=backend)
    for end in (0, 2, 7, 60):
        net.fit(X, Y, epochs=end, **options, resume=end > 0)
        net.save(tmp_path / "net.json", training=True)
        net = Network.load(tmp_path / "net.json", backend=backend)
    assert outcome(net) == outcome(whole(options, 60))


@pytest.mark.parametrize("stops", STOPS)
@pytest.mark.parametrize("rule", ["descent", "adam", "rprop"])
def test_by_file(tmp_path: Path, backend: Backend, rule: Any, stops: dict[str, Any]) -> None:
    """A model file brings the training to another process, and to another backend."""
    options = {"rule": rule, "shuffle_seed": 2, "batch_size": 4, **stops}
    path = tmp_path / "net.json"
    whole(options, 13).save(path, training=True)
    net = Network.load(path, backend=backend)
    assert outcome(net) == outcome(whole(options, 13))
    net.fit(X, Y, epochs=40, **options, resume=True)
    assert outcome(net) == outcome(whole(options, 40))


def test_stopped_by_callback_and_interrupt(backend: Backend) -> None:
    """A callback, an error in it, or Ctrl-C inside an epoch leaves a training that can go on."""
    options: dict[str, Any] = {"shuffle_seed": 2, "batch_size": 4, "rule": "adam"}
    expected = whole(options, 30, backend)
    net = Network(2, 4, 1, seed=5, backend=backend)
    net.fit(X, Y, epochs=30, **options, callback=lambda epoch, _: epoch == 6)
    assert net.history is not None
    assert net.history.trained == 7

    def fail(epoch: int, _: float) -> None:
        if epoch == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=30, **options, callback=fail, resume=True)
    net.fit(X, Y, epochs=30, **options, resume=True)
    assert net == expected
    assert net.history.loss == expected.history.loss  # type: ignore[union-attr]


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
def test_diverged_stays_diverged() -> None:
    """A training that diverged does so again, in the same epoch."""
    net = Network(1, 1, activation="identity", seed=1)
    epochs = []
    for resume in (False, True):
        with pytest.raises(DivergedError) as caught:
            net.fit([[1e10], [1.0]], [[1.0], [0.0]], epochs=50, learning_rate=1.0, resume=resume)
        epochs.append(caught.value.epoch)
    assert epochs[0] == epochs[1] > 1


@pytest.mark.parametrize("stops", STOPS[1:])
@pytest.mark.parametrize("at", ["log_new", "judge", "check", "add_validation"])
def test_interrupted_around_a_check(monkeypatch: pytest.MonkeyPatch, stops: dict[str, Any], at: str) -> None:
    """Ctrl-C before, in or after a check loses no check: the training goes on as if it had not been."""
    options: dict[str, Any] = {"rule": "rprop", **stops}
    expected = outcome(whole(options, 30))
    owner: Any = {"check": Stopping, "add_validation": History}.get(at, Trainings)
    original = getattr(owner, at)
    for number, before in ((3, True), (3, False), (8, True), (8, False)):
        calls = 0

        def interrupted(self: Any, *arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number and before:  # noqa: B023  # called within this turn
                raise KeyboardInterrupt
            result = original(self, *arguments)
            if calls == number:  # noqa: B023
                raise KeyboardInterrupt
            return result

        net = Network(2, 4, 1, seed=5)
        monkeypatch.setattr(owner, at, interrupted)
        with contextlib.suppress(KeyboardInterrupt):
            net.fit(X, Y, epochs=30, **options)
        monkeypatch.setattr(owner, at, original)
        if net.history is None or net.history.stopped is None:
            net.fit(X, Y, epochs=30, **options, resume=True)
        assert outcome(net) == expected


def test_interrupted_before_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a training is made ready to go on leaves the network and its training as they were."""
    options: dict[str, Any] = {"rule": "adam", "learning_rate": 0.1, "validation": 0.3, "patience": 1000}
    net = whole(options, 300)
    before = outcome(net)
    for owner, name in ((History, "copy"), (Trainings, "run_slices")):
        original = getattr(owner, name)
        monkeypatch.setattr(owner, name, interrupt)
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, Y, epochs=400, **options, resume=True)
        monkeypatch.setattr(owner, name, original)
        assert net.fingerprint() == before[0]
    net.fit(X, Y, epochs=400, **options, resume=True)
    assert outcome(net) == outcome(whole(options, 400))


def interrupt(*_: Any) -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


def test_checkpoint_at_ctrl_c(tmp_path: Path) -> None:
    """An error or Ctrl-C saves the checkpoint, and a folder that is missing is found before the training."""
    path = tmp_path / "net.json"
    net = Network(2, 4, 1, seed=5)
    with pytest.raises(FileNotFoundError, match="the folder is not there"):
        net.fit(X, Y, epochs=20, checkpoint=tmp_path / "none" / "net.json")
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=20, checkpoint=path, callback=lambda epoch, _: interrupt() if epoch == 7 else None)
    again = Network.load(path)
    again.fit(X, Y, epochs=20, resume=True)
    assert outcome(again) == outcome(whole({}, 20))


KILLED = """
import sys
from bitprop import Network, datasets
x, y = datasets.circles(30, seed=1)
net = Network(2, 4, 1, seed=5)
print("ready", flush=True)
net.fit(x, y, epochs=10**9, rule="adam", shuffle_seed=2, batch_size=4, log_every=10**6, checkpoint=sys.argv[1],
        checkpoint_seconds=0.05)
"""


def test_killed_and_gone_on(tmp_path: Path) -> None:
    """What a killed process saved last goes on to the bits of a training that was not killed."""
    path = tmp_path / "net.json"
    process = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while not path.exists() or path.stat().st_size == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.3)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    net = Network.load(path)
    assert net.history is not None
    done = net.history.trained
    assert done > 0
    options: dict[str, Any] = {"rule": "adam", "shuffle_seed": 2, "batch_size": 4, "log_every": 10**6}
    net.fit(X, Y, epochs=done + 500, **options, resume=True)
    assert net == whole(options, done + 500)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rule": "adam"}, "rule is 'adam', and was 'momentum' in the training that is to go on"),
        ({"momentum": 0.5}, "momentum is 0.5, and was 0.9"),
        ({"batch_size": 5}, "batch_size is 5, and was 4"),
        ({"shuffle_seed": None}, "shuffle_seed is None, and was 2"),
        ({"learning_rate": 0.5}, "learning_rate is 0.5, and was 0.1"),
        ({"learning_rate": [0.2] + [0.1] * 8}, "learning_rate"),
        ({"weight_decay": 0.1}, "weight_decay"),
        ({"l1": 0.1}, "l1 is 0.1, and was 0.0"),
        ({"loss": "mse"}, "loss is 'mse', and was 'half_sse'"),
        ({"validation": 0.5}, "validation is 0.5, and was None"),
        ({"epochs": 3}, "epochs is 3, expected at least the 5 that the training has done"),
    ],
)
def test_other_options_are_refused(changed: dict[str, Any], message: str) -> None:
    """One clear error that says which option differs, and nothing is changed."""
    options: dict[str, Any] = {"rule": "momentum", "learning_rate": 0.1, "batch_size": 4, "shuffle_seed": 2}
    net = whole(options, 5)
    before = outcome(net)
    with pytest.raises(OptionError, match=message):
        net.fit(X, Y, **{"epochs": 9, **options, **changed}, resume=True)
    assert outcome(net) == before


def test_other_rows_and_parameters_are_refused(tmp_path: Path) -> None:
    """A training does not go on with other rows, or with parameters that were changed by hand."""
    net = Network(2, 4, 1, seed=5)
    with pytest.raises(OptionError, match="has no training that could go on"):
        net.fit(X, Y, epochs=1, resume=True)
    with pytest.raises(OptionError, match="has no training"):
        net.save(tmp_path / "net.json", training=True)
    net.fit(X, Y, epochs=5)
    with pytest.raises(OptionError, match="rows is 29, and was 30"):
        net.fit(X[1:], Y[1:], epochs=9, resume=True)
    with pytest.raises(OptionError, match="the rows are not those of the training"):
        net.fit(Y_AS_X, Y, epochs=9, resume=True)
    net.parameters[0] = 1.0
    with pytest.raises(OptionError, match="the parameters were changed since the training that is to go on"):
        net.fit(X, Y, epochs=9, resume=True)
    with pytest.raises(OptionError, match="were changed since"):
        net.save(tmp_path / "net.json", training=True)
    assert not list(tmp_path.iterdir())


Y_AS_X = [[y, y] for (y,) in Y]


def test_other_scalings_are_refused() -> None:
    """A training does not go on with another scaling, even where the first rows are scaled to the same."""
    net = Network(2, 1, seed=5)
    net.fit(X, Y, epochs=5)
    net.scale(X, inputs="standard")
    with pytest.raises(OptionError, match="scaling is"):
        net.fit(X, Y, epochs=9, resume=True)


def test_rates_may_be_given_as_one_or_as_many() -> None:
    """Equal rates are equal, however they are given, and those of no epoch are any."""
    net = Network(2, 4, 1, seed=5)
    net.fit(X, Y, epochs=0, learning_rate=0.7)
    net.fit(X, Y, epochs=2, learning_rate=[0.1, 0.1], resume=True)
    net.fit(X, Y, epochs=4, learning_rate=0.1, resume=True)
    net.fit(X, Y, epochs=6, learning_rate=[0.1] * 4 + [0.5] * 2, resume=True)
    assert net == whole({"learning_rate": [0.1] * 4 + [0.5] * 2}, 6)


@pytest.mark.parametrize("rule", ["momentum", "adam", "rprop", "levenberg_marquardt"])
def test_state_of_the_rule_goes_on(backend: Backend, rule: Any) -> None:
    """Trainings of one epoch, each with the rule's state of the last, are one training; the rows may be others."""
    net = Network(2, 4, 1, seed=5, backend=backend)
    for training in range(6):
        net.fit(X, Y, epochs=1, rule=rule, resume="rule" if training else False)
        net = pickle.loads(pickle.dumps(net))
    assert net == whole({"rule": rule}, 6, backend)
    anew = net.copy()
    anew.fit(X[:9], Y[:9], epochs=1, rule=rule)
    net.fit(X[:9], Y[:9], epochs=1, rule=rule, resume="rule")
    assert net != anew


def test_state_of_another_rule_is_refused() -> None:
    """A state fits its rule only, and there must be one."""
    net = whole({"rule": "adam"}, 3)
    before = net.to_bytes()
    for fitted, rule, resume, error, message in (
        (net, "rprop", "rule", OptionError, "rule is 'rprop' with resume='rule', and the last training's was 'adam'"),
        (net, "adam", "state", OptionError, "resume is 'state', expected one of rule"),
        (net, "adam", 1.0, TypeError, "resume is 1.0"),
        (net.copy(), "adam", "rule", OptionError, "has no training that could go on"),
    ):
        with pytest.raises(error, match=message):
            fitted.fit(X, Y, epochs=1, rule=rule, resume=resume)  # type: ignore[arg-type]
    assert net.to_bytes() == before


def test_file_without_training_is_of_version_1(tmp_path: Path) -> None:
    """Readers of version 1 read all networks that are saved without a training."""
    net = whole({}, 3)
    net.save(tmp_path / "plain.json")
    net.save(tmp_path / "training.json", training=True)
    assert json.loads((tmp_path / "plain.json").read_text())["format_version"] == 1
    assert json.loads((tmp_path / "training.json").read_text())["format_version"] == 2


def test_wrong_training_in_a_file(tmp_path: Path) -> None:
    """A training that is not one is refused, although the file is whole."""
    from bitprop import model_file

    path = tmp_path / "net.json"
    whole({"rule": "adam", "validation": 0.3, "patience": 5}, 3).save(path, training=True)
    fields = model_file.loads(path.read_bytes(), "net.json")
    for name in fields["training"]:
        values: list[Any] = [None, 3, "x", []]
        for value in values:
            if fields["training"][name] == value or (name in ("state", "best") and value in (None, [])):
                continue
            broken = {**fields, "training": {**fields["training"], name: value}}
            path.write_text(model_file.dumps(broken))
            with pytest.raises(ModelFileError):
                Network.load(path)


def test_state_of_another_length(backend: Backend, tmp_path: Path) -> None:
    """A file whose state of the rule is cut is refused, also where only the state goes on."""
    net = Network(2, 3, 1, backend=backend)
    net.fit(X, Y, epochs=2, rule="adam")
    net.save(tmp_path / "whole.json", training=True)
    fields = json.loads((tmp_path / "whole.json").read_text(encoding="utf-8"))
    del fields["sha256"]
    fields["training"]["state"] = fields["training"]["state"][:1]
    (tmp_path / "cut.json").write_text(model_file.dumps(fields), encoding="utf-8")
    cut = Network.load(tmp_path / "cut.json", backend=backend)
    before = cut.to_bytes()
    for resume in (True, "rule"):
        with pytest.raises(OptionError, match="has a state of 1 numbers, expected"):
            cut.fit(X, Y, epochs=4, rule="adam", resume=resume)
    assert cut.to_bytes() == before
