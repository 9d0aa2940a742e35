// SPDX-License-Identifier: MIT
// Rows as people paste them: numbers parted by tabs, semicolons, commas or spaces, the targets last.
import { DataError } from "./errors.mjs";
import { number, parseNumber } from "./url.mjs";

/** The rows {x, y} of a text whose last columns, so many, are targets. DataError. */
export function parseRows(text, targets) {
  const lines = text.split(/\r?\n/).map((line, i) => ({ line: line.trim(), place: i + 1 }));
  const separator = [/\s*\t\s*/, /\s*;\s*/, /\s*,\s*/].find((each) => each.test(text.trim())) ?? /\s+/;
  const rows = [];
  let width = 0;
  for (const { line, place } of lines.filter((each) => each.line !== "")) {
    const words = line.split(separator);
    if (rows.length === 0 && words.every((word) => !/^[+-]?[.\d]/.test(word))) continue; // names
    const values = words.map((word, column) => {
      try {
        return parseNumber(`line ${place}, column ${column + 1}`, word);
      } catch ({ message }) {
        throw new DataError(message);
      }
    });
    width ||= values.length;
    if (values.length !== width) throw new DataError(`line ${place} has ${values.length} columns, expected ${width}`);
    rows.push(values);
  }
  if (rows.length === 0) throw new DataError("there are no rows of numbers");
  if (!(targets >= 1 && targets < width)) {
    throw new DataError(
      `there are ${width} columns, expected more than ${targets}, the columns of targets, which is 1 or more`,
    );
  }
  return { x: rows.map((row) => row.slice(0, width - targets)), y: rows.map((row) => row.slice(width - targets)) };
}

/** The text of rows. */
export function writeRows({ x, y }) {
  return x.map((row, i) => `${[...row, ...y[i]].map(number).join(",")}\n`).join("");
}
