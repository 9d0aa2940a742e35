/* SPDX-License-Identifier: MIT */
/*
 * Vectors of one level, and the activations of §2 on them. The files simd_*.h are included anew for each level, with
 * two macros: LEVEL(name), the name with the level's ending, and WIDTH, the doubles in a vector: 2, 4 or 8. The macros
 * that they define have the same text for all levels. In reading order: this file, simd_rows_tpl.h,
 * simd_networks_tpl.h, simd_nodes_tpl.h, and simd_level_tpl.h, which puts a level together.
 */

typedef double LEVEL(vector) __attribute__((vector_size(8 * WIDTH)));
typedef double LEVEL(aliased) __attribute__((vector_size(8 * WIDTH), may_alias));
typedef double LEVEL(unaligned) __attribute__((vector_size(8 * WIDTH), aligned(8), may_alias));
typedef int64_t LEVEL(mask) __attribute__((vector_size(8 * WIDTH)));
typedef uint64_t LEVEL(bits) __attribute__((vector_size(8 * WIDTH)));
#define vector LEVEL(vector)
#define mask LEVEL(mask)
#define PARTS (BP_LANES / WIDTH) /* vectors in eight lanes */

#define LOAD(from) ((vector) * (const LEVEL(aliased) *)(from))
#define STORE(to, value) (*(LEVEL(aliased) *)(to) = (value))
#define LOAD_ANY(from) ((vector) * (const LEVEL(unaligned) *)(from)) /* aligned as doubles are */
#define STORE_ANY(to, value) (*(LEVEL(unaligned) *)(to) = (value))
#define PICK(condition, yes, no) ((vector)(((mask)(yes) & (condition)) | ((mask)(no) & ~(condition))))

/* Of two vectors; the second where either is NaN. */
#undef MIN
#undef MAX
#if WIDTH == 8
#define MIN(a, b) ((vector)_mm512_min_pd((__m512d)(a), (__m512d)(b)))
#define MAX(a, b) ((vector)_mm512_max_pd((__m512d)(a), (__m512d)(b)))
#elif WIDTH == 4
#define MIN(a, b) ((vector)_mm256_min_pd((__m256d)(a), (__m256d)(b)))
#define MAX(a, b) ((vector)_mm256_max_pd((__m256d)(a), (__m256d)(b)))
#elif defined(__SSE2__)
#define MIN(a, b) ((vector)_mm_min_pd((__m128d)(a), (__m128d)(b)))
#define MAX(a, b) ((vector)_mm_max_pd((__m128d)(a), (__m128d)(b)))
#else
#define MIN(a, b) PICK((a) < (b), a, b)
#define MAX(a, b) PICK((a) > (b), a, b)
#endif

/* x - 0.0 is x, whatever x is, and compilers know it (x + 0.0 is another thing where x is -0.0). */
INLINE vector LEVEL(broadcast)(double value) {
    return value - (vector){0.0};
}
#define broadcast LEVEL(broadcast)

/* --- §2 --- */

INLINE vector LEVEL(series)(vector r) {
    const vector z = r * r;
    const vector w = z * z;
    return 2.0 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5));
}

/* 2^k, of MAGIC + k, whose low bits are the integer k: with the bias added they are the exponent field, and all bits
   above them, MAGIC's own, leave on the left. */
INLINE vector LEVEL(power)(vector shifted) {
    return (vector)(((LEVEL(bits))shifted + 1023U) << 52);
}

INLINE vector LEVEL(clamp)(vector t, double low, double high) {
    return MIN(broadcast(high), MAX(broadcast(low), t));
}

/* §2 with -t and -r in place of t and r, which saves the negation of x: rounding is the same on both sides of zero, so
   only signs differ, and each sum is a difference that rounds alike. */
INLINE vector LEVEL(sigmoid)(vector x) {
    const vector minus_t = LEVEL(clamp)(x, -708.0, 708.0);
    const vector shifted = minus_t * -LOG2E + MAGIC;
    const vector k = shifted - MAGIC;
    const vector minus_r = (minus_t + k * LN2_HI) + k * LN2_LO;
    const vector c = LEVEL(series)(minus_r);
    const vector lo = c + minus_r;
    const vector hi = (c - minus_r) * LEVEL(power)(shifted);
    return lo / (lo + hi);
}

INLINE vector LEVEL(tanh)(vector x) {
    const vector t = LEVEL(clamp)(2.0 * x, -40.0, 40.0);
    const vector shifted = t * LOG2E + MAGIC;
    const vector k = shifted - MAGIC;
    const vector r = (t - k * LN2_HI) - k * LN2_LO;
    const vector c = LEVEL(series)(r);
    const vector s = LEVEL(power)(shifted);
    const vector p = s - 1.0;
    const vector q = s + 1.0;
    return (p * c + q * r) / (q * c + p * r);
}

INLINE vector LEVEL(activate)(vector x, uint32_t activation) {
    switch (activation) {
    case BP_SIGMOID:
        return LEVEL(sigmoid)(x);
    case BP_TANH:
        return LEVEL(tanh)(x);
    case BP_RELU:
        return PICK(x < 0.0, broadcast(0.0), x);
    default:
        return x;
    }
}

INLINE vector LEVEL(slope)(vector y, uint32_t activation) {
    switch (activation) {
    case BP_SIGMOID:
        return y * (1.0 - y);
    case BP_TANH:
        return 1.0 - y * y;
    case BP_RELU:
        return PICK(y > 0.0, broadcast(1.0), broadcast(0.0));
    default:
        return broadcast(1.0);
    }
}

/* --- §5 --- */

/* The delta of an output, whose squared error is added to `error`. */
INLINE vector LEVEL(output)(vector *error, vector y, vector target, uint32_t activation) {
    const vector e = y - target;
    *error = *error + e * e;
    return e * LEVEL(slope)(y, activation);
}

/* A pass over a layer's sums: so more registers are free where they are summed, and no activation waits for another. */
INLINE void LEVEL(activate_layer)(double *values, size_t count, const uint32_t activation) {
    for (size_t i = 0; i < count; i += WIDTH) {
        STORE(values + i, LEVEL(activate)(LOAD(values + i), activation));
    }
}

static void LEVEL(activate_any)(double *values, size_t count, uint32_t activation) {
    switch (activation) {
#define CASE(code)                                                                                                     \
    case code:                                                                                                         \
        LEVEL(activate_layer)(values, count, code);                                                                    \
        break;
        EACH_CURVED_ACTIVATION(CASE)
#undef CASE
    }
}

/* The step of plain descent (BP_DESCENT), which passes online fuse: w - rate*g, where g is 0.0 + contribution, the
 * lanes' sum (§6) where one is used, times the loss's scale (§7). */
#define STEPPED(w, contribution, rate, scale) ((w) - (rate) * ((0.0 + (contribution)) * (scale)))
/* The same bits with fewer steps, where the scale is 1 and no parameter is -0.0 at the start. Adding 0.0 to a
   contribution changes only -0.0, to +0.0; and whether w - (+0.0) or w - (-0.0) is taken shows only where w is -0.0.
   That no parameter ever becomes: a difference is -0.0 only as -0.0 minus +0.0. */
#define STEPPED_PLAINLY(w, contribution, rate) ((w) - (rate) * (contribution))
