/* SPDX-License-Identifier: MIT */
/* What each C contestant offers to peers.py, which compiles it as a shared library, with -DROWS=... and -DBIAS=0 or 1.

   The network is 2-4-4-1; w holds its parameters (contract §3), x two inputs for each row, t a target for each. The
   trainers leave the trained parameters in w, and the squared error of each epoch in log. */

#ifndef CONTEST_H
#define CONTEST_H

#include <math.h>
#include <stddef.h>
#include <string.h>

#define COUNT (28 + 9 * BIAS) /* parameters */

void full(double *w, double *x, double *t, double rate, size_t epochs, double *log);
void online(double *w, double *x, double *t, double rate, size_t epochs, double *log);
void predict(double *w, double *x, double *y);

#endif
