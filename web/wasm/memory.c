/* SPDX-License-Identifier: MIT */
/* The functions of string.h. Compile with -fno-builtin, or a compiler may take a loop for a call of itself. */
#include "string.h"

void *memcpy(void *target, const void *source, size_t length) {
    unsigned char *to = target;
    const unsigned char *from = source;
    for (size_t i = 0; i < length; i++) {
        to[i] = from[i];
    }
    return target;
}

void *memset(void *target, int value, size_t length) {
    unsigned char *to = target;
    for (size_t i = 0; i < length; i++) {
        to[i] = (unsigned char)value;
    }
    return target;
}

int memcmp(const void *left, const void *right, size_t length) {
    const unsigned char *a = left;
    const unsigned char *b = right;
    for (size_t i = 0; i < length; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}
