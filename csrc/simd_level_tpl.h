/* SPDX-License-Identifier: MIT */
/* One level: its passes over rows and networks for each common shape and for all others, and the table of them. A third
   macro, NODES(name), names the functions of simd_nodes_tpl.h that it takes: its own, or with AVX-512, whose vectors
   are longer than a layer of four nodes, those compiled for vectors of four. */

/* The steps of all layers; a common shape has three or four layers. */
#define FORWARD_LAYERS(step)                                                                                           \
    if (common) {                                                                                                      \
        step(1U);                                                                                                      \
        step(2U);                                                                                                      \
        if (layers > 3) {                                                                                              \
            step(3U);                                                                                                  \
        }                                                                                                              \
    } else {                                                                                                           \
        for (uint32_t layer = 1; layer < layers; layer++) {                                                            \
            step(layer);                                                                                               \
        }                                                                                                              \
    }
#define BACKWARD_LAYERS(step)                                                                                          \
    if (common) {                                                                                                      \
        if (layers > 3) {                                                                                              \
            step(3U);                                                                                                  \
        }                                                                                                              \
        step(2U);                                                                                                      \
        step(1U);                                                                                                      \
    } else {                                                                                                           \
        for (uint32_t layer = layers - 1; layer > 0; layer--) {                                                        \
            step(layer);                                                                                               \
        }                                                                                                              \
    }

#include "simd_rows_tpl.h"

#include "simd_common_tpl.h"

#include "simd_networks_tpl.h"

static double *LEVEL(forward_other)(double *values, double *panel, const double *parameters, const bp_shape *shape,
                                    uint32_t last, size_t blocks, size_t rest) {
    return LEVEL(forward_chunk)(values, panel, parameters, shape->sizes, shape->activations, last, shape->layers,
                                shape->bias, blocks, rest, 0);
}

static void LEVEL(chunk_other)(const chunk *memory, double *sums, const double *parameters, const bp_shape *shape,
                               size_t rows, int begin) {
    LEVEL(train_chunk)(memory, sums, parameters, shape->sizes, shape->activations, shape->layers, shape->bias, rows,
                       begin);
}

static void LEVEL(side_by_side_other)(const side_by_side *nets, const double *inputs, const double *targets,
                                      const bp_shape *shape, size_t row, size_t rows) {
    LEVEL(online_side_by_side)(nets, inputs, targets, shape->sizes, shape->activations, shape->layers, shape->bias, row,
                               rows, 0);
}

/* The same with a shape that the compiler knows, all of it sigmoid, as long as it is tame. */
#define COMMON_SHAPE(name, layers, ...)                                                                                \
    static APART double *LEVEL(tame_##name)(double *values, const double *parameters, uint32_t bias, size_t blocks,    \
                                            size_t rest) {                                                             \
        static const uint32_t sizes[layers] = {__VA_ARGS__};                                                           \
        return bias ? LEVEL(forward_chunk)(values, NULL, parameters, sizes, NULL, 0, layers, 1, blocks, rest, 1)       \
                    : LEVEL(forward_chunk)(values, NULL, parameters, sizes, NULL, 0, layers, 0, blocks, rest, 1);      \
    }                                                                                                                  \
    static double *LEVEL(forward_##name)(double *values, double *panel, const double *parameters,                      \
                                         const bp_shape *shape, uint32_t last, size_t blocks, size_t rest) {           \
        static const uint32_t sizes[layers] = {__VA_ARGS__};                                                           \
        const double reach = LEVEL(greatest)(values, blocks * sizes[0] * BP_LANES);                                    \
        return last == BP_SIGMOID && LEVEL(is_tame)(parameters, sizes, layers, shape->bias, reach)                     \
                   ? LEVEL(tame_##name)(values, parameters, shape->bias, blocks, rest)                                 \
                   : LEVEL(forward_other)(values, panel, parameters, shape, last, blocks, rest);                       \
    }                                                                                                                  \
    static void LEVEL(chunk_##name)(const chunk *memory, double *sums, const double *parameters,                       \
                                    const bp_shape *shape, size_t rows, int begin) {                                   \
        static const uint32_t sizes[layers] = {__VA_ARGS__};                                                           \
        const size_t blocks = PADDED(rows) / BP_LANES;                                                                 \
        if (memory->fresh) {                                                                                           \
            *memory->reach = LEVEL(greatest)(memory->values, blocks * sizes[0] * BP_LANES);                            \
        }                                                                                                              \
        const int tame = LEVEL(is_tame)(parameters, sizes, layers, shape->bias, *memory->reach);                       \
        if (!in_vectors(memory->loss, memory->of_rows) ||                                                              \
            (!tame && !LEVEL(are_within)(parameters, bp_parameter_count(shape), SAFE))) {                              \
            LEVEL(chunk_other)(memory, sums, parameters, shape, rows, begin);                                          \
            return;                                                                                                    \
        }                                                                                                              \
        const double *outputs =                                                                                        \
            tame ? LEVEL(tame_##name)(memory->values, parameters, shape->bias, blocks, rows % BP_LANES)                \
                 : LEVEL(forward_other)(memory->values, memory->panel, parameters, shape, BP_SIGMOID, blocks,          \
                                        rows % BP_LANES);                                                              \
        if (shape->bias) {                                                                                             \
            LEVEL(backward_common)(memory, sums, parameters, outputs, sizes, layers, 1, blocks, begin);                \
        } else {                                                                                                       \
            LEVEL(backward_common)(memory, sums, parameters, outputs, sizes, layers, 0, blocks, begin);                \
        }                                                                                                              \
    }                                                                                                                  \
    static void LEVEL(side_by_side_##name)(const side_by_side *nets, const double *inputs, const double *targets,      \
                                           const bp_shape *shape, size_t row, size_t rows) {                           \
        static const uint32_t sizes[layers] = {__VA_ARGS__};                                                           \
        if (shape->bias) {                                                                                             \
            LEVEL(online_side_by_side)(nets, inputs, targets, sizes, NULL, layers, 1, row, rows, 1);                   \
        } else {                                                                                                       \
            LEVEL(online_side_by_side)(nets, inputs, targets, sizes, NULL, layers, 0, row, rows, 1);                   \
        }                                                                                                              \
    }

COMMON_SHAPE(2_2_1, 3, 2, 2, 1)
COMMON_SHAPE(2_4_1, 3, 2, 4, 1)
COMMON_SHAPE(2_4_4_1, 4, 2, 4, 4, 1)

static void LEVEL(step_adam)(double *parameters, double *state, const double *sums, size_t count,
                             const bp_settings *settings, double scale) {
    const adam_terms terms = begin_adam_step(state + 2 * count, settings);
    LEVEL(step_adaptively)(parameters, state, sums, 0, count, &terms, scale);
}

static void LEVEL(step_rprop)(double *parameters, double *state, const double *sums, size_t count,
                              const bp_settings *settings, double scale) {
    LEVEL(step_resiliently)(parameters, state, sums, 0, count, settings, scale);
}

/* In the order of the rules' numbers. */
static const rule_step LEVEL(steps)[BP_RULES] = {
    descend, LEVEL(step_momentum), LEVEL(step_momentum), LEVEL(step_adam), LEVEL(step_adam), LEVEL(step_rprop),
};

/* In the order of common_shapes; the first is for all other shapes. */
static const simd_kernel LEVEL(kernels)[COMMON_SHAPES + 1] = {
    {BASE(LEVEL(steps)), &LEVEL(kernels)[0], LEVEL(forward_other), LEVEL(chunk_other), NODES(online_any),
     LEVEL(add_errors), LEVEL(side_by_side_other)},
    {BASE(LEVEL(steps)), &LEVEL(kernels)[0], LEVEL(forward_2_2_1), LEVEL(chunk_2_2_1), NODES(online_any),
     LEVEL(add_errors), LEVEL(side_by_side_2_2_1)},
    {BASE(LEVEL(steps)), &LEVEL(kernels)[0], LEVEL(forward_2_4_1), LEVEL(chunk_2_4_1), NODES(online_any),
     LEVEL(add_errors), LEVEL(side_by_side_2_4_1)},
    {BASE(LEVEL(steps)), &LEVEL(kernels)[0], LEVEL(forward_2_4_4_1), LEVEL(chunk_2_4_4_1), NODES(online_home),
     LEVEL(add_errors), LEVEL(side_by_side_2_4_4_1)},
};
