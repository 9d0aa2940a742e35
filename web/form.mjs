// SPDX-License-Identifier: MIT
// The form: options of an experiment as its fields say them, and back.
import { ACTIVATIONS, INITS, LEARNING_RATES, LOSSES, PARTNERS, RULES } from "./generated.mjs";
import { DATA_SETS, NOISE, parseName } from "./datasets.mjs";
import { FEATURES, PLAIN, titleOf } from "./features.mjs";
import { OptionError } from "./errors.mjs";
import { numbersOfRule } from "./experiment.mjs";
import { number, parseNumber, parseSizes } from "./url.mjs";

const OWN = "rows";
const TITLES = {
  xor: "xor",
  linear: "linear",
  circles: "circles",
  moons: "moons",
  blobs: "blobs",
  spirals: "two spirals",
};
const fields = globalThis.document?.getElementById("form").elements; // there is none without a browser

function fill(select, names, titles = {}) {
  select.replaceChildren(...names.map((name) => new Option(titles[name] ?? name, name)));
}

/** Fills what the page leaves to the core's names. */
export function prepareForm() {
  fill(fields.kind, [...Object.keys(DATA_SETS), OWN], { ...TITLES, rows: "own rows" });
  fill(fields.init, INITS);
  fill(fields.rule, RULES);
  fill(fields.loss, LOSSES);
  const boxes = FEATURES.map((name) => {
    const label = Object.assign(document.createElement("label"), { className: "check" });
    const input = Object.assign(document.createElement("input"), { type: "checkbox", name: "features", value: name });
    input.setAttribute("aria-label", name);
    label.append(input, titleOf(name));
    return label;
  });
  document.getElementById("features").append(...boxes);
}

/** A select for each layer after the input; they keep what they had. */
function showActivations(layers, chosen) {
  const box = document.getElementById("activations");
  const last = chosen[chosen.length - 1];
  const each = Array.from({ length: layers }, (_, i) => (i === layers - 1 ? last : (chosen[i] ?? chosen[0])));
  box.replaceChildren(
    ...each.map((name, i) => {
      const label = document.createElement("label");
      const select = document.createElement("select");
      fill(select, i === layers - 1 ? ACTIVATIONS : ACTIVATIONS.filter((other) => other !== "softmax"));
      select.value = select.querySelector(`[value="${name}"]`) ? name : "sigmoid";
      select.dataset.layer = i;
      label.append(i === layers - 1 ? "Activation, outputs" : `Activation, layer ${i + 1}`, select);
      return label;
    }),
  );
}

const activations = () => Array.from(document.querySelectorAll("#activations select"), (select) => select.value);

/** The fields of the rule's options, each empty for its default. */
function showOptions(rule, values) {
  const box = document.getElementById("options");
  const labels = Object.entries(numbersOfRule(rule)).map(([name, standard]) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.name = `option ${name}`;
    input.inputMode = "decimal";
    input.placeholder = String(standard);
    if (values[name] !== undefined && values[name] !== standard) input.value = number(values[name]);
    label.append(name.replace(/_/g, " "), input);
    return label;
  });
  if (rule !== "levenberg_marquardt") {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "checkbox", name: "option decay_biases", checked: values.decay_biases ?? false });
    label.className = "check";
    label.append(input, " decay biases");
    labels.push(label);
  }
  box.replaceChildren(...labels);
  fields.learning_rate.disabled = !(rule in LEARNING_RATES);
  fields.learning_rate.placeholder = rule in LEARNING_RATES ? String(LEARNING_RATES[rule]) : "has none";
  for (const name of ["batch_size", "shuffle_seed"]) fields[name].disabled = rule === "levenberg_marquardt";
}

function showData(kind) {
  fields.n.disabled = !DATA_SETS[kind]?.most;
  fields.data_seed.disabled = !DATA_SETS[kind]?.drawn;
  fields.noise.disabled = !DATA_SETS[kind]?.noisy;
  if (fields.noise.disabled) fields.noise.value = "";
  else if (fields.noise.value === "") fields.noise.value = NOISE;
}

const chosenFeatures = () => Array.from(fields.features).filter((box) => box.checked).map((box) => box.value);

/** Features are for data of two inputs. */
function showFeatures(inputs) {
  for (const box of fields.features) box.disabled = inputs !== 2;
}

/** Without a share of the rows there is nothing to split. */
function showSplit() {
  fields.split_seed.disabled = !(Number(fields.validation.value) > 0);
}

/** Shows a checked experiment. */
export function showExperiment(experiment, seeds) {
  const { data, data_seed, sizes, activation, bias, init, seed, rule, learning_rate, options } = experiment;
  const { kind, n } = typeof data === "string" ? parseName(data) : { kind: OWN, n: 0 };
  fields.kind.value = kind;
  fields.n.value = n || "";
  fields.data_seed.value = String(data_seed);
  fields.noise.value = experiment.noise === null ? "" : number(experiment.noise);
  showData(kind);
  for (const box of fields.features) box.checked = (experiment.features ?? PLAIN).includes(box.value);
  showFeatures(typeof data === "string" ? parseName(data).inputs : data.x[0].length);
  fields.sizes.value = sizes.join("-");
  showActivations(sizes.length - 1, activation);
  fields.bias.checked = bias;
  fields.init.value = init;
  fields.seed.value = String(seed);
  fields.rule.value = rule;
  showOptions(rule, options);
  fields.learning_rate.value = learning_rate === null ? "" : number(learning_rate);
  fields.batch_size.value = experiment.batch_size ?? "";
  fields.shuffle_seed.value = experiment.shuffle_seed === null ? "" : String(experiment.shuffle_seed);
  fields.loss.value = experiment.loss;
  fields.epochs.value = experiment.epochs;
  fields.validation.value = experiment.validation === null ? "" : number(experiment.validation);
  fields.split_seed.value = String(experiment.split_seed);
  showSplit();
  fields.seeds.value = seeds;
}

/** Makes the fields go with the one that was changed; `rows`: own ones, {x, y}. */
export function adapt(changed, rows) {
  const kind = fields.kind.value;
  if (changed === "kind") {
    fields.n.value = DATA_SETS[kind]?.example ?? "";
    if (!DATA_SETS[kind]?.drawn) fields.data_seed.value = "0";
  }
  if (changed === "kind" || changed === "n" || changed === "features") {
    showData(kind);
    const inputs =
      { parity: Number(fields.n.value), encoder: Number(fields.n.value), rows: rows.x[0]?.length }[kind] ?? 2;
    showFeatures(inputs);
    const width = inputs === 2 ? chosenFeatures().length : inputs;
    const outputs = { encoder: Number(fields.n.value), rows: rows.y[0]?.length }[kind] ?? 1;
    const hidden = parseSizes(fields.sizes.value).slice(1, -1);
    if (width && outputs) fields.sizes.value = [width, ...hidden, outputs].join("-");
  }
  if (changed === "sizes") {
    const sizes = parseSizes(fields.sizes.value);
    if (sizes.length > 1 && sizes.length < 20) showActivations(sizes.length - 1, activations());
  }
  if (changed === "rule") {
    showOptions(fields.rule.value, {});
    fields.learning_rate.value = LEARNING_RATES[fields.rule.value] ?? "";
    if (fields.batch_size.disabled) fields.batch_size.value = fields.shuffle_seed.value = "";
  }
  if (changed === "validation") showSplit();
  const last = activations().pop();
  if (changed === "loss" && PARTNERS[fields.loss.value] && PARTNERS[fields.loss.value] !== last) {
    const select = document.querySelector("#activations label:last-child select");
    select.value = PARTNERS[fields.loss.value];
  } else if (last === "softmax") fields.loss.value = "cross_entropy";
  else if ((PARTNERS[fields.loss.value] ?? last) !== last) fields.loss.value = "half_sse";
}

function optional(name, read) {
  const text = fields[name].disabled ? "" : fields[name].value.trim();
  return text === "" ? null : read(name, text);
}

function textSeed(name, text) {
  if (!/^\d+$/.test(text)) {
    throw new OptionError(`${name} is ${JSON.stringify(text)}, expected a whole number, 0 or more`);
  }
  return text;
}

/** The options that the fields give, yet to be checked, and the number of seeds: {options, seeds}. OptionError. */
export function readForm(rows) {
  const kind = fields.kind.value;
  const options = {
    data: kind === OWN ? rows : DATA_SETS[kind].most ? `${kind}:${fields.n.value}` : kind,
    data_seed: optional("data_seed", textSeed) ?? 0,
    noise: optional("noise", parseNumber),
    features: fields.features[0].disabled ? null : chosenFeatures(),
    sizes: parseSizes(fields.sizes.value),
    activation: activations(),
    bias: fields.bias.checked,
    init: fields.init.value,
    seed: optional("seed", textSeed) ?? 0,
    rule: fields.rule.value,
    learning_rate: optional("learning_rate", parseNumber),
    batch_size: optional("batch_size", parseNumber),
    shuffle_seed: optional("shuffle_seed", textSeed),
    loss: fields.loss.value,
    epochs: optional("epochs", parseNumber) ?? 0,
    validation: optional("validation", parseNumber) || null,
    split_seed: optional("split_seed", textSeed) ?? 0,
  };
  for (const input of document.querySelectorAll("#options input")) {
    const name = input.name.replace("option ", "");
    if (input.type === "checkbox") options[name] = input.checked;
    else if (input.value.trim() !== "") options[name] = parseNumber(name, input.value);
  }
  const seeds = Number(fields.seeds.value);
  if (!(Number.isInteger(seeds) && seeds >= 1 && seeds <= 16)) throw new OptionError("seeds at once: expected 1 to 16");
  return { options, seeds };
}

/** Marks the field that an error's message names; none for "". */
export function markWrong(message) {
  for (const field of fields) {
    const name = (field.name ?? "").replace("option ", "");
    if (name && message.startsWith(`${name} `)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute?.("aria-invalid");
  }
}
