/* SPDX-License-Identifier: MIT */
/*
 * The portable core: the textbook in C, twin of src/bitprop/_pure.py, in the order of bitprop.h. The loops over rows
 * are called through a table, the kernel, so that simd.c, which includes this file, can bring faster ones. Every
 * arithmetic expression is written as docs/contract.md (§) rounds it; do not simplify one.
 */
#include "bitprop.h"

#include <float.h>
#include <string.h>

/* Refuses builds that are known at compile time to break the contract (§1); bp_self_test detects the others. */
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||                         \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error "bitprop: -ffast-math and its parts change results; compile without them"
#endif
/* FLT_EVAL_METHOD is the narrowest format in which operations are evaluated (C11 5.2.4.2.2, TS 18661-3). Operations on
   double are rounded to double if it is the operands' type (0), double (1), _Float16 (16, gcc with AVX512-FP16 in GNU
   mode), _Float32 (32) or _Float64 (64). They may not be if it is long double (2), indeterminable (-1), possibly wider
   than double (33, _Float32x) or wider (65, 128). */
#if !defined(FLT_EVAL_METHOD) || (FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1 && FLT_EVAL_METHOD != 16 &&             \
                                  FLT_EVAL_METHOD != 32 && FLT_EVAL_METHOD != 64)
#error "bitprop: double must be evaluated as double, not in x87 registers; compile with -msse2 -mfpmath=sse"
#endif
#if FLT_RADIX != 2 || DBL_MANT_DIG != 53 || DBL_MAX_EXP != 1024 || DBL_MIN_EXP != -1021
#error "bitprop: double must be IEEE 754 binary64"
#endif
typedef char bp_double_must_be_64_bits[sizeof(double) == 8 ? 1 : -1];

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define ROOT_SSE2
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off") /* a second lock: gcc ignores the standard's pragma */
#endif

/* --- bits --- */

/* Tests on bits, not by comparison, where the caller's environment is in force: it may trap or flush. */
#define INFINITY_BITS 0x7ff0000000000000U
#define NAN_BITS 0x7ff8000000000000U /* §1.5 */
#define MAGNITUDE_BITS 0x7fffffffffffffffU

static uint64_t double_bits(const double *value) {
    uint64_t bits;
    memcpy(&bits, value, sizeof bits);
    return (bits & MAGNITUDE_BITS) > INFINITY_BITS ? NAN_BITS : bits;
}

static double bits_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint32_t bp_abi(void) {
    return BP_ABI;
}

const char *bp_compiler(void) {
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#elif defined(_MSC_VER)
    return "msvc";
#else
    return "unknown";
#endif
}

/* --- kernels --- */

typedef struct kernel kernel;
typedef struct rule rule;

/* Changes the parameters, and the state, by a batch's sums (§7). */
typedef void (*rule_step)(double *parameters, double *state, const double *sums, size_t count,
                          const bp_settings *settings, double scale);

/* The parts of a `work` of bp_train_size doubles, in their order in memory. Gradient and error are summed alike (§6),
   so `sums` holds count + 1 doubles: the gradient, then the error. */
typedef struct {
    const kernel *kernel;
    const rule *rule;
    size_t count;      /* parameters */
    size_t nodes;      /* after the input */
    size_t state_size; /* doubles that the rule keeps */
    double *scratch;   /* (scratch_size) for the kernel */
    double *sums;      /* (count + 1) of a batch */
    double *state;     /* (state_size) of the rule */
    double *backup;    /* (count + state_size): the parameters and the rule's state at the epoch's start */
    size_t size;       /* of all of them */
    size_t held;       /* rows that the kernel has loaded into its scratch; 0 = none */
} work_parts;

/* The loops over rows. */
struct kernel {
    size_t (*predict_size)(const bp_shape *shape); /* doubles that predict and sum_errors need */
    size_t (*scratch_size)(const bp_shape *shape); /* doubles that the others need */
    void (*predict)(double *predictions, double *work, const bp_shape *shape, const double *parameters,
                    const double *inputs, size_t rows);
    /* Adds the errors of `rows` rows from `first` on to the lanes of all rows as one batch (§6). */
    void (*sum_errors)(double *lanes, double *work, const bp_shape *shape, const double *parameters,
                       const bp_data *data, size_t first, size_t rows, uint32_t loss);
    /* Adds such rows to the lanes in the scratch; with the last of all, writes parts->sums of them as one batch. */
    void (*sum_batch)(const work_parts *parts, const bp_shape *shape, const double *parameters, const bp_data *data,
                      size_t first, size_t rows, uint32_t loss);
    /* Trains rows of the epoch that `training` is in: at least one, and `budget` of them or a few more, or fewer.
       Returns how many. */
    size_t (*train_rows)(bp_training *training, double *parameters, work_parts *parts, const uint32_t *order,
                         const bp_shape *shape, const bp_data *data, uint64_t budget);
    /* As bp_train_many, for shapes that passed its checks. */
    void (*train_many)(double *logs, int32_t *statuses, bp_training *trainings, double *parameters, double *work,
                       uint32_t *orders, const bp_shape *shape, const bp_data *data, const bp_limits *limits,
                       size_t networks);
    const rule_step *steps; /* of all rules; NULL = those of RULES */
};

static uint32_t usable_kernels(void);

/* The kernel that runs a shape which bp_parameter_count does not refuse. */
static const kernel *find_kernel(const bp_shape *shape);

uint32_t bp_kernels(void) {
    return usable_kernels();
}

/* --- §2 activations and slopes --- */

/* What stands between the next line and that of the end is also the text of exported networks: src/bitprop/export.py.
 */
/* --- activations: begin --- */
static const double LOG2E = 0x1.71547652b82fep+0;
static const double MAGIC = 0x1.8p+52; /* adding it rounds to an integer, which then stands in the low bits */
static const double LN2_HI = 0x1.62e42feep-1;
static const double LN2_LO = 0x1.a39ef35793c76p-33;
static const double P1 = 0x1.555555555553ep-3;
static const double P2 = -0x1.6c16c16bebd93p-9;
static const double P3 = 0x1.1566aaf25de2cp-14;
static const double P4 = -0x1.bbd41c5d26bf1p-20;
static const double P5 = 0x1.6376972bea4d0p-25;
static const double LEAK = 0x1.47ae147ae147bp-7; /* 0.01 */

static double clamp(double t, double low, double high) {
    return t < low ? low : t > high ? high : t;
}

static double magnitude(double x) {
    return x < 0.0 ? -x : x;
}

/* e^t is s*(c + r)/(c - r). */
static void split(double *r, double *c, double *s, double t) {
    const double shifted = t * LOG2E + MAGIC;
    const double k = shifted - MAGIC;
    *r = (t - k * LN2_HI) - k * LN2_LO;
    const double z = *r * *r;
    const double w = z * z;
    *c = 2.0 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5));
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    *s = bits_double((bits + 1023U) << 52); /* 2^k, its exponent field taken from the integer in the low bits */
}

static double sigmoid(double x) {
    double r, c, s;
    if (x != x) {
        return x;
    }
    split(&r, &c, &s, clamp(-x, -708.0, 708.0));
    const double lo = c - r;
    const double hi = (c + r) * s;
    return lo / (lo + hi);
}

static double hyperbolic_tangent(double x) {
    double r, c, s;
    if (x != x) {
        return x;
    }
    split(&r, &c, &s, clamp(2.0 * x, -40.0, 40.0));
    const double p = s - 1.0;
    const double q = s + 1.0;
    return (p * c + q * r) / (q * c + p * r);
}

static double exponential(double t) {
    double r, c, s;
    if (t != t) {
        return t;
    }
    split(&r, &c, &s, clamp(t, -708.0, 708.0));
    return (1.0 + 2.0 * r / (c - r)) * s;
}

/* A NaN is the greatest only where it comes first. */
static double greatest(const double *x, size_t count) {
    double most = x[0];
    for (size_t j = 1; j < count; j++) {
        most = x[j] > most ? x[j] : most;
    }
    return most;
}

/* A whole layer's outputs; `y` may be `x`. */
static void softmax(double *y, const double *x, size_t count) {
    const double most = greatest(x, count);
    double total = 0.0; /* no exponential is -0.0, so this start changes no bit */
    for (size_t j = 0; j < count; j++) {
        y[j] = exponential(x[j] - most);
        total = total + y[j];
    }
    for (size_t j = 0; j < count; j++) {
        y[j] = y[j] / total;
    }
}

/* Of one node; softmax is of a layer, and leaves it as it is here. */
static double activate(double x, uint32_t activation) {
    switch (activation) {
    case BP_SIGMOID:
        return sigmoid(x);
    case BP_TANH:
        return hyperbolic_tangent(x);
    case BP_RELU:
        return x < 0.0 ? 0.0 : x;
    case BP_SOFTSIGN:
        return x / (1.0 + magnitude(x));
    case BP_LEAKY_RELU:
        return x < 0.0 ? LEAK * x : x;
    default:
        return x;
    }
}

/* --- activations: end --- */

static double slope(double y, uint32_t activation) {
    switch (activation) {
    case BP_SIGMOID:
        return y * (1.0 - y);
    case BP_TANH:
        return 1.0 - y * y;
    case BP_RELU:
        return y > 0.0 ? 1.0 : 0.0;
    case BP_SOFTSIGN:
        return (1.0 - magnitude(y)) * (1.0 - magnitude(y));
    case BP_LEAKY_RELU:
        return y > 0.0 ? 1.0 : LEAK;
    default:
        return 1.0;
    }
}

/* --- the floating-point environment (§1.1, §1.3) --- */

/* The control register, read and written by the instruction itself: fesetenv would need the mathematics library. */
#if defined(__GNUC__) && defined(__SSE2__)
typedef uint32_t fp_word;
#define FP_DEFAULT 0x1f80U
#define FP_READ(word) __asm__ __volatile__("stmxcsr %0" : "=m"(word) : : "memory")
#define FP_WRITE(word) __asm__ __volatile__("ldmxcsr %0" : : "m"(word) : "memory")
#elif defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
#include <xmmintrin.h>
typedef uint32_t fp_word;
#define FP_DEFAULT 0x1f80U
#define FP_READ(word) ((word) = _mm_getcsr())
#define FP_WRITE(word) _mm_setcsr(word)
#elif defined(__GNUC__) && defined(__aarch64__)
typedef uint64_t fp_word;
#define FP_DEFAULT 0U
#define FP_READ(word) __asm__ __volatile__("mrs %0, fpcr" : "=r"(word) : : "memory")
#define FP_WRITE(word) __asm__ __volatile__("msr fpcr, %0" : : "r"(word) : "memory")
#elif defined(__GNUC__) && defined(__arm__) && defined(__ARM_FP) && (__ARM_FP & 8)
typedef uint32_t fp_word;
#define FP_DEFAULT 0U
#define FP_READ(word) __asm__ __volatile__("vmrs %0, fpscr" : "=r"(word) : : "memory")
#define FP_WRITE(word) __asm__ __volatile__("vmsr fpscr, %0" : : "r"(word) : "memory")
#elif defined(__GNUC__) && defined(__riscv_flen) && __riscv_flen >= 64
typedef unsigned long fp_word;
#define FP_DEFAULT 0U
#define FP_READ(word) __asm__ __volatile__("frcsr %0" : "=r"(word) : : "memory")
#define FP_WRITE(word) __asm__ __volatile__("fscsr %0" : : "r"(word) : "memory")
#elif defined(__GNUC__) && defined(__s390__)
typedef uint32_t fp_word;
#define FP_DEFAULT 0U
#define FP_READ(word) __asm__ __volatile__("efpc %0" : "=d"(word) : : "memory")
#define FP_WRITE(word) __asm__ __volatile__("sfpc %0" : : "d"(word) : "memory")
#elif defined(__GNUC__) && defined(__powerpc__) && !defined(_SOFT_FLOAT) && !defined(__NO_FPRS__)
typedef uint64_t fp_word;
#define FP_DEFAULT 0U
#define FP_READ(word) __asm__ __volatile__("mffs 0\n\tstfd%U0%X0 0,%0" : "=m"(word) : : "fr0", "memory")
#define FP_WRITE(word) __asm__ __volatile__("lfd%U0%X0 0,%0\n\tmtfsf 255,0" : : "m"(word) : "fr0", "memory")
#elif defined(__GNUC__) && defined(__mips_hard_float)
typedef uint32_t fp_word;
#define FP_DEFAULT 0U
#define FP_READ(word) __asm__ __volatile__("cfc1 %0, $31" : "=r"(word) : : "memory")
#define FP_WRITE(word) __asm__ __volatile__("ctc1 %0, $31" : : "r"(word) : "memory")
#else
typedef uint32_t fp_word;
#define FP_DEFAULT 0U
#define FP_READ(word) ((word) = FP_DEFAULT)
#define FP_WRITE(word) ((void)(word))
#endif

/* Arithmetic under a changed environment stays in separate functions: inlined, it could move across the change. */
#if defined(__GNUC__)
#define APART __attribute__((noinline))
#elif defined(_MSC_VER)
#define APART __declspec(noinline)
#else
#define APART
#endif

static fp_word fp_enter(void) {
    fp_word callers;
    const fp_word standard = FP_DEFAULT;
    FP_READ(callers);
    if (callers != standard) {
        FP_WRITE(standard);
    }
    return callers;
}

static void fp_leave(fp_word callers) {
    FP_WRITE(callers);
}

static APART void activate_all(double *values, size_t count, uint32_t activation) {
    for (size_t i = 0; i < count; i++) {
        values[i] = activate(values[i], activation);
    }
}

bp_status bp_activate(double *values, size_t count, uint32_t activation) {
    if (activation >= BP_ACTIVATIONS || activation == BP_SOFTMAX) {
        return BP_E_SHAPE;
    }
    const fp_word callers = fp_enter();
    activate_all(values, count, activation);
    fp_leave(callers);
    return BP_OK;
}

static APART void slope_all(double *values, size_t count, uint32_t activation) {
    for (size_t i = 0; i < count; i++) {
        values[i] = slope(values[i], activation);
    }
}

bp_status bp_slope(double *values, size_t count, uint32_t activation) {
    if (activation >= BP_ACTIVATIONS || activation == BP_SOFTMAX) {
        return BP_E_SHAPE;
    }
    const fp_word callers = fp_enter();
    slope_all(values, count, activation);
    fp_leave(callers);
    return BP_OK;
}

static int is_finite(const double *value) {
    return (double_bits(value) & MAGNITUDE_BITS) < INFINITY_BITS;
}

/* Without a branch, so that compilers run it on several values at a time. */
static int all_finite(const double *values, size_t count) {
    uint64_t beyond = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        beyond |= (bits & MAGNITUDE_BITS) + (MAGNITUDE_BITS + 1 - INFINITY_BITS); /* carries into the top bit */
    }
    return (beyond >> 63) == 0;
}

size_t bp_first_nonfinite(const double *values, size_t count) {
    size_t i = 0;
    while (count - i >= 64 && all_finite(values + i, 64)) {
        i += 64;
    }
    while (i < count && is_finite(&values[i])) {
        i++;
    }
    return i;
}

static APART void divide_all(double *values, size_t count, double divisor) {
    for (size_t i = 0; i < count; i++) {
        values[i] = values[i] / divisor;
    }
}

void bp_divide(double *values, size_t count, double divisor) {
    const fp_word callers = fp_enter();
    divide_all(values, count, divisor);
    fp_leave(callers);
}

/* --- §3 shape --- */

static size_t node_count(const bp_shape *shape) {
    size_t nodes = 0;
    for (uint32_t layer = 1; layer < shape->layers; layer++) {
        nodes += shape->sizes[layer];
    }
    return nodes;
}

/* `count` parameters and those of one more layer; 0 = not a layer, or too many. The limit leaves sixteen doubles a
   parameter, so that what descent asks for stays below SIZE_MAX bytes. */
static uint64_t add_layer(uint64_t count, uint64_t n_in, uint64_t n_out, uint64_t activation, uint64_t bias, int last) {
    const uint64_t limit = SIZE_MAX / sizeof(double) / 16;
    if (n_in == 0 || n_out == 0 || activation >= BP_ACTIVATIONS || (activation == BP_SOFTMAX && !last) || bias > 1 ||
        n_out > (limit - count) / (n_in + bias)) {
        return 0;
    }
    return count + (n_in + bias) * n_out;
}

size_t bp_parameter_count(const bp_shape *shape) {
    uint64_t count = 0;
    if (shape->kernel >= BP_KERNELS || (shape->kernel != BP_AUTO && (usable_kernels() >> shape->kernel & 1U) == 0)) {
        return 0;
    }
    for (uint32_t layer = 1; layer < shape->layers; layer++) {
        count = add_layer(count, shape->sizes[layer - 1], shape->sizes[layer], shape->activations[layer - 1],
                          shape->bias, layer + 1 == shape->layers);
        if (count == 0) {
            break;
        }
    }
    return (size_t)count;
}

size_t bp_predict_size(const bp_shape *shape) {
    return bp_parameter_count(shape) == 0 ? 0 : find_kernel(shape)->predict_size(shape);
}

/* What a rule does with a batch's sums (§7). The table is with the rules. */
struct rule {
    size_t state; /* doubles that it keeps for each parameter, one array after the other, */
    size_t fixed; /* and behind these for all parameters together */
    void (*begin)(double *state, size_t count, const bp_settings *settings); /* sets what does not start at +0.0 */
    rule_step step;
    size_t constants;
    uint64_t limits[5][2]; /* of each: bits of the least value, and of the first that is too large */
};
static const rule RULES[BP_RULES];

/* The next `count` doubles of `work`, of which `size` are taken; NULL where `work` is. */
static double *take(double *work, size_t *size, size_t count) {
    double *taken = work != NULL ? work + *size : NULL;
    *size += count;
    return taken;
}

static work_parts part(double *work, const bp_shape *shape, uint32_t rule_code) {
    work_parts parts;
    parts.kernel = find_kernel(shape);
    parts.rule = &RULES[rule_code];
    parts.count = bp_parameter_count(shape);
    parts.nodes = node_count(shape);
    parts.state_size = parts.rule->state * parts.count + parts.rule->fixed;
    parts.size = 0;
    parts.scratch = take(work, &parts.size, parts.kernel->scratch_size(shape));
    parts.sums = take(work, &parts.size, parts.count + 1);
    parts.state = take(work, &parts.size, parts.state_size);
    parts.backup = take(work, &parts.size, parts.count + parts.state_size);
    parts.held = 0;
    return parts;
}

size_t bp_train_size(const bp_shape *shape, uint32_t rule) {
    const size_t size = bp_parameter_count(shape) == 0 || rule >= BP_RULES ? 0 : part(NULL, shape, rule).size;
    return size <= SIZE_MAX / sizeof(double) ? size : 0;
}

/* --- §9 generator and initial parameters --- */

static void seed_simply(bp_generator *generator, uint32_t seed) {
    generator->state[0] = seed;
    for (uint32_t i = 1; i < 624; i++) {
        const uint32_t previous = generator->state[i - 1];
        generator->state[i] = 1812433253U * (previous ^ (previous >> 30)) + i;
    }
}

void bp_generator_seed(bp_generator *generator, uint64_t seed, uint32_t stream) {
    const uint32_t key[3] = {(uint32_t)seed, (uint32_t)(seed >> 32), stream};
    const uint32_t words = key[2] != 0 ? 3 : key[1] != 0 ? 2 : 1;
    uint32_t *state = generator->state;
    uint32_t i = 1;
    uint32_t j = 0;
    seed_simply(generator, 19650218U);
    for (uint32_t left = 624; left > 0; left--) {
        state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1664525U)) + key[j] + j;
        if (++i == 624) {
            state[0] = state[623];
            i = 1;
        }
        if (++j == words) {
            j = 0;
        }
    }
    for (uint32_t left = 623; left > 0; left--) {
        state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1566083941U)) - i;
        if (++i == 624) {
            state[0] = state[623];
            i = 1;
        }
    }
    state[0] = 0x80000000U;
    generator->index = 624;
}

static uint32_t next_word(bp_generator *generator) {
    uint32_t *state = generator->state;
    if (generator->index >= 624) {
        for (uint32_t i = 0; i < 624; i++) {
            const uint32_t y = (state[i] & 0x80000000U) | (state[(i + 1) % 624] & 0x7fffffffU);
            state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ ((y & 1U) != 0 ? 0x9908b0dfU : 0U);
        }
        generator->index = 0;
    }
    uint32_t y = state[generator->index++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680U;
    y ^= (y << 15) & 0xefc60000U;
    return y ^ (y >> 18);
}

double bp_generator_random(bp_generator *generator) {
    const uint32_t a = next_word(generator) >> 5;
    const uint32_t b = next_word(generator) >> 6;
    return ((double)a * 67108864.0 + (double)b) / 9007199254740992.0; /* each step is exact */
}

uint32_t bp_generator_below(bp_generator *generator, uint32_t n) {
    uint32_t drop = 32;
    for (uint32_t rest = n; rest > 0; rest >>= 1) {
        drop--;
    }
    uint32_t value;
    do {
        value = next_word(generator) >> drop;
    } while (value >= n);
    return value;
}

/* The square root of any value, correctly rounded, by the processor or digit by digit: sqrt() would need the
   mathematics library. */
static double square_root(double value) {
#if defined(ROOT_SSE2)
    const __m128d values = _mm_set_sd(value);
    return _mm_cvtsd_f64(_mm_sqrt_sd(values, values));
#elif defined(__GNUC__) && defined(__aarch64__)
    double result;
    __asm__("fsqrt %d0, %d1" : "=w"(result) : "w"(value));
    return result;
#else
    const uint64_t bits = double_bits(&value);
    int32_t exponent = (int32_t)(bits >> 52) - 1023;
    uint64_t digits = bits & 0xfffffffffffffU;
    if (bits == INFINITY_BITS || bits == NAN_BITS || (bits & MAGNITUDE_BITS) == 0) {
        return value;
    }
    if (bits > MAGNITUDE_BITS) {
        return bits_double(NAN_BITS);
    }
    if (exponent == -1023) { /* subnormal: shifted to where a normal number's digits are */
        for (exponent = -1022; (digits >> 52) == 0; exponent--) {
            digits <<= 1;
        }
    }
    digits |= 0x10000000000000U;
    if (exponent & 1) {
        digits <<= 1;
        exponent -= 1;
    }
    /* 54 binary digits of the root, the last for rounding; no tie can occur, since a tie's square would not fit. */
    uint64_t root = 0;
    uint64_t remainder = 0;
    for (int32_t place = 52; place > 52 - 2 * 54; place -= 2) {
        const uint64_t next = place >= 0 ? (digits >> place) & 3U : 0U;
        remainder = (remainder << 2) | next;
        root <<= 1;
        if (remainder >= (root << 1) + 1U) {
            remainder -= (root << 1) + 1U;
            root += 1;
        }
    }
    root = (root >> 1) + (root & 1U);
    return bits_double(((uint64_t)(exponent / 2 + 1022) << 52) + root); /* root's top bit adds 1 to the exponent */
#endif
}

static double draw(bp_generator *generator, uint32_t init, double spread) {
    if (init == BP_NORMAL) {
        double total = bp_generator_random(generator);
        for (uint32_t i = 1; i < 12; i++) {
            total = total + bp_generator_random(generator);
        }
        return total - 6.0;
    }
    const double uniform = 2.0 * bp_generator_random(generator) - 1.0;
    return init == BP_GLOROT ? uniform * spread : uniform;
}

static APART void draw_some(double *parameters, bp_generator *generator, const bp_shape *shape, uint32_t init,
                            size_t first, size_t count) {
    const size_t end = first + count;
    size_t k = first;
    size_t weights_end = 0; /* index of the end of the layer's weights */
    size_t layer_end = 0;   /* and of its parameters */
    for (uint32_t layer = 1; layer < shape->layers; layer++) {
        const size_t n_in = shape->sizes[layer - 1];
        const size_t n_out = shape->sizes[layer];
        const double spread = square_root(6.0 / ((double)n_in + (double)n_out));
        weights_end = layer_end + n_in * n_out;
        layer_end = weights_end + n_out * shape->bias;
        for (; k < weights_end && k < end; k++) {
            parameters[k] = draw(generator, init, spread);
        }
        for (; k < layer_end && k < end; k++) {
            parameters[k] = 0.0;
        }
    }
}

bp_status bp_init(double *parameters, bp_generator *generator, const bp_shape *shape, uint64_t seed, uint32_t init) {
    return bp_init_some(parameters, generator, shape, seed, init, 0, bp_parameter_count(shape));
}

bp_status bp_init_some(double *parameters, bp_generator *generator, const bp_shape *shape, uint64_t seed, uint32_t init,
                       size_t first, size_t count) {
    const size_t total = bp_parameter_count(shape);
    if (total == 0) {
        return BP_E_SHAPE;
    }
    if (init >= BP_INITS || first > total || count > total - first) {
        return BP_E_OPTION;
    }
    const fp_word callers = fp_enter();
    if (first == 0) {
        bp_generator_seed(generator, seed, BP_STREAM_WEIGHTS);
    }
    draw_some(parameters, generator, shape, init, first, count);
    fp_leave(callers);
    return BP_OK;
}

/* --- §4 forward --- */

static APART void forward(double *preactivations, double *outputs, const bp_shape *shape, const double *parameters,
                          const double *inputs) {
    const double *a = inputs;
    const double *weights = parameters;
    for (uint32_t layer = 1; layer < shape->layers; layer++) {
        const size_t n_in = shape->sizes[layer - 1];
        const size_t n_out = shape->sizes[layer];
        const double *biases = weights + n_in * n_out;
        for (size_t j = 0; j < n_out; j++) {
            double acc = shape->bias ? biases[j] : a[0] * weights[j];
            for (size_t i = shape->bias ? 0 : 1; i < n_in; i++) {
                acc = acc + a[i] * weights[i * n_out + j];
            }
            preactivations[j] = acc;
            outputs[j] = activate(acc, shape->activations[layer - 1]);
        }
        if (shape->activations[layer - 1] == BP_SOFTMAX) {
            softmax(outputs, preactivations, n_out);
        }
        a = outputs;
        preactivations += n_out;
        outputs += n_out;
        weights = biases + n_out * shape->bias;
    }
}

bp_status bp_forward(double *preactivations, double *outputs, const bp_shape *shape, const double *parameters,
                     const double *inputs) {
    if (bp_parameter_count(shape) == 0) {
        return BP_E_SHAPE;
    }
    const fp_word callers = fp_enter();
    forward(preactivations, outputs, shape, parameters, inputs);
    fp_leave(callers);
    return BP_OK;
}

static size_t predict_size(const bp_shape *shape) {
    return 2 * node_count(shape);
}

static void predict(double *predictions, double *work, const bp_shape *shape, const double *parameters,
                    const double *inputs, size_t rows) {
    const size_t n_in = shape->sizes[0];
    const size_t n_out = shape->sizes[shape->layers - 1];
    const size_t nodes = node_count(shape);
    const double *last = work + 2 * nodes - n_out;
    for (size_t row = 0; row < rows; row++) {
        forward(work, work + nodes, shape, parameters, inputs + row * n_in);
        memcpy(predictions + row * n_out, last, n_out * sizeof(double));
    }
}

bp_status bp_predict(double *predictions, double *work, const bp_shape *shape, const double *parameters,
                     const double *inputs, size_t rows) {
    if (bp_parameter_count(shape) == 0) {
        return BP_E_SHAPE;
    }
    const fp_word callers = fp_enter();
    find_kernel(shape)->predict(predictions, work, shape, parameters, inputs, rows);
    fp_leave(callers);
    return BP_OK;
}

/* --- §5 heads: the last layer with its loss --- */

static const double SQRT_HALF = 0x1.6a09e667f3bcdp-1;
static const double L1 = 0x1.5555555555593p-1;
static const double L2 = 0x1.999999997fa04p-2;
static const double L3 = 0x1.2492494229359p-2;
static const double L4 = 0x1.c71c51d8e78afp-3;
static const double L5 = 0x1.7466496cb03dep-3;
static const double L6 = 0x1.39a09d078c69fp-3;
static const double L7 = 0x1.2f112df3e5244p-3;

/* Of v + rest: a normal number above 0, or a NaN, and less than its last place. */
static double logarithm(double v, double rest) {
    if (v != v) {
        return v;
    }
    const uint64_t bits = double_bits(&v);
    double k = (double)((int32_t)(bits >> 52) - 1022);
    double m = bits_double((bits & 0xfffffffffffffU) | 0x3fe0000000000000U); /* from 0.5 to 1 */
    if (m < SQRT_HALF) {
        m = 2.0 * m;
        k = k - 1.0;
    }
    const double f = m - 1.0;
    const double s = f / (2.0 + f);
    const double z = s * s;
    const double w = z * z;
    const double r = w * (L2 + w * (L4 + w * L6)) + z * (L1 + w * (L3 + w * (L5 + w * L7)));
    const double h = 0.5 * f * f;
    return k * LN2_HI - ((h - (s * (h + r) + (k * LN2_LO + rest))) - f);
}

/* log(1 + u), for u from 0 to 1. */
static double logarithm_above_one(double u) {
    const double w = 1.0 + u;
    return logarithm(w, (u - (w - 1.0)) / w);
}

typedef struct {
    /* A row's error; and, where `deltas` is not NULL, the last layer's deltas. `x` are its pre-activations, `y` its
       outputs. */
    double (*row)(double *deltas, const double *x, const double *y, const double *targets, size_t count,
                  uint32_t activation);
    uint32_t activation; /* that the last layer must have; BP_ACTIVATIONS = any but softmax */
    double scale;        /* of the gradient, */
    double figure;       /* and of the error, as §7 has them, */
    enum { SUM, MEAN_OF_VALUES, MEAN_OF_ROWS } kind; /* and what each is divided by: 1, rows * outputs, or rows */
} head;

/* No row's error is -0.0 before it is added to a lane, or shows there: so a sum may start at 0.0. */

static double squared_row(double *deltas, const double *x, const double *y, const double *targets, size_t count,
                          uint32_t activation) {
    double acc = 0.0;
    (void)x;
    for (size_t j = 0; j < count; j++) {
        const double e = y[j] - targets[j];
        acc = acc + e * e;
        if (deltas != NULL) {
            deltas[j] = e * slope(y[j], activation);
        }
    }
    return acc;
}

static double binary_cross_entropy_row(double *deltas, const double *x, const double *y, const double *targets,
                                       size_t count, uint32_t activation) {
    double acc = 0.0;
    (void)activation;
    for (size_t j = 0; j < count; j++) {
        const double positive = x[j] > 0.0 ? x[j] : 0.0;
        acc = acc + ((positive - x[j] * targets[j]) + logarithm_above_one(exponential(-magnitude(x[j]))));
        if (deltas != NULL) {
            deltas[j] = y[j] - targets[j];
        }
    }
    return acc;
}

static double cross_entropy_row(double *deltas, const double *x, const double *y, const double *targets, size_t count,
                                uint32_t activation) {
    const double most = greatest(x, count);
    double total = 0.0;
    double acc = 0.0;
    (void)activation;
    for (size_t j = 0; j < count; j++) {
        total = total + exponential(x[j] - most);
    }
    const double log_total = logarithm(total, 0.0);
    for (size_t j = 0; j < count; j++) {
        acc = acc + targets[j] * ((most - x[j]) + log_total);
        if (deltas != NULL) {
            deltas[j] = y[j] - targets[j];
        }
    }
    return acc;
}

/* In the order of the losses' numbers. */
static const head HEADS[BP_LOSSES] = {
    {squared_row, BP_ACTIVATIONS, 1.0, 0.5, SUM},
    {squared_row, BP_ACTIVATIONS, 2.0, 1.0, SUM},
    {squared_row, BP_ACTIVATIONS, 1.0, 0.5, MEAN_OF_VALUES},
    {squared_row, BP_ACTIVATIONS, 2.0, 1.0, MEAN_OF_VALUES},
    {binary_cross_entropy_row, BP_SIGMOID, 1.0, 1.0, MEAN_OF_ROWS},
    {cross_entropy_row, BP_SOFTMAX, 1.0, 1.0, MEAN_OF_ROWS},
};

/* Whether the loss is known, and goes with the last layer's activation. */
static int takes_loss(const bp_shape *shape, uint32_t loss) {
    const uint32_t last = shape->activations[shape->layers - 2];
    if (loss >= BP_LOSSES) {
        return 0;
    }
    return HEADS[loss].activation == BP_ACTIVATIONS ? last != BP_SOFTMAX : last == HEADS[loss].activation;
}

/* A row's error and deltas, as `head` has them, times the row's weight where there is one. */
static double finish_row(double *deltas, const double *x, const double *y, const double *targets, const double *weight,
                         size_t count, uint32_t activation, uint32_t loss) {
    const double error = HEADS[loss].row(deltas, x, y, targets, count, activation);
    if (weight == NULL) {
        return error;
    }
    for (size_t j = 0; deltas != NULL && j < count; j++) {
        deltas[j] = deltas[j] * *weight;
    }
    return error * *weight;
}

static const double *weight_of(const bp_data *data, size_t row) {
    return data->weights != NULL ? data->weights + row : NULL;
}

/* What a head's scale and error are divided by; for a sum 1.0, which changes no bit. */
static double divisor_of(const head *chosen, size_t rows, size_t outputs) {
    if (chosen->kind == SUM) {
        return 1.0;
    }
    return chosen->kind == MEAN_OF_ROWS ? (double)rows : (double)rows * (double)outputs;
}

static double gradient_scale(uint32_t loss, size_t rows, size_t outputs) {
    const head *chosen = &HEADS[loss];
    return chosen->scale / divisor_of(chosen, rows, outputs);
}

static APART double loss_figure(double error, uint32_t loss, size_t rows, size_t outputs) {
    const head *chosen = &HEADS[loss];
    return chosen->figure * (error / divisor_of(chosen, rows, outputs));
}

/* --- §5 backward, §6 sums, §7 step --- */

/* Writes the deltas of a hidden layer with the outputs `a`, from `d`, those of the next layer. `weights` and n_out are
   the next layer's. */
static void go_back(double *deltas, const double *d, const double *a, const double *weights, size_t n_in, size_t n_out,
                    uint32_t activation) {
    for (size_t i = 0; i < n_in; i++) {
        const double *row = weights + i * n_out;
        double acc = row[0] * d[0];
        for (size_t j = 1; j < n_out; j++) {
            acc = acc + row[j] * d[j];
        }
        deltas[i] = acc * slope(a[i], activation);
    }
}

/* Writes one sample's deltas and adds its contributions to its lane. `preactivations` and `outputs` are those of
   forward. */
static APART void add_backward(double *lane, double *deltas, const bp_shape *shape, const double *parameters,
                               const double *preactivations, const double *outputs, const double *inputs,
                               const double *targets, const double *weight, size_t count, uint32_t loss) {
    uint32_t layer = shape->layers - 1;
    size_t n_out = shape->sizes[layer];
    size_t weights = count; /* index of the layer's first weight; here one past the last layer's parameters */
    size_t nodes = node_count(shape) - n_out; /* index of the layer's first node */
    lane[weights] = lane[weights] + finish_row(deltas + nodes, preactivations + nodes, outputs + nodes, targets, weight,
                                               n_out, shape->activations[layer - 1], loss);
    for (; layer > 0; layer--) {
        const size_t n_in = shape->sizes[layer - 1];
        const double *a = layer > 1 ? outputs + nodes - n_in : inputs;
        const double *d = deltas + nodes;
        n_out = shape->sizes[layer];
        weights -= (n_in + shape->bias) * n_out;
        for (size_t i = 0; i < n_in; i++) {
            for (size_t j = 0; j < n_out; j++) {
                const size_t k = weights + i * n_out + j;
                lane[k] = lane[k] + a[i] * d[j];
            }
        }
        for (size_t j = 0; j < n_out * shape->bias; j++) {
            const size_t k = weights + n_in * n_out + j;
            lane[k] = lane[k] + d[j];
        }
        if (layer > 1) {
            nodes -= n_in;
            go_back(deltas + nodes, d, a, parameters + weights, n_in, n_out, shape->activations[layer - 2]);
        }
    }
}

bp_status bp_backward(double *sums, double *deltas, const bp_shape *shape, const double *parameters,
                      const double *preactivations, const double *outputs, const double *inputs, const double *targets,
                      uint32_t loss) {
    const size_t count = bp_parameter_count(shape);
    if (count == 0) {
        return BP_E_SHAPE;
    }
    if (!takes_loss(shape, loss)) {
        return BP_E_OPTION;
    }
    const fp_word callers = fp_enter();
    for (size_t k = 0; k <= count; k++) {
        sums[k] = 0.0;
    }
    add_backward(sums, deltas, shape, parameters, preactivations, outputs, inputs, targets, NULL, count, loss);
    fp_leave(callers);
    return BP_OK;
}

static void clear_lanes(double *lanes, size_t count) {
    for (size_t k = 0; k < BP_LANES * count; k++) {
        lanes[k] = 0.0;
    }
}

static void sum_lanes(double *sums, const double *lanes, size_t count) {
    for (size_t k = 0; k < count; k++) {
        const double *l = lanes + k;
        sums[k] = ((l[0] + l[4 * count]) + (l[2 * count] + l[6 * count])) +
                  ((l[count] + l[5 * count]) + (l[3 * count] + l[7 * count]));
    }
}

static APART void sum_errors(double *lanes, double *work, const bp_shape *shape, const double *parameters,
                             const bp_data *data, size_t first, size_t rows, uint32_t loss) {
    const size_t n_in = shape->sizes[0];
    const size_t n_out = shape->sizes[shape->layers - 1];
    const size_t nodes = node_count(shape);
    const uint32_t activation = shape->activations[shape->layers - 2];
    const double *preactivations = work + nodes - n_out; /* of the last layer */
    const double *outputs = preactivations + nodes;
    for (size_t row = first; row < first + rows; row++) {
        forward(work, work + nodes, shape, parameters, data->inputs + row * n_in);
        const double *t = data->targets + row * n_out;
        lanes[row % BP_LANES] = lanes[row % BP_LANES] + finish_row(NULL, preactivations, outputs, t,
                                                                   weight_of(data, row), n_out, activation, loss);
    }
}

/* Whether `rows` rows from `first` on are some that a call may add to the lanes of all rows. */
static int are_next(const bp_data *data, size_t first, size_t rows) {
    return first % BP_LANES == 0 && rows > 0 && first < data->rows && rows <= data->rows - first;
}

bp_status bp_loss(double *figure, double *work, const bp_shape *shape, const double *parameters, const bp_data *data,
                  uint32_t loss) {
    double lanes[BP_LANES];
    return bp_loss_some(figure, lanes, work, shape, parameters, data, loss, 0, data->rows);
}

bp_status bp_loss_some(double *figure, double *lanes, double *work, const bp_shape *shape, const double *parameters,
                       const bp_data *data, uint32_t loss, size_t first, size_t rows) {
    double error;
    if (bp_parameter_count(shape) == 0) {
        return BP_E_SHAPE;
    }
    if (!are_next(data, first, rows) || !takes_loss(shape, loss)) {
        return BP_E_OPTION;
    }
    const fp_word callers = fp_enter();
    if (first == 0) {
        clear_lanes(lanes, 1);
    }
    find_kernel(shape)->sum_errors(lanes, work, shape, parameters, data, first, rows, loss);
    if (first + rows == data->rows) {
        sum_lanes(&error, lanes, 1);
        *figure = loss_figure(error, loss, data->rows, shape->sizes[shape->layers - 1]);
    }
    fp_leave(callers);
    return BP_OK;
}

static size_t scratch_size(const bp_shape *shape) {
    return 3 * node_count(shape) + BP_LANES * (bp_parameter_count(shape) + 1);
}

/* Adds row `row` of the data to its batch, as row `batch_row` there. The scratch holds pre-activations, outputs and
   deltas of all nodes after the input, then the lanes (8, count + 1). */
static void add_row(const work_parts *parts, const bp_shape *shape, const double *parameters, const bp_data *data,
                    size_t row, size_t batch_row, uint32_t loss) {
    const double *x = data->inputs + row * shape->sizes[0];
    const double *t = data->targets + row * shape->sizes[shape->layers - 1];
    double *preactivations = parts->scratch;
    double *outputs = preactivations + parts->nodes;
    double *deltas = outputs + parts->nodes;
    double *lanes = deltas + parts->nodes;
    if (batch_row == 0) {
        clear_lanes(lanes, parts->count + 1);
    }
    forward(preactivations, outputs, shape, parameters, x);
    add_backward(lanes + (batch_row % BP_LANES) * (parts->count + 1), deltas, shape, parameters, preactivations,
                 outputs, x, t, weight_of(data, row), parts->count, loss);
}

static void end_batch(const work_parts *parts) {
    sum_lanes(parts->sums, parts->scratch + 3 * parts->nodes, parts->count + 1);
}

static void sum_batch(const work_parts *parts, const bp_shape *shape, const double *parameters, const bp_data *data,
                      size_t first, size_t rows, uint32_t loss) {
    for (size_t row = first; row < first + rows; row++) {
        add_row(parts, shape, parameters, data, row, row, loss);
    }
    if (first + rows == data->rows) {
        end_batch(parts);
    }
}

static APART void differentiate(double *gradient, double *work, const bp_shape *shape, const double *parameters,
                                const bp_data *data, uint32_t loss, size_t first, size_t rows) {
    const work_parts parts = part(work, shape, BP_DESCENT);
    const double scale = gradient_scale(loss, data->rows, shape->sizes[shape->layers - 1]);
    parts.kernel->sum_batch(&parts, shape, parameters, data, first, rows, loss);
    for (size_t k = 0; k < parts.count && first + rows == data->rows; k++) {
        gradient[k] = parts.sums[k] * scale;
    }
}

bp_status bp_gradient(double *gradient, double *work, const bp_shape *shape, const double *parameters,
                      const bp_data *data, uint32_t loss) {
    return bp_gradient_some(gradient, work, shape, parameters, data, loss, 0, data->rows);
}

bp_status bp_gradient_some(double *gradient, double *work, const bp_shape *shape, const double *parameters,
                           const bp_data *data, uint32_t loss, size_t first, size_t rows) {
    if (bp_parameter_count(shape) == 0) {
        return BP_E_SHAPE;
    }
    if (!are_next(data, first, rows) || !takes_loss(shape, loss)) {
        return BP_E_OPTION;
    }
    const fp_word callers = fp_enter();
    differentiate(gradient, work, shape, parameters, data, loss, first, rows);
    fp_leave(callers);
    return BP_OK;
}

/* --- §8 training --- */

#define ONE_BITS 0x3ff0000000000000U

/* The bits of a value, -0.0 as 0.0: those of numbers that are not negative have the numbers' order, and those of
   negative ones and of NaN are greater than any finite number's. */
static uint64_t order_bits(const double *value) {
    const uint64_t bits = double_bits(value);
    return bits == MAGNITUDE_BITS + 1 ? 0 : bits;
}

/* Whether least <= *value < end, both given by their bits. */
static int is_within(const double *value, uint64_t least, uint64_t end) {
    return least <= order_bits(value) && order_bits(value) < end;
}

/* Whether a known rule's constants are those that §7 allows. */
static int has_good_constants(const bp_settings *settings) {
    const double *constants = settings->constants;
    const rule *chosen = &RULES[settings->rule];
    for (size_t i = 0; i < chosen->constants; i++) {
        if (!is_within(&constants[i], chosen->limits[i][0], chosen->limits[i][1])) {
            return 0;
        }
    }
    return settings->rule != BP_RPROP || order_bits(&constants[3]) <= order_bits(&constants[4]);
}

bp_status bp_train_start(bp_training *training, uint32_t *order, const bp_shape *shape, const bp_settings *settings,
                         const bp_data *data) {
    const size_t rows = data->rows;
    if (bp_parameter_count(shape) == 0) {
        return BP_E_SHAPE;
    }
    if (rows == 0 || settings->batch_size == 0 || settings->log_every == 0 ||
        !is_within(&settings->learning_rate, 0, INFINITY_BITS) ||
        !is_within(&settings->weight_decay, 0, INFINITY_BITS) || !is_within(&settings->l1, 0, INFINITY_BITS) ||
        !takes_loss(shape, settings->loss) || settings->rule >= BP_RULES || !has_good_constants(settings) ||
        settings->shuffle > 1 || settings->decay_biases > 1 || (settings->shuffle && rows > UINT32_MAX)) {
        return BP_E_OPTION;
    }
    if (bp_train_size(shape, settings->rule) == 0) {
        return BP_E_SHAPE;
    }
    training->settings = *settings;
    if (settings->batch_size > rows) {
        training->settings.batch_size = rows;
    }
    training->rows = rows;
    training->epoch = 0;
    training->begun = 0;
    training->to_shuffle = 0;
    training->row = 0;
    training->batch_row = 0;
    training->error = 0.0;
    training->has_state = 0;
    if (settings->shuffle) {
        bp_generator_seed(&training->generator, settings->shuffle_seed, BP_STREAM_SHUFFLING);
        for (size_t row = 0; row < rows; row++) {
            order[row] = (uint32_t)row;
        }
    }
    return BP_OK;
}

static void begin_epoch(bp_training *training, const work_parts *parts, const double *parameters) {
    if (!training->has_state) {
        training->has_state = 1;
        for (size_t k = 0; k < parts->state_size; k++) {
            parts->state[k] = 0.0;
        }
        if (parts->rule->begin != NULL) {
            parts->rule->begin(parts->state, parts->count, &training->settings);
        }
    }
    if (training->settings.learning_rates != NULL) {
        training->settings.learning_rate = training->settings.learning_rates[training->epoch];
    }
    memcpy(parts->backup, parameters, parts->count * sizeof(double));
    memcpy(parts->backup + parts->count, parts->state, parts->state_size * sizeof(double));
    training->to_shuffle = training->settings.shuffle ? training->rows - 1 : 0;
    training->row = 0;
    training->batch_row = 0;
    training->error = 0.0;
    training->begun = training->epoch + 1;
}

/* Restores the epoch's start. */
static void undo_epoch(bp_training *training, double *parameters, const work_parts *parts) {
    memcpy(parameters, parts->backup, parts->count * sizeof(double));
    memcpy(parts->state, parts->backup + parts->count, parts->state_size * sizeof(double));
    training->begun = training->epoch;
}

static void shuffle_row(bp_training *training, uint32_t *order) {
    const size_t i = training->to_shuffle;
    const uint32_t k = bp_generator_below(&training->generator, (uint32_t)(i + 1));
    const uint32_t row = order[i];
    order[i] = order[k];
    order[k] = row;
    training->to_shuffle = i - 1;
}

static void descend(double *parameters, double *state, const double *sums, size_t count, const bp_settings *settings,
                    double scale) {
    const double rate = settings->learning_rate;
    (void)state;
    for (size_t k = 0; k < count; k++) {
        const double g = sums[k] * scale;
        parameters[k] = parameters[k] - rate * g;
    }
}

/* By momentum and by Nesterov's. The state is v. */
static void step_momentum(double *parameters, double *state, const double *sums, size_t count,
                          const bp_settings *settings, double scale) {
    const double rate = settings->learning_rate;
    const double momentum = settings->constants[0];
    const int ahead = settings->rule == BP_NESTEROV;
    for (size_t k = 0; k < count; k++) {
        const double g = sums[k] * scale;
        const double v = momentum * state[k] + g;
        state[k] = v;
        parameters[k] = parameters[k] - rate * (ahead ? g + momentum * v : v);
    }
}

/* The state is m and v, then the two products p1 and p2. */
static void begin_adam(double *state, size_t count, const bp_settings *settings) {
    (void)settings;
    state[2 * count] = 1.0;
    state[2 * count + 1] = 1.0;
}

/* What a step of Adam has in common for all parameters. */
typedef struct {
    double beta1, beta2, epsilon, a, c;
} adam_terms;

static adam_terms begin_adam_step(double *products, const bp_settings *settings) {
    const double beta1 = settings->constants[0];
    const double beta2 = settings->constants[1];
    const double p1 = products[0] * beta1;
    const double p2 = products[1] * beta2;
    products[0] = p1;
    products[1] = p2;
    return (adam_terms){beta1, beta2, settings->constants[2], settings->learning_rate / (1.0 - p1), 1.0 - p2};
}

/* Parameters `first` to `count`. */
static void step_adaptively(double *parameters, double *state, const double *sums, size_t first, size_t count,
                            const adam_terms *terms, double scale) {
    const double beta1 = terms->beta1;
    const double beta2 = terms->beta2;
    for (size_t k = first; k < count; k++) {
        const double g = sums[k] * scale;
        const double m = beta1 * state[k] + (1.0 - beta1) * g;
        const double v = beta2 * state[count + k] + (1.0 - beta2) * (g * g);
        state[k] = m;
        state[count + k] = v;
        parameters[k] = parameters[k] - (terms->a * m) / (square_root(v / terms->c) + terms->epsilon);
    }
}

static void step_adam(double *parameters, double *state, const double *sums, size_t count, const bp_settings *settings,
                      double scale) {
    const adam_terms terms = begin_adam_step(state + 2 * count, settings);
    step_adaptively(parameters, state, sums, 0, count, &terms, scale);
}

/* The state is the gradient before, then the step. */
static void begin_rprop(double *state, size_t count, const bp_settings *settings) {
    for (size_t k = 0; k < count; k++) {
        state[count + k] = settings->constants[2];
    }
}

/* Parameters `first` to `count`. */
static void step_resiliently(double *parameters, double *state, const double *sums, size_t first, size_t count,
                             const bp_settings *settings, double scale) {
    const double increase = settings->constants[0];
    const double decrease = settings->constants[1];
    const double step_min = settings->constants[3];
    const double step_max = settings->constants[4];
    for (size_t k = first; k < count; k++) {
        double g = sums[k] * scale;
        const double q = state[k] * g;
        if (q > 0.0) {
            const double grown = state[count + k] * increase;
            state[count + k] = grown < step_max ? grown : step_max;
        } else if (q < 0.0) {
            const double shrunk = state[count + k] * decrease;
            state[count + k] = shrunk > step_min ? shrunk : step_min;
            g = 0.0;
        }
        if (g > 0.0) {
            parameters[k] = parameters[k] - state[count + k];
        } else if (g < 0.0) {
            parameters[k] = parameters[k] + state[count + k];
        }
        state[k] = g;
    }
}

static void step_rprop(double *parameters, double *state, const double *sums, size_t count, const bp_settings *settings,
                       double scale) {
    step_resiliently(parameters, state, sums, 0, count, settings, scale);
}

/* Limits of constants: at least 0 and below 1; above 0 and below 1; finite and at least 0, above 0, above 1. */
#define SHARE {0, ONE_BITS}
#define PROPER_SHARE {1, ONE_BITS}
#define NOT_NEGATIVE {0, INFINITY_BITS}
#define POSITIVE {1, INFINITY_BITS}
#define ABOVE_ONE {ONE_BITS + 1, INFINITY_BITS}

/* In the order of the rules' numbers. */
static const rule RULES[BP_RULES] = {
    {0, 0, NULL, descend, 0, {{0}}},
    {1, 0, NULL, step_momentum, 1, {SHARE}},
    {1, 0, NULL, step_momentum, 1, {SHARE}},
    {2, 2, begin_adam, step_adam, 3, {SHARE, SHARE, POSITIVE}},
    {2, 2, begin_adam, step_adam, 3, {SHARE, SHARE, POSITIVE}},
    {2, 0, begin_rprop, step_rprop, 5, {ABOVE_ONE, PROPER_SHARE, POSITIVE, NOT_NEGATIVE, NOT_NEGATIVE}},
};

/* Makes gradients of the sums, with what pulls parameters to 0; AdamW's weight decay changes these instead (§7). */
static void regularise(double *parameters, double *sums, const bp_shape *shape, const bp_settings *settings,
                       double scale) {
    const double factor = settings->learning_rate * settings->weight_decay;
    size_t k = 0;
    for (uint32_t layer = 1; layer < shape->layers; layer++) {
        const size_t n_out = shape->sizes[layer];
        const size_t biases = k + shape->sizes[layer - 1] * n_out;
        const size_t end = biases + n_out * shape->bias;
        const size_t decayed = settings->decay_biases ? end : biases;
        for (; k < end; k++) {
            const double w = parameters[k];
            sums[k] = sums[k] * scale;
            if (k < decayed && settings->l1 != 0.0) {
                sums[k] = w > 0.0 ? sums[k] + settings->l1 : w < 0.0 ? sums[k] - settings->l1 : sums[k];
            }
            if (k < decayed && settings->weight_decay != 0.0) {
                if (settings->rule == BP_ADAMW) {
                    parameters[k] = w - factor * w;
                } else {
                    sums[k] = sums[k] + settings->weight_decay * w;
                }
            }
        }
    }
}

/* Ends a batch: takes the step of its sums. */
static void take_step(bp_training *training, double *parameters, const work_parts *parts, const bp_shape *shape) {
    const bp_settings *settings = &training->settings;
    double scale = gradient_scale(settings->loss, training->batch_row, shape->sizes[shape->layers - 1]);
    const rule_step *steps = parts->kernel->steps;
    training->error = training->error + parts->sums[parts->count];
    if (settings->weight_decay != 0.0 || settings->l1 != 0.0) {
        regularise(parameters, parts->sums, shape, settings, scale);
        scale = 1.0; /* times which the sums are what they are */
    }
    (steps != NULL ? steps[settings->rule] : parts->rule->step)(parameters, parts->state, parts->sums, parts->count,
                                                                settings, scale);
    training->batch_row = 0;
}

static size_t train_row(bp_training *training, double *parameters, work_parts *parts, const uint32_t *order,
                        const bp_shape *shape, const bp_data *data, uint64_t budget) {
    const size_t row = training->settings.shuffle ? order[training->row] : training->row;
    (void)budget;
    add_row(parts, shape, parameters, data, row, training->batch_row, training->settings.loss);
    training->row += 1;
    training->batch_row += 1;
    if (training->batch_row == training->settings.batch_size || training->row == training->rows) {
        end_batch(parts);
        take_step(training, parameters, parts, shape);
    }
    return 1;
}

/* BP_DIVERGED where the epoch's error or a parameter is not finite: then the epoch's start is restored. */
static bp_status end_epoch(double *log, size_t *logged, bp_training *training, double *parameters,
                           const work_parts *parts, size_t log_size) {
    if (!is_finite(&training->error) || !all_finite(parameters, parts->count)) {
        undo_epoch(training, parameters, parts);
        return BP_DIVERGED;
    }
    if (log_size > 0 && training->epoch % training->settings.log_every == 0) {
        log[(*logged)++] = training->error;
    }
    training->epoch += 1;
    return BP_OK;
}

static APART bp_status train(double *log, bp_training *training, double *parameters, double *work, uint32_t *order,
                             const bp_shape *shape, const bp_data *data, const bp_limits *limits) {
    work_parts parts = part(work, shape, training->settings.rule);
    const size_t log_size = limits->log_size;
    uint64_t budget = limits->budget;
    size_t logged = 0;
    while (training->epoch < limits->until && budget > 0 && (logged < log_size || log_size == 0)) {
        if (training->begun == training->epoch) {
            begin_epoch(training, &parts, parameters);
        }
        for (; training->to_shuffle > 0 && budget > 0; budget--) {
            shuffle_row(training, order);
        }
        while (training->row < training->rows && budget > 0) {
            const size_t done = parts.kernel->train_rows(training, parameters, &parts, order, shape, data, budget);
            budget = done < budget ? budget - done : 0;
        }
        if (training->row == training->rows &&
            end_epoch(log, &logged, training, parameters, &parts, log_size) != BP_OK) {
            return BP_DIVERGED;
        }
    }
    return BP_OK;
}

/* Whether a training may have been started on these data; if it was never started, it may hold anything. */
static int is_started(const bp_training *training, const bp_shape *shape, const bp_data *data) {
    return takes_loss(shape, training->settings.loss) && training->settings.rule < BP_RULES &&
           training->rows == data->rows;
}

bp_status bp_train(double *log, bp_training *training, double *parameters, double *work, uint32_t *order,
                   const bp_shape *shape, const bp_data *data, const bp_limits *limits) {
    if (bp_parameter_count(shape) == 0) {
        return BP_E_SHAPE;
    }
    if (!is_started(training, shape, data)) {
        return BP_E_OPTION;
    }
    const fp_word callers = fp_enter();
    const bp_status status = train(log, training, parameters, work, order, shape, data, limits);
    fp_leave(callers);
    return status;
}

/* The doubles of each network's `work`: all networks that are trained have one rule. */
static size_t work_size_of(const int32_t *statuses, const bp_training *trainings, size_t networks,
                           const bp_shape *shape) {
    for (size_t n = 0; n < networks; n++) {
        if (statuses[n] == BP_OK) {
            return bp_train_size(shape, trainings[n].settings.rule);
        }
    }
    return 0;
}

static void train_each(double *logs, int32_t *statuses, bp_training *trainings, double *parameters, double *work,
                       uint32_t *orders, const bp_shape *shape, const bp_data *data, const bp_limits *limits,
                       size_t networks) {
    const size_t count = bp_parameter_count(shape);
    const size_t work_size = work_size_of(statuses, trainings, networks, shape);
    for (size_t n = 0; n < networks; n++) {
        if (statuses[n] == BP_OK) {
            double *log = limits->log_size > 0 ? logs + n * limits->log_size : NULL;
            uint32_t *order = trainings[n].settings.shuffle ? orders + n * data->rows : NULL;
            statuses[n] =
                train(log, &trainings[n], parameters + n * count, work + n * work_size, order, shape, data, limits);
        }
    }
}

bp_status bp_train_many(double *logs, int32_t *statuses, bp_training *trainings, double *parameters, double *work,
                        uint32_t *orders, const bp_shape *shape, const bp_data *data, const bp_limits *limits,
                        size_t networks) {
    if (bp_parameter_count(shape) == 0) {
        return BP_E_SHAPE;
    }
    for (size_t n = 0; n < networks; n++) {
        if (statuses[n] == BP_OK && !is_started(&trainings[n], shape, data)) {
            statuses[n] = BP_E_OPTION;
        }
    }
    const fp_word callers = fp_enter();
    find_kernel(shape)->train_many(logs, statuses, trainings, parameters, work, orders, shape, data, limits, networks);
    fp_leave(callers);
    return BP_OK;
}

size_t bp_state_size(const bp_shape *shape, uint32_t rule) {
    return bp_train_size(shape, rule) == 0 ? 0 : part(NULL, shape, rule).state_size;
}

void bp_train_state(double *state, const bp_training *training, double *work, const bp_shape *shape) {
    const work_parts parts = part(work, shape, training->settings.rule);
    memcpy(state, parts.state, parts.state_size * sizeof(double));
}

void bp_train_resume(bp_training *training, double *work, const bp_shape *shape, const double *state, uint64_t epoch) {
    const work_parts parts = part(work, shape, training->settings.rule);
    memcpy(parts.state, state, parts.state_size * sizeof(double));
    training->has_state = 1;
    training->epoch = epoch;
    training->begun = epoch;
}

void bp_train_undo(bp_training *training, double *parameters, double *work, const bp_shape *shape) {
    if (training->begun > training->epoch) {
        const work_parts parts = part(work, shape, training->settings.rule);
        undo_epoch(training, parameters, &parts);
    }
}

/* --- the portable kernel --- */

static const kernel PORTABLE = {predict_size, scratch_size, predict,    sum_errors,
                                sum_batch,    train_row,    train_each, NULL};

#if !defined(BITPROP_SIMD) /* defined by simd.c, which includes this file and has more kernels */

static uint32_t usable_kernels(void) {
    return 1U << BP_PORTABLE;
}

static const kernel *find_kernel(const bp_shape *shape) {
    (void)shape;
    return &PORTABLE;
}

#endif

/* --- §11 model bytes --- */

static const uint8_t SIGNATURE[8] = {'b', 'i', 't', 'p', 'r', 'o', 'p', 0};
#define HEADER_SIZE 20U /* signature, version, flags, layers */

/* Of four bits at a time. */
static const uint32_t CRC_STEPS[16] = {0x00000000U, 0x1db71064U, 0x3b6e20c8U, 0x26d930acU, 0x76dc4190U, 0x6b6b51f4U,
                                       0x4db26158U, 0x5005713cU, 0xedb88320U, 0xf00f9344U, 0xd6d6a3e8U, 0xcb61b38cU,
                                       0x9b64c2b0U, 0x86d3d2d4U, 0xa00ae278U, 0xbdbdf21cU};

static uint32_t crc32(const uint8_t *data, size_t length) {
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        crc = (crc >> 4) ^ CRC_STEPS[crc & 15U];
        crc = (crc >> 4) ^ CRC_STEPS[crc & 15U];
    }
    return crc ^ 0xffffffffU;
}

static void put(uint8_t *data, uint64_t value, size_t length) {
    for (size_t i = 0; i < length; i++) {
        data[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get(const uint8_t *data, size_t length) {
    uint64_t value = 0;
    for (size_t i = length; i > 0; i--) {
        value = (value << 8) | data[i - 1];
    }
    return value;
}

size_t bp_encode_size(const bp_shape *shape) {
    const size_t count = bp_parameter_count(shape);
    return count == 0 ? 0 : HEADER_SIZE + 4 * (2 * (size_t)shape->layers - 1) + 8 * count + 4;
}

bp_status bp_encode(uint8_t *data, const bp_shape *shape, const double *parameters) {
    const size_t size = bp_encode_size(shape);
    const size_t count = bp_parameter_count(shape);
    size_t offset = HEADER_SIZE;
    if (size == 0) {
        return BP_E_SHAPE;
    }
    memcpy(data, SIGNATURE, 8);
    put(data + 8, BP_FORMAT, 4);
    put(data + 12, shape->bias, 4);
    put(data + 16, shape->layers, 4);
    for (uint32_t layer = 0; layer < shape->layers; layer++, offset += 4) {
        put(data + offset, shape->sizes[layer], 4);
    }
    for (uint32_t layer = 1; layer < shape->layers; layer++, offset += 4) {
        put(data + offset, shape->activations[layer - 1], 4);
    }
    for (size_t i = 0; i < count; i++, offset += 8) {
        put(data + offset, double_bits(&parameters[i]), 8);
    }
    put(data + offset, crc32(data, offset), 4);
    return BP_OK;
}

/* The size in bytes of the model whose header is in `data`; 0 = not a shape. The sizes there are unaligned and
   little-endian, so no bp_shape can point at them. */
static uint64_t encoded_size(const uint8_t *data, uint32_t layers) {
    const uint8_t *sizes = data + HEADER_SIZE;
    const uint8_t *activations = sizes + 4 * (size_t)layers;
    const uint64_t bias = get(data + 12, 4);
    uint64_t count = 0;
    const size_t last = 4 * ((size_t)layers - 2);
    for (size_t offset = 0; offset <= last; offset += 4) {
        count = add_layer(count, get(sizes + offset, 4), get(sizes + offset + 4, 4), get(activations + offset, 4), bias,
                          offset == last);
        if (count == 0) {
            return 0;
        }
    }
    return HEADER_SIZE + 4 * (2 * (uint64_t)layers - 1) + 8 * count + 4;
}

uint32_t bp_decode_layers(const uint8_t *data, size_t length) {
    if (length < HEADER_SIZE + 4 || get(data, 4) != get(SIGNATURE, 4) || get(data + 4, 4) != get(SIGNATURE + 4, 4) ||
        get(data + 8, 4) != BP_FORMAT || get(data + 12, 4) > 1 ||
        get(data + length - 4, 4) != crc32(data, length - 4)) {
        return 0;
    }
    const uint32_t layers = (uint32_t)get(data + 16, 4);
    if (layers < 2 || layers > (length - HEADER_SIZE) / 8 || encoded_size(data, layers) != length) {
        return 0;
    }
    for (size_t offset = HEADER_SIZE + 4 * (2 * (size_t)layers - 1); offset < length - 4; offset += 8) {
        const uint64_t bits = get(data + offset, 8);
        if ((bits & MAGNITUDE_BITS) > INFINITY_BITS && bits != NAN_BITS) {
            return 0;
        }
    }
    return layers;
}

bp_status bp_decode_shape(uint32_t *sizes, uint32_t *activations, uint32_t *bias, const uint8_t *data, size_t length) {
    const uint32_t layers = bp_decode_layers(data, length);
    size_t offset = HEADER_SIZE;
    if (layers == 0) {
        return BP_E_FORMAT;
    }
    for (uint32_t layer = 0; layer < layers; layer++, offset += 4) {
        sizes[layer] = (uint32_t)get(data + offset, 4);
    }
    for (uint32_t layer = 1; layer < layers; layer++, offset += 4) {
        activations[layer - 1] = (uint32_t)get(data + offset, 4);
    }
    *bias = (uint32_t)get(data + 12, 4);
    return BP_OK;
}

bp_status bp_decode_parameters(double *parameters, const uint8_t *data, size_t length) {
    const uint32_t layers = bp_decode_layers(data, length);
    if (layers == 0) {
        return BP_E_FORMAT;
    }
    for (size_t offset = HEADER_SIZE + 4 * (2 * (size_t)layers - 1); offset < length - 4; offset += 8) {
        *parameters++ = bits_double(get(data + offset, 8));
    }
    return BP_OK;
}

/* --- §13 scaling --- */

/* What stands between the next line and that of the end is also the text of exported networks: src/bitprop/export.py.
 */
/* --- scaling: begin --- */
static double scaled_value(double v, double shift, double spread) {
    return (v - shift) / spread;
}

static double unscaled_value(double v, double shift, double spread) {
    return v * spread + shift;
}

/* --- scaling: end --- */

static double at_least_some(double spread) {
    return spread == 0.0 ? 1.0 : spread;
}

static int all_equal(const double *values, size_t rows, size_t columns) {
    size_t row = 1;
    while (row < rows && values[row * columns] == values[0]) {
        row++;
    }
    return row >= rows;
}

static APART void standard_scaling(double *shift, double *spread, const double *values, size_t rows, size_t columns) {
    for (size_t column = 0; column < columns; column++) {
        const double *x = values + column;
        double lanes[BP_LANES] = {0.0};
        double mean = x[0], sum;
        if (!all_equal(x, rows, columns)) {
            for (size_t row = 0; row < rows; row++) {
                lanes[row % BP_LANES] = lanes[row % BP_LANES] + x[row * columns];
            }
            sum_lanes(&sum, lanes, 1);
            mean = sum / (double)rows;
        }
        for (size_t k = 0; k < BP_LANES; k++) {
            lanes[k] = 0.0;
        }
        for (size_t row = 0; row < rows; row++) {
            const double d = x[row * columns] - mean;
            lanes[row % BP_LANES] = lanes[row % BP_LANES] + d * d;
        }
        sum_lanes(&sum, lanes, 1);
        shift[column] = mean;
        spread[column] = at_least_some(square_root(sum / (double)rows));
    }
}

void bp_standard_scaling(double *shift, double *spread, const double *values, size_t rows, size_t columns) {
    const fp_word callers = fp_enter();
    standard_scaling(shift, spread, values, rows, columns);
    fp_leave(callers);
}

static APART void min_max_scaling(double *shift, double *spread, const double *values, size_t rows, size_t columns,
                                  double low, double high) {
    for (size_t column = 0; column < columns; column++) {
        const double *x = values + column;
        double least = x[0], most = x[0];
        for (size_t row = 1; row < rows; row++) {
            least = x[row * columns] < least ? x[row * columns] : least;
            most = x[row * columns] > most ? x[row * columns] : most;
        }
        spread[column] = at_least_some((most - least) / (high - low));
        shift[column] = least - low * spread[column];
    }
}

void bp_min_max_scaling(double *shift, double *spread, const double *values, size_t rows, size_t columns, double low,
                        double high) {
    const fp_word callers = fp_enter();
    min_max_scaling(shift, spread, values, rows, columns, low, high);
    fp_leave(callers);
}

static APART void scale_all(double *scaled, const double *values, const double *shift, const double *spread,
                            size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            const size_t k = row * columns + column;
            scaled[k] = scaled_value(values[k], shift[column], spread[column]);
        }
    }
}

void bp_scale(double *scaled, const double *values, const double *shift, const double *spread, size_t rows,
              size_t columns) {
    const fp_word callers = fp_enter();
    scale_all(scaled, values, shift, spread, rows, columns);
    fp_leave(callers);
}

static APART void unscale_all(double *values, const double *shift, const double *spread, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            const size_t k = row * columns + column;
            values[k] = unscaled_value(values[k], shift[column], spread[column]);
        }
    }
}

void bp_unscale(double *values, const double *shift, const double *spread, size_t rows, size_t columns) {
    const fp_word callers = fp_enter();
    unscale_all(values, shift, spread, rows, columns);
    fp_leave(callers);
}

/* --- self-test --- */

/* The operands come from volatile memory: what is tested is the machine, not the compiler's arithmetic. Each is read
   once, so that a compiler that may reorder sums can do so here as well. */
static APART bp_status probe(void) {
    volatile double operands[6] = {1.0, 0x1.00000004p+0, 0x1.00000008p+0, 1e16, 0x1.00008p-53, 1e-310};
    const double one = operands[0];
    const double near_one = operands[1];
    const double square = operands[2];
    const double large = operands[3];
    const double over_half = operands[4]; /* of 1.0's last place, by less than x87 registers hold beside 1.0 */
    const double small = operands[5];
    if (near_one * near_one - square != 0.0) {
        return BP_E_FUSED;
    }
    if ((large + one) - large != 0.0 || (one + over_half) - one == 0.0) {
        return BP_E_REORDERED;
    }
    if (small * 0.5 == 0.0) {
        return BP_E_FLUSHED;
    }
    return BP_OK;
}

/* What no macro shows of some compilers (clang's -freciprocal-math and -fno-signed-zeros alone): quotients by one
   divisor become products with its reciprocal, and a zero that is added or subtracted from is left out. */
static APART bp_status probe_compiler(void) {
    volatile double operands[4] = {49.0, 5.0, -0.0, 0.0};
    double quotients[4];
    for (size_t i = 0; i < 4; i++) {
        quotients[i] = operands[1];
    }
    divide_all(quotients, 4, operands[0]);
    const double sum = operands[2] + 0.0;
    const double difference = 0.0 - operands[3];
    if (quotients[0] != 0x1.a1f58d0fac688p-4 || double_bits(&sum) != 0 || double_bits(&difference) != 0) {
        return BP_E_REORDERED;
    }
    return BP_OK;
}

#define TEST_CRC 0x00a0ff0cU /* of the model that the self-test's training ends with; made by the oracle */
#if !defined(TEST_WORK)
#define TEST_WORK 151 /* doubles that the portable kernel needs for it */
#endif

static bp_status train_test(uint32_t kernel) {
    static const uint32_t sizes[3] = {2, 3, 1};
    static const uint32_t activations[2] = {BP_TANH, BP_SIGMOID};
    static const double inputs[8] = {0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0};
    static const double targets[4] = {0.0, 1.0, 1.0, 0.0};
    static const bp_data data = {inputs, targets, 4, NULL};
    static const bp_settings settings = {.batch_size = 3,
                                         .log_every = 1,
                                         .shuffle_seed = 1,
                                         .learning_rate = 0.5,
                                         .loss = BP_MSE,
                                         .rule = BP_DESCENT,
                                         .shuffle = 1};
    static const bp_limits limits = {20, UINT64_MAX, 0};
    const bp_shape shape = {sizes, activations, 3, 1, kernel};
    double parameters[13];
    double work[TEST_WORK];
    uint8_t encoded[148];
    uint32_t order[4];
    bp_training training;
    volatile double negative_zero = -0.0; /* which relu keeps; clang 14 for WebAssembly makes it 0.0 */
    double relu = negative_zero;
    if (bp_activate(&relu, 1, BP_RELU) != BP_OK || double_bits(&relu) >> 63 == 0 ||
        bp_train_size(&shape, BP_DESCENT) > TEST_WORK || bp_encode_size(&shape) != sizeof encoded ||
        bp_init(parameters, &training.generator, &shape, 1, BP_GLOROT) != BP_OK ||
        bp_train_start(&training, order, &shape, &settings, &data) != BP_OK ||
        bp_train(NULL, &training, parameters, work, order, &shape, &data, &limits) != BP_OK ||
        bp_encode(encoded, &shape, parameters) != BP_OK || get(encoded + sizeof encoded - 4, 4) != TEST_CRC) {
        return BP_E_ANSWER;
    }
    return BP_OK;
}

static APART void multiply(double *values, size_t count, double factor) {
    for (size_t k = 0; k < count; k++) {
        values[k] = values[k] * factor;
    }
}

/* The parameters' checksum after a training by `rule` of `networks` (1 or 2) sigmoid networks, whose drawn weights are
   multiplied by `factor`; 0 where one does not end well. */
static uint32_t train_sum(uint32_t kernel, const uint32_t *sizes, uint32_t layers, size_t batch_size, size_t networks,
                          double factor, uint32_t rule) {
    static const uint32_t activations[3] = {BP_SIGMOID, BP_SIGMOID, BP_SIGMOID};
    static const double inputs[18] = {0.0, 0.0,  0.0,  1.0, 1.0, 0.0, 1.0, 1.0,
                                      0.5, 0.25, 0.75, 0.0, 1.0, 0.5, 2.0, -1.0};
    static const double targets[9] = {0.0, 1.0, 1.0, 0.0, 0.5, 1.0, 0.25, 0.0, 1.0};
    static const bp_data data = {inputs, targets, 9, NULL};
    static const bp_limits limits = {5, UINT64_MAX, 0};
    const bp_shape shape = {sizes, activations, layers, 1, kernel};
    const double first = rule == BP_RPROP ? 1.25 : 0.5; /* of the rule's constants: more than 1 for RPROP, less else */
    const bp_settings settings = {.batch_size = batch_size,
                                  .log_every = 1,
                                  .learning_rate = 0.5,
                                  .loss = BP_HALF_SSE,
                                  .rule = rule,
                                  .constants = {first, 0.5, 0.0625, 0.0, 8.0}};
    const size_t count = bp_parameter_count(&shape);
    double parameters[37];
    double work[TEST_WORK];
    int32_t statuses[2] = {BP_OK, BP_OK};
    bp_training trainings[2];
    uint8_t bytes[8 * 37];
    if (networks * count > 37 || networks * bp_train_size(&shape, rule) > TEST_WORK) {
        return 0;
    }
    for (size_t n = 0; n < networks; n++) {
        if (bp_init(parameters + n * count, &trainings[n].generator, &shape, n, BP_NORMAL) != BP_OK ||
            bp_train_start(&trainings[n], NULL, &shape, &settings, &data) != BP_OK) {
            return 0;
        }
    }
    multiply(parameters, networks * count, factor);
    if (bp_train_many(NULL, statuses, trainings, parameters, work, NULL, &shape, &data, &limits, networks) != BP_OK ||
        statuses[0] != BP_OK || statuses[networks - 1] != BP_OK) {
        return 0;
    }
    for (size_t k = 0; k < networks * count; k++) {
        put(bytes + 8 * k, double_bits(&parameters[k]), 8);
    }
    return crc32(bytes, 8 * networks * count);
}

/* Trains by each path of the kernel, with sigmoids beyond their clamp (§2) too, and by the portable kernel.
   BP_E_ANSWER: the bits differ. */
static bp_status compare_kernel(uint32_t kernel) {
    static const uint32_t sizes[3][4] = {{2, 4, 4, 1}, {2, 3, 1, 0}, {2, 2, 1, 0}};
    static const uint32_t layers[3] = {4, 3, 3};
    for (size_t i = 0; i < 12; i++) {
        const uint32_t *shape = sizes[i % 3];
        const size_t networks = i % 3 == 2 ? 2 : 1; /* the last shape is trained side by side */
        const size_t batch_size = i % 6 < 3 ? 1 : 9;
        const double factor = i < 6 ? 1.0 : 1024.0;
        const uint32_t rule = batch_size == 1 ? BP_DESCENT : (uint32_t)(i / 2); /* else 1, 2, 4 and 5 */
        const uint32_t expected = train_sum(BP_PORTABLE, shape, layers[i % 3], batch_size, networks, factor, rule);
        if (expected == 0 || train_sum(kernel, shape, layers[i % 3], batch_size, networks, factor, rule) != expected) {
            return BP_E_ANSWER;
        }
    }
    return BP_OK;
}

bp_status bp_self_test(void) {
    const fp_word callers = fp_enter();
    bp_status status = probe();
    if (status == BP_OK) {
        status = probe_compiler();
    }
    fp_leave(callers);
    for (uint32_t kernel = BP_PORTABLE; status == BP_OK && kernel <= BP_AVX512; kernel++) {
        if ((bp_kernels() >> kernel & 1U) != 0) {
            status = train_test(kernel);
            if (status == BP_OK && kernel != BP_PORTABLE) {
                status = compare_kernel(kernel);
            }
        }
    }
    return status;
}
