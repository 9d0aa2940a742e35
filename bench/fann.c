/* SPDX-License-Identifier: MIT */
/* A contestant: FANN (libfann, double precision), online or by one row's run. Its networks always have biases. */

#include <doublefann.h>

#include "contest.h"

static struct fann *net;

static void prepare(contest *c) {
    net = fann_create_standard(4, 2, 4, 4, 1);
    if (net == NULL || !c->bias || fann_get_total_connections(net) != 37) {
        fputs("FANN has no such network\n", stderr);
        exit(1);
    }
    fann_set_activation_function_hidden(net, FANN_SIGMOID);
    fann_set_activation_function_output(net, FANN_SIGMOID);
    fann_set_activation_steepness_hidden(net, 0.5); /* its sigmoid is 1/(1 + exp(-2*steepness*x)) */
    fann_set_activation_steepness_output(net, 0.5);
    fann_set_training_algorithm(net, FANN_TRAIN_INCREMENTAL);
    fann_set_train_error_function(net, FANN_ERRORFUNC_LINEAR);
    fann_set_learning_rate(net, (float)c->rate);
}

/* FANN keeps the weights output by output, each followed by its bias; this moves them there, or back. */
static void move(contest *c, double *from, double *to, int there) {
    static const size_t sizes[4] = {2, 4, 4, 1};
    size_t base = 0;
    (void)c;
    for (size_t layer = 0; layer < 3; layer++) {
        const size_t n_in = sizes[layer];
        const size_t n_out = sizes[layer + 1];
        for (size_t j = 0; j < n_out; j++) {
            for (size_t i = 0; i <= n_in; i++) {
                const size_t ours = base + i * n_out + j;
                const size_t theirs = base + j * (n_in + 1) + i;
                to[there ? theirs : ours] = from[there ? ours : theirs];
            }
        }
        base += (n_in + 1) * n_out;
    }
}

static void run(contest *c, size_t count) {
    move(c, c->parameters, net->weights, 1);
    for (size_t e = 0; e < count; e++) {
        double sse = 0.0;
        for (size_t row = 0; row < c->rows; row++) {
            if (strcmp(c->kind, "online") == 0) {
                fann_train(net, c->inputs + 2 * row, c->targets + row);
                const double error = net->output[0] - c->targets[row];
                sse += error * error;
            } else {
                c->outputs[row] = fann_run(net, c->inputs + 2 * row)[0];
            }
        }
        c->log[e] = sse;
    }
    move(c, net->weights, c->parameters, 0);
}
