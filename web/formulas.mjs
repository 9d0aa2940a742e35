// SPDX-License-Identifier: MIT
// One step as HTML: each formula with its numbers in it, forwards, back, and to the new weights.
import { number } from "./url.mjs";
import { commonLines, ruleFormulas } from "./rules.mjs";
import { inputTitle } from "./features.mjs";
import { patterns, short, sub } from "./numbers.mjs";

const MOST = 8; // nodes of a layer, and terms of a sum, that are written out
const PARAMETERS_MOST = 120; // lines of the table of parameters

const ACTIVATION = {
  sigmoid: (z) => `1/(1 + exp(−${z}))`,
  tanh: (z) => `tanh(${z})`,
  relu: (z) => `max(0, ${z})`,
  identity: (z) => `${z}`,
  softsign: (z) => `${z}/(1 + |${z}|)`,
  leaky_relu: (z) => `${z} > 0 ? ${z} : 0.01·${z}`,
  softmax: (z) => `exp(${z})/Σ exp(z)`,
};
const SLOPE = {
  sigmoid: (a) => `${a}·(1 − ${a})`,
  tanh: (a) => `(1 − ${a}²)`,
  relu: (a) => `(${a} > 0 ? 1 : 0)`,
  identity: () => "1",
  softsign: (a) => `(1 − |${a}|)²`,
  leaky_relu: (a) => `(${a} > 0 ? 1 : 0.01)`,
};
const SCALE = {
  half_sse: () => "",
  sse: () => "2·",
  half_mse: (rows, outputs) => `1/${rows * outputs}·`,
  mse: (rows, outputs) => `2/${rows * outputs}·`,
  binary_cross_entropy: (rows) => `1/${rows}·`,
  cross_entropy: (rows) => `1/${rows}·`,
};
const RULE = {
  descent: "w ← w − rate·g",
  momentum: "v ← momentum·v + g, w ← w − rate·v",
  nesterov: "v ← momentum·v + g, w ← w − rate·(g + momentum·v)",
  adam: "m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², w ← w − rate/(1 − β₁ᵗ)·m/(√(v/(1 − β₂ᵗ)) + ε)",
  adamw: "as adam, with w ← w − rate·decay·w before",
  rprop: "w ← w ∓ step by the sign of g; the step grows while the sign stays and shrinks where it changes",
  levenberg_marquardt: "w ← w − s, where (JᵀJ + μ·I)·s = Jᵀ·e over all rows",
};

const negative = (text) => (text.startsWith("−") ? `(${text})` : text);
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
const line = (text) => `<code>${escaped(text)}</code>`;

/** The HTML of a step (of step.mjs): of `trace`, its row `place` (counted from 0) of the batch. */
export function stepHtml(training, step, trace, place, bits) {
  const { experiment } = training;
  const show = bits ? (value) => patterns([value])[0] : (value) => short(value);
  const factor = (value) => negative(show(value));
  const sum = (terms) => {
    const shown = terms.length > MOST ? [...terms.slice(0, MOST), "…"] : terms;
    return shown.join(" + ");
  };
  const few = (list) => list.slice(0, MOST);
  const rest = (list) => (list.length > MOST ? line(`… and ${list.length - MOST} more nodes`) : "");
  const { layers, targets } = trace;
  const row = step.batch[place];
  const rows = step.batch.length;
  const [last, loss] = [layers.length - 1, experiment.loss];
  const entropy = loss.endsWith("entropy");
  const input = layers[0].inputs.map((value, i) => `${inputTitle(experiment, i)} = ${show(value)}`);
  const html = [
    line(
      `epoch ${step.epoch}, batch of ${rows} row${rows === 1 ? "" : "s"}; row ${place + 1} of it, which is row ` +
        `${(training.places?.[row] ?? row) + 1} of the data: ${few(input).join(", ")}${input.length > MOST ? ", …" : ""}; ` +
        `targets ${few(targets)
          .map((value, j) => `t${sub(j + 1)} = ${show(value)}`)
          .join(", ")}`,
    ),
    "<h3>Forwards</h3>",
  ];
  layers.forEach((layer, n) => {
    html.push(`<h4>Layer ${n + 1}: ${layer.activation}</h4>`);
    few(layer.z).forEach((z, j) => {
      const products = layer.inputs.map((value, i) => `${factor(value)}·${factor(layer.weights[i][j])}`);
      const terms = layer.biases ? [factor(layer.biases[j]), ...products] : products;
      const name = n === 0 ? "x" : "a";
      const letters = `${layer.biases ? "b + " : ""}Σ ${name}·w`;
      html.push(line(`z${sub(j + 1)} = ${letters} = ${sum(terms)} = ${show(z)}`));
      html.push(line(`a${sub(j + 1)} = ${ACTIVATION[layer.activation](factor(z))} = ${show(layer.a[j])}`));
    });
    html.push(rest(layer.z));
  });
  html.push("<h3>Error</h3>");
  const { a } = layers[last];
  const errors = a.map((value, j) => value - targets[j]);
  few(errors).forEach((error, j) => {
    html.push(
      line(`e${sub(j + 1)} = a${sub(j + 1)} − t${sub(j + 1)} = ${show(a[j])} − ${factor(targets[j])} = ${show(error)}`),
    );
  });
  if (entropy) html.push(line(`the row's ${loss.replace(/_/g, " ")} = ${show(trace.error)}`));
  else
    html.push(
      line(`the row's squared error = ${sum(errors.map((error) => `${factor(error)}²`))} = ${show(trace.error)}`),
    );
  html.push("<h3>Back, by the chain rule</h3>");
  for (let n = last; n >= 0; n--) {
    const layer = layers[n];
    html.push(`<h4>Layer ${n + 1}</h4>`);
    few(layer.deltas).forEach((delta, j) => {
      const slope = SLOPE[layer.activation]?.(factor(layer.a[j]));
      let text;
      if (n === last) {
        text = entropy
          ? `e${sub(j + 1)}`
          : `e${sub(j + 1)}·f′ = ${factor(errors[j])}·${slope} = ${factor(errors[j])}·${factor(layer.slope[j])}`;
      } else {
        const next = layers[n + 1];
        const terms = next.deltas.map((d, k) => `${factor(next.weights[j][k])}·${factor(d)}`);
        text = `(Σ w·δ)·f′ = (${sum(terms)})·${slope}`;
      }
      html.push(line(`δ${sub(j + 1)} = ${text} = ${show(delta)}`));
    });
    html.push(rest(layer.deltas));
  }
  const scale = SCALE[loss](rows, training.outputs);
  html.push("<h3>Gradients and new weights</h3>");
  if (step.bySteps) {
    html.push(
      line(`of the row: ∂/∂w = a·δ, where a is the weight's input; of the batch: g = ${scale}Σ a·δ over its rows`),
    );
  }
  const { rule, options, learning_rate } = experiment;
  const decay = options.weight_decay ? `; weight decay ${number(options.weight_decay)}` : "";
  const l1 = options.l1 ? `; L1 ${number(options.l1)}` : "";
  const rate = learning_rate === null ? "" : `; rate = ${number(learning_rate)}`;
  html.push(line(`${rule}: ${RULE[rule]}${rate}${decay}${l1}`));
  html.push(...commonLines(experiment, step, { show, factor }).map(line));
  html.push(parameterTable(experiment, step, layers, { show, factor }));
  return html.join("");
}

function parameterTable(experiment, step, layers, words) {
  const { show, factor } = words;
  const lines = [];
  layers.forEach((layer, n) => {
    const wide = layer.z.length;
    layer.weights.forEach((weights, i) => {
      weights.forEach((_, j) => {
        lines.push({
          name: `layer ${n + 1}, w${sub(i + 1)},${sub(j + 1)}`,
          index: layer.first + i * wide + j,
          row: `${factor(layer.inputs[i])}·${factor(layer.deltas[j])} = ${show(layer.sums[i][j])}`,
          decayed: true,
        });
      });
    });
    (layer.biases ?? []).forEach((_, j) => {
      const index = layer.first + layer.inputs.length * wide + j;
      lines.push({ name: `layer ${n + 1}, b${sub(j + 1)}`, index, row: show(layer.deltas[j]), decayed: experiment.options.decay_biases });
    });
  });
  const { bySteps, state } = step;
  const heads = ["Parameter", "Before", ...(bySteps ? ["Row: a·δ", "Batch: g"] : []), state ? "State, after" : "After"];
  const body = lines.slice(0, PARAMETERS_MOST).map(({ name, index, row, decayed }) => {
    const texts = ruleFormulas(experiment, step, index, decayed, words).map(escaped).join("<br>");
    const gradient = bySteps ? [row, show(step.gradient[index])] : [];
    const cells = [name, show(step.before[index]), ...gradient, texts];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  const left = lines.length - body.length;
  return (
    '<div class="scroll" tabindex="0" role="region" aria-label="Parameters"><table>' +
    `<thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>` +
    `<tbody>${body.join("")}</tbody></table></div>${left > 0 ? line(`… and ${left} more parameters`) : ""}`
  );
}
