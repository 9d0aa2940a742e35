// SPDX-License-Identifier: MIT
// The experiment as a link, as programs and as files.
import { $, main, say, state } from "./state.mjs";
import { cHeader, modelFile, pythonFile } from "./exports.mjs";
import { cProgram, pythonScript } from "./scripts.mjs";
import { encode } from "./url.mjs";
import { pause } from "./running.mjs";
import { writeRows } from "./csv.mjs";

/** The experiment up to the present epoch, with its fingerprint; inside an epoch, up to its end. */
function reached() {
  const training = main();
  const done = training.betweenEpochs && !training.stopped;
  const epochs = done ? training.epoch : training.experiment.epochs;
  const edits = done || training.stopped ? training.editsDone : training.experiment.edits;
  return { experiment: { ...training.experiment, epochs, edits }, fingerprint: done ? training.fingerprint() : null };
}

function textOf(kind) {
  const { experiment, fingerprint } = reached();
  if (kind === "python") return pythonScript(experiment, fingerprint);
  if (kind === "c") return cProgram(main(), experiment, fingerprint);
  return `${location.href.split("#")[0]}#${encode(experiment, fingerprint ? { fingerprint } : {})}`;
}

export async function copyText(kind) {
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

const FILES = { "network.json": modelFile, "network.h": cHeader, "network.py": pythonFile, "rows.csv": ({ all }) => writeRows(all) };

export function saveFile(name) {
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
