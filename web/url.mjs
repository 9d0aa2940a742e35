// SPDX-License-Identifier: MIT
// An experiment as the part of an address behind "#", such as data=xor&sizes=2-4-4-1&seed=7&epochs=1000.
// Names are Python's. What has its default is left out, but for data, sizes and epochs.
import { INITS, LEARNING_RATES, LOSSES } from "./generated.mjs";
import { NOISE } from "./datasets.mjs";
import { OptionError } from "./errors.mjs";
import { FEATURES, LINK_NAMES, linkName } from "./features.mjs";
import { check, standardsOf } from "./experiment.mjs";

const escaped = (text) => encodeURIComponent(text).replace(/%2C/g, ",").replace(/%3A/g, ":").replace(/%3B/g, ";");

/** The text of an experiment's address. `more`: further parts, such as a fingerprint. */
export function encode(experiment, more = {}) {
  const { data, data_seed, sizes, activation, bias, init, seed, rule, learning_rate, options } = experiment;
  const parts = {};
  if (typeof data === "string") parts.data = data;
  else parts.rows = data.x.map((row, i) => [...row, ...data.y[i]].map(number).join(",")).join(";");
  if (data_seed) parts.data_seed = data_seed;
  if ((experiment.noise ?? NOISE) !== NOISE) parts.noise = number(experiment.noise);
  if (experiment.features !== null) parts.features = experiment.features.map(linkName).join(",");
  parts.sizes = sizes.join("-");
  const one = new Set(activation).size === 1;
  if (!one || activation[0] !== "sigmoid") parts.activation = one ? activation[0] : activation.join(",");
  if (!bias) parts.bias = false;
  if (init !== INITS[0]) parts.init = init;
  if (seed) parts.seed = seed;
  if (rule !== "descent") parts.rule = rule;
  if (learning_rate !== null && learning_rate !== LEARNING_RATES[rule]) parts.learning_rate = number(learning_rate);
  for (const name of ["batch_size", "shuffle_seed"]) {
    if (experiment[name] !== null) parts[name] = experiment[name];
  }
  if (experiment.loss !== LOSSES[0]) parts.loss = experiment.loss;
  for (const [name, value] of Object.entries(options)) {
    if (value !== standardsOf(rule)[name]) parts[name] = typeof value === "number" ? number(value) : value;
  }
  if (experiment.validation !== null) parts.validation = number(experiment.validation);
  if (experiment.split_seed) parts.split_seed = experiment.split_seed;
  if (experiment.edits.length) parts.edits = experiment.edits.map((edit) => edit.map(number).join(":")).join(";");
  parts.epochs = experiment.epochs;
  return Object.entries({ ...parts, ...more })
    .map(([name, value]) => `${name}=${escaped(String(value))}`)
    .join("&");
}

/** The shortest digits that give this number again; -0 keeps its sign. */
export function number(value) {
  return Object.is(value, -0) ? "-0.0" : String(value);
}

/** The finite number that a text writes in decimal digits. OptionError. */
export function parseNumber(name, text) {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim())) {
    throw new OptionError(`${name} is ${JSON.stringify(text)}, expected a number`);
  }
  const value = Number(text);
  if (!Number.isFinite(value)) throw new OptionError(`${name} is ${text.trim()}, expected a finite number`);
  return value;
}

/** The sizes that a text has. OptionError. */
export function parseSizes(text) {
  try {
    return text.trim().split(/[-,\s]+/).map((size) => parseNumber("sizes", size));
  } catch {
    throw new OptionError(`sizes is ${JSON.stringify(text)}, expected numbers with hyphens, such as 2-4-4-1`);
  }
}

function flag(name, text) {
  if (text !== "true" && text !== "false") throw new OptionError(`${name} is ${text}, expected true or false`);
  return text === "true";
}

function rowsOf(text, inputs) {
  const rows = text.split(";").map((row) => row.split(",").map((value) => parseNumber("rows", value)));
  return { x: rows.map((row) => row.slice(0, inputs)), y: rows.map((row) => row.slice(inputs)) };
}

function editsOf(text) {
  return text.split(";").map((edit) => {
    const parts = edit.split(":");
    if (parts.length !== 3) {
      throw new OptionError(`edits is ${JSON.stringify(edit)}, expected EPOCHS:PARAMETER:VALUE`);
    }
    return parts.map((part) => parseNumber("edits", part));
  });
}

function featuresOf(text) {
  return text.split(",").map((name) => {
    const place = LINK_NAMES.indexOf(name);
    if (place < 0) {
      throw new OptionError(`features has ${JSON.stringify(name)}, expected one of ${LINK_NAMES.join(", ")}`);
    }
    return FEATURES[place];
  });
}

const EXAMPLES = { data: "xor", sizes: "2-4-4-1", epochs: "500" };
const TEXTS = ["data", "init", "rule", "loss", "seed", "data_seed", "shuffle_seed", "split_seed"];

/** The options that the address gives, yet to be checked, and its fingerprint and number of seeds, where it has them:
 * {options, fingerprint, seeds}. OptionError. */
export function decode(hash) {
  const options = {};
  const found = { options, fingerprint: null, seeds: 1 };
  let rows = null;
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [name, ...rest] = part.split("=");
    if (!rest.length) throw new OptionError(`the link has ${JSON.stringify(part)}, expected name=value`);
    let text;
    try {
      text = decodeURIComponent(rest.join("="));
    } catch {
      throw new OptionError(`the address has a broken part: ${part}`);
    }
    if (TEXTS.includes(name)) options[name] = text;
    else if (name === "rows") rows = text;
    else if (name === "sizes") options.sizes = parseSizes(text);
    else if (name === "activation") options.activation = text.includes(",") ? text.split(",") : text;
    else if (name === "bias" || name === "decay_biases") options[name] = flag(name, text);
    else if (name === "features") options.features = featuresOf(text);
    else if (name === "edits") options.edits = editsOf(text);
    else if (name === "fingerprint") found.fingerprint = text;
    else if (name === "seeds") found.seeds = parseNumber(name, text);
    else options[name] = parseNumber(name, text);
  }
  if (rows !== null) options.data = rowsOf(rows, options.features ? 2 : (options.sizes?.[0] ?? 0));
  for (const [name, example] of Object.entries(EXAMPLES)) {
    if (options[name] !== undefined) continue;
    if (name === "epochs") check({ ...options, epochs: 0 }); // what else is wrong comes first
    throw new OptionError(`the link has no ${name}, such as ${name}=${example}`);
  }
  return found;
}
