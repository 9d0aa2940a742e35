/* SPDX-License-Identifier: MIT */
/*
 * bitprop: small neural networks, trained and run to the same bits everywhere.
 *
 * This header and bitprop.c are all that an embedder needs: C99, no allocation, no globals, no mathematics library.
 * For SIMD kernels, which give the same bits faster, compile simd.c in place of bitprop.c. One more rule, for small
 * networks, is in levenberg.h and levenberg.c.
 * The numbers are defined in docs/contract.md, whose sections (§) are cited here. Compile with -ffp-contract=off.
 *
 * Arguments come in the order outputs, in-out, const inputs, scalars. The caller owns all memory and asks for its size
 * first (bp_parameter_count, bp_predict_size, bp_train_size: in doubles, 0 = invalid shape). Arrays that are written
 * must not overlap any other argument. (If the inputs or targets of a training lie in its parameters, its bits depend
 * on the kernel.) A failure is a negative bp_status and leaves the outputs unchanged. All arrays are row-major:
 * `inputs` is (rows, sizes[0]), `targets` is (rows, sizes[layers - 1]). Functions that calculate set the default
 * floating-point environment (round to nearest, no flush to zero) on entry and restore the caller's on exit.
 */
#ifndef BITPROP_H
#define BITPROP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* --- declarations for cffi: begin --- */

#define BP_ABI 8      /* changes with any change of the structs or functions below */
#define BP_CONTRACT 1 /* version of docs/contract.md: changes with any published bit */
#define BP_FORMAT 1   /* version of the model bytes (§11): changes with their layout */
#define BP_LANES 8    /* §6 */

typedef enum {
    BP_OK = 0,
    BP_E_SHAPE = -1,      /* a size of 0, an unknown activation, a softmax that is not the last, memory beyond size_t,
                             or an unavailable kernel */
    BP_E_OPTION = -2,     /* no rows, a batch size or log interval of 0, a bad learning rate, an unknown code, or a loss
                             that does not go with the last activation */
    BP_E_FORMAT = -3,     /* bytes that are not exactly one whole, unaltered model */
    BP_DIVERGED = -4,     /* §8: the parameters are those of the start of the epoch that diverged */
    BP_E_FUSED = -5,      /* self-test: a product and a sum were fused */
    BP_E_REORDERED = -6,  /* self-test: operations were reordered or replaced, or kept in excess precision */
    BP_E_FLUSHED = -7,    /* self-test: a subnormal number was flushed to zero */
    BP_E_ANSWER = -8,     /* self-test: a small training ended at other bits */
    BP_GRADIENT_STOP = 1, /* of levenberg.h, no failures: §12 has ended the training, by its gradient */
    BP_MU_STOP = 2        /* or by mu */
} bp_status;

/* Codes, and the number of codes of each kind; larger codes are refused. First activations, §2; then losses, §7. */
enum {
    BP_SIGMOID = 0,
    BP_TANH = 1,
    BP_RELU = 2,
    BP_IDENTITY = 3,
    BP_SOFTSIGN = 4,
    BP_LEAKY_RELU = 5,
    BP_SOFTMAX = 6, /* of the last layer only, with BP_CROSS_ENTROPY */
    BP_ACTIVATIONS = 7
};
enum {
    BP_HALF_SSE = 0,
    BP_SSE = 1,
    BP_HALF_MSE = 2,
    BP_MSE = 3,
    BP_BINARY_CROSS_ENTROPY = 4, /* of sigmoid outputs */
    BP_CROSS_ENTROPY = 5,        /* of softmax outputs, which have no other loss */
    BP_LOSSES = 6
};
enum {
    BP_DESCENT = 0,
    BP_MOMENTUM = 1,
    BP_NESTEROV = 2,
    BP_ADAM = 3,
    BP_ADAMW = 4,
    BP_RPROP = 5,
    BP_RULES = 6
}; /* update rules, §7 */
enum { BP_NORMAL = 0, BP_UNIFORM = 1, BP_GLOROT = 2, BP_INITS = 3 }; /* initial weights, §9 */
enum { BP_STREAM_WEIGHTS = 0, BP_STREAM_DATA = 1, BP_STREAM_SHUFFLING = 2, BP_STREAM_STEPS = 3 }; /* seeds, §9 */

/* Kernels: the code that runs the loops over rows. All give the same bits; BP_AUTO is the fastest available one. */
enum { BP_AUTO = 0, BP_PORTABLE = 1, BP_SSE2 = 2, BP_NEON = 3, BP_AVX2 = 4, BP_AVX512 = 5, BP_KERNELS = 6 };

/* A network without its parameters (§3). The caller owns the two arrays. */
typedef struct {
    const uint32_t *sizes;       /* `layers` layer sizes, the input's first */
    const uint32_t *activations; /* layers - 1 of them, one for each layer after the input */
    uint32_t layers;             /* the input included, at least 2 */
    uint32_t bias;               /* 0 or 1 */
    uint32_t kernel;             /* 0, or one of bp_kernels */
} bp_shape;

/* An MT19937 generator (§9). */
typedef struct {
    uint32_t state[624];
    uint32_t index; /* of the next word of state to use */
} bp_generator;

/* The rows to train on or to measure, row-major as above; the arrays stay the caller's. */
typedef struct {
    const double *inputs;  /* (rows, sizes[0]) */
    const double *targets; /* (rows, sizes[layers - 1]) */
    size_t rows;
    const double *weights; /* (rows): of each in the error and the gradient, finite and not negative (§5); or NULL */
} bp_data;

/* How to train (§7, §8). The fields after `shuffle` may stay 0 in a training by plain descent. */
typedef struct {
    size_t batch_size;     /* rows of a batch, at least 1; more than the data has means all */
    uint64_t log_every;    /* epochs from one logged epoch to the next, at least 1 */
    uint64_t shuffle_seed; /* used only with `shuffle` */
    double learning_rate;  /* §7: rate; finite, not negative */
    uint32_t loss;
    uint32_t rule;
    uint32_t shuffle;             /* 0 or 1 */
    double weight_decay;          /* §7; finite, not negative */
    double l1;                    /* §7; finite, not negative */
    double constants[5];          /* of the rule, in the order of §7 */
    const double *learning_rates; /* the caller's: one for each epoch in place of learning_rate; or NULL */
    uint32_t decay_biases;        /* 0 or 1 */
} bp_settings;

/* Where a slice of a training ends (§8): at the first of three. */
typedef struct {
    uint64_t until;  /* epochs of the training, those before the slice included */
    uint64_t budget; /* rows of the slice; a row shuffled counts as one */
    size_t log_size; /* logged epochs of the slice; 0 = no log, and no limit */
} bp_limits;

/* A training between two slices (§8). Filled by bp_train_start; the caller reads `epoch`. */
typedef struct {
    bp_settings settings;   /* batch_size at most `rows` */
    size_t rows;            /* of the data */
    uint64_t epoch;         /* epochs completed */
    uint64_t begun;         /* epochs begun: epoch + 1 inside an epoch, else epoch */
    size_t to_shuffle;      /* the next row to be swapped in this epoch's shuffle; 0 = shuffled */
    size_t row;             /* rows done in this epoch */
    size_t batch_row;       /* rows done in this batch */
    double error;           /* of the epoch's finished batches: §8 */
    uint32_t has_state;     /* whether the rule's state is in `work`: from the first epoch on, or bp_train_resume */
    bp_generator generator; /* of the shuffles; used only with `shuffle` */
} bp_training;

/* The BP_ABI that was compiled in; a loader compares it with the header's. */
uint32_t bp_abi(void);

/* The compiler that built the core, a static string. */
const char *bp_compiler(void);

/* The kernels that this build contains and this processor can run: bit 1 << k for kernel k. */
uint32_t bp_kernels(void);

/* Replaces each of `count` pre-activations by its activation (§2). BP_E_SHAPE: softmax, or unknown activation. */
bp_status bp_activate(double *values, size_t count, uint32_t activation);

/* Replaces each of `count` outputs of an activation by the slope there (§2). BP_E_SHAPE: as for bp_activate. */
bp_status bp_slope(double *values, size_t count, uint32_t activation);

/* The index of the first NaN or infinity among `count` values; `count` where all are finite. */
size_t bp_first_nonfinite(const double *values, size_t count);

/* Divides each of `count` values by `divisor`, as the log's errors by the number of their terms (§8). */
void bp_divide(double *values, size_t count, double divisor);

/* The number of parameters (§3); 0 = invalid shape. */
size_t bp_parameter_count(const bp_shape *shape);

/* The doubles of `work` that bp_predict and bp_loss need; 0 = invalid shape. */
size_t bp_predict_size(const bp_shape *shape);

/* The doubles of `work` that bp_gradient (with any rule) and bp_train need; 0 = invalid shape, unknown rule, or memory
   beyond size_t. */
size_t bp_train_size(const bp_shape *shape, uint32_t rule);

/* Seeds a generator with stream*2^64 + seed (§9). */
void bp_generator_seed(bp_generator *generator, uint64_t seed, uint32_t stream);

/* The next random() in [0, 1), a multiple of 2^-53 (§9). */
double bp_generator_random(bp_generator *generator);

/* The next randbelow(n) in [0, n), for n of at least 1 (§9). */
uint32_t bp_generator_below(bp_generator *generator, uint32_t n);

/* Seeds `generator` and draws the initial parameters from it (§9): bp_parameter_count doubles, biases 0.0.
   BP_E_SHAPE; BP_E_OPTION: unknown init. */
bp_status bp_init(double *parameters, bp_generator *generator, const bp_shape *shape, uint64_t seed, uint32_t init);

/* bp_init in pieces, so that a call takes no longer than the caller likes: draws `count` parameters from number `first`
   on, by a generator that the piece before left and the first one (from 0 on) seeds. BP_E_SHAPE; BP_E_OPTION: unknown
   init, or parameters that there are not. */
bp_status bp_init_some(double *parameters, bp_generator *generator, const bp_shape *shape, uint64_t seed, uint32_t init,
                       size_t first, size_t count);

/* Writes the pre-activations and outputs for one row (§4): of all layers after the input, in order. Each array has as
   many doubles as these layers have nodes. BP_E_SHAPE. */
bp_status bp_forward(double *preactivations, double *outputs, const bp_shape *shape, const double *parameters,
                     const double *inputs);

/* Writes `predictions` (rows, sizes[layers - 1]): the last layer's outputs for each row (§4). BP_E_SHAPE. */
bp_status bp_predict(double *predictions, double *work, const bp_shape *shape, const double *parameters,
                     const double *inputs, size_t rows);

/* Goes back through the layers with one row (§5), whose `preactivations` and `outputs` bp_forward gave. Writes `sums`,
   what the row adds to those of a batch: bp_parameter_count doubles, in the parameters' order, and its error; and
   `deltas`, of as many nodes as `outputs`. BP_E_SHAPE; BP_E_OPTION: as for bp_loss. */
bp_status bp_backward(double *sums, double *deltas, const bp_shape *shape, const double *parameters,
                      const double *preactivations, const double *outputs, const double *inputs, const double *targets,
                      uint32_t loss);

/* Writes one double: the loss figure (§7) of all rows as one batch (§6). BP_E_SHAPE; BP_E_OPTION: no rows, unknown loss
   or one that does not go with the last activation. */
bp_status bp_loss(double *figure, double *work, const bp_shape *shape, const double *parameters, const bp_data *data,
                  uint32_t loss);

/* bp_loss in pieces: measures `rows` rows of the data from row `first` on, a multiple of 8, into eight doubles `lanes`,
   which the caller keeps from piece to piece. The piece with the last row writes `figure`. BP_E_SHAPE; BP_E_OPTION: as
   for bp_loss, or rows that there are not. */
bp_status bp_loss_some(double *figure, double *lanes, double *work, const bp_shape *shape, const double *parameters,
                       const bp_data *data, uint32_t loss, size_t first, size_t rows);

/* Writes the gradient of the loss (§5 to §7) of all rows as one batch: bp_parameter_count doubles, in the parameters'
   order. BP_E_SHAPE; BP_E_OPTION: as for bp_loss. */
bp_status bp_gradient(double *gradient, double *work, const bp_shape *shape, const double *parameters,
                      const bp_data *data, uint32_t loss);

/* bp_gradient in pieces, as bp_loss_some; what they have in common is in `work`. */
bp_status bp_gradient_some(double *gradient, double *work, const bp_shape *shape, const double *parameters,
                           const bp_data *data, uint32_t loss, size_t first, size_t rows);

/* Prepares a training on as many rows as `data` has, without reading them (§8). With shuffling, it fills `order`, which
   has as many words (fewer than 2^32); otherwise `order` may be NULL. BP_E_SHAPE; BP_E_OPTION: no rows, or a bad
   setting. */
bp_status bp_train_start(bp_training *training, uint32_t *order, const bp_shape *shape, const bp_settings *settings,
                         const bp_data *data);

/* Trains a slice (§8), as far as `limits` allow; a kernel may finish a block of eight rows. It writes to `log` the
   error of each epoch whose number is a multiple of log_every. Slicing changes no bit. All slices of a training take
   the same work, order and data. BP_E_SHAPE; BP_E_OPTION: a training that was not started, or on another number of
   rows; BP_DIVERGED: in epoch training->epoch. */
bp_status bp_train(double *log, bp_training *training, double *parameters, double *work, uint32_t *order,
                   const bp_shape *shape, const bp_data *data, const bp_limits *limits);

/* Trains a slice of each of `networks` networks of one shape and one rule on the same rows, to the bits of bp_train on
   each alone; a kernel may train several side by side. Network n has element n of `logs` (networks, log_size),
   `statuses`, `trainings`, `parameters` (networks, parameters), `work` (networks, bp_train_size) and `orders`
   (networks, rows). A network whose status is not BP_OK on entry is skipped; one that diverges gets BP_DIVERGED.
   `limits` are those of each network. BP_E_SHAPE. */
bp_status bp_train_many(double *logs, int32_t *statuses, bp_training *trainings, double *parameters, double *work,
                        uint32_t *orders, const bp_shape *shape, const bp_data *data, const bp_limits *limits,
                        size_t networks);

/* The doubles that a rule keeps for a training from step to step (§7), which may be 0; 0 also for an invalid shape or
   an unknown rule. */
size_t bp_state_size(const bp_shape *shape, uint32_t rule);

/* Writes the rule's state of a training that is between two epochs, at least one of them done: bp_state_size doubles.
 */
void bp_train_state(double *state, const bp_training *training, double *work, const bp_shape *shape);

/* Makes a training that bp_train_start has just prepared begin at `epoch`, with this state of its rule. Parameters and
   order, and with shuffling training->generator, are set by the caller to those of that epoch's start. */
void bp_train_resume(bp_training *training, double *work, const bp_shape *shape, const double *state, uint64_t epoch);

/* Ends a training inside an epoch: restores the parameters, and the rule's state in `work`, to that epoch's start.
   Between epochs it does nothing. */
void bp_train_undo(bp_training *training, double *parameters, double *work, const bp_shape *shape);

/* The number of bytes of an encoded model (§11); 0 = invalid shape. */
size_t bp_encode_size(const bp_shape *shape);

/* Writes the model as bp_encode_size bytes (§11). BP_E_SHAPE. */
bp_status bp_encode(uint8_t *data, const bp_shape *shape, const double *parameters);

/* The number of layers of an encoded model, for the sizes of the arrays below; 0 = the bytes are not exactly one whole
   model (§11). The two functions below then return BP_E_FORMAT. */
uint32_t bp_decode_layers(const uint8_t *data, size_t length);

/* Writes the layer sizes, the activations (one fewer) and the bias flag, 0 or 1, of an encoded model (§11).
   BP_E_FORMAT. */
bp_status bp_decode_shape(uint32_t *sizes, uint32_t *activations, uint32_t *bias, const uint8_t *data, size_t length);

/* Writes the parameters of an encoded model (§11): bp_parameter_count doubles. BP_E_FORMAT. */
bp_status bp_decode_parameters(double *parameters, const uint8_t *data, size_t length);

/* Writes the shift and the spread of each column of `values` (rows, columns), so that scaled columns have mean 0 and
   deviation 1 (§13); for rows of at least 1. Where a column is too wide for doubles, one of them is not finite. */
void bp_standard_scaling(double *shift, double *spread, const double *values, size_t rows, size_t columns);

/* The same, so that scaled columns go from `low` to `high` (§13). */
void bp_min_max_scaling(double *shift, double *spread, const double *values, size_t rows, size_t columns, double low,
                        double high);

/* Writes (rows, columns) values, scaled by each column's shift and spread (§13); `scaled` may be `values`. */
void bp_scale(double *scaled, const double *values, const double *shift, const double *spread, size_t rows,
              size_t columns);

/* Takes the scaling of (rows, columns) values back, in place (§13). */
void bp_unscale(double *values, const double *shift, const double *spread, size_t rows, size_t columns);

/* Checks that this build keeps the contract: it fuses no products, reorders no sums, flushes no subnormal numbers, ends
   a small training at known bits, and gives the same bits by every usable kernel. Compiled with -O2 it needs about 12
   KB of stack (bitprop.c) or 45 KB (simd.c), without optimisation up to 150 KB. BP_E_FUSED, BP_E_REORDERED,
   BP_E_FLUSHED, BP_E_ANSWER. */
bp_status bp_self_test(void);

/* --- declarations for cffi: end --- */

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
