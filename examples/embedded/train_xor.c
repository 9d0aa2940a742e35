/* SPDX-License-Identifier: MIT */
/* Trains 2-4-4-1 without biases on the XOR-like set, full batch, rate 1, and prints the network's fingerprint. It is
   that of `bitprop train xor --no-bias --epochs 1000` on any machine. All memory is static. For the machine at hand:
       cc -std=c99 -O2 -ffp-contract=off -I ../../csrc ../../csrc/bitprop.c train_xor.c -o train_xor && ./train_xor
   For a bare Cortex-M4 under QEMU: sh run.sh */
#include "bitprop.h"
#include "sha256.h"

#include <stdio.h>

enum { LAYERS = 4, ROWS = 21, EPOCHS = 1000, PARAMETERS = 28, WORK = 316, BYTES = 276 };

static const uint32_t sizes[LAYERS] = {2, 4, 4, 1};
static const uint32_t activations[LAYERS - 1] = {BP_SIGMOID, BP_SIGMOID, BP_SIGMOID};
static const bp_shape shape = {sizes, activations, LAYERS, 0, BP_AUTO};

static double inputs[2 * ROWS], targets[ROWS], parameters[PARAMETERS], work[WORK];
static const bp_data data = {inputs, targets, ROWS, NULL};
static bp_training training;
static uint8_t bytes[BYTES];

/* The XOR-like set (docs/contract.md §10). */
static void make_rows(void) {
    size_t row = 0;
    for (int i = 0; i <= 10; i++) {
        const double x = 0.1 * i;
        inputs[2 * row] = inputs[2 * row + 1] = x;
        targets[row++] = 0.0;
        if (i != 5) {
            inputs[2 * row] = x;
            inputs[2 * row + 1] = 1 - x;
            targets[row++] = 1.0;
        }
    }
}

/* The full batch, learning rate 1, all in one slice, nothing logged. */
static const bp_settings settings = {
    .batch_size = ROWS, .log_every = 1, .learning_rate = 1.0, .loss = BP_HALF_SSE, .rule = BP_DESCENT};
static const bp_limits limits = {.until = EPOCHS, .budget = UINT64_MAX, .log_size = 0};

int main(void) {
    uint32_t hash[8];
    if (bp_self_test() != BP_OK) {
        puts("this build does not calculate as the contract says: compile with -ffp-contract=off");
        return 1;
    }
    if (bp_train_size(&shape, BP_DESCENT) != WORK || bp_encode_size(&shape) != BYTES) {
        puts("the memory has other sizes than this program was written for");
        return 1;
    }
    make_rows();
    if (bp_init(parameters, &training.generator, &shape, 0, BP_NORMAL) != BP_OK ||
        bp_train_start(&training, NULL, &shape, &settings, &data) != BP_OK ||
        bp_train(NULL, &training, parameters, work, NULL, &shape, &data, &limits) != BP_OK ||
        bp_encode(bytes, &shape, parameters) != BP_OK) {
        puts("training failed");
        return 1;
    }
    sha256(hash, bytes, sizeof bytes);
    printf("fingerprint ");
    for (int i = 0; i < 8; i++) {
        printf("%08lx", (unsigned long)hash[i]);
    }
    puts("");
    return 0;
}
