/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), as small as the fingerprint of a model needs it. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

/* Of the cube roots of the first 64 primes, and the square roots of the first 8, the first 32 bits of the fraction. */
static const uint32_t sha256_rounds[64] = {
    0x428a2f98U, 0x71374491U, 0xb5c0fbcfU, 0xe9b5dba5U, 0x3956c25bU, 0x59f111f1U, 0x923f82a4U, 0xab1c5ed5U,
    0xd807aa98U, 0x12835b01U, 0x243185beU, 0x550c7dc3U, 0x72be5d74U, 0x80deb1feU, 0x9bdc06a7U, 0xc19bf174U,
    0xe49b69c1U, 0xefbe4786U, 0x0fc19dc6U, 0x240ca1ccU, 0x2de92c6fU, 0x4a7484aaU, 0x5cb0a9dcU, 0x76f988daU,
    0x983e5152U, 0xa831c66dU, 0xb00327c8U, 0xbf597fc7U, 0xc6e00bf3U, 0xd5a79147U, 0x06ca6351U, 0x14292967U,
    0x27b70a85U, 0x2e1b2138U, 0x4d2c6dfcU, 0x53380d13U, 0x650a7354U, 0x766a0abbU, 0x81c2c92eU, 0x92722c85U,
    0xa2bfe8a1U, 0xa81a664bU, 0xc24b8b70U, 0xc76c51a3U, 0xd192e819U, 0xd6990624U, 0xf40e3585U, 0x106aa070U,
    0x19a4c116U, 0x1e376c08U, 0x2748774cU, 0x34b0bcb5U, 0x391c0cb3U, 0x4ed8aa4aU, 0x5b9cca4fU, 0x682e6ff3U,
    0x748f82eeU, 0x78a5636fU, 0x84c87814U, 0x8cc70208U, 0x90befffaU, 0xa4506cebU, 0xbef9a3f7U, 0xc67178f2U};
static const uint32_t sha256_start[8] = {0x6a09e667U, 0xbb67ae85U, 0x3c6ef372U, 0xa54ff53aU,
                                         0x510e527fU, 0x9b05688cU, 0x1f83d9abU, 0x5be0cd19U};

static inline uint32_t sha256_rotate(uint32_t x, int n) {
    return x >> n | x << (32 - n);
}

/* Byte `at` of the padded message. */
static inline uint32_t sha256_byte(const uint8_t *data, size_t length, size_t padded, size_t at) {
    if (at < length) {
        return data[at];
    }
    if (at == length) {
        return 0x80;
    }
    return at < padded - 8 ? 0 : (uint32_t)((uint64_t)length * 8 >> 8 * (padded - 1 - at)) & 0xff;
}

static inline void sha256(uint32_t *hash, const uint8_t *data, size_t length) {
    const size_t padded = (length + 9 + 63) / 64 * 64;
    for (int i = 0; i < 8; i++) {
        hash[i] = sha256_start[i];
    }
    for (size_t block = 0; block < padded; block += 64) {
        uint32_t w[64], s[8];
        for (size_t i = 0; i < 16; i++) {
            w[i] = 0;
            for (size_t byte = 0; byte < 4; byte++) {
                w[i] = w[i] << 8 | sha256_byte(data, length, padded, block + 4 * i + byte);
            }
        }
        for (size_t i = 16; i < 64; i++) {
            const uint32_t a = sha256_rotate(w[i - 15], 7) ^ sha256_rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
            const uint32_t b = sha256_rotate(w[i - 2], 17) ^ sha256_rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
            w[i] = w[i - 16] + a + w[i - 7] + b;
        }
        for (size_t i = 0; i < 8; i++) {
            s[i] = hash[i];
        }
        for (size_t i = 0; i < 64; i++) {
            const uint32_t a = sha256_rotate(s[0], 2) ^ sha256_rotate(s[0], 13) ^ sha256_rotate(s[0], 22);
            const uint32_t b = sha256_rotate(s[4], 6) ^ sha256_rotate(s[4], 11) ^ sha256_rotate(s[4], 25);
            const uint32_t t = s[7] + b + ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha256_rounds[i] + w[i];
            const uint32_t u = a + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            for (size_t k = 7; k > 0; k--) {
                s[k] = s[k - 1];
            }
            s[4] += t;
            s[0] = t + u;
        }
        for (size_t i = 0; i < 8; i++) {
            hash[i] += s[i];
        }
    }
}

#endif
