// SPDX-License-Identifier: MIT
// SHA-256 (FIPS 180-4): a page that is opened as a file may lack the browser's.

function primes(count) {
  const found = [];
  for (let n = 2; found.length < count; n++) {
    if (found.every((prime) => n % prime)) found.push(n);
  }
  return found;
}

// The first 32 bits behind the point of a root of each of the first primes: whole numbers, found without rounding.
function fractions(count, power) {
  return primes(count).map((prime) => {
    const target = BigInt(prime) << BigInt(32 * power);
    let low = 0n;
    for (let bit = 1n << 36n; bit; bit >>= 1n) {
      if ((low + bit) ** BigInt(power) <= target) low += bit;
    }
    return Number(low & 0xffffffffn);
  });
}

const START = fractions(8, 2);
const ROUNDS = fractions(64, 3);
const turn = (word, by) => (word >>> by) | (word << (32 - by));

/** The hash of a Uint8Array in lower-case hexadecimal. */
export function sha256(bytes) {
  const padded = new DataView(new ArrayBuffer((Math.floor((bytes.length + 8) / 64) + 1) * 64));
  new Uint8Array(padded.buffer).set(bytes);
  padded.setUint8(bytes.length, 0x80);
  padded.setBigUint64(padded.byteLength - 8, BigInt(bytes.length) * 8n);
  const hash = START.slice();
  const words = new Int32Array(64);
  for (let block = 0; block < padded.byteLength; block += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        words[i] = padded.getInt32(block + 4 * i);
      } else {
        const [far, near] = [words[i - 15], words[i - 2]];
        const first = turn(far, 7) ^ turn(far, 18) ^ (far >>> 3);
        const second = turn(near, 17) ^ turn(near, 19) ^ (near >>> 10);
        words[i] = words[i - 16] + first + words[i - 7] + second;
      }
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      const chosen = (e & f) ^ (~e & g);
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + chosen + ROUNDS[i] + words[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (hash[i] = (hash[i] + word) | 0));
  }
  return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
