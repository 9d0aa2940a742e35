/* SPDX-License-Identifier: MIT */
/* What the C contestants share: the data, and the lines that bitprop.bench and they exchange.

   PROGRAM FILE KIND ROWS BIAS RATE NETWORKS. FILE holds native doubles: the start parameters (contract §3) of each
   network, the inputs row after row, the targets. KIND is full, online or predict. For each line {"count": N} the
   program trains each network for N epochs from its start parameters (or predicts all rows N times), and answers the
   seconds that this took and the mean of the final losses. */

#ifndef CONTEST_H
#define CONTEST_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
    const char *kind;
    size_t rows;
    size_t count; /* of the parameters: 28, or 37 with biases */
    int bias;
    double rate;
    size_t networks;
    double *start;      /* the start parameters of all networks */
    double *trained;    /* all networks' parameters after the run */
    double *inputs;     /* rows x 2 */
    double *targets;    /* rows */
    double *parameters; /* of the network whose turn it is, within `trained` */
    double *outputs;    /* of predict, rows */
    double *log;        /* of a training: the squared error of each epoch */
} contest;

/* The contestant's own: made ready once, then run. */
static void prepare(contest *c);
static void run(contest *c, size_t count);

static double *doubles(size_t count) {
    double *memory = aligned_alloc(64, (count * sizeof(double) + 64) / 64 * 64);
    if (memory == NULL) {
        fputs("not enough memory\n", stderr);
        exit(1);
    }
    memset(memory, 0, count * sizeof(double));
    return memory;
}

static double *read_doubles(FILE *file, size_t count) {
    double *memory = doubles(count);
    if (fread(memory, sizeof(double), count, file) != count) {
        fputs("the file is too short\n", stderr);
        exit(1);
    }
    return memory;
}

/* The mean squared error: of the outputs after predict, of the trained parameters otherwise. In plain C; not timed. */
static double loss(const contest *c) {
    double sum = 0.0;
    for (size_t row = 0; row < c->rows; row++) {
        double a[4] = {c->inputs[2 * row], c->inputs[2 * row + 1], 0.0, 0.0};
        const double *w = c->parameters;
        static const size_t sizes[4] = {2, 4, 4, 1};
        for (size_t layer = 0; layer < 3; layer++) {
            double z[4];
            for (size_t j = 0; j < sizes[layer + 1]; j++) {
                z[j] = c->bias ? w[sizes[layer] * sizes[layer + 1] + j] : 0.0;
                for (size_t i = 0; i < sizes[layer]; i++) {
                    z[j] += a[i] * w[i * sizes[layer + 1] + j];
                }
            }
            w += (sizes[layer] + (size_t)c->bias) * sizes[layer + 1];
            for (size_t j = 0; j < sizes[layer + 1]; j++) {
                a[j] = 1.0 / (1.0 + exp(-z[j]));
            }
        }
        const double e = (strcmp(c->kind, "predict") == 0 ? c->outputs[row] : a[0]) - c->targets[row];
        sum += e * e;
    }
    return sum / (double)c->rows;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int arguments, char **argument) {
    contest c;
    unsigned long count;
    char line[100];
    if (arguments != 7) {
        fputs("usage: PROGRAM FILE KIND ROWS BIAS RATE NETWORKS\n", stderr);
        return 2;
    }
    FILE *file = fopen(argument[1], "rb");
    if (file == NULL) {
        perror(argument[1]);
        return 1;
    }
    c.kind = argument[2];
    c.rows = strtoul(argument[3], NULL, 10);
    c.bias = atoi(argument[4]);
    c.rate = strtod(argument[5], NULL);
    c.networks = strtoul(argument[6], NULL, 10);
    c.count = c.bias ? 37 : 28;
    c.start = read_doubles(file, c.networks * c.count);
    c.trained = doubles(c.networks * c.count);
    c.inputs = read_doubles(file, 2 * c.rows);
    c.targets = read_doubles(file, c.rows);
    c.outputs = doubles(c.rows);
    fclose(file);
    prepare(&c);
    printf("{\"ready\": true}\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL && sscanf(line, "{\"count\": %lu}", &count) == 1) {
        c.log = doubles(count);
        memcpy(c.trained, c.start, c.networks * c.count * sizeof(double));
        const double started = now();
        for (size_t n = 0; n < c.networks; n++) {
            c.parameters = c.trained + n * c.count;
            run(&c, count);
        }
        const double seconds = now() - started;
        double sum = 0.0;
        for (size_t n = 0; n < c.networks; n++) {
            c.parameters = c.trained + n * c.count;
            sum += loss(&c);
        }
        printf("{\"seconds\": %.9f, \"loss\": %.17g}\n", seconds, sum / (double)c.networks);
        fflush(stdout);
        free(c.log);
    }
    return 0;
}

#endif
