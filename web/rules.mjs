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

/** The formulas of parameter k, as lines: those of the rule's state, and last that of the new value. `decayed`: whether
 * weight decay and L1 are for it. */
export function ruleFormulas({ rule, learning_rate, options }, step, k, decayed, { show, factor }) {
  const [before, after] = [step.before[k], step.after[k]];
  if (!step.bySteps) return [show(after)];
  const decay = decayed ? options.weight_decay : 0;
  const pull = decayed ? options.l1 * Math.sign(before) : 0;
  const inGradient = decay !== 0 && rule !== "adamw";
  const pulled = pull === 0 ? step.gradient[k] : step.gradient[k] + pull;
  const g = inGradient ? pulled + decay * before : pulled;
  const terms = [step.gradient[k], ...(pull === 0 ? [] : [pull])].map(factor);
  if (inGradient) terms.push(`${factor(decay)}·${factor(before)}`);
  const given = terms.length > 1 ? `(${terms.join(" + ")})` : factor(g);
  const rate = factor(learning_rate ?? 0);
  const count = step.before.length;
  const [old, now] = [step.state?.before, step.state?.after];
  if (rule === "descent") return [`${show(before)} − ${rate}·${given} = ${show(after)}`];
  const ends = (change) => `w = ${show(before)} ${change} = ${show(after)}`;
  if (rule === "rprop") {
    const { state, sign } = resilient(options, g, given, [old[k], old[count + k], now[count + k]], { show, factor });
    const stays = sign === "<" || g === 0;
    return [state, stays ? `w = ${show(after)}, without a step` : ends(`${g > 0 ? "−" : "+"} ${factor(now[count + k])}`)];
  }
  if (rule === "momentum" || rule === "nesterov") {
    const momentum = factor(options.momentum);
    const ahead = rule === "nesterov" ? `(${given} + ${momentum}·${factor(now[k])})` : factor(now[k]);
    return [`v = ${momentum}·${factor(old[k])} + ${given} = ${show(now[k])}`, ends(`− ${rate}·${ahead}`)];
  }
  const { beta1, beta2, epsilon } = options;
  const [p1, p2] = now.slice(-2);
  const moment = (letter, beta, at, square) =>
    `${letter} = ${factor(beta)}·${factor(old[at])} + ${factor(1 - beta)}·${given}${square} = ${show(now[at])}`;
  const shrinks = decay && !inGradient ? `− ${factor(learning_rate * decay)}·${factor(before)} ` : "";
  const root = `√(${factor(now[count + k])}/${factor(1 - p2)})`;
  return [
    moment("m", beta1, k, ""),
    moment("v", beta2, count + k, "²"),
    ends(`${shrinks}− ${factor(learning_rate / (1 - p1))}·${factor(now[k])}/(${root} + ${factor(epsilon)})`),
  ];
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
