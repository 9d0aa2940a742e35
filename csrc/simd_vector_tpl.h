/* SPDX-License-Identifier: MIT */
/*
 * Vectors of one level, and the activations of §2 on them. The files simd_*_tpl.h are included anew for each level,
 * with two macros: LEVEL(name), the name with the level's ending, and WIDTH, the doubles in a vector: 2, 4 or 8. The
 * macros that they define have the same text for all levels. In reading order: this file, simd_rows_tpl.h,
 * simd_common_tpl.h, simd_networks_tpl.h, simd_nodes_tpl.h, simd_rules_tpl.h, and simd_level_tpl.h, which puts a level
 * together.
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

/* MIN and MAX: of two vectors; the second where either is NaN. ANY: whether an element of a mask is set. FUSED: a*b + c
   for an exact product a*b, where one rounding and two are the same; each use gives the reason. */
#undef MIN
#undef MAX
#undef ANY
#undef FUSED
#if WIDTH == 8
#define MIN(a, b) ((vector)_mm512_min_pd((__m512d)(a), (__m512d)(b)))
#define MAX(a, b) ((vector)_mm512_max_pd((__m512d)(a), (__m512d)(b)))
#define ANY(condition) (_mm512_movepi64_mask((__m512i)(condition)) != 0)
#define FUSED(a, b, c) ((vector)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#elif WIDTH == 4
#define MIN(a, b) ((vector)_mm256_min_pd((__m256d)(a), (__m256d)(b)))
#define MAX(a, b) ((vector)_mm256_max_pd((__m256d)(a), (__m256d)(b)))
#define ANY(condition) (_mm256_movemask_pd((__m256d)(condition)) != 0)
#define FUSED(a, b, c) ((vector)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#elif defined(__SSE2__)
#define MIN(a, b) ((vector)_mm_min_pd((__m128d)(a), (__m128d)(b)))
#define MAX(a, b) ((vector)_mm_max_pd((__m128d)(a), (__m128d)(b)))
#define ANY(condition) (_mm_movemask_pd((__m128d)(condition)) != 0)
#define FUSED(a, b, c) ((c) + (a) * (b))
#else
#define MIN(a, b) PICK((a) < (b), a, b)
#define MAX(a, b) PICK((a) > (b), a, b)
#define ANY(condition) (((condition)[0] | (condition)[1]) != 0)
#define FUSED(a, b, c) ((vector)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#endif

/* Vectors that go through an activation together, statement by statement: in one of them each statement waits for the
   one before, and a processor looks only so far ahead for the next one. */
#undef LOCKSTEP
#if WIDTH == 2
#define LOCKSTEP 2U
#else
#define LOCKSTEP 4U
#endif
#undef EACH
#define EACH UNROLL for (size_t i = 0; i < count; i++)

/* x - 0.0 is x, whatever x is, and compilers know it (x + 0.0 is another thing where x is -0.0). */
INLINE vector LEVEL(broadcast)(double value) {
    return value - (vector){0.0};
}
#define broadcast LEVEL(broadcast)

INLINE vector LEVEL(magnitude)(vector x) {
    return (vector)((mask)x & (int64_t)MAGNITUDE_BITS);
}

/* Whether the magnitude of a value of `count` vectors is not below `limit`: a NaN's is not. */
INLINE int LEVEL(any_beyond)(const vector *values, double limit, const size_t count) {
    mask beyond = {0};
    EACH {
        beyond |= ~(LEVEL(magnitude)(values[i]) < limit);
    }
    return ANY(beyond);
}

/* --- §2 --- */

/* 2^k, of MAGIC + k, whose low bits are the integer k: with the bias added they are the exponent field, and all bits
   above them, MAGIC's own, leave on the left. */
INLINE vector LEVEL(power)(vector shifted) {
    return (vector)(((LEVEL(bits))shifted + 1023U) << 52);
}

/* split, with -t and -r in place of t and r, which saves a negation: rounding is the same on both sides of zero, so
   only signs differ, and each sum is a difference that rounds alike. The product of k, an integer of at most 11 bits,
   and LN2_HI, which has 33, is exact. */
INLINE void LEVEL(split)(vector *minus_r, vector *c, vector *shifted, const vector *minus_t, const size_t count) {
    vector z[LOCKSTEP], w[LOCKSTEP], low[LOCKSTEP], high[LOCKSTEP];
    EACH low[i] = minus_t[i] * -LOG2E;
    EACH shifted[i] = low[i] + MAGIC;
    EACH low[i] = shifted[i] - MAGIC;
    EACH minus_r[i] = FUSED(low[i], broadcast(LN2_HI), minus_t[i]);
    EACH low[i] = low[i] * LN2_LO;
    EACH minus_r[i] = minus_r[i] + low[i];
    EACH z[i] = minus_r[i] * minus_r[i];
    EACH w[i] = z[i] * z[i];
    EACH high[i] = P4 * z[i];
    EACH low[i] = P5 * w[i];
    EACH high[i] = P3 + high[i];
    EACH high[i] = high[i] + low[i];
    EACH low[i] = P2 * z[i];
    EACH high[i] = w[i] * high[i];
    EACH low[i] = P1 + low[i];
    EACH low[i] = low[i] + high[i];
    EACH low[i] = z[i] * low[i];
    EACH c[i] = 2.0 + low[i];
}

INLINE vector LEVEL(clamp)(vector t, double limit) {
    return MIN(broadcast(limit), MAX(broadcast(-limit), t));
}

/* In place, for |x| <= 708. (c + r)*s is exact: c + r lies between 1 and 4, and k between -1022 and 1022, so that the
 * product is a normal number. */
INLINE void LEVEL(sigmoids)(vector *x, const size_t count) {
    vector minus_r[LOCKSTEP], c[LOCKSTEP], shifted[LOCKSTEP], sum[LOCKSTEP];
    LEVEL(split)(minus_r, c, shifted, x, count);
    EACH shifted[i] = LEVEL(power)(shifted[i]);
    EACH sum[i] = c[i] - minus_r[i];
    EACH x[i] = c[i] + minus_r[i];
    EACH sum[i] = FUSED(sum[i], shifted[i], x[i]);
    EACH x[i] = x[i] / sum[i];
}

/* In place. */
INLINE void LEVEL(tanhs)(vector *x, const size_t count) {
    vector minus_r[LOCKSTEP], c[LOCKSTEP], shifted[LOCKSTEP], p[LOCKSTEP], q[LOCKSTEP];
    EACH x[i] = LEVEL(clamp)(-2.0 * x[i], 40.0);
    LEVEL(split)(minus_r, c, shifted, x, count);
    EACH x[i] = LEVEL(power)(shifted[i]);
    EACH p[i] = x[i] - 1.0;
    EACH q[i] = x[i] + 1.0;
    EACH x[i] = p[i] * c[i] - q[i] * minus_r[i];
    EACH q[i] = q[i] * c[i] - p[i] * minus_r[i];
    EACH x[i] = x[i] / q[i];
}

/* All activations but the identity, with which there is nothing to do: each gets passes of its own. */
#define EACH_CURVED_ACTIVATION(DO) DO(BP_SIGMOID) DO(BP_TANH) DO(BP_RELU) DO(BP_SOFTSIGN) DO(BP_LEAKY_RELU)

/* `count` vectors (at most LOCKSTEP) in place. `tame`: pre-activations of sigmoids are known to lie within 708. */
INLINE void LEVEL(activate)(vector *x, const size_t count, uint32_t activation, const int tame) {
    switch (activation) {
    case BP_SIGMOID:
        if (!tame) {
            EACH x[i] = LEVEL(clamp)(x[i], 708.0);
        }
        LEVEL(sigmoids)(x, count);
        break;
    case BP_TANH:
        LEVEL(tanhs)(x, count);
        break;
    case BP_RELU:
        EACH x[i] = PICK(x[i] < 0.0, broadcast(0.0), x[i]);
        break;
    case BP_SOFTSIGN:
        EACH x[i] = x[i] / (1.0 + LEVEL(magnitude)(x[i]));
        break;
    case BP_LEAKY_RELU:
        EACH x[i] = PICK(x[i] < 0.0, LEAK * x[i], x[i]);
        break;
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
    case BP_SOFTSIGN:
        return (1.0 - LEVEL(magnitude)(y)) * (1.0 - LEVEL(magnitude)(y));
    case BP_LEAKY_RELU:
        return PICK(y > 0.0, broadcast(1.0), broadcast(LEAK));
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

/* A pass over a layer's sums: so more registers are free where they are summed. It goes on to a multiple of LOCKSTEP
   vectors, in memory that is yet to be written, or SLACK. */
INLINE void LEVEL(activate_layer)(double *values, size_t count, const uint32_t activation, const int tame) {
    for (size_t k = 0; k < count; k += LOCKSTEP * WIDTH) {
        vector x[LOCKSTEP];
        UNROLL for (size_t i = 0; i < LOCKSTEP; i++) {
            x[i] = LOAD(values + k + i * WIDTH);
        }
        LEVEL(activate)(x, LOCKSTEP, activation, tame);
        UNROLL for (size_t i = 0; i < LOCKSTEP; i++) {
            STORE(values + k + i * WIDTH, x[i]);
        }
    }
}

static void LEVEL(activate_any)(double *values, size_t count, uint32_t activation) {
    switch (activation) {
#define CASE(code)                                                                                                     \
    case code:                                                                                                         \
        LEVEL(activate_layer)(values, count, code, 0);                                                                 \
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
