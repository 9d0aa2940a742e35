// SPDX-License-Identifier: MIT
// The table of runs that were kept.
import { $, actions, main, say, state } from "./state.mjs";
import { lineStyle } from "./draw.mjs";
import { number } from "./url.mjs";
import { pause } from "./running.mjs";
import { short } from "./numbers.mjs";
import { showCurves } from "./view.mjs";
import { standardsOf } from "./experiment.mjs";

export function keep() {
  const training = main();
  if (state.running) pause();
  const place = state.runs.length ? state.runs[state.runs.length - 1].place + 1 : 0;
  state.runs.push({
    place,
    style: lineStyle(place),
    experiment: { ...training.experiment, epochs: training.epoch, edits: training.editsDone },
    curve: { points: training.curve.points.slice() },
    testCurve: { points: training.testCurve.points.slice() },
    loss: training.measured(),
    test: training.test ? training.tested() : null,
    fingerprint: training.fingerprint(),
  });
  $("runs").open = true;
  showRuns();
  say(`Run ${place + 1} is in the table.`);
}

function showRuns() {
  const lines = state.runs.map((run) => {
    const { experiment } = run;
    const { data, data_seed, noise, features, sizes, activation, bias, init, seed } = experiment;
    const { rule, learning_rate, batch_size } = experiment;
    const source = typeof data === "string" ? data : `${data.x.length} own rows`;
    const kinds = new Set(activation).size === 1 ? activation[0] : activation.join(",");
    const training = [rule, learning_rate === null ? "" : `rate ${number(learning_rate)}`];
    for (const [name, value] of Object.entries(experiment.options)) {
      if (value !== standardsOf(rule)[name]) training.push(value === true ? name : `${name} ${number(value)}`);
    }
    if (batch_size !== null) training.push(`batch ${batch_size}`);
    if (experiment.shuffle_seed !== null) training.push(`shuffled ${experiment.shuffle_seed}`);
    if (experiment.loss !== "half_sse") training.push(experiment.loss);
    const { edits } = experiment;
    if (edits.length) training.push(`${edits.length} changed by hand`);
    if (experiment.validation !== null) {
      training.push(`test ${number(experiment.validation)}`, `split_seed ${experiment.split_seed}`);
    }
    const cells = [
      "",
      source +
        (data_seed ? ` (${data_seed})` : "") +
        (noise === null ? "" : `, noise ${number(noise)}`) +
        (features === null ? "" : `: ${features.join(", ")}`),
      `${sizes.join("-")} ${kinds}${bias ? "" : ", no biases"}, ${init}, seed ${seed}`,
      training.filter(Boolean).join(", "),
      experiment.epochs.toLocaleString("en"),
      short(run.loss, 5),
      run.test === null ? "" : short(run.test, 5),
      run.fingerprint.slice(0, 16),
    ];
    const row = document.createElement("tr");
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
    swatch.style.background = run.style.colour;
    row.firstChild.append(swatch, String(run.place + 1));
    const buttons = document.createElement("td");
    buttons.append(
      runButton("Load", run, () => actions.begin(experiment, 1)),
      " ",
      runButton("Remove", run, () => {
        state.runs = state.runs.filter((other) => other !== run);
        showRuns();
      }),
    );
    row.append(buttons);
    return row;
  });
  document.querySelector("#runs tbody").replaceChildren(...lines);
  showCurves();
}

function runButton(text, run, action) {
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    textContent: text,
    onclick: action,
  });
  button.setAttribute("aria-label", `${text} run ${run.place + 1}`);
  return button;
}
