# SPDX-License-Identifier: MIT
"""The network's arithmetic in Python alone: the textbook, and the twin of csrc/bitprop.c.

The same functions as in csrc/bitprop.h, without their prefix, in the same order, with the same parameters; the numbers
are defined in docs/contract.md, whose sections (§) are cited here. Every arithmetic expression is written as the
contract rounds it; do not simplify one. Only `math` and `random` are needed, so the file can be taken out and embedded.

Where the C core takes a pointer, this takes anything that holds floats by index and can be sliced: `list[float]` in the
annotations stands for lists, `array("d")` and `memoryview` alike. Where the C core takes `work`, this takes a `Work`;
where it takes a matrix with a row for each network, this takes a list of such rows.

The network itself is in the parts headed §2, §4, §5 and §8; the rest is bits, sizes, random numbers and the self-test.
In 2-4-4-1 without biases the weights are parameters 0 to 7, 8 to 23 and 24 to 27; the nodes after the input are 0 to 3,
4 to 7 and 8.
"""

import math
import random

ABI = 8
CONTRACT = 1
FORMAT = 1
LANES = 8
SIZE_MAX = (1 << 64) - 1

OK = 0
E_SHAPE = -1
E_OPTION = -2
E_FORMAT = -3
DIVERGED = -4
E_FUSED = -5
E_REORDERED = -6
E_FLUSHED = -7
E_ANSWER = -8
GRADIENT_STOP = 1
MU_STOP = 2

SIGMOID, TANH, RELU, IDENTITY, SOFTSIGN, LEAKY_RELU, SOFTMAX, ACTIVATIONS = 0, 1, 2, 3, 4, 5, 6, 7
HALF_SSE, SSE, HALF_MSE, MSE, BINARY_CROSS_ENTROPY, CROSS_ENTROPY, LOSSES = 0, 1, 2, 3, 4, 5, 6
DESCENT, MOMENTUM, NESTEROV, ADAM, ADAMW, RPROP, RULES = 0, 1, 2, 3, 4, 5, 6
NORMAL, UNIFORM, GLOROT, INITS = 0, 1, 2, 3
AUTO, PORTABLE, SSE2, NEON, AVX2, AVX512, KERNELS = 0, 1, 2, 3, 4, 5, 6
STREAM_WEIGHTS, STREAM_DATA, STREAM_SHUFFLING, STREAM_STEPS = 0, 1, 2, 3


class Shape:
    """A network without its parameters (§3): the struct `bp_shape`."""

    def __init__(self, sizes: list[int], activations: list[int], layers: int, bias: int, kernel: int = AUTO):
        self.sizes = sizes
        self.activations = activations
        self.layers = layers
        self.bias = bias
        self.kernel = kernel


class Data:
    """The rows to train on or to measure: the struct `bp_data`."""

    __slots__ = ("inputs", "targets", "rows", "weights")

    def __init__(self, inputs: list[float], targets: list[float], rows: int, weights: "list[float] | None" = None):
        self.inputs = inputs
        self.targets = targets
        self.rows = rows
        self.weights = weights  # of each row in the error and the gradient, finite and not negative (§5), or None


class Settings:
    """How to train (§7, §8): the struct `bp_settings`."""

    def __init__(
        self,
        batch_size: int = 1,
        log_every: int = 1,
        shuffle_seed: int = 0,
        learning_rate: float = 1.0,
        loss: int = HALF_SSE,
        rule: int = DESCENT,
        shuffle: int = 0,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        constants: "list[float] | tuple[float, ...]" = (0.0, 0.0, 0.0, 0.0, 0.0),
        learning_rates: "list[float] | None" = None,
        decay_biases: int = 0,
    ):
        self.batch_size = batch_size  # rows of a batch, at least 1; more than the data has means all
        self.log_every = log_every  # epochs from one logged epoch to the next, at least 1
        self.shuffle_seed = shuffle_seed  # used only with `shuffle`
        self.learning_rate = learning_rate  # §7: rate; finite, not negative
        self.loss = loss
        self.rule = rule
        self.shuffle = shuffle  # 0 or 1
        self.weight_decay = weight_decay  # §7; finite, not negative
        self.l1 = l1  # §7; finite, not negative
        self.constants = constants  # of the rule, in the order of §7
        self.learning_rates = learning_rates  # one for each epoch in place of learning_rate, or None
        self.decay_biases = decay_biases  # 0 or 1


class Limits:
    """Where a slice of a training ends (§8), at the first of three: the struct `bp_limits`."""

    __slots__ = ("until", "budget", "log_size")

    def __init__(self, until: int = 0, budget: int = 0, log_size: int = 0):
        self.until = until  # epochs of the training, those before the slice included
        self.budget = budget  # rows of the slice; a row shuffled counts as one
        self.log_size = log_size  # logged epochs of the slice; 0 = no log, and no limit


class Training:
    """A training between two slices (§8): the struct `bp_training`. Filled by `train_start`."""

    def __init__(self) -> None:
        self.settings = Settings()  # batch_size at most `rows`
        self.rows = 0  # of the data
        self.epoch = 0  # epochs completed
        self.begun = 0  # epochs begun: epoch + 1 inside an epoch, else epoch
        self.to_shuffle = 0  # the next row to be swapped in this epoch's shuffle; 0 = shuffled
        self.row = 0  # rows done in this epoch
        self.batch_row = 0  # rows done in this batch
        self.error = 0.0  # of the epoch's finished batches: §8
        self.has_state = 0  # whether the rule's state is in `work`: from the first epoch on, or train_resume
        self.generator = random.Random(0)  # of the shuffles


class Work:
    """The parts of the scratch memory, which in C are one block of the caller's.

    Gradient and error are summed alike (§6), so a lane holds count + 1 floats: the gradient, then the error.
    """

    def __init__(self, shape: Shape, rule: int = DESCENT):
        nodes = node_count(shape)
        self.count = parameter_count(shape)
        self.rule = RULE_TABLE[rule]
        self.preactivations = [0.0] * nodes
        self.outputs = [0.0] * nodes
        self.deltas = [0.0] * nodes
        self.lanes = [[0.0] * (self.count + 1) for _ in range(LANES)]
        self.sums = [0.0] * (self.count + 1)
        self.state = [0.0] * (self.rule.state * self.count + self.rule.fixed)  # of the rule
        self.backup = [0.0] * (self.count + len(self.state))  # the parameters and the state at the epoch's start


# --- bits ---


INFINITY_BITS = 0x7FF0000000000000
NAN_BITS = 0x7FF8000000000000  # §1.5
MAGNITUDE_BITS = 0x7FFFFFFFFFFFFFFF


def double_bits(value: float) -> int:
    if value != value:
        return NAN_BITS
    sign = 1 << 63 if math.copysign(1.0, value) < 0.0 else 0
    fraction, exponent = math.frexp(abs(value))
    if value == 0.0:
        return sign
    if fraction == math.inf:
        return sign | INFINITY_BITS
    if exponent < -1021:  # subnormal: as many units of 2^-1074
        return sign | int(math.ldexp(fraction, exponent + 1074))
    return sign | (exponent + 1022 << 52) + int(math.ldexp(fraction, 53)) - (1 << 52)


def bits_double(bits: int) -> float:
    exponent = bits >> 52 & 0x7FF
    fraction = bits & 0xFFFFFFFFFFFFF
    if exponent == 0x7FF:
        value = math.inf if fraction == 0 else math.nan
    elif exponent == 0:
        value = math.ldexp(float(fraction), -1074)
    else:
        value = math.ldexp(float(fraction + (1 << 52)), exponent - 1075)
    return -value if bits >> 63 else value


def abi() -> int:
    return ABI


def compiler() -> str:
    return ""


def kernels() -> int:
    return 1 << PORTABLE


# --- §2 activations and slopes ---

# What stands between the next line and that of the end is also the text of exported networks: export.py.
# --- activations: begin ---
LOG2E = math.ldexp(0x171547652B82FE, -52)  # 0x1.71547652b82fep+0, and so on
MAGIC = math.ldexp(0x18, 48)  # adding it rounds to an integer
LN2_HI = math.ldexp(0x162E42FEE, -33)
LN2_LO = math.ldexp(0x1A39EF35793C76, -85)
P1 = math.ldexp(0x1555555555553E, -55)
P2 = math.ldexp(-0x16C16C16BEBD93, -61)
P3 = math.ldexp(0x11566AAF25DE2C, -66)
P4 = math.ldexp(-0x1BBD41C5D26BF1, -72)
P5 = math.ldexp(0x16376972BEA4D0, -77)
LEAK = math.ldexp(0x147AE147AE147B, -59)  # 0.01


def clamp(t: float, low: float, high: float) -> float:
    return low if t < low else high if t > high else t


def magnitude(x: float) -> float:
    return -x if x < 0.0 else x


def split(t: float) -> tuple[float, float, float]:
    """e^t is s*(c + r)/(c - r)."""
    k = (t * LOG2E + MAGIC) - MAGIC
    r = (t - k * LN2_HI) - k * LN2_LO
    z = r * r
    w = z * z
    c = 2.0 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5))
    s = math.ldexp(1.0, int(k))
    return r, c, s


def sigmoid(x: float) -> float:
    if x != x:
        return x
    r, c, s = split(clamp(-x, -708.0, 708.0))
    lo = c - r
    hi = (c + r) * s
    return lo / (lo + hi)


def hyperbolic_tangent(x: float) -> float:
    if x != x:
        return x
    r, c, s = split(clamp(2.0 * x, -40.0, 40.0))
    p = s - 1.0
    q = s + 1.0
    return (p * c + q * r) / (q * c + p * r)


def exponential(t: float) -> float:
    if t != t:
        return t
    r, c, s = split(clamp(t, -708.0, 708.0))
    return (1.0 + 2.0 * r / (c - r)) * s


def greatest(x: list[float], count: int) -> float:
    """A NaN is the greatest only where it comes first."""
    most = x[0]
    for j in range(1, count):
        most = x[j] if x[j] > most else most
    return most


def softmax(y: list[float], x: list[float], count: int) -> None:
    """A whole layer's outputs; `y` may be `x`."""
    most = greatest(x, count)
    total = 0.0  # no exponential is -0.0, so this start changes no bit
    for j in range(count):
        y[j] = exponential(x[j] - most)
        total = total + y[j]
    for j in range(count):
        y[j] = y[j] / total


def activation_of(x: float, activation: int) -> float:
    """Of one node; softmax is of a layer, and leaves it as it is here."""
    if activation == SIGMOID:
        return sigmoid(x)
    if activation == TANH:
        return hyperbolic_tangent(x)
    if activation == RELU:
        return 0.0 if x < 0.0 else x
    if activation == SOFTSIGN:
        return x / (1.0 + magnitude(x))
    if activation == LEAKY_RELU:
        return LEAK * x if x < 0.0 else x
    return x


# --- activations: end ---


def slope_of(y: float, activation: int) -> float:
    if activation == SIGMOID:
        return y * (1.0 - y)
    if activation == TANH:
        return 1.0 - y * y
    if activation == RELU:
        return 1.0 if y > 0.0 else 0.0
    if activation == SOFTSIGN:
        return (1.0 - magnitude(y)) * (1.0 - magnitude(y))
    if activation == LEAKY_RELU:
        return 1.0 if y > 0.0 else LEAK
    return 1.0


def activate(values: list[float], count: int, activation: int) -> int:
    if activation >= ACTIVATIONS or activation == SOFTMAX:
        return E_SHAPE
    for i in range(count):
        values[i] = activation_of(values[i], activation)
    return OK


def slope(values: list[float], count: int, activation: int) -> int:
    if activation >= ACTIVATIONS or activation == SOFTMAX:
        return E_SHAPE
    for i in range(count):
        values[i] = slope_of(values[i], activation)
    return OK


def is_finite(value: float) -> bool:
    return value - value == 0.0


def first_nonfinite(values: list[float], count: int) -> int:
    i = 0
    while i < count and is_finite(values[i]):
        i += 1
    return i


def divide(values: list[float], count: int, divisor: float) -> None:
    for i in range(count):
        values[i] = values[i] / divisor


# --- §3 shape ---


def node_count(shape: Shape) -> int:
    nodes = 0
    for layer in range(1, shape.layers):
        nodes += shape.sizes[layer]
    return nodes


def add_layer(count: int, n_in: int, n_out: int, activation: int, bias: int, last: bool) -> int:
    """`count` parameters and those of one more layer; 0 = not a layer, or more than the C core could address."""
    limit = SIZE_MAX // 8 // 16  # sixteen doubles a parameter are room for descent
    if n_in == 0 or n_out == 0 or activation >= ACTIVATIONS or (activation == SOFTMAX and not last) or bias > 1:
        return 0
    if n_out > (limit - count) // (n_in + bias):
        return 0
    return count + (n_in + bias) * n_out


def parameter_count(shape: Shape) -> int:
    count = 0
    if shape.kernel > PORTABLE:  # the only kernel here
        return 0
    for layer in range(1, shape.layers):
        count = add_layer(
            count,
            shape.sizes[layer - 1],
            shape.sizes[layer],
            shape.activations[layer - 1],
            shape.bias,
            layer + 1 == shape.layers,
        )
        if count == 0:
            break
    return count


def predict_size(shape: Shape) -> int:
    return 0 if parameter_count(shape) == 0 else 2 * node_count(shape)


def train_size(shape: Shape, rule: int) -> int:
    count = parameter_count(shape)
    if count == 0 or rule >= RULES:
        return 0
    state_size = RULE_TABLE[rule].state * count + RULE_TABLE[rule].fixed
    size = 3 * node_count(shape) + (LANES + 1) * (count + 1) + state_size + (count + state_size)
    return size if size <= SIZE_MAX // 8 else 0


# --- §9 generator and initial parameters ---


def generator_seed(generator: random.Random, seed: int, stream: int) -> None:
    generator.seed((stream << 64) + seed)


def generator_random(generator: random.Random) -> float:
    return generator.random()


def generator_below(generator: random.Random, n: int) -> int:
    k = 0
    while n >> k > 0:
        k += 1
    value = generator.getrandbits(k)
    while value >= n:
        value = generator.getrandbits(k)
    return value


def draw(generator: random.Random, init: int, spread: float) -> float:
    if init == NORMAL:
        total = generator_random(generator)
        for _ in range(1, 12):
            total = total + generator_random(generator)
        return total - 6.0
    uniform = 2.0 * generator_random(generator) - 1.0
    return uniform * spread if init == GLOROT else uniform


def draw_some(
    parameters: list[float], generator: random.Random, shape: Shape, init: int, first: int, count: int
) -> None:
    """Draws parameters from number `first` on; their layer's spread is that of all its weights (§9)."""
    end = first + count
    k = first
    weights_end = 0  # index behind the layer's weights
    layer_end = 0  # and behind its parameters
    for layer in range(1, shape.layers):
        n_in = shape.sizes[layer - 1]
        n_out = shape.sizes[layer]
        spread = math.sqrt(6.0 / (float(n_in) + float(n_out)))
        weights_end = layer_end + n_in * n_out
        layer_end = weights_end + n_out * shape.bias
        while k < weights_end and k < end:
            parameters[k] = draw(generator, init, spread)
            k += 1
        while k < layer_end and k < end:
            parameters[k] = 0.0
            k += 1


def init(parameters: list[float], generator: random.Random, shape: Shape, seed: int, init: int) -> int:
    return init_some(parameters, generator, shape, seed, init, 0, parameter_count(shape))


def init_some(
    parameters: list[float],
    generator: random.Random,
    shape: Shape,
    seed: int,
    init: int,
    first: int,
    count: int,
) -> int:
    total = parameter_count(shape)
    if total == 0:
        return E_SHAPE
    if init >= INITS or first > total or count > total - first:
        return E_OPTION
    if first == 0:
        generator_seed(generator, seed, STREAM_WEIGHTS)
    draw_some(parameters, generator, shape, init, first, count)
    return OK


# --- §4 forward ---


def forward(
    preactivations: list[float], outputs: list[float], shape: Shape, parameters: list[float], inputs: list[float]
) -> int:
    if parameter_count(shape) == 0:
        return E_SHAPE
    forward_row(preactivations, outputs, shape, parameters, inputs)
    return OK


def forward_row(
    preactivations: list[float], outputs: list[float], shape: Shape, parameters: list[float], inputs: list[float]
) -> None:
    a = inputs
    weights = 0
    nodes = 0
    bias = shape.bias
    for layer in range(1, shape.layers):
        n_in = shape.sizes[layer - 1]
        n_out = shape.sizes[layer]
        activation = shape.activations[layer - 1]
        biases = weights + n_in * n_out
        for j in range(n_out):
            first = weights + j
            acc = parameters[biases + j] if bias else a[0] * parameters[first]
            for i in range(0 if bias else 1, n_in):
                acc = acc + a[i] * parameters[first + i * n_out]
            preactivations[nodes + j] = acc
            outputs[nodes + j] = activation_of(acc, activation)
        if activation == SOFTMAX:
            y = [0.0] * n_out
            softmax(y, preactivations[nodes : nodes + n_out], n_out)
            for j in range(n_out):
                outputs[nodes + j] = y[j]
        a = outputs[nodes : nodes + n_out]
        nodes += n_out
        weights = biases + n_out * bias


def predict(
    predictions: list[float],
    work: Work,
    shape: Shape,
    parameters: list[float],
    inputs: list[float],
    rows: int,
) -> int:
    if parameter_count(shape) == 0:
        return E_SHAPE
    n_in = shape.sizes[0]
    n_out = shape.sizes[shape.layers - 1]
    last = len(work.outputs) - n_out
    for row in range(rows):
        forward_row(work.preactivations, work.outputs, shape, parameters, inputs[row * n_in : row * n_in + n_in])
        for j in range(n_out):
            predictions[row * n_out + j] = work.outputs[last + j]
    return OK


# --- §5 heads: the last layer with its loss ---

SQRT_HALF = math.ldexp(0x16A09E667F3BCD, -53)
L1 = math.ldexp(0x15555555555593, -53)
L2 = math.ldexp(0x1999999997FA04, -54)
L3 = math.ldexp(0x12492494229359, -54)
L4 = math.ldexp(0x1C71C51D8E78AF, -55)
L5 = math.ldexp(0x17466496CB03DE, -55)
L6 = math.ldexp(0x139A09D078C69F, -55)
L7 = math.ldexp(0x12F112DF3E5244, -55)
SUM, MEAN_OF_VALUES, MEAN_OF_ROWS = 0, 1, 2


def logarithm(v: float, rest: float) -> float:
    """Of v + rest: a normal number above 0, or a NaN, and less than its last place."""
    if v != v:
        return v
    m, exponent = math.frexp(v)
    k = float(exponent)
    if m < SQRT_HALF:
        m = 2.0 * m
        k = k - 1.0
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    r = w * (L2 + w * (L4 + w * L6)) + z * (L1 + w * (L3 + w * (L5 + w * L7)))
    h = 0.5 * f * f
    return k * LN2_HI - ((h - (s * (h + r) + (k * LN2_LO + rest))) - f)


def logarithm_above_one(u: float) -> float:
    """log(1 + u), for u from 0 to 1."""
    w = 1.0 + u
    return logarithm(w, (u - (w - 1.0)) / w)


class Head:
    """A loss, with what it makes of the last layer; here a squared error."""

    def __init__(self, activation: int, scale: float, figure: float, kind: int):
        self.activation = activation  # that the last layer must have; ACTIVATIONS = any but softmax
        self.scale = scale  # of the gradient,
        self.figure = figure  # and of the error, as §7 has them,
        self.kind = kind  # and what each is divided by: 1, rows * outputs, or rows

    def row(
        self, deltas: list[float], x: list[float], y: list[float], targets: list[float], count: int, activation: int
    ) -> float:
        """A row's error; and, where `deltas` is not empty, the last layer's deltas.

        `x` are its pre-activations, `y` its outputs. No row's error is -0.0 before it is added to a lane, or shows
        there: so a sum may start at 0.0.
        """
        acc = 0.0
        for j in range(count):
            e = y[j] - targets[j]
            acc = acc + e * e
            if deltas:
                deltas[j] = e * slope_of(y[j], activation)
        return acc


class BinaryCrossEntropy(Head):
    """That of sigmoid outputs, each a probability by itself."""

    def row(
        self, deltas: list[float], x: list[float], y: list[float], targets: list[float], count: int, activation: int
    ) -> float:
        acc = 0.0
        for j in range(count):
            positive = x[j] if x[j] > 0.0 else 0.0
            acc = acc + ((positive - x[j] * targets[j]) + logarithm_above_one(exponential(-magnitude(x[j]))))
            if deltas:
                deltas[j] = y[j] - targets[j]
        return acc


class CrossEntropy(Head):
    """That of softmax outputs, the probabilities of classes."""

    def row(
        self, deltas: list[float], x: list[float], y: list[float], targets: list[float], count: int, activation: int
    ) -> float:
        most = greatest(x, count)
        total = 0.0
        acc = 0.0
        for j in range(count):
            total = total + exponential(x[j] - most)
        log_total = logarithm(total, 0.0)
        for j in range(count):
            acc = acc + targets[j] * ((most - x[j]) + log_total)
            if deltas:
                deltas[j] = y[j] - targets[j]
        return acc


HEADS = [  # in the order of the losses' numbers
    Head(ACTIVATIONS, 1.0, 0.5, SUM),
    Head(ACTIVATIONS, 2.0, 1.0, SUM),
    Head(ACTIVATIONS, 1.0, 0.5, MEAN_OF_VALUES),
    Head(ACTIVATIONS, 2.0, 1.0, MEAN_OF_VALUES),
    BinaryCrossEntropy(SIGMOID, 1.0, 1.0, MEAN_OF_ROWS),
    CrossEntropy(SOFTMAX, 1.0, 1.0, MEAN_OF_ROWS),
]


def takes_loss(shape: Shape, loss: int) -> bool:
    """Whether the loss is known, and goes with the last layer's activation."""
    last = shape.activations[shape.layers - 2]
    if loss >= LOSSES:
        return False
    return last != SOFTMAX if HEADS[loss].activation == ACTIVATIONS else last == HEADS[loss].activation


def finish_row(
    deltas: list[float],
    x: list[float],
    y: list[float],
    targets: list[float],
    weight: "float | None",
    count: int,
    activation: int,
    loss: int,
) -> float:
    """A row's error and deltas, as `Head.row` has them, times the row's weight where there is one."""
    error = HEADS[loss].row(deltas, x, y, targets, count, activation)
    if weight is None:
        return error
    for j in range(len(deltas)):
        deltas[j] = deltas[j] * weight
    return error * weight


def weight_of(data: Data, row: int) -> "float | None":
    return data.weights[row] if data.weights is not None else None


def divisor_of(head: Head, rows: int, outputs: int) -> float:
    """What a head's scale and error are divided by; for a sum 1.0, which changes no bit."""
    if head.kind == SUM:
        return 1.0
    return float(rows) if head.kind == MEAN_OF_ROWS else float(rows) * float(outputs)


def gradient_scale(loss: int, rows: int, outputs: int) -> float:
    head = HEADS[loss]
    return head.scale / divisor_of(head, rows, outputs)


def loss_figure(error: float, loss: int, rows: int, outputs: int) -> float:
    head = HEADS[loss]
    return head.figure * (error / divisor_of(head, rows, outputs))


# --- §5 backward, §6 sums, §7 step ---


def go_back(
    deltas: list[float],
    nodes: int,
    d: list[float],
    a: list[float],
    parameters: list[float],
    weights: int,
    n_in: int,
    n_out: int,
    activation: int,
) -> None:
    """Writes the deltas of a hidden layer with the outputs `a`, from `d`, those of the next layer.

    `nodes` is where they begin; the next layer's parameters begin at `weights`, and it has `n_out` nodes.
    """
    for i in range(n_in):
        row = weights + i * n_out
        acc = parameters[row] * d[0]
        for j in range(1, n_out):
            acc = acc + parameters[row + j] * d[j]
        deltas[nodes + i] = acc * slope_of(a[i], activation)


def add_backward(
    lane: list[float],
    deltas: list[float],
    shape: Shape,
    parameters: list[float],
    preactivations: list[float],
    outputs: list[float],
    inputs: list[float],
    targets: list[float],
    weight: "float | None",
    count: int,
    loss: int,
) -> None:
    """Writes one sample's deltas and adds its contributions to its lane.

    `preactivations` and `outputs` are those of `forward_row`.
    """
    layer = shape.layers - 1
    n_out = shape.sizes[layer]
    bias = shape.bias
    weights = count  # index of the layer's first weight; here one past the last layer's parameters
    nodes = len(outputs) - n_out  # index of the layer's first node
    d = deltas[nodes:]
    x = preactivations[nodes:]
    y = outputs[nodes:]
    activation = shape.activations[layer - 1]
    lane[weights] = lane[weights] + finish_row(d, x, y, targets, weight, n_out, activation, loss)
    deltas[nodes:] = d
    while layer > 0:
        n_in = shape.sizes[layer - 1]
        n_out = shape.sizes[layer]
        a = outputs[nodes - n_in : nodes] if layer > 1 else inputs
        d = deltas[nodes : nodes + n_out]
        weights -= (n_in + bias) * n_out
        k = weights
        for i in range(n_in):
            a_i = a[i]
            for d_j in d:
                lane[k] = lane[k] + a_i * d_j
                k += 1
        for j in range(n_out * bias):
            lane[k] = lane[k] + d[j]
            k += 1
        if layer > 1:
            nodes -= n_in
            go_back(deltas, nodes, d, a, parameters, weights, n_in, n_out, shape.activations[layer - 2])
        layer -= 1


def backward(
    sums: list[float],
    deltas: list[float],
    shape: Shape,
    parameters: list[float],
    preactivations: list[float],
    outputs: list[float],
    inputs: list[float],
    targets: list[float],
    loss: int,
) -> int:
    count = parameter_count(shape)
    if count == 0:
        return E_SHAPE
    if not takes_loss(shape, loss):
        return E_OPTION
    for k in range(count + 1):
        sums[k] = 0.0
    add_backward(sums, deltas, shape, parameters, preactivations, outputs, inputs, targets, None, count, loss)
    return OK


def clear_lanes(lanes: list[list[float]]) -> None:
    for lane in lanes:
        lane[:] = [0.0] * len(lane)


def sum_lanes(sums: list[float], lanes: list[list[float]]) -> None:
    l0, l1, l2, l3, l4, l5, l6, l7 = lanes
    for k in range(len(sums)):
        sums[k] = ((l0[k] + l4[k]) + (l2[k] + l6[k])) + ((l1[k] + l5[k]) + (l3[k] + l7[k]))


def sum_errors(
    lanes: list[float],
    work: Work,
    shape: Shape,
    parameters: list[float],
    data: Data,
    first: int,
    rows: int,
    loss: int,
) -> None:
    n_in = shape.sizes[0]
    n_out = shape.sizes[shape.layers - 1]
    activation = shape.activations[shape.layers - 2]
    last = len(work.outputs) - n_out
    for row in range(first, first + rows):
        x = data.inputs[row * n_in : row * n_in + n_in]
        forward_row(work.preactivations, work.outputs, shape, parameters, x)
        t = data.targets[row * n_out : row * n_out + n_out]
        pre = work.preactivations[last:]
        y = work.outputs[last:]
        lanes[row % LANES] = lanes[row % LANES] + finish_row(
            [], pre, y, t, weight_of(data, row), n_out, activation, loss
        )


def are_next(data: Data, first: int, rows: int) -> bool:
    """Whether `rows` rows from `first` on are some that a call may add to the lanes of all rows."""
    return first % LANES == 0 and rows > 0 and first < data.rows and rows <= data.rows - first


def loss(
    figure: list[float],
    work: Work,
    shape: Shape,
    parameters: list[float],
    data: Data,
    loss: int,
) -> int:
    lanes = [0.0] * LANES
    return loss_some(figure, lanes, work, shape, parameters, data, loss, 0, data.rows)


def loss_some(
    figure: list[float],
    lanes: list[float],
    work: Work,
    shape: Shape,
    parameters: list[float],
    data: Data,
    loss: int,
    first: int,
    rows: int,
) -> int:
    if parameter_count(shape) == 0:
        return E_SHAPE
    if not are_next(data, first, rows) or not takes_loss(shape, loss):
        return E_OPTION
    error = [0.0]
    if first == 0:
        for lane in range(LANES):
            lanes[lane] = 0.0
    sum_errors(lanes, work, shape, parameters, data, first, rows, loss)
    if first + rows == data.rows:
        sum_lanes(error, [[lane] for lane in lanes])
        figure[0] = loss_figure(error[0], loss, data.rows, shape.sizes[shape.layers - 1])
    return OK


def add_row(
    work: Work,
    shape: Shape,
    parameters: list[float],
    data: Data,
    row: int,
    batch_row: int,
    loss: int,
) -> None:
    """Adds row `row` of the data to its batch, as row `batch_row` there."""
    n_in = shape.sizes[0]
    n_out = shape.sizes[shape.layers - 1]
    x = data.inputs[row * n_in : row * n_in + n_in]
    t = data.targets[row * n_out : row * n_out + n_out]
    lane = work.lanes[batch_row % LANES]
    forward_row(work.preactivations, work.outputs, shape, parameters, x)
    weight = weight_of(data, row)
    add_backward(
        lane, work.deltas, shape, parameters, work.preactivations, work.outputs, x, t, weight, work.count, loss
    )


def gradient(
    gradient: list[float],
    work: Work,
    shape: Shape,
    parameters: list[float],
    data: Data,
    loss: int,
) -> int:
    return gradient_some(gradient, work, shape, parameters, data, loss, 0, data.rows)


def gradient_some(
    gradient: list[float],
    work: Work,
    shape: Shape,
    parameters: list[float],
    data: Data,
    loss: int,
    first: int,
    rows: int,
) -> int:
    if parameter_count(shape) == 0:
        return E_SHAPE
    if not are_next(data, first, rows) or not takes_loss(shape, loss):
        return E_OPTION
    scale = gradient_scale(loss, data.rows, shape.sizes[shape.layers - 1])
    if first == 0:
        clear_lanes(work.lanes)
    for row in range(first, first + rows):
        add_row(work, shape, parameters, data, row, row, loss)
    if first + rows == data.rows:
        sum_lanes(work.sums, work.lanes)
        for k in range(work.count):
            gradient[k] = work.sums[k] * scale
    return OK


# --- §8 training ---


def is_within(value: float, least: float, end: float) -> bool:
    """Whether least <= value < end."""
    return least <= value < end


def has_good_constants(settings: Settings) -> bool:
    """Whether a known rule's constants are those that §7 allows."""
    constants = settings.constants
    rule = RULE_TABLE[settings.rule]
    for i in range(len(rule.limits)):
        least, end = rule.limits[i]
        if not is_within(constants[i], least, end):
            return False
    return settings.rule != RPROP or constants[3] <= constants[4]


def train_start(training: Training, order: list[int], shape: Shape, settings: Settings, data: Data) -> int:
    rows = data.rows
    if parameter_count(shape) == 0:
        return E_SHAPE
    if (
        rows == 0
        or settings.batch_size == 0
        or settings.log_every == 0
        or not is_within(settings.learning_rate, 0.0, math.inf)
        or not is_within(settings.weight_decay, 0.0, math.inf)
        or not is_within(settings.l1, 0.0, math.inf)
        or not takes_loss(shape, settings.loss)
        or settings.rule >= RULES
        or not has_good_constants(settings)
        or settings.shuffle > 1
        or settings.decay_biases > 1
        or (settings.shuffle and rows > 0xFFFFFFFF)
    ):
        return E_OPTION
    if train_size(shape, settings.rule) == 0:
        return E_SHAPE
    training.settings = Settings(
        settings.batch_size if settings.batch_size < rows else rows,
        settings.log_every,
        settings.shuffle_seed,
        settings.learning_rate,
        settings.loss,
        settings.rule,
        settings.shuffle,
        settings.weight_decay,
        settings.l1,
        settings.constants,
        settings.learning_rates,
        settings.decay_biases,
    )
    training.rows = rows
    training.epoch = 0
    training.begun = 0
    training.to_shuffle = 0
    training.row = 0
    training.batch_row = 0
    training.error = 0.0
    training.has_state = 0
    if settings.shuffle:
        generator_seed(training.generator, settings.shuffle_seed, STREAM_SHUFFLING)
        for row in range(rows):
            order[row] = row
    return OK


def begin_epoch(training: Training, work: Work, parameters: list[float]) -> None:
    if not training.has_state:
        training.has_state = 1
        for k in range(len(work.state)):
            work.state[k] = 0.0
        work.rule.begin(work.state, work.count, training.settings)
    if training.settings.learning_rates is not None:
        training.settings.learning_rate = training.settings.learning_rates[training.epoch]
    for k in range(work.count):
        work.backup[k] = parameters[k]
    work.backup[work.count :] = work.state
    training.to_shuffle = training.rows - 1 if training.settings.shuffle else 0
    training.row = 0
    training.batch_row = 0
    training.error = 0.0
    training.begun = training.epoch + 1


def undo_epoch(training: Training, parameters: list[float], work: Work) -> None:
    """Restores the epoch's start."""
    for k in range(work.count):
        parameters[k] = work.backup[k]
    work.state[:] = work.backup[work.count :]
    training.begun = training.epoch


def shuffle_row(training: Training, order: list[int]) -> None:
    i = training.to_shuffle
    k = generator_below(training.generator, i + 1)
    order[i], order[k] = order[k], order[i]
    training.to_shuffle = i - 1


class Descent:
    """The rule of plain gradient descent (§7)."""

    state = 0  # floats that it keeps for each parameter, one array after the other,
    fixed = 0  # and behind these for all parameters together
    limits: "tuple[tuple[float, float], ...]" = ()  # least <= constant < end, for each constant

    def begin(self, state: list[float], count: int, settings: Settings) -> None:
        """Sets what does not start at +0.0, at the start of a training."""

    def step(
        self,
        parameters: list[float],
        state: list[float],
        sums: list[float],
        count: int,
        settings: Settings,
        scale: float,
    ) -> None:
        """Changes the parameters by a batch's sums."""
        rate = settings.learning_rate
        for k in range(count):
            g = sums[k] * scale
            parameters[k] = parameters[k] - rate * g


class Momentum(Descent):
    """The rules of momentum and of Nesterov's (§7): v."""

    state = 1
    limits = ((0.0, 1.0),)

    def step(
        self,
        parameters: list[float],
        state: list[float],
        sums: list[float],
        count: int,
        settings: Settings,
        scale: float,
    ) -> None:
        rate = settings.learning_rate
        momentum = settings.constants[0]
        ahead = settings.rule == NESTEROV
        for k in range(count):
            g = sums[k] * scale
            v = momentum * state[k] + g
            state[k] = v
            parameters[k] = parameters[k] - rate * (g + momentum * v if ahead else v)


TINY = math.ldexp(1.0, -1074)  # the least number above 0
ABOVE_ONE = 1.0 + math.ldexp(1.0, -52)  # the least number above 1


class Adam(Descent):
    """The rule of Adam (§7): m and v, then the two products p1 and p2."""

    state = 2
    fixed = 2
    limits = ((0.0, 1.0), (0.0, 1.0), (TINY, math.inf))

    def begin(self, state: list[float], count: int, settings: Settings) -> None:
        state[2 * count] = 1.0
        state[2 * count + 1] = 1.0

    def step(
        self,
        parameters: list[float],
        state: list[float],
        sums: list[float],
        count: int,
        settings: Settings,
        scale: float,
    ) -> None:
        beta1 = settings.constants[0]
        beta2 = settings.constants[1]
        epsilon = settings.constants[2]
        p1 = state[2 * count] * beta1
        p2 = state[2 * count + 1] * beta2
        state[2 * count] = p1
        state[2 * count + 1] = p2
        a = settings.learning_rate / (1.0 - p1)
        c = 1.0 - p2
        for k in range(count):
            g = sums[k] * scale
            m = beta1 * state[k] + (1.0 - beta1) * g
            v = beta2 * state[count + k] + (1.0 - beta2) * (g * g)
            state[k] = m
            state[count + k] = v
            parameters[k] = parameters[k] - (a * m) / (math.sqrt(v / c) + epsilon)


class Rprop(Descent):
    """The rule of RPROP (§7): the gradient before, and the step."""

    state = 2
    limits = ((ABOVE_ONE, math.inf), (TINY, 1.0), (TINY, math.inf), (0.0, math.inf), (0.0, math.inf))

    def begin(self, state: list[float], count: int, settings: Settings) -> None:
        for k in range(count):
            state[count + k] = settings.constants[2]

    def step(
        self,
        parameters: list[float],
        state: list[float],
        sums: list[float],
        count: int,
        settings: Settings,
        scale: float,
    ) -> None:
        increase = settings.constants[0]
        decrease = settings.constants[1]
        step_min = settings.constants[3]
        step_max = settings.constants[4]
        for k in range(count):
            g = sums[k] * scale
            q = state[k] * g
            if q > 0.0:
                grown = state[count + k] * increase
                state[count + k] = grown if grown < step_max else step_max
            elif q < 0.0:
                shrunk = state[count + k] * decrease
                state[count + k] = shrunk if shrunk > step_min else step_min
                g = 0.0
            if g > 0.0:
                parameters[k] = parameters[k] - state[count + k]
            elif g < 0.0:
                parameters[k] = parameters[k] + state[count + k]
            state[k] = g


RULE_TABLE = [  # in the order of the rules' numbers
    Descent(),
    Momentum(),
    Momentum(),
    Adam(),
    Adam(),
    Rprop(),
]


def regularise(parameters: list[float], sums: list[float], shape: Shape, settings: Settings, scale: float) -> None:
    """Makes gradients of the sums, with what pulls parameters to 0; AdamW's weight decay changes these instead (§7)."""
    factor = settings.learning_rate * settings.weight_decay
    k = 0
    for layer in range(1, shape.layers):
        n_out = shape.sizes[layer]
        biases = k + shape.sizes[layer - 1] * n_out
        end = biases + n_out * shape.bias
        decayed = end if settings.decay_biases else biases
        while k < end:
            w = parameters[k]
            sums[k] = sums[k] * scale
            if k < decayed and settings.l1 != 0.0:
                sums[k] = sums[k] + settings.l1 if w > 0.0 else sums[k] - settings.l1 if w < 0.0 else sums[k]
            if k < decayed and settings.weight_decay != 0.0:
                if settings.rule == ADAMW:
                    parameters[k] = w - factor * w
                else:
                    sums[k] = sums[k] + settings.weight_decay * w
            k += 1


def take_step(training: Training, parameters: list[float], work: Work, shape: Shape) -> None:
    """Ends a batch: takes the step of its sums."""
    settings = training.settings
    scale = gradient_scale(settings.loss, training.batch_row, shape.sizes[shape.layers - 1])
    training.error = training.error + work.sums[work.count]
    if settings.weight_decay != 0.0 or settings.l1 != 0.0:
        regularise(parameters, work.sums, shape, settings, scale)
        scale = 1.0  # times which the sums are what they are
    work.rule.step(parameters, work.state, work.sums, work.count, settings, scale)
    training.batch_row = 0


def train_row(
    training: Training,
    parameters: list[float],
    work: Work,
    order: list[int],
    shape: Shape,
    data: Data,
) -> None:
    row = order[training.row] if training.settings.shuffle else training.row
    if training.batch_row == 0:
        clear_lanes(work.lanes)
    add_row(work, shape, parameters, data, row, training.batch_row, training.settings.loss)
    training.row += 1
    training.batch_row += 1
    if training.batch_row == training.settings.batch_size or training.row == training.rows:
        sum_lanes(work.sums, work.lanes)
        take_step(training, parameters, work, shape)


def train(
    log: list[float],
    training: Training,
    parameters: list[float],
    work: Work,
    order: list[int],
    shape: Shape,
    data: Data,
    limits: Limits,
) -> int:
    if parameter_count(shape) == 0:
        return E_SHAPE
    if not takes_loss(shape, training.settings.loss) or training.settings.rule >= RULES or training.rows != data.rows:
        return E_OPTION
    log_size = limits.log_size
    budget = limits.budget
    logged = 0
    while training.epoch < limits.until and budget > 0 and (logged < log_size or log_size == 0):
        if training.begun == training.epoch:
            begin_epoch(training, work, parameters)
        while training.to_shuffle > 0 and budget > 0:
            shuffle_row(training, order)
            budget -= 1
        while training.row < training.rows and budget > 0:
            train_row(training, parameters, work, order, shape, data)
            budget -= 1
        if training.row == training.rows:
            if not is_finite(training.error) or first_nonfinite(parameters, work.count) < work.count:
                train_undo(training, parameters, work, shape)
                return DIVERGED
            if log_size > 0 and training.epoch % training.settings.log_every == 0:
                log[logged] = training.error
                logged += 1
            training.epoch += 1
    return OK


def train_many(
    logs: list[list[float]],
    statuses: list[int],
    trainings: list[Training],
    parameters: list[list[float]],
    work: list[Work],
    orders: list[list[int]],
    shape: Shape,
    data: Data,
    limits: Limits,
    networks: int,
) -> int:
    if parameter_count(shape) == 0:
        return E_SHAPE
    for n in range(networks):
        if statuses[n] == OK:
            statuses[n] = train(logs[n], trainings[n], parameters[n], work[n], orders[n], shape, data, limits)
    return OK


def state_size(shape: Shape, rule: int) -> int:
    if train_size(shape, rule) == 0:
        return 0
    return RULE_TABLE[rule].state * parameter_count(shape) + RULE_TABLE[rule].fixed


def train_state(state: list[float], training: Training, work: Work, shape: Shape) -> None:
    for k in range(len(work.state)):
        state[k] = work.state[k]


def train_resume(training: Training, work: Work, shape: Shape, state: list[float], epoch: int) -> None:
    for k in range(len(work.state)):
        work.state[k] = state[k]
    training.has_state = 1
    training.epoch = epoch
    training.begun = epoch


def train_undo(training: Training, parameters: list[float], work: Work, shape: Shape) -> None:
    if training.begun > training.epoch:
        undo_epoch(training, parameters, work)


# --- §11 model bytes ---

SIGNATURE = b"bitprop\0"
HEADER_SIZE = 20  # signature, version, flags, layers


# fmt: off
CRC_STEPS = [  # of four bits at a time
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
]
# fmt: on


def crc32(data: bytearray, length: int) -> int:
    crc = 0xFFFFFFFF
    for i in range(length):
        crc ^= data[i]
        crc = crc >> 4 ^ CRC_STEPS[crc & 15]
        crc = crc >> 4 ^ CRC_STEPS[crc & 15]
    return crc ^ 0xFFFFFFFF


def put(data: bytearray, offset: int, value: int, length: int) -> None:
    for i in range(length):
        data[offset + i] = value >> 8 * i & 0xFF


def get(data: bytearray, offset: int, length: int) -> int:
    value = 0
    for i in range(length, 0, -1):
        value = value << 8 | data[offset + i - 1]
    return value


def encode_size(shape: Shape) -> int:
    count = parameter_count(shape)
    return 0 if count == 0 else HEADER_SIZE + 4 * (2 * shape.layers - 1) + 8 * count + 4


def encode(data: bytearray, shape: Shape, parameters: list[float]) -> int:
    if encode_size(shape) == 0:
        return E_SHAPE
    offset = HEADER_SIZE
    for i in range(8):
        data[i] = SIGNATURE[i]
    put(data, 8, FORMAT, 4)
    put(data, 12, shape.bias, 4)
    put(data, 16, shape.layers, 4)
    for layer in range(shape.layers):
        put(data, offset, shape.sizes[layer], 4)
        offset += 4
    for layer in range(1, shape.layers):
        put(data, offset, shape.activations[layer - 1], 4)
        offset += 4
    for i in range(parameter_count(shape)):
        put(data, offset, double_bits(parameters[i]), 8)
        offset += 8
    put(data, offset, crc32(data, offset), 4)
    return OK


def encoded_size(data: bytearray, layers: int) -> int:
    """The size in bytes of the model whose header is in `data`; 0 = not a shape."""
    sizes = HEADER_SIZE
    activations = sizes + 4 * layers
    bias = get(data, 12, 4)
    count = 0
    last = 4 * (layers - 2)
    for offset in range(0, last + 4, 4):
        count = add_layer(
            count,
            get(data, sizes + offset, 4),
            get(data, sizes + offset + 4, 4),
            get(data, activations + offset, 4),
            bias,
            offset == last,
        )
        if count == 0:
            return 0
    return HEADER_SIZE + 4 * (2 * layers - 1) + 8 * count + 4


def decode_layers(data: bytearray, length: int) -> int:
    if (
        length < HEADER_SIZE + 4
        or data[:8] != SIGNATURE
        or get(data, 8, 4) != FORMAT
        or get(data, 12, 4) > 1
        or get(data, length - 4, 4) != crc32(data, length - 4)
    ):
        return 0
    layers = get(data, 16, 4)
    if layers < 2 or layers > (length - HEADER_SIZE) // 8 or encoded_size(data, layers) != length:
        return 0
    for offset in range(HEADER_SIZE + 4 * (2 * layers - 1), length - 4, 8):
        bits = get(data, offset, 8)
        if (bits & MAGNITUDE_BITS) > INFINITY_BITS and bits != NAN_BITS:
            return 0
    return layers


def decode_shape(sizes: list[int], activations: list[int], bias: list[int], data: bytearray, length: int) -> int:
    layers = decode_layers(data, length)
    if layers == 0:
        return E_FORMAT
    offset = HEADER_SIZE
    for layer in range(layers):
        sizes[layer] = get(data, offset, 4)
        offset += 4
    for layer in range(1, layers):
        activations[layer - 1] = get(data, offset, 4)
        offset += 4
    bias[0] = get(data, 12, 4)
    return OK


def decode_parameters(parameters: list[float], data: bytearray, length: int) -> int:
    layers = decode_layers(data, length)
    if layers == 0:
        return E_FORMAT
    offset = HEADER_SIZE + 4 * (2 * layers - 1)
    i = 0
    while offset < length - 4:
        parameters[i] = bits_double(get(data, offset, 8))
        offset += 8
        i += 1
    return OK


# --- §13 scaling ---


# What stands between the next line and that of the end is also the text of exported networks: export.py.
# --- scaling: begin ---
def scaled_value(v: float, shift: float, spread: float) -> float:
    return (v - shift) / spread


def unscaled_value(v: float, shift: float, spread: float) -> float:
    return v * spread + shift


# --- scaling: end ---


def at_least_some(spread: float) -> float:
    return 1.0 if spread == 0.0 else spread


def all_equal(values: list[float], column: int, rows: int, columns: int) -> bool:
    row = 1
    while row < rows and values[row * columns + column] == values[column]:
        row += 1
    return row >= rows


def standard_scaling(shift: list[float], spread: list[float], values: list[float], rows: int, columns: int) -> None:
    for column in range(columns):
        lanes = [[0.0] for _ in range(LANES)]
        mean, total = values[column], [0.0]
        if not all_equal(values, column, rows, columns):
            for row in range(rows):
                lanes[row % LANES][0] = lanes[row % LANES][0] + values[row * columns + column]
            sum_lanes(total, lanes)
            mean = total[0] / rows
        clear_lanes(lanes)
        for row in range(rows):
            d = values[row * columns + column] - mean
            lanes[row % LANES][0] = lanes[row % LANES][0] + d * d
        sum_lanes(total, lanes)
        shift[column] = mean
        spread[column] = at_least_some(math.sqrt(total[0] / rows))


def min_max_scaling(
    shift: list[float], spread: list[float], values: list[float], rows: int, columns: int, low: float, high: float
) -> None:
    for column in range(columns):
        least, most = values[column], values[column]
        for row in range(1, rows):
            x = values[row * columns + column]
            least = x if x < least else least
            most = x if x > most else most
        spread[column] = at_least_some((most - least) / (high - low))
        shift[column] = least - low * spread[column]


def scale(
    scaled: list[float], values: list[float], shift: list[float], spread: list[float], rows: int, columns: int
) -> None:
    for row in range(rows):
        for column in range(columns):
            k = row * columns + column
            scaled[k] = scaled_value(values[k], shift[column], spread[column])


def unscale(values: list[float], shift: list[float], spread: list[float], rows: int, columns: int) -> None:
    for row in range(rows):
        for column in range(columns):
            k = row * columns + column
            values[k] = unscaled_value(values[k], shift[column], spread[column])


# --- self-test ---


def probe() -> int:
    one = 1.0
    near_one = 1.0 + 1.0 / 1073741824.0
    square = 1.0 + 1.0 / 536870912.0
    large = 1e16
    over_half = math.ldexp(1.0 + 1.0 / 131072.0, -53)  # of 1.0's last place, by less than x87 registers hold beside 1.0
    small = math.ldexp(1.0, -1030)
    if near_one * near_one - square != 0.0:
        return E_FUSED
    if (large + one) - large != 0.0 or (one + over_half) - one == 0.0:
        return E_REORDERED
    if small * 0.5 == 0.0:
        return E_FLUSHED
    return OK


TEST_CRC = 0x00A0FF0C  # of the model that the self-test's training ends with; made by the oracle


def self_test() -> int:
    shape = Shape([2, 3, 1], [TANH, SIGMOID], 3, 1)
    inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    targets = [0.0, 1.0, 1.0, 0.0]
    data = Data(inputs, targets, 4)
    settings = Settings(batch_size=3, log_every=1, shuffle_seed=1, learning_rate=0.5, loss=MSE, rule=DESCENT, shuffle=1)
    limits = Limits(20, SIZE_MAX, 0)
    parameters = [0.0] * 13
    work = Work(shape)
    encoded = bytearray(148)
    order = [0] * 4
    training = Training()
    relu = [-0.0]  # which relu keeps
    status = probe()
    if status != OK:
        return status
    if (
        activate(relu, 1, RELU) != OK
        or double_bits(relu[0]) >> 63 == 0
        or train_size(shape, DESCENT) != 151
        or encode_size(shape) != len(encoded)
        or init(parameters, training.generator, shape, 1, GLOROT) != OK
        or train_start(training, order, shape, settings, data) != OK
        or train([], training, parameters, work, order, shape, data, limits) != OK
        or encode(encoded, shape, parameters) != OK
        or get(encoded, len(encoded) - 4, 4) != TEST_CRC
    ):
        return E_ANSWER
    return OK
