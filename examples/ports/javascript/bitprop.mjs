// SPDX-License-Identifier: MIT
//
// bitprop's numeric contract, version 1, in JavaScript: the same bits as every other implementation. Only the language
// itself is used, so this module runs in browsers as well as in Node. `§` cites docs/contract.md.
//
// A seed is a BigInt, 0n <= seed < 2n**64n. A network is { sizes, activations, bias, parameters }, see `network`.

const scratch = new DataView(new ArrayBuffer(8));

/** The number with this 64-bit pattern, 16 hexadecimal digits. */
export function fromBits(hex) {
  scratch.setBigUint64(0, BigInt(`0x${hex}`));
  return scratch.getFloat64(0);
}

/** The 64-bit pattern of a number; every NaN is written as the same one (§1.5). */
export function toBits(x) {
  if (Number.isNaN(x)) return '7ff8000000000000';
  scratch.setFloat64(0, x);
  return scratch.getBigUint64(0).toString(16).padStart(16, '0');
}

/** Throws where the arithmetic is not that of §1: fused, wider or flushed. The values are read at run time. */
export function checkArithmetic() {
  const patterns = ['3ff0000000400000', 'bff0000000800000', '4340000000000000', '3ca0000800000000', '0000000000000002'];
  const [x, z, wide, overHalf, tiny] = patterns.map(fromBits);
  if (x * x + z !== 0 || (wide + 1) - wide !== 0 || (1 + overHalf) - 1 === 0 || tiny / 2 === 0) {
    throw new Error('this environment lacks the arithmetic of the contract');
  }
}

checkArithmetic();

/** Limits with which a NaN passes through (§1.6). */
const clamp = (t, a, b) => (t < a ? a : t > b ? b : t);

/** The constants (§2), as patterns, since JavaScript has no hex floats. */
export const CONSTANTS = {
  LOG2E: fromBits('3ff71547652b82fe'),
  MAGIC: fromBits('4338000000000000'),
  LN2_HI: fromBits('3fe62e42fee00000'),
  LN2_LO: fromBits('3dea39ef35793c76'),
  P1: fromBits('3fc555555555553e'),
  P2: fromBits('bf66c16c16bebd93'),
  P3: fromBits('3f11566aaf25de2c'),
  P4: fromBits('bebbbd41c5d26bf1'),
  P5: fromBits('3e66376972bea4d0'),
};
const { LOG2E, MAGIC, LN2_HI, LN2_LO, P1, P2, P3, P4, P5 } = CONSTANTS;

/** 2^k for an integer k of the normal range, put together from its bits (§2). */
function powerOfTwo(k) {
  scratch.setUint32(0, (k + 1023) << 20);
  scratch.setUint32(4, 0);
  return scratch.getFloat64(0);
}

/** r, c and s, with exp(t) = s*(c + r)/(c - r) (§2). */
function split(t) {
  const k = (t * LOG2E + MAGIC) - MAGIC;
  const r = (t - k * LN2_HI) - k * LN2_LO;
  const z = r * r;
  const w = z * z;
  const c = 2 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5));
  return [r, c, powerOfTwo(k)];
}

/** The logistic function (§2). */
export function sigmoid(x) {
  if (Number.isNaN(x)) return NaN;
  const [r, c, s] = split(clamp(-x, -708, 708));
  const lo = c - r;
  const hi = (c + r) * s;
  return lo / (lo + hi);
}

/** The hyperbolic tangent (§2). */
export function tanh(x) {
  if (Number.isNaN(x)) return NaN;
  const [r, c, s] = split(clamp(2 * x, -40, 40));
  const p = s - 1;
  const q = s + 1;
  return (p * c + q * r) / (q * c + p * r);
}

/** The constants of the logarithm (§2). */
const SQRT_HALF = fromBits('3fe6a09e667f3bcd');
const [L1, L2, L3, L4, L5, L6, L7] = [
  '3fe5555555555593', '3fd999999997fa04', '3fd2492494229359', '3fcc71c51d8e78af', '3fc7466496cb03de',
  '3fc39a09d078c69f', '3fc2f112df3e5244',
].map(fromBits);

/** The exponential (§2). */
function exp(t) {
  if (Number.isNaN(t)) return NaN;
  const [r, c, s] = split(clamp(t, -708, 708));
  return (1 + (2 * r) / (c - r)) * s;
}

/** The logarithm of v + rest, for a normal v above 0 or a NaN (§2). */
function log(v, rest) {
  if (Number.isNaN(v)) return NaN;
  scratch.setFloat64(0, v);
  const high = scratch.getUint32(0);
  let k = (high >>> 20) - 1022;
  scratch.setUint32(0, (high & 0xfffff) | 0x3fe00000);
  let m = scratch.getFloat64(0);
  if (m < SQRT_HALF) {
    m *= 2;
    k -= 1;
  }
  const f = m - 1;
  const q = f / (2 + f);
  const z = q * q;
  const w = z * z;
  const R = w * (L2 + w * (L4 + w * L6)) + z * (L1 + w * (L3 + w * (L5 + w * L7)));
  const h = 0.5 * f * f;
  return k * LN2_HI - ((h - (q * (h + R) + (k * LN2_LO + rest))) - f);
}

/** The logarithm of 1 + u, for u from 0 to 1 or a NaN (§2). */
function log1p(u) {
  const w = 1 + u;
  return log(w, (u - (w - 1)) / w);
}

/** The sum of a list in order, from its first element on. */
const inOrder = (list) => list.reduce((sum, value) => sum + value);

/** The m and the exponentials of softmax (§4). */
function shifted(x) {
  const m = x.reduce((most, value) => (value > most ? value : most));
  return { m, e: x.map((value) => exp(value - m)) };
}

/** The outputs of a whole layer (§4). */
export function softmax(x) {
  const { e } = shifted(x);
  const sum = inOrder(e);
  return e.map((value) => value / sum);
}

/** The activations in the order of their numbers in model bytes (§11), each with the slope from its output (§2). */
export const ACTIVATIONS = new Map([
  ['sigmoid', { value: sigmoid, slope: (y) => y * (1 - y) }],
  ['tanh', { value: tanh, slope: (y) => 1 - y * y }],
  ['relu', { value: (x) => (x < 0 ? 0 : x), slope: (y) => (y > 0 ? 1 : 0) }],
  ['identity', { value: (x) => x, slope: () => 1 }],
  ['softsign', { value: (x) => x / (1 + Math.abs(x)), slope: (y) => (1 - Math.abs(y)) * (1 - Math.abs(y)) }],
  ['leaky_relu', { value: (x) => (x < 0 ? 0.01 * x : x), slope: (y) => (y > 0 ? 1 : 0.01) }],
  ['softmax', { value: (x) => x, layer: softmax }], // of the last layer only, and without a slope
]);

/** A row's squared error, and the last layer's deltas (§5). */
function squaredRow(x, y, t, { slope }) {
  const e = y.map((value, j) => value - t[j]);
  return { error: inOrder(e.map((value) => value * value)), deltas: e.map((value, j) => value * slope(y[j])) };
}

/** Likewise with the cross-entropy of sigmoid outputs (§5). */
function binaryCrossEntropyRow(x, y, t) {
  const terms = x.map((value, j) => ((value > 0 ? value : 0) - value * t[j]) + log1p(exp(-Math.abs(value))));
  return { error: inOrder(terms), deltas: y.map((value, j) => value - t[j]) };
}

/** Likewise with the cross-entropy of softmax outputs (§5). */
function crossEntropyRow(x, y, t) {
  const { m, e } = shifted(x);
  const logSum = log(inOrder(e), 0);
  const error = inOrder(x.map((value, j) => t[j] * ((m - value) + logSum)));
  return { error, deltas: y.map((value, j) => value - t[j]) };
}

const squared = { row: squaredRow };
const mean = { scale: (rows) => 1 / rows, figure: (error, rows) => error / rows };

/**
 * The losses: a row's error and deltas (§5), and of a batch the gradient's scale and the figure (§7). `outputs` is the
 * activation that the last layer must have, where it is not any but softmax.
 */
export const LOSSES = new Map([
  ['half_sse', { ...squared, scale: () => 1, figure: (sse) => 0.5 * sse }],
  ['sse', { ...squared, scale: () => 2, figure: (sse) => sse }],
  ['half_mse', { ...squared, scale: (rows, m) => 1 / (rows * m), figure: (sse, rows, m) => 0.5 * (sse / (rows * m)) }],
  ['mse', { ...squared, scale: (rows, m) => 2 / (rows * m), figure: (sse, rows, m) => sse / (rows * m) }],
  ['binary_cross_entropy', { ...mean, row: binaryCrossEntropyRow, outputs: 'sigmoid' }],
  ['cross_entropy', { ...mean, row: crossEntropyRow, outputs: 'softmax' }],
]);

/**
 * The update rules (§7). `start(constants)` is what a rule keeps for a parameter at first; `step(w, g, kept, rate,
 * constants)` answers the new parameter and changes what is kept. Adam's p1 and p2 are kept for each parameter.
 */
export const RULES = new Map([
  ['descent', { start: () => [], step: (w, g, kept, rate) => w - rate * g }],
  ['momentum', { start: () => [0], step: momentum(false) }],
  ['nesterov', { start: () => [0], step: momentum(true) }],
  ['adam', { start: () => [0, 0, 1, 1], step: adam }],
  ['adamw', { start: () => [0, 0, 1, 1], step: adam, decoupled: true }],
  ['rprop', { start: ([, , firstStep]) => [0, firstStep], step: rprop }],
]);

function momentum(nesterov) {
  return (w, g, kept, rate, [factor]) => {
    const v = factor * kept[0] + g;
    kept[0] = v;
    return w - rate * (nesterov ? g + factor * v : v);
  };
}

function adam(w, g, kept, rate, [beta1, beta2, epsilon]) {
  const p1 = kept[2] * beta1;
  const p2 = kept[3] * beta2;
  const a = rate / (1 - p1);
  const c = 1 - p2;
  const m = beta1 * kept[0] + (1 - beta1) * g;
  const v = beta2 * kept[1] + (1 - beta2) * (g * g);
  kept.splice(0, 4, m, v, p1, p2);
  return w - (a * m) / (Math.sqrt(v / c) + epsilon);
}

function rprop(w, gradient, kept, rate, [increase, decrease, , stepMin, stepMax]) {
  let g = gradient;
  const q = kept[0] * g;
  if (q > 0) {
    const grown = kept[1] * increase;
    kept[1] = grown < stepMax ? grown : stepMax;
  } else if (q < 0) {
    const shrunk = kept[1] * decrease;
    kept[1] = shrunk > stepMin ? shrunk : stepMin;
    g = 0;
  }
  kept[0] = g;
  if (g > 0) return w - kept[1];
  return g < 0 ? w + kept[1] : w;
}

/** Takes L1 and weight decay into a batch's gradient, or a decay that is decoupled into the parameters (§7). */
function regularise({ layers, bias }, parameters, gradient, { weightDecay, l1, decayBiases, rate, decoupled }) {
  if (weightDecay === 0 && l1 === 0) return;
  for (const { outputs, weights, biases } of layers) {
    const end = bias && decayBiases ? biases + outputs : biases;
    for (let p = weights; p < end; p++) {
      if (l1 !== 0 && parameters[p] > 0) gradient[p] += l1;
      else if (l1 !== 0 && parameters[p] < 0) gradient[p] -= l1;
      if (weightDecay === 0) continue;
      if (decoupled) parameters[p] -= (rate * weightDecay) * parameters[p];
      else gradient[p] += weightDecay * parameters[p];
    }
  }
}

/** What `map` has under `name`; throws where there is nothing. */
export function lookUp(map, name) {
  if (!map.has(name)) throw new Error(`unknown name: ${name}`);
  return map.get(name);
}

/** MT19937, seeded with stream*2^64 + seed by init_by_array; streams: 0 weights, 1 data, 2 shuffling (§9). */
export class Generator {
  #state = new Uint32Array(624);
  #next = 624;

  constructor(seed, stream) {
    const key = [];
    let n = (BigInt(stream) << 64n) + seed;
    do key.push(Number(n & 0xffffffffn)); while ((n >>= 32n) > 0n);
    const s = this.#state;
    const mixed = (i, factor) => s[i] ^ Math.imul(s[i - 1] ^ (s[i - 1] >>> 30), factor);
    s[0] = 19650218;
    for (let i = 1; i < 624; i++) s[i] = Math.imul(1812433253, s[i - 1] ^ (s[i - 1] >>> 30)) + i;
    let i = 1;
    const advance = () => {
      if (++i < 624) return;
      s[0] = s[623];
      i = 1;
    };
    for (let done = 0; done < 624; done++, advance()) {
      const j = done % key.length;
      s[i] = mixed(i, 1664525) + key[j] + j;
    }
    for (let done = 0; done < 623; done++, advance()) s[i] = mixed(i, 1566083941) - i;
    s[0] = 0x80000000;
  }

  /** The next output, 32 bits (§9). */
  #output() {
    const s = this.#state;
    if (this.#next === 624) {
      for (let i = 0; i < 624; i++) {
        const y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7fffffff);
        s[i] = s[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.#next = 0;
    }
    let y = s[this.#next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A number, 0 <= number < 1 (§9). */
  random() {
    const a = this.#output() >>> 5;
    const b = this.#output() >>> 6;
    return (a * 67108864 + b) / 9007199254740992;
  }

  /** An integer, 0 <= integer < n, for 1 <= n < 2^32 (§9). */
  randbelow(n) {
    if (!(Number.isInteger(n) && n >= 1 && n < 2 ** 32)) throw new RangeError(`randbelow: ${n}`);
    const shift = Math.clz32(n);
    let k;
    do k = this.#output() >>> shift; while (k >= n);
    return k;
  }

  /** Shuffles a list where it stands (§8). */
  shuffle(list) {
    for (let i = list.length - 1; i >= 1; i--) {
      const k = this.randbelow(i + 1);
      [list[i], list[k]] = [list[k], list[i]];
    }
  }
}

/** For each layer after the input its sizes, and where its weights and biases stand in the parameters (§3). */
function layout(sizes, bias) {
  if (sizes.length < 2 || !sizes.every((n) => Number.isInteger(n) && n >= 1)) throw new Error(`sizes: ${sizes}`);
  let end = 0;
  const layers = sizes.slice(1).map((outputs, l) => {
    const weights = end;
    const biases = weights + sizes[l] * outputs;
    end = bias ? biases + outputs : biases;
    return { inputs: sizes[l], outputs, weights, biases };
  });
  return { layers, count: end };
}

/** A network from its parts, checked (§3): layer sizes, names of activations, whether it has biases, parameters. */
export function network({ sizes, activations, bias, parameters }) {
  const { layers, count } = layout(sizes, bias);
  if (activations.length !== layers.length) throw new Error('one activation for each layer after the input');
  if (parameters.length !== count) throw new Error(`${count} parameters needed, not ${parameters.length}`);
  activations.forEach((name, l) => { layers[l].activation = lookUp(ACTIVATIONS, name); });
  if (activations.slice(0, -1).includes('softmax')) throw new Error('softmax is for the last layer only');
  return { sizes, activations, bias, layers, parameters: Float64Array.from(parameters) };
}

/** Nearly a normal deviate, the sum of twelve numbers (§9). */
function normal(generator) {
  let sum = generator.random();
  for (let n = 1; n < 12; n++) sum += generator.random();
  return sum - 6;
}

/** A number in [-1, 1) (§9). */
const uniform = (generator) => 2 * generator.random() - 1;

/** Initial parameters: `init` is normal, uniform or glorot (§9). */
export function initialParameters(sizes, bias, init, seed) {
  const generator = new Generator(seed, 0);
  const draw = lookUp(new Map([
    ['normal', () => normal(generator)],
    ['uniform', () => uniform(generator)],
    ['glorot', (layer) => uniform(generator) * Math.sqrt(6 / (layer.inputs + layer.outputs))],
  ]), init);
  const { layers, count } = layout(sizes, bias);
  const parameters = new Float64Array(count);
  for (const layer of layers) {
    for (let p = layer.weights; p < layer.biases; p++) parameters[p] = draw(layer);
  }
  return parameters;
}

/** The linearly separable set of n rows (§10). */
export function linear(n, seed) {
  const generator = new Generator(seed, 1);
  const inputs = Array.from({ length: n }, () => [generator.random(), generator.random()]);
  return { inputs, targets: inputs.map(([x0, x1]) => [x0 > x1 ? 0 : 1]) };
}

/** The set of 21 rows that is not linearly separable (§10). */
export function xor() {
  const inputs = [];
  const targets = [];
  for (let i = 0; i <= 10; i++) {
    inputs.push([0.1 * i, 0.1 * i]);
    targets.push([0]);
    if (i === 5) continue;
    inputs.push([0.1 * i, 1 - 0.1 * i]);
    targets.push([1]);
  }
  return { inputs, targets };
}

/** A point of the unit circle (§10). */
function direction(generator) {
  for (;;) {
    const a = uniform(generator);
    const b = uniform(generator);
    const s = a * a + b * b;
    if (s > 0 && s <= 1) {
      const r = Math.sqrt(s);
      return [a / r, b / r];
    }
  }
}

/** The point with noise added to each coordinate (§10). */
function moved(generator, x0, x1, noise) {
  const d0 = normal(generator);
  const d1 = normal(generator);
  return [x0 + noise * d0, x1 + noise * d1];
}

/** n rows, each from its number, with labels 0 and 1 in turn (§10). */
function inTurn(n, row) {
  const inputs = Array.from({ length: n }, (_, i) => row(i));
  return { inputs, targets: inputs.map((_, i) => [i % 2]) };
}

/** Two circles (§10). */
export function circles(n, seed, noise) {
  const generator = new Generator(seed, 1);
  return inTurn(n, (i) => {
    const [u, v] = direction(generator);
    const radius = i % 2 ? 0.5 : 1;
    return moved(generator, radius * u, radius * v, noise);
  });
}

/** Two half circles that reach into each other (§10). */
export function moons(n, seed, noise) {
  const generator = new Generator(seed, 1);
  return inTurn(n, (i) => {
    const [u, v] = direction(generator);
    const w = v < 0 ? -v : v;
    return i % 2 ? moved(generator, 1 - u, 0.5 - w, noise) : moved(generator, u, w, noise);
  });
}

/** 1 in column k of so many, and 0 in all others (§10). */
const oneHot = (k, width) => Array.from({ length: width }, (_, column) => (column === k ? 1 : 0));

/** Points around drawn centres (§10). */
export function blobs(n, centres, seed, noise) {
  const generator = new Generator(seed, 1);
  const middles = Array.from({ length: centres }, () => [uniform(generator), uniform(generator)]);
  const inputs = Array.from({ length: n }, (_, i) => moved(generator, ...middles[i % centres], noise));
  return { inputs, targets: inputs.map((_, i) => (centres === 2 ? [i % 2] : oneHot(i % centres, centres))) };
}

/** The sines of 0 to 8 sixteenths of pi (§10). */
const S = [
  '0000000000000000', '3fc8f8b83c69a60b', '3fd87de2a6aea963', '3fe1c73b39ae68c8', '3fe6a09e667f3bcd',
  '3fea9b66290ea1a3', '3fed906bcf328d46', '3fef6297cff75cb0', '3ff0000000000000',
].map(fromBits);

/** The sine of k sixteenths of pi (§10). */
function sine(k) {
  const m = k % 16;
  const value = S[m <= 8 ? m : 16 - m];
  return k % 32 >= 16 ? -value : value;
}

/** The two spirals of Lang and Witbrock (§10). */
export function twoSpirals() {
  const inputs = [];
  const targets = [];
  for (let i = 0; i <= 96; i++) {
    const r = (104 - i) / 16;
    const x0 = r * sine(i);
    const x1 = r * sine(i + 8);
    inputs.push([x0, x1], [-x0, -x1]);
    targets.push([1], [0]);
  }
  return { inputs, targets };
}

/** n rows with a single 1 each, which are their targets too (§10). */
export function encoder(n) {
  const rows = () => Array.from({ length: n }, (_, i) => oneHot(i, n));
  return { inputs: rows(), targets: rows() };
}

/** All rows of n bits; the label is 1 where an odd number of them is 1 (§10). */
export function parity(n) {
  const inputs = Array.from({ length: 2 ** n }, (_, i) => Array.from({ length: n }, (_, j) => (i >>> (n - 1 - j)) & 1));
  return { inputs, targets: inputs.map((bits) => [bits.reduce((sum, bit) => sum ^ bit)]) };
}

/** Pre-activations and outputs of every layer after the input, for one row (§4). */
export function forward({ bias, layers, parameters: w }, input) {
  if (input.length !== layers[0].inputs) throw new Error(`a row of ${layers[0].inputs} inputs needed`);
  const preactivations = [];
  const outputs = [];
  let a = input;
  for (const { inputs, outputs: width, weights, biases, activation } of layers) {
    const sums = new Float64Array(width);
    for (let j = 0; j < width; j++) {
      let acc = bias ? w[biases + j] + a[0] * w[weights + j] : a[0] * w[weights + j];
      for (let i = 1; i < inputs; i++) acc += a[i] * w[weights + i * width + j];
      sums[j] = acc;
    }
    a = activation.layer ? activation.layer(sums) : sums.map(activation.value);
    preactivations.push(sums);
    outputs.push(a);
  }
  return { preactivations, outputs };
}

/** Adds one sample's contributions to a lane: the gradient's and, behind them, the error (§5, §6). */
function addSample(net, input, target, weight, lane, loss) {
  const { bias, layers, parameters: w } = net;
  const { preactivations, outputs } = forward(net, input);
  if (target.length !== outputs.at(-1).length) throw new Error(`a row of ${outputs.at(-1).length} targets needed`);
  const { error, deltas } = loss.row(preactivations.at(-1), outputs.at(-1), target, layers.at(-1).activation);
  lane[w.length] += weight === null ? error : error * weight;
  let d = weight === null ? deltas : deltas.map((delta) => delta * weight);
  for (let l = layers.length - 1; l >= 0; l--) {
    const { inputs, outputs: width, weights, biases } = layers[l];
    const a = l > 0 ? outputs[l - 1] : input;
    const sums = new Float64Array(inputs);
    for (let i = 0; i < inputs; i++) {
      const row = weights + i * width;
      for (let j = 0; j < width; j++) lane[row + j] += a[i] * d[j];
      sums[i] = w[row] * d[0];
      for (let j = 1; j < width; j++) sums[i] += w[row + j] * d[j];
    }
    if (bias) d.forEach((delta, j) => { lane[biases + j] += delta; });
    if (l > 0) d = sums.map((sum, i) => sum * layers[l - 1].activation.slope(a[i]));
  }
}

/** The gradient g, the squared error and the loss of a batch, given by the numbers of its rows (§6, §7). */
function batchGradient(net, inputs, targets, weights, rows, loss) {
  const head = lookUp(LOSSES, loss);
  const last = net.activations.at(-1);
  if (head.outputs ? last !== head.outputs : last === 'softmax') throw new Error(`${loss} is no loss of ${last}`);
  const shape = [rows.length, net.sizes.at(-1)];
  const lanes = Array.from({ length: 8 }, () => new Float64Array(net.parameters.length + 1));
  rows.forEach((row, i) => addSample(net, inputs[row], targets[row], weights?.[row] ?? null, lanes[i % 8], head));
  const [l0, l1, l2, l3, l4, l5, l6, l7] = lanes;
  const sums = l0.map((_, p) => ((l0[p] + l4[p]) + (l2[p] + l6[p])) + ((l1[p] + l5[p]) + (l3[p] + l7[p])));
  const factor = head.scale(...shape);
  const sse = sums.at(-1);
  return { gradient: sums.subarray(0, -1).map((g) => g * factor), sse, figure: head.figure(sse, ...shape) };
}

/** The numbers of all rows, in order. */
function rowNumbers(inputs, targets) {
  if (inputs.length === 0 || inputs.length !== targets.length) throw new Error('as many targets as inputs needed');
  return [...inputs.keys()];
}

/** Gradient, squared error and loss (`figure`), all rows being one batch (§7); `weights` has one for each row (§5). */
export function gradient(net, inputs, targets, loss, weights = null) {
  return batchGradient(net, inputs, targets, weights, rowNumbers(inputs, targets), loss);
}

/**
 * A training (§8). Without `batchSize` all rows are one batch, without `shuffleSeed` their order stays. `rates` has a
 * learning rate for each epoch, in place of `rate`, and `weights`
 * one for each row. With `firstStepHigh`, the first steps of rprop are drawn. The network stays as it is. Answers the squared error of each epoch, the final parameters, and the epoch that diverged, or null.
 */
export function train(net, inputs, targets, {
  epochs, rate, loss = 'half_sse', batchSize = null, shuffleSeed = null,
  rule = 'descent', constants = [], weightDecay = 0, l1 = 0, decayBiases = false, rates = null,
  weights = null,
  firstStepHigh = null, firstStepSeed = 0n,
}) {
  if (!(rates ?? [rate]).every((each) => each >= 0 && each < Infinity)) throw new Error('the learning rate is finite and not negative');
  if (!(Number.isInteger(epochs) && epochs >= 0)) throw new Error(`epochs: ${epochs}`);
  if (!(batchSize === null || (Number.isInteger(batchSize) && batchSize >= 1))) throw new Error(`batch: ${batchSize}`);
  const order = rowNumbers(inputs, targets);
  const size = Math.min(batchSize ?? order.length, order.length);
  const generator = shuffleSeed === null ? null : new Generator(shuffleSeed, 2);
  const parameters = net.parameters.slice();
  const current = { ...net, parameters };
  const { start: begin, step, decoupled = false } = lookUp(RULES, rule);
  const kept = Array.from(parameters, () => begin(constants));
  if (firstStepHigh !== null) {
    const [, , low] = constants;
    const steps = new Generator(firstStepSeed, 3);
    kept.forEach((state) => { state[1] = low + (firstStepHigh - low) * steps.random(); });
  }
  const sse = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const before = parameters.slice();
    const now = rates === null ? rate : rates[epoch];
    generator?.shuffle(order);
    let total = 0;
    for (let start = 0; start < order.length; start += size) {
      const batch = batchGradient(current, inputs, targets, weights, order.slice(start, start + size), loss);
      total += batch.sse;
      regularise(net, parameters, batch.gradient, { weightDecay, l1, decayBiases, rate: now, decoupled });
      batch.gradient.forEach((g, p) => { parameters[p] = step(parameters[p], g, kept[p], now, constants); });
    }
    const finite = Number.isFinite(total) && parameters.every(Number.isFinite);
    if (!finite) return { sse, parameters: before, diverged: epoch };
    sse.push(total);
  }
  return { sse, parameters, diverged: null };
}

/** The sum of a column by the lanes (§6). */
function laneSum(values) {
  const lanes = new Float64Array(8);
  values.forEach((value, i) => { lanes[i % 8] += value; });
  const [l0, l1, l2, l3, l4, l5, l6, l7] = lanes;
  return ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7));
}

/** Shift and spread of a column, by their kind (§13). */
export const SCALINGS = new Map([
  ['standard', (column) => {
    const n = column.length;
    const mean = column.every((v) => v === column[0]) ? column[0] : laneSum(column) / n;
    const spread = Math.sqrt(laneSum(column.map((v) => (v - mean) * (v - mean))) / n);
    return { shift: mean, spread: spread === 0 ? 1 : spread };
  }],
  ['min_max', (column, low, high) => {
    let [a, b] = [column[0], column[0]];
    for (const v of column) {
      if (v < a) a = v;
      if (v > b) b = v;
    }
    const spread = (b - a) / (high - low);
    const some = spread === 0 ? 1 : spread;
    return { shift: a - low * some, spread: some };
  }],
]);

/** A row scaled, and a scaled row taken back, by the shift and spread of its columns (§13). */
export const scale = (row, columns) => row.map((v, i) => (v - columns[i].shift) / columns[i].spread);
export const unscale = (row, columns) => row.map((v, i) => v * columns[i].spread + columns[i].shift);

/** The CRC-32 of zlib and PNG (§11). */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** The network that these bytes hold, or null where §11 refuses them. */
export function readModel(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - 4;
  const word = (at) => view.getUint32(at, true);
  if (end < 20 || !Array.from('bitprop\0').every((letter, i) => letter.charCodeAt(0) === bytes[i])) return null;
  if (word(8) !== 1 || word(12) > 1 || word(end) !== crc32(bytes.subarray(0, end))) return null;
  const count = word(16);
  const start = 20 + 4 * (2 * count - 1); // of the parameters; no sum here is beyond 2^53
  if (count < 2 || start > end) return null;
  const words = Array.from({ length: 2 * count - 1 }, (_, i) => word(20 + 4 * i));
  const sizes = words.slice(0, count);
  const activations = words.slice(count).map((code) => [...ACTIVATIONS.keys()][code]);
  if (sizes.includes(0) || activations.includes(undefined)) return null;
  if (activations.slice(0, -1).includes('softmax')) return null;
  const bias = word(12) === 1;
  const products = sizes.slice(1).map((outputs, l) => BigInt(outputs) * BigInt(sizes[l] + (bias ? 1 : 0)));
  if (products.reduce((sum, product) => sum + product) * 8n !== BigInt(end - start)) return null;
  const parameters = new Float64Array((end - start) / 8);
  for (let p = 0; p < parameters.length; p++) {
    parameters[p] = view.getFloat64(start + 8 * p, true);
    const bits = view.getBigUint64(start + 8 * p, true);
    if (Number.isNaN(parameters[p]) && bits !== 0x7ff8000000000000n) return null;
  }
  return network({ sizes, activations, bias, parameters });
}

/** A network as bytes (§11); its fingerprint is their SHA-256. */
export function modelBytes({ sizes, activations, bias, parameters }) {
  const names = [...ACTIVATIONS.keys()];
  const words = [1, bias ? 1 : 0, sizes.length, ...sizes, ...activations.map((name) => names.indexOf(name))];
  const bytes = new Uint8Array(8 + 4 * words.length + 8 * parameters.length + 4);
  const view = new DataView(bytes.buffer);
  let at = 8;
  bytes.set(Array.from('bitprop', (letter) => letter.charCodeAt(0)));
  for (const word of words) { view.setUint32(at, word, true); at += 4; }
  for (const x of parameters) { view.setBigUint64(at, BigInt(`0x${toBits(x)}`), true); at += 8; }
  view.setUint32(at, crc32(bytes.subarray(0, at)), true);
  return bytes;
}
