// SPDX-License-Identifier: MIT
// The page: it begins experiments, and joins buttons, form, pictures and tables to them.
import { $, actions, fail, main, say, state } from "./state.mjs";
import { PRESETS } from "./presets.mjs";
import { Training } from "./training.mjs";
import { adapt, markWrong, prepareForm, readForm, showExperiment } from "./form.mjs";
import { addPoint, planeKey, pointable, removeLast } from "./points.mjs";
import { Core } from "./core.mjs";
import { check } from "./experiment.mjs";
import { copyText, saveFile } from "./share.mjs";
import { decode, encode } from "./url.mjs";
import { ended, go, halt, pause } from "./running.mjs";
import { keep } from "./runs.mjs";
import { listenWeights, makeNetwork } from "./weights.mjs";
import { makeTiles, show, showCurves, showOutputs } from "./view.mjs";
import { parseRows } from "./csv.mjs";
import { stepHtml } from "./formulas.mjs";
import { takeStep, traceRow } from "./step.mjs";

/** Shows an error of the experiment, which leaves no training. */
function refuse(error) {
  state.making++;
  state.running = false;
  state.trainings = [];
  makeTiles();
  fail(error);
  say("No training: see the error below.");
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
    state.rows = first.all;
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
  for (const name of document.querySelectorAll(".measure")) name.textContent = main().measure.replace("_", " ");
  makeTiles();
  makeNetwork();
  remember();
  show();
  return true;
}

/** The address then holds the experiment. */
function remember() {
  const seeds = state.trainings.length;
  history.replaceState(null, "", `#${encode(main().experiment, seeds > 1 ? { seeds } : {})}`);
}

/** Begins an experiment that was checked before, and shows it in the form. */
async function again({ options, ...experiment }, seeds) {
  if (await begin({ ...experiment, ...options }, seeds)) {
    reshow();
    say("New weights.");
  }
}

function reshow() {
  showExperiment(main().experiment, state.trainings.length);
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

/** Begins with other rows of the user's, and the form's options. */
function useRows(rows) {
  state.own = rows;
  $("form").elements.kind.value = "rows";
  if (rows.x.length) adapt("kind", rows);
  state.rows = rows;
  change();
}

// --- the form and the address ---

/** Begins what the form says. Where only the number of epochs differs, the training goes on. */
async function change() {
  try {
    const { options, seeds } = readForm(state.own);
    const training = main();
    if (training && seeds === state.trainings.length) {
      const asked = { ...check(options), edits: training.experiment.edits };
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
      reshow();
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
    reshow();
    say(`${preset.name}: press “Run”.`);
  }
}

function listen() {
  Object.assign(actions, { begin: again, useRows, remember, show });
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
    const edits = main().experiment.edits.length;
    say(`Back to the initial weights.${edits ? " What was changed by hand will be changed again." : ""}`);
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
  listenWeights();
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
