/* SPDX-License-Identifier: MIT */
/*
 * The core as the page calls it. An instance of this program holds one network and one training: their structs are
 * static, so that the page passes numbers and addresses and knows the layout of none. Statuses and arguments are those
 * of bitprop.h and levenberg.h.
 */
#include "levenberg.c"

/* A function that the page calls. */
#define EXPORT(name) __attribute__((export_name(#name)))
#define PAGE 65536U /* bytes by which a memory grows */

/* --- memory --- */

extern unsigned char __heap_base; /* the linker's: where the program's own data end */
static size_t heap_end;

/* The address of so many bytes that nobody else has, a multiple of 16; 0 where there is no memory. They are never given
   back: the page drops the instance with all of its memory. */
EXPORT(take) size_t pg_take(size_t bytes) {
    if (heap_end == 0) {
        heap_end = ((size_t)&__heap_base + 15) & ~(size_t)15;
    }
    const size_t start = heap_end;
    if (bytes > SIZE_MAX - start - PAGE) {
        return 0;
    }
    const size_t end = (start + bytes + 15) & ~(size_t)15;
    const size_t pages = (end + PAGE - 1) / PAGE;
    const size_t have = __builtin_wasm_memory_size(0);
    if (pages > have && __builtin_wasm_memory_grow(0, pages - have) == SIZE_MAX) {
        return 0;
    }
    heap_end = end;
    return start;
}

/* --- the network --- */

static bp_shape shape;
static bp_generator generator;

EXPORT(set_shape)
size_t pg_set_shape(const uint32_t *sizes, const uint32_t *activations, uint32_t layers, uint32_t bias) {
    shape = (bp_shape){sizes, activations, layers, bias, BP_PORTABLE};
    return bp_parameter_count(&shape);
}

EXPORT(init) bp_status pg_init(double *parameters, uint64_t seed, uint32_t kind) {
    return bp_init(parameters, &generator, &shape, seed, kind);
}

EXPORT(predict_size) size_t pg_predict_size(void) {
    return bp_predict_size(&shape);
}

EXPORT(predict)
bp_status pg_predict(double *predictions, double *work, const double *parameters, const double *inputs, size_t rows) {
    return bp_predict(predictions, work, &shape, parameters, inputs, rows);
}

EXPORT(forward_row)
bp_status pg_forward_row(double *preactivations, double *outputs, const double *parameters, const double *inputs) {
    return bp_forward(preactivations, outputs, &shape, parameters, inputs);
}

EXPORT(backward_row)
bp_status pg_backward_row(double *sums, double *deltas, const double *parameters, const double *preactivations,
                          const double *outputs, const double *inputs, const double *targets, uint32_t loss) {
    return bp_backward(sums, deltas, &shape, parameters, preactivations, outputs, inputs, targets, loss);
}

EXPORT(slopes) bp_status pg_slopes(double *values, size_t count, uint32_t activation) {
    return bp_slope(values, count, activation);
}

EXPORT(loss_of)
bp_status pg_loss_of(double *figure, double *work, const double *parameters, const double *inputs,
                     const double *targets, size_t rows, uint32_t loss) {
    const bp_data data = {inputs, targets, rows, NULL};
    return bp_loss(figure, work, &shape, parameters, &data, loss);
}

EXPORT(gradient_of)
bp_status pg_gradient_of(double *gradient, double *work, const double *parameters, const double *inputs,
                         const double *targets, size_t rows, uint32_t loss) {
    const bp_data data = {inputs, targets, rows, NULL};
    return bp_gradient(gradient, work, &shape, parameters, &data, loss);
}

EXPORT(encode_size) size_t pg_encode_size(void) {
    return bp_encode_size(&shape);
}

EXPORT(encode) bp_status pg_encode(uint8_t *bytes, const double *parameters) {
    return bp_encode(bytes, &shape, parameters);
}

EXPORT(self_test) bp_status pg_self_test(void) {
    return bp_self_test();
}

/* --- the generator --- */

EXPORT(seed_data) void pg_seed_data(uint64_t seed) {
    bp_generator_seed(&generator, seed, BP_STREAM_DATA);
}

EXPORT(draw_random) double pg_draw_random(void) {
    return bp_generator_random(&generator);
}

EXPORT(draw_deviate) double pg_draw_deviate(void) {
    return draw(&generator, BP_NORMAL, 0.0);
}

EXPORT(draw_below) uint32_t pg_draw_below(uint32_t n) {
    return bp_generator_below(&generator, n);
}

EXPORT(root) double pg_root(double value) {
    return square_root(value);
}

/* --- the training: by gradient steps, or by Levenberg and Marquardt --- */

static bp_data data;
static bp_training steps;
static bp_levenberg levenberg;
static uint32_t by_steps;

EXPORT(set_data) void pg_set_data(const double *inputs, const double *targets, size_t rows) {
    data = (bp_data){inputs, targets, rows, NULL};
}

EXPORT(steps_size) size_t pg_steps_size(uint32_t rule) {
    return bp_train_size(&shape, rule);
}

EXPORT(levenberg_size) size_t pg_levenberg_size(void) {
    return bp_levenberg_size(&shape);
}

EXPORT(start_steps)
bp_status pg_start_steps(uint32_t *order, size_t batch_size, uint32_t loss, uint32_t rule, uint32_t shuffle,
                         uint64_t shuffle_seed, double learning_rate, double weight_decay, double l1,
                         uint32_t decay_biases, const double *constants) {
    bp_settings settings = {.batch_size = batch_size,
                            .log_every = 1,
                            .shuffle_seed = shuffle_seed,
                            .learning_rate = learning_rate,
                            .loss = loss,
                            .rule = rule,
                            .shuffle = shuffle,
                            .weight_decay = weight_decay,
                            .l1 = l1,
                            .decay_biases = decay_biases};
    memcpy(settings.constants, constants, sizeof settings.constants);
    by_steps = 1;
    return bp_train_start(&steps, order, &shape, &settings, &data);
}

/* The constants are mu, mu_increase, mu_decrease, mu_max and gradient_min. */
EXPORT(start_levenberg) bp_status pg_start_levenberg(uint32_t loss, const double *constants) {
    const bp_levenberg_settings settings = {1,           loss, constants[0], constants[1], constants[2], constants[3],
                                            constants[4]};
    by_steps = 0;
    return bp_levenberg_start(&levenberg, &shape, &settings, &data);
}

EXPORT(train_slice)
bp_status pg_train_slice(double *log, double *parameters, double *work, uint32_t *order, uint64_t until,
                         uint64_t budget, size_t log_size) {
    const bp_limits limits = {until, budget, log_size};
    return by_steps ? bp_train(log, &steps, parameters, work, order, &shape, &data, &limits)
                    : bp_levenberg_train(log, &levenberg, parameters, work, &shape, &data, &limits);
}

/* Where the training is: epochs done; epochs begun; rows to shuffle; rows done in this epoch, and in this batch. */
EXPORT(epochs_done) double pg_epochs_done(void) {
    return (double)(by_steps ? steps.epoch : levenberg.epoch);
}

EXPORT(epochs_begun) double pg_epochs_begun(void) {
    return (double)(by_steps ? steps.begun : levenberg.begun);
}

EXPORT(rows_to_shuffle) size_t pg_rows_to_shuffle(void) {
    return by_steps ? steps.to_shuffle : 0;
}

EXPORT(rows_done) size_t pg_rows_done(void) {
    return by_steps ? steps.row : levenberg.row;
}

EXPORT(batch_rows_done) size_t pg_batch_rows_done(void) {
    return by_steps ? steps.batch_row : 0;
}

/* The address of the rule's state in this `work`; NULL before the first step, and for Levenberg and Marquardt. */
EXPORT(rule_state) const double *pg_rule_state(double *work) {
    return by_steps && steps.has_state ? part(work, &shape, steps.settings.rule).state : NULL;
}

/* With which the next epoch of Levenberg and Marquardt begins. */
EXPORT(mu) double pg_mu(void) {
    return levenberg.mu;
}
