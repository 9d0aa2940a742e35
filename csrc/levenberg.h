/* SPDX-License-Identifier: MIT */
/*
 * Training by the rule of Levenberg and Marquardt (docs/contract.md, §12), for networks of some hundred parameters.
 *
 * It is optional: compile levenberg.c in place of bitprop.c, which it includes; simd.c includes both. The conventions
 * are those of bitprop.h.
 */
#ifndef BITPROP_LEVENBERG_H
#define BITPROP_LEVENBERG_H

#include "bitprop.h"

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* --- declarations for cffi: begin --- */

/* How to train (§12). */
typedef struct {
    uint64_t log_every;  /* epochs from one logged epoch to the next, at least 1 */
    uint32_t loss;       /* a squared error */
    double mu;           /* of the first step: a normal number above 0, at most mu_max */
    double mu_increase;  /* finite, above 1 */
    double mu_decrease;  /* above 0 and below 1 */
    double mu_max;       /* finite */
    double gradient_min; /* finite, not negative */
} bp_levenberg_settings;

/* A training between two slices (§12). Filled by bp_levenberg_start; the caller reads `epoch` and `mu`. */
typedef struct {
    bp_levenberg_settings settings;
    size_t rows;      /* of the data */
    uint64_t epoch;   /* epochs completed */
    uint64_t begun;   /* epochs begun: epoch + 1 inside an epoch, else epoch */
    size_t row;       /* rows whose derivatives are summed in this epoch */
    size_t column;    /* columns factored in this attempt */
    size_t trial_row; /* rows measured in this attempt */
    double mu;        /* with which the next epoch begins */
    double trial_mu;  /* of this attempt */
    double error;     /* of the epoch */
} bp_levenberg;

/* The doubles of `work` that bp_levenberg_train needs; 0 = invalid shape, or memory beyond size_t. */
size_t bp_levenberg_size(const bp_shape *shape);

/* Prepares a training on as many rows as `data` has, without reading them. BP_E_SHAPE; BP_E_OPTION: no rows, or a bad
   setting. */
bp_status bp_levenberg_start(bp_levenberg *training, const bp_shape *shape, const bp_levenberg_settings *settings,
                             const bp_data *data);

/* Trains a slice, as far as `limits` allow; the budget counts work that is about that of a row of bp_train. It writes
   to `log` the error of each epoch whose number is a multiple of log_every. Slicing changes no bit. All slices of a
   training take the same work and data. BP_GRADIENT_STOP and BP_MU_STOP: the training has ended before epoch
   training->epoch was logged, with the parameters of its start. BP_E_SHAPE; BP_E_OPTION: a training that was not
   started, or on another number of rows; BP_DIVERGED: in epoch training->epoch. */
bp_status bp_levenberg_train(double *log, bp_levenberg *training, double *parameters, double *work,
                             const bp_shape *shape, const bp_data *data, const bp_limits *limits);

/* Ends a training inside an epoch: restores the parameters to that epoch's start. Between epochs it does nothing. */
void bp_levenberg_undo(bp_levenberg *training, double *parameters, double *work, const bp_shape *shape);

/* --- declarations for cffi: end --- */

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
