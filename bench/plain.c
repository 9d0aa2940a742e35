/* SPDX-License-Identifier: MIT */
/* A contestant: back-propagation for 2-4-4-1 as one writes it down first, row after row, with the C library's exp. */

#include "contest.h"

#define LAYERS 3
static const size_t SIZES[LAYERS + 1] = {2, 4, 4, 1};

static void prepare(contest *c) {
    (void)c;
}

/* Every layer's outputs for one row; a[0] are its inputs. */
static void forward(double a[LAYERS + 1][4], const double *w, int bias) {
    for (size_t layer = 0; layer < LAYERS; layer++) {
        const size_t n_in = SIZES[layer];
        const size_t n_out = SIZES[layer + 1];
        for (size_t j = 0; j < n_out; j++) {
            double z = bias ? w[n_in * n_out + j] : 0.0;
            for (size_t i = 0; i < n_in; i++) {
                z += a[layer][i] * w[i * n_out + j];
            }
            a[layer + 1][j] = 1.0 / (1.0 + exp(-z));
        }
        w += (n_in + (size_t)bias) * n_out;
    }
}

/* Adds one row's gradient; returns its squared error. */
static double backward(double *gradient, double a[LAYERS + 1][4], const double *w, size_t count, int bias, double t) {
    const double e = a[LAYERS][0] - t;
    double d[4] = {e * a[LAYERS][0] * (1.0 - a[LAYERS][0])};
    size_t at = count;
    for (size_t layer = LAYERS; layer-- > 0;) {
        const size_t n_in = SIZES[layer];
        const size_t n_out = SIZES[layer + 1];
        double before[4];
        at -= (n_in + (size_t)bias) * n_out;
        for (size_t i = 0; i < n_in; i++) {
            double sum = 0.0;
            for (size_t j = 0; j < n_out; j++) {
                gradient[at + i * n_out + j] += a[layer][i] * d[j];
                sum += w[at + i * n_out + j] * d[j];
            }
            before[i] = sum * a[layer][i] * (1.0 - a[layer][i]);
        }
        for (size_t j = 0; bias && j < n_out; j++) {
            gradient[at + n_in * n_out + j] += d[j];
        }
        memcpy(d, before, n_in * sizeof(double));
    }
    return e * e;
}

static void train(contest *c, size_t epochs, size_t batch) {
    double gradient[37];
    double a[LAYERS + 1][4];
    for (size_t epoch = 0; epoch < epochs; epoch++) {
        double sse = 0.0;
        for (size_t from = 0; from < c->rows; from += batch) {
            memset(gradient, 0, sizeof gradient);
            for (size_t row = from; row < from + batch; row++) {
                memcpy(a[0], c->inputs + 2 * row, 2 * sizeof(double));
                forward(a, c->parameters, c->bias);
                sse += backward(gradient, a, c->parameters, c->count, c->bias, c->targets[row]);
            }
            for (size_t k = 0; k < c->count; k++) {
                c->parameters[k] -= c->rate * gradient[k];
            }
        }
        c->log[epoch] = sse;
    }
}

static void run(contest *c, size_t count) {
    double a[LAYERS + 1][4];
    if (strcmp(c->kind, "predict") != 0) {
        train(c, count, strcmp(c->kind, "online") == 0 ? 1 : c->rows);
        return;
    }
    for (size_t pass = 0; pass < count; pass++) {
        for (size_t row = 0; row < c->rows; row++) {
            memcpy(a[0], c->inputs + 2 * row, 2 * sizeof(double));
            forward(a, c->parameters, c->bias);
            c->outputs[row] = a[LAYERS][0];
        }
    }
}
