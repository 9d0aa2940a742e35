/* SPDX-License-Identifier: MIT */
/*
 * Networks across the vector: online trainings of several networks on the same rows. Everything lies as (..,
 * SIDE_BY_SIDE), a network to a lane, and `vectors` of them, 1 or 2, go together, since one waits for its weight
 * results most of the time. With a `common` shape steps are plain: the caller sees to what STEPPED_PLAINLY needs, or
 * takes another kernel.
 */

/* Outputs of `nodes` nodes from node j on. */
INLINE void LEVEL(forward_nodes)(double *outputs, const double *a, const double *w, const double *biases, size_t j,
                                 size_t n_in, size_t n_out, uint32_t bias, uint32_t activation, const size_t vectors,
                                 const size_t nodes) {
    vector acc[LOCKSTEP];
    UNROLL for (size_t n = 0; n < nodes * vectors; n++) {
        const size_t lane = n % vectors * WIDTH;
        const size_t node = (j + n / vectors) * SIDE_BY_SIDE + lane;
        acc[n] = bias ? LOAD(biases + node) : LOAD(a + lane) * LOAD(w + node);
        for (size_t i = bias ? 0 : 1; i < n_in; i++) {
            acc[n] = acc[n] + LOAD(a + i * SIDE_BY_SIDE + lane) * LOAD(w + i * n_out * SIDE_BY_SIDE + node);
        }
    }
    LEVEL(activate)(acc, nodes * vectors, activation, 0);
    UNROLL for (size_t n = 0; n < nodes * vectors; n++) {
        STORE(outputs + (j + n / vectors) * SIDE_BY_SIDE + n % vectors * WIDTH, acc[n]);
    }
}

/* One layer: moves `values` from its inputs to its outputs, and `weights` behind its weight. */
INLINE void LEVEL(forward_side_by_side)(double **values, double **weights, size_t n_in, size_t n_out, uint32_t bias,
                                        uint32_t activation, const int common, const size_t vectors) {
    const size_t together = common ? LOCKSTEP / vectors : 1;
    const double *a = *values;
    const double *w = *weights;
    const double *biases = w + n_in * n_out * SIDE_BY_SIDE;
    double *outputs = *values + n_in * SIDE_BY_SIDE;
    size_t j = 0;
    for (; common && j + together <= n_out; j += together) {
        LEVEL(forward_nodes)(outputs, a, w, biases, j, n_in, n_out, bias, activation, vectors, together);
    }
    for (; j < n_out; j++) {
        LEVEL(forward_nodes)(outputs, a, w, biases, j, n_in, n_out, bias, activation, vectors, 1);
    }
    *values = outputs;
    *weights += (n_in + bias) * n_out * SIDE_BY_SIDE;
}

/* One layer: the deltas of the layer before, and the step. */
INLINE void LEVEL(backward_side_by_side)(double **values, double **weights, double **deltas, size_t n_in, size_t n_out,
                                         uint32_t bias, uint32_t activation, const int first, const double *rates,
                                         double scale, const int common, const size_t vectors) {
    const double *a = *values - n_in * SIDE_BY_SIDE;
    double *w = *weights - (n_in + bias) * n_out * SIDE_BY_SIDE;
    const double *d = *deltas;
    double *before = *deltas + n_out * SIDE_BY_SIDE;
    for (size_t i = 0; i < n_in && !first; i++) {
        UNROLL for (size_t v = 0; v < vectors * WIDTH; v += WIDTH) {
            const double *weight = w + i * n_out * SIDE_BY_SIDE + v;
            vector acc = LOAD(weight) * LOAD(d + v);
            for (size_t j = 1; j < n_out; j++) {
                acc = acc + LOAD(weight + j * SIDE_BY_SIDE) * LOAD(d + j * SIDE_BY_SIDE + v);
            }
            STORE(before + i * SIDE_BY_SIDE + v, acc * LEVEL(slope)(LOAD(a + i * SIDE_BY_SIDE + v), activation));
        }
    }
    UNROLL for (size_t v = 0; v < vectors * WIDTH; v += WIDTH) {
        const vector rate = LOAD(rates + v);
        for (size_t i = 0; i < n_in; i++) {
            const vector input = LOAD(a + i * SIDE_BY_SIDE + v);
            for (size_t j = 0; j < n_out; j++) {
                double *weight = w + (i * n_out + j) * SIDE_BY_SIDE + v;
                const vector contribution = input * LOAD(d + j * SIDE_BY_SIDE + v);
                STORE(weight, common ? STEPPED_PLAINLY(LOAD(weight), contribution, rate)
                                     : STEPPED(LOAD(weight), contribution, rate, scale));
            }
        }
        for (size_t j = 0; j < bias * n_out; j++) {
            double *weight = w + (n_in * n_out + j) * SIDE_BY_SIDE + v;
            const vector contribution = LOAD(d + j * SIDE_BY_SIDE + v);
            STORE(weight, common ? STEPPED_PLAINLY(LOAD(weight), contribution, rate)
                                 : STEPPED(LOAD(weight), contribution, rate, scale));
        }
    }
    *values -= n_in * SIDE_BY_SIDE;
    *weights = w;
    *deltas = before;
}

/* Vectors from lane `lane` on take a row. The memory holds the inputs' and all nodes' outputs, then all nodes' deltas,
   then the targets. */
INLINE void LEVEL(row_side_by_side)(const side_by_side *nets, const uint32_t *sizes, const uint32_t *activations,
                                    uint32_t layers, uint32_t bias, size_t nodes, size_t lane, const int common,
                                    const size_t vectors) {
    const size_t n_out = sizes[layers - 1];
    const uint32_t last_activation = common ? BP_SIGMOID : activations[layers - 2];
    double *values = nets->memory + lane;
    double *weights = nets->parameters + lane;
    double *deltas = values + (sizes[0] + nodes) * SIDE_BY_SIDE;
    const double *targets = deltas + nodes * SIDE_BY_SIDE;
#define STEP(layer)                                                                                                    \
    LEVEL(forward_side_by_side)(&values, &weights, sizes[(layer) - 1], sizes[layer], bias,                             \
                                common ? BP_SIGMOID : activations[(layer) - 1], common, vectors)
    FORWARD_LAYERS(STEP)
#undef STEP
    UNROLL for (size_t v = 0; v < vectors * WIDTH; v += WIDTH) {
        vector error = broadcast(0.0);
        for (size_t j = 0; j < n_out; j++) {
            const size_t place = j * SIDE_BY_SIDE + v;
            STORE(deltas + place, LEVEL(output)(&error, LOAD(values + place), LOAD(targets + place), last_activation));
        }
        STORE(nets->errors + lane + v, LOAD(nets->errors + lane + v) + error);
    }
#define STEP(layer)                                                                                                    \
    LEVEL(backward_side_by_side)(&values, &weights, &deltas, sizes[(layer) - 1], sizes[layer], bias,                   \
                                 (layer) > 1 && !common ? activations[(layer) - 2] : BP_SIGMOID, (layer) == 1,         \
                                 nets->rates + lane, nets->scale, common, vectors)
    BACKWARD_LAYERS(STEP)
#undef STEP
}

INLINE void LEVEL(online_side_by_side)(const side_by_side *nets, const double *inputs, const double *targets,
                                       const uint32_t *sizes, const uint32_t *activations, uint32_t layers,
                                       uint32_t bias, size_t row, size_t rows, const int common) {
    size_t nodes = 0;
#define STEP(layer) nodes += sizes[layer]
    FORWARD_LAYERS(STEP)
#undef STEP
    const size_t n_in = sizes[0];
    const size_t n_out = sizes[layers - 1];
    double *const expected = nets->memory + (n_in + 2 * nodes) * SIDE_BY_SIDE;
    for (size_t end = row + rows; row < end; row++) {
        for (size_t i = 0; i < n_in; i++) {
            for (size_t n = 0; n < SIDE_BY_SIDE; n++) {
                nets->memory[i * SIDE_BY_SIDE + n] = inputs[(nets->in_order ? row : nets->orders[n][row]) * n_in + i];
            }
        }
        for (size_t j = 0; j < n_out; j++) {
            for (size_t n = 0; n < SIDE_BY_SIDE; n++) {
                expected[j * SIDE_BY_SIDE + n] = targets[(nets->in_order ? row : nets->orders[n][row]) * n_out + j];
            }
        }
        size_t lane = 0;
        for (; lane + 2 * WIDTH <= nets->lanes; lane += 2 * WIDTH) {
            LEVEL(row_side_by_side)(nets, sizes, activations, layers, bias, nodes, lane, common, 2);
        }
        for (; lane < nets->lanes; lane += WIDTH) {
            LEVEL(row_side_by_side)(nets, sizes, activations, layers, bias, nodes, lane, common, 1);
        }
    }
}
