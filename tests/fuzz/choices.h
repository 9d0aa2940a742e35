/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzed programs that train share: an input's bytes as choices and numbers, and the comparison of bits.
 */
#include "guarded.h"

/* --- the input as choices --- */

static const uint8_t *input;
static size_t input_left;
static uint64_t drawn; /* of the numbers behind the input's end */

static void read_input(const uint8_t *bytes, size_t length) {
    input = bytes;
    input_left = length;
    drawn = 0x9e3779b97f4a7c15U;
}

static uint32_t next_byte(void) {
    if (input_left > 0) {
        const uint32_t byte = *input;
        input += 1;
        input_left -= 1;
        drawn = (drawn ^ byte) * 0x100000001b3U;
        return byte;
    }
    return 0;
}

/* One of 0 to n - 1. */
static uint32_t choose(uint32_t n) {
    return next_byte() % n;
}

static double number_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static const uint64_t special[] = {
    0x0000000000000000U, 0x8000000000000000U, 0x3ff0000000000000U, 0xbff0000000000000U, /* 0, -0, 1, -1 */
    0x0000000000000001U, 0x8000000000000001U, 0x000fffffffffffffU, 0x0010000000000000U, /* subnormal, least normal */
    0x7fefffffffffffffU, 0xffefffffffffffffU, 0x7ff0000000000000U, 0xfff0000000000000U, /* greatest, infinite */
    0x7ff8000000000000U, 0xfff8000000000001U, 0x4086200000000000U, 0xc086200000000000U, /* NaN, 708 */
    0x4044000000000000U, 0xc044000000000000U, 0x3fb999999999999aU, 0x3ff0000000000001U, /* 40, 0.1, above 1 */
    0x3fefffffffffffffU, 0x4340000000000000U, 0x5fe0000000000000U, 0xdfe0000000000000U, /* below 1, 2^53, 2^511 */
    0x1ff0000000000000U, 0x4024000000000000U, 0x3fe0000000000000U, 0x3fd3333333333333U, /* 2^-512, 10, 0.5, 0.3 */
};
#define SPECIAL (sizeof special / sizeof special[0])

/* A number: a small one, a special one, or one of given bits. Behind the input's end, from -1 to 1. */
static double choose_number(void) {
    if (input_left == 0) {
        drawn ^= drawn << 13;
        drawn ^= drawn >> 7;
        drawn ^= drawn << 17;
        return ((double)(drawn >> 44) - 524288.0) / 524288.0;
    }
    const uint32_t byte = next_byte();
    if (byte < 208) {
        return ((double)byte - 104.0) / 32.0;
    }
    if (byte < 208 + SPECIAL) {
        return number_of(special[byte - 208]);
    }
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 8; i++) {
        bits = bits << 8 | next_byte();
    }
    return number_of(bits);
}

/* One that an option may be: mostly a usual one. */
static double choose_option(double usual) {
    return choose(4) != 0 ? usual : choose_number();
}

/* --- comparison --- */

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7fffffffffffffffU) > 0x7ff0000000000000U ? 0x7ff8000000000000U : bits; /* §1.5 */
}

static void expect_bits(const char *what, uint32_t kernel, const double *expected, const double *found, size_t count) {
    for (size_t i = 0; i < count; i++) {
        expect(bits_of(expected[i]) == bits_of(found[i]), "kernel %u: %s [%lu] is %a, expected %a", kernel, what,
               (unsigned long)i, found[i], expected[i]);
    }
}

/* --- a network and its rows --- */

#define LAYERS_MOST 6U
#define COUNT_MOST 6000U
#define ROWS_MOST 300U
#define VALUES_MOST 12000U /* of inputs, or targets */

static struct {
    uint32_t sizes[LAYERS_MOST], activations[LAYERS_MOST - 1];
    bp_shape shape;
    size_t rows, n_in, n_out, count;
    double parameters[COUNT_MOST];
    double inputs[VALUES_MOST], targets[VALUES_MOST], weights[ROWS_MOST];
    uint32_t has_weights;
} job;

static uint32_t choose_size(void) {
    const uint32_t byte = next_byte();
    return byte < 200 ? 1 + byte % 6 : byte == 255 ? 0 : 1 + (byte - 200) * 5 / 2;
}

static void choose_shape(void) {
    static const uint32_t common[3][4] = {{2, 2, 1, 0}, {2, 4, 1, 0}, {2, 4, 4, 1}};
    const uint32_t kind = choose(16);
    job.shape = (bp_shape){job.sizes, job.activations, 0, 0, BP_PORTABLE};
    if (kind < 6) { /* one that a kernel knows */
        job.shape.layers = kind % 3 == 2 ? 4 : 3;
        memcpy(job.sizes, common[kind % 3], sizeof common[0]);
    } else {
        job.shape.layers = kind == 15 ? choose(2) : 2 + choose(LAYERS_MOST - 1);
        for (uint32_t layer = 0; layer < job.shape.layers; layer++) {
            job.sizes[layer] = choose_size();
        }
    }
    const uint32_t bias = next_byte();
    job.shape.bias = bias == 255 ? 2 : bias % 2;
    for (uint32_t layer = 1; layer < job.shape.layers; layer++) {
        const uint32_t byte = next_byte();
        const uint32_t hidden = layer + 1 < job.shape.layers && byte < 248;
        job.activations[layer - 1] = kind < 3      ? (uint32_t)BP_SIGMOID
                                     : hidden      ? byte % BP_SOFTMAX
                                     : byte == 255 ? (uint32_t)BP_ACTIVATIONS
                                                   : byte % BP_ACTIVATIONS;
    }
}

/* 0: the input asks for more than there is memory for. */
static int choose_rows(void) {
    const uint32_t rows = next_byte();
    job.n_in = job.sizes[0];
    job.n_out = job.sizes[job.shape.layers - 1];
    job.rows = rows < 232 ? 1 + rows % 40 : rows == 255 ? 0 : 128 + (rows - 232) * 7;
    job.has_weights = choose(4) == 0;
    return job.rows * job.n_in <= VALUES_MOST && job.rows * job.n_out <= VALUES_MOST;
}

static void choose_numbers(void) {
    for (size_t k = 0; k < job.count; k++) {
        job.parameters[k] = choose_number();
    }
    for (size_t i = 0; i < job.rows * job.n_in; i++) {
        job.inputs[i] = choose_number();
    }
    for (size_t i = 0; i < job.rows * job.n_out; i++) {
        job.targets[i] = choose_number();
    }
    for (size_t row = 0; row < job.rows; row++) {
        const uint64_t bits = bits_of(choose_number()) & 0x7fffffffffffffffU;
        job.weights[row] = bits < 0x7ff0000000000000U ? number_of(bits) : 1.0; /* as bitprop.h wants it */
    }
}

static bp_shape *place_shape(uint32_t kernel) {
    bp_shape *shape = guarded_copy(&job.shape, 1, sizeof *shape);
    shape->sizes = guarded_copy(job.sizes, job.shape.layers, sizeof(uint32_t));
    shape->activations = guarded_copy(job.activations, job.shape.layers - 1, sizeof(uint32_t));
    shape->kernel = kernel;
    return shape;
}

static bp_data *place_data(void) {
    bp_data *data = guarded(1, sizeof *data);
    data->inputs = guarded_copy(job.inputs, job.rows * job.n_in, sizeof(double));
    data->targets = guarded_copy(job.targets, job.rows * job.n_out, sizeof(double));
    data->rows = job.rows;
    data->weights = job.has_weights ? guarded_copy(job.weights, job.rows, sizeof(double)) : NULL;
    return data;
}

static void expect_constant(const bp_shape *shape, const bp_data *data) {
    const size_t layers = job.shape.layers;
    expect(memcmp(shape->sizes, job.sizes, layers * sizeof(uint32_t)) == 0, "the sizes were changed");
    expect(memcmp(shape->activations, job.activations, (layers - 1) * sizeof(uint32_t)) == 0,
           "the activations were changed");
    expect(memcmp(data->inputs, job.inputs, job.rows * job.n_in * sizeof(double)) == 0, "the inputs were changed");
    expect(memcmp(data->targets, job.targets, job.rows * job.n_out * sizeof(double)) == 0, "the targets were changed");
    expect(data->weights == NULL || memcmp(data->weights, job.weights, job.rows * sizeof(double)) == 0,
           "the weights were changed");
}
