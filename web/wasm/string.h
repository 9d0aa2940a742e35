/* SPDX-License-Identifier: MIT */
/* What the core needs of the C library, for a build without one; memory.c has it. */
#ifndef PLAYGROUND_STRING_H
#define PLAYGROUND_STRING_H

#include <stddef.h>

void *memcpy(void *target, const void *source, size_t length);
void *memset(void *target, int value, size_t length);
int memcmp(const void *left, const void *right, size_t length);

#endif
