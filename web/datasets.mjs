// SPDX-License-Identifier: MIT
// The data sets of the contract (docs/contract.md §10), row by row as bitprop.datasets makes them: {x, y} of numbers.
import { Core } from "./core.mjs";
import { OptionError } from "./errors.mjs";

const ROWS_MOST = 100000; // of a page; Python takes more
export const NOISE = 0.1; // the deviation by which noisy sets move each coordinate, where no other is given
// The sines of 0 to 8 sixteenths of pi, as bits.
const SINES = new Float64Array(
  new BigUint64Array([
    0x0n,
    0x3fc8f8b83c69a60bn,
    0x3fd87de2a6aea963n,
    0x3fe1c73b39ae68c8n,
    0x3fe6a09e667f3bcdn,
    0x3fea9b66290ea1a3n,
    0x3fed906bcf328d46n,
    0x3fef6297cff75cb0n,
    0x3ff0000000000000n,
  ]).buffer,
);

function sine(k) {
  const size = SINES[Math.min(k % 16, 16 - (k % 16))];
  return k % 32 >= 16 ? -size : size;
}

const oneHot = (place, width) => Array.from({ length: width }, (_, column) => (column === place ? 1 : 0));
const count = (n, row) => Array.from({ length: n }, (_, i) => row(i));
const alternate = (n) => count(n, (i) => [i % 2]);

function direction(core) {
  for (;;) {
    const a = 2 * core.c.draw_random() - 1;
    const b = 2 * core.c.draw_random() - 1;
    const s = a * a + b * b;
    if (s > 0 && s <= 1) {
      const r = core.c.root(s);
      return [a / r, b / r];
    }
  }
}

function moved(core, noise, x0, x1) {
  const d0 = core.c.draw_deviate();
  const d1 = core.c.draw_deviate();
  return [x0 + noise * d0, x1 + noise * d1];
}

function linear(n, core) {
  const x = count(n, () => [core.c.draw_random(), core.c.draw_random()]);
  return { x, y: x.map(([x0, x1]) => [x0 > x1 ? 0 : 1]) };
}

function circles(n, core, noise) {
  const x = count(n, (i) => {
    const [u, v] = direction(core);
    const radius = i % 2 ? 0.5 : 1;
    return moved(core, noise, radius * u, radius * v);
  });
  return { x, y: alternate(n) };
}

function moons(n, core, noise) {
  const x = count(n, (i) => {
    const [u, v] = direction(core);
    const w = v < 0 ? -v : v;
    return i % 2 ? moved(core, noise, 1 - u, 0.5 - w) : moved(core, noise, u, w);
  });
  return { x, y: alternate(n) };
}

function blobs(n, core, noise) {
  const middles = count(2, () => [2 * core.c.draw_random() - 1, 2 * core.c.draw_random() - 1]);
  return { x: count(n, (i) => moved(core, noise, ...middles[i % 2])), y: alternate(n) };
}

function encoder(n) {
  return { x: count(n, (i) => oneHot(i, n)), y: count(n, (i) => oneHot(i, n)) };
}

function parity(n) {
  const x = count(2 ** n, (i) => count(n, (j) => (i >> (n - 1 - j)) & 1));
  return { x, y: x.map((row) => [row.filter((bit) => bit).length % 2]) };
}

function xor() {
  const x = [];
  const y = [];
  for (let i = 0; i < 11; i++) {
    x.push([0.1 * i, 0.1 * i]);
    y.push([0]);
    if (i !== 5) {
      x.push([0.1 * i, 1 - 0.1 * i]);
      y.push([1]);
    }
  }
  return { x, y };
}

function spirals() {
  const x = [];
  const y = [];
  for (let i = 0; i < 97; i++) {
    const radius = (104 - i) / 16;
    const x0 = radius * sine(i);
    const x1 = radius * sine(i + 8);
    x.push([x0, x1], [-x0, -x1]);
    y.push([1], [0]);
  }
  return { x, y };
}

/** For each name: how its rows are made, the most N that the page takes (0: it has none), and whether it is drawn
 * and has noise. */
export const DATA_SETS = {
  xor: { make: xor, most: 0 },
  linear: { make: linear, most: ROWS_MOST, example: 100, drawn: true },
  circles: { make: circles, most: ROWS_MOST, example: 200, drawn: true, noisy: true },
  moons: { make: moons, most: ROWS_MOST, example: 200, drawn: true, noisy: true },
  blobs: { make: blobs, most: ROWS_MOST, example: 300, drawn: true, noisy: true },
  spirals: { make: spirals, most: 0 },
  parity: { make: parity, most: 16, example: 4 },
  encoder: { make: encoder, most: 1000, example: 10 },
};

/** The kind and the N of a data set's name, the number of its inputs, and whether it is drawn and has noise.
 * OptionError. */
export function parseName(name) {
  const [kind, digits, ...more] = name.split(":");
  const entry = Object.hasOwn(DATA_SETS, kind) ? DATA_SETS[kind] : undefined;
  const known = Object.entries(DATA_SETS).map(([each, { most }]) => (most ? `${each}:N` : each));
  if (!entry || more.length || (digits !== undefined && !entry.most)) {
    throw new OptionError(`data is ${JSON.stringify(name)}, expected ${known.join(", ")}, or rows {x, y}`);
  }
  if (!entry.most) return { kind, n: 0, inputs: 2, drawn: false, noisy: false };
  const n = /^\d{1,8}$/.test(digits ?? "") ? Number(digits) : 0;
  if (n < 1 || n > entry.most) {
    const range = `N from 1 to ${entry.most}, as in ${kind}:${entry.example}`;
    throw new OptionError(`data is ${JSON.stringify(name)}, expected ${kind}:N with ${range}`);
  }
  const drawn = Boolean(entry.drawn);
  return { kind, n, inputs: drawn ? 2 : n, drawn, noisy: Boolean(entry.noisy) };
}

/** The rows of a named data set. `seed`: a BigInt. OptionError. */
export async function named(name, seed = 0n, noise = NOISE) {
  const { kind, n } = parseName(name);
  const core = await Core.make();
  core.c.seed_data(seed);
  return DATA_SETS[kind].make(n, core, noise);
}
