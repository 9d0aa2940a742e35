// SPDX-License-Identifier: MIT
// An experiment: the options of a data set, a network and its training, checked, with Python's names and defaults.
import { ACTIVATIONS, INITS, LEARNING_RATES, LIMITS, LOSSES, PARTNERS, RULE_OPTIONS, RULES } from "./generated.mjs";
import { NOISE, parseName } from "./datasets.mjs";
import { DataError, OptionError, ShapeError } from "./errors.mjs";
import { FEATURES, PLAIN } from "./features.mjs";

const LEVENBERG_MOST = 2000; // parameters
const PARAMETERS_MOST = 1000000; // of a network in a page
const SEED_END = 1n << 64n;

/** The numbers that every rule but that of Levenberg and Marquardt takes, with their defaults. */
export const PENALTIES = { weight_decay: 0, l1: 0 };

const quoted = (value) => (typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value)));

function whole(name, value, least, end) {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value >= end) {
    throw new OptionError(`${name} is ${quoted(value)}, expected a whole number of at least ${least}`);
  }
  return value;
}

function seed(name, value) {
  const safe = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
  if (!safe && !(typeof value === "string" && /^\d{1,20}$/.test(value))) {
    throw new OptionError(`${name} is ${quoted(value)}, expected a whole number, 0 or more; beyond 2^53 a BigInt or a string`);
  }
  const number = BigInt(value);
  if (number < 0n || number >= SEED_END) throw new OptionError(`${name} is ${number}, expected 0 <= ${name} < 2^64`);
  return number;
}

function choice(name, value, names) {
  const code = names.indexOf(value);
  if (code < 0) throw new OptionError(`${name} is ${quoted(value)}, expected one of ${names.join(", ")}`);
  return value;
}

function boolean(name, value) {
  if (typeof value !== "boolean") throw new OptionError(`${name} is ${quoted(value)}, expected true or false`);
  return value;
}

function limited(name, value) {
  const [least, end, expected] = LIMITS[name] ?? LIMITS.weight_decay; // finite and not negative
  const below = end === null ? Infinity : end;
  if (typeof value !== "number" || !(value >= least && value < below)) {
    throw new OptionError(`${name} is ${quoted(value)}, expected ${expected}`);
  }
  return value;
}

function matrix(name, rows, width) {
  if (!Array.isArray(rows) && !ArrayBuffer.isView(rows)) throw new DataError(`${name} is no list of rows`);
  const flat = rows.length > 0 && !Array.isArray(rows[0]) && !ArrayBuffer.isView(rows[0]);
  const checked = Array.from(rows, (row) => (flat ? [row] : Array.from(row)));
  checked.forEach((row, i) => {
    if (row.length !== width) throw new ShapeError(`row ${i} of ${name} has ${row.length} numbers, expected ${width}`);
    row.forEach((value, j) => {
      if (typeof value !== "number" || !Number.isFinite(value)) {
        throw new DataError(`row ${i}, column ${j} of ${name} is ${value}, expected a finite number`);
      }
    });
  });
  return checked;
}

/** The chosen features in their order; null for the inputs as they are. */
function featuresOf(value, inputs) {
  if (value === null) return null;
  const once = (name, i) => FEATURES.includes(name) && value.indexOf(name) === i;
  if (!Array.isArray(value) || value.length === 0 || !value.every(once)) {
    const given = Array.isArray(value) ? `[${value.map(quoted).join(", ")}]` : quoted(value);
    throw new OptionError(`features is ${given}, expected one or more of ${FEATURES.join(", ")}, each once`);
  }
  if (inputs !== 2) throw new OptionError(`features is given for data of ${inputs} inputs, expected data of 2`);
  const chosen = FEATURES.filter((name) => value.includes(name));
  return String(chosen) === String(PLAIN) ? null : chosen;
}

/** `inputs`: the columns that own rows must have. */
function dataOf(data, inputs, sizes) {
  if (typeof data === "string") {
    parseName(data);
    return data;
  }
  if (data === null || typeof data !== "object") {
    throw new OptionError(`data is ${quoted(data)}, expected a data set's name, or rows {x, y}`);
  }
  const x = matrix("x", data.x, inputs);
  const y = matrix("y", data.y, sizes[sizes.length - 1]);
  if (x.length !== y.length) throw new ShapeError(`x has ${x.length} rows and y ${y.length}, expected as many`);
  if (x.length === 0) throw new ShapeError("x has no rows, expected at least 1");
  return { x, y };
}

function activationsOf(value, layers) {
  const each = typeof value === "string" ? Array(layers).fill(value) : Array.from(value);
  if (each.length !== layers) {
    throw new OptionError(`${each.length} activations given, expected ${layers}: one for each layer after the input`);
  }
  each.forEach((name, layer) => {
    choice("activation", name, ACTIVATIONS);
    if (name === "softmax" && layer < layers - 1) {
      throw new OptionError(
        `activation softmax is given for layer ${layer + 1} of ${layers}, expected in the last only`,
      );
    }
  });
  return each;
}

function lossOf(value, last) {
  choice("loss", value, LOSSES);
  if ((PARTNERS[value] ?? last) !== last || (last === "softmax" && value !== "cross_entropy")) {
    const needed = PARTNERS[value] ?? "another activation";
    throw new OptionError(`loss is ${value} with ${last} outputs, expected ${needed} outputs, or another loss`);
  }
  return value;
}

/** The number of parameters of a shape (docs/contract.md §3). */
export function parameterCount(sizes, bias) {
  return sizes.slice(1).reduce((sum, size, layer) => sum + (sizes[layer] + (bias ? 1 : 0)) * size, 0);
}

/** The options of a rule that are numbers, beside learning_rate, with their defaults. */
export function numbersOfRule(rule) {
  return { ...RULE_OPTIONS[rule], ...(rule === "levenberg_marquardt" ? {} : PENALTIES) };
}

/** The options of a rule, beside learning_rate, with their defaults. */
export function standardsOf(rule) {
  return { ...numbersOfRule(rule), ...(rule === "levenberg_marquardt" ? {} : { decay_biases: false }) };
}

const optionsOfRule = (rule) => Object.keys(standardsOf(rule));

const COMMON = [
  "data",
  "data_seed",
  "noise",
  "features",
  "sizes",
  "activation",
  "bias",
  "init",
  "seed",
  "rule",
  "learning_rate",
  "batch_size",
];
const NAMES = [...COMMON, "shuffle_seed", "loss", "epochs", "validation", "split_seed", "edits"];

function ruleOptions(given, rule) {
  const names = optionsOfRule(rule);
  for (const name of Object.keys(given)) {
    if (!NAMES.includes(name) && !names.includes(name)) {
      throw new OptionError(`${name} is given, which ${rule} does not use; it uses ${names.join(", ")}`);
    }
  }
  const options = {};
  for (const [name, standard] of Object.entries(numbersOfRule(rule))) {
    options[name] = limited(name, given[name] ?? standard);
  }
  if (rule === "rprop" && options.step_min > options.step_max) {
    throw new OptionError(`step_min is ${options.step_min}, expected at most step_max, which is ${options.step_max}`);
  }
  if (rule === "levenberg_marquardt" && options.mu > options.mu_max) {
    throw new OptionError(`mu is ${options.mu}, expected at most mu_max, which is ${options.mu_max}`);
  }
  if (names.includes("decay_biases")) options.decay_biases = boolean("decay_biases", given.decay_biases ?? false);
  return options;
}

function share(value) {
  if (value === null) return null;
  if (typeof value !== "number" || !(value > 0 && value < 1)) {
    throw new OptionError(`validation is ${quoted(value)}, expected a share of the rows, a number between 0 and 1`);
  }
  return value;
}

/** The parameters that are set by hand: [epochs done, place among the parameters, value], the earlier ones first. */
function editsOf(given, count) {
  const edits = Array.from(given, ([epoch, index, value]) => {
    whole("edits: the epoch", epoch, 0, 2 ** 53);
    if (whole("edits: the parameter", index, 0, 2 ** 53) >= count) {
      throw new OptionError(`edits has parameter ${index} of ${count}, which count from 0`);
    }
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new DataError(`edits has ${quoted(value)} for parameter ${index}, expected a finite number`);
    }
    return [epoch, index, value];
  });
  return edits.sort(([one], [other]) => one - other);
}

function checkLevenberg(experiment, count) {
  const { rule, batch_size, shuffle_seed, loss } = experiment;
  if (rule !== "levenberg_marquardt") return;
  for (const [name, value] of Object.entries({ batch_size, shuffle_seed })) {
    if (value !== null) throw new OptionError(`${name} is given for ${rule}, which uses all rows at once`);
  }
  if (loss in PARTNERS) throw new OptionError(`loss is ${loss} with the rule ${rule}, expected a squared error`);
  if (count > LEVENBERG_MOST) {
    throw new OptionError(`rule is ${rule} with ${count} parameters, expected at most ${LEVENBERG_MOST}`);
  }
}

/** The experiment of these options: all of them, checked; the rates and options that the rule has not are null or
 * missing. OptionError, ShapeError, DataError. */
export function check(given) {
  if (!Array.isArray(given.sizes) || given.sizes.length < 2) {
    throw new ShapeError(`sizes is ${quoted(given.sizes)}, expected at least 2 layer sizes, such as [2, 4, 4, 1]`);
  }
  given.sizes.forEach((size, layer) => {
    if (!Number.isInteger(size) || size < 1 || size >= 2 ** 32) {
      throw new ShapeError(`sizes has ${quoted(size)} for layer ${layer}, expected 1 or more (below 2^32)`);
    }
  });
  const sizes = given.sizes.slice();
  const bias = boolean("bias", given.bias ?? true);
  const count = parameterCount(sizes, bias);
  if (count > PARAMETERS_MOST) {
    throw new ShapeError(`${count} parameters, expected at most ${PARAMETERS_MOST} in this page: use Python`);
  }
  const activation = activationsOf(given.activation ?? "sigmoid", sizes.length - 1);
  const rule = choice("rule", given.rule ?? "descent", RULES);
  const rate = given.learning_rate ?? null;
  if (rate !== null && !(rule in LEARNING_RATES)) {
    throw new OptionError(`learning_rate is given for ${rule}, which uses ${optionsOfRule(rule).join(", ")}`);
  }
  const chosen = given.features ?? null;
  const data = dataOf(given.data, chosen === null ? sizes[0] : 2, sizes);
  const { drawn, noisy, inputs = 2 } = typeof data === "string" ? parseName(data) : {};
  const experiment = {
    data,
    data_seed: seed("data_seed", given.data_seed ?? 0),
    noise: noisy ? limited("noise", given.noise ?? NOISE) : null,
    features: featuresOf(chosen, inputs),
    sizes,
    activation,
    bias,
    init: choice("init", given.init ?? "normal", INITS),
    seed: seed("seed", given.seed ?? 0),
    rule,
    learning_rate: rule in LEARNING_RATES ? limited("learning_rate", rate ?? LEARNING_RATES[rule]) : null,
    batch_size: (given.batch_size ?? null) === null ? null : whole("batch_size", given.batch_size, 1, 2 ** 53),
    shuffle_seed: (given.shuffle_seed ?? null) === null ? null : seed("shuffle_seed", given.shuffle_seed),
    loss: lossOf(given.loss ?? "half_sse", activation[activation.length - 1]),
    epochs: whole("epochs", given.epochs, 0, 2 ** 53),
    options: ruleOptions(given, rule),
    validation: share(given.validation ?? null),
    split_seed: seed("split_seed", given.split_seed ?? 0),
    edits: editsOf(given.edits ?? [], count),
  };
  if (experiment.split_seed !== 0n && experiment.validation === null) {
    throw new OptionError(`split_seed is ${experiment.split_seed}, which has no effect without validation`);
  }
  if (experiment.data_seed !== 0n && !drawn) {
    throw new OptionError(`data_seed is ${experiment.data_seed}, which has no effect on these data`);
  }
  if (!noisy && (given.noise ?? null) !== null) {
    throw new OptionError(`noise is ${quoted(given.noise)}, which has no effect on these data`);
  }
  checkLevenberg(experiment, count);
  return experiment;
}
