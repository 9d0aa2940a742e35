/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzzed program on the files of its arguments, once each: for compilers and emulators without libFuzzer.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST 65536U /* bytes of an input */

int main(int count, char **names) {
    uint8_t *bytes = malloc(MOST);
    if (bytes == NULL || count < 2) {
        (void)fputs("expected files\n", stderr);
        return 2;
    }
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(names[i], "rb");
        if (file == NULL) {
            perror(names[i]);
            return 2;
        }
        const size_t length = fread(bytes, 1, MOST, file);
        (void)fclose(file);
        (void)LLVMFuzzerTestOneInput(bytes, length);
    }
    free(bytes);
    (void)printf("%d inputs replayed\n", count - 1);
    return 0;
}
