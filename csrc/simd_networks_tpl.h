/* SPDX-License-Identifier: MIT */
/*
 * Networks across the vector: online trainings of several networks on the same rows. Everything lies as (.., ABREAST),
 * a network to a lane, and `vectors` of them, 1 or 2, go together, since one waits for its own results most of the
 * time. With a `common` shape steps are plain: the caller sees to what STEPPED_PLAINLY needs, or takes another kernel.
 */

/* Outputs of `nodes` nodes from node j on. */
INLINE void LEVEL(forward_nodes)(double *outputs, const double *a, const double *w, const double *biases, size_t j,
                                 size_t n_in, size_t n_out, uint32_t bias, uint32_t activation, const size_t vectors,
                                 const size_t nodes) {
    vector acc[LOCKSTEP];
    UNROLL for (size_t n = 0; n < nodes * vectors; n++) {
        const size_t lane = n % vectors * WIDTH;
        const size_t node = (j + n / vectors) * ABREAST + lane;
        acc[n] = bias ? LOAD(biases + node) : LOAD(a + lane) * LOAD(w + node);
        for (size_t i = bias ? 0 : 1; i < n_in; i++) {
            acc[n] = acc[n] + LOAD(a + i * ABREAST + lane) * LOAD(w + i * n_out * ABREAST + node);
        }
    }
    LEVEL(activate)(acc, nodes * vectors, activation, 0);
    UNROLL for (size_t n = 0; n < nodes * vectors; n++) {
        STORE(outputs + (j + n / vectors) * ABREAST + n % vectors * WIDTH, acc[n]);
    }
}

/* One layer: moves `values` from its inputs to its outputs, and `weights` behind its own. */
INLINE void LEVEL(forward_abreast)(double **values, double **weights, size_t n_in, size_t n_out, uint32_t bias,
                                   uint32_t activation, const int common, const size_t vectors) {
    const size_t together = common ? LOCKSTEP / vectors : 1;
    const double *a = *values;
    const double *w = *weights;
    const double *biases = w + n_in * n_out * ABREAST;
    double *outputs = *values + n_in * ABREAST;
    size_t j = 0;
    for (; common && j + together <= n_out; j += together) {
        LEVEL(forward_nodes)(outputs, a, w, biases, j, n_in, n_out, bias, activation, vectors, together);
    }
    for (; j < n_out; j++) {
        LEVEL(forward_nodes)(outputs, a, w, biases, j, n_in, n_out, bias, activation, vectors, 1);
    }
    *values = outputs;
    *weights += (n_in + bias) * n_out * ABREAST;
}

/* One layer: the deltas of the layer before, and the step. */
INLINE void LEVEL(backward_abreast)(double **values, double **weights, double **deltas, size_t n_in, size_t n_out,
                                    uint32_t bias, uint32_t activation, const int first, const double *rates,
                                    double scale, const int common, const size_t vectors) {
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
                const vector contribution = input * LOAD(d + j * ABREAST + v);
                STORE(own, common ? STEPPED_PLAINLY(LOAD(own), contribution, rate)
                                  : STEPPED(LOAD(own), contribution, rate, scale));
            }
        }
        for (size_t j = 0; j < bias * n_out; j++) {
            double *own = w + (n_in * n_out + j) * ABREAST + v;
            const vector contribution = LOAD(d + j * ABREAST + v);
            STORE(own, common ? STEPPED_PLAINLY(LOAD(own), contribution, rate)
                              : STEPPED(LOAD(own), contribution, rate, scale));
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
                           common ? BP_SIGMOID : activations[(layer) - 1], common, vectors)
    FORWARD_LAYERS(STEP)
#undef STEP
    UNROLL for (size_t v = 0; v < vectors * WIDTH; v += WIDTH) {
        vector error = broadcast(0.0);
        for (size_t j = 0; j < n_out; j++) {
            const size_t at = j * ABREAST + v;
            STORE(deltas + at, LEVEL(output)(&error, LOAD(values + at), LOAD(targets + at), last_activation));
        }
        STORE(nets->errors + lane + v, LOAD(nets->errors + lane + v) + error);
    }
#define STEP(layer)                                                                                                    \
    LEVEL(backward_abreast)(&values, &weights, &deltas, sizes[(layer) - 1], sizes[layer], bias,                        \
                            (layer) > 1 && !common ? activations[(layer) - 2] : BP_SIGMOID, (layer) == 1,              \
                            nets->rates + lane, nets->scale, common, vectors)
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
