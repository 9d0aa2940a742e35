/* SPDX-License-Identifier: MIT */
/*
 * Nodes across the vector: the online training of one network, which waits for its own results at every turn. For
 * vectors of two or four.
 */

/* Any shape. `values` holds the inputs and all nodes' outputs, then all nodes' deltas; each layer begins at a multiple
   of eight. For a head that is not a squared error, the last layer's are pre-activations, and its outputs come last. */
static void LEVEL(online_any)(double *parameters, double *error, double *values, const uint32_t *order,
                              const bp_data *data, const bp_shape *shape, uint32_t loss, double rate, double scale,
                              size_t row, size_t rows) {
    const uint32_t *sizes = shape->sizes;
    const uint32_t bias = shape->bias;
    const uint32_t last = shape->layers - 1;
    size_t length = 0;
    for (uint32_t layer = 0; layer <= last; layer++) {
        length += PADDED(sizes[layer]);
    }
    const uint32_t last_activation = shape->activations[last - 1];
    const int squared = in_vectors(loss, data->weights);
    memset(values, 0, 2 * length * sizeof(double));
    for (size_t end = row + rows; row < end; row++) {
        const size_t place = order != NULL ? order[row] : row;
        const double *t = data->targets + place * sizes[last];
        double *a = values;
        double *w = parameters;
        memcpy(a, data->inputs + place * sizes[0], sizes[0] * sizeof(double));
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
            LEVEL(activate_any)(outputs, PADDED(n_out),
                                layer < last || squared ? shape->activations[layer - 1] : BP_IDENTITY);
            w += (n_in + bias) * n_out;
            a = outputs;
        }
        double *d = a + length;
        if (squared) {
            *error = *error + squared_row(d, NULL, a, t, sizes[last], last_activation);
        } else {
            double *y = values + 2 * length;
            activate_row(y, a, sizes[last], last_activation);
            *error = *error + finish_row(d, a, y, t, weight_of(data, place), sizes[last], last_activation, loss);
        }
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
                double *row_weights = w + i * n_out;
                const double input = i < n_in ? a[i] : 1.0; /* 1.0*d is d: the contribution to a bias */
                size_t j = 0;
                for (; j + WIDTH <= n_out; j += WIDTH) {
                    const vector weight = LOAD_ANY(row_weights + j);
                    STORE_ANY(row_weights + j, STEPPED(weight, input * LOAD(d + j), rate, scale));
                }
                for (; j < n_out; j++) {
                    row_weights[j] = STEPPED(row_weights[j], input * d[j], rate, scale);
                }
            }
            d = before;
        }
    }
}

/* 2-4-4-1 of sigmoids, all of it in registers; the second layer's weights also transposed, for its deltas. */
#define QUAD (4 / WIDTH) /* vectors of four nodes */
#define EACH_QUAD UNROLL for (size_t q = 0; q < QUAD; q++)
#define NODE(v, k) broadcast((v)[(k) / WIDTH][(k) % WIDTH])

/* A branch that is hardly ever taken is nearer than a clamp, for which each row would wait three times. */
INLINE void LEVEL(sigmoids_online)(vector *x, const size_t count) {
    if (__builtin_expect(LEVEL(any_beyond)(x, 708.0, count), 0)) {
        EACH x[i] = LEVEL(clamp)(x[i], 708.0);
    }
    LEVEL(sigmoids)(x, count);
}

INLINE void LEVEL(online_2_4_4_1)(double *parameters, double *error, const uint32_t *order, const double *inputs,
                                  const double *targets, const int bias, const int plain, double rate, double scale,
                                  size_t row, size_t rows) {
#define STEP(w, contribution) (plain ? STEPPED_PLAINLY(w, contribution, rate) : STEPPED(w, contribution, rate, scale))
    double *p1 = parameters;
    double *p2 = p1 + (bias ? 12 : 8);
    double *p3 = p2 + (bias ? 20 : 16);
    vector w1[2][QUAD], b1[QUAD], w2[4][QUAD], b2[QUAD], columns[4][QUAD], w3[QUAD], b3;
    EACH_QUAD {
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
    double total = *error;
    for (size_t end = row + rows; row < end; row++) {
        const size_t place = order != NULL ? order[row] : row;
        const double x0 = inputs[2 * place];
        const double x1 = inputs[2 * place + 1];
        vector a1[QUAD], a2[QUAD], d1[QUAD], d2[QUAD];
        EACH_QUAD {
            vector acc = x0 * w1[0][q];
            acc = (bias ? b1[q] + acc : acc) + x1 * w1[1][q];
            a1[q] = acc;
        }
        LEVEL(sigmoids_online)(a1, QUAD);
        EACH_QUAD {
            vector acc = NODE(a1, 0) * w2[0][q];
            acc = bias ? b2[q] + acc : acc;
            UNROLL for (size_t i = 1; i < 4; i++) {
                acc = acc + NODE(a1, i) * w2[i][q];
            }
            a2[q] = acc;
        }
        LEVEL(sigmoids_online)(a2, QUAD);
        vector products[QUAD];
        EACH_QUAD {
            products[q] = a2[q] * w3[q];
        }
        vector acc = bias ? b3 + NODE(products, 0) : NODE(products, 0);
        UNROLL for (size_t i = 1; i < 4; i++) {
            acc = acc + NODE(products, i);
        }
        vector y = acc;
        LEVEL(sigmoids_online)(&y, 1);
        vector squared = broadcast(0.0);
        const vector d3 = LEVEL(output)(&squared, y, broadcast(targets[place]), BP_SIGMOID);
        total = total + squared[0];
        EACH_QUAD {
            d2[q] = (w3[q] * d3) * (a2[q] * (1.0 - a2[q]));
        }
        EACH_QUAD {
            vector sum = columns[0][q] * NODE(d2, 0);
            UNROLL for (size_t j = 1; j < 4; j++) {
                sum = sum + columns[j][q] * NODE(d2, j);
            }
            d1[q] = sum * (a1[q] * (1.0 - a1[q]));
        }
        EACH_QUAD {
            w1[0][q] = STEP(w1[0][q], x0 * d1[q]);
            w1[1][q] = STEP(w1[1][q], x1 * d1[q]);
            UNROLL for (size_t i = 0; i < 4; i++) {
                w2[i][q] = STEP(w2[i][q], NODE(a1, i) * d2[q]);
                columns[i][q] = STEP(columns[i][q], a1[q] * NODE(d2, i));
            }
            w3[q] = STEP(w3[q], a2[q] * d3);
            if (bias) {
                b1[q] = STEP(b1[q], d1[q]);
                b2[q] = STEP(b2[q], d2[q]);
            }
        }
        b3 = bias ? STEP(b3, d3) : b3;
    }
#undef STEP
    *error = total;
    EACH_QUAD {
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
#undef EACH_QUAD
#undef NODE

static void LEVEL(online_home)(double *parameters, double *error, double *values, const uint32_t *order,
                               const bp_data *data, const bp_shape *shape, uint32_t loss, double rate, double scale,
                               size_t row, size_t rows) {
    if (!in_vectors(loss, data->weights)) {
        LEVEL(online_any)(parameters, error, values, order, data, shape, loss, rate, scale, row, rows);
        return;
    }
    const int plain = scale == 1.0 && !has_negative_zero(parameters, bp_parameter_count(shape));
#define RUN(bias, plain)                                                                                               \
    LEVEL(online_2_4_4_1)(parameters, error, order, data->inputs, data->targets, bias, plain, rate, scale, row, rows)
    if (shape->bias && plain) {
        RUN(1, 1);
    } else if (shape->bias) {
        RUN(1, 0);
    } else if (plain) {
        RUN(0, 1);
    } else {
        RUN(0, 0);
    }
#undef RUN
}
