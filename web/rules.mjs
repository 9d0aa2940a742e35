// SPDX-License-Identifier: MIT
// The formulas of the update rules (docs/contract.md §7), with the numbers of a step and of the rule's state in them.

/** What all parameters of a step have in common, as lines: Adam's corrections, or the μ of Levenberg and Marquardt. */
export function commonLines({ rule, learning_rate }, step, { show, factor }) {
  if (step.mu) return [`first attempt of this step: μ = ${show(step.mu[0])}; of the next one: μ = ${show(step.mu[1])}`];
  if (!rule.startsWith("adam")) return [];
  const [p1, p2] = step.state.after.slice(-2);
  return [
    `t = ${step.count}, the steps so far: β₁ᵗ = ${show(p1)}, β₂ᵗ = ${show(p2)}`,
    `α = rate/(1 − β₁ᵗ) = ${show(learning_rate)}/(1 − ${factor(p1)}) = ${show(learning_rate / (1 - p1))}`,
    `c = 1 − β₂ᵗ = 1 − ${factor(p2)} = ${show(1 - p2)}`,
  ];
}

/** The formulas of parameter k: {state, after}, the first "" where the rule has none. `decayed`: whether the weight
 * decay is for it. */
export function ruleFormulas({ rule, learning_rate, options }, step, k, decayed, { show, factor }) {
  const [before, after] = [step.before[k], step.after[k]];
  if (!step.bySteps) return { state: "", after: show(after) };
  const decay = decayed ? options.weight_decay : 0;
  const inGradient = decay !== 0 && rule !== "adamw";
  const g = inGradient ? step.gradient[k] + decay * before : step.gradient[k];
  const given = inGradient ? `(${factor(step.gradient[k])} + ${factor(decay)}·${factor(before)})` : factor(g);
  const ends = (text) => `${text} = ${show(after)}`;
  const rate = factor(learning_rate ?? 0);
  const count = step.before.length;
  const [old, now] = [step.state?.before, step.state?.after];
  if (rule === "descent") return { state: "", after: ends(`${show(before)} − ${rate}·${given}`) };
  if (rule === "rprop") {
    const { state, sign } = resilient(options, g, given, [old[k], old[count + k], now[count + k]], { show, factor });
    if (sign === "<" || g === 0) return { state, after: `${ends("w")}, as before` };
    return { state, after: ends(`${show(before)} ${g > 0 ? "−" : "+"} ${factor(now[count + k])}`) };
  }
  if (rule === "momentum" || rule === "nesterov") {
    const momentum = factor(options.momentum);
    const v = factor(now[k]);
    return {
      state: `v = ${momentum}·${factor(old[k])} + ${given} = ${show(now[k])}`,
      after: ends(`${show(before)} − ${rate}·${rule === "momentum" ? v : `(${given} + ${momentum}·${v})`}`),
    };
  }
  const { beta1, beta2, epsilon } = options;
  const [p1, p2] = now.slice(-2);
  const weight = decay && !inGradient ? `(${show(before)} − ${factor(learning_rate * decay)}·${factor(before)})` : show(before);
  const moment = (letter, beta, at, square) =>
    `${letter} = ${factor(beta)}·${factor(old[at])} + ${factor(1 - beta)}·${given}${square} = ${show(now[at])}`;
  const root = `√(${factor(now[count + k])}/${factor(1 - p2)})`;
  return {
    state: `${moment("m", beta1, k, "")}; ${moment("v", beta2, count + k, "²")}`,
    after: ends(`${weight} − ${factor(learning_rate / (1 - p1))}·${factor(now[k])}/(${root} + ${factor(epsilon)})`),
  };
}

/** RPROP's step size by the signs of two gradients in a row: {state, sign}. */
function resilient({ increase, decrease, step_min, step_max }, g, given, [g0, step0, step1], { show, factor }) {
  const sign = g0 * g > 0 ? ">" : g0 * g < 0 ? "<" : "=";
  const sizes = {
    ">": `min(${factor(increase)}·${factor(step0)}, ${show(step_max)}) = `,
    "<": `max(${factor(decrease)}·${factor(step0)}, ${show(step_min)}) = `,
    "=": "",
  };
  return { sign, state: `g₀·g = ${factor(g0)}·${given} ${sign} 0: step = ${sizes[sign]}${show(step1)}` };
}
