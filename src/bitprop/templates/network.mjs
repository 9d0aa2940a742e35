// SPDX-License-Identifier: MIT
// A network for prediction in JavaScript alone: for browsers and Node.js.
// --- network: begin ---
// Here bitprop writes the network that it exports: its shape, its parameters, and inputs with their outputs.
// --- network: end ---

const scratch = new DataView(new ArrayBuffer(8));

/** The number with this 64-bit pattern. */
function number(bits) {
  scratch.setBigUint64(0, bits);
  return scratch.getFloat64(0);
}

/** The pattern of a number, any NaN as one (docs/contract.md §1.5). */
function pattern(value) {
  scratch.setFloat64(0, value);
  return Number.isNaN(value) ? 0x7ff8000000000000n : scratch.getBigUint64(0);
}

// The activations (§2), each of one node but softmax, which is of a layer. JavaScript has no hex floats.
const [LOG2E, MAGIC, LN2_HI, LN2_LO, P1, P2, P3, P4, P5, LEAK] = [
  0x3ff71547652b82fen, 0x4338000000000000n, 0x3fe62e42fee00000n, 0x3dea39ef35793c76n, 0x3fc555555555553en,
  0xbf66c16c16bebd93n, 0x3f11566aaf25de2cn, 0xbebbbd41c5d26bf1n, 0x3e66376972bea4d0n, 0x3f847ae147ae147bn,
].map(number);

function clamp(t, low, high) {
  return t < low ? low : t > high ? high : t;
}

/** r, c and s, with which e^t is s*(c + r)/(c - r). */
function split(t) {
  const k = (t * LOG2E + MAGIC) - MAGIC;
  const r = (t - k * LN2_HI) - k * LN2_LO;
  const z = r * r;
  const w = z * z;
  const c = 2.0 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5));
  scratch.setUint32(0, (k + 1023) << 20); // 2^k
  scratch.setUint32(4, 0);
  return [r, c, scratch.getFloat64(0)];
}

function sigmoid(x) {
  if (Number.isNaN(x)) return x;
  const [r, c, s] = split(clamp(-x, -708, 708));
  const lo = c - r;
  const hi = (c + r) * s;
  return lo / (lo + hi);
}

function tanh(x) {
  if (Number.isNaN(x)) return x;
  const [r, c, s] = split(clamp(2 * x, -40, 40));
  const p = s - 1;
  const q = s + 1;
  return (p * c + q * r) / (q * c + p * r);
}

function relu(x) {
  return x < 0 ? 0 : x;
}

function identity(x) {
  return x;
}

function softsign(x) {
  return x / (1 + (x < 0 ? -x : x));
}

function leaky_relu(x) {
  return x < 0 ? LEAK * x : x;
}

function exponential(t) {
  if (Number.isNaN(t)) return t;
  const [r, c, s] = split(clamp(t, -708, 708));
  return (1 + (2 * r) / (c - r)) * s;
}

function softmax(x) {
  const most = x.reduce((m, value) => (value > m ? value : m));
  const e = x.map((value) => exponential(value - most));
  const total = e.reduce((sum, value) => sum + value);
  return e.map((value) => value / total);
}

const WEIGHTS = PARAMETERS.map(number);
// --- input columns: begin ---
const INPUT_COLUMNS = INPUT_SHIFT.map((bits, i) => [number(bits), number(INPUT_SPREAD[i])]);
// --- input columns: end ---
// --- output columns: begin ---
const OUTPUT_COLUMNS = OUTPUT_SHIFT.map((bits, j) => [number(bits), number(OUTPUT_SPREAD[j])]);
// --- output columns: end ---

/** The outputs, an array, for one row of inputs, an array or a typed array of numbers (§4). RangeError, TypeError. */
export function predict(row) {
  if (row.length !== SIZES[0]) throw new RangeError(`the row has ${row.length} inputs, expected ${SIZES[0]}`);
  let a = Array.from(row);
  if (!a.every((value) => typeof value === "number")) throw new TypeError("the row has something that is no number");
  // --- scaled inputs: begin ---
  a = a.map((value, i) => (value - INPUT_COLUMNS[i][0]) / INPUT_COLUMNS[i][1]);
  // --- scaled inputs: end ---
  let weights = 0;
  for (let layer = 1; layer < SIZES.length; layer++) {
    const nIn = SIZES[layer - 1];
    const nOut = SIZES[layer];
    const biases = weights + nIn * nOut;
    const outputs = [];
    for (let j = 0; j < nOut; j++) {
      let acc = BIAS ? WEIGHTS[biases + j] : a[0] * WEIGHTS[weights + j];
      for (let i = 1 - BIAS; i < nIn; i++) {
        acc = acc + a[i] * WEIGHTS[weights + i * nOut + j];
      }
      outputs.push(acc);
    }
    const activation = ACTIVATIONS[layer - 1];
    a = activation === softmax ? softmax(outputs) : outputs.map((value) => activation(value));
    weights = biases + nOut * BIAS;
  }
  // --- scaled outputs: begin ---
  a = a.map((value, j) => value * OUTPUT_COLUMNS[j][1] + OUTPUT_COLUMNS[j][0]);
  // --- scaled outputs: end ---
  return a;
}

/** Whether this engine calculates as the contract says, and the network gives its outputs to the last bit. */
export function selfTest() {
  return TESTS.every(([inputs, outputs]) => {
    const found = predict(inputs.map(number));
    return outputs.every((bits, j) => pattern(found[j]) === bits);
  });
}
