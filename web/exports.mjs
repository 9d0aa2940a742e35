// SPDX-License-Identifier: MIT
// A network as the files that Python writes: Network.save, and `bitprop export` to C and Python. The texts of the last
// two are made from those of another network, which the build exports; so export.py and its templates decide them.
import { ACTIVATIONS, EXPORTED_C, EXPORTED_PYTHON } from "./generated.mjs";
import { patterns } from "./numbers.mjs";
import { sha256 } from "./sha256.mjs";

const CONTRACT = 1;
const sequence = (count, value) => Array.from({ length: count }, (_, i) => value(i));

/** The text of the model file. */
export function modelFile(training) {
  const { sizes, activation, bias } = training.experiment;
  const input = sequence(sizes[0], (i) => (i + 1) / (sizes[0] + 1));
  const fields = {
    format: "bitprop-model",
    format_version: 1,
    contract: CONTRACT,
    sizes,
    activations: activation,
    bias,
    parameters: patterns(training.values()),
    self_test: { input: patterns(input), output: patterns(training.predict(input)) },
  };
  const head = JSON.stringify(fields, null, 1).slice(0, -"\n}".length);
  return `${head},\n "sha256": "${sha256(new TextEncoder().encode(head))}"\n}\n`;
}

function testRows(inputs) {
  const rows = [];
  for (const sign of [1, -3]) {
    for (const shift of [1, 2]) rows.push(sequence(inputs, (i) => (sign * (i + shift)) / (inputs + 1)));
  }
  return [...rows, sequence(inputs, () => 0), sequence(inputs, (i) => (i ? -1e-310 * i : -0))];
}

function lines(words) {
  let text = "";
  for (let i = 0; i < words.length; i += 5) text += `    ${words.slice(i, i + 5).join(", ")},\n`;
  return text;
}

function factsOf(training) {
  const { sizes, activation, bias } = training.experiment;
  const fingerprint = training.fingerprint();
  const kinds = [...new Set(activation)].join(", ");
  return {
    sizes,
    activation,
    bias,
    fingerprint,
    title: [`The network ${sizes.join("-")} (${kinds}, ${bias ? "with" : "without"} biases), fingerprint`, fingerprint],
    halves: sequence(sizes[0], () => "0.5").join(", "),
    parameters: patterns(training.values()),
    tests: testRows(sizes[0]).map((row) => [patterns(row), patterns(training.predict(row))]),
  };
}

/** The text with each pattern, which must be there, replaced. */
function replaced(text, pairs) {
  return pairs.reduce((result, [pattern, by]) => {
    if (!pattern.test(result)) throw new Error(`the exported text has no ${pattern}`);
    pattern.lastIndex = 0;
    return result.replace(pattern, typeof by === "function" ? by : () => by);
  }, text);
}

/** The C header network.h, with names that begin with network_. */
export function cHeader(training) {
  const facts = factsOf(training);
  const { sizes } = facts;
  const words = (digits) => digits.map((each) => `0x${each}U`);
  const numbers = {
    LAYERS: sizes.length,
    INPUTS: sizes[0],
    OUTPUTS: sizes[sizes.length - 1],
    WIDEST: Math.max(1, ...sizes.slice(1, -1)),
    BIAS: Number(facts.bias),
    PARAMETERS: facts.parameters.length,
    TESTS: facts.tests.length,
  };
  const codes = facts.activation.map((name) => `NETWORK_${name.toUpperCase()}`).join(", ");
  const rows = facts.tests.map(([inputs, outputs]) => `    {${words([...inputs, ...outputs]).join(", ")}},\n`).join("");
  let text = replaced(EXPORTED_C, [
    [/The network .*, fingerprint\n {3}[0-9a-f]{64}/, facts.title.join("\n   ")],
    [/(\[NETWORK_INPUTS\] = )\{[0-9., ]*\};\n/, (_, before) => `${before}{${facts.halves}};\n`],
    [/NETWORK_H_[0-9a-f]{8}/g, `NETWORK_H_${facts.fingerprint.slice(0, 8)}`],
    ...Object.entries(numbers).map(([name, value]) => [
      new RegExp(`#define NETWORK_${name} \\d+`),
      `#define NETWORK_${name} ${value}`,
    ]),
    [/(network_sizes\[.*\] = )\{.*\}/, (_, before) => `${before}{${sizes.join(", ")}}`],
    [/(network_activations\[.*\] = )\{.*\}/, (_, before) => `${before}{${codes}}`],
    [/(network_parameters\[.*\] = )\{[^}]*\}/, (_, before) => `${before}{\n${lines(words(facts.parameters))}}`],
    [/(network_tests\[.*\] = )\{\n[^;]*\};/, (_, before) => `${before}{\n${rows}};`],
  ]);
  for (const name of ACTIVATIONS.filter((each) => !facts.activation.includes(each))) {
    text = text.replace(new RegExp(`    case NETWORK_${name.toUpperCase()}:\n        return .*;\n`, "g"), "");
  }
  return text;
}

/** The Python file. */
export function pythonFile(training) {
  const facts = factsOf(training);
  const upper = (digits) => digits.map((each) => `0x${each.toUpperCase()}`);
  const tuple = (digits) =>
    `(${upper(digits)
      .map((word) => `${word},`)
      .join(" ")})`;
  const tests = facts.tests.map(([inputs, outputs]) => `    (${tuple(inputs)}, ${tuple(outputs)}),\n`).join("");
  return replaced(EXPORTED_PYTHON, [
    [/# The network .*, fingerprint\n# [0-9a-f]{64}/, `# ${facts.title.join("\n# ")}`],
    [/predict\(\[0\.5.*\]\)/, `predict([${facts.halves}])`],
    [/\nSIZES = .*\n/, `\nSIZES = (${facts.sizes.join(", ")})\n`],
    [/\nACTIVATIONS = .*\n/, `\nACTIVATIONS = (${facts.activation.map((name) => name.toUpperCase()).join(", ")},)\n`],
    [/\nBIAS = .*\n/, `\nBIAS = ${facts.bias ? "True" : "False"}\n`],
    [/\nPARAMETERS = \(\n[^)]*\)\n/, `\nPARAMETERS = (\n${lines(upper(facts.parameters))})\n`],
    [/\nTESTS = \(\n[^]*?\n\)\n/, `\nTESTS = (\n${tests})\n`],
  ]);
}
