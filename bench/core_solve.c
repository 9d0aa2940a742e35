/* SPDX-License-Identifier: MIT */
/* bitprop's C core to the solution, as an embedder calls it: epoch by epoch, until the mean squared error is at the
   goal. core_solver.py has the caller's side. */

#include "../csrc/bitprop.h"

#include <stdlib.h>
#include <string.h>

static bp_shape shape;
static bp_data trained;
static bp_data judged; /* no rows where it is the trained rows */
static bp_settings settings;
static bp_training training;
static size_t count; /* parameters */
static double *w;
static double *before; /* the parameters before an epoch */
static double *work;
static double *measuring; /* the work memory of bp_loss */

/* The memory for a network, and the rows. All arrays stay the caller's. Returns whether there is that memory. */
int data(const uint32_t *sizes, const uint32_t *activations, unsigned layers, unsigned rows, const double *x,
         const double *t, unsigned judged_rows, const double *judged_x, const double *judged_t, unsigned rule) {
    shape = (bp_shape){sizes, activations, layers, 1, BP_AUTO};
    trained = (bp_data){x, t, rows, NULL};
    judged = (bp_data){judged_x, judged_t, judged_rows, NULL};
    count = bp_parameter_count(&shape);
    w = malloc(2 * count * sizeof *w);
    before = w + count;
    work = malloc(bp_train_size(&shape, rule) * sizeof *work);
    measuring = malloc(bp_predict_size(&shape) * sizeof *measuring);
    return w != NULL && work != NULL && measuring != NULL;
}

/* Prepares a training on the full batch from these parameters. Returns whether the settings are valid. */
int begin(const double *start, unsigned rule, unsigned loss, double rate, const double *constants) {
    settings =
        (bp_settings){.batch_size = trained.rows, .log_every = 1, .learning_rate = rate, .loss = loss, .rule = rule};
    memcpy(settings.constants, constants, sizeof settings.constants);
    memcpy(w, start, count * sizeof *w);
    return bp_train_start(&training, NULL, &shape, &settings, &trained) == BP_OK;
}

/* Trains up to so many epochs more. Returns 1 where the goal was reached, 0 where it was not, -1 where it diverged.

   The squared error of the trained rows comes with each epoch, of the parameters before its step. Another measure is
   asked for after every so many epochs. */
int solve(unsigned epochs, unsigned every, double goal) {
    const int is_logged = judged.rows == 0 && settings.loss < BP_BINARY_CROSS_ENTROPY;
    const double logged_goal = goal * (double)trained.rows * shape.sizes[shape.layers - 1];
    const uint64_t last = training.epoch + epochs;
    bp_limits limits = {.budget = SIZE_MAX, .log_size = 1};
    while (training.epoch < last) {
        double figure;
        memcpy(before, w, count * sizeof *w);
        limits.until = training.epoch + 1;
        if (bp_train(&figure, &training, w, work, NULL, &shape, &trained, &limits) != BP_OK) {
            return -1;
        }
        if (is_logged) {
            if (figure <= logged_goal) {
                memcpy(w, before, count * sizeof *w);
                return 1;
            }
        } else if (training.epoch % every == 0) {
            bp_loss(&figure, measuring, &shape, w, judged.rows > 0 ? &judged : &trained, BP_MSE);
            if (figure <= goal) {
                return 1;
            }
        }
    }
    return 0;
}

/* The parameters. */
const double *end(void) {
    return w;
}
