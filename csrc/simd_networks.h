/* SPDX-License-Identifier: MIT */
/*
 * A part of simd.c: the loop over epochs of networks that train side by side, online. What they do with a row is in
 * simd_networks_tpl.h.
 */

/* Whether networks `a` and `b` are at the same place of trainings of the same kind. */
static int in_step(const bp_training *a, const bp_training *b) {
    const bp_settings *of_a = &a->settings;
    const bp_settings *of_b = &b->settings;
    return a->rows == b->rows && of_a->batch_size == of_b->batch_size && of_a->loss == of_b->loss &&
           of_a->rule == of_b->rule && of_a->shuffle == of_b->shuffle && of_a->log_every == of_b->log_every &&
           a->epoch == b->epoch && a->begun == b->begun && a->to_shuffle == b->to_shuffle && a->row == b->row;
}

/* One of the networks that train side by side. */
typedef struct {
    bp_training *training;
    double *parameters;
    double *work;
    double *log;
    uint32_t *order;
    int32_t *status;
    work_parts parts;
} member;

/* Online, all `members` in step; lane n is member n's, and lanes without a member follow the first. */
static APART void train_side_by_side(member *members, size_t count, const bp_shape *shape, const bp_data *data,
                                     const bp_limits *limits) {
    const simd_kernel *level = (const simd_kernel *)members[0].parts.kernel;
    const size_t parameters = members[0].parts.count;
    int plain = 1; /* as STEPPED_PLAINLY wants it */
    double memory[2 * SIDE_BY_SIDE + ALIGNMENT];
    const size_t log_size = limits->log_size;
    uint64_t budget = limits->budget;
    size_t logged = 0;
    side_by_side nets;
    nets.lanes = PADDED(count);
    nets.parameters = align(members[0].parts.scratch);
    nets.memory = nets.parameters + parameters * SIDE_BY_SIDE;
    nets.rates = align(memory);
    nets.errors = nets.rates + SIDE_BY_SIDE;
    nets.in_order = !members[0].training->settings.shuffle;
    nets.scale = gradient_scale(members[0].training->settings.loss, 1, shape->sizes[shape->layers - 1]);
    for (size_t lane = 0; lane < SIDE_BY_SIDE; lane++) {
        const member *one = &members[lane < count ? lane : 0];
        nets.orders[lane] = one->order;
        plain = plain && !has_negative_zero(one->parameters, parameters);
        for (size_t k = 0; k < parameters; k++) {
            nets.parameters[k * SIDE_BY_SIDE + lane] = one->parameters[k];
        }
    }
    level = plain && nets.scale == 1.0 ? level : level->any_shape;
    for (;;) {
        bp_training *first = NULL; /* of those that have not diverged, which are all in step */
        for (size_t n = count; n > 0; n--) {
            first = *members[n - 1].status == BP_OK ? members[n - 1].training : first;
        }
        if (first == NULL || first->epoch >= limits->until || budget == 0 || (log_size > 0 && logged == log_size)) {
            break;
        }
        uint64_t left = budget;
        for (size_t n = 0; n < count; n++) {
            member *one = &members[n];
            if (*one->status == BP_OK) {
                if (one->training->begun == one->training->epoch) {
                    begin_epoch(one->training, &one->parts, one->parameters);
                }
                for (left = budget; one->training->to_shuffle > 0 && left > 0; left--) {
                    shuffle_row(one->training, one->order);
                }
            }
        }
        budget = left;
        if (first->to_shuffle > 0) {
            break;
        }
        const size_t row = first->row;
        const size_t rows = budget < first->rows - row ? (size_t)budget : first->rows - row;
        for (size_t lane = 0; lane < SIDE_BY_SIDE; lane++) {
            nets.errors[lane] = members[lane < count ? lane : 0].training->error;
            nets.rates[lane] = members[lane < count ? lane : 0].training->settings.learning_rate; /* of this epoch */
        }
        level->online_side_by_side(&nets, data->inputs, data->targets, shape, row, rows);
        budget -= rows;
        const size_t before = logged;
        for (size_t n = 0; n < count; n++) {
            member *one = &members[n];
            if (*one->status == BP_OK) {
                const double *from = nets.parameters + n;
                size_t logged_now = before;
                one->training->row = row + rows;
                one->training->error = nets.errors[n];
                for (size_t k = 0; k < parameters; k++) {
                    one->parameters[k] = from[k * SIDE_BY_SIDE];
                }
                if (one->training->row == one->training->rows) {
                    *one->status =
                        end_epoch(one->log, &logged_now, one->training, one->parameters, &one->parts, log_size);
                }
                logged = logged_now > logged ? logged_now : logged;
            }
        }
    }
}

/* Whether all fits the scratch of one network; wider ones gain little. */
static int fits_side_by_side(const bp_shape *shape) {
    const size_t items =
        bp_parameter_count(shape) + shape->sizes[0] + 2 * node_count(shape) + shape->sizes[shape->layers - 1];
    return items <= (simd_scratch_size(shape) - ALIGNMENT) / SIDE_BY_SIDE;
}

static void simd_train_many(double *logs, int32_t *statuses, bp_training *trainings, double *parameters, double *work,
                            uint32_t *orders, const bp_shape *shape, const bp_data *data, const bp_limits *limits,
                            size_t networks) {
    const size_t count = bp_parameter_count(shape);
    const size_t work_size = work_size_of(statuses, trainings, networks, shape);
    size_t n = 0;
    while (n < networks) {
        member members[SIDE_BY_SIDE];
        size_t trained = 0;
        for (; n < networks && trained < SIDE_BY_SIDE; n++) {
            if (statuses[n] == BP_OK) {
                member *one = &members[trained++];
                one->training = &trainings[n];
                one->parameters = parameters + n * count;
                one->log = limits->log_size > 0 ? logs + n * limits->log_size : NULL;
                one->order = trainings[n].settings.shuffle ? orders + n * data->rows : NULL;
                one->status = &statuses[n];
                one->work = work + n * work_size;
                one->parts = part(one->work, shape, trainings[n].settings.rule);
            }
        }
        int together = trained > 1 && is_fused(&members[0].training->settings) &&
                       in_vectors(members[0].training->settings.loss, data->weights) && fits_side_by_side(shape);
        for (size_t next = 1; next < trained; next++) {
            together = together && is_fused(&members[next].training->settings) &&
                       in_step(members[0].training, members[next].training);
        }
        if (together) {
            train_side_by_side(members, trained, shape, data, limits);
        } else {
            for (size_t next = 0; next < trained; next++) {
                const member *one = &members[next];
                *one->status =
                    train(one->log, one->training, one->parameters, one->work, one->order, shape, data, limits);
            }
        }
    }
}
