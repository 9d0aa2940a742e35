// SPDX-License-Identifier: MIT
// Trains experiments with the script of a page, without a browser: node replay.mjs PAGE <experiments.json
// Prints [{"fingerprint", "loss"} or {"error", "message", "epoch"}, ...]; the loss is 16 digits, its bits.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const [, script] = readFileSync(process.argv[2], "utf8").match(/<script type="module">([^]*)<\/script>/);
vm.runInThisContext(`"use strict"; {${script}}`, { filename: "playground" });

function digits(value) {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setFloat64(0, value);
  return bytes.getBigUint64(0).toString(16).padStart(16, "0");
}

const results = [];
for (const experiment of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const { fingerprint, loss } = await bitprop.train(experiment);
    results.push({ fingerprint, loss: digits(loss) });
  } catch ({ name, message, epoch }) {
    results.push({ error: name, message, epoch });
  }
}
console.log(JSON.stringify(results));
