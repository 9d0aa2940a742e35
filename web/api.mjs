// SPDX-License-Identifier: MIT
// window.bitprop: experiments for tests and lessons.
import { named } from "./datasets.mjs";
import { Training } from "./training.mjs";

const SLICE = 12; // milliseconds that the page may wait

/** Gives the page its turn. */
export function turn() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}

/** Trains an experiment to its end. */
async function train(options) {
  const training = await Training.make(options);
  while (training.run(training.experiment.epochs, SLICE)) await turn();
  if (training.stopped === "diverged") throw training.divergence();
  const result = { fingerprint: training.fingerprint(), loss: training.measured() };
  if (training.test) result.validation = training.tested(training.experiment.loss);
  return result;
}

globalThis.bitprop = { train, datasets: (name, seed = 0, noise) => named(name, BigInt(seed), noise) };
