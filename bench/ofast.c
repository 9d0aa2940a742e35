/* SPDX-License-Identifier: MIT */
/* A contestant: back-propagation for 2-4-4-1 as fast as the compiler makes C, with no care for the last bits.

   With -Ofast all sizes are constants, the rows stand side by side for the vector unit (each value of a layer is an
   array over the rows), and gcc takes the exponential from libmvec. */

#include "contest.h"

#define UP(n, to) (((n) + (to) - 1) / (to) * (to))
#define WIDE 8      /* doubles in the widest vector */
#define NEAREST 256 /* rows of which all values fit the nearest cache */
#define BLOCKS (UP(ROWS, NEAREST) / NEAREST)
#define BLOCK UP((ROWS + BLOCKS - 1) / BLOCKS, WIDE)

#define W1 0
#define B1 8
#define W2 (8 + 4 * BIAS)
#define B2 (24 + 4 * BIAS)
#define W3 (24 + 8 * BIAS)
#define B3 (28 + 8 * BIAS)

#define ALIGNED __attribute__((aligned(64)))

static inline double sigmoid(double z) {
    return 1.0 / (1.0 + exp(-z));
}

static inline double dot4(const double *a, const double *b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}

/* In place; apart from the sums, over a whole layer, it takes less time. */
static inline void sigmoids(double *z, size_t count) {
#pragma omp simd
    for (size_t k = 0; k < count; k++) {
        z[k] = sigmoid(z[k]);
    }
}

/* The layers' outputs for `count` rows; x1 is the row's second input, and `stride` leads to the next row's. */
static inline void forward(double a1[4][BLOCK], double a2[4][BLOCK], double *restrict a3, const double *restrict w,
                           const double *restrict x0, const double *restrict x1, size_t stride, size_t count) {
    for (size_t j = 0; j < 4; j++) {
#pragma omp simd
        for (size_t r = 0; r < count; r++) {
            a1[j][r] = (BIAS ? w[B1 + j] : 0.0) + x0[stride * r] * w[W1 + j] + x1[stride * r] * w[W1 + 4 + j];
        }
    }
    sigmoids(a1[0], 4 * BLOCK);
    for (size_t j = 0; j < 4; j++) {
#pragma omp simd
        for (size_t r = 0; r < count; r++) {
            a2[j][r] = (BIAS ? w[B2 + j] : 0.0) + a1[0][r] * w[W2 + j] + a1[1][r] * w[W2 + 4 + j] +
                       a1[2][r] * w[W2 + 8 + j] + a1[3][r] * w[W2 + 12 + j];
        }
    }
    sigmoids(a2[0], 4 * BLOCK);
#pragma omp simd
    for (size_t r = 0; r < count; r++) {
        a3[r] = (BIAS ? w[B3] : 0.0) + a2[0][r] * w[W3] + a2[1][r] * w[W3 + 1] + a2[2][r] * w[W3 + 2] +
                a2[3][r] * w[W3 + 3];
    }
    sigmoids(a3, count);
}

/* A block of rows, each value an array over them. */
typedef struct {
    double x0[BLOCK] ALIGNED;
    double x1[BLOCK] ALIGNED;
    double t[BLOCK] ALIGNED;
    double used[BLOCK] ALIGNED; /* 1, but 0 for the rows that only fill the last block */
} block;

/* Adds the block's gradient; returns its squared error. */
static inline double backward(double *restrict sums, const double *restrict w, const block *restrict b) {
    static double a1[4][BLOCK] ALIGNED;
    static double a2[4][BLOCK] ALIGNED;
    static double a3[BLOCK] ALIGNED;
    double g[COUNT] = {0};
    double sse = 0.0;
    forward(a1, a2, a3, w, b->x0, b->x1, 1, BLOCK);
#pragma omp simd reduction(+ : sse, g)
    for (size_t r = 0; r < BLOCK; r++) {
        const double e = (a3[r] - b->t[r]) * b->used[r];
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
            const double d1 = dot4(w + W2 + 4 * i, d2) * a1[i][r] * (1.0 - a1[i][r]);
            for (size_t j = 0; j < 4; j++) {
                g[W2 + 4 * i + j] += a1[i][r] * d2[j];
            }
            g[W1 + i] += b->x0[r] * d1;
            g[W1 + 4 + i] += b->x1[r] * d1;
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

void full(double *parameters, double *x, double *t, double rate, size_t epochs, double *log) {
    static block blocks[BLOCKS];
    double w[COUNT];
    memcpy(w, parameters, sizeof w);
    for (size_t r = 0; r < ROWS; r++) {
        block *b = blocks + r / BLOCK;
        b->x0[r % BLOCK] = x[2 * r];
        b->x1[r % BLOCK] = x[2 * r + 1];
        b->t[r % BLOCK] = t[r];
        b->used[r % BLOCK] = 1.0;
    }
    for (size_t e = 0; e < epochs; e++) {
        double sums[COUNT] = {0};
        log[e] = 0.0;
        for (size_t k = 0; k < BLOCKS; k++) {
            log[e] += backward(sums, w, blocks + k);
        }
        for (size_t k = 0; k < COUNT; k++) {
            w[k] -= rate * sums[k];
        }
    }
    memcpy(parameters, w, sizeof w);
}

/* One row's step; the four nodes of a layer stand side by side. Returns the row's squared error. */
static inline double step(double *restrict w, const double *x, double t, double rate) {
    double h1[4] ALIGNED;
    double h2[4] ALIGNED;
    double d1[4] ALIGNED;
    double d2[4] ALIGNED;
#pragma omp simd
    for (size_t j = 0; j < 4; j++) {
        h1[j] = sigmoid((BIAS ? w[B1 + j] : 0.0) + x[0] * w[W1 + j] + x[1] * w[W1 + 4 + j]);
    }
#pragma omp simd
    for (size_t j = 0; j < 4; j++) {
        h2[j] = sigmoid((BIAS ? w[B2 + j] : 0.0) + h1[0] * w[W2 + j] + h1[1] * w[W2 + 4 + j] + h1[2] * w[W2 + 8 + j] +
                        h1[3] * w[W2 + 12 + j]);
    }
    const double y = sigmoid((BIAS ? w[B3] : 0.0) + dot4(w + W3, h2));
    const double e = y - t;
    const double d3 = e * y * (1.0 - y);
#pragma omp simd
    for (size_t j = 0; j < 4; j++) {
        d2[j] = w[W3 + j] * d3 * h2[j] * (1.0 - h2[j]);
        w[W3 + j] -= rate * d3 * h2[j];
    }
    for (size_t i = 0; i < 4; i++) {
        d1[i] = dot4(w + W2 + 4 * i, d2) * h1[i] * (1.0 - h1[i]);
    }
#pragma omp simd collapse(2)
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            w[W2 + 4 * i + j] -= rate * h1[i] * d2[j];
        }
    }
#pragma omp simd
    for (size_t j = 0; j < 4; j++) {
        w[W1 + j] -= rate * x[0] * d1[j];
        w[W1 + 4 + j] -= rate * x[1] * d1[j];
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

void online(double *parameters, double *x, double *t, double rate, size_t epochs, double *log) {
    double w[COUNT];
    memcpy(w, parameters, sizeof w);
    for (size_t e = 0; e < epochs; e++) {
        log[e] = 0.0;
        for (size_t r = 0; r < ROWS; r++) {
            log[e] += step(w, x + 2 * r, t[r], rate);
        }
    }
    memcpy(parameters, w, sizeof w);
}

void predict(double *w, double *x, double *y) {
    static double a1[4][BLOCK] ALIGNED;
    static double a2[4][BLOCK] ALIGNED;
    for (size_t r = 0; r < ROWS; r += BLOCK) { /* block by block: its values stay in the nearest cache */
        forward(a1, a2, y + r, w, x + 2 * r, x + 2 * r + 1, 2, ROWS - r < BLOCK ? ROWS - r : BLOCK);
    }
}
