/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzzed program on the files of its arguments, once each: for compilers and emulators without libFuzzer.
 */
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST 65536U /* bytes of an input */

int main(int count, char **names) {
    static uint8_t bytes[MOST];
    if (count < 2) {
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
    (void)printf("%d inputs replayed\n", count - 1);
    return 0;
}
