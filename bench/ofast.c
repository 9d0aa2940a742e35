/* SPDX-License-Identifier: MIT */
/* A contestant: back-propagation for 2-4-4-1 as fast as the compiler makes C, with no care for the last bits.

   Built for one task, with -Ofast -DROWS=... -DBIAS=...: all sizes are constants, the rows stand side by side for the
   vector unit (each value of a layer is an array over the rows), and gcc takes the exponential from libmvec. */

#include "contest.h"

#define UP(n, to) (((n) + (to) - 1) / (to) * (to))
#define WIDE 8      /* doubles in the widest vector */
#define NEAREST 256 /* rows of which all values fit the nearest cache */
#define BLOCKS (UP(ROWS, NEAREST) / NEAREST)
#define BLOCK UP((ROWS + BLOCKS - 1) / BLOCKS, WIDE)
#define PADDED (BLOCKS * BLOCK)
#define FOR_BLOCK _Pragma("omp simd") for (size_t r = 0; r < BLOCK; r++)

#define W1 0
#define B1 8
#define W2 (8 + 4 * BIAS)
#define B2 (24 + 4 * BIAS)
#define W3 (24 + 8 * BIAS)
#define B3 (28 + 8 * BIAS)
#define COUNT (28 + 9 * BIAS)

#define ALIGNED __attribute__((aligned(64)))

static double x0[PADDED] ALIGNED;
static double x1[PADDED] ALIGNED;
static double t[PADDED] ALIGNED;
static double used[PADDED] ALIGNED; /* 1, but 0 for the rows that only fill the last block */

static void prepare(contest *c) {
    if (c->rows != ROWS || c->bias != BIAS) {
        fputs("built for other rows or biases\n", stderr);
        exit(1);
    }
    for (size_t r = 0; r < ROWS; r++) {
        x0[r] = c->inputs[2 * r];
        x1[r] = c->inputs[2 * r + 1];
        t[r] = c->targets[r];
        used[r] = 1.0;
    }
}

static inline double sigmoid(double z) {
    return 1.0 / (1.0 + exp(-z));
}

/* In place, over the rows of a whole layer at once. */
static inline void sigmoids(double *z, size_t count) {
#pragma omp simd aligned(z : 64)
    for (size_t k = 0; k < count; k++) {
        z[k] = sigmoid(z[k]);
    }
}

/* Adds the gradient of the block at row `at`; returns its squared error. */
static inline double block(double *restrict sums, const double *restrict w, size_t at) {
    static double a1[4][BLOCK] ALIGNED;
    static double a2[4][BLOCK] ALIGNED;
    static double a3[BLOCK] ALIGNED;
    double g[COUNT] = {0};
    double sse = 0.0;
    for (size_t j = 0; j < 4; j++) {
        FOR_BLOCK {
            a1[j][r] = (BIAS ? w[B1 + j] : 0.0) + x0[at + r] * w[W1 + j] + x1[at + r] * w[W1 + 4 + j];
        }
    }
    sigmoids(a1[0], 4 * BLOCK);
    for (size_t j = 0; j < 4; j++) {
        FOR_BLOCK {
            a2[j][r] = (BIAS ? w[B2 + j] : 0.0) + a1[0][r] * w[W2 + j] + a1[1][r] * w[W2 + 4 + j] +
                       a1[2][r] * w[W2 + 8 + j] + a1[3][r] * w[W2 + 12 + j];
        }
    }
    sigmoids(a2[0], 4 * BLOCK);
    FOR_BLOCK {
        a3[r] = (BIAS ? w[B3] : 0.0) + a2[0][r] * w[W3] + a2[1][r] * w[W3 + 1] + a2[2][r] * w[W3 + 2] +
                a2[3][r] * w[W3 + 3];
    }
    sigmoids(a3, BLOCK);
#pragma omp simd reduction(+ : sse, g)
    for (size_t r = 0; r < BLOCK; r++) {
        const double e = (a3[r] - t[at + r]) * used[at + r];
        const double d3 = e * a3[r] * (1.0 - a3[r]);
        double d2[4];
        sse += e * e;
        for (size_t j = 0; j < 4; j++) {
            g[W3 + j] += a2[j][r] * d3;
            d2[j] = w[W3 + j] * d3 * a2[j][r] * (1.0 - a2[j][r]);
            if (BIAS) {
                g[B2 + j] += d2[j];
            }
        }
        if (BIAS) {
            g[B3] += d3;
        }
        for (size_t i = 0; i < 4; i++) {
            const double sum = w[W2 + 4 * i] * d2[0] + w[W2 + 4 * i + 1] * d2[1] + w[W2 + 4 * i + 2] * d2[2] +
                               w[W2 + 4 * i + 3] * d2[3];
            const double d1 = sum * a1[i][r] * (1.0 - a1[i][r]);
            for (size_t j = 0; j < 4; j++) {
                g[W2 + 4 * i + j] += a1[i][r] * d2[j];
            }
            g[W1 + i] += x0[at + r] * d1;
            g[W1 + 4 + i] += x1[at + r] * d1;
            if (BIAS) {
                g[B1 + i] += d1;
            }
        }
    }
    for (size_t k = 0; k < COUNT; k++) {
        sums[k] += g[k];
    }
    return sse;
}

static double epoch(double *restrict w, double rate) {
    double sums[COUNT] = {0};
    double sse = 0.0;
    for (size_t at = 0; at < PADDED; at += BLOCK) {
        sse += block(sums, w, at);
    }
    for (size_t k = 0; k < COUNT; k++) {
        w[k] -= rate * sums[k];
    }
    return sse;
}

/* One row's step; the four nodes of a layer stand side by side. Returns the row's squared error. */
static inline double step(double *restrict w, size_t r, double rate) {
    double h1[4] ALIGNED;
    double h2[4] ALIGNED;
    double d1[4] ALIGNED;
    double d2[4] ALIGNED;
#pragma omp simd
    for (size_t j = 0; j < 4; j++) {
        h1[j] = sigmoid((BIAS ? w[B1 + j] : 0.0) + x0[r] * w[W1 + j] + x1[r] * w[W1 + 4 + j]);
    }
#pragma omp simd
    for (size_t j = 0; j < 4; j++) {
        h2[j] = sigmoid((BIAS ? w[B2 + j] : 0.0) + h1[0] * w[W2 + j] + h1[1] * w[W2 + 4 + j] + h1[2] * w[W2 + 8 + j] +
                        h1[3] * w[W2 + 12 + j]);
    }
    const double y =
        sigmoid((BIAS ? w[B3] : 0.0) + h2[0] * w[W3] + h2[1] * w[W3 + 1] + h2[2] * w[W3 + 2] + h2[3] * w[W3 + 3]);
    const double e = y - t[r];
    const double d3 = e * y * (1.0 - y);
#pragma omp simd
    for (size_t j = 0; j < 4; j++) {
        d2[j] = w[W3 + j] * d3 * h2[j] * (1.0 - h2[j]);
        w[W3 + j] -= rate * d3 * h2[j];
    }
    for (size_t i = 0; i < 4; i++) {
        const double sum =
            w[W2 + 4 * i] * d2[0] + w[W2 + 4 * i + 1] * d2[1] + w[W2 + 4 * i + 2] * d2[2] + w[W2 + 4 * i + 3] * d2[3];
        d1[i] = sum * h1[i] * (1.0 - h1[i]);
    }
#pragma omp simd collapse(2)
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            w[W2 + 4 * i + j] -= rate * h1[i] * d2[j];
        }
    }
#pragma omp simd
    for (size_t j = 0; j < 4; j++) {
        w[W1 + j] -= rate * x0[r] * d1[j];
        w[W1 + 4 + j] -= rate * x1[r] * d1[j];
        if (BIAS) {
            w[B1 + j] -= rate * d1[j];
            w[B2 + j] -= rate * d2[j];
        }
    }
    if (BIAS) {
        w[B3] -= rate * d3;
    }
    return e * e;
}

static double online_epoch(double *restrict w, double rate) {
    double sse = 0.0;
    for (size_t r = 0; r < ROWS; r++) {
        sse += step(w, r, rate);
    }
    return sse;
}

/* `count` rows, at most BLOCK; a block's values stay in the nearest cache. */
static inline void predict(double *restrict y, const double *restrict w, const double *restrict rows, size_t count) {
    static double h1[4][BLOCK] ALIGNED;
    static double h2[4][BLOCK] ALIGNED;
    for (size_t j = 0; j < 4; j++) {
#pragma omp simd
        for (size_t r = 0; r < count; r++) {
            h1[j][r] = sigmoid((BIAS ? w[B1 + j] : 0.0) + rows[2 * r] * w[W1 + j] + rows[2 * r + 1] * w[W1 + 4 + j]);
        }
    }
    for (size_t j = 0; j < 4; j++) {
#pragma omp simd
        for (size_t r = 0; r < count; r++) {
            h2[j][r] = sigmoid((BIAS ? w[B2 + j] : 0.0) + h1[0][r] * w[W2 + j] + h1[1][r] * w[W2 + 4 + j] +
                               h1[2][r] * w[W2 + 8 + j] + h1[3][r] * w[W2 + 12 + j]);
        }
    }
#pragma omp simd
    for (size_t r = 0; r < count; r++) {
        y[r] = sigmoid((BIAS ? w[B3] : 0.0) + h2[0][r] * w[W3] + h2[1][r] * w[W3 + 1] + h2[2][r] * w[W3 + 2] +
                       h2[3][r] * w[W3 + 3]);
    }
}

static void run(contest *c, size_t count) {
    double w[COUNT];
    memcpy(w, c->parameters, sizeof w);
    for (size_t e = 0; e < count; e++) {
        if (strcmp(c->kind, "full") == 0) {
            c->log[e] = epoch(w, c->rate);
        } else if (strcmp(c->kind, "online") == 0) {
            c->log[e] = online_epoch(w, c->rate);
        } else {
            for (size_t r = 0; r < ROWS; r += BLOCK) {
                predict(c->outputs + r, w, c->inputs + 2 * r, ROWS - r < BLOCK ? ROWS - r : BLOCK);
            }
        }
    }
    memcpy(c->parameters, w, sizeof w);
}
