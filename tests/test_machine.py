# SPDX-License-Identifier: MIT
"""The whole life of a network, on all backends and kernels in lockstep, bit for bit (a Hypothesis state machine).

Hypothesis makes up programs: networks are drawn, trained by any options, resumed, written and read back, changed by
hand and asked. Every backend, and the compiled one with every kernel, runs each step on a network of its own; results,
errors and what the networks then are must be the same. A refused call must leave its network as it was.
BITPROP_MACHINE sets the number of programs (tests/long/machine runs many).
"""

from __future__ import annotations

import os
import pickle
import random
import tempfile
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bits import to_hex
from conftest import core_or_skip, kernels
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from test_agreement import CHOICES, HOSTILE, OF_A_NODE, losses_for

from bitprop import BitpropError, Network, Scaling, sweep
from bitprop.names import ACTIVATIONS, BACKENDS, INITS, LEARNING_RATES, RULE_OPTIONS, RULES

PROGRAMS = int(os.environ.get("BITPROP_MACHINE", "100"))
SEEDS = st.one_of(st.integers(0, 9), st.integers(0, 2**64 - 1))
NUMBERS = st.one_of(st.floats(-2.0, 2.0), st.sampled_from(HOSTILE))
NOT_NUMBERS = (float("nan"), float("inf"), -float("inf"))


def sometimes(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """None, or one of these."""
    return st.one_of(st.none(), values)


class StoppedByCallback(Exception):
    """What a callback raises."""


# Calls that must be refused, whatever the network is, and the errors.
BAD_CALLS: dict[str, Callable[[Network, Any, Any], Any]] = {
    "a rate below 0": lambda net, x, y: net.fit(x, y, epochs=1, learning_rate=-1.0),
    "epochs below 0": lambda net, x, y: net.fit(x, y, epochs=-1),
    "a fraction of an epoch": lambda net, x, y: net.fit(x, y, epochs=1.5),  # type: ignore[arg-type]
    "a batch of nothing": lambda net, x, y: net.fit(x, y, epochs=1, batch_size=0),
    "an unknown rule": lambda net, x, y: net.fit(x, y, epochs=1, rule="newton"),  # type: ignore[arg-type]
    "another rule's option": lambda net, x, y: net.fit(x, y, epochs=1, rule="descent", momentum=0.5),
    "momentum of 1": lambda net, x, y: net.fit(x, y, epochs=1, rule="momentum", momentum=1.0),
    "an unknown loss": lambda net, x, y: net.loss(x, y, "hinge"),  # type: ignore[arg-type]
    "a seed beyond 64 bits": lambda net, x, y: net.fit(x, y, epochs=1, shuffle_seed=2**64),
    "one row too few": lambda net, x, y: net.fit(x, y[:-1], epochs=1),
    "one column too many": lambda net, x, y: net.predict([[*row, 0.0] for row in x]),
    "no rows": lambda net, x, y: net.gradient([], []),
    "NaN among the rows": lambda net, x, y: net.fit([[float("nan")] * len(x[0]), *x[1:]], y, epochs=1),
    "text among the rows": lambda net, x, y: net.predict([["one"] * len(x[0])]),
    "a weight below 0": lambda net, x, y: net.fit(x, y, epochs=1, sample_weight=[-1.0] * len(x)),
    "patience without validation": lambda net, x, y: net.fit(x, y, epochs=1, patience=1),
    "a share of all rows": lambda net, x, y: net.fit(x, y, epochs=1, validation=1.0),
    "results into text": lambda net, x, y: net.predict(x, out="text"),
    "results into the parameters": lambda net, x, y: net.predict(x[:1], out=net.parameters[: len(y[0])]),
    "a scaling of other columns": lambda net, x, y: setattr(
        net, "input_scaling", Scaling([0.0] * (len(x[0]) + 1), [1.0] * (len(x[0]) + 1))
    ),
    "two rows to trace": lambda net, x, y: net.trace([x[0], x[0]]),
    "a folder as a file": lambda net, x, y: net.save(tempfile.gettempdir()),
    "an unknown option": lambda net, x, y: net.fit(x, y, epochs=1, speed=2),  # type: ignore[call-arg]
}


class Lockstep(RuleBasedStateMachine):
    """A network on each backend and kernel, and the rows that they see."""

    def __init__(self) -> None:
        super().__init__()
        runners = [("python", "auto"), ("ctypes", "auto"), *(("cffi", kernel) for kernel in kernels())]
        self.runners: list[tuple[Any, str]] = [(name, kernel) for name, kernel in runners if name in BACKENDS]
        self.nets: list[Network] = []
        self.x: list[list[float]] = []
        self.y: list[list[float]] = []
        self.trained: dict[str, Any] | None = None  # the options of a training that may go on
        self.folder = tempfile.TemporaryDirectory()

    def teardown(self) -> None:
        """No file stays."""
        self.folder.cleanup()

    def everywhere(self, step: Callable[[int], Any]) -> Any:
        """The result of a step on each backend, by its number: the same, or the same error, which is given as text."""
        results = []
        for number, (_, kernel) in enumerate(self.runners):
            with pytest.MonkeyPatch.context() as environment:
                environment.setenv("BITPROP_KERNEL", kernel)
                try:
                    results.append(step(number))
                except (BitpropError, TypeError, OSError, StoppedByCallback) as error:
                    results.append(f"{type(error).__name__}: {error}")
        for runner, result in zip(self.runners, results):
            assert result == results[0], (runner, result, results[0])
        return results[0]

    def state(self, net: Network) -> Any:
        """All that a network is, with what it could go on from."""
        history = None if net.history is None else net.history.to_fields()
        scalings = [
            None if each is None else (to_hex(each.shift), to_hex(each.spread))
            for each in (net.input_scaling, net.output_scaling)
        ]
        left = None if net._left is None else net._left.to_fields()
        return to_hex(net.parameters), net.to_bytes(), net.fingerprint(), history, scalings, left

    # --- networks and rows ---

    @initialize(
        sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
        last=st.sampled_from(ACTIVATIONS),
        bias=st.booleans(),
        init=st.sampled_from(INITS),
        seed=SEEDS,
        data=st.data(),
    )
    def draw(self, sizes: list[int], last: Any, bias: bool, init: Any, seed: int, data: st.DataObject) -> None:
        """A network of any kind."""
        hidden = data.draw(st.lists(st.sampled_from(OF_A_NODE), min_size=len(sizes) - 2, max_size=len(sizes) - 2))
        options = {"activation": [*hidden, last], "bias": bias, "init": init, "seed": seed}

        def step(number: int) -> None:
            self.nets.append(Network(*sizes, **options, backend=self.runners[number][0]))

        self.everywhere(step)
        self.take_rows(9, seed, False)

    @rule(rows=st.integers(1, 12), seed=SEEDS, hostile=st.booleans())
    def take_rows(self, rows: int, seed: int, hostile: bool) -> None:
        """Other rows."""
        generator = random.Random(seed)

        def number() -> float:
            return generator.choice(HOSTILE) if hostile and generator.random() < 0.1 else generator.uniform(-2.0, 2.0)

        sizes = self.nets[0].sizes
        self.x = [[number() for _ in range(sizes[0])] for _ in range(rows)]
        self.y = [[number() for _ in range(sizes[-1])] for _ in range(rows)]

    @rule(at=st.integers(0, 10**6), value=st.one_of(NUMBERS, st.sampled_from(NOT_NUMBERS)))
    def put(self, at: int, value: float) -> None:
        """A parameter by hand, not always a finite one."""

        def step(number: int) -> None:
            parameters = self.nets[number].parameters
            parameters[at % len(parameters)] = value

        self.everywhere(step)

    @rule(seed=SEEDS)
    def put_all(self, seed: int) -> None:
        """All parameters by hand, through the layers' views."""

        def step(number: int) -> None:
            generator = random.Random(seed)
            for layer in self.nets[number].layers:
                for i in range(layer.weights.shape[0]):  # type: ignore[index]
                    for j in range(layer.weights.shape[1]):  # type: ignore[index]
                        layer.weights[i, j] = generator.uniform(-1.0, 1.0)
                for j in range(len(layer.biases or ())):
                    layer.biases[j] = generator.uniform(-1.0, 1.0)  # type: ignore[index]

        self.everywhere(step)

    @rule(inputs=sometimes(st.sampled_from(["standard", "min_max"])), outputs=sometimes(st.just("standard")))
    def scale(self, inputs: Any, outputs: Any) -> None:
        """Other scalings, where they are allowed."""
        self.everywhere(lambda number: self.nets[number].scale(self.x, self.y, inputs=inputs, outputs=outputs))

    # --- training ---

    def draw_options(self, data: st.DataObject) -> dict[str, Any]:
        """How to train: any rule, with any options that it has; not all of them go together."""
        chosen = data.draw(st.sampled_from(RULES), "rule")
        options: dict[str, Any] = {"rule": chosen, "epochs": data.draw(st.integers(0, 4), "epochs")}
        for name in RULE_OPTIONS[chosen]:
            if name in CHOICES and data.draw(st.booleans()):
                options[name] = data.draw(st.sampled_from(CHOICES[name]), name)
        if chosen in LEARNING_RATES:
            rate = st.sampled_from([1.0, 0.1, 0.0, 1e-3, 1e300])
            each = st.lists(rate, min_size=options["epochs"], max_size=options["epochs"])
            options["learning_rate"] = data.draw(st.one_of(st.none(), rate, each), "learning_rate")
        if chosen != "levenberg_marquardt":
            options["batch_size"] = data.draw(sometimes(st.integers(1, 14)), "batch_size")
            options["shuffle_seed"] = data.draw(sometimes(SEEDS), "shuffle_seed")
            options["weight_decay"] = data.draw(st.sampled_from([0.0, 0.0, 0.01]), "weight_decay")
            options["decay_biases"] = data.draw(st.booleans(), "decay_biases")
        options["loss"] = data.draw(st.sampled_from(losses_for(self.nets[0].activations[-1])), "loss")
        options["log_every"] = data.draw(st.integers(1, 3), "log_every")
        rows = len(self.x)
        weight = st.sampled_from([1.0, 0.3, 0.0, 1e300])
        options["sample_weight"] = data.draw(sometimes(st.lists(weight, min_size=rows, max_size=rows)), "sample_weight")
        validation = data.draw(st.sampled_from([None, None, "rows", 0.3]), "validation")
        if validation is not None:
            options["validation"] = (self.x, self.y) if validation == "rows" else validation
            options["split_seed"] = data.draw(st.integers(0, 3)) if validation != "rows" else 0
            options["check_every"] = data.draw(st.integers(1, 2), "check_every")
            options["patience"] = data.draw(sometimes(st.integers(1, 2)), "patience")
            options["min_delta"] = data.draw(st.sampled_from([0.0, 0.01]), "min_delta")
            options["stop_gl"] = data.draw(sometimes(st.sampled_from([0.0, 5.0])), "stop_gl")
        options["goal"] = data.draw(sometimes(st.sampled_from([0.0, 0.3, 1e9])), "goal")
        return options

    def fit(self, options: dict[str, Any], end: int | None = None, raising: bool = False) -> Any:
        """Trains everywhere; `end`: the logged epoch in which the callback stops the training, or raises."""

        def step(number: int) -> list[Any]:
            calls: list[Any] = []

            def callback(epoch: int, loss: float) -> bool:
                calls.append((epoch, to_hex([loss])))
                if raising and end is not None and epoch >= end:
                    raise StoppedByCallback
                return end is not None and epoch >= end

            history = self.nets[number].fit(self.x, self.y, **options, callback=callback)
            assert history is self.nets[number].history
            return [calls, history.stopped, history.best_epoch, str(history)]

        return self.everywhere(step)

    @rule(data=st.data(), end=sometimes(st.integers(0, 3)), raising=st.booleans(), more=sometimes(st.integers(0, 3)))
    def train(self, data: st.DataObject, end: int | None, raising: bool, more: int | None) -> None:
        """A training, which may diverge, stop, be stopped or be refused, and perhaps goes on."""
        options = self.draw_options(data)
        self.trained = options if isinstance(self.fit(options, end, raising), list) else self.trained
        if more is not None and self.trained is options:
            self.go_on(more)

    @precondition(lambda self: self.trained is not None)
    @rule(more=st.integers(0, 3))
    def go_on(self, more: int) -> None:
        """The last training goes on, where nothing has changed since."""
        assert self.trained is not None
        rate = self.trained.get("learning_rate")
        options = {**self.trained, "epochs": self.trained["epochs"] + more}
        if isinstance(rate, list):
            options["learning_rate"] = rate + [0.5] * more
        if isinstance(self.fit({**options, "resume": True}), list):
            self.trained = options

    @precondition(lambda self: self.trained is not None)
    @rule()
    def carry_on(self) -> None:
        """A new training from the state of the last one's rule."""
        assert self.trained is not None
        self.fit({**self.trained, "resume": "rule"})

    @rule(seeds=st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True), epochs=st.integers(0, 2))
    def sweep(self, seeds: list[int], epochs: int) -> None:
        """A sweep, whose trainings are those of single networks."""
        net = self.nets[0]
        options: dict[str, Any] = {"activation": net.activations, "bias": net.bias, "epochs": epochs}
        options["loss"] = losses_for(net.activations[-1])[0]

        def step(number: int) -> Any:
            backend = self.runners[number][0]
            result = sweep(net.sizes, (self.x, self.y), seeds=seeds, learning_rates=(0.1,), backend=backend, **options)
            ends = [None if run.network is None else run.network.fingerprint() for run in result]
            errors = [None if error is None else str(error) for error in result.errors]
            return ends, errors, to_hex(result.final_loss)

        self.everywhere(step)

    # --- questions ---

    @rule(form=st.sampled_from(["lists", "buffer", "out"]))
    def predict(self, form: str) -> None:
        """Predictions, in each form of data."""
        n_in, n_out = self.nets[0].sizes[0], self.nets[0].sizes[-1]
        flat = array("d", [value for row in self.x for value in row])

        def step(number: int) -> list[str]:
            net = self.nets[number]
            if form == "lists":
                return to_hex(value for row in net.predict(self.x) for value in row)
            x = memoryview(flat).cast("B").cast("d", (len(self.x), n_in))
            if form == "buffer":
                return to_hex(net.predict(x).cast("B").cast("d"))
            out = array("d", bytes(8 * len(self.x) * n_out))
            net.predict(x, out)
            return to_hex(out)

        self.everywhere(step)

    @rule(data=st.data())
    def measure(self, data: st.DataObject) -> None:
        """Loss, gradient and the trace of a row."""
        loss = data.draw(st.sampled_from(losses_for(self.nets[0].activations[-1])), "loss")

        def step(number: int) -> list[Any]:
            net = self.nets[number]
            found = [to_hex([net.loss(self.x, self.y, loss)]), to_hex(net.gradient(self.x, self.y, loss))]
            layers = net.trace(self.x[:1], self.y[:1], loss)
            return [*found, *(to_hex(layer.preactivations + layer.outputs + (layer.deltas or [])) for layer in layers)]

        self.everywhere(step)

    # --- copies, bytes and files ---

    @rule(training=st.booleans())
    def file(self, training: bool) -> None:
        """Each network is written to a file, and goes on as that of the next backend; the files are the same."""

        def write(number: int) -> bytes:
            path = Path(self.folder.name, f"{number}.json")
            self.nets[number].save(path, training=training)
            return path.read_bytes()

        if isinstance(self.everywhere(write), str):
            return
        before = [self.state(net)[0] for net in self.nets]

        def read(number: int) -> None:
            path = Path(self.folder.name, f"{(number + 1) % len(self.runners)}.json")
            self.nets[number] = Network.load(path, backend=self.runners[number][0])

        assert self.everywhere(read) is None
        assert [self.state(net)[0] for net in self.nets] == before

    @rule(way=st.sampled_from(["pickle", "copy", "bytes"]))
    def copy(self, way: str) -> None:
        """Each network goes on as its copy. A pickle has all of it, a copy no history, and bytes no scalings."""
        ways: dict[str, Callable[[Network], Network]] = {
            "pickle": lambda net: pickle.loads(pickle.dumps(net)),
            "copy": Network.copy,
            "bytes": lambda net: Network.from_bytes(net.to_bytes(), backend=net.backend),
        }

        def step(number: int) -> None:
            old = self.nets[number]
            self.nets[number] = ways[way](old)
            kept = {"pickle": slice(None), "copy": slice(0, 3), "bytes": slice(0, 3)}[way]
            assert self.state(self.nets[number])[kept] == self.state(old)[kept]
            assert (self.nets[number] == old) is (way != "bytes" or self.state(old)[4] == [None, None])

        assert self.everywhere(step) is None

    # --- refusals ---

    @rule(name=st.sampled_from(sorted(BAD_CALLS)))
    def refuse(self, name: str) -> None:
        """A bad call raises one of the errors that are documented, and changes nothing."""
        before = [self.state(net) for net in self.nets]
        result = self.everywhere(lambda number: BAD_CALLS[name](self.nets[number], self.x, self.y))
        assert isinstance(result, str), f"{name} is not refused"
        assert [self.state(net) for net in self.nets] == before

    @invariant()
    def are_alike(self) -> None:
        """Parameters, bytes, fingerprints, histories, scalings and states of trainings are the same everywhere."""
        states = [self.state(net) for net in self.nets]
        for runner, state in zip(self.runners, states):
            assert state == states[0], runner


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # nothing is meant to be learnt here
def test_lockstep() -> None:
    """Programs of up to 15 steps."""
    for name in BACKENDS:
        core_or_skip(name)
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    options = settings(max_examples=PROGRAMS, stateful_step_count=15, deadline=None, suppress_health_check=quiet)
    run_state_machine_as_test(Lockstep, settings=options)
