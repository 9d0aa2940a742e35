/* SPDX-License-Identifier: MIT */
/*
 * Tests of the C core alone: no Python, no framework. Build it with csrc/bitprop.c, as run.sh does; no arguments.
 * All comparisons are of bits, and this file does no arithmetic with doubles: so what it reports cannot depend on the
 * floating-point environment, or on the flags that it was compiled with.
 */
#include "levenberg.h"
#include "vectors.h"

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define CANARY 0xa5
#define PRINTED_FAILURES 20U
#define ONE 0x3ff0000000000000U
#define INFINITE 0x7ff0000000000000U
#define NOT_A_NUMBER 0x7ff8000000000000U

/* --- environments: what the caller of the core may have set --- */

#if !defined(FE_TONEAREST) /* software arithmetic has one rounding mode */
#define FE_TONEAREST 0
#define fesetround(mode) ((void)(mode))
#define fegetround() FE_TONEAREST
#endif

static const struct environment {
    const char *name;
    int rounding;
    uint32_t toggled; /* bits of x86's control register that differ from the default */
} environments[] = {
    {"default", FE_TONEAREST, 0},
#if defined(FE_UPWARD)
    {"upward", FE_UPWARD, 0},
#endif
#if defined(FE_DOWNWARD)
    {"downward", FE_DOWNWARD, 0},
#endif
#if defined(FE_TOWARDZERO)
    {"toward zero", FE_TOWARDZERO, 0},
#endif
#if defined(__SSE2__)
    {"flushing", FE_TONEAREST, 0x8040U}, /* flush to zero, denormals are zero */
    {"trapping", FE_TONEAREST, 0x0680U}, /* invalid operation, division by zero and overflow raise a signal */
#endif
};

static const struct environment *now = environments;
static uint32_t entered;

#if defined(__SSE2__)
#define CONTROL ((uint32_t)_mm_getcsr() & 0xffc0U) /* the other bits are flags of past exceptions */
#define SET_CONTROL(bits) _mm_setcsr(bits)
#else
#define CONTROL 0U
#define SET_CONTROL(bits) ((void)(bits))
#endif

/* --- checks --- */

static unsigned long passed, failed, differing; /* checks, and bits */
static unsigned long replayed;                  /* cases, by one kernel in the default environment */
static uint32_t kernel;                         /* of all shapes */

/* In halves, since not every C library prints 64 bits. */
static void print_word(uint64_t word) {
    printf("%08lx%08lx", (unsigned long)(word >> 32), (unsigned long)(word & UINT32_MAX));
}

static void check_word(const char *id, const char *what, size_t at, uint64_t expected, uint64_t found) {
    if (expected == found) {
        passed++;
        return;
    }
    for (uint64_t bits = expected ^ found; bits != 0; bits &= bits - 1) {
        differing++;
    }
    if (failed++ < PRINTED_FAILURES) {
        printf("FAILED %s: %s [%lu], environment %s: expected ", id, what, (unsigned long)at, now->name);
        print_word(expected);
        printf(", found ");
        print_word(found);
        printf("\n");
    }
}

static void check(const char *id, const char *what, int truth) {
    check_word(id, what, 0, 1, truth != 0);
}

/* Whether the kernel in use finishes the eight rows that it is at. */
static int blocks(void) {
    return kernel != BP_PORTABLE && bp_kernels() != 1U << BP_PORTABLE;
}

static uint64_t raw_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t bits_of(double value) {
    const uint64_t bits = raw_bits(value);
    return (bits & 0x7fffffffffffffffU) > INFINITE ? NOT_A_NUMBER : bits; /* a NaN is a NaN (§1.5) */
}

static double number(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void check_doubles(const char *id, const char *what, const uint64_t *expected, const double *found, size_t n) {
    for (size_t i = 0; i < n; i++) {
        check_word(id, what, i, expected[i], bits_of(found[i]));
    }
}

static void enter(void) {
    fesetround(now->rounding);
    SET_CONTROL(CONTROL ^ now->toggled);
    entered = CONTROL;
}

static void leave(const char *id, const char *call, bp_status expected, bp_status found) {
    const int rounding = fegetround();
    const uint32_t control = CONTROL;
    fesetround(FE_TONEAREST);
    SET_CONTROL(0x1f80U);
    check(id, "the caller's rounding mode stays", rounding == now->rounding);
    check_word(id, "the caller's control register stays", 0, entered, control);
    check_word(id, call, 0, (uint64_t)(int64_t)expected, (uint64_t)(int64_t)found);
}

/* A call of the core, in the environment of this run, which it must leave as it was; and its status. */
#define CALL(id, expected, call) (enter(), leave(id, #call, expected, call))

/* --- memory: of exact sizes, so that a sanitizer sees every step beyond, and freed all at once --- */

static void *held[64];
static size_t n_held;

static void *hold(size_t n, size_t size) {
    void *memory = malloc(n > 0 ? n * size : 1);
    if (memory == NULL || n_held == LENGTH(held)) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    memset(memory, 0xff, n > 0 ? n * size : 1); /* as doubles, NaN: what is read before it is written shows */
    held[n_held++] = memory;
    return memory;
}

static double *hold_doubles(size_t n) {
    return hold(n, sizeof(double));
}

static double *copy_doubles(const uint64_t *bits, size_t n) {
    double *values = hold_doubles(n);
    memcpy(values, bits, n * sizeof(double));
    return values;
}

static void release(void) {
    while (n_held > 0) {
        free(held[--n_held]);
    }
}

/* --- the golden vectors --- */

static void replay_activation(const struct activation_case *c) {
    double *values = copy_doubles(c->x, c->n);
    CALL(c->id, BP_OK, bp_activate(values, c->n, c->activation));
    check_doubles(c->id, "activation", c->y, values, c->n);
    CALL(c->id, BP_OK, bp_slope(values, c->n, c->activation));
    check_doubles(c->id, "slope", c->slope, values, c->n);
}

/* Nodes after the input. */
static size_t nodes_of(const bp_shape *s) {
    size_t nodes = 0;
    for (uint32_t layer = 1; layer < s->layers; layer++) {
        nodes += s->sizes[layer];
    }
    return nodes;
}

static void replay_forward(const struct forward_case *c) {
    const bp_shape shape = {c->sizes, c->activations, c->layers, c->bias, kernel};
    const size_t n_out = c->sizes[c->layers - 1], nodes = nodes_of(&shape);
    double *preactivations = hold_doubles(nodes), *outputs = hold_doubles(nodes);
    double *work = hold_doubles(bp_predict_size(&shape));
    double *predictions = hold_doubles(n_out);
    const double *parameters = copy_doubles(c->parameters, c->n_parameters);
    const double *inputs = copy_doubles(c->input, c->sizes[0]);
    check_word(c->id, "parameter_count", 0, c->n_parameters, bp_parameter_count(&shape));
    CALL(c->id, BP_OK, bp_forward(preactivations, outputs, &shape, parameters, inputs));
    check_doubles(c->id, "pre-activation", c->preactivations, preactivations, nodes);
    check_doubles(c->id, "output", c->outputs, outputs, nodes);
    CALL(c->id, BP_OK, bp_predict(predictions, work, &shape, parameters, inputs, 1));
    check_doubles(c->id, "prediction", c->outputs + nodes - n_out, predictions, n_out);
}

/* Many rows at once are the rows one by one, whose bits the forward cases tell. */
static void check_predictions(const char *id, const bp_shape *s, const double *parameters, const double *inputs,
                              size_t rows) {
    const size_t n_out = s->sizes[s->layers - 1], nodes = nodes_of(s);
    double *predictions = hold_doubles(rows * n_out), *work = hold_doubles(bp_predict_size(s));
    double *forwards = hold_doubles(2 * nodes);
    CALL(id, BP_OK, bp_predict(predictions, work, s, parameters, inputs, rows));
    for (size_t at = 0; at < rows * n_out; at++) {
        if (at % n_out == 0) {
            CALL(id, BP_OK, bp_forward(forwards, forwards + nodes, s, parameters, inputs + at / n_out * s->sizes[0]));
        }
        check_word(id, "prediction", at, bits_of(forwards[2 * nodes - n_out + at % n_out]), bits_of(predictions[at]));
    }
}

static void replay_gradient(const struct gradient_case *c) {
    const bp_shape s = {c->sizes, c->activations, c->layers, c->bias, kernel};
    const double *parameters = copy_doubles(c->parameters, c->n_parameters);
    const double *inputs = copy_doubles(c->inputs, (size_t)c->rows * c->sizes[0]);
    const double *targets = copy_doubles(c->targets, (size_t)c->rows * c->sizes[c->layers - 1]);
    double *gradient = hold_doubles(c->n_parameters), *figures = hold_doubles(2);
    double *train_work = hold_doubles(bp_train_size(&s, BP_DESCENT)), *work = hold_doubles(bp_predict_size(&s));
    const double *weights = c->weighted ? copy_doubles(c->row_weights, c->rows) : NULL;
    const bp_data data = {inputs, targets, c->rows, weights};
    const uint32_t loss = (uint32_t)c->loss;
    CALL(c->id, BP_OK, bp_gradient(gradient, train_work, &s, parameters, &data, loss));
    check_doubles(c->id, "gradient", c->gradient, gradient, c->n_parameters);
    CALL(c->id, BP_OK, bp_loss(figures, work, &s, parameters, &data, loss));
    check_doubles(c->id, "figure", &c->figure, figures, 1);
    if (loss <= BP_MSE) {
        CALL(c->id, BP_OK, bp_loss(figures + 1, work, &s, parameters, &data, BP_SSE));
        check_doubles(c->id, "squared error", c->sse, figures + 1, 1);
    }
    check_predictions(c->id, &s, parameters, inputs, c->rows);
    double *lanes = hold_doubles(8);
    memset(gradient, CANARY,
           c->n_parameters * sizeof(double)); /* the memory of small devices has no room for another */
    memset(figures, CANARY, sizeof(double));
    for (size_t first = 0; first < c->rows; first += 8) {
        const size_t rows = c->rows - first < 8 ? c->rows - first : 8;
        CALL(c->id, BP_OK, bp_gradient_some(gradient, train_work, &s, parameters, &data, loss, first, rows));
        CALL(c->id, BP_OK, bp_loss_some(figures, lanes, work, &s, parameters, &data, loss, first, rows));
    }
    check_doubles(c->id, "gradient in pieces", c->gradient, gradient, c->n_parameters);
    check_doubles(c->id, "figure in pieces", &c->figure, figures, 1);
}

/* A training on the way. */
typedef struct {
    bp_shape shape;
    bp_training training;
    bp_data data;
    double *parameters, *work;
    uint32_t *order;
    uint64_t epoch_budget; /* rows of an epoch, those that shuffling takes included */
} run;

/* 0 is all rows, as any size beyond them is, also one that size_t does not hold. */
static size_t size_of_batch(uint64_t batch_size) {
    return batch_size == 0 || batch_size > SIZE_MAX ? SIZE_MAX : (size_t)batch_size;
}

/* §7: those of RPROP, as a caller draws them. */
static void draw_first_steps(bp_training *training, double *work, const bp_shape *shape, const struct train_case *c) {
    const size_t count = c->n_parameters;
    const double low = number(c->constants[2]), high = number(c->first_step_high);
    double *state = hold_doubles(bp_state_size(shape, c->rule));
    bp_generator generator;
    bp_generator_seed(&generator, c->first_step_seed, BP_STREAM_STEPS);
    for (size_t k = 0; k < count; k++) {
        state[k] = 0.0;
        state[count + k] = low + (high - low) * bp_generator_random(&generator);
    }
    bp_train_resume(training, work, shape, state, 0);
}

static void start(run *r, const struct train_case *c, uint64_t log_every) {
    const size_t batch_size = size_of_batch(c->batch_size);
    r->shape = (bp_shape){c->sizes, c->activations, c->layers, c->bias, kernel};
    r->parameters = copy_doubles(c->parameters, c->n_parameters);
    r->data.inputs = copy_doubles(c->inputs, (size_t)c->rows * c->sizes[0]);
    r->data.targets = copy_doubles(c->targets, (size_t)c->rows * c->sizes[c->layers - 1]);
    r->data.rows = c->rows;
    r->data.weights = c->weighted ? copy_doubles(c->row_weights, c->rows) : NULL;
    r->work = hold_doubles(bp_train_size(&r->shape, c->rule));
    r->order = c->shuffle ? hold(c->rows, sizeof(uint32_t)) : NULL;
    r->epoch_budget = c->rows + (c->shuffle ? c->rows - 1 : 0);
    const double *rates = c->n_learning_rates > 0 ? copy_doubles(c->learning_rates, c->n_learning_rates) : NULL;
    const bp_settings settings = {.batch_size = batch_size,
                                  .log_every = log_every,
                                  .shuffle_seed = c->shuffle_seed,
                                  .learning_rate = number(c->learning_rate),
                                  .loss = (uint32_t)c->loss,
                                  .rule = c->rule,
                                  .shuffle = c->shuffle,
                                  .weight_decay = number(c->weight_decay),
                                  .l1 = number(c->l1),
                                  .constants = {number(c->constants[0]), number(c->constants[1]),
                                                number(c->constants[2]), number(c->constants[3]),
                                                number(c->constants[4])},
                                  .learning_rates = rates,
                                  .decay_biases = c->decay_biases};
    CALL(c->id, BP_OK, bp_train_start(&r->training, r->order, &r->shape, &settings, &r->data));
    if (c->drawn) {
        draw_first_steps(&r->training, r->work, &r->shape, c);
    }
    check(c->id, "batch_size is at most rows", r->training.settings.batch_size <= c->rows);
}

static bp_status train(run *r, double *log, size_t log_size, uint64_t until, uint64_t budget) {
    const bp_limits limits = {until, budget, log_size};
    return bp_train(log, &r->training, r->parameters, r->work, r->order, &r->shape, &r->data, &limits);
}

static const struct slicing {
    const char *name;
    uint64_t log_every;
    size_t log_size;
    uint64_t budget;
} slicings[] = {{"one call", 1, 1000, UINT64_MAX},
                {"budget 1", 1, 1000, 1},
                {"budget 3", 1, 1000, 3},
                {"budget 7", 1, 1000, 7},
                {"log of 1", 1, 1, UINT64_MAX},
                {"log of 2, budget 5", 1, 2, 5},
                {"log of 2, every 3", 3, 2, UINT64_MAX},
                {"no log, budget 3", 1, 0, 3}};

static void replay_train(const struct train_case *c, const struct slicing *s) {
    const uint64_t begun = c->n_sse + (c->diverged >= 0 ? 1U : 0U);
    double *log = s->log_size > 0 ? hold_doubles(s->log_size) : NULL;
    uint64_t slices = 0;
    int ends = 0;
    run r;
    start(&r, c, s->log_every);
    for (; !ends && slices <= begun * r.epoch_budget; slices++) {
        uint64_t epoch = r.training.epoch;
        size_t logged = 0;
        enter();
        const bp_status status = train(&r, log, s->log_size, c->epochs, s->budget);
        ends = status != BP_OK || r.training.epoch == c->epochs;
        leave(c->id, s->name, ends && c->diverged >= 0 ? BP_DIVERGED : BP_OK, status);
        for (; epoch < r.training.epoch && epoch < c->n_sse; epoch++) {
            if (epoch % s->log_every == 0 && logged < s->log_size) {
                check_word(c->id, s->name, (size_t)epoch, c->sse[epoch], bits_of(log[logged++]));
            }
        }
    }
    const uint64_t most = c->epochs == 0 ? 1 : begun * r.epoch_budget; /* no epochs take one call all the same */
    if (s->budget == 1 && !blocks()) {
        check_word(c->id, "slices of budget 1", 0, most, slices);
    } else if (s->budget == 1) {
        check(c->id, "slices of budget 1", slices <= most);
        check(c->id, "eight rows a slice", slices * BP_LANES >= most);
    }
    check_word(c->id, "epochs", 0, c->n_sse, r.training.epoch);
    check_doubles(c->id, s->name, c->final, r.parameters, c->n_parameters);
}

/* §12, in slices of this budget, with an undo in the midst of an epoch. */
static void replay_levenberg(const struct levenberg_case *c, uint64_t budget) {
    const bp_shape shape = {c->sizes, c->activations, c->layers, c->bias, kernel};
    const bp_levenberg_settings settings = {.log_every = 1,
                                            .loss = (uint32_t)c->loss,
                                            .mu = number(c->constants[0]),
                                            .mu_increase = number(c->constants[1]),
                                            .mu_decrease = number(c->constants[2]),
                                            .mu_max = number(c->constants[3]),
                                            .gradient_min = number(c->constants[4])};
    const bp_data data = {copy_doubles(c->inputs, (size_t)c->rows * c->sizes[0]),
                          copy_doubles(c->targets, (size_t)c->rows * c->sizes[c->layers - 1]), c->rows,
                          c->weighted ? copy_doubles(c->row_weights, c->rows) : NULL};
    const bp_limits limits = {c->epochs, budget, c->epochs + 1U};
    const int expected = c->diverged >= 0 ? BP_DIVERGED : (int)c->stop;
    double *parameters = copy_doubles(c->parameters, c->n_parameters);
    double *work = hold_doubles(bp_levenberg_size(&shape));
    double *log = hold_doubles(c->epochs + 1U);
    bp_levenberg training;
    bp_status status = BP_OK;
    unsigned long slices = 0;
    CALL(c->id, BP_OK, bp_levenberg_start(&training, &shape, &settings, &data));
    do {
        uint64_t epoch = training.epoch;
        size_t logged = 0;
        enter();
        status = bp_levenberg_train(log, &training, parameters, work, &shape, &data, &limits);
        leave(c->id, "levenberg", status, status);
        for (; epoch < training.epoch && epoch < c->n_sse; epoch++) {
            check_word(c->id, "levenberg", (size_t)epoch, c->sse[epoch], bits_of(log[logged++]));
        }
        if (++slices == 7) { /* the epoch begins anew */
            bp_levenberg_undo(&training, parameters, work, &shape);
        }
    } while (status == BP_OK && training.epoch < c->epochs);
    check_word(c->id, "ends", 0, (uint64_t)(int64_t)expected, (uint64_t)(int64_t)status);
    check_word(c->id, "epochs", 0, c->n_sse, training.epoch);
    check_word(c->id, "mu", 0, c->mu, bits_of(training.mu));
    check_doubles(c->id, "parameters", c->final, parameters, c->n_parameters);
}

/* Settings that bp_levenberg_start refuses, and what stays untouched then. */
static void refuse_levenberg(void) {
    const struct levenberg_case *c = &levenberg_cases[0];
    const uint32_t last[2] = {BP_TANH, BP_SOFTMAX};
    const bp_shape shape = {c->sizes, c->activations, c->layers, c->bias, kernel};
    const bp_shape softmax = {c->sizes, last, c->layers, c->bias, kernel};
    const bp_shape unknown = {c->sizes, c->activations, c->layers, c->bias, BP_KERNELS};
    const uint32_t one_layer[1] = {BP_SIGMOID}, wide_sizes[2] = {256, 256};
    const bp_shape sigmoid = {(const uint32_t[2]){c->sizes[0], c->sizes[c->layers - 1]}, one_layer, 2, 1, kernel};
    const bp_shape wide = {wide_sizes, one_layer, 2, 0, kernel}; /* of one parameter too many */
    const double one = number(ONE), zero = number(0), half = number(0x3fe0000000000000U);
    const double two = number(0x4000000000000000U), infinite = number(INFINITE), nan = number(NOT_A_NUMBER);
    const double subnormal = number(1), negative = number(0xbff0000000000000U);
    const bp_levenberg_settings good = {1, BP_MSE, one, two, half, one, zero};
    bp_levenberg_settings bad[18];
    const bp_data data = {copy_doubles(c->inputs, (size_t)c->rows * c->sizes[0]),
                          copy_doubles(c->targets, (size_t)c->rows * c->sizes[c->layers - 1]), c->rows, NULL};
    const bp_data none = {data.inputs, data.targets, 0, NULL};
    const bp_limits limits = {1, 1, 0};
    bp_levenberg training, before;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        bad[i] = good;
    }
    bad[0].log_every = 0;
    bad[1].loss = BP_CROSS_ENTROPY;
    bad[2].loss = BP_LOSSES;
    bad[3].mu = zero;
    bad[4].mu = subnormal;
    bad[5].mu = nan;
    bad[6].mu = two; /* above mu_max */
    bad[7].mu_increase = one;
    bad[8].mu_increase = infinite;
    bad[9].mu_decrease = zero;
    bad[10].mu_decrease = one;
    bad[11].mu_max = infinite;
    bad[12].mu_max = nan;
    bad[13].gradient_min = negative;
    bad[14].gradient_min = infinite;
    bad[15].gradient_min = nan;
    bad[16].mu = negative;
    bad[17].loss = BP_BINARY_CROSS_ENTROPY;
    memset(&training, CANARY, sizeof training);
    before = training;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        CALL("levenberg", BP_E_OPTION, bp_levenberg_start(&training, &shape, &bad[i], &data));
    }
    CALL("levenberg", BP_E_OPTION, bp_levenberg_start(&training, &shape, &good, &none));
    CALL("levenberg", BP_E_OPTION, bp_levenberg_start(&training, &softmax, &good, &data));
    CALL("levenberg", BP_E_OPTION, bp_levenberg_start(&training, &sigmoid, &bad[17], &data));
    CALL("levenberg", BP_E_SHAPE, bp_levenberg_start(&training, &wide, &good, &data));
    CALL("levenberg", BP_E_SHAPE, bp_levenberg_start(&training, &unknown, &good, &data));
    check("levenberg", "refused without a trace", memcmp(&training, &before, sizeof training) == 0);
    check("levenberg", "no size", bp_levenberg_size(&unknown) == 0);
    CALL("levenberg", BP_E_OPTION, bp_levenberg_train(NULL, &training, NULL, NULL, &shape, &data, &limits));
    CALL("levenberg", BP_OK, bp_levenberg_start(&training, &shape, &good, &data));
    CALL("levenberg", BP_E_SHAPE, bp_levenberg_train(NULL, &training, NULL, NULL, &unknown, &data, &limits));
    CALL("levenberg", BP_E_OPTION, bp_levenberg_train(NULL, &training, NULL, NULL, &shape, &none, &limits));
    release();
}

/* Logs of some epochs, of none, and slices that a full log ends: they change no bit. */
static void test_levenberg_logs(const struct levenberg_case *c) {
    static const uint64_t every[3] = {1, 2, 2};
    static const size_t log_sizes[3] = {1, 1, 0};
    const bp_shape shape = {c->sizes, c->activations, c->layers, c->bias, kernel};
    const bp_data data = {copy_doubles(c->inputs, (size_t)c->rows * c->sizes[0]),
                          copy_doubles(c->targets, (size_t)c->rows * c->sizes[c->layers - 1]), c->rows,
                          c->weighted ? copy_doubles(c->row_weights, c->rows) : NULL};
    double *work = hold_doubles(bp_levenberg_size(&shape));
    for (size_t i = 0; i < LENGTH(every); i++) {
        const bp_levenberg_settings settings = {every[i],
                                                (uint32_t)c->loss,
                                                number(c->constants[0]),
                                                number(c->constants[1]),
                                                number(c->constants[2]),
                                                number(c->constants[3]),
                                                number(c->constants[4])};
        const bp_limits limits = {c->epochs, UINT64_MAX, log_sizes[i]};
        double *parameters = copy_doubles(c->parameters, c->n_parameters), *log = hold_doubles(1);
        bp_status status = BP_OK;
        bp_levenberg training;
        CALL(c->id, BP_OK, bp_levenberg_start(&training, &shape, &settings, &data));
        while (status == BP_OK && training.epoch < c->epochs) {
            const uint64_t before = training.epoch;
            enter();
            status = bp_levenberg_train(log, &training, parameters, work, &shape, &data, &limits);
            leave(c->id, "bp_levenberg_train", status, status);
            if (log_sizes[i] > 0 && status == BP_OK && training.epoch > before && before % every[i] == 0) {
                check_word(c->id, "logged", before, c->sse[before], bits_of(*log));
            }
        }
        check_word(c->id, "epochs of any log", i, c->n_sse, training.epoch);
        check_doubles(c->id, "parameter with any log", c->final, parameters, c->n_parameters);
    }
}

/* A step beyond all numbers is damped more, and the parameters come back. */
static void test_levenberg_overflow(void) {
    static const uint32_t sizes[2] = {1, 1}, activations[1] = {BP_IDENTITY};
    static const uint64_t weight = 0xffeab36d48e1acf0U; /* -1.5e308 */
    const bp_shape shape = {sizes, activations, 2, 0, kernel};
    const double least = number(0x0010000000000000U);
    const bp_levenberg_settings settings = {
        1, BP_SSE, least, number(0x4000000000000000U), number(0x3fe0000000000000U), least, 0.0};
    const bp_data data = {copy_doubles((const uint64_t[1]){0x200016e0ebac2efaU}, 1), /* 1.5e-154 */
                          copy_doubles((const uint64_t[1]){0xe004e2237da833f3U}, 1), 1, NULL};
    const bp_limits limits = {1, UINT64_MAX, 0};
    double *parameters = copy_doubles(&weight, 1), *work = hold_doubles(bp_levenberg_size(&shape));
    bp_levenberg training;
    CALL("overflow", BP_OK, bp_levenberg_start(&training, &shape, &settings, &data));
    CALL("overflow", BP_MU_STOP, bp_levenberg_train(NULL, &training, parameters, work, &shape, &data, &limits));
    check_doubles("overflow", "parameter", &weight, parameters, 1);
    release();
}

/* As many networks as do not fit side by side, all of them the case's: each ends as it does alone. */
static void replay_train_many(const struct train_case *c, uint64_t budget) {
    enum { NETWORKS = 19 };
    const size_t size = c->n_parameters, rows = c->rows, n_log = c->n_sse + 1U;
    double *logs = hold_doubles(NETWORKS * n_log), *parameters = hold_doubles(NETWORKS * size);
    bp_training *trainings = hold(NETWORKS, sizeof(bp_training));
    int32_t *statuses = hold(NETWORKS, sizeof(int32_t));
    uint32_t *orders = c->shuffle ? hold(NETWORKS * rows, sizeof(uint32_t)) : NULL;
    run r;
    start(&r, c, 1);
    double *work = hold_doubles(NETWORKS * bp_train_size(&r.shape, c->rule));
    for (size_t n = 0; n < NETWORKS; n++) {
        memcpy(parameters + n * size, c->parameters, size * sizeof(double));
        trainings[n] = r.training;
        if (c->drawn) {
            draw_first_steps(&trainings[n], work + n * bp_train_size(&r.shape, c->rule), &r.shape, c);
        }
        statuses[n] = BP_OK;
        for (size_t row = 0; orders != NULL && row < rows; row++) {
            orders[n * rows + row] = (uint32_t)row;
        }
    }
    statuses[NETWORKS - 1] = BP_DIVERGED; /* which leaves it alone */
    for (int ends = 0; !ends;) {
        const bp_limits limits = {c->epochs, budget, budget == UINT64_MAX ? n_log : 0};
        CALL(c->id, BP_OK,
             bp_train_many(logs, statuses, trainings, parameters, work, orders, &r.shape, &r.data, &limits, NETWORKS));
        ends = statuses[0] != BP_OK || trainings[0].epoch == c->epochs;
    }
    for (size_t n = 0; n < NETWORKS - 1; n++) {
        check_word(c->id, "status", n, (uint64_t)(c->diverged >= 0 ? BP_DIVERGED : BP_OK), (uint64_t)statuses[n]);
        check_word(c->id, "epochs", n, c->n_sse, trainings[n].epoch);
        check_doubles(c->id, "many", c->final, parameters + n * size, size);
        if (budget == UINT64_MAX) {
            check_doubles(c->id, "log of many", c->sse, logs + n * n_log, c->n_sse);
        }
    }
    check_doubles(c->id, "left alone", c->parameters, parameters + (NETWORKS - 1) * size, size);
}

/* A training that was never started is left alone, and its garbage disturbs no other. */
static void test_refused_member(void) {
    enum { NETWORKS = 20, REFUSED = 16 };
    static const uint32_t sizes[3] = {2, 4, 1}, activations[2] = {BP_SIGMOID, BP_SIGMOID};
    const bp_shape shape = {sizes, activations, 3, 0, kernel};
    const size_t size = bp_parameter_count(&shape);
    double *parameters = hold_doubles(NETWORKS * size),
           *work = hold_doubles(NETWORKS * bp_train_size(&shape, BP_DESCENT));
    double *inputs = hold_doubles(8), *targets = hold_doubles(4);
    const bp_data data = {inputs, targets, 4, NULL};
    const bp_limits limits = {3, UINT64_MAX, 0};
    bp_training *trainings = hold(NETWORKS, sizeof(bp_training)); /* all bits set */
    int32_t *statuses = hold(NETWORKS, sizeof(int32_t));
    uint32_t *orders = hold(NETWORKS * 4, sizeof(uint32_t));
    memset(inputs, 0, 8 * sizeof(double));
    memset(targets, 0, 4 * sizeof(double));
    for (size_t n = 0; n < NETWORKS; n++) {
        bp_generator generator;
        CALL("member", BP_OK, bp_init(parameters + n * size, &generator, &shape, 1, BP_NORMAL));
        const bp_settings settings = {.batch_size = 2,
                                      .log_every = 1,
                                      .shuffle_seed = 7,
                                      .learning_rate = number(n == REFUSED ? NOT_A_NUMBER : ONE),
                                      .loss = BP_SSE,
                                      .rule = BP_DESCENT,
                                      .shuffle = 1};
        enter();
        statuses[n] = bp_train_start(&trainings[n], orders + 4 * n, &shape, &settings, &data);
        leave("member", "bp_train_start", n == REFUSED ? BP_E_OPTION : BP_OK, statuses[n]);
    }
    CALL("members", BP_OK,
         bp_train_many(NULL, statuses, trainings, parameters, work, orders, &shape, &data, &limits, NETWORKS));
    for (size_t n = 0; n < NETWORKS; n++) {
        check_word("members", "status", n, n == REFUSED ? (uint64_t)BP_E_OPTION : BP_OK, (uint64_t)statuses[n]);
        for (size_t k = 0; n != REFUSED && k < size; k++) {
            check_word("members", "parameter", n, bits_of(parameters[k]), bits_of(parameters[n * size + k]));
        }
    }
}

/* Data of more rows than a training was started on are refused, since `order` and the state are not for them. */
static void test_other_rows(void) {
    static const uint32_t sizes[2] = {1, 1}, activations[1] = {BP_TANH};
    const bp_shape shape = {sizes, activations, 2, 0, kernel};
    double *parameters = hold_doubles(1), *work = hold_doubles(bp_train_size(&shape, BP_DESCENT));
    const double *values = copy_doubles((const uint64_t[2]){ONE, ONE}, 2);
    const bp_data two = {values, values, 2, NULL}, one = {values, values, 1, NULL};
    const bp_settings settings = {.batch_size = 2, .log_every = 1, .learning_rate = 1.0, .loss = BP_SSE};
    const bp_limits limits = {1, UINT64_MAX, 0};
    const uint64_t start = ONE;
    int32_t status = BP_OK;
    bp_training training;
    memcpy(parameters, &start, sizeof start);
    CALL("other rows", BP_OK, bp_train_start(&training, NULL, &shape, &settings, &one));
    CALL("other rows", BP_E_OPTION, bp_train(NULL, &training, parameters, work, NULL, &shape, &two, &limits));
    CALL("other rows", BP_OK,
         bp_train_many(NULL, &status, &training, parameters, work, NULL, &shape, &two, &limits, 1));
    check_word("other rows", "status", 0, (uint64_t)BP_E_OPTION, (uint64_t)status);
    check("other rows", "left alone", training.begun == 0 && bits_of(parameters[0]) == start);
    training.settings.rule = BP_RULES; /* as what was never started may have it */
    CALL("unknown rule", BP_E_OPTION, bp_train(NULL, &training, parameters, work, NULL, &shape, &one, &limits));
    training.settings.rule = BP_DESCENT;
    CALL("as many rows", BP_OK, bp_train(NULL, &training, parameters, work, NULL, &shape, &one, &limits));
    check("as many rows", "trained", training.epoch == 1 && bits_of(parameters[0]) != start);
}

static void replay_bytes(const struct model_bytes_case *c) {
    const bp_shape shape = {c->sizes, c->activations, c->layers, c->bias, kernel};
    const double *parameters = copy_doubles(c->parameters, c->n_parameters);
    double *decoded = hold_doubles(c->n_parameters);
    uint8_t *data = hold(c->n_bytes, 1);
    uint32_t *sizes = hold(c->layers, sizeof(uint32_t)), *activations = hold(c->layers - 1, sizeof(uint32_t));
    uint32_t bias = 2;
    check_word(c->id, "encode_size", 0, c->n_bytes, bp_encode_size(&shape));
    CALL(c->id, BP_OK, bp_encode(data, &shape, parameters));
    check(c->id, "bytes", memcmp(data, c->bytes, c->n_bytes) == 0);
    check_word(c->id, "layers", 0, c->layers, bp_decode_layers(data, c->n_bytes));
    CALL(c->id, BP_OK, bp_decode_shape(sizes, activations, &bias, data, c->n_bytes));
    check(c->id, "sizes", memcmp(sizes, c->sizes, c->layers * sizeof(uint32_t)) == 0);
    check(c->id, "activations", memcmp(activations, c->activations, (c->layers - 1) * sizeof(uint32_t)) == 0);
    check_word(c->id, "bias", 0, c->bias, bias);
    CALL(c->id, BP_OK, bp_decode_parameters(decoded, data, c->n_bytes));
    for (size_t i = 0; i < c->n_parameters; i++) {
        check_word(c->id, "parameter", i, bits_of(parameters[i]), raw_bits(decoded[i])); /* NaN as written */
    }
}

static void check_refused(const char *id, const char *what, const uint8_t *data, size_t length);

static void replay_decode(const struct decode_case *c) {
    if (c->layers == 0) {
        check_refused(c->id, "decoded", c->bytes, c->n_bytes);
        return;
    }
    uint32_t *sizes = hold(c->layers, sizeof(uint32_t)), *activations = hold(c->layers - 1, sizeof(uint32_t));
    uint32_t bias = 2;
    double *decoded = hold_doubles(c->n_parameters);
    check_word(c->id, "layers", 0, c->layers, bp_decode_layers(c->bytes, c->n_bytes));
    CALL(c->id, BP_OK, bp_decode_shape(sizes, activations, &bias, c->bytes, c->n_bytes));
    check(c->id, "sizes", memcmp(sizes, c->sizes, c->layers * sizeof(uint32_t)) == 0);
    check(c->id, "activations", memcmp(activations, c->activations, (c->layers - 1) * sizeof(uint32_t)) == 0);
    check_word(c->id, "bias", 0, c->bias, bias);
    CALL(c->id, BP_OK, bp_decode_parameters(decoded, c->bytes, c->n_bytes));
    for (size_t i = 0; i < c->n_parameters; i++) {
        check_word(c->id, "parameter", i, c->parameters[i], raw_bits(decoded[i]));
    }
}

/* A training of which all is drawn. It takes long, so it is run in one call by each kernel, and not in slices. */
static void replay_fit(const struct fit_case *c) {
    const bp_shape shape = {c->sizes, c->activations, c->layers, c->bias, kernel};
    const size_t n_in = c->sizes[0], n_out = c->sizes[c->layers - 1], n_bytes = bp_encode_size(&shape);
    double *parameters = hold_doubles(bp_parameter_count(&shape)),
           *work = hold_doubles(bp_train_size(&shape, BP_DESCENT));
    double *inputs = hold_doubles(c->rows * n_in), *targets = hold_doubles(c->rows * n_out);
    const bp_data data = {inputs, targets, c->rows, NULL};
    uint32_t *order = c->shuffle ? hold(c->rows, sizeof(uint32_t)) : NULL;
    uint8_t *encoded = hold(n_bytes, 1);
    double figures[2];
    bp_generator generator;
    bp_training training;
    CALL(c->id, BP_OK, bp_init(parameters, &generator, &shape, c->seed, c->init));
    bp_generator_seed(&generator, c->data_seed, BP_STREAM_DATA);
    for (size_t row = 0; row < c->rows; row++) {
        for (size_t i = 0; i < n_in; i++) {
            inputs[row * n_in + i] = bp_generator_random(&generator);
        }
        for (size_t i = 0; i < n_out; i++) {
            targets[row * n_out + i] = bp_generator_random(&generator);
        }
    }
    const bp_settings settings = {.batch_size = size_of_batch(c->batch_size),
                                  .log_every = 1,
                                  .shuffle_seed = c->shuffle_seed,
                                  .learning_rate = number(c->learning_rate),
                                  .loss = (uint32_t)c->loss,
                                  .rule = BP_DESCENT,
                                  .shuffle = c->shuffle};
    CALL(c->id, BP_OK, bp_train_start(&training, order, &shape, &settings, &data));
    for (uint64_t epoch = 1; epoch <= c->epochs; epoch++) { /* the log has room for one */
        const bp_limits limits = {epoch, UINT64_MAX, 1};
        enter();
        const bp_status status = bp_train(figures, &training, parameters, work, order, &shape, &data, &limits);
        leave(c->id, "bp_train", BP_OK, status);
    }
    check_word(c->id, "squared error", 0, c->last_sse, bits_of(figures[0]));
    CALL(c->id, BP_OK, bp_loss(figures + 1, work, &shape, parameters, &data, (uint32_t)c->loss));
    check_word(c->id, "figure", 0, c->figure, bits_of(figures[1]));
    CALL(c->id, BP_OK, bp_encode(encoded, &shape, parameters));
    check_word(c->id, "layers", 0, c->layers, bp_decode_layers(encoded, n_bytes));
    for (size_t i = 0; i < 4; i++) {
        check_word(c->id, "CRC", i, c->crc >> (8 * i) & 255, encoded[n_bytes - 4 + i]);
    }
}

static void replay_init(const struct init_case *c) {
    uint32_t *activations = hold(c->layers, sizeof(uint32_t));
    const bp_shape shape = {c->sizes, activations, c->layers, c->bias, kernel};
    double *parameters = hold_doubles(c->n_parameters);
    bp_generator generator;
    memset(activations, 0, c->layers * sizeof(uint32_t)); /* any will do */
    CALL(c->id, BP_OK, bp_init(parameters, &generator, &shape, c->seed, c->init));
    check_doubles(c->id, "parameter", c->parameters, parameters, c->n_parameters);
    memset(parameters, CANARY, c->n_parameters * sizeof(double));
    for (size_t first = 0; first < c->n_parameters; first += 3) {
        const size_t count = c->n_parameters - first < 3 ? c->n_parameters - first : 3;
        CALL(c->id, BP_OK, bp_init_some(parameters, &generator, &shape, c->seed, c->init, first, count));
    }
    check_doubles(c->id, "parameter in pieces", c->parameters, parameters, c->n_parameters);
}

static void replay_scaling(const struct scaling_case *c) {
    const size_t n = (size_t)c->rows * c->columns;
    double *values = copy_doubles(c->inputs, n), *scaled = hold_doubles(n);
    double *shift = hold_doubles(c->columns), *spread = hold_doubles(c->columns);
    enter();
    if (c->min_max) {
        bp_min_max_scaling(shift, spread, values, c->rows, c->columns, number(c->low), number(c->high));
    } else {
        bp_standard_scaling(shift, spread, values, c->rows, c->columns);
    }
    leave(c->id, "bp_..._scaling", BP_OK, BP_OK);
    check_doubles(c->id, "shift", c->shift, shift, c->columns);
    check_doubles(c->id, "spread", c->spread, spread, c->columns);
    enter();
    bp_scale(scaled, values, shift, spread, c->rows, c->columns);
    leave(c->id, "bp_scale", BP_OK, BP_OK);
    check_doubles(c->id, "scaled", c->scaled, scaled, n);
    enter();
    bp_unscale(scaled, shift, spread, c->rows, c->columns);
    leave(c->id, "bp_unscale", BP_OK, BP_OK);
    check_doubles(c->id, "back", c->back, scaled, n);
}

static void replay_generator(void) {
    bp_generator generator;
    for (size_t i = 0; i < n_random_cases; i++) {
        const struct random_case *c = &random_cases[i];
        bp_generator_seed(&generator, c->seed, c->stream);
        for (size_t k = 0; k < c->n; k++) {
            check_word(c->id, "random", k, c->random[k], bits_of(bp_generator_random(&generator)));
        }
    }
    for (size_t i = 0; i < n_randbelow_cases; i++) {
        const struct randbelow_case *c = &randbelow_cases[i];
        bp_generator_seed(&generator, c->seed, c->stream);
        for (size_t k = 0; k < c->n; k++) {
            check_word(c->id, "randbelow", k, c->randbelow[k], bp_generator_below(&generator, c->bounds[k]));
        }
    }
}

static void replay_all(void) {
    for (size_t i = 0; i < n_activation_cases; i++, replayed++, release()) {
        replay_activation(&activation_cases[i]);
    }
    for (size_t i = 0; i < n_forward_cases; i++, replayed++, release()) {
        replay_forward(&forward_cases[i]);
    }
    for (size_t i = 0; i < n_gradient_cases; i++, replayed++, release()) {
        replay_gradient(&gradient_cases[i]);
    }
    for (size_t i = 0; i < n_train_cases; i++, replayed++, release()) {
        replay_train(&train_cases[i], &slicings[0]);
    }
    /* Only calculations take the default environment, so encoding a signalling NaN may trap where traps are on. */
    for (size_t i = 0; i < n_levenberg_cases; i++, replayed++, release()) {
        replay_levenberg(&levenberg_cases[i], UINT64_MAX);
    }
    for (size_t i = 0; i < n_model_bytes_cases && strcmp(now->name, "trapping") != 0; i++, replayed++, release()) {
        replay_bytes(&model_bytes_cases[i]);
    }
    for (size_t i = 0; i < n_decode_cases; i++, replayed++, release()) {
        replay_decode(&decode_cases[i]);
    }
    for (size_t i = 0; i < n_fit_cases && strcmp(now->name, "default") == 0; i++, replayed++, release()) {
        replay_fit(&fit_cases[i]);
    }
    for (size_t i = 0; i < n_init_cases; i++, replayed++, release()) {
        replay_init(&init_cases[i]);
    }
    for (size_t i = 0; i < n_scaling_cases; i++, replayed++, release()) {
        replay_scaling(&scaling_cases[i]);
    }
    replay_generator();
    replayed += n_random_cases + n_randbelow_cases;
    CALL("self-test", BP_OK, bp_self_test());
}

/* --- undoing --- */

static void test_undo(const struct train_case *c) {
    const size_t size = c->n_parameters * sizeof(double);
    double *before = hold_doubles(c->n_parameters);
    run r;
    start(&r, c, 1);
    memcpy(before, r.parameters, size);
    CALL(c->id, BP_OK, train(&r, NULL, 0, 1, 0));
    check(c->id, "no budget begins nothing", r.training.begun == 0 && memcmp(before, r.parameters, size) == 0);
    if (c->n_sse < 2 || r.epoch_budget < 2) {
        return; /* there is no inside of the second epoch */
    }
    CALL(c->id, BP_OK, train(&r, NULL, 0, 1, UINT64_MAX));
    r.parameters[0] = number(ONE); /* between epochs the parameters are the caller's: nothing to undo */
    memcpy(before, r.parameters, size);
    bp_train_undo(&r.training, r.parameters, r.work, &r.shape);
    check(c->id, "undo between epochs", memcmp(before, r.parameters, size) == 0);
    if (blocks() && !c->shuffle && r.training.settings.batch_size == c->rows && c->rows <= BP_LANES) {
        return; /* one block is the whole epoch */
    }
    CALL(c->id, BP_OK, train(&r, NULL, 0, 2, blocks() ? 1 : r.epoch_budget - 1));
    check(c->id, "inside an epoch", r.training.epoch == 1 && r.training.begun == 2);
    r.parameters[0] = number(NOT_A_NUMBER); /* in case that no batch was finished yet */
    bp_train_undo(&r.training, r.parameters, r.work, &r.shape);
    check(c->id, "undo", memcmp(before, r.parameters, size) == 0);
    check(c->id, "outside after undo", r.training.epoch == 1 && r.training.begun == 1);
}

/* After an undo, a training in order goes on to the same end: the rule's state was undone as well. */
static void test_undone_state(const struct train_case *c) {
    run r;
    start(&r, c, 1);
    if (c->n_sse < 2 || r.epoch_budget < 2 || c->shuffle) {
        return;
    }
    CALL(c->id, BP_OK, train(&r, NULL, 0, 1, UINT64_MAX));
    CALL(c->id, BP_OK, train(&r, NULL, 0, 2, r.epoch_budget - 1));
    bp_train_undo(&r.training, r.parameters, r.work, &r.shape);
    CALL(c->id, c->diverged >= 0 ? BP_DIVERGED : BP_OK, train(&r, NULL, 0, c->epochs, UINT64_MAX));
    check_doubles(c->id, "after undo", c->final, r.parameters, c->n_parameters);
}

/* A training that is stopped after its first epoch, and goes on in other memory, comes to the same end. */
static void test_resumed(const struct train_case *c) {
    run first, second;
    start(&first, c, 1);
    if (c->n_sse < 2) {
        return;
    }
    CALL(c->id, BP_OK, train(&first, NULL, 0, 1, UINT64_MAX));
    double *state = hold_doubles(bp_state_size(&first.shape, c->rule));
    bp_train_state(state, &first.training, first.work, &first.shape);
    start(&second, c, 1);
    bp_train_resume(&second.training, second.work, &second.shape, state, 1);
    memcpy(second.parameters, first.parameters, c->n_parameters * sizeof(double));
    if (c->shuffle) {
        memcpy(second.order, first.order, c->rows * sizeof(uint32_t));
        second.training.generator = first.training.generator;
    }
    CALL(c->id, c->diverged >= 0 ? BP_DIVERGED : BP_OK, train(&second, NULL, 0, c->epochs, UINT64_MAX));
    check_doubles(c->id, "after going on", c->final, second.parameters, c->n_parameters);
}

/* --- refusals --- */

/* Room for the outputs of any function, to be found untouched. */
typedef struct {
    double numbers[8], more[8], work[8];
    bp_generator generator;
    bp_training training;
    uint32_t words[8], more_words[8], word;
    uint8_t data[64];
} outputs;

static outputs out;

static void check_untouched(const char *id) {
    const unsigned char *bytes = (const unsigned char *)&out;
    size_t i = 0;
    while (i < sizeof out && bytes[i] == CANARY) {
        i++;
    }
    check_word(id, "outputs untouched", 0, sizeof out, i);
    memset(&out, CANARY, sizeof out);
}

static const double zeros[8];
static const bp_data one_row = {zeros, zeros, 1, NULL}, no_rows = {zeros, zeros, 0, NULL};
static const bp_limits one_epoch = {1, 1, 1};

static bp_status start_with(const bp_shape *shape, size_t rows, size_t batch_size, uint64_t log_every, uint64_t rate,
                            uint32_t loss, uint32_t shuffle) {
    const bp_settings settings = {.batch_size = batch_size,
                                  .log_every = log_every,
                                  .shuffle_seed = 1,
                                  .learning_rate = number(rate),
                                  .loss = loss,
                                  .rule = BP_DESCENT,
                                  .shuffle = shuffle};
    const bp_data data = {zeros, zeros, rows, NULL};
    return bp_train_start(&out.training, out.words, shape, &settings, &data);
}

/* A rule's numbers beyond what §7 allows, and settings of the wrong kind. */
static void test_bad_rules(void) {
    enum { HALF = 0, UNIT = 1, TWICE = 2, BELOW = 3, INFINITE_ONE = 4, NONE = 5 };
    static const uint64_t values[] = {0x3fe0000000000000U, ONE, 0x4000000000000000U, 0xbfe0000000000000U, INFINITE, 0};
    static const struct {
        uint32_t rule;
        uint32_t constants[5], weight_decay, l1, decay_biases;
    } settings_of[] = {
        {BP_MOMENTUM, {HALF, NONE, NONE, NONE, NONE}, NONE, NONE, 0}, /* good, then bad ones */
        {BP_MOMENTUM, {UNIT, NONE, NONE, NONE, NONE}, NONE, NONE, 0},
        {BP_NESTEROV, {BELOW, NONE, NONE, NONE, NONE}, NONE, NONE, 0},
        {BP_ADAM, {NONE, NONE, UNIT, NONE, NONE}, NONE, NONE, 0},
        {BP_ADAM, {UNIT, HALF, UNIT, NONE, NONE}, NONE, NONE, 0},
        {BP_ADAM, {HALF, UNIT, UNIT, NONE, NONE}, NONE, NONE, 0},
        {BP_ADAMW, {HALF, HALF, NONE, NONE, NONE}, NONE, NONE, 0},
        {BP_ADAMW, {HALF, HALF, INFINITE_ONE, NONE, NONE}, NONE, NONE, 0},
        {BP_RPROP, {TWICE, HALF, UNIT, HALF, HALF}, NONE, NONE, 0},
        {BP_RPROP, {UNIT, HALF, UNIT, HALF, HALF}, NONE, NONE, 0},
        {BP_RPROP, {TWICE, UNIT, UNIT, HALF, HALF}, NONE, NONE, 0},
        {BP_RPROP, {TWICE, NONE, UNIT, HALF, HALF}, NONE, NONE, 0},
        {BP_RPROP, {TWICE, HALF, NONE, HALF, HALF}, NONE, NONE, 0},
        {BP_RPROP, {TWICE, HALF, UNIT, BELOW, HALF}, NONE, NONE, 0},
        {BP_RPROP, {TWICE, HALF, UNIT, UNIT, HALF}, NONE, NONE, 0},
        {BP_RPROP, {TWICE, HALF, UNIT, HALF, INFINITE_ONE}, NONE, NONE, 0},
        {BP_DESCENT, {NONE, NONE, NONE, NONE, NONE}, TWICE, NONE, 1},
        {BP_DESCENT, {NONE, NONE, NONE, NONE, NONE}, BELOW, NONE, 1},
        {BP_DESCENT, {NONE, NONE, NONE, NONE, NONE}, INFINITE_ONE, NONE, 1},
        {BP_DESCENT, {NONE, NONE, NONE, NONE, NONE}, TWICE, NONE, 2},
        {BP_DESCENT, {NONE, NONE, NONE, NONE, NONE}, NONE, TWICE, 0},
        {BP_DESCENT, {NONE, NONE, NONE, NONE, NONE}, NONE, BELOW, 0},
        {BP_DESCENT, {NONE, NONE, NONE, NONE, NONE}, NONE, INFINITE_ONE, 0},
        {BP_ADAM, {HALF, HALF, NONE, NONE, NONE}, NONE, NONE, 0},
        {BP_ADAMW, {UNIT, HALF, UNIT, NONE, NONE}, NONE, NONE, 0},
        {BP_ADAMW, {HALF, UNIT, UNIT, NONE, NONE}, NONE, NONE, 0},
    };
    static const uint32_t sizes[2] = {2, 1}, activations[1] = {BP_TANH};
    const bp_shape s = {sizes, activations, 2, 1, kernel};
    for (size_t i = 0; i < LENGTH(settings_of); i++) {
        const int good = i == 0 || i == 3 || i == 8 || i == 16 || i == 20;
        bp_training training;
        bp_settings settings = {.batch_size = 1,
                                .log_every = 1,
                                .learning_rate = 1.0,
                                .rule = settings_of[i].rule,
                                .weight_decay = number(values[settings_of[i].weight_decay]),
                                .l1 = number(values[settings_of[i].l1]),
                                .decay_biases = settings_of[i].decay_biases};
        for (size_t k = 0; k < 5; k++) {
            settings.constants[k] = number(values[settings_of[i].constants[k]]);
        }
        CALL("settings of a rule", good ? BP_OK : BP_E_OPTION,
             bp_train_start(good ? &training : &out.training, NULL, &s, &settings, &one_row));
    }
    check_untouched("settings of a rule");
}

static void check_bad_shape(const char *id, const bp_shape *s) {
    check_word(id, "parameter_count", 0, 0, bp_parameter_count(s));
    check_word(id, "predict_size", 0, 0, bp_predict_size(s));
    check_word(id, "train_size", 0, 0, bp_train_size(s, BP_DESCENT));
    check_word(id, "state_size", 0, 0, bp_state_size(s, BP_ADAM));
    check_word(id, "encode_size", 0, 0, bp_encode_size(s));
    CALL(id, BP_E_SHAPE, bp_init(out.numbers, &out.generator, s, 1, BP_NORMAL));
    CALL(id, BP_E_SHAPE, bp_forward(out.numbers, out.work, s, zeros, zeros));
    CALL(id, BP_E_SHAPE, bp_predict(out.numbers, out.work, s, zeros, zeros, 1));
    CALL(id, BP_E_SHAPE, bp_loss(out.numbers, out.work, s, zeros, &one_row, BP_MSE));
    CALL(id, BP_E_SHAPE, bp_gradient(out.numbers, out.work, s, zeros, &one_row, BP_MSE));
    CALL(id, BP_E_SHAPE, start_with(s, 1, 1, 1, ONE, BP_MSE, 1));
    CALL(id, BP_E_SHAPE,
         bp_train(out.numbers, &out.training, out.numbers + 4, out.work, out.words, s, &one_row, &one_epoch));
    CALL(id, BP_E_SHAPE,
         bp_train_many(out.numbers, NULL, &out.training, out.numbers + 4, out.work, out.words, s, &one_row, &one_epoch,
                       1));
    CALL(id, BP_E_SHAPE, bp_backward(out.numbers, out.work, s, zeros, zeros, zeros, zeros, zeros, BP_MSE));
    CALL(id, BP_E_SHAPE, bp_encode(out.data, s, zeros));
    check_untouched(id);
}

/* A shape that asks for a kernel which is not there is refused everywhere. */
static void test_missing_kernel(void) {
    static const uint32_t sizes[2] = {2, 1};
    static const uint32_t activations[1] = {BP_SIGMOID};
    const bp_shape shape = {sizes, activations, 2, 1, kernel};
    check_bad_shape("missing kernel", &shape);
}

static void test_bad_shapes(void) {
    static const struct {
        const char *id;
        uint32_t sizes[4], activations[3], layers, bias;
    } bad[] = {{"no layers", {2, 1}, {0}, 0, 0},
               {"one layer", {2, 1}, {0}, 1, 1},
               {"input of size 0", {0, 1}, {0}, 2, 0},
               {"input of size 0 with bias", {0, 1}, {0}, 2, 1},
               {"hidden layer of size 0", {2, 0, 1}, {0}, 3, 1},
               {"output of size 0", {2, 2, 0}, {0}, 3, 0},
               {"activation unknown", {2, 1}, {BP_ACTIVATIONS}, 2, 0},
               {"last activation unknown", {2, 2, 1}, {1, UINT32_MAX}, 3, 0},
               {"softmax before the last layer", {2, 2, 1}, {BP_SOFTMAX, BP_SOFTMAX}, 3, 0},
               {"bias 2", {2, 1}, {0}, 2, 2},
               {"bias beyond any sum", {1, 1}, {0}, 2, UINT32_MAX},
               {"product beyond 64 bits", {UINT32_MAX, UINT32_MAX}, {0}, 2, 1},
               {"product whose bytes are beyond 64 bits", {1U << 31, 1U << 30}, {0}, 2, 0},
               {"product above the limit by one", {1U << 28, 1U << 29}, {0}, 2, 0},
               {"sum above the limit", {1U << 28, 1U << 28, 1U << 28}, {0}, 3, 0},
               {"sum beyond 64 bits", {UINT32_MAX, 1U << 24, UINT32_MAX, UINT32_MAX}, {0}, 4, 1}};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        const bp_shape shape = {bad[i].sizes, bad[i].activations, bad[i].layers, bad[i].bias, kernel};
        check_bad_shape(bad[i].id, &shape);
    }
#if SIZE_MAX > UINT32_MAX
    static const uint32_t sizes[2] = {1U << 28, (1U << 29) - 1}, activations[1] = {BP_RELU};
    const bp_shape largest = {sizes, activations, 2, 0, kernel};
    const size_t count = ((size_t)1 << 57) - ((size_t)1 << 28);
    check_word("largest shape", "parameter_count", 0, count, bp_parameter_count(&largest));
    check("largest shape", "train_size", bp_train_size(&largest, BP_DESCENT) > 10 * count);
    check("largest shape", "train_size in bytes", bp_train_size(&largest, BP_DESCENT) <= SIZE_MAX / sizeof(double));
    check("largest shape", "encode_size", bp_encode_size(&largest) > 8 * count);
#endif
}

static void test_bad_options(void) {
    static const uint32_t sizes[2] = {2, 1}, activations[1] = {BP_TANH};
    static const uint64_t rates[] = {0xbff0000000000000U, 0x8000000000000001U, INFINITE, INFINITE | 1ULL << 63,
                                     NOT_A_NUMBER};
    const bp_shape s = {sizes, activations, 2, 1, kernel};
    const bp_status no = BP_E_OPTION;
    CALL("rows 0", no, start_with(&s, 0, 1, 1, ONE, BP_MSE, 1));
    CALL("batch 0", no, start_with(&s, 1, 0, 1, ONE, BP_MSE, 1));
    CALL("log_every 0", no, start_with(&s, 1, 1, 0, ONE, BP_MSE, 1));
    CALL("loss unknown", no, start_with(&s, 1, 1, 1, ONE, BP_LOSSES, 1));
    const bp_settings unknown = {
        .batch_size = 1, .log_every = 1, .shuffle_seed = 1, .learning_rate = 1.0, .loss = BP_MSE, .rule = BP_RULES};
    CALL("rule unknown", no, bp_train_start(&out.training, out.words, &s, &unknown, &one_row));
    check_word("rule unknown", "train_size", 0, 0, bp_train_size(&s, BP_RULES));
    CALL("never started", no,
         bp_train(out.numbers, &out.training, out.numbers + 4, out.work, out.words, &s, &one_row, &one_epoch));
    CALL("shuffle 2", no, start_with(&s, 1, 1, 1, ONE, BP_MSE, 2));
#if SIZE_MAX > UINT32_MAX
    CALL("rows to shuffle", no, start_with(&s, (size_t)1 << 32, 1, 1, ONE, BP_MSE, 1));
#endif
    for (size_t i = 0; i < LENGTH(rates); i++) {
        CALL("rate", no, start_with(&s, 1, 1, 1, rates[i], BP_MSE, 1));
    }
    CALL("init unknown", no, bp_init(out.numbers, &out.generator, &s, 1, BP_INITS));
    CALL("loss unknown", no, bp_loss(out.numbers, out.work, &s, zeros, &one_row, BP_LOSSES));
    CALL("rows 0", no, bp_loss(out.numbers, out.work, &s, zeros, &no_rows, BP_MSE));
    CALL("loss unknown", no, bp_gradient(out.numbers, out.work, &s, zeros, &one_row, BP_LOSSES));
    CALL("rows 0", no, bp_gradient(out.numbers, out.work, &s, zeros, &no_rows, BP_MSE));
    static const size_t pieces[4][2] = {{1, 1}, {8, 1}, {0, 2}, {0, 0}}; /* no multiple of 8, beyond, too many, none */
    for (size_t i = 0; i < LENGTH(pieces); i++) {
        const size_t first = pieces[i][0], rows = pieces[i][1];
        CALL("piece", no, bp_loss_some(out.numbers, out.more, out.work, &s, zeros, &one_row, BP_MSE, first, rows));
        CALL("piece", no, bp_gradient_some(out.numbers, out.work, &s, zeros, &one_row, BP_MSE, first, rows));
    }
    CALL("piece", no, bp_init_some(out.numbers, &out.generator, &s, 1, BP_NORMAL, 100, 0));
    CALL("piece", no, bp_init_some(out.numbers, &out.generator, &s, 1, BP_NORMAL, 1, 100));
    CALL("loss unknown", no, bp_backward(out.numbers, out.work, &s, zeros, zeros, zeros, zeros, zeros, BP_LOSSES));
    CALL("activation unknown", BP_E_SHAPE, bp_activate(out.numbers, 8, BP_ACTIVATIONS));
    CALL("activation unknown", BP_E_SHAPE, bp_slope(out.numbers, 8, UINT32_MAX));
    CALL("activation unknown", BP_E_SHAPE, bp_slope(out.numbers, 8, BP_ACTIVATIONS));
    CALL("softmax of single values", BP_E_SHAPE, bp_activate(out.numbers, 8, BP_SOFTMAX));
    CALL("softmax of single values", BP_E_SHAPE, bp_slope(out.numbers, 8, BP_SOFTMAX));
    check_untouched("bad options");
}

/* A loss goes with its activation of the last layer, and all others are refused. */
static void test_partners(void) {
    static const uint32_t sizes[3] = {2, 2, 1};
    for (uint32_t last = 0; last < BP_ACTIVATIONS; last++) {
        const uint32_t activations[2] = {BP_SIGMOID, last};
        const bp_shape s = {sizes, activations, 3, 1, kernel};
        for (uint32_t loss = 0; loss < BP_LOSSES; loss++) {
            const int goes = loss == BP_CROSS_ENTROPY          ? last == BP_SOFTMAX
                             : loss == BP_BINARY_CROSS_ENTROPY ? last == BP_SIGMOID
                                                               : last != BP_SOFTMAX;
            if (goes) {
                CALL("partner", BP_OK, start_with(&s, 1, 1, 1, ONE, loss, 0));
                memset(&out, CANARY, sizeof out);
                continue;
            }
            CALL("no partner", BP_E_OPTION, start_with(&s, 1, 1, 1, ONE, loss, 1));
            CALL("no partner", BP_E_OPTION, bp_loss(out.numbers, out.work, &s, zeros, &one_row, loss));
            CALL("no partner", BP_E_OPTION, bp_gradient(out.numbers, out.work, &s, zeros, &one_row, loss));
            check_untouched("no partner");
        }
    }
}

/* A kernel may take what few rows there are by the portable loops, in its own memory. */
static void test_portable_fits(void) {
    static const uint32_t sizes[3][3] = {{1, 1, 1}, {2, 3, 1}, {300, 70, 20}}, activations[2] = {BP_TANH, BP_SIGMOID};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        for (uint32_t bias = 0; bias < 2; bias++) {
            const bp_shape s = {sizes[i], activations, 3, bias, kernel};
            const bp_shape portable = {sizes[i], activations, 3, bias, BP_PORTABLE};
            check("memory", "of a prediction", bp_predict_size(&s) >= bp_predict_size(&portable));
            check("memory", "of a training", bp_train_size(&s, BP_DESCENT) >= bp_train_size(&portable, BP_DESCENT));
        }
    }
}

/* --- agreement with the portable kernel, where no vector reaches --- */

#define AGREEING_ROWS 45U /* five blocks of eight, and a part of one */

/* What a kernel makes of a network: a training, then predictions, a loss and a gradient. */
typedef struct {
    double *parameters, *log, *predictions, *gradient, *figure;
} made;

/* A last parameter in place of the drawn one: none; -10^4, with which sigmoids are clamped; -2^600, with which sums
   could overflow; and -0.0, which adding 0.0 changes: kernels care for each. */
static const uint64_t last_parameters[4] = {0, 0xc0c3880000000000U, 0xe570000000000000U, 0x8000000000000000U};

static made make(const bp_shape *s, const bp_settings *settings, const bp_data *data, size_t put) {
    const size_t count = bp_parameter_count(s), n_out = s->sizes[s->layers - 1];
    double *work = hold_doubles(bp_train_size(s, settings->rule)), *others = hold_doubles(bp_predict_size(s));
    double *train_work = hold_doubles(bp_train_size(s, BP_DESCENT));
    uint32_t *order = hold(data->rows, sizeof(uint32_t));
    const bp_limits limits = {3, UINT64_MAX, 3};
    made m = {hold_doubles(count), hold_doubles(3), hold_doubles(data->rows * n_out), hold_doubles(count),
              hold_doubles(1)};
    bp_generator generator;
    bp_training training;
    CALL("agreement", BP_OK, bp_init(m.parameters, &generator, s, 5, BP_GLOROT));
    m.parameters[count - 1] = put > 0 ? number(last_parameters[put]) : m.parameters[count - 1];
    CALL("agreement", BP_OK, bp_train_start(&training, order, s, settings, data));
    CALL("agreement", BP_OK, bp_train(m.log, &training, m.parameters, work, order, s, data, &limits));
    CALL("agreement", BP_OK, bp_predict(m.predictions, others, s, m.parameters, data->inputs, data->rows));
    CALL("agreement", BP_OK, bp_loss(m.figure, others, s, m.parameters, data, settings->loss));
    CALL("agreement", BP_OK, bp_gradient(m.gradient, train_work, s, m.parameters, data, settings->loss));
    return m;
}

static void check_same(const char *id, const char *what, const double *expected, const double *found, size_t n) {
    for (size_t i = 0; i < n; i++) {
        check_word(id, what, i, bits_of(expected[i]), bits_of(found[i]));
    }
}

/* Shapes that kernels have code of their own for, and layers wider than all their vectors; every rule and loss. */
static void test_agreement(void) {
    static const struct {
        const char *id;
        uint32_t layers, sizes[4], activations[3];
    } shapes[] = {{"2-2-1", 3, {2, 2, 1}, {BP_SIGMOID, BP_SIGMOID}},
                  {"2-4-1", 3, {2, 4, 1}, {BP_SIGMOID, BP_SIGMOID}},
                  {"2-4-4-1", 4, {2, 4, 4, 1}, {BP_SIGMOID, BP_SIGMOID, BP_SIGMOID}},
                  {"2-4-1 of tanh", 3, {2, 4, 1}, {BP_TANH, BP_SOFTSIGN}},
                  {"3-70-5", 3, {3, 70, 5}, {BP_TANH, BP_SIGMOID}},
                  {"20-33-17-3", 4, {20, 33, 17, 3}, {BP_RELU, BP_LEAKY_RELU, BP_SOFTMAX}},
                  {"1-1", 2, {1, 1}, {BP_IDENTITY}}};
    static const double constants[BP_RULES][5] = {
        {0.0}, {0.5}, {0.5}, {0.5, 0.5, 0.0625}, {0.5, 0.5, 0.0625}, {1.5, 0.5, 0.0625, 0.0, 8.0}};
    static const size_t batches[3] = {1, 9, AGREEING_ROWS};
    double inputs[AGREEING_ROWS * 20], targets[AGREEING_ROWS * 5], weights[AGREEING_ROWS];
    bp_generator generator;
    bp_generator_seed(&generator, 1, BP_STREAM_DATA);
    for (size_t i = 0; i < LENGTH(inputs); i++) {
        inputs[i] = bp_generator_random(&generator);
    }
    for (size_t i = 0; i < LENGTH(targets); i++) {
        targets[i] = bp_generator_random(&generator);
    }
    for (size_t i = 0; i < LENGTH(weights); i++) {
        weights[i] = i % 5 == 0 ? 0.0 : bp_generator_random(&generator);
    }
    for (size_t i = 0; i < LENGTH(shapes) * BP_LOSSES * BP_RULES * LENGTH(batches); i++) {
        const size_t at = i % LENGTH(shapes);
        const uint32_t loss = (uint32_t)(i / LENGTH(shapes) % BP_LOSSES);
        const uint32_t rule = (uint32_t)(i / LENGTH(shapes) / BP_LOSSES % BP_RULES);
        const size_t batch = i / LENGTH(shapes) / BP_LOSSES / BP_RULES;
        const uint32_t last = shapes[at].activations[shapes[at].layers - 2], odd = (uint32_t)(rule + loss + batch) % 2;
        const int goes = loss == BP_CROSS_ENTROPY          ? last == BP_SOFTMAX
                         : loss == BP_BINARY_CROSS_ENTROPY ? last == BP_SIGMOID
                                                           : last != BP_SOFTMAX;
        const bp_shape own = {shapes[at].sizes, shapes[at].activations, shapes[at].layers, odd, kernel};
        const bp_shape portable = {shapes[at].sizes, shapes[at].activations, shapes[at].layers, odd, BP_PORTABLE};
        const bp_data data = {inputs, targets, AGREEING_ROWS, (rule + at) % 3 == 0 ? weights : NULL};
        bp_settings settings = {.batch_size = batches[batch],
                                .log_every = 1,
                                .shuffle_seed = 3,
                                .learning_rate = 0.03125,
                                .loss = loss,
                                .rule = rule,
                                .shuffle = (uint32_t)(loss + batch) % 2};
        memcpy(settings.constants, constants[rule], sizeof constants[rule]);
        if (goes) {
            const size_t count = bp_parameter_count(&own), n_out = own.sizes[own.layers - 1];
            for (size_t put = 0; put < (last == BP_SIGMOID ? LENGTH(last_parameters) : 1); put++, release()) {
                const made found = make(&own, &settings, &data, put);
                const made expected = make(&portable, &settings, &data, put);
                check_same(shapes[at].id, "agreement, log", expected.log, found.log, 3);
                check_same(shapes[at].id, "agreement, parameter", expected.parameters, found.parameters, count);
                check_same(shapes[at].id, "agreement, prediction", expected.predictions, found.predictions,
                           AGREEING_ROWS * n_out);
                check_same(shapes[at].id, "agreement, figure", expected.figure, found.figure, 1);
                check_same(shapes[at].id, "agreement, gradient", expected.gradient, found.gradient, count);
            }
        }
    }
}

/* Networks that are not all at one place, or not of one kind, end as each does alone: what differs is `odd`. */
static void train_together(const char *id, const bp_shape *s, int odd, uint64_t budget, size_t log_size) {
    enum { NETWORKS = 3, ROWS = 5 };
    const size_t count = bp_parameter_count(s), work_size = bp_train_size(s, BP_MOMENTUM);
    double *inputs = hold_doubles(ROWS * s->sizes[0]), *targets = hold_doubles(ROWS * s->sizes[s->layers - 1]);
    double *parameters[2] = {hold_doubles(NETWORKS * count), hold_doubles(NETWORKS * count)};
    double *logs[2] = {hold_doubles(NETWORKS * 4), hold_doubles(NETWORKS * 4)};
    int32_t statuses[2][NETWORKS];
    const bp_data data = {inputs, targets, ROWS, NULL};
    bp_generator generator;
    bp_generator_seed(&generator, 2, BP_STREAM_DATA);
    for (size_t i = 0; i < ROWS * s->sizes[0]; i++) {
        inputs[i] = bp_generator_random(&generator);
    }
    for (size_t i = 0; i < ROWS * s->sizes[s->layers - 1]; i++) {
        targets[i] = bp_generator_random(&generator);
    }
    for (size_t way = 0; way < 2; way++) { /* alone, and together */
        double *work = hold_doubles(NETWORKS * work_size);
        bp_training *trainings = hold(NETWORKS, sizeof(bp_training));
        uint32_t *orders = hold(NETWORKS * ROWS, sizeof(uint32_t));
        memset(logs[way], 0, NETWORKS * 4 * sizeof(double));
        for (size_t n = 0; n < NETWORKS; n++) {
            const int other = n == 1;
            const bp_settings settings = {.batch_size = other && odd == 1 ? 2 : 1,
                                          .log_every = other && odd == 2 ? 2 : 1,
                                          .shuffle_seed = n,
                                          .learning_rate = 0.5,
                                          .loss = other && odd == 4 ? BP_HALF_MSE : BP_HALF_SSE,
                                          .rule = odd == 5 || odd == 10 ? BP_MOMENTUM : BP_DESCENT,
                                          .constants = {odd == 5 || odd == 10 ? 0.5 : 0.0},
                                          .shuffle = other && odd == 6 ? 0 : 1};
            const bp_limits some = {odd == 7 ? 1 : 9, odd == 8 ? 2 : odd == 9 ? ROWS + 1 : UINT64_MAX, 0};
            statuses[way][n] = odd == 10 && n == 0 ? BP_DIVERGED : BP_OK; /* and is left alone */
            CALL(id, BP_OK, bp_init(parameters[way] + n * count, &generator, s, n, BP_NORMAL));
            if (other && odd == 3) { /* diverges at once */
                parameters[way][n * count] = number(INFINITE);
            }
            CALL(id, BP_OK, bp_train_start(&trainings[n], orders + n * ROWS, s, &settings, &data));
            if (other && odd >= 7 && odd < 10) { /* ahead of the others: by an epoch, in the shuffle, by rows */
                CALL(id, BP_OK,
                     bp_train(NULL, &trainings[n], parameters[way] + n * count, work + n * work_size, orders + n * ROWS,
                              s, &data, &some));
            }
        }
        const bp_limits limits = {4, budget, log_size};
        for (int slice = 0; slice < 40; slice++) {
            if (way == 1) {
                CALL(id, BP_OK,
                     bp_train_many(logs[way], statuses[way], trainings, parameters[way], work, orders, s, &data,
                                   &limits, NETWORKS));
                continue;
            }
            for (size_t n = 0; n < NETWORKS; n++) {
                if (statuses[way][n] == BP_OK) {
                    statuses[way][n] = bp_train(logs[way] + n * log_size, &trainings[n], parameters[way] + n * count,
                                                work + n * work_size, orders + n * ROWS, s, &data, &limits);
                }
            }
        }
        for (size_t n = 0; n < NETWORKS; n++) {
            check_word(id, "together, ended", n, (odd == 3 && n == 1) || (odd == 10 && n == 0) ? 0 : 4,
                       trainings[n].epoch);
        }
    }
    for (size_t n = 0; n < NETWORKS; n++) {
        check_word(id, "together, status", n, (uint64_t)statuses[0][n], (uint64_t)statuses[1][n]);
    }
    check_same(id, "together, parameter", parameters[0], parameters[1], NETWORKS * count);
    if (odd != 3 && odd != 10) { /* a log beyond the epochs that were logged may hold anything */
        check_same(id, "together, log", logs[0], logs[1], NETWORKS * log_size);
    }
}

static void test_together(void) {
    static const struct {
        const char *id;
        uint32_t layers, sizes[4];
    } shapes[] = {{"together 2-2-1", 3, {2, 2, 1}},
                  {"together 2-4-1", 3, {2, 4, 1}},
                  {"together 2-4-4-1", 4, {2, 4, 4, 1}},
                  {"together 3-2", 2, {3, 2}},
                  {"together 64-90-64", 3, {64, 90, 64}}};
    static const uint32_t activations[3] = {BP_SIGMOID, BP_SIGMOID, BP_SIGMOID};
    /* The portable kernel trains them one by one, and where there is no other, memory may be small. */
    const size_t long_ones = kernel != BP_PORTABLE && bp_kernels() != 1U << BP_PORTABLE;
    for (size_t i = 0; i < (LENGTH(shapes) - 1) * 2 * 11 + long_ones; i++) {
        const size_t at = i / 22;
        const bp_shape s = {shapes[at].sizes, activations, shapes[at].layers, (uint32_t)(i / 11 % 2), kernel};
        train_together(shapes[at].id, &s, (int)(i % 11), UINT64_MAX, 4);
        train_together(shapes[at].id, &s, (int)(i % 11), UINT64_MAX, 1);
        train_together(shapes[at].id, &s, (int)(i % 11), 3, 0);
        release();
    }
}

/* One row's way back is its gradient, where the loss takes it once (§7); its error is that of the same loss. */
static void test_backward(const struct gradient_case *c) {
    const bp_shape s = {c->sizes, c->activations, c->layers, c->bias, kernel};
    const size_t count = c->n_parameters, nodes = nodes_of(&s);
    const uint32_t loss = (uint32_t)c->loss <= BP_MSE ? BP_HALF_SSE : (uint32_t)c->loss;
    const double *parameters = copy_doubles(c->parameters, count);
    const double *inputs = copy_doubles(c->inputs, c->sizes[0]);
    const double *targets = copy_doubles(c->targets, c->sizes[c->layers - 1]);
    const bp_data data = {inputs, targets, 1, NULL};
    double *forwards = hold_doubles(2 * nodes), *deltas = hold_doubles(nodes), *sums = hold_doubles(count + 1);
    double *gradient = hold_doubles(count), *figure = hold_doubles(1);
    double *train_work = hold_doubles(bp_train_size(&s, BP_DESCENT)), *work = hold_doubles(bp_predict_size(&s));
    memset(sums, CANARY, (count + 1) * sizeof(double));
    CALL(c->id, BP_OK, bp_forward(forwards, forwards + nodes, &s, parameters, inputs));
    CALL(c->id, BP_OK, bp_backward(sums, deltas, &s, parameters, forwards, forwards + nodes, inputs, targets, loss));
    CALL(c->id, BP_OK, bp_gradient(gradient, train_work, &s, parameters, &data, loss));
    CALL(c->id, BP_OK, bp_loss(figure, work, &s, parameters, &data, loss <= BP_MSE ? BP_SSE : loss));
    check_same(c->id, "backward", gradient, sums, count);
    check_same(c->id, "backward, error", figure, sums + count, 1);
}

/* A training begins with nothing done, whatever its memory held; RPROP's state then is the gradient, and its steps. */
static void test_first_step(void) {
    static const uint32_t sizes[3] = {2, 3, 1}, activations[2] = {BP_TANH, BP_TANH};
    static const size_t fixed[BP_RULES] = {0, 0, 0, 2, 2, 0}, each[BP_RULES] = {0, 1, 1, 2, 2, 2};
    const bp_shape s = {sizes, activations, 3, 1, kernel};
    const size_t count = bp_parameter_count(&s);
    const uint64_t rows[6] = {ONE, 0xbfe0000000000000U, 0, ONE, 0x3fd5555555555555U, ONE};
    const bp_data data = {copy_doubles(rows, 6), copy_doubles(rows + 1, 3), 3, NULL};
    const bp_limits limits = {1, UINT64_MAX, 0};
    const bp_settings settings = {
        .batch_size = 3, .log_every = 1, .loss = BP_MSE, .rule = BP_RPROP, .constants = {1.5, 0.5, 0.0625, 0.0, 8.0}};
    double *parameters = hold_doubles(count), *gradient = hold_doubles(count), *state = hold_doubles(2 * count);
    double *work = hold_doubles(bp_train_size(&s, BP_RPROP));
    bp_generator generator;
    bp_training training;
    memset(&training, CANARY, sizeof training);
    for (uint32_t rule = 0; rule < BP_RULES; rule++) {
        check_word("first step", "state_size", rule, each[rule] * count + fixed[rule], bp_state_size(&s, rule));
    }
    CALL("first step", BP_OK, bp_init(parameters, &generator, &s, 1, BP_GLOROT));
    CALL("first step", BP_OK, bp_gradient(gradient, work, &s, parameters, &data, BP_MSE));
    CALL("first step", BP_OK, bp_train_start(&training, NULL, &s, &settings, &data));
    check_word("first step", "nothing done", 0, 0,
               training.epoch | training.begun | training.to_shuffle | training.row | training.batch_row |
                   training.has_state | bits_of(training.error));
    check_word("first step", "rows", 0, 3, training.rows);
    CALL("first step", BP_OK, bp_train(NULL, &training, parameters, work, NULL, &s, &data, &limits));
    bp_train_state(state, &training, work, &s);
    check_same("first step", "gradient", gradient, state, count);
    for (size_t k = count; k < 2 * count; k++) {
        check_word("first step", "step", k, 0x3fb0000000000000U, bits_of(state[k]));
    }
    release();
}

/* What is not finite is found at every place, in blocks and behind them. */
static void test_first_nonfinite(void) {
    static const uint64_t bad[4] = {INFINITE, INFINITE | 1ULL << 63, NOT_A_NUMBER, INFINITE | 1U};
    static const uint64_t good[3] = {0x7fefffffffffffffU, 0xffefffffffffffffU, 0};
    for (size_t n = 0; n < 200; n += n < 130 ? 1 : 23, release()) {
        double *values = hold_doubles(n);
        for (size_t i = 0; i < n; i++) {
            values[i] = number(good[i % 3]);
        }
        check_word("first_nonfinite", "none of many", n, n, bp_first_nonfinite(values, n));
        for (size_t i = n; i-- > 0;) {
            memcpy(&values[i], &bad[i % 4], sizeof values[i]);
            check_word("first_nonfinite", "one of many", n, i, bp_first_nonfinite(values, n));
        }
    }
}

/* 1, 0, -3 and infinity by 3, in every environment. */
static void test_divide(void) {
    static const uint64_t given[4] = {ONE, 0, 0xc008000000000000U, INFINITE};
    static const uint64_t expected[4] = {0x3fd5555555555555U, 0, 0xbff0000000000000U, INFINITE};
    for (size_t i = LENGTH(environments); i-- > 0; release()) {
        double *values = copy_doubles(given, 4);
        now = &environments[i];
        CALL("divide", BP_OK, (bp_divide(values, 4, number(0x4008000000000000U)), BP_OK));
        check_doubles("divide", "quotient", expected, values, 4);
    }
}

static void check_refused(const char *id, const char *what, const uint8_t *data, size_t length) {
    uint8_t *exact = hold(length, 1);
    memcpy(exact, data, length);
    check_word(id, what, length, 0, bp_decode_layers(exact, length));
    CALL(id, BP_E_FORMAT, bp_decode_shape(out.words, out.more_words, &out.word, exact, length));
    CALL(id, BP_E_FORMAT, bp_decode_parameters(out.numbers, exact, length));
    check_untouched(id);
    free(held[--n_held]);
}

static void test_altered_bytes(const struct model_bytes_case *c) {
    uint8_t *data = hold(c->n_bytes + 1, 1);
    memcpy(data, c->bytes, c->n_bytes);
    for (size_t length = 0; length < c->n_bytes; length++) {
        check_refused(c->id, "truncated", data, length);
    }
    for (uint32_t added = 0; added < 256; added++) {
        data[c->n_bytes] = (uint8_t)added;
        check_refused(c->id, "one byte appended", data, c->n_bytes + 1);
    }
    /* All 255 changes of each byte of the short models; of the long ones, to save time, those of one bit. */
    for (size_t at = 0; at < c->n_bytes; at++) {
        for (uint32_t change = 1; change < 256; change = c->n_bytes <= 100 ? change + 1 : change * 2) {
            data[at] = (uint8_t)(c->bytes[at] ^ change);
            check_refused(c->id, "one byte changed", data, c->n_bytes);
        }
        data[at] = c->bytes[at];
    }
}

static void put_word(uint8_t *data, uint32_t value) {
    for (size_t i = 0; i < 4; i++) {
        data[i] = (uint8_t)(value >> (8 * i));
    }
}

/* Ends the bytes with their CRC-32 (§11), so that only what the header tells is wrong. */
static void seal(uint8_t *data, size_t length) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length - 4; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320U & (0U - (crc & 1U)));
        }
    }
    put_word(data + length - 4, ~crc);
}

/* Altered bytes of an 8-1 model without biases (header 20 bytes, sizes 8, activation 4, parameters 64, CRC 4). */
static void test_sealed_bytes(void) {
    static const struct {
        const char *id;
        uint32_t length, at, word, next; /* the length with the CRC, a place, and the two words written there */
    } bad[] = {
        {"signature", 100, 0, 0x70746943, 0x00706f72},
        {"signature without its zero", 100, 0, 0x70746962, 0x01706f72},
        {"version 0", 100, 8, 0, 0},
        {"version 2", 100, 8, 2, 0},
        {"flag 1", 100, 12, 2, 2},
        {"flag 31", 100, 12, 1U << 31, 2},
        {"biases that are not there", 100, 12, 1, 2},
        {"no layers", 100, 16, 0, 8},
        {"one layer", 28, 16, 1, 8},
        {"three layers", 100, 16, 3, 8},
        {"as many layers as would fit", 100, 16, 10, 8},
        {"one layer more", 100, 16, 11, 8},
        {"2^29 + 2 layers", 100, 16, (1U << 29) + 2, 8},
        {"2^30 + 2 layers", 100, 16, (1U << 30) + 2, 8},
        {"2^31 + 2 layers", 100, 16, (1U << 31) + 2, 8},
        {"2^32 - 1 layers", 100, 16, UINT32_MAX, 8},
        {"no inputs", 100, 20, 0, 1},
        {"no outputs", 100, 20, 8, 0},
        {"fewer parameters", 100, 20, 7, 1},
        {"more parameters", 100, 20, 9, 1},
        {"largest sizes", 100, 20, UINT32_MAX, UINT32_MAX},
        {"2^61 + 8 parameters", 100, 20, 4294705160U, 536903681U}, /* in bytes, modulo 2^64, as many as 8 */
        {"2^61 parameters", 36, 20, 1U << 31, 1U << 30},           /* likewise none */
        {"activation unknown", 100, 24, 1, BP_ACTIVATIONS},
        {"activation 2^32 - 1", 100, 24, 1, UINT32_MAX},
        {"one byte appended and sealed", 101, 20, 8, 1},
        {"one parameter appended and sealed", 108, 20, 8, 1},
        {"one byte less and sealed", 99, 20, 8, 1},
        {"one parameter less and sealed", 92, 20, 8, 1},
        {"header only", 24, 8, 1, 0},
    };
    static const uint32_t sizes[2] = {8, 1}, activations[1] = {BP_RELU};
    const bp_shape shape = {sizes, activations, 2, 0, kernel};
    uint8_t data[108], good[100];
    CALL("8-1", BP_OK, bp_encode(good, &shape, zeros));
    memcpy(data, good, sizeof good);
    seal(data, sizeof good);
    check("8-1", "the test seals as the core does", memcmp(data, good, sizeof good) == 0);
    for (size_t i = 0; i < LENGTH(bad); i++) {
        memset(data, 0, sizeof data);
        memcpy(data, good, sizeof good);
        put_word(data + bad[i].at, bad[i].word);
        put_word(data + bad[i].at + 4, bad[i].next);
        seal(data, bad[i].length);
        check_refused(bad[i].id, "decoded", data, bad[i].length);
    }
}

/* --- the rest --- */

static void test_rest(void) {
    static const uint64_t edges[5] = {0x7fefffffffffffffU, 0x8000000000000001U, INFINITE | 1ULL << 63, 0, NOT_A_NUMBER};
    const double *values = copy_doubles(edges, 5);
    check_word("first_nonfinite", "none", 0, 2, bp_first_nonfinite(values, 2));
    check_word("first_nonfinite", "infinity", 0, 2, bp_first_nonfinite(values, 5));
    check_word("first_nonfinite", "NaN", 0, 1, bp_first_nonfinite(values + 3, 2));
    check_word("first_nonfinite", "no values", 0, 0, bp_first_nonfinite(values, 0));
    release();
    check_word("abi", "as in the header", 0, BP_ABI, bp_abi());
    check("compiler", "named", strlen(bp_compiler()) > 3 && strcmp(bp_compiler(), "unknown") != 0);
}

/* Everything that runs a kernel. */
static void test_kernel(void) {
    for (size_t i = LENGTH(environments); i-- > 0;) { /* the default one last, whose cases are counted */
        now = &environments[i];
        replayed = 0;
        replay_all();
    }
    refuse_levenberg();
    test_levenberg_overflow();
    for (size_t i = 0; i < n_levenberg_cases; i++, release()) {
        for (uint64_t budget = 1; budget < 10; budget += 4) {
            replay_levenberg(&levenberg_cases[i], budget);
        }
        test_levenberg_logs(&levenberg_cases[i]);
    }
    for (size_t i = 0; i < n_train_cases; i++, release()) {
        for (size_t s = 1; s < LENGTH(slicings); s++, release()) {
            replay_train(&train_cases[i], &slicings[s]);
        }
        test_undo(&train_cases[i]);
        release();
        test_undone_state(&train_cases[i]);
        release();
        test_resumed(&train_cases[i]);
        release();
        replay_train_many(&train_cases[i], UINT64_MAX);
        release();
        replay_train_many(&train_cases[i], 5);
    }
    test_refused_member();
    release();
    test_other_rows();
    release();
    test_bad_shapes();
    test_bad_options();
    test_bad_rules();
    test_partners();
    test_portable_fits();
    for (size_t i = 0; i < n_gradient_cases; i++, release()) {
        test_backward(&gradient_cases[i]);
    }
    if (kernel != BP_PORTABLE) {
        test_agreement();
    }
    test_together();
    test_first_step();
    test_first_nonfinite();
    test_divide();
    test_rest();
}

/* The number of a kernel as argument tests that one alone; exit status 2 where it is not here. */
int main(int argc, char **argv) {
    const int only = argc > 1 ? atoi(argv[1]) : -1;
    unsigned long cases = 0;
    if (only >= 0 && (only > BP_AVX512 || (bp_kernels() >> only & 1U) == 0)) {
        printf("kernel %d is not here, but 0x%lx\n", only, (unsigned long)bp_kernels());
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* failures stay visible, even if the program then dies of one */
    memset(&out, CANARY, sizeof out);
    for (kernel = BP_AUTO; kernel <= BP_AVX512; kernel++) {
        if (only >= 0 && kernel != (uint32_t)only) {
            continue;
        }
        if (only >= 0 || kernel == BP_AUTO || (bp_kernels() >> kernel & 1U) != 0) {
            replayed = 0;
            test_kernel();
            check_word("kernel", "replays as many cases as the others", kernel, cases == 0 ? replayed : cases,
                       replayed);
            cases = replayed;
        } else {
            test_missing_kernel();
        }
    }
    kernel = BP_AUTO;
    test_sealed_bytes();
    for (size_t i = 0; i < n_model_bytes_cases; i++, release()) {
        test_altered_bytes(&model_bytes_cases[i]);
    }
    printf("%lu cases, %lu passed, %lu failed, %lu differing bits, kernels 0x%lx\n", cases, passed, failed, differing,
           (unsigned long)bp_kernels());
    return failed > 0;
}
