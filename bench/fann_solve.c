/* SPDX-License-Identifier: MIT */
/* FANN (libfann, double precision) to the solution: a network with its rows, trained by RPROP (iRPROP-) until the mean
   squared error is at the goal. Parameters are those of contract §3; fann_solver.py has the caller's side. */

#include <doublefann.h>
#include <stdlib.h>
#include <string.h>

static struct fann_train_data *rows_of(unsigned count, unsigned inputs, unsigned outputs, const double *x,
                                       const double *t) {
    struct fann_train_data *data = fann_create_train(count, inputs, outputs);
    for (unsigned row = 0; row < count; row++) {
        memcpy(data->input[row], x + (size_t)row * inputs, inputs * sizeof *x);
        memcpy(data->output[row], t + (size_t)row * outputs, outputs * sizeof *t);
    }
    return data;
}

static struct fann_train_data *trained;
static struct fann_train_data *judged; /* NULL where it is the trained rows */
static struct fann *net;

void data(unsigned inputs, unsigned outputs, unsigned count, const double *x, const double *t, unsigned judged_count,
          const double *judged_x, const double *judged_t) {
    trained = rows_of(count, inputs, outputs, x, t);
    judged = judged_count > 0 ? rows_of(judged_count, inputs, outputs, judged_x, judged_t) : NULL;
}

/* FANN keeps the weights output by output, each followed by its bias: this moves them there, or back. */
static void move(double *w, unsigned layers, const unsigned *sizes, int back) {
    double *theirs = net->weights;
    for (unsigned layer = 0; layer + 1 < layers; layer++) {
        const unsigned n_in = sizes[layer];
        const unsigned n_out = sizes[layer + 1];
        for (unsigned j = 0; j < n_out; j++) {
            for (unsigned i = 0; i <= n_in; i++) {
                double *const ours = w + i * n_out + j;
                *(back ? ours : theirs) = *(back ? theirs : ours);
                theirs++;
            }
        }
        w += (n_in + 1) * n_out;
    }
}

/* A new network with these parameters. */
void begin(double *w, unsigned layers, const unsigned *sizes, unsigned linear_outputs, unsigned tanh_errors,
           float increase, float decrease, float first_step) {
    if (net != NULL) {
        fann_destroy(net);
    }
    net = fann_create_standard_array(layers, sizes);
    fann_set_activation_function_hidden(net, FANN_SIGMOID_SYMMETRIC);
    fann_set_activation_steepness_hidden(net, 1.0); /* its symmetric sigmoid is tanh(steepness*x) */
    fann_set_activation_function_output(net, linear_outputs ? FANN_LINEAR : FANN_SIGMOID);
    /* Its sigmoid is 1/(1 + exp(-2*steepness*x)), its linear function steepness*x. */
    fann_set_activation_steepness_output(net, linear_outputs ? 1.0 : 0.5);
    fann_set_training_algorithm(net, FANN_TRAIN_RPROP);
    fann_set_train_error_function(net, tanh_errors ? FANN_ERRORFUNC_TANH : FANN_ERRORFUNC_LINEAR);
    fann_set_rprop_increase_factor(net, increase);
    fann_set_rprop_decrease_factor(net, decrease);
    fann_set_rprop_delta_zero(net, first_step);
    move(w, layers, sizes, 0);
}

/* Trains up to so many epochs. Returns the epoch in which the goal was reached, counted from 1; 0 where it was not. */
unsigned solve(unsigned epochs, unsigned every, float goal) {
    for (unsigned epoch = 1; epoch <= epochs; epoch++) {
        float mse = fann_train_epoch(net, trained); /* measured before the epoch's step */
        if (judged != NULL) {
            if (epoch % every != 0) {
                continue;
            }
            mse = fann_test_data(net, judged);
        }
        if (mse <= goal) {
            return epoch;
        }
    }
    return 0;
}

/* The parameters. */
void end(double *w, unsigned layers, const unsigned *sizes) {
    move(w, layers, sizes, 1);
}
