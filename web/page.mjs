// SPDX-License-Identifier: MIT
// The page: it holds the trainings that are shown, and joins buttons, form, pictures and tables to them.
import { PRESETS } from "./presets.mjs";
import { Training } from "./training.mjs";
import { adapt, markWrong, prepareForm, readForm, showExperiment } from "./form.mjs";
import { cHeader, modelFile, pythonFile } from "./exports.mjs";
import { cProgram, pythonScript } from "./scripts.mjs";
import { Core } from "./core.mjs";
import { check } from "./experiment.mjs";
import { decode, encode, number } from "./url.mjs";
import { drawCurves, drawLine, drawPlane, lineStyle, windowOf } from "./draw.mjs";
import { named } from "./datasets.mjs";
import { parseRows, writeRows } from "./csv.mjs";
import { short } from "./numbers.mjs";
import { stepHtml } from "./formulas.mjs";
import { takeStep, traceRow } from "./step.mjs";

const FRAME = 11; // milliseconds of training between two pictures
const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const QUICK = 2e6; // rows times parameters that are measured for every picture
const SHOWN_ROWS = 16; // of a table of outputs

const $ = (id) => document.getElementById(id);
const state = {
  trainings: [], // of one experiment, with as many seeds; the first is the main one
  rows: { x: [], y: [] }, // that are shown
  own: { x: [], y: [] }, // the rows of the user
  until: 0, // the epoch to run to
  running: false,
  making: 0, // counts the experiments, so that only the last one is shown
  drawn: 0, // the time of the last picture
  step: null,
  runs: [],
  expected: null, // the fingerprint that an address promises
  cursor: [0.5, 0.5], // of new points, in the picture
};
const main = () => state.trainings[0];

function say(text) {
  $("said").textContent = text;
}

function fail(error) {
  $("error").textContent = error.message;
  markWrong(error.message);
  if (!error.name.endsWith("Error") || error instanceof TypeError) console.error(error);
}

/** Shows an error of the experiment, which leaves no training. */
function refuse(error) {
  state.making++;
  state.running = false;
  state.trainings = [];
  makeTiles();
  fail(error);
  show();
}

/** Begins an experiment: with its initial weights, for as many seeds from its own on. */
async function begin(options, seeds) {
  const making = ++state.making;
  state.running = false;
  try {
    const first = await Training.make(options);
    const trainings = [first];
    for (let n = 1; n < seeds; n++) {
      trainings.push(await Training.make({ ...options, seed: first.experiment.seed + BigInt(n) }));
    }
    if (making !== state.making) return false;
    state.trainings = trainings;
    state.rows = { x: first.x, y: first.y };
    if (typeof options.data !== "string") state.own = state.rows;
    $("error").textContent = "";
    markWrong("");
  } catch (error) {
    if (making !== state.making) return false;
    if (typeof options.data !== "string") state.rows = options.data;
    refuse(error);
    return false;
  }
  state.step = null;
  state.until = main().experiment.epochs;
  state.expected = null;
  $("lines").innerHTML = "<p>Press “One step”.</p>";
  $("row").value = 1;
  $("measure").textContent = main().measure.replace("_", " ");
  makeTiles();
  remember();
  show();
  return true;
}

/** The address then holds the experiment. */
function remember() {
  const seeds = state.trainings.length;
  history.replaceState(null, "", `#${encode(main().experiment, seeds > 1 ? { seeds } : {})}`);
}

// --- running ---

function go(until) {
  if (!main()) return;
  if (main().stopped || main().epoch >= until) {
    say(main().stopped ? ended() : `It has ${main().epoch} epochs: raise “Stop after epochs”, or rewind.`);
    return;
  }
  state.until = until;
  state.running = true;
  $("run").textContent = "Pause";
  say("Running.");
  next();
}

function next() {
  if (document.hidden) setTimeout(frame, 30);
  else requestAnimationFrame(frame);
}

function frame() {
  if (!state.running) return;
  const { trainings } = state;
  const more = trainings.map((training) => training.run(state.until, FRAME / trainings.length));
  if (!more.includes(true)) {
    pause();
    return;
  }
  const now = performance.now();
  if (now - state.drawn > (isCalm() ? 1000 : 40)) show();
  next();
}

function ended() {
  const training = main();
  if (training.stopped === "diverged") return training.divergence().message;
  if (training.stopped) return `Stopped by its ${training.stopped} in epoch ${training.epoch}.`;
  const where = training.betweenEpochs ? `at epoch ${training.epoch}` : `inside epoch ${training.epoch}`;
  return `Stopped ${where}, ${training.measure} ${short(training.measured())}.`;
}

/** Stops at once; measuring and drawing, which may take longer than a slice, come after it. */
function halt() {
  state.running = false;
  $("run").textContent = "Run";
  setTimeout(() => {
    if (!state.running) pause();
  });
}

function pause() {
  state.running = false;
  if (!main()) return;
  let text = ended();
  if (state.expected && main().epoch === main().experiment.epochs) {
    const same = main().fingerprint().startsWith(state.expected);
    text += same ? " The same fingerprint as the link says." : ` NOT the link's fingerprint, ${state.expected}.`;
  }
  say(text);
  show();
}

// --- showing ---

function show() {
  state.drawn = performance.now();
  const training = main();
  for (const id of ["run", "epoch", "step", "rewind", "keep"]) $(id).disabled = !training;
  if (!state.running) $("run").textContent = "Run";
  $("now").textContent = training ? training.epoch.toLocaleString("en") : "";
  const quick = training && (!state.running || training.rows * training.count < QUICK);
  const measured = quick ? training.measured() : NaN;
  $("loss").textContent = quick ? short(measured, 6) : "";
  $("fingerprint").textContent = training ? fingerprintText(training) : "";
  showOutputs();
  showCurves();
  showTiles();
  if (!state.running && training) {
    $("boundary").setAttribute("aria-label", `Decision boundary at epoch ${training.epoch} with ${training.rows} rows`);
    $("curves").setAttribute(
      "aria-label",
      `Loss over ${training.epoch} epochs; ${training.measure} ${short(measured)}`,
    );
  }
}

function fingerprintText(training) {
  if (state.running) return "(when it stops)";
  return training.betweenEpochs || training.stopped ? training.fingerprint() : "(at the end of this epoch)";
}

const cellsOf = (training, most) => {
  const least = 24;
  return Math.max(least, Math.min(most, Math.floor(Math.sqrt(3e6 / training.count))));
};

function showOutputs() {
  const training = main();
  const inputs = training?.inputs ?? state.rows.x[0]?.length ?? 2;
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
  const rows = training.x.slice(0, SHOWN_ROWS);
  const outputs = training.predict(rows.flat());
  const width = training.outputs;
  const fixed = (value) => (Math.abs(value) < 1000 ? value.toFixed(2).replace("-", "−") : short(value, 3));
  const list = (values) => values.map(fixed).join(" ");
  const given = (values) => values.map((value) => short(value, 3)).join(" ");
  const body = rows.map((row, i) => {
    const answers = Array.from(outputs.subarray(i * width, (i + 1) * width));
    return `<tr><td>${given(row)}</td><td>${given(training.y[i])}</td><td>${list(answers)}</td></tr>`;
  });
  const more = training.rows - rows.length;
  return (
    `<table><thead><tr>${["Inputs", "Targets", "Outputs"].map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead>` +
    `<tbody>${body.join("")}</tbody></table>${more > 0 ? `<p>… and ${more} more rows</p>` : ""}`
  );
}

function showCurves() {
  const kept = state.runs.map((run) => ({ points: run.points, ...run.style }));
  const others = state.trainings.slice(1).map((training) => ({ points: training.curve.points }));
  const mine = main() ? [{ points: main().curve.points, wide: true }] : [];
  drawCurves($("curves"), [...kept, ...others, ...mine], $("log").checked);
}

function makeTiles() {
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
    button.firstChild.hidden = training.inputs > 2;
    button.title = "Take this seed";
    button.onclick = () => begin({ ...asOptions(main().experiment), seed: training.experiment.seed }, 1).then(reshow);
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
    if (training.inputs === 1) drawLine(tile.firstChild, training, state.rows);
    else if (training.inputs === 2) drawPlane(tile.firstChild, training, state.rows, cellsOf(training, 28));
    tile.lastChild.textContent = `seed ${training.experiment.seed}: ${short(losses[n], 3)}`;
  });
}

/** The options of a checked experiment, as `Training.make` takes them. */
function asOptions({ options, ...experiment }) {
  return { ...experiment, ...options };
}

function reshow(begun) {
  if (begun) showExperiment(main().experiment, state.trainings.length);
}

// --- one step ---

function showStep() {
  const { step } = state;
  if (!step) return;
  const place = Math.min(step.batch.length, Math.max(1, Math.floor(Number($("row").value)) || 1)) - 1;
  $("row").max = step.batch.length;
  const trace = traceRow(main(), step.before, step.batch[place]);
  $("lines").innerHTML = stepHtml(main(), step, trace, place, $("bits").checked);
}

function oneStep() {
  if (state.running) pause();
  state.step = takeStep(main());
  if (state.step) {
    $("formulas").open = true;
    for (const other of state.trainings.slice(1)) takeStep(other);
    showStep();
  }
  say(ended());
  show();
}

// --- runs ---

function keep() {
  const training = main();
  if (state.running) pause();
  const place = state.runs.length ? state.runs[state.runs.length - 1].place + 1 : 0;
  state.runs.push({
    place,
    style: lineStyle(place),
    experiment: { ...training.experiment, epochs: training.epoch },
    points: training.curve.points.slice(),
    loss: training.measured(),
    fingerprint: training.fingerprint(),
  });
  $("runs").open = true;
  showRuns();
  say(`Run ${place + 1} is in the table.`);
}

function showRuns() {
  const lines = state.runs.map((run) => {
    const { experiment } = run;
    const { data, data_seed, sizes, activation, bias, init, seed, rule, learning_rate, batch_size } = experiment;
    const source = typeof data === "string" ? data : `${data.x.length} own rows`;
    const kinds = new Set(activation).size === 1 ? activation[0] : activation.join(",");
    const training = [rule, learning_rate === null ? "" : `rate ${number(learning_rate)}`];
    if (batch_size !== null) training.push(`batch ${batch_size}`);
    if (experiment.shuffle_seed !== null) training.push(`shuffled ${experiment.shuffle_seed}`);
    if (experiment.loss !== "half_sse") training.push(experiment.loss);
    const cells = [
      "",
      source + (data_seed ? ` (${data_seed})` : ""),
      `${sizes.join("-")} ${kinds}${bias ? "" : ", no biases"}, ${init}, seed ${seed}`,
      training.filter(Boolean).join(", "),
      experiment.epochs.toLocaleString("en"),
      short(run.loss, 5),
      run.fingerprint.slice(0, 16),
    ];
    const row = document.createElement("tr");
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
    swatch.style.background = run.style.colour;
    row.firstChild.append(swatch, String(run.place + 1));
    const buttons = document.createElement("td");
    buttons.append(
      runButton("Load", run, () => begin(asOptions(experiment), 1).then(reshow)),
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

// --- own rows ---

/** Begins with other rows of the user's, and the form's options. */
function useRows(rows) {
  state.own = rows;
  $("form").elements.kind.value = "rows";
  if (rows.x.length) adapt("kind", rows);
  state.rows = rows;
  change();
}

function addPoint(across, down) {
  const rows = state.rows;
  const plane = windowOf(rows.x);
  const round = (value, width) => Number(value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(width)))));
  const [width, height] = [plane.right - plane.left, plane.top - plane.bottom];
  const point = [round(plane.left + across * width, width), round(plane.top - down * height, height)];
  const label = Number($("class").value);
  say(`Point ${point.map(number).join(", ")} of class ${label}.`);
  useRows({ x: [...rows.x, point], y: [...rows.y, [label]] });
}

const pointable = () => (main() ? main().inputs === 2 && main().outputs === 1 : (state.rows.x[0]?.length ?? 2) === 2);

function planeKey(event) {
  if (!pointable() || event.ctrlKey || event.altKey || event.metaKey) return;
  const by = event.shiftKey ? 0.1 : 0.02;
  const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
  if (event.key in moves) {
    state.cursor = state.cursor.map((at, i) => Math.min(1, Math.max(0, at + moves[event.key][i])));
    const plane = windowOf(state.rows.x);
    const x0 = plane.left + state.cursor[0] * (plane.right - plane.left);
    const x1 = plane.top - state.cursor[1] * (plane.top - plane.bottom);
    say(`At ${short(x0, 3)}, ${short(x1, 3)}.`);
    showOutputs();
  } else if (event.key === "Enter" || event.key === " ") addPoint(...state.cursor);
  else if (event.key === "0" || event.key === "1") {
    $("class").value = event.key;
    say(`New points are of class ${event.key}.`);
  } else if (event.key === "Backspace" && state.rows.x.length) removeLast();
  else return;
  event.preventDefault();
}

function removeLast() {
  useRows({ x: state.rows.x.slice(0, -1), y: state.rows.y.slice(0, -1) });
}

// --- texts and files ---

/** The experiment up to the present epoch, with its fingerprint; inside an epoch, up to its end. */
function reached() {
  const training = main();
  const done = training.betweenEpochs && !training.stopped;
  const epochs = done ? training.epoch : training.experiment.epochs;
  return { experiment: { ...training.experiment, epochs }, fingerprint: done ? training.fingerprint() : null };
}

function textOf(kind) {
  const { experiment, fingerprint } = reached();
  if (kind === "python") return pythonScript(experiment, fingerprint);
  if (kind === "c") return cProgram(main(), experiment, fingerprint);
  return `${location.href.split("#")[0]}#${encode(experiment, fingerprint ? { fingerprint } : {})}`;
}

async function copyText(kind) {
  if (state.running) pause();
  $("text").value = textOf(kind);
  $("text").select();
  try {
    await navigator.clipboard.writeText($("text").value);
    say("Copied.");
  } catch {
    say("The text is below, to be copied.");
  }
}

const FILES = { "network.json": modelFile, "network.h": cHeader, "network.py": pythonFile, "rows.csv": writeRows };

function saveFile(name) {
  if (state.running) pause();
  const text = FILES[name](main());
  $("text").value = text;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  say(`${name} is saved.`);
}

// --- the form and the address ---

/** Begins what the form says. Where only the number of epochs differs, the training goes on. */
async function change() {
  try {
    const { options, seeds } = readForm(state.own);
    const training = main();
    if (training && seeds === state.trainings.length) {
      const asked = check(options);
      if (encode({ ...asked, epochs: 0 }) === encode({ ...training.experiment, epochs: 0 })) {
        for (const each of state.trainings) each.experiment.epochs = asked.epochs;
        $("error").textContent = "";
        markWrong("");
        remember();
        return;
      }
    }
    if (await begin(options, seeds)) say("New weights.");
  } catch (error) {
    refuse(error);
  }
}

async function load(hash) {
  $("preset").value = "";
  $("comment").textContent = "";
  try {
    const { options, fingerprint, seeds } = decode(hash);
    if (await begin(options, Math.min(16, Math.max(1, seeds)))) {
      reshow(true);
      state.expected = fingerprint;
      go(main().experiment.epochs);
    }
  } catch (error) {
    refuse(error);
  }
}

async function choose(preset) {
  $("comment").textContent = preset.comment;
  if (await begin(preset.options, preset.seeds ?? 1)) {
    reshow(true);
    say(`${preset.name}: press “Run”.`);
  }
}

function listen() {
  $("run").onclick = () => (state.running ? halt() : go(main().experiment.epochs));
  $("epoch").onclick = () => {
    if (state.running) pause();
    else go(main().epoch + 1);
  };
  $("step").onclick = oneStep;
  $("rewind").onclick = () => {
    state.running = false;
    for (const training of state.trainings) training.rewind();
    state.step = null;
    say("Back to the initial weights.");
    show();
  };
  $("keep").onclick = keep;
  $("form").onsubmit = (event) => event.preventDefault();
  $("preset").onchange = ({ target }) => {
    if (target.value) choose(PRESETS[target.value]);
  };
  $("form").onchange = ({ target }) => {
    if (target.closest("#own") === null) {
      $("preset").value = "";
      $("comment").textContent = "";
      try {
        adapt(target.name || "activation", state.own);
      } catch {
        // change() tells what is wrong
      }
      change();
    }
  };
  $("use").onclick = () => {
    try {
      useRows(parseRows($("csv").value, Number($("targets").value)));
    } catch (error) {
      fail(error);
    }
  };
  $("file").onchange = async ({ target }) => {
    if (!target.files.length) return;
    $("csv").value = await target.files[0].text();
    $("use").click();
  };
  $("undo").onclick = removeLast;
  $("clear").onclick = () => useRows({ x: [], y: [] });
  $("boundary").onclick = (event) => {
    if (!pointable()) return;
    const box = event.target.getBoundingClientRect();
    addPoint((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  $("boundary").onkeydown = planeKey;
  $("boundary").onfocus = $("boundary").onblur = showOutputs;
  $("log").onchange = showCurves;
  $("row").onchange = $("bits").onchange = showStep;
  $("share").onclick = ({ target }) => {
    if (!main()) return;
    if (target.dataset.text) copyText(target.dataset.text);
    if (target.dataset.file) saveFile(target.dataset.file);
  };
  window.onhashchange = () => load(location.hash);
  matchMedia("(prefers-color-scheme: dark)").onchange = show;
  new ResizeObserver(() => show()).observe($("pictures"));
}

async function start() {
  prepareForm();
  $("preset").append(...PRESETS.map(({ name }, i) => new Option(name, i)));
  listen();
  const core = await Core.make();
  if (core.c.self_test() !== 0) {
    fail(new Error("This browser does not calculate as bitprop's contract says; its results would have other bits."));
    return;
  }
  if (location.hash.length > 1) await load(location.hash);
  else {
    $("preset").value = 0;
    await choose(PRESETS[0]);
  }
}

if (globalThis.document) start();
