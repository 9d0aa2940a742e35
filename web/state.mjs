// SPDX-License-Identifier: MIT
// What the page shows: its trainings, rows and runs; and how it speaks.
import { markWrong } from "./form.mjs";

export const $ = (id) => document.getElementById(id);
export const state = {
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
  weight: 0, // the parameter that can be set by hand
};
export const main = () => state.trainings[0];

/** What the modules before page.mjs ask of it: begin(experiment, seeds), useRows(rows), remember(), show(). */
export const actions = {};

export function say(text) {
  $("said").textContent = text;
}

export function fail(error) {
  $("error").textContent = error.message;
  markWrong(error.message);
  if (!error.name.endsWith("Error") || error instanceof TypeError) console.error(error);
}
