/* SPDX-License-Identifier: MIT */
/*
 * Rows across the vector for the common shapes, which the compiler knows: all of it sigmoid, with a squared error.
 * Where parameters and inputs are known to be small, sigmoids need no clamp and padding no clearing; and the way back
 * is two passes of several layers' work each.
 */

/* Whether the magnitudes of all values are below `limit`: a NaN's is not. */
static int LEVEL(are_within)(const double *values, size_t count, double limit) {
    vector x[1];
    size_t k = 0;
    int within = 1;
    for (; k + WIDTH <= count; k += WIDTH) {
        x[0] = LOAD_ANY(values + k);
        within &= !LEVEL(any_beyond)(x, limit, 1);
    }
    for (; k < count; k++) {
        within &= values[k] < limit && values[k] > -limit;
    }
    return within;
}

/* The greatest magnitude of `count` values, a multiple of WIDTH; a NaN has none. */
static APART double LEVEL(greatest)(const double *values, size_t count) {
    vector greatest = broadcast(0.0);
    for (size_t k = 0; k < count; k += WIDTH) {
        greatest = MAX(LEVEL(magnitude)(LOAD(values + k)), greatest);
    }
    double most = greatest[0];
    for (size_t i = 1; i < WIDTH; i++) {
        most = greatest[i] > most ? greatest[i] : most;
    }
    return most;
}

/* Parameters below this give no infinity or NaN in the padding of a common shape, where inputs, targets and so deltas
   are zeros: no padding has to be cleared on the way back. */
#define SAFE 1e100

/* Within these bounds no pre-activation of a common shape exceeds 708, as a sum of at most four inputs times weights
   and a bias; sigmoids then need no clamp, and hidden padding is safe without being cleared. `reach`: the greatest
   magnitude of an input; one that is NaN makes NaN of its own row only, clamped or not. A parameter that is NaN is not
   within. */
static APART int LEVEL(is_tame)(const double *parameters, const uint32_t *sizes, uint32_t layers, uint32_t bias,
                                double reach) {
    const size_t first = (sizes[0] + bias) * (size_t)sizes[1];
    size_t count = first;
    for (uint32_t layer = 2; layer < layers; layer++) {
        count += (sizes[layer - 1] + bias) * (size_t)sizes[layer];
    }
    return LEVEL(are_within)(parameters, first, 700.0 / (2.0 * reach + 1.0)) &&
           LEVEL(are_within)(parameters + first, count - first, 140.0);
}

/* The lanes of the error and of the last layer, which has one node, and the deltas of the `n_in` nodes before it. */
INLINE void LEVEL(last_layer)(double *errors, double *lanes, double *before, const double *inputs,
                              const double *outputs, const double *targets, const double *weights, const size_t n_in,
                              const uint32_t bias, size_t blocks, int begin) {
    UNROLL for (size_t part = 0; part < PARTS; part++) {
        const size_t offset = part * WIDTH;
        vector acc[5], error = begin ? broadcast(0.0) : LOAD(errors + offset);
        UNROLL for (size_t i = 0; i < n_in + bias; i++) {
            acc[i] = begin ? broadcast(0.0) : LOAD(lanes + i * BP_LANES + offset);
        }
        for (size_t b = 0; b < blocks; b++) {
            const double *a = inputs + b * n_in * BP_LANES + offset;
            double *d = before + b * n_in * BP_LANES + offset;
            vector squared = broadcast(0.0);
            const vector delta = LEVEL(output)(&squared, LOAD(outputs + b * BP_LANES + offset),
                                               LOAD(targets + b * BP_LANES + offset), BP_SIGMOID);
            error = error + squared;
            UNROLL for (size_t i = 0; i < n_in; i++) {
                const vector y = LOAD(a + i * BP_LANES);
                acc[i] = acc[i] + y * delta;
                STORE(d + i * BP_LANES, (delta * weights[i]) * LEVEL(slope)(y, BP_SIGMOID));
            }
            if (bias) {
                acc[n_in] = acc[n_in] + delta;
            }
        }
        STORE(errors + offset, error);
        UNROLL for (size_t i = 0; i < n_in + bias; i++) {
            STORE(lanes + i * BP_LANES + offset, acc[i]);
        }
    }
}

/* The lanes of `nodes` nodes of the first layer, of 2 inputs and `n_out` nodes in all, whose deltas are not stored. */
INLINE void LEVEL(first_nodes)(double *lanes, const double *inputs, const double *outputs, const double *next,
                               const double *weights, const size_t nodes, const size_t n_out, const size_t n_next,
                               const uint32_t bias, size_t blocks, int begin) {
    vector acc[3][4];
    UNROLL for (size_t i = 0; i < 2 + bias; i++) {
        UNROLL for (size_t j = 0; j < nodes; j++) {
            acc[i][j] = begin ? broadcast(0.0) : LOAD(lanes + (i * n_out + j) * BP_LANES);
        }
    }
    for (size_t b = 0; b < blocks; b++) {
        const double *x = inputs + b * 2 * BP_LANES;
        const double *d = next + b * n_next * BP_LANES;
        UNROLL for (size_t j = 0; j < nodes; j++) {
            const vector y = LOAD(outputs + (b * n_out + j) * BP_LANES);
            vector delta = LOAD(d) * weights[j * n_next];
            UNROLL for (size_t k = 1; k < n_next; k++) {
                delta = delta + LOAD(d + k * BP_LANES) * weights[j * n_next + k];
            }
            delta = delta * LEVEL(slope)(y, BP_SIGMOID);
            acc[0][j] = acc[0][j] + LOAD(x) * delta;
            acc[1][j] = acc[1][j] + LOAD(x + BP_LANES) * delta;
            if (bias) {
                acc[2][j] = acc[2][j] + delta;
            }
        }
    }
    UNROLL for (size_t i = 0; i < 2 + bias; i++) {
        UNROLL for (size_t j = 0; j < nodes; j++) {
            STORE(lanes + (i * n_out + j) * BP_LANES, acc[i][j]);
        }
    }
}

/* The lanes of the whole first layer: as many nodes at a time as registers hold. */
INLINE void LEVEL(first_layer)(double *lanes, const double *inputs, const double *outputs, const double *next,
                               const double *weights, const size_t n_out, const size_t n_next, const uint32_t bias,
                               size_t blocks, int begin) {
    const size_t nodes = WIDTH == 8 ? n_out : 2;
    UNROLL for (size_t part = 0; part < BP_LANES; part += WIDTH) {
        UNROLL for (size_t j = 0; j < n_out; j += nodes) {
            LEVEL(first_nodes)(lanes + j * BP_LANES + part, inputs + part, outputs + j * BP_LANES + part, next + part,
                               weights + j * n_next, nodes, n_out, n_next, bias, blocks, begin);
        }
    }
}

/* What follows forward_chunk in a pass over a chunk of a common shape that is tame: lanes and, as in train_chunk, their
   sums. */
INLINE void LEVEL(backward_common)(const chunk *memory, double *sums, const double *parameters, const double *outputs,
                                   const uint32_t *sizes, const uint32_t layers, const uint32_t bias, size_t blocks,
                                   int begin) {
    const size_t first = (sizes[0] + bias) * (size_t)sizes[1];
    const size_t last = layers > 3 ? first + (sizes[1] + bias) * (size_t)sizes[2] : first;
    const size_t n_last = sizes[layers - 2];
    double *lanes = memory->lanes;
    double *deltas = memory->deltas;
    const double *hidden = memory->values + CHUNK * sizes[0] * BP_LANES;
    const double *before = layers > 3 ? hidden + CHUNK * sizes[1] * BP_LANES : hidden;
    LEVEL(last_layer)(lanes + (last + n_last + bias) * BP_LANES, lanes + last * BP_LANES, deltas, before, outputs,
                      memory->targets, parameters + last, n_last, bias, blocks, begin);
    if (layers > 3) {
        LEVEL(gradient_layer)(NULL, lanes + first * BP_LANES, hidden, deltas, sizes[1], sizes[2], bias, blocks, begin,
                              1);
        LEVEL(first_layer)(lanes, memory->values, hidden, deltas, parameters + first, sizes[1], sizes[2], bias, blocks,
                           begin);
    } else {
        LEVEL(gradient_layer)(NULL, lanes, memory->values, deltas, sizes[0], sizes[1], bias, blocks, begin, 1);
    }
    if (sums != NULL) {
        LEVEL(sum_lanes)(sums, lanes, last + n_last + bias + 1);
    }
}
