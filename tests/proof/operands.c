/* SPDX-License-Identifier: MIT */
/*
 * Compares what the core calculates by other means than the processor's instruction with the instruction:
 *
 *     operands [COUNT [SEED]]
 *
 * - the square root, digit by digit, on COUNT operands (default 10^6), random and adversarial;
 * - on as many, the fused t - k*LN2_HI and lo + (c + r)*s of the SIMD kernels, which are to be exact products;
 * - 2^k by its exponent field, for every k that `split` can give.
 *
 * Build it with -U__SSE2__ (the core then has its own root, the compiler still the instruction), -O2 -mfma
 * -ffp-contract=off -fno-math-errno -fno-trapping-math.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#if !defined(CORE)
#define CORE "../../csrc/bitprop.c"
#endif
#include CORE

#define SIGNIFICAND 0xfffffffffffffU
#define KINDS 8

static const char *const NAMES[KINDS] = {
    "any bits",  "significands in [1, 4)", "next to squares", "next to squares of few digits", "next to halfway",
    "subnormal", "powers of two",          "few digits"};

typedef struct {
    uint64_t s[2];
} stream;

/* xorshift128+ (Vigna, 2017). */
static inline uint64_t draw_bits(stream *from) {
    uint64_t a = from->s[0];
    const uint64_t b = from->s[1];
    from->s[0] = b;
    a ^= a << 23;
    from->s[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
    return from->s[1] + b;
}

/* The 53 leading digits of a square of 106 to 108, with the exponent's parity that keeps its root within a binade. */
static inline uint64_t square_bits(unsigned __int128 square) {
    int length = 0;
    const uint64_t high = (uint64_t)(square >> 64);
    length = high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)square);
    const int drop = length - 53;
    const uint64_t digits = drop >= 0 ? (uint64_t)(square >> drop) : (uint64_t)square << -drop;
    return ((uint64_t)(1022 + length % 2) << 52) + (digits & SIGNIFICAND);
}

static inline uint64_t operand_bits(uint64_t number, stream *from) {
    const uint64_t drawn = draw_bits(from);
    const uint64_t digits = drawn >> 12;
    const uint64_t step = (drawn & 7U) - 3U; /* -3 to 4 places beside it */
    const uint64_t root = digits | 0x10000000000000U;
    switch (number % KINDS) {
    case 0:
        return drawn;
    case 1:
        return (UINT64_C(1023) << 52) + (drawn >> 11);
    case 2:
        return square_bits((unsigned __int128)root * root) + step + (drawn % 3U << 53);
    case 3:
        return square_bits((unsigned __int128)(root >> 26) * (root >> 26)) + step;
    case 4:
        return square_bits((unsigned __int128)(2 * root + 1) * (2 * root + 1)) + step;
    case 5:
        return digits >> (drawn & 63U) % 52U;
    case 6:
        return ((drawn >> 52 & 0x7ffU) << 52) + step;
    default:
        return (drawn & (UINT64_C(0xfff) << 52)) | (SIGNIFICAND << (drawn & 63U) % 53U & digits);
    }
}

static int same(double a, double b) {
    return double_bits(&a) == double_bits(&b);
}

static int compare_roots(uint64_t count, stream *from) {
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        const double operand = bits_double(operand_bits(i, from));
        const double ours = square_root(operand);
        const double theirs = __builtin_sqrt(operand);
        if (!same(ours, theirs) && wrong++ < 5) {
            printf("root of %a (%s): %a, the processor's is %a\n", operand, NAMES[i % KINDS], ours, theirs);
        }
    }
    printf("square roots: %" PRIu64 " operands, %" PRIu64 " differ\n", count, wrong);
    return wrong != 0;
}

/* What simd_vector_tpl.h fuses, against §2's two roundings. */
static int compare_fused(uint64_t count, stream *from) {
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t drawn = draw_bits(from);
        const double share = (double)(drawn >> 11) * 0x1p-53;
        /* Anywhere, near 0, and where k changes. */
        const double wide = (2.0 * share - 1.0) * 708.0;
        const double edge = ((double)(int)(drawn & 2047U) - 1024.0 + 0.5) * 0.6931 + share * 1e-3;
        const double t = clamp(i % 3 == 0 ? wide : i % 3 == 1 ? edge : (share - 0.5) * 8.0, -708.0, 708.0);
        double r, c, s;
        split(&r, &c, &s, t);
        const double k = (t * LOG2E + MAGIC) - MAGIC;
        const double two = t - k * LN2_HI;
        const double one = __builtin_fma(-k, LN2_HI, t);
        const double lo = c - r;
        const double hi = (c + r) * s;
        wrong += !same(one, two) || !same(lo + hi, __builtin_fma(c + r, s, lo));
    }
    printf("fused products: %" PRIu64 " operands, %" PRIu64 " differ\n", count, wrong);
    return wrong != 0;
}

/* Every k: 2^k of the exponent field is the product of as many factors. */
static int compare_powers(void) {
    uint64_t wrong = 0;
    double up = 1.0;
    double down = 1.0;
    for (int k = 0; k <= 1022; k++, up *= 2.0, down *= 0.5) {
        const double signs[2] = {MAGIC + (double)k, MAGIC - (double)k};
        for (int i = 0; i < 2; i++) {
            uint64_t bits;
            memcpy(&bits, &signs[i], sizeof bits);
            wrong += !same(bits_double((bits + 1023U) << 52), i == 0 ? up : down);
        }
    }
    printf("powers of two: 2045 exponents, %" PRIu64 " differ\n", wrong);
    return wrong != 0;
}

int main(int argc, char **argv) {
    const uint64_t count = argc > 1 ? (uint64_t)strtod(argv[1], NULL) : 1000000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    stream from = {{seed * 0x9e3779b97f4a7c15U + 1U, ~seed}};
    for (int i = 0; i < 16; i++) {
        draw_bits(&from);
    }
    const int wrong_roots = compare_roots(count, &from);
    const int wrong_fused = compare_fused(count, &from);
    const int wrong_powers = compare_powers();
    return wrong_roots || wrong_fused || wrong_powers;
}
