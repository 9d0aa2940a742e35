/* SPDX-License-Identifier: MIT */
/*
 * Parameters across the vector: the steps of the update rules (§7). A further macro, NARROWER(name), names the function
 * that takes the parameters that fill no vector: the portable one, or with AVX-512 that for vectors of four.
 */

/* The square root of each element. */
#undef ROOT
#if WIDTH == 8
#define ROOT(a) ((vector)_mm512_sqrt_pd((__m512d)(a)))
#elif WIDTH == 4
#define ROOT(a) ((vector)_mm256_sqrt_pd((__m256d)(a)))
#elif defined(__SSE2__)
#define ROOT(a) ((vector)_mm_sqrt_pd((__m128d)(a)))
#else
#define ROOT(a) ((vector)vsqrtq_f64((float64x2_t)(a)))
#endif

/* To be done before instructions for shorter vectors, which wait for the upper halves of registers otherwise: gcc 12
   leaves it out before calls of static functions. */
#undef CLEAR_UPPER
#if WIDTH > 2
#define CLEAR_UPPER() _mm256_zeroupper()
#else
#define CLEAR_UPPER() ((void)0)
#endif

static void LEVEL(step_momentum)(double *parameters, double *state, const double *sums, size_t count,
                                 const bp_settings *settings, double scale) {
    const double rate = settings->learning_rate;
    const double momentum = settings->constants[0];
    const int ahead = settings->rule == BP_NESTEROV;
    size_t k = 0;
    for (; k + WIDTH <= count; k += WIDTH) {
        const vector g = LOAD_ANY(sums + k) * scale;
        const vector v = momentum * LOAD_ANY(state + k) + g;
        STORE_ANY(state + k, v);
        STORE_ANY(parameters + k, LOAD_ANY(parameters + k) - rate * (ahead ? g + momentum * v : v));
    }
    CLEAR_UPPER();
    NARROWER(step_momentum)(parameters + k, state + k, sums + k, count - k, settings, scale);
}

static void LEVEL(step_adaptively)(double *parameters, double *state, const double *sums, size_t first, size_t count,
                                   const adam_terms *terms, double scale) {
    const double beta1 = terms->beta1;
    const double beta2 = terms->beta2;
    const double rest1 = 1.0 - beta1;
    const double rest2 = 1.0 - beta2;
    const double epsilon = terms->epsilon;
    const double a = terms->a;
    const double c = terms->c;
    size_t k = first;
    for (; k + WIDTH <= count; k += WIDTH) {
        const vector g = LOAD_ANY(sums + k) * scale;
        const vector m = beta1 * LOAD_ANY(state + k) + rest1 * g;
        const vector v = beta2 * LOAD_ANY(state + count + k) + rest2 * (g * g);
        STORE_ANY(state + k, m);
        STORE_ANY(state + count + k, v);
        STORE_ANY(parameters + k, LOAD_ANY(parameters + k) - (a * m) / (ROOT(v / c) + epsilon));
    }
    CLEAR_UPPER();
    NARROWER(step_adaptively)(parameters, state, sums, k, count, terms, scale);
}

static void LEVEL(step_resiliently)(double *parameters, double *state, const double *sums, size_t first, size_t count,
                                    const bp_settings *settings, double scale) {
    const double increase = settings->constants[0];
    const double decrease = settings->constants[1];
    const vector step_min = broadcast(settings->constants[3]);
    const vector step_max = broadcast(settings->constants[4]);
    size_t k = first;
    for (; k + WIDTH <= count; k += WIDTH) {
        const vector gradient = LOAD_ANY(sums + k) * scale;
        const vector q = LOAD_ANY(state + k) * gradient;
        const vector before = LOAD_ANY(state + count + k);
        const vector shrunk = PICK(q < 0.0, MAX(before * decrease, step_min), before);
        const vector step = PICK(q > 0.0, MIN(before * increase, step_max), shrunk);
        const vector g = PICK(q < 0.0, broadcast(0.0), gradient);
        const vector w = LOAD_ANY(parameters + k);
        STORE_ANY(state + k, g);
        STORE_ANY(state + count + k, step);
        STORE_ANY(parameters + k, PICK(g > 0.0, w - step, PICK(g < 0.0, w + step, w)));
    }
    CLEAR_UPPER();
    NARROWER(step_resiliently)(parameters, state, sums, k, count, settings, scale);
}
