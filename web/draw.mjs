// SPDX-License-Identifier: MIT
// The pictures: decision boundary, fitted line and curves of losses, in the colours of page.css.
import { short } from "./numbers.mjs";

const CLASSES = ["#d9701a", "#1f6fc4", "#2a9d6f", "#b34fb3", "#9a7d0a", "#5f6caf", "#c0392b", "#4a8c99"];
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]]; // so that curves differ without their colours

export const TEST_DASH = [5, 4];

const POINTS_MOST = 3000; // that are drawn; of more, every second, third ... one

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const rgb = (hex) => {
  const long = hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex;
  return [1, 3, 5].map((at) => parseInt(long.slice(at, at + 2), 16));
};
export const mix = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);

/** The colour and the dashes of the n-th curve beside the first. */
export function lineStyle(n) {
  return { colour: CLASSES[n % CLASSES.length], dash: DASHES[Math.floor(n / CLASSES.length) % DASHES.length] };
}

/** A canvas's context, with a size in CSS pixels that fits the screen's. */
export function prepared(canvas) {
  const scale = Math.min(2, window.devicePixelRatio || 1);
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = '11px system-ui, "DejaVu Sans", sans-serif';
  return { context, width, height };
}

/** The least and greatest of numbers, a tenth wider on both sides. */
export function range(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(low <= high)) return [0, 1];
  const edge = (high - low || 1) / 10;
  return [low - edge, high + edge];
}

const windows = new WeakMap();

/** What the plane of two inputs shows of rows x: {left, right, bottom, top}. */
export function windowOf(x) {
  if (!windows.has(x)) {
    const [left, right] = range(x.map((row) => row[0]));
    const [bottom, top] = range(x.map((row) => row[1]));
    windows.set(x, { left, right, bottom, top });
  }
  return windows.get(x);
}

const targets = new WeakMap();

function targetsOf(y) {
  if (!targets.has(y)) targets.set(y, range(y.flat()));
  return targets.get(y);
}

const classOf = (row) => (row.length === 1 ? row[0] : row.indexOf(Math.max(...row)));

/** Draws the outputs over the plane, the rows and, where it is given, the place of new points. `cells`: for each
 * direction. */
export function drawPlane(canvas, training, rows, cells, cursor = null) {
  const { context, width, height } = prepared(canvas);
  const view = windowOf(rows.x);
  const [low, high] = targetsOf(rows.y);
  const share = (value) => Math.min(1, Math.max(0, ((value - low) / (high - low)) * 1.2 - 0.1));
  if (training) {
    const inputs = new Float64Array(cells * cells * 2);
    for (let j = 0, at = 0; j < cells; j++) {
      for (let i = 0; i < cells; i++) {
        inputs[at++] = view.left + ((i + 0.5) / cells) * (view.right - view.left);
        inputs[at++] = view.top - ((j + 0.5) / cells) * (view.top - view.bottom);
      }
    }
    context.imageSmoothingEnabled = true;
    context.drawImage(shaded(training, training.predict(training.inputsAt(inputs)), cells, share), 0, 0, width, height);
  }
  const [ink, paper] = [colour("--ink"), colour("--card")];
  const colours = [colour("--low"), colour("--high")];
  const size = width < 150 ? 1.5 : rows.x.length > 500 ? 2 : 4;
  context.lineWidth = 1;
  const stride = Math.ceil(rows.x.length / POINTS_MOST);
  rows.x.forEach(([x0, x1], i) => {
    if (i % stride) return;
    const x = ((x0 - view.left) / (view.right - view.left)) * width;
    const y = ((view.top - x1) / (view.top - view.bottom)) * height;
    const one = rows.y[i].length === 1;
    const label = one ? Number(share(rows.y[i][0]) >= 0.5) : classOf(rows.y[i]);
    const shade = one ? colours[label] : CLASSES[label % CLASSES.length];
    const hollow = training?.held.has(i);
    context.fillStyle = hollow ? paper : shade;
    context.strokeStyle = hollow ? shade : paper;
    context.lineWidth = hollow ? 2 : 1;
    context.beginPath();
    if (label % 2) context.rect(x - size + 0.5, y - size + 0.5, 2 * size - 1, 2 * size - 1);
    else context.arc(x, y, size, 0, 7);
    context.fill();
    if (size > 2 || hollow) context.stroke();
  });
  if (cursor) {
    const [x, y] = [cursor[0] * width, cursor[1] * height];
    context.strokeStyle = ink;
    context.lineWidth = 2;
    context.strokeRect(x - 6, y - 6, 12, 12);
    context.strokeRect(x - 0.5, y - 0.5, 1, 1);
  }
}

/** A small canvas with the outputs of all cells as colours. */
function shaded(training, outputs, cells, share) {
  const image = new ImageData(cells, cells);
  const [low, high, paper] = [colour("--low"), colour("--high"), colour("--card")].map(rgb);
  const width = training.outputs;
  const classes = CLASSES.map(rgb);
  for (let cell = 0; cell < cells * cells; cell++) {
    let shade;
    if (width === 1) {
      const value = share(outputs[cell]);
      const depth = 0.75 * Math.abs(2 * value - 1);
      shade = mix(paper, value < 0.5 ? low : high, Number.isNaN(depth) ? 0 : depth);
    } else {
      const each = outputs.subarray(cell * width, (cell + 1) * width);
      const most = classOf(each);
      shade = mix(paper, classes[most % CLASSES.length], 0.6 * Math.min(1, Math.max(0, each[most])));
    }
    image.data.set([...shade, 255], 4 * cell);
  }
  const small = document.createElement("canvas");
  small.width = small.height = cells;
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

/** Draws the outputs over the line of one input, and the rows. */
export function drawLine(canvas, training, rows) {
  const { context, width, height } = prepared(canvas);
  const [left, right] = range(rows.x.map((row) => row[0]));
  const steps = 200;
  const inputs = Float64Array.from({ length: steps + 1 }, (_, i) => left + (i / steps) * (right - left));
  const outputs = training ? training.predict(inputs) : [];
  const [bottom, top] = range([...rows.y.flat(), ...outputs].filter(Number.isFinite));
  const place = (x, y) => [((x - left) / (right - left)) * width, ((top - y) / (top - bottom)) * height];
  const targets = rows.y[0]?.length ?? 0;
  for (let column = 0; column < targets; column++) {
    context.strokeStyle = context.fillStyle = targets === 1 ? colour("--high") : CLASSES[column % CLASSES.length];
    context.lineWidth = 2;
    context.beginPath();
    if (training) inputs.forEach((x, i) => context.lineTo(...place(x, outputs[i * targets + column])));
    context.stroke();
    rows.x.forEach(([x], i) => {
      const [at, level] = place(x, rows.y[i][column]);
      if (training?.held.has(i)) context.strokeRect(at - 2.5, level - 2.5, 5, 5);
      else context.fillRect(at - 2, level - 2, 4, 4);
    });
  }
}

const DECADES = { place: Math.log10, back: (value) => 10 ** value };
const PLAIN = { place: (value) => value, back: (value) => value };

function ticks(low, high, logarithmic) {
  if (logarithmic) {
    if (high - low < 2) {
      const from = Math.floor(low);
      const steps = [0, 1, 2].flatMap((decade) => [1, 2, 5].map((factor) => from + decade + Math.log10(factor)));
      return steps.filter((place) => place >= low && place <= high);
    }
    const step = Math.max(1, Math.ceil((high - low) / 6));
    const first = Math.ceil(low / step) * step;
    return Array.from({ length: Math.max(0, Math.floor((high - first) / step) + 1) }, (_, i) => first + i * step);
  }
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, i) => (first + i) * step);
}

/** Draws curves {points, colour, dash, wide}: the losses over the epochs. */
export function drawCurves(canvas, curves, logarithmic) {
  const { context, width, height } = prepared(canvas);
  const [left, bottom, top] = [46, 22, 8];
  const kind = logarithmic ? DECADES : PLAIN;
  const usable = (loss) => Number.isFinite(kind.place(loss));
  const losses = curves
    .flatMap(({ points }) => points.map(([, loss]) => loss))
    .filter(usable)
    .map(kind.place);
  const epochs = Math.max(1, ...curves.map(({ points }) => points[points.length - 1]?.[0] ?? 0));
  let [low, high] = losses.length ? range(losses) : [kind.place(0.01), kind.place(1)];
  if (!logarithmic) low = Math.max(0, low);
  if (logarithmic && high - low < 1) [low, high] = [(low + high) / 2 - 0.6, (low + high) / 2 + 0.6];
  const across = (epoch) => left + (epoch / epochs) * (width - left - 12);
  const up = (place) => top + ((high - place) / (high - low)) * (height - bottom - top);
  context.lineWidth = 1;
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--faint");
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks(low, high, logarithmic)) {
    context.beginPath();
    context.moveTo(left, up(tick));
    context.lineTo(width, up(tick));
    context.stroke();
    context.fillText(short(kind.back(tick), 2), left - 6, up(tick));
  }
  context.textAlign = "center";
  for (const tick of ticks(0, epochs, false).filter(Number.isInteger)) {
    context.fillText(tick.toLocaleString("en"), Math.min(across(tick), width - 14), height - 8);
  }
  for (const { points, colour: stroke, dash, wide } of curves) {
    context.strokeStyle = stroke ?? colour("--accent");
    context.lineWidth = wide ? 2.5 : 1.2;
    context.setLineDash(dash ?? []);
    context.beginPath();
    for (const [epoch, loss] of points) {
      if (usable(loss)) context.lineTo(across(epoch), up(kind.place(loss)));
    }
    context.stroke();
  }
  context.setLineDash([]);
}
