// SPDX-License-Identifier: MIT
// The rows that are held out, as fit(validation=share, split_seed=seed) of Python takes them (docs/python.md).
import { ShapeError } from "./errors.mjs";

/** The places of the rows to train on, and of those that are held out: the first and the last of a shuffle.
 * ShapeError: there are none of either. */
export function split(rows, share, seed, core) {
  const last = Math.floor(share * rows + 0.5);
  if (!(last > 0 && last < rows)) {
    const expected = "one or more to measure and one or more to train on";
    throw new ShapeError(`validation is ${share}, which takes ${last} of ${rows} rows, expected ${expected}`);
  }
  const order = Array.from({ length: rows }, (_, i) => i);
  core.c.seed_data(seed);
  for (let i = rows - 1; i > 0; i--) {
    const k = core.c.draw_below(i + 1) >>> 0;
    [order[i], order[k]] = [order[k], order[i]];
  }
  return { kept: order.slice(0, rows - last), held: order.slice(rows - last) };
}
