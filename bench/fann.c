/* SPDX-License-Identifier: MIT */
/* A contestant: FANN (libfann, double precision), online or by one row's run. Its networks always have biases. */

#include <doublefann.h>

#include "contest.h"

static struct fann *create(double rate) {
    struct fann *net = fann_create_standard(4, 2, 4, 4, 1);
    fann_set_activation_function_hidden(net, FANN_SIGMOID);
    fann_set_activation_function_output(net, FANN_SIGMOID);
    fann_set_activation_steepness_hidden(net, 0.5); /* its sigmoid is 1/(1 + exp(-2*steepness*x)) */
    fann_set_activation_steepness_output(net, 0.5);
    fann_set_training_algorithm(net, FANN_TRAIN_INCREMENTAL);
    fann_set_train_error_function(net, FANN_ERRORFUNC_LINEAR);
    fann_set_learning_rate(net, (float)rate);
    return net;
}

/* FANN keeps the weights output by output, each followed by its bias: this moves them there, or back. */
static void move(double *w, double *theirs, int back) {
    static const size_t sizes[4] = {2, 4, 4, 1};
    for (size_t layer = 0; layer < 3; layer++) {
        const size_t n_in = sizes[layer];
        const size_t n_out = sizes[layer + 1];
        for (size_t j = 0; j < n_out; j++) {
            for (size_t i = 0; i <= n_in; i++) {
                double *const ours = w + i * n_out + j;
                *(back ? ours : theirs) = *(back ? theirs : ours);
                theirs++;
            }
        }
        w += (n_in + 1) * n_out;
    }
}

void online(double *w, double *x, double *t, double rate, size_t epochs, double *log) {
    struct fann *net = create(rate);
    move(w, net->weights, 0);
    for (size_t e = 0; e < epochs; e++) {
        log[e] = 0.0;
        for (size_t row = 0; row < ROWS; row++) {
            fann_train(net, x + 2 * row, t + row);
            const double error = net->output[0] - t[row];
            log[e] += error * error;
        }
    }
    move(w, net->weights, 1);
    fann_destroy(net);
}

void predict(double *w, double *x, double *y) {
    struct fann *net = create(0.0);
    move(w, net->weights, 0);
    for (size_t row = 0; row < ROWS; row++) {
        y[row] = fann_run(net, x + 2 * row)[0];
    }
    fann_destroy(net);
}
