/* SPDX-License-Identifier: MIT */
/* Sweeps in threads, for ThreadSanitizer: threads.c ROUNDS. Each of eight threads trains networks on rows that all of
   them read, and measures a network that all read. It prints the number of trainings; 1 where bits differ. */
#include "levenberg.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, NETWORKS = 4, ROWS = 50, COUNT = 2 * 4 + 4 + 4 * 4 + 4 + 4 + 1 };

static const uint32_t sizes[4] = {2, 4, 4, 1};
static const uint32_t activations[3] = {BP_SIGMOID, BP_TANH, BP_SIGMOID};
static double inputs[2 * ROWS], targets[ROWS], common[COUNT];
static double results[THREADS][NETWORKS * COUNT + ROWS + 1 + COUNT];
static int rounds, failed[THREADS];

static void sweep(int thread, uint32_t kernel, uint32_t rule) {
    const bp_shape shape = {sizes, activations, 4, 1, kernel};
    const bp_data data = {inputs, targets, ROWS, NULL};
    const bp_settings settings = {.batch_size = rule == BP_DESCENT ? 1 : 7,
                                  .log_every = 1,
                                  .shuffle = 1,
                                  .shuffle_seed = 3,
                                  .learning_rate = 0.1,
                                  .rule = rule,
                                  .constants = {rule == BP_RPROP ? 1.2 : 0.9, 0.5, 0.1, 0.0, 50.0}};
    const bp_limits limits = {4, UINT64_MAX, 0};
    const size_t size = bp_train_size(&shape, rule);
    double *work = malloc(NETWORKS * size * sizeof(double));
    bp_training *trainings = calloc(NETWORKS, sizeof *trainings);
    uint32_t orders[NETWORKS * ROWS];
    int32_t statuses[NETWORKS] = {0};
    double *p = results[thread];
    failed[thread] |= work == NULL || trainings == NULL || bp_self_test() != BP_OK;
    for (size_t n = 0; n < NETWORKS && !failed[thread]; n++) {
        failed[thread] |= bp_init(p + n * COUNT, &trainings[n].generator, &shape, n, BP_NORMAL) != BP_OK ||
                          bp_train_start(&trainings[n], orders + n * ROWS, &shape, &settings, &data) != BP_OK;
    }
    if (!failed[thread]) {
        double *rest = p + NETWORKS * COUNT;
        failed[thread] |=
            bp_train_many(NULL, statuses, trainings, p, work, orders, &shape, &data, &limits, NETWORKS) != BP_OK ||
            bp_predict(rest, work, &shape, common, inputs, ROWS) != BP_OK ||
            bp_loss(rest + ROWS, work, &shape, common, &data, BP_MSE) != BP_OK ||
            bp_gradient(rest + ROWS + 1, work, &shape, common, &data, BP_MSE) != BP_OK;
    }
    free(work);
    free(trainings);
}

static void *run(void *argument) {
    const int thread = *(const int *)argument;
    for (int round = 0; round < rounds; round++) {
        for (uint32_t kernel = BP_PORTABLE; kernel < BP_KERNELS; kernel++) {
            if ((bp_kernels() >> kernel & 1U) != 0) {
                sweep(thread, kernel, (uint32_t)round % BP_RULES);
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    int numbers[THREADS], kernels = 0, bad = 0;
    bp_generator generator;
    const bp_shape shape = {sizes, activations, 4, 1, BP_AUTO};
    rounds = argc > 1 ? atoi(argv[1]) : 6;
    bp_init(common, &generator, &shape, 9, BP_UNIFORM);
    for (size_t i = 0; i < ROWS; i++) {
        inputs[2 * i] = bp_generator_random(&generator);
        inputs[2 * i + 1] = bp_generator_random(&generator);
        targets[i] = bp_generator_random(&generator);
    }
    for (int n = 0; n < THREADS; n++) {
        numbers[n] = n;
        bad |= pthread_create(&threads[n], NULL, run, &numbers[n]);
    }
    for (int n = 0; n < THREADS && !bad; n++) {
        bad |= pthread_join(threads[n], NULL);
    }
    for (int n = 0; n < THREADS; n++) {
        bad |= failed[n] || memcmp(results[0], results[n], sizeof results[0]) != 0;
    }
    for (uint32_t kernel = BP_PORTABLE; kernel < BP_KERNELS; kernel++) {
        kernels += (int)(bp_kernels() >> kernel & 1U);
    }
    printf("%d trainings in %d threads: %s\n", rounds * kernels * THREADS * NETWORKS, THREADS,
           bad ? "FAILED" : "the same bits");
    return bad;
}
