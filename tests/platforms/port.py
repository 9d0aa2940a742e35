# SPDX-License-Identifier: MIT
"""bitprop itself as a port, for `bitprop vectors check`: what a Python on some platform answers to the golden vectors.

    python tests/platforms/port.py              the backend of BITPROP_BACKEND
    python tests/platforms/port.py FOLDER       _pure.py, _pure_levenberg.py and names.py in FOLDER, without the package

It keeps to what MicroPython knows, so it has no annotations from `typing` and makes patterns with `_pure`.
"""

import json
import math
import sys


class Alone:
    """The pure file by itself, with the makers of memory that a backend has."""

    name = "python"

    def __init__(self, pure, pure_levenberg):
        self.pure = pure
        self.pure_levenberg = pure_levenberg

    def __getattr__(self, name):
        return getattr(self.pure_levenberg if name[:10] == "levenberg_" else self.pure, name)

    def levenberg_settings(self, **fields):
        """The twin of bp_levenberg_settings."""
        return self.pure_levenberg.LevenbergSettings(**fields)

    def levenberg_work(self, shape):
        """Scratch memory."""
        return self.pure_levenberg.LevenbergWork(shape)

    def levenberg(self):
        """The twin of bp_levenberg."""
        return self.pure_levenberg.Levenberg()

    def shape(self, sizes, activations, bias):
        """The twin of bp_shape."""
        return self.pure.Shape(sizes, activations, len(sizes), int(bias))

    def data(self, inputs, targets, rows, weights=None):
        """The twin of bp_data."""
        return self.pure.Data(inputs, targets, rows, weights)

    def limits(self, **fields):
        """The twin of bp_limits."""
        return self.pure.Limits(**fields)

    def settings(self, **fields):
        """The twin of bp_settings."""
        return self.pure.Settings(**fields)

    def doubles(self, values):
        """The values themselves."""
        return values

    def octets(self, data):
        """The bytes themselves."""
        return data

    def words(self, count):
        """Memory for integers."""
        return [0] * count

    def work(self, shape, size, rule=0):
        """Scratch memory."""
        return self.pure.Work(shape, rule)

    def training(self):
        """The twin of bp_training."""
        return self.pure.Training()

    def generator(self):
        """The twin of bp_generator."""
        return self.pure.random.Random(0)

    def array(self, values):
        """A list, which is all that the pure file needs."""
        return list(values)


class Port:
    """Answers for a core: a backend, or the pure file alone."""

    def __init__(self, core, pure, names, make, datasets=None):
        self.core = core
        self.pure = pure
        self.names = names
        self.make = make  # memory of doubles, from values
        self.datasets = datasets

    def line(self, text):
        """A line of JSON for a line of JSON."""
        try:
            question = json.loads(text)
            return json.dumps(getattr(self, question["function"])(question["input"]))
        except Exception as error:  # whatever went wrong belongs into the answer
            return json.dumps({"error": repr(error)})

    def hexes(self, values):
        """Patterns of numbers."""
        return [f"{self.pure.double_bits(value):016x}" for value in values]

    def numbers(self, patterns):
        """Numbers of patterns, as the core takes them."""
        return self.make([self.pure.bits_double(int(pattern, 16)) for pattern in patterns])

    def flat(self, rows):
        """Rows of patterns, end to end."""
        return self.numbers([pattern for row in rows for pattern in row])

    def network(self, given):
        """Shape and parameters."""
        activations = [self.names.ACTIVATIONS.index(name) for name in given["activations"]]
        return self.core.shape(given["sizes"], activations, given["bias"]), self.numbers(given["parameters"])

    def rows(self, inputs, targets, count, weights=None):
        """The rows, as the core takes them, and what keeps them alive."""
        pointers = self.core.doubles(inputs), self.core.doubles(targets)
        weighing = None if weights is None else self.core.doubles(weights)
        return self.core.data(pointers[0], pointers[1], count, weighing), (pointers, weighing)

    def rows_given(self, given):
        """Inputs and targets of patterns."""
        weights = self.numbers(given["row_weights"]) if "row_weights" in given else None
        return self.rows(self.flat(given["inputs"]), self.flat(given["targets"]), len(given["inputs"]), weights)

    def arithmetic(self, given):
        """§1, of the Python that this is."""
        x = self.numbers(given["x"])
        y = self.numbers(given.get("y", given["x"]))
        z = self.numbers(given.get("z", given["x"]))
        calculate = {
            "multiply_add": lambda i: x[i] * y[i] + z[i],
            "add_subtract": lambda i: (x[i] + y[i]) - z[i],
            "divide": lambda i: self.quotient(x[i], y[i]),
            "square_root": lambda i: math.sqrt(x[i]),
        }[given["operation"]]
        return {"result": self.hexes([calculate(i) for i in range(len(x))])}

    def quotient(self, x, y):
        """x/y, also for the zeros that Python refuses; the network divides by none."""
        if y == 0.0:
            return math.nan if x == 0.0 or x != x else math.copysign(math.inf, x) * math.copysign(1.0, y)
        return x / y

    def constants(self, given):
        """§2, of the pure file."""
        names = ("LOG2E", "MAGIC", "LN2_HI", "LN2_LO", "P1", "P2", "P3", "P4", "P5")
        return {"constants": {name: self.hexes([getattr(self.pure, name)])[0] for name in names}}

    def activation(self, given):
        """§2."""
        values = self.numbers(given["x"])
        code = self.names.ACTIVATIONS.index(given["activation"])
        self.expect(self.core.activate(self.core.doubles(values), len(values), code))
        y = self.hexes(values)
        self.expect(self.core.slope(self.core.doubles(values), len(values), code))
        return {"y": y, "slope": self.hexes(values)}

    def seeded(self, given):
        """§9."""
        generator = self.core.generator()
        self.core.generator_seed(generator, int(given["seed"], 16), given["stream"])
        return generator

    def random(self, given):
        """§9."""
        generator = self.seeded(given)
        return {"random": self.hexes([self.core.generator_random(generator) for _ in range(given["count"])])}

    def randbelow(self, given):
        """§9."""
        generator = self.seeded(given)
        return {"randbelow": [self.core.generator_below(generator, n) for n in given["n"]]}

    def init(self, given):
        """§3, §9."""
        shape = self.core.shape(given["sizes"], [0] * (len(given["sizes"]) - 1), given["bias"])
        parameters = self.make([0.0] * self.core.parameter_count(shape))
        generator = self.core.generator()
        code = self.names.INITS.index(given["init"])
        self.expect(self.core.init(self.core.doubles(parameters), generator, shape, int(given["seed"], 16), code))
        return {"parameters": self.hexes(parameters)}

    def data(self, given):
        """§10."""
        if self.datasets is None:
            return {"error": "the pure file has no data sets"}
        fields = {name: value for name, value in given.items() if name != "kind"}
        if "seed" in fields:
            fields["seed"] = int(fields["seed"], 16)
        if "noise" in fields:
            fields["noise"] = self.numbers([fields["noise"]])[0]
        x, y = getattr(self.datasets, given["kind"])(**fields)
        return {"inputs": [self.hexes(row) for row in x], "targets": [self.hexes(row) for row in y]}

    def layers(self, values, sizes):
        """A list for each layer."""
        out = []
        at = 0
        for size in sizes:
            out.append(self.hexes(values[at : at + size]))
            at += size
        return out

    def forward(self, given):
        """§4."""
        shape, parameters = self.network(given)
        sizes = given["sizes"][1:]
        pre = self.make([0.0] * sum(sizes))
        outputs = self.make([0.0] * sum(sizes))
        doubles = self.core.doubles
        row = doubles(self.numbers(given["input"]))
        self.expect(self.core.forward(doubles(pre), doubles(outputs), shape, doubles(parameters), row))
        return {"preactivations": self.layers(pre, sizes), "outputs": self.layers(outputs, sizes)}

    def gradient(self, given):
        """§5 to §7."""
        core = self.core
        shape, parameters = self.network(given)
        found = self.make([0.0] * len(given["parameters"]))
        figure = self.make([0.0])
        loss = self.names.LOSSES.index(given["loss"])
        work = core.work(shape, core.train_size(shape, self.pure.DESCENT))
        data, _kept = self.rows_given(given)
        rest = (work, shape, core.doubles(parameters), data)
        self.expect(core.gradient(core.doubles(found), *rest, loss))
        self.expect(core.loss(core.doubles(figure), *rest, loss))
        sse = self.hexes([self.error(shape, parameters, data, len(given["inputs"]), loss)])[0]
        return {"gradient": self.hexes(found), "sse": sse, "figure": self.hexes(figure)[0]}

    def error(self, shape, parameters, data, rows, loss):
        """The error of all rows as one batch (§6): that of an epoch, whose step is 0.0."""
        core = self.core
        training, work = core.training(), core.work(shape, core.train_size(shape, self.pure.DESCENT))
        settings = core.settings(batch_size=rows, log_every=1, learning_rate=0.0, loss=loss)
        self.expect(core.train_start(training, core.words(1), shape, settings, data))
        log, limits = core.doubles(self.make([0.0])), self.limits(1)
        core.train(log, training, core.doubles(parameters), work, core.words(1), shape, data, limits)
        return training.error

    def train(self, given):
        """§7, §8."""
        core = self.core
        shape, parameters = self.network(given)
        data, _kept = self.rows_given(given)
        rows = len(given["inputs"])
        training, order = core.training(), core.words(rows)
        settings, _rates = self.settings(given, rows)
        work = core.work(shape, core.train_size(shape, settings.rule), settings.rule)
        self.expect(core.train_start(training, order, shape, settings, data))
        self.draw_first_steps(training, work, shape, given)
        log = self.make([0.0] * given["epochs"])
        rest = (work, order, shape, data, self.limits(given["epochs"]))
        status = core.train(core.doubles(log), training, core.doubles(parameters), *rest)
        if status != self.pure.DIVERGED:
            self.expect(status)
        return {
            "sse": self.hexes(log[: training.epoch]),
            "parameters": self.hexes(parameters),
            "diverged": training.epoch if status == self.pure.DIVERGED else None,
        }

    def draw_first_steps(self, training, work, shape, given):
        """§7, of a training by rprop, where they are drawn."""
        if "first_step_high" in given:
            core, count = self.core, len(given["parameters"])
            low, high = self.numbers([given["constants"][2], given["first_step_high"]])
            generator = core.generator()
            core.generator_seed(generator, int(given["first_step_seed"], 16), self.pure.STREAM_STEPS)
            steps = [low + (high - low) * core.generator_random(generator) for _ in range(count)]
            core.train_resume(training, work, shape, core.doubles(self.make([0.0] * count + steps)), 0)

    def limits(self, epochs):
        """§8, of a slice that is all of a training, each epoch logged."""
        return self.core.limits(until=epochs, budget=1 << 40, log_size=epochs)

    def settings(self, given, rows):
        """§7, §8: the settings, and what keeps them alive."""
        seed = given["shuffle_seed"]
        constants = list(self.numbers(given.get("constants", [])))
        rates = self.core.doubles(self.numbers(given["learning_rates"])) if "learning_rates" in given else None
        settings = self.core.settings(
            batch_size=given["batch_size"] or rows,
            log_every=1,
            shuffle_seed=int(seed or "0", 16),
            learning_rate=self.numbers([given["learning_rate"]])[0],
            loss=self.names.LOSSES.index(given["loss"]),
            rule=self.names.RULES.index(given.get("rule", "descent")),
            shuffle=int(seed is not None),
            weight_decay=self.numbers([given.get("weight_decay", "0")])[0],
            l1=self.numbers([given.get("l1", "0")])[0],
            constants=tuple((constants + [0.0] * 5)[:5]),
            learning_rates=rates,
            decay_biases=int(given.get("decay_biases", False)),
        )
        return settings, rates

    def levenberg(self, given):
        """§12."""
        core = self.core
        shape, parameters = self.network(given)
        data, _kept = self.rows_given(given)
        names = ("mu", "mu_increase", "mu_decrease", "mu_max", "gradient_min")
        constants = dict(zip(names, self.numbers(given["constants"])))
        settings = core.levenberg_settings(log_every=1, loss=self.names.LOSSES.index(given["loss"]), **constants)
        training, work = core.levenberg(), core.levenberg_work(shape)
        self.expect(core.levenberg_start(training, shape, settings, data))
        log = self.make([0.0] * (given["epochs"] + 1))
        rest = (work, shape, data, self.limits(given["epochs"]))
        status = core.levenberg_train(core.doubles(log), training, core.doubles(parameters), *rest)
        return {
            "sse": self.hexes(log[: training.epoch]),
            "parameters": self.hexes(parameters),
            "mu": self.hexes([training.mu])[0],
            "diverged": training.epoch if status == self.pure.DIVERGED else None,
            "stopped": {self.pure.GRADIENT_STOP: "gradient", self.pure.MU_STOP: "mu"}.get(status),
        }

    def model_bytes(self, given):
        """§11."""
        import hashlib  # here, since not every small Python has it

        shape, parameters = self.network(given)
        data = bytearray(self.core.encode_size(shape))
        self.expect(self.core.encode(self.core.octets(data), shape, self.core.doubles(parameters)))
        digest = hashlib.sha256(data).digest()
        return {"bytes": self.digits(data), "fingerprint": self.digits(digest)}

    def decode(self, given):
        """§11."""
        core = self.core
        text = given["bytes"]
        data = bytearray([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])
        layers = core.decode_layers(core.octets(data), len(data)) if data else 0
        if layers == 0:
            return {"refused": True}
        sizes, activations, bias = core.words(layers), core.words(layers - 1), core.words(1)
        self.expect(core.decode_shape(sizes, activations, bias, core.octets(data), len(data)))
        parameters = self.make([0.0] * core.parameter_count(core.shape(list(sizes), list(activations), bias[0])))
        self.expect(core.decode_parameters(core.doubles(parameters), core.octets(data), len(data)))
        names = [self.names.ACTIVATIONS[code] for code in activations]
        return {"sizes": list(sizes), "activations": names, "bias": bias[0] == 1, "parameters": self.hexes(parameters)}

    def fit(self, given):
        """§6 to §11: a training of which all is drawn."""
        core = self.core
        sizes, rows, epochs = given["sizes"], given["rows"], given["epochs"]
        shape = core.shape(sizes, [self.names.ACTIVATIONS.index(name) for name in given["activations"]], given["bias"])
        parameters = self.make([0.0] * core.parameter_count(shape))
        pointer, generator = core.doubles(parameters), core.generator()
        code = self.names.INITS.index(given["init"])
        self.expect(core.init(pointer, generator, shape, int(given["seed"], 16), code))
        core.generator_seed(generator, int(given["data_seed"], 16), 1)
        inputs, targets = [], []
        for _ in range(rows):
            inputs += [core.generator_random(generator) for _ in range(sizes[0])]
            targets += [core.generator_random(generator) for _ in range(sizes[-1])]
        data, _kept = self.rows(self.make(inputs), self.make(targets), rows)
        loss = self.names.LOSSES.index(given["loss"])
        training, order = core.training(), core.words(rows)
        work = core.work(shape, core.train_size(shape, self.pure.DESCENT))
        self.expect(core.train_start(training, order, shape, self.settings(given, rows)[0], data))
        log = self.make([0.0] * epochs)
        self.expect(core.train(core.doubles(log), training, pointer, work, order, shape, data, self.limits(epochs)))
        figure = self.make([0.0])
        self.expect(core.loss(core.doubles(figure), work, shape, pointer, data, loss))
        data = bytearray(core.encode_size(shape))
        self.expect(core.encode(core.octets(data), shape, pointer))
        crc = self.digits([data[-1], data[-2], data[-3], data[-4]])
        return {"sse": self.hexes(log)[-1], "figure": self.hexes(figure)[0], "crc": crc}

    def scaling(self, given):
        """§13."""
        core = self.core
        rows, columns = len(given["inputs"]), len(given["inputs"][0])
        values, scaled = self.flat(given["inputs"]), self.make([0.0] * (rows * columns))
        shift, spread = self.make([0.0] * columns), self.make([0.0] * columns)
        of_columns = core.doubles(shift), core.doubles(spread)
        if given["scaling"] == "min_max":
            limits = self.numbers([given["low"], given["high"]])
            core.min_max_scaling(*of_columns, core.doubles(values), rows, columns, *limits)
        else:
            core.standard_scaling(*of_columns, core.doubles(values), rows, columns)
        core.scale(core.doubles(scaled), core.doubles(values), *of_columns, rows, columns)
        answer = {"shift": self.hexes(shift), "spread": self.hexes(spread)}
        answer["scaled"] = self.layers(scaled, [columns] * rows)
        core.unscale(core.doubles(scaled), *of_columns, rows, columns)
        answer["back"] = self.layers(scaled, [columns] * rows)
        return answer

    def digits(self, data):
        """Bytes in hexadecimal."""
        return "".join([f"{byte:02x}" for byte in data])

    def expect(self, status):
        """Refuses any status but OK."""
        if status != self.pure.OK:
            raise ValueError(f"status {status}")


def alone():
    """The port of the pure file by itself, whose self-test must pass."""
    import _pure as pure
    import _pure_levenberg
    import names

    if pure.self_test() != pure.OK:
        raise ValueError(f"the self-test failed with status {pure.self_test()}")
    core = Alone(pure, _pure_levenberg)
    return Port(core, pure, names, core.array)


def installed():
    """The port of the installed package, by the backend of BITPROP_BACKEND."""
    from array import array

    from bitprop import _pure, datasets, names
    from bitprop.core import choose

    return Port(choose(), _pure, names, lambda values: array("d", values), datasets)


def main():
    """Answers line by line."""
    if len(sys.argv) > 1:
        sys.path.insert(0, sys.argv[1])
        port = alone()
    else:
        port = installed()
    for text in sys.stdin:
        print(port.line(text), flush=True)


if __name__ == "__main__":
    main()
