# SPDX-License-Identifier: MIT
"""The rule of Levenberg and Marquardt (§12) in Python alone: the twin of csrc/levenberg.c, in the order of levenberg.h.

The conventions are those of `_pure.py`, on which it stands. Where the C core takes `work`, this takes a
`LevenbergWork`.

The error of an output is treated as one more derivative, behind those by the parameters: then the products of each two
are A and b together, and factoring them solves the first triangle on the way.
"""

import math

try:
    from . import _pure
except ImportError:  # pragma: no cover - beside _pure.py, away from the package, as tests/platforms has it
    import _pure  # type: ignore[import-not-found, no-redef]


class LevenbergSettings:
    """How to train (§12): the struct `bp_levenberg_settings`."""

    def __init__(
        self,
        log_every: int = 0,
        loss: int = 0,
        mu: float = 0.0,
        mu_increase: float = 0.0,
        mu_decrease: float = 0.0,
        mu_max: float = 0.0,
        gradient_min: float = 0.0,
    ):
        self.log_every = log_every  # epochs from one logged epoch to the next, at least 1
        self.loss = loss  # a squared error
        self.mu = mu  # of the first step: a normal number above 0, at most mu_max
        self.mu_increase = mu_increase  # finite, above 1
        self.mu_decrease = mu_decrease  # above 0 and below 1
        self.mu_max = mu_max  # finite
        self.gradient_min = gradient_min  # finite, not negative


class Levenberg:
    """A training between two slices (§12): the struct `bp_levenberg`. Filled by `levenberg_start`."""

    def __init__(self) -> None:
        self.settings = LevenbergSettings()
        self.rows = 0  # of the data
        self.epoch = 0  # epochs completed
        self.begun = 0  # epochs begun: epoch + 1 inside an epoch, else epoch
        self.row = 0  # rows whose derivatives are summed in this epoch
        self.column = 0  # columns factored in this attempt
        self.trial_row = 0  # rows measured in this attempt
        self.mu = 0.0  # with which the next epoch begins
        self.trial_mu = 0.0  # of this attempt
        self.error = 0.0  # of the epoch


class LevenbergWork:
    """The parts of the scratch memory, which in C are one block of the caller's.

    A triangle holds column q of A from its diagonal down, then b[q], for each q: count*(count + 3)/2 floats.
    """

    def __init__(self, shape: _pure.Shape):
        nodes = _pure.node_count(shape)
        self.count = _pure.parameter_count(shape)
        self.nodes = nodes
        self.products = self.count * (self.count + 3) // 2
        self.lanes = [[0.0] * (self.products + 1) for _ in range(_pure.LANES)]
        self.sums = [0.0] * (self.products + 1)
        self.preactivations = [0.0] * nodes
        self.outputs = [0.0] * nodes
        self.deltas = [0.0] * nodes
        self.derivatives = [0.0] * (self.count + 1)  # of one output by each parameter, then its error
        self.step = [0.0] * self.count
        self.trial_lanes = [[0.0] for _ in range(_pure.LANES)]  # of the squared error with the trial's parameters
        self.backup = [0.0] * self.count  # the parameters at the epoch's start
        self.factor = [0.0] * self.products  # the triangle that is factored


COUNT_MOST = 65535  # parameters


def levenberg_size(shape: _pure.Shape) -> int:
    count = _pure.parameter_count(shape)
    if count == 0 or count > COUNT_MOST:
        return 0
    products = count * (count + 3) // 2
    return (_pure.LANES + 1) * (products + 1) + 3 * _pure.node_count(shape) + 3 * count + 1 + _pure.LANES


LEAST_NORMAL = math.ldexp(1.0, -1022)
MU_LEAST = math.ldexp(0x179CA10C924223, -119)  # 1e-20


def is_squared_error(shape: _pure.Shape, loss: int) -> bool:
    """Whether a known loss is a squared error."""
    return _pure.takes_loss(shape, loss) and type(_pure.HEADS[loss]) is _pure.Head


def levenberg_start(training: Levenberg, shape: _pure.Shape, settings: LevenbergSettings, data: _pure.Data) -> int:
    if levenberg_size(shape) == 0:
        return _pure.E_SHAPE
    if (
        data.rows == 0
        or settings.log_every == 0
        or not is_squared_error(shape, settings.loss)
        or not _pure.is_within(settings.mu, LEAST_NORMAL, math.inf)
        or not _pure.is_within(settings.mu_increase, _pure.ABOVE_ONE, math.inf)
        or not _pure.is_within(settings.mu_decrease, _pure.TINY, 1.0)
        or not _pure.is_within(settings.mu_max, 0.0, math.inf)
        or not _pure.is_within(settings.gradient_min, 0.0, math.inf)
        or settings.mu > settings.mu_max
    ):
        return _pure.E_OPTION
    training.settings = settings
    training.rows = data.rows
    training.epoch = 0
    training.begun = 0
    training.row = 0
    training.column = 0
    training.trial_row = 0
    training.mu = settings.mu
    training.trial_mu = settings.mu
    training.error = 0.0
    return _pure.OK


def begin_trial(training: Levenberg, work: LevenbergWork, mu: float) -> None:
    """Begins an attempt to step with `mu`."""
    training.trial_mu = mu
    training.column = 0
    training.trial_row = 0
    _pure.clear_lanes(work.trial_lanes)


def begin_levenberg_epoch(training: Levenberg, work: LevenbergWork, parameters: list[float]) -> None:
    work.backup[:] = parameters
    _pure.clear_lanes(work.lanes)
    training.row = 0
    training.error = 0.0
    begin_trial(training, work, training.mu)
    training.begun = training.epoch + 1


def undo_levenberg_epoch(training: Levenberg, parameters: list[float], work: LevenbergWork) -> None:
    """Restores the epoch's start."""
    for k in range(work.count):
        parameters[k] = work.backup[k]
    training.begun = training.epoch


def differentiate_output(
    work: LevenbergWork, shape: _pure.Shape, parameters: list[float], inputs: list[float], output: int
) -> None:
    """Writes the derivatives of output `output` by all parameters. The work's outputs are those of `forward_row`."""
    bias = shape.bias
    layer = shape.layers - 1
    n_in = shape.sizes[layer - 1]
    n_out = shape.sizes[layer]
    nodes = work.nodes - n_out  # index of the layer's first node
    weights = work.count - (n_in + bias) * n_out  # index of the layer's first weight
    derivatives = work.derivatives
    deltas = work.deltas
    a = work.outputs[nodes - n_in : nodes] if layer > 1 else inputs
    delta = _pure.slope_of(work.outputs[nodes + output], shape.activations[layer - 1])
    for k in range(weights, work.count):
        derivatives[k] = 0.0
    for i in range(n_in):
        derivatives[weights + i * n_out + output] = a[i] * delta
    if bias:
        derivatives[weights + n_in * n_out + output] = delta
    if layer > 1:
        nodes -= n_in
        for i in range(n_in):
            acc = parameters[weights + i * n_out + output] * delta
            deltas[nodes + i] = acc * _pure.slope_of(a[i], shape.activations[layer - 2])
    layer -= 1
    while layer > 0:
        n_in = shape.sizes[layer - 1]
        n_out = shape.sizes[layer]
        a = work.outputs[nodes - n_in : nodes] if layer > 1 else inputs
        d = deltas[nodes : nodes + n_out]
        weights -= (n_in + bias) * n_out
        for i in range(n_in):
            for j in range(n_out):
                derivatives[weights + i * n_out + j] = a[i] * d[j]
        for j in range(n_out * bias):
            derivatives[weights + n_in * n_out + j] = d[j]
        if layer > 1:
            nodes -= n_in
            _pure.go_back(deltas, nodes, d, a, parameters, weights, n_in, n_out, shape.activations[layer - 2])
        layer -= 1


def add_products(lane: list[float], derivatives: list[float], count: int, weight: float) -> None:
    """Adds the products of each two derivatives, one of them times the row's weight, to a lane."""
    k = 0
    for q in range(count):
        factor = derivatives[q] * weight
        for p in range(q, count + 1):
            lane[k] = lane[k] + derivatives[p] * factor
            k += 1


def factor_of(data: _pure.Data, row: int) -> float:
    """A row's weight; 1.0, by which a product changes no bit, where rows have none."""
    return data.weights[row] if data.weights is not None else 1.0


def measure_row(work: LevenbergWork, shape: _pure.Shape, parameters: list[float], data: _pure.Data, row: int) -> float:
    """The weighted squared error of a row of the data, whose pre-activations and outputs are then in their places."""
    n_in = shape.sizes[0]
    n_out = shape.sizes[shape.layers - 1]
    x = data.inputs[row * n_in : row * n_in + n_in]
    t = data.targets[row * n_out : row * n_out + n_out]
    _pure.forward_row(work.preactivations, work.outputs, shape, parameters, x)
    y = work.outputs[work.nodes - n_out :]
    return _pure.HEADS[_pure.SSE].row([], y, y, t, n_out, 0) * factor_of(data, row)


def add_derivatives(
    work: LevenbergWork, shape: _pure.Shape, parameters: list[float], data: _pure.Data, row: int
) -> None:
    """Adds a row of the data: its products, and its squared error."""
    n_in = shape.sizes[0]
    n_out = shape.sizes[shape.layers - 1]
    x = data.inputs[row * n_in : row * n_in + n_in]
    t = data.targets[row * n_out : row * n_out + n_out]
    lane = work.lanes[row % _pure.LANES]
    lane[work.products] = lane[work.products] + measure_row(work, shape, parameters, data, row)
    y = work.outputs[work.nodes - n_out :]
    for j in range(n_out):
        differentiate_output(work, shape, parameters, x, j)
        work.derivatives[work.count] = y[j] - t[j]
        add_products(lane, work.derivatives, work.count, factor_of(data, row))


def add_trial_error(
    work: LevenbergWork, shape: _pure.Shape, parameters: list[float], data: _pure.Data, row: int
) -> None:
    """Adds a row's squared error to those of the trial."""
    lane = work.trial_lanes[row % _pure.LANES]
    lane[0] = lane[0] + measure_row(work, shape, parameters, data, row)


def is_flat(work: LevenbergWork, training: Levenberg, outputs: int) -> bool:
    """Whether no element of the gradient is beyond gradient_min."""
    scale = _pure.gradient_scale(training.settings.loss, training.rows, outputs)
    k = 0
    for q in range(work.count):
        k += work.count - q
        if not _pure.magnitude(work.sums[k] * scale) <= training.settings.gradient_min:
            return False
        k += 1
    return True


def judge_sums(training: Levenberg, work: LevenbergWork, shape: _pure.Shape) -> int:
    """Ends the sums of an epoch: OK where it goes on."""
    _pure.sum_lanes(work.sums, work.lanes)
    training.error = work.sums[work.products]
    if not _pure.is_finite(training.error):
        return _pure.DIVERGED
    return _pure.GRADIENT_STOP if is_flat(work, training, shape.sizes[shape.layers - 1]) else _pure.OK


def factor_column(training: Levenberg, work: LevenbergWork) -> bool:
    """Factors the next column of the damped triangle: False where its pivot is not above 0."""
    q = training.column
    length = work.count + 1 - q
    start = q * (2 * work.count + 3 - q) // 2
    factors = work.factor
    column = work.sums[start : start + length]
    other = q
    column[0] = column[0] + training.trial_mu
    for k in range(q):
        factor = factors[other]
        for i in range(length):
            column[i] = column[i] - factors[other + i] * factor
        other += work.count - k
    if not column[0] > 0.0:
        return False
    root = math.sqrt(column[0])
    column[0] = root
    for i in range(1, length):
        column[i] = column[i] / root
    factors[start : start + length] = column
    training.column = q + 1
    return True


def take_trial_step(parameters: list[float], work: LevenbergWork) -> bool:
    """Solves the second triangle, and writes the trial's parameters; False where one is not finite."""
    column = work.products
    for p in range(work.count - 1, -1, -1):
        column -= work.count + 1 - p
        acc = work.factor[column + work.count - p]
        for k in range(work.count - 1, p, -1):
            acc = acc - work.factor[column + k - p] * work.step[k]
        work.step[p] = acc / work.factor[column]
    for k in range(work.count):
        parameters[k] = work.backup[k] - work.step[k]
    return _pure.first_nonfinite(parameters, work.count) == work.count


def damp_more(training: Levenberg, work: LevenbergWork) -> int:
    """Ends an attempt that failed: the next one is damped more."""
    mu = training.trial_mu * training.settings.mu_increase
    if mu > training.settings.mu_max:
        return _pure.MU_STOP
    begin_trial(training, work, mu)
    return _pure.OK


def judge_trial(log: list[float], logged: int, training: Levenberg, work: LevenbergWork, log_size: int) -> int:
    """Ends the measurement of a trial: takes its step where the error is lower."""
    error = [0.0]
    _pure.sum_lanes(error, work.trial_lanes)
    if not error[0] < training.error:
        return damp_more(training, work)
    mu = training.trial_mu * training.settings.mu_decrease
    training.mu = training.trial_mu if mu < MU_LEAST else mu
    if log_size > 0 and training.epoch % training.settings.log_every == 0:
        log[logged] = training.error
    training.epoch += 1
    return _pure.OK


def spend(budget: int, products: int, count: int) -> int:
    """What work leaves of a budget: a row of plain training takes about three products for each parameter."""
    cost = 1 + products // (3 * count)
    return budget - cost if cost < budget else 0


def levenberg_train(
    log: list[float],
    training: Levenberg,
    parameters: list[float],
    work: LevenbergWork,
    shape: _pure.Shape,
    data: _pure.Data,
    limits: _pure.Limits,
) -> int:
    if levenberg_size(shape) == 0:
        return _pure.E_SHAPE
    if not is_squared_error(shape, training.settings.loss) or training.rows != data.rows:
        return _pure.E_OPTION
    count = work.count
    log_size = limits.log_size
    budget = limits.budget
    logged = 0
    while training.epoch < limits.until and budget > 0 and (logged < log_size or log_size == 0):
        status = _pure.OK
        if training.begun == training.epoch:
            begin_levenberg_epoch(training, work, parameters)
        if training.row < training.rows:
            add_derivatives(work, shape, parameters, data, training.row)
            training.row += 1
            budget = spend(budget, work.products * shape.sizes[shape.layers - 1], count)
            if training.row == training.rows:
                status = judge_sums(training, work, shape)
        elif training.column < count:
            q = training.column
            factored = factor_column(training, work)
            budget = spend(budget, (q + 1) * (count + 1 - q), count)
            if not factored or (training.column == count and not take_trial_step(parameters, work)):
                status = damp_more(training, work)
        else:
            add_trial_error(work, shape, parameters, data, training.trial_row)
            training.trial_row += 1
            budget = spend(budget, count, count)
            if training.trial_row == training.rows:
                epoch = training.epoch
                status = judge_trial(log, logged, training, work, log_size)
                logged += int(training.epoch > epoch and log_size > 0 and epoch % training.settings.log_every == 0)
        if status != _pure.OK:
            undo_levenberg_epoch(training, parameters, work)
            return status
    return _pure.OK


def levenberg_undo(training: Levenberg, parameters: list[float], work: LevenbergWork, shape: _pure.Shape) -> None:
    if training.begun > training.epoch:
        undo_levenberg_epoch(training, parameters, work)
