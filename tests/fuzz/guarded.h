/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzed programs share: memory between pages that nobody may touch. Each program includes it once, first.
 *
 * Every piece of memory has just the size that bitprop.h documents. Its end, or its beginning, is that of a page. What
 * is left of the pages is poisoned where a sanitizer or Valgrind can, so the other side is watched, too.
 */
#define _DEFAULT_SOURCE /* of mmap's MAP_ANONYMOUS */
#include "levenberg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if !defined(__has_feature)
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define FORBID(memory, size) __asan_poison_memory_region(memory, size)
#define ALLOW(memory, size) __asan_unpoison_memory_region(memory, size)
#elif __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define FORBID(memory, size) __msan_allocated_memory(memory, size)
#define ALLOW(memory, size) __msan_allocated_memory(memory, size)
#elif defined(FUZZ_VALGRIND)
#include <valgrind/memcheck.h>
#define FORBID(memory, size) (void)VALGRIND_MAKE_MEM_NOACCESS(memory, size)
#define ALLOW(memory, size) (void)VALGRIND_MAKE_MEM_UNDEFINED(memory, size)
#else
#define FORBID(memory, size) (void)((void)(memory), (void)(size))
#define ALLOW(memory, size) (void)((void)(memory), (void)(size))
#endif

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* --- failures --- */

/* Ends the program, as libFuzzer expects it of a fault. */
static void expect(int truth, const char *format, ...) {
    if (!truth) {
        va_list arguments;
        va_start(arguments, format);
        (void)vfprintf(stderr, format, arguments);
        va_end(arguments);
        (void)fputs("\n", stderr);
        abort();
    }
}

/* --- memory --- */

#define PAGE 65536U /* a multiple of every system's pages */
#define SLOT ((size_t)4 << 20)
#define SLOTS 64U

static uint8_t *slots;
static size_t taken[SLOTS]; /* bytes of each slot in use */
static uint8_t *places[SLOTS];
static uint32_t used;
static uint64_t sides; /* one bit for each piece: against the page before it, else against the one behind */

static uint8_t *slot(uint32_t number) {
    return slots + PAGE + number * (SLOT + PAGE);
}

static void map_slots(void) {
    const size_t size = PAGE + SLOTS * (SLOT + PAGE);
    slots = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(slots != MAP_FAILED, "no memory");
    for (uint32_t number = 0; number < SLOTS; number++) {
        expect(mprotect(slot(number), SLOT, PROT_READ | PROT_WRITE) == 0, "no memory");
        FORBID(slot(number), SLOT);
    }
}

/* So many bytes, all ones: as doubles, NaN. Sanitizers take them for not yet written. */
static void *guarded(size_t count, size_t size) {
    if (slots == NULL) {
        map_slots();
    }
    const size_t bytes = count * size;
    const uint32_t number = used;
    expect(bytes <= SLOT && number < SLOTS, "the fuzzed program has too little memory");
    places[number] = slot(number) + ((sides >> number & 1U) != 0 ? 0 : SLOT - bytes);
    taken[number] = bytes;
    used += 1;
    ALLOW(places[number], bytes);
    memset(places[number], 0xff, bytes);
    ALLOW(places[number], bytes);
    return places[number];
}

static double *guarded_doubles(size_t count) {
    return guarded(count, sizeof(double));
}

static void *guarded_copy(const void *from, size_t count, size_t size) {
    void *copy = guarded(count, size);
    memcpy(copy, from, count * size);
    return copy;
}

/* Gives back all pieces from the one with this number on. */
static void release(uint32_t first) {
    while (used > first) {
        used -= 1;
        FORBID(places[used], taken[used]);
    }
}

/* Whether memory is as `guarded` gave it; not asked where that counts as not yet written. */
static void expect_untouched(const char *what, const void *memory, size_t size) {
#if !__has_feature(memory_sanitizer) && !defined(FUZZ_VALGRIND)
    const uint8_t *bytes = memory;
    for (size_t i = 0; i < size; i++) {
        expect(bytes[i] == 0xff, "a failure changed %s [%lu]", what, (unsigned long)i);
    }
#else
    (void)what;
    (void)memory;
    (void)size;
#endif
}
