// SPDX-License-Identifier: MIT
//
// The program that `bitprop vectors check --exec 'node port.mjs'` asks: one question on each line of standard input,
// one answer on each line of standard output, both JSON (docs/porting.md). `§` cites docs/contract.md.

import { createHash } from 'node:crypto';
import * as bitprop from './bitprop.mjs';

/** The digits of a number or a seed, checked. */
function pattern(digits) {
  if (!/^"[0-9a-f]{16}"$/.test(JSON.stringify(digits))) throw new Error(`not a pattern: ${JSON.stringify(digits)}`);
  return digits;
}

const seed = (digits) => BigInt(`0x${pattern(digits)}`);
const number = (digits) => bitprop.fromBits(pattern(digits));
const numbers = (list) => Array.from(list, number);
const rows = (list) => Array.from(list, numbers);
const hex = (list) => Array.from(list, bitprop.toBits);
const hexRows = (list) => Array.from(list, hex);
const network = (input) => bitprop.network({ ...input, parameters: numbers(input.parameters) });
const generator = (input) => new bitprop.Generator(seed(input.seed), input.stream);

/** The operations of `arithmetic` (§1). */
const OPERATIONS = new Map([
  ['multiply_add', (x, y, z) => x * y + z],
  ['add_subtract', (x, y, z) => (x + y) - z],
  ['divide', (x, y) => x / y],
  ['square_root', (x) => Math.sqrt(x)],
]);

/** The data sets, from a question's `input` (§10). */
const DATA_SETS = new Map(Object.entries({
  linear: (input) => bitprop.linear(input.n, seed(input.seed)),
  xor: () => bitprop.xor(),
  circles: (input) => bitprop.circles(input.n, seed(input.seed), number(input.noise)),
  moons: (input) => bitprop.moons(input.n, seed(input.seed), number(input.noise)),
  blobs: (input) => bitprop.blobs(input.n, input.centres, seed(input.seed), number(input.noise)),
  two_spirals: () => bitprop.twoSpirals(),
  encoder: (input) => bitprop.encoder(input.n),
  parity: (input) => bitprop.parity(input.n),
}));

/** From a question's `input` to its answer. */
const FUNCTIONS = new Map(Object.entries({
  /** One result for each position (§1). */
  arithmetic({ operation, x, y = [], z = [] }) {
    const compute = bitprop.lookUp(OPERATIONS, operation);
    const [xs, ys, zs] = [x, y, z].map(numbers);
    return { result: hex(xs.map((value, i) => compute(value, ys[i], zs[i]))) };
  },
  /** The constants (§2). */
  constants() {
    const entries = Object.entries(bitprop.CONSTANTS).map(([name, value]) => [name, bitprop.toBits(value)]);
    return { constants: Object.fromEntries(entries) };
  },
  /** Values, and the slopes from these (§2). */
  activation({ activation, x }) {
    const { value, slope } = bitprop.lookUp(bitprop.ACTIVATIONS, activation);
    const y = numbers(x).map((t) => value(t));
    return { y: hex(y), slope: hex(y.map((t) => slope(t))) };
  },
  /** `count` numbers of one generator (§9). */
  random(input) {
    const { count: length } = input;
    const source = generator(input);
    return { random: hex(Array.from({ length }, () => source.random())) };
  },
  /** An integer below each of `n`, all of one generator (§9). */
  randbelow(input) {
    const source = generator(input);
    return { randbelow: input.n.map((n) => source.randbelow(n)) };
  },
  /** Initial parameters (§3, §9). */
  init({ sizes, bias, init, seed: digits }) {
    return { parameters: hex(bitprop.initialParameters(sizes, bias, init, seed(digits))) };
  },
  /** A data set (§10). */
  data(input) {
    const { inputs, targets } = bitprop.lookUp(DATA_SETS, input.kind)(input);
    return { inputs: hexRows(inputs), targets: hexRows(targets) };
  },
  /** One row forward (§4). */
  forward(input) {
    const { preactivations, outputs } = bitprop.forward(network(input), numbers(input.input));
    return { preactivations: hexRows(preactivations), outputs: hexRows(outputs) };
  },
  /** All rows as one batch (§5, §6, §7). */
  gradient(input) {
    const { loss } = input;
    const weights = input.row_weights === undefined ? null : numbers(input.row_weights);
    const { gradient, sse, figure } = bitprop.gradient(network(input), rows(input.inputs), rows(input.targets), loss, weights);
    return { gradient: hex(gradient), sse: bitprop.toBits(sse), figure: bitprop.toBits(figure) };
  },
  /** A whole training (§7, §8). */
  train(input) {
    const { sse, parameters, diverged } = bitprop.train(network(input), rows(input.inputs), rows(input.targets), {
      epochs: input.epochs,
      rate: number(input.learning_rate),
      loss: input.loss,
      batchSize: input.batch_size,
      shuffleSeed: input.shuffle_seed === null ? null : seed(input.shuffle_seed),
      rule: input.rule,
      constants: numbers(input.constants ?? []),
      weightDecay: number(input.weight_decay ?? '0000000000000000'),
      l1: number(input.l1 ?? '0000000000000000'),
      decayBiases: input.decay_biases,
      rates: input.learning_rates === undefined ? null : numbers(input.learning_rates),
      weights: input.row_weights === undefined ? null : numbers(input.row_weights),
      firstStepHigh: input.first_step_high === undefined ? null : number(input.first_step_high),
      firstStepSeed: seed(input.first_step_seed ?? '0000000000000000'),
    });
    return { sse: hex(sse), parameters: hex(parameters), diverged };
  },
  /** Model bytes and fingerprint (§11). */
  model_bytes(input) {
    const bytes = bitprop.modelBytes(network(input));
    return { bytes: Buffer.from(bytes).toString('hex'), fingerprint: createHash('sha256').update(bytes).digest('hex') };
  },
  /** A network from its bytes, or their refusal (§11). */
  decode({ bytes }) {
    const found = bitprop.readModel(Uint8Array.from(Buffer.from(bytes, 'hex')));
    if (found === null) return { refused: true };
    const { sizes, activations, bias, parameters } = found;
    return { sizes, activations, bias, parameters: hex(parameters) };
  },
  /** A training of which all is drawn (§6 to §11). */
  fit({ init, seed: digits, rows: count, data_seed, loss, epochs, learning_rate, batch_size, shuffle_seed, ...shape }) {
    const { sizes, bias } = shape;
    const start = bitprop.initialParameters(sizes, bias, init, seed(digits));
    const source = new bitprop.Generator(seed(data_seed), 1);
    const draw = (length) => Array.from({ length }, () => source.random());
    const data = Array.from({ length: count }, () => [draw(sizes[0]), draw(sizes.at(-1))]);
    const [inputs, targets] = [0, 1].map((i) => data.map((row) => row[i]));
    const { sse, parameters } = bitprop.train(bitprop.network({ ...shape, parameters: start }), inputs, targets, {
      epochs,
      rate: number(learning_rate),
      loss,
      batchSize: batch_size,
      shuffleSeed: shuffle_seed === null ? null : seed(shuffle_seed),
    });
    const final = bitprop.network({ ...shape, parameters });
    const { figure } = bitprop.gradient(final, inputs, targets, loss);
    const crc = Buffer.from(bitprop.modelBytes(final).slice(-4).reverse()).toString('hex');
    return { sse: bitprop.toBits(sse.at(-1)), figure: bitprop.toBits(figure), crc };
  },
  /** Each column's shift and spread, and the rows scaled and taken back (§13). */
  scaling({ scaling, inputs, ...limits }) {
    const values = rows(inputs);
    const fitted = bitprop.lookUp(bitprop.SCALINGS, scaling);
    const [low, high] = scaling === 'min_max' ? [limits.low, limits.high].map(number) : [];
    const columns = values[0].map((_, i) => fitted(values.map((row) => row[i]), low, high));
    const scaled = values.map((row) => bitprop.scale(row, columns));
    const back = scaled.map((row) => bitprop.unscale(row, columns));
    const [shift, spread] = ['shift', 'spread'].map((name) => hex(columns.map((column) => column[name])));
    return { shift, spread, scaled: hexRows(scaled), back: hexRows(back) };
  },
}));

/** The answer to one line; whatever goes wrong with it becomes an `error`. */
function answer(line) {
  try {
    const { function: name, input } = JSON.parse(line);
    if (name === 'levenberg') return { unsupported: true }; // §12 is optional
    if (!FUNCTIONS.has(name)) return { error: `unknown function: ${name}` };
    return FUNCTIONS.get(name)(input);
  } catch (error) {
    return { error: String(error.message ?? error) };
  }
}

// Nobody reads any more: end quietly.
process.stdout.on('error', () => process.exit());

// Lines end at \n only (node:readline would also cut at other separators, and answer such a line twice).
process.stdin.setEncoding('utf8');
let rest = '';
for await (const chunk of process.stdin) {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const line of lines) process.stdout.write(`${JSON.stringify(answer(line))}\n`);
}
if (rest !== '') process.stdout.write(`${JSON.stringify(answer(rest))}\n`);
