/* SPDX-License-Identifier: MIT */
/*
 * Rows across the vector: a batch, whole or in chunks, goes through the network layer by layer. Eight rows are a block:
 * row i of a batch is lane i mod 8 (§6), so a lane of a vector is a lane of the contract. A layer's values lie as
 * (block, node, 8 lanes). In a short last block the inputs, outputs and deltas of the padding lanes are +0.0, so that
 * each of their contributions is a zero, which changes no lane: a lane is never -0.0, since it starts at +0.0.
 */

/* Parameters that come again and again: `blocks` of rows in the chunk; `rest`, rows in its last block, 0 = all eight;
   `begin`, whether the batch begins with the chunk, so that lanes start at +0.0; `sums`, where the batch also ends with
   it and the lanes are to be summed, else NULL; `common`, a shape known to the compiler, all of it sigmoid. */

/* Nodes (COLUMNS) and blocks (BLOCKS; for a single node BLOCKS_MOST) that a tile of the forward and backward passes
   keeps in registers, and inputs times deltas that one of the gradient keeps. */
#undef COLUMNS
#undef BLOCKS
#undef BLOCKS_MOST
#undef GRADIENT_COLUMNS
#define GRADIENT_ROWS 4U
#if WIDTH == 8
#define COLUMNS 4U
#define BLOCKS 4U
#define BLOCKS_MOST 4U
#define GRADIENT_COLUMNS 4U
#elif WIDTH == 4
#define COLUMNS 4U
#define BLOCKS 1U
#define BLOCKS_MOST 2U
#define GRADIENT_COLUMNS 2U
#else
#define COLUMNS 2U
#define BLOCKS 1U
#define BLOCKS_MOST 1U
#define GRADIENT_COLUMNS 2U
#endif

/* --- padding --- */

/* Makes the padding lanes of the last block +0.0, where only `rest` of its lanes are rows (0 = all). */
INLINE void LEVEL(clear_padding)(double *values, size_t blocks, size_t nodes, size_t rest) {
    static const int64_t keep[2 * BP_LANES] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    if (rest == 0) {
        return;
    }
    double *last = values + (blocks - 1) * SPAN(nodes) * BP_LANES;
    for (size_t part = 0; part < PARTS; part++) {
        mask kept;
        memcpy(&kept, keep + BP_LANES - rest + part * WIDTH, sizeof kept);
        for (size_t i = 0; i < nodes; i++) {
            double *node = last + i * BP_LANES + part * WIDTH;
            STORE(node, (vector)((mask)LOAD(node) & kept));
        }
    }
}

/* --- §4 forward --- */

/* Pre-activations of `columns` nodes in `blocks` blocks: both are constants where this is inlined. */
INLINE void LEVEL(forward_tile)(double *outputs, const double *inputs, const double *weights, size_t stride,
                                const double *biases, size_t n_in, size_t n_out, const size_t columns,
                                const size_t blocks) {
    vector acc[COLUMNS][BLOCKS_MOST * PARTS];
    UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
        const double *in = inputs + (b / PARTS * SPAN(n_in)) * BP_LANES + b % PARTS * WIDTH;
        UNROLL for (size_t j = 0; j < columns; j++) {
            acc[j][b] = biases != NULL ? broadcast(biases[j]) : LOAD(in) * weights[j];
        }
    }
    for (size_t i = biases != NULL ? 0 : 1; i < n_in; i++) {
        UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
            const vector a = LOAD(inputs + (b / PARTS * SPAN(n_in) + i) * BP_LANES + b % PARTS * WIDTH);
            UNROLL for (size_t j = 0; j < columns; j++) {
                acc[j][b] = acc[j][b] + a * weights[i * stride + j];
            }
        }
    }
    UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
        UNROLL for (size_t j = 0; j < columns; j++) {
            STORE(outputs + (b / PARTS * SPAN(n_out) + j) * BP_LANES + b % PARTS * WIDTH, acc[j][b]);
        }
    }
}

INLINE void LEVEL(forward_columns)(double *outputs, const double *inputs, const double *weights, size_t stride,
                                   const double *biases, size_t n_in, size_t n_out, size_t blocks, const size_t columns,
                                   const size_t tile) {
    size_t b = 0;
    for (; b + tile <= blocks; b += tile) {
        LEVEL(forward_tile)(outputs + b * SPAN(n_out) * BP_LANES, inputs + b * SPAN(n_in) * BP_LANES, weights, stride,
                            biases, n_in, n_out, columns, tile);
    }
    for (; b < blocks; b++) {
        LEVEL(forward_tile)(outputs + b * SPAN(n_out) * BP_LANES, inputs + b * SPAN(n_in) * BP_LANES, weights, stride,
                            biases, n_in, n_out, columns, 1);
    }
}

/* `panel`: memory for eight columns of the weights, which are read anew for each tile of blocks and lie far from each
   other in a wide layer; NULL = take the weights where they are. */
INLINE void LEVEL(forward_layer)(double *outputs, double *panel, const double *inputs, const double *weights,
                                 size_t n_in, size_t n_out, uint32_t bias, size_t blocks, const size_t tile) {
    const double *biases = bias ? weights + n_in * n_out : NULL;
    size_t j = 0;
    for (; j + COLUMNS <= n_out; j += COLUMNS) {
        if (panel != NULL && j % PANEL == 0) {
            const size_t columns = n_out - j < PANEL ? n_out - j : PANEL;
            for (size_t i = 0; i < n_in; i++) {
                memcpy(panel + i * PANEL, weights + i * n_out + j, columns * sizeof(double));
            }
        }
        LEVEL(forward_columns)(outputs + j * BP_LANES, inputs, panel != NULL ? panel + j % PANEL : weights + j,
                               panel != NULL ? PANEL : n_out, bias ? biases + j : NULL, n_in, n_out, blocks, COLUMNS,
                               tile);
    }
    for (; j < n_out; j++) {
        LEVEL(forward_columns)(outputs + j * BP_LANES, inputs, weights + j, n_out, bias ? biases + j : NULL, n_in,
                               n_out, blocks, 1, BLOCKS_MOST);
    }
}

static void LEVEL(forward_any)(double *outputs, double *panel, const double *inputs, const double *weights, size_t n_in,
                               size_t n_out, uint32_t bias, uint32_t activation, size_t blocks) {
    const int far = blocks > BLOCKS && n_out > 4 * PANEL; /* else copying takes longer than it saves */
    LEVEL(forward_layer)(outputs, far ? panel : NULL, inputs, weights, n_in, n_out, bias, blocks, BLOCKS);
    LEVEL(activate_any)(outputs, blocks * SPAN(n_out) * BP_LANES, activation);
}

/* One layer of a chunk: moves `values` from its inputs to its outputs, and `weights` behind its own. */
INLINE void LEVEL(forward_step)(double **values, double *panel, const double **weights, size_t n_in, size_t n_out,
                                uint32_t bias, uint32_t activation, size_t blocks, size_t rest, const int last,
                                const int common) {
    double *outputs = *values + CHUNK * SPAN(n_in) * BP_LANES;
    if (common) {
        LEVEL(forward_layer)(outputs, NULL, *values, *weights, n_in, n_out, bias, blocks, 1);
        LEVEL(activate_layer)(outputs, blocks * SPAN(n_out) * BP_LANES, BP_SIGMOID, 1);
    } else {
        LEVEL(forward_any)(outputs, panel, *values, *weights, n_in, n_out, bias, activation, blocks);
    }
    if (!common || last) {
        LEVEL(clear_padding)(outputs, blocks, n_out, rest);
    }
    *weights += (n_in + bias) * n_out;
    *values = outputs;
}

/* All layers of a chunk whose inputs stand at `values`; the outputs follow, layer by layer, CHUNK blocks each.
   Returns where the last layer's stand. `common` = a shape known to the compiler, all of it sigmoid. */
INLINE double *LEVEL(forward_chunk)(double *values, double *panel, const double *weights, const uint32_t *sizes,
                                    const uint32_t *activations, uint32_t last, uint32_t layers, uint32_t bias,
                                    size_t blocks, size_t rest, const int common) {
#define STEP(layer)                                                                                                    \
    LEVEL(forward_step)(&values, panel, &weights, sizes[(layer) - 1], sizes[layer], bias,                              \
                        common                  ? BP_SIGMOID                                                           \
                        : (layer) == layers - 1 ? last                                                                 \
                                                : activations[(layer) - 1],                                            \
                        blocks, rest, (layer) == layers - 1, common)
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

/* Reads up to seven parameters' lanes more than `count`, and drops their sums: behind the lanes there is other memory
   of the scratch. */
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
            const double *a = inputs + b * SPAN(n_in) * BP_LANES + part * WIDTH;
            const double *d = deltas + b * SPAN(n_out) * BP_LANES + part * WIDTH;
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

/* Adds the blocks' deltas to the lanes of the biases. */
INLINE void LEVEL(gradient_biases)(double *biases, const double *deltas, size_t n_out, size_t blocks, int begin) {
    for (size_t k = 0; k < n_out * BP_LANES; k += WIDTH) {
        vector acc = begin ? broadcast(0.0) : LOAD(biases + k);
        for (size_t b = 0; b < blocks; b++) {
            acc = acc + LOAD(deltas + b * SPAN(n_out) * BP_LANES + k);
        }
        STORE(biases + k, acc);
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
        double *row_lanes = reuse ? lanes : lanes + i * n_out * BP_LANES;
        double *bias_lanes = small && i == 0 ? biases : NULL; /* more than the registers of a whole tile hold */
        if (rows == GRADIENT_ROWS) {
            LEVEL(gradient_rows)(row_lanes, bias_lanes, inputs + i * BP_LANES, deltas, n_in, n_out, blocks, begin,
                                 GRADIENT_ROWS);
        } else if (rows == 2) {
            LEVEL(gradient_rows)(row_lanes, bias_lanes, inputs + i * BP_LANES, deltas, n_in, n_out, blocks, begin, 2);
        } else {
            LEVEL(gradient_rows)(row_lanes, bias_lanes, inputs + i * BP_LANES, deltas, n_in, n_out, blocks, begin, 1);
        }
        if (sums != NULL) {
            LEVEL(sum_lanes)(sums + i * n_out, row_lanes, rows * n_out);
        }
        i += rows;
    }
    if (bias && !small) {
        LEVEL(gradient_biases)(biases, deltas, n_out, blocks, begin);
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
        const vector d = LOAD(next + (b / PARTS * SPAN(n_out)) * BP_LANES + b % PARTS * WIDTH);
        UNROLL for (size_t i = 0; i < columns; i++) {
            acc[i][b] = d * weights[i * n_out];
        }
    }
    for (size_t j = 1; j < n_out; j++) {
        UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
            const vector d = LOAD(next + (b / PARTS * SPAN(n_out) + j) * BP_LANES + b % PARTS * WIDTH);
            UNROLL for (size_t i = 0; i < columns; i++) {
                acc[i][b] = acc[i][b] + d * weights[i * n_out + j];
            }
        }
    }
    UNROLL for (size_t b = 0; b < blocks * PARTS; b++) {
        UNROLL for (size_t i = 0; i < columns; i++) {
            const size_t place = (b / PARTS * SPAN(n_in) + i) * BP_LANES + b % PARTS * WIDTH;
            STORE(deltas + place, acc[i][b] * LEVEL(slope)(LOAD(outputs + place), activation));
        }
    }
}

INLINE void LEVEL(backward_layer)(double *deltas, const double *outputs, const double *next, const double *weights,
                                  size_t n_in, size_t n_out, uint32_t activation, size_t blocks, const size_t tile) {
    size_t i = 0;
    for (; i + COLUMNS <= n_in; i += COLUMNS) {
        size_t b = 0;
        for (; b + tile <= blocks; b += tile) {
            const size_t place = (b * SPAN(n_in) + i) * BP_LANES;
            LEVEL(backward_tile)(deltas + place, outputs + place, next + b * SPAN(n_out) * BP_LANES,
                                 weights + i * n_out, n_in, n_out, activation, COLUMNS, tile);
        }
        for (; tile > 1 && b < blocks; b++) {
            const size_t place = (b * SPAN(n_in) + i) * BP_LANES;
            LEVEL(backward_tile)(deltas + place, outputs + place, next + b * SPAN(n_out) * BP_LANES,
                                 weights + i * n_out, n_in, n_out, activation, COLUMNS, 1);
        }
    }
    for (; i < n_in; i++) {
        for (size_t b = 0; b < blocks; b++) {
            const size_t place = (b * SPAN(n_in) + i) * BP_LANES;
            LEVEL(backward_tile)(deltas + place, outputs + place, next + b * SPAN(n_out) * BP_LANES,
                                 weights + i * n_out, n_in, n_out, activation, 1, 1);
        }
    }
}

static void LEVEL(backward_any)(double *deltas, const double *outputs, const double *next, const double *weights,
                                size_t n_in, size_t n_out, uint32_t activation, size_t blocks) {
    switch (activation) {
#define CASE(code)                                                                                                     \
    case code:                                                                                                         \
        LEVEL(backward_layer)(deltas, outputs, next, weights, n_in, n_out, code, blocks, BLOCKS);                      \
        break;
        EACH_CURVED_ACTIVATION(CASE)
        CASE(BP_IDENTITY)
#undef CASE
    }
}

static void LEVEL(gradient_any)(double *sums, double *lanes, const double *inputs, const double *deltas, size_t n_in,
                                size_t n_out, uint32_t bias, size_t blocks, int begin) {
    LEVEL(gradient_layer)(sums, lanes, inputs, deltas, n_in, n_out, bias, blocks, begin, 0);
}

/* The lanes of the error and, where `deltas` is not NULL, the last layer's deltas. */
static void LEVEL(errors)(double *lanes, double *deltas, const double *outputs, const double *targets, size_t n_out,
                          uint32_t activation, size_t blocks, int begin) {
    UNROLL for (size_t part = 0; part < PARTS; part++) {
        vector lane = begin ? broadcast(0.0) : LOAD(lanes + part * WIDTH);
        for (size_t b = 0; b < blocks; b++) {
            vector acc = broadcast(0.0);
            for (size_t j = 0; j < n_out; j++) {
                const size_t place = (b * SPAN(n_out) + j) * BP_LANES + part * WIDTH;
                const vector delta = LEVEL(output)(&acc, LOAD(outputs + place), LOAD(targets + place), activation);
                if (deltas != NULL) {
                    STORE(deltas + place, delta);
                }
            }
            lane = lane + acc;
        }
        STORE(lanes + part * WIDTH, lane);
    }
}

static void LEVEL(add_errors)(double *lanes, const double *outputs, const double *targets, size_t n_out,
                              size_t blocks) {
    LEVEL(errors)(lanes, NULL, outputs, targets, n_out, BP_IDENTITY, blocks, 0);
}

/* One layer of a chunk, whose outputs and deltas are there: its lanes, and the deltas of the layer before. */
INLINE void LEVEL(backward_step)(double **values, double **deltas, size_t *weights, double *sums, double *lanes,
                                 const double *parameters, size_t n_in, size_t n_out, uint32_t bias,
                                 uint32_t activation, size_t blocks, size_t rest, int begin, const int first) {
    double *inputs = *values - CHUNK * SPAN(n_in) * BP_LANES;
    double *before = *deltas + CHUNK * SPAN(n_out) * BP_LANES;
    *weights -= (n_in + bias) * n_out;
    LEVEL(gradient_any)(sums != NULL ? sums + *weights : NULL, lanes + *weights * BP_LANES, inputs, *deltas, n_in,
                        n_out, bias, blocks, begin);
    if (!first) {
        LEVEL(backward_any)(before, inputs, *deltas, parameters + *weights, n_in, n_out, activation, blocks);
        LEVEL(clear_padding)(before, blocks, n_in, rest);
    }
    *values = inputs;
    *deltas = before;
}

/* A chunk of a batch, whose inputs and targets are loaded: forward, backward, lanes; and the sums, where the batch ends
   with it (`sums` not NULL). `begin` = it begins with it. */
INLINE void LEVEL(train_chunk)(const chunk *memory, double *sums, const double *parameters, const uint32_t *sizes,
                               const uint32_t *activations, uint32_t layers, uint32_t bias, size_t rows, int begin) {
    const size_t blocks = (rows + BP_LANES - 1) / BP_LANES;
    const size_t rest = rows % BP_LANES;
    double *deltas = memory->deltas;
    const uint32_t last = activations[layers - 2];
    const int squared = in_vectors(memory->loss, memory->of_rows);
    double *values = LEVEL(forward_chunk)(memory->values, memory->panel, parameters, sizes, activations,
                                          squared ? last : BP_IDENTITY, layers, bias, blocks, rest, 0);
    size_t weights = 0; /* where the layer's begin, once it is subtracted */
    for (uint32_t layer = 1; layer < layers; layer++) {
        weights += (sizes[layer - 1] + bias) * (size_t)sizes[layer];
    }
    double *errors = memory->lanes + weights * BP_LANES;
    if (squared) {
        LEVEL(errors)(errors, deltas, values, memory->targets, sizes[layers - 1], last, blocks, begin);
    } else {
        if (begin) {
            clear_lanes(errors, 1);
        }
        finish_rows(errors, deltas, memory->row, values, memory->targets, memory->of_rows, sizes[layers - 1], last,
                    memory->loss, rows);
    }
    if (sums != NULL) {
        LEVEL(sum_lanes)(sums + weights, errors, 1);
    }
    for (uint32_t layer = layers - 1; layer > 0; layer--) {
        LEVEL(backward_step)(&values, &deltas, &weights, sums, memory->lanes, parameters, sizes[layer - 1],
                             sizes[layer], bias, layer > 1 ? activations[layer - 2] : BP_IDENTITY, blocks, rest, begin,
                             layer == 1);
    }
}
