// SPDX-License-Identifier: MIT
// What is shown of the trainings: figures, outputs, curves and the pictures of several seeds.
import { $, actions, main, state } from "./state.mjs";
import { TEST_DASH, drawCurves, drawLine, drawPlane } from "./draw.mjs";
import { short } from "./numbers.mjs";
import { showNetwork } from "./weights.mjs";

const QUICK = 2e6; // rows times parameters that are measured for every picture
const SHOWN_ROWS = 16; // of a table of outputs

export function show() {
  state.drawn = performance.now();
  const training = main();
  for (const id of ["run", "epoch", "step", "rewind", "keep"]) $(id).disabled = !training;
  if (!state.running) $("run").textContent = "Run";
  $("now").textContent = training ? training.epoch.toLocaleString("en") : "";
  const quick = training && (!state.running || training.rows * training.count < QUICK);
  const measured = quick ? training.measured() : NaN;
  $("loss").textContent = quick ? short(measured, 6) : "";
  $("fingerprint").textContent = training ? fingerprintText(training) : "";
  showTest(training, quick);
  showOutputs();
  showCurves();
  showTiles();
  showNetwork();
  if (!state.running && training) {
    $("boundary").setAttribute("aria-label", `Decision boundary at epoch ${training.epoch} with ${training.rows} rows`);
    $("curves").setAttribute(
      "aria-label",
      `Loss over ${training.epoch} epochs; ${training.measure} ${short(measured)}` +
        (training.test ? `, of the test rows ${short(training.tested())}` : ""),
    );
  }
}

/** The loss of the rows that are held out; where they are many, only when the training stops. */
function showTest(training, quick) {
  const shown = Boolean(training?.test);
  $("tested").hidden = $("hollow").hidden = $("dashed").hidden = !shown;
  if (!shown) return;
  if (!state.running && training.betweenEpochs) training.addTest();
  $("test").textContent = quick ? short(training.tested(), 6) : "";
}

function fingerprintText(training) {
  if (state.running) return "(when it stops)";
  return training.betweenEpochs || training.stopped ? training.fingerprint() : "(at the end of this epoch)";
}

const cellsOf = (training, most) => {
  const least = 24;
  return Math.max(least, Math.min(most, Math.floor(Math.sqrt(3e6 / training.count))));
};

export function showOutputs() {
  const training = main();
  const inputs = training?.axes ?? state.rows.x[0]?.length ?? 2;
  $("boundary").hidden = inputs > 2;
  $("hint").parentElement.hidden = inputs !== 2 || (training?.outputs ?? 1) !== 1;
  $("outputs").hidden = inputs <= 2;
  const focused = document.activeElement === $("boundary");
  if (inputs === 1) drawLine($("boundary"), training, state.rows);
  else if (inputs === 2) {
    const cells = training ? cellsOf(training, state.running ? 72 : 140) : 0;
    drawPlane($("boundary"), training, state.rows, cells, focused ? state.cursor : null);
  } else if (training) $("outputs").innerHTML = outputsTable(training);
}

function outputsTable(training) {
  const { x, y } = training.all;
  const rows = x.slice(0, SHOWN_ROWS);
  const outputs = training.predict(rows.flat());
  const width = training.outputs;
  const fixed = (value) => (Math.abs(value) < 1000 ? value.toFixed(2).replace("-", "−") : short(value, 3));
  const list = (values) => values.map(fixed).join(" ");
  const given = (values) => values.map((value) => short(value, 3)).join(" ");
  const body = rows.map((row, i) => {
    const answers = Array.from(outputs.subarray(i * width, (i + 1) * width));
    return `<tr><td>${given(row)}${training.held.has(i) ? " (test)" : ""}</td><td>${given(y[i])}</td><td>${list(answers)}</td></tr>`;
  });
  const more = x.length - rows.length;
  return (
    `<table><thead><tr>${["Inputs", "Targets", "Outputs"].map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>` +
    `<tbody>${body.join("")}</tbody></table>${more > 0 ? `<p>… and ${more} more rows</p>` : ""}`
  );
}

export function showCurves() {
  const both = ({ curve, testCurve }, style) => [
    { points: curve.points, ...style },
    { points: testCurve.points, ...style, dash: TEST_DASH },
  ];
  const kept = state.runs.flatMap((run) => both(run, run.style));
  const others = state.trainings.slice(1).flatMap((training) => both(training, {}));
  const mine = main() ? both(main(), { wide: true }) : [];
  drawCurves($("curves"), [...kept, ...others, ...mine], $("log").checked);
}

/** A button for each seed, which takes it as the only one. */
export function makeTiles() {
  const { trainings } = state;
  if (trainings.length < 2) {
    $("tiles").replaceChildren();
    return;
  }
  const summary = document.createElement("p");
  const tiles = trainings.map((training) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(document.createElement("canvas"), document.createElement("span"));
    button.firstChild.hidden = training.axes > 2;
    button.title = "Take this seed";
    button.onclick = () => actions.begin({ ...main().experiment, seed: training.experiment.seed }, 1);
    return button;
  });
  $("tiles").replaceChildren(summary, ...tiles);
}

function showTiles() {
  const { trainings } = state;
  if (trainings.length < 2) return;
  const losses = trainings.map((training) => training.measured());
  const sorted = losses.slice().sort((a, b) => a - b);
  const middle = (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.floor(sorted.length / 2)]) / 2;
  const [summary, ...tiles] = $("tiles").children;
  summary.textContent =
    `${trainings.length} seeds: least ${short(sorted[0])}, median ${short(middle)}, ` +
    `greatest ${short(sorted[sorted.length - 1])}`;
  tiles.forEach((tile, n) => {
    const training = trainings[n];
    if (training.axes === 1) drawLine(tile.firstChild, training, state.rows);
    else if (training.axes === 2) drawPlane(tile.firstChild, training, state.rows, cellsOf(training, 28));
    tile.lastChild.textContent = `seed ${training.experiment.seed}: ${short(losses[n], 3)}`;
  });
}
