/* SPDX-License-Identifier: MIT */
/*
 * The rule of Levenberg and Marquardt (§12), twin of src/bitprop/_pure_levenberg.py, in the order of levenberg.h.
 * Compile this file in place of bitprop.c, which it includes; simd.c includes it at its end. Every arithmetic
 * expression is written as docs/contract.md (§) rounds it; do not simplify one.
 *
 * The error of an output is treated as one more derivative, behind those by the parameters: then the products of each
 * two are A and b together, and factoring them solves the first triangle on the way.
 */
#include "levenberg.h"

#if !defined(BITPROP_ENGINE) /* defined by simd.c */
#include "bitprop.c"
#endif

/* The parts of a `work` of bp_levenberg_size doubles, in their order in memory. A triangle holds column q of A from its
   diagonal down, then b[q], for each q: count*(count + 3)/2 doubles. */
typedef struct {
    size_t count;           /* parameters */
    size_t nodes;           /* after the input */
    size_t products;        /* doubles of a triangle */
    double *lanes;          /* (8, products + 1): of the triangle, then of the squared error */
    double *sums;           /* (products + 1): likewise */
    double *preactivations; /* (nodes) */
    double *outputs;        /* (nodes) */
    double *deltas;         /* (nodes) */
    double *derivatives;    /* (count + 1): of one output by each parameter, then its error */
    double *step;           /* (count) */
    double *trial_lanes;    /* (8): of the squared error with the trial's parameters */
    double *backup;         /* (count): the parameters at the epoch's start */
    double *factor;         /* the triangle that is factored: in the lanes, whose sums are then complete */
    size_t size;            /* of all of them */
} levenberg_parts;

static levenberg_parts part_levenberg(double *work, const bp_shape *shape) {
    levenberg_parts parts;
    parts.count = bp_parameter_count(shape);
    parts.nodes = node_count(shape);
    parts.products = parts.count * (parts.count + 3) / 2;
    parts.size = 0;
    parts.lanes = take(work, &parts.size, BP_LANES * (parts.products + 1));
    parts.sums = take(work, &parts.size, parts.products + 1);
    parts.preactivations = take(work, &parts.size, parts.nodes);
    parts.outputs = take(work, &parts.size, parts.nodes);
    parts.deltas = take(work, &parts.size, parts.nodes);
    parts.derivatives = take(work, &parts.size, parts.count + 1);
    parts.step = take(work, &parts.size, parts.count);
    parts.trial_lanes = take(work, &parts.size, BP_LANES);
    parts.backup = take(work, &parts.size, parts.count);
    parts.factor = parts.lanes;
    return parts;
}

#define COUNT_MOST 65535U /* parameters, whose triangles' sizes cannot overflow 64 bits */

size_t bp_levenberg_size(const bp_shape *shape) {
    const uint64_t count = bp_parameter_count(shape);
    if (count == 0 || count > COUNT_MOST ||
        (count + 3) * (count + 3) / 2 * (BP_LANES + 3) > SIZE_MAX / sizeof(double)) {
        return 0;
    }
    return part_levenberg(NULL, shape).size;
}

#define LEAST_NORMAL_BITS 0x0010000000000000U
static const double MU_LEAST = 0x1.79ca10c924223p-67; /* 1e-20 */

/* Whether a known loss is a squared error. */
static int is_squared_error(const bp_shape *shape, uint32_t loss) {
    return takes_loss(shape, loss) && HEADS[loss].row == squared_row;
}

bp_status bp_levenberg_start(bp_levenberg *training, const bp_shape *shape, const bp_levenberg_settings *settings,
                             const bp_data *data) {
    if (bp_levenberg_size(shape) == 0) {
        return BP_E_SHAPE;
    }
    if (data->rows == 0 || settings->log_every == 0 || !is_squared_error(shape, settings->loss) ||
        !is_within(&settings->mu, LEAST_NORMAL_BITS, INFINITY_BITS) ||
        !is_within(&settings->mu_increase, ONE_BITS + 1, INFINITY_BITS) ||
        !is_within(&settings->mu_decrease, 1, ONE_BITS) || !is_within(&settings->mu_max, 0, INFINITY_BITS) ||
        !is_within(&settings->gradient_min, 0, INFINITY_BITS) ||
        order_bits(&settings->mu) > order_bits(&settings->mu_max)) {
        return BP_E_OPTION;
    }
    training->settings = *settings;
    training->rows = data->rows;
    training->epoch = 0;
    training->begun = 0;
    training->row = 0;
    training->column = 0;
    training->trial_row = 0;
    training->mu = settings->mu;
    training->trial_mu = settings->mu;
    training->error = 0.0;
    return BP_OK;
}

/* Begins an attempt to step with `mu`. */
static void begin_trial(bp_levenberg *training, const levenberg_parts *parts, double mu) {
    training->trial_mu = mu;
    training->column = 0;
    training->trial_row = 0;
    clear_lanes(parts->trial_lanes, 1);
}

static void begin_levenberg_epoch(bp_levenberg *training, const levenberg_parts *parts, const double *parameters) {
    memcpy(parts->backup, parameters, parts->count * sizeof(double));
    clear_lanes(parts->lanes, parts->products + 1);
    training->row = 0;
    training->error = 0.0;
    begin_trial(training, parts, training->mu);
    training->begun = training->epoch + 1;
}

/* Restores the epoch's start. */
static void undo_levenberg_epoch(bp_levenberg *training, double *parameters, const levenberg_parts *parts) {
    memcpy(parameters, parts->backup, parts->count * sizeof(double));
    training->begun = training->epoch;
}

/* Writes the derivatives of output `output` by all parameters. `outputs` are those of forward. */
static void differentiate_output(const levenberg_parts *parts, const bp_shape *shape, const double *parameters,
                                 const double *inputs, size_t output) {
    uint32_t layer = shape->layers - 1;
    size_t n_in = shape->sizes[layer - 1];
    size_t n_out = shape->sizes[layer];
    size_t nodes = parts->nodes - n_out;                          /* index of the layer's first node */
    size_t weights = parts->count - (n_in + shape->bias) * n_out; /* index of the layer's first weight */
    double *derivatives = parts->derivatives;
    double *deltas = parts->deltas;
    const double *a = layer > 1 ? parts->outputs + nodes - n_in : inputs;
    const double delta = slope(parts->outputs[nodes + output], shape->activations[layer - 1]);
    for (size_t k = weights; k < parts->count; k++) {
        derivatives[k] = 0.0;
    }
    for (size_t i = 0; i < n_in; i++) {
        derivatives[weights + i * n_out + output] = a[i] * delta;
    }
    if (shape->bias) {
        derivatives[weights + n_in * n_out + output] = delta;
    }
    if (layer > 1) {
        nodes -= n_in;
        for (size_t i = 0; i < n_in; i++) {
            const double acc = parameters[weights + i * n_out + output] * delta;
            deltas[nodes + i] = acc * slope(a[i], shape->activations[layer - 2]);
        }
    }
    for (layer--; layer > 0; layer--) {
        n_in = shape->sizes[layer - 1];
        n_out = shape->sizes[layer];
        a = layer > 1 ? parts->outputs + nodes - n_in : inputs;
        const double *d = deltas + nodes;
        weights -= (n_in + shape->bias) * n_out;
        for (size_t i = 0; i < n_in; i++) {
            for (size_t j = 0; j < n_out; j++) {
                derivatives[weights + i * n_out + j] = a[i] * d[j];
            }
        }
        for (size_t j = 0; j < n_out * shape->bias; j++) {
            derivatives[weights + n_in * n_out + j] = d[j];
        }
        if (layer > 1) {
            nodes -= n_in;
            go_back(deltas + nodes, d, a, parameters + weights, n_in, n_out, shape->activations[layer - 2]);
        }
    }
}

/* Adds the products of each two derivatives, one of them times the row's weight, to a lane. */
static void add_products(double *lane, const double *derivatives, size_t count, double weight) {
    for (size_t q = 0; q < count; q++) {
        const double factor = derivatives[q] * weight;
        const double *from = derivatives + q;
        const size_t length = count + 1 - q;
        for (size_t i = 0; i < length; i++) {
            lane[i] = lane[i] + from[i] * factor;
        }
        lane += length;
    }
}

/* A row's weight; 1.0, by which a product changes no bit, where rows have none. */
static double factor_of(const bp_data *data, size_t row) {
    return data->weights != NULL ? data->weights[row] : 1.0;
}

/* The weighted squared error of a row of the data, whose pre-activations and outputs are then in their places. */
static double measure_row(const levenberg_parts *parts, const bp_shape *shape, const double *parameters,
                          const bp_data *data, size_t row) {
    const size_t n_out = shape->sizes[shape->layers - 1];
    const double *y = parts->outputs + parts->nodes - n_out;
    forward(parts->preactivations, parts->outputs, shape, parameters, data->inputs + row * shape->sizes[0]);
    return squared_row(NULL, y, y, data->targets + row * n_out, n_out, 0) * factor_of(data, row);
}

/* Adds a row of the data: its products, and its squared error. */
static void add_derivatives(const levenberg_parts *parts, const bp_shape *shape, const double *parameters,
                            const bp_data *data, size_t row) {
    const size_t n_out = shape->sizes[shape->layers - 1];
    const double *x = data->inputs + row * shape->sizes[0];
    const double *t = data->targets + row * n_out;
    const double *y = parts->outputs + parts->nodes - n_out;
    double *lane = parts->lanes + (row % BP_LANES) * (parts->products + 1);
    lane[parts->products] = lane[parts->products] + measure_row(parts, shape, parameters, data, row);
    for (size_t j = 0; j < n_out; j++) {
        differentiate_output(parts, shape, parameters, x, j);
        parts->derivatives[parts->count] = y[j] - t[j];
        add_products(lane, parts->derivatives, parts->count, factor_of(data, row));
    }
}

/* Adds a row's squared error to those of the trial. */
static void add_trial_error(const levenberg_parts *parts, const bp_shape *shape, const double *parameters,
                            const bp_data *data, size_t row) {
    double *lane = parts->trial_lanes + row % BP_LANES;
    *lane = *lane + measure_row(parts, shape, parameters, data, row);
}

/* Whether no element of the gradient is beyond gradient_min. */
static int is_flat(const levenberg_parts *parts, const bp_levenberg *training, size_t outputs) {
    const double scale = gradient_scale(training->settings.loss, training->rows, outputs);
    size_t k = 0;
    for (size_t q = 0; q < parts->count; q++) {
        k += parts->count - q;
        if (!(magnitude(parts->sums[k] * scale) <= training->settings.gradient_min)) {
            return 0;
        }
        k++;
    }
    return 1;
}

/* Ends the sums of an epoch: BP_OK where it goes on. */
static bp_status judge_sums(bp_levenberg *training, const levenberg_parts *parts, const bp_shape *shape) {
    sum_lanes(parts->sums, parts->lanes, parts->products + 1);
    training->error = parts->sums[parts->products];
    if (!is_finite(&training->error)) {
        return BP_DIVERGED;
    }
    return is_flat(parts, training, shape->sizes[shape->layers - 1]) ? BP_GRADIENT_STOP : BP_OK;
}

/* Factors the next column of the damped triangle: 0 where its pivot is not above 0. */
static int factor_column(bp_levenberg *training, const levenberg_parts *parts) {
    const size_t q = training->column;
    const size_t length = parts->count + 1 - q;
    const size_t start = q * (2 * parts->count + 3 - q) / 2;
    double *column = parts->factor + start;
    const double *other = parts->factor + q;
    memcpy(column, parts->sums + start, length * sizeof(double));
    column[0] = column[0] + training->trial_mu;
    for (size_t k = 0; k < q; k++) {
        const double factor = other[0];
        for (size_t i = 0; i < length; i++) {
            column[i] = column[i] - other[i] * factor;
        }
        other += parts->count - k;
    }
    if (!(column[0] > 0.0)) {
        return 0;
    }
    const double root = square_root(column[0]);
    column[0] = root;
    for (size_t i = 1; i < length; i++) {
        column[i] = column[i] / root;
    }
    training->column = q + 1;
    return 1;
}

/* Solves the second triangle, and writes the trial's parameters; 0 where one is not finite. */
static int take_trial_step(double *parameters, const levenberg_parts *parts) {
    const double *column = parts->factor + parts->products;
    for (size_t p = parts->count; p-- > 0;) {
        column -= parts->count + 1 - p;
        double acc = column[parts->count - p];
        for (size_t k = parts->count - 1; k > p; k--) {
            acc = acc - column[k - p] * parts->step[k];
        }
        parts->step[p] = acc / column[0];
    }
    for (size_t k = 0; k < parts->count; k++) {
        parameters[k] = parts->backup[k] - parts->step[k];
    }
    return all_finite(parameters, parts->count);
}

/* Ends an attempt that failed: the next one is damped more. */
static bp_status damp_more(bp_levenberg *training, const levenberg_parts *parts) {
    const double mu = training->trial_mu * training->settings.mu_increase;
    if (mu > training->settings.mu_max) {
        return BP_MU_STOP;
    }
    begin_trial(training, parts, mu);
    return BP_OK;
}

/* Ends the measurement of a trial: takes its step where the error is lower. */
static bp_status judge_trial(double *log, size_t *logged, bp_levenberg *training, const levenberg_parts *parts,
                             size_t log_size) {
    double error;
    sum_lanes(&error, parts->trial_lanes, 1);
    if (!(error < training->error)) {
        return damp_more(training, parts);
    }
    const double mu = training->trial_mu * training->settings.mu_decrease;
    training->mu = mu < MU_LEAST ? training->trial_mu : mu;
    if (log_size > 0 && training->epoch % training->settings.log_every == 0) {
        log[(*logged)++] = training->error;
    }
    training->epoch += 1;
    return BP_OK;
}

/* What work costs of a budget: a row of plain training takes about three products for each parameter. */
static uint64_t spend(uint64_t budget, uint64_t products, uint64_t count) {
    const uint64_t cost = 1 + products / (3 * count);
    return cost < budget ? budget - cost : 0;
}

static APART bp_status train_levenberg(double *log, bp_levenberg *training, double *parameters, double *work,
                                       const bp_shape *shape, const bp_data *data, const bp_limits *limits) {
    const levenberg_parts parts = part_levenberg(work, shape);
    const size_t count = parts.count;
    const size_t log_size = limits->log_size;
    uint64_t budget = limits->budget;
    size_t logged = 0;
    while (training->epoch < limits->until && budget > 0 && (logged < log_size || log_size == 0)) {
        bp_status status = BP_OK;
        if (training->begun == training->epoch) {
            begin_levenberg_epoch(training, &parts, parameters);
        }
        if (training->row < training->rows) {
            add_derivatives(&parts, shape, parameters, data, training->row);
            training->row += 1;
            budget = spend(budget, (uint64_t)parts.products * shape->sizes[shape->layers - 1], count);
            if (training->row == training->rows) {
                status = judge_sums(training, &parts, shape);
            }
        } else if (training->column < count) {
            const size_t q = training->column;
            const int factored = factor_column(training, &parts);
            budget = spend(budget, (uint64_t)(q + 1) * (count + 1 - q), count);
            if (!factored || (training->column == count && !take_trial_step(parameters, &parts))) {
                status = damp_more(training, &parts);
            }
        } else {
            add_trial_error(&parts, shape, parameters, data, training->trial_row);
            training->trial_row += 1;
            budget = spend(budget, count, count);
            if (training->trial_row == training->rows) {
                status = judge_trial(log, &logged, training, &parts, log_size);
            }
        }
        if (status != BP_OK) {
            undo_levenberg_epoch(training, parameters, &parts);
            return status;
        }
    }
    return BP_OK;
}

bp_status bp_levenberg_train(double *log, bp_levenberg *training, double *parameters, double *work,
                             const bp_shape *shape, const bp_data *data, const bp_limits *limits) {
    if (bp_levenberg_size(shape) == 0) {
        return BP_E_SHAPE;
    }
    if (!is_squared_error(shape, training->settings.loss) || training->rows != data->rows) {
        return BP_E_OPTION;
    }
    const fp_word callers = fp_enter();
    const bp_status status = train_levenberg(log, training, parameters, work, shape, data, limits);
    fp_leave(callers);
    return status;
}

void bp_levenberg_undo(bp_levenberg *training, double *parameters, double *work, const bp_shape *shape) {
    if (training->begun > training->epoch) {
        const levenberg_parts parts = part_levenberg(work, shape);
        undo_levenberg_epoch(training, parameters, &parts);
    }
}
