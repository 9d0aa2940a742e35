// SPDX-License-Identifier: MIT
// Running: slices of training between pictures.
import { $, main, say, state } from "./state.mjs";
import { short } from "./numbers.mjs";
import { show } from "./view.mjs";

const FRAME = 11; // milliseconds of training between two pictures
const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function go(until) {
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

export function ended() {
  const training = main();
  if (training.stopped === "diverged") return training.divergence().message;
  if (training.stopped) return `Stopped by its ${training.stopped} in epoch ${training.epoch}.`;
  const where = training.betweenEpochs ? `at epoch ${training.epoch}` : `inside epoch ${training.epoch}`;
  return `Stopped ${where}, ${training.measure} ${short(training.measured())}.`;
}

/** Stops at once; measuring and drawing, which may take longer than a slice, come after it. */
export function halt() {
  state.running = false;
  $("run").textContent = "Run";
  setTimeout(() => {
    if (!state.running) pause();
  });
}

export function pause() {
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
