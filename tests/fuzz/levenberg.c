/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes trainings by the rule of Levenberg and Marquardt (docs/contract.md, §12), as train.c does the others: sliced
 * and undone, they must give the bits of one call for each epoch, in memory of the documented size.
 */
#include "choices.h"

#define EPOCHS_MOST 5U
#define FEW 130U /* parameters, beyond which a training takes long */

static struct {
    bp_levenberg_settings settings;
    uint64_t until, budget;
    size_t log_size;
    uint32_t slices; /* after which a training is undone */
} how;

/* What one call for each epoch makes of it. */
static struct {
    bp_status start_status, train_status;
    double parameters[EPOCHS_MOST + 1][FEW]; /* at the start of each epoch */
    double log[EPOCHS_MOST];                 /* of all epochs */
    uint64_t epoch;                          /* at the end */
} known;

static int choose_job(void) {
    choose_shape();
    job.count = bp_parameter_count(&job.shape);
    if (job.count == 0 || job.count > FEW || !choose_rows()) {
        return 0;
    }
    const uint32_t loss = next_byte();
    how.settings.loss = loss < 232 ? loss % 4 : loss % (BP_LOSSES + 1);
    how.settings.log_every = choose(8) < 6 ? 1 : choose(4);
    how.settings.mu = choose_option(0.001);
    how.settings.mu_increase = choose_option(10.0);
    how.settings.mu_decrease = choose_option(0.1);
    how.settings.mu_max = choose_option(1e10);
    how.settings.gradient_min = choose_option(0.0);
    how.until = 1 + choose(EPOCHS_MOST);
    how.budget = choose(2) == 0 ? UINT64_MAX : 1 + next_byte();
    how.log_size = choose(3);
    how.slices = 1 + next_byte();
    choose_numbers();
    return 1;
}

typedef struct {
    bp_shape *shape;
    bp_data *data;
    bp_levenberg *training;
    double *parameters, *work;
} run;

static bp_status start(run *r) {
    r->shape = place_shape(BP_PORTABLE);
    r->data = place_data();
    r->training = guarded(1, sizeof *r->training);
    bp_levenberg_settings *settings = guarded_copy(&how.settings, 1, sizeof how.settings);
    const bp_status status = bp_levenberg_start(r->training, r->shape, settings, r->data);
    if (status != BP_OK) {
        expect_untouched("the training", r->training, sizeof *r->training);
        return status;
    }
    r->parameters = guarded_copy(job.parameters, job.count, sizeof(double));
    r->work = guarded_doubles(bp_levenberg_size(r->shape));
    return BP_OK;
}

static void train_plainly(void) {
    run r;
    known.epoch = 0;
    known.train_status = BP_OK;
    known.start_status = start(&r);
    if (known.start_status != BP_OK) {
        return;
    }
    double *log = guarded_doubles(1);
    for (uint64_t epoch = 0; epoch < how.until && known.train_status == BP_OK; epoch++) {
        const bp_limits limits = {epoch + 1, UINT64_MAX, 1};
        memcpy(known.parameters[epoch], r.parameters, job.count * sizeof(double));
        known.train_status = bp_levenberg_train(log, r.training, r.parameters, r.work, r.shape, r.data, &limits);
        known.log[epoch] = *log;
    }
    known.epoch = r.training->epoch;
    if (known.train_status == BP_OK) {
        memcpy(known.parameters[known.epoch], r.parameters, job.count * sizeof(double));
    }
    expect_bits("parameter at the end", 0, known.parameters[known.epoch], r.parameters, job.count);
    expect_constant(r.shape, r.data);
}

/* In slices, to the end, or undone after some of them; returns whether it ended. */
static int train_sliced(run *r, uint32_t slices) {
    bp_limits *limits = guarded(1, sizeof *limits);
    double *log = how.log_size > 0 ? guarded_doubles(how.log_size) : NULL;
    bp_status status = BP_OK;
    *limits = (bp_limits){how.until, how.budget, how.log_size};
    for (uint32_t slice = 0; status == BP_OK && r->training->epoch < how.until && slice < slices; slice++) {
        size_t logged = 0;
        const uint64_t before = r->training->epoch;
        status = bp_levenberg_train(log, r->training, r->parameters, r->work, r->shape, r->data, limits);
        for (uint64_t epoch = before; log != NULL && epoch < r->training->epoch; epoch++) {
            if (epoch % how.settings.log_every == 0) {
                expect(logged < how.log_size, "a log is too long");
                expect_bits("logged error", 0, &known.log[epoch], &log[logged++], 1);
            }
        }
    }
    const uint64_t epoch = r->training->epoch;
    bp_levenberg_undo(r->training, r->parameters, r->work, r->shape);
    expect(epoch == r->training->epoch && r->training->begun == epoch && epoch <= known.epoch, "a wrong epoch");
    expect_bits("parameter", 0, known.parameters[epoch], r->parameters, job.count);
    expect(status == BP_OK || (status == known.train_status && epoch == known.epoch), "train gives %d", status);
    return epoch == how.until || status != BP_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    run r;
    read_input(bytes, length);
    sides = (uint64_t)next_byte() * 0x0101010101010101U;
    if (!choose_job()) {
        return 0;
    }
    train_plainly();
    release(0);
    sides = ~sides;
    const bp_status status = start(&r);
    expect(status == known.start_status, "start gives %d", status);
    if (status == BP_OK) {
        const uint32_t kept = used;
        const int ended = train_sliced(&r, how.slices);
        release(kept);
        expect(ended || train_sliced(&r, UINT32_MAX), "no end");
        expect_constant(r.shape, r.data);
    }
    release(0);
    return 0;
}
