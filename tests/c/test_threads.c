/* SPDX-License-Identifier: MIT */
/*
 * Trains networks in several threads at a time, which share the shape, the rows and the settings; for a build with
 * ThreadSanitizer. Each thread must end at the bits of the others.
 */
#include "levenberg.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define THREADS 4
#define ROWS 40U
#define WORK 60000U

static const uint32_t sizes[4] = {2, 4, 4, 1}, activations[3] = {BP_SIGMOID, BP_TANH, BP_SIGMOID};
static double inputs[2 * ROWS], targets[ROWS];
static const bp_data data = {inputs, targets, ROWS, NULL};
static const bp_limits limits = {8, UINT64_MAX, 0};

static struct job {
    bp_shape shape;
    bp_settings settings;
    double parameters[37], work[WORK], predictions[ROWS];
    uint32_t order[ROWS];
    bp_training training;
    bp_levenberg levenberg;
    bp_status status;
} jobs[THREADS];

static void *train(void *argument) {
    struct job *job = argument;
    const bp_levenberg_settings settings = {1, BP_HALF_SSE, 0.001, 10.0, 0.1, 1e10, 0.0};
    job->status = BP_E_OPTION;
    if (bp_self_test() != BP_OK || bp_train_size(&job->shape, job->settings.rule) > WORK ||
        bp_levenberg_size(&job->shape) > WORK ||
        bp_init(job->parameters, &job->training.generator, &job->shape, 1, BP_NORMAL) != BP_OK ||
        bp_train_start(&job->training, job->order, &job->shape, &job->settings, &data) != BP_OK ||
        bp_train(NULL, &job->training, job->parameters, job->work, job->order, &job->shape, &data, &limits) != BP_OK ||
        bp_levenberg_start(&job->levenberg, &job->shape, &settings, &data) != BP_OK ||
        bp_levenberg_train(NULL, &job->levenberg, job->parameters, job->work, &job->shape, &data, &limits) < BP_OK) {
        return NULL;
    }
    job->status = bp_predict(job->predictions, job->work, &job->shape, job->parameters, inputs, ROWS);
    return NULL;
}

int main(void) {
    unsigned trainings = 0;
    for (size_t row = 0; row < ROWS; row++) {
        inputs[2 * row] = (double)(row % 7) / 8.0;
        inputs[2 * row + 1] = (double)(row % 5) / 4.0;
        targets[row] = (double)(row % 3) / 2.0;
    }
    for (uint32_t kernel = BP_PORTABLE; kernel < BP_KERNELS; kernel++) {
        for (uint32_t rule = 0; rule < BP_RULES && (bp_kernels() >> kernel & 1U) != 0; rule++) {
            pthread_t threads[THREADS];
            for (size_t n = 0; n < THREADS; n++) {
                struct job *job = &jobs[n];
                memset(job, 0, sizeof *job);
                job->shape = (bp_shape){sizes, activations, 4, 1, kernel};
                job->settings = (bp_settings){.batch_size = rule == 0 ? 1 : 16,
                                              .log_every = 1,
                                              .learning_rate = 0.125,
                                              .rule = rule,
                                              .shuffle = 1,
                                              .constants = {rule == BP_RPROP ? 1.25 : 0.5, 0.5, 0.0625, 0.0, 8.0}};
                if (pthread_create(&threads[n], NULL, train, job) != 0) {
                    return 2;
                }
            }
            for (size_t n = 0; n < THREADS; n++) {
                (void)pthread_join(threads[n], NULL);
                if (jobs[n].status != BP_OK ||
                    memcmp(jobs[n].parameters, jobs[0].parameters, sizeof jobs[0].parameters) != 0 ||
                    memcmp(jobs[n].predictions, jobs[0].predictions, sizeof jobs[0].predictions) != 0) {
                    (void)printf("kernel %u, rule %u, thread %u: other bits\n", kernel, rule, (unsigned)n);
                    return 1;
                }
                trainings++;
            }
        }
    }
    (void)printf("%u trainings in %d threads\n", trainings, THREADS);
    return 0;
}
