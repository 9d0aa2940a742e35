/* --- network: begin --- */
/* An example, which bitprop replaces by the network that it exports. */
#ifndef NETWORK_H
#define NETWORK_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#define NETWORK_LAYERS 2
#define NETWORK_INPUTS 2
#define NETWORK_OUTPUTS 1
#define NETWORK_WIDEST 2
#define NETWORK_BIAS 1
#define NETWORK_PARAMETERS 3
#define NETWORK_TESTS 1

static const uint32_t network_sizes[NETWORK_LAYERS] = {2, 1};
static const uint32_t network_activations[NETWORK_LAYERS - 1] = {0};
static const union {
    uint64_t bits[NETWORK_PARAMETERS];
    double values[NETWORK_PARAMETERS];
} network_parameters = {{0x3ff0000000000000U, 0xbff0000000000000U, 0x0000000000000000U}};
static const uint64_t network_tests[NETWORK_TESTS][NETWORK_INPUTS + NETWORK_OUTPUTS] = {
    {0x3fd5555555555555U, 0x3fe5555555555555U, 0x3fdab72b73e7b47bU}};
/* --- network: end --- */

/* What can be seen at compile time of a build that would give other results; network_self_test() finds the rest. */
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "-ffast-math changes results; compile this header without it"
#endif
#if !defined(FLT_EVAL_METHOD)
#error "this header needs C99 or C++11"
#elif FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1
#error "double must be evaluated as double, not in x87 registers; compile with -msse2 -mfpmath=sse"
#endif
#if DBL_MANT_DIG != 53 || DBL_MAX_EXP != 1024
#error "double must be IEEE 754 binary64"
#endif

/* A product and a sum are two roundings. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

/* No warning where a program does not call all of them. */
#if defined(__GNUC__)
#define NETWORK_FUNCTION __attribute__((unused)) static inline
#else
#define NETWORK_FUNCTION static inline
#endif

NETWORK_FUNCTION double network_number(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* e^t is s*(c + r)/(c - r) (docs/contract.md §2). */
NETWORK_FUNCTION double network_split(double t, double *r, double *c) {
    const double magic = network_number(0x4338000000000000U);
    const double k = (t * network_number(0x3ff71547652b82feU) + magic) - magic;
    const double x = (t - k * network_number(0x3fe62e42fee00000U)) - k * network_number(0x3dea39ef35793c76U);
    const double z = x * x, w = z * z;
    const double low = network_number(0x3fc555555555553eU) + z * network_number(0xbf66c16c16bebd93U);
    const double middle = network_number(0x3f11566aaf25de2cU) + z * network_number(0xbebbbd41c5d26bf1U);
    *r = x;
    *c = 2.0 + z * (low + w * (middle + w * network_number(0x3e66376972bea4d0U)));
    return network_number((uint64_t)((int32_t)k + 1023) << 52);
}

/* The activation: 0 sigmoid, 1 tanh, 2 relu, 3 identity (§2). */
NETWORK_FUNCTION double network_activate(double x, uint32_t activation) {
    const int sigmoid = activation == 0;
    const double limit = sigmoid ? 708.0 : 40.0;
    double t, r, c, s;
    if (activation == 2) {
        return x < 0.0 ? 0.0 : x;
    }
    if (activation == 3 || x != x) {
        return x;
    }
    t = sigmoid ? -x : 2.0 * x;
    s = network_split(t < -limit ? -limit : t > limit ? limit : t, &r, &c);
    if (sigmoid) {
        const double lo = c - r, hi = (c + r) * s;
        return lo / (lo + hi);
    }
    return ((s - 1.0) * c + (s + 1.0) * r) / ((s + 1.0) * c + (s - 1.0) * r);
}

/* The outputs (NETWORK_OUTPUTS) for one row of inputs (NETWORK_INPUTS) (§4). */
NETWORK_FUNCTION void network_predict(double *outputs, const double *inputs) {
    double nodes[2][NETWORK_WIDEST];
    const double *weights = network_parameters.values;
    const double *a = inputs;
    uint32_t layer;
    for (layer = 1; layer < NETWORK_LAYERS; layer++) {
        const uint32_t n_in = network_sizes[layer - 1], n_out = network_sizes[layer];
        double *out = layer == NETWORK_LAYERS - 1 ? outputs : nodes[layer % 2];
        uint32_t i, j;
        for (j = 0; j < n_out; j++) {
            double acc = NETWORK_BIAS ? weights[n_in * n_out + j] : a[0] * weights[j];
            for (i = 1 - NETWORK_BIAS; i < n_in; i++) {
                acc = acc + a[i] * weights[i * n_out + j];
            }
            out[j] = network_activate(acc, network_activations[layer - 1]);
        }
        a = out;
        weights += (n_in + NETWORK_BIAS) * n_out;
    }
}

/* 1 where this build calculates as the contract says and gives the exported outputs to the last bit, else 0. */
NETWORK_FUNCTION int network_self_test(void) {
    const volatile double near_one = network_number(0x3ff0000000400000U), square = network_number(0x3ff0000000800000U);
    const volatile double one = 1.0, over_half = network_number(0x3ca0000800000000U);
    double inputs[NETWORK_INPUTS], outputs[NETWORK_OUTPUTS];
    int i;
    if (near_one * near_one - square != 0.0 || (one + over_half) - one == 0.0) {
        return 0; /* fused, or rounded twice */
    }
    for (i = 0; i < NETWORK_TESTS; i++) {
        memcpy(inputs, network_tests[i], sizeof inputs);
        network_predict(outputs, inputs);
        if (memcmp(outputs, network_tests[i] + NETWORK_INPUTS, sizeof outputs) != 0) {
            return 0;
        }
    }
    return 1;
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

#endif
