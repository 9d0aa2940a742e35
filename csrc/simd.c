/* SPDX-License-Identifier: MIT */
/*
 * The SIMD engine: bitprop.c with kernels that take eight rows, or sixteen networks, at a time. Compile this file in
 * its place. The files simd_*_tpl.h are compiled once for each level of the processor; which one runs is chosen at each
 * call. Compilers without the vectors of GNU C get the portable kernel alone.
 */
#if defined(__GNUC__) && defined(__SSE2__)
#define BITPROP_SIMD
#define LEVELS_X86
#elif defined(__GNUC__) && defined(__aarch64__)
#define BITPROP_SIMD
#endif
#if defined(BITPROP_SIMD)
#define TEST_WORK 4096 /* doubles that the self-test's training needs, with room for a chunk */
#endif
#define BITPROP_ENGINE /* what levenberg.c, included at the end, stands on */
#include "bitprop.c"

#if defined(BITPROP_SIMD)

#if defined(LEVELS_X86)
#include <immintrin.h>
#else
#include <arm_neon.h>
#endif

/* Shapes up to this many nodes; beyond, sizes could overflow where size_t has 32 bits. */
#define NODES_MOST 65536U

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define UNROLL _Pragma("GCC unroll 16")
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
#endif

/* Blocks of eight rows that go through the network together. Odd, since processors take addresses that lie a multiple
   of 4096 bytes apart for the same at first: layer upon layer of 4 nodes would be that far from each other. */
#define CHUNK 17U
#define CHUNK_ROWS ((size_t)CHUNK * BP_LANES)
#define PADDED(count) (((size_t)(count) + BP_LANES - 1) / BP_LANES * BP_LANES)

/* The nodes of a layer in memory: wide layers have an odd number, for the same reason. */
#define SPAN(nodes) ((nodes) < 16 ? (nodes) : (nodes) | 1U)

#define PANEL 8U /* columns of weights that are copied together: a line of the cache */

/* The parts of a scratch. */
typedef struct {
    double *reach;   /* (8), the first: the greatest magnitude of the inputs, for the kernel of a common shape */
    double *lanes;   /* (count + 1, 8): of the gradient, then the squared error */
    double *panel;   /* (.., PANEL): columns of weights */
    double *values;  /* the inputs, then the outputs of each layer: CHUNK blocks of (nodes, 8) each */
    double *targets; /* likewise */
    double *deltas;  /* likewise, the last layer's first */
    double *row;     /* (4, nodes of the last layer): a row by itself, where its error is not taken in vectors */
    double *weights; /* (CHUNK_ROWS): of rows that `order` gathers */
    int fresh;       /* whether the inputs are new since the last pass */
    uint32_t loss;
    const double *of_rows; /* the rows' weights, in their order; or NULL */
} chunk;

/* Networks that train side by side, online. */
#define SIDE_BY_SIDE 16U
typedef struct {
    size_t lanes;                         /* in use, a multiple of eight */
    double *parameters;                   /* (count, SIDE_BY_SIDE) */
    double *memory;                       /* for values, deltas and targets, (.., SIDE_BY_SIDE) */
    double *rates;                        /* (SIDE_BY_SIDE) */
    double *errors;                       /* (SIDE_BY_SIDE) */
    double scale;                         /* of the loss */
    int in_order;                         /* all take the data's rows as they stand; else */
    const uint32_t *orders[SIDE_BY_SIDE]; /* of each */
} side_by_side;

/* What a level brings for a shape. */
typedef struct simd_kernel simd_kernel;
struct simd_kernel {
    kernel base;                  /* first, so that a pointer to it is one to the whole */
    const simd_kernel *any_shape; /* the level's for any shape */
    /* The last layer gets the activation `last`: its own, or the identity, where a head takes pre-activations. */
    double *(*forward)(double *values, double *panel, const double *parameters, const bp_shape *shape, uint32_t last,
                       size_t blocks, size_t rest);
    void (*train_chunk)(const chunk *memory, double *sums, const double *parameters, const bp_shape *shape, size_t rows,
                        int begin);
    void (*online)(double *parameters, double *error, double *values, const uint32_t *order, const bp_data *data,
                   const bp_shape *shape, uint32_t loss, double rate, double scale, size_t row, size_t rows);
    /* Adds the errors of blocks of outputs to the eight lanes. */
    void (*add_errors)(double *lanes, const double *outputs, const double *targets, size_t n_out, size_t blocks);
    void (*online_side_by_side)(const side_by_side *nets, const double *inputs, const double *targets,
                                const bp_shape *shape, size_t row, size_t rows);
};

/* Shapes of sigmoids that the compiler knows. */
#define COMMON_SHAPES 3U
static const struct {
    uint32_t layers, sizes[4];
} common_shapes[COMMON_SHAPES] = {{3, {2, 2, 1, 0}}, {3, {2, 4, 1, 0}}, {4, {2, 4, 4, 1}}};

/* 1 + its place among the common shapes; 0 = another. */
static size_t find_shape(const bp_shape *shape) {
    for (size_t i = 0; i < COMMON_SHAPES; i++) {
        uint32_t layer = 0;
        if (shape->layers != common_shapes[i].layers) {
            continue;
        }
        while (layer < shape->layers && shape->sizes[layer] == common_shapes[i].sizes[layer] &&
               (layer == 0 || shape->activations[layer - 1] == BP_SIGMOID)) {
            layer++;
        }
        if (layer == shape->layers) {
            return i + 1;
        }
    }
    return 0;
}

static int has_negative_zero(const double *values, size_t count) {
    size_t k = 0;
    while (k < count && !(values[k] == 0.0 && double_bits(&values[k]) != 0)) {
        k++;
    }
    return k < count;
}

/* --- the loops over chunks --- */

static double *align(double *memory) {
    const uintptr_t line = 64;
    return memory + (line - (uintptr_t)memory % line) % line / sizeof(double);
}
#define ALIGNMENT 7U /* doubles that align may skip */

#define SLACK 32U /* doubles behind the outputs, which a pass of the longest vectors in lockstep may go beyond */

/* Doubles of the values of layers `first` to the last in a chunk. */
static size_t chunk_size(const bp_shape *shape, uint32_t first) {
    size_t nodes = 0;
    for (uint32_t layer = first; layer < shape->layers; layer++) {
        nodes += SPAN((size_t)shape->sizes[layer]);
    }
    return CHUNK_ROWS * nodes + SLACK;
}

/* Doubles for PANEL columns of any layer's weights. */
static size_t panel_size(const bp_shape *shape) {
    size_t widest = 0;
    for (uint32_t layer = 0; layer + 1 < shape->layers; layer++) {
        widest = shape->sizes[layer] > widest ? shape->sizes[layer] : widest;
    }
    return PANEL * widest;
}

static size_t simd_predict_size(const bp_shape *shape) {
    return ALIGNMENT + panel_size(shape) + chunk_size(shape, 0) + chunk_size(shape, shape->layers - 1) +
           4 * (size_t)shape->sizes[shape->layers - 1];
}

static size_t simd_scratch_size(const bp_shape *shape) {
    return simd_predict_size(shape) + CHUNK_ROWS + BP_LANES + PADDED(bp_parameter_count(shape) + 1) * BP_LANES +
           chunk_size(shape, 1);
}

static chunk lay_out(const work_parts *parts, const bp_shape *shape, uint32_t loss) {
    chunk memory;
    memory.reach = align(parts->scratch);
    memory.lanes = memory.reach + BP_LANES;
    memory.panel = memory.lanes + PADDED(parts->count + 1) * BP_LANES;
    memory.values = memory.panel + panel_size(shape);
    memory.targets = memory.values + chunk_size(shape, 0);
    memory.deltas = memory.targets + chunk_size(shape, shape->layers - 1);
    memory.row = memory.deltas + chunk_size(shape, 1);
    memory.weights = memory.row + 4 * (size_t)shape->sizes[shape->layers - 1];
    memory.fresh = parts->held == 0;
    memory.loss = loss;
    memory.of_rows = NULL;
    return memory;
}

/* Eight rows (8, width) as a block (width, 8). */
INLINE void load_block(double *block, const double *data, size_t width) {
    for (size_t i = 0; i < width; i++) {
        for (size_t lane = 0; lane < BP_LANES; lane++) {
            block[i * BP_LANES + lane] = data[lane * width + i];
        }
    }
}

/* Rows (rows, width) of the data, from `row` on or as `order` has them, to blocks of (width, 8); padded with +0.0. */
static void load_rows(double *blocks, const double *data, const uint32_t *order, size_t row, size_t rows,
                      size_t width) {
    size_t r = 0;
    for (; order == NULL && r + BP_LANES <= rows; r += BP_LANES) {
        const double *from = data + (row + r) * width;
        if (width == 1) {
            load_block(blocks + r, from, 1);
        } else if (width == 2) {
            load_block(blocks + r * 2, from, 2);
        } else {
            load_block(blocks + r * SPAN(width), from, width);
        }
    }
    for (; r < PADDED(rows); r++) {
        double *to = blocks + r / BP_LANES * SPAN(width) * BP_LANES + r % BP_LANES;
        const double *from = data + (r >= rows ? 0 : order != NULL ? order[row + r] : row + r) * width;
        for (size_t i = 0; i < width; i++) {
            to[i * BP_LANES] = r < rows ? from[i] : 0.0;
        }
    }
}

/* Whether errors are taken in vectors: those of a squared error without weights. Other heads take a row's
   pre-activations, and so does softmax: then the last layer of a chunk is left without its activation, and its rows go
   one by one through what the portable rows take. */
static int in_vectors(uint32_t loss, const double *weights) {
    return HEADS[loss].row == squared_row && weights == NULL;
}

static double *place(double *blocks, size_t row, size_t nodes) {
    return blocks + row / BP_LANES * SPAN(nodes) * BP_LANES + row % BP_LANES;
}

/* Outputs from pre-activations. */
static void activate_row(double *y, const double *x, size_t count, uint32_t activation) {
    if (activation == BP_SOFTMAX) {
        softmax(y, x, count);
        return;
    }
    for (size_t j = 0; j < count; j++) {
        y[j] = activate(x[j], activation);
    }
}

/* Adds the errors of a chunk's rows, whose pre-activations are in `blocks`, to the eight lanes; and, where `deltas` is
   not NULL, writes the last layer's deltas. `memory`: (4, nodes of the last layer). */
static APART void finish_rows(double *lanes, double *deltas, double *memory, double *blocks, double *targets,
                              const double *weights, size_t n_out, uint32_t activation, uint32_t loss, size_t rows) {
    double *x = memory;
    double *y = x + n_out;
    double *t = y + n_out;
    double *d = t + n_out;
    for (size_t row = 0; row < rows; row++) {
        for (size_t j = 0; j < n_out; j++) {
            x[j] = place(blocks, row, n_out)[j * BP_LANES];
            t[j] = place(targets, row, n_out)[j * BP_LANES];
        }
        activate_row(y, x, n_out, activation);
        const double *weight = weights != NULL ? weights + row : NULL;
        lanes[row % BP_LANES] =
            lanes[row % BP_LANES] + finish_row(deltas != NULL ? d : NULL, x, y, t, weight, n_out, activation, loss);
        for (size_t j = 0; deltas != NULL && j < n_out; j++) {
            place(deltas, row, n_out)[j * BP_LANES] = d[j];
        }
    }
    for (size_t row = rows; deltas != NULL && row < PADDED(rows); row++) {
        for (size_t j = 0; j < n_out; j++) {
            place(deltas, row, n_out)[j * BP_LANES] = 0.0;
        }
    }
}

static const simd_kernel *find_simd_kernel(const bp_shape *shape) {
    return (const simd_kernel *)find_kernel(shape);
}

#define FEW_ROWS 2U /* that take less time one by one than in a block */

static APART void simd_predict(double *predictions, double *work, const bp_shape *shape, const double *parameters,
                               const double *inputs, size_t rows) {
    if (rows <= FEW_ROWS) {
        predict(predictions, work, shape, parameters, inputs, rows);
        return;
    }
    const simd_kernel *level = find_simd_kernel(shape);
    const size_t n_in = shape->sizes[0];
    const size_t n_out = shape->sizes[shape->layers - 1];
    const uint32_t last = shape->activations[shape->layers - 2];
    double *panel = align(work);
    double *values = panel + panel_size(shape);
    for (size_t row = 0; row < rows; row += CHUNK_ROWS) {
        const size_t some = rows - row < CHUNK_ROWS ? rows - row : CHUNK_ROWS;
        load_rows(values, inputs, NULL, row, some, n_in);
        double *outputs =
            level->forward(values, panel, parameters, shape, last, PADDED(some) / BP_LANES, some % BP_LANES);
        if (n_out == 1 && last != BP_SOFTMAX) {
            memcpy(predictions + row, outputs, some * sizeof(double));
            continue;
        }
        for (size_t r = 0; r < some; r++) {
            double *to = predictions + (row + r) * n_out;
            for (size_t j = 0; j < n_out; j++) {
                to[j] = place(outputs, r, n_out)[j * BP_LANES];
            }
            if (last == BP_SOFTMAX) {
                softmax(to, to, n_out);
            }
        }
    }
}

static APART void simd_sum_errors(double *sums, double *work, const bp_shape *shape, const double *parameters,
                                  const bp_data *data, size_t first, size_t rows, uint32_t loss) {
    const simd_kernel *level = find_simd_kernel(shape);
    const size_t n_out = shape->sizes[shape->layers - 1];
    double *panel = align(work);
    double *values = panel + panel_size(shape);
    double *expected = values + chunk_size(shape, 0);
    double memory[BP_LANES + ALIGNMENT];
    double *lanes = align(memory);
    const int squared = in_vectors(loss, data->weights);
    const uint32_t last = squared ? shape->activations[shape->layers - 2] : BP_IDENTITY;
    memcpy(lanes, sums, BP_LANES * sizeof(double));
    for (size_t row = first; row < first + rows; row += CHUNK_ROWS) {
        const size_t some = first + rows - row < CHUNK_ROWS ? first + rows - row : CHUNK_ROWS;
        load_rows(values, data->inputs, NULL, row, some, shape->sizes[0]);
        load_rows(expected, data->targets, NULL, row, some, n_out);
        double *outputs =
            level->forward(values, panel, parameters, shape, last, PADDED(some) / BP_LANES, some % BP_LANES);
        if (squared) {
            level->add_errors(lanes, outputs, expected, n_out, PADDED(some) / BP_LANES);
        } else {
            finish_rows(lanes, NULL, expected + chunk_size(shape, shape->layers - 1), outputs, expected,
                        weight_of(data, row), n_out, shape->activations[shape->layers - 2], loss, some);
        }
    }
    memcpy(sums, lanes, BP_LANES * sizeof(double));
}

static APART void simd_sum_batch(const work_parts *parts, const bp_shape *shape, const double *parameters,
                                 const bp_data *data, size_t first, size_t rows, uint32_t loss) {
    const simd_kernel *level = (const simd_kernel *)parts->kernel;
    chunk memory = lay_out(parts, shape, loss);
    for (size_t row = first; row < first + rows; row += CHUNK_ROWS) {
        const size_t some = first + rows - row < CHUNK_ROWS ? first + rows - row : CHUNK_ROWS;
        load_rows(memory.values, data->inputs, NULL, row, some, shape->sizes[0]);
        load_rows(memory.targets, data->targets, NULL, row, some, shape->sizes[shape->layers - 1]);
        memory.of_rows = weight_of(data, row);
        level->train_chunk(&memory, row + some == data->rows ? parts->sums : NULL, parameters, shape, some, row == 0);
    }
}

/* Whether passes over rows take the steps, too: online, by plain descent. */
static int is_fused(const bp_settings *settings) {
    return settings->batch_size == 1 && settings->rule == BP_DESCENT && settings->weight_decay == 0.0 &&
           settings->l1 == 0.0;
}

/* The weights of `rows` rows from `row` on, gathered in `memory` where `order` has them; NULL = there are none. */
static const double *weights_from(double *memory, const bp_data *data, const uint32_t *order, size_t row, size_t rows) {
    if (data->weights == NULL || order == NULL) {
        return weight_of(data, row);
    }
    for (size_t r = 0; r < rows; r++) {
        memory[r] = data->weights[order[row + r]];
    }
    return memory;
}

static size_t simd_train_rows(bp_training *training, double *parameters, work_parts *parts, const uint32_t *order,
                              const bp_shape *shape, const bp_data *data, uint64_t budget) {
    const simd_kernel *level = (const simd_kernel *)parts->kernel;
    chunk memory = lay_out(parts, shape, training->settings.loss);
    const size_t n_out = shape->sizes[shape->layers - 1];
    const size_t row = training->row;
    size_t rows = training->rows - row;
    if (!training->settings.shuffle) {
        order = NULL;
    }
    if (is_fused(&training->settings)) {
        rows = budget < rows ? (size_t)budget : rows;
        level->online(parameters, &training->error, memory.values, order, data, shape, memory.loss,
                      training->settings.learning_rate, gradient_scale(memory.loss, 1, n_out), row, rows);
        training->row = row + rows;
        return rows;
    }
    const size_t left = training->settings.batch_size - training->batch_row;
    rows = left < rows ? left : rows;
    const size_t whole = rows; /* what is left of the batch */
    rows = rows < CHUNK_ROWS ? rows : CHUNK_ROWS;
    if (budget < rows) {
        rows = PADDED(budget) < rows ? PADDED(budget) : rows;
    }
    if (parts->held == 0) {
        load_rows(memory.values, data->inputs, order, row, rows, shape->sizes[0]);
        load_rows(memory.targets, data->targets, order, row, rows, n_out);
        parts->held = rows == training->rows && order == NULL;
    }
    memory.of_rows = weights_from(memory.weights, data, order, row, rows);
    level->train_chunk(&memory, rows == whole ? parts->sums : NULL, parameters, shape, rows, training->batch_row == 0);
    training->row += rows;
    training->batch_row += rows;
    if (rows == whole) {
        take_step(training, parameters, parts, shape);
    }
    return rows;
}

#include "simd_networks.h"

/* --- the levels --- */

#define BASE(steps)                                                                                                    \
    {simd_predict_size, simd_scratch_size, simd_predict,    simd_sum_errors,                                           \
     simd_sum_batch,    simd_train_rows,   simd_train_many, steps}

#define LEVEL(name) name##_base
#define NODES LEVEL
#define NARROWER(name) name
#define WIDTH 2
#include "simd_vector_tpl.h"

#include "simd_nodes_tpl.h"

#include "simd_rules_tpl.h"

#include "simd_level_tpl.h"
#undef LEVEL
#undef NODES
#undef WIDTH

#if defined(LEVELS_X86)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define LEVEL(name) name##_avx2
#define NODES LEVEL
#define WIDTH 4
#include "simd_vector_tpl.h"

#include "simd_nodes_tpl.h"

#include "simd_rules_tpl.h"

#include "simd_level_tpl.h"
#undef LEVEL
#undef NODES
#undef WIDTH
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("fma,avx512f,avx512dq,avx512vl"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("fma,avx512f,avx512dq,avx512vl")
#endif
#define LEVEL(name) name##_avx512vl /* four nodes fit a vector of four, and there are more registers than with AVX2 */
#define WIDTH 4
#include "simd_vector_tpl.h"

#include "simd_nodes_tpl.h"

#include "simd_rules_tpl.h"
#undef LEVEL
#undef WIDTH
#undef NARROWER
#define LEVEL(name) name##_avx512
#define NODES(name) name##_avx512vl
#define NARROWER(name) name##_avx512vl
#define WIDTH 8
#include "simd_vector_tpl.h"

#include "simd_rules_tpl.h"

#include "simd_level_tpl.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

static uint32_t usable_kernels(void) {
    uint32_t usable = 1U << BP_PORTABLE | 1U << BP_SSE2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        usable |= 1U << BP_AVX2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl")) {
            usable |= 1U << BP_AVX512;
        }
    }
    return usable;
}

#else

static uint32_t usable_kernels(void) {
    return 1U << BP_PORTABLE | 1U << BP_NEON;
}

#endif

static const kernel *find_kernel(const bp_shape *shape) {
    uint32_t wanted = shape->kernel;
    size_t nodes = 0;
    for (uint32_t layer = 0; layer < shape->layers && nodes <= NODES_MOST; layer++) {
        nodes += shape->sizes[layer];
    }
    if (wanted == BP_AUTO) {
        const uint32_t usable = usable_kernels();
        for (wanted = BP_AVX512; (usable >> wanted & 1U) == 0; wanted--) {
        }
    }
    if (wanted == BP_PORTABLE || nodes > NODES_MOST) {
        return &PORTABLE;
    }
    const size_t which = find_shape(shape);
#if defined(LEVELS_X86)
    return wanted == BP_AVX512 ? &kernels_avx512[which].base
           : wanted == BP_AVX2 ? &kernels_avx2[which].base
                               : &kernels_base[which].base;
#else
    return &kernels_base[which].base;
#endif
}

#endif

#include "levenberg.c"
