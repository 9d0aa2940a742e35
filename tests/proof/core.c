/* SPDX-License-Identifier: MIT */
/*
 * The portable core and the rule of Levenberg and Marquardt on any data, for Eva of Frama-C (docs/proofs.md). Each
 * prove_* is the entry of one analysis. It enumerates shapes, rows and budgets; every double, byte and seed is any.
 * Blocks have exactly the sizes that bitprop.h asks for. SHORT takes some doubles or bytes away, a fault to be found.
 */
#include <stdint.h>
#include <stdlib.h>

#include "__fc_builtin.h"
#include "bitprop.h"

#if !defined(LAYERS_MOST)
#define LAYERS_MOST 3
#endif
#if !defined(SIZE_MOST)
#define SIZE_MOST 2
#endif
#if !defined(ROWS_MOST)
#define ROWS_MOST 9
#endif
#if !defined(BYTES_MOST)
#define BYTES_MOST 96
#endif
#if !defined(SHORT)
#define SHORT 0
#endif

/* No sum and no product of it wraps round: the weakest preconditions of its text prove this promise for all arguments
   (WP), and Eva takes it. */
#define COUNT_LIMIT (SIZE_MAX / sizeof(double) / 16)
/*@ requires count <= COUNT_LIMIT;
    requires n_in <= UINT32_MAX && n_out <= UINT32_MAX;
    assigns \result \from count, n_in, n_out, activation, bias, last;
    ensures \result == 0 || count + n_out <= \result <= COUNT_LIMIT;
    ensures \result == 0 || \result == count + (n_in + bias) * n_out; */
static uint64_t add_layer(uint64_t count, uint64_t n_in, uint64_t n_out, uint64_t activation, uint64_t bias, int last);

/* Of the root, docs/proofs.md has the proof. Of the other two prove_generator analyses the text; elsewhere this is all
   that is known of them. */
/*@ assigns \result \from value; */
static double square_root(double value);

/*@ requires \valid(generator);
    assigns *generator \from seed, stream;
    ensures \initialized(&generator->state[0 .. 623]);
    ensures \initialized(&generator->index) && generator->index == 624; */
void bp_generator_seed(bp_generator *generator, uint64_t seed, uint32_t stream);

/*@ requires \valid(generator);
    requires n >= 1;
    assigns *generator \from *generator;
    assigns \result \from *generator, n;
    ensures \result < n; */
uint32_t bp_generator_below(bp_generator *generator, uint32_t n);

/* Eva asks for a valid byte even where none is copied; C does not (C11 7.24.1, 7.1.4), one past the end of a block. */
#include <string.h>
#define memcpy(to, from, size) ((size) == 0 ? (to) : memcpy(to, from, size))

/* Counts all rounds of all loops of the core. So no state comes twice, and Eva cannot take a loop that does not get on
   for one that has ended: it says that it merges iterations. */
static uint64_t rounds;
#if !defined(UNCOUNTED) /* prove_generator has a loop whose end Eva cannot see */
#define while(...) while (rounds++, (__VA_ARGS__))
#define for(...)                                                                                                       \
    for (__VA_ARGS__)                                                                                                  \
        if (rounds++, 0) {                                                                                             \
        } else
#endif
#include "levenberg.c"
#undef while
#undef for

extern volatile uint64_t outside;

static double any_double(void) {
    const uint64_t bits = outside;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void *block(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) {
        exit(1);
    }
    return memory;
}

/* `count` doubles, each any. */
static double *any_doubles(size_t count) {
    double *values = block(count * sizeof(double));
    for (size_t k = 0; k < count; k++) {
        values[k] = any_double();
    }
    return values;
}

/* `count` doubles that are to be written, less SHORT. */
static double *room(size_t count) {
    return block((count - SHORT) * sizeof(double));
}

/* Reads all of them: an alarm where one was never written. */
static void all_written(const double *values, size_t count) {
    double last = 0.0;
    for (size_t k = 0; k < count; k++) {
        last = values[k];
    }
    (void)last;
}

/* The last activation and the loss: of a squared error, and of the two cross-entropies. */
#define HEADS_MOST 3
static void choose_head(uint32_t *last, uint32_t *loss, int head_index) {
    if (head_index == 0) {
        *last = (uint32_t)Frama_C_interval(BP_SIGMOID, BP_LEAKY_RELU);
        *loss = (uint32_t)Frama_C_interval(BP_HALF_SSE, BP_MSE);
    } else {
        *last = head_index == 1 ? BP_SIGMOID : BP_SOFTMAX;
        *loss = head_index == 1 ? BP_BINARY_CROSS_ENTROPY : BP_CROSS_ENTROPY;
    }
}

/* Every shape of 2 to `layers_most` layers of 1 to SIZE_MOST nodes, with and without biases, with each head. */
static void for_each_shape(uint32_t layers_most, int heads, void (*prove)(const bp_shape *shape, uint32_t loss)) {
    for (uint32_t layers = 2; layers <= layers_most; layers++) {
        uint32_t shapes = 1;
        for (uint32_t layer = 0; layer < layers; layer++) {
            shapes *= SIZE_MOST;
        }
        for (uint32_t number = 0; number < shapes; number++) {
            for (uint32_t bias = 0; bias <= 1; bias++) {
                for (int head_index = 0; head_index < heads; head_index++) {
                    uint32_t sizes[LAYERS_MOST];
                    uint32_t activations[LAYERS_MOST - 1];
                    uint32_t digits = number;
                    uint32_t loss;
                    for (uint32_t layer = 0; layer < layers; layer++) {
                        sizes[layer] = 1 + digits % SIZE_MOST;
                        digits /= SIZE_MOST;
                    }
                    for (uint32_t layer = 0; layer + 2 < layers; layer++) {
                        activations[layer] = (uint32_t)Frama_C_interval(BP_SIGMOID, BP_LEAKY_RELU);
                    }
                    choose_head(&activations[layers - 2], &loss, head_index);
                    const bp_shape shape = {sizes, activations, layers, bias, BP_AUTO};
                    prove(&shape, loss);
                }
            }
        }
    }
}

/* --- forward, predict, backward, loss, gradient, encode, init --- */

static void prove_passes_of(const bp_shape *shape, uint32_t loss) {
    const size_t count = bp_parameter_count(shape);
    const size_t n_in = shape->sizes[0];
    const size_t n_out = shape->sizes[shape->layers - 1];
    size_t nodes = 0;
    for (uint32_t layer = 1; layer < shape->layers; layer++) {
        nodes += shape->sizes[layer];
    }
    double *parameters = any_doubles(count);
    for (size_t rows = 1; rows <= ROWS_MOST; rows = rows == 1 ? ROWS_MOST : rows + 1) {
        double *inputs = any_doubles(rows * n_in);
        double *targets = any_doubles(rows * n_out);
        double *weights = any_doubles(rows);
        for (int weighted = 0; weighted <= 1; weighted++) {
            const bp_data data = {inputs, targets, rows, weighted ? weights : NULL};
            double *work = room(bp_predict_size(shape));
            double *predictions = block(rows * n_out * sizeof(double));
            double *figure = block(sizeof(double));
            bp_predict(predictions, work, shape, parameters, inputs, rows);
            all_written(predictions, rows * n_out);
            bp_loss(figure, work, shape, parameters, &data, loss);
            all_written(figure, 1);
            free(work);
            free(predictions);
            free(figure);
            work = room(bp_train_size(shape, BP_DESCENT));
            double *gradient = block(count * sizeof(double));
            bp_gradient(gradient, work, shape, parameters, &data, loss);
            all_written(gradient, count);
            free(work);
            free(gradient);
        }
        free(inputs);
        free(targets);
        free(weights);
    }
    double *inputs = any_doubles(n_in);
    double *targets = any_doubles(n_out);
    double *preactivations = room(nodes);
    double *outputs = block(nodes * sizeof(double));
    double *deltas = block(nodes * sizeof(double));
    double *sums = block((count + 1) * sizeof(double));
    bp_forward(preactivations, outputs, shape, parameters, inputs);
    all_written(preactivations, nodes);
    all_written(outputs, nodes);
    bp_backward(sums, deltas, shape, parameters, preactivations, outputs, inputs, targets, loss);
    all_written(sums, count + 1);
    all_written(deltas, nodes);
    free(inputs);
    free(targets);
    free(preactivations);
    free(outputs);
    free(deltas);
    free(sums);
    uint8_t *bytes = block(bp_encode_size(shape) - SHORT);
    bp_encode(bytes, shape, parameters);
    free(bytes);
    free(parameters);
}

void prove_passes(void) {
    for_each_shape(LAYERS_MOST, HEADS_MOST, prove_passes_of);
}

/* --- training --- */

/* A training of `networks` networks, as bp_train_many and its slices have it, and then the functions on its state. */
static void prove_training_with(const bp_shape *shape, uint32_t loss, uint32_t rule, size_t rows, size_t batch_size,
                                uint64_t budget, size_t networks) {
    const size_t count = bp_parameter_count(shape);
    const size_t size = bp_train_size(shape, rule);
    const size_t state_size = bp_state_size(shape, rule);
    double *inputs = any_doubles(rows * shape->sizes[0]);
    double *targets = any_doubles(rows * shape->sizes[shape->layers - 1]);
    double *weights = any_doubles(rows);
    double *rates = any_doubles(2);
    double *parameters = any_doubles(networks * count);
    double *work = room(networks * size);
    double *logs = block(networks * 2 * sizeof(double));
    double *state = block((state_size + 1) * sizeof(double));
    uint32_t *orders = block(networks * rows * sizeof(uint32_t));
    const int varied = Frama_C_interval(0, 1);
    const bp_data data = {inputs, targets, rows, varied ? weights : NULL};
    const bp_settings settings = {.batch_size = batch_size,
                                  .log_every = 1,
                                  .shuffle_seed = outside,
                                  .learning_rate = any_double(),
                                  .loss = loss,
                                  .rule = rule,
                                  .shuffle = (uint32_t)(budget % 2),
                                  .weight_decay = any_double(),
                                  .l1 = any_double(),
                                  .constants = {any_double(), any_double(), any_double(), any_double(), any_double()},
                                  .learning_rates = varied ? rates : NULL,
                                  .decay_biases = (uint32_t)Frama_C_interval(0, 1)};
    bp_training trainings[2];
    int32_t statuses[2] = {BP_OK, BP_OK};
    const bp_limits limits = {2, budget, 2};
    for (size_t n = 0; n < networks; n++) {
        if (bp_train_start(&trainings[n], orders + n * rows, shape, &settings, &data) != BP_OK) {
            return;
        }
    }
    if (networks > 1) {
        bp_train_many(logs, statuses, trainings, parameters, work, orders, shape, &data, &limits, networks);
    } else {
        for (size_t slice = 0; slice < 2; slice++) {
            if (bp_train(logs, trainings, parameters, work, orders, shape, &data, &limits) != BP_OK) {
                return; /* it is where end_epoch has restored it */
            }
        }
        bp_train_undo(trainings, parameters, work, shape);
        if (trainings[0].epoch > 0) {
            bp_train_state(state, trainings, work, shape);
            bp_train_resume(trainings, work, shape, state, trainings[0].epoch);
            bp_train(logs, trainings, parameters, work, orders, shape, &data, &limits);
        }
        all_written(parameters, count);
    }
    free(inputs);
    free(targets);
    free(weights);
    free(rates);
    free(parameters);
    free(work);
    free(logs);
    free(state);
    free(orders);
}

/* By RULE. A rule does not see the loss, so only descent has all heads. */
#if !defined(RULE)
#define RULE BP_DESCENT
#endif

static void prove_training_of(const bp_shape *shape, uint32_t loss) {
    prove_training_with(shape, loss, RULE, 3, 2, 3, 1);
    prove_training_with(shape, loss, RULE, 2, 5, 20, 2);
    if (RULE == BP_DESCENT) {
        prove_training_with(shape, loss, RULE, ROWS_MOST, ROWS_MOST, 2 * ROWS_MOST + 1, 1);
    }
}

void prove_training(void) {
    for_each_shape(LAYERS_MOST, RULE == BP_DESCENT ? HEADS_MOST : 1, prove_training_of);
}

/* --- the rule of Levenberg and Marquardt --- */

/* STEPS pieces of work, of which each is a row or a column: from wherever the pieces before may have led. */
#if !defined(STEPS)
#define STEPS 24
#endif

/* What a piece of work has computed may be any: so only the counters tell one state from another. */
static void forget(bp_levenberg *training, double *values, size_t count) {
    for (size_t k = 0; k < count; k++) {
        values[k] = any_double();
    }
    rounds = 0;
    training->mu = any_double();
    training->trial_mu = any_double();
    training->error = any_double();
}

static void prove_levenberg_of(const bp_shape *shape, uint32_t loss) {
    const size_t rows = 2;
    const size_t count = bp_parameter_count(shape);
    double *inputs = any_doubles(rows * shape->sizes[0]);
    double *targets = any_doubles(rows * shape->sizes[shape->layers - 1]);
    double *weights = any_doubles(rows);
    double *parameters = any_doubles(count);
    double *work = room(bp_levenberg_size(shape));
    double *log = block(sizeof(double));
    const bp_data data = {inputs, targets, rows, Frama_C_interval(0, 1) ? weights : NULL};
    const bp_levenberg_settings settings = {.log_every = 1,
                                            .loss = loss,
                                            .mu = any_double(),
                                            .mu_increase = any_double(),
                                            .mu_decrease = any_double(),
                                            .mu_max = any_double(),
                                            .gradient_min = any_double()};
    const bp_limits limits = {2, 1, 1};
    bp_levenberg training;
    if (bp_levenberg_start(&training, shape, &settings, &data) != BP_OK) {
        return;
    }
    for (int step = 0; step < STEPS; step++) {
        if (bp_levenberg_train(log, &training, parameters, work, shape, &data, &limits) != BP_OK) {
            break;
        }
        forget(&training, work, bp_levenberg_size(shape));
        forget(&training, parameters, count);
        log[0] = any_double();
    }
    bp_levenberg_undo(&training, parameters, work, shape);
    all_written(parameters, count);
    free(inputs);
    free(targets);
    free(weights);
    free(parameters);
    free(work);
    free(log);
}

void prove_levenberg(void) {
    for_each_shape(LAYERS_MOST, 1, prove_levenberg_of);
}

/* --- functions on numbers, the generator, scaling --- */

void prove_numbers(void) {
    for (size_t count = 0; count <= 130; count += count < 3 ? 1 : 127) {
        double *values = any_doubles(count);
        for (uint32_t activation = 0; activation <= BP_ACTIVATIONS; activation++) {
            bp_activate(values, count + SHORT, activation);
            bp_slope(values, count, activation);
        }
        bp_divide(values, count, any_double());
        bp_first_nonfinite(values, count);
        free(values);
    }
    for (size_t rows = 1; rows <= 9; rows++) {
        for (size_t columns = 1; columns <= 2; columns++) {
            double *values = any_doubles(rows * columns);
            double *scaled = block(rows * columns * sizeof(double));
            double *shift = block(columns * sizeof(double));
            double *spread = block(columns * sizeof(double));
            bp_standard_scaling(shift, spread, values, rows, columns);
            all_written(shift, columns);
            all_written(spread, columns);
            bp_min_max_scaling(shift, spread, values, rows, columns, any_double(), any_double());
            bp_scale(scaled, values, shift, spread, rows, columns);
            bp_unscale(scaled, shift, spread, rows, columns);
            all_written(scaled, rows * columns);
            free(values);
            free(scaled);
            free(shift);
            free(spread);
        }
    }
    logarithm(any_double(), any_double());
    logarithm_above_one(any_double());
}

/* From any state, also one that no seed leads to. The loop of bp_generator_below ends, since the generator's words run
   through all numbers. */
void prove_generator(void) {
    bp_generator generator;
    bp_generator_seed(&generator, outside, (uint32_t)outside);
    for (uint32_t k = 0; k < 624; k++) {
        generator.state[k] = (uint32_t)outside;
    }
    generator.index = (uint32_t)outside;
    const double drawn = bp_generator_random(&generator);
    //@ assert drawn_in_range: 0.0 <= drawn < 1.0;
    for (uint32_t n = 1; n <= 33; n++) {
        bp_generator_below(&generator, n);
    }
    for (uint32_t k = 1; k < 32; k++) { /* the least and the greatest number of each length */
        bp_generator_below(&generator, UINT32_C(1) << k);
        bp_generator_below(&generator, UINT32_MAX >> (31 - k));
    }
}

static void prove_init_of(const bp_shape *shape, uint32_t loss) {
    const size_t count = bp_parameter_count(shape);
    double *parameters = room(count);
    bp_generator generator;
    (void)loss;
    bp_init(parameters, &generator, shape, outside, (uint32_t)Frama_C_interval(BP_NORMAL, BP_GLOROT));
    all_written(parameters, count);
    free(parameters);
}

void prove_init(void) {
    for_each_shape(LAYERS_MOST, 1, prove_init_of);
}

/* --- sizes --- */

/* Any shape of any numbers, of up to eight layers: with -warn-unsigned-overflow, no sum or product wraps round. */
void prove_sizes(void) {
    for (uint32_t layers = 0; layers <= 8; layers++) {
        uint32_t sizes[8];
        uint32_t activations[8];
        for (int layer = 0; layer < 8; layer++) {
            sizes[layer] = (uint32_t)outside;
            activations[layer] = (uint32_t)outside;
        }
        const bp_shape shape = {sizes, activations, layers, (uint32_t)outside, (uint32_t)outside};
        bp_parameter_count(&shape);
        bp_predict_size(&shape);
        for (uint32_t rule = 0; rule <= BP_RULES; rule++) { /* the last one stands for all that are unknown */
            const uint32_t code = rule < BP_RULES ? rule : (uint32_t)Frama_C_interval(BP_RULES, INT32_MAX);
            bp_train_size(&shape, code);
            bp_state_size(&shape, code);
        }
        bp_encode_size(&shape);
    }
}

/* --- model bytes --- */

/* Any bytes of a length, whose header says a number of layers between these limits. Numbers that fit into the length
   come one by one. */
static void prove_decode_of(size_t length, uint32_t least, uint32_t most) {
    uint8_t *data = block(length);
    const size_t layers = least; /* the only one, where it fits */
    for (size_t k = 0; k < length; k++) {
        data[k] = (uint8_t)outside;
    }
    if (length >= 20) {
        for (uint32_t k = 0; k < 4; k++) { /* the same number of bits in both limits: each byte by itself */
            data[16 + k] = (uint8_t)Frama_C_interval((int)(least >> (8 * k) & 255U), (int)(most >> (8 * k) & 255U));
        }
    }
    if (bp_decode_layers(data, length) != 0) {
        uint32_t *sizes = block(layers * sizeof(uint32_t) - SHORT);
        uint32_t *activations = block((layers - 1) * sizeof(uint32_t));
        uint32_t bias;
        /* What the layers leave of the bytes: as many as the shape has parameters, or they are refused. */
        double *parameters = block((length - 24 - 4 * (2 * layers - 1)) / 8 * sizeof(double));
        bp_decode_shape(sizes, activations, &bias, data, length);
        bp_decode_parameters(parameters, data, length);
        free(sizes);
        free(activations);
        free(parameters);
    }
    free(data);
}

void prove_decode(void) {
    for (size_t length = 0; length <= BYTES_MOST; length++) {
        uint32_t layers = 0;
        for (; 20 + 8 * layers <= length; layers++) {
            prove_decode_of(length, layers, layers);
        }
        prove_decode_of(length, layers, 255);
        for (uint32_t k = 8; k < 32; k += 8) { /* the highest byte that is not zero is above the lowest */
            prove_decode_of(length, UINT32_C(1) << k, UINT32_MAX >> (24 - k));
        }
    }
}
