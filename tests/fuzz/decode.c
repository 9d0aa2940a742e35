/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the reading of encoded models (docs/contract.md, §11): bytes are refused with all outputs as they were, or are
 * just what bp_encode gives for what was read.
 *
 * The first byte of an input says whether the checksum at the end is made right, since chance would not find it, and on
 * which side of the bytes the forbidden page is.
 */
#include "guarded.h"

/* Bit by bit, so that it shares no line with the core's. */
static uint32_t checksum(const uint8_t *bytes, size_t length) {
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320U & (0U - (crc & 1U)));
        }
    }
    return ~crc;
}

#define SOME 16U /* items of each output where nothing may be written */

static void expect_refused(const uint8_t *data, size_t length) {
    uint32_t *sizes = guarded(SOME, sizeof(uint32_t)), *activations = guarded(SOME, sizeof(uint32_t));
    uint32_t *bias = guarded(1, sizeof(uint32_t));
    double *parameters = guarded_doubles(SOME);
    expect(bp_decode_shape(sizes, activations, bias, data, length) == BP_E_FORMAT, "a shape of refused bytes");
    expect(bp_decode_parameters(parameters, data, length) == BP_E_FORMAT, "parameters of refused bytes");
    expect_untouched("the sizes", sizes, SOME * sizeof(uint32_t));
    expect_untouched("the activations", activations, SOME * sizeof(uint32_t));
    expect_untouched("the bias", bias, sizeof(uint32_t));
    expect_untouched("the parameters", parameters, SOME * sizeof(double));
}

static void expect_encoded(const uint8_t *data, size_t length, uint32_t layers) {
    uint32_t *sizes = guarded(layers, sizeof(uint32_t)), *activations = guarded(layers - 1, sizeof(uint32_t));
    uint32_t *bias = guarded(1, sizeof(uint32_t));
    bp_shape shape = {sizes, activations, layers, 0, BP_AUTO};
    expect(bp_decode_shape(sizes, activations, bias, data, length) == BP_OK, "no shape of a model");
    shape.bias = *bias;
    expect(bp_encode_size(&shape) == length, "another size of the same model");
    double *parameters = guarded_doubles(bp_parameter_count(&shape));
    expect(bp_decode_parameters(parameters, data, length) == BP_OK, "no parameters of a model");
    uint8_t *again = guarded(length, 1);
    expect(bp_encode(again, &shape, parameters) == BP_OK, "a model is not encoded again");
    expect(memcmp(again, data, length) == 0, "a model has other bytes");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length == 0) {
        return 0;
    }
    sides = (bytes[0] & 2U) != 0 ? 1U : 0xfeU;
    uint8_t *data = guarded_copy(bytes + 1, length - 1, 1);
    length -= 1;
    if ((bytes[0] & 1U) != 0 && length >= 4) {
        const uint32_t crc = checksum(data, length - 4);
        for (uint32_t i = 0; i < 4; i++) {
            data[length - 4 + i] = (uint8_t)(crc >> 8 * i);
        }
    }
    const uint32_t layers = bp_decode_layers(data, length);
    if (layers == 0) {
        expect_refused(data, length);
    } else {
        expect_encoded(data, length, layers);
    }
    release(0);
    return 0;
}
