// SPDX-License-Identifier: MIT
// The network as a picture: a small canvas for each node, and between them lines for the weights.
import { colour, mix, prepared, range, rgb, windowOf } from "./draw.mjs";
import { parameterCount } from "./experiment.mjs";
import { inputTitle } from "./features.mjs";
import { short } from "./numbers.mjs";

const NODES_MOST = 24; // of a layer
const LAYERS_MOST = 10;
const PARAMETERS_MOST = 1000;
const [PITCH, EDGE] = [54, 6]; // from node to node, in CSS pixels
const HEIGHT = 560; // to which the nodes of a layer shrink
const SHADES = 64; // from paper to a full colour
const SPANS = { sigmoid: [0, 1], softmax: [0, 1], tanh: [-1, 1], softsign: [-1, 1] };
const NEAR = 9; // pixels from a line that still mean it

/** Whether the picture has room for such a network. */
export const fits = ({ sizes, bias }) =>
  Math.max(...sizes) <= NODES_MOST && sizes.length <= LAYERS_MOST && parameterCount(sizes, bias) <= PARAMETERS_MOST;

/** What a place among the parameters is: {layer, from, to, name}, counted from 0; `from` of a bias is -1. */
export function parametersOf(experiment) {
  const { sizes, bias } = experiment;
  return sizes.slice(1).flatMap((wide, layer) => {
    const list = [];
    for (let from = 0; from < sizes[layer]; from++) {
      for (let to = 0; to < wide; to++) {
        const source = layer === 0 ? inputTitle(experiment, from) : `node ${from + 1}`;
        list.push({ layer, from, to, name: `layer ${layer + 1}: ${source} → node ${to + 1}` });
      }
    }
    for (let to = 0; bias && to < wide; to++) {
      list.push({ layer, from: -1, to, name: `layer ${layer + 1}: bias of node ${to + 1}` });
    }
    return list;
  });
}

/** Where the nodes' middles are in a picture of this width: {size, height, nodes}, of each layer a list of [x, y]. */
function placesOf(sizes, width) {
  const most = Math.max(...sizes);
  const pitch = Math.min(PITCH, HEIGHT / most);
  const size = Math.floor(Math.min(0.85 * pitch, (0.6 * width) / sizes.length));
  const height = most * pitch + 2 * EDGE;
  const across = (layer) => EDGE + size / 2 + (layer * (width - size - 2 * EDGE)) / (sizes.length - 1);
  const down = (count, i) => height / 2 + (i - (count - 1) / 2) * Math.min((height - 2 * EDGE) / count, 2 * size);
  const nodes = sizes.map((count, layer) => Array.from({ length: count }, (_, i) => [across(layer), down(count, i)]));
  return { size, height, nodes };
}

/** Fills the box with a canvas for the lines and one for each node, the inputs first. */
export function makeNodes(box, sizes) {
  const lines = document.createElement("canvas");
  lines.setAttribute("aria-hidden", "true"); // the list of parameters says what they show
  const nodes = sizes.flatMap((count, layer) =>
    Array.from({ length: count }, (_, i) => {
      const node = document.createElement("canvas");
      node.setAttribute("role", "img");
      Object.assign(node.dataset, { layer, node: i });
      return node;
    }),
  );
  box.replaceChildren(lines, ...nodes);
}

/** Draws the network into its box. `selected`: the parameter that stands out; `cells`: of a node's picture, for each
 * direction; `named`: whether the nodes' words are made anew. */
export function drawNetwork(box, training, rows, { selected, cells, named }) {
  const { sizes, activation, features } = training.experiment;
  const places = placesOf(sizes, box.clientWidth);
  const [lines, ...canvases] = box.children;
  box.style.height = `${places.height}px`;
  drawLines(lines, training, places, selected);
  const pictured = training.axes <= 2;
  const inputs = pictured ? training.inputsAt(gridOf(training, rows, cells)) : null;
  const outputs = pictured ? training.nodeOutputs(inputs) : null;
  const shades = shadesOf();
  let at = 0;
  sizes.forEach((count, layer) => {
    for (let i = 0; i < count; i++, at++) {
      const canvas = canvases[at];
      const [x, y] = places.nodes[layer][i];
      const [left, top] = [x - places.size / 2, y - places.size / 2].map((edge) => `${Math.round(edge)}px`);
      Object.assign(canvas.style, { left, top, width: `${places.size}px`, height: `${places.size}px` });
      let values = null;
      if (pictured && layer === 0) values = every(inputs, i, count);
      else if (pictured) values = every(outputs, at - sizes[0], training.nodes);
      if (named) {
        const kind = `Layer ${layer}, node ${i + 1}, ${activation[layer - 1]}`;
        name(canvas, layer === 0 ? `Input ${features?.[i] ?? `x${i + 1}`}` : kind, values);
      }
      const span = spanOf(values, activation[layer - 1]);
      if (training.axes === 1) drawCurve(canvas, values, span);
      else paint(canvas, values, span, cells, shades);
    }
  });
}

/** Those of the values that stand at `first` and every `stride` after it. */
function every(values, first, stride) {
  const taken = new Float64Array(values.length / stride);
  for (let i = 0; i < taken.length; i++) taken[i] = values[first + i * stride];
  return taken;
}

function name(canvas, kind, values) {
  const [low, high] = values ? extremes(values).map((value) => short(value, 3)) : [];
  canvas.title = values ? `${kind}: ${low} to ${high}` : kind;
  canvas.setAttribute("aria-label", canvas.title);
}

/** The places that a node's picture shows: a square of them for two inputs, a line for one. */
function gridOf({ axes }, rows, cells) {
  if (axes === 1) {
    const [left, right] = range(rows.x.map((row) => row[0]));
    const steps = 2 * cells;
    return Float64Array.from({ length: steps }, (_, i) => left + (i / (steps - 1)) * (right - left));
  }
  const view = windowOf(rows.x);
  const grid = new Float64Array(2 * cells * cells);
  for (let j = 0, at = 0; j < cells; j++) {
    for (let i = 0; i < cells; i++) {
      grid[at++] = view.left + ((i + 0.5) / cells) * (view.right - view.left);
      grid[at++] = view.top - ((j + 0.5) / cells) * (view.top - view.bottom);
    }
  }
  return grid;
}

const extremes = (values) => values.reduce(([low, high], each) => [Math.min(low, each), Math.max(high, each)], [1 / 0, -1 / 0]);

/** The values that have the full colours: those of the activation; without limits, the same on both sides of 0. */
function spanOf(values, activation) {
  if (!values || activation in SPANS) return SPANS[activation];
  const [low, high] = extremes(values);
  if (activation === undefined) return [low, high];
  const most = Math.max(-low, high) || 1;
  return [-most, most];
}

/** The colours of a node's picture as bytes, from low over paper to high. */
function shadesOf() {
  const [low, high, paper] = [colour("--low"), colour("--high"), colour("--card")].map(rgb);
  return Array.from({ length: 2 * SHADES + 1 }, (_, i) =>
    mix(paper, i < SHADES ? low : high, 0.85 * Math.abs(i / SHADES - 1)),
  );
}

function paint(canvas, values, [low, high] = [], cells, shades) {
  if (canvas.width !== cells) canvas.width = canvas.height = cells;
  if (!values) return;
  const image = new ImageData(cells, cells);
  values.forEach((value, cell) => {
    const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
    const shade = shades[Math.round(2 * SHADES * share)] ?? shades[SHADES]; // the middle for what is no number
    for (let part = 0; part < 3; part++) image.data[4 * cell + part] = shade[part];
    image.data[4 * cell + 3] = 255;
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function drawCurve(canvas, values, [low, high]) {
  const { context, width, height } = prepared(canvas);
  context.strokeStyle = colour("--high");
  context.lineWidth = 2;
  context.beginPath();
  values.forEach((value, i) => {
    const level = (value - low) / (high - low);
    if (Number.isFinite(level)) context.lineTo((i / (values.length - 1)) * width, height - 4 - level * (height - 8));
  });
  context.stroke();
}

function endsOf({ layer, from, to }, { size, nodes }) {
  const [x0, y0] = nodes[layer][from];
  const [x1, y1] = nodes[layer + 1][to];
  return [x0 + size / 2, y0, x1 - size / 2, y1];
}

/** A line for each weight: as wide as it is large, in the colour of its sign. */
function drawLines(canvas, training, places, selected) {
  const { context } = prepared(canvas);
  const values = training.values();
  const colours = [colour("--low"), colour("--high")];
  const widest = places.size / 8;
  const draw = (line, width, stroke) => {
    const [x0, y0, x1, y1] = endsOf(line, places);
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
  };
  parametersOf(training.experiment).forEach((line, index) => {
    const size = Math.abs(values[index]);
    const width = 0.4 + widest * (size < Infinity ? size / (size + 2) : 1);
    if (line.from < 0) {
      if (index === selected) frame(context, places, line);
      return;
    }
    if (index === selected) draw(line, width + 5, colour("--ink"));
    draw(line, width, colours[Number(values[index] > 0)]);
  });
}

/** A frame around the node whose bias is selected. */
function frame(context, { size, nodes }, { layer, to }) {
  const [x, y] = nodes[layer + 1][to];
  context.strokeStyle = colour("--ink");
  context.lineWidth = 2;
  context.strokeRect(x - size / 2 - 3, y - size / 2 - 3, size + 6, size + 6);
}

/** The parameter whose line is nearest to a place in the picture, or -1. */
export function lineAt(box, experiment, x, y) {
  const places = placesOf(experiment.sizes, box.clientWidth);
  let [found, least] = [-1, NEAR];
  parametersOf(experiment).forEach((line, index) => {
    if (line.from < 0) return;
    const [x0, y0, x1, y1] = endsOf(line, places);
    const [across, down] = [x1 - x0, y1 - y0];
    const share = Math.min(1, Math.max(0, ((x - x0) * across + (y - y0) * down) / (across ** 2 + down ** 2)));
    const distance = Math.hypot(x - x0 - share * across, y - y0 - share * down);
    if (distance < least) [found, least] = [index, distance];
  });
  return found;
}
