// SPDX-License-Identifier: MIT
// The columns that the network gets of data of two inputs: these, their squares and their product. Each product is
// rounded once, so that every language has its bits; sines would differ between browsers.
import { DataError } from "./errors.mjs";
import { sub } from "./numbers.mjs";

const TABLE = {
  x1: { link: "x", title: "x₁", python: "a", of: (a) => a },
  x2: { link: "y", title: "x₂", python: "b", of: (a, b) => b },
  "x1*x1": { link: "xx", title: "x₁²", python: "a * a", of: (a) => a * a },
  "x2*x2": { link: "yy", title: "x₂²", python: "b * b", of: (a, b) => b * b },
  "x1*x2": { link: "xy", title: "x₁·x₂", python: "a * b", of: (a, b) => a * b },
};

/** The names of all features, in the order of their columns. */
export const FEATURES = Object.keys(TABLE);
/** Their names in a link. */
export const LINK_NAMES = FEATURES.map((name) => TABLE[name].link);
/** The inputs as they are. */
export const PLAIN = ["x1", "x2"];

export const titleOf = (name) => TABLE[name].title;
export const linkName = (name) => TABLE[name].link;

/** What a picture or a formula calls an input of the network. */
export function inputTitle({ features }, place) {
  return features === null ? `x${sub(place + 1)}` : titleOf(features[place]);
}

/** The rows of these features of rows of two inputs. DataError: a product is beyond the numbers. */
export function featureRows(rows, features) {
  return rows.map(([a, b], i) =>
    features.map((name) => {
      const value = TABLE[name].of(a, b);
      if (!Number.isFinite(value)) {
        throw new DataError(`row ${i} of x has ${value} for ${name}, expected a finite number`);
      }
      return value;
    }),
  );
}

/** The features of points that follow each other as pairs: likewise one point after the other. */
export function featuresOfPoints(points, features) {
  const each = features.map((name) => TABLE[name].of);
  const values = new Float64Array((points.length / 2) * each.length);
  for (let from = 0, to = 0; from < points.length; from += 2) {
    for (const of of each) values[to++] = of(points[from], points[from + 1]);
  }
  return values;
}

/** The line of Python that makes the columns of x. */
export function pythonLine(features) {
  const columns = features.map((name) => TABLE[name].python).join(", ");
  return `x = [[${columns}] for a, b in x]  # the inputs of the network, in its files too: ${features.join(", ")}\n`;
}
