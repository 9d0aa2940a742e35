// SPDX-License-Identifier: MIT
// Answers questions with the script of a page, without a browser: node playground_replay.mjs PAGE <questions.json
// A question is an experiment, whose answer is {"fingerprint", "loss", "validation"} or {"error", "message", "epoch"}; or it is
// {"dataset", "seed"}, whose answer is the rows {"x", "y"}. Numbers are 16 digits, their bits.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { inflateSync } from "node:zlib";

const [, packed] = readFileSync(process.argv[2], "utf8").match(/^const SCRIPT = "(.*)";$/m);
const script = inflateSync(Buffer.from(packed, "base64")).toString();
vm.runInThisContext(`"use strict"; {${script}}`, { filename: "playground" });

function digits(value) {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setFloat64(0, value);
  return bytes.getBigUint64(0).toString(16).padStart(16, "0");
}

async function answer(question) {
  if ("dataset" in question) {
    const { x, y } = await bitprop.datasets(question.dataset, question.seed);
    return { x: x.map((row) => row.map(digits)), y: y.map((row) => row.map(digits)) };
  }
  const { fingerprint, loss, validation } = await bitprop.train(question);
  const result = { fingerprint, loss: digits(loss) };
  return validation === undefined ? result : { ...result, validation: digits(validation) };
}

const answers = [];
for (const question of JSON.parse(readFileSync(0, "utf8"))) {
  answers.push(await answer(question).catch(({ name, message, epoch }) => ({ error: name, message, epoch })));
}
console.log(JSON.stringify(answers));
