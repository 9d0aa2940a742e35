/* SPDX-License-Identifier: MIT */
/* What stands before main() on a bare Cortex-M under QEMU: vector table, FPU, zeroed memory, and newlib's semihosting,
   by which printf() reaches the host. A board of your own brings its vendor's start-up code instead. */
#include <stdint.h>

extern uint32_t bss_start[], bss_end[], stack_top[];
extern void initialise_monitor_handles(void);
extern void _exit(int status);
extern int main(int argc, char **argv);
void reset(void);
void _fini(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*reset)(void);
} vectors = {stack_top, reset};

void reset(void) {
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xe000ed88 |= 0xfU << 20; /* CPACR: the FPU on */
    __asm__ __volatile__("dsb\n\tisb");
#endif
    for (uint32_t *word = bss_start; word < bss_end; word++) {
        *word = 0;
    }
    initialise_monitor_handles();
    _exit(main(0, 0));
}

/* newlib's exit() asks for it. */
void _fini(void) {
}
