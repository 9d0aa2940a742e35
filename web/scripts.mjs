// SPDX-License-Identifier: MIT
// An experiment as a program in Python and in C, which ends with the same fingerprint.
import { ACTIVATIONS, INITS, LEARNING_RATES, RULES } from "./generated.mjs";
import { NOISE, parseName } from "./datasets.mjs";
import { standardsOf } from "./experiment.mjs";
import { patterns } from "./numbers.mjs";
import { pythonLine } from "./features.mjs";
import { number } from "./url.mjs";

function literal(value) {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  return typeof value === "number" ? number(value) : String(value);
}

/** With a point, so that no language takes it for an integer. */
const real = (value) => (/[.e]/.test(number(value)) ? number(value) : `${number(value)}.0`);

const named = (pairs) => pairs.map(([name, value]) => `, ${name}=${literal(value)}`).join("");

/** What makes x and y; products are of real numbers: Python does not round integers. */
function dataLines({ data, data_seed, noise, features }) {
  const chosen = features === null ? "" : pythonLine(features);
  if (typeof data !== "string") {
    const write = features === null ? literal : real;
    const lines = (rows) => rows.map((row) => `    [${row.map(write).join(", ")}],\n`).join("");
    return `x = [\n${lines(data.x)}]\ny = [\n${lines(data.y)}]\n${chosen}`;
  }
  const { kind, n } = parseName(data);
  const seed = data_seed ? `, seed=${data_seed}` : "";
  const moved = (noise ?? NOISE) === NOISE ? "" : `, noise=${literal(noise)}`;
  return `x, y = datasets.${kind === "spirals" ? "two_spirals" : kind}(${n || ""}${seed}${moved})\n${chosen}`;
}

/** A training as a list of its parts: {epochs}, or between them an edit, {index, value}. */
function partsOf({ epochs, edits }) {
  const parts = [];
  let done = 0;
  for (const [epoch, index, value] of edits.filter(([each]) => each <= epochs)) {
    if (epoch > done) parts.push({ epochs: epoch - done });
    parts.push({ index, value });
    done = epoch;
  }
  return done < epochs || epochs === 0 ? [...parts, { epochs: epochs - done }] : parts;
}

/** A Python program that trains the experiment and prints the network's fingerprint. */
export function pythonScript(experiment, fingerprint) {
  const { sizes, activation, bias, init, seed, rule, learning_rate, batch_size, shuffle_seed, loss } = experiment;
  const one = new Set(activation).size === 1;
  const network = [
    ["activation", one ? activation[0] : activation, "sigmoid"],
    ["bias", bias, true],
    ["init", init, "normal"],
    ["seed", seed, 0n],
  ].filter(([, value, standard]) => value !== standard);
  const standards = standardsOf(rule);
  const fit = [
    ["rule", rule, "descent"],
    ["learning_rate", learning_rate, LEARNING_RATES[rule] ?? null],
    ["batch_size", batch_size, null],
    ["shuffle_seed", shuffle_seed, null],
    ["loss", loss, "half_sse"],
    ...Object.entries(experiment.options).map(([name, value]) => [name, value, standards[name]]),
    ["validation", experiment.validation, null],
    ["split_seed", experiment.split_seed, 0n],
  ].filter(([, value, standard]) => value !== standard);
  const parts = partsOf(experiment).map((part) =>
    "epochs" in part
      ? `net.fit(x, y, epochs=${part.epochs}${named(fit)})\n`
      : `net.parameters[${part.index}] = ${literal(part.value)}\n`,
  );
  return (
    `from bitprop import Network${typeof experiment.data === "string" ? ", datasets" : ""}\n\n` +
    dataLines(experiment) +
    `net = Network(${sizes.join(", ")}${named(network)})\n` +
    parts.join("") +
    "print(net.fingerprint())" +
    (fingerprint ? `  # ${fingerprint}` : "") +
    "\n"
  );
}

function wordLines(values) {
  const words = patterns(values).map((digits) => `0x${digits}U`);
  let text = "";
  for (let i = 0; i < words.length; i += 5) text += `    ${words.slice(i, i + 5).join(", ")},\n`;
  return text;
}

/** A C program that trains the experiment on the rows that a training trains on, and prints the network's fingerprint. */
export function cProgram(training, experiment, fingerprint) {
  const { sizes, activation, bias, init, seed, rule, learning_rate, batch_size, shuffle_seed } = experiment;
  const { weight_decay = 0, l1 = 0, decay_biases = false, ...constants } = experiment.options;
  const { rows, count, loss } = training;
  const columns = experiment.features === null ? "" : `, with the inputs ${experiment.features.join(", ")}`;
  const levenberg = rule === "levenberg_marquardt";
  const shuffle = shuffle_seed !== null;
  const list = Object.values(constants).map(real).join(", ");
  const settings = levenberg
    ? `static const bp_levenberg_settings settings = {1, ${loss}, ${list}};`
    : `static const bp_settings settings = {.batch_size = ${batch_size ?? rows}, .log_every = 1, ` +
      `.shuffle_seed = ${shuffle_seed ?? 0}U,\n    .learning_rate = ${real(learning_rate ?? 0)}, .loss = ${loss}, ` +
      `.rule = ${RULES.indexOf(rule)}, .shuffle = ${Number(shuffle)},\n    .weight_decay = ${real(weight_decay)}, .l1 = ${real(l1)}, ` +
      `.constants = {${list || "0.0"}}, .decay_biases = ${Number(decay_biases)}};`;
  const [kind, prefix, order] = levenberg
    ? ["bp_levenberg", "bp_levenberg", ""]
    : ["bp_training", "bp_train", "order, "];
  const parts = partsOf(experiment).map((part) =>
    "epochs" in part
      ? `    failed = failed || fit(${part.epochs}U);\n`
      : `    parameters[${part.index}] = ${real(part.value)};\n`,
  );
  return `/* Prints the fingerprint ${fingerprint ?? "of this training"}. In a checkout of bitprop:
     cc -std=c99 -O2 -ffp-contract=off -I csrc -I examples/embedded csrc/levenberg.c program.c -o program */
#include "levenberg.h"
#include "sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rows that are trained on${columns}, as the bits of doubles. */
static const uint64_t inputs[] = {
${wordLines(training.x.flat())}};
static const uint64_t targets[] = {
${wordLines(training.y.flat())}};
static double x[sizeof inputs / 8], y[sizeof targets / 8], parameters[${count}];
static const uint32_t sizes[] = {${sizes.join(", ")}};
static const uint32_t activations[] = {${activation.map((name) => ACTIVATIONS.indexOf(name)).join(", ")}};
static const bp_shape shape = {sizes, activations, ${sizes.length}, ${Number(bias)}, BP_AUTO};
static const bp_data data = {x, y, ${rows}, NULL};
${settings}
static bp_generator generator;
static ${kind} training;
static double *work;
${levenberg ? "" : "static uint32_t *order;\n"}
/* Trains so many epochs; 0 where it did. */
static int fit(uint64_t epochs) {
    const bp_limits limits = {epochs, UINT64_MAX, 0};
    return ${prefix}_start(&training, ${order}&shape, &settings, &data) != BP_OK ||
           ${prefix}${levenberg ? "_train" : ""}(NULL, &training, parameters, work, ${order}&shape, &data, &limits) < 0;
}

int main(void) {
    uint32_t hash[8];
    uint8_t *bytes = malloc(bp_encode_size(&shape));
    work = malloc(8 * ${levenberg ? "bp_levenberg_size(&shape)" : "bp_train_size(&shape, settings.rule)"});
${shuffle ? `    order = malloc(4 * ${rows});\n` : ""}    memcpy(x, inputs, sizeof inputs);
    memcpy(y, targets, sizeof targets);
    int failed = work == NULL || bytes == NULL${shuffle ? " || order == NULL" : ""} || bp_self_test() != BP_OK ||
                 bp_init(parameters, &generator, &shape, ${seed}U, ${INITS.indexOf(init)}) != BP_OK;
${parts.join("")}    failed = failed || bp_encode(bytes, &shape, parameters) != BP_OK;
    if (failed) {
        puts("training failed");
        return 1;
    }
    sha256(hash, bytes, bp_encode_size(&shape));
    for (int i = 0; i < 8; i++) {
        printf("%08lx", (unsigned long)hash[i]);
    }
    puts("");
    return 0;
}
`;
}
