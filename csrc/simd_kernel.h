/* SPDX-License-Identifier: MIT */
/*
 * One SIMD kernel, included by simd.c once for each level, with these macros:
 *   LEVEL(name)     the name with the level's suffix
 *   WIDTH           doubles in a vector: 2, 4 or 8
 *   COLUMNS         nodes that a tile of the forward and backward passes takes at a time
 *   BLOCKS          blocks of rows that it takes at a time
 *   MIN, MAX        of two vectors; the second operand where either is NaN
 *
 * Rows go through the network in chunks, layer by layer. Eight rows are a block: row i of a batch is lane i mod 8 (§6),
 * so a lane of a vector is a lane of the contract. A layer's values lie as (block, node, 8 lanes). In a short last
 * block the inputs, outputs and deltas of the padding lanes are +0.0, so that each of their contributions is a zero,
 * which changes no lane: a lane is never -0.0, since it starts at +0.0.
 */

typedef double LEVEL(vector) __attribute__((vector_size(8 * WIDTH)));
typedef double LEVEL(aliased) __attribute__((vector_size(8 * WIDTH), may_alias));
typedef double LEVEL(unaligned) __attribute__((vector_size(8 * WIDTH), aligned(8), may_alias));
typedef int64_t LEVEL(mask) __attribute__((vector_size(8 * WIDTH)));
typedef uint64_t LEVEL(bits) __attribute__((vector_size(8 * WIDTH)));
#define vector LEVEL(vector)
#define mask LEVEL(mask)
#define PARTS (BP_LANES / WIDTH) /* vectors in eight lanes */

#define LOAD(from) ((vector) * (const LEVEL(aliased) *)(from))
#define STORE(to, value) (*(LEVEL(aliased) *)(to) = (value))
#define LOAD_ANY(from) ((vector) * (const LEVEL(unaligned) *)(from)) /* aligned as doubles are */
#define STORE_ANY(to, value) (*(LEVEL(unaligned) *)(to) = (value))
/* The steps of all layers; a common shape has three or four layers. */
#define FORWARD_LAYERS(step)                                                                                           \
    if (common) {                                                                                                      \
        step(1U);                                                                                                      \
        step(2U);                                                                                                      \
        if (layers > 3) {                                                                                              \
            step(3U);                                                                                                  \
        }                                                                                                              \
    } else {                                                                                                           \
        for (uint32_t layer = 1; layer < layers; layer++) {                                                            \
            step(layer);                                                                                               \
        }                                                                                                              \
    }
#define BACKWARD_LAYERS(step)                                                                                          \
    if (common) {                                                                                                      \
        if (layers > 3) {                                                                                              \
            step(3U);                                                                                                  \
        }                                                                                                              \
        step(2U);                                                                                                      \
        step(1U);                                                                                                      \
    } else {                                                                                                           \
        for (uint32_t layer = layers - 1; layer > 0; layer--) {                                                        \
            step(layer);                                                                                               \
        }                                                                                                              \
    }
#define PICK(condition, yes, no) ((vector)(((mask)(yes) & (condition)) | ((mask)(no) & ~(condition))))

INLINE vector LEVEL(broadcast)(double value) {
    vector all;
    for (int i = 0; i < WIDTH; i++) {
        all[i] = value;
    }
    return all;
}
#define broadcast LEVEL(broadcast)

/* --- §2 --- */

/* e^t is s*(c + r)/(c - r). */
INLINE void LEVEL(split)(vector *r, vector *c, vector *s, vector t) {
    const vector shifted = t * LOG2E + MAGIC;
    const vector k = shifted - MAGIC;
    *r = (t - k * LN2_HI) - k * LN2_LO;
    const vector z = *r * *r;
    const vector w = z * z;
    *c = 2.0 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5));
    *s = (vector)(((LEVEL(bits))shifted + 1023U) << 52);
}

INLINE vector LEVEL(clamp)(vector t, double low, double high) {
    return MIN(broadcast(high), MAX(broadcast(low), t));
}

INLINE vector LEVEL(sigmoid)(vector x) {
    vector r, c, s;
    LEVEL(split)(&r, &c, &s, LEVEL(clamp)(-x, -708.0, 708.0));
    const vector lo = c - r;
    const vector hi = (c + r) * s;
    return lo / (lo + hi);
}

INLINE vector LEVEL(tanh)(vector x) {
    vector r, c, s;
    LEVEL(split)(&r, &c, &s, LEVEL(clamp)(2.0 * x, -40.0, 40.0));
    const vector p = s - 1.0;
    const vector q = s + 1.0;
    return (p * c + q * r) / (q * c + p * r);
}

INLINE vector LEVEL(activate)(vector x, uint32_t activation) {
    switch (activation) {
    case BP_SIGMOID:
        return LEVEL(sigmoid)(x);
    case BP_TANH:
        return LEVEL(tanh)(x);
    case BP_RELU:
        return PICK(x < 0.0, broadcast(0.0), x);
    default:
        return x;
    }
}

INLINE vector LEVEL(slope)(vector y, uint32_t activation) {
    switch (activation) {
    case BP_SIGMOID:
        return y * (1.0 - y);
    case BP_TANH:
        return 1.0 - y * y;
    case BP_RELU:
        return PICK(y > 0.0, broadcast(1.0), broadcast(0.0));
    default:
        return broadcast(1.0);
    }
}

/* --- padding --- */

/* Makes the padding lanes of the last block +0.0, where only `rest` of its lanes are rows (0 = all). */
INLINE void LEVEL(clear_padding)(double *values, size_t blocks, size_t nodes, size_t rest) {
    static const int64_t keep[2 * BP_LANES] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    if (rest == 0) {
        return;
    }
    double *last = values + (blocks - 1) * nodes * BP_LANES;
    for (size_t part = 0; part < PARTS; part++) {
        mask kept;
        memcpy(&kept, keep + BP_LANES - rest + part * WIDTH, sizeof kept);
        for (size_t i = 0; i < nodes; i++) {
            double *at = last + i * BP_LANES + part * WIDTH;
            STORE(at, (vector)((mask)LOAD(at) & kept));
        }
    }
}

/* --- §4 forward --- */

/* Pre-activations of `columns` nodes in `blocks` blocks: both are constants where this is inlined. */
INLINE void LEVEL(forward_tile)(double *outputs, const double *inputs, const double *weights, const double *biases,
                                size_t n_in, size_t n_out, const size_t columns, const size_t blocks) {
    vector acc[COLUMNS][BLOCKS_MOST * PARTS];
    UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
        const double *in = inputs + (b / PARTS * n_in) * BP_LANES + b % PARTS * WIDTH;
        UNROLL for (size_t j = 0; j < columns; j++) {
            acc[j][b] = biases != NULL ? broadcast(biases[j]) : LOAD(in) * weights[j];
        }
    }
    for (size_t i = biases != NULL ? 0 : 1; i < n_in; i++) {
        UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
            const vector a = LOAD(inputs + (b / PARTS * n_in + i) * BP_LANES + b % PARTS * WIDTH);
            UNROLL for (size_t j = 0; j < columns; j++) {
                acc[j][b] = acc[j][b] + a * weights[i * n_out + j];
            }
        }
    }
    UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
        UNROLL for (size_t j = 0; j < columns; j++) {
            STORE(outputs + (b / PARTS * n_out + j) * BP_LANES + b % PARTS * WIDTH, acc[j][b]);
        }
    }
}

INLINE void LEVEL(forward_columns)(double *outputs, const double *inputs, const double *weights, const double *biases,
                                   size_t n_in, size_t n_out, size_t blocks, const size_t columns, const size_t tile) {
    size_t b = 0;
    for (; b + tile <= blocks; b += tile) {
        LEVEL(forward_tile)(outputs + b * n_out * BP_LANES, inputs + b * n_in * BP_LANES, weights, biases, n_in, n_out,
                            columns, tile);
    }
    for (; b < blocks; b++) {
        LEVEL(forward_tile)(outputs + b * n_out * BP_LANES, inputs + b * n_in * BP_LANES, weights, biases, n_in, n_out,
                            columns, 1);
    }
}

/* A pass of its own: so more registers are free in the tiles, and no activation waits for another. */
INLINE void LEVEL(activate_layer)(double *values, size_t count, const uint32_t activation) {
    for (size_t i = 0; i < count; i += WIDTH) {
        STORE(values + i, LEVEL(activate)(LOAD(values + i), activation));
    }
}

INLINE void LEVEL(forward_layer)(double *outputs, const double *inputs, const double *weights, size_t n_in,
                                 size_t n_out, uint32_t bias, size_t blocks, const size_t tile) {
    const double *biases = bias ? weights + n_in * n_out : NULL;
    size_t j = 0;
    for (; j + COLUMNS <= n_out; j += COLUMNS) {
        LEVEL(forward_columns)(outputs + j * BP_LANES, inputs, weights + j, bias ? biases + j : NULL, n_in, n_out,
                               blocks, COLUMNS, tile);
    }
    for (; j < n_out; j++) {
        LEVEL(forward_columns)(outputs + j * BP_LANES, inputs, weights + j, bias ? biases + j : NULL, n_in, n_out,
                               blocks, 1, BLOCKS_MOST);
    }
}

static void LEVEL(activate_any)(double *values, size_t count, uint32_t activation) {
    if (activation == BP_SIGMOID) {
        LEVEL(activate_layer)(values, count, BP_SIGMOID);
    } else if (activation == BP_TANH) {
        LEVEL(activate_layer)(values, count, BP_TANH);
    } else if (activation == BP_RELU) {
        LEVEL(activate_layer)(values, count, BP_RELU);
    }
}

static void LEVEL(forward_any)(double *outputs, const double *inputs, const double *weights, size_t n_in, size_t n_out,
                               uint32_t bias, uint32_t activation, size_t blocks) {
    LEVEL(forward_layer)(outputs, inputs, weights, n_in, n_out, bias, blocks, BLOCKS);
    LEVEL(activate_any)(outputs, blocks * n_out * BP_LANES, activation);
}

/* One layer of a chunk: moves `values` from its inputs to its outputs, and `weights` behind its own. */
INLINE void LEVEL(forward_step)(double **values, const double **weights, size_t n_in, size_t n_out, uint32_t bias,
                                uint32_t activation, size_t blocks, size_t rest, const int common) {
    double *outputs = *values + CHUNK * n_in * BP_LANES;
    if (common) {
        LEVEL(forward_layer)(outputs, *values, *weights, n_in, n_out, bias, blocks, 1);
        LEVEL(activate_layer)(outputs, blocks * n_out * BP_LANES, BP_SIGMOID);
    } else {
        LEVEL(forward_any)(outputs, *values, *weights, n_in, n_out, bias, activation, blocks);
    }
    LEVEL(clear_padding)(outputs, blocks, n_out, rest);
    *weights += (n_in + bias) * n_out;
    *values = outputs;
}

/* All layers of a chunk whose inputs stand at `values`; the outputs follow, layer by layer, CHUNK blocks each.
   Returns where the last layer's stand. `common` = a shape known to the compiler, all of it sigmoid. */
INLINE double *LEVEL(forward_chunk)(double *values, const double *weights, const uint32_t *sizes,
                                    const uint32_t *activations, uint32_t layers, uint32_t bias, size_t blocks,
                                    size_t rest, const int common) {
#define STEP(layer)                                                                                                    \
    LEVEL(forward_step)(&values, &weights, sizes[(layer) - 1], sizes[layer], bias,                                     \
                        common ? BP_SIGMOID : activations[(layer) - 1], blocks, rest, common)
    FORWARD_LAYERS(STEP)
#undef STEP
    return values;
}

/* --- §6 lane sums --- */

/* The sums of eight parameters' lanes (8, 8), by halves: lane i with lane i + 4, then i + 2, then i + 1. */
INLINE void LEVEL(sum_eight)(double *sums, const double *lanes) {
#if WIDTH == 8
    vector half[4], quarter[2];
    UNROLL for (int p = 0; p < 4; p++) {
        const vector a = LOAD(lanes + 16 * p);
        const vector b = LOAD(lanes + 16 * p + 8);
        half[p] = SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
    UNROLL for (int p = 0; p < 2; p++) {
        const vector a = half[2 * p];
        const vector b = half[2 * p + 1];
        quarter[p] = SHUFFLE(a, b, 0, 1, 4, 5, 8, 9, 12, 13) + SHUFFLE(a, b, 2, 3, 6, 7, 10, 11, 14, 15);
    }
    const vector sum = SHUFFLE(quarter[0], quarter[1], 0, 2, 4, 6, 8, 10, 12, 14) +
                       SHUFFLE(quarter[0], quarter[1], 1, 3, 5, 7, 9, 11, 13, 15);
    STORE_ANY(sums, sum);
#elif WIDTH == 4
    UNROLL for (int q = 0; q < 2; q++, lanes += 32, sums += 4) {
        vector half[4], quarter[2];
        UNROLL for (int p = 0; p < 4; p++) {
            half[p] = LOAD(lanes + 8 * p) + LOAD(lanes + 8 * p + 4);
        }
        UNROLL for (int p = 0; p < 2; p++) {
            const vector a = half[2 * p];
            const vector b = half[2 * p + 1];
            quarter[p] = SHUFFLE(a, b, 0, 1, 4, 5) + SHUFFLE(a, b, 2, 3, 6, 7);
        }
        const vector sum = SHUFFLE(quarter[0], quarter[1], 0, 2, 4, 6) + SHUFFLE(quarter[0], quarter[1], 1, 3, 5, 7);
        STORE_ANY(sums, sum);
    }
#else
    UNROLL for (int q = 0; q < 4; q++, lanes += 16, sums += 2) {
        vector quarter[2];
        UNROLL for (int p = 0; p < 2; p++) {
            const double *l = lanes + 8 * p;
            quarter[p] = (LOAD(l) + LOAD(l + 4)) + (LOAD(l + 2) + LOAD(l + 6));
        }
        const vector sum = SHUFFLE(quarter[0], quarter[1], 0, 2) + SHUFFLE(quarter[0], quarter[1], 1, 3);
        STORE_ANY(sums, sum);
    }
#endif
}

/* The lanes of `count` parameters may be read up to the next multiple of eight of them. */
INLINE void LEVEL(sum_lanes)(double *sums, const double *lanes, size_t count) {
    size_t k = 0;
    for (; k + BP_LANES <= count; k += BP_LANES) {
        LEVEL(sum_eight)(sums + k, lanes + k * BP_LANES);
    }
    if (k < count) {
        double last[BP_LANES];
        LEVEL(sum_eight)(last, lanes + k * BP_LANES);
        memcpy(sums + k, last, (count - k) * sizeof(double));
    }
}

/* --- §5 backward --- */

/* Adds the blocks' contributions of `rows` inputs times `columns` deltas to their lanes and, where `biases` is not
   NULL, the deltas to the lanes of the biases. */
INLINE void LEVEL(gradient_tile)(double *lanes, double *biases, const double *inputs, const double *deltas, size_t n_in,
                                 size_t n_out, size_t blocks, int begin, const size_t rows, const size_t columns) {
    UNROLL for (size_t part = 0; part < PARTS; part++) {
        vector acc[GRADIENT_ROWS][GRADIENT_COLUMNS], bias[GRADIENT_COLUMNS] = {broadcast(0.0)};
        UNROLL for (size_t j = 0; j < columns; j++) {
            UNROLL for (size_t i = 0; i < rows; i++) {
                const double *lane = lanes + (i * n_out + j) * BP_LANES + part * WIDTH;
                acc[i][j] = begin ? broadcast(0.0) : LOAD(lane);
            }
            if (biases != NULL) {
                bias[j] = begin ? broadcast(0.0) : LOAD(biases + j * BP_LANES + part * WIDTH);
            }
        }
        for (size_t b = 0; b < blocks; b++) {
            const double *a = inputs + b * n_in * BP_LANES + part * WIDTH;
            const double *d = deltas + b * n_out * BP_LANES + part * WIDTH;
            UNROLL for (size_t j = 0; j < columns; j++) {
                UNROLL for (size_t i = 0; i < rows; i++) {
                    acc[i][j] = acc[i][j] + LOAD(a + i * BP_LANES) * LOAD(d + j * BP_LANES);
                }
                if (biases != NULL) {
                    bias[j] = bias[j] + LOAD(d + j * BP_LANES);
                }
            }
        }
        UNROLL for (size_t j = 0; j < columns; j++) {
            UNROLL for (size_t i = 0; i < rows; i++) {
                STORE(lanes + (i * n_out + j) * BP_LANES + part * WIDTH, acc[i][j]);
            }
            if (biases != NULL) {
                STORE(biases + j * BP_LANES + part * WIDTH, bias[j]);
            }
        }
    }
}

INLINE void LEVEL(gradient_rows)(double *lanes, double *biases, const double *inputs, const double *deltas, size_t n_in,
                                 size_t n_out, size_t blocks, int begin, const size_t rows) {
    size_t j = 0;
    for (; j + GRADIENT_COLUMNS <= n_out; j += GRADIENT_COLUMNS) {
        LEVEL(gradient_tile)(lanes + j * BP_LANES, biases != NULL ? biases + j * BP_LANES : NULL, inputs,
                             deltas + j * BP_LANES, n_in, n_out, blocks, begin, rows, GRADIENT_COLUMNS);
    }
    for (; j < n_out; j++) {
        LEVEL(gradient_tile)(lanes + j * BP_LANES, biases != NULL ? biases + j * BP_LANES : NULL, inputs,
                             deltas + j * BP_LANES, n_in, n_out, blocks, begin, rows, 1);
    }
}

/* The lanes of a layer and, where the batch ends with this chunk and `sums` is not NULL, their sums: a few rows of the
   layer at a time, while they are in the cache. Where the batch also begins with it, all rows use the same lanes.
   `small` = a layer of a common shape, whose sums are taken with all others. */
INLINE void LEVEL(gradient_layer)(double *sums, double *lanes, const double *inputs, const double *deltas, size_t n_in,
                                  size_t n_out, uint32_t bias, size_t blocks, int begin, const int small) {
    const int reuse = begin && sums != NULL;
    double *biases = bias ? lanes + n_in * n_out * BP_LANES : NULL;
    size_t i = 0;
    while (i < n_in) {
        const size_t rows = i + GRADIENT_ROWS <= n_in ? GRADIENT_ROWS : small && i + 2 <= n_in ? 2 : 1;
        double *own = reuse ? lanes : lanes + i * n_out * BP_LANES;
        double *own_biases = i == 0 ? biases : NULL;
        if (rows == GRADIENT_ROWS) {
            LEVEL(gradient_rows)(own, own_biases, inputs + i * BP_LANES, deltas, n_in, n_out, blocks, begin,
                                 GRADIENT_ROWS);
        } else if (rows == 2) {
            LEVEL(gradient_rows)(own, own_biases, inputs + i * BP_LANES, deltas, n_in, n_out, blocks, begin, 2);
        } else {
            LEVEL(gradient_rows)(own, own_biases, inputs + i * BP_LANES, deltas, n_in, n_out, blocks, begin, 1);
        }
        if (sums != NULL) {
            LEVEL(sum_lanes)(sums + i * n_out, own, rows * n_out);
        }
        i += rows;
    }
    if (bias && sums != NULL) {
        LEVEL(sum_lanes)(sums + n_in * n_out, biases, n_out);
    }
}

/* Deltas of `columns` nodes, whose outgoing weights are rows of `weights`. */
INLINE void LEVEL(backward_tile)(double *deltas, const double *outputs, const double *next, const double *weights,
                                 size_t n_in, size_t n_out, uint32_t activation, const size_t columns,
                                 const size_t blocks) {
    vector acc[COLUMNS][BLOCKS_MOST * PARTS];
    UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
        const vector d = LOAD(next + (b / PARTS * n_out) * BP_LANES + b % PARTS * WIDTH);
        UNROLL for (size_t i = 0; i < columns; i++) {
            acc[i][b] = d * weights[i * n_out];
        }
    }
    for (size_t j = 1; j < n_out; j++) {
        UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
            const vector d = LOAD(next + (b / PARTS * n_out + j) * BP_LANES + b % PARTS * WIDTH);
            UNROLL for (size_t i = 0; i < columns; i++) {
                acc[i][b] = acc[i][b] + d * weights[i * n_out + j];
            }
        }
    }
    UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
        UNROLL for (size_t i = 0; i < columns; i++) {
            const size_t at = (b / PARTS * n_in + i) * BP_LANES + b % PARTS * WIDTH;
            STORE(deltas + at, acc[i][b] * LEVEL(slope)(LOAD(outputs + at), activation));
        }
    }
}

INLINE void LEVEL(backward_layer)(double *deltas, const double *outputs, const double *next, const double *weights,
                                  size_t n_in, size_t n_out, uint32_t activation, size_t blocks, const size_t tile) {
    size_t i = 0;
    for (; i + COLUMNS <= n_in; i += COLUMNS) {
        size_t b = 0;
        for (; b + tile <= blocks; b += tile) {
            const size_t at = (b * n_in + i) * BP_LANES;
            LEVEL(backward_tile)(deltas + at, outputs + at, next + b * n_out * BP_LANES, weights + i * n_out, n_in,
                                 n_out, activation, COLUMNS, tile);
        }
        for (; tile > 1 && b < blocks; b++) {
            const size_t at = (b * n_in + i) * BP_LANES;
            LEVEL(backward_tile)(deltas + at, outputs + at, next + b * n_out * BP_LANES, weights + i * n_out, n_in,
                                 n_out, activation, COLUMNS, 1);
        }
    }
    for (; i < n_in; i++) {
        for (size_t b = 0; b < blocks; b++) {
            const size_t at = (b * n_in + i) * BP_LANES;
            LEVEL(backward_tile)(deltas + at, outputs + at, next + b * n_out * BP_LANES, weights + i * n_out, n_in,
                                 n_out, activation, 1, 1);
        }
    }
}

static void LEVEL(backward_any)(double *deltas, const double *outputs, const double *next, const double *weights,
                                size_t n_in, size_t n_out, uint32_t activation, size_t blocks) {
    switch (activation) {
    case BP_SIGMOID:
        LEVEL(backward_layer)(deltas, outputs, next, weights, n_in, n_out, BP_SIGMOID, blocks, BLOCKS);
        break;
    case BP_TANH:
        LEVEL(backward_layer)(deltas, outputs, next, weights, n_in, n_out, BP_TANH, blocks, BLOCKS);
        break;
    case BP_RELU:
        LEVEL(backward_layer)(deltas, outputs, next, weights, n_in, n_out, BP_RELU, blocks, BLOCKS);
        break;
    default:
        LEVEL(backward_layer)(deltas, outputs, next, weights, n_in, n_out, BP_IDENTITY, blocks, BLOCKS);
    }
}

static void LEVEL(gradient_any)(double *sums, double *lanes, const double *inputs, const double *deltas, size_t n_in,
                                size_t n_out, uint32_t bias, size_t blocks, int begin) {
    LEVEL(gradient_layer)(sums, lanes, inputs, deltas, n_in, n_out, bias, blocks, begin, 0);
}

/* The lanes of the squared error, and where `deltas` is not NULL the last layer's deltas. */
INLINE void LEVEL(errors)(double *lanes, double *deltas, const double *outputs, const double *targets, size_t n_out,
                          uint32_t activation, size_t blocks, int begin) {
    UNROLL for (size_t part = 0; part < PARTS; part++) {
        vector lane = begin ? broadcast(0.0) : LOAD(lanes + part * WIDTH);
        for (size_t b = 0; b < blocks; b++) {
            vector acc = broadcast(0.0);
            for (size_t j = 0; j < n_out; j++) {
                const size_t at = (b * n_out + j) * BP_LANES + part * WIDTH;
                const vector y = LOAD(outputs + at);
                const vector e = y - LOAD(targets + at);
                acc = acc + e * e;
                if (deltas != NULL) {
                    STORE(deltas + at, e * LEVEL(slope)(y, activation));
                }
            }
            lane = lane + acc;
        }
        STORE(lanes + part * WIDTH, lane);
    }
}

static void LEVEL(errors_any)(double *lanes, double *deltas, const double *outputs, const double *targets, size_t n_out,
                              uint32_t activation, size_t blocks, int begin) {
    LEVEL(errors)(lanes, deltas, outputs, targets, n_out, activation, blocks, begin);
}

/* One layer of a chunk, whose outputs and deltas are there: its lanes, and the deltas of the layer before. */
INLINE void LEVEL(backward_step)(double **values, double **deltas, size_t *weights, double *sums, double *lanes,
                                 const double *parameters, size_t n_in, size_t n_out, uint32_t bias,
                                 uint32_t activation, size_t blocks, size_t rest, int begin, const int first,
                                 const int common) {
    double *inputs = *values - CHUNK * n_in * BP_LANES;
    double *before = *deltas + CHUNK * n_out * BP_LANES;
    *weights -= (n_in + bias) * n_out;
    double *own = lanes + *weights * BP_LANES;
    if (common) {
        LEVEL(gradient_layer)(NULL, own, inputs, *deltas, n_in, n_out, bias, blocks, begin, 1);
        if (!first) {
            LEVEL(backward_layer)(before, inputs, *deltas, parameters + *weights, n_in, n_out, BP_SIGMOID, blocks, 1);
        }
    } else {
        LEVEL(gradient_any)(sums != NULL ? sums + *weights : NULL, own, inputs, *deltas, n_in, n_out, bias, blocks,
                            begin);
        if (!first) {
            LEVEL(backward_any)(before, inputs, *deltas, parameters + *weights, n_in, n_out, activation, blocks);
        }
    }
    if (!first) {
        LEVEL(clear_padding)(before, blocks, n_in, rest);
    }
    *values = inputs;
    *deltas = before;
}

/* A chunk of a batch, whose inputs and targets are loaded: forward, backward, lanes; and the sums, where the batch ends
   with it (`sums` not NULL). `begin` = it begins with it. */
INLINE void LEVEL(train_chunk)(const chunk *at, double *sums, const double *parameters, const uint32_t *sizes,
                               const uint32_t *activations, uint32_t layers, uint32_t bias, size_t rows, int begin,
                               const int common) {
    const size_t blocks = (rows + BP_LANES - 1) / BP_LANES;
    const size_t rest = rows % BP_LANES;
    const size_t n_out = sizes[layers - 1];
    const uint32_t activation = common ? BP_SIGMOID : activations[layers - 2];
    double *lanes = at->lanes;
    double *deltas = at->deltas;
    double *values =
        LEVEL(forward_chunk)(at->values, parameters, sizes, activations, layers, bias, blocks, rest, common);
    size_t count = 0;
#define STEP(layer) count += (sizes[(layer) - 1] + bias) * (size_t)sizes[layer]
    FORWARD_LAYERS(STEP)
#undef STEP
    if (common) {
        LEVEL(errors)(lanes + count * BP_LANES, deltas, values, at->targets, n_out, activation, blocks, begin);
    } else {
        LEVEL(errors_any)(lanes + count * BP_LANES, deltas, values, at->targets, n_out, activation, blocks, begin);
        if (sums != NULL) {
            LEVEL(sum_lanes)(sums + count, lanes + count * BP_LANES, 1);
        }
    }
    size_t weights = count; /* where the layer's begin, once it is subtracted */
#define STEP(layer)                                                                                                    \
    LEVEL(backward_step)(&values, &deltas, &weights, sums, lanes, parameters, sizes[(layer) - 1], sizes[layer], bias,  \
                         (layer) > 1 && !common ? activations[(layer) - 2] : BP_SIGMOID, blocks, rest, begin,          \
                         (layer) == 1, common)
    BACKWARD_LAYERS(STEP)
#undef STEP
    if (common && sums != NULL) {
        LEVEL(sum_lanes)(sums, lanes, count + 1);
    }
}

/* --- online: a step after every row --- */

/* w - rate*g, where g is 0.0 + contribution, the sum of lanes of which one is used (§6), times the loss's scale (§7).
 */
#define STEPPED(w, contribution, rate, scale) ((w) - (rate) * ((0.0 + (contribution)) * (scale)))

/* Networks side by side: everything lies as (.., ABREAST), a network to a lane, and `vectors` of them, 1 or 2, go
   together, since one waits for its own results most of the time. */

/* One layer: moves `values` from its inputs to its outputs, and `weights` behind its own. */
INLINE void LEVEL(forward_abreast)(double **values, double **weights, size_t n_in, size_t n_out, uint32_t bias,
                                   uint32_t activation, const size_t vectors) {
    const double *a = *values;
    const double *w = *weights;
    const double *biases = w + n_in * n_out * ABREAST;
    double *outputs = *values + n_in * ABREAST;
    for (size_t j = 0; j < n_out; j++) {
        UNROLL for (size_t v = 0; v < vectors * WIDTH; v += WIDTH) {
            vector acc = bias ? LOAD(biases + j * ABREAST + v) : LOAD(a + v) * LOAD(w + j * ABREAST + v);
            for (size_t i = bias ? 0 : 1; i < n_in; i++) {
                acc = acc + LOAD(a + i * ABREAST + v) * LOAD(w + (i * n_out + j) * ABREAST + v);
            }
            STORE(outputs + j * ABREAST + v, LEVEL(activate)(acc, activation));
        }
    }
    *values = outputs;
    *weights += (n_in + bias) * n_out * ABREAST;
}

/* One layer: the deltas of the layer before, and the step. */
INLINE void LEVEL(backward_abreast)(double **values, double **weights, double **deltas, size_t n_in, size_t n_out,
                                    uint32_t bias, uint32_t activation, const int first, const double *rates,
                                    double scale, const size_t vectors) {
    const double *a = *values - n_in * ABREAST;
    double *w = *weights - (n_in + bias) * n_out * ABREAST;
    const double *d = *deltas;
    double *before = *deltas + n_out * ABREAST;
    for (size_t i = 0; i < n_in && !first; i++) {
        UNROLL for (size_t v = 0; v < vectors * WIDTH; v += WIDTH) {
            const double *own = w + i * n_out * ABREAST + v;
            vector acc = LOAD(own) * LOAD(d + v);
            for (size_t j = 1; j < n_out; j++) {
                acc = acc + LOAD(own + j * ABREAST) * LOAD(d + j * ABREAST + v);
            }
            STORE(before + i * ABREAST + v, acc * LEVEL(slope)(LOAD(a + i * ABREAST + v), activation));
        }
    }
    UNROLL for (size_t v = 0; v < vectors * WIDTH; v += WIDTH) {
        const vector rate = LOAD(rates + v);
        for (size_t i = 0; i < n_in; i++) {
            const vector input = LOAD(a + i * ABREAST + v);
            for (size_t j = 0; j < n_out; j++) {
                double *own = w + (i * n_out + j) * ABREAST + v;
                STORE(own, STEPPED(LOAD(own), input * LOAD(d + j * ABREAST + v), rate, scale));
            }
        }
        for (size_t j = 0; j < bias * n_out; j++) {
            double *own = w + (n_in * n_out + j) * ABREAST + v;
            STORE(own, STEPPED(LOAD(own), LOAD(d + j * ABREAST + v), rate, scale));
        }
    }
    *values -= n_in * ABREAST;
    *weights = w;
    *deltas = before;
}

/* Vectors from lane `lane` on take a row. The memory holds the inputs' and all nodes' outputs, then all nodes' deltas,
   then the targets. */
INLINE void LEVEL(row_abreast)(const abreast *nets, const uint32_t *sizes, const uint32_t *activations, uint32_t layers,
                               uint32_t bias, size_t nodes, size_t lane, const int common, const size_t vectors) {
    const size_t n_out = sizes[layers - 1];
    const uint32_t last_activation = common ? BP_SIGMOID : activations[layers - 2];
    double *values = nets->memory + lane;
    double *weights = nets->parameters + lane;
    double *deltas = values + (sizes[0] + nodes) * ABREAST;
    const double *targets = deltas + nodes * ABREAST;
#define STEP(layer)                                                                                                    \
    LEVEL(forward_abreast)(&values, &weights, sizes[(layer) - 1], sizes[layer], bias,                                  \
                           common ? BP_SIGMOID : activations[(layer) - 1], vectors)
    FORWARD_LAYERS(STEP)
#undef STEP
    UNROLL for (size_t v = 0; v < vectors * WIDTH; v += WIDTH) {
        vector error = broadcast(0.0);
        for (size_t j = 0; j < n_out; j++) {
            const vector y = LOAD(values + j * ABREAST + v);
            const vector e = y - LOAD(targets + j * ABREAST + v);
            error = error + e * e;
            STORE(deltas + j * ABREAST + v, e * LEVEL(slope)(y, last_activation));
        }
        STORE(nets->sse + lane + v, LOAD(nets->sse + lane + v) + error);
    }
#define STEP(layer)                                                                                                    \
    LEVEL(backward_abreast)(&values, &weights, &deltas, sizes[(layer) - 1], sizes[layer], bias,                        \
                            (layer) > 1 && !common ? activations[(layer) - 2] : BP_SIGMOID, (layer) == 1,              \
                            nets->rates + lane, nets->scale, vectors)
    BACKWARD_LAYERS(STEP)
#undef STEP
}

INLINE void LEVEL(online_abreast)(const abreast *nets, const double *inputs, const double *targets,
                                  const uint32_t *sizes, const uint32_t *activations, uint32_t layers, uint32_t bias,
                                  size_t row, size_t rows, const int common) {
    size_t nodes = 0;
#define STEP(layer) nodes += sizes[layer]
    FORWARD_LAYERS(STEP)
#undef STEP
    const size_t n_in = sizes[0];
    const size_t n_out = sizes[layers - 1];
    double *const expected = nets->memory + (n_in + 2 * nodes) * ABREAST;
    for (size_t end = row + rows; row < end; row++) {
        for (size_t i = 0; i < n_in; i++) {
            for (size_t n = 0; n < ABREAST; n++) {
                nets->memory[i * ABREAST + n] = inputs[(nets->in_order ? row : nets->orders[n][row]) * n_in + i];
            }
        }
        for (size_t j = 0; j < n_out; j++) {
            for (size_t n = 0; n < ABREAST; n++) {
                expected[j * ABREAST + n] = targets[(nets->in_order ? row : nets->orders[n][row]) * n_out + j];
            }
        }
        size_t lane = 0;
        for (; lane + 2 * WIDTH <= nets->lanes; lane += 2 * WIDTH) {
            LEVEL(row_abreast)(nets, sizes, activations, layers, bias, nodes, lane, common, 2);
        }
        for (; lane < nets->lanes; lane += WIDTH) {
            LEVEL(row_abreast)(nets, sizes, activations, layers, bias, nodes, lane, common, 1);
        }
    }
}

#if WIDTH <= 4

/* One network, its nodes across the vectors. `values` as above, but each layer begins at a multiple of eight. */
static void LEVEL(online_any)(double *parameters, double *sse, double *values, const uint32_t *order,
                              const double *inputs, const double *targets, const bp_shape *shape, double rate,
                              double scale, size_t row, size_t rows) {
    const uint32_t *sizes = shape->sizes;
    const uint32_t bias = shape->bias;
    const uint32_t last = shape->layers - 1;
    size_t length = 0;
    for (uint32_t layer = 0; layer <= last; layer++) {
        length += PADDED(sizes[layer]);
    }
    memset(values, 0, 2 * length * sizeof(double));
    for (size_t end = row + rows; row < end; row++) {
        const size_t at = order != NULL ? order[row] : row;
        const double *t = targets + at * sizes[last];
        double *a = values;
        double *w = parameters;
        memcpy(a, inputs + at * sizes[0], sizes[0] * sizeof(double));
        for (uint32_t layer = 1; layer <= last; layer++) {
            const size_t n_in = sizes[layer - 1];
            const size_t n_out = sizes[layer];
            const double *biases = w + n_in * n_out;
            double *outputs = a + PADDED(n_in);
            size_t j = 0;
            for (; j + 4 * WIDTH <= n_out; j += 4 * WIDTH) {
                vector acc[4];
                UNROLL for (size_t k = 0; k < 4; k++) {
                    acc[k] = LOAD_ANY((bias ? biases : w) + j + k * WIDTH);
                    acc[k] = bias ? acc[k] : a[0] * acc[k];
                }
                for (size_t i = bias ? 0 : 1; i < n_in; i++) {
                    UNROLL for (size_t k = 0; k < 4; k++) {
                        acc[k] = acc[k] + a[i] * LOAD_ANY(w + i * n_out + j + k * WIDTH);
                    }
                }
                UNROLL for (size_t k = 0; k < 4; k++) {
                    STORE(outputs + j + k * WIDTH, acc[k]);
                }
            }
            for (; j < n_out; j++) {
                double acc = bias ? biases[j] : a[0] * w[j];
                for (size_t i = bias ? 0 : 1; i < n_in; i++) {
                    acc = acc + a[i] * w[i * n_out + j];
                }
                outputs[j] = acc;
            }
            LEVEL(activate_any)(outputs, PADDED(n_out), shape->activations[layer - 1]);
            w += (n_in + bias) * n_out;
            a = outputs;
        }
        double *d = a + length;
        double error = 0.0;
        for (size_t j = 0; j < sizes[last]; j++) {
            const double e = a[j] - t[j];
            error = error + e * e;
            d[j] = e * slope(a[j], shape->activations[last - 1]);
        }
        *sse = *sse + error;
        for (uint32_t layer = last; layer > 0; layer--) {
            const size_t n_in = sizes[layer - 1];
            const size_t n_out = sizes[layer];
            w -= (n_in + bias) * n_out;
            a -= PADDED(n_in);
            double *before = a + length;
            for (size_t i = 0; layer > 1 && i < n_in; i += WIDTH) {
                vector acc = broadcast(0.0);
                for (size_t j = 0; j < n_out; j++) {
                    vector weight = broadcast(0.0);
                    for (size_t k = 0; k < WIDTH && i + k < n_in; k++) {
                        weight[k] = w[(i + k) * n_out + j];
                    }
                    acc = j == 0 ? weight * d[0] : acc + weight * d[j];
                }
                const vector y = LOAD(a + i);
                STORE(before + i, acc * LEVEL(slope)(y, shape->activations[layer - 2]));
            }
            for (size_t i = 0; i < n_in + bias; i++) {
                double *own = w + i * n_out;
                const double input = i < n_in ? a[i] : 1.0; /* 1.0*d is d: the contribution to a bias */
                size_t j = 0;
                for (; j + WIDTH <= n_out; j += WIDTH) {
                    const vector weight = LOAD_ANY(own + j);
                    STORE_ANY(own + j, STEPPED(weight, input * LOAD(d + j), rate, scale));
                }
                for (; j < n_out; j++) {
                    own[j] = STEPPED(own[j], input * d[j], rate, scale);
                }
            }
            d = before;
        }
    }
}

/* 2-4-4-1 of sigmoids, all of it in registers; the second layer's weights also transposed, for its deltas. */
#define QUAD (4 / WIDTH) /* vectors of four nodes */
#define EACH UNROLL for (size_t q = 0; q < QUAD; q++)
#define NODE(v, k) broadcast((v)[(k) / WIDTH][(k) % WIDTH])

INLINE void LEVEL(online_2_4_4_1)(double *parameters, double *sse, const uint32_t *order, const double *inputs,
                                  const double *targets, const int bias, double rate, double scale, size_t row,
                                  size_t rows) {
    double *p1 = parameters;
    double *p2 = p1 + (bias ? 12 : 8);
    double *p3 = p2 + (bias ? 20 : 16);
    vector w1[2][QUAD], b1[QUAD], w2[4][QUAD], b2[QUAD], columns[4][QUAD], w3[QUAD], b3;
    EACH {
        UNROLL for (size_t i = 0; i < 4; i++) {
            w2[i][q] = LOAD_ANY(p2 + 4 * i + q * WIDTH);
            for (size_t k = 0; k < WIDTH; k++) {
                columns[i][q][k] = p2[4 * (q * WIDTH + k) + i];
            }
        }
        w1[0][q] = LOAD_ANY(p1 + q * WIDTH);
        w1[1][q] = LOAD_ANY(p1 + 4 + q * WIDTH);
        w3[q] = LOAD_ANY(p3 + q * WIDTH);
        b1[q] = bias ? LOAD_ANY(p1 + 8 + q * WIDTH) : broadcast(0.0);
        b2[q] = bias ? LOAD_ANY(p2 + 16 + q * WIDTH) : broadcast(0.0);
    }
    b3 = broadcast(bias ? p3[4] : 0.0);
    double total = *sse;
    for (size_t end = row + rows; row < end; row++) {
        const size_t at = order != NULL ? order[row] : row;
        const double x0 = inputs[2 * at];
        const double x1 = inputs[2 * at + 1];
        vector a1[QUAD], a2[QUAD], d1[QUAD], d2[QUAD];
        EACH {
            vector acc = x0 * w1[0][q];
            acc = (bias ? b1[q] + acc : acc) + x1 * w1[1][q];
            a1[q] = LEVEL(sigmoid)(acc);
        }
        EACH {
            vector acc = NODE(a1, 0) * w2[0][q];
            acc = bias ? b2[q] + acc : acc;
            UNROLL for (size_t i = 1; i < 4; i++) {
                acc = acc + NODE(a1, i) * w2[i][q];
            }
            a2[q] = LEVEL(sigmoid)(acc);
        }
        vector products[QUAD];
        EACH {
            products[q] = a2[q] * w3[q];
        }
        vector acc = bias ? b3 + NODE(products, 0) : NODE(products, 0);
        UNROLL for (size_t i = 1; i < 4; i++) {
            acc = acc + NODE(products, i);
        }
        const vector y = LEVEL(sigmoid)(acc);
        const vector e = y - targets[at];
        const vector d3 = e * (y * (1.0 - y));
        total = total + (e * e)[0];
        EACH {
            d2[q] = (w3[q] * d3) * (a2[q] * (1.0 - a2[q]));
        }
        EACH {
            vector sum = columns[0][q] * NODE(d2, 0);
            UNROLL for (size_t j = 1; j < 4; j++) {
                sum = sum + columns[j][q] * NODE(d2, j);
            }
            d1[q] = sum * (a1[q] * (1.0 - a1[q]));
        }
        EACH {
            w1[0][q] = STEPPED(w1[0][q], x0 * d1[q], rate, scale);
            w1[1][q] = STEPPED(w1[1][q], x1 * d1[q], rate, scale);
            UNROLL for (size_t i = 0; i < 4; i++) {
                w2[i][q] = STEPPED(w2[i][q], NODE(a1, i) * d2[q], rate, scale);
                columns[i][q] = STEPPED(columns[i][q], a1[q] * NODE(d2, i), rate, scale);
            }
            w3[q] = STEPPED(w3[q], a2[q] * d3, rate, scale);
            if (bias) {
                b1[q] = STEPPED(b1[q], d1[q], rate, scale);
                b2[q] = STEPPED(b2[q], d2[q], rate, scale);
            }
        }
        b3 = bias ? STEPPED(b3, d3, rate, scale) : b3;
    }
    *sse = total;
    EACH {
        UNROLL for (size_t i = 0; i < 4; i++) {
            STORE_ANY(p2 + 4 * i + q * WIDTH, w2[i][q]);
        }
        STORE_ANY(p1 + q * WIDTH, w1[0][q]);
        STORE_ANY(p1 + 4 + q * WIDTH, w1[1][q]);
        STORE_ANY(p3 + q * WIDTH, w3[q]);
        if (bias) {
            STORE_ANY(p1 + 8 + q * WIDTH, b1[q]);
            STORE_ANY(p2 + 16 + q * WIDTH, b2[q]);
        }
    }
    if (bias) {
        p3[4] = b3[0];
    }
}

#undef QUAD
#undef EACH
#undef NODE

static void LEVEL(online_home)(double *parameters, double *sse, double *values, const uint32_t *order,
                               const double *inputs, const double *targets, const bp_shape *shape, double rate,
                               double scale, size_t row, size_t rows) {
    (void)values;
    if (shape->bias) {
        LEVEL(online_2_4_4_1)(parameters, sse, order, inputs, targets, 1, rate, scale, row, rows);
    } else {
        LEVEL(online_2_4_4_1)(parameters, sse, order, inputs, targets, 0, rate, scale, row, rows);
    }
}

#endif

/* --- the passes, by shape --- */

static double *LEVEL(forward_other)(double *values, const double *parameters, const bp_shape *shape, size_t blocks,
                                    size_t rest) {
    return LEVEL(forward_chunk)(values, parameters, shape->sizes, shape->activations, shape->layers, shape->bias,
                                blocks, rest, 0);
}

static void LEVEL(chunk_other)(const chunk *at, double *sums, const double *parameters, const bp_shape *shape,
                               size_t rows, int begin) {
    LEVEL(train_chunk)(at, sums, parameters, shape->sizes, shape->activations, shape->layers, shape->bias, rows, begin,
                       0);
}

static void LEVEL(abreast_other)(const abreast *nets, const double *inputs, const double *targets,
                                 const bp_shape *shape, size_t row, size_t rows) {
    LEVEL(online_abreast)(nets, inputs, targets, shape->sizes, shape->activations, shape->layers, shape->bias, row,
                          rows, 0);
}

/* The same with a shape that the compiler knows, all of it sigmoid. */
#define COMMON_SHAPE(name, layers, ...)                                                                                \
    static double *LEVEL(forward_##name)(double *values, const double *parameters, const bp_shape *shape,              \
                                         size_t blocks, size_t rest) {                                                 \
        static const uint32_t sizes[layers] = {__VA_ARGS__};                                                           \
        return shape->bias ? LEVEL(forward_chunk)(values, parameters, sizes, NULL, layers, 1, blocks, rest, 1)         \
                           : LEVEL(forward_chunk)(values, parameters, sizes, NULL, layers, 0, blocks, rest, 1);        \
    }                                                                                                                  \
    static void LEVEL(chunk_##name)(const chunk *at, double *sums, const double *parameters, const bp_shape *shape,    \
                                    size_t rows, int begin) {                                                          \
        static const uint32_t sizes[layers] = {__VA_ARGS__};                                                           \
        if (shape->bias) {                                                                                             \
            LEVEL(train_chunk)(at, sums, parameters, sizes, NULL, layers, 1, rows, begin, 1);                          \
        } else {                                                                                                       \
            LEVEL(train_chunk)(at, sums, parameters, sizes, NULL, layers, 0, rows, begin, 1);                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void LEVEL(abreast_##name)(const abreast *nets, const double *inputs, const double *targets,                \
                                      const bp_shape *shape, size_t row, size_t rows) {                                \
        static const uint32_t sizes[layers] = {__VA_ARGS__};                                                           \
        if (shape->bias) {                                                                                             \
            LEVEL(online_abreast)(nets, inputs, targets, sizes, NULL, layers, 1, row, rows, 1);                        \
        } else {                                                                                                       \
            LEVEL(online_abreast)(nets, inputs, targets, sizes, NULL, layers, 0, row, rows, 1);                        \
        }                                                                                                              \
    }

COMMON_SHAPE(2_2_1, 3, 2, 2, 1)
COMMON_SHAPE(2_4_1, 3, 2, 4, 1)
COMMON_SHAPE(2_4_4_1, 4, 2, 4, 4, 1)

/* In the order of common_shape; the first is for all other shapes. */
static const simd_kernel LEVEL(kernels)[COMMON_SHAPES + 1] = {
    {BASE, LEVEL(forward_other), LEVEL(chunk_other), NARROW(online_any), LEVEL(abreast_other)},
    {BASE, LEVEL(forward_2_2_1), LEVEL(chunk_2_2_1), NARROW(online_any), LEVEL(abreast_2_2_1)},
    {BASE, LEVEL(forward_2_4_1), LEVEL(chunk_2_4_1), NARROW(online_any), LEVEL(abreast_2_4_1)},
    {BASE, LEVEL(forward_2_4_4_1), LEVEL(chunk_2_4_4_1), NARROW(online_home), LEVEL(abreast_2_4_4_1)},
};

#undef COMMON_SHAPE
#undef STEPPED
#undef broadcast
#undef PICK
#undef FORWARD_LAYERS
#undef BACKWARD_LAYERS
#undef STORE
#undef LOAD
#undef LOAD_ANY
#undef STORE_ANY
#undef PARTS
#undef mask
#undef vector
