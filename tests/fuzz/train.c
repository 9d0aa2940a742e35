/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes prediction, losses, gradients and trainings: of any shape, option and data that an input chooses, in memory of
 * just the sizes that bitprop.h documents, with every kernel of this processor. A kernel must give the portable one's
 * bits, however a training is sliced, undone, resumed or run beside others, and must leave alone what is const.
 */
#include "choices.h"

#if !defined(FUZZ_KERNELS) /* those with lower numbers are run */
#define FUZZ_KERNELS BP_KERNELS
#endif
#define EPOCHS_MOST 4U
#define NETWORKS_MOST 18U
#define SLICES_MOST 40U

/* How an input trains. */
static struct {
    bp_settings settings;
    double rates[EPOCHS_MOST];
    uint32_t has_rates;
    uint64_t until, budget;
    size_t log_size;
    uint32_t slices;  /* after which a training is undone */
    uint64_t resumed; /* the epoch from which a training goes on */
    uint32_t init;
    size_t networks;
} how;

/* What the portable kernel makes of it. */
static struct {
    bp_status gradient_status, start_status, train_status;
    double predictions[VALUES_MOST], gradient[COUNT_MOST], figure;
    double parameters[EPOCHS_MOST + 1][COUNT_MOST]; /* at the start of each epoch */
    double log[EPOCHS_MOST];                        /* of all epochs */
    uint64_t epoch;                                 /* at the end */
} known;

/* --- the choices --- */

/* Mostly a loss that goes with the last activation. */
static uint32_t choose_loss(void) {
    const uint32_t byte = next_byte();
    const uint32_t last = job.activations[job.shape.layers - 2];
    if (byte >= 224) {
        return byte % (BP_LOSSES + 1);
    }
    if (last == BP_SOFTMAX) {
        return BP_CROSS_ENTROPY;
    }
    return last == BP_SIGMOID && byte % 5 == 4 ? BP_BINARY_CROSS_ENTROPY : byte % 4;
}

static void choose_settings(void) {
    static const double constants[BP_RULES][5] = {
        {0.0}, {0.9}, {0.9}, {0.9, 0.999, 0x1p-27}, {0.9, 0.999, 0x1p-27}, {1.2, 0.5, 0.1, 0x1p-20, 50.0}};
    static const double rates[8] = {0.5, 1.0, 0.1, 0.0, -0.0, 0.01, 10.0, 0x1p+60};
    const uint32_t rule = next_byte(), batch = next_byte();
    bp_settings *settings = &how.settings;
    memset(settings, 0, sizeof *settings);
    settings->rule = rule == 255 ? (uint32_t)BP_RULES : rule % BP_RULES;
    settings->loss = choose_loss();
    settings->batch_size = batch < 64     ? 1
                           : batch < 128  ? 2 + batch % 16
                           : batch == 255 ? 0
                           : batch < 192  ? batch
                                          : SIZE_MAX;
    settings->log_every = choose(8) < 6 ? 1 : choose(4);
    settings->shuffle_seed = next_byte();
    const uint32_t shuffle = next_byte();
    settings->shuffle = shuffle == 255 ? 2 : shuffle % 2;
    settings->learning_rate = choose_option(rates[choose(8)]);
    settings->weight_decay = choose(3) == 0 ? choose_option(0.125) : 0.0;
    settings->decay_biases = choose(2);
    for (uint32_t i = 0; i < 5; i++) {
        settings->constants[i] = choose_option(constants[settings->rule % BP_RULES][i]);
    }
    how.has_rates = choose(4) == 0;
    for (uint32_t epoch = 0; epoch < EPOCHS_MOST; epoch++) {
        how.rates[epoch] = rates[choose(8)];
    }
}

/* 0: the input asks for more than there is memory for. */
static int choose_job(void) {
    choose_shape();
    job.count = bp_parameter_count(&job.shape);
    if (job.count == 0 || job.count > COUNT_MOST || !choose_rows()) {
        return job.count == 0 && job.shape.layers > 0;
    }
    choose_settings();
    how.until = 1 + choose(EPOCHS_MOST);
    how.budget = choose(2) == 0 ? UINT64_MAX : 1 + next_byte();
    how.log_size = choose(3);
    how.slices = 1 + choose(SLICES_MOST);
    how.resumed = 1 + choose(EPOCHS_MOST);
    how.init = choose(BP_INITS + 1);
    how.networks = choose(4) == 0 ? 1 + choose(NETWORKS_MOST) : 1;
    choose_numbers();
    return 1;
}

/* --- a training, each array guarded --- */

typedef struct {
    bp_shape *shape;
    bp_data *data;
    bp_settings *settings;
    bp_training *training;
    double *parameters, *work;
    uint32_t *order;
} run;

static bp_status start(run *r, bp_shape *shape, bp_data *data) {
    r->shape = shape;
    r->data = data;
    r->settings = guarded_copy(&how.settings, 1, sizeof how.settings);
    r->settings->learning_rates = how.has_rates ? guarded_copy(how.rates, how.until, sizeof(double)) : NULL;
    r->training = guarded(1, sizeof *r->training);
    r->order = how.settings.shuffle ? guarded(job.rows, sizeof(uint32_t)) : NULL;
    const bp_status status = bp_train_start(r->training, r->order, shape, r->settings, data);
    if (status != BP_OK) {
        expect_untouched("the training", r->training, sizeof *r->training);
        return status;
    }
    r->parameters = guarded_copy(job.parameters, job.count, sizeof(double));
    r->work = guarded_doubles(bp_train_size(shape, how.settings.rule));
    return BP_OK;
}

/* --- shapes that are refused --- */

static void expect_no_shape(uint32_t kernel) {
    bp_shape *shape = place_shape(kernel);
    bp_generator *generator = guarded(1, sizeof *generator);
    double *values = guarded_doubles(4);
    uint8_t *data = guarded(4, 1);
    const bp_data rows = {values, values, 1, NULL};
    bp_training *training = guarded(1, sizeof *training);
    const bp_limits limits = {1, UINT64_MAX, 1};
    int32_t status = BP_OK;
    const bp_settings settings = {.batch_size = 1, .log_every = 1};
    expect(bp_parameter_count(shape) == 0 && bp_predict_size(shape) == 0 && bp_encode_size(shape) == 0 &&
               bp_train_size(shape, BP_DESCENT) == 0 && bp_state_size(shape, BP_ADAM) == 0 &&
               bp_levenberg_size(shape) == 0,
           "a size of no shape");
    expect(bp_init(values, generator, shape, 1, BP_NORMAL) == BP_E_SHAPE, "init of no shape");
    expect(bp_forward(values, values, shape, values, values) == BP_E_SHAPE, "forward of no shape");
    expect(bp_backward(values, values, shape, values, values, values, values, values, 0) == BP_E_SHAPE, "backward");
    expect(bp_predict(values, values, shape, values, values, 1) == BP_E_SHAPE, "predict of no shape");
    expect(bp_loss(values, values, shape, values, &rows, 0) == BP_E_SHAPE, "loss of no shape");
    expect(bp_gradient(values, values, shape, values, &rows, 0) == BP_E_SHAPE, "gradient of no shape");
    expect(bp_encode(data, shape, values) == BP_E_SHAPE, "encode of no shape");
    expect(bp_train_start(training, NULL, shape, &settings, &rows) == BP_E_SHAPE, "start of no shape");
    expect_untouched("the training", training, sizeof *training);
    expect(bp_train(values, training, values, values, NULL, shape, &rows, &limits) == BP_E_SHAPE, "train of no shape");
    expect(bp_train_many(values, &status, training, values, values, NULL, shape, &rows, &limits, 1) == BP_E_SHAPE,
           "train_many of no shape");
    expect_untouched("the values", values, 4 * sizeof(double));
    expect_untouched("the generator", generator, sizeof *generator);
    expect_untouched("the bytes", data, 4);
}

/* --- what needs no training --- */

static void check_predictions(uint32_t kernel, const bp_shape *shape, const bp_data *data) {
    double *predictions = guarded_doubles(job.rows * job.n_out), *work = guarded_doubles(bp_predict_size(shape));
    double *parameters = guarded_copy(job.parameters, job.count, sizeof(double));
    expect(bp_predict(predictions, work, shape, parameters, data->inputs, job.rows) == BP_OK, "no predictions");
    if (kernel == BP_PORTABLE) {
        memcpy(known.predictions, predictions, job.rows * job.n_out * sizeof(double));
    }
    expect_bits("prediction", kernel, known.predictions, predictions, job.rows * job.n_out);
    double *gradient = guarded_doubles(job.count), *figure = guarded_doubles(1);
    double *train_work = guarded_doubles(bp_train_size(shape, BP_DESCENT));
    const bp_status status = bp_gradient(gradient, train_work, shape, parameters, data, how.settings.loss);
    expect(bp_loss(figure, work, shape, parameters, data, how.settings.loss) == status, "loss and gradient differ");
    if (kernel == BP_PORTABLE) {
        known.gradient_status = status;
        memcpy(known.gradient, gradient, job.count * sizeof(double));
        known.figure = *figure;
    }
    expect(status == known.gradient_status, "kernel %u: gradient gives %d", kernel, status);
    if (status == BP_OK) {
        expect_bits("gradient", kernel, known.gradient, gradient, job.count);
        expect_bits("figure", kernel, &known.figure, figure, 1);
    } else {
        expect_untouched("the gradient", gradient, job.count * sizeof(double));
        expect_untouched("the figure", figure, sizeof(double));
    }
    expect(memcmp(parameters, job.parameters, job.count * sizeof(double)) == 0, "the parameters were changed");
}

/* Whether the sums of the first row are those of a batch of it: with one output's loss, a gradient but for its scale.
 */
static void check_row(const bp_shape *shape, const bp_data *data) {
    size_t nodes = 0;
    for (uint32_t layer = 1; layer < job.shape.layers; layer++) {
        nodes += job.sizes[layer];
    }
    double *preactivations = guarded_doubles(nodes), *outputs = guarded_doubles(nodes);
    double *sums = guarded_doubles(job.count + 1), *deltas = guarded_doubles(nodes);
    double *parameters = guarded_copy(job.parameters, job.count, sizeof(double));
    double *row = guarded_copy(data->inputs, job.n_in, sizeof(double));
    double *targets = guarded_copy(data->targets, job.n_out, sizeof(double));
    expect(bp_forward(preactivations, outputs, shape, parameters, row) == BP_OK, "no forward pass");
    expect_bits("output", BP_PORTABLE, known.predictions, outputs + nodes - job.n_out, job.n_out);
    const bp_status status =
        bp_backward(sums, deltas, shape, parameters, preactivations, outputs, row, targets, how.settings.loss);
    expect(status == known.gradient_status, "backward gives %d", status);
    if (status != BP_OK) {
        expect_untouched("the sums", sums, (job.count + 1) * sizeof(double));
        expect_untouched("the deltas", deltas, nodes * sizeof(double));
    } else if (job.rows == 1 && !job.has_weights && how.settings.loss == BP_HALF_SSE) {
        expect_bits("sum", BP_PORTABLE, known.gradient, sums, job.count);
    }
}

static void check_bytes(const bp_shape *shape) {
    const size_t length = bp_encode_size(shape);
    uint8_t *data = guarded(length, 1);
    double *parameters = guarded_copy(job.parameters, job.count, sizeof(double)), *read = guarded_doubles(job.count);
    uint32_t *sizes = guarded(job.shape.layers, sizeof(uint32_t)), *bias = guarded(1, sizeof(uint32_t));
    uint32_t *activations = guarded(job.shape.layers - 1, sizeof(uint32_t));
    expect(bp_encode(data, shape, parameters) == BP_OK, "not encoded");
    expect(bp_decode_layers(data, length) == job.shape.layers, "other layers");
    expect(bp_decode_shape(sizes, activations, bias, data, length) == BP_OK, "not decoded");
    expect(bp_decode_parameters(read, data, length) == BP_OK, "not decoded");
    expect_bits("decoded parameter", BP_PORTABLE, parameters, read, job.count);
    data[next_byte() % length] ^= (uint8_t)(1U << choose(8));
    expect(bp_decode_layers(data, length) == 0, "an altered bit is not noticed");
}

static void check_init(const bp_shape *shape) {
    double *parameters = guarded_doubles(job.count);
    bp_generator *generator = guarded(1, sizeof *generator);
    const bp_status status = bp_init(parameters, generator, shape, how.settings.shuffle_seed, how.init);
    expect(status == (how.init < BP_INITS ? BP_OK : BP_E_OPTION), "init gives %d", status);
    if (status == BP_OK) {
        expect(bp_first_nonfinite(parameters, job.count) == job.count, "an initial weight is not finite");
    } else {
        expect_untouched("the parameters", parameters, job.count * sizeof(double));
        expect_untouched("the generator", generator, sizeof *generator);
    }
}

static void check_columns(const bp_data *data) {
    const size_t columns = job.n_in, size = job.rows * columns;
    double *shift = guarded_doubles(columns), *spread = guarded_doubles(columns);
    double *scaled = guarded_doubles(size), *values = guarded_copy(data->inputs, size, sizeof(double));
    size_t first = 0;
    while (first < size && (bits_of(values[first]) & 0x7fffffffffffffffU) < 0x7ff0000000000000U) {
        first++;
    }
    expect(bp_first_nonfinite(values, size) == first, "another first number that is not finite");
    if (choose(2) == 0) {
        bp_standard_scaling(shift, spread, values, job.rows, columns);
    } else {
        bp_min_max_scaling(shift, spread, values, job.rows, columns, -1.0, 1.0);
    }
    bp_scale(scaled, values, shift, spread, job.rows, columns);
    bp_scale(values, values, shift, spread, job.rows, columns);
    expect_bits("scaled value", BP_PORTABLE, scaled, values, size);
    bp_unscale(values, shift, spread, job.rows, columns);
    bp_divide(values, size, choose_number());
    const uint32_t activation = choose(BP_ACTIVATIONS + 1);
    const bp_status wanted = activation < BP_SOFTMAX ? BP_OK : BP_E_SHAPE;
    expect(bp_activate(values, size, activation) == wanted, "activate");
    expect(bp_slope(values, size, activation) == wanted, "slope");
}

/* --- trainings --- */

/* By the portable kernel, epoch by epoch. */
static void train_plainly(bp_shape *shape, bp_data *data) {
    run r;
    known.epoch = 0;
    known.train_status = BP_OK;
    known.start_status = start(&r, shape, data);
    if (known.start_status != BP_OK) {
        return;
    }
    double *log = guarded_doubles(1);
    for (uint64_t epoch = 0; epoch < how.until && known.train_status == BP_OK; epoch++) {
        const bp_limits limits = {epoch + 1, UINT64_MAX, 1};
        memcpy(known.parameters[epoch], r.parameters, job.count * sizeof(double));
        known.train_status = bp_train(log, r.training, r.parameters, r.work, r.order, shape, data, &limits);
        known.log[epoch] = *log;
    }
    known.epoch = r.training->epoch;
    if (known.train_status == BP_OK) {
        memcpy(known.parameters[known.epoch], r.parameters, job.count * sizeof(double));
    }
    expect_bits("parameter at the end", BP_PORTABLE, known.parameters[known.epoch], r.parameters, job.count);
}

static void expect_log(uint32_t kernel, const double *log, uint64_t from, uint64_t to) {
    size_t logged = 0;
    for (uint64_t epoch = from; epoch < to; epoch++) {
        if (epoch % how.settings.log_every == 0) {
            expect_bits("logged error", kernel, &known.log[epoch], &log[logged++], 1);
        }
    }
    expect(logged <= how.log_size, "a log is too long");
}

/* In slices, to the end, or undone after some of them; returns whether it ended. */
static int train_sliced(uint32_t kernel, run *r, uint64_t until, uint32_t slices) {
    const uint32_t first = used;
    bp_limits *limits = guarded(1, sizeof *limits);
    double *log = how.log_size > 0 ? guarded_doubles(how.log_size) : NULL;
    bp_status status = BP_OK;
    *limits = (bp_limits){until, how.budget, how.log_size};
    for (uint32_t slice = 0; status == BP_OK && r->training->epoch < until && slice < slices; slice++) {
        const uint64_t before = r->training->epoch;
        status = bp_train(log, r->training, r->parameters, r->work, r->order, r->shape, r->data, limits);
        if (log != NULL) {
            expect_log(kernel, log, before, r->training->epoch);
        }
    }
    const uint64_t epoch = r->training->epoch;
    bp_train_undo(r->training, r->parameters, r->work, r->shape);
    expect(epoch == r->training->epoch && r->training->begun == epoch && epoch <= known.epoch, "a wrong epoch");
    expect_bits("parameter", kernel, known.parameters[epoch], r->parameters, job.count);
    expect(status == BP_OK || (status == BP_DIVERGED && known.train_status == BP_DIVERGED && epoch == known.epoch),
           "kernel %u: train gives %d in epoch %u, expected %d in %u", kernel, status, (uint32_t)epoch,
           known.train_status, (uint32_t)known.epoch);
    release(first);
    return epoch == until || status != BP_OK;
}

#define ALL_SLICES UINT32_MAX

/* To an epoch, and from what is then the state of the rule, in another training to the end. */
static void train_resumed(uint32_t kernel, bp_shape *shape, bp_data *data) {
    run before, after;
    expect(start(&before, shape, data) == BP_OK && start(&after, shape, data) == BP_OK, "not started");
    expect(train_sliced(kernel, &before, how.resumed, ALL_SLICES), "no end");
    double *state = guarded_doubles(bp_state_size(shape, how.settings.rule));
    bp_train_state(state, before.training, before.work, shape);
    memcpy(after.parameters, before.parameters, job.count * sizeof(double));
    if (how.settings.shuffle) {
        memcpy(after.order, before.order, job.rows * sizeof(uint32_t));
        after.training->generator = before.training->generator;
    }
    bp_train_resume(after.training, after.work, shape, state, how.resumed);
    expect(train_sliced(kernel, &after, how.until, ALL_SLICES), "no end");
}

/* Network n begins with the parameters in another order, and shuffles by another seed; one of them is not trained. */
static void train_many(uint32_t kernel, bp_shape *shape, bp_data *data) {
    const size_t networks = how.networks, count = job.count, work_size = bp_train_size(shape, how.settings.rule);
    if (networks * work_size * sizeof(double) > SLOT || networks * count * sizeof(double) > SLOT) {
        return;
    }
    bp_training *trainings = guarded(networks, sizeof *trainings);
    int32_t *statuses = guarded(networks, sizeof *statuses);
    double *parameters = guarded_doubles(networks * count), *work = guarded_doubles(networks * work_size);
    double *logs = how.log_size > 0 ? guarded_doubles(networks * how.log_size) : NULL;
    uint32_t *orders = how.settings.shuffle ? guarded(networks * job.rows, sizeof(uint32_t)) : NULL;
    bp_shape *portable = place_shape(BP_PORTABLE);
    run r;
    expect(start(&r, portable, data) == BP_OK, "not started");
    bp_settings *settings = guarded_copy(r.settings, 1, sizeof *settings);
    const bp_limits limits = {how.until, how.budget, how.log_size};
    const size_t skipped = networks > 2 ? networks / 2 : networks;
    for (size_t n = 0; n < networks; n++) {
        settings->shuffle_seed = how.settings.shuffle_seed + n;
        statuses[n] = n == skipped ? BP_DIVERGED : BP_OK;
        expect(bp_train_start(&trainings[n], orders != NULL ? orders + n * job.rows : NULL, shape, settings, data) ==
                   BP_OK,
               "not started");
        for (size_t k = 0; k < count; k++) {
            parameters[n * count + k] = job.parameters[(k + n) % count];
        }
    }
    for (int going = 1; going;) {
        expect(bp_train_many(logs, statuses, trainings, parameters, work, orders, shape, data, &limits, networks) ==
                   BP_OK,
               "train_many");
        going = 0;
        for (size_t n = 0; n < networks; n++) {
            going = going || (statuses[n] == BP_OK && trainings[n].epoch < how.until);
        }
    }
    const bp_limits whole = {how.until, UINT64_MAX, 0};
    for (size_t n = 0; n < networks; n++) {
        bp_status status = BP_DIVERGED;
        settings->shuffle_seed = how.settings.shuffle_seed + n;
        expect(bp_train_start(r.training, r.order, portable, settings, data) == BP_OK, "not started");
        for (size_t k = 0; k < count; k++) {
            r.parameters[k] = job.parameters[(k + n) % count];
        }
        if (n != skipped) {
            status = bp_train(NULL, r.training, r.parameters, r.work, r.order, portable, data, &whole);
        }
        expect(status == statuses[n] && r.training->epoch == trainings[n].epoch, "kernel %u: network %lu ends with %d",
               kernel, (unsigned long)n, statuses[n]);
        expect_bits("parameter of many networks", kernel, r.parameters, parameters + n * count, count);
    }
}

static void check_trainings(uint32_t kernel, bp_shape *shape, bp_data *data) {
    run r;
    const bp_status status = start(&r, shape, data);
    expect(status == known.start_status, "kernel %u: start gives %d", kernel, status);
    if (status != BP_OK) {
        return;
    }
    const int ended = train_sliced(kernel, &r, how.until, how.slices);
    if (!ended && !how.settings.shuffle) { /* whose order stays that of the epoch that was undone */
        expect(train_sliced(kernel, &r, how.until, ALL_SLICES), "no end");
    }
    const uint32_t first = used;
    if (how.resumed < known.epoch) {
        train_resumed(kernel, shape, data);
        release(first);
    }
    if (how.networks > 1) {
        train_many(kernel, shape, data);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    read_input(bytes, length);
    sides = (uint64_t)next_byte() * 0x0101010101010101U;
    if (!choose_job()) {
        return 0;
    }
    for (uint32_t kernel = BP_PORTABLE; kernel < FUZZ_KERNELS; kernel++) {
        if ((bp_kernels() >> kernel & 1U) == 0 || job.count == 0) {
            expect_no_shape(kernel);
        } else {
            bp_shape *shape = place_shape(kernel);
            bp_data *data = place_data();
            const uint32_t first = used;
            if (kernel == BP_PORTABLE) {
                check_init(shape);
                check_bytes(shape);
                if (job.rows > 0) {
                    check_columns(data);
                }
            }
            release(first);
            check_predictions(kernel, shape, data);
            if (kernel == BP_PORTABLE && job.rows > 0) {
                check_row(shape, data);
            }
            release(first);
            if (kernel == BP_PORTABLE) {
                train_plainly(shape, data);
                release(first);
            }
            check_trainings(kernel, shape, data);
            expect_constant(shape, data);
        }
        release(0);
        sides = ~sides; /* each kernel with the other side */
    }
    return 0;
}
