/* SPDX-License-Identifier: MIT */
/* Instructions and stack of predictions and training steps of 2-4-4-1 on a Cortex-M under QEMU, whose time goes by one
   nanosecond for each instruction (-icount shift=0), and whose SysTick counts 40 of them. run.sh builds and runs it. */
#include "bitprop.h"
#include "xor.h" /* made by `bitprop export` */

#include <stdio.h>
#include <string.h>

#define SYSTICK ((volatile uint32_t *)0xe000e010)
#define PAINT 0xa5a5a5a5U
enum { ROWS = 21, REPEATS = 20, INSTRUCTIONS_PER_TICK = 40, WORDS = 2048, NOTHING = 8 };

static const uint32_t activations[XOR_LAYERS - 1] = {BP_SIGMOID, BP_SIGMOID, BP_SIGMOID};
static const bp_shape shape = {xor_sizes, activations, XOR_LAYERS, 0, BP_AUTO};
static double inputs[2 * ROWS], targets[ROWS], parameters[XOR_PARAMETERS], work[316], outputs[9], preactivations[9];
static const bp_data data = {inputs, targets, ROWS, NULL};
static bp_training training;

static void exported(void) {
    xor_predict(outputs, inputs);
}

static void forward(void) {
    bp_forward(preactivations, outputs, &shape, parameters, inputs);
}

static void predict(void) {
    bp_predict(outputs, work, &shape, parameters, inputs, 1);
}

static void train(size_t batch_size) {
    memcpy(parameters, xor_parameters, sizeof parameters);
    const bp_settings settings = {
        .batch_size = batch_size, .log_every = 1, .learning_rate = 1.0, .loss = BP_HALF_SSE, .rule = BP_DESCENT};
    const bp_limits limits = {.until = 1, .budget = UINT64_MAX, .log_size = 0};
    bp_train_start(&training, NULL, &shape, &settings, &data);
    bp_train(NULL, &training, parameters, work, NULL, &shape, &data, &limits);
}

static void full_batch(void) {
    train(ROWS);
}

static void online(void) {
    train(1);
}

static void nothing(void) {
}

/* Instructions of one call, stack included in what is painted below this function's own. */
__attribute__((noinline)) static uint32_t instructions(void (*call)(void)) {
    SYSTICK[1] = 0xffffff; /* the largest count */
    SYSTICK[2] = 0;
    SYSTICK[0] = 5; /* on, by the processor's clock */
    for (int i = 0; i < REPEATS; i++) {
        call();
    }
    return (0xffffffU - SYSTICK[2]) * INSTRUCTIONS_PER_TICK / REPEATS;
}

__attribute__((noinline)) static uint32_t stack(void (*call)(void)) {
    volatile uint32_t *top;
    uint32_t untouched = 0;
    __asm__ __volatile__("mov %0, sp" : "=r"(top));
    for (volatile uint32_t *word = top - WORDS; word < top - NOTHING; word++) {
        *word = PAINT;
    }
    call();
    while (untouched < WORDS && top[untouched - WORDS] == PAINT) {
        untouched++;
    }
    return (WORDS - untouched) * 4;
}

int main(void) {
    static const struct {
        const char *name;
        void (*call)(void);
        uint32_t steps;
    } all[] = {{"prediction, exported header", exported, 1}, {"prediction, bp_forward", forward, 1},
               {"prediction, bp_predict", predict, 1},       {"full-batch step, 21 rows", full_batch, 1},
               {"online step, 1 row", online, ROWS},         {"nothing", nothing, 1}};
    for (int i = 0; i < 2 * ROWS; i++) {
        inputs[i] = 0.05 * (i % 20);
        targets[i / 2] = i / 2 % 2;
    }
    memcpy(parameters, xor_parameters, sizeof parameters);
    if (!xor_self_test() || bp_self_test() != BP_OK) {
        puts("the self-test failed");
        return 1;
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        printf("%-28s %8lu instructions, %5lu bytes of stack\n", all[i].name,
               (unsigned long)(instructions(all[i].call) / all[i].steps), (unsigned long)stack(all[i].call));
    }
    printf("parameters %lu bytes, work %lu, bp_training %lu\n", (unsigned long)sizeof parameters,
           (unsigned long)sizeof work, (unsigned long)sizeof training);
    return 0;
}
