/* --- network: begin --- */
/* Here bitprop writes the network that it exports: its shape, its parameters, and inputs with their outputs. */
/* --- network: end --- */

/* Refuses builds that are known at compile time to give other results; network_self_test() detects the others. */
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||                         \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error "-ffast-math and its parts change results; compile this header without them"
#endif
#if !defined(FLT_EVAL_METHOD)
#error "this header needs C99 or C++11"
/* Operations are evaluated at least as double (1), _Float16 (16), _Float32 (32), _Float64 (64), or in the operands'
   type (0): with all of these, operations on double are rounded to double. */
#elif FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1 && FLT_EVAL_METHOD != 16 && FLT_EVAL_METHOD != 32 &&                \
    FLT_EVAL_METHOD != 64
#error "double must be evaluated as double, not in x87 registers; compile with -msse2 -mfpmath=sse"
#endif
#if DBL_MANT_DIG != 53 || DBL_MAX_EXP != 1024
#error "double must be IEEE 754 binary64"
#endif

/* A product and a sum are two roundings: NETWORK_EXACT stands at the start of each function that calculates. */
#if defined(__clang__)
#define NETWORK_EXACT _Pragma("STDC FP_CONTRACT OFF")
#else
#define NETWORK_EXACT
#endif
#if defined(__GNUC__) && !defined(__clang__)
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

/* The pattern of a number, any NaN as one (docs/contract.md §1.5). */
NETWORK_FUNCTION uint64_t network_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7fffffffffffffffU) > 0x7ff0000000000000U ? 0x7ff8000000000000U : bits;
}

/* --- activations: begin --- */
/* Here bitprop writes the activations (§2) as they stand in csrc/bitprop.c. */
/* --- activations: end --- */

/* --- scaling: begin --- */
/* Here bitprop writes the scaling (§13) as it stands in csrc/bitprop.c, where the network has one. */
/* --- scaling: end --- */
/* Writes the outputs (NETWORK_OUTPUTS doubles) for one row of inputs (NETWORK_INPUTS doubles); the two must not overlap
   (§4). Stack: two layers of NETWORK_WIDEST doubles, and one or two hundred bytes. */
NETWORK_FUNCTION void network_predict(double *outputs, const double *inputs) {
    NETWORK_EXACT
    double nodes[2][NETWORK_WIDEST];
    const uint64_t *weights = network_parameters;
    const double *a = inputs;
    uint32_t layer;
    /* --- scaled inputs: begin --- */
    double scaled[NETWORK_INPUTS];
    for (layer = 0; layer < NETWORK_INPUTS; layer++) {
        scaled[layer] = network_scaled_value(inputs[layer], network_number(network_input_shift[layer]),
                                             network_number(network_input_spread[layer]));
    }
    a = scaled;
    /* --- scaled inputs: end --- */
    for (layer = 1; layer < NETWORK_LAYERS; layer++) {
        const uint32_t n_in = network_sizes[layer - 1], n_out = network_sizes[layer];
        double *out = layer == NETWORK_LAYERS - 1 ? outputs : nodes[layer % 2];
        uint32_t i, j;
        for (j = 0; j < n_out; j++) {
            double acc = NETWORK_BIAS ? network_number(weights[n_in * n_out + j]) : a[0] * network_number(weights[j]);
            for (i = 1 - NETWORK_BIAS; i < n_in; i++) {
                acc = acc + a[i] * network_number(weights[i * n_out + j]);
            }
            out[j] = network_activate(acc, network_activations[layer - 1]);
        }
        if (layer == NETWORK_LAYERS - 1 && network_activations[NETWORK_LAYERS - 2] == NETWORK_SOFTMAX) {
            network_softmax(out, out, n_out);
        }
        a = out;
        weights += (n_in + NETWORK_BIAS) * n_out;
    }
    /* --- scaled outputs: begin --- */
    for (layer = 0; layer < NETWORK_OUTPUTS; layer++) {
        outputs[layer] = network_unscaled_value(outputs[layer], network_number(network_output_shift[layer]),
                                                network_number(network_output_spread[layer]));
    }
    /* --- scaled outputs: end --- */
}

/* 1 where this build calculates as the contract says and gives the exported outputs to the last bit, else 0. */
NETWORK_FUNCTION int network_self_test(void) {
    NETWORK_EXACT
    /* What is read here is unknown to the compiler, so that it cannot calculate in the processor's place. */
    volatile double operands[7] = {1.0, 1073741825.0, 1e16, 9007199254740992.0, 131073.0, 1e-310, -0.0};
    const double one = operands[0], large = operands[2], small = operands[5];
    const double near_one = operands[1] / 1073741824.0, over_half = operands[4] / 131072.0 / operands[3];
    int i, j;
    if (near_one * near_one - (one + one / 536870912.0) != 0.0 || (large + one) - large != 0.0 ||
        (one + over_half) - one == 0.0 || small * 0.5 == 0.0 ||
        network_bits(network_activate(operands[6], NETWORK_RELU)) >> 63 == 0) {
        return 0; /* fused, reordered, rounded twice, flushed, or a relu that loses the sign of zero */
    }
    for (i = 0; i < NETWORK_TESTS; i++) {
        double inputs[NETWORK_INPUTS], outputs[NETWORK_OUTPUTS];
        memcpy(inputs, network_tests[i], sizeof inputs);
        network_predict(outputs, inputs);
        for (j = 0; j < NETWORK_OUTPUTS; j++) {
            if (network_bits(outputs[j]) != network_tests[i][NETWORK_INPUTS + j]) {
                return 0;
            }
        }
    }
    return 1;
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

#endif
